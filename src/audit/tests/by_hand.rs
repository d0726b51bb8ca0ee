//! Jobs that others run by hand while their own slots are left out.

use super::*;

/// An hourly job that kept its slots up to 08:01 and ran at these times since, by hand, beside one that works.
fn by_hand(ends: &[&str]) -> Snapshot {
    let kept = ["05:01", "06:01", "07:01", "08:01"];
    let job = ended(hourly("j"), kept.iter().chain(ends).map(|end| at(end)));
    let asked = ends.iter().map(|end| at(end).plus(-SECOND)).collect();
    let works = ended(cron("k", "*/10 * * * *"), (0..80).map(|run| at("06:00:01").plus(run * 10 * MINUTE)));
    recorded([Job { manual_runs: asked, ..job }, works])
}

/// What is found of the job.
fn told(world: &Snapshot, now: &str) -> Vec<(&'static str, bool, Option<Instant>, Option<u64>)> {
    let found = findings(&verdict(world, now)).into_iter().filter(|one| one.problem() == Problem::JobSilent);
    found.map(|one| (one.severity.word(), one.is_ongoing(), one.since, one.missed_slots)).collect()
}

#[test]
fn a_run_by_hand_ends_no_silence() {
    let since = Some(at("09:00"));
    assert_eq!(told(&by_hand(&["15:20"]), "15:40"), [("warning", true, since, Some(7))]);
    assert_eq!(told(&by_hand(&["12:20", "15:20"]), "15:40"), [("warning", true, since, Some(7))], "told once");
    assert_eq!(told(&by_hand(&["12:20", "15:20"]), "17:04"), [("warning", true, since, Some(9))]);
    assert_eq!(told(&by_hand(&["12:20", "15:20"]), "18:30"), [("critical", true, since, Some(10))]);
}

#[test]
fn a_run_of_its_own_ends_the_silence_once() {
    let mut world = by_hand(&["12:20", "15:20", "16:00:01"]);
    world.jobs[0].manual_runs.pop();
    assert_eq!(told(&world, "16:30"), [("warning", false, Some(at("09:00")), Some(7))]);
}

#[test]
fn a_silence_says_how_often_others_ran_the_job() {
    let found = findings(&verdict(&by_hand(&["12:20", "15:20"]), "15:40"));
    assert_eq!(found[0].evidence, Evidence::Silent { last_fire: Some(at("08:01")), by_hand: 2 });
}

#[test]
fn a_run_by_hand_after_a_silence_of_all_or_a_restart_ends_it() {
    let mut alone = by_hand(&["15:20"]);
    alone.jobs[1].fires.retain(|fire| !(at("08:05")..at("15:15")).contains(&fire.end));
    assert!(told(&alone, "15:40").iter().all(|(_, is_ongoing, ..)| !is_ongoing), "nothing had run");
    let booted = Snapshot { boots: vec![at("15:00")], ..by_hand(&["15:20"]) };
    assert!(told(&booted, "15:40").iter().all(|(_, is_ongoing, ..)| !is_ongoing), "restarted");
}

#[test]
fn runs_by_hand_between_slots_that_were_kept_are_no_trouble() {
    let mut world = by_hand(&["08:30", "09:01", "09:20", "10:01"]);
    world.jobs[0].manual_runs.retain(|asked| [at("08:29:59"), at("09:19:59")].contains(asked));
    assert_eq!(told(&world, "10:40"), []);
}
