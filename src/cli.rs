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

/// What follows the options in the short help.
const AFTER_HELP: &str = "\
Exit status: 0 ok, 1 warning, 2 critical, 3 could not audit
All options, and examples: sched-audit --help";

/// How it is called.
pub const EXAMPLES: &str = "\x20 sched-audit                                    audit the default databases
  sched-audit /app/data/phantom.db
  sched-audit --job heartbeat --history phantom.db   what became of each of its slots
  sched-audit --explain breaker-open             what it means and what to do
  sched-audit --only-trouble phantom.db          for cron: no output if all is well
  sched-audit --notify 'mail -s \"$SCHED_AUDIT_TITLE\" me' phantom.db   each incident once
  sched-audit --recursive /srv/agents            every scheduler database under a directory
  sched-audit --format json phantom.db | jq '.incidents[]'
  sched-audit --format nagios phantom.db         as an Icinga or Nagios check
  sched-audit --format prometheus --output sched-audit.prom phantom.db
  sched-audit --set late_after=30m --check-config
";

/// What its exit codes mean.
pub const EXIT_STATUS: &str =
    "\x20 0  ok      1  warning      2  critical      3  could not audit      130  interrupted
With several databases, critical wins, then 3, then warning.
";

/// What follows the options in the long help.
static AFTER_LONG_HELP: LazyLock<String> = LazyLock::new(|| {
    let home_page = env!("CARGO_PKG_HOMEPAGE");
    format!("Examples:\n{EXAMPLES}\nExit status:\n{EXIT_STATUS}\nHome page: {home_page}")
});

/// Report which scheduled jobs of an AI agent have silently stopped working
///
/// It reads the scheduler's SQLite database, without touching it.
#[derive(Debug, Parser)]
#[command(name = "sched-audit", version = VERSION.as_str(), after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP.as_str(),
    max_term_width = 100)]
pub struct Cli {
    /// Scheduler databases [default: the usual places]
    ///
    /// Files of SQLite, or homes of Hermes Agent. The usual places are data/phantom.db, and the paths of OpenClaw and Hermes.
    #[arg(value_name = "DATABASE", value_hint = ValueHint::FilePath)]
    pub databases: Vec<PathBuf>,
    /// Also audit every database under this directory
    ///
    /// Repeatable.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub recursive: Vec<PathBuf>,
    /// Read the databases as this scheduler's: phantom, openclaw, hermes, or the name of a [[store]] of the config file [default: auto-detect]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub store: Option<String>,
    /// Whether to ask the operating system which process has a database open [default: auto]
    #[arg(long, value_enum, value_name = "WHEN", hide_short_help = true)]
    pub process: Option<ProcessCheck>,

    #[command(flatten)]
    pub output: OutputArgs,

    /// Lowest severity that makes the exit code non-zero [default: warning]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Output", hide_short_help = true)]
    pub fail_on: Option<FailOn>,
    /// Print nothing if the exit code is 0, for cron
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    pub only_trouble: bool,
    /// Also show what became of each slot of the jobs of --job
    ///
    /// The newest comes first; in table and json.
    #[arg(long, conflicts_with_all = ["notify", "check_config"], help_heading = "Output")]
    pub history: bool,
    /// Leave out problems that are over, also from the exit code
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub no_resolved: bool,
    /// Leave the jobs' error texts out of the report
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub no_errors: bool,

    /// Tell each incident once, and its end, to a command
    ///
    /// The shell command gets the text on stdin, and no report is printed; - prints the news. [default: the command of the config file]
    #[arg(long, value_name = "COMMAND", num_args = 0..=1, value_parser = parse_command,
        conflicts_with_all = ["quiet", "only_trouble", "now"], help_heading = "Notification")]
    pub notify: Option<Option<String>>,
    /// Tell a made-up incident and its end, to see that they arrive
    #[arg(long, conflicts_with_all = ["quiet", "only_trouble", "now"], help_heading = "Notification",
        hide_short_help = true)]
    pub notify_test: bool,
    /// Lowest severity that is told [default: critical]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Notification", hide_short_help = true)]
    pub notify_on: Option<NotifyOn>,
    /// Tell an incident again while it lasts, this long after it was last told [default: never]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Notification",
        hide_short_help = true)]
    pub remind: Option<Millis>,
    /// What was told [default: $XDG_STATE_HOME/sched-audit/state.json]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Notification",
        hide_short_help = true)]
    pub state: Option<PathBuf>,

    /// Explain a problem: what it means, its rule, what to do
    #[arg(long, value_name = "NAME", help_heading = "Output", hide_possible_values = true,
        value_parser = clap::builder::PossibleValuesParser::new(crate::explain::names()))]
    pub explain: Option<String>,
    /// Print a shell completion, the man page, a config file, or another generated text
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Output", hide_short_help = true)]
    pub generate: Option<Generate>,

    /// Audit only jobs whose id or name matches; repeatable
    ///
    /// In a pattern, * and ? match anything.
    #[arg(long, value_name = "PATTERN", help_heading = "Job selection")]
    pub job: Vec<String>,
    /// Ignore jobs whose id or name matches; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Job selection")]
    pub ignore: Vec<String>,
    /// Report critical if no watched job matches; repeatable
    #[arg(long, value_name = "PATTERN", help_heading = "Job selection")]
    pub expect: Vec<String>,

    /// Read settings and special cases from this TOML file
    ///
    /// The command line takes precedence. [default: $XDG_CONFIG_HOME/sched-audit/config.toml, else /etc/sched-audit.toml]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Configuration")]
    pub config: Option<PathBuf>,
    /// Set a key of the config file, as late_after=30m
    ///
    /// Repeatable. Text needs no quotes, and a list of one text no brackets. --check-config shows all keys; docs/config.md explains them.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Configuration")]
    pub set: Vec<String>,
    /// Read no config file
    #[arg(long, conflicts_with = "config", help_heading = "Configuration", hide_short_help = true)]
    pub no_config: bool,
    /// Print the settings of each job and where they come from, and exit
    #[arg(long, help_heading = "Configuration", hide_short_help = true)]
    pub check_config: bool,

    /// Tell times in this machine's zone, instead of UTC
    ///
    /// In tables and messages; what programs read stays in UTC.
    #[arg(long, help_heading = "Time")]
    pub local: bool,
    /// Audit as of this RFC 3339 instant, with an offset or Z [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant, help_heading = "Time", hide_short_help = true)]
    pub now: Option<Instant>,
    /// How far back to report what is over: as a warning for a day, then as info [default: 7d]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Time", hide_short_help = true)]
    pub since: Option<Millis>,
    /// Time zone of schedules that name none: that of the scheduler's process, such as UTC [default: auto, by the jobs' next runs]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, help_heading = "Time", hide_short_help = true)]
    pub timezone: Option<ZoneChoice>,
    /// Give up after this time; a plain number is seconds [default: 10s]
    #[arg(short, long, value_name = "DURATION", value_parser = parse_timeout, help_heading = "Time",
        hide_short_help = true)]
    pub timeout: Option<Millis>,

    /// The thresholds by the options that --set replaces.
    #[command(flatten)]
    pub thresholds: ThresholdOverrides,
}

/// An option for each threshold, as older versions had them: understood until the next version, and shown nowhere.
impl Args for ThresholdOverrides {
    fn augment_args(command: Command) -> Command {
        command.args(THRESHOLDS.iter().map(threshold_option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn threshold_option(threshold: &'static Threshold) -> Arg {
    let read = |text: &str| threshold.read(text);
    Arg::new(threshold.key).long(threshold.option()).value_name("VALUE").value_parser(read).hide(true)
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
    #[arg(long, requires = "file", hide_short_help = true)]
    pub overwrite: bool,
    /// List every job, not only those in trouble
    #[arg(short, long)]
    pub all: bool,
    /// No output, exit code only
    #[arg(short, long)]
    pub quiet: bool,
    /// When to use color; NO_COLOR and CLICOLOR_FORCE are honored too
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, hide_short_help = true)]
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

/// The version of the tool, the commit if it was built with one, and the version of the SQLite that it reads with.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let commit = option_env!("SCHED_AUDIT_COMMIT").map(|commit| format!("commit {commit}, "));
    let sqlite = crate::db::sqlite_version();
    format!("{} ({}SQLite {sqlite})", env!("CARGO_PKG_VERSION"), commit.unwrap_or_default())
});

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
    /// These options, in Markdown
    Options,
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
