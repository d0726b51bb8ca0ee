//! The table of runs, of which the scheduler keeps the newest 1,000 of all jobs together.

use super::super::ids;
use super::super::table::Table;
use super::super::value::{stamp, text};
use crate::db::ReadError;
use crate::time::Instant;
use rusqlite::Connection;

/// The table by which a database is recognized.
pub const JOB_TABLE: &str = "executions";
/// The tables whose columns may be read, and nothing else.
pub const TABLES: [&str; 1] = [JOB_TABLE];
/// The columns that tell it from another program's.
const COLUMNS: [&str; 6] = ["job_id", "source", "process_id", "claimed_at", "started_at", "finished_at"];
/// How the errors begin of runs that ended with their process: by a stop, or as 0.20 finds out at the next start.
const INTERRUPTIONS: [&str; 2] = ["Gateway shutdown", "Fire claim lost"];
/// A hundred times what there can be.
const MAX_ROWS: usize = 100_000;

/// A run.
#[derive(Debug, Clone)]
pub struct Execution {
    pub job_id: String,
    /// Whether the ticker began it, and not a person or a program.
    pub is_by_ticker: bool,
    /// What tells the process that ran it from others.
    pub process: String,
    pub status: Status,
    /// When it was due and taken: what is late is late until then.
    pub claimed: Instant,
    /// When a thread took it; None while it waits for one.
    pub started: Option<Instant>,
    pub finished: Option<Instant>,
    /// The first line of its error.
    pub error: Option<String>,
    /// What became of its message, in versions that say so.
    pub delivery: Option<String>,
}

/// How a run goes or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It goes on, or waits.
    Open,
    Completed,
    Failed,
    /// Its process ended in it, which the next start found out.
    Cut,
    /// A word of a version that is not known.
    Unknown,
}

impl Execution {
    /// Whether it ended with its process, by its error.
    pub fn was_interrupted(&self) -> bool {
        self.error.as_deref().is_some_and(is_interruption)
    }

    /// When it began its work, or was taken.
    pub fn began(&self) -> Instant {
        self.started.unwrap_or(self.claimed)
    }
}

/// Whether an error is what the scheduler writes of a run that ended with its process.
pub fn is_interruption(error: &str) -> bool {
    INTERRUPTIONS.iter().any(|begin| error.starts_with(begin))
}

/// Whether a database with a table `executions` is one of Hermes: other programs have one too.
///
/// # Errors
/// What SQLite says.
pub fn recognizes(db: &Connection) -> Result<bool, ReadError> {
    let table = Table::find(db, JOB_TABLE)?;
    Ok(table.is_some_and(|table| COLUMNS.iter().all(|column| table.has(column))))
}

/// Reads all runs, in the order of their claims.
///
/// # Errors
/// What is wrong with the database.
pub fn read(db: &Connection) -> Result<Vec<Execution>, ReadError> {
    let Some(table) = Table::find(db, JOB_TABLE)? else { return Ok(Vec::new()) };
    let columns = [
        "job_id",
        "source",
        "process_id",
        "status",
        "claimed_at",
        "started_at",
        "finished_at",
        "error",
        "delivery_outcome",
        "id",
    ];
    let mut statement = db.prepare(&table.select(&columns))?;
    let mut rows = statement.query([])?;
    let mut read = Vec::new();
    let mut ids = std::collections::HashSet::new();
    while let Some(row) = rows.next()? {
        if read.len() >= MAX_ROWS {
            return Err(ReadError::Unusable(format!("has more than {MAX_ROWS} runs: too many to audit")));
        }
        if !ids.insert(ids::bytes(row.get_ref(9)?)) {
            return Err(ReadError::ReadTwice(JOB_TABLE));
        }
        let word = |index: usize| Ok::<_, ReadError>(text(row.get_ref(index)?).unwrap_or_default());
        let time = |index: usize| Ok::<_, ReadError>(stamp(row.get_ref(index)?).instant());
        let (claimed, started, finished) = (time(4)?, time(5)?, time(6)?);
        let Some(claimed) = claimed.or(started) else { continue };
        read.push(Execution {
            job_id: ids::id(&ids::bytes(row.get_ref(0)?)),
            is_by_ticker: word(1)? == "builtin",
            process: word(2)?,
            status: status(&word(3)?, finished),
            claimed,
            started,
            finished,
            error: text(row.get_ref(7)?).and_then(|error| Some(error.lines().next()?.to_owned())),
            delivery: text(row.get_ref(8)?),
        });
    }
    read.sort_by_key(|run| run.claimed);
    Ok(read)
}

fn status(word: &str, finished: Option<Instant>) -> Status {
    match word {
        "completed" => Status::Completed,
        "unknown" => Status::Cut,
        "failed" => Status::Failed,
        "claimed" | "running" => Status::Open,
        _ if finished.is_none() => Status::Open,
        _ => Status::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_of_a_run_that_goes_on_until_it_has_ended() {
        let now = Some(Instant::MIN);
        assert_eq!([status("paused", None), status("paused", now)], [Status::Open, Status::Unknown]);
        assert_eq!([status("completed", now), status("unknown", now)], [Status::Completed, Status::Cut]);
        assert_eq!([status("failed", now), status("claimed", now)], [Status::Failed, Status::Open]);
    }
}
