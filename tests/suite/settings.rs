//! What is the operator's: how bad a problem is, what may be spent in a day, which runs did nothing, and which files they write.

use crate::config::with;
use crate::{HOURLY, History, Run, command, run_unprivileged};
use std::path::Path;
use std::time::{Duration, SystemTime};

const NOW: &str = "2026-03-02T12:40:00Z";

/// Two hourly jobs, of which one is 40 minutes late.
fn one_late_job() -> History {
    let history = History::new();
    for (id, run) in [("late", "11"), ("fine", "12")] {
        let (last, next) = (format!("2026-03-02T{run}:00:00.000Z"), format!("2026-03-02T{:02}:00:00.000Z", 12));
        let next = if id == "late" { next } else { "2026-03-02T13:00:00.000Z".to_owned() };
        history.job(id, "cron", HOURLY, Some(&last), Some(&next));
        history.fires(id, &[&format!("2026-03-02 {run}:01:00")]);
    }
    history
}

/// Audits with a file of this text.
fn audit(history: &History, file: &str, more: &[&str]) -> Run {
    let path = history.path.to_str().unwrap();
    with(&format!("timezone = \"UTC\"\n{file}"), &[&["--now", NOW, path][..], more].concat())
}

#[test]
fn the_severity_of_the_operator_is_that_of_every_format_and_of_the_exit_code() {
    let history = one_late_job();
    let rule = |severity: &str| format!("[[job]]\nmatch = \"late\"\nseverity = {{ overdue = \"{severity}\" }}\n");
    assert_eq!(audit(&history, "", &[]).code, 1);
    for (file, code, word) in [
        (rule("info"), 0, "info"),
        (rule("warning"), 1, "warning"),
        (rule("critical"), 2, "critical"),
        ("severity = { overdue = \"critical\" }\n".to_owned(), 2, "critical"),
        (format!("severity = {{ overdue = \"critical\" }}\n{}", rule("info")), 0, "info"),
    ] {
        let json = audit(&history, &file, &["-f", "json"]);
        assert_eq!((json.code, json.json()["severity"].as_str()), (code, Some(word)), "{file}");
        assert_eq!(json.json()["findings"][0]["severity"], word, "{file}");
        let metrics = audit(&history, &file, &["-f", "prometheus"]);
        let severity = format!("job_id=\"late\",job_name=\"late\"}} {code}\n");
        let line =
            metrics.out.lines().find(|line| line.starts_with("sched_audit_job_severity{") && line.contains("late"));
        assert_eq!(
            (metrics.code, line.map(|line| format!("{line}\n").ends_with(&severity))),
            (code, Some(true)),
            "{file}"
        );
        let nagios = audit(&history, &file, &["-f", "nagios"]);
        let begins = ["SCHED OK", "SCHED WARNING", "SCHED CRITICAL"][usize::try_from(code).unwrap()];
        assert!(nagios.code == code && nagios.out.starts_with(begins), "{file}: {}", nagios.out);
    }
}

#[test]
fn a_job_that_is_critical_to_the_operator_alone_has_not_stopped() {
    let history = one_late_job();
    let table = audit(&history, "severity = { overdue = \"critical\" }\n", &[]).out;
    assert!(table.starts_with("CRITICAL  nothing has run for 2h") && !table.contains("stopped"), "{table}");
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "the clock can be set in a debug build only")]
fn notify_tells_what_is_critical_to_the_operator_and_not_what_is_info() {
    let history = one_late_job();
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state.json");
    let tell = |severity: &str, on: &str| {
        let _ = std::fs::remove_file(&state);
        let config = home.path().join("agents.toml");
        std::fs::write(&config, format!("timezone = \"UTC\"\nseverity = {{ overdue = \"{severity}\" }}\n")).unwrap();
        let mut call = command();
        call.env("SCHED_AUDIT_TEST_CLOCK", NOW).args(["--process", "ignore", "--notify", "-", "--notify-on", on]);
        call.arg("--config").arg(config).arg("--state").arg(&state).arg(&history.path);
        Run::from(call.output().unwrap()).out
    };
    assert!(tell("critical", "critical").starts_with("CRITICAL on "));
    assert_eq!((tell("warning", "critical").as_str(), tell("info", "warning").as_str()), ("", ""));
}

#[test]
fn check_config_says_how_bad_a_problem_is_and_where_that_is_set() {
    let file = "severity = { overdue = \"critical\" }\n[[job]]\nmatch = \"late\"\nseverity = { run-long = \"info\" }\n";
    let told = audit(&one_late_job(), file, &["--check-config"]).out;
    let mut lines = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    assert!(lines.any(|line| line == "severity line 2 overdue critical"), "{told}");
    assert!(told.contains("late: severity run-long info (") && told.contains("line 3)"), "{told}");
}

/// An hourly job that has run at 10, 11, and 12 o'clock for 2 dollars and 14 tokens each time.
fn three_paid_runs() -> History {
    let history = History::new();
    history.job("dear", "cron", HOURLY, Some("2026-03-02T12:00:00.000Z"), Some("2026-03-02T13:00:00.000Z"));
    history.fires("dear", &["2026-03-02 10:01:00", "2026-03-02 11:01:00", "2026-03-02 12:01:00"]);
    history.sql("UPDATE cost_events SET cost_usd = 2");
    history
}

#[test]
fn a_budget_that_is_spent_is_in_every_format() {
    let history = three_paid_runs();
    for (budget, code) in [("cost_usd = 6.0001", 0), ("cost_usd = 6", 1), ("cost_usd = 3", 2), ("tokens = 42", 1)] {
        for file in
            [format!("budget = {{ {budget} }}\n"), format!("[[job]]\nmatch = \"dear\"\nbudget = {{ {budget} }}\n")]
        {
            for format in ["table", "json", "ndjson", "prometheus", "nagios", "github", "junit", "html"] {
                let run = audit(&history, &file, &["-f", format]);
                assert_eq!(run.code, code, "{file} {format}: {}{}", run.out, run.err);
                let is_told = run.out.contains("over-budget");
                assert!(
                    is_told == (code > 0) || ["table", "github", "html", "nagios"].contains(&format),
                    "{file} {}",
                    run.out
                );
            }
        }
    }
    let table = audit(&history, "budget = { cost_usd = 3 }\n", &[]).out;
    let words: Vec<&str> = table.split_whitespace().collect();
    let words = words.join(" ");
    for part in [
        "the jobs have spent the day's budget of the database",
        "all jobs together have used 6.00 USD of a budget of 3.00 USD; at this rate the day comes to 11.37 USD",
    ] {
        assert!(words.contains(part), "{part}: {table}");
    }
    let of_job = "[[job]]\nmatch = \"dear\"\nbudget = { cost_usd = 3 }\n";
    let table = audit(&history, of_job, &[]).out;
    assert!(
        table.starts_with("CRITICAL  dear has spent its budget of the day") && !table.contains("stopped"),
        "{table}"
    );
}

#[test]
fn what_was_spent_of_a_budget_is_in_json_and_a_metric_and_without_one_neither_is() {
    let history = three_paid_runs();
    let file = "budget = { cost_usd = 10 }\n[[job]]\nmatch = \"dear\"\nbudget = { tokens = 100 }\n";
    let json = audit(&history, file, &["-f", "json"]).json();
    let database = &json["databases"][0];
    assert_eq!(database["budget"]["cost_usd"]["spent"], 6.0);
    assert_eq!(
        (&database["budget"]["tokens"], &database["budget"]["day_from"]),
        (&().into(), &"2026-03-02T00:00:00Z".into())
    );
    assert_eq!(database["jobs"][0]["budget"]["tokens"]["budget"], 100.0);
    let metrics = audit(&history, file, &["-f", "prometheus"]).out;
    for (name, value) in [
        ("sched_audit_budget_cost_usd", "10"),
        ("sched_audit_spent_cost_usd", "6"),
        ("sched_audit_job_budget_tokens", "100"),
        ("sched_audit_job_spent_tokens", "42"),
    ] {
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name}{{")));
        assert!(line.is_some_and(|line| line.ends_with(&format!("}} {value}"))), "{name} {value}: {metrics}");
    }
    assert!(!metrics.contains("sched_audit_budget_tokens") && !metrics.contains("sched_audit_job_budget_cost_usd"));
    let plain = audit(&history, "", &["-f", "json"]).out + &audit(&history, "", &["-f", "prometheus"]).out;
    assert!(!plain.contains("budget") && !plain.contains("spent"), "{plain}");
}

#[test]
fn a_budget_in_what_is_not_on_record_is_a_warning_and_no_silence() {
    let history = three_paid_runs();
    history.sql("UPDATE cost_events SET cost_usd = 0");
    let run = audit(&history, "[[job]]\nmatch = \"*\"\nbudget = { cost_usd = 5 }\n", &["-f", "json"]);
    assert_eq!((run.code, run.incidents()), (1, vec!["warning unjudged ongoing".to_owned()]));
    assert!(run.out.contains("no run has its cost on record"), "{}", run.out);
}

#[test]
fn runs_that_end_sooner_than_min_run_did_nothing() {
    let history = History::new();
    history.job("quick", "cron", HOURLY, Some("2026-03-02T12:00:00.000Z"), Some("2026-03-02T13:00:00.000Z"));
    history
        .fires("quick", &["2026-03-02 09:01:00", "2026-03-02 10:00:04", "2026-03-02 11:00:04", "2026-03-02 12:00:04"]);
    history.sql("UPDATE scheduled_jobs SET last_run_duration_ms = 4000, updated_at = '2026-03-02 12:00:04'");
    let rule = |least: &str| format!("[[job]]\nmatch = \"quick\"\nmin_run = \"{least}\"\n");
    let json = audit(&history, &rule("5s"), &["-f", "json"]);
    assert_eq!((json.code, json.incidents()), (1, vec!["warning run-short ongoing".to_owned()]));
    let told = "3 runs in a row took 4.0s at most, less than min_run 5s, the last one 40m ago";
    assert_eq!(json.json()["findings"][0]["message"], told);
    assert_eq!(json.json()["databases"][0]["jobs"][0]["slots"]["marks"], "#000");
    assert_eq!(audit(&history, &rule("4s"), &["-f", "json"]).incidents(), Vec::<String>::new());
    let lines = audit(&history, &rule("5s"), &["--job", "quick", "--history"]).out;
    assert!(lines.contains("ended too soon"), "{lines}");
    assert!(audit(&history, &rule("5s"), &["--check-config"]).out.contains("quick: min_run 5s ("));
}

/// A daily job that ran at 07:00 on 2 March, and the file of a config that expects reports of it beside the file.
fn reporter() -> (History, std::path::PathBuf) {
    let history = History::new();
    let next = Some("2026-03-03T07:00:00.000Z");
    history.job("report", "cron", r#"{"expr":"0 7 * * *"}"#, Some("2026-03-02T07:00:00.000Z"), next);
    history.fires("report", &["2026-03-01 07:01:00", "2026-03-02 07:01:00"]);
    let file = history.directory.path().join("agents.toml");
    let text = "timezone = \"UTC\"\n[[job]]\nmatch = \"report\"\noutput = \"reports/*.md\"\nmax_run = \"1h\"\n";
    std::fs::write(&file, text).unwrap();
    std::fs::create_dir(history.directory.path().join("reports")).unwrap();
    (history, file)
}

/// Writes an empty report at that time of 2 March.
fn report(history: &History, name: &str, hour: u64) {
    let file = std::fs::File::create(history.directory.path().join("reports").join(name)).unwrap();
    let midnight = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_409_600);
    file.set_modified(midnight + Duration::from_secs(hour * 3600)).unwrap();
}

fn look(history: &History, file: &Path, now: &str) -> Run {
    let arguments = ["-f", "json", "--now", now, "--config", file.to_str().unwrap(), history.path.to_str().unwrap()];
    crate::run(&arguments)
}

#[test]
fn a_run_without_the_file_that_it_should_write_is_told_after_max_run() {
    let (history, file) = reporter();
    let incidents = |now: &str| look(&history, &file, now).incidents();
    let missing = vec!["warning no-output ongoing".to_owned()];
    report(&history, "old.md", 6);
    assert_eq!((incidents("2026-03-02T08:00:00Z"), incidents("2026-03-02T08:00:01Z")), (vec![], missing.clone()));
    report(&history, "new.txt", 8);
    assert_eq!(incidents("2026-03-02T08:30:00Z"), missing);
    let told = look(&history, &file, "2026-03-02T08:30:00Z").json();
    let message = told["findings"][0]["message"].as_str().unwrap().to_owned();
    let parts = [
        "no file ",
        "/reports/*.md was written since its run of 2026-03-02 07:00 UTC, which was fine; the newest is from 2026-03-02 06:00 UTC",
    ];
    assert!(message.starts_with(parts[0]) && message.ends_with(parts[1]), "{message}");
    report(&history, "new.md", 7);
    assert_eq!(incidents("2026-03-02T08:30:00Z"), Vec::<String>::new());
}

#[test]
fn a_folder_that_can_not_be_read_is_not_healthy_and_files_are_never_opened() {
    use std::os::unix::fs::PermissionsExt;
    let (history, file) = reporter();
    let reports = history.directory.path().join("reports");
    report(&history, "new.md", 8);
    let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    allow(history.directory.path(), 0o755);
    allow(&history.path, 0o644);
    let now = ["-f", "json", "--now", "2026-03-02T08:30:00Z"];
    let look = || {
        run_unprivileged(&[&now[..], &["--config", file.to_str().unwrap(), history.path.to_str().unwrap()]].concat())
    };
    // Neither the folder's owner nor the file's reader is this user: its time is read all the same.
    allow(&reports.join("new.md"), 0o000);
    assert_eq!(look().incidents(), Vec::<String>::new(), "{}", look().err);
    allow(&reports, 0o000);
    let hidden = look();
    allow(&reports, 0o755);
    assert_eq!((hidden.code, hidden.incidents()), (1, vec!["warning unjudged ongoing".to_owned()]));
    assert!(
        hidden.out.contains("/reports/*.md can't be read: ") && hidden.out.contains("ermission denied"),
        "{}",
        hidden.out
    );
}
