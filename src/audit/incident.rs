//! Incidents: what findings come to. One cause is one incident, told once, with its findings as evidence.
//!
//! Every finding of warning or worse belongs to exactly one incident. A fingerprint stays the same while its incident lasts,
//! whatever grows meanwhile: it is made of what does not change any more, such as the last good fire before the first bad
//! one, the last run before a silence, or the mark of the run that hangs. Path and copy have no part in it.

use super::finding::{Facts, Finding, count};
use super::reason::{Cause, Reason};
use super::worker::{Holder, Phase, Plausible};
use super::{Context, Lasting, Severity, zero_tokens};
use crate::cadence::Cadence;
use crate::model::{Fire, Job, Life, State};
use crate::time::{Instant, MINUTE, Millis, SECOND, span};
use std::collections::HashMap;
use std::hash::Hasher;

/// Names in a sentence; more would not be read.
const MOST_NAMES: usize = 3;
/// Observations that are the findings' own words, at most.
const MOST_MESSAGES: usize = 3;
/// Ids in a statement that is shown, at most, and the longest of them.
const MOST_IDS: usize = 20;
const LONGEST_ID: usize = 200;
/// A retry that fails ends within this of being due, unless it waits for the worker.
const RETRY_TAKES: Millis = 15 * MINUTE;
/// A job that was due so shortly before the last run ended fell silent with all others.
const LATE_IN_A_BATCH: Millis = 5 * MINUTE;
/// Either scheduler stops a job after so many errors in a row.
const BREAKER_OPENS: u64 = 10;
/// Signs of life within this of the last run prove nothing of what came after it.
const SAME_MOMENT: Millis = MINUTE;

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
            reason @ (Reason::SkippedSlots | Reason::Skipped | Reason::Unjudged | Reason::ExpectedMissing) => {
                Some(Key::Own { job, reason })
            }
            Reason::OneShotFailed | Reason::TokenGrowth | Reason::Starved | Reason::OtherZone | Reason::RowGone => None,
        }
    }

    /// The index of the run that jobs wait for, if it is at least that unusual.
    fn blocker(&self, at_least: Plausible) -> Option<usize> {
        let blocker = self.context.worker.blocker().filter(|run| run.plausible >= at_least)?;
        self.context.worker.holders.iter().position(|run| std::ptr::eq(run, blocker))
    }

    /// Nothing has run since the newest end, or this job alone did not.
    fn silence(&self, finding: &Finding) -> Key {
        let worker = self.context.worker;
        let due = finding.since.unwrap_or(self.context.settings.now);
        let newest = worker.newest.map(|(end, _)| end);
        let of_all =
            !worker.passed_over(finding.job, due) && worker.free_before_newest(finding.job, due) <= LATE_IN_A_BATCH;
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

    /// A silence after a streak is part of what failed; any other goes by the last run before it.
    fn past_silence(&self, finding: &Finding) -> Key {
        if let (Facts::Silent { last_fire: Some(last) }, Some(streaks)) =
            (&finding.facts, self.past_streaks.get(&finding.job))
            && let Some((.., key)) = streaks.iter().find(|(since, until, _)| since <= last && last <= until)
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
            next_step: if ongoing { telling.next_step() } else { NOTHING_TO_DO.to_owned() },
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
                Reason::ExpectedMissing => Cause::ExpectedMissing,
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

const NOTHING_TO_DO: &str = "Nothing now; read the scheduler's log of that time.";

/// An incident in words.
struct Telling<'a> {
    group: &'a Group<'a>,
    cause: Cause,
    jobs: &'a [Hit],
    ongoing: bool,
    until: Option<Instant>,
}

impl Telling<'_> {
    fn now(&self) -> Instant {
        self.group.context.settings.now
    }

    fn names(&self) -> String {
        let names: Vec<&str> =
            self.jobs.iter().take(MOST_NAMES).map(|hit| self.group.job(hit.job).name.as_str()).collect();
        match self.jobs.len() {
            many if many > MOST_NAMES => format!("{} and {} more", names.join(", "), many - MOST_NAMES),
            _ => names.join(", "),
        }
    }

    fn broken(&self) -> Vec<&Job> {
        self.jobs.iter().map(|hit| self.group.job(hit.job)).filter(|job| job.state == State::Broken).collect()
    }

    fn headline(&self) -> String {
        let (names, several) = (self.names(), self.jobs.len() > 1);
        let verb = |one: &'static str, more: &'static str| if several { more } else { one };
        let holder = self.group.holder().map_or("a deleted job", |run| run.name.as_str());
        let behind =
            self.jobs.iter().filter(|hit| Some(hit.job) != self.group.holder().and_then(|run| run.job)).count();
        let behind = match behind {
            0 => String::new(),
            1 => "; 1 job waits behind it".to_owned(),
            many => format!("; {many} jobs wait behind it"),
        };
        if !self.ongoing {
            return match self.cause {
                Cause::SchedulerSilent => format!("the scheduler was silent{}; it runs again", self.lasted()),
                Cause::ProviderFailing => {
                    format!("{} jobs failed together{}; they work again", self.jobs.len(), self.lasted())
                }
                Cause::JobFailing => format!("{names} failed{}; it works again", self.lasted()),
                _ => format!(
                    "{names} {} silent{}; {} again",
                    verb("was", "were"),
                    self.lasted(),
                    verb("it fires", "they fire")
                ),
            };
        }
        match self.cause {
            Cause::SchedulerSilent => {
                let waiting = if several { "jobs have" } else { "job has" };
                format!("nothing runs: {} {waiting} come due and not run", self.jobs.len())
            }
            Cause::RunHung => format!("the run of {holder} never ended{behind}"),
            Cause::DeliveryHung => format!("the run of {holder} did its work and never finished{behind}"),
            Cause::RunLong => format!("the run of {holder} takes longer than usual{behind}"),
            Cause::ProviderFailing => {
                let since = self.group.context.shared.told().2;
                let since = since.map_or_else(String::new, |at| format!(" since {} UTC", at.minute()));
                format!("{} fail together: no fire has used tokens{since}", count(self.jobs.len() as u64, "job"))
            }
            Cause::JobFailing if !self.broken().is_empty() => {
                format!("{names} has stopped: its circuit breaker is open")
            }
            Cause::JobFailing => format!("{names} fails again and again"),
            Cause::JobSilent => format!("{names} {} stopped while other jobs run", verb("has", "have")),
            Cause::RowDead => format!("{names} can never fire again"),
            Cause::JobSkipped => format!("the scheduler skips the work of {names} each time"),
            Cause::Runaway => format!("{names} runs far too often"),
            Cause::ExpectedMissing => "a job that must be there is not".to_owned(),
            Cause::Undelivered => format!("{} work, but {} messages reach nobody", names, verb("its", "their")),
            Cause::SlotsSkipped => format!("the next run of {names} is set too far ahead"),
            Cause::Unjudged => format!("{names} can't be judged"),
        }
    }

    fn lasted(&self) -> String {
        let since = self.group.since(self.jobs);
        since.zip(self.until).map_or_else(String::new, |(since, until)| format!(" for {}", span(until.since(since))))
    }

    fn observed(&self) -> Vec<String> {
        let mut told = Vec::new();
        let messages = self.group.members.iter().filter(|finding| finding.is_ongoing() == self.ongoing);
        let several = self.jobs.len() > 1;
        match self.cause {
            Cause::SchedulerSilent if self.ongoing => {
                let last = self.group.context.worker.newest.map(|(end, _)| end);
                told.push(match last {
                    Some(end) => format!(
                        "the last run of any job ended at {} UTC, {} ago",
                        end.minute(),
                        span(self.now().since(end))
                    ),
                    None => "no job has ever run".to_owned(),
                });
                told.push(format!("{} came due since and did not run", self.slots()));
                told.push(self.life(last));
            }
            Cause::JobSilent if self.ongoing => {
                told.extend(messages.take(MOST_MESSAGES).map(|finding| self.message(finding, several)));
                if let Some((end, job)) = self.group.context.worker.newest {
                    let who = job.map_or("a deleted job", |job| self.group.job(job).name.as_str());
                    told.push(format!("{who} ran at {} UTC", end.minute()));
                }
            }
            Cause::RunHung | Cause::RunLong | Cause::DeliveryHung => {
                if let Some(run) = self.group.holder() {
                    told.push(self.holding(run));
                    if run.plausible == Plausible::Impossible {
                        told.push(self.life(Some(run.mark)));
                    }
                }
            }
            Cause::ProviderFailing if self.ongoing => {
                let (fires, jobs, worked) = self.group.context.shared.told();
                let since = worked.map_or_else(|| "on record".to_owned(), |at| format!("since {} UTC", at.minute()));
                told.push(format!("all {fires} fires of {jobs} jobs {since} used no tokens"));
                let broken = self.broken().len();
                told.extend(
                    (broken > 0).then(|| format!("the circuit breaker of {} is open", count(broken as u64, "job"))),
                );
            }
            Cause::JobFailing if self.ongoing => {
                let job = self.jobs.first().map(|hit| self.group.job(hit.job));
                told.extend(messages.take(MOST_MESSAGES).map(|finding| self.message(finding, false)));
                told.extend(
                    job.filter(|job| spaced_by_backoff(self.group.context, job))
                        .map(|_| "the errors are spaced as the scheduler retries".to_owned()),
                );
            }
            _ => told.extend(messages.take(MOST_MESSAGES).map(|finding| self.message(finding, several))),
        }
        told
    }

    fn message(&self, finding: &Finding, named: bool) -> String {
        let job = self.group.job(finding.job);
        let message = finding.message(job, self.now());
        if named { format!("{}: {message}", job.name) } else { message }
    }

    fn slots(&self) -> String {
        let missed: u64 = self.jobs.iter().map(|hit| hit.missed_slots.max(1)).sum();
        format!("{} of {}", count(missed, "slot"), count(self.jobs.len() as u64, "job"))
    }

    fn holding(&self, run: &Holder) -> String {
        match run.phase {
            Phase::Running => format!(
                "the run began at {} UTC, {} ago, and has no end on record; usual is up to {}",
                run.start.minute(),
                span(run.for_ms),
                span(run.usual_ms)
            ),
            Phase::Delivering => format!(
                "its cost event was written at {} UTC, {} ago; its row was not updated since, and nothing else has run",
                run.start.minute(),
                span(run.for_ms)
            ),
        }
    }

    /// What else the database shows of the process since then.
    fn life(&self, since: Option<Instant>) -> String {
        let ago = |at: Instant| format!("{} UTC, {} ago", at.minute(), span(self.now().since(at)));
        match self.group.context.snapshot.life {
            Life::Alive(at) => return format!("its process renewed its lease at {}", ago(at)),
            Life::Dead(at) => return format!("its process last renewed its lease at {}", ago(at)),
            Life::Stopped(at) => return format!("its process was stopped at {}", ago(at)),
            Life::Unknown => {}
        }
        match self.alive_after(since) {
            Some(alive) => format!("another channel was active at {} UTC, so the process lived then", alive.minute()),
            None => "nothing else in the database is newer, so nothing shows that the process lives".to_owned(),
        }
    }

    fn alive_after(&self, since: Option<Instant>) -> Option<Instant> {
        let newest = self.group.context.snapshot.newest_other?;
        since.is_none_or(|since| newest.since(since) > SAME_MOMENT).then_some(newest)
    }

    fn inferred(&self) -> Option<String> {
        if !self.ongoing {
            return None;
        }
        let end = self.group.context.worker.newest.map(|(end, _)| end);
        let life = self.group.context.snapshot.life;
        let text = match self.cause {
            Cause::SchedulerSilent if matches!(life, Life::Alive(_)) => {
                "the process lives; its scheduler is wedged, waits for a run that hangs, or is switched off"
            }
            Cause::SchedulerSilent if matches!(life, Life::Stopped(_)) => {
                "the process was stopped and not started again"
            }
            Cause::SchedulerSilent if matches!(life, Life::Dead(_)) => "the process died, or its machine sleeps",
            Cause::SchedulerSilent if self.alive_after(end).is_some() => {
                "the process lives, but its scheduler is wedged"
            }
            Cause::SchedulerSilent => {
                "the process is dead, wedged or not started; or the machine has just woken from sleep, and jobs run within an hour"
            }
            Cause::RunHung if self.alive_after(self.group.holder().map(|run| run.mark)).is_some() => {
                match self.group.context.snapshot.habits.places {
                    1 => "the process lives, and its scheduler hangs in this run",
                    _ => "the process lives, and this run hangs",
                }
            }
            Cause::RunHung => "the scheduler hangs in this run, or the process died in it",
            Cause::DeliveryHung => "the scheduler hangs in the delivery of the message, or the process died in it",
            Cause::RunLong => "it may be fine: it is allowed to take longer",
            Cause::ProviderFailing => "the model's provider, its key or the model's name fails for every job",
            Cause::JobFailing if !self.broken().is_empty() => "neither time nor a restart revives this job",
            Cause::JobSilent => "the scheduler works; only what is listed here is left out",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// The step for the cause in this scheduler's terms; of a dead row the one for what exactly is wrong with it.
    fn next_step(&self) -> String {
        let reason = self.group.members.first().map(|finding| finding.reason());
        let steps = self.group.context.snapshot.habits.next_steps;
        let named = |name: String| steps.iter().find(|(known, _)| *known == name).map(|(_, step)| *step);
        if let Some(step) = reason.and_then(|reason| named(reason.name())).or_else(|| named(self.cause.name())) {
            let id = self.jobs.first().map(|hit| self.group.job(hit.job).id.as_str()).filter(|id| is_plain(id));
            return id.map_or_else(|| step.to_owned(), |id| step.replace("<job-id>", id));
        }
        let step = match (self.cause, reason) {
            (Cause::RowDead | Cause::Runaway | Cause::JobFailing, Some(reason)) => reason.about().next_step,
            _ => self.cause.about().next_step,
        };
        step.to_owned()
    }

    /// What revives rows, where an edit of them is what helps.
    fn sql(&self) -> Option<String> {
        if !self.ongoing || !self.group.context.snapshot.habits.has_statements {
            return None;
        }
        let dead = |reason: Reason| self.group.members.iter().any(|finding| finding.reason() == reason);
        let (set, jobs) = match self.cause {
            Cause::JobFailing | Cause::ProviderFailing => ("status='active', consecutive_errors=0, ", self.broken()),
            Cause::RowDead if dead(Reason::NoNextRun) => {
                ("", self.jobs.iter().map(|hit| self.group.job(hit.job)).collect())
            }
            _ => return None,
        };
        let ids: Vec<String> = jobs.iter().take(MOST_IDS).map(|job| literal(&job.id)).collect::<Option<_>>()?;
        let which = match ids.as_slice() {
            [] => return None,
            [id] => format!("id={id}"),
            ids => format!("id IN ({})", ids.join(", ")),
        };
        Some(format!("UPDATE scheduled_jobs SET {set}next_run_at=strftime('%Y-%m-%dT%H:%M:%fZ','now') WHERE {which};"))
    }
}

/// Whether an id can stand in a command that is shown as it is.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// An id as a literal of SQL that nothing can break out of; None where it is too long to show or not known to the byte.
fn literal(id: &str) -> Option<String> {
    if id.len() > LONGEST_ID || id.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    if id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Some(format!("'{}'", id.replace('\'', "''")));
    }
    let hex: String = id.bytes().map(|byte| format!("{byte:02X}")).collect();
    Some(format!("CAST(X'{hex}' AS TEXT)"))
}

/// Whether the errors' fires came as the scheduler tries again: after the backoff, or for cron in the next slot if that
/// is sooner.
fn spaced_by_backoff(context: &Context<'_>, job: &Job) -> bool {
    let errors = usize::try_from(job.errors()).unwrap_or(0);
    let Some(before) = job.fires.len().checked_sub(errors) else { return false };
    let fires = &job.fires[before..];
    let slot = |end| job.schedule.cadence().filter(|cadence| matches!(cadence, Cadence::Cron(..)))?.next(end);
    let on_time = |(error, pair): (usize, &[Fire])| {
        let retry = pair[0].end.plus(context.worker.backoff(error));
        let sooner = context.snapshot.habits.retries_in_slot;
        let due = slot(pair[0].end).map_or(retry, |slot| if sooner { slot.min(retry) } else { slot.max(retry) });
        (-SECOND..=RETRY_TAKES).contains(&pair[1].end.since(due))
    };
    errors > 1 && fires.iter().all(|fire| fire.is_bad()) && fires.windows(2).enumerate().all(on_time)
}
