//! Promises that a slip of one character would break without a noise: each of these tests was seen to fail by such a slip.

use crate::openclaw::{OpenClaw, ms};
use crate::{HEALTHY, HOURLY, History, Run, command, run};
use serde_json::json;

/// Two hourly jobs that last ran at ten o'clock of the last day of 2025.
fn until_new_years_eve() -> History {
    let history = History::new();
    for id in ["j", "k"] {
        history.job(id, "cron", HOURLY, Some("2025-12-31T10:00:00.000Z"), Some("2025-12-31T11:00:00.000Z"));
    }
    for hour in ["08", "09", "10"] {
        history.fires("j", &[&format!("2025-12-31 {hour}:01:00")]).fires("k", &[&format!("2025-12-31 {hour}:01:00")]);
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
    of(next_year, &["--all"], &["\nSince     2025-12-31 10:01 UTC, ", "47h  2025-12-31    due  2025-12-31  "]);
    let history = ["--history", "--job", "j"];
    let years = ["\n2025-12-31 11:00  01-02 09:00 ", "\n2025-12-31 08:00  2025-12-31 10:00 ", " from 2025-12-31 on: "];
    of(next_year, &history, &years);
    of(same_year, &history, &["\n12-31 11:00 ", "\n12-31 08:00  12-31 10:00 ", " from 12-31 on: "]);
}

#[test]
fn what_ended_last_year_has_its_year_in_every_headline() {
    let history = until_new_years_eve();
    history.sql(
        "UPDATE scheduled_jobs SET last_run_at = '2025-12-31T16:00:00.000Z', next_run_at = '2026-01-01T00:00:00.000Z',
         updated_at = '2025-12-31 16:01:00'",
    );
    history.fires("j", &["2025-12-31 16:01:00"]).fires("k", &["2025-12-31 16:01:00"]);
    let shown = |now: &str, more: &[&str]| table(&history, now, more).replace('\u{a0}', " ");
    let over = "\nOVER      nothing had run for 6h; every job runs again since 2025-12-31 16:00\n";
    let (same_year, next_year) = ("2025-12-31T16:30:00Z", "2026-01-01T00:05:00Z");
    assert!(format!("\n{}", shown(next_year, &[])).contains(over), "{}", shown(next_year, &[]));
    assert!(shown(next_year, &["--history", "--job", "j"]).contains("again since 2025-12-31 16:00\n"));
    let until = shown(same_year, &[]);
    assert!(until.contains("again since 16:00\n") && until.contains(" (a warning until 2026-01-01 16:0"), "{until}");
    history.job("stuck", "cron", HOURLY, Some("2025-12-31T16:02:00.000Z"), None);
    let second = shown(next_year, &[]);
    assert!(second.starts_with("CRITICAL  stuck ") && second.contains(over), "{second}");
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
    let search = || {
        let patience = ["--timeout", "10m", "--timezone", "UTC", "--now", "2026-03-12T00:13:20Z"];
        run(&[&patience[..], &["-r", home.path().to_str().unwrap()]].concat())
    };
    let found = search();
    assert_eq!((found.code, found.err.as_str()), (0, ""));
    std::fs::write(home.path().join("lock.sqlite"), "").unwrap();
    let unlike = search();
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

/// What the JSON says of a job.
fn job_of(run: &Run, id: &str) -> serde_json::Value {
    let json = run.json();
    let jobs = json["databases"][0]["jobs"].as_array().unwrap().clone();
    jobs.into_iter().find(|job| job["id"] == id).unwrap_or_else(|| panic!("{id}: {}", run.out))
}

#[test]
fn the_zone_and_the_state_of_an_openclaw_job_are_those_of_its_row() {
    let store = OpenClaw::new("10:29");
    let nine = json!({"kind": "cron", "expr": "0 9 * * *", "tz": "America/New_York", "staggerMs": 0});
    store.job("zoned", true, nine, json!({"nextRunAtMs": ms("14:00")}), json!({}));
    let once = json!({"kind": "at", "at": "2026-03-02T09:00:00Z"});
    let hourly = json!({"kind": "every", "everyMs": 3_600_000});
    for (id, schedule, status) in [
        ("done", &once, "ok"),
        ("gave-up", &once, "error"),
        ("left-out", &once, "skipped"),
        ("off", &hourly, "error"),
        ("off-too", &hourly, "ok"),
    ] {
        let state = json!({"lastRunAtMs": ms("09:00"), "lastDurationMs": 60_000, "lastRunStatus": status});
        store.job(id, false, schedule.clone(), state, json!({}));
    }
    let run = store.audit("10:30", &[]);
    let zoned = job_of(&run, "zoned");
    assert_eq!(zoned["schedule"]["timezone"], "America/New_York");
    assert_eq!(zoned["next_slot"], "2026-03-02T14:00:00Z");
    for (id, state) in [
        ("done", "completed"),
        ("gave-up", "failed"),
        ("left-out", "failed"),
        ("off", "disabled"),
        ("off-too", "disabled"),
    ] {
        assert_eq!(job_of(&run, id)["state"], state, "{id}");
    }
}

#[test]
fn a_run_that_began_at_the_instant_of_the_audit_has_begun() {
    let store = OpenClaw::new("10:29");
    store.hourly("j", "09:00", "11:00").worked("j", &["08:00", "09:00", "10:00"]);
    assert_eq!(job_of(&store.audit("10:00", &[]), "j")["last_day"]["fires"], 3);
    assert_eq!(job_of(&store.audit("09:59", &[]), "j")["last_day"]["fires"], 2);
}

#[test]
fn openclaw_is_looked_for_where_its_variables_say() {
    let home = tempfile::tempdir().unwrap();
    let looked_for = |variables: &[(&str, &str)]| {
        let mut call = command();
        for name in ["OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "OPENCLAW_PROFILE", "HERMES_HOME"] {
            call.env_remove(name);
        }
        call.current_dir(home.path()).env("HOME", "/h").envs(variables.iter().copied());
        let said = Run::from(call.output().unwrap()).err.replace('\n', " ");
        let place = said.split([' ', ',', ':']).find(|word| word.ends_with("/state/openclaw.sqlite"));
        place.unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    for (variables, place) in [
        (&[][..], "/h/.openclaw/state/openclaw.sqlite"),
        (&[("OPENCLAW_PROFILE", "")], "/h/.openclaw/state/openclaw.sqlite"),
        (&[("OPENCLAW_PROFILE", "default")], "/h/.openclaw/state/openclaw.sqlite"),
        (&[("OPENCLAW_PROFILE", "work")], "/h/.openclaw-work/state/openclaw.sqlite"),
        (&[("OPENCLAW_HOME", "/o")], "/o/.openclaw/state/openclaw.sqlite"),
        (&[("OPENCLAW_STATE_DIR", "/s"), ("OPENCLAW_HOME", "/o")], "/s/state/openclaw.sqlite"),
    ] {
        assert_eq!(looked_for(variables), place, "{variables:?}");
    }
}

#[test]
fn how_often_a_job_runs_is_said_with_what_it_lost() {
    let lost = |expression: &str, last: &str, day: &str| {
        let history = History::new();
        let last = format!("{last}T09:00:00.000Z");
        history.job("j", "cron", &format!("{{\"expr\":\"{expression}\"}}"), Some(&last), None);
        // Another job runs, so that the scheduler lives.
        let (eleven, noon) = (format!("{day}T11:00:00.000Z"), format!("{day}T12:00:00.000Z"));
        history.job("other", "cron", HOURLY, Some(&eleven), Some(&noon));
        history.sql(&format!("UPDATE scheduled_jobs SET created_at = '{day} 10:30:00' WHERE id = 'other'"));
        history.fires("other", &[&format!("{day} 11:01:00")]);
        let text = table(&history, &format!("{day}T11:30:00Z"), &[]);
        let (_, words) = text.split_once(" UTC, ").unwrap_or_else(|| panic!("{text}"));
        words.split(" lost").next().unwrap().to_owned()
    };
    assert_eq!(lost("0 9 * * *", "2026-03-02", "2026-03-05"), "3 daily runs");
    assert_eq!(lost("0 9 * * 1", "2026-03-02", "2026-03-17"), "2 weekly runs");
    assert_eq!(lost("0 9 */2 * *", "2026-03-01", "2026-03-08"), "3 runs");
}

#[test]
fn jobs_that_are_not_watched_are_counted_on_the_page() {
    let page = |history: &History| {
        let path = history.path.to_str().unwrap();
        run(&["-f", "html", "--timezone", "UTC", "--now", "2026-03-02T10:30:00Z", path]).out
    };
    let history = History::new();
    for id in ["j", "k"] {
        history.job(id, "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    }
    assert!(!page(&history).contains("not watched"));
    history.sql("UPDATE scheduled_jobs SET status = 'paused' WHERE id = 'k'");
    assert!(page(&history).contains("1 not watched (1 paused)"), "{}", page(&history));
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux shows it")]
fn the_process_that_has_the_database_open_started_when_it_did() {
    let history = History::new();
    history.sql("PRAGMA journal_mode=WAL");
    history.job("j", "cron", HOURLY, None, None);
    let report = command().args(["-f", "json", "--timezone", "UTC"]).arg(&history.path).output().unwrap();
    let process = Run::from(report).json()["databases"][0]["process"].clone();
    let text = process["started_at"].as_str().unwrap_or_else(|| panic!("{process}"));
    let age = chrono::Utc::now().signed_duration_since(chrono::DateTime::parse_from_rfc3339(text).unwrap());
    assert!((0..24 * 3600).contains(&age.num_seconds()), "this test has run for {age}");
}

#[test]
fn a_run_of_a_new_job_shows_that_the_scheduler_works() {
    let history = History::new();
    let daily = r#"{"expr":"0 9 * * *"}"#;
    history.job("j", "cron", daily, Some("2026-03-02T09:00:00.000Z"), Some("2026-03-03T09:00:00.000Z"));
    history.job("new", "cron", HOURLY, Some("2026-03-05T11:00:00.000Z"), Some("2026-03-05T12:00:00.000Z"));
    history.fires("new", &["2026-03-05 11:01:00"]);
    let told = table(&history, "2026-03-05T11:30:00Z", &[]);
    assert!(told.contains("j has not run for 3d, though the scheduler works"), "{told}");
}
