//! gap: a silence between two fires of a job, or since its last one; and fires that its cadence does not explain.
//!
//! A silence is measured from the first slot missed, since only the END of an older run is known. What the scheduler does by
//! design is not a gap: waiting for the worker, a pause, the backoff after an error, nights and weekends of a schedule.

use super::finding::{Facts, Finding};
use super::past_due::{lateness, slots_since};
use super::worker::{ROW_FOLLOWS, rewritten_at};
use super::{Context, Severity};
use crate::cadence::Cadence;
use crate::model::{Fire, Job, State};
use crate::time::{DAY, HOUR, Instant, MINUTE, Millis};

/// With fewer slots a day, a lost one means little.
const FEWEST_SLOTS: u64 = 10;
/// So many times its slots, and so many fires more, are not retries: ten errors open the circuit breaker.
const TOO_MANY_TIMES: u64 = 3;
const TOO_MANY_MORE: u64 = 20;
/// So many of the newest intervals tell whether that still goes on.
const NEWEST_INTERVALS: usize = 4;

/// The gaps of a job: the open one, and those that closed within the window; or what else is odd about its fires.
pub fn detect(context: &Context<'_>, index: usize, job: &Job) -> Vec<Finding> {
    if job.state == State::Gone {
        let facts = Facts::RowGone { fires: job.fires.len(), last_fire: job.last_end() };
        return vec![Finding::new(Severity::Info, facts).since(job.last_end())];
    }
    let Some(cadence) = job.schedule.cadence().filter(|_| job.state.is_watched()) else { return Vec::new() };
    if context.strangers.as_ref().is_some_and(|strangers| strangers.jobs.binary_search(&index).is_ok()) {
        return Vec::new();
    }
    let settings = context.settings;
    // Within one longest run nothing can be a fault, so no slot of a healthy stretch is computed.
    let explained = if context.snapshot.habits.places > 1 { settings.lost_after } else { settings.max_run };
    let long = |pair: &&[Fire]| pair[1].end.since(pair[0].end) > explained;
    let pairs = job.fires.windows(2).filter(long);
    let mut findings: Vec<Finding> =
        pairs.filter_map(|pair| closed(context, job, cadence, &pair[0], &pair[1])).collect();
    findings.extend(open(context, index, job, cadence));
    findings.extend(too_many(context, job, cadence));
    if findings.is_empty() {
        findings.extend(starved(context, job, cadence));
    }
    findings
}

struct Silence {
    /// The first slot missed.
    due: Instant,
    /// It is a gap beyond this.
    limit: Instant,
}

/// The silence after a fire, or after the making of a job, pauses and backoff taken out; None if nothing was due.
fn silence(
    context: &Context<'_>,
    job: &Job,
    cadence: &Cadence,
    last: Instant,
    bad: bool,
    until: Instant,
) -> Option<Silence> {
    let mut from = last;
    for pause in job.switches.iter().filter(|switch| !switch.resumes && switch.at >= last && switch.at < until) {
        let resumed =
            job.switches.iter().find(|switch| switch.resumes && switch.at >= pause.at).map(|switch| switch.at);
        // Resumed without a trace: the row was written then, or the next fire shows it.
        let resumed = resumed.or(job.written().filter(|at| *at > pause.at && *at < until)).unwrap_or(until);
        from = from.max(resumed.min(until));
    }
    let due = cadence.next(from)?;
    let habits = &context.snapshot.habits;
    let backs_off = bad && (matches!(cadence, Cadence::Every(_)) || !habits.retries_in_slot);
    let due = if backs_off { due.max(from.plus(context.worker.backoff(usize::MAX))) } else { due };
    let limit = cadence.advance(from, context.settings.late_cadences)?.max(due);
    Some(Silence { due, limit })
}

fn closed(context: &Context<'_>, job: &Job, cadence: &Cadence, before: &Fire, after: &Fire) -> Option<Finding> {
    let recorded = context.snapshot.habits.places > 1;
    let until = if recorded { after.known_start()? } else { after.end };
    let severity = context.settings.after(until)?;
    let silence = silence(context, job, cadence, before.end, before.is_bad(), until)?;
    // Where only ends are known, one run may explain a silence as long as the longest.
    let excused = if recorded {
        context.worker.free_for(silence.due, until) <= context.settings.lost_after
    } else {
        until.since(silence.due) <= context.settings.max_run + MINUTE || context.worker.occupied(silence.due, until)
    };
    (until > silence.limit && !excused).then(|| {
        // The fire that ended the silence served the newest of the slots.
        let lost = cadence.slots_between(silence.due, until).max(1);
        let facts = Facts::Silent { last_fire: Some(before.end) };
        Finding::new(severity, facts).since(silence.due).missing(lost).over(until)
    })
}

fn open(context: &Context<'_>, index: usize, job: &Job, cadence: &Cadence) -> Option<Finding> {
    let settings = context.settings;
    let last_fire = job.last_end();
    let from = last_fire.or(job.created_at)?;
    let from = restarted_clock(job, cadence, settings.now).map_or(from, |edited| edited.max(from));
    let bad = job.fires.last().is_some_and(Fire::is_bad) || job.errors() > 0;
    let boot = restarted_at(context, job).filter(|boot| *boot > from && *boot <= settings.now);
    let until = boot.unwrap_or(settings.now);
    let silence = silence(context, job, cadence, from, bad, until)?;
    if until <= silence.limit || context.worker.run_of(index).is_some() {
        return None;
    }
    let lost = slots_since(context, job, silence.due);
    let finding = |severity| Finding::new(severity, Facts::Silent { last_fire }).since(silence.due).missing(lost);
    match boot {
        // What is due since the boot is past-due's to judge.
        Some(boot) => {
            let free = context.worker.free_for(silence.due, boot);
            let severity = settings.after(boot).filter(|_| free > settings.late_after)?;
            Some(finding(severity).over(boot))
        }
        None => lateness(context, job, silence.due).map(finding),
    }
}

/// When a restart took up a job again: by its rewritten row, or by the record of the boot.
fn restarted_at(context: &Context<'_>, job: &Job) -> Option<Instant> {
    if context.snapshot.habits.boot_step.is_some() {
        return rewritten_at(job);
    }
    context.snapshot.boot.filter(|boot| job.next_run().is_some_and(|next| next >= *boot))
}

/// A resume or an edit computes `next_run_at` anew and writes the row: silence counts from then. A restart's rewrite is
/// told from it by its `next_run_at`, which is the boot's time and no slot.
fn restarted_clock(job: &Job, cadence: &Cadence, now: Instant) -> Option<Instant> {
    let written = job.written().filter(|at| *at <= now)?;
    let next = job.next_run()?;
    let own = match cadence {
        Cadence::Every(interval) => next.since(written.plus(*interval)).abs() <= ROW_FOLLOWS,
        Cadence::Cron(..) => cadence.next(written) == Some(next),
    };
    own.then_some(written)
}

/// Fires of the last day that neither slots nor retries nor a person explain: each is paid for.
fn too_many(context: &Context<'_>, job: &Job, cadence: &Cadence) -> Option<Finding> {
    let day = context.settings.now.plus(-DAY);
    // What was before the schedule was changed went by another one.
    let changed = job.written().filter(|at| job.last_run().is_some_and(|run| *at < run.start));
    let day = changed.map_or(day, |changed| changed.max(day));
    let fires = &job.fires[job.fires.partition_point(|fire| fire.end < day)..];
    if (fires.len() as u64) < TOO_MANY_MORE || !is_hurried(fires, cadence.usual_interval(day)?) {
        return None;
    }
    let by_hand = job.manual_runs.iter().filter(|at| **at >= day).count() as u64;
    let errors = fires.iter().filter(|fire| fire.is_bad()).count() as u64;
    let own = (fires.len() as u64).saturating_sub(by_hand + 2 * errors + job.errors());
    let slots = cadence.slots_between(day, context.settings.now) + 1;
    let facts = Facts::TooManyFires {
        fires: fires.len(),
        slots,
        cost_usd: fires.iter().map(|fire| f64::from(fire.cost_usd)).sum(),
    };
    (own >= slots.saturating_mul(TOO_MANY_TIMES) && own >= slots + TOO_MANY_MORE)
        .then(|| Finding::new(Severity::Warning, facts).since(fires.first().map(|fire| fire.end)))
}

/// Whether most of the newest fires followed each other at less than half the interval: a change of the schedule that left
/// no trace is over after some fires.
fn is_hurried(fires: &[Fire], interval: Millis) -> bool {
    let newest = &fires[fires.len().saturating_sub(NEWEST_INTERVALS + 1)..];
    let hurried = newest.windows(2).filter(|pair| 2 * pair[1].end.since(pair[0].end) < interval).count();
    2 * hurried >= NEWEST_INTERVALS
}

/// A job that loses most of its slots to other jobs' long runs. Nothing is broken, so it is one line of info.
fn starved(context: &Context<'_>, job: &Job, cadence: &Cadence) -> Option<Finding> {
    let day = context.settings.now.plus(-DAY);
    if !matches!(cadence, Cadence::Cron(..)) || job.state != State::Watched || job.switches.iter().any(|s| s.at >= day)
    {
        return None;
    }
    let fires = &job.fires[job.fires.partition_point(|fire| fire.end < day)..];
    // Who held the worker before the first of them may not be known, and the current wait is past-due's.
    let (from, to) = (fires.first()?.end, fires.last()?.end);
    // A job that fires at half its usual rate or more is not starved; to know that, no slot need be counted.
    if fires.len() as i64 * 2 * cadence.usual_interval(from)? >= to.since(from) {
        return None;
    }
    let slots = cadence.slots_between(from, to);
    let lost = slots.saturating_sub(fires.len() as u64 - 1);
    let held = |pair: &[Fire]| {
        let (before, after) = (pair[0].end, pair[1].end);
        cadence.next(before).is_none_or(|due| due >= after || context.worker.occupied(due, after))
    };
    (slots >= FEWEST_SLOTS && lost * 2 > slots && fires.windows(2).all(held))
        .then(|| Finding::new(Severity::Info, Facts::Starved { slots, lost }))
}

/// Jobs that seem to have run in another zone than the assumed one.
#[derive(Debug)]
pub struct Strangers {
    /// Their indexes, in order.
    pub jobs: Vec<usize>,
    /// Such a zone's offset from UTC.
    offset: Millis,
}

impl Strangers {
    /// Jobs without a zone of their own whose `next_run_at`, a whole minute and no restart's or backoff's doing, is none of
    /// their slots here but would be one elsewhere.
    pub fn among(jobs: &[Job], selected: &[bool]) -> Option<Strangers> {
        let mut offsets: Option<Vec<Millis>> = None;
        let mut strangers = Vec::new();
        for (index, job) in jobs.iter().enumerate().filter(|(index, _)| selected[*index]) {
            let settled = job.state == State::Watched && job.errors() == 0;
            let (Some(next), Some(cadence)) = (job.next_run(), job.schedule.cadence()) else { continue };
            let own_zone = job.schedule.timezone.is_some() || next.millis() % MINUTE != 0;
            if !settled || own_zone || cadence.has_slot_at(next) {
                continue;
            }
            let fitting = cadence.offsets_with_slot_at(next);
            if fitting.is_empty() {
                continue;
            }
            offsets = Some(offsets.map_or(fitting.clone(), |known| {
                let both: Vec<Millis> = known.iter().copied().filter(|offset| fitting.contains(offset)).collect();
                if both.is_empty() { known } else { both }
            }));
            strangers.push(index);
        }
        let offset = offsets?.into_iter().min_by_key(|offset| offset.abs())?;
        Some(Strangers { jobs: strangers, offset })
    }

    /// The one finding for all of them, under the first.
    pub fn finding(&self, context: &Context<'_>) -> Finding {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let facts = Facts::OtherZone {
            jobs: self.jobs.iter().map(|&index| context.snapshot.jobs[index].id.clone()).collect(),
            offset: format!("UTC{sign}{:02}:{:02}", self.offset.abs() / HOUR, self.offset.abs() % HOUR / MINUTE),
            zone: context.settings.zone.name().to_owned(),
        };
        let mut finding = Finding::new(Severity::Info, facts);
        finding.job = self.jobs.first().copied().unwrap_or_default();
        finding
    }
}
