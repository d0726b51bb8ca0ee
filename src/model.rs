//! What an audit looks at: plain data, read once from a database and owned from then on.

use crate::cadence::{Cadence, Cron, Zone};
use crate::time::{Instant, Millis, SECOND, TimeText};
use serde_json::Value;

/// One database as it was in the moment of reading.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The rows of `scheduled_jobs`, in the order of the table.
    pub jobs: Vec<Job>,
    /// Runs whose session began and whose end is not on record, newest first.
    pub open_runs: Vec<OpenRun>,
    /// Stretches without the end of any run, oldest first, within the window that was read.
    pub lulls: Vec<Lull>,
    /// The end of the newest run of any job, also of jobs deleted since.
    pub newest_fire: Option<Instant>,
    /// The newest sign of life of anything but the scheduler: another channel's cost event, session or audit row.
    pub newest_other: Option<Instant>,
    /// Whether sessions were active after the audit's instant, so that runs in flight then can't be seen any more.
    pub sessions_moved_on: bool,
    /// The instant from which on cost events were read.
    pub window_start: Option<Instant>,
    /// What could not be read or judged, and what was left out, in sentences.
    pub notes: Vec<String>,
}

/// One row of `scheduled_jobs` with its history.
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
    /// The newest run that the row knows.
    pub last_run: Option<Run>,
    /// When the scheduler means to run it next.
    pub next_run_at: Stamp,
    /// Errors in a row, as the scheduler counts them.
    pub consecutive_errors: i64,
    /// When the row was made.
    pub created_at: Option<Instant>,
    /// When the row was last written: at the end of a run, or by an edit, a pause, a resume.
    pub updated_at: Option<Instant>,
    /// Whether the row was written after the audit's instant, so that it can't tell of that instant.
    pub moved_on: bool,
    /// Pauses and resumes from the dashboard, oldest first.
    pub switches: Vec<Switch>,
    /// Ends of its runs, in the order of their recording.
    pub fires: Fires,
}

impl Job {
    /// When its newest run ended.
    pub fn last_fire(&self) -> Option<Instant> {
        let row = self.last_run.as_ref().filter(|_| !self.moved_on);
        row.map(Run::end).max(self.fires.newest().map(|fire| fire.at))
    }

    /// When it is due: `next_run_at`, or where that can't tell the first slot after its last fire; None if none does.
    pub fn due(&self) -> Option<Instant> {
        let row = self.next_run_at.instant().filter(|_| !self.moved_on);
        row.or_else(|| self.schedule.cadence()?.next(self.last_fire().or(self.created_at)?))
    }

    /// The slot at `due` and those up to `now`; None if there is no cadence.
    pub fn slots_since(&self, due: Instant, now: Instant) -> Option<u64> {
        self.schedule.cadence().map(|cadence| 1 + cadence.slots_between(due, now))
    }

    /// The first slot after `now` by the schedule; for an interval, counted from the end of the last run.
    pub fn next_slot(&self, now: Instant) -> Option<Instant> {
        match self.schedule.cadence() {
            Some(Cadence::Every(interval)) => {
                let from = self.last_run.as_ref().map(Run::end).or(self.created_at)?;
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
    /// Made after the audit's instant.
    NotCreated,
    /// A status or enabled value that the scheduler never picks.
    Unknown(String),
}

impl State {
    /// `watched`, or the reason why the job is skipped.
    pub fn word(&self) -> &str {
        match self {
            State::Watched | State::Broken | State::Unknown(_) => "watched",
            State::Paused => "paused",
            State::Disabled => "disabled",
            State::Completed => "completed",
            State::FailedOnce => "failed",
            State::NotCreated => "not-created",
        }
    }

    /// Whether silence of the job is a fault.
    pub fn is_watched(&self) -> bool {
        self.word() == "watched"
    }
}

/// A schedule as the row has it.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The row's `schedule_kind`.
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

/// The longest text from a row that is kept for display.
const SHOWN_CHARS: usize = 200;

impl Schedule {
    /// Reads `schedule_kind` and `schedule_value`; `zone` is the one of the scheduler's process.
    pub fn parse(kind: &str, value: &str, zone: Zone) -> Schedule {
        let mut schedule = Schedule {
            kind: shorten(kind),
            expression: None,
            timezone: None,
            interval_ms: None,
            at: None,
            when: When::Unreadable(String::new()),
        };
        schedule.when = schedule.read(value, zone).unwrap_or_else(When::Unreadable);
        schedule
    }

    fn read(&mut self, value: &str, zone: Zone) -> Result<When, String> {
        if !matches!(self.kind.as_str(), "cron" | "every" | "at") {
            return Err(format!("the schedule's kind {:?} is none of cron, every, at", self.kind));
        }
        let value: Value = serde_json::from_str(value).map_err(|error| format!("its JSON can't be parsed: {error}"))?;
        match self.kind.as_str() {
            "cron" => self.read_cron(&value, zone),
            "every" => self.read_every(&value),
            _ => Ok(self.read_at(&value, zone)),
        }
    }

    fn read_cron(&mut self, value: &Value, zone: Zone) -> Result<When, String> {
        let expression = value["expr"].as_str().ok_or("its JSON has no text \"expr\"")?;
        self.expression = Some(shorten(expression));
        // An empty zone is no zone to JavaScript's `||`, which the scheduler falls back with.
        let zone = match &value["tz"] {
            Value::Null => zone,
            Value::String(name) if name.is_empty() => zone,
            Value::String(name) => {
                self.timezone = Some(shorten(name));
                Zone::named(name).ok_or_else(|| format!("the zone {:?} does not exist", shorten(name)))?
            }
            other => return Err(format!("the zone is no text but {}", shorten(&other.to_string()))),
        };
        let cron = Cron::parse(expression)
            .map_err(|error| format!("the expression {:?} can't be used: {error}", shorten(expression)))?;
        Ok(When::Recurring(Cadence::Cron(Box::new(cron), zone)))
    }

    fn read_every(&mut self, value: &Value) -> Result<When, String> {
        let interval = &value["intervalMs"];
        let millis = interval.as_f64().ok_or_else(|| match interval {
            Value::Null => "its JSON has no number \"intervalMs\"".to_owned(),
            other => format!("the interval is no number but {}", shorten(&other.to_string())),
        })?;
        // JavaScript's dates end 8.64e15 ms from 1970: a next run beyond that can't be stored.
        if !(1.0..=8.64e15).contains(&millis) {
            return Err(format!("an interval of {millis} ms can't be used"));
        }
        self.interval_ms = Some(millis as Millis);
        Ok(When::Recurring(Cadence::Every(millis as Millis)))
    }

    /// JavaScript reads more forms of dates than we do, so an unread one is judged by `next_run_at` alone.
    fn read_at(&mut self, value: &Value, zone: Zone) -> When {
        self.at = value["at"].as_str().and_then(TimeText::parse).map(|time| match time {
            TimeText::Bare(wall) => zone.instant(wall),
            other => other.as_utc(),
        });
        match &value["at"] {
            Value::String(_) => When::Once,
            _ => When::Unreadable("its JSON has no text \"at\"".to_owned()),
        }
    }

    /// The cadence of a recurring, readable schedule.
    pub fn cadence(&self) -> Option<&Cadence> {
        match &self.when {
            When::Recurring(cadence) => Some(cadence),
            _ => None,
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

fn shorten(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// A run that has ended, as the row tells it.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it began.
    pub start: Instant,
    /// How long it took, if the row says so.
    pub duration_ms: Option<Millis>,
    /// The first line of `last_run_error`.
    pub error: Option<String>,
}

impl Run {
    /// When it ended; its start, if the row does not say how long it took.
    pub fn end(&self) -> Instant {
        self.start.plus(self.duration_ms.unwrap_or(0))
    }
}

/// A column of time.
#[derive(Debug, Clone, PartialEq)]
pub enum Stamp {
    /// NULL.
    Missing,
    /// Something that is no time, cut for display.
    Unreadable(String),
    /// An instant.
    At(Instant),
}

impl Stamp {
    /// The instant, if there is one.
    pub fn instant(&self) -> Option<Instant> {
        match self {
            Stamp::At(instant) => Some(*instant),
            _ => None,
        }
    }
}

/// A pause or resume in `scheduler_audit_log`.
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
    /// When its session began.
    pub start: Instant,
}

/// A stretch without the end of any run, ended by one.
#[derive(Debug, Clone)]
pub struct Lull {
    /// The end of the run before.
    pub from: Instant,
    /// The end of the run that ended it.
    pub until: Instant,
    /// That run's job, as an index into the jobs; None if it has been deleted.
    pub job: Option<usize>,
    /// The fire of the same job before that one, if any is known.
    pub previous: Option<Fire>,
}

/// What a fire cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// 0 in and 0 out.
    Zero,
    /// Some.
    Some,
    /// A count that is NULL or no number.
    Unknown,
}

/// A run that returned: its cost event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fire {
    /// The END of the run, cut to the second.
    pub at: Instant,
    /// What it cost.
    pub tokens: Tokens,
}

/// The fires of a job, oldest first, in two bytes or so each: ten million must fit.
///
/// A fire is stored as the seconds since the one before, times four, plus its tokens, in base 128.
#[derive(Debug, Clone, Default)]
pub struct Fires {
    bytes: Vec<u8>,
    count: usize,
    newest: Option<Fire>,
}

impl Fires {
    /// Appends a fire. One that lies before its predecessor (a stepped clock) counts as simultaneous with it.
    pub fn push(&mut self, fire: Fire) {
        let base = self.newest.map_or(Instant::MIN, |newest| newest.at).seconds();
        let delta = (fire.at.seconds() - base).max(0) as u64;
        let mut rest = delta << 2 | fire.tokens as u64;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
        self.count += 1;
        self.newest = Some(Fire { at: Instant::from_millis((base + delta as i64) * SECOND), tokens: fire.tokens });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The newest.
    pub fn newest(&self) -> Option<Fire> {
        self.newest
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Fire> + '_ {
        let mut bytes = self.bytes.iter();
        let mut seconds = Instant::MIN.seconds();
        std::iter::from_fn(move || {
            let (mut value, mut shift) = (0u64, 0);
            loop {
                let byte = *bytes.next()?;
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            seconds += (value >> 2) as i64;
            let tokens = match value & 3 {
                0 => Tokens::Zero,
                1 => Tokens::Some,
                _ => Tokens::Unknown,
            };
            Some(Fire { at: Instant::from_millis(seconds * SECOND), tokens })
        })
    }

    /// Puts fires found later before those known, both oldest first.
    pub fn prepend(&mut self, older: Vec<Fire>) {
        let known = std::mem::take(self);
        older.into_iter().chain(known.iter()).for_each(|fire| self.push(fire));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fires_come_back_as_they_were_stored(mut seconds in prop::collection::vec(0i64..4_000_000_000, 0..50), kind in 0u8..3) {
            seconds.sort_unstable();
            let tokens = [Tokens::Zero, Tokens::Some, Tokens::Unknown][usize::from(kind)];
            let stored: Vec<Fire> =
                seconds.into_iter().map(|s| Fire { at: Instant::from_millis(s * SECOND), tokens }).collect();
            let mut fires = Fires::default();
            let (older, newer) = stored.split_at(stored.len() / 2);
            newer.iter().for_each(|fire| fires.push(*fire));
            fires.prepend(older.to_vec());
            prop_assert_eq!(fires.len(), stored.len());
            prop_assert_eq!(fires.newest(), stored.last().copied());
            prop_assert_eq!(fires.iter().collect::<Vec<_>>(), stored);
        }

        #[test]
        fn no_schedule_value_makes_the_reader_panic(kind in "cron|every|at|x", value in "\\PC{0,60}", number in any::<f64>()) {
            let Some(utc) = Zone::named("UTC") else { return Ok(()) };
            let _ = Schedule::parse(&kind, &value, utc);
            let _ = Schedule::parse("every", &format!("{{\"intervalMs\":{number}}}"), utc);
        }
    }
}
