//! The state of a database's files, seen from outside, and how they can be read in that state.
//!
//! The rules are those measured against a live writer: a WAL database is read through an overlay that takes no locks, a
//! closed one as immutable, and the files are compared before and after, so that a torn or stale read is thrown away.

use super::error::{Busy, ReadError};
use rustix::fs::{Mode, OFlags};
use std::ffi::OsString;
use std::fs::{File, FileType, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The first bytes of every SQLite database (<https://sqlite.org/fileformat.html>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// A `-wal` no longer than its header holds no transaction.
const WAL_HEADER: usize = 32;
/// Some file systems stamp by a coarse clock: within this time of a change a second one may leave the same stamp.
const STAT_SETTLES: Duration = Duration::from_millis(12);
/// The same on a file system that stamps by whole seconds, such as ext4 with inodes of 128 bytes.
const COARSE_STAT_SETTLES: Duration = Duration::from_millis(1100);
/// A journal without a lock holder is checked again after this time: its writer may just have let go.
const JOURNAL_SETTLES: Duration = Duration::from_millis(50);
/// SQLite's MAX_PATHNAME, less what it appends for the log (os_unix.c).
const MAX_PATH_LEN: usize = 512 - 9;
/// SQLite's lock bytes (<https://sqlite.org/lockingv3.html>).
const PENDING_BYTE: u64 = 0x4000_0000;
const RESERVED_BYTE: u64 = PENDING_BYTE + 1;
pub(super) const SHARED_FIRST: u64 = PENDING_BYTE + 2;
pub(super) const SHARED_SIZE: u64 = 510;

/// The lock that one would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One that only writers keep out.
    Read,
    /// One that everybody keeps out.
    Write,
}

/// How to read a database without its writer noticing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReadMode {
    /// Database and `-wal`, without locks, the WAL index in our own memory.
    Overlay,
    /// The database file alone.
    Immutable,
}

/// The files of a database at one moment; two equal sightings mean that nothing moved between them.
#[derive(Debug, PartialEq)]
pub struct FileState {
    database: FileStat,
    wal: Option<WalStat>,
}

/// A file at one moment.
#[derive(Debug, PartialEq)]
pub(super) struct FileStat {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Debug, PartialEq)]
struct WalStat {
    inode: u64,
    size: u64,
    header: [u8; WAL_HEADER],
}

impl FileState {
    /// Looks at the files; waits a few milliseconds if the database was written just now.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub fn take(path: &Path) -> Result<FileState, ReadError> {
        let mut database = FileStat::of(path)?;
        if database.is_fresh(SystemTime::now()) {
            std::thread::sleep(database.settles());
            database = FileStat::of(path)?;
            if database.is_fresh(SystemTime::now()) {
                return Err(ReadError::Busy(Busy::Writing));
            }
        }
        let wal = WalStat::of(&beside(path, "-wal"))?;
        if wal.is_none() {
            at_rest(path)?;
            log_is_here(path)?;
        }
        Ok(FileState { database, wal })
    }

    /// How to read what was seen.
    pub fn read_mode(&self) -> ReadMode {
        if self.wal.is_some() { ReadMode::Overlay } else { ReadMode::Immutable }
    }

    /// Whether a read that began at this state is neither torn nor stale, looking at the files once more.
    pub fn still_holds(&self, path: &Path) -> bool {
        let Ok(now) = FileStat::of(path) else { return false };
        let Ok(wal) = WalStat::of(&beside(path, "-wal")) else { return false };
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

impl FileStat {
    pub(super) fn of(path: &Path) -> Result<FileStat, ReadError> {
        Ok(FileStat::from(&std::fs::metadata(path).map_err(explain)?))
    }

    pub(super) fn of_open(file: &File) -> Result<FileStat, ReadError> {
        Ok(FileStat::from(&file.metadata()?))
    }

    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        let (seconds, nanos) = self.modified.max(self.changed);
        let stamp = SystemTime::UNIX_EPOCH + Duration::new(seconds.max(0) as u64, nanos as u32);
        now.duration_since(stamp).is_ok_and(|age| age < self.settles())
    }

    /// For how long after a change a second one may leave the same stamp. Stamps without a fraction are whole seconds.
    pub(super) fn settles(&self) -> Duration {
        if self.modified.1 == 0 && self.changed.1 == 0 { COARSE_STAT_SETTLES } else { STAT_SETTLES }
    }
}

impl From<&Metadata> for FileStat {
    fn from(meta: &Metadata) -> FileStat {
        FileStat {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl WalStat {
    /// None if there is no log, or one without a transaction.
    fn of(path: &Path) -> Result<Option<WalStat>, ReadError> {
        let Some(file) = open_sidecar(path)? else { return Ok(None) };
        let meta = file.metadata().map_err(|error| sidecar(path, error.into()))?;
        let mut header = [0; WAL_HEADER];
        if meta.size() <= WAL_HEADER as u64 || file.read_exact_at(&mut header, 0).is_err() {
            return Ok(None);
        }
        Ok(Some(WalStat { inode: meta.ino(), size: meta.size(), header }))
    }
}

/// Where the database really is: SQLite looks for the `-wal` beside the file that a symlink leads to.
///
/// # Errors
/// What is there instead of a database, and what to do about it.
pub fn locate(path: &Path) -> Result<PathBuf, ReadError> {
    let real = std::fs::canonicalize(path).map_err(explain)?;
    let file = open_regular(&real)?;
    if real.as_os_str().len() > MAX_PATH_LEN {
        return Err(ReadError::PathTooLong(MAX_PATH_LEN));
    }
    match has_magic(&file)? {
        true => Ok(real),
        false if file.metadata().is_ok_and(|meta| meta.len() == 0) => Err(ReadError::Empty),
        false => Err(ReadError::NotSqlite),
    }
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

/// Whether a process holds any lock on a file, so that it is in use.
pub fn is_locked(path: &Path) -> bool {
    open_regular(path).is_ok_and(|file| matches!(lock_holder(&file, Wanted::Write, 0, 0), Ok(Some(_))))
}

fn explain(error: std::io::Error) -> ReadError {
    match error.kind() {
        std::io::ErrorKind::NotFound => ReadError::NotFound,
        std::io::ErrorKind::PermissionDenied => ReadError::Inaccessible(error),
        _ => ReadError::Io(error),
    }
}

/// Opens without blocking, after making sure that it is a regular file, so that a FIFO or a device can't stall us or be
/// consumed.
pub(super) fn open_regular(path: &Path) -> Result<File, ReadError> {
    let kind = std::fs::metadata(path).map_err(explain)?.file_type();
    if kind.is_dir() {
        return Err(ReadError::Directory { database: None });
    }
    if !kind.is_file() {
        return Err(ReadError::NotRegular(name_of(kind)));
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| explain(error.into()))?;
    Ok(File::from(file))
}

/// What a file is called that is neither a regular one nor a directory.
fn name_of(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something unknown",
    }
}

pub(super) fn sidecar(path: &Path, error: ReadError) -> ReadError {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    ReadError::Sidecar { name, error: Box::new(error) }
}

fn open_sidecar(path: &Path) -> Result<Option<File>, ReadError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Ok(meta) if meta.is_file() => match open_regular(path) {
            Ok(file) => Ok(Some(file)),
            Err(_) if !path.exists() => Err(ReadError::Busy(Busy::LogRemoved)),
            Err(error) => Err(sidecar(path, error)),
        },
        Ok(_) => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            Err(ReadError::OddSidecar(name))
        }
        Err(error) => Err(sidecar(path, ReadError::Io(error))),
    }
}

/// Whether the database file alone is complete: no transaction is being written to it. The locks are queried whether or not
/// there is a journal, because with journal_mode MEMORY or OFF nothing else shows that pages of one are in the file. A writer
/// that has only reserved the database has not changed the file yet.
fn at_rest(path: &Path) -> Result<(), ReadError> {
    let database = open_regular(path)?;
    let writing = |start, length| has_writer(&database, start, length);
    if writing(PENDING_BYTE, 1) || writing(SHARED_FIRST, SHARED_SIZE) {
        return Err(ReadError::Busy(Busy::Committing));
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
    // The writer may have finished, or the next one begun, since the journal was opened: is it as it was?
    let state =
        |file: &File| file.metadata().map(|meta| (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec())).ok();
    let before = state(&journal);
    std::thread::sleep(JOURNAL_SETTLES);
    let again = open_sidecar(&beside(path, "-journal"))?.filter(is_hot);
    let unchanged = again.is_some_and(|again| state(&again) == before);
    if !unchanged || writing(RESERVED_BYTE, 1 + SHARED_SIZE) {
        return Err(ReadError::Busy(Busy::Committing));
    }
    Err(ReadError::HotJournal)
}

/// Whether a database in WAL mode that a process has open has its log beside it: not so where the file alone is mounted
/// elsewhere, or its log was deleted.
fn log_is_here(path: &Path) -> Result<(), ReadError> {
    let is_open = || -> Result<Option<String>, ReadError> {
        let database = open_regular(path)?;
        if !is_in_wal_mode(&database) || beside(path, "-wal").exists() {
            return Ok(None);
        }
        let holder = lock_holder(&database, Wanted::Write, SHARED_FIRST, SHARED_SIZE).ok().flatten();
        Ok(holder.map(|lock| lock.pid.map_or("a process".to_owned(), |pid| format!("process {pid}"))))
    };
    if is_open()?.is_none() {
        return Ok(());
    }
    // A process that is just opening or closing it may not have made its log yet, or have deleted it already.
    std::thread::sleep(JOURNAL_SETTLES);
    is_open()?.map_or(Err(ReadError::Busy(Busy::LogRemoved)), |process| Err(ReadError::LogElsewhere(process)))
}

/// Whether a database's header says that it is in WAL mode (<https://sqlite.org/fileformat.html>).
pub(super) fn is_in_wal_mode(database: &File) -> bool {
    const OFFSET: u64 = 18;
    const WAL: [u8; 2] = [2, 2];
    let mut format = [0; 2];
    database.read_exact_at(&mut format, OFFSET).is_ok() && format == WAL
}

/// Whether another process holds a write lock there.
fn has_writer(file: &File, start: u64, length: u64) -> bool {
    matches!(lock_holder(file, Wanted::Read, start, length), Ok(Some(_)))
}

/// A lock that stands in the way of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lock {
    /// The process that holds it. None if it can't be seen, or if the lock is that of an open file, which has no process.
    pub pid: Option<u32>,
}

/// A lock of another process that would stand in the way of this one; asking takes none (F_GETLK).
///
/// # Errors
/// What the kernel says, such as that the file system has no locks.
#[allow(unsafe_code)]
pub(super) fn lock_holder(file: &File, wanted: Wanted, start: u64, length: u64) -> std::io::Result<Option<Lock>> {
    // SAFETY: all-zero is a lock.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = match wanted {
        Wanted::Read => libc::F_RDLCK,
        Wanted::Write => libc::F_WRLCK,
    } as libc::c_short;
    (lock.l_start, lock.l_len) = (start.cast_signed(), length.cast_signed());
    // SAFETY: the descriptor is open, and the kernel writes no more than a lock.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    if lock.l_type == libc::F_UNLCK as libc::c_short {
        return Ok(None);
    }
    Ok(Some(Lock { pid: u32::try_from(lock.l_pid).ok().filter(|pid| *pid > 0) }))
}

/// The path with something appended to its last name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Directory(tempfile::TempDir);

    impl Directory {
        fn new() -> Directory {
            Directory(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")))
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// A file of these bytes.
        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.path(name);
            std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
            path
        }

        fn database(&self) -> PathBuf {
            self.file("a.db", &[MAGIC, &[1; 100][..]].concat())
        }
    }

    const COMMITTING: &str =
        "its writer is in the middle of a commit, or keeps the database locked, as with locking_mode=EXCLUSIVE";

    fn why(error: ReadError) -> String {
        error.to_string()
    }

    #[test]
    fn file_stat_settles_12_milliseconds_after_the_last_change() {
        let fresh = |modified: i64, changed: i64, age: Duration| {
            let stamp = FileStat { device: 0, inode: 0, size: 0, modified: (modified, 5), changed: (changed, 5) };
            let latest = SystemTime::UNIX_EPOCH + Duration::new(modified.max(changed).max(0) as u64, 5);
            stamp.is_fresh(latest + age)
        };
        let (settled, short) = (STAT_SETTLES, STAT_SETTLES - Duration::from_nanos(1));
        assert!(fresh(1000, 10, short) && !fresh(1000, 10, settled));
        assert!(fresh(10, 1000, short) && !fresh(10, 1000, settled));
        assert!(fresh(-5, -7, short));
        let future = FileStat { device: 0, inode: 0, size: 0, modified: (2000, 0), changed: (2000, 0) };
        assert!(!future.is_fresh(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)), "a clock that was set back");
    }

    #[test]
    fn a_log_counts_if_it_is_longer_than_its_header() {
        let directory = Directory::new();
        let database = directory.database();
        let mode = |length: usize| {
            directory.file("a.db-wal", &vec![7; length]);
            FileState::take(&database).map(|state| state.read_mode()).map_err(why)
        };
        assert_eq!(
            (mode(0), mode(32), mode(33)),
            (Ok(ReadMode::Immutable), Ok(ReadMode::Immutable), Ok(ReadMode::Overlay))
        );
        std::fs::remove_file(directory.path("a.db-wal")).unwrap_or_else(|error| panic!("{error}"));
        std::fs::create_dir(directory.path("a.db-wal")).unwrap_or_else(|error| panic!("{error}"));
        let refused = FileState::take(&database).map_err(why);
        assert_eq!(refused, Err("its a.db-wal is not a regular file: SQLite did not write it, look at it".to_owned()));
    }

    #[test]
    fn file_state_holds_while_only_the_log_grows() {
        let directory = Directory::new();
        let database = directory.database();
        let wal = |bytes: &[u8]| directory.file("a.db-wal", bytes);
        wal(&[7; 64]);
        let seen = FileState::take(&database).unwrap_or_else(|obstacle| panic!("{obstacle:?}"));
        assert!(seen.still_holds(&database));
        let append = |bytes: &[u8]| {
            let file = File::options().append(true).open(directory.path("a.db-wal"));
            file.and_then(|mut file| file.write_all(bytes)).unwrap_or_else(|error| panic!("{error}"));
        };
        append(&[8; 10]);
        assert!(seen.still_holds(&database), "commits that we don't see");
        wal(&[7; 63]);
        assert!(!seen.still_holds(&database), "cut");
        wal(&[9; 64]);
        assert!(!seen.still_holds(&database), "begun anew");
        wal(&[7; 64]);
        assert!(seen.still_holds(&database));
        std::fs::rename(directory.file("other", &[7; 64]), directory.path("a.db-wal"))
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(!seen.still_holds(&database), "another file");
        wal(&[]);
        assert!(!seen.still_holds(&database), "gone");
        let closed = FileState::take(&database).unwrap_or_else(|obstacle| panic!("{obstacle:?}"));
        assert!(closed.still_holds(&database));
        wal(&[7; 64]);
        assert!(!closed.still_holds(&database), "opened again");
        wal(&[]);
        directory.file("a.db", &[MAGIC, &[2; 100][..]].concat());
        assert!(!closed.still_holds(&database), "written");
        std::fs::remove_file(&database).unwrap_or_else(|error| panic!("{error}"));
        assert!(!closed.still_holds(&database), "removed");
    }

    #[test]
    fn a_journal_that_begins_with_zero_is_over_and_any_other_without_a_writer_is_hot() {
        let directory = Directory::new();
        let database = directory.database();
        let rest = |journal: &[u8]| {
            directory.file("a.db-journal", journal);
            at_rest(&database).map_err(why)
        };
        assert_eq!((rest(&[]), rest(&[0, 1])), (Ok(()), Ok(())));
        assert!(rest(&[1]).is_err_and(|why| why.starts_with("has a hot journal")));
    }

    /// A process that holds a write lock on some bytes of a file until this is dropped.
    struct Writer(libc::pid_t);

    impl Writer {
        #[allow(unsafe_code)]
        fn locking(path: &Path, start: u64, length: u64) -> Writer {
            let file = File::options().read(true).write(true).open(path).unwrap_or_else(|error| panic!("{error}"));
            // SAFETY: all-zero is a lock.
            let mut lock: libc::flock = unsafe { std::mem::zeroed() };
            lock.l_type = libc::F_WRLCK as libc::c_short;
            (lock.l_start, lock.l_len) = (start as libc::off_t, length as libc::off_t);
            // SAFETY: the child only locks and waits to be killed, by calls that are sanitize after a fork.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: as above; the descriptor is open in the child, too.
                unsafe {
                    libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &lock);
                    libc::alarm(60);
                    loop {
                        libc::pause();
                    }
                }
            }
            while !has_writer(&file, start, length) {
                std::thread::yield_now();
            }
            Writer(child)
        }
    }

    impl Drop for Writer {
        #[allow(unsafe_code)]
        fn drop(&mut self) {
            // SAFETY: the child is ours and has not been waited for.
            unsafe {
                libc::kill(self.0, libc::SIGKILL);
                libc::waitpid(self.0, std::ptr::null_mut(), 0);
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    #[allow(unsafe_code)]
    fn a_lock_of_an_open_file_has_no_process() {
        let directory = Directory::new();
        let path = directory.database();
        let open = || File::options().read(true).write(true).open(&path).unwrap_or_else(|error| panic!("{error}"));
        let (locked, asked) = (open(), open());
        assert_eq!(lock_holder(&asked, Wanted::Write, 7, 1).ok(), Some(None));
        // SAFETY: all-zero is a lock.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        (lock.l_type, lock.l_start, lock.l_len) = (libc::F_RDLCK as libc::c_short, 7, 1);
        // SAFETY: the descriptor is open.
        assert_eq!(unsafe { libc::fcntl(locked.as_raw_fd(), libc::F_OFD_SETLK, &lock) }, 0);
        assert_eq!(lock_holder(&asked, Wanted::Write, 7, 1).ok(), Some(Some(Lock { pid: None })));
        assert_eq!(lock_holder(&asked, Wanted::Read, 7, 1).ok(), Some(None), "it keeps out writers only");
    }

    #[test]
    fn writer_is_recognized_by_its_locks() {
        let directory = Directory::new();
        let database = directory.database();
        let rest = |start: u64| {
            let _writer = Writer::locking(&database, start, 1);
            at_rest(&database).map_err(why)
        };
        // https://sqlite.org/lockingv3.html: pending, reserved, then 510 shared bytes.
        let (pending, reserved, shared, last) = (0x4000_0000, 0x4000_0001, 0x4000_0002, 0x4000_01ff);
        let busy = || Err(COMMITTING.to_owned());
        assert_eq!((rest(pending), rest(shared), rest(last)), (busy(), busy(), busy()));
        assert_eq!((rest(pending - 1), rest(reserved), rest(last + 1)), (Ok(()), Ok(()), Ok(())));
        directory.file("a.db-journal", &[1]);
        assert_eq!(rest(reserved), Ok(()), "its pages are still in its memory");
        assert!(rest(last + 1).is_err_and(|why| why.starts_with("has a hot journal")));
    }

    #[test]
    fn a_journal_that_changes_has_a_writer() {
        let directory = Directory::new();
        let database = directory.database();
        directory.file("a.db-journal", &[1]);
        let mut journal =
            File::options().append(true).open(directory.path("a.db-journal")).unwrap_or_else(|error| panic!("{error}"));
        let done = AtomicBool::new(false);
        let rest = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) && journal.write_all(&[1]).is_ok() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let rest = at_rest(&database).map_err(why);
            done.store(true, Ordering::Relaxed);
            writer.join().map(|()| rest)
        });
        let rest = rest.unwrap_or_else(|_| panic!("the writer failed"));
        assert_eq!(rest, Err(COMMITTING.to_owned()));
    }

    #[test]
    fn a_name_that_leaves_no_room_for_a_log_is_refused() {
        let directory = Directory::new();
        let database = directory.file(&"n".repeat(253), &[MAGIC, &[1; 100][..]].concat());
        assert!(FileState::take(&database).is_err_and(|obstacle| why(obstacle).contains("-wal can't be read")));
    }

    #[test]
    fn errors_say_what_is_there_instead_of_a_database() {
        let directory = Directory::new();
        let refused = |path: &Path| locate(path).err().map(why).unwrap_or_default();
        assert_eq!(locate(&directory.database()).ok(), std::fs::canonicalize(directory.path("a.db")).ok());
        assert!(refused(&directory.file("empty", &[])).starts_with("is empty (0 bytes)"));
        assert!(refused(&directory.file("short", &MAGIC[..15])).starts_with("is not a SQLite database"));
        assert!(refused(&directory.path("none")).starts_with("does not exist"));
        assert!(refused(directory.0.path()).ends_with("give the path of a database, or search it with --recursive"));
    }

    #[test]
    fn a_path_may_have_503_bytes() {
        let directory = Directory::new();
        let real = std::fs::canonicalize(directory.0.path()).unwrap_or_else(|error| panic!("{error}"));
        let folders = std::iter::repeat_n("f".repeat(100), 4).fold(real, |path, folder| path.join(folder));
        std::fs::create_dir_all(&folders).unwrap_or_else(|error| panic!("{error}"));
        let located = |length: usize| {
            let path = folders.join("n".repeat(length - folders.as_os_str().len() - 1));
            std::fs::write(&path, [MAGIC, &[1; 100][..]].concat()).unwrap_or_else(|error| panic!("{error}"));
            locate(&path).map_err(why)
        };
        assert!(located(503).is_ok());
        assert!(located(504).is_err_and(|why| why.starts_with("its path is longer than the 503 bytes")));
    }

    #[test]
    fn database_and_its_sidecars_may_not_be_overwritten() {
        let directory = Directory::new();
        let database = directory.database();
        let is_part = |name: &str| is_part_of_database(&directory.path(name));
        assert!(is_part_of_database(&database));
        assert!(is_part("a.db-wal") && is_part("a.db-shm") && is_part("a.db-journal"), "also before they are there");
        assert!(!is_part("a.db-other") && !is_part("b.db-wal") && !is_part("b.db"));
        directory.file("report", b"text");
        assert!(!is_part("report"));
        directory.file("new.db", &[]);
        assert!(!is_part("new.db"), "an empty file");
        directory.file("new.db-journal", &[]);
        assert!(is_part("new.db") && is_part("new.db-journal"), "a database that is being made");
        directory.file("report-wal", &[]);
        assert!(!is_part("report"), "text beside a log");
    }

    #[test]
    fn what_is_no_file_is_called_what_it_is() {
        let directory = Directory::new();
        let socket = directory.path("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap_or_else(|error| panic!("{error}"));
        let refused = |path: &Path| open_regular(path).err().map(why).unwrap_or_default();
        assert!(refused(&socket).starts_with("is a socket"), "{}", refused(&socket));
        assert!(refused(Path::new("/dev/null")).starts_with("is a device"), "{}", refused(Path::new("/dev/null")));
        assert!(refused(directory.0.path()).starts_with("is a directory"), "{}", refused(directory.0.path()));
    }
}
