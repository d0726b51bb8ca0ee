//! The store of Hermes Agent: `cron/jobs.json` with the definition and the state of all jobs, from 0.19 on `cron/executions.db`
//! beside it with the newest 1,000 runs, a heartbeat in two small files, and `state.db` with the tokens of agent runs.
//!
//! `jobs.json` and `executions.db` are read as they were at one moment, then the heartbeat, then `state.db`. Jobs hold prompts, chat
//! ids, and addresses: only the keys that are named in `record` are read. What a version does not have is unknown.

mod advice;
mod executions;
mod jobs;
pub mod places;
mod record;
mod runs;
mod sessions;
mod ticker;
mod traits;

pub use executions::{JOB_TABLE, TABLES, recognizes};
#[cfg(test)]
pub use traits::TRAITS;

use super::window::Window;
use crate::db::{self, Access, ReadError};
use crate::model::{Passes, Snapshot};
use crate::shell;
use executions::Execution;
use record::Jobs;

/// What is read at one moment.
struct Store {
    /// The jobs, or why the scheduler can't read them either.
    jobs: Result<Jobs, String>,
    /// The runs; None in versions without them.
    executions: Option<Vec<Execution>>,
}

/// Reads the store whose database, or whose `jobs.json`, is at the path of `access`.
///
/// # Errors
/// What is wrong with the files.
pub fn read(access: &mut Access<'_>, window: &Window) -> Result<Snapshot, ReadError> {
    let store = read_store(access, window)?;
    let path = access.path().to_owned();
    let mut snapshot = Snapshot::empty(traits::TRAITS);
    snapshot.traits.advice.options = places::profile(&path).map(|name| format!("-p {}", shell::word(name)));
    let ticker = ticker::read(&path, window)?;
    ticker.tell(&mut snapshot, window.now);
    match store.jobs {
        Ok(jobs) => {
            jobs::add(&jobs, &mut snapshot, window)?;
            let used = match store.executions {
                Some(_) => sessions::of_jobs(&path, &mut snapshot, window),
                None => sessions::Sessions::default(),
            };
            runs::add(store.executions.as_deref(), &used, &jobs.jobs, &mut snapshot, window);
        }
        Err(why) => {
            // Whose runs these were can't be told.
            runs::add_of_others(store.executions.as_deref().unwrap_or_default(), &mut snapshot, window);
            let why = format!("its jobs.json can't be read: {why}");
            let since = ticker.worked.or_else(|| places::modified(&places::jobs_file(&path))).unwrap_or(window.now);
            snapshot.passes = Passes::Failing { since: since.min(window.now), why: Some(why) };
        }
    }
    Ok(snapshot)
}

/// Before 0.19 there are no runs.
fn read_store(access: &mut Access<'_>, window: &Window) -> Result<Store, ReadError> {
    let path = access.path().to_owned();
    if places::is_named_jobs(&path) {
        let bytes = db::read_whole(&path, window.deadline)?;
        return Ok(Store { jobs: Jobs::parse(bytes.as_deref()), executions: None });
    }
    access.consistent_read_with(&places::jobs_file(&path), |db, bytes| {
        Ok(Store { jobs: Jobs::parse(bytes), executions: Some(executions::read(db)?) })
    })
}
