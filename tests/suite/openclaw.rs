//! OpenClaw's store: each rule by tiny histories.

use crate::{HOURLY, History, Run, command};
use chrono::DateTime;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::PathBuf;

const STORE: &str = "/home/user/.openclaw/cron/jobs.json";

/// Milliseconds since 1970 of a time of 2 March 2026, or of another day where one is given.
pub fn ms(time: &str) -> i64 {
    let text = if time.contains('T') { time.to_owned() } else { format!("2026-03-02T{time}") };
    let seconds = if text.matches(':').count() == 1 { ":00" } else { "" };
    DateTime::parse_from_rfc3339(&format!("{text}{seconds}Z")).unwrap().timestamp_millis()
}

pub struct OpenClaw {
    _directory: tempfile::TempDir,
    path: PathBuf,
    db: Connection,
}

impl OpenClaw {
    /// A store whose gateway booted at midnight and renewed its lease at `lease`.
    pub fn new(lease: &str) -> OpenClaw {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("openclaw.sqlite");
        let db = super::open(&path);
        db.execute_batch(include_str!("openclaw.sql")).unwrap();
        let store = OpenClaw { _directory: directory, path, db };
        let (boot, lease) = (ms("00:00"), ms(lease));
        store.sql(&format!("INSERT INTO state_leases VALUES ('gateway-owner', 'global', 'x', {lease} + 300000, {lease}, '{{}}', {boot}, {lease});
            INSERT INTO gateway_boot_lifecycle VALUES ('b', 1, {boot}, NULL, NULL, NULL, NULL)"));
        store
    }

    pub fn sql(&self, text: &str) -> &OpenClaw {
        self.db.execute_batch(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        self
    }

    /// A job made on 1 March; `more` is merged into its definition.
    pub fn job(&self, id: &str, enabled: bool, schedule: Value, state: Value, more: Value) -> &OpenClaw {
        let mut job = json!({"id": id, "name": id, "createdAtMs": ms("2026-03-01T00:00"), "schedule": schedule,
            "payload": {"kind": "agentTurn", "message": "secret prompt"}, "state": {}});
        let object = job.as_object_mut().unwrap();
        more.as_object().unwrap().iter().for_each(|(key, value)| {
            object.insert(key.clone(), value.clone());
        });
        self.db
            .execute(
                "INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, updated_at)
                 VALUES (?1, ?2, ?2, ?3, 'agentTurn', ?4, ?5, 0)",
                (STORE, id, enabled, job.to_string(), state.to_string()),
            )
            .unwrap();
        self
    }

    /// An hourly job without stagger that last ran at `last` and is due at `next`.
    pub fn hourly(&self, id: &str, last: &str, next: &str) -> &OpenClaw {
        let state =
            json!({"lastRunAtMs": ms(last), "lastDurationMs": 60_000, "lastRunStatus": "ok", "nextRunAtMs": ms(next)});
        self.job(id, true, json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}), state, json!({}))
    }

    /// A run of a minute with this detail.
    pub fn run(&self, id: &str, start: &str, detail: Value) -> &OpenClaw {
        let mut detail = detail;
        detail["storeKey"] = STORE.into();
        self.db
            .execute(
                "INSERT INTO task_runs (task_id, runtime, source_id, owner_key, task, status, delivery_status, created_at, started_at, ended_at, detail_json)
                 VALUES (?1, 'cron', ?2, '', 'secret task', 'succeeded', '', 0, ?3, ?3 + 60000, ?4)",
                (format!("{id}{start}"), id, ms(start), detail.to_string()),
            )
            .unwrap();
        self
    }

    pub fn worked(&self, id: &str, starts: &[&str]) -> &OpenClaw {
        starts.iter().for_each(|start| {
            self.run(id, start, json!({"status": "ok", "usage": {"input_tokens": 5, "output_tokens": 7}}));
        });
        self
    }

    pub fn receipt(&self, id: &str, status: &str, start: &str, end: Option<&str>) -> &OpenClaw {
        self.db
            .execute(
                "INSERT INTO cron_run_receipts (receipt_id, store_key, job_id, config_revision, agent_id, status, owner_pid, started_at_ms, finished_at_ms)
                 VALUES (?1, ?2, ?3, '', '', ?4, 1, ?5, ?6)",
                (format!("{id}{start}{status}"), STORE, id, status, ms(start), end.map(ms)),
            )
            .unwrap();
        self
    }

    /// The table at a time of that day.
    pub fn table(&self, now: &str) -> String {
        let now = format!("2026-03-02T{now}:00Z");
        let mut call = command();
        call.env("COLUMNS", "80").env("LC_ALL", "C.UTF-8").args(["--timezone", "UTC", "--now", &now]).arg(&self.path);
        Run::from(call.output().unwrap()).out
    }

    pub fn audit(&self, now: &str, more: &[&str]) -> Run {
        let now = format!("2026-03-02T{now}:00Z");
        command()
            .args(["-f", "json", "--timezone", "UTC", "--now", &now])
            .args(more)
            .arg(&self.path)
            .output()
            .unwrap()
            .into()
    }

    pub fn check(&self, now: &str, findings: &[&str], incidents: &[&str]) {
        let run = self.audit(now, &[]);
        assert_eq!((run.findings(), run.incidents()), (strings(findings), strings(incidents)), "at {now}: {}", run.out);
        assert!(!run.out.contains("secret"), "{}", run.out);
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn stores_are_recognized_by_their_tables_in_one_call() {
    let openclaw = OpenClaw::new("10:29");
    openclaw.hourly("claw", "10:00", "11:00").worked("claw", &["09:00", "10:00"]);
    let phantom = History::named("not-openclaw.sqlite");
    phantom.job("phan", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    let both = openclaw.audit("10:30", &[phantom.path.to_str().unwrap()]);
    let json = both.json();
    let job = |database: usize| json["databases"][database]["jobs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!((both.code, job(0), job(1)), (0, "phan".to_owned(), "claw".to_owned()));
    let insisted = openclaw.audit("10:30", &["--store", "phantom"]);
    assert!(insisted.code == 3 && insisted.err.contains("table scheduled_jobs"), "{}", insisted.err);
}

#[test]
fn default_databases_of_both_schedulers_are_found() {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    std::fs::create_dir_all(at(".openclaw/state")).unwrap();
    std::fs::create_dir_all(at("data")).unwrap();
    let databases = || -> Vec<String> {
        let output = command()
            .args(["-f", "json", "--fail-on", "never"])
            .current_dir(home.path())
            .env("HOME", home.path())
            .env_remove("OPENCLAW_STATE_DIR")
            .env_remove("OPENCLAW_HOME")
            .env_remove("OPENCLAW_PROFILE")
            .output()
            .unwrap();
        let run = Run::from(output);
        for place in ["/data/phantom.db", "/.openclaw/state/openclaw.sqlite"] {
            assert_eq!(run.err.contains(place), run.code == 3, "{place}: {}", run.err);
        }
        let json = run.json();
        json["databases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["path"].as_str().unwrap().replace(home.path().to_str().unwrap(), "~"))
            .collect()
    };
    assert_eq!(databases(), [""; 0], "none of the places has one");
    std::fs::copy(&OpenClaw::new("00:00").path, at(".openclaw/state/openclaw.sqlite")).unwrap();
    assert_eq!(databases(), ["~/.openclaw/state/openclaw.sqlite"]);
    std::fs::copy("fixtures/healthy.db", at("data/phantom.db")).unwrap();
    assert_eq!(databases(), ["~/data/phantom.db", "~/.openclaw/state/openclaw.sqlite"]);
}

#[test]
fn dead_stopped_and_wedged_gateways_are_distinguished() {
    for (lease, change, said) in [
        ("10:05", "", "the process died"),
        ("12:29", "", "the process is alive"),
        (
            "10:05",
            "DELETE FROM state_leases; UPDATE gateway_boot_lifecycle SET outcome = 'clean_stop', completed_at_ms = 1772446200000",
            "was stopped",
        ),
    ] {
        let store = OpenClaw::new(lease);
        store.hourly("a", "10:00", "11:00").worked("a", &["08:00", "09:00", "10:00"]).sql(change);
        store.check("12:30", &["critical past-due/overdue ongoing"], &["critical scheduler-silent ongoing"]);
        let told = store.audit("12:30", &[]);
        assert!(told.out.contains(said) && told.out.contains("openclaw gateway status"), "{said}: {}", told.out);
    }
}

#[test]
fn starts_that_failed_are_told_with_the_recorded_reason_which_is_masked_and_the_step() {
    let store = OpenClaw::new("10:05");
    store.hourly("a", "10:00", "11:00").worked("a", &["08:00", "09:00", "10:00"]).sql("DELETE FROM state_leases");
    for second in 0..24 {
        let (started, failed) = (ms("10:20") + second * 10_000, ms("10:20") + second * 10_000 + 5000);
        let reason = "database is locked";
        store.sql(&format!(
            "INSERT INTO gateway_boot_lifecycle VALUES ('f{second}', 1, {started}, {failed}, 'startup_failed', 'restart', '{reason}')"
        ));
    }
    store.check("17:30", &["critical past-due/overdue ongoing"], &["critical scheduler-silent ongoing"]);
    let incident = &store.audit("17:30", &[]).json()["incidents"][0];
    let headline = "nothing has run for 7h: the gateway was given up after 24 starts that failed";
    assert_eq!(incident["headline"], headline);
    assert_eq!(incident["last_error"], "database is locked");
    assert_eq!(incident["next_step"], "Fix the cause of the error, then start the gateway.");
    store.sql("UPDATE gateway_boot_lifecycle SET reason = 'bad token sk-ant-api03-abcdefghijklmnopqrstuvwxyz'");
    let masked = store.audit("17:30", &[]);
    assert!(!masked.out.contains("abcdefghij"), "{}", masked.out);
}

#[test]
fn the_reason_of_a_start_that_failed_is_not_counted_as_an_error_of_jobs() {
    let store = OpenClaw::new("10:05");
    store.hourly("a", "10:00", "11:00").worked("a", &["08:00", "09:00", "10:00"]);
    store.hourly("b", "10:00", "11:00").worked("b", &["08:00", "09:00", "10:00"]).sql("DELETE FROM state_leases");
    for second in 0..24 {
        let (started, failed) = (ms("10:20") + second * 10_000, ms("10:20") + second * 10_000 + 5000);
        store.sql(&format!(
            "INSERT INTO gateway_boot_lifecycle VALUES ('f{second}', 1, {started}, {failed}, 'startup_failed', 'restart', 'no disk')"
        ));
    }
    let table = store.table("17:30");
    assert!(table.contains("\nError     no disk\n"), "{table}");
}

#[test]
fn due_job_is_late_after_15_minutes_even_beside_other_runs() {
    let store = OpenClaw::new("11:16");
    store.hourly("a", "10:00", "11:00").worked("a", &["09:00", "10:00"]);
    store
        .hourly("long", "08:00", "09:00")
        .worked("long", &["07:00", "08:00"])
        .receipt("long", "running", "11:00", None);
    let of_a = |now| store.audit(now, &["--job", "a"]).findings();
    assert_eq!(of_a("11:15"), [""; 0]);
    assert_eq!(of_a("11:16"), ["warning past-due/overdue ongoing"], "seven max_concurrent are free");
}

#[test]
fn due_job_waits_only_behind_eight_runs() {
    for (running, expected) in [(8, "info past-due/waiting ongoing"), (7, "warning past-due/overdue ongoing")] {
        let store = OpenClaw::new("11:30");
        store.hourly("a", "10:00", "11:00").worked("a", &["09:00", "10:00"]);
        for place in 0..running {
            let id = format!("long-{place}");
            store.hourly(&id, "10:00", "11:00").worked(&id, &["10:00"]).receipt(&id, "running", "11:00", None);
        }
        assert_eq!(store.audit("11:30", &["--job", "a"]).findings(), [expected], "{running} run");
    }
}

#[test]
fn run_beyond_its_timeout_hangs_and_explains_other_silence() {
    let store = OpenClaw::new("13:30");
    store
        .worked("a", &["09:00", "10:00"])
        .hourly("a", "10:00", "11:00")
        .worked("b", &["10:00"])
        .hourly("b", "10:00", "11:00");
    let command = json!({"payload": {"kind": "command", "timeoutSeconds": 1800, "argv": ["secret"]}});
    store.job(
        "hung",
        true,
        json!({"kind": "every", "everyMs": 86_400_000}),
        json!({"nextRunAtMs": ms("10:30")}),
        command,
    );
    store.receipt("hung", "running", "10:30", None);
    let of_hung = |now| store.audit(now, &["--job", "hung"]).findings();
    assert_eq!(of_hung("11:03"), ["warning past-due/run-long ongoing"]);
    assert_eq!(of_hung("11:04"), ["critical past-due/run-hung ongoing"]);
    assert_eq!(store.audit("13:30", &[]).incidents(), ["critical run-hung ongoing"]);
    store.sql("UPDATE state_leases SET heartbeat_at = 1772447400000");
    assert_eq!(
        store.audit("13:30", &[]).incidents(),
        ["critical scheduler-silent ongoing"],
        "the process died: no run hangs"
    );
}

#[test]
fn successful_run_without_usage_is_empty_unlike_intended_silence() {
    let empty = |detail: Value, more: Value| {
        let store = OpenClaw::new("10:29");
        let state = json!({"lastRunAtMs": ms("10:00"), "lastDurationMs": 60_000, "lastRunStatus": "ok", "nextRunAtMs": ms("11:00")});
        store.job("a", true, json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}), state, more);
        ["06:00", "07:00"].iter().for_each(|start| {
            store.worked("a", &[start]);
        });
        ["08:00", "09:00", "10:00"].iter().for_each(|start| {
            store.run("a", start, detail.clone());
        });
        store.audit("10:30", &[]).findings()
    };
    let streak = strings(&["warning zero-tokens/zero-token-streak ongoing"]);
    assert_eq!(empty(json!({"status": "ok"}), json!({})), streak);
    assert_eq!(
        empty(json!({"status": "ok", "usage": {"total_tokens": 9}, "deliverySuppressionReason": "silent"}), json!({})),
        [""; 0]
    );
    for kind in ["heartbeat", "systemEvent", "command", "script"] {
        assert_eq!(empty(json!({"status": "ok"}), json!({"payload": {"kind": kind}})), [""; 0], "{kind}");
    }
}

#[test]
fn auto_disabled_is_a_fault_and_disabled_is_not() {
    let store = OpenClaw::new("10:29");
    let off = |reason: &str| {
        json!({"lastRunAtMs": ms("03:00"), "lastRunStatus": "error", "lastError": "HTTP 400", "consecutiveErrors": 10,
        "autoDisabled": {"reason": reason, "atMs": ms("03:00")}})
    };
    let hourly = || json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0});
    store.job("by-hand", false, hourly(), json!({"lastRunAtMs": ms("03:00"), "lastRunStatus": "ok"}), json!({}));
    store.job(
        "ok",
        true,
        hourly(),
        json!({"lastRunAtMs": ms("10:00"), "lastRunStatus": "ok", "nextRunAtMs": ms("11:00")}),
        json!({}),
    );
    assert_eq!(store.audit("10:30", &[]).findings(), [""; 0]);
    store.job("errors", false, hourly(), off("consecutive-failures"), json!({}));
    let broken = store.audit("10:30", &["--job", "errors"]);
    assert_eq!(broken.findings()[0], "critical past-due/breaker-open ongoing");
    let json = broken.json();
    let incident = &json["incidents"][0];
    assert_eq!(incident["commands"], json!(["openclaw cron enable errors"]), "{incident}");
    assert!(incident["sql"].is_null() && incident["last_error"] == "HTTP 400", "{incident}");
    store.job("schedule", false, hourly(), off("schedule-errors"), json!({}));
    assert_eq!(
        store.audit("10:30", &["--job", "schedule"]).findings()[0],
        "critical past-due/unreadable-schedule ongoing"
    );
}

#[test]
fn quarantined_job_is_reported_until_it_exists_again() {
    let store = OpenClaw::new("10:29");
    let entry = json!({"reason": "invalid-schedule", "job": {"id": "q", "name": "poll", "schedule": {"kind": "every", "everyMs": "10m"}},
        "state": {"lastRunAtMs": ms("09:00"), "lastRunStatus": "ok"}});
    store
        .db
        .execute(
            "INSERT INTO diagnostic_events VALUES (?1, 'k', ?2, ?3, 0)",
            (format!("cron.quarantine:{STORE}"), entry.to_string(), ms("09:10")),
        )
        .unwrap();
    store.check("10:30", &["critical past-due/quarantined ongoing"], &["critical row-dead ongoing"]);
    assert!(store.audit("10:30", &[]).out.contains("openclaw cron add"));
    store.hourly("q", "10:00", "11:00").worked("q", &["10:00"]);
    store.check("10:30", &[], &[]);
}

#[test]
fn advice_goes_by_the_kind_of_the_error_also_where_its_text_is_not_read() {
    let steps = |status: &str, error: &str| {
        let store = OpenClaw::new("10:29");
        let errors = if status == "error" { 6 } else { 0 };
        let state = json!({"lastRunAtMs": ms("10:00"), "lastRunStatus": status, "lastError": error,
            "consecutiveErrors": errors, "nextRunAtMs": ms("11:00")});
        store.job("a", true, json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}), state, json!({}));
        for start in ["05:00", "06:00", "07:00", "08:00", "09:00", "10:00"] {
            store.run("a", start, json!({"status": status, "error": error}));
        }
        [&[][..], &["--no-errors"]].map(|more| {
            let incident = &store.audit("10:30", more).json()["incidents"][0];
            assert_eq!(incident["last_error"].is_null(), !more.is_empty(), "{incident}");
            incident["next_step"].as_str().unwrap().to_owned()
        })
    };
    let unread = "The text of the error was not read: openclaw cron runs shows it.";
    for (status, error, step) in [
        ("skipped", "local provider is not reachable", "Start the local provider that the error names"),
        ("skipped", "heartbeat disabled", "Switch on what the error names"),
        ("skipped", "no resolvable owner", "Read the error. If no agent owns the job"),
        ("error", "HTTP 400", "Read the error and the runs"),
    ] {
        let [with, without] = steps(status, error);
        assert!(with.starts_with(step), "{error}: {with}");
        assert_eq!(without, format!("{with} {unread}"));
    }
    let [with, without] = steps("error", "cron: job interrupted by gateway restart");
    assert!(with.starts_with("The gateway ended in the run"), "{with}");
    assert_eq!(without, with, "for that nobody has to read the error");
}

#[test]
fn skipped_work_is_reported_except_for_heartbeats() {
    let skipping = |kind: &str, runs: &[&str]| {
        let store = OpenClaw::new("10:29");
        let state = json!({"lastRunAtMs": ms("10:00"), "lastRunStatus": "skipped", "lastError": "no resolvable owner", "nextRunAtMs": ms("11:00")});
        store.job(
            "a",
            true,
            json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}),
            state,
            json!({"payload": {"kind": kind}}),
        );
        runs.iter().for_each(|start| {
            store.run("a", start, json!({"status": "skipped"}));
        });
        store.audit("10:30", &[])
    };
    let hours = ["06:00", "07:00", "08:00", "09:00", "10:00"];
    assert_eq!(skipping("agentTurn", &hours[3..]).findings(), [""; 0]);
    assert_eq!(skipping("agentTurn", &hours[2..]).findings(), ["warning zero-tokens/job-skipped ongoing"]);
    let all = skipping("agentTurn", &hours);
    assert_eq!(all.incidents(), ["critical job-skipped ongoing"]);
    assert_eq!(all.json()["incidents"][0]["since"], "2026-03-02T06:01:00Z");
    assert_eq!(all.json()["incidents"][0]["commands"], json!(["openclaw cron edit a --agent AGENT"]));
    assert_eq!(skipping("heartbeat", &hours).findings(), [""; 0]);
}

#[test]
fn undelivered_result_is_reported_unless_silence_was_intended() {
    for (state, expected) in [
        (json!({"lastDeliveryStatus": "not-delivered"}), vec!["warning zero-tokens/undelivered ongoing"]),
        (json!({"lastDeliveryStatus": "not-delivered", "deliverySuppressionReason": "silent"}), vec![]),
        (json!({"lastDeliveryStatus": "not-requested"}), vec![]),
        (json!({"lastDeliveryStatus": "unknown"}), vec![]),
    ] {
        let store = OpenClaw::new("10:29");
        let mut state = state;
        for (key, value) in
            [("lastRunAtMs", json!(ms("10:00"))), ("lastRunStatus", json!("ok")), ("nextRunAtMs", json!(ms("11:00")))]
        {
            state[key] = value;
        }
        store.job("a", true, json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}), state, json!({}));
        store.worked("a", &["09:00", "10:00"]);
        assert_eq!(store.audit("10:30", &[]).findings(), strings(&expected));
    }
}

#[test]
fn event_driven_jobs_and_quiet_triggers_are_healthy() {
    let store = OpenClaw::new("10:29");
    store.job("exit", true, json!({"kind": "on-exit", "command": "x"}), json!({}), json!({}));
    store.job("stream", true, json!({"kind": "stream", "command": ["x"]}), json!({}), json!({}));
    let watcher = json!({"nextRunAtMs": ms("10:45"), "lastTriggerEvalAtMs": ms("10:15")});
    store.job(
        "watcher",
        true,
        json!({"kind": "every", "everyMs": 900_000}),
        watcher,
        json!({"trigger": {"script": "secret"}}),
    );
    ["09:30", "09:45", "10:00", "10:15"].iter().for_each(|start| {
        store.run("watcher", start, json!({}));
    });
    store.check("10:30", &[], &[]);
}

#[test]
fn silence_before_a_boot_is_resolved() {
    let store = OpenClaw::new("20:29");
    store.hourly("a", "20:00", "21:00").worked("a", &["08:00", "09:00", "18:02", "19:00", "20:00"]);
    store.hourly("b", "20:00", "21:00").worked("b", &["08:00", "09:00", "18:02", "19:00", "20:00"]).receipt(
        "b",
        "interrupted",
        "10:00",
        Some("18:00"),
    );
    store.sql("UPDATE gateway_boot_lifecycle SET started_at_ms = 1772474400000");
    store.check("20:30", &["warning gap/job-silent resolved"; 2], &["warning scheduler-silent resolved"]);
}

#[test]
fn next_run_that_moves_on_without_a_run_is_silence() {
    let store = OpenClaw::new("14:29");
    store.hourly("swallowed", "10:00", "15:00").worked("swallowed", &["08:00", "09:00", "10:00"]);
    store.hourly("other", "14:00", "15:00").worked("other", &["11:00", "12:00", "13:00", "14:00"]);
    store.check("14:30", &["critical gap/job-silent ongoing"], &["critical job-silent ongoing"]);
}

#[test]
fn with_recorded_starts_a_closed_gap_must_exceed_lost_after() {
    let gap = |back: &str| {
        let store = OpenClaw::new("14:59");
        store.hourly("job", "14:00", "15:00").worked("job", &["09:00", "10:00", back, "13:00", "14:00"]);
        store.hourly("other", "14:00", "15:00").worked("other", &["10:00", "11:00", "12:00", "13:00", "14:00"]);
        store.audit("14:59", &["--job", "job", "--lost-after", "65m"]).findings()
    };
    assert_eq!(gap("12:05"), [""; 0]);
    assert_eq!(gap("12:10"), ["warning gap/job-silent resolved"]);
}

#[test]
fn run_without_store_key_belongs_to_the_first_job_with_its_id() {
    let store = OpenClaw::new("10:29");
    store.hourly("twin", "10:00", "11:00").sql(
        "INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, updated_at, sort_order)
         SELECT 'other', job_id, 'second', 1, payload_kind, job_json, '{}', 0, 1 FROM cron_jobs",
    );
    store
        .worked("twin", &["08:00", "09:00"])
        .sql("UPDATE task_runs SET detail_json = json_remove(detail_json, '$.storeKey')");
    for _ in 0..5 {
        let json = store.audit("10:30", &[]).json();
        let last = |index: usize| json["databases"][0]["jobs"][index]["last_success_at"].clone();
        assert_eq!((last(0), last(1)), ("2026-03-02T10:01:00Z".into(), Value::Null), "{json}");
    }
}

#[test]
fn timeline_begins_where_the_history_of_seven_days_begins() {
    let store = OpenClaw::new("10:29");
    let state = json!({"lastRunAtMs": ms("09:00"), "lastDurationMs": 60_000, "lastRunStatus": "ok",
        "nextRunAtMs": ms("2026-03-03T09:00")});
    let old = json!({"createdAtMs": ms("2026-01-01T00:00")});
    store.job("daily", true, json!({"kind": "cron", "expr": "0 9 * * *", "staggerMs": 0}), state, old);
    store.worked("daily", &["2026-02-24T09:00", "2026-02-25T09:00", "2026-02-26T09:00", "2026-02-27T09:00"]);
    store.worked("daily", &["2026-02-28T09:00", "2026-03-01T09:00", "09:00"]);
    let report = store.audit("10:30", &[]).json();
    assert_eq!(report["databases"][0]["jobs"][0]["slots"]["marks"], "#######", "{report}");
    assert_eq!(report["exit_code"], 0);
}

#[test]
fn lease_renewed_after_the_audit_proves_life_only_since_its_creation() {
    let store = OpenClaw::new("12:29");
    store.hourly("a", "2026-03-01T22:00", "2026-03-01T23:00").worked("a", &["2026-03-01T22:00"]);
    let later = "UPDATE state_leases SET created_at = heartbeat_at; DELETE FROM gateway_boot_lifecycle";
    let told = store.sql(later).audit("01:00", &[]);
    assert!(!told.out.contains("the process is alive;"), "{}", told.out);
}

/// The hours of 2 March up to this one.
fn hours_to(last: u32) -> Vec<String> {
    (0..=last).map(|hour| format!("{hour:02}:00")).collect()
}

#[test]
fn empty_answers_from_the_first_run_on_are_told_where_another_job_counts_on_the_same_model() {
    for (model, is_told) in [("m", true), ("other", false)] {
        let store = OpenClaw::new("06:29");
        store.hourly("empty", "06:00", "07:00").hourly("fine", "06:00", "07:00");
        for hour in ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00"] {
            store.run("empty", hour, json!({"status": "ok", "summary": "NO_REPLY", "model": "m"}));
            store.run("fine", hour, json!({"status": "ok", "usage": {"total_tokens": 5}, "model": model}));
        }
        let told: &[&str] = if is_told { &["critical zero-tokens/zero-token-streak ongoing"] } else { &[] };
        let incidents: &[&str] = if is_told { &["critical job-failing ongoing"] } else { &[] };
        store.check("06:30", told, incidents);
    }
}

#[test]
fn usage_that_a_provider_leaves_out_is_not_zero() {
    let store = OpenClaw::new("06:29");
    store.hourly("local", "06:00", "07:00");
    for hour in hours_to(6) {
        store.run("local", &hour, json!({"status": "ok", "summary": "NO_REPLY"}));
    }
    store.check("06:30", &[], &[]);
    // A job that had usage before is empty now.
    let counted = OpenClaw::new("06:29");
    counted.hourly("j", "06:00", "07:00").worked("j", &["00:00", "01:00"]);
    for hour in &hours_to(6)[2..] {
        counted.run("j", hour, json!({"status": "ok", "summary": "NO_REPLY"}));
    }
    counted.check("06:30", &["critical zero-tokens/zero-token-streak ongoing"], &["critical job-failing ongoing"]);
    let unreadable = OpenClaw::new("06:29");
    unreadable.hourly("j", "06:00", "07:00");
    for hour in hours_to(6) {
        unreadable.run("j", &hour, json!({"status": "ok", "usage": {"total_tokens": null}}));
    }
    unreadable.check("06:30", &["warning zero-tokens/unjudged ongoing"], &["warning unjudged ongoing"]);
}

#[test]
fn regular_jobs_without_a_row_are_one_incident() {
    let store = OpenClaw::new("06:29");
    store.hourly("left", "06:00", "07:00").worked("left", &["05:00", "06:00"]);
    for id in ["a", "b", "c"] {
        store.worked(id, &["00:00", "01:00", "02:00", "03:00"]);
    }
    store.check("06:30", &["warning gap/jobs-gone ongoing"; 3], &["warning jobs-gone ongoing"]);
    store.sql("DELETE FROM task_runs WHERE source_id = 'c'");
    store.check("06:30", &[], &[]);
}

#[test]
fn runs_that_somebody_asked_for_are_not_too_many() {
    let store = OpenClaw::new("22:29");
    let daily = json!({"kind": "cron", "expr": "0 9 * * *"});
    let state = json!({"lastRunAtMs": ms("22:00"), "lastDurationMs": 60_000, "lastRunStatus": "ok", "nextRunAtMs": ms("2026-03-03T09:00")});
    store.job("j", true, daily, state, json!({}));
    store.worked("j", &["2026-02-27T09:00", "2026-02-28T09:00", "2026-03-01T09:00", "09:00"]);
    let minutes: Vec<String> = (0..25).map(|run| format!("21:{run:02}")).collect();
    store.worked("j", &minutes.iter().map(String::as_str).collect::<Vec<_>>());
    store.check("22:30", &["warning gap/runaway ongoing"], &["warning runaway ongoing"]);
    for minute in &minutes {
        store.receipt("j", "ok", minute, Some("21:59"));
    }
    store.sql("UPDATE cron_run_receipts SET request_run_id = receipt_id");
    store.check("22:30", &[], &[]);
    // Receipts are kept of the last runs only.
    store.sql("DELETE FROM cron_run_receipts WHERE rowid < 10");
    store.check("22:30", &[], &[]);
}

#[test]
fn messages_that_were_given_up_count_for_their_job() {
    let store = OpenClaw::new("06:29");
    store.hourly("j", "06:00", "07:00").worked("j", &["05:00", "06:00"]);
    let entry = |number: u32, failed: &str| {
        store.sql(&format!(
            "INSERT INTO delivery_queue_entries (queue_name, id, status, session_key, last_error, entry_json, enqueued_at, updated_at, failed_at)
             VALUES ('outbound', '{number}', 'failed', 'agent:main:cron:j', 'chat not found', '{{}}', 0, 0, {})",
            ms(failed)
        ));
    };
    entry(1, "2026-03-01T06:29");
    entry(2, "04:00");
    entry(3, "05:00");
    store.check("06:30", &[], &[]);
    entry(4, "06:00");
    store.check("06:30", &["warning zero-tokens/messages-lost ongoing"], &["warning undelivered ongoing"]);
}

#[test]
fn a_clock_that_was_set_back_is_told_at_once() {
    let store = OpenClaw::new("06:29");
    let ahead = "2026-03-05T06:00";
    store.hourly("j", ahead, "2026-03-05T07:00").worked("j", &["04:00", "05:00", ahead, "06:00"]);
    store.check("06:30", &["warning gap/clock-set-back ongoing"], &["warning clock-set-back ongoing"]);
}

#[test]
fn a_heartbeat_shares_the_error_of_other_jobs() {
    let store = OpenClaw::new("06:29");
    let failing = |id: &str, error: &str| {
        let state = json!({"lastRunAtMs": ms("06:00"), "lastDurationMs": 60_000, "lastRunStatus": "error", "lastError": error,
            "consecutiveErrors": 3, "nextRunAtMs": ms("07:00")});
        let hourly = json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0});
        store.job(id, true, hourly, state, json!({"payload": {"kind": "heartbeat"}}));
        for hour in ["04:00", "05:00", "06:00"] {
            store.run(id, hour, json!({"status": "error", "error": error}));
        }
    };
    failing("a", "request failed (HTTP 400)");
    failing("b", "heartbeat failed: request failed (HTTP 400)");
    store.check("06:30", &["warning zero-tokens/job-failing ongoing"; 2], &["warning job-failing ongoing"]);
}

#[test]
fn what_every_store_has_is_required() {
    let critical = || {
        let store = OpenClaw::new("10:29");
        store.hourly("a", "05:00", "06:00").worked("a", &["03:00", "04:00", "05:00"]);
        store
    };
    assert_eq!(critical().audit("10:30", &[]).code, 2);
    for table in
        ["task_runs", "cron_run_receipts", "diagnostic_events", "state_leases", "gateway_boot_lifecycle", "cron_jobs"]
    {
        for change in [format!("DROP TABLE {table}"), format!("ALTER TABLE {table} RENAME TO other")] {
            let store = critical();
            store.sql(&change);
            let run = store.audit("10:30", &[]);
            assert_eq!(run.code, 3, "{change}: {}", run.out);
        }
    }
    let store = critical();
    store.sql("DROP TABLE delivery_queue_entries");
    assert_eq!(store.audit("10:30", &[]).code, 2, "not every version has it");
}

#[test]
fn an_overwritten_page_never_makes_a_critical_store_healthy() {
    let store = OpenClaw::new("10:29");
    for hour in 0..6 {
        store.worked("a", &[&format!("0{hour}:00")]);
    }
    store.hourly("a", "05:00", "06:00").sql("PRAGMA journal_mode=DELETE");
    crate::hostile::overwrite_pages(&store.path, "2026-03-02T10:30:00Z");
}

#[test]
fn details_that_can_not_be_read_are_no_proof_of_health() {
    for detail in ["NULL", "'{\"status\":\"ok\",\"usage\":{\"input_tok'", "''", "'[]'"] {
        let store = OpenClaw::new("10:29");
        store.hourly("a", "10:00", "11:00");
        store.worked("a", &["01:00", "02:00"]);
        for hour in 3..=9 {
            store.run("a", &format!("0{hour}:00"), json!({}));
        }
        store.run("a", "10:00", json!({}));
        store.sql(&format!("UPDATE task_runs SET detail_json = {detail} WHERE started_at >= {}", ms("03:00")));
        let run = store.audit("10:30", &[]);
        assert_eq!(
            (run.code, run.incidents()),
            (1, vec!["warning unjudged ongoing".to_owned()]),
            "{detail}: {}",
            run.out
        );
    }
    for usage in [json!({"input_tokens": "0"}), json!({"input_tokens": null, "output_tokens": null})] {
        let store = OpenClaw::new("10:29");
        store.hourly("a", "10:00", "11:00");
        store.worked("a", &["01:00", "02:00"]);
        for hour in ["06:00", "07:00", "08:00", "09:00", "10:00"] {
            store.run("a", hour, json!({"status": "ok", "usage": usage}));
        }
        assert_eq!(store.audit("10:30", &[]).code, 1, "{usage}");
    }
}

#[test]
fn a_quarantine_that_can_not_be_read_is_still_one() {
    let store = OpenClaw::new("10:29");
    store.hourly("a", "10:00", "11:00").worked("a", &["09:00", "10:00"]);
    for made in [ms("08:00"), 0] {
        store.sql(&format!(
            "INSERT OR REPLACE INTO diagnostic_events VALUES ('cron.quarantine:{STORE}', 'entry-7', '{{\"job\":{{\"id\":\"b\"', {made}, 0)"
        ));
        let run = store.audit("10:30", &[]);
        assert_eq!(run.incidents(), ["critical row-dead ongoing"], "{made}: {}", run.out);
        assert!(run.out.contains("entry-7"), "{made}: {}", run.out);
    }
}

#[test]
fn a_file_with_the_tables_of_two_schedulers_is_not_read_by_half() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.sql(include_str!("openclaw.sql"));
    let now = "2026-03-02T10:30:00Z";
    let both = history.audit(now, &[]);
    assert!(both.code == 3 && both.err.contains("with --store"), "{}", both.err);
    assert_eq!(
        (history.audit(now, &["--store", "phantom"]).code, history.audit(now, &["--store", "openclaw"]).code),
        (0, 0)
    );
}

#[test]
fn runs_that_an_upgrade_imported_once_more_are_counted_once() {
    let runs = |detail: Value| {
        let store = OpenClaw::new("10:29");
        store.hourly("a", "10:00", "11:00");
        for hour in 3..=10 {
            store.run("a", &format!("{hour:02}:00"), detail.clone());
        }
        store
    };
    let plain = runs(json!({"status": "error", "error": "boom"}));
    let upgraded = runs(json!({"status": "error", "error": "boom"}));
    upgraded.sql(
        "INSERT INTO task_runs (task_id, runtime, source_id, owner_key, task, status, delivery_status, created_at, started_at, ended_at, detail_json)
           SELECT 'cron-runlog-import:a:' || started_at || ':1', 'cron', source_id, '', '', 'failed', '', 0, started_at, ended_at + 9000, detail_json
           FROM task_runs;
         UPDATE task_runs SET detail_json = NULL WHERE task_id NOT LIKE 'cron-runlog-import:%'",
    );
    let (plain, upgraded) = (plain.audit("10:30", &[]), upgraded.audit("10:30", &[]));
    assert_eq!(upgraded.findings(), plain.findings(), "{}", upgraded.out);
    let incident = |run: &Run| {
        let mut incident = run.json()["incidents"][0].clone();
        incident.as_object_mut().unwrap().remove("database");
        incident
    };
    assert_eq!(incident(&upgraded), incident(&plain), "with its fingerprint");
    let past = runs(json!({"status": "ok", "usage": {"total_tokens": 5}}));
    past.sql(
        "INSERT INTO task_runs (task_id, runtime, source_id, owner_key, task, status, delivery_status, created_at, started_at, ended_at)
           SELECT 'cron-runlog-import:a:' || started_at || ':1', 'cron', source_id, '', '', '', '', 0, started_at, ended_at + 9000
           FROM task_runs WHERE started_at < (SELECT max(started_at) FROM task_runs)",
    );
    let run = past.audit("09:30", &[]);
    assert!(!run.out.contains("clock"), "imported rows are no clock that was set back: {}", run.out);
}

#[test]
fn a_one_shot_of_tomorrow_that_was_tried_by_hand_is_healthy() {
    let store = OpenClaw::new("10:29");
    let state = json!({"lastRunAtMs": ms("10:20"), "lastDurationMs": 60_000, "lastRunStatus": "ok",
        "nextRunAtMs": ms("2026-03-03T09:00")});
    store.job("j", true, json!({"kind": "at", "at": "2026-03-03T09:00:00Z"}), state, json!({}));
    let tries = ["10:00", "10:10", "10:20"];
    store.worked("j", &tries);
    store.check("10:30", &["critical gap/runaway ongoing"], &["critical runaway ongoing"]);
    tries.iter().for_each(|start| {
        store.receipt("j", "ok", start, Some("10:29"));
    });
    store.sql("UPDATE cron_run_receipts SET request_run_id = receipt_id");
    store.check("10:30", &[], &[]);
}

#[test]
fn an_installation_that_never_had_a_job_is_fine() {
    let store = OpenClaw::new("10:29");
    store.check("10:30", &[], &[]);
    store.worked("j", &["08:00", "09:00"]);
    store.check("10:30", &["warning past-due/nothing-watched ongoing"], &["warning nothing-watched ongoing"]);
}

#[test]
fn words_in_other_case_and_other_words_for_a_failure_are_read() {
    for word in ["failed", "timeout", "ERROR"] {
        let store = OpenClaw::new("10:29");
        let state = json!({"lastRunAtMs": ms("10:00"), "lastDurationMs": 60_000, "lastRunStatus": word,
            "consecutiveErrors": 5, "nextRunAtMs": ms("11:00")});
        store.job("a", true, json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}), state, json!({}));
        for hour in ["06:00", "07:00", "08:00", "09:00", "10:00"] {
            store.run("a", hour, json!({"status": word}));
        }
        let run = store.audit("10:30", &[]);
        assert_eq!(run.incidents(), ["warning job-failing ongoing"], "{word}: {}", run.out);
    }
    let empty = json!({"status": "OK", "usage": {"input_tokens": 0, "output_tokens": 0}});
    let store = OpenClaw::new("10:29");
    store.hourly("a", "10:00", "11:00").worked("a", &["05:00", "06:00"]);
    for hour in ["07:00", "08:00", "09:00", "10:00"] {
        store.run("a", hour, empty.clone());
    }
    store.sql("UPDATE task_runs SET runtime = 'CRON'");
    let run = store.audit("10:30", &[]);
    assert_eq!(run.code, 1, "{}", run.out);
    let store = OpenClaw::new("10:29");
    store.hourly("a", "10:00", "11:00").worked("a", &["05:00", "06:00"]);
    for hour in ["07:00", "08:00", "09:00", "10:00"] {
        store.run("a", hour, json!({"status": "perhaps"}));
    }
    assert_eq!(store.audit("10:30", &[]).incidents(), ["warning unjudged ongoing"], "an unknown word is no success");
    let with_receipts = |word: &str| {
        let store = OpenClaw::new("10:29");
        store.hourly("a", "06:00", "11:00").worked("a", &["05:00", "06:00"]);
        for hour in ["07:00", "08:00", "09:00", "10:00"] {
            store.receipt("a", word, hour, Some(hour));
        }
        store.audit("10:30", &[])
    };
    let failed = with_receipts("error");
    assert_ne!(failed.findings(), with_receipts("ok").findings());
    assert_eq!(with_receipts("Error").findings(), failed.findings());
}

#[test]
fn a_row_that_is_read_twice_is_a_damaged_database() {
    let store = OpenClaw::new("10:29");
    store.hourly("a", "10:00", "11:00");
    for minute in 0..60 {
        store.worked("a", &[&format!("09:{minute:02}")]);
    }
    store.sql("PRAGMA journal_mode=DELETE");
    let leaves: Vec<usize> = {
        let sql = "SELECT pageno FROM dbstat WHERE name = 'task_runs' AND pagetype = 'leaf' ORDER BY path";
        let mut statement = store.db.prepare(sql).unwrap();
        let pages = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        pages.map(|page| usize::try_from(page.unwrap()).unwrap()).collect()
    };
    let mut bytes = std::fs::read(&store.path).unwrap();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let (from, to) = ((leaves[0] - 1) * size, (leaves[1] - 1) * size);
    bytes.copy_within(from..from + size, to);
    std::fs::write(&store.path, bytes).unwrap();
    let run = store.audit("10:30", &[]);
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(run.out.contains("twice"), "{}", run.out);
}

#[test]
fn a_local_provider_that_is_down_is_one_incident_whatever_the_words_and_while_a_run_is_in_flight() {
    let down = |words: &str, in_flight: bool| {
        let store = OpenClaw::new("10:29");
        for (id, model) in [("a", "llama3"), ("b", "qwen")] {
            let error = words.replace("MODEL", model);
            let mut state = json!({"lastRunAtMs": ms("10:00"), "lastDurationMs": 60_000, "lastRunStatus": "skipped",
                "lastError": error, "consecutiveSkipped": 6, "nextRunAtMs": ms("11:00")});
            if in_flight && id == "a" {
                state.as_object_mut().unwrap().remove("lastError");
                store.receipt("a", "running", "10:29", None);
            }
            store.job(id, true, json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}), state, json!({}));
            for hour in 5..=10 {
                store.run(id, &format!("{hour:02}:00"), json!({"status": "skipped", "error": error}));
            }
        }
        let run = store.audit("10:30", &[]);
        assert_eq!(run.incidents().len(), 1, "{words}: {}", run.out);
        let incident = &run.json()["incidents"][0];
        let step = incident["next_step"].as_str().unwrap();
        assert!(step.starts_with("Start the local provider"), "{words}: {step}");
        (run.code, run.fingerprints())
    };
    let preflight = "This automation uses ollama/MODEL but the local provider preflight failed at http://127.0.0.1:11434. The \
        candidate is unavailable for this run. Last error: connect ECONNREFUSED 127.0.0.1:11434";
    let older = "This automation uses ollama/MODEL but the local provider is not reachable at http://127.0.0.1:11434.";
    assert_eq!(down(preflight, true), down(preflight, false));
    assert_eq!(down(older, false), down(preflight, false), "an upgrade in between");
}

#[test]
fn a_lease_that_is_older_than_the_newest_run_says_nothing() {
    let at = |lease: &str| {
        let store = OpenClaw::new(lease);
        store.hourly("a", "10:00", "11:00").worked("a", &["08:00", "09:00", "10:00"]);
        store.audit("10:30", &[]).incidents()
    };
    assert_eq!(at("07:00"), strings(&[]), "a version that keeps no lease has run since");
    assert_eq!(at("09:56"), strings(&["warning scheduler-down ongoing"]), "it died in the run");
}
