//! What the operator wants: which jobs are audited, with which thresholds, what is muted, which jobs must exist.

use crate::catalog::{Detector, Problem};
use crate::model::Job;
use crate::settings::{Budget, Quiet, Settings, Severities, ThresholdOverrides, Thresholds};
use crate::time::{Instant, Millis};
use std::collections::BTreeSet;
use std::path::PathBuf;
use wildmatch::WildMatch;

/// How the databases of one call are judged.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The settings of the call.
    pub settings: Settings,
    /// Only jobs that match one of these, if there are any.
    pub only: Vec<WildMatch>,
    /// No jobs that match one of these.
    pub ignored: Vec<WildMatch>,
    /// Special cases.
    pub rules: Vec<Rule>,
    /// Incidents that are not reported.
    pub mutes: Vec<IncidentMute>,
    /// A watched job must match each of these.
    pub expected: Vec<WildMatch>,
    /// The file that the rules come from.
    pub file: Option<PathBuf>,
}

/// A special case: what applies to the jobs that match.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Which jobs.
    pub pattern: WildMatch,
    /// The line of the file on which it begins.
    pub line: usize,
    /// Their thresholds.
    pub thresholds: ThresholdOverrides,
    /// When they are not expected to run.
    pub quiet: Option<Vec<Quiet>>,
    /// What is not reported.
    pub mute: Option<Vec<Mute>>,
    /// How bad their problems are.
    pub severities: Severities,
    /// What each of them may spend in a day.
    pub budget: Option<Budget>,
    /// A run that ends sooner did nothing.
    pub min_run: Option<Millis>,
    /// The path or pattern of the files that they leave behind.
    pub output: Option<PathBuf>,
}

/// What a rule sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKey {
    /// The threshold with this key.
    Threshold(&'static str),
    /// When nothing is expected to run.
    Quiet,
    /// What is not reported.
    Mute,
    /// How bad this problem is.
    Severity(Problem),
    /// What may be spent.
    Budget,
    /// Which runs did nothing.
    MinRun,
    /// What runs leave behind.
    Output,
}

impl Rule {
    /// A rule for jobs that sets nothing.
    #[cfg(test)]
    pub fn of(pattern: &str) -> Rule {
        Rule {
            pattern: WildMatch::new(pattern),
            line: 1,
            thresholds: ThresholdOverrides::default(),
            quiet: None,
            mute: None,
            severities: Severities::new(),
            budget: None,
            min_run: None,
            output: None,
        }
    }

    fn settings(&self) -> Vec<RuleKey> {
        let mut set: Vec<RuleKey> = self.thresholds.keys().map(RuleKey::Threshold).collect();
        set.extend(self.quiet.as_ref().map(|_| RuleKey::Quiet));
        set.extend(self.mute.as_ref().map(|_| RuleKey::Mute));
        set.extend(self.budget.map(|_| RuleKey::Budget));
        set.extend(self.min_run.map(|_| RuleKey::MinRun));
        set.extend(self.output.as_ref().map(|_| RuleKey::Output));
        set.extend(self.severities.keys().map(|problem| RuleKey::Severity(*problem)));
        set
    }
}

/// Incidents that are not reported: all that match each part that is set.
#[derive(Debug, Clone, Default)]
pub struct IncidentMute {
    /// The line of the file on which it begins.
    pub line: usize,
    /// What caused them, or what was found.
    pub what: Option<Mute>,
    /// The incident with this fingerprint.
    pub fingerprint: Option<String>,
    /// All of whose jobs match.
    pub job: Option<WildMatch>,
    /// Until then.
    pub until: Option<Instant>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
}

impl IncidentMute {
    /// Whether it still holds.
    pub fn holds(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What is not reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute {
    /// Whatever a detector finds.
    Detector(Detector),
    /// Findings of a problem, and incidents that it explains.
    Problem(Problem),
}

impl Mute {
    /// The detector or problem of that name.
    pub fn named(name: &str) -> Option<Mute> {
        Detector::named(name).map(Mute::Detector).or_else(|| Problem::named(name).map(Mute::Problem))
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Mute::Detector(detector) => detector.name(),
            Mute::Problem(problem) => problem.name(),
        }
    }

    /// Whether it covers findings of a problem.
    pub fn covers(self, problem: Problem) -> bool {
        match self {
            Mute::Detector(detector) => detector == problem.detector(),
            Mute::Problem(muted) => muted == problem,
        }
    }
}

/// How one job is judged.
#[derive(Debug, Clone, Default)]
pub struct JobSettings {
    /// Its thresholds.
    pub thresholds: Thresholds,
    /// When it is not expected to run.
    pub quiet: Vec<Quiet>,
    /// What is not reported for it.
    pub mute: Vec<Mute>,
    /// How bad its problems are.
    pub severities: Severities,
    /// What it may spend in a day.
    pub budget: Option<Budget>,
    /// A run of it that ends sooner did nothing.
    pub min_run: Option<Millis>,
    /// The path or pattern of the files that it leaves behind.
    pub output: Option<PathBuf>,
    /// What rules set, each with the line of its rule.
    pub set_by: Vec<(RuleKey, usize)>,
}

impl JobSettings {
    /// Whether findings of that problem are not reported.
    pub fn mutes(&self, problem: Problem) -> bool {
        self.mute.iter().any(|mute| mute.covers(problem))
    }
}

/// Patterns that match no job.
#[derive(Debug, Default)]
pub struct Unmatched {
    /// Of `--job`.
    pub only: Vec<String>,
    /// Of `--ignore`.
    pub ignored: Vec<String>,
    /// Of the config file's `match`, with the line of the rule.
    pub rules: Vec<(String, usize)>,
}

/// Whether a pattern matches a job's id or name.
pub fn matches(pattern: &WildMatch, job: &Job) -> bool {
    pattern.matches(&job.id) || pattern.matches(&job.name)
}

/// The pattern of ignored jobs that covers an expected one: nobody can want both.
pub fn contradiction<'a>(expected: &str, ignored: &'a [String]) -> Option<&'a str> {
    let covers = |pattern: &&String| *pattern == expected || WildMatch::new(pattern).matches(expected);
    ignored.iter().find(covers).map(String::as_str)
}

/// Exact patterns come after all others, then those with more literal characters.
fn specificity(pattern: &WildMatch) -> (bool, usize) {
    let text = pattern.to_string();
    let literal = text.chars().filter(|c| !matches!(c, '*' | '?')).count();
    (literal == text.chars().count(), literal)
}

impl Policy {
    /// These settings for every job.
    #[cfg(test)]
    pub fn of(settings: Settings) -> Policy {
        Policy {
            settings,
            only: Vec::new(),
            ignored: Vec::new(),
            rules: Vec::new(),
            mutes: Vec::new(),
            expected: Vec::new(),
            file: None,
        }
    }

    /// Whether a job is audited.
    pub fn selects(&self, job: &Job) -> bool {
        (self.only.is_empty() || self.only.iter().any(|pattern| matches(pattern, job))) && !self.ignores(job)
    }

    /// Whether the operator wants to hear nothing of a job.
    pub fn ignores(&self, job: &Job) -> bool {
        self.ignored.iter().any(|pattern| matches(pattern, job))
    }

    /// Which jobs are audited, in a text that is the same for the same patterns; empty for all jobs.
    pub fn scope(&self) -> String {
        let only = self.only.iter().map(|pattern| format!("job {:?}", pattern.to_string()));
        let ignored = self.ignored.iter().map(|pattern| format!("ignore {:?}", pattern.to_string()));
        only.chain(ignored).collect::<Vec<_>>().join(", ")
    }

    /// How a job is judged: for each key the most specific rule that sets it wins, then the later one.
    pub fn settings_of(&self, job: &Job) -> JobSettings {
        let mut rules: Vec<&Rule> = self.rules.iter().filter(|rule| matches(&rule.pattern, job)).collect();
        rules.sort_by_key(|rule| specificity(&rule.pattern));
        let mut overrides = ThresholdOverrides::default();
        let mut quiet = self.settings.quiet.clone();
        let mut severities = self.settings.severities.clone();
        let (mut budget, mut min_run, mut output) = (None, None, None);
        let (mut mute, mut set_by) = (Vec::new(), Vec::<(RuleKey, usize)>::new());
        for rule in rules {
            let set = rule.settings();
            set_by.retain(|(setting, _)| !set.contains(setting));
            set_by.extend(set.into_iter().map(|setting| (setting, rule.line)));
            severities.extend(&rule.severities);
            budget = rule.budget.or(budget);
            min_run = rule.min_run.or(min_run);
            output = rule.output.as_ref().or(output);
            overrides = rule.thresholds.or(&overrides);
            if let Some(windows) = &rule.quiet {
                quiet.clone_from(windows);
            }
            if let Some(muted) = &rule.mute {
                mute.clone_from(muted);
            }
        }
        JobSettings {
            thresholds: overrides.apply(&self.settings.thresholds),
            quiet,
            mute,
            severities,
            budget,
            min_run,
            output: output.cloned(),
            set_by,
        }
    }

    /// Where any job leaves files behind.
    pub fn outputs(&self) -> BTreeSet<PathBuf> {
        self.rules.iter().filter_map(|rule| rule.output.clone()).collect()
    }

    /// The patterns that match none of the jobs.
    pub fn unmatched<'a>(&self, jobs: impl Iterator<Item = &'a Job> + Clone) -> Unmatched {
        let rules = self.rules.iter().filter(|rule| misses(&rule.pattern, jobs.clone()));
        Unmatched {
            only: missing_of(&self.only, &jobs),
            ignored: missing_of(&self.ignored, &jobs),
            rules: rules.map(|rule| (rule.pattern.to_string(), rule.line)).collect(),
        }
    }

    /// The expected patterns that no watched job matches.
    pub fn missing<'a>(&self, jobs: impl Iterator<Item = &'a Job> + Clone) -> Vec<WildMatch> {
        let watched = jobs.filter(|job| job.state.is_watched());
        self.expected.iter().filter(|pattern| misses(pattern, watched.clone())).cloned().collect()
    }
}

/// Whether a pattern matches none of the jobs.
fn misses<'a>(pattern: &WildMatch, mut jobs: impl Iterator<Item = &'a Job>) -> bool {
    !jobs.any(|job| matches(pattern, job))
}

/// The patterns that match none of the jobs, as text.
fn missing_of<'a>(patterns: &[WildMatch], jobs: &(impl Iterator<Item = &'a Job> + Clone)) -> Vec<String> {
    patterns.iter().filter(|pattern| misses(pattern, jobs.clone())).map(ToString::to_string).collect()
}
