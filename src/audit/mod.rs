//! From a [`Snapshot`] to a [`Verdict`]: three detectors find what is wrong with each job, and their findings are grouped into
//! incidents by root cause.
//!
//! Pure: nothing here queries, prints, or reads a clock. A detector is a plain function of the context and a job.

mod finding;
mod foreign_zone;
mod frequency;
mod gap;
mod gone;
mod incident;
mod life;
mod past_due;
pub mod policy;
mod remedy;
mod repair;
mod shared_failure;
mod streaks;
#[cfg(test)]
mod tests;
mod timeline;
mod wording;
mod work;
mod worker;
mod zero_tokens;

pub use finding::{AffectedJob, Evidence, Finding, JobFinding, count, usd};
pub use incident::Incident;
pub use timeline::{Outcome, Timeline};
pub use work::Usage;

use crate::catalog::{Detector, Severity, Status};
use crate::model::{AssumedZone, Job, JobIndex, Liveness, Schedule, Snapshot, State};
use crate::schedule::Cadence;
use crate::settings::Settings;
use crate::time::{DAY, Instant, Millis};
use foreign_zone::ForeignZoneJobs;
use gone::GoneTogether;
use past_due::PastDueEvidence;
use policy::{JobSettings, Policy};
use shared_failure::SharedFailure;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::Index;
use wildmatch::WildMatch;
use worker::{ActiveRun, Phase, Worker};

/// A job with the settings that it is judged by.
pub struct Subject<'a> {
    /// Its position.
    index: JobIndex,
    /// The job as it was read.
    job: &'a Job,
    /// Its settings.
    settings: JobSettings,
    /// Whether it is audited. What is not only keeps the worker busy.
    selected: bool,
}

/// All jobs of a snapshot, in its order.
pub struct Subjects<'a> {
    all: Vec<Subject<'a>>,
    /// The jobs of each name.
    by_name: HashMap<&'a str, Vec<JobIndex>>,
}

impl<'a> Subjects<'a> {
    fn new(jobs: &'a [Job], policy: &Policy) -> Subjects<'a> {
        let subject = |(position, job)| Subject {
            index: JobIndex::at(position),
            job,
            settings: policy.settings_of(job),
            selected: policy.selects(job),
        };
        let all: Vec<Subject<'a>> = jobs.iter().enumerate().map(subject).collect();
        let mut by_name: HashMap<&str, Vec<JobIndex>> = HashMap::new();
        // Names that were cut may differ in what is not seen.
        let is_whole = |name: &str| !name.is_empty() && !name.ends_with('…');
        for subject in all.iter().filter(|subject| is_whole(&subject.job.name)) {
            by_name.entry(&subject.job.name).or_default().push(subject.index);
        }
        Subjects { all, by_name }
    }

    /// The jobs of this name, in order.
    fn named(&self, name: &str) -> &[JobIndex] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    fn iter(&self) -> std::slice::Iter<'_, Subject<'a>> {
        self.all.iter()
    }
}

impl<'a> Index<JobIndex> for Subjects<'a> {
    type Output = Subject<'a>;

    fn index(&self, index: JobIndex) -> &Subject<'a> {
        &self.all[index.position()]
    }
}

impl std::fmt::Debug for Subjects<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|subject| &subject.job.id)).finish()
    }
}

/// What a detector sees of a database.
pub struct Context<'a> {
    /// The settings of the call.
    settings: &'a Settings,
    /// The database.
    snapshot: &'a Snapshot,
    /// Its jobs.
    subjects: &'a Subjects<'a>,
    /// When the worker was free, and what keeps it busy.
    worker: &'a Worker<'a>,
    /// The jobs that fail together.
    shared: &'a SharedFailure,
    /// The jobs that lost their rows together.
    gone: &'a GoneTogether,
    /// The jobs of a different zone.
    foreign_zone: Option<&'a ForeignZoneJobs>,
    /// When the scheduler's zone became the one that was found, if it changed.
    zone_changed: Option<Instant>,
    /// The first job that is watched: what concerns the whole scheduler is told with it.
    first_watched: Option<JobIndex>,
    /// The first job that will be lost, and when, if the scheduler is down.
    first_lost: Option<(JobIndex, Instant)>,
}

impl Context<'_> {
    fn job(&self, index: JobIndex) -> &Job {
        self.subjects[index].job
    }

    /// For how long the worker was free for a job between two instants, without the hours in which it is not expected to run.
    fn free_for(&self, subject: &Subject<'_>, due: Instant, until: Instant) -> Millis {
        let free = self.worker.free_for(due, until);
        let asleep = self.quiet(subject, due, until).map(|(from, until)| self.worker.free_since(due, from, until));
        (free - asleep.sum::<Millis>()).max(0)
    }

    /// The hours between two instants in which a job is not expected to run.
    fn quiet(&self, subject: &Subject<'_>, from: Instant, until: Instant) -> impl Iterator<Item = (Instant, Instant)> {
        let zone = self.snapshot.zone.zone;
        let windows = subject.settings.quiet.clone().into_iter();
        windows.flat_map(move |quiet| quiet.windows(zone, from, until))
    }

    /// When a job that was due then could have run: after the quiet hours.
    fn after_quiet(&self, subject: &Subject<'_>, due: Instant) -> Instant {
        let mut quiet = self.quiet(subject, due, due.plus(DAY));
        quiet.find(|(from, _)| *from == due).map_or(due, |(_, until)| until)
    }

    /// When a run that was due then has ended at the latest.
    fn after_a_run(&self, subject: &Subject<'_>, due: Instant) -> Instant {
        due.plus(subject.job.longest_run.unwrap_or(subject.settings.thresholds.max_run))
    }

    /// A job's slots after `from` and up to `to`, without those in quiet hours.
    fn slots_between(&self, subject: &Subject<'_>, cadence: &Cadence, from: Instant, to: Instant) -> u64 {
        let quiet = self
            .quiet(subject, from, to)
            .map(|(begin, end)| cadence.slots_between(begin.plus(-1).max(from), end.plus(-1)));
        cadence.slots_between(from, to).saturating_sub(quiet.sum())
    }

    /// Whether a row that the scheduler picks has a next run, apart from those of some jobs.
    fn has_next_run_beside(&self, jobs: &[AffectedJob]) -> bool {
        let affected: HashSet<JobIndex> = jobs.iter().map(|affected| affected.job).collect();
        let has_next_run = |job: &Job| job.state == State::Watched && job.next_run().is_some();
        self.subjects.iter().any(|subject| has_next_run(subject.job) && !affected.contains(&subject.index))
    }

    /// Whether there is a job whose silence would be a fault.
    fn watches_any(&self) -> bool {
        self.subjects.iter().any(|subject| subject.job.state.is_watched())
    }
}

/// Finds the problems of one job.
type DetectorFn = fn(&Context<'_>, &Subject<'_>) -> Vec<Finding>;

fn detector(detector: Detector) -> DetectorFn {
    match detector {
        Detector::PastDue => past_due::detect,
        Detector::ZeroTokens => zero_tokens::detect,
        Detector::Gap => gap::detect,
    }
}

/// Resolved problems of one job that each detector reports at most, the last ones: more would not be read.
const MAX_RESOLVED: usize = 3;

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
    /// What was measured, whether or not a detector reports it.
    pub metrics: JobMetrics,
    /// Its last slots.
    pub timeline: Timeline,
}

/// The numbers of one job. A job that is not watched has none.
#[derive(Debug, Clone, Default)]
pub struct JobMetrics {
    /// How long it has been due without a run, whatever the excuse; 0 if it is not due.
    pub overdue_ms: Millis,
    /// Slots without a fire in ongoing problems.
    pub missed_slots: u64,
    /// Zero-token fires in a row up to the last fire.
    pub zero_token_streak: u64,
    /// How long its run in flight has taken so far; 0 if there is none.
    pub in_flight_ms: Millis,
    /// When its last run ended; None if none is known.
    pub last_fire: Option<Instant>,
    /// When its last run that used tokens ended; None if none is known.
    pub last_success: Option<Instant>,
    /// Its usual interval; None if it has none.
    pub cadence_ms: Option<Millis>,
    /// What its fires of the last 24 hours used.
    pub last_day: Usage,
    /// What its fires of the last 7 days used, as far as they were read.
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
    pub muted: Vec<Incident>,
    /// Jobs with ongoing findings of warning or worse that their rules mute.
    pub muted_jobs: usize,
    /// What could not be read or judged, and what was left out, in sentences.
    pub notes: Vec<String>,
    /// What the operating system knows about the scheduler's process.
    pub liveness: Liveness,
    /// The zone of schedules that name none.
    pub zone: AssumedZone,
    /// The name of the mapping by which the database was read, if it was read by one.
    pub mapping: Option<String>,
}

impl Index<JobIndex> for Verdict {
    type Output = JobReport;

    fn index(&self, index: JobIndex) -> &JobReport {
        &self.jobs[index.position()]
    }
}

/// A finding of a verdict, with its job and its incident.
pub struct LocatedFinding<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Its job's position.
    pub job: JobIndex,
    /// Its incident; None if it is only information.
    pub incident: Option<&'a Incident>,
}

/// Judges the jobs of a database.
pub fn audit(mut snapshot: Snapshot, policy: &Policy) -> Verdict {
    let (judged, incidents) = judge(&snapshot, policy);
    let muted_jobs = judged.iter().filter(|judgment| judgment.is_muted).count();
    let jobs = std::mem::take(&mut snapshot.jobs).into_iter().zip(judged);
    let jobs = jobs.map(|(job, judged)| judged.report(job)).collect();
    let (notes, liveness) = (std::mem::take(&mut snapshot.notes), std::mem::take(&mut snapshot.liveness));
    let (muted, mapping) = (Vec::new(), snapshot.mapping.take());
    let mut verdict = Verdict { jobs, incidents, muted, muted_jobs, notes, liveness, zone: snapshot.zone, mapping };
    if let Some(evidence) = nothing_watched(&snapshot, &verdict) {
        verdict.add_missing(ANY_JOB, Finding::new(Severity::Warning, evidence), policy.settings.now);
    }
    verdict.mute(policy);
    verdict
}

/// The name that stands for all jobs where none is watched.
const ANY_JOB: &str = "any job";

/// A scheduler that worked, or works, and has nothing to do; unless an incident says why, or its jobs are one-shots that are
/// done, wait for events, or were paused or deleted in the dashboard.
fn nothing_watched(snapshot: &Snapshot, verdict: &Verdict) -> Option<PastDueEvidence> {
    let known = || verdict.jobs.iter().map(|report| &report.job);
    let fired = known().filter_map(Job::last_end).chain(snapshot.other_fires.last().map(|fire| fire.end)).max();
    let last_activity = fired.max(snapshot.last_other_activity).max(snapshot.boots.last().copied());
    let is_meant = |job: &Job| match job.state {
        State::Completed | State::FailedOnce | State::EventDriven => true,
        State::Paused => job.switches.last().is_some_and(|switch| !switch.resumes),
        _ => false,
    };
    let rows = known().filter(|job| job.state != State::Gone).count();
    let all_meant = if rows == 0 { snapshot.has_deletions } else { known().all(is_meant) };
    let explained = known().any(|job| job.state.is_watched()) || !verdict.incidents.is_empty() || all_meant;
    let last_activity = last_activity.filter(|_| !explained)?;
    Some(PastDueEvidence::NothingWatched { rows, last_activity })
}

/// All of a [`JobReport`] but the job itself.
struct Judgment {
    selected: bool,
    is_muted: bool,
    settings: JobSettings,
    findings: Vec<Finding>,
    metrics: JobMetrics,
    timeline: Timeline,
}

impl Judgment {
    fn report(self, job: Job) -> JobReport {
        let Judgment { selected, settings, findings, metrics, timeline, is_muted: _ } = self;
        let severity = Severity::Ok;
        JobReport { job, selected, settings, severity, findings, metrics, timeline }
    }
}

fn judge(snapshot: &Snapshot, policy: &Policy) -> (Vec<Judgment>, Vec<Incident>) {
    let subjects = Subjects::new(&snapshot.jobs, policy);
    let settings = &policy.settings;
    let worker = Worker::new(snapshot, &subjects, settings);
    let shared = SharedFailure::find(&subjects, &snapshot.other_fires);
    let gone = GoneTogether::find(&subjects);
    let foreign_zone = ForeignZoneJobs::find(&subjects, snapshot.zone.zone);
    let context = Context {
        settings,
        snapshot,
        subjects: &subjects,
        worker: &worker,
        shared: &shared,
        gone: &gone,
        foreign_zone: foreign_zone.as_ref(),
        zone_changed: zone_changed(snapshot),
        first_watched: subjects
            .iter()
            .find(|subject| subject.selected && subject.job.state.is_watched())
            .map(|subject| subject.index),
        first_lost: first_lost(&subjects, &worker),
    };
    let mut found = Vec::new();
    let mut judged: Vec<Judgment> = Vec::with_capacity(subjects.all.len());
    for subject in subjects.iter() {
        let findings = if subject.selected { find(&context, subject) } else { Vec::new() };
        let (muted, findings): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| subject.settings.mutes(finding.problem()));
        let is_muted = muted.iter().any(|finding| finding.is_ongoing() && finding.severity > Severity::Info);
        judged.push(Judgment { is_muted, ..judgment(&context, subject, &findings) });
        found.extend(findings.into_iter().map(|finding| JobFinding { job: subject.index, finding }));
    }
    let (incidents, information) = incident::group(&context, found);
    for JobFinding { job, finding } in information {
        judged[job.position()].findings.push(finding);
    }
    (judged, incidents)
}

fn zone_changed(snapshot: &Snapshot) -> Option<Instant> {
    let changes = snapshot.jobs.iter().filter_map(|job| foreign_zone::change_from_utc(&snapshot.zone, job)?.since);
    changes.min()
}

/// The first job that will be lost, and when, if the scheduler is down and no run in flight shows it already.
fn first_lost(subjects: &Subjects<'_>, worker: &Worker<'_>) -> Option<(JobIndex, Instant)> {
    worker.life.down_since().filter(|_| worker.active_runs.is_empty())?;
    let watched = subjects.iter().filter(|subject| subject.selected && subject.job.state == State::Watched);
    let next = watched.filter_map(|subject| Some((subject.index, subject.job.next_run()?)));
    next.min_by_key(|(_, next)| *next)
}

/// The findings of all detectors for one job. Its lost slots are counted once: every ongoing finding reports the same.
fn find(context: &Context<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let found = Detector::all().iter().flat_map(|one| last_resolved(detector(*one)(context, subject)));
    let mut found = repair::awaited(context, subject, found.collect());
    let missed = found.iter().filter(|finding| finding.is_ongoing()).filter_map(|finding| finding.missed_slots).max();
    for finding in found.iter_mut().filter(|finding| finding.is_ongoing() && finding.missed_slots.is_some()) {
        finding.missed_slots = missed;
    }
    found.retain(|finding| context.settings.resolved || finding.is_ongoing());
    found
}

fn last_resolved(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| Reverse(finding.until));
    let mut resolved = 0;
    findings.retain(|finding| {
        resolved += usize::from(!finding.is_ongoing());
        finding.is_ongoing() || resolved <= MAX_RESOLVED
    });
    findings
}

fn judgment(context: &Context<'_>, subject: &Subject<'_>, found: &[Finding]) -> Judgment {
    let watched = subject.selected && subject.job.state.is_watched();
    let now = context.settings.now;
    let silences = found.iter().filter(|finding| finding.missed_slots.is_some());
    let lost: Vec<(Instant, Instant)> =
        silences.filter_map(|finding| Some((finding.since?, finding.until.unwrap_or(now)))).collect();
    Judgment {
        selected: subject.selected,
        settings: subject.settings.clone(),
        is_muted: false,
        findings: Vec::new(),
        metrics: if watched { metrics(context, subject, found) } else { JobMetrics::default() },
        timeline: if watched { Timeline::new(context, subject, &lost) } else { Timeline::default() },
    }
}

fn metrics(context: &Context<'_>, subject: &Subject<'_>, found: &[Finding]) -> JobMetrics {
    let (job, now) = (subject.job, context.settings.now);
    let ongoing = found.iter().filter(|finding| finding.is_ongoing());
    let is_running = |run: &&ActiveRun| run.phase == Phase::Running && run.cut.is_none();
    let running = context.worker.run_of(subject.index).filter(is_running);
    let due = || job.next_run().or_else(|| job.schedule.cadence()?.next(job.last_end().or(job.created_at)?));
    JobMetrics {
        overdue_ms: due().map_or(0, |due| now.since(due).max(0)),
        missed_slots: ongoing.filter_map(|finding| finding.missed_slots).max().unwrap_or(0),
        zero_token_streak: zero_tokens::current_streak(job),
        in_flight_ms: running.map_or(0, |run| run.elapsed),
        last_fire: job.last_end(),
        last_success: job.fires.iter().rev().find(|fire| !fire.is_bad()).map(|fire| fire.end),
        cadence_ms: job.schedule.cadence().and_then(|cadence| cadence.usual_interval(now)),
        last_day: Usage::since(job, now.plus(-DAY)),
        last_week: Usage::since(job, now.plus(-7 * DAY)),
    }
}

impl Verdict {
    /// Sets aside the incidents that the operator has muted; the jobs' severities come from the others.
    fn mute(&mut self, policy: &Policy) {
        let jobs = &self.jobs;
        let is_muted = |incident: &Incident| {
            let jobs: Vec<&Job> = incident.jobs.iter().map(|one| &jobs[one.job.position()].job).collect();
            policy.mutes(incident, &jobs)
        };
        let (muted, incidents) = std::mem::take(&mut self.incidents).into_iter().partition(is_muted);
        (self.muted, self.incidents) = (muted, incidents);
        for report in &mut self.jobs {
            report.severity = report.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
        }
        for one in self.incidents.iter().flat_map(|incident| &incident.findings) {
            let report = &mut self.jobs[one.job.position()];
            report.severity = report.severity.max(one.finding.severity);
        }
    }

    /// How much is muted: incidents, and jobs with findings that their rules mute.
    pub fn count_muted(&self) -> usize {
        self.muted.iter().filter(|incident| incident.status == Status::Ongoing).count() + self.muted_jobs
    }

    /// The worst severity of all jobs.
    pub fn severity(&self) -> Severity {
        self.jobs.iter().map(|report| report.severity).max().unwrap_or(Severity::Ok)
    }

    /// All findings, those of the worst jobs first.
    pub fn findings(&self) -> Vec<LocatedFinding<'_>> {
        let of_incidents = self
            .incidents
            .iter()
            .flat_map(|incident| incident.findings.iter().map(move |one| ((one.job, &one.finding), Some(incident))));
        let information = self.jobs.iter().enumerate().flat_map(|(position, report)| {
            report.findings.iter().map(move |finding| ((JobIndex::at(position), finding), None))
        });
        let mut findings: Vec<LocatedFinding<'_>> = of_incidents
            .chain(information)
            .map(|((job, finding), incident)| LocatedFinding { finding, job, incident })
            .collect();
        findings.sort_by_key(|located| {
            let LocatedFinding { finding, job, .. } = located;
            let order = (finding.problem().detector(), Reverse(finding.until));
            (Reverse(self[*job].severity), *job, Reverse(finding.severity), !finding.is_ongoing(), order)
        });
        findings
    }

    /// Adds that no watched job matches an expected pattern. If a job that is not watched does, it is the one that is missing.
    pub fn add_expected_missing(&mut self, pattern: &WildMatch, now: Instant) {
        let matching = |report: &JobReport| report.selected && policy::matches(pattern, &report.job);
        let known = self.jobs.iter().position(matching);
        let state = known.map(|position| self.jobs[position].job.state.word());
        let evidence = PastDueEvidence::ExpectedMissing { expected: pattern.to_string(), state };
        let finding = Finding::new(Severity::Critical, evidence);
        match known {
            Some(position) => self.add_incident(&pattern.to_string(), position, finding, now),
            None => self.add_missing(&pattern.to_string(), finding, now),
        }
    }

    /// Adds a finding about a job that has no row.
    fn add_missing(&mut self, name: &str, finding: Finding, now: Instant) {
        self.jobs.push(JobReport::missing(name));
        self.add_incident(name, self.jobs.len() - 1, finding, now);
    }

    fn add_incident(&mut self, name: &str, position: usize, finding: Finding, now: Instant) {
        let anchor = incident::database_anchor(self.jobs.iter().map(|report| &report.job));
        let report = &mut self.jobs[position];
        report.severity = report.severity.max(finding.severity);
        let incident = Incident::of_missing_job(name, JobIndex::at(position), &report.job, finding, &anchor, now);
        self.incidents.insert(0, incident);
    }
}

impl JobReport {
    /// A job that should be there and has no row.
    fn missing(pattern: &str) -> JobReport {
        let schedule = Schedule::unreadable("unknown", "it has no row");
        JobReport {
            job: Job::new(pattern.to_owned(), State::Gone, schedule),
            selected: true,
            settings: JobSettings::default(),
            severity: Severity::Ok,
            findings: Vec::new(),
            metrics: JobMetrics::default(),
            timeline: Timeline::default(),
        }
    }
}
