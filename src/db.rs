//! From a path to a [`Snapshot`], without touching the database: its directory is the same afterwards, byte for byte, and
//! its writer never waits or fails because of us.
//!
//! `readonly` makes writing impossible, `files` chooses how to read and notices what moved meanwhile, `rows` and `events`
//! turn tables into the model. The only module that names `rusqlite`.

mod events;
mod files;
mod readonly;
mod rows;

use crate::cadence::Zone;
use crate::model::Snapshot;
use crate::time::{Instant, Millis};
use files::{Obstacle, Sighting, Way};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant as Clock};

pub use files::{is_part_of_database, locate};

/// How long a database that moves under every read is tried again.
const PATIENCE: Duration = Duration::from_secs(4);
/// Reads through the overlay that a writer's checkpoint may spoil before its read locks are asked for instead.
const OVERLAY_TRIES: u32 = 12;
/// The pause between two tries grows by this up to ten times it.
const PAUSE: Duration = Duration::from_millis(3);
/// How many instructions of SQLite's virtual machine pass between two looks at the deadline: under a millisecond.
const STEPS_PER_LOOK: i32 = 20_000;
/// No text in these tables is longer; SQLite refuses what is.
const LONGEST_VALUE: i32 = 64 << 20;
/// SQLite's VFS that takes no locks.
const WITHOUT_LOCKS: &str = "unix-none";
/// SQLite's usual VFS; of a WAL database a reader takes read locks only.
const WITH_READ_LOCKS: &str = "unix";
/// The tables whose columns may be read, and nothing else.
const TABLES: [&str; 4] = ["scheduled_jobs", "cost_events", "sessions", "scheduler_audit_log"];

/// What part of a database an audit needs, and by when.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The instant of the audit: later events are not seen.
    pub now: Instant,
    /// Events from this long before `now` on are all read.
    pub back: Millis,
    /// The zone of schedules that name none.
    pub zone: Zone,
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
    /// Whether it is the file of something else: no SQLite database, or one without the scheduler's table of jobs.
    pub foreign: bool,
}

/// SQLite's version, which is bundled.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Reads the database at `path`, a path that [`locate`] gave.
///
/// # Errors
/// What is wrong with the database.
pub fn read(path: &Path, window: &Window) -> Result<Snapshot, Unread> {
    readonly::forbid_writes()
        .map_err(|call| Obstacle::Final(format!("can't be read safely: SQLite's {call} could not be replaced")))?;
    let give_up = window.deadline.min(Clock::now() + PATIENCE);
    let mut raced = 0;
    loop {
        let busy = match try_once(path, window, raced) {
            Ok(snapshot) => return Ok(snapshot),
            Err(Obstacle::Busy(why)) => why,
            Err(other) => return Err(other.into()),
        };
        raced += 1;
        let now = Clock::now();
        if now >= give_up {
            return Err(Obstacle::Final(format!("moved under each of {raced} reads ({busy}); try again")).into());
        }
        std::thread::sleep((PAUSE * raced.min(10)).min(give_up - now));
    }
}

fn try_once(path: &Path, window: &Window, raced: u32) -> Result<Snapshot, Obstacle> {
    // Beside a writer that never rests the stamps never settle; its read locks make up for them.
    if raced >= OVERLAY_TRIES && files::has_shared_log(path)? {
        return query(path, "readonly_shm=1", WITH_READ_LOCKS, window).map_err(|error| explain(&error, window));
    }
    let sighting = Sighting::take(path)?;
    let result = match sighting.way() {
        Way::Overlay => query(path, "", WITHOUT_LOCKS, window),
        Way::Immutable => query(path, "immutable=1", WITHOUT_LOCKS, window),
    };
    // An error, too, counts only if the files held still: a torn page looks like a corrupt one.
    if !sighting.still_holds(path) {
        return Err(Obstacle::Busy("its writer was at work"));
    }
    result.map_err(|error| explain(&error, window))
}

fn explain(error: &Failure, window: &Window) -> Obstacle {
    Obstacle::Final(match error {
        Failure::Foreign(text) => return Obstacle::Foreign(text.clone()),
        Failure::Missing(text) => text.clone(),
        Failure::Sqlite(rusqlite::Error::SqliteFailure(failure, _))
            if failure.code == rusqlite::ErrorCode::OperationInterrupted && Clock::now() >= window.deadline =>
        {
            TIMED_OUT.to_owned()
        }
        Failure::Sqlite(rusqlite::Error::SqliteFailure(failure, _))
            if failure.code == rusqlite::ErrorCode::DatabaseBusy =>
        {
            return Obstacle::Busy("its writer holds a lock");
        }
        Failure::Sqlite(rusqlite::Error::SqliteFailure(failure, text)) => {
            let text = text.clone().unwrap_or_else(|| failure.to_string());
            let hint = match failure.code {
                rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase => {
                    "; check it with sqlite3's `PRAGMA integrity_check`, on a copy"
                }
                _ => "",
            };
            format!("can't be read: {text}{hint}")
        }
        Failure::Sqlite(error) => format!("can't be read: {error}"),
    })
}

/// Why a query gave no snapshot.
#[derive(Debug)]
enum Failure {
    Sqlite(rusqlite::Error),
    /// There is no table of jobs.
    Foreign(String),
    /// Other tables, or columns, are not there.
    Missing(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Sqlite(error)
    }
}

fn query(path: &Path, mode: &str, vfs: &str, window: &Window) -> Result<Snapshot, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags_and_vfs(uri(path, mode), flags, vfs)?;
    if vfs == WITHOUT_LOCKS {
        // Set before the first read, it keeps the index of a WAL in our heap, so that no -shm is needed.
        db.execute_batch("PRAGMA locking_mode=EXCLUSIVE")?;
    }
    harden(&mut db, window.deadline)?;
    db.execute_batch("BEGIN")?;
    let mut snapshot = rows::read(&db, window)?;
    events::read(&db, window, &mut snapshot)?;
    events::forget_ended_runs(&mut snapshot);
    db.execute_batch("COMMIT")?;
    Ok(snapshot)
}

/// SQLite's advice for files that may be hostile (<https://sqlite.org/security.html>), and for leaving a live one alone.
fn harden(db: &mut Connection, deadline: Clock) -> Result<(), Failure> {
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
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
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
    db.progress_handler(STEPS_PER_LOOK, Some(move || Clock::now() >= deadline))?;
    db.authorizer(Some(authorize))?;
    Ok(())
}

/// Allows nothing but reading the tables we name, and their schema.
fn authorize(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Transaction { .. } => true,
        AuthAction::Read { table_name, .. } => TABLES.contains(&table_name) || table_name == "sqlite_master",
        // Named by the defaults of columns; with trusted_schema off only harmless ones get this far.
        AuthAction::Function { function_name } => function_name != "load_extension",
        AuthAction::Pragma { pragma_name, .. } => pragma_name == "table_info",
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
