//! The ends of all runs: what tells one silence from another.

use super::free_time::Span;
use super::records::Records;
use crate::time::Instant;
use std::cell::OnceCell;

/// The ends of all runs.
#[derive(Debug)]
pub struct Ends<'a> {
    records: Records<'a>,
    /// Oldest first.
    all: OnceCell<Vec<End>>,
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    at: Instant,
    of: Source,
}

/// Where an end is on record, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Job(usize),
    Older(usize),
    /// A job that has been deleted.
    Unknown,
}

impl<'a> Ends<'a> {
    /// Those on record.
    pub fn new(records: Records<'a>) -> Ends<'a> {
        Ends { records, all: OnceCell::new() }
    }

    fn all(&self) -> &[End] {
        self.all.get_or_init(|| {
            let snapshot = self.records.snapshot;
            let mut ends = Vec::new();
            for (position, job) in self.records.jobs().enumerate() {
                ends.extend(job.fires.iter().map(|fire| End { at: fire.end, of: Source::Job(position) }));
            }
            for (position, (at, _)) in snapshot.older_ends.iter().enumerate() {
                ends.push(End { at: *at, of: Source::Older(position) });
            }
            ends.extend(snapshot.other_fires.iter().map(|fire| End { at: fire.end, of: Source::Unknown }));
            ends.sort_unstable_by(|one, other| {
                one.at.cmp(&other.at).then_with(|| self.by_id(one).cmp(&self.by_id(other)))
            });
            ends
        })
    }

    /// How many there are up to `at`.
    fn up_to(&self, at: Instant) -> usize {
        self.all().partition_point(|end| end.at <= at)
    }

    /// The last one up to `at`, as far as it is known.
    pub fn before(&self, at: Instant) -> Option<Instant> {
        self.all()[..self.up_to(at)].last().map(|end| end.at)
    }

    /// The first one after `at`.
    pub fn after(&self, at: Instant) -> Option<Instant> {
        self.all().get(self.up_to(at)).map(|end| end.at)
    }

    /// The longest time between two ends in a row that is most of the time between two instants: nothing ran then.
    pub fn lull_within(&self, from: Instant, until: Instant) -> Option<Span> {
        lull_among(self.all(), from, until)
    }

    /// The id of a job of which a run ended then; of several the first.
    pub fn id_at(&self, at: Instant) -> Option<&'a str> {
        let ends = self.all();
        let first = ends.partition_point(|end| end.at < at);
        self.id_of(ends[first..self.up_to(at)].first()?.of)
    }

    /// Those of known jobs first.
    fn by_id(&self, end: &End) -> (bool, Option<&'a str>) {
        let id = self.id_of(end.of);
        (id.is_none(), id)
    }

    fn id_of(&self, source: Source) -> Option<&'a str> {
        let snapshot = self.records.snapshot;
        match source {
            Source::Job(position) => snapshot.jobs.get(position).map(|job| job.id.as_str()),
            Source::Older(position) => snapshot.older_ends.get(position).map(|(_, id)| id.as_str()),
            Source::Unknown => None,
        }
    }
}

/// See [`Ends::lull_within`]. What is most of a time covers its middle.
fn lull_among(ends: &[End], from: Instant, until: Instant) -> Option<Span> {
    let middle = from.plus(until.since(from) / 2);
    let mut lulls = Vec::new();
    for next in [ends.partition_point(|end| end.at < middle), ends.partition_point(|end| end.at <= middle)] {
        if let (Some(end), Some(next)) = (next.checked_sub(1).map(|last| ends[last].at), ends.get(next))
            && next.at > from
        {
            lulls.push((end, next.at));
        }
    }
    lulls.extend(ends.last().filter(|end| (from..until).contains(&end.at)).map(|end| (end.at, until)));
    let within = |(begin, end): Span| (end.min(until).since(begin.max(from)), (begin, end));
    let (length, lull) = lulls.into_iter().map(within).max()?;
    if 2 * length >= until.since(from) { Some(lull) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Instant {
        Instant::from_millis(seconds * 1_000)
    }

    /// Looks at each time between two ends.
    fn lull_of_all(ends: &[Instant], from: Instant, until: Instant) -> Option<Span> {
        let first = ends.partition_point(|end| *end <= from).saturating_sub(1);
        let mut lulls: Vec<Span> = ends[first..].windows(2).map(|pair| (pair[0], pair[1])).collect();
        lulls.extend(ends.last().filter(|end| (from..until).contains(*end)).map(|end| (*end, until)));
        let within = |(begin, end): Span| (end.min(until).since(begin.max(from)), (begin, end));
        lulls.into_iter().map(within).max().filter(|(length, _)| 2 * length >= until.since(from)).map(|(_, lull)| lull)
    }

    proptest! {
        #[test]
        fn the_lull_about_the_middle_is_the_longest_of_all_that_is_most_of_a_time(
            mut ends in prop::collection::vec(0i64..40, 0..12),
            from in 0i64..30,
            length in 1i64..30,
        ) {
            ends.sort_unstable();
            let instants: Vec<Instant> = ends.into_iter().map(at).collect();
            let ends: Vec<End> = instants.iter().map(|at| End { at: *at, of: Source::Unknown }).collect();
            let (from, until) = (at(from), at(from + length));
            prop_assert_eq!(lull_among(&ends, from, until), lull_of_all(&instants, from, until));
        }
    }
}
