//! Several databases in one call.

use crate::{History, INCIDENT_TIME, Run, command, patiently, run};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

fn incident(arguments: &[&str]) -> Run {
    run(&[&INCIDENT_TIME, arguments].concat())
}

fn under(directory: &Path, arguments: &[&str]) -> Run {
    command().args(INCIDENT_TIME).args(arguments).arg("--recursive").arg(directory).output().unwrap().into()
}

/// The paths of the databases in a run's JSON, from the directory on.
fn paths(run: &Run, directory: &Path) -> Vec<String> {
    let json = run.json();
    let databases = json["databases"].as_array().unwrap().iter();
    let within = |path: &str| Path::new(path).strip_prefix(directory).map(|path| path.display().to_string());
    databases.map(|database| within(database["path"].as_str().unwrap()).unwrap_or_else(|_| "-".to_owned())).collect()
}

#[test]
fn table_lists_databases_worst_first() {
    let all = incident(&["fixtures/corpus/l-fleet-bad-model--12h.db", "no/such.db", "fixtures/incident.db"]);
    let (body, counts) = all.out.split_once("\n2026-04-30 12:00 UTC\n").unwrap();
    assert!(counts.starts_with("3 databases: 1 critical, 1 could not be read, 1 ok; "), "{}", all.out);
    assert!(body.starts_with("fixtures/incident.db\nCRITICAL  heartbeat has not run "), "{}", all.out);
    let place = |part: &str| body.find(part).unwrap_or_else(|| panic!("{part}: {body}"));
    assert!(place("\nno/such.db\nUNREAD    does not exist") < place("\nfixtures/corpus/"), "{body}");
    assert_eq!(all.code, 2);
}

#[test]
fn several_healthy_databases_take_one_line_each() {
    let copy = tempfile::tempdir().unwrap();
    for name in ["a.db", "b.db"] {
        std::fs::copy("fixtures/healthy.db", copy.path().join(name)).unwrap();
    }
    let output = command().args(["--timezone", "UTC", "--now", "2026-03-12T00:13:20Z", "-r"]).arg(copy.path()).output();
    let run = Run::from(output.unwrap());
    assert_eq!(
        (run.code, run.out.matches(".db\nOK        13 jobs are fine: ").count(), run.out.lines().count()),
        (0, 2, 8),
        "{}",
        run.out
    );
}

#[test]
fn database_given_twice_is_audited_once() {
    let links = tempfile::tempdir().unwrap();
    let link = links.path().join("link.db");
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incident.db"), &link).unwrap();
    let json =
        incident(&["-f", "json", "fixtures/incident.db", "./fixtures/../fixtures/incident.db", link.to_str().unwrap()]);
    assert_eq!(json.json()["databases"].as_array().unwrap().len(), 1);
    assert_eq!(json.findings().len(), 2);
}

#[test]
fn recursive_search_skips_foreign_files() {
    let fleet = tempfile::tempdir().unwrap();
    let at = |name: &str| fleet.path().join(name);
    std::fs::create_dir_all(at("one/data")).unwrap();
    std::fs::create_dir_all(at("two")).unwrap();
    std::fs::copy("fixtures/incident.db", at("one/data/phantom.db")).unwrap();
    std::fs::copy("fixtures/healthy.db", at("two/without-extension")).unwrap();
    symlink(at("two/without-extension"), at("two/link-to-a-known-one")).unwrap();
    symlink(fleet.path(), at("two/loop")).unwrap();
    std::fs::write(at("two/notes.txt"), "SQLite format 2").unwrap();
    std::fs::write(at("two/Thumbs.db"), "\u{d0}thumbnails of something else").unwrap();
    std::fs::write(at("two/empty"), "").unwrap();
    // What OpenClaw makes to lock a database, and copies from before its migrations.
    std::fs::write(at("two/openclaw.sqlite.generation-lock.sqlite"), "").unwrap();
    std::fs::copy("fixtures/incident.db", at("two/openclaw.sqlite.v8.bak")).unwrap();
    super::open(at("two/browser.db")).execute_batch("CREATE TABLE urls (url TEXT)").unwrap();
    let found = under(fleet.path(), &["-f", "json"]);
    assert_eq!(paths(&found, fleet.path()), ["one/data/phantom.db", "two/link-to-a-known-one"], "{}", found.out);
    assert_eq!((found.code, found.err.as_str()), (2, ""));
}

#[test]
fn file_named_like_a_database_is_reported_when_it_is_not_one() {
    let fleet = tempfile::tempdir().unwrap();
    std::fs::copy("fixtures/healthy.db", fleet.path().join("phantom.db")).unwrap();
    std::fs::write(fleet.path().join("empty.db"), "").unwrap();
    let mut bytes = std::fs::read("fixtures/incident.db").unwrap();
    bytes[..16].fill(0);
    std::fs::write(fleet.path().join("destroyed.sqlite"), bytes).unwrap();
    let found = under(fleet.path(), &["-f", "json", "--fail-on", "never"]);
    assert_eq!(paths(&found, fleet.path()), ["destroyed.sqlite", "empty.db", "phantom.db"], "{}", found.out);
    assert!(
        found.code == 3
            && found.err.contains("empty.db: is empty")
            && found.err.contains("destroyed.sqlite: is not a SQLite"),
        "{}",
        found.err
    );
}

#[test]
fn broken_database_in_directory_is_reported_and_hides_no_other() {
    let fleet = tempfile::tempdir().unwrap();
    std::fs::copy("fixtures/incident.db", fleet.path().join("phantom.db")).unwrap();
    let mut bytes = std::fs::read("fixtures/incident.db").unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(fleet.path().join("cut.db"), bytes).unwrap();
    let other = History::new();
    other.sql("ALTER TABLE cost_events RENAME TO costs");
    std::fs::copy(&other.path, fleet.path().join("older-schema.db")).unwrap();
    let found = under(fleet.path(), &["-f", "json"]);
    assert_eq!(paths(&found, fleet.path()), ["cut.db", "older-schema.db", "phantom.db"], "{}", found.out);
    let errors = found.json()["databases"].as_array().unwrap().iter().filter(|one| one["error"].is_string()).count();
    assert_eq!((found.code, errors, found.findings().len()), (2, 2, 2), "{}", found.out);
}

#[test]
fn directory_without_database_could_not_be_audited() {
    let empty = tempfile::tempdir().unwrap();
    let nothing = under(empty.path(), &[]);
    assert!(nothing.code == 3 && nothing.err.contains("contains no scheduler database"), "{}", nothing.err);
    symlink(empty.path().join("gone"), empty.path().join("phantom.db")).unwrap();
    let dangling = under(empty.path(), &[]);
    assert!(dangling.code == 3 && dangling.err.contains("phantom.db: does not exist"), "{}", dangling.err);
    let absent = under(&empty.path().join("absent"), &[]);
    assert!(absent.code == 3 && absent.err.contains("can't be searched"), "{}", absent.err);
}

#[test]
fn unreadable_database_file_in_a_directory_is_reported() {
    let fleet = tempfile::tempdir().unwrap();
    std::fs::copy("fixtures/healthy.db", fleet.path().join("phantom.db")).unwrap();
    std::fs::create_dir(fleet.path().join("closed")).unwrap();
    for (name, mode) in [("locked.db", 0o000), ("unrelated.key", 0o000), ("closed", 0o000), ("phantom.db", 0o444)] {
        let path = fleet.path().join(name);
        if !path.exists() {
            std::fs::write(&path, "x").unwrap();
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::fs::set_permissions(fleet.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = fleet.path().to_str().unwrap();
    let found = crate::run_unprivileged(&["--timezone", "UTC", "--now", "2026-03-12T00:13:20Z", "-r", path]);
    std::fs::set_permissions(fleet.path().join("closed"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(
        found.err.contains("locked.db: can't be") && found.err.contains("closed: can't be searched"),
        "{}",
        found.err
    );
    assert!(
        !found.err.contains("unrelated.key") && found.out.contains("13 jobs are fine"),
        "{}{}",
        found.out,
        found.err
    );
    assert_eq!(found.code, 3);
}

#[test]
fn one_slow_database_does_not_hide_the_others() {
    let slow = History::in_commit();
    patiently(|timeout| {
        let begun = std::time::Instant::now();
        let call = ["--timeout", timeout, "fixtures/incident.db"];
        let late: Run = command().args(INCIDENT_TIME).args(call).arg(&slow.path).output().unwrap().into();
        let (took, given) = (begun.elapsed(), humantime::parse_duration(timeout).unwrap());
        assert!(took >= given / 2, "a time-out of {timeout} took {took:?}");
        let in_time = late.code == 2 && took < 2 * given + Duration::from_secs(1);
        in_time.then(|| assert_eq!(late.err.lines().count(), 1, "{}", late.err))
    });
}

#[test]
fn a_copy_has_the_same_fingerprint_and_its_own_path() {
    let copies = tempfile::tempdir().unwrap();
    std::fs::copy("fixtures/incident.db", copies.path().join("b.db")).unwrap();
    let both = under(copies.path(), &["-f", "json", "fixtures/incident.db"]);
    let prints = both.fingerprints();
    assert_eq!((prints.len(), &prints[0]), (2, &prints[1]));
    let json = both.json();
    assert_ne!(json["incidents"][0]["database"], json["incidents"][1]["database"]);
}
