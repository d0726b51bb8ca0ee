//! Jobs that fail now and then: a rate, with neither a start nor an end.
//!
//! What counts is the share of slots in which a run failed, not of runs: a slot whose second try works has failed once. A job, or
//! all jobs that need a model, flap from a quarter of twelve slots on, if they work again in between, until the rate is gone.
//! While they flap, a few failures in a row are chance, and neither an outage nor a trouble of one job.

use super::context::{Context, Subject};
use super::outage::{Outage, Outages};
use super::rate::{Rate, Rates, Slot, is_chance};
use super::runs::{begin, is_same_slot};
use crate::model::{Fire, JobIndex, cost_of};
use crate::time::{DAY, Instant, Millis};
use std::collections::{BTreeMap, BTreeSet};

/// With fewer jobs it is the job's own trouble.
const MIN_JOBS: usize = 2;
/// How far back slots are looked at.
const WITHIN: Millis = 2 * DAY;

/// What failed of a job in the day before the last run of any job.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flaps {
    /// Its slots with a run.
    pub slots: usize,
    /// Those of them in which a run failed.
    pub failed: usize,
    /// When the first run that failed ended.
    pub since: Option<Instant>,
    /// What the runs that failed cost, in US dollars.
    pub cost_usd: f64,
}

/// The jobs that fail now and then.
#[derive(Debug, Default)]
pub struct Flapping {
    /// The rate of all jobs that need a model.
    of_all: Option<Rate>,
    /// The rates of jobs alone.
    alone: BTreeMap<JobIndex, Rate>,
    flaps: BTreeMap<JobIndex, Flaps>,
    /// The beginnings of the outages that are chance.
    chance: BTreeSet<Instant>,
}

impl Flapping {
    /// Looks at the slots of the last days.
    pub fn find(context: &Context<'_>, outages: &Outages) -> Flapping {
        let mut flapping = Flapping::default();
        // Counted from the last run, so that what is known stays the same while nothing runs.
        let Some(last) = context.worker.last_run_end() else { return flapping };
        let from = last.plus(-WITHIN);
        let watched = || context.subjects.iter().filter(|subject| subject.job.state.is_watched());
        if !watched().any(|subject| subject.job.fires_since(from).iter().any(Fire::is_bad)) {
            return flapping;
        }
        let by_job: Vec<(&Subject<'_>, Vec<Slot>)> =
            watched().map(|subject| (subject, slots_since(subject, from))).collect();
        let mut shared = shared_slots(&by_job);
        flapping.chance = chance_outages(&shared, outages);
        shared.retain(|slot| !flapping.is_in_outage(slot, outages));
        let Rates { current, ended } = Rates::of(&shared, MIN_JOBS);
        flapping.of_all = current;
        for (subject, slots) in by_job {
            let ended = if subject.job.uses_model { ended } else { None };
            flapping.look_at(subject.index, slots, outages, ended, last);
        }
        flapping
    }

    /// A rate of all jobs that ended ended for each of them.
    fn look_at(
        &mut self,
        job: JobIndex,
        mut slots: Vec<Slot>,
        outages: &Outages,
        ended: Option<Instant>,
        last_run: Instant,
    ) {
        slots.retain(|slot| Some(slot.end) > ended && !self.is_in_outage(slot, outages));
        let alone = Rates::of(&slots, 1).current;
        let flaps = Flaps::of(&slots, last_run.plus(-DAY));
        let is_one_of_all = self.of_all.as_ref().is_some_and(|rate| rate.has(job));
        if flaps.failed > 0 && (alone.is_some() || is_one_of_all) {
            self.flaps.insert(job, flaps);
        }
        if let Some(alone) = alone {
            self.alone.insert(job, alone);
        }
    }

    /// Whether a slot failed in an outage that is no chance.
    fn is_in_outage(&self, slot: &Slot, outages: &Outages) -> bool {
        slot.failed && outages.of_run(slot.job, slot.end).is_some_and(|outage| !self.is_chance(outage))
    }

    /// Whether all jobs that need a model flap together.
    pub fn is_of_all(&self) -> bool {
        self.of_all.is_some()
    }

    /// What failed of a job that flaps.
    pub fn of(&self, job: JobIndex) -> Option<&Flaps> {
        self.flaps.get(&job)
    }

    /// Whether an outage is a few failures that the rate explains.
    pub fn is_chance(&self, outage: &Outage) -> bool {
        self.chance.contains(&outage.since)
    }

    /// Whether the rate explains failures of a job in a row.
    pub fn explains(&self, job: JobIndex, since: Instant, failures: usize) -> bool {
        let rates = [self.alone.get(&job), self.of_all.as_ref()];
        rates.into_iter().flatten().any(|rate| since >= rate.since && rate.is_chance(failures))
    }
}

impl Flaps {
    fn of(slots: &[Slot], from: Instant) -> Flaps {
        let mut flaps = Flaps::default();
        for slot in &slots[slots.partition_point(|slot| slot.end < from)..] {
            flaps.slots += 1;
            if slot.failed {
                flaps.failed += 1;
                flaps.since = flaps.since.or(Some(slot.end));
                flaps.cost_usd += slot.cost_usd;
            }
        }
        flaps
    }
}

/// The slots of all jobs that need a model, oldest first.
fn shared_slots(by_job: &[(&Subject<'_>, Vec<Slot>)]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for (subject, of_job) in by_job {
        if subject.job.uses_model {
            slots.extend(of_job);
        }
    }
    slots.sort_by_key(|slot| (slot.end, slot.job));
    slots
}

/// The beginnings of the outages that are chance, because so many other slots failed at the time.
fn chance_outages(slots: &[Slot], outages: &Outages) -> BTreeSet<Instant> {
    let mut chance = BTreeSet::new();
    let Some(rate) = Rates::of(slots, MIN_JOBS).current else { return chance };
    let slots = &slots[slots.partition_point(|slot| slot.end < rate.since)..];
    let failed = slots.iter().filter(|slot| slot.failed).count();
    for outage in outages.iter().filter(|outage| outage.since >= rate.since) {
        let lasts = &slots[slots.partition_point(|slot| slot.end < outage.since)..];
        let lasts = lasts.iter().take_while(|slot| outage.lasted_at(slot.end));
        let own: Vec<&Slot> = lasts.filter(|slot| outage.covers(slot.job, slot.end)).collect();
        let own_failed = own.iter().filter(|slot| slot.failed).count();
        if is_chance(slots.len() - own.len(), failed - own_failed, outage.runs) {
            chance.insert(outage.since);
        }
    }
    chance
}

fn slots_since(subject: &Subject<'_>, from: Instant) -> Vec<Slot> {
    let fires = subject.job.fires_since(from);
    let cadence = subject.job.schedule.cadence();
    let chunks = fires.chunk_by(|one, next| match cadence {
        Some(cadence) => is_same_slot(cadence, one, next),
        None => begin(one) == begin(next),
    });
    let mut slots = Vec::new();
    let mut after = fires;
    for runs in chunks {
        after = &after[runs.len()..];
        slots.extend(slot_of(subject.index, runs, after.first()));
    }
    slots
}

fn slot_of(job: JobIndex, runs: &[Fire], next: Option<&Fire>) -> Option<Slot> {
    let bad = runs.iter().filter(|fire| fire.is_bad());
    let first_bad = runs.iter().find(|fire| fire.is_bad());
    let last = runs.last()?;
    let works_later = last.is_bad() && next.is_some_and(|next| !next.is_bad());
    Some(Slot {
        job,
        end: first_bad.unwrap_or(last).end,
        failed: first_bad.is_some(),
        turns: first_bad.is_some() && (!last.is_bad() || works_later),
        cost_usd: cost_of(bad),
    })
}
