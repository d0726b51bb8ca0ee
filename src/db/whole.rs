//! A file beside a database that is read whole, such as the jobs that a scheduler keeps in JSON: with the same promises as the
//! database. Nothing is written or locked, and a read during which the file changed is thrown away.

use super::error::{Busy, ReadError};
use super::files::{FileStat, open_regular};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

/// No scheduler keeps so much in one file; one that is larger is out to exhaust us.
const MAX_LEN: u64 = 64 << 20;

/// A file that was read whole from one descriptor, so that a rename in between can't mix two versions.
pub struct WholeFile {
    /// What it held.
    pub bytes: Vec<u8>,
    stat: FileStat,
    /// Kept open, so that no other file is given its inode before the path is looked at again.
    _file: File,
}

impl WholeFile {
    /// Reads it; None if nothing is there.
    ///
    /// # Errors
    /// What keeps it from being read, or [`ReadError::Busy`] if it changed meanwhile.
    pub fn read(path: &Path) -> Result<Option<WholeFile>, ReadError> {
        let mut file = match open_regular(path) {
            Ok(file) => file,
            Err(ReadError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut stat = FileStat::of_open(&file)?;
        if stat.is_fresh(SystemTime::now()) {
            std::thread::sleep(stat.settles());
            stat = FileStat::of_open(&file)?;
            if stat.is_fresh(SystemTime::now()) {
                return Err(ReadError::Busy(Busy::Writing));
            }
        }
        let mut bytes = Vec::new();
        (&mut file).take(MAX_LEN + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_LEN {
            return Err(ReadError::Unusable(format!("is larger than {} MiB: too large to read", MAX_LEN >> 20)));
        }
        // Edited in place.
        if FileStat::of_open(&file)? != stat {
            return Err(ReadError::Busy(Busy::Changed));
        }
        Ok(Some(WholeFile { bytes, stat, _file: file }))
    }
}

/// Whether a path still leads to what was read from it, and that has not changed.
pub fn still_holds(read: Option<&WholeFile>, path: &Path) -> bool {
    match (read, FileStat::of(path)) {
        (None, Err(ReadError::NotFound)) => true,
        (Some(file), Ok(now)) => now == file.stat,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Access, read_whole};
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant as Clock};

    fn directory() -> tempfile::TempDir {
        tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
    }

    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{error}"));
    }

    fn read(path: &Path) -> Result<Option<WholeFile>, String> {
        let deadline = Clock::now() + Duration::from_secs(20);
        crate::db::until_at_rest(deadline, || WholeFile::read(path)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_is_read_whole_or_is_not_there_and_nothing_else_is_waited_for() {
        let directory = directory();
        let path = directory.path().join("jobs.json");
        assert!(read(&path).is_ok_and(|file| file.is_none()));
        write(&path, "one");
        assert!(read(&path).is_ok_and(|file| file.is_some_and(|file| file.bytes == b"one")));
        assert!(read(directory.path()).is_err_and(|why| why.starts_with("is a directory")));
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()));
        assert!(read(&pipe).is_err_and(|why| why.starts_with("is a named pipe")), "a pipe is not opened");
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_before_it_exhausts_us() {
        let directory = directory();
        let path = directory.path().join("jobs.json");
        let sparse = |len: u64| {
            let file = File::create(&path).unwrap_or_else(|error| panic!("{error}"));
            file.set_len(len).unwrap_or_else(|error| panic!("{error}"));
            read(&path).map(|file| file.map_or(0, |file| file.bytes.len() as u64))
        };
        assert_eq!(sparse(MAX_LEN), Ok(MAX_LEN));
        assert!(sparse(MAX_LEN + 1).is_err_and(|why| why.contains("too large")));
    }

    #[test]
    fn what_was_read_holds_until_the_path_leads_to_anything_else() {
        let directory = directory();
        let (path, other) = (directory.path().join("jobs.json"), directory.path().join("new"));
        write(&path, "one");
        let file = read(&path).ok().flatten().unwrap_or_else(|| panic!("not read"));
        assert!(still_holds(Some(&file), &path) && !still_holds(None, &path));
        write(&other, "one");
        let modified =
            std::fs::metadata(&path).and_then(|meta| meta.modified()).unwrap_or_else(|error| panic!("{error}"));
        File::options()
            .append(true)
            .open(&other)
            .and_then(|file| file.set_modified(modified))
            .unwrap_or_else(|e| panic!("{e}"));
        std::fs::rename(&other, &path).unwrap_or_else(|error| panic!("{error}"));
        assert!(!still_holds(Some(&file), &path), "the same bytes and times in another file");
        std::fs::remove_file(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(!still_holds(Some(&file), &path) && still_holds(None, &path));
    }

    #[test]
    fn a_file_that_changes_while_the_database_is_read_is_read_again_with_it() {
        let directory = directory();
        let (path, database) = (directory.path().join("jobs.json"), directory.path().join("a.db"));
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident.db");
        std::fs::copy(fixture, &database).unwrap_or_else(|error| panic!("{error}"));
        write(&path, "old");
        let mut seen = Vec::new();
        let mut read = |deadline: Clock, changes: usize| {
            seen.clear();
            let access = Access::new(&database, &["scheduled_jobs"], deadline);
            let mut access = access.unwrap_or_else(|error| panic!("{error}"));
            let read = access.consistent_read_with(&path, |_, bytes| {
                seen.push(String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned());
                if seen.len() <= changes {
                    write(&path, "new");
                }
                Ok(())
            });
            (read.map_err(|error| error.to_string()), seen.clone())
        };
        let later = Clock::now() + Duration::from_secs(3600);
        assert_eq!(read(later, 0), (Ok(()), vec!["old".to_owned()]));
        assert_eq!(read(later, 1), (Ok(()), vec!["old".to_owned(), "new".to_owned()]));
        let (refused, _) = read(Clock::now() + Duration::from_millis(1), usize::MAX);
        assert!(refused.as_ref().is_err_and(|why| why.contains("its writer was active")), "{refused:?}");
    }

    /// A writer replaces a file by `replace` until enough reads of it, with the database beside it, have succeeded.
    fn read_beside(replace: fn(&Path, usize)) {
        let directory = directory();
        let (path, database) = (directory.path().join("jobs.json"), directory.path().join("a.db"));
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident.db"), &database)
            .unwrap_or_else(|e| panic!("{e}"));
        replace(&path, 0);
        let stop = AtomicBool::new(false);
        let too_late = Clock::now() + Duration::from_secs(300);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1.. {
                    if stop.load(Ordering::Relaxed) || Clock::now() > too_late {
                        return;
                    }
                    replace(&path, round);
                    std::thread::sleep(Duration::from_millis(40));
                }
            });
            let mut reads = 0;
            while reads < READS {
                assert!(Clock::now() < too_late, "hardly a read succeeds: {reads} did");
                let deadline = Clock::now() + Duration::from_secs(20);
                let mut access =
                    Access::new(&database, &["scheduled_jobs"], deadline).unwrap_or_else(|e| panic!("{e}"));
                let read = access.consistent_read_with(&path, |db, bytes| {
                    db.query_row("SELECT count(*) FROM scheduled_jobs", [], |row| row.get::<_, i64>(0))?;
                    Ok(bytes.map(<[u8]>::to_vec))
                });
                let alone = read_whole(&path, deadline);
                for bytes in [read, alone].into_iter().flatten().flatten() {
                    let text = String::from_utf8(bytes).unwrap_or_default();
                    assert!(text.chars().all(|c| text.starts_with(c)) && text.len() == SIZE, "torn: {}", text.len());
                    reads += 1;
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }

    const SIZE: usize = 300_000;
    const READS: usize = 30;

    fn text(round: usize) -> String {
        char::from(b'a' + (round % 26) as u8).to_string().repeat(SIZE)
    }

    #[test]
    fn no_read_is_torn_beside_a_writer_that_renames() {
        let renames = |path: &Path, round| {
            write(&path.with_extension("tmp"), &text(round));
            std::fs::rename(path.with_extension("tmp"), path).unwrap_or_else(|error| panic!("{error}"));
        };
        read_beside(renames);
    }

    #[test]
    fn no_read_is_torn_beside_a_writer_that_edits_in_place() {
        let edits = |path: &Path, round| {
            let mut file =
                File::options().create(true).truncate(false).write(true).open(path).unwrap_or_else(|e| panic!("{e}"));
            for piece in text(round).as_bytes().chunks(SIZE / 10) {
                file.write_all(piece).unwrap_or_else(|error| panic!("{error}"));
            }
        };
        read_beside(edits);
    }
}
