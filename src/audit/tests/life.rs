//! What the operating system knows about the process, and what follows for the jobs.

use super::incidents::incidents;
use super::*;

#[test]
fn a_run_that_nobody_has_open_is_cut_five_minutes_after_the_last_write() {
    let world = |liveness| {
        let jobs = fleet([hourly("j").ran("11:00", "11:01"), cron("k", "0 18 * * *").ran("11:30", "11:31")]);
        Snapshot { liveness, ..running(jobs, "12:00:01") }
    };
    let told = |liveness, now: &str| incidents(&world(liveness), now);
    assert_eq!(told(left("12:05"), "12:09:59.999"), Vec::<String>::new());
    assert_eq!(told(left("12:05"), "12:10"), ["run-cut j:1"]);
    let print = |liveness, now: &str| verdict(&world(liveness), now).incidents.remove(0).fingerprint;
    assert_eq!(print(left("12:05"), "12:10"), print(Liveness::default(), "16:10"), "whatever the process shows");
}

#[test]
fn a_cut_run_is_critical_once_its_process_is_gone_for_a_quarter_of_an_hour_and_a_slot_is_lost() {
    let world = |other: Job, liveness| Snapshot {
        liveness,
        ..running(fleet([hourly("j").ran("11:00", "11:01"), other]), "12:00:01")
    };
    let severity = |other: &str, liveness, now: &str| {
        verdict(&world(cron("k", other).ran("11:30", "11:31"), liveness), now).severity()
    };
    assert_eq!(severity("0 18 * * *", left("12:05"), "12:59"), Severity::Warning, "its own slot is not lost yet");
    assert_eq!(severity("0 18 * * *", left("12:05"), "13:00"), Severity::Critical);
    assert_eq!(severity("*/30 * * * *", left("12:05"), "12:20:00.000"), Severity::Warning, "it may be restarted");
    assert_eq!(
        severity("*/30 * * * *", left("12:05"), "12:20:00.001"),
        Severity::Critical,
        "the other job waits since 12:00"
    );
    assert_eq!(severity("*/30 * * * *", held("08:00"), "12:40"), Severity::Warning, "the process lives: a long run");
}

#[test]
fn a_process_suspended_in_a_run_is_told_like_one_suspended_between_runs() {
    let world = |seen: Option<&str>| {
        let jobs = fleet([hourly("j").ran("11:00", "11:01"), cron("k", "*/5 * * * *").ran("11:55", "11:56")]);
        let liveness = Liveness { holder: suspended(), last_write: Some(at("12:00:01")), slept: Some(0) };
        let jobs = Snapshot { liveness, ..jobs };
        match seen {
            Some(seen) => running(jobs, seen),
            None => jobs,
        }
    };
    let told = |seen: Option<&str>, now: &str| incidents(&world(seen), now);
    assert_eq!(told(Some("12:00:01"), "12:15:01"), Vec::<String>::new());
    assert_eq!(told(Some("12:00:01"), "12:15:01.001"), ["scheduler-silent k:4 j:1"]);
    assert_eq!(told(None, "12:15:01.001"), ["scheduler-silent k:4 j:1"]);
    let incident = |seen| verdict(&world(seen), "12:20").incidents.remove(0);
    let (in_run, idle) = (incident(Some("12:00:01")), incident(None));
    assert_eq!(in_run.severity, Severity::Critical);
    assert_eq!((in_run.headline.to_string(), in_run.fingerprint), (idle.headline.to_string(), idle.fingerprint));
    assert_eq!(in_run.headline.to_string(), "nothing has run for 24m: the process of the scheduler is suspended");
    assert_eq!(in_run.remedy.actions, [Action::Shell("kill -CONT 7".to_owned())]);
}

#[test]
fn a_process_that_came_after_the_last_write_and_leaves_what_is_due_is_not_the_scheduler() {
    let perhaps = |started: &str, written: &str| {
        let process =
            Process { pid: 8, name: Some("python3".to_owned()), started: Some(at(started)), is_suspended: false };
        Liveness { holder: Holder::Perhaps(process), last_write: Some(at(written)), slept: Some(0) }
    };
    let idle = |liveness| Snapshot { liveness, ..fleet([cron("j", "0 18 * * *").ran("10:00", "10:01")]) };
    assert_eq!(
        incidents(&idle(perhaps("10:06", "10:05")), "12:00"),
        Vec::<String>::new(),
        "it may have been restarted"
    );
    let due = |liveness| Snapshot { liveness, ..running(fleet([hourly("j").ran("11:00", "11:01")]), "12:00:01") };
    let told = |liveness| incidents(&due(liveness), "12:20");
    assert_eq!(told(perhaps("12:06", "12:05")), ["run-cut j:1"]);
    assert_eq!(told(perhaps("12:06", "12:05")), told(left("12:05")));
    assert_eq!(told(perhaps("08:00", "12:05")), Vec::<String>::new(), "it may run the job: this user can't see");
}

#[test]
fn runs_that_ended_with_the_process_are_one_incident() {
    let cut = |id: &str, since: &str| Job { running_since: Some(at(since)), ..hourly(id).ran("11:00", "11:01") };
    let world = Snapshot { liveness: left("12:05"), ..recorded([cut("j", "12:00"), cut("k", "12:01")]) };
    let incidents = verdict(&world, "12:10").incidents;
    let told = incidents.iter().map(|one| (one.cause, one.jobs.len(), one.headline.to_string())).collect::<Vec<_>>();
    assert_eq!(
        told,
        [(Problem::RunCut, 2, "the runs of j and 1 other job were cut short: the gateway is down".to_owned())]
    );
}

#[test]
fn a_process_that_started_after_a_run_frees_the_worker_from_its_start_on() {
    let world = |started: &str| {
        let jobs = fleet([hourly("j").ran("11:00", "11:01"), hourly("k").ran("11:01", "11:02")]);
        Snapshot { liveness: held(started), ..running(jobs, "12:00:01") }
    };
    let severity = |started: &str, now: &str| verdict(&world(started), now).severity();
    assert_eq!(
        incidents(&world("12:00:03"), "12:40"),
        ["run-long j:0 k:0"],
        "in the same moment, so it may be this run"
    );
    assert_eq!(incidents(&world("12:00:04"), "12:15:03"), ["run-cut j:1"]);
    assert_eq!(severity("12:00:04", "12:15:04"), Severity::Info, "it runs again by itself");
    assert_eq!(severity("12:00:04", "12:15:04.001"), Severity::Warning);
    assert_eq!(
        (severity("12:00:04", "13:05:04"), severity("12:00:04", "13:05:04.001")),
        (Severity::Warning, Severity::Critical)
    );
}

#[test]
fn a_process_that_has_just_started_and_run_nothing_is_catching_up() {
    let world = |started: &str, last: &str| {
        let traits = SchedulerTraits { startup: MINUTE, ..recorded([]).traits };
        let jobs = [hourly("j").ran("08:00", "08:01").next("09:00"), every("k", MINUTE).ran(last, last)];
        Snapshot { traits, liveness: held(started), ..recorded(jobs) }
    };
    let told = |started, last, now: &str| found(&world(started, last), now)[0].clone();
    assert_eq!(told("12:00", "08:01", "12:01"), "warning catching-up");
    assert_eq!(told("12:00", "08:01", "12:01:00.001"), "critical overdue");
    assert_eq!(told("12:00", "12:00:10", "12:00:30"), "critical overdue", "it runs other jobs");
    assert_eq!(told("08:30", "08:01", "12:01"), "critical overdue");
}

#[test]
fn no_run_began_before_the_process_that_ended_it() {
    let minutely = |ends: &[&str]| {
        let job = cron("j", "* * * * *");
        ends.iter().fold(job, |job, end| job.ran(end, end)).next("12:00").written("11:59:02")
    };
    let ends = ["10:58:02", "10:59:02", "11:00:02", "11:58:32", "11:59:02"];
    let world = |liveness| Snapshot { liveness, ..fleet([minutely(&ends)]) };
    let told = |liveness| incidents(&world(liveness), "11:59:30");
    assert_eq!(told(Liveness::default()), Vec::<String>::new(), "one run may have taken an hour");
    assert_eq!(told(held("11:58:30")), ["scheduler-silent j:57 over"]);
    assert_eq!(told(held("08:00")), Vec::<String>::new());
}

#[test]
fn a_scheduler_is_down_fifteen_minutes_after_the_last_write_before_any_work_is_lost() {
    let world = |liveness| Snapshot { liveness, ..fleet([cron("j", "0 18 * * *").ran("10:00", "10:01")]) };
    let told = |liveness, now: &str| incidents(&world(liveness), now);
    assert_eq!(told(left("10:05"), "10:19:59.999"), Vec::<String>::new());
    assert_eq!(told(left("10:05"), "10:20"), ["scheduler-down"]);
    assert_eq!(told(held("08:00"), "10:20"), Vec::<String>::new());
    assert_eq!(told(left("10:05"), "18:15:00.001"), ["scheduler-silent j:1"]);
    let print = |now: &str| verdict(&world(left("10:05")), now).incidents.remove(0).fingerprint;
    assert_eq!(print("10:20"), print("19:10"), "the same incident before and after a slot is lost");
    let alive = Snapshot { lease: Lease::Alive(at("10:19")), ..world(left("10:05")) };
    assert_eq!(incidents(&alive, "10:20"), Vec::<String>::new(), "its lease says otherwise");
    let broken = Job { state: State::Broken, ..cron("j", "0 18 * * *").ran("10:00", "10:01") };
    let broken = Snapshot { liveness: left("10:05"), ..fleet([broken]) };
    assert_eq!(incidents(&broken, "10:20"), ["job-failing j:0"], "it has no next run to lose");
}

#[test]
fn a_restart_shows_in_when_the_runs_after_it_began() {
    // It ran the minutely job at once, and those of the rows five and fifteen seconds later, in the order in which they were due.
    let ends = ["10:58:02", "10:59:02", "11:00:02", "11:58:32", "11:59:02"];
    let minutely = || {
        let job = ends.iter().fold(cron("j", "* * * * *"), |job, end| job.ran(end, end));
        job.next("12:00").written("11:59:02")
    };
    let world = |second: &str, third: &str| {
        let third = every("l", DAY).ran(third, &at(third).plus(2 * SECOND).to_string());
        fleet([minutely(), cron("k", "0 6 * * *").ran(second, &at(second).plus(2 * SECOND).to_string()), third])
    };
    let told = |second: &str, third: &str| incidents(&world(second, third), "11:59:30");
    let over = ["scheduler-silent j:57 over"];
    assert_eq!(told("11:58:35.016", "11:58:45.016"), over);
    assert_eq!(told("11:58:35.016", "11:58:45.041"), over, "a timer is late");
    assert_eq!(told("11:58:35.016", "11:58:45.042"), Vec::<String>::new(), "no step of the restart");
    assert_eq!(told("11:58:35.016", "11:58:38.016"), Vec::<String>::new());
    assert_eq!(told("11:58:35.016", "11:58:50.016"), Vec::<String>::new(), "more steps than jobs");
    assert_eq!(told("11:58:34.000", "11:58:39.000"), Vec::<String>::new(), "one after the other, after a long run");
}

#[test]
fn a_silence_that_the_rows_prove_is_told_although_the_process_lived() {
    let world = |start: &str| {
        let job = cron("j", "*/5 * * * *").ran("10:50", "10:50:02").ran("10:55", "10:55:02").ran(start, "11:20:02");
        Snapshot { liveness: held("08:00"), ..fleet([job.next("11:25")]) }
    };
    let told = |start: &str| incidents(&world(start), "11:21");
    assert_eq!(told("11:20"), ["scheduler-silent j:4 over"]);
    assert_eq!(told("11:00"), Vec::<String>::new(), "a run of twenty minutes");
    // In Berlin 02:00 to 03:00 came twice.
    let night = |day: &str| {
        let ran = |job: Job, time: &str| job.ran(&format!("{day} {time}"), &format!("{day} {time}:02"));
        let job = ["00:00", "00:15", "00:30", "00:45"].into_iter().fold(cron("j", "*/15 * * * *"), ran);
        let jobs = fleet([ran(job, "02:00").next(&format!("{day} 02:15"))]);
        incidents(&jobs, &format!("{day} 02:01"))
    };
    assert_eq!(night("2025-10-26"), Vec::<String>::new());
    assert_eq!(night("2025-10-27"), ["scheduler-silent j:4 over"]);
}
