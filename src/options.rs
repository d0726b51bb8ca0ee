//! The options of a call: the command line and the config file merged, validated, and completed by defaults.

use crate::audit::policy::{Policy, contradiction};
use crate::cli::{Cli, OutputArgs};
use crate::config::{Config, ConfigError};
use crate::effective;
use crate::notify::{self, Notify, Sight, Wanted};
use crate::schedule::Zone;
use crate::settings::{FailOn, ProcessCheck, Setting, SettingError, Settings, Thresholds, ZoneChoice};
use crate::stores::{self, Mapping};
use crate::time::Instant;
use clap::ValueEnum;
use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use wildmatch::WildMatch;

/// When to give up, unless the operator says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a call does.
pub struct Options {
    /// Databases by their paths.
    pub databases: Vec<PathBuf>,
    /// Directories to search for databases.
    pub directories: Vec<PathBuf>,
    /// The name of the store that they are read as; None to recognize it.
    pub store: Option<String>,
    /// The stores that the operator has mapped.
    pub mappings: Vec<Mapping>,
    /// The zone of schedules that name none; None to find it.
    pub zone: Option<Zone>,
    /// The zone of this machine.
    pub machine_zone: Zone,
    /// The zone in which people are told times.
    pub told_zone: Zone,
    /// How they are judged.
    pub policy: Policy,
    /// The lowest severity that makes the exit code non-zero.
    pub fail_on: FailOn,
    /// When to give up, from the start.
    pub timeout: Duration,
    /// Whether to report the jobs' error texts.
    pub errors: bool,
    /// Whether the audit is as of now.
    pub is_live: bool,
    /// Whether to ask which process has a database open: only now, and unless the operator knows better.
    pub asks_process: bool,
    /// The settings to print instead of a report, if that is asked for.
    pub check_config: Option<Vec<Setting>>,
    /// Whether to report what became of each slot.
    pub history: bool,
    /// Whether to print nothing if the exit code is 0.
    pub only_trouble: bool,
    /// What to print, and where.
    pub output: OutputArgs,
    /// Whom to tell what is new.
    pub notify: Option<Notify>,
    /// Whether to tell something made-up instead.
    pub notify_test: bool,
    /// What the command line names, for what is told of the call itself.
    pub call: String,
}

/// Why options can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The config file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody to tell.
    #[error(
        "--notify needs a command: --notify COMMAND, --notify - to print the news, or the key notify of the config file"
    )]
    NoCommand,
    /// A database that was taken for a command.
    #[error("--notify {0:?}: is a file that can't be run: write the database before --notify, or --notify=COMMAND")]
    FileAsCommand(String),
    /// A store that does not exist.
    #[error("{0}")]
    Store(String),
    /// A format without a history.
    #[error("--history has no place in --format {0}; use --format table or json")]
    History(String),
    /// A job that must exist and is not looked at.
    #[error("--expect {0:?} and --ignore {1:?} contradict each other: a job that is ignored is not watched")]
    Contradiction(String, String),
    /// Thresholds that contradict each other.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl Options {
    /// Merges the command line and the file that it names; `clock` is the current time.
    ///
    /// # Errors
    /// What is wrong with the file, or which options contradict each other.
    pub fn new(cli: Cli, clock: Instant) -> Result<Options, OptionsError> {
        let format = cli.output.format;
        if cli.history && !format.has_history() {
            let name = format.to_possible_value().map(|value| value.get_name().to_owned());
            return Err(OptionsError::History(name.unwrap_or_default()));
        }
        let mut file = match &cli.config {
            Some(path) => Config::read(path)?,
            None if cli.no_config => Config::default(),
            None => Config::find()?,
        };
        file.set(&cli.set)?;
        for expected in &cli.expect {
            if let Some(ignored) = contradiction(expected, &cli.ignore) {
                return Err(OptionsError::Contradiction(expected.clone(), ignored.to_owned()));
            }
        }
        let overrides = cli.thresholds.or(&file.thresholds);
        overrides.check()?;
        let settings = Settings {
            now: cli.now.unwrap_or(clock),
            since: cli.since.or(file.since).unwrap_or(Settings::DEFAULT_SINCE),
            resolved: !(cli.no_resolved || file.no_resolved),
            thresholds: overrides.apply(&Thresholds::default()),
            quiet: file.quiet.clone(),
            severities: file.severities.clone(),
            budget: file.budget,
        };
        let patterns = |given: &[String]| {
            let mut seen = HashSet::new();
            let new = given.iter().filter(|pattern| seen.insert(pattern.as_str()));
            new.map(|pattern| WildMatch::new(pattern)).collect::<Vec<_>>()
        };
        let notify = notify(&cli, &file)?;
        let call = named_by(&cli);
        let check_config = cli.check_config.then(|| effective::settings(&cli, &file));
        if let Some(name) = &cli.store {
            stores::named(name, &file.stores).map_err(OptionsError::Store)?;
        }
        let policy = Policy {
            settings,
            only: patterns(&cli.job),
            ignored: patterns(&[cli.ignore, file.ignore].concat()),
            rules: file.rules,
            mutes: file.mutes,
            expected: patterns(&[cli.expect, file.expect].concat()),
            file: file.path,
        };
        let named = !cli.databases.is_empty() || !cli.recursive.is_empty();
        let (mut databases, directories) =
            if named { (cli.databases, cli.recursive) } else { (file.databases, file.recursive) };
        if databases.is_empty() && directories.is_empty() {
            databases = default_databases();
        }
        let process = cli.process.or(file.process).unwrap_or_default();
        let timeout = cli.timeout.or(file.timeout).and_then(|millis| u64::try_from(millis).ok());
        Ok(Options {
            databases,
            directories,
            store: cli.store,
            mappings: file.stores,
            zone: cli.timezone.or(file.timezone).and_then(ZoneChoice::zone),
            machine_zone: machine_zone(),
            told_zone: if cli.local { machine_zone() } else { Zone::UTC },
            policy,
            fail_on: cli.fail_on.or(file.fail_on).unwrap_or_default(),
            timeout: timeout.map_or(DEFAULT_TIMEOUT, Duration::from_millis),
            errors: !cli.no_errors,
            is_live: cli.now.is_none(),
            asks_process: cli.now.is_none() && process == ProcessCheck::Auto,
            check_config,
            history: cli.history,
            only_trouble: cli.only_trouble,
            output: cli.output,
            notify,
            notify_test: cli.notify_test,
            call,
        })
    }
}

/// Whom to tell what is new: nobody, unless the command line says so. The file only names the command.
fn notify(cli: &Cli, file: &Config) -> Result<Option<Notify>, OptionsError> {
    if cli.check_config || cli.history || (cli.notify.is_none() && !cli.notify_test) {
        return Ok(None);
    }
    let given = cli.notify.as_ref().and_then(Option::as_ref);
    let command = given.or(file.notify.as_ref()).ok_or(OptionsError::NoCommand)?;
    if is_plain_file(command) {
        return Err(OptionsError::FileAsCommand(command.clone()));
    }
    Ok(Some(Notify {
        command: Some(command.clone()).filter(|command| command != "-"),
        wanted: Wanted {
            least: cli.notify_on.or(file.notify_on).unwrap_or_default().least(),
            remind: cli.remind.or(file.remind),
        },
        state: cli.state.as_ref().or(file.state.as_ref()).cloned(),
    }))
}

/// Whether a command is the path of a file that nobody may run.
fn is_plain_file(command: &str) -> bool {
    std::fs::metadata(command).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 == 0)
}

/// What tells the calls of several cron lines apart, whether or not their config files can be read.
pub fn named_by(cli: &Cli) -> String {
    let paths = notify::names(cli.databases.iter().chain(&cli.recursive).chain(&cli.config));
    [paths, cli.job.clone(), cli.ignore.clone()].concat().join(" ")
}

impl Notify {
    /// Whom to tell that the file can't be used, if anyone: where only the file names the command, the news are printed.
    pub fn without_file(cli: &Cli) -> Option<Notify> {
        let command = cli.notify.clone()?.filter(|command| command != "-" && !is_plain_file(command));
        let wanted = Wanted { least: cli.notify_on.unwrap_or_default().least(), remind: cli.remind };
        let tells = !cli.check_config && !cli.notify_test;
        tells.then(|| Notify { command, wanted, state: cli.state.clone() })
    }
}

impl Options {
    /// The files that the call reads by name.
    pub fn inputs(&self) -> Vec<PathBuf> {
        self.databases.iter().chain(&self.policy.file).cloned().collect()
    }

    /// What the call can say something about.
    pub fn sight(&self) -> Sight {
        Sight {
            call: self.call.clone(),
            scope: self.policy.scope(),
            expected: self.policy.expected.iter().map(ToString::to_string).collect(),
            among: notify::names(self.databases.iter().chain(&self.directories)),
        }
    }
}

/// The usual databases that exist.
fn default_databases() -> Vec<PathBuf> {
    stores::usual_places().into_iter().filter(|place| place.exists()).collect()
}

/// TZ, as every program honors it, else the machine's setting; UTC where that is no IANA zone.
fn machine_zone() -> Zone {
    let tz = std::env::var("TZ").ok().filter(|name| !name.is_empty());
    let name = tz.or_else(|| iana_time_zone::get_timezone().ok());
    let zone = name.and_then(|name| Zone::named(zone_name(&name)));
    zone.filter(|zone| !zone.is_utc()).unwrap_or(Zone::UTC)
}

/// The zone's name in a value of TZ: `:` may come first, and the name may be the path of the zone's file.
fn zone_name(tz: &str) -> &str {
    let tz = tz.trim_start_matches(':');
    match tz.rsplit_once("/zoneinfo/") {
        Some((_, name)) => name.trim_start_matches("posix/").trim_start_matches("right/"),
        None => tz,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_may_be_named_by_the_path_of_its_file() {
        for (tz, name) in [
            ("Europe/Berlin", "Europe/Berlin"),
            (":UTC", "UTC"),
            ("/usr/share/zoneinfo/America/New_York", "America/New_York"),
            (":/usr/share/zoneinfo/posix/Asia/Tokyo", "Asia/Tokyo"),
        ] {
            assert_eq!(zone_name(tz), name, "{tz}");
        }
    }
}
