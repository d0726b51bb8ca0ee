//! The operator's queries: one SELECT each, whose errors name the line of the config file.

use crate::db::ReadError;
use crate::settings::nearest;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row, Statement};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The parameter of the query for runs: when the window begins.
pub const SINCE: &str = ":since";

/// A query with where it comes from.
pub struct Query {
    pub mapping: String,
    pub place: (PathBuf, usize),
    /// The key of the config file.
    pub key: &'static str,
    pub text: String,
    /// Columns, as table and column, that not every version of the store has.
    pub optional: Vec<(String, String)>,
}

/// A query that can be run.
pub struct Prepared<'db> {
    pub statement: Statement<'db>,
    pub columns: Columns,
}

impl Query {
    /// An error of this query.
    pub fn wrong(&self, why: impl std::fmt::Display) -> ReadError {
        let (file, line) = &self.place;
        let (file, Query { key, mapping, .. }) = (file.display(), self);
        ReadError::Unusable(format!("can't be read by {file} line {line}, store {mapping:?}, {key}: {why}"))
    }

    /// Prepares the query: one SELECT, and nothing else.
    pub fn prepare<'db>(&self, db: &'db Connection) -> Result<Prepared<'db>, ReadError> {
        let text = self.with_optional(db);
        let statement = db.prepare(&text).map_err(|error| self.wrong(plain(&error)))?;
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(self.wrong("it is not a SELECT"));
        }
        let unbound = |name: &&str| self.key != "runs" || *name != SINCE;
        let names = (1..=statement.parameter_count()).map(|index| statement.parameter_name(index).unwrap_or("?"));
        if let Some(name) = names.into_iter().find(unbound) {
            return Err(self.wrong(format!("nothing sets {name}; only runs has a parameter, {SINCE}")));
        }
        let columns = Columns(statement.column_names().map(str::to_lowercase).collect());
        Ok(Prepared { statement, columns })
    }

    /// The text; where the database lacks optional columns, it reads their tables with NULL in their places.
    fn with_optional(&self, db: &Connection) -> String {
        let text = self.text.trim().trim_end_matches(';');
        let mut lacking: BTreeMap<&str, String> = BTreeMap::new();
        for (table, column) in &self.optional {
            if db.prepare(&format!("SELECT t.[{column}] FROM [{table}] t")).is_err() {
                *lacking.entry(table).or_default() += &format!(", NULL AS [{column}]");
            }
        }
        if lacking.is_empty() {
            return text.to_owned();
        }
        let tables = lacking.iter().map(|(table, nulls)| format!("[{table}] AS (SELECT *{nulls} FROM main.[{table}])"));
        let tables = tables.collect::<Vec<_>>().join(", ");
        match text.get(..5).filter(|word| word.eq_ignore_ascii_case("with ")) {
            Some(_) => format!("WITH {tables}, {}", &text[5..]),
            None => format!("WITH {tables} {text}"),
        }
    }

    /// An error while it runs: of the query, such as an argument that is not JSON, or of the database.
    pub fn failed(&self, error: rusqlite::Error) -> ReadError {
        match error.sqlite_error_code() {
            Some(ErrorCode::Unknown | ErrorCode::TooBig | ErrorCode::TypeMismatch) => self.wrong(plain(&error)),
            _ => error.into(),
        }
    }
}

/// SQLite's message without the statement, which may be long.
fn plain(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(message)) => match message.as_str() {
            refused if refused == "not authorized" || refused.contains("prohibited") => {
                format!("it does more than a SELECT on the tables that the store names ({refused})")
            }
            message => message.to_owned(),
        },
        rusqlite::Error::MultipleStatement => "it is more than one statement".to_owned(),
        other => other.to_string(),
    }
}

/// The names of a query's columns, in lower case.
#[derive(Debug, Clone)]
pub struct Columns(pub(super) Vec<String>);

impl Columns {
    /// Its names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|column| column == name)
    }

    /// The values of a row.
    pub fn values<'a>(&'a self, row: &'a Row<'_>) -> Result<Values<'a>, ReadError> {
        let mut values = Vec::with_capacity(self.0.len());
        for position in 0..self.0.len() {
            values.push(row.get_ref(position)?);
        }
        Ok(Values { columns: self, values })
    }

    /// Refuses a query that lacks a column it needs, or has one whose name means nothing.
    pub fn check(&self, query: &Query, known: &[&str], needed: &[&str]) -> Result<(), ReadError> {
        if let Some(missing) = needed.iter().find(|column| !self.has(column)) {
            return Err(query.wrong(format!("it has no column {missing:?}; name one with AS {missing}")));
        }
        let is_known = |column: &String| known.contains(&column.as_str());
        match self.0.iter().find(|column| !is_known(column)) {
            Some(unknown) => {
                let hint = nearest(unknown, known.iter().copied())
                    .map_or_else(String::new, |nearest| format!(", did you mean {nearest:?}?"));
                Err(query.wrong(format!("no column is called {unknown:?}{hint} (known are {})", known.join(", "))))
            }
            None => Ok(()),
        }
    }
}

/// The values of a row.
pub struct Values<'a> {
    columns: &'a Columns,
    values: Vec<ValueRef<'a>>,
}

impl<'a> Values<'a> {
    /// Whether the query has a column.
    pub fn has(&self, name: &str) -> bool {
        self.columns.has(name)
    }

    /// The value of a column; NULL where the query does not have it.
    pub fn get(&self, name: &str) -> ValueRef<'a> {
        match self.columns.0.iter().position(|column| column == name) {
            Some(position) => self.values[position],
            None => ValueRef::Null,
        }
    }

    /// Each of them, in the order of the columns.
    pub fn iter(&self) -> impl Iterator<Item = &ValueRef<'a>> {
        self.values.iter()
    }
}
