//! Jobs that have runs and no row.

use super::ids;
use crate::model::{Fire, Job, Schedule, Snapshot, State};

/// With fewer runs a job without a row was not a regular one.
pub const MIN_OF_REGULAR: usize = 3;

/// A job that has no row any more, by the bytes of its id.
pub fn job(id: &[u8], fires: Vec<Fire>) -> Job {
    Job { fires, ..Job::new(ids::id(id), State::Gone, Schedule::unreadable("unknown", "its row is gone")) }
}

/// Adds the regular ones to the jobs, and the fires of the others to those that only kept the worker busy.
pub fn settle(gone: Vec<Job>, snapshot: &mut Snapshot) {
    let (regular, others): (Vec<Job>, Vec<Job>) = gone.into_iter().partition(|job| job.fires.len() >= MIN_OF_REGULAR);
    snapshot.jobs.extend(regular);
    snapshot.other_fires.extend(others.into_iter().flat_map(|job| job.fires));
    snapshot.other_fires.sort_by_key(|fire| fire.end);
}
