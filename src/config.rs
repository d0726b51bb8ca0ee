//! The file of `--config`: TOML with the long options, underscores for hyphens, and a `[[job]]` for each special case. It is read
//! only where it is named.

use crate::cadence::Zone;
use crate::cli::{FailOn, parse_cadences, parse_timeout, parse_zone};
use crate::policy::{Mute, Rule};
use crate::time::{Millis, parse_duration};
use clap::ValueEnum;
use serde::{Deserialize, Deserializer, de};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use toml::Spanned;
use wildmatch::WildMatch;

/// What a file sets; None and empty lists are not set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// As on the command line.
    pub databases: Vec<PathBuf>,
    /// See `--recursive`.
    pub recursive: Vec<PathBuf>,
    /// See `--ignore`.
    pub ignore: Vec<String>,
    /// See `--expect`.
    pub expect: Vec<String>,
    /// See `--fail-on`.
    #[serde(deserialize_with = "by_name")]
    pub fail_on: Option<FailOn>,
    /// See `--timezone`.
    #[serde(deserialize_with = "zone")]
    pub timezone: Option<Zone>,
    /// See `--since`.
    #[serde(deserialize_with = "duration")]
    pub since: Option<Millis>,
    /// See `--timeout`.
    #[serde(deserialize_with = "timeout")]
    pub timeout: Option<Millis>,
    /// See `--late-after`.
    #[serde(deserialize_with = "duration")]
    pub late_after: Option<Millis>,
    /// See `--lost-after`.
    #[serde(deserialize_with = "duration")]
    pub lost_after: Option<Millis>,
    /// See `--late-cadences`.
    #[serde(deserialize_with = "cadences")]
    pub late_cadences: Option<f64>,
    /// See `--zero-streak`.
    #[serde(deserialize_with = "count")]
    pub zero_streak: Option<u64>,
    /// See `--zero-streak-critical`.
    #[serde(deserialize_with = "count")]
    pub zero_streak_critical: Option<u64>,
    /// See `--max-run`.
    #[serde(deserialize_with = "duration")]
    pub max_run: Option<Millis>,
    job: Vec<Spanned<Job>>,
    #[serde(skip)]
    rules: Vec<Rule>,
}

/// What is special about some jobs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    #[serde(rename = "match")]
    pattern: String,
    #[serde(default, deserialize_with = "duration")]
    late_after: Option<Millis>,
    #[serde(default, deserialize_with = "cadences")]
    late_cadences: Option<f64>,
    #[serde(default, deserialize_with = "duration")]
    lost_after: Option<Millis>,
    #[serde(default, deserialize_with = "count")]
    zero_streak: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    zero_streak_critical: Option<u64>,
    #[serde(default, deserialize_with = "duration")]
    max_run: Option<Millis>,
    #[serde(default, deserialize_with = "mutes")]
    mute: Option<Vec<Mute>>,
    #[serde(default)]
    expect: bool,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, on which line, and the nearest name.
    pub fn read(path: &Path) -> Result<Config, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: can't be read: {error}"))?;
        let line = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let mut config: Config = toml::from_str(&text).map_err(|error| {
            let place = error.span().map_or_else(String::new, |span| format!(" line {}:", line(span.start)));
            format!("{shown}:{place} {}", with_nearest_name(error.message()))
        })?;
        for job in std::mem::take(&mut config.job) {
            let begins = line(job.span().start);
            let job = job.into_inner();
            config.expect.extend(Some(job.pattern.clone()).filter(|_| job.expect));
            config.rules.push(job.rule(begins));
        }
        Ok(config)
    }

    /// What is special about some jobs, in the order of the file.
    pub fn rules(&self) -> Vec<Rule> {
        self.rules.clone()
    }
}

impl Job {
    fn rule(self, line: usize) -> Rule {
        Rule {
            pattern: WildMatch::new(&self.pattern),
            line,
            late_after: self.late_after,
            late_cadences: self.late_cadences,
            lost_after: self.lost_after,
            zero_streak: self.zero_streak,
            zero_streak_critical: self.zero_streak_critical,
            max_run: self.max_run,
            mute: self.mute,
        }
    }
}

/// The parser's message; where it lists what it expected instead of a name, the nearest of them.
fn with_nearest_name(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next().filter(|_| message.starts_with("unknown"));
    let nearest = unknown.and_then(|unknown| nearest(unknown, quoted));
    let first = message.lines().next().unwrap_or_default();
    match (unknown, nearest) {
        (Some(unknown), Some(nearest)) => format!("unknown key {unknown:?}; did you mean {nearest:?}?"),
        _ => first.to_owned(),
    }
}

/// The name most like another one, if any is much like it.
pub fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let like = |other: &str| strsim::jaro_winkler(&other.to_lowercase(), &name.to_lowercase());
    among.max_by(|a, b| like(a).total_cmp(&like(b))).filter(|other| like(other) > 0.75)
}

fn read<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map(Some).map_err(|error| de::Error::custom(format!("{text:?}: {error}")))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    read(deserializer, parse_duration)
}

fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    read(deserializer, parse_timeout)
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zone>, D::Error> {
    read(deserializer, parse_zone)
}

fn by_name<'de, D: Deserializer<'de>, T: ValueEnum>(deserializer: D) -> Result<Option<T>, D::Error> {
    read(deserializer, |text| T::from_str(text, false).map_err(|_| format!("not one of {}", names::<T>().join(", "))))
}

fn names<T: ValueEnum>() -> Vec<String> {
    T::value_variants().iter().filter_map(|one| Some(one.to_possible_value()?.get_name().to_owned())).collect()
}

fn cadences<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = f64::deserialize(deserializer)?;
    parse_cadences(&number.to_string()).map(Some).map_err(de::Error::custom)
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match u64::deserialize(deserializer)? {
        0 => Err(de::Error::custom("0: must be 1 or more")),
        count => Ok(Some(count)),
    }
}

fn mutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Mute>>, D::Error> {
    let named = |name: String| {
        Mute::named(&name).ok_or_else(|| {
            let names = Mute::names();
            let hint = nearest(&name, names.iter().map(String::as_str))
                .map_or_else(String::new, |nearest| format!("; did you mean {nearest:?}?"));
            de::Error::custom(format!("{name:?} is not a detector or reason{hint}"))
        })
    };
    Vec::<String>::deserialize(deserializer)?.into_iter().map(named).collect::<Result<_, _>>().map(Some)
}
