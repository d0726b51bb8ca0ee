//! Databases that are made for one measurement.

use crate::measure::NOW;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Where databases are made.
pub fn directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// The tables of phantom.
pub const PHANTOM: &str = include_str!("../../tests/suite/schema.sql");
/// The tables of OpenClaw.
pub const OPENCLAW: &str = include_str!("../../tests/suite/openclaw.sql");

/// A database that goes with its value.
pub struct Generated(PathBuf);

impl Generated {
    /// Makes one with these tables by SQL in which `n` is a table of the numbers `i` from 1 to `n`, and `at` and `iso` make times of
    /// seconds from the audit.
    pub fn new(name: &str, tables: &str, n: usize, sql: &str) -> Generated {
        let path = directory().join(format!("{name}.db"));
        let _ = std::fs::remove_file(&path);
        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN").unwrap();
        db.execute_batch(tables).unwrap();
        let sql = sql.replace("{n}", &n.to_string()).replace("{now}", NOW);
        for statement in sql.split(';') {
            db.execute_batch(&with_macros(statement, n)).unwrap_or_else(|error| panic!("{error}: {statement}"));
        }
        db.execute_batch("COMMIT").unwrap();
        Generated(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Generated {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn with_macros(statement: &str, n: usize) -> String {
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) ");
    let statement = statement.trim();
    let statement = if statement.starts_with("INSERT") { numbers + statement } else { statement.to_owned() };
    let at = format!("strftime('%Y-%m-%d %H:%M:%S', '{NOW}', ");
    let iso = format!("strftime('%Y-%m-%dT%H:%M:%fZ', '{NOW}', ");
    seconds_of(&seconds_of(&statement, " at(", &at), " iso(", &iso)
}

/// Replaces a call by one whose argument is a number of seconds.
fn seconds_of(statement: &str, call: &str, instead: &str) -> String {
    let mut parts = statement.split(call);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = closing(part);
        text += &format!(" {instead}({}) || ' seconds'){}", &part[..end], &part[end + 1..]);
    }
    text
}

/// Where the parenthesis closes in which a text begins.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    let is_last = |character: char| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    };
    text.find(is_last).unwrap()
}
