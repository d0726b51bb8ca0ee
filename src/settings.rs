//! What an operator may set: thresholds, their defaults, and how values are read from the command line and the config file.

use crate::catalog::Severity;
use crate::schedule::Zone;
use crate::time::{DAY, HOUR, Instant, MINUTE, Millis, SECOND, TimeText, span};
use chrono::{NaiveDate, NaiveTime};
use clap::ValueEnum;

/// Windows of more days are not looked at: what has lasted for so long was lost long ago.
const MAX_QUIET_DAYS: usize = 400;

/// Settings of one call.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The instant of the audit.
    pub now: Instant,
    /// How far back resolved problems are reported.
    pub since: Millis,
    /// Whether they are reported at all.
    pub resolved: bool,
    /// The thresholds of jobs that no rule matches.
    pub thresholds: Thresholds,
    /// When nothing is expected to run.
    pub quiet: Vec<Quiet>,
}

impl Settings {
    /// How far back resolved problems are reported, unless the operator says otherwise.
    pub const DEFAULT_SINCE: Millis = 7 * DAY;
    /// A resolved problem stays a warning for this long, so that a daily check sees it once.
    const STILL_NEW: Millis = DAY;

    /// The severity of a problem that ended then; None if that is too long ago to be reported.
    pub fn severity_after(&self, ended: Instant) -> Option<Severity> {
        match self.now.since(ended) {
            age if age > self.since => None,
            age if age > Self::STILL_NEW => Some(Severity::Info),
            _ => Some(Severity::Warning),
        }
    }
}

/// When a job is in trouble. docs/thresholds.md has what each costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// A late job is critical once this many times its cadence have passed.
    pub late_cadences: f64,
    /// A due job is late once the worker was free for longer than this.
    pub late_after: Millis,
    /// A due job is lost once the worker was free for longer than this.
    pub lost_after: Millis,
    /// Zero-token fires in a row for a warning.
    pub zero_streak: u64,
    /// Zero-token fires in a row for critical.
    pub zero_streak_critical: u64,
    /// The longest run that the scheduler allows.
    pub max_run: Millis,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            late_cadences: 2.0,
            late_after: 15 * MINUTE,
            lost_after: 65 * MINUTE,
            zero_streak: 3,
            zero_streak_critical: 5,
            max_run: 240 * MINUTE,
        }
    }
}

/// Thresholds that were set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ThresholdOverrides {
    /// See [`Thresholds::late_cadences`].
    pub late_cadences: Option<f64>,
    /// See [`Thresholds::late_after`].
    pub late_after: Option<Millis>,
    /// See [`Thresholds::lost_after`].
    pub lost_after: Option<Millis>,
    /// See [`Thresholds::zero_streak`].
    pub zero_streak: Option<u64>,
    /// See [`Thresholds::zero_streak_critical`].
    pub zero_streak_critical: Option<u64>,
    /// See [`Thresholds::max_run`].
    pub max_run: Option<Millis>,
}

impl ThresholdOverrides {
    /// These, and those of `fallback` where these say nothing.
    pub fn or(&self, fallback: &ThresholdOverrides) -> ThresholdOverrides {
        ThresholdOverrides {
            late_cadences: self.late_cadences.or(fallback.late_cadences),
            late_after: self.late_after.or(fallback.late_after),
            lost_after: self.lost_after.or(fallback.lost_after),
            zero_streak: self.zero_streak.or(fallback.zero_streak),
            zero_streak_critical: self.zero_streak_critical.or(fallback.zero_streak_critical),
            max_run: self.max_run.or(fallback.max_run),
        }
    }

    /// Refuses a threshold for a warning that is beyond the one for critical.
    ///
    /// # Errors
    /// Which two contradict each other.
    pub fn check(&self) -> Result<(), SettingError> {
        let contradiction =
            |name, value, limit, limit_value| Err(SettingError::Contradiction { name, value, limit, limit_value });
        if let (Some(late), Some(lost)) = (self.late_after, self.lost_after)
            && late > lost
        {
            return contradiction("late-after", span(late), "lost-after", span(lost));
        }
        if let (Some(warning), Some(critical)) = (self.zero_streak, self.zero_streak_critical)
            && warning > critical
        {
            return contradiction("zero-streak", warning.to_string(), "zero-streak-critical", critical.to_string());
        }
        Ok(())
    }

    /// The thresholds, from `base` where these say nothing. A threshold that was not set follows its counterpart, so that a
    /// warning never needs more than critical does.
    pub fn apply(&self, base: &Thresholds) -> Thresholds {
        let (late_after, lost_after) = ordered((self.late_after, self.lost_after), (base.late_after, base.lost_after));
        let (zero_streak, zero_streak_critical) =
            ordered((self.zero_streak, self.zero_streak_critical), (base.zero_streak, base.zero_streak_critical));
        Thresholds {
            late_cadences: self.late_cadences.unwrap_or(base.late_cadences),
            late_after,
            lost_after,
            zero_streak,
            zero_streak_critical,
            max_run: self.max_run.unwrap_or(base.max_run),
        }
    }

    /// The config keys of the thresholds that are set.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        [
            ("late_after", self.late_after.is_some()),
            ("late_cadences", self.late_cadences.is_some()),
            ("lost_after", self.lost_after.is_some()),
            ("zero_streak", self.zero_streak.is_some()),
            ("zero_streak_critical", self.zero_streak_critical.is_some()),
            ("max_run", self.max_run.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, is_set)| is_set.then_some(key))
    }
}

/// A pair of which the first never exceeds the second.
fn ordered<T: Ord + Copy>((low, high): (Option<T>, Option<T>), base: (T, T)) -> (T, T) {
    match (low, high) {
        (None, None) => base,
        (Some(low), None) => (low, base.1.max(low)),
        (None, Some(high)) => (base.0.min(high), high),
        (Some(low), Some(high)) => (low, high.max(low)),
    }
}

/// The lowest severity that makes the exit code non-zero.
#[derive(Debug, Clone, Copy, PartialEq, Default, ValueEnum)]
pub enum FailOn {
    /// Warning and critical
    #[default]
    Warning,
    /// Critical only
    Critical,
    /// No finding
    Never,
}

impl FailOn {
    /// The exit code of a severity.
    pub fn code(self, severity: Severity) -> u8 {
        let fails = match self {
            FailOn::Warning => true,
            FailOn::Critical => severity >= Severity::Critical,
            FailOn::Never => false,
        };
        if fails { severity.code() } else { 0 }
    }
}

/// A window of hours of every day in which nothing is expected to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// When it begins, on a clock of the database's zone.
    pub from: NaiveTime,
    /// When it ends; on the next day, if that is earlier.
    pub until: NaiveTime,
}

impl Quiet {
    /// The windows of each day that reach into the time between two instants, cut to it.
    pub fn windows(self, zone: Zone, from: Instant, until: Instant) -> impl Iterator<Item = (Instant, Instant)> {
        let first = zone.wall(from).date().pred_opt();
        let days = std::iter::successors(first, |day| day.succ_opt()).take(MAX_QUIET_DAYS);
        let window = move |day: NaiveDate| {
            let end = if self.until <= self.from { day.succ_opt()? } else { day };
            Some((zone.instant(day.and_time(self.from)), zone.instant(end.and_time(self.until))))
        };
        days.map_while(window)
            .take_while(move |(begin, _)| *begin < until)
            .map(move |(begin, end)| (begin.max(from), end.min(until)))
            .filter(|(begin, end)| begin < end)
    }
}

impl std::fmt::Display for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.from.format("%H:%M"), self.until.format("%H:%M"))
    }
}

/// Reads `22:00-07:00`.
///
/// # Errors
/// [`SettingError::Quiet`].
pub fn parse_quiet(text: &str) -> Result<Quiet, SettingError> {
    let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
    let window = text.split_once('-').and_then(|(from, until)| Some(Quiet { from: time(from)?, until: time(until)? }));
    window.filter(|window| window.from != window.until).ok_or(SettingError::Quiet)
}

/// `--notify-on`.
#[derive(Debug, Clone, Copy, PartialEq, Default, ValueEnum)]
pub enum NotifyOn {
    /// Warning and critical
    Warning,
    /// Critical only
    #[default]
    Critical,
}

impl NotifyOn {
    /// The least severity that is told.
    pub fn least(self) -> Severity {
        match self {
            NotifyOn::Warning => Severity::Warning,
            NotifyOn::Critical => Severity::Critical,
        }
    }
}

/// Whether to ask the operating system which process has a database open.
#[derive(Debug, Clone, Copy, PartialEq, Default, ValueEnum)]
pub enum ProcessCheck {
    /// On Linux, for a database in WAL mode, unless --now is given
    #[default]
    Auto,
    /// Never: for a scheduler in a virtual machine or a sandbox with its own kernel
    Ignore,
}

/// Why a value can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// Not an instant.
    #[error("not an RFC 3339 instant with an offset or Z, such as 2026-04-30T12:00:00Z")]
    Instant,
    /// Not a zone.
    #[error("not an IANA time zone{}", .nearest.map_or_else(String::new, |name| format!(": did you mean {name}?")))]
    Zone {
        /// The most similar name.
        nearest: Option<&'static str>,
    },
    /// An offset that is not written in full.
    #[error(
        "not a time zone: write an offset as UTC+02:00 (ahead of UTC) or UTC-05:00, or name a place such as Europe/Berlin"
    )]
    Offset,
    /// Not a window of hours.
    #[error("not a window of hours: write 22:00-07:00")]
    Quiet,
    /// Not a number of fires.
    #[error("not a whole number of 1 or more")]
    Count,
    /// Not a number of cadences.
    #[error("not a number from 0 to 1000")]
    Cadences,
    /// Not a duration.
    #[error("{0} (write 7d, 36h, 90m, or 30s)")]
    Duration(#[from] humantime::DurationError),
    /// A duration that no calendar holds.
    #[error("longer than 1000 years")]
    TooLong,
    /// A warning would need more than critical does.
    #[error("{name} {value} is more than {limit} {limit_value}: a warning must come before critical")]
    Contradiction {
        /// The threshold of the warning.
        name: &'static str,
        /// Its value.
        value: String,
        /// The threshold of critical.
        limit: &'static str,
        /// Its value.
        limit_value: String,
    },
}

/// Reads an instant.
///
/// # Errors
/// [`SettingError::Instant`].
pub fn parse_instant(text: &str) -> Result<Instant, SettingError> {
    match TimeText::parse(text) {
        Some(TimeText::Fixed(instant)) if text.contains(['-', ':']) => Ok(instant),
        _ => Err(SettingError::Instant),
    }
}

/// `--timezone`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ZoneChoice {
    /// The one that the rows tell.
    Auto,
    /// This one.
    Given(Zone),
}

impl ZoneChoice {
    /// The zone that was given.
    pub fn zone(self) -> Option<Zone> {
        match self {
            ZoneChoice::Auto => None,
            ZoneChoice::Given(zone) => Some(zone),
        }
    }
}

/// Reads `auto`, an IANA zone, or `UTC+02:00`.
///
/// # Errors
/// [`SettingError::Offset`], or [`SettingError::Zone`] with the most similar name.
pub fn parse_zone(text: &str) -> Result<ZoneChoice, SettingError> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(ZoneChoice::Auto);
    }
    let zone = Zone::named(text).or_else(|| Zone::ahead(parse_offset(text.strip_prefix("UTC")?)?));
    zone.map(ZoneChoice::Given).ok_or_else(|| match text.strip_prefix("UTC").or(text.strip_prefix("GMT")) {
        Some(_) => SettingError::Offset,
        None => SettingError::Zone { nearest: nearest_zone(text) },
    })
}

/// `+02:00` as a length of time.
fn parse_offset(text: &str) -> Option<Millis> {
    if text.len() != "+02:00".len() {
        return None;
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let ahead =
        hours.parse::<u8>().ok().map(Millis::from)? * HOUR + minutes.parse::<u8>().ok().map(Millis::from)? * MINUTE;
    match text.get(..1)? {
        "+" => Some(ahead),
        "-" => Some(-ahead),
        _ => None,
    }
}

/// The zone whose name, or whose city, is most similar.
fn nearest_zone(text: &str) -> Option<&'static str> {
    let city = |name: &str| name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text));
    Zone::names().find(|name| city(name)).or_else(|| nearest(text, Zone::names()))
}

/// Reads a number of fires.
///
/// # Errors
/// [`SettingError::Count`].
pub fn parse_count(text: &str) -> Result<u64, SettingError> {
    text.parse::<u64>().ok().filter(|count| *count > 0).ok_or(SettingError::Count)
}

/// Reads a number of cadences.
///
/// # Errors
/// [`SettingError::Cadences`].
pub fn parse_cadences(text: &str) -> Result<f64, SettingError> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1000.0).contains(&number) => Ok(number),
        _ => Err(SettingError::Cadences),
    }
}

/// Reads `7d`, `36h`, `90m`, `1h 30m`.
///
/// # Errors
/// [`SettingError::Duration`] or [`SettingError::TooLong`].
pub fn parse_duration(text: &str) -> Result<Millis, SettingError> {
    const MAX_DURATION: Millis = 1000 * 365 * DAY;
    let millis = Millis::try_from(humantime::parse_duration(text)?.as_millis());
    millis.ok().filter(|millis| *millis <= MAX_DURATION).ok_or(SettingError::TooLong)
}

/// Reads a time-out: a duration, or plain seconds as monitoring plugins take them.
///
/// # Errors
/// As [`parse_duration`].
pub fn parse_timeout(text: &str) -> Result<Millis, SettingError> {
    match text.parse::<u32>() {
        Ok(seconds) => Ok(Millis::from(seconds) * SECOND),
        Err(_) => parse_duration(text),
    }
}

/// The most similar of some names, if any is similar.
pub fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro_winkler(&other.to_lowercase(), &name.to_lowercase());
    among.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|other| likeness(other) > 0.75)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lateness(late_after: Option<Millis>, lost_after: Option<Millis>) -> ThresholdOverrides {
        ThresholdOverrides { late_after, lost_after, ..ThresholdOverrides::default() }
    }

    #[test]
    fn warning_thresholds_may_equal_the_critical_ones_but_not_exceed_them() {
        assert!(lateness(Some(MINUTE), Some(MINUTE)).check().is_ok());
        assert!(lateness(Some(MINUTE + 1), Some(MINUTE)).check().is_err());
        let streaks = |warning, critical| ThresholdOverrides {
            zero_streak: Some(warning),
            zero_streak_critical: Some(critical),
            ..ThresholdOverrides::default()
        };
        assert!(streaks(5, 5).check().is_ok() && streaks(6, 5).check().is_err());
    }

    #[test]
    fn a_threshold_that_was_not_set_follows_its_counterpart() {
        let of = |late, lost| {
            let thresholds = lateness(late, lost).apply(&Thresholds::default());
            (thresholds.late_after / MINUTE, thresholds.lost_after / MINUTE)
        };
        assert_eq!(of(None, None), (15, 65));
        assert_eq!((of(Some(65 * MINUTE), None), of(Some(66 * MINUTE), None)), ((65, 65), (66, 66)));
        assert_eq!((of(None, Some(15 * MINUTE)), of(None, Some(14 * MINUTE))), ((15, 15), (14, 14)));
    }

    #[test]
    fn resolved_problems_are_warnings_for_a_day_and_info_until_since() {
        let now = Instant::from_millis(1_772_000_000_000);
        let settings =
            Settings { now, since: 7 * DAY, resolved: true, thresholds: Thresholds::default(), quiet: Vec::new() };
        let after = |age: Millis| settings.severity_after(now.plus(-age));
        assert_eq!((after(DAY), after(DAY + 1)), (Some(Severity::Warning), Some(Severity::Info)));
        assert_eq!((after(7 * DAY), after(7 * DAY + 1)), (Some(Severity::Info), None));
    }
}
