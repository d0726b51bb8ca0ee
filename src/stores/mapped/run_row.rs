//! One row of the query for runs.

use super::super::window::Window;
use super::query::Values;
use super::reader::Reader;
use super::tally::{Tally, Unusable};
use super::values::{self, Status};
use crate::model::{Fire, Job, MessageFate, Outcome, Run};
use crate::time::{Instant, MINUTE, Millis};
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
    /// Whether the mapping does not know its status, and no error is known.
    pub has_odd_status: bool,
    tokens: Option<u32>,
    cost_usd: f32,
    message: MessageFate,
    error: Option<String>,
}

impl RunRow {
    /// Reads a row; where it is not used, the reason.
    pub fn read(reader: &Reader<'_>, values: &Values<'_>, tally: &mut Tally) -> Result<RunRow, Unusable> {
        let get = |name: &str| values.get(name);
        let status = reader.mapping.words.meaning(&values::text(get("status")));
        if status == Some(Status::Unknown) {
            tally.unread("status", get("status"));
        }
        let start = tally.read("start", get("start"), values::time);
        let read_end = tally.read("end", get("end"), values::time);
        let duration = tally.read("duration_ms", get("duration_ms"), values::number).map(|millis| millis.max(0));
        let end = read_end.or_else(|| Some(start?.plus(duration?)));
        let start = start.or_else(|| Some(end?.plus(-duration.unwrap_or(0))));
        let start = match start {
            Some(start) if start <= reader.window.now => start,
            _ => {
                let time = if values::is_nothing(get("start")) { get("end") } else { get("start") };
                let why = unusable(start, time, reader.window);
                tally.unused(why, time);
                return Err(why);
            }
        };
        let end = end.filter(|end| *end <= reader.window.now);
        let is_unsaid = matches!(status, None | Some(Status::Unknown));
        let may_be_open = ["status", "end", "duration_ms"].iter().any(|column| values.has(column));
        let has_odd_end = read_end.is_none() && !values::is_nothing(get("end"));
        let lacks_end = end.is_none() && may_be_open && !has_odd_end;
        let is_open = status == Some(Status::Running) || is_unsaid && lacks_end;
        let error = values::error(get("error"));
        let failed = values::failed(status, error.as_deref());
        let count = tally.read("tokens", get("tokens"), values::number);
        let count = count.map(|count| u32::try_from(count.max(0)).unwrap_or(u32::MAX));
        let (outcome, tokens) = match (status, count) {
            (Some(Status::Skipped), _) => (Outcome::Skipped, None),
            (Some(Status::Unknown), _) => (if failed { Outcome::Threw } else { Outcome::Unread }, None),
            (_, Some(1..)) => (if failed { Outcome::Failed } else { Outcome::Worked }, count),
            _ if failed => (Outcome::Threw, None),
            (None, _) if has_odd_end => (Outcome::Unread, None),
            (_, None) if !values::is_nothing(get("tokens")) => (Outcome::Unread, None),
            (_, Some(0)) => (Outcome::Empty, count),
            (_, None) => (Outcome::Unproven, None),
        };
        let has_odd_status = status == Some(Status::Unknown) && !failed;
        let cost_usd = tally.read("cost_usd", get("cost_usd"), values::cost).unwrap_or(0.0);
        let message = values::message_fate(get("message"));
        tally.at(start);
        Ok(RunRow { start, end, is_open, outcome, has_odd_status, tokens, cost_usd, message, error })
    }

    /// None while it is in flight.
    pub fn fire(&self) -> Option<Fire> {
        if self.is_open && self.end.is_none() {
            return None;
        }
        let end = self.end.unwrap_or(self.start);
        let RunRow { tokens, cost_usd, message, .. } = *self;
        Some(Fire { tokens, cost_usd, message, ..Fire::ended(end, self.outcome).started(self.start) })
    }

    /// When it began, if it is in flight.
    pub fn open_since(&self) -> Option<Instant> {
        if self.fire().is_none() { Some(self.start) } else { None }
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

/// Why a row that begins then, or at a time that can't be read, is not used.
fn unusable(start: Option<Instant>, time: ValueRef<'_>, window: &Window) -> Unusable {
    match start {
        Some(_) if window.credible(start).is_some() => Unusable::Later,
        Some(_) => Unusable::Ahead,
        None if values::is_nothing(time) => Unusable::NoTime,
        None => Unusable::Unreadable,
    }
}
