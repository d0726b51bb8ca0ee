//! Passes that fail, runs that wait for others, and edits without a trace, as only Hermes has them.

use super::field::causes;
use super::*;
use crate::model::Passes;

/// The jobs as Hermes' store would have them: runs with their starts, a fresh heartbeat, and rows that say nothing of edits.
fn hermes<const N: usize>(jobs: [Job; N]) -> Snapshot {
    let [.., hermes] = crate::stores::traits_for_tests();
    let mut jobs = Vec::from(jobs);
    jobs.iter_mut().for_each(|job| row(job).updated_at = None);
    let window_start = Some(at("2026-02-23 00:00"));
    Snapshot { jobs, window_start, lease: Lease::Alive(at("12:00")), ..Snapshot::empty(hermes) }
}

/// An hourly job whose run of 10:00 goes on, or waits.
fn open(id: &str, since: &str, waits: bool) -> Job {
    let job = hourly(id).ran("08:00", "08:01").ran("09:00", "09:01").next("15:00");
    Job { running_since: Some(at(since)), run_waits: waits, ..job }
}

#[test]
fn passes_that_fail_are_critical_after_15_minutes_and_the_cause_of_all_that_is_late() {
    let job = hourly("j").ran("09:00", "09:01").ran("10:00", "10:01").next("11:00");
    let world = Snapshot { passes: Passes::Failing { since: at("10:45"), why: None }, ..hermes([job]) };
    assert_eq!(causes(&world, "11:00:00.000"), [(Problem::PassesFail, Severity::Warning, 0)]);
    assert_eq!(causes(&world, "11:00:00.001"), [(Problem::PassesFail, Severity::Critical, 0)]);
    assert_eq!(causes(&world, "12:30"), [(Problem::PassesFail, Severity::Critical, 1)], "with the job that is overdue");
}

#[test]
fn a_run_that_waits_is_as_bad_as_being_late_once_the_one_before_it_is_unusual() {
    let told = |since: &str, now: &str| found(&hermes([open("a", since, false), open("b", "10:00", true)]), now);
    assert_eq!(told("09:40", "10:15:00.000"), ["warning run-long"], "not late yet");
    assert_eq!(told("09:40", "10:15:00.001"), ["warning run-long", "warning run-hung"]);
    assert_eq!(told("09:59", "10:15:00.001"), ["info waiting"], "the run before it may go on");
    assert_eq!(told("09:40", "14:30"), ["critical run-hung", "critical run-hung"]);
}

#[test]
fn runs_that_wait_and_all_that_hang_before_them_are_one_incident() {
    let told = |jobs| causes(&jobs, "14:30");
    let hung = |id: &str| open(id, "10:00", false);
    let waits = || open("w", "10:01", true);
    assert_eq!(told(hermes([hung("a"), waits()])), [(Problem::RunHung, Severity::Critical, 2)]);
    assert_eq!(told(hermes([hung("a"), hung("b"), waits()])), [(Problem::RunHung, Severity::Critical, 3)]);
    assert_eq!(
        told(hermes([hung("a"), hung("b")])).len(),
        2,
        "two runs that hang have no cause in common by themselves"
    );
}

#[test]
fn slots_without_a_run_are_a_warning_where_a_pause_leaves_no_trace_and_the_next_run_lies_ahead() {
    let told = |next: &str| {
        found(&hermes([hourly("j").ran("08:00", "08:01").ran("09:00", "09:01").next(next), busy()]), "12:30")
    };
    assert_eq!(told("13:00"), ["warning job-silent"]);
    assert_eq!(told("10:00"), ["critical overdue"]);
}

/// A job that runs every ten minutes, up to 12:20.
fn busy() -> Job {
    let mut job = cron("busy", "*/10 * * * *");
    for minutes in (0..=20).rev() {
        let start = at("12:20").plus(-minutes * 10 * MINUTE);
        job = job.ran(&start.to_string(), &start.plus(MINUTE).to_string());
    }
    job.next("12:30")
}

#[test]
fn runs_that_ended_with_their_process_say_nothing_about_the_model() {
    let told = |outcome: RunOutcome| {
        let job = |id: &str| {
            let mut job = hourly(id).ran("08:00", "08:01").ran("09:00", "09:01").ran("10:00", "10:01").next("11:00");
            job.fires[1..].iter_mut().for_each(|fire| *fire = Fire { outcome, tokens: None, ..*fire });
            if let Some(run) = row(&mut job).last_run.as_mut() {
                (run.failed, run.error) = (true, Some(RunError::new("Gateway shutdown killed it")));
            }
            job.with_errors(2)
        };
        causes(&hermes([job("a"), job("b")]), "10:30")
    };
    assert_eq!(told(RunOutcome::Failed), [(Problem::ProviderFailing, Severity::Warning, 2)]);
    assert_eq!(told(RunOutcome::Cut), []);
}

#[test]
fn a_dead_ticker_is_told_before_anything_is_lost_also_while_its_process_lives() {
    let world = |liveness| {
        let job = cron("j", "0 18 * * *").ran("2026-03-01 18:00", "2026-03-01 18:01").next("18:00");
        Snapshot { liveness, lease: Lease::Dead(at("10:00")), ..hermes([job]) }
    };
    let down = [(Problem::SchedulerDown, Severity::Warning, 0)];
    assert_eq!(causes(&world(held("09:00")), "10:05"), down);
    assert_eq!(causes(&world(Liveness::default()), "10:05"), down);
    let told = verdict(&world(held("09:00")), "10:05").incidents.remove(0);
    assert_eq!(
        told.text.inferred.map(|text| text.to_string()),
        Some("the process lives, but its ticker is dead".to_owned())
    );
}
