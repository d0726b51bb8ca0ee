//! The zone of schedules that name none: which one is assumed, and what is said where none is right.

use super::*;
use crate::model::ZoneBasis;
use crate::zone::{CHANGING_CLOCKS, settle};

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap_or_else(|| panic!("{name}"))
}

/// The zone that is found on a machine in Berlin, where it is an hour later than in UTC, and by how many jobs.
fn assumed<const N: usize>(jobs: [Job; N]) -> (String, ZoneBasis) {
    let mut world = fleet(jobs);
    settle(&mut world, None, zone("Europe/Berlin"));
    (world.zone.zone.name(), world.zone.basis)
}

fn daily(next: &str) -> Job {
    cron("j", "0 9 * * *").next(next)
}

#[test]
fn the_machines_zone_comes_first_then_utc_then_an_offset_that_fits() {
    let by = |jobs| ZoneBasis::NextRuns(jobs);
    assert_eq!(assumed([daily("08:00")]), ("Europe/Berlin".to_owned(), by(1)));
    assert_eq!(assumed([daily("09:00")]), ("UTC".to_owned(), by(1)));
    assert_eq!(assumed([daily("05:30")]), ("UTC+03:30".to_owned(), by(1)));
    assert_eq!(assumed([daily("09:00"), hourly("k").next("10:00")]), ("UTC".to_owned(), by(2)));
    // What fits in both zones leaves this machine's.
    assert_eq!(assumed([hourly("k").next("10:00")]), ("Europe/Berlin".to_owned(), by(1)));
    // Of zones that fit as well this machine's is taken, then UTC.
    assert_eq!(assumed([daily("09:00"), daily("08:00")]), ("Europe/Berlin".to_owned(), by(1)));
    assert_eq!(assumed([daily("09:00"), daily("05:30")]), ("UTC".to_owned(), by(1)));
    let on_time =
        daily("09:00").ran("2026-02-28 09:00", "2026-02-28 09:01").ran("2026-03-01 09:00", "2026-03-01 09:01");
    assert_eq!(assumed([on_time, daily("08:00")]), ("UTC".to_owned(), by(1)), "by the runs that came on time");
    // Most of the rows decide.
    assert_eq!(assumed([daily("09:00"), daily("09:00"), daily("05:30")]), ("UTC".to_owned(), by(2)));
}

#[test]
fn rows_that_tell_nothing_leave_the_machines_zone() {
    let machine = ("Europe/Berlin".to_owned(), ZoneBasis::Machine);
    assert_eq!(assumed([cron("j", "*/15 * * * *").next("10:15")]), machine);
    assert_eq!(assumed([daily("09:00:05")]), machine, "a restart");
    assert_eq!(assumed([daily("09:00").with_errors(1)]), machine, "a backoff");
    assert_eq!(assumed([Job { state: State::Paused, ..daily("09:00") }, hourly("k").next("09:00:07")]), machine);
    let own = job("j", "cron", r#"{"expr":"0 9 * * *","tz":"UTC"}"#);
    assert_eq!(assumed([own, every("k", HOUR)]).1, ZoneBasis::Irrelevant);
}

#[test]
fn a_next_run_that_was_set_by_hand_is_no_zone() {
    let ran = |start: &str, end: &str| cron("j", "0 9 * * *").ran(start, end).next("2026-03-03 14:00");
    assert_eq!(assumed([ran("14:00", "14:01")]).0, "UTC-05:00");
    assert_eq!(assumed([ran("09:00", "09:01")]).1, ZoneBasis::Machine);
    // An hour after the slot is late.
    assert_eq!(assumed([ran("14:59", "14:59:59.999")]).0, "UTC-05:00");
    assert_eq!(assumed([ran("15:00", "15:01")]).1, ZoneBasis::Machine);
}

#[test]
fn a_zone_that_changes_its_clocks_is_found_where_no_offset_fits() {
    let (winter, summer) = ("2026-03-07 14:00", "2026-03-09 13:00");
    let jobs = [daily(winter), daily(summer)].map(|job| Job { created_at: Some(at("2026-01-01 00:00")), ..job });
    assert_eq!(assumed(jobs), ("America/New_York".to_owned(), ZoneBasis::NextRuns(2)));
}

#[test]
fn a_next_run_that_fits_on_this_side_of_a_change_only_is_no_proof_of_utc() {
    // London put its clocks forward on 29 March 2026, and back on 25 October.
    let daily = |hour: &str, next: &str| {
        let day = |day: i64| at(&format!("2026-10-24 {hour}")).plus(-day * DAY);
        let job = Job { created_at: Some(day(30)), ..cron("j", "0 9 * * *") };
        let job = [2, 1, 0]
            .into_iter()
            .fold(job, |job, back| job.ran(&day(back).to_string(), &day(back).plus(MINUTE).to_string()));
        job.next(next)
    };
    assert_eq!(assumed([daily("08:00", "2026-10-25 09:00")]).0, "Europe/London");
    assert_eq!(assumed([daily("09:00", "2026-10-25 09:00")]).0, "UTC");
    assert_eq!(assumed([daily("07:00", "2026-10-25 08:00")]).0, "Europe/Berlin");
    assert_eq!(assumed([daily("07:00", "2026-10-25 08:00"), daily("09:00", "2026-10-25 09:00")]).0, "Europe/Berlin");
}

#[test]
fn every_zone_that_changes_its_clocks_is_like_one_that_is_tried() {
    let new_year = at("2026-01-01 00:00");
    let ahead = |zone: Zone, hour: i64| {
        let then = new_year.plus(hour * HOUR);
        zone.wall(then) - then.utc()
    };
    let year = |zone: Zone| -> Vec<_> { (0..365 * 24).step_by(12).map(|hour| ahead(zone, hour)).collect() };
    let tried: Vec<_> = CHANGING_CLOCKS.iter().map(|name| year(zone(name))).collect();
    for name in Zone::names() {
        let changes = (0..52).any(|week| ahead(zone(name), week * 7 * 24) != ahead(zone(name), 0));
        assert!(!changes || tried.contains(&year(zone(name))), "{name}");
    }
}

#[test]
fn schedules_are_read_in_the_zone_that_was_found() {
    let once = job_of(phantom::schedule("at", r#"{"at":"2026-03-02T09:00:00"}"#, zone("Europe/Berlin")));
    let mut world = fleet([daily("09:00"), once]);
    settle(&mut world, None, zone("Europe/Berlin"));
    assert_eq!(world.jobs[0].schedule.cadence().and_then(|cadence| cadence.next(at("00:00"))), Some(at("09:00")));
    assert_eq!(world.jobs[1].schedule.at(), Some(at("09:00")));
}

fn job_of(schedule: Schedule) -> Job {
    Job::new("once".to_owned(), State::Watched, schedule)
}

#[test]
fn a_given_zone_that_the_rows_contradict_is_a_warning() {
    let told = |jobs: Vec<Job>| {
        let mut world = Snapshot { jobs, ..fleet([]) };
        settle(&mut world, Some(zone("UTC")), zone("UTC"));
        let verdict = verdict(&world, "06:50");
        let named = |incident: &Incident| match &incident.findings[0].evidence {
            Evidence::OtherZone { jobs, .. } => jobs.len(),
            _ => 0,
        };
        let told = verdict.incidents.iter().map(|one| (one.cause, one.severity, named(one)));
        told.collect::<Vec<_>>()
    };
    let right = || daily("09:00").ran("2026-03-01 09:00", "2026-03-01 09:01").next("09:00");
    let wrong = || daily("07:00").ran("2026-03-01 07:00", "2026-03-01 07:01").next("07:00");
    let unjudged = |jobs| vec![(Problem::Unjudged, Severity::Warning, jobs)];
    assert_eq!(told(vec![wrong()]), unjudged(1));
    assert_eq!(told(vec![wrong(), right()]), unjudged(1), "one against one");
    assert_eq!(told(vec![wrong(), right(), right()]), [], "two against one");
    assert_eq!(
        told(vec![wrong(), hourly("k").ran("06:00", "06:01").next("07:00")]),
        unjudged(1),
        "who fits both has no say"
    );
}
