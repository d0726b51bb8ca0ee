//! The timeline.

use super::*;

fn strip_of(world: &Snapshot, now: &str) -> String {
    verdict(world, now).jobs[0].timeline.marks.iter().map(|mark| mark.ascii()).collect()
}

fn made(made: &str, job: Job) -> Job {
    Job { created_at: Some(at(made)), ..job }
}

#[test]
fn runs_of_one_slot_share_a_mark() {
    let job = || made("07:30", hourly("j")).ran("08:00", "08:01");
    assert_eq!(strip_of(&fleet([job()]), "08:30"), "#");
    assert_eq!(strip_of(&fleet([job()]), "09:00:00.001"), "#~");
    assert_eq!(strip_of(&fleet([job().used("09:00", "09:59:59.999", 0)]), "09:59:59.999"), "#0");
    assert_eq!(strip_of(&fleet([job().used("09:00", "10:00:00.000", 0)]), "10:00:00.000"), "#0", "one mark a run");
    // One good run of several is enough.
    let often = |tokens| job().used("09:00", "09:10", 0).used("09:20", "09:30", tokens);
    assert_eq!(strip_of(&fleet([often(0)]), "09:40"), "#0");
    assert_eq!(strip_of(&fleet([often(1)]), "09:40"), "##");
    // Before the first slot there is none.
    assert_eq!(strip_of(&fleet([made("07:30", hourly("j").next("08:00"))]), "07:59:59.999"), "");
}

#[test]
fn slot_without_a_run_waits_only_while_the_worker_may_be_busy() {
    let job = || made("07:30", hourly("j")).ran("08:00", "08:01");
    let world = |seen: &str| running(fleet([cron("o", "0 5 * * *").ran("05:00", "05:01"), job()]), seen);
    let second = |world: &Snapshot, now: &str| {
        let timeline = &verdict(world, now).jobs[1].timeline;
        timeline.marks.iter().map(|mark| mark.ascii()).collect::<String>()
    };
    // As long as it is not late, it is not lost.
    assert_eq!(second(&world("09:10"), "09:40"), "#~");
    assert_eq!(strip_of(&fleet([job()]), "09:10"), "#~");
    assert_eq!(strip_of(&fleet([job()]), "09:20"), "#x");
    // A broken job waits for nothing.
    let broken = Job { state: State::Broken, ..job() };
    let held = running(fleet([cron("o", "0 5 * * *").ran("05:00", "05:01"), broken]), "09:01");
    assert_eq!(second(&held, "09:20"), "#x");
}

#[test]
fn timeline_shows_the_last_48_slots() {
    let hourly_for = |hours: i64| {
        let start = |hour: i64| at("2026-03-01 00:00").plus(hour * HOUR);
        fleet([ended(hourly("j"), (1..=hours).map(|hour| start(hour).plus(MINUTE)))])
    };
    assert_eq!(strip_of(&hourly_for(10), "2026-03-01 10:30"), "#".repeat(10));
    assert_eq!(strip_of(&hourly_for(47), "2026-03-02 23:30"), "#".repeat(47));
    assert_eq!(strip_of(&hourly_for(49), "2026-03-03 01:30"), "#".repeat(48));
    let first = verdict(&hourly_for(49), "2026-03-03 01:30").jobs[0].timeline.first;
    assert_eq!(first, Some(at("2026-03-01 02:01")));
    let silent = fleet([hourly("j").ran("2026-03-01 00:00", "2026-03-01 00:01")]);
    assert_eq!(strip_of(&silent, "2026-03-03 02:30"), "x".repeat(48));
    let first = verdict(&silent, "2026-03-03 02:30").jobs[0].timeline.first;
    assert_eq!(first, Some(at("2026-03-01 03:00")), "the 48th last slot");
    // Nothing before the 48th last slot has a part in it, whatever ran there.
    let twice = hourly("j").used("2026-03-01 00:00", "2026-03-01 00:10", 0).ran("2026-03-01 00:10", "2026-03-01 00:20");
    let ends = (1..=48).map(|hour| at("2026-03-01 00:01").plus(hour * HOUR));
    let world = fleet([ended(twice, ends)]);
    assert_eq!(strip_of(&world, "2026-03-03 00:30"), "#".repeat(48));
    assert_eq!(verdict(&world, "2026-03-03 00:30").jobs[0].timeline.first, Some(at("2026-03-01 01:01")));
}

#[test]
fn the_slots_of_an_interval_follow_its_runs() {
    let job = || every("j", HOUR).ran("08:00", "08:01").ran("09:01", "09:02");
    assert_eq!(strip_of(&fleet([job()]), "10:01:59.999"), "##");
    assert_eq!(strip_of(&fleet([job()]), "10:02:00.001"), "##~");
    assert_eq!(strip_of(&fleet([job()]), "12:30"), "##xxx");
    // A run serves the newest slot since the one before it.
    assert_eq!(strip_of(&fleet([job().ran("12:02", "12:03")]), "12:30"), "##xx#");
    let silent = fleet([job()]);
    assert_eq!(strip_of(&silent, "2026-03-20 00:00"), "x".repeat(48));
    assert_eq!(verdict(&silent, "2026-03-20 00:00").jobs[0].timeline.first, Some(at("2026-03-18 00:02")));
    let many = ended(every("j", HOUR), (1..=60).map(|hour| at("2026-02-27 00:00").plus(hour * HOUR)));
    assert_eq!(strip_of(&fleet([many]), "2026-03-01 12:10"), "#".repeat(48));
    assert_eq!(strip_of(&fleet([every("j", HOUR).next("13:00")]), "12:00"), "", "nothing was due");
}

#[test]
fn slots_of_a_hung_run_are_lost_from_its_own_on() {
    let world = running(fleet([made("10:30", hourly("j")).ran("11:00", "11:01")]), "12:00:01");
    assert_eq!(strip_of(&world, "15:59:59.999"), "#~~~~");
    assert_eq!(strip_of(&world, "16:00:00.000"), "#~~~~~");
    assert_eq!(strip_of(&world, "17:00:00.000"), "#xxxxxx");
}

#[test]
fn slot_after_a_resolved_silence_may_wait() {
    let job = made("09:30", hourly("j")).ran("10:00", "10:01").ran("16:00", "16:01");
    let world = fleet([job, cron("o", "30 16 * * *").ran("09:00", "09:01").next("16:30")]);
    let mut held = running(world, "16:30:01");
    held.open_runs[0].job_id = "o".to_owned();
    assert_eq!(strip_of(&held, "17:10"), "#xxxxx#~");
}

#[test]
fn a_slot_that_was_served_late_is_one_mark() {
    let job = made("2026-02-27 00:00", cron("j", "0 8 * * *"));
    let job = job.ran("2026-02-28 08:00", "2026-02-28 08:01").ran("2026-03-01 13:00", "2026-03-01 13:01");
    assert_eq!(strip_of(&fleet([job.next("2026-03-02 08:00")]), "2026-03-01 14:00"), "##");
}
