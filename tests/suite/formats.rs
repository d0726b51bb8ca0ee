//! The formats that programs read.

use crate::config::with;
use crate::{HEALTHY, HOURLY, History, INCIDENT, RECOVERED, Run, command, run};
use serde_json::Value;

const FORMATS: [&str; 8] = ["table", "json", "ndjson", "prometheus", "nagios", "github", "junit", "html"];

fn formatted(format: &str, arguments: &[&str]) -> Run {
    run(&[&["--format", format], arguments].concat())
}

/// A database in which every text is out to do harm.
pub fn hostile() -> History {
    let history = History::new();
    let evil = "a|b=1;;\n::error::x\r##[error]y\t\"}\\ 1\n# TYPE z gauge\x1b[31m%0A<b>`$(x)`\u{202e}";
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history
        .db
        .execute("UPDATE scheduled_jobs SET id = ?1, name = ?1, last_run_error = ?1, status = ?1", [evil])
        .unwrap();
    history
}

fn of_hostile(format: &str) -> Run {
    let history = hostile();
    formatted(format, &["--timezone", "UTC", "--now", "2026-03-04T12:00:00Z", history.path.to_str().unwrap()])
}

#[test]
fn the_exit_code_does_not_depend_on_the_format() {
    for format in FORMATS {
        for (arguments, code) in [(HEALTHY, 0), (RECOVERED, 1), (INCIDENT, 2)] {
            assert_eq!(formatted(format, &arguments).code, code, "{format}");
        }
        assert_eq!(formatted(format, &["no/such.db"]).code, 3, "{format}");
    }
}

#[test]
fn every_format_reports_what_could_not_be_audited() {
    for format in FORMATS.into_iter().filter(|format| *format != "prometheus") {
        assert!(formatted(format, &["no/such.db"]).out.contains("does not exist"), "{format}");
    }
    assert!(formatted("prometheus", &["no/such.db"]).out.contains("sched_audit_success{database=\"no/such.db\"} 0\n"));
    for format in FORMATS.into_iter().filter(|format| *format != "table") {
        let sign = if format == "prometheus" { "sched_audit_success{database=\"\"} 0" } else { "yesterday" };
        for arguments in [["--now", "yesterday", "--format", format], ["--format", format, "--now", "yesterday"]] {
            let wrong = run(&arguments);
            assert!(wrong.code == 3 && wrong.out.contains(sign), "{arguments:?}: {}", wrong.out);
        }
        let unknown = run(&["--no-such-option", "--format", format]);
        assert!(unknown.code == 3 && !unknown.out.is_empty() && !unknown.err.is_empty(), "{format}");
    }
}

#[test]
fn no_format_lets_database_text_control_a_terminal() {
    for format in FORMATS {
        let run = of_hostile(format);
        let controls = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(run.code == 2 && !run.out.contains(controls), "{format}: {}", run.out);
        for start in ["::error::x", "##[error]", "# TYPE z"] {
            assert!(run.out.lines().all(|line| !line.trim_start().starts_with(start)), "{format}: {}", run.out);
        }
    }
}

#[test]
fn nagios_first_line_and_performance_data() {
    let incident = formatted("nagios", &INCIDENT).out;
    let (line, performance) = incident.lines().next().unwrap().split_once(" | ").unwrap();
    assert_eq!(line, "SCHED CRITICAL - heartbeat has not run for 26h: stopped after 10 errors in a …");
    for value in [
        "critical=1;;0;0",
        "warning=0;0;;0",
        "overdue=90000s;;;0",
        "missed_slots=26;;;0",
        "zero_token_streak=10;2;4;0",
        "in_flight=0s;;14400;0",
    ] {
        assert!(performance.split(' ').any(|one| one == value), "{value}: {performance}");
    }
    assert!(incident.lines().skip(1).all(|line| !line.contains('|')) && incident.lines().count() == 2, "{incident}");
    let healthy = formatted("nagios", &HEALTHY).out;
    assert!(healthy.starts_with("SCHED OK - 13 jobs are fine | critical=0;;0;0 "), "{healthy}");
    let recovered = formatted("nagios", &RECOVERED).out;
    assert!(recovered.starts_with("SCHED WARNING - heartbeat runs again, after 34 lost runs |"), "{recovered}");
    assert!(formatted("nagios", &["no/such.db"]).out.starts_with("SCHED UNKNOWN - no/such.db: does not exist"));
    let deep = formatted("nagios", &["/a/long/way/down/to/where/no/data/phantom.db"]).out;
    assert!(deep.starts_with("SCHED UNKNOWN - …where/no/data/phantom.db: does not exist; give"), "{deep}");
}

#[test]
fn nagios_first_line_is_short_and_counts_the_rest() {
    let history = History::new();
    for job in 0..15 {
        let name = format!("a-job-with-a-rather-long-name-{job}");
        history.job(&name, "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    }
    let path = history.path.to_str().unwrap();
    let late = ["--timezone", "UTC", "--now", "2026-05-04T12:00:00Z", path, "fixtures/incident.db", "no/such.db"];
    for (databases, end) in [(5, "…, +14 others"), (7, ", +16 others, 1 unread")] {
        let text = formatted("nagios", &late[..databases]).out;
        let line = text.split(" | ").next().unwrap();
        assert!(line.chars().count() < 80 && line.ends_with(end), "{line}");
        assert!(text.lines().count() <= 10 && text.lines().last().unwrap().starts_with("and "), "{text}");
    }
}

#[test]
fn html_page_lists_incidents_then_jobs_and_escapes_everything() {
    let page = formatted("html", &INCIDENT).out;
    for part in [
        "<title>sched-audit: heartbeat has not run for 26h: stopped after 10 errors in a row",
        "Claude Code process exited",
        "UPDATE scheduled_jobs",
        "mail-triage",
        "××××",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("default-src 'none'"));
    let hostile = of_hostile("html").out;
    for active in ["<b>", "<script", "javascript:", "onload", "http"] {
        let own = if active == "http" { 2 } else { 0 };
        assert_eq!(hostile.matches(active).count(), own, "{active}");
    }
}

#[test]
fn nagios_word_follows_the_exit_code() {
    let lenient = formatted("nagios", &[&["--fail-on", "never"], INCIDENT.as_slice()].concat());
    assert!(lenient.code == 0 && lenient.out.starts_with("SCHED OK - heartbeat has not run"), "{}", lenient.out);
}

#[test]
fn ignored_jobs_do_not_count() {
    let ignoring = [&["--ignore", "heartbeat"], INCIDENT.as_slice()].concat();
    let out = formatted("nagios", &ignoring).out;
    assert!(out.contains(" overdue=0s;;;0 missed_slots=0;;;0 zero_token_streak=0;2;4;0"), "{out}");
    assert!(!formatted("prometheus", &ignoring).out.contains("heartbeat"));
}

#[test]
fn nagios_output_has_no_performance_data_or_tags_from_the_database() {
    let out = of_hostile("nagios").out;
    assert_eq!(out.matches('|').count(), 1, "{out}");
    assert!(!out.contains(['<', '>']), "{out}");
}

#[test]
fn github_shows_ten_annotations_and_counts_the_rest() {
    let history = History::new();
    for job in 0..15 {
        history.job(&format!("j{job}"), "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    }
    let path = history.path.to_str().unwrap();
    let arguments = ["--timezone", "UTC", "--now", "2026-03-04T12:00:00Z", "no/such.db", path];
    let out = formatted("github", &arguments).out;
    let lines: Vec<&str> = out.lines().collect();
    let annotations = lines.iter().filter(|line| line.starts_with("::error title=")).count();
    assert_eq!((annotations, lines.len()), (10, 11), "{out}");
    assert!(lines[10].ends_with("databases: 2, not audited: 1, incidents: 15, muted: 0, not annotated: 6"), "{out}");
    assert_eq!(formatted("github", &INCIDENT).out.lines().count(), 2);
}

#[test]
fn annotations_have_the_level_of_their_severity_and_are_escaped() {
    let warning = formatted("github", &RECOVERED).out;
    assert!(
        warning
            .starts_with("::warning title=heartbeat runs again%2C after 34 lost runs::10 runs in a row used no tokens"),
        "{warning}"
    );
    assert!(
        formatted("github", &HEALTHY).out.starts_with("sched-audit: ok; databases: 1, not audited: 0, incidents: 0")
    );
    let out = of_hostile("github").out;
    let first = out.lines().next().unwrap();
    let title = first.strip_prefix("::error title=").and_then(|rest| rest.split_once("::")).unwrap().0;
    assert!(!title.contains([':', ',']) && title.contains("%250A"), "{title}");
}

#[test]
fn ndjson_has_one_line_per_incident_and_unread_database() {
    let lines = |arguments: &[&str]| -> Vec<Value> {
        formatted("ndjson", arguments).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert!(lines(&HEALTHY).is_empty());
    let both = lines(&[INCIDENT.as_slice(), &["no/such.db"]].concat());
    let kinds: Vec<&str> = both.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["error", "incident"]);
    assert_eq!(both[0]["database"], "no/such.db");
    let json = formatted("json", &INCIDENT).json();
    let incident = json["incidents"][0].as_object().unwrap();
    assert!(incident.iter().all(|(key, value)| &both[1][key] == value), "{incident:?}");
    let evidence = json["findings"].as_array().unwrap();
    assert!(evidence.len() == 2 && evidence.iter().all(|finding| finding["incident"] == incident["fingerprint"]));
}

/// Every number that a metric gives, by its name and labels.
fn metric<'a>(text: &'a str, series: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

#[test]
fn metrics_equal_the_json() {
    let text = formatted("prometheus", &INCIDENT).out;
    let json = formatted("json", &INCIDENT).json();
    for job in json["databases"][0]["jobs"].as_array().unwrap() {
        let labels = format!(
            "{{database=\"fixtures/incident.db\",job_id=\"{}\",job_name=\"{}\"}}",
            job["id"].as_str().unwrap(),
            job["name"].as_str().unwrap()
        );
        let number = |family: &str| {
            metric(&text, &format!("sched_audit_job_{family}{labels}")).map(|text| text.parse::<f64>().unwrap())
        };
        for (family, key) in [
            ("missed_slots", "missed_slots"),
            ("zero_token_streak", "zero_token_streak"),
            ("cadence_seconds", "cadence_seconds"),
        ] {
            assert_eq!(number(family), job[key].as_f64(), "{family} of {labels}");
        }
        for (family, key) in [
            ("last_fire_timestamp_seconds", "last_fire_at"),
            ("last_success_timestamp_seconds", "last_success_at"),
            ("next_run_timestamp_seconds", "next_run_at"),
        ] {
            let at = job[key].as_str().map(|text| chrono::DateTime::parse_from_rfc3339(text).unwrap());
            assert_eq!(number(family), at.map(|at| at.timestamp_millis() as f64 / 1000.0), "{family} of {labels}");
        }
        let severity = if job["severity"] == "critical" { 2.0 } else { 0.0 };
        assert_eq!(number("severity"), Some(severity), "{labels}");
    }
    let of_database = |rest: &str| metric(&text, &format!("sched_audit_{rest}"));
    let print = json["incidents"][0]["fingerprint"].as_str().unwrap();
    let of_incident = format!("{{cause=\"job-failing\",database=\"fixtures/incident.db\",fingerprint=\"{print}\"");
    let start = format!("incident_start_timestamp_seconds{of_incident},severity=\"critical\"}}");
    assert_eq!(of_database(&start), Some("1777438807"), "the first bad fire");
    let info = format!("incident_info{of_incident},first_job=\"heartbeat\",jobs=\"1\",severity=\"critical\"}}");
    assert_eq!(of_database(&info), Some("1"));
    let due = text.lines().find(|line| line.starts_with("sched_audit_job_due_timestamp_seconds{")).unwrap();
    assert!(due.contains("heartbeat") && due.ends_with(" 1777460400"), "{due}");
    assert_eq!(of_database("incidents{database=\"fixtures/incident.db\",severity=\"critical\"}"), Some("1"));
    assert_eq!(of_database("jobs{database=\"fixtures/incident.db\",state=\"watched\"}"), Some("6"));
    assert_eq!(of_database("success{database=\"fixtures/incident.db\"}"), Some("1"));
    assert_eq!(of_database("timestamp_seconds{database=\"fixtures/incident.db\"}"), Some("1777550400"));
}

#[test]
fn unread_database_has_only_metrics_of_the_audit_itself() {
    let text = formatted("prometheus", &["no/such.db"]).out;
    let series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(series.iter().all(|line| line.contains("{database=\"no/such.db\"")), "{text}");
    let names: Vec<&str> = series.iter().map(|line| line.split('{').next().unwrap()).collect();
    let own = ["build_info", "duration_seconds", "success", "timestamp_seconds"];
    assert_eq!(names, own.map(|name| format!("sched_audit_{name}")));
    let two = formatted("prometheus", &INCIDENT).out;
    assert!(
        two.lines()
            .filter(|line| !line.starts_with('#'))
            .all(|line| line.contains("database=\"fixtures/incident.db\""))
    );
}

#[test]
fn metrics_include_what_no_finding_reports_yet() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 08:01:00", "-2026-03-02 09:01:00", "-2026-03-02 10:01:00"]);
    let path = history.path.to_str().unwrap();
    let early = formatted("prometheus", &["--timezone", "UTC", "--now", "2026-03-02T11:00:30Z", path]).out;
    let of_job = |family: &str| {
        metric(&early, &format!("sched_audit_job_{family}{{database=\"{path}\",job_id=\"j\",job_name=\"j\"}}"))
    };
    assert_eq!(
        (of_job("severity"), of_job("zero_token_streak"), of_job("due_timestamp_seconds")),
        (Some("0"), Some("2"), Some("1772449200"))
    );
    assert_eq!((of_job("last_fire_timestamp_seconds"), of_job("missed_slots")), (Some("1772445660"), Some("0")));
}

#[test]
fn metric_series_are_unique_and_bounded() {
    let history = History::new();
    // Rows whose ids are cut or escaped to the same label, and more of them than get series.
    history.sql(&format!(
        "INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, task, next_run_at, created_at, updated_at)
         WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         SELECT printf('%.150c%d', 'x', i), 'x', 'cron', '{HOURLY}', 't', NULL, '2026-03-01 00:00:00', '2026-03-01 00:00:00' FROM n;
         UPDATE scheduled_jobs SET id = 'a' || char(10) WHERE id LIKE '%x7';
         UPDATE scheduled_jobs SET id = 'a\\n' WHERE id LIKE '%x8'"
    ));
    let path = history.path.to_str().unwrap();
    let patience = ["--timeout", "10m", "--timezone", "UTC", "--now", "2026-03-04T12:00:00Z"];
    let text = formatted("prometheus", &[&patience[..], &[path]].concat()).out;
    let series: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, _)| name)
        .collect();
    let unique: std::collections::HashSet<&&str> = series.iter().collect();
    assert_eq!(series.len(), unique.len());
    assert_eq!(text.matches("sched_audit_job_severity{").count(), 1000);
    assert_eq!(metric(&text, &format!("sched_audit_jobs_left_out{{database=\"{path}\"}}")), Some("201"));
}

#[test]
fn every_key_of_the_json_is_in_the_schema() {
    let schema: Value = serde_json::from_str(&run(&["--generate", "json-schema"]).out).unwrap();
    let budgets = "budget = { tokens = 1 }\n[[job]]\nmatch = \"*\"\nbudget = { tokens = 1 }\n";
    let json = with(budgets, &[&["-f", "json", "--history", "--job", "heartbeat"], &INCIDENT[..]].concat()).json();
    let known = |pointer: &str, of: &str| {
        let object = json.pointer(pointer).unwrap().as_object().unwrap();
        let properties = schema.pointer(of).unwrap().as_object().unwrap();
        assert_eq!(object.keys().collect::<Vec<_>>(), properties.keys().collect::<Vec<_>>(), "{of}");
    };
    known("", "/properties");
    for (pointer, name) in [
        ("/findings/0", "Finding"),
        ("/databases/0", "Database"),
        ("/databases/0/budget", "Spending"),
        ("/databases/0/budget/tokens", "Spent"),
        ("/databases/0/jobs/0", "Job"),
        ("/databases/0/jobs/0/schedule", "Schedule"),
        ("/databases/0/jobs/0/slots", "Slots"),
        ("/databases/0/jobs/0/history/0", "Stretch"),
        ("/incidents/0", "Incident"),
        ("/incidents/0/jobs/0", "AffectedJob"),
    ] {
        known(pointer, &format!("/$defs/{name}/properties"));
    }
}

#[test]
fn quiet_is_quiet_in_every_format() {
    for format in FORMATS {
        let quiet = command().args(["-q", "--format", format]).args(INCIDENT).output().unwrap();
        assert_eq!((quiet.status.code(), quiet.stdout.len(), quiet.stderr.len()), (Some(2), 0, 0), "{format}");
    }
}

#[test]
fn secrets_are_masked_in_every_text_and_format() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    history.job("k", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    history.job("l", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("token=abcdef0123456789"));
    history.sql(
        "UPDATE scheduled_jobs SET last_delivery_status = 'error: POST https://hooks.slack.com/services/T0/B0/xyzzy: 404' WHERE id = 'j';
         UPDATE scheduled_jobs SET status = 'sk-ant-api03-xyzzy1234', last_run_status = 'error',
           last_run_error = 'bad key sk-ant-api03-xyzzy1234' WHERE id = 'k'",
    );
    for format in ["table", "json", "ndjson", "prometheus", "nagios", "github", "junit", "html"] {
        let audit = ["--format", format, "--timezone", "UTC", "--now", "2026-03-02T10:30:00Z"];
        let run: Run = command().args(audit).arg(&history.path).output().unwrap().into();
        assert!(run.code == 2 && !run.out.contains("xyzzy") && !run.out.contains("abcdef01"), "{format}: {}", run.out);
    }
    assert!(history.audit("2026-03-02T10:30:00Z", &[]).out.contains("https://hooks.slack.com/[masked]"));
}

#[test]
fn what_nothing_tells_apart_has_fingerprints_and_series_of_its_own() {
    let history = History::new();
    history.job("a", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    history.job("b", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    history.sql("UPDATE scheduled_jobs SET id = NULL");
    let long = |last: &str| format!("{}{last}", "x".repeat(600));
    history.job(&long("1"), "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    history.job(&long("2"), "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    let twice = ["--expect", "backup", "--expect", "backup"];
    let run = history.audit("2026-03-02T10:30:00Z", &twice);
    let fingerprints = run.fingerprints();
    let unique: std::collections::HashSet<&String> = fingerprints.iter().collect();
    assert!(fingerprints.len() >= 5 && unique.len() == fingerprints.len(), "{fingerprints:?}");
    let audit = ["--format", "prometheus", "--timezone", "UTC", "--now", "2026-03-02T10:30:00Z"];
    let metrics: Run = command().args(audit).args(twice).arg(&history.path).output().unwrap().into();
    let series: Vec<&str> = metrics.out.lines().filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
    let series: Vec<&&str> = series.iter().filter(|series| !series.starts_with('#')).collect();
    assert_eq!(series.iter().collect::<std::collections::HashSet<_>>().len(), series.len());
}

#[test]
fn no_text_begins_a_workflow_command_or_breaks_the_xml() {
    let history = History::new();
    history.job("a##[error]b\u{fffe}\u{ffff}", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    for (format, forbidden) in [("github", "##["), ("junit", "\u{fffe}"), ("html", "\u{fffe}")] {
        let audit = ["--format", format, "--timezone", "UTC", "--now", "2026-03-02T10:30:00Z"];
        let run: Run = command().args(audit).arg(&history.path).output().unwrap().into();
        assert!(run.code == 2 && !run.out.contains(forbidden), "{format}: {}", run.out);
    }
    let missing = run(&["--format", "github", "/no/such/##[error]x.db"]);
    assert!(missing.code == 3 && !missing.err.contains("##[") && !missing.out.contains("##["), "{}", missing.err);
}

#[test]
fn a_name_that_looks_like_a_time_is_shown_as_it_is() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T05:00:00.000Z"), Some("2026-03-02T06:00:00.000Z"));
    history.sql("UPDATE scheduled_jobs SET name = 'export 2026-01-31 23:59 UTC', enabled = 7");
    let audited = |format| {
        formatted(format, &["--timezone", "UTC", "--now", "2026-03-02T09:30:00Z", history.path.to_str().unwrap()]).out
    };
    let table = audited("table");
    assert!(table.contains("CRITICAL  export 2026-01-31 23:59 UTC can never run again"), "{table}");
    history.sql("UPDATE scheduled_jobs SET enabled = 1");
    let table = audited("table");
    assert!(table.contains("\nSince     2026-03-02 05:01 UTC, "), "the line of the times has them in full: {table}");
    assert!(audited("nagios").contains(" since 2026-03-02 05:01 UTC: "), "and so has each other format");
}

#[test]
fn what_is_about_no_job_invents_none_in_any_format() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T05:00:00.000Z"), Some("2026-03-02T06:00:00.000Z"));
    history.sql("UPDATE scheduled_jobs SET status = 'paused'");
    let audited = |format| {
        let more = ["--timezone", "UTC", "--now", "2026-03-02T09:30:00Z", "--all", history.path.to_str().unwrap()];
        formatted(format, &more)
    };
    for format in FORMATS {
        let Run { code, out, .. } = audited(format);
        assert_eq!(code, 1, "{format}");
        for wrong in ["gone", "any job", "no trouble", "()", "(,", " : "] {
            assert!(
                !out.lines().any(|line| !line.starts_with('#') && line.contains(wrong)),
                "{format}, {wrong}: {out}"
            );
        }
    }
    let json = audited("json").json();
    let jobs: Vec<&str> =
        json["databases"][0]["jobs"].as_array().unwrap().iter().filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(
        (jobs, &json["findings"][0]["job"], &json["incidents"][0]["jobs"]),
        (vec!["j"], &Value::Null, &Value::Array(vec![]))
    );
    assert!(audited("table").out.contains("\n1 warning; no job is watched."));
    let metrics = audited("prometheus").out;
    assert!(metrics.contains("first_job=\"\",jobs=\"0\"") && !metrics.contains("job_id="), "{metrics}");
    let junit = audited("junit").out;
    assert!(junit.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{junit}");
    assert!(junit.contains("name=\"the scheduler\">\n      <failure type=\"nothing-watched\""), "{junit}");
}
