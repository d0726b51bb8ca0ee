//! gap: silence between two fires of a job or since its last one; and fires that its cadence does not explain.
//!
//! A silence is measured from the first slot missed, because only the END of an older run is known. What the scheduler does
//! by design is not a gap: waiting for the worker, a pause, the backoff after an error, nights and weekends of a schedule.

use super::finding::{Finding, costing, count, span_of_seconds};
use super::frequency::{paired, starved, too_many, twin};
use super::gone;
use super::past_due::{lateness, slots_since};
use super::worker::{ROW_FOLLOWS, rewritten_at};
use super::{Context, Subject, foreign_zone, repair};
use crate::catalog::{Problem, Severity};
use crate::model::{Fire, Job, State};
use crate::schedule::Cadence;
use crate::time::{HOUR, Instant, MINUTE, Millis, span};
use serde::Serialize;

/// No two zones are further apart.
const MOST_OF_ZONES: Millis = 26 * HOUR;

/// What a finding of this detector is based on, by its problem.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum GapEvidence {
    /// See [`Problem::JobSilent`].
    Silent { last_fire: Option<Instant> },
    /// See [`Problem::CatchingUp`].
    CatchingUp { resumed_at: Instant },
    /// See [`Problem::Starved`].
    Starved { slots: u64, lost: u64 },
    /// See [`Problem::OtherZone`].
    OtherZone { jobs: Vec<String>, offset: String, zone: String },
    /// See [`Problem::OtherZone`].
    ZoneChanged { shift_seconds: i64 },
    /// See [`Problem::Runaway`].
    TooManyFires { fires: usize, slots: u64, cost_usd: f64 },
    /// See [`Problem::Runaway`].
    PairedFires { pairs: usize, slots: usize },
    /// See [`Problem::Runaway`].
    Twin { of: String },
    /// See [`Problem::ClockSetBack`].
    ClockSetBack { clock_was_at: Instant, next_run_at: Instant, slots: u64 },
    /// See [`Problem::CrashLoop`].
    Crashing { crashes: usize },
    /// See [`Problem::JobsGone`].
    RowGone { fires: usize, last_fire: Option<Instant> },
}

impl GapEvidence {
    /// The problem that it is evidence of.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Silent { .. } => Problem::JobSilent,
            Self::CatchingUp { .. } => Problem::CatchingUp,
            Self::Starved { .. } => Problem::Starved,
            Self::OtherZone { .. } | Self::ZoneChanged { .. } => Problem::OtherZone,
            Self::TooManyFires { .. } | Self::PairedFires { .. } | Self::Twin { .. } => Problem::Runaway,
            Self::ClockSetBack { .. } => Problem::ClockSetBack,
            Self::Crashing { .. } => Problem::CrashLoop,
            Self::RowGone { .. } => Problem::JobsGone,
        }
    }

    /// The same in a sentence.
    pub fn message(&self, finding: &Finding, job: &Job, now: Instant) -> String {
        match self {
            Self::Silent { last_fire } => silent(finding, *last_fire, job, now),
            Self::CatchingUp { resumed_at } => {
                let lost = lost_in_words(finding.missed_slots);
                format!(
                    "it waits for its turn: the scheduler has been catching up since {} UTC{lost}",
                    resumed_at.minute()
                )
            }
            Self::Starved { slots, lost } => {
                format!(
                    "{lost} of {} in the last day were lost to runs that were still under way",
                    count(*slots, "slot")
                )
            }
            Self::OtherZone { jobs, offset, zone } => {
                let (seem, their) = if jobs.len() == 1 { ("seems", "its") } else { ("seem", "their") };
                let jobs = count(jobs.len(), "job");
                format!(
                    "{jobs} {seem} to run in another time zone than {zone}: the next runs are slots in {offset}; \
                     {their} gaps were not judged"
                )
            }
            Self::ZoneChanged { shift_seconds } => {
                let since = finding.since.map_or_else(String::new, |since| format!(" since {} UTC", since.minute()));
                let shift = span_of_seconds(*shift_seconds);
                format!("it has run {shift} after its slots{since}, as if the scheduler's time zone had changed")
            }
            Self::TooManyFires { fires, slots, cost_usd } => {
                let (fires, slots) = (count(*fires, "fire"), count(*slots, "slot"));
                format!("{fires} in the last day for {slots}{}", costing(*cost_usd))
            }
            Self::PairedFires { pairs, slots } => {
                format!("it fired twice in {pairs} of its last {}", count(*slots, "slot"))
            }
            Self::Twin { of } => format!("the row {of} has the same name and schedule, and both fire"),
            Self::ClockSetBack { clock_was_at, next_run_at, slots } => {
                let (slots, were, next) = (count(*slots, "slot"), clock_was_at.minute(), next_run_at.minute());
                format!(
                    "it was scheduled while the clock stood at {were} UTC; {slots} come before its next run at {next} UTC"
                )
            }
            Self::Crashing { crashes } => {
                let since = finding.since.map_or_else(String::new, |since| format!(" since {} UTC", since.minute()));
                format!("the scheduler's process was killed or crashed {}{since}", count(*crashes, "time"))
            }
            Self::RowGone { fires, last_fire } => {
                let last = last_fire.map_or_else(|| "at an unknown time".to_owned(), |at| ago(now, at));
                format!("its row is gone; it fired {}, last {last}", count(*fires, "time"))
            }
        }
    }
}

fn ago(now: Instant, at: Instant) -> String {
    format!("{} ago", span(now.since(at)))
}

fn silent(finding: &Finding, last_fire: Option<Instant>, job: &Job, now: Instant) -> String {
    let lost = lost_in_words(finding.missed_slots);
    let told = match (finding.until, last_fire) {
        (Some(until), _) => match finding.since {
            Some(since) => format!("it was silent for {}", span(until.since(since))),
            None => "it was silent".to_owned(),
        },
        (None, Some(last)) => format!("nothing since its last fire {}", ago(now, last)),
        (None, None) => match job.created_at {
            Some(created) => format!("it has never fired, created {}", ago(now, created)),
            None => "it has never fired".to_owned(),
        },
    };
    told + &lost
}

fn lost_in_words(slots: Option<u64>) -> String {
    slots.map_or_else(String::new, |slots| format!(": {} lost", count(slots, "slot")))
}

/// The gaps of a job: the open one, and those that closed within the window; or what else is odd about its fires.
pub fn detect(context: &Context<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let job = subject.job;
    if job.state == State::Gone {
        return gone::detect(context, subject).into_iter().collect();
    }
    let crashing = crashing(context, subject).into_iter();
    // Between the times that a job sets itself its schedule has no slots.
    let judged = job.state.is_watched() && !job.self_paced;
    let Some(cadence) = job.schedule.cadence().filter(|_| judged) else { return crashing.collect() };
    if let Some(foreign) = context.foreign_zone.filter(|foreign| foreign.contains(subject.index)) {
        let findings = foreign.findings(context, subject, cadence).into_iter();
        return findings.chain(silent_in_any_zone(context, subject, cadence)).chain(crashing).collect();
    }
    let thresholds = &subject.settings.thresholds;
    // Within one longest run nothing can be a fault, so no slot of a healthy stretch is computed.
    let explained = if context.snapshot.traits.records_starts { thresholds.lost_after } else { thresholds.max_run };
    let long = |pair: &&[Fire]| pair[1].end.since(pair[0].end) > explained;
    // What came before the schedule was activated may have followed another one.
    let activated = job.written().filter(|_| !context.snapshot.traits.rewrites_rows_on_restart());
    let moved = foreign_zone::change_from_utc(&context.snapshot.zone, job);
    let valid_from = activated.max(context.zone_changed.filter(|_| job.schedule.timezone().is_none()));
    let after = |pair: &&[Fire]| valid_from.is_none_or(|from| from <= pair[0].end);
    let pairs = job.fires.windows(2).filter(long).filter(after);
    let closed = pairs.filter_map(|pair| closed(context, subject, cadence, &pair[0], &pair[1]));
    let mut findings: Vec<Finding> = closed.chain(moved).chain(crashing).collect();
    findings.extend(set_back(context, subject, cadence).or_else(|| open(context, subject, cadence)));
    findings.extend(
        too_many(context, job, cadence)
            .or_else(|| paired(context, job, cadence))
            .or_else(|| twin(context, subject, cadence)),
    );
    if findings.is_empty() {
        findings.extend(starved(context, job, cadence));
    }
    findings
}

/// A process that is killed or crashes again and again, told with the first job that is watched.
fn crashing(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let (crashes, first) = context.worker.crashes().filter(|_| context.first_watched == Some(subject.index))?;
    Some(Finding::new(Severity::Warning, GapEvidence::Crashing { crashes }).since(first))
}

/// The open gap of a job whose zone is not known, if the zone can't explain it, nor its next run has passed, which past-due
/// judges.
fn silent_in_any_zone(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Option<Finding> {
    subject.job.next_run().filter(|next| *next > context.settings.now)?;
    let last = subject.job.last_end().or(subject.job.created_at)?;
    let expected = cadence.advance(last, 2.0)?.plus(MOST_OF_ZONES);
    open(context, subject, cadence).filter(|_| context.settings.now > expected)
}

/// The first slot after `last`, pauses before `until` and the backoff after a bad fire taken out; None if there is none.
fn first_missed(
    context: &Context<'_>,
    job: &Job,
    cadence: &Cadence,
    last: Instant,
    bad: bool,
    until: Instant,
) -> Option<Instant> {
    let from = end_of_pauses(job, last, until);
    let due = cadence.next(from)?;
    let backs_off = bad && (matches!(cadence, Cadence::Every(_)) || !context.snapshot.traits.retries_in_slot);
    Some(if backs_off { due.max(from.plus(context.worker.backoff(usize::MAX))) } else { due })
}

/// When the last pause between `last` and `until` ended; `last` if there was none.
fn end_of_pauses(job: &Job, last: Instant, until: Instant) -> Instant {
    let mut from = last;
    for pause in job.switches.iter().filter(|switch| !switch.resumes && switch.at >= last && switch.at < until) {
        let resumed =
            job.switches.iter().find(|switch| switch.resumes && switch.at >= pause.at).map(|switch| switch.at);
        // Resumed without a trace: the row was written then, or the next fire shows it.
        let resumed = resumed.or(job.written().filter(|at| *at > pause.at && *at < until)).unwrap_or(until);
        from = from.max(resumed.min(until));
    }
    from
}

fn closed(
    context: &Context<'_>,
    subject: &Subject<'_>,
    cadence: &Cadence,
    before: &Fire,
    after: &Fire,
) -> Option<Finding> {
    let recorded = context.snapshot.traits.records_starts;
    let until = if recorded { after.known_start()? } else { after.end };
    let severity = context.settings.severity_after(until)?;
    // Runs that throw leave no event: the row knows the last of them, and counts those that came before it.
    let threw = after.has_no_event() && subject.job.errors() > 1;
    if threw && subject.job.fires.last() == Some(after) {
        return None;
    }
    let due = first_missed(context, subject.job, cadence, before.end, before.is_bad(), until)?;
    let due = context.after_quiet(subject, due);
    let thresholds = &subject.settings.thresholds;
    // Where only ends are known, one run may explain a silence as long as the longest.
    let excused = if recorded {
        context.free_for(subject, due, until) <= thresholds.lost_after
    } else {
        let quiet: Millis = context.quiet(subject, due, until).map(|(from, until)| until.since(from)).sum();
        until.since(due) - quiet <= thresholds.max_run + MINUTE || context.worker.may_be_busy(due, until)
    };
    (until > due && !excused).then(|| {
        // The fire that ended the silence served the last of the slots.
        let lost = context.slots_between(subject, cadence, due, until).max(1);
        let evidence = GapEvidence::Silent { last_fire: Some(before.end) };
        Finding::new(severity, evidence).since(due).missing(lost).resolved(until)
    })
}

fn open(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Option<Finding> {
    let (job, settings) = (subject.job, context.settings);
    let last_fire = job.last_end();
    let from = last_fire.or(job.created_at)?;
    let from = restarted_clock(context, job, cadence).map_or(from, |edited| edited.max(from));
    let from = before_standing_run(context, job, cadence).map_or(from, |standing| standing.max(from));
    let bad = job.fires.last().is_some_and(Fire::is_bad) || job.errors() > 0;
    let boot = resumed_at(context, job).filter(|boot| *boot > from && *boot <= settings.now);
    let until = boot.unwrap_or(settings.now);
    let due = first_missed(context, job, cadence, from, bad, until)?;
    // Until its row moves on, past-due judges the slot; the silence is told once more slots are lost.
    let pending = job.next_run().is_some_and(|next| next <= settings.now);
    let limit = if pending {
        let from = end_of_pauses(job, from, until);
        cadence.advance(from, subject.settings.thresholds.late_cadences)?.max(due)
    } else {
        due
    };
    if until <= limit || context.worker.run_of(subject.index).is_some() {
        return None;
    }
    let lost = slots_since(context, subject, due);
    let finding = |severity, evidence| Finding::new(severity, evidence).since(due).missing(lost);
    let resumed_at = match boot {
        // What was due so shortly before the boot was not lost.
        Some(boot) if context.free_for(subject, due, boot) <= subject.settings.thresholds.late_after => return None,
        Some(boot) => Some(boot),
        None if pending => context.worker.catching_up_since(due),
        None => context.worker.just_booted_since(due),
    };
    if let Some(resumed_at) = resumed_at {
        // What is due since then is past-due's to judge.
        return Some(finding(settings.severity_after(resumed_at)?, GapEvidence::CatchingUp { resumed_at }));
    }
    let hidden = context.snapshot.traits.hides_runs;
    let severity = lateness(context, subject, if hidden { context.after_a_run(subject, due) } else { due })?;
    let is_back = is_back_since(context, subject, cadence, from);
    let severity = if is_back { Severity::Warning } else { severity };
    Some(finding(severity, GapEvidence::Silent { last_fire }))
}

/// Whether the scheduler was restarted since, has left out no slot of the job yet, and does not restart over and over: what
/// was lost is lost, and the job is not silent any longer than until its next slot.
fn is_back_since(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence, from: Instant) -> bool {
    let boot = context.snapshot.boots.last().copied().filter(|boot| *boot > from);
    let left_out = |boot| cadence.next(boot).is_some_and(|slot| lateness(context, subject, slot).is_some());
    boot.is_some_and(|boot| !left_out(boot)) && context.worker.crash_loop().is_none()
}

/// Where the clock stood when a job was scheduled, and for when, if that was ahead of now. Of such a row nothing else is
/// known.
pub fn scheduled_ahead(context: &Context<'_>, job: &Job) -> Option<(Instant, Instant)> {
    let clock_was_at = context.snapshot.clock_was_at?;
    let row = job.row.as_ref().filter(|row| row.last_run.is_none() && row.updated_at.is_none())?;
    let next_run_at = row.next_run_at.instant().filter(|next| *next > context.settings.now)?;
    Some((clock_was_at, next_run_at))
}

/// A job that was scheduled while the clock was ahead: it does not run before the time comes again. Critical once a slot is
/// lost like an overdue one, or if the next one will be.
fn set_back(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Option<Finding> {
    let (job, now) = (subject.job, context.settings.now);
    let (clock_was_at, next_run_at) = scheduled_ahead(context, job)?;
    let from = job.last_end().or(job.created_at)?;
    let due = cadence.next(from).filter(|due| *due < next_run_at)?;
    let slots = 1 + cadence.slots_between(due, next_run_at.plus(-1));
    let severity = lateness(context, subject, due).unwrap_or(Severity::Warning);
    let missed = if due > now { 0 } else { 1 + cadence.slots_between(due, now) };
    let evidence = GapEvidence::ClockSetBack { clock_was_at, next_run_at, slots };
    Some(Finding::new(severity, evidence).since(due.min(now)).missing(missed))
}

/// When a restart scheduled a job anew, and so ended its silence. A boot that leaves the rows as they are ends none: the job
/// must fire.
fn resumed_at(context: &Context<'_>, job: &Job) -> Option<Instant> {
    let rewrites = context.snapshot.traits.rewrites_rows_on_restart() && repair::of(context, job).is_none();
    rewritten_at(job).filter(|_| rewrites)
}

/// An interval that was edited while the next run stood counts from so long before that run: it comes first. A cron job's next
/// run may be later than its slots because the scheduler passed them over.
fn before_standing_run(context: &Context<'_>, job: &Job, cadence: &Cadence) -> Option<Instant> {
    let Cadence::Every(interval) = cadence else { return None };
    let next = job.next_run().filter(|_| context.snapshot.traits.rewrites_rows_on_restart())?;
    let is_boot = next <= context.settings.now && rewritten_at(job).is_some();
    (!is_boot).then(|| next.plus(-*interval))
}

/// A resume or an edit computes `next_run_at` anew and writes the row: silence counts from then. A restart's rewrite differs
/// in its `next_run_at`, which is the time of the boot and not a slot.
fn restarted_clock(context: &Context<'_>, job: &Job, cadence: &Cadence) -> Option<Instant> {
    let written = job.written().filter(|at| *at <= context.settings.now)?;
    if !context.snapshot.traits.rewrites_rows_on_restart() {
        return Some(written);
    }
    let next = job.next_run()?;
    let own = match cadence {
        Cadence::Every(interval) => next.since(written.plus(*interval)).abs() <= ROW_FOLLOWS,
        Cadence::Cron(..) => cadence.next(written) == Some(next),
    };
    own.then_some(written)
}
