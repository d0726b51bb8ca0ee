//! The stores: which scheduler a database belongs to, and how its tables become a [`Snapshot`].
//!
//! Each is a folder with a function `recognise` and one `read`, and a line in [`STORES`]. Only here and in [`crate::db`] is
//! `rusqlite` named.

mod openclaw;
mod phantom;
mod value;

#[cfg(test)]
pub use phantom::for_tests as phantom_for_tests;

use crate::db::{Access, Failure, Unread, Window};
use crate::model::{Job, Snapshot};
use clap::ValueEnum;
use rusqlite::Connection;
use std::path::Path;

/// A hundred times what a large fleet has; beyond it a database is out to exhaust us.
const MOST_JOBS: usize = 20_000;

/// A scheduler whose store can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// The agent phantom
    Phantom,
    /// OpenClaw
    Openclaw,
}

/// How a store is known and read.
struct Reader {
    store: Store,
    /// The tables whose columns may be read, and nothing else.
    tables: &'static [&'static str],
    /// Whether a database with these tables is one.
    recognise: fn(&[String]) -> bool,
    read: fn(&mut Access<'_>, &Window) -> Result<Snapshot, Unread>,
}

/// All of them. What none recognises, the first explains.
const STORES: [Reader; 2] = [
    Reader { store: Store::Phantom, tables: &phantom::TABLES, recognise: phantom::recognise, read: phantom::read },
    Reader { store: Store::Openclaw, tables: &openclaw::TABLES, recognise: openclaw::recognise, read: openclaw::read },
];

/// Reads the database at `path`, a path that [`crate::db::locate`] gave, as the store that it is, or that `insist` names.
///
/// # Errors
/// What is wrong with the database.
pub fn read(path: &Path, window: &Window, insist: Option<Store>) -> Result<Snapshot, Unread> {
    let tables: Vec<&str> = STORES.iter().flat_map(|store| store.tables).copied().collect();
    let mut access = Access::new(path, &tables, window.deadline)?;
    let names = access.piece(table_names)?;
    let known = STORES.iter().find(|store| match insist {
        Some(insist) => store.store == insist,
        None => (store.recognise)(&names),
    });
    (known.unwrap_or(&STORES[0]).read)(&mut access, window)
}

fn table_names(db: &Connection) -> Result<Vec<String>, Failure> {
    let mut names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 2000")?;
    let names = names.query_map([], |row| Ok(value::text(row.get_ref(0)?).unwrap_or_default()))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The numbers of a table's first and last row; None if it has none.
fn row_bounds(db: &Connection, table: &str) -> Result<Option<(i64, i64)>, Failure> {
    let bound = |order| {
        let query = format!("SELECT rowid FROM {table} ORDER BY rowid {order} LIMIT 1");
        match db.query_row(&query, [], |row| row.get(0)) {
            Ok(id) => Ok(Some(id)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(Failure::from(error)),
        }
    };
    Ok(bound("ASC")?.zip(bound("DESC")?))
}

/// The rows from `from` to before `end`, by the first and the last of each piece of at most `size`.
fn pieces(from: i64, end: i64, size: i64) -> impl Iterator<Item = (i64, i64)> {
    let starts = std::iter::successors(Some(from), move |at| at.checked_add(size)).take_while(move |at| *at < end);
    starts.map(move |at| (at, at.saturating_add(size - 1).min(end - 1)))
}

/// An error where a database has as many jobs as can be audited.
fn room_for_another(jobs: &[Job]) -> Result<(), Failure> {
    if jobs.len() < MOST_JOBS {
        return Ok(());
    }
    let text = format!("has more than {MOST_JOBS} jobs: too many to audit; check that it is the scheduler's database");
    Err(Failure::Unusable(text))
}

/// The habits of all schedulers, for tests that go through them.
#[cfg(test)]
pub fn habits_for_tests() -> [crate::model::Habits; 2] {
    [phantom::HABITS, openclaw::HABITS]
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
