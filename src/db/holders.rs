//! Which process has a database open, as this kernel shows by its locks. Asking takes no lock (F_GETLK).
//!
//! A connection in WAL mode holds two shared locks for as long as it is open: on one byte of the `-shm` and on the shared bytes
//! of the database (SQLite's os_unix.c and wal.c). That such a lock is seen proves that a process lives. That none is seen
//! proves less, so it counts only where locks are known to show.

use crate::model::{Holder, Liveness, Process};
use crate::time::{Instant, Millis, SECOND};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A write so short a time ago, by a process that is not seen, shows that its locks don't show; or it ended just then.
const JUST_NOW: Millis = 10 * SECOND;
/// SQLite's "dead man's switch" in the `-shm` (os_unix.c).
const OPEN_BYTE: u64 = 128;
/// Programs that look at databases or copy them: to have them open does not make a process the scheduler.
const TOOLS: [&str; 4] = ["sqlite3", "litecli", "litestream", "sqlitebrowser"];

/// What the operating system knows about the process that has the database at `path` open, and what is to be said about it.
/// `path` is one that [`super::locate`] returned.
pub fn liveness(path: &Path) -> (Liveness, Option<String>) {
    let last_write = last_write(path);
    let slept = kernel::slept();
    let holder = kernel::holder(path);
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

fn now() -> Instant {
    as_instant(SystemTime::now())
}

fn as_instant(time: SystemTime) -> Instant {
    let millis = time.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis());
    Instant::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// When the database or its log was last written: in WAL mode a commit writes the log, and a checkpoint the database.
fn last_write(path: &Path) -> Option<Instant> {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok().map(as_instant);
    modified(path).max(modified(&super::files::beside(path, "-wal")))
}

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as kernel;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod kernel {
    use super::{Holder, Millis, Path};

    pub fn holder(_path: &Path) -> Holder {
        Holder::Unknown
    }

    pub fn slept() -> Option<Millis> {
        None
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use super::super::files::{SHARED_FIRST, SHARED_SIZE, beside, is_in_wal_mode, lock_holder, open_regular};
    use super::{Holder, Instant, Millis, OPEN_BYTE, Path, Process, SECOND, is_tool, now};
    use rustix::process::{Flock, FlockType};
    use rustix::time::{ClockId, clock_gettime};
    use std::collections::BTreeSet;
    use std::fs::{File, read_to_string};
    use std::os::unix::fs::MetadataExt;

    /// File systems whose locks other machines, or a server in user space, may keep to themselves: FUSE and virtiofs, 9p, NFS,
    /// SMB 2, CIFS (statfs(2)).
    const FOREIGN_LOCKS: [u32; 5] = [0x6573_5546, 0x0102_1997, 0x6969, 0xfe53_4d42, 0xff53_4d42];
    /// A file that was not written for longer than this after it was made is a copy.
    const COPY_TAKES: Millis = 2 * SECOND;
    /// The kernel cuts names of commands to 15 bytes.
    const MAX_NAME_LEN: usize = 15;

    /// Who has the database open.
    pub fn holder(path: &Path) -> Holder {
        let Ok(database) = open_regular(path) else { return Holder::Unknown };
        if !is_in_wal_mode(&database) || hides_locks(path) {
            return Holder::Unknown;
        }
        let shm = open_regular(&beside(path, "-shm")).ok();
        let mut pids = BTreeSet::new();
        let mut unseen = false;
        let all_locks = read_to_string("/proc/locks");
        for (file, first, length) in [(shm.as_ref(), OPEN_BYTE, 1), (Some(&database), SHARED_FIRST, SHARED_SIZE)] {
            let Some(file) = file else { continue };
            let Ok(lock) = lock_holder(file, FlockType::WriteLock, first, length) else { return Holder::Unknown };
            unseen |= lock.as_ref().is_some_and(|lock| pid(lock).is_none());
            pids.extend(lock.as_ref().and_then(pid));
            pids.extend(pids_in(all_locks.as_deref().unwrap_or_default(), file, first, length));
        }
        let processes: Vec<Process> = pids.into_iter().map(process).collect();
        let only_tools = !processes.is_empty() && processes.iter().all(is_tool);
        let oldest = processes.into_iter().filter(|process| !is_tool(process));
        match oldest.min_by_key(|process| process.started.unwrap_or(Instant::MAX)) {
            Some(oldest) => Holder::Process(oldest),
            None if unseen => Holder::Unseen,
            // F_GETLK names one process only: without the list another one may be behind the tool.
            None if only_tools && all_locks.is_err() => Holder::Unknown,
            None if shm.is_none() && is_copy(&database) => Holder::Unknown,
            None => Holder::Nobody,
        }
    }

    fn pid(lock: &Flock) -> Option<u32> {
        u32::try_from(lock.pid?.as_raw_pid()).ok()
    }

    /// Whether locks of this file may exist that are not seen here: those of a remote file system, and of an overlay's file
    /// where the path leads to a layer below it.
    fn hides_locks(path: &Path) -> bool {
        let kind = rustix::fs::statfs(path).map(|stat| stat.f_type as u32);
        kind.is_ok_and(|kind| FOREIGN_LOCKS.contains(&kind))
            || read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| is_layer(&mounts, path))
    }

    /// Whether a path lies in a layer of an overlay that is mounted somewhere.
    pub fn is_layer(mounts: &str, path: &Path) -> bool {
        let overlays = mounts.lines().filter_map(|line| line.split_once(" - overlay "));
        let options = overlays.flat_map(|(_, overlay)| overlay.split([' ', ',']));
        let layers =
            options.filter_map(|option| option.strip_prefix("lowerdir=").or_else(|| option.strip_prefix("upperdir=")));
        layers.flat_map(|layers| layers.split(':')).any(|layer| !layer.is_empty() && path.starts_with(layer))
    }

    /// The processes that lock these bytes of a file, from /proc/locks (proc_locks(5)).
    pub fn pids_in(locks: &str, file: &File, first: u64, length: u64) -> Vec<u32> {
        let Ok(meta) = file.metadata() else { return Vec::new() };
        let (major, minor) = (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
        let inode = format!("{major:02x}:{minor:02x}:{}", meta.ino());
        let pid = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, "POSIX", _, _, pid, of, from, to] = fields.as_slice() else { return None };
            let from: u64 = from.parse().ok()?;
            let to = if *to == "EOF" { u64::MAX } else { to.parse().ok()? };
            (*of == inode && from < first + length && to >= first).then(|| pid.parse().ok())?
        };
        locks.lines().filter_map(pid).filter(|pid| *pid > 0).collect()
    }

    /// What /proc shows of a process.
    fn process(pid: u32) -> Process {
        let name = std::fs::read(format!("/proc/{pid}/comm")).ok();
        let name = name.map(|name| String::from_utf8_lossy(name.trim_ascii_end()).chars().take(MAX_NAME_LEN).collect());
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok();
        let (state, ticks) = stat.and_then(|stat| state_and_start(&stat)).unzip();
        let started = ticks.and_then(|ticks| {
            let hertz = i64::try_from(rustix::param::clock_ticks_per_second()).ok()?;
            let after_boot = ticks.checked_mul(SECOND)?.checked_div(hertz)?;
            let started = now().plus(after_boot - clock(ClockId::Boottime));
            Some(Instant::from_millis(started.seconds() * SECOND))
        });
        Process { pid, name, started, is_suspended: state.is_some_and(|state| matches!(state, b'T' | b't')) }
    }

    /// A process's state and the clock ticks after boot at which it started: fields 3 and 22 of /proc/PID/stat, which follow a
    /// name that may hold anything (proc_pid_stat(5)).
    pub fn state_and_start(stat: &[u8]) -> Option<(u8, i64)> {
        let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
        let fields: Vec<&[u8]> = stat.get(name_ends + 2..)?.split(|byte| *byte == b' ').collect();
        let ticks = std::str::from_utf8(fields.get(19)?).ok()?.parse().ok()?;
        Some((*fields.first()?.first()?, ticks))
    }

    /// Whether a database that was closed cleanly, or never open here, has not been written since it was made: a copy.
    fn is_copy(database: &File) -> bool {
        let meta = database.metadata();
        let times = meta.and_then(|meta| Ok((super::as_instant(meta.created()?), super::as_instant(meta.modified()?))));
        times.is_ok_and(|(made, modified)| modified.since(made) < COPY_TAKES)
    }

    fn clock(id: ClockId) -> Millis {
        let time = clock_gettime(id);
        time.tv_sec.saturating_mul(SECOND).saturating_add(time.tv_nsec / 1_000_000)
    }

    /// How long the machine has been asleep since it booted.
    pub fn slept() -> Option<Millis> {
        let slept = clock(ClockId::Boottime) - clock(ClockId::Monotonic);
        Some(if slept < SECOND { 0 } else { slept })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::is_just_now;
    use super::kernel::{is_layer, pids_in, state_and_start};
    use crate::time::SECOND;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    #[test]
    fn the_start_and_state_follow_a_name_that_may_hold_anything() {
        let fields = "S 1 7 7 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 1 0 123456 999 88";
        let stat = |name: &str| state_and_start(format!("7 ({name}) {fields}").as_bytes());
        assert_eq!((stat("bun"), stat("a) T 1 (b"), stat("")), (Some((b'S', 123_456)), stat("bun"), stat("bun")));
        for cut in
            ["", "7 (bun", "7 (bun)", "7 (bun) S 1 7", "7 (bun) S 1 7 7 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 1 0 x 9"]
        {
            assert_eq!(state_and_start(cut.as_bytes()), None, "{cut}");
        }
    }

    #[test]
    fn a_write_of_the_last_ten_seconds_was_just_now() {
        assert_eq!([-1, 0, 10 * SECOND - 1, 10 * SECOND].map(is_just_now), [false, true, true, false]);
    }

    #[test]
    fn the_locks_of_a_file_are_those_of_its_inode_that_overlap() {
        let file = tempfile::tempfile().unwrap_or_else(|error| panic!("{error}"));
        let meta = file.metadata().unwrap_or_else(|error| panic!("{error}"));
        let (device, inode) = (meta.dev(), meta.ino());
        let of = format!("{:02x}:{:02x}", rustix::fs::major(device), rustix::fs::minor(device));
        let pids = |line: &str| pids_in(&line.replace("INODE", &format!("{of}:{inode}")), &file, 128, 2);
        assert_eq!(pids("1: POSIX  ADVISORY  READ 42 INODE 128 128"), [42]);
        assert_eq!(
            pids("1: POSIX  ADVISORY  READ 42 INODE 129 EOF\n2: POSIX  ADVISORY  READ 43 INODE 0 128"),
            [42, 43]
        );
        for none in [
            "1: POSIX  ADVISORY  READ 42 INODE 130 140",
            "1: POSIX  ADVISORY  READ 42 INODE 120 127",
            "1: POSIX  ADVISORY  READ 0 INODE 128 128",
            "1: OFDLCK ADVISORY  READ -1 INODE 128 128",
            "1: -> POSIX  ADVISORY  READ 42 INODE 128 128",
            "1: POSIX  ADVISORY  READ 42 00:00:7 128 128",
            "1: POSIX",
        ] {
            assert!(pids(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_path_below_an_overlay_is_one_of_its_layers() {
        let mounts = "36 35 8:1 / / rw - ext4 /dev/sda1 rw\n\
            40 36 0:50 / /merged rw - overlay overlay rw,lowerdir=/l/1:/l/2,upperdir=/u/diff,workdir=/u/work";
        let layer = |path: &str| is_layer(mounts, Path::new(path));
        assert!(layer("/l/1/a.db") && layer("/l/2/data/a.db") && layer("/u/diff/app/a.db"));
        assert!(!layer("/merged/a.db") && !layer("/u/different/a.db") && !layer("/l/3/a.db"));
        assert!(!is_layer("", Path::new("/a.db")));
    }
}
