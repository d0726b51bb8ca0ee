//! What a database's files look like from outside, and which way of reading that allows.
//!
//! The rules are those measured against a live writer: a WAL database is read through an overlay that takes no locks, a
//! closed one as immutable, and the files are compared before and after, so that a torn or stale read is thrown away.

use rustix::fs::{FileType, Mode, OFlags};
use rustix::process::{Flock, FlockOffsetType, FlockType};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The first bytes of every SQLite database (<https://sqlite.org/fileformat.html>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// A `-wal` no longer than its header holds no transaction.
const WAL_HEADER: usize = 32;
/// Some file systems stamp by a coarse clock: within this time of a change a second one may leave the same stamp.
const STAMP_SETTLES: Duration = Duration::from_millis(12);
/// A journal that nobody holds a lock for is looked at again after this time: its writer may just have let go.
const JOURNAL_SETTLES: Duration = Duration::from_millis(50);
/// SQLite's MAX_PATHNAME, less what it appends for the log (os_unix.c).
const LONGEST_PATH: usize = 512 - 9;
/// SQLite's lock bytes (<https://sqlite.org/lockingv3.html>).
const PENDING_BYTE: u64 = 0x4000_0000;
const RESERVED_BYTE: u64 = PENDING_BYTE + 1;
const SHARED_FIRST: u64 = PENDING_BYTE + 2;
const SHARED_SIZE: u64 = 510;

/// How to read a database without its writer noticing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    /// Database and `-wal`, without locks, the WAL index in our own memory.
    Overlay,
    /// The database file alone.
    Immutable,
}

/// Why a database can't be read now.
#[derive(Debug)]
pub enum Obstacle {
    /// A writer is in the way for a moment: try again.
    Busy(&'static str),
    /// It will not go away by waiting; what is wrong and what to do about it.
    Final(String),
    /// The same of the file of something else.
    Foreign(String),
    /// The same of a file that is not a database at all, or no longer.
    NoDatabase(String),
}

/// The files of a database at one moment; two equal sightings mean that nothing moved between them.
#[derive(Debug, PartialEq)]
pub struct Sighting {
    database: Stamp,
    wal: Option<WalStamp>,
}

#[derive(Debug, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Debug, PartialEq)]
struct WalStamp {
    inode: u64,
    size: u64,
    header: [u8; WAL_HEADER],
}

impl Sighting {
    /// Looks at the files; waits a few milliseconds if the database was written just now.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub fn take(path: &Path) -> Result<Sighting, Obstacle> {
        let mut database = Stamp::of(path)?;
        if database.is_fresh() {
            std::thread::sleep(STAMP_SETTLES);
            database = Stamp::of(path)?;
            if database.is_fresh() {
                return Err(Obstacle::Busy("it is being written all the time"));
            }
        }
        let wal = WalStamp::of(&beside(path, "-wal"))?;
        if wal.is_none() {
            at_rest(path)?;
        }
        Ok(Sighting { database, wal })
    }

    /// The way to read what was seen.
    pub fn way(&self) -> Way {
        if self.wal.is_some() { Way::Overlay } else { Way::Immutable }
    }

    /// Whether a read that began at this sighting is neither torn nor stale, looking at the files once more.
    pub fn still_holds(&self, path: &Path) -> bool {
        let Ok(now) = Stamp::of(path) else { return false };
        let Ok(wal) = WalStamp::of(&beside(path, "-wal")) else { return false };
        let log = match (&self.wal, &wal) {
            (None, None) => at_rest(path).is_ok(),
            (Some(before), Some(after)) => {
                before.inode == after.inode && before.header == after.header && after.size >= before.size
            }
            _ => false,
        };
        log && now == self.database
    }
}

impl Stamp {
    fn of(path: &Path) -> Result<Stamp, Obstacle> {
        let meta = std::fs::metadata(path).map_err(|error| explain_missing(path, &error))?;
        Ok(Stamp {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }

    fn is_fresh(&self) -> bool {
        let (seconds, nanos) = self.modified.max(self.changed);
        let stamp = SystemTime::UNIX_EPOCH + Duration::new(seconds.max(0) as u64, nanos as u32);
        SystemTime::now().duration_since(stamp).is_ok_and(|age| age < STAMP_SETTLES)
    }
}

impl WalStamp {
    /// None where there is no log or one without a transaction.
    fn of(path: &Path) -> Result<Option<WalStamp>, Obstacle> {
        let Some(file) = open_sidecar(path)? else { return Ok(None) };
        let unreadable = |error| Obstacle::Final(format!("its {} can't be read: {error}", name(path)));
        let meta = file.metadata().map_err(unreadable)?;
        let mut header = [0; WAL_HEADER];
        if meta.size() <= WAL_HEADER as u64 || file.read_exact_at(&mut header, 0).is_err() {
            return Ok(None);
        }
        Ok(Some(WalStamp { inode: meta.ino(), size: meta.size(), header }))
    }
}

/// Where the database really is: SQLite looks for the `-wal` beside the file that a symlink leads to.
///
/// # Errors
/// What is there instead of a database, and what to do about it.
pub fn locate(path: &Path) -> Result<PathBuf, super::Unread> {
    let real = std::fs::canonicalize(path).map_err(|error| explain_missing(path, &error))?;
    let file = open_regular(&real)?;
    if real.as_os_str().len() > LONGEST_PATH {
        let text =
            format!("its path is longer than the {LONGEST_PATH} bytes that SQLite takes; mount or move it elsewhere");
        return Err(Obstacle::Final(text).into());
    }
    let obstacle = match has_magic(&file) {
        Ok(true) => return Ok(real),
        Err(error) => Obstacle::Final(format!("can't be read: {error}")),
        Ok(false) if file.metadata().is_ok_and(|meta| meta.len() == 0) => {
            Obstacle::NoDatabase("is empty (0 bytes): no scheduler has written to it; check the path".to_owned())
        }
        Ok(false) => Obstacle::NoDatabase(
            "is not a SQLite database (its first bytes say so); give the path of the scheduler's database".to_owned(),
        ),
    };
    Err(obstacle.into())
}

/// Whether a file begins as every database does.
fn has_magic(file: &File) -> std::io::Result<bool> {
    let mut first = [0; MAGIC.len()];
    match file.read_exact_at(&mut first, 0) {
        Ok(()) => Ok(&first == MAGIC),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a file is a database, or one of those that SQLite keeps beside one: nothing that may be overwritten.
pub fn is_part_of_database(path: &Path) -> bool {
    // A database that is being made is still empty, and its transaction beside it.
    let begins = |file: &File, path: &Path| {
        let sidecars = ["-wal", "-journal"].iter().any(|suffix| beside(path, suffix).exists());
        sidecars && file.metadata().is_ok_and(|meta| meta.len() == 0)
    };
    let is_database =
        |path: &Path| open_regular(path).is_ok_and(|file| has_magic(&file).unwrap_or(false) || begins(&file, path));
    let without = |suffix: &str| {
        let database = path.as_os_str().as_bytes().strip_suffix(suffix.as_bytes())?;
        Some(PathBuf::from(OsString::from_vec(database.to_vec())))
    };
    is_database(path)
        || ["-wal", "-shm", "-journal"].iter().filter_map(|suffix| without(suffix)).any(|path| is_database(&path))
}

fn explain_missing(path: &Path, error: &std::io::Error) -> Obstacle {
    Obstacle::Final(match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist; give the path of the scheduler's database".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            format!("can't be reached: {error}; run as a user who may read it, such as the scheduler's")
        }
        _ => format!("can't be looked at ({}): {error}", name(path)),
    })
}

/// Opens without blocking, then makes sure that it is a regular file, so that a FIFO or a device can't stall or be consumed.
fn open_regular(path: &Path) -> Result<File, Obstacle> {
    let meta = std::fs::metadata(path).map_err(|error| explain_missing(path, &error))?;
    match FileType::from_raw_mode(meta.mode()) {
        FileType::RegularFile => {}
        FileType::Directory => {
            let guess = path.join("data/phantom.db");
            let hint = if guess.is_file() {
                format!("did you mean {}, or all under it, with --recursive?", guess.display())
            } else {
                "give the path of a database, or search it with --recursive".to_owned()
            };
            return Err(Obstacle::Final(format!("is a directory; {hint}")));
        }
        other => {
            return Err(Obstacle::Final(format!("is not a regular file but {other:?}; give the scheduler's database")));
        }
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| explain_missing(path, &error.into()))?;
    Ok(File::from(file))
}

fn open_sidecar(path: &Path) -> Result<Option<File>, Obstacle> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Ok(meta) if meta.is_file() => match open_regular(path) {
            Ok(file) => Ok(Some(file)),
            Err(_) if !path.exists() => Err(Obstacle::Busy("its log is being removed")),
            Err(Obstacle::Final(text)) => Err(Obstacle::Final(format!("its {} {text}", name(path)))),
            Err(other) => Err(other),
        },
        Ok(_) => {
            Err(Obstacle::Final(format!("its {} is not a regular file: no SQLite wrote it, look at it", name(path))))
        }
        Err(error) => Err(Obstacle::Final(format!("its {} can't be looked at: {error}", name(path)))),
    }
}

/// Whether the database file alone tells all: no transaction is being written to it. The locks are asked for whether or
/// not there is a journal, since with journal_mode MEMORY or OFF nothing else shows that pages of one lie in the file. A
/// writer that has only reserved the database has not touched the file yet.
fn at_rest(path: &Path) -> Result<(), Obstacle> {
    let database = open_regular(path)?;
    let writing = |start, length| is_locked(&database, start, length);
    if writing(PENDING_BYTE, 1) || writing(SHARED_FIRST, SHARED_SIZE) {
        return Err(Obstacle::Busy("its writer is in the middle of a commit"));
    }
    let is_hot = |journal: &File| {
        let mut first = [0];
        journal.read_exact_at(&mut first, 0).is_ok() && first != [0]
    };
    let Some(journal) = open_sidecar(&beside(path, "-journal"))?.filter(is_hot) else {
        return Ok(());
    };
    if writing(RESERVED_BYTE, 1) {
        return Ok(());
    }
    // The writer may have finished, or the next one begun, since the journal was opened: is it still the same one?
    let age = |file: &File| file.metadata().map(|meta| (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec())).ok();
    std::thread::sleep(JOURNAL_SETTLES);
    let again = open_sidecar(&beside(path, "-journal"))?.filter(is_hot);
    let unchanged = again.is_some_and(|again| age(&again) == age(&journal));
    if !unchanged || writing(RESERVED_BYTE, 1 + SHARED_SIZE) {
        return Err(Obstacle::Busy("its writer is in the middle of a commit"));
    }
    Err(Obstacle::Final(
        "has a hot journal: its writer crashed in a transaction, and reading would need a roll-back. Start the scheduler, \
         which rolls it back, or copy the database with its -journal, open the copy with sqlite3, and audit that"
            .to_owned(),
    ))
}

/// Whether another process holds a write lock there; asking takes none (F_GETLK).
fn is_locked(file: &File, start: u64, length: u64) -> bool {
    let lock = Flock { start, length, pid: None, typ: FlockType::ReadLock, offset_type: FlockOffsetType::Set };
    matches!(rustix::process::fcntl_getlk(file, &lock), Ok(Some(_)))
}

/// The path with something appended to its last name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
