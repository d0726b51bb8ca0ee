//! Stretches of free time and their sums.

use crate::time::{Instant, MINUTE, Millis};

/// A shorter free stretch proves nothing: the batch moves from one run to the next within it.
pub const MIN_FREE: Millis = MINUTE;

/// A stretch of time.
pub type Span = (Instant, Instant);

/// Stretches in which the worker was free, oldest first, each with the sum of those before it.
#[derive(Debug, Default)]
pub struct FreeTime {
    spans: Vec<Span>,
    before: Vec<Millis>,
}

impl FreeTime {
    /// Those of some spans that are long enough to count.
    pub fn new(mut spans: Vec<Span>) -> FreeTime {
        spans.retain(|(from, until)| until.since(*from) > MIN_FREE);
        spans.sort_unstable();
        let mut sum = 0;
        let mut before = Vec::with_capacity(spans.len());
        for (from, until) in &spans {
            before.push(sum);
            sum += until.since(*from);
        }
        FreeTime { spans, before }
    }

    /// The stretches.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// How much of it lies before `at`.
    fn up_to(&self, at: Instant) -> Millis {
        let index = self.spans.partition_point(|(from, _)| *from < at);
        let Some(&(from, until)) = index.checked_sub(1).and_then(|last| self.spans.get(last)) else { return 0 };
        self.before[index - 1] + until.min(at).since(from)
    }

    /// How much of it lies between two instants.
    pub fn between(&self, from: Instant, until: Instant) -> Millis {
        if until <= from { 0 } else { self.up_to(until) - self.up_to(from) }
    }
}
