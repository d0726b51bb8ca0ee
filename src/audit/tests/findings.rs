//! What each finding says, as people read it, and the metrics of a job.

use super::*;
use crate::audit::evidence::Change;
use crate::audit::sentence::sentence;
use crate::settings::Value;
use wildmatch::WildMatch;

/// The sentences of findings of a job that ran from 10:00 to 10:01, as of noon.
fn sentences(findings: Vec<Finding>) -> String {
    let job = hourly("j").ran("10:00", "10:01");
    findings.iter().map(|finding| format!("{}\n", sentence(finding, Some(&job), at("12:00")))).collect()
}

fn warning(evidence: Evidence) -> Finding {
    Finding::new(JobIndex::at(0), Severity::Warning, evidence)
}

fn info(evidence: Evidence) -> Finding {
    Finding::new(JobIndex::at(0), Severity::Info, evidence)
}

fn repaired(looks_by: &str, revived: bool) -> Finding {
    let evidence = Evidence::Repaired { repaired_at: at("11:00"), looks_by: at(looks_by), revived };
    warning(evidence)
}

fn past_due_examples() -> Vec<Finding> {
    let text = str::to_owned;
    let behind = || Some(text("k"));
    vec![
        warning(Evidence::Overdue { overdue_seconds: 3600, free_seconds: 1800 }),
        warning(Evidence::Waiting { behind: behind(), overdue_seconds: 3600 }),
        warning(Evidence::Waiting { behind: None, overdue_seconds: 3600 }),
        warning(Evidence::LongRun { in_flight_seconds: 3600, usual_seconds: 600, longest_seconds: Some(60) }),
        warning(Evidence::EndedRun { took_seconds: 14_400, longest_seconds: Some(60) }),
        warning(Evidence::EndedRun { took_seconds: 14_400, longest_seconds: None }),
        warning(Evidence::HungRun { behind: None, in_flight_seconds: 18_000 }),
        warning(Evidence::HungRun { behind: behind(), in_flight_seconds: 18_000 }),
        warning(Evidence::HungDelivery { behind: None, delivering_seconds: 1200 }),
        warning(Evidence::HungDelivery { behind: behind(), delivering_seconds: 1200 }),
        warning(Evidence::CutRun { restarted_at: Some(at("11:50")), last_write_at: None }),
        warning(Evidence::CutRun { restarted_at: None, last_write_at: Some(at("11:50")) }),
        warning(Evidence::SchedulerDown { job: text("j"), next_run_at: at("18:12"), last_write_at: Some(at("11:30")) }),
        warning(Evidence::SchedulerDown { job: text("j"), next_run_at: at("11:57"), last_write_at: Some(at("11:30")) }),
        warning(Evidence::FailingPasses { failing_seconds: 900, why: None }),
        warning(Evidence::FailingPasses { failing_seconds: 900, why: Some(text("it is odd")) }),
        repaired("12:00", true),
        repaired("11:40", false),
        warning(Evidence::NoNextRun { next_run_at: None }),
        warning(Evidence::NoNextRun { next_run_at: Some(text("soon")) }),
        warning(Evidence::BreakerOpen { consecutive_errors: 10, last_error: None }),
        warning(Evidence::UnreadableSchedule { why: text("it is odd") }),
        warning(Evidence::UnknownState { why: text("its status is odd") }),
        warning(Evidence::Runaway { fires: 1, fires_seconds: 90, cost_usd: 1.5, why: None }),
        warning(Evidence::Runaway {
            fires: 40,
            fires_seconds: 7200,
            cost_usd: 12.345,
            why: Some(text("its schedule is odd")),
        }),
        warning(Evidence::Quarantined { why: text("it is odd") }),
        warning(Evidence::SkippedSlots { next_run_at: at("2026-03-09 09:00"), slots: 6 }),
        warning(Evidence::OneShotFailed { consecutive_errors: 1, last_error: None }),
        warning(Evidence::OneShotFailed { consecutive_errors: 0, last_error: None }),
        warning(Evidence::OneShotMissed { at: at("09:00") }),
        warning(Evidence::NothingWatched { rows: 0, last_activity: at("10:01") }),
        warning(Evidence::NothingWatched { rows: 3, last_activity: at("10:01") }),
        warning(Evidence::ExpectedMissing { expected: text("backup"), state: None }),
        warning(Evidence::ExpectedMissing { expected: text("backup"), state: Some("paused") }),
    ]
}

#[test]
fn past_due_findings_in_words() {
    insta::assert_snapshot!(sentences(past_due_examples()));
}

/// Three runs, of which so many ended too soon.
fn short_runs(too_short: u64) -> Evidence {
    let (newest, longest_seconds, min_run_seconds) = (at("11:01"), 0.4, 5.0);
    Evidence::ShortRuns { fires: 3, newest, too_short, longest_seconds, min_run_seconds }
}

fn zero_tokens_examples() -> Vec<Finding> {
    let text = str::to_owned;
    let streak = Evidence::ZeroTokenStreak { fires: 3, tokens: 0, newest: at("10:01"), last_error: None };
    vec![
        warning(Evidence::Skipped { fires: 3, last_error: None }),
        warning(Evidence::ZeroTokenStreak { fires: 3, tokens: 0, newest: at("11:01"), last_error: None }),
        warning(short_runs(3)),
        warning(short_runs(2)),
        warning(short_runs(3)).since(at("08:01")).resolved(at("11:31")),
        warning(Evidence::SharedZeroTokens { fires: 4, jobs: 2, last_error: None }),
        warning(Evidence::SharedError { fires: 4, jobs: 2, last_error: None }),
        warning(Evidence::FailedRun { next_run_at: at("2026-03-03 02:00"), last_error: None }),
        info(Evidence::Flapping { failed: 9, slots: 20, cost_usd: 67.5 }),
        info(Evidence::Flapping { failed: 9, slots: 20, cost_usd: 0.0 }),
        warning(Evidence::Failing { consecutive_errors: 3, last_error: None }),
        warning(Evidence::Undelivered { delivery_status: text("error: chat not found") }),
        warning(Evidence::MessagesLost {
            lost: 9,
            unconfirmed: 0,
            sent: 24,
            delivery_status: Some(text("prepare failed")),
        }),
        warning(Evidence::MessagesLost { lost: 0, unconfirmed: 4, sent: 4, delivery_status: None }),
        warning(Evidence::Unjudged { why: text("it has no id") }),
        info(Evidence::WorkShrank {
            output_tokens: Some(Change { now: 26.0, usual: 900.0 }),
            seconds: Some(Change { now: 4.2, usual: 38.0 }),
        }),
        info(Evidence::WorkShrank { output_tokens: None, seconds: Some(Change { now: 0.004, usual: 38.0 }) }),
        info(Evidence::ModelChanged {
            model: text("large"),
            usual_model: text("small"),
            cost_usd: Some(Change { now: 0.75, usual: 0.0031 }),
        }),
        info(Evidence::ModelChanged { model: text("large"), usual_model: text("small"), cost_usd: None }),
        warning(Evidence::OverBudget {
            day_from: at("00:00"),
            cost_usd: Some(Spent { spent: 6.2, budget: 5.0, projected: 12.4, reached: None }),
            tokens: None,
        }),
        warning(Evidence::OverBudget {
            day_from: at("00:00"),
            cost_usd: Some(Spent { spent: 5.0, budget: 5.0, projected: 10.0, reached: None }),
            tokens: Some(Spent { spent: 2_100_000.0, budget: 2_000_000.0, projected: 4_200_000.0, reached: None }),
        }),
        Finding {
            about: About::Scheduler,
            ..warning(Evidence::OverBudget {
                day_from: at("00:00"),
                cost_usd: None,
                tokens: Some(Spent { spent: 2_100_000.0, budget: 2_000_000.0, projected: 4_200_000.0, reached: None }),
            })
        },
        warning(Evidence::NoOutput {
            output: text("reports/*.md"),
            newest_at: Some(at("2026-02-27 09:01")),
            run_began: at("07:00"),
        }),
        warning(Evidence::NoOutput { output: text("reports/*.md"), newest_at: None, run_began: at("07:00") }),
        warning(Evidence::OutputUnread { output: text("reports/*.md"), why: text("has more than 9 files") }),
        warning(Evidence::Uncounted { budgets: vec!["cost_usd"] }),
        warning(Evidence::Uncounted { budgets: vec!["cost_usd", "tokens"] }),
        info(Evidence::CostGrowth { cost_usd: Change { now: 0.75, usual: 0.0031 } }),
        warning(Evidence::TokenGrowth { tokens: 1000, usual_tokens: 100 }),
        warning(streak).since(at("08:01")).resolved(at("11:31")),
    ]
}

#[test]
fn zero_tokens_findings_in_words() {
    insta::assert_snapshot!(sentences(zero_tokens_examples()));
}

fn gap_examples() -> Vec<Finding> {
    let text = str::to_owned;
    let silent = |last_fire| warning(Evidence::Silent { last_fire, by_hand: 0 });
    vec![
        warning(Evidence::Silent { last_fire: Some(at("10:01")), by_hand: 0 }),
        warning(Evidence::Silent { last_fire: None, by_hand: 0 }),
        warning(Evidence::Starved { slots: 144, lost: 120 }),
        warning(Evidence::OtherZone { jobs: vec![text("j")], offset: text("UTC+02:00"), zone: text("UTC") }),
        warning(Evidence::OtherZone { jobs: vec![text("j"), text("k")], offset: text("UTC+02:00"), zone: text("UTC") }),
        warning(Evidence::TooManyFires { fires: 22, slots: 1, cost_usd: 0.5 }),
        warning(Evidence::Crashing { crashes: 11 }).since(at("10:01")),
        warning(Evidence::RowGone { fires: 5, last_fire: Some(at("10:01")) }),
        info(Evidence::Unrecorded { last_record: at("08:01"), last_run: at("11:00") }),
        warning(Evidence::Silent { last_fire: Some(at("10:01")), by_hand: 6 }).missing(5),
        info(Evidence::ZoneChanged { shift_seconds: 14_400 }).since(at("10:01")),
        warning(Evidence::PairedFires { pairs: 20, slots: 24 }),
        warning(Evidence::Twin { of: text("k") }),
        warning(Evidence::RowGone { fires: 5, last_fire: None }),
        warning(Evidence::ClockSetBack {
            clock_was_at: at("2026-03-05 10:00"),
            next_run_at: at("2026-03-05 11:00"),
            slots: 72,
        }),
        warning(Evidence::CatchingUp { resumed_at: at("11:50") }).missing(8),
        silent(Some(at("10:01"))).missing(1),
        silent(None).since(at("08:01")).resolved(at("11:31")).missing(3),
    ]
}

#[test]
fn gap_findings_in_words() {
    insta::assert_snapshot!(sentences(gap_examples()));
}

/// Whether some example of a finding has this problem.
pub fn is_found(problem: Problem) -> bool {
    let examples = [past_due_examples(), zero_tokens_examples(), gap_examples()].concat();
    examples.iter().any(|finding| finding.problem() == problem)
}

#[test]
fn metrics_do_not_depend_on_what_is_found() {
    let metrics = |world: &Snapshot, now: &str| verdict(world, now).jobs[0].metrics.clone();
    let quiet = metrics(&fleet([hourly("j").ran("10:00", "10:01").used("11:00", "11:01", 0)]), "11:59:59.999");
    assert_eq!((quiet.overdue_ms, quiet.missed_slots, quiet.in_flight_ms, quiet.cadence_ms), (0, 0, 0, Some(HOUR)));
    assert_eq!((quiet.last_fire, quiet.last_success), (Some(at("11:01")), Some(at("10:01"))));
    let late = metrics(&fleet([hourly("j").ran("10:00", "10:01")]), "14:00:00.001");
    assert_eq!((late.overdue_ms, late.missed_slots), (3 * HOUR + 1, 4));
    let no_row = metrics(&fleet([Job { row: None, ..hourly("j").ran("10:00", "10:01") }]), "14:00");
    assert_eq!(no_row.overdue_ms, 3 * HOUR, "by its schedule");
    let paused = metrics(&fleet([Job { state: State::Paused, ..hourly("j").ran("10:00", "10:01") }]), "14:00");
    assert_eq!((paused.overdue_ms, paused.last_fire), (0, None));
    let delivers = fleet([hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written("10:01")]);
    assert_eq!(metrics(&delivers, "11:20").in_flight_ms, 0, "its run is over");
}

#[test]
fn a_detector_reports_at_most_three_resolved_findings() {
    let streak = [EMPTY, EMPTY, EMPTY, GOOD];
    let of = |fired: Vec<Did>| {
        let mut found = findings(&verdict(&fleet([fires(&fired)]), "12:02"));
        found.retain(|finding| finding.problem() == Problem::ZeroTokenStreak);
        found
    };
    assert_eq!((of(streak.repeat(3)).len(), of(streak.repeat(4)).len()), (3, 3));
    let oldest = of(streak.repeat(4)).into_iter().filter_map(|finding| finding.until).min();
    assert_eq!(oldest, Some(at("04:01")), "the oldest is left out");
    let mut ongoing = vec![EMPTY; 3];
    ongoing.splice(0..0, streak.repeat(4));
    assert_eq!(of(ongoing).len(), 4, "an ongoing one comes on top");
}

#[test]
fn ongoing_findings_of_a_job_report_the_same_lost_slots() {
    let missed = |next: &str, now: &str| {
        let world = fleet([hourly("j").ran("09:00", "09:01:05").ran("10:00", "10:01:05").next(next)]);
        findings(&verdict(&world, now)).iter().map(|finding| finding.missed_slots).collect::<Vec<_>>()
    };
    assert_eq!(missed("20:30:05", "20:50"), [Some(10), Some(10)], "overdue since a restart, silent before it");
    assert_eq!(missed("12:00", "14:30"), [Some(3)], "what the row says is told once");
}

#[test]
fn an_expected_job_that_is_missing_is_the_first_incident() {
    let mut found = verdict(&fleet([fires(&[GOOD, EMPTY, EMPTY, EMPTY])]), "12:02");
    let expect = |found: &mut Verdict, pattern: &str| {
        found.add_expected_missing(&WildMatch::new(pattern), &settings(at("12:02")));
    };
    let causes = |found: &Verdict| found.incidents.iter().map(|incident| incident.cause).collect::<Vec<_>>();
    expect(&mut found, "backup*");
    assert_eq!((found.severity(), found.jobs.len()), (Severity::Critical, 1), "no job is invented");
    assert_eq!(causes(&found), [Problem::ExpectedMissing, Problem::JobFailing]);
    let first = &found.incidents[0];
    assert_eq!(first.headline.to_string(), "backup* is not in the database, though it is expected");
    let about = &findings(&found)[0].about;
    assert_eq!((about, first.jobs.len()), (&About::Pattern("backup*".to_owned()), 0));
    let fingerprint = first.fingerprint.clone();
    expect(&mut found, "report");
    assert_eq!(causes(&found), [Problem::ExpectedMissing, Problem::ExpectedMissing, Problem::JobFailing]);
    assert_ne!(found.incidents[0].fingerprint, fingerprint, "one per pattern");
    // A job that exists but is not watched is the one that is missing.
    let mut paused = verdict(&fleet([Job { state: State::Paused, ..hourly("j") }]), "12:02");
    expect(&mut paused, "j*");
    assert_eq!(paused.incidents[0].headline.to_string(), "j is paused, though it is expected to run");
    assert_eq!((paused.jobs.len(), paused.jobs[0].severity), (1, Severity::Critical));
    assert_eq!(paused.incidents[0].text.seen().to_string(), "it is paused, and no watched job matches \"j*\"");
    // One that was not selected does not count.
    paused.jobs[0].selected = false;
    expect(&mut paused, "j");
    assert_eq!(paused.incidents[0].findings[0].about, About::Pattern("j".to_owned()));
}

#[test]
fn evidence_is_in_whole_seconds_and_severities_are_exit_codes() {
    let world = fleet([hourly("j").ran("10:00", "10:01")]);
    let finding = findings(&verdict(&world, "11:30:01.999")).swap_remove(0);
    let expected = Evidence::Overdue { overdue_seconds: 1801, free_seconds: 1801 };
    assert_eq!(finding.evidence, expected);
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
fn next_slot_follows_the_schedule_or_the_last_run() {
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
fn each_job_is_judged_by_its_own_settings() {
    let world = fleet([hourly("j").ran("10:00", "10:01"), hourly("k").ran("10:01", "10:02")]);
    let mut thresholds = ThresholdOverrides::default();
    thresholds.set("late_after", Value::Duration(HOUR));
    let rule = Rule { thresholds, ..Rule::of("j") };
    let jobs = |rules| {
        let policy = Policy { rules, ..Policy::of(settings(at("11:30"))) };
        findings(&audit(world.clone(), &policy)).into_iter().map(|finding| finding.job()).collect::<Vec<_>>()
    };
    let [first, second] = [0, 1].map(|position| Some(JobIndex::at(position)));
    assert_eq!((jobs(vec![]), jobs(vec![rule])), (vec![first, second], vec![second]));
}

#[test]
fn ongoing_findings_of_a_job_come_before_resolved_ones() {
    let job = fires(&[EMPTY, EMPTY, EMPTY, GOOD, EMPTY, EMPTY, EMPTY]);
    assert_eq!(found(&fleet([job]), "12:02"), ["warning zero-token-streak", "warning zero-token-streak over"]);
}
