//! The command line: flags only. Their comments are the help.

use crate::report::Format;
use crate::settings::{
    FailOn, NotifyOn, ProcessCheck, THRESHOLDS, Threshold, ThresholdOverrides, Value, ZoneChoice, parse_command,
    parse_duration, parse_instant, parse_timeout, parse_zone,
};
use crate::time::{Instant, Millis};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Parser, ValueEnum, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  sched-audit                                    audit the default databases
  sched-audit /app/data/phantom.db
  sched-audit --only-trouble phantom.db          for cron: no output if all is well
  sched-audit --format json phantom.db | jq '.incidents[]'
  sched-audit --explain breaker-open             what it means and what to do
  sched-audit --job heartbeat --history phantom.db   what became of each of its slots
  sched-audit --recursive /srv/agents            every scheduler database under a directory
  sched-audit --format nagios phantom.db         as an Icinga or Nagios check
  sched-audit --format prometheus --output sched-audit.prom phantom.db
  sched-audit --config agents.toml --check-config

Exit status:
  0  ok      1  warning      2  critical      3  could not audit
With several databases, critical wins, then 3, then warning.";

/// Report which scheduled jobs of an AI agent have silently stopped working, from the scheduler's SQLite database, without touching it.
#[derive(Debug, Parser)]
#[command(name = "sched-audit", version = VERSION.as_str(), after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// Scheduler databases, or homes of Hermes Agent [default: data/phantom.db and the usual paths of OpenClaw and Hermes, if they exist]
    #[arg(value_name = "DATABASE", value_hint = ValueHint::FilePath)]
    pub databases: Vec<PathBuf>,
    /// Also audit every scheduler database under this directory; repeatable
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub recursive: Vec<PathBuf>,
    /// Read the databases as this scheduler's: phantom, openclaw, hermes, or the name of a [[store]] of the config file [default: auto-detect]
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,
    /// Whether to ask the operating system which process has a database open [default: auto]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub process: Option<ProcessCheck>,

    #[command(flatten)]
    pub output: OutputArgs,

    /// Lowest severity that makes the exit code non-zero [default: warning]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Output")]
    pub fail_on: Option<FailOn>,
    /// Print nothing if the exit code is 0, for cron
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    pub only_trouble: bool,
    /// Also show what became of each slot of the jobs that --job names, newest first; in table and json
    #[arg(long, conflicts_with_all = ["notify", "check_config"], help_heading = "Output")]
    pub history: bool,
    /// Leave out problems that are over, also from the exit code
    #[arg(long, help_heading = "Output")]
    pub no_resolved: bool,
    /// Leave the jobs' error texts out of the report
    #[arg(long, help_heading = "Output")]
    pub no_errors: bool,

    /// Tell each incident once, and its end, to this shell command on stdin, instead of printing a report; - prints the news
    /// [default: the command of the config file]
    #[arg(long, value_name = "COMMAND", num_args = 0..=1, value_parser = parse_command,
        conflicts_with_all = ["quiet", "only_trouble", "now"], help_heading = "Notification")]
    pub notify: Option<Option<String>>,
    /// Tell a made-up incident and its end, to see that they arrive
    #[arg(long, conflicts_with_all = ["quiet", "only_trouble", "now"], help_heading = "Notification")]
    pub notify_test: bool,
    /// Lowest severity that is told [default: critical]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Notification")]
    pub notify_on: Option<NotifyOn>,
    /// Tell an incident again while it lasts, this long after it was last told [default: never]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Notification")]
    pub remind: Option<Millis>,
    /// What was told [default: $XDG_STATE_HOME/sched-audit/state.json]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Notification")]
    pub state: Option<PathBuf>,

    /// Explain a detector or problem: what it means, how it is decided, what to do
    #[arg(long, value_name = "NAME", help_heading = "Output", hide_possible_values = true,
        value_parser = clap::builder::PossibleValuesParser::new(crate::explain::names()))]
    pub explain: Option<String>,
    /// Print a shell completion, the man page, the JSON schema, a config file, or the list of findings or of config keys
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Output")]
    pub generate: Option<Generate>,

    /// Audit only jobs whose id or name matches the glob; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Job selection")]
    pub job: Vec<String>,
    /// Ignore jobs whose id or name matches the glob; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Job selection")]
    pub ignore: Vec<String>,
    /// Report critical if no watched job's id or name matches the glob; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Job selection")]
    pub expect: Vec<String>,

    /// Read options and special cases from this TOML file; the command line takes precedence [default:
    /// $XDG_CONFIG_HOME/sched-audit/config.toml, else /etc/sched-audit.toml]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Configuration")]
    pub config: Option<PathBuf>,
    /// Read no config file
    #[arg(long, conflicts_with = "config", help_heading = "Configuration")]
    pub no_config: bool,
    /// Print the settings of each job and where they come from, and exit
    #[arg(long, help_heading = "Configuration")]
    pub check_config: bool,

    /// Audit as of this RFC 3339 instant, with an offset or Z [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant, help_heading = "Time")]
    pub now: Option<Instant>,
    /// How far back to report resolved problems: as a warning for a day, then as info [default: 7d]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Time")]
    pub since: Option<Millis>,
    /// Time zone of schedules that name none: that of the scheduler's process, such as UTC [default: auto, by the jobs' next runs]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, help_heading = "Time")]
    pub timezone: Option<ZoneChoice>,
    /// Give up after this time; a plain number is seconds [default: 10s]
    #[arg(short, long, value_name = "DURATION", value_parser = parse_timeout, help_heading = "Time")]
    pub timeout: Option<Millis>,

    /// The thresholds that the command line sets.
    #[command(flatten)]
    pub thresholds: ThresholdOverrides,
}

/// An option for each threshold; docs/thresholds.md has what each costs.
impl Args for ThresholdOverrides {
    fn augment_args(command: Command) -> Command {
        command.next_help_heading("Thresholds").args(THRESHOLDS.iter().map(threshold_option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn threshold_option(threshold: &'static Threshold) -> Arg {
    let value_name = match threshold.default {
        Value::Duration(_) => "DURATION",
        Value::Count(_) | Value::Cadences(_) => "N",
    };
    Arg::new(threshold.key)
        .long(threshold.option())
        .value_name(value_name)
        .value_parser(|text: &str| threshold.read(text))
        .help(format!("{} [default: {}]", threshold.about, threshold.default_text()))
}

impl FromArgMatches for ThresholdOverrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = ThresholdOverrides::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for threshold in THRESHOLDS {
            if let Some(value) = matches.get_one::<Value>(threshold.key) {
                self.set(threshold.key, *value);
            }
        }
        Ok(())
    }
}

/// What to print, and where.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub format: Format,
    /// Write to a file instead, which is replaced atomically
    #[arg(short = 'o', long = "output", value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "quiet")]
    pub file: Option<PathBuf>,
    /// Let --output replace a file that is not a report of sched-audit
    #[arg(long, requires = "file")]
    pub overwrite: bool,
    /// List every job, not only those in trouble
    #[arg(short, long)]
    pub all: bool,
    /// No output, exit code only
    #[arg(short, long)]
    pub quiet: bool,
    /// When to use color; NO_COLOR and CLICOLOR_FORCE are honored too
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorWhen,
}

impl OutputArgs {
    /// The format that wrong arguments ask for, and whether they want no output. Parsing stops at the first argument that is
    /// wrong, so it starts again after each.
    pub fn of_wrong_arguments() -> (Format, bool) {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let lenient = OutputArgs::augment_args(Command::new("output")).ignore_errors(true);
        let (mut format, mut quiet) = (Format::default(), false);
        for first in 0..arguments.len() {
            let Ok(matches) = lenient.clone().try_get_matches_from(&arguments[first..]) else { continue };
            let Ok(part) = OutputArgs::from_arg_matches(&matches) else { continue };
            if format == Format::default() {
                format = part.format;
            }
            quiet |= part.quiet;
        }
        (format, quiet)
    }
}

/// The version of the tool and of the SQLite that it reads with.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (SQLite {})", env!("CARGO_PKG_VERSION"), crate::db::sqlite_version()));

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
    /// Every detector and problem, in Markdown
    Findings,
    /// A config file in which every key is commented out
    Config,
    /// Every key of the config file, in Markdown
    ConfigKeys,
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
