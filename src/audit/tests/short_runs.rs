//! Runs that end sooner than min_run did nothing.

use super::*;
use crate::settings::ThresholdOverrides;

const LEAST: Millis = 5 * SECOND;

/// A job of which each run took so long, on the hour up to 12:00.
fn took(lengths: &[Millis]) -> Job {
    let first = 13 - i64::try_from(lengths.len()).unwrap_or(0);
    let at_hour = |hour: i64| at("00:00").plus(hour * HOUR);
    lengths.iter().zip(first..).fold(hourly("j"), |job, (took, hour)| {
        job.ran(&at_hour(hour).to_string(), &at_hour(hour).plus(*took).to_string())
    })
}

/// What an audit finds where a run of less than [`LEAST`] did nothing.
fn with_least(world: &Snapshot, now: &str) -> Verdict {
    let rules = vec![Rule { min_run: Some(LEAST), ..Rule::of("*") }];
    audit(world.clone(), &Policy { rules, ..Policy::of(settings(at(now))) })
}

fn told(verdict: &Verdict) -> Vec<String> {
    let line = |finding: &Finding| {
        let over = if finding.is_ongoing() { "" } else { " over" };
        format!("{} {}{over}", finding.severity.word(), finding.problem().name())
    };
    findings(verdict).iter().map(line).collect()
}

const OK: Millis = LEAST;
const SHORT: Millis = LEAST - 1;

#[test]
fn runs_that_end_sooner_than_min_run_are_judged_like_runs_without_tokens() {
    let judged = |lengths: &[Millis]| told(&with_least(&recorded([took(lengths)]), "12:05"));
    assert_eq!(judged(&[OK, SHORT, SHORT]), NONE);
    assert_eq!(judged(&[OK, SHORT, SHORT, SHORT]), ["warning run-short"]);
    assert_eq!(judged(&[OK, SHORT, SHORT, OK]), NONE, "a run as long as min_run did its work");
    assert_eq!(judged(&[SHORT; 4]), ["warning run-short"]);
    assert_eq!(judged(&[SHORT; 5]), ["critical run-short"]);
    assert_eq!(judged(&[SHORT, SHORT, SHORT, OK]), ["warning run-short over"]);
    assert_eq!(found(&recorded([took(&[SHORT; 5])]), "12:05"), NONE, "without min_run nothing is too short");
}

#[test]
fn its_streak_lengths_are_those_of_zero_tokens() {
    let mut thresholds = ThresholdOverrides::default();
    thresholds.set("zero_streak", crate::settings::Value::Count(2));
    let rule = Rule { min_run: Some(LEAST), thresholds, ..Rule::of("j") };
    let policy = Policy { rules: vec![rule], ..Policy::of(settings(at("12:05"))) };
    assert_eq!(told(&audit(recorded([took(&[OK, SHORT, SHORT])]), &policy)), ["warning run-short"]);
}

#[test]
fn short_runs_and_runs_without_tokens_are_one_streak() {
    let mut job = took(&[OK, OK, SHORT, OK]);
    for run in [1, 3] {
        job.fires[run] = did(job.fires[run], EMPTY);
    }
    let verdict = with_least(&recorded([job.clone()]), "12:05");
    assert_eq!(told(&verdict), ["warning run-short"]);
    let evidence = &verdict.incidents[0].findings[0].evidence;
    assert!(matches!(evidence, Evidence::ShortRuns { fires: 3, too_short: 1, .. }), "{evidence:?}");
    // A run that failed says more than that it was short.
    job.fires[2] = did(job.fires[2], EMPTY);
    assert_eq!(told(&with_least(&recorded([job]), "12:05")), ["warning zero-token-streak"]);
}

#[test]
fn two_short_runs_of_a_daily_job_are_told() {
    let daily = |lengths: [Millis; 3]| {
        let days = ["2026-02-28", "2026-03-01", "2026-03-02"];
        let job = lengths.iter().zip(days).fold(cron("j", "0 2 * * *"), |job, (took, day)| {
            let start = at(&format!("{day} 02:00"));
            job.ran(&start.to_string(), &start.plus(*took).to_string())
        });
        told(&with_least(&recorded([job]), "02:05"))
    };
    assert_eq!(daily([OK, SHORT, SHORT]), ["warning run-short"]);
    assert_eq!(daily([SHORT, OK, SHORT]), NONE);
    assert_eq!(daily([SHORT, SHORT, OK]), NONE);
}

#[test]
fn where_starts_are_not_on_record_a_run_began_at_its_slot_or_after_the_run_before_it() {
    let judged = |lengths: &[Millis]| told(&with_least(&fleet([took(lengths)]), "12:05"));
    assert_eq!(judged(&[OK, SHORT, SHORT, SHORT]), ["warning run-short"]);
    assert_eq!(judged(&[OK, SHORT, OK, SHORT]), NONE);
}

#[test]
fn lengths_that_are_not_on_record_are_not_healthy() {
    let ends = |count: usize| {
        let mut job = Job { self_paced: true, ..took(&[OK; 6][..count]) };
        job.schedule = Schedule::OnEvent(Default::default());
        job.fires.iter_mut().for_each(|fire| (fire.took, fire.at_most) = (None, None));
        told(&with_least(&recorded([job]), "12:05"))
    };
    assert!(ends(3).contains(&"warning unjudged".to_owned()), "{:?}", ends(3));
    assert!(!ends(2).contains(&"warning unjudged".to_owned()), "{:?}", ends(2));
}

#[test]
fn a_streak_keeps_its_fingerprint_to_the_end() {
    let prints = |lengths: &[Millis], now: &str| -> Vec<String> {
        let mut job = hourly("j").ran("08:00", "08:01");
        for (took, hour) in lengths.iter().zip(9..) {
            let start = at("00:00").plus(hour * HOUR);
            job = job.ran(&start.to_string(), &start.plus(*took).to_string());
        }
        let verdict = with_least(&recorded([job]), now);
        verdict.incidents.into_iter().map(|incident| incident.fingerprint).collect()
    };
    let first = prints(&[SHORT; 3], "11:05");
    assert_eq!((first.len(), &prints(&[SHORT; 5], "13:05")), (1, &first));
    assert_eq!(prints(&[SHORT, SHORT, SHORT, SHORT, SHORT, OK], "14:05"), first);
}

#[test]
fn short_runs_prove_nothing_about_the_model_and_are_no_usual_length() {
    let verdict = with_least(&recorded([took(&[OK, SHORT, SHORT])]), "12:05");
    assert_eq!(verdict.jobs[0].metrics.last_success, Some(at("10:00:05")));
    let marks: String = verdict.jobs[0].timeline.marks.iter().map(|mark| mark.ascii()).collect();
    assert_eq!(marks.as_str(), "#00");
    // From minutes to a second is work that shrank, unless min_run says more.
    let mut lengths = vec![60 * SECOND; 10];
    lengths.extend([SECOND; 3]);
    let world = recorded([took(&lengths)]);
    assert_eq!(found(&world, "12:05"), ["info work-shrank"]);
    assert_eq!(told(&with_least(&world, "12:05")), ["warning run-short"]);
}
