//! A finding: one trouble of one job, in facts, and the one place that puts the facts into a sentence.

use super::reason::Reason;
use super::{Lasting, Severity};
use crate::model::Job;
use crate::time::{Instant, Millis, SECOND, span};
use serde::Serialize;

/// One trouble of one job.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The job's index.
    pub job: usize,
    /// What exactly was found.
    pub facts: Facts,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it lasts.
    pub lasting: Lasting,
    /// When it began: for a silence the first slot missed.
    pub since: Option<Instant>,
    /// When it ended; None while it lasts.
    pub until: Option<Instant>,
    /// Slots without a fire.
    pub missed_slots: Option<u64>,
    /// The index of its incident.
    pub incident: Option<usize>,
}

/// What a finding rests on, by its reason. These are its `evidence` in JSON; spans are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Facts {
    /// See [`Reason::Overdue`].
    Overdue { overdue_seconds: i64, free_seconds: i64 },
    /// See [`Reason::Waiting`].
    Waiting { behind: Option<String>, overdue_seconds: i64 },
    /// See [`Reason::LongRun`].
    LongRun { in_flight_seconds: i64, usual_seconds: i64 },
    /// See [`Reason::HungRun`].
    HungRun { behind: Option<String>, in_flight_seconds: i64 },
    /// See [`Reason::HungDelivery`].
    HungDelivery { behind: Option<String>, delivering_seconds: i64 },
    /// See [`Reason::NoNextRun`].
    NoNextRun { next_run_at: Option<String> },
    /// See [`Reason::BreakerOpen`].
    BreakerOpen { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Reason::UnreadableSchedule`].
    UnreadableSchedule { why: String },
    /// See [`Reason::UnknownState`].
    UnknownState { why: String },
    /// See [`Reason::Runaway`].
    Runaway { fires: usize, fires_seconds: i64, cost_usd: f64, why: Option<String> },
    /// See [`Reason::Quarantined`].
    Quarantined { why: String },
    /// See [`Reason::Skipped`].
    Skipped { fires: usize, last_error: Option<String> },
    /// See [`Reason::SkippedSlots`].
    SkippedSlots { next_run_at: Instant, slots: u64 },
    /// See [`Reason::OneShotFailed`].
    OneShotFailed { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Reason::ExpectedMissing`].
    ExpectedMissing { expected: String, state: Option<&'static str> },
    /// See [`Reason::ZeroTokenStreak`].
    ZeroTokenStreak { fires: u64, newest: Instant, last_error: Option<String> },
    /// See [`Reason::SharedZeroTokens`].
    SharedZeroTokens { fires: usize, jobs: usize, last_error: Option<String> },
    /// See [`Reason::Failing`].
    Failing { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Reason::Undelivered`].
    Undelivered { delivery_status: String },
    /// See [`Reason::Unjudged`].
    Unjudged { why: String },
    /// See [`Reason::TokenGrowth`].
    TokenGrowth { tokens: u32, usual_tokens: u32 },
    /// See [`Reason::Silent`].
    Silent { last_fire: Option<Instant> },
    /// See [`Reason::Starved`].
    Starved { slots: u64, lost: u64 },
    /// See [`Reason::OtherZone`].
    OtherZone { jobs: Vec<String>, offset: String, zone: String },
    /// See [`Reason::TooManyFires`].
    TooManyFires { fires: usize, slots: u64, cost_usd: f64 },
    /// See [`Reason::RowGone`].
    RowGone { fires: usize, last_fire: Option<Instant> },
}

impl Facts {
    /// The reason that they are the facts of.
    pub fn reason(&self) -> Reason {
        match self {
            Facts::Overdue { .. } => Reason::Overdue,
            Facts::Waiting { .. } => Reason::Waiting,
            Facts::LongRun { .. } => Reason::LongRun,
            Facts::HungRun { .. } => Reason::HungRun,
            Facts::HungDelivery { .. } => Reason::HungDelivery,
            Facts::NoNextRun { .. } => Reason::NoNextRun,
            Facts::BreakerOpen { .. } => Reason::BreakerOpen,
            Facts::UnreadableSchedule { .. } => Reason::UnreadableSchedule,
            Facts::UnknownState { .. } => Reason::UnknownState,
            Facts::Runaway { .. } => Reason::Runaway,
            Facts::Quarantined { .. } => Reason::Quarantined,
            Facts::Skipped { .. } => Reason::Skipped,
            Facts::SkippedSlots { .. } => Reason::SkippedSlots,
            Facts::OneShotFailed { .. } => Reason::OneShotFailed,
            Facts::ExpectedMissing { .. } => Reason::ExpectedMissing,
            Facts::ZeroTokenStreak { .. } => Reason::ZeroTokenStreak,
            Facts::SharedZeroTokens { .. } => Reason::SharedZeroTokens,
            Facts::Failing { .. } => Reason::Failing,
            Facts::Undelivered { .. } => Reason::Undelivered,
            Facts::Unjudged { .. } => Reason::Unjudged,
            Facts::TokenGrowth { .. } => Reason::TokenGrowth,
            Facts::Silent { .. } => Reason::Silent,
            Facts::Starved { .. } => Reason::Starved,
            Facts::OtherZone { .. } => Reason::OtherZone,
            Facts::TooManyFires { .. } => Reason::TooManyFires,
            Facts::RowGone { .. } => Reason::RowGone,
        }
    }
}

impl Finding {
    /// An ongoing finding; the job is filled in by the audit.
    pub fn new(severity: Severity, facts: Facts) -> Finding {
        Finding {
            job: 0,
            facts,
            severity,
            lasting: Lasting::Ongoing,
            since: None,
            until: None,
            missed_slots: None,
            incident: None,
        }
    }

    /// What is expected is not there: no job matches, or one that is in this state.
    pub fn expected(job: usize, pattern: String, state: Option<&'static str>) -> Finding {
        let facts = Facts::ExpectedMissing { expected: pattern, state };
        Finding { job, incident: Some(0), ..Finding::new(Severity::Critical, facts) }
    }

    /// The same, begun then.
    pub fn since(self, since: impl Into<Option<Instant>>) -> Finding {
        Finding { since: since.into(), ..self }
    }

    /// The same with so many slots lost.
    pub fn missing(self, slots: impl Into<Option<u64>>) -> Finding {
        Finding { missed_slots: slots.into(), ..self }
    }

    /// The same, but over since `until`.
    pub fn over(self, until: Instant) -> Finding {
        Finding { until: Some(until), lasting: Lasting::Resolved, ..self }
    }

    /// What exactly it says.
    pub fn reason(&self) -> Reason {
        self.facts.reason()
    }

    /// Whether it lasts.
    pub fn is_ongoing(&self) -> bool {
        self.lasting == Lasting::Ongoing
    }

    /// The facts in one plain sentence. It may hold text of the database.
    pub fn message(&self, job: &Job, now: Instant) -> String {
        let ago = |seconds: i64| span(seconds * SECOND);
        let lost = self.missed_slots.map_or_else(String::new, |slots| format!(": {} lost", count(slots, "slot")));
        match &self.facts {
            Facts::Overdue { overdue_seconds, free_seconds } => {
                format!("due {} ago and not run; the worker was free for {}", ago(*overdue_seconds), ago(*free_seconds))
            }
            Facts::Waiting { behind: Some(name), overdue_seconds } => {
                format!("due {} ago; waits behind the run of {name}", ago(*overdue_seconds))
            }
            Facts::Waiting { behind: None, overdue_seconds } => {
                format!("due {} ago; the worker was held until a moment ago", ago(*overdue_seconds))
            }
            Facts::LongRun { in_flight_seconds, usual_seconds } => format!(
                "its run has been in flight for {}, longer than usual (up to {})",
                ago(*in_flight_seconds),
                ago(*usual_seconds)
            ),
            Facts::HungRun { behind: None, in_flight_seconds } => {
                format!(
                    "its run began {} ago and has no end on record: longer than any run may take",
                    ago(*in_flight_seconds)
                )
            }
            Facts::HungRun { behind: Some(name), in_flight_seconds } => {
                format!(
                    "waits behind the run of {name}, which began {} ago and has no end on record",
                    ago(*in_flight_seconds)
                )
            }
            Facts::HungDelivery { behind: None, delivering_seconds } => {
                format!("its run did its work {} ago and was never recorded as finished", ago(*delivering_seconds))
            }
            Facts::HungDelivery { behind: Some(name), delivering_seconds } => format!(
                "waits behind the run of {name}, which did its work {} ago and was never recorded as finished",
                ago(*delivering_seconds)
            ),
            Facts::NoNextRun { next_run_at: None } => "its next_run_at is empty: it never fires again".to_owned(),
            Facts::NoNextRun { next_run_at: Some(text) } => {
                format!("its next_run_at is {text:?}, which is not a time: it never fires again")
            }
            Facts::BreakerOpen { consecutive_errors, .. } => format!(
                "its circuit breaker opened after {} in a row: it never fires again by itself",
                count(*consecutive_errors, "error")
            ),
            Facts::UnreadableSchedule { why } => format!("its schedule can't be used: {why}"),
            Facts::UnknownState { why } => format!("the scheduler never picks this row: {why}"),
            Facts::Runaway { fires, fires_seconds, cost_usd, why } => format!(
                "fires without end: {} in {} that its row never recorded, for {cost_usd:.2} USD{}",
                count(*fires as u64, "run"),
                ago(*fires_seconds),
                why.as_ref().map_or_else(String::new, |why| format!("; {why}"))
            ),
            Facts::Quarantined { why } => format!("the scheduler took its row out of the table: {why}"),
            Facts::Skipped { fires, .. } => {
                format!("{} in a row did no work: the scheduler skipped them", count(*fires as u64, "fire"))
            }
            Facts::SkippedSlots { next_run_at, slots } => format!(
                "its next run is set to {} UTC, behind {} of its schedule",
                next_run_at.minute(),
                count(*slots, "slot")
            ),
            Facts::OneShotFailed { consecutive_errors, .. } => {
                format!("a one-shot gave up after {}: its work never happened", count(*consecutive_errors, "error"))
            }
            Facts::ExpectedMissing { expected, state: None } => {
                format!("no job matches {expected:?}, which is expected")
            }
            Facts::ExpectedMissing { expected, state: Some(state) } => {
                format!("it is {state}, and no watched job matches {expected:?}, which is expected")
            }
            Facts::ZeroTokenStreak { fires, newest, .. } => match (self.since, self.until) {
                (Some(first), Some(_)) => format!(
                    "{} in a row used no tokens, within {}; it has worked since",
                    count(*fires, "fire"),
                    span(newest.since(first))
                ),
                _ => format!(
                    "{} in a row used no tokens, the newest {} ago",
                    count(*fires, "fire"),
                    span(now.since(*newest))
                ),
            },
            Facts::SharedZeroTokens { fires, jobs, .. } => {
                format!(
                    "the newest {} of {} all used no tokens",
                    count(*fires as u64, "fire"),
                    count(*jobs as u64, "job")
                )
            }
            Facts::Failing { consecutive_errors, .. } => {
                let newest = job
                    .last_run()
                    .map_or_else(String::new, |run| format!(", the newest {} ago", span(now.since(run.end()))));
                format!("{} in a row{newest}", count(*consecutive_errors, "error"))
            }
            Facts::Undelivered { delivery_status } => {
                format!("its newest message reached nobody: {delivery_status}")
            }
            Facts::Unjudged { why } => format!("it can't be judged: {why}"),
            Facts::TokenGrowth { tokens, usual_tokens } => {
                format!("its newest fires used {tokens} tokens and more each, where {usual_tokens} were usual")
            }
            Facts::Silent { last_fire } => match (self.until, last_fire) {
                (Some(until), _) => {
                    let silent =
                        self.since.map_or_else(String::new, |since| format!(" for {}", span(until.since(since))));
                    format!("it was silent{silent}{lost}")
                }
                (None, Some(last)) => format!("nothing since its last fire {} ago{lost}", span(now.since(*last))),
                (None, None) => {
                    let made =
                        job.created_at.map_or_else(String::new, |made| format!(", made {} ago", span(now.since(made))));
                    format!("it has never fired{made}{lost}")
                }
            },
            Facts::Starved { slots, lost } => {
                format!("{lost} of {} of the last day were lost to other jobs' runs", count(*slots, "slot"))
            }
            Facts::OtherZone { jobs, offset, zone } => format!(
                "{} {} to run in another zone than {zone} (such as one at {offset}), so gaps were not judged: pass --timezone",
                count(jobs.len() as u64, "job"),
                if jobs.len() == 1 { "seems" } else { "seem" }
            ),
            Facts::TooManyFires { fires, slots, cost_usd } => format!(
                "{} in the last day for {}; they cost {cost_usd:.2} USD",
                count(*fires as u64, "fire"),
                count(*slots, "slot")
            ),
            Facts::RowGone { fires, last_fire } => format!(
                "its row is gone; it fired {fires} times, last {}",
                last_fire.map_or_else(|| "at an unknown time".to_owned(), |at| format!("{} ago", span(now.since(at))))
            ),
        }
    }
}

/// `1 slot`, `2 slots`.
pub fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A span in whole seconds, as evidence has it.
pub fn seconds(span: Millis) -> i64 {
    span / SECOND
}
