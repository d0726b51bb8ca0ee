//! past-due: a job that is due and does not run, or never will again.
//!
//! The scheduler picks rows with `enabled = 1 AND status = 'active' AND next_run_at <= now`, one at a time. So a job is late
//! by its `next_run_at`, unless a run keeps the worker busy; and a row that no longer meets the condition is silent forever.

use super::finding::{Finding, costing, count, seconds, span_of_seconds};
use super::gap::scheduled_ahead;
use super::life::nobody_since;
use super::worker::{ActiveRun, Cut, Phase, RunLength};
use super::{Context, Subject};
use crate::catalog::{Problem, Severity};
use crate::model::{Fire, Job, Outcome, Row, Schedule, State, Timestamp, cost_of};
use crate::schedule::Cadence;
use crate::time::{DAY, Instant, MINUTE, Millis, span};
use serde::Serialize;

/// Every run that ends updates its row at once; this many later fires prove that the update fails.
const FIRES_WITHOUT_UPDATE: usize = 3;
/// A one-shot that worked so often runs again and again: one repeated by hand is not told.
const FIRES_OF_ONE_SHOT: usize = 3;
/// A row's update follows its cost event within this time, apart from the delivery of the message.
pub const UPDATE_FOLLOWS: Millis = MINUTE;
/// With this many slots before the next run, it was not the schedule that set it.
const MIN_SKIPPED: u64 = 2;

/// What a finding of this detector is based on, by its problem.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PastDueEvidence {
    /// See [`Problem::Overdue`].
    Overdue { overdue_seconds: i64, free_seconds: i64 },
    /// See [`Problem::Waiting`].
    Waiting { behind: Option<String>, overdue_seconds: i64 },
    /// See [`Problem::RunLong`].
    LongRun { in_flight_seconds: i64, usual_seconds: i64, longest_seconds: Option<i64> },
    /// See [`Problem::RunHung`].
    HungRun { behind: Option<String>, in_flight_seconds: i64 },
    /// See [`Problem::DeliveryHung`].
    HungDelivery { behind: Option<String>, delivering_seconds: i64 },
    /// See [`Problem::RunCut`].
    CutRun { restarted_at: Option<Instant>, last_write_at: Option<Instant> },
    /// See [`Problem::SchedulerDown`].
    SchedulerDown { next_run_at: Instant, last_write_at: Option<Instant> },
    /// See [`Problem::Repaired`].
    Repaired { repaired_at: Instant, looks_by: Instant, revived: bool },
    /// See [`Problem::NoNextRun`].
    NoNextRun { next_run_at: Option<String> },
    /// See [`Problem::BreakerOpen`].
    BreakerOpen { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Problem::UnreadableSchedule`].
    UnreadableSchedule { why: String },
    /// See [`Problem::UnknownState`].
    UnknownState { why: String },
    /// See [`Problem::Runaway`].
    Runaway { fires: usize, fires_seconds: i64, cost_usd: f64, why: Option<String> },
    /// See [`Problem::Quarantined`].
    Quarantined { why: String },
    /// See [`Problem::SlotsSkipped`].
    SkippedSlots { next_run_at: Instant, slots: u64 },
    /// See [`Problem::OneShotLost`].
    OneShotFailed { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Problem::OneShotLost`].
    OneShotMissed { at: Instant },
    /// See [`Problem::ExpectedMissing`].
    ExpectedMissing { expected: String, state: Option<&'static str> },
    /// See [`Problem::NothingWatched`].
    NothingWatched { rows: usize, last_activity: Instant },
}

impl PastDueEvidence {
    /// The problem that it is evidence of.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Overdue { .. } => Problem::Overdue,
            Self::Waiting { .. } => Problem::Waiting,
            Self::LongRun { .. } => Problem::RunLong,
            Self::HungRun { .. } => Problem::RunHung,
            Self::HungDelivery { .. } => Problem::DeliveryHung,
            Self::CutRun { .. } => Problem::RunCut,
            Self::SchedulerDown { .. } => Problem::SchedulerDown,
            Self::Repaired { .. } => Problem::Repaired,
            Self::NoNextRun { .. } => Problem::NoNextRun,
            Self::BreakerOpen { .. } => Problem::BreakerOpen,
            Self::UnreadableSchedule { .. } => Problem::UnreadableSchedule,
            Self::UnknownState { .. } => Problem::UnknownState,
            Self::Runaway { .. } => Problem::Runaway,
            Self::Quarantined { .. } => Problem::Quarantined,
            Self::SkippedSlots { .. } => Problem::SlotsSkipped,
            Self::OneShotFailed { .. } | Self::OneShotMissed { .. } => Problem::OneShotLost,
            Self::ExpectedMissing { .. } => Problem::ExpectedMissing,
            Self::NothingWatched { .. } => Problem::NothingWatched,
        }
    }

    /// The same in a sentence.
    pub fn message(&self, now: Instant) -> String {
        match self {
            Self::Overdue { overdue_seconds, free_seconds } => {
                let (overdue, free) = (span_of_seconds(*overdue_seconds), span_of_seconds(*free_seconds));
                if free == overdue {
                    return format!("overdue by {overdue}, with no run of another job in its way");
                }
                format!("overdue by {overdue}; for {free} of that no run of another job was in its way")
            }
            Self::Waiting { behind, overdue_seconds } => waiting(behind.as_deref(), *overdue_seconds),
            Self::LongRun { in_flight_seconds, usual_seconds, longest_seconds } => {
                let (elapsed, limit) = (span_of_seconds(*in_flight_seconds), span_of_seconds(*usual_seconds));
                let longest = longest_seconds.map_or_else(
                    || "how long its runs take is not known".to_owned(),
                    |longest| format!("its last runs took {} at most", span_of_seconds(longest)),
                );
                format!("its run has taken {elapsed} so far; {longest}, and more than {limit} is unusual")
            }
            Self::HungRun { behind, in_flight_seconds } => hung_run(behind.as_deref(), *in_flight_seconds),
            Self::HungDelivery { behind, delivering_seconds } => hung_delivery(behind.as_deref(), *delivering_seconds),
            Self::CutRun { restarted_at: Some(at), .. } => {
                format!(
                    "its run was cut short: the scheduler's process has been running since {} UTC only",
                    at.minute()
                )
            }
            Self::CutRun { last_write_at: Some(written), .. } => {
                format!("its run has not finished, and {}", nobody_since(*written, now))
            }
            Self::CutRun { .. } => "its run has not finished, and its process has given up its lease".to_owned(),
            Self::SchedulerDown { next_run_at, last_write_at } => {
                let gone = match last_write_at {
                    Some(written) => nobody_since(*written, now),
                    None => "its process has not renewed its lease".to_owned(),
                };
                format!("its run {}, is the first to be lost; {gone}", due_in_words(*next_run_at, now))
            }
            Self::Repaired { repaired_at, looks_by, revived } => {
                not_fired_since(1, *revived, (*repaired_at, *looks_by), now)
            }
            Self::NoNextRun { next_run_at: None } => "its next_run_at is empty, so it will never run again".to_owned(),
            Self::NoNextRun { next_run_at: Some(text) } => {
                format!("its next_run_at is {text:?}, which is not a time, so it will never run again")
            }
            Self::BreakerOpen { consecutive_errors, .. } => {
                let errors = count(*consecutive_errors, "error");
                format!("the scheduler stopped it after {errors} in a row: it will not run again by itself")
            }
            Self::UnreadableSchedule { why } => format!("its schedule can't be used: {why}"),
            Self::UnknownState { why } => format!("the scheduler never picks this row: {why}"),
            Self::Runaway { fires, fires_seconds, cost_usd, why } => {
                let (runs, span) = (count(*fires, "run"), span_of_seconds(*fires_seconds));
                let why = why.as_ref().map_or_else(String::new, |why| format!("; {why}"));
                format!("runs back to back: {runs} in {span} that its row never recorded{}{why}", costing(*cost_usd))
            }
            Self::Quarantined { why } => format!("the scheduler removed its row from the table: {why}"),
            Self::SkippedSlots { next_run_at, slots } => {
                format!("its next run is set to {} UTC, after {}", next_run_at.minute(), count(*slots, "slot"))
            }
            Self::OneShotMissed { at } => {
                format!("a one-shot was due at {} UTC and has no next run: its work was never done", at.minute())
            }
            Self::OneShotFailed { consecutive_errors: 0, .. } => {
                "a one-shot was skipped and switched off: its work was never done".to_owned()
            }
            Self::OneShotFailed { consecutive_errors, .. } => {
                format!("a one-shot gave up after {}: its work was never done", count(*consecutive_errors, "error"))
            }
            Self::NothingWatched { rows, last_activity } => {
                let rows = match rows {
                    0 => "there is no job".to_owned(),
                    rows => format!("none of the rows of {} is one that fires", count(*rows, "job")),
                };
                format!("{rows}, although the database was last active at {} UTC", last_activity.minute())
            }
            Self::ExpectedMissing { expected, state: None } => format!("no job matches {expected:?}"),
            Self::ExpectedMissing { expected, state: Some(state) } => {
                format!("it is {state}, and no watched job matches {expected:?}")
            }
        }
    }
}

/// That so many jobs have not fired since their rows were repaired; the first at the first of these times, and the scheduler
/// has looked at all by the second.
pub fn not_fired_since(jobs: usize, revived: bool, (at, looks_by): (Instant, Instant), now: Instant) -> String {
    let changed = if revived { "revived" } else { "edited or resumed" };
    let (begin, has, them) = match jobs {
        1 => ("it was".to_owned(), "has", "it"),
        jobs => (format!("{jobs} jobs were"), "have", "them"),
    };
    let (at, by) = (at.minute(), looks_by.minute());
    let looks = match now.since(looks_by) {
        late if late > 0 => format!("should have run {them} by {by} UTC, {} ago", span(late)),
        _ => format!("runs {them} by {by} UTC"),
    };
    format!("{begin} {changed} at {at} UTC and {has} not fired since; the scheduler {looks}")
}

/// When a run is due, to now: `at 2026-03-02 18:00 UTC, in 6h12m`.
pub fn due_in_words(next_run_at: Instant, now: Instant) -> String {
    let (next, until) = (next_run_at.minute(), next_run_at.since(now));
    if until > 0 {
        format!("at {next} UTC, in {}", span(until))
    } else {
        format!("at {next} UTC, {} ago", span(-until))
    }
}

fn waiting(behind: Option<&str>, overdue_seconds: i64) -> String {
    let overdue = span_of_seconds(overdue_seconds);
    match behind {
        Some(name) => format!("due {overdue} ago; waiting for the run of {name}"),
        None => format!("due {overdue} ago; other runs keep the scheduler busy"),
    }
}

fn hung_run(behind: Option<&str>, in_flight_seconds: i64) -> String {
    let elapsed = span_of_seconds(in_flight_seconds);
    match behind {
        Some(name) => format!("waiting for the run of {name}, which started {elapsed} ago and has not finished"),
        None => format!("its run started {elapsed} ago and has not finished: longer than any run is allowed to take"),
    }
}

fn hung_delivery(behind: Option<&str>, delivering_seconds: i64) -> String {
    let elapsed = span_of_seconds(delivering_seconds);
    match behind {
        Some(name) => {
            format!(
                "waiting for the run of {name}, which did its work {elapsed} ago but was never recorded as finished"
            )
        }
        None => format!("its run did its work {elapsed} ago but was never recorded as finished"),
    }
}

/// At most one finding: the most fundamental problem.
pub fn detect(context: &Context<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let job = subject.job;
    let Some(row) = job.row.as_ref() else { return Vec::new() };
    let found = match &job.state {
        State::FailedOnce => failed_once(context, job, row),
        State::Unknown(why) => {
            let evidence = PastDueEvidence::UnknownState { why: why.clone() };
            Some(Finding::new(Severity::Warning, evidence).since(last_sign(job)))
        }
        // Its next run is the detector gap's to judge.
        State::Watched if scheduled_ahead(context, job).is_some() => unreadable(context, job),
        State::Watched | State::Broken => runaway(job, row)
            .or_else(|| repeated(job))
            .or_else(|| unreadable(context, job))
            .or_else(|| breaker(context, job, row))
            .or_else(|| never_again(context, job, row))
            .or_else(|| late(context, subject))
            .or_else(|| down(context, subject))
            .or_else(|| skipped(context, job, row)),
        State::Quarantined(why) => {
            let evidence = PastDueEvidence::Quarantined { why: why.clone() };
            Some(Finding::new(Severity::Critical, evidence).since(last_sign(job)))
        }
        State::Completed => moved(context, job, row),
        State::Paused | State::Disabled | State::NotCreated | State::EventDriven | State::Gone => None,
    };
    found.into_iter().collect()
}

fn last_sign(job: &Job) -> Option<Instant> {
    job.last_end().or(job.created_at)
}

/// A one-shot that gave up: its only work is lost, and nobody is told.
fn failed_once(context: &Context<'_>, job: &Job, row: &Row) -> Option<Finding> {
    let run = row.last_run.as_ref()?;
    let severity = context.settings.severity_after(run.end())?;
    let evidence = PastDueEvidence::OneShotFailed {
        consecutive_errors: row.consecutive_errors,
        last_error: job.last_error().map(str::to_owned),
    };
    Some(Finding::new(severity, evidence).since(run.end()))
}

/// A one-shot that was moved to a later time after it had run, and was not run again.
fn moved(context: &Context<'_>, job: &Job, row: &Row) -> Option<Finding> {
    let at = job.schedule.at().filter(|at| *at <= context.settings.now && !job.schedule.assumes_zone())?;
    let run = row.last_run.as_ref().filter(|run| at.since(run.start) > UPDATE_FOLLOWS)?;
    let by_hand = job.manual_runs.iter().any(|asked| run.start.since(*asked).abs() <= UPDATE_FOLLOWS);
    let severity = context.settings.severity_after(at).filter(|_| !by_hand)?;
    Some(Finding::new(severity, PastDueEvidence::OneShotMissed { at }).since(at))
}

/// When a row was last updated by a run, or created.
pub fn last_update(job: &Job) -> Option<Instant> {
    job.last_run().map(|run| run.end()).or(job.created_at)
}

fn runaway(job: &Job, row: &Row) -> Option<Finding> {
    // While a run is in flight, the job does not run back to back.
    if job.running_since.is_some() {
        return None;
    }
    let updated = row.last_run.as_ref().map(|run| run.end()).or(job.created_at)?;
    let first = job.fires.partition_point(|fire| fire.end.since(updated) <= UPDATE_FOLLOWS);
    // A fire that only checked for work and found none need not be in the row.
    let worked = |fire: &&Fire| fire.outcome != Outcome::Unproven && !fire.is_idle();
    let later: Vec<&Fire> = job.fires[first..].iter().filter(worked).collect();
    let (begun, last) = (later.first()?.end, later.last()?.end);
    let evidence = PastDueEvidence::Runaway {
        fires: later.len(),
        fires_seconds: seconds(last.since(begun)),
        cost_usd: cost_of(later.iter().copied()),
        why: job.schedule.fault().map(str::to_owned),
    };
    (later.len() >= FIRES_WITHOUT_UPDATE).then(|| Finding::new(Severity::Critical, evidence).since(begun))
}

/// A one-shot that did its work again and again.
fn repeated(job: &Job) -> Option<Finding> {
    let Schedule::Once(_) = job.schedule else { return None };
    let good: Vec<&Fire> = job.fires.iter().filter(|fire| !fire.is_bad()).collect();
    let (first, last) = (good.first()?.end, good.last()?.end);
    let evidence = PastDueEvidence::Runaway {
        fires: good.len(),
        fires_seconds: seconds(last.since(first)),
        cost_usd: cost_of(good.iter().copied()),
        why: Some("a one-shot runs once".to_owned()),
    };
    (good.len() >= FIRES_OF_ONE_SHOT).then(|| Finding::new(Severity::Critical, evidence).since(first))
}

fn unreadable(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let evidence = PastDueEvidence::UnreadableSchedule { why: job.schedule.fault()?.to_owned() };
    // Its next run was computed while the schedule was fine: that is the first to be lost.
    let since = job.next_run().map_or(last_sign(job), |next| Some(next).filter(|next| *next <= context.settings.now));
    Some(Finding::new(Severity::Critical, evidence).since(since))
}

fn breaker(context: &Context<'_>, job: &Job, row: &Row) -> Option<Finding> {
    let evidence = PastDueEvidence::BreakerOpen {
        consecutive_errors: row.consecutive_errors,
        last_error: job.last_error().map(str::to_owned),
    };
    let since = last_sign(job);
    let missed = || Some(job.schedule.cadence()?.slots_between(since?, context.settings.now));
    (job.state == State::Broken).then(|| Finding::new(Severity::Critical, evidence).since(since).missing(missed()))
}

fn never_again(context: &Context<'_>, job: &Job, row: &Row) -> Option<Finding> {
    let missed = job.schedule.at().filter(|at| *at <= context.settings.now && row.next_run_at == Timestamp::Missing);
    if let Some(at) = missed {
        if job.last_end().is_some_and(|end| end >= at) {
            return None;
        }
        let severity = context.settings.severity_after(at)?;
        return Some(Finding::new(severity, PastDueEvidence::OneShotMissed { at }).since(at));
    }
    let next_run_at = match &row.next_run_at {
        Timestamp::At(_) => return None,
        Timestamp::Missing => None,
        Timestamp::Unreadable(text) => Some(text.clone()),
    };
    Some(Finding::new(Severity::Critical, PastDueEvidence::NoNextRun { next_run_at }).since(last_sign(job)))
}

/// Judges a job by its `next_run_at`, and by the run that keeps the worker busy.
fn late(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    if let Some(run) = context.worker.run_of(subject.index) {
        return own_run(context, subject, run);
    }
    let (job, now) = (subject.job, context.settings.now);
    let due = unserved(job)?;
    let late_ms = now.since(context.after_quiet(subject, due));
    // The detector gap tells of a job that waits for its turn after a silence of the whole scheduler.
    if late_ms <= 0 || context.worker.catching_up_since(due).is_some() {
        return None;
    }
    let hidden = context.snapshot.traits.hides_runs && !context.snapshot.traits.moves_before;
    let severity = lateness(context, subject, if hidden { context.after_a_run(subject, due) } else { due });
    let lost = |finding: Finding| finding.missing(slots_since(context, subject, due)).since(due);
    let is_late = late_ms > subject.settings.thresholds.late_after;
    let blocker = context.worker.blocker().map(|(_, run)| run);
    match (blocker, blocker.map(|run| (run.phase, run.length)), severity) {
        (Some(run), Some((Phase::Running, RunLength::Impossible)), _) if is_late => {
            let behind = Some(run.name.clone());
            let evidence = PastDueEvidence::HungRun { behind, in_flight_seconds: seconds(run.elapsed) };
            Some(lost(Finding::new(Severity::Critical, evidence)))
        }
        (Some(run), Some((Phase::Delivering, RunLength::Impossible)), Some(severity)) => {
            let behind = Some(run.name.clone());
            let evidence = PastDueEvidence::HungDelivery { behind, delivering_seconds: seconds(run.elapsed) };
            Some(lost(Finding::new(severity, evidence)))
        }
        (.., Some(severity)) => {
            let free_seconds = seconds(context.free_for(subject, due, now));
            let evidence = PastDueEvidence::Overdue { overdue_seconds: seconds(late_ms), free_seconds };
            Some(lost(Finding::new(severity, evidence)))
        }
        (.., None) if is_late && !hidden => {
            // Where several runs have places, none of them is the one in the way.
            let behind = blocker.filter(|_| context.snapshot.traits.max_concurrent == 1).map(|run| run.name.clone());
            let evidence = PastDueEvidence::Waiting { behind, overdue_seconds: seconds(late_ms) };
            Some(Finding::new(Severity::Info, evidence).since(due))
        }
        _ => None,
    }
}

/// The row's next run; the slot after the last run, if that began later and its end is not in the row.
fn unserved(job: &Job) -> Option<Instant> {
    let due = job.next_run()?;
    let recorded = job.last_run().map(|run| run.start);
    let later = |start: &Instant| *start >= due && recorded.is_none_or(|recorded| *start > recorded);
    let served = job.fires.last().and_then(Fire::known_start).filter(later);
    match (served, job.schedule.cadence()) {
        (Some(start), Some(cadence)) => cadence.next(start),
        _ => Some(due),
    }
}

/// The slot at `due` and those up to now; None if there is no cadence.
pub fn slots_since(context: &Context<'_>, subject: &Subject<'_>, due: Instant) -> Option<u64> {
    let cadence = subject.job.schedule.cadence()?;
    let own = u64::from(context.after_quiet(subject, due) == due);
    Some(own + context.slots_between(subject, cadence, due, context.settings.now))
}

/// A scheduler whose process is gone, told with the first job that this will cost a run.
fn down(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let (_, next_run_at) = context.first_lost.filter(|(job, _)| *job == subject.index)?;
    let since = context.worker.life.down_since()?;
    let last_write_at = Some(since).filter(|_| context.worker.life.lease_over().is_none());
    if context.after_quiet(subject, context.settings.now) != context.settings.now {
        return None;
    }
    let evidence = PastDueEvidence::SchedulerDown { next_run_at, last_write_at };
    Some(Finding::new(Severity::Warning, evidence).since(since))
}

/// A run that its process did not survive. That nobody has the database open is not enough for critical.
fn cut_run(context: &Context<'_>, subject: &Subject<'_>, run: &ActiveRun, cut: Cut) -> Finding {
    let (evidence, severity) = match cut {
        Cut::Restarted(at) => (
            PastDueEvidence::CutRun { restarted_at: Some(at), last_write_at: None },
            lateness(context, subject, at).unwrap_or(Severity::Info),
        ),
        Cut::Died(at) => (
            PastDueEvidence::CutRun { restarted_at: None, last_write_at: Some(at) },
            if run.hangs() { Severity::Critical } else { Severity::Warning },
        ),
        Cut::LeaseOver(at) => (
            PastDueEvidence::CutRun { restarted_at: None, last_write_at: None },
            lateness(context, subject, at).unwrap_or(Severity::Warning),
        ),
    };
    Finding::new(severity, evidence).since(run.start).missing(slots_since(context, subject, run.start))
}

fn own_run(context: &Context<'_>, subject: &Subject<'_>, run: &ActiveRun) -> Option<Finding> {
    let job = subject.job;
    if let Some(cut) = run.cut {
        return Some(cut_run(context, subject, run, cut));
    }
    let in_flight_seconds = seconds(run.elapsed);
    match (run.phase, run.length) {
        (_, RunLength::Usual) => None,
        (Phase::Running, RunLength::Unusual) => {
            let evidence = PastDueEvidence::LongRun {
                in_flight_seconds,
                usual_seconds: seconds(run.usual.limit),
                longest_seconds: run.usual.longest.map(|(longest, _)| seconds(longest)),
            };
            Some(Finding::new(Severity::Warning, evidence).since(run.start))
        }
        (Phase::Running, RunLength::Impossible) => {
            let evidence = PastDueEvidence::HungRun { behind: None, in_flight_seconds };
            let missed = slots_since(context, subject, run.start);
            Some(Finding::new(Severity::Critical, evidence).since(run.start).missing(missed))
        }
        (Phase::Delivering, RunLength::Unusual | RunLength::Impossible) => {
            let evidence = PastDueEvidence::HungDelivery { behind: None, delivering_seconds: in_flight_seconds };
            let next = job.schedule.cadence().and_then(|cadence| cadence.next(run.start));
            let severity = next.and_then(|next| lateness(context, subject, next)).unwrap_or(Severity::Warning);
            let missed = job.schedule.cadence().map(|cadence| cadence.slots_between(run.start, context.settings.now));
            Some(Finding::new(severity, evidence).since(run.start).missing(missed))
        }
    }
}

/// How bad it is that a job due at `due` has not run, by how long the worker was free for it.
pub fn lateness(context: &Context<'_>, subject: &Subject<'_>, due: Instant) -> Option<Severity> {
    let (now, thresholds) = (context.settings.now, &subject.settings.thresholds);
    let free = context.free_for(subject, due, now);
    let due = context.after_quiet(subject, due);
    if free <= thresholds.late_after {
        return None;
    }
    let passed = |cadence: &Cadence| cadence.advance(due, thresholds.late_cadences).is_some_and(|end| now > end);
    let lost = free > thresholds.lost_after || subject.job.schedule.cadence().is_some_and(passed);
    let excused = may_sleep(context, subject) || context.worker.may_wait_for_a_run();
    Some(if lost && !excused { Severity::Critical } else { Severity::Warning })
}

/// Whether the scheduler may not have seen the row yet: it was edited or resumed by hand, and the timer still sleeps.
fn may_sleep(context: &Context<'_>, subject: &Subject<'_>) -> bool {
    let run_end = subject.job.last_run().map(|run| run.end()).unwrap_or(Instant::MIN);
    subject.job.written().is_some_and(|written| {
        written.since(run_end) > UPDATE_FOLLOWS
            && context.settings.now.since(written) <= subject.settings.thresholds.lost_after
    })
}

/// A next run later than the next slots, by more than the assumed zone can be wrong, that no error explains.
fn skipped(context: &Context<'_>, job: &Job, row: &Row) -> Option<Finding> {
    let now = context.settings.now;
    let next = row.next_run_at.instant().filter(|_| row.consecutive_errors == 0 && !job.self_paced)?;
    let (first, slots) = match (job.schedule.cadence(), job.schedule.at()) {
        (Some(cadence), _) => (cadence.next(now)?, cadence.slots_between(now, next.plus(-1))),
        (None, at) => (at?, MIN_SKIPPED),
    };
    let evidence = PastDueEvidence::SkippedSlots { next_run_at: next, slots };
    (slots >= MIN_SKIPPED && next.since(first) > DAY).then(|| Finding::new(Severity::Warning, evidence))
}
