//! What makes findings one incident, and what tells it from any other.

use super::*;

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
