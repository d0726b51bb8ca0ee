//! The values of a mapped store: times, words, and schedules in the forms that schedulers write.

use super::super::value;
use crate::model::MessageFate;
use crate::time::{DAY, HOUR, Instant, MINUTE, Millis, SECOND, TimeText, usual_time};
use chrono::{DateTime, NaiveDateTime};
use rusqlite::types::ValueRef;

pub use value::{shown, text};

/// A number beyond this is a time in milliseconds: in seconds it would be the year 5138. Likewise the next units.
const MILLIS_FROM: f64 = 1e11;
const MICROS_FROM: f64 = 1e14;
const NANOS_FROM: f64 = 1e17;
/// Times with an offset that RFC 3339 does not know.
const WITH_OFFSET: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f %z"];

/// Times in UTC that RFC 3339 does not know, and that can mean only one.
const WITHOUT_OFFSET: [&str; 4] = ["%Y/%m/%d %H:%M:%S%.f", "%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%a %b %d %H:%M:%S %Y"];
/// The Julian day of 1970, and the days of the years from 1900 to 2100.
const JULIAN_1970: f64 = 2_440_587.5;
const JULIAN_DAYS: std::ops::Range<f64> = 2_415_020.0..2_488_070.0;

/// How a schedule is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// A cron expression
    Cron,
    /// An interval in milliseconds
    EveryMs,
    /// An interval in seconds
    EverySeconds,
    /// An interval in minutes
    EveryMinutes,
    /// A time at which the job runs once
    At,
}

impl Form {
    /// `cron`, `every`, or `at`.
    pub fn kind(self) -> &'static str {
        match self {
            Form::Cron => "cron",
            Form::EveryMs | Form::EverySeconds | Form::EveryMinutes => "every",
            Form::At => "at",
        }
    }

    /// The milliseconds of its unit.
    pub fn unit(self) -> Millis {
        match self {
            Form::EverySeconds => SECOND,
            Form::EveryMinutes => MINUTE,
            Form::Cron | Form::At | Form::EveryMs => 1,
        }
    }

    /// The name of its unit.
    pub fn units(self) -> &'static str {
        match self {
            Form::EverySeconds => "seconds",
            Form::EveryMinutes => "minutes",
            Form::Cron | Form::At | Form::EveryMs => "milliseconds",
        }
    }
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TimeForm {
    /// Text such as 2026-03-02T10:00:00Z; without an offset in UTC
    Iso,
    /// Seconds since 1970
    Unix,
    /// Milliseconds since 1970
    UnixMs,
}

/// What words for the outcome of a run mean; compared without regard to case.
#[derive(Debug, Clone)]
pub struct Words {
    /// The run did its work.
    pub ok: Vec<String>,
    /// It failed.
    pub error: Vec<String>,
    /// The scheduler skipped it.
    pub skipped: Vec<String>,
    /// It is in flight.
    pub running: Vec<String>,
}

impl Default for Words {
    fn default() -> Words {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Words {
            ok: words(&["ok", "success", "succeeded", "completed", "complete", "done"]),
            error: words(&["error", "failed", "failure", "timeout", "timed_out", "cancelled", "crashed"]),
            skipped: words(&["skipped"]),
            running: words(&["running", "started", "in_progress", "claimed"]),
        }
    }
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It did its work.
    Ok,
    /// It failed.
    Error,
    /// It was skipped.
    Skipped,
    /// It is in flight.
    Running,
    /// The mapping does not know the word.
    Unknown,
}

impl Words {
    /// What a word means; None for no word.
    pub fn meaning(&self, word: &Option<String>) -> Option<Status> {
        let word = word.as_deref().map(str::trim).filter(|word| !word.is_empty())?;
        let is = |words: &[String]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        [(&self.ok, Status::Ok), (&self.error, Status::Error), (&self.skipped, Status::Skipped)]
            .into_iter()
            .chain([(&self.running, Status::Running)])
            .find_map(|(words, status)| is(words).then_some(status))
            .or(Some(Status::Unknown))
    }
}

/// Whether a run failed: by its status, or by its error where the status says nothing.
pub fn failed(status: Option<Status>, error: Option<&str>) -> bool {
    match status {
        Some(Status::Error) => true,
        None | Some(Status::Unknown) => error.is_some(),
        Some(Status::Ok | Status::Skipped | Status::Running) => false,
    }
}

/// An error that says something.
pub fn error(value: ValueRef<'_>) -> Option<String> {
    text(value).filter(|error| !error.trim().is_empty())
}

/// A time in any form that can mean only one.
pub fn time(value: ValueRef<'_>) -> Option<Instant> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => from_number(number as f64),
        ValueRef::Real(number) => from_number(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            if let Some(usual) = usual_time(bytes) {
                return Some(usual);
            }
            let text = std::str::from_utf8(bytes).ok()?.trim();
            match text.parse::<f64>() {
                Ok(number) => from_number(number),
                Err(_) => from_text(text),
            }
        }
    }
}

/// Whether a column of times or numbers says that there is none.
pub fn is_nothing(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Null | ValueRef::Integer(0) => true,
        ValueRef::Real(number) => number == 0.0,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.trim_ascii().is_empty(),
        ValueRef::Integer(_) => false,
    }
}

/// A number; only its size tells its unit. Seven digits with a fraction are a Julian day, as SQLite's julianday() makes them.
fn from_number(number: f64) -> Option<Instant> {
    if number.is_nan() || number <= 0.0 {
        return None;
    }
    if JULIAN_DAYS.contains(&number) {
        return Some(Instant::from_millis(((number - JULIAN_1970) * DAY as f64).round() as i64));
    }
    let per_second = per_second(number) as f64;
    Some(Instant::from_millis((number / per_second * SECOND as f64) as i64))
}

/// How many units of a number make a second, by its size.
fn per_second(number: f64) -> i64 {
    match number {
        _ if number >= NANOS_FROM => 1_000_000_000,
        _ if number >= MICROS_FROM => 1_000_000,
        _ if number >= MILLIS_FROM => 1_000,
        _ => 1,
    }
}

fn from_text(text: &str) -> Option<Instant> {
    let without_name = text.strip_suffix(" UTC").or(text.strip_suffix(" GMT")).unwrap_or(text);
    let plain = go_time(text).or_else(|| TimeText::parse(without_name).map(TimeText::as_utc));
    let bare = || WITHOUT_OFFSET.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    plain.or_else(|| bare().map(Instant::from_utc)).or_else(|| {
        let with_offset = WITH_OFFSET.iter().find_map(|form| DateTime::parse_from_str(text, form).ok());
        let fixed = with_offset.or_else(|| DateTime::parse_from_rfc2822(text).ok())?;
        Some(Instant::from_utc(fixed.naive_utc()))
    })
}

/// What a time is compared with: a number of so many units a second, or text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Text in ISO 8601
    Text,
    /// A number; so many make a second
    Number(i64),
    /// Days as julianday() counts them
    JulianDay,
}

impl Bound {
    /// The one that fits a value of the column; None where there is none.
    pub fn like(value: ValueRef<'_>) -> Option<Bound> {
        match value {
            ValueRef::Real(number) if JULIAN_DAYS.contains(&number) => Some(Bound::JulianDay),
            ValueRef::Integer(number) if number > 0 => Some(Bound::Number(per_second(number as f64))),
            ValueRef::Real(number) if number > 0.0 => Some(Bound::Number(per_second(number))),
            ValueRef::Text(_) | ValueRef::Blob(_) => Some(Bound::Text),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
        }
    }

    /// The one that a form names.
    pub fn of(form: TimeForm) -> Bound {
        match form {
            TimeForm::Iso => Bound::Text,
            TimeForm::Unix => Bound::Number(1),
            TimeForm::UnixMs => Bound::Number(1_000),
        }
    }

    /// A point in time in this form.
    pub fn value(self, at: Instant) -> rusqlite::types::Value {
        match self {
            Bound::Text => at.to_string().into(),
            Bound::JulianDay => (at.millis() as f64 / DAY as f64 + JULIAN_1970).into(),
            Bound::Number(1) => at.seconds().into(),
            Bound::Number(per_second) => at.millis().saturating_mul(per_second / 1_000).into(),
        }
    }
}

/// Time texts of Go, such as `2026-03-02 10:00:00.5 +0000 UTC`, of which the name of the zone is left out.
fn go_time(text: &str) -> Option<Instant> {
    let mut parts = text.split(' ');
    let (date, time, offset) = (parts.next()?, parts.next()?, parts.next()?);
    let hours: i64 = offset.get(1..3)?.parse().ok()?;
    let minutes: i64 = offset.get(3..5)?.parse().ok()?;
    let ahead = (hours * HOUR + minutes * MINUTE) * if offset.starts_with('-') { -1 } else { 1 };
    let wall = TimeText::parse(&format!("{date} {time}"))?.as_utc();
    Some(wall.plus(-ahead))
}

/// A whole number, as [`value::number`] reads it, or what is left of another without its fraction.
pub fn number(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Real(number) if number.is_finite() => Some(number as i64),
        other => value::number(other),
    }
}

/// A cost that makes sense.
pub fn cost(value: ValueRef<'_>) -> Option<f32> {
    let cost = match value {
        ValueRef::Integer(cost) => cost as f32,
        ValueRef::Real(cost) => cost as f32,
        other => text(other)?.trim().parse().ok()?,
    };
    (cost.is_finite() && cost >= 0.0).then_some(cost)
}

/// What became of a message: nothing, `delivered`, `lost`, or what is not known.
pub fn message_fate(value: ValueRef<'_>) -> MessageFate {
    match text(value).as_deref().map(str::trim) {
        None | Some("") => MessageFate::None,
        Some(word) if word.eq_ignore_ascii_case("delivered") => MessageFate::Delivered,
        Some(word) if word.eq_ignore_ascii_case("lost") => MessageFate::Lost,
        Some(_) => MessageFate::Unconfirmed,
    }
}

/// Whether a job is enabled: where nothing says so, it is.
pub fn flag(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Null => true,
        ValueRef::Text(bytes) => !matches!(bytes.to_ascii_lowercase().as_slice(), b"0" | b"false" | b"f" | b"no" | b""),
        other => number(other) != Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_schedulers_write() {
        let at = Some(Instant::from_millis(1_772_445_600_000));
        for text in [
            "2026-03-02T10:00:00Z",
            "2026-03-02 10:00:00",
            "2026-03-02 12:00:00 +0200 CEST",
            "2026-03-02 15:30:00 +0530 IST",
            "2026-03-02 06:30:00 -0330 NST",
            "1772445600",
            "2026-03-02T12:00:00+0200",
            "2026-03-02 12:00:00 +0200",
            "2026-03-02 10:00:00 UTC",
            "Mon, 02 Mar 2026 10:00:00 GMT",
            "Mon, 02 Mar 2026 12:00:00 +0200",
            "Mon Mar  2 10:00:00 2026",
            "2026/03/02 10:00:00",
            "20260302T100000Z",
            "1772445600000000",
        ] {
            assert_eq!(time(ValueRef::Text(text.as_bytes())), at, "{text}");
        }
        for number in [1_772_445_600, 1_772_445_600_000, 1_772_445_600_000_000, 1_772_445_600_000_000_000] {
            assert_eq!(time(ValueRef::Integer(number)), at, "{number}");
        }
        assert_eq!(time(ValueRef::Real(1_772_445_600.0)), at);
        assert_eq!(time(ValueRef::Real(2_461_101.916_666_666_5)), at, "a Julian day");
        assert_eq!(time(ValueRef::Blob(b"2026-03-02T10:00:00Z")), at);
        assert_eq!(time(ValueRef::Integer(99_999_999_999)), Some(Instant::from_millis(99_999_999_999_000)));
        assert_eq!(time(ValueRef::Integer(100_000_000_000)), Some(Instant::from_millis(100_000_000_000)));
        for nothing in
            [ValueRef::Null, ValueRef::Integer(0), ValueRef::Text(b"02/03/2026 10:00"), ValueRef::Real(f64::NAN)]
        {
            assert_eq!(time(nothing), None);
        }
    }

    #[test]
    fn words_and_flags_are_compared_without_regard_to_case() {
        let words = Words::default();
        let meaning = |word: &str| words.meaning(&Some(word.to_owned()));
        assert_eq!(
            (meaning("SUCCESS"), meaning("Failed"), meaning("odd"), meaning(" ")),
            (Some(Status::Ok), Some(Status::Error), Some(Status::Unknown), None)
        );
        assert!(flag(ValueRef::Null) && flag(ValueRef::Integer(1)) && flag(ValueRef::Text(b"active")));
        assert!(!flag(ValueRef::Integer(0)) && !flag(ValueRef::Text(b"False")));
    }

    #[test]
    fn costs_that_make_sense_are_read_and_others_are_not() {
        let cost_in = |text: &str| cost(ValueRef::Text(text.as_bytes()));
        assert_eq!(
            [cost(ValueRef::Integer(2)), cost(ValueRef::Real(0.5)), cost_in(" 0.25 ")],
            [Some(2.0), Some(0.5), Some(0.25)]
        );
        assert_eq!([cost(ValueRef::Real(-0.5)), cost(ValueRef::Real(f64::INFINITY)), cost_in("inf")], [None; 3]);
        assert_eq!([cost(ValueRef::Null), cost_in("free"), cost(ValueRef::Integer(0))], [None, None, Some(0.0)]);
    }

    #[test]
    fn messages_are_delivered_lost_or_not_known_about() {
        let fate = |text: &str| message_fate(ValueRef::Text(text.as_bytes()));
        assert!(matches!((fate(" Delivered"), fate("LOST")), (MessageFate::Delivered, MessageFate::Lost)));
        assert!(matches!((fate("sent?"), fate(" ")), (MessageFate::Unconfirmed, MessageFate::None)));
        assert!(matches!(message_fate(ValueRef::Null), MessageFate::None));
    }
}
