//! Work that shrank, and runs in which the model wrote nothing.

use super::field::causes;
use super::*;

/// An hourly job whose runs up to 12:01 wrote so much.
fn wrote(id: &str, outputs: &[u32]) -> Job {
    let mut job = Job { id: id.to_owned(), name: id.to_owned(), ..fires(&vec![GOOD; outputs.len()]) };
    for (fire, output) in job.fires.iter_mut().zip(outputs) {
        fire.output = Some(*output);
        if *output == 0 {
            fire.outcome = RunOutcome::Empty;
        }
    }
    job
}

/// What is found of a job whose last runs wrote so much and 40 before them 900 tokens.
fn told(last: &[u32]) -> Vec<String> {
    found(&fleet([wrote("j", &[&[900; 40][..], last].concat())]), "12:02")
}

#[test]
fn runs_that_wrote_nothing_are_judged_like_runs_without_tokens() {
    assert_eq!(told(&[0, 0]), NONE);
    assert_eq!(told(&[0, 0, 0]), ["warning zero-token-streak"]);
    assert_eq!(told(&[0; 4]), ["warning zero-token-streak"]);
    assert_eq!(told(&[0; 5]), ["critical zero-token-streak"]);
    assert_eq!(told(&[0, 0, 0, 1])[0], "warning zero-token-streak over");
}

#[test]
fn a_streak_says_what_its_runs_read_all_the_same() {
    let world = fleet([wrote("j", &[&[900; 40][..], &[0; 22]].concat())]);
    let found = findings(&verdict(&world, "12:02"));
    let streak = Evidence::ZeroTokenStreak { fires: 22, tokens: 22_000, newest: at("12:01"), last_error: None };
    assert_eq!(found[0].evidence, streak);
    assert_eq!(found[0].since, Some(at("2026-03-01 15:01")), "since the first of them");
}

#[test]
fn work_that_shrank_is_told_since_it_did_and_is_a_warning_after_a_day() {
    let since = |hours: usize| {
        let world = fleet([wrote("j", &[vec![900; 40], vec![9; hours]].concat())]);
        let found = findings(&verdict(&world, "12:01"));
        found.into_iter().map(|one| (one.severity.word(), one.since)).collect::<Vec<_>>()
    };
    assert_eq!(since(2), []);
    assert_eq!(since(3), [("info", Some(at("10:01")))]);
    assert_eq!(since(24), [("info", Some(at("2026-03-01 13:01")))]);
    assert_eq!(since(25), [("warning", Some(at("2026-03-01 12:01")))]);
    assert_eq!(since(100), [("warning", Some(at("2026-02-26 09:01")))], "more runs than before it");
}

#[test]
fn growth_is_told_since_it_began() {
    let world = used(&[&[100; 12][..], &[1000; 20]].concat());
    assert_eq!(spans(&world, "12:02", Problem::TokenGrowth), [(Some(at("2026-03-01 17:01")), None)]);
}

#[test]
fn work_that_had_been_as_little_before_is_no_warning() {
    let world = |quiet: usize| {
        let outputs = [vec![900; 60], vec![9; quiet], vec![900; 60], vec![9; 30]].concat();
        found(&fleet([wrote("j", &outputs)]), "12:02")
    };
    assert_eq!(world(2), ["warning work-shrank"]);
    assert_eq!(world(3), ["info work-shrank"]);
}

#[test]
fn a_job_that_writes_as_much_in_less_time_is_faster() {
    let world = |is_counted: bool| {
        let mut job = wrote("j", &[900; 70]);
        for (position, fire) in job.fires.iter_mut().enumerate() {
            *fire = fire.started(fire.end.plus(if position < 40 { -60 * SECOND } else { -5 * SECOND }));
            fire.output = fire.output.filter(|_| is_counted);
        }
        found(&recorded([job]), "12:02")
    };
    assert_eq!(world(true), ["info work-shrank"]);
    assert_eq!(world(false), ["warning work-shrank"]);
}

#[test]
fn jobs_that_shrank_together_are_one_incident() {
    let world = |later: usize| {
        let outputs = |shrunk: usize| [vec![900; 40], vec![9; shrunk]].concat();
        fleet([wrote("a", &outputs(30)), wrote("b", &outputs(30 - later))])
    };
    let one = [(Problem::WorkShrank, Severity::Warning, 2)];
    assert_eq!(causes(&world(0), "12:02"), one);
    assert_eq!(causes(&world(1), "12:02"), one, "it ran before the other shrank, and shrank next");
    assert_eq!(causes(&world(2), "12:02").len(), 2, "it had worked since the other shrank");
}
