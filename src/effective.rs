//! Every setting of a call with where it comes from, for `--check-config`.

use crate::cli::Cli;
use crate::config::Config;
use crate::secrets;
use crate::settings::{Quiet, Setting, Severities, THRESHOLDS, ThresholdOverrides, Thresholds, ZoneChoice};
use crate::time::{Millis, span};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// The settings of a call, by their keys.
pub fn settings(cli: &Cli, file: &Config) -> Vec<Setting> {
    let finder = Finder { file };
    let named = !cli.databases.is_empty() || !cli.recursive.is_empty();
    let (databases, recursive) = if named { (&[][..], &[][..]) } else { (&file.databases[..], &file.recursive[..]) };
    let notify = cli.notify.as_ref().and_then(Option::as_deref);
    let mut settings = vec![
        finder.setting("budget", None, file.budget.map(|budget| budget.to_string()), "none"),
        finder.setting("databases", paths(&cli.databases), paths(databases), "the usual places"),
        finder.setting("expect", list(&cli.expect), list(&file.expect), "none"),
        finder.setting("fail_on", cli.fail_on.map(name), file.fail_on.map(name), "warning"),
        finder.setting("ignore", list(&cli.ignore), list(&file.ignore), "none"),
        finder.setting("no_resolved", flag(cli.no_resolved), flag(file.no_resolved), "false"),
        finder.setting("notify", notify.map(command), file.notify.as_deref().map(command), "none"),
        finder.setting("notify_on", cli.notify_on.map(name), file.notify_on.map(name), "critical"),
        finder.setting("process", cli.process.map(name), file.process.map(name), "auto"),
        finder.setting("quiet", None, windows(&file.quiet), "none"),
        finder.setting("recursive", paths(&cli.recursive), paths(recursive), "none"),
        finder.setting("remind", cli.remind.map(span), file.remind.map(span), "never"),
        finder.setting("severity", None, severities(&file.severities), "as --explain says"),
        finder.setting("since", cli.since.map(span), file.since.map(span), "7d"),
        finder.setting("state", cli.state.as_deref().map(path), file.state.as_deref().map(path), "the usual place"),
        finder.setting("timeout", cli.timeout.map(length), file.timeout.map(length), "10s"),
        finder.setting("timezone", cli.timezone.map(zone), file.timezone.map(zone), "auto"),
    ];
    let overrides = cli.thresholds.or(&file.thresholds);
    let effective = overrides.apply(&Thresholds::default());
    for threshold in THRESHOLDS {
        let value = effective.get(threshold.key).map_or_else(String::new, |value| value.to_string());
        let of_cli = sets(&cli.thresholds, threshold.key).then(|| value.clone());
        let of_file = sets(&file.thresholds, threshold.key).then(|| value.clone());
        settings.push(finder.setting(threshold.key, of_cli, of_file, &value));
    }
    settings.sort_by_key(|setting| setting.key);
    settings
}

struct Finder<'a> {
    file: &'a Config,
}

impl Finder<'_> {
    /// A setting: the command line's, the file's, or the default. Of lists in both, both hold.
    fn setting(&self, key: &'static str, cli: Option<String>, file: Option<String>, default: &str) -> Setting {
        let line = match self.file.lines.get(key) {
            _ if self.file.set.contains(key) => "--set".to_owned(),
            Some(line) => format!("line {line}"),
            None => "a [[job]]".to_owned(),
        };
        let adds_up = matches!(key, "expect" | "ignore");
        let (value, from) = match (cli, file) {
            (Some(cli), Some(file)) if adds_up => (format!("{cli}, {file}"), format!("command line, {line}")),
            (Some(cli), _) => (cli, "command line".to_owned()),
            (None, Some(file)) => (file, line),
            (None, None) => (default.to_owned(), "default".to_owned()),
        };
        Setting { key, value, from }
    }
}

fn sets(thresholds: &ThresholdOverrides, key: &str) -> bool {
    thresholds.keys().any(|set| set == key)
}

fn list(patterns: &[String]) -> Option<String> {
    let quoted = patterns.iter().map(|pattern| format!("{pattern:?}"));
    (!patterns.is_empty()).then(|| quoted.collect::<Vec<_>>().join(", "))
}

fn paths(paths: &[PathBuf]) -> Option<String> {
    let shown = paths.iter().map(|path| path.display().to_string());
    (!paths.is_empty()).then(|| shown.collect::<Vec<_>>().join(", "))
}

fn severities(severities: &Severities) -> Option<String> {
    let shown = severities.iter().map(|(problem, severity)| format!("{} {}", problem.name(), severity.word()));
    (!severities.is_empty()).then(|| shown.collect::<Vec<_>>().join(", "))
}

fn windows(quiet: &[Quiet]) -> Option<String> {
    (!quiet.is_empty()).then(|| quiet.iter().map(Quiet::to_string).collect::<Vec<_>>().join(" "))
}

/// A command, which may hold the token of a webhook.
fn command(command: &str) -> String {
    secrets::mask(command)
}

fn name<T: ValueEnum>(value: T) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn flag(set: bool) -> Option<String> {
    set.then(|| "true".to_owned())
}

fn zone(choice: ZoneChoice) -> String {
    choice.zone().map_or_else(|| "auto".to_owned(), |zone| zone.name().to_string())
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// A length of time that may be shorter than a second.
fn length(millis: Millis) -> String {
    if millis < 1000 { format!("{millis}ms") } else { span(millis) }
}
