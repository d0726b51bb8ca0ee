//! What is said of a job whose row was repaired, until it fires; and of jobs that wait for their turn after a silence.

use super::incidents::{incidents, prints};
use super::*;

/// An hourly job whose breaker opened at 21:01 after ten errors, and its revived row.
fn broken() -> Job {
    let mut job = (12..22)
        .fold(hourly("j").ran("11:00", "11:01"), |job, hour| job.used(&format!("{hour}:00"), &format!("{hour}:01"), 0));
    let row = row(&mut job).last_run.as_mut();
    row.into_iter().for_each(|run| run.failed = true);
    let mut job = Job { state: State::Broken, ..job.with_errors(10) };
    super::row(&mut job).next_run_at = Timestamp::Missing;
    job
}

pub fn revived(at_time: &str) -> Job {
    let job = Job { state: State::Watched, ..broken() };
    job.with_errors(0).next(at_time).written(at_time)
}

pub const DAY_AFTER: &str = "2026-03-03 09:30:10.5";

pub fn day_after(time: &str) -> String {
    format!("2026-03-03 {time}")
}

#[test]
fn a_revived_job_is_info_until_the_timer_has_looked_then_a_warning_then_critical_in_the_same_incident() {
    let before = fleet([broken()]);
    let after = fleet([revived(DAY_AFTER)]);
    assert_eq!(incidents(&before, &day_after("09:30")), ["job-failing j:12"]);
    for (time, severity) in [
        ("09:35", Severity::Info),
        ("10:31:10.500", Severity::Info),
        ("10:31:10.501", Severity::Warning),
        ("10:45:10.500", Severity::Warning),
        ("10:45:10.501", Severity::Critical),
    ] {
        assert_eq!(verdict(&after, &day_after(time)).severity(), severity, "{time}");
        assert_eq!(prints(&after, &day_after(time)), prints(&before, &day_after("09:30")), "{time}");
    }
    // The statement may leave updated_at alone: the count of errors was reset beside a run that failed.
    let silently = fleet([revived(DAY_AFTER).written("21:01")]);
    assert_eq!(found(&silently, &day_after("10:00")), ["info repaired"]);
    // The count alone, with the next run of a retry, shows nothing.
    let retried = fleet([revived(DAY_AFTER).written("21:01").next("22:00")]);
    assert_eq!(found(&retried, &day_after("10:00"))[0], LOST);
}

#[test]
fn a_next_run_that_is_no_slot_is_no_repair_where_restarts_leave_rows_alone() {
    // A staggered slot is no whole minute either.
    let job = revived(DAY_AFTER).written("21:01");
    assert_eq!(found(&fleet([job.clone()]), &day_after("10:00")), ["info repaired"]);
    let staggered = found(&recorded([job]), &day_after("10:00"));
    assert!(!staggered.iter().any(|finding| finding.contains("repaired")), "{staggered:?}");
}

#[test]
fn a_restart_after_the_repair_looks_at_once() {
    let after = |started: &str| Snapshot { liveness: held(started), ..fleet([revived(DAY_AFTER)]) };
    let severity = |started: &str| verdict(&after(started), &day_after("09:40")).severity();
    assert_eq!(severity(&day_after("09:30:12")), Severity::Info, "before the repair, as far as can be told");
    assert_eq!(severity(&day_after("09:32")), Severity::Warning);
}

#[test]
fn only_a_fire_ends_a_repair() {
    let runs = running(fleet([revived(DAY_AFTER)]), &day_after("10:10"));
    assert_eq!(found(&runs, &day_after("10:15")), ["info repaired"], "it runs now");
    let fired = fleet([revived(DAY_AFTER).ran(&day_after("10:10"), &day_after("10:11"))]);
    let told = verdict(&fired, &day_after("10:12"));
    assert!(told.incidents.iter().all(|incident| incident.status == Status::Resolved), "{:?}", told.incidents);
}

#[test]
fn a_row_that_was_edited_before_its_slots_were_lost_is_judged_like_any_other() {
    let world = |next: &str| fleet([hourly("j").ran("10:00", "10:01").written("10:10").next(next)]);
    assert_eq!(found(&world("11:00"), "11:10"), NONE);
    assert_eq!(found(&world("11:00"), "11:15:00.001"), ["warning repaired"]);
    let later = fleet([cron("j", "0 12 * * *").ran("10:00", "10:01").written("10:10").next("12:00")]);
    assert_eq!(found(&later, "12:15:00.001"), [OVERDUE]);
}

#[test]

fn a_row_that_was_edited_alone_is_no_silence_of_the_scheduler() {
    let edited = hourly("j").ran("10:00", "10:01").written("12:20").next("12:20:30");
    let world = fleet([edited, hourly("k").ran("12:00", "12:01")]);
    assert_eq!(incidents(&world, "12:50"), ["job-silent j:1"]);
}

/// Jobs that were due while the machine slept from 10:01 on; the first ran from 18:00 to `end`.
fn woken(end: &str) -> Snapshot {
    let first = cron("a", "10 * * * *").ran("08:10", "08:11").ran("09:10", "09:11").ran("18:00", end);
    fleet([first, cron("b", "20 * * * *").ran("09:20", "09:21"), cron("c", "30 * * * *").ran("09:30", "09:31")])
}

#[test]
fn jobs_wait_for_their_turn_after_a_silence_until_the_worker_was_free_for_15_minutes() {
    let told = |now: &str| incidents(&woken("18:05"), now);
    assert_eq!(told("18:06"), ["catching-up b:8 c:8"]);
    let verdict_at = |now: &str| verdict(&woken("18:05"), now);
    let headline = verdict_at("18:06").incidents[0].headline.to_string();
    assert_eq!(headline, "nothing had run for 8h; jobs run again since 2026-03-02 18:00 UTC, 2 of 3 still wait");
    assert_eq!(
        (verdict_at("18:06").severity(), verdict_at("18:19").severity()),
        (Severity::Warning, Severity::Warning)
    );
    assert_eq!(verdict_at("18:20:00.001").severity(), Severity::Critical);
}

#[test]
fn a_job_that_a_later_slot_overtook_does_not_wait_for_its_turn() {
    let mut world = woken("18:05");
    world.jobs[0].schedule = cron("a", "0 18 * * *").schedule;
    assert_eq!(verdict(&world, "18:06").severity(), Severity::Critical);
}
