//! `--notify`: tells each incident once, to a command or on stdout, and remembers what was told.
//!
//! What was told is kept in a state file, which is replaced only after the command has ended with 0: what could not be told, or
//! not be remembered, is told again by the next call. Calls with the same state file take turns. Whatever is wrong with the
//! file, the lock, or the options, the news are told all the same.

mod command;
mod event;
mod memory;
mod message;
mod news;
mod place;
mod state;
mod trial;

pub use event::Wanted;
pub use memory::Memory;
pub use news::Sight;
pub use state::StateError;

use crate::catalog::{Severity, Status};
use crate::output;
use crate::report::{COULD_NOT_AUDIT, Calendar, Report};
use command::{Command, Environment};
use event::Event;
use news::{Finder, News, Present};
use state::State;
use std::path::{Path, PathBuf};
use std::time::Instant as Clock;

/// Whom to tell what, and where that is remembered.
#[derive(Debug, Clone)]
pub struct Notify {
    /// A command for `sh -c`; None to print the news.
    pub command: Option<String>,
    /// What is told.
    pub wanted: Wanted,
    /// The state file; None for the usual one.
    pub state: Option<PathBuf>,
}

/// Why something could not be told or remembered.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The state file can't be used.
    #[error("{0}; what is new is told all the same, and may be told again")]
    State(StateError),
    /// The state file is a new one.
    #[error(transparent)]
    Anew(StateError),
    /// The command failed.
    #[error("--notify: {0}; it is told again by the next call")]
    Command(String),
}

impl From<StateError> for NotifyError {
    fn from(error: StateError) -> NotifyError {
        match error {
            StateError::SetAside { .. } => NotifyError::Anew(error),
            error => NotifyError::State(error),
        }
    }
}

impl Notify {
    /// Waits for its turn to tell of these databases, and of those in these directories, though not beyond the deadline. Until
    /// the result is dropped, no other call with this state file audits or tells anything.
    pub fn recall(&self, databases: &[PathBuf], directories: &[PathBuf], deadline: Clock) -> Memory {
        Memory::recall(self.state.as_deref(), databases, directories, deadline)
    }

    /// Tells what is new in a report, and remembers it. Returns what went wrong.
    pub fn tell(&self, report: &Report, sight: &Sight, mut memory: Memory) -> Vec<NotifyError> {
        let mut teller = Teller::new(self.command.as_deref());
        let present = Present::new(report, sight);
        let lasts = memory.lasts();
        for news in self.finder(&present, &memory.state, lasts).news() {
            if teller.tell(&news) {
                match news.event {
                    Event::Over => memory.state.forget(&news.entry),
                    Event::New | Event::Worse | Event::Reminder => memory.state.remember(news.entry),
                }
            }
        }
        memory.state = self.after_telling(&present, &memory.state);
        if lasts && !memory.save() {
            // The next call won't know that it is the second.
            let unread = self.finder(&present, &memory.state, false).news();
            unread.iter().filter(|news| news.event == Event::New).for_each(|news| {
                teller.tell(news);
            });
        }
        memory.errors.into_iter().map(NotifyError::from).chain(teller.errors).collect()
    }

    /// What is to be remembered beside what was told now.
    fn after_telling(&self, present: &Present<'_>, told: &State) -> State {
        let finder = self.finder(present, told, true);
        let mut state = told.clone();
        state.waiting = finder.waiting();
        state.told.retain(|entry| !finder.is_muted(entry));
        present.lasting().for_each(|entry| state.update(entry));
        state
    }

    /// Tells a made-up incident and its end, and remembers nothing. Returns what went wrong.
    pub fn try_out(&self, calendar: Calendar) -> Vec<NotifyError> {
        let mut teller = Teller::new(self.command.as_deref());
        trial::news(calendar).iter().for_each(|news| {
            teller.tell(news);
        });
        teller.errors
    }

    fn finder<'a>(&'a self, present: &'a Present<'a>, state: &'a State, patient: bool) -> Finder<'a> {
        Finder { present, state, wanted: &self.wanted, patient }
    }
}

/// Tells news, one after the other.
struct Teller<'a> {
    /// None to print them.
    command: Option<Command<'a>>,
    errors: Vec<NotifyError>,
}

impl<'a> Teller<'a> {
    fn new(command: Option<&'a str>) -> Teller<'a> {
        Teller { command: command.map(Command::new), errors: Vec::new() }
    }

    /// Tells one. Returns whether it was told.
    fn tell(&mut self, news: &News) -> bool {
        let told = match &mut self.command {
            Some(command) => command.run(&news.text, &environment(news)),
            None => output::all_to_stdout(|out| writeln!(out, "{}", news.text)).map_err(|error| error.to_string()),
        };
        told.map_err(|why| self.errors.push(NotifyError::Command(why))).is_ok()
    }
}

fn environment(news: &News) -> Environment {
    let entry = &news.entry;
    [
        ("SCHED_AUDIT_EVENT", news.event.word().to_owned()),
        ("SCHED_AUDIT_TITLE", news.title.clone()),
        ("SCHED_AUDIT_SEVERITY", entry.severity.word().to_owned()),
        ("SCHED_AUDIT_HOST", message::host()),
        ("SCHED_AUDIT_DATABASE", message::shown(&entry.database)),
        ("SCHED_AUDIT_FINGERPRINT", entry.fingerprint.clone()),
    ]
}

/// The names of databases and directories in the state file, sorted.
pub fn names<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Vec<String> {
    let mut names: Vec<String> = paths.map(|path| place::name_of(Path::new(path))).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The exit code by what lasts: what is over is good news, which cron must not send as that of a failed command.
pub fn exit_code(report: &Report) -> u8 {
    let lasting = report.incidents().into_iter().filter(|located| located.incident.status == Status::Ongoing);
    let worst = lasting.map(|located| located.incident.severity).max();
    let code = worst.map_or(0, |severity| report.fail_on.code(severity));
    let is_unread = !report.unread().is_empty();
    if is_unread && code < Severity::Critical.code() { COULD_NOT_AUDIT } else { code }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_each_is_there_once() {
        let paths = ["/no/b.db", "/no/a.db", "/no/b.db"].map(PathBuf::from);
        assert_eq!(names(paths.iter()), ["/no/a.db", "/no/b.db"]);
    }
}
