//! The state file: what was told, one entry per incident and database.

use super::place;
use crate::catalog::Severity;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Raised when the meaning of the file changes.
const VERSION: u32 = 1;
/// Stands for the fingerprint of a database that can't be audited.
pub const UNREAD: &str = "unread";
/// More is no state file.
const MAX_FILE_LEN: u64 = 64 << 20;

/// What was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The incidents that were told and are not over.
    pub told: Vec<Entry>,
    /// The databases that an earlier call could not audit, and that were not told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
}

/// An incident that was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The real path of its database; empty where nothing could be audited at all.
    pub database: String,
    /// Which jobs the call had selected: another selection says nothing about this incident.
    pub scope: String,
    /// The incident's fingerprint, or `unread` for a database that can't be audited.
    pub fingerprint: String,
    /// What was expected, if that is what is missing: it belongs to no single database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// The worst severity that was told.
    pub severity: Severity,
    /// Its headline when it was told.
    pub headline: String,
    /// When it began, in milliseconds since 1970; None if that is not known.
    pub since: Option<i64>,
    /// When it was last told, in milliseconds since 1970.
    pub told_at: i64,
    /// What it had done when it was last seen.
    #[serde(default)]
    pub damage: Damage,
}

/// What an incident has done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Damage {
    /// The name of its cause; empty for a database that can't be audited.
    pub cause: String,
    /// The names of its jobs, the most affected first.
    pub jobs: Vec<String>,
    /// How many slots they lost.
    pub lost: u64,
}

/// A job that must exist in one of some databases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The pattern that it must match.
    pub pattern: String,
    /// The databases and directories of the call, sorted.
    pub among: Vec<String>,
}

/// A database that could not be audited once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// As in an entry.
    pub database: String,
    /// As in an entry.
    pub scope: String,
    /// When that was, in milliseconds since 1970.
    pub since: i64,
}

/// Why the state file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No place for it.
    #[error("--notify needs a state file, and neither XDG_STATE_HOME nor HOME is set: pass --state FILE")]
    NoPlace,
    /// It would be beside a database.
    #[error("{}: is in the directory of a database, where nothing is ever written: give --state another place", .0.display())]
    BesideDatabase(PathBuf),
    /// Another program has locked it for too long.
    #[error("{}: another program has kept the lock until the time-out", .0.display())]
    Busy(PathBuf),
    /// It is a directory, a pipe, a device.
    #[error("{}: is not a regular file", .0.display())]
    NotRegular(PathBuf),
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
    #[error("{}: is not a state file of this version of sched-audit", .0.display())]
    Foreign(PathBuf),
    /// It was something else, and is out of the way.
    #[error("{}: was not a state file of this version of sched-audit, and was renamed to {}; everything was told as new", .path.display(), .aside.display())]
    SetAside {
        /// The file.
        path: PathBuf,
        /// Where it is now.
        aside: PathBuf,
    },
}

impl Default for State {
    fn default() -> State {
        State { version: VERSION, told: Vec::new(), waiting: Vec::new() }
    }
}

impl State {
    /// Reads the file; a file that is empty, or not there, says that nothing was told.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn read(path: &Path) -> Result<State, StateError> {
        let failed = |error| StateError::io(path, "can't be read", error);
        // To open a pipe would wait for its writer.
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::default()),
            Err(error) => return Err(failed(error)),
            Ok(meta) if !meta.is_file() => return Err(StateError::NotRegular(path.to_owned())),
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(MAX_FILE_LEN).read_to_end(&mut bytes)).map_err(failed)?;
        if bytes.trim_ascii().is_empty() {
            return Ok(State::default());
        }
        match serde_json::from_slice::<State>(&bytes) {
            Ok(state) if state.version == VERSION => Ok(state.with_real_paths()),
            _ => Err(StateError::Foreign(path.to_owned())),
        }
    }

    /// The same file by another path is the same.
    fn with_real_paths(mut self) -> State {
        let of_told = self.told.iter_mut().map(|entry| &mut entry.database);
        let of_waiting = self.waiting.iter_mut().map(|waiting| &mut waiting.database);
        for database in of_told.chain(of_waiting).filter(|database| !database.is_empty()) {
            *database = place::name_of(Path::new(database.as_str()));
        }
        self
    }

    /// What was told of the incident of an entry.
    pub fn known(&self, entry: &Entry) -> Option<&Entry> {
        self.told.iter().find(|told| told.is_same(entry))
    }

    /// Takes in what was just told, in place of what was told of the same incident before.
    pub fn remember(&mut self, told: Entry) {
        self.forget(&told);
        self.told.push(told);
    }

    /// Takes in what an incident that was told has done meanwhile.
    pub fn update(&mut self, lasting: &Entry) {
        if let Some(told) = self.told.iter_mut().find(|told| told.is_same(lasting)) {
            told.damage.clone_from(&lasting.damage);
            told.expected.clone_from(&lasting.expected);
        }
    }

    /// Forgets the incident of an entry.
    pub fn forget(&mut self, over: &Entry) {
        self.told.retain(|told| !told.is_same(over));
    }

    /// Replaces the file atomically.
    ///
    /// # Errors
    /// Why it can't be written.
    pub fn write(&self, path: &Path) -> Result<(), StateError> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.write_all(b"\n")?;
            // Renamed before it is on disk, it could be empty after a crash.
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|error| StateError::io(path, "can't be written", error))
    }
}

impl Entry {
    /// Whether both are of one incident, told by calls that selected the same jobs.
    pub fn is_same(&self, other: &Entry) -> bool {
        self.scope == other.scope
            && match (&self.expected, &other.expected) {
                (Some(one), Some(other)) => one == other,
                _ => self.database == other.database && self.fingerprint == other.fingerprint,
            }
    }

    /// When the incident began.
    pub fn since(&self) -> Option<Instant> {
        self.since.map(Instant::from_millis)
    }
}

impl StateError {
    /// That something failed with a file.
    pub fn io(path: &Path, what: &'static str, error: std::io::Error) -> StateError {
        StateError::Io { path: path.to_owned(), what, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(database: &str, expected: Option<&str>) -> Entry {
        let among = vec!["/a".to_owned(), "/b".to_owned()];
        Entry {
            database: database.to_owned(),
            scope: String::new(),
            fingerprint: format!("of {database}"),
            expected: expected.map(|pattern| Expected { pattern: pattern.to_owned(), among }),
            severity: Severity::Critical,
            headline: String::new(),
            since: None,
            told_at: 0,
            damage: Damage::default(),
        }
    }

    #[test]
    fn an_expected_job_is_missing_from_all_databases_and_from_none_in_particular() {
        assert!(entry("/a", Some("nightly")).is_same(&entry("/b", Some("nightly"))));
        assert!(!entry("/a", Some("nightly")).is_same(&entry("/a", Some("hourly"))));
        assert!(!entry("/a", None).is_same(&entry("/b", None)));
    }

    #[test]
    fn a_file_of_the_version_before_is_read_and_one_of_the_next_is_not() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = directory.path().join("state.json");
        let read = |version: u32| {
            let entry = r#"{"database":"/a","scope":"","fingerprint":"f","severity":"critical","headline":"h","since":null,"told_at":1}"#;
            let text = format!(r#"{{"version":{version},"told":[{entry}]}}"#);
            std::fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
            State::read(&path)
        };
        assert!(read(1).is_ok_and(|state| state.told.len() == 1));
        assert!(matches!(read(2), Err(StateError::Foreign(_))));
    }
}
