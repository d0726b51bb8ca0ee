//! Instants and spans: how times are read from rows, counted with, and written.
//!
//! Everything is milliseconds UTC between the years 0 and 9999, so arithmetic saturates instead of overflowing and every
//! instant has an RFC 3339 form.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use std::fmt;

/// A span of time in milliseconds.
pub type Millis = i64;

/// One second, in milliseconds.
pub const SECOND: Millis = 1_000;
/// One minute, in milliseconds.
pub const MINUTE: Millis = 60 * SECOND;
/// One hour, in milliseconds.
pub const HOUR: Millis = 60 * MINUTE;
/// One day of 24 hours, in milliseconds.
pub const DAY: Millis = 24 * HOUR;

/// The Julian days of the years 0 to 9999 (<https://sqlite.org/lang_datefunc.html>), and that of 1970.
const JULIAN_DAYS: std::ops::Range<f64> = 1_721_059.5..5_373_484.5;
const JULIAN_1970: f64 = 2_440_587.5;

/// A span in seconds, as programs read it.
pub fn seconds(span: Millis) -> f64 {
    span as f64 / SECOND as f64
}

/// A point in time: milliseconds since 1970 UTC, within the years 0 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(i64);

impl Instant {
    /// 0000-01-01T00:00:00Z.
    pub const MIN: Instant = Instant(-62_167_219_200_000);
    /// 9999-12-31T23:59:59.999Z.
    pub const MAX: Instant = Instant(253_402_300_799_999);

    /// The instant `millis` after 1970, or the nearest end of the calendar.
    pub fn from_millis(millis: i64) -> Instant {
        Instant(millis.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// The instant at which a UTC clock shows `wall`.
    pub fn from_utc(wall: NaiveDateTime) -> Instant {
        Self::from_millis(wall.and_utc().timestamp_millis())
    }

    /// Milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// What a UTC clock shows at this instant.
    pub fn utc(self) -> NaiveDateTime {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default().naive_utc()
    }

    /// This instant moved by `span`, kept within the calendar.
    pub fn plus(self, span: Millis) -> Instant {
        Self::from_millis(self.0.saturating_add(span))
    }

    /// What a UTC clock shows, to the minute, for people.
    pub fn minute(self) -> String {
        self.utc().format("%Y-%m-%d %H:%M").to_string()
    }

    /// The same as short as it can be told at `now`: the time alone of the same day, the year only of another one.
    pub fn minute_told_at(self, now: Instant) -> String {
        if self.is_same_day(now) {
            return self.minute_of_day();
        }
        self.minute_in_year_of(now)
    }

    /// The same with the day always, for tables.
    pub fn minute_in_year_of(self, other: Instant) -> String {
        let form = if self.utc().year() == other.utc().year() { "%m-%d %H:%M" } else { "%Y-%m-%d %H:%M" };
        self.utc().format(form).to_string()
    }

    /// The day alone.
    pub fn day_in_year_of(self, other: Instant) -> String {
        let form = if self.utc().year() == other.utc().year() { "%m-%d" } else { "%Y-%m-%d" };
        self.utc().format(form).to_string()
    }

    /// The same without the day.
    pub fn minute_of_day(self) -> String {
        self.utc().format("%H:%M").to_string()
    }

    /// Whether a UTC calendar shows the same day.
    pub fn is_same_day(self, other: Instant) -> bool {
        self.utc().date() == other.utc().date()
    }

    /// How long after `earlier` this is; negative if it is before.
    pub fn since(self, earlier: Instant) -> Millis {
        self.0 - earlier.0
    }
}

/// RFC 3339 in UTC with `Z`; milliseconds only where there are some.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = if self.0.rem_euclid(SECOND) == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
        f.write_str(&self.utc().and_utc().to_rfc3339_opts(precision, true))
    }
}

impl serde::Serialize for Instant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl schemars::JsonSchema for Instant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "RFC 3339 in UTC with Z, with milliseconds only where there are some.",
            "type": "string",
            "format": "date-time",
        })
    }
}

/// The time in a text, before a zone is assumed for it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum TimeText {
    /// It names its offset, or is a number since 1970.
    Fixed(Instant),
    /// A wall time with no zone.
    Bare(NaiveDateTime),
    /// A date alone, which JavaScript takes as midnight UTC.
    Date(NaiveDate),
}

impl TimeText {
    /// Reads the forms that rows hold: the scheduler's two, and what people write by hand (an offset, no seconds, a date,
    /// seconds or milliseconds since 1970). None for anything else.
    pub fn parse(text: &str) -> Option<TimeText> {
        let text = text.trim();
        if let Some(usual) = usual_time(text.as_bytes()) {
            return Some(if text.ends_with('Z') { TimeText::Fixed(usual) } else { TimeText::Bare(usual.utc()) });
        }
        TimeText::in_any_form(text)
    }

    fn in_any_form(text: &str) -> Option<TimeText> {
        if text.len() > 64 || !text.is_ascii() {
            return None;
        }
        if let Some(number) = epoch(text) {
            return Some(TimeText::Fixed(number));
        }
        if let Ok(fixed) = DateTime::parse_from_rfc3339(text) {
            return in_calendar(fixed.with_timezone(&Utc).naive_utc()).map(TimeText::Fixed);
        }
        let bare = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        if let Some(bare) = bare {
            return in_calendar(bare).map(|_| TimeText::Bare(bare));
        }
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        in_calendar(date.and_time(chrono::NaiveTime::MIN)).map(|_| TimeText::Date(date))
    }

    /// The instant meant in a column of times, where no zone means UTC.
    pub fn as_utc(self) -> Instant {
        match self {
            TimeText::Fixed(instant) => instant,
            TimeText::Bare(wall) => Instant::from_utc(wall),
            TimeText::Date(date) => Instant::from_utc(date.and_time(chrono::NaiveTime::MIN)),
        }
    }
}

fn in_calendar(wall: NaiveDateTime) -> Option<Instant> {
    let millis = wall.and_utc().timestamp_millis();
    (Instant::MIN.0..=Instant::MAX.0).contains(&millis).then_some(Instant(millis))
}

/// Ten-odd digits are seconds since 1970, thirteen-odd milliseconds; the line is drawn at 100 billion, the year 5138 in
/// seconds and 1973 in milliseconds. Seven digits with a fraction are a Julian day, as SQLite's julianday() makes them; any
/// other number of fewer than nine digits is not a time.
fn epoch(text: &str) -> Option<Instant> {
    if text.len() < 9 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    let millis = match number {
        day if JULIAN_DAYS.contains(&day) => (day - JULIAN_1970) * DAY as f64,
        seconds if seconds < 1e11 => seconds * 1e3,
        millis => millis,
    };
    let millis = millis.round();
    (millis <= Instant::MAX.0 as f64).then_some(Instant(millis as i64))
}

/// The instant in `2026-04-29 10:00:11` or `2026-04-29T10:00:11.304Z`, the forms that the schedulers write, by the places of its
/// digits; None for any other form.
pub fn usual_time(text: &[u8]) -> Option<Instant> {
    UsualTimes::default().read(text)
}

/// Reads times as [`usual_time`] does, one after the other.
#[derive(Debug, Clone, Default)]
pub struct UsualTimes {
    /// The day of the last one, as its text and its midnight: most rows are of the same day as the one before.
    last_day: Option<([u8; 10], Millis)>,
}

impl UsualTimes {
    /// The instant in one of the usual forms.
    pub fn read(&mut self, text: &[u8]) -> Option<Instant> {
        let (&day, rest) = text.split_first_chunk::<10>()?;
        let &[separator, h1, h2, b':', m1, m2, b':', s1, s2, ref fraction @ ..] = rest else { return None };
        let millis = match (separator, fraction) {
            (b'T', &[b'.', f1, f2, f3, b'Z']) => number(&[f1, f2, f3])?,
            (b' ', []) => 0,
            _ => return None,
        };
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let in_day = i64::from((hour * 60 + minute) * 60 + second) * SECOND + i64::from(millis);
        Some(Instant(self.midnight(day)? + in_day))
    }

    fn midnight(&mut self, day: [u8; 10]) -> Option<Millis> {
        if let Some((last, midnight)) = self.last_day
            && last == day
        {
            return Some(midnight);
        }
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = day else { return None };
        let date = NaiveDate::from_ymd_opt(number(&[y1, y2, y3, y4])? as i32, number(&[m1, m2])?, number(&[d1, d2])?)?;
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        self.last_day = Some((day, midnight));
        Some(midnight)
    }
}

/// A few digits as a number.
fn number<const N: usize>(digits: &[u8; N]) -> Option<u32> {
    let mut number = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u32::from(digit);
    }
    Some(number)
}

/// A span for people, in one unit and rounded to it: `45s`, `82m`, `35h`, `9d`. A negative one counts as 0.
pub fn span(millis: Millis) -> String {
    let millis = millis.max(0);
    let rounded = |unit: Millis| millis.saturating_add(unit / 2) / unit;
    match (millis / SECOND, rounded(MINUTE), rounded(HOUR)) {
        (60, ..) => "1m".to_owned(),
        (secs, ..) if secs < 90 => format!("{secs}s"),
        (_, 60, _) => "1h".to_owned(),
        (_, mins, _) if mins < 90 => format!("{mins}m"),
        (.., hours) if hours < 48 => format!("{hours}h"),
        _ => format!("{}d", rounded(DAY)),
    }
}

/// An interval or a limit, which must not be rounded, in the fewest units: `90s`, `1h30m`, `2d`.
pub fn interval(millis: Millis) -> String {
    let mut rest = millis.max(0);
    let mut text = String::new();
    for (unit, name) in [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (1, "ms")] {
        // `25h` says more than `1d1h`.
        let is_told = unit != DAY || rest % DAY == 0;
        if rest >= unit && is_told {
            let width = if text.ends_with('h') { 2 } else { 1 };
            text += &format!("{:0width$}{name}", rest / unit);
            rest %= unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        TimeText::parse(text).map(|time| time.as_utc().to_string())
    }

    #[test]
    fn every_form_of_time_is_read() {
        for (text, instant) in [
            ("2026-04-29T10:00:11.304Z", "2026-04-29T10:00:11.304Z"),
            ("2026-04-29 10:00:11", "2026-04-29T10:00:11Z"),
            ("2026-04-29T10:00:11", "2026-04-29T10:00:11Z"),
            ("2026-04-29T12:00:11+02:00", "2026-04-29T10:00:11Z"),
            ("2026-04-29 10:00", "2026-04-29T10:00:00Z"),
            ("2026-04-29", "2026-04-29T00:00:00Z"),
            ("1777456811", "2026-04-29T10:00:11Z"),
            ("1777456811304", "2026-04-29T10:00:11.304Z"),
            ("2461159.91679398", "2026-04-29T10:00:11Z"),
            ("0000-01-01 00:00:00", "0000-01-01T00:00:00Z"),
            ("9999-12-31 23:59:59", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(instant), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_a_time_is_refused() {
        for text in [
            "",
            "soon",
            "0",
            "1e300",
            "2026-13-01 00:00:00",
            "2026-02-30",
            "99999999999999999999",
            "12:00",
            "+262000-01-01T00:00:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_short_and_exact_enough() {
        for (millis, text) in [
            (-1, "0s"),
            (0, "0s"),
            (MINUTE, "1m"),
            (90 * SECOND - 1, "89s"),
            (90 * SECOND, "2m"),
            (59 * MINUTE, "59m"),
            (HOUR, "1h"),
            (90 * MINUTE - MINUTE, "89m"),
            (90 * MINUTE, "2h"),
            (35 * HOUR + 7 * MINUTE, "35h"),
            (48 * HOUR, "2d"),
            (9 * DAY + HOUR, "9d"),
        ] {
            assert_eq!(span(millis), text);
        }
    }

    #[test]
    fn intervals_are_not_rounded() {
        for (millis, text) in [
            (-1, "0s"),
            (1500, "1s500ms"),
            (90 * SECOND, "1m30s"),
            (HOUR, "1h"),
            (65 * MINUTE, "1h05m"),
            (25 * HOUR, "25h"),
            (48 * HOUR, "2d"),
        ] {
            assert_eq!(interval(millis), text);
        }
    }

    #[test]
    fn a_time_is_told_without_what_goes_without_saying() {
        let now = Instant::from_millis(56 * 365 * DAY);
        for (at, text) in
            [(now, "00:00"), (now.plus(-MINUTE), "12-17 23:59"), (now.plus(-360 * DAY), "2024-12-23 00:00")]
        {
            assert_eq!(at.minute_told_at(now), text);
        }
    }

    #[test]
    fn times_of_several_days_are_read_one_after_the_other() {
        let mut times = UsualTimes::default();
        let mut read = |text: &str| times.read(text.as_bytes()).map(Instant::millis);
        let midnight = 1_772_409_600_000;
        assert_eq!(read("2026-03-02 00:00:00"), Some(midnight));
        assert_eq!(read("2026-03-02 23:59:59"), Some(midnight + DAY - SECOND));
        assert_eq!(read("2026-03-03T00:00:00.001Z"), Some(midnight + DAY + 1));
        assert_eq!(read("2026-03-02 10:00:00"), Some(midnight + 10 * HOUR));
        for text in ["2026-03-02 24:00:00", "2026-03-02 10:60:00", "2026-03-02 10:00:60", "2026-02-29 10:00:00"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("2026-03-02 10:00:00"), Some(midnight + 10 * HOUR));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_time_parsers_panic(text in "\\PC{0,40}") {
            let _ = (TimeText::parse(&text), usual_time(text.as_bytes()));
        }

        #[test]
        fn the_usual_forms_are_read_by_their_places(millis in -62_167_219_200_000i64..253_402_300_799_999) {
            let at = Instant::from_millis(millis);
            let with_zone = at.utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            prop_assert_eq!(usual_time(with_zone.as_bytes()), Some(at));
            prop_assert_eq!(TimeText::parse(&with_zone), Some(TimeText::Fixed(at)));
            let cut = Instant::from_millis(at.seconds() * SECOND);
            let bare = at.utc().format("%Y-%m-%d %H:%M:%S").to_string();
            prop_assert_eq!(usual_time(bare.as_bytes()), Some(cut));
            prop_assert_eq!(TimeText::parse(&bare), Some(TimeText::Bare(cut.utc())));
        }

        #[test]
        fn what_is_nearly_of_a_usual_form_is_read_as_in_any_other(at in 0usize..24, byte in 0x20u8..0x7f) {
            for form in ["2024-02-29T23:59:58.304Z", "2024-02-29 23:59:58"] {
                let mut text = form.as_bytes().to_vec();
                text[at % form.len()] = byte;
                let text = String::from_utf8(text).unwrap_or_default();
                if let Some(usual) = usual_time(text.as_bytes()) {
                    prop_assert_eq!(TimeText::in_any_form(&text).map(TimeText::as_utc), Some(usual));
                }
            }
        }

        #[test]
        fn moving_an_instant_never_leaves_the_calendar(start in any::<i64>(), by in any::<i64>()) {
            let moved = Instant::from_millis(start).plus(by);
            prop_assert!(Instant::MIN <= moved && moved <= Instant::MAX);
        }
    }
}
