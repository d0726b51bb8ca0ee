//! The JSON of the jobs. Keys that are not named here are not read: a job also holds its prompt and where its answer goes.

use super::super::cron::{self, shorten};
use crate::model::{Due, Schedule, Terms, Timestamp};
use crate::schedule::{Cron, Zone};
use crate::stores::value::message;
use crate::time::{Instant, MINUTE, TimeText};
use serde::Deserialize;
use serde_json::Value;

/// The longest that is kept of a time that can't be read.
const MAX_UNREADABLE_LEN: usize = 40;

/// The jobs of a store.
#[derive(Debug, Default, Deserialize)]
pub struct Jobs {
    /// In the order of the file.
    #[serde(default)]
    pub jobs: Vec<Record>,
}

/// A job, as far as an audit needs it. A value of an odd type counts as absent and costs only itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Record {
    pub id: Value,
    pub name: Value,
    schedule: Value,
    enabled: Value,
    state: Value,
    created_at: Value,
    next_run_at: Value,
    last_run_at: Value,
    last_status: Value,
    last_error: Value,
    last_delivery_error: Value,
    repeat: Value,
    no_agent: Value,
    script: Value,
    quota_hold_until: Value,
}

/// What the scheduler says of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Scheduled,
    Paused,
    Completed,
    Error,
}

/// How the last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Ok,
    /// It did its work, and its answer reached nobody.
    Undelivered,
    Failed,
}

impl Jobs {
    /// Reads them as Python does: with a mark for the byte order, control characters in texts, and a bare list. A file that is not
    /// there has no jobs.
    ///
    /// # Errors
    /// Why the scheduler can't read them.
    pub fn parse(bytes: Option<&[u8]>) -> Result<Jobs, String> {
        let Some(bytes) = bytes else { return Ok(Jobs::default()) };
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // Between values a control character is space, and in a text it means nothing to us.
        let plain: Vec<u8> = bytes.iter().map(|byte| if *byte < b' ' { b' ' } else { *byte }).collect();
        let is_list = plain.trim_ascii_start().starts_with(b"[");
        let read = if is_list {
            serde_json::from_slice(&plain).map(|jobs| Jobs { jobs })
        } else {
            serde_json::from_slice(&plain)
        };
        // serde's own words would quote what it met.
        read.map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => "it ends in the middle".to_owned(),
            _ => format!("it is not a list of jobs in JSON, from byte {} on", error.column()),
        })
    }
}

impl Record {
    /// What the state says; without one, as an old version writes it, that follows from `enabled`.
    pub fn word(&self) -> Result<Word, String> {
        match self.state.as_str() {
            Some("scheduled") => Ok(Word::Scheduled),
            Some("paused") => Ok(Word::Paused),
            Some("completed") => Ok(Word::Completed),
            Some("error") => Ok(Word::Error),
            None => Ok(if self.is_enabled() { Word::Scheduled } else { Word::Paused }),
            Some(other) => Err(shorten(other)),
        }
    }

    pub fn is_enabled(&self) -> bool {
        !matches!(self.enabled, Value::Bool(false))
    }

    /// Whether a script is the whole job.
    pub fn is_script(&self) -> bool {
        self.no_agent == Value::Bool(true)
    }

    /// Whether a script runs before the agent.
    pub fn has_script(&self) -> bool {
        self.script.as_str().is_some_and(|script| !script.is_empty())
    }

    pub fn created_at(&self, local: Zone) -> Option<Instant> {
        instant(&self.created_at, local)
    }

    /// The end of the last run.
    pub fn last_run_at(&self, local: Zone) -> Option<Instant> {
        instant(&self.last_run_at, local)
    }

    pub fn next_run_at(&self, local: Zone) -> Timestamp {
        match (&self.next_run_at, instant(&self.next_run_at, local)) {
            (_, Some(at)) => Timestamp::At(at),
            (Value::Null, None) => Timestamp::Missing,
            (other, None) => {
                let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
                Timestamp::Unreadable(message(&text, MAX_UNREADABLE_LEN))
            }
        }
    }

    /// Until when the provider's limit holds the job back.
    pub fn held_until(&self, local: Zone) -> Option<Instant> {
        instant(&self.quota_hold_until, local)
    }

    pub fn last_status(&self) -> Option<Status> {
        Some(match self.last_status.as_str()? {
            "ok" | "delivery_queued" => Status::Ok,
            "delivery_failed" => Status::Undelivered,
            _ => Status::Failed,
        })
    }

    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_str().filter(|error| !error.is_empty())
    }

    pub fn delivery_error(&self) -> Option<&str> {
        self.last_delivery_error.as_str().filter(|error| !error.is_empty())
    }

    /// Whether it ran as often as it was to.
    pub fn is_used_up(&self) -> bool {
        match (self.repeat["times"].as_u64(), self.repeat["completed"].as_u64()) {
            (Some(times), Some(completed)) => completed >= times,
            _ => false,
        }
    }

    /// The schedule, whose expressions and bare times are read in `zone`.
    pub fn schedule(&self, zone: Zone) -> Schedule {
        let kind = self.schedule["kind"].as_str().unwrap_or_default();
        self.read_schedule(kind, zone).unwrap_or_else(|why| {
            let expression = self.schedule["expr"].as_str().map(shorten);
            Schedule::Unreadable { terms: Terms { expression, ..Terms::of(shorten(kind)) }, why }
        })
    }

    fn read_schedule(&self, kind: &str, zone: Zone) -> Result<Schedule, String> {
        match kind {
            "cron" => {
                let expression = self.schedule["expr"].as_str().ok_or("its schedule has no text \"expr\"")?;
                cron::read(expression, None, zone, dated)
            }
            "interval" => {
                let minutes = self.schedule["minutes"].as_i64().filter(|minutes| *minutes >= 1);
                let minutes = minutes.ok_or("its \"minutes\" are not a number")?;
                Ok(Schedule::every(minutes.saturating_mul(MINUTE), None))
            }
            "once" => Ok(Schedule::Once(match self.schedule["run_at"].as_str().and_then(TimeText::parse) {
                Some(TimeText::Bare(wall)) => Due::Wall(wall, zone),
                Some(time) => Due::At(time.as_utc()),
                None => Due::Unknown,
            })),
            "" => Err("it has no schedule".to_owned()),
            other => Err(format!("the schedule's kind {:?} is not cron, interval or once", shorten(other))),
        }
    }
}

/// An expression that names a day that comes.
fn dated(expression: &str) -> Result<Cron, String> {
    let cron = Cron::parse_croniter(expression)?;
    if cron.has_days() { Ok(cron) } else { Err("it names no day that ever comes".to_owned()) }
}

/// A time; one without an offset, as old versions write it, is the machine's.
fn instant(value: &Value, local: Zone) -> Option<Instant> {
    Some(match TimeText::parse(value.as_str()?)? {
        TimeText::Bare(wall) => local.instant(wall),
        time => time.as_utc(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> Record {
        let jobs = Jobs::parse(Some(format!("[{json}]").as_bytes())).unwrap_or_else(|error| panic!("{error}: {json}"));
        jobs.jobs.into_iter().next().unwrap_or_default()
    }

    #[test]
    fn jobs_are_read_as_python_reads_them_and_a_missing_file_has_none() {
        let count = |bytes: &[u8]| Jobs::parse(Some(bytes)).map(|jobs| jobs.jobs.len());
        assert_eq!(Jobs::parse(None).map(|jobs| jobs.jobs.len()), Ok(0));
        for text in
            ["{\"jobs\":[{}]}", "\u{feff}{\"jobs\":[{}]}", " [{}]", "{\"jobs\":[{\"prompt\":\"a\nb\"}],\"x\":1}"]
        {
            assert_eq!(count(text.as_bytes()), Ok(1), "{text}");
        }
        assert_eq!(count(b"{}"), Ok(0));
        for (text, why) in
            [("{\"jobs\":[{", "it ends in the middle"), ("{\"jobs\": 7}", "from byte 10 on"), ("", "middle")]
        {
            let said = count(text.as_bytes()).err().unwrap_or_default();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_jobs_is_said_without_their_words() {
        let said = Jobs::parse(Some(b"{\"jobs\": \"tell nobody\"}")).err().unwrap_or_default();
        assert!(!said.contains("nobody"), "{said}");
    }

    #[test]
    fn a_schedule_is_read_as_the_scheduler_does_or_can_not_be_used() {
        let of = |json: &str| record(&format!("{{\"schedule\":{json}}}")).schedule(Zone::UTC);
        assert_eq!(of("{\"kind\":\"interval\",\"minutes\":10}").interval(), Some(10 * MINUTE));
        assert_eq!(of("{\"kind\":\"cron\",\"expr\":\"0 22-2 * * *\"}").text(), "0 22-2 * * *");
        let once = of("{\"kind\":\"once\",\"run_at\":\"2026-03-02T11:00:00+01:00\"}");
        assert_eq!(once.text(), "at 2026-03-02T10:00:00Z");
        for broken in [
            "null",
            "\"0 9 * * *\"",
            "{}",
            "{\"kind\":\"interval\",\"minutes\":\"10\"}",
            "{\"kind\":\"cron\",\"expr\":\"61 * * * *\"}",
            "{\"kind\":\"cron\",\"expr\":\"0 0 31 2 *\"}",
            "{\"kind\":\"cron\"}",
            "{\"kind\":\"lunar\"}",
        ] {
            assert!(of(broken).fault().is_some(), "{broken}");
        }
    }

    #[test]
    fn a_repeated_job_is_used_up_once_it_ran_as_often_and_an_endless_one_never() {
        let is_used_up = |repeat: &str| record(&format!("{{\"repeat\":{repeat}}}")).is_used_up();
        assert!(is_used_up("{\"times\":3,\"completed\":3}") && !is_used_up("{\"times\":3,\"completed\":2}"));
        assert!(!is_used_up("{\"times\":null,\"completed\":9}") && !is_used_up("null"));
    }

    #[test]
    fn a_status_is_ok_undelivered_or_a_failure() {
        let of = |word: &str| record(&format!("{{\"last_status\":{word}}}")).last_status();
        assert_eq!((of("null"), of("\"ok\""), of("\"delivery_queued\"")), (None, Some(Status::Ok), Some(Status::Ok)));
        assert_eq!((of("\"delivery_failed\""), of("\"error\"")), (Some(Status::Undelivered), Some(Status::Failed)));
        assert_eq!(of("\"blocked_config\""), Some(Status::Failed));
    }
}
