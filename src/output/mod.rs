//! The one write: to stdout, or to a file that is replaced atomically.

mod closed_stdout;

use crate::db;
use std::fs::{Metadata, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Everyone may read a new file, as far as the umask lets them: a collector often runs as another user.
const NEW_FILE_MODE: u32 = 0o644;
/// So many bytes of a file show whether it is a report.
const BEGIN_LEN: u64 = 500;
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
    /// The file is one that this call reads.
    #[error("{}: is read by this call: give --output another file", .0.display())]
    Argument(PathBuf),
    /// A program is using the file.
    #[error("{}: is locked by a program that uses it: give --output another file", .0.display())]
    Locked(PathBuf),
    /// The file was written by something else.
    #[error("{}: does not look like a report of sched-audit: give --output another file, or pass --overwrite", .0.display())]
    NotOurs(PathBuf),
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
    match all_to_stdout(text) {
        Err(OutputError::Stdout(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// The same, where a reader must see all of it.
///
/// # Errors
/// Why it can't be written.
pub fn all_to_stdout(text: &str) -> Result<(), OutputError> {
    if closed_stdout::is_closed() {
        return Err(OutputError::Closed);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(OutputError::Stdout)
}

/// Which files may be replaced.
#[derive(Debug, Default)]
pub struct Guard {
    /// The files that the call reads.
    pub arguments: Vec<PathBuf>,
    /// Whether a file that something else wrote may be replaced.
    pub overwrites: bool,
}

/// Replaces a file by the text: it is written to a hidden file beside it, which is then renamed.
///
/// # Errors
/// Why it can't be written, or must not be: only a report is replaced without being asked, and never a file that is in use.
pub fn to_file(text: &str, path: &Path, guard: &Guard) -> Result<(), OutputError> {
    let target = behind_links(path);
    let present = target.metadata().ok();
    guard.check(text, path, &target, present.as_ref())?;
    replace(text, &target, present.as_ref()).map_err(|error| OutputError::File { path: path.to_owned(), error })
}

impl Guard {
    fn check(&self, text: &str, path: &Path, target: &Path, present: Option<&Metadata>) -> Result<(), OutputError> {
        let refuse = |why: fn(PathBuf) -> OutputError| Err(why(path.to_owned()));
        let is_target = |argument: &PathBuf| std::fs::canonicalize(argument).is_ok_and(|argument| argument == target);
        if present.is_some_and(|meta| !meta.is_file()) {
            return refuse(OutputError::NotRegular);
        }
        if self.arguments.iter().any(is_target) {
            return refuse(OutputError::Argument);
        }
        if db::is_part_of_database(target) {
            return refuse(OutputError::Database);
        }
        if present.is_some() && db::is_locked(target) {
            return refuse(OutputError::Locked);
        }
        if present.is_some_and(|meta| meta.len() > 0) && !self.overwrites && !is_ours(target, text) {
            return refuse(OutputError::NotOurs);
        }
        Ok(())
    }
}

/// Whether a file begins as a report does, or as the text that is to replace it.
fn is_ours(path: &Path, text: &str) -> bool {
    let mut begin = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(BEGIN_LEN).read_to_end(&mut begin));
    let begin = String::from_utf8_lossy(&begin);
    let same_line = begin.lines().next().is_some_and(|line| !line.is_empty() && text.lines().next() == Some(line));
    read.is_ok() && (same_line || crate::report::is_report(&begin))
}

/// The target of a link, whether or not it exists: a link stays a link.
pub fn behind_links(path: &Path) -> PathBuf {
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

fn replace(text: &str, target: &Path, present: Option<&Metadata>) -> std::io::Result<()> {
    let permissions = present.map_or_else(|| Permissions::from_mode(NEW_FILE_MODE), Metadata::permissions);
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let remember = |path: Option<PathBuf>| UNFINISHED.lock().map(|mut unfinished| *unfinished = path);
    let mut file = tempfile::Builder::new().prefix(".sched-audit-").suffix(".tmp").make_in(directory, |path| {
        let _ = remember(Some(path.to_owned()));
        std::fs::File::options().write(true).create_new(true).mode(permissions.mode()).open(path)
    })?;
    if let Some(present) = present {
        // Root keeps the owner too; anyone else may only keep the group, if it is one of theirs.
        let whole = fchown(file.as_file(), Some(present.uid()), Some(present.gid()));
        let _ = whole.or_else(|_| fchown(file.as_file(), None, Some(present.gid())));
        file.as_file().set_permissions(permissions)?;
    }
    file.write_all(text.as_bytes())?;
    // Renamed before it is on disk, it could be empty after a crash.
    file.as_file().sync_all()?;
    file.persist(target)?;
    let _ = remember(None);
    Ok(())
}
