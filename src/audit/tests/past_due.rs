//! When a job is late, lost, or never fires again.

use super::*;

#[test]
fn a_job_is_lost_one_millisecond_after_its_second_slot() {
    let world = fleet([cron("j", "*/20 * * * *").ran("10:00", "10:00:30")]);
    assert_eq!(found(&world, "10:35"), NONE);
    assert_eq!(found(&world, "10:35:00.001"), [OVERDUE]);
    assert_eq!(found(&world, "11:00:00.000"), [OVERDUE]);
    assert_eq!(found(&world, "11:00:00.001"), [LOST]);
}

#[test]
fn an_hourly_job_is_lost_after_65_free_minutes_and_counts_the_slots_since_it_was_due() {
    let world = fleet([hourly("j").ran("10:00", "10:01")]);
    assert_eq!(found(&world, "12:05:00.000")[0], OVERDUE);
    assert_eq!(found(&world, "12:05:00.001")[0], LOST);
    assert_eq!(spans(&world, "12:59:59.999", Problem::Overdue), [(Some(at("11:00")), Some(2))]);
    assert_eq!(spans(&world, "13:00", Problem::Overdue), [(Some(at("11:00")), Some(3))]);
}

#[test]
fn a_row_that_can_never_fire_again_is_critical_since_its_last_run() {
    let broken = |change: &dyn Fn(&mut Job), reason: Problem| {
        let mut job = hourly("j").ran("10:00", "10:01");
        change(&mut job);
        let world = fleet([job]);
        assert_eq!(found(&world, "10:30")[0], format!("critical {}", reason.name()));
        spans(&world, "12:30", reason)
    };
    let since = |lost| vec![(Some(at("10:01")), lost)];
    assert_eq!(broken(&|job| row(job).next_run_at = Timestamp::Missing, Problem::NoNextRun), since(None));
    assert_eq!(
        broken(&|job| row(job).next_run_at = Timestamp::Unreadable("soon".to_owned()), Problem::NoNextRun),
        since(None)
    );
    assert_eq!(broken(&|job| job.state = State::Broken, Problem::BreakerOpen), since(Some(2)));
    let unreadable = |job: &mut Job| job.schedule = Schedule::unreadable("cron", "it is odd");
    let first_lost = vec![(Some(at("11:00")), None)];
    assert_eq!(broken(&unreadable, Problem::UnreadableSchedule), first_lost, "the next run that it had");
    let never_ran = Job { state: State::Broken, ..hourly("j") };
    let made = at("2026-03-01 00:00");
    assert_eq!(spans(&fleet([never_ran]), "2026-03-01 02:30", Problem::BreakerOpen), [(Some(made), Some(2))]);
}

#[test]
fn jobs_behind_a_hung_delivery_are_as_late_as_without_it() {
    let other = cron("o", "5 11 * * *").ran("05:00", "05:01");
    let world = fleet([hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written("10:01"), other]);
    assert_eq!(found(&world, "11:20:00.000"), ["warning delivery-hung"]);
    assert_eq!(found(&world, "11:20:00.001"), ["warning delivery-hung", "warning delivery-hung"]);
}

#[test]
fn third_event_without_a_row_update_is_a_runaway() {
    let world = |ends: &[&str]| {
        let job = hourly("j").ran("10:00", "10:01").next("11:00");
        found(&fleet([ends.iter().fold(job, |job, end| job.event(end))]), "10:10")
    };
    assert_eq!(world(&["10:03", "10:04"]), NONE);
    assert_eq!(world(&["10:03", "10:04", "10:05"])[0], "critical runaway");
    assert_eq!(world(&["10:02:00.000", "10:04", "10:05"]), NONE);
    assert_eq!(world(&["10:02:00.001", "10:04", "10:05"])[0], "critical runaway");
}

#[test]
fn next_run_is_too_far_beyond_two_slots_and_a_day() {
    let daily = |next: &str| found(&fleet([cron("j", "0 9 * * *").ran("09:00", "09:01").next(next)]), "10:00");
    assert_eq!(daily("2026-03-04 09:00:00.000"), NONE);
    assert_eq!(daily("2026-03-04 09:00:00.001"), ["warning slots-skipped"]);
    assert_eq!(
        found(&fleet([cron("j", "0 9 * * *").ran("09:00", "09:01").next("2026-03-05 00:00").with_errors(1)]), "10:00"),
        NONE
    );
    let twice = |next: &str| found(&fleet([cron("j", "0 9,21 * * *").ran("09:00", "09:01").next(next)]), "10:00");
    assert_eq!(twice("2026-03-03 21:00:00.000"), NONE);
    assert_eq!(twice("2026-03-03 21:00:00.001"), ["warning slots-skipped"]);
    let weekly = |next: &str| found(&fleet([cron("j", "0 9 * * 1").ran("09:00", "09:01").next(next)]), "10:00");
    assert_eq!(weekly("2026-03-09 09:00"), NONE);
    assert_eq!(weekly("2026-03-16 09:00"), ["warning slots-skipped"], "one slot, which is a week's work");
    assert_eq!(weekly("2026-03-16 09:00:00.001"), ["warning slots-skipped"]);
}

#[test]
fn failed_one_shot_is_a_warning_for_a_day_and_reported_until_since() {
    let world = |now: &str| {
        let mut job = hourly("j").ran("10:00", "10:01");
        job.state = State::FailedOnce;
        found(&fleet([job]), now)
    };
    assert_eq!(world("2026-03-03 10:01:00.000"), ["warning one-shot-lost"]);
    assert_eq!(world("2026-03-03 10:01:00.001"), ["info one-shot-lost"]);
    assert_eq!(world("2026-03-09 10:01:00.000"), ["info one-shot-lost"]);
    assert_eq!(world("2026-03-09 10:01:00.001"), NONE);
}

#[test]
fn a_job_that_has_run_since_its_next_run_makes_up_for_lost_slots() {
    let world = |next: &str| recorded([cron("j", "* * * * *").ran("12:00:10", "12:00:12").next(next)]);
    assert_eq!(found(&world("11:40"), "12:15:59"), NONE);
    assert_eq!(found(&world("11:40"), "12:16:00.000"), NONE);
    assert_eq!(found(&world("11:40"), "12:16:00.001"), ["critical overdue"], "due since 12:01");
    assert_eq!(found(&world("12:00:10"), "12:05"), NONE, "it is this run's");
}
