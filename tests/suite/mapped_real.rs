//! Recipes of contrib/stores against the real libraries, which fill a database each: skipped where those are not installed.

use crate::tools::have;
use crate::{Run, command};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A python that has the libraries: the one of a virtual environment in `target`, which `.ci/run` makes, or any.
pub fn python() -> &'static str {
    if Path::new("target/python/bin/python").exists() { "target/python/bin/python" } else { "python3" }
}

/// Whether python has a module.
pub fn has_module(module: &str) -> bool {
    if !have("python3") {
        return false;
    }
    let found = Command::new(python()).args(["-c", &format!("import {module}")]).output().unwrap().status.success();
    if !found {
        eprintln!("skipped: python has no module {module}");
    }
    found
}

/// A database that a library has filled, and the recipe for it.
struct Filled {
    _directory: tempfile::TempDir,
    path: PathBuf,
    recipe: &'static str,
}

impl Filled {
    fn by(recipe: &'static str) -> Filled {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let script = format!("tests/stores/fill_{recipe}.py");
        let filled = Command::new(python()).args(["-B", &script]).arg(&path).output().unwrap();
        assert!(filled.status.success(), "{script}: {}", String::from_utf8_lossy(&filled.stderr));
        Filled { _directory: directory, path, recipe }
    }

    fn audit(&self, minutes: i64, arguments: &[&str]) -> Run {
        let now = (chrono::Utc::now() + chrono::Duration::minutes(minutes)).to_rfc3339();
        let config = format!("contrib/stores/{}.toml", self.recipe);
        let mut call = command();
        call.args(["--config", &config, "--timezone", "UTC", "--now", &now]).args(arguments).arg(&self.path);
        call.output().unwrap().into()
    }
}

#[test]
fn jobs_of_apscheduler_are_judged_by_their_next_runs() {
    if !has_module("apscheduler.schedulers.background, sqlalchemy") {
        return;
    }
    let store = Filled::by("apscheduler");
    let fresh = store.audit(5, &["-f", "json"]);
    assert_eq!((fresh.code, fresh.incidents().len()), (0, 0), "{}", fresh.out);
    assert!(fresh.out.contains("\"disabled\""), "the paused one: {}", fresh.out);
    let dead = store.audit(24 * 60, &[]);
    assert!(dead.code == 2 && dead.out.contains("2 runs of "), "{}", dead.out);
}

#[test]
fn a_task_of_huey_that_is_past_due_is_told() {
    if !has_module("huey") {
        return;
    }
    let store = Filled::by("huey");
    assert_eq!(store.audit(5, &["-f", "json"]).incidents(), [""; 0], "it is due in ten minutes");
    assert_eq!(store.audit(200, &[]).code, 2, "{}", store.audit(200, &[]).out);
}

#[test]
fn schedules_of_django_q2_are_judged_by_next_runs_and_tasks() {
    if !has_module("django_q") {
        return;
    }
    let store = Filled::by("django_q");
    let fresh = store.audit(5, &["-f", "json"]);
    assert_eq!(fresh.incidents(), ["warning job-failing ongoing"], "{}", fresh.out);
    assert!(fresh.findings() == ["warning zero-tokens/job-failing ongoing"] && fresh.out.contains("math.sqrt"));
    let dead = store.audit(24 * 60, &[]);
    assert_eq!(dead.code, 2, "{}", dead.out);
}
