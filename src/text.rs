//! Text made of segments, so that each format writes the times in it in its own way and nobody has to find them again in a
//! finished sentence, where a job's name may look like one.

use crate::time::Instant;
use std::fmt;

/// A space at which no line may be broken. It is shown as a space.
pub const NO_BREAK: char = '\u{a0}';

/// Words and times in the order in which they are read. The words may contain text of the database.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Text(Vec<Segment>);

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
enum Segment {
    /// Written as it is.
    Words(String),
    /// An instant to the minute.
    Time(Instant),
    /// Two instants; where both are of the same day it is written once.
    Range(Instant, Instant),
}

/// The parts one after another as one [`Text`]: words, instants, other texts, or any of them as an option, of which None adds
/// nothing.
///
/// ```ignore
/// text!["its next run is set to ", next_run_at, ", after ", count(slots, "slot")]
/// ```
macro_rules! text {
    ($($part:expr),+ $(,)?) => {{
        let mut text = $crate::text::Text::default();
        $(text.push($part);)+
        text
    }};
}

pub(crate) use text;

impl Text {
    /// From one instant to another.
    pub fn range(from: Instant, to: Instant) -> Text {
        Text(vec![Segment::Range(from, to)])
    }

    /// Adds a part at the end.
    pub fn push(&mut self, part: impl Into<Text>) {
        self.0.extend(part.into().0);
    }

    /// Several texts as one, with these words between them.
    pub fn join(texts: &[Text], between: &str) -> Text {
        let mut joined = Text::default();
        for (position, text) in texts.iter().enumerate() {
            if position > 0 {
                joined.push(between);
            }
            joined.0.extend_from_slice(&text.0);
        }
        joined
    }

    /// The text for a page that says which day it is, and that all times are in UTC. No line is broken within a time.
    pub fn short(&self, now: Instant) -> String {
        self.written(|at| at.minute_told_at(now).replace(' ', &NO_BREAK.to_string()), "")
    }

    /// The same at other times.
    pub fn moved(&self, to: impl Fn(Instant) -> Instant) -> Text {
        let moved = |segment: &Segment| match segment {
            Segment::Words(words) => Segment::Words(words.clone()),
            Segment::Time(at) => Segment::Time(to(*at)),
            Segment::Range(from, until) => Segment::Range(to(*from), to(*until)),
        };
        Text(self.0.iter().map(moved).collect())
    }

    fn written(&self, time: impl Fn(Instant) -> String, zone: &str) -> String {
        let mut written = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Words(words) => written += words,
                Segment::Time(at) => written += &format!("{}{zone}", time(*at)),
                Segment::Range(from, to) if from.is_same_day(*to) => {
                    written += &format!("{} to {}{zone}", time(*from), to.minute_of_day());
                }
                Segment::Range(from, to) => written += &format!("{} to {}{zone}", time(*from), time(*to)),
            }
        }
        written
    }
}

/// With the year and the zone of each time.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(Instant::minute, " UTC"))
    }
}

impl From<String> for Text {
    fn from(words: String) -> Text {
        Text(vec![Segment::Words(words)])
    }
}

impl From<&String> for Text {
    fn from(words: &String) -> Text {
        words.clone().into()
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Text {
        words.to_owned().into()
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Text {
        text.clone()
    }
}

impl From<Instant> for Text {
    fn from(at: Instant) -> Text {
        Text(vec![Segment::Time(at)])
    }
}

impl<T: Into<Text>> From<Option<T>> for Text {
    fn from(part: Option<T>) -> Text {
        part.map_or_else(Text::default, T::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::TimeText;

    fn at(text: &str) -> Instant {
        TimeText::parse(text).map_or(Instant::MIN, TimeText::as_utc)
    }

    #[test]
    fn only_times_are_shortened() {
        let due = text![
            "export 2026-01-31 23:59 UTC is due at ",
            at("2026-03-02 12:00"),
            None::<&str>,
            ", ",
            String::from("soon")
        ];
        assert_eq!(due.to_string(), "export 2026-01-31 23:59 UTC is due at 2026-03-02 12:00 UTC, soon");
        assert_eq!(due.short(at("2026-12-31")), "export 2026-01-31 23:59 UTC is due at 03-02\u{a0}12:00, soon");
        assert_eq!(due.short(at("2026-03-02 13:00")), "export 2026-01-31 23:59 UTC is due at 12:00, soon");
        assert_eq!(due.short(at("2027-01-01")), "export 2026-01-31 23:59 UTC is due at 2026-03-02\u{a0}12:00, soon");
    }

    #[test]
    fn a_range_names_its_day_once() {
        let within = Text::range(at("2026-03-02 12:00"), at("2026-03-02 13:30"));
        assert_eq!(within.to_string(), "2026-03-02 12:00 to 13:30 UTC");
        assert_eq!(within.short(at("2026-03-03")), "03-02\u{a0}12:00 to 13:30");
        let across = Text::range(at("2025-12-31 12:00"), at("2026-01-01 13:30"));
        assert_eq!(across.to_string(), "2025-12-31 12:00 to 2026-01-01 13:30 UTC");
        assert_eq!(across.short(at("2026-03-03")), "2025-12-31\u{a0}12:00 to 01-01\u{a0}13:30");
    }

    #[test]
    fn joined_texts_have_words_between_them() {
        assert_eq!(
            Text::join(&["a".into(), at("2026-03-02 12:00").into()], "; ").to_string(),
            "a; 2026-03-02 12:00 UTC"
        );
        assert_eq!(Text::join(&[], "; ").to_string(), "");
    }
}
