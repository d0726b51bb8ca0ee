//! What a job is due for now: overdue, waiting, catching up, or silent, by the last stretch of its ledger.

use crate::audit::by_hand::{Silence, silences};
use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::foreign_zone::MOST_OF_ZONES;
use crate::audit::lateness::lateness;
use crate::audit::ledger::{Excuse, Fate, Stretch};
use crate::audit::witness::is_long;
use crate::audit::worker::{Phase, RunLength};
use crate::catalog::Severity;
use crate::model::State;
use crate::numbers::seconds;
use crate::schedule::Cadence;
use crate::time::Instant;

/// What is wrong with a job that is due.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let (context, job) = (fleet.context, subject.job);
    if !job.state.is_watched() || job.state == State::Broken || context.worker.run_of(subject.index).is_some() {
        return None;
    }
    if let Some(silence) = run_by_hand(fleet, subject) {
        let lost = fleet.ledger(subject.index).standing().filter(|standing| standing.fate == Fate::Lost);
        let severity = lost.and_then(|standing| lateness(context, subject, standing.since));
        // What is done by hand is not lost.
        return silent(context, subject, &silence, severity.or(Some(Severity::Warning)));
    }
    let standing = fleet.ledger(subject.index).standing()?;
    if fleet.is_foreign(subject.index) && !is_late_anywhere(context, subject) {
        return None;
    }
    match standing.fate {
        Fate::Excused(Excuse::CatchingUp(resumed_at)) => catching_up(context, subject, standing, resumed_at),
        _ if is_row_late(subject, standing, context.settings.now) => overdue(context, subject, standing),
        _ => {
            let is_hidden = context.snapshot.traits.hides_runs;
            let due = if is_hidden { context.after_a_run(subject, standing.since) } else { standing.since };
            let silence = Silence { stretch: standing.clone(), by_hand: 0 };
            silent(context, subject, &silence, lateness(context, subject, due))
        }
    }
}

/// A silence that lasts although others have run the job since.
fn run_by_hand(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Silence> {
    let (context, ledger) = (fleet.context, fleet.ledger(subject.index));
    if subject.job.manual_runs.is_empty() || fleet.is_foreign(subject.index) {
        return None;
    }
    let silence = silences(context, subject, ledger).pop().filter(|last| last.by_hand > 0)?;
    if silence.stretch.until.is_some() {
        return None;
    }
    // What a run by hand interrupted is no standing silence: like one that is over, it may be the time before an edit.
    let interrupted = Stretch { until: Some(context.settings.now), ..silence.stretch.clone() };
    let is_real = is_long(context, subject, &interrupted) && fleet.has_witness(subject, &interrupted);
    if is_real { Some(silence) } else { None }
}

/// What a restart ended by scheduling the job anew: the job has not run since.
pub fn ended_by_boot(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let mut stretches = fleet.ledger(subject.index).stretches.iter().rev();
    let ended = stretches.find(|stretch| stretch.until.is_some())?;
    match ended.fate {
        Fate::Excused(Excuse::CatchingUp(boot))
            if !fleet.is_foreign(subject.index) && fleet.has_witness(subject, ended) =>
        {
            catching_up(fleet.context, subject, ended, boot)
        }
        _ => None,
    }
}

/// Whether a job is late by its row, and not only by the slots that the scheduler passed over.
fn is_row_late(subject: &Subject<'_>, standing: &Stretch, now: Instant) -> bool {
    match (&subject.job.state, subject.job.next_run()) {
        (State::Watched, Some(next)) => next <= now && standing.since >= next,
        _ => false,
    }
}

/// Whether no zone can explain that a job whose zone is not known has not run.
fn is_late_anywhere(context: &Context<'_>, subject: &Subject<'_>) -> bool {
    let job = subject.job;
    if job.next_run().is_some_and(|next| next <= context.settings.now) {
        return true;
    }
    let Some(last) = job.last_end().or(job.created_at) else { return false };
    let Some(cadence) = job.schedule.cadence() else { return false };
    let expected = cadence.advance(last, 2.0).map(|expected| expected.plus(MOST_OF_ZONES));
    expected.is_some_and(|expected| context.settings.now > expected)
}

fn catching_up(
    context: &Context<'_>,
    subject: &Subject<'_>,
    stretch: &Stretch,
    resumed_at: Instant,
) -> Option<Finding> {
    let severity = context.settings.severity_after(resumed_at)?;
    let evidence = Evidence::CatchingUp { resumed_at };
    Some(Finding::new(subject.index, severity, evidence).since(stretch.since).missing(stretch.slots))
}

/// Late by the row's next run: the run that keeps the worker busy may explain it.
fn overdue(context: &Context<'_>, subject: &Subject<'_>, standing: &Stretch) -> Option<Finding> {
    let now = context.settings.now;
    let due = standing.since;
    let late = now.since(context.after_quiet(subject, due));
    let is_hidden = context.snapshot.traits.hides_runs && !context.snapshot.traits.moves_before;
    let severity = lateness(context, subject, if is_hidden { context.after_a_run(subject, due) } else { due });
    let is_late = late > subject.settings.thresholds.late_after;
    // Others ran while a job that was passed over did not: it waits for no run.
    let blocker = match context.worker.blocker() {
        Some((_, run)) if !context.worker.passed_over(due) => Some(run),
        _ => None,
    };
    let (severity, evidence) = match (blocker, severity) {
        (Some(run), _) if is_late && run.phase == Phase::Running && run.length == RunLength::Impossible => {
            let behind = Some(run.name.clone());
            (Severity::Critical, Evidence::HungRun { behind, in_flight_seconds: seconds(run.elapsed) })
        }
        (Some(run), Some(severity)) if run.phase == Phase::Delivering && run.length == RunLength::Impossible => {
            let behind = Some(run.name.clone());
            (severity, Evidence::HungDelivery { behind, delivering_seconds: seconds(run.elapsed) })
        }
        (_, Some(severity)) => {
            let free_seconds = seconds(context.free_for(subject, due, now));
            (severity, Evidence::Overdue { overdue_seconds: seconds(late), free_seconds })
        }
        (_, None) if is_late && !is_hidden => {
            // Where several runs have places, none of them is the one in the way.
            let is_single = context.snapshot.traits.max_concurrent == 1;
            let behind = if is_single { blocker.map(|run| run.name.clone()) } else { None };
            let evidence = Evidence::Waiting { behind, overdue_seconds: seconds(late) };
            return Some(Finding::new(subject.index, Severity::Info, evidence).since(due));
        }
        (_, None) => return None,
    };
    let slots = subject.job.schedule.cadence().map(|_| standing.slots);
    Some(Finding::new(subject.index, severity, evidence).since(due).missing(slots))
}

/// Silent by its schedule: the scheduler passed slots over, or picks the row no more.
fn silent(
    context: &Context<'_>,
    subject: &Subject<'_>,
    silence: &Silence,
    severity: Option<Severity>,
) -> Option<Finding> {
    let (severity, cadence) = (severity?, subject.job.schedule.cadence()?);
    let last_fire = match silence.by_hand {
        0 => subject.job.last_end(),
        _ => silence.stretch.runs.start.checked_sub(1).map(|last| subject.job.fires[last].end),
    };
    let is_back = is_back_since(context, subject, cadence, last_fire.or(subject.job.created_at)?);
    let severity = if is_back || may_be_resumed(context, subject) { Severity::Warning } else { severity };
    let evidence = Evidence::Silent { last_fire, by_hand: silence.by_hand };
    Some(Finding::new(subject.index, severity, evidence).since(silence.stretch.since).missing(silence.stretch.slots))
}

/// Whether a job that has a next run ahead may have been paused until just now, without a trace.
fn may_be_resumed(context: &Context<'_>, subject: &Subject<'_>) -> bool {
    let is_ahead = subject.job.next_run().is_some_and(|next| next > context.settings.now);
    is_ahead && !context.snapshot.traits.dates_edits
}

/// Whether the scheduler was restarted since, has left out no slot of the job yet, and does not restart over and over: what
/// was lost is lost, and the job is not silent any longer than until its next slot.
fn is_back_since(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence, from: Instant) -> bool {
    let Some(boot) = context.snapshot.boots.last().copied().filter(|boot| *boot > from) else { return false };
    let left_out = cadence.next(boot).is_some_and(|slot| lateness(context, subject, slot).is_some());
    !left_out && context.worker.crash_loop().is_none()
}
