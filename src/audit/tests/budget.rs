//! Budgets of a day, at what they allow and one step under it.

use super::*;
use crate::catalog::Severity::{Critical, Warning};
use crate::settings::Budget;

const COST: Budget = Budget { cost_usd: Some(5.0), tokens: None };
const TOKENS: Budget = Budget { cost_usd: None, tokens: Some(4000) };

/// An hourly job that has run from 01:00 on, each time at this cost and with 1000 tokens.
fn paid(id: &str, costs: &[f32]) -> Job {
    let mut job = hourly(id);
    for (cost, hour) in costs.iter().zip(1..) {
        job = job.ran(&format!("{hour:02}:00"), &format!("{hour:02}:01"));
        if let Some(run) = job.fires.last_mut() {
            run.cost_usd = *cost;
        }
    }
    job
}

/// What an audit finds where each job may spend that much.
fn of_each_job(world: &Snapshot, now: &str, budget: Budget) -> Verdict {
    let rules = vec![Rule { budget: Some(budget), ..Rule::of("*") }];
    audit(world.clone(), &Policy { rules, ..Policy::of(settings(at(now))) })
}

/// The same where all jobs together may.
fn of_all_jobs(world: &Snapshot, now: &str, budget: Budget) -> Verdict {
    audit(world.clone(), &Policy::of(Settings { budget: Some(budget), ..settings(at(now)) }))
}

fn told(verdict: &Verdict) -> Vec<(Problem, Severity)> {
    verdict.incidents.iter().map(|incident| (incident.cause, incident.severity)).collect()
}

const OVER: (Problem, Severity) = (Problem::OverBudget, Warning);

#[test]
fn a_budget_is_spent_at_its_amount_and_critical_at_twice_of_it() {
    let spent = |costs: &[f32]| told(&of_each_job(&recorded([paid("j", costs)]), "04:05", COST));
    assert_eq!(spent(&[1.0, 1.0, 2.0, 0.9999]), []);
    assert_eq!(spent(&[1.0, 1.0, 2.0, 1.0]), [OVER]);
    assert_eq!(spent(&[1.0, 1.0, 2.0, 5.9999]), [OVER]);
    assert_eq!(spent(&[1.0, 1.0, 2.0, 6.0]), [(Problem::OverBudget, Critical)]);
    // Ten times 0.1 as 32-bit floats is a little more than 1, ten times 0.7 a little less than 7.
    let dimes = recorded([paid("j", &[0.7; 10])]);
    assert_eq!(told(&of_each_job(&dimes, "10:05", Budget { cost_usd: Some(7.0), tokens: None })), [OVER]);
}

#[test]
fn tokens_have_a_budget_too() {
    let used = |runs: usize| told(&of_each_job(&recorded([paid("j", &[0.0; 24][..runs])]), "08:05", TOKENS));
    let without_late = |told: Vec<(Problem, Severity)>| -> Vec<Severity> {
        told.into_iter().filter(|(cause, _)| *cause == Problem::OverBudget).map(|(_, severity)| severity).collect()
    };
    assert_eq!(without_late(used(3)), []);
    assert_eq!(without_late(used(4)), [Warning]);
    assert_eq!(without_late(used(7)), [Warning]);
    assert_eq!(without_late(used(8)), [Critical]);
}

#[test]
fn a_day_begins_and_ends_at_midnight_of_the_databases_zone() {
    let world = |zone: &str| {
        let mut world = recorded([paid("j", &[5.0])]);
        world.zone.zone = Zone::named(zone).unwrap_or_else(|| panic!("{zone}"));
        world
    };
    let day = |zone: &str, now: &str| {
        let verdict = of_each_job(&world(zone), now, COST);
        verdict.jobs[0].spending.as_ref().map(|spending| {
            let spent = spending.cost_usd.map(|cost| cost.spent);
            (spending.day_from, spent)
        })
    };
    assert_eq!(day("UTC", "23:59:59.999"), Some((at("00:00"), Some(5.0))));
    assert_eq!(day("UTC", "2026-03-03 00:00"), Some((at("2026-03-03 00:00"), Some(0.0))));
    // 01:01 in UTC is the evening before in New York.
    assert_eq!(day("America/New_York", "04:59"), Some((at("2026-03-01 05:00"), Some(5.0))));
    assert_eq!(day("America/New_York", "05:00"), Some((at("05:00"), Some(0.0))));
}

#[test]
fn it_says_what_was_spent_since_when_and_what_the_day_comes_to() {
    let verdict = of_each_job(&recorded([paid("j", &[2.0, 2.0, 2.0])]), "06:00", COST);
    let spending = verdict.jobs[0].spending.clone().and_then(|spending| spending.cost_usd);
    let reached = Some(at("03:01"));
    assert_eq!(spending, Some(Spent { spent: 6.0, budget: 5.0, projected: 24.0, reached }));
    let incident = verdict.incidents.iter().find(|incident| incident.cause == Problem::OverBudget);
    assert_eq!(incident.and_then(|incident| incident.since), reached);
    let early = of_each_job(&recorded([paid("j", &[6.0])]), "01:30", COST);
    let projected = early.jobs[0].spending.clone().and_then(|spending| Some(spending.cost_usd?.projected));
    assert_eq!(projected, Some(96.0), "by the time since midnight");
    // Within the first hour the rate is that of an hour.
    let mut night = paid("j", &[6.0]);
    night.fires[0].end = at("00:02");
    let night = of_each_job(&recorded([night]), "00:03", COST);
    let projected = night.jobs[0].spending.clone().and_then(|spending| Some(spending.cost_usd?.projected));
    assert_eq!(projected, Some(144.0));
}

#[test]
fn the_budget_of_the_database_is_for_all_jobs_together_and_that_of_a_job_for_each() {
    let gone = Fire { cost_usd: 1.0, ..Fire::counted(at("01:30"), 1000) };
    let mut world = recorded([paid("a", &[2.0, 0.0]), paid("b", &[1.9999, 0.0])]);
    assert_eq!(told(&of_all_jobs(&world, "02:05", COST)), []);
    world.other_fires = vec![gone];
    assert_eq!(told(&of_all_jobs(&world, "02:05", COST)), []);
    world.other_fires = vec![Fire { cost_usd: 1.0001, ..gone }];
    let all = of_all_jobs(&world, "02:05", COST);
    assert_eq!((told(&all), all.incidents[0].jobs.len()), (vec![OVER], 0));
    assert_eq!(told(&of_each_job(&world, "02:05", COST)), []);
}

#[test]
fn what_the_store_does_not_count_is_told_once_and_not_healthy() {
    let unpaid = recorded([paid("a", &[0.0]), paid("b", &[0.0])]);
    let both = Budget { cost_usd: Some(5.0), tokens: Some(1_000_000) };
    let verdict = of_each_job(&unpaid, "01:05", both);
    assert_eq!(told(&verdict), [(Problem::Unjudged, Warning)]);
    assert_eq!(verdict.incidents[0].findings[0].evidence, Evidence::Uncounted { budgets: vec!["cost_usd"] });
    assert_eq!(told(&of_each_job(&unpaid, "01:05", TOKENS)), []);
    // One run with a cost shows that the store counts it.
    let paid_once = recorded([paid("a", &[0.0]), paid("b", &[0.01])]);
    assert_eq!(told(&of_each_job(&paid_once, "01:05", both)), []);
    // Before the first run, and while all fail, nothing says that it does not.
    let new = Job { created_at: Some(at("01:02")), ..hourly("a").next("02:00") };
    assert_eq!(told(&of_each_job(&recorded([new]), "01:05", both)), []);
    let mut failing = unpaid;
    failing.jobs.iter_mut().for_each(|job| job.fires[0] = did(job.fires[0], EMPTY));
    assert_eq!(told(&of_each_job(&failing, "01:05", both)), []);
}

#[test]
fn each_day_is_an_incident_of_its_own_that_keeps_its_fingerprint() {
    let prints = |costs: &[f32], now: &str| -> Vec<String> {
        let verdict = of_each_job(&recorded([paid("j", costs)]), now, COST);
        let over = verdict.incidents.into_iter().filter(|incident| incident.cause == Problem::OverBudget);
        over.map(|incident| incident.fingerprint).collect()
    };
    let first = prints(&[6.0], "01:05");
    assert_eq!((first.len(), &prints(&[6.0, 1.0, 9.0], "03:05")), (1, &first));
    let mut next = paid("j", &[6.0]);
    next.fires[0].end = at("2026-03-03 01:01");
    let next = of_each_job(&recorded([next]), "2026-03-03 01:05", COST);
    assert_ne!(next.incidents.last().map(|incident| &incident.fingerprint), first.first());
}
