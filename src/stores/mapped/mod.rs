//! Any scheduler that keeps jobs, next runs, and runs in SQLite, by the operator's own queries: a `[[store]]` of the config file.
//!
//! The names of a query's columns carry their meaning, and what a query does not have is unknown. A query is one SELECT on the
//! tables of its mapping: SQLite's authorizer refuses everything else, and the deadline and the limits hold.

mod advice;
mod jobs;
mod query;
mod runs;
mod values;

pub use values::{Form, TimeForm, Words};

use super::Window;
use crate::db::{Access, ReadError};
use crate::model::{AdviceTable, Fire, Lease, SchedulerTraits, Snapshot};
use crate::schedule::Cron;
use crate::time::{MINUTE, Millis};
use query::Query;
use rusqlite::Connection;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

/// A heartbeat that is older says that the scheduler is dead.
const HEARTBEAT_TERM: Millis = 5 * MINUTE;
/// Runs in flight at a time, where the mapping does not say how many there can be: so many never keep a job waiting.
const UNLIMITED: usize = 100_000;

/// How the store of a scheduler is read: a `[[store]]` of the config file.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Its name, for `--store`.
    pub name: String,
    /// The file that it comes from, and the line on which it begins.
    pub place: (PathBuf, usize),
    /// The tables by which a database is recognized, and which alone may be read.
    pub tables: Vec<String>,
    /// The jobs, one per row.
    pub jobs: String,
    /// Their runs, one per row.
    pub runs: Option<String>,
    /// When the scheduler last gave a sign of life: one value.
    pub heartbeat: Option<String>,
    /// What schedules are, by the value of the column `kind`.
    pub kinds: HashMap<String, Form>,
    /// What the words of the columns `status` and `last_status` mean.
    pub words: Words,
    /// How times are written; None to tell by each value.
    pub time: Option<TimeForm>,
    /// How cron expressions are read.
    pub dialect: Dialect,
    /// Whether the next run is moved before the run that is due.
    pub moves_before: bool,
    /// How many runs it has in flight at most; None for no limit.
    pub parallel: Option<usize>,
    /// The longest run that it allows.
    pub longest_run: Option<Millis>,
    /// How long after the nth error in a row it tries again.
    pub backoff: Vec<Millis>,
    /// Commands that help with trouble, shown and never run.
    pub commands: Vec<String>,
}

/// How cron expressions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Dialect {
    /// Five fields, as cron(8) and croner read them
    #[default]
    Posix,
    /// Five fields, or six with seconds first, or seven with years last; also @daily and the like
    SecondsFirst,
}

impl Dialect {
    fn parse(self, expression: &str) -> Result<Cron, String> {
        match self {
            Dialect::Posix => Cron::parse(expression),
            Dialect::SecondsFirst => Cron::parse_openclaw(expression),
        }
    }
}

impl Mapping {
    /// Whether a database with these tables is one of its stores.
    pub fn recognizes(&self, tables: &[String]) -> bool {
        let has = |wanted: &String| tables.iter().any(|table| table.eq_ignore_ascii_case(wanted));
        self.tables.iter().all(has)
    }

    fn traits(&self, hides_runs: bool) -> SchedulerTraits {
        SchedulerTraits {
            max_concurrent: self.parallel.unwrap_or(UNLIMITED),
            records_starts: true,
            backoff: Cow::Owned(self.backoff.clone()),
            retries_in_slot: true,
            breaker_limit: 10,
            session_delay: MINUTE,
            restart_stagger: None,
            startup: MINUTE,
            stopped: "the scheduler has stopped it",
            timer_sleeps: MINUTE,
            hides_runs,
            moves_before: self.moves_before,
            advice: AdviceTable {
                rows: advice::ROWS,
                error_place: advice::ERROR_PLACE,
                commands: self.commands.clone(),
            },
        }
    }

    fn query(&self, key: &'static str, text: &str) -> Query {
        Query { mapping: self.name.clone(), place: self.place.clone(), key, text: text.to_owned() }
    }
}

/// Reads a database by a mapping.
///
/// # Errors
/// What is wrong with the database, or with a query: then the error names its line.
pub fn read(access: &mut Access<'_>, window: &Window, mapping: &Mapping) -> Result<Snapshot, ReadError> {
    access.consistent_read(|db| Reader { db, window, mapping }.snapshot())
}

/// What one read works with.
struct Reader<'a> {
    db: &'a Connection,
    window: &'a Window,
    mapping: &'a Mapping,
}

impl Reader<'_> {
    fn snapshot(&self) -> Result<Snapshot, ReadError> {
        let mut snapshot = Snapshot::empty(self.mapping.traits(false));
        snapshot.mapping = Some(self.mapping.name.clone());
        let columns = jobs::read(self, &mut snapshot)?;
        let runs = self.mapping.runs.as_ref().map(|runs| runs::read(self, runs, &mut snapshot)).transpose()?;
        let sees_runs = runs == Some(true) || columns.has("running_since");
        snapshot.traits = self.mapping.traits(!sees_runs);
        // What is older than the oldest run on record may have been deleted.
        let starts = snapshot.jobs.iter().flat_map(|job| &job.fires).filter_map(Fire::known_start);
        snapshot.window_start = starts.min().max(Some(self.window.start(&snapshot.jobs, Millis::MAX)));
        snapshot.jobs.iter_mut().for_each(runs::finish);
        if !columns.has("next_run") {
            snapshot.jobs.iter_mut().for_each(|job| jobs::infer_next_run(job, self.window.now));
        }
        self.read_heartbeat(&mut snapshot)?;
        Ok(snapshot)
    }

    fn read_heartbeat(&self, snapshot: &mut Snapshot) -> Result<(), ReadError> {
        let Some(heartbeat) = &self.mapping.heartbeat else { return Ok(()) };
        let query = self.mapping.query("heartbeat", heartbeat);
        let mut prepared = query.prepare(self.db)?;
        let mut rows = prepared.statement.query([])?;
        let newest = match rows.next().map_err(|error| query.failed(error))? {
            Some(row) => values::time(row.get_ref(0)?, self.mapping.time),
            None => None,
        };
        if let Some(beat) = newest.map(|beat| beat.min(self.window.now)) {
            let alive = self.window.now.since(beat) <= HEARTBEAT_TERM;
            snapshot.lease = if alive { Lease::Alive(beat) } else { Lease::Dead(beat) };
            snapshot.last_other_activity = Some(beat);
        }
        Ok(())
    }
}
