//! What each finding says, as people read it (messages.txt is what is expected), and the numbers of a job.

use super::*;
use crate::audit::finding::Facts as Evidence;
use wildmatch::WildMatch;

/// A finding with these facts, as of noon.
fn message(facts: Evidence) -> String {
    Finding::new(Severity::Warning, facts).message(&hourly("j").ran("10:00", "10:01"), at("12:00"))
}

fn of_rows() -> Vec<Evidence> {
    let text = str::to_owned;
    let behind = || Some(text("k"));
    vec![
        Evidence::Overdue { overdue_seconds: 3600, free_seconds: 1800 },
        Evidence::Waiting { behind: behind(), overdue_seconds: 3600 },
        Evidence::Waiting { behind: None, overdue_seconds: 3600 },
        Evidence::LongRun { in_flight_seconds: 3600, usual_seconds: 600 },
        Evidence::HungRun { behind: None, in_flight_seconds: 18_000 },
        Evidence::HungRun { behind: behind(), in_flight_seconds: 18_000 },
        Evidence::HungDelivery { behind: None, delivering_seconds: 1200 },
        Evidence::HungDelivery { behind: behind(), delivering_seconds: 1200 },
        Evidence::NoNextRun { next_run_at: None },
        Evidence::NoNextRun { next_run_at: Some(text("soon")) },
        Evidence::BreakerOpen { consecutive_errors: 10, last_error: None },
        Evidence::UnreadableSchedule { why: text("it is odd") },
        Evidence::UnknownState { why: text("its status is odd") },
        Evidence::Runaway { fires: 1, fires_seconds: 90, cost_usd: 1.5, why: None },
        Evidence::Runaway { fires: 40, fires_seconds: 7200, cost_usd: 12.345, why: Some(text("its schedule is odd")) },
        Evidence::Quarantined { why: text("it is odd") },
        Evidence::Skipped { fires: 3, last_error: None },
        Evidence::SkippedSlots { next_run_at: at("2026-03-09 09:00"), slots: 6 },
        Evidence::OneShotFailed { consecutive_errors: 1, last_error: None },
        Evidence::ExpectedMissing { expected: text("backup"), state: None },
        Evidence::ExpectedMissing { expected: text("backup"), state: Some("paused") },
    ]
}

fn of_fires() -> Vec<Evidence> {
    let text = str::to_owned;
    vec![
        Evidence::ZeroTokenStreak { fires: 3, newest: at("11:01"), last_error: None },
        Evidence::SharedZeroTokens { fires: 4, jobs: 2, last_error: None },
        Evidence::Failing { consecutive_errors: 3, last_error: None },
        Evidence::Undelivered { delivery_status: text("error: chat not found") },
        Evidence::Unjudged { why: text("it has no id") },
        Evidence::TokenGrowth { tokens: 1000, usual_tokens: 100 },
        Evidence::Silent { last_fire: Some(at("10:01")) },
        Evidence::Silent { last_fire: None },
        Evidence::Starved { slots: 144, lost: 120 },
        Evidence::OtherZone { jobs: vec![text("j")], offset: text("UTC+02:00"), zone: text("UTC") },
        Evidence::OtherZone { jobs: vec![text("j"), text("k")], offset: text("UTC+02:00"), zone: text("UTC") },
        Evidence::TooManyFires { fires: 22, slots: 1, cost_usd: 0.5 },
        Evidence::RowGone { fires: 5, last_fire: Some(at("10:01")) },
        Evidence::RowGone { fires: 5, last_fire: None },
    ]
}

#[test]
fn each_finding_says_its_facts_in_a_sentence() {
    let told: Vec<String> = [of_rows(), of_fires()].concat().into_iter().map(message).collect();
    let over = |facts| {
        let finding = Finding::new(Severity::Warning, facts).since(at("08:01")).over(at("11:31")).missing(3);
        finding.message(&hourly("j"), at("12:00"))
    };
    let streak = Evidence::ZeroTokenStreak { fires: 3, newest: at("10:01"), last_error: None };
    let lasts = Finding::new(Severity::Warning, Evidence::Silent { last_fire: Some(at("10:01")) }).missing(1);
    let lasts = lasts.message(&hourly("j"), at("12:00"));
    let told = [told, vec![lasts, over(Evidence::Silent { last_fire: None }), over(streak)]].concat().join("\n");
    assert_eq!(told + "\n", include_str!("messages.txt"));
}

#[test]
fn the_numbers_of_a_job_are_told_whatever_is_found() {
    let facts = |world: &Snapshot, now: &str| verdict(world, now).jobs[0].facts.clone();
    let quiet = facts(&fleet([hourly("j").ran("10:00", "10:01").used("11:00", "11:01", 0)]), "11:59:59.999");
    assert_eq!((quiet.overdue_ms, quiet.missed_slots, quiet.in_flight_ms, quiet.cadence_ms), (0, 0, 0, Some(HOUR)));
    assert_eq!((quiet.last_fire, quiet.last_success), (Some(at("11:01")), Some(at("10:01"))));
    let late = facts(&fleet([hourly("j").ran("10:00", "10:01")]), "14:00:00.001");
    assert_eq!((late.overdue_ms, late.missed_slots), (3 * HOUR + 1, 4));
    let no_row = facts(&fleet([Job { row: None, ..hourly("j").ran("10:00", "10:01") }]), "14:00");
    assert_eq!(no_row.overdue_ms, 3 * HOUR, "by its schedule");
    let paused = facts(&fleet([Job { state: State::Paused, ..hourly("j").ran("10:00", "10:01") }]), "14:00");
    assert_eq!((paused.overdue_ms, paused.last_fire), (0, None));
    let delivers = fleet([hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written("10:01")]);
    assert_eq!(facts(&delivers, "11:20").in_flight_ms, 0, "its run is over");
}

#[test]
fn of_what_is_over_a_detector_tells_the_newest_three() {
    let streak = [EMPTY, EMPTY, EMPTY, GOOD];
    let told = |count| verdict(&fleet([fires(&streak.repeat(count))]), "12:02").findings;
    assert_eq!((told(3).len(), told(4).len()), (3, 3));
    assert_eq!(told(4).iter().filter_map(|finding| finding.until).min(), Some(at("04:01")), "the oldest is left out");
    let mut lasts = vec![EMPTY; 3];
    lasts.splice(0..0, streak.repeat(4));
    assert_eq!(verdict(&fleet([fires(&lasts)]), "12:02").findings.len(), 4, "what lasts is told besides");
}

#[test]
fn a_silence_counts_its_lost_slots_once_in_every_finding_that_lasts() {
    let world = fleet([hourly("j").ran("10:00", "10:01").next("12:00")]);
    let findings = verdict(&world, "14:30").findings;
    let missed: Vec<Option<u64>> = findings.iter().map(|finding| finding.missed_slots).collect();
    assert_eq!(missed, [Some(4), Some(4)], "overdue since noon, silent since eleven");
}

#[test]
fn what_is_expected_and_not_there_is_the_first_incident() {
    let mut told = verdict(&fleet([fires(&[GOOD, EMPTY, EMPTY, EMPTY])]), "12:02");
    let expect = |told: &mut Verdict, pattern: &str| told.miss(&WildMatch::new(pattern), at("12:02"));
    expect(&mut told, "backup*");
    let job = told.jobs.len() - 1;
    assert_eq!(
        (told.severity, told.jobs[job].severity, told.jobs[job].job.id.as_str()),
        (Severity::Critical, Severity::Critical, "backup*")
    );
    let first = &told.incidents[0];
    assert_eq!((first.cause, first.headline.as_str()), (Cause::ExpectedMissing, "backup* is expected and not there"));
    assert_eq!(told.findings.iter().map(|finding| finding.incident).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert_eq!((told.findings[0].job, first.jobs[0].job), (job, job));
    let fingerprint = first.fingerprint.clone();
    expect(&mut told, "report");
    assert_eq!(told.findings.iter().map(|finding| finding.incident).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    assert_ne!(told.incidents[0].fingerprint, fingerprint, "one for each pattern");
    // A job that is there but not watched is the one that is missed.
    let mut paused = verdict(&fleet([Job { state: State::Paused, ..hourly("j") }]), "12:02");
    expect(&mut paused, "j*");
    assert_eq!(paused.incidents[0].headline, "j* is expected and not there");
    assert_eq!((paused.jobs.len(), paused.jobs[0].severity), (1, Severity::Critical));
    assert_eq!(paused.incidents[0].observed, ["it is paused, and no watched job matches \"j*\", which is expected"]);
    // One that was not selected is as good as not there.
    paused.jobs[0].selected = false;
    expect(&mut paused, "j");
    assert_eq!(paused.jobs.len(), 2);
}

#[test]
fn evidence_is_in_whole_seconds_and_severities_are_exit_codes() {
    let world = fleet([hourly("j").ran("10:00", "10:01")]);
    let evidence = &verdict(&world, "11:30:01.999").findings[0].facts;
    assert_eq!(*evidence, Evidence::Overdue { overdue_seconds: 1801, free_seconds: 1801 });
    let severities = [Severity::Ok, Severity::Info, Severity::Warning, Severity::Critical];
    assert_eq!(severities.map(Severity::code), [0, 0, 1, 2]);
}

#[test]
fn a_schedule_is_shown_in_its_own_terms() {
    let text = |kind: &str, value: &str| phantom::schedule(kind, value, utc()).text();
    assert_eq!(text("cron", r#"{"expr":"0 9 * * 1-5"}"#), "0 9 * * 1-5");
    assert_eq!(text("every", r#"{"intervalMs":1800000}"#), "every 30m");
    assert_eq!(text("at", r#"{"at":"2026-03-26T16:00:00Z"}"#), "at 2026-03-26T16:00:00Z");
    assert_eq!(text("often", "{}"), "often");
}

#[test]
fn the_next_slot_is_by_the_schedule_and_of_an_interval_by_the_last_run() {
    let next = |job: Job, now: &str| job.next_slot(at(now));
    assert_eq!(next(hourly("j"), "12:00"), Some(at("13:00")));
    let half = || every("j", 30 * MINUTE).ran("10:00", "10:01");
    assert_eq!(next(half(), "10:01"), Some(at("10:31")));
    assert_eq!(next(half(), "11:30:59.999"), Some(at("11:31")));
    assert_eq!(next(half(), "11:31"), Some(at("12:01")));
    assert_eq!(next(half(), "09:00"), Some(at("10:31")), "an audit of the past");
    assert_eq!(next(every("j", 30 * MINUTE), "2026-03-01 00:10"), Some(at("2026-03-01 00:30")), "from its making");
    let once = Job { schedule: phantom::schedule("at", r#"{"at":"2026-03-02T12:10:00Z"}"#, utc()), ..hourly("j") };
    assert_eq!(next(once.clone(), "12:09:59.999"), Some(at("12:10")));
    assert_eq!(next(once, "12:10"), None);
}

#[test]
fn a_state_is_watched_or_says_why_not() {
    let why = || "why".to_owned();
    let watched = [State::Watched, State::Broken, State::Unknown(why()), State::Quarantined(why())];
    assert!(watched.iter().all(|state| state.is_watched() && state.word() == "watched"));
    let skipped = [
        State::Paused,
        State::Disabled,
        State::Completed,
        State::FailedOnce,
        State::EventDriven,
        State::NotCreated,
        State::Gone,
    ];
    let words: Vec<&str> = skipped.iter().map(State::word).collect();
    assert_eq!(words, ["paused", "disabled", "completed", "failed", "event-driven", "not-created", "gone"]);
    assert!(!skipped.iter().any(State::is_watched));
}

#[test]
fn each_job_is_judged_by_its_own_terms() {
    let world = fleet([hourly("j").ran("10:00", "10:01"), hourly("k").ran("10:01", "10:02")]);
    let rule = crate::policy::Rule {
        pattern: WildMatch::new("j"),
        line: 1,
        late_after: Some(HOUR),
        late_cadences: None,
        lost_after: None,
        zero_streak: None,
        zero_streak_critical: None,
        max_run: None,
        mute: None,
    };
    let told = |rules| {
        let policy = Policy { rules, ..policy(settings(at("11:30"))) };
        audit(world.clone(), &policy).findings.iter().map(|finding| finding.job).collect::<Vec<_>>()
    };
    assert_eq!((told(vec![]), told(vec![rule])), (vec![0, 1], vec![1]));
}

#[test]
fn of_a_job_what_lasts_comes_before_what_is_over() {
    let job = fires(&[EMPTY, EMPTY, EMPTY, GOOD, EMPTY, EMPTY, EMPTY]);
    assert_eq!(found(&fleet([job]), "12:02"), ["warning zero-token-streak", "warning zero-token-streak over"]);
}
