//! Streaks, errors, skipped work, messages, growth, and what can't be judged.

use super::*;

#[test]
fn last_four_fires_of_two_jobs_without_tokens_are_shared() {
    let told = |world: &Snapshot| {
        findings(&verdict(world, "11:10")).into_iter().map(|found| found.evidence).collect::<Vec<_>>()
    };
    assert_eq!(told(&shared(3)), []);
    let both = Evidence::SharedZeroTokens { fires: 4, jobs: 2, last_error: None };
    assert_eq!(told(&shared(4)), [both.clone(), both]);
    // One job's fires are its own affair.
    let patient = Thresholds { zero_streak: 10, zero_streak_critical: 20, ..Thresholds::default() };
    let patient = settings_with("12:02", patient);
    assert_eq!(found_with(&used(&[1, 0, 0, 0, 0]), patient), NONE);
    // A model that worked for another job after the first of them was there.
    let mut world = shared(4);
    world.jobs[2].fires[0].end = at("10:01:00.000");
    assert_eq!(told(&world).len(), 2);
    world.jobs[2].fires[0].end = at("10:01:00.001");
    assert_eq!(told(&world), []);
}

#[test]
fn failed_delivery_of_a_good_run_is_reported() {
    let undelivered = |change: &dyn Fn(&mut Row)| {
        let mut job = hourly("j").ran("10:00", "10:01");
        row(&mut job).delivery = Some(Delivery::Failed(DeliveryError::new("error: chat not found")));
        change(row(&mut job));
        found(&fleet([job]), "10:05")
    };
    assert_eq!(undelivered(&|_| ()), ["warning undelivered"]);
    assert_eq!(undelivered(&|row| row.last_run = None), NONE);
    assert_eq!(undelivered(&|row| row.consecutive_errors = 1), NONE);
    assert_eq!(undelivered(&|row| row.delivery = Some(Delivery::Fine)), NONE);
}

#[test]
fn token_growth_needs_three_fires_at_ten_times_the_median() {
    const GROWN: &str = "info token-growth";
    let world = |before: &[u32], newest: [u32; 3]| found(&used(&[before, &newest].concat()), "12:02");
    assert_eq!(world(&[100; 10], [1000; 3]), [GROWN]);
    assert_eq!(world(&[100; 10], [1000, 999, 1000]), NONE);
    assert_eq!(world(&[100; 9], [1000; 3]), NONE);
    // Fires without tokens are no measure.
    assert_eq!(world(&[&[0; 2][..], &[100; 9]].concat(), [1000; 3]), NONE);
    assert_eq!(world(&[&[0; 2][..], &[100; 10]].concat(), [1000; 3]), [GROWN]);
    // The median, not the mean: a single large one before does not count.
    let mut before = [100; 11];
    before[3] = 8000;
    assert_eq!(world(&before, [1000; 3]), [GROWN]);
    assert_eq!(world(&[&[100; 5][..], &[101; 6]].concat(), [1009; 3]), NONE);
}

#[test]
fn a_streak_counts_the_zero_token_fires_and_ends_with_tokens() {
    let streak = |tokens: &[u32]| verdict(&used(tokens), "12:02").jobs[0].metrics.zero_token_streak;
    assert_eq!([streak(&[0, 1, 0, 0]), streak(&[0, 0, 1]), streak(&[0])], [2, 0, 1]);
    let mut thrown = used(&[1, 0, 0, 0]);
    thrown.jobs[0].fires[2] = did(thrown.jobs[0].fires[2], THREW);
    assert_eq!(verdict(&thrown, "12:02").jobs[0].metrics.zero_token_streak, 2, "a run that threw used unknown tokens");
}

#[test]
fn three_errors_in_a_row_are_a_warning_since_the_first_of_them() {
    const FAILING: &str = "warning job-failing";
    let told = |job: Job| found(&fleet([job]), "12:02");
    assert_eq!(told(fires(&[GOOD; 5]).with_errors(2)), NONE);
    assert_eq!(told(fires(&[GOOD; 5]).with_errors(3)), [FAILING]);
    let broken = Job { state: State::Broken, ..fires(&[GOOD; 5]).with_errors(3) };
    assert_eq!(told(broken), ["critical breaker-open"]);
    let since = |failed: bool, newest: Did, errors| {
        let mut job = fires(&[GOOD, GOOD, GOOD, GOOD, newest]).with_errors(errors);
        row(&mut job).last_run.iter_mut().for_each(|run| run.failed = failed);
        if newest == THREW {
            job.fires.pop();
        }
        spans(&fleet([job]), "12:02", Problem::JobFailing)[0].0
    };
    // The row's count tells of errors that used tokens, if the newest run did.
    assert_eq!(since(true, GOOD, 3), Some(at("10:01")));
    assert_eq!(since(true, GOOD, 9), Some(at("08:01")));
    assert_eq!(since(true, EMPTY, 3), Some(at("10:01")));
    // Of those that threw only the newest is known: the first was due after the last good one.
    assert_eq!(since(true, THREW, 3), Some(at("12:00")));
    assert_eq!(since(false, GOOD, 3), Some(at("12:01")), "its newest run was fine");
}

#[test]
fn skips_are_a_warning_from_three_and_critical_from_five() {
    let told = |count: usize| found(&fleet([fires(&[vec![GOOD; 2], vec![SKIPPED; count]].concat())]), "12:02");
    assert_eq!(told(2), NONE);
    assert_eq!((told(3), told(4)), (vec!["warning job-skipped".to_owned()], vec!["warning job-skipped".to_owned()]));
    assert_eq!(told(5), ["critical job-skipped"]);
    let world = fleet([fires(&[GOOD, GOOD, SKIPPED, SKIPPED, SKIPPED])]);
    assert_eq!(spans(&world, "12:02", Problem::JobSkipped), [(Some(at("10:01")), None)]);
}

#[test]
fn streak_continues_over_an_error_with_tokens() {
    let mut job = fires(&[GOOD, EMPTY, EMPTY, GOOD, EMPTY]);
    job.fires[3] = did(job.fires[3], FAILED);
    let world = fleet([job]);
    assert_eq!(found(&world, "12:02"), ["warning zero-token-streak"]);
    assert_eq!(spans(&world, "12:02", Problem::ZeroTokenStreak), [(Some(at("09:01")), None)]);
    let over = |tokens: &[Did]| found(&fleet([fires(tokens)]), "12:02");
    assert_eq!(over(&[EMPTY, EMPTY, GOOD]), NONE);
    assert_eq!(over(&[EMPTY, EMPTY, EMPTY, GOOD]), ["warning zero-token-streak over"]);
    let world = fleet([fires(&[EMPTY, EMPTY, EMPTY, GOOD]).next("2026-03-20 00:00")]);
    let severity = |now: &str| {
        let found = findings(&verdict(&world, now));
        found.iter().find(|found| found.problem() == Problem::ZeroTokenStreak).map(|found| found.severity)
    };
    assert!(severity("2026-03-09 12:01:00.000").is_some() && severity("2026-03-09 12:01:00.001").is_none());
    assert_eq!(severity("2026-03-03 12:01:00.000"), Some(Severity::Warning));
    assert_eq!(severity("2026-03-03 12:01:00.001"), Some(Severity::Info), "news for a day");
}

#[test]
fn a_history_that_cannot_be_judged_is_a_warning() {
    const UNJUDGED: &str = "warning unjudged";
    let told = |job: Job| found(&fleet([job]), "12:02");
    assert_eq!(told(fires(&[GOOD, UNREAD, UNREAD])), NONE);
    assert_eq!(told(fires(&[GOOD, UNREAD, UNREAD, UNREAD])), [UNJUDGED]);
    assert_eq!(told(Job { id: String::new(), ..fires(&[GOOD; 3]) }), [UNJUDGED]);
    let without_time =
        |events, fires_known: usize| told(Job { events_without_time: events, ..fires(&vec![GOOD; fires_known]) });
    assert_eq!(without_time(2, 1), NONE);
    assert_eq!(without_time(3, 3), [UNJUDGED]);
    assert_eq!(without_time(3, 4), NONE, "most of them can be read");
}
