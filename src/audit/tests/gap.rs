//! Silences, restarts, too many fires, starved jobs, other zones.

use super::*;

#[test]
fn first_resume_ends_a_pause() {
    let ran = || hourly("j").ran("10:00", "10:01");
    // A row would know its next run.
    let since = |job: Job| spans(&fleet([Job { row: None, ..job }]), "20:00", Problem::JobSilent)[0].0;
    assert_eq!(since(ran()), Some(at("11:00")));
    let paused = |job: Job| job.switched("08:20", true).switched("10:30", false);
    assert_eq!(since(paused(ran()).switched("12:30", true).switched("15:30", true)), Some(at("13:00")));
    // A pause before the last run was over with it, one at its very end was not.
    assert_eq!(since(ran().switched("10:00", false).switched("12:30", true)), Some(at("11:00")));
    assert_eq!(since(ran().switched("10:01", false).switched("12:30", true)), Some(at("13:00")));
    // One at this very instant takes nothing from the time before.
    assert_eq!(since(ran().switched("20:00", false)), Some(at("11:00")));
    // Two pauses: the later one counts.
    let twice = paused(ran()).switched("12:30", true).switched("14:10", false).switched("16:10", true);
    assert_eq!(since(twice), Some(at("17:00")));
}

#[test]
fn pause_without_resume_lasts_until_an_edit_or_now() {
    let paused = || hourly("j").ran("10:00", "10:01").switched("10:30", false);
    let since = |world: Snapshot| {
        let told = |finding: &Finding| matches!(finding.problem(), Problem::JobSilent | Problem::Repaired);
        findings(&verdict(&world, "20:00")).into_iter().find(told).map(|finding| finding.since)
    };
    assert_eq!(since(fleet([paused().written("10:30")])), None);
    assert_eq!(since(fleet([paused().written("10:30:00.001")])), Some(Some(at("11:00"))));
    let resumed = || paused().written("12:30").next("21:00");
    assert_eq!(since(fleet([resumed()])), None, "its row keeps the time for which it is due");
    assert_eq!(since(recorded([resumed()])), Some(Some(at("13:00"))));
}

#[test]
fn gap_that_one_run_explains_is_not_reported() {
    let other = |job: Job| {
        ["11", "12", "13", "14"].iter().fold(job, |job, hour| job.ran(&format!("{hour}:00"), &format!("{hour}:00:30")))
    };
    let world = |back: &str| {
        let slow = cron("j", "0 */2 * * *").ran("06:00", "06:00:10").ran("08:00", "08:00:10");
        let slow = slow.ran(&format!("{back}:00"), &format!("{back}:50"));
        fleet([slow, other(cron("o", "0 * * * *").ran("10:00", "10:00:30"))])
    };
    // Due at 10:00; a run of four hours and its minute of grace would have ended by 14:01.
    assert_eq!(found(&world("14:00"), "14:02"), NONE);
    let gap = |start: &str| {
        let mut world = world("14:00");
        world.jobs[0].fires[2] = Fire { end: at(start).plus(50 * SECOND), ..world.jobs[0].fires[2] };
        spans(&world, "14:59", Problem::JobSilent)
    };
    assert_eq!(gap("14:01:00.000"), []);
    assert_eq!(gap("14:01:00.001"), [(Some(at("10:00")), Some(2))]);
}

#[test]
fn recorded_gap_closes_at_the_start_of_the_next_run() {
    let world = |expression, start| {
        let job = cron("j", expression).ran("07:00", "07:01").ran("08:00", "08:01").ran(start, "12:30");
        spans(&recorded([job]), "12:31", Problem::JobSilent)
    };
    assert_eq!(world("0 * * * *", "10:05:00.000"), []);
    assert_eq!(world("0 * * * *", "10:05:00.001"), [(Some(at("09:00")), Some(1))]);
    let short = hourly("j").ran("07:00", "07:01").ran("08:00", "08:01").ran("10:05:00.001", "10:06");
    assert_eq!(spans(&recorded([short]), "10:07", Problem::JobSilent).len(), 1, "also when the run was short");
    // One slot is enough.
    assert_eq!(world("0 */2 * * *", "11:05:00.000"), []);
    assert_eq!(world("0 */2 * * *", "11:05:00.001"), [(Some(at("10:00")), Some(1))]);
}

#[test]
fn after_an_error_an_interval_is_due_after_the_longest_backoff() {
    let since = |world: &Snapshot| {
        let late = |finding: &Finding| matches!(finding.problem(), Problem::JobSilent | Problem::Overdue);
        findings(&verdict(world, "20:00")).into_iter().find(late).and_then(|finding| finding.since)
    };
    let half = || every("j", 30 * MINUTE).ran("10:00", "10:01");
    assert_eq!(since(&fleet([half().with_errors(1).next("10:46")])), Some(at("10:46")), "its row knows");
    assert_eq!(since(&recorded([half().with_errors(1)])), Some(at("11:01")));
    let without_row = |job: Job| fleet([Job { row: None, ..job }]);
    assert_eq!(since(&without_row(half())), Some(at("10:31")));
    assert_eq!(since(&without_row(every("j", 30 * MINUTE).used("10:00", "10:01", 0))), Some(at("11:01")));
    let failed = || hourly("j").used("10:00", "10:01", 0);
    assert_eq!(since(&without_row(failed())), Some(at("11:00")));
    assert_eq!(since(&recorded([failed()])), Some(at("11:01")));
    assert_eq!(since(&recorded([hourly("j").ran("10:00", "10:01")])), Some(at("11:00")));
}

#[test]
fn a_job_that_a_restart_scheduled_anew_is_catching_up() {
    let world = |next: &str| fleet([hourly("j").ran("09:00", "09:01:05").ran("10:00", "10:01:05").next(next)]);
    assert_eq!(found(&world("20:30:05"), "20:30:04.999"), NONE, "a next run ahead may be an edit");
    assert_eq!(found(&world("20:30:05"), "20:30:05.000"), ["warning catching-up"]);
    assert_eq!(found(&world("20:30:05"), "20:45:05.000"), ["warning catching-up"]);
    assert_eq!(found(&world("20:30:05"), "20:45:05.001"), ["warning overdue", "warning catching-up"]);
    // A next run that is no slot but no later than the last run is no boot.
    assert_eq!(found(&world("10:01:05"), "20:00"), [LOST]);
}

#[test]
fn slots_lost_before_a_restart_count_after_15_free_minutes() {
    let world = |other: &str| {
        let job = hourly("j").ran("09:00", "09:01").ran("10:00", "10:01").next("12:05:00.001");
        fleet([job, cron("o", "0 5 * * *").ran("11:00", other)])
    };
    assert_eq!(found(&world("11:50:00.001"), "12:06"), NONE);
    assert_eq!(found(&world("11:50:00.000"), "12:06"), ["warning catching-up"]);
}

#[test]
fn an_interval_that_was_edited_waits_for_the_next_run_of_the_row() {
    // Every hour, then every five minutes, while the next run stood.
    let world = fleet([every("j", 5 * MINUTE).ran("10:00", "10:01").next("11:01")]);
    assert_eq!(found(&world, "10:45"), NONE);
    assert_eq!(found(&world, "11:00:59.999"), NONE);
    assert_eq!(found(&world, "11:16:00.000"), NONE);
    assert_eq!(found(&world, "11:16:00.001"), [LOST]);
}

#[test]
fn a_schedule_that_was_edited_counts_from_its_next_run() {
    let world = |next: &str| fleet([hourly("j").ran("10:00", "10:01").written("20:30").next(next)]);
    assert_eq!(found(&world("21:00"), "20:40"), NONE);
    assert_eq!(found(&world("22:00"), "22:15:00.000"), NONE);
    assert_eq!(found(&world("22:00"), "22:15:00.001"), [OVERDUE]);
}

#[test]
fn boot_that_leaves_the_rows_as_they_are_ends_no_silence() {
    let job = || hourly("j").ran("10:00", "10:01").next("21:00");
    let world = |job: Job| Snapshot { boots: vec![at("20:30:05")], ..recorded([job]) };
    assert_eq!(found(&world(job()), "20:31"), ["warning job-silent"]);
    assert_eq!(found(&world(job()), "21:15:00.000"), ["warning job-silent"]);
    assert_eq!(found(&world(job().next("22:00")), "21:15:00.001"), [SILENT], "a slot was left out since");
    let ran = hourly("j").ran("09:00", "09:01").ran("10:00", "10:01").ran("20:30:10", "20:31");
    assert_eq!(found(&world(ran), "20:32"), ["warning job-silent over"]);
    // Nor does a slot that fell into a short stop.
    let short = Snapshot { boots: vec![at("11:02")], ..recorded([job()]) };
    assert_eq!(found(&short, "11:15:00.000"), NONE);
    assert_eq!(found(&short, "11:15:00.001"), ["warning job-silent"]);
}

#[test]
fn slot_that_the_scheduler_passed_over_is_judged_like_a_due_one() {
    let daily = || cron("j", "0 9 * * *").ran("2026-03-01 09:00", "2026-03-01 09:01").next("2026-03-03 09:00");
    let world = recorded([daily()]);
    assert_eq!(found(&world, "09:15:00.000"), NONE);
    assert_eq!(found(&world, "09:15:00.001"), ["warning job-silent"]);
    assert_eq!(found(&world, "10:05:00.000"), ["warning job-silent"]);
    assert_eq!(found(&world, "10:05:00.001"), [SILENT]);
    // Where a row keeps the time for which it is due, a next run ahead is an edit or a restart.
    assert_eq!(found(&fleet([daily()]), "10:05:00.001"), NONE);
}

#[test]
fn three_boots_without_a_run_are_a_crash_loop() {
    let world = |boots: &[&str]| {
        let job = hourly("j").ran("10:00", "10:01").next("13:10:45");
        Snapshot { boots: boots.iter().map(|boot| at(boot)).collect(), ..recorded([job]) }
    };
    let looping = world(&["12:00", "12:30", "13:09"]);
    assert_eq!(found(&looping, "13:10"), [SILENT]);
    let headline = verdict(&looping, "13:10").incidents[0].headline.to_string();
    assert_eq!(headline, "nothing has run for 3h: each start of the gateway crashes (3 times)");
    let cause = |boots: &[&str]| verdict(&world(boots), "13:10").incidents[0].text.inferred.clone();
    let crashes = cause(&["12:00", "12:30", "13:09"]);
    assert_ne!(cause(&["12:30", "13:09"]), crashes);
    assert_ne!(cause(&["10:00:30", "12:30", "13:09"]), crashes, "one came before the run");
}

const TOO_MANY: &str = "warning runaway";

#[test]
fn twenty_fires_more_than_slots_and_retries_are_too_many() {
    // One slot since the day before, and one more for good measure.
    assert_eq!(found(&fleet([hurried(21)]), "20:01"), NONE);
    assert_eq!(found(&fleet([hurried(22)]), "20:01"), [TOO_MANY]);
    assert_eq!(found(&fleet([hurried(22).with_errors(1)]), "20:01"), NONE);
    assert_eq!(found(&fleet([hurried(23).with_errors(1)]), "20:01"), [TOO_MANY]);
    let by_hand = |count| Job { manual_runs: vec![at("2026-03-01 20:01"); count], ..hurried(23) };
    assert_eq!(found(&fleet([by_hand(1)]), "20:01"), [TOO_MANY]);
    assert_eq!(found(&fleet([by_hand(2)]), "20:01"), NONE);
    // A fire counts for a day.
    let day_ago = |first: &str| {
        let mut job = hurried(21);
        job.fires.insert(3, Fire { end: at(first), ..job.fires[3] });
        job
    };
    let too_many = |first: &str| found(&fleet([day_ago(first)]), "20:01").contains(&TOO_MANY.to_owned());
    assert!(too_many("2026-03-01 20:01:00.000") && !too_many("2026-03-01 20:00:59.999"));
    // What was before an edit went by another schedule; a run writes its row within a minute of its end.
    assert_eq!(found(&fleet([hurried(22).written("20:01:00.001")]), "20:02"), NONE);
    assert_eq!(found(&fleet([hurried(22).written("20:01:00.000")]), "20:02"), [TOO_MANY]);
    // Each error is tried again.
    let failed = |count: usize| {
        let mut job = hurried(26);
        job.fires[3..][..count].iter_mut().for_each(|fire| *fire = did(*fire, FAILED));
        fleet([job])
    };
    assert_eq!(found(&failed(2), "20:01"), [TOO_MANY]);
    assert_eq!(found(&failed(3), "20:01"), NONE);
}

#[test]

fn fires_before_an_activation_are_not_too_many() {
    assert_eq!(found(&recorded([hurried(22).written("19:30")]), "20:01"), NONE);
}

#[test]
fn too_many_fires_need_three_times_the_slots() {
    // 145 slots; 435 fires are three times as many.
    let world = |count: i64| {
        let ends = (0..count).rev().map(|back| at("20:00").plus(-back * 3 * MINUTE));
        let kept = ["2026-03-01 19:40", "2026-03-01 19:50", "2026-03-01 20:00"].map(at);
        fleet([ended(cron("j", "*/10 * * * *"), kept.into_iter().chain(ends))])
    };
    assert_eq!(found(&world(434), "20:01"), NONE);
    assert_eq!(found(&world(435), "20:01"), [TOO_MANY]);
}

#[test]
fn too_many_fires_still_follow_each_other_at_less_than_half_the_interval() {
    let world = |intervals: [Millis; 4]| {
        let last = intervals.iter().scan(at("15:00"), |end, interval| {
            *end = end.plus(*interval);
            Some(*end)
        });
        let before = (0..40).rev().map(|back| at("15:00").plus(-back * MINUTE));
        fleet([ended(cron("j", "0 */2 * * *"), before.chain(last))])
    };
    let too_many = |intervals| found(&world(intervals), "19:59").contains(&TOO_MANY.to_owned());
    assert!(too_many([HOUR, HOUR, MINUTE, MINUTE]));
    assert!(too_many([MINUTE, HOUR, HOUR, MINUTE]));
    assert!(!too_many([MINUTE, HOUR, HOUR, HOUR]));
    assert!(too_many([HOUR, HOUR, HOUR - 1, MINUTE]));
    assert!(!too_many([HOUR, HOUR, HOUR, MINUTE]));
}

#[test]
fn a_job_runs_too_often_only_if_it_has_kept_its_rhythm_twice_before() {
    // A daily job that ran every ten minutes: if it has never been slow, its schedule was made a daily one since.
    let world = |before: &[Millis]| {
        let mut job = hurried(22);
        job.fires.drain(..3);
        for gap in before.iter().rev() {
            let first = job.fires[0];
            job.fires.insert(0, Fire { end: first.end.plus(-gap), ..first });
        }
        found(&recorded([job]), "20:01").contains(&TOO_MANY.to_owned())
    };
    assert!(world(&[DAY, DAY]) && !world(&[DAY]) && !world(&[]));
    assert!(world(&[DAY, 12 * HOUR]) && !world(&[DAY, 12 * HOUR - 1]), "half the interval");
}

#[test]
fn a_next_run_that_does_not_follow_from_the_last_is_another_schedule() {
    let world = |next: &str| found(&fleet([hurried(22).next(next)]), "20:01").contains(&TOO_MANY.to_owned());
    assert!(world("2026-03-03 16:00:02.000") && world("2026-03-03 15:59:58.000"));
    assert!(!world("2026-03-03 16:00:02.001") && !world("2026-03-03 15:59:57.999"));
    // After an error it is the time of a retry.
    let failed = fleet([hurried(23).with_errors(1).next("20:05")]);
    assert!(found(&failed, "20:01").contains(&TOO_MANY.to_owned()));
}

/// An hourly job that holds the worker from each of these full hours on for 55 minutes.
fn long(hours: impl IntoIterator<Item = i64>) -> Job {
    hours.into_iter().fold(hourly("o"), |job, hour| {
        let start = at("00:00").plus(hour * HOUR);
        job.ran(&start.to_string(), &start.plus(55 * MINUTE).to_string())
    })
}

/// The job after a run at the end of each.
fn after_long(job: Job, hours: impl IntoIterator<Item = i64>) -> Job {
    ended(job, hours.into_iter().map(|hour| at("00:55:20").plus(hour * HOUR)))
}

#[test]
fn job_starves_if_it_loses_most_of_ten_slots_to_long_runs() {
    let beside = |job: Job, hours: i64| fleet([after_long(job, 1..=hours + 1), long(1..=hours + 1)]);
    let world = |expression, hours| beside(cron("j", expression), hours);
    let starved = |world: &Snapshot| {
        let newest = world.jobs[0].fires.last().map_or(Instant::MIN, |fire| fire.end);
        found(world, &newest.plus(SECOND).to_string())
    };
    assert_eq!(starved(&world("0-50/6 * * * *", 1)), NONE);
    assert_eq!(starved(&world("*/6 * * * *", 1)), ["info starved"]);
    assert_eq!(starved(&world("*/20 * * * *", 8)), ["info starved"]);
    assert_eq!(starved(&world("*/30 * * * *", 8)), NONE);
    let ten = || cron("j", "*/10 * * * *");
    assert_eq!(starved(&beside(ten().switched("2026-03-01 09:55:21.000", true), 8)), NONE);
    assert_eq!(starved(&beside(ten().switched("2026-03-01 09:55:20.999", true), 8)), ["info starved"]);
    assert_eq!(starved(&beside(every("j", 10 * MINUTE), 8)), NONE, "an interval has no slots to lose");
    let unknown = Job { state: State::Unknown("its status is odd".to_owned()), ..ten() };
    assert_eq!(starved(&beside(unknown, 8)), ["warning unknown-state"]);
    // A run at half past five shows that the worker was free at five.
    let five = |start: &str| {
        let held = long((1..=9).filter(|hour| *hour != 5));
        starved(&fleet([after_long(ten(), 1..=9), held, cron("p", "0 5 * * *").ran(start, "05:30")]))
    };
    assert_eq!(five("05:01:00.001"), NONE);
    assert_eq!(five("05:01:00.000"), ["info starved"]);
    let evidence = |hours, now| findings(&verdict(&world("*/10 * * * *", hours), now)).swap_remove(0).evidence;
    let lost = |slots, lost| Evidence::Starved { slots, lost };
    assert_eq!(evidence(8, "09:56"), lost(48, 40));
    // It counts from the first fire of the last day.
    assert_eq!(evidence(24, "2026-03-03 01:55:20.000"), lost(144, 120));
    assert_eq!(evidence(24, "2026-03-03 01:55:20.001"), lost(138, 115));
}

#[test]
fn jobs_of_a_different_zone_have_a_next_run_that_is_a_slot_there() {
    let daily = |next: &str| cron("j", "0 9 * * *").ran("2026-03-01 07:00", "2026-03-01 07:01").next(next);
    let told = |jobs: Snapshot| {
        let zone = |finding: Finding| match finding.evidence {
            Evidence::OtherZone { jobs, offset, .. } => Some((jobs.len(), offset)),
            _ => None,
        };
        findings(&verdict(&jobs, "06:30")).into_iter().filter_map(zone).collect::<Vec<_>>()
    };
    let one = |offset: &str| vec![(1, offset.to_owned())];
    assert_eq!(told(fleet([daily("07:00")])), one("UTC+02:00"));
    assert_eq!(told(fleet([daily("12:15")])), one("UTC-03:15"));
    assert_eq!(told(fleet([daily("09:00")])), []);
    // Not that: a restart's second, an error's backoff, a zone of its own, a pause, no quarter of an hour.
    assert_eq!(told(fleet([daily("07:00:05")])), []);
    assert_eq!(told(fleet([daily("07:00").with_errors(1)])), []);
    assert_eq!(told(fleet([daily("07:10")])), []);
    assert_eq!(told(fleet([Job { state: State::Paused, ..daily("07:00") }])), []);
    let berlin = job("j", "cron", r#"{"expr":"0 9 * * *","tz":"Europe/Berlin"}"#).ran("06:00", "06:01").next("07:00");
    assert_eq!(told(fleet([berlin])), []);
    // What fits most of them, the nearest of several; who fits none of that is counted all the same.
    let both = |first: &str, second: &str| {
        told(fleet([daily(first), cron("k", "0 10,12 * * *").ran("06:00", "06:01").next(second)]))
    };
    assert_eq!(both("07:00", "10:15"), [(2, "UTC+02:00".to_owned())]);
    assert_eq!(both("07:00", "08:00"), [(2, "UTC+02:00".to_owned())]);
    assert_eq!(told(fleet([cron("k", "0 10,12 * * *").next("08:00")])), one("UTC+02:00"));
    assert_eq!(told(fleet([cron("k", "0 10,12 * * *").ran("06:00", "06:01").next("08:00")])), one("UTC+04:00"));
    assert_eq!(told(fleet([cron("k", "0 7,12 * * *").next("08:00")])), one("UTC-01:00"));
}
