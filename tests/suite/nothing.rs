//! Runs that wrote nothing, runs that are not on record, and jobs that nobody runs.

use crate::History;
use crate::openclaw::{OpenClaw, ms};
use serde_json::json;

#[test]
fn runs_that_read_and_wrote_nothing_are_told_with_what_they_read() {
    let history = History::new();
    history.job("j", "cron", crate::HOURLY, Some("2026-03-02T12:00:00.000Z"), Some("2026-03-02T13:00:00.000Z"));
    let hours: Vec<String> = (0..13).map(|hour| format!("2026-03-02 {hour:02}:01:00")).collect();
    history.fires("j", &hours.iter().map(String::as_str).collect::<Vec<_>>());
    history.check("2026-03-02T12:30:00Z", &[]);
    history.sql("UPDATE cost_events SET input_tokens = 61000, output_tokens = 0 WHERE created_at > '2026-03-02 06:30'");
    let run = history.audit("2026-03-02T12:30:00Z", &[]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.out.contains("6 runs in a row read 366,000 tokens and wrote none"), "{}", run.out);
    history.sql("UPDATE cost_events SET output_tokens = 0");
    history.check("2026-03-02T12:30:00Z", &[]);
}

#[test]
fn a_run_log_that_stopped_is_no_silence() {
    let store = OpenClaw::new("12:29");
    store.hourly("j", "12:00", "13:00").worked("j", &["06:00", "07:00", "08:00"]);
    store.check("12:30", &["info gap/unrecorded ongoing"], &[]);
}

#[test]
fn a_run_that_has_ended_on_record_frees_a_receipt_that_says_running() {
    let store = OpenClaw::new("13:29");
    store.hourly("j", "13:00", "14:00").worked("j", &["10:00", "11:00", "12:00", "13:00"]);
    store.receipt("j", "running", "11:00", None);
    store.check("13:30", &[], &[]);
}

#[test]
fn a_job_that_waits_for_an_exit_and_fails_is_failing() {
    let store = OpenClaw::new("12:29");
    let state = json!({"lastRunAtMs": ms("12:00"), "lastDurationMs": 2000, "lastRunStatus": "error",
        "lastError": "spawn make ENOENT", "consecutiveErrors": 31});
    store.job("build", true, json!({"kind": "on-exit", "command": "make"}), state, json!({}));
    store.check("12:30", &["critical zero-tokens/job-failing ongoing"], &["critical job-failing ongoing"]);
}

#[test]
fn a_weekly_job_whose_next_run_leaves_a_slot_out_is_told() {
    let store = OpenClaw::new("12:29");
    let weekly = |next: &str| json!({"lastRunAtMs": ms("09:00"), "lastDurationMs": 60_000, "lastRunStatus": "ok", "nextRunAtMs": ms(next)});
    let monday = || json!({"kind": "cron", "expr": "0 9 * * 1"});
    store.job("late", true, monday(), weekly("2026-03-16T09:00"), json!({})).worked("late", &["09:00"]);
    store.job("fine", true, monday(), weekly("2026-03-09T09:00"), json!({})).worked("fine", &["09:00"]);
    store.check("12:30", &["warning past-due/slots-skipped ongoing"], &["warning slots-skipped ongoing"]);
}
