//! Mapped stores of which something can't be read: never healthy.

use crate::{Run, command};
use rusqlite::Connection;
use std::path::PathBuf;

/// Seconds since 1970 of 10:00 on 2 March 2026.
pub const TEN: i64 = 1_772_445_600;
const JOBS: &str = "SELECT id, name, cron AS schedule, next AS next_run FROM tasks";
const RUNS: &str = "SELECT job, start, \"end\", status, tokens, error FROM task_log";

/// A store of columns without types.
pub struct Store {
    directory: tempfile::TempDir,
    db: Connection,
}

impl Store {
    pub fn new() -> Store {
        let directory = tempfile::tempdir().unwrap();
        let db = super::open(directory.path().join("store.db"));
        let store = Store { directory, db };
        store.sql("CREATE TABLE tasks(id, name, cron, next, made)");
        store.sql("CREATE TABLE task_log(job, start, \"end\", status, tokens, error)");
        store.sql("CREATE TABLE beat(at)");
        store
    }

    /// One job, due every hour, with 40 good runs up to TEN, and its next run an hour later.
    fn healthy() -> Store {
        let store = Store::new();
        store.sql(&format!("INSERT INTO tasks VALUES (1, 'j', '0 * * * *', {TEN} + 3600, NULL)"));
        store.runs(1, 3600, 0..40);
        store
    }

    /// The same, and another such job.
    fn with_two() -> Store {
        let store = Store::healthy();
        store.sql(&format!("INSERT INTO tasks VALUES (2, 'k', '0 * * * *', {TEN} + 3600, NULL)")).runs(2, 3600, 0..40);
        store
    }

    pub fn sql(&self, text: &str) -> &Store {
        self.db.execute_batch(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        self
    }

    /// Good runs of a job so many seconds apart, by how many of them lie between each and TEN.
    pub fn runs(&self, job: i64, apart: i64, back: std::ops::Range<i64>) -> &Store {
        for number in back {
            let start = TEN - number * apart;
            self.sql(&format!("INSERT INTO task_log VALUES ({job}, {start}, {start} + 60, 'ok', 5, NULL)"));
        }
        self
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    /// Writes a config file with these queries, and more of the store's keys.
    fn config(&self, jobs: &str, runs: &str, more: &str) -> PathBuf {
        let path = self.directory.path().join("config.toml");
        let runs = if runs.is_empty() { String::new() } else { format!("runs = '''{runs}'''\n") };
        let tables = "tables = ['tasks', 'task_log', 'beat']";
        let text = format!("[[store]]\nname = 'x'\n{tables}\njobs = '''{jobs}'''\n{runs}{more}\n");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The audit at so many minutes past ten.
    pub fn audit(&self, jobs: &str, runs: &str, more: &str, minutes: i64, arguments: &[&str]) -> Run {
        let now = chrono::DateTime::from_timestamp(TEN + minutes * 60, 0).unwrap().to_rfc3339();
        let mut call = command();
        call.arg("--config").arg(self.config(jobs, runs, more)).args(["--timezone", "UTC", "--now", &now]);
        call.args(arguments).arg(self.path()).output().unwrap().into()
    }

    fn told(&self, jobs: &str, runs: &str, more: &str) -> (Vec<String>, String) {
        let run = self.audit(jobs, runs, more, 10, &["-f", "json"]);
        (run.incidents(), run.out)
    }

    fn incidents(&self) -> (Vec<String>, String) {
        self.told(JOBS, RUNS, "")
    }
}

const UNJUDGED: [&str; 1] = ["warning unjudged ongoing"];

#[test]
fn a_store_that_is_read_whole_is_healthy() {
    assert_eq!(Store::healthy().incidents().0, [""; 0]);
    assert_eq!(Store::with_two().incidents().0, [""; 0]);
}

#[test]
fn times_in_any_form_are_read() {
    for form in [
        "{}",
        "{} * 1000",
        "{} * 1000000",
        "{} * 1000000000",
        "strftime('%Y-%m-%dT%H:%M:%S+0200', {} + 7200, 'unixepoch')",
        "strftime('%Y-%m-%d %H:%M:%S UTC', {}, 'unixepoch')",
        "strftime('Mon, %d Mar 2026 %H:%M:%S +0000', {}, 'unixepoch')",
        "CAST(strftime('%Y-%m-%dT%H:%M:%SZ', {}, 'unixepoch') AS BLOB)",
        "julianday({}, 'unixepoch')",
    ] {
        let store = Store::new();
        store.sql(&format!("INSERT INTO tasks VALUES (1, 'j', '0 * * * *', {TEN} + 3600, NULL)"));
        store.runs(1, 3600, 0..8);
        let (start, end) = (form.replace("{}", "start"), form.replace("{}", "\"end\""));
        store.sql(&format!("UPDATE task_log SET start = {start}, \"end\" = {end}"));
        assert_eq!(store.incidents().0, [""; 0], "{form}");
        store.sql("UPDATE task_log SET status = 'failed' WHERE rowid <= 4");
        let (told, out) = store.incidents();
        assert_eq!(told, ["warning job-failing ongoing"], "{form}: {out}");
    }
}

#[test]
fn a_job_whose_rows_can_not_be_read_is_not_judged_by_those_of_others() {
    for (change, why) in [
        ("SET start = 'soon', \"end\" = NULL", "the times of 40 of its runs can't be read"),
        ("SET start = NULL, \"end\" = NULL", "none of its runs has a time"),
        ("SET job = 'k'", "compare the column job with id"),
    ] {
        let store = Store::with_two();
        store.sql(&format!("UPDATE task_log {change} WHERE job = 2"));
        let (told, out) = store.incidents();
        assert!(told == UNJUDGED && out.contains(why), "{change}: {told:?} {out}");
    }
}

#[test]
fn runs_in_the_future_are_those_of_a_clock_elsewhere() {
    let now = chrono::Utc::now().timestamp();
    for (ahead, is_told) in [(0, false), (120, true)] {
        let store = Store::new();
        store.sql(&format!("INSERT INTO tasks VALUES (1, 'j', 'every 10 minutes', {now} + 600, NULL)"));
        for number in 1..20 {
            let start = now - number * 600 + ahead * 60;
            store.sql(&format!("INSERT INTO task_log VALUES (1, {start}, {start} + 60, 'ok', 5, NULL)"));
        }
        let mut call = command();
        call.arg("--config").arg(store.config(JOBS, RUNS, "")).args(["-f", "json"]).arg(store.path());
        let live = Run::from(call.output().unwrap());
        assert_eq!(live.code == 1 && live.out.contains("runs lie in the future"), is_told, "{}", live.out);
        let past = store.audit(JOBS, RUNS, "", (now - TEN) / 60, &["-f", "json"]);
        assert_eq!(past.code, 0, "an audit of the past may meet rows that were written later: {}", past.out);
    }
}

#[test]
fn three_runs_without_a_count_after_runs_with_one_are_unknown_and_two_are_not() {
    for (uncounted, told) in [(2, &[][..]), (3, &UNJUDGED[..])] {
        for nothing in ["NULL", "''", "'n/a'"] {
            let store = Store::healthy();
            store.sql(&format!("UPDATE task_log SET tokens = {nothing} WHERE rowid <= {uncounted}"));
            let (incidents, out) = store.incidents();
            assert_eq!(incidents, told, "{uncounted} {nothing}: {out}");
        }
    }
    let store = Store::healthy();
    store.sql("UPDATE task_log SET tokens = NULL WHERE rowid % 2 = 0 OR rowid <= 3");
    assert_eq!(store.incidents().0, [""; 0], "a job of which every other run uses no model");
}

#[test]
fn no_heartbeat_is_no_life() {
    for beat in
        ["", "INSERT INTO beat VALUES (NULL)", "INSERT INTO beat VALUES ('soon')", "INSERT INTO beat VALUES (0)"]
    {
        let store = Store::healthy();
        store.sql(beat);
        let (told, out) = store.told(JOBS, RUNS, "heartbeat = 'SELECT at FROM beat'");
        assert_eq!(told, UNJUDGED, "{beat}: {out}");
    }
    let store = Store::healthy();
    store.sql(&format!("INSERT INTO beat VALUES (({TEN} + 590) * 1000000)"));
    assert_eq!(store.told(JOBS, RUNS, "heartbeat = 'SELECT at FROM beat'").0, [""; 0]);
}

#[test]
fn next_runs_and_last_runs_that_can_not_be_read_are_told() {
    let store = Store::healthy();
    store.sql("UPDATE tasks SET next = '02/03/2026 11:00'");
    let (told, out) = store.incidents();
    assert_eq!(told, UNJUDGED, "a form that is not known says nothing about the scheduler: {out}");
    let store = Store::with_two();
    store.sql("UPDATE tasks SET next = '02/03/2026 11:00' WHERE id = 1");
    let (told, out) = store.incidents();
    assert_eq!(told, ["critical row-dead ongoing"], "one of several is a dead row: {out}");
    let store = Store::healthy();
    let jobs = "SELECT id, name, cron AS schedule, next AS next_run, 'soon' AS last_start FROM tasks";
    let (told, out) = store.told(jobs, "", "");
    assert_eq!(told, UNJUDGED, "{out}");
}

#[test]
fn a_job_without_any_run_is_late_by_its_next_run_and_unjudged_without_one() {
    let is_critical = |(told, out): (Vec<String>, String)| {
        assert!(told.iter().any(|incident| incident.starts_with("critical")), "{told:?} {out}");
    };
    let store = Store::new();
    store.sql(&format!("INSERT INTO tasks VALUES (1, 'j', '0 * * * *', {TEN} - 1000000, NULL)"));
    is_critical(store.incidents());
    let no_next = "SELECT id, name, cron AS schedule, made AS created_at FROM tasks";
    assert_eq!(store.told(no_next, RUNS, "").0, UNJUDGED);
    store.sql(&format!("UPDATE tasks SET made = {TEN}"));
    assert_eq!(store.told(no_next, RUNS, "").0, [""; 0], "made ten minutes ago");
    store.sql(&format!("UPDATE tasks SET made = {TEN} - 864000"));
    is_critical(store.told(no_next, RUNS, ""));
}

#[test]
fn columns_that_a_version_lacks_are_null_if_they_are_optional() {
    let store = Store::healthy();
    let jobs = "SELECT id, name, cron AS schedule, next AS next_run, locked_at AS running_since FROM tasks";
    let refused = store.audit(jobs, RUNS, "", 10, &[]);
    assert!(refused.code == 3 && refused.err.contains("no such column: locked_at"), "{}", refused.err);
    for jobs in [jobs.to_owned(), format!("WITH a AS (SELECT * FROM tasks) {}", jobs.replace("FROM tasks", "FROM a"))] {
        let read = store.audit(&jobs, RUNS, "optional = ['tasks.locked_at']", 10, &[]);
        assert_eq!(read.code, 0, "{}{}", read.out, read.err);
    }
    let wrong = store.audit(jobs, RUNS, "optional = ['locked_at']", 10, &[]);
    assert!(wrong.code == 3 && wrong.err.contains("is not a column such as tasks.locked_at"), "{}", wrong.err);
}

#[test]
fn check_config_shows_what_each_column_gave() {
    let store = Store::with_two();
    store.sql("UPDATE task_log SET start = 'soon', \"end\" = NULL WHERE job = 2 AND rowid % 2 = 0");
    store.sql("UPDATE task_log SET job = 'k' WHERE job = 2 AND rowid % 2 = 1");
    store.sql("UPDATE tasks SET cron = 'each full moon' WHERE id = 2");
    store.sql("UPDATE task_log SET status = 'KO' WHERE job = 1 AND rowid <= 2");
    let shown = store.audit(JOBS, RUNS, "heartbeat = 'SELECT at FROM beat'", 10, &["--check-config"]).out;
    for part in [
        "  jobs: 2 rows\n",
        "    schedule      2 values, 1 can't be read, such as \"each full moon\"\n",
        "  runs: 80 rows, from 2026-02-28 19:00 to 2026-03-02 10:00 UTC\n    the times of 20 runs can't be read, such as \"soon\"\n",
        "    20 runs of 1 id that jobs does not give\n",
        "    start         80 values, 20 can't be read, such as \"soon\"\n",
        "    status        80 values, 2 can't be read, such as \"KO\"\n",
        "    error         only NULL\n",
        "  heartbeat: 0 rows\n",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn costs_and_messages_of_runs_are_read() {
    let store = Store::healthy();
    let runs = "SELECT job, start, \"end\", status, tokens, 0.5 AS cost_usd, error AS message FROM task_log";
    assert!(store.audit(JOBS, runs, "", 10, &["-f", "json"]).out.contains("\"cost_usd\": 20.0"));
    store.sql("UPDATE task_log SET error = CASE WHEN rowid <= 3 THEN 'lost' ELSE 'delivered' END");
    let (told, out) = store.told(JOBS, runs, "");
    assert_eq!(told, ["warning undelivered ongoing"], "{out}");
}

#[test]
fn three_runs_in_a_row_that_have_not_ended_hang_and_one_that_was_cut_does_not() {
    for (last, is_told) in [(2, false), (3, true)] {
        let store = Store::healthy();
        // Of the 20th before the last nothing else was written, because the process was killed.
        let open = format!("rowid <= {last} OR rowid = 20");
        store.sql(&format!("UPDATE task_log SET status = 'running', \"end\" = NULL, tokens = NULL WHERE {open}"));
        let run = store.audit(JOBS, RUNS, "longest_run = '90m'", 10, &["-f", "json"]);
        assert_eq!(run.code == 2 && run.out.contains("run-hung"), is_told, "{last}: {}", run.out);
    }
}
