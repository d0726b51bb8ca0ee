//! Values of columns that people edit by hand, so that any of them may hold anything.

use crate::model::Timestamp;
use crate::secrets;
use crate::time::{Instant, TimeText, UsualTimes, usual_time};
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
    let mut text = text(value).unwrap_or_default();
    if let Some((end, _)) = text.char_indices().nth(MAX_NAME_LEN) {
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// A column whose value is read only if it is of a length that makes sense; its length is looked up without reading it.
pub fn bounded(column: &str) -> String {
    format!("CASE WHEN octet_length({column}) > {MAX_VALUE_LEN} THEN '(too long)' ELSE {column} END")
}

/// A text of at most `most` characters, which takes no more memory than it needs: thousands of them are kept.
pub fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text.shrink_to_fit();
    text
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
    if let ValueRef::Text(bytes) = value
        && let Some(usual) = usual_time(bytes)
    {
        return Timestamp::At(usual);
    }
    match text(value) {
        None => Timestamp::Missing,
        Some(text) => match TimeText::parse(&text) {
            Some(time) => Timestamp::At(time.as_utc()),
            None => Timestamp::Unreadable(message(&text, MAX_UNREADABLE_LEN)),
        },
    }
}

/// The instant of a cost event, after those that `times` has read.
pub fn event_time(value: ValueRef<'_>, times: &mut UsualTimes) -> Option<Instant> {
    match value {
        ValueRef::Text(bytes) => times.read(bytes).or_else(|| stamp(value).instant()),
        _ => stamp(value).instant(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_however_they_are_stored() {
        let number_in = |text: &str| number(ValueRef::Text(text.as_bytes()));
        assert_eq!(
            [number_in("7"), number_in(" 7.0 "), number_in("7.5"), number_in("x")],
            [Some(7), Some(7), None, None]
        );
        let real = |value: f64| number(ValueRef::Real(value));
        assert_eq!([real(0.0), real(-3.0), real(0.5), real(f64::NAN)], [Some(0), Some(-3), None, None]);
        assert_eq!([real(8.9e18), real(9e18), real(-9e18)], [Some(8_900_000_000_000_000_000), None, None]);
        assert_eq!([number(ValueRef::Integer(5)), number(ValueRef::Null)], [Some(5), None]);
    }

    #[test]
    fn what_is_shown_of_a_value_is_cut_with_an_ellipsis() {
        let shown_of = |length: usize| shown(ValueRef::Text("é".repeat(length).as_bytes()));
        assert_eq!(shown_of(MAX_NAME_LEN), "é".repeat(MAX_NAME_LEN));
        assert_eq!(shown_of(MAX_NAME_LEN + 1), "é".repeat(MAX_NAME_LEN) + "…");
        assert_eq!((shown(ValueRef::Null), shown(ValueRef::Real(1.5))), (String::new(), "1.5".to_owned()));
        assert_eq!((cut("abc".to_owned(), 3), cut("abc".to_owned(), 2)), ("abc".to_owned(), "ab".to_owned()));
    }

    #[test]
    fn a_time_is_there_missing_or_unreadable() {
        let stamp_of = |text: &str| stamp(ValueRef::Text(text.as_bytes()));
        assert_eq!(stamp(ValueRef::Null), Timestamp::Missing);
        assert_eq!(stamp_of("soon"), Timestamp::Unreadable("soon".to_owned()));
        assert_eq!(stamp_of(&"x".repeat(41)), Timestamp::Unreadable("x".repeat(40)));
        let ten = Some(Instant::from_millis(1_772_445_600_000));
        for text in ["2026-03-02 10:00:00", "2026-03-02T10:00:00.000Z", "2026-03-02T12:00:00+02:00"] {
            let of_event = event_time(ValueRef::Text(text.as_bytes()), &mut UsualTimes::default());
            assert_eq!((stamp_of(text).instant(), of_event), (ten, ten), "{text}");
        }
        assert_eq!(event_time(ValueRef::Integer(1_772_445_600), &mut UsualTimes::default()), ten);
    }
}
