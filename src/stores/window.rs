//! What part of a database is read.

use super::value;
use crate::model::{Job, Run, RunError};
use crate::schedule::Zone;
use crate::time::{DAY, Instant, Millis, SECOND};
use std::time::Instant as Clock;

/// Errors of runs are kept up to this length.
const MAX_ERROR_LEN: usize = 500;

/// Read beyond the window, so that what straddles its start is seen whole and a small step of the clock does no harm.
const MARGIN: Millis = DAY;

/// What part of a database an audit needs, and by when.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The instant of the audit: later events are not seen.
    pub now: Instant,
    /// Events from this long before `now` on are all read.
    pub back: Millis,
    /// The zone of schedules that name none, if the operator named it.
    pub zone: Option<Zone>,
    /// The zone of this machine.
    pub machine_zone: Zone,
    /// Whether error texts are read.
    pub errors: bool,
    /// Whether the audit is as of now, so that nothing in the database is legitimately later.
    pub is_live: bool,
    /// Whether to ask the operating system which process has the database open.
    pub asks_process: bool,
    /// When reading is given up.
    pub deadline: Clock,
}

impl Window {
    /// The zone in which schedules are read that name none, until the rows tell.
    pub fn first_zone(&self) -> Zone {
        self.zone.unwrap_or(self.machine_zone)
    }

    /// The error of a run with this first line, whose text is kept if error texts are read.
    pub fn error(&self, line: &str) -> RunError {
        let text = self.errors.then(|| value::message(line, MAX_ERROR_LEN));
        RunError { text, ..RunError::new(line) }
    }

    /// From when on runs are read, `most` back at most: counted from the last run that any row knows, so that what is known of a
    /// dead scheduler, and the names of its incidents, stay the same however long ago that was.
    pub fn start(&self, jobs: &[Job], most: Millis) -> Instant {
        let last = jobs.iter().filter_map(Job::last_run).map(Run::end).filter(|end| *end <= self.now).max();
        last.unwrap_or(self.now).plus(-self.back.saturating_add(MARGIN).min(most))
    }

    /// How far ahead of the audit a time may lie: what is written while it is read. An audit of the past may meet rows that were
    /// written later, but not in another age.
    pub fn ahead(&self) -> Millis {
        if self.is_live { 10 * SECOND } else { 366 * DAY }
    }

    /// A time, unless it lies in the future, where it says nothing.
    pub fn credible(&self, at: Option<Instant>) -> Option<Instant> {
        at.filter(|at| at.since(self.now) <= self.ahead())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_lie_ten_seconds_ahead_of_an_audit_as_of_now_and_a_year_ahead_of_one_of_the_past() {
        let now = Instant::from_millis(1_772_445_600_000);
        let window = |is_live| Window {
            now,
            back: DAY,
            zone: None,
            machine_zone: Zone::UTC,
            errors: true,
            is_live,
            asks_process: false,
            deadline: Clock::now(),
        };
        for (is_live, ahead) in [(true, 10 * SECOND), (false, 366 * DAY)] {
            let is_credible = |span: Millis| window(is_live).credible(Some(now.plus(span))).is_some();
            assert!(is_credible(ahead) && !is_credible(ahead + 1));
        }
    }
}
