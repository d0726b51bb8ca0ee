//! Each rule by tiny histories: quiet, at the threshold, past it.

use crate::{HOURLY, History};

const DUE: &str = "warning past-due/overdue ongoing";
const LATE: &str = "critical past-due/overdue ongoing";

#[test]
fn job_is_late_after_15_and_lost_after_65_free_minutes_or_two_cadences() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 10:01:00"]);
    history.check("2026-03-02T11:15:00Z", &[]);
    history.check("2026-03-02T11:15:00.001Z", &[DUE]);
    history.check("2026-03-02T12:00:00Z", &[DUE]);
    history.check("2026-03-02T12:05:00Z", &[DUE]);
    history.check("2026-03-02T12:05:00.001Z", &[LATE]);
    history.check("2026-03-02T13:00:00Z", &[LATE]);
    let often = History::new();
    often.job(
        "j",
        "cron",
        r#"{"expr":"*/5 * * * *"}"#,
        Some("2026-03-02T10:00:00.000Z"),
        Some("2026-03-02T10:05:00.000Z"),
    );
    often.check("2026-03-02T10:20:00Z", &[]);
    often.check("2026-03-02T10:20:00.001Z", &[LATE]);
}

/// A job that fires at 17:00 from Monday to Friday, and did so last on the day `last`.
fn weekday_job(last: &str, next: &str) -> History {
    let history = History::new();
    let at_five = |day: &str| format!("{day}T17:00:00.000Z");
    history.job("j", "cron", r#"{"expr":"0 17 * * 1-5"}"#, Some(&at_five(last)), Some(&at_five(next)));
    history
}

#[test]
fn a_weekday_job_due_on_friday_is_a_warning_within_the_hour_and_lost_after_it() {
    let history = weekday_job("2026-03-05", "2026-03-06");
    history.check("2026-03-06T17:10:00Z", &[]);
    history.check("2026-03-06T18:00:00Z", &[DUE]);
    history.check("2026-03-06T18:06:00Z", &[LATE]);
    history.check("2026-03-10T17:00:01Z", &[LATE]);
}

#[test]
fn weekend_of_a_weekday_job_is_not_a_gap() {
    let history = weekday_job("2026-03-09", "2026-03-10");
    history.fires("j", &["2026-03-05 17:01:00", "2026-03-06 17:01:00", "2026-03-09 17:01:00"]);
    history.check("2026-03-09T20:00:00Z", &[]);
}

#[test]
fn a_one_shot_is_late_after_a_quarter_of_an_hour_and_lost_after_65_minutes() {
    let history = History::new();
    history.job("j", "at", r#"{"at":"2026-03-02T10:00:00Z"}"#, None, Some("2026-03-02T10:00:00.000Z"));
    history.fires("deleted", &["2026-03-02 09:00:00"]);
    history.check("2026-03-02T10:15:00Z", &[]);
    history.check("2026-03-02T10:15:01Z", &[DUE]);
    history.check("2026-03-02T11:05:01Z", &[LATE]);
}

#[test]
fn row_that_never_fires_again_is_critical() {
    for (change, reason) in [
        ("next_run_at = NULL", "no-next-run"),
        ("next_run_at = 'soon'", "no-next-run"),
        ("status = 'failed', next_run_at = NULL, consecutive_errors = 10", "breaker-open"),
        ("schedule_value = '{broken'", "unreadable-schedule"),
        ("schedule_value = '{\"expr\":\"@daily\"}'", "unreadable-schedule"),
        ("schedule_value = '{\"expr\":\"0 * * * *\",\"tz\":\"Mars/Base\"}'", "unreadable-schedule"),
        ("schedule_kind = 'every', schedule_value = '{\"intervalMs\":\"60000\"}'", "unreadable-schedule"),
        ("schedule_kind = 'every', schedule_value = '{\"intervalMs\":-5}'", "unreadable-schedule"),
        ("schedule_kind = 'often'", "unreadable-schedule"),
    ] {
        let history = History::new();
        history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
        history.sql(&format!("UPDATE scheduled_jobs SET {change}"));
        history.check("2026-03-02T10:30:00Z", &[&format!("critical past-due/{reason} ongoing")]);
        let json = history.audit("2026-03-02T10:30:00Z", &[]).json();
        let since = &json["incidents"][0]["since"];
        match reason {
            "unreadable-schedule" => assert!(since.is_null(), "nothing is lost before its next run: {since}"),
            _ => assert_eq!(since, "2026-03-02T10:01:00Z", "{reason}: since its last run's end"),
        }
    }
}

#[test]
fn a_status_or_enabled_value_that_the_scheduler_never_picks_is_a_warning() {
    for change in ["status = 'Active'", "status = NULL", "enabled = 2", "enabled = NULL"] {
        let history = History::new();
        history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
        history.sql(&format!("UPDATE scheduled_jobs SET {change}"));
        history.check("2026-03-02T10:30:00Z", &["warning past-due/unknown-state ongoing"]);
    }
}

#[test]
fn paused_disabled_and_completed_jobs_may_be_silent() {
    for (change, state) in
        [("status = 'paused'", "paused"), ("enabled = 0", "disabled"), ("status = 'completed'", "completed")]
    {
        let history = History::new();
        history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
        history.sql(&format!("UPDATE scheduled_jobs SET {change}"));
        history.job("k", "cron", HOURLY, Some("2026-03-09T09:00:00.000Z"), Some("2026-03-09T10:00:00.000Z"));
        let run = history.audit("2026-03-09T10:00:00Z", &[]);
        assert_eq!((run.code, run.findings()), (0, vec![]));
        assert_eq!(run.json()["databases"][0]["jobs"][0]["state"], state);
    }
}

/// A job that fires every hour of 2 March from 01:00 on, the named hours (as fires) with zero tokens or NULL ones.
fn hours(history: &History, fires: &[&str]) {
    let last = fires.last().unwrap().trim_start_matches(['-', '?']);
    let start = format!("{}:00:00.000Z", last[..13].replace(' ', "T"));
    let next = format!("2026-03-02T{:02}:00:00.000Z", last[11..13].parse::<u32>().unwrap() + 1);
    history.job("j", "cron", HOURLY, Some(&start), Some(&next)).fires("j", fires);
}

#[test]
fn zero_token_streak_of_two_three_and_five() {
    let fires = [
        "-2026-03-02 01:01:00",
        "-2026-03-02 02:01:00",
        "-2026-03-02 03:01:00",
        "-2026-03-02 04:01:00",
        "-2026-03-02 05:01:00",
    ];
    for (count, expected) in [
        (2, vec![]),
        (3, vec!["warning zero-tokens/zero-token-streak ongoing"]),
        (4, vec!["warning zero-tokens/zero-token-streak ongoing"]),
        (5, vec!["critical zero-tokens/zero-token-streak ongoing"]),
    ] {
        let history = History::new();
        hours(&history, &fires[..count]);
        history.check(&format!("2026-03-02T0{count}:30:00Z"), &expected);
    }
}

#[test]
fn a_streak_ended_by_tokens_is_resolved_and_forgotten_after_since() {
    let history = History::new();
    hours(&history, &["-2026-03-02 01:01:00", "-2026-03-02 02:01:00", "-2026-03-02 03:01:00", "2026-03-02 04:01:00"]);
    history.check("2026-03-02T04:30:00Z", &["warning zero-tokens/zero-token-streak resolved"]);
    assert_eq!(history.audit("2026-03-02T04:30:00Z", &["--since", "20m"]).findings(), [""; 0]);
}

#[test]
fn errors_in_a_row_without_a_streak_are_a_warning() {
    let history = History::new();
    hours(&history, &["2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    let with = |errors: i64| history.sql(&format!("UPDATE scheduled_jobs SET consecutive_errors = {errors}"));
    with(2).check("2026-03-02T10:30:00Z", &[]);
    with(3).check("2026-03-02T10:30:00Z", &["warning zero-tokens/job-failing ongoing"]);
    history.sql("UPDATE cost_events SET input_tokens = 0, output_tokens = 0").fires("j", &["-2026-03-02 10:00:30"]);
    with(3).check("2026-03-02T10:30:00Z", &["warning zero-tokens/zero-token-streak ongoing"]);
}

#[test]
fn a_count_that_is_null_is_not_zero() {
    let history = History::new();
    hours(&history, &["-2026-03-02 01:01:00", "-2026-03-02 02:01:00", "?2026-03-02 03:01:00"]);
    history.check("2026-03-02T03:30:00Z", &[]);
}

#[test]
fn streak_before_a_year_of_silence_is_found() {
    let history = History::new();
    hours(&history, &["2026-03-02 01:01:00", "-2026-03-02 02:01:00", "-2026-03-02 03:01:00", "-2026-03-02 04:01:00"]);
    let found = history.audit("2027-03-02T04:30:00Z", &[]);
    assert!(found.findings().contains(&"warning zero-tokens/zero-token-streak ongoing".to_owned()), "{}", found.out);
}

#[test]
fn events_of_deleted_jobs_are_left_alone() {
    let history = History::new();
    hours(&history, &["2026-03-02 01:01:00"]);
    history.fires("gone", &["-2026-03-02 01:05:00", "-2026-03-02 01:06:00", "-2026-03-02 01:07:00"]);
    history.check("2026-03-02T01:30:00Z", &[]);
}

#[test]
fn silence_before_a_restart_lasts_until_the_job_fires() {
    let history = History::new();
    // As after a restart: next_run_at is the boot's time plus seconds, no slot.
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T20:30:05.000Z"));
    history.fires("j", &["2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    history.sql("UPDATE scheduled_jobs SET updated_at = '2026-03-02 10:01:00'");
    history.check("2026-03-02T20:29:00Z", &[]);
    const CATCHING_UP: &str = "warning gap/catching-up ongoing";
    history.check("2026-03-02T20:40:00Z", &[CATCHING_UP]);
    history.check("2026-03-02T20:46:00Z", &[DUE, CATCHING_UP]);
    history.check("2026-03-02T21:40:00Z", &[LATE, CATCHING_UP]);
    let audit = |now| history.audit(now, &[]);
    let (before, after) = (audit("2026-03-02T20:40:00Z").fingerprints(), audit("2026-03-02T21:40:00Z").fingerprints());
    assert_eq!(before, after, "one outage, one fingerprint");
}

#[test]
fn a_resume_or_an_edit_restarts_the_clock_of_an_open_gap() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T21:00:00.000Z"));
    history.sql("UPDATE scheduled_jobs SET updated_at = '2026-03-02 20:30:00'");
    history.check("2026-03-02T20:31:00Z", &[]);
    let history = History::new();
    history.job(
        "j",
        "every",
        r#"{"intervalMs":3600000}"#,
        Some("2026-03-02T10:00:00.000Z"),
        Some("2026-03-02T21:30:00.000Z"),
    );
    history.sql("UPDATE scheduled_jobs SET updated_at = '2026-03-02 20:30:00'");
    history.check("2026-03-02T20:31:00Z", &[]);
    history.sql("UPDATE scheduled_jobs SET updated_at = '2026-03-02 20:20:00'");
    history.check("2026-03-02T20:31:00Z", &[]);
}

/// An hourly job whose last fires used these tokens.
fn tokens(counts: &[&str]) -> History {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    for (index, count) in counts.iter().enumerate() {
        let hours = counts.len() - 1 - index;
        history.sql(&format!(
            "INSERT INTO cost_events (session_key, cost_usd, input_tokens, output_tokens, model, created_at)
             VALUES ('scheduler:sched:j', 0, {count}, {count}, 'm', datetime('2026-03-02 10:01:00', '-{hours} hours'))"
        ));
    }
    history
}

#[test]
fn a_count_that_can_not_be_read_neither_continues_nor_ends_a_streak() {
    let now = "2026-03-02T10:30:00Z";
    tokens(&["7", "0", "0", "'n/a'", "0", "0", "'n/a'", "0"])
        .check(now, &["critical zero-tokens/zero-token-streak ongoing"]);
    tokens(&["7", "0", "0", "NULL", "0"]).check(now, &["warning zero-tokens/zero-token-streak ongoing"]);
    tokens(&["7", "0", "NULL", "0"]).check(now, &[]);
    let nine = ["7", "0", "0", "0", "0", "0", "0", "0", "0", "0", "NULL"];
    tokens(&nine).check(now, &["critical zero-tokens/zero-token-streak ongoing"]);
    tokens(&["7", "0", "0", "0", "NULL", "7"]).check(now, &["warning zero-tokens/zero-token-streak resolved"]);
}

#[test]
fn a_single_time_in_the_future_is_not_used_and_hides_nothing() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 10:01:00"]);
    let audit = |now: &str| {
        let run = history.audit(now, &[]);
        let notes = run.json()["databases"][0]["notes"].as_array().unwrap().len();
        (run.findings().into_iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>(), notes)
    };
    let critical = (vec!["critical".to_owned()], 0);
    assert_eq!(audit("2026-03-02T14:00:00Z"), critical);
    // Created later than it ran.
    history.sql("UPDATE scheduled_jobs SET created_at = '2026-03-02 14:01:00'");
    assert_eq!(audit("2026-03-02T14:00:00Z"), critical);
    history.sql("UPDATE scheduled_jobs SET created_at = '9999-01-01 00:00:00', updated_at = '9999-01-01 00:00:00'");
    assert_eq!(audit("2026-03-02T14:00:00Z"), (critical.0.clone(), 1));
    history.sql("UPDATE scheduled_jobs SET created_at = '2026-03-01 00:00:00', updated_at = '2026-03-02 10:01:00'");
    history.session("scheduler:sched:k", "2099-01-01 00:00:00");
    assert_eq!(audit("2026-03-02T14:00:00Z"), (critical.0.clone(), 1));
    // What was written after an audit of the past is no mistake.
    history.sql("DELETE FROM sessions; UPDATE scheduled_jobs SET updated_at = '2026-04-02 10:01:00'");
    assert!(audit("2026-03-02T14:00:00Z").1 == 1);
}

#[test]
fn gaps_in_the_numbers_of_events_do_not_count_as_rows() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 06:01:00", "-2026-03-02 07:01:00", "-2026-03-02 08:01:00"]);
    history.sql("UPDATE cost_events SET id = id + 4000000000000000000 WHERE id > 1");
    history.fires("j", &["-2026-03-02 09:01:00"]);
    history.sql("UPDATE cost_events SET id = 9000000000000000000 WHERE id = (SELECT max(id) FROM cost_events)");
    let run = history.audit("2026-03-02T09:30:00Z", &[]);
    assert_eq!(run.findings(), ["warning zero-tokens/zero-token-streak ongoing"], "{}", run.out);
    assert!(!run.out.contains("were read"), "{}", run.out);
}

#[test]
fn a_next_run_off_the_slots_does_not_hide_days_of_silence() {
    let history = History::new();
    let daily = r#"{"expr":"0 9 * * *"}"#;
    history.job("j", "cron", daily, Some("2026-03-02T09:00:00.000Z"), Some("2026-03-20T14:00:00.000Z"));
    history.fires("j", &["2026-03-02 09:01:00"]);
    let found = history.audit("2026-03-05T09:00:00Z", &[]).findings();
    assert!(!found.iter().any(|line| line.contains("gap/job-silent")), "{found:?}");
    let found = history.audit("2026-03-08T09:30:00Z", &[]).findings();
    assert!(found.contains(&"warning past-due/slots-skipped ongoing".to_owned()), "{found:?}");
}

#[test]
fn a_job_that_never_ran_counts_from_its_first_slot() {
    let history = History::new();
    history.job("j", "cron", r#"{"expr":"0 6 1 * *"}"#, None, Some("2026-04-01T06:00:00.000Z"));
    // A next run that is ahead may be that of an edit.
    history.check("2026-03-20T00:00:00Z", &[]);
    history.check("2026-04-01T06:15:00Z", &[]);
    history.check("2026-05-01T06:00:01Z", &[LATE]);
    assert_eq!(history.audit("2026-05-01T06:00:01Z", &[]).json()["findings"][0]["missed_slots"], 2);
}

/// A job every ten minutes that falls silent at noon and fires again at `back`; another one goes on, or does not.
fn closed(back: &str, others: &[&str]) -> History {
    let history = History::new();
    history.job(
        "j",
        "cron",
        r#"{"expr":"*/10 * * * *"}"#,
        Some(&format!("2026-03-02T{back}:00.000Z")),
        Some("2026-03-02T23:00:00.000Z"),
    );
    history.fires("j", &["2026-03-02 11:40:05", "2026-03-02 11:50:05"]);
    history.job("other", "cron", HOURLY, Some("2026-03-02T22:00:00.000Z"), Some("2026-03-02T23:00:00.000Z"));
    history.fires("other", others);
    history.fires("j", &[&format!("2026-03-02 {back}:05")]);
    history.fires("other", &["2026-03-02 22:01:00"]);
    history
}

const ALIVE: [&str; 8] = [
    "2026-03-02 12:01:00",
    "2026-03-02 13:01:00",
    "2026-03-02 14:01:00",
    "2026-03-02 15:01:00",
    "2026-03-02 16:01:00",
    "2026-03-02 17:01:00",
    "2026-03-02 18:01:00",
    "2026-03-02 19:01:00",
];

fn gaps_of_j(history: &History) -> Vec<String> {
    let run = history.audit("2026-03-02T22:05:00Z", &["--job", "j", "--late-after", "90d", "--late-cadences", "2"]);
    run.findings().into_iter().filter(|line| line.ends_with("gap/job-silent resolved")).collect()
}

#[test]
fn closed_gap_that_one_run_explains_is_no_fault() {
    assert_eq!(gaps_of_j(&closed("15:59", &ALIVE[..4])), [""; 0]);
}

#[test]
fn closed_gap_with_a_free_worker_is_a_warning() {
    assert_eq!(gaps_of_j(&closed("19:30", &ALIVE)), ["warning gap/job-silent resolved"]);
}

#[test]
fn closed_gap_is_no_fault_while_the_worker_was_busy() {
    // The other job's long run ended at 15:50, its next one was due a minute later and ended at 19:29:50.
    let held = ["2026-03-02 11:00:59", "2026-03-02 15:50:00", "2026-03-02 19:29:50"];
    let history = closed("19:30", &held);
    history.sql("UPDATE scheduled_jobs SET schedule_value = '{\"expr\":\"* * * * *\"}' WHERE id = 'other'");
    assert_eq!(gaps_of_j(&history), [""; 0]);
}

#[test]
fn a_pause_in_the_audit_log_takes_its_time_out_of_a_gap() {
    let history = closed("19:30", &ALIVE);
    history.sql(
        "INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'pause', '2026-03-02 11:55:00'),
         ('j', 'resume', '2026-03-02 19:25:00')",
    );
    assert_eq!(gaps_of_j(&history), [""; 0]);
}

#[test]
fn pause_without_trace_of_its_end_lasts_until_the_next_fire() {
    let pause = |at: &str| {
        let history = closed("19:30", &ALIVE);
        history.sql(&format!(
            "INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'pause', '2026-03-02 {at}')"
        ));
        gaps_of_j(&history)
    };
    assert_eq!(pause("11:55:00"), [""; 0]);
    assert_eq!(pause("11:45:00"), ["warning gap/job-silent resolved"]);
    assert_eq!(pause("20:00:00"), ["warning gap/job-silent resolved"]);
}

#[test]
fn pause_without_trace_of_its_end_lasts_until_the_next_edit() {
    let history = History::new();
    let ten = r#"{"expr":"*/10 * * * *"}"#;
    history.job("j", "cron", ten, Some("2026-03-02T11:50:00.000Z"), Some("2026-03-02T12:00:00.000Z"));
    history.fires("j", &["2026-03-02 11:40:05", "2026-03-02 11:50:05"]).sql(
        "INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'pause', '2026-03-02 11:55:00');
         UPDATE scheduled_jobs SET last_run_duration_ms = 5000, updated_at = '2026-03-02 13:02:00'",
    );
    let json = history.audit("2026-03-02T20:00:00Z", &[]).json();
    let told = |index: usize| (json["findings"][index]["problem"].clone(), json["findings"][index]["since"].clone());
    assert_eq!(told(0), ("repaired".into(), "2026-03-02T12:00:00Z".into()));
    assert_eq!(json["findings"][0]["evidence"]["repaired_at"], "2026-03-02T13:02:00Z");
}

const WAITS: &str = "info past-due/waiting ongoing";
const LONG: &str = "warning past-due/run-long ongoing";

/// An hourly job whose run began at noon, and one every ten minutes that waits behind it.
fn in_flight() -> History {
    let history = History::new();
    history.job("long", "cron", HOURLY, Some("2026-03-02T11:00:00.000Z"), Some("2026-03-02T12:00:00.000Z"));
    history.job(
        "poll",
        "cron",
        r#"{"expr":"*/10 * * * *"}"#,
        Some("2026-03-02T11:50:00.000Z"),
        Some("2026-03-02T12:00:00.000Z"),
    );
    history
        .fires("long", &["2026-03-02 09:01:00", "2026-03-02 10:01:00", "2026-03-02 11:01:00"])
        .fires("poll", &["2026-03-02 11:51:00"]);
    history
        .session("scheduler:sched:long", "2026-03-02 12:00:01")
        .session("scheduler:sched:poll", "2026-03-02 11:51:00");
    history
        .sql("UPDATE scheduled_jobs SET last_run_at = '2026-03-02T11:50:00.000Z' WHERE id = 'poll'")
        .fires("filler", &["2026-03-02 11:59:30"]);
    history
}

#[test]
fn jobs_behind_a_run_are_info_until_it_hangs() {
    let history = in_flight();
    history.check("2026-03-02T12:15:00Z", &[]);
    history.check("2026-03-02T12:16:00Z", &[WAITS]);
    history.check("2026-03-02T12:30:00Z", &[WAITS]);
    history.check("2026-03-02T12:30:01Z", &[LONG, WAITS]);
    history.check("2026-03-02T16:01:00Z", &[LONG, WAITS]);
    history.check("2026-03-02T16:01:01Z", &["critical past-due/run-hung ongoing"; 2]);
    assert_eq!(history.audit("2026-03-02T12:31:00Z", &[]).incidents(), ["warning run-long ongoing"]);
    assert_eq!(history.audit("2026-03-02T16:02:00Z", &[]).incidents(), ["critical run-hung ongoing"]);
}

#[test]
fn a_run_is_unusual_beyond_ten_minutes_and_twice_the_longest_of_the_last_thirty() {
    let history = in_flight();
    // Five known runs, the longest of seven minutes.
    history.sql("DELETE FROM cost_events");
    history
        .fires("long", &["2026-03-02 06:01:00", "2026-03-02 07:07:00", "2026-03-02 08:01:00", "2026-03-02 09:01:00"]);
    history.fires("long", &["2026-03-02 10:01:00", "2026-03-02 11:01:00"]);
    history.fires("poll", &["2026-03-02 11:51:00"]);
    let own = |now| history.audit(now, &["--job", "long"]).findings();
    assert_eq!(own("2026-03-02T12:14:00Z"), [""; 0]);
    assert_eq!(own("2026-03-02T12:14:01Z"), [LONG]);
    history.sql("UPDATE cost_events SET created_at = '2026-03-02 07:02:00' WHERE created_at LIKE '% 07:07:00'");
    assert_eq!(own("2026-03-02T12:10:00Z"), [""; 0]);
    assert_eq!(own("2026-03-02T12:10:01Z"), [LONG]);
}

#[test]
fn runs_that_only_rows_know_are_said_not_to_be_judged() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T09:00:00.000Z"), Some("2026-03-02T10:00:00.000Z"));
    let says = |history: &History| {
        history.audit("2026-03-02T09:30:00Z", &[]).out.contains("whether a model worked in them is not known")
    };
    assert!(says(&history));
    history.sql("UPDATE scheduled_jobs SET last_run_status = 'error'");
    assert!(!says(&history), "a run that fails leaves no event");
    history.sql("UPDATE scheduled_jobs SET last_run_status = 'ok'");
    history.fires("j", &["2026-03-02 09:01:00"]);
    assert!(!says(&history));
}

#[test]
fn delivery_hangs_after_15_minutes() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.job(
        "poll",
        "cron",
        r#"{"expr":"*/10 * * * *"}"#,
        Some("2026-03-02T10:50:00.000Z"),
        Some("2026-03-02T11:00:00.000Z"),
    );
    history.fires("j", &["2026-03-02 10:01:00"]).fires("poll", &["2026-03-02 10:51:00"]);
    history.fires("j", &["2026-03-02 11:02:00"]);
    history.check("2026-03-02T11:17:00Z", &[WAITS]);
    let hung = history.audit("2026-03-02T11:17:01Z", &[]);
    let stuck = "warning past-due/delivery-hung ongoing";
    assert_eq!(hung.findings(), [stuck, stuck]);
    assert_eq!(hung.incidents(), ["warning delivery-hung ongoing"]);
    let later = history.audit("2026-03-02T13:30:00Z", &[]);
    assert_eq!(later.incidents(), ["critical delivery-hung ongoing"]);
    assert_eq!(later.fingerprints(), hung.fingerprints());
    assert!(later.findings().iter().all(|line| line.starts_with("critical")), "{:?}", later.findings());
}

#[test]
fn run_in_flight_does_not_excuse_earlier_free_time() {
    let history = in_flight();
    history.sql("UPDATE scheduled_jobs SET next_run_at = '2026-03-02T02:00:00.000Z' WHERE id = 'poll'");
    let run = history.audit("2026-03-02T12:15:00Z", &["--job", "poll"]);
    assert_eq!(run.findings(), [LATE]);
}

#[test]
fn overtaken_run_is_not_in_flight() {
    let history = in_flight();
    history.fires("poll", &["2026-03-02 12:20:05"]);
    let run = history.audit("2026-03-02T15:00:00Z", &["--job", "long"]);
    assert!(run.findings().iter().all(|finding| !finding.contains("-run")), "{}", run.out);
}

#[test]
fn job_passed_over_three_times_is_not_waiting() {
    let history = History::new();
    history.job(
        "j",
        "cron",
        r#"{"expr":"0 11 * * *"}"#,
        Some("2026-03-01T11:00:00.000Z"),
        Some("2026-03-02T11:00:00.000Z"),
    );
    history.job(
        "poll",
        "cron",
        r#"{"expr":"*/30 * * * *"}"#,
        Some("2026-03-02T12:30:00.000Z"),
        Some("2026-03-02T13:00:00.000Z"),
    );
    // Its own row tells the start of the newest run only: the two before may have begun at the end of the one before them.
    history
        .fires("j", &["2026-03-01 11:01:00"])
        .fires("poll", &["2026-03-02 10:31:00", "2026-03-02 11:31:00", "2026-03-02 12:05:00"]);
    let of_j = |now| history.audit(now, &["--job", "j"]).findings();
    assert_eq!(of_j("2026-03-02T12:20:00Z"), [WAITS], "two fires: it may have waited behind long runs");
    history.fires("poll", &["2026-03-02 12:31:00"]);
    assert_eq!(of_j("2026-03-02T12:41:00Z"), [DUE]);
    assert_eq!(history.audit("2026-03-02T12:41:00Z", &[]).incidents(), ["warning job-silent ongoing"]);
}

#[test]
fn edited_row_is_info_while_the_timer_may_sleep() {
    let history = History::new();
    history.job(
        "j",
        "cron",
        r#"{"expr":"*/5 * * * *"}"#,
        Some("2026-03-02T08:00:00.000Z"),
        Some("2026-03-02T10:05:00.000Z"),
    );
    history.fires("j", &["2026-03-02 08:01:00"]);
    history.sql("UPDATE scheduled_jobs SET updated_at = '2026-03-02 10:01:00'");
    history.check("2026-03-02T11:02:00Z", &["info past-due/repaired ongoing"]);
    history.check("2026-03-02T11:02:01Z", &["warning past-due/repaired ongoing"]);
    history.check("2026-03-02T11:16:00Z", &["warning past-due/repaired ongoing"]);
    history.check("2026-03-02T11:16:01Z", &["critical past-due/repaired ongoing"]);
}

#[test]
fn ended_run_is_not_blamed_for_a_long_silence() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("deleted", &["2026-03-02 08:05:00"]).session("scheduler:sched:deleted", "2026-03-02 08:05:00");
    history.fires("j", &["2026-03-02 10:01:00"]).session("scheduler:sched:j", "2026-03-02 10:01:00");
    history.check("2026-04-02T10:00:00Z", &[LATE]);
}

#[test]
fn job_whose_row_is_never_updated_is_a_runaway() {
    let history = History::new();
    history.job("j", "every", r#"{"intervalMs":"60000"}"#, None, Some("2026-03-02T10:00:00.000Z"));
    history.fires("j", &["2026-03-02 10:01:00", "2026-03-02 10:05:00"]);
    history.check("2026-03-02T10:10:00Z", &["critical past-due/unreadable-schedule ongoing"]);
    history.fires("j", &["2026-03-02 10:09:00"]);
    history.check("2026-03-02T10:10:00Z", &["critical gap/runaway ongoing"]);
}

#[test]
fn jobs_of_a_different_zone_are_one_warning_and_no_gap() {
    let history = History::new();
    for id in ["a", "b"] {
        history.job(
            id,
            "cron",
            r#"{"expr":"0 9 * * *"}"#,
            Some("2026-03-02T14:00:00.000Z"),
            Some("2026-03-03T14:00:00.000Z"),
        );
    }
    let run = history.audit("2026-03-02T15:00:00Z", &[]);
    assert_eq!(run.findings(), ["warning gap/other-zone ongoing"]);
    let found = history.audit("2026-03-02T15:00:00Z", &["--timezone", "auto"]);
    assert_eq!(found.findings(), [""; 0]);
    assert_eq!(run.json()["findings"][0]["evidence"]["offset"], "UTC-05:00");
    history.sql("UPDATE scheduled_jobs SET consecutive_errors = 1, last_run_status = 'error'");
    history.check("2026-03-02T15:00:00Z", &["warning zero-tokens/failed-run ongoing"; 2]);
    history.sql(
        r#"UPDATE scheduled_jobs SET consecutive_errors = 0, last_run_status = 'ok',
           schedule_value = '{"expr":"0 9 * * *","tz":"UTC"}'"#,
    );
    history.check("2026-03-02T15:00:00Z", &[]);
}

#[test]
fn interval_job_in_backoff_is_off_its_cadence_by_design() {
    let history = History::new();
    history.job(
        "j",
        "every",
        r#"{"intervalMs":300000}"#,
        Some("2026-03-02T10:00:00.000Z"),
        Some("2026-03-02T11:01:00.000Z"),
    );
    history.fires("j", &["-2026-03-02 10:01:00"]).sql("UPDATE scheduled_jobs SET consecutive_errors = 5");
    history.check("2026-03-02T10:58:00Z", &["warning zero-tokens/job-failing ongoing"]);
}

#[test]
fn fingerprint_lasts_as_long_as_its_incident_on_any_copy() {
    let history = History::new();
    history.job("a", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.job(
        "b",
        "cron",
        r#"{"expr":"0 12 * * *"}"#,
        Some("2026-03-01T12:00:00.000Z"),
        Some("2026-03-02T12:00:00.000Z"),
    );
    history.fires("b", &["2026-03-01 12:01:00"]).fires("a", &["2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    let told = |now: &str| history.audit(now, &[]).fingerprints();
    let first = told("2026-03-02T11:16:00Z");
    assert_eq!(first.len(), 1);
    for now in ["2026-03-02T11:30:00Z", "2026-03-02T13:00:00Z", "2026-03-09T10:00:00Z", "2026-04-09T10:00:00Z"] {
        assert_eq!(told(now), first, "one job late, then both lost, then long ago: {now}");
    }
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("elsewhere.sqlite");
    std::fs::copy(&history.path, &path).unwrap();
    let arguments = ["-f", "json", "--timezone", "UTC", "--now", "2026-03-02T13:00:00Z", path.to_str().unwrap()];
    assert_eq!(crate::run(&arguments).fingerprints(), first);
    history.sql(
        "UPDATE scheduled_jobs SET last_run_at = '2026-03-03T10:00:00.000Z', next_run_at = '2026-03-03T11:00:00.000Z'",
    );
    history.fires("b", &["2026-03-03 10:00:30"]).fires("a", &["2026-03-03 10:01:00"]);
    let second = history.audit("2026-03-03T15:00:00Z", &["--job", "a"]);
    assert_eq!(second.incidents(), ["critical scheduler-silent ongoing", "warning scheduler-silent resolved"]);
    assert_eq!(second.fingerprints()[1], first[0], "what is over keeps its own");
    assert_ne!(second.fingerprints()[0], first[0]);
}

#[test]
fn failing_job_is_one_incident_from_first_error_to_recovery() {
    let history = History::new();
    let ladder = [
        "05:00:07", "05:00:44", "05:01:51", "05:06:58", "05:22:06", "06:00:07", "07:00:07", "08:00:07", "09:00:07",
        "10:00:07",
    ];
    history.job("j", "cron", HOURLY, Some("2026-03-02T04:00:00.000Z"), Some("2026-03-02T05:00:00.000Z"));
    history.fires("j", &["2026-03-02 04:01:00"]);
    history.job("other", "cron", HOURLY, Some("2026-03-02T09:30:00.000Z"), Some("2026-03-02T12:30:00.000Z"));
    let mut prints = std::collections::BTreeSet::new();
    for (index, time) in ladder.iter().enumerate() {
        history.fires("j", &[&format!("-2026-03-02 {time}")]).fires("other", &[&format!("2026-03-02 {time}")]);
        history.sql(&format!(
            "UPDATE scheduled_jobs SET consecutive_errors = {}, last_run_status = 'error', last_run_error = 'x', last_run_at = '2026-03-02T{time}.000Z',
             last_run_duration_ms = 900, next_run_at = '2026-03-02T23:00:00.000Z', updated_at = '2026-03-02 {time}' WHERE id = 'j'",
            index + 1
        ));
        prints.extend(history.audit(&format!("2026-03-02T{time}.950Z"), &["--job", "j"]).fingerprints());
    }
    history.sql("UPDATE scheduled_jobs SET status = 'failed', next_run_at = NULL WHERE id = 'j'");
    let open = history.audit("2026-03-03T05:00:00Z", &["--job", "j"]);
    assert_eq!(open.incidents(), ["critical job-failing ongoing"]);
    prints.extend(open.fingerprints());
    assert_eq!(prints.len(), 1, "{prints:?}");
    history.fires("j", &["2026-03-03 06:10:00"]);
    history.sql(
        "UPDATE scheduled_jobs SET status = 'active', consecutive_errors = 0, last_run_status = 'ok', last_run_at = '2026-03-03T06:09:00.000Z',
         last_run_duration_ms = 60000, next_run_at = '2026-03-03T07:00:00.000Z', updated_at = '2026-03-03 06:10:00' WHERE id = 'j'",
    );
    let over = history.audit("2026-03-03T06:30:00Z", &["--job", "j"]);
    assert_eq!(over.incidents(), ["warning job-failing resolved"], "the streak and the silence behind it");
    prints.extend(over.fingerprints());
    assert_eq!(prints.len(), 1, "{prints:?}");
}

#[test]
fn resolved_gap_is_a_warning_for_a_day_then_info() {
    let history = History::new();
    hours(&history, &["-2026-03-02 01:01:00", "-2026-03-02 02:01:00", "-2026-03-02 03:01:00", "2026-03-02 04:01:00"]);
    history.sql("UPDATE scheduled_jobs SET next_run_at = '2026-04-02T04:00:00.000Z', schedule_value = '{\"expr\":\"0 4 2 * *\"}'");
    let streak = |now| history.audit(now, &[]);
    assert_eq!(streak("2026-03-03T04:01:00Z").findings(), ["warning zero-tokens/zero-token-streak resolved"]);
    let old = streak("2026-03-03T04:01:01Z");
    assert_eq!((old.code, old.findings()), (0, vec!["info zero-tokens/zero-token-streak resolved".to_owned()]));
    assert_eq!(streak("2026-03-09T04:01:00Z").findings().len(), 1);
    assert_eq!(streak("2026-03-09T04:01:01Z").findings(), [""; 0]);
}

#[test]
fn audit_of_an_earlier_instant_does_not_see_the_future() {
    let history = History::new();
    hours(&history, &["2026-03-02 01:01:00", "-2026-03-02 02:01:00", "-2026-03-02 03:01:00", "-2026-03-02 04:01:00"]);
    history.check("2026-03-02T03:30:00Z", &[]);
    let notes = history.audit("2026-03-02T03:30:00Z", &[]).json()["databases"][0]["notes"].to_string();
    assert!(notes.contains("newer than"), "{notes}");
}

fn causes(run: &crate::Run) -> Vec<String> {
    run.incidents().iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

fn timeline(run: &crate::Run, job: usize) -> String {
    run.json()["databases"][0]["jobs"][job]["slots"]["marks"].as_str().unwrap().to_owned()
}

#[test]
fn silent_job_is_distinguished_from_silent_scheduler() {
    let history = History::new();
    history.job("quiet", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("quiet", &["2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    let alone = history.audit("2026-03-02T14:00:00Z", &[]);
    assert_eq!(causes(&alone), ["scheduler-silent"]);
    history.job("busy", "cron", HOURLY, Some("2026-03-02T13:00:00.000Z"), Some("2026-03-02T14:00:00.000Z"));
    history.fires("busy", &["2026-03-02 11:01:00", "2026-03-02 12:01:00", "2026-03-02 13:01:00"]);
    let run = history.audit("2026-03-02T14:00:00Z", &[]);
    assert_eq!(causes(&run), ["job-silent"]);
    assert_eq!(run.fingerprints(), alone.fingerprints(), "the same silence, better known");
    assert!(run.out.contains("busy ran at 2026-03-02 13:01 UTC"), "{}", run.out);
}

#[test]
fn other_channels_prove_that_the_process_is_alive() {
    let history = in_flight();
    let run = history.audit("2026-03-02T17:00:00Z", &[]);
    assert_eq!(causes(&run), ["run-hung"]);
    assert!(run.out.contains("or the process died in it"), "{}", run.out);
    history.session("slack:c", "2026-03-02 16:30:00");
    let run = history.audit("2026-03-02T17:00:00Z", &[]);
    assert!(run.out.contains("the process is alive, and its scheduler hangs in this run"), "{}", run.out);
}

#[test]
fn a_one_shot_that_gave_up_is_a_warning_for_a_day_and_info_until_since() {
    let history = History::new();
    let at = r#"{"at":"2026-03-02T10:00:00Z"}"#;
    history.job("j", "at", at, Some("2026-03-02T10:00:00.000Z"), None);
    history.sql("UPDATE scheduled_jobs SET status = 'failed', last_run_status = 'error', consecutive_errors = 3");
    history.check("2026-03-03T10:01:00Z", &["warning past-due/one-shot-lost ongoing"]);
    history.check("2026-03-03T10:01:01Z", &["info past-due/one-shot-lost ongoing"]);
    history.check("2026-03-09T10:01:00Z", &["info past-due/one-shot-lost ongoing"]);
    history.check("2026-03-09T10:01:01Z", &[]);
}

#[test]
fn first_thrown_run_was_due_after_the_last_good_one() {
    let history = History::new();
    hours(&history, &["2026-03-02 07:01:00"]);
    history.sql(
        "UPDATE scheduled_jobs SET last_run_at = '2026-03-02T10:00:00.000Z', last_run_duration_ms = 300,
         last_run_status = 'error', consecutive_errors = 3, next_run_at = '2026-03-02T10:05:00.000Z'",
    );
    let run = history.audit("2026-03-02T10:04:00Z", &[]);
    assert_eq!(run.incidents(), ["warning job-failing ongoing"]);
    assert_eq!(run.json()["incidents"][0]["since"], "2026-03-02T08:00:00Z");
}

#[test]
fn errors_with_tokens_are_counted_back_from_the_last_fire() {
    let history = History::new();
    hours(&history, &["2026-03-02 07:01:00", "2026-03-02 08:01:00", "2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    history.sql("UPDATE scheduled_jobs SET last_run_status = 'error', consecutive_errors = 3");
    let run = history.audit("2026-03-02T10:04:00Z", &[]);
    assert_eq!(run.incidents(), ["warning job-failing ongoing"]);
    assert_eq!(run.json()["incidents"][0]["since"], "2026-03-02T08:01:00Z");
}

#[test]
fn usual_run_in_flight_is_not_an_incident() {
    let usual = in_flight().audit("2026-03-02T12:29:00Z", &[]);
    assert_eq!((usual.code, causes(&usual)), (0, vec![]));
    assert!(usual.json()["findings"][0]["incident"].is_null());
}

#[test]
fn last_four_fires_without_tokens_point_at_the_provider() {
    let history = History::new();
    for id in ["a", "b"] {
        history.job(id, "cron", HOURLY, Some("2026-03-02T02:00:00.000Z"), Some("2026-03-02T03:00:00.000Z"));
    }
    let audit = || history.audit("2026-03-02T02:30:00Z", &[]);
    history
        .fires("a", &["-2026-03-02 01:01:00"])
        .fires("b", &["-2026-03-02 01:02:00"])
        .fires("a", &["-2026-03-02 02:01:00"]);
    assert_eq!(audit().findings(), [""; 0]);
    history.fires("b", &["-2026-03-02 02:01:00"]);
    assert_eq!(audit().findings(), ["warning zero-tokens/provider-failing ongoing"; 2]);
    assert_eq!(audit().incidents(), ["warning provider-failing ongoing"]);
    assert!(audit().out.contains("all 4 runs of 2 jobs failed or used no tokens"), "{}", audit().out);
    history.fires("c", &["2026-03-02 02:20:00"]);
    assert_eq!(audit().findings(), [""; 0], "a third job works");
}

#[test]
fn spreading_failure_keeps_its_fingerprint() {
    let history = History::new();
    for id in ["a", "b"] {
        history.job(id, "cron", HOURLY, Some("2026-03-02T02:00:00.000Z"), Some("2026-03-02T03:00:00.000Z"));
    }
    history.fires("b", &["2026-03-02 00:02:00"]).fires("a", &["2026-03-02 00:03:00"]);
    history.fires("a", &["-2026-03-02 01:01:00", "-2026-03-02 01:01:40", "-2026-03-02 01:03:00"]);
    let one = history.audit("2026-03-02T02:10:00Z", &[]);
    assert_eq!(one.incidents(), ["warning job-failing ongoing"]);
    history.fires("b", &["-2026-03-02 02:02:00"]);
    let both = history.audit("2026-03-02T02:10:00Z", &[]);
    assert_eq!(both.incidents(), ["critical provider-failing ongoing"], "no job has worked for an hour");
    assert_eq!(both.fingerprints(), one.fingerprints());
}

#[test]
fn undelivered_message_is_a_warning_unlike_intended_silence() {
    for (status, expected) in [
        ("'error:slack_returned_null'", vec!["warning zero-tokens/undelivered ongoing"]),
        ("'dropped:owner_user_id_unset'", vec!["warning zero-tokens/undelivered ongoing"]),
        ("'skipped:channel_none'", vec![]),
        ("'delivered'", vec![]),
        ("NULL", vec![]),
    ] {
        let history = History::new();
        hours(&history, &["2026-03-02 09:01:00"]);
        history.sql(&format!("UPDATE scheduled_jobs SET last_delivery_status = {status}"));
        history.check("2026-03-02T09:30:00Z", &expected);
        history.sql("UPDATE scheduled_jobs SET last_run_status = 'error', consecutive_errors = 1");
        history.check("2026-03-02T09:30:00Z", &[]);
    }
}

#[test]
fn next_run_after_several_slots_is_a_warning() {
    let history = History::new();
    hours(&history, &["2026-03-02 09:01:00"]);
    let next = |at: &str| history.sql(&format!("UPDATE scheduled_jobs SET next_run_at = '{at}'"));
    next("2026-03-03T10:00:00.000Z").check("2026-03-02T09:30:00Z", &[]);
    next("2027-03-03T10:00:00.000Z").check("2026-03-02T09:30:00Z", &["warning past-due/slots-skipped ongoing"]);
    history.sql(r#"UPDATE scheduled_jobs SET schedule_value = '{"expr":"0 9 * * 5"}'"#);
    next("2026-03-06T09:00:00.000Z").check("2026-03-02T09:30:00Z", &[]);
    next("2026-03-13T09:00:00.000Z").check("2026-03-02T09:30:00Z", &["warning past-due/slots-skipped ongoing"]);
    next("2026-03-20T09:00:00.000Z").check("2026-03-02T09:30:00Z", &["warning past-due/slots-skipped ongoing"]);
}

#[test]
fn too_many_fires_are_a_warning_with_their_cost() {
    let history = History::new();
    hours(&history, &["2026-03-02 09:01:00"]);
    // 22 in their slots, and then one a minute.
    let day = |fires: i64| {
        history.sql("DELETE FROM cost_events");
        for (count, last, unit) in [(22, "07:01", "hours"), (fires - 22, "09:01", "minutes")] {
            history.sql(&format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                 INSERT INTO cost_events (session_key, cost_usd, input_tokens, output_tokens, created_at)
                 SELECT 'scheduler:sched:j', 0.5, 7, 7, datetime('2026-03-02 {last}:00', (i - {count}) || ' {unit}') FROM n"
            ));
        }
        history.audit("2026-03-02T09:02:00Z", &[])
    };
    assert_eq!(day(74).findings(), [""; 0]);
    let many = day(75);
    assert_eq!(many.findings(), ["warning gap/runaway ongoing"]);
    assert_eq!(history.audit("2026-03-02T09:05:00Z", &[]).findings(), [""; 0], "none for three of its own intervals");
    assert!(many.out.contains("75 runs in the last day for 25 slots, costing 37.50 USD"), "{}", many.out);
    history
        .sql("INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'run', '2026-03-01 09:01:59')");
    assert_eq!(day(75).findings(), ["warning gap/runaway ongoing"], "by hand, but a day ago");
    history
        .sql("INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'run', '2026-03-02 09:01:00')");
    assert_eq!(day(75).findings(), [""; 0], "one of them by hand");
    history.sql("DELETE FROM scheduler_audit_log");
    day(75);
    history
        .sql("UPDATE cost_events SET input_tokens = 0, output_tokens = 0 WHERE id = (SELECT min(id) FROM cost_events)");
    assert_eq!(history.audit("2026-03-02T09:02:00Z", &[]).findings(), [""; 0], "an error and its retry");
    history.sql("UPDATE cost_events SET created_at = datetime(created_at, '-4 hours')");
    history.fires("j", &["2026-03-02 06:01:00", "2026-03-02 07:01:00", "2026-03-02 08:01:00", "2026-03-02 09:01:00"]);
    assert_eq!(history.audit("2026-03-02T09:30:00Z", &[]).findings(), [""; 0], "over by its newest four intervals");
}

#[test]
fn three_fires_of_ten_times_the_usual_tokens_are_info() {
    let history = History::new();
    let times: Vec<String> = (0..13).map(|hour| format!("2026-03-02 {hour:02}:01:00")).collect();
    hours(&history, &times.iter().map(String::as_str).collect::<Vec<_>>());
    let grown = |from: u32| {
        history.sql("UPDATE cost_events SET output_tokens = 7");
        history.sql(&format!("UPDATE cost_events SET output_tokens = 133 WHERE id > {from}"));
        history.audit("2026-03-02T12:30:00Z", &[]).findings()
    };
    assert_eq!(grown(11), [""; 0]);
    assert_eq!(grown(10), ["info zero-tokens/token-growth ongoing"]);
    history.sql("DELETE FROM cost_events WHERE id = 1");
    assert_eq!(grown(10), [""; 0], "of nine earlier ones");
}

#[test]
fn missing_row_of_a_regular_job_is_info_unless_deleted() {
    let history = History::new();
    let times = [
        "2026-03-02 05:01:00",
        "2026-03-02 06:01:00",
        "2026-03-02 07:01:00",
        "2026-03-02 08:01:00",
        "2026-03-02 09:01:00",
    ];
    history.job("k", "cron", HOURLY, Some("2026-03-02T09:00:00.000Z"), Some("2026-03-02T10:00:00.000Z"));
    history.fires("gone", &times[..4]);
    history.check("2026-03-02T09:30:00Z", &[]);
    history.fires("gone", &times[4..]);
    history.check("2026-03-02T09:30:00Z", &["info gap/jobs-gone ongoing"]);
    history.sql(
        "INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('gone', 'delete', '2026-03-02 09:10:00')",
    );
    history.check("2026-03-02T09:30:00Z", &[]);
}

/// 30,000 of the 40,000 events are read in two halves side by side, each by a reader that meets these jobs by itself.
#[test]
fn events_of_unknown_jobs_are_kept_apart() {
    let history = History::new();
    history.sql(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 39999)
         INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
         SELECT CASE WHEN i % 2000 = 0 AND i < 12000 THEN 'scheduler:sched:early'
                     WHEN i % 2000 = 1 AND i BETWEEN 16000 AND 28000 THEN 'scheduler:sched:middle'
                     WHEN i % 2000 = 2 THEN 'scheduler:sched:always'
                     WHEN i % 1000 = 3 AND i > 30000 THEN 'scheduler:sched:newest' ELSE 'chat' END,
                5, 5, datetime('2026-02-26 00:00:00', (i * 10) || ' seconds') FROM n",
    );
    history.job("k", "cron", HOURLY, Some("2026-03-02T15:00:00.000Z"), Some("2026-03-02T16:00:00.000Z"));
    let run = history.audit("2026-03-02T16:00:00Z", &[]);
    let mut gone: Vec<String> = run.json()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            format!("{} {}", finding["job"]["id"].as_str().unwrap_or_default(), finding["evidence"]["fires"])
        })
        .collect();
    gone.sort();
    assert_eq!(gone, ["always 20", "early 6", "middle 6", "newest 10"]);
}

#[test]
fn nothing_to_watch_is_a_warning_unless_the_dashboard_did_it() {
    let history = History::new();
    history.fires("gone", &["2026-03-02 05:01:00"]);
    history.check("2026-03-02T09:30:00Z", &["warning past-due/nothing-watched ongoing"]);
    history.sql(
        "INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('gone', 'delete', '2026-03-02 09:10:00')",
    );
    history.check("2026-03-02T09:30:00Z", &[]);
    let paused = History::new();
    paused.job("j", "cron", HOURLY, Some("2026-03-02T05:00:00.000Z"), Some("2026-03-02T06:00:00.000Z"));
    paused.sql("UPDATE scheduled_jobs SET status = 'paused'");
    paused.check("2026-03-02T09:30:00Z", &["warning past-due/nothing-watched ongoing"]);
    paused.sql(
        "INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('j', 'pause', '2026-03-02 09:10:00')",
    );
    paused.check("2026-03-02T09:30:00Z", &[]);
}

#[test]
fn unjudged_job_is_a_warning() {
    let streak: Vec<String> = (0..10).map(|hour| format!("-2026-03-02 {hour:02}:01:00")).collect();
    for change in [
        "UPDATE cost_events SET created_at = 'noon'",
        "UPDATE cost_events SET created_at = X'00ff'",
        "UPDATE cost_events SET input_tokens = NULL",
        "UPDATE cost_events SET input_tokens = -1",
        "UPDATE cost_events SET output_tokens = 'none'",
        "UPDATE scheduled_jobs SET id = ''",
        "UPDATE scheduled_jobs SET id = NULL",
    ] {
        let history = History::new();
        hours(&history, &streak.iter().map(String::as_str).collect::<Vec<_>>());
        history.sql("UPDATE cost_events SET input_tokens = 9").sql(change);
        let run = history.audit("2026-03-02T09:30:00Z", &[]);
        assert_eq!(run.findings()[0], "warning zero-tokens/unjudged ongoing", "{change}");
        assert_eq!(run.incidents(), ["warning unjudged ongoing"], "{change}");
    }
}

#[test]
fn a_streak_is_seen_whatever_type_its_zeros_have_and_whatever_its_id_is() {
    let streak: Vec<String> = (0..10).map(|hour| format!("-2026-03-02 {hour:02}:01:00")).collect();
    for change in [
        "UPDATE cost_events SET input_tokens = '0', output_tokens = '0'",
        "UPDATE cost_events SET input_tokens = 0.0, output_tokens = '0.0'",
        "UPDATE cost_events SET created_at = julianday(created_at)",
        "UPDATE cost_events SET created_at = strftime('%s', created_at)",
        "UPDATE scheduled_jobs SET id = printf('%.600c', 'x'); UPDATE cost_events SET session_key = 'scheduler:sched:' || printf('%.600c', 'x')",
        "UPDATE scheduled_jobs SET id = CAST(X'ff6a' AS TEXT); UPDATE cost_events SET session_key = CAST('scheduler:sched:' || X'ff6a' AS TEXT)",
    ] {
        let history = History::new();
        hours(&history, &streak.iter().map(String::as_str).collect::<Vec<_>>());
        history.sql(change);
        let run = history.audit("2026-03-02T09:30:00Z", &[]);
        assert_eq!(run.findings(), ["critical zero-tokens/zero-token-streak ongoing"], "{change}: {}", run.out);
    }
}

#[test]
fn shown_statement_cannot_be_broken_out_of() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    history.sql("UPDATE scheduled_jobs SET name = 'a name that needs quoting picks no row'");
    let sql = |id: &str| {
        history.db.execute("UPDATE scheduled_jobs SET id = ?1", [id]).unwrap();
        history.audit("2026-03-02T12:00:00Z", &[]).json()["incidents"][0]["sql"].as_str().map(str::to_owned)
    };
    let revive = "UPDATE scheduled_jobs SET next_run_at=strftime('%Y-%m-%dT%H:%M:%fZ','now'), updated_at=datetime('now') WHERE id=";
    assert_eq!(sql("a'; DROP TABLE x;--"), Some(format!("{revive}'a''; DROP TABLE x;--';")));
    assert_eq!(sql("a\nb"), Some(format!("{revive}CAST(X'610A62' AS TEXT);")));
    assert_eq!(sql(&"x".repeat(201)), None);
}

#[test]
fn timeline_shows_fires_zeros_losses_and_waits() {
    let history = History::new();
    hours(&history, &["2026-03-01 23:01:00", "2026-03-02 00:01:00", "-2026-03-02 01:01:00", "-2026-03-02 02:01:00"]);
    history.sql("UPDATE scheduled_jobs SET created_at = '2026-03-01 22:30:00'");
    let silent = history.audit("2026-03-02T05:10:00Z", &[]);
    assert_eq!(timeline(&silent, 0), "##00xxx");
    assert_eq!(silent.json()["incidents"][0]["jobs"][0]["missed_slots"], 3, "one count for all");
}

#[test]
fn timeline_shows_what_was_lost_before_the_run_in_flight() {
    let history = History::new();
    hours(&history, &["2026-03-02 00:01:00", "-2026-03-02 01:01:00", "-2026-03-02 02:01:00"]);
    history.sql("UPDATE scheduled_jobs SET created_at = '2026-03-01 23:30:00'");
    history.session("scheduler:sched:j", "2026-03-02 05:00:01");
    history.sql("UPDATE scheduled_jobs SET next_run_at = '2026-03-02T05:00:00.000Z'");
    assert_eq!(timeline(&history.audit("2026-03-02T05:10:00Z", &[]), 0), "#00xx~");
}

#[test]
fn starved_job_is_info() {
    let history = History::new();
    history.job(
        "long",
        "cron",
        "{\"expr\":\"0 * * * *\"}",
        Some("2026-03-02T10:00:00.000Z"),
        Some("2026-03-02T12:00:00.000Z"),
    );
    history.job(
        "poll",
        "cron",
        r#"{"expr":"*/10 * * * *"}"#,
        Some("2026-03-02T11:55:10.000Z"),
        Some("2026-03-02T12:00:00.000Z"),
    );
    for hour in 1..12 {
        history
            .fires("long", &[&format!("2026-03-02 {hour:02}:55:00")])
            .fires("poll", &[&format!("2026-03-02 {hour:02}:55:20")]);
    }
    history.sql("UPDATE scheduled_jobs SET created_at = '2026-03-02 00:50:00'");
    history.sql("UPDATE scheduled_jobs SET last_run_at = '2026-03-02T11:00:00.000Z', last_run_duration_ms = 3300000 WHERE id = 'long'");
    let starved = ["info gap/starved ongoing"];
    history.check("2026-03-02T11:56:00Z", &starved);
    let resumed = |at: &str| {
        history.sql(&format!(
            "INSERT INTO scheduler_audit_log (job_id, action, created_at) VALUES ('poll', 'resume', '{at}')"
        ))
    };
    resumed("2026-03-01 11:55:00").check("2026-03-02T11:56:00Z", &starved);
    resumed("2026-03-01 11:57:00").check("2026-03-02T11:56:00Z", &[]);
}

#[test]
fn silence_may_be_one_long_run_if_sessions_moved_on() {
    let history = History::new();
    let ten = r#"{"expr":"*/10 * * * *"}"#;
    history.job("j", "cron", ten, Some("2026-03-02T11:50:00.000Z"), Some("2026-03-02T12:00:00.000Z"));
    history.fires("j", &["2026-03-02 11:40:05", "2026-03-02 11:50:05"]);
    history.sql("UPDATE scheduled_jobs SET last_run_duration_ms = 5000, updated_at = '2026-03-02 11:50:05'");
    let lost = |now: &str| history.audit(now, &[]).findings().contains(&LATE.to_owned());
    assert!(lost("2026-03-02T16:15:00Z") && lost("2026-03-02T16:16:00Z"));
    history.session("scheduler:sched:j", "2026-03-02 20:00:00");
    assert!(!lost("2026-03-02T16:15:00Z") && lost("2026-03-02T16:16:00Z"));
}

#[test]
fn a_clock_that_was_set_back_is_not_a_dead_scheduler() {
    let history = History::new();
    let ahead = "2026-03-05T10:00:00.000Z";
    history.job("j", "cron", HOURLY, Some(ahead), Some("2026-03-05T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 09:01:00", "2026-03-02 10:01:00", "2026-03-05 10:01:00"]);
    // Nothing follows the row of the future: it is merely later than the audit.
    history.check("2026-03-02T10:30:00Z", &[]);
    history.fires("deleted", &["2026-03-02 10:20:00"]);
    history.check("2026-03-02T10:30:00Z", &["warning gap/clock-set-back ongoing"]);
    let later = history.audit("2026-03-02T13:30:00Z", &[]);
    assert_eq!(later.incidents(), ["critical clock-set-back ongoing"]);
    let json = later.json();
    assert!(json["incidents"][0]["sql"].as_str().unwrap().starts_with("UPDATE scheduled_jobs SET next_run_at"));
}

#[test]
fn model_and_cost_of_the_runs_are_read() {
    let history = History::new();
    let fires: Vec<String> = (0..13).map(|hour| format!("2026-03-02 {hour:02}:01:00")).collect();
    hours(&history, &fires.iter().map(String::as_str).collect::<Vec<_>>());
    history.sql("UPDATE cost_events SET model = 'small', cost_usd = 0.25");
    let quiet = history.audit("2026-03-02T12:30:00Z", &[]);
    let job = quiet.json()["databases"][0]["jobs"][0].clone();
    assert_eq!((quiet.findings(), &job["last_day"]["cost_usd"]), (vec![], &3.25.into()));
    assert_eq!((&job["last_week"]["fires"], job["last_week"]["tokens"].is_u64()), (&13.into(), true));
    history.sql("UPDATE cost_events SET model = 'large' WHERE created_at > '2026-03-02 09:30'");
    history.check("2026-03-02T12:30:00Z", &["info zero-tokens/model-changed ongoing"]);
    history.sql("UPDATE cost_events SET cost_usd = 0");
    let unknown = history.audit("2026-03-02T12:30:00Z", &[]).json()["databases"][0]["jobs"][0]["last_day"].clone();
    assert!(unknown["cost_usd"].is_null(), "{unknown}");
}

#[test]
fn a_job_that_is_silent_alone_keeps_its_fingerprint_beyond_the_window() {
    let history = History::new();
    history.job("silent", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.job(
        "other",
        "cron",
        "{\"expr\":\"30 * * * *\"}",
        Some("2026-04-10T10:30:00.000Z"),
        Some("2026-04-10T11:30:00.000Z"),
    );
    history.sql(
        "WITH RECURSIVE t(at, who) AS (
           SELECT '2026-03-02 08:01:00', 'silent' UNION ALL
           SELECT datetime(at, '+30 minutes'), CASE who WHEN 'silent' THEN 'other' ELSE 'silent' END FROM t WHERE at < '2026-04-10 10:00:00')
         INSERT INTO cost_events (session_key, cost_usd, input_tokens, output_tokens, model, created_at)
         SELECT 'scheduler:sched:' || who, 0, 7, 7, 'm', at FROM t WHERE who = 'other' OR at <= '2026-03-02 10:01:00'",
    );
    let told = |now: &str| {
        let run = history.audit(now, &[]);
        assert_eq!(run.incidents(), ["critical job-silent ongoing"], "{now}: {}", run.out);
        run.fingerprints().remove(0)
    };
    let first = told("2026-03-02T14:10:00Z");
    for now in [
        "2026-03-05T14:10:00Z",
        "2026-03-09T14:10:00Z",
        "2026-03-10T14:10:00Z",
        "2026-03-11T14:10:00Z",
        "2026-04-10T10:35:00Z",
    ] {
        assert_eq!(told(now), first, "{now}");
    }
}
