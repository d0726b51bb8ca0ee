//! What a finding is based on: the facts of each problem. Their names are the keys of `evidence` in JSON; lengths of time are in
//! seconds.

use super::budget::Spent;
use crate::catalog::Problem;
use crate::time::Instant;
use serde::Serialize;

/// The facts of a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Evidence {
    /// See [`Problem::Overdue`].
    Overdue { overdue_seconds: i64, free_seconds: i64 },
    /// See [`Problem::Waiting`].
    Waiting { behind: Option<String>, overdue_seconds: i64 },
    /// See [`Problem::RunLong`].
    LongRun { in_flight_seconds: i64, usual_seconds: i64, longest_seconds: Option<i64> },
    /// A run that is over and was one of those.
    EndedRun { took_seconds: i64, longest_seconds: Option<i64> },
    /// See [`Problem::RunHung`].
    HungRun { behind: Option<String>, in_flight_seconds: i64 },
    /// See [`Problem::DeliveryHung`].
    HungDelivery { behind: Option<String>, delivering_seconds: i64 },
    /// See [`Problem::RunCut`].
    CutRun { restarted_at: Option<Instant>, last_write_at: Option<Instant> },
    /// See [`Problem::SchedulerDown`].
    SchedulerDown { job: String, next_run_at: Instant, last_write_at: Option<Instant> },
    /// See [`Problem::PassesFail`].
    FailingPasses { failing_seconds: i64, why: Option<String> },
    /// See [`Problem::Repaired`].
    Repaired { repaired_at: Instant, looks_by: Instant, revived: bool },
    /// See [`Problem::NoNextRun`].
    NoNextRun { next_run_at: Option<String> },
    /// See [`Problem::BreakerOpen`].
    BreakerOpen { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Problem::UnreadableSchedule`].
    UnreadableSchedule { why: String },
    /// See [`Problem::UnknownState`].
    UnknownState { why: String },
    /// See [`Problem::Runaway`].
    Runaway { fires: usize, fires_seconds: i64, cost_usd: f64, why: Option<String> },
    /// See [`Problem::Quarantined`].
    Quarantined { why: String },
    /// See [`Problem::SlotsSkipped`].
    SkippedSlots { next_run_at: Instant, slots: u64 },
    /// See [`Problem::RunsWhileOff`].
    RunsWhileOff { off: Instant, runs: usize },
    /// See [`Problem::OneShotLost`].
    OneShotFailed { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Problem::OneShotLost`].
    OneShotMissed { at: Instant },
    /// See [`Problem::ExpectedMissing`].
    ExpectedMissing { expected: String, state: Option<&'static str> },
    /// See [`Problem::NothingWatched`].
    NothingWatched { rows: usize, last_activity: Instant },
    /// See [`Problem::ZeroTokenStreak`].
    ZeroTokenStreak { fires: u64, tokens: u64, newest: Instant, last_error: Option<String> },
    /// See [`Problem::RunShort`].
    ShortRuns { fires: u64, newest: Instant, too_short: u64, longest_seconds: f64, min_run_seconds: f64 },
    /// See [`Problem::ProviderFailing`].
    SharedZeroTokens { fires: usize, jobs: usize, last_error: Option<String> },
    /// See [`Problem::SharedError`].
    SharedError { fires: usize, jobs: usize, last_error: Option<String> },
    /// See [`Problem::JobFailing`].
    Failing { consecutive_errors: u64, last_error: Option<String> },
    /// See [`Problem::FailedRun`].
    FailedRun { next_run_at: Instant, last_error: Option<String> },
    /// See [`Problem::Flapping`].
    Flapping { failed: usize, slots: usize, cost_usd: f64 },
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
    /// See [`Problem::OverBudget`].
    OverBudget { day_from: Instant, cost_usd: Option<Spent>, tokens: Option<Spent> },
    /// See [`Problem::Unjudged`].
    Uncounted { budgets: Vec<&'static str> },
    /// See [`Problem::NoOutput`].
    NoOutput { output: String, newest_at: Option<Instant>, run_began: Instant },
    /// See [`Problem::Unjudged`].
    OutputUnread { output: String, why: String },
    /// See [`Problem::JobSilent`].
    Silent { last_fire: Option<Instant>, by_hand: usize },
    /// See [`Problem::CatchingUp`].
    CatchingUp { resumed_at: Instant },
    /// See [`Problem::Starved`].
    Starved { slots: u64, lost: u64 },
    /// See [`Problem::OtherZone`].
    OtherZone { jobs: Vec<String>, offset: String, zone: String },
    /// See [`Problem::OtherZone`].
    ZoneChanged { shift_seconds: i64 },
    /// See [`Problem::Runaway`].
    TooManyFires { fires: usize, slots: u64, cost_usd: f64 },
    /// See [`Problem::Runaway`].
    PairedFires { pairs: usize, slots: usize },
    /// See [`Problem::Runaway`].
    Twin { of: String },
    /// See [`Problem::ClockSetBack`].
    ClockSetBack { clock_was_at: Instant, next_run_at: Instant, slots: u64 },
    /// See [`Problem::CrashLoop`].
    Crashing { crashes: usize },
    /// See [`Problem::Unrecorded`].
    Unrecorded { last_record: Instant, last_run: Instant },
    /// See [`Problem::JobsGone`].
    RowGone { fires: usize, last_fire: Option<Instant> },
}

/// A value of the last runs, and the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// Of the last runs the one nearest to the usual value.
    pub now: f64,
    /// The median of those before them.
    pub usual: f64,
}

impl Evidence {
    /// The problem that it is evidence of.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Overdue { .. } => Problem::Overdue,
            Self::Waiting { .. } => Problem::Waiting,
            Self::LongRun { .. } | Self::EndedRun { .. } => Problem::RunLong,
            Self::HungRun { .. } => Problem::RunHung,
            Self::HungDelivery { .. } => Problem::DeliveryHung,
            Self::CutRun { .. } => Problem::RunCut,
            Self::SchedulerDown { .. } => Problem::SchedulerDown,
            Self::FailingPasses { .. } => Problem::PassesFail,
            Self::Repaired { .. } => Problem::Repaired,
            Self::NoNextRun { .. } => Problem::NoNextRun,
            Self::BreakerOpen { .. } => Problem::BreakerOpen,
            Self::UnreadableSchedule { .. } => Problem::UnreadableSchedule,
            Self::UnknownState { .. } => Problem::UnknownState,
            Self::Runaway { .. } => Problem::Runaway,
            Self::Quarantined { .. } => Problem::Quarantined,
            Self::SkippedSlots { .. } => Problem::SlotsSkipped,
            Self::RunsWhileOff { .. } => Problem::RunsWhileOff,
            Self::OneShotFailed { .. } | Self::OneShotMissed { .. } => Problem::OneShotLost,
            Self::ExpectedMissing { .. } => Problem::ExpectedMissing,
            Self::NothingWatched { .. } => Problem::NothingWatched,
            Self::ZeroTokenStreak { .. } => Problem::ZeroTokenStreak,
            Self::ShortRuns { .. } => Problem::RunShort,
            Self::SharedZeroTokens { .. } => Problem::ProviderFailing,
            Self::SharedError { .. } => Problem::SharedError,
            Self::Failing { .. } => Problem::JobFailing,
            Self::FailedRun { .. } => Problem::FailedRun,
            Self::Flapping { .. } => Problem::Flapping,
            Self::Skipped { .. } => Problem::JobSkipped,
            Self::Undelivered { .. } => Problem::Undelivered,
            Self::MessagesLost { .. } => Problem::MessagesLost,
            Self::NoOutput { .. } => Problem::NoOutput,
            Self::Unjudged { .. } | Self::Uncounted { .. } | Self::OutputUnread { .. } => Problem::Unjudged,
            Self::OverBudget { .. } => Problem::OverBudget,
            Self::TokenGrowth { .. } => Problem::TokenGrowth,
            Self::WorkShrank { .. } => Problem::WorkShrank,
            Self::ModelChanged { .. } => Problem::ModelChanged,
            Self::CostGrowth { .. } => Problem::CostGrowth,
            Self::Silent { .. } => Problem::JobSilent,
            Self::CatchingUp { .. } => Problem::CatchingUp,
            Self::Starved { .. } => Problem::Starved,
            Self::OtherZone { .. } | Self::ZoneChanged { .. } => Problem::OtherZone,
            Self::TooManyFires { .. } | Self::PairedFires { .. } | Self::Twin { .. } => Problem::Runaway,
            Self::ClockSetBack { .. } => Problem::ClockSetBack,
            Self::Crashing { .. } => Problem::CrashLoop,
            Self::Unrecorded { .. } => Problem::Unrecorded,
            Self::RowGone { .. } => Problem::JobsGone,
        }
    }
}
