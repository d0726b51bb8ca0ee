//! The jobs of a mapped store.

use super::super::limits::room_for_another;
use super::super::{ids, value};
use super::query::{Columns, Prepared, Values};
use super::reader::Reader;
use super::runs;
use super::tally::Tally;
use super::unjudged;
use super::values::{self, Form, Status, flag, number, shown, text};
use crate::db::ReadError;
use crate::model::{Due, Fire, Job, Outcome, QueryFacts, Row, Run, Schedule, Snapshot, State, Terms, Timestamp};
use crate::schedule::{self, When, Written, Zone};
use crate::time::{DAY, Instant, Millis};
use rusqlite::types::ValueRef;

/// The columns of jobs that have a meaning.
const COLUMNS: [&str; 14] = [
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

/// A next run that is further ahead is no time.
const FARTHEST_NEXT_RUN: Millis = 36_525 * DAY;
/// Schedules are read, and shown, up to this length.
const MAX_SHOWN: usize = 200;

/// Reads the jobs; returns the columns that the query has, and what it gave.
pub fn read(reader: &Reader<'_>, snapshot: &mut Snapshot) -> Result<(Columns, QueryFacts), ReadError> {
    let query = reader.mapping.query("jobs", &reader.mapping.jobs);
    let Prepared { mut statement, columns } = query.prepare(reader.db)?;
    columns.check(&query, &COLUMNS, &["id"])?;
    if !columns.has("next_run") && reader.mapping.runs.is_none() {
        return Err(query.wrong("it has no column next_run, and there is no query for runs: one of them is needed"));
    }
    let (mut unread, mut unknown) = (Vec::new(), None);
    let mut tally = Tally::of("jobs", &columns);
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next().map_err(|error| query.failed(error))? {
        room_for_another(&snapshot.jobs)?;
        let values = columns.values(row)?;
        tally.row(&values);
        let mut row = JobRow { reader, values: &values, tally: &mut tally };
        let (job, problem) = row.job();
        if job.fires.iter().any(Fire::is_unknown) {
            unknown = text(values.get("last_status"));
        }
        if let Some(problem) = problem {
            unread.push(format!("the schedule of {:?} is not read: {problem}", job.id));
            tally.unread("schedule", values.get("schedule"));
        }
        snapshot.jobs.push(job);
    }
    snapshot.notes.extend(unknown.map(runs::unknown_status));
    if let [first, others @ ..] = unread.as_slice() {
        let more = if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) };
        let first = value::message(first, MAX_SHOWN);
        snapshot.notes.push(format!("{first}{more}: only next runs and runs are judged"));
    }
    drop(rows);
    Ok((columns, tally.finish(&mut snapshot.notes)))
}

/// A row of the query for jobs.
struct JobRow<'a> {
    reader: &'a Reader<'a>,
    values: &'a Values<'a>,
    tally: &'a mut Tally,
}

impl<'a> JobRow<'a> {
    fn get(&self, name: &str) -> ValueRef<'a> {
        self.values.get(name)
    }

    fn time(&mut self, name: &str) -> Option<Instant> {
        self.tally.read(name, self.values.get(name), values::time)
    }

    /// The job, and why its schedule can't be read.
    fn job(&mut self) -> (Job, Option<String>) {
        let window = self.reader.window;
        let (schedule, problem) = self.schedule();
        let status = self.reader.mapping.words.meaning(&text(self.get("last_status")));
        let last_run = self.last_run(status);
        let created_at = window.credible(self.time("created_at"));
        let state = match (flag(self.get("enabled")), schedule.kind(), status) {
            _ if created_at.is_some_and(|made| made > window.now) => State::NotCreated,
            (true, ..) => State::Watched,
            (false, "at", Some(Status::Error | Status::Skipped)) => State::FailedOnce,
            (false, "at", _) if last_run.is_some() => State::Completed,
            (false, ..) => State::Disabled,
        };
        let is_unknown = |run: &&Run| status == Some(Status::Unknown) && !run.failed;
        let has_odd_run = last_run.is_none() && self.has_a_last_run();
        let unknown = last_run.as_ref().filter(is_unknown).filter(|_| self.reader.mapping.runs.is_none());
        let fires = unknown.map(|run| Fire::ended(run.end(), Outcome::Unread).started(run.start));
        let row = Row {
            next_run_at: self.next_run(&schedule, last_run.is_some()),
            consecutive_errors: self.errors(),
            updated_at: None,
            last_run,
            delivery: None,
        };
        let mut job = Job {
            name: shown(self.get("name")),
            created_at,
            row: Some(row),
            running_since: self.time("running_since").filter(|since| *since <= window.now),
            longest_run: self.reader.mapping.longest_run,
            fires: fires.into_iter().collect(),
            ..Job::new(ids::id(&ids::bytes(self.get("id"))), state, schedule)
        };
        if has_odd_run {
            unjudged::one(&mut job, "the time of its last run is not one up to now");
        }
        (job, problem)
    }

    /// Whether the row has times of a last run.
    fn has_a_last_run(&self) -> bool {
        !values::is_nothing(self.get("last_start")) || !values::is_nothing(self.get("last_end"))
    }

    fn errors(&mut self) -> u64 {
        self.tally.read("errors", self.values.get("errors"), number).map_or(0, |errors| errors.max(0).unsigned_abs())
    }

    fn next_run(&mut self, schedule: &Schedule, has_run: bool) -> Timestamp {
        let latest = self.reader.window.now.plus(FARTHEST_NEXT_RUN);
        if let Some(at) = self.time("next_run").filter(|at| *at < latest) {
            return Timestamp::At(at);
        }
        match text(self.get("next_run")).filter(|text| !text.is_empty()) {
            Some(text) => Timestamp::Unreadable(value::message(&text, 40)),
            // A job that runs once and has run has no next run.
            None if schedule.kind() == "at" && has_run => {
                Timestamp::At(schedule.at().unwrap_or(self.reader.window.now))
            }
            None => Timestamp::Missing,
        }
    }

    fn last_run(&mut self, status: Option<Status>) -> Option<Run> {
        let window = self.reader.window;
        let (began, end) = (self.time("last_start"), self.time("last_end"));
        let error = values::error(self.get("last_error"));
        let failed = values::failed(status, error.as_deref());
        let first_line = error.as_deref().and_then(|error| error.lines().next()).filter(|_| failed);
        began.or(end).filter(|at| *at <= window.now).map(|start| Run {
            start,
            duration_ms: began.zip(end).map(|(began, end)| end.since(began).max(0)),
            failed,
            error: first_line.map(|line| window.error(line)),
        })
    }

    /// The schedule, and why it can't be read: that it is not read here says nothing about the scheduler.
    fn schedule(&mut self) -> (Schedule, Option<String>) {
        let kind = text(self.get("kind"));
        let form = match &kind {
            Some(kind) => self.reader.mapping.kinds.get(kind.as_str()).copied(),
            None => Some(Form::Cron),
        };
        let Some(form) = form else {
            let kind = value::cut(kind.unwrap_or_default(), MAX_SHOWN);
            let problem = format!("kinds has no {kind:?}");
            return (Schedule::Unmapped(Terms::of(kind)), Some(problem));
        };
        if self.expression().trim().is_empty() {
            let kind = if self.values.has("kind") { form.kind() } else { "by its next run" };
            return (Schedule::Unmapped(Terms::of(kind)), None);
        }
        match form {
            Form::Cron => self.cron(),
            Form::At => self.once(),
            Form::EveryMs | Form::EverySeconds | Form::EveryMinutes => self.interval(form),
        }
    }

    fn once(&self) -> (Schedule, Option<String>) {
        match values::time(self.get("schedule")) {
            Some(at) => (Schedule::Once(Due::At(at)), None),
            None => {
                let problem = format!("{:?} is not a time", self.expression());
                (Schedule::Unmapped(Terms::of(Form::At.kind())), Some(problem))
            }
        }
    }

    fn expression(&self) -> String {
        value::cut(text(self.get("schedule")).unwrap_or_default(), MAX_SHOWN)
    }

    fn cron(&self) -> (Schedule, Option<String>) {
        let expression = self.expression();
        let timezone = text(self.get("timezone")).filter(|zone| !zone.is_empty());
        let timezone = timezone.map(|zone| value::cut(zone, MAX_SHOWN));
        let shown = value::message(&expression, MAX_SHOWN);
        let zone = match timezone.as_deref() {
            None => Some(self.reader.window.first_zone()),
            Some(name) => Zone::named(name),
        };
        let problem = match (zone, self.reader.mapping.dialect.parse(&expression)) {
            (_, Ok(Written { when: When::Every(interval), .. })) => return (Schedule::every(interval, None), None),
            (_, Ok(Written { when: When::Cron(cron), zone: Some(zone) })) => {
                return (Schedule::cron(shown, Some(zone.name()), *cron, zone), None);
            }
            (Some(zone), Ok(Written { when: When::Cron(cron), zone: None })) => {
                return (Schedule::cron(shown, timezone, *cron, zone), None);
            }
            (None, _) => "its zone does not exist".to_owned(),
            (_, Err(why)) => why,
        };
        let terms = Terms { kind: Form::Cron.kind().to_owned(), expression: Some(shown), timezone };
        (Schedule::Unmapped(terms), Some(problem))
    }

    fn interval(&self, form: Form) -> (Schedule, Option<String>) {
        let expression = self.expression();
        let interval = match number(self.get("schedule")) {
            Some(units) => units.checked_mul(form.unit()).filter(|millis| *millis > 0),
            None => schedule::interval(&expression),
        };
        let Some(interval) = interval else {
            let problem = format!("{expression:?} is not a number of {}", form.units());
            return (Schedule::Unmapped(Terms::of(form.kind())), Some(problem));
        };
        (Schedule::every(interval, None), None)
    }
}
