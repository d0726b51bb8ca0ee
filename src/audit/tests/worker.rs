//! When the worker was free, and what a run in flight or a delivery comes to.

use super::*;

#[test]
fn run_of_a_deleted_job_keeps_the_worker_busy_for_241_minutes() {
    let waits = |end: &str, now: &str| {
        let world = fleet([hourly("j").ran("10:00", "10:01")]);
        let other = Fire::counted(at(end), 1).after(at("10:01"));
        found(&Snapshot { other_fires: vec![other], ..world }, now)
    };
    assert_eq!(waits("12:30", "12:31"), ["info waiting"]);
    assert_eq!(waits("15:16:00.000", "15:17"), ["info waiting"]);
    let after_a_silence = waits("15:16:00.001", "15:17");
    assert_eq!(after_a_silence, ["warning catching-up"], "free for over 15 minutes before that run");
    assert_eq!(waits("15:16:00.001", "15:31:00.001"), ["warning catching-up"]);
    assert_eq!(waits("15:16:00.001", "15:31:00.002")[0], LOST, "and for 15 minutes after it");
}

#[test]
fn job_is_passed_over_after_three_fires_of_another_job() {
    // By its slots the other job began no earlier than 11:20, 11:40 and 12:00: before that the worker was free.
    let world = |third: &str| {
        let other = cron("o", "*/20 * * * *").ran("10:40", "10:41").ran("11:00", third).ran("11:20", "11:39");
        found(&fleet([hourly("j").ran("10:00", "10:01"), other.ran("11:40", "11:59")]), "11:59:10")
    };
    assert_eq!(world("11:00:00.000"), ["info waiting"]);
    assert_eq!(world("11:00:00.001"), [OVERDUE]);
    assert_eq!(world("11:05:00.000"), ["info waiting"], "free for a quarter of an hour");
    assert_eq!(world("11:04:59.999"), [OVERDUE]);
}

#[test]
fn worker_is_free_while_fewer_runs_than_allowed_are_in_flight() {
    let two_places = |jobs: Snapshot| {
        let world = Snapshot { traits: SchedulerTraits { max_concurrent: 2, ..jobs.traits.clone() }, ..jobs };
        spans(&world, "13:11", Problem::JobSilent)
    };
    let silent = || hourly("j").ran("07:00", "07:01").ran("08:00", "08:01").ran("13:10", "13:10:30");
    // Free for ten minutes until the second begins, and from its end on: more than a quarter of an hour was critical.
    let held = |end: &str| {
        let others = ["0 9 * * *", "10 9 * * *"].map(|slot| cron("o", slot));
        let [first, second] = others;
        two_places(recorded([silent(), first.ran("09:00", "13:10"), second.ran("09:10", end)]))
    };
    let gap = vec![(Some(at("09:00")), Some(4))];
    assert_eq!(held("13:05:00.000"), []);
    assert_eq!(held("13:04:59.999"), gap);
    // A free stretch is one however often a single place is taken and left.
    let short = (0..250).fold(cron("s", "* * * * *"), |job, minute| {
        let start = at("09:00").plus(minute * MINUTE);
        job.ran(&start.to_string(), &start.plus(30 * SECOND).to_string())
    });
    assert_eq!(two_places(recorded([silent(), short.clone()])), gap);
    assert_eq!(two_places(recorded([silent(), short, cron("o", "0 9 * * *").ran("09:00", "13:05")])), []);
}

const LONG: &str = "warning run-long";
const HUNG: &str = "critical run-hung";

#[test]
fn a_run_is_unusual_after_twice_the_longest_of_thirty_once_five_are_known() {
    let runs = |lengths: &[Millis]| {
        let count = lengths.len() as i64;
        let run = |(index, length): (usize, &Millis)| at("11:00").plus((index as i64 + 1 - count) * HOUR + length);
        let job = lengths.iter().enumerate().fold(hourly("j"), |job, run_of| {
            let end = run(run_of);
            job.ran(&end.plus(-run_of.1).to_string(), &end.to_string())
        });
        running(fleet([job]), "12:00:01")
    };
    let quiet_and_told = |lengths: &[Millis], usual: Millis| {
        let world = runs(lengths);
        let told = |ms| found(&world, &at("12:00").plus(usual + ms).to_string());
        (told(0), told(1))
    };
    // When the first one began is not known.
    let at_usual = (vec![], vec![LONG.to_owned()]);
    assert_eq!(quiet_and_told(&[6 * MINUTE; 6], 12 * MINUTE), at_usual);
    assert_eq!(quiet_and_told(&[MINUTE; 6], 10 * MINUTE), at_usual);
    assert_eq!(quiet_and_told(&[MINUTE; 5], 30 * MINUTE), at_usual);
    assert_eq!(quiet_and_told(&[MINUTE, MINUTE, 20 * MINUTE], 40 * MINUTE), at_usual);
    let first = running(fleet([hourly("j")]), "12:05");
    assert_eq!((found(&first, "12:30:00.000"), found(&first, "12:30:00.001")), at_usual);
    let longest_at = |place: usize| {
        let mut lengths = [MINUTE; 32];
        lengths[place] = 20 * MINUTE;
        lengths
    };
    assert_eq!(quiet_and_told(&longest_at(2), 40 * MINUTE), at_usual);
    assert_eq!(quiet_and_told(&longest_at(1), 10 * MINUTE), at_usual);
}

#[test]
fn run_hangs_a_minute_after_the_longest_and_waiting_jobs_follow() {
    let waits = |slot: &str| {
        let other = cron("o", slot).ran("05:00", "05:01");
        running(fleet([hourly("j").ran("11:00", "11:01"), other]), "12:00:01")
    };
    assert_eq!(found(&waits("0 23 * * *"), "16:01:00.000"), [LONG]);
    assert_eq!(found(&waits("0 23 * * *"), "16:01:00.001"), [HUNG]);
    assert_eq!(found(&waits("47 15 * * *"), "16:02:00.000"), [HUNG]);
    assert_eq!(found(&waits("47 15 * * *"), "16:02:00.001"), [HUNG, HUNG]);
    assert_eq!(found(&waits("31 15 * * *"), "15:46:00.000"), [LONG]);
    assert_eq!(found(&waits("31 15 * * *"), "15:46:00.001"), [LONG, "info waiting"]);
}

#[test]
fn run_start_is_bounded_by_slot_session_and_last_end() {
    let began = |seen: &str, other: &str| {
        let other = cron("o", "0 5 * * *").ran("05:00", other);
        let world = running(fleet([hourly("j").ran("11:00", "11:01"), other]), seen);
        let ms = verdict(&world, "12:30").jobs[0].metrics.in_flight_ms;
        at("12:30").plus(-ms)
    };
    assert_eq!(began("12:00:40", "05:01"), at("12:00"));
    assert_eq!(began("12:05:00", "05:01"), at("12:00"));
    assert_eq!(began("12:05:00.001", "05:01"), at("12:00:00.001"));
    assert_eq!(began("12:04:00", "12:03"), at("12:03"));
    assert_eq!(began("11:59:00", "05:01"), at("11:59"));
}

#[test]
fn delivery_hangs_after_15_minutes_unless_the_row_followed_within_2_seconds() {
    let world = |event: &str| fleet([hourly("j").ran("10:00", "10:01").event(event).next("11:00").written("10:01")]);
    let delivers = world("11:02");
    assert_eq!(found(&delivers, "11:17:00.000"), NONE);
    assert_eq!(found(&delivers, "11:17:00.001")[0], "warning delivery-hung");
    let written =
        |at: &str| found(&fleet([hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written(at)]), "11:20");
    assert_eq!(written("11:01:58.000"), [OVERDUE]);
    assert_eq!(written("11:01:57.999"), ["warning delivery-hung"]);
}

#[test]
fn time_before_an_unbounded_run_is_unknown() {
    let first = cron("o", "0 12 * * *").ran("12:00", "12:30");
    assert_eq!(found(&fleet([hourly("j"), first.clone()]), "12:31"), ["info waiting"]);
    let mut thrown = cron("t", "59 11 * * *").ran("11:59", "11:59:30");
    thrown.fires.clear();
    let held = cron("o", "0 8 * * *").ran("08:00", "11:58:30");
    let world = fleet([hourly("j").ran("07:00", "07:01"), held, thrown]);
    assert_eq!(found(&world, "12:00:10"), ["info waiting"]);
}

#[test]
fn worker_is_free_between_last_delivery_and_run_in_flight() {
    // The model was done at 11:02, the message delivered at 11:20.
    let job = hourly("o").ran("10:00", "10:01").ran("11:00", "11:20");
    let mut delivered = fleet([job, cron("k", "5 11 * * *").ran("05:00", "05:01")]);
    delivered.jobs[0].fires[1].end = at("11:02");
    assert_eq!(found(&delivered, "11:35:00.000"), ["info waiting"]);
    assert_eq!(found(&delivered, "11:35:00.001"), [OVERDUE]);
    let half_past = cron("o", "30 11 * * *").ran("05:00", "05:01").next("11:30");
    let world = |slot| running(fleet([half_past.clone(), cron("k", slot).ran("05:01", "05:02")]), "11:30:10");
    assert_eq!(found(&world("14 11 * * *"), "11:31"), ["warning catching-up"]);
    assert_eq!(found(&world("15 11 * * *"), "11:31"), ["info waiting"]);
}

#[test]
fn delivery_keeps_the_worker_busy_until_it_hangs() {
    let other = cron("k", "1 11 * * *").ran("05:00", "05:01");
    let world = fleet([other, hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written("10:01")]);
    let soon = |now: &str| {
        found_with(&world, settings_with(now, Thresholds { late_after: 5 * MINUTE, ..Thresholds::default() }))
    };
    assert_eq!(soon("11:17:00.000"), ["info waiting"]);
    assert_eq!(soon("11:17:00.001"), ["warning delivery-hung", "warning delivery-hung"]);
}

#[test]
fn a_run_may_take_five_minutes_to_show() {
    let world = fleet([hourly("j").ran("10:00", "10:01"), cron("o", "0 5 * * *").ran("05:00", "12:00")]);
    let soon = |now: &str| {
        found_with(&world, settings_with(now, Thresholds { late_after: 2 * MINUTE, ..Thresholds::default() }))
    };
    assert_eq!(soon("12:05:00.000"), ["info waiting"]);
    assert_eq!(soon("12:05:00.001")[0], OVERDUE);
}

#[test]
fn last_four_hours_may_be_one_run_if_sessions_moved_on() {
    let world = Snapshot { sessions_moved_on: true, ..fleet([hourly("j").ran("10:00", "10:01")]) };
    assert_eq!(found(&world, "15:15:00.000"), ["info waiting"]);
    assert_eq!(found(&world, "15:15:00.001"), [LOST]);
}

/// Whether the run of the first job, seen at 12:00:10, is still in flight at 12:30.
fn in_flight<const N: usize>(jobs: [Job; N]) -> bool {
    verdict(&running(fleet(jobs), "12:00:10"), "12:30").jobs[0].metrics.in_flight_ms > 0
}

#[test]
fn restart_cut_a_run_if_rows_carry_the_time_of_the_boot() {
    let own = || hourly("j").ran("11:00", "11:01");
    assert!(in_flight([own()]));
    assert!(in_flight([own().next("12:00:10.000")]) && !in_flight([own().next("12:00:10.001")]));
    assert!(in_flight([own().next("12:20:05").with_errors(1)]), "the next try after an error is no boot");
    let other = |id: &str, next: &str| cron(id, "0 5 * * *").ran("05:00", "05:01").next(next);
    let boots = |first: &str, second: &str| in_flight([own(), other("a", first), other("b", second)]);
    assert!(!boots("12:20:05", "12:20:10") && !boots("12:20:10", "12:20:05") && !boots("12:20:05", "12:20:20"));
    assert!(boots("12:20:05", "12:20:11") && boots("12:20:05", "12:20:05") && boots("12:20:05", "2026-03-03 05:00"));
    assert!(boots("12:00:05", "12:00:10"), "before the run showed");
    let paused = Job { state: State::Paused, ..other("b", "12:20:10") };
    assert!(in_flight([own(), other("a", "12:20:05"), paused]), "a restart leaves a paused job's row alone");
}

#[test]
fn next_run_off_the_schedule_reveals_a_restart() {
    let half =
        |next: &str| in_flight([every("j", 30 * MINUTE).ran("11:55", "11:56:05").written("11:57:05").next(next)]);
    // Half an hour after its last run, or after an edit, within two seconds.
    assert!(half("12:26:07.000") && !half("12:26:07.001") && half("12:26:03.000") && !half("12:26:02.999"));
    assert!(half("12:27:07.000") && !half("12:27:07.001"));
    assert!(in_flight([hourly("j").ran("11:00", "11:01").next("12:20:00.000")]), "a slot of another zone");
    let once = |next: &str| {
        let schedule = phantom::schedule("at", r#"{"at":"2026-03-02T12:10:00Z"}"#, utc());
        in_flight([Job { schedule, ..hourly("j").next(next) }])
    };
    assert!(once("12:10:01.000") && !once("12:10:01.001") && once("12:09:59.000") && !once("12:09:58.999"));
}

#[test]
fn unrecorded_run_is_in_delivery_unless_runaway_or_restart() {
    let delivers = |job: Job| found(&fleet([job]), "11:20")[0] == "warning delivery-hung";
    let job = || hourly("j").ran("10:00", "10:01");
    let stale = |job: Job| job.next("11:00").written("10:01");
    assert!(delivers(stale(job().event("10:01:02.000").event("11:02:05"))));
    assert!(!delivers(stale(job().event("10:01:02.001").event("11:02:05"))));
    assert!(delivers(job().event("11:02:05").written("10:01").next("11:02:05.000")));
    assert!(!delivers(job().event("11:02:05").written("10:01").next("11:02:05.001")));
}

/// Whether the worker was certainly free at some time between two instants, beside a job whose runs ended at these.
fn is_free(job: Job, ends: &[&str], from: &str, until: &str) -> bool {
    let world = fleet([ends.iter().fold(job, |job, end| job.event(end))]);
    let policy = Policy::of(settings(at("13:00")));
    let subjects = Subjects::new(&world.jobs, &policy);
    !Worker::new(&world, &subjects, &policy.settings).may_be_busy(at(from), at(until))
}

#[test]
fn slot_bounds_the_start_of_a_run_only_if_the_run_before_kept_the_schedule() {
    // By its slot the last run began at noon, otherwise when the one before it ended.
    let hourly_is_free = |ends: &[&str]| is_free(hourly("o"), ends, "11:40", "11:59");
    assert!(hourly_is_free(&["10:01", "11:30:00.000", "12:30"]));
    assert!(!hourly_is_free(&["10:01", "11:30:00.001", "12:30"]), "later than half an hour");
    assert!(!hourly_is_free(&["09:01", "11:01", "12:30"]), "two slots lie between the runs before");
    assert!(!hourly_is_free(&["10:01", "10:31", "12:30"]), "no slot lies between them");
    assert!(!hourly_is_free(&["11:01", "12:30"]), "no run is known before");
    let daily_is_free = |second: &str| {
        let ends = ["2026-02-28 00:01", second, "2026-03-02 00:30"];
        is_free(cron("o", "0 0 * * *"), &ends, "2026-03-01 21:00", "2026-03-01 23:00")
    };
    assert!(daily_is_free("2026-03-01 06:00:00.000"));
    assert!(!daily_is_free("2026-03-01 06:00:00.001"), "later than a quarter of the interval");
}

/// Jobs that wait while a run goes on that was seen then; another one ended its run last.
fn signs(slot: &str, last_start: &str, seen: &str) -> Snapshot {
    let runs = cron("o", "0 12 * * *").ran("05:00", "05:01").next("12:00");
    let last = cron("l", "5 9 * * *").ran(last_start, "09:06");
    running(fleet([runs, last, cron("j", slot).ran("06:00", "06:01")]), seen)
}

#[test]
fn a_run_that_began_after_a_silence_is_a_sign_of_life() {
    let waits = |slot, seen| found(&signs(slot, "09:05", seen), "12:06");
    // A run may take five minutes to show.
    assert_eq!(waits("45 11 * * *", "12:05:00.000"), ["info waiting"]);
    assert_eq!(waits("45 11 * * *", "12:05:00.001"), ["warning catching-up"], "free for a quarter of an hour");
    assert_eq!(waits("0 10 * * *", "12:00:10"), ["warning catching-up"], "and for as long as it was silent");
    // The worker was free for five minutes before the last run: it passed the job over.
    let passed = |start| found(&signs("0 9 * * *", start, "12:00:10"), "12:06");
    assert_eq!(passed("09:05:00.000"), ["warning catching-up"]);
    assert_eq!(passed("09:05:00.001"), [LOST]);
}

#[test]
fn a_run_that_hangs_is_no_sign_of_life() {
    let world = signs("0 10 * * *", "09:05", "12:00:10");
    assert!(found(&world, "16:01:00.000").contains(&"warning catching-up".to_owned()));
    let later = found(&world, "16:01:00.001");
    assert!(!later.iter().any(|line| line.contains("catching-up")), "{later:?}");
    // Nor is one that the process did not survive.
    let cut = Snapshot { liveness: left("12:01"), ..world.clone() };
    assert!(!found(&cut, "12:10").iter().any(|line| line.contains("catching-up")));
    // Where several run at a time, the job could have run beside it.
    let several = Snapshot { traits: SchedulerTraits { max_concurrent: 2, ..world.traits.clone() }, ..world };
    assert_eq!(found(&several, "12:06"), [LOST]);
}

#[test]
fn what_waits_for_a_sign_of_life_is_the_end_of_the_silence() {
    let world = signs("0 10 * * *", "09:05", "12:00:10");
    let incidents = super::incidents::incidents(&world, "12:06");
    assert_eq!(incidents, ["catching-up j:1"]);
}
