//! Who bears witness to a silence that is over.

use super::*;

/// The silences that are told of an hourly job after these runs, one at 12:30, and what else there is.
fn told(before: &[(&str, Did)]) -> bool {
    let job = runs("j", &[before, &[("12:30", GOOD)]].concat());
    is_told(&recorded([job]), "12:31")
}

fn is_told(world: &Snapshot, now: &str) -> bool {
    found(world, now).iter().any(|line| line == "warning job-silent over")
}

#[test]
fn a_run_keeps_its_slot_if_it_begins_within_half_an_hour() {
    // Each run began a second before its end.
    assert!(told(&[("07:00:01", GOOD), ("08:30:01.000", GOOD)]));
    assert!(!told(&[("07:00:01", GOOD), ("08:30:01.001", GOOD)]));
    assert!(told(&[("07:00:01", GOOD), ("08:00:01.000", GOOD)]));
    assert!(!told(&[("07:00:01", GOOD), ("08:00:00.999", GOOD)]), "before its slot");
}

#[test]
fn a_run_keeps_its_slot_if_it_begins_within_a_quarter_of_the_interval() {
    let daily = |start: &str| {
        let made = Some(at("2026-02-24 00:00"));
        let job = Job { created_at: made, ..cron("j", "0 9 * * *") }.ran("2026-02-25 09:00", "2026-02-25 09:01");
        let start = at(start);
        let job = job.ran(&start.to_string(), &start.plus(MINUTE).to_string());
        is_told(&recorded([job.ran("2026-03-01 09:00", "2026-03-01 09:01")]), "2026-03-01 10:00")
    };
    assert!(daily("2026-02-26 15:00:00.000"));
    assert!(!daily("2026-02-26 15:00:00.001"));
}

#[test]
fn a_pair_after_a_bad_run_decides_nothing() {
    let kept = [("06:00:01", GOOD), ("07:00:01", GOOD)];
    let off = |what: Did| [&kept[..], &[("08:00:01", what), ("08:45:01", GOOD)]].concat();
    assert!(told(&off(FAILED)), "it was tried again; the pair before it decides");
    assert!(!told(&off(GOOD)), "it ran twice within an hour: another schedule");
}

#[test]
fn a_pair_with_a_busy_worker_between_decides_nothing() {
    let world = |held: &str| {
        let job = runs("j", &[("06:00:01", GOOD), ("07:00:01", GOOD), ("08:40:01", GOOD), ("13:30", GOOD)]);
        let other = cron("o", "50 7 * * *").ran("07:50", held);
        let traits = SchedulerTraits { max_concurrent: 1, ..recorded([]).traits };
        is_told(&Snapshot { traits, ..recorded([job, other]) }, "13:31")
    };
    assert!(world("08:40:00.000"));
    assert!(world("08:39:00.000"), "a minute proves nothing");
    assert!(!world("08:38:59.999"));
}

#[test]
fn a_single_run_bears_witness_if_it_kept_the_first_slot_after_the_row_was_created() {
    // The row was created on Sunday at midnight.
    let first = |end: &str| {
        let job = runs("j", &[(end, GOOD), ("2026-03-01 05:30", GOOD)]);
        is_told(&recorded([job]), "2026-03-01 05:31")
    };
    assert!(first("2026-03-01 01:30:01.000") && !first("2026-03-01 01:30:01.001"));
    assert!(first("2026-03-01 00:30:01.000") && !first("2026-03-01 00:30:00.999"));
    let unknown = runs("j", &[("2026-03-01 01:00:01", GOOD), ("2026-03-01 05:30", GOOD)]);
    assert!(!is_told(&recorded([Job { created_at: None, ..unknown }]), "2026-03-01 05:31"));
}

#[test]
fn the_silence_of_another_job_bears_witness_if_it_ended_within_four_hours() {
    // The other job kept its slots and was silent from 09:00 to 12:00; this one ran once, off its slot.
    let other = || runs("o", &[("07:00:01", GOOD), ("08:00:01", GOOD), ("12:00:01", GOOD)]);
    let world = |slot: &str, end: &str| {
        let job = ended(cron("j", slot), [at("05:00"), at(end)]);
        let found = findings(&verdict(&recorded([job, other()]), "16:05"));
        found.iter().any(|finding| finding.job() == Some(JobIndex::at(0)) && !finding.is_ongoing())
    };
    assert!(world("0 10 * * *", "16:00:01.000"));
    assert!(!world("0 10 * * *", "16:00:01.001"));
    // It covers the slot that was left out.
    assert!(world("0 9 * * *", "13:00"));
    assert!(!world("59 8 * * *", "13:00"));
    assert!(world("0 12 * * *", "15:00"));
    assert!(!world("1 12 * * *", "15:00"));
}

/// A job that ran every minute but for some minutes from 09:00 on, beside a run of another one that lasted until then.
fn minutely_but(minutes: i64, other_until: &str, max_concurrent: usize) -> Snapshot {
    let minute = |minute: i64| at("09:00").plus(minute * MINUTE);
    let mut job = cron("j", "* * * * *");
    for start in (-30..=0).chain(minutes..minutes + 20).map(minute) {
        job.fires.push(Fire::counted(start.plus(SECOND), 1000).started(start));
    }
    let traits = SchedulerTraits { max_concurrent, ..recorded([]).traits };
    let other = cron("o", "0 9 * * *").ran("09:00", other_until);
    Snapshot { traits, ..recorded([job, other]) }
}

#[test]
fn a_silence_in_which_nothing_ran_at_all_is_told_however_many_runs_may_go_on_at_a_time() {
    let unknown = crate::model::UNKNOWN_PLACES;
    // Due at 09:01, late after a quarter of an hour.
    assert!(!is_told(&minutely_but(16, "09:00:01", unknown), "09:50"));
    assert!(is_told(&minutely_but(17, "09:00:01", unknown), "09:50"));
    assert!(!is_told(&minutely_but(17, "09:16", unknown), "09:50"), "it may have waited for the run");
    assert!(is_told(&minutely_but(17, "09:16", 8), "09:50"), "another run could go on beside it");
}
