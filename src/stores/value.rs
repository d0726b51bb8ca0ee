//! Values of columns that people edit by hand, so that any of them may hold anything.

use crate::model::Timestamp;
use crate::secrets;
use crate::time::{Instant, TimeText, usual_time};
use rusqlite::types::ValueRef;

/// The longest name that is kept for display, in characters.
pub const MAX_NAME_LEN: usize = 120;
/// A value beyond this length is no name, schedule, or state, and is not read.
const MAX_VALUE_LEN: usize = 1 << 20;
/// The longest that is kept of a value that could not be read.
const MAX_UNREADABLE_LEN: usize = 40;

/// A value as text; bytes that are not UTF-8 are replaced, NULL is None.
pub fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// A value as text for display: empty for NULL, and with an ellipsis where it is cut.
pub fn shown(value: ValueRef<'_>) -> String {
    let text = text(value).unwrap_or_default();
    if text.chars().nth(MAX_NAME_LEN).is_none() {
        return text;
    }
    cut(text, MAX_NAME_LEN) + "…"
}

/// A column whose value is read only if it is of a length that makes sense; its length is looked up without reading it.
pub fn bounded(column: &str) -> String {
    format!("CASE WHEN octet_length({column}) > {MAX_VALUE_LEN} THEN '(too long)' ELSE {column} END")
}

/// A text of at most `most` characters.
pub fn cut(text: String, most: usize) -> String {
    if text.len() <= most { text } else { text.chars().take(most).collect() }
}

/// A message that a program wrote, for display: secrets in it are masked.
pub fn message(text: &str, most: usize) -> String {
    cut(secrets::mask(text), most)
}

/// A value as a whole number, also one stored as a real or as text: `0.0` and `'0'` are zero.
pub fn number(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Real(number) => whole(number),
        _ => {
            let text = text(value)?;
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e18).then_some(number as i64)
}

/// A value as an instant.
pub fn stamp(value: ValueRef<'_>) -> Timestamp {
    match text(value) {
        None => Timestamp::Missing,
        Some(text) => match TimeText::parse(&text) {
            Some(time) => Timestamp::At(time.as_utc()),
            None => Timestamp::Unreadable(message(&text, MAX_UNREADABLE_LEN)),
        },
    }
}

/// The instant of a cost event, whose usual form is read without making a text of it.
pub fn event_time(value: ValueRef<'_>) -> Option<Instant> {
    match value {
        ValueRef::Text(bytes) => usual_time(bytes).or_else(|| stamp(value).instant()),
        _ => stamp(value).instant(),
    }
}
