//! Which columns a table has: versions of a scheduler differ in them.

use super::value::{self, text};
use crate::db::ReadError;
use rusqlite::Connection;
use std::collections::HashSet;

/// The columns of a table that are there, in lower case as SQLite compares them.
pub struct Table {
    name: &'static str,
    columns: HashSet<String>,
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
        let columns = info.query_map([], |row| Ok(text(row.get_ref(1)?).unwrap_or_default().to_lowercase()))?;
        Ok(Some(Table { name, columns: columns.collect::<Result<_, _>>()? }))
    }

    /// Whether it has a column, whose name is in lower case.
    pub fn has(&self, column: &str) -> bool {
        self.columns.contains(column)
    }

    /// Selects the columns in this order, NULL for those that this version of the scheduler does not have.
    pub fn select(&self, columns: &[&str]) -> String {
        let term = |column: &&str| if self.has(column) { value::bounded(column) } else { "NULL".to_owned() };
        let terms: Vec<String> = columns.iter().map(term).collect();
        format!("SELECT {} FROM {}", terms.join(", "), self.name)
    }
}
