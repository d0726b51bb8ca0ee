//! Jobs of which too little could be read to call them healthy.

use crate::model::{Job, Snapshot, State};

/// Says of a job why it can't be judged, unless that is said already.
pub fn one(job: &mut Job, why: &str) {
    if job.state == State::Watched && job.unjudged.is_none() {
        job.unjudged = Some(why.to_owned());
    }
}

/// Says so of all jobs, and in a note.
pub fn all(snapshot: &mut Snapshot, why: &str) {
    snapshot.notes.push(why.to_owned());
    snapshot.jobs.iter_mut().for_each(|job| one(job, why));
}
