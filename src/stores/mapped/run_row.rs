//! One row of the query for runs.

use super::super::value;
use super::super::window::Window;
use super::query::Columns;
use super::reader::Reader;
use super::values::{self, Status};
use crate::db::ReadError;
use crate::model::{Fire, Job, Outcome, Run};
use crate::time::{Instant, MINUTE, Millis};
use rusqlite::Row;
use rusqlite::types::ValueRef;

/// A job's row, which may not know how long its run took, may be written this long after the record of the same run.
const SAME_RUN: Millis = MINUTE;

/// A row of the query for runs.
pub struct RunRow {
    pub start: Instant,
    /// None if it is in flight, or nothing says when it ended.
    end: Option<Instant>,
    pub is_open: bool,
    pub outcome: Outcome,
    tokens: Option<u32>,
    error: Option<String>,
}

impl RunRow {
    /// None without a time, or with one in the future.
    pub fn read(
        reader: &Reader<'_>,
        row: &Row<'_>,
        columns: &Columns,
        dropped: &mut Dropped,
    ) -> Result<Option<RunRow>, ReadError> {
        let get = |name: &str| columns.get(row, name);
        let time = |name: &str| Ok::<_, ReadError>(values::time(get(name)?, reader.mapping.time));
        let status = reader.mapping.words.meaning(&values::text(get("status")?));
        let duration = values::number(get("duration_ms")?).map(|millis| millis.max(0));
        let (start, end) = (time("start")?, time("end")?);
        let end = end.or_else(|| Some(start?.plus(duration?)));
        let start = start.or_else(|| Some(end?.plus(-duration.unwrap_or(0))));
        let Some(start) = start.filter(|start| *start <= reader.window.now) else {
            dropped.count(start, [get("start")?, get("end")?], reader.window);
            return Ok(None);
        };
        let end = end.filter(|end| *end <= reader.window.now);
        let is_unsaid = matches!(status, None | Some(Status::Unknown));
        let may_be_open = ["status", "end", "duration_ms"].iter().any(|column| columns.has(column));
        let is_open = status == Some(Status::Running) || is_unsaid && end.is_none() && may_be_open;
        let error = values::error(get("error")?);
        let failed = values::failed(status, error.as_deref());
        let count = values::number(get("tokens")?).map(|count| u32::try_from(count.max(0)).unwrap_or(u32::MAX));
        let (outcome, tokens) = match (status, count) {
            (Some(Status::Skipped), _) => (Outcome::Skipped, None),
            (Some(Status::Unknown), _) => (if failed { Outcome::Threw } else { Outcome::Unread }, None),
            (_, Some(1..)) => (if failed { Outcome::Failed } else { Outcome::Worked }, count),
            _ if failed => (Outcome::Threw, None),
            (_, Some(0)) => (Outcome::Empty, count),
            (_, None) => (Outcome::Unproven, None),
        };
        Ok(Some(RunRow { start, end, is_open, outcome, tokens, error }))
    }

    /// None while it is in flight.
    pub fn fire(&self) -> Option<Fire> {
        if self.is_open && self.end.is_none() {
            return None;
        }
        let end = self.end.unwrap_or(self.start);
        Some(Fire { tokens: self.tokens, ..Fire::ended(end, self.outcome).started(self.start) })
    }

    pub fn add_to(self, job: &mut Job, reader: &Reader<'_>) {
        let Some(fire) = self.fire() else {
            job.running_since = job.running_since.max(Some(self.start));
            return;
        };
        job.fires.push(fire);
        let end = fire.end;
        let is_newest = |known: &Run| {
            let slack = if known.duration_ms.is_none() { SAME_RUN } else { 0 };
            known.end().since(end) <= slack
        };
        if let Some(row) = job.row.as_mut().filter(|row| row.last_run.as_ref().is_none_or(is_newest)) {
            let line = self.error.as_deref().and_then(|error| error.lines().next()).filter(|_| fire.has_failed());
            row.last_run = Some(Run {
                start: self.start,
                duration_ms: Some(end.since(self.start)),
                failed: fire.has_failed(),
                error: line.map(|line| reader.window.error(line)),
            });
        }
    }
}

/// Rows that are not used.
#[derive(Default)]
pub struct Dropped {
    pub unreadable: usize,
    /// In the future, further than what is written during an audit.
    pub ahead: usize,
    example: Option<String>,
}

impl Dropped {
    fn count(&mut self, start: Option<Instant>, times: [ValueRef<'_>; 2], window: &Window) {
        let Some(first) = times.into_iter().find(|time| *time != ValueRef::Null) else { return };
        match start {
            Some(_) if window.credible(start).is_some() => return,
            Some(_) => self.ahead += 1,
            None => self.unreadable += 1,
        }
        self.example.get_or_insert_with(|| value::message(&values::shown(first), 40));
    }

    pub fn note(&self, notes: &mut Vec<String>) {
        let example = self.example.as_deref().unwrap_or_default();
        if self.unreadable > 0 {
            notes.push(format!("the times of {} runs can't be read, such as {example:?}", self.unreadable));
        }
        if self.ahead > 0 {
            notes.push(format!("{} runs lie in the future and were not used, such as {example:?}", self.ahead));
        }
    }
}
