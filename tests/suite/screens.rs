//! The screens of the table, as a person sees them: exact, with the exit code.

use crate::openclaw::{OpenClaw, ms};
use crate::{INCIDENT, RECOVERED, Run, command};
use serde_json::json;

/// What a call prints at a width, and its exit code.
fn screen(columns: u16, arguments: &[&str]) -> String {
    let mut call = command();
    call.env("COLUMNS", columns.to_string()).env("LC_ALL", "C.UTF-8").args(arguments);
    let Run { code, out, .. } = call.output().unwrap().into();
    format!("{out}-- exit {code}\n")
}

/// The same at 80 columns at an instant.
fn at(now: &str, arguments: &[&str]) -> String {
    screen(80, &[&["--timezone", "UTC", "--now", now], arguments].concat())
}

#[test]
fn a_job_that_the_scheduler_has_stopped() {
    insta::assert_snapshot!(screen(80, &INCIDENT[..]));
    insta::assert_snapshot!("a_job_that_the_scheduler_has_stopped_at_60", screen(60, &INCIDENT[..]));
    insta::assert_snapshot!(
        "a_job_that_the_scheduler_has_stopped_with_all",
        screen(80, &[&["--all"], &INCIDENT[..]].concat())
    );
    insta::assert_snapshot!(
        "a_job_that_the_scheduler_has_stopped_with_all_at_140",
        screen(140, &[&["--all"], &INCIDENT[..]].concat())
    );
}

#[test]
fn healthy() {
    insta::assert_snapshot!(at("2026-03-12T00:13:20Z", &["fixtures/healthy.db"]));
}

#[test]
fn nothing_runs() {
    insta::assert_snapshot!(at("2026-03-12T00:06:00Z", &["fixtures/corpus/d1-killed-idle--1-dead-10h.db"]));
}

#[test]
fn nothing_ran_and_all_runs_again() {
    insta::assert_snapshot!(at("2026-03-12T02:06:00Z", &["fixtures/corpus/d1-killed-idle--4-restart-plus-2h.db"]));
}

#[test]
fn a_run_that_hangs() {
    insta::assert_snapshot!(at(
        "2026-03-11T20:00:00.000Z",
        &["fixtures/corpus/c1-executing-stuck-chat-alive--1-6h.db"]
    ));
}

#[test]
fn a_delivery_that_hangs() {
    insta::assert_snapshot!(at("2026-04-04T16:31:09Z", &["fixtures/delivery.db"]));
}

#[test]
fn ignored_jobs_are_counted() {
    let ignored = at("2026-03-12T00:13:20Z", &["--ignore", "poll*", "fixtures/healthy.db"]);
    assert!(ignored.contains("\nignored: 1 job\n") && ignored.starts_with("OK        12 jobs are fine"), "{ignored}");
}

#[test]
fn a_provider_that_fails() {
    insta::assert_snapshot!(at("2026-06-13T22:00:30Z", &["fixtures/corpus/l-fleet-bad-model--12h.db"]));
}

#[test]
fn several_incidents() {
    insta::assert_snapshot!(at("2026-03-12T12:00:10Z", &["fixtures/corpus/e-errors.db"]));
}

#[test]
fn a_revived_job() {
    insta::assert_snapshot!(at("2026-04-30T12:05:00Z", &["fixtures/revived.db"]));
}

#[test]
fn several_databases() {
    let databases = ["fixtures/healthy.db", "fixtures/corpus/d1-killed-idle--1-dead-10h.db", "no/such.db"];
    insta::assert_snapshot!(at("2026-03-12T00:13:20Z", &databases));
}

#[test]
fn a_job_that_runs_again() {
    insta::assert_snapshot!(screen(80, &RECOVERED[..]));
    let history = [&["--job", "heartbeat", "--history"], &RECOVERED[..]].concat();
    insta::assert_snapshot!("the_history_of_a_job_that_runs_again", screen(80, &history));
    insta::assert_snapshot!("the_history_of_a_job_that_runs_again_at_60", screen(60, &history));
}

#[test]
fn local_times_are_those_of_the_machines_zone_in_the_table_and_in_messages() {
    let mut call = command();
    call.env("TZ", "Europe/Berlin").env("COLUMNS", "80").env("LC_ALL", "C.UTF-8").arg("--local").args(INCIDENT);
    let Run { out, .. } = call.output().unwrap().into();
    for part in [
        "Since     2026-04-29 12:00 +02:00, 26 hourly runs lost\n",
        "04-29 07:00)\n",
        "fixtures/incident.db, 2026-04-30 14:00 +02:00\n",
    ] {
        assert!(out.contains(part) && !out.contains("UTC"), "{part}: {out}");
    }
    let mut message = command();
    message.env("TZ", "Europe/Berlin").env("SCHED_AUDIT_TEST_CLOCK", "2026-04-30T12:00:00Z");
    message.args(["--local", "--process", "ignore", "--timezone", "UTC", "--notify", "-", "--state", "/dev/null"]);
    let Run { out, .. } = message.arg("fixtures/incident.db").output().unwrap().into();
    assert!(out.contains("\nSince     2026-04-29 12:00 +02:00, ") && out.contains("\nTold 2026-04-30 14:00 +02:00. "));
}

#[test]
fn no_sign_but_ascii_without_a_utf8_locale() {
    let mut call = command();
    call.env("LC_ALL", "C").args(INCIDENT);
    let Run { out, .. } = call.output().unwrap().into();
    assert!(out.is_ascii() && out.contains("000000xxxxxxxxxxxxxxxxxxxxxxxxxx  # ran  0 failed  x lost\n"), "{out}");
}

#[test]
fn what_is_colored_is_told_in_words_as_well() {
    let colored = |choice| {
        let mut call = command();
        call.env("LC_ALL", "C.UTF-8").args(["--color", choice]).args(INCIDENT);
        Run::from(call.output().unwrap()).out
    };
    let (with, without) = (colored("always"), colored("never"));
    assert_eq!(anstream::adapter::strip_str(&with).to_string(), without);
    for line in with.lines().filter(|line| line.starts_with("sqlite3 ")) {
        assert!(!line.contains('\x1b'), "a command is copied: {line}");
    }
    assert!(with.contains("\x1b[2mSince\x1b[0m") && with.contains("\x1b[31m×"), "{with}");
}

#[test]
fn jobs_that_are_overdue_under_a_dead_gateway_are_not_counted_as_not_due() {
    let store = OpenClaw::new("10:17");
    let half_hourly = json!({"kind": "every", "everyMs": 1_800_000, "anchorMs": ms("00:00")});
    let state = json!({"lastRunAtMs": ms("10:00"), "lastDurationMs": 60_000, "lastRunStatus": "ok", "nextRunAtMs": ms("10:30")});
    store.job("late", true, half_hourly, state, json!({}));
    store.hourly("poll", "09:00", "10:00").hourly("later", "10:00", "11:00");
    let out = store.table("10:37");
    assert!(
        out.starts_with("CRITICAL  the gateway is down for 20m") || out.starts_with("WARNING   the gateway is down")
    );
    assert!(out.contains("; 1 of 3 jobs is not due yet"), "{out}");
    for part in [
        "its lease, a sign of life, at 10:17",
        "\nDo        See whether the gateway runs",
        "\nopenclaw gateway restart\n",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}
