//! gap: a silence between two fires of a job, or since its last one.
//!
//! It is measured from the first slot missed, since only the END of an older run is known. What the scheduler does by
//! design is no gap: waiting for the one slot, a pause, the backoff after an error, nights and weekends of a schedule.

use super::slot::BACKOFF;
use super::{Context, Finding, Lasting, Severity};
use crate::cadence::Cadence;
use crate::model::{Fire, Job, Tokens};
use crate::time::{Instant, MINUTE, SECOND, span};

/// The event's time is cut to the second, and the row is written a moment after it.
const SAME_RUN: i64 = 2 * SECOND;

/// The gaps of a job: the open one, and those that closed within the window.
pub fn detect(context: &Context<'_>, job: &Job) -> Vec<Finding> {
    let Some(cadence) = job.schedule.cadence().filter(|_| job.state.is_watched()) else { return Vec::new() };
    let settings = context.settings;
    let mut findings = Vec::new();
    let mut previous: Option<Fire> = None;
    let mut last = None;
    for fire in job.fires.iter() {
        // Within one longest run nothing can be a fault, so no slot of a healthy stretch is computed.
        if let Some(before) = previous
            && fire.at.since(before.at) > settings.max_run
            && settings.now.since(fire.at) <= settings.since
        {
            findings.extend(closed(context, job, cadence, before, fire.at));
        }
        last = Some(fire);
        previous = last;
    }
    let row = job.last_run.as_ref().filter(|_| !job.moved_on);
    let ended = row.map(|run| run.end()).filter(|end| last.is_none_or(|fire| end.since(fire.at) > SAME_RUN));
    let newest = match (ended, last) {
        (Some(end), Some(fire)) => {
            let known = Fire { at: end.min(settings.now), tokens: Tokens::Unknown };
            if settings.now.since(end) <= settings.since {
                findings.extend(closed(context, job, cadence, fire, end));
            }
            Some(known)
        }
        (Some(end), None) => Some(Fire { at: end, tokens: Tokens::Unknown }),
        (None, last) => last,
    };
    findings.extend(open(context, job, cadence, newest));
    if findings.is_empty() {
        findings.extend(super::starved::find(context, job));
    }
    findings
}

/// The first slot that a job was due for after a fire, pauses and backoff taken out; None if it can't be told.
fn first_due(context: &Context<'_>, job: &Job, cadence: &Cadence, fire: Fire, until: Instant) -> Option<Start> {
    let mut from = fire.at;
    for pause in job.switches.iter().filter(|switch| !switch.resumes && switch.at >= fire.at && switch.at < until) {
        let resumed =
            job.switches.iter().find(|switch| switch.resumes && switch.at >= pause.at).map(|switch| switch.at);
        // Resumed without a trace: the row was written then, or the next fire shows it.
        let resumed =
            resumed.or(job.updated_at.filter(|at| *at > pause.at && *at < until && !job.moved_on)).unwrap_or(until);
        from = from.max(resumed.min(until));
    }
    let backs_off = matches!(cadence, Cadence::Every(_)) && (fire.tokens == Tokens::Zero || job.consecutive_errors > 0);
    let due = cadence.next(from)?;
    let due = if backs_off { due.max(from.plus(BACKOFF[BACKOFF.len() - 1])) } else { due };
    let limit = cadence.advance(from, context.settings.late_cadences)?.max(due);
    Some(Start { from, due, limit })
}

struct Start {
    /// The instant from which silence counts.
    from: Instant,
    /// The first slot missed.
    due: Instant,
    /// The silence is a gap beyond this.
    limit: Instant,
}

fn closed(context: &Context<'_>, job: &Job, cadence: &Cadence, before: Fire, until: Instant) -> Option<Finding> {
    let start = first_due(context, job, cadence, before, until)?;
    let excused = until <= start.limit
        || until.since(start.due) <= context.settings.max_run + MINUTE
        || context.slot.occupied(start.due, until);
    if excused {
        return None;
    }
    // The fire that ended the silence served the newest of the slots.
    let missed = cadence.slots_between(start.due.plus(-1), until).saturating_sub(1).max(1);
    let text = format!("silent for {}: {} missed; it has fired again", span(until.since(start.from)), slots(missed));
    let mut finding = finding(Severity::Warning, text, before.at, missed);
    finding.until = Some(until);
    finding.lasting = Lasting::Resolved;
    Some(finding)
}

fn open(context: &Context<'_>, job: &Job, cadence: &Cadence, newest: Option<Fire>) -> Option<Finding> {
    let now = context.settings.now;
    let made = job.created_at.map(|at| Fire { at, tokens: Tokens::Unknown });
    let ran = newest.is_some();
    let mut newest = newest.or(made)?;
    if let Some(edited) = restarted_clock(job, cadence, now) {
        newest.at = newest.at.max(edited);
    }
    let start = first_due(context, job, cadence, newest, now)?;
    if now <= start.limit || context.slot.waits(start.due, now) || unseen_wait(context, start.due) {
        return None;
    }
    let missed = cadence.slots_between(start.due.plus(-1), now).max(1);
    let text = if ran {
        format!("nothing since its last fire {} ago: {} missed", span(now.since(newest.at)), slots(missed))
    } else {
        format!("it has never fired, made {} ago: {} missed", span(now.since(newest.at)), slots(missed))
    };
    Some(finding(Severity::Critical, text, newest.at, missed))
}

/// A silence no longer than one run, while runs of that time can't be seen.
fn unseen_wait(context: &Context<'_>, due: Instant) -> bool {
    context.snapshot.sessions_moved_on && context.settings.now.since(due) <= context.settings.max_run
}

/// A resume or an edit computes `next_run_at` anew and writes the row: silence counts from then. A restart's rewrite is
/// told from it by its `next_run_at`, which is the boot's time and no slot.
fn restarted_clock(job: &Job, cadence: &Cadence, now: Instant) -> Option<Instant> {
    let written = job.updated_at.filter(|at| *at <= now && !job.moved_on)?;
    let next = job.next_run_at.instant()?;
    let own = match cadence {
        Cadence::Every(interval) => next.since(written.plus(*interval)).abs() <= SAME_RUN,
        Cadence::Cron(..) => cadence.next(written) == Some(next),
    };
    own.then_some(written)
}

fn finding(severity: Severity, text: String, last_fire: Instant, missed: u64) -> Finding {
    let mut finding = Finding::new("gap", "silent", severity, text).since(Some(last_fire));
    finding.missed_slots = Some(missed);
    finding.with("last_fire", last_fire.to_string())
}

fn slots(count: u64) -> String {
    if count == 1 { "1 slot".to_owned() } else { format!("{count} slots") }
}
