//! The state file: what was told, one entry per incident and database.

use crate::catalog::Severity;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};

/// Raised when the meaning of the file changes.
const VERSION: u32 = 1;
/// How long a call waits for its turn: a little longer than another one may take to tell its news.
const PATIENCE: Duration = Duration::from_secs(150);
const STEP: Duration = Duration::from_millis(20);

/// What was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The incidents that were told and are not over.
    pub told: Vec<Entry>,
}

/// An incident that was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The absolute path of its database; empty where nothing could be audited at all.
    pub database: String,
    /// Which jobs the call had selected: another selection says nothing about this incident.
    pub scope: String,
    /// The incident's fingerprint, or `unread` for a database that can't be audited.
    pub fingerprint: String,
    /// The worst severity that was told.
    pub severity: Severity,
    /// Its headline when it was told.
    pub headline: String,
    /// When it began, in milliseconds since 1970; None if that is not known.
    pub since: Option<i64>,
    /// When it was last told, in milliseconds since 1970.
    pub told_at: i64,
}

/// Why the state file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No place for it.
    #[error("--notify needs a state file, and neither XDG_STATE_HOME nor HOME is set: pass --state FILE")]
    NoPlace,
    /// Another call has not finished.
    #[error("{}: another call is still telling its news; nothing was audited", .0.display())]
    Busy(PathBuf),
    /// It can't be read or written.
    #[error("{}: {what}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        what: &'static str,
        /// The system's error.
        error: std::io::Error,
    },
    /// It is something else.
    #[error("{}: is not a state file of this version of sched-audit, so everything was told as new: move it away", .0.display())]
    Foreign(PathBuf),
}

impl Default for State {
    fn default() -> State {
        State { version: VERSION, told: Vec::new() }
    }
}

impl State {
    /// Reads the file; a file that is empty, or not there, says that nothing was told.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn read(path: &Path) -> Result<State, StateError> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::default()),
            Err(error) => return Err(failed(path, "can't be read", error)),
            Ok(text) if text.trim().is_empty() => return Ok(State::default()),
            Ok(text) => text,
        };
        let state = serde_json::from_str::<State>(&text).ok().filter(|state| state.version == VERSION);
        state.ok_or_else(|| StateError::Foreign(path.to_owned()))
    }

    /// What was told of an incident.
    pub fn entry(&self, database: &str, scope: &str, fingerprint: &str) -> Option<&Entry> {
        self.told.iter().find(|entry| entry.is_of(database, scope) && entry.fingerprint == fingerprint)
    }

    /// Takes in what was just told, in place of what was told of the same incident before.
    pub fn remember(&mut self, told: Entry) {
        self.forget(&told);
        self.told.push(told);
    }

    /// Forgets the incident of an entry.
    pub fn forget(&mut self, over: &Entry) {
        self.told.retain(|entry| !(entry.is_of(&over.database, &over.scope) && entry.fingerprint == over.fingerprint));
    }

    /// Replaces the file atomically.
    ///
    /// # Errors
    /// Why it can't be written.
    pub fn write(&self, path: &Path, _turn: &Turn) -> Result<(), StateError> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.write_all(b"\n")?;
            // Renamed before it is on disk, it could be empty after a crash.
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|error| failed(path, "can't be written, so all of it is told again", error))
    }
}

impl Entry {
    /// Whether it was told of this database, by a call that selected the same jobs.
    pub fn is_of(&self, database: &str, scope: &str) -> bool {
        self.database == database && self.scope == scope
    }

    /// When the incident began.
    pub fn since(&self) -> Option<Instant> {
        self.since.map(Instant::from_millis)
    }
}

/// The right to read and replace the state file, for as long as it is kept.
pub struct Turn {
    /// Locked; closing it gives the turn to the next call.
    _lock: File,
}

impl Turn {
    /// Waits until no other call has it.
    ///
    /// # Errors
    /// Why the lock can't be had.
    pub fn wait(state: &Path) -> Result<Turn, StateError> {
        let directory = state.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|error| failed(directory, "can't be created", error))?;
        let mut path = state.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let lock = File::options().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(|error| failed(&path, "can't be opened", error))?;
        let deadline = Clock::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Turn { _lock: lock }),
                Err(TryLockError::WouldBlock) if Clock::now() < deadline => std::thread::sleep(STEP),
                Err(TryLockError::WouldBlock) => return Err(StateError::Busy(state.to_owned())),
                Err(TryLockError::Error(error)) => return Err(failed(&path, "can't be locked", error)),
            }
        }
    }
}

fn failed(path: &Path, what: &'static str, error: std::io::Error) -> StateError {
    StateError::Io { path: path.to_owned(), what, error }
}

/// `$XDG_STATE_HOME/sched-audit/state.json`.
///
/// # Errors
/// That neither XDG_STATE_HOME nor HOME is set.
pub fn default_place() -> Result<PathBuf, StateError> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    home.map(|home| home.join("sched-audit/state.json")).ok_or(StateError::NoPlace)
}

/// A path from the root, with the links of its directory followed where it exists.
pub fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return path };
    std::fs::canonicalize(&path)
        .or_else(|_| std::fs::canonicalize(directory).map(|directory| directory.join(name)))
        .unwrap_or(path)
}

/// A database's name in the state file.
pub fn name_of(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}
