//! The JSON of a job: its definition, its state, and what is kept of a quarantined one. Keys that are not named here are
//! not read.

use super::super::cron::{self, shorten};
use super::super::ids;
use super::delivery;
use super::layout::RunTable;
use super::status::Status;
use crate::model::{Delivery, Due, Schedule, Terms};
use crate::schedule::{Cron, Zone};
use crate::time::{Instant, Millis, TimeText};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The stagger of an expression at minute 0 of every hour, if the schedule names none.
const DEFAULT_STAGGER: Millis = 300_000;
/// What the scheduler writes of a run that its process did not survive.
const INTERRUPTED: &str = "interrupted by gateway restart";

/// What a job is to do, as far as an audit needs it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Definition {
    #[serde(rename = "createdAtMs")]
    pub created_at: Option<i64>,
    /// The agent that it works for.
    pub agent_id: Value,
    schedule: Value,
    payload: Payload,
    pacing: Value,
    #[serde(skip)]
    pub timeout_seconds: Option<i64>,
    /// Whether the scheduler or a plugin made the job, and reconciles it.
    #[serde(skip)]
    pub declared: bool,
    #[serde(skip)]
    broken: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Payload {
    kind: String,
    timeout_seconds: Option<f64>,
}

impl Definition {
    /// Reads `job_json`; what can't be read stays in the model as a schedule that can't be used.
    pub fn parse(json: &str, declared: bool) -> Definition {
        let parsed: Result<Definition, _> = serde_json::from_str(json);
        let mut definition = parsed.unwrap_or_else(|error| Definition {
            broken: Some(format!("its JSON can't be read: {error}")),
            ..Definition::default()
        });
        definition.timeout_seconds = definition.payload.timeout_seconds.map(|seconds| seconds as i64);
        definition.declared = declared;
        definition
    }

    /// What later runs are judged by: the rest may be large.
    pub fn without_schedule(self) -> Definition {
        Definition { schedule: Value::Null, pacing: Value::Null, agent_id: Value::Null, broken: None, ..self }
    }

    fn kind(&self) -> &str {
        self.schedule["kind"].as_str().unwrap_or_default()
    }

    /// Whether it waits for a process or a stream and not for a time.
    pub fn is_event_driven(&self) -> bool {
        matches!(self.kind(), "on-exit" | "stream")
    }

    /// Whether its runs set the time of the next one themselves.
    pub fn is_self_paced(&self) -> bool {
        self.pacing.is_object()
    }

    /// Whether a run of it that is fine uses tokens.
    pub fn is_agent_turn(&self) -> bool {
        self.payload.kind == "agentTurn"
    }

    /// Whether a run of it may be skipped without anything being wrong.
    pub fn may_be_skipped(&self) -> bool {
        self.declared || self.payload.kind == "heartbeat"
    }

    /// The schedule of a job of this id; `zone` is that of the gateway's process.
    pub fn schedule(&self, id: &str, zone: Zone) -> Schedule {
        let read = match &self.broken {
            Some(why) => Err(why.clone()),
            None => self.read(id, zone),
        };
        read.unwrap_or_else(|why| self.unreadable(why))
    }

    /// The same as one that can't be used, for this reason.
    pub fn unreadable(&self, why: String) -> Schedule {
        Schedule::Unreadable { terms: self.terms(), why }
    }

    fn terms(&self) -> Terms {
        Terms {
            kind: shorten(self.kind()),
            expression: self.schedule["expr"].as_str().map(shorten),
            timezone: self.timezone().map(shorten),
        }
    }

    fn timezone(&self) -> Option<&str> {
        self.schedule["tz"].as_str().filter(|name| !name.is_empty())
    }

    fn read(&self, id: &str, zone: Zone) -> Result<Schedule, String> {
        let value = &self.schedule;
        match self.kind() {
            "cron" => {
                let expression = value["expr"].as_str().ok_or("its schedule has no text \"expr\"")?;
                let stagger = stagger(value["staggerMs"].as_i64(), expression, id);
                let parse = |text: &str| Ok(Cron::parse_openclaw(text)?.staggered(stagger));
                cron::read(expression, self.timezone(), zone, parse)
            }
            "every" => {
                let interval = value["everyMs"].as_i64().filter(|millis| *millis >= 1);
                let anchor = value["anchorMs"].as_i64().or(self.created_at).map(Instant::from_millis);
                Ok(Schedule::every(interval.ok_or("its interval is not a number")?, anchor))
            }
            "at" => Ok(Schedule::Once(at(&value["at"]).map_or(Due::Unknown, Due::At))),
            "on-exit" | "stream" => Ok(Schedule::OnEvent(self.terms())),
            "" => Err("it has no schedule".to_owned()),
            other => Err(cron::unknown_kind(other)),
        }
    }
}

/// ISO text, without an offset in UTC, or milliseconds since 1970.
fn at(value: &Value) -> Option<Instant> {
    match value {
        Value::String(text) => TimeText::parse(text).map(TimeText::as_utc),
        other => other.as_i64().map(Instant::from_millis),
    }
}

/// How long after its slots a job runs: a share of the stagger that is fixed by its id.
fn stagger(named: Option<i64>, expression: &str, id: &str) -> Millis {
    let window = named.unwrap_or_else(|| if is_top_of_hour(expression) { DEFAULT_STAGGER } else { 0 });
    if window <= 1 {
        return 0;
    }
    let digest = Sha256::digest(id.as_bytes());
    let first = digest.iter().take(4).fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    Millis::from(first) % window
}

/// Minute 0 (and second 0) with a wildcard in the hour.
fn is_top_of_hour(expression: &str) -> bool {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    match fields.as_slice() {
        [minute, hour, _, _, _] => *minute == "0" && hour.contains('*'),
        [second, minute, hour, _, _, _] => *second == "0" && *minute == "0" && hour.contains('*'),
        _ => false,
    }
}

/// What has become of a job, as far as an audit needs it. A value of an odd type counts as absent and costs only itself.
#[derive(Debug, Default)]
pub struct JobState {
    pub next_run_at: Option<i64>,
    /// The next time that the last run asked for.
    pub paced_next_run_at: Option<i64>,
    pub last_run_at: Option<i64>,
    pub last_duration: Option<i64>,
    pub last_status: Option<Status>,
    pub last_error: Option<String>,
    pub consecutive_errors: u64,
    pub activated_at: Option<i64>,
    pub auto_disabled: Option<AutoDisabled>,
    pub delivery_error: Option<String>,
    was_delivered: Option<bool>,
    delivery_status: Option<String>,
    is_silent: bool,
    /// Whether this version says so where silence was intended.
    explains_silence: bool,
    /// When a watcher last looked.
    pub looked_at: Option<i64>,
    /// When its run in flight began, for versions that keep it here.
    pub running_at: Option<i64>,
}

/// Why the scheduler switched a job off by itself.
#[derive(Debug, Default)]
pub struct AutoDisabled {
    pub reason: String,
}

impl JobState {
    /// Reads `state_json`; a state that can't be read counts as empty.
    pub fn parse(json: &str, runs: RunTable) -> JobState {
        serde_json::from_str(json).map_or_else(|_| JobState::default(), |state: Value| JobState::of(&state, runs))
    }

    fn of(state: &Value, runs: RunTable) -> JobState {
        let text = |key: &str| state[key].as_str().map(str::to_owned);
        let whole = |key: &str| state[key].as_i64().or_else(|| Some(state[key].as_f64()? as i64));
        let auto_disabled = match &state["autoDisabled"] {
            Value::Null | Value::Bool(false) => None,
            mark => Some(AutoDisabled { reason: mark["reason"].as_str().unwrap_or_default().to_owned() }),
        };
        JobState {
            next_run_at: whole("nextRunAtMs"),
            paced_next_run_at: whole("pacedNextRunAtMs"),
            last_run_at: whole("lastRunAtMs"),
            last_duration: whole("lastDurationMs"),
            last_status: text("lastRunStatus").or_else(|| text("lastStatus")).map(|word| Status::of(word.as_bytes())),
            last_error: text("lastError"),
            consecutive_errors: state["consecutiveErrors"].as_u64().unwrap_or(0),
            activated_at: whole("scheduleActivatedAtMs"),
            auto_disabled,
            delivery_error: text("lastDeliveryError"),
            was_delivered: state["lastDelivered"].as_bool(),
            delivery_status: text("lastDeliveryStatus"),
            is_silent: state["deliverySuppressionReason"].is_string(),
            explains_silence: runs.explains_silence(),
            looked_at: whole("lastTriggerEvalAtMs"),
            running_at: whole("runningAtMs"),
        }
    }

    /// Whether the process did not survive the last run.
    pub fn was_interrupted(&self) -> bool {
        self.last_error.as_ref().is_some_and(|error| error.contains(INTERRUPTED))
    }

    /// What became of the last message: silence that was intended has a reason.
    pub fn delivery(&self, errors: bool) -> Option<Delivery> {
        let refused = self.was_delivered == Some(false) && self.delivery_error.is_some();
        let status = self.delivery_status.as_deref().or(refused.then_some("not-delivered"))?;
        let is_told = self.explains_silence || self.delivery_error.is_some();
        let failed = status == "not-delivered" && !self.is_silent && is_told;
        let why = self.delivery_error.as_deref().unwrap_or(status);
        Some(if failed { Delivery::Failed(delivery::error(why, errors)) } else { Delivery::Fine })
    }
}

/// A job that was taken out of the table.
pub struct Quarantine {
    pub id: String,
    pub name: String,
    pub reason: String,
    pub definition: Option<Definition>,
    pub status: JobState,
}

impl Quarantine {
    /// An entry that can't be read, by its key: some job was taken out.
    pub fn unreadable(key: String) -> Quarantine {
        let reason = "its entry in diagnostic_events can't be read".to_owned();
        Quarantine { name: key.clone(), id: key, reason, definition: None, status: JobState::default() }
    }

    /// Reads the payload of an entry; None if it names no job.
    pub fn parse(json: &str) -> Option<Quarantine> {
        let entry: Value = serde_json::from_str(json).ok()?;
        let id = entry["job"]["id"].as_str().or(entry["raw"]["jobId"].as_str())?;
        let name = entry["job"]["name"].as_str().unwrap_or(id);
        Some(Quarantine {
            id: ids::id(id.as_bytes()),
            name: shorten(name),
            reason: entry["reason"].as_str().unwrap_or("for an unknown reason").to_owned(),
            definition: entry.get("job").map(|job| Definition::parse(&job.to_string(), false)),
            status: entry.get("state").map(|state| JobState::of(state, RunTable::Tasks)).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeliveryError;

    #[test]
    fn staggered_slots_agree_with_openclaw() {
        let mut wrong = Vec::new();
        for line in include_str!("../../../fixtures/openclaw-stagger.jsonl").lines() {
            let case: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let job = serde_json::json!({"schedule": case["schedule"], "payload": {"kind": "agentTurn"}}).to_string();
            let utc = Zone::named("UTC").unwrap_or_else(|| panic!("UTC"));
            let schedule = Definition::parse(&job, false).schedule(case["job_id"].as_str().unwrap_or_default(), utc);
            let after = Instant::from_millis(case["after_ms"].as_i64().unwrap_or_default());
            let ours = schedule.cadence().and_then(|cadence| cadence.next(after)).map(Instant::millis);
            if ours != case["next"].as_i64() {
                wrong.push(format!("{line}\n  {ours:?}"));
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn an_odd_value_costs_only_itself() {
        let state = JobState::parse(
            r#"{"lastRunStatus":null,"lastStatus":"ok","lastDurationMs":1200.5,"autoDisabled":true,"consecutiveErrors":-1,"nextRunAtMs":5}"#,
            RunTable::Tasks,
        );
        assert_eq!(
            (state.last_status, state.last_duration, state.next_run_at),
            (Some(Status::Ok), Some(1200), Some(5))
        );
        assert!(state.auto_disabled.is_some() && state.consecutive_errors == 0);
        assert!(JobState::parse(r#"{"autoDisabled":false}"#, RunTable::Tasks).auto_disabled.is_none());
    }

    #[test]
    fn intended_silence_is_not_a_failed_delivery() {
        let delivery = |json: &str| JobState::parse(json, RunTable::Tasks).delivery(true);
        let failed = Some(Delivery::Failed(DeliveryError::new("not-delivered")));
        assert_eq!(delivery(r#"{"lastDeliveryStatus":"not-delivered"}"#), failed);
        let silent = r#"{"lastDeliveryStatus":"not-delivered","deliverySuppressionReason":"silent"}"#;
        assert_eq!(delivery(silent), Some(Delivery::Fine));
        assert_eq!(delivery("{}"), None);
        assert_eq!(delivery(r#"{"lastDelivered":false}"#), None, "there was no message");
        let refused = r#"{"lastDelivered":false,"lastDeliveryError":"chat not found"}"#;
        assert_eq!(delivery(refused), Some(Delivery::Failed(DeliveryError::new("chat not found"))));
    }
}
