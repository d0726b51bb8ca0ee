//! `--set KEY=VALUE`: keys of a config file on the command line.

use super::{Config, ConfigError};
use std::mem::take;
use std::path::Path;
use toml::de::DeTable;

/// What a file has in double brackets is too long for a command line.
const TABLES: [&str; 3] = ["job", "mute", "store"];

impl Config {
    /// Takes in what `--set` gives: of what the file sets as well this holds, and lists grow.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn set(&mut self, given: &[String]) -> Result<(), ConfigError> {
        for one in given {
            let config = read(one).map_err(|why| ConfigError::Set { given: one.clone(), why })?;
            self.take(config);
        }
        Ok(())
    }

    fn take(&mut self, mut other: Config) {
        for key in take(&mut other.lines).into_keys() {
            match key.as_str() {
                "databases" => self.databases = take(&mut other.databases),
                "recursive" => self.recursive = take(&mut other.recursive),
                "ignore" => self.ignore.append(&mut other.ignore),
                "expect" => self.expect.append(&mut other.expect),
                "fail_on" => self.fail_on = other.fail_on,
                "timezone" => self.timezone = other.timezone,
                "since" => self.since = other.since,
                "timeout" => self.timeout = other.timeout,
                "no_resolved" => self.no_resolved = other.no_resolved,
                "process" => self.process = other.process,
                "notify" => self.notify = other.notify.take(),
                "notify_on" => self.notify_on = other.notify_on,
                "remind" => self.remind = other.remind,
                "state" => self.state = other.state.take(),
                "quiet" => self.quiet = take(&mut other.quiet),
                "severity" => self.severities.append(&mut other.severities),
                "budget" => self.budget = other.budget,
                _ => self.thresholds = other.thresholds.or(&self.thresholds),
            }
            self.set.insert(key);
        }
    }
}

/// Reads `KEY=VALUE`, where a text needs no quotes, and a list of one text no brackets.
fn read(given: &str) -> Result<Config, String> {
    let Some((key, value)) = given.split_once('=') else { return Err("is not KEY=VALUE".to_owned()) };
    let (key, value) = (key.trim(), value.trim());
    if TABLES.contains(&key.split('.').next().unwrap_or(key)) {
        return Err(format!("[[{key}]] has its place in a config file"));
    }
    let text = toml::Value::String(value.to_owned()).to_string();
    let written = format!("{key} = {value}");
    let mut forms = vec![format!("{key} = {text}"), format!("{key} = [{text}]")];
    if DeTable::parse(&written).is_ok() {
        forms.insert(0, written);
    }
    let mut first_error = None;
    for form in forms {
        match Config::of(Path::new(""), &form) {
            Ok(config) => return Ok(config),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(match first_error {
        Some(ConfigError::Line { message, .. }) => message,
        Some(error) => error.to_string(),
        None => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config_keys;
    use crate::settings::{FailOn, Thresholds};
    use crate::time::MINUTE;

    fn set(given: &[&str]) -> Result<Config, String> {
        let mut config = Config::default();
        let given: Vec<String> = given.iter().map(|one| (*one).to_owned()).collect();
        config.set(&given).map_err(|error| error.to_string()).map(|()| config)
    }

    fn is_set(given: &[&str]) -> Config {
        set(given).unwrap_or_else(|error| panic!("{given:?}: {error}"))
    }

    #[test]
    fn every_key_of_a_config_file_can_be_set() {
        let default = format!("{:?}", Config { set: is_set(&["since=1d"]).set, ..Config::default() });
        for (name, example) in config_keys::examples() {
            let mut config = is_set(&[&format!("{name}={example}")]);
            assert!(config.set.remove(&name), "{name}");
            config.set.insert("since".to_owned());
            assert_ne!(format!("{config:?}"), default, "{name}");
        }
    }

    #[test]
    fn text_needs_no_quotes_and_a_list_of_one_no_brackets() {
        for given in ["late_after=30m", "late_after = \"30m\"", "late_after='30m'"] {
            let thresholds = is_set(&[given]).thresholds.apply(&Thresholds::default());
            assert_eq!(thresholds.late_after, 30 * MINUTE, "{given}");
        }
        assert_eq!(is_set(&["timeout=10"]).timeout, Some(10_000), "a number may be a text as well");
        assert_eq!(is_set(&["expect=a*", "expect=[\"b\", \"c\"]"]).expect, ["a*", "b", "c"]);
        assert_eq!(is_set(&["severity.run-long=info"]).severities.len(), 1);
    }

    #[test]
    fn what_is_set_goes_before_what_the_file_says() {
        let mut config = is_set(&["fail_on=critical", "since=1d", "ignore=x"]);
        config.set(&["fail_on=never".to_owned(), "ignore=y".to_owned()]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((config.fail_on, config.since.is_some()), (Some(FailOn::Never), true));
        assert_eq!(config.ignore, ["x", "y"]);
    }

    #[test]
    fn what_cant_be_set_is_said() {
        for (given, said) in [
            ("late_after", "--set late_after: is not KEY=VALUE"),
            ("late_aftr=3m", "unknown key \"late_aftr\"; did you mean \"late_after\"?"),
            ("late_after=3x", "late_after"),
            ("fail_on=waning", "did you mean \"warning\"?"),
            ("job=[{match=\"x\"}]", "[[job]] has its place in a config file"),
        ] {
            let error = set(&[given]).err().unwrap_or_default();
            assert!(error.starts_with(&format!("--set {given}")) && error.contains(said), "{given}: {error}");
        }
    }
}
