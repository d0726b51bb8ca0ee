//! What Linux shows: the locks of a file with their processes, and what each of those can do with the file.

use super::super::files::{SHARED_FIRST, SHARED_SIZE, Wanted, beside, is_in_wal_mode, lock_holder, open_regular};
use super::{Holder, Instant, Millis, OPEN_BYTE, Path, Process, SECOND, is_tool, now, was_there};
use rustix::fs::OFlags;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeSet;
use std::fs::{File, Metadata, read_to_string};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// File systems whose locks other machines, or a server in user space, may keep to themselves: FUSE and virtiofs, 9p, NFS,
/// SMB 2, CIFS (statfs(2)).
const FOREIGN_LOCKS: [u32; 5] = [0x6573_5546, 0x0102_1997, 0x6969, 0xfe53_4d42, 0xff53_4d42];
/// A file that was not written for longer than this after it was made is a copy.
const COPY_TAKES: Millis = 2 * SECOND;
/// The kernel cuts names of commands to 15 bytes.
const MAX_NAME_LEN: usize = 15;
/// The namespace of the machine's first process, in which all processes show (PROC_PID_INIT_INO of the kernel).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// What a process that locks the database can do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// It can write.
    Writes,
    /// It can only read.
    Reads,
    /// It has not opened the file: the lock is that of another process, which this number means elsewhere.
    Elsewhere,
    /// This user may not know.
    Hidden,
}

/// The processes that lock a database, by what they can be.
#[derive(Debug, Default)]
struct Lockers {
    /// Those that can write, and were there at the last write.
    writers: Vec<Process>,
    /// Those that may be the scheduler or may only read.
    perhaps: Vec<Process>,
    /// Whether some process only reads, or is a tool.
    has_readers: bool,
    /// Whether some process can't be seen.
    has_unseen: bool,
}

/// Who has the database open.
pub fn holder(path: &Path, last_write: Option<Instant>) -> Holder {
    let Ok(database) = open_regular(path) else { return Holder::Unknown };
    let Ok(meta) = database.metadata() else { return Holder::Unknown };
    if !is_in_wal_mode(&database) || hides_locks(path) {
        return Holder::Unknown;
    }
    let shm = open_regular(&beside(path, "-shm")).ok();
    let mut lockers = Lockers::default();
    let mut pids = BTreeSet::new();
    let all_locks = read_to_string("/proc/locks");
    for (file, first, length) in [(shm.as_ref(), OPEN_BYTE, 1), (Some(&database), SHARED_FIRST, SHARED_SIZE)] {
        let Some(file) = file else { continue };
        let Ok(lock) = lock_holder(file, Wanted::Write, first, length) else { return Holder::Unknown };
        lockers.has_unseen |= lock.is_some_and(|lock| lock.pid.is_none());
        pids.extend(lock.and_then(|lock| lock.pid));
        pids.extend(pids_in(all_locks.as_deref().unwrap_or_default(), file, first, length));
    }
    for pid in pids {
        lockers.add(process(pid), access(pid, &meta), last_write);
    }
    let sees_all = all_locks.is_ok() && is_in_first_namespace();
    lockers.holder(sees_all, shm.is_none() && is_copy(&meta))
}

impl Lockers {
    fn add(&mut self, process: Process, access: Access, last_write: Option<Instant>) {
        let was_there = was_there(&process, last_write);
        match access {
            Access::Elsewhere => self.has_unseen = true,
            Access::Reads => self.has_readers = true,
            Access::Writes | Access::Hidden if is_tool(&process) => self.has_readers = true,
            Access::Writes if was_there => self.writers.push(process),
            Access::Writes | Access::Hidden => self.perhaps.push(process),
        }
    }

    /// The scheduler among them; `sees_all` says whether there can be no others.
    fn holder(self, sees_all: bool, is_copy: bool) -> Holder {
        if let Some(oldest) = oldest(self.writers) {
            return Holder::Process(oldest);
        }
        if self.has_unseen {
            return Holder::Unseen;
        }
        if let Some(oldest) = oldest(self.perhaps) {
            return Holder::Perhaps(oldest);
        }
        // Of several locks the kernel names one: the others may be those of processes that don't show here.
        let may_hide = self.has_readers && !sees_all;
        if may_hide || is_copy { Holder::Unknown } else { Holder::Nobody }
    }
}

fn oldest(processes: Vec<Process>) -> Option<Process> {
    processes.into_iter().min_by_key(|process| process.started.unwrap_or(Instant::MAX))
}

/// What a process can do with a file, by its descriptors (proc_pid_fdinfo(5)).
fn access(pid: u32, database: &Metadata) -> Access {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return Access::Hidden };
    let mut access = Access::Elsewhere;
    for descriptor in descriptors.flatten() {
        let Ok(meta) = std::fs::metadata(descriptor.path()) else { continue };
        if (meta.dev(), meta.ino()) != (database.dev(), database.ino()) {
            continue;
        }
        let info = read_to_string(format!("/proc/{pid}/fdinfo/{}", descriptor.file_name().display()));
        match info.ok().as_deref().and_then(can_write) {
            Some(true) => return Access::Writes,
            Some(false) => access = Access::Reads,
            None => return Access::Hidden,
        }
    }
    access
}

/// Whether a descriptor was opened for writing, by its `flags:`, which are octal.
fn can_write(info: &str) -> Option<bool> {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = u32::from_str_radix(flags.trim(), 8).ok()?;
    let read_only = OFlags::RDONLY.bits();
    Some(flags & OFlags::RWMODE.bits() != read_only)
}

/// Whether this process can see the locks of all others.
fn is_in_first_namespace() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|namespace| namespace == Path::new(FIRST_PID_NAMESPACE))
}

/// Whether locks of this file may exist that are not seen here: those of a remote file system, and of an overlay's file
/// where the path leads to a layer below it.
fn hides_locks(path: &Path) -> bool {
    let kind = rustix::fs::statfs(path).map(|stat| stat.f_type as u32);
    kind.is_ok_and(|kind| FOREIGN_LOCKS.contains(&kind))
        || read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| is_layer(&mounts, path))
}

/// Whether a path lies in a layer of an overlay that is mounted somewhere.
fn is_layer(mounts: &str, path: &Path) -> bool {
    let overlays = mounts.lines().filter_map(|line| line.split_once(" - overlay "));
    let options = overlays.flat_map(|(_, overlay)| overlay.split([' ', ',']));
    let layers = options.filter_map(|option| match option.split_once('=')? {
        ("lowerdir" | "lowerdir+" | "upperdir", layers) => Some(layers),
        _ => None,
    });
    layers.flat_map(split_layers).any(|layer| lies_in(path, &layer))
}

/// The paths of an option of mountinfo: colons part them, and what a backslash is before is meant as it is.
fn split_layers(layers: &str) -> Vec<PathBuf> {
    let layers = unescaped(layers);
    let (mut paths, mut path) = (Vec::new(), String::new());
    let mut chars = layers.chars();
    while let Some(char) = chars.next() {
        match char {
            ':' => paths.push(PathBuf::from(std::mem::take(&mut path))),
            '\\' => path.extend(chars.next()),
            _ => path.push(char),
        }
    }
    paths.push(PathBuf::from(path));
    paths.retain(|path| !path.as_os_str().is_empty());
    paths
}

/// A field of mountinfo: what would part fields and options is in octal there (proc_pid_mountinfo(5)).
fn unescaped(field: &str) -> String {
    const ESCAPES: [(&str, &str); 6] =
        [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\054", ","), (r"\075", "="), (r"\134", r"\")];
    ESCAPES.iter().fold(field.to_owned(), |field, (escape, plain)| field.replace(escape, plain))
}

/// Whether a path lies in a layer. One that is relative was meant from wherever the mount was made, so its names count.
fn lies_in(path: &Path, layer: &Path) -> bool {
    if layer.is_absolute() {
        let real = std::fs::canonicalize(layer);
        return path.starts_with(layer) || real.is_ok_and(|real| path.starts_with(real));
    }
    let layer = layer.strip_prefix(".").unwrap_or(layer);
    !layer.as_os_str().is_empty() && path.ancestors().any(|ancestor| ancestor.ends_with(layer))
}

/// The processes that lock these bytes of a file, from /proc/locks (proc_locks(5)).
fn pids_in(locks: &str, file: &File, first: u64, length: u64) -> Vec<u32> {
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
fn state_and_start(stat: &[u8]) -> Option<(u8, i64)> {
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let fields: Vec<&[u8]> = stat.get(name_ends + 2..)?.split(|byte| *byte == b' ').collect();
    let ticks = std::str::from_utf8(fields.get(19)?).ok()?.parse().ok()?;
    Some((*fields.first()?.first()?, ticks))
}

/// Whether a database that was closed cleanly, or never open here, has not been written since it was made: a copy.
fn is_copy(meta: &Metadata) -> bool {
    let (Ok(made), Ok(modified)) = (meta.created(), meta.modified()) else { return false };
    super::as_instant(modified).since(super::as_instant(made)) < COPY_TAKES
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn only_a_process_that_can_write_and_was_there_at_the_last_write_is_the_scheduler() {
        let written = Instant::from_millis(10_000);
        let holder = |lockers: &[(&str, i64, Access)], sees_all: bool| {
            let mut all = Lockers::default();
            for (name, started, access) in lockers {
                let started = Some(Instant::from_millis(*started));
                let process = Process { pid: 7, name: Some((*name).to_owned()), started, is_suspended: false };
                all.add(process, *access, Some(written));
            }
            match all.holder(sees_all, false) {
                Holder::Process(process) => format!("held by {}", process.name.unwrap_or_default()),
                Holder::Perhaps(process) => format!("perhaps held by {}", process.name.unwrap_or_default()),
                other => format!("{other:?}"),
            }
        };
        use Access::{Elsewhere, Hidden, Reads, Writes};
        assert_eq!(holder(&[("bun", 10_000, Writes)], true), "held by bun");
        assert_eq!(holder(&[("bun", 10_001, Writes)], true), "perhaps held by bun", "it has written nothing yet");
        assert_eq!(holder(&[("bun", 9_000, Hidden)], true), "perhaps held by bun", "of another user");
        assert_eq!(holder(&[("python3", 1, Reads)], true), "Nobody");
        assert_eq!(holder(&[("python3", 1, Reads), ("bun", 5_000, Writes)], true), "held by bun");
        assert_eq!(holder(&[("web", 9_000, Writes), ("bun", 5_000, Writes)], true), "held by bun", "the oldest");
        assert_eq!(holder(&[("litestream", 1, Writes)], true), "Nobody");
        assert_eq!(holder(&[("sqlite3", 1, Hidden)], true), "Nobody");
        assert_eq!(holder(&[("sqlite3", 1, Writes)], false), "Unknown", "others may be behind it");
        assert_eq!(holder(&[("bun", 1, Elsewhere)], true), "Unseen", "the number of another namespace");
        assert_eq!(holder(&[], false), "Nobody", "the kernel would name one");
    }

    #[test]
    fn what_a_descriptor_may_do_is_in_its_flags() {
        let info = |flags: &str| can_write(&format!("pos:\t0\nflags:\t{flags}\nmnt_id:\t30\n"));
        assert_eq!((info("02100000"), info("0102002"), info("01")), (Some(false), Some(true), Some(true)));
        assert_eq!((info("x"), can_write("pos:\t0")), (None, None));
        let file = tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("{error}"));
        let meta = file.as_file().metadata().unwrap_or_else(|error| panic!("{error}"));
        let this = std::process::id();
        assert_eq!(access(this, &meta), Access::Writes);
        let kept = File::open(file.path()).unwrap_or_else(|error| panic!("{error}"));
        drop(file);
        assert_eq!(access(this, &meta), Access::Reads);
        drop(kept);
        assert_eq!((access(this, &meta), access(u32::MAX, &meta)), (Access::Elsewhere, Access::Hidden));
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

    #[test]
    fn layers_may_have_blanks_and_colons_and_be_relative() {
        let mounts = r"40 36 0:50 / /merged rw - overlay overlay rw,lowerdir=/l/my\040data:/l/a\134:b:l/ABC,upperdir=./up,workdir=/u";
        let layer = |path: &str| is_layer(mounts, Path::new(path));
        assert!(layer("/l/my data/a.db") && layer("/l/a:b/a.db"));
        assert!(layer("/var/docker/l/ABC/a.db") && layer("/home/up/app/a.db"));
        assert!(!layer("/l/my/a.db") && !layer("/l/a/a.db") && !layer("/b/a.db"));
        assert!(!layer("/var/l/ABCD/a.db") && !layer("/home/upper/a.db"));
    }
}
