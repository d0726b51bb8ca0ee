//! Where OpenClaw keeps its files.

use crate::db::ReadError;
use std::path::{Path, PathBuf};

/// Its database, from the state directory.
pub const PLACE: &str = "state/openclaw.sqlite";
/// Where it kept its jobs before it had a database.
const JSON_STORE: &str = "cron/jobs.json";
/// How the names of files end that it makes only to lock them.
const LOCK_SUFFIXES: [&str; 4] =
    [".lock.sqlite", ".generation-lock.sqlite", ".generation-writer.sqlite", ".reindex-lock.sqlite"];
/// How the names of databases end, and those of copies that its migrations make of them.
const DATABASE_SUFFIX: &str = ".sqlite";
const COPY_SUFFIX: &str = ".bak";

/// Where its database usually is: in the state directory that its variables name, else in the home directory.
pub fn usual_place() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || {
        let profile = std::env::var("OPENCLAW_PROFILE").ok().filter(|name| !name.is_empty() && name != "default");
        let directory = profile.map_or_else(|| ".openclaw".to_owned(), |name| format!(".openclaw-{name}"));
        Some(variable("OPENCLAW_HOME").or_else(|| variable("HOME"))?.join(directory))
    };
    variable("OPENCLAW_STATE_DIR").or_else(home).map(|state| state.join(PLACE))
}

/// Whether a path is that of the jobs of a version without a database.
pub fn is_json_store(path: &Path) -> bool {
    path.ends_with(JSON_STORE)
}

/// Whether a directory is the state directory of a version without a database.
pub fn is_json_home(directory: &Path) -> bool {
    directory.join(JSON_STORE).is_file()
}

/// What to do about a version without a database.
pub fn json_store() -> ReadError {
    ReadError::Unusable(
        "is of OpenClaw before 2026.6, which keeps its jobs in JSON; start 2026.6 or later once, which imports them"
            .to_owned(),
    )
}

/// Whether a file is there only to be locked, or a copy from before a migration.
pub fn is_aside(path: &Path) -> bool {
    let path = path.to_string_lossy();
    let is_copy = path.ends_with(COPY_SUFFIX) && path.contains(DATABASE_SUFFIX);
    is_copy || LOCK_SUFFIXES.iter().any(|suffix| path.ends_with(suffix))
}
