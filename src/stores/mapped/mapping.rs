//! How the store of a scheduler is read.

use super::advice;
use super::query::Query;
use super::values::{Form, TimeForm, Words};
use crate::model::{AdviceTable, LifeWords, SchedulerTraits, UNKNOWN_PLACES};
use crate::schedule::{self, Cron, Fields, When, Written};
use crate::time::{MINUTE, Millis};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

/// A `[[store]]` of the config file.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Its name, for `--store`.
    pub name: String,
    /// The file that it comes from, and the line on which it begins.
    pub place: (PathBuf, usize),
    /// The tables by which a database is recognized, and which alone may be read.
    pub tables: Vec<String>,
    /// Columns that not every version has, as table and column: NULL where they are missing.
    pub optional: Vec<(String, String)>,
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
    /// How long it keeps its runs.
    pub keeps: Option<Millis>,
    /// How long after the nth error in a row it tries again.
    pub backoff: Vec<Millis>,
    /// Commands that help with trouble, shown and never run.
    pub commands: Vec<String>,
}

/// How cron expressions are read. All read intervals, `@` names, and a zone before or behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Dialect {
    /// Five fields, as cron(8) reads them, or six with seconds first, or seven with years last
    #[default]
    Posix,
    /// The same, with times left out that a clock change leaves out
    SecondsFirst,
    /// Five fields, or six with seconds last, or seven with years after them, as croniter reads them
    SecondsLast,
    /// As posix, but with more than five fields Sunday is day 1, as in Quartz
    Quartz,
}

impl Dialect {
    /// Reads a schedule.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn parse(self, text: &str) -> Result<Written, String> {
        if self == Dialect::SecondsFirst
            && let Ok(cron) = Cron::parse_openclaw(text)
        {
            return Ok(Written { when: When::Cron(Box::new(cron)), zone: None });
        }
        let fields = match self {
            Dialect::Posix | Dialect::SecondsFirst => Fields::SecondsFirst,
            Dialect::SecondsLast => Fields::SecondsLast,
            Dialect::Quartz => Fields::Quartz,
        };
        schedule::read(text, fields)
    }
}

impl Mapping {
    /// Whether a database with these tables is one of its stores.
    pub fn recognizes(&self, tables: &[String]) -> bool {
        let has = |wanted: &String| tables.iter().any(|table| table.eq_ignore_ascii_case(wanted));
        self.tables.iter().all(has)
    }

    /// How its scheduler works; `hides_runs` says whether runs in flight are not on record.
    pub fn traits(&self, hides_runs: bool) -> SchedulerTraits {
        SchedulerTraits {
            max_concurrent: self.parallel.unwrap_or(UNKNOWN_PLACES),
            records_starts: true,
            backoff: Cow::Owned(self.backoff.clone()),
            retries_in_slot: true,
            breaker_limit: 10,
            session_delay: MINUTE,
            restart_stagger: None,
            startup: MINUTE,
            name: "scheduler",
            stops: "stopped",
            stopped: "the scheduler has stopped it",
            timer_sleeps: MINUTE,
            hides_runs,
            moves_before: self.moves_before,
            dates_edits: true,
            life: LifeWords::LEASE,
            advice: AdviceTable {
                rows: advice::ROWS,
                error_place: advice::ERROR_PLACE,
                options: None,
                commands: self.commands.clone(),
            },
        }
    }

    /// One of its queries, by its key in the config file.
    pub fn query(&self, key: &'static str, text: &str) -> Query {
        let optional = self.optional.clone();
        Query { mapping: self.name.clone(), place: self.place.clone(), key, text: text.to_owned(), optional }
    }
}
