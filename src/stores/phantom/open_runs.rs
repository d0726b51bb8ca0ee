//! Sessions: runs that began, of which those are kept whose end is not on record.

use super::super::ids;
use crate::model::{Job, OpenRun, Snapshot};
use crate::time::{Instant, SECOND};
use std::collections::HashMap;

/// Sessions kept while they are read, before the older ones are dropped.
const MAX_OPEN_RUNS: usize = 4_000;
/// A session is touched again as its run's cost event is written, which is cut to the second.
const SESSION_SETTLES: i64 = 2 * SECOND;

/// Keeps the sessions that showed last: jobs run one after another, so the run of an older one has ended.
pub fn note(snapshot: &mut Snapshot, id: &[u8], seen: Instant) {
    let job_id = ids::id(id);
    snapshot.open_runs.push(OpenRun { job_id, seen });
    if snapshot.open_runs.len() >= MAX_OPEN_RUNS {
        let newest = snapshot.open_runs.iter().map(|run| run.seen).max().unwrap_or(seen);
        snapshot.open_runs.retain(|run| newest.since(run.seen) <= SESSION_SETTLES);
        snapshot.open_runs.truncate(MAX_OPEN_RUNS / 2);
    }
}

/// Keeps the runs whose session started after the last fire of their job and after the end of its last run: the others have
/// ended. There is one worker, so an end of any run after a session's start proves that its run is over too.
pub fn forget_ended(snapshot: &mut Snapshot) {
    let ends = snapshot.jobs.iter().flat_map(|job| job.fires.last()).chain(snapshot.other_fires.last());
    let newest = ends.map(|fire| fire.end).max();
    let mut jobs: HashMap<&str, &Job> = HashMap::new();
    for job in &snapshot.jobs {
        jobs.entry(job.id.as_str()).or_insert(job);
    }
    let open = |run: &OpenRun| {
        let job = jobs.get(run.job_id.as_str()).copied();
        let fire = job.map_or(newest, |job| job.fires.last().map(|fire| fire.end));
        let overtaken = newest.is_some_and(|end| end.since(run.seen) > SESSION_SETTLES);
        fire.is_none_or(|end| run.seen.since(end) > SESSION_SETTLES)
            && job.and_then(Job::last_run).is_none_or(|last| run.seen > last.end())
            && !overtaken
    };
    let mut open_runs = std::mem::take(&mut snapshot.open_runs);
    open_runs.retain(open);
    open_runs.sort_by_key(|run| std::cmp::Reverse(run.seen));
    snapshot.open_runs = open_runs;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::phantom_for_tests::TRAITS;

    #[test]
    fn of_too_many_sessions_only_those_are_kept_that_showed_last() {
        let at = |second: i64| Instant::from_millis(1_772_000_000_000 + second * SECOND);
        let mut snapshot = Snapshot::empty(TRAITS);
        let mut seen = |seconds: &mut dyn Iterator<Item = i64>| {
            seconds.for_each(|second| note(&mut snapshot, b"j", at(second)));
            snapshot.open_runs.iter().map(|run| run.seen.since(at(0)) / SECOND).collect::<Vec<_>>()
        };
        assert_eq!(seen(&mut (0..3_999)).len(), 3_999);
        assert_eq!(seen(&mut (4_000..=4_000)), [3_998, 4_000], "within the two seconds in which a session settles");
        assert_eq!(seen(&mut std::iter::repeat_n(4_000, 3_998)).len(), 2_000, "half of those that showed at once");
    }
}
