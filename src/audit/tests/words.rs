//! The words of each cause, as people read them.

use super::*;

/// The worst incident in words: headline, what was observed, what is inferred, the step, the statement.
fn words(world: &Snapshot, now: &str) -> String {
    let incident = verdict(world, now).incidents.swap_remove(0);
    let headline = format!("{} [{}]", incident.headline, incident.cause.name());
    let observed = incident.text.observed.into_iter().map(|observed| format!("seen: {observed}"));
    let inferred = incident.text.inferred.map(|inferred| format!("likely: {inferred}"));
    let step = format!("fix: {}", incident.remedy.text());
    let run = |action| match action {
        Action::Sql(statement) => format!("sql: {statement}"),
        Action::Shell(command) => format!("run: {command}"),
    };
    let actions = incident.remedy.actions.into_iter().map(run);
    let lines = std::iter::once(headline).chain(observed).chain(inferred).chain([step]).chain(actions);
    lines.collect::<Vec<_>>().join("\n")
}

fn dead(id: &str) -> Job {
    let mut job = Job { id: id.to_owned(), ..hourly("j") }.ran("10:00", "10:01");
    row(&mut job).next_run_at = Timestamp::Missing;
    job
}

fn undelivered(id: &str) -> Job {
    let mut job = hourly(id).ran("10:00", "10:01");
    row(&mut job).delivery = Some(Delivery::Failed(DeliveryError::new("error: chat not found")));
    job
}

fn silences() -> Vec<(&'static str, String)> {
    let quiet = || fleet([hourly("j").ran("10:00", "10:01"), cron("k", "0 10,11 * * *").ran("10:02", "10:03")]);
    let other = |time: &str| words(&Snapshot { last_other_activity: Some(at(time)), ..quiet() }, "13:00");
    let lease = |lease| words(&Snapshot { lease, ..recorded([hourly("j").ran("10:00", "10:01")]) }, "13:00");
    let process = |holder: Holder, slept: Millis| {
        let liveness = Liveness { holder, last_write: Some(at("10:17")), slept: Some(slept) };
        words(&Snapshot { liveness, ..quiet() }, "13:00")
    };
    let hangs = Snapshot { lease: Lease::Dead(at("10:30")), liveness: held("08:00"), ..recorded([hourly("j")]) };
    let down = Snapshot { liveness: left("10:17"), ..fleet([cron("j", "0 18 * * *").ran("10:00", "10:01")]) };
    let one = || hourly("j").ran("09:00", "09:01").ran("10:00", "10:01:05").next("20:30:05");
    let two = [one(), hourly("k").ran("09:02", "09:03").ran("10:02", "10:03").next("20:30:10")];
    let beside = fleet([
        hourly("j").ran("10:00", "10:01"),
        cron("k", "*/30 * * * *").ran("12:00", "12:01").ran("12:30", "12:31"),
    ]);
    let ran = hourly("j").ran("09:00", "09:01").ran("10:00", "10:01").ran("21:00", "21:01");
    let two_hours = ["12", "14", "16", "18", "20"];
    let meanwhile = two_hours.iter().fold(cron("k", "0 */2 * * *").ran("10:00", "10:02"), |job, hour| {
        job.ran(&format!("{hour}:00"), &format!("{hour}:01"))
    });
    let meanwhile = fleet([ran, meanwhile]);
    let half = cron("k", "*/30 * * * *").ran("12:00", "12:01").ran("12:30", "12:31");
    let edited = fleet([hourly("j").ran("10:00", "10:01").written("12:20").next("12:20:30"), half]);
    vec![
        ("an edited row waits for the timer", words(&edited, "12:50")),
        ("nothing runs", words(&quiet(), "13:00")),
        ("nothing runs; another channel was active as the first slot was lost", other("11:01:00.000")),
        ("nothing runs; another channel was active later", other("11:01:00.001")),
        ("nothing ever ran", words(&fleet([hourly("j")]), "13:00")),
        ("nothing runs; a process has it open", process(held("08:00").holder, 0)),
        ("nothing runs; a process has it open, and the machine slept", process(held("08:00").holder, HOUR)),
        ("nothing runs; a process has it open and is suspended", process(suspended(), 0)),
        ("nothing runs; a process that can't be seen has it open", process(Holder::Unseen, 0)),
        ("nothing runs; nobody has it open", process(Holder::Nobody, HOUR)),
        ("nothing runs; it is not known who has it open, and the machine did not sleep", process(Holder::Unknown, 0)),
        ("nothing runs; a process has it open, but its lease ran out", words(&hangs, "13:00")),
        ("nothing is lost yet; nobody has it open", words(&down, "10:32")),
        ("nothing runs; the lease is renewed", lease(Lease::Alive(at("12:59")))),
        ("nothing runs; the lease ran out", lease(Lease::Dead(at("10:30")))),
        ("nothing runs; it was stopped", lease(Lease::Stopped(at("10:30")))),
        ("jobs that have not run since a restart", words(&left_by_restart("20:30"), "21:10")),
        ("nothing ran before a restart", words(&fleet(two), "20:31")),
        ("one job does not run", words(&beside, "12:40")),
        ("one job did not run", words(&meanwhile, "21:02")),
    ]
}

fn runs() -> Vec<(&'static str, String)> {
    let run = || running(fleet([hourly("j").ran("11:00", "11:01")]), "12:00:01");
    let half = || cron("k", "*/30 * * * *").ran("11:30", "11:31");
    let two = running(fleet([hourly("j").ran("11:00", "11:01"), half()]), "12:00:01");
    let three = [hourly("j").ran("11:00", "11:01"), hourly("l").ran("11:01", "11:02"), half()];
    let recorded_run = Snapshot {
        lease: Lease::Alive(at("16:09")),
        ..recorded([Job { running_since: Some(at("12:00")), ..hourly("j").ran("11:00", "11:01") }])
    };
    let unknown = OpenRun { job_id: "gone".to_owned(), seen: at("12:00:01") };
    let deleted = Snapshot { open_runs: vec![unknown], ..fleet([hourly("j").ran("11:00", "11:01")]) };
    let delivers = fleet([hourly("j").ran("10:00", "10:01").event("11:02").next("11:00").written("10:01")]);
    let cut = |liveness| words(&Snapshot { liveness, ..two.clone() }, "12:40");
    vec![
        ("a run is cut: nobody has the database open", cut(left("12:20"))),
        ("a run is cut: the process started after it", cut(held("12:20"))),
        ("a run is long", words(&run(), "12:40")),
        ("a run hangs", words(&run(), "16:10")),
        (
            "a run hangs; the process lives",
            words(&Snapshot { last_other_activity: Some(at("12:02")), ..run() }, "16:10"),
        ),
        ("a run hangs, a job waits", words(&two, "16:10")),
        ("a run hangs, two jobs wait", words(&running(fleet(three), "12:00:01"), "16:10")),
        ("a run hangs where several run at a time", words(&recorded_run, "16:10")),
        ("the run of a deleted job hangs", words(&deleted, "16:10")),
        ("a delivery hangs", words(&delivers, "11:20")),
    ]
}

fn failures() -> Vec<(&'static str, String)> {
    let mut broken = shared(4);
    broken.jobs[0].state = State::Broken;
    let both = {
        let mut both = broken.clone();
        both.jobs[1].state = State::Broken;
        both
    };
    let most = |id: &str| field::failing_turn(id, 2);
    let most = recorded([most("a"), most("b"), most("c"), hourly("ok").ran("12:00", "12:01:30")]);
    let streak = || fires(&[GOOD, EMPTY, EMPTY, EMPTY]);
    let stopped = Job { state: State::Broken, ..streak().with_errors(10) };
    let over = fleet([fires(&[GOOD, EMPTY, EMPTY, EMPTY, GOOD])]);
    let worked = {
        let streak = |job: Job| {
            ["09", "10", "11"].iter().fold(job, |job, hour| job.used(&format!("{hour}:00"), &format!("{hour}:01"), 0))
        };
        let again = |id: &str, end: &str| streak(hourly(id).ran("08:00", "08:01")).ran("12:00", end);
        fleet([again("j", "12:01"), again("k", "12:02")])
    };
    vec![
        ("all failed and work again", words(&worked, "12:03")),
        ("one fails as often as it is tried again", words(&retried("10:02", "10:03:30"), "10:04")),
        ("all fail", words(&shared(4), "11:10")),
        ("all fail, one stopped", words(&broken, "11:10")),
        ("all fail, two stopped", words(&both, "11:10")),
        ("most fail with the same error", words(&most, "12:05")),
        ("one fails", words(&fleet([streak()]), "12:02")),
        ("one was revived", words(&fleet([repair::revived(repair::DAY_AFTER)]), &repair::day_after("09:40"))),
        (
            "one was revived, and the timer does not run",
            words(&fleet([repair::revived(repair::DAY_AFTER)]), &repair::day_after("11:40")),
        ),
        ("one fails and has stopped", words(&fleet([stopped]), "12:02")),
        ("one failed and works again", words(&over, "12:02")),
        ("one is skipped", words(&fleet([fires(&[GOOD, SKIPPED, SKIPPED, SKIPPED])]), "12:02")),
    ]
}

/// Three errors in a row, of which the second and third ended then.
fn retried(second: &str, third: &str) -> Snapshot {
    let job = hourly("j").ran("09:00", "09:01").used("10:00", "10:01", 0);
    fleet([job.used("10:01:30", second, 0).used(third, third, 0).with_errors(3)])
}

fn rows() -> Vec<(&'static str, String)> {
    let gave_up = Job { state: State::FailedOnce, ..hourly("j").ran("10:00", "10:01").with_errors(3) };
    let off =
        Job { state: State::Paused, ..hourly("j").ran("10:00", "10:01").ran("11:00", "11:01").ran("12:00", "12:01") };
    let off = off.switched("09:30", false);
    let gone = |id: &str| Job { state: State::Gone, ..ended(hourly(id), ends(3)) };
    let mut late = recorded([undelivered("a")]);
    let error = DeliveryError { is_late: true, ..DeliveryError::new("skipping stale delivery") };
    late.jobs[0].delivery_error = Some(error.clone());
    row(&mut late.jobs[0]).delivery = Some(Delivery::Failed(error));
    let paused = Job { state: State::Paused, ..hourly("j").ran("10:00", "10:01") };
    let far = cron("j", "0 9 * * *").ran("09:00", "09:01").next("2026-03-09 00:00");
    let unknown = fires(&[GOOD, UNREAD, UNREAD, UNREAD]);
    let runaway = ["10:03", "10:04", "10:05"].iter();
    let runaway = runaway.fold(hourly("j").ran("10:00", "10:01").next("11:00"), |job, end| job.event(end));
    let four = ["a", "b", "c", "d"].map(undelivered);
    let [first, second, third, _] = four.clone();
    let unreadable = Schedule::unreadable("cron", "it is odd");
    let unusable = Job { schedule: unreadable, ..hourly("j").ran("10:00", "10:01") };
    vec![
        ("a schedule that can't be used", words(&fleet([unusable]), "10:30")),
        ("no next run", words(&fleet([dead("o'neill")]), "10:30")),
        ("no next run, an id that is not ASCII", words(&fleet([dead("caf\u{e9}\n")]), "10:30")),
        ("no next run, an id that is not known", words(&fleet([dead("caf\u{fffd}")]), "10:30")),
        ("a next run too far ahead", words(&fleet([far]), "10:00")),
        ("a one-shot that gave up", words(&fleet([gave_up]), "10:30")),
        (
            "rows that are gone",
            words(
                &fleet([gone("a"), gone("b"), gone("c"), hourly("d").ran("19:00", "19:01").ran("20:00", "20:01")]),
                "20:05",
            ),
        ),
        ("a process that crashes", words(&super::openclaw::crashing(10, "10:00"), "10:01")),
        ("a job that is off and runs", words(&fleet([off]), "12:05")),
        ("a clock that was set back", words(&set_back("2026-03-05 11:00"), "13:05")),
        ("two schedulers", words(&recorded([twice("j", 3, 3), twice("k", 3, 3)]), "12:40")),
        ("a twin", words(&fleet(twins("a")), "12:40")),
        ("a late message", words(&late, "10:05")),
        ("a store that is not served", words(&stores("b"), "13:05")),
        ("nothing is watched", words(&fleet([paused]), "10:30")),
        ("not judged", words(&fleet([unknown]), "12:02")),
        ("a runaway", words(&fleet([runaway]), "10:10")),
        ("one is not delivered", words(&fleet([undelivered("a")]), "10:05")),
        ("three are not delivered", words(&fleet([first, second, third]), "10:05")),
        ("four are not delivered", words(&fleet(four), "10:05")),
    ]
}

/// One labeled entry per case.
fn labeled(cases: Vec<(&str, String)>) -> String {
    cases.iter().map(|(name, words)| format!("# {name}\n{words}\n")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_problem_has_an_example_as_a_finding_or_a_cause() {
    let all = labeled([silences(), runs(), failures(), rows()].concat());
    for problem in Problem::all() {
        let explains = all.contains(&format!("[{}]\n", problem.name()));
        assert!(explains || super::findings::is_found(*problem), "{} has no example", problem.name());
    }
}

#[test]
fn silences_in_words() {
    insta::assert_snapshot!(labeled(silences()));
}

#[test]
fn runs_in_words() {
    insta::assert_snapshot!(labeled(runs()));
}

#[test]
fn failures_in_words() {
    insta::assert_snapshot!(labeled(failures()));
}

#[test]
fn rows_in_words() {
    insta::assert_snapshot!(labeled(rows()));
}

#[test]
fn ids_over_200_bytes_appear_in_no_statement() {
    // A name that needs quoting picks no row.
    let quoted = |length: usize| Job { name: "two words".to_owned(), ..dead(&"x".repeat(length)) };
    let has_statement = |length| words(&fleet([quoted(length)]), "10:30").contains("sql: ");
    assert!(has_statement(200) && !has_statement(201));
}

#[test]
fn statements_are_for_phantom_and_commands_for_plain_ids() {
    let step = |id: &str| words(&recorded([dead(id)]), "10:30");
    assert!(!step("a-1").contains("sql: "));
    let hung = |id: &str| {
        let hangs = Job { id: id.to_owned(), running_since: Some(at("12:00")), ..hourly("j").ran("11:00", "11:01") };
        words(&recorded([hangs]), "16:10")
    };
    let holds = |id: &str| hung(id).contains(&format!("run: openclaw cron runs --id {id}\n"));
    assert!(holds("a-1") && holds(&"x".repeat(200)));
    assert!(hung("a b").contains("run: openclaw cron runs --id 'a b'\n"));
    assert!(hung("a\nb").contains("run: openclaw cron runs --id $'a\\012b'\n"));
    for id in ["", "--all", "caf\u{fffd}", "x".repeat(201).as_str()] {
        assert!(!hung(id).contains("run: openclaw cron"), "{id}");
    }
}
