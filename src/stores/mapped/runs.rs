//! The runs of a mapped store.

use super::super::window::Window;
use super::super::{fires, gone, ids, value};
use super::query::Columns;
use super::reader::Reader;
use super::values::{self, Status};
use super::{since, unjudged};
use crate::db::ReadError;
use crate::model::{Fire, Job, Outcome, Run, Snapshot, State};
use crate::time::{DAY, Instant, MINUTE, Millis};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use std::collections::HashMap;

/// Rows that are read at most.
const MAX_RUNS: usize = 1_000_000;
/// A job's row, which may not know how long its run took, may be written this long after the record of the same run.
const SAME_RUN: Millis = MINUTE;
/// The columns of runs that have a meaning.
const RUN_COLUMNS: [&str; 8] = ["job", "name", "start", "end", "duration_ms", "status", "tokens", "error"];
/// Jobs without a row that are kept apart.
const MAX_UNKNOWN_JOBS: usize = 10_000;

/// Reads the runs, and gives each job its own. Returns whether runs in flight are on record.
pub fn read(reader: &Reader<'_>, text: &str, snapshot: &mut Snapshot) -> Result<bool, ReadError> {
    let query = reader.mapping.query("runs", text);
    let mut prepared = query.prepare(reader.db)?;
    let columns = prepared.columns.clone();
    columns.check(&query, &RUN_COLUMNS, &["job"])?;
    if !columns.has("start") && !columns.has("end") {
        return Err(query.wrong("it has neither a column start nor end"));
    }
    let since = reader.window.start(&snapshot.jobs, Millis::MAX).plus(-DAY);
    let windowed = since::bind(reader, &query, &mut prepared, since)?;
    let jobs = snapshot.jobs.iter().enumerate();
    let index: HashMap<String, usize> = jobs.map(|(position, job)| (job.id.clone(), position)).collect();
    let (mut shows_open, mut unknown, mut strangers) = (false, None, Strangers::default());
    let mut dropped = Dropped::default();
    let (mut rows, mut count) = (prepared.statement.raw_query(), 0);
    while let Some(row) = rows.next().map_err(|error| query.failed(error))? {
        count += 1;
        if count > MAX_RUNS {
            let note = format!("the query for runs returns more than {MAX_RUNS} rows: use WHERE start > :since");
            snapshot.notes.push(note);
            break;
        }
        let Some(run) = RunRow::read(reader, row, &columns, &mut dropped)? else { continue };
        shows_open |= run.is_open || (columns.has("end") && columns.has("start"));
        if run.outcome == Outcome::Unread {
            unknown = values::text(columns.get(row, "status")?);
        }
        let id = ids::bytes(columns.get(row, "job")?);
        match index.get(&ids::id(&id)) {
            Some(position) => run.add_to(&mut snapshot.jobs[*position], reader),
            None => strangers.note(id, values::shown(columns.get(row, "name")?), &run),
        }
    }
    snapshot.notes.extend(unknown.map(unknown_status));
    drop(rows);
    dropped.note(&mut snapshot.notes);
    strangers.settle(snapshot);
    if let Some(bound) = windowed {
        let newest = since::newest_before(reader, &query, &mut prepared, bound, &snapshot.jobs)?;
        for (position, run) in newest {
            run.add_to(&mut snapshot.jobs[position], reader);
        }
    }
    judge_what_was_read(&dropped, count, snapshot);
    Ok(shows_open)
}

/// Says which jobs can't be judged by what was read of their runs.
fn judge_what_was_read(dropped: &Dropped, count: usize, snapshot: &mut Snapshot) {
    if snapshot.jobs.iter().any(|job| job.state != State::Gone && !job.fires.is_empty() || job.running_since.is_some())
    {
        return;
    }
    if dropped.unreadable + dropped.ahead > 0 {
        unjudged::all(snapshot, "no time of a run can be read: check the columns start and end, and time");
    } else if count == 0 {
        for job in &mut snapshot.jobs {
            if job.last_run().is_some() {
                unjudged::one(job, "its row has a last run, and the query for runs gives none: check its condition");
            }
        }
    }
}

/// Rows that are not used.
#[derive(Default)]
pub struct Dropped {
    unreadable: usize,
    /// In the future, further than what is written during an audit.
    ahead: usize,
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

    fn note(&self, notes: &mut Vec<String>) {
        let example = self.example.as_deref().unwrap_or_default();
        if self.unreadable > 0 {
            notes.push(format!("the times of {} runs can't be read, such as {example:?}", self.unreadable));
        }
        if self.ahead > 0 {
            notes.push(format!("{} runs lie in the future and were not used, such as {example:?}", self.ahead));
        }
    }
}

/// The note about a word for the outcome of runs.
pub fn unknown_status(word: String) -> String {
    format!("the mapping does not know the status {:?}: add it to the words of status", value::message(&word, 40))
}

/// Runs of ids that the query for jobs does not give: of jobs that are gone, or all of them, where the ids do not match.
#[derive(Default)]
struct Strangers {
    jobs: HashMap<Vec<u8>, (String, Vec<Fire>)>,
}

impl Strangers {
    fn note(&mut self, id: Vec<u8>, name: String, run: &RunRow) {
        let is_known = self.jobs.contains_key(&id);
        if let Some(fire) = run.fire()
            && !id.is_empty()
            && (is_known || self.jobs.len() < MAX_UNKNOWN_JOBS)
        {
            let (known_name, fires) = self.jobs.entry(id).or_default();
            *known_name = name;
            fires.push(fire);
        }
    }

    fn settle(self, snapshot: &mut Snapshot) {
        let is_joined = snapshot.jobs.iter().any(|job| !job.fires.is_empty() || job.running_since.is_some());
        if !self.jobs.is_empty() && !snapshot.jobs.is_empty() && !is_joined {
            let why = "no run of the query for runs has the id of a job: compare its column job with id";
            unjudged::all(snapshot, why);
            return;
        }
        let mut gone = Vec::new();
        for (id, (name, mut fires)) in self.jobs {
            fires.sort_by_key(|fire| fire.end);
            gone.push(Job { name, ..gone::job(&id, fires) });
        }
        gone.sort_by(|a, b| a.id.cmp(&b.id));
        gone::settle(gone, snapshot);
    }
}

/// A row of the query for runs.
pub struct RunRow {
    pub start: Instant,
    /// None if it is in flight, or nothing says when it ended.
    end: Option<Instant>,
    is_open: bool,
    outcome: Outcome,
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
    fn fire(&self) -> Option<Fire> {
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

/// Puts the fires in order, and adds what only the row knows: its last run, where there are no others, and errors in a row.
pub fn finish(job: &mut Job) {
    job.fires.sort_by_key(|fire| fire.end);
    if job.fires.is_empty()
        && let Some(run) = job.last_run()
    {
        job.fires.push(fires::of_row(run, Outcome::Unproven));
    }
    fires::forget_zeros(&mut job.fires);
    job.uses_model = job.fires.iter().any(|fire| fire.tokens.is_some());
    let errors = job.fires.iter().rev().take_while(|fire| fire.has_failed()).count();
    if let Some(row) = job.row.as_mut() {
        row.consecutive_errors = row.consecutive_errors.max(u64::try_from(errors).unwrap_or(u64::MAX));
    }
    // A run that has begun since is the one in flight; one before the newest end is over.
    let newest = job.fires.iter().filter_map(Fire::known_start).max();
    job.running_since = job.running_since.filter(|since| newest.is_none_or(|newest| *since > newest));
}
