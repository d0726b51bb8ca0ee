//! Incidents: what findings come to. One cause is one incident, told once, with its findings as evidence.
//!
//! Every finding of warning or worse belongs to exactly one incident. A fingerprint stays the same while its incident lasts,
//! whatever grows meanwhile: it is made of what does not change any more, such as the last good fire before the first bad
//! one, the last run before a silence, or the mark of the run that hangs. Path and copy have no part in it.

mod telling;

use super::finding::{Facts, Finding};
use super::reason::{Cause, Reason};
use super::worker::{Holder, Phase, Plausible};
use super::{Context, Lasting, Severity, zero_tokens};
use crate::model::{Job, Life};
use crate::time::{Instant, MINUTE, Millis};
use std::collections::HashMap;
use std::hash::Hasher;
use telling::Telling;

/// A job that was due so shortly before the last run ended fell silent with all others.
const LATE_IN_A_BATCH: Millis = 5 * MINUTE;
/// Either scheduler stops a job after so many errors in a row.
const BREAKER_OPENS: u64 = 10;

/// One trouble of a database, with its cause.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The same from run to run while the incident lasts, and no other's: for alerting scripts to dedupe on.
    pub fingerprint: String,
    /// What is behind it.
    pub cause: Cause,
    /// The worst of its findings.
    pub severity: Severity,
    /// Whether it lasts.
    pub lasting: Lasting,
    /// When it began.
    pub since: Option<Instant>,
    /// When it ended; None while it lasts.
    pub until: Option<Instant>,
    /// The jobs that it hits, the worst first.
    pub jobs: Vec<Hit>,
    /// One line: what has happened to whom.
    pub headline: String,
    /// What the database shows.
    pub observed: Vec<String>,
    /// What that comes to; None where nothing is inferred.
    pub inferred: Option<String>,
    /// The newest error of its jobs, as the row has it: untrusted.
    pub error: Option<String>,
    /// One step for a person.
    pub next_step: String,
    /// A statement that the step needs; it is shown, never run.
    pub sql: Option<String>,
}

/// One job that an incident hits.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its index.
    pub job: usize,
    /// Since when.
    pub since: Option<Instant>,
    /// Slots that it lost.
    pub missed_slots: u64,
}

impl Incident {
    /// The incident of an expected job that is not there.
    pub fn of_missing(finding: &Finding, job: &Job, now: Instant) -> Incident {
        let expected = match &finding.facts {
            Facts::ExpectedMissing { expected, .. } => expected.as_str(),
            _ => &job.name,
        };
        Incident {
            fingerprint: hashed(["expected", expected, ""]),
            cause: Cause::ExpectedMissing,
            severity: finding.severity,
            lasting: Lasting::Ongoing,
            since: None,
            until: None,
            jobs: vec![Hit { job: finding.job, since: None, missed_slots: 0 }],
            headline: format!("{expected} is expected and not there"),
            observed: vec![finding.message(job, now)],
            inferred: None,
            error: None,
            next_step: Cause::ExpectedMissing.about().next_step.to_owned(),
            sql: None,
        }
    }
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
    /// A run that holds a place of the worker, by its index.
    Holder(usize),
    /// Bad fires after this good one of this job; of several jobs that fail together, the one that began.
    Failing { job: usize, last_good: Option<Instant> },
    /// Nothing, or not these jobs, after the end of this run.
    Silence { end: Option<Instant> },
    /// A row that can never fire again.
    Dead { job: usize },
    /// A job that runs far too often.
    Runaway { job: usize },
    /// Messages that fail in the same way.
    Undelivered { status: String },
    /// One job's own affair.
    Own { job: usize, reason: Reason },
}

/// Makes incidents of the findings, and tells each finding its incident.
pub fn incidents(context: &Context<'_>, findings: &mut [Finding]) -> Vec<Incident> {
    let grouping = Grouping::new(context, findings);
    let mut groups: Vec<(Key, Vec<usize>)> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for (index, finding) in findings.iter().enumerate() {
        let Some(key) = grouping.key(finding) else { continue };
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(index);
    }
    let incidents = groups.iter().map(|(key, members)| {
        let members: Vec<&Finding> = members.iter().map(|&member| &findings[member]).collect();
        Group { context, key, members }.incident()
    });
    let incidents = incidents.collect();
    for (place, (_, members)) in groups.iter().enumerate() {
        members.iter().for_each(|&member| findings[member].incident = Some(place));
    }
    incidents
}

/// Puts the worst incident first, those that are over last among equals.
pub fn sort(incidents: &mut Vec<Incident>, findings: &mut [Finding]) {
    let mut order: Vec<usize> = (0..incidents.len()).collect();
    let rank = |incident: &Incident| {
        let since = incident.since.unwrap_or(Instant::MAX);
        (incident.lasting == Lasting::Resolved, std::cmp::Reverse(incident.severity), incident.cause, since)
    };
    order.sort_by_key(|&place| rank(&incidents[place]));
    let mut new_place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, &old)| new_place[old] = new);
    findings.iter_mut().for_each(|finding| finding.incident = finding.incident.map(|old| new_place[old]));
    let mut sorted: Vec<Option<Incident>> = std::mem::take(incidents).into_iter().map(Some).collect();
    incidents.extend(order.into_iter().filter_map(|old| sorted[old].take()));
}

/// What the findings of each job come to, looked up once.
struct Grouping<'a> {
    context: &'a Context<'a>,
    /// By job: the key of what keeps it from firing, whatever the scheduler does.
    barred: HashMap<usize, Key>,
    /// By job: streaks that are over, with the key of each.
    past_streaks: HashMap<usize, Vec<(Instant, Instant, Key)>>,
    shared: Option<Key>,
}

impl<'a> Grouping<'a> {
    fn new(context: &'a Context<'a>, findings: &[Finding]) -> Grouping<'a> {
        let jobs = &context.snapshot.jobs;
        let failing = (0..jobs.len()).filter(|&job| context.shared.contains(job));
        let first = failing.filter_map(|job| Some((zero_tokens::failing_since(&jobs[job])?, job))).min();
        let shared =
            first.map(|((_, last_good), job)| Key::Failing { job, last_good: last_good.or(jobs[job].created_at) });
        let mut grouping = Grouping { context, barred: HashMap::new(), past_streaks: HashMap::new(), shared };
        for finding in findings.iter().filter(|finding| finding.is_ongoing()) {
            if let Some(key) = grouping.bar(finding) {
                grouping.barred.insert(finding.job, key);
            }
        }
        grouping.past_streaks = grouping.cluster_streaks(findings);
        grouping
    }

    /// What bars the job of a finding from firing, if the finding says so.
    fn bar(&self, finding: &Finding) -> Option<Key> {
        let job = finding.job;
        match finding.reason() {
            Reason::NoNextRun | Reason::UnreadableSchedule | Reason::UnknownState | Reason::Quarantined => {
                Some(Key::Dead { job })
            }
            Reason::Runaway => Some(Key::Runaway { job }),
            Reason::BreakerOpen => Some(self.failing(job)),
            // Its row is newer than the audit's instant: the streak tells what the row would have.
            Reason::ZeroTokenStreak => match finding.facts {
                Facts::ZeroTokenStreak { fires: BREAKER_OPENS.., .. } => Some(self.failing(job)),
                _ => None,
            }
            .filter(|_| self.context.snapshot.jobs[job].row.is_none()),
            _ => None,
        }
    }

    fn failing(&self, job: usize) -> Key {
        if let Some(shared) = self.shared.as_ref().filter(|_| self.context.shared.contains(job)) {
            return shared.clone();
        }
        let row = &self.context.snapshot.jobs[job];
        let last_good = zero_tokens::failing_since(row).and_then(|(_, last_good)| last_good);
        Key::Failing { job, last_good: last_good.or(row.created_at) }
    }

    /// The keys of streaks that are over: those of several jobs that overlap had one cause, and the key of the first.
    fn cluster_streaks(&self, findings: &[Finding]) -> HashMap<usize, Vec<(Instant, Instant, Key)>> {
        let past = findings.iter().filter(|finding| finding.reason() == Reason::ZeroTokenStreak);
        let mut past: Vec<(Instant, Instant, usize)> =
            past.filter_map(|finding| Some((finding.since?, finding.until?, finding.job))).collect();
        past.sort_unstable();
        let mut keys: HashMap<usize, Vec<(Instant, Instant, Key)>> = HashMap::new();
        let mut cluster: Option<(Instant, Key)> = None;
        for (since, until, job) in past {
            let (end, key) = match cluster.take().filter(|(end, _)| since <= *end) {
                Some((end, key)) => (end.max(until), key),
                None => (until, self.streak_key(job, since)),
            };
            cluster = Some((end, key.clone()));
            keys.entry(job).or_default().push((since, until, key));
        }
        keys
    }

    fn streak_key(&self, job: usize, since: Instant) -> Key {
        let row = &self.context.snapshot.jobs[job];
        let before = &row.fires[..row.fires.partition_point(|fire| fire.end < since)];
        let last_good = before.iter().rev().find(|fire| !fire.is_bad()).map(|fire| fire.end);
        Key::Failing { job, last_good: last_good.or(row.created_at) }
    }

    /// The key of a finding's incident; None if it is only information.
    fn key(&self, finding: &Finding) -> Option<Key> {
        let job = finding.job;
        let blocker = |at_least| self.blocker(at_least).map(Key::Holder);
        match finding.reason() {
            Reason::Waiting => blocker(Plausible::Unusual),
            // A process that died or was stopped left the run behind.
            Reason::HungRun if matches!(self.context.snapshot.life, Life::Dead(_) | Life::Stopped(_)) => {
                Some(self.silence(finding))
            }
            Reason::LongRun | Reason::HungRun | Reason::HungDelivery => {
                let own = self.context.worker.holders.iter().position(|run| run.job == Some(job));
                own.map(Key::Holder).or_else(|| blocker(Plausible::Usual))
            }
            Reason::NoNextRun
            | Reason::UnreadableSchedule
            | Reason::UnknownState
            | Reason::BreakerOpen
            | Reason::Quarantined
            | Reason::Runaway => self.bar(finding),
            Reason::SharedZeroTokens | Reason::Failing => Some(self.failing(job)),
            Reason::ZeroTokenStreak if finding.is_ongoing() => Some(self.failing(job)),
            Reason::ZeroTokenStreak => {
                let streaks = self.past_streaks.get(&job)?;
                streaks.iter().find(|(since, ..)| Some(*since) == finding.since).map(|(.., key)| key.clone())
            }
            Reason::Overdue | Reason::Silent if finding.is_ongoing() => Some(match self.barred.get(&job) {
                Some(key) => key.clone(),
                None => blocker(Plausible::Impossible).unwrap_or_else(|| self.silence(finding)),
            }),
            Reason::Overdue | Reason::Silent => Some(self.past_silence(finding)),
            Reason::TooManyFires => Some(Key::Runaway { job }),
            Reason::Undelivered => match &finding.facts {
                Facts::Undelivered { delivery_status } => Some(Key::Undelivered { status: delivery_status.clone() }),
                _ => None,
            },
            reason @ (Reason::SkippedSlots | Reason::Skipped | Reason::Unjudged) => Some(Key::Own { job, reason }),
            // [`Incident::of_missing`] makes its incident.
            Reason::ExpectedMissing => None,
            Reason::OneShotFailed | Reason::TokenGrowth | Reason::Starved | Reason::OtherZone | Reason::RowGone => None,
        }
    }

    /// The index of the run that jobs wait for, if it is at least that unusual.
    fn blocker(&self, at_least: Plausible) -> Option<usize> {
        let (index, run) = self.context.worker.blocker()?;
        (run.plausible >= at_least).then_some(index)
    }

    /// Nothing has run since the newest end, or this job alone did not.
    fn silence(&self, finding: &Finding) -> Key {
        let worker = self.context.worker;
        let due = finding.since.unwrap_or(self.context.settings.now);
        let newest = worker.newest.map(|(end, _)| end);
        let of_all = !worker.passed_over(due) && worker.free_before_newest(due) <= LATE_IN_A_BATCH;
        match self.culprit().filter(|_| of_all) {
            Some(run) => Key::Holder(run),
            None => Key::Silence { end: if of_all { newest } else { worker.end_before(due) } },
        }
    }

    /// The index of a run that hangs in a process that lives, if nothing has ended since it began: what else is silent waits
    /// for it, also where places are free.
    fn culprit(&self) -> Option<usize> {
        let worker = self.context.worker;
        let alive = matches!(self.context.snapshot.life, Life::Alive(_));
        let hangs = |run: &Holder| {
            run.plausible == Plausible::Impossible && worker.newest.is_none_or(|(newest, _)| newest <= run.start)
        };
        worker.holders.iter().position(hangs).filter(|_| alive)
    }

    /// A silence after a bad fire of a streak is part of what failed; any other goes by the last run before it.
    fn past_silence(&self, finding: &Finding) -> Key {
        if let (Facts::Silent { last_fire: Some(last) }, Some(streaks)) =
            (&finding.facts, self.past_streaks.get(&finding.job))
            && let Some((.., key)) = streaks.iter().find(|(since, until, _)| since <= last && last < until)
        {
            return key.clone();
        }
        Key::Silence { end: finding.since.and_then(|due| self.context.worker.end_before(due)) }
    }
}

/// Findings of one cause.
struct Group<'a> {
    context: &'a Context<'a>,
    key: &'a Key,
    members: Vec<&'a Finding>,
}

impl Group<'_> {
    fn incident(&self) -> Incident {
        let ongoing = self.members.iter().any(|finding| finding.is_ongoing());
        let lasting = if ongoing { Lasting::Ongoing } else { Lasting::Resolved };
        let until = self.members.iter().filter_map(|finding| finding.until).max().filter(|_| !ongoing);
        let severity = self.members.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
        let (cause, jobs) = (self.cause(ongoing), self.hits(ongoing));
        let telling = Telling { group: self, cause, jobs: &jobs, ongoing, until };
        Incident {
            fingerprint: self.fingerprint(),
            cause,
            severity,
            lasting,
            since: self.since(&jobs),
            until,
            headline: telling.headline(),
            observed: telling.observed(),
            inferred: telling.inferred(),
            error: self.error(&jobs),
            next_step: telling.next_step(),
            sql: telling.sql(),
            jobs,
        }
    }

    fn job(&self, index: usize) -> &Job {
        &self.context.snapshot.jobs[index]
    }

    fn holder(&self) -> Option<&Holder> {
        match self.key {
            Key::Holder(index) => self.context.worker.holders.get(*index),
            _ => None,
        }
    }

    fn cause(&self, ongoing: bool) -> Cause {
        let failing_jobs = || self.members.iter().map(|finding| finding.job).collect::<std::collections::HashSet<_>>();
        match self.key {
            Key::Holder(_) => match self.holder().map(|run| (run.phase, run.plausible)) {
                Some((Phase::Delivering, _)) => Cause::DeliveryHung,
                Some((Phase::Running, Plausible::Impossible)) => Cause::RunHung,
                _ => Cause::RunLong,
            },
            Key::Failing { .. } if failing_jobs().len() > 1 => Cause::ProviderFailing,
            Key::Failing { .. } => Cause::JobFailing,
            Key::Silence { end } => {
                let whole = if ongoing {
                    *end == self.context.worker.newest.map(|(newest, _)| newest)
                } else {
                    self.nothing_ran_after(*end)
                };
                if whole { Cause::SchedulerSilent } else { Cause::JobSilent }
            }
            Key::Dead { .. } => Cause::RowDead,
            Key::Runaway { .. } => Cause::Runaway,
            Key::Undelivered { .. } => Cause::Undelivered,
            Key::Own { reason, .. } => match reason {
                Reason::SkippedSlots => Cause::SlotsSkipped,
                Reason::Skipped => Cause::JobSkipped,
                _ => Cause::Unjudged,
            },
        }
    }

    /// Whether for most of the silence nothing ran at all: the first run after `end` came towards its end.
    fn nothing_ran_after(&self, end: Option<Instant>) -> bool {
        let since = self.members.iter().filter_map(|finding| finding.since).min();
        let until = self.members.iter().filter_map(|finding| finding.until).min();
        let next = end.and_then(|end| self.context.worker.end_after(end));
        let (Some(since), Some(until), Some(next)) = (since, until, next) else { return true };
        2 * next.since(since) >= until.since(since)
    }

    /// The jobs, those that lost the most slots first.
    fn hits(&self, ongoing: bool) -> Vec<Hit> {
        let mut hits: HashMap<usize, Hit> = HashMap::new();
        for finding in self.members.iter().filter(|finding| finding.is_ongoing() == ongoing) {
            let hit =
                hits.entry(finding.job).or_insert(Hit { job: finding.job, since: finding.since, missed_slots: 0 });
            hit.since = [hit.since, finding.since].into_iter().flatten().min();
            let missed = finding.missed_slots.unwrap_or(0);
            hit.missed_slots = hit.missed_slots.max(missed);
        }
        let mut hits: Vec<Hit> = hits.into_values().collect();
        let own = self.holder().and_then(|run| run.job);
        hits.sort_by_key(|hit| (Some(hit.job) != own, std::cmp::Reverse(hit.missed_slots), hit.since, hit.job));
        hits
    }

    fn since(&self, jobs: &[Hit]) -> Option<Instant> {
        match self.holder() {
            Some(run) => Some(run.start),
            None => jobs.iter().filter_map(|hit| hit.since).min(),
        }
    }

    /// The newest error of any of the jobs.
    fn error(&self, jobs: &[Hit]) -> Option<String> {
        let failed = matches!(self.key, Key::Failing { .. } | Key::Runaway { .. } | Key::Dead { .. });
        let errors = jobs.iter().map(|hit| self.job(hit.job)).filter(|_| failed);
        let newest = errors.filter(|job| job.last_error().is_some()).max_by_key(|job| job.last_end())?;
        newest.last_error().map(str::to_owned)
    }

    /// A hash of what tells this incident from any other, in this database and elsewhere.
    fn fingerprint(&self) -> String {
        let seconds = |at: Option<Instant>| at.map_or_else(String::new, |at| at.seconds().to_string());
        let id = |job: usize| self.job(job).id.as_str();
        let (family, whose, anchor): (&str, &str, String) = match self.key {
            Key::Holder(_) => match self.holder() {
                Some(run) if run.phase == Phase::Running => ("run", &run.job_id, seconds(Some(run.mark))),
                Some(run) => ("delivery", &run.job_id, seconds(Some(run.mark))),
                None => ("run", "", String::new()),
            },
            Key::Failing { job, last_good } => ("failing", id(*job), seconds(*last_good)),
            Key::Silence { end: Some(end) } => {
                ("silence", self.context.worker.ended_at(*end).map_or("", id), seconds(Some(*end)))
            }
            Key::Silence { end: None } => {
                ("silence", self.members.first().map_or("", |first| id(first.job)), String::new())
            }
            Key::Dead { job } => ("dead", id(*job), seconds(self.job(*job).last_end())),
            Key::Runaway { job } => ("runaway", id(*job), String::new()),
            Key::Undelivered { status } => ("undelivered", status, String::new()),
            Key::Own { job, reason } => ("own", id(*job), reason.name()),
        };
        hashed([family, whose, &anchor])
    }
}
