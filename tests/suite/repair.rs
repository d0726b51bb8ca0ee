//! The commands that are shown, pasted into a shell, and what is said after them.

use super::*;

/// The arguments that a shell makes of a line which calls `sqlite3`.
fn arguments_of(line: &str) -> Vec<String> {
    let script = format!("sqlite3() {{ printf '%s\\0' \"$@\"; }}\n{line}\n");
    let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    let output = Command::new(shell).arg("-c").arg(script).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Pastes each command of the table of each job into a shell, with sqlite3 played by the test.
fn paste(history: &History, now: &str, columns: u16) -> usize {
    let mut pasted = 0;
    for id in IDS {
        let job = ["--timezone", "UTC", "--now", now, &format!("--job={id}")];
        let table = command().env("COLUMNS", columns.to_string()).args(job).arg(&history.path).output().unwrap();
        let table = String::from_utf8(table.stdout).unwrap();
        let lines: Vec<&str> = table.lines().filter(|line| line.starts_with("sqlite3 ")).collect();
        let json = history.audit(now, &job[4..]).json();
        let listed: Vec<String> = json["incidents"].as_array().unwrap().iter().flat_map(commands).collect();
        assert_eq!(lines, listed, "{id:?} at {columns} columns: {table}");
        for line in &lines {
            let [path, statement] = arguments_of(line).try_into().unwrap();
            assert_eq!(Path::new(&path), history.path, "{line}");
            history.sql(&statement);
        }
        pasted += lines.len();
    }
    pasted
}

fn commands(incident: &Value) -> Vec<String> {
    incident["commands"].as_array().unwrap().iter().map(|command| command.as_str().unwrap().to_owned()).collect()
}

/// The ids of the rows that the scheduler would pick.
fn picked(history: &History) -> Vec<String> {
    let query = "SELECT id FROM scheduled_jobs WHERE enabled = 1 AND status = 'active'
        AND next_run_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 second') ORDER BY id";
    let mut rows = history.db.prepare(query).unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

const IDS: [&str; 6] =
    ["a'; DROP TABLE x;--", "a\nb", "$(reboot) `reboot` !! \\ \"", "caf\u{e9} \u{202e}", "-rf", "plain"];
const LAST: Option<&str> = Some("2026-03-02T10:00:00.000Z");

fn revives(name: &str, broken: &str, columns: u16) {
    let history = History::named(name);
    for (number, id) in IDS.iter().enumerate() {
        // Each has an error of its own, so that each is an incident.
        history.job(id, "cron", HOURLY, LAST, Some("9000-01-01T00:00:00.000Z"));
        let error = format!("error {}", "x".repeat(number + 1));
        let set = "UPDATE scheduled_jobs SET last_run_error = ?1, last_run_status = 'error' WHERE id = ?2";
        history.db.execute(set, (&error, id)).unwrap();
    }
    history.job("healthy", "cron", HOURLY, LAST, Some("9000-01-01T00:00:00.000Z"));
    history.sql(&format!("UPDATE scheduled_jobs SET {broken} WHERE id <> 'healthy'"));
    assert!(picked(&history).is_empty());
    assert!(paste(&history, "2026-03-02T10:30:00Z", columns) > 0, "{broken}");
    let mut all = IDS.to_vec();
    all.sort_unstable();
    assert_eq!(picked(&history), all, "{name:?} {broken} at {columns} columns");
    let stamped = "SELECT count(*) FROM scheduled_jobs WHERE updated_at > '2026-03-03' AND consecutive_errors < 10";
    let stamped: u32 = history.db.query_row(stamped, [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(stamped), Ok(IDS.len()));
}

#[test]
fn shown_commands_can_be_pasted_from_tables_of_any_width_and_make_the_scheduler_pick_exactly_their_rows() {
    let breaker = "status = 'failed', consecutive_errors = 10, next_run_at = NULL";
    for (name, columns) in [("phantom.db", 40), ("it's a $HOME.db", 60), ("a\n\u{e9}.db", 80), ("`reboot`.db", 140)] {
        revives(name, breaker, columns);
    }
    revives("phantom.db", "next_run_at = NULL", 40);
    revives("phantom.db", "next_run_at = 'soon'", 60);
    revives("phantom.db", "enabled = 2", 80);
    revives("phantom.db", "status = 'Active'", 140);
}

#[test]
fn a_row_whose_schedule_has_no_next_slot_gets_no_command() {
    let history = History::new();
    history.job("j", "cron", r#"{"expr":"0 0 31 2 *"}"#, LAST, None);
    let incident = &history.audit("2026-03-02T12:00:00Z", &[]).json()["incidents"][0];
    assert_eq!((incident["cause"].as_str(), commands(incident).len()), (Some("row-dead"), 0));
}

#[test]
fn without_another_row_that_is_due_the_scheduler_has_to_be_restarted() {
    let step = |others: bool| {
        let history = History::new();
        history.job("j", "cron", HOURLY, LAST, None);
        if others {
            history.job("k", "cron", HOURLY, LAST, Some("2026-03-02T11:00:00.000Z"));
        }
        history.sql("UPDATE scheduled_jobs SET status = 'failed', consecutive_errors = 10 WHERE id = 'j'");
        history.audit("2026-03-02T10:30:00Z", &[]).json()["incidents"][0]["next_step"].as_str().unwrap().to_owned()
    };
    assert!(
        step(false).ends_with("Then restart the scheduler: no active row has a next run, so its timer does not run.")
    );
    assert!(step(true).ends_with(
        " It runs within 1h of that, or at once after a restart of the scheduler. A restart alone does not help."
    ));
}

#[test]
fn the_fix_of_the_incident_does_not_make_the_report_worse() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("phantom.db");
    std::fs::copy("fixtures/incident.db", &path).unwrap();
    let audit = |now: &str| {
        let audit = ["--format", "json", "--job", "heartbeat", "--timezone", "UTC", "--now", now];
        let json = Run::from(command().args(audit).arg(&path).output().unwrap()).json();
        let text = |incident: &Value, key: &str| incident[key].as_str().unwrap().to_owned();
        let told = |incident: &Value| (text(incident, "severity"), text(incident, "fingerprint"));
        json["incidents"].as_array().unwrap().iter().map(told).collect::<Vec<_>>()
    };
    let before = audit("2026-04-30T12:00:00Z");
    let [(critical, fingerprint)] = before.as_slice() else { panic!("{before:?}") };
    assert_eq!(critical, "critical");
    let db = super::open(&path);
    db.execute_batch(
        "UPDATE scheduled_jobs SET status='active', consecutive_errors=0, next_run_at='2026-04-30T12:00:10.500Z',
         updated_at='2026-04-30 12:00:10' WHERE status='failed'",
    )
    .unwrap();
    for (now, severity) in [
        ("2026-04-30T12:00:11Z", "info"),
        ("2026-04-30T12:05:10Z", "info"),
        ("2026-04-30T12:30:10Z", "info"),
        ("2026-04-30T13:10:10Z", "warning"),
        ("2026-04-30T13:30:10Z", "critical"),
    ] {
        assert_eq!(audit(now), [(severity.to_owned(), fingerprint.clone())], "{now}");
    }
}
