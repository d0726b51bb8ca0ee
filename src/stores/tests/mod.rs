//! What the readers make of small stores in which every column has a value of its own: whole, as text.

mod hermes;
mod mapped;
mod openclaw;
mod phantom;

use super::{Mapping, Window};
use crate::model::{Fire, Job, Row, Schedule, Snapshot};
use crate::schedule::Zone;
use crate::time::{DAY, HOUR, Instant, TimeText};
use regex_lite::{Captures, Regex};
use rusqlite::Connection;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// A database that is made in memory, and its place in a directory of its own.
struct Database {
    directory: tempfile::TempDir,
    path: PathBuf,
    db: Connection,
}

impl Database {
    fn new(name: &str, schema: &str) -> Database {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let db = Connection::open_in_memory().unwrap_or_else(|error| panic!("{error}"));
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&path)).unwrap_or_else(|error| panic!("{error}"));
        let mut database = Database { directory, path, db };
        database.sql(schema);
        database
    }

    /// Changes the database, and writes it to its place.
    fn sql(&mut self, text: &str) -> &mut Database {
        self.db.execute_batch(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let bytes = self.db.serialize("main").unwrap_or_else(|error| panic!("{error}"));
        std::fs::write(&self.path, &*bytes).unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// What is read of it.
    fn told(&self, window: &Window) -> String {
        told(&read(&self.path, window, &[]))
    }
}

fn read(path: &Path, window: &Window, mappings: &[Mapping]) -> Snapshot {
    super::read(path, window, None, mappings).unwrap_or_else(|error| panic!("{error}"))
}

/// An audit as of this time of 2 March 2026, or of this date and time, in UTC.
fn window(now: &str) -> Window {
    Window {
        now: at(now),
        back: 7 * DAY,
        zone: Some(Zone::UTC),
        machine_zone: Zone::named("Asia/Tokyo").unwrap_or(Zone::UTC),
        errors: true,
        is_live: false,
        asks_process: false,
        deadline: std::time::Instant::now() + std::time::Duration::from_secs(3600),
    }
}

/// A time of 2 March 2026, or a date and a time, in UTC.
fn at(time: &str) -> Instant {
    let text = if time.contains(' ') { time.to_owned() } else { format!("2026-03-02 {time}") };
    TimeText::parse(&text).unwrap_or_else(|| panic!("{text}")).as_utc()
}

/// A snapshot as text: what differs from an empty one. A new field has to be named here.
fn told(snapshot: &Snapshot) -> String {
    let Snapshot {
        jobs,
        other_fires,
        older_ends,
        open_runs,
        last_other_activity,
        sessions_moved_on,
        window_start,
        models,
        clock_was_at,
        has_deletions,
        notes,
        traits,
        boots,
        kills,
        failed_starts,
        start_error,
        lease,
        passes,
        liveness: _,
        zone,
        mapping,
        results: _,
    } = snapshot;
    let mut text = Text(String::new());
    jobs.iter().for_each(|job| text.job(job, models));
    text.0 += "others\n";
    text.fires(other_fires, models);
    text.0 += "store\n";
    text.fact("older_ends", older_ends);
    open_runs.iter().for_each(|run| text.fact("open_run", run));
    text.fact("last_other_activity", last_other_activity);
    text.fact("sessions_moved_on", sessions_moved_on);
    text.fact("window_start", window_start);
    text.fact("models", models);
    text.fact("clock_was_at", clock_was_at);
    text.fact("has_deletions", has_deletions);
    text.fact("hides_runs", &traits.hides_runs);
    text.fact("options", &traits.advice.options);
    text.fact("boots", boots);
    text.fact("kills", kills);
    text.fact("failed_starts", failed_starts);
    text.fact("start_error", start_error);
    text.fact("lease", lease);
    text.fact("passes", passes);
    text.fact("zone", &zone.zone.name());
    for query in mapping.iter().flat_map(|mapped| &mapped.queries) {
        text.fact("query", &(query.key, query.rows, &query.times));
        query.columns.iter().for_each(|column| text.fact("column", column));
        text.fact("unused", &query.unused);
    }
    notes.iter().for_each(|note| text.fact("note", note));
    with_times(&text.0)
}

/// The same with instants as people write them.
fn with_times(text: &str) -> String {
    let instant = Regex::new(r"Instant\((-?\d+)\)").unwrap_or_else(|error| panic!("{error}"));
    let written = |found: &Captures<'_>| Instant::from_millis(found[1].parse().unwrap_or(0)).to_string();
    instant.replace_all(text, written).into_owned()
}

struct Text(String);

impl Text {
    /// A line for a value, unless it says nothing.
    fn fact(&mut self, name: &str, value: &(impl Debug + ?Sized)) {
        let value = format!("{value:?}");
        if !["None", "[]", "0", "false", "Missing", "Unknown", "Fine"].contains(&value.as_str()) {
            self.0 += &format!("  {name}: {value}\n");
        }
    }

    fn job(&mut self, job: &Job, models: &[String]) {
        let Job {
            id,
            name,
            state,
            schedule,
            created_at,
            row,
            switches,
            manual_runs,
            running_since,
            run_waits,
            looked_at,
            longest_run,
            events_without_time,
            unjudged,
            self_paced,
            uses_model,
            home,
            delivery_error,
            dead_letters,
            fires,
            last_is_of_row,
        } = job;
        self.0 += &format!("job {id:?}, {name:?}: {state:?}\n");
        self.schedule(schedule);
        self.fact("created_at", created_at);
        match row {
            None => self.0 += "  no row\n",
            Some(Row { last_run, next_run_at, consecutive_errors, updated_at, delivery }) => {
                self.fact("last_run", last_run);
                self.fact("next_run_at", next_run_at);
                self.fact("consecutive_errors", consecutive_errors);
                self.fact("updated_at", updated_at);
                self.fact("delivery", delivery);
            }
        }
        self.fact("switches", switches);
        self.fact("manual_runs", manual_runs);
        self.fact("running_since", running_since);
        self.fact("run_waits", run_waits);
        self.fact("looked_at", looked_at);
        self.fact("longest_run", longest_run);
        self.fact("events_without_time", events_without_time);
        self.fact("unjudged", unjudged);
        self.fact("self_paced", self_paced);
        self.fact("uses_model", uses_model);
        self.fact("home", home);
        self.fact("delivery_error", delivery_error);
        self.fact("dead_letters", dead_letters);
        self.fires(fires, models);
        self.fact("last_is_of_row", last_is_of_row);
    }

    /// A schedule with its first two slots of 2 March.
    fn schedule(&mut self, schedule: &Schedule) {
        let midnight = at("00:00").plus(-1);
        let first = schedule.cadence().and_then(|cadence| cadence.next(midnight));
        let second = schedule.cadence().zip(first).and_then(|(cadence, first)| cadence.next(first));
        self.0 += &format!("  schedule: {:?}, {:?}", schedule.kind(), schedule.text());
        self.0 += &match schedule {
            Schedule::Once(due) => format!(", {due:?}\n"),
            _ => format!(", {:?}, {first:?}, {second:?}\n", schedule.timezone()),
        };
        self.fact("anchor", &schedule.anchor());
        self.fact("fault", &schedule.fault());
    }

    fn fires(&mut self, fires: &[Fire], models: &[String]) {
        for fire in fires {
            let Fire { end, at_most, took, outcome, tokens, cost_usd, output, message, model } = *fire;
            let at_most = at_most.map(|span| span.millis()).filter(|span| *span < HOUR);
            let model = model.map(|model| models.get(model.position()));
            let started = took.map(|span| end.plus(-span.millis()));
            let used = (tokens, output, cost_usd, model);
            self.fact("fire", &(outcome, started, end, at_most, used, message));
        }
    }
}
