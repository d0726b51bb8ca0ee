//! zero-tokens: fires that did no work, or whose work was not delivered.
//!
//! A fire without tokens returned, but no model worked in it: an error, or a provider's limit message delivered as if it
//! were the answer. In the operator's report, ten of them came before the silence. A run that throws leaves no cost event at
//! all; then only the row's count of errors shows that runs fail.

use super::finding::{Finding, costing, count, grouped, since_in_words};
use super::shared_failure::Shared;
use super::work::{self, Change};
use super::{Context, Subject};
use crate::catalog::{Problem, Severity};
use crate::model::{Delivery, Fire, Job, MessageFate, Outcome, State, cost_of};
use crate::time::{DAY, HOUR, Instant, Millis, span};
use serde::Serialize;

/// A failed run that is not tried again for longer than this is a lost slot: a nightly backup is told in the morning, and
/// what runs four times a day or more has its next try within a working shift.
const SOON: Millis = 6 * HOUR;
/// So many messages of a day that were lost, or all of a day of which it is not known, are no chance; nor are fewer over a day.
const MIN_LOST: usize = 3;
const MIN_UNKNOWN: usize = 2;
/// Fires without tokens and without an error are as bad from this many in a row on.
const MIN_EMPTY: usize = 2;
/// Heartbeats that are skipped for so long are off.
const DAYS_OF_SKIPS: Millis = 2 * DAY;
/// This many fires of a day, and one in this many, that failed once each are flapping.
const MIN_FLAPS: usize = 5;
const FLAPS_ONE_IN: usize = 3;
/// With fewer unreadable events a job's history can still be judged.
const MIN_UNREADABLE: u64 = 3;

/// What a finding of this detector is based on, by its problem.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ZeroTokensEvidence {
    /// See [`Problem::ZeroTokenStreak`].
    ZeroTokenStreak { fires: u64, newest: Instant, last_error: Option<String> },
    /// See [`Problem::ProviderFailing`].
    SharedZeroTokens { fires: usize, jobs: usize, last_error: Option<String> },
    /// See [`Problem::SharedError`].
    SharedError { fires: usize, jobs: usize, last_error: Option<String> },
    /// See [`Problem::JobFailing`].
    Failing { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Problem::FailedRun`].
    FailedRun { next_run_at: Instant, last_error: Option<String> },
    /// See [`Problem::Flapping`].
    Flapping { failed: usize, fires: usize, cost_usd: f64 },
    /// See [`Problem::JobSkipped`].
    Skipped { fires: usize, last_error: Option<String> },
    /// See [`Problem::Undelivered`].
    Undelivered { delivery_status: String },
    /// See [`Problem::MessagesLost`].
    MessagesLost { lost: usize, unconfirmed: usize, sent: usize, delivery_status: Option<String> },
    /// See [`Problem::Unjudged`].
    Unjudged { why: String },
    /// See [`Problem::TokenGrowth`].
    TokenGrowth { tokens: u32, usual_tokens: u32 },
    /// See [`Problem::WorkShrank`].
    WorkShrank { output_tokens: Option<Change>, seconds: Option<Change> },
    /// See [`Problem::ModelChanged`].
    ModelChanged { model: String, usual_model: String, cost_usd: Option<Change> },
    /// See [`Problem::CostGrowth`].
    CostGrowth { cost_usd: Change },
}

impl ZeroTokensEvidence {
    /// The problem that it is evidence of.
    pub fn problem(&self) -> Problem {
        match self {
            Self::ZeroTokenStreak { .. } => Problem::ZeroTokenStreak,
            Self::SharedZeroTokens { .. } => Problem::ProviderFailing,
            Self::SharedError { .. } => Problem::SharedError,
            Self::Failing { .. } => Problem::JobFailing,
            Self::FailedRun { .. } => Problem::FailedRun,
            Self::Flapping { .. } => Problem::Flapping,
            Self::Skipped { .. } => Problem::JobSkipped,
            Self::Undelivered { .. } => Problem::Undelivered,
            Self::MessagesLost { .. } => Problem::MessagesLost,
            Self::Unjudged { .. } => Problem::Unjudged,
            Self::TokenGrowth { .. } => Problem::TokenGrowth,
            Self::WorkShrank { .. } => Problem::WorkShrank,
            Self::ModelChanged { .. } => Problem::ModelChanged,
            Self::CostGrowth { .. } => Problem::CostGrowth,
        }
    }

    /// The same in a sentence.
    pub fn message(&self, finding: &Finding, job: &Job, now: Instant) -> String {
        match self {
            Self::ZeroTokenStreak { fires, newest, .. } => streak(*fires, *newest, finding, now),
            Self::SharedZeroTokens { fires, jobs, .. } => {
                format!("the last {} of {} all failed or used no tokens", count(*fires, "fire"), count(*jobs, "job"))
            }
            Self::SharedError { fires, jobs, .. } => {
                format!("{} of {} in a row ended with the same error", count(*fires, "fire"), count(*jobs, "job"))
            }
            Self::Failing { consecutive_errors, .. } => {
                let last = job
                    .last_run()
                    .map_or_else(String::new, |run| format!(", the last one {} ago", span(now.since(run.end()))));
                let failed = &job.fires[job.fires.len() - known_errors(job)..];
                format!("{} in a row{last}{}", count(*consecutive_errors, "error"), costing(cost_of(failed)))
            }
            Self::FailedRun { next_run_at, .. } => {
                let last = job.last_end().map_or_else(String::new, |end| format!(" {} ago", span(now.since(end))));
                format!("its last run failed{last} and is not tried again before {} UTC", next_run_at.minute())
            }
            Self::Flapping { failed, fires, cost_usd } => {
                let (fires, cost) = (count(*fires, "fire"), costing(*cost_usd));
                format!("{failed} of its {fires} in the last day failed, and the next try worked{cost}")
            }
            Self::Skipped { fires, .. } => format!("the scheduler skipped its last {}", count(*fires, "run")),
            Self::Undelivered { delivery_status } => format!("its last message was not delivered: {delivery_status}"),
            Self::MessagesLost { lost: 0, unconfirmed, .. } => {
                format!("whether its last {} arrived is not known", count(*unconfirmed, "message"))
            }
            Self::MessagesLost { lost, sent, delivery_status, .. } => {
                let why = delivery_status.as_ref().map_or_else(String::new, |why| format!(": {why}"));
                format!("{lost} of its {} in the last day were not delivered{why}", count(*sent, "message"))
            }
            Self::Unjudged { why } => format!("it can't be judged: {why}"),
            Self::WorkShrank { output_tokens, seconds } => {
                work::shrank_in_words(*output_tokens, *seconds, finding.since)
            }
            Self::ModelChanged { model, usual_model, cost_usd } => {
                let cost = cost_usd.map_or_else(String::new, |cost| format!("; {}", work::cost_in_words(cost, None)));
                format!("{}it has run on {model}; {usual_model} was usual{cost}", since_in_words(finding.since))
            }
            Self::CostGrowth { cost_usd } => work::cost_in_words(*cost_usd, finding.since),
            Self::TokenGrowth { tokens, usual_tokens } => {
                let since = since_in_words(finding.since);
                let (tokens, usual) = (grouped((*tokens).into()), grouped((*usual_tokens).into()));
                format!("{since}each of its fires has used {tokens} tokens or more; {usual} were usual")
            }
        }
    }
}

fn streak(fires: u64, newest: Instant, finding: &Finding, now: Instant) -> String {
    let fires = count(fires, "fire");
    match finding.since.filter(|_| !finding.is_ongoing()) {
        Some(first) => {
            format!("{fires} in a row used no tokens, over {}; it has worked since", span(newest.since(first)))
        }
        None => format!("{fires} in a row used no tokens, the last one {} ago", span(now.since(newest))),
    }
}

/// The streaks of a job, the ongoing one and those that ended within the window, and whatever else shows that it does no
/// work.
pub fn detect(context: &Context<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let job = subject.job;
    if job.state == State::Completed {
        return undelivered_once(context, job).into_iter().collect();
    }
    if !job.state.is_watched() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut streak: Option<Streak> = None;
    for fire in &job.fires {
        if fire.is_empty() {
            streak.get_or_insert(Streak { count: 0, first: fire.end, last: fire.end }).extend(fire);
        } else if !fire.is_bad()
            && !fire.is_unknown()
            && let Some(ended) = streak.take()
        {
            findings.extend(ended.resolved(context, subject, fire.end));
        }
    }
    let ongoing = streak
        .and_then(|streak| streak.ongoing(subject))
        .or_else(|| failing(context, subject))
        .or_else(|| shared(context, subject))
        .or_else(|| skipped(subject))
        .or_else(|| failed_run(job))
        .or_else(|| undelivered(context, job))
        .or_else(|| messages_lost(context, job));
    findings.extend(ongoing);
    findings.extend(unjudged(subject));
    findings.extend(declined(job));
    findings.extend(work::changes(context, job));
    findings.extend(flapping(context, job));
    findings
}

/// Zero-token fires in a row up to the last fire.
pub fn current_streak(job: &Job) -> u64 {
    bad_tail(job).iter().filter(|fire| fire.is_empty()).map(|_| 1).sum()
}

/// How many of a job's last fires failed. An error may have used tokens, which only the row's count shows; a run that throws
/// leaves no event.
pub fn known_errors(job: &Job) -> usize {
    let errors = usize::try_from(job.errors()).unwrap_or(usize::MAX);
    let with_tokens = job.fires.last().is_some_and(|last| last.outcome == Outcome::Failed);
    let bad = bad_tail(job).len();
    if with_tokens { bad.max(errors).min(job.fires.len()) } else { bad }
}

/// The runs of a job that failed in a row up to the last, in words: how many, when, and what they used. None if its last run
/// was good.
pub fn failed_in_words(job: &Job) -> Option<String> {
    let failed = &job.fires[job.fires.len() - known_errors(job)..];
    let (first, last) = (failed.first()?, failed.last()?);
    let runs = job.errors().max(u64::try_from(failed.len()).unwrap_or(u64::MAX));
    let when = if failed.len() > 1 { range(first.end, last.end) } else { format!(" at {} UTC", last.end.minute()) };
    let when = if runs > 1 && failed.len() == 1 { format!(", the last{when}") } else { when };
    let used = match tokens_of_failed(job) {
        0 if failed.len() > 1 && failed.iter().all(Fire::is_empty) => ", all with 0 tokens".to_owned(),
        0 if failed.iter().all(Fire::is_empty) => ", with 0 tokens".to_owned(),
        0 => String::new(),
        tokens => format!(", which used {} tokens{}", grouped(tokens), costing(cost_of(failed))),
    };
    let all_empty = job.errors() == 0 && failed.iter().all(Fire::is_empty);
    Some(format!("{}{when}{used}", count(runs, if all_empty { "run" } else { "failed run" })))
}

/// The tokens that the runs of a job used that failed in a row up to the last.
pub fn tokens_of_failed(job: &Job) -> u64 {
    let failed = &job.fires[job.fires.len() - known_errors(job)..];
    failed.iter().filter_map(|fire| fire.tokens).map(u64::from).sum()
}

/// ` from 2026-04-29 05:00 to 10:00 UTC`.
fn range(from: Instant, to: Instant) -> String {
    let (from, to) = (from.minute(), to.minute());
    let end = if from.get(..10) == to.get(..10) { to.get(11..).unwrap_or_default() } else { &to };
    format!(" from {from} to {end} UTC")
}

/// When a job began to fail: the end of its first bad fire in a row, and of the last good one before it. None if its last
/// fire was good.
pub fn failing_since(job: &Job) -> Option<(Instant, Option<Instant>)> {
    let first = job.fires.len() - known_errors(job);
    let fire = job.fires.get(first)?;
    let last_good = first.checked_sub(1).map(|last_good| job.fires[last_good].end);
    // Of runs that throw only the last is known: the first was due at the slot after the last good one.
    let slot = || job.schedule.cadence()?.next(last_good?).filter(|slot| *slot <= fire.end);
    let since = if fire.has_no_event() { slot().unwrap_or(fire.end) } else { fire.end };
    Some((since, last_good))
}

/// Errors in a row that no streak shows: a warning, because the job still fires, and critical where a circuit breaker would
/// have stopped it.
fn failing(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let many = job.errors() >= subject.settings.thresholds.zero_streak && job.state == State::Watched;
    let since = failing_since(job).map(|(since, _)| since).or(job.last_end());
    let last_error = job.last_error().map(str::to_owned);
    let evidence = ZeroTokensEvidence::Failing { consecutive_errors: job.errors(), last_error };
    let endless = job.errors() >= context.snapshot.traits.breaker_limit;
    let severity = if endless { Severity::Critical } else { Severity::Warning };
    many.then(|| Finding::new(severity, evidence).since(since))
}

/// A last run that failed or was skipped, if it is not tried again within some hours: that slot's work is lost.
fn failed_run(job: &Job) -> Option<Finding> {
    let fire = job.fires.last().filter(|_| job.state == State::Watched)?;
    // An empty answer may be chance; two in a row are not.
    let lost = fire.has_failed() || fire.outcome == Outcome::Skipped || bad_in_a_row(job) >= MIN_EMPTY;
    let next_run_at = job.next_run().or_else(|| job.schedule.cadence()?.next(fire.end)).filter(|_| lost)?;
    let last_error = job.last_error().map(str::to_owned);
    (next_run_at.since(fire.end) > SOON).then(|| {
        let evidence = ZeroTokensEvidence::FailedRun { next_run_at, last_error };
        Finding::new(Severity::Warning, evidence).since(failing_since(job).map_or(fire.end, |(since, _)| since))
    })
}

/// Fires of the last day that failed and whose next try worked, if they are many.
fn flapping(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let day = context.settings.now.plus(-DAY);
    let fires = job.fires_since(day);
    let failed: Vec<&Fire> =
        fires.windows(2).filter(|pair| pair[0].is_bad() && !pair[1].is_bad()).map(|pair| &pair[0]).collect();
    let cost_usd = cost_of(failed.iter().copied());
    let evidence = ZeroTokensEvidence::Flapping { failed: failed.len(), fires: fires.len(), cost_usd };
    let many = failed.len() >= MIN_FLAPS && failed.len() * FLAPS_ONE_IN >= fires.len();
    many.then(|| Finding::new(Severity::Info, evidence).since(failed.first().map(|fire| fire.end)))
}

/// Work that the scheduler skipped again and again: as bad as fires without tokens.
fn skipped(subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let skipped = job.fires.iter().rev().take_while(|fire| fire.outcome == Outcome::Skipped).count();
    let severity = severity_of_streak(subject, u64::try_from(skipped).unwrap_or(u64::MAX))?;
    let first = job.fires.len() - skipped;
    let last_error = job.last_error().map(str::to_owned);
    let evidence = ZeroTokensEvidence::Skipped { fires: skipped, last_error };
    Some(Finding::new(severity, evidence).since(job.fires.get(first).map(|fire| fire.end)))
}

/// Work that may be skipped and was, for days, and neither for the hour nor for other work.
fn declined(job: &Job) -> Option<Finding> {
    let declined = job.fires.iter().rev().take_while(|fire| fire.outcome == Outcome::Declined).count();
    let (first, last) = (job.fires.get(job.fires.len() - declined)?.end, job.fires.last()?.end);
    let evidence = ZeroTokensEvidence::Skipped { fires: declined, last_error: job.last_error().map(str::to_owned) };
    (last.since(first) >= DAYS_OF_SKIPS).then(|| Finding::new(Severity::Info, evidence).since(first))
}

/// None if this many in a row mean nothing.
fn severity_of_streak(subject: &Subject<'_>, count: u64) -> Option<Severity> {
    let thresholds = &subject.settings.thresholds;
    match count {
        count if count >= thresholds.zero_streak_critical => Some(Severity::Critical),
        count if count >= thresholds.zero_streak => Some(Severity::Warning),
        _ => None,
    }
}

/// Bad fires in a row up to the last one.
pub fn bad_in_a_row(job: &Job) -> usize {
    bad_tail(job).iter().filter(|fire| fire.is_bad()).count()
}

/// A job's last fires from the first bad one in a row on. One whose tokens can't be read neither continues the row nor ends it.
fn bad_tail(job: &Job) -> &[Fire] {
    let tail = job.fires.iter().rev().take_while(|fire| fire.is_bad() || fire.is_unknown()).count();
    let tail = &job.fires[job.fires.len() - tail..];
    &tail[tail.iter().position(Fire::is_bad).unwrap_or(tail.len())..]
}

fn shared(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let group = context.shared.group_of(subject.index)?;
    let (since, _) = failing_since(subject.job)?;
    let (fires, jobs) = (group.fires, group.jobs.len());
    let last_error = subject.job.last_error().map(str::to_owned);
    let evidence = match group.shared {
        Shared::Model { .. } => ZeroTokensEvidence::SharedZeroTokens { fires, jobs, last_error },
        Shared::Error | Shared::ErrorOfMost => ZeroTokensEvidence::SharedError { fires, jobs, last_error },
    };
    Some(Finding::new(Severity::Warning, evidence).since(since))
}

/// The row knows the last attempt to deliver, which may be older than the last run: an error or an empty answer leaves it as
/// it was.
fn undelivered(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let row = job.row.as_ref().filter(|row| job.state == State::Watched && row.consecutive_errors == 0)?;
    let Some(Delivery::Failed(error)) = &row.delivery else { return None };
    let run = row.last_run.as_ref().filter(|run| !run.failed)?;
    // A message that was late is lost once; what is wrong with a channel stays wrong.
    let severity = if error.is_late { context.settings.severity_after(run.end())? } else { Severity::Warning };
    Some(Finding::new(severity, ZeroTokensEvidence::Undelivered { delivery_status: error.text.clone() }))
}

/// Messages of the last day that were lost while later ones arrived, or the last ones of which none is known to have arrived.
fn messages_lost(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let now = context.settings.now;
    let day = job.fires_since(now.plus(-DAY));
    let lost: Vec<&Fire> = day.iter().filter(|fire| fire.message == MessageFate::Lost).collect();
    let sent = day.iter().filter(|fire| fire.message != MessageFate::None).count();
    let with_message = job.fires.iter().rev().filter(|fire| fire.message != MessageFate::None);
    let unknown: Vec<&Fire> = with_message.take_while(|fire| fire.message == MessageFate::Unconfirmed).collect();
    let all_day = unknown.len() >= MIN_UNKNOWN && unknown.last().is_some_and(|first| now.since(first.end) >= DAY);
    let lost_count = lost.len().max(job.dead_letters);
    let (evidence, first) = if lost_count >= MIN_LOST {
        let delivery_status = job.delivery_error.as_ref().map(|error| error.text.clone());
        let sent = sent.max(lost_count);
        (ZeroTokensEvidence::MessagesLost { lost: lost_count, unconfirmed: 0, sent, delivery_status }, lost.first())
    } else if all_day || (unknown.len() >= MIN_LOST && unknown.len() >= sent) {
        let (unconfirmed, delivery_status) = (unknown.len(), None);
        (ZeroTokensEvidence::MessagesLost { lost: 0, unconfirmed, sent, delivery_status }, unknown.last())
    } else {
        return None;
    };
    Some(Finding::new(Severity::Warning, evidence).since(first.map(|fire| fire.end)))
}

/// A one-shot that did its work, but whose message reached nobody.
fn undelivered_once(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let row = job.row.as_ref()?;
    let (Some(Delivery::Failed(error)), Some(run)) = (&row.delivery, &row.last_run) else { return None };
    let severity = context.settings.severity_after(run.end())?;
    let evidence = ZeroTokensEvidence::Undelivered { delivery_status: error.text.clone() };
    Some(Finding::new(severity, evidence).since(run.end()))
}

/// A history that can't be judged must not look healthy.
fn unjudged(subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let unknown = job.fires.iter().rev().take_while(|fire| fire.is_unknown()).count();
    let enough = usize::try_from(subject.settings.thresholds.zero_streak).unwrap_or(usize::MAX);
    let without_time = usize::try_from(job.events_without_time).unwrap_or(usize::MAX);
    let why = if job.id.is_empty() {
        "it has no id, so its cost events can't be found".to_owned()
    } else if job.events_without_time >= MIN_UNREADABLE && without_time >= job.fires.len() {
        format!("{without_time} of its cost events have no readable time")
    } else if unknown >= enough {
        format!("the records of its last {unknown} runs can't be read")
    } else {
        return None;
    };
    Some(Finding::new(Severity::Warning, ZeroTokensEvidence::Unjudged { why }))
}

#[derive(Clone, Copy)]
struct Streak {
    count: u64,
    first: Instant,
    last: Instant,
}

impl Streak {
    fn extend(&mut self, fire: &Fire) {
        self.count += 1;
        self.last = fire.end;
    }

    fn evidence(self, last_error: Option<String>) -> ZeroTokensEvidence {
        ZeroTokensEvidence::ZeroTokenStreak { fires: self.count, newest: self.last, last_error }
    }

    /// None if it is too short to mean anything, or ended before the window.
    fn resolved(self, context: &Context<'_>, subject: &Subject<'_>, ended: Instant) -> Option<Finding> {
        let long = self.count >= subject.settings.thresholds.zero_streak;
        let severity = context.settings.severity_after(ended).filter(|_| long)?;
        Some(Finding::new(severity, self.evidence(None)).since(self.first).resolved(ended))
    }

    fn ongoing(self, subject: &Subject<'_>) -> Option<Finding> {
        let severity = severity_of_streak(subject, self.count)?;
        let last_error = subject.job.last_error().map(str::to_owned);
        Some(Finding::new(severity, self.evidence(last_error)).since(self.first))
    }
}
