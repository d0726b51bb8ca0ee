//! A finding: one problem of one job, as evidence and in a sentence.

use super::gap::GapEvidence;
use super::past_due::PastDueEvidence;
use super::zero_tokens::ZeroTokensEvidence;
use crate::catalog::{Problem, Severity, Status};
use crate::model::{Job, JobIndex};
use crate::time::{Instant, Millis, SECOND};
use serde::Serialize;

/// One problem of one job.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What exactly was found.
    pub evidence: Evidence,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is still there.
    pub status: Status,
    /// When it began: for a silence, the first slot missed.
    pub since: Option<Instant>,
    /// When it ended; None while it is ongoing.
    pub until: Option<Instant>,
    /// Slots without a fire.
    pub missed_slots: Option<u64>,
}

/// One job that an incident affects.
#[derive(Debug, Clone)]
pub struct AffectedJob {
    /// The job.
    pub job: JobIndex,
    /// Since when.
    pub since: Option<Instant>,
    /// Slots that it lost.
    pub missed_slots: u64,
    /// Whether it only waits for another job's run.
    pub waits: bool,
}

/// A finding with its job.
#[derive(Debug, Clone)]
pub struct JobFinding {
    /// The job.
    pub job: JobIndex,
    /// What was found.
    pub finding: Finding,
}

/// The findings that are ongoing.
pub fn ongoing(findings: &[JobFinding]) -> impl Iterator<Item = &JobFinding> {
    findings.iter().filter(|one| one.finding.is_ongoing())
}

/// Whether nothing ongoing is worse than information.
pub fn is_early(findings: &[JobFinding]) -> bool {
    ongoing(findings).all(|one| one.finding.severity <= Severity::Info)
}

/// What a finding is based on. These are the keys of `evidence` in JSON; lengths of time are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Evidence {
    /// Found by the detector past-due.
    PastDue(PastDueEvidence),
    /// Found by the detector zero-tokens.
    ZeroTokens(ZeroTokensEvidence),
    /// Found by the detector gap.
    Gap(GapEvidence),
}

impl From<PastDueEvidence> for Evidence {
    fn from(evidence: PastDueEvidence) -> Evidence {
        Evidence::PastDue(evidence)
    }
}

impl From<ZeroTokensEvidence> for Evidence {
    fn from(evidence: ZeroTokensEvidence) -> Evidence {
        Evidence::ZeroTokens(evidence)
    }
}

impl From<GapEvidence> for Evidence {
    fn from(evidence: GapEvidence) -> Evidence {
        Evidence::Gap(evidence)
    }
}

impl Finding {
    /// An ongoing finding.
    pub fn new(severity: Severity, evidence: impl Into<Evidence>) -> Finding {
        Finding {
            evidence: evidence.into(),
            severity,
            status: Status::Ongoing,
            since: None,
            until: None,
            missed_slots: None,
        }
    }

    /// The same, begun then.
    pub fn since(self, since: impl Into<Option<Instant>>) -> Finding {
        Finding { since: since.into(), ..self }
    }

    /// The same, with this many slots missed.
    pub fn missing(self, slots: impl Into<Option<u64>>) -> Finding {
        Finding { missed_slots: slots.into(), ..self }
    }

    /// The same, but ended at `until`.
    pub fn resolved(self, until: Instant) -> Finding {
        Finding { until: Some(until), status: Status::Resolved, ..self }
    }

    /// What exactly it reports.
    pub fn problem(&self) -> Problem {
        match &self.evidence {
            Evidence::PastDue(evidence) => evidence.problem(),
            Evidence::ZeroTokens(evidence) => evidence.problem(),
            Evidence::Gap(evidence) => evidence.problem(),
        }
    }

    /// Whether it is still there.
    pub fn is_ongoing(&self) -> bool {
        self.status == Status::Ongoing
    }

    /// The evidence in one plain sentence. It may contain text of the database.
    pub fn message(&self, job: &Job, now: Instant) -> String {
        match &self.evidence {
            Evidence::PastDue(evidence) => evidence.message(now),
            Evidence::ZeroTokens(evidence) => evidence.message(self, job, now),
            Evidence::Gap(evidence) => evidence.message(self, job, now),
        }
    }
}

/// `1 slot`, `2 slots`.
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {thing}") } else { format!("{} {thing}s", grouped(number)) }
}

/// `46,722,834`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// A length of time in whole seconds, as evidence has it.
pub fn seconds(span: Millis) -> i64 {
    span / SECOND
}

/// A length of time in seconds, as a person reads it.
pub fn span_of_seconds(seconds: i64) -> String {
    crate::time::span(seconds.saturating_mul(SECOND))
}

/// An amount of US dollars; a small one with more digits, so that it does not read as zero.
pub fn usd(amount: f64) -> String {
    if amount < 0.1 { format!("{amount:.4} USD") } else { format!("{amount:.2} USD") }
}

/// What something cost, as the end of a sentence; empty where no cost is known.
pub fn costing(cost_usd: f64) -> String {
    if cost_usd > 0.0 { format!(", costing {}", usd(cost_usd)) } else { String::new() }
}

/// Since when, as the beginning of a sentence; empty where that is not known.
pub fn since_in_words(since: Option<Instant>) -> String {
    since.map_or_else(String::new, |since| format!("since {} UTC ", since.minute()))
}
