//! Rows that have gone, and what was made in their place.

use super::*;

/// A job without a row that fired three times, an hour apart, the last time at 12:00.
fn gone(id: &str) -> Job {
    gone_at(id, "12:00")
}

fn gone_at(id: &str, last: &str) -> Job {
    let fired = [2, 1, 0].map(|back| at(last).plus(-back * HOUR));
    Job { state: State::Gone, row: None, created_at: None, ..ended(hourly(id), fired) }
}

fn made(id: &str, created: &str) -> Job {
    Job { created_at: Some(at(created)), ..cron(id, "0 9 1 * *") }.next("2026-04-01 09:00")
}

/// How many jobs were lost together.
fn lost(jobs: Vec<Job>) -> usize {
    let world = Snapshot { jobs, ..recorded([]) };
    with_fleet(&world, settings(at("20:00")), |fleet| {
        let groups = world.jobs.iter().enumerate().map(|(place, _)| fleet.gone.group_of(JobIndex::at(place)));
        groups.flatten().count()
    })
}

#[test]
fn a_successor_is_made_from_20_minutes_before_the_last_run_to_shortly_after_the_next() {
    let with = |created: &str| lost(vec![gone("a"), gone("b"), gone("c"), made("new", created)]);
    assert_eq!((with("11:39:59.999"), with("11:40:00.000")), (3, 0));
    // 1.1 intervals are 66 minutes, and 15 more.
    assert_eq!((with("13:21:00.000"), with("13:21:00.001")), (0, 3));
}

#[test]
fn a_row_of_the_same_name_is_a_successor_whenever_it_was_made() {
    let named = |name: &str, made_as: &str| {
        let old = Job { name: name.to_owned(), ..gone("a") };
        let new = Job { name: made_as.to_owned(), ..made("new", "18:00") };
        lost(vec![old, gone("b"), gone("c"), new])
    };
    assert_eq!((named("report", "report"), named("report", "backup")), (0, 3));
    assert_eq!(named("", ""), 3, "no name is no name in common");
    assert_eq!(named("a", "a"), 3, "an id that stands for a name is none");
}

#[test]
fn a_successor_replaces_one_job_and_three_must_remain() {
    let four = || vec![gone("a"), gone("b"), gone("c"), gone("d")];
    let with = |successors: &[&str]| {
        let made = successors.iter().map(|id| made(id, "12:10"));
        lost(four().into_iter().chain(made).collect())
    };
    assert_eq!((with(&[]), with(&["x"]), with(&["x", "y"])), (4, 3, 0));
    assert_eq!(lost(vec![gone("a"), gone("b")]), 0, "two are too few");
}

#[test]
fn one_moment_must_fit_at_least_half_of_what_has_gone() {
    let others = ["2026-02-10 12:00", "2026-02-15 12:00", "2026-02-20 12:00", "2026-02-25 12:00"];
    let with = |count: usize| {
        let one_by_one = others[..count].iter().map(|last| gone_at(last, last));
        lost([gone("a"), gone("b"), gone("c")].into_iter().chain(one_by_one).collect())
    };
    assert_eq!((with(3), with(4)), (3, 0));
}

#[test]
fn a_job_that_was_not_regular_is_not_lost() {
    let twice = |id: &str| {
        let mut job = gone(id);
        job.fires.remove(0);
        job
    };
    assert_eq!(lost(vec![gone("a"), gone("b"), twice("c")]), 0);
    let mut failed = gone("c");
    failed.fires[0] = did(failed.fires[0], FAILED);
    assert_eq!(lost(vec![gone("a"), gone("b"), failed]), 0, "only good runs count");
}
