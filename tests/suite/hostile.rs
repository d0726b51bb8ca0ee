//! Input that nobody meant well with: exit 0 to 3, a clear line, never a panic.

use crate::{HOURLY, History, command, patiently, run};
use std::path::Path;

#[test]
fn files_that_are_not_databases_have_clear_errors() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (path, hint) in [
        (file("empty.db", b""), "0 bytes"),
        (file("text.db", b"this is plain text, and long enough"), "not a SQLite database"),
        (directory.path().to_str().unwrap().to_owned(), "is a directory"),
        ("/dev/null".to_owned(), "not a regular file"),
        ("no/such.db".to_owned(), "does not exist"),
    ] {
        let run = run(&[&path]);
        assert_eq!(run.code, 3);
        assert!(run.err.contains(hint), "{path}: {}", run.err);
    }
}

#[test]
fn fifo_is_refused_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(run(&[path.to_str().unwrap()]).code, 3);
}

#[test]
fn missing_tables_and_columns_are_named_with_what_was_found() {
    let history = History::new();
    history.sql("DROP TABLE cost_events; ALTER TABLE scheduled_jobs DROP COLUMN next_run_at");
    let run = history.audit("2026-03-02T10:00:00Z", &[]);
    assert_eq!(run.code, 3);
    for part in ["table cost_events", "column scheduled_jobs.next_run_at", "found: scheduled_jobs"] {
        assert!(run.err.contains(part), "{}", run.err);
    }
}

#[test]
fn tables_that_not_every_version_has_may_be_absent() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.sql("DROP TABLE sessions; DROP TABLE scheduler_audit_log; ALTER TABLE scheduled_jobs DROP COLUMN last_delivery_status");
    let run = history.audit("2026-03-02T10:30:00Z", &[]);
    assert_eq!((run.code, run.findings()), (0, vec![]));
    assert!(run.out.contains("runs in flight can't be seen"), "{}", run.out);
}

#[test]
fn open_transactions_are_never_read() {
    for mode in ["MEMORY", "OFF", "DELETE", "PERSIST", "TRUNCATE"] {
        let writing = History::in_commit_with(mode);
        assert!(std::fs::metadata(&writing.path).unwrap().len() > 30_000, "{mode}: nothing was spilt");
        patiently(|timeout| {
            let run = writing.audit("2026-03-02T10:30:00Z", &["--timeout", timeout]);
            assert_eq!(run.code, 3, "{mode}: {}", run.out);
            run.err.contains("in the middle of a commit").then_some(())
        });
        writing.sql("COMMIT");
        let whole = writing.audit("2026-03-02T10:30:00Z", &["--timeout", "50s"]).json();
        let jobs = whole["databases"][0]["jobs"].as_array().unwrap().len();
        assert_eq!(jobs, 200, "{mode}");
    }
}

#[test]
fn odd_tables_are_read_as_far_as_they_go() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    history.sql("ALTER TABLE scheduled_jobs DROP COLUMN next_run_at; ALTER TABLE scheduled_jobs ADD COLUMN next_run_at TEXT AS (NULL)");
    history.check("2026-03-02T10:30:00Z", &["critical past-due/no-next-run ongoing"]);
    let columns: Vec<String> = (0..1960).map(|n| format!("c{n}")).collect();
    history.sql(&format!(
        "ALTER TABLE scheduled_jobs RENAME TO narrow; CREATE TABLE scheduled_jobs AS SELECT narrow.*, {} FROM narrow",
        columns.iter().map(|name| format!("1 AS {name}")).collect::<Vec<_>>().join(", ")
    ));
    history.check("2026-03-02T10:30:00Z", &["critical past-due/no-next-run ongoing"]);
}

#[test]
fn path_too_long_for_sqlite_has_its_own_error() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("d".repeat(250)).join("e".repeat(240));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::copy("fixtures/healthy.db", deep.join("phantom.db")).unwrap();
    let run = run(&[deep.join("phantom.db").to_str().unwrap()]);
    assert!(run.code == 3 && run.err.contains("its path is longer than"), "{}", run.err);
}

#[test]
fn view_instead_of_a_table_is_not_read() {
    let history = History::new();
    history.sql(
        "DROP TABLE cost_events; CREATE VIEW cost_events AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
         SELECT i AS id, 'k' AS session_key, 0 AS input_tokens, 0 AS output_tokens, 'x' AS created_at FROM n",
    );
    let run = history.audit("2026-03-02T10:30:00Z", &[]);
    assert!(run.code == 3 && run.err.contains("table cost_events"), "{}", run.err);
}

#[test]
fn one_bad_row_is_reported_and_hides_no_other() {
    let history = History::new();
    history.job("good", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.sql(
        "INSERT INTO scheduled_jobs (id, name, enabled, schedule_kind, schedule_value, task, status, last_run_at, next_run_at, created_at, updated_at)
         VALUES (NULL, X'ff00fe', 1.5, X'00', X'ffff', 3, 7, -9223372036854775808, 1e300, 'x', 'x')",
    );
    let run = history.audit("2026-03-02T14:00:00Z", &[]);
    assert_eq!(run.code, 2);
    assert!(run.findings().contains(&"critical past-due/overdue ongoing".to_owned()));
    assert!(run.findings().contains(&"warning past-due/unknown-state ongoing".to_owned()), "{:?}", run.findings());
    assert!(run.out.contains("has no id"), "{}", run.out);
}

#[test]
fn text_from_the_database_never_controls_the_terminal_and_tasks_are_never_shown() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.sql(
        "UPDATE scheduled_jobs SET name = 'evil' || char(27) || '[2J' || char(10) || char(8238) || 'x', status = 'failed',
         last_run_error = 'key sk-ant-0123456789 refused' || char(10) || 'second line'",
    );
    for format in ["table", "json"] {
        let run = history.audit("2026-03-02T12:00:00Z", &["-f", format, "-a"]);
        let text = run.out + &run.err;
        assert!(!text.contains('\x1b') && !text.contains("evil\n"), "{text}");
        assert!(!text.contains("secret task") && !text.contains("sk-ant") && !text.contains("second line"), "{text}");
        assert!(format == "json" || !text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn numbers_and_times_at_the_ends_of_their_ranges_are_judged_without_a_panic() {
    for value in [
        "9223372036854775807",
        "-9223372036854775808",
        "1e300",
        "'9999-12-31 23:59:59'",
        "'0000-01-01 00:00:00'",
        "''",
        "X'00'",
    ] {
        let history = History::new();
        history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
        history.fires("j", &["2026-03-02 10:01:00"]);
        for column in [
            "last_run_at",
            "next_run_at",
            "created_at",
            "updated_at",
            "last_run_duration_ms",
            "consecutive_errors",
            "enabled",
        ] {
            history.sql(&format!("UPDATE scheduled_jobs SET {column} = {value}"));
            let run = history.audit("2026-03-02T14:00:00Z", &[]);
            assert!((0..=3).contains(&run.code) && !run.err.contains("internal"), "{column} {value}: {}", run.err);
        }
        history.sql(&format!("UPDATE cost_events SET created_at = {value}, input_tokens = {value}"));
        assert!((0..=3).contains(&history.audit("2026-03-02T14:00:00Z", &[]).code));
    }
}

#[test]
fn row_numbers_at_the_ends_of_their_range_do_not_overflow() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 08:01:00", "2026-03-02 09:01:00", "2026-03-02 10:01:00"]);
    history.sql(
        "UPDATE cost_events SET id = -9223372036854775808 WHERE id = 1;
         UPDATE cost_events SET id = 9223372036854775807 WHERE id = 3",
    );
    let run = history.audit("2026-03-02T10:30:00Z", &[]);
    assert_eq!((run.code, run.findings()), (0, vec![]), "{}", run.err);
}

#[test]
fn huge_and_deep_schedules_are_refused_quickly() {
    let history = History::new();
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    for (id, value) in [("long", format!("{{\"expr\":\"{}\"}}", "1,".repeat(500_000))), ("deep", deep)] {
        history.job(id, "cron", &value, None, Some("2026-03-02T11:00:00.000Z"));
    }
    let run = history.audit("2026-03-02T10:00:00Z", &["--timeout", "5s"]);
    assert_eq!(run.findings(), ["critical past-due/unreadable-schedule ongoing"; 2]);
}

/// A small generator of its own, so that a failing case can be made again from its number.
#[test]
fn ancient_times_do_not_use_up_the_timeout() {
    let history = History::new();
    for job in 0..20 {
        let long_ago = Some("0001-01-01T00:00:00.000Z");
        history.job(&job.to_string(), "cron", r#"{"expr":"0 0 * * *","tz":"America/New_York"}"#, long_ago, long_ago);
    }
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    let run = history.audit("2026-03-04T12:00:00Z", &["--timeout", "5s"]);
    assert_eq!((run.code, run.findings().len()), (2, 21), "{}", run.err);
}

fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn databases_with_flipped_bits_and_cut_ends_never_panic_or_hang() {
    let original = std::fs::read("fixtures/incident.db").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken.db");
    let cases = std::env::var("SCHED_AUDIT_BROKEN").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    for case in 1..=cases {
        let case: u64 = case;
        let mut seed = case.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut bytes = original.clone();
        for _ in 0..1 + random(&mut seed) % 40 {
            let at = random(&mut seed) as usize % bytes.len();
            bytes[at] ^= 1 << (random(&mut seed) % 8);
        }
        if case.is_multiple_of(5) {
            bytes.truncate(random(&mut seed) as usize % bytes.len());
        }
        std::fs::write(&path, &bytes).unwrap();
        let arguments = ["-f", "json", "--timezone", "UTC", "--now", "2026-04-30T12:00:00Z"];
        let run: crate::Run = command().args(arguments).arg(&path).output().unwrap().into();
        assert!((0..=3).contains(&run.code) && !run.err.contains("internal"), "case {case}: {} {}", run.code, run.err);
    }
}

/// Overwrites each page of a database once: every audit is an error or says what the whole database says, or a note of what
/// could not be read.
pub fn overwrite_pages(original: &Path, now: &str) {
    let bytes = std::fs::read(original).unwrap();
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken.db");
    let audit = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let arguments = ["-f", "json", "--timezone", "UTC", "--now", now];
        crate::Run::from(command().args(arguments).arg(&path).output().unwrap())
    };
    let whole = audit(&bytes);
    assert_eq!(whole.code, 2, "{}", whole.err);
    for (number, start) in (0..bytes.len()).step_by(page).enumerate() {
        for fill in [0, 0xff, b'x'] {
            let mut broken = bytes.clone();
            broken[start..start + page].fill(fill);
            let run = audit(&broken);
            let noted = || run.json()["databases"][0]["notes"].as_array().is_some_and(|notes| !notes.is_empty());
            let silent = run.code != 3 && run.code != 2 && !noted();
            assert!(!silent, "page {}, {fill:#x}: exit {}: {}", number + 1, run.code, run.out);
        }
    }
}

#[test]
fn an_overwritten_page_never_makes_a_critical_database_healthy() {
    overwrite_pages(Path::new("fixtures/incident.db"), "2026-04-30T12:00:00Z");
}

#[test]
fn stepped_clock_disables_the_fast_search_with_a_note() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-20T10:00:00.000Z"), Some("2026-03-20T11:00:00.000Z"));
    // Two thousand hourly fires up to the window's end, the last 400 before the newest ten dated 2020: a search by halves
    // lands behind them and misses the streak.
    history.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO cost_events (session_key, input_tokens, output_tokens, created_at)
         SELECT 'scheduler:sched:j', i NOT BETWEEN 1585 AND 1589, i NOT BETWEEN 1585 AND 1589,
           CASE WHEN i BETWEEN 1590 AND 1990 THEN datetime('2020-01-01', i || ' minutes')
           WHEN i > 1990 THEN datetime('2026-03-20 10:01:00', (i - 2000) || ' hours')
           ELSE datetime('2026-03-20 00:01:00', (i - 1590) || ' hours') END FROM n",
    );
    let run = history.audit("2026-03-20T10:30:00Z", &[]);
    assert!(run.findings().contains(&"warning zero-tokens/zero-token-streak resolved".to_owned()), "{}", run.out);
    assert!(run.out.contains("do not rise: a clock was set"), "{}", run.out);
}
