//! OpenClaw's older stores, and what only looks like one.

use crate::{Run, command, run};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::PathBuf;

/// 10:00 of 2 March 2026 in milliseconds, and so many minutes later.
fn at(minutes: i64) -> i64 {
    1_772_445_600_000 + minutes * 60_000
}

/// A store of 2026.6 or 2026.7: one wide table of jobs, and logs of the runs that ended.
struct Old {
    _directory: tempfile::TempDir,
    path: PathBuf,
    db: Connection,
}

impl Old {
    fn new() -> Old {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("openclaw.sqlite");
        let db = super::open(&path);
        db.execute_batch(
            "CREATE TABLE cron_jobs (store_key TEXT NOT NULL, job_id TEXT NOT NULL, name TEXT NOT NULL, enabled INTEGER NOT NULL,
               schedule_kind TEXT NOT NULL, payload_kind TEXT NOT NULL, running_at_ms INTEGER, job_json TEXT NOT NULL,
               state_json TEXT NOT NULL DEFAULT '{}', sort_order INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL,
               PRIMARY KEY (store_key, job_id));
             CREATE TABLE cron_run_logs (store_key TEXT NOT NULL, job_id TEXT NOT NULL, seq INTEGER NOT NULL, ts INTEGER NOT NULL,
               status TEXT, run_at_ms INTEGER, duration_ms INTEGER, entry_json TEXT NOT NULL, created_at INTEGER NOT NULL,
               PRIMARY KEY (store_key, job_id, seq));
             CREATE TABLE task_runs (task_id TEXT NOT NULL PRIMARY KEY, runtime TEXT NOT NULL)",
        )
        .unwrap();
        Old { _directory: directory, path, db }
    }

    /// An agent's job of every ten minutes that ran at 10:00 and is due at 10:10.
    fn job(&self, id: &str, state: Value) -> &Old {
        let mut full =
            json!({"lastRunAtMs": at(0), "lastDurationMs": 60_000, "lastRunStatus": "ok", "nextRunAtMs": at(10)});
        state.as_object().unwrap().iter().for_each(|(key, value)| full[key] = value.clone());
        let job = json!({"id": id, "createdAtMs": at(-600), "schedule": {"kind": "every", "everyMs": 600_000, "anchorMs": at(-600)},
            "payload": {"kind": "agentTurn"}});
        let row = ("s", id, job.to_string(), full.to_string());
        let sql = "INSERT INTO cron_jobs VALUES (?1, ?2, ?2, 1, 'every', 'agentTurn', NULL, ?3, ?4, 0, 0)";
        self.db.execute(sql, row).unwrap();
        self
    }

    /// A run of a minute with this entry.
    fn ran(&self, id: &str, minutes: i64, entry: Value) -> &Old {
        let sql = "INSERT INTO cron_run_logs VALUES ('s', ?1, ?2, ?3 + 60000, '', ?3, 60000, ?4, 0)";
        self.db.execute(sql, (id, minutes, at(minutes), entry.to_string())).unwrap();
        self
    }

    fn worked(&self, id: &str) -> &Old {
        [-20, -10, 0].iter().for_each(|minutes| {
            self.ran(id, *minutes, json!({"status": "ok", "usage": {"total_tokens": 5}}));
        });
        self
    }

    fn audit(&self, minutes: i64) -> Run {
        let now = chrono::DateTime::from_timestamp_millis(at(minutes)).unwrap().to_rfc3339();
        command().args(["-f", "json", "--now", &now]).arg(&self.path).output().unwrap().into()
    }
}

#[test]
fn runs_of_the_logs_and_silence_are_judged() {
    let old = Old::new();
    old.job("j", json!({})).worked("j");
    assert_eq!(old.audit(5).findings(), [""; 0]);
    assert_eq!(old.audit(25).findings(), [""; 0], "15 minutes late");
    assert_eq!(old.audit(26).findings(), ["warning past-due/overdue ongoing"]);
    assert!(old.audit(90).findings().contains(&"critical past-due/overdue ongoing".to_owned()));
    assert!(old.audit(90).out.contains("openclaw cron status"), "the commands of this version");
}

#[test]
fn failed_and_empty_runs_of_the_logs_are_judged() {
    let old = Old::new();
    old.job("j", json!({"consecutiveErrors": 0})).worked("j");
    for minutes in [1, 2, 3] {
        old.ran("j", minutes, json!({"status": "ok", "usage": {"input_tokens": 0, "output_tokens": 0}}));
    }
    assert_eq!(old.audit(5).findings(), ["warning zero-tokens/zero-token-streak ongoing"]);
}

#[test]
fn a_run_in_flight_is_in_the_state() {
    let old = Old::new();
    old.job("j", json!({"runningAtMs": at(10)})).worked("j");
    assert_eq!(old.audit(15).findings(), [""; 0]);
    assert_eq!(old.audit(41).findings(), ["warning past-due/run-long ongoing"], "unusual, and no lost slot");
    assert_eq!(old.audit(83).findings(), ["critical past-due/run-hung ongoing"], "beyond its time-out of an hour");
}

#[test]
fn an_answer_without_a_message_is_not_lost_without_an_error() {
    let silent =
        json!({"status": "ok", "summary": "NO_REPLY", "usage": {"total_tokens": 5}, "deliveryStatus": "not-delivered"});
    let state = json!({"lastDeliveryStatus": "not-delivered", "lastDelivered": false});
    let old = Old::new();
    old.job("j", state.clone());
    [-20, -10, 0].iter().for_each(|minutes| {
        old.ran("j", *minutes, silent.clone());
    });
    assert_eq!(old.audit(5).findings(), [""; 0]);
    let mut refused = state;
    refused["lastDeliveryError"] = "chat not found".into();
    let old = Old::new();
    old.job("j", refused).worked("j");
    assert_eq!(old.audit(5).findings(), ["warning zero-tokens/undelivered ongoing"]);
}

#[test]
fn cron_jobs_of_another_program_are_foreign() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jobs.db");
    let other = "CREATE TABLE cron_jobs (id TEXT PRIMARY KEY, expression TEXT, next_run TEXT)";
    super::open(&path).execute_batch(other).unwrap();
    let named = run(&[path.to_str().unwrap()]);
    assert!(named.code == 3 && named.err.contains("its cron_jobs is another program's"), "{}", named.err);
    std::fs::copy("fixtures/healthy.db", directory.path().join("phantom.db")).unwrap();
    let found = run(&["--now", "2026-03-12T00:13:20Z", "--recursive", directory.path().to_str().unwrap()]);
    assert_eq!((found.code, found.err.as_str()), (0, ""));
}

#[test]
fn an_openclaw_without_a_database_is_recognized() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("cron")).unwrap();
    let jobs = home.path().join("cron/jobs.json");
    std::fs::write(&jobs, "{\"jobs\":[]}").unwrap();
    let (home, jobs) = (home.path().to_str().unwrap(), jobs.to_str().unwrap());
    for arguments in [&[home][..], &[jobs], &["--recursive", home]] {
        let answer = run(arguments);
        assert!(answer.code == 3 && answer.err.contains("OpenClaw before 2026.6"), "{arguments:?}: {}", answer.err);
    }
    std::fs::create_dir(format!("{home}/state")).unwrap();
    std::fs::copy("fixtures/healthy.db", format!("{home}/state/openclaw.sqlite")).unwrap();
    assert!(run(&[home]).err.contains("did you mean") && run(&[home]).err.contains("state/openclaw.sqlite"));
}
