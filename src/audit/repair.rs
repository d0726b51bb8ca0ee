//! Rows that somebody revived, resumed, or edited after the job's last run, and that have not fired since.
//!
//! What the job did before says nothing about it any more, and the scheduler has not had its chance yet: its timer may sleep.
//! One finding stands for everything that was wrong, in the same incident, until the job fires or should have.

use super::finding::Finding;
use super::gap::scheduled_ahead;
use super::past_due::{PastDueEvidence, UPDATE_FOLLOWS};
use super::worker::{MIN_FREE, rewritten_at};
use super::zero_tokens::failing_since;
use super::{Context, Subject};
use crate::catalog::{Problem, Severity};
use crate::model::{Job, State};
use crate::time::Instant;

/// A change of a row that the job has not fired since.
#[derive(Debug, Clone, Copy)]
pub struct Repair {
    /// When it was made.
    pub at: Instant,
    /// When the scheduler has looked at the row at the latest, and the job is due.
    pub looks_by: Instant,
}

/// The change of a job's row since its last run, if there is one that restarts it.
pub fn of(context: &Context<'_>, job: &Job) -> Option<Repair> {
    let row = job.row.as_ref().filter(|_| job.state == State::Watched && job.errors() == 0)?;
    if scheduled_ahead(context, job).is_some() {
        return None;
    }
    let last = job.last_end().or(job.created_at)?;
    let paused = |at: Instant| job.switches.iter().any(|switch| !switch.resumes && switch.at >= at);
    let edited = row.updated_at.filter(|at| at.since(last) > UPDATE_FOLLOWS && !paused(*at));
    let at = edited.or_else(|| reset_after(context, job, last)).filter(|at| *at <= context.settings.now)?;
    let awake = context.worker.life.restarted_after(at);
    let looks = at.plus(context.snapshot.traits.timer_sleeps).min(awake.unwrap_or(Instant::MAX));
    Some(Repair { at, looks_by: looks.max(row.next_run_at.instant()?) })
}

/// When somebody reset the errors of a run that failed, and the next run with them, but left updated_at alone. Only where each
/// next run that the scheduler sets is a slot or the time of a restart can one that is neither be told.
fn reset_after(context: &Context<'_>, job: &Job, last: Instant) -> Option<Instant> {
    let shows = context.snapshot.traits.rewrites_rows_on_restart() && job.last_run().is_some_and(|run| run.failed);
    if !shows {
        return None;
    }
    rewritten_at(job).filter(|at| *at > last)
}

/// The findings of a job, of which one stands for all from before a repair.
pub fn awaited(context: &Context<'_>, subject: &Subject<'_>, found: Vec<Finding>) -> Vec<Finding> {
    let Some(repair) = of(context, subject.job) else { return found };
    // What the job missed after the scheduler has looked has nothing to do with the repair.
    let looked = repair.at.plus(context.snapshot.traits.timer_sleeps);
    let is_past = |finding: &Finding| {
        let began = finding.since.is_none_or(|since| since < looked);
        finding.is_ongoing() && is_about_the_past(finding.problem()) && began
    };
    let (past, mut others): (Vec<Finding>, Vec<Finding>) = found.into_iter().partition(is_past);
    if let Some(worst) = past.iter().map(|finding| finding.severity).max() {
        let evidence = PastDueEvidence::Repaired {
            repaired_at: repair.at,
            looks_by: repair.looks_by,
            revived: failing_since(subject.job).is_some(),
        };
        let finding = Finding::new(worst.min(at_most(context, subject, repair)), evidence);
        let since = past.iter().filter_map(|finding| finding.since).min();
        others.insert(0, finding.since(since).missing(past.iter().filter_map(|finding| finding.missed_slots).max()));
    }
    others
}

/// How bad it can be that the job has not fired since the repair.
fn at_most(context: &Context<'_>, subject: &Subject<'_>, repair: Repair) -> Severity {
    let free = context.worker.free_for(repair.looks_by, context.settings.now);
    match free {
        _ if context.worker.run_of(subject.index).is_some() => Severity::Info,
        free if free <= MIN_FREE => Severity::Info,
        free if free <= subject.settings.thresholds.late_after => Severity::Warning,
        _ => Severity::Critical,
    }
}

fn is_about_the_past(problem: Problem) -> bool {
    matches!(
        problem,
        Problem::Overdue
            | Problem::JobSilent
            | Problem::Waiting
            | Problem::ZeroTokenStreak
            | Problem::ProviderFailing
            | Problem::SharedError
            | Problem::JobFailing
            | Problem::FailedRun
    )
}
