//! The ends of all runs: what tells one silence from another.

use super::free_time::Span;
use super::records::Records;
use crate::model::Job;
use crate::time::Instant;
use std::cell::OnceCell;

/// The ends of all runs.
#[derive(Debug)]
pub struct Ends<'a> {
    records: Records<'a>,
    /// Oldest first.
    all: OnceCell<Vec<Instant>>,
}

impl<'a> Ends<'a> {
    /// Those on record.
    pub fn new(records: Records<'a>) -> Ends<'a> {
        Ends { records, all: OnceCell::new() }
    }

    fn all(&self) -> &[Instant] {
        self.all.get_or_init(|| {
            let older = self.records.snapshot.older_ends.iter().map(|(end, _)| *end);
            let mut ends: Vec<Instant> = self.records.fires().map(|fire| fire.end).chain(older).collect();
            ends.sort_unstable();
            ends
        })
    }

    /// The last one up to `at`, as far as it is known.
    pub fn before(&self, at: Instant) -> Option<Instant> {
        let ends = self.all();
        ends[..ends.partition_point(|end| *end <= at)].last().copied()
    }

    /// The first one after `at`.
    pub fn after(&self, at: Instant) -> Option<Instant> {
        let ends = self.all();
        ends.get(ends.partition_point(|end| *end <= at)).copied()
    }

    /// The longest time between two ends in a row that is most of the time between two instants: nothing ran then.
    pub fn lull_within(&self, from: Instant, until: Instant) -> Option<Span> {
        let ends = self.all();
        let first = ends.partition_point(|end| *end <= from).saturating_sub(1);
        let last = ends.partition_point(|end| *end <= until);
        let pairs = ends[first..(last + 1).min(ends.len())].windows(2);
        let mut longest = pairs.map(|pair| (pair[1].min(until).since(pair[0].max(from)), (pair[0], pair[1]))).max()?;
        if let Some(&end) = ends.last()
            && (from..until).contains(&end)
        {
            longest = longest.max((until.since(end), (end, until)));
        }
        let (length, lull) = longest;
        if 2 * length >= until.since(from) { Some(lull) } else { None }
    }

    /// The id of a job of which a run ended then; of several the first.
    pub fn id_at(&self, at: Instant) -> Option<&'a str> {
        let known = self.records.jobs().filter(|job| has_end_at(job, at)).map(|job| job.id.as_str());
        let older = self.records.snapshot.older_ends.iter().filter(|(end, _)| *end == at).map(|(_, id)| id.as_str());
        known.chain(older).min()
    }
}

fn has_end_at(job: &Job, at: Instant) -> bool {
    job.fires.binary_search_by_key(&at, |fire| fire.end).is_ok()
}
