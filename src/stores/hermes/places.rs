//! Where Hermes keeps its files.

use crate::db;
use crate::time::Instant;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The runs, from the home.
pub const PLACE: &str = "cron/executions.db";
/// What lies beside the runs.
const RUNS: &str = "executions.db";
const JOBS: &str = "jobs.json";
const HEARTBEAT: &str = "ticker_heartbeat";

/// Where its stores usually are: in the home that HERMES_HOME names, else in `~/.hermes`, and in the home of each profile.
pub fn usual_places() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = variable("HOME").map(|home| home.join(".hermes"));
    let mut homes: Vec<PathBuf> = variable("HERMES_HOME").or(own.clone()).into_iter().collect();
    let profiles = own.and_then(|own| std::fs::read_dir(own.join("profiles")).ok());
    let mut profiles: Vec<PathBuf> = profiles.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    profiles.retain(|profile| !homes.contains(profile) && store_of(profile).is_some());
    profiles.sort_unstable();
    homes.extend(profiles);
    homes.into_iter().map(|home| store_of(&home).unwrap_or_else(|| home.join(PLACE))).collect()
}

/// The store that a home, its folder `cron`, or its `jobs.json` stands for: its runs, or its jobs where a version has no others.
/// None for anything else.
pub fn store_of(path: &Path) -> Option<PathBuf> {
    let folders = [path.join("cron"), path.to_owned()];
    let jobs = if path.is_dir() { folders.map(|folder| folder.join(JOBS)).into() } else { vec![path.to_owned()] };
    for jobs in jobs {
        let runs = jobs.with_file_name(RUNS);
        if is_named_jobs(&jobs) && runs.is_file() {
            return Some(runs);
        }
        if is_jobs(&jobs) {
            return Some(jobs);
        }
    }
    None
}

/// Whether a file holds the jobs of a scheduler that is Hermes, and not an old OpenClaw, whose file has the same name: by what lies
/// beside it, else by what it says.
pub fn is_jobs(path: &Path) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        version: Option<IgnoredAny>,
        updated_at: Option<IgnoredAny>,
    }
    if !is_named_jobs(path) || !path.is_file() {
        return false;
    }
    if [RUNS, HEARTBEAT].iter().any(|name| path.with_file_name(name).exists()) {
        return true;
    }
    let says = db::read_whole(path, std::time::Instant::now()).ok().flatten();
    let shape: Option<Shape> = says.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    shape.is_some_and(|shape| shape.version.is_none() && shape.updated_at.is_some())
}

/// Whether a path has the name of the file with the jobs.
pub fn is_named_jobs(path: &Path) -> bool {
    path.file_name() == Some(OsStr::new(JOBS))
}

/// The jobs of a store.
pub fn jobs_file(store: &Path) -> PathBuf {
    store.with_file_name(JOBS)
}

/// The sign of life of its ticker.
pub fn heartbeat(store: &Path) -> PathBuf {
    store.with_file_name(HEARTBEAT)
}

/// When a pass of its ticker last worked.
pub fn last_success(store: &Path) -> PathBuf {
    store.with_file_name("ticker_last_success")
}

/// Why the last pass failed, from 0.20 on.
pub fn last_error(store: &Path) -> PathBuf {
    store.with_file_name("ticker_last_error")
}

/// The database of the sessions, in the home.
pub fn sessions_database(store: &Path) -> PathBuf {
    let cron = store.parent().unwrap_or(store);
    cron.with_file_name("state.db")
}

/// When a file was last written.
pub fn modified(path: &Path) -> Option<Instant> {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).ok()?;
    let age = modified.duration_since(UNIX_EPOCH).ok()?;
    Some(Instant::from_millis(i64::try_from(age.as_millis()).ok()?))
}

/// The name of the profile whose home a store is in.
pub fn profile(store: &Path) -> Option<&OsStr> {
    let home = store.parent()?.parent()?;
    if home.parent()?.file_name()? == "profiles" { home.file_name() } else { None }
}

/// The database that the gateway has open all the time: that of the sessions; that of the runs, from 0.20 on, only for moments.
pub fn held(store: &Path) -> PathBuf {
    let sessions = sessions_database(store);
    if sessions.is_file() { sessions } else { store.to_owned() }
}
