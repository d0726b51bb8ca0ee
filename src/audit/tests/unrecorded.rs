//! Rows that move on while no record of runs is kept, and jobs that wait for events.

use super::incidents::incidents;
use super::*;

/// An hourly job whose last run on record ended at 08:01, and whose row says that it last ran then.
fn moved_on(last_run: &str, has_failed: bool) -> Job {
    let end = at(last_run).plus(MINUTE).to_string();
    let mut job = hourly("j").ran("06:00", "06:01").ran("07:00", "07:01").ran("08:00", "08:01").ran(last_run, &end);
    let last = job.fires.len() - 1;
    job.fires[last] = did(job.fires[last], if has_failed { THREW } else { UNPROVEN });
    if let Some(run) = &mut row(&mut job).last_run {
        run.failed = has_failed;
    }
    Job { last_is_of_row: true, ..job }
}

#[test]
fn a_row_that_moved_on_by_two_slots_without_a_record_is_right() {
    let told = |last_run| found(&recorded([moved_on(last_run, false)]), "12:30");
    assert_eq!(told("10:00"), ["critical overdue", "info unrecorded"], "and late since");
    assert_eq!(found(&recorded([moved_on("10:00", false)]), "10:30"), ["info unrecorded"]);
    assert_eq!(found(&recorded([moved_on("09:59:59.999", false)]), "10:30"), NONE, "the one slot that it served");
    assert_eq!(told("12:00"), ["info unrecorded"], "never silent");
}

#[test]
fn a_run_on_record_or_one_that_failed_shows_no_lack_of_records() {
    let on_record = Job { last_is_of_row: false, ..moved_on("12:00", false) };
    let silent = "warning job-silent over";
    assert_eq!(found(&recorded([on_record]), "12:30"), [silent]);
    assert!(found(&recorded([moved_on("12:00", true)]), "12:30").contains(&silent.to_owned()));
}

#[test]
fn a_row_that_no_run_was_ever_recorded_of_is_no_news() {
    let mut job = moved_on("12:00", false);
    job.fires.drain(..3);
    assert_eq!(found(&recorded([job]), "12:30"), NONE);
}

/// A job that was due at 07:00 and did not run, and one that ran at 12:00 with this interval. No run is on record.
fn without_records(interval: Millis, has_failed: bool) -> Snapshot {
    let (mut silent, mut other) = (hourly("j").ran("06:00", "06:01"), every("k", interval).ran("12:00", "12:00:20"));
    row(&mut other).last_run.iter_mut().for_each(|run| run.failed = has_failed);
    silent.fires.clear();
    other.fires.clear();
    fleet([silent, other])
}

#[test]
fn a_job_was_passed_over_if_the_rows_of_others_show_that_the_worker_was_free_for_a_minute() {
    // The run before it took no longer than twice as long, and a minute.
    let free_for = |millis| without_records(2 * MINUTE + 40 * SECOND + millis, false);
    assert_eq!(found(&free_for(0), "12:02"), ["info waiting"]);
    assert_eq!(found(&free_for(1), "12:02"), ["warning catching-up"], "nothing may have run before 12:00");
    let hourly = without_records(HOUR, false);
    assert_eq!(found(&hourly, "12:15:20.000"), ["warning catching-up"]);
    assert_eq!(found(&hourly, "12:15:20.001"), ["critical overdue"]);
    assert_eq!(incidents(&hourly, "12:20"), ["job-silent j:6"]);
}

#[test]
fn a_scheduler_that_runs_another_job_at_its_slot_does_not_catch_up() {
    let world = |start: &str| {
        let mut world = without_records(HOUR, false);
        let mut other = hourly("k").ran(start, "12:00:30");
        other.fires.clear();
        phantom::join_row(&mut other, at("12:02"));
        world.jobs[1] = other;
        world
    };
    assert_eq!(found(&world("12:00:00.999"), "12:02"), ["critical overdue"]);
    assert_eq!(found(&world("12:00:01.000"), "12:02"), ["warning catching-up"]);
}

#[test]
fn what_was_due_with_the_last_run_stopped_with_the_scheduler() {
    let mut thrown = hourly("a").ran("11:00", "11:01");
    let run = row(&mut thrown).last_run.as_mut().unwrap_or_else(|| panic!("it ran"));
    (run.start, run.duration_ms, run.failed) = (at("12:00:00.012"), Some(300), true);
    row(&mut thrown).next_run_at = Timestamp::At(at("13:00"));
    let world = fleet([thrown, hourly("b").ran("11:01", "11:02"), hourly("c").ran("11:02", "11:03")]);
    assert_eq!(incidents(&world, "13:30"), ["scheduler-silent b:2 c:2 a:1"]);
}

#[test]
fn after_an_error_another_job_may_have_run_at_any_time() {
    assert_eq!(found(&without_records(HOUR, false), "12:02"), ["warning catching-up"]);
    assert_eq!(found(&without_records(HOUR, true), "12:02"), ["info waiting"]);
}

#[test]
fn the_silence_of_a_job_keeps_its_fingerprint_though_other_rows_move_on() {
    let print = |world: &Snapshot, now: &str| verdict(world, now).incidents.remove(0).fingerprint;
    let mut later = without_records(HOUR, false);
    let run = Run { start: at("13:00:20"), ..later.jobs[1].last_run().unwrap_or_else(|| panic!("it ran")).clone() };
    later.jobs[1].fires.clear();
    row(&mut later.jobs[1]).last_run = Some(run);
    phantom::join_row(&mut later.jobs[1], at("13:02"));
    assert_eq!(print(&without_records(HOUR, false), "12:20"), print(&later, "13:20"));
}

/// A job that waits for events and whose row counts so many errors.
fn on_event(errors: u64) -> Job {
    let mut job = hourly("j").ran("12:00", "12:01").with_errors(errors);
    job.fires[0] = did(job.fires[0], THREW);
    let schedule = Schedule::OnEvent(crate::model::Terms::of("on-exit"));
    Job { state: State::EventDriven, schedule, ..job }
}

#[test]
fn a_job_that_waits_for_events_and_fails_in_a_row_is_failing() {
    let told = |errors| found(&recorded([on_event(errors)]), "12:30");
    assert_eq!(told(2), NONE);
    assert_eq!(told(3), ["warning job-failing"]);
    assert_eq!(told(9), ["warning job-failing"]);
    assert_eq!(told(31), ["critical job-failing"]);
}
