//! What the rows of a query gave: counted for notes, and for `--check-config`.

use super::super::value;
use super::query::{Columns, Values};
use super::values;
use crate::model::{ColumnFacts, QueryFacts};
use crate::time::Instant;
use rusqlite::types::ValueRef;

/// An example of what can't be read is shown up to this length.
const MAX_EXAMPLE: usize = 40;

/// What the rows of a query gave so far.
pub struct Tally {
    facts: QueryFacts,
    /// Rows without a time.
    without_time: usize,
    /// Rows with a time that can't be read.
    unreadable: usize,
    /// Rows in the future, further than what is written during an audit.
    ahead: usize,
    example: Option<String>,
}

/// Why a row is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It has no time.
    NoTime,
    /// Its time can't be read.
    Unreadable,
    /// It lies in the future.
    Ahead,
    /// It was written after the instant of the audit.
    Later,
}

impl Tally {
    /// That of a query with these columns.
    pub fn of(key: &'static str, columns: &Columns) -> Tally {
        let columns = columns.names().map(|name| ColumnFacts { name: name.to_owned(), ..ColumnFacts::default() });
        let facts = QueryFacts { key, rows: 0, columns: columns.collect(), unused: Vec::new(), times: None };
        Tally { facts, without_time: 0, unreadable: 0, ahead: 0, example: None }
    }

    /// Counts a row, and its values.
    pub fn row(&mut self, values: &Values<'_>) {
        self.facts.rows += 1;
        for (value, column) in values.iter().zip(&mut self.facts.columns) {
            if *value != ValueRef::Null {
                column.filled += 1;
            }
        }
    }

    /// Reads a value; counts it if it can't be read.
    pub fn read<T>(
        &mut self,
        column: &str,
        value: ValueRef<'_>,
        read: impl Fn(ValueRef<'_>) -> Option<T>,
    ) -> Option<T> {
        let result = read(value);
        if result.is_none() && !values::is_nothing(value) {
            self.unread(column, value);
        }
        result
    }

    /// Counts a value that can't be read.
    pub fn unread(&mut self, column: &str, value: ValueRef<'_>) {
        if let Some(column) = self.facts.columns.iter_mut().find(|known| known.name == column) {
            column.unread += 1;
            column.example.get_or_insert_with(|| example(value));
        }
    }

    /// Counts a row that is not used; `time` is the first of its times.
    pub fn unused(&mut self, why: Unusable, time: ValueRef<'_>) {
        match why {
            Unusable::NoTime => self.without_time += 1,
            Unusable::Unreadable => self.unreadable += 1,
            Unusable::Ahead => self.ahead += 1,
            Unusable::Later => return,
        }
        if !values::is_nothing(time) {
            self.example.get_or_insert_with(|| example(time));
        }
    }

    /// Extends the times that its rows cover.
    pub fn at(&mut self, time: Instant) {
        let (first, last) = self.facts.times.unwrap_or((time, time));
        self.facts.times = Some((first.min(time), last.max(time)));
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.facts.rows
    }

    /// Whether a time could not be read, or lies in the future.
    pub fn has_dropped(&self) -> bool {
        self.unreadable + self.ahead > 0
    }

    /// What was counted; adds to the notes what was not read.
    pub fn finish(mut self, notes: &mut Vec<String>) -> QueryFacts {
        let key = self.facts.key;
        let example = self.example.as_deref().unwrap_or_default();
        if self.unreadable > 0 {
            self.facts
                .unused
                .push(format!("the times of {} {key} can't be read, such as {example:?}", self.unreadable));
        }
        if self.ahead > 0 {
            let ahead = self.ahead;
            self.facts.unused.push(format!("{ahead} {key} lie in the future and were not used, such as {example:?}"));
        }
        notes.extend(self.facts.unused.iter().cloned());
        if self.without_time > 0 {
            self.facts.unused.push(format!("{} {key} have no time and were not used", self.without_time));
        }
        for column in &self.facts.columns {
            let (name, unread) = (&column.name, column.unread);
            let is_time = key == "runs" && ["start", "end"].contains(&name.as_str());
            let is_told = is_time && unread <= self.unreadable || ["schedule", "status"].contains(&name.as_str());
            if let Some(example) = &column.example
                && !is_told
            {
                notes.push(format!("{unread} values of {name} in {key} can't be read, such as {example:?}"));
            }
        }
        self.facts
    }
}

fn example(value: ValueRef<'_>) -> String {
    value::message(&values::shown(value), MAX_EXAMPLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(key: &'static str) -> Tally {
        Tally::of(key, &Columns(["job", "start", "tokens", "status"].map(str::to_owned).to_vec()))
    }

    fn finished(tally: Tally) -> (Vec<String>, Vec<String>) {
        let mut notes = Vec::new();
        let facts = tally.finish(&mut notes);
        (notes, facts.unused)
    }

    #[test]
    fn what_is_not_used_is_told_with_an_example_and_what_has_no_time_only_with_the_query() {
        assert_eq!(finished(tally("runs")), (vec![], vec![]));
        let mut told = tally("runs");
        told.unused(Unusable::Unreadable, ValueRef::Text(b"soon"));
        told.unused(Unusable::Unreadable, ValueRef::Text(b"later"));
        told.unused(Unusable::Ahead, ValueRef::Integer(9));
        told.unused(Unusable::Later, ValueRef::Integer(9));
        assert!(told.has_dropped());
        let notes = [
            "the times of 2 runs can't be read, such as \"soon\"",
            "1 runs lie in the future and were not used, such as \"soon\"",
        ];
        assert_eq!(finished(told), (notes.map(str::to_owned).to_vec(), notes.map(str::to_owned).to_vec()));
        let mut without = tally("runs");
        without.unused(Unusable::NoTime, ValueRef::Null);
        without.unused(Unusable::NoTime, ValueRef::Null);
        assert!(!without.has_dropped());
        assert_eq!(finished(without), (vec![], vec!["2 runs have no time and were not used".to_owned()]));
    }

    #[test]
    fn values_that_can_not_be_read_are_noted_unless_something_else_tells_of_them() {
        let unread = |key, column: &str| {
            let mut tally = tally(key);
            let read = tally.read(column, ValueRef::Text(b"odd"), |_| None::<i64>);
            tally.read(column, ValueRef::Null, |_| None::<i64>);
            assert_eq!(read, None);
            finished(tally).0
        };
        assert_eq!(unread("runs", "tokens"), ["1 values of tokens in runs can't be read, such as \"odd\""]);
        assert_eq!(unread("runs", "start").len(), 1, "a row of it was used all the same");
        assert_eq!(unread("jobs", "status"), [""; 0]);
        let mut dropped = tally("runs");
        dropped.unread("start", ValueRef::Text(b"odd"));
        dropped.unused(Unusable::Unreadable, ValueRef::Text(b"odd"));
        assert_eq!(finished(dropped).0.len(), 1, "not told twice");
        let mut known = tally("runs");
        assert_eq!(known.read("tokens", ValueRef::Integer(7), value::number), Some(7));
        assert_eq!(finished(known).0, [""; 0]);
    }

    #[test]
    fn the_times_of_its_rows_span_from_the_first_to_the_last() {
        let at = |second: i64| Instant::from_millis(second * 1000);
        let mut spanned = tally("runs");
        [5, 9, 2].into_iter().for_each(|second| spanned.at(at(second)));
        assert_eq!(spanned.finish(&mut Vec::new()).times, Some((at(2), at(9))));
    }
}
