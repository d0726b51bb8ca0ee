//! One cause is one incident, and its step fits its error.

use super::incidents::{incidents, prints};
use super::*;
use crate::model::Fault;
use crate::model::Mapped;

/// A job that ran every ten minutes from 08:00 to 13:50.
fn busy() -> Job {
    ended(cron("busy", "*/10 * * * *"), (0..36).map(|slot| at("08:00:30").plus(slot * 10 * MINUTE)))
}

fn never(id: &str, expression: &str, made: &str) -> Job {
    let schedule = cron(id, expression).schedule;
    new_job(id.to_owned(), schedule, at(made)).unwrap_or_else(|| panic!("{expression}"))
}

#[test]
fn jobs_that_never_ran_stopped_together_whatever_stopped_in_between() {
    let jobs = [
        never("a", "0 * * * *", "2026-03-01 20:00"),
        never("b", "30 * * * *", "2026-03-02 08:10"),
        hourly("c").ran("09:00", "09:01"),
        never("d", "15 * * * *", "2026-03-02 10:00"),
        busy(),
    ];
    assert_eq!(incidents(&recorded(jobs), "13:55").len(), 2, "c ran since the first of them was due");
}

#[test]
fn rows_that_never_had_a_next_run_have_one_cause() {
    let never = |id: &str, made: &str| {
        let mut job = never(id, "0 9 * * *", made);
        row(&mut job).next_run_at = Timestamp::Missing;
        job
    };
    let (a, b) = (never("a", "2026-02-27 10:00"), never("b", "2026-02-26 10:00"));
    let (alone, both) = (recorded([b.clone(), busy()]), recorded([a.clone(), b, busy()]));
    assert_eq!(prints(&both, "13:55"), prints(&alone, "13:55"), "the oldest stands for all");
    let title = |world: &Snapshot| verdict(world, "13:55").incidents[0].headline.to_string();
    assert_eq!(title(&both), "b and a can never run");
    let mut ran = hourly("c").ran("09:00", "09:01");
    row(&mut ran).next_run_at = Timestamp::Missing;
    let mixed = verdict(&recorded([a, ran, busy()]), "13:55");
    let titles: Vec<String> = mixed.incidents.iter().map(|one| one.headline.to_string()).collect();
    assert_eq!(titles, ["a can never run: it has no next run", "c can never run again: it has no next run"]);
}

/// Three daily jobs that the scheduler left out this night, of which the first `back` have run since.
fn swallowed(back: usize) -> Snapshot {
    let daily = |id: &str, hour: i64| {
        let expression = format!("0 {hour} * * *");
        let slot = |day: i64| at("2026-02-26 00:00:10").plus(day * DAY + hour * HOUR);
        let days = if back > usize::try_from(hour).unwrap_or(0) - 1 { [0, 1, 2, 4] } else { [0, 1, 2, 2] };
        let job = Job { created_at: Some(at("2026-02-25 12:00")), ..cron(id, &expression) };
        ended(job, days[..if days[3] == 4 { 4 } else { 3 }].iter().map(|day| slot(*day)))
    };
    let others = ended(hourly("busy"), (0..96).map(|hour| at("2026-02-27 00:00:30").plus(hour * HOUR)));
    recorded([daily("a", 1), daily("b", 2), daily("c", 3), others])
}

#[test]
fn daily_slots_that_one_night_swallowed_are_one_incident_from_first_to_last() {
    let now = ["2026-03-01 23:30", "2026-03-02 01:30", "2026-03-02 02:30", "2026-03-02 03:30"];
    let first = prints(&swallowed(0), now[0]);
    assert_eq!(first.len(), 1, "{:?}", incidents(&swallowed(0), now[0]));
    for (back, now) in now.iter().enumerate().skip(1) {
        assert_eq!(prints(&swallowed(back), now), first, "{back}: {:?}", incidents(&swallowed(back), now));
    }
}

#[test]
fn two_runs_that_one_moment_ended_are_one_incident() {
    let running = |id: &str, minute: i64, start: &str| {
        let first = at("2026-03-01 20:00:30").plus(minute * MINUTE);
        let runs = (0..6).map(|slot| first.plus(slot * HOUR));
        let due = at("02:00").plus(minute * MINUTE);
        let job = ended(cron(id, &format!("{minute} * * * *")), runs).next(&due.to_string());
        Job { running_since: Some(at(start)), ..job }
    };
    let world = |second: &str| Snapshot {
        mapping: Some(Mapped { name: "a mapping".to_owned(), queries: Vec::new() }),
        ..recorded([running("a", 0, "02:00"), running("b", 30, second), busy()])
    };
    assert_eq!(incidents(&world("02:30"), "13:55"), ["run-hung a:12 b:12"]);
    assert_eq!(incidents(&world("02:30:00.001"), "13:55").len(), 2, "the first had long ended by then");
    let restarted = Snapshot { liveness: held("02:31"), ..world("02:30:00.001") };
    assert_eq!(incidents(&restarted, "13:55").len(), 1, "both ended with the process");
}

#[test]
fn crashes_that_leave_no_time_for_a_run_belong_to_the_silence() {
    let boots: Vec<Instant> = (0..12).map(|boot| at("10:30").plus(boot * 10 * MINUTE)).collect();
    let world = |last: &str| {
        let kills = boots[..11].to_vec();
        Snapshot { boots: boots.clone(), kills, ..recorded([hourly("j").ran("10:00", last)]) }
    };
    assert_eq!(incidents(&world("10:01"), "12:25"), ["scheduler-silent j:2"]);
    let works = verdict(&world("12:15"), "12:25").incidents;
    assert_eq!(
        works.iter().map(|incident| incident.cause).collect::<Vec<_>>(),
        [Problem::CrashLoop],
        "it works in between"
    );
}

#[test]
fn starts_that_failed_are_told_with_their_reason_and_how_long_they_went_on() {
    let boots: Vec<Instant> = (0..24).map(|boot| at("10:30").plus(boot * 10 * SECOND)).collect();
    let world = |failed: usize| Snapshot {
        boots: boots.clone(),
        failed_starts: boots[24 - failed..].to_vec(),
        start_error: Some(RunError::new("database is locked")),
        lease: Lease::Stopped(at("10:33:55")),
        ..recorded([hourly("j").ran("10:00", "10:01")])
    };
    let told = |failed, now| {
        let incident = verdict(&world(failed), now).incidents.swap_remove(0);
        (incident.headline.to_string(), incident.error)
    };
    let reason = Some("database is locked".to_owned());
    assert_eq!(
        told(24, "16:00"),
        ("nothing has run for 6h: the gateway was given up after 24 starts that failed".to_owned(), reason.clone())
    );
    assert_eq!(
        told(24, "11:30"),
        ("nothing has run for 89m: each start of the gateway fails (24 times)".to_owned(), reason)
    );
    let some = told(23, "16:00");
    assert_eq!(some, ("nothing has run for 6h: the gateway was given up after 24 crashes".to_owned(), None));
}

#[test]
fn a_run_out_of_all_proportion_that_holds_up_others_is_critical() {
    let world = |waiting: &str, usual: &str| {
        let runs = (0..6).fold(hourly("j"), |job, hour| {
            let start = at("04:00").plus(hour * HOUR);
            job.ran(&start.to_string(), &start.plus(at(usual).since(at("00:00"))).to_string())
        });
        let others = ["k", "l"].map(|id| hourly(id).ran("09:40", "09:41").next(waiting));
        let [k, l] = others;
        running(fleet([runs, k, l]), "10:00:01")
    };
    let worst = |world: &Snapshot, now: &str| {
        verdict(world, now).incidents.into_iter().map(|one| (one.cause, one.severity)).next()
    };
    let (long, critical) = (Problem::RunLong, Severity::Critical);
    assert_eq!(worst(&world("10:00", "00:01"), "12:01"), Some((long, critical)));
    assert_eq!(
        worst(&world("10:00", "00:01"), "11:55"),
        Some((long, Severity::Warning)),
        "nobody has waited for 2 hours"
    );
    assert_eq!(worst(&world("10:00", "00:20"), "13:01"), Some((long, Severity::Warning)), "9 times as long as ever");
}

#[test]
fn an_error_in_no_time_is_of_this_machine_and_one_after_work_is_not_the_providers() {
    let failed = |error: &str, took: Millis, tokens: u32| {
        let mut job = hourly("j").used("10:00", "10:01", tokens);
        let run = Run { start: at("10:00"), duration_ms: Some(took), failed: true, error: Some(RunError::new(error)) };
        row(&mut job).last_run = Some(run);
        job.fault()
    };
    assert_eq!(failed("it was superseded", 59, 0), Some(Fault::Local));
    assert_eq!(failed("something odd", 59, 0), Some(Fault::Local));
    assert_eq!(failed("something odd", 60, 0), None);
    assert_eq!(failed("401 unauthorized", 800, 0), Some(Fault::Login));
    assert_eq!(failed("401 unauthorized", 800, 5), None, "a tool's");
}
