//! What the operator wants: which jobs are audited, by what settings each is judged, what is muted, what must be there.
//!
//! Pure: made from the command line and the file of `--config`, read by the audit.

use crate::audit::{DetectorId, Reason, Settings};
use crate::model::Job;
use crate::time::Millis;
use clap::ValueEnum;
use std::path::PathBuf;
use wildmatch::WildMatch;

/// How the databases of one call are judged.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The settings of jobs that no rule matches.
    pub settings: Settings,
    /// Only jobs that match one of these, if there is any.
    pub only: Vec<WildMatch>,
    /// No jobs that match one of these.
    pub ignored: Vec<WildMatch>,
    /// What is special about some jobs.
    pub rules: Vec<Rule>,
    /// A watched job must match each of these.
    pub expected: Vec<WildMatch>,
    /// The file that the rules come from.
    pub file: Option<PathBuf>,
}

/// What is special about the jobs that match.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Which jobs.
    pub pattern: WildMatch,
    /// The line of the file on which it begins.
    pub line: usize,
    /// See [`Settings::late_after`].
    pub late_after: Option<Millis>,
    /// See [`Settings::late_cadences`].
    pub late_cadences: Option<f64>,
    /// See [`Settings::lost_after`].
    pub lost_after: Option<Millis>,
    /// See [`Settings::zero_streak`].
    pub zero_streak: Option<u64>,
    /// See [`Settings::zero_streak_critical`].
    pub zero_streak_critical: Option<u64>,
    /// See [`Settings::max_run`].
    pub max_run: Option<Millis>,
    /// Findings that are not made.
    pub mute: Option<Vec<Mute>>,
}

/// A kind of finding that is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute {
    /// All of a detector.
    Detector(DetectorId),
    /// One reason.
    Reason(Reason),
}

impl Mute {
    /// The detector or reason of that name.
    pub fn named(name: &str) -> Option<Mute> {
        let detector = DetectorId::value_variants().iter().find(|detector| detector.name() == name);
        let reason = Reason::value_variants().iter().find(|reason| reason.name() == name);
        detector.map(|detector| Mute::Detector(*detector)).or(reason.map(|reason| Mute::Reason(*reason)))
    }

    /// Every name that can be muted.
    pub fn names() -> Vec<String> {
        let detectors = DetectorId::value_variants().iter().map(|detector| detector.name());
        detectors.chain(Reason::value_variants().iter().map(|reason| reason.name())).collect()
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
#[derive(Debug, Clone)]
pub struct Terms {
    /// Its settings.
    pub settings: Settings,
    /// Findings that are not made of it.
    pub mute: Vec<Mute>,
    /// Each key that a rule sets, with the line of that rule.
    pub set_by: Vec<(&'static str, usize)>,
}

impl Terms {
    /// Whether findings of that reason are not wanted.
    pub fn mutes(&self, reason: Reason) -> bool {
        self.mute.iter().any(|mute| mute.covers(reason))
    }
}

/// Whether a pattern matches a job's id or name.
pub fn hits(pattern: &WildMatch, job: &Job) -> bool {
    pattern.matches(&job.id) || pattern.matches(&job.name)
}

/// How many characters of a pattern are none of a wildcard's, exact ones before all others.
fn specificity(pattern: &WildMatch) -> (bool, usize) {
    let text = pattern.to_string();
    let literal = text.chars().filter(|c| !matches!(c, '*' | '?')).count();
    (literal == text.chars().count(), literal)
}

impl Policy {
    /// Whether a job is audited.
    pub fn selects(&self, job: &Job) -> bool {
        (self.only.is_empty() || self.only.iter().any(|pattern| hits(pattern, job)))
            && !self.ignored.iter().any(|pattern| hits(pattern, job))
    }

    /// How a job is judged: for each key the most specific rule that sets it wins, then the later one.
    pub fn terms(&self, job: &Job) -> Terms {
        let mut rules: Vec<&Rule> = self.rules.iter().filter(|rule| hits(&rule.pattern, job)).collect();
        rules.sort_by_key(|rule| specificity(&rule.pattern));
        let mut terms = Terms { settings: self.settings.clone(), mute: Vec::new(), set_by: Vec::new() };
        for rule in rules {
            let settings = &mut terms.settings;
            let mut set = Vec::new();
            let mut take = |name, is_set| set.extend(Some((name, rule.line)).filter(|_| is_set));
            take("late_after", put(&mut settings.late_after, rule.late_after));
            take("late_cadences", put(&mut settings.late_cadences, rule.late_cadences));
            take("lost_after", put(&mut settings.lost_after, rule.lost_after));
            take("zero_streak", put(&mut settings.zero_streak, rule.zero_streak));
            take("zero_streak_critical", put(&mut settings.zero_streak_critical, rule.zero_streak_critical));
            take("max_run", put(&mut settings.max_run, rule.max_run));
            take("mute", put(&mut terms.mute, rule.mute.clone()));
            terms.set_by.retain(|(name, _)| set.iter().all(|(newer, _)| newer != name));
            terms.set_by.extend(set);
        }
        terms
    }

    /// The patterns of `--job` and `--ignore` that match none of the jobs.
    pub fn unmatched<'a>(&self, jobs: impl Iterator<Item = &'a Job> + Clone) -> (Vec<String>, Vec<String>) {
        let misses = |pattern: &&WildMatch| !jobs.clone().any(|job| hits(pattern, job));
        let named = |patterns: &[WildMatch]| patterns.iter().filter(misses).map(ToString::to_string).collect();
        (named(&self.only), named(&self.ignored))
    }

    /// What is expected and that no watched job of these matches.
    pub fn missing<'a>(&self, jobs: impl Iterator<Item = &'a Job> + Clone) -> Vec<&WildMatch> {
        let watched = |pattern: &WildMatch| jobs.clone().any(|job| job.state.is_watched() && hits(pattern, job));
        self.expected.iter().filter(|pattern| !watched(pattern)).collect()
    }
}

/// Puts a value in its place, if there is one.
fn put<T>(place: &mut T, value: Option<T>) -> bool {
    let is_set = value.is_some();
    if let Some(value) = value {
        *place = value;
    }
    is_set
}
