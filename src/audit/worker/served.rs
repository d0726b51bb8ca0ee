//! Which stores of jobs the scheduler serves.

use super::records::Records;
use crate::model::{Fire, Job};
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// The jobs of a store that came due since the last boot.
#[derive(Default)]
struct Share {
    jobs: usize,
    ran: usize,
}

/// The stores of which at least half of the jobs that came due since the last boot have run, and those in which a job was made since:
/// the scheduler makes its own jobs within seconds of its start. None if no boot is on record.
pub fn served_stores(records: Records<'_>) -> Vec<String> {
    let Some(&boot) = records.snapshot.boots.last() else { return Vec::new() };
    let until = records.now().plus(-records.settings.thresholds.late_after);
    let mut stores: BTreeMap<&str, Share> = BTreeMap::new();
    for job in records.jobs().filter(|job| job.state.is_watched()) {
        let Some(home) = &job.home else { continue };
        let ran = job.fires.last().and_then(Fire::known_start).is_some_and(|start| start >= boot);
        if ran || was_due(job, boot, until) {
            let share = stores.entry(&home.store).or_default();
            share.jobs += 1;
            share.ran += usize::from(ran);
        }
    }
    stores.retain(|_, share| 2 * share.ran >= share.jobs);
    let new = records.jobs().filter(|job| job.created_at.is_some_and(|created| created >= boot));
    let mut served: BTreeSet<&str> = new.filter_map(|job| Some(job.home.as_ref()?.store.as_str())).collect();
    served.extend(stores.into_keys());
    served.into_iter().map(str::to_owned).collect()
}

fn was_due(job: &Job, boot: Instant, until: Instant) -> bool {
    job.schedule.cadence().and_then(|cadence| cadence.next(boot)).is_some_and(|slot| slot < until)
}
