//! A job's own run in flight: it takes long, hangs, was cut short, or hangs while its message is delivered.

use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::lateness::{lateness, slots_since};
use crate::audit::worker::{ActiveRun, Cut, DOWN_AFTER, LATE_IN_A_BATCH, Phase, RunLength, Usual};
use crate::catalog::Severity;
use crate::model::{Fire, JobIndex, State};
use crate::numbers::seconds;
use crate::time::{HOUR, Instant, Millis};

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

/// Runs that were critical while they went on and failed: they were out of all proportion, and others waited for hours. One that
/// worked was worth the time.
pub fn ended(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let (job, mut findings) = (subject.job, Vec::new());
    for (index, fire) in job.fires.iter().enumerate().rev() {
        let Some(severity) = fleet.context.settings.severity_after(fire.end) else { break };
        let start = match fire.known_start() {
            _ if !fire.is_bad() => continue,
            Some(start) => start,
            None if may_have_timed_out(subject, fire) => fire.end.plus(-subject.longest_run()),
            None => continue,
        };
        let took = fire.end.since(start);
        if took < WAITS_LONG {
            continue;
        }
        let usual = Usual::before(job, index);
        if usual.is_far_exceeded_by(took) && waited_for(fleet, Some(subject.index), start, fire.end) >= MANY_WAIT {
            let longest_seconds = usual.longest.map(|(longest, _)| seconds(longest));
            let evidence = Evidence::EndedRun { took_seconds: seconds(took), longest_seconds };
            findings.push(Finding::new(subject.index, severity, evidence).since(start).resolved(fire.end));
        }
    }
    findings
}

/// Whether the scheduler may have ended a run at its own limit: nothing else ended for so long before.
fn may_have_timed_out(subject: &Subject<'_>, fire: &Fire) -> bool {
    fire.earliest_start().is_some_and(|start| fire.end.since(start) >= subject.longest_run())
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
    let now = fleet.context.settings.now;
    let is_out_of_proportion =
        run.usual.is_far_exceeded_by(run.elapsed) && waited_for(fleet, run.job, run.start, now) >= MANY_WAIT;
    let severity = if is_out_of_proportion { Severity::Critical } else { Severity::Warning };
    let evidence = Evidence::LongRun {
        in_flight_seconds: seconds(run.elapsed),
        usual_seconds: seconds(run.usual.limit),
        longest_seconds: run.usual.longest.map(|(longest, _)| seconds(longest)),
    };
    Finding::new(subject.index, severity, evidence).since(run.start)
}

/// How many other jobs waited for hours for a run that went on between two instants, where one goes on at a time.
fn waited_for(fleet: &Fleet<'_>, own: Option<JobIndex>, start: Instant, until: Instant) -> usize {
    let context = fleet.context;
    if context.snapshot.traits.max_concurrent > 1 {
        return 0;
    }
    let others = context.subjects.iter().filter(|other| Some(other.index) != own && other.job.state == State::Watched);
    others.filter(|other| has_waited(fleet, other, start, until)).count()
}

/// Whether a job that came due after `start` waited for hours until `until`.
fn has_waited(fleet: &Fleet<'_>, subject: &Subject<'_>, start: Instant, until: Instant) -> bool {
    for stretch in fleet.ledger(subject.index).stretches.iter().rev() {
        let waited_until = stretch.until.unwrap_or(until).min(until);
        let since = fleet.context.after_quiet(subject, stretch.since);
        if stretch.waits() && stretch.since >= start.plus(-LATE_IN_A_BATCH) && waited_until.since(since) >= WAITS_LONG {
            return true;
        }
        if stretch.since < start.plus(-LATE_IN_A_BATCH) {
            break;
        }
    }
    false
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
