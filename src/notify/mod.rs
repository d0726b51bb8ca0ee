//! `--notify`: tells each incident once, to a command or on stdout, and remembers what was told.
//!
//! What was told is kept in a state file, which is replaced only after the command has ended with 0: what could not be told, or
//! not be remembered, is told again by the next call. Calls with the same state file take turns.

mod command;
mod news;
mod state;

pub use news::Wanted;
pub use state::{StateError, default_place};

use crate::output;
use crate::report::Report;
use command::{Command, Environment};
use news::{Event, News};
use state::{State, Turn};
use std::path::{Path, PathBuf};

/// Whom to tell what, and where that is remembered.
#[derive(Debug, Clone)]
pub struct Notify {
    /// A command for `sh -c`; None to print the news.
    pub command: Option<String>,
    /// What is told.
    pub wanted: Wanted,
    /// The state file.
    pub state: PathBuf,
}

/// Why something could not be told or remembered.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The state file would be beside a database.
    #[error("{}: is in the directory of a database, where nothing is ever written: give --state another place", .0.display())]
    BesideDatabase(PathBuf),
    /// The state file can't be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The command failed.
    #[error("--notify: {0}; it is told again by the next call")]
    Command(String),
}

impl Notify {
    /// Waits for its turn to tell of these databases, and of those in these directories; until the result is dropped, no other
    /// call with this state file audits or tells anything.
    ///
    /// # Errors
    /// Why the file can't be used.
    pub fn take_turn(&self, databases: &[PathBuf], directories: &[PathBuf]) -> Result<Turn, NotifyError> {
        let home = state::absolute(&self.state);
        let databases = databases.iter().map(|path| state::absolute(path));
        let mut beside = databases.filter_map(|path| path.parent().map(Path::to_owned));
        let under = directories.iter().map(|path| state::absolute(path)).any(|path| home.starts_with(path));
        if under || beside.any(|directory| home.parent() == Some(&directory)) {
            return Err(NotifyError::BesideDatabase(self.state.clone()));
        }
        Ok(Turn::wait(&self.state)?)
    }

    /// Tells what is new in a report of the jobs of `scope`, and remembers it. Returns what went wrong.
    pub fn tell(&self, report: &Report, scope: &str, turn: &Turn) -> Vec<NotifyError> {
        let (mut state, mut errors) = match State::read(&self.state) {
            Ok(state) => (state, Vec::new()),
            Err(error) => (State::default(), vec![error.into()]),
        };
        let may_remember = errors.is_empty();
        let before = state.clone();
        let mut command = Command::new(self.command.as_deref());
        for news in news::find(report, &state, &self.wanted, scope) {
            let told = match &mut command {
                Some(command) => command.run(&news.text, &environment(&news)),
                None => output::all_to_stdout(&format!("{}\n", news.text)).map_err(|error| error.to_string()),
            };
            match told {
                Ok(()) if news.event == Event::Over => state.forget(&news.entry),
                Ok(()) => state.remember(news.entry),
                Err(why) => errors.push(NotifyError::Command(why)),
            }
        }
        state.told.retain(|entry| !news::is_muted(entry, report, scope));
        if may_remember
            && state != before
            && let Err(error) = state.write(&self.state, turn)
        {
            errors.push(error.into());
        }
        errors
    }
}

fn environment(news: &News) -> Environment {
    let entry = &news.entry;
    [
        ("SCHED_AUDIT_EVENT", news.event.word().to_owned()),
        ("SCHED_AUDIT_TITLE", news.title.clone()),
        ("SCHED_AUDIT_SEVERITY", entry.severity.word().to_owned()),
        ("SCHED_AUDIT_HOST", news::host()),
        ("SCHED_AUDIT_DATABASE", news::shown(&entry.database)),
        ("SCHED_AUDIT_FINGERPRINT", entry.fingerprint.clone()),
    ]
}
