//! Boots, leases, and retries, as only OpenClaw records them.

use super::field::causes;
use super::*;

/// A job that works, beside a process that was killed so often, the last time after this boot.
pub fn crashing(times: i64, last: &str) -> Snapshot {
    let kills = (0..times).rev().map(|time| at(last).plus(-time * HOUR)).collect();
    Snapshot { kills, ..recorded([hourly("j").ran("09:00", "09:01").ran("10:00", "10:00:30").next("11:00")]) }
}

#[test]
fn ten_kills_in_twelve_hours_of_which_the_last_is_new_are_a_crash_loop() {
    let told = |times, last: &str| causes(&crashing(times, last), "10:01");
    let crash_loop = [(Problem::CrashLoop, Severity::Warning, 0)];
    assert_eq!((told(10, "10:00"), told(9, "10:00")), (crash_loop.to_vec(), vec![]));
    assert_eq!((told(10, "08:01:00.000"), told(10, "08:00:59.999")), (crash_loop.to_vec(), vec![]));
    let spread = |until: &str| {
        let mut world = crashing(9, "10:00");
        world.kills.insert(0, at(until));
        causes(&world, "10:01").len()
    };
    assert_eq!((spread("2026-03-01 22:01:00.000"), spread("2026-03-01 22:00:59.999")), (1, 0));
}

/// An hourly job that missed three slots, and a boot at 13:17.
fn booted() -> Snapshot {
    let job = hourly("j").ran("10:00", "10:01").next("11:00");
    Snapshot { boots: vec![at("13:17")], lease: Lease::Alive(at("13:18")), ..recorded([job]) }
}

#[test]
fn for_three_minutes_after_a_boot_the_scheduler_is_catching_up() {
    assert_eq!(found(&booted(), "13:20:00.000"), ["warning catching-up"]);
    assert_eq!(found(&booted(), "13:20:00.001")[0], "critical overdue");
    let dead = Snapshot { lease: Lease::Dead(at("10:30")), ..booted() };
    assert_ne!(found(&dead, "13:20:00.000")[0], "warning catching-up");
}

#[test]
fn a_run_that_its_lease_did_not_survive_was_cut() {
    let world = |lease: &str| {
        let job =
            Job { running_since: Some(at("11:00")), ..cron("j", "* * * * *").ran("10:59", "10:59:20").next("11:00") };
        Snapshot { lease: Lease::Dead(at(lease)), ..recorded([job]) }
    };
    assert_eq!(found(&world("11:00"), "11:15:00.000")[0], "warning run-cut");
    assert_eq!(found(&world("11:00"), "11:15:00.001")[0], "critical run-cut");
    assert_eq!(causes(&world("11:00"), "11:16"), [(Problem::SchedulerSilent, Severity::Critical, 1)]);
    // A lease that ended before the run is another process's.
    assert!(!found(&world("10:59:59.999"), "11:15:00.001").contains(&"critical run-cut".to_owned()));
}

#[test]
fn a_run_that_a_restart_cut_is_part_of_the_silence_that_the_restart_ended() {
    let world = |liveness, lease| {
        let long = Job { running_since: Some(at("11:50")), ..cron("long", "50 * * * *").ran("10:50", "10:58") };
        let minutely = cron("k", "* * * * *").ran("11:58", "11:58:20").ran("11:59", "11:59:20").next("12:00");
        Snapshot { liveness, lease, ..recorded([long, minutely]) }
    };
    let prints = |world: &Snapshot, now: &str| {
        verdict(world, now).incidents.into_iter().map(|incident| incident.fingerprint).collect::<Vec<_>>()
    };
    let down = prints(&world(left("12:00"), Lease::Dead(at("12:00"))), "12:20");
    let back = prints(&world(held("12:20:30"), Lease::Alive(at("12:20:55"))), "12:21");
    assert_eq!((down.len(), &down), (1, &back));
}

#[test]
fn a_lease_that_ran_out_is_told_before_anything_is_lost() {
    let world = |lease| Snapshot { lease, ..recorded([cron("j", "0 18 * * *").ran("10:00", "10:01")]) };
    assert_eq!(causes(&world(Lease::Dead(at("10:10"))), "10:16"), [(Problem::SchedulerDown, Severity::Warning, 0)]);
    assert_eq!(causes(&world(Lease::Alive(at("10:15"))), "10:16"), []);
    assert_eq!(causes(&world(Lease::Stopped(at("10:10"))), "10:16"), [], "somebody stopped it");
}

#[test]
fn slots_before_a_retry_are_not_lost_and_skips_are_no_fires() {
    let slots = |jobs| {
        let verdict = verdict(&recorded(jobs), "10:29");
        verdict.jobs[0].timeline.marks.iter().map(|mark| mark.ascii()).collect::<String>()
    };
    let runs = [GOOD, SKIPPED];
    let mut job = ended(cron("j", "*/10 * * * *"), [at("10:00:30"), at("10:10:30")]);
    job.fires.iter_mut().zip(runs).for_each(|(fire, run)| *fire = did(*fire, run));
    assert!(slots([job.clone()]).ends_with("#-~"), "{}", slots([job.clone()]));
    job.fires.iter_mut().for_each(|fire| *fire = did(*fire, FAILED));
    // The second error is tried again after a minute, the third after five.
    assert!(slots([job]).ends_with("00~"));
}
