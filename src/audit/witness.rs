//! Who can bear witness to a silence that is over.
//!
//! A row has its present schedule only, and an edit leaves no trace: what looks like a silence may be the time before it. So a
//! silence counts only if something shows that the schedule was in force before it.

use super::context::{Context, Subject};
use super::lateness::{is_lost, was_lost_while_idle, was_surely_lost};
use super::ledger::Stretch;
use super::runs::{begin, keeps_slot, slot_after};
use super::worker::LATE_IN_A_BATCH;
use crate::model::{Fire, UNKNOWN_PLACES};
use crate::schedule::Cadence;
use crate::time::{HOUR, Instant, MINUTE, Millis};
use crate::zone::clocks_went_back;

/// The first run of all has kept the schedule if it began so close to the first slot.
const ON_TIME: Millis = 30 * MINUTE;
/// Pairs of runs that are looked at: further back the schedule may have been another one.
const MAX_PAIRS: usize = 50;
/// Slots of an hour that comes twice are no further apart than this.
const CLOCK_CHANGE: Millis = 2 * HOUR;
/// A silence of another job that ended so long before is that of this one.
const ENDED_BEFORE: Millis = 4 * HOUR;

/// A silence that somebody bears witness to.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    since: Instant,
    until: Instant,
}

impl Standing {
    /// That of a stretch that is over.
    pub fn of(stretch: &Stretch) -> Option<Standing> {
        Some(Standing { since: stretch.since, until: stretch.until? })
    }
}

/// The silences that somebody bears witness to, by their ends.
#[derive(Debug, Default)]
pub struct Witnesses {
    ends: Vec<Instant>,
    /// When the first began of one silence from each on, of two, of four, and so on.
    first_of: Vec<Vec<Instant>>,
}

impl Witnesses {
    /// Puts them in order.
    pub fn of(mut standing: Vec<Standing>) -> Witnesses {
        standing.sort_by_key(|standing| standing.until);
        let ends = standing.iter().map(|standing| standing.until).collect();
        let mut first_of: Vec<Vec<Instant>> = Vec::new();
        let (mut row, mut step): (Vec<Instant>, usize) = (standing.iter().map(|standing| standing.since).collect(), 1);
        while !row.is_empty() {
            let next = row.iter().zip(row.iter().skip(step)).map(|(one, other)| *one.min(other)).collect();
            first_of.push(std::mem::replace(&mut row, next));
            step *= 2;
        }
        Witnesses { ends, first_of }
    }

    /// Whether one of them covers the beginning of another silence and ended shortly before it.
    pub fn bear_witness_to(&self, stretch: &Stretch) -> bool {
        let Some(until) = stretch.until else { return false };
        let earliest = until.plus(-ENDED_BEFORE).max(stretch.since);
        let from = self.ends.partition_point(|end| *end < earliest);
        let to = self.ends.partition_point(|end| *end <= until);
        let Some(power) = to.saturating_sub(from).checked_ilog2() else { return false };
        let row = &self.first_of[power as usize];
        row[from].min(row[to - (1 << power)]) <= stretch.since
    }
}

/// Whether a silence was critical before it was over. Where only ends are known, one run may explain a silence as long as the
/// longest, unless its process started in it, or the start of the run after it is on record.
pub fn is_long(context: &Context<'_>, subject: &Subject<'_>, stretch: &Stretch) -> bool {
    let Some(until) = stretch.until else { return false };
    let traits = &context.snapshot.traits;
    if traits.records_starts && traits.max_concurrent == UNKNOWN_PLACES {
        // The job may have waited for a run.
        return context.free_for(subject, stretch.since, until) > subject.settings.thresholds.lost_after
            || was_lost_while_idle(context, subject, stretch.since, until);
    }
    if traits.records_starts || context.worker.was_born_between(stretch.since, until) {
        return is_lost(context, subject, stretch.since, until);
    }
    let is_sure = context.surely_free_for(subject, stretch.since, until) > subject.settings.thresholds.lost_after
        || nothing_ended_between(context, stretch.since, until)
            && was_surely_lost(context, subject, stretch.since, until);
    is_sure && !may_be_a_clock_change(subject, stretch.since, until)
        || context.awake(subject, stretch.since, until) > subject.settings.thresholds.max_run + MINUTE
}

/// Whether a silence may be an hour that came twice, in a zone that no row tells.
fn may_be_a_clock_change(subject: &Subject<'_>, since: Instant, until: Instant) -> bool {
    let is_short = until.since(since) <= CLOCK_CHANGE;
    is_short && subject.job.schedule.assumes_zone() && clocks_went_back(since.plus(-CLOCK_CHANGE), until)
}

/// Whether nothing at all ran in a silence, apart from the batch that ended it.
fn nothing_ended_between(context: &Context<'_>, since: Instant, until: Instant) -> bool {
    context.worker.end_after(since).is_none_or(|end| until.since(end) <= LATE_IN_A_BATCH)
}

/// Whether the job's own runs before a silence show that its schedule was in force: the last two that decide it had one slot
/// between them, which the second kept; or the first run of all kept the first slot after the row was created.
pub fn kept_its_schedule(context: &Context<'_>, subject: &Subject<'_>, stretch: &Stretch) -> bool {
    let job = subject.job;
    let Some(cadence) = job.schedule.cadence() else { return false };
    let before = &job.fires[..stretch.runs.start];
    for pair in before.windows(2).rev().take(MAX_PAIRS) {
        if let Some(keeps) = keeps(context, cadence, &pair[0], &pair[1]) {
            return keeps;
        }
    }
    match (before.first(), job.created_at) {
        (Some(first), Some(created)) if before.len() <= MAX_PAIRS => {
            cadence.next(created).is_some_and(|slot| begin(first).since(slot).abs() <= ON_TIME)
        }
        _ => false,
    }
}

/// Whether the second of two runs kept the slot after the first; None if they decide nothing: a bad run is tried again at another
/// time, and a busy worker keeps no slot.
fn keeps(context: &Context<'_>, cadence: &Cadence, one: &Fire, two: &Fire) -> Option<bool> {
    if one.is_bad() {
        return None;
    }
    let slot = slot_after(cadence, one)?;
    if keeps_slot(cadence, slot, two)? {
        return Some(true);
    }
    if begin(two) > slot && context.worker.may_be_busy(slot, begin(two)) {
        return None;
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::ledger::Fate;
    use proptest::prelude::*;

    fn at(hours: i64) -> Instant {
        Instant::from_millis(hours * HOUR)
    }

    proptest! {
        #[test]
        fn a_silence_has_a_witness_if_any_covers_its_beginning_and_ended_shortly_before_it(
            witnesses in prop::collection::vec((0i64..40, 0i64..20), 0..20),
            since in 0i64..50,
            length in 0i64..20,
        ) {
            let standing: Vec<Standing> =
                witnesses.iter().map(|(since, long)| Standing { since: at(*since), until: at(since + long) }).collect();
            let until = at(since + length);
            let stretch = Stretch { fate: Fate::Lost, since: at(since), until: Some(until), slots: 1, runs: 0..0 };
            let bears_witness = |one: &Standing| {
                let lag = until.since(one.until);
                one.since <= stretch.since && stretch.since <= one.until && (0..=ENDED_BEFORE).contains(&lag)
            };
            let expected = standing.iter().any(bears_witness);
            prop_assert_eq!(Witnesses::of(standing).bear_witness_to(&stretch), expected);
        }
    }
}
