//! Jobs that fail now and then: a rate, with neither a start nor an end.
//!
//! What counts is the share of the slots of a day in which a run failed, not of the runs: a slot whose second try works has failed
//! once. A job, or all jobs that need a model, flap from a quarter of twelve slots on, if they work again in between.

use super::context::{Context, Subject};
use super::outage::Outages;
use super::runs::{begin, is_same_slot};
use crate::model::{Fire, JobIndex, cost_of};
use crate::time::{DAY, Instant};
use std::collections::BTreeMap;

/// With fewer slots a rate means little.
const MIN_SLOTS: usize = 12;
/// One in so many slots that failed is told.
const ONE_IN: usize = 4;
/// So often it must have failed and worked again: one trouble that is over is no flapping.
const MIN_TURNS: usize = 4;
/// With fewer jobs it is the job's own trouble.
const MIN_JOBS: usize = 2;

/// What failed of a job in the last day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flaps {
    /// Its slots with a run.
    pub slots: usize,
    /// Those of them in which a run failed.
    pub failed: usize,
    /// How often a run worked after one that had failed.
    pub turns: usize,
    /// When the first run that failed ended.
    pub since: Option<Instant>,
    /// What the runs that failed cost, in US dollars.
    pub cost_usd: f64,
}

impl Flaps {
    fn is_flapping(&self) -> bool {
        self.slots >= MIN_SLOTS && self.failed * ONE_IN >= self.slots && self.turns >= MIN_TURNS
    }
}

/// The jobs that fail now and then.
#[derive(Debug, Default)]
pub struct Flapping {
    /// Whether all jobs that need a model do together.
    pub is_of_all: bool,
    jobs: BTreeMap<JobIndex, Flaps>,
}

impl Flapping {
    /// Looks at the runs of the last day, without those in outages.
    pub fn find(context: &Context<'_>, outages: &Outages) -> Flapping {
        let day = context.settings.now.plus(-DAY);
        let mut jobs = BTreeMap::new();
        let (mut all, mut turning) = (Flaps::default(), 0);
        for subject in context.subjects.iter() {
            if !subject.job.state.is_watched() {
                continue;
            }
            let flaps = flaps_since(subject, day, outages);
            if subject.job.uses_model {
                all.slots += flaps.slots;
                all.failed += flaps.failed;
                all.turns += flaps.turns;
                turning += usize::from(flaps.turns > 0);
            }
            if flaps.failed > 0 {
                jobs.insert(subject.index, flaps);
            }
        }
        let is_of_all = all.is_flapping() && turning >= MIN_JOBS;
        jobs.retain(|_, flaps| flaps.is_flapping() || is_of_all && flaps.turns > 0);
        Flapping { is_of_all, jobs }
    }

    /// What failed of a job that flaps.
    pub fn of(&self, job: JobIndex) -> Option<&Flaps> {
        self.jobs.get(&job)
    }
}

/// Whether a run failed for itself, and not in an outage.
fn fails(subject: &Subject<'_>, outages: &Outages, fire: &Fire) -> bool {
    fire.is_bad() && outages.of_run(subject.index, fire.end).is_none()
}

fn flaps_since(subject: &Subject<'_>, day: Instant, outages: &Outages) -> Flaps {
    let fires = subject.job.fires_since(day);
    if !fires.iter().any(Fire::is_bad) {
        return Flaps { slots: fires.len(), ..Flaps::default() };
    }
    let cadence = subject.job.schedule.cadence();
    let slots = fires.chunk_by(|one, next| match cadence {
        Some(cadence) => is_same_slot(cadence, one, next),
        None => begin(one) == begin(next),
    });
    let mut flaps = Flaps::default();
    for slot in slots {
        flaps.slots += 1;
        if slot.iter().any(|fire| fails(subject, outages, fire)) {
            flaps.failed += 1;
        }
    }
    let failed: Vec<&Fire> = fires.iter().filter(|fire| fails(subject, outages, fire)).collect();
    flaps.turns = fires.windows(2).filter(|pair| fails(subject, outages, &pair[0]) && !pair[1].is_bad()).count();
    flaps.since = failed.first().map(|fire| fire.end);
    flaps.cost_usd = cost_of(failed);
    flaps
}
