//! Takes in the cost events of some rows, and finds rows by their times.

use super::super::intake::{Intake, feed};
use super::super::models::Models;
use super::super::value::{event_time, number, stamp};
use super::tables::{KEY_PREFIX, Tables};
use crate::db::ReadError;
use crate::model::{Fire, JobIndex, ModelIndex, Outcome};
use crate::time::{Instant, MINUTE, UsualTimes};
use rusqlite::functions::Context;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Statement};
use rustc_hash::FxHashMap;

/// Evenly spread probes of the order.
pub const PROBES: i64 = 64;
/// Jobs without a row that are kept apart; the events of further ones are pooled.
const MAX_UNKNOWN_JOBS: usize = 10_000;
/// A session key that is longer belongs to no job that is told apart.
const MAX_KEY_LEN: usize = 2_100;

/// An event of the scheduler's, of the job with this position among those known.
#[derive(Clone, Copy)]
pub struct Event {
    /// The position.
    pub who: JobIndex,
    /// What became of the run; None if the event has no time.
    pub fire: Option<Fire>,
}

/// The events of some rows, in their order.
#[derive(Default)]
pub struct Part {
    /// The events.
    pub events: Vec<Event>,
    /// How many rows there were, whoever wrote them.
    pub rows: i64,
    /// What they show, whoever wrote them.
    pub seen: Seen,
}

/// What all events show, whoever wrote them.
#[derive(Default)]
pub struct Seen {
    /// When something else than a scheduled run was last written.
    pub last_other_activity: Option<Instant>,
    /// The latest time after the audit.
    pub future: Option<Instant>,
    /// The latest time after the audit that an event from before it follows: the clock was set back between them.
    pub clock_was_at: Option<Instant>,
    /// Whether there is an event from before the audit.
    pub any_past: bool,
}

impl Seen {
    fn note(&mut self, end: Instant, now: Instant) {
        if end.since(now) > MINUTE {
            self.future = self.future.max(Some(end));
        } else {
            self.any_past = true;
            self.clock_was_at = self.future;
        }
    }

    /// Takes in what the events after these show.
    pub fn followed_by(&mut self, later: &Seen) {
        self.last_other_activity = self.last_other_activity.max(later.last_other_activity);
        if later.any_past {
            self.clock_was_at = self.future.max(later.clock_was_at);
        }
        self.future = self.future.max(later.future);
    }
}

/// Takes in events, row by row.
#[derive(Default)]
pub struct Reader {
    /// The jobs that they belong to.
    pub keys: Keys,
    /// What was read last.
    pub part: Part,
    last_row: Option<i64>,
    /// Whether a row came twice, as in a table that is torn.
    is_torn: bool,
}

/// The positions of jobs by session key: those with a row as in the table, then the others as they are met.
#[derive(Clone, Default)]
pub struct Keys {
    positions: FxHashMap<Vec<u8>, JobIndex>,
    /// The ids of those without a row.
    pub unknown_jobs: Vec<Vec<u8>>,
    /// The models of the events, as they are met.
    pub models: Models,
    /// How many jobs have a row.
    pub jobs: usize,
    /// The columns that a version of the scheduler may lack, or NULL instead.
    optional: [&'static str; 2],
    times: UsualTimes,
    now: Instant,
}

impl Keys {
    /// The keys of the jobs of some tables.
    pub fn new(tables: &Tables, now: Instant) -> Keys {
        let named = tables.ids.iter().enumerate().filter(|(_, id)| !id.is_empty());
        let positions = named.map(|(index, id)| ([KEY_PREFIX, id].concat(), JobIndex::at(index))).collect();
        Keys {
            positions,
            unknown_jobs: Vec::new(),
            models: Models::default(),
            jobs: tables.ids.len(),
            optional: tables.optional_event_columns,
            times: UsualTimes::default(),
            now,
        }
    }

    /// The position of a key's job; None if the key is not a scheduled job's.
    fn position(&mut self, key: &[u8]) -> Option<JobIndex> {
        if let Some(position) = self.positions.get(key) {
            return Some(*position);
        }
        let id = key.strip_prefix(KEY_PREFIX)?;
        if self.unknown_jobs.len() >= MAX_UNKNOWN_JOBS || key.len() > MAX_KEY_LEN {
            return Some(JobIndex::at(self.jobs + MAX_UNKNOWN_JOBS));
        }
        let next = JobIndex::at(self.jobs + self.unknown_jobs.len());
        self.unknown_jobs.push(id.to_vec());
        self.positions.insert(key.to_vec(), next);
        Some(next)
    }

    /// Takes in the unknown jobs and models that a copy of these keys met, and gives that copy's part the positions that they
    /// have here.
    pub fn adopt(&mut self, met: &Keys, part: &mut Part) {
        let jobs: Vec<JobIndex> =
            met.unknown_jobs.iter().filter_map(|id| self.position(&[KEY_PREFIX, id].concat())).collect();
        let models = self.models.adopt(&met.models);
        let is_job_same = |(index, job): (usize, &JobIndex)| job.position() == self.jobs + index;
        let is_model_same = |(index, model): (usize, &Option<ModelIndex>)| *model == ModelIndex::at(index);
        if jobs.iter().enumerate().all(is_job_same) && models.iter().enumerate().all(is_model_same) {
            return;
        }
        for event in &mut part.events {
            let unknown_job = event.who.position().checked_sub(self.jobs);
            event.who = unknown_job.and_then(|index| jobs.get(index).copied()).unwrap_or(event.who);
            if let Some(fire) = &mut event.fire {
                fire.model = fire.model.and_then(|model| *models.get(model.position())?);
            }
        }
    }

    /// The columns of [`Keys::read`].
    fn columns(&self) -> String {
        let [cost, model] = self.optional;
        format!("session_key, {cost}, input_tokens, output_tokens, created_at, {model}, rowid")
    }

    /// Reads the event with these [`Keys::columns`]; None if it is not a scheduled job's, or later than the audit.
    fn read<'r>(&mut self, column: impl Fn(usize) -> ValueRef<'r>, seen: &mut Seen) -> Option<Event> {
        let end = event_time(column(4), &mut self.times);
        if let Some(end) = end {
            seen.note(end, self.now);
        }
        if end.is_some_and(|end| end > self.now) {
            return None;
        }
        let Some(who) = self.position(column(0).as_bytes().unwrap_or_default()) else {
            seen.last_other_activity = end.max(seen.last_other_activity);
            return None;
        };
        let Some(end) = end else { return Some(Event { who, fire: None }) };
        let count = |index| number(column(index)).and_then(|count| u64::try_from(count).ok());
        let (read, written) = (count(2), count(3));
        let output = written.map(|written| u32::try_from(written).unwrap_or(u32::MAX));
        let ended = match (read, written) {
            (Some(read), Some(written)) => {
                Fire::counted(end, u32::try_from(read.saturating_add(written)).unwrap_or(u32::MAX))
            }
            _ => Fire::ended(end, Outcome::Unread),
        };
        let cost_usd = column(1).as_f64_or_null().ok().flatten().unwrap_or(0.0) as f32;
        let model = self.models.index(column(5).as_bytes().unwrap_or_default());
        Some(Event { who, fire: Some(Fire { cost_usd, output, model, ..ended }) })
    }
}

impl Intake for Reader {
    fn take_in(&mut self, row: &Context<'_>) -> Result<(), rusqlite::Error> {
        let number = row.get_raw(6).as_i64()?;
        if self.last_row.is_some_and(|last| number <= last) {
            self.is_torn = true;
            return Err(rusqlite::Error::InvalidQuery);
        }
        self.last_row = Some(number);
        self.part.rows += 1;
        let event = self.keys.read(|index| row.get_raw(index), &mut self.part.seen);
        self.part.events.extend(event);
        Ok(())
    }
}

impl Reader {
    /// One that has read nothing.
    pub fn new(keys: Keys) -> Reader {
        Reader { keys, ..Reader::default() }
    }

    /// How many jobs have a row.
    pub fn jobs(&self) -> usize {
        self.keys.jobs
    }

    /// Reads the events with these numbers.
    ///
    /// # Errors
    /// What SQLite says, or that a row came twice.
    pub fn read(&mut self, db: &Connection, (from, to): (i64, i64)) -> Result<(), ReadError> {
        self.part.events.clear();
        (self.part.rows, self.part.seen, self.last_row) = (0, Seen::default(), None);
        let columns = self.keys.columns();
        let fed = feed(db, self, &columns, "cost_events NOT INDEXED WHERE rowid BETWEEN ?1 AND ?2", [from, to]);
        if std::mem::take(&mut self.is_torn) { Err(ReadError::ReadTwice("cost_events")) } else { fed }
    }

    /// The last scheduled run among the rows from `from` to before `end`, of the last `most` of them: its job, and when it ended.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn last_run(
        &mut self,
        db: &Connection,
        (from, end): (i64, i64),
        most: i64,
    ) -> Result<Option<(JobIndex, Instant)>, ReadError> {
        let columns = self.keys.columns();
        let query =
            format!("SELECT {columns} FROM cost_events WHERE rowid >= ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3");
        let mut statement = db.prepare(&query)?;
        let mut rows = statement.query([from, end, most])?;
        while let Some(row) = rows.next()? {
            let column = |index| row.get_ref(index).unwrap_or(ValueRef::Null);
            if let Some(Event { who, fire: Some(fire) }) = self.keys.read(column, &mut Seen::default()) {
                return Ok(Some((who, fire.end)));
            }
        }
        Ok(None)
    }
}

/// The times of rows, looked up by their numbers, each once.
pub struct Times<'a> {
    first: i64,
    last: i64,
    probe: Statement<'a>,
    /// The time of the first row from each number on, as far as it was looked up; None where it can't be read.
    known: FxHashMap<i64, Option<Instant>>,
}

impl<'a> Times<'a> {
    /// Those of the rows from `first` to `last`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn new(db: &'a Connection, first: i64, last: i64) -> Result<Times<'a>, ReadError> {
        let probe = db.prepare("SELECT created_at FROM cost_events WHERE rowid >= ?1 ORDER BY rowid LIMIT 1")?;
        Ok(Times { first, last, probe, known: FxHashMap::default() })
    }

    /// The number of the first row whose time is not before `start`, by binary search; `last` + 1 if there is none. None where
    /// the times are seen not to rise with the numbers, or can't be read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn first_since(&mut self, start: Instant) -> Result<Option<i64>, ReadError> {
        let (first, last) = (self.first, self.last);
        let (mut low, mut high) = (first, last.saturating_add(1));
        while low < high {
            let middle = middle_of(low, high);
            match self.is_since(middle, start)? {
                Some(true) => high = middle,
                Some(false) => low = middle + 1,
                None => return Ok(None),
            }
        }
        let spread = (i128::from(last) - i128::from(first)) / i128::from(PROBES) + 1;
        let even = (0..PROBES).filter_map(|n| i64::try_from(i128::from(first) + i128::from(n) * spread).ok());
        let near = (0..62).map(|n| low.saturating_sub(1 << n));
        for id in even.chain(near).filter(|id| (first..=last).contains(id)) {
            if self.is_since(id, start)? != Some(id >= low) {
                return Ok(None);
            }
        }
        Ok(Some(low))
    }

    /// Whether the first row from a number on is not before `start`.
    fn is_since(&mut self, id: i64, start: Instant) -> Result<Option<bool>, ReadError> {
        let time = match self.known.get(&id) {
            Some(time) => *time,
            None => {
                let time = self.probe.query_row([id], |row| Ok(stamp(row.get_ref(0)?).instant())).optional()?;
                // After the last row nothing is too early.
                *self.known.entry(id).or_insert(time.unwrap_or(Some(Instant::MAX)))
            }
        };
        Ok(time.map(|time| time >= start))
    }
}

/// The middle of two row numbers, however far apart.
pub fn middle_of(low: i64, high: i64) -> i64 {
    // The midpoint of two i64 is an i64.
    i64::try_from((i128::from(low) + i128::from(high)).div_euclid(2)).unwrap_or(low)
}
