//! The one write: to stdout, or to a file that is replaced atomically.

mod closed_stdout;

use crate::db;
use std::fs::{File, Metadata, Permissions};
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::NamedTempFile;

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

/// So much of a report is gathered before it is written.
const BUFFER_LEN: usize = 64 << 10;

/// Lets stdout be written, however slowly it is read; a reader that has seen enough is not an error.
///
/// # Errors
/// Why it can't be written.
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), OutputError> {
    match all_to_stdout(write) {
        Err(OutputError::Stdout(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// The same, where a reader must see all of it.
///
/// # Errors
/// Why it can't be written.
pub fn all_to_stdout(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), OutputError> {
    if closed_stdout::is_closed() {
        return Err(OutputError::Closed);
    }
    buffered(std::io::stdout().lock(), write).map_err(OutputError::Stdout)
}

fn buffered(out: impl Write, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER_LEN, out);
    write(&mut out)?;
    out.flush()
}

/// Which files may be replaced.
#[derive(Debug, Default)]
pub struct Guard {
    /// The files that the call reads.
    pub arguments: Vec<PathBuf>,
    /// Whether a file that something else wrote may be replaced.
    pub overwrites: bool,
}

/// Replaces a file: a hidden file beside it is written, which is then renamed.
///
/// # Errors
/// Why it can't be written, or must not be: only a report is replaced without being asked, and never a file that is in use.
pub fn to_file(
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    path: &Path,
    guard: &Guard,
) -> Result<(), OutputError> {
    let failed = |error| OutputError::File { path: path.to_owned(), error };
    let target = behind_links(path);
    let present = target.metadata().ok();
    guard.check(path, &target, present.as_ref())?;
    let file = hidden_beside(&target, present.as_ref()).map_err(failed)?;
    buffered(file.as_file(), write).map_err(failed)?;
    if present.is_some_and(|meta| meta.len() > 0) && !guard.overwrites && !is_ours(&target, file.path()) {
        return Err(OutputError::NotOurs(path.to_owned()));
    }
    // Renamed before it is on disk, it could be empty after a crash.
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    remember_unfinished(None);
    Ok(())
}

impl Guard {
    fn check(&self, path: &Path, target: &Path, present: Option<&Metadata>) -> Result<(), OutputError> {
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
        Ok(())
    }
}

/// Whether a file begins as a report does, or as the file that is to replace it.
fn is_ours(path: &Path, new: &Path) -> bool {
    let Some(begin) = beginning(path) else { return false };
    let first_line = |text: &str| text.lines().next().map(str::to_owned).filter(|line| !line.is_empty());
    let same_line =
        first_line(&begin).is_some_and(|line| beginning(new).and_then(|new| first_line(&new)) == Some(line));
    same_line || crate::report::is_report(&begin)
}

fn beginning(path: &Path) -> Option<String> {
    let mut begin = Vec::new();
    File::open(path).ok()?.take(BEGIN_LEN).read_to_end(&mut begin).ok()?;
    Some(String::from_utf8_lossy(&begin).into_owned())
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

/// Gives a file the owner of the one that it replaces: root does; anyone else may only keep the group, if it is one of theirs.
fn keep_owner(file: &File, present: &Metadata) -> std::io::Result<()> {
    let new = file.metadata()?;
    // A sandbox may end the process for asking.
    if (new.uid(), new.gid()) == (present.uid(), present.gid()) {
        return Ok(());
    }
    let whole = fchown(file, Some(present.uid()), Some(present.gid()));
    let _ = whole.or_else(|_| fchown(file, None, Some(present.gid())));
    Ok(())
}

/// A hidden file beside the target, with its owner and permissions if it is there.
fn hidden_beside(target: &Path, present: Option<&Metadata>) -> std::io::Result<NamedTempFile> {
    let permissions = present.map_or_else(|| Permissions::from_mode(NEW_FILE_MODE), Metadata::permissions);
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".sched-audit-").suffix(".tmp").make_in(directory, |path| {
        remember_unfinished(Some(path.to_owned()));
        File::options().read(true).write(true).create_new(true).mode(permissions.mode()).open(path)
    })?;
    if let Some(present) = present {
        keep_owner(file.as_file(), present)?;
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

fn remember_unfinished(path: Option<PathBuf>) {
    if let Ok(mut unfinished) = UNFINISHED.lock() {
        *unfinished = path;
    }
}
