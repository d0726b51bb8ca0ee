//! The timeline.

use super::*;

fn strip_of(world: &Snapshot, now: &str) -> String {
    verdict(world, now).jobs[0].timeline.marks.iter().map(|mark| mark.ascii()).collect()
}

fn made(made: &str, job: Job) -> Job {
    Job { created_at: Some(at(made)), ..job }
}

#[test]
fn a_slot_belongs_to_the_runs_that_ended_before_the_next_one() {
    let job = || made("07:30", hourly("j")).ran("08:00", "08:01");
    assert_eq!(strip_of(&fleet([job()]), "08:30"), "#");
    assert_eq!(strip_of(&fleet([job()]), "09:00:00.000"), "#~");
    assert_eq!(strip_of(&fleet([job().used("09:00", "09:59:59.999", 0)]), "09:59:59.999"), "#0");
    assert_eq!(strip_of(&fleet([job().used("09:00", "10:00:00.000", 0)]), "10:00:00.000"), "#~0");
    // One good run of several is enough.
    let often = |tokens| job().used("09:00", "09:10", 0).used("09:20", "09:30", tokens);
    assert_eq!(strip_of(&fleet([often(0)]), "09:40"), "#0");
    assert_eq!(strip_of(&fleet([often(1)]), "09:40"), "##");
    // Before the first slot there is none, and of what was before the window nothing is known.
    assert_eq!(strip_of(&fleet([made("07:30", hourly("j"))]), "07:59:59.999"), "");
    let late_window = Snapshot { window_start: Some(at("08:30")), ..fleet([job().ran("09:00", "09:01")]) };
    assert_eq!(strip_of(&late_window, "09:30"), "#");
}

#[test]
fn slot_without_a_run_waits_only_while_the_worker_may_be_busy() {
    let job = || made("07:30", hourly("j")).ran("08:00", "08:01");
    let world = |seen: &str| running(fleet([cron("o", "0 5 * * *").ran("05:00", "05:01"), job()]), seen);
    let second = |world: &Snapshot, now: &str| {
        let timeline = &verdict(world, now).jobs[1].timeline;
        timeline.marks.iter().map(|mark| mark.ascii()).collect::<String>()
    };
    // A minute proves nothing.
    assert_eq!(second(&world("09:01:00.000"), "09:20"), "#~");
    assert_eq!(second(&world("09:01:00.001"), "09:20"), "#x");
    // A broken job waits for nothing.
    let broken = Job { state: State::Broken, ..job() };
    let held = running(fleet([cron("o", "0 5 * * *").ran("05:00", "05:01"), broken]), "09:01");
    assert_eq!(second(&held, "09:20"), "#x");
}

#[test]
fn timeline_shows_the_last_48_slots_of_five_years() {
    let hourly_for = |hours: i64| {
        let start = |hour: i64| at("2026-03-01 00:00").plus(hour * HOUR);
        fleet([ended(hourly("j"), (1..=hours).map(|hour| start(hour).plus(MINUTE)))])
    };
    assert_eq!(strip_of(&hourly_for(10), "2026-03-01 10:30"), "#".repeat(10));
    assert_eq!(strip_of(&hourly_for(47), "2026-03-02 23:30"), "#".repeat(47));
    assert_eq!(strip_of(&hourly_for(49), "2026-03-03 01:30"), "#".repeat(48));
    let first = verdict(&hourly_for(49), "2026-03-03 01:30").jobs[0].timeline.first;
    assert_eq!(first, Some(at("2026-03-01 02:00")));
    let yearly = made("2010-01-01 00:00", cron("j", "0 0 1 1 *"));
    let world = Snapshot { window_start: None, ..fleet([yearly]) };
    assert_eq!(strip_of(&world, "2026-03-02 12:00").len(), 5);
}

#[test]
fn the_slots_of_an_interval_follow_its_runs() {
    let job = || every("j", HOUR).ran("08:00", "08:01").ran("09:01", "09:02");
    assert_eq!(strip_of(&fleet([job()]), "10:01:59.999"), "##");
    assert_eq!(strip_of(&fleet([job()]), "10:02:00.000"), "##~");
    assert_eq!(strip_of(&fleet([job()]), "12:30"), "##xxx");
    // A run serves the newest slot since the one before it.
    assert_eq!(strip_of(&fleet([job().ran("12:02", "12:03")]), "12:30"), "##xx#");
    assert_eq!(strip_of(&fleet([job()]), "2026-03-20 00:00"), "x".repeat(48));
    let many = ended(every("j", HOUR), (1..=60).map(|hour| at("2026-02-27 00:00").plus(hour * HOUR)));
    assert_eq!(strip_of(&fleet([many]), "2026-03-01 12:10"), "#".repeat(48));
    assert_eq!(strip_of(&fleet([every("j", HOUR)]), "12:00"), "", "without a run it has no slots");
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
fn timeline_of_office_hours_reaches_back_until_full() {
    let office = made("2026-01-01 00:00", cron("j", "*/30 9,10 * * *"));
    let world = Snapshot { window_start: None, ..fleet([office]) };
    assert_eq!(strip_of(&world, "12:00").len(), 48);
}
