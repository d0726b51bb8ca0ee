//! The file of `--config`.

use crate::{HOURLY, History, INCIDENT, INCIDENT_TIME, Run, command, run, run_unprivileged, run_unprivileged_with};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Runs with a file of this text.
pub fn with(text: &str, arguments: &[&str]) -> Run {
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
        ("\n[[job]]\nmatch = \"a\"\nmutes = []", "line 4: unknown key \"mutes\" in a [[job]]; did you mean \"mute\"?"),
        (
            "[[job]]\nmatch = \"a\"\nmute = [\"zero-token\"]",
            "line 3: mute: \"zero-token\" is not a problem or a detector; did you mean \"zero-tokens\"?",
        ),
        (
            "[[job]]\nmatch = \"a\"\nseverity = { run-log = \"info\" }",
            "line 3: severity: \"run-log\" is not a problem; did you mean \"run-long\"?",
        ),
        ("[severity]\n\nhung-run = \"info\"", "line 3: hung-run: \"hung-run\" is now \"run-hung\""),
        ("severity = { run-long = \"off\" }", "line 1: severity: \"off\": not one of info, warning, critical"),
        ("budget = { cost = 5 }", "line 1: budget: unknown field `cost`, expected `cost_usd` or `tokens`"),
        ("min_run = \"5s\"", "line 1: unknown key \"min_run\""),
        ("[[job]]\nmatch = \"a\"\nmin_run = 5", "line 3: min_run"),
        ("budget = {}", "line 1: budget: a budget needs cost_usd, tokens, or both, more than 0"),
        ("[[job]]\nmatch = \"a\"\nbudget = { cost_usd = 0 }", "line 3: budget: a budget needs"),
        ("budget = { cost_usd = nan }", "line 1: budget: a budget needs"),
        ("[[job]]\nmatch = \"a\"\nmute = [\"hung-run\"]", "line 3: mute: \"hung-run\" is now \"run-hung\""),
        ("[[mute]]\ncause = \"row-gone\"", "line 2: cause: \"row-gone\" is now \"jobs-gone\""),
        ("late_after = \"soon\"", "line 1: late_after: \"soon\""),
        ("\n[[job]]\nmatch = \"a\"\nlate_after = \"soon\"", "line 4: late_after: \"soon\""),
        ("max_run = 60", "line 1: max_run is text with a unit: write max_run = \"60m\""),
        (
            "[[job]]\nmatch = \"a\"\nmax_rum = \"1h\"",
            "line 3: unknown key \"max_rum\" in a [[job]]; did you mean \"max_run\"?",
        ),
        ("[[store]]\nmax_run = \"1h\"", "line 2: unknown key \"max_run\" in a [[store]]: it is for the whole file"),
        ("late_cadences = -1", "line 1: late_cadences: not a number from 0 to 1000"),
        ("zero_streak = 0", "line 1: zero_streak: 0: not a whole number of 1 or more"),
        ("fail_on = \"always\"", "line 1: fail_on: \"always\": not one of warning, critical, never"),
        ("timezone = \"Europe/Berln\"", "did you mean Europe/Berlin?"),
        ("[[job]]\nlate_after = \"1h\"", "line 1: a [[job]] needs match: write match = "),
        ("late_after", "line 1"),
    ] {
        let run = with(text, &["fixtures/incident.db"]);
        assert!(run.code == 3 && run.err.contains("agents.toml") && run.err.contains(said), "{text}: {}", run.err);
    }
    let absent: Run = command().args(["--config", "no/such.toml"]).output().unwrap().into();
    assert!(absent.code == 3 && absent.err.contains("no/such.toml: can't be read"), "{}", absent.err);
}

#[test]
fn typical_mistakes_say_what_to_type() {
    for (text, said) in [
        (
            "[[mute]]\ncause = \"undelivered\"\nuntil = 2026-05-01\n",
            "line 3: until in a [[mute]] is text in quotes: write until = \"2026-05-01\"",
        ),
        (
            "[[mute]]\njob = \"a\"\nuntil = 2026-05-01T12:00:00Z\n",
            "line 3: until in a [[mute]] is text in quotes: write until = \"2026-05-01T12:00:00Z\"",
        ),
        (
            "\n[job]\nmatch = \"a\"\n",
            "line 2: [job] stands in double brackets, because there can be several: write [[job]]",
        ),
        ("[[jobs]]\nmatch = \"a\"\n", "line 1: unknown key \"jobs\"; did you mean [[job]]?"),
        ("expect = \"x\"\n", "line 1: expect is a list: write expect = [\"x\"]"),
        (
            "[[job]]\nmatch = \"a\"\nmute = \"zero-tokens\"\n",
            "line 3: mute in a [[job]] is a list: write mute = [\"zero-tokens\"]",
        ),
        (
            "[[job]]\nmatch = \"a\"\nexpect = \"no\"\n",
            "line 3: expect in a [[job]] is true or false, without quotes: write expect = false",
        ),
        ("late_after = 15\n", "line 1: late_after is text with a unit: write late_after = \"15m\""),
        (
            "[[job]]\nmatch = \"a\"\nlost_after = 15\n",
            "line 3: lost_after in a [[job]] is text with a unit: write lost_after = \"15m\"",
        ),
        ("timeout = 30\n", "line 1: timeout is text with a unit: write timeout = \"30s\""),
        ("zero_streak = \"4\"\n", "line 1: zero_streak is a number, without quotes: write zero_streak = 4"),
        ("no_resolved = \"yes\"\n", "line 1: no_resolved is true or false, without quotes: write no_resolved = true"),
        (
            "[[job]]\nmatch = \"a\"\ntimezone = \"UTC\"\n",
            "line 3: unknown key \"timezone\" in a [[job]]: it is for the whole file, write it above the first [[job]]",
        ),
        ("[[job]]\nname = \"a\"\n", "line 2: unknown key \"name\" in a [[job]]: write match = \"a\""),
        ("[[mute]]\nmatch = \"a\"\n", "line 2: unknown key \"match\" in a [[mute]]: write job = \"a\""),
        (
            "[[job]]\nmatch = [\"a\", \"b\"]\n",
            "line 2: match is one pattern: write match = \"mail-*\", or a [[job]] for each",
        ),
        ("late-after = \"1h\"\n", "line 1: unknown key \"late-after\"; did you mean \"late_after\"?"),
        ("[thresholds]\nlate_after = \"1h\"\n", "line 1: unknown key \"thresholds\": thresholds are in no table"),
        ("mute = [\"zero-tokens\"]\n", "line 1: mute is a table of its own: write [[mute]]"),
        (
            "timezone = UTC # ours\n",
            "line 1: string values must be quoted, expected literal string: write timezone = \"UTC\"",
        ),
        ("late_after: 1h\n", "line 1: key with no value, expected `=`: write late_after = \"1h\""),
        ("late_after = \u{201c}1h\u{201d}\n", "use straight quotes, as in late_after = \"1h\""),
        ("state = \"~/x\n", "line 1: state: the quotes are not closed: write state = \"~/x\""),
        ("since = \"1d\"\nsince = \"2d\"\n", "line 2: since is set twice: keep one of them"),
        ("quiet = \"22-7\"\n", "line 1: quiet: \"22-7\": not a window of hours: write 22:00-07:00"),
        (
            "fail_on = \"Critical\"\n",
            "line 1: fail_on: \"Critical\": not one of warning, critical, never; did you mean \"critical\"?",
        ),
        (
            "nonsense_of_mine = 1\n",
            "line 1: unknown key \"nonsense_of_mine\"; sched-audit --generate config-keys lists all of them",
        ),
    ] {
        let run = with(text, &["fixtures/incident.db"]);
        assert!(run.code == 3 && run.err.contains(said), "{text}: {}", run.err);
    }
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
    let streaks = "zero_streak 5 is more than zero_streak_critical 3: a warning must come before critical";
    let cli = ["--zero-streak", "5", "--zero-streak-critical", "3", "fixtures/incident.db"];
    refused(run(&cli), streaks);
    let lateness = "late_after 3h is more than lost_after 1h";
    refused(run(&["--late-after", "3h", "--lost-after", "1h", "fixtures/incident.db"]), lateness);
    refused(with("zero_streak = 5\nzero_streak_critical = 3\n", &["fixtures/incident.db"]), streaks);
    refused(with("lost_after = \"1h\"\n", &["--late-after", "3h", "fixtures/incident.db"]), lateness);
    let rule = "\n[[job]]\nmatch = \"a\"\nlate_after = \"3h\"\nlost_after = \"1h\"\n";
    refused(with(rule, &["fixtures/incident.db"]), "agents.toml: line 2: late_after 3h is more than lost_after 1h");
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
    assert_eq!(run(&[&["-q", "--timeout", "30m", "--config", file.to_str().unwrap()][..], &INCIDENT].concat()).code, 2);
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

/// A config file of this text in a directory of its own, which everybody may read.
fn config_of(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    chmod(directory.path(), 0o755);
    let path = directory.path().join("agents.toml");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_others_can_write_is_not_obeyed() {
    let (directory, path) = config_of("fail_on = \"never\"\n");
    let audit = || run(&[&["--config", path.to_str().unwrap()][..], &INCIDENT].concat());
    assert_eq!(audit().code, 0);
    let refused = |why: &str| {
        let run = audit();
        assert!(run.code == 3 && run.err.contains("is not obeyed: ") && run.err.contains(why), "{why}: {}", run.err);
    };
    chmod(&path, 0o646);
    refused("agents.toml can be written by everybody (mode 0646): run chmod o-w");
    chmod(&path, 0o644);
    chmod(directory.path(), 0o777);
    refused("can be written by everybody (mode 0777)");
    chmod(directory.path(), 0o1777);
    assert_eq!(audit().code, 0, "nobody can replace a file of mine in a sticky directory");
    // For another user, it is root's where the tests run as root, and else somebody else's.
    let other = run_unprivileged(&[&["--config", path.to_str().unwrap()][..], &INCIDENT_TIME, &["x.db"]].concat());
    assert!(!other.err.contains("is not obeyed"), "{}", other.err);
    if std::os::unix::fs::chown(&path, Some(4321), None).is_ok() {
        refused("agents.toml is owned by user 4321, who is neither root nor the caller (user 0)");
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        std::os::unix::fs::chown(directory.path(), Some(4321), None).unwrap();
        refused("is owned by user 4321");
    }
}

#[test]
fn a_link_without_a_target_and_a_directory_that_cant_be_looked_at_are_errors() {
    let home = tempfile::tempdir().unwrap();
    chmod(home.path(), 0o755);
    let place = home.path().join("sched-audit");
    std::fs::create_dir(&place).unwrap();
    std::os::unix::fs::symlink("nowhere.toml", place.join("config.toml")).unwrap();
    let mut audit = command();
    let dangling: Run = audit.env("XDG_CONFIG_HOME", home.path()).args(INCIDENT).output().unwrap().into();
    assert!(dangling.code == 3 && dangling.err.contains("config.toml: can't be read"), "{}", dangling.err);
    chmod(&place, 0o700);
    let unread = run_unprivileged_with("XDG_CONFIG_HOME", home.path(), &["x.db"]);
    if std::fs::metadata(&place).unwrap().uid() == 0 {
        assert!(unread.code == 3 && unread.err.contains("config.toml: can't be read"), "{}", unread.err);
        assert!(unread.err.contains("pass --no-config"), "{}", unread.err);
    }
    let without = run_unprivileged_with("XDG_CONFIG_HOME", home.path(), &["--no-config", "x.db"]);
    assert!(without.err.contains("x.db"), "{}", without.err);
}

#[test]
fn a_job_is_either_expected_or_ignored() {
    for (text, said) in [
        (
            "expect = [\n\"a\",\n\"nightly\"]\nignore = [\"night*\"]\n",
            "line 3: expect \"nightly\" and ignore \"night*\"",
        ),
        ("ignore = [\"x\"]\n[[job]]\nmatch = \"x\"\nexpect = true\n", "line 2: expect \"x\" and ignore \"x\""),
    ] {
        let refused = with(text, &INCIDENT);
        assert!(refused.code == 3 && refused.err.contains(said), "{text}: {}", refused.err);
    }
    let refused = run(&[&["--expect", "a", "--ignore", "?"][..], &INCIDENT].concat());
    assert!(refused.code == 3 && refused.err.contains("contradict each other"), "{}", refused.err);
    assert_eq!(with("expect = [\"heartbeat\"]\nignore = [\"a*\"]\n", &INCIDENT).code, 2);
}

#[test]
fn check_config_shows_every_setting_and_where_it_comes_from() {
    let file = "\nquiet = \"01:00-02:00\"\nignore = [\"a\"]\nnotify = \"curl https://hooks.slack.com/services/T0/B0/abcdef\"\n\
                since = \"2d\"\n[[job]]\nmatch = \"heartbeat\"\nexpect = true\n";
    let check = with(
        file,
        &[&["--check-config", "--ignore", "b", "--since", "3d", "--late-after", "20m"], INCIDENT.as_slice()].concat(),
    );
    let shown = |key: &str| {
        let mut lines = check.out.lines().filter_map(|line| line.strip_prefix("  ")?.strip_prefix(key));
        lines.next().map(|rest| rest.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    for (key, said) in [
        ("quiet ", "line 2 01:00-02:00"),
        ("ignore ", "command line, line 3 \"b\", \"a\""),
        ("since ", "command line 3d"),
        ("timezone ", "command line UTC"),
        ("timeout ", "default 10s"),
        ("late_after ", "command line 20m"),
        ("lost_after ", "default 1h05m"),
        ("expect ", "a [[job]] \"heartbeat\""),
        ("databases ", "command line fixtures/incident.db"),
    ] {
        assert_eq!(shown(key), said, "{}", check.out);
    }
    assert!(shown("notify ").starts_with("line 4 curl https://") && !check.out.contains("abcdef"), "{}", check.out);
    let keys = run(&["--generate", "config-keys"]).out;
    let keys = keys.split("\n## `[[job]]`").next().unwrap();
    for key in keys.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()) {
        assert!(!shown(&format!("{key} ")).is_empty(), "{key}: {}", check.out);
    }
}

#[test]
fn the_template_with_its_defaults_changes_nothing() {
    let template = run(&["--generate", "config"]).out;
    let has_default = |pair: &[&str]| pair[0].contains("Default: ") && pair[1].starts_with('#');
    let lines: Vec<&str> = template.split("\n# A special case").next().unwrap().lines().collect();
    let defaults: Vec<&str> = lines.windows(2).filter(|pair| has_default(pair)).map(|pair| &pair[1][1..]).collect();
    let settable: Vec<&str> = defaults
        .into_iter()
        .filter(|line| !["notify ", "remind ", "state "].iter().any(|key| line.starts_with(key)))
        .collect();
    assert!(settable.len() >= 12, "{settable:?}");
    let audit = |text: &str| with(text, &[&["-f", "json"], INCIDENT.as_slice()].concat()).out;
    assert_eq!(audit(&settable.join("\n")), audit(""));
    assert_eq!(audit(&template), audit(""));
}
