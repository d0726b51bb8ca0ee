//! What each format makes of a fleet with troubles of many kinds: exact.

use crate::openclaw::{OpenClaw, ms};
use crate::{HOURLY, History, Run, command, run};
use serde_json::json;

const NOW: &str = "2026-03-02T12:30:00Z";

/// An hourly job that ran last at this hour of 2 March, failing since nine if there is an error.
fn hourly(history: &History, id: &str, last: u32, error: Option<&str>) {
    let (start, next) = (format!("2026-03-02T{last:02}:00:00.000Z"), "2026-03-02T13:00:00.000Z");
    history.job(id, "cron", HOURLY, Some(&start), Some(next));
    for hour in 5..=last {
        let sign = if error.is_some() && hour >= 9 { "?" } else { "" };
        history.fires(id, &[&format!("{sign}2026-03-02 {hour:02}:01:00")]);
    }
    if let Some(error) = error {
        let sql = "UPDATE scheduled_jobs SET last_run_status = 'error', last_run_error = ?2, consecutive_errors = 4 WHERE id = ?1";
        history.db.execute(sql, (id, error)).unwrap();
    }
}

/// Numbers the events in the order of their times, as their scheduler would have.
fn in_order(history: &History) {
    history.sql(
        "CREATE TEMP TABLE events AS SELECT * FROM cost_events ORDER BY created_at; DELETE FROM cost_events;
         UPDATE events SET id = NULL; INSERT INTO cost_events SELECT * FROM events; DROP TABLE events",
    );
}

/// A fleet of which nearly every job has a trouble of its own.
fn fleet() -> History {
    let history = History::named("fleet.db");
    for (id, error) in [
        ("a-name-that-is-longer-than-the-column-of-names-can-ever-be", "HTTP 400: model not found"),
        ("日本語の毎日の報告", "EACCES: permission denied, open '/srv/out.txt'"),
        ("one", "TypeError: undefined is not a function, which is a long line that no narrow terminal has room for"),
        ("two", "ENOSPC: no space left"),
        ("three", "assertion failed"),
        ("four", "unexpected token"),
        ("five", "bad gateway"),
        ("six", "quota exceeded"),
        ("seven", "segmentation fault"),
        ("eight", "invalid argument"),
        ("nine", "not implemented"),
    ] {
        hourly(&history, id, 12, Some(error));
    }
    hourly(&history, "fine", 12, None);
    hourly(&history, "silent", 8, None);
    hourly(&history, "empty", 12, None);
    hourly(&history, "stopped", 7, Some("HTTP 401"));
    history.sql(
        r#"UPDATE cost_events SET cost_usd = 1.5, input_tokens = 40000 WHERE session_key LIKE '%fine';
           UPDATE cost_events SET input_tokens = 0, output_tokens = 0
             WHERE session_key LIKE '%empty' AND created_at > '2026-03-02 09:00';
           UPDATE scheduled_jobs SET status = 'failed', next_run_at = NULL, consecutive_errors = 10 WHERE id = 'stopped';
           UPDATE scheduled_jobs SET next_run_at = '2026-03-02T09:00:00.000Z' WHERE id = 'silent';
           UPDATE scheduled_jobs SET schedule_value = '{' WHERE id = 'nine'"#,
    );
    let monthly = r#"{"expr":"0 4 28 * *"}"#;
    for id in ["m1", "m2", "m3", "m4", "m5", "m6", "m7"] {
        history.job(id, "cron", monthly, Some("2026-02-28T04:00:00.000Z"), Some("2026-03-28T04:00:00.000Z"));
        history.fires(
            id,
            &["-2026-02-27 01:01:00", "-2026-02-27 02:01:00", "-2026-02-27 03:01:00", "2026-02-28 04:01:00"],
        );
    }
    for (id, change) in [
        ("paused", "status = 'paused'"),
        ("off", "enabled = 0"),
        ("done", "status = 'completed', next_run_at = NULL"),
        ("to come", "created_at = '2026-03-02 12:31:00', updated_at = '2026-03-02 12:31:00'"),
        ("never", "last_run_at = NULL, created_at = '2026-03-02 12:00:00', updated_at = '2026-03-02 12:00:00'"),
        ("last year", "last_run_at = '2025-12-31T04:00:00.000Z', schedule_value = '{\"expr\":\"0 4 31 12 *\"}'"),
    ] {
        history.job(id, "cron", monthly, Some("2026-02-28T04:00:00.000Z"), Some("2026-12-31T04:00:00.000Z"));
        history.sql(&format!("UPDATE scheduled_jobs SET {change} WHERE id = '{id}'"));
    }
    in_order(&history);
    history
}

fn audit(history: &History, columns: u16, arguments: &[&str]) -> String {
    let mut call = command();
    call.current_dir(history.directory.path()).env("COLUMNS", columns.to_string());
    call.args(["--timezone", "UTC", "--process", "ignore", "--now", NOW]).args(arguments).arg("fleet.db");
    Run::from(call.output().unwrap()).out
}

#[test]
fn a_table_fits_into_every_width() {
    let history = fleet();
    for columns in [44, 60, 100] {
        insta::assert_snapshot!(format!("fleet_at_{columns}"), audit(&history, columns, &[]));
    }
    for columns in [44, 80, 130] {
        insta::assert_snapshot!(format!("fleet_with_all_at_{columns}"), audit(&history, columns, &["--all"]));
    }
}

#[test]
fn what_each_incident_shows_of_its_jobs_fits_into_every_width() {
    for columns in [44, 66, 110] {
        let screen = |(now, name): (&str, &str)| {
            let mut call = command();
            call.env("COLUMNS", columns.to_string()).args(["--timezone", "UTC", "--process", "ignore", "--now", now]);
            Run::from(call.arg(format!("fixtures/{name}.db")).output().unwrap()).out
        };
        let screens = [
            ("2026-06-13T22:00:30Z", "corpus/l-fleet-bad-model--12h"),
            ("2026-03-11T20:00:00Z", "corpus/c1-executing-stuck-chat-alive--1-6h"),
            ("2026-03-12T00:06:00Z", "corpus/d1-killed-idle--1-dead-10h"),
            ("2026-03-12T02:06:00Z", "corpus/d1-killed-idle--4-restart-plus-2h"),
            ("2026-03-12T12:00:10Z", "corpus/e-errors"),
            ("2026-04-04T16:31:09Z", "delivery"),
            ("2026-04-30T12:05:00Z", "revived"),
        ];
        insta::assert_snapshot!(format!("incidents_at_{columns}"), screens.map(screen).join("\n"));
    }
}

#[test]
fn what_is_worth_knowing_of_a_database_is_told() {
    let databases = [
        ("2026-03-06T17:06:30.000Z", "a-healthy--midrun"),
        ("2026-04-29T08:30:00.000Z", "b2-breaker--0-streak"),
        ("2026-03-11T14:20:00.000Z", "c3-timeout-240min-recovers--0-20min"),
        ("2026-03-11T20:00:00.000Z", "c3-timeout-240min-recovers--2-6h-recovered"),
        ("2026-03-09T12:01:00.000Z", "f-pause-edit-delete--resumed"),
        ("2026-03-04T05:20:00.000Z", "g-long-runs--daily-midrun"),
        ("2026-03-03T01:10:00.000Z", "g-long-runs--hourly-midrun"),
        ("2026-11-04T20:10:00.000Z", "j1-host-tz-new-york"),
    ];
    let screen = |(now, name): (&str, &str)| {
        let mut call = command();
        call.env("COLUMNS", "66").args(["--process", "ignore", "--now", now]);
        Run::from(call.arg(format!("fixtures/corpus/{name}.db")).output().unwrap()).out
    };
    insta::assert_snapshot!("corpus_at_66", databases.map(screen).join("\n"));
}

/// The screen of a history at half past twelve.
fn screen_at(history: &History, columns: u16) -> String {
    in_order(history);
    audit(history, columns, &[])
}

#[test]
fn jobs_that_lost_a_run_each_are_shown_with_when() {
    let history = History::named("fleet.db");
    ["a", "b", "c"].iter().for_each(|id| hourly(&history, id, 12, None));
    for (id, hour, next) in [("x", 8, "02T08"), ("y", 9, "02T09"), ("z", 10, "02T10")] {
        let schedule = format!(r#"{{"expr":"0 {hour} * * *"}}"#);
        let last = format!("2026-03-01T{hour:02}:00:00.000Z");
        history.job(id, "cron", &schedule, Some(&last), Some(&format!("2026-03-{next}:00:00.000Z")));
        for day in ["02-26", "02-27", "02-28", "03-01"] {
            history.fires(id, &[&format!("2026-{day} {hour:02}:01:00")]);
        }
        history.sql("UPDATE scheduled_jobs SET created_at = '2026-02-01 00:00:00'");
    }
    insta::assert_snapshot!("single_runs_lost", screen_at(&history, 80) + "\n" + &screen_at(&history, 44));
}

#[test]
fn messages_that_do_not_arrive_are_counted_by_job() {
    let history = History::named("fleet.db");
    ["a", "b", "fine"].iter().for_each(|id| hourly(&history, id, 12, None));
    history.sql("UPDATE scheduled_jobs SET last_delivery_status = 'error:chat not found' WHERE id <> 'fine'");
    insta::assert_snapshot!("messages_lost", screen_at(&history, 80));
}

#[test]
fn of_many_commands_the_first_six_are_shown_and_of_many_jobs_when_they_were_stopped() {
    let stopped = |jobs: usize| {
        let store = OpenClaw::new("10:29");
        store.hourly("fine", "10:00", "11:00").worked("fine", &["08:00", "09:00", "10:00"]);
        for number in 0..jobs {
            let id = format!("stopped-{number}");
            let state = json!({"lastRunAtMs": ms("05:00"), "lastDurationMs": 60_000, "lastRunStatus": "error",
                "lastError": "no such tool", "consecutiveErrors": 10, "autoDisabled": {"reason": "errors"}});
            store.job(&id, false, json!({"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}), state, json!({}));
            for hour in ["02:00", "03:00", "04:00", "05:00"] {
                store.run(&id, hour, json!({"status": "error", "error": "no such tool"}));
            }
        }
        let table = store.table("10:30");
        table.lines().filter(|line| !line.contains("openclaw.sqlite")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!("stopped_jobs", [1, 2, 6, 7, 9].map(stopped).join("\n\n"));
}

#[test]
fn several_databases_are_counted_by_how_bad_they_are() {
    let place = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (fixture, copies) in [("healthy", 7), ("corpus/d1-killed-idle--1-dead-10h", 2)] {
        for copy in 0..copies {
            let name = format!("{}-{copy}.db", if fixture == "healthy" { "healthy" } else { "dead" });
            std::fs::copy(format!("fixtures/{fixture}.db"), place.path().join(&name)).unwrap();
            paths.push(name);
        }
    }
    for name in ["odd-0.db", "odd-1.db"] {
        let history = History::named(name);
        history.job("j", "cron", HOURLY, Some("2026-03-12T00:00:00.000Z"), Some("2026-03-12T01:00:00.000Z"));
        history.fires("j", &["2026-03-12 00:01:00"]).sql("UPDATE scheduled_jobs SET status = 'odd'");
        std::fs::copy(&history.path, place.path().join(name)).unwrap();
        paths.push(name.to_owned());
    }
    paths.push("absent.db".to_owned());
    let told = |format: &str, paths: &[String]| {
        let mut call = command();
        call.current_dir(place.path()).env("COLUMNS", "80").args(["--timezone", "UTC", "--process", "ignore"]);
        call.args(["--now", "2026-03-12T00:13:20Z", "-f", format]).args(paths);
        Run::from(call.output().unwrap()).out
    };
    insta::assert_snapshot!(
        "several_databases",
        told("table", &paths) + "\n" + &told("table", &[paths[6].clone(), paths[9].clone()])
    );
    let title = told("html", &paths);
    assert!(title.contains("12 databases: 2 critical, 1 could not audit, 2 warning, 7 ok"), "{}", &title[..600]);
}

#[test]
fn the_history_of_a_job_fits_into_every_width() {
    let history = fleet();
    for columns in [44, 79, 80] {
        let of = |job: &str| audit(&history, columns, &["--history", "--job", job]);
        let screens = ["one", "fine", "empty", "silent"].map(of).join("\n");
        insta::assert_snapshot!(format!("histories_at_{columns}"), screens);
    }
}

/// A screen of 80 columns with jobs that fail by these errors, beside so many that are fine: its lines, and the incidents that
/// are in full.
fn screen_of(errors: &[String], fine: usize, arguments: &[&str]) -> (usize, usize) {
    let history = History::named("fleet.db");
    for (number, error) in errors.iter().enumerate() {
        hourly(&history, &format!("job-{number}"), 12, Some(error));
    }
    (0..fine).for_each(|number| hourly(&history, &format!("fine-{number}"), 12, None));
    in_order(&history);
    let screen = audit(&history, 80, arguments);
    (screen.lines().count(), screen.matches("\nDo  ").count())
}

#[test]
fn further_incidents_are_in_full_while_there_is_room_for_them_on_24_lines() {
    // An error that is too long for the headline, in one line or two.
    let error = |word: &str, lines: usize| [word].repeat(7 * lines).join(" ");
    let three = |of_two_lines: usize| {
        let lines = |number: usize| if number < of_two_lines { 2 } else { 1 };
        screen_of(&[error("alpha", lines(0)), error("gamma", lines(1)), error("delta", lines(2))], 2, &[])
    };
    assert_eq!((three(0), three(1).1), ((23, 3), 2));
    let with_all = |fine: usize| screen_of(&[error("alpha", 1), error("gamma", 1)], fine, &["--all"]);
    let screens: Vec<(usize, usize)> = (1..=4).map(with_all).collect();
    assert_eq!(screens, [(21, 2), (22, 2), (20, 1), (21, 1)]);
}

#[test]
fn a_whole_fleet_is_told_by_programs_for_programs() {
    let history = fleet();
    let metrics = audit(&history, 80, &["-f", "prometheus"]);
    let metrics: Vec<&str> =
        metrics.lines().filter(|line| !line.starts_with('#') && !line.contains("_duration_seconds")).collect();
    insta::assert_snapshot!("fleet_in_prometheus", without_what_varies(&metrics.join("\n")));
    for format in ["nagios", "github", "junit", "html"] {
        insta::assert_snapshot!(
            format!("fleet_in_{format}"),
            without_what_varies(&audit(&history, 80, &["-f", format]))
        );
    }
}

#[test]
fn the_first_line_of_nagios_has_room_for_78_characters_whatever_it_says() {
    let line = |arguments: &[&str]| {
        let out = run(&[&["-f", "nagios"], arguments].concat()).out;
        out.split(" | ").next().unwrap().to_owned()
    };
    let unread = line(&["fixtures/corpus"]);
    assert_eq!(unread.chars().count(), 78, "{unread}");
    assert!(unread.starts_with("SCHED UNKNOWN - fixtures/corpus: is a directory"), "{unread}");
    let refused = line(&["--since", "a span of time that nobody understands, in many words, and some more", "x.db"]);
    assert_eq!(refused.chars().count(), 78, "{refused}");
}

/// A report without its version, its style sheet, and how long it took.
fn without_what_varies(text: &str) -> String {
    let text = text.split_once("</style>").map_or(text, |(_, page)| page);
    let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let Some((before, time)) = text.split_once(" time=") else { return text };
    let (_, after) = time.split_once("s;").unwrap();
    format!("{before} time=TIMEs;{after}")
}
