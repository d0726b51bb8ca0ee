//! Files that a job should leave behind.

use super::*;
use crate::model::ResultFiles;
use std::path::PathBuf;

/// What an audit finds of jobs whose runs leave these files behind.
fn with_files(mut world: Snapshot, now: &str, files: &ResultFiles) -> Verdict {
    let output = PathBuf::from("/reports/*.md");
    world.results.insert(output.clone(), files.clone());
    let rules = vec![Rule { output: Some(output), ..Rule::of("*") }];
    audit(world, &Policy { rules, ..Policy::of(settings(at(now))) })
}

fn written(time: &str) -> ResultFiles {
    ResultFiles { newest: Some(at(time)), trouble: None }
}

fn told(verdict: &Verdict) -> Vec<String> {
    let finding = |finding: &Finding| format!("{} {}", finding.severity.word(), finding.problem().name());
    findings(verdict).iter().map(finding).collect()
}

/// A daily job that ran for ten minutes from 07:00 on.
fn daily() -> Job {
    cron("j", "0 7 * * *").ran("2026-03-01 07:00", "2026-03-01 07:10").ran("07:00", "07:10")
}

const MISSING: [&str; 1] = ["warning no-output"];

#[test]
fn a_file_that_is_older_than_the_last_run_is_told_once_the_run_has_had_its_time() {
    let judged = |now: &str, newest: &str| told(&with_files(recorded([daily()]), now, &written(newest)));
    let old = "2026-03-01 07:05";
    assert_eq!(judged("11:00:00.000", old), NONE);
    assert_eq!(judged("11:00:00.001", old), MISSING);
    assert_eq!(judged("11:30", "06:59:57.999"), MISSING);
    assert_eq!(judged("11:30", "06:59:58"), NONE, "times of files may be cut to two seconds");
    assert_eq!(judged("11:30", "07:00"), NONE);
    assert_eq!(judged("11:30", "11:29"), NONE, "whoever wrote it");
}

#[test]
fn no_file_at_all_and_files_that_were_not_seen_are_not_healthy() {
    let none = ResultFiles::default();
    assert_eq!(told(&with_files(recorded([daily()]), "11:30", &none)), MISSING);
    let hidden = ResultFiles { newest: None, trouble: Some("can't be read".to_owned()) };
    assert_eq!(told(&with_files(recorded([daily()]), "11:30", &hidden)), ["warning unjudged"]);
    let in_part = ResultFiles { trouble: hidden.trouble.clone(), ..written("07:05") };
    assert_eq!(told(&with_files(recorded([daily()]), "11:30", &in_part)), NONE, "a file that is new enough is enough");
    let before_the_first = recorded([cron("j", "0 7 * * *").next("2026-03-03 07:00")]);
    let before_the_first = with_files(before_the_first, "06:00", &none);
    assert!(!told(&before_the_first).contains(&MISSING[0].to_owned()));
}

#[test]
fn a_run_that_did_not_do_its_work_is_told_as_such_and_not_twice() {
    for run in [EMPTY, FAILED, THREW] {
        let mut job = daily();
        job.fires[1] = did(job.fires[1], run);
        let told = told(&with_files(recorded([job]), "11:30", &written("2026-03-01 07:05")));
        assert!(!told.contains(&MISSING[0].to_owned()), "{run:?}: {told:?}");
    }
    let paused = Job { state: State::Paused, ..daily() };
    let paused = with_files(recorded([paused, hourly("k")]), "11:30", &ResultFiles::default());
    assert!(!told(&paused).contains(&MISSING[0].to_owned()));
}

#[test]
fn where_starts_are_not_on_record_a_run_began_at_its_slot_at_the_earliest() {
    let judged = |newest: &str| told(&with_files(fleet([daily()]), "11:30", &written(newest)));
    assert_eq!(judged("06:59:57.999"), MISSING);
    assert_eq!(judged("07:00"), NONE);
}

#[test]
fn it_begins_with_the_first_run_that_wrote_nothing_and_keeps_its_fingerprint() {
    let incident = |jobs: Job, now: &str| {
        let verdict = with_files(recorded([jobs]), now, &written("2026-03-01 07:05"));
        verdict.incidents.first().map(|incident| (incident.since, incident.fingerprint.clone()))
    };
    let first = incident(daily(), "12:00");
    assert_eq!(first.as_ref().and_then(|(since, _)| *since), Some(at("07:00")));
    let later = daily().ran("2026-03-03 07:00", "2026-03-03 07:10");
    assert_eq!(incident(later, "2026-03-03 12:00"), first);
}
