//! The closed sets of the audit and what there is to say of each: detectors, reasons of findings, causes of incidents.
//!
//! `--explain`, its completion, docs/findings.md, the enums of the JSON Schema and the advice of every format come from here.
//! A new reason or cause does not compile without its text.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

/// The name of a value in every output.
fn name_of(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// One of the things that an audit looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DetectorId {
    /// A job that is due and does not run, or never will again.
    PastDue,
    /// Fires that did no work, or whose work reached nobody.
    ZeroTokens,
    /// A silence between two fires or since the last one.
    Gap,
}

impl DetectorId {
    /// Its name in findings.
    pub fn name(self) -> String {
        name_of(&self)
    }

    /// What it looks for, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            DetectorId::PastDue => "A job that is due and does not run, or that never will again.",
            DetectorId::ZeroTokens => "Fires that did no work, or whose work reached nobody.",
            DetectorId::Gap => {
                "A silence between two fires of a job or since its last one, or fires out of its cadence."
            }
        }
    }
}

/// What there is to say of a reason or a cause.
pub struct About {
    /// What it means.
    pub meaning: &'static str,
    /// How it is decided, and how bad it is.
    pub decided: &'static str,
    /// What a person should do.
    pub next_step: &'static str,
}

/// What exactly a finding says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The job is due and the worker is free.
    Overdue,
    /// The job is due and waits for the worker.
    Waiting,
    /// Its run has been in flight for longer than usual.
    LongRun,
    /// A run has been in flight for longer than the scheduler allows.
    HungRun,
    /// A run ended and its row was never updated.
    HungDelivery,
    /// next_run_at is NULL or not a time.
    NoNextRun,
    /// The circuit breaker stopped the job.
    BreakerOpen,
    /// The schedule can't be used.
    UnreadableSchedule,
    /// The scheduler never picks the row.
    UnknownState,
    /// It fires without end.
    Runaway,
    /// The scheduler took the row out of its table.
    Quarantined,
    /// The scheduler skips the job's work.
    Skipped,
    /// next_run_at passes over slots.
    SkippedSlots,
    /// A one-shot gave up.
    OneShotFailed,
    /// No job that was expected is watched.
    ExpectedMissing,
    /// Fires in a row used no tokens.
    ZeroTokenStreak,
    /// The newest fires of several jobs used no tokens.
    SharedZeroTokens,
    /// Runs in a row ended with an error.
    Failing,
    /// The newest message reached nobody.
    Undelivered,
    /// Its history can't be judged.
    Unjudged,
    /// Its fires use many times the tokens that they did.
    TokenGrowth,
    /// The job is silent, or was.
    Silent,
    /// It loses most slots to other jobs' runs.
    Starved,
    /// It seems to run in another zone.
    OtherZone,
    /// It fires far more often than it has slots.
    TooManyFires,
    /// It fired regularly and its row is gone.
    RowGone,
}

impl Reason {
    /// Its name in findings.
    pub fn name(self) -> String {
        name_of(&self)
    }

    /// The detector whose findings have it.
    pub fn detector(self) -> DetectorId {
        match self {
            Reason::Overdue
            | Reason::Waiting
            | Reason::LongRun
            | Reason::HungRun
            | Reason::HungDelivery
            | Reason::NoNextRun
            | Reason::BreakerOpen
            | Reason::UnreadableSchedule
            | Reason::UnknownState
            | Reason::Runaway
            | Reason::Quarantined
            | Reason::SkippedSlots
            | Reason::OneShotFailed
            | Reason::ExpectedMissing => DetectorId::PastDue,
            Reason::ZeroTokenStreak
            | Reason::SharedZeroTokens
            | Reason::Failing
            | Reason::Skipped
            | Reason::Undelivered
            | Reason::Unjudged
            | Reason::TokenGrowth => DetectorId::ZeroTokens,
            Reason::Silent | Reason::Starved | Reason::OtherZone | Reason::TooManyFires | Reason::RowGone => {
                DetectorId::Gap
            }
        }
    }

    /// What there is to say of it.
    pub fn about(self) -> About {
        let (meaning, decided, next_step) = match self {
            Reason::Overdue => (
                "The job is due and did not run although the worker was free.",
                "Counted from next_run_at: the time in which no run can have held the worker. A warning beyond --late-after; critical beyond --lost-after, or when more than --late-cadences times the cadence has passed as well. At most a warning within --lost-after of an edit of the row, since the scheduler's timer sleeps up to an hour.",
                "Check that the scheduler's process runs, then read its log from the job's last run on.",
            ),
            Reason::Waiting => (
                "The job is due, but another run holds the worker.",
                "Jobs run one after another. Info while the run that holds the worker is within --max-run.",
                "Nothing. The job runs when the worker is free.",
            ),
            Reason::LongRun => (
                "The job's run has been in flight for longer than usual.",
                "Longer than 10 minutes and twice the longest of its last 30 runs; while fewer than 5 are known, longer than 30 minutes and twice the last. A warning for this job only.",
                "Look at what the run is doing. It ends by itself, or at --max-run.",
            ),
            Reason::HungRun => (
                "A run began longer ago than the scheduler allows and has no end on record: it hangs, or the process died in it.",
                "The session of the run showed, no cost event followed, and --max-run has passed. Critical for its job, and for the jobs that wait behind it once they are later than --late-after.",
                "Check that the process runs and look at that run; restart the scheduler if it hangs.",
            ),
            Reason::HungDelivery => (
                "The run did its work, but its row was never updated: it hangs in the delivery of its message.",
                "Its cost event is newer than the row's last run, and nothing has run since. A warning beyond 15 minutes, critical once the job's next slot is lost.",
                "Restart the scheduler, then check the channel that the message goes to.",
            ),
            Reason::NoNextRun => (
                "The row is active, but next_run_at is empty or not a time: the scheduler never picks it again, not even after a restart.",
                "Decided by the row alone. Critical.",
                "Correct the schedule, then set next_run_at.",
            ),
            Reason::BreakerOpen => (
                "Ten errors in a row opened the job's circuit breaker: neither time nor a restart revives it.",
                "The row's status is failed and its schedule is a recurring one. Critical.",
                "Fix the cause of the error, then revive the row; a restart will not.",
            ),
            Reason::UnreadableSchedule => (
                "The scheduler can't use the schedule: its kind, JSON, expression, interval or zone.",
                "Decided by schedule_kind and schedule_value: five-field expressions as croner 10 reads them, IANA zones, intervals as a number of milliseconds. Critical.",
                "Correct schedule_value, then set next_run_at.",
            ),
            Reason::UnknownState => (
                "The scheduler never picks the row: its status or enabled value is not one that it knows.",
                "Decided by the row alone. A warning, since somebody may have meant it.",
                "Set status to 'active' and enabled to 1, or delete the row.",
            ),
            Reason::Runaway => (
                "The job runs back to back and every run is paid for: the scheduler's own update of its row fails.",
                "Three or more fires later than the row's last update. Critical.",
                "Pause the job, then correct its schedule.",
            ),
            Reason::Quarantined => (
                "The scheduler could not read the row, deleted it from its table and keeps it apart: the job never fires again, and nobody is told.",
                "OpenClaw: an entry in diagnostic_events whose job has no row. Critical.",
                "Make the job again with a valid schedule.",
            ),
            Reason::Skipped => (
                "The job's slots come and go, but the scheduler skips the work each time.",
                "OpenClaw: runs in a row with the status skipped, of a job that is not a heartbeat. A warning from --zero-streak on, critical from --zero-streak-critical on.",
                "Read the job's last error: often no agent owns the job any more.",
            ),
            Reason::SkippedSlots => (
                "next_run_at passes over slots that the schedule has.",
                "Two or more slots lie between the audit and next_run_at, and no backoff explains it. A warning.",
                "If nobody meant it, set next_run_at to the next slot.",
            ),
            Reason::OneShotFailed => (
                "A one-shot gave up after three errors: its work never happened.",
                "Its status is failed and its last run lies within --since. Info.",
                "Decide whether the work is still wanted.",
            ),
            Reason::ExpectedMissing => (
                "No watched job matches what --expect names: it is gone, paused, disabled or completed.",
                "Decided by the ids and names of the watched jobs. Critical.",
                "Find out who removed or paused the job; make it again, or stop expecting it.",
            ),
            Reason::ZeroTokenStreak => (
                "Fires in a row used no tokens at all: no model did any work in them.",
                "0 input and 0 output tokens in the newest cost events of the job. A warning from --zero-streak on, critical from --zero-streak-critical on. Over once a fire uses tokens: then a warning for 24 hours, info until --since.",
                "Read the job's last error, then check the model's provider, its key and the model's name.",
            ),
            Reason::SharedZeroTokens => (
                "The newest fires of several jobs all used no tokens.",
                "The newest 4 fires, of at least 2 jobs. A warning for each job that has fired since the last fire with tokens.",
                "Check the model's provider, its key and the model's name.",
            ),
            Reason::Failing => (
                "Runs in a row ended with an error that no streak of zero tokens shows: they throw before they cost anything, or fail after they did.",
                "--zero-streak errors in a row by the row's own count. A warning; at ten the circuit breaker opens.",
                "Read the job's last error and fix its cause.",
            ),
            Reason::Undelivered => (
                "The newest run was fine, but the newest message of the job reached nobody.",
                "last_delivery_status begins with error: or dropped: and the newest run ended without an error. skipped:channel_none is intended. A warning.",
                "Check the channel and target of the job's delivery, and the channel's token.",
            ),
            Reason::Unjudged => (
                "The job's history can't be judged, so nothing here says that it is healthy.",
                "It has no id, or the times or token counts of its newest cost events can't be read. A warning.",
                "Look at the rows of the job in scheduled_jobs and cost_events.",
            ),
            Reason::TokenGrowth => (
                "Each of the newest fires used ten times the tokens that the job's fires used before.",
                "Three fires in a row at ten times the median of the earlier ones, of which at least ten are known. Info: it is money, not silence.",
                "Look at what the job's session has grown to.",
            ),
            Reason::Silent => (
                "The job does not fire, or did not for a while.",
                "Counted from the first slot after its last fire, once more than --late-cadences times the cadence has passed since that fire, and judged like overdue. Pauses, the backoff after an error and the wait for the worker are not faults. Over once it fires again: then a warning for 24 hours, info until --since.",
                "Read the scheduler's log from the job's last fire on.",
            ),
            Reason::Starved => (
                "Nothing is broken, but most slots of the last day were lost to other jobs' long runs.",
                "Fewer fires than half its slots, and the worker was held each time. Info.",
                "Give the long jobs another time, or this one a slower cadence.",
            ),
            Reason::OtherZone => (
                "The job seems to run in another zone than the assumed one.",
                "Its schedule names no zone, and its next_run_at is not a slot in the assumed zone but would be one in another. Info; its gaps are not judged.",
                "Pass the zone of the scheduler's process with --timezone.",
            ),
            Reason::TooManyFires => (
                "The job fires far more often than its schedule has slots, and each run is paid for.",
                "In the last day three times as many fires as slots and at least 20 more, without retries after errors and runs by hand. A warning.",
                "Check whether two schedulers run on this database.",
            ),
            Reason::RowGone => (
                "The job fired regularly and its row is gone.",
                "Five or more cost events within --since, no row, and no deletion in the audit log. Info.",
                "If nobody meant it, make the job again. Name jobs that must be there with --expect.",
            ),
        };
        About { meaning, decided, next_step }
    }
}

/// What is behind the findings of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Nothing runs at all.
    SchedulerSilent,
    /// A run hangs, or the process died in it.
    RunHung,
    /// A run that did its work never finished.
    DeliveryHung,
    /// Every job fails.
    ProviderFailing,
    /// One job fails.
    JobFailing,
    /// A job is silent while others fire.
    JobSilent,
    /// A row can never fire again.
    RowDead,
    /// A job runs far too often.
    Runaway,
    /// A job that must be there is not.
    ExpectedMissing,
    /// A job's work is skipped.
    JobSkipped,
    /// A run takes longer than usual.
    RunLong,
    /// Messages reach nobody.
    Undelivered,
    /// A next run passes over slots.
    SlotsSkipped,
    /// A history can't be judged.
    Unjudged,
}

impl Cause {
    /// Its name in incidents.
    pub fn name(self) -> String {
        name_of(&self)
    }

    /// What there is to say of it.
    pub fn about(self) -> About {
        let (meaning, decided, next_step) = match self {
            Cause::SchedulerSilent => (
                "Nothing runs at all: the scheduler's process is dead or wedged.",
                "No run has ended since the first of these jobs was due, and the worker is free.",
                "Check that the scheduler's process runs; read its log from the last run on; restart it.",
            ),
            Cause::RunHung => (
                "A run never ended, and every other job waits behind it.",
                "A run has been in flight for longer than --max-run. The jobs that wait are part of this incident.",
                "Check that the process runs and look at that run's log; restart the scheduler if the run hangs.",
            ),
            Cause::DeliveryHung => (
                "A run did its work and never finished: it hangs in the delivery of its message, and every other job waits behind it.",
                "The cost event of the run is there, its row was not updated for 15 minutes, and nothing has run since.",
                "Restart the scheduler, then check the channel that the message goes to.",
            ),
            Cause::ProviderFailing => (
                "Every job fails: the model's provider, its key or the model's name.",
                "All fires of at least two jobs since the last fire with tokens used none.",
                "Check the model's provider, its key and the model's name. Jobs whose circuit breaker is open must be revived afterwards.",
            ),
            Cause::JobFailing => (
                "A job fails again and again, from its first bad fire to the open circuit breaker and the silence behind it.",
                "Fires without tokens, errors in a row, or an open breaker, while other jobs work.",
                "Fix the cause of the error. If the circuit breaker is open, revive the row; a restart will not.",
            ),
            Cause::JobSilent => (
                "A job does not fire while others do.",
                "Other runs have ended since the job was due, and the worker was free.",
                "Look at the job's row: status, next_run_at, updated_at. A restart of the scheduler frees a job that counts as busy.",
            ),
            Cause::RowDead => (
                "A row can never fire again, whether or not the scheduler runs.",
                "Its schedule can't be used, it has no next run, or its status is not one that the scheduler picks.",
                "Correct the row: schedule_value, status and next_run_at.",
            ),
            Cause::Runaway => (
                "A job runs far more often than it should, and every run is paid for.",
                "Its row is never updated, or it has many more fires than slots.",
                "Pause the job, then look at its schedule and at whether two schedulers use this database.",
            ),
            Cause::ExpectedMissing => (
                "A job that must be there is gone, paused, disabled or completed.",
                "No watched job matches a pattern of --expect.",
                "Find out who removed or paused the job; make it again, or stop expecting it.",
            ),
            Cause::JobSkipped => (
                "The scheduler skips a job's work at each slot.",
                "Its runs in a row have the status skipped.",
                "Read the job's last error: often no agent owns the job any more.",
            ),
            Cause::RunLong => (
                "A run takes longer than usual. It may still be fine.",
                "A run in flight has taken more than twice the longest of its job's last 30 runs, but less than --max-run.",
                "Look at what the run is doing. It ends by itself, or at --max-run.",
            ),
            Cause::Undelivered => (
                "Jobs do their work, but their messages reach nobody.",
                "The newest message was dropped or refused.",
                "Check the channel and target of the delivery, and the channel's token.",
            ),
            Cause::SlotsSkipped => (
                "A job's next run lies behind slots that its schedule has.",
                "Two or more slots come before next_run_at.",
                "If nobody meant it, set next_run_at to the next slot.",
            ),
            Cause::Unjudged => (
                "A job's history can't be judged, so nothing says that it is healthy.",
                "Its id, the times or the token counts of its cost events can't be read.",
                "Look at the rows of the job in scheduled_jobs and cost_events.",
            ),
        };
        About { meaning, decided, next_step }
    }
}
