//! From a [`Snapshot`] to findings: severity, finding, settings, the table of detectors, the verdict.
//!
//! Pure: nothing here queries, prints or reads a clock. A detector is a plain function of the context and a job.

mod diagnosis;
mod facts;
mod gaps;
mod past_due;
#[cfg(test)]
mod properties;
mod slot;
mod starved;
mod strip;
mod zero_tokens;

use crate::cadence::Zone;
use crate::model::{Job, Snapshot};
use crate::time::{Instant, Millis};
pub use diagnosis::Diagnosis;
pub use facts::Facts;
use serde_json::{Map, Value};
pub use strip::{Outcome, SlotOutcome};

use slot::Slot;
use std::hash::Hasher;

/// How bad a finding is; the worst makes the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong.
    Ok,
    /// Worth knowing; nothing is wrong yet.
    Info,
    /// Something is or was wrong.
    Warning,
    /// A job has stopped working.
    Critical,
    /// It could not be checked.
    Unknown,
}

impl Severity {
    /// Its word in every output.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
            Severity::Unknown => "unknown",
        }
    }

    /// Its exit code, which is also that of a monitoring plugin: 0 ok or info, 1 warning, 2 critical, 3 unknown.
    pub fn code(self) -> u8 {
        match self {
            Severity::Ok | Severity::Info => 0,
            Severity::Warning => 1,
            Severity::Critical => 2,
            Severity::Unknown => 3,
        }
    }

    /// Where it stands among several databases: critical wins, then what could not be checked, then warning.
    pub fn rank(self) -> u8 {
        match self {
            Severity::Ok => 0,
            Severity::Info => 1,
            Severity::Warning => 2,
            Severity::Unknown => 3,
            Severity::Critical => 4,
        }
    }
}

/// Whether a trouble lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lasting {
    /// It does.
    Ongoing,
    /// It is over.
    Resolved,
}

/// What the operator may set; every field is an option of the command line.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The instant of the audit.
    pub now: Instant,
    /// How far back resolved troubles are reported.
    pub since: Millis,
    /// The zone of schedules that name none.
    pub zone: Zone,
    /// A job is silent beyond this many cadences.
    pub late_cadences: f64,
    /// A slow job is late beyond this.
    pub late_after: Millis,
    /// Zero-token fires in a row that make a warning.
    pub zero_streak: u64,
    /// Zero-token fires in a row that make it critical.
    pub zero_streak_critical: u64,
    /// The longest run that the scheduler allows.
    pub max_run: Millis,
}

/// One trouble of one job, in facts.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which detector found it.
    pub detector: &'static str,
    /// What exactly it found.
    pub reason: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it lasts.
    pub lasting: Lasting,
    /// The job's index in the snapshot.
    pub job: usize,
    /// When it began.
    pub since: Option<Instant>,
    /// When it ended; None while it lasts.
    pub until: Option<Instant>,
    /// Slots without a fire.
    pub missed_slots: Option<u64>,
    /// The job's usual interval.
    pub cadence_ms: Option<Millis>,
    /// One plain sentence.
    pub message: String,
    /// Further facts, by name.
    pub evidence: Map<String, Value>,
    /// What tells this occurrence from others of the same job and detector.
    pub occurrence: Option<Instant>,
}

impl Finding {
    /// A finding with the facts that every one has; the rest is filled in by the detector.
    pub fn new(detector: &'static str, reason: &'static str, severity: Severity, message: String) -> Finding {
        Finding {
            detector,
            reason,
            severity,
            lasting: Lasting::Ongoing,
            job: 0,
            since: None,
            until: None,
            missed_slots: None,
            cadence_ms: None,
            message,
            evidence: Map::new(),
            occurrence: None,
        }
    }

    /// The same with a further fact.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Finding {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }

    /// The same with the instant since which it lasts, which also tells it from other occurrences.
    pub fn since(mut self, since: Option<Instant>) -> Finding {
        (self.since, self.occurrence) = (since, since);
        self
    }

    /// A name that stays the same from run to run while the same trouble lasts, for alerting scripts to dedupe on: a hash
    /// of the database's real path, the job, the detector and the occurrence.
    pub fn fingerprint(&self, database: &str, job: &Job) -> String {
        let mut hash = fnv::FnvHasher::default();
        let occurrence = self.occurrence.map_or_else(String::new, |at| at.seconds().to_string());
        for part in [database, &job.id, self.detector, &occurrence] {
            hash.write(part.as_bytes());
            hash.write_u8(0xff);
        }
        format!("{:016x}", hash.finish())
    }
}

/// What a detector sees.
pub struct Context<'a> {
    /// The operator's settings.
    pub settings: &'a Settings,
    /// The database.
    pub snapshot: &'a Snapshot,
    /// When the scheduler's one slot was free.
    pub slot: Slot,
}

/// One of the things that an audit looks for.
pub struct Detector {
    /// Its name in findings.
    pub id: &'static str,
    /// What it looks for, in a line.
    pub summary: &'static str,
    run: fn(&Context<'_>, &Job) -> Vec<Finding>,
}

/// All detectors, in the order of their findings.
pub const DETECTORS: [Detector; 3] = [
    Detector {
        id: "past-due",
        summary: "a job that is due and does not run, or never will again",
        run: past_due::detect,
    },
    Detector {
        id: "zero-tokens",
        summary: "fires in a row that used no tokens: the run did no work",
        run: zero_tokens::detect,
    },
    Detector { id: "gap", summary: "a silence between two fires, or since the last one", run: gaps::detect },
];

/// Resolved troubles of one job that each detector reports at most, newest first: more are counted, not listed.
const MOST_RESOLVED: usize = 3;

/// What an audit of one database found.
#[derive(Debug)]
pub struct Verdict {
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// The severity of each job, by its index.
    pub jobs: Vec<Severity>,
    /// What is observed of each job, by its index.
    pub facts: Vec<Facts>,
    /// The worst of them.
    pub severity: Severity,
    /// What the findings come to, most important first.
    pub diagnosis: Vec<Diagnosis>,
    /// The latest slots of each job, by its index, oldest first.
    pub recent_slots: Vec<Vec<SlotOutcome>>,
}

/// Judges the jobs that `selected` lets through.
pub fn audit(snapshot: &Snapshot, settings: &Settings, selected: impl Fn(&Job) -> bool) -> Verdict {
    let context = Context { settings, snapshot, slot: Slot::of(snapshot, settings) };
    let mut findings = Vec::new();
    let mut severities = vec![Severity::Ok; snapshot.jobs.len()];
    let strangers = past_due::jobs_of_another_zone(&context, &selected);
    for (index, job) in snapshot.jobs.iter().enumerate().filter(|(_, job)| selected(job)) {
        for detector in &DETECTORS {
            let stranger = detector.id == "gap" && strangers.as_ref().is_some_and(|found| found.jobs.contains(&index));
            let found = if stranger { Vec::new() } else { (detector.run)(&context, job) };
            findings.extend(keep_newest_resolved(found).into_iter().map(|finding| Finding {
                job: index,
                cadence_ms: job.schedule.cadence().and_then(|cadence| cadence.usual_interval(settings.now)),
                ..finding
            }));
        }
    }
    findings.extend(strangers.map(|found| found.finding));
    let observed = |job| if selected(job) { Facts::observed(&context, job) } else { Facts::default() };
    let mut facts: Vec<Facts> = snapshot.jobs.iter().map(observed).collect();
    for finding in &findings {
        severities[finding.job] = severities[finding.job].max(finding.severity);
        if let Some(missed) = finding.missed_slots.filter(|_| finding.lasting == Lasting::Ongoing) {
            facts[finding.job].missed_slots = facts[finding.job].missed_slots.max(missed);
        }
    }
    let key = |finding: &Finding| {
        let job = std::cmp::Reverse(severities[finding.job]);
        (job, finding.job, std::cmp::Reverse(finding.severity), finding.lasting == Lasting::Resolved)
    };
    findings.sort_by_key(key);
    let severity = severities.iter().copied().max().unwrap_or(Severity::Ok);
    let diagnosis = diagnosis::diagnose(&context, &findings);
    let strip = |job| if selected(job) { strip::recent_slots(&context, job) } else { Vec::new() };
    let recent_slots = snapshot.jobs.iter().map(strip).collect();
    Verdict { findings, jobs: severities, facts, severity, diagnosis, recent_slots }
}

fn keep_newest_resolved(findings: Vec<Finding>) -> Vec<Finding> {
    let (mut resolved, mut kept): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.lasting == Lasting::Resolved);
    resolved.sort_by_key(|finding| std::cmp::Reverse(finding.until));
    let more = resolved.len().saturating_sub(MOST_RESOLVED);
    resolved.truncate(MOST_RESOLVED);
    if let Some(oldest) = resolved.last_mut().filter(|_| more > 0) {
        oldest.evidence.insert("earlier_ones".to_owned(), more.into());
    }
    kept.extend(resolved);
    kept
}
