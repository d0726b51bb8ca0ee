//! Each rule by tiny histories: quiet, at the threshold, past it.

use crate::{HOURLY, History};

const LATE: &str = "critical past-due/overdue ongoing";
const GAP: &str = "critical gap/silent ongoing";

#[test]
fn an_hourly_job_is_overdue_only_beyond_twice_its_cadence() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 10:01:00"]);
    history.check("2026-03-02T11:59:00Z", &[]);
    history.check("2026-03-02T13:00:00Z", &[GAP]);
    history.check("2026-03-02T13:00:01Z", &[LATE, GAP]);
}

/// A job that fires at 17:00 from Monday to Friday, and did so last on the day `last`.
fn weekday_job(last: &str, next: &str) -> History {
    let history = History::new();
    let at_five = |day: &str| format!("{day}T17:00:00.000Z");
    history.job("j", "cron", r#"{"expr":"0 17 * * 1-5"}"#, Some(&at_five(last)), Some(&at_five(next)));
    history
}

#[test]
fn a_weekday_job_due_on_friday_is_a_warning_on_saturday_and_critical_after_tuesday() {
    let history = weekday_job("2026-03-05", "2026-03-06");
    history.check("2026-03-06T22:00:00Z", &[]);
    history.check("2026-03-07T12:00:00Z", &["warning past-due/overdue ongoing"]);
    history.check("2026-03-10T17:00:01Z", &[LATE, GAP]);
}

#[test]
fn a_weekend_of_a_weekday_job_is_no_gap() {
    let history = weekday_job("2026-03-09", "2026-03-10");
    history.fires("j", &["2026-03-05 17:01:00", "2026-03-06 17:01:00", "2026-03-09 17:01:00"]);
    history.check("2026-03-09T20:00:00Z", &[]);
}

#[test]
fn a_one_shot_is_critical_once_it_is_later_than_late_after() {
    let history = History::new();
    history.job("j", "at", r#"{"at":"2026-03-02T10:00:00Z"}"#, None, Some("2026-03-02T10:00:00.000Z"));
    history.check("2026-03-02T15:59:00Z", &[]);
    history.check("2026-03-02T16:00:01Z", &[LATE]);
}

#[test]
fn a_row_that_can_never_fire_again_is_critical() {
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
fn silence_of_a_paused_disabled_or_completed_job_is_right() {
    for (change, state) in
        [("status = 'paused'", "paused"), ("enabled = 0", "disabled"), ("status = 'completed'", "completed")]
    {
        let history = History::new();
        history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
        history.sql(&format!("UPDATE scheduled_jobs SET {change}"));
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
fn two_zero_token_fires_are_quiet_three_a_warning_five_critical() {
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
fn errors_in_a_row_are_a_warning_where_no_streak_shows_them() {
    let history = History::new();
    hours(&history, &["2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    let with = |errors: i64| history.sql(&format!("UPDATE scheduled_jobs SET consecutive_errors = {errors}"));
    with(2).check("2026-03-02T10:30:00Z", &[]);
    with(3).check("2026-03-02T10:30:00Z", &["warning zero-tokens/failing ongoing"]);
    history.sql("UPDATE cost_events SET input_tokens = 0, output_tokens = 0").fires("j", &["-2026-03-02 10:02:00"]);
    with(3).check("2026-03-02T10:30:00Z", &["warning zero-tokens/zero-token-streak ongoing"]);
}

#[test]
fn a_count_that_is_null_is_not_zero() {
    let history = History::new();
    hours(&history, &["-2026-03-02 01:01:00", "-2026-03-02 02:01:00", "?2026-03-02 03:01:00"]);
    history.check("2026-03-02T03:30:00Z", &[]);
}

#[test]
fn a_streak_before_a_silence_of_a_year_is_still_found() {
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
fn an_old_last_run_behind_a_fresh_next_run_is_an_open_gap() {
    let history = History::new();
    // As after a restart: next_run_at is the boot's time plus seconds, no slot.
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T20:30:05.000Z"));
    history.sql("UPDATE scheduled_jobs SET updated_at = '2026-03-02 20:30:00'");
    history.check("2026-03-02T20:30:01Z", &[GAP]);
}

#[test]
fn a_resume_or_an_edit_restarts_the_clock_of_an_open_gap() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T21:00:00.000Z"));
    history.sql("UPDATE scheduled_jobs SET updated_at = '2026-03-02 20:30:00'");
    history.check("2026-03-02T20:31:00Z", &[]);
}

#[test]
fn a_job_that_never_ran_counts_from_its_creation_once_slots_have_passed() {
    let history = History::new();
    history.job("j", "cron", r#"{"expr":"0 6 1 * *"}"#, None, Some("2026-04-01T06:00:00.000Z"));
    history.check("2026-03-20T00:00:00Z", &[]);
    history.check("2026-05-01T06:00:01Z", &[GAP, "warning past-due/overdue ongoing"]);
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
    run.findings().into_iter().filter(|line| line.ends_with("gap/silent resolved")).collect()
}

#[test]
fn a_closed_gap_that_one_run_can_explain_is_no_fault() {
    assert_eq!(gaps_of_j(&closed("15:59", &ALIVE[..4])), [""; 0]);
}

#[test]
fn a_closed_gap_with_the_slot_free_is_a_warning() {
    assert_eq!(gaps_of_j(&closed("19:30", &ALIVE)), ["warning gap/silent resolved"]);
}

#[test]
fn a_closed_gap_longer_than_one_run_is_no_fault_if_the_slot_was_held_all_the_while() {
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
fn jobs_wait_behind_a_plausible_run_are_warned_of_an_unusual_one_and_critical_behind_a_hung_one() {
    let history = in_flight();
    history.check("2026-03-02T12:15:00Z", &[]);
    history.check("2026-03-02T12:29:00Z", &["info past-due/waiting ongoing"]);
    history.check("2026-03-02T12:31:00Z", &["warning past-due/waiting ongoing"; 2]);
    history.check("2026-03-02T16:00:00Z", &["warning past-due/waiting ongoing"; 2]);
    history.check("2026-03-02T16:01:02Z", &["critical past-due/hung-run ongoing"; 2]);
}

#[test]
fn a_job_that_was_due_while_the_slot_was_free_is_not_excused_by_a_run_in_flight() {
    let history = in_flight();
    history.sql("UPDATE scheduled_jobs SET next_run_at = '2026-03-02T02:00:00.000Z' WHERE id = 'poll'");
    let run = history.audit("2026-03-02T12:15:00Z", &["--job", "poll"]);
    assert_eq!(run.findings(), [LATE]);
}

#[test]
fn a_run_that_others_overtook_is_not_in_flight() {
    let history = in_flight();
    history.fires("poll", &["2026-03-02 12:20:05"]);
    let run = history.audit("2026-03-02T15:00:00Z", &["--job", "long"]);
    assert!(run.findings().contains(&LATE.to_owned()), "{}", run.out);
}

#[test]
fn a_run_that_ended_is_not_blamed_when_nothing_has_fired_for_longer_than_the_window() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("deleted", &["2026-03-02 08:05:00"]).session("scheduler:sched:deleted", "2026-03-02 08:05:00");
    history.fires("j", &["2026-03-02 10:01:00"]).session("scheduler:sched:j", "2026-03-02 10:01:00");
    history.check("2026-04-02T10:00:00Z", &[LATE, GAP]);
}

#[test]
fn a_job_whose_row_is_never_updated_fires_without_end() {
    let history = History::new();
    history.job("j", "every", r#"{"intervalMs":"60000"}"#, None, Some("2026-03-02T10:00:00.000Z"));
    history.fires("j", &["2026-03-02 10:01:00", "2026-03-02 10:05:00"]);
    history.check("2026-03-02T10:10:00Z", &["critical past-due/unreadable-schedule ongoing"]);
    history.fires("j", &["2026-03-02 10:09:00"]);
    history.check("2026-03-02T10:10:00Z", &["critical past-due/runaway ongoing"]);
}

#[test]
fn jobs_of_another_zone_are_one_info_line_and_no_false_gap() {
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
    assert_eq!(run.findings(), ["info gap/other-zone ongoing"]);
    assert_eq!(run.json()["findings"][0]["evidence"]["offset"], "UTC-05:00");
}

#[test]
fn an_interval_job_in_backoff_after_an_error_is_off_its_cadence_by_design() {
    let history = History::new();
    history.job(
        "j",
        "every",
        r#"{"intervalMs":300000}"#,
        Some("2026-03-02T10:00:00.000Z"),
        Some("2026-03-02T11:01:00.000Z"),
    );
    history.fires("j", &["-2026-03-02 10:01:00"]).sql("UPDATE scheduled_jobs SET consecutive_errors = 5");
    history.check("2026-03-02T10:58:00Z", &["warning zero-tokens/failing ongoing"]);
}

#[test]
fn a_fingerprint_lasts_as_long_as_its_trouble_and_differs_between_jobs_detectors_and_occurrences() {
    let history = History::new();
    history.job("a", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.job("b", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    let prints = |now: &str| -> Vec<String> {
        let json = history.audit(now, &[]).json();
        json["findings"].as_array().unwrap().iter().map(|f| f["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    let (early, late) = (prints("2026-03-02T15:00:00Z"), prints("2026-03-03T15:00:00Z"));
    assert_eq!(early, late);
    assert_eq!(early.iter().collect::<std::collections::HashSet<_>>().len(), 4, "two jobs, two detectors");
    history.sql(
        "UPDATE scheduled_jobs SET last_run_at = '2026-03-03T10:00:00.000Z', next_run_at = '2026-03-03T11:00:00.000Z'",
    );
    assert!(prints("2026-03-03T15:00:00Z").iter().all(|print| !early.contains(print)));
}

#[test]
fn an_audit_as_of_an_earlier_instant_does_not_see_the_future() {
    let history = History::new();
    hours(&history, &["2026-03-02 01:01:00", "-2026-03-02 02:01:00", "-2026-03-02 03:01:00", "-2026-03-02 04:01:00"]);
    history.check("2026-03-02T03:30:00Z", &[]);
    let notes = history.audit("2026-03-02T03:30:00Z", &[]).json()["databases"][0]["notes"].to_string();
    assert!(notes.contains("newer than"), "{notes}");
}

fn kinds(run: &crate::Run) -> Vec<String> {
    let json = run.json();
    let diagnosis = json["databases"][0]["diagnosis"].as_array().unwrap();
    diagnosis.iter().map(|found| found["kind"].as_str().unwrap().to_owned()).collect()
}

fn strip(run: &crate::Run, job: usize) -> String {
    let json = run.json();
    let slots = json["databases"][0]["jobs"][job]["recent_slots"].as_array().unwrap();
    slots.iter().map(|slot| slot["outcome"].as_str().unwrap().chars().next().unwrap()).collect()
}

#[test]
fn a_job_silent_while_others_fire_is_told_from_a_silent_scheduler() {
    let history = History::new();
    history.job("quiet", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("quiet", &["2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    assert_eq!(kinds(&history.audit("2026-03-02T14:00:00Z", &[])), ["scheduler-silent"]);
    history.job("busy", "cron", HOURLY, Some("2026-03-02T13:00:00.000Z"), Some("2026-03-02T14:00:00.000Z"));
    history.fires("busy", &["2026-03-02 12:01:00", "2026-03-02 13:01:00"]);
    let run = history.audit("2026-03-02T14:00:00Z", &[]);
    assert_eq!(kinds(&run), ["job-silent"]);
    assert!(run.out.contains("busy fired at 2026-03-02 13:01 UTC"), "{}", run.out);
}

#[test]
fn other_channels_prove_that_the_process_of_a_silent_scheduler_lives() {
    let history = in_flight();
    let run = history.audit("2026-03-02T17:00:00Z", &[]);
    assert_eq!(kinds(&run), ["scheduler-silent"]);
    assert!(run.out.contains("or was killed in it"), "{}", run.out);
    history.session("slack:c", "2026-03-02 16:30:00");
    let run = history.audit("2026-03-02T17:00:00Z", &[]);
    assert!(run.out.contains("the scheduler hangs in the run of long\""), "{}", run.out);
}

#[test]
fn an_open_breaker_is_told_with_the_spacing_of_its_errors_where_that_is_the_backoffs() {
    let ladder = ["05:00:07", "05:00:44", "05:01:51", "05:06:58", "05:22:06", "06:00:07", "07:00:07"];
    let hourly = ["01:00:07", "02:00:07", "03:00:07", "04:00:07", "05:00:07", "06:00:07", "07:00:07"];
    for (times, spaced) in [(ladder, true), (hourly, false)] {
        let history = History::new();
        history.job("j", "cron", HOURLY, Some("2026-03-02T07:00:00.000Z"), None);
        history.sql("UPDATE scheduled_jobs SET status = 'failed', consecutive_errors = 7");
        for time in times {
            history.fires("j", &[&format!("-2026-03-02 {time}")]);
        }
        let json = history.audit("2026-03-02T09:00:00Z", &[]).json();
        let observed = json["databases"][0]["diagnosis"][0]["observed"][0].as_str().unwrap().to_owned();
        assert!(observed.starts_with("j: 7 errors in a row"), "{observed}");
        assert_eq!(observed.contains("spaced by the scheduler's backoff"), spaced, "{observed}");
    }
}

#[test]
fn a_plausible_run_in_flight_is_diagnosed_as_running() {
    assert_eq!(kinds(&in_flight().audit("2026-03-02T12:29:00Z", &[])), ["running"]);
}

#[test]
fn zero_tokens_of_every_job_point_at_the_provider() {
    let history = History::new();
    for id in ["a", "b"] {
        history.job(id, "cron", HOURLY, Some("2026-03-02T03:00:00.000Z"), Some("2026-03-02T04:00:00.000Z"));
    }
    for hour in 1..=3 {
        history
            .fires("a", &[&format!("-2026-03-02 0{hour}:01:00")])
            .fires("b", &[&format!("-2026-03-02 0{hour}:02:00")]);
    }
    assert_eq!(kinds(&history.audit("2026-03-02T03:30:00Z", &[])), ["provider-failing"]);
    history.fires("b", &["2026-03-02 03:20:00"]);
    assert_eq!(kinds(&history.audit("2026-03-02T03:30:00Z", &[])), [""; 0]);
}

#[test]
fn the_strip_shows_fires_zeros_holes_and_waits_oldest_first() {
    let history = History::new();
    hours(&history, &["2026-03-01 23:01:00", "2026-03-02 00:01:00", "-2026-03-02 01:01:00", "-2026-03-02 02:01:00"]);
    history.sql("UPDATE scheduled_jobs SET created_at = '2026-03-01 22:30:00'");
    assert_eq!(strip(&history.audit("2026-03-02T05:10:00Z", &[]), 0), "ffzzmmm");
    history.session("scheduler:sched:j", "2026-03-02 05:00:01");
    assert_eq!(strip(&history.audit("2026-03-02T05:10:00Z", &[]), 0), "ffzzmmw");
}

#[test]
fn a_job_that_loses_most_slots_to_long_runs_is_one_info_line() {
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
    history.check("2026-03-02T11:56:00Z", &["info gap/starved ongoing"]);
}
