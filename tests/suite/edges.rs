//! Promises that a slip of one character would break without a noise: each of these tests was seen to fail by such a slip.

use crate::openclaw::{OpenClaw, ms};
use crate::{HEALTHY, HOURLY, History, Run, command, run};

/// Two hourly jobs that last ran at ten o'clock of the last day of 2025.
fn until_new_years_eve() -> History {
    let history = History::new();
    for id in ["j", "k"] {
        history.job(id, "cron", HOURLY, Some("2025-12-31T10:00:00.000Z"), Some("2025-12-31T11:00:00.000Z"));
        history.fires(id, &["2025-12-31 08:01:00", "2025-12-31 09:01:00", "2025-12-31 10:01:00"]);
    }
    history.sql("UPDATE scheduled_jobs SET created_at = '2025-03-01 00:00:00'");
    history
}

fn table(history: &History, now: &str, more: &[&str]) -> String {
    let mut audit = command();
    audit.env("COLUMNS", "130").args(["--timezone", "UTC", "--now", now]).args(more).arg(&history.path);
    Run::from(audit.output().unwrap()).out
}

#[test]
fn a_time_of_another_year_has_its_year_wherever_the_table_tells_it() {
    let silent = until_new_years_eve();
    let of = |now: &str, more: &[&str], parts: &[&str]| {
        let text = table(&silent, now, more).replace('\u{a0}', " ");
        parts.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
    };
    let (same_year, next_year) = ("2025-12-31T14:30:00Z", "2026-01-02T09:30:00Z");
    of(
        next_year,
        &["--all"],
        &["\nSince     2025-12-31 10:01 UTC, ", "47h  2025-12-31 10:01   due  2025-12-31 11:00 "],
    );
    let history = ["--history", "--job", "j"];
    let years = ["\n2025-12-31 11:00  01-02 09:00 ", "\n2025-12-31 08:00  2025-12-31 10:00 ", " from 2025-12-31 on: "];
    of(next_year, &history, &years);
    of(same_year, &history, &["\n12-31 11:00 ", "\n12-31 08:00  12-31 10:00 ", " from 12-31 on: "]);
}

#[test]
fn what_is_only_worth_knowing_is_on_the_page_and_nothing_stands_for_it() {
    let page = |arguments: &[&str]| run(&[&["--format", "html"], arguments].concat()).out;
    let paused = "fixtures/corpus/f-pause-edit-delete--paused.db";
    let some = page(&["--timezone", "UTC", "--now", "2026-03-12T00:13:20Z", paused]);
    let (_, list) = some.split_once("<h3>Worth knowing</h3><ul>").unwrap_or_else(|| panic!("{some}"));
    let (list, _) = list.split_once("</ul>").unwrap();
    assert_eq!(list.matches("<li>").count(), 2, "{list}");
    assert!(list.contains("its row is gone; it ran 58 times, last 8d ago"), "{list}");
    assert!(!page(&HEALTHY).contains("Worth knowing"));
}

#[test]
fn a_label_of_a_metric_escapes_backslashes_and_quotes() {
    let history = History::new();
    let id = r#"a\n"b\"#;
    history.job(id, "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    let audit = ["-f", "prometheus", "--timezone", "UTC", "--now", "2026-03-02T10:30:00Z"];
    let text = Run::from(command().args(audit).arg(&history.path).output().unwrap()).out;
    assert!(text.contains(r#",job_id="a\\n\"b\\",job_name="a\\n\"b\\"} 0"#), "{text}");
}

#[test]
fn an_incident_that_is_only_information_is_not_in_the_first_line_of_nagios() {
    let history = History::new();
    let monthly = r#"{"expr":"0 4 2 * *"}"#;
    history.job("j", "cron", monthly, Some("2026-03-02T04:00:00.000Z"), Some("2026-04-02T04:00:00.000Z"));
    history
        .fires("j", &["-2026-03-02 01:01:00", "-2026-03-02 02:01:00", "-2026-03-02 03:01:00", "2026-03-02 04:01:00"]);
    let line = |now: &str| {
        let audit = ["-f", "nagios", "--timezone", "UTC", "--now", now, history.path.to_str().unwrap()];
        let text = run(&audit).out;
        text.split(" | ").next().unwrap().to_owned()
    };
    assert!(line("2026-03-03T04:01:00Z").starts_with("SCHED WARNING - j "), "{}", line("2026-03-03T04:01:00Z"));
    let old = "2026-03-03T04:01:01Z";
    assert_eq!(history.audit(old, &[]).incidents(), ["info job-failing resolved"]);
    assert_eq!(line(old), "SCHED OK - 1 job is fine");
}

#[test]
fn the_process_that_runs_now_was_not_killed() {
    let store = OpenClaw::new("11:04");
    store.hourly("j", "11:00", "12:00").worked("j", &["09:00", "10:00", "11:00"]);
    store.sql("DELETE FROM gateway_boot_lifecycle");
    let boot = |at: &str| {
        let started = ms(at);
        store.sql(&format!("INSERT INTO gateway_boot_lifecycle VALUES ('{at}', 1, {started}, NULL, NULL, NULL, NULL)"));
    };
    // The one of eleven o'clock runs, and ten kills would be a loop.
    (2..=11).for_each(|hour| boot(&format!("{hour:02}:00")));
    store.check("11:05", &[], &[]);
    boot("01:00");
    assert_eq!(store.audit("11:05", &[]).incidents(), ["warning crash-loop ongoing"]);
}

#[test]
fn a_search_passes_over_every_file_that_is_only_a_lock() {
    let home = tempfile::tempdir().unwrap();
    std::fs::copy("fixtures/healthy.db", home.path().join("openclaw.sqlite")).unwrap();
    for end in ["lock", "generation-lock", "generation-writer", "reindex-lock"] {
        std::fs::write(home.path().join(format!("openclaw.sqlite.{end}.sqlite")), "").unwrap();
    }
    let found = run(&["--timezone", "UTC", "--now", "2026-03-12T00:13:20Z", "-r", home.path().to_str().unwrap()]);
    assert_eq!((found.code, found.err.as_str()), (0, ""));
    std::fs::write(home.path().join("lock.sqlite"), "").unwrap();
    let unlike = run(&["--timezone", "UTC", "--now", "2026-03-12T00:13:20Z", "-r", home.path().to_str().unwrap()]);
    assert!(unlike.code == 3 && unlike.err.contains("lock.sqlite: is empty"), "{}", unlike.err);
}

#[test]
fn costs_have_no_more_digits_in_json_than_their_sums_are_good_for() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 08:01:00", "2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    history.sql("UPDATE cost_events SET cost_usd = 0.1; UPDATE cost_events SET cost_usd = 0.12345 WHERE id = 1");
    let json = history.audit("2026-03-02T10:30:00Z", &["--history"]).json();
    let job = &json["databases"][0]["jobs"][0];
    for usage in [&job["last_day"], &job["last_week"], &job["history"][0]] {
        assert_eq!(usage["cost_usd"].to_string(), "0.3235", "{usage}");
    }
}
