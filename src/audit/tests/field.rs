//! Stories of how schedules fail in the field, each with one just short of it that must stay quiet.

use super::*;
use crate::model::ModelIndex;

/// A daily job at 02:00 whose last run failed with this error.
fn failed(id: &str, error: &str) -> Job {
    let mut job = cron(id, "0 2 * * *").ran("2026-03-01 02:00", "2026-03-01 02:01").ran("02:00", "02:01");
    job.fires[1] = did(job.fires[1], THREW);
    let row = row(&mut job);
    row.consecutive_errors = 1;
    if let Some(run) = &mut row.last_run {
        (run.failed, run.error) = (true, Some(RunError::new(error)));
    }
    job
}

/// A job that worked once and then failed that often, an hour apart, up to 12:01; it needs no model.
fn failing(id: &str, times: u64, error: &str) -> Job {
    let mut job = hourly(id);
    for back in (0..=times).rev() {
        let start = at("12:00").plus(-i64::try_from(back).unwrap_or(0) * HOUR);
        job = job.ran(&start.to_string(), &start.plus(MINUTE).to_string());
    }
    for fire in &mut job.fires[1..] {
        *fire = did(*fire, THREW);
    }
    let row = row(&mut job);
    row.consecutive_errors = times;
    if let Some(run) = &mut row.last_run {
        (run.failed, run.error) = (true, Some(RunError::new(error)));
    }
    Job { uses_model: false, ..job }
}

/// The same of a job that needs a model.
pub fn failing_turn(id: &str, times: u64) -> Job {
    Job { uses_model: true, ..failing(id, times, "401 unauthorized") }
}

pub fn causes(world: &Snapshot, now: &str) -> Vec<(Problem, Severity, usize)> {
    let incidents = verdict(world, now).incidents;
    incidents.iter().map(|incident| (incident.cause, incident.severity, incident.jobs.len())).collect()
}

#[test]
fn a_failed_run_is_told_at_once_if_its_next_try_is_more_than_six_hours_away() {
    let next = |next: &str| found(&recorded([failed("j", "disk full").next(next)]), "02:05");
    assert_eq!(next("08:01:00.001"), ["warning failed-run"]);
    assert_eq!(next("08:01:00.000"), NONE);
}

#[test]
fn one_empty_answer_of_a_daily_job_may_be_chance_and_two_are_not() {
    let daily = |tokens: [u32; 3]| {
        let job = cron("j", "0 2 * * *").used("2026-02-28 02:00", "2026-02-28 02:01", tokens[0]);
        let job = job.used("2026-03-01 02:00", "2026-03-01 02:01", tokens[1]).used("02:00", "02:01", tokens[2]);
        found(&recorded([job]), "02:05")
    };
    assert_eq!(daily([1000, 0, 0]), ["warning failed-run"]);
    assert_eq!(daily([0, 1000, 0]), NONE);
}

#[test]
fn errors_without_end_are_critical_from_ten_on() {
    let times = |times| found(&recorded([failing("j", times, "timed out")]), "12:05");
    assert_eq!(times(10), ["critical job-failing"]);
    assert_eq!(times(9), ["warning job-failing"]);
}

#[test]
fn jobs_with_the_same_error_are_one_incident() {
    let healthy = || hourly("ok").ran("11:00", "11:01").ran("12:00", "12:01:30");
    let world =
        |error: &str, times| recorded([failing("a", 3, "run 17 timed out"), failing("b", times, error), healthy()]);
    assert_eq!(causes(&world("run 18 timed out", 1), "12:05"), [(Problem::JobFailing, Severity::Warning, 2)]);
    assert_eq!(causes(&world("disk full", 1), "12:05"), [(Problem::JobFailing, Severity::Warning, 1)]);
    // Three fires are too few.
    let few = recorded([failing("a", 2, "run 17 timed out"), failing("b", 1, "run 18 timed out"), healthy()]);
    assert_eq!(causes(&few, "12:05"), []);
}

#[test]
fn errors_count_for_a_failing_provider_and_commands_do_not_disprove_it() {
    let turn = failing_turn;
    let command = |run| {
        let mut job = hourly("backup").ran("12:00", "12:01:30");
        job.fires[0] = did(job.fires[0], run);
        job
    };
    let world = |run| recorded([turn("a", 2), turn("b", 2), command(run)]);
    assert_eq!(causes(&world(UNPROVEN), "12:05"), [(Problem::ProviderFailing, Severity::Warning, 2)]);
    // A model that worked meanwhile leaves the error in common.
    assert_eq!(causes(&world(GOOD), "12:05"), [(Problem::JobFailing, Severity::Warning, 2)]);
    // A heartbeat that fails with the same error belongs to it.
    let mut heartbeat = failing("heartbeat", 1, "401 unauthorized");
    heartbeat.fires[0] = did(heartbeat.fires[0], UNPROVEN);
    let joined = recorded([turn("a", 2), turn("b", 2), heartbeat]);
    assert_eq!(causes(&joined, "12:05"), [(Problem::ProviderFailing, Severity::Warning, 3)]);
}

#[test]
fn a_paced_job_is_due_when_it_says_and_not_by_its_schedule() {
    let paced = |next: &str, now: &str| {
        let job = cron("j", "*/5 * * * *").ran("08:00", "08:01").next(next);
        found(&recorded([Job { self_paced: true, ..job }]), now)
    };
    assert_eq!(paced("20:00", "20:15"), NONE);
    assert_eq!(paced("20:00", "20:15:00.001"), [LOST]);
}

#[test]
fn a_job_that_was_switched_on_again_counts_from_then() {
    let switched = |on: &str| {
        let job = every("j", 6 * HOUR).ran("00:00", "00:01").written(on).next("18:00");
        found(&recorded([job]), "12:20")
    };
    assert_eq!(switched("06:30"), NONE);
    assert_eq!(switched("06:00"), [OVERDUE].map(|_| "warning job-silent"));
}

#[test]
fn a_run_after_the_due_time_serves_it() {
    let job = |start: &str| {
        let mut job = hourly("j").ran("10:00", "10:01");
        let row = job.row.clone();
        job = job.ran(start, "11:06");
        job.row = row;
        job
    };
    assert_eq!(found(&recorded([job("11:00")]), "11:40"), NONE);
    assert_eq!(found(&recorded([job("10:59:59.999")]), "11:40"), [OVERDUE]);
}

#[test]
fn a_one_shot_that_worked_three_times_is_a_runaway() {
    let world = |count: i64| {
        let schedule = phantom::schedule("at", r#"{"at":"2026-03-02T20:00:00Z"}"#, utc());
        let mut job = ended(hourly("j"), ends(count)).next("20:10");
        job.schedule = schedule;
        found(&recorded([job]), "20:05")
    };
    assert_eq!(world(3), ["critical runaway"]);
    assert_eq!(world(2), NONE);
}

#[test]
fn the_message_of_a_one_shot_that_got_lost_is_told_for_a_day() {
    let world = |delivery: Delivery, now: &str| {
        let mut job = hourly("j").ran("10:00", "10:01");
        row(&mut job).delivery = Some(delivery);
        found(&fleet([Job { state: State::Completed, ..job }]), now)
    };
    let lost = || Delivery::Failed(DeliveryError::new("error: chat not found"));
    assert_eq!(world(lost(), "2026-03-03 10:01:00.000"), ["warning undelivered"]);
    assert_eq!(world(lost(), "2026-03-03 10:01:00.001"), ["info undelivered"]);
    assert_eq!(world(Delivery::Fine, "10:05"), NONE);
}

/// A job without a row that fired three times, an hour apart, the last time then.
fn gone(id: &str, last: &str) -> Job {
    let fired = [2, 1, 0].map(|back| at(last).plus(-back * HOUR));
    Job { state: State::Gone, row: None, ..ended(hourly(id), fired) }
}

#[test]
fn three_rows_that_went_at_the_same_time_were_lost() {
    let healthy = || hourly("ok").ran("20:00", "20:01");
    let world = |third: &str| recorded([gone("a", "17:00"), gone("b", "17:10"), gone("c", third), healthy()]);
    // After its last fire, and within an interval and a half and an hour, the row of a was gone.
    assert_eq!(causes(&world("19:30:00.000"), "20:05"), [(Problem::JobsGone, Severity::Warning, 3)]);
    assert_eq!(causes(&world("19:30:00.001"), "20:05"), []);
    let since = verdict(&world("17:20"), "20:05").incidents[0].since;
    assert_eq!(since, Some(at("17:20")), "the last of them still fired then");
    let all = recorded([gone("a", "17:00"), gone("b", "17:10"), gone("c", "17:20")]);
    assert_eq!(causes(&all, "20:05"), [(Problem::JobsGone, Severity::Critical, 3)]);
    let office = |last: &str| {
        let mut world = world("17:20");
        world.jobs.push(gone("office", last));
        causes(&world, "20:05")[0].2
    };
    assert_eq!(office("2026-02-28 14:50:00.000"), 4, "a weekend before");
    assert_eq!(office("2026-02-28 14:49:59.999"), 3);
    let mut rare = world("17:20");
    rare.jobs[2].fires.remove(0);
    assert_eq!(causes(&rare, "20:05"), [], "two fires make no regular job");
}

#[test]
fn nothing_to_watch_is_told_if_there_was_activity() {
    let paused = || Job { state: State::Paused, ..hourly("j") };
    assert_eq!(found(&fleet([paused()]), "12:00"), NONE, "nothing ever happened");
    assert_eq!(found(&fleet([Job { state: State::Completed, ..hourly("j").ran("10:00", "10:01") }]), "10:30"), NONE);
    let waits = Job { state: State::EventDriven, ..hourly("j").ran("10:00", "10:01") };
    assert_eq!(found(&fleet([waits]), "10:30"), NONE);
    let active = Snapshot { last_other_activity: Some(at("10:00")), ..fleet([]) };
    assert_eq!(found(&active, "12:00"), NONE, "an installation that never had a job");
    let ran = Snapshot { other_fires: vec![Fire::counted(at("10:01"), 1000)], ..active };
    assert_eq!(found(&ran, "12:00"), ["warning nothing-watched"]);
    assert_eq!(
        found(&fleet([Job { state: State::Paused, ..hourly("j").ran("10:00", "10:01") }]), "10:30"),
        ["warning nothing-watched"]
    );
    assert_eq!(
        found(
            &fleet([
                Job { state: State::Paused, ..hourly("j").ran("10:00", "10:01") },
                hourly("k").ran("10:00", "10:02")
            ]),
            "10:30"
        ),
        NONE
    );
}

#[test]
fn a_job_that_was_scheduled_ahead_of_a_clock_that_was_set_back_waits() {
    let next = |next: &str, now: &str| found(&set_back(next), now);
    assert_eq!(next("2026-03-05 11:00", "13:05"), ["warning clock-set-back"]);
    assert_eq!(next("2026-03-05 11:00", "15:00:00.001"), ["critical clock-set-back"]);
    let world = Snapshot { clock_was_at: None, ..set_back("2026-03-05 11:00") };
    assert_eq!(found(&world, "13:05"), ["warning slots-skipped"], "without a sign of the clock");
    assert_eq!(next("13:00", "12:59"), NONE, "for its next slot");
}

#[test]
fn three_pairs_in_half_the_slots_are_too_many_fires() {
    let world = |slots, pairs| found(&recorded([twice("j", slots, pairs)]), "12:40");
    assert_eq!(world(6, 3), ["warning runaway"]);
    assert_eq!(world(7, 3), NONE);
    assert_eq!(world(2, 2), NONE);
    let mut by_hand = twice("j", 3, 3);
    by_hand.manual_runs = vec![at("12:30")];
    assert_eq!(found(&recorded([by_hand]), "12:40"), NONE);
    // Two jobs have the cause in common.
    let both = recorded([twice("j", 3, 3), twice("k", 3, 3)]);
    assert_eq!(causes(&both, "12:40"), [(Problem::Runaway, Severity::Warning, 2)]);
}

#[test]
fn rows_with_the_same_name_and_schedule_that_both_fire_are_twins() {
    assert_eq!(found(&fleet(twins("a")), "12:40"), ["warning runaway"]);
    assert_eq!(found(&fleet(twins("b")), "12:40"), NONE);
    let mut paused = twins("a");
    paused[0].state = State::Paused;
    assert_eq!(found(&fleet(paused), "12:40"), NONE);
}

/// An hourly job that last fired at 12:00; what became of its messages, the newest last.
fn sent(fates: &[MessageFate]) -> Job {
    let hours = i64::try_from(fates.len()).unwrap_or(0);
    let mut job = ended(hourly("j"), (1..=hours).map(|hour| at("12:00").plus((hour - hours) * HOUR)));
    job.fires.iter_mut().zip(fates).for_each(|(fire, fate)| fire.message = *fate);
    job
}

#[test]
fn three_messages_of_a_day_that_were_lost_are_told_though_the_newest_arrived() {
    use MessageFate::{Delivered, Lost, Unconfirmed};
    let world = |fates: &[MessageFate]| found(&recorded([sent(fates)]), "12:05");
    assert_eq!(world(&[Lost, Lost, Lost, Delivered]), ["warning messages-lost"]);
    assert_eq!(world(&[Lost, Lost, Delivered]), NONE);
    assert_eq!(world(&[Unconfirmed; 3]), ["warning messages-lost"]);
    assert_eq!(world(&[Unconfirmed; 2]), NONE);
    assert_eq!(world(&[Delivered, Unconfirmed, Unconfirmed, Unconfirmed]), NONE, "one arrived today");
    assert_eq!(world(&[Unconfirmed, Unconfirmed, Delivered, Unconfirmed]), NONE);
    let daily = |now: &str| {
        let mut job = cron("j", "0 9 * * *").ran("2026-03-01 09:00", "2026-03-01 09:01").ran("09:00", "09:01");
        job.fires.iter_mut().for_each(|fire| fire.message = Unconfirmed);
        found(&recorded([job]), now)
    };
    assert_eq!(daily("09:01:00.000"), ["warning messages-lost"], "two over a day");
    assert_eq!(daily("09:00:59.999"), NONE);
    let given_up = |dead_letters| found(&recorded([Job { dead_letters, ..sent(&[Delivered]) }]), "12:05");
    assert_eq!((given_up(3).len(), given_up(2).len()), (1, 0));
}

#[test]
fn each_kind_of_delivery_error_is_an_incident_and_a_late_message_is_told_for_a_day() {
    let world = |error: &str| {
        let mut jobs = [hourly("a").ran("12:00", "12:01"), hourly("b").ran("12:00", "12:02")];
        let errors = [DeliveryError::new("chat 17 not found"), DeliveryError::new(error)];
        for (job, error) in jobs.iter_mut().zip(errors) {
            row(job).delivery = Some(Delivery::Failed(error));
        }
        causes(&recorded(jobs), "12:05").len()
    };
    assert_eq!((world("chat 18 not found"), world("token revoked")), (1, 2));
    let late = |now: &str| {
        let mut job = cron("j", "0 10 * * 1").ran("10:00", "10:01");
        row(&mut job).delivery = Some(Delivery::Failed(DeliveryError { is_late: true, ..DeliveryError::new("stale") }));
        found(&recorded([job]), now)
    };
    assert_eq!(late("2026-03-03 10:01:00.000"), ["warning undelivered"]);
    assert_eq!(late("2026-03-03 10:01:00.001"), ["info undelivered"]);
}

#[test]
fn output_or_time_at_a_tenth_for_three_fires_is_told() {
    let world = |before: usize, output: [u32; 3]| {
        let outputs = [vec![900; before], output.to_vec()].concat();
        let mut job = fires(&vec![GOOD; outputs.len()]);
        job.fires.iter_mut().zip(outputs).for_each(|(fire, output)| fire.output = Some(output));
        found(&fleet([job]), "12:05")
    };
    assert_eq!(world(10, [90, 26, 90]), ["info work-shrank"]);
    assert_eq!(world(10, [90, 91, 90]), NONE);
    assert_eq!(world(9, [90; 3]), NONE);
    let took = |usual: Millis, last: Millis| {
        let mut job = fires(&[GOOD; 13]);
        for (position, fire) in job.fires.iter_mut().enumerate() {
            *fire = fire.started(fire.end.plus(if position < 10 { -usual } else { -last }));
        }
        found(&recorded([job]), "12:05")
    };
    assert_eq!(took(10_000, 1000), ["info work-shrank"]);
    assert_eq!(took(10_000, 1001), NONE);
    assert_eq!(took(9_999, 1), NONE);
}

#[test]
fn tokens_that_grow_evenly_for_three_days_are_told_from_four_times_on() {
    let world = |count: u32, step: u32, resets: u32| {
        let tokens: Vec<u32> = (0..count).map(|fire| 1000 + step * (fire % resets)).collect();
        found(&used(&tokens), "12:02")
    };
    assert_eq!(world(80, 60, 80), ["info token-growth"]);
    assert_eq!(world(80, 40, 80), NONE, "three and a half times");
    assert_eq!(world(72, 60, 72), NONE, "less than three days");
    assert_eq!(world(96, 200, 24), NONE, "a session that is renewed each day");
}

#[test]
fn another_model_for_three_fires_is_told_with_its_cost() {
    let world = |before: usize, after: usize, cost: f32| {
        let mut job = fires(&vec![GOOD; before + after]);
        for (position, fire) in job.fires.iter_mut().enumerate() {
            let is_new = position >= before;
            fire.model = ModelIndex::at(usize::from(is_new));
            fire.cost_usd = if is_new { cost } else { 0.1 };
        }
        let models = vec!["small".to_owned(), "large".to_owned()];
        found(&Snapshot { models, ..fleet([job]) }, "12:05")
    };
    assert_eq!(world(10, 3, 1.0), ["info model-changed"]);
    assert_eq!((world(9, 3, 0.1).len(), world(10, 2, 0.1).len()), (0, 0));
    let dearer = |cost: f32| {
        let mut job = fires(&[GOOD; 13]);
        job.fires.iter_mut().for_each(|fire| fire.cost_usd = 0.125);
        job.fires[10..].iter_mut().for_each(|fire| fire.cost_usd = cost);
        found(&fleet([job]), "12:05")
    };
    assert_eq!((dearer(1.25), dearer(1.24)), (vec!["info cost-growth".to_owned()], vec![]));
}

#[test]
fn a_zone_that_changed_says_since_when() {
    let world = |moved: &str| {
        let days = ["2026-02-26 06:00", "2026-02-27 06:00", "2026-02-28 06:00", "2026-03-01 10:00", moved];
        let job = ended(cron("j", "0 6 * * *"), days.map(|day| at(day).plus(MINUTE)));
        found(&fleet([job.next("2026-03-03 10:00")]), "12:00")
    };
    assert_eq!(world("10:00"), ["warning other-zone", "info other-zone"]);
    assert_eq!(world("08:00").len(), 1, "not by the offset");
}

#[test]
fn jobs_of_a_store_that_is_not_served_are_one_incident() {
    assert_eq!(causes(&stores("b"), "13:05"), [(Problem::StoreUnserved, Severity::Critical, 2)]);
    assert_eq!(causes(&stores("a"), "13:05")[0].0, Problem::JobSilent);
}

#[test]
fn a_job_that_was_made_since_the_boot_shows_which_store_is_served_before_any_run() {
    let world = |made: &str| {
        let made = Job { created_at: Some(at(made)), ..cron("new", "0 0 * * *") };
        let of = |job: Job, store: &str| {
            let home = Some(Home { store: store.to_owned(), ..Home::default() });
            Job { home, ..job }
        };
        let old = [hourly("1"), hourly("2")].map(|job| of(job.ran("10:00", "10:01").next("11:00"), "a"));
        let [first, second] = old;
        let new = of(made.next("2026-03-03 00:00"), "b");
        Snapshot { boots: vec![at("10:30")], lease: Lease::Alive(at("11:20")), ..recorded([first, second, new]) }
    };
    assert_eq!(causes(&world("10:30:10"), "11:20")[0].0, Problem::StoreUnserved);
    assert_eq!(causes(&world("10:29"), "11:20")[0].0, Problem::SchedulerSilent, "it was there before");
}

#[test]
fn a_run_longer_than_half_its_interval_starves_its_job() {
    let world = |minutes: i64| {
        let start = |run: i64| at("08:00").plus(run * 15 * MINUTE);
        let job = (0..16).fold(cron("j", "*/5 * * * *"), |job, run| {
            job.ran(&start(run).to_string(), &start(run).plus(minutes * MINUTE).to_string())
        });
        found(&recorded([job.next("12:00")]), "11:59:30")
    };
    assert_eq!(world(14), ["info starved"]);
    assert!(!world(4).contains(&"info starved".to_owned()), "slots that nothing took are silence");
}

#[test]
fn heartbeats_that_are_skipped_for_two_days_are_told() {
    let world = |hours: usize| found(&recorded([fires(&vec![DECLINED; hours])]), "12:05");
    assert_eq!(world(49), ["info job-skipped"]);
    assert_eq!(world(48), NONE);
}

#[test]
fn the_same_error_in_three_jobs_and_twice_as_many_as_work_points_at_the_provider() {
    let works = |id: &str| hourly(id).ran("11:00", "11:01").ran("12:00", "12:01:30");
    let fail = |id: &str| failing_turn(id, 2);
    let of = |world: &Snapshot| causes(world, "12:05")[0].0;
    assert_eq!(of(&recorded([fail("a"), fail("b"), fail("c"), works("d")])), Problem::ProviderFailing);
    assert_eq!(of(&recorded([fail("a"), fail("b"), works("d")])), Problem::JobFailing);
    assert_eq!(of(&recorded([fail("a"), fail("b"), fail("c"), works("d"), works("e")])), Problem::JobFailing);
}

#[test]
fn jobs_that_have_not_run_since_a_restart_are_one_incident() {
    let world = |boot: &str| {
        let passed = |id: &str, slot: &str, next: &str| cron(id, slot).ran("10:00", "10:01").next(next);
        let runs = hourly("ok").ran("12:00", "12:01").ran("13:00", "13:01");
        let jobs =
            [passed("a", "30 10 * * *", "2026-03-03 10:30"), passed("b", "45 12 * * *", "2026-03-03 12:45"), runs];
        causes(&Snapshot { boots: vec![at(boot)], ..recorded(jobs) }, "13:40")
    };
    assert_eq!(world("10:20"), [(Problem::JobSilent, Severity::Critical, 2)]);
    assert_eq!(world("10:35:00.000").len(), 1, "the slot fell into a short stop");
    assert_eq!(world("10:35:00.001").len(), 2);
    let silent = [(Problem::JobSilent, Severity::Critical, 2)];
    assert_eq!(world("09:00"), silent, "they ran after the restart and stopped together");
}

#[test]
fn rows_that_are_not_picked_for_the_same_reason_are_one_incident() {
    let blocked =
        |id: &str, why: &str| Job { state: State::Unknown(why.to_owned()), ..hourly(id).ran("12:00", "12:01") };
    let world = |why: &str| causes(&fleet([blocked("a", "status is blocked"), blocked("b", why)]), "12:05").len();
    assert_eq!((world("status is blocked"), world("enabled is 2")), (1, 2));
}

#[test]
fn a_one_shot_whose_time_passed_without_a_next_run_is_told_for_a_day() {
    let world = |now: &str| {
        let mut job = hourly("j");
        job.schedule = phantom::schedule("at", r#"{"at":"2026-03-02T10:00:00Z"}"#, utc());
        row(&mut job).next_run_at = Timestamp::Missing;
        found(&recorded([job]), now)
    };
    assert_eq!(world("09:59:59.999"), ["critical no-next-run"]);
    assert_eq!(world("2026-03-03 10:00:00.000"), ["warning one-shot-lost"]);
    assert_eq!(world("2026-03-03 10:00:00.001"), ["info one-shot-lost"]);
}

#[test]
fn a_heartbeat_at_night_has_not_shrunk() {
    let mut job = fires(&[[UNPROVEN; 10].to_vec(), [IDLE; 3].to_vec()].concat());
    for (position, fire) in job.fires.iter_mut().enumerate() {
        *fire = fire.started(fire.end.plus(if position < 10 { -20 * SECOND } else { -4 }));
    }
    assert_eq!(found(&recorded([job.clone()]), "12:05"), NONE);
    job.fires.iter_mut().for_each(|fire| *fire = did(*fire, UNPROVEN));
    assert_eq!(found(&recorded([job]), "12:05"), ["info work-shrank"]);
}

#[test]
fn what_an_outage_left_behind_is_part_of_it() {
    let told = causes(&left_by_restart("20:30"), "21:10");
    assert_eq!(told, [(Problem::SchedulerSilent, Severity::Warning, 1)]);
    assert_eq!(causes(&left_by_restart("21:01:00.001"), "21:10")[0].0, Problem::JobSilent, "no restart ended it");
}

#[test]
fn fires_since_a_schedule_was_activated_followed_it() {
    assert_eq!(silent_and_activated("2026-02-26 12:00"), ["info job-silent over"]);
}

#[test]

fn what_came_before_an_activation_is_no_silence() {
    assert_eq!(silent_and_activated("2026-03-01 12:00"), NONE);
}

/// A job of OpenClaw that kept two of its slots, left one out, and kept the next; its schedule was activated then.
fn silent_and_activated(at: &str) -> Vec<String> {
    let job = cron("j", "0 22 * * *").ran("2026-02-26 22:00", "2026-02-26 22:01");
    let job = job.ran("2026-02-27 22:00", "2026-02-27 22:01").ran("2026-03-01 09:00", "2026-03-01 09:01");
    found(&recorded([job.ran("2026-03-01 22:00", "2026-03-01 22:01").written(at)]), "12:00")
}

#[test]
fn a_one_shot_that_was_moved_after_its_run_was_missed() {
    let world_at = |value: &str, start: &str, by_hand: bool| {
        let mut job = hourly("j").ran(start, "10:05");
        job.schedule = phantom::schedule("at", value, utc());
        job.state = State::Completed;
        job.manual_runs = Vec::from_iter(by_hand.then(|| at(start)));
        found(&recorded([job]), "12:00")
    };
    let world = |start: &str, by_hand| world_at(r#"{"at":"2026-03-02T10:03:00Z"}"#, start, by_hand);
    assert_eq!(world("10:01:59.999", false), ["warning one-shot-lost"]);
    assert_eq!(world("10:02:00.000", false), NONE);
    assert_eq!(world_at(r#"{"at":"2026-03-02T10:03:00"}"#, "10:01", false), NONE, "its zone is not known");
    assert_eq!(world("10:01:59.999", true), NONE);
}

#[test]
fn three_runs_that_hang_have_the_cause_in_common() {
    let hangs = |id: &str| Job { running_since: Some(at("12:00")), ..hourly(id).ran("11:00", "11:01") };
    let works = || cron("ok", "*/5 * * * *").ran("16:05", "16:06");
    let three = recorded([hangs("a"), hangs("b"), hangs("c"), works()]);
    assert_eq!(causes(&three, "16:08"), [(Problem::RunHung, Severity::Critical, 3)]);
    assert_eq!(
        verdict(&three, "16:08").incidents[0].headline.to_string(),
        "the runs of 3 jobs have not ended for 4h: they hang"
    );
    assert_eq!(causes(&recorded([hangs("a"), hangs("b"), works()]), "16:08").len(), 2);
}

#[test]
fn errors_say_what_they_cost_and_not_what_good_runs_did() {
    let message = |newest: Did| {
        let mut job = fires(&[GOOD; 5]);
        job.fires.iter_mut().for_each(|fire| fire.cost_usd = 7.5);
        job.fires[4] = did(job.fires[4], newest);
        let world = recorded([job.with_errors(3)]);
        let verdict = verdict(&world, "12:05");
        verdict.sentence(&findings(&verdict)[0], at("12:05"))
    };
    assert_eq!(message(FAILED).to_string(), "3 errors in a row, the last one 4m ago, costing 22.50 USD");
    assert_eq!(message(THREW).to_string(), "3 errors in a row, the last one 4m ago, costing 7.50 USD");
}
