//! Why something could not be audited.

use crate::db::ReadError;
use std::path::PathBuf;

/// Why a database could not be audited. The texts follow its path.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It was read, but not judged in time.
    #[error("could not be judged before the time-out; increase --timeout")]
    JudgingTimedOut,
    /// A word that other programs take as a command.
    #[error("does not exist; {0}")]
    Word(&'static str),
    /// A directory could not be searched.
    #[error("can't be searched: {0}")]
    Search(String),
    /// A directory was not searched in time.
    #[error("could not be searched before the time-out; increase --timeout")]
    SearchTimedOut,
    /// A directory without a database.
    #[error("contains no scheduler database: no SQLite file in it has a scheduler's tables")]
    EmptyDirectory,
    /// A bug.
    #[error("internal error: {0}; please report it")]
    Internal(String),
}

/// Why nothing could be audited at all.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The command line or the config file, in their own words.
    #[error("{0}")]
    Options(String),
    /// No database was named, and none is where they usually are.
    #[error("no scheduler database was found; looked for {}: give its path", .0.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", "))]
    NothingFound(Vec<PathBuf>),
    /// `--job` selects nothing.
    #[error("no job's id or name matches {}; check --job", .0.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(", "))]
    NoJobMatches(Vec<String>),
    /// `--history` of every job.
    #[error("--history shows the jobs that --job names: add --job and an id or a name{}", .0.as_ref().map_or_else(String::new, |name| format!(", such as --job {name:?}")))]
    HistoryOfAll(Option<String>),
    /// The report was not ready in time.
    #[error("the report was not ready before the time-out; increase --timeout")]
    TimedOut,
    /// The system refuses.
    #[error("signals can't be handled: {0}")]
    Signals(std::io::Error),
    /// The system refuses.
    #[error("no thread could be started: {0}")]
    Thread(std::io::Error),
    /// A bug.
    #[error("internal error: {0}; please report it")]
    Internal(String),
}
