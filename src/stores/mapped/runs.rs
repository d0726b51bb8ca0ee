//! The runs of a mapped store.

use super::super::{fires, gone, ids, value};
use super::reader::Reader;
use super::run_row::{Dropped, RunRow};
use super::values::{self};
use super::{since, unjudged};
use crate::db::ReadError;
use crate::model::{Fire, Job, Outcome, Snapshot, State};
use crate::numbers::as_u64;
use crate::time::{DAY, Millis};
use std::collections::HashMap;

/// Rows that are read at most.
const MAX_RUNS: usize = 1_000_000;
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
        row.consecutive_errors = row.consecutive_errors.max(as_u64(errors));
    }
    // A run that has begun since is the one in flight; one before the newest end is over.
    let newest = job.fires.iter().filter_map(Fire::known_start).max();
    job.running_since = job.running_since.filter(|since| newest.is_none_or(|newest| *since > newest));
}
