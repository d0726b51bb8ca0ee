//! How long the runs of a job usually take.

use crate::audit::runs::run_length;
use crate::model::Job;
use crate::time::{MINUTE, Millis, span};

/// A run is unusual beyond this many times the longest of this many before it, once enough are known, and never below the
/// floor.
const USUAL_FACTOR: Millis = 2;
const USUAL_RUNS: usize = 30;
const MIN_RUNS: usize = 5;
const USUAL_FLOOR: Millis = 10 * MINUTE;
/// A run is out of all proportion beyond this many times what is unusual.
const FAR_FACTOR: Millis = 10;
/// With fewer runs known, only the last counts.
const UNKNOWN_FLOOR: Millis = 30 * MINUTE;

/// How long the last runs of a job took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The longest of them, and how many are known; None if none is.
    pub longest: Option<(Millis, usize)>,
    /// Beyond this a run is unusual.
    pub limit: Millis,
}

impl Usual {
    /// Nothing is known of a job that has been deleted.
    pub const UNKNOWN: Usual = Usual { longest: None, limit: UNKNOWN_FLOOR };

    /// Those of a job.
    pub fn of(job: &Job) -> Usual {
        // The row may know a run that the history does not.
        let of_row = job.last_run().and_then(|run| run.duration_ms).unwrap_or(0);
        Usual::at(job, job.fires.len(), of_row)
    }

    /// Those of a job before one of its runs.
    pub fn before(job: &Job, run: usize) -> Usual {
        Usual::at(job, run, 0)
    }

    fn at(job: &Job, run: usize, of_row: Millis) -> Usual {
        let lengths: Vec<Millis> = (0..run).rev().filter_map(|index| run_length(job, index)).take(USUAL_RUNS).collect();
        let longest = lengths.iter().max().map(|longest| (*longest, lengths.len()));
        let (typical, floor) = match lengths.len() {
            MIN_RUNS.. => (longest.map_or(0, |(longest, _)| longest), USUAL_FLOOR),
            _ => (lengths.first().copied().unwrap_or(0), UNKNOWN_FLOOR),
        };
        Usual { longest, limit: typical.max(of_row).saturating_mul(USUAL_FACTOR).max(floor) }
    }

    /// Whether a run has taken out of all proportion to those before it, of which enough are known.
    pub fn is_far_exceeded_by(&self, elapsed: Millis) -> bool {
        let known = self.longest.filter(|(_, runs)| *runs >= MIN_RUNS);
        known.is_some() && elapsed > self.limit.saturating_mul(FAR_FACTOR)
    }

    /// `its last 30 runs took 1m at most`, or that none is known.
    pub fn in_words(&self) -> String {
        match self.longest {
            Some((longest, 1)) => format!("its last run took {}", span(longest)),
            Some((longest, runs)) => format!("its last {runs} runs took {} at most", span(longest)),
            None => "how long its runs take is not known".to_owned(),
        }
    }
}
