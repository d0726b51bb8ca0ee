//! What an audit looks at: plain data, read once from a database and owned from then on.

use crate::cadence::Cadence;
use crate::time::{Instant, Millis};

/// One database as it was in the moment of reading.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The rows of the table of jobs, in its order, then regular jobs whose rows are gone.
    pub jobs: Vec<Job>,
    /// Fires of jobs that have no place in `jobs`, in the order of their ends: they held the worker all the same.
    pub other_fires: Vec<Fire>,
    /// Runs whose session began and whose end is not on record.
    pub open_runs: Vec<OpenRun>,
    /// The newest sign of life of anything but the scheduler: another channel's cost event, session or audit row.
    pub newest_other: Option<Instant>,
    /// Whether sessions were active after the audit's instant, so that runs in flight then can't be seen any more.
    pub sessions_moved_on: bool,
    /// The instant from which on fires were read.
    pub window_start: Option<Instant>,
    /// What could not be read or judged, and what was left out, in sentences.
    pub notes: Vec<String>,
    /// How its scheduler works.
    pub habits: Habits,
    /// When its process began, if that is on record.
    pub boot: Option<Instant>,
    /// What is on record of whether its process lives.
    pub life: Life,
}

impl Snapshot {
    /// One without jobs.
    pub fn empty(habits: Habits) -> Snapshot {
        Snapshot {
            jobs: Vec::new(),
            other_fires: Vec::new(),
            open_runs: Vec::new(),
            newest_other: None,
            sessions_moved_on: false,
            window_start: None,
            notes: Vec::new(),
            habits,
            boot: None,
            life: Life::Unknown,
        }
    }
}

/// How a scheduler works, as far as schedulers differ.
#[derive(Debug, Clone)]
pub struct Habits {
    /// How many runs it has at a time.
    pub places: usize,
    /// How long after an error it tries again: the first, the second, and so on; after further ones as after the last.
    pub backoff: &'static [Millis],
    /// Whether an error is tried again in the next slot if that is sooner, and not only after it.
    pub retries_in_slot: bool,
    /// A run may take so long to show, and its end to be recorded.
    pub shows_within: Millis,
    /// A restart sets past-due rows to the boot and so much later for each further one; None if it does not.
    pub boot_step: Option<Millis>,
    /// What a person should do in this scheduler's terms, by the name of a reason, or else of a cause. `<job-id>` stands for
    /// the job's.
    pub next_steps: &'static [(&'static str, &'static str)],
    /// Whether rows can be revived by the statements that are shown.
    pub has_statements: bool,
}

/// What is on record of a process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Life {
    /// Nothing but what it did.
    #[default]
    Unknown,
    /// It renewed its lease then, which is now but for the lease's own term.
    Alive(Instant),
    /// It has not renewed its lease since then.
    Dead(Instant),
    /// It was stopped then.
    Stopped(Instant),
}

/// One job with its history.
#[derive(Debug, Clone)]
pub struct Job {
    /// The row's id, which its session key holds.
    pub id: String,
    /// The row's name.
    pub name: String,
    /// What the scheduler makes of the row.
    pub state: State,
    /// When it is due.
    pub schedule: Schedule,
    /// When the row was made.
    pub created_at: Option<Instant>,
    /// What else the row tells; None if it was written after the audit's instant, so that it can't tell of that instant.
    pub row: Option<Row>,
    /// Pauses and resumes from the dashboard, oldest first.
    pub switches: Vec<Switch>,
    /// When somebody ran it by hand from the dashboard, oldest first.
    pub manual_runs: Vec<Instant>,
    /// When its run in flight began, for schedulers that record that.
    pub running_since: Option<Instant>,
    /// The longest run that the scheduler allows it, if that is its own.
    pub longest_run: Option<Millis>,
    /// How many of its cost events have no readable time.
    pub events_without_time: u64,
    /// Its runs, in the order of their ends.
    pub fires: Vec<Fire>,
}

/// What the scheduler writes into a job's row at the end of each run.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The newest run that the row knows.
    pub last_run: Option<Run>,
    /// When the scheduler means to run the job next.
    pub next_run_at: Stamp,
    /// Errors in a row, as the scheduler counts them.
    pub consecutive_errors: u64,
    /// When the row was last written: at the end of a run, or by an edit, a pause, a resume.
    pub updated_at: Option<Instant>,
    /// What became of the newest message that a run sent.
    pub delivery: Option<String>,
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
            longest_run: None,
            events_without_time: 0,
            fires: Vec::new(),
        }
    }

    /// The newest run that the row knows.
    pub fn last_run(&self) -> Option<&Run> {
        self.row.as_ref()?.last_run.as_ref()
    }

    /// When its newest known run ended.
    pub fn last_end(&self) -> Option<Instant> {
        self.fires.last().map(|fire| fire.end).max(self.last_run().map(Run::end))
    }

    /// When the scheduler means to run it next, if the row tells.
    pub fn next_run(&self) -> Option<Instant> {
        self.row.as_ref()?.next_run_at.instant()
    }

    /// Errors in a row, as far as the row tells.
    pub fn errors(&self) -> u64 {
        self.row.as_ref().map_or(0, |row| row.consecutive_errors)
    }

    /// The text of its newest error, if its newest run ended with one.
    pub fn last_error(&self) -> Option<&str> {
        self.last_run()?.error.as_deref()
    }

    /// When the row was last written.
    pub fn written(&self) -> Option<Instant> {
        self.row.as_ref()?.updated_at
    }

    /// The first slot after `now` by the schedule; for an interval, counted from the end of the last run.
    pub fn next_slot(&self, now: Instant) -> Option<Instant> {
        match self.schedule.cadence() {
            Some(Cadence::Every(interval)) => {
                let from = self.last_end().or(self.created_at)?;
                let passed = (now.since(from) / interval).max(0);
                Some(from.plus((passed + 1).saturating_mul(*interval)))
            }
            Some(cadence) => cadence.next(now),
            None => self.schedule.at.filter(|at| *at > now),
        }
    }
}

/// What the scheduler makes of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It fires, or ought to.
    Watched,
    /// A recurring job whose circuit breaker opened: it ought to fire and never will.
    Broken,
    /// Paused by somebody.
    Paused,
    /// `enabled` is 0.
    Disabled,
    /// A one-shot that is done.
    Completed,
    /// A one-shot that gave up.
    FailedOnce,
    /// It waits for events, not for a time.
    EventDriven,
    /// The scheduler took the row out of its table, for this reason.
    Quarantined(String),
    /// Made after the audit's instant.
    NotCreated,
    /// It fired regularly and has no row any more.
    Gone,
    /// A status or enabled value that the scheduler never picks.
    Unknown(String),
}

impl State {
    /// `watched`, or the reason why the job is skipped.
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

    /// Whether silence of the job is a fault.
    pub fn is_watched(&self) -> bool {
        matches!(self, State::Watched | State::Broken | State::Unknown(_) | State::Quarantined(_))
    }
}

/// A schedule as the row has it.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The row's word for its kind: `cron`, `every`, `at`, or anything else.
    pub kind: String,
    /// A cron expression, cut for display.
    pub expression: Option<String>,
    /// The zone that the schedule names.
    pub timezone: Option<String>,
    /// The interval of an `every` schedule.
    pub interval_ms: Option<Millis>,
    /// The instant of a one-shot.
    pub at: Option<Instant>,
    /// What it comes to.
    pub when: When,
}

/// What a schedule comes to.
#[derive(Debug, Clone)]
pub enum When {
    /// Again and again.
    Recurring(Cadence),
    /// Once.
    Once,
    /// The scheduler can't use it, for this reason.
    Unreadable(String),
}

impl Schedule {
    /// One of this kind that can't be used, for this reason.
    pub fn unreadable(kind: String, why: String) -> Schedule {
        let when = When::Unreadable(why);
        Schedule { kind, expression: None, timezone: None, interval_ms: None, at: None, when }
    }

    /// The cadence of a recurring, readable schedule.
    pub fn cadence(&self) -> Option<&Cadence> {
        match &self.when {
            When::Recurring(cadence) => Some(cadence),
            When::Once | When::Unreadable(_) => None,
        }
    }

    /// The schedule in its own terms: `0 9 * * 1-5`, `every 30m`, `at 2026-03-26T16:00:00Z`.
    pub fn text(&self) -> String {
        match (&self.expression, self.interval_ms, self.at) {
            (Some(expression), ..) => expression.clone(),
            (_, Some(interval), _) => format!("every {}", crate::time::span(interval)),
            (.., Some(at)) => format!("at {at}"),
            _ => self.kind.clone(),
        }
    }
}

/// A run that has ended, as the row tells it.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it began.
    pub start: Instant,
    /// How long it took, delivery included, if the row says so.
    pub duration_ms: Option<Millis>,
    /// Whether it ended with an error.
    pub failed: bool,
    /// The first line of its error.
    pub error: Option<String>,
}

impl Run {
    /// When it ended; its start, if the row does not say how long it took.
    pub fn end(&self) -> Instant {
        self.start.plus(self.duration_ms.unwrap_or(0))
    }
}

/// A column of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Stamp {
    /// NULL.
    #[default]
    Missing,
    /// Something that is not a time, cut for display.
    Unreadable(String),
    /// An instant.
    At(Instant),
}

impl Stamp {
    /// The instant, if there is one.
    pub fn instant(&self) -> Option<Instant> {
        match self {
            Stamp::At(instant) => Some(*instant),
            Stamp::Missing | Stamp::Unreadable(_) => None,
        }
    }
}

/// A pause or resume by somebody.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// When.
    pub at: Instant,
    /// A resume if true, a pause if not.
    pub resumes: bool,
}

/// A run that began and has not ended on record: in flight, hung, or cut short with the process.
#[derive(Debug, Clone)]
pub struct OpenRun {
    /// The id in its session's key; the job may have been deleted since.
    pub job_id: String,
    /// When its session showed, which may be minutes after the run began.
    pub seen: Instant,
}

/// What a fire used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// So many, in and out; what does not fit counts as the most that does.
    Used(u32),
    /// A count that is NULL or not a number.
    Unknown,
    /// No cost event: a run that threw, which only the row knows.
    NoEvent,
    /// The run was fine, and nobody counts what such a run uses.
    Uncounted,
    /// The scheduler skipped the work.
    Skipped,
}

/// A run that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fire {
    /// When it ended. A cost event has it cut to the second.
    pub end: Instant,
    /// How long before its end it may have begun at the earliest: no earlier than the end of the run before it, of any job.
    /// `u32::MAX` where that is not known.
    pub longest_ms: u32,
    /// How long it took, where that is known; else `u32::MAX`.
    pub took_ms: u32,
    /// Whether it is known to have ended with an error.
    pub failed: bool,
    /// What it used.
    pub tokens: Tokens,
    /// What it cost, in US dollars.
    pub cost_usd: f32,
}

impl Fire {
    /// The earliest instant at which it can have begun.
    pub fn start(&self) -> Instant {
        self.end.plus(-Millis::from(self.longest_ms))
    }

    /// A fire of which nothing but its end is known.
    pub fn ended(end: Instant, tokens: Tokens) -> Fire {
        Fire { end, longest_ms: u32::MAX, took_ms: u32::MAX, failed: false, tokens, cost_usd: 0.0 }
    }

    /// The same fire begun no earlier than at `start`.
    pub fn after(self, start: Instant) -> Fire {
        Fire { longest_ms: millis_between(start, self.end), ..self }
    }

    /// The same fire begun at `start`, as its record says.
    pub fn begun(self, start: Instant) -> Fire {
        Fire { took_ms: millis_between(start, self.end), ..self }
    }

    /// When it began, where that is known.
    pub fn known_start(&self) -> Option<Instant> {
        (self.took_ms < u32::MAX).then(|| self.end.plus(-Millis::from(self.took_ms)))
    }

    /// Whether its cost event says that no model did any work.
    pub fn is_empty(&self) -> bool {
        self.tokens == Tokens::Used(0)
    }

    /// Whether it did no work, or failed after it.
    pub fn is_bad(&self) -> bool {
        self.failed || matches!(self.tokens, Tokens::Used(0) | Tokens::NoEvent)
    }
}

fn millis_between(start: Instant, end: Instant) -> u32 {
    u32::try_from(end.since(start).max(0)).unwrap_or(u32::MAX)
}
