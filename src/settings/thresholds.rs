//! The thresholds that an operator may set: one table, from which the options, the config keys, their docs, and what a job is
//! judged by follow.

use super::{SettingError, parse_cadences, parse_count, parse_duration};
use crate::time::{MINUTE, Millis, interval};
use std::collections::BTreeMap;
use std::fmt;

/// A row of the table.
#[derive(Debug)]
pub struct Threshold {
    /// Its key in the config file.
    pub key: &'static str,
    /// What it is unless the operator says otherwise; values of other kinds are refused.
    pub default: Value,
    /// What it decides, without the period.
    pub about: &'static str,
    /// Another value that makes sense.
    pub example: &'static str,
    /// The key of the threshold for critical, which this one for a warning must not exceed.
    pub limit: Option<&'static str>,
}

/// What a threshold can be.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Value {
    /// A length of time.
    Duration(Millis),
    /// A number of runs.
    Count(u64),
    /// A number of cadences of the job.
    Cadences(f64),
}

/// Declares the table, and the thresholds of a job with a field for each row.
macro_rules! thresholds {
    ($(
        $key:ident: $kind:ident($type:ty) = $default:expr,
            $about:literal,
            example $example:literal $(, at most $limit:ident)?;
    )*) => {
        /// Every threshold, in the order in which they are shown.
        pub static THRESHOLDS: &[Threshold] = &[$(Threshold {
            key: stringify!($key),
            default: Value::$kind($default),
            about: $about,
            example: $example,
            limit: [$(stringify!($limit))?].first().copied(),
        },)*];

        /// When a job is in trouble. docs/thresholds.md has what each costs.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Thresholds {
            $(#[doc = $about] pub $key: $type,)*
        }

        impl Default for Thresholds {
            fn default() -> Thresholds {
                Thresholds { $($key: $default,)* }
            }
        }

        impl Thresholds {
            /// The value of the threshold with that key.
            pub fn get(&self, key: &str) -> Option<Value> {
                match key {
                    $(stringify!($key) => Some(Value::$kind(self.$key)),)*
                    _ => None,
                }
            }

            /// Sets it; values are of the kind of their threshold, because [`Threshold::read`] made them.
            fn set(&mut self, key: &str, value: Value) {
                match (key, value) {
                    $((stringify!($key), Value::$kind(value)) => self.$key = value,)*
                    _ => {}
                }
            }
        }
    };
}

thresholds! {
    late_cadences: Cadences(f64) = 2.0,
        "A late job is critical once this many times its interval have passed; fractions allowed",
        example "3";
    late_after: Duration(Millis) = 15 * MINUTE,
        "A due job is a warning once the scheduler was free for longer than this",
        example "30m", at most lost_after;
    lost_after: Duration(Millis) = 65 * MINUTE,
        "A due job is critical once the scheduler was free for longer than this",
        example "2h";
    zero_streak: Count(u64) = 3,
        "Zero-token runs in a row for a warning",
        example "4", at most zero_streak_critical;
    zero_streak_critical: Count(u64) = 5,
        "Zero-token runs in a row for critical",
        example "8";
    max_run: Duration(Millis) = 240 * MINUTE,
        "Longest run that the scheduler allows, its timeout_minutes",
        example "60m";
}

impl Threshold {
    /// Its option on the command line, without the hyphens before it.
    pub fn option(&self) -> String {
        option(self.key)
    }

    /// Reads a value.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(&self, text: &str) -> Result<Value, SettingError> {
        match self.default {
            Value::Duration(_) => parse_duration(text).map(Value::Duration),
            Value::Count(_) => parse_count(text).map(Value::Count),
            Value::Cadences(_) => parse_cadences(text).map(Value::Cadences),
        }
    }

    /// The default, as an operator would write it.
    pub fn default_text(&self) -> String {
        match self.default {
            Value::Duration(millis) => format!("{}m", millis / MINUTE),
            other => other.to_string(),
        }
    }
}

/// The option of the threshold with that key.
pub fn option(key: &str) -> String {
    key.replace('_', "-")
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Duration(millis) => f.write_str(&interval(*millis)),
            Value::Count(count) => write!(f, "{count}"),
            Value::Cadences(number) => write!(f, "{number}"),
        }
    }
}

/// Thresholds that were set, by their keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ThresholdOverrides(BTreeMap<&'static str, Value>);

impl ThresholdOverrides {
    /// Sets the threshold with that key.
    pub fn set(&mut self, key: &'static str, value: Value) {
        self.0.insert(key, value);
    }

    /// These, and those of `fallback` where these say nothing.
    pub fn or(&self, fallback: &ThresholdOverrides) -> ThresholdOverrides {
        let mut merged = fallback.clone();
        merged.0.extend(&self.0);
        merged
    }

    /// Refuses a threshold for a warning that is beyond the one for critical.
    ///
    /// # Errors
    /// Which two contradict each other.
    pub fn check(&self) -> Result<(), SettingError> {
        for (warning, critical) in pairs() {
            if let (Some(value), Some(limit)) = (self.0.get(warning), self.0.get(critical))
                && value > limit
            {
                return Err(SettingError::Contradiction {
                    key: warning,
                    value: value.to_string(),
                    limit: critical,
                    limit_value: limit.to_string(),
                });
            }
        }
        Ok(())
    }

    /// The thresholds, from `base` where these say nothing. A threshold that was not set follows its counterpart, so that a
    /// warning never needs more than critical does.
    pub fn apply(&self, base: &Thresholds) -> Thresholds {
        let mut thresholds = base.clone();
        for (key, value) in &self.0 {
            thresholds.set(key, *value);
        }
        for (warning, critical) in pairs() {
            let (Some(value), Some(limit)) = (thresholds.get(warning), thresholds.get(critical)) else { continue };
            if value <= limit {
                continue;
            }
            if self.0.contains_key(warning) {
                thresholds.set(critical, value);
            } else {
                thresholds.set(warning, limit);
            }
        }
        thresholds
    }

    /// The config keys of the thresholds that are set, in the order of the table.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        THRESHOLDS.iter().map(|threshold| threshold.key).filter(|key| self.0.contains_key(key))
    }
}

/// The keys of the thresholds for a warning, each with the one for critical that it must not exceed.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    THRESHOLDS.iter().filter_map(|threshold| Some((threshold.key, threshold.limit?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(threshold: &Threshold, text: &str) -> Value {
        threshold.read(text).unwrap_or_else(|error| panic!("{} {text}: {error}", threshold.key))
    }

    /// What an operator sets: texts by the keys of their thresholds.
    fn given(texts: &[(&str, &str)]) -> ThresholdOverrides {
        let mut given = ThresholdOverrides::default();
        for (key, text) in texts {
            let threshold = THRESHOLDS.iter().find(|threshold| threshold.key == *key);
            let threshold = threshold.unwrap_or_else(|| panic!("there is no threshold {key}"));
            given.set(threshold.key, read(threshold, text));
        }
        given
    }

    #[test]
    fn warning_thresholds_may_equal_the_critical_ones_but_not_exceed_them() {
        assert!(given(&[("late_after", "1m"), ("lost_after", "1m")]).check().is_ok());
        assert!(given(&[("late_after", "61s"), ("lost_after", "1m")]).check().is_err());
        assert!(given(&[("zero_streak", "5"), ("zero_streak_critical", "5")]).check().is_ok());
        assert!(given(&[("zero_streak", "6"), ("zero_streak_critical", "5")]).check().is_err());
    }

    #[test]
    fn a_threshold_that_was_not_set_follows_its_counterpart() {
        let minutes_with = |texts: &[(&str, &str)]| {
            let thresholds = given(texts).apply(&Thresholds::default());
            (thresholds.late_after / MINUTE, thresholds.lost_after / MINUTE)
        };
        assert_eq!(minutes_with(&[]), (15, 65));
        assert_eq!(minutes_with(&[("late_after", "65m")]), (65, 65));
        assert_eq!(minutes_with(&[("late_after", "66m")]), (66, 66));
        assert_eq!(minutes_with(&[("lost_after", "15m")]), (15, 15));
        assert_eq!(minutes_with(&[("lost_after", "14m")]), (14, 14));
    }

    #[test]
    fn what_was_set_first_is_kept_and_completed() {
        let first = given(&[("late_after", "30m"), ("zero_streak", "2")]);
        let merged = first.or(&given(&[("late_after", "1h"), ("max_run", "8h")]));
        assert_eq!(merged, given(&[("late_after", "30m"), ("zero_streak", "2"), ("max_run", "8h")]));
    }

    #[test]
    fn every_row_of_the_table_is_a_field_that_can_be_set_and_shown() {
        for threshold in THRESHOLDS {
            let example = read(threshold, threshold.example);
            let mut given = ThresholdOverrides::default();
            given.set(threshold.key, example);
            assert_eq!(given.apply(&Thresholds::default()).get(threshold.key), Some(example), "{threshold:?}");
            assert_eq!(Thresholds::default().get(threshold.key), Some(threshold.default), "{threshold:?}");
            assert_eq!(read(threshold, &threshold.default_text()), threshold.default, "{threshold:?}");
        }
    }

    #[test]
    fn a_threshold_for_critical_is_in_the_table_and_of_the_same_kind() {
        for (warning, critical) in pairs() {
            let kind = |key| Thresholds::default().get(key).map(|value| std::mem::discriminant(&value));
            assert!(kind(critical).is_some() && kind(warning) == kind(critical), "{warning} and {critical}");
        }
    }

    #[test]
    fn the_document_has_each_key_with_its_default_and_why() {
        let document = include_str!("../../docs/thresholds.md");
        for threshold in THRESHOLDS {
            let row = format!("\n| `{}` | {} | ", threshold.key, threshold.default_text());
            assert!(document.contains(&row), "docs/thresholds.md has no row {row:?}");
        }
    }
}
