//! The file of `--config`: TOML with the long options, underscores for hyphens, and a `[[job]]` for each special case. It is
//! read only if it is named.

use crate::audit::policy::{Mute, Rule};
use crate::settings::{
    FailOn, ProcessCheck, SettingError, ThresholdOverrides, ZoneChoice, nearest, parse_cadences, parse_duration,
    parse_timeout, parse_zone,
};
use crate::time::Millis;
use clap::ValueEnum;
use serde::{Deserialize, Deserializer, de};
use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::Spanned;
use wildmatch::WildMatch;

/// More is no configuration.
const MAX_FILE_LEN: u64 = 1 << 20;
const MAX_RULES: usize = 1000;

/// What a file sets.
#[derive(Debug, Default)]
pub struct Config {
    /// Databases, relative to the file.
    pub databases: Vec<PathBuf>,
    /// See `--recursive`; relative to the file.
    pub recursive: Vec<PathBuf>,
    /// See `--ignore`.
    pub ignore: Vec<String>,
    /// See `--expect`.
    pub expect: Vec<String>,
    /// See `--fail-on`.
    pub fail_on: Option<FailOn>,
    /// See `--timezone`.
    pub timezone: Option<ZoneChoice>,
    /// See `--since`.
    pub since: Option<Millis>,
    /// See `--timeout`.
    pub timeout: Option<Millis>,
    /// See `--no-resolved`.
    pub no_resolved: bool,
    /// See `--process`.
    pub process: Option<ProcessCheck>,
    /// The thresholds of all jobs.
    pub thresholds: ThresholdOverrides,
    /// Special cases, in the order of the file.
    pub rules: Vec<Rule>,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It can't be read.
    #[error("{}: can't be read: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// A line of it is wrong.
    #[error("{}:{} {message}", .path.display(), .line.map_or_else(String::new, |line| format!(" line {line}:")))]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: Option<usize>,
        /// What is wrong, with the most similar name.
        message: String,
    },
    /// A rule contradicts itself.
    #[error("{}: line {line}: {error}", .path.display())]
    Rule {
        /// The file.
        path: PathBuf,
        /// The line on which the rule begins.
        line: usize,
        /// The contradiction.
        error: SettingError,
    },
    /// More rules than can be applied to each job.
    #[error("{}: has {count} [[job]] rules, more than {MAX_RULES}: match several jobs with one pattern", .path.display())]
    TooManyRules {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// `~` without a home.
    #[error("{}: {shown:?} needs the variable HOME, which is not set", .path.display())]
    NoHome {
        /// The file.
        path: PathBuf,
        /// The path that begins with `~`.
        shown: PathBuf,
    },
}

/// The keys of a file; None and empty lists are not set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    databases: Vec<PathBuf>,
    recursive: Vec<PathBuf>,
    ignore: Vec<String>,
    expect: Vec<String>,
    #[serde(deserialize_with = "by_name")]
    fail_on: Option<FailOn>,
    #[serde(deserialize_with = "zone")]
    timezone: Option<ZoneChoice>,
    #[serde(deserialize_with = "duration")]
    since: Option<Millis>,
    #[serde(deserialize_with = "timeout")]
    timeout: Option<Millis>,
    no_resolved: bool,
    #[serde(deserialize_with = "by_name")]
    process: Option<ProcessCheck>,
    #[serde(deserialize_with = "duration")]
    late_after: Option<Millis>,
    #[serde(deserialize_with = "duration")]
    lost_after: Option<Millis>,
    #[serde(deserialize_with = "cadences")]
    late_cadences: Option<f64>,
    #[serde(deserialize_with = "count")]
    zero_streak: Option<u64>,
    #[serde(deserialize_with = "count")]
    zero_streak_critical: Option<u64>,
    #[serde(deserialize_with = "duration")]
    max_run: Option<Millis>,
    job: Vec<Spanned<JobKeys>>,
}

/// The keys of a `[[job]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobKeys {
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
    /// What is wrong with it, on which line, and the most similar name.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = read_file(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        let line = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let keys: Keys = toml::from_str(&text).map_err(|error| ConfigError::Line {
            path: path.to_owned(),
            line: error.span().map(|span| line(span.start)),
            message: with_nearest_name(error.message()),
        })?;
        let thresholds = keys.thresholds();
        let mut config = Config {
            databases: resolved(keys.databases, path)?,
            recursive: resolved(keys.recursive, path)?,
            ignore: keys.ignore,
            expect: keys.expect,
            fail_on: keys.fail_on,
            timezone: keys.timezone,
            since: keys.since,
            timeout: keys.timeout,
            no_resolved: keys.no_resolved,
            process: keys.process,
            thresholds,
            rules: Vec::new(),
        };
        if keys.job.len() > MAX_RULES {
            return Err(ConfigError::TooManyRules { path: path.to_owned(), count: keys.job.len() });
        }
        for job in keys.job {
            let line = line(job.span().start);
            let job = job.into_inner();
            config.expect.extend(Some(job.pattern.clone()).filter(|_| job.expect));
            let rule = job.rule(line);
            let checked = rule.thresholds.check();
            checked.map_err(|error| ConfigError::Rule { path: path.to_owned(), line, error })?;
            config.rules.push(rule);
        }
        Ok(config)
    }
}

/// Reads a regular file of a size that makes sense: a pipe could stall us, and a device never ends.
fn read_file(path: &Path) -> std::io::Result<String> {
    let refuse = |why: &str| Err(std::io::Error::other(why.to_owned()));
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() {
        return refuse("it is not a regular file");
    }
    if meta.len() > MAX_FILE_LEN {
        return refuse("it is longer than 1 MB");
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_LEN).read_to_string(&mut text)?;
    Ok(text)
}

impl Keys {
    fn thresholds(&self) -> ThresholdOverrides {
        ThresholdOverrides {
            late_cadences: self.late_cadences,
            late_after: self.late_after,
            lost_after: self.lost_after,
            zero_streak: self.zero_streak,
            zero_streak_critical: self.zero_streak_critical,
            max_run: self.max_run,
        }
    }
}

impl JobKeys {
    fn rule(self, line: usize) -> Rule {
        Rule {
            pattern: WildMatch::new(&self.pattern),
            line,
            thresholds: ThresholdOverrides {
                late_cadences: self.late_cadences,
                late_after: self.late_after,
                lost_after: self.lost_after,
                zero_streak: self.zero_streak,
                zero_streak_critical: self.zero_streak_critical,
                max_run: self.max_run,
            },
            mute: self.mute,
        }
    }
}

/// Paths as the file means them: `~` is the home directory, and relative ones start at the file's directory.
fn resolved(paths: Vec<PathBuf>, file: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let directory = file.parent().unwrap_or(Path::new(""));
    let resolve = |path: PathBuf| match path.strip_prefix("~") {
        Ok(rest) => match std::env::var_os("HOME").filter(|home| !home.is_empty()) {
            Some(home) => Ok(Path::new(&home).join(rest)),
            None => Err(ConfigError::NoHome { path: file.to_owned(), shown: path }),
        },
        Err(_) => Ok(directory.join(path)),
    };
    paths.into_iter().map(resolve).collect()
}

/// The parser's message; where it lists what it expected instead of a name, the most similar of them.
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

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ZoneChoice>, D::Error> {
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
