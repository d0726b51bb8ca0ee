//! The command line: its flags, whose comments are the help, and the options that they come to.

use crate::audit::{Settings, Severity};
use crate::cadence::Zone;
use crate::time::{Instant, Millis, TimeText, parse_duration};
use clap::{Args, Command, FromArgMatches, Parser, ValueEnum, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use wildmatch::WildMatch;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  sched-audit                                    audit data/phantom.db
  sched-audit --timezone UTC /app/data/phantom.db
  sched-audit -q --fail-on critical phantom.db   exit code only, for cron and CI
  sched-audit --format json phantom.db | jq '.incidents[]'
  sched-audit --explain breaker-open             what it means and what to do
  sched-audit --recursive /srv/agents            every scheduler's database under a directory
  sched-audit --format nagios phantom.db         as an Icinga or Nagios check
  sched-audit --format prometheus --output sched-audit.prom phantom.db

Exit codes:
  0  ok      1  warning      2  critical      3  could not audit
With several databases: critical wins, then 3, then warning.";

/// Says which jobs of an AI agent's scheduler have silently stopped working, from its SQLite database, without touching it.
#[derive(Debug, Parser)]
#[command(name = "sched-audit", version = VERSION.as_str(), after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// The scheduler's databases [default: data/phantom.db]
    #[arg(value_name = "DATABASE", value_hint = ValueHint::FilePath)]
    databases: Vec<PathBuf>,
    /// Audit every scheduler's database under this directory too; repeatable
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub recursive: Vec<PathBuf>,

    #[command(flatten)]
    pub target: Target,

    /// The lowest severity that makes the exit code non-zero
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t, help_heading = "Output")]
    pub fail_on: FailOn,

    /// Print what a detector, reason or cause means, how it is decided and what to do, and exit
    #[arg(long, value_name = "NAME", help_heading = "Output", hide_possible_values = true,
        value_parser = clap::builder::PossibleValuesParser::new(crate::explain::names()))]
    pub explain: Option<String>,
    /// Print a shell completion, the man page or the schema of the JSON, and exit
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Output")]
    pub generate: Option<Generate>,

    /// Only jobs whose id or name matches the glob; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Which jobs")]
    pub job: Vec<String>,
    /// All but the jobs whose id or name matches the glob; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Which jobs")]
    pub ignore: Vec<String>,

    /// Audit as of this RFC 3339 instant, with an offset or Z [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant, help_heading = "Time")]
    pub now: Option<Instant>,
    /// How far back troubles that are over are reported: as a warning for a day, then as info
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration, help_heading = "Time")]
    pub since: Millis,
    /// IANA zone of jobs whose schedule names none: the zone of the scheduler's process [default: this machine's]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, help_heading = "Time")]
    pub timezone: Option<Zone>,
    /// Give up after this time
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "Time")]
    pub timeout: Millis,

    /// A late job is critical once this many times its cadence have passed (fractions allowed)
    #[arg(long, value_name = "N", default_value = "2", value_parser = parse_cadences, help_heading = "Thresholds")]
    pub late_cadences: f64,
    /// A due job is a warning once the worker was free for longer than this
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = parse_duration, help_heading = "Thresholds")]
    pub late_after: Millis,
    /// A due job is critical once the worker was free for longer than this
    #[arg(long, value_name = "DURATION", default_value = "65m", value_parser = parse_duration, help_heading = "Thresholds")]
    pub lost_after: Millis,
    /// Zero-token fires in a row for a warning
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Thresholds")]
    pub zero_streak: u64,
    /// Zero-token fires in a row for critical
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Thresholds")]
    pub zero_streak_critical: u64,
    /// The longest run that the scheduler allows (its timeout_minutes)
    #[arg(long, value_name = "DURATION", default_value = "240m", value_parser = parse_duration, help_heading = "Thresholds")]
    pub max_run: Millis,
}

/// What to print, and where to.
#[derive(Debug, Default, Args)]
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

impl Cli {
    /// The databases that are named; the scheduler's usual one where nothing is.
    pub fn databases(&self) -> Vec<PathBuf> {
        if self.databases.is_empty() && self.recursive.is_empty() {
            return vec![PathBuf::from("data/phantom.db")];
        }
        self.databases.clone()
    }

    /// The settings of the audit; `clock` is the instant that the clock shows.
    ///
    /// # Errors
    /// Why this machine's zone can't be told.
    pub fn settings(&self, clock: Instant) -> Result<Settings, String> {
        let zone = match self.timezone {
            Some(zone) => zone,
            None => machine_zone()?,
        };
        Ok(Settings {
            now: self.now.unwrap_or(clock),
            since: self.since,
            zone,
            late_cadences: self.late_cadences,
            late_after: self.late_after,
            lost_after: self.lost_after,
            zero_streak: self.zero_streak,
            zero_streak_critical: self.zero_streak_critical,
            max_run: self.max_run,
        })
    }
}

/// TZ, as every program honours it, else the machine's setting.
fn machine_zone() -> Result<Zone, String> {
    let name = match std::env::var("TZ") {
        Ok(name) if !name.is_empty() => name.trim_start_matches(':').to_owned(),
        _ => iana_time_zone::get_timezone().unwrap_or_else(|_| "UTC".to_owned()),
    };
    Zone::named(&name).ok_or_else(|| format!("this machine's zone {name:?} is not an IANA zone: pass --timezone"))
}

fn parse_instant(text: &str) -> Result<Instant, String> {
    match TimeText::parse(text) {
        Some(TimeText::Fixed(instant)) if text.contains(['-', ':']) => Ok(instant),
        _ => Err("not an RFC 3339 instant with an offset or Z, such as 2026-04-30T12:00:00Z".to_owned()),
    }
}

fn parse_zone(text: &str) -> Result<Zone, String> {
    Zone::named(text).ok_or_else(|| {
        let like = |name: &&str| strsim::jaro_winkler(&name.to_lowercase(), &text.to_lowercase());
        let nearest = Zone::names().max_by(|a, b| like(a).total_cmp(&like(b)));
        let hint =
            nearest.filter(|name| like(name) > 0.8).map_or_else(String::new, |name| format!(": did you mean {name}?"));
        format!("not an IANA zone{hint}")
    })
}

fn parse_cadences(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1000.0).contains(&number) => Ok(number),
        _ => Err("not a number from 0 to 1000".to_owned()),
    }
}

/// Which jobs `--job` and `--ignore` let through, and which patterns matched none.
pub struct Selection {
    only: Vec<WildMatch>,
    ignored: Vec<WildMatch>,
}

impl Selection {
    /// Reads the patterns.
    pub fn new(cli: &Cli) -> Selection {
        let read = |patterns: &[String]| patterns.iter().map(|pattern| WildMatch::new(pattern)).collect();
        Selection { only: read(&cli.job), ignored: read(&cli.ignore) }
    }

    /// Whether a job of this id and name is audited.
    pub fn covers(&self, id: &str, name: &str) -> bool {
        let hit = |pattern: &WildMatch| pattern.matches(id) || pattern.matches(name);
        (self.only.is_empty() || self.only.iter().any(hit)) && !self.ignored.iter().any(hit)
    }

    /// The patterns that match none of the jobs, given by id and name.
    pub fn unmatched(&self, jobs: &[(&str, &str)]) -> Vec<String> {
        let misses = |pattern: &&WildMatch| !jobs.iter().any(|(id, name)| pattern.matches(id) || pattern.matches(name));
        self.only.iter().chain(&self.ignored).filter(misses).map(ToString::to_string).collect()
    }
}
