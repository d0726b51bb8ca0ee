//! The one write: to stdout, or to a file that is replaced atomically.

mod closed_stdout;

use crate::db;
use std::fs::Permissions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Everyone may read a new file, as far as the umask lets them: a collector often runs as another user.
const NEW_FILE_MODE: u32 = 0o644;
/// Links that are followed, as many as Linux does.
const MAX_LINKS: usize = 40;

/// Why the report can't be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// There is no stdout.
    #[error("the output can't be written: stdout is closed")]
    Closed,
    /// Stdout fails.
    #[error("the output can't be written: {0}")]
    Stdout(std::io::Error),
    /// The file is a directory, a pipe, a device.
    #[error("{}: is not a regular file: give --output a file that may be replaced, or write to stdout", .0.display())]
    NotRegular(PathBuf),
    /// The file must not be replaced.
    #[error("{}: is a SQLite database or belongs to one: give --output another file", .0.display())]
    Database(PathBuf),
    /// The file can't be replaced.
    #[error("{}: can't be written: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
}

/// Writes the text to stdout, however slowly it is read; a reader that has seen enough is not an error.
///
/// # Errors
/// Why it can't be written.
pub fn to_stdout(text: &str) -> Result<(), OutputError> {
    if closed_stdout::is_closed() {
        return Err(OutputError::Closed);
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(OutputError::Stdout(error)),
        _ => Ok(()),
    }
}

/// Replaces a file by the text: it is written to a hidden file beside it, which is then renamed.
///
/// # Errors
/// Why it can't be written, or must not be: a database is never overwritten.
pub fn to_file(text: &str, path: &Path) -> Result<(), OutputError> {
    let target = behind_links(path);
    let present = target.metadata().ok();
    if present.as_ref().is_some_and(|meta| !meta.is_file()) {
        return Err(OutputError::NotRegular(path.to_owned()));
    }
    if db::is_part_of_database(&target) {
        return Err(OutputError::Database(path.to_owned()));
    }
    let permissions = present.map_or_else(|| Permissions::from_mode(NEW_FILE_MODE), |meta| meta.permissions());
    replace(text, &target, permissions).map_err(|error| OutputError::File { path: path.to_owned(), error })
}

/// The target of a link, whether or not it exists: a link stays a link.
fn behind_links(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(next) = std::fs::read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new(".")).join(next);
    }
    std::fs::canonicalize(&target).unwrap_or(target)
}

/// The hidden file while it is being written, so that no signal leaves it behind.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Removes the hidden file, if there is one: the process is about to end.
pub fn clean_up() {
    if let Some(path) = UNFINISHED.lock().ok().and_then(|mut unfinished| unfinished.take()) {
        // Nothing else can be done about it.
        let _ = std::fs::remove_file(path);
    }
}

fn replace(text: &str, target: &Path, permissions: Permissions) -> std::io::Result<()> {
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let remember = |path: Option<PathBuf>| UNFINISHED.lock().map(|mut unfinished| *unfinished = path);
    let mut file = tempfile::Builder::new().prefix(".sched-audit-").suffix(".tmp").make_in(directory, |path| {
        let _ = remember(Some(path.to_owned()));
        std::fs::File::options().write(true).create_new(true).mode(permissions.mode()).open(path)
    })?;
    file.write_all(text.as_bytes())?;
    // Renamed before it is on disk, it could be empty after a crash.
    file.as_file().sync_all()?;
    file.persist(target)?;
    let _ = remember(None);
    Ok(())
}
