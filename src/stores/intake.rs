//! Rows by the million: SQLite hands each of them to a function of ours, which takes less than half the time of stepping through
//! them.

use crate::db::ReadError;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::Null;
use rusqlite::{Connection, Params};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

/// What the function is called in queries.
const NAME: &str = "take_in";

/// What takes in rows, one after the other.
pub trait Intake: Default + Send + UnwindSafe + RefUnwindSafe + 'static {
    /// Takes in the values of a row.
    ///
    /// # Errors
    /// Why no further row is wanted.
    fn take_in(&mut self, row: &Context<'_>) -> Result<(), rusqlite::Error>;
}

/// Gives an intake these columns of each row that the rest of the query, from FROM on, finds.
///
/// # Errors
/// What SQLite says, or the intake.
pub fn feed<T: Intake>(
    db: &Connection,
    intake: &mut T,
    columns: &str,
    rest: &str,
    parameters: impl Params,
) -> Result<(), ReadError> {
    let place = Arc::new(Mutex::new(std::mem::take(intake)));
    // Nothing in the schema of a database may call it.
    let flags = FunctionFlags::SQLITE_DIRECTONLY;
    db.create_aggregate_function(NAME, -1, flags, Function(place.clone()))?;
    let fed = db.query_row(&format!("SELECT {NAME}({columns}) FROM {rest}"), parameters, |_| Ok(()));
    *intake = take(&place);
    Ok(fed?)
}

fn take<T: Default>(place: &Mutex<T>) -> T {
    std::mem::take(&mut *place.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The SQL function, and where the intake is while no query runs.
struct Function<T>(Arc<Mutex<T>>);

impl<T: Intake> Aggregate<T, Null> for Function<T> {
    fn init(&self, _: &mut Context<'_>) -> Result<T, rusqlite::Error> {
        Ok(take(&self.0))
    }

    fn step(&self, row: &mut Context<'_>, intake: &mut T) -> Result<(), rusqlite::Error> {
        intake.take_in(row)
    }

    fn finalize(&self, _: &mut Context<'_>, intake: Option<T>) -> Result<Null, rusqlite::Error> {
        if let Some(intake) = intake {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = intake;
        }
        Ok(Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Numbers(Vec<i64>);

    impl Intake for Numbers {
        fn take_in(&mut self, row: &Context<'_>) -> Result<(), rusqlite::Error> {
            self.0.push(row.get(0)?);
            if self.0.len() < 7 { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
        }
    }

    #[test]
    fn an_intake_keeps_what_it_took_in_whatever_becomes_of_the_query() {
        let db = Connection::open_in_memory().unwrap_or_else(|error| panic!("{error}"));
        let mut numbers = Numbers(vec![0]);
        let mut feed = |rest: &str| {
            let fed = feed(&db, &mut numbers, "value", rest, []).is_ok();
            (fed, numbers.0.clone())
        };
        assert_eq!(feed("json_each('[]')"), (true, vec![0]), "no row");
        assert_eq!(feed("json_each('[1, 2, 3]')"), (true, vec![0, 1, 2, 3]));
        assert_eq!(feed("no_such_table"), (false, vec![0, 1, 2, 3]), "no such query");
        assert_eq!(feed("json_each('[4, 5, 6, 7, 8]')"), (false, vec![0, 1, 2, 3, 4, 5, 6]), "it wants no more");
    }

    #[test]
    fn nothing_in_a_database_can_call_the_function() {
        let db = Connection::open_in_memory().unwrap_or_else(|error| panic!("{error}"));
        let create = "CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT take_in(a) FROM t";
        db.execute_batch(create).unwrap_or_else(|error| panic!("{error}"));
        let mut numbers = Numbers::default();
        assert!(feed(&db, &mut numbers, "a", "t", []).is_ok());
        assert!(db.query_row("SELECT * FROM v", [], |_| Ok(())).is_err());
        assert_eq!(numbers.0, [1]);
    }
}
