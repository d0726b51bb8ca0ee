//! A rate of failures: it begins with a slot that failed and goes on until slots that worked outweigh those that failed.

use crate::model::JobIndex;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// With fewer slots a rate means little.
const MIN_SLOTS: usize = 12;
/// One in so many slots that failed is told.
const ONE_IN: usize = 4;
/// So often it must have failed and worked again: one trouble that is over is no rate.
const MIN_TURNS: usize = 4;
/// A slot that failed outweighs so many that worked.
const WEIGHT: usize = 5;
/// So many slots in a row that worked outweigh any rate.
const ENOUGH_GOOD: usize = 36;
/// Further failures of a job in a row have a cause of their own.
const MAX_IN_A_ROW: usize = 3;
/// Failures in a row that are expected less often than this at the rate have a cause of their own.
const CHANCE: f64 = 0.001;

/// A slot of a job in which something ran.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// Whose it is.
    pub job: JobIndex,
    /// When its first run that failed ended, or its last.
    pub end: Instant,
    /// Whether a run failed in it.
    pub failed: bool,
    /// Whether the run after one that had failed worked.
    pub turns: bool,
    /// What the runs that failed cost, in US dollars.
    pub cost_usd: f64,
}

/// A rate of failures that goes on.
#[derive(Debug, Clone)]
pub struct Rate {
    /// When the first failure of it ended.
    pub since: Instant,
    slots: usize,
    failed: usize,
    turns: usize,
    turning: BTreeSet<JobIndex>,
    in_a_row: BTreeMap<JobIndex, usize>,
    /// How many slots in a row that work would end it.
    weight: usize,
    /// Whether it has been high enough to be told.
    is_high: bool,
}

/// What became of the rates of some slots.
#[derive(Debug, Default)]
pub struct Rates {
    /// The one that goes on, if it has been high enough to be told.
    pub current: Option<Rate>,
    /// When the last one ended that had been.
    pub ended: Option<Instant>,
}

impl Rates {
    /// Those of slots, oldest first, with failures of so many jobs.
    pub fn of(slots: &[Slot], min_jobs: usize) -> Rates {
        let mut rates = Rates::default();
        for slot in slots {
            let Some(rate) = &mut rates.current else {
                rates.current = if slot.failed { Some(Rate::begin(slot)) } else { None };
                continue;
            };
            rate.add(slot);
            rate.is_high |= rate.turning.len() >= min_jobs && rate.is_high_now();
            if rate.weight == 0 {
                if rate.is_high {
                    rates.ended = Some(slot.end);
                }
                rates.current = None;
            }
        }
        if rates.current.as_ref().is_some_and(|rate| !rate.is_high) {
            rates.current = None;
        }
        rates
    }
}

impl Rate {
    fn begin(slot: &Slot) -> Rate {
        let mut rate = Rate {
            since: slot.end,
            slots: 0,
            failed: 0,
            turns: 0,
            turning: BTreeSet::new(),
            in_a_row: BTreeMap::new(),
            weight: 0,
            is_high: false,
        };
        rate.add(slot);
        rate
    }

    fn add(&mut self, slot: &Slot) {
        if slot.turns {
            self.turns += 1;
            self.turning.insert(slot.job);
        }
        if self.failed_before(slot) >= MAX_IN_A_ROW {
            return;
        }
        self.slots += 1;
        if slot.failed {
            self.failed += 1;
            self.weight = ENOUGH_GOOD.min(self.weight + WEIGHT);
        } else {
            self.weight -= 1;
        }
    }

    /// How many slots of the same job in a row failed before this one did, and counts it.
    fn failed_before(&mut self, slot: &Slot) -> usize {
        let in_a_row = self.in_a_row.entry(slot.job).or_insert(0);
        let before = if slot.failed { *in_a_row } else { 0 };
        *in_a_row = if slot.failed && !slot.turns { before + 1 } else { 0 };
        before
    }

    fn is_high_now(&self) -> bool {
        self.slots >= MIN_SLOTS && self.failed * ONE_IN >= self.slots && self.turns >= MIN_TURNS
    }

    /// Whether a job is one of those that failed and worked again.
    pub fn has(&self, job: JobIndex) -> bool {
        self.turning.contains(&job)
    }

    /// Whether so many failures in a row are to be expected at this rate.
    pub fn is_chance(&self, failures: usize) -> bool {
        is_chance(self.slots, self.failed, failures)
    }
}

/// Whether so many failures in a row are to be expected if so many of so many slots failed.
pub fn is_chance(slots: usize, failed: usize, in_a_row: usize) -> bool {
    let share = (failed + 1) as f64 / (slots + 2) as f64;
    let in_a_row = i32::try_from(in_a_row).unwrap_or(i32::MAX);
    share.powi(in_a_row) * slots as f64 >= CHANCE
}
