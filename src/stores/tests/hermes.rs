//! The store of Hermes Agent.

use super::{Database, at, window};
use serde_json::{Value, json};
use std::path::PathBuf;

const RUNS: &str =
    "CREATE TABLE executions (id TEXT PRIMARY KEY, job_id TEXT, source TEXT, process_id TEXT, status TEXT,
    claimed_at TEXT, started_at TEXT, finished_at TEXT, error TEXT, delivery_outcome TEXT)";
const SESSIONS: &str = "CREATE TABLE sessions (id TEXT PRIMARY KEY, started_at REAL, input_tokens, output_tokens,
    estimated_cost_usd, actual_cost_usd, model)";

/// A home with jobs, runs, and sessions.
struct Home {
    runs: Database,
    jobs: Vec<Value>,
}

impl Home {
    fn new() -> Home {
        Home { runs: Database::new("cron/executions.db", RUNS), jobs: Vec::new() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.runs.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap_or_else(|error| panic!("{error}"));
    }

    /// An hourly agent job that was made on 1 March, changed by this.
    fn job(&mut self, id: &str, change: Value) -> &mut Home {
        let mut job = json!({"id": id, "name": id, "schedule": {"kind": "cron", "expr": "0 * * * *"}, "enabled": true,
            "state": "scheduled", "created_at": "2026-03-01T00:00:00+00:00", "next_run_at": "2026-03-02T11:00:00+00:00"});
        for (key, value) in change.as_object().into_iter().flatten() {
            job[key] = value.clone();
        }
        self.jobs.push(job);
        self.write("cron/jobs.json", &json!({"jobs": self.jobs, "updated_at": "x"}).to_string());
        self
    }

    /// A run of process `p` by the ticker; times are of 2 March, and empty ones are NULL.
    fn run(&mut self, id: &str, status: &str, [claimed, started, finished]: [&str; 3]) -> &mut Home {
        let time =
            |time: &str| if time.is_empty() { "NULL".to_owned() } else { format!("'2026-03-02T{time}:00+00:00'") };
        self.runs.sql(&format!(
            "INSERT INTO executions (id, job_id, source, process_id, status, claimed_at, started_at, finished_at)
             VALUES ((SELECT count(*) FROM executions), '{id}', 'builtin', 'p', '{status}', {}, {}, {})",
            time(claimed),
            time(started),
            time(finished)
        ));
        self
    }

    /// Sessions by these rows.
    fn sessions(&self, rows: &str) -> &Home {
        let mut sessions = Database::new("state.db", SESSIONS);
        sessions.sql(&format!("INSERT INTO sessions VALUES {rows}"));
        std::fs::copy(&sessions.path, self.file("state.db")).unwrap_or_else(|error| panic!("{error}"));
        self
    }

    fn told(&self, now: &str) -> String {
        self.runs.told(&window(now))
    }
}

fn seconds(time: &str) -> i64 {
    at(time).seconds()
}

#[test]
fn every_key_of_a_job_is_read() {
    let mut home = Home::new();
    let last = |status: &str, error: &str| json!({"last_run_at": "2026-03-02T10:00:30+00:00", "last_status": status, "last_error": error});
    home.job(
        "full",
        json!({"name": "Full name", "schedule": {"kind": "interval", "minutes": 90}, "created_at": "2026-03-01T07:06:05",
            "next_run_at": "2026-03-02T20:30:00", "last_run_at": "2026-03-02T10:00:30.5+00:00", "last_status": "error",
            "last_error": "Gateway shutdown: stop\nsecond", "last_delivery_error": "chat not found"}),
    );
    home.job("failed", last("error", "HTTP 400\nsecond"));
    home.job("failed without a word", last("error", ""));
    home.job("undelivered", last("delivery_failed", "no such chat"));
    home.job("fine", last("ok", "stale"));
    home.job("script", json!({"no_agent": true, "script": "s.py"}));
    home.job("held", json!({"quota_hold_until": "2026-03-02T10:30:01+00:00"}));
    home.job("held until now", json!({"quota_hold_until": "2026-03-02T10:30:00+00:00"}));
    home.job(
        "odd",
        json!({"id": 7, "name": null, "next_run_at": 5, "last_run_at": 5, "last_status": 5, "created_at": 5}),
    );
    home.job("later", json!({"created_at": "2026-03-02T10:30:01+00:00"}));
    home.job("now", json!({"created_at": "2026-03-02T10:30:00+00:00", "last_run_at": "2026-03-02T10:30:00+00:00"}));
    home.job("run later", json!({"last_run_at": "2026-03-02T10:30:01+00:00", "next_run_at": null}));
    let made_later = json!({"created_at": "2026-03-02T10:31:00+00:00", "last_run_at": "2026-03-02T10:29:00+00:00"});
    home.job("made later", made_later);
    insta::assert_snapshot!(home.told("10:30"));
}

#[test]
fn a_job_is_watched_unless_its_scheduler_is_done_with_it() {
    let mut home = Home::new();
    let once = || json!({"kind": "once", "run_at": "2026-03-02T18:00:00"});
    for (id, change) in [
        ("paused", json!({"state": "paused", "enabled": false})),
        ("paused and on", json!({"state": "paused"})),
        ("off", json!({"enabled": false})),
        ("off without a state", json!({"enabled": false, "state": null})),
        ("on without a state", json!({"state": null})),
        ("error", json!({"state": "error", "enabled": false})),
        ("odd state", json!({"state": "resting", "enabled": false})),
        ("done", json!({"state": "completed", "schedule": once(), "last_status": "ok"})),
        ("failed once", json!({"state": "completed", "schedule": once(), "last_status": "error"})),
        ("used up", json!({"state": "completed", "repeat": {"times": 2, "completed": 2}})),
        ("broken", json!({"state": "completed", "schedule": {"kind": "lunar"}})),
        ("completed", json!({"state": "completed", "enabled": false})),
        ("completed and on", json!({"state": "completed"})),
        ("at an offset", json!({"schedule": {"kind": "once", "run_at": "2026-03-02T18:00:00+01:00"}})),
        ("at no time", json!({"schedule": {"kind": "once", "run_at": "soon"}})),
        ("least interval", json!({"schedule": {"kind": "interval", "minutes": 1}})),
        ("no interval", json!({"schedule": {"kind": "interval", "minutes": 0}})),
        ("odd expression", json!({"schedule": {"kind": "cron", "expr": "0 0 31 2 *"}})),
        ("no schedule", json!({"schedule": null})),
    ] {
        home.job(id, change);
    }
    insta::assert_snapshot!(home.told("10:30"));
}

#[test]
fn every_column_of_a_run_and_of_its_session_is_read() {
    let mut home = Home::new();
    for id in ["a", "script"] {
        home.job(
            id,
            json!({"last_run_at": "2026-03-02T10:01:05+00:00", "last_status": "ok", "no_agent": id == "script"}),
        );
    }
    home.job("older", json!({"last_run_at": "2026-03-02T09:00:00+00:00", "last_status": "ok"}));
    home.run("older", "completed", ["09:30", "09:30", "09:31"]);
    for id in ["a", "script"] {
        home.run(id, "completed", ["06:00", "06:00", "06:01"]);
        home.run(id, "failed", ["07:00", "07:01", "07:02"]);
        home.run(id, "failed", ["08:00", "08:01", "08:02"]);
        home.run(id, "unknown", ["09:00", "09:01", "09:30"]);
        home.run(id, "odd", ["09:31", "09:32", "09:33"]);
        home.run(id, "completed", ["10:00", "", "10:01"]);
        home.run(id, "completed", ["10:31", "10:31", "10:32"]);
        home.run(id, "completed", ["", "09:40", "09:41"]);
        home.run(id, "completed", ["", "", "09:42"]);
    }
    home.runs.sql(
        "UPDATE executions SET error = 'Fire claim lost' || char(10) || 'second' WHERE claimed_at LIKE '%T08:%';
         UPDATE executions SET delivery_outcome = 'delivered', source = 'cli' WHERE claimed_at LIKE '%T06:%';
         UPDATE executions SET delivery_outcome = 'failed' WHERE claimed_at LIKE '%T07:%'",
    );
    let row = |name: &str, start: i64, rest: &str| format!("('cron_{name}', {start}, {rest})");
    home.sessions(
        &[
            row("a_1", seconds("06:00") - 1, "100, 7, 0.5, 0.25, 'm1'"),
            row("a_2", seconds("07:02") + 1, "0, 0, 0.5, NULL, 'm2'"),
            row("a_3", seconds("08:02"), "3, 0, NULL, NULL, NULL"),
            row("a_4", seconds("10:01") + 2, "9, 9, 1, 1, 'm1'"),
            row("a_5", 0, "9, 9, 1, 1, 'm1'"),
            row("script_1", seconds("06:00"), "9, 9, 1, 1, 'm3'"),
        ]
        .join(", "),
    );
    insta::assert_snapshot!(home.told("10:30"));
}

#[test]
fn a_run_that_goes_on_waits_if_it_shows_no_work_behind_an_older_one() {
    let mut home = Home::new();
    for id in ["oldest", "waits", "has begun", "no thread", "just claimed", "script", "no agent", "stopped"] {
        let script = if id == "script" { "s.py" } else { "" };
        let last = if id == "stopped" { "2026-03-02T10:05:00+00:00" } else { "2026-03-02T09:05:00+00:00" };
        home.job(id, json!({"no_agent": id == "no agent", "script": script, "last_run_at": last}));
    }
    home.run("oldest", "running", ["10:00", "10:00", ""]);
    for id in ["waits", "has begun", "script", "no agent"] {
        home.run(id, "running", ["10:10", "10:11", ""]);
    }
    home.run("no thread", "claimed", ["10:12", "", ""]);
    home.run("just claimed", "claimed", ["10:29", "", ""]);
    home.run("stopped", "running", ["10:01", "10:02", ""]);
    for (id, second) in [("claimed 70 s ago", "50"), ("claimed 71 s ago", "49")] {
        home.job(id, json!({}));
        home.run(id, "claimed", ["10:28", "", ""]);
        home.runs.sql(&format!(
            "UPDATE executions SET claimed_at = '2026-03-02T10:28:{second}+00:00' WHERE job_id = '{id}'"
        ));
    }
    insta::assert_snapshot!("open_runs_without_sessions", home.told("10:30"));
    home.sessions(&format!("('cron_has begun_1', {}, 1, 1, 1, 1, 'm')", seconds("10:11")));
    insta::assert_snapshot!("open_runs_with_sessions", home.told("10:30"));
}

#[test]
fn runs_of_jobs_without_a_record_and_of_processes_that_ended_are_told() {
    let mut home = Home::new();
    home.job("kept", json!({"last_run_at": "2026-03-02T10:00:00+00:00"}));
    for hour in 0..10 {
        home.run("regular", "completed", [&format!("0{hour}:00"), &format!("0{hour}:00"), &format!("0{hour}:01")]);
    }
    home.run("failed once", "failed", ["05:10", "05:11", "05:13"]);
    home.run("cut once", "unknown", ["05:20", "05:20", "05:40"]);
    home.run("done once", "completed", ["05:30", "05:30", "05:31"]);
    home.run("twice", "failed", ["05:32", "05:32", "05:33"]).run("twice", "failed", ["05:34", "05:34", "05:35"]);
    home.run("kept", "completed", ["10:29", "10:29", "10:31"]);
    home.runs.sql(
        "UPDATE executions SET error = 'HTTP 400' WHERE status = 'failed';
         UPDATE executions SET process_id = 'q' WHERE claimed_at > '2026-03-02T05:30'",
    );
    insta::assert_snapshot!(home.told("10:30"));
}

#[test]
fn the_ticker_tells_whether_it_lives_and_its_passes_work() {
    let mut home = Home::new();
    home.job("a", json!({}));
    let told = |home: &Home, [beat, worked, failed]: [&str; 3]| {
        home.write("cron/ticker_heartbeat", beat);
        home.write("cron/ticker_last_success", worked);
        home.write("cron/ticker_last_error", failed);
        let told = home.told("10:30");
        let facts =
            told.lines().filter(|line| ["  lease", "  passe", "  last_"].contains(&line.get(..7).unwrap_or("")));
        facts.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let ten = seconds("10:00");
    let (fresh, old) = (format!("{}.5", seconds("10:29")), format!("{ten}"));
    let failing = |why: &str| format!("passes: Failing {{ since: 2026-03-02T10:00:00Z, why: {why} }}");
    let alive = ["last_other_activity: Some(2026-03-02T10:29:00.500Z)", "lease: Alive(2026-03-02T10:29:00.500Z)"];
    assert_eq!(told(&home, [&fresh, &fresh, &format!("{ten}\nno disk")]), alive, "the error is over");
    assert_eq!(told(&home, [&fresh, &old, ""])[2], failing("None"));
    assert_eq!(told(&home, [&fresh, &old, &format!("{ten}\nno disk")])[2], failing("Some(\"no disk\")"));
    assert_eq!(told(&home, [&fresh, &old, &format!("{}\nno disk", ten - 1)])[2], failing("None"));
    let dead = ["last_other_activity: Some(2026-03-02T10:00:00Z)", "lease: Dead(2026-03-02T10:00:00Z)"];
    assert_eq!(told(&home, [&old, &old, ""]), dead);
    let (ahead, beyond) = (seconds("10:31"), seconds("10:31") + 1);
    assert_eq!(told(&home, [&ahead.to_string(), &fresh, ""])[1], "lease: Alive(2026-03-02T10:30:00Z)");
    assert_eq!(
        told(&home, [&beyond.to_string(), &fresh, ""]),
        [""; 0],
        "it says nothing about the instant of the audit"
    );
    assert_eq!(told(&home, ["0", &fresh, ""]), [""; 0]);
}

#[test]
fn where_the_jobs_can_not_be_read_the_runs_are_and_passes_fail() {
    let mut home = Home::new();
    home.write("cron/jobs.json", "{");
    home.write("cron/ticker_last_success", &seconds("09:00").to_string());
    home.run("a", "completed", ["08:00", "08:00", "08:01"]).run("b", "running", ["08:10", "08:10", ""]);
    home.run("c", "completed", ["07:00", "07:00", "09:01"]);
    insta::assert_snapshot!(home.told("10:30"));
}

#[test]
fn a_thousand_runs_are_all_that_are_kept() {
    let mut home = Home::new();
    home.job("a", json!({}));
    home.runs.sql(
        "WITH run (back) AS (SELECT 998 UNION ALL SELECT back - 1 FROM run WHERE back > 0)
         INSERT INTO executions (id, job_id, source, process_id, status, claimed_at, finished_at)
         SELECT 'old' || back, 'a', 'builtin', 'p', 'completed', datetime('2026-03-02 10:00', '-' || back || ' minutes'),
           datetime('2026-03-02 10:00', '-' || back || ' minutes') FROM run",
    );
    let start = |home: &Home| super::read(&home.runs.path, &window("10:30"), &[]).window_start;
    home.run("a", "running", ["10:20", "10:20", ""]);
    assert_eq!(start(&home), Some(at("10:30").plus(-8 * crate::time::DAY)), "999 have ended");
    home.run("a", "completed", ["10:21", "10:21", "10:22"]);
    assert_eq!(start(&home), Some(at("10:00").plus(-998 * 60_000)));
}

#[test]
fn jobs_alone_are_read_where_a_version_has_no_runs() {
    let mut home = Home::new();
    home.job("a", json!({"last_run_at": "2026-03-02T10:00:30+00:00", "last_status": "error", "last_error": "x"}));
    let told = super::told(&super::read(&home.file("cron/jobs.json"), &window("10:30"), &[]));
    insta::assert_snapshot!(told);
}

#[test]
fn the_home_of_a_profile_names_it_in_commands() {
    for (place, options) in [("profiles/it's/cron/executions.db", true), ("others/x/cron/executions.db", false)] {
        let store = Database::new(place, RUNS);
        assert_eq!(store.told(&window("10:30")).contains(r#"options: Some("-p "#), options, "{place}");
    }
}
