//! What is remembered from one call to the next, while this call has its turn.

use super::place;
use super::state::{State, StateError};
use rustix::fs::OFlags;
use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};

/// How often a lock is tried.
const STEP: Duration = Duration::from_millis(20);
/// Nobody else may hold it: a lock that others can open can be kept by them.
const LOCK_MODE: u32 = 0o600;
/// What a descriptor of the lock is opened with: neither a link nor a pipe leads anywhere else, or waits.
const LOCK_FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);

/// What was told before this call, and what goes wrong with it. While it is kept, no other call tells anything.
pub struct Memory {
    /// What was told, and is changed by what this call tells.
    pub state: State,
    /// The same at the beginning.
    before: State,
    /// Where it is written; None if that would do harm.
    place: Option<PathBuf>,
    /// What went wrong. Nothing of it keeps news from being told.
    pub errors: Vec<StateError>,
    /// Locked; closing it gives the turn to the next call.
    _lock: Option<File>,
}

impl Memory {
    /// Waits for the turn of this call, though not beyond the deadline, and recalls what was told.
    pub fn recall(state: Option<&Path>, databases: &[PathBuf], directories: &[PathBuf], deadline: Clock) -> Memory {
        let mut memory =
            Memory { state: State::default(), before: State::default(), place: None, errors: Vec::new(), _lock: None };
        let place = state.map_or_else(place::default_place, |path| Ok(path.to_owned()));
        let place = match place.and_then(|path| place::of_state(&path, databases, directories)) {
            Ok(place) => place,
            Err(error) => {
                memory.errors.push(error);
                return memory;
            }
        };
        match lock(&place, deadline) {
            Ok(lock) => memory._lock = Some(lock),
            Err(error) => memory.errors.push(error),
        }
        match State::read(&place).or_else(|error| set_aside(&place, error, &mut memory.errors)) {
            Ok(state) => {
                (memory.before, memory.state) = (state.clone(), state);
                memory.place = Some(place);
            }
            Err(error) => memory.errors.push(error),
        }
        memory
    }

    /// Whether the next call will know what this one tells, as far as can be seen before it is written.
    pub fn lasts(&self) -> bool {
        self.place.is_some()
    }

    /// Writes what has changed. Returns whether the next call will know it.
    pub fn save(&mut self) -> bool {
        let Some(place) = &self.place else { return false };
        if self.state == self.before {
            return true;
        }
        match self.state.write(place) {
            Ok(()) => true,
            Err(error) => {
                self.errors.push(error);
                false
            }
        }
    }
}

/// Renames a file that is no state file: it stays as it is, and does not stand in the way again.
fn set_aside(place: &Path, error: StateError, errors: &mut Vec<StateError>) -> Result<State, StateError> {
    let StateError::Foreign(path) = error else { return Err(error) };
    let aside = free_name(place);
    std::fs::rename(place, &aside).map_err(|error| StateError::io(place, "can't be renamed", error))?;
    errors.push(StateError::SetAside { path, aside });
    Ok(State::default())
}

/// A name beside the file that nothing has: `state.json.1`.
fn free_name(place: &Path) -> PathBuf {
    let mut number = 1_u32;
    loop {
        let name = with_suffix(place, &format!(".{number}"));
        if name.symlink_metadata().is_err() {
            return name;
        }
        number += 1;
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Waits until no other call has the lock beside the file.
///
/// # Errors
/// Why the lock can't be had.
fn lock(place: &Path, deadline: Clock) -> Result<File, StateError> {
    let directory = place.parent().unwrap_or(Path::new("/"));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| StateError::io(directory, "can't be created", error))?;
    let path = with_suffix(place, ".lock");
    let lock = open_lock(&path)?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Clock::now() < deadline => std::thread::sleep(STEP),
            Err(TryLockError::WouldBlock) => return Err(StateError::Busy(path)),
            Err(TryLockError::Error(error)) => return Err(StateError::io(&path, "can't be locked", error)),
        }
    }
}

fn open_lock(path: &Path) -> Result<File, StateError> {
    let failed = |error| StateError::io(path, "can't be opened", error);
    let mut options = File::options();
    options.write(true).create(true).truncate(false).mode(LOCK_MODE);
    let lock = options.custom_flags(LOCK_FLAGS.bits().cast_signed()).open(path).map_err(failed)?;
    let meta = lock.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(StateError::NotRegular(path.to_owned()));
    }
    if meta.mode() & 0o077 != 0 {
        // That of another owner stays as it is, and is a lock all the same.
        let _ = lock.set_permissions(Permissions::from_mode(LOCK_MODE));
    }
    Ok(lock)
}
