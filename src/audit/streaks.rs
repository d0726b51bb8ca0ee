//! The streaks of a job: runs in a row that used no tokens, wrote nothing, or ended too soon.

use super::outage::Outages;
use super::subjects::Subject;
use crate::model::Fire;
use crate::time::{Instant, Millis};

/// Runs in a row that did nothing.
#[derive(Debug, Clone, Copy)]
pub struct Streak {
    /// How many.
    pub count: u64,
    /// The tokens that they used all the same.
    pub tokens: u64,
    /// When the first of them ended.
    pub first: Instant,
    /// When the last of them ended.
    pub last: Instant,
    /// How many ended too soon.
    pub too_short: u64,
    /// How long the longest of those took.
    pub longest: Millis,
}

/// The streaks of a job, however long ago.
#[derive(Debug, Default)]
pub struct Streaks {
    /// Those that are over, each with the end of the run that ended it.
    pub over: Vec<(Streak, Instant)>,
    /// The one that lasts.
    pub ongoing: Option<Streak>,
}

impl Streaks {
    /// Those of a job, without its runs in outages that are over: they count for none.
    pub fn of(outages: &Outages, subject: &Subject<'_>) -> Streaks {
        let mut streaks = Streaks::default();
        for (run, fire) in subject.job.fires.iter().enumerate() {
            let too_short = subject.too_short(run);
            if fire.is_empty() || too_short.is_some() {
                let outage = outages.of_run(subject.index, fire.end);
                if outage.is_none_or(|outage| outage.until.is_none()) {
                    streaks.ongoing.get_or_insert(Streak::new(fire.end)).add(fire, too_short);
                }
            } else if !fire.is_bad()
                && !fire.is_unknown()
                && let Some(ended) = streaks.ongoing.take()
            {
                streaks.over.push((ended, fire.end));
            }
        }
        streaks
    }
}

impl Streak {
    /// One that begins with the run that ended then.
    fn new(first: Instant) -> Streak {
        Streak { count: 0, tokens: 0, first, last: first, too_short: 0, longest: 0 }
    }

    fn add(&mut self, fire: &Fire, too_short: Option<Millis>) {
        (self.count, self.last) = (self.count + 1, fire.end);
        self.tokens += u64::from(fire.tokens.unwrap_or(0));
        if let Some(took) = too_short {
            (self.too_short, self.longest) = (self.too_short + 1, self.longest.max(took));
        }
    }
}
