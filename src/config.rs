//! The config file: TOML with the long options, underscores for hyphens, a `[[job]]` for each special case, and a `[[mute]]` for
//! each incident that is not reported.

mod mistakes;
mod set;
mod trust;

use crate::audit::policy::{IncidentMute, Mute, Rule, contradiction};
use crate::catalog::{self, Problem, Severity};
use crate::settings::{
    Budget, FailOn, NotifyOn, ProcessCheck, Quiet, SettingError, Severities, THRESHOLDS, Threshold, ThresholdOverrides,
    Value, ZoneChoice, nearest, parse_cadences, parse_command, parse_count, parse_duration, parse_instant, parse_quiet,
    parse_severity, parse_timeout, parse_zone,
};
use crate::stores::{Dialect, Form, Mapping, TimeForm, Words};
use crate::time::{DAY, Instant, Millis, TimeText};
use crate::{explain, settings};
use clap::ValueEnum;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Deserializer, de};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use wildmatch::WildMatch;

/// More is no configuration.
const MAX_FILE_LEN: u64 = 1 << 20;
const MAX_RULES: usize = 1000;
/// The tables that have this key have the thresholds too.
const BESIDE_THRESHOLDS: &str = "quiet";

/// What a file sets.
#[derive(Debug, Default)]
pub struct Config {
    /// The file; None without one.
    pub path: Option<PathBuf>,
    /// The line of each of its keys.
    pub lines: HashMap<String, usize>,
    /// The keys that `--set` sets.
    pub set: HashSet<String>,
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
    /// See `--notify`.
    pub notify: Option<String>,
    /// See `--notify-on`.
    pub notify_on: Option<NotifyOn>,
    /// See `--remind`.
    pub remind: Option<Millis>,
    /// See `--state`; relative to the file.
    pub state: Option<PathBuf>,
    /// When nothing is expected to run.
    pub quiet: Vec<Quiet>,
    /// How bad problems are, of every job.
    pub severities: Severities,
    /// What all jobs of a database may spend in a day together.
    pub budget: Option<Budget>,
    /// The thresholds of all jobs.
    pub thresholds: ThresholdOverrides,
    /// Special cases, in the order of the file.
    pub rules: Vec<Rule>,
    /// Incidents that are not reported.
    pub mutes: Vec<IncidentMute>,
    /// Stores that the operator has mapped.
    pub stores: Vec<Mapping>,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It can't be read.
    #[error("{}: can't be read: {error}; pass --no-config to do without", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// Others can write it.
    #[error("{}: is not obeyed: {why}", .path.display())]
    Distrusted {
        /// The file.
        path: PathBuf,
        /// Why.
        why: trust::Distrust,
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
    /// `--set` is wrong.
    #[error("--set {given}: {why}")]
    Set {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: String,
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

/// The keys of a file but for the thresholds. Their comments are docs/config.md, and with their examples the template.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Scheduler databases, used if the command line names none. Paths start at the file's directory; `~` is the home directory.
    #[schemars(example = ["/app/data/phantom.db"])]
    databases: Vec<PathBuf>,
    /// Directories under which every scheduler database is audited.
    #[schemars(example = ["/srv/agents"])]
    recursive: Vec<PathBuf>,
    /// Jobs that are not audited, by id or name; `*` and `?` match anything.
    #[schemars(example = ["test-*"])]
    ignore: Vec<String>,
    /// Jobs that must exist and be watched: critical if none matches the pattern.
    #[schemars(with = "Vec<String>", example = ["heartbeat"])]
    expect: Vec<Spanned<String>>,
    /// Lowest severity that makes the exit code non-zero: warning, critical, or never. Default: warning.
    #[serde(deserialize_with = "by_name")]
    #[schemars(with = "String", example = &"critical")]
    fail_on: Option<FailOn>,
    /// Time zone of schedules that name none, such as UTC, Europe/Berlin, or UTC+02:00. Default: auto, by the jobs' next runs.
    #[serde(deserialize_with = "zone")]
    #[schemars(with = "String", example = &"UTC")]
    timezone: Option<ZoneChoice>,
    /// How far back problems are reported that are over. Default: 7d.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", example = &"3d")]
    since: Option<Millis>,
    /// When to give up; a plain number is seconds. Default: 10s.
    #[serde(deserialize_with = "timeout")]
    #[schemars(with = "String", example = &"30s")]
    timeout: Option<Millis>,
    /// Whether to leave out problems that are over. Default: false.
    #[schemars(example = true)]
    no_resolved: bool,
    /// Whether to ask which process has a database open: auto or ignore. Default: auto.
    #[serde(deserialize_with = "by_name")]
    #[schemars(with = "String", example = &"ignore")]
    process: Option<ProcessCheck>,
    /// The shell command of `--notify`, where the command line gives that without one; `-` prints the news. It is run by no
    /// other call. Default: none.
    #[serde(deserialize_with = "command")]
    #[schemars(with = "String", example = &"mail -s \"$SCHED_AUDIT_TITLE\" me@example.org")]
    notify: Option<String>,
    /// Lowest severity that the command is told: warning or critical. Default: critical.
    #[serde(deserialize_with = "by_name")]
    #[schemars(with = "String", example = &"warning")]
    notify_on: Option<NotifyOn>,
    /// How long after it was told a lasting incident is told again. Default: never.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", example = &"24h")]
    remind: Option<Millis>,
    /// Where it is remembered what was told. Default: $XDG_STATE_HOME/sched-audit/state.json.
    #[schemars(example = &"/var/lib/sched-audit/state.json")]
    state: Option<PathBuf>,
    /// Hours in which nothing is expected to run, in the zone of the database: a machine that sleeps, a window of maintenance.
    /// Slots in them are not lost.
    #[serde(deserialize_with = "quiet")]
    #[schemars(with = "Vec<String>", example = ["22:00-07:00"])]
    quiet: Option<Vec<Quiet>>,
    /// How bad problems are, whatever their rules say: info, warning, or critical, by the names of `--explain`. Info is no alarm. The
    /// cause of an incident goes before the problems that it explains; what is over becomes milder at most.
    #[serde(deserialize_with = "severities")]
    #[schemars(with = "BTreeMap<String, String>", example = severity_example())]
    severity: Severities,
    /// What all jobs of a database may spend in a day together, in US dollars, in tokens in and out, or in both: a warning from there on,
    /// critical from twice as much on. The day is that of the database's zone.
    #[serde(deserialize_with = "budget")]
    #[schemars(with = "BTreeMap<String, f64>", example = budget_example())]
    budget: Option<Budget>,
    /// Special cases: the keys that apply to the jobs that match.
    #[schemars(with = "Vec<JobKeys>")]
    job: Vec<Spanned<JobKeys>>,
    /// Incidents that are not reported, but counted.
    #[schemars(with = "Vec<MuteKeys>")]
    mute: Vec<Spanned<MuteKeys>>,
    /// Stores of other schedulers, read by queries.
    #[schemars(with = "Vec<StoreKeys>")]
    store: Vec<Spanned<StoreKeys>>,
}

/// The store of a scheduler that sched-audit does not know, read by queries whose column names carry the meaning: see stores.md.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StoreKeys {
    /// Its name, for `--store`. Required.
    #[schemars(example = &"homemade")]
    name: String,
    /// The tables by which a database is recognized, and which alone may be read. Required.
    #[schemars(example = ["tasks", "task_log"])]
    tables: Vec<String>,
    /// Columns that not every version of the store has, as table.column: NULL where they are missing.
    #[serde(default)]
    #[schemars(example = ["tasks.locked_at"])]
    optional: Vec<String>,
    /// One SELECT with a row per job. Columns: id, and of name, enabled, kind, schedule, timezone, next_run, last_start, last_end,
    /// last_status, last_error, errors, created_at, running_since what there is. Required.
    #[schemars(example = &"SELECT id, cron AS schedule, next_run FROM tasks")]
    jobs: String,
    /// One SELECT with a row per run. Columns: job, and of name, start, end, duration_ms, status, tokens, cost_usd, message, error what
    /// there is. `:since` is when the window begins.
    #[serde(default)]
    #[schemars(example = &"SELECT task_id AS job, started AS start, ended AS \"end\", status, error FROM task_log WHERE started > :since")]
    runs: Option<String>,
    /// One SELECT of one value: when the scheduler last gave a sign of life. Older than five minutes, it is dead.
    #[serde(default)]
    #[schemars(example = &"SELECT max(beat) FROM tasks")]
    heartbeat: Option<String>,
    /// What a schedule is, by the value of kind: cron, every-ms, every-seconds, every-minutes, or at. Default: the forms by
    /// their names; cron where there is no kind.
    #[serde(default, deserialize_with = "kinds")]
    #[schemars(with = "BTreeMap<String, String>", example = BTreeMap::from([("interval", "every-ms")]))]
    kinds: Option<HashMap<String, Form>>,
    /// Words of status and last_status: lists for ok, error, skipped, and running. Default: the usual English words.
    #[serde(default)]
    #[schemars(example = BTreeMap::from([("error", ["broken"])]))]
    status: StatusKeys,
    /// How times are written: iso, unix, or unix-ms. Default: told by each value; text without an offset is UTC.
    #[serde(default, deserialize_with = "by_name")]
    #[schemars(with = "String", example = &"unix-ms")]
    time: Option<TimeForm>,
    /// How cron expressions of more than five fields are read: posix (seconds first), seconds-first (the same, and times that a clock
    /// change leaves out are left out), seconds-last, or quartz (seconds first, Sunday is day 1). Default: posix.
    #[serde(default, deserialize_with = "by_name")]
    #[schemars(with = "String", example = &"seconds-first")]
    cron: Option<Dialect>,
    /// Whether next_run is moved before the run that is due, and not after it. Default: false.
    #[serde(default)]
    #[schemars(example = true)]
    moves_before: bool,
    /// How many runs there are at a time at most. Default: no limit.
    #[serde(default, deserialize_with = "count")]
    #[schemars(example = 1)]
    parallel: Option<u64>,
    /// The longest run. Where runs in flight are not on record, a job is late only after this time. Default: max_run.
    #[serde(default, deserialize_with = "duration")]
    #[schemars(with = "String", example = &"10m")]
    longest_run: Option<Millis>,
    /// How long runs are kept before they are deleted: a job without runs was not silent before that. Default: for ever.
    #[serde(default, deserialize_with = "duration")]
    #[schemars(with = "String", example = &"1d")]
    keeps: Option<Millis>,
    /// How long after the first, second, ... error in a row a job is tried again. Default: at its next slot.
    #[serde(default)]
    #[schemars(example = ["30s", "5m"])]
    backoff: Vec<String>,
    /// Commands to show with every incident; `<job-id>` stands for its first job.
    #[serde(default)]
    #[schemars(example = ["systemctl status scheduler"])]
    commands: Vec<String>,
}

/// Words for the outcome of a run.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct StatusKeys {
    ok: Option<Vec<String>>,
    error: Option<Vec<String>>,
    skipped: Option<Vec<String>>,
    running: Option<Vec<String>>,
}

/// A special case. Of several rules that match a job, for each key the most specific one wins, then the later one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JobKeys {
    /// Which jobs, by id or name; `*` and `?` match anything. Required.
    #[serde(rename = "match")]
    #[schemars(example = &"mail-*")]
    pattern: String,
    /// As above, for these jobs.
    #[serde(default, deserialize_with = "quiet")]
    #[schemars(with = "Vec<String>", example = ["00:00-06:00"])]
    quiet: Option<Vec<Quiet>>,
    /// Problems and detectors that are not reported for these jobs; `--explain` has their names.
    #[serde(default, deserialize_with = "mutes")]
    #[schemars(with = "Vec<String>", example = ["zero-tokens", "run-long"])]
    mute: Option<Vec<Mute>>,
    /// As above, for these jobs; other problems keep the severity that they have above.
    #[serde(default, deserialize_with = "severities")]
    #[schemars(with = "BTreeMap<String, String>", example = severity_example())]
    severity: Severities,
    /// What each of these jobs may spend in a day, judged as above.
    #[serde(default, deserialize_with = "budget")]
    #[schemars(with = "BTreeMap<String, f64>", example = budget_example())]
    budget: Option<Budget>,
    /// A run that ends sooner did nothing: several in a row are judged like runs without tokens.
    #[serde(default, deserialize_with = "duration")]
    #[schemars(with = "String", example = &"5s")]
    min_run: Option<Millis>,
    /// A path or pattern of files that runs leave behind, which starts at the file's directory: a warning if none of them was written since
    /// the last run began that is longer ago than max_run. Of the files only the times are read.
    #[schemars(with = "String", example = &"reports/*.md")]
    output: Option<PathBuf>,
    /// Whether a job must match. Default: false.
    #[serde(default)]
    #[schemars(example = true)]
    expect: bool,
}

/// A mute covers the incidents that match all of its keys. One of cause, fingerprint, and job is required.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct MuteKeys {
    /// Their cause, or the problem or detector of all their findings; each incident shows it.
    #[serde(deserialize_with = "mute")]
    #[schemars(with = "String", example = &"undelivered")]
    cause: Option<Mute>,
    /// The fingerprint of one incident.
    #[schemars(example = &"ea1abcca7f241b8e")]
    fingerprint: Option<String>,
    /// A pattern that all of their jobs match.
    #[schemars(example = &"newsletter")]
    job: Option<String>,
    /// Until the end of a day in UTC, or an instant such as 2026-05-01T12:00:00Z. Default: for ever.
    #[serde(deserialize_with = "until")]
    #[schemars(with = "String", example = &"2026-05-01")]
    until: Option<Instant>,
    /// Why, for whoever reads the file or --check-config.
    #[schemars(example = &"the channel moves on Friday")]
    reason: Option<String>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, on which line, and the most similar name.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = read_file(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        trust::check(path).map_err(|why| ConfigError::Distrusted { path: path.to_owned(), why })?;
        Config::of(path, &text)
    }

    /// What the text of a file sets.
    fn of(path: &Path, text: &str) -> Result<Config, ConfigError> {
        let source = Source { path, text };
        let mut file = DeTable::parse(text).map_err(|error| source.refuse(&error))?;
        let lines =
            file.get_ref().keys().map(|key| (key.get_ref().to_string(), source.line(key.span().start))).collect();
        let thresholds = source.take_thresholds(file.get_mut())?;
        let thresholds_of_jobs = source.take_thresholds_of_jobs(file.get_mut())?;
        let keys = Keys::deserialize(toml::Deserializer::from(file)).map_err(|error| source.refuse(&error))?;
        let mut config = Config {
            path: Some(path.to_owned()),
            lines,
            set: HashSet::new(),
            databases: resolved(keys.databases, path)?,
            recursive: resolved(keys.recursive, path)?,
            ignore: keys.ignore,
            expect: Vec::new(),
            fail_on: keys.fail_on,
            timezone: keys.timezone,
            since: keys.since,
            timeout: keys.timeout,
            no_resolved: keys.no_resolved,
            process: keys.process,
            notify: keys.notify,
            notify_on: keys.notify_on,
            remind: keys.remind,
            state: resolved(keys.state.into_iter().collect(), path)?.pop(),
            quiet: keys.quiet.unwrap_or_default(),
            severities: keys.severity,
            budget: keys.budget,
            thresholds,
            rules: Vec::new(),
            mutes: Vec::new(),
            stores: Vec::new(),
        };
        for expected in keys.expect {
            config.expect(source.line(expected.span().start), expected.into_inner())?;
        }
        if keys.job.len() > MAX_RULES {
            return Err(ConfigError::TooManyRules { path: path.to_owned(), count: keys.job.len() });
        }
        for (job, thresholds) in keys.job.into_iter().zip(thresholds_of_jobs) {
            let line = source.line(job.span().start);
            let mut job = job.into_inner();
            job.output = resolved(job.output.into_iter().collect(), path)?.pop();
            thresholds.check().map_err(|error| ConfigError::Rule { path: path.to_owned(), line, error })?;
            if job.expect {
                config.expect(line, job.pattern.clone())?;
            }
            config.rules.push(job.rule(line, thresholds));
        }
        for mute in keys.mute {
            let line = source.line(mute.span().start);
            let mute = mute.into_inner().mute(line);
            if mute.what.is_none() && mute.fingerprint.is_none() && mute.job.is_none() {
                let message = "a [[mute]] needs a cause, a fingerprint, or a job".to_owned();
                return Err(ConfigError::Line { path: path.to_owned(), line: Some(line), message });
            }
            config.mutes.push(mute);
        }
        for store in keys.store {
            let line = source.line(store.span().start);
            let mapping = store.into_inner().mapping((path.to_owned(), line));
            let wrong = |message| ConfigError::Line { path: path.to_owned(), line: Some(line), message };
            config.stores.push(mapping.map_err(wrong)?);
        }
        Ok(config)
    }

    /// Takes in a job that must exist, unless it is ignored.
    fn expect(&mut self, line: usize, pattern: String) -> Result<(), ConfigError> {
        if let Some(ignored) = contradiction(&pattern, &self.ignore)
            && let Some(path) = &self.path
        {
            let message = format!(
                "expect {pattern:?} and ignore {ignored:?} contradict each other: a job that is ignored is not watched"
            );
            return Err(ConfigError::Line { path: path.clone(), line: Some(line), message });
        }
        self.expect.push(pattern);
        Ok(())
    }

    /// Reads the first file of the usual [`places`] that exists; without one, nothing is set. What can't be looked at, or is a
    /// link without a target, may be what the operator has set.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn find() -> Result<Config, ConfigError> {
        for place in places() {
            match place.symlink_metadata() {
                Ok(_) => return Config::read(&place),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err(ConfigError::Read { path: place, error }),
            }
        }
        Ok(Config::default())
    }
}

/// Where a config file is looked for: the user's, then the system's.
pub fn places() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let own = home.map(|home| home.join("sched-audit/config.toml"));
    own.into_iter().chain([PathBuf::from("/etc/sched-audit.toml")]).collect()
}

/// The schema of a file.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Keys>().to_value()
}

impl StoreKeys {
    fn mapping(self, place: (PathBuf, usize)) -> Result<Mapping, String> {
        if self.tables.is_empty() {
            return Err("a [[store]] needs tables by which it is recognized".to_owned());
        }
        let optional = self.optional.iter().map(|name| table_and_column(name));
        let backoff =
            self.backoff.iter().map(|text| parse_duration(text).map_err(|error| format!("{text:?}: {error}")));
        let usual = Words::default();
        let forms = Form::value_variants().iter();
        let by_their_names = forms.filter_map(|form| Some((form.to_possible_value()?.get_name().to_owned(), *form)));
        Ok(Mapping {
            name: self.name,
            place,
            tables: self.tables,
            optional: optional.collect::<Result<_, _>>()?,
            jobs: self.jobs,
            runs: self.runs,
            heartbeat: self.heartbeat,
            kinds: self.kinds.unwrap_or_else(|| by_their_names.collect()),
            words: Words {
                ok: self.status.ok.unwrap_or(usual.ok),
                error: self.status.error.unwrap_or(usual.error),
                skipped: self.status.skipped.unwrap_or(usual.skipped),
                running: self.status.running.unwrap_or(usual.running),
            },
            time: self.time,
            dialect: self.cron.unwrap_or_default(),
            moves_before: self.moves_before,
            parallel: self.parallel.and_then(|runs| usize::try_from(runs).ok()),
            longest_run: self.longest_run,
            keeps: self.keeps,
            backoff: backoff.collect::<Result<_, _>>()?,
            commands: self.commands,
        })
    }
}

/// The parts of `table.column`.
fn table_and_column(name: &str) -> Result<(String, String), String> {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    match name.split_once('.') {
        Some((table, column)) if is_name(table) && is_name(column) => Ok((table.to_owned(), column.to_owned())),
        _ => Err(format!("optional: {name:?} is not a column such as tasks.locked_at")),
    }
}

impl MuteKeys {
    fn mute(self, line: usize) -> IncidentMute {
        let MuteKeys { cause, fingerprint, job, until, reason } = self;
        let job = job.map(|job| WildMatch::new(&job));
        IncidentMute { line, what: cause, fingerprint, job, until, reason }
    }
}

/// Reads a regular file of a size that makes sense: a pipe could stall us, and a device never ends.
fn read_file(path: &Path) -> std::io::Result<String> {
    let refuse = |why: &str| Err(std::io::Error::other(why.to_owned()));
    let meta = std::fs::metadata(path)?;
    match meta.file_type() {
        kind if kind.is_file() => {}
        kind if kind.is_fifo() => return refuse("it is a named pipe, not a file"),
        kind if kind.is_dir() => return refuse("it is a directory, not a file"),
        _ => return refuse("it is a device, not a file"),
    }
    if meta.len() > MAX_FILE_LEN {
        return refuse("it is longer than 1 MB");
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_LEN).read_to_string(&mut text)?;
    Ok(text)
}

impl JobKeys {
    fn rule(self, line: usize, thresholds: ThresholdOverrides) -> Rule {
        let JobKeys { pattern, quiet, mute, severity, budget, min_run, output, expect: _ } = self;
        Rule {
            pattern: WildMatch::new(&pattern),
            line,
            thresholds,
            quiet,
            mute,
            severities: severity,
            budget,
            min_run,
            output,
        }
    }
}

/// A file's text, and where it is from.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    /// The line of a byte, counted from 1.
    fn line(&self, offset: usize) -> usize {
        mistakes::line_number(self.text, offset)
    }

    fn refuse(&self, error: &toml::de::Error) -> ConfigError {
        ConfigError::Line {
            path: self.path.to_owned(),
            line: error.span().map(|span| self.line(span.start)),
            message: mistakes::explain(self.text, error.span(), error.message()),
        }
    }

    /// Takes the thresholds out of a table, whose other keys serde reads.
    fn take_thresholds(&self, table: &mut DeTable<'_>) -> Result<ThresholdOverrides, ConfigError> {
        let mut given = ThresholdOverrides::default();
        for threshold in THRESHOLDS {
            let Some(value) = table.remove(threshold.key) else { continue };
            let place = value.span();
            match threshold_value(threshold, ValueDeserializer::from(value)) {
                Ok(value) => given.set(threshold.key, value),
                Err(error) => {
                    let line = Some(self.line(place.start));
                    let message = mistakes::explain(self.text, Some(place), error.message());
                    return Err(ConfigError::Line { path: self.path.to_owned(), line, message });
                }
            }
        }
        Ok(given)
    }

    /// The same for each `[[job]]`.
    fn take_thresholds_of_jobs(&self, file: &mut DeTable<'_>) -> Result<Vec<ThresholdOverrides>, ConfigError> {
        let Some(DeValue::Array(jobs)) = file.get_mut("job").map(Spanned::get_mut) else { return Ok(Vec::new()) };
        let mut of_jobs = Vec::new();
        for job in jobs.iter_mut() {
            of_jobs.push(match job.get_mut() {
                DeValue::Table(job) => self.take_thresholds(job)?,
                _ => ThresholdOverrides::default(),
            });
        }
        Ok(of_jobs)
    }
}

fn threshold_value<'de, D: Deserializer<'de>>(threshold: &Threshold, value: D) -> Result<Value, D::Error> {
    match threshold.default {
        Value::Duration(_) => read_text(value, parse_duration).map(Value::Duration),
        Value::Count(_) => read_count(value).map(Value::Count),
        Value::Cadences(_) => {
            parse_cadences(&f64::deserialize(value)?.to_string()).map(Value::Cadences).map_err(de::Error::custom)
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

fn read<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, D::Error> {
    read_text(deserializer, parse).map(Some)
}

fn read_text<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(|error| de::Error::custom(format!("{text:?}: {error}")))
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

fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    read(deserializer, parse_command)
}

fn by_name<'de, D: Deserializer<'de>, T: ValueEnum>(deserializer: D) -> Result<Option<T>, D::Error> {
    read(deserializer, |text| T::from_str(text, false).map_err(|_| not_one_of::<T>(text)))
}

fn not_one_of<T: ValueEnum>(text: &str) -> String {
    let names = names::<T>();
    let hint = nearest(text, names.iter().map(String::as_str)).map(|near| format!("; did you mean {near:?}?"));
    format!("not one of {}{}", names.join(", "), hint.unwrap_or_default())
}

fn names<T: ValueEnum>() -> Vec<String> {
    T::value_variants().iter().filter_map(|one| Some(one.to_possible_value()?.get_name().to_owned())).collect()
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    read_count(deserializer).map(Some)
}

fn read_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let count = i64::deserialize(deserializer)?.to_string();
    parse_count(&count).map_err(|error| de::Error::custom(format!("{count}: {error}")))
}

fn mutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Mute>>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?.into_iter();
    names.map(|name| named_mute(&name).map_err(de::Error::custom)).collect::<Result<_, _>>().map(Some)
}

fn mute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mute>, D::Error> {
    named_mute(&String::deserialize(deserializer)?).map(Some).map_err(de::Error::custom)
}

fn named_mute(name: &str) -> Result<Mute, String> {
    if let Some(mute) = Mute::named(name) {
        return Ok(mute);
    }
    Err(unknown_name(name, "a problem or a detector", &explain::names()))
}

/// That a name of the catalog is none, and which one is meant.
fn unknown_name(name: &str, kind: &str, names: &[String]) -> String {
    if let Some(problem) = catalog::renamed(name) {
        return format!("{name:?} is now {:?}", problem.name());
    }
    let hint = match nearest(name, names.iter().map(String::as_str)) {
        Some(nearest) => format!("; did you mean {nearest:?}?"),
        None => String::new(),
    };
    format!("{name:?} is not {kind}{hint}")
}

/// The name of a problem, as a key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct ProblemKey(Problem);

impl<'de> Deserialize<'de> for ProblemKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ProblemKey, D::Error> {
        let name = String::deserialize(deserializer)?;
        if let Some(problem) = Problem::named(&name) {
            return Ok(ProblemKey(problem));
        }
        let names: Vec<String> = Problem::all().iter().map(|problem| problem.name()).collect();
        Err(de::Error::custom(unknown_name(&name, "a problem", &names)))
    }
}

/// How bad a problem is, as a value.
struct SeverityWord(Severity);

impl<'de> Deserialize<'de> for SeverityWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SeverityWord, D::Error> {
        read_text(deserializer, parse_severity).map(SeverityWord)
    }
}

fn severities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Severities, D::Error> {
    let given = BTreeMap::<ProblemKey, SeverityWord>::deserialize(deserializer)?;
    Ok(given.into_iter().map(|(ProblemKey(problem), SeverityWord(severity))| (problem, severity)).collect())
}

fn budget<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Budget>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct BudgetKeys {
        cost_usd: Option<f64>,
        tokens: Option<u64>,
    }
    let BudgetKeys { cost_usd, tokens } = BudgetKeys::deserialize(deserializer)?;
    settings::budget(cost_usd, tokens).map(Some).map_err(de::Error::custom)
}

fn budget_example() -> BTreeMap<&'static str, u64> {
    BTreeMap::from([("cost_usd", 5), ("tokens", 2_000_000)])
}

fn severity_example() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("run-long", "info"), ("work-shrank", "warning")])
}

fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HashMap<String, Form>>, D::Error> {
    let named = |(kind, form): (String, String)| match Form::from_str(&form, false) {
        Ok(form) => Ok((kind, form)),
        Err(_) => Err(de::Error::custom(format!("{form:?}: {}", not_one_of::<Form>(&form)))),
    };
    HashMap::<String, String>::deserialize(deserializer)?.into_iter().map(named).collect::<Result<_, _>>().map(Some)
}

/// An instant, or the end of a day in UTC.
fn until<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    read(deserializer, |text| match TimeText::parse(text) {
        Some(day) if text.len() == "2026-05-01".len() && text.contains('-') => Ok(day.as_utc().plus(DAY)),
        _ => parse_instant(text),
    })
}

/// One window of hours, or several.
fn quiet<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Quiet>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Windows {
        One(String),
        Several(Vec<String>),
    }
    let windows = match Windows::deserialize(deserializer)? {
        Windows::One(window) => vec![window],
        Windows::Several(windows) => windows,
    };
    let parse = |text: String| parse_quiet(&text).map_err(|error| de::Error::custom(format!("{text:?}: {error}")));
    windows.into_iter().map(parse).collect::<Result<_, _>>().map(Some)
}
