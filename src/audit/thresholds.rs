//! Each rule at its threshold, one step short of it and one past, on histories made in memory: to the millisecond, which the
//! times of a database's events are not.

use super::simulator::{new_job, policy, settings};
use super::*;
use crate::model::{Fire, Habits, OpenRun, Row, Run, Stamp, Switch, Tokens};
use crate::stores::phantom_for_tests as phantom;
use crate::time::{HOUR, MINUTE, SECOND, TimeText};

/// A time of Monday, 2 March 2026, or a date and a time.
fn at(time: &str) -> Instant {
    let text = if time.contains([' ', 'T']) { time.to_owned() } else { format!("2026-03-02 {time}") };
    TimeText::parse(&text).unwrap_or_else(|| panic!("{text}")).as_utc()
}

fn job(id: &str, kind: &str, value: &str) -> Job {
    let schedule = phantom::schedule(kind, value, settings(Instant::MIN).zone);
    new_job(id.to_owned(), schedule, at("2026-03-01 00:00")).unwrap_or_else(|| panic!("{value}"))
}

fn cron(id: &str, expression: &str) -> Job {
    job(id, "cron", &format!("{{\"expr\":\"{expression}\"}}"))
}

fn hourly(id: &str) -> Job {
    cron(id, "0 * * * *")
}

fn every(id: &str, interval: Millis) -> Job {
    job(id, "every", &format!("{{\"intervalMs\":{interval}}}"))
}

trait History {
    /// The job after one more run.
    fn ran(self, start: &str, end: &str) -> Job;
    /// The job after one more run that used so many tokens.
    fn used(self, start: &str, end: &str, tokens: u32) -> Job;
    /// The job after an event that its row does not know.
    fn event(self, end: &str) -> Job;
    /// The job with a row that was last written then.
    fn written(self, at: &str) -> Job;
    /// The job whose row has this next run.
    fn next(self, at: &str) -> Job;
    /// The job after a pause or a resume.
    fn switched(self, at: &str, resumes: bool) -> Job;
    /// The job whose row counts so many errors.
    fn errors(self, count: u64) -> Job;
}

fn row(job: &mut Job) -> &mut Row {
    job.row.get_or_insert_default()
}

impl History for Job {
    fn ran(self, start: &str, end: &str) -> Job {
        self.used(start, end, 1000)
    }

    fn used(mut self, start: &str, end: &str, tokens: u32) -> Job {
        let (start, end) = (at(start), at(end));
        self.fires.push(Fire::ended(end, Tokens::Used(tokens)).begun(start));
        let next = self.schedule.cadence().and_then(|cadence| cadence.next(end));
        let run = Run { start, duration_ms: Some(end.since(start)), failed: false, error: None };
        let next_run_at = next.map_or(Stamp::Missing, Stamp::At);
        self.row = Some(Row { last_run: Some(run), next_run_at, updated_at: Some(end), ..Row::default() });
        self
    }

    fn event(mut self, end: &str) -> Job {
        self.fires.push(Fire::ended(at(end), Tokens::Used(1000)));
        self
    }

    fn written(mut self, time: &str) -> Job {
        row(&mut self).updated_at = Some(at(time));
        self
    }

    fn next(mut self, time: &str) -> Job {
        row(&mut self).next_run_at = Stamp::At(at(time));
        self
    }

    fn switched(mut self, time: &str, resumes: bool) -> Job {
        self.switches.push(Switch { at: at(time), resumes });
        self
    }

    fn errors(mut self, count: u64) -> Job {
        row(&mut self).consecutive_errors = count;
        self
    }
}

/// The jobs as a phantom database would have them: a run began no earlier than the end of the one before it, of any job.
fn fleet<const N: usize>(jobs: [Job; N]) -> Snapshot {
    let mut jobs = Vec::from(jobs);
    jobs.iter_mut().flat_map(|job| &mut job.fires).for_each(|fire| fire.took_ms = u32::MAX);
    let mut ends: Vec<Instant> = jobs.iter().flat_map(|job| &job.fires).map(|fire| fire.end).collect();
    ends.sort_unstable();
    for job in &mut jobs {
        for fire in &mut job.fires {
            let before = ends.partition_point(|end| *end < fire.end).checked_sub(1);
            *fire = before.map_or(*fire, |before| fire.after(ends[before]));
        }
        phantom::join_row(job, Instant::MAX);
    }
    Snapshot { jobs, window_start: Some(at("2026-02-23 00:00")), ..Snapshot::empty(phantom::HABITS) }
}

/// The jobs as OpenClaw's store would have them: each run with its start, several at a time.
fn recorded<const N: usize>(jobs: [Job; N]) -> Snapshot {
    let [_, openclaw] = crate::stores::habits_for_tests();
    Snapshot { jobs: Vec::from(jobs), window_start: Some(at("2026-02-23 00:00")), ..Snapshot::empty(openclaw) }
}

fn verdict(snapshot: &Snapshot, now: &str) -> Verdict {
    audit(snapshot.clone(), &policy(settings(at(now))))
}

/// What is found at an instant: severity and reason, and `over` if it is.
fn found(snapshot: &Snapshot, now: &str) -> Vec<String> {
    found_with(snapshot, settings(at(now)))
}

fn found_with(snapshot: &Snapshot, settings: Settings) -> Vec<String> {
    let verdict = audit(snapshot.clone(), &policy(settings));
    let tell = |finding: &Finding| {
        let over = if finding.is_ongoing() { "" } else { " over" };
        format!("{} {}{over}", finding.severity.word(), finding.reason().name())
    };
    verdict.findings.iter().map(tell).collect()
}

/// The findings of one reason: since when, and how many slots were lost.
fn spans(snapshot: &Snapshot, now: &str, reason: Reason) -> Vec<(Option<Instant>, Option<u64>)> {
    let found = verdict(snapshot, now).findings;
    found.iter().filter(|finding| finding.reason() == reason).map(|found| (found.since, found.missed_slots)).collect()
}

const NONE: [&str; 0] = [];
const OVERDUE: &str = "warning overdue";
const LOST: &str = "critical overdue";
const SILENT: &str = "critical silent";

#[test]
fn a_job_is_lost_one_millisecond_after_its_second_slot() {
    let world = fleet([cron("j", "*/20 * * * *").ran("10:00", "10:00:30")]);
    assert_eq!(found(&world, "10:35"), NONE);
    assert_eq!(found(&world, "10:35:00.001"), [OVERDUE]);
    assert_eq!(found(&world, "11:00:00.000"), [OVERDUE, "warning silent"]);
    assert_eq!(found(&world, "11:00:00.001"), [LOST, SILENT]);
}

#[test]
fn an_hourly_job_is_lost_after_65_free_minutes_and_counts_the_slots_since_it_was_due() {
    let world = fleet([hourly("j").ran("10:00", "10:01")]);
    assert_eq!(found(&world, "12:05:00.000")[0], OVERDUE);
    assert_eq!(found(&world, "12:05:00.001")[0], LOST);
    assert_eq!(spans(&world, "12:59:59.999", Reason::Overdue), [(Some(at("11:00")), Some(2))]);
    assert_eq!(spans(&world, "13:00", Reason::Overdue), [(Some(at("11:00")), Some(3))]);
}

#[test]
fn a_row_that_can_never_fire_again_is_critical_since_its_last_run() {
    let broken = |change: &dyn Fn(&mut Job), reason: Reason| {
        let mut job = hourly("j").ran("10:00", "10:01");
        change(&mut job);
        let world = fleet([job]);
        assert_eq!(found(&world, "10:30")[0], format!("critical {}", reason.name()));
        spans(&world, "12:30", reason)
    };
    let since = |lost| vec![(Some(at("10:01")), lost)];
    assert_eq!(broken(&|job| row(job).next_run_at = Stamp::Missing, Reason::NoNextRun), since(None));
    assert_eq!(
        broken(&|job| row(job).next_run_at = Stamp::Unreadable("soon".to_owned()), Reason::NoNextRun),
        since(None)
    );
    assert_eq!(broken(&|job| job.state = State::Broken, Reason::BreakerOpen), since(Some(2)));
    let unreadable = |job: &mut Job| job.schedule = Schedule::unreadable("cron".to_owned(), "it is odd".to_owned());
    assert_eq!(broken(&unreadable, Reason::UnreadableSchedule), since(None));
    let never_ran = Job { state: State::Broken, ..hourly("j") };
    let made = at("2026-03-01 00:00");
    assert_eq!(spans(&fleet([never_ran]), "2026-03-01 02:30", Reason::BreakerOpen), [(Some(made), Some(2))]);
}

#[test]
fn who_waits_behind_a_delivery_that_hangs_is_as_late_as_without_it() {
    let other = cron("o", "5 11 * * *").ran("05:00", "05:01");
    let world = fleet([hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written("10:01"), other]);
    assert_eq!(found(&world, "11:20:00.000"), ["warning hung-delivery"]);
    assert_eq!(found(&world, "11:20:00.001"), ["warning hung-delivery", "warning hung-delivery"]);
}

#[test]
fn a_run_of_a_job_that_is_gone_held_the_worker_for_up_to_four_hours_and_a_minute() {
    let waits = |end: &str, now: &str| {
        let world = fleet([hourly("j").ran("10:00", "10:01")]);
        let other = Fire::ended(at(end), Tokens::Used(1)).after(at("10:01"));
        found(&Snapshot { other_fires: vec![other], ..world }, now)
    };
    assert_eq!(waits("12:30", "12:31"), ["info waiting"]);
    assert_eq!(waits("15:16:00.000", "15:17"), ["info waiting"]);
    assert_eq!(waits("15:16:00.001", "15:17")[0], LOST);
}

#[test]
fn a_job_was_passed_over_once_another_one_has_fired_three_times_since_it_was_due() {
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
fn where_several_run_at_a_time_the_worker_is_free_while_one_place_is() {
    let two_places = |jobs: Snapshot| {
        let world = Snapshot { habits: Habits { places: 2, ..jobs.habits.clone() }, ..jobs };
        spans(&world, "13:11", Reason::Silent)
    };
    let silent = || hourly("j").ran("08:00", "08:01").ran("13:10", "13:10:30");
    // Free for half an hour until the second begins, and from its end on.
    let held = |end: &str| {
        let others = ["0 9 * * *", "30 9 * * *"].map(|slot| cron("o", slot));
        let [first, second] = others;
        two_places(recorded([silent(), first.ran("09:00", "13:05"), second.ran("09:30", end)]))
    };
    let gap = vec![(Some(at("09:00")), Some(4))];
    assert_eq!(held("12:35:00.000"), []);
    assert_eq!(held("12:34:59.999"), gap);
    // A free stretch is one however often a single place is taken and left.
    let short = (0..250).fold(cron("s", "* * * * *"), |job, minute| {
        let start = at("09:00").plus(minute * MINUTE);
        job.ran(&start.to_string(), &start.plus(30 * SECOND).to_string())
    });
    assert_eq!(two_places(recorded([silent(), short.clone()])), gap);
    assert_eq!(two_places(recorded([silent(), short, cron("o", "0 9 * * *").ran("09:00", "13:05")])), []);
}

#[test]
fn a_row_written_more_than_a_minute_after_its_run_may_be_news_to_the_timer_for_65_minutes() {
    let world = |written| fleet([cron("j", "*/20 * * * *").ran("10:00", "10:00:30").written(written)]);
    assert_eq!(found(&world("10:01:30.000"), "11:01")[0], LOST);
    assert_eq!(found(&world("10:01:30.001"), "11:01")[0], OVERDUE);
    assert_eq!(found(&world("10:01:30.001"), "11:06:30.001")[0], OVERDUE);
    assert_eq!(found(&world("10:01:30.001"), "11:06:30.002")[0], LOST);
}

#[test]
fn of_several_switches_the_first_resume_after_a_pause_ends_it() {
    let ran = || hourly("j").ran("10:00", "10:01");
    let since = |job: Job| spans(&fleet([job]), "20:00", Reason::Silent)[0].0;
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
fn a_pause_without_a_resume_lasts_to_an_edit_after_it_or_to_now() {
    let paused = || hourly("j").ran("10:00", "10:01").switched("10:30", false);
    let since = |job: Job| spans(&fleet([job]), "20:00", Reason::Silent).first().map(|(since, _)| *since);
    assert_eq!(since(paused().written("10:30")), None);
    assert_eq!(since(paused().written("10:30:00.001")), Some(Some(at("11:00"))));
    assert_eq!(since(paused().written("12:30")), Some(Some(at("13:00"))));
}

#[test]
fn what_one_run_can_explain_between_two_fires_is_no_gap() {
    let other = |job: Job| {
        ["11", "12", "13", "14"].iter().fold(job, |job, hour| job.ran(&format!("{hour}:00"), &format!("{hour}:00:30")))
    };
    let world = |back: &str| {
        let slow = cron("j", "0 */2 * * *").ran("08:00", "08:00:10").ran(&format!("{back}:00"), &format!("{back}:50"));
        fleet([slow, other(cron("o", "0 * * * *").ran("10:00", "10:00:30"))])
    };
    // Due at 10:00; a run of four hours and its minute of grace would have ended by 14:01.
    assert_eq!(found(&world("14:00"), "14:02"), NONE);
    let gap = |end: &str| {
        let mut world = world("14:00");
        world.jobs[0].fires[1] = Fire { end: at(end), ..world.jobs[0].fires[1] };
        spans(&world, "14:59", Reason::Silent)
    };
    assert_eq!(gap("14:01:00.000"), []);
    assert_eq!(gap("14:01:00.001"), [(Some(at("10:00")), Some(2))]);
}

#[test]
fn where_starts_are_recorded_a_gap_closes_at_the_start_and_takes_65_free_minutes() {
    let world = |expression, start| {
        let job = cron("j", expression).ran("08:00", "08:01").ran(start, "12:30");
        spans(&recorded([job]), "12:31", Reason::Silent)
    };
    assert_eq!(world("0 * * * *", "10:05:00.000"), []);
    assert_eq!(world("0 * * * *", "10:05:00.001"), [(Some(at("09:00")), Some(1))]);
    // Two slots must have passed.
    assert_eq!(world("0 */2 * * *", "12:00:00.000"), []);
    assert_eq!(world("0 */2 * * *", "12:00:00.001"), [(Some(at("10:00")), Some(1))]);
}

#[test]
fn after_an_error_an_interval_or_a_scheduler_that_waits_is_due_no_sooner_than_its_longest_backoff() {
    let since = |world: &Snapshot| spans(world, "20:00", Reason::Silent)[0].0;
    let half = || every("j", 30 * MINUTE).ran("10:00", "10:01");
    assert_eq!(since(&fleet([half()])), Some(at("10:31")));
    assert_eq!(since(&fleet([half().errors(1)])), Some(at("11:01")));
    assert_eq!(since(&fleet([every("j", 30 * MINUTE).used("10:00", "10:01", 0)])), Some(at("11:01")));
    let failed = || hourly("j").used("10:00", "10:01", 0);
    assert_eq!(since(&fleet([failed()])), Some(at("11:00")));
    assert_eq!(since(&recorded([failed()])), Some(at("11:01")));
    assert_eq!(since(&recorded([hourly("j").ran("10:00", "10:01")])), Some(at("11:00")));
}

#[test]
fn a_silence_before_a_restart_is_over_at_the_boot() {
    let world = |next: &str| fleet([hourly("j").ran("10:00", "10:01:05").next(next)]);
    assert_eq!(found(&world("20:30:05"), "20:30:04.999"), [SILENT]);
    assert_eq!(found(&world("20:30:05"), "20:30:05.000"), ["warning silent over"]);
    // A next run that is no slot but no later than the last run is no boot.
    assert_eq!(found(&world("10:01:05"), "20:00").last().map(String::as_str), Some(SILENT));
}

#[test]
fn slots_lost_before_a_restart_count_where_the_worker_was_free_for_more_than_a_quarter_of_an_hour() {
    let world = |other: &str| {
        fleet([hourly("j").ran("10:00", "10:01").next("12:05:00.001"), cron("o", "0 5 * * *").ran("11:00", other)])
    };
    assert_eq!(found(&world("11:50:00.001"), "12:06"), NONE);
    assert_eq!(found(&world("11:50:00.000"), "12:06"), ["warning silent over"]);
}

#[test]
fn an_interval_that_was_computed_anew_counts_from_that_edit() {
    let world = |next: &str| fleet([every("j", HOUR).ran("10:00", "10:01").written("20:30").next(next)]);
    assert_eq!(found(&world("21:30:02.000"), "20:40"), NONE);
    assert_eq!(found(&world("21:30:02.001"), "20:40"), ["warning silent"]);
    assert_eq!(found(&world("21:30"), "20:29:59.999"), ["warning silent"]);
    assert_eq!(found(&world("21:30"), "20:30:00.000"), NONE);
}

#[test]
fn a_schedule_that_was_edited_counts_from_the_edit_if_the_next_run_is_its_next_slot() {
    let world = |next: &str| fleet([hourly("j").ran("10:00", "10:01").written("20:30").next(next)]);
    assert_eq!(found(&world("21:00"), "20:40"), NONE);
    assert_eq!(found(&world("22:00"), "20:40"), ["warning silent"]);
}

#[test]
fn a_recorded_boot_takes_up_the_jobs_whose_next_run_is_no_earlier() {
    let world = |next: &str| {
        let jobs = recorded([hourly("j").ran("10:00", "10:01").next(next)]);
        Snapshot { boot: Some(at("20:30:05")), ..jobs }
    };
    assert_eq!(found(&world("20:30:05.000"), "20:31"), ["warning silent over"]);
    assert_eq!(found(&world("20:30:04.999"), "20:31"), [SILENT]);
}

/// A job whose runs of a second ended at these instants.
fn ended(job: Job, ends: impl IntoIterator<Item = Instant>) -> Job {
    ends.into_iter().fold(job, |job, end| job.ran(&end.plus(-SECOND).to_string(), &end.to_string()))
}

/// So many instants, ten minutes apart, the newest at 20:00.
fn ends(count: i64) -> impl Iterator<Item = Instant> {
    (0..count).rev().map(|back| at("20:00").plus(-back * 10 * MINUTE))
}

/// A daily job that fired at them.
fn hurried(count: i64) -> Job {
    ended(cron("j", "0 9 * * *"), ends(count))
}

const TOO_MANY: &str = "warning too-many-fires";

#[test]
fn twenty_fires_more_than_slots_and_retries_are_too_many() {
    // One slot since the day before, and one more for good measure.
    assert_eq!(found(&fleet([hurried(21)]), "20:01"), NONE);
    assert_eq!(found(&fleet([hurried(22)]), "20:01"), [TOO_MANY]);
    assert_eq!(found(&fleet([hurried(22).errors(1)]), "20:01"), NONE);
    assert_eq!(found(&fleet([hurried(23).errors(1)]), "20:01"), [TOO_MANY]);
    let by_hand = |count| Job { manual_runs: vec![at("2026-03-01 20:01"); count], ..hurried(23) };
    assert_eq!(found(&fleet([by_hand(1)]), "20:01"), [TOO_MANY]);
    assert_eq!(found(&fleet([by_hand(2)]), "20:01"), NONE);
    // A fire counts for a day.
    let day_ago = |first: &str| ended(cron("j", "0 9 * * *"), std::iter::once(at(first)).chain(ends(21)));
    assert_eq!(found(&fleet([day_ago("2026-03-01 20:01:00.000")]), "20:01"), [TOO_MANY]);
    assert_eq!(found(&fleet([day_ago("2026-03-01 20:00:59.999")]), "20:01"), NONE);
    // What was before an edit went by another schedule; its newest run began at 19:59:59.
    assert_eq!(found(&fleet([hurried(22).written("19:59:58.999")]), "20:01"), NONE);
    assert_eq!(found(&fleet([hurried(22).written("19:59:59.000")]), "20:01"), [TOO_MANY]);
    // Each error is tried again.
    let failed = |count: usize| {
        let mut job = hurried(26);
        job.fires[..count].iter_mut().for_each(|fire| fire.failed = true);
        fleet([job])
    };
    assert_eq!(found(&failed(2), "20:01"), [TOO_MANY]);
    assert_eq!(found(&failed(3), "20:01"), NONE);
}

#[test]
fn three_times_the_slots_are_not_too_many_where_there_are_many_slots() {
    // 145 slots; 435 fires are three times as many.
    let world = |count: i64| {
        let ends = (0..count).rev().map(|back| at("20:00").plus(-back * 3 * MINUTE));
        fleet([ended(cron("j", "*/10 * * * *"), ends)])
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
fn a_job_starves_that_loses_most_of_at_least_ten_slots_to_long_runs() {
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
    let facts = |hours, now| verdict(&world("*/10 * * * *", hours), now).findings[0].facts.clone();
    let lost = |slots, lost| super::finding::Facts::Starved { slots, lost };
    assert_eq!(facts(8, "09:56"), lost(48, 40));
    // It counts from the first fire of the last day.
    assert_eq!(facts(24, "2026-03-03 01:55:20.000"), lost(144, 120));
    assert_eq!(facts(24, "2026-03-03 01:55:20.001"), lost(138, 115));
}

/// The newest runs of three jobs, `zero` of them without tokens, in turn.
fn shared(zero: usize) -> Snapshot {
    let mut jobs = [hourly("a"), hourly("b"), cron("c", "0 9 * * *")];
    for (place, end) in ["09:01", "09:02", "09:03", "10:01", "10:02", "11:01", "11:02"].iter().enumerate() {
        let job = [0, 1, 2, 0, 1, 0, 1][place];
        let tokens = if place >= 7 - zero { 0 } else { 1000 };
        jobs[job] = jobs[job].clone().used(&end.replace(":0", ":00:0"), end, tokens);
    }
    fleet(jobs)
}

#[test]
fn four_newest_fires_of_two_jobs_without_tokens_are_shared() {
    let told =
        |world: &Snapshot| verdict(world, "11:10").findings.into_iter().map(|found| found.facts).collect::<Vec<_>>();
    assert_eq!(told(&shared(3)), []);
    let both = super::finding::Facts::SharedZeroTokens { fires: 4, jobs: 2, last_error: None };
    assert_eq!(told(&shared(4)), [both.clone(), both]);
    // One job's fires are its own affair.
    let patient = Settings { zero_streak: 10, zero_streak_critical: 20, ..settings(at("12:02")) };
    assert_eq!(found_with(&used(&[1, 0, 0, 0, 0]), patient), NONE);
    // What ended with the last good run of any job came no later.
    let mut world = shared(4);
    world.jobs[2].fires[0].end = at("10:01");
    assert_eq!(told(&world), []);
    world.jobs[2].fires[0].end = at("10:00:59.999");
    assert_eq!(told(&world).len(), 2);
}

#[test]
fn what_became_of_a_message_is_told_of_a_run_that_was_fine() {
    let undelivered = |change: &dyn Fn(&mut Row)| {
        let mut job = hourly("j").ran("10:00", "10:01");
        row(&mut job).delivery = Some("error: chat not found".to_owned());
        change(row(&mut job));
        found(&fleet([job]), "10:05")
    };
    assert_eq!(undelivered(&|_| ()), ["warning undelivered"]);
    assert_eq!(undelivered(&|row| row.last_run = None), NONE);
    assert_eq!(undelivered(&|row| row.consecutive_errors = 1), NONE);
    assert_eq!(undelivered(&|row| row.delivery = Some("skipped:channel_none".to_owned())), NONE);
}

/// Fires that used these tokens, an hour apart.
fn used(tokens: &[u32]) -> Snapshot {
    let hours = tokens.len() as i64;
    let job = tokens.iter().enumerate().fold(hourly("j"), |job, (hour, tokens)| {
        let start = at("12:00").plus((hour as i64 + 1 - hours) * HOUR);
        job.used(&start.to_string(), &start.plus(MINUTE).to_string(), *tokens)
    });
    fleet([job])
}

#[test]
fn tokens_have_grown_when_the_newest_three_use_ten_times_the_median_of_at_least_ten_before() {
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
    let streak = |tokens: &[u32]| verdict(&used(tokens), "12:02").jobs[0].facts.zero_token_streak;
    assert_eq!([streak(&[0, 1, 0, 0]), streak(&[0, 0, 1]), streak(&[0])], [2, 0, 1]);
    let mut thrown = used(&[1, 0, 0, 0]);
    thrown.jobs[0].fires[2].tokens = Tokens::NoEvent;
    assert_eq!(verdict(&thrown, "12:02").jobs[0].facts.zero_token_streak, 2, "a run that threw used unknown tokens");
}

/// A job whose run shows from `seen` on.
fn running(mut world: Snapshot, seen: &str) -> Snapshot {
    world.open_runs = vec![OpenRun { job_id: world.jobs[0].id.clone(), seen: at(seen) }];
    world
}

const LONG: &str = "warning long-run";
const HUNG: &str = "critical hung-run";

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
fn a_run_hangs_a_minute_after_the_longest_and_with_it_who_waits_for_a_quarter_of_an_hour() {
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
fn a_run_began_at_its_slot_but_no_more_than_five_minutes_before_it_showed_nor_before_the_last_end() {
    let began = |seen: &str, other: &str| {
        let other = cron("o", "0 5 * * *").ran("05:00", other);
        let world = running(fleet([hourly("j").ran("11:00", "11:01"), other]), seen);
        let ms = verdict(&world, "12:30").jobs[0].facts.in_flight_ms;
        at("12:30").plus(-ms)
    };
    assert_eq!(began("12:00:40", "05:01"), at("12:00"));
    assert_eq!(began("12:05:00", "05:01"), at("12:00"));
    assert_eq!(began("12:05:00.001", "05:01"), at("12:00:00.001"));
    assert_eq!(began("12:04:00", "12:03"), at("12:03"));
    assert_eq!(began("11:59:00", "05:01"), at("11:59"));
}

#[test]
fn a_delivery_hangs_after_a_quarter_of_an_hour_and_is_none_if_the_row_was_written_within_two_seconds() {
    let world = |event: &str| fleet([hourly("j").ran("10:00", "10:01").event(event).next("11:00").written("10:01")]);
    let delivers = world("11:02");
    assert_eq!(found(&delivers, "11:17:00.000"), NONE);
    assert_eq!(found(&delivers, "11:17:00.001")[0], "warning hung-delivery");
    let written =
        |at: &str| found(&fleet([hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written(at)]), "11:20");
    assert_eq!(written("11:01:58.000"), [OVERDUE]);
    assert_eq!(written("11:01:57.999"), ["warning hung-delivery"]);
}

#[test]
fn events_that_no_row_follows_within_a_minute_are_a_runaway_from_the_third_on() {
    let world = |ends: &[&str]| {
        let job = hourly("j").ran("10:00", "10:01").next("11:00");
        found(&fleet([ends.iter().fold(job, |job, end| job.event(end))]), "10:10")
    };
    assert_eq!(world(&["10:03", "10:04"]), NONE);
    assert_eq!(world(&["10:03", "10:04", "10:05"])[0], "critical runaway");
    assert_eq!(world(&["10:02:00.000", "10:04", "10:05"]), NONE);
    assert_eq!(world(&["10:02:00.001", "10:04", "10:05"])[0], "critical runaway");
}

#[test]
fn a_next_run_is_too_far_more_than_a_day_behind_two_slots_or_more() {
    let daily = |next: &str| found(&fleet([cron("j", "0 9 * * *").ran("09:00", "09:01").next(next)]), "10:00");
    assert_eq!(daily("2026-03-04 09:00:00.000"), NONE);
    assert_eq!(daily("2026-03-04 09:00:00.001"), ["warning skipped-slots"]);
    assert_eq!(
        found(&fleet([cron("j", "0 9 * * *").ran("09:00", "09:01").next("2026-03-05 00:00").errors(1)]), "10:00"),
        NONE
    );
    let twice = |next: &str| found(&fleet([cron("j", "0 9,21 * * *").ran("09:00", "09:01").next(next)]), "10:00");
    assert_eq!(twice("2026-03-03 21:00:00.000"), NONE);
    assert_eq!(twice("2026-03-03 21:00:00.001"), ["warning skipped-slots"]);
    let weekly = |next: &str| found(&fleet([cron("j", "0 9 * * 1").ran("09:00", "09:01").next(next)]), "10:00");
    assert_eq!(weekly("2026-03-16 09:00"), NONE);
    assert_eq!(weekly("2026-03-16 09:00:00.001"), ["warning skipped-slots"]);
}

#[test]
fn a_one_shot_that_gave_up_is_told_as_long_as_what_is_over() {
    let world = |now: &str| {
        let mut job = hourly("j").ran("10:00", "10:01");
        job.state = State::FailedOnce;
        found(&fleet([job]), now)
    };
    assert_eq!(world("2026-03-09 10:01:00.000"), ["info one-shot-failed"]);
    assert_eq!(world("2026-03-09 10:01:00.001"), NONE);
}

#[test]
fn jobs_of_another_zone_are_those_whose_next_run_would_be_a_slot_there() {
    use super::finding::Facts;
    let daily = |next: &str| cron("j", "0 9 * * *").ran("06:00", "06:01").next(next);
    let told = |jobs: Snapshot| {
        let facts = verdict(&jobs, "06:30").findings.into_iter().map(|finding| finding.facts);
        let zones = facts.filter_map(|facts| match facts {
            Facts::OtherZone { jobs, offset, .. } => Some((jobs.len(), offset)),
            _ => None,
        });
        zones.collect::<Vec<_>>()
    };
    let one = |offset: &str| vec![(1, offset.to_owned())];
    assert_eq!(told(fleet([daily("07:00")])), one("UTC+02:00"));
    assert_eq!(told(fleet([daily("12:15")])), one("UTC-03:15"));
    assert_eq!(told(fleet([daily("09:00")])), []);
    // Not that: a restart's second, an error's backoff, a zone of its own, a pause, no quarter of an hour.
    assert_eq!(told(fleet([daily("07:00:05")])), []);
    assert_eq!(told(fleet([daily("07:00").errors(1)])), []);
    assert_eq!(told(fleet([daily("07:10")])), []);
    assert_eq!(told(fleet([Job { state: State::Paused, ..daily("07:00") }])), []);
    let berlin = job("j", "cron", r#"{"expr":"0 9 * * *","tz":"Europe/Berlin"}"#).ran("06:00", "06:01").next("07:00");
    assert_eq!(told(fleet([berlin])), []);
    // What fits all of them, the nearest of several; who fits none of that is counted all the same.
    let both = |first: &str, second: &str| {
        told(fleet([daily(first), cron("k", "0 10,12 * * *").ran("06:00", "06:01").next(second)]))
    };
    assert_eq!(both("07:00", "10:15"), [(2, "UTC+02:00".to_owned())]);
    assert_eq!(both("07:00", "08:00"), [(2, "UTC+02:00".to_owned())]);
    assert_eq!(told(fleet([cron("k", "0 10,12 * * *").ran("06:00", "06:01").next("08:00")])), one("UTC+02:00"));
    assert_eq!(told(fleet([cron("k", "0 7,12 * * *").ran("06:00", "06:01").next("08:00")])), one("UTC-01:00"));
}

fn strip_of(world: &Snapshot, now: &str) -> String {
    verdict(world, now).jobs[0].strip.outcomes.iter().map(|outcome| outcome.ascii()).collect()
}

fn made(made: &str, job: Job) -> Job {
    Job { created_at: Some(at(made)), ..job }
}

#[test]
fn a_slot_belongs_to_the_runs_that_ended_before_the_next_one() {
    let job = || made("07:30", hourly("j")).ran("08:00", "08:01");
    assert_eq!(strip_of(&fleet([job()]), "08:30"), "#");
    assert_eq!(strip_of(&fleet([job()]), "09:00:00.000"), "#~");
    assert_eq!(strip_of(&fleet([job().used("09:00", "09:59:59.999", 0)]), "09:59:59.999"), "#0");
    assert_eq!(strip_of(&fleet([job().used("09:00", "10:00:00.000", 0)]), "10:00:00.000"), "#~0");
    // One good run of several is enough.
    let often = |tokens| job().used("09:00", "09:10", 0).used("09:20", "09:30", tokens);
    assert_eq!(strip_of(&fleet([often(0)]), "09:40"), "#0");
    assert_eq!(strip_of(&fleet([often(1)]), "09:40"), "##");
    // Before the first slot there is none, and of what was before the window nothing is known.
    assert_eq!(strip_of(&fleet([made("07:30", hourly("j"))]), "07:59:59.999"), "");
    let late_window = Snapshot { window_start: Some(at("08:30")), ..fleet([job().ran("09:00", "09:01")]) };
    assert_eq!(strip_of(&late_window, "09:30"), "#");
}

#[test]
fn a_slot_without_a_run_waits_if_the_worker_may_have_been_held_and_is_lost_if_not() {
    let job = || made("07:30", hourly("j")).ran("08:00", "08:01");
    let world = |seen: &str| running(fleet([cron("o", "0 5 * * *").ran("05:00", "05:01"), job()]), seen);
    let second = |world: &Snapshot, now: &str| {
        let strip = &verdict(world, now).jobs[1].strip;
        strip.outcomes.iter().map(|outcome| outcome.ascii()).collect::<String>()
    };
    // A minute proves nothing.
    assert_eq!(second(&world("09:01:00.000"), "09:20"), "#~");
    assert_eq!(second(&world("09:01:00.001"), "09:20"), "#x");
    // A broken job waits for nothing.
    let broken = Job { state: State::Broken, ..job() };
    let held = running(fleet([cron("o", "0 5 * * *").ran("05:00", "05:01"), broken]), "09:01");
    assert_eq!(second(&held, "09:20"), "#x");
}

#[test]
fn a_strip_shows_the_newest_48_slots_of_up_to_five_years() {
    let hourly_for = |hours: i64| {
        let start = |hour: i64| at("2026-03-01 00:00").plus(hour * HOUR);
        fleet([ended(hourly("j"), (1..=hours).map(|hour| start(hour).plus(MINUTE)))])
    };
    assert_eq!(strip_of(&hourly_for(10), "2026-03-01 10:30"), "#".repeat(10));
    assert_eq!(strip_of(&hourly_for(47), "2026-03-02 23:30"), "#".repeat(47));
    assert_eq!(strip_of(&hourly_for(49), "2026-03-03 01:30"), "#".repeat(48));
    let first = verdict(&hourly_for(49), "2026-03-03 01:30").jobs[0].strip.first;
    assert_eq!(first, Some(at("2026-03-01 02:00")));
    let yearly = made("2010-01-01 00:00", cron("j", "0 0 1 1 *"));
    let world = Snapshot { window_start: None, ..fleet([yearly]) };
    assert_eq!(strip_of(&world, "2026-03-02 12:00").len(), 5);
}

#[test]
fn the_slots_of_an_interval_follow_its_runs() {
    let job = || every("j", HOUR).ran("08:00", "08:01").ran("09:01", "09:02");
    assert_eq!(strip_of(&fleet([job()]), "10:01:59.999"), "##");
    assert_eq!(strip_of(&fleet([job()]), "10:02:00.000"), "##~");
    assert_eq!(strip_of(&fleet([job()]), "12:30"), "##xxx");
    // A run serves the newest slot since the one before it.
    assert_eq!(strip_of(&fleet([job().ran("12:02", "12:03")]), "12:30"), "##xx#");
    assert_eq!(strip_of(&fleet([job()]), "2026-03-20 00:00"), "x".repeat(48));
    let many = ended(every("j", HOUR), (1..=60).map(|hour| at("2026-02-27 00:00").plus(hour * HOUR)));
    assert_eq!(strip_of(&fleet([many]), "2026-03-01 12:10"), "#".repeat(48));
    assert_eq!(strip_of(&fleet([every("j", HOUR)]), "12:00"), "", "without a run it has no slots");
}

#[test]
fn nothing_is_known_of_the_time_before_a_run_that_follows_none_or_left_no_event() {
    let first = cron("o", "0 12 * * *").ran("12:00", "12:30");
    assert_eq!(found(&fleet([hourly("j"), first.clone()]), "12:31"), ["info waiting"]);
    let mut thrown = cron("t", "59 11 * * *").ran("11:59", "11:59:30");
    thrown.fires.clear();
    let held = cron("o", "0 8 * * *").ran("08:00", "11:58:30");
    let world = fleet([hourly("j").ran("07:00", "07:01"), held, thrown]);
    assert_eq!(found(&world, "12:00:10"), ["info waiting"]);
}

#[test]
fn the_worker_is_free_from_the_end_of_the_newest_delivery_to_the_run_in_flight() {
    // The model was done at 11:02, the message delivered at 11:20.
    let job = hourly("o").ran("10:00", "10:01").ran("11:00", "11:20");
    let mut delivered = fleet([job, cron("k", "5 11 * * *").ran("05:00", "05:01")]);
    delivered.jobs[0].fires[1].end = at("11:02");
    assert_eq!(found(&delivered, "11:35:00.000"), ["info waiting"]);
    assert_eq!(found(&delivered, "11:35:00.001"), [OVERDUE]);
    let half_past = cron("o", "30 11 * * *").ran("05:00", "05:01").next("11:30");
    let world = |slot| running(fleet([half_past.clone(), cron("k", slot).ran("05:01", "05:02")]), "11:30:10");
    assert_eq!(found(&world("14 11 * * *"), "11:31"), [OVERDUE]);
    assert_eq!(found(&world("15 11 * * *"), "11:31"), ["info waiting"]);
}

#[test]
fn a_delivery_that_does_not_hang_yet_holds_the_worker() {
    let other = cron("k", "1 11 * * *").ran("05:00", "05:01");
    let world = fleet([other, hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written("10:01")]);
    let soon = |now: &str| found_with(&world, Settings { late_after: 5 * MINUTE, ..settings(at(now)) });
    assert_eq!(soon("11:17:00.000"), ["info waiting"]);
    assert_eq!(soon("11:17:00.001"), ["warning hung-delivery", "warning hung-delivery"]);
}

#[test]
fn a_run_may_take_five_minutes_to_show() {
    let world = fleet([hourly("j").ran("10:00", "10:01"), cron("o", "0 5 * * *").ran("05:00", "12:00")]);
    let soon = |now: &str| found_with(&world, Settings { late_after: 2 * MINUTE, ..settings(at(now)) });
    assert_eq!(soon("12:05:00.000"), ["info waiting"]);
    assert_eq!(soon("12:05:00.001")[0], OVERDUE);
}

#[test]
fn where_sessions_have_moved_on_the_newest_four_hours_may_have_been_one_run() {
    let world = Snapshot { sessions_moved_on: true, ..fleet([hourly("j").ran("10:00", "10:01")]) };
    assert_eq!(found(&world, "15:15:00.000"), ["info waiting"]);
    assert_eq!(found(&world, "15:15:00.001"), [LOST, SILENT]);
}

/// Whether the run of the first job, seen at 12:00:10, is still in flight at 12:30.
fn in_flight<const N: usize>(jobs: [Job; N]) -> bool {
    verdict(&running(fleet(jobs), "12:00:10"), "12:30").jobs[0].facts.in_flight_ms > 0
}

#[test]
fn a_restart_cut_a_run_if_its_row_carries_the_boots_time_or_several_rows_do() {
    let own = || hourly("j").ran("11:00", "11:01");
    assert!(in_flight([own()]));
    assert!(in_flight([own().next("12:00:10.000")]) && !in_flight([own().next("12:00:10.001")]));
    assert!(in_flight([own().next("12:20:05").errors(1)]), "the next try after an error is no boot");
    let other = |id: &str, next: &str| cron(id, "0 5 * * *").ran("05:00", "05:01").next(next);
    let boots = |first: &str, second: &str| in_flight([own(), other("a", first), other("b", second)]);
    assert!(!boots("12:20:05", "12:20:10") && !boots("12:20:10", "12:20:05") && !boots("12:20:05", "12:20:20"));
    assert!(boots("12:20:05", "12:20:11") && boots("12:20:05", "12:20:05") && boots("12:20:05", "2026-03-03 05:00"));
    assert!(boots("12:00:05", "12:00:10"), "before the run showed");
    let paused = Job { state: State::Paused, ..other("b", "12:20:10") };
    assert!(in_flight([own(), other("a", "12:20:05"), paused]), "a restart leaves a paused job's row alone");
}

#[test]
fn a_next_run_is_the_boots_if_it_is_none_of_the_jobs_own() {
    let half =
        |next: &str| in_flight([every("j", 30 * MINUTE).ran("11:55", "11:56:05").written("11:57:05").next(next)]);
    // Half an hour after its last run, or after an edit, within two seconds.
    assert!(half("12:26:07.000") && !half("12:26:07.001") && half("12:26:03.000") && !half("12:26:02.999"));
    assert!(half("12:27:07.000") && !half("12:27:07.001"));
    assert!(in_flight([hourly("j").ran("11:00", "11:01").next("12:20:00.000")]), "a slot of another zone");
    let once = |next: &str| {
        let schedule = phantom::schedule("at", r#"{"at":"2026-03-02T12:10:00Z"}"#, settings(Instant::MIN).zone);
        in_flight([Job { schedule, ..hourly("j").next(next) }])
    };
    assert!(once("12:10:01.000") && !once("12:10:01.001") && once("12:09:59.000") && !once("12:09:58.999"));
}

#[test]
fn what_a_row_does_not_know_is_delivered_unless_an_earlier_run_is_not_known_either_or_a_restart_came() {
    let delivers = |job: Job| found(&fleet([job]), "11:20")[0] == "warning hung-delivery";
    let job = || hourly("j").ran("10:00", "10:01");
    let stale = |job: Job| job.next("11:00").written("10:01");
    assert!(delivers(stale(job().event("10:01:02.000").event("11:02:05"))));
    assert!(!delivers(stale(job().event("10:01:02.001").event("11:02:05"))));
    assert!(delivers(job().event("11:02:05").written("10:01").next("11:02:05.000")));
    assert!(!delivers(job().event("11:02:05").written("10:01").next("11:02:05.001")));
}

/// A job that fired every hour up to 12:01, each run with these tokens.
fn fires(tokens: &[Tokens]) -> Job {
    let mut world = used(&vec![1; tokens.len()]);
    let mut job = world.jobs.remove(0);
    job.fires.iter_mut().zip(tokens).for_each(|(fire, tokens)| fire.tokens = *tokens);
    job
}

const GOOD: Tokens = Tokens::Used(1000);
const EMPTY: Tokens = Tokens::Used(0);

#[test]
fn three_errors_in_a_row_are_a_warning_since_the_first_of_them() {
    const FAILING: &str = "warning failing";
    let told = |job: Job| found(&fleet([job]), "12:02");
    assert_eq!(told(fires(&[GOOD; 5]).errors(2)), NONE);
    assert_eq!(told(fires(&[GOOD; 5]).errors(3)), [FAILING]);
    let broken = Job { state: State::Broken, ..fires(&[GOOD; 5]).errors(3) };
    assert_eq!(told(broken), ["critical breaker-open"]);
    let since = |failed: bool, tokens: Tokens, errors| {
        let mut job = fires(&[GOOD, GOOD, GOOD, GOOD, tokens]).errors(errors);
        row(&mut job).last_run.iter_mut().for_each(|run| run.failed = failed);
        job.fires[4].failed = failed;
        if tokens == Tokens::NoEvent {
            job.fires.pop();
        }
        spans(&fleet([job]), "12:02", Reason::Failing)[0].0
    };
    // The row's count tells of errors that used tokens, if the newest run did.
    assert_eq!(since(true, GOOD, 3), Some(at("10:01")));
    assert_eq!(since(true, GOOD, 9), Some(at("08:01")));
    assert_eq!(since(true, EMPTY, 3), Some(at("10:01")));
    // Of those that threw only the newest is known: the first was due after the last good one.
    assert_eq!(since(true, Tokens::NoEvent, 3), Some(at("12:00")));
    assert_eq!(since(false, GOOD, 3), Some(at("12:01")), "its newest run was fine");
}

#[test]
fn what_was_skipped_three_times_is_a_warning_and_five_times_critical() {
    let told = |count: usize| found(&fleet([fires(&[vec![GOOD; 2], vec![Tokens::Skipped; count]].concat())]), "12:02");
    assert_eq!(told(2), NONE);
    assert_eq!((told(3), told(4)), (vec!["warning skipped".to_owned()], vec!["warning skipped".to_owned()]));
    assert_eq!(told(5), ["critical skipped"]);
    let world = fleet([fires(&[GOOD, Tokens::Skipped, Tokens::Skipped, Tokens::Skipped])]);
    assert_eq!(spans(&world, "12:02", Reason::Skipped), [(Some(at("10:01")), None)]);
}

#[test]
fn a_streak_goes_on_over_an_error_with_tokens_and_is_over_at_the_next_good_fire() {
    let mut job = fires(&[GOOD, EMPTY, EMPTY, GOOD, EMPTY]);
    job.fires[3].failed = true;
    let world = fleet([job]);
    assert_eq!(found(&world, "12:02"), ["warning zero-token-streak"]);
    assert_eq!(spans(&world, "12:02", Reason::ZeroTokenStreak), [(Some(at("09:01")), None)]);
    let over = |tokens: &[Tokens]| found(&fleet([fires(tokens)]), "12:02");
    assert_eq!(over(&[EMPTY, EMPTY, GOOD]), NONE);
    assert_eq!(over(&[EMPTY, EMPTY, EMPTY, GOOD]), ["warning zero-token-streak over"]);
    let world = fleet([fires(&[EMPTY, EMPTY, EMPTY, GOOD]).next("2026-03-20 00:00")]);
    let streak =
        |now: &str| verdict(&world, now).findings.iter().any(|found| found.reason() == Reason::ZeroTokenStreak);
    assert!(streak("2026-03-09 12:01:00.000") && !streak("2026-03-09 12:01:00.001"), "for seven days");
    let severity = |now: &str| {
        let found = verdict(&world, now).findings;
        found.iter().find(|found| found.reason() == Reason::ZeroTokenStreak).map(|found| found.severity)
    };
    assert_eq!(severity("2026-03-03 12:01:00.000"), Some(Severity::Warning));
    assert_eq!(severity("2026-03-03 12:01:00.001"), Some(Severity::Info), "news for a day");
}

#[test]
fn a_history_that_cannot_be_judged_is_a_warning() {
    const UNJUDGED: &str = "warning unjudged";
    let told = |job: Job| found(&fleet([job]), "12:02");
    assert_eq!(told(fires(&[GOOD, Tokens::Unknown, Tokens::Unknown])), NONE);
    assert_eq!(told(fires(&[GOOD, Tokens::Unknown, Tokens::Unknown, Tokens::Unknown])), [UNJUDGED]);
    assert_eq!(told(Job { id: String::new(), ..fires(&[GOOD; 3]) }), [UNJUDGED]);
    let without_time =
        |events, fires_known: usize| told(Job { events_without_time: events, ..fires(&vec![GOOD; fires_known]) });
    assert_eq!(without_time(2, 1), NONE);
    assert_eq!(without_time(3, 3), [UNJUDGED]);
    assert_eq!(without_time(3, 4), NONE, "most of them can be read");
}

/// The incidents at an instant: cause, jobs with their lost slots, and `over` if it is.
fn incidents(world: &Snapshot, now: &str) -> Vec<String> {
    let verdict = verdict(world, now);
    let tell = |incident: &Incident| {
        let hit = |hit: &Hit| format!("{}:{}", verdict.jobs[hit.job].job.id, hit.missed_slots);
        let over = if incident.lasting == Lasting::Resolved { " over" } else { "" };
        format!("{} {}{over}", incident.cause.name(), incident.jobs.iter().map(hit).collect::<Vec<_>>().join(" "))
    };
    verdict.incidents.iter().map(tell).collect()
}

fn prints(world: &Snapshot, now: &str) -> Vec<String> {
    verdict(world, now).incidents.into_iter().map(|incident| incident.fingerprint).collect()
}

#[test]
fn a_job_due_up_to_five_free_minutes_before_the_last_run_ended_fell_silent_with_all() {
    let world = |start: &str| {
        let other = cron("o", "5 11 * * *").ran(start, "11:06");
        fleet([hourly("j").ran("10:00", "10:01"), other])
    };
    assert_eq!(incidents(&world("11:05:00.000"), "12:01"), ["scheduler-silent j:2"]);
    assert_eq!(incidents(&world("11:05:00.001"), "12:01"), ["job-silent j:2"]);
    // The one silence is the same whoever it hits; of one job it is that job's.
    let both = fleet([hourly("j").ran("10:00", "10:01"), cron("k", "*/30 * * * *").ran("10:30", "10:31")]);
    assert_eq!(incidents(&both, "13:00"), ["scheduler-silent k:5 j:3"]);
    assert_eq!(prints(&both, "11:20"), prints(&both, "13:00"));
    let alone = fleet([hourly("j").ran("10:00", "10:01"), cron("k", "*/30 * * * *").ran("10:31", "10:32")]);
    assert_ne!(prints(&alone, "13:00"), prints(&both, "13:00"), "another last run, another silence");
}

#[test]
fn one_run_that_hangs_is_the_incident_of_all_who_wait() {
    let world = running(
        fleet([hourly("j").ran("11:00", "11:01"), cron("k", "*/30 * * * *").ran("11:30", "11:31")]),
        "12:00:01",
    );
    assert_eq!(incidents(&world, "12:20"), NONE);
    assert_eq!(incidents(&world, "12:40"), ["run-long j:0 k:0"]);
    assert_eq!(incidents(&world, "16:02"), ["run-hung j:5 k:9"]);
    assert_eq!(prints(&world, "12:40"), prints(&world, "16:02"));
    let later =
        Snapshot { open_runs: vec![OpenRun { seen: at("12:00:02"), ..world.open_runs[0].clone() }], ..world.clone() };
    assert_ne!(prints(&later, "16:02"), prints(&world, "16:02"), "another run");
}

#[test]
fn jobs_that_fail_together_are_one_incident_named_by_the_one_that_began() {
    let world = shared(4);
    assert_eq!(incidents(&world, "11:10"), ["provider-failing a:0 b:0"]);
    let earlier = fleet([hourly("a")
        .ran("09:00", "09:01")
        .used("10:00", "10:01", 0)
        .used("11:00", "11:01", 0)
        .used("12:00", "12:01", 0)]);
    assert_eq!(incidents(&earlier, "12:10"), ["job-failing a:0"]);
    assert_eq!(prints(&world, "11:10"), prints(&earlier, "12:10"), "what begins with one job and spreads");
}

#[test]
fn streaks_that_are_over_had_one_cause_if_they_overlap() {
    let streak = |id: &str, minute: i64, first: i64, good: i64| {
        let end = |hour: i64| at("00:01").plus(hour * HOUR + minute * MINUTE);
        let fire = |job: Job, hour: i64| {
            let tokens = if hour >= first && hour < good { 0 } else { 1000 };
            job.used(&end(hour).plus(-SECOND).to_string(), &end(hour).to_string(), tokens)
        };
        (1..=12).fold(cron(id, &format!("{minute} * * * *")), fire)
    };
    let told = |a: Job, b: Job| incidents(&fleet([a, b]), "12:40");
    assert_eq!(told(streak("a", 0, 2, 6), streak("b", 30, 3, 7)), ["provider-failing a:0 b:0 over"]);
    assert_eq!(told(streak("a", 0, 2, 6), streak("b", 30, 6, 9)), ["job-failing a:0 over", "job-failing b:0 over"]);
    // The second began with the very fire that ended the first.
    assert_eq!(told(streak("a", 0, 2, 6), streak("b", 0, 6, 9)), ["provider-failing a:0 b:0 over"]);
}
