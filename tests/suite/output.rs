//! `--output`: a file that is replaced whole, and never the wrong one.

use crate::{HEALTHY, HOURLY, History, INCIDENT, Run, command, patiently, run};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn write_to(path: &Path, arguments: &[&str]) -> Run {
    command().args(INCIDENT).args(arguments).arg("--output").arg(path).output().unwrap().into()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn every_format_can_be_written_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    for format in ["table", "json", "ndjson", "prometheus", "nagios", "github"] {
        let file = directory.path().join(format);
        let run = write_to(&file, &["--format", format]);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (2, "", ""), "{format}");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("heartbeat") && text.ends_with('\n'), "{format}: {text}");
    }
    let names = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(names, 6, "nothing else is left behind");
    assert!(write_to(&directory.path().join("man"), &["--generate", "man"]).code == 0);
}

#[test]
fn a_new_file_may_be_read_by_all_and_an_old_one_keeps_its_mode() {
    let directory = tempfile::tempdir().unwrap();
    let (new, old) = (directory.path().join("new"), directory.path().join("old"));
    std::fs::write(&old, "OK before").unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o640)).unwrap();
    let inode = old.metadata().unwrap().ino();
    assert_eq!((write_to(&new, &[]).code, write_to(&old, &[]).code), (2, 2));
    assert_eq!((mode(&new) & 0o404, mode(&old)), (0o404, 0o640));
    assert_ne!(old.metadata().unwrap().ino(), inode, "replaced, not rewritten in place");
}

#[test]
fn a_failed_call_replaces_a_stale_file() {
    let directory = tempfile::tempdir().unwrap();
    let (file, config) = (directory.path().join("sched-audit.prom"), directory.path().join("wrong.toml"));
    std::fs::write(&config, "late_after = '3h'\nlost_after = '1h'\n").unwrap();
    let config = config.to_string_lossy().into_owned();
    for arguments in [["--config", &config], ["--timeout", "0s"]] {
        std::fs::write(&file, "sched_audit_job_severity 0\n").unwrap();
        let run: Run = command()
            .args(["-f", "prometheus", "-o"])
            .arg(&file)
            .args(arguments)
            .args(INCIDENT)
            .output()
            .unwrap()
            .into();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(run.code == 3 && text.contains("sched_audit_success{database="), "{text}{}", run.err);
        assert!(text.contains("\"} 0\n") && !text.contains("job_severity"), "{text}");
    }
}

#[test]
fn a_wrong_command_line_writes_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("important.txt");
    std::fs::write(&file, "important").unwrap();
    let path = file.to_string_lossy().into_owned();
    for arguments in [
        vec!["--nope", "-f", "json", "--", "-o", &path],
        vec!["--nope", "--job", "-o", &path],
        vec!["-f", "prometheus", "-o", &path, "--now", "yesterday"],
    ] {
        assert_eq!(run(&arguments).code, 3, "{arguments:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "important", "{arguments:?}");
    }
    let report = run(&["--nope", "-f", "json", "-o", &path]).json();
    assert!(report["error"].as_str().unwrap().contains("--nope"), "a program reading stdout gets the error: {report}");
}

#[test]
fn a_report_is_written_whole_however_slowly_it_is_read() {
    let history = History::new();
    for job in 0..300 {
        history.job(&format!("job-{job:03}"), "cron", HOURLY, Some("2026-03-02T10:00:00.000Z"), None);
    }
    patiently(|timeout| {
        let mut audit = command();
        audit.args(["-f", "json", "--timeout", timeout, "--timezone", "UTC", "--now", "2026-03-02T10:30:00Z"]);
        let mut child = audit.arg(&history.path).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        // The report is there once it begins; the pipe is left full for longer than an audit may take.
        let mut text = vec![0];
        stdout.read_exact(&mut text).unwrap();
        std::thread::sleep(humantime::parse_duration(timeout).unwrap() + Duration::from_millis(300));
        stdout.read_to_end(&mut text).unwrap();
        if child.wait().unwrap().code() == Some(3) {
            return None;
        }
        assert!(text.len() > 1 << 16, "more than a pipe holds: {}", text.len());
        assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok(), "{}", text.len());
        Some(())
    });
}

#[test]
fn a_table_of_any_verdict_may_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("table").to_str().unwrap().to_owned();
    let of = |databases: &[&str]| {
        run(&[&["-o", &file, "--timezone", "UTC", "--now", "2026-05-01T06:25:30Z", "--color", "always"], databases]
            .concat())
    };
    for databases in [
        &["fixtures/incident.db"][..],
        &["fixtures/recovered.db"],
        &["no/such.db"],
        &["no/such.db", "fixtures/recovered.db"],
        &["fixtures/incident.db", "fixtures/recovered.db"],
    ] {
        for again in [false, true] {
            let written = of(databases);
            assert!(!written.err.contains("does not look like a report"), "{databases:?} {again}: {}", written.err);
        }
    }
}

#[test]
fn output_file_is_replaced_atomically() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report");
    assert_eq!(write_to(&file, &["--format", "json"]).code, 2);
    let whole = std::fs::read_to_string(&file).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                assert!(std::fs::read_to_string(&file).unwrap() == whole);
                reads += 1;
            }
            reads
        });
        for _ in 0..20 {
            assert_eq!(write_to(&file, &["--format", "json"]).code, 2);
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 20);
    });
}

#[test]
fn output_never_overwrites_a_database_or_its_sidecars() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("phantom.db");
    std::fs::copy("fixtures/incident.db", &database).unwrap();
    let link = directory.path().join("link.txt");
    symlink(&database, &link).unwrap();
    let before = std::fs::read(&database).unwrap();
    for name in ["phantom.db", "phantom.db-wal", "phantom.db-shm", "phantom.db-journal", "link.txt"] {
        let run = write_to(&directory.path().join(name), &[]);
        assert!(run.code == 3 && run.err.contains("give --output another file"), "{name}: {}", run.err);
    }
    assert!(std::fs::read(&database).unwrap() == before);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn device_or_directory_is_not_replaced_and_unwritable_file_exits_3() {
    let directory = tempfile::tempdir().unwrap();
    for (path, why) in [
        (Path::new("/dev/null"), "not a regular file"),
        (directory.path(), "not a regular file"),
        (&directory.path().join("absent/file"), "can't be written"),
    ] {
        let run = write_to(path, &[]);
        assert!(run.code == 3 && run.err.contains(why), "{}", run.err);
    }
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
}

#[test]
fn link_stays_and_its_target_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    std::fs::write(&file, "OK before").unwrap();
    symlink(&file, &link).unwrap();
    assert_eq!(write_to(&link, &[]).code, 2);
    assert!(link.is_symlink() && std::fs::read_to_string(&file).unwrap().contains("heartbeat"));
}

#[test]
fn output_through_a_dangling_link_creates_its_target() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink("file", &link).unwrap();
    assert_eq!(write_to(&link, &[]).code, 2);
    assert!(link.is_symlink() && std::fs::read_to_string(directory.path().join("file")).unwrap().contains("heartbeat"));
}

#[test]
fn database_in_creation_is_not_replaced() {
    for sidecar in ["-journal", "-wal"] {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("new.db");
        std::fs::write(&database, "").unwrap();
        std::fs::write(directory.path().join(format!("new.db{sidecar}")), "x").unwrap();
        assert_eq!(write_to(&database, &[]).code, 3, "{sidecar}");
        assert_eq!(std::fs::metadata(&database).unwrap().len(), 0);
    }
}

#[test]
fn a_closed_stdout_and_a_file_size_limit_are_exit_code_3() {
    let binary = env!("CARGO_BIN_EXE_sched-audit");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report");
    let shell =
        |script: String| crate::Run::from(std::process::Command::new("sh").args(["-c", &script]).output().unwrap());
    let audit = format!("{binary} --timezone UTC --now 2026-04-30T12:00:00Z fixtures/incident.db");
    let closed = shell(format!("{audit} >&-"));
    assert!(closed.code == 3 && closed.err.contains("stdout is closed"), "{} {}", closed.code, closed.err);
    assert_eq!(shell(format!("{audit} >/dev/null")).code, 2);
    let limited = shell(format!("ulimit -f 0; {audit} -f json -o {}", file.display()));
    assert!(limited.code == 3 && limited.err.contains("can't be written"), "{} {}", limited.code, limited.err);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn quiet_conflicts_with_output() {
    assert_eq!(crate::run(&["-q", "-o", "x", "fixtures/incident.db"]).code, 3);
}

#[test]
fn only_a_report_is_replaced_unless_asked_and_never_what_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let kept = |path: &Path, more: &[&str], why: &str| {
        let before = std::fs::read(path).unwrap();
        let run = write_to(path, more);
        assert!(run.code == 3 && run.err.contains(why), "{}: {}", path.display(), run.err);
        assert_eq!(std::fs::read(path).unwrap(), before, "{}", path.display());
    };
    // An encrypted database, its log, a super-journal, a script.
    for (name, text) in
        [("x.db", &b"\x8f\x10\xaa\x93 encrypted"[..]), ("x.db-wal", b"\x37\x7f\x06\x82"), ("run.sh", b"#!/bin/sh\n")]
    {
        let path = file(name, text);
        kept(&path, &[], "does not look like a report");
        assert_eq!(write_to(&path, &["--overwrite"]).code, 2, "{name}");
    }
    // The files that the call reads, whatever is in them.
    let config = file("a.toml", b"");
    kept(&config, &["--overwrite", "--config", config.to_str().unwrap()], "is read by this call");
    let argument = file("no-header.db", b"");
    kept(&argument, &["--overwrite", argument.to_str().unwrap()], "is read by this call");
    // A database in its first transaction, which keeps its journal in memory.
    let path = directory.path().join("new.db");
    let db = super::open(&path);
    db.execute_batch("PRAGMA journal_mode=MEMORY; PRAGMA cache_size=1; BEGIN IMMEDIATE; CREATE TABLE t (x)").unwrap();
    // To open and close it here would drop the locks of this process.
    let inode = path.metadata().unwrap().ino();
    let run = write_to(&path, &["--overwrite"]);
    assert!(run.code == 3 && path.metadata().unwrap().ino() == inode, "{}", run.err);
    db.execute_batch("COMMIT").unwrap();
    // A generated document can be written again.
    let page = directory.path().join("sched-audit.1");
    assert_eq!((write_to(&page, &["--generate", "man"]).code, write_to(&page, &["--generate", "man"]).code), (0, 0));
    // What each format writes can be replaced by each.
    for format in ["table", "json", "ndjson", "prometheus", "nagios", "github", "junit", "html"] {
        let report = directory.path().join("report");
        assert_eq!(write_to(&report, &["--format", format]).code, 2, "{format}");
        assert_eq!(write_to(&report, &["--color", "always"]).code, 2, "after {format}");
    }
}

#[test]
fn only_trouble_leaves_no_trouble_behind_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report");
    assert_eq!(write_to(&file, &["--only-trouble"]).code, 2);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("CRITICAL"));
    let run: Run = command().args(["--only-trouble", "-o"]).arg(&file).args(HEALTHY).output().unwrap().into();
    assert_eq!((run.code, std::fs::read_to_string(&file).unwrap().as_str()), (0, ""));
}

#[test]
fn a_stderr_that_nobody_reads_holds_nothing_up() {
    let begun = std::time::Instant::now();
    let missing: Vec<String> = (0..400).map(|number| format!("/no/such/{}{number}", "x".repeat(300))).collect();
    let mut child = command().arg("-q").args(missing).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = child.stderr.take();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    drop(stderr);
}
