//! Where OpenClaw keeps its files.

use crate::db::ReadError;
use std::path::{Path, PathBuf};

/// Its database, from the state directory.
pub const PLACE: &str = "state/openclaw.sqlite";
/// Where it kept its jobs before it had a database.
const JSON_STORE: &str = "cron/jobs.json";
/// How the name of a file ends that it makes only to lock it.
const LOCK_SUFFIX: &str = ".lock.sqlite";

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

/// Whether an empty file is there only to be locked.
pub fn is_lock(path: &Path) -> bool {
    path.to_string_lossy().ends_with(LOCK_SUFFIX)
}
