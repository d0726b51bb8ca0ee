//! Whether a file may be obeyed: it names commands, so nobody but root and the caller may be able to write it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Links that are followed, as many as Linux does.
const MAX_LINKS: usize = 40;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;

/// Why a file is not obeyed.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// Somebody else may change what it says.
    #[error("{} is owned by user {owner}, who is neither root nor the caller (user {caller}): give it to one of them, or pass --no-config", .place.display())]
    Owner {
        /// The file, or a directory or a link on the way to it.
        place: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who called.
        caller: u32,
    },
    /// Everybody may change what it says.
    #[error("{} can be written by everybody (mode {mode:04o}): run chmod o-w on it, or pass --no-config", .place.display())]
    Mode {
        /// The file, or a directory on the way to it.
        place: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A link leads to itself.
    #[error("{} is a link that leads nowhere", .0.display())]
    Loop(PathBuf),
    /// It can't be looked at.
    #[error("{} can't be read: {error}", .place.display())]
    Unseen {
        /// The file, or a directory or a link on the way to it.
        place: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
}

/// Checks a file, and every directory and link on the way to it.
///
/// # Errors
/// Why it is not obeyed.
pub fn check(path: &Path) -> Result<(), Distrust> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    check_way(&path, MAX_LINKS)
}

fn check_way(path: &Path, links: usize) -> Result<(), Distrust> {
    let mut place = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            // Behind a link, the directory above is that of its target, which has been checked.
            place = std::fs::canonicalize(&place).unwrap_or(place);
            place.pop();
            continue;
        }
        place.push(component);
        let unseen = |error| Distrust::Unseen { place: place.clone(), error };
        let meta = std::fs::symlink_metadata(&place).map_err(unseen)?;
        check_place(&place, &meta)?;
        if meta.is_symlink() {
            let links = links.checked_sub(1).ok_or_else(|| Distrust::Loop(place.clone()))?;
            let target = std::fs::read_link(&place).map_err(unseen)?;
            check_way(&place.parent().unwrap_or(Path::new("/")).join(target), links)?;
        }
    }
    Ok(())
}

fn check_place(place: &Path, meta: &Metadata) -> Result<(), Distrust> {
    let (owner, caller) = (meta.uid(), rustix::process::geteuid().as_raw());
    // Who owns the root directory can change every file: in a user namespace that is not user 0.
    let of_root = std::fs::symlink_metadata("/").map_or(0, |root| root.uid());
    if ![0, caller, of_root].contains(&owner) {
        return Err(Distrust::Owner { place: place.to_owned(), owner, caller });
    }
    // Every link has mode 0777. In a sticky directory, nobody else can replace what belongs to root or the caller.
    let is_safe = meta.is_symlink() || (meta.is_dir() && meta.mode() & STICKY != 0);
    if meta.mode() & OTHERS_WRITE != 0 && !is_safe {
        return Err(Distrust::Mode { place: place.to_owned(), mode: meta.mode() & 0o7777 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_trusted_if_nobody_else_can_write_it_or_replace_it() {
        let home = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = |name: &str| home.path().join(name);
        let chmod = |name: &str, mode: u32| {
            std::fs::set_permissions(path(name), Permissions::from_mode(mode))
                .unwrap_or_else(|error| panic!("{error}"));
        };
        std::fs::create_dir(path("directory")).unwrap_or_else(|error| panic!("{error}"));
        std::fs::write(path("directory/file"), "").unwrap_or_else(|error| panic!("{error}"));
        std::os::unix::fs::symlink(path("directory/file"), path("link")).unwrap_or_else(|error| panic!("{error}"));
        for (directory, file, trusted) in [
            (0o755, 0o644, true),
            (0o775, 0o664, true),
            (0o755, 0o646, false),
            (0o777, 0o644, false),
            (0o1777, 0o644, true),
            (0o1777, 0o666, false),
        ] {
            chmod("directory", directory);
            chmod("directory/file", file);
            for name in ["directory/file", "link", "directory/../directory/file"] {
                assert_eq!(check(&path(name)).is_ok(), trusted, "{directory:o} {file:o} {name}");
            }
        }
        std::os::unix::fs::symlink("loop", path("loop")).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(check(&path("loop")), Err(Distrust::Loop(_))));
    }
}
