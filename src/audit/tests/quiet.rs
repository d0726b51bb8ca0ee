//! Quiet hours: nothing in them is judged, and nothing before or after them is hidden by them.

use super::*;

fn quiet_settings(now: &str) -> Settings {
    let quiet = crate::settings::parse_quiet("12:00-18:00").unwrap_or_else(|error| panic!("{error}"));
    Settings { quiet: vec![quiet], ..settings(at(now)) }
}

fn found_in_quiet(snapshot: &Snapshot, now: &str) -> Vec<String> {
    found_with(snapshot, quiet_settings(now))
}

fn unjudged(snapshot: &Snapshot, now: &str) -> Option<Unjudged> {
    with_fleet(snapshot, quiet_settings(now), unjudged::in_quiet_hours)
}

#[test]
fn due_jobs_are_counted_until_their_quiet_hours_end() {
    let world = recorded([
        hourly("a").ran("11:00", "11:01"),
        hourly("b").ran("11:02", "11:03"),
        cron("c", "0 20 * * *").ran("11:04", "11:05"),
    ]);
    let until = at("18:00");
    assert_eq!(unjudged(&world, "11:59:59.999"), None);
    assert_eq!(unjudged(&world, "12:30"), Some(Unjudged { jobs: 2, until }));
    assert_eq!(unjudged(&world, "17:59:59.999"), Some(Unjudged { jobs: 2, until }));
    assert_eq!(unjudged(&world, "18:00:00.000"), None);
}

#[test]
fn a_silence_does_not_get_worse_while_it_is_quiet() {
    let world = recorded([hourly("j").ran("10:00", "10:01")]);
    assert_eq!(found_in_quiet(&world, "11:15:00.001"), ["warning overdue"]);
    for now in ["12:05:00.001", "15:00", "17:59"] {
        assert_eq!(found_in_quiet(&world, now), ["warning overdue"], "at {now}, an hour of which counts");
    }
    assert_eq!(found_in_quiet(&world, "18:05:00.000"), ["warning overdue"]);
    assert_eq!(found_in_quiet(&world, "18:05:00.001"), ["critical overdue"]);
    let missed = |now: &str| {
        with_fleet(&world, quiet_settings(now), |fleet| {
            fleet.ledger(JobIndex::at(0)).standing().map(|standing| (standing.since, standing.slots))
        })
    };
    assert_eq!(missed("15:00"), Some((at("11:00"), 1)), "the slot of this moment is a quiet one too");
}

#[test]
fn a_scheduler_that_dies_in_quiet_hours_is_told_when_they_end_and_from_its_true_begin() {
    let world = |dead: &str| {
        let job = cron("j", "0 20 * * *").ran("10:00", "10:01");
        Snapshot { lease: Lease::Dead(at(dead)), ..recorded([job]) }
    };
    let told = |dead: &str, now: &str| {
        let verdict = audit(world(dead), &Policy::of(quiet_settings(now)));
        verdict.incidents.iter().map(|incident| (incident.cause, incident.since)).collect::<Vec<_>>()
    };
    assert_eq!(told("12:10", "12:30"), []);
    assert_eq!(told("12:10", "17:59:59.999"), []);
    assert_eq!(told("12:10", "18:00:00.000"), [(Problem::SchedulerDown, Some(at("12:10")))]);
    assert_eq!(told("11:50", "12:30"), [], "ten minutes before");
    assert_eq!(told("11:50", "18:00:00.000"), [(Problem::SchedulerDown, Some(at("11:50")))]);
    // What was told before them is not over because of them.
    for now in ["11:50", "12:30", "17:00", "18:10"] {
        assert_eq!(told("11:30", now), [(Problem::SchedulerDown, Some(at("11:30")))], "at {now}");
    }
}

#[test]
fn a_run_in_flight_across_quiet_hours_is_excused() {
    let job = || Job { running_since: Some(at("11:59")), ..hourly("j").ran("11:00", "11:01").ran("11:30", "11:40") };
    let asleep = |lease| Snapshot { lease, ..recorded([job()]) };
    for now in ["12:30", "17:59", "18:05"] {
        assert_eq!(found_in_quiet(&asleep(Lease::Unknown), now), [""; 0], "at {now}");
    }
    // Its machine sleeps, so that it renews no lease.
    assert_eq!(found_in_quiet(&asleep(Lease::Dead(at("12:02"))), "17:59"), [""; 0]);
    assert_eq!(found_in_quiet(&asleep(Lease::Dead(at("12:02"))), "18:00:00.001"), ["warning run-cut"]);
    let over = recorded([hourly("j").ran("11:00", "11:01").ran("11:59", "18:05").next("19:00")]);
    assert_eq!(found_in_quiet(&over, "18:30"), [""; 0], "it has ended");
}
