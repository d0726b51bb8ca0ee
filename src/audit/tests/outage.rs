//! Outages: when they begin and end, and what is no part of them.

use super::*;
use crate::audit::finding::ongoing;

/// An outage in short: since when, until when, its jobs by position, and how many runs failed in it.
type Seen = (Instant, Option<Instant>, Vec<usize>, usize);

fn outages(jobs: &[Job]) -> Vec<Seen> {
    let world = Snapshot { jobs: jobs.to_vec(), ..recorded([]) };
    with_fleet(&world, settings(at("20:00")), |fleet| {
        let seen = |outage: &crate::audit::outage::Outage| {
            let jobs = outage.jobs.iter().map(|job| job.position()).collect();
            (outage.since, outage.until, jobs, outage.runs)
        };
        fleet.outages.iter().map(seen).collect()
    })
}

/// Two jobs that worked at eight, failed at nine and ten, and then did this.
fn two(then: &[(&str, Did)]) -> [Job; 2] {
    let first = [&[("08:01", GOOD), ("09:01", EMPTY), ("10:01", EMPTY)], then].concat();
    [runs("a", &first), runs("b", &[("08:02", GOOD), ("09:02", EMPTY), ("10:02", EMPTY)])]
}

#[test]
fn four_bad_runs_of_two_jobs_are_an_outage() {
    assert_eq!(outages(&two(&[])), [(at("09:01"), None, vec![0, 1], 4)]);
    let [first, mut second] = two(&[]);
    second.fires.pop();
    assert_eq!(outages(&[first, second]), [], "three runs");
    let alone = runs("a", &[("08:01", GOOD), ("09:01", EMPTY), ("10:01", EMPTY), ("11:01", EMPTY), ("12:01", EMPTY)]);
    assert_eq!(outages(&[alone]), [], "one job");
    let without = two(&[]).map(|job| Job { uses_model: false, ..job });
    assert_eq!(outages(&without), [], "jobs that need no model");
}

#[test]
fn an_outage_begins_after_the_last_good_run_of_any_of_its_jobs() {
    let since = |good: &str| {
        let [mut first, second] = two(&[("11:01", EMPTY)]);
        first.fires[0].end = at("07:01");
        first.fires.insert(1, did(Fire { end: at("08:01"), ..first.fires[0] }, EMPTY));
        let mut second = second;
        second.fires[0].end = at(good);
        outages(&[first, second])
    };
    // The first job failed by chance at 08:01, and the second worked after that.
    assert_eq!(since("08:01:00.000"), [(at("09:01"), None, vec![0, 1], 5)]);
    assert_eq!(since("08:00:59.999"), [(at("08:01"), None, vec![0, 1], 6)]);
}

#[test]
fn an_outage_ends_with_the_first_good_run_of_a_job_that_failed_in_it() {
    let until = at("11:01");
    assert_eq!(outages(&two(&[("11:01", GOOD)])), [(at("09:01"), Some(until), vec![0, 1], 4)]);
    // The runs of a job that uses no model prove nothing.
    let [first, second] = two(&[]);
    let command = runs("c", &[("09:30", UNPROVEN), ("11:01", UNPROVEN)]);
    assert_eq!(outages(&[first.clone(), second.clone(), command])[0].1, None);
    // Nor did a model fail for all that worked for a third job meanwhile.
    let third = |good: &str| outages(&[first.clone(), second.clone(), runs("c", &[("08:00", GOOD), (good, GOOD)])]);
    assert_eq!(third("09:01:00.000").len(), 1, "no later than the first bad run");
    assert_eq!(third("09:01:00.001"), []);
    assert_eq!(third("10:02:00.000"), []);
    assert_eq!(third("10:02:00.001"), [], "a model works, only not for these");
    let back = |good: &str| {
        let [first, second] = two(&[("11:01", GOOD)]);
        outages(&[first, second, runs("c", &[(good, GOOD)])])
    };
    assert_eq!(back("10:02:00.001"), [(at("09:01"), Some(until), vec![0, 1], 4)], "until one of them works");
    assert_eq!(back("10:02:00.000"), []);
}

#[test]
fn a_bad_run_after_the_end_is_no_part_of_an_outage() {
    let jobs = |late: &str| {
        let [first, second] = two(&[("11:01", GOOD)]);
        let mut second = second;
        second.fires.push(did(Fire { end: at(late), ..second.fires[2] }, EMPTY));
        outages(&[first, second])[0].3
    };
    assert_eq!((jobs("11:01:00.000"), jobs("11:01:00.001")), (5, 4));
}

#[test]
fn a_job_that_has_not_run_since_an_outage_ended_no_longer_fails() {
    let daily = |job: Job| Job { schedule: cron("b", "0 10 * * *").schedule, ..job }.next("2026-03-03 10:00");
    let told = |then: &[(&str, Did)]| {
        let [first, second] = two(then);
        let seen = found(&recorded([first, daily(second)]), "11:10");
        seen.into_iter().map(|line| line.replace("warning ", "")).collect::<Vec<_>>()
    };
    assert_eq!(told(&[]), ["provider-failing", "provider-failing"]);
    assert_eq!(told(&[("11:01", GOOD)]), ["provider-failing over", "provider-failing over"]);
}

#[test]
fn three_bad_runs_of_a_job_that_are_outside_an_outage_are_a_streak() {
    let told = |after: usize| {
        let [first, mut second] = two(&[("11:01", GOOD), ("12:01", GOOD), ("13:01", GOOD), ("14:01", GOOD)]);
        for end in ["12:02", "13:02", "14:02"].iter().take(after) {
            second = second.used(&at(end).plus(-SECOND).to_string(), end, 0);
        }
        second.fires[1..3].iter_mut().for_each(|fire| *fire = did(*fire, EMPTY));
        let found = found(&recorded([first, second]), "14:10");
        found.iter().any(|line| line == "warning zero-token-streak")
    };
    assert!(!told(2), "those in the outage do not count");
    assert!(told(3));
}

#[test]
fn an_outage_is_told_for_a_day_and_longer_if_it_was_long() {
    // Two runs of each job, so that only the time makes it long.
    let told = |good: &str, now: &str| {
        let [first, second] = two(&[(good, GOOD)]);
        let mut world = recorded([first.next("2026-03-09 00:00"), second.next("2026-03-09 00:00")]);
        world.jobs.iter_mut().for_each(|job| job.fires[1].end = job.fires[1].end.plus(55 * MINUTE));
        let found = found(&world, now);
        found.into_iter().filter(|line| line.ends_with("provider-failing over")).collect::<Vec<_>>()
    };
    let (warning, info) = ("warning provider-failing over", "info provider-failing over");
    // It began at 09:56.
    assert_eq!(told("10:55:59.999", "2026-03-03 10:55:59.999"), [warning; 2]);
    assert_eq!(told("10:55:59.999", "2026-03-03 10:56:00.000"), NONE, "a short one is no news after a day");
    assert_eq!(told("10:56:00.000", "2026-03-03 10:56:00.001"), [info; 2]);
    // Three runs of one job are as long.
    let three = || {
        let [first, second] = two(&[("10:03", EMPTY), ("10:04", GOOD)]);
        let mut world = recorded([first.next("2026-03-09 00:00"), second.next("2026-03-09 00:00")]);
        world.jobs.iter_mut().for_each(|job| job.fires[1].end = job.fires[1].end.plus(55 * MINUTE));
        world
    };
    let found = found(&three(), "2026-03-03 10:05");
    assert_eq!(found.iter().filter(|line| *line == info).count(), 2, "{found:?}");
}

#[test]
fn a_run_belongs_to_an_outage_of_its_job_from_its_beginning_to_its_end() {
    let world = Snapshot { jobs: two(&[("11:01", GOOD)]).to_vec(), ..recorded([]) };
    let covered = |job: usize, end: &str| {
        with_fleet(&world, settings(at("20:00")), |fleet| fleet.outages.of_run(JobIndex::at(job), at(end)).is_some())
    };
    assert!(!covered(0, "09:00:59.999") && covered(0, "09:01:00.000"));
    assert!(covered(0, "11:01:00.000") && !covered(0, "11:01:00.001"));
    assert!(!covered(2, "10:00"), "a job that did not fail in it");
}

/// Two jobs of an outage from 09:01 to 11:01, of which the second was revived at `revived`.
fn second_revived(first: &[(&str, Did)], revived: &str) -> [Job; 2] {
    let [first, second] = two(first);
    let mut second = second.next(revived).written(revived);
    row(&mut second).last_run.iter_mut().for_each(|run| run.failed = true);
    [first, second]
}

#[test]
fn an_outage_is_not_over_for_a_job_that_was_revived_in_it_and_waits_for_its_turn() {
    let told = |jobs: [Job; 2], now: &str| {
        let verdict = verdict(&fleet(jobs), now);
        let told = verdict.incidents.iter().map(|incident| (incident.fingerprint.clone(), incident.status));
        told.collect::<Vec<_>>()
    };
    let print = told(two(&[]), "10:10")[0].0.clone();
    let lasts = [(print.clone(), Status::Ongoing)];
    let works = [("11:01", GOOD)];
    assert_eq!(told(second_revived(&[], "10:50"), "10:55"), lasts);
    assert_eq!(told(second_revived(&works, "10:50"), "11:02"), lasts);
    assert_eq!(told(second_revived(&works, "11:01:00.000"), "11:02"), lasts);
    // What is revived after the end waits as any job does.
    assert_eq!(told(second_revived(&works, "11:01:00.001"), "11:02"), [(print.clone(), Status::Resolved)]);
    let [first, second] = second_revived(&works, "10:50");
    assert_eq!(told([first, second.ran("11:02", "11:03")], "11:04"), [(print, Status::Resolved)]);
}

/// Four jobs that failed from 09:00 to 11:00 beside one that works again, and so often since with the same error.
fn failing_again(since: usize) -> Snapshot {
    let outage = [("08:01", GOOD), ("09:01", EMPTY), ("10:01", EMPTY), ("11:01", EMPTY)];
    let again = [("12:01", FAILED), ("12:11", FAILED), ("12:21", FAILED), ("12:31", FAILED)];
    let failing = |id: &str| {
        let all = [&outage[..], &again[..since]].concat();
        let mut job = runs(id, &all).with_errors(all.len() as u64 - 1).next("13:00");
        let run = row(&mut job).last_run.as_mut();
        run.into_iter().for_each(|run| (run.failed, run.error) = (true, Some(RunError::new("no such channel"))));
        job
    };
    let back = runs("w", &[&outage[..], &[("11:31", GOOD), ("12:31", GOOD)]].concat());
    recorded([failing("a"), failing("b"), failing("c"), failing("d"), back])
}

#[test]
fn jobs_that_fail_after_an_outage_have_a_cause_in_common_if_each_failed_twice_since() {
    let told = |since: usize, now: &str| {
        let found = found(&failing_again(since), now).into_iter();
        found.filter(|line| line.ends_with("shared-error") || line.ends_with("job-failing")).collect::<Vec<_>>()
    };
    assert_eq!(told(0, "12:40"), NONE);
    assert_eq!(told(1, "12:40"), NONE);
    assert_eq!(told(2, "12:40"), ["warning shared-error"; 4]);
    // As bad as without the outage: from three failures in a row and an hour on.
    assert_eq!(told(2, "13:01"), ["warning shared-error"; 4]);
    assert_eq!(told(3, "13:00:59.999"), ["warning job-failing"; 4]);
    assert_eq!(told(3, "13:01"), ["critical shared-error"; 4]);
}

#[test]
fn what_fails_after_an_outage_has_another_fingerprint_and_keeps_it() {
    let ongoing = |since: usize| {
        let verdict = verdict(&failing_again(since), "13:02");
        let ongoing = verdict.incidents.iter().filter(|incident| incident.status == Status::Ongoing);
        ongoing.map(|incident| (incident.fingerprint.clone(), incident.since)).collect::<Vec<_>>()
    };
    let outage = verdict(&failing_again(0), "13:02").incidents[0].fingerprint.clone();
    assert_eq!(ongoing(2).len(), 1);
    assert_ne!(ongoing(2)[0].0, outage);
    assert_eq!(ongoing(2)[0].1, Some(at("12:01")));
    assert_eq!(ongoing(3), ongoing(2));
    assert_eq!(ongoing(4), ongoing(2));
}

#[test]
fn errors_in_an_outage_that_is_over_count_for_no_row_of_errors() {
    let told = |errors: u64, again: usize| {
        let mut job = failing_again(again).jobs.remove(0).with_errors(errors);
        row(&mut job).last_run.iter_mut().for_each(|run| run.error = None);
        let back = failing_again(0).jobs.remove(4);
        let found = found(&recorded([job, back]), "12:40");
        found.into_iter().find(|line| line.ends_with("job-failing"))
    };
    let warning = Some("warning job-failing".to_owned());
    // Three in the outage.
    assert_eq!((told(5, 2), told(6, 3)), (None, warning.clone()));
    // The count of a row that was revived is that since.
    assert_eq!((told(2, 2), told(3, 3)), (None, warning));
}

#[test]
fn a_count_of_errors_says_nothing_while_the_message_of_a_later_run_that_worked_is_delivered() {
    let told = |later: &[(&str, Did)]| {
        let runs =
            runs("j", &[&[("08:01", GOOD), ("09:01", FAILED), ("10:01", FAILED), ("11:01", FAILED)], later].concat());
        let mut job = runs.with_errors(3);
        row(&mut job).last_run = Some(Run { start: at("11:00"), duration_ms: Some(MINUTE), failed: true, error: None });
        found(&recorded([job]), "11:40").into_iter().filter(|line| line.ends_with("failing")).collect::<Vec<_>>()
    };
    assert_eq!(told(&[]), ["warning job-failing"]);
    assert_eq!(told(&[("11:31", GOOD)]), NONE);
    assert_eq!(told(&[("11:31", UNREAD)]), ["warning job-failing"]);
}

#[test]
fn a_revived_job_that_waits_for_its_turn_after_a_silence_does_not_still_fail() {
    let told = verdict(&fleet(second_revived(&[("18:01", GOOD)], "12:00")), "18:05");
    let incident = &told.incidents[0];
    let problems: Vec<Problem> = ongoing(&incident.findings).map(Finding::problem).collect();
    assert_eq!(problems, [Problem::Repaired, Problem::CatchingUp]);
    assert_eq!(incident.headline.to_string(), "b was revived 6h ago and has not run since");
    assert!(incident.remedy.step.starts_with("Nothing now"), "{:?}", incident.remedy);
}
