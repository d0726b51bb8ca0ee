//! Which process has the database open, as the operating system shows it.

use super::*;
use rusqlite::OpenFlags;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

const DATABASE: &str = "SCHED_AUDIT_HELD_DATABASE";
/// What the other process does with it.
const DOES: &str = "SCHED_AUDIT_HOLDER_DOES";

/// What the JSON says of the process, without --now.
fn process(history: &History, more: &[&str]) -> Value {
    let path = history.path.to_str().unwrap();
    let report = command().args(["--format", "json"]).args(more).arg(path).output().unwrap();
    Run::from(report).json()["databases"][0]["process"].clone()
}

fn state(history: &History, more: &[&str]) -> String {
    process(history, more)["state"].as_str().unwrap().to_owned()
}

/// A job that is due in the year 9000, so that nothing else is wrong by any clock.
fn history() -> History {
    let history = History::new();
    history.sql("PRAGMA journal_mode=WAL");
    history.job("j", "at", r#"{"at":"9000-01-01T00:00:00Z"}"#, None, Some("9000-01-01T00:00:00.000Z"));
    history
}

/// The same history, without a connection of this process.
fn closed(history: History) -> History {
    let History { directory, path, db } = history;
    db.close().unwrap();
    History { directory, path, db: Connection::open_in_memory().unwrap() }
}

fn end(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// Makes it so many minutes ago that the database was last written.
fn written(history: &History, minutes_ago: u64) {
    let then = SystemTime::now() - Duration::from_secs(60 * minutes_ago);
    for file in std::fs::read_dir(history.directory.path()).unwrap() {
        let file = std::fs::File::options().append(true).open(file.unwrap().path()).unwrap();
        file.set_modified(then).unwrap();
    }
}

/// Not a test of its own: a process that has the database open until it is killed.
#[test]
#[ignore = "started by other tests"]
fn holder() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let does = std::env::var(DOES).unwrap();
    let flags = if does == "read-only" { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    let db = Connection::open_with_flags(path, flags).unwrap();
    if does == "write" {
        db.execute_batch("UPDATE scheduled_jobs SET description = 'seen'").unwrap();
    }
    db.query_row("SELECT count(*) FROM scheduled_jobs", [], |row| row.get::<_, i64>(0)).unwrap();
    println!("\nopened");
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A process that has the database open and has written nothing yet.
fn hold(history: &History) -> Child {
    hold_to(history, "look")
}

/// A process that has the database open, and what it does with it.
fn hold_to(history: &History, does: &str) -> Child {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "process::holder"])
        .env(DATABASE, &history.path)
        .env(DOES, does)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(holder.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "opened"));
    holder
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux shows it")]
fn the_process_that_has_the_database_open_is_named_also_to_another_user() {
    let history = history();
    let held = process(&history, &[]);
    assert_eq!((held["state"].as_str(), held["pid"].as_u64()), (Some("held"), Some(u64::from(std::process::id()))));
    assert!(held["started_at"].is_string() && held["name"].is_string() && held["last_write_at"].is_string(), "{held}");
    std::fs::set_permissions(history.directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let theirs = run_unprivileged(&["--format", "json", "--timezone", "UTC", history.path.to_str().unwrap()]);
    assert_eq!(theirs.json()["databases"][0]["process"]["pid"], held["pid"]);
    let metrics = command().args(["--format", "prometheus"]).arg(&history.path).output().unwrap();
    let metrics = Run::from(metrics).out;
    let is_open = |line: &str| line.starts_with("sched_audit_database_open{") && line.ends_with("} 1");
    assert!(metrics.lines().any(is_open), "{metrics}");
    assert!(metrics.contains("\nsched_audit_process_start_timestamp_seconds{"), "{metrics}");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux shows it")]
fn the_oldest_of_several_processes_counts() {
    let history = history();
    let mut younger = hold(&history);
    assert_eq!(process(&history, &[])["pid"].as_u64(), Some(u64::from(std::process::id())));
    younger.kill().unwrap();
    younger.wait().unwrap();
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux shows it")]
fn a_scheduler_whose_process_is_gone_is_down_before_any_work_is_lost() {
    let history = history();
    let mut holder = hold(&history);
    let history = closed(history);
    assert_eq!(process(&history, &[])["pid"].as_u64(), Some(u64::from(holder.id())));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let incidents = |minutes: u64, more: &[&str]| {
        written(&history, minutes);
        Run::from(command().args(["--format", "json"]).args(more).arg(&history.path).output().unwrap()).incidents()
    };
    assert_eq!(state(&history, &[]), "unknown", "it was written just now");
    assert_eq!((incidents(14, &[]), state(&history, &[])), (vec![], "nobody".to_owned()));
    assert_eq!(incidents(16, &[]), ["warning scheduler-down ongoing"]);
    assert_eq!(
        (incidents(16, &["--process", "ignore"]), state(&history, &["--process", "ignore"])),
        (vec![], "unknown".into())
    );
    let told = Run::from(command().arg(&history.path).output().unwrap()).out;
    assert!(told.split_whitespace().collect::<Vec<_>>().join(" ").contains("pass --process ignore"), "{told}");
}

/// Whether the locks of all processes show here: in a container's own namespace others may hide behind a reader's.
fn sees_all_locks() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|namespace| namespace == Path::new("pid:[4026531836]"))
}

fn incidents(history: &History) -> Vec<String> {
    Run::from(command().args(["--format", "json"]).arg(&history.path).output().unwrap()).incidents()
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux shows it")]
fn a_process_that_only_reads_is_not_the_scheduler() {
    if !sees_all_locks() {
        return;
    }
    let history = history();
    let reader = hold_to(&history, "read-only");
    let writer = hold_to(&history, "write");
    let history = closed(history);
    let held = process(&history, &[]);
    assert_eq!((held["state"].as_str(), held["pid"].as_u64()), (Some("held"), Some(u64::from(writer.id()))));
    end(writer);
    written(&history, 16);
    assert_eq!(incidents(&history), ["warning scheduler-down ongoing"]);
    assert_eq!(state(&history, &[]), "nobody");
    let later = hold(&history);
    let perhaps = process(&history, &[]);
    let told = (perhaps["state"].as_str(), perhaps["pid"].as_u64(), incidents(&history));
    assert_eq!(told, (Some("unknown"), Some(u64::from(later.id())), vec![]), "the scheduler, just restarted, or not");
    end(later);
    end(reader);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux shows it")]
fn a_run_whose_process_was_killed_is_critical_after_a_quarter_of_an_hour_whoever_looks_at_the_database() {
    if !sees_all_locks() {
        return;
    }
    let history = history();
    let minutes_ago = |minutes: u64| {
        let sql = format!("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now', '-{minutes} minutes')");
        history.db.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let (before, start) = (minutes_ago(80), minutes_ago(20));
    history.job("cut", "every", r#"{"intervalMs":3600000}"#, Some(&format!("{before}Z")), Some(&format!("{start}Z")));
    history.fires("cut", &[&before[..19].replace('T', " ")]);
    history.session("scheduler:sched:cut", &start[..19].replace('T', " "));
    let due = minutes_ago(19);
    history.job("behind", "every", r#"{"intervalMs":3600000}"#, Some(&format!("{before}Z")), Some(&format!("{due}Z")));
    let scheduler = hold_to(&history, "write");
    let history = closed(history);
    let reader = hold_to(&history, "read-only");
    end(scheduler);
    let at = |minutes| {
        written(&history, minutes);
        incidents(&history)
    };
    assert_eq!(at(14), ["warning run-cut ongoing"]);
    assert_eq!(at(16), ["critical run-cut ongoing"]);
    let later = hold(&history);
    assert_eq!(incidents(&history), ["critical run-cut ongoing"], "a scheduler would have run what is due");
    end(later);
    end(reader);
}

#[test]
fn nothing_is_concluded_of_the_past_a_copy_or_another_journal_mode() {
    let history = history();
    assert_eq!(state(&history, &["--now", "2026-03-02T10:00:00Z"]), "unknown");
    let copy = History::new();
    history.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    copy.db.close().unwrap();
    std::fs::copy(&history.path, &copy.path).unwrap();
    let copy = History { directory: copy.directory, path: copy.path, db: Connection::open_in_memory().unwrap() };
    written(&copy, 60);
    assert_eq!(state(&copy, &[]), "unknown", "a copy that kept its time");
    let rollback = History::new();
    rollback.job("j", "cron", HOURLY, None, None);
    written(&rollback, 60);
    assert_eq!(state(&rollback, &[]), "unknown");
}
