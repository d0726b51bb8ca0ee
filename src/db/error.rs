//! Why a database can't be read, and what to do about it.

use rusqlite::ErrorCode;
use std::path::PathBuf;

/// What to do about a damaged file.
const INTEGRITY_HINT: &str = "; check it with sqlite3's `PRAGMA integrity_check`, on a copy";

/// Why a database can't be read. The texts follow its path.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A writer is in the way for a moment: the read is tried again.
    #[error("{0}")]
    Busy(Busy),
    /// No read saw the files at rest before the time-out.
    #[error("changed during each of {retries} reads ({busy}); try again, or increase --timeout")]
    NeverAtRest {
        /// How often it was tried.
        retries: u32,
        /// What was in the way the last time.
        busy: Busy,
    },
    /// The deadline passed.
    #[error("could not be read before the time-out; increase --timeout")]
    TimedOut,
    /// Nothing is there.
    #[error("does not exist; give the path of the scheduler's database")]
    NotFound,
    /// It is out of reach.
    #[error("can't be accessed: {0}; run as a user who may read it, such as the scheduler's")]
    Inaccessible(std::io::Error),
    /// The system says something else.
    #[error("can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// SQLite would cut the path.
    #[error("its path is longer than the {0} bytes that SQLite takes; mount or move it elsewhere")]
    PathTooLong(usize),
    /// A file without a byte.
    #[error("is empty (0 bytes): no scheduler has written to it; check the path")]
    Empty,
    /// A file of something else.
    #[error("is not a SQLite database (its first bytes differ); give the path of the scheduler's database")]
    NotSqlite,
    /// A directory.
    #[error("is a directory; {}", match .database {
        Some(path) => format!("did you mean {}, or everything under it, with --recursive?", path.display()),
        None => "give the path of a database, or search it with --recursive".to_owned(),
    })]
    Directory {
        /// The database that was probably meant, which is for the caller of this module to find.
        database: Option<PathBuf>,
    },
    /// A pipe, a socket, a device.
    #[error("is {0}, not a regular file; give the scheduler's database")]
    NotRegular(&'static str),
    /// A file beside the database that can't be read, such as its `-wal`.
    #[error("its {name} {error}")]
    Sidecar {
        /// Its name.
        name: String,
        /// Why.
        error: Box<ReadError>,
    },
    /// A `-wal` or `-journal` that SQLite did not make.
    #[error("its {0} is not a regular file: SQLite did not write it, look at it")]
    OddSidecar(String),
    /// A transaction that a crash left unfinished.
    #[error(
        "has a hot journal: its writer crashed during a transaction, and reading would require a rollback. Start the \
         scheduler, which rolls it back, or copy the database with its -journal, open the copy with sqlite3, and audit that"
    )]
    HotJournal,
    /// A live log that is somewhere else.
    #[error(
        "is open in WAL mode by {0}, but its -wal is not beside it, so its newest rows can't be seen: give the path that the \
         scheduler uses, or mount the directory instead of the file"
    )]
    LogElsewhere(String),
    /// Writing could not be made impossible.
    #[error("can't be read safely: SQLite's {0} could not be replaced")]
    Unsafe(&'static str),
    /// SQLite's own error.
    #[error("can't be read: {}{}", sqlite_text(.0), corruption_hint(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// The database of something else.
    #[error("{0}")]
    Foreign(String),
    /// A scheduler's database that this version can't judge.
    #[error("{0}")]
    Unusable(String),
    /// A row was read more than once, as from a page that is in a table twice.
    #[error("can't be read: a row of {0} was read twice, as from a damaged file{INTEGRITY_HINT}")]
    ReadTwice(&'static str),
    /// No thread could be started.
    #[error("can't be read: no thread could be started: {0}")]
    Thread(std::io::Error),
}

/// What is in the way for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// The files changed during the read.
    #[error("its writer was active")]
    Changed,
    /// The database file has no quiet moment.
    #[error("it is being written all the time")]
    Writing,
    /// A commit is under way, or the writer never lets go.
    #[error("its writer is in the middle of a commit, or keeps the database locked, as with locking_mode=EXCLUSIVE")]
    Committing,
    /// The `-wal` is going away.
    #[error("its log is being removed")]
    LogRemoved,
    /// SQLite met a lock.
    #[error("its writer holds a lock")]
    Locked,
}

impl From<Busy> for ReadError {
    fn from(busy: Busy) -> ReadError {
        ReadError::Busy(busy)
    }
}

impl ReadError {
    /// Whether the database belongs to something else than a scheduler.
    pub fn is_foreign(&self) -> bool {
        matches!(self, ReadError::Foreign(_))
    }

    /// SQLite's code, if it is SQLite's error.
    pub fn sqlite_code(&self) -> Option<ErrorCode> {
        match self {
            ReadError::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }
}

/// SQLite's message; for an open that fails, that would be our URI.
fn sqlite_text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) if !text.starts_with("file:") => text.clone(),
        rusqlite::Error::SqliteFailure(failure, _) => failure.to_string(),
        other => other.to_string(),
    }
}

fn corruption_hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => INTEGRITY_HINT,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi::{SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_ERROR, SQLITE_INTERRUPT, SQLITE_NOTADB};

    #[test]
    fn sqlites_errors_are_shown_in_its_words_with_a_hint_and_never_with_our_uri() {
        let text = |code, text: Option<&str>| {
            let error = rusqlite::ffi::Error::new(code);
            ReadError::from(rusqlite::Error::SqliteFailure(error, text.map(str::to_owned))).to_string()
        };
        assert_eq!(text(SQLITE_ERROR, Some("no such table: x")), "can't be read: no such table: x");
        let hint = "; check it with sqlite3's `PRAGMA integrity_check`, on a copy";
        assert_eq!(text(SQLITE_CORRUPT, Some("malformed")), format!("can't be read: malformed{hint}"));
        assert!(text(SQLITE_NOTADB, None).ends_with(hint));
        let unopened = text(SQLITE_CANTOPEN, Some("file:///a.db?mode=ro"));
        assert!(unopened.starts_with("can't be read: ") && !unopened.contains("file:"), "{unopened}");
        assert_eq!(text(SQLITE_INTERRUPT, Some("interrupted")), "can't be read: interrupted");
        let other = ReadError::from(rusqlite::Error::InvalidQuery).to_string();
        assert_eq!(other, "can't be read: Query is not read-only");
    }
}
