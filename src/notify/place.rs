//! Where the state file is, and by which names databases are known in it.

use super::StateError;
use crate::output;
use std::path::{Path, PathBuf};

/// `$XDG_STATE_HOME/sched-audit/state.json`.
///
/// # Errors
/// That neither XDG_STATE_HOME nor HOME is set.
pub fn default_place() -> Result<PathBuf, StateError> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    home.map(|home| home.join("sched-audit/state.json")).ok_or(StateError::NoPlace)
}

/// The file itself, behind its links: a link stays a link, and its target has one lock.
///
/// # Errors
/// That it is in the directory of one of these databases, or in one of these directories.
pub fn of_state(path: &Path, databases: &[PathBuf], directories: &[PathBuf]) -> Result<PathBuf, StateError> {
    let place = absolute(&output::behind_links(path));
    let is_beside = |database: &PathBuf| {
        let database = absolute(database);
        // A directory that was given instead of a database has one in it.
        place.parent().is_some_and(|directory| database.parent() == Some(directory) || database == directory)
    };
    if databases.iter().any(is_beside) || directories.iter().any(|directory| place.starts_with(absolute(directory))) {
        return Err(StateError::BesideDatabase(path.to_owned()));
    }
    Ok(place)
}

/// A path from the root, with the links followed of as much of it as exists.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return path };
    std::fs::canonicalize(&path).unwrap_or_else(|_| absolute(directory).join(name))
}

/// A database's name in the state file: the same by whatever path it is reached.
pub fn name_of(path: &Path) -> String {
    absolute(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_name_by_whatever_path() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir(path("sub")).unwrap_or_else(|error| panic!("{error}"));
        std::fs::write(path("a.db"), "").unwrap_or_else(|error| panic!("{error}"));
        std::os::unix::fs::symlink(path("a.db"), path("link.db")).unwrap_or_else(|error| panic!("{error}"));
        let name = name_of(&path("a.db"));
        assert_eq!([name_of(&path("link.db")), name_of(&path("sub/../a.db"))], [name.clone(), name]);
    }

    #[test]
    fn the_state_is_never_beside_a_database_nor_under_a_directory_that_is_searched() {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir(path("data")).unwrap_or_else(|error| panic!("{error}"));
        std::os::unix::fs::symlink(path("data/s.json"), path("link.json")).unwrap_or_else(|error| panic!("{error}"));
        let databases = [path("data/a.db")];
        for state in ["data/s.json", "link.json"] {
            assert!(of_state(&path(state), &databases, &[]).is_err(), "{state}");
            assert!(of_state(&path(state), &[path("data")], &[]).is_err(), "{state}");
            assert!(of_state(&path(state), &[], &[path("data")]).is_err(), "{state}");
        }
        assert!(of_state(&path("s.json"), &databases, &[path("data")]).is_ok());
    }
}
