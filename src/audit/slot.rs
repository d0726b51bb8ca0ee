//! The scheduler's one slot: jobs run one after another, so a due job waits while any run is in flight.
//!
//! Only the END of an older run is known. Its start is bounded: not before the run before it ended, not before its own job
//! was due, not earlier than the longest run allows. What remains is when the slot was surely free; a job that was due
//! then and did not fire was not waiting.

use super::Settings;
use crate::model::{Fire, Job, Lull, OpenRun, Snapshot, Tokens};
use crate::time::{Instant, MINUTE, Millis, SECOND};

/// A shorter free stretch proves nothing: the batch moves from one run to the next within it.
const SHORTEST_FREE: Millis = MINUTE;
/// The scheduler's own time-out takes a moment to end a run.
pub const TIMEOUT_GRACE: Millis = MINUTE;
/// How long after an error the scheduler tries again: the first, the second, and so on; from the fifth on as after that.
pub const BACKOFF: [Millis; 5] = [30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE];
/// A run shorter than this is usual for any job.
const USUAL_FLOOR: Millis = 30 * MINUTE;
/// Beyond this many times its last duration a run is unusual.
const USUAL_FACTOR: Millis = 2;

/// When the slot was free, and who holds it now.
#[derive(Debug)]
pub struct Slot {
    free: Vec<(Instant, Instant)>,
    /// The run in flight, if there is one.
    pub run: Option<InFlight>,
    /// Whether the slot is held, or was so up to a moment ago, or that can't be seen.
    held: bool,
}

/// The run that holds the slot.
#[derive(Debug)]
pub struct InFlight {
    /// Its job's id.
    pub job_id: String,
    /// Its job's name, or what is known of a deleted job.
    pub name: String,
    /// When it began.
    pub start: Instant,
    /// How long it has been running.
    pub for_ms: Millis,
    /// How far that is from what to expect.
    pub plausible: Plausible,
}

/// How a run's length compares with what to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plausible {
    /// As ever.
    Usual,
    /// Longer than this job usually takes.
    Unusual,
    /// Longer than the scheduler allows: it hangs, or the process died in it.
    Impossible,
}

impl Slot {
    /// Works out when the slot was free.
    pub fn of(snapshot: &Snapshot, settings: &Settings) -> Slot {
        let mut free: Vec<(Instant, Instant)> =
            snapshot.lulls.iter().map(|lull| free_part(lull, snapshot, settings)).collect();
        let run = snapshot.open_runs.first().map(|run| in_flight(run, snapshot, settings));
        let mut held = run.is_some();
        if let Some(newest) = snapshot.newest_fire.or(snapshot.window_start) {
            let busy_from = match &run {
                Some(run) => run.start,
                // Sessions of that time are gone, so any plausible run may have been in flight.
                None if snapshot.sessions_moved_on => newest.max(settings.now.plus(-settings.max_run)),
                None => settings.now,
            };
            free.push((newest, busy_from));
            held |= settings.now.since(newest) <= SHORTEST_FREE || busy_from < settings.now;
        }
        free.retain(|(from, until)| until.since(*from) > SHORTEST_FREE);
        Slot { free, run, held }
    }

    /// Whether the slot may have been held all the while from `from` to `until`.
    pub fn occupied(&self, from: Instant, until: Instant) -> bool {
        let after = self.free.partition_point(|(_, end)| end.since(from) <= SHORTEST_FREE);
        self.free[after..]
            .iter()
            .take_while(|(start, _)| *start < until)
            .all(|(start, end)| (*end).min(until).since((*start).max(from)) <= SHORTEST_FREE)
    }

    /// Whether a job that has been due since `due` is only waiting for the slot.
    pub fn waits(&self, due: Instant, now: Instant) -> bool {
        self.held && self.occupied(due, now)
    }
}

/// The part of a lull in which the slot was surely free: up to the earliest start of the run that ended it.
fn free_part(lull: &Lull, snapshot: &Snapshot, settings: &Settings) -> (Instant, Instant) {
    let longest = lull.until.plus(-settings.max_run - TIMEOUT_GRACE);
    let due = lull.job.and_then(|job| earliest_due(&snapshot.jobs[job], lull.previous));
    // A run that ended before its job was due by today's schedule was due by another rule: it says nothing.
    let due = due.filter(|due| *due <= lull.until).unwrap_or(lull.from);
    (lull.from, due.max(longest).max(lull.from))
}

/// The earliest that a job may have been due after a fire.
fn earliest_due(job: &Job, previous: Option<Fire>) -> Option<Instant> {
    let previous = previous?;
    match previous.tokens {
        Tokens::Some => job.schedule.cadence()?.next(previous.at),
        Tokens::Zero | Tokens::Unknown => Some(previous.at.plus(BACKOFF[0])),
    }
}

fn in_flight(run: &OpenRun, snapshot: &Snapshot, settings: &Settings) -> InFlight {
    let job = snapshot.jobs.iter().find(|job| job.id == run.job_id);
    let for_ms = settings.now.since(run.start);
    let last = job.and_then(|job| job.last_run.as_ref()).and_then(|run| run.duration_ms).unwrap_or(0);
    let usual = last.saturating_mul(USUAL_FACTOR).max(USUAL_FLOOR);
    let plausible = match for_ms {
        long if long > settings.max_run + TIMEOUT_GRACE => Plausible::Impossible,
        long if long > usual => Plausible::Unusual,
        _ => Plausible::Usual,
    };
    let name = job.map_or_else(|| format!("the deleted job {}", run.job_id), |job| job.name.clone());
    InFlight { job_id: run.job_id.clone(), name, start: run.start, for_ms, plausible }
}
