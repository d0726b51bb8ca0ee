//! A finding: one problem, as evidence.

use super::evidence::Evidence;
use crate::catalog::{Problem, Severity, Status};
use crate::model::JobIndex;
use crate::time::Instant;

/// One problem of a job, of the scheduler, or of a pattern that the operator named.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Whose problem it is.
    pub about: About,
    /// What exactly was found.
    pub evidence: Evidence,
    /// How bad it is.
    pub severity: Severity,
    /// How bad its judge calls it; the operator may say otherwise.
    pub judged: Severity,
    /// When it began: for a silence, the first slot missed.
    pub since: Option<Instant>,
    /// When it ended; None while it is ongoing.
    pub until: Option<Instant>,
    /// Slots without a run.
    pub missed_slots: Option<u64>,
}

/// Whose problem something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The scheduler's.
    Scheduler,
    /// A job's.
    Job(JobIndex),
    /// Of the jobs that match this pattern, of which there is none.
    Pattern(String),
}

impl From<JobIndex> for About {
    fn from(job: JobIndex) -> About {
        About::Job(job)
    }
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

/// The findings that are ongoing.
pub fn ongoing(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.is_ongoing())
}

/// Whether to the judges nothing ongoing is worse than information.
pub fn is_early(findings: &[Finding]) -> bool {
    ongoing(findings).all(|finding| finding.judged <= Severity::Info)
}

impl Finding {
    /// An ongoing finding.
    pub fn new(about: impl Into<About>, severity: Severity, evidence: Evidence) -> Finding {
        Finding {
            about: about.into(),
            evidence,
            severity,
            judged: severity,
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

    /// The same, but over since then.
    pub fn resolved(self, until: Instant) -> Finding {
        Finding { until: Some(until), ..self }
    }

    /// The same, as bad as the operator calls it. What is over becomes milder at most.
    pub fn rated(self, severity: Option<Severity>) -> Finding {
        let Some(severity) = severity else { return self };
        let severity = if self.is_ongoing() { severity } else { severity.min(self.severity) };
        Finding { severity, ..self }
    }

    /// What was observed.
    pub fn problem(&self) -> Problem {
        self.evidence.problem()
    }

    /// Its job, if it is about one.
    pub fn job(&self) -> Option<JobIndex> {
        match self.about {
            About::Job(job) => Some(job),
            About::Scheduler | About::Pattern(_) => None,
        }
    }

    /// Whether it is still there.
    pub fn is_ongoing(&self) -> bool {
        self.until.is_none()
    }

    /// The same as a word.
    pub fn status(&self) -> Status {
        if self.is_ongoing() { Status::Ongoing } else { Status::Resolved }
    }
}
