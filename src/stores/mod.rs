//! The stores: which scheduler a database belongs to, and how its tables become a [`Snapshot`].
//!
//! Each scheduler has a folder, and an arm in every match on [`Store`] or [`Reader`], which the compiler demands; a mapping reads
//! any other one. Only here and in [`crate::db`] is `rusqlite` named.

mod cron;
mod mapped;
mod models;
mod openclaw;
mod phantom;
mod places;
mod table;
mod value;

pub use mapped::{Dialect, Form, Mapping, TimeForm, Words};
#[cfg(test)]
pub use phantom::for_tests as phantom_for_tests;
pub use places::{is_lock, locate, older_store, usual_places};

use crate::db::{self, Access, ReadError};
use crate::model::{Fire, Job, JobIndex, Outcome, Row, Run, RunError, Schedule, Snapshot, State};
use crate::schedule::Zone;
use crate::time::{DAY, Instant, Millis, SECOND};
use crate::zone;
use clap::ValueEnum;
use rusqlite::Connection;
use std::path::Path;
use std::time::Instant as Clock;

/// A hundred times what a large fleet has; a database with more is out to exhaust us.
const MAX_JOBS: usize = 20_000;
/// Errors of runs are kept up to this length.
const MAX_ERROR_LEN: usize = 500;

/// Read beyond the window, so that what straddles its start is seen whole and a small step of the clock does no harm.
const MARGIN: Millis = DAY;

/// A scheduler whose store can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// The agent phantom
    Phantom,
    /// OpenClaw
    Openclaw,
}

/// How one database is read: where all stores meet.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// By the code for its scheduler.
    Known(Store),
    /// By the operator's queries.
    Mapped(&'a Mapping),
}

impl Reader<'_> {
    /// The name that `--store` takes.
    fn name(self) -> String {
        match self {
            Reader::Known(store) => store.name(),
            Reader::Mapped(mapping) => mapping.name.clone(),
        }
    }

    /// The tables whose columns may be read, and nothing else.
    fn tables(&self) -> Vec<&str> {
        match self {
            Reader::Known(store) => store.tables().to_vec(),
            Reader::Mapped(mapping) => mapping.tables.iter().map(String::as_str).collect(),
        }
    }

    fn read(self, access: &mut Access<'_>, window: &Window) -> Result<Snapshot, ReadError> {
        match self {
            Reader::Known(Store::Phantom) => phantom::read(access, window),
            Reader::Known(Store::Openclaw) => openclaw::read(access, window),
            Reader::Mapped(mapping) => mapped::read(access, window, mapping),
        }
    }
}

/// The reader of that name.
///
/// # Errors
/// The names that there are.
pub fn named<'a>(name: &str, mappings: &'a [Mapping]) -> Result<Reader<'a>, String> {
    let known = Store::value_variants().iter().copied().map(Reader::Known);
    let all: Vec<Reader<'_>> = mappings.iter().map(Reader::Mapped).chain(known).collect();
    let names: Vec<String> = all.iter().map(|reader| reader.name()).collect();
    let found = all.into_iter().find(|reader| reader.name() == name);
    found.ok_or_else(|| format!("--store {name:?}: there are only {}", names.join(", ")))
}

/// With fewer runs a job without a row was not a regular one.
const MIN_OF_REGULAR: usize = 3;

/// A regular job that has no row any more.
fn gone(id: &[u8], fires: Vec<Fire>) -> Job {
    let id = value::id(id);
    let schedule = Schedule::unreadable("unknown", "its row is gone");
    Job { fires, ..Job::new(id, State::Gone, schedule) }
}

/// Takes counts of zero for no counts where no fire has another: nothing shows that the job's runs are counted at all.
fn forget_zeros(fires: &mut [Fire]) {
    if fires.iter().any(|fire| matches!(fire.tokens, Some(1..))) {
        return;
    }
    for fire in fires.iter_mut().filter(|fire| fire.is_empty()) {
        (fire.outcome, fire.tokens) = (Outcome::Unproven, None);
    }
}

/// Rows that were written after the instant of the audit, with their jobs.
type NewerRows = Vec<(JobIndex, Row)>;

/// Gives jobs back the rows that were written ahead of a clock that was set back since: their next run stands. Other newer
/// rows say nothing about the instant of the audit.
fn settle_newer_rows(newer: NewerRows, snapshot: &mut Snapshot) {
    if snapshot.clock_was_at.is_none() {
        return;
    }
    snapshot.sessions_moved_on = false;
    for (job, row) in newer {
        snapshot.jobs[job.position()].row = Some(Row { last_run: None, updated_at: None, delivery: None, ..row });
    }
}

/// What part of a database an audit needs, and by when.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The instant of the audit: later events are not seen.
    pub now: Instant,
    /// Events from this long before `now` on are all read.
    pub back: Millis,
    /// The zone of schedules that name none, if the operator named it.
    pub zone: Option<Zone>,
    /// The zone of this machine.
    pub machine_zone: Zone,
    /// Whether error texts are read.
    pub errors: bool,
    /// Whether the audit is as of now, so that nothing in the database is legitimately later.
    pub is_live: bool,
    /// Whether to ask the operating system which process has the database open.
    pub asks_process: bool,
    /// When reading is given up.
    pub deadline: Clock,
}

impl Window {
    /// The zone in which schedules are read that name none, until the rows tell.
    fn first_zone(&self) -> Zone {
        self.zone.unwrap_or(self.machine_zone)
    }

    /// The error of a run with this first line, whose text is kept if error texts are read.
    fn error(&self, line: &str) -> RunError {
        let text = self.errors.then(|| value::message(line, MAX_ERROR_LEN));
        RunError { text, ..RunError::new(line) }
    }

    /// From when on runs are read, `most` back at most: counted from the last run that any row knows, so that what is known of a
    /// dead scheduler, and the names of its incidents, stay the same however long ago that was.
    fn start(&self, jobs: &[Job], most: Millis) -> Instant {
        let last = jobs.iter().filter_map(Job::last_run).map(Run::end).filter(|end| *end <= self.now).max();
        last.unwrap_or(self.now).plus(-self.back.saturating_add(MARGIN).min(most))
    }

    /// How far ahead of the audit a time may lie: what is written while it is read. An audit of the past may meet rows that were
    /// written later, but not in another age.
    fn ahead(&self) -> Millis {
        if self.is_live { 10 * SECOND } else { 366 * DAY }
    }

    /// A time, unless it lies in the future, where it says nothing.
    fn credible(&self, at: Option<Instant>) -> Option<Instant> {
        at.filter(|at| at.since(self.now) <= self.ahead())
    }
}

/// Says that a time of some rows lies in the future, so that it was not used.
fn note_times_ahead(what: &str, ids: &[String], snapshot: &mut Snapshot) {
    if let [first, others @ ..] = ids {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        snapshot.notes.push(format!("{what} of {first:?}{more} lies in the future and was not used: correct it"));
    }
}

impl Store {
    /// The tables whose columns may be read, and nothing else.
    fn tables(self) -> &'static [&'static str] {
        match self {
            Store::Phantom => &phantom::TABLES,
            Store::Openclaw => &openclaw::TABLES,
        }
    }

    /// The table by which a database is recognized.
    fn job_table(self) -> &'static str {
        match self {
            Store::Phantom => phantom::JOB_TABLE,
            Store::Openclaw => openclaw::JOB_TABLE,
        }
    }

    /// Its name on the command line.
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The schedulers whose job table is among these.
    fn recognize(tables: &[String]) -> Vec<Store> {
        let has = |store: &&Store| tables.iter().any(|table| table.eq_ignore_ascii_case(store.job_table()));
        Store::value_variants().iter().filter(has).copied().collect()
    }
}

/// Reads the database at `path`, a path that [`locate`] returned, as the store that it is, or that `insist` names. The
/// operator's mappings come before what is known.
///
/// # Errors
/// What is wrong with the database.
pub fn read(
    path: &Path,
    window: &Window,
    insist: Option<Reader<'_>>,
    mappings: &[Mapping],
) -> Result<Snapshot, ReadError> {
    let reader = match insist {
        Some(reader) => reader,
        None => recognize(path, window, mappings)?,
    };
    let tables = reader.tables();
    let mut access = Access::new(path, &tables, window.deadline)?;
    let mut snapshot = reader.read(&mut access, window)?;
    zone::settle(&mut snapshot, window.zone, window.machine_zone);
    if window.asks_process {
        let (liveness, note) = db::liveness(path);
        snapshot.liveness = liveness;
        snapshot.notes.extend(note);
    }
    Ok(snapshot)
}

/// The reader of a database, by its tables.
fn recognize<'a>(path: &Path, window: &Window, mappings: &'a [Mapping]) -> Result<Reader<'a>, ReadError> {
    let mut access = Access::new(path, &[], window.deadline)?;
    let names = access.consistent_read(table_names)?;
    let mapped: Vec<&Mapping> = mappings.iter().filter(|mapping| mapping.recognizes(&names)).collect();
    match mapped.as_slice() {
        [] => {}
        [mapping] => return Ok(Reader::Mapped(mapping)),
        several => {
            let names = several.iter().map(|mapping| mapping.name.clone()).collect();
            return Err(ambiguous(names));
        }
    }
    let mut recognized = Store::recognize(&names);
    if recognized.contains(&Store::Openclaw) && !access.consistent_read(openclaw::recognizes)? {
        recognized.retain(|store| *store != Store::Openclaw);
    }
    match recognized.as_slice() {
        [store] => Ok(Reader::Known(*store)),
        [] => Err(unrecognized(&names)),
        several => Err(ambiguous(several.iter().map(|store| store.job_table().to_owned()).collect())),
    }
}

fn table_names(db: &Connection) -> Result<Vec<String>, ReadError> {
    let mut names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT 2000")?;
    let names = names.query_map([], |row| Ok(value::text(row.get_ref(0)?).unwrap_or_default()))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// A database of which no store and no mapping is known.
fn unrecognized(tables: &[String]) -> ReadError {
    let job_tables: Vec<&str> = Store::value_variants().iter().map(|store| store.job_table()).collect();
    let why = match Store::recognize(tables).first() {
        Some(store) => format!("its {} is another program's", store.job_table()),
        None => format!("it has neither a table {}", job_tables.join(" nor ")),
    };
    ReadError::Foreign(format!(
        "is not a scheduler's database: {why}; found: {}. Give the scheduler's own database, such as data/phantom.db, or read \
         another scheduler's by a [[store]] of the config file",
        found(tables)
    ))
}

/// A database with the tables of several schedulers: to read those of one would call the others healthy.
fn ambiguous(stores: Vec<String>) -> ReadError {
    let stores = stores.join(", ");
    ReadError::Unusable(format!(
        "has the tables of several schedulers ({stores}): audit it once for each, with --store"
    ))
}

/// Some of the tables that were found, for an error.
fn found(tables: &[String]) -> String {
    const MAX_NAMED: usize = 12;
    match tables {
        [] => "no tables at all".to_owned(),
        tables => tables.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// The numbers of a table's first and last row; None if it has none.
fn row_bounds(db: &Connection, table: &str) -> Result<Option<(i64, i64)>, ReadError> {
    let bound = |order| {
        let query = format!("SELECT rowid FROM {table} ORDER BY rowid {order} LIMIT 1");
        match db.query_row(&query, [], |row| row.get(0)) {
            Ok(id) => Ok(Some(id)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(ReadError::from(error)),
        }
    };
    Ok(bound("ASC")?.zip(bound("DESC")?))
}

/// The rows from `from` to before `end`, as the first and the last of each piece of at most `size`.
fn pieces(from: i64, end: i64, size: i64) -> impl Iterator<Item = (i64, i64)> {
    let starts = std::iter::successors(Some(from), move |at| at.checked_add(size)).take_while(move |at| *at < end);
    starts.map(move |at| (at, at.saturating_add(size - 1).min(end - 1)))
}

/// An error where a database has as many jobs as can be audited.
fn room_for_another<T>(jobs: &[T]) -> Result<(), ReadError> {
    if jobs.len() < MAX_JOBS {
        return Ok(());
    }
    let text = format!("has more than {MAX_JOBS} jobs: too many to audit; check that it is the scheduler's database");
    Err(ReadError::Unusable(text))
}

/// The traits of all schedulers, for tests that go through them.
#[cfg(test)]
pub fn traits_for_tests() -> [crate::model::SchedulerTraits; 2] {
    [phantom::TRAITS, openclaw::TRAITS]
}

#[cfg(test)]
mod tests {
    #[test]
    fn pieces_cover_each_row_once() {
        let pieces = |from, end| super::pieces(from, end, 10).collect::<Vec<_>>();
        assert_eq!((pieces(1, 1), pieces(5, 1)), (vec![], vec![]));
        assert_eq!((pieces(1, 11), pieces(1, 12)), (vec![(1, 10)], vec![(1, 10), (11, 11)]));
        assert_eq!(pieces(i64::MAX - 3, i64::MAX), [(i64::MAX - 3, i64::MAX - 1)]);
    }
}
