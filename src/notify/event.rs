//! What a call of `--notify` tells of an incident, and what is wanted.

use crate::catalog::Severity;
use crate::time::Millis;

/// What happened to an incident since the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It was not told before.
    New,
    /// It was told with a lower severity.
    Worse,
    /// It has lasted for long since it was told.
    Reminder,
    /// It is over.
    Over,
}

impl Event {
    /// Its name in the environment of a command.
    pub fn word(self) -> &'static str {
        match self {
            Event::New => "new",
            Event::Worse => "worse",
            Event::Reminder => "reminder",
            Event::Over => "over",
        }
    }
}

/// Which news are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The least severity that is told.
    pub least: Severity,
    /// How long after it was told an ongoing incident is told again; None for never.
    pub remind: Option<Millis>,
}
