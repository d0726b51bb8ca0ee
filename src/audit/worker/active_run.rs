//! A run in flight.

use super::usual::Usual;
use crate::model::JobIndex;
use crate::time::{Instant, Millis};

/// A run in flight.
#[derive(Debug, Clone)]
pub struct ActiveRun {
    /// Its job; None if that has been deleted.
    pub job: Option<JobIndex>,
    /// Its job's id.
    pub job_id: String,
    /// Its job's name, or what is known of a deleted job.
    pub name: String,
    /// What it does.
    pub phase: Phase,
    /// Whether it has not begun its work, but waits for other runs.
    pub waits: bool,
    /// What tells it from any other: when its session showed, or its cost event was written.
    pub mark: Instant,
    /// When it began, as precisely as that is known.
    pub start: Instant,
    /// How long it has taken so far.
    pub elapsed: Millis,
    /// How long runs of its job usually take.
    pub usual: Usual,
    /// How its length compares with what to expect.
    pub length: RunLength,
    /// How it is known that it was cut short.
    pub cut: Option<Cut>,
}

/// How it is known that a run was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The process that has the database open started after the run: then.
    Restarted(Instant),
    /// No process has the database open, which was last written then.
    Died(Instant),
    /// The process has not renewed its lease since then, or was stopped then.
    LeaseOver(Instant),
}

impl Cut {
    /// From when on the run did not keep the worker busy any more.
    pub fn freed(self) -> Instant {
        match self {
            Cut::Restarted(at) | Cut::Died(at) | Cut::LeaseOver(at) => at,
        }
    }
}

/// What a run in flight does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The model works.
    Running,
    /// The model's work is done; its message is being delivered.
    Delivering,
}

/// How the length of a run compares with what to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunLength {
    /// As always.
    Usual,
    /// Longer than this job's runs usually take.
    Unusual,
    /// Longer than the scheduler allows: it hangs, or the process died in it.
    Impossible,
}

impl ActiveRun {
    /// Whether it goes on as a run may: it was not cut short, and does not take longer than the scheduler allows.
    pub fn works(&self) -> bool {
        self.cut.is_none() && self.length < RunLength::Impossible
    }

    /// Whether the model works in it for longer than the scheduler allows.
    pub fn hangs(&self) -> bool {
        self.phase == Phase::Running && !self.waits && self.length == RunLength::Impossible
    }

    /// Whether the process died in it and was not started again, so that everything waits for that.
    pub fn is_left_by_death(&self) -> bool {
        matches!(self.cut, Some(Cut::Died(_) | Cut::LeaseOver(_)))
    }
}
