//! `--notify`: tells each incident once, to a command or on stdout, and remembers what was told.
//!
//! What was told is kept in a state file, which is replaced only after the command has ended with 0: what could not be told, or
//! not be remembered, is told again by the next call. Calls with the same state file take turns.

mod command;
mod news;
mod state;

pub use state::default_place;

use crate::catalog::Severity;
use crate::options::Options;
use crate::output;
use crate::report::Report;
use crate::time::Millis;
use command::{Command, Environment};
use news::News;
use state::{State, Turn};
use std::path::{Path, PathBuf};

/// Whom to tell what, and where that is remembered.
#[derive(Debug, Clone)]
pub struct Notify {
    /// A command for `sh -c`; None to print the news.
    pub command: Option<String>,
    /// The least severity that is told.
    pub least: Severity,
    /// How long after it was told an ongoing incident is told again; None for never.
    pub remind: Option<Millis>,
    /// The state file.
    pub state: PathBuf,
}

/// Why something could not be told or remembered.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// No place for the state file.
    #[error("--notify needs a state file, and neither XDG_STATE_HOME nor HOME is set: pass --state FILE")]
    NoPlace,
    /// The state file would be beside a database.
    #[error("{}: is in the directory of a database, where nothing is ever written: give --state another place", .0.display())]
    BesideDatabase(PathBuf),
    /// Another call has not finished.
    #[error("{}: another call is still telling its news; nothing was audited", .0.display())]
    Busy(PathBuf),
    /// The state file can't be read or written.
    #[error("{}: {what}: {error}", .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What failed.
        what: &'static str,
        /// The system's error.
        error: std::io::Error,
    },
    /// The state file is something else.
    #[error("{}: is not a state file of this version of sched-audit, so everything was told as new: move it away", .0.display())]
    Foreign(PathBuf),
    /// The command failed.
    #[error("--notify: {0}; it is told again by the next call")]
    Command(String),
}

impl Notify {
    /// Waits for its turn; until the result is dropped, no other call with this state file audits or tells anything.
    ///
    /// # Errors
    /// Why the file can't be used.
    pub fn take_turn(&self, options: &Options) -> Result<Turn, NotifyError> {
        let home = state::absolute(&self.state);
        let databases = options.databases.iter().map(|path| state::absolute(path));
        let mut beside = databases.filter_map(|path| path.parent().map(Path::to_owned));
        let under = options.directories.iter().map(|path| state::absolute(path)).any(|path| home.starts_with(path));
        if under || beside.any(|directory| home.parent() == Some(&directory)) {
            return Err(NotifyError::BesideDatabase(self.state.clone()));
        }
        Turn::wait(&self.state)
    }

    /// Tells what is new in a report of the jobs of `scope`, and remembers it. Returns what went wrong.
    pub fn tell(&self, report: &Report, scope: &str, turn: &Turn) -> Vec<NotifyError> {
        let (mut state, mut errors) = match State::read(&self.state) {
            Ok(state) => (state, Vec::new()),
            Err(error) => (State::default(), vec![error]),
        };
        let may_remember = errors.is_empty();
        let before = state.clone();
        let mut command = Command::new(self.command.as_deref());
        for news in news::find(report, &state, self, scope) {
            let told = match &mut command {
                Some(command) => command.run(&news.text, &environment(&news)),
                None => output::all_to_stdout(&format!("{}\n", news.text)).map_err(|error| error.to_string()),
            };
            match told {
                Ok(()) => state.remember(&news),
                Err(why) => errors.push(NotifyError::Command(why)),
            }
        }
        state.forget_muted(report, scope);
        if may_remember
            && state != before
            && let Err(error) = state.write(&self.state, turn)
        {
            errors.push(error);
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
        ("SCHED_AUDIT_HOST", command::host()),
        ("SCHED_AUDIT_DATABASE", news::shown(&entry.database)),
        ("SCHED_AUDIT_FINGERPRINT", entry.fingerprint.clone()),
    ]
}
