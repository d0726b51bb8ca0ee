//! What the audits of a fleet said, kept as plain data, and what can be measured of it.

use super::database::{Database, id_of};
use super::fleet::Fleet;
use crate::audit::policy::Policy;
use crate::audit::{Incident, LocatedFinding, Verdict, audit};
use crate::catalog::{self, Severity, Status};
use crate::model::{Job, Snapshot};
use crate::time::{Instant, Millis};
use std::collections::{BTreeMap, BTreeSet};

/// One finding.
#[derive(Debug, Clone)]
pub struct Sign {
    pub reason: String,
    /// Its job, if it is about one.
    pub job: Option<usize>,
    pub severity: Severity,
    pub is_ongoing: bool,
    /// A run that truly takes longer than usual.
    pub is_long_run: bool,
    /// The row's next run is truly later than the next slot.
    pub is_true_skip: bool,
    /// A run wrote its row back as it was before somebody paused the job.
    pub is_lost_pause: bool,
}

/// One incident.
#[derive(Debug, Clone)]
pub struct Problem {
    pub fingerprint: String,
    pub cause: String,
    pub headline: String,
    pub severity: Severity,
    pub is_ongoing: bool,
    pub since: Option<Instant>,
    pub signs: Vec<Sign>,
}

impl Problem {
    /// Whether a person is told of something that is not so in a healthy fleet.
    pub fn is_alarm(&self) -> bool {
        let mut told = self.signs.iter().filter(|sign| sign.severity >= Severity::Warning);
        self.severity >= Severity::Warning
            && !told.all(|sign| sign.is_long_run || sign.is_true_skip || sign.is_lost_pause)
    }

    pub fn is_critical(&self) -> bool {
        self.is_ongoing && self.severity == Severity::Critical
    }
}

/// What one audit said.
pub struct Audited {
    pub now: Instant,
    pub problems: Vec<Problem>,
    /// What is only information: reason and job.
    pub infos: Vec<(String, Option<usize>)>,
}

/// What all of them said, oldest first.
#[derive(Default)]
pub struct Told {
    pub audits: Vec<Audited>,
}

/// Audits a fleet again and again.
pub fn audit_all(fleet: &Fleet, from: Instant, until: Instant, step: Millis) -> Told {
    let mut told = Told::default();
    let mut database = Database::new(fleet);
    let mut now = from;
    while now < until {
        database.fill(now);
        told.listen(database.snapshot(now), now);
        now = now.plus(step);
    }
    told
}

/// The number of a job in its fleet.
fn number_of(job: &Job) -> usize {
    job.id.strip_prefix(id_of(0).trim_end_matches('0')).and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

/// Whether the row's next run is later than the next slot.
fn skips_slots(job: &Job, now: Instant) -> bool {
    job.next_run() > job.schedule.cadence().and_then(|cadence| cadence.next(now))
}

fn sign(verdict: &Verdict, located: &LocatedFinding<'_>, now: Instant) -> Sign {
    let finding = located.finding;
    let job = verdict.job_of(finding).map(|report| &report.job);
    Sign {
        reason: finding.problem().name(),
        job: job.map(number_of),
        severity: finding.severity,
        is_ongoing: finding.is_ongoing(),
        is_long_run: finding.problem() == catalog::Problem::RunLong,
        is_true_skip: finding.problem() == catalog::Problem::SlotsSkipped
            && job.is_some_and(|job| skips_slots(job, now)),
        is_lost_pause: finding.problem() == catalog::Problem::RunsWhileOff,
    }
}

fn problem(incident: &Incident) -> Problem {
    Problem {
        fingerprint: incident.fingerprint.clone(),
        cause: incident.cause.name(),
        headline: incident.headline.to_string(),
        severity: incident.severity,
        is_ongoing: incident.status == Status::Ongoing,
        since: incident.since,
        signs: Vec::new(),
    }
}

impl Told {
    pub fn listen(&mut self, snapshot: Snapshot, now: Instant) {
        let verdict = audit(snapshot, &Policy::of(super::super::settings(now)));
        let mut problems: Vec<Problem> = verdict.incidents.iter().map(problem).collect();
        let mut infos = Vec::new();
        for located in verdict.findings() {
            let sign = sign(&verdict, &located, now);
            match located.incident {
                Some(of) => {
                    let same = problems.iter_mut().filter(|problem| problem.fingerprint == of.fingerprint);
                    same.for_each(|problem| problem.signs.push(sign.clone()));
                }
                None => {
                    assert!(sign.severity < Severity::Warning, "{sign:?} belongs to no incident");
                    infos.push((sign.reason, sign.job));
                }
            }
        }
        self.audits.push(Audited { now, problems, infos });
    }

    pub fn since(&self, from: Instant) -> impl Iterator<Item = &Audited> {
        self.audits.iter().filter(move |audited| audited.now >= from)
    }

    /// Every incident of every audit from then on.
    pub fn problems_since(&self, from: Instant) -> impl Iterator<Item = &Problem> {
        self.since(from).flat_map(|audited| &audited.problems)
    }

    /// The incidents that alarm for nothing, in a healthy fleet, by fingerprint.
    pub fn alarms(&self, from: Instant, until: Instant) -> BTreeMap<String, Problem> {
        let mut alarms: BTreeMap<String, Problem> = BTreeMap::new();
        for audited in self.since(from).filter(|audited| audited.now < until) {
            for problem in audited.problems.iter().filter(|problem| problem.is_alarm()) {
                let known = alarms.entry(problem.fingerprint.clone()).or_insert_with(|| problem.clone());
                if problem.is_ongoing && problem.severity >= known.severity {
                    *known = problem.clone();
                }
            }
        }
        alarms
    }

    /// The fingerprints of incidents that were critical while they lasted.
    pub fn criticals(&self, from: Instant) -> BTreeSet<String> {
        let critical = self.problems_since(from).filter(|problem| problem.is_critical());
        critical.map(|problem| problem.fingerprint.clone()).collect()
    }

    /// The fingerprints of incidents that people were told of, were over in one audit, and ongoing again in a later one.
    pub fn came_back(&self, from: Instant) -> BTreeSet<String> {
        let (mut told, mut over, mut back) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for audited in self.since(from) {
            let ongoing = audited.problems.iter().filter(|problem| problem.is_ongoing);
            let ongoing: BTreeSet<&String> = ongoing.map(|problem| &problem.fingerprint).collect();
            over.extend(told.iter().filter(|print| !ongoing.contains(print)).cloned());
            back.extend(over.iter().filter(|print| ongoing.contains(print)).cloned());
            let serious = audited.problems.iter().filter(|problem| problem.is_ongoing && problem.is_alarm());
            told.extend(serious.map(|problem| problem.fingerprint.clone()));
        }
        back
    }

    /// The causes that an incident had while it was critical and after its end.
    pub fn causes_of(&self, fingerprint: &str) -> BTreeSet<&str> {
        let same = self.problems_since(Instant::MIN).filter(|problem| problem.fingerprint == fingerprint);
        let named = same.filter(|problem| problem.is_critical() || !problem.is_ongoing);
        named.map(|problem| problem.cause.as_str()).collect()
    }

    /// The beginnings that an incident was given, to the second.
    pub fn beginnings_of(&self, fingerprint: &str) -> BTreeSet<Option<i64>> {
        let same = self.problems_since(Instant::MIN).filter(|problem| problem.fingerprint == fingerprint);
        same.map(|problem| problem.since.map(Instant::seconds)).collect()
    }

    /// Whether an incident was ever reported as over.
    pub fn is_told_to_be_over(&self, fingerprint: &str) -> bool {
        let same = |problem: &&Problem| problem.fingerprint == fingerprint && !problem.is_ongoing;
        self.problems_since(Instant::MIN).any(|problem| same(&problem))
    }
}
