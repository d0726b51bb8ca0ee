//! How bad the operator calls a problem.

use super::*;
use crate::catalog::Severity::{Critical, Info, Warning};

/// The incidents and then the findings of an audit with these severities for every job.
fn rated(world: &Snapshot, now: &str, severities: &[(Problem, Severity)]) -> Verdict {
    let severities = severities.iter().copied().collect();
    audit(world.clone(), &Policy::of(Settings { severities, ..settings(at(now)) }))
}

fn incidents(verdict: &Verdict) -> Vec<(Problem, Severity)> {
    verdict.incidents.iter().map(|incident| (incident.cause, incident.severity)).collect()
}

/// A job that wrote 1000 tokens in each run, and a tenth of that in the last three.
fn shrunk() -> Snapshot {
    let mut job = ended(hourly("j"), ends(20));
    let count = job.fires.len();
    for (position, fire) in job.fires.iter_mut().enumerate() {
        fire.output = Some(if position + 3 >= count { 100 } else { 1000 });
    }
    recorded([Job { schedule: every("j", 10 * MINUTE).schedule, ..job }.next("20:10")])
}

#[test]
fn a_problem_that_is_info_to_the_operator_is_no_alarm_and_keeps_its_fingerprint() {
    let world = fleet([hourly("j").ran("10:00", "10:01"), hourly("k").ran("11:00", "11:01")]);
    let (plain, told) = (rated(&world, "12:30", &[]), rated(&world, "12:30", &[(Problem::Overdue, Info)]));
    assert_eq!((plain.severity(), told.severity()), (Critical, Info));
    assert!(told.jobs.iter().all(|report| report.severity == Info));
    let fingerprints = |verdict: &Verdict| -> Vec<String> {
        verdict.incidents.iter().map(|incident| incident.fingerprint.clone()).collect()
    };
    assert_eq!(fingerprints(&plain), fingerprints(&told));
}

#[test]
fn information_that_the_operator_calls_worse_is_an_incident_of_its_own() {
    let world = shrunk();
    assert_eq!(found(&world, "20:05"), ["info work-shrank"]);
    assert_eq!(incidents(&rated(&world, "20:05", &[])), []);
    for severity in [Warning, Critical] {
        let told = rated(&world, "20:05", &[(Problem::WorkShrank, severity)]);
        assert_eq!((incidents(&told), told.severity()), (vec![(Problem::WorkShrank, severity)], severity));
        assert_eq!(told.incidents[0].since, Some(at("19:40")));
    }
}

#[test]
fn the_cause_of_an_incident_goes_before_the_problems_that_it_explains() {
    let world = fleet([hourly("j").ran("10:00", "10:01"), hourly("k").ran("10:01", "10:02")]);
    let told = |severities: &[(Problem, Severity)]| incidents(&rated(&world, "12:30", severities));
    assert_eq!(told(&[]), [(Problem::SchedulerSilent, Critical)]);
    assert_eq!(told(&[(Problem::SchedulerSilent, Warning)]), [(Problem::SchedulerSilent, Warning)]);
    let both = [(Problem::SchedulerSilent, Warning), (Problem::Overdue, Info)];
    assert_eq!(told(&both), [(Problem::SchedulerSilent, Warning)]);
    assert_eq!(rated(&world, "12:30", &both).severity(), Warning, "the findings are as bad as their incident");
}

#[test]
fn what_is_over_becomes_milder_and_never_worse() {
    let world = used(&[1000, 0, 0, 0, 1000]);
    let told = |severity| {
        let verdict = rated(&world, "12:02", &[(Problem::ZeroTokenStreak, severity), (Problem::JobFailing, severity)]);
        incidents(&verdict)
    };
    assert_eq!(told(Critical), [(Problem::JobFailing, Warning)]);
    assert_eq!(told(Info), [(Problem::JobFailing, Info)]);
}

#[test]
fn a_rule_is_for_its_jobs_and_leaves_other_problems_as_they_are() {
    let world = fleet([hourly("j").ran("10:00", "10:01"), hourly("k").ran("10:01", "10:02")]);
    let rule =
        |severities: &[(Problem, Severity)]| Rule { severities: severities.iter().copied().collect(), ..Rule::of("j") };
    let of_jobs = |rule: Rule| {
        let every = Settings { severities: [(Problem::Overdue, Warning)].into(), ..settings(at("12:30")) };
        let verdict = audit(world.clone(), &Policy { rules: vec![rule], ..Policy::of(every) });
        verdict.jobs.iter().map(|report| report.severity).collect::<Vec<_>>()
    };
    assert_eq!(of_jobs(rule(&[(Problem::Overdue, Info)])), [Info, Warning]);
    assert_eq!(of_jobs(rule(&[(Problem::RunLong, Info)])), [Warning, Warning], "the severity of every job stays");
}

#[test]
fn the_words_of_an_incident_do_not_depend_on_what_the_operator_calls_it() {
    let mut job = hourly("j").ran("10:00", "10:01").with_errors(5).next("13:00");
    job.state = State::Watched;
    let world = fleet([job.written("12:20"), hourly("k").ran("12:00", "12:01")]);
    let words = |severities: &[(Problem, Severity)]| {
        let verdict = rated(&world, "12:30", severities);
        verdict.incidents.iter().map(|incident| format!("{:?}", incident.text)).collect::<Vec<_>>()
    };
    let every: Vec<_> = Problem::all().iter().map(|problem| (*problem, Critical)).collect();
    assert!(!words(&[]).is_empty());
    assert_eq!(words(&every), words(&[]));
}
