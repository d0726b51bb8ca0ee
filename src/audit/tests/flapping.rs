//! Flapping: a share of the slots of a day.

use super::*;

const FLAPPING: &str = "warning flapping";

/// An hourly job that ended a run at 12:01, and before it each hour one that did this.
fn hours(runs: &[Did]) -> Job {
    named("j", runs)
}

fn named(id: &str, runs: &[Did]) -> Job {
    Job { id: id.to_owned(), name: id.to_owned(), ..fires(runs) }
}

fn told(jobs: &[Job]) -> Vec<String> {
    let world = Snapshot { jobs: jobs.to_vec(), ..recorded([]) };
    found(&world, "12:05").into_iter().filter(|line| line.contains("flapping")).collect()
}

/// Slots that failed and worked again so often, and good ones.
fn turning(turns: usize, good: usize) -> Vec<Did> {
    [[EMPTY, GOOD].repeat(turns), vec![GOOD; good]].concat()
}

#[test]
fn a_job_flaps_from_a_quarter_of_twelve_slots_on() {
    assert_eq!(told(&[hours(&turning(4, 4))]), [FLAPPING], "four of twelve");
    assert_eq!(told(&[hours(&turning(4, 3))]), NONE, "eleven slots");
    // The last of four comes after some that worked.
    let late = |good: usize| [turning(3, good), vec![EMPTY, GOOD]].concat();
    assert_eq!(told(&[hours(&late(9))]), [FLAPPING], "four of sixteen");
    assert_eq!(told(&[hours(&late(10))]), NONE, "four of seventeen");
}

#[test]
fn a_job_flaps_until_the_slots_that_worked_outweigh_those_that_failed() {
    // Each slot that failed weighs five: four of them, less those that worked in between.
    assert_eq!(told(&[hours(&turning(4, 15))]), [FLAPPING]);
    assert_eq!(told(&[hours(&turning(4, 16))]), NONE);
}

#[test]
fn a_job_flaps_only_if_it_worked_again_four_times() {
    let failing_twice = [vec![EMPTY, EMPTY, GOOD], turning(2, 5)].concat();
    assert_eq!(told(&[hours(&failing_twice)]), NONE, "three turns");
    let failing_twice = [vec![EMPTY, EMPTY, GOOD], turning(3, 4)].concat();
    assert_eq!(told(&[hours(&failing_twice)]), [FLAPPING]);
}

#[test]
fn a_slot_that_failed_and_worked_at_the_second_try_has_failed_once() {
    // Each slot is tried again after five minutes.
    let retried = |slots: usize, failed: usize| {
        let first = hours(&vec![GOOD; slots]);
        let mut job = Job { fires: Vec::new(), ..first.clone() };
        for (place, fire) in first.fires.iter().enumerate() {
            if place < failed {
                job.fires.push(did(*fire, FAILED));
                job.fires.push(Fire { end: fire.end.plus(5 * MINUTE), ..fire.started(fire.end.plus(4 * MINUTE)) });
            } else {
                job.fires.push(*fire);
            }
        }
        told(&[job])
    };
    assert_eq!(retried(12, 4), [FLAPPING]);
    assert_eq!(retried(11, 4), NONE, "the runs are more than twelve, the slots are not");
}

#[test]
fn while_nothing_runs_the_rate_stays_as_it_was() {
    let at_now = |now: &str| {
        let world = recorded([hours(&turning(4, 6)).next("2026-05-09 00:00")]);
        found(&world, now).iter().any(|line| line == FLAPPING)
    };
    assert!(at_now("2026-03-03 05:01"));
    assert!(at_now("2026-04-11 05:01"));
}

#[test]
fn what_failed_in_an_outage_does_not_count() {
    let first = [turning(3, 6), vec![EMPTY, EMPTY, GOOD]].concat();
    let second = named("k", &[vec![GOOD; 12], vec![EMPTY, EMPTY, GOOD]].concat());
    // Five of fifteen slots failed, two of them in an outage.
    assert_eq!(told(&[hours(&first), second]), NONE);
    assert_eq!(told(&[hours(&first)]), [FLAPPING]);
}

#[test]
fn what_the_rate_explains_is_no_outage() {
    let of = |failing: usize| {
        let runs = [turning(6, 0), vec![EMPTY; failing]].concat();
        let world = Snapshot { jobs: vec![named("a", &runs), named("b", &runs)], ..recorded([]) };
        field::causes(&world, "12:05")
    };
    assert_eq!(of(2), [(Problem::Flapping, Severity::Warning, 2)], "four runs that failed in a row");
    let long = of(8);
    assert!(long.iter().any(|(problem, ..)| *problem == Problem::ProviderFailing), "{long:?}");
}

#[test]
fn all_jobs_flap_together_though_each_alone_has_too_few_slots() {
    let half = |id: &str, turns: usize, good: usize| named(id, &turning(turns, good));
    let shifted = |mut job: Job, minutes: i64| {
        job.fires.iter_mut().for_each(|fire| fire.end = fire.end.plus(-minutes * MINUTE));
        job
    };
    let both = |good: usize| [half("a", 2, 2), shifted(half("b", 2, good), 30)];
    assert_eq!(told(&both(2)), [FLAPPING; 2], "four of twelve together");
    assert_eq!(told(&both(1)), NONE, "eleven slots");
    let needs_none = both(2).map(|job| Job { uses_model: false, ..job });
    assert_eq!(told(&needs_none), NONE, "jobs that need no model have nothing in common");
    // One job that fails does not make all flap.
    let one = [half("a", 4, 0), shifted(half("b", 0, 4), 30)];
    assert_eq!(told(&one), NONE);
}

#[test]
fn flapping_is_an_incident_of_its_own_and_of_all_jobs_one() {
    let world = |jobs: &[Job]| Snapshot { jobs: jobs.to_vec(), ..recorded([]) };
    let alone = world(&[hours(&turning(4, 4))]);
    assert_eq!(field::causes(&alone, "12:05"), [(Problem::Flapping, Severity::Warning, 1)]);
    let half = |id: &str, minutes: i64| {
        let mut job = named(id, &turning(2, 2));
        job.fires.iter_mut().for_each(|fire| fire.end = fire.end.plus(-minutes * MINUTE));
        job
    };
    let all = world(&[half("a", 0), half("b", 30)]);
    assert_eq!(field::causes(&all, "12:05"), [(Problem::Flapping, Severity::Warning, 2)]);
}
