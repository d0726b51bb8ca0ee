//! What macOS shows: `F_GETLK` names a process that locks the database, and `proc_pidinfo` when it started. That no lock is
//! seen is not taken for proof that nobody has it open: only one holder is named, and it may be a tool.

use super::super::files::{SHARED_FIRST, SHARED_SIZE, Wanted, beside, is_in_wal_mode, lock_holder, open_regular};
use super::{Holder, Instant, Millis, OPEN_BYTE, Path, Process, SECOND, is_tool, was_there};

/// The state of a process that a signal has suspended (sys/proc.h).
const SUSPENDED: u32 = 4;

/// Who has the database open.
pub fn holder(path: &Path, last_write: Option<Instant>) -> Holder {
    let Ok(database) = open_regular(path) else { return Holder::Unknown };
    if !is_in_wal_mode(&database) {
        return Holder::Unknown;
    }
    let shm = open_regular(&beside(path, "-shm")).ok();
    for (file, first, length) in [(shm.as_ref(), OPEN_BYTE, 1), (Some(&database), SHARED_FIRST, SHARED_SIZE)] {
        let Some(file) = file else { continue };
        let Ok(Some(lock)) = lock_holder(file, Wanted::Write, first, length) else { continue };
        let Some(pid) = lock.pid else { return Holder::Unseen };
        let process = process(pid);
        if !is_tool(&process) {
            return if was_there(&process, last_write) { Holder::Process(process) } else { Holder::Perhaps(process) };
        }
    }
    Holder::Unknown
}

/// What the kernel tells of a process: nothing of another user's, unless root asks.
fn process(pid: u32) -> Process {
    let Some(info) = info(pid) else { return Process { pid, name: None, started: None, is_suspended: false } };
    let name: Vec<u8> = info.pbi_comm.iter().map(|byte| byte.cast_unsigned()).take_while(|byte| *byte != 0).collect();
    let started = i64::try_from(info.pbi_start_tvsec).ok();
    Process {
        pid,
        name: Some(String::from_utf8_lossy(&name).into_owned()),
        started: started.map(|seconds| Instant::from_millis(seconds.saturating_mul(SECOND))),
        is_suspended: info.pbi_status == SUSPENDED,
    }
}

#[allow(unsafe_code)]
fn info(pid: u32) -> Option<libc::proc_bsdinfo> {
    let pid = libc::pid_t::try_from(pid).ok()?;
    let size = libc::c_int::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    // SAFETY: a struct of integers, for which all-zero is valid.
    let mut info: libc::proc_bsdinfo = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes no more than the size that it is given, which is that of the struct.
    let written = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, (&raw mut info).cast(), size) };
    (written == size).then_some(info)
}

/// How long the machine slept is not asked.
pub fn slept() -> Option<Millis> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_name_and_a_start() {
        let this = process(std::process::id());
        assert!(this.name.is_some_and(|name| name.starts_with("sched_audit")) && !this.is_suspended);
        assert!(this.started.is_some_and(|started| started <= super::super::now()));
        assert_eq!(process(u32::MAX).name, None);
    }
}
