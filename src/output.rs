//! The one write: to stdout, or to a file that is replaced whole.

use crate::db;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Everybody may read a new file, as far as the umask lets them: a collector often runs as another user.
const NEW_FILE_MODE: u32 = 0o644;

/// Writes the text to stdout; a reader that has seen enough is no error.
///
/// # Errors
/// Why it can't be written.
pub fn to_stdout(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("the output can't be written: {error}"))
        }
        _ => Ok(()),
    }
}

/// Puts the text in the place of a file: it is written to a hidden file beside it, which is then renamed.
///
/// # Errors
/// Why it can't be written, or must not be: a database is never overwritten.
pub fn to_file(text: &str, path: &Path) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("{}: {why}", path.display()));
    // A link stays a link: what it leads to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let present = target.metadata().ok();
    if present.as_ref().is_some_and(|meta| !meta.is_file()) {
        return refuse("is not a regular file: give --output a file that may be replaced, or write to stdout");
    }
    if db::is_part_of_database(&target) {
        return refuse("is a SQLite database or belongs to one: give --output another file");
    }
    let permissions = present.map_or_else(|| Permissions::from_mode(NEW_FILE_MODE), |meta| meta.permissions());
    replace(text, &target, permissions).or_else(|error| refuse(&format!("can't be written: {error}")))
}

fn replace(text: &str, target: &Path, permissions: Permissions) -> std::io::Result<()> {
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".sched-audit-")
        .suffix(".tmp")
        .permissions(permissions)
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    // Renamed before it is on disk, it could be empty after a crash.
    file.as_file().sync_all()?;
    file.persist(target)?;
    Ok(())
}
