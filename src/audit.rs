//! From a [`Snapshot`] to a [`Verdict`]: three detectors find what is wrong with each job, and their findings come to
//! incidents, each with one cause.
//!
//! Pure: nothing here queries, prints or reads a clock. A detector is a plain function of the context and a job.

mod finding;
mod gaps;
mod incident;
mod past_due;
mod reason;
mod strip;
#[cfg(test)]
mod tests;
mod worker;
mod zero_tokens;

use crate::cadence::Zone;
use crate::model::{Job, Schedule, Snapshot, State};
use crate::policy::{self, Policy, Terms};
use crate::time::{DAY, Instant, Millis};
pub use finding::{Finding, count};
pub use incident::{Hit, Incident};
pub use reason::{About, Cause, DetectorId, Reason};
pub use strip::{Outcome, Strip};

use gaps::Strangers;
use worker::{Phase, Worker};
use zero_tokens::Shared;

/// How bad a finding is; the worst makes the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong.
    Ok,
    /// Worth knowing; nothing is wrong yet, or no longer.
    Info,
    /// Something is or was wrong.
    Warning,
    /// A job has stopped working.
    Critical,
}

impl Severity {
    /// Its word in every output.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }

    /// Its exit code, which is also that of a monitoring plugin: 0 ok or info, 1 warning, 2 critical.
    pub fn code(self) -> u8 {
        match self {
            Severity::Ok | Severity::Info => 0,
            Severity::Warning => 1,
            Severity::Critical => 2,
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

/// A trouble that is over is a warning for this long, so that a daily check sees it once, and then info.
const STILL_NEW: Millis = DAY;

/// What the operator may set; every field is an option of the command line.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The instant of the audit.
    pub now: Instant,
    /// How far back troubles that are over are reported.
    pub since: Millis,
    /// The zone of schedules that name none.
    pub zone: Zone,
    /// A job is lost beyond this many cadences.
    pub late_cadences: f64,
    /// A due job is late once the worker was free for longer than this.
    pub late_after: Millis,
    /// A due job is lost once the worker was free for longer than this.
    pub lost_after: Millis,
    /// Zero-token fires in a row that make a warning.
    pub zero_streak: u64,
    /// Zero-token fires in a row that make it critical.
    pub zero_streak_critical: u64,
    /// The longest run that the scheduler allows.
    pub max_run: Millis,
}

impl Settings {
    /// How bad a trouble is that ended then; None if that is too long ago to be reported.
    fn after(&self, ended: Instant) -> Option<Severity> {
        match self.now.since(ended) {
            age if age > self.since => None,
            age if age > STILL_NEW => Some(Severity::Info),
            _ => Some(Severity::Warning),
        }
    }
}

/// What a detector sees.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The operator's settings for the job at hand.
    settings: &'a Settings,
    /// The database.
    snapshot: &'a Snapshot,
    /// Who held the scheduler's worker, and when it was free.
    worker: &'a Worker<'a>,
    /// The jobs that fail together.
    shared: &'a Shared,
    /// The jobs of another zone.
    strangers: &'a Option<Strangers>,
}

/// A detector finds the troubles of one job, which has this index.
type Detector = fn(&Context<'_>, usize, &Job) -> Vec<Finding>;

fn detector(id: DetectorId) -> Detector {
    match id {
        DetectorId::PastDue => past_due::detect,
        DetectorId::ZeroTokens => zero_tokens::detect,
        DetectorId::Gap => gaps::detect,
    }
}

/// All detectors, in the order of their findings.
const DETECTORS: [DetectorId; 3] = [DetectorId::PastDue, DetectorId::ZeroTokens, DetectorId::Gap];

/// Troubles of one job that are over and that each detector reports at most, the newest: more would not be read.
const MOST_RESOLVED: usize = 3;

/// A job and all that the audit says of it.
#[derive(Debug)]
pub struct Judged {
    /// The job as it was read.
    pub job: Job,
    /// Whether it was selected: what is not has no findings and no part in any number.
    pub selected: bool,
    /// The worst of its findings.
    pub severity: Severity,
    /// What is observed of it in numbers, whether or not a detector makes a finding of it.
    pub facts: Facts,
    /// Its latest slots.
    pub strip: Strip,
}

/// The numbers of one job. A job that is not watched has none.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// How long it has been due without a run, whatever the excuse; 0 if it is not due.
    pub overdue_ms: Millis,
    /// Slots without a fire in the troubles that last.
    pub missed_slots: u64,
    /// Zero-token fires in a row up to the newest fire.
    pub zero_token_streak: u64,
    /// How long its run in flight has taken so far; 0 if there is none.
    pub in_flight_ms: Millis,
    /// When its newest run ended; None if none is known.
    pub last_fire: Option<Instant>,
    /// When its newest run that used tokens ended; None if none is known.
    pub last_success: Option<Instant>,
    /// Its usual interval; None if it has none.
    pub cadence_ms: Option<Millis>,
}

/// What an audit of one database found.
#[derive(Debug)]
pub struct Verdict {
    /// The jobs, in the order of the snapshot.
    pub jobs: Vec<Judged>,
    /// The findings, those of the worst jobs first.
    pub findings: Vec<Finding>,
    /// What they come to, the worst first.
    pub incidents: Vec<Incident>,
    /// The worst of all.
    pub severity: Severity,
    /// What could not be read or judged, and what was left out, in sentences.
    pub notes: Vec<String>,
}

/// Judges the jobs as the operator wants it.
pub fn audit(mut snapshot: Snapshot, policy: &Policy) -> Verdict {
    let selected: Vec<bool> = snapshot.jobs.iter().map(|job| policy.selects(job)).collect();
    let terms: Vec<Terms> = snapshot.jobs.iter().map(|job| policy.terms(job)).collect();
    let (records, findings, incidents) = judge(&snapshot, &policy.settings, &terms, &selected);
    let jobs = std::mem::take(&mut snapshot.jobs).into_iter().zip(selected).zip(records);
    let jobs: Vec<Judged> = jobs
        .map(|((job, selected), (severity, facts, strip))| Judged { job, selected, severity, facts, strip })
        .collect();
    let severity = jobs.iter().map(|job| job.severity).max().unwrap_or(Severity::Ok);
    Verdict { jobs, findings, incidents, severity, notes: snapshot.notes }
}

impl Verdict {
    /// Adds that no watched job matches what is expected: the job itself, if it is there but not watched, is missed.
    pub fn miss(&mut self, pattern: &wildmatch::WildMatch, now: Instant) {
        let known = self.jobs.iter().position(|judged| judged.selected && policy::hits(pattern, &judged.job));
        let job = known.unwrap_or_else(|| {
            self.jobs.push(Judged::missing(&pattern.to_string()));
            self.jobs.len() - 1
        });
        let state = known.map(|known| self.jobs[known].job.state.word());
        let finding = Finding::expected(job, pattern.to_string(), state);
        let incident = Incident::of_missing(&finding, &self.jobs[job].job, now);
        self.incidents.insert(0, incident);
        self.findings.iter_mut().for_each(|finding| finding.incident = finding.incident.map(|place| place + 1));
        self.findings.insert(0, finding);
        self.jobs[job].severity = Severity::Critical;
        self.severity = Severity::Critical;
    }
}

impl Judged {
    /// A job that is expected and has no row.
    fn missing(pattern: &str) -> Judged {
        let schedule = Schedule::unreadable("unknown".to_owned(), "it has no row".to_owned());
        let job = Job::new(pattern.to_owned(), State::Gone, schedule);
        let (facts, strip) = (Facts::default(), Strip::default());
        Judged { job, selected: true, severity: Severity::Critical, facts, strip }
    }
}

type Record = (Severity, Facts, Strip);

fn judge(
    snapshot: &Snapshot,
    settings: &Settings,
    terms: &[Terms],
    selected: &[bool],
) -> (Vec<Record>, Vec<Finding>, Vec<Incident>) {
    let longest = snapshot.jobs.iter().zip(terms);
    let longest = longest.map(|(job, terms)| job.longest_run.unwrap_or(terms.settings.max_run)).collect();
    let worker = Worker::of(snapshot, settings, longest);
    let judges = |job: usize| !terms[job].mutes(Reason::SharedZeroTokens);
    let shared = Shared::of(&snapshot.jobs, &snapshot.other_fires, judges);
    let strangers = Strangers::among(&snapshot.jobs, selected);
    let context = Context { settings, snapshot, worker: &worker, shared: &shared, strangers: &strangers };
    let mut findings: Vec<Finding> = Vec::new();
    let mut records = Vec::with_capacity(snapshot.jobs.len());
    for (index, job) in snapshot.jobs.iter().enumerate() {
        if !selected[index] {
            records.push((Severity::Ok, Facts::default(), Strip::default()));
            continue;
        }
        let own = Context { settings: &terms[index].settings, ..context };
        let mut found = find(&own, index, job);
        if let Some(strangers) = strangers.as_ref().filter(|strangers| strangers.jobs.first() == Some(&index)) {
            found.push(strangers.finding(&own));
        }
        found.retain(|finding| !terms[index].mutes(finding.reason()));
        records.push(record(&own, index, job, &found));
        findings.extend(found);
    }
    let mut incidents = incident::incidents(&context, &mut findings);
    let worst_first = |finding: &Finding| {
        let job = std::cmp::Reverse(records[finding.job].0);
        (job, finding.job, std::cmp::Reverse(finding.severity), finding.lasting == Lasting::Resolved)
    };
    findings.sort_by_key(worst_first);
    incident::sort(&mut incidents, &mut findings);
    (records, findings, incidents)
}

/// The findings of all detectors for one job. Its lost slots are counted once: every finding that lasts tells the same.
fn find(context: &Context<'_>, index: usize, job: &Job) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        DETECTORS.iter().flat_map(|id| newest_resolved(detector(*id)(context, index, job))).collect();
    let missed = found.iter().filter(|finding| finding.is_ongoing()).filter_map(|finding| finding.missed_slots).max();
    for finding in &mut found {
        finding.job = index;
        if finding.is_ongoing() && finding.missed_slots.is_some() {
            finding.missed_slots = missed;
        }
    }
    found
}

fn newest_resolved(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.until));
    let mut resolved = 0;
    findings.retain(|finding| {
        resolved += usize::from(!finding.is_ongoing());
        finding.is_ongoing() || resolved <= MOST_RESOLVED
    });
    findings
}

fn record(context: &Context<'_>, index: usize, job: &Job, found: &[Finding]) -> Record {
    let severity = found.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    if !job.state.is_watched() {
        return (severity, Facts::default(), Strip::default());
    }
    let now = context.settings.now;
    let missing = || found.iter().filter(|finding| finding.missed_slots.is_some());
    let lost = missing().filter_map(|finding| Some((finding.since?, finding.until.unwrap_or(now))));
    let lost: Vec<(Instant, Instant)> = lost.collect();
    let running = context.worker.run_of(index).filter(|run| run.phase == Phase::Running);
    let due = job.next_run().or_else(|| job.schedule.cadence()?.next(job.last_end().or(job.created_at)?));
    let facts = Facts {
        overdue_ms: due.map_or(0, |due| now.since(due).max(0)),
        missed_slots: missing()
            .filter(|finding| finding.is_ongoing())
            .filter_map(|finding| finding.missed_slots)
            .max()
            .unwrap_or(0),
        zero_token_streak: zero_tokens::current_streak(job),
        in_flight_ms: running.map_or(0, |run| run.for_ms),
        last_fire: job.last_end(),
        last_success: job.fires.iter().rev().find(|fire| !fire.is_bad()).map(|fire| fire.end),
        cadence_ms: job.schedule.cadence().and_then(|cadence| cadence.usual_interval(now)),
    };
    (severity, facts, strip::strip(context, job, &lost))
}
