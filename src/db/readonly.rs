//! Read-only by construction: every system call by which SQLite could change a file is replaced before the first open.
//!
//! SQLite's unix layer calls the system through a table that `xSetSystemCall` lets a program replace
//! (<https://sqlite.org/c3ref/vfs.html>). With these entries an open for writing fails as on a read-only file system, after
//! which SQLite opens for reading by itself; creating, deleting, truncating, writing and changing owner or mode fail
//! whatever SQLite decides, for all of its unix VFSs and every thread.

#![allow(unsafe_code)]

use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::sync::OnceLock;

const FAILED: c_int = -1;

fn refuse() -> c_int {
    errno::set_errno(errno::Errno(libc::EROFS));
    FAILED
}

/// Opens for reading only. `O_NONBLOCK`, so that a FIFO put in a file's place can't stall us.
extern "C" fn open(path: *const c_char, flags: c_int, _mode: c_int) -> c_int {
    if flags & libc::O_ACCMODE != libc::O_RDONLY || flags & (libc::O_CREAT | libc::O_TRUNC) != 0 {
        return refuse();
    }
    // SAFETY: SQLite passes the NUL-terminated path that it would have passed to open(2) itself.
    unsafe { libc::open(path, flags | libc::O_NONBLOCK) }
}

extern "C" fn refuse_path(_path: *const c_char) -> c_int {
    refuse()
}

extern "C" fn refuse_path_mode(_path: *const c_char, _mode: c_int) -> c_int {
    refuse()
}

extern "C" fn refuse_mode(_fd: c_int, _mode: c_int) -> c_int {
    refuse()
}

extern "C" fn refuse_size(_fd: c_int, _size: i64) -> c_int {
    refuse()
}

extern "C" fn refuse_write(_fd: c_int, _bytes: *const c_void, _count: usize) -> c_long {
    c_long::from(refuse())
}

extern "C" fn refuse_write_at(_fd: c_int, _bytes: *const c_void, _count: usize, _offset: i64) -> c_long {
    c_long::from(refuse())
}

/// posix_fallocate returns its error.
extern "C" fn refuse_allocation(_fd: c_int, _offset: i64, _length: i64) -> c_int {
    libc::EROFS
}

/// Root's SQLite gives a `-wal` the owner of its database; that alone would change its ctime.
extern "C" fn leave_owner(_fd: c_int, _user: u32, _group: u32) -> c_int {
    0
}

/// Replaces the system calls, once a process; must come before any database is opened.
///
/// # Errors
/// The name of a call that SQLite did not let us replace: then nothing may be opened.
pub fn forbid_writes() -> Result<(), &'static str> {
    static DONE: OnceLock<Result<(), &'static str>> = OnceLock::new();
    *DONE.get_or_init(replace_calls)
}

fn replace_calls() -> Result<(), &'static str> {
    type Call = unsafe extern "C" fn();
    // SAFETY: function pointers of one size; SQLite casts each back to the signature that its unix layer calls it by,
    // which is that of the function given here.
    let calls: [(&CStr, Call); 11] = unsafe {
        use std::mem::transmute as cast;
        [
            (c"open", cast::<extern "C" fn(*const c_char, c_int, c_int) -> c_int, Call>(open)),
            (c"unlink", cast::<extern "C" fn(*const c_char) -> c_int, Call>(refuse_path)),
            (c"rmdir", cast::<extern "C" fn(*const c_char) -> c_int, Call>(refuse_path)),
            (c"mkdir", cast::<extern "C" fn(*const c_char, c_int) -> c_int, Call>(refuse_path_mode)),
            (c"fchmod", cast::<extern "C" fn(c_int, c_int) -> c_int, Call>(refuse_mode)),
            (c"ftruncate", cast::<extern "C" fn(c_int, i64) -> c_int, Call>(refuse_size)),
            (c"write", cast::<extern "C" fn(c_int, *const c_void, usize) -> c_long, Call>(refuse_write)),
            (c"pwrite", cast::<extern "C" fn(c_int, *const c_void, usize, i64) -> c_long, Call>(refuse_write_at)),
            (c"pwrite64", cast::<extern "C" fn(c_int, *const c_void, usize, i64) -> c_long, Call>(refuse_write_at)),
            (c"fallocate", cast::<extern "C" fn(c_int, i64, i64) -> c_int, Call>(refuse_allocation)),
            (c"fchown", cast::<extern "C" fn(c_int, u32, u32) -> c_int, Call>(leave_owner)),
        ]
    };
    // SAFETY: the "unix" VFS is static once SQLite is initialised, which the look-up does; one thread at a time gets here
    // (OnceLock), before any connection exists.
    unsafe {
        let vfs = ffi::sqlite3_vfs_find(c"unix".as_ptr());
        let set = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall).ok_or("xSetSystemCall")?;
        for (name, call) in calls {
            let code = set(vfs, name.as_ptr(), Some(call));
            if code != ffi::SQLITE_OK {
                return Err(name.to_str().unwrap_or("a system call"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn a_file_is_opened_for_reading_only_and_never_waits() {
        let open = |flags: c_int| super::open(c"/dev/null".as_ptr(), flags, 0);
        for flags in [
            libc::O_RDWR,
            libc::O_WRONLY,
            libc::O_RDONLY | libc::O_CREAT,
            libc::O_RDONLY | libc::O_TRUNC,
            libc::O_RDWR | libc::O_CREAT,
        ] {
            assert_eq!((open(flags), errno::errno().0), (FAILED, libc::EROFS));
        }
        for flags in [libc::O_RDONLY | libc::O_CLOEXEC, libc::O_RDONLY | libc::O_NONBLOCK] {
            let opened = open(flags);
            assert!(opened >= 0);
            // SAFETY: asks for the flags of the descriptor just opened.
            let flags = unsafe { libc::fcntl(opened, libc::F_GETFL) };
            assert_ne!(flags & libc::O_NONBLOCK, 0);
            // SAFETY: nothing else uses it.
            unsafe { libc::close(opened) };
        }
    }

    #[test]
    fn system_calls_that_change_files_fail() {
        let refused = |code: c_int| (code, errno::errno().0) == (FAILED, libc::EROFS);
        let nothing: *const c_void = std::ptr::null();
        assert!(refused(refuse_path(nothing.cast())) && refused(refuse_path_mode(nothing.cast(), 0)));
        assert!(refused(refuse_mode(1, 0)) && refused(refuse_size(1, 0)));
        assert_eq!((refuse_write(1, nothing, 1), refuse_write_at(1, nothing, 1, 0)), (-1, -1));
        assert_eq!((refuse_allocation(1, 0, 1), leave_owner(1, 0, 0)), (libc::EROFS, 0));
    }

    #[test]
    fn sqlite_can_not_change_files_once_writes_are_forbidden() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = directory.path().join("new.db");
        forbid_writes().unwrap_or_else(|call| panic!("{call}"));
        let created = Connection::open(&path).and_then(|db| db.execute_batch("CREATE TABLE t(x)"));
        assert!(created.is_err());
        assert_eq!(std::fs::read_dir(directory.path()).map(Iterator::count).ok(), Some(0));

        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident.db");
        std::fs::copy(fixture, &path).unwrap_or_else(|error| panic!("{error}"));
        std::fs::write(directory.path().join("new.db-wal"), b"").unwrap_or_else(|error| panic!("{error}"));
        let written =
            Connection::open(&path).and_then(|db| db.execute_batch("PRAGMA journal_mode=DELETE; DROP TABLE sessions"));
        assert!(written.is_err());
        assert_eq!(std::fs::read(&path).ok(), std::fs::read(fixture).ok());
        assert_eq!(std::fs::read_dir(directory.path()).map(Iterator::count).ok(), Some(2), "the -wal was deleted");
    }
}
