//! When the files were last written that jobs should leave behind, by the paths and patterns of the config file. Only folders
//! are read, and of files their times: none is opened.

use crate::model::{ResultFiles, Results};
use crate::numbers::grouped;
use crate::time::Instant;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock, UNIX_EPOCH};
use wildmatch::WildMatch;

/// Patterns that are read at a time: a dead mount holds up one of them, and not the others.
const THREADS: usize = 8;
/// Files and folders of one pattern that are looked at.
const MAX_ENTRIES: u64 = 100_000;
/// How long is waited for all patterns together, but not for more than half of the time that is left: the databases come after
/// that.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads all patterns, until the deadline at most.
pub fn read(patterns: BTreeSet<PathBuf>, deadline: Clock) -> Results {
    let deadline = Clock::now() + PATIENCE.min(deadline.saturating_duration_since(Clock::now()) / 2);
    let (sender, found) = channel();
    let queue = Arc::new(Mutex::new(patterns.clone().into_iter()));
    for _ in 0..THREADS.min(patterns.len()) {
        let (sender, queue) = (sender.clone(), queue.clone());
        let work = move || {
            while let Some(pattern) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                let files = files_of(&pattern, MAX_ENTRIES);
                // No one is waiting any more after the deadline.
                if sender.send((pattern, files)).is_err() {
                    break;
                }
            }
        };
        // What no thread reads is not read in time.
        let _ = std::thread::Builder::new().spawn(work);
    }
    drop(sender);
    collect(patterns, &found, deadline)
}

/// What was read by the deadline, and that the rest was not.
fn collect(patterns: BTreeSet<PathBuf>, found: &Receiver<(PathBuf, ResultFiles)>, deadline: Clock) -> Results {
    let mut results = Results::new();
    while let Ok((pattern, files)) = found.recv_timeout(deadline.saturating_duration_since(Clock::now())) {
        results.insert(pattern, files);
    }
    for pattern in patterns {
        results.entry(pattern).or_insert_with(|| trouble("could not be read before the time-out"));
    }
    results
}

fn trouble(why: impl Into<String>) -> ResultFiles {
    ResultFiles { newest: None, trouble: Some(why.into()) }
}

/// The files of a pattern; of a folder that it names, those in it. At most so many entries are looked at.
fn files_of(pattern: &Path, most: u64) -> ResultFiles {
    let mut search = Search { most, seen: 0, files: ResultFiles::default() };
    let mut paths = vec![PathBuf::new()];
    for component in pattern.components() {
        paths = match component {
            Component::Normal(name) if is_pattern(name) => search.matching(&paths, name),
            other => paths.into_iter().map(|path| path.join(other)).collect(),
        };
    }
    for path in paths {
        search.add(&path, true);
    }
    search.files
}

fn is_pattern(name: &OsStr) -> bool {
    name.to_string_lossy().contains(['*', '?'])
}

struct Search {
    /// How many entries are looked at, and how many were.
    most: u64,
    seen: u64,
    files: ResultFiles,
}

impl Search {
    /// The entries of these folders whose names match. As in a shell, a pattern finds hidden names only if it begins with a dot.
    fn matching(&mut self, folders: &[PathBuf], name: &OsStr) -> Vec<PathBuf> {
        let name = name.to_string_lossy();
        let (pattern, finds_hidden) = (WildMatch::new(&name), name.starts_with('.'));
        let mut found = Vec::new();
        for folder in folders {
            for path in self.entries(folder) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if pattern.matches(&name) && (finds_hidden || !name.starts_with('.')) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// What is in a folder; nothing, if there is no such folder.
    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut found = Vec::new();
        let entries = match std::fs::read_dir(here) {
            Ok(entries) => entries,
            Err(error) => {
                self.failed(folder, &error);
                return found;
            }
        };
        for entry in entries {
            if self.seen == self.most {
                self.files.trouble = Some(format!("has more than {} files", grouped(self.most)));
                break;
            }
            self.seen += 1;
            match entry {
                Ok(entry) => found.push(folder.join(entry.file_name())),
                Err(error) => self.failed(folder, &error),
            }
        }
        found
    }

    /// Takes the time of a file, or of those in a folder.
    fn add(&mut self, path: &Path, enters: bool) {
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_dir() && enters => {
                for path in self.entries(path) {
                    self.add(&path, false);
                }
            }
            Ok(meta) if meta.is_dir() => {}
            Ok(meta) => match meta.modified() {
                Ok(written) => self.files.newest = self.files.newest.max(Some(instant(written))),
                Err(error) => self.failed(path, &error),
            },
            Err(error) => self.failed(path, &error),
        }
    }

    /// What is not there is no trouble.
    fn failed(&mut self, path: &Path, error: &std::io::Error) {
        if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
            self.files.trouble = Some(format!("can't be read: {}: {error}", path.display()));
        }
    }
}

fn instant(time: std::time::SystemTime) -> Instant {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    struct Folder(tempfile::TempDir);

    impl Folder {
        /// Files that were written so many seconds after 1970.
        fn with(files: &[(&str, u64)]) -> Folder {
            let folder = Folder(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")));
            for (name, seconds) in files {
                let path = folder.0.path().join(name);
                let written = SystemTime::UNIX_EPOCH + Duration::from_secs(*seconds);
                let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
                let made = made.and_then(|()| std::fs::File::create(&path)).and_then(|file| file.set_modified(written));
                made.unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            folder
        }

        fn newest(&self, pattern: &str) -> Option<i64> {
            let files = files_of(&self.0.path().join(pattern), MAX_ENTRIES);
            assert_eq!(files.trouble, None, "{pattern}");
            files.newest.map(Instant::seconds)
        }
    }

    #[test]
    fn the_newest_file_of_a_path_a_pattern_or_a_folder_counts() {
        let files = [("a/one.md", 10), ("a/two.md", 30), ("a/three.txt", 50), ("b/one.md", 40), ("a/.hidden.md", 90)];
        let folder = Folder::with(&files);
        for (pattern, newest) in [
            ("a/one.md", Some(10)),
            ("a/*.md", Some(30)),
            ("a/*", Some(50)),
            ("a/t??.md", Some(30)),
            ("*/*.md", Some(40)),
            ("?/one.md", Some(40)),
            ("b", Some(40)),
            ("a/.*.md", Some(90)),
            ("a/*.pdf", None),
            ("c/*.md", None),
            ("a/one.md/*", None),
            ("c", None),
        ] {
            assert_eq!(folder.newest(pattern), newest, "{pattern}");
        }
    }

    #[test]
    fn folders_are_no_files_and_a_link_to_nothing_is_nothing() {
        let folder = Folder::with(&[("a/deep/one.md", 10)]);
        let linked = std::os::unix::fs::symlink("nowhere", folder.0.path().join("a/gone.md"));
        linked.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((folder.newest("a/*"), folder.newest("a"), folder.newest("a/gone.md")), (Some(10), None, None));
    }

    #[test]
    fn too_many_files_are_told_with_the_newest_of_those_that_were_seen() {
        let folder = Folder::with(&[("a", 1), ("b", 1), ("c", 1)]);
        let of = |most| files_of(&folder.0.path().join("*"), most);
        assert_eq!((of(3).trouble, of(3).newest.map(Instant::seconds)), (None, Some(1)));
        let cut = of(2);
        assert_eq!(cut.trouble.as_deref(), Some("has more than 2 files"));
        assert_eq!(cut.newest.map(Instant::seconds), Some(1));
    }

    #[test]
    fn what_is_not_read_in_time_is_trouble() {
        let (sender, found) = channel();
        let (read, dead) = (PathBuf::from("/read"), PathBuf::from("/dead"));
        let files = ResultFiles { newest: Some(Instant::MIN), trouble: None };
        assert!(sender.send((read.clone(), files.clone())).is_ok());
        let results = collect(BTreeSet::from([read.clone(), dead.clone()]), &found, Clock::now());
        assert_eq!((results.len(), &results[&read]), (2, &files));
        assert!(results[&dead].newest.is_none() && results[&dead].trouble.is_some());
    }
}
