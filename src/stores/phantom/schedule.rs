//! The schedule of a row: `schedule_kind`, and JSON in `schedule_value` that JavaScript reads.

use crate::model::{Schedule, When};
use crate::schedule::{Cadence, Cron, Zone};
use crate::time::{Millis, TimeText};
use serde_json::Value;

/// The longest text from a schedule that is kept for display.
const SHOWN_CHARS: usize = 200;
/// JavaScript's dates end this many milliseconds after 1970: a later next run can't be stored.
const LAST_DATE: f64 = 8.64e15;

/// Reads a row's schedule; `zone` is the one of the scheduler's process.
pub fn parse(kind: &str, value: &str, zone: Zone) -> Schedule {
    let mut schedule = Schedule::unreadable(shorten(kind), String::new());
    schedule.when = read(&mut schedule, value, zone).unwrap_or_else(When::Unreadable);
    schedule
}

fn read(schedule: &mut Schedule, value: &str, zone: Zone) -> Result<When, String> {
    if !matches!(schedule.kind.as_str(), "cron" | "every" | "at") {
        return Err(format!("the schedule's kind {:?} is not cron, every or at", schedule.kind));
    }
    let value: Value = serde_json::from_str(value).map_err(|error| format!("its JSON can't be parsed: {error}"))?;
    match schedule.kind.as_str() {
        "cron" => read_cron(schedule, &value, zone),
        "every" => read_every(schedule, &value),
        _ => Ok(read_at(schedule, &value, zone)),
    }
}

fn read_cron(schedule: &mut Schedule, value: &Value, zone: Zone) -> Result<When, String> {
    let expression = value["expr"].as_str().ok_or("its JSON has no text \"expr\"")?;
    schedule.expression = Some(shorten(expression));
    // The scheduler falls back with JavaScript's `||`, to which an empty zone counts as missing.
    let zone = match &value["tz"] {
        Value::Null => zone,
        Value::String(name) if name.is_empty() => zone,
        Value::String(name) => {
            schedule.timezone = Some(shorten(name));
            Zone::named(name).ok_or_else(|| format!("the zone {:?} does not exist", shorten(name)))?
        }
        other => return Err(format!("the zone is not a text but {}", shorten(&other.to_string()))),
    };
    let cron = Cron::parse(expression)
        .map_err(|error| format!("the expression {:?} can't be used: {error}", shorten(expression)))?;
    Ok(When::Recurring(Cadence::Cron(Box::new(cron), zone)))
}

fn read_every(schedule: &mut Schedule, value: &Value) -> Result<When, String> {
    let interval = &value["intervalMs"];
    let millis = interval.as_f64().ok_or_else(|| match interval {
        Value::Null => "its JSON has no number \"intervalMs\"".to_owned(),
        other => format!("the interval is not a number but {}", shorten(&other.to_string())),
    })?;
    if !(1.0..=LAST_DATE).contains(&millis) {
        return Err(format!("an interval of {millis} ms can't be used"));
    }
    schedule.interval_ms = Some(millis as Millis);
    Ok(When::Recurring(Cadence::Every(millis as Millis)))
}

/// JavaScript reads more forms of dates than we do, so an unread one is judged by `next_run_at` alone.
fn read_at(schedule: &mut Schedule, value: &Value, zone: Zone) -> When {
    let time = value["at"].as_str().and_then(TimeText::parse);
    if let Some(TimeText::Bare(wall)) = time {
        schedule.at_wall = Some(wall);
    }
    schedule.at = time.map(|time| match time {
        TimeText::Bare(wall) => zone.instant(wall),
        other => other.as_utc(),
    });
    match &value["at"] {
        Value::String(_) => When::Once,
        _ => When::Unreadable("its JSON has no text \"at\"".to_owned()),
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}
