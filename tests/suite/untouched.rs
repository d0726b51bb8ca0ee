//! The database and its directory are the same after an audit, byte for byte.

use crate::{HOURLY, History};
use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

type Sight = BTreeMap<Vec<u8>, (u64, u64, u32, u32, i64, i64, i64, i64, Vec<u8>)>;

/// Every file of a directory: inode, size, mode, owner, mtime, ctime, bytes.
fn sight(directory: &Path) -> Sight {
    let files = std::fs::read_dir(directory).unwrap().flatten().map(|entry| {
        let meta = entry.metadata().unwrap();
        let facts = (
            meta.ino(),
            meta.size(),
            meta.mode(),
            meta.uid(),
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
            std::fs::read(entry.path()).unwrap_or_default(),
        );
        (entry.file_name().as_bytes().to_vec(), facts)
    });
    files.collect()
}

/// Audits and expects the overdue job to be found, and nothing to have moved.
fn audit_untouched(history: &History) {
    let before = sight(history.directory.path());
    let run = history.audit("2026-03-02T14:00:00Z", &[]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(sight(history.directory.path()) == before, "something in the directory changed");
}

fn wal(name: &str) -> History {
    let history = History::named(name);
    history.sql("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0");
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history
}

#[test]
fn with_a_live_writer_whose_rows_are_only_in_the_log() {
    audit_untouched(&wal("phantom.db"));
}

#[test]
fn a_store_of_the_second_scheduler_live_and_left_by_a_killed_process() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let live = rusqlite::Connection::open(at("live.sqlite")).unwrap();
    live.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").unwrap();
    live.execute_batch(include_str!("openclaw.sql")).unwrap();
    let job = r#"{"schedule":{"kind":"every","everyMs":600000},"payload":{"kind":"agentTurn"}}"#;
    live.execute("INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, updated_at) VALUES ('s', 'j', 'j', 1, '', ?1, 0)", [job]).unwrap();
    for suffix in ["", "-wal"] {
        std::fs::copy(at(&format!("live.sqlite{suffix}")), at(&format!("killed.sqlite{suffix}"))).unwrap();
    }
    for name in ["live.sqlite", "killed.sqlite"] {
        let before = sight(directory.path());
        let run = crate::run(&[
            "-f",
            "json",
            "--timezone",
            "UTC",
            "--now",
            "2026-03-02T14:00:00Z",
            at(name).to_str().unwrap(),
        ]);
        assert_eq!(run.findings(), ["critical past-due/no-next-run ongoing"], "{}", run.err);
        assert!(sight(directory.path()) == before, "{name}: something in the directory changed");
    }
}

#[test]
fn in_paths_with_uri_characters() {
    for name in ["a b?c#d%25&e'f.db", "new\nline.db"] {
        audit_untouched(&wal(name));
    }
    // rusqlite opens no such name itself: the writer makes it by another, and the files are renamed.
    let mut history = wal("phantom.db");
    let name = |suffix: &[u8]| std::ffi::OsString::from_vec([b"not\xffutf8.db", suffix].concat());
    for suffix in ["", "-wal", "-shm"] {
        let from = history.directory.path().join(format!("phantom.db{suffix}"));
        std::fs::copy(&from, history.directory.path().join(name(suffix.as_bytes()))).unwrap();
    }
    history.path = history.directory.path().join(name(b""));
    audit_untouched(&history);
}

#[test]
fn cleanly_closed() {
    let mut history = wal("phantom.db");
    history.db = rusqlite::Connection::open_in_memory().unwrap();
    assert!(!history.path.with_extension("db-wal").exists());
    audit_untouched(&history);
}

/// The files of a writer that was killed: copied from under it.
fn killed(with_shm: bool) -> History {
    let live = wal("live.db");
    let mut history = wal("phantom.db");
    history.db = rusqlite::Connection::open_in_memory().unwrap();
    for suffix in ["", "-wal", "-shm"].iter().filter(|suffix| with_shm || **suffix != "-shm") {
        let name = |base: &str| format!("{base}{suffix}");
        std::fs::copy(live.directory.path().join(name("live.db")), history.directory.path().join(name("phantom.db")))
            .unwrap();
    }
    history
}

#[test]
fn left_by_a_killed_writer_with_and_without_shm() {
    audit_untouched(&killed(true));
    audit_untouched(&killed(false));
}

#[test]
fn in_rollback_mode_idle_and_with_a_writer_in_its_transaction() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    audit_untouched(&history);
    // To read the files here drops the writer's locks; a journal that is not synced yet begins with zero, and is not hot.
    history.sql(
        "PRAGMA synchronous=FULL; BEGIN IMMEDIATE; UPDATE scheduled_jobs SET next_run_at = '2099-01-01T00:00:00.000Z'",
    );
    audit_untouched(&history);
    history.sql("COMMIT");
}

#[test]
fn a_hot_journal_is_an_error_that_says_what_to_do() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    std::fs::write(history.directory.path().join("phantom.db-journal"), [0xd9; 600]).unwrap();
    let before = sight(history.directory.path());
    let run = history.audit("2026-03-02T14:00:00Z", &[]);
    assert!(run.code == 3 && run.err.contains("hot journal") && run.err.contains("Start the scheduler"), "{}", run.err);
    assert!(sight(history.directory.path()) == before);
}

#[test]
fn through_a_symlink_the_log_beside_the_real_file_counts() {
    let history = wal("phantom.db");
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.db");
    std::os::unix::fs::symlink(&history.path, &link).unwrap();
    let before = sight(history.directory.path());
    let run = crate::run(&["-q", "--timezone", "UTC", "--now", "2026-03-02T14:00:00Z", link.to_str().unwrap()]);
    assert_eq!(run.code, 2);
    assert!(sight(history.directory.path()) == before);
}

#[test]
fn as_another_user_in_a_directory_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let history = wal("phantom.db");
    std::fs::set_permissions(history.directory.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    for entry in std::fs::read_dir(history.directory.path()).unwrap().flatten() {
        std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o444)).unwrap();
    }
    let before = sight(history.directory.path());
    let path = history.path.to_str().unwrap();
    let audit = || crate::run_unprivileged(&["-f", "json", "--timezone", "UTC", "--now", "2026-03-02T14:00:00Z", path]);
    let run = audit();
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(sight(history.directory.path()) == before);
    std::fs::set_permissions(&history.path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let run = audit();
    assert!(run.code == 3 && run.err.contains("run as a user who may read it"), "{}", run.err);
}

#[test]
fn a_live_log_that_is_somewhere_else_is_an_error() {
    let history = History::new();
    history.sql("PRAGMA journal_mode=WAL");
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    let run = history.audit("2026-03-02T10:30:00Z", &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    std::fs::remove_file(history.path.with_extension("db-wal")).unwrap();
    let run = history.audit("2026-03-02T10:30:00Z", &[]);
    assert!(run.code == 3 && run.err.contains("its -wal is not beside it"), "{}", run.err);
}

#[test]
fn names_of_tables_may_be_in_any_case_and_other_parts_of_the_schema_of_any_size() {
    let history = History::new();
    history.job("j", "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), Some("2026-03-02T11:00:00.000Z"));
    history.fires("j", &["2026-03-02 10:01:00"]);
    let deep = (0..300).map(|n| n.to_string()).collect::<Vec<_>>().join(" + ");
    let many = vec!["SELECT 1 AS x"; 40].join(" UNION ALL ");
    history.sql(&format!(
        "ALTER TABLE scheduled_jobs RENAME TO other; ALTER TABLE other RENAME TO SCHEDULED_JOBS;
         ALTER TABLE cost_events RENAME TO more; ALTER TABLE more RENAME TO Cost_Events;
         CREATE VIEW v AS {many}; CREATE TABLE t (x CHECK (x > {deep}));
         CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t WHERE x = {deep}; END"
    ));
    let run = history.audit("2026-03-02T14:30:00Z", &[]);
    assert_eq!(run.incidents(), ["critical scheduler-silent ongoing"], "{}{}", run.out, run.err);
}
