//! Any scheduler that keeps jobs, next runs, and runs in SQLite, by the operator's own queries: a `[[store]]` of the config file.
//!
//! The names of a query's columns carry their meaning, and what a query does not have is unknown. A query is one SELECT on the
//! tables of its mapping: SQLite's authorizer refuses everything else, and the deadline and the limits hold.

mod query;
mod remedy;
mod runs;
mod values;

pub use values::{Form, TimeForm, Words};

use super::Window;
use crate::db::{Access, ReadError};
use crate::model::{
    ErrorClass, Fire, Job, JobIndex, Lease, Remedies, Row, Run, Schedule, SchedulerTraits, Snapshot, State, Timestamp,
    Tokens, When,
};
use crate::schedule::{Cadence, Cron, Zone};
use crate::time::{Instant, MINUTE, Millis};
use query::{Columns, Query};
use rusqlite::{Connection, Row as SqlRow};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use values::{flag, number, shown, text};

/// A heartbeat that is older says that the scheduler is dead.
const HEARTBEAT_TERM: Millis = 5 * MINUTE;
/// Runs in flight at a time, where the mapping does not say how many there can be: so many never keep a job waiting.
const UNLIMITED: usize = 100_000;
const MAX_TEXT_LEN: usize = 500;

/// How the store of a scheduler is read: a `[[store]]` of the config file.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Its name, for `--store`.
    pub name: String,
    /// The file that it comes from, and the line on which it begins.
    pub place: (PathBuf, usize),
    /// The tables by which a database is recognized, and which alone may be read.
    pub tables: Vec<String>,
    /// The jobs, one per row.
    pub jobs: String,
    /// Their runs, one per row.
    pub runs: Option<String>,
    /// When the scheduler last gave a sign of life: one value.
    pub heartbeat: Option<String>,
    /// What schedules are, by the value of the column `kind`.
    pub kinds: HashMap<String, Form>,
    /// What the words of the columns `status` and `last_status` mean.
    pub words: Words,
    /// How times are written; None to tell by each value.
    pub time: Option<TimeForm>,
    /// How cron expressions are read.
    pub dialect: Dialect,
    /// Whether the next run is moved before the run that is due.
    pub moves_before: bool,
    /// How many runs it has in flight at most; None for no limit.
    pub parallel: Option<usize>,
    /// The longest run that it allows.
    pub longest_run: Option<Millis>,
    /// How long after the nth error in a row it tries again.
    pub backoff: Vec<Millis>,
    /// Commands that help with trouble, shown and never run.
    pub commands: Vec<String>,
}

/// How cron expressions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Dialect {
    /// Five fields, as cron(8) and croner read them
    #[default]
    Posix,
    /// Five fields, or six with seconds first, or seven with years last; also @daily and the like
    SecondsFirst,
}

impl Dialect {
    fn parse(self, expression: &str) -> Result<Cron, String> {
        match self {
            Dialect::Posix => Cron::parse(expression),
            Dialect::SecondsFirst => Cron::parse_openclaw(expression),
        }
    }
}

impl Mapping {
    /// Whether a database with these tables is one of its stores.
    pub fn recognizes(&self, tables: &[String]) -> bool {
        let has = |wanted: &String| tables.iter().any(|table| table.eq_ignore_ascii_case(wanted));
        self.tables.iter().all(has)
    }

    fn traits(&self, hides_runs: bool) -> SchedulerTraits {
        SchedulerTraits {
            max_concurrent: self.parallel.unwrap_or(UNLIMITED),
            records_starts: true,
            backoff: Cow::Owned(self.backoff.clone()),
            retries_in_slot: true,
            breaker_limit: 10,
            session_delay: MINUTE,
            restart_stagger: None,
            stopped: "the scheduler has stopped it",
            timer_sleeps: MINUTE,
            hides_runs,
            moves_before: self.moves_before,
            remedies: Remedies::Named(remedy::remedy, self.commands.clone()),
        }
    }

    fn query(&self, key: &'static str, text: &str) -> Query {
        Query { mapping: self.name.clone(), place: self.place.clone(), key, text: text.to_owned() }
    }
}

/// Reads a database by a mapping.
///
/// # Errors
/// What is wrong with the database, or with a query: then the error names its line.
pub fn read(access: &mut Access<'_>, window: &Window, mapping: &Mapping) -> Result<Snapshot, ReadError> {
    access.consistent_read(|db| Reader { db, window, mapping }.snapshot())
}

/// What one read works with.
struct Reader<'a> {
    db: &'a Connection,
    window: &'a Window,
    mapping: &'a Mapping,
}

impl Reader<'_> {
    fn snapshot(&self) -> Result<Snapshot, ReadError> {
        let mut snapshot = Snapshot::empty(self.mapping.traits(false));
        snapshot.mapping = Some(self.mapping.name.clone());
        self.read_jobs(&mut snapshot)?;
        let runs = self.mapping.runs.as_ref().map(|runs| runs::read(self, runs, &mut snapshot)).transpose()?;
        let sees_runs = runs.is_some_and(|runs| runs.shows_open) || self.has_running_since()?;
        snapshot.traits = self.mapping.traits(!sees_runs);
        // What is older than the oldest run on record may have been deleted.
        let starts = snapshot.jobs.iter().flat_map(|job| &job.fires).filter_map(Fire::known_start);
        snapshot.window_start = starts.min().max(Some(self.window.start(&snapshot.jobs, Millis::MAX)));
        snapshot.jobs.iter_mut().for_each(runs::finish);
        if !self.query_jobs()?.columns.has("next_run") {
            snapshot.jobs.iter_mut().for_each(|job| infer_next_run(job, self.window.now));
        }
        self.read_heartbeat(&mut snapshot)?;
        Ok(snapshot)
    }

    fn query_jobs(&self) -> Result<query::Prepared<'_>, ReadError> {
        let query = self.mapping.query("jobs", &self.mapping.jobs);
        let prepared = query.prepare(self.db)?;
        prepared.columns.check(&query, &JOB_COLUMNS, &["id", "schedule"])?;
        let columns = &prepared.columns;
        if !columns.has("next_run") && self.mapping.runs.is_none() {
            return Err(query.wrong("it has no column next_run, and there is no query for runs: one of them is needed"));
        }
        Ok(prepared)
    }

    fn has_running_since(&self) -> Result<bool, ReadError> {
        Ok(self.query_jobs()?.columns.has("running_since"))
    }

    fn read_jobs(&self, snapshot: &mut Snapshot) -> Result<(), ReadError> {
        let query = self.mapping.query("jobs", &self.mapping.jobs);
        let mut prepared = self.query_jobs()?;
        let columns = prepared.columns.clone();
        let (mut unread, mut unknown) = (Vec::new(), None);
        let mut rows = prepared.statement.query([])?;
        while let Some(row) = rows.next().map_err(|error| query.failed(error))? {
            super::room_for_another(&snapshot.jobs)?;
            let (job, problem) = self.job(row, &columns)?;
            if job.fires.iter().any(|fire| fire.tokens == Tokens::Unknown) {
                unknown = text(columns.get(row, "last_status")?);
            }
            unread.extend(problem.map(|problem| format!("the schedule of {:?} is not read: {problem}", job.id)));
            snapshot.jobs.push(job);
        }
        snapshot.notes.extend(unknown.map(runs::unknown_status));
        if let [first, others @ ..] = unread.as_slice() {
            let more = if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) };
            snapshot.notes.push(format!("{first}{more}: only next runs and runs are judged"));
        }
        Ok(())
    }

    /// The job of a row, and why its schedule can't be read.
    fn job(&self, row: &SqlRow<'_>, columns: &Columns) -> Result<(Job, Option<String>), ReadError> {
        let get = |name: &str| columns.get(row, name);
        let time = |name: &str| Ok::<_, ReadError>(values::time(get(name)?, self.mapping.time));
        let id = super::value::id(&values::bytes(get("id")?));
        let created_at = self.window.credible(time("created_at")?);
        let (schedule, problem) = self.schedule(row, columns)?;
        let status = self.mapping.words.meaning(&text(get("last_status")?));
        let enabled = flag(get("enabled")?);
        let last_run = self.last_run(row, columns, status)?;
        let is_created = created_at.is_none_or(|made| made <= self.window.now);
        let state = match (enabled, schedule.kind.as_str(), status) {
            _ if !is_created => State::NotCreated,
            (true, ..) => State::Watched,
            (false, "at", Some(values::Status::Error | values::Status::Skipped)) => State::FailedOnce,
            (false, "at", _) if last_run.is_some() => State::Completed,
            (false, ..) => State::Disabled,
        };
        let next_run_at = match time("next_run")? {
            Some(at) => Timestamp::At(at),
            None => text(get("next_run")?)
                .filter(|text| !text.is_empty())
                .map_or(Timestamp::Missing, |text| Timestamp::Unreadable(super::value::cut(text, 40))),
        };
        let next_run_at = match next_run_at {
            // A job that runs once and has run has no next run.
            Timestamp::Missing if schedule.kind == "at" && last_run.is_some() => {
                Timestamp::At(schedule.at.unwrap_or(self.window.now))
            }
            other => other,
        };
        let is_unknown =
            |run: &&Run| status == Some(values::Status::Unknown) && !run.failed && self.mapping.runs.is_none();
        let unknown_fire = last_run.as_ref().filter(is_unknown);
        let unknown_fire = unknown_fire.map(|run| Fire::ended(run.end(), Tokens::Unknown).started(run.start));
        let row_of_job = Row {
            next_run_at,
            consecutive_errors: number(get("errors")?).map_or(0, |errors| errors.max(0) as u64),
            updated_at: None,
            last_run,
            delivery: None,
        };
        let job = Job {
            name: shown(get("name")?),
            created_at,
            row: Some(row_of_job),
            running_since: time("running_since")?.filter(|since| *since <= self.window.now),
            longest_run: self.mapping.longest_run,
            fires: unknown_fire.into_iter().collect(),
            ..Job::new(id, state, schedule)
        };
        Ok((job, problem))
    }

    fn last_run(
        &self,
        row: &SqlRow<'_>,
        columns: &Columns,
        status: Option<values::Status>,
    ) -> Result<Option<Run>, ReadError> {
        let time = |name: &str| Ok::<_, ReadError>(values::time(columns.get(row, name)?, self.mapping.time));
        let (began, end) = (time("last_start")?, time("last_end")?);
        let error = text(columns.get(row, "last_error")?).filter(|error| !error.trim().is_empty());
        let is_unsaid = matches!(status, None | Some(values::Status::Unknown));
        let failed = status == Some(values::Status::Error) || (is_unsaid && error.is_some());
        let first_line = error.as_deref().and_then(|error| error.lines().next()).filter(|_| failed);
        Ok(began.or(end).filter(|at| *at <= self.window.now).map(|start| Run {
            start,
            duration_ms: began.zip(end).map(|(began, end)| end.since(began).max(0)),
            failed,
            error: first_line.filter(|_| self.window.errors).map(|line| super::value::message(line, MAX_TEXT_LEN)),
            error_class: first_line.and_then(ErrorClass::of),
        }))
    }

    /// A schedule, and why it can't be read: that it is not read here says nothing about the scheduler.
    fn schedule(&self, row: &SqlRow<'_>, columns: &Columns) -> Result<(Schedule, Option<String>), ReadError> {
        let kind = text(columns.get(row, "kind")?);
        let value = columns.get(row, "schedule")?;
        let form = kind.as_ref().map_or(Some(Form::Cron), |kind| self.mapping.kinds.get(kind.as_str()).copied());
        let mut schedule = Schedule::unreadable(String::new(), String::new());
        schedule.when = When::Once;
        let shown = super::value::cut(text(value).unwrap_or_default(), 200);
        let Some(form) = form else {
            schedule.kind = kind.clone().unwrap_or_default();
            return Ok((schedule, Some(format!("kinds has no {:?}", kind.unwrap_or_default()))));
        };
        schedule.kind = form.kind().to_owned();
        match form {
            Form::Cron => {
                let zone = text(columns.get(row, "timezone")?).filter(|zone| !zone.is_empty());
                schedule.expression = Some(shown.clone());
                schedule.timezone.clone_from(&zone);
                let zone = match zone.as_deref() {
                    None => Some(self.window.first_zone()),
                    Some(name) => Zone::named(name),
                };
                let Some(zone) = zone else { return Ok((schedule, Some("its zone does not exist".to_owned()))) };
                match self.mapping.dialect.parse(&shown) {
                    Ok(cron) => schedule.when = When::Recurring(Cadence::Cron(Box::new(cron), zone)),
                    Err(why) => return Ok((schedule, Some(why))),
                }
            }
            Form::At => schedule.at = values::time(value, self.mapping.time),
            Form::EveryMs | Form::EverySeconds | Form::EveryMinutes => {
                let interval = number(value).map(|number| number.saturating_mul(form.unit())).filter(|ms| *ms > 0);
                let Some(interval) = interval else {
                    return Ok((schedule, Some(format!("{shown:?} is not a number of {}", form.units()))));
                };
                schedule.interval_ms = Some(interval);
                schedule.when = When::Recurring(Cadence::Every(interval));
            }
        }
        Ok((schedule, None))
    }

    fn read_heartbeat(&self, snapshot: &mut Snapshot) -> Result<(), ReadError> {
        let Some(heartbeat) = &self.mapping.heartbeat else { return Ok(()) };
        let query = self.mapping.query("heartbeat", heartbeat);
        let mut prepared = query.prepare(self.db)?;
        let mut rows = prepared.statement.query([])?;
        let newest = match rows.next().map_err(|error| query.failed(error))? {
            Some(row) => values::time(row.get_ref(0)?, self.mapping.time),
            None => None,
        };
        if let Some(beat) = newest.map(|beat| beat.min(self.window.now)) {
            let alive = self.window.now.since(beat) <= HEARTBEAT_TERM;
            snapshot.lease = if alive { Lease::Alive(beat) } else { Lease::Dead(beat) };
            snapshot.last_other_activity = Some(beat);
        }
        Ok(())
    }
}

/// The columns of jobs that have a meaning.
const JOB_COLUMNS: [&str; 14] = [
    "id",
    "name",
    "enabled",
    "kind",
    "schedule",
    "timezone",
    "next_run",
    "last_start",
    "last_end",
    "last_status",
    "last_error",
    "errors",
    "created_at",
    "running_since",
];

/// The next run of a job whose store has none: the first slot after its last run, which the scheduler is to keep.
fn infer_next_run(job: &mut Job, now: Instant) {
    let from = job.fires.iter().filter_map(|fire| fire.known_start()).max().or(job.running_since).or(job.created_at);
    let next = job.schedule.cadence().and_then(|cadence| cadence.next(from.unwrap_or(now)));
    match (next, job.row.as_mut()) {
        (Some(next), Some(row)) => row.next_run_at = Timestamp::At(next),
        _ => job.row = None,
    }
}

/// The job of each id.
fn by_id(jobs: &[Job]) -> HashMap<&str, JobIndex> {
    jobs.iter().enumerate().map(|(position, job)| (job.id.as_str(), JobIndex::at(position))).collect()
}
