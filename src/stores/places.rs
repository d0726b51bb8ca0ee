//! Where schedulers keep their databases, and what may be there instead.

use super::store::Store;
use super::{hermes, openclaw};
use crate::db::{self, ReadError};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// Where the databases of schedulers usually are.
pub fn usual_places() -> Vec<PathBuf> {
    let places = Store::value_variants().iter().flat_map(|store| store.usual_places());
    places.map(|place| std::path::absolute(&place).unwrap_or(place)).collect()
}

/// Where a database really is: [`db::locate`], with advice for who gave the path of something else of a scheduler. The home and the
/// `jobs.json` of Hermes stand for its store.
///
/// # Errors
/// What is there instead of a database, and what to do about it.
pub fn locate(path: &Path) -> Result<PathBuf, ReadError> {
    let error = match db::locate(path) {
        Ok(real) => return Ok(real),
        Err(error) => error,
    };
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(store) = hermes::places::store_of(&real) {
        return if hermes::places::is_jobs(&store) { Ok(store) } else { db::locate(&store) };
    }
    Err(match error {
        ReadError::Directory { .. } => instead_of(&real),
        ReadError::NotSqlite if openclaw::places::is_json_store(&real) => openclaw::places::json_store(),
        error => error,
    })
}

/// What to give instead of a directory.
fn instead_of(directory: &Path) -> ReadError {
    let places = Store::value_variants().iter().map(|store| directory.join(store.place()));
    match places.into_iter().find(|place| place.is_file()) {
        Some(database) => ReadError::Directory { database: Some(database) },
        None => older_store(directory).unwrap_or(ReadError::Directory { database: None }),
    }
}

/// What to do about a directory whose scheduler is too old to have a database.
pub fn older_store(directory: &Path) -> Option<ReadError> {
    openclaw::places::is_json_home(directory).then(openclaw::places::json_store)
}

/// Whether a file that is no database is all that a scheduler keeps: the jobs of a Hermes without a table of runs.
pub fn is_whole_store(path: &Path) -> bool {
    hermes::places::is_jobs(path) && hermes::places::store_of(path).as_deref() == Some(path)
}

/// Whether a file is one that a scheduler makes only to lock it, or a copy that it left behind: no store that it works on.
pub fn is_aside(path: &Path) -> bool {
    openclaw::places::is_aside(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_answered_with_what_its_scheduler_keeps_there() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let refused = || locate(directory.path()).err().map(|error| error.to_string()).unwrap_or_default();
        let make = |name: &str| {
            let path = directory.path().join(name);
            let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, "[]"));
            made.unwrap_or_else(|error| panic!("{error}"));
            path
        };
        assert!(refused().ends_with("or search it with --recursive"), "{}", refused());
        let jobs = make("cron/jobs.json");
        assert!(refused().starts_with("is of OpenClaw before 2026.6"), "{}", refused());
        assert!(locate(&jobs).is_err_and(|error| error.to_string() == refused()), "the file itself");
        make("state/openclaw.sqlite");
        assert!(refused().contains("state/openclaw.sqlite, or everything under it"), "{}", refused());
        make("data/phantom.db");
        assert!(refused().contains("data/phantom.db, or everything under it"), "{}", refused());
    }
}
