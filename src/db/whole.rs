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
