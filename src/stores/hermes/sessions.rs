//! What agent runs used: the sessions of `state.db`, which belongs to all of Hermes and may be large. It is looked up by the ids
//! of the jobs, which begin the keys of their sessions.

use super::super::models::Models;
use super::super::table::Table;
use super::super::value::{number, text};
use super::places;
use crate::db::{self, Access, ReadError};
use crate::model::{Job, ModelIndex, Snapshot};
use crate::stores::window::Window;
use crate::time::{Instant, SECOND};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::HashMap;
use std::path::Path;
use std::time::Instant as Clock;

const TABLE: &str = "sessions";
/// Sessions of one job that are read at most, the newest: there are rows for no more runs.
const MAX_SESSIONS: usize = 1100;
/// The clock of a session and that of its run differ by less.
const SLACK: i64 = SECOND;

/// A session of an agent run.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub started: Instant,
    /// In and out together.
    pub tokens: u32,
    pub output: u32,
    pub cost_usd: f32,
    pub model: Option<ModelIndex>,
}

/// The sessions of each job, in the order of their starts.
#[derive(Debug, Default)]
pub struct Sessions {
    by_job: HashMap<String, Vec<Session>>,
}

impl Sessions {
    /// The one that began in a run of a job.
    pub fn of(&self, job_id: &str, from: Instant, until: Instant) -> Option<&Session> {
        let sessions = self.by_job.get(job_id)?;
        let first = sessions.partition_point(|session| session.started < from.plus(-SLACK));
        sessions.get(first).filter(|session| session.started <= until.plus(SLACK))
    }

    /// Whether there are none at all, so that nothing is known.
    pub fn is_empty(&self) -> bool {
        self.by_job.is_empty()
    }
}

/// Reads those of the jobs that need a model. Where that is not possible, tokens are not counted, which is noted.
pub fn of_jobs(store: &Path, snapshot: &mut Snapshot, window: &Window) -> Sessions {
    let ids: Vec<&str> = snapshot.jobs.iter().filter(|job| job.uses_model).map(|job: &Job| job.id.as_str()).collect();
    if ids.is_empty() {
        return Sessions::default();
    }
    match read(&places::sessions_database(store), &ids, window) {
        Ok((sessions, models)) => {
            snapshot.models = models.shown();
            sessions
        }
        Err(error) => {
            let why = match error {
                ReadError::NotFound => "there is no state.db".to_owned(),
                error => format!("state.db {error}"),
            };
            snapshot.notes.push(format!("the tokens of runs are not counted: {why}"));
            Sessions::default()
        }
    }
}

fn read(path: &Path, ids: &[&str], window: &Window) -> Result<(Sessions, Models), ReadError> {
    let path = db::locate(path)?;
    let now = Clock::now();
    // The jobs can be judged without it, which takes time too.
    let deadline = now + window.deadline.saturating_duration_since(now) / 2;
    let mut access = Access::new(&path, &[TABLE], deadline)?;
    access.consistent_read(|db| {
        let table = Table::find(db, TABLE)?.filter(|table| table.has("id") && table.has("started_at"));
        let Some(table) = table else {
            return Err(ReadError::Unusable("has no table of sessions that can be read".to_owned()));
        };
        let (mut sessions, mut models) = (Sessions::default(), Models::default());
        for id in ids {
            let of_job = read_job(db, &table, id, &mut models)?;
            if !of_job.is_empty() {
                sessions.by_job.insert((*id).to_owned(), of_job);
            }
        }
        Ok((sessions, models))
    })
}

fn read_job(db: &Connection, table: &Table, id: &str, models: &mut Models) -> Result<Vec<Session>, ReadError> {
    let columns =
        ["started_at", "input_tokens", "output_tokens", "estimated_cost_usd", "actual_cost_usd", "model", "id"];
    // A backquote comes right after the underscore.
    let query = format!("{} WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT {MAX_SESSIONS}", table.select(&columns));
    let mut statement = db.prepare(&query)?;
    let mut rows = statement.query([format!("cron_{id}_"), format!("cron_{id}`")])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(started) = real(row.get_ref(0)?).filter(|started| *started > 0.0) else { continue };
        let count = |index: usize| {
            let count = number(row.get_ref(index)?).unwrap_or(0).max(0);
            Ok::<_, ReadError>(u32::try_from(count).unwrap_or(u32::MAX))
        };
        let (input, output) = (count(1)?, count(2)?);
        let cost = real(row.get_ref(4)?).or(real(row.get_ref(3)?)).unwrap_or(0.0);
        sessions.push(Session {
            started: Instant::from_millis((started * 1e3) as i64),
            tokens: input.saturating_add(output),
            output,
            cost_usd: cost as f32,
            model: models.index(row.get_ref(5)?.as_bytes().unwrap_or_default()),
        });
    }
    sessions.sort_by_key(|session| session.started);
    Ok(sessions)
}

fn real(value: ValueRef<'_>) -> Option<f64> {
    text(value)?.trim().parse().ok()
}
