//! Access to a database that somebody else is writing, without touching it: its directory is the same afterwards, byte for
//! byte, and its writer never waits or fails because of us. No lock is taken, ever.
//!
//! `readonly` makes writing impossible; `files` chooses how to read and notices what moved meanwhile. What is read, and what
//! it means, is the [`crate::stores`]' business: no table is named here.

mod files;
mod readonly;

use crate::time::{Instant, Millis};
use files::{Obstacle, Sighting, Way};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};

pub use files::{is_part_of_database, locate};

/// The pause between two tries grows by this up to ten times it.
const PAUSE: Duration = Duration::from_millis(3);
/// How many instructions of SQLite's virtual machine pass between two looks at the deadline: under a millisecond.
const STEPS_PER_LOOK: i32 = 20_000;
/// No text in these tables is longer; SQLite refuses what is.
const LONGEST_VALUE: i32 = 64 << 20;
/// SQLite's page cache, in KiB (negative by SQLite's rule): events are read once, so a larger one only takes longer to fill.
const CACHE: i64 = -256;
/// SQLite's VFS that takes no locks.
const WITHOUT_LOCKS: &str = "unix-none";

/// What part of a database an audit needs, and by when.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The instant of the audit: later events are not seen.
    pub now: Instant,
    /// Events from this long before `now` on are all read.
    pub back: Millis,
    /// The zone of schedules that name none.
    pub zone: crate::cadence::Zone,
    /// When reading is given up.
    pub deadline: Clock,
}

/// What is said of a database that could not be read by the deadline.
pub const TIMED_OUT: &str = "could not be read before the time-out; give it longer with --timeout";

/// Why a database was not read.
#[derive(Debug)]
pub struct Unread {
    /// What is wrong and what to do about it, to be read after the path.
    pub why: String,
    /// Whose file it is.
    pub kind: Kind,
}

/// Whose file could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It may be a scheduler's.
    Own,
    /// A database of something else.
    Foreign,
    /// Not a database, or no longer one.
    NoDatabase,
}

impl From<Obstacle> for Unread {
    fn from(obstacle: Obstacle) -> Unread {
        match obstacle {
            Obstacle::Busy(why) => Unread { why: why.to_owned(), kind: Kind::Own },
            Obstacle::Final(why) => Unread { why, kind: Kind::Own },
            Obstacle::Foreign(why) => Unread { why, kind: Kind::Foreign },
            Obstacle::NoDatabase(why) => Unread { why, kind: Kind::NoDatabase },
        }
    }
}

/// SQLite's version, which is bundled.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Why a query gave nothing.
#[derive(Debug)]
pub enum Failure {
    /// SQLite's own words.
    Sqlite(rusqlite::Error),
    /// The file belongs to something else.
    Foreign(String),
    /// It can't be judged, for this reason.
    Unusable(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Sqlite(error)
    }
}

/// A database that is read in pieces, each of which saw the files at rest.
pub struct Access<'a> {
    path: PathBuf,
    tables: &'a [&'a str],
    deadline: Clock,
    open: Option<Open>,
}

struct Open {
    sighting: Sighting,
    db: Connection,
}

impl<'a> Access<'a> {
    /// Access to the database at `path`, a path that [`locate`] gave; only the schema and these tables can be read.
    ///
    /// # Errors
    /// Why it would not be safe.
    pub fn new(path: &Path, tables: &'a [&'a str], deadline: Clock) -> Result<Access<'a>, Unread> {
        let unsafe_to = |call| format!("can't be read safely: SQLite's {call} could not be replaced");
        readonly::forbid_writes().map_err(|call| Obstacle::Final(unsafe_to(call)))?;
        Ok(Access { path: path.to_owned(), tables, deadline, open: None })
    }

    /// Access to the same, over a connection of its own.
    pub fn beside(&self) -> Access<'a> {
        Access { path: self.path.clone(), open: None, ..*self }
    }

    /// Reads one piece: what `read` returns is kept only if no file moved since they were opened; else it is read again,
    /// as often as the deadline allows.
    ///
    /// # Errors
    /// What is wrong with the database, or that its writer never rested.
    pub fn piece<T>(&mut self, mut read: impl FnMut(&Connection) -> Result<T, Failure>) -> Result<T, Unread> {
        let mut spoilt = 0;
        loop {
            let busy = match self.try_piece(&mut read) {
                Ok(piece) => return Ok(piece),
                Err(Obstacle::Busy(why)) => why,
                Err(other) => return Err(other.into()),
            };
            self.open = None;
            spoilt += 1;
            let now = Clock::now();
            if now >= self.deadline {
                let text = format!(
                    "changed during each of {spoilt} reads ({busy}); try again, or give it longer with --timeout"
                );
                return Err(Obstacle::Final(text).into());
            }
            std::thread::sleep((PAUSE * spoilt.min(10)).min(self.deadline - now));
        }
    }

    fn try_piece<T>(&mut self, read: &mut impl FnMut(&Connection) -> Result<T, Failure>) -> Result<T, Obstacle> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        let result = read(&open.db);
        // An error, too, counts only if the files held still: a torn page looks like a corrupt one.
        if !open.sighting.still_holds(&self.path) {
            return Err(Obstacle::Busy("its writer was at work"));
        }
        self.open = Some(open);
        result.map_err(|error| self.explain(error))
    }

    fn open(&self) -> Result<Open, Obstacle> {
        let sighting = Sighting::take(&self.path)?;
        let mode = match sighting.way() {
            Way::Overlay => "",
            Way::Immutable => "immutable=1",
        };
        let connected = connect(&self.path, mode, self.tables, self.deadline);
        if connected.is_err() && !sighting.still_holds(&self.path) {
            return Err(Obstacle::Busy("its writer was at work"));
        }
        Ok(Open { sighting, db: connected.map_err(|error| self.explain(error))? })
    }

    fn explain(&self, error: Failure) -> Obstacle {
        let error = match error {
            Failure::Foreign(text) => return Obstacle::Foreign(text),
            Failure::Unusable(text) => return Obstacle::Final(text),
            Failure::Sqlite(error) => error,
        };
        let rusqlite::Error::SqliteFailure(failure, text) = &error else {
            return Obstacle::Final(format!("can't be read: {error}"));
        };
        Obstacle::Final(match failure.code {
            ErrorCode::OperationInterrupted if Clock::now() >= self.deadline => TIMED_OUT.to_owned(),
            ErrorCode::DatabaseBusy => return Obstacle::Busy("its writer holds a lock"),
            code => {
                // Of an open that fails, the text is our URI.
                let text = text.clone().filter(|text| !text.starts_with("file:"));
                let text = text.unwrap_or_else(|| failure.to_string());
                let corrupt = matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase);
                let hint = if corrupt { "; check it with sqlite3's `PRAGMA integrity_check`, on a copy" } else { "" };
                format!("can't be read: {text}{hint}")
            }
        })
    }
}

fn connect(path: &Path, mode: &str, tables: &[&str], deadline: Clock) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags_and_vfs(uri(path, mode), flags, WITHOUT_LOCKS)?;
    // Set before the first read, it keeps the index of a WAL in our heap, so that no -shm is needed.
    db.execute_batch("PRAGMA locking_mode=EXCLUSIVE")?;
    harden(&mut db, tables, deadline)?;
    Ok(db)
}

/// SQLite's advice for files that may be hostile (<https://sqlite.org/security.html>), and for leaving a live one alone.
fn harden(db: &mut Connection, tables: &[&str], deadline: Clock) -> Result<(), Failure> {
    db.busy_timeout(Duration::ZERO)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 20),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 3),
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
            tables.iter().any(|table| table == table_name) || table_name == "sqlite_master"
        }
        // Named by the defaults of columns; with trusted_schema off only harmless ones get this far.
        AuthAction::Function { function_name } => function_name != "load_extension",
        AuthAction::Pragma { pragma_name, .. } => pragma_name == "table_xinfo",
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

/// A `file:` URI in which nothing of the path has a meaning of its own (<https://sqlite.org/uri.html>).
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
    fn a_piece_counts_only_if_no_file_moved_while_it_was_read_and_is_read_again_until_the_deadline() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = directory.path().join("a.db");
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident.db");
        std::fs::copy(fixture, &path).unwrap_or_else(|error| panic!("{error}"));
        let mut reads = 0;
        let mut spoiling = |times: u32, deadline: Clock| {
            reads = 0;
            let mut access =
                Access::new(&path, &["scheduled_jobs"], deadline).unwrap_or_else(|unread| panic!("{}", unread.why));
            let piece = access.piece(|db| {
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
            (piece.map_err(|unread| unread.why), reads)
        };
        let later = Clock::now() + Duration::from_secs(3600);
        assert_eq!((spoiling(0, later), spoiling(2, later)), ((Ok(6), 1), (Ok(6), 3)));
        let (refused, reads) = spoiling(9, Clock::now());
        assert_eq!(reads, 1);
        assert!(refused.is_err_and(|why| why.starts_with("changed during each of 1 reads (its writer was at work)")));
    }

    #[test]
    fn a_connection_reads_the_named_tables_only_within_limits_and_until_the_deadline() {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident.db");
        let read = |sql: &str, deadline: Clock| {
            let access = Access::new(Path::new(fixture), &["scheduled_jobs"], deadline);
            let mut access = access.unwrap_or_else(|unread| panic!("{}", unread.why));
            let piece = access.piece(|db| Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))?));
            piece.map_err(|unread| unread.why)
        };
        let later = Clock::now() + Duration::from_secs(3600);
        assert_eq!(read("SELECT count(*) FROM scheduled_jobs", later), Ok(6));
        let refused = read("SELECT count(*) FROM cost_events", later);
        assert_eq!(refused, Err("can't be read: not authorized".to_owned()));
        let long = format!("SELECT 1 {}", " ".repeat(1 << 20));
        assert_eq!(read(&long, later), Err("can't be read: statement too long".to_owned()));
        let slow = "SELECT count(*) FROM scheduled_jobs a, scheduled_jobs b, scheduled_jobs c, scheduled_jobs d,
            scheduled_jobs e, scheduled_jobs f, scheduled_jobs g, scheduled_jobs h WHERE a.id < b.name || c.id";
        assert_eq!(read(slow, Clock::now()), Err(TIMED_OUT.to_owned()));
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
    fn nothing_of_a_path_has_a_meaning_of_its_own_in_a_uri() {
        assert_eq!(uri(Path::new("/tmp/a-b_c.1/Z9"), "immutable=1"), "file:///tmp/a-b_c.1/Z9?mode=ro&immutable=1");
        assert_eq!(uri(Path::new("/a b?c#d%e&f"), ""), "file:///a%20b%3Fc%23d%25e%26f?mode=ro&");
    }

    #[test]
    fn an_error_is_told_in_sqlites_words_with_what_to_do_and_never_with_our_uri() {
        let access = |deadline| Access { path: PathBuf::from("a.db"), tables: &[], deadline, open: None };
        let later = access(Clock::now() + Duration::from_secs(3600));
        let sqlite = |code, text: Option<&str>| {
            let error = rusqlite::ffi::Error::new(code);
            Failure::Sqlite(rusqlite::Error::SqliteFailure(error, text.map(str::to_owned)))
        };
        let told = |access: &Access<'_>, failure: Failure| match access.explain(failure) {
            Obstacle::Busy(why) => format!("busy: {why}"),
            Obstacle::Final(why) => why,
            Obstacle::Foreign(why) | Obstacle::NoDatabase(why) => format!("other: {why}"),
        };
        use rusqlite::ffi::{
            SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_ERROR, SQLITE_INTERRUPT, SQLITE_NOTADB,
        };
        assert_eq!(told(&later, sqlite(SQLITE_ERROR, Some("no such table: x"))), "can't be read: no such table: x");
        let hint = "; check it with sqlite3's `PRAGMA integrity_check`, on a copy";
        assert_eq!(told(&later, sqlite(SQLITE_CORRUPT, Some("malformed"))), format!("can't be read: malformed{hint}"));
        assert!(told(&later, sqlite(SQLITE_NOTADB, None)).ends_with(hint));
        let unopened = told(&later, sqlite(SQLITE_CANTOPEN, Some("file:///a.db?mode=ro")));
        assert!(unopened.starts_with("can't be read: ") && !unopened.contains("file:"), "{unopened}");
        assert_eq!(told(&later, sqlite(SQLITE_BUSY, None)), "busy: its writer holds a lock");
        assert_eq!(told(&access(Clock::now()), sqlite(SQLITE_INTERRUPT, None)), TIMED_OUT);
        assert_eq!(told(&later, sqlite(SQLITE_INTERRUPT, Some("interrupted"))), "can't be read: interrupted");
        assert_eq!(told(&later, Failure::Unusable("is odd".to_owned())), "is odd");
        assert_eq!(told(&later, Failure::Foreign("is a browser's".to_owned())), "other: is a browser's");
        assert_eq!(
            told(&later, Failure::Sqlite(rusqlite::Error::InvalidQuery)),
            "can't be read: Query is not read-only"
        );
    }
}
