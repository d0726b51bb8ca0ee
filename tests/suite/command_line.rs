//! Options, exit codes and output.

use crate::{HEALTHY, HOURLY, History, INCIDENT, RECOVERED, Run, command, run};
use std::process::Stdio;

#[test]
fn the_exit_code_follows_the_worst_severity() {
    assert_eq!(run(&HEALTHY).code, 0);
    assert_eq!(run(&["--now", "2026-05-01T06:25:30Z", "--timezone", "UTC", "fixtures/recovered.db"]).code, 1);
    assert_eq!(run(&INCIDENT).code, 2);
    assert_eq!(run(&["no/such.db"]).code, 3);
}

#[test]
fn fail_on_never_hides_what_could_not_be_audited() {
    for (fail_on, code) in [("warning", 2), ("critical", 2), ("never", 0)] {
        assert_eq!(command().args(["--fail-on", fail_on]).args(INCIDENT).status().unwrap().code(), Some(code));
        assert_eq!(run(&["--fail-on", fail_on, "no/such.db"]).code, 3);
    }
    let warning =
        ["--now", "2026-05-01T06:25:30Z", "--timezone", "UTC", "--fail-on", "critical", "fixtures/recovered.db"];
    assert_eq!(run(&warning).code, 0);
}

#[test]
fn exit_code_of_several_databases() {
    let now = ["--now", "2026-05-01T06:25:30Z", "--timezone", "UTC"];
    let code = |databases: &[&str]| command().args(now).args(databases).output().unwrap().status.code();
    assert_eq!(code(&["no/such.db", "fixtures/incident.db"]), Some(2));
    assert_eq!(code(&["fixtures/recovered.db", "no/such.db"]), Some(3));
    let both = run(&["--now", "2026-05-01T06:25:30Z", "--timezone", "UTC", "no/such.db", "fixtures/recovered.db"]);
    assert!(
        both.out.contains("\nfixtures/recovered.db\nOVER      heartbeat ")
            && both.err.contains("no/such.db: does not exist"),
        "{}{}",
        both.out,
        both.err
    );
}

#[test]
fn the_short_help_fits_on_a_screen_and_the_long_one_has_everything() {
    let help = |option: &str| Run::from(command().env("COLUMNS", "80").arg(option).output().unwrap()).out;
    let (short, long) = (help("-h"), help("--help"));
    assert!(short.lines().count() <= 40 && short.lines().all(|line| line.len() <= 80), "{short}");
    assert!(short.contains("Exit status: 0 ok, 1 warning") && short.contains("--set <KEY=VALUE>"), "{short}");
    for part in ["\nOutput:\n", "--timezone <ZONE>", "\nExamples:\n", "Home page: https://github.com/"] {
        assert!(long.contains(part) && !short.contains("--timezone"), "{part}: {long}");
    }
}

#[test]
fn thresholds_are_keys_of_set_and_the_options_of_before_are_understood_and_hidden() {
    for (given, from) in [(["--set", "zero_streak=11"], "--set"), (["--zero-streak", "11"], "command line")] {
        let settings = run(&[&given, &["--check-config", "fixtures/incident.db"][..]].concat()).out;
        let streak = settings.lines().find(|line| line.starts_with("  zero_streak "));
        assert!(streak.is_some_and(|line| line.contains(from) && line.contains("11")), "{given:?}: {settings}");
    }
    let shown = ["--help", "-h"].map(|option| run(&[option]).out).concat()
        + &["man", "complete-bash", "complete-zsh", "complete-fish", "options"]
            .map(|what| run(&["--generate", what]).out)
            .concat();
    assert!(!shown.contains("zero-streak") && !shown.contains("max-run") && shown.contains("--set"), "{shown}");
    let wrong = run(&["--set", "zero_strek=3"]);
    assert!(wrong.code == 3 && wrong.err.contains("did you mean \"zero_streak\"?"), "{}", wrong.err);
}

#[test]
fn the_man_page_has_files_environment_and_every_exit_code() {
    let man = run(&["--generate", "man"]).out;
    for part in [".SH \"FILES\"\n", ".SH \"ENVIRONMENT\"\n", "130  interrupted", "SCHED_AUDIT_TITLE", "How far back"] {
        assert!(man.contains(part), "{part}: {man}");
    }
}

#[test]
fn wrong_arguments_exit_3_and_say_what_is_right() {
    for (arguments, hint) in [
        (["--now", "2026-04-30T12:00:00"], "offset or Z"),
        (["--now", "1777456811"], "offset or Z"),
        (["--now", "yesterday"], "offset or Z"),
        (["--since", "soon"], "7d"),
        (["--timezone", "Europe/Berln"], "did you mean Europe/Berlin?"),
        (["--format", "xml"], "table"),
        (["--zero-streak", "0"], "not a whole number of 1 or more"),
        (["--timezone", "UTC+2"], "write an offset as UTC+02:00"),
        (["--timezone", "Berlin"], "did you mean Europe/Berlin?"),
        (["--late-cadences", "nan"], "0 to 1000"),
    ] {
        let run = run(&arguments);
        assert_eq!(run.code, 3, "{arguments:?}");
        assert!(run.err.contains(hint) && run.out.is_empty(), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn help_and_version_exit_0_and_name_the_exit_codes_and_sqlite() {
    let help = run(&["--help"]);
    assert!(help.code == 0 && help.out.contains("3  could not audit"));
    let version = run(&["--version"]);
    assert!(version.code == 0 && version.out.contains("SQLite 3."), "{}", version.out);
}

#[test]
fn quiet_prints_nothing() {
    let quiet = command().arg("-q").args(INCIDENT).output().unwrap();
    assert_eq!((quiet.status.code(), quiet.stdout.len(), quiet.stderr.len()), (Some(2), 0, 0));
}

#[test]
fn a_healthy_database_takes_four_lines_of_which_the_first_is_its_proof() {
    let healthy = command().env("COLUMNS", "100").args(HEALTHY).output().unwrap();
    let healthy = String::from_utf8(healthy.stdout).unwrap();
    let lines: Vec<&str> = healthy.lines().collect();
    assert_eq!(lines.len(), 4, "{healthy}");
    assert!(
        lines[0].starts_with("OK        13 jobs are fine: last run ") && lines[0].contains(", next run "),
        "{healthy}"
    );
}

/// A line to be pasted into a shell, which is never wrapped.
fn is_command(line: &str) -> bool {
    line.starts_with("sqlite3 ")
}

#[test]
fn the_table_fits_80_columns_and_all_lists_every_job() {
    let out = String::from_utf8(command().arg("-a").args(INCIDENT).output().unwrap().stdout).unwrap();
    for line in out.lines().filter(|line| !is_command(line)) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for name in ["heartbeat", "housekeeping", "mail-triage", "retro", "82m  13:22"] {
        assert!(out.contains(name), "{out}");
    }
}

#[test]
fn color_is_for_terminals_unless_asked_for() {
    assert!(!run(&INCIDENT).out.contains('\x1b'));
    let colored = command().args(["--color", "always"]).args(INCIDENT).output().unwrap();
    let colored = String::from_utf8(colored.stdout).unwrap();
    assert!(colored.starts_with("\x1b[1m\x1b[31mCRITICAL\x1b[0m  \x1b[1mheartbeat has not run"), "{colored}");
}

#[test]
fn job_named_like_a_severity_is_not_colored() {
    let history = History::new();
    history.job("critical-info", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    let path = history.path.to_str().unwrap();
    let painted = run(&["--color", "always", "-a", "--timezone", "UTC", "--now", "2026-03-02T12:00:00Z", path]).out;
    for line in painted.lines().filter(|line| line.contains("critical-info")) {
        let (before, after) = line.split_once("critical-info").unwrap();
        // A headline is bold.
        let before = before.trim_end_matches("\x1b[1m");
        assert!(!before.ends_with('m') || before.ends_with("\x1b[0m"), "{line:?}");
        assert!(!after.starts_with('\x1b'), "{line:?}");
    }
}

#[test]
fn piped_table_fits_columns_without_cut_words() {
    for columns in ["60", "80", "140"] {
        for more in [&["-a"][..], &[]] {
            let output = command().env("COLUMNS", columns).args(more).args(INCIDENT).output().unwrap();
            let out = String::from_utf8(output.stdout).unwrap();
            let width = columns.parse().unwrap();
            let fits = |line: &str| is_command(line) || line.chars().count() <= width;
            assert!(out.lines().all(fits), "{columns}: {out}");
            assert!(out.contains("restart alone") && out.contains("26 hourly runs lost"), "{out}");
        }
    }
}

#[test]
fn the_strip_has_its_legend_on_its_line_and_counts_as_the_line_above() {
    let out = run(&INCIDENT).out;
    let line = out.lines().find(|line| line.starts_with("Slots ")).unwrap_or_default().to_owned();
    let (strip, legend) = line.split_once("  ● ran").unwrap();
    assert!(strip.contains("○○○○○○××××") && legend == "  ○ failed  × lost", "{line}");
    assert!(strip.matches('×').count() == 26 && out.contains(", 26 hourly runs lost\n"), "one count: {out}");
}

#[test]
fn job_and_ignore_choose_by_id_or_name_and_a_typo_in_job_is_not_green() {
    let ignored = command().args(["--ignore", "heart*"]).args(INCIDENT).output().unwrap();
    assert_eq!(ignored.status.code(), Some(0));
    assert_eq!(command().args(["--job", "mail-*"]).args(INCIDENT).output().unwrap().status.code(), Some(0));
    for format in ["table", "json", "ndjson", "prometheus", "nagios", "github", "junit", "html"] {
        let typo =
            command().args(["--job", "mail-*", "--job", "nothing", "-f", format]).args(INCIDENT).output().unwrap();
        assert_eq!(typo.status.code(), Some(3), "{format}");
        assert!(String::from_utf8(typo.stderr).unwrap().contains("\"nothing\""), "{format}");
    }
    let unneeded = command().args(["--ignore", "nothing"]).args(HEALTHY).output().unwrap();
    assert!(unneeded.status.code() == Some(0) && String::from_utf8(unneeded.stdout).unwrap().contains("\"nothing\""));
}

#[test]
fn only_trouble_prints_nothing_while_the_exit_code_is_0() {
    let of = |arguments: &[&str]| run(&[&["--only-trouble"], arguments].concat());
    let (healthy, incident) = (of(&HEALTHY), of(&INCIDENT));
    assert_eq!((healthy.code, healthy.out.as_str(), healthy.err.as_str()), (0, "", ""));
    assert!(incident.code == 2 && incident.out.contains("heartbeat has not run"));
    let lenient = of(&[&["--fail-on", "never"], INCIDENT.as_slice()].concat());
    assert_eq!((lenient.code, lenient.out.as_str()), (0, ""));
}

#[test]
fn a_time_out_may_be_plain_seconds() {
    for timeout in ["7", "7s", "7000ms"] {
        assert_eq!(run(&[&["-t", timeout], HEALTHY.as_slice()].concat()).code, 0, "{timeout}");
    }
    assert!(run(&["-t", "soon"]).err.contains("7d"));
}

#[test]
fn expected_jobs_must_be_watched() {
    let expect = |pattern: &str| run(&[&["-f", "json", "--expect", pattern], HEALTHY.as_slice()].concat());
    for there in ["heartbeat", "poll-*"] {
        assert_eq!(expect(there).code, 0, "{there}");
    }
    for (missing, said) in [
        ("newsletter", "no job matches"),
        ("paused-hourly", "it is paused"),
        ("disabled-*", "it is disabled"),
        ("reminder-done*", "it is completed"),
    ] {
        let run = expect(missing);
        assert_eq!((run.code, run.incidents()), (2, vec!["critical expected-missing ongoing".to_owned()]), "{missing}");
        assert!(run.out.contains(said), "{missing}: {}", run.out);
    }
    let elsewhere = run(&[
        "--timezone",
        "UTC",
        "--now",
        "2026-04-30T12:00:00Z",
        "--fail-on",
        "never",
        "-f",
        "json",
        "--expect",
        "poll-5min",
        "fixtures/incident.db",
        "fixtures/healthy.db",
    ]);
    assert!(!elsewhere.out.contains("expected-missing"), "it may be in any of the databases");
}

#[test]
fn json_keys_do_not_depend_on_the_outcome() {
    let keys = |arguments: &[&str]| {
        let run = run(&[&["-f", "json"], arguments].concat());
        let json = run.json();
        assert_eq!(json["exit_code"], run.code);
        let object = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        (object(&json), object(&json["databases"][0]))
    };
    assert_eq!(keys(&HEALTHY), keys(&INCIDENT));
    assert_eq!(keys(&HEALTHY), keys(&["no/such.db"]));
    assert!(!run(&["-f", "json", "no/such.db"]).json()["databases"][0]["error"].is_null());
}

#[test]
fn clock_is_used_without_now() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    assert_eq!(command().arg("-q").arg(&history.path).status().unwrap().code(), Some(2), "long past by any clock");
}

#[test]
fn output_that_cannot_be_written_exits_3_and_a_closed_pipe_keeps_the_verdict() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = command().args(INCIDENT).stdout(full).output().unwrap();
    assert_eq!(run.status.code(), Some(3));
    assert!(String::from_utf8(run.stderr).unwrap().contains("can't be written"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = command().args(INCIDENT).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((closed.status.code(), closed.stderr.len()), (Some(2), 0));
}

#[test]
fn timeline_is_ascii_without_utf8() {
    let output = command().env("LC_ALL", "C").args(INCIDENT).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.is_ascii() && out.contains("######000000xxxxxx"), "{out}");
}

#[test]
fn store_reads_a_database_as_that_scheduler_and_never_as_another() {
    let foreign = tempfile::tempdir().unwrap();
    let path = foreign.path().join("other.db");
    super::open(&path).execute_batch("CREATE TABLE notes (text)").unwrap();
    let path = path.to_str().unwrap();
    let unknown = run(&[path]);
    assert!(unknown.code == 3 && unknown.err.contains("is not a scheduler's database"), "{}", unknown.err);
    assert!(unknown.err.contains("found: notes"), "{}", unknown.err);
    let openclaw = run(&["--store", "openclaw", "fixtures/incident.db"]);
    assert!(openclaw.code == 3 && openclaw.err.contains("is not a store of OpenClaw"), "{}", openclaw.err);
    let phantom = run(&["--store", "phantom", path]);
    assert!(phantom.code == 3 && phantom.err.contains("is not a database of phantom"), "{}", phantom.err);
}

#[test]
fn the_zone_is_found_whatever_the_zone_of_this_machine() {
    let verdict = |tz: &str| {
        let arguments = ["--format", "json", "--now", "2026-03-12T00:13:20Z", "fixtures/healthy.db"];
        let run = Run::from(command().env("TZ", tz).args(arguments).output().unwrap());
        (run.code, run.json()["databases"][0]["timezone"].to_string())
    };
    for tz in ["Asia/Tokyo", ":UTC", "nowhere"] {
        assert_eq!(verdict(tz), (0, r#"{"basis":"next-runs","jobs":5,"name":"UTC"}"#.to_owned()), "{tz}");
    }
    let wrong = run(&["--timezone", "Asia/Tokyo", "--now", "2026-03-12T00:13:20Z", "fixtures/healthy.db"]);
    assert!(wrong.code == 1 && wrong.out.contains("the time zone is not Asia/Tokyo"), "{}", wrong.out);
}

#[test]
fn a_name_with_a_colon_is_shown_whole_and_a_job_without_a_name_by_its_id() {
    let history = History::new();
    history.job("7f3a", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    let first_line = |history: &History| {
        let audit = command().args(["--timezone", "UTC", "--now", "2026-03-02T10:30:00Z"]).arg(&history.path).output();
        Run::from(audit.unwrap()).out.replace('\n', " ")
    };
    history.sql("UPDATE scheduled_jobs SET name = 'report: daily'");
    assert!(first_line(&history).contains(" report: daily can never run again: "), "{}", first_line(&history));
    history.sql("UPDATE scheduled_jobs SET name = ''");
    assert!(first_line(&history).contains(" 7f3a can never run again: "), "{}", first_line(&history));
}

#[test]
fn no_errors_leaves_error_texts_out_of_every_format() {
    for format in ["table", "json", "ndjson", "prometheus", "nagios", "github", "junit", "html"] {
        let with = run(&[&["-f", format, "--all"], &INCIDENT[..]].concat());
        let without = run(&[&["-f", format, "--all", "--no-errors"], &INCIDENT[..]].concat());
        assert_eq!(with.code, without.code);
        assert!(!without.out.contains("exited with code 1"), "{format}: {}", without.out);
    }
    assert!(run(&INCIDENT).out.contains("exited with code 1"));
}

/// The next step for a job whose last three runs failed, with this error on record.
fn next_step(error: Option<&str>, more: &[&str]) -> String {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history
        .fires("j", &["2026-03-02 07:01:00", "-2026-03-02 08:01:00", "-2026-03-02 09:01:00", "-2026-03-02 10:01:00"]);
    let set = "UPDATE scheduled_jobs SET last_run_status = 'error', consecutive_errors = 3, last_run_error = ?1";
    history.db.execute(set, [error]).unwrap();
    let incident = history.audit("2026-03-02T10:30:00Z", more).json()["incidents"][0].clone();
    let is_shown = error.is_some() && !more.contains(&"--no-errors");
    assert_eq!(incident["last_error"].as_str(), error.filter(|_| is_shown), "{incident}");
    incident["next_step"].as_str().unwrap().to_owned()
}

#[test]
fn no_errors_does_not_say_that_there_is_no_error_but_where_it_is() {
    let read = "Read the job's last error, then check the model's provider, its key, and the model's name.";
    assert_eq!(next_step(Some("HTTP 400"), &[]), read);
    let elsewhere = "The text of the error was not read: it is in last_run_error of the job's row.";
    assert_eq!(next_step(Some("HTTP 400"), &["--no-errors"]), format!("{read} {elsewhere}"));
    for more in [&[][..], &["--no-errors"]] {
        assert!(next_step(None, more).starts_with("The row has no error: read what the job answered"), "{more:?}");
    }
}

#[test]
fn no_errors_leaves_out_why_a_message_was_not_delivered() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 10:00:59"]);
    history.sql("UPDATE scheduled_jobs SET last_delivery_status = 'error: chat 17 not found'");
    let [with, without] = [&[][..], &["--no-errors"]].map(|more| history.audit("2026-03-02T10:30:00Z", more));
    assert!(with.out.contains("not found") && !without.out.contains("not found"), "{}", without.out);
    assert_eq!((with.findings(), with.fingerprints()), (without.findings(), without.fingerprints()));
}

#[test]
fn all_formats_say_the_same_of_when_an_incident_was_resolved() {
    for format in ["table", "nagios", "github", "junit", "html"] {
        let text = run(&[&["-f", format], &RECOVERED[..]].concat()).out;
        assert!(
            text.contains("resolved 2026-04-30 21:25 UTC")
                || text.contains("to 2026-04-30 21:25 UTC")
                || text.contains(">2026-04-30 21:25</time>"),
            "{format}: {text}"
        );
        assert!(!text.contains(", 40h"), "{format}: {text}");
    }
}

#[test]
fn what_is_over_is_left_out_of_exit_code_and_formats_if_asked() {
    let recovered = run(&RECOVERED);
    assert_eq!(recovered.code, 1, "a warning for a day: {}", recovered.out);
    for format in ["table", "json", "ndjson", "prometheus", "nagios", "github", "junit", "html"] {
        let green = run(&[&["--no-resolved", "--format", format][..], &RECOVERED].concat());
        assert_eq!(green.code, 0, "{format}: {}", green.out);
        assert!(!green.out.contains("silent for") && !green.out.contains("resolved 2026"), "{format}: {}", green.out);
    }
    let critical = run(&[&["--no-resolved", "-q"][..], &INCIDENT].concat());
    assert_eq!(critical.code, 2, "what lasts stays");
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("a.toml");
    std::fs::write(&config, "no_resolved = true\nprocess = \"ignore\"\n").unwrap();
    let green = command().arg("--config").arg(&config).args(RECOVERED).output().unwrap();
    assert_eq!(green.status.code(), Some(0));
    std::fs::write(&config, "process = \"never\"\n").unwrap();
    let wrong = Run::from(command().arg("--config").arg(&config).args(RECOVERED).output().unwrap());
    assert!(wrong.code == 3 && wrong.err.contains("not one of auto, ignore"), "{}", wrong.err);
}
