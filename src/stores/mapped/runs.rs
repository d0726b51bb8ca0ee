//! The runs of a mapped store.

use super::values::{self, Status};
use super::{Reader, by_id};
use crate::db::ReadError;
use crate::model::{ErrorClass, Fire, Job, Run, Snapshot, Tokens};
use crate::time::{DAY, Instant, Millis};

/// Rows that are read at most.
const MAX_RUNS: usize = 1_000_000;
const MAX_ERROR_LEN: usize = 500;
/// The columns of runs that have a meaning.
const RUN_COLUMNS: [&str; 7] = ["job", "start", "end", "duration_ms", "status", "tokens", "error"];

/// What the runs show.
pub struct Runs {
    /// Whether runs in flight are on record.
    pub shows_open: bool,
}

/// Reads the runs, and gives each job its own.
pub fn read(reader: &Reader<'_>, text: &str, snapshot: &mut Snapshot) -> Result<Runs, ReadError> {
    let query = reader.mapping.query("runs", text);
    let mut prepared = query.prepare(reader.db)?;
    let columns = prepared.columns.clone();
    columns.check(&query, &RUN_COLUMNS, &["job"])?;
    if !columns.has("start") && !columns.has("end") {
        return Err(query.wrong("it has neither a column start nor end"));
    }
    let since = reader.window.start(&snapshot.jobs, Millis::MAX).plus(-DAY);
    if let Some(parameter) = prepared.statement.parameter_index(":since")? {
        prepared.statement.raw_bind_parameter(parameter, bound(since, reader.mapping.time))?;
    }
    let index: std::collections::HashMap<String, _> =
        by_id(&snapshot.jobs).into_iter().map(|(id, job)| (id.to_owned(), job)).collect();
    let may_be_open = columns.has("status") || columns.has("end") || columns.has("duration_ms");
    let mut shows_open = false;
    let (mut rows, mut count) = (prepared.statement.raw_query(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        if count > MAX_RUNS {
            let note = format!("the query for runs returns more than {MAX_RUNS} rows: use WHERE start > :since");
            snapshot.notes.push(note);
            break;
        }
        let get = |name: &str| columns.get(row, name);
        let time = |name: &str| Ok::<_, ReadError>(values::time(get(name)?, reader.mapping.time));
        let status = reader.mapping.words.meaning(&values::text(get("status")?));
        let duration = values::number(get("duration_ms")?).map(|millis| millis.max(0));
        let (start, end) = (time("start")?, time("end")?);
        let end = end.or_else(|| Some(start?.plus(duration?)));
        let start = start.or_else(|| Some(end?.plus(-duration.unwrap_or(0))));
        let Some(start) = start.filter(|start| *start <= reader.window.now) else { continue };
        let id = super::super::value::id(&values::bytes(get("job")?));
        let ends = end.filter(|end| *end <= reader.window.now);
        let is_open = status == Some(Status::Running) || status.is_none() && ends.is_none() && may_be_open;
        shows_open |= is_open || (columns.has("end") && columns.has("start"));
        let Some(job) = index.get(&id) else { continue };
        let job = &mut snapshot.jobs[job.position()];
        if is_open && ends.is_none() {
            job.running_since = job.running_since.max(Some(start));
            continue;
        }
        let error = values::text(get("error")?).filter(|error| !error.trim().is_empty());
        let failed = status == Some(Status::Error) || (status.is_none() && error.is_some());
        let tokens = match (values::number(get("tokens")?), status) {
            (_, Some(Status::Skipped)) => Tokens::Skipped,
            (Some(tokens), _) if tokens > 0 => Tokens::Used(u32::try_from(tokens).unwrap_or(u32::MAX)),
            _ if failed => Tokens::NoEvent,
            (Some(_), _) => Tokens::Used(0),
            (None, _) => Tokens::Uncounted,
        };
        let end = ends.unwrap_or(start);
        job.fires.push(Fire { failed, ..Fire::ended(end, tokens).started(start) });
        note_last(job, reader, start, end, failed, error);
    }
    Ok(Runs { shows_open })
}

/// A point in time as a parameter, in the form of the store.
fn bound(at: Instant, form: Option<values::TimeForm>) -> rusqlite::types::Value {
    match form {
        Some(values::TimeForm::Unix) => at.seconds().into(),
        Some(values::TimeForm::UnixMs) => at.millis().into(),
        Some(values::TimeForm::Iso) | None => at.to_string().into(),
    }
}

/// The last run, for jobs whose row does not know it.
fn note_last(job: &mut Job, reader: &Reader<'_>, start: Instant, end: Instant, failed: bool, error: Option<String>) {
    let Some(row) = job.row.as_mut() else { return };
    let is_newer = row.last_run.as_ref().is_none_or(|run| run.start <= start);
    if !is_newer {
        return;
    }
    let line = error.as_deref().and_then(|error| error.lines().next()).filter(|_| failed);
    row.last_run = Some(Run {
        start,
        duration_ms: Some(end.since(start)),
        failed,
        error: line.filter(|_| reader.window.errors).map(|line| super::super::value::message(line, MAX_ERROR_LEN)),
        error_class: line.and_then(ErrorClass::of),
    });
}

/// Puts the fires in order, and adds what only the row knows: its last run, where there are no others, and errors in a row.
pub fn finish(job: &mut Job, has_runs: bool) {
    job.fires.sort_by_key(|fire| fire.end);
    if let Some(run) = job.last_run().filter(|_| !has_runs || job.fires.is_empty()) {
        let tokens = if run.failed { Tokens::NoEvent } else { Tokens::Uncounted };
        let fire = Fire { failed: run.failed, ..Fire::ended(run.end(), tokens).started(run.start) };
        job.fires.push(fire);
    }
    if !job.fires.iter().any(|fire| matches!(fire.tokens, Tokens::Used(1..))) {
        for fire in job.fires.iter_mut().filter(|fire| fire.tokens == Tokens::Used(0)) {
            fire.tokens = Tokens::Uncounted;
        }
    }
    job.uses_model = job.fires.iter().any(|fire| matches!(fire.tokens, Tokens::Used(_)));
    let errors = job.fires.iter().rev().take_while(|fire| fire.failed).count();
    if let Some(row) = job.row.as_mut() {
        row.consecutive_errors = row.consecutive_errors.max(u64::try_from(errors).unwrap_or(u64::MAX));
    }
    // A run that has begun since is the one in flight; one before the newest end is over.
    let newest = job.fires.iter().filter_map(Fire::known_start).max();
    job.running_since = job.running_since.filter(|since| newest.is_none_or(|newest| *since > newest));
}
