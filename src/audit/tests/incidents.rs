//! What makes findings one incident, and what tells it from any other.

use super::*;

/// The incidents at an instant: cause, jobs with their lost slots, and `over` if it is.
pub fn incidents(world: &Snapshot, now: &str) -> Vec<String> {
    let verdict = verdict(world, now);
    let tell = |incident: &Incident| {
        let hit = |hit: &AffectedJob| format!("{}:{}", verdict[hit.job].job.id, hit.missed_slots);
        let over = if incident.status == Status::Resolved { " over" } else { "" };
        let words = std::iter::once(incident.cause.name()).chain(incident.jobs.iter().map(hit));
        words.collect::<Vec<_>>().join(" ") + over
    };
    verdict.incidents.iter().map(tell).collect()
}

pub fn prints(world: &Snapshot, now: &str) -> Vec<String> {
    verdict(world, now).incidents.into_iter().map(|incident| incident.fingerprint).collect()
}

#[test]
fn job_due_within_5_free_minutes_of_the_last_run_belongs_to_the_whole_silence() {
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
    let mut swapped = both.clone();
    swapped.jobs.reverse();
    assert_eq!(prints(&swapped, "13:00"), prints(&both, "13:00"), "whatever the order of the rows");
}

#[test]
fn hung_run_is_the_incident_of_all_waiting_jobs() {
    let world = running(
        fleet([hourly("j").ran("11:00", "11:01"), cron("k", "*/30 * * * *").ran("11:30", "11:31")]),
        "12:00:01",
    );
    assert_eq!(incidents(&world, "12:20"), NONE);
    assert_eq!(incidents(&world, "12:40"), ["run-long j:0 k:0"]);
    assert_eq!(incidents(&world, "16:02"), ["run-hung j:5 k:9"]);
    assert_eq!(prints(&world, "12:40"), prints(&world, "16:02"));
    let after = |end: &str| {
        let jobs = [hourly("j").ran("11:00", "11:01"), cron("k", "*/30 * * * *").ran("11:30", end)];
        prints(&running(fleet(jobs), "12:00:02"), "16:02")
    };
    assert_eq!(after("11:31"), prints(&world, "16:02"), "all wait for what came after the last end");
    assert_ne!(after("11:32"), prints(&world, "16:02"), "another run");
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
fn overlapping_resolved_streaks_have_one_cause() {
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

#[test]
fn dead_row_explains_its_silence() {
    let cause = |change: &dyn Fn(&mut Job)| {
        let mut job = hourly("j").ran("10:00", "10:01");
        change(&mut job);
        let other = cron("k", "*/30 * * * *").ran("12:30", "12:31").ran("13:00", "13:01").ran("13:30", "13:31");
        let world = fleet([job, other]);
        (found(&world, "13:40"), incidents(&world, "13:40").join(" "))
    };
    let one = |found: &[&str], cause: &str| (found.iter().copied().map(str::to_owned).collect(), cause.to_owned());
    assert_eq!(cause(&|_| ()), one(&[LOST], "job-silent j:3"));
    let dead = one(&["critical no-next-run", SILENT], "row-dead j:3");
    assert_eq!(cause(&|job| row(job).next_run_at = Timestamp::Missing), dead);
    assert_eq!(cause(&|job| job.state = State::Broken), one(&["critical breaker-open"], "job-failing j:3"));
    let quarantined = one(&["critical quarantined", SILENT], "row-dead j:3");
    assert_eq!(cause(&|job| job.state = State::Quarantined("it is odd".to_owned())), quarantined);
    let runaway = |job: &mut Job| {
        *job = ["10:03", "10:04", "10:05"].iter().fold(job.clone().next("11:00"), |job, end| job.event(end))
    };
    assert_eq!(cause(&runaway), one(&[LOST, "critical runaway"], "runaway j:3"));
}

#[test]
fn streak_of_ten_without_a_row_means_an_open_breaker() {
    let world = |count: usize| {
        let job = Job { row: None, ..fires(&[vec![GOOD], vec![EMPTY; count]].concat()) };
        fleet([job, cron("k", "*/30 * * * *").ran("15:00", "15:01")])
    };
    assert_eq!(incidents(&world(10), "15:10"), ["job-failing j:3"]);
    assert_eq!(incidents(&world(9), "15:10"), ["job-failing j:0", "job-silent j:3"]);
}

#[test]
fn streak_keeps_its_fingerprint_when_resolved() {
    let grown = |tokens: &[Did]| {
        let mut job = fires(&[&[GOOD, GOOD, EMPTY, EMPTY, EMPTY], tokens].concat());
        let hours = tokens.len() as i64;
        job.fires.iter_mut().for_each(|fire| fire.end = fire.end.plus(hours * HOUR));
        job
    };
    let print = |tokens: &[Did]| {
        let job = grown(tokens);
        let now = job.last_end().map_or(Instant::MAX, |end| end.plus(MINUTE)).to_string();
        prints(&fleet([job]), &now)
    };
    let first = print(&[]);
    assert_eq!(first.len(), 1);
    assert_eq!((print(&[EMPTY]), print(&[GOOD]), print(&[GOOD, GOOD])), (first.clone(), first.clone(), first));
}

/// A store in which one run began at 12:00 and never ended.
fn hung(lease: Lease, other: Job) -> Snapshot {
    let hangs = Job { running_since: Some(at("12:00")), ..hourly("j").ran("11:00", "11:01") };
    Snapshot { lease, ..recorded([hangs, other]) }
}

#[test]
fn run_left_behind_by_a_dead_process_is_part_of_its_silence() {
    let silent = || cron("k", "*/30 * * * *").ran("11:30", "11:31");
    let told = |life| incidents(&hung(life, silent()), "17:00");
    assert_eq!(told(Lease::Alive(at("16:59"))), ["run-hung j:6 k:11"]);
    assert_eq!(told(Lease::Dead(at("12:10"))), ["scheduler-silent k:11 j:6"]);
    assert_eq!(told(Lease::Stopped(at("12:10"))), ["scheduler-silent k:11 j:6"]);
    // What ran since shows that the silence of others has another cause.
    let ran = |end: &str| incidents(&hung(Lease::Alive(at("16:59")), silent().ran("11:59", end)), "17:00");
    assert_eq!(ran("12:00:00.000"), ["run-hung j:6 k:10"]);
    assert_eq!(ran("12:00:00.001"), ["scheduler-silent k:10", "run-hung j:6"]);
}

#[test]
fn concurrent_long_runs_are_separate_incidents() {
    let long = |id: &str, since: &str| Job { running_since: Some(at(since)), ..hourly(id).ran("11:00", "11:01") };
    let world = recorded([long("j", "12:00"), long("k", "12:01")]);
    assert_eq!(incidents(&world, "12:40"), ["run-long j:0", "run-long k:0"]);
}

#[test]
fn messages_that_fail_in_the_same_way_are_one_incident() {
    let job = |id: &str, status: &str| {
        let mut job = hourly(id).ran("10:00", "10:01");
        row(&mut job).delivery = Some(Delivery::Failed(DeliveryError::new(status)));
        job
    };
    let told = |first, second| incidents(&fleet([job("j", first), job("k", second)]), "10:05");
    assert_eq!(told("error: no chat", "error: no chat"), ["undelivered j:0 k:0"]);
    assert_eq!(told("error: no chat", "dropped:late"), ["undelivered j:0", "undelivered k:0"]);
}

#[test]
fn silence_after_a_streak_is_part_of_it() {
    // Three fires without tokens at eight to ten, then nothing for nine hours, then good ones.
    let job = |empty: u32| {
        let streak = ["08", "09", "10"].iter().fold(hourly("j").ran("07:00", "07:01"), |job, hour| {
            job.used(&format!("{hour}:00"), &format!("{hour}:01"), empty)
        });
        streak.ran("20:00", "20:01").ran("21:00", "21:01")
    };
    let beside = || {
        (0..28).fold(cron("k", "*/30 * * * *"), |job, half| {
            let start = at("07:30").plus(half * 30 * MINUTE);
            job.ran(&start.to_string(), &start.plus(SECOND).to_string())
        })
    };
    assert_eq!(incidents(&fleet([job(0), beside()]), "21:02"), ["job-failing j:9 over"]);
    assert_eq!(incidents(&fleet([job(1), beside()]), "21:02"), ["job-silent j:9 over"]);
    // After a good fire it has a cause of its own.
    let mut good = job(0);
    good.fires.insert(4, did(Fire { end: at("11:01"), ..good.fires[3] }, GOOD));
    assert_eq!(incidents(&fleet([good, beside()]), "21:02"), ["job-failing j:0 over", "job-silent j:8 over"]);
}

#[test]
fn nothing_ran_if_the_first_run_after_a_silence_came_in_its_second_half() {
    // The job is silent from 11:00 until its run of 21:00; another one ran once meanwhile.
    let told = |end: &str| {
        let job = hourly("j").ran("09:00", "09:01").ran("10:00", "10:01").ran("21:00", "21:01");
        incidents(&fleet([job, cron("k", "50 15 * * *").ran("15:50", end)]), "21:02")
    };
    assert_eq!(told("16:00:00.000"), ["scheduler-silent j:10 over"]);
    assert_eq!(told("15:59:59.999"), ["job-silent j:10 over"]);
}

#[test]

fn a_silence_of_one_job_keeps_its_name_when_it_ends() {
    let job = || hourly("j").ran("09:00", "09:01").ran("10:00", "10:01");
    let with = |job: Job| fleet([job, cron("k", "0 12 * * *").ran("12:00", "12:01")]);
    let (lasts, over) = (with(job()), with(job().ran("21:00", "21:01")));
    assert_eq!(incidents(&lasts, "20:30"), ["job-silent j:10"]);
    assert_eq!(incidents(&over, "21:02"), ["job-silent j:10 over"]);
    assert_eq!(prints(&lasts, "20:30"), prints(&over, "21:02"));
}

#[test]
fn last_error_of_the_jobs_is_reported_if_something_failed() {
    let job = |id: &str, minute: u32, error: &str| {
        let end = |hour: u32| format!("{hour}:{minute:02}");
        let failed =
            (9..=12).fold(hourly(id).ran("08:00", &end(8)), |job, hour| job.used(&format!("{hour}:00"), &end(hour), 0));
        let mut failed = failed.with_errors(4);
        row(&mut failed).last_run.iter_mut().for_each(|run| run.error = Some(RunError::new(error)));
        failed
    };
    let world = fleet([job("j", 1, "older"), job("k", 3, "newest"), job("l", 2, "old")]);
    let told = verdict(&world, "12:10").incidents;
    assert_eq!((told.len(), told[0].error.as_deref()), (1, Some("newest")));
    let mut late = job("j", 1, "of a run");
    late.fires.iter_mut().for_each(|fire| *fire = did(*fire, GOOD));
    let late = verdict(&fleet([late.with_errors(0)]), "14:10").incidents;
    assert_eq!((late[0].cause, late[0].error.as_deref()), (Problem::SchedulerSilent, None));
}

#[test]
fn worst_incident_comes_first_and_resolved_ones_last() {
    let streak = |tokens: &[Did], id: &str| Job { id: id.to_owned(), name: id.to_owned(), ..fires(tokens) };
    let over = streak(&[GOOD, EMPTY, EMPTY, EMPTY, GOOD, GOOD, GOOD, GOOD, GOOD, GOOD], "over");
    let warning = streak(&[GOOD, EMPTY, EMPTY, EMPTY], "warning");
    let critical = streak(&[GOOD, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY], "critical");
    let mut undelivered = streak(&[GOOD], "undelivered");
    row(&mut undelivered).delivery = Some(Delivery::Failed(DeliveryError::new("error: no chat")));
    let told = verdict(&fleet([over, warning, critical, undelivered]), "12:02");
    let ranks = told.incidents.iter().map(|incident| (incident.cause, incident.severity, incident.status));
    let expected = [
        (Problem::JobFailing, Severity::Critical, Status::Ongoing),
        (Problem::JobFailing, Severity::Warning, Status::Ongoing),
        (Problem::Undelivered, Severity::Warning, Status::Ongoing),
        (Problem::JobFailing, Severity::Warning, Status::Resolved),
    ];
    assert_eq!(ranks.collect::<Vec<_>>(), expected);
    let owned = told.incidents.iter().flat_map(|incident| &incident.findings).map(|finding| finding.severity);
    let severities = told.incidents.iter().map(|incident| incident.severity);
    assert!(owned.eq(severities), "each owns its one finding");
}

#[test]
fn unrelated_incidents_of_two_databases_have_different_fingerprints() {
    let prints_of = |made: &str, now: &str| {
        let made = |job: Job| Job { created_at: Some(at(made)), ..job };
        let runaway = hourly("runaway").ran("10:00", "10:01").next("11:00");
        let runaway = ["10:03", "10:04", "10:05"].iter().fold(runaway, |job, end| job.event(end));
        let mut undelivered = hourly("u").ran("10:00", "10:01");
        row(&mut undelivered).delivery = Some(Delivery::Failed(DeliveryError::new("error: no chat")));
        let mut runaway = made(runaway);
        row(&mut runaway).last_run = None;
        let unknown = fires(&[UNREAD, UNREAD, UNREAD]);
        let worlds = [runaway, made(undelivered), made(unknown)].map(|job| fleet([job]));
        let of = |cause| move |incident: &Incident| (incident.cause == cause).then(|| incident.fingerprint.clone());
        let causes = [Problem::Runaway, Problem::Undelivered, Problem::Unjudged];
        [0, 1, 2].map(|index| verdict(&worlds[index], now).incidents.iter().find_map(of(causes[index])))
    };
    let one = prints_of("2026-03-01 00:00", "12:02");
    let other = prints_of("2026-02-01 00:00", "12:02");
    assert!(one.iter().zip(&other).all(|(one, other)| one.is_some() && one != other), "{one:?} {other:?}");
    assert_eq!(one, prints_of("2026-03-01 00:00", "12:03"), "and the same on any copy, later");
}

#[test]
fn a_fingerprint_never_changes_between_versions() {
    let silent = fleet([hourly("j").ran("10:00", "10:01")]);
    let never = fleet([hourly("j")]);
    let runs = running(fleet([hourly("j").ran("11:00", "11:01")]), "12:00:01");
    let delivers = fleet([hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written("10:01")]);
    let fails = fleet([fires(&[GOOD, EMPTY, EMPTY, EMPTY])]);
    let skipped = fleet([fires(&[GOOD, SKIPPED, SKIPPED, SKIPPED])]);
    let mut dead = hourly("j").ran("10:00", "10:01");
    row(&mut dead).next_run_at = Timestamp::Missing;
    let mut undelivered = hourly("j").ran("10:00", "10:01");
    row(&mut undelivered).delivery = Some(Delivery::Failed(DeliveryError::new("error: no chat")));
    let runaway = hourly("j").ran("10:00", "10:01").next("11:00").event("10:03").event("10:04").event("10:05");
    let print = |world: &Snapshot, now: &str| prints(world, now).swap_remove(0);
    let told = [
        ("silent", print(&silent, "14:00")),
        ("never ran", print(&never, "14:00")),
        ("run", print(&runs, "16:10")),
        ("delivery", print(&delivers, "11:20")),
        ("failing", print(&fails, "12:02")),
        ("skipped", print(&skipped, "12:02")),
        ("dead", print(&fleet([dead]), "10:30")),
        ("undelivered", print(&fleet([undelivered]), "10:05")),
        ("runaway", print(&fleet([runaway]), "10:10")),
    ];
    let pinned = [
        ("silent", "f453fff40a8cbbd3"),
        ("never ran", "df29b07acfae666a"),
        ("run", "011af369966cc57b"),
        ("delivery", "7166217262bf29c2"),
        ("failing", "b6f84c37f0963247"),
        ("skipped", "5ca15686c8bd316b"),
        ("dead", "e0ab8f5fbd98bc68"),
        ("undelivered", "5ea901ee416bccd1"),
        ("runaway", "97029e5ce4a19e57"),
    ];
    assert_eq!(told.each_ref().map(|(name, print)| (*name, print.as_str())), pinned);
}

#[test]
fn incident_lasts_from_its_first_to_its_last_finding() {
    let span = |world: &Snapshot, now: &str| {
        let incident = verdict(world, now).incidents.swap_remove(0);
        (incident.status, incident.since, incident.until)
    };
    let over = fleet([fires(&[GOOD, EMPTY, EMPTY, EMPTY, GOOD])]);
    assert_eq!(span(&over, "12:02"), (Status::Resolved, Some(at("09:01")), Some(at("12:01"))));
    // What was silent before a restart and after it is one outage, which lasts.
    let restarted = fleet([hourly("j").ran("09:00", "09:01").ran("10:00", "10:01").next("20:30:05")]);
    assert_eq!(span(&restarted, "20:40"), (Status::Ongoing, Some(at("11:00")), None));
    assert_eq!(span(&restarted, "20:50"), (Status::Ongoing, Some(at("11:00")), None));
    assert_eq!(prints(&restarted, "20:40"), prints(&restarted, "20:50"));
    let hangs = running(fleet([hourly("j").ran("11:00", "11:01")]), "12:03");
    assert_eq!(span(&hangs, "17:00"), (Status::Ongoing, Some(at("12:00")), None), "since the run began");
}

#[test]
fn a_group_that_fails_together_keeps_its_fingerprint_while_one_job_after_another_recovers() {
    // The first to fail is the first to recover. Each list ends at 12:01, or so many hours later.
    let failing = |id: &str, hours: i64, zeros: usize, then: &[Did]| {
        let mut job = fires(&[&[GOOD], &vec![EMPTY; zeros][..], then].concat());
        job.fires.iter_mut().for_each(|fire| fire.end = fire.end.plus(hours * HOUR));
        Job { id: id.to_owned(), name: id.to_owned(), ..job }
    };
    let all = fleet([failing("a", 0, 5, &[]), failing("b", 0, 4, &[]), failing("c", 0, 4, &[])]);
    let one_back = fleet([failing("a", 1, 5, &[GOOD]), failing("b", 1, 5, &[]), failing("c", 1, 5, &[])]);
    let b_back = || failing("b", 2, 5, &[GOOD]);
    let two_back = fleet([failing("a", 2, 5, &[GOOD, GOOD]), b_back(), failing("c", 2, 6, &[])]);
    let all_back = fleet([failing("a", 2, 5, &[GOOD, GOOD]), b_back(), failing("c", 2, 5, &[GOOD])]);
    let told = |world: &Snapshot, now: &str| {
        let incidents = verdict(world, now).incidents;
        assert_eq!(incidents.len(), 1, "{:?}", incidents.iter().map(|one| &one.headline).collect::<Vec<_>>());
        assert_eq!(incidents[0].cause, Problem::ProviderFailing);
        (incidents[0].status, incidents[0].fingerprint.clone())
    };
    // The first that works again shows that the outage is over.
    let (status, print) = told(&all, "12:02");
    assert_eq!(status, Status::Ongoing);
    for (world, now) in [(&one_back, "13:02"), (&two_back, "14:02"), (&all_back, "14:02")] {
        assert_eq!(told(world, now), (Status::Resolved, print.clone()), "{now}");
    }
}
