//! Tables: which there are, which rows they have, and which columns, in which versions of a scheduler differ.

use super::value::{self, text};
use crate::db::{Access, ReadError};
use rusqlite::Connection;
use std::collections::HashSet;

/// Entries of an index that are read at most: 10 MB or so.
const MAX_ENTRIES: i64 = 100_000;

/// The columns of a table that are there, in lower case as SQLite compares them.
pub struct Table {
    name: &'static str,
    columns: HashSet<String>,
    /// The columns of its primary key.
    key: HashSet<String>,
}

impl Table {
    /// None if there is no table of that name; a view does not count.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn find(db: &Connection, name: &'static str) -> Result<Option<Table>, ReadError> {
        let kind = db
            .prepare("SELECT type FROM sqlite_master WHERE name = ?1 COLLATE NOCASE")?
            .query_row([name], |row| Ok(text(row.get_ref(0)?).as_deref() == Some("table")));
        match kind {
            Ok(true) => {}
            Ok(false) | Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // table_xinfo lists generated columns too, which table_info hides.
        let mut info = db.prepare(&format!("PRAGMA table_xinfo({name})"))?;
        let mut rows = info.query([])?;
        let mut table = Table { name, columns: HashSet::new(), key: HashSet::new() };
        while let Some(row) = rows.next()? {
            let column = text(row.get_ref(1)?).unwrap_or_default().to_lowercase();
            if row.get_ref(5)?.as_i64().is_ok_and(|position| position > 0) {
                table.key.insert(column.clone());
            }
            table.columns.insert(column);
        }
        Ok(Some(table))
    }

    /// Whether it has a column, whose name is in lower case.
    pub fn has(&self, column: &str) -> bool {
        self.columns.contains(column)
    }

    /// Whether these columns are its primary key, so that no two rows have the same.
    pub fn is_key(&self, columns: &[&str]) -> bool {
        self.key.len() == columns.len() && columns.iter().all(|column| self.key.contains(*column))
    }

    /// Selects the columns in this order, NULL for those that this version of the scheduler does not have.
    pub fn select(&self, columns: &[&str]) -> String {
        let term = |column: &&str| if self.has(column) { value::bounded(column) } else { "NULL".to_owned() };
        let terms: Vec<String> = columns.iter().map(term).collect();
        format!("SELECT {} FROM {}", terms.join(", "), self.name)
    }
}

/// The names of all tables.
///
/// # Errors
/// What SQLite says.
pub fn table_names(db: &Connection) -> Result<Vec<String>, ReadError> {
    let mut names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT 2000")?;
    let names = names.query_map([], |row| Ok(value::text(row.get_ref(0)?).unwrap_or_default()))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Some of the tables that were found, for an error.
pub fn found(tables: &[String]) -> String {
    const MAX_NAMED: usize = 12;
    match tables {
        [] => "no tables at all".to_owned(),
        tables => tables.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// The numbers of a table's first and last row; None if it has none.
///
/// # Errors
/// What SQLite says.
pub fn row_bounds(db: &Connection, table: &str) -> Result<Option<(i64, i64)>, ReadError> {
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

/// Reads the indexes of some tables, one at a time and each up to a bound: a damaged one stops the scheduler, and an audit that
/// has no use for it would not see that.
///
/// # Errors
/// What SQLite says.
pub fn read_indexes(access: &mut Access<'_>, tables: &[&str]) -> Result<(), ReadError> {
    for (index, table) in access.consistent_read(|db| indexes(db, tables))? {
        access.consistent_read(|db| read_index(db, &index, &table))?;
    }
    Ok(())
}

/// The indexes of some tables, each with the name of its own.
fn indexes(db: &Connection, tables: &[&str]) -> Result<Vec<(String, String)>, ReadError> {
    let mut names = db.prepare("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'")?;
    let mut rows = names.query([])?;
    let mut indexes = Vec::new();
    while let Some(row) = rows.next()? {
        let (index, table) = (text(row.get_ref(0)?).unwrap_or_default(), text(row.get_ref(1)?).unwrap_or_default());
        if tables.iter().any(|name| name.eq_ignore_ascii_case(&table)) {
            indexes.push((index, table));
        }
    }
    Ok(indexes)
}

fn read_index(db: &Connection, index: &str, table: &str) -> Result<(), ReadError> {
    let (index, table) = (quoted(index), quoted(table));
    let query = format!("SELECT rowid FROM {table} INDEXED BY {index} LIMIT 1 OFFSET {MAX_ENTRIES}");
    // Some can't be read from end to end: partial ones, and those of tables without row numbers.
    if let Ok(mut entries) = db.prepare(&query) {
        entries.query([])?.next()?;
    }
    Ok(())
}

/// A name as SQL takes any name.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The rows from `from` to before `end`, as the first and the last of each piece of at most `size`.
pub fn pieces(from: i64, end: i64, size: i64) -> impl Iterator<Item = (i64, i64)> {
    let starts = std::iter::successors(Some(from), move |at| at.checked_add(size)).take_while(move |at| *at < end);
    starts.map(move |at| (at, at.saturating_add(size - 1).min(end - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_that_of_all_of_its_columns() {
        let db = Connection::open_in_memory().unwrap_or_else(|error| panic!("{error}"));
        let made = db.execute_batch(
            "CREATE TABLE t (A, b, c, PRIMARY KEY (a, b)); CREATE TABLE u (a); CREATE VIEW v AS SELECT 1",
        );
        made.unwrap_or_else(|error| panic!("{error}"));
        let find = |name| Table::find(&db, name).unwrap_or_else(|error| panic!("{error}"));
        let is_key = |name, columns: &[&str]| find(name).is_some_and(|table| table.is_key(columns));
        assert!(is_key("t", &["b", "a"]) && is_key("T", &["a", "b"]));
        assert!(!is_key("t", &["a"]) && !is_key("t", &["a", "c"]) && !is_key("u", &["a"]));
        assert!(find("v").is_none() && find("w").is_none());
    }

    #[test]
    fn a_damaged_index_is_an_error() {
        let mut db = Connection::open_in_memory().unwrap_or_else(|error| panic!("{error}"));
        let made = db.execute_batch(
            "CREATE TABLE t (a, b); CREATE INDEX \"the \"\"a\" ON t (a); CREATE INDEX part ON t (b) WHERE b > 5;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO t SELECT hex(i), i FROM n; CREATE TABLE u (a PRIMARY KEY, b) WITHOUT ROWID; CREATE INDEX v ON u (b)",
        );
        made.unwrap_or_else(|error| panic!("{error}"));
        let read = |db: &Connection, tables: &[&str]| {
            let indexes = indexes(db, tables).unwrap_or_else(|error| panic!("{error}"));
            let are_whole = indexes.iter().all(|(index, table)| read_index(db, index, table).is_ok());
            (indexes.len(), are_whole)
        };
        assert_eq!(read(&db, &["t", "u"]), (3, true));
        let root = "SELECT rootpage FROM sqlite_master WHERE name = 'the \"a'";
        let root: u32 = db.query_row(root, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{error}"));
        let mut bytes = db.serialize("main").unwrap_or_else(|error| panic!("{error}")).to_vec();
        let page = 4096 * (root as usize - 1);
        bytes[page..page + 4096].fill(0);
        let mut damaged = Connection::open_in_memory().unwrap_or_else(|error| panic!("{error}"));
        let taken = damaged.deserialize_read_exact("main", bytes.as_slice(), bytes.len(), true);
        taken.unwrap_or_else(|error| panic!("{error}"));
        assert!(damaged.query_row("SELECT total(b) FROM t", [], |_| Ok(())).is_ok());
        assert_eq!((read(&damaged, &["T"]), read(&damaged, &["u"])), ((2, false), (1, true)));
    }

    #[test]
    fn pieces_cover_each_row_once() {
        let pieces = |from, end| super::pieces(from, end, 10).collect::<Vec<_>>();
        assert_eq!((pieces(1, 1), pieces(5, 1)), (vec![], vec![]));
        assert_eq!((pieces(1, 11), pieces(1, 12)), (vec![(1, 10)], vec![(1, 10), (11, 11)]));
        assert_eq!(pieces(i64::MAX - 3, i64::MAX), [(i64::MAX - 3, i64::MAX - 1)]);
    }
}
