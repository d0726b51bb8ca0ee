//! What must hold of the real binary, run as a user runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod claims;
mod command_line;
mod config;
mod corpus;
mod detectors;
mod edges;
mod fleet;
mod formats;
mod hermes;
mod history;
mod hostile;
mod layout;
mod mapped;
mod mapped_real;
mod mapped_recipes;
mod mapped_schedules;
mod mapped_unread;
mod nothing;
#[cfg(debug_assertions)]
mod notify;
mod openclaw;
mod openclaw_versions;
mod output;
mod process;
mod quiet;
mod readme;
mod repair;
mod schema;
mod screens;
mod settings;
mod tools;
mod torture;
mod untouched;
mod zones;

use rusqlite::Connection;
use serde_json::Value;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// 25 hours into the incident's silence.
pub const INCIDENT_TIME: [&str; 4] = ["--timezone", "UTC", "--now", "2026-04-30T12:00:00Z"];
pub const INCIDENT: [&str; 5] = ["--now", "2026-04-30T12:00:00Z", "--timezone", "UTC", "fixtures/incident.db"];
pub const HEALTHY: [&str; 5] = ["--now", "2026-03-12T00:13:20Z", "--timezone", "UTC", "fixtures/healthy.db"];
pub const RECOVERED: [&str; 5] = ["--now", "2026-05-01T06:25:30Z", "--timezone", "UTC", "fixtures/recovered.db"];

/// A run of the binary: exit code, stdout and stderr together.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    /// `severity cause state` of each incident, as one line each.
    pub fn incidents(&self) -> Vec<String> {
        let json = self.json();
        let text = |incident: &Value, key: &str| incident[key].as_str().unwrap_or("-").to_owned();
        let line = |i: &Value| format!("{} {} {}", text(i, "severity"), text(i, "cause"), text(i, "state"));
        json["incidents"].as_array().unwrap().iter().map(line).collect()
    }

    /// The fingerprints of the incidents.
    pub fn fingerprints(&self) -> Vec<String> {
        let json = self.json();
        json["incidents"].as_array().unwrap().iter().map(|i| i["fingerprint"].as_str().unwrap().to_owned()).collect()
    }

    /// `severity detector/reason state` of each finding, as one line each.
    pub fn findings(&self) -> Vec<String> {
        assert_ne!(self.code, 3, "not audited: {}", self.err);
        let json = self.json();
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or("-").to_owned();
        let line = |f: &Value| {
            format!("{} {}/{} {}", text(f, "severity"), text(f, "detector"), text(f, "problem"), text(f, "state"))
        };
        json["findings"].as_array().unwrap().iter().map(line).collect()
    }
}

pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sched-audit"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NO_COLOR").env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Opens a database to write it. Nothing here has to outlast the machine.
pub fn open(path: impl AsRef<Path>) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch("PRAGMA synchronous=OFF").unwrap();
    db
}

pub fn run(arguments: &[&str]) -> Run {
    command().args(arguments).output().unwrap().into()
}

/// The binary where every user may reach it, copied once: to run a file that another thread still writes is an error.
static PUBLIC_BINARY: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let binary = place.path().join("sched-audit");
    // By another process, so that no fork of this one holds it open for writing.
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_sched-audit")).arg(&binary).status().unwrap().success());
    (place, binary)
});

/// Runs the binary as a user who may not read everything: as nobody where the tests run as root, else as their own user.
pub fn run_unprivileged(arguments: &[&str]) -> Run {
    // The home directory of the other user can't be looked at.
    run_unprivileged_with("XDG_CONFIG_HOME", Path::new("/nonexistent"), arguments)
}

/// The same with a variable.
pub fn run_unprivileged_with(name: &str, value: &Path, arguments: &[&str]) -> Run {
    let (place, binary) = &*PUBLIC_BINARY;
    let mut command = Command::new(binary);
    if std::fs::metadata(place.path()).unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    command.env(name, value).args(arguments).output().unwrap().into()
}

/// What an attempt gives with the first of ever longer time-outs that is long enough for it: on a busy machine all takes longer.
pub fn patiently<T>(attempt: impl Fn(&str) -> Option<T>) -> T {
    let attempts = ["500ms", "5s", "50s"].into_iter().find_map(attempt);
    attempts.unwrap_or_else(|| panic!("50 s were not enough"))
}

/// A tiny scheduler database in a directory of its own.
pub struct History {
    pub directory: tempfile::TempDir,
    pub path: PathBuf,
    pub db: Connection,
}

/// The job that a history is about, unless a test says otherwise.
/// A file of fixtures/.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

pub const HOURLY: &str = r#"{"expr":"0 * * * *"}"#;

impl History {
    #[allow(clippy::new_without_default)]
    pub fn new() -> History {
        History::named("phantom.db")
    }

    pub fn named(name: impl AsRef<Path>) -> History {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        let db = open(&path);
        db.execute_batch(include_str!("schema.sql")).unwrap();
        History { directory, path, db }
    }

    /// One whose writer is in the middle of a commit for as long as this lives, so that nothing can be read.
    pub fn in_commit() -> History {
        History::in_commit_with("DELETE")
    }

    /// The same with a journal of this mode.
    pub fn in_commit_with(journal_mode: &str) -> History {
        let history = History::new();
        // A transaction too large for the cache writes to the file before it commits.
        history.sql(&format!("PRAGMA journal_mode={journal_mode}; PRAGMA cache_size=2; BEGIN"));
        for job in 0..200 {
            history.job(&format!("{job:0200}"), "cron", HOURLY, None, None);
        }
        history
    }

    pub fn sql(&self, text: &str) -> &History {
        self.db.execute_batch(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        self
    }

    /// A job made on 1 March that last ran for a minute from `last` on.
    pub fn job(&self, id: &str, kind: &str, schedule: &str, last: Option<&str>, next: Option<&str>) -> &History {
        self.db
            .execute(
                "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, task, last_run_at, last_run_duration_ms,
                 last_run_status, next_run_at, run_count, created_at, updated_at)
                 VALUES (?1, ?1, ?2, ?3, 'secret task', ?4, 60000, 'ok', ?5, ?4 IS NOT NULL, '2026-03-01 00:00:00',
                 coalesce(datetime(?4, '+60 seconds'), '2026-03-01 00:00:00'))",
                (id, kind, schedule, last, next),
            )
            .unwrap();
        self
    }

    /// Ends of runs of a job, `-` before the time for zero tokens, `?` for tokens that are NULL.
    pub fn fires(&self, id: &str, times: &[&str]) -> &History {
        let key = format!("scheduler:sched:{id}");
        for time in times {
            let tokens = if time.starts_with('-') { Some(0) } else { Some(7).filter(|_| !time.starts_with('?')) };
            let at = time.trim_start_matches(['-', '?']);
            self.db
                .execute(
                    "INSERT INTO cost_events (session_key, cost_usd, input_tokens, output_tokens, model, created_at)
                     VALUES (?1, 0, ?2, ?2, 'm', ?3)",
                    (&key, tokens, at),
                )
                .unwrap();
        }
        self
    }

    pub fn session(&self, key: &str, at: &str) -> &History {
        self.db
            .execute(
                "INSERT INTO sessions (session_key, channel_id, conversation_id, last_active_at) VALUES (?1, 'c', 'c', ?2)",
                (key, at),
            )
            .unwrap();
        self
    }

    pub fn audit(&self, now: &str, more: &[&str]) -> Run {
        command()
            .args(["--format", "json", "--now", now])
            .args(if more.contains(&"--timezone") { &[] } else { &["--timezone", "UTC"][..] })
            .args(more)
            .arg(&self.path)
            .output()
            .unwrap()
            .into()
    }

    /// The findings at an instant, as lines.
    pub fn check(&self, now: &str, expected: &[&str]) {
        assert_eq!(self.audit(now, &[]).findings(), expected, "at {now}: {}", self.audit(now, &[]).out);
    }
}

/// In place of the tests that need a clock of their own, so that `cargo test --release` says what it leaves out.
#[test]
#[cfg(not(debug_assertions))]
#[ignore = "what --notify tells depends on the clock, which tests can set in a debug build only"]
fn notify() {}
