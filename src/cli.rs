//! The command line: its flags, whose comments are the help, and the options that they come to.

use crate::audit::{Settings, Severity};
use crate::cadence::Zone;
use crate::config::Config;
use crate::policy::Policy;
use crate::stores::Store;
use crate::time::{DAY, Instant, MINUTE, Millis, SECOND, TimeText, parse_duration};
use clap::{Args, Command, FromArgMatches, Parser, ValueEnum, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use wildmatch::WildMatch;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  sched-audit                                    audit the usual places
  sched-audit --timezone UTC /app/data/phantom.db
  sched-audit --only-trouble phantom.db          for cron: prints nothing when all is well
  sched-audit --format json phantom.db | jq '.incidents[]'
  sched-audit --explain breaker-open             what it means and what to do
  sched-audit --recursive /srv/agents            every scheduler's database under a directory
  sched-audit --format nagios phantom.db         as an Icinga or Nagios check
  sched-audit --format prometheus --output sched-audit.prom phantom.db
  sched-audit --config agents.toml --check-config

Exit status:
  0  ok      1  warning      2  critical      3  could not audit
With several databases: critical wins, then 3, then warning.";

/// Says which jobs of an AI agent's scheduler have silently stopped working, from its SQLite database, without touching it.
#[derive(Debug, Parser)]
#[command(name = "sched-audit", version = VERSION.as_str(), after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// The scheduler's databases [default: data/phantom.db and OpenClaw's usual place, whichever are there]
    #[arg(value_name = "DATABASE", value_hint = ValueHint::FilePath)]
    databases: Vec<PathBuf>,
    /// Audit every scheduler's database under this directory too; repeatable
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub recursive: Vec<PathBuf>,
    /// Read the databases as this scheduler's [default: whose tables they have]
    #[arg(long, value_enum, value_name = "SCHEDULER")]
    pub store: Option<Store>,

    #[command(flatten)]
    pub target: Target,

    /// The lowest severity that makes the exit code non-zero [default: warning]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Output")]
    pub fail_on: Option<FailOn>,
    /// Print nothing if the exit code is 0, for cron
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    pub only_trouble: bool,

    /// Print what a detector, reason or cause means, how it is decided and what to do, and exit
    #[arg(long, value_name = "NAME", help_heading = "Output", hide_possible_values = true,
        value_parser = clap::builder::PossibleValuesParser::new(crate::explain::names()))]
    pub explain: Option<String>,
    /// Print a shell completion, the man page, the schema of the JSON or the list of findings, and exit
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Output")]
    pub generate: Option<Generate>,

    /// Only jobs whose id or name matches the glob; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Which jobs")]
    pub job: Vec<String>,
    /// All but the jobs whose id or name matches the glob; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Which jobs")]
    pub ignore: Vec<String>,
    /// Critical if no watched job's id or name matches the glob; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Which jobs")]
    pub expect: Vec<String>,

    /// Read options and special cases of jobs from this TOML file; the command line wins
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Configuration")]
    pub config: Option<PathBuf>,
    /// Print what each job of the databases gets, and from where, and exit
    #[arg(long, requires = "config", help_heading = "Configuration")]
    pub check_config: bool,

    /// Audit as of this RFC 3339 instant, with an offset or Z [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant, help_heading = "Time")]
    pub now: Option<Instant>,
    /// How far back troubles that are over are reported: as a warning for a day, then as info [default: 7d]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Time")]
    pub since: Option<Millis>,
    /// IANA zone of jobs whose schedule names none: the zone of the scheduler's process [default: this machine's]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, help_heading = "Time")]
    pub timezone: Option<Zone>,
    /// Give up after this time; a plain number is seconds [default: 10s]
    #[arg(short, long, value_name = "DURATION", value_parser = parse_timeout, help_heading = "Time")]
    pub timeout: Option<Millis>,

    /// A late job is critical once this many times its cadence have passed, fractions allowed [default: 2]
    #[arg(long, value_name = "N", value_parser = parse_cadences, help_heading = "Thresholds")]
    pub late_cadences: Option<f64>,
    /// A due job is a warning once the worker was free for longer than this [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Thresholds")]
    pub late_after: Option<Millis>,
    /// A due job is critical once the worker was free for longer than this [default: 65m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Thresholds")]
    pub lost_after: Option<Millis>,
    /// Zero-token fires in a row for a warning [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Thresholds")]
    pub zero_streak: Option<u64>,
    /// Zero-token fires in a row for critical [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Thresholds")]
    pub zero_streak_critical: Option<u64>,
    /// The longest run that the scheduler allows, its timeout_minutes [default: 240m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Thresholds")]
    pub max_run: Option<Millis>,
}

/// What to print, and where to.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Target {
    /// What to print
    #[arg(short, long, value_enum, default_value_t)]
    pub format: Format,
    /// Write it to a file instead, which is replaced whole: no reader sees half of it
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "quiet")]
    pub output: Option<PathBuf>,
    /// List every job, not only the troubled
    #[arg(short, long)]
    pub all: bool,
    /// No output, exit code only
    #[arg(short, long)]
    pub quiet: bool,
    /// When to use colour; NO_COLOR is honoured too
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorWhen,
}

/// The tool's version and that of the SQLite it reads with.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (SQLite {})", env!("CARGO_PKG_VERSION"), crate::db::sqlite_version()));

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// One object, described by --generate json-schema
    Json,
    /// One incident, or one thing that could not be audited, a line
    Ndjson,
    /// Metrics for node_exporter's textfile collector
    Prometheus,
    /// The output of a monitoring plugin, for Nagios and Icinga
    Nagios,
    /// Annotations of a GitHub Actions step
    Github,
    /// Test results, a job a test case, for Jenkins, GitLab and the rest of CI
    Junit,
    /// One page without script, for a status page or a mail
    Html,
}

/// `--generate`.
#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub enum Generate {
    /// Completion for bash
    CompleteBash,
    /// Completion for zsh
    CompleteZsh,
    /// Completion for fish
    CompleteFish,
    /// The man page
    Man,
    /// The JSON Schema of --format json
    JsonSchema,
    /// Every detector, cause and reason, in Markdown
    Findings,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Default, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal
    #[default]
    Auto,
    /// Also in a pipe
    Always,
    /// Never
    Never,
}

/// `--fail-on`.
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

impl Target {
    /// The one that arguments name which can't be used as a whole. Parsing stops at the first that is wrong, so it begins
    /// anew behind each.
    pub fn of_wrong_arguments() -> Target {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let lenient = Target::augment_args(Command::new("target")).ignore_errors(true);
        let parts = (0..arguments.len()).filter_map(|first| {
            let matches = lenient.clone().try_get_matches_from(&arguments[first..]).ok()?;
            Target::from_arg_matches(&matches).ok()
        });
        parts.fold(Target::default(), |known, part| Target {
            format: if known.format == Format::default() { part.format } else { known.format },
            output: known.output.or(part.output),
            quiet: known.quiet || part.quiet,
            ..part
        })
    }
}

/// What a call comes to, the command line and the file of `--config` taken together.
pub struct Options {
    /// Databases by their paths.
    pub databases: Vec<PathBuf>,
    /// Directories to search for databases.
    pub recursive: Vec<PathBuf>,
    /// How they are judged.
    pub policy: Policy,
    /// The lowest severity that makes the exit code non-zero.
    pub fail_on: FailOn,
    /// When to give up, from the start.
    pub timeout: Millis,
}

impl Cli {
    /// The options of the call; `clock` is the instant that the clock shows.
    ///
    /// # Errors
    /// What is wrong with the file of `--config`, or why this machine's zone can't be told.
    pub fn options(&self, clock: Instant) -> Result<Options, String> {
        let file = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let zone = match self.timezone.or(file.timezone) {
            Some(zone) => zone,
            None => machine_zone()?,
        };
        let settings = Settings {
            now: self.now.unwrap_or(clock),
            since: self.since.or(file.since).unwrap_or(7 * DAY),
            zone,
            late_cadences: self.late_cadences.or(file.late_cadences).unwrap_or(2.0),
            late_after: self.late_after.or(file.late_after).unwrap_or(15 * MINUTE),
            lost_after: self.lost_after.or(file.lost_after).unwrap_or(65 * MINUTE),
            zero_streak: self.zero_streak.or(file.zero_streak).unwrap_or(3),
            zero_streak_critical: self.zero_streak_critical.or(file.zero_streak_critical).unwrap_or(5),
            max_run: self.max_run.or(file.max_run).unwrap_or(240 * MINUTE),
        };
        let patterns = |given: &[String]| given.iter().map(|pattern| WildMatch::new(pattern)).collect::<Vec<_>>();
        let policy = Policy {
            settings,
            only: patterns(&self.job),
            ignored: patterns(&[&self.ignore[..], &file.ignore].concat()),
            rules: file.rules(),
            expected: patterns(&[&self.expect[..], &file.expect].concat()),
            file: self.config.clone(),
        };
        let named = !self.databases.is_empty() || !self.recursive.is_empty();
        let (mut databases, recursive) = match named {
            true => (self.databases.clone(), self.recursive.clone()),
            false => (file.databases, file.recursive),
        };
        if databases.is_empty() && recursive.is_empty() {
            databases = usual_places();
        }
        let fail_on = self.fail_on.or(file.fail_on).unwrap_or_default();
        let timeout = self.timeout.or(file.timeout).unwrap_or(10 * SECOND);
        Ok(Options { databases, recursive, policy, fail_on, timeout })
    }
}

/// Where the schedulers' stores usually lie: those that are there, else the first, so that it is named as missing.
fn usual_places() -> Vec<PathBuf> {
    let phantom = PathBuf::from("data/phantom.db");
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || {
        let profile = std::env::var("OPENCLAW_PROFILE").ok().filter(|name| !name.is_empty() && name != "default");
        let directory = profile.map_or_else(|| ".openclaw".to_owned(), |name| format!(".openclaw-{name}"));
        Some(variable("OPENCLAW_HOME").or_else(|| variable("HOME"))?.join(directory))
    };
    let openclaw = variable("OPENCLAW_STATE_DIR").or_else(home).map(|state| state.join("state/openclaw.sqlite"));
    let places = std::iter::once(phantom.clone()).chain(openclaw);
    let there: Vec<PathBuf> = places.filter(|place| place.exists()).collect();
    if there.is_empty() { vec![phantom] } else { there }
}

/// TZ, as every program honours it, else the machine's setting.
fn machine_zone() -> Result<Zone, String> {
    let name = match std::env::var("TZ") {
        Ok(name) if !name.is_empty() => name.trim_start_matches(':').to_owned(),
        _ => iana_time_zone::get_timezone().unwrap_or_else(|_| "UTC".to_owned()),
    };
    Zone::named(&name).ok_or_else(|| format!("this machine's zone {name:?} is not an IANA zone: pass --timezone"))
}

/// Reads an instant.
fn parse_instant(text: &str) -> Result<Instant, String> {
    match TimeText::parse(text) {
        Some(TimeText::Fixed(instant)) if text.contains(['-', ':']) => Ok(instant),
        _ => Err("not an RFC 3339 instant with an offset or Z, such as 2026-04-30T12:00:00Z".to_owned()),
    }
}

/// Reads an IANA zone.
///
/// # Errors
/// The nearest name.
pub fn parse_zone(text: &str) -> Result<Zone, String> {
    Zone::named(text).ok_or_else(|| {
        let hint = crate::config::nearest(text, Zone::names());
        let hint = hint.map_or_else(String::new, |name| format!(": did you mean {name}?"));
        format!("not an IANA zone{hint}")
    })
}

/// Reads a number of cadences.
///
/// # Errors
/// What it must be.
pub fn parse_cadences(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1000.0).contains(&number) => Ok(number),
        _ => Err("not a number from 0 to 1000".to_owned()),
    }
}

/// Reads a time-out: a duration, or plain seconds as monitoring plugins take them.
///
/// # Errors
/// What it must be.
pub fn parse_timeout(text: &str) -> Result<Millis, String> {
    match text.parse::<u32>() {
        Ok(seconds) => Ok(Millis::from(seconds) * SECOND),
        Err(_) => parse_duration(text),
    }
}
