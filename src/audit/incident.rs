//! Incidents: findings grouped by root cause. One cause is one incident, reported once, with its findings as evidence.
//!
//! Every finding of warning or worse belongs to exactly one incident. A fingerprint stays the same while its incident lasts,
//! whatever grows meanwhile: it is made of what no longer changes, such as the last good fire before the first bad one, the
//! last run before a silence, or the mark of the run that hangs. The path of the database has no part in it.

use super::finding::{AffectedJob, Evidence, Finding, JobFinding, is_early, ongoing};
use super::gap::GapEvidence;
use super::past_due::{PastDueEvidence, last_update};
use super::streaks::{self, Proofs, Span};
use super::wording::{IncidentText, Writer};
use super::worker::{ActiveRun, Phase, RunIndex, RunLength};
use super::zero_tokens::{self, ZeroTokensEvidence};
use super::{Context, Subject};
use crate::catalog::{Cause, Reason, Severity, Status};
use crate::model::{Action, Delivery, ErrorClass, Job, JobIndex, Lease, Remedy, State, Tokens, Trouble};
use crate::time::{Instant, MINUTE, Millis};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hasher;

/// A job that was due so shortly before the last run ended fell silent with all others.
const LATE_IN_A_BATCH: Millis = 5 * MINUTE;

/// One problem of a database, with its cause.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The same in every audit while the incident lasts, and of no other incident: for alerting scripts to dedupe on.
    pub fingerprint: String,
    /// What caused it.
    pub cause: Cause,
    /// The worst of its findings.
    pub severity: Severity,
    /// Whether it is still there.
    pub status: Status,
    /// When it began.
    pub since: Option<Instant>,
    /// When it ended; None while it is ongoing.
    pub until: Option<Instant>,
    /// The jobs that it affects, the most affected first.
    pub jobs: Vec<AffectedJob>,
    /// The findings that it explains, in the order of their jobs.
    pub findings: Vec<JobFinding>,
    /// What happened, in words.
    pub text: IncidentText,
    /// The last error of its jobs, as the row has it: untrusted text.
    pub error: Option<String>,
    /// What a person should do.
    pub remedy: Remedy,
}

impl Incident {
    /// The incident of a job that should be there and is not. `anchor` tells its database from others.
    pub fn of_missing_job(
        name: &str,
        job: JobIndex,
        known: &Job,
        finding: Finding,
        anchor: &str,
        now: Instant,
    ) -> Incident {
        let (cause, family, title) = match finding.reason() {
            Reason::NothingWatched => (Cause::NothingWatched, "nothing-watched", "no job is watched".to_owned()),
            _ => (Cause::ExpectedMissing, "expected", format!("expected job {name} not found")),
        };
        let text = IncidentText { title, detail: None, observed: vec![finding.message(known, now)], inferred: None };
        let step = cause.texts().advice.to_owned();
        Incident {
            fingerprint: hashed([family, name, anchor]),
            cause,
            severity: finding.severity,
            status: Status::Ongoing,
            since: None,
            until: None,
            jobs: vec![AffectedJob { job, since: None, missed_slots: 0, waits: false }],
            findings: vec![JobFinding { job, finding }],
            text,
            error: None,
            remedy: Remedy::step(step),
        }
    }

    /// What happened, in one line: the title and its detail.
    pub fn headline(&self) -> String {
        match &self.text.detail {
            Some(detail) => format!("{}: {detail}", self.text.title),
            None => self.text.title.clone(),
        }
    }
}

/// What tells a database from others, on any copy of it: its oldest job.
pub fn database_anchor<'a>(jobs: impl Iterator<Item = &'a Job>) -> String {
    let oldest = jobs.filter_map(|job| Some((job.created_at?, job.id.as_str()))).min();
    oldest.map_or_else(String::new, |(created, id)| format!("{} {id}", created.seconds()))
}

/// A hash whose value never changes between versions.
fn hashed(parts: [&str; 3]) -> String {
    let mut hash = fnv::FnvHasher::default();
    for part in parts {
        hash.write(part.as_bytes());
        hash.write_u8(0xff);
    }
    format!("{:016x}", hash.finish())
}

/// What makes findings one incident.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// A run in flight.
    Run(RunIndex),
    /// Bad fires after this good one of this job; of several jobs that fail together, the one that began.
    Failing { job: JobIndex, last_good: Option<Instant> },
    /// Nothing, or not these jobs, after the end of this run.
    Silence { end: Option<Instant> },
    /// Jobs that have not run since this boot, while others have.
    SinceBoot { boot: Instant },
    /// Rows that the scheduler never picks, for this reason.
    Unpicked { why: String },
    /// A row that can never run again.
    Dead { job: JobIndex },
    /// A job that runs far too often.
    Runaway { job: JobIndex, anchor: Option<Instant> },
    /// Messages that fail in the same way.
    Undelivered { class: Option<ErrorClass> },
    /// A job whose work is skipped since its last other fire.
    Skipped { job: JobIndex, last_other: Option<Instant> },
    /// Jobs whose work is skipped with the same error.
    SkippedAlike { class: ErrorClass },
    /// A job whose next run is this far ahead.
    SlotsSkipped { job: JobIndex, next_run: Option<Instant> },
    /// Jobs of a store that the scheduler does not serve.
    Unserved { store: String },
    /// Jobs that fire twice in their slots.
    Paired,
    /// Jobs that were scheduled while the clock was ahead.
    ClockSetBack { clock_was_at: Instant },
    /// Jobs that lost their rows after this fire of the last of them.
    Gone { last_fire: Instant },
    /// A one-shot whose only work is lost.
    OneShotLost { job: JobIndex },
    /// A job whose history can't be judged.
    Unjudged { job: JobIndex },
    /// Jobs that run in another zone than the assumed one.
    OtherZone,
    /// A process that crashes again and again.
    Crashing,
}

/// Groups findings into incidents, the worst first; returns also the findings that are only information.
pub fn group(context: &Context<'_>, found: Vec<JobFinding>) -> (Vec<Incident>, Vec<JobFinding>) {
    let grouping = Grouping::new(context, &found);
    let mut groups: Vec<(Key, Vec<JobFinding>)> = Vec::new();
    let mut positions: HashMap<Key, usize> = HashMap::new();
    let mut information = Vec::new();
    for one in found {
        let Some(key) = grouping.key(&one) else {
            information.push(one);
            continue;
        };
        let position = *positions.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[position].1.push(one);
    }
    let incidents = groups.into_iter().map(|(key, findings)| {
        let is_outage = grouping.outages.contains(&key);
        Group { context, key, findings, is_outage }.into_incident()
    });
    let mut incidents: Vec<Incident> = incidents.collect();
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

/// From when until when a job failed, as in [`Span`], and the key of the incident.
type Streak = (Instant, Instant, Key);

/// What the findings of each job mean, looked up once.
struct Grouping<'a> {
    context: &'a Context<'a>,
    /// What keeps a job from firing, whatever the scheduler does.
    barred: HashMap<JobIndex, Key>,
    /// The streaks of each job, where some are over.
    streaks: HashMap<JobIndex, Vec<Streak>>,
    /// The keys of those of several jobs in which no model worked for any job before the first recovered.
    outages: HashSet<Key>,
}

impl<'a> Grouping<'a> {
    fn new(context: &'a Context<'a>, found: &[JobFinding]) -> Grouping<'a> {
        let mut grouping =
            Grouping { context, barred: HashMap::new(), streaks: HashMap::new(), outages: HashSet::new() };
        grouping.cluster_streaks(found);
        for one in ongoing(found) {
            if let Some(key) = grouping.bar(one) {
                grouping.barred.insert(one.job, key);
            }
        }
        grouping
    }

    /// What keeps the job of a finding from firing, if the finding says so.
    fn bar(&self, one: &JobFinding) -> Option<Key> {
        let job = one.job;
        match &one.finding.evidence {
            Evidence::PastDue(evidence) => match evidence {
                PastDueEvidence::NoNextRun { .. }
                | PastDueEvidence::UnreadableSchedule { .. }
                | PastDueEvidence::Quarantined { .. } => Some(Key::Dead { job }),
                PastDueEvidence::UnknownState { why } => Some(Key::Unpicked { why: why.clone() }),
                PastDueEvidence::Runaway { .. } => {
                    Some(Key::Runaway { job, anchor: last_update(self.context.job(job)) })
                }
                PastDueEvidence::BreakerOpen { .. } => Some(self.failing(job)),
                PastDueEvidence::Overdue { .. }
                | PastDueEvidence::Waiting { .. }
                | PastDueEvidence::LongRun { .. }
                | PastDueEvidence::HungRun { .. }
                | PastDueEvidence::HungDelivery { .. }
                | PastDueEvidence::CutRun { .. }
                | PastDueEvidence::SchedulerDown { .. }
                | PastDueEvidence::Repaired { .. }
                | PastDueEvidence::SkippedSlots { .. }
                | PastDueEvidence::OneShotFailed { .. }
                | PastDueEvidence::OneShotMissed { .. }
                | PastDueEvidence::NothingWatched { .. }
                | PastDueEvidence::ExpectedMissing { .. } => None,
            },
            // If its row is newer than the instant of the audit, the streak says what the row would have.
            Evidence::ZeroTokens(ZeroTokensEvidence::ZeroTokenStreak { fires, .. }) => {
                let opens = *fires >= self.context.snapshot.traits.breaker_limit;
                (opens && self.context.job(job).row.is_none()).then(|| self.failing(job))
            }
            Evidence::ZeroTokens(_) | Evidence::Gap(_) => None,
        }
    }

    fn failing(&self, job: JobIndex) -> Key {
        let lasting = |streaks: &Vec<Streak>| {
            streaks.iter().find(|(_, until, _)| *until == Instant::MAX).map(|(.., key)| key.clone())
        };
        self.streaks.get(&job).and_then(lasting).unwrap_or_else(|| {
            // The job that began to fail stands for those that fail with it.
            let job = self.context.shared.group_of(job).and_then(|group| group.first).unwrap_or(job);
            let row = self.context.job(job);
            let last_good = zero_tokens::failing_since(row).and_then(|(_, last_good)| last_good);
            Key::Failing { job, last_good: last_good.or(row.created_at) }
        })
    }

    /// Finds the keys of streaks. What fails now takes along the streaks of other jobs that are over and had the same cause, so
    /// that it keeps its key while one job after another recovers. Of the others, those that overlap had one cause. The first
    /// of a cluster gives it its key.
    fn cluster_streaks(&mut self, found: &[JobFinding]) {
        let past = found.iter().filter(|one| one.finding.reason() == Reason::ZeroTokenStreak);
        let past: Vec<Span> = past.filter_map(|one| Some((one.finding.since?, one.finding.until?, one.job))).collect();
        if past.is_empty() {
            return;
        }
        let proofs = Proofs::of(self.context.subjects);
        for cluster in streaks::cluster(self.failing_together(), past, &proofs) {
            let Some(&(since, _, first)) = cluster.iter().min() else { continue };
            let key = self.streak_key(first, since);
            let recovered = cluster.iter().map(|(_, until, _)| *until).min().unwrap_or(since);
            if cluster.len() > 1 && proofs.none_between(since, recovered) {
                self.outages.insert(key.clone());
            }
            for (since, until, job) in cluster {
                self.streaks.entry(job).or_default().push((since, until, key.clone()));
            }
        }
    }

    /// The groups of jobs that fail together, and those that fail alone, each since when.
    fn failing_together(&self) -> Vec<Vec<Span>> {
        let mut units: BTreeMap<JobIndex, Vec<Span>> = BTreeMap::new();
        for subject in self.context.subjects.iter() {
            let Some((since, _)) = zero_tokens::failing_since(subject.job) else { continue };
            let group = self.context.shared.group_of(subject.index).and_then(|group| group.first);
            units.entry(group.unwrap_or(subject.index)).or_default().push((since, Instant::MAX, subject.index));
        }
        units.into_values().collect()
    }

    fn streak_key(&self, job: JobIndex, since: Instant) -> Key {
        let row = self.context.job(job);
        let before = &row.fires[..row.fires.partition_point(|fire| fire.end < since)];
        let last_good = before.iter().rev().find(|fire| !fire.is_bad() && !fire.is_unknown()).map(|fire| fire.end);
        Key::Failing { job, last_good: last_good.or(row.created_at) }
    }

    /// The key of a finding's incident; None if it is only information.
    fn key(&self, one: &JobFinding) -> Option<Key> {
        let (job, finding) = (one.job, &one.finding);
        match &finding.evidence {
            Evidence::PastDue(evidence) => self.key_of_past_due(one, evidence),
            Evidence::ZeroTokens(evidence) => self.key_of_zero_tokens(one, evidence),
            Evidence::Gap(evidence) => match evidence {
                GapEvidence::Silent { .. } if finding.is_ongoing() => Some(self.ongoing_silence(one)),
                GapEvidence::Silent { last_fire } => Some(self.past_silence(one, *last_fire)),
                GapEvidence::CatchingUp { .. } => {
                    let barred = self.barred.get(&job).cloned();
                    Some(barred.unwrap_or_else(|| self.past_silence(one, self.context.job(job).last_end())))
                }
                GapEvidence::PairedFires { .. } if !self.barred.contains_key(&job) => Some(Key::Paired),
                GapEvidence::TooManyFires { .. } | GapEvidence::PairedFires { .. } | GapEvidence::Twin { .. } => {
                    Some(match self.barred.get(&job) {
                        Some(runaway @ Key::Runaway { .. }) => runaway.clone(),
                        _ => Key::Runaway { job, anchor: self.context.job(job).created_at },
                    })
                }
                GapEvidence::RowGone { .. } => {
                    let group = self.context.gone.group_of(job)?;
                    Some(Key::Gone { last_fire: group.last_fire })
                }
                GapEvidence::ClockSetBack { clock_was_at, .. } => {
                    Some(Key::ClockSetBack { clock_was_at: *clock_was_at })
                }
                GapEvidence::Crashing { .. } => Some(Key::Crashing),
                GapEvidence::OtherZone { .. } => (finding.severity > Severity::Info).then_some(Key::OtherZone),
                GapEvidence::Starved { .. } | GapEvidence::ZoneChanged { .. } => None,
            },
        }
    }

    fn key_of_past_due(&self, one: &JobFinding, evidence: &PastDueEvidence) -> Option<Key> {
        let job = one.job;
        match evidence {
            PastDueEvidence::Overdue { .. } => Some(self.ongoing_silence(one)),
            PastDueEvidence::Repaired { revived: true, .. } => Some(self.failing(job)),
            PastDueEvidence::Repaired { .. } => Some(match self.ongoing_silence(one) {
                Key::Silence { end } if end != self.context.worker.last_run_end() => Key::Dead { job },
                key => key,
            }),
            PastDueEvidence::Waiting { .. } => self.blocker(RunLength::Unusual).map(Key::Run),
            // A process that died or was stopped left the run behind.
            PastDueEvidence::HungRun { .. } | PastDueEvidence::CutRun { .. } if self.is_lease_over() => {
                Some(self.silence(one))
            }
            PastDueEvidence::SchedulerDown { .. } => Some(Key::Silence { end: self.context.worker.last_run_end() }),
            PastDueEvidence::LongRun { .. }
            | PastDueEvidence::HungRun { .. }
            | PastDueEvidence::CutRun { .. }
            | PastDueEvidence::HungDelivery { .. } => {
                let own = self.context.worker.indexed_runs().find(|(_, run)| run.job == Some(job));
                let lead = own.and_then(|(_, run)| self.context.worker.lead(run));
                lead.or(own.map(|(index, _)| index)).or_else(|| self.blocker(RunLength::Usual)).map(Key::Run)
            }
            PastDueEvidence::NoNextRun { .. }
            | PastDueEvidence::UnreadableSchedule { .. }
            | PastDueEvidence::UnknownState { .. }
            | PastDueEvidence::BreakerOpen { .. }
            | PastDueEvidence::Quarantined { .. }
            | PastDueEvidence::Runaway { .. } => self.bar(one),
            PastDueEvidence::SkippedSlots { next_run_at, .. } => {
                Some(Key::SlotsSkipped { job, next_run: Some(*next_run_at) })
            }
            // [`Incident::of_missing_job`] is made by itself.
            PastDueEvidence::ExpectedMissing { .. } | PastDueEvidence::NothingWatched { .. } => None,
            PastDueEvidence::OneShotFailed { .. } | PastDueEvidence::OneShotMissed { .. } => one_shot_lost(one),
        }
    }

    fn key_of_zero_tokens(&self, one: &JobFinding, evidence: &ZeroTokensEvidence) -> Option<Key> {
        let job = one.job;
        match evidence {
            ZeroTokensEvidence::SharedZeroTokens { .. }
            | ZeroTokensEvidence::SharedError { .. }
            | ZeroTokensEvidence::Failing { .. }
            | ZeroTokensEvidence::FailedRun { .. } => Some(self.failing(job)),
            ZeroTokensEvidence::ZeroTokenStreak { .. } if one.finding.is_ongoing() => Some(self.failing(job)),
            ZeroTokensEvidence::ZeroTokenStreak { .. } => {
                let streaks = self.streaks.get(&job)?;
                streaks.iter().find(|(since, ..)| Some(*since) == one.finding.since).map(|(.., key)| key.clone())
            }
            ZeroTokensEvidence::Skipped { .. } if one.finding.severity == Severity::Info => None,
            ZeroTokensEvidence::Skipped { .. } => {
                if let Some(class) = self.context.job(job).error_class() {
                    return Some(Key::SkippedAlike { class });
                }
                let fires = &self.context.job(job).fires;
                let other = fires.iter().rev().find(|fire| fire.tokens != Tokens::Skipped).map(|fire| fire.end);
                Some(Key::Skipped { job, last_other: other.or(self.context.job(job).created_at) })
            }
            ZeroTokensEvidence::Undelivered { .. } if self.context.job(job).state == State::Completed => {
                one_shot_lost(one)
            }
            ZeroTokensEvidence::Undelivered { .. } | ZeroTokensEvidence::MessagesLost { .. } => {
                let class = undelivered_class(self.context.job(job));
                (one.finding.severity > Severity::Info).then_some(Key::Undelivered { class })
            }
            ZeroTokensEvidence::Unjudged { .. } => Some(Key::Unjudged { job }),
            ZeroTokensEvidence::TokenGrowth { .. }
            | ZeroTokensEvidence::WorkShrank { .. }
            | ZeroTokensEvidence::ModelChanged { .. }
            | ZeroTokensEvidence::CostGrowth { .. }
            | ZeroTokensEvidence::Flapping { .. } => None,
        }
    }

    /// The run that jobs wait for, if it is at least that long or will never end.
    fn blocker(&self, at_least: RunLength) -> Option<RunIndex> {
        let (index, run) = self.context.worker.blocker()?;
        (run.length >= at_least || run.is_left_by_death()).then_some(index)
    }

    /// Whether the scheduler's own record says that its process died or was stopped.
    fn is_lease_over(&self) -> bool {
        matches!(self.context.snapshot.lease, Lease::Dead(_) | Lease::Stopped(_))
    }

    fn ongoing_silence(&self, one: &JobFinding) -> Key {
        match self.barred.get(&one.job) {
            Some(key) => key.clone(),
            None if self.context.worker.is_unserved(self.context.job(one.job)) => {
                let store = self.context.job(one.job).home.as_ref().map(|home| home.store.clone());
                Key::Unserved { store: store.unwrap_or_default() }
            }
            None => self.blocker(RunLength::Impossible).map_or_else(|| self.silence(one), Key::Run),
        }
    }

    /// Nothing has run since the last end, or this job alone did not.
    fn silence(&self, one: &JobFinding) -> Key {
        let worker = self.context.worker;
        let due = one.finding.since.unwrap_or(self.context.settings.now);
        let last_end = worker.last_run_end();
        let of_all = worker.crash_loop().is_some()
            || !worker.passed_over(due) && worker.free_before_last_end(due) <= LATE_IN_A_BATCH;
        match self.culprit().filter(|_| of_all) {
            Some(run) => Key::Run(run),
            None if of_all => Key::Silence { end: last_end },
            None => match worker.boot_between(self.context.job(one.job).last_end(), due) {
                Some(boot) => Key::SinceBoot { boot },
                None => Key::Silence { end: worker.end_before(due) },
            },
        }
    }

    /// A run that hangs in a process that is alive, or was cut short, if nothing has ended since it began: everything else
    /// that is silent waits for it, even if further runs could start.
    fn culprit(&self) -> Option<RunIndex> {
        let worker = self.context.worker;
        let alive = matches!(self.context.snapshot.lease, Lease::Alive(_));
        let is_cut = |run: &ActiveRun| run.cut.is_some() && !self.is_lease_over();
        let hangs = |run: &ActiveRun| alive && run.length == RunLength::Impossible;
        let is_last = |run: &ActiveRun| worker.last_end.is_none_or(|(last, _)| last <= run.start);
        let mut runs = worker.indexed_runs().filter(|(_, run)| is_last(run));
        let (index, run) = runs.find(|(_, run)| hangs(run) || is_cut(run))?;
        Some(worker.lead(run).unwrap_or(index))
    }

    /// A silence after a bad fire of a streak is part of what failed; any other goes by the last run before it.
    fn past_silence(&self, one: &JobFinding, last_fire: Option<Instant>) -> Key {
        if let (Some(last), Some(streaks)) = (last_fire, self.streaks.get(&one.job))
            && let Some((.., key)) = streaks.iter().find(|(since, until, _)| *since <= last && last < *until)
        {
            return key.clone();
        }
        Key::Silence { end: one.finding.since.and_then(|due| self.context.worker.end_before(due)) }
    }
}

/// What kind of error keeps a job's messages from being delivered.
fn undelivered_class(job: &Job) -> Option<ErrorClass> {
    match job.row.as_ref().and_then(|row| row.delivery.as_ref()) {
        Some(Delivery::Failed(error)) => error.class,
        Some(Delivery::Fine) | None => job.delivery_error.as_ref().and_then(|error| error.class),
    }
}

/// The key of a one-shot whose work is lost, while that is new.
fn one_shot_lost(one: &JobFinding) -> Option<Key> {
    (one.finding.severity > Severity::Info).then_some(Key::OneShotLost { job: one.job })
}

/// Findings of one cause.
struct Group<'a> {
    context: &'a Context<'a>,
    key: Key,
    findings: Vec<JobFinding>,
    /// See [`Grouping::outages`].
    is_outage: bool,
}

impl Group<'_> {
    fn into_incident(self) -> Incident {
        let ongoing = self.findings.iter().any(|one| one.finding.is_ongoing());
        let status = if ongoing { Status::Ongoing } else { Status::Resolved };
        let until = self.findings.iter().filter_map(|one| one.finding.until).max().filter(|_| !ongoing);
        let severity = self.findings.iter().map(|one| one.finding.severity).max().unwrap_or(Severity::Ok);
        let (cause, jobs) = (self.cause(ongoing), self.affected(ongoing));
        let since = self.since(&jobs);
        let (run, findings) = (self.run(), self.findings.as_slice());
        let text = Writer { context: self.context, run, findings, jobs: &jobs, since, until }.text(cause);
        Incident {
            fingerprint: self.fingerprint(),
            cause,
            severity,
            status,
            since,
            until,
            text,
            error: self.error(&jobs),
            remedy: self.remedy(cause, &jobs, ongoing),
            jobs,
            findings: self.findings,
        }
    }

    /// The run in flight that it is about, if it is about one.
    fn run(&self) -> Option<&ActiveRun> {
        match self.key {
            Key::Run(index) => Some(self.context.worker.run(index)),
            _ => None,
        }
    }

    fn cause(&self, ongoing: bool) -> Cause {
        let failing_jobs = || self.findings.iter().map(|one| one.job).collect::<HashSet<_>>().len();
        match self.key {
            Key::Run(index) => {
                let run = self.context.worker.run(index);
                match (run.phase, run.length) {
                    _ if run.cut.is_some() => Cause::RunCut,
                    (Phase::Delivering, _) => Cause::DeliveryHung,
                    (Phase::Running, RunLength::Impossible) => Cause::RunHung,
                    (Phase::Running, RunLength::Usual | RunLength::Unusual) => Cause::RunLong,
                }
            }
            // Streaks of several jobs that are over had a cause in common, which may have been any.
            Key::Failing { .. } if !ongoing && failing_jobs() > 1 => Cause::ProviderFailing,
            Key::Failing { .. } if self.findings.iter().any(|one| self.is_providers(one.job)) => Cause::ProviderFailing,
            Key::Failing { .. } if self.is_outage => Cause::ProviderFailing,
            Key::Failing { .. } => Cause::JobFailing,
            Key::Silence { .. } if self.is_all(Reason::SchedulerDown) => Cause::SchedulerDown,
            Key::Silence { end } => {
                let whole = if self.is_all(Reason::CatchingUp) {
                    true
                } else if ongoing {
                    end == self.context.worker.last_run_end() || self.is_left_by_restart()
                } else {
                    self.nothing_ran_after(end)
                };
                if whole { Cause::SchedulerSilent } else { Cause::JobSilent }
            }
            Key::SinceBoot { .. } => Cause::JobSilent,
            Key::Dead { .. } if self.is_all(Reason::Repaired) => Cause::JobSilent,
            Key::Dead { .. } | Key::Unpicked { .. } => Cause::RowDead,
            Key::Runaway { .. } | Key::Paired => Cause::Runaway,
            Key::Undelivered { .. } => Cause::Undelivered,
            Key::Crashing => Cause::CrashLoop,
            Key::Skipped { .. } | Key::SkippedAlike { .. } => Cause::JobSkipped,
            Key::SlotsSkipped { .. } => Cause::SlotsSkipped,
            Key::Unserved { .. } => Cause::StoreUnserved,
            Key::ClockSetBack { .. } => Cause::ClockSetBack,
            Key::Gone { .. } => Cause::JobsGone,
            Key::OneShotLost { .. } => Cause::OneShotLost,
            Key::Unjudged { .. } | Key::OtherZone => Cause::Unjudged,
        }
    }

    /// Whether this job and others fail by the model's provider.
    fn is_providers(&self, job: JobIndex) -> bool {
        self.context.shared.group_of(job).is_some_and(|group| group.shared.is_provider())
    }

    /// Whether something is ongoing, and all of it has this reason.
    fn is_all(&self, reason: Reason) -> bool {
        let mut ongoing = ongoing(&self.findings).peekable();
        ongoing.peek().is_some() && ongoing.all(|one| one.finding.reason() == reason)
    }

    /// Whether it is a silence of the whole scheduler that a restart ended, but for jobs that have not run since.
    fn is_left_by_restart(&self) -> bool {
        matches!(self.key, Key::Silence { end: Some(end) } if self.context.worker.boot_that_ended(end).is_some())
    }

    /// Whether for most of the silence nothing ran at all: the first run after `end` came towards its end.
    fn nothing_ran_after(&self, end: Option<Instant>) -> bool {
        let since = self.findings.iter().filter_map(|one| one.finding.since).min();
        let until = self.findings.iter().filter_map(|one| one.finding.until).min();
        let next = end.and_then(|end| self.context.worker.end_after(end));
        let (Some(since), Some(until), Some(next)) = (since, until, next) else { return true };
        2 * next.since(since) >= until.since(since)
    }

    /// The jobs, those that lost the most slots first.
    fn affected(&self, ongoing: bool) -> Vec<AffectedJob> {
        let mut jobs: HashMap<JobIndex, AffectedJob> = HashMap::new();
        for JobFinding { job, finding } in self.findings.iter().filter(|one| one.finding.is_ongoing() == ongoing) {
            let new = AffectedJob { job: *job, since: finding.since, missed_slots: 0, waits: true };
            let affected = jobs.entry(*job).or_insert(new);
            affected.since = [affected.since, finding.since].into_iter().flatten().min();
            affected.missed_slots = affected.missed_slots.max(finding.missed_slots.unwrap_or(0));
            affected.waits &= finding.reason() == Reason::Waiting;
        }
        let mut jobs: Vec<AffectedJob> = jobs.into_values().collect();
        let own = self.run().and_then(|run| run.job);
        jobs.sort_by_key(|affected| {
            (Some(affected.job) != own, Reverse(affected.missed_slots), affected.since, affected.job)
        });
        jobs
    }

    fn since(&self, jobs: &[AffectedJob]) -> Option<Instant> {
        match (self.run(), &self.key) {
            (Some(run), _) => Some(run.start),
            (None, Key::Gone { last_fire }) => Some(*last_fire),
            // The trouble began before the breaker opened.
            (None, Key::Failing { .. }) => jobs.iter().filter_map(|affected| self.failing_since(affected)).min(),
            (None, _) => jobs.iter().filter_map(|affected| affected.since).min(),
        }
    }

    fn failing_since(&self, affected: &AffectedJob) -> Option<Instant> {
        let failing = zero_tokens::failing_since(self.context.job(affected.job)).map(|(since, _)| since);
        [failing, affected.since].into_iter().flatten().min()
    }

    /// The last error of any of the jobs.
    fn error(&self, jobs: &[AffectedJob]) -> Option<String> {
        let failed = matches!(
            self.key,
            Key::Failing { .. }
                | Key::Runaway { .. }
                | Key::Dead { .. }
                | Key::Skipped { .. }
                | Key::SkippedAlike { .. }
        );
        let errors = jobs.iter().map(|affected| self.context.job(affected.job)).filter(|_| failed);
        let last = errors.filter(|job| job.last_error().is_some()).max_by_key(|job| job.last_end())?;
        last.last_error().map(str::to_owned)
    }

    fn remedy(&self, cause: Cause, affected: &[AffectedJob], ongoing: bool) -> Remedy {
        let Some(first) = self.findings.first().filter(|_| ongoing) else {
            return Remedy::step("Nothing now; read the scheduler's log of that time.");
        };
        if self.is_all(Reason::CatchingUp) {
            return Remedy::step("Nothing now: the jobs run one after another. Read the scheduler's log of that time.");
        }
        if self.is_all(Reason::Repaired) {
            let waits = is_early(&self.findings) && self.context.has_next_run_beside(affected);
            let wait = if waits { "Wait for the next run, or restart" } else { "Restart" };
            return Remedy::step(format!("{wait} the scheduler, which looks at every row at once."));
        }
        if self.is_all(Reason::OtherZone) {
            return Remedy::step(Reason::OtherZone.texts().advice);
        }
        if self.is_left_by_restart() {
            return Remedy::step(
                "Run these jobs by hand if their work can't wait; read the scheduler's log of that time.",
            );
        }
        let context = self.context;
        let life = context.worker.life;
        if let Some(process) = life.suspended().filter(|_| cause == Cause::SchedulerSilent) {
            let actions = vec![Action::Shell(format!("kill -CONT {}", process.pid))];
            return Remedy { actions, ..Remedy::step("Let the process go on, or restart the scheduler.") };
        }
        let jobs: Vec<&Job> = affected.iter().map(|affected| context.job(affected.job)).collect();
        context.snapshot.traits.remedies.of(&Trouble {
            cause,
            reason: first.finding.reason(),
            jobs: &jobs,
            is_alive: if life.is_held() { Some(true) } else { life.is_gone().then_some(false) },
            has_next_run: context.has_next_run_beside(&[]),
            timer_sleeps: context.snapshot.traits.timer_sleeps,
            now: context.settings.now,
        })
    }

    /// A hash of what tells this incident from any other, in this database and elsewhere.
    fn fingerprint(&self) -> String {
        let seconds = |at: Option<Instant>| at.map_or_else(String::new, |at| at.seconds().to_string());
        let job = |job: &JobIndex| self.context.job(*job);
        let created = |index: &JobIndex| seconds(job(index).created_at);
        let id = |index: &JobIndex| job(index).id.as_str();
        let database = || database_anchor(self.context.subjects.iter().map(|subject: &Subject<'_>| subject.job));
        let (family, whose, anchor): (&str, &str, String) = match &self.key {
            Key::Run(index) => {
                let run = self.context.worker.run(*index);
                let family = match run.phase {
                    Phase::Running => "run",
                    Phase::Delivering => "delivery",
                };
                (family, &run.job_id, seconds(Some(run.mark)))
            }
            Key::Failing { job, last_good } => ("failing", id(job), seconds(*last_good)),
            Key::Silence { end: Some(end) } => {
                ("silence", self.context.worker.id_ended_at(*end).unwrap_or(""), seconds(Some(*end)))
            }
            Key::Silence { end: None } => ("silence", self.findings.first().map_or("", |one| id(&one.job)), database()),
            Key::SinceBoot { boot } => ("since-boot", "", format!("{} {}", boot.seconds(), database())),
            Key::Unpicked { why } => ("unpicked", why, database()),
            Key::Dead { job: dead } => ("dead", id(dead), seconds(job(dead).last_end().or(job(dead).created_at))),
            Key::Runaway { job, anchor } => ("runaway", id(job), seconds(*anchor)),
            Key::Undelivered { class } => {
                let class = class.map_or_else(String::new, |class| class.number().to_string());
                ("undelivered", "", format!("{class} {}", database()))
            }
            Key::Skipped { job, last_other } => ("skipped", id(job), seconds(*last_other)),
            Key::SkippedAlike { class } => ("skipped", "", format!("{} {}", class.number(), database())),
            Key::SlotsSkipped { job, next_run } => ("slots-skipped", id(job), seconds(*next_run)),
            Key::Unserved { store } => ("unserved", store, database()),
            Key::Paired => ("paired", "", database()),
            Key::ClockSetBack { clock_was_at } => ("clock", "", format!("{} {}", clock_was_at.seconds(), database())),
            Key::Gone { last_fire } => {
                ("gone", self.context.worker.id_ended_at(*last_fire).unwrap_or(""), seconds(Some(*last_fire)))
            }
            Key::OneShotLost { job } => ("one-shot", id(job), created(job)),
            Key::Unjudged { job } => ("unjudged", id(job), created(job)),
            Key::OtherZone => ("zone", "", database()),
            Key::Crashing => ("crashing", "", database()),
        };
        hashed([family, whose, &anchor])
    }
}
