//! What is the operator's: how bad a problem is.

use crate::config::with;
use crate::{HOURLY, History, Run};

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
    assert!(table.contains("1 of 2 jobs in trouble") && !table.contains("has stopped"), "{table}");
}

#[test]
fn notify_tells_what_is_critical_to_the_operator_and_not_what_is_info() {
    let history = one_late_job();
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state.json");
    let tell = |severity: &str, on: &str| {
        let _ = std::fs::remove_file(&state);
        let file = format!("severity = {{ overdue = \"{severity}\" }}\n");
        audit(&history, &file, &["--notify", "-", "--notify-on", on, "--state", state.to_str().unwrap()]).out
    };
    assert!(tell("critical", "critical").starts_with("CRITICAL on "));
    assert_eq!((tell("warning", "critical").as_str(), tell("info", "warning").as_str()), ("", ""));
}

#[test]
fn check_config_says_how_bad_a_problem_is_and_where_that_is_set() {
    let file = "severity = { overdue = \"critical\" }\n[[job]]\nmatch = \"late\"\nseverity = { run-long = \"info\" }\n";
    let told = audit(&one_late_job(), file, &["--check-config"]).out;
    assert!(told.contains("\nseverity overdue critical\n"), "{told}");
    assert!(told.contains("late: severity run-long info (") && told.contains("line 3)"), "{told}");
}
