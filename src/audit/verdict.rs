//! What an audit of one database found.

use super::budget::Spending;
use super::evidence::Evidence;
use super::finding::{About, Finding};
use super::incident::Incident;
use super::ledger::Ledger;
use super::policy::{self, IncidentMute, JobSettings};
use super::runs::Usage;
use super::sentence::sentence;
use super::timeline::Timeline;
use super::unjudged::Unjudged;
use crate::catalog::{Problem, Severity, Status};
use crate::model::{AssumedZone, Job, JobIndex, Liveness, Mapped};
use crate::settings::Settings;
use crate::text::Text;
use crate::time::{Instant, Millis};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::Index;
use wildmatch::WildMatch;

/// The runs of a job that are kept although nothing is found of it: more are not shown.
const RUNS_KEPT: usize = 10;

/// A job and all that the audit found out about it.
#[derive(Debug)]
pub struct JobReport {
    /// The job as it was read.
    pub job: Job,
    /// Whether it was selected: what is not has no findings and no metrics.
    pub selected: bool,
    /// The settings that it was judged by.
    pub settings: JobSettings,
    /// The worst severity of its findings.
    pub severity: Severity,
    /// Its findings that belong to no incident, because they are only information.
    pub findings: Vec<Finding>,
    /// What it has spent of its budget, if it has one.
    pub spending: Option<Spending>,
    /// What was measured, whether or not a judge reports it.
    pub metrics: JobMetrics,
    /// Its last slots.
    pub timeline: Timeline,
    /// What became of all its slots.
    pub ledger: Ledger,
}

/// All of a [`JobReport`] but the job itself.
pub struct Judgment {
    /// See [`JobReport::selected`].
    pub selected: bool,
    /// See [`JobReport::settings`].
    pub settings: JobSettings,
    /// See [`JobReport::findings`].
    pub findings: Vec<Finding>,
    /// See [`JobReport::spending`].
    pub spending: Option<Spending>,
    /// See [`JobReport::metrics`].
    pub metrics: JobMetrics,
    /// See [`JobReport::timeline`].
    pub timeline: Timeline,
    /// See [`JobReport::ledger`].
    pub ledger: Ledger,
}

impl JobReport {
    /// A job with what was found out about it.
    pub fn new(job: Job, judgment: Judgment) -> JobReport {
        let Judgment { selected, settings, findings, spending, metrics, timeline, ledger } = judgment;
        JobReport { job, selected, settings, severity: Severity::Ok, findings, spending, metrics, timeline, ledger }
    }
}

/// The numbers of one job. A job that is not watched has none.
#[derive(Debug, Clone, Default)]
pub struct JobMetrics {
    /// How long it has been due without a run, whatever the excuse; 0 if it is not due.
    pub overdue_ms: Millis,
    /// Slots without a run in ongoing problems.
    pub missed_slots: u64,
    /// Zero-token runs in a row up to the last run.
    pub zero_token_streak: u64,
    /// How long its run in flight has taken so far; 0 if there is none.
    pub in_flight_ms: Millis,
    /// When its last run ended; None if none is known.
    pub last_fire: Option<Instant>,
    /// When its last run that used tokens ended; None if none is known.
    pub last_success: Option<Instant>,
    /// Its usual interval; None if it has none.
    pub cadence_ms: Option<Millis>,
    /// What its runs of the last 24 hours used.
    pub last_day: Usage,
    /// What its runs of the last 7 days used, as far as they were read.
    pub last_week: Usage,
}

/// What an audit of one database found.
#[derive(Debug)]
pub struct Verdict {
    /// The jobs, in the order of the snapshot.
    pub jobs: Vec<JobReport>,
    /// What is wrong, the worst first.
    pub incidents: Vec<Incident>,
    /// What is wrong, but muted by the operator.
    pub muted: Vec<MutedIncident>,
    /// Jobs with ongoing findings of warning or worse that their rules mute.
    pub muted_jobs: usize,
    /// What all jobs have spent of the budget of the database, if it has one.
    pub spending: Option<Spending>,
    /// Due jobs that are not judged, because it is quiet.
    pub unjudged: Option<Unjudged>,
    /// Findings about the scheduler that belong to no incident, because they are only information.
    pub information: Vec<Finding>,
    /// What could not be read or judged, and what was left out, in sentences.
    pub notes: Vec<String>,
    /// What the operating system knows about the scheduler's process.
    pub liveness: Liveness,
    /// The zone of schedules that name none.
    pub zone: AssumedZone,
    /// The mapping by which the database was read, if it was read by one.
    pub mapping: Option<Mapped>,
}

/// An incident that the operator has muted.
#[derive(Debug)]
pub struct MutedIncident {
    /// The incident.
    pub incident: Incident,
    /// The mute that covers it; None if those of all its jobs do.
    pub by: Option<IncidentMute>,
}

impl Index<JobIndex> for Verdict {
    type Output = JobReport;

    fn index(&self, index: JobIndex) -> &JobReport {
        &self.jobs[index.position()]
    }
}

/// A finding of a verdict, with its incident.
pub struct LocatedFinding<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Its incident; None if it is only information.
    pub incident: Option<&'a Incident>,
}

impl Verdict {
    /// Takes each job's severity from what is told of it.
    pub fn rate_jobs(&mut self) {
        for report in &mut self.jobs {
            report.severity = report.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
        }
        for finding in self.incidents.iter().flat_map(|incident| &incident.findings) {
            if let Some(job) = finding.job() {
                let report = &mut self.jobs[job.position()];
                report.severity = report.severity.max(finding.severity);
            }
        }
    }

    /// Forgets all but the last runs of jobs of which nothing is found: only a history tells of them.
    pub fn forget_runs(&mut self) {
        let told = self.incidents.iter().chain(self.muted.iter().map(|muted| &muted.incident));
        let findings = told.clone().flat_map(|incident| &incident.findings).filter_map(Finding::job);
        let affected = told.flat_map(|incident| &incident.jobs).map(|affected| affected.job);
        let found: HashSet<JobIndex> = findings.chain(affected).collect();
        for (position, report) in self.jobs.iter_mut().enumerate() {
            if report.findings.is_empty() && !found.contains(&JobIndex::at(position)) {
                let fires = &mut report.job.fires;
                *fires = fires.split_off(fires.len().saturating_sub(RUNS_KEPT));
            }
        }
    }

    /// The job that a finding is about, if it is about one.
    pub fn job_of(&self, finding: &Finding) -> Option<&JobReport> {
        finding.job().map(|job| &self[job])
    }

    /// A finding in one plain sentence. It may contain text of the database.
    pub fn sentence(&self, finding: &Finding, now: Instant) -> Text {
        sentence(finding, self.job_of(finding).map(|report| &report.job), now)
    }

    /// How much is muted: incidents, and jobs with findings that their rules mute.
    pub fn count_muted(&self) -> usize {
        self.muted.iter().filter(|muted| muted.incident.status == Status::Ongoing).count() + self.muted_jobs
    }

    /// The worst severity of all that is told.
    pub fn severity(&self) -> Severity {
        let of_jobs = self.jobs.iter().map(|report| report.severity);
        let of_incidents = self.incidents.iter().map(|incident| incident.severity);
        let of_information = self.information.iter().map(|finding| finding.severity);
        of_jobs.chain(of_incidents).chain(of_information).max().unwrap_or(Severity::Ok)
    }

    /// All findings: those about the scheduler, then those of the worst jobs.
    pub fn findings(&self) -> Vec<LocatedFinding<'_>> {
        let mut findings = Vec::new();
        for incident in &self.incidents {
            for finding in &incident.findings {
                findings.push(LocatedFinding { finding, incident: Some(incident) });
            }
        }
        for finding in self.jobs.iter().flat_map(|report| &report.findings).chain(&self.information) {
            findings.push(LocatedFinding { finding, incident: None });
        }
        findings.sort_by_key(|located| {
            let finding = located.finding;
            let job = finding.job();
            let rank = job.map(|job| (Reverse(self[job].severity), job));
            let order = (finding.problem().detector(), Reverse(finding.until));
            (rank, Reverse(finding.severity), !finding.is_ongoing(), order)
        });
        findings
    }

    /// Adds that no watched job matches an expected pattern. If a job that is not watched does, it is the one that is missing.
    pub fn add_expected_missing(&mut self, pattern: &WildMatch, settings: &Settings) {
        let position = self.jobs.iter().position(|report| report.selected && policy::matches(pattern, &report.job));
        let expected = pattern.to_string();
        let (about, state) = match position {
            Some(position) => (About::Job(JobIndex::at(position)), Some(self.jobs[position].job.state.word())),
            None => (About::Pattern(expected.clone()), None),
        };
        let evidence = Evidence::ExpectedMissing { expected, state };
        let severities = position.map_or(&settings.severities, |position| &self.jobs[position].settings.severities);
        let severity = severities.get(&Problem::ExpectedMissing).copied();
        let finding = Finding::new(about, Severity::Critical, evidence).rated(severity);
        if let Some(position) = position {
            self.jobs[position].severity = self.jobs[position].severity.max(finding.severity);
        }
        let incident = Incident::of_missing(
            &pattern.to_string(),
            finding,
            self.jobs.iter().map(|report| &report.job),
            settings.now,
        );
        self.incidents.insert(0, incident);
    }
}
