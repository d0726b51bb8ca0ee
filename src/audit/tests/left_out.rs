//! One slot that a living scheduler leaves out.

use super::field::causes;
use super::*;

/// A daily job that ran today and whose row has this next run.
fn daily(id: &str, next: &str) -> Job {
    let job = cron(id, "0 9 * * *").ran("2026-03-01 09:00", "2026-03-01 09:01").ran("09:00", "09:01");
    job.next(next)
}

#[test]
fn one_left_out_slot_of_three_daily_jobs_is_told_before_it_is_lost() {
    let world = |left_out: usize| {
        let next = |place: usize| if place < left_out { "2026-03-04 09:00" } else { "2026-03-03 09:00" };
        recorded([daily("a", next(0)), daily("b", next(1)), daily("c", next(2))])
    };
    assert_eq!(causes(&world(2), "12:00"), []);
    assert_eq!(causes(&world(3), "12:00"), [(Problem::SlotsSkipped, Severity::Warning, 3)], "one incident");
    assert_eq!(causes(&world(3), "2026-03-03 08:59").len(), 1, "until the slot");
}

#[test]
fn one_left_out_slot_of_a_weekly_job_is_told() {
    let world = |expression: &str, next: &str| {
        let job = cron("j", expression).ran("09:00", "09:01").next(next);
        found(&recorded([job]), "12:00")
    };
    assert_eq!(world("0 9 * * 1", "2026-03-16 09:00"), ["warning slots-skipped"]);
    assert_eq!(world("0 9 * * 1", "2026-03-09 09:00"), NONE);
    assert_eq!(world("0 9 * * 1", "2026-03-11 09:00"), NONE, "of another schedule: an edit");
    assert_eq!(world("0 9 * * 1,4", "2026-03-09 09:00"), NONE, "more than once in six days");
}

#[test]
fn a_slot_that_phantom_left_out_while_others_ran_is_told() {
    let world = |others: bool, written: &str| {
        let job = cron("j", "0 9 * * 1")
            .ran("2026-02-16 09:00", "2026-02-16 09:01")
            .ran("2026-02-23 09:00", "2026-02-23 09:01");
        let weekly = job.next("2026-03-09 09:00").written(written);
        let others =
            if others { ended(hourly("k"), (7..15).map(|hour| at(&format!("{hour:02}:01")))) } else { hourly("k") };
        found(&Snapshot { window_start: Some(at("2026-02-10 00:00")), ..fleet([weekly, others]) }, "14:30")
    };
    assert_eq!(world(true, "2026-02-23 09:01"), ["warning slots-skipped"]);
    assert_eq!(world(true, "10:00"), NONE, "edited or resumed since");
    assert!(!world(false, "2026-02-23 09:01").contains(&"warning slots-skipped".to_owned()), "nothing ran");
}

#[test]
fn a_slot_near_a_change_of_the_clock_is_not_sure() {
    let world = |day: u32| {
        let value = format!(r#"{{"expr":"30 2 * * {day}","tz":"America/New_York"}}"#);
        let mut job = job("j", "cron", &value);
        let last =
            job.schedule.cadence().and_then(|cadence| cadence.next(at("2026-02-27 12:00"))).unwrap_or(Instant::MAX);
        job = ended(job, [last.plus(MINUTE)]);
        let cadence = job.schedule.cadence().cloned();
        let next = cadence.as_ref().and_then(|cadence| cadence.next(cadence.next(last.plus(HOUR))?));
        row(&mut job).next_run_at = next.map_or(Timestamp::Missing, Timestamp::At);
        found(&recorded([job]), &last.plus(DAY).to_string())
    };
    assert_eq!(world(6), ["warning slots-skipped"], "Saturday");
    assert_eq!(world(0), NONE, "Sunday, 8 March: the clock changes at 2");
}
