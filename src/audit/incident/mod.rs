//! Incidents: findings grouped by root cause. One cause is one incident, reported once, with its findings as evidence.
//!
//! Every finding of warning or worse belongs to exactly one incident. Its fingerprint stays the same while it lasts, whatever
//! grows meanwhile.

mod clusters;
mod failures;
mod group;
mod grouping;
mod headline;
mod key;
mod lead;
mod shrunk;
mod silences;
mod words;

pub use headline::without_wrappers;
pub use lead::{Lead, lost_messages};
pub use words::IncidentText;

use super::finding::{About, AffectedJob, Finding};
use super::fleet::Fleet;
use super::sentence::sentence;
use crate::catalog::{Problem, Severity, Status};
use crate::model::{Job, Remedy};
use crate::text::{Text, text};
use crate::time::Instant;
use group::Group;
use grouping::{Grouping, database_anchor};
use key::{Family, Key, hashed};
use std::cmp::Reverse;
use std::collections::HashMap;

/// One problem of a database, with its cause.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The same in every audit while the incident lasts, and of no other incident: for alerting scripts to dedupe on.
    pub fingerprint: String,
    /// What caused it.
    pub cause: Problem,
    /// The worst of its findings.
    pub severity: Severity,
    /// Whether it is still there.
    pub status: Status,
    /// When it began.
    pub since: Option<Instant>,
    /// When it ended; None while it is ongoing.
    pub until: Option<Instant>,
    /// From when it counts for people, and how far it reaches.
    pub lead: Lead,
    /// The jobs that it affects, the most affected first.
    pub jobs: Vec<AffectedJob>,
    /// The findings that it explains, in the order of their jobs.
    pub findings: Vec<Finding>,
    /// What, for how long, and why, in one line: its title in every format.
    pub headline: Text,
    /// What happened, in words.
    pub text: IncidentText,
    /// The last error of its jobs, or of the scheduler's last start, as the row has it: untrusted text.
    pub error: Option<String>,
    /// What a person should do.
    pub remedy: Remedy,
}

impl Incident {
    /// The incident of what should be there and is not, by the pattern that the operator named.
    pub fn of_missing<'a>(
        pattern: &str,
        finding: Finding,
        jobs: impl Iterator<Item = &'a Job> + Clone,
        now: Instant,
    ) -> Incident {
        let database = database_anchor(jobs.clone());
        let known = finding.job().and_then(|job| jobs.clone().nth(job.position()));
        let affected = match finding.about {
            About::Job(job) => vec![AffectedJob { job, since: None, missed_slots: 0, waits: false }],
            About::Scheduler | About::Pattern(_) => Vec::new(),
        };
        let missing = match known {
            Some(job) => text![job.label(), " is ", job.state.word(), ", though it is expected to run"],
            None => text![pattern, " is not in the database, though it is expected"],
        };
        Incident {
            fingerprint: Key::of(Family::Expected, pattern, None).with(database).fingerprint(),
            cause: Problem::ExpectedMissing,
            severity: finding.severity,
            status: Status::Ongoing,
            since: None,
            until: None,
            lead: Lead::default(),
            jobs: affected,
            headline: missing,
            text: IncidentText::of([sentence(&finding, known, now)]),
            error: None,
            remedy: Remedy::step(Problem::ExpectedMissing.advice()),
            findings: vec![finding],
        }
    }
}

/// Groups findings into incidents, the worst first; returns also the findings that are only information.
pub fn group(fleet: &Fleet<'_>, found: Vec<Finding>) -> (Vec<Incident>, Vec<Finding>) {
    let database = database_anchor(fleet.context.jobs());
    let grouping = Grouping::new(fleet, &database, &found);
    let mut groups: Vec<(Key, Vec<Finding>)> = Vec::new();
    let mut positions: HashMap<Key, usize> = HashMap::new();
    let mut information = Vec::new();
    for finding in found {
        let Some(key) = grouping.key(&finding) else {
            information.push(finding);
            continue;
        };
        let position = *positions.entry(key.clone()).or_insert(groups.len());
        match groups.get_mut(position) {
            Some((_, findings)) => findings.push(finding),
            None => groups.push((key, vec![finding])),
        }
    }
    let mut incidents: Vec<Incident> = Vec::with_capacity(groups.len());
    for (key, findings) in groups {
        incidents.push(Group::new(fleet, &grouping, key, findings).into_incident());
    }
    number_equal_fingerprints(&mut incidents);
    incidents.sort_by_key(|incident| {
        let since = incident.since.unwrap_or(Instant::MAX);
        (incident.status == Status::Resolved, Reverse(incident.severity), incident.cause, since)
    });
    (incidents, information)
}

/// Jobs that nothing tells apart, such as two without an id, still have incidents of their own.
fn number_equal_fingerprints(incidents: &mut [Incident]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for incident in incidents {
        let count = seen.entry(incident.fingerprint.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            incident.fingerprint = hashed([&incident.fingerprint, "again", &count.to_string()]);
        }
    }
}
