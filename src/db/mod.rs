//! Access to a database that another program is writing, without touching it: its directory is the same afterwards, byte for
//! byte, and its writer never waits or fails because of us. No lock is ever taken.
//!
//! `readonly` makes writing impossible; `files` chooses how to read and notices what changed meanwhile; `whole` reads a file that
//! lies beside a database; `holders` finds out which process has the database open. What is read, and what it means, is up to the
//! stores above: no table is named here.

mod error;
mod files;
mod holders;
mod readonly;
mod whole;

pub use error::{Busy, ReadError};
pub use files::{is_locked, is_part_of_database, locate};
pub use holders::liveness;

use files::{FileState, ReadMode};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};
use whole::WholeFile;

/// The pause between two tries grows by this much, up to ten times.
const PAUSE: Duration = Duration::from_millis(3);
/// How many instructions of SQLite's virtual machine pass between two looks at the deadline: under a millisecond.
const STEPS_PER_LOOK: i32 = 20_000;
/// No text in these tables is longer; SQLite refuses what is.
const MAX_VALUE_LEN: i32 = 64 << 20;
/// SQLite's page cache, in KiB (negative by SQLite's rule): events are read once, so a larger one only takes longer to fill.
const CACHE: i64 = -256;
/// SQLite's VFS that takes no locks.
const WITHOUT_LOCKS: &str = "unix-none";

/// SQLite's version, which is bundled.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// A database that is read piece by piece, each of which saw the files at rest.
pub struct Access<'a> {
    path: PathBuf,
    tables: &'a [&'a str],
    deadline: Clock,
    open: Option<Open>,
}

struct Open {
    state: FileState,
    db: Connection,
}

impl<'a> Access<'a> {
    /// Access to the database at `path`, a path that [`locate`] returned; only the schema and these tables can be read.
    ///
    /// # Errors
    /// [`ReadError::Unsafe`].
    pub fn new(path: &Path, tables: &'a [&'a str], deadline: Clock) -> Result<Access<'a>, ReadError> {
        readonly::forbid_writes().map_err(ReadError::Unsafe)?;
        Ok(Access { path: path.to_owned(), tables, deadline, open: None })
    }

    /// Access to the same database, over a connection of its own.
    pub fn beside(&self) -> Access<'a> {
        Access { path: self.path.clone(), open: None, ..*self }
    }

    /// The path of the database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads one piece: what `read` returns is kept only if no file changed since they were opened; else it is read again,
    /// as often as the deadline allows.
    ///
    /// # Errors
    /// What is wrong with the database, or that its writer never rested.
    pub fn consistent_read<T>(
        &mut self,
        mut read: impl FnMut(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        until_at_rest(self.deadline, || self.try_once(&mut read))
    }

    /// The same with a file beside the database, which `read` gets whole, or None where it is not there: both as they were at
    /// one moment. The file is read first, and its path looked at again after the database.
    ///
    /// # Errors
    /// As [`Access::consistent_read`], and what is wrong with the file.
    pub fn consistent_read_with<T>(
        &mut self,
        beside: &Path,
        mut read: impl FnMut(&Connection, Option<&[u8]>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        until_at_rest(self.deadline, || {
            let file = read_beside(beside)?;
            let bytes = file.as_ref().map(|file| file.bytes.as_slice());
            let result = self.try_once(&mut |db| read(db, bytes));
            let is_busy = matches!(result, Err(ReadError::Busy(_)));
            if is_busy || whole::still_holds(file.as_ref(), beside) { result } else { Err(Busy::Changed.into()) }
        })
    }

    /// One read, after which a connection that met a change is not used again.
    fn try_once<T>(&mut self, read: &mut impl FnMut(&Connection) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let result = self.try_read(read);
        if matches!(result, Err(ReadError::Busy(_))) {
            self.open = None;
        }
        result
    }

    fn try_read<T>(&mut self, read: &mut impl FnMut(&Connection) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        let result = read(&open.db);
        // An error, too, counts only if the files did not change: a torn page looks like a corrupt one.
        if !open.state.still_holds(&self.path) {
            return Err(ReadError::Busy(Busy::Changed));
        }
        self.open = Some(open);
        result.map_err(|error| self.settle(error))
    }

    fn open(&self) -> Result<Open, ReadError> {
        let state = FileState::take(&self.path)?;
        let mode = match state.read_mode() {
            ReadMode::Overlay => "",
            ReadMode::Immutable => "immutable=1",
        };
        let connected = connect(&self.path, mode, self.tables, self.deadline);
        if connected.is_err() && !state.still_holds(&self.path) {
            return Err(ReadError::Busy(Busy::Changed));
        }
        Ok(Open { state, db: connected.map_err(|error| self.settle(error))? })
    }

    /// Distinguishes an interruption and a lock from what is wrong for good.
    fn settle(&self, error: ReadError) -> ReadError {
        match error.sqlite_code() {
            Some(ErrorCode::OperationInterrupted) if Clock::now() >= self.deadline => ReadError::TimedOut,
            Some(ErrorCode::DatabaseBusy) => ReadError::Busy(Busy::Locked),
            _ => error,
        }
    }
}

/// Reads a file whole that stands alone; None if nothing is there.
///
/// # Errors
/// What is wrong with it, by its name, or that its writer never rested.
pub fn read_whole(path: &Path, deadline: Clock) -> Result<Option<Vec<u8>>, ReadError> {
    until_at_rest(deadline, || {
        let file = read_beside(path)?;
        if whole::still_holds(file.as_ref(), path) {
            Ok(file.map(|file| file.bytes))
        } else {
            Err(Busy::Changed.into())
        }
    })
}

/// A file whose errors name it, since it is not the database that was given.
fn read_beside(path: &Path) -> Result<Option<WholeFile>, ReadError> {
    WholeFile::read(path).map_err(|error| match error {
        ReadError::Busy(busy) => busy.into(),
        error => files::sidecar(path, error),
    })
}

/// Tries until a read saw the files at rest, as often as the deadline allows.
fn until_at_rest<T>(deadline: Clock, mut attempt: impl FnMut() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let mut retries = 0;
    loop {
        let busy = match attempt() {
            Err(ReadError::Busy(busy)) => busy,
            result => return result,
        };
        retries += 1;
        let now = Clock::now();
        if now >= deadline {
            return Err(ReadError::NeverAtRest { retries, busy });
        }
        std::thread::sleep((PAUSE * retries.min(10)).min(deadline - now));
    }
}

fn connect(path: &Path, mode: &str, tables: &[&str], deadline: Clock) -> Result<Connection, ReadError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags_and_vfs(uri(path, mode), flags, WITHOUT_LOCKS)?;
    // Set before the first read, it keeps the index of a WAL in our heap, so that no -shm is needed.
    db.execute_batch("PRAGMA locking_mode=EXCLUSIVE")?;
    harden(&mut db, tables, deadline)?;
    Ok(db)
}

/// SQLite's advice for files that may be hostile (<https://sqlite.org/security.html>), and for leaving a live one alone.
fn harden(db: &mut Connection, tables: &[&str], deadline: Clock) -> Result<(), ReadError> {
    db.busy_timeout(Duration::ZERO)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_LEN),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
        (Limit::SQLITE_LIMIT_VDBE_OP, 250_000),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        db.set_limit(limit, value)?;
    }
    // Sorts must not spill to files, and no page be mapped that the writer may truncate.
    db.execute_batch(
        "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA cell_size_check=ON;
         PRAGMA query_only=ON;",
    )?;
    db.pragma_update(None, "cache_size", CACHE)?;
    db.progress_handler(STEPS_PER_LOOK, Some(move || Clock::now() >= deadline))?;
    let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
    db.authorizer(Some(move |context: AuthContext<'_>| authorize(&tables, &context)))?;
    Ok(())
}

/// Allows nothing but reading the tables we name, and their schema.
fn authorize(tables: &[String], context: &AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select => true,
        AuthAction::Read { table_name, .. } => {
            // SQLite compares the names of tables without regard to case.
            let is_named = tables.iter().any(|table| table.eq_ignore_ascii_case(table_name));
            // What JSON in a column holds is part of that column.
            is_named || ["sqlite_master", "json_each", "json_tree"].contains(&table_name)
        }
        // Named by the defaults of columns; with trusted_schema off only harmless ones get this far.
        AuthAction::Function { function_name } => function_name != "load_extension",
        AuthAction::Pragma { pragma_name, .. } => pragma_name == "table_xinfo",
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

/// A `file:` URI in which no character of the path has a meaning of its own (<https://sqlite.org/uri.html>).
fn uri(path: &Path, mode: &str) -> String {
    let mut uri = String::from("file://");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri + "?mode=ro&" + mode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_counts_only_if_no_file_changed_and_is_repeated_until_the_deadline() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = directory.path().join("a.db");
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident.db");
        std::fs::copy(fixture, &path).unwrap_or_else(|error| panic!("{error}"));
        let mut reads = 0;
        let mut spoiling = |times: u32, deadline: Clock| {
            reads = 0;
            let mut access =
                Access::new(&path, &["scheduled_jobs"], deadline).unwrap_or_else(|error| panic!("{error}"));
            let consistent_read = access.consistent_read(|db| {
                reads += 1;
                if reads <= times {
                    let touched = std::fs::File::options()
                        .append(true)
                        .open(&path)
                        .and_then(|file| file.set_modified(std::time::UNIX_EPOCH));
                    touched.unwrap_or_else(|error| panic!("{error}"));
                }
                Ok(db.query_row("SELECT count(*) FROM scheduled_jobs", [], |row| row.get::<_, i64>(0))?)
            });
            (consistent_read.map_err(|error| error.to_string()), reads)
        };
        let later = Clock::now() + Duration::from_secs(3600);
        assert_eq!((spoiling(0, later), spoiling(2, later)), ((Ok(6), 1), (Ok(6), 3)));
        let (refused, reads) = spoiling(9, Clock::now());
        assert_eq!(reads, 1);
        assert!(refused.is_err_and(|why| why.starts_with("changed during each of 1 reads (its writer was active)")));
    }

    #[test]
    fn a_connection_reads_the_named_tables_only_within_limits_and_until_the_deadline() {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident.db");
        let read = |sql: &str, deadline: Clock| {
            let access = Access::new(Path::new(fixture), &["scheduled_jobs"], deadline);
            let mut access = access.unwrap_or_else(|error| panic!("{error}"));
            let consistent_read = access.consistent_read(|db| Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))?));
            consistent_read.map_err(|error| error.to_string())
        };
        let later = Clock::now() + Duration::from_secs(3600);
        assert_eq!(read("SELECT count(*) FROM scheduled_jobs", later), Ok(6));
        let refused = read("SELECT count(*) FROM cost_events", later);
        assert_eq!(refused, Err("can't be read: not authorized".to_owned()));
        let long = format!("SELECT 1 {}", " ".repeat(1 << 20));
        assert_eq!(read(&long, later), Err("can't be read: statement too long".to_owned()));
        let slow = "SELECT count(*) FROM scheduled_jobs a, scheduled_jobs b, scheduled_jobs c, scheduled_jobs d,
            scheduled_jobs e, scheduled_jobs f, scheduled_jobs g, scheduled_jobs h WHERE a.id < b.name || c.id";
        assert_eq!(read(slow, Clock::now()), Err(ReadError::TimedOut.to_string()));
    }

    #[test]
    fn a_connection_follows_every_advice_for_files_that_may_be_hostile() {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident.db");
        let later = Clock::now() + Duration::from_secs(3600);
        let mut db = connect(Path::new(fixture), "immutable=1", &[], later).unwrap_or_else(|error| panic!("{error}"));
        for (name, wanted) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
            (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        ] {
            assert_eq!(db.db_config(name).ok(), Some(wanted), "{name:?}");
        }
        for (limit, most) in [
            (Limit::SQLITE_LIMIT_LENGTH, 64 << 20),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
            (Limit::SQLITE_LIMIT_VDBE_OP, 250_000),
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
            (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
            (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
        ] {
            assert_eq!(db.limit(limit).ok(), Some(most), "{limit:?}");
        }
        // The authorizer does not let the values of pragmas be read.
        let free: Option<fn(AuthContext<'_>) -> Authorization> = None;
        db.authorizer(free).unwrap_or_else(|error| panic!("{error}"));
        for (pragma, wanted) in [("temp_store", 2), ("mmap_size", 0), ("cell_size_check", 1), ("query_only", 1)] {
            let value = db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
            assert_eq!(value.map_err(|error| error.to_string()), Ok(wanted), "{pragma}");
        }
    }

    #[test]
    fn only_reading_the_named_tables_and_their_schema_is_allowed() {
        let tables = ["jobs".to_owned()];
        let allows = |action: AuthAction<'_>| {
            let context = AuthContext { action, database_name: None, accessor: None };
            authorize(&tables, &context) == Authorization::Allow
        };
        let read = |table_name| AuthAction::Read { table_name, column_name: "x" };
        assert!(allows(AuthAction::Select) && allows(read("jobs")) && allows(read("sqlite_master")));
        assert!(!allows(read("secrets")) && !allows(AuthAction::Insert { table_name: "jobs" }));
        let call = |function_name| allows(AuthAction::Function { function_name });
        assert!(call("max") && !call("load_extension"));
        let pragma = |pragma_name| allows(AuthAction::Pragma { pragma_name, pragma_value: None });
        assert!(pragma("table_xinfo") && !pragma("journal_mode"));
        assert!(!allows(AuthAction::Attach { filename: "other.db" }));
    }

    #[test]
    fn no_character_of_a_path_has_a_meaning_in_a_uri() {
        assert_eq!(uri(Path::new("/tmp/a-b_c.1/Z9"), "immutable=1"), "file:///tmp/a-b_c.1/Z9?mode=ro&immutable=1");
        assert_eq!(uri(Path::new("/a b?c#d%e&f"), ""), "file:///a%20b%3Fc%23d%25e%26f?mode=ro&");
    }

    #[test]
    fn an_interruption_is_a_time_out_only_once_the_deadline_has_passed_and_a_lock_is_tried_again() {
        use rusqlite::ffi::{SQLITE_BUSY, SQLITE_INTERRUPT};
        let settle = |code, deadline| {
            let access = Access { path: PathBuf::from("a.db"), tables: &[], deadline, open: None };
            access.settle(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None).into())
        };
        let later = Clock::now() + Duration::from_secs(3600);
        assert!(matches!(settle(SQLITE_BUSY, later), ReadError::Busy(Busy::Locked)));
        assert!(matches!(settle(SQLITE_INTERRUPT, Clock::now()), ReadError::TimedOut));
        assert!(matches!(settle(SQLITE_INTERRUPT, later), ReadError::Sqlite(_)));
    }
}
