//! The store of OpenClaw.

use super::{Database, at, window};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../../tests/suite/openclaw.sql");

fn ms(time: &str) -> i64 {
    at(time).millis()
}

/// A store whose gateway renewed its lease a minute before 10:30.
fn store() -> Database {
    let mut store = Database::new("openclaw.sqlite", SCHEMA);
    store.sql(&format!(
        "INSERT INTO state_leases (scope, lease_key, owner, heartbeat_at, created_at, updated_at) VALUES
           ('gateway-owner', 'a', 'x', {}, {}, 0), ('another', 'a', 'x', {}, 5, 0)",
        ms("10:29"),
        ms("00:00"),
        ms("10:30")
    ));
    store
}

/// A job of the store `s`, made on 1 March unless its definition says otherwise.
fn job(store: &mut Database, id: &str, enabled: bool, definition: Value, state: Value) {
    let mut whole = json!({"createdAtMs": ms("2026-03-01 00:00"), "payload": {"kind": "agentTurn"}});
    for (key, value) in definition.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    store.sql(&format!(
        "INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, updated_at)
         VALUES ('s', '{id}', '{id}', {enabled}, '', '{whole}', '{state}', 0)"
    ));
}

fn hourly() -> Value {
    json!({"schedule": {"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}})
}

fn made(time: &str) -> Value {
    json!({"schedule": {"kind": "every", "everyMs": 60_000}, "createdAtMs": ms(time)})
}

fn of_kind(kind: &str) -> Value {
    json!({"schedule": {"kind": "every", "everyMs": 3_600_000}, "payload": {"kind": kind}})
}

/// A run of a job of the store `s`.
fn task(store: &mut Database, id: &str, start: &str, end: &str, detail: Value) {
    let mut detail = detail;
    detail["storeKey"] = json!("s");
    let (start, end) = (ms(start), ms(end));
    store.sql(&format!(
        "INSERT INTO task_runs (task_id, runtime, source_id, owner_key, label, task, status, delivery_status, created_at, started_at,
           ended_at, detail_json)
         VALUES ('{id}{start}', 'cron', '{id}', '', 'label of {id}', '', '', '', 0, {start}, {end}, '{detail}')"
    ));
}

fn receipt(store: &mut Database, id: &str, status: &str, start: &str, end: Option<&str>, asked: bool) {
    let (start, end) = (ms(start), end.map_or("NULL".to_owned(), |end| ms(end).to_string()));
    let asked = if asked { "'r'" } else { "NULL" };
    store.sql(&format!(
        "INSERT INTO cron_run_receipts (receipt_id, store_key, job_id, config_revision, agent_id, request_run_id, status, owner_pid,
           started_at_ms, finished_at_ms)
         VALUES ('{id}{start}', 's', '{id}', '', '', {asked}, '{status}', 1, {start}, {end})"
    ));
}

#[test]
fn every_key_of_a_job_and_of_its_state_is_read() {
    let mut store = store();
    job(
        &mut store,
        "full",
        true,
        json!({"createdAtMs": ms("2026-03-01 07:00"), "agentId": "main", "pacing": {"min": 5},
            "schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "Europe/Berlin", "staggerMs": 600_000},
            "payload": {"kind": "agentTurn", "timeoutSeconds": 1800.5}}),
        json!({"nextRunAtMs": ms("2026-03-03 08:00"), "lastRunAtMs": ms("08:00"), "lastDurationMs": 61_500.7,
            "lastRunStatus": "error", "lastStatus": "ok", "lastError": "heartbeat failed: no model\nsecond", "consecutiveErrors": 3,
            "scheduleActivatedAtMs": ms("2026-03-01 08:00"), "lastDeliveryError": "stale delivery: late",
            "lastDeliveryStatus": "not-delivered", "lastTriggerEvalAtMs": ms("09:15")}),
    );
    let interval = |more: Value| {
        let mut definition =
            json!({"schedule": {"kind": "every", "everyMs": 900_000}, "payload": {"kind": "systemEvent"}});
        for (key, value) in more.as_object().into_iter().flatten() {
            definition["schedule"][key] = value.clone();
        }
        definition
    };
    let paced = json!({"nextRunAtMs": ms("10:45"), "pacedNextRunAtMs": ms("10:45"), "lastRunAtMs": ms("10:00"),
        "lastDurationMs": -5, "lastStatus": "ok", "lastError": "stale", "lastDelivered": false, "lastDeliveryError": "refused"});
    job(&mut store, "paced", true, interval(json!({"anchorMs": ms("00:01")})), paced);
    let moved = json!({"nextRunAtMs": ms("10:46"), "pacedNextRunAtMs": ms("10:45"), "lastDelivered": false});
    job(&mut store, "not paced", true, interval(json!({})), moved);
    job(&mut store, "looked", true, interval(json!({})), json!({"lastTriggerEvalAtMs": ms("10:30")}));
    job(&mut store, "looks later", true, interval(json!({})), json!({"lastTriggerEvalAtMs": ms("10:30:01")}));
    let cut = json!({"lastRunAtMs": ms("10:00"), "lastDurationMs": 60_000, "lastRunStatus": "error",
        "lastError": "job interrupted by gateway restart"});
    job(&mut store, "cut", true, hourly(), cut);
    for (seconds, id) in [(json!(0), "endless"), (json!(90), "short"), (json!(null), "default")] {
        let mut definition = hourly();
        definition["payload"] = json!({"kind": "agentTurn", "timeoutSeconds": seconds});
        job(&mut store, id, true, definition, json!({}));
    }
    for (id, error) in [
        ("preflight", "the local provider failed at http://127.0.0.1:1."),
        ("unreachable", "Local Provider down"),
        ("network", "connect ECONNREFUSED 127.0.0.1:1"),
        ("elsewhere", "gateway not reachable"),
        ("off", "heartbeat disabled"),
        ("silent", ""),
    ] {
        let state = json!({"lastRunAtMs": ms("10:00"), "lastRunStatus": "skipped", "lastError": error,
            "lastDeliveryStatus": "not-delivered", "deliverySuppressionReason": "silent"});
        job(&mut store, id, true, hourly(), state);
    }
    let later = json!({"lastRunAtMs": ms("10:30:01"), "lastRunStatus": "ok", "nextRunAtMs": ms("11:00")});
    job(&mut store, "later", true, hourly(), later);
    let now = json!({"lastRunAtMs": ms("10:30"), "lastRunStatus": "ok"});
    job(&mut store, "just now", true, made("10:31"), now);
    job(&mut store, "not yet", true, made("10:30:01"), json!({}));
    job(&mut store, "new", true, made("10:30"), json!({}));
    store.sql(
        "UPDATE cron_jobs SET sort_order = 9, declaration_key = 'd' WHERE job_id = 'full';
         INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, updated_at, sort_order)
         SELECT 't', job_id, 'twin', 0, '', job_json, 'no JSON', 0, 8 FROM cron_jobs WHERE job_id = 'full'",
    );
    insta::assert_snapshot!(store.told(&window("10:30")));
}

#[test]
fn a_job_is_watched_unless_it_is_off_or_waits_for_an_event() {
    let mut store = store();
    let once = || json!({"schedule": {"kind": "at", "at": "2026-03-02T09:00:00"}});
    for (id, definition, word) in [
        ("done", once(), "ok"),
        ("done in ms", json!({"schedule": {"kind": "at", "at": ms("09:00")}}), "ok"),
        ("at no time", json!({"schedule": {"kind": "at", "at": "soon"}}), "ok"),
        ("failed", once(), "error"),
        ("skipped", once(), "skipped"),
        ("odd", once(), "perhaps"),
        ("off", hourly(), "ok"),
        ("exit", json!({"schedule": {"kind": "on-exit"}}), "ok"),
    ] {
        for enabled in [true, false] {
            job(&mut store, &format!("{id} {enabled}"), enabled, definition.clone(), json!({"lastRunStatus": word}));
        }
    }
    let off =
        |reason: &str| json!({"autoDisabled": {"reason": reason}, "lastRunStatus": "ok", "lastError": "bad zone"});
    job(&mut store, "by errors", false, hourly(), off("consecutive-failures"));
    job(&mut store, "by its schedule", false, hourly(), off("schedule-errors"));
    job(&mut store, "stream", true, json!({"schedule": {"kind": "stream"}}), json!({}));
    for (id, schedule) in [
        ("none", json!({})),
        ("odd kind", json!({"kind": "lunar", "expr": "full", "tz": "Mars/Base"})),
        ("no expression", json!({"kind": "cron"})),
        ("odd expression", json!({"kind": "cron", "expr": "61 * * * *", "tz": ""})),
        ("odd zone", json!({"kind": "cron", "expr": "0 * * * *", "tz": "Mars/Base"})),
        ("default stagger", json!({"kind": "cron", "expr": "0 * * * *"})),
        ("with seconds", json!({"kind": "cron", "expr": "0 0 */2 * * *"})),
        ("within the hour", json!({"kind": "cron", "expr": "0 30 * * * *"})),
        ("at no full minute", json!({"kind": "cron", "expr": "5 0 * * * *"})),
        ("of a fixed hour", json!({"kind": "cron", "expr": "0 0 4 * * *"})),
        ("at a fixed hour", json!({"kind": "cron", "expr": "0 4 * * *"})),
        ("past the hour", json!({"kind": "cron", "expr": "5 * * * *"})),
        ("least stagger", json!({"kind": "cron", "expr": "5 * * * *", "staggerMs": 2})),
        ("no interval", json!({"kind": "every", "everyMs": 0})),
        ("least interval", json!({"kind": "every", "everyMs": 1})),
    ] {
        job(&mut store, id, true, json!({"schedule": schedule}), json!({}));
    }
    store.sql("INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, updated_at) VALUES
        ('s', 'no JSON', 'n', 1, '', '{', '{', 0), ('s', 'enabled twice', 'n', 2, '', '{}', '{}', 0)");
    insta::assert_snapshot!(store.told(&window("10:30")));
}

#[test]
fn the_detail_of_a_run_says_what_it_did() {
    let mut store = store();
    job(&mut store, "turn", true, hourly(), json!({"lastRunAtMs": ms("09:57"), "lastRunStatus": "error"}));
    job(&mut store, "heartbeat", true, of_kind("heartbeat"), json!({}));
    job(&mut store, "command", true, of_kind("command"), json!({}));
    for (id, key) in [("declared", "'k'"), ("not declared", "''")] {
        job(&mut store, id, true, of_kind("command"), json!({}));
        store.sql(&format!("UPDATE cron_jobs SET declaration_key = {key} WHERE job_id = '{id}'"));
        task(&mut store, id, "10:00", "10:00", json!({"status": "skipped", "error": "quiet-hours"}));
    }
    let ok = |usage: Value| json!({"status": "ok", "usage": usage});
    for (minute, detail) in [
        json!({"status": "ok", "model": "m1", "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 20}}),
        ok(json!({"input_tokens": 50, "output_tokens": 7, "total_tokens": 20})),
        ok(json!({"cache_read_tokens": 3, "cache_write_tokens": 4})),
        ok(json!({"output_tokens": 0})),
        ok(json!({"odd": 1})),
        ok(json!({})),
        json!({"status": "ok", "summary": " Done. "}),
        json!({"status": "ok", "summary": " NO_REPLY "}),
        json!({"status": "ok", "deliveryStatus": "Delivered", "model": "m2"}),
        json!({"status": "ok", "deliveryStatus": "not-delivered", "deliveryError": "chat not found"}),
        json!({"status": "ok", "deliveryStatus": "not-delivered", "deliverySuppressionReason": "silent"}),
        json!({"status": "ok", "deliveryStatus": "unknown"}),
        json!({"status": "ok", "deliveryError": "refused"}),
        json!({"status": "skipped", "error": "no owner\nfor it"}),
        json!({"status": "perhaps"}),
        json!({}),
        json!({"status": "timeout", "error": "took too long\nreally", "usage": {"total_tokens": 5}}),
    ]
    .into_iter()
    .enumerate()
    {
        task(&mut store, "turn", &format!("09:{:02}", 3 * minute), &format!("09:{:02}", 3 * minute + 1), detail);
    }
    task(&mut store, "turn", "09:57", "09:58", json!({"status": "error", "error": "HTTP 400\nmore"}));
    for (minute, why) in [(0, Some("quiet-hours")), (1, Some("no route")), (2, None)] {
        let start = format!("10:0{minute}");
        task(&mut store, "heartbeat", &start, &start, json!({"status": "skipped", "error": why}));
    }
    task(&mut store, "command", "10:00", "10:05", ok(json!({"output_tokens": 9})));
    task(&mut store, "command", "10:29", "10:31", json!({"status": "ok"}));
    for (id, start) in [("gone", "08:00"), ("gone", "08:10"), ("gone", "08:20"), ("rare", "08:30")] {
        task(&mut store, id, start, start, json!({"status": if start == "08:10" { "error" } else { "ok" }}));
    }
    store.sql(&format!(
        "UPDATE task_runs SET source_id = 'x' WHERE source_id = 'none';
         INSERT INTO task_runs (task_id, runtime, source_id, owner_key, task, status, delivery_status, created_at, started_at, ended_at)
         VALUES ('other program', 'cli', 'turn', '', '', '', '', 0, {0}, {0}), ('in flight', 'cron', 'turn', '', '', '', '', 0, {0}, NULL),
           ('at no time', 'cron', 'turn', '', '', '', '', 0, 0, {0}), ('no detail', 'cron', 'turn', '', '', '', '', 0, {0}, {0}),
           ('too old', 'cron', 'turn', '', '', '', '', 0, 5, 6)",
        ms("09:59")
    ));
    let mut whole = window("10:30");
    insta::assert_snapshot!(store.told(&whole));
    whole.errors = false;
    assert!(!store.told(&whole).contains("chat not found") && !store.told(&whole).contains("HTTP 400"));
}

#[test]
fn receipts_show_runs_without_a_task_those_in_flight_and_those_that_were_asked_for() {
    let mut store = store();
    for id in ["a", "running", "ended", "failed"] {
        job(
            &mut store,
            id,
            true,
            hourly(),
            json!({"lastRunAtMs": ms("09:00"), "lastDurationMs": 60_000, "lastRunStatus": "ok"}),
        );
    }
    job(&mut store, "heartbeat", true, of_kind("heartbeat"), json!({}));
    task(&mut store, "a", "08:00", "08:01", json!({"status": "ok"}));
    task(&mut store, "a", "09:00", "09:01", json!({"status": "ok"}));
    for (status, start, end, asked) in [
        ("ok", "09:00:02", Some("09:02"), false),
        ("ok", "09:00:03", Some("09:03"), true),
        ("Error", "09:10", Some("09:11"), true),
        ("skipped", "09:20", Some("09:21"), true),
        ("superseded", "09:30", Some("09:31"), true),
        ("interrupted", "09:40", Some("10:11"), false),
        ("perhaps", "09:50", None, true),
        ("ok", "10:29", Some("10:40"), false),
        ("ok", "10:30", None, true),
        ("ok", "10:30:01", None, true),
    ] {
        receipt(&mut store, "a", status, start, end, asked);
    }
    receipt(&mut store, "heartbeat", "skipped", "10:00", Some("10:00:05"), false);
    receipt(&mut store, "nobody", "ok", "10:00", Some("10:01"), true);
    for (id, status) in [("running", None), ("ended", Some("ok")), ("failed", Some("error"))] {
        receipt(&mut store, id, "running", "10:00", None, false);
        if let Some(status) = status {
            task(&mut store, id, "10:00:02", "10:05", json!({"status": status}));
        }
    }
    insta::assert_snapshot!(store.told(&window("10:30")));
}

#[test]
fn boots_kills_failed_starts_and_stops_are_told_apart() {
    let boots = |store: &mut Database| {
        for (id, started, completed, outcome, reason) in [
            ("killed", "2026-02-28 00:00", None, None, None),
            (
                "failed first",
                "2026-03-01 00:00",
                Some("2026-03-01 00:01"),
                Some("startup_failed"),
                Some("an older reason"),
            ),
            ("failed last", "2026-03-01 12:00", Some("2026-03-01 12:01"), Some("startup_failed"), Some("no disk")),
            ("stopped", "00:00", Some("10:30"), Some("clean_stop"), Some("by hand")),
            ("later", "10:30:01", None, None, None),
        ] {
            let text = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
            let completed = completed.map_or("NULL".to_owned(), |time| ms(time).to_string());
            store.sql(&format!(
                "INSERT INTO gateway_boot_lifecycle (boot_id, pid, started_at_ms, completed_at_ms, outcome, reason)
                 VALUES ('{id}', 1, {}, {completed}, {}, {})",
                ms(started),
                text(outcome),
                text(reason)
            ));
        }
    };
    let mut leased = store();
    boots(&mut leased);
    insta::assert_snapshot!("boots_beside_a_lease", leased.told(&window("10:30")));
    leased.sql("DELETE FROM state_leases");
    insta::assert_snapshot!("boots_without_a_lease", leased.told(&window("10:30")));
    insta::assert_snapshot!("boots_before_the_stop", leased.told(&window("10:29")));
    // A run that began more than a lease's term after the stop.
    for (minute, is_known) in [("10:35", true), ("10:35:01", false)] {
        let mut run_since = store();
        boots(&mut run_since);
        run_since.sql("DELETE FROM state_leases; DELETE FROM gateway_boot_lifecycle WHERE boot_id = 'later'");
        job(&mut run_since, "a", true, hourly(), json!({}));
        task(&mut run_since, "a", minute, "10:36", json!({"status": "ok"}));
        assert_eq!(run_since.told(&window("10:40")).contains("lease: Stopped"), is_known, "{minute}");
    }
}

#[test]
fn what_was_taken_out_or_given_up_is_told() {
    let mut store = store();
    for id in ["kept", "made again"] {
        job(&mut store, id, true, hourly(), json!({"lastDeliveryError": "old"}));
    }
    let entry = |id: &str| {
        json!({"reason": "invalid-schedule", "job": {"id": id, "name": format!("name of {id}"), "createdAtMs": ms("08:00"),
            "schedule": {"kind": "every", "everyMs": "10m"}}, "state": {"lastRunAtMs": ms("09:00"), "lastRunStatus": "ok"}})
        .to_string()
    };
    for (scope, key, payload, time) in [
        ("cron.quarantine:s", "k1", entry("gone"), ms("10:30")),
        ("cron.quarantine:s", "k2", entry("made again"), ms("10:00")),
        ("cron.quarantine:t", "k3", entry("made again"), ms("10:00")),
        ("cron.quarantine:s", "k4", entry("later"), ms("10:30:01")),
        ("cron.quarantine:s", "k5", "{".to_owned(), 0),
        ("cron.quarantine:s", "k6", json!({"raw": {"jobId": "raw"}}).to_string(), ms("10:00")),
        ("cron.other:s", "k7", entry("other"), ms("10:00")),
    ] {
        store.sql(&format!(
            "INSERT INTO diagnostic_events (scope, event_key, payload_json, created_at) VALUES ('{scope}', '{key}', '{payload}', {time})"
        ));
    }
    for (id, key, status, error, updated, failed) in [
        ("1", "agent:main:cron:kept", "failed", "'chat not found'", ms("2026-03-01 10:30"), "NULL".to_owned()),
        ("2", "agent:main:cron:kept:run:5", "queued", "NULL", 0, ms("10:30").to_string()),
        ("3", "agent:main:cron:kept", "queued", "'not given up'", ms("10:00"), "NULL".to_owned()),
        ("4", "agent:main:cron:kept", "failed", "'too old'", 0, (ms("2026-03-01 10:30") - 1).to_string()),
        ("5", "agent:main:cron:kept", "failed", "'too new'", 0, (ms("10:30") + 1).to_string()),
        ("6", "agent:main:chat", "failed", "'of nobody'", ms("10:00"), "NULL".to_owned()),
    ] {
        store.sql(&format!(
            "INSERT INTO delivery_queue_entries (queue_name, id, status, session_key, last_error, entry_json, enqueued_at, updated_at, failed_at)
             VALUES ('q', '{id}', '{status}', '{key}', {error}, '', 0, {updated}, {failed})"
        ));
    }
    insta::assert_snapshot!(store.told(&window("10:30")));
}

#[test]
fn a_run_that_two_records_know_is_one_and_a_clock_that_was_set_back_is_told() {
    let mut store = store();
    job(
        &mut store,
        "a",
        true,
        hourly(),
        json!({"lastRunAtMs": ms("12:00"), "lastRunStatus": "ok", "nextRunAtMs": ms("13:00")}),
    );
    let looked = json!({"lastTriggerEvalAtMs": ms("10:01"), "lastRunAtMs": ms("08:00"), "lastRunStatus": "ok"});
    job(&mut store, "watcher", true, hourly(), looked);
    task(&mut store, "watcher", "09:00", "09:01", json!({"status": "ok", "usage": {"total_tokens": 5}}));
    task(&mut store, "a", "08:00", "08:01", json!({"status": "ok"}));
    task(&mut store, "a", "12:00", "12:01", json!({"status": "ok"}));
    store.sql(
        "INSERT INTO task_runs (task_id, runtime, source_id, owner_key, task, status, delivery_status, created_at, started_at, ended_at)
         SELECT 'cron-runlog-import:' || started_at, runtime, source_id, '', '', '', '', 0, started_at, ended_at + 9000 FROM task_runs",
    );
    insta::assert_snapshot!("imported_runs", store.told(&window("10:30")));
    task(&mut store, "a", "10:30", "10:30", json!({"status": "ok"}));
    insta::assert_snapshot!("imported_runs_and_a_clock_that_was_set_back", store.told(&window("10:30")));
}

#[test]
fn all_pieces_of_a_long_history_are_read_once() {
    let mut store = store();
    job(&mut store, "a", true, hourly(), json!({"lastRunAtMs": ms("10:00"), "lastRunStatus": "ok"}));
    store.sql(&format!(
        "WITH run (back) AS (SELECT 11999 UNION ALL SELECT back - 1 FROM run WHERE back > 0)
         INSERT INTO task_runs (task_id, runtime, source_id, owner_key, task, status, delivery_status, created_at, started_at, ended_at)
         SELECT back, 'cron', 'a', '', '', '', '', 0, {0} - back * 60000, {0} - back * 60000 FROM run",
        ms("10:00")
    ));
    let mut wide = window("10:30");
    wide.back = 30 * crate::time::DAY;
    let snapshot = super::read(&store.path, &wide, &[]);
    let fires = &snapshot.jobs[0].fires;
    assert_eq!(
        (fires.len(), fires[0].end, fires[11_999].end),
        (12_000, at("10:00").plus(-11_999 * 60_000), at("10:00"))
    );
    assert!(fires.windows(2).all(|pair| pair[1].end.since(pair[0].end) == 60_000));
    let in_window = |back| super::read(&store.path, &crate::stores::Window { back, ..wide }, &[]).jobs[0].fires.len();
    assert_eq!(in_window(crate::time::DAY), 2 * 24 * 60 + 1, "and a day more than was asked for");
}

#[test]
fn jobs_without_a_row_are_told_apart_up_to_a_number() {
    let mut store = store();
    store.sql(&format!(
        "WITH run (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM run WHERE number < 30002)
         INSERT INTO task_runs (task_id, runtime, source_id, owner_key, task, status, delivery_status, created_at, started_at, ended_at)
         SELECT number, 'cron', number % 10001, '', '', '', '', 0, {0} + number * 1000, {0} + number * 1000 FROM run",
        ms("00:00")
    ));
    let snapshot = super::read(&store.path, &window("10:30"), &[]);
    assert_eq!((snapshot.jobs.len(), snapshot.other_fires.len()), (10_000, 0));
}
