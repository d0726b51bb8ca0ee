//! The store of Hermes Agent: fixtures that its versions wrote, and small homes of every kind.

use crate::{Run, command, run, run_unprivileged};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A word that no output may have: it stands in prompts, chat ids, and addresses.
const SECRET: &str = "hush-hush";

/// So many minutes after 10:00 of 2 March 2026, a Monday.
fn at(minutes: i64) -> String {
    let time = chrono::DateTime::from_timestamp(1_772_445_600 + minutes * 60, 0).unwrap();
    time.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// A home with jobs, a table of runs, and sessions.
struct Home {
    directory: tempfile::TempDir,
    runs: Connection,
    sessions: Connection,
    jobs: Vec<Value>,
}

impl Home {
    fn new() -> Home {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("cron")).unwrap();
        let runs = super::open(directory.path().join("cron/executions.db"));
        runs.execute_batch(
            "CREATE TABLE executions (id TEXT PRIMARY KEY, job_id TEXT NOT NULL, source TEXT NOT NULL, process_id TEXT NOT NULL,
               pid INTEGER NOT NULL, process_started_at INTEGER, status TEXT NOT NULL, claimed_at TEXT NOT NULL, started_at TEXT,
               finished_at TEXT, error TEXT)",
        )
        .unwrap();
        let sessions = super::open(directory.path().join("state.db"));
        sessions
            .execute_batch(
                "CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT NOT NULL, system_prompt TEXT, started_at REAL NOT NULL,
                   input_tokens INTEGER, output_tokens INTEGER)",
            )
            .unwrap();
        Home { directory, runs, sessions, jobs: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// An hourly agent job that ran last when it was 10:00, changed by this.
    fn job(&mut self, id: &str, change: Value) -> &mut Home {
        let mut job = json!({"id": id, "name": id, "prompt": SECRET, "deliver": SECRET, "origin": {"chat_id": SECRET},
            "schedule": {"kind": "cron", "expr": "0 * * * *"}, "enabled": true, "state": "scheduled", "no_agent": false,
            "repeat": {"times": null, "completed": 9}, "created_at": at(-6000), "next_run_at": at(60), "last_run_at": at(1),
            "last_status": "ok", "last_error": null, "last_delivery_error": null});
        change.as_object().unwrap().iter().for_each(|(key, value)| job[key] = value.clone());
        self.jobs.push(job);
        self.write(&json!({"jobs": self.jobs, "updated_at": at(1)}).to_string());
        self
    }

    fn write(&self, jobs: &str) {
        std::fs::write(self.path("cron/jobs.json"), jobs).unwrap();
    }

    /// A run that was claimed and began then, and took a minute.
    fn ran(&self, id: &str, minutes: i64, status: &str) -> &Home {
        self.run(id, minutes, status, Some(minutes), Some(minutes + 1))
    }

    fn run(&self, id: &str, claimed: i64, status: &str, started: Option<i64>, finished: Option<i64>) -> &Home {
        let sql =
            "INSERT INTO executions (id, job_id, source, process_id, pid, status, claimed_at, started_at, finished_at)
            VALUES (?1, ?2, 'builtin', 'p', 7, ?3, ?4, ?5, ?6)";
        let row = (format!("{id}{claimed}"), id, status, at(claimed), started.map(at), finished.map(at));
        self.runs.execute(sql, row).unwrap();
        self
    }

    /// Runs at each of the last hours up to 10:00 that used so many tokens, the oldest first.
    fn used(&self, id: &str, tokens: &[i64]) -> &Home {
        for (back, tokens) in (0..).zip(tokens.iter().rev()) {
            self.ran(id, -60 * back, "completed");
            let sql = "INSERT INTO sessions VALUES ('cron_' || ?1 || '_' || ?2, 'cron', ?3, ?2, ?4, 0)";
            self.sessions.execute(sql, (id, 1_772_445_600 - 3600 * back + 20, SECRET, tokens)).unwrap();
        }
        self
    }

    /// When the ticker last gave a sign of life, and when a pass last worked.
    fn beat(&self, beat: i64, worked: i64) -> &Home {
        for (name, minutes) in [("ticker_heartbeat", beat), ("ticker_last_success", worked)] {
            std::fs::write(self.path("cron").join(name), format!("{}.25", 1_772_445_600 + minutes * 60)).unwrap();
        }
        self
    }

    fn audit_path(path: &Path, minutes: i64, more: &[&str]) -> Run {
        let arguments = ["-f", "json", "--timezone", "UTC", "--now", &at(minutes)];
        command().args(arguments).args(more).arg(path).output().unwrap().into()
    }

    fn audit(&self, minutes: i64) -> Run {
        Home::audit_path(self.directory.path(), minutes, &[])
    }

    fn notes(&self, minutes: i64) -> Vec<String> {
        let json = self.audit(minutes).json();
        let notes = json["databases"][0]["notes"].as_array().unwrap();
        notes.iter().map(|note| note.as_str().unwrap().to_owned()).collect()
    }
}

/// A home with a job that ran at each of three hours and has a fresh heartbeat.
fn healthy() -> Home {
    let mut home = Home::new();
    home.job("j", json!({}));
    home.used("j", &[900, 900, 900]).beat(30, 30);
    home
}

const NONE: [&str; 0] = [];

#[test]
fn fixtures_of_each_version_are_judged_as_their_truth_is() {
    for (name, now, wanted) in [
        (
            "0.19-standstill",
            "2026-11-29T21:53:10.900Z",
            &["critical row-dead ongoing", "warning undelivered ongoing", "warning one-shot-lost ongoing"][..],
        ),
        ("0.19-swallowed", "2026-10-09T20:05:00Z", &["warning job-silent ongoing"]),
        (
            "0.20-one-shots",
            "2026-10-09T15:10:00Z",
            &[
                "warning one-shot-lost ongoing",
                "warning one-shot-lost ongoing",
                "warning one-shot-lost ongoing",
                "warning scheduler-silent resolved",
            ],
        ),
        ("0.20-passes-fail", "2026-10-09T14:12:00Z", &["critical passes-fail ongoing"]),
    ] {
        for form in ["", "/cron", "/cron/jobs.json", "/cron/executions.db"] {
            let path = format!("fixtures/hermes/{name}{form}");
            let told = run(&["-f", "json", "--timezone", "UTC", "--now", now, &path]);
            assert_eq!(told.incidents(), wanted, "{path}: {}", told.err);
        }
    }
}

#[test]
fn a_healthy_home_is_quiet_at_once_and_after_its_first_runs() {
    let mut home = Home::new();
    home.job("new", json!({"last_run_at": null, "last_status": null, "created_at": at(5)})).beat(6, 6);
    assert_eq!((home.audit(6).code, home.audit(6).incidents()), (0, vec![]), "nothing ran yet");
    let home = healthy();
    assert_eq!((home.audit(30).code, home.audit(30).findings()), (0, vec![]), "{}", home.audit(30).out);
}

#[test]
fn a_version_without_a_table_of_runs_is_read_by_its_jobs_alone() {
    let home = healthy();
    std::fs::remove_file(home.path("cron/executions.db")).unwrap();
    for form in ["", "cron/jobs.json"] {
        let told = Home::audit_path(&home.path(form), 30, &[]);
        assert_eq!((told.code, told.json()["databases"][0]["jobs"][0]["id"].as_str()), (0, Some("j")), "{}", told.err);
    }
    let found = Home::audit_path(home.directory.path(), 30, &["--recursive"]);
    assert_eq!((found.code, found.json()["databases"].as_array().unwrap().len()), (0, 1), "{}", found.err);
    home.beat(30, 30);
    assert_eq!(home.audit(400).incidents(), ["critical scheduler-silent ongoing"], "its ticker is dead");
}

#[test]
fn an_old_openclaw_has_a_file_of_the_same_name_and_is_not_taken_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let jobs = directory.path().join("cron/jobs.json");
    std::fs::create_dir(directory.path().join("cron")).unwrap();
    let read = |text: &str| {
        std::fs::write(&jobs, text).unwrap();
        let runs = [&jobs, directory.path()].map(|path| Home::audit_path(path, 0, &[]));
        assert_eq!(runs[0].code, runs[1].code);
        runs[0].err.clone()
    };
    let openclaw = r#"{"version":1,"jobs":[{"id":"j","schedule":{"kind":"every","everyMs":60000}}]}"#;
    assert!(read(openclaw).contains("is of OpenClaw before 2026.6"));
    assert_eq!(read(r#"{"jobs":[],"updated_at":"2026-03-02T10:00:00+00:00"}"#), "", "Hermes 0.17");
    assert!(read("[]").contains("is of OpenClaw before 2026.6"), "nothing tells them apart");
    std::fs::write(directory.path().join("cron/ticker_heartbeat"), "1772445600.5").unwrap();
    assert_eq!(read("[]"), "", "but this file");
    let other = directory.path().join("other.db");
    super::open(&other).execute_batch("CREATE TABLE executions (id TEXT, status TEXT)").unwrap();
    assert!(Home::audit_path(&other, 0, &[]).err.contains("is another program's"));
}

#[test]
fn the_usual_places_are_the_home_and_those_of_profiles_whose_commands_name_them() {
    let user = tempfile::tempdir().unwrap();
    let late = |home: &Path| {
        std::fs::create_dir_all(home.join("cron")).unwrap();
        let mut made = healthy();
        made.job("late", json!({"next_run_at": at(-300), "last_run_at": at(-359)})).beat(400, 400);
        for name in ["cron/jobs.json", "cron/executions.db", "cron/ticker_heartbeat"] {
            std::fs::copy(made.path(name), home.join(name)).unwrap();
        }
    };
    let told = |hermes_home: Option<&Path>| -> Run {
        let mut call = command();
        call.args(["-f", "json", "--timezone", "UTC", "--now", &at(400)]).env("HOME", user.path());
        call.current_dir(user.path()).env_remove("HERMES_HOME").envs(hermes_home.map(|home| ("HERMES_HOME", home)));
        call.output().unwrap().into()
    };
    let paths = |run: &Run| -> Vec<String> {
        let json = run.json();
        let path = |one: &Value| one["path"].as_str().unwrap().replace(user.path().to_str().unwrap(), "~");
        json["databases"].as_array().unwrap().iter().map(path).collect()
    };
    let empty = told(None);
    assert!(empty.code == 3 && empty.err.contains("/.hermes/cron/executions.db"), "{}", empty.err);
    late(&user.path().join(".hermes"));
    late(&user.path().join(".hermes/profiles/it's work"));
    std::fs::create_dir_all(user.path().join(".hermes/profiles/empty")).unwrap();
    let both = told(None);
    assert_eq!(paths(&both), ["~/.hermes/cron/executions.db", "~/.hermes/profiles/it's work/cron/executions.db"]);
    let commands = both.json()["incidents"].to_string();
    assert!(commands.contains("\"hermes gateway restart\""), "{commands}");
    assert!(commands.contains(r"hermes -p 'it'\\''s work' gateway restart"), "{commands}");
    late(&user.path().join("elsewhere"));
    let named = told(Some(&user.path().join("elsewhere")));
    assert_eq!(paths(&named)[0], "~/elsewhere/cron/executions.db");
}

/// Every file under a folder: inode, size, mode, times in seconds and nanoseconds, bytes.
type Sight = BTreeMap<PathBuf, (u64, u64, u32, [i64; 4], Vec<u8>)>;

fn sight(folder: &Path) -> Sight {
    let mut seen = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
        let meta = entry.metadata().unwrap();
        let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        let bytes = if meta.is_file() { std::fs::read(entry.path()).unwrap() } else { Vec::new() };
        seen.insert(entry.path().to_owned(), (meta.ino(), meta.size(), meta.mode(), times, bytes));
    }
    seen
}

#[test]
fn a_home_is_untouched_with_its_gateway_alive_and_after_it_was_killed() {
    let home = Home::new();
    for db in [&home.runs, &home.sessions] {
        db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").unwrap();
    }
    let mut home = home;
    home.job("j", json!({}));
    home.used("j", &[900, 900, 0, 0, 0, 0, 0]).beat(30, 30);
    let killed = tempfile::tempdir().unwrap();
    std::fs::create_dir(killed.path().join("cron")).unwrap();
    for name in ["cron/jobs.json", "cron/executions.db", "cron/executions.db-wal", "state.db", "state.db-wal"] {
        std::fs::copy(home.path(name), killed.path().join(name)).unwrap();
    }
    for folder in [home.directory.path(), killed.path()] {
        let before = sight(folder);
        let told = Home::audit_path(folder, 30, &[]);
        assert_eq!(told.findings(), ["critical zero-tokens/zero-token-streak ongoing"], "{}", told.err);
        assert!(sight(folder) == before, "something changed under {folder:?}");
    }
}

#[test]
fn prompts_chats_and_addresses_are_never_shown() {
    let mut home = healthy();
    home.job("late", json!({"next_run_at": at(-60), "last_run_at": at(-119)}));
    home.job("undelivered", json!({"last_delivery_error": "platform 'telegram' not configured/enabled"}));
    home.job("broken", json!({"schedule": null}));
    for format in ["table", "json", "html", "ndjson", "prometheus", "nagios", "junit", "github"] {
        let told = command()
            .args(["-f", format, "--all", "--timezone", "UTC", "--now", &at(30)])
            .arg(home.directory.path())
            .output()
            .unwrap();
        let told = Run::from(told);
        assert!(told.code > 0 && told.code < 3 && !told.out.is_empty(), "{format}: {}", told.err);
        assert!(!told.out.contains(SECRET) && !told.err.contains(SECRET), "{format}: {}", told.out);
    }
}

#[test]
fn a_change_from_tokens_to_none_is_told_and_a_provider_that_reports_none_is_not() {
    let mut home = Home::new();
    home.job("changed", json!({})).job("never", json!({}));
    home.used("changed", &[900, 900, 0, 0, 0]).used("never", &[0, 0, 0, 0, 0]).beat(30, 30);
    assert_eq!(home.audit(30).findings(), ["warning zero-tokens/zero-token-streak ongoing"]);
    std::fs::remove_file(home.path("state.db")).unwrap();
    assert_eq!(home.audit(30).findings(), NONE);
    let notes = home.notes(30);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(notes[0], "the tokens of runs are not counted: there is no state.db");
}

#[test]
fn columns_of_later_versions_are_read_by_name() {
    let mut home = Home::new();
    home.runs
        .execute_batch(
            "DROP TABLE executions;
             CREATE TABLE executions (scheduled_instant TEXT, delivery_outcome TEXT, finished_at TEXT, started_at TEXT, claimed_at TEXT,
               status TEXT, pid INTEGER, process_id TEXT, source TEXT, job_id TEXT, id TEXT PRIMARY KEY, error TEXT)",
        )
        .unwrap();
    home.job("j", json!({})).beat(30, 30);
    for hour in 0..4 {
        home.ran("j", -60 * hour, "completed");
    }
    home.runs
        .execute_batch("UPDATE executions SET delivery_outcome = 'failed' WHERE claimed_at < '2026-03-02T10'")
        .unwrap();
    assert_eq!(home.audit(30).findings(), ["warning zero-tokens/messages-lost ongoing"]);
}

#[test]
fn a_dead_ticker_passes_that_fail_and_a_run_that_hangs_have_causes_of_their_own() {
    let late = json!({"next_run_at": at(60)});
    let mut dead = Home::new();
    dead.job("j", late.clone()).used("j", &[9, 9, 9]).beat(30, 30);
    assert_eq!(dead.audit(32).code, 0, "a heartbeat of two minutes");
    assert_eq!(dead.audit(34).incidents(), ["warning scheduler-down ongoing"]);
    assert_eq!(dead.audit(200).incidents(), ["critical scheduler-silent ongoing"]);
    let mut failing = Home::new();
    failing.job("j", late).used("j", &[9, 9, 9]).beat(200, 30);
    assert_eq!(failing.audit(200).incidents(), ["critical passes-fail ongoing"]);
    let mut hanging = Home::new();
    hanging.job("h", json!({"next_run_at": at(360)})).job("w", json!({"next_run_at": at(360)}));
    hanging.used("h", &[9, 9, 9]).used("w", &[9, 9, 9]).beat(340, 340);
    hanging.run("h", 60, "running", Some(60), None).run("w", 61, "claimed", None, None);
    let hung = hanging.audit(340);
    assert_eq!(hung.incidents(), ["critical run-hung ongoing"], "{}", hung.out);
    assert_eq!(hung.json()["incidents"][0]["jobs"].as_array().unwrap().len(), 2, "the other waits for it");
}

#[test]
fn jobs_that_can_not_be_parsed_are_why_passes_fail_and_jobs_that_are_gone_were_lost() {
    let home = healthy();
    home.write("{\"jobs\": [{\"id\": \"j\",");
    let told = home.audit(30);
    assert_eq!(told.incidents(), ["warning passes-fail ongoing"]);
    assert!(told.out.contains("its jobs.json can't be read: it ends in the middle"), "{}", told.out);
    let mut lost = Home::new();
    lost.job("other", json!({"enabled": false})).beat(30, 30);
    for id in ["a", "b", "c"] {
        for hour in 0..10 {
            lost.ran(id, -60 * hour, "completed");
        }
    }
    assert_eq!(lost.audit(30).incidents(), ["critical jobs-gone ongoing"]);
    std::fs::remove_file(lost.path("cron/jobs.json")).unwrap();
    assert_eq!(Home::audit_path(&lost.path("cron/executions.db"), 30, &[]).incidents(), ["critical jobs-gone ongoing"]);
}

#[test]
fn jobs_that_may_not_be_read_are_an_error_and_not_a_healthy_home() {
    let home = healthy();
    for (path, mode) in [("", 0o755), ("cron", 0o755), ("cron/jobs.json", 0o000)] {
        std::fs::set_permissions(home.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let told = run_unprivileged(&[home.directory.path().to_str().unwrap()]);
    assert!(told.code == 3 && told.err.contains("its jobs.json can't be accessed"), "{}", told.err);
}

#[test]
fn tokens_that_can_not_be_read_are_noted_and_keep_no_home_from_being_judged() {
    let home = healthy();
    std::fs::write(home.path("state.db"), "no database at all").unwrap();
    assert_eq!((home.audit(30).code, home.audit(30).findings()), (0, vec![]));
    let notes = home.notes(30);
    assert!(notes[0].starts_with("the tokens of runs are not counted: state.db is not a SQLite"), "{notes:?}");
}

#[test]
fn jobs_that_change_all_the_time_are_read_in_a_quiet_moment_or_given_up_in_time() {
    let home = healthy();
    let path = home.path("cron/jobs.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::fs::write(path.with_extension("tmp"), &text).unwrap();
                std::fs::rename(path.with_extension("tmp"), &path).unwrap();
            }
        });
        let begun = Instant::now();
        let told = Home::audit_path(home.directory.path(), 30, &["--timeout", "500ms"]);
        stop.store(true, Ordering::Relaxed);
        assert!(begun.elapsed() < Duration::from_secs(5));
        let is_given_up = told.code == 3 && told.err.contains("changed during each of");
        assert!(told.code == 0 || is_given_up, "{}{}", told.out, told.err);
    });
}
