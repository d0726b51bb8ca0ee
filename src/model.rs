//! What an audit looks at: plain data, read once from a database and owned from then on.

mod advice;
mod fault;

pub use advice::{Action, Advice, AdviceTable, Command, Condition, JOB_ID, JOB_IDS, Remedy, Step};
pub use fault::Fault;

use crate::schedule::{Cadence, Cron, Zone};
use crate::time::{Instant, Millis};
use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

/// The position of a job in [`Snapshot::jobs`], and of its report in a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobIndex(u32);

impl JobIndex {
    /// The position as a number.
    pub fn position(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The index of the job at a position. No store has more than four billion jobs.
    pub fn at(position: usize) -> JobIndex {
        JobIndex(u32::try_from(position).unwrap_or(u32::MAX))
    }
}

/// One database at the moment it was read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The rows of the job table in its order, then regular jobs whose rows are gone.
    pub jobs: Vec<Job>,
    /// Fires of jobs that are not in `jobs`, ordered by their ends: they kept the worker busy all the same.
    pub other_fires: Vec<Fire>,
    /// Ends of runs from before the window after which a job fell silent, each with the id of the run's job.
    pub older_ends: Vec<(Instant, String)>,
    /// Runs whose session began and whose end was not recorded.
    pub open_runs: Vec<OpenRun>,
    /// The last sign of life of anything but the scheduler: another channel's cost event, session, or audit row.
    pub last_other_activity: Option<Instant>,
    /// Whether sessions were active after the instant of the audit, so that runs in flight then can't be seen any more.
    pub sessions_moved_on: bool,
    /// The instant from which on fires were read.
    pub window_start: Option<Instant>,
    /// The names of the models that fires ran on.
    pub models: Vec<String>,
    /// The latest time that was written while the clock was ahead, if it was set back since.
    pub clock_was_at: Option<Instant>,
    /// Whether jobs were deleted in the dashboard.
    pub has_deletions: bool,
    /// What could not be read or judged, and what was left out, in sentences.
    pub notes: Vec<String>,
    /// How its scheduler works.
    pub traits: SchedulerTraits,
    /// When its process started, each time that is on record, oldest first.
    pub boots: Vec<Instant>,
    /// The boots after which its process was killed, each time that is on record.
    pub kills: Vec<Instant>,
    /// The boots that failed, oldest first.
    pub failed_starts: Vec<Instant>,
    /// Why the last of them failed.
    pub start_error: Option<RunError>,
    /// What was recorded about whether its process is alive.
    pub lease: Lease,
    /// Whether it gets to look for what is due.
    pub passes: Passes,
    /// What the operating system knows about its process.
    pub liveness: Liveness,
    /// The zone of schedules that name none.
    pub zone: AssumedZone,
    /// The mapping by which it was read, if it was read by one.
    pub mapping: Option<Mapped>,
    /// The files that jobs should leave behind.
    pub results: Results,
}

/// Files that jobs should leave behind, by the patterns that the operator named.
pub type Results = HashMap<PathBuf, ResultFiles>;

/// The files of one pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultFiles {
    /// When the newest of them was written; None if there is none.
    pub newest: Option<Instant>,
    /// Why not all of them were seen, as the end of a sentence.
    pub trouble: Option<String>,
}

/// What a mapping gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// Its name.
    pub name: String,
    /// What each of its queries gave.
    pub queries: Vec<QueryFacts>,
}

/// What a query of a mapping gave.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryFacts {
    /// Its key in the config file.
    pub key: &'static str,
    /// How many rows.
    pub rows: usize,
    /// What each of its columns gave.
    pub columns: Vec<ColumnFacts>,
    /// Which rows were not used, and why, in sentences.
    pub unused: Vec<String>,
    /// The first and the last time of the rows that were used.
    pub times: Option<(Instant, Instant)>,
}

/// What a column of a query gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// Rows with a value that is not NULL.
    pub filled: usize,
    /// Those whose value can't be read.
    pub unread: usize,
    /// One of them.
    pub example: Option<String>,
}

/// The zone in which schedules are read that name none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AssumedZone {
    /// The zone.
    pub zone: Zone,
    /// Why it is that one.
    pub basis: ZoneBasis,
}

/// Why a zone is assumed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ZoneBasis {
    /// The operator named it.
    Given,
    /// The next runs of so many jobs are slots in it.
    NextRuns(usize),
    /// It is this machine's; no row tells whether it is the scheduler's.
    Machine,
    /// No watched job's schedule depends on it.
    Irrelevant,
}

impl Snapshot {
    /// A snapshot without jobs.
    pub fn empty(traits: SchedulerTraits) -> Snapshot {
        Snapshot {
            jobs: Vec::new(),
            other_fires: Vec::new(),
            older_ends: Vec::new(),
            open_runs: Vec::new(),
            last_other_activity: None,
            sessions_moved_on: false,
            window_start: None,
            models: Vec::new(),
            clock_was_at: None,
            has_deletions: false,
            notes: Vec::new(),
            traits,
            boots: Vec::new(),
            kills: Vec::new(),
            failed_starts: Vec::new(),
            start_error: None,
            lease: Lease::Unknown,
            passes: Passes::default(),
            liveness: Liveness::default(),
            zone: AssumedZone { zone: Zone::UTC, basis: ZoneBasis::Given },
            mapping: None,
            results: Results::new(),
        }
    }
}

/// Runs in flight at a time, where it is not known how many there can be: so many never keep a job waiting.
pub const UNKNOWN_PLACES: usize = usize::MAX;

/// How a scheduler works, as far as schedulers differ.
#[derive(Debug, Clone)]
pub struct SchedulerTraits {
    /// How many runs it has in flight at most.
    pub max_concurrent: usize,
    /// Whether the start of every run is recorded, or only its end.
    pub records_starts: bool,
    /// How long after the nth error in a row it tries again; after further ones as after the last.
    pub backoff: Cow<'static, [Millis]>,
    /// Whether it tries again in the next slot if that comes before the backoff has passed, and not after both.
    pub retries_in_slot: bool,
    /// It stops a job after this many errors in a row.
    pub breaker_limit: u64,
    /// How long a run takes at most to show, and its end to be recorded.
    pub session_delay: Millis,
    /// Whether a restart rewrites past-due rows, and if so, how far apart: the first runs at boot, each further one this
    /// much later.
    pub restart_stagger: Option<Millis>,
    /// How long after its start it may leave alone what is due.
    pub startup: Millis,
    /// The word for it: what a person starts and stops.
    pub name: &'static str,
    /// The word for what it does to a job after too many errors.
    pub stops: &'static str,
    /// What is so of a job that it stopped after that, in words.
    pub stopped: &'static str,
    /// How long its timer sleeps at most before it looks at rows that were edited.
    pub timer_sleeps: Millis,
    /// Whether a run in flight is not on record, so that any job that is due may be running.
    pub hides_runs: bool,
    /// Whether the next run of a job is moved before the run that is due, and not after it.
    pub moves_before: bool,
    /// Whether a resume or an edit of a job leaves a trace of its time.
    pub dates_edits: bool,
    /// How its sign of life is spoken of.
    pub life: LifeWords,
    /// What a person should do, in this scheduler's terms.
    pub advice: AdviceTable,
}

impl SchedulerTraits {
    /// Whether a restart rewrites the rows of past-due jobs.
    pub fn rewrites_rows_on_restart(&self) -> bool {
        self.restart_stagger.is_some()
    }
}

/// How the sign of life that a scheduler records is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifeWords {
    /// That it was given, before its time.
    pub given: &'static str,
    /// That it was last given, before its time.
    pub last_given: &'static str,
    /// Why it is not given any more.
    pub dead: &'static str,
    /// The same, where the process lives.
    pub hung: &'static str,
    /// Whether what gives it can end for good while the process lives.
    pub dies_alone: bool,
}

impl LifeWords {
    /// Those of a lease that the process renews.
    pub const LEASE: LifeWords = LifeWords {
        given: "its process renewed its lease, a sign of life, at ",
        last_given: "its process last renewed its lease, a sign of life, at ",
        dead: "the process died, or its machine is asleep",
        hung: "the process lives, but hangs: it does not renew its lease",
        dies_alone: false,
    };
}

/// What the operating system knows about the process of a scheduler, at the moment of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Liveness {
    /// Who has the database open.
    pub holder: Holder,
    /// When any process last wrote the database, by the times of its files.
    pub last_write: Option<Instant>,
    /// How long the machine has been asleep since it booted, in all.
    pub slept: Option<Millis>,
}

/// Who has a database open. That its scheduler has is proof of life; that nobody is seen to is weaker, because a virtual machine or
/// a sandbox with a kernel of its own hides its locks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Holder {
    /// It was not asked, or can't be told.
    #[default]
    Unknown,
    /// No process that shares this kernel.
    Nobody,
    /// A process that can't be seen, such as one of another container.
    Unseen,
    /// A process of which it can't be told whether it is the scheduler or only looks: it has committed nothing since it started, or
    /// this user may not know what it can do. Of several the one that started first.
    Perhaps(Process),
    /// This process, which can write and was there before the newest commit; of several the one that started first.
    Process(Process),
}

/// A process of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its command name: untrusted text. None if it is hidden from this user.
    pub name: Option<String>,
    /// When it started. None if it is hidden from this user.
    pub started: Option<Instant>,
    /// Whether it is suspended by a signal such as SIGSTOP.
    pub is_suspended: bool,
}

impl Process {
    /// `process 7 (bun)`.
    pub fn label(&self) -> String {
        let name = self.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        format!("process {}{name}", self.pid)
    }
}

/// What was recorded about a process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Lease {
    /// Nothing but what it did.
    #[default]
    Unknown,
    /// It renewed its lease then, less than the lease's term ago.
    Alive(Instant),
    /// It has not renewed its lease since then.
    Dead(Instant),
    /// It was stopped then.
    Stopped(Instant),
}

/// The passes in which a scheduler looks for what is due.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Passes {
    /// They work, as far as is known.
    #[default]
    Fine,
    /// All have failed since then, so that no job runs although the process lives.
    Failing {
        /// When one last worked.
        since: Instant,
        /// Why: untrusted text.
        why: Option<String>,
    },
}

/// No provider answers in less time, not even to refuse.
const NO_MODEL_ANSWERS_IN: Millis = 60;

/// One job with its history.
#[derive(Debug, Clone)]
pub struct Job {
    /// The row's id, which its session key contains.
    pub id: String,
    /// The row's name; may be empty.
    pub name: String,
    /// What the scheduler makes of the row.
    pub state: State,
    /// When it is due.
    pub schedule: Schedule,
    /// When the row was created.
    pub created_at: Option<Instant>,
    /// The rest of the row; None if it was written after the instant of the audit, so that it says nothing about that
    /// instant.
    pub row: Option<Row>,
    /// Pauses and resumes from the dashboard, oldest first.
    pub switches: Vec<Switch>,
    /// When somebody ran it by hand from the dashboard, oldest first.
    pub manual_runs: Vec<Instant>,
    /// When its run in flight started, for schedulers that record it.
    pub running_since: Option<Instant>,
    /// Whether that run has not begun its work, but waits for other runs.
    pub run_waits: bool,
    /// When it last looked whether there was anything to do, for watchers.
    pub looked_at: Option<Instant>,
    /// The longest run that the scheduler allows this job, if it has a limit of its own.
    pub longest_run: Option<Millis>,
    /// How many of its cost events have no readable time.
    pub events_without_time: u64,
    /// Why too little of it could be read to judge it.
    pub unjudged: Option<String>,
    /// Whether its runs set the time of the next one themselves, so that its schedule says nothing about it.
    pub self_paced: bool,
    /// Whether a run of it needs a model.
    pub uses_model: bool,
    /// The store that it belongs to, where several schedulers share a file, and the agent that it works for.
    pub home: Option<Home>,
    /// Why the last message that got lost was not delivered.
    pub delivery_error: Option<DeliveryError>,
    /// Messages that the scheduler gave up in the last day, after all retries.
    pub dead_letters: usize,
    /// Its runs, ordered by their ends.
    pub fires: Vec<Fire>,
    /// Whether the last of them is known from its row alone.
    pub last_is_of_row: bool,
}

/// Whose a job is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Home {
    /// The store's key: untrusted text.
    pub store: String,
    /// The agent's id: untrusted text.
    pub agent: String,
}

/// What the scheduler writes into a job's row at the end of each run.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The last run.
    pub last_run: Option<Run>,
    /// When the scheduler will run the job next.
    pub next_run_at: Timestamp,
    /// Errors in a row, as the scheduler counts them.
    pub consecutive_errors: u64,
    /// When the row was last written: at the end of a run, or by an edit, a pause, or a resume.
    pub updated_at: Option<Instant>,
    /// What became of the last message that a run sent; None if none was sent.
    pub delivery: Option<Delivery>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It arrived, or silence was intended.
    Fine,
    /// It was dropped or refused.
    Failed(DeliveryError),
}

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryError {
    /// In the scheduler's words: untrusted text.
    pub text: String,
    /// What kind of error it is, also where its text is not kept.
    pub class: Option<ErrorClass>,
    /// Whether the scheduler threw the message away because it was late.
    pub is_late: bool,
}

impl DeliveryError {
    /// An error with this text.
    pub fn new(text: &str) -> DeliveryError {
        DeliveryError { text: text.to_owned(), class: ErrorClass::of(text), is_late: false }
    }
}

impl Job {
    /// A job without a row and without a history.
    pub fn new(id: String, state: State, schedule: Schedule) -> Job {
        Job {
            name: id.clone(),
            id,
            state,
            schedule,
            created_at: None,
            row: None,
            switches: Vec::new(),
            manual_runs: Vec::new(),
            running_since: None,
            run_waits: false,
            looked_at: None,
            longest_run: None,
            events_without_time: 0,
            unjudged: None,
            self_paced: false,
            uses_model: true,
            home: None,
            delivery_error: None,
            dead_letters: 0,
            fires: Vec::new(),
            last_is_of_row: false,
        }
    }

    /// The name to show: the row's, else its id.
    pub fn label(&self) -> &str {
        if self.name.trim().is_empty() { &self.id } else { &self.name }
    }

    /// The last run that the row knows.
    pub fn last_run(&self) -> Option<&Run> {
        self.row.as_ref()?.last_run.as_ref()
    }

    /// Its runs that ended at an instant or later.
    pub fn fires_since(&self, from: Instant) -> &[Fire] {
        &self.fires[self.fires.partition_point(|fire| fire.end < from)..]
    }

    /// When its last known run ended.
    pub fn last_end(&self) -> Option<Instant> {
        self.fires.last().map(|fire| fire.end).max(self.last_run().map(Run::end))
    }

    /// Its runs that are on record.
    pub fn recorded(&self) -> &[Fire] {
        &self.fires[..self.fires.len().saturating_sub(usize::from(self.last_is_of_row))]
    }

    /// When its last run on record ended, if its row has moved on since by more than the one slot that a run without a record may
    /// have served. What failed without a record is no such run.
    pub fn recorded_until(&self) -> Option<Instant> {
        let last = self.recorded().last()?.end;
        let of_row = self.fires.last().filter(|_| self.last_is_of_row);
        let moved_on = of_row.filter(|fire| !fire.has_failed()).map(|fire| fire.known_start().unwrap_or(fire.end));
        let row = moved_on.or_else(|| self.last_run().filter(|run| !run.failed).map(|run| run.start))?;
        let cadence = self.schedule.cadence()?;
        let second = cadence.next(cadence.next(last)?)?;
        if second <= row { Some(last) } else { None }
    }

    /// When the scheduler will run it next, according to the row.
    pub fn next_run(&self) -> Option<Instant> {
        self.row.as_ref()?.next_run_at.instant()
    }

    /// Errors in a row, according to the row.
    pub fn errors(&self) -> u64 {
        self.row.as_ref().map_or(0, |row| row.consecutive_errors)
    }

    /// The error of its last run.
    pub fn error(&self) -> Option<&RunError> {
        self.last_run()?.error.as_ref()
    }

    /// What its last run failed by: the words of the error, or that it failed in less time than it takes to ask a model. Where a
    /// model worked before, the error is not about its provider.
    pub fn fault(&self) -> Option<Fault> {
        let run = self.last_run().filter(|run| run.failed)?;
        let is_instant = run.duration_ms.is_some_and(|took| (1..NO_MODEL_ANSWERS_IN).contains(&took));
        let used_tokens = self.fires.last().is_some_and(|fire| fire.tokens.is_some_and(|tokens| tokens > 0));
        match run.error.as_ref().and_then(|error| error.fault) {
            None if is_instant && self.uses_model => Some(Fault::Local),
            Some(Fault::Local) => Some(Fault::Local),
            by_words if !used_tokens => by_words,
            _ => None,
        }
    }

    /// What the error of its last run says apart from numbers, ids, and times.
    pub fn error_class(&self) -> Option<ErrorClass> {
        self.error()?.class
    }

    /// The text of its last error, if its last run ended with one and error texts are read.
    pub fn last_error(&self) -> Option<&str> {
        self.error()?.text.as_deref()
    }

    /// When the row was last written.
    pub fn written(&self) -> Option<Instant> {
        self.row.as_ref()?.updated_at
    }

    /// The first slot after `now` by the schedule alone.
    pub fn next_slot(&self, now: Instant) -> Option<Instant> {
        match self.schedule.cadence() {
            Some(Cadence::Every(interval)) => {
                let start = || self.last_run().map(|run| run.start.plus(*interval)).filter(|next| *next > now);
                match self.schedule.anchor() {
                    Some(anchor) => start().or_else(|| grid_after(anchor, *interval, now)),
                    None => grid_after(self.last_end().or(self.created_at)?, *interval, now),
                }
            }
            Some(cadence) => cadence.next(now),
            None => self.schedule.at().filter(|at| *at > now),
        }
    }
}

/// The first point after `now` of those `interval` apart from `anchor` on.
fn grid_after(anchor: Instant, interval: Millis, now: Instant) -> Option<Instant> {
    let passed = (now.since(anchor) / interval).max(0);
    Some(anchor.plus((passed + 1).saturating_mul(interval)))
}

/// What the scheduler makes of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It fires, or should.
    Watched,
    /// A recurring job whose circuit breaker opened: it should fire and never will.
    Broken,
    /// Somebody paused it.
    Paused,
    /// Somebody disabled it.
    Disabled,
    /// A one-shot that is done.
    Completed,
    /// A one-shot that gave up.
    FailedOnce,
    /// It waits for events, not for a time.
    EventDriven,
    /// The scheduler took the row out of its table, for this reason.
    Quarantined(String),
    /// Created after the instant of the audit.
    NotCreated,
    /// It fired regularly and no longer has a row.
    Gone,
    /// A status or enabled value that the scheduler never picks.
    Unknown(String),
}

impl State {
    /// `watched`, or why the job is skipped.
    pub fn word(&self) -> &'static str {
        match self {
            State::Watched | State::Broken | State::Unknown(_) | State::Quarantined(_) => "watched",
            State::EventDriven => "event-driven",
            State::Paused => "paused",
            State::Disabled => "disabled",
            State::Completed => "completed",
            State::FailedOnce => "failed",
            State::NotCreated => "not-created",
            State::Gone => "gone",
        }
    }

    /// Whether the job's silence is a fault.
    pub fn is_watched(&self) -> bool {
        matches!(self, State::Watched | State::Broken | State::Unknown(_) | State::Quarantined(_))
    }
}

/// When a job is due.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// At the times of a cron expression.
    Cron {
        /// The expression, cut for display.
        expression: String,
        /// The zone that it names. Without one its cadence is in the assumed zone.
        timezone: Option<String>,
        /// Its slots.
        cadence: Cadence,
    },
    /// Each time that an interval has passed.
    Every {
        /// From where the interval counts, if the scheduler keeps to a grid; None where it counts from the end of the last run.
        anchor: Option<Instant>,
        /// The interval.
        cadence: Cadence,
    },
    /// Once.
    Once(Due),
    /// When something happens, and at no time.
    OnEvent(Terms),
    /// The scheduler can't use it.
    Unreadable {
        /// What its row says.
        terms: Terms,
        /// Why not.
        why: String,
    },
    /// The operator's mapping can't read it, which says nothing about the scheduler.
    Unmapped(Terms),
    /// The same, but the runs show how often it comes.
    Learned {
        /// What its row says.
        terms: Terms,
        /// The usual time between two runs.
        usual: Millis,
        /// An interval that is not exceeded while all is well.
        cadence: Cadence,
    },
}

/// What a row says about a schedule without slots.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The row's word for its kind.
    pub kind: String,
    /// A cron expression, cut for display.
    pub expression: Option<String>,
    /// The zone that it names.
    pub timezone: Option<String>,
}

impl Terms {
    /// Those of a row that says no more than this word.
    pub fn of(kind: impl Into<String>) -> Terms {
        Terms { kind: kind.into(), ..Terms::default() }
    }
}

/// When a one-shot is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Due {
    /// At an instant.
    At(Instant),
    /// At a wall time without a zone, read in the assumed one.
    Wall(NaiveDateTime, Zone),
    /// At a time in a form that only the scheduler reads: its next run tells.
    Unknown,
}

impl Schedule {
    /// A cron expression, which is shown as this text, in a zone, which it may name.
    pub fn cron(expression: String, timezone: Option<String>, cron: Cron, zone: Zone) -> Schedule {
        Schedule::Cron { expression, timezone, cadence: Cadence::Cron(Box::new(cron), zone) }
    }

    /// An interval, which counts from `anchor`, or from the end of the last run.
    pub fn every(interval: Millis, anchor: Option<Instant>) -> Schedule {
        Schedule::Every { anchor, cadence: Cadence::Every(interval) }
    }

    /// A schedule of this kind that can't be used, for this reason.
    pub fn unreadable(kind: impl Into<String>, why: impl Into<String>) -> Schedule {
        Schedule::Unreadable { terms: Terms::of(kind), why: why.into() }
    }

    /// The cadence of a recurring schedule.
    pub fn cadence(&self) -> Option<&Cadence> {
        match self {
            Schedule::Cron { cadence, .. } | Schedule::Every { cadence, .. } | Schedule::Learned { cadence, .. } => {
                Some(cadence)
            }
            Schedule::Once(_) | Schedule::OnEvent(_) | Schedule::Unreadable { .. } | Schedule::Unmapped(_) => None,
        }
    }

    /// `cron`, `every`, `at`, or what the row says instead.
    pub fn kind(&self) -> &str {
        match self {
            Schedule::Cron { .. } => "cron",
            Schedule::Every { .. } => "every",
            Schedule::Once(_) => "at",
            Schedule::Learned { .. } => "learned",
            Schedule::OnEvent(terms) | Schedule::Unreadable { terms, .. } | Schedule::Unmapped(terms) => &terms.kind,
        }
    }

    /// The cron expression, cut for display.
    pub fn expression(&self) -> Option<&str> {
        match self {
            Schedule::Cron { expression, .. } => Some(expression),
            Schedule::Every { .. } | Schedule::Once(_) => None,
            Schedule::OnEvent(terms)
            | Schedule::Unreadable { terms, .. }
            | Schedule::Unmapped(terms)
            | Schedule::Learned { terms, .. } => terms.expression.as_deref(),
        }
    }

    /// The zone that it names.
    pub fn timezone(&self) -> Option<&str> {
        match self {
            Schedule::Cron { timezone, .. } => timezone.as_deref(),
            Schedule::Every { .. } | Schedule::Once(_) => None,
            Schedule::OnEvent(terms)
            | Schedule::Unreadable { terms, .. }
            | Schedule::Unmapped(terms)
            | Schedule::Learned { terms, .. } => terms.timezone.as_deref(),
        }
    }

    /// Whether only the runs show how often it comes.
    pub fn is_learned(&self) -> bool {
        matches!(self, Schedule::Learned { .. })
    }

    /// The interval of one that has an interval.
    pub fn interval(&self) -> Option<Millis> {
        if let Schedule::Learned { usual, .. } = self {
            return Some(*usual);
        }
        match self.cadence()? {
            Cadence::Every(interval) => Some(*interval),
            Cadence::Cron(..) => None,
        }
    }

    /// From where its interval counts, if the scheduler keeps to a grid.
    pub fn anchor(&self) -> Option<Instant> {
        match self {
            Schedule::Every { anchor, .. } => *anchor,
            _ => None,
        }
    }

    /// The instant of a one-shot.
    pub fn at(&self) -> Option<Instant> {
        match self {
            Schedule::Once(Due::At(at)) => Some(*at),
            Schedule::Once(Due::Wall(wall, zone)) => Some(zone.instant(*wall)),
            _ => None,
        }
    }

    /// Why the scheduler can't use it, if it can't.
    pub fn fault(&self) -> Option<&str> {
        match self {
            Schedule::Unreadable { why, .. } => Some(why),
            _ => None,
        }
    }

    /// Whether the assumed zone has a part in when it is due.
    pub fn assumes_zone(&self) -> bool {
        matches!(self, Schedule::Cron { timezone: None, .. } | Schedule::Once(Due::Wall(..)))
    }

    /// Reads it in this zone, if it names none.
    pub fn assume_zone(&mut self, assumed: Zone) {
        match self {
            Schedule::Cron { timezone: None, cadence, .. } => *cadence = cadence.in_zone(assumed),
            Schedule::Once(Due::Wall(_, zone)) => *zone = assumed,
            _ => {}
        }
    }

    /// The schedule in its own terms: `0 9 * * 1-5`, `every 30m`, `at 2026-03-26T16:00:00Z`; of one that is not read what its
    /// runs show.
    pub fn text(&self) -> String {
        if let Schedule::Learned { usual, .. } = self {
            return format!("about every {}, by its runs", crate::time::span(*usual));
        }
        match (self.expression(), self.interval(), self.at()) {
            (Some(expression), ..) => expression.to_owned(),
            (_, Some(interval), _) => format!("every {}", crate::time::interval(interval)),
            (.., Some(at)) => format!("at {at}"),
            _ => self.kind().to_owned(),
        }
    }
}

/// A run that has ended, according to the row.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it started.
    pub start: Instant,
    /// How long it took, delivery included, if the row says so.
    pub duration_ms: Option<Millis>,
    /// Whether it ended with an error.
    pub failed: bool,
    /// Its error, or why it was skipped; None if the row has none.
    pub error: Option<RunError>,
}

/// What is known of the error that a run ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// Its first line: untrusted text. None if error texts are not read.
    pub text: Option<String>,
    /// What it says apart from numbers, ids, and times.
    pub class: Option<ErrorClass>,
    /// What kind of error it is in its scheduler's terms.
    pub kind: ErrorKind,
    /// What it is about, as far as its words tell.
    pub fault: Option<Fault>,
}

/// What kind of error it is, as far as what to do depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The scheduler's process ended in the run.
    Interrupted,
    /// The model's provider, on this machine, is not running.
    ProviderUnreachable,
    /// Something that the run needs is switched off.
    SwitchedOff,
    /// Anything else.
    Other,
}

impl RunError {
    /// An error whose kind nothing depends on.
    pub fn new(text: &str) -> RunError {
        RunError {
            text: Some(text.to_owned()),
            class: ErrorClass::of(text),
            kind: ErrorKind::Other,
            fault: Fault::of(text),
        }
    }
}

/// What an error says apart from numbers, ids, and times: errors of one class have one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorClass(u64);

impl ErrorClass {
    /// The class of a text; None if it says nothing. The value never changes between versions.
    pub fn of(text: &str) -> Option<ErrorClass> {
        let is_varying = |word: &&str| word.bytes().any(|byte| byte.is_ascii_digit());
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty() && !is_varying(word));
        let mut hash = fnv::FnvHasher::default();
        let mut said = false;
        for word in words {
            word.to_lowercase().hash(&mut hash);
            said = true;
        }
        said.then(|| ErrorClass(hash.finish()))
    }

    /// The class as a number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl Run {
    /// When it ended; its start, if the row does not say how long it took.
    pub fn end(&self) -> Instant {
        self.start.plus(self.duration_ms.unwrap_or(0))
    }
}

/// A column that should hold a time.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Timestamp {
    /// NULL.
    #[default]
    Missing,
    /// Something that is not a time, cut for display.
    Unreadable(String),
    /// An instant.
    At(Instant),
}

impl Timestamp {
    /// The instant, if there is one.
    pub fn instant(&self) -> Option<Instant> {
        match self {
            Timestamp::At(instant) => Some(*instant),
            Timestamp::Missing | Timestamp::Unreadable(_) => None,
        }
    }
}

/// A pause or a resume.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// When.
    pub at: Instant,
    /// True for a resume, false for a pause.
    pub resumes: bool,
}

/// A run that began and whose end was not recorded: in flight, hung, or cut short with the process.
#[derive(Debug, Clone)]
pub struct OpenRun {
    /// The id of its job.
    pub job_id: String,
    /// When its session was last active.
    pub seen: Instant,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The model worked: it used tokens, or it answered and its provider does not count them.
    Worked,
    /// It was fine, and nothing shows whether a model worked.
    Unproven,
    /// No model did any work, and no error is known: no tokens were counted, or there is no cost event.
    Empty,
    /// It ended with an error, whether or not it used tokens before.
    Failed,
    /// It threw: an error that only the row knows, without a cost event.
    Threw,
    /// Its process ended in it, which says nothing about what it needs.
    Cut,
    /// It ended sooner than the operator's min_run.
    Short,
    /// The scheduler skipped the work.
    Skipped,
    /// The scheduler skipped work that it may skip, but neither for the hour nor for other work.
    Declined,
    /// There was nothing to do, or it could wait: a quiet evaluation of a trigger, a heartbeat at night.
    Idle,
    /// Its record can't be read, and no error is known.
    Unread,
}

impl Outcome {
    /// The outcome of a run by the tokens that it used, if no error is known.
    pub fn by_count(tokens: u32) -> Outcome {
        if tokens > 0 { Outcome::Worked } else { Outcome::Empty }
    }
}

/// A length of time in four bytes even as an option: histories hold millions of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortSpan(NonZeroU32);

impl ShortSpan {
    /// From `start` to `end`, at least 0; None beyond 49 days, which tells no more than an unknown length.
    pub fn between(start: Instant, end: Instant) -> Option<ShortSpan> {
        let millis = u32::try_from(end.since(start).max(0)).ok()?;
        NonZeroU32::new(millis.checked_add(1)?).map(ShortSpan)
    }

    /// The length in milliseconds.
    pub fn millis(self) -> Millis {
        Millis::from(self.0.get() - 1)
    }
}

/// A run that ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fire {
    /// When it ended. A cost event's time is cut to the second.
    pub end: Instant,
    /// How long it took at most: no run starts before the one before it, of any job, has ended.
    pub at_most: Option<ShortSpan>,
    /// How long it took, where that was recorded.
    pub took: Option<ShortSpan>,
    /// How it ended.
    pub outcome: Outcome,
    /// Tokens in and out together, more than fit as the most that does; None if they are not counted or can't be read.
    pub tokens: Option<u32>,
    /// What it cost, in US dollars; 0 if that is not known.
    pub cost_usd: f32,
    /// How many tokens the model wrote, more than fit as the most that does; None if that is not known.
    pub output: Option<u32>,
    /// What became of its message, where that is on record for each run.
    pub message: MessageFate,
    /// The model that it ran on, where that is known.
    pub model: Option<ModelIndex>,
}

/// What became of a run's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageFate {
    /// There was none, or nothing is on record.
    #[default]
    None,
    /// It was delivered.
    Delivered,
    /// It was dropped or refused.
    Lost,
    /// Whether it arrived is not known.
    Unconfirmed,
}

/// The position of a model's name in [`Snapshot::models`], in two bytes even as an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelIndex(NonZeroU16);

impl ModelIndex {
    /// The index of the model at a position; None beyond what can be told apart.
    pub fn at(position: usize) -> Option<ModelIndex> {
        NonZeroU16::new(u16::try_from(position).ok()?.checked_add(1)?).map(ModelIndex)
    }

    /// The position as a number.
    pub fn position(self) -> usize {
        usize::from(self.0.get() - 1)
    }
}

/// What fires cost together, in US dollars.
pub fn cost_of<'a>(fires: impl IntoIterator<Item = &'a Fire>) -> f64 {
    fires.into_iter().map(|fire| f64::from(fire.cost_usd)).sum()
}

impl Fire {
    /// A fire of which only the end is known, and how it ended.
    pub fn ended(end: Instant, outcome: Outcome) -> Fire {
        let (output, message, model) = (None, MessageFate::None, None);
        Fire { end, at_most: None, took: None, outcome, tokens: None, cost_usd: 0.0, output, message, model }
    }

    /// A fire that used so many tokens, and of which no error is known.
    pub fn counted(end: Instant, tokens: u32) -> Fire {
        Fire { tokens: Some(tokens), ..Fire::ended(end, Outcome::by_count(tokens)) }
    }

    /// The same fire, started at `start` at the earliest.
    pub fn after(self, start: Instant) -> Fire {
        Fire { at_most: ShortSpan::between(start, self.end), ..self }
    }

    /// The same fire, started at `start` as recorded.
    pub fn started(self, start: Instant) -> Fire {
        Fire { took: ShortSpan::between(start, self.end), ..self }
    }

    /// The earliest instant at which it can have started, where that is known.
    pub fn earliest_start(&self) -> Option<Instant> {
        self.at_most.map(|span| self.end.plus(-span.millis()))
    }

    /// When it started, where that was recorded.
    pub fn known_start(&self) -> Option<Instant> {
        self.took.map(|span| self.end.plus(-span.millis()))
    }

    /// Whether its record says that no model did any work: it used no tokens, or wrote none.
    pub fn is_empty(&self) -> bool {
        self.tokens == Some(0) || self.wrote_nothing()
    }

    /// Whether the model wrote nothing, whatever it read.
    pub fn wrote_nothing(&self) -> bool {
        self.output == Some(0)
    }

    /// Whether it is known to have ended with an error.
    pub fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::Threw | Outcome::Cut)
    }

    /// Whether it left no cost event, so that only the row knows it.
    pub fn has_no_event(&self) -> bool {
        self.tokens.is_none() && matches!(self.outcome, Outcome::Empty | Outcome::Threw)
    }

    /// Whether it shows that the model works.
    pub fn proves_model(&self) -> bool {
        self.outcome == Outcome::Worked
    }

    /// Whether the scheduler skipped its work.
    pub fn is_skip(&self) -> bool {
        matches!(self.outcome, Outcome::Skipped | Outcome::Declined)
    }

    /// Whether the scheduler began no work in it.
    pub fn is_idle(&self) -> bool {
        self.outcome == Outcome::Idle || self.is_skip()
    }

    /// Whether nothing shows how it went: its record can't be read.
    pub fn is_unknown(&self) -> bool {
        self.outcome == Outcome::Unread
    }

    /// Whether it did no work, or failed after it.
    pub fn is_bad(&self) -> bool {
        self.outcome == Outcome::Empty || self.has_failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_span_holds_up_to_49_days() {
        let end = Instant::from_millis(1_772_000_000_000);
        let of = |millis: Millis| ShortSpan::between(end.plus(-millis), end).map(ShortSpan::millis);
        assert_eq!((of(0), of(-5), of(1)), (Some(0), Some(0), Some(1)));
        let longest = i64::from(u32::MAX) - 1;
        assert_eq!((of(longest), of(longest + 1)), (Some(longest), None));
        assert_eq!(size_of::<Option<ShortSpan>>(), 4);
    }

    #[test]
    fn millions_of_fires_fit_into_memory() {
        assert!(size_of::<Fire>() <= 40);
    }

    #[test]
    fn a_run_is_bad_idle_unknown_or_fine_and_only_a_model_that_worked_proves_it() {
        let fire = |outcome| Fire::ended(Instant::MIN, outcome);
        for bad in [Outcome::Empty, Outcome::Failed, Outcome::Threw, Outcome::Cut].map(fire) {
            assert!(bad.is_bad() && !bad.is_idle() && !bad.is_unknown() && !bad.proves_model(), "{bad:?}");
        }
        for idle in [Outcome::Skipped, Outcome::Declined, Outcome::Idle].map(fire) {
            assert!(idle.is_idle() && !idle.is_bad() && !idle.is_unknown() && !idle.proves_model(), "{idle:?}");
        }
        for fine in [Outcome::Worked, Outcome::Unproven].map(fire) {
            assert!(!fine.is_bad() && !fine.is_idle() && !fine.is_unknown(), "{fine:?}");
            assert_eq!(fine.proves_model(), fine.outcome == Outcome::Worked);
        }
        assert!(fire(Outcome::Unread).is_unknown() && !fire(Outcome::Unread).is_bad());
        // A run of which only the row knows used unknown tokens, and not none.
        assert!(fire(Outcome::Threw).has_no_event() && !fire(Outcome::Threw).is_empty());
        assert!(Fire::counted(Instant::MIN, 0).is_empty() && !Fire::counted(Instant::MIN, 0).has_no_event());
    }

    #[test]
    fn an_error_class_sets_numbers_ids_and_times_aside() {
        let class = ErrorClass::of;
        let timed_out = class("run 1a2b timed out after 120s");
        assert_eq!(timed_out, class("Run 7f timed out after 5m"));
        assert_ne!(timed_out, class("run 1a2b timed out"));
        assert_eq!((class(""), class("42 ...")), (None, None));
    }

    #[test]
    fn the_next_slot_of_an_interval_follows_the_schedulers_own_rule() {
        let at = |minute: i64| Instant::from_millis(minute * 60_000);
        let schedule = Schedule::every(10 * 60_000, None);
        let run = Run { start: at(100), duration_ms: Some(3 * 60_000), failed: false, error: None };
        let row = Row { last_run: Some(run), ..Row::default() };
        let mut job = Job { row: Some(row), ..Job::new("j".to_owned(), State::Watched, schedule) };
        assert_eq!(job.next_slot(at(104)), Some(at(113)), "from the end of the run");
        job.schedule = Schedule::every(10 * 60_000, Some(at(1)));
        assert_eq!(job.next_slot(at(104)), Some(at(110)), "from the start of the run");
        assert_eq!(job.next_slot(at(110)), Some(at(111)), "and after that on the grid");
    }
}
