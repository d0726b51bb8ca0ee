//! From a [`Snapshot`] to a [`Verdict`].
//!
//! [`ledger`] writes for each job what became of its slots, with the excuses of the [`worker`]; [`fleet`] compares the ledgers of
//! all jobs; the [`judges`] are short functions over them that return findings; [`incident`] groups the findings by root cause.
//! Pure: nothing here queries, prints, or reads a clock.

mod budget;
mod by_hand;
mod context;
mod evidence;
mod failed_runs;
mod finding;
mod flapping;
mod fleet;
mod foreign_zone;
mod gone;
mod history;
mod incident;
mod judges;
mod lateness;
mod ledger;
mod left_out;
mod mute;
mod outage;
pub mod policy;
mod rate;
mod remedy;
mod repair;
mod runs;
mod sentence;
mod shared_failure;
mod streaks;
mod subjects;
#[cfg(test)]
mod tests;
mod timeline;
mod unjudged;
mod verdict;
mod witness;
mod worker;

pub use budget::{Spending, Spent};
pub use evidence::Evidence;
pub use finding::{About, AffectedJob, Finding};
pub use history::{Entry, Tally};
pub use incident::{Incident, lost_messages, without_wrappers};
pub use ledger::{Excuse, Fate, Ledger};
pub use runs::Usage;
pub use timeline::{Mark, Timeline};
pub use unjudged::Unjudged;
pub use verdict::{JobMetrics, JobReport, LocatedFinding, MutedIncident, Verdict};

use crate::catalog::Severity;
use crate::model::{Job, Snapshot};
use crate::time::{DAY, Instant};
use context::Context;
use fleet::Fleet;
use policy::Policy;
use subjects::{Subject, Subjects};
use verdict::Judgment;
use worker::{Phase, Worker};

/// Judges the jobs of a database.
pub fn audit(mut snapshot: Snapshot, policy: &Policy) -> Verdict {
    let ignored_jobs = snapshot.jobs.iter().filter(|job| policy.ignores(job)).count();
    let Judged { judgments, incidents, information, muted_jobs, spending, unjudged } = judge(&snapshot, policy);
    let jobs = std::mem::take(&mut snapshot.jobs).into_iter().zip(judgments);
    let mut verdict = Verdict {
        jobs: jobs.map(|(job, judgment)| JobReport::new(job, judgment)).collect(),
        incidents,
        muted: Vec::new(),
        muted_jobs,
        ignored_jobs,
        spending,
        unjudged,
        information,
        notes: std::mem::take(&mut snapshot.notes),
        liveness: std::mem::take(&mut snapshot.liveness),
        zone: snapshot.zone,
        mapping: snapshot.mapping.take(),
    };
    mute::mute(&mut verdict, policy);
    verdict.rate_jobs();
    verdict
}

/// What the judges and the grouping say, while the snapshot is still needed.
struct Judged {
    judgments: Vec<Judgment>,
    incidents: Vec<Incident>,
    information: Vec<Finding>,
    muted_jobs: usize,
    spending: Option<Spending>,
    unjudged: Option<Unjudged>,
}

fn judge(snapshot: &Snapshot, policy: &Policy) -> Judged {
    let subjects = Subjects::new(&snapshot.jobs, policy);
    let worker = Worker::new(snapshot, &subjects, &policy.settings);
    let context = Context { settings: &policy.settings, snapshot, subjects: &subjects, worker: &worker };
    let fleet = Fleet::new(&context);
    let mut found = context.rated(judges::of_scheduler(&fleet));
    let (mut judgments, mut muted_jobs) = (Vec::with_capacity(snapshot.jobs.len()), 0);
    for subject in subjects.iter() {
        let all = if subject.selected { context.rated(judges::judge(&fleet, subject)) } else { Vec::new() };
        let (muted, told): (Vec<Finding>, Vec<Finding>) =
            all.into_iter().partition(|finding| subject.settings.mutes(finding.problem()));
        if muted.iter().any(|finding| finding.is_ongoing() && finding.severity > Severity::Info) {
            muted_jobs += 1;
        }
        judgments.push(judgment(&fleet, subject, &told));
        found.extend(told);
    }
    let (mut incidents, findings) = incident::group(&fleet, found);
    if incidents.is_empty()
        && let Some(finding) = judges::scheduler::watches_nothing(&context)
    {
        incidents = incident::group(&fleet, context.rated(vec![finding])).0;
    }
    let mut information = Vec::new();
    for finding in findings {
        match finding.job() {
            Some(job) => judgments[job.position()].findings.push(finding),
            None => information.push(finding),
        }
    }
    let spending = judges::budget::spending_of_database(&fleet);
    let unjudged = unjudged::in_quiet_hours(&fleet);
    Judged { judgments, incidents, information, muted_jobs, spending, unjudged }
}

fn judgment(fleet: &Fleet<'_>, subject: &Subject<'_>, told: &[Finding]) -> Judgment {
    let is_watched = subject.selected && subject.job.state.is_watched();
    let ledger = fleet.ledger(subject.index);
    Judgment {
        selected: subject.selected,
        settings: subject.settings.clone(),
        findings: Vec::new(),
        spending: judges::budget::spending(fleet, subject),
        metrics: if is_watched { metrics(fleet.context, subject, told) } else { JobMetrics::default() },
        timeline: if is_watched { Timeline::new(fleet.context, subject, ledger) } else { Timeline::default() },
        ledger: if subject.selected { ledger.clone() } else { Ledger::default() },
    }
}

fn metrics(context: &Context<'_>, subject: &Subject<'_>, told: &[Finding]) -> JobMetrics {
    let (job, now) = (subject.job, context.settings.now);
    let in_flight_ms = match context.worker.run_of(subject.index) {
        Some(run) if run.phase == Phase::Running && run.cut.is_none() => run.elapsed,
        _ => 0,
    };
    let missed = told.iter().filter(|finding| finding.is_ongoing()).filter_map(|finding| finding.missed_slots).max();
    JobMetrics {
        overdue_ms: due(job).map_or(0, |due| now.since(due).max(0)),
        missed_slots: missed.unwrap_or(0),
        zero_token_streak: runs::current_streak(job),
        in_flight_ms,
        last_fire: job.last_end(),
        last_success: subject.last_good().map(|fire| fire.end),
        cadence_ms: job.schedule.cadence().and_then(|cadence| cadence.usual_interval(now)),
        last_day: Usage::since(job, now.plus(-DAY)),
        last_week: Usage::since(job, now.plus(-7 * DAY)),
    }
}

/// When a job is due by its row, or else by its schedule.
fn due(job: &Job) -> Option<Instant> {
    job.next_run().or_else(|| job.schedule.cadence()?.next(job.last_end().or(job.created_at)?))
}
