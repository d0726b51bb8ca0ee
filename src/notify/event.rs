//! What a call of `--notify` tells of an incident.

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
