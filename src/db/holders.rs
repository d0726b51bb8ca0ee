//! Which process has a database open, as this kernel shows by its locks. Asking takes no lock (F_GETLK).
//!
//! A connection in WAL mode holds two shared locks for as long as it is open: on one byte of the `-shm` and on the shared bytes
//! of the database (SQLite's os_unix.c and wal.c). That such a lock is seen proves that a process lives. That none is seen
//! proves less, so it counts only where locks are known to show. A lock does not prove that its process is the scheduler: that
//! one can write, and has opened the database before the newest commit.

use crate::model::{Holder, Liveness, Process};
use crate::time::{Instant, Millis, SECOND};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A write so short a time ago, by a process that is not seen, shows that its locks don't show; or it ended just then.
const JUST_NOW: Millis = 10 * SECOND;
/// SQLite's "dead man's switch" in the `-shm` (os_unix.c).
const OPEN_BYTE: u64 = 128;
/// Programs that look at databases or copy them: to have them open does not make a process the scheduler.
const TOOLS: [&str; 5] = ["sqlite3", "litecli", "litestream", "sqlitebrowser", "datasette"];
/// A log that is no longer than its header holds no commit: to open a database makes an empty one.
const WAL_HEADER: u64 = 32;

/// What the operating system knows about the process that has the database at `path` open, and what is to be said about it.
/// `path` is one that [`super::locate`] returned.
pub fn liveness(path: &Path) -> (Liveness, Option<String>) {
    let last_write = last_write(path);
    let slept = kernel::slept();
    let holder = kernel::holder(path, last_write);
    if holder == Holder::Nobody
        && let Some(written) = last_write
        && let age = now().since(written)
        && is_just_now(age)
    {
        let note = format!(
            "the database was written {} ago, but no process on this machine has it open: the scheduler has just ended, or \
             runs where its locks don't show",
            crate::time::span(age)
        );
        return (Liveness { holder: Holder::Unknown, last_write, slept }, Some(note));
    }
    (Liveness { holder, last_write, slept }, None)
}

/// Whether a write so long ago was just now. One of the future tells nothing: a clock was set.
fn is_just_now(age: Millis) -> bool {
    (0..JUST_NOW).contains(&age)
}

fn is_tool(process: &Process) -> bool {
    process.name.as_deref().is_some_and(|name| TOOLS.contains(&name))
}

/// Whether a process is known to have been there at the last write, which one that came later can't have done.
fn was_there(process: &Process, last_write: Option<Instant>) -> bool {
    process.started.is_some_and(|started| last_write.is_none_or(|written| started <= written))
}

fn now() -> Instant {
    as_instant(SystemTime::now())
}

fn as_instant(time: SystemTime) -> Instant {
    let millis = time.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis());
    Instant::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// When the newest commit or checkpoint was written, as far as the files tell: in WAL mode a commit writes the log, and a checkpoint
/// the database.
fn last_write(path: &Path) -> Option<Instant> {
    modified(path, 0).max(modified(&super::files::beside(path, "-wal"), WAL_HEADER + 1))
}

/// When a file was last written, if it is no shorter than `length`.
fn modified(path: &Path, length: u64) -> Option<Instant> {
    let meta = std::fs::metadata(path).ok()?;
    if meta.len() < length { None } else { meta.modified().ok().map(as_instant) }
}

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as kernel;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as kernel;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod kernel {
    use super::{Holder, Instant, Millis, Path};

    pub fn holder(_path: &Path, _last_write: Option<Instant>) -> Holder {
        Holder::Unknown
    }

    pub fn slept() -> Option<Millis> {
        None
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use super::kernel;
    use super::{is_just_now, last_write};
    use crate::time::{Instant, SECOND};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_write_of_the_last_ten_seconds_was_just_now() {
        assert_eq!([-1, 0, 10 * SECOND - 1, 10 * SECOND].map(is_just_now), [false, true, true, false]);
    }

    #[test]
    fn a_log_counts_as_written_only_with_a_transaction_in_it() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = directory.path().join("a.db");
        let written = |name: &str, bytes: usize, second: u64| {
            let path = directory.path().join(name);
            std::fs::write(&path, vec![1; bytes]).unwrap_or_else(|error| panic!("{error}"));
            let file = std::fs::File::options().append(true).open(path);
            let stamped = file.and_then(|file| file.set_modified(UNIX_EPOCH + Duration::from_secs(second)));
            stamped.unwrap_or_else(|error| panic!("{error}"));
        };
        let second = |path| last_write(path).map(Instant::seconds);
        assert_eq!(second(&path), None);
        written("a.db", 100, 1000);
        assert_eq!(second(&path), Some(1000));
        written("a.db-wal", 32, 2000);
        assert_eq!(second(&path), Some(1000), "its header alone");
        written("a.db-wal", 33, 2000);
        assert_eq!(second(&path), Some(2000));
        written("a.db", 100, 3000);
        assert_eq!(second(&path), Some(3000));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn how_long_the_machine_slept_is_known() {
        assert!(kernel::slept().is_some_and(|slept| slept >= 0));
    }
}
