//! The stores: which scheduler a database belongs to, and how its tables become a [`Snapshot`].
//!
//! Each scheduler has a folder, and an arm in every match on [`Store`] or [`Reader`], which the compiler demands; a mapping reads
//! any other one. Only here and in [`crate::db`] is `rusqlite` named.

mod cron;
mod fires;
mod gone;
mod hermes;
mod ids;
mod intake;
mod limits;
mod mapped;
mod models;
mod newer;
mod openclaw;
mod phantom;
mod places;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod value;
mod window;

pub use mapped::{Dialect, Form, Mapping, TimeForm, Words};
#[cfg(test)]
pub use phantom::for_tests as phantom_for_tests;
pub use places::{is_aside, is_whole_store, locate, older_store, usual_places};
pub use window::Window;

use crate::db::{self, Access, ReadError};
use crate::model::Snapshot;
use crate::zone;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use store::Store;
use table::{found, read_indexes, table_names};

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

    /// The database that the scheduler's process has open as long as it lives.
    fn held(self, path: &Path) -> PathBuf {
        match self {
            Reader::Known(Store::Hermes) => hermes::places::held(path),
            Reader::Known(Store::Phantom | Store::Openclaw) | Reader::Mapped(_) => path.to_owned(),
        }
    }

    fn read(self, access: &mut Access<'_>, window: &Window) -> Result<Snapshot, ReadError> {
        match self {
            Reader::Known(Store::Phantom) => phantom::read(access, window),
            Reader::Known(Store::Openclaw) => openclaw::read(access, window),
            Reader::Known(Store::Hermes) => hermes::read(access, window),
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
    if !hermes::places::is_jobs(path) {
        read_indexes(&mut access, &tables)?;
    }
    fires::settle_output(&mut snapshot);
    zone::settle(&mut snapshot, window.zone, window.machine_zone);
    if window.asks_process {
        let (liveness, note) = db::liveness(&reader.held(path));
        snapshot.liveness = liveness;
        snapshot.notes.extend(note);
    }
    Ok(snapshot)
}

/// The reader of a database, by its tables.
fn recognize<'a>(path: &Path, window: &Window, mappings: &'a [Mapping]) -> Result<Reader<'a>, ReadError> {
    if hermes::places::is_jobs(path) {
        return Ok(Reader::Known(Store::Hermes));
    }
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
    let mut recognized = Vec::new();
    for store in Store::recognize(&names) {
        if store.is_its_own(&mut access)? {
            recognized.push(store);
        }
    }
    match recognized.as_slice() {
        [store] => Ok(Reader::Known(*store)),
        [] => Err(unrecognized(&names)),
        several => Err(ambiguous(several.iter().map(|store| store.job_table().to_owned()).collect())),
    }
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

/// The traits of all schedulers, for tests that go through them.
#[cfg(test)]
pub fn traits_for_tests() -> [crate::model::SchedulerTraits; 3] {
    [phantom::TRAITS, openclaw::TRAITS, hermes::TRAITS]
}
