//! The store of the agent phantom.

use super::{Database, at, window};

const SCHEMA: &str = include_str!("../../../tests/suite/schema.sql");

#[test]
fn every_column_of_a_row_and_of_its_events_is_read() {
    let mut store = Database::new("phantom.db", SCHEMA);
    store.sql(
        r#"INSERT INTO scheduled_jobs (id, name, enabled, schedule_kind, schedule_value, status, last_run_at, last_run_status,
             last_run_duration_ms, last_run_error, next_run_at, consecutive_errors, created_at, updated_at, last_delivery_status)
           VALUES
             ('full', 'Full name', 1, 'cron', '{"expr":"0 9 * * *","tz":"Europe/Berlin"}', 'active', '2026-03-02T08:00:00.500Z',
              'error', 61500, 'HTTP 400: no model' || char(10) || 'second line', '2026-03-03T08:00:00.000Z', 3,
              '2026-03-01 07:06:05', '2026-03-02 08:01:02', 'error:chat not found'),
             ('interval', NULL, 1, 'every', '{"intervalMs":600000}', 'failed', '2026-03-02 10:00:00', 'ok', -5, 'stale',
              'soon', -2, '2026-03-01 00:00:00', '2026-03-02 10:00:01', 'skipped:channel_none'),
             ('once', 'o', 1, 'at', '{"at":"2026-03-02T11:00:00"}', 'failed', NULL, NULL, NULL, NULL, NULL, NULL,
              '2026-03-01 00:00:00', NULL, 'dropped:late'),
             ('dated', 'd', 1, 'at', '{"at":"2026-03-02T11:00:00+01:00"}', 'completed', NULL, 'ok', NULL, NULL, NULL, 0,
              NULL, NULL, 'dropped'),
             ('worded', 'w', 1, 'at', '{"at":"next week"}', 'paused', NULL, 'ok', NULL, NULL, '', 0, NULL, NULL, 'delivered'),
             ('cut to the second', 'c', 1, 'every', '{"intervalMs":60000}', 'active', '2026-03-02 10:11:01.500', 'ok', 500, NULL, NULL, 0,
              NULL, NULL, NULL),
             ('later than its event', 'l', 1, 'every', '{"intervalMs":60000}', 'active', '2026-03-02 10:11:01.500', 'ok', 501, NULL, NULL,
              0, NULL, NULL, NULL);
           INSERT INTO cost_events (session_key, cost_usd, input_tokens, output_tokens, model, created_at) VALUES
             ('scheduler:sched:full', 0.5, 100, 7, 'm1', '2026-03-01 08:01:00'),
             ('scheduler:sched:interval', 0.25, 40, 2, 'm2', '2026-03-01 08:01:30'),
             ('scheduler:sched:full', NULL, 30, 0, NULL, '2026-03-02 08:01:01'),
             ('scheduler:sched:interval', 1, NULL, 9, 'm1', '2026-03-02 09:30:00'),
             ('scheduler:sched:interval', 1, 9, NULL, 'm1', '2026-03-02 09:40:00'),
             ('scheduler:sched:interval', 1, -1, 5, 'm1', '2026-03-02 09:50:00'),
             ('scheduler:sched:full', 1, 1, 1, 'm1', 'someday'),
             ('scheduler:sched:cut to the second', 0, 1, 1, 'm1', '2026-03-02 10:11:00'),
             ('scheduler:sched:later than its event', 0, 1, 1, 'm1', '2026-03-02 10:11:00'),
             ('channel:c', 2, 5, 5, 'm3', '2026-03-02 10:12:00')"#,
    );
    insta::assert_snapshot!(store.told(&window("10:30")));
}

#[test]
fn a_row_is_watched_only_if_the_scheduler_would_pick_it() {
    let mut store = Database::new("phantom.db", SCHEMA);
    let mut row = |id: &str, enabled: &str, status: &str, schedule: &str, made: &str| {
        store.sql(&format!(
            "INSERT INTO scheduled_jobs (id, name, enabled, status, schedule_kind, schedule_value, created_at, updated_at)
             VALUES ('{id}', '{id}', {enabled}, {status}, {schedule}, '2026-03-0{made}', NULL)"
        ));
    };
    let hourly = r#"'cron', '{"expr":"0 * * * *","tz":""}'"#;
    row("off", "0", "'active'", hourly, "1");
    row("off as text", "'0.0'", "'active'", hourly, "1");
    row("breaker", "1", "'failed'", hourly, "1");
    row("odd status", "1", "'ACTIVE'", hourly, "1");
    row("no status", "1", "NULL", hourly, "1");
    row("odd switch", "2", "'active'", hourly, "1");
    row("no switch", "NULL", "'failed'", hourly, "1");
    row("of tomorrow", "1", "'active'", hourly, "3");
    for (id, schedule) in [
        ("no kind", "NULL, NULL"),
        ("odd kind", "'lunar', '{}'"),
        ("no JSON", "'cron', '{'"),
        ("odd zone", r#"'cron', '{"expr":"0 9 * * *","tz":7}'"#),
        ("no such zone", r#"'cron', '{"expr":"0 9 * * *","tz":"Mars/Base"}'"#),
        ("no expression", "'cron', '{}'"),
        ("no interval", "'every', '{}'"),
        ("odd interval", r#"'every', '{"intervalMs":"5"}'"#),
        ("too short", r#"'every', '{"intervalMs":0.9}'"#),
        ("shortest", r#"'every', '{"intervalMs":1}'"#),
        ("longest", r#"'every', '{"intervalMs":8640000000000000}'"#),
        ("too long", r#"'every', '{"intervalMs":8640000000000001}'"#),
        ("no time", "'at', '{}'"),
    ] {
        row(id, "1", "'active'", schedule, "1");
    }
    insta::assert_snapshot!(store.told(&window("10:30")));
}

#[test]
fn sessions_and_the_audit_log_show_runs_in_flight_and_what_people_did() {
    let mut store = Database::new("phantom.db", SCHEMA);
    store.sql(
        r#"INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, last_run_status, last_run_duration_ms,
             created_at, updated_at)
           SELECT value, value, 'cron', '{"expr":"0 * * * *"}', '2026-03-02 10:00:00', 'ok', 60000, '2026-03-01', '2026-03-02 10:01:00'
           FROM json_each('["ended", "open", "just open", "early", "overtaken"]');
           UPDATE scheduled_jobs SET last_run_at = '2026-03-02 09:00:00' WHERE id IN ('early', 'overtaken');
           UPDATE scheduled_jobs SET created_at = '2028-01-01' WHERE id = 'open';
           UPDATE scheduled_jobs SET updated_at = '2028-01-01' WHERE id = 'just open';
           INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at) VALUES
             ('scheduler:sched:gone', 1, 1, '2026-03-02 08:31:00'), ('scheduler:sched:gone', 1, 1, '2026-03-02 08:41:00'),
             ('scheduler:sched:gone', 1, 1, '2026-03-02 08:51:00'), ('scheduler:sched:deleted', 1, 1, '2026-03-02 08:52:00'),
             ('scheduler:sched:deleted', 1, 1, '2026-03-02 08:53:00'), ('scheduler:sched:deleted', 1, 1, '2026-03-02 08:54:00'),
             ('scheduler:sched:rare', 1, 1, '2026-03-02 08:55:00'), ('scheduler:sched:rare', 1, 1, '2026-03-02 08:56:00'),
             ('scheduler:sched:ended', 1, 1, '2026-03-02 10:01:00'), ('scheduler:sched:open', 1, 1, '2026-03-02 10:01:00'),
             ('scheduler:sched:' || hex(zeroblob(1050)), 1, 1, '2026-03-02 10:01:00'),
             ('scheduler:sched:' || hex(zeroblob(1050)), 1, 1, '2026-03-02 10:01:00'),
             ('scheduler:sched:' || hex(zeroblob(1050)), 1, 1, '2026-03-02 10:01:00');
           INSERT INTO sessions (session_key, last_active_at) VALUES
             ('scheduler:sched:ended', '2026-03-02 10:01:02'), ('scheduler:sched:open', '2026-03-02 10:20:00'),
             ('scheduler:sched:unknown', '2026-03-02 10:19:59'), ('scheduler:sched:later', '2026-03-02 10:30:01'),
             ('channel:a', '2026-03-02 09:00:00'), ('channel:b', '2026-03-02 10:30:01'), ('channel:c', 'soon'),
             ('channel:d', '2028-01-01'), ('channel:e', '2028-01-02'), ('channel:now', '2026-03-02 10:30:00'),
             ('scheduler:sched:early', '2026-03-02 10:00:58'), ('scheduler:sched:overtaken', '2026-03-02 10:00:57'),
             ('scheduler:sched:settling', '2026-03-02 10:01:03'), ('scheduler:sched:now', '2026-03-02 10:30:00');
           INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES
             ('ended', 'resume', '2026-03-02 07:02:00'), ('ended', 'pause', '2026-03-02 07:01:00'),
             ('ended', 'run', '2026-03-02 10:00:00'), ('ended', 'run', '2026-03-02 07:03:00'),
             ('ended', 'edit', '2026-03-02 07:04:00'), ('deleted', 'delete', '2026-03-02 08:57:00'),
             ('open', 'pause', '2026-03-02 10:30:01'), ('open', 'resume', '2026-03-02 10:30:00'), ('nobody', 'pause', '2026-03-02 10:10:00')"#,
    );
    insta::assert_snapshot!(store.told(&window("10:30")));
}

#[test]
fn rows_that_were_written_after_the_audit_say_nothing_about_it_unless_the_clock_was_set_back() {
    let mut store = Database::new("phantom.db", SCHEMA);
    store.sql(
        r#"INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, status, last_run_at, last_run_status, next_run_at,
             consecutive_errors, created_at, updated_at, last_delivery_status)
           SELECT value, value, 'cron', '{"expr":"0 * * * *"}', 'failed', '2026-03-02 11:00:00', 'error', '2026-03-02 12:00:00',
             7, '2026-03-02 10:45:00', '2026-03-02 11:01:00', 'error:x'
           FROM json_each('["later", "touched"]');
           UPDATE scheduled_jobs SET last_run_at = '2026-03-02 10:00:00', created_at = '2026-03-01' WHERE id = 'touched';
           INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at) VALUES
             ('scheduler:sched:touched', 1, 1, '2026-03-02 09:01:00'), ('scheduler:sched:touched', 1, 1, '2026-03-02 10:01:00'),
             ('scheduler:sched:touched', 1, 1, '2026-03-02 11:01:00');
           INSERT INTO sessions (session_key, last_active_at) VALUES ('scheduler:sched:touched', '2026-03-02 11:00:30')"#,
    );
    insta::assert_snapshot!("rows_of_later", store.told(&window("10:30")));
    store.sql(
        "INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at) VALUES
           ('scheduler:sched:touched', 1, 1, '2026-03-02 10:25:00'), ('scheduler:sched:touched', 1, 1, '2026-03-02 10:21:00')",
    );
    insta::assert_snapshot!("rows_of_later_by_a_clock_that_was_set_back", store.told(&window("10:30")));
}

/// A store with a job that ran each minute up to ten o'clock, for so many minutes.
fn busy(minutes: i64) -> Database {
    let mut store = Database::new("phantom.db", SCHEMA);
    store.sql(&format!(
        r#"INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, last_run_at, last_run_status, last_run_duration_ms,
             created_at, updated_at)
           VALUES ('busy', 'b', 'cron', '{{"expr":"* * * * *"}}', '2026-03-02 10:00:00', 'ok', 0, '2026-01-01', '2026-03-02 10:00:00');
           WITH minute (back) AS (SELECT {minutes} - 1 UNION ALL SELECT back - 1 FROM minute WHERE back > 0)
           INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
           SELECT 'scheduler:sched:busy', 1, 1, datetime('2026-03-02 10:00:00', '-' || back || ' minutes') FROM minute"#
    ));
    store
}

#[test]
fn what_jobs_did_before_the_window_is_looked_up() {
    let mut store = busy(80_000);
    // Their runs, each in place of one of the busy job; `-` before its day for one that used nothing.
    let jobs = [
        ("streak", "0 0 * * *", 0, &["02-06", "02-07", "-02-08", "-02-09", "-02-10"][..]),
        ("failed", "0 0 * * *", 4, &["02-04", "02-05", "02-06", "-02-07", "-02-08", "-02-09"]),
        ("never worked", "0 0 * * *", 0, &["-01-08", "-02-08", "-02-11"]),
        ("gap", "0 0 * * *", 0, &["02-19", "02-20", "03-01"]),
        ("streak in the window", "0 0 * * *", 0, &["02-17", "02-18", "-02-21", "-02-27", "-02-28"]),
        ("rare", "0 0 1 * *", 0, &["02-01", "02-25"]),
        ("due as it begins", "0 10 22 * *", 0, &["02-16"]),
        ("due before it begins", "59 9 22 * *", 0, &["02-15"]),
        ("paused", "0 0 * * *", 0, &["-02-12", "-02-13"]),
    ];
    let mut changes = String::new();
    // Each job has a minute of its own after midnight.
    for (minute, (id, schedule, errors, days)) in jobs.into_iter().enumerate() {
        let at = |day: &str| format!("2026-{} 00:{minute:02}:00", day.trim_start_matches('-'));
        let newest = at(days.last().unwrap_or(&""));
        let status = if id == "paused" { "paused" } else { "active" };
        changes += &format!(
            r#"INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, status, last_run_at, last_run_status,
                 last_run_duration_ms, consecutive_errors, created_at, updated_at)
               VALUES ('{id}', '{id}', 'cron', '{{"expr":"{schedule}"}}', '{status}', '{newest}', 'ok', 0, {errors}, '2026-01-01',
                 '{newest}');"#
        );
        for day in days {
            let tokens = i64::from(!day.starts_with('-'));
            changes += &format!(
                "UPDATE cost_events SET session_key = 'scheduler:sched:{id}', output_tokens = {tokens}, input_tokens = {tokens}
                 WHERE created_at = '{}';",
                at(day)
            );
        }
    }
    store.sql(&changes);
    let window = window("10:30");
    let mut snapshot = super::read(&store.path, &window, &[]);
    let busy = std::mem::take(&mut snapshot.jobs[0].fires);
    assert_eq!(snapshot.window_start, Some(at("2026-02-22 10:00")), "a day more than was asked for");
    assert_eq!(busy.first().map(|fire| fire.end), snapshot.window_start);
    let in_place_of_it = 4;
    let runs = (busy.len(), busy.last().map(|fire| fire.end));
    assert_eq!(runs, (8 * 24 * 60 + 1 - in_place_of_it, Some(at("10:00"))));
    assert!(busy.windows(2).all(|pair| pair[0].end < pair[1].end));
    insta::assert_snapshot!(super::told(&snapshot));
}

#[test]
fn jobs_without_a_row_are_told_apart_up_to_a_number() {
    let mut store = Database::new("phantom.db", SCHEMA);
    store.sql(
        "WITH run (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM run WHERE number < 30002)
         INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
         SELECT 'scheduler:sched:' || (number % 10001), 1, 1, datetime('2026-03-02 00:00:00', '+' || number || ' seconds') FROM run",
    );
    let snapshot = super::read(&store.path, &window("10:30"), &[]);
    assert_eq!((snapshot.jobs.len(), snapshot.other_fires.len()), (10_000, 3));
}

#[test]
fn an_id_that_occurs_twice_is_noted_where_nothing_keeps_it_from_that() {
    let mut store = Database::new("phantom.db", &SCHEMA.replacen("id TEXT PRIMARY KEY", "id TEXT", 1));
    store.sql(
        r#"INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, created_at, updated_at)
           SELECT value, value, 'every', '{"intervalMs":60000}', '2026-03-01', NULL
           FROM json_each('["twice", "twice", "", "", null, null]');
           INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
           VALUES ('scheduler:sched:twice', 1, 1, '2026-03-02 10:00:00')"#,
    );
    insta::assert_snapshot!(store.told(&window("10:30")));
}
