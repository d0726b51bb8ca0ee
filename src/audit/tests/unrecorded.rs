//! Rows that move on while no record of runs is kept, and jobs that wait for events.

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
