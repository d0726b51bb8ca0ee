//! A job's own run in flight: it takes long, hangs, was cut short, or hangs while its message is delivered.

use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::lateness::{lateness, slots_since};
use crate::audit::worker::{ActiveRun, Cut, DOWN_AFTER, LATE_IN_A_BATCH, Phase, RunLength};
use crate::catalog::Severity;
use crate::model::State;
use crate::numbers::seconds;
use crate::time::{HOUR, Millis};

/// So many jobs that have waited so long for a run that takes out of all proportion have stopped.
const MANY_WAIT: usize = 2;
const WAITS_LONG: Millis = 2 * HOUR;

/// What is wrong with a job's run in flight.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let context = fleet.context;
    let run = context.worker.run_of(subject.index)?;
    if let Some(cut) = run.cut {
        let is_asleep = context.awake(subject, cut.freed(), context.settings.now) == 0;
        // A machine that sleeps in quiet hours may go on with the run.
        let is_excused = is_asleep && context.quiet_until(subject).is_some() && run.is_left_by_death();
        return if is_excused { None } else { Some(cut_short(fleet, subject, run, cut)) };
    }
    if run.waits {
        return waiting(context, subject, run);
    }
    match (run.phase, run.length) {
        (_, RunLength::Usual) => None,
        (Phase::Running, RunLength::Unusual) => Some(long(fleet, subject, run)),
        (Phase::Running, RunLength::Impossible) => Some(hung(context, subject, run)),
        (Phase::Delivering, RunLength::Unusual | RunLength::Impossible) => Some(hung_delivery(context, subject, run)),
    }
}

/// A run that its process did not survive: critical once that has cost another slot.
fn cut_short(fleet: &Fleet<'_>, subject: &Subject<'_>, run: &ActiveRun, cut: Cut) -> Finding {
    let context = fleet.context;
    let (restarted_at, last_write_at, severity) = match cut {
        Cut::Restarted(at) => (Some(at), None, lateness(context, subject, at).unwrap_or(Severity::Info)),
        Cut::Died(at) => (None, Some(at), if run.hangs() { Severity::Critical } else { Severity::Warning }),
        Cut::LeaseOver(at) => (None, None, lateness(context, subject, at).unwrap_or(Severity::Warning)),
    };
    let severity = if is_costly(fleet, subject, run, cut) { Severity::Critical } else { severity };
    let evidence = Evidence::CutRun { restarted_at, last_write_at };
    let missed = slots_since(context, subject, run.start);
    Finding::new(subject.index, severity, evidence).since(run.start).missing(missed)
}

/// Whether the scheduler has been down for so long after it left a run that it is not just being restarted, and a slot has come since:
/// one of the same job, or of another one that waits for its turn.
fn is_costly(fleet: &Fleet<'_>, subject: &Subject<'_>, run: &ActiveRun, cut: Cut) -> bool {
    let context = fleet.context;
    if !run.is_left_by_death() || context.awake(subject, cut.freed(), context.settings.now) <= DOWN_AFTER {
        return false;
    }
    if slots_since(context, subject, run.start).is_some_and(|slots| slots > 1) {
        return true;
    }
    let is_behind = |other: &Subject<'_>| {
        let standing = fleet.ledger(other.index).standing();
        other.index != subject.index
            && other.job.state == State::Watched
            && standing.is_some_and(|standing| standing.slots > 0 && standing.waits())
    };
    context.snapshot.traits.max_concurrent == 1 && context.subjects.iter().any(is_behind)
}

/// A run that takes longer than usual: critical once it is out of all proportion and others have waited for it for hours.
fn long(fleet: &Fleet<'_>, subject: &Subject<'_>, run: &ActiveRun) -> Finding {
    let evidence = Evidence::LongRun {
        in_flight_seconds: seconds(run.elapsed),
        usual_seconds: seconds(run.usual.limit),
        longest_seconds: run.usual.longest.map(|(longest, _)| seconds(longest)),
    };
    let is_out_of_proportion = run.usual.is_far_exceeded_by(run.elapsed) && waits_for(fleet, run) >= MANY_WAIT;
    let severity = if is_out_of_proportion { Severity::Critical } else { Severity::Warning };
    Finding::new(subject.index, severity, evidence).since(run.start)
}

/// How many other jobs have waited for hours for a run, where one goes on at a time.
fn waits_for(fleet: &Fleet<'_>, run: &ActiveRun) -> usize {
    let context = fleet.context;
    if context.snapshot.traits.max_concurrent > 1 {
        return 0;
    }
    let mut waiting = 0;
    for other in context.subjects.iter() {
        if Some(other.index) != run.job
            && other.job.state == State::Watched
            && let Some(standing) = fleet.ledger(other.index).standing()
            && standing.since >= run.start.plus(-LATE_IN_A_BATCH)
            && context.settings.now.since(context.after_quiet(other, standing.since)) >= WAITS_LONG
        {
            waiting += 1;
        }
    }
    waiting
}

fn hung(context: &Context<'_>, subject: &Subject<'_>, run: &ActiveRun) -> Finding {
    let evidence = Evidence::HungRun { behind: None, in_flight_seconds: seconds(run.elapsed) };
    let missed = slots_since(context, subject, run.start);
    Finding::new(subject.index, Severity::Critical, evidence).since(run.start).missing(missed)
}

/// A run that waits for another one: as bad as being late, if that one hangs.
fn waiting(context: &Context<'_>, subject: &Subject<'_>, run: &ActiveRun) -> Option<Finding> {
    let severity = lateness(context, subject, run.start)?;
    let lead = context.worker.lead(run).map(|lead| context.worker.run(lead));
    let behind = lead.map(|lead| lead.name.clone());
    let missed = slots_since(context, subject, run.start);
    let (severity, evidence) = match lead {
        Some(lead) if lead.length < RunLength::Unusual => {
            (Severity::Info, Evidence::Waiting { behind, overdue_seconds: seconds(run.elapsed) })
        }
        _ => (severity, Evidence::HungRun { behind, in_flight_seconds: seconds(lead.unwrap_or(run).elapsed) }),
    };
    Some(Finding::new(subject.index, severity, evidence).since(run.start).missing(missed))
}

fn hung_delivery(context: &Context<'_>, subject: &Subject<'_>, run: &ActiveRun) -> Finding {
    let evidence = Evidence::HungDelivery { behind: None, delivering_seconds: seconds(run.elapsed) };
    let finding = Finding::new(subject.index, Severity::Warning, evidence).since(run.start);
    let Some(cadence) = subject.job.schedule.cadence() else { return finding };
    let next = cadence.next(run.start);
    let severity = next.and_then(|next| lateness(context, subject, next)).unwrap_or(Severity::Warning);
    Finding { severity, ..finding.missing(cadence.slots_between(run.start, context.settings.now)) }
}
