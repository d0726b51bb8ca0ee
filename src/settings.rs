//! What an operator may set: thresholds, their defaults, and how values are read from the command line and the config file.

mod command;
mod thresholds;

pub use command::parse_command;
pub use thresholds::{THRESHOLDS, Threshold, ThresholdOverrides, Thresholds, Value};

use crate::catalog::{Problem, Severity};
use crate::numbers::{grouped, usd};
use crate::schedule::Zone;
use crate::time::{DAY, HOUR, Instant, MINUTE, Millis, SECOND, TimeText};
use chrono::{NaiveDate, NaiveTime};
use clap::ValueEnum;
use std::collections::BTreeMap;

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
    /// How bad the operator calls problems, of every job.
    pub severities: Severities,
    /// What all jobs of a database may spend in a day together.
    pub budget: Option<Budget>,
}

/// What may be spent in a day: at least one of its parts is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// In US dollars.
    pub cost_usd: Option<f64>,
    /// In tokens in and out.
    pub tokens: Option<u64>,
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cost = self.cost_usd.map(usd);
        let tokens = self.tokens.map(|tokens| format!("{} tokens", grouped(tokens)));
        let parts: Vec<String> = cost.into_iter().chain(tokens).collect();
        write!(f, "{} a day", parts.join(", "))
    }
}

/// How bad the operator calls problems, whatever the rules say.
pub type Severities = BTreeMap<Problem, Severity>;

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

/// A setting of a call, for `--check-config`.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its key in the config file.
    pub key: &'static str,
    /// Its value, for people.
    pub value: String,
    /// Where it comes from.
    pub from: String,
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
    /// Not what may be spent.
    #[error("a budget needs cost_usd, tokens, or both, more than 0")]
    Budget,
    /// Not how bad something is.
    #[error("not one of info, warning, critical; to leave a problem out, use mute")]
    Severity,
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
    #[error("{key} {value} is more than {limit} {limit_value}: a warning must come before critical")]
    Contradiction {
        /// The key of the threshold of the warning.
        key: &'static str,
        /// Its value.
        value: String,
        /// The key of the threshold of critical.
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

/// What may be spent in a day.
///
/// # Errors
/// [`SettingError::Budget`].
pub fn budget(cost_usd: Option<f64>, tokens: Option<u64>) -> Result<Budget, SettingError> {
    let is_set = cost_usd.is_some() || tokens.is_some();
    let is_amount = cost_usd.is_none_or(|cost| cost.is_finite() && cost > 0.0) && tokens != Some(0);
    if is_set && is_amount { Ok(Budget { cost_usd, tokens }) } else { Err(SettingError::Budget) }
}

/// Reads how bad something is.
///
/// # Errors
/// [`SettingError::Severity`].
pub fn parse_severity(text: &str) -> Result<Severity, SettingError> {
    let told = [Severity::Info, Severity::Warning, Severity::Critical];
    told.into_iter().find(|severity| severity.word() == text).ok_or(SettingError::Severity)
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
impl Settings {
    /// The defaults.
    pub fn for_tests(now: Instant) -> Settings {
        Settings {
            now,
            since: 7 * DAY,
            resolved: true,
            thresholds: Thresholds::default(),
            quiet: Vec::new(),
            severities: Severities::new(),
            budget: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolved_problems_are_warnings_for_a_day_and_info_until_since() {
        let now = Instant::from_millis(1_772_000_000_000);
        let settings = Settings::for_tests(now);
        let after = |age: Millis| settings.severity_after(now.plus(-age));
        assert_eq!((after(DAY), after(DAY + 1)), (Some(Severity::Warning), Some(Severity::Info)));
        assert_eq!((after(7 * DAY), after(7 * DAY + 1)), (Some(Severity::Info), None));
    }
}
