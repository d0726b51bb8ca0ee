//! One process: how long it took, what it used of the processors, and how much memory at most.

#![allow(unsafe_code)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub const NOW: &str = "2026-04-30T12:00:00Z";
pub const FORMATS: [&str; 8] = ["table", "json", "ndjson", "prometheus", "nagios", "github", "junit", "html"];

/// What a process used.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    pub wall: Duration,
    pub cpu: Duration,
    /// In megabytes.
    pub peak: f64,
}

impl Used {
    /// The least of each, and the highest peak.
    pub fn best(self, other: Used) -> Used {
        Used { wall: self.wall.min(other.wall), cpu: self.cpu.min(other.cpu), peak: self.peak.max(other.peak) }
    }
}

/// An audit of databases in a format.
pub fn audit(format: &str, paths: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sched-audit"));
    command.args(["--timezone", "UTC", "--timeout", "5m", "--now", NOW, "--format", format]).args(paths);
    command
}

/// Runs a command so often.
pub fn best(runs: usize, command: &mut Command) -> Used {
    (0..runs).map(|_| run(command)).reduce(Used::best).unwrap()
}

/// Runs a command; its output is not looked at.
pub fn run(command: &mut Command) -> Used {
    let begun = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which zeros are values.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: waits for the child that was just started and that nothing else waits for; both places outlive the call.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let wall = begun.elapsed();
    assert!(waited == pid && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) < 3, "{command:?}: {status}");
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Used { wall, cpu: time(usage.ru_utime) + time(usage.ru_stime), peak: usage.ru_maxrss as f64 / 1024.0 }
}
