//! Finds the databases of a call: those that are named, and those under a directory.

use crate::db::{self, ReadError};
use crate::report::AuditError;
use crate::stores;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use walkdir::{DirEntry, WalkDir};

/// A file with such a name is reported if it can't be opened; others are not known to be databases.
const DATABASE_EXTENSIONS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// One path to audit.
pub struct Candidate {
    /// The path as given or found.
    pub path: PathBuf,
    /// The position of the directory in which it was found: there, files of something else are passed over.
    pub found_in: Option<usize>,
    /// Whether it has been read and is being judged.
    pub is_judged: AtomicBool,
    /// Why it can't be audited, if that is known already.
    error: Mutex<Option<AuditError>>,
}

impl Candidate {
    fn new(path: &Path, found_in: Option<usize>, error: Option<AuditError>) -> Candidate {
        let (is_judged, error) = (AtomicBool::new(false), Mutex::new(error));
        Candidate { path: path.to_owned(), found_in, is_judged, error }
    }

    /// A path that was named.
    pub fn named(path: &Path) -> Candidate {
        Candidate::new(path, None, None)
    }

    /// A path in the directory at this position that can't be audited.
    pub fn unread(path: &Path, directory: usize, error: AuditError) -> Candidate {
        Candidate::new(path, Some(directory), Some(error))
    }

    /// Why it can't be audited, if that is known already.
    pub fn take_error(&self) -> Option<AuditError> {
        self.error.lock().ok()?.take()
    }
}

/// The SQLite databases under some directories, by name, and what may hide one. Links to files are followed, links to
/// directories are not.
pub fn search(directories: &[PathBuf]) -> Vec<Candidate> {
    let under = |(position, directory): (usize, &PathBuf)| {
        let entries = WalkDir::new(directory).sort_by_file_name().into_iter();
        let found: Vec<Candidate> = entries.filter_map(|entry| candidate(entry, directory, position)).collect();
        found
    };
    directories.iter().enumerate().flat_map(under).collect()
}

/// Whether a file may be a database whose header was destroyed.
fn begins_with_zeros(path: &Path) -> bool {
    let mut begin = [1; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == [0; 16]
}

fn candidate(entry: walkdir::Result<DirEntry>, directory: &Path, position: usize) -> Option<Candidate> {
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => {
            let path = error.path().unwrap_or(directory);
            let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            return Some(Candidate::unread(path, position, AuditError::Search(why)));
        }
    };
    let path = entry.path();
    let named_so =
        path.extension().is_some_and(|extension| DATABASE_EXTENSIONS.iter().any(|known| extension == *known));
    let meta = path.metadata();
    // Under /proc, opening an empty file could have an effect.
    if meta.is_ok_and(|meta| !meta.is_file() || (meta.len() == 0 && !named_so)) {
        return None;
    }
    if stores::is_aside(path) {
        return None;
    }
    match db::locate(path) {
        Ok(_) => Some(Candidate::new(path, Some(position), None)),
        Err(ReadError::NotSqlite) if stores::is_whole_store(path) => Some(Candidate::new(path, Some(position), None)),
        // Other programs name their files so too, but none begins a file with zeros.
        Err(ReadError::NotSqlite) if !begins_with_zeros(path) => None,
        Err(_) if !named_so => None,
        Err(error) => Some(Candidate::unread(path, position, error.into())),
    }
}
