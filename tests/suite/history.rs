//! `--history`: what became of each slot of a job, and why.

use crate::{HOURLY, History, INCIDENT, Run, run};
use serde_json::Value;

/// A job of every five minutes that ran for a week, but for the slots at these minutes of 5 March.
fn every_five_minutes(without: &[&str]) -> History {
    let history = History::new();
    history.job(
        "j",
        "cron",
        r#"{"expr":"*/5 * * * *"}"#,
        Some("2026-03-08T23:55:00.000Z"),
        Some("2026-03-09T00:00:00.000Z"),
    );
    history.job("other", "cron", HOURLY, Some("2026-03-08T23:00:00.000Z"), Some("2026-03-09T00:00:00.000Z"));
    history.db.execute_batch("BEGIN").unwrap();
    for day in 2..9 {
        for minute in (0..24 * 60).step_by(5) {
            let slot = format!("2026-03-{day:02} {:02}:{:02}", minute / 60, minute % 60);
            if !without.contains(&slot.as_str()) {
                history.fires("j", &[&format!("{slot}:07")]);
            }
            if minute % 60 == 0 {
                history.fires("other", &[&format!("{slot}:09")]);
            }
        }
    }
    history.db.execute_batch("COMMIT").unwrap();
    history
}

const AFTER_A_WEEK: &str = "2026-03-09T00:00:00Z";
/// With longer runs, the one after a silence may have begun before it.
const SHORT_RUNS: [&str; 2] = ["--max-run", "10m"];

fn shown(history: &History, now: &str, arguments: &[&str]) -> Run {
    let path = history.path.to_str().unwrap();
    run(&[&["--history", "--now", now, "--timezone", "UTC", path], arguments].concat())
}

fn table(history: &History, now: &str, more: &[&str]) -> Run {
    shown(history, now, &[&["--job", "j"], more].concat())
}

/// The lines of the first job's stretches.
fn lines(run: &Run) -> Vec<&str> {
    let (_, shown) = run.out.split_once("\nFROM ").unwrap_or_else(|| panic!("{}{}", run.out, run.err));
    shown.lines().skip(1).filter(|line| line.starts_with('0')).collect()
}

fn stretches(history: &History, now: &str, more: &[&str]) -> Vec<Value> {
    let json = history.audit(now, &[&["--job", "j", "--history"], more].concat()).json();
    json["databases"][0]["jobs"][0]["history"].as_array().unwrap().clone()
}

#[test]
fn a_healthy_week_is_one_line() {
    let history = every_five_minutes(&[]);
    let shown = table(&history, AFTER_A_WEEK, &[]);
    let [line] = lines(&shown)[..] else { panic!("{}", shown.out) };
    assert!(line.starts_with("03-02 00:00  03-08 23:55  2,016  ran "), "{line}");
    let [stretch] = &stretches(&history, AFTER_A_WEEK, &[])[..] else { panic!() };
    assert_eq!(
        (&stretch["fate"], &stretch["outcome"], &stretch["excuse"]),
        (&"served".into(), &"worked".into(), &Value::Null)
    );
    assert_eq!((&stretch["slots"], &stretch["runs"], &stretch["tokens"]), (&2016.into(), &2016.into(), &28224.into()));
}

#[test]
fn lost_slots_are_a_line_of_their_own() {
    let history = every_five_minutes(&["2026-03-05 12:10", "2026-03-05 12:15", "2026-03-05 12:20"]);
    let shown = table(&history, AFTER_A_WEEK, &SHORT_RUNS);
    let [newest, lost, oldest] = lines(&shown)[..] else { panic!("{}", shown.out) };
    assert!(newest.contains("  ran ") && oldest.contains("  ran "), "{}", shown.out);
    assert!(lost.starts_with("03-05 12:10  03-05 12:20      3  lost "), "{lost}");
    let lost = &stretches(&history, AFTER_A_WEEK, &SHORT_RUNS)[1];
    assert_eq!((&lost["fate"], &lost["slots"], &lost["runs"]), (&"lost".into(), &3.into(), &0.into()));
    assert_eq!(
        (&lost["outcome"], &lost["median_seconds"], &lost["tokens"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}

#[test]
fn the_job_may_be_left_out_only_if_there_is_one() {
    let history = every_five_minutes(&[]);
    let refused = shown(&history, AFTER_A_WEEK, &[]);
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("add --job and an id or a name, such as --job \"j\""), "{}", refused.err);
    history.sql("DELETE FROM scheduled_jobs WHERE id <> 'j'");
    history.sql("DELETE FROM cost_events WHERE session_key NOT LIKE '%:j'");
    assert!(shown(&history, AFTER_A_WEEK, &[]).out.contains("UTC; j (*/5 * * * *), "));
}

#[test]
fn only_the_table_and_json_have_a_history() {
    for format in ["ndjson", "prometheus", "nagios", "github", "junit", "html"] {
        let refused = run(&[&["--history", "--job", "heartbeat", "--format", format], &INCIDENT[..]].concat());
        let said = format!("--history has no place in --format {format}; use --format table or json");
        assert!(refused.code == 3 && refused.err.contains(&said), "{}", refused.err);
    }
    let json = run(&[&["--format", "json"], &INCIDENT[..]].concat()).json();
    assert!(json["databases"][0]["jobs"][0].get("history").is_none());
}

#[test]
fn a_pause_is_told_until_it_ends() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T05:00:00.000Z"), Some("2026-03-02T06:00:00.000Z"));
    history.fires("j", &["2026-03-02 04:01:00", "2026-03-02 05:01:00"]);
    history.sql(
        "UPDATE scheduled_jobs SET status = 'paused';
         INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'pause', '2026-03-02 05:30:00')",
    );
    let shown = table(&history, "2026-03-02T09:30:00Z", &[]);
    assert!(lines(&shown)[0].starts_with("03-02 06:00  now              4  paused "), "{}", shown.out);
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T09:00:00.000Z"), Some("2026-03-02T10:00:00.000Z"));
    history.fires("j", &["2026-03-02 04:01:00", "2026-03-02 05:01:00", "2026-03-02 09:01:00"]);
    history.sql(
        "INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'pause', '2026-03-02 05:30:00');
         INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'resume', '2026-03-02 08:30:00')",
    );
    let told = stretches(&history, "2026-03-02T09:30:00Z", &[]);
    let fates: Vec<&str> = told.iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert_eq!(fates, ["ran", "paused", "ran"]);
    assert_eq!((&told[1]["slots"], &told[1]["until"]), (&3.into(), &"2026-03-02T08:30:00Z".into()));
}

#[test]
fn a_run_in_flight_is_the_newest_line() {
    let now = ["--now", "2026-03-04T05:20:00.000Z", "--timezone", "UTC"];
    let job = ["--history", "--job", "daily-long", "fixtures/corpus/g-long-runs--daily-midrun.db"];
    let shown = run(&[now, job].concat());
    assert!(lines(&shown)[0].contains("now              1  in flight"), "{}{}", shown.out, shown.err);
}

#[test]
fn the_error_of_the_row_belongs_to_the_newest_run() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T05:00:00.000Z"), Some("2026-03-02T06:00:00.000Z"));
    history.fires("j", &["2026-03-02 02:01:00", "-2026-03-02 03:01:00", "2026-03-02 04:01:00", "-2026-03-02 05:01:00"]);
    history.sql(
        "UPDATE scheduled_jobs SET last_run_status = 'error', consecutive_errors = 1, last_run_error = 'no such model'",
    );
    let errors: Vec<Value> =
        stretches(&history, "2026-03-02T05:30:00Z", &[]).iter().map(|one| one["error"].clone()).collect();
    assert_eq!(errors, ["no such model".into(), Value::Null, Value::Null, Value::Null]);
    assert!(table(&history, "2026-03-02T05:30:00Z", &[]).out.contains("\n             no such model\n"));
    let unread = table(&history, "2026-03-02T05:30:00Z", &["--no-errors"]);
    assert!(unread.out.contains("\n             the error was not read, because of --no-errors\n"), "{}", unread.out);
}

#[test]
fn a_long_history_is_cut_unless_all_is_asked_for() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-06T11:00:00.000Z"), Some("2026-03-06T12:00:00.000Z"));
    for hour in 0..108 {
        let sign = if hour % 2 == 0 { "-" } else { "" };
        history.fires("j", &[&format!("{sign}2026-03-{:02} {:02}:01:00", 2 + hour / 24, hour % 24)]);
    }
    let now = "2026-03-06T11:30:00Z";
    let shown = table(&history, now, &[]);
    assert_eq!(lines(&shown).len(), 100);
    assert!(shown.out.contains("\nand 8 more before that: --all\n"), "{}", shown.out);
    assert_eq!(lines(&table(&history, now, &["--all"])).len(), 108);
    assert_eq!(stretches(&history, now, &[]).len(), 108);
}

#[test]
fn the_history_of_a_hostile_job_controls_no_terminal() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T05:00:00.000Z"), Some("2026-03-02T06:00:00.000Z"));
    history.fires("j", &["-2026-03-02 05:01:00"]);
    history.sql(
        "UPDATE scheduled_jobs SET name = 'evil' || char(27) || '[2J' || char(10) || char(8238) || 'x', last_run_status = 'error',
         consecutive_errors = 1, last_run_error = 'a' || char(27) || '[31m' || char(8238)",
    );
    for format in ["table", "json"] {
        let told = shown(&history, "2026-03-02T05:30:00Z", &["--format", format]);
        assert!(told.out.contains("evil\\") && told.out.contains("05:01"), "{}{}", told.out, told.err);
        let controls = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!told.out.contains(controls), "{}", told.out);
    }
    // Another job makes the name part of an error.
    history.job("k", "cron", HOURLY, Some("2026-03-02T05:00:00.000Z"), Some("2026-03-02T06:00:00.000Z"));
    let refused = shown(&history, "2026-03-02T05:30:00Z", &[]);
    assert!(refused.code == 3 && !(refused.out + &refused.err).contains(['\x1b', '\u{202e}']));
}
