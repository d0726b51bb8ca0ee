//! Jobs that were switched off and run all the same.

use super::*;

/// An hourly job with these ends of runs on Monday that was paused at a time.
fn paused(state: State, pause: &str, ends: &[&str]) -> Job {
    let good: Vec<(&str, Did)> = ends.iter().map(|end| (*end, GOOD)).collect();
    Job { state, ..runs("j", &good).switched(pause, false) }
}

fn told(job: Job) -> Vec<String> {
    let found = found(&recorded([job]), "12:30");
    found.into_iter().filter(|line| line.contains("runs-while-off")).collect()
}

const OFF: [&str; 1] = ["warning runs-while-off"];

/// In the run that ended at 11:02 and took a second.
const IN_A_RUN: &str = "2026-03-02 11:01:59.500";

#[test]
fn a_pause_in_a_run_that_the_run_undid_is_told_from_the_next_run_on() {
    let active = |pause: &str, ends: &[&str]| told(paused(State::Watched, pause, ends));
    assert_eq!(active(IN_A_RUN, &["10:02", "11:02", "12:02"]), OFF);
    assert_eq!(active(IN_A_RUN, &["10:02", "11:02"]), NONE, "the run that went on is no new one");
    assert_eq!(active("11:30", &["10:02", "11:02", "12:02"]), NONE, "between two runs: resumed by hand");
}

#[test]
fn a_row_that_is_off_and_runs_is_told() {
    let off = |pause: &str| told(paused(State::Paused, pause, &["10:02", "11:02", "12:02"]));
    assert_eq!(off("10:30"), OFF);
    assert_eq!(off(IN_A_RUN), NONE, "one run may have been asked for");
}

#[test]
fn runs_by_hand_of_a_job_that_is_off_are_no_trouble() {
    let paused = paused(State::Paused, "10:30", &["10:02", "11:02", "12:02"]);
    assert_eq!(told(Job { manual_runs: vec![at("12:00")], ..paused }), NONE);
}

#[test]
fn a_resumed_job_is_not_off() {
    let job = paused(State::Watched, IN_A_RUN, &["10:02", "11:02", "12:02"]);
    assert_eq!(told(job.switched("11:10", true)), NONE);
}
