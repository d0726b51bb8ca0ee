//! A real writer in another process: busy commits, checkpoints, VACUUM, kill -9 and restart, audited all the while.
//!
//! Each commit of the writer adds a zero-token fire and counts it in the row, so every true snapshot shows as many fires in
//! the streak as the row counts errors; a torn or stale one does not.

use crate::{HOURLY, History, command};
use rusqlite::Connection;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DATABASE: &str = "SCHED_AUDIT_TORTURE_DATABASE";
/// How long to go on at least, in seconds.
const SECONDS: &str = "SCHED_AUDIT_TORTURE_SECONDS";
/// Set for a writer that never rests and checkpoints after each commit, so that its files never hold still.
const RESTLESS: &str = "SCHED_AUDIT_TORTURE_RESTLESS";

fn start_writer(history: &History, restless: bool) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "torture::writer"])
        .env(DATABASE, &history.path)
        .envs(restless.then_some((RESTLESS, "1")))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Not a test of its own: the writer process, which ends with the test, or with an error as soon as a write of
/// it fails.
#[test]
#[ignore = "started by the torture test"]
fn writer() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let db = Connection::open(path).unwrap();
    // To wait for a lock is an error.
    db.busy_timeout(Duration::ZERO).unwrap();
    let restless = std::env::var_os(RESTLESS).is_some();
    db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL").unwrap();
    db.pragma_update(None, "wal_autocheckpoint", if restless { 1 } else { 50 }).unwrap();
    let parent = std::os::unix::process::parent_id();
    for round in (1u64..).take_while(|_| std::os::unix::process::parent_id() == parent) {
        db.execute_batch(
            "BEGIN IMMEDIATE;
             INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
               VALUES ('scheduler:sched:j', 0, 0, '2026-03-02 10:00:00');
             UPDATE scheduled_jobs SET consecutive_errors = consecutive_errors + 1;
             COMMIT",
        )
        .unwrap();
        if round % 400 == 0 {
            db.execute_batch("VACUUM").unwrap();
        }
        if !restless {
            std::thread::sleep(Duration::from_millis(4));
        }
    }
}

fn failing_job() -> History {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T09:59:00.000Z"), None);
    history.sql("UPDATE scheduled_jobs SET status = 'failed'");
    history
}

/// How often a writer is killed, and how many audits and commits there are in between: enough to meet each other.
const KILLS: u32 = 3;
const AUDITS: u32 = 8;
const COMMITS: u64 = 30;

#[test]
fn snapshots_beside_a_busy_writer_are_consistent_and_no_write_fails() {
    let history = failing_job();
    let seconds = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut newest, mut kills) = (0, 0);
    while kills < KILLS || Instant::now() < end {
        let mut writer = start_writer(&history, false);
        let (before, mut audits) = (newest, 0);
        while audits < AUDITS || newest < before + COMMITS {
            newest = check_snapshot(&history, newest);
            audits += 1;
            assert_eq!(writer.try_wait().unwrap(), None, "a write failed: {}", complaint(&mut writer));
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        newest = check_snapshot(&history, newest);
        kills += 1;
    }
}

#[test]
fn busy_rollback_writer_is_never_disturbed_or_read_torn() {
    let history = failing_job();
    let mut newest = 0;
    // A busy machine may leave the writer no time to commit while it is audited.
    while newest <= 100 {
        let mut writer = start_writer(&history, true);
        for _ in 0..AUDITS {
            match try_snapshot(&history, newest, "300ms") {
                Ok(seen) => newest = seen,
                Err(why) => {
                    let clear = ["changed during each of", "before the time-out"];
                    assert!(clear.iter().any(|words| why.contains(words)), "{why}");
                }
            }
        }
        assert_eq!(writer.try_wait().unwrap(), None, "a write failed: {}", complaint(&mut writer));
        writer.kill().unwrap();
        writer.wait().unwrap();
        newest = check_snapshot(&history, newest);
    }
}

fn complaint(writer: &mut Child) -> String {
    writer.stderr.take().and_then(|pipe| std::io::read_to_string(pipe).ok()).unwrap_or_default()
}

/// Audits and returns how many commits were seen, which never gets less.
fn check_snapshot(history: &History, newest: u64) -> u64 {
    try_snapshot(history, newest, "60s").unwrap_or_else(|why| panic!("{why}"))
}

/// The same, or why the database could not be read in time.
fn try_snapshot(history: &History, newest: u64, timeout: &str) -> Result<u64, String> {
    let output = command()
        .args(["-f", "json", "--timezone", "UTC", "--now", "2026-03-02T10:30:00Z", "--timeout", timeout])
        .arg(&history.path)
        .output()
        .unwrap();
    let run: crate::Run = output.into();
    if run.code == 3 {
        return Err(run.err);
    }
    let json = run.json();
    let evidence = |reason: &str, fact: &str| {
        let found = json["findings"].as_array().unwrap().iter().find(|finding| finding["problem"] == reason);
        found.map_or(0, |finding| finding["evidence"][fact].as_u64().unwrap_or(0))
    };
    let (row, fires) = (evidence("breaker-open", "consecutive_errors"), evidence("zero-token-streak", "fires"));
    // A streak is reported from the third fire on.
    assert!(row == fires || row < 3 && fires == 0, "torn: {row} in the row, {fires} fires; {}", run.err);
    assert!(row >= newest, "stale: {row} commits after {newest}");
    Ok(row)
}
