//! The file of `--config`.

use crate::{HOURLY, History, INCIDENT, Run, command, run};

/// Runs with a file of this text.
fn with(text: &str, arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agents.toml");
    std::fs::write(&path, text).unwrap();
    command().arg("--config").arg(&path).args(arguments).output().unwrap().into()
}

/// A nightly job that is 40 minutes late, a newsletter that used no tokens five times, and an hourly job that is 40 minutes late.
fn three_jobs() -> History {
    let history = History::new();
    history.job(
        "nightly",
        "cron",
        r#"{"expr":"20 2 * * *"}"#,
        Some("2026-03-01T02:20:00.000Z"),
        Some("2026-03-02T02:20:00.000Z"),
    );
    history.job(
        "newsletter",
        "cron",
        r#"{"expr":"0 1 * * 1"}"#,
        Some("2026-03-02T01:00:00.000Z"),
        Some("2026-03-09T01:00:00.000Z"),
    );
    history.job(
        "hourly",
        "cron",
        r#"{"expr":"20 * * * *"}"#,
        Some("2026-03-02T01:20:00.000Z"),
        Some("2026-03-02T02:20:00.000Z"),
    );
    history.fires(
        "newsletter",
        &["-2026-02-26 01:01:00", "-2026-02-27 01:01:00", "-2026-02-28 01:01:00", "-2026-03-01 01:01:00"],
    );
    history
        .fires("nightly", &["2026-03-01 02:21:00"])
        .fires("newsletter", &["-2026-03-02 01:01:00"])
        .fires("hourly", &["2026-03-02 01:21:00"]);
    history
}

#[test]
fn special_cases_of_three_jobs_fit_one_file() {
    let history = three_jobs();
    let path = history.path.to_str().unwrap();
    let arguments = ["-f", "json", "--now", "2026-03-02T03:00:00Z", path];
    let file = "timezone = \"UTC\"\n[[job]]\nmatch = \"night*\"\nlate_after = \"1h\"\nlost_after = \"1h\"\n[[job]]\nmatch = \"newsletter\"\nmute = [\"zero-tokens\"]\n";
    let worst = |run: &Run, name: &str| {
        let json = run.json();
        let findings = json["findings"].as_array().unwrap().clone();
        let of_job: Vec<String> = findings
            .iter()
            .filter(|f| f["job"]["id"] == name)
            .map(|f| f["severity"].as_str().unwrap().to_owned())
            .collect();
        of_job.into_iter().max_by_key(|word| ["info", "warning", "critical"].iter().position(|known| known == word))
    };
    let plain = with("timezone = \"UTC\"\n", &arguments);
    assert_eq!(
        ["nightly", "newsletter", "hourly"].map(|job| worst(&plain, job)),
        [Some("warning".to_owned()), Some("critical".to_owned()), Some("warning".to_owned())]
    );
    let special = with(file, &arguments);
    assert_eq!(
        ["nightly", "newsletter", "hourly"].map(|job| worst(&special, job)),
        [None, None, Some("warning".to_owned())]
    );
    let later = with(file, &["-f", "json", "--now", "2026-03-02T03:20:01Z", path]);
    assert_eq!(worst(&later, "nightly"), Some("critical".to_owned()), "critical at once");
}

#[test]
fn command_line_then_most_specific_rule_wins() {
    let history = three_jobs();
    let path = history.path.to_str().unwrap();
    let file = format!(
        "timezone = \"UTC\"\ndatabases = [{path:?}]\nlate_after = \"2h\"\nfail_on = \"critical\"\n[[job]]\nmatch = \"*\"\nmute = [\"zero-tokens\"]\n"
    );
    let now = ["--now", "2026-03-02T03:00:00Z"];
    assert_eq!(with(&file, &now).code, 0);
    assert_eq!(with(&file, &[&now[..], &["--late-after", "15m", "--fail-on", "warning"]].concat()).code, 1);
    assert_eq!(
        with(&file, &[&now[..], &["no/such.db"]].concat()).code,
        3,
        "databases of the command line replace the file's"
    );
    let ordered = "[[job]]\nmatch = \"hourly\"\nlate_after = \"3h\"\n[[job]]\nmatch = \"hour*\"\nlate_after = \"4h\"\nzero_streak = 7\n[[job]]\nmatch = \"*\"\nlate_after = \"5h\"\n[[job]]\nmatch = \"nigh*\"\nlate_after = \"6h\"\n[[job]]\nmatch = \"nigh*\"\nlate_after = \"7h\"\n";
    let said = with(ordered, &["--timezone", "UTC", "--check-config", path]).out;
    let line = |name: &str| said.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
    assert!(
        line("hourly").contains("late_after 3h (")
            && line("hourly").contains("line 1)")
            && line("hourly").contains("zero_streak 7 ("),
        "{said}"
    );
    assert!(line("nightly").contains("late_after 7h (") && line("nightly").ends_with("line 14)"), "{said}");
    assert!(line("newsletter").contains("late_after 5h ("), "{said}");
}

#[test]
fn config_errors_name_the_line_and_the_nearest_name() {
    for (text, said) in [
        ("late_afer = \"1h\"", "line 1: unknown key \"late_afer\"; did you mean \"late_after\"?"),
        ("\n[[job]]\nmatch = \"a\"\nmutes = []", "line 4: unknown key \"mutes\"; did you mean \"mute\"?"),
        (
            "[[job]]\nmatch = \"a\"\nmute = [\"zero-token\"]",
            "line 3: \"zero-token\" is not a problem or a detector; did you mean \"zero-tokens\"?",
        ),
        ("[[job]]\nmatch = \"a\"\nmute = [\"hung-run\"]", "line 3: \"hung-run\" is now \"run-hung\""),
        ("[[mute]]\ncause = \"row-gone\"", "line 2: \"row-gone\" is now \"jobs-gone\""),
        ("late_after = \"soon\"", "line 1: \"soon\""),
        ("\n[[job]]\nmatch = \"a\"\nlate_after = \"soon\"", "line 4: \"soon\""),
        ("max_run = 60", "line 1: invalid type: integer `60`, expected a string"),
        ("[[job]]\nmatch = \"a\"\nmax_rum = \"1h\"", "line 3: unknown key \"max_rum\"; did you mean \"max_run\"?"),
        ("[[store]]\nmax_run = \"1h\"", "line 2: unknown field `max_run`"),
        ("late_cadences = -1", "line 1: not a number from 0 to 1000"),
        ("zero_streak = 0", "line 1: 0: not a whole number of 1 or more"),
        ("fail_on = \"always\"", "line 1: \"always\": not one of warning, critical, never"),
        ("timezone = \"Europe/Berln\"", "did you mean Europe/Berlin?"),
        ("[[job]]\nlate_after = \"1h\"", "missing field `match`"),
        ("late_after", "line 1"),
    ] {
        let run = with(text, &["fixtures/incident.db"]);
        assert!(run.code == 3 && run.err.contains("agents.toml") && run.err.contains(said), "{text}: {}", run.err);
    }
    let absent: Run = command().args(["--config", "no/such.toml"]).output().unwrap().into();
    assert!(absent.code == 3 && absent.err.contains("no/such.toml: can't be read"), "{}", absent.err);
}

#[test]
fn expected_job_of_the_config_file_that_is_missing_is_critical() {
    let history = History::new();
    history.job("other", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    let file = "timezone = \"UTC\"\nexpect = [\"other\"]\n[[job]]\nmatch = \"nightly\"\nexpect = true\n";
    let run = with(file, &["-f", "json", "--now", "2026-03-02T10:30:00Z", history.path.to_str().unwrap()]);
    assert_eq!((run.code, run.incidents()), (2, vec!["critical expected-missing ongoing".to_owned()]));
}

#[test]
fn contradictory_thresholds_are_refused_on_the_command_line_and_in_the_file() {
    let refused = |run: Run, why: &str| assert!(run.code == 3 && run.err.contains(why), "{why}: {}", run.err);
    let streaks = "zero-streak 5 is more than zero-streak-critical 3: a warning must come before critical";
    let cli = ["--zero-streak", "5", "--zero-streak-critical", "3", "fixtures/incident.db"];
    refused(run(&cli), streaks);
    let lateness = "late-after 3h is more than lost-after 1h";
    refused(run(&["--late-after", "3h", "--lost-after", "1h", "fixtures/incident.db"]), lateness);
    refused(with("zero_streak = 5\nzero_streak_critical = 3\n", &["fixtures/incident.db"]), streaks);
    refused(with("lost_after = \"1h\"\n", &["--late-after", "3h", "fixtures/incident.db"]), lateness);
    let rule = "\n[[job]]\nmatch = \"a\"\nlate_after = \"3h\"\nlost_after = \"1h\"\n";
    refused(with(rule, &["fixtures/incident.db"]), "agents.toml: line 2: late-after 3h is more than lost-after 1h");
    let alone = run(&[&["--zero-streak", "11"], &INCIDENT[..]].concat());
    assert_eq!(alone.code, 2, "a threshold alone moves its counterpart: {}", alone.err);
}

#[test]
fn paths_in_the_file_start_at_the_file_or_the_home_directory() {
    let history = three_jobs();
    let directory = history.directory.path();
    for (databases, home) in [("phantom.db", "/nowhere"), ("~/phantom.db", directory.to_str().unwrap())] {
        let config = directory.join("agents.toml");
        std::fs::write(&config, format!("databases = [{databases:?}]\n")).unwrap();
        let mut audit = command();
        audit.env("HOME", home).arg("--config").arg(&config).args(["--now", "2026-03-02T03:00:00Z"]);
        let audited: Run = audit.output().unwrap().into();
        assert_eq!(audited.code, 2, "{databases}: {}", audited.err);
    }
    let homeless = command().env_remove("HOME").arg("--config").arg(directory.join("agents.toml")).output().unwrap();
    let homeless = Run::from(homeless);
    assert!(homeless.code == 3 && homeless.err.contains("needs the variable HOME"), "{}", homeless.err);
}

#[test]
fn a_match_that_matches_nothing_is_noted() {
    let path = three_jobs();
    let file = "timezone = \"UTC\"\n[[job]]\nmatch = \"nigthly\"\nlate_after = \"1h\"\n";
    let audited = with(file, &["--now", "2026-03-02T03:00:00Z", path.path.to_str().unwrap()]);
    assert!(
        audited.out.replace('\n', " ").contains("line 2: \"nigthly\" matches no job's id or name"),
        "{}",
        audited.out
    );
}

#[test]
fn a_file_that_never_ends_or_has_too_many_rules_is_an_error_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let check = |path: &std::path::Path, why: &str| {
        let run = run(&[&["--config", path.to_str().unwrap()][..], &INCIDENT].concat());
        assert!(run.code == 3 && run.err.contains(why), "{}: {}", path.display(), run.err);
    };
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    check(&pipe, "is a named pipe, not a file");
    check(std::path::Path::new("/dev/zero"), "is a device, not a file");
    let file = directory.path().join("a.toml");
    let rules =
        |count: usize| std::fs::write(&file, "[[job]]\nmatch = 'x*'\nlate_after = '1h'\n".repeat(count)).unwrap();
    rules(1000);
    assert_eq!(run(&[&["-q", "--config", file.to_str().unwrap()][..], &INCIDENT].concat()).code, 2);
    rules(1001);
    check(&file, "1001 [[job]] rules");
    std::fs::write(&file, "#".repeat((1 << 20) + 1)).unwrap();
    check(&file, "longer than 1 MB");
}

#[test]
fn what_is_muted_by_cause_fingerprint_or_job_is_counted_everywhere() {
    let mutes = [
        "cause = \"job-failing\"",
        "fingerprint = \"ea1abcca7f241b8e\"\nuntil = \"2026-04-30\"\nreason = \"known\"",
        "job = \"heart*\"",
        "cause = \"breaker-open\"\njob = \"heartbeat\"\nuntil = \"2026-04-30T12:00:01Z\"",
    ];
    let counted = [
        ("table", "\n1 muted\n"),
        ("json", "\"fingerprint\": \"ea1abcca7f241b8e\""),
        ("prometheus", "sched_audit_muted{database=\"fixtures/incident.db\"} 1"),
        ("nagios", "no other trouble, 1 muted | critical=0;;0;0 warning=0;0;;0 muted=1;"),
        ("github", "muted: 1"),
        ("html", "5 of 6 jobs are fine; 1 muted"),
    ];
    for mute in [mutes[0], mutes[1], mutes[2]] {
        for (format, said) in counted {
            let run = with(&format!("[[mute]]\n{mute}\n"), &[&["--format", format], INCIDENT.as_slice()].concat());
            assert!(run.code == 0 && run.out.contains(said), "{mute}, {format}: {}", run.out);
        }
    }
    for (mute, code) in [
        (mutes[3], 2),
        ("cause = \"job-failing\"\njob = \"mail-*\"", 2),
        ("fingerprint = \"ea1abcca7f241b8e\"\nuntil = \"2026-04-29\"", 2),
        ("cause = \"job-failing\"\nuntil = \"2026-04-30T12:00:01Z\"", 0),
        ("cause = \"job-failing\"\nuntil = \"2026-04-30T12:00:00Z\"", 2),
    ] {
        assert_eq!(with(&format!("[[mute]]\n{mute}\n"), &INCIDENT).code, code, "{mute}");
    }
    let of_job = with("[[job]]\nmatch = \"heartbeat\"\nmute = [\"job-failing\"]\n", &INCIDENT);
    assert!(of_job.code == 0 && of_job.out.contains("1 muted"), "{}", of_job.out);
    let check = with(&format!("[[mute]]\n{}\n", mutes[1]), &[&["--check-config"], INCIDENT.as_slice()].concat());
    assert!(check.out.contains("until 2026-05-01 00:00 UTC, \"known\" ("), "{}", check.out);
    let nothing = with("[[mute]]\nreason = \"x\"\n", &INCIDENT);
    assert!(nothing.code == 3 && nothing.err.contains("line 1: a [[mute]] needs a cause"), "{}", nothing.err);
}

#[test]
fn slots_in_quiet_hours_are_not_lost() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T21:00:00.000Z"), Some("2026-03-02T22:00:00.000Z"));
    history.fires("j", &["2026-03-02 20:01:00", "2026-03-02 21:01:00"]);
    let at =
        |quiet: &str, now: &str| with(quiet, &["--timezone", "UTC", "--now", now, history.path.to_str().unwrap()]).code;
    let night = "quiet = \"22:00-07:00\"\n";
    assert_eq!((at("", "2026-03-02T22:15:00Z"), at("", "2026-03-02T22:15:01Z")), (0, 1));
    assert_eq!(at(night, "2026-03-03T06:59:00Z"), 0);
    assert_eq!((at(night, "2026-03-03T07:15:00Z"), at(night, "2026-03-03T07:15:01Z")), (0, 1));
    assert_eq!((at(night, "2026-03-03T08:05:00Z"), at(night, "2026-03-03T08:05:01Z")), (1, 2));
    let of_job = "[[job]]\nmatch = \"j\"\nquiet = [\"12:00-13:00\", \"22:00-23:30\"]\n";
    assert_eq!((at(of_job, "2026-03-02T23:45:00Z"), at(of_job, "2026-03-02T23:45:01Z")), (0, 1));
    // A silence that is over, and that the night explains.
    history.sql(
        "UPDATE scheduled_jobs SET last_run_at = '2026-03-03T07:05:00.000Z', next_run_at = '2026-03-03T08:00:00.000Z'",
    );
    history.fires("j", &["2026-03-03 07:06:00"]);
    assert_eq!((at("", "2026-03-03T07:30:00Z"), at(night, "2026-03-03T07:30:00Z")), (1, 0));
    assert_eq!(with("quiet = \"22-7\"\n", &INCIDENT).code, 3);
}

#[test]
fn a_config_file_is_found_where_the_help_says() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("sched-audit")).unwrap();
    std::fs::write(home.path().join("sched-audit/config.toml"), "fail_on = \"never\"\nignore = [\"heart*\"]\n")
        .unwrap();
    let with_home = |more: &[&str]| {
        let mut call = command();
        Run::from(call.env("XDG_CONFIG_HOME", home.path()).args(more).args(INCIDENT).output().unwrap())
    };
    assert_eq!((with_home(&[]).code, with_home(&["--no-config"]).code), (0, 2));
    let check = with_home(&["--check-config"]).out;
    assert!(check.contains(&format!("config: {}/sched-audit/config.toml", home.path().display())), "{check}");
    assert!(with_home(&["--check-config", "--no-config"]).out.contains("config: none"));
}
