//! The schedule of a row: `schedule_kind`, and JSON in `schedule_value` that JavaScript reads.

use super::super::cron::{self, shorten};
use crate::model::{Due, Schedule, Terms};
use crate::schedule::{Cron, Zone};
use crate::time::{Millis, TimeText};
use serde_json::Value;

/// JavaScript's dates end this many milliseconds after 1970: a later next run can't be stored.
const LAST_DATE: f64 = 8.64e15;

/// Reads a row's schedule; `zone` is the one of the scheduler's process.
pub fn parse(kind: &str, value: &str, zone: Zone) -> Schedule {
    if !matches!(kind, "cron" | "every" | "at") {
        return Schedule::unreadable(shorten(kind), cron::unknown_kind(kind));
    }
    let value: Value = match serde_json::from_str(value) {
        Ok(value) => value,
        Err(error) => return Schedule::unreadable(kind, format!("its JSON can't be parsed: {error}")),
    };
    let read = match kind {
        "cron" => read_cron(&value, zone),
        "every" => read_every(&value),
        _ => read_at(&value, zone),
    };
    read.unwrap_or_else(|why| Schedule::Unreadable { terms: terms(kind, &value), why })
}

/// What a row says whose schedule can't be used.
fn terms(kind: &str, value: &Value) -> Terms {
    if kind != "cron" {
        return Terms::of(kind);
    }
    Terms {
        kind: kind.to_owned(),
        expression: value["expr"].as_str().map(shorten),
        timezone: timezone(value).ok().flatten().map(shorten),
    }
}

/// The zone that a schedule names. The scheduler falls back with JavaScript's `||`, to which an empty one counts as missing.
fn timezone(value: &Value) -> Result<Option<&str>, String> {
    match &value["tz"] {
        Value::Null => Ok(None),
        Value::String(name) => Ok(Some(name.as_str()).filter(|name| !name.is_empty())),
        other => Err(format!("the zone is not a text but {}", shorten(&other.to_string()))),
    }
}

fn read_cron(value: &Value, zone: Zone) -> Result<Schedule, String> {
    let expression = value["expr"].as_str().ok_or("its JSON has no text \"expr\"")?;
    cron::read(expression, timezone(value)?, zone, Cron::parse)
}

fn read_every(value: &Value) -> Result<Schedule, String> {
    let interval = &value["intervalMs"];
    let millis = interval.as_f64().ok_or_else(|| match interval {
        Value::Null => "its JSON has no number \"intervalMs\"".to_owned(),
        other => format!("the interval is not a number but {}", shorten(&other.to_string())),
    })?;
    if !(1.0..=LAST_DATE).contains(&millis) {
        return Err(format!("an interval of {millis} ms can't be used"));
    }
    Ok(Schedule::every(millis as Millis, None))
}

/// JavaScript reads more forms of dates than we do, so an unread one is judged by `next_run_at` alone.
fn read_at(value: &Value, zone: Zone) -> Result<Schedule, String> {
    let text = value["at"].as_str().ok_or("its JSON has no text \"at\"")?;
    Ok(Schedule::Once(match TimeText::parse(text) {
        Some(TimeText::Bare(wall)) => Due::Wall(wall, zone),
        Some(time) => Due::At(time.as_utc()),
        None => Due::Unknown,
    }))
}
