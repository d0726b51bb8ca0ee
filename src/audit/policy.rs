//! What the operator wants: which jobs are audited, with which thresholds, what is muted, which jobs must exist.

use crate::catalog::{Detector, Reason};
use crate::model::Job;
use crate::settings::{Settings, ThresholdOverrides, Thresholds};
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
    /// Findings that are not reported.
    pub mute: Option<Vec<Mute>>,
}

/// Findings that are not reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute {
    /// All of a detector.
    Detector(Detector),
    /// All with a reason.
    Reason(Reason),
}

impl Mute {
    /// The detector or reason of that name.
    pub fn named(name: &str) -> Option<Mute> {
        Detector::named(name).map(Mute::Detector).or_else(|| Reason::named(name).map(Mute::Reason))
    }

    /// Every name that can be muted.
    pub fn names() -> Vec<String> {
        let detectors = Detector::all().iter().map(|detector| detector.name());
        detectors.chain(Reason::all().iter().map(|reason| reason.name())).collect()
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Mute::Detector(detector) => detector.name(),
            Mute::Reason(reason) => reason.name(),
        }
    }

    fn covers(self, reason: Reason) -> bool {
        match self {
            Mute::Detector(detector) => detector == reason.detector(),
            Mute::Reason(muted) => muted == reason,
        }
    }
}

/// How one job is judged.
#[derive(Debug, Clone, Default)]
pub struct JobSettings {
    /// Its thresholds.
    pub thresholds: Thresholds,
    /// Findings that are not reported for it.
    pub mute: Vec<Mute>,
    /// Each config key that a rule sets, with the line of that rule.
    pub set_by: Vec<(&'static str, usize)>,
}

impl JobSettings {
    /// Whether findings with that reason are not reported.
    pub fn mutes(&self, reason: Reason) -> bool {
        self.mute.iter().any(|mute| mute.covers(reason))
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

/// Exact patterns come after all others, then those with more literal characters.
fn specificity(pattern: &WildMatch) -> (bool, usize) {
    let text = pattern.to_string();
    let literal = text.chars().filter(|c| !matches!(c, '*' | '?')).count();
    (literal == text.chars().count(), literal)
}

impl Policy {
    /// Whether a job is audited.
    pub fn selects(&self, job: &Job) -> bool {
        (self.only.is_empty() || self.only.iter().any(|pattern| matches(pattern, job)))
            && !self.ignored.iter().any(|pattern| matches(pattern, job))
    }

    /// How a job is judged: for each key the most specific rule that sets it wins, then the later one.
    pub fn settings_of(&self, job: &Job) -> JobSettings {
        let mut rules: Vec<&Rule> = self.rules.iter().filter(|rule| matches(&rule.pattern, job)).collect();
        rules.sort_by_key(|rule| specificity(&rule.pattern));
        let mut overrides = ThresholdOverrides::default();
        let (mut mute, mut set_by) = (Vec::new(), Vec::<(&'static str, usize)>::new());
        for rule in rules {
            let keys: Vec<&'static str> = rule.thresholds.keys().chain(rule.mute.as_ref().map(|_| "mute")).collect();
            set_by.retain(|(key, _)| !keys.contains(key));
            set_by.extend(keys.into_iter().map(|key| (key, rule.line)));
            overrides = rule.thresholds.or(&overrides);
            if let Some(muted) = &rule.mute {
                mute.clone_from(muted);
            }
        }
        JobSettings { thresholds: overrides.apply(&self.settings.thresholds), mute, set_by }
    }

    /// The patterns that match none of the jobs.
    pub fn unmatched<'a>(&self, jobs: impl Iterator<Item = &'a Job> + Clone) -> Unmatched {
        let misses = |pattern: &WildMatch| !jobs.clone().any(|job| matches(pattern, job));
        let named =
            |patterns: &[WildMatch]| patterns.iter().filter(|one| misses(one)).map(ToString::to_string).collect();
        let rules = self.rules.iter().filter(|rule| misses(&rule.pattern));
        Unmatched {
            only: named(&self.only),
            ignored: named(&self.ignored),
            rules: rules.map(|rule| (rule.pattern.to_string(), rule.line)).collect(),
        }
    }

    /// The expected patterns that no watched job matches.
    pub fn missing<'a>(&self, jobs: impl Iterator<Item = &'a Job> + Clone) -> Vec<WildMatch> {
        let watched = |pattern: &WildMatch| jobs.clone().any(|job| job.state.is_watched() && matches(pattern, job));
        self.expected.iter().filter(|pattern| !watched(pattern)).cloned().collect()
    }
}
