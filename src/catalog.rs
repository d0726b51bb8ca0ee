//! Everything the audit can report: severities, detectors, problems, and their texts.
//!
//! `--explain`, its completion, docs/findings.md, the enums of the JSON Schema, and the default advice come from here. An
//! entry is data: a variant cannot exist without its texts, and `all` cannot miss one.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a finding is. The worst one decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong.
    Ok,
    /// Worth knowing. Nothing is wrong yet, or no longer.
    Info,
    /// Something is or was wrong.
    Warning,
    /// A job has stopped working.
    Critical,
}

impl Severity {
    /// The word used in every output.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }

    /// The exit code, also that of a monitoring plugin: 0 for ok and info, 1 for warning, 2 for critical.
    pub fn code(self) -> u8 {
        match self {
            Severity::Ok | Severity::Info => 0,
            Severity::Warning => 1,
            Severity::Critical => 2,
        }
    }
}

/// Whether a problem is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is.
    Ongoing,
    /// It is over.
    Resolved,
}

/// What an audit looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detector {
    /// A job that is due and does not run, or never will again.
    PastDue,
    /// Runs that did no work, or whose work was not delivered.
    ZeroTokens,
    /// Silence between two runs or since the last one.
    Gap,
}

impl Detector {
    /// Every detector, in the order of their findings.
    pub fn all() -> &'static [Detector] {
        Detector::value_variants()
    }

    /// The name used in every output.
    pub fn name(self) -> String {
        name_of(&self)
    }

    /// The detector of that name, if there is one.
    pub fn named(name: &str) -> Option<Detector> {
        named(name)
    }

    /// What it looks for.
    pub fn meaning(self) -> &'static str {
        match self {
            Detector::PastDue => "A job that is due and does not run, or never will again.",
            Detector::ZeroTokens => "Runs that did no work, or whose work was not delivered.",
            Detector::Gap => {
                "Silence between two runs of a job or since its last one, or runs that its schedule does not explain."
            }
        }
    }
}

fn name_of(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn named<T: ValueEnum>(name: &str) -> Option<T> {
    T::value_variants().iter().find(|one| name_of(*one) == name).cloned()
}

/// Declares an enum whose variants are entries of the catalog.
macro_rules! catalog {
    ($(#[$about:meta])* $name:ident -> $entry:ty {
        $($variant:ident: $meaning:literal, $value:expr;)*
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $(#[doc = $meaning] $variant,)*
        }

        impl $name {
            /// Every variant, in the order of the catalog.
            pub fn all() -> &'static [$name] {
                $name::value_variants()
            }

            /// The name used in every output.
            pub fn name(self) -> String {
                name_of(&self)
            }

            /// The variant of that name, if there is one.
            pub fn named(name: &str) -> Option<$name> {
                named(name)
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self {
                    $($name::$variant => $meaning,)*
                }
            }

            fn entry(self) -> $entry {
                match self {
                    $($name::$variant => $value,)*
                }
            }
        }
    };
}

/// How a problem is decided, and what to do.
struct Entry {
    detector: Detector,
    rule: &'static str,
    advice: &'static str,
}

catalog! {
    /// What can be wrong. A finding has the problem that was observed, an incident the one that explains its findings.
    Problem -> Entry {
        SchedulerSilent: "Nothing runs at all: the scheduler's process is dead or wedged.", Entry {
            detector: Detector::Gap,
            rule: "No run has ended since the first of these jobs was due, and the scheduler is free. 3 restarts without a run between them are a crash loop.",
            advice: "Check that the scheduler's process runs; read its log from the last run on; restart it.",
        };
        SchedulerDown: "The scheduler's process is gone. Nothing is lost yet.", Entry {
            detector: Detector::PastDue,
            rule: "No process on this machine that could be the scheduler has the database open, it was not written for 15 minutes, and a watched job has a next run. Linux and WAL mode only, and not with --now. Always a warning, because a virtual machine or a sandbox with its own kernel hides its process: then pass --process ignore.",
            advice: "Start the scheduler; read its log from the last write on.",
        };
        PassesFail: "The scheduler lives, and every pass over its jobs fails, so that none of them runs.", Entry {
            detector: Detector::PastDue,
            rule: "Hermes Agent: its heartbeat is younger than 200 seconds, and no pass has worked for longer; or its jobs.json can't be read. A warning, critical once it has lasted longer than late_after.",
            advice: "Read the scheduler's log, and mend what its passes stumble over.",
        };
        RunHung: "A run never finished: it hangs, or the process died in it. The jobs that wait behind it are part of it.", Entry {
            detector: Detector::PastDue,
            rule: "A run has been in flight for longer than max_run. Critical for its job, and for the jobs that wait behind it once they are later than late_after. 3 runs or more that hang at the same time are one incident; where a mapping reads the store, so are 2 that began within 30 minutes, or while the first was no longer than usual.",
            advice: "Check that the process runs and look at that run's log; restart the scheduler if the run hangs.",
        };
        RunCut: "A run was cut short: the process that it ran in is gone, or was restarted since.", Entry {
            detector: Detector::PastDue,
            rule: "The run began before the process started that has the database open: info until the job is late by the free time since that start, like an overdue one. Or no process that could be the scheduler has it open, and it was not written for 5 minutes, or its lease ran out: a warning; critical once that is 15 minutes ago and its job, or one that waits behind it, has lost a slot.",
            advice: "Start the scheduler if it does not run. Decide whether the work of that run is still needed.",
        };
        DeliveryHung: "A run did its work and never finished: it hangs while delivering its message, and every other job waits behind it.", Entry {
            detector: Detector::PastDue,
            rule: "The run's cost event is there, its row was not updated for 15 minutes, and nothing has run since. A warning, critical once the job's next slot is lost.",
            advice: "Restart the scheduler, then check the channel that the message goes to.",
        };
        ProviderFailing: "Every job fails: the model's provider, its key, or the model's name is wrong.", Entry {
            detector: Detector::ZeroTokens,
            rule: "At least 4 runs, of at least 2 jobs that need a model, failed or used no tokens, and no model worked in between. It ends with the first good run of a job that failed in it, and a job that has not run since only waits for its next run. Or at least 3 jobs that need a model, and twice as many as work, fail with the same error. A warning for each of the jobs; once it is over, for 24 hours, then info until --since if it lasted an hour or 3 runs of one job failed in it.",
            advice: "Check what these jobs share: the model's provider, its key, and the model's name. They try again by themselves.",
        };
        JobFailing: "A job, or several with the same error, keeps failing: from the first failed run to the silence after the scheduler has stopped it.", Entry {
            detector: Detector::ZeroTokens,
            rule: "zero_streak errors in a row by the row's own count, which no runs without tokens show: a warning; critical from 10 on, where the scheduler does not stop the job. Jobs whose errors differ only in numbers, ids, and times are one incident.",
            advice: "Read the job's last error and fix its cause. If it was stopped, revive it; a restart alone does not.",
        };
        JobSilent: "A job does not run while others do, or did not run for a while.", Entry {
            detector: Detector::Gap,
            rule: "Measured from the first slot after its last run and judged like overdue. Where the row keeps its due time until the job has run, as in phantom, only a next run in the past makes a job late; elsewhere, while that slot is still the row's next run, once late_cadences times the cadence has passed. Pauses, the backoff after an error, and waiting for the scheduler are not faults. A warning at most after a restart, until it misses a slot. Runs by hand end no silence in which other jobs ran, unless the scheduler was restarted since. Such a silence is a warning, until another slot is lost. Jobs that have not run since the same restart are one incident. Resolved once it runs again, or when a restart of phantom schedules it anew: then a warning for 24 hours and info until --since. A silence that is over needs a witness that the schedule was in force before it, because an edit leaves no trace: the job's run before it came within 30 minutes, or a quarter of the interval, of its slot; or the silence of another job, with such a witness, covers its beginning and ended at most 4 hours before it. And the scheduler was free for longer than lost_after in it or, where starts are not on record, it was longer than max_run; in a mapped store it is enough that the silence was critical while it lasted and no run at all was under way.",
            advice: "Look at the job's row: status, next_run_at, updated_at. A restart of the scheduler frees a job that counts as busy.",
        };
        RowDead: "A row can never run again, whether or not the scheduler is up.", Entry {
            detector: Detector::PastDue,
            rule: "Its schedule can't be used, it has no next run, or its status is not one that the scheduler picks.",
            advice: "Correct the row: schedule_value, status, and next_run_at.",
        };
        Runaway: "A job runs far more often than it should, and every run is paid for.", Entry {
            detector: Detector::Gap,
            rule: "Three or more runs after the row's last update, or three good runs of a one-shot: critical. In the last day, or since the row was edited, 3 times as many runs as slots and at least 20 more, not counting retries after errors and manual runs, as long as the newest follow each other at less than half the interval: a warning, as are the others. Two good runs in at least 3 slots, and in half the slots, of the last day or 7 intervals, the last pair among the last 4 runs. Or an older row of the same agent with the same name and schedule runs too.",
            advice: "Pause the job, then look at its schedule and at whether two schedulers use this database.",
        };
        ExpectedMissing: "A job that must exist is gone, paused, disabled, or completed.", Entry {
            detector: Detector::PastDue,
            rule: "No watched job matches a pattern of --expect, by its id or name. Critical.",
            advice: "Find out who removed or paused the job; add it again, or stop expecting it.",
        };
        JobSkipped: "The job's slots come and go, but the scheduler skips the work each time.", Entry {
            detector: Detector::ZeroTokens,
            rule: "OpenClaw: runs in a row with the status skipped, of a job that is not a heartbeat. A warning from zero_streak on, critical from zero_streak_critical on. Of a heartbeat info, after 2 days of skips that neither quiet hours nor other work explain.",
            advice: "Read the job's last error: often no agent owns the job any more.",
        };
        RunLong: "A run is taking longer than usual. It may still be fine.", Entry {
            detector: Detector::PastDue,
            rule: "Longer than 10 minutes and twice the longest of its job's last 30 runs, but less than max_run. While fewer than 5 runs are known: longer than 30 minutes and twice the last one. A warning, for this job only; critical beyond 10 times that limit, if at least 5 runs are known and at least 2 jobs have waited for it for 2 hours, where one run goes on at a time. If it failed in the end, it is a warning for a day after that, too.",
            advice: "Look at what the run is doing, and whether its process lives: it ends by itself only if it does not hang.",
        };
        Undelivered: "Jobs do their work, but their messages are not delivered.", Entry {
            detector: Detector::ZeroTokens,
            rule: "The scheduler recorded that the last message was dropped or refused, and the last run ended without an error. Intended silence does not count. A warning; of a completed one-shot for 24 hours, then info until --since. One incident for each kind of error.",
            advice: "Check the channel and target of the delivery, and the channel's token.",
        };
        ClockSetBack: "The clock was ahead and was set back: jobs wait for a next run in the future.", Entry {
            detector: Detector::Gap,
            rule: "Rows later than the audit precede rows from before it, the job's row is one of the former, and a slot comes before its next run. A warning; critical once a slot is lost like an overdue one.",
            advice: "Set next_run_at of these jobs to their next slots; a restart alone does not help.",
        };
        StoreUnserved: "Jobs belong to a store that no scheduler serves.", Entry {
            detector: Detector::Gap,
            rule: "OpenClaw: of the jobs with this store key that came due since the last boot, fewer than half have run; of those with another key, at least half have.",
            advice: "Check which state directory the scheduler uses.",
        };
        JobsGone: "Jobs that ran regularly have no row any more.", Entry {
            detector: Detector::Gap,
            rule: "5 or more runs within --since, no row, and no deletion in the audit log: info. At least 3 regular jobs, with 3 good runs each, whose rows can have gone at the same time, and which no row replaces: a warning, critical if no watched job is left. A row replaces one job: it has its name, or was made between 20 minutes before its last run ended and 15 minutes after its next one was due.",
            advice: "Unless this is intended, compare the table with a backup, and add the jobs again. Name jobs that must exist with --expect.",
        };
        NothingWatched: "There is nothing to watch, although the database shows activity.", Entry {
            detector: Detector::PastDue,
            rule: "No row is one that the scheduler runs, there are runs, a lease, boots, or other activity, and no incident says why; without any row there are runs. A warning.",
            advice: "Check whether the jobs were lost or all switched off, and whether this is the database in use.",
        };
        OneShotLost: "The only work of a one-shot is lost: it gave up, was missed, or its message reached nobody.", Entry {
            detector: Detector::PastDue,
            rule: "phantom: its status is failed. OpenClaw: it is switched off and its last run failed or was skipped. Both: its time has passed, it has not run since, and it has no next run; or it is completed and its message was dropped or refused. A warning for 24 hours, info until --since.",
            advice: "Decide whether the work is still needed, and do it by hand or add the job again.",
        };
        SlotsSkipped: "A job's next run is later than its next slots.", Entry {
            detector: Detector::PastDue,
            rule: "2 or more slots lie between the audit and next_run_at, which is over a day later than the first of them, and no backoff explains it. Or next_run_at is a slot, and not the first: of a job that runs once in 6 days or more rarely, or of 3 jobs that run once in 20 hours or more rarely and are left out within a day. Where the row keeps its due time, as in phantom, a slot that was left out while other jobs ran counts as well. A warning.",
            advice: "Unless this is intended, set next_run_at to the next slot.",
        };
        RunsWhileOff: "A job was paused or switched off, and runs all the same.", Entry {
            detector: Detector::PastDue,
            rule: "At least 2 runs began after the job was paused or its row was last written, and the row is off; or the audit log has a pause within a run, and no resume since: the run wrote its row back as it was. Runs by hand do not count. A warning.",
            advice: "Switch the job off again while it does not run, and see whether its row stays off.",
        };
        Unrecorded: "A job's row says that it runs, and no record of its runs is kept any more.", Entry {
            detector: Detector::Gap,
            rule: "Its row's last run, which did not fail, is at least 2 slots later than its last run on record, and is not on record itself. The rows are right: the job was not silent meanwhile. Info.",
            advice: "See where this version of the scheduler writes its runs, and whether an upgrade left the old place behind: what the runs do is not judged.",
        };
        CrashLoop: "The scheduler's process crashes again and again; its jobs run in between.", Entry {
            detector: Detector::Gap,
            rule: "OpenClaw: 10 boots or more in 12 hours that ended without a stop on record, the last at most 2 hours ago. A warning. A process that runs no job between its boots is scheduler-silent.",
            advice: "Read the scheduler's log before each of its starts; see whether the system ends it for want of memory.",
        };
        Unjudged: "A job's history can't be judged, so nothing shows that it is healthy.", Entry {
            detector: Detector::ZeroTokens,
            rule: "It has no id, or the times, token counts, or outcomes of its last runs can't be read; or its next run contradicts the time zone that is assumed; or a budget is set in what no run has on record, or the files of its output can't be read. A warning.",
            advice: "Look at the job's rows in scheduled_jobs and cost_events.",
        };
        Overdue: "The job is due and did not run although the scheduler was free.", Entry {
            detector: Detector::PastDue,
            rule: "Measured from next_run_at: the time during which no run can have kept the scheduler busy. A warning beyond late_after; critical beyond lost_after, or once more than late_cadences times the cadence has passed as well. At most a warning within lost_after of an edit of the row, because the scheduler's timer sleeps for up to an hour.",
            advice: "Check that the scheduler's process runs, then read its log from the job's last run on.",
        };
        Waiting: "The job is due, but another run keeps the scheduler busy.", Entry {
            detector: Detector::PastDue,
            rule: "Jobs run one after another. Info while the run in the way is within max_run.",
            advice: "Nothing. The job runs when the scheduler is free.",
        };
        Repaired: "The job's row was revived, resumed, or edited, and the job has not run since.", Entry {
            detector: Detector::PastDue,
            rule: "The row was written after the job's last run, or its count of errors was reset, and something was wrong before. Info until the scheduler's timer has looked, after an hour at most, and the job is due; then a warning, and critical beyond late_after of free time. It stays part of the incident that it repairs.",
            advice: "Restart the scheduler: it looks at every row at once.",
        };
        NoNextRun: "The row is active, but next_run_at is empty or not a time: the scheduler never picks it again, not even after a restart.", Entry {
            detector: Detector::PastDue,
            rule: "Decided by the row alone. Critical.",
            advice: "Correct the schedule, then set next_run_at.",
        };
        BreakerOpen: "The scheduler has stopped the job after too many errors in a row: neither time nor a restart revives it.", Entry {
            detector: Detector::PastDue,
            rule: "The scheduler stopped a recurring job: in phantom its status is failed, in OpenClaw it is auto-disabled. Critical.",
            advice: "Fix the cause of the error, then revive the row; a restart will not.",
        };
        UnreadableSchedule: "The scheduler can't use the schedule: its kind, JSON, expression, interval, or zone.", Entry {
            detector: Detector::PastDue,
            rule: "Decided by schedule_kind and schedule_value: five-field expressions as croner 10 reads them, IANA zones, intervals in milliseconds. Critical.",
            advice: "Correct schedule_value, then set next_run_at.",
        };
        UnknownState: "The scheduler never picks the row: it does not know the row's status or enabled value.", Entry {
            detector: Detector::PastDue,
            rule: "Decided by the row alone. A warning, because it may be intended.",
            advice: "Set status to 'active' and enabled to 1, or delete the row.",
        };
        Quarantined: "The scheduler could not read the row, deleted it from its table, and keeps it elsewhere: the job never runs again, and no one is notified.", Entry {
            detector: Detector::PastDue,
            rule: "OpenClaw: an entry in diagnostic_events whose job has no row. Critical.",
            advice: "Add the job again with a valid schedule.",
        };
        ZeroTokenStreak: "Runs in a row used no tokens at all, or wrote none: no model did any work in them.", Entry {
            detector: Detector::ZeroTokens,
            rule: "0 input and 0 output tokens in the job's last cost events, or 0 output tokens whatever was read, where other runs on the same model wrote some. A warning from zero_streak on, critical from zero_streak_critical on. Resolved once a run uses tokens: then a warning for 24 hours and info until --since.",
            advice: "Read the job's last error, then check the model's provider, its key, and the model's name.",
        };
        RunShort: "Runs in a row ended too soon: they did nothing.", Entry {
            detector: Detector::ZeroTokens,
            rule: "Runs that ended without an error and sooner than the config file's min_run, judged like runs without tokens, which count with them. Where starts are not on record, a run began at its slot, or at the end of the run before it, at the earliest. 2 in a row of a job that is not tried again for 6 hours are a warning.",
            advice: "Read what the last runs answered; run the job by hand and see how long it takes.",
        };
        SharedError: "The last runs of several jobs ended with the same error.", Entry {
            detector: Detector::ZeroTokens,
            rule: "At least 4 runs of at least 2 jobs, each job's last runs in a row, with the same error apart from numbers, ids, and times. A warning for each of the jobs, also if it failed once.",
            advice: "Read the error and fix its cause: the jobs share it.",
        };
        FailedRun: "The last run failed, and the job is not tried again for hours: the work of that slot is lost.", Entry {
            detector: Detector::ZeroTokens,
            rule: "The last run ended with an error or was skipped, or the last 2 used no tokens, and the next run is more than 6 hours after it. A warning.",
            advice: "Read the job's last error, fix its cause, and run the job by hand if its work can't wait.",
        };
        Flapping: "Many runs fail, and later ones work again.", Entry {
            detector: Detector::ZeroTokens,
            rule: "A run failed in one of 4 slots, of at least 12, and at least 4 times one that worked followed one that had failed, in the last 2 days. A warning until the slots that work outweigh those that failed: one that failed counts as 5 that work, and 36 in a row end it. What failed in an outage does not count. If it holds for all jobs that need a model together, and for at least 2 of them a run worked after one that failed, they are one incident, and failures in a row that the rate explains are neither an outage nor a trouble of their job.",
            advice: "Read the job's last error: what it needs works only now and then.",
        };
        MessagesLost: "Messages of the last day were lost, though the newest may have arrived.", Entry {
            detector: Detector::ZeroTokens,
            rule: "OpenClaw: at least 3 messages in the last day were dropped, refused, or given up, or of all of a day's, at least 3, or of the last 2 or more over a day it is not known that they arrived. A warning.",
            advice: "Check the channel and target of the job's delivery, and the channel's token.",
        };
        TokenGrowth: "Each of the last runs used far more tokens than the job used before.", Entry {
            detector: Detector::ZeroTokens,
            rule: "3 runs in a row at 10 times the median of the earlier ones, of which at least 10 are known; or at 4 times the oldest 10 of at least 40, if the tokens rose evenly for 3 days or more. Info: it costs money, but the job is not silent.",
            advice: "Look at what the job's session has grown to.",
        };
        WorkShrank: "Each of the last runs wrote, or took, a tenth of what was usual: the job may do nothing.", Entry {
            detector: Detector::ZeroTokens,
            rule: "3 good runs in a row whose output tokens are a tenth of the median of the earlier ones, of which at least 10 are known, or whose time is, where at least 10 seconds were usual. Info, and a warning after a day, unless 3 runs in a row did as little before, or only the time shrank and what it writes is known. Jobs that shrank at the same time are one incident.",
            advice: "Read what the job answers: its prompt may be lost, or a tool or a mount gone.",
        };
        ModelChanged: "The job runs on another model than before.", Entry {
            detector: Detector::ZeroTokens,
            rule: "Its last 3 runs or more used one model, and at least 10 before them, and half of all before them, another. Info, with the cost of a run before and after.",
            advice: "Unless this is intended, correct the model's name in the job or the agent.",
        };
        CostGrowth: "Each of the last runs cost ten times what the job's runs cost before.", Entry {
            detector: Detector::ZeroTokens,
            rule: "3 runs in a row at 10 times the median cost of the earlier ones, of which at least 10 are known, on the same model and with usual tokens. Info.",
            advice: "Look at the model and at what it is billed for.",
        };
        OverBudget: "The day's budget is spent, and the day goes on.", Entry {
            detector: Detector::ZeroTokens,
            rule: "The runs that ended since midnight, in the zone of the database, cost or used at least the budget of the config file, of a job or of all jobs of the database together: a warning; critical from 2 times the budget on. What the day will come to is counted at the rate since midnight. It ends with the day.",
            advice: "Look at what the runs of today did, and at how often they run. Pause what need not run today, or raise the budget.",
        };
        NoOutput: "The job's runs are fine, but the files are not there that it should write.", Entry {
            detector: Detector::ZeroTokens,
            rule: "No file of the config file's output was written since the job's last run began that is longer ago than max_run, and that run did its work. A folder that does not exist is empty; one that can't be read, or of which not all files were seen, makes it unjudged. A warning.",
            advice: "Run the job by hand and look at what it writes, and where; correct output if the files have moved.",
        };
        CatchingUp: "The whole scheduler was silent and works again; the job waits for its turn.", Entry {
            detector: Detector::Gap,
            rule: "A restart scheduled the job anew. Or its process has just started and has run nothing yet. Or the whole scheduler was silent for longer than lost_after, in a mapped store late_after, while the job was due, then a run began, no job with a later slot came first, and the scheduler was hardly free since. Or, where jobs run one after another, a run is in flight that began once the job was due and the scheduler had been free for longer than late_after. A warning, because slots were lost; info 24 hours after the silence ended. Once the scheduler is free for longer than late_after, the job is overdue like any other.",
            advice: "Nothing now: the jobs run one after another. Read the scheduler's log of that time.",
        };
        Starved: "Nothing is broken, but long runs, of other jobs or its own, took most of the job's slots in the last day.", Entry {
            detector: Detector::Gap,
            rule: "Fewer runs than half its slots, of at least 10, and each time the scheduler was busy or the job's own run was under way. Info.",
            advice: "Move the long jobs to another time, or run this one less often.",
        };
        OtherZone: "The job seems to run in another time zone than the assumed one.", Entry {
            detector: Detector::Gap,
            rule: "Its schedule names no zone, and its next_run_at is not a slot in the assumed zone but would be one in another. Its gaps are not judged. A warning if at least as many jobs speak for that zone as for the assumed one: their next runs are slots there, and they have run on time there. Else info. A job that kept to one zone before and keeps to another now says since when.",
            advice: "Leave out --timezone, so that the zone is found; or pass the zone of the scheduler's process.",
        };
    }
}

impl Problem {
    /// The detector whose findings have it, or whose findings it explains.
    pub fn detector(self) -> Detector {
        self.entry().detector
    }

    /// How it is decided, and how severe it is.
    pub fn rule(self) -> &'static str {
        self.entry().rule
    }

    /// What a person should do, where the scheduler's own advice does not apply.
    pub fn advice(self) -> &'static str {
        self.entry().advice
    }
}

/// Names of version 2 of the JSON and the problems that they are now.
const RENAMED: [(&str, Problem); 13] = [
    ("hung-run", Problem::RunHung),
    ("hung-delivery", Problem::DeliveryHung),
    ("cut-run", Problem::RunCut),
    ("long-run", Problem::RunLong),
    ("row-gone", Problem::JobsGone),
    ("skipped-slots", Problem::SlotsSkipped),
    ("crashing", Problem::CrashLoop),
    ("one-shot-failed", Problem::OneShotLost),
    ("too-many-fires", Problem::Runaway),
    ("skipped", Problem::JobSkipped),
    ("failing", Problem::JobFailing),
    ("shared-zero-tokens", Problem::ProviderFailing),
    ("silent", Problem::JobSilent),
];

/// The problem that had this name before.
pub fn renamed(name: &str) -> Option<Problem> {
    RENAMED.iter().find(|(old, _)| *old == name).map(|(_, problem)| *problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number in words of a rule, and as a constant of a judge.
    type Number = (&'static str, &'static str);

    /// Rules with numbers, and the source of the judge whose constants they repeat.
    const NUMBERS: &[(Problem, &str, &[Number])] = &[
        (
            Problem::SchedulerSilent,
            include_str!("audit/worker/boots.rs"),
            &[("3 restarts without a run", "MIN_CRASHES: usize = 3")],
        ),
        (
            Problem::SchedulerDown,
            include_str!("audit/worker/life.rs"),
            &[("not written for 15 minutes", "DOWN_AFTER: Millis = 15 * MINUTE")],
        ),
        (
            Problem::RunHung,
            include_str!("audit/worker/in_flight.rs"),
            &[("3 runs or more that hang", "MANY_HUNG: usize = 3")],
        ),
        (
            Problem::RunCut,
            include_str!("audit/worker/life.rs"),
            &[("not written for 5 minutes", "RESTART_TAKES: Millis = 5 * MINUTE")],
        ),
        (
            Problem::DeliveryHung,
            include_str!("audit/worker/in_flight.rs"),
            &[("not updated for 15 minutes", "MAX_DELIVERY: Millis = 15 * MINUTE")],
        ),
        (
            Problem::ProviderFailing,
            include_str!("audit/outage.rs"),
            &[
                ("At least 4 runs", "MIN_RUNS: usize = 4"),
                ("at least 2 jobs", "MIN_JOBS: usize = 2"),
                ("3 runs of one job", "MIN_OF_A_JOB: usize = 3"),
                ("lasted an hour", "LONG: Millis = HOUR"),
            ],
        ),
        (
            Problem::ProviderFailing,
            include_str!("audit/shared_failure.rs"),
            &[("at least 3 jobs that need a model", "MIN_MOST: usize = 3")],
        ),
        (
            Problem::JobFailing,
            include_str!("stores/phantom/traits.rs"),
            &[("critical from 10 on", "breaker_limit: 10")],
        ),
        (
            Problem::JobSilent,
            include_str!("audit/runs.rs"),
            &[
                ("within 30 minutes", "ON_TIME: Millis = 30 * MINUTE"),
                ("a quarter of the interval", "ON_TIME_SHARE: Millis = 4"),
            ],
        ),
        (
            Problem::JobSilent,
            include_str!("audit/witness.rs"),
            &[("at most 4 hours before", "ENDED_BEFORE: Millis = 4 * HOUR")],
        ),
        (
            Problem::Runaway,
            include_str!("audit/judges/surplus.rs"),
            &[
                ("Three or more runs after the row's last update", "RUNS_WITHOUT_UPDATE: usize = 3"),
                ("three good runs of a one-shot", "RUNS_OF_ONE_SHOT: usize = 3"),
                ("3 times as many runs as slots", "TOO_MANY_TIMES: u64 = 3"),
                ("at least 20 more", "TOO_MANY_MORE: usize = 20"),
                ("at least 3 slots", "MIN_PAIRS: usize = 3"),
                ("7 intervals", "SLOTS_FOR_PAIRS: Millis = 7"),
                ("the last 4 runs", "LAST_INTERVALS: usize = 4"),
            ],
        ),
        (
            Problem::JobSkipped,
            include_str!("audit/judges/failing.rs"),
            &[("after 2 days of skips", "DAYS_OF_SKIPS: Millis = 2 * DAY")],
        ),
        (
            Problem::RunLong,
            include_str!("audit/worker/usual.rs"),
            &[
                ("Longer than 10 minutes", "USUAL_FLOOR: Millis = 10 * MINUTE"),
                ("twice the longest", "USUAL_FACTOR: Millis = 2"),
                ("last 30 runs", "USUAL_RUNS: usize = 30"),
                ("fewer than 5 runs", "MIN_RUNS: usize = 5"),
                ("longer than 30 minutes", "UNKNOWN_FLOOR: Millis = 30 * MINUTE"),
            ],
        ),
        (
            Problem::JobsGone,
            include_str!("audit/gone.rs"),
            &[
                ("At least 3 regular jobs", "MIN_JOBS: usize = 3"),
                ("3 good runs each", "MIN_RUNS: usize = 3"),
                ("20 minutes before", "MADE_BEFORE: Millis = 20 * MINUTE"),
                ("15 minutes after", "MADE_AFTER: Millis = 15 * MINUTE"),
            ],
        ),
        (Problem::JobsGone, include_str!("audit/judges/gone.rs"), &[("5 or more runs", "MIN_OF_REGULAR: usize = 5")]),
        (Problem::RunsWhileOff, include_str!("audit/judges/off.rs"), &[("At least 2 runs", "MIN_OF_OFF: usize = 2")]),
        (Problem::SlotsSkipped, include_str!("audit/judges/row.rs"), &[("2 or more slots", "MIN_SKIPPED: u64 = 2")]),
        (
            Problem::SlotsSkipped,
            include_str!("audit/left_out.rs"),
            &[
                ("once in 6 days or", "WEEKLY: Millis = 6 * DAY"),
                ("of 3 jobs", "MANY: usize = 3"),
                ("once in 20 hours or", "DAILY: Millis = 20 * HOUR"),
            ],
        ),
        (
            Problem::CrashLoop,
            include_str!("audit/worker/boots.rs"),
            &[
                ("10 boots or more", "MANY_CRASHES: usize = 10"),
                ("in 12 hours", "CRASHES_WITHIN: Millis = 12 * HOUR"),
                ("at most 2 hours ago", "CRASHES_GO_ON: Millis = 2 * HOUR"),
            ],
        ),
        (
            Problem::SharedError,
            include_str!("audit/shared_failure.rs"),
            &[("At least 4 runs", "SHARED_FIRES: usize = 4"), ("at least 2 jobs", "SHARED_JOBS: usize = 2")],
        ),
        (
            Problem::FailedRun,
            include_str!("audit/judges/failing.rs"),
            &[("more than 6 hours", "SOON: Millis = 6 * HOUR"), ("the last 2 used", "MIN_EMPTY: usize = 2")],
        ),
        (
            Problem::Flapping,
            include_str!("audit/rate.rs"),
            &[
                ("one of 4 slots", "ONE_IN: usize = 4"),
                ("at least 12,", "MIN_SLOTS: usize = 12"),
                ("at least 4 times", "MIN_TURNS: usize = 4"),
                ("counts as 5 that work", "WEIGHT: usize = 5"),
                ("36 in a row", "ENOUGH_GOOD: usize = 36"),
            ],
        ),
        (
            Problem::Flapping,
            include_str!("audit/flapping.rs"),
            &[("at least 2 of them", "MIN_JOBS: usize = 2"), ("the last 2 days", "WITHIN: Millis = 2 * DAY")],
        ),
        (
            Problem::MessagesLost,
            include_str!("audit/judges/delivery.rs"),
            &[("at least 3 messages", "MIN_LOST: usize = 3"), ("the last 2 or more", "MIN_UNKNOWN: usize = 2")],
        ),
        (
            Problem::TokenGrowth,
            include_str!("audit/judges/work.rs"),
            &[
                ("3 runs in a row", "LAST_FIRES: usize = 3"),
                ("at 10 times the median", "FACTOR: f64 = 10.0"),
                ("at least 10 are known", "MIN_BEFORE: usize = 10"),
                ("at 4 times the oldest 10", "EVEN_FACTOR: f64 = 4.0"),
                ("for 3 days or more", "LONGER_THAN_A_SESSION: Millis = 3 * DAY"),
            ],
        ),
        (
            Problem::WorkShrank,
            include_str!("audit/judges/work.rs"),
            &[
                ("3 good runs in a row", "LAST_FIRES: usize = 3"),
                ("a tenth of the median", "FACTOR: f64 = 10.0"),
                ("at least 10 are known", "MIN_BEFORE: usize = 10"),
                ("at least 10 seconds", "MIN_USUAL_RUN: Millis = 10 * SECOND"),
                ("a warning after a day", "LONG_SHRUNK: Millis = DAY"),
            ],
        ),
        (
            Problem::ModelChanged,
            include_str!("audit/judges/work.rs"),
            &[("Its last 3 runs", "LAST_FIRES: usize = 3"), ("at least 10 before", "MIN_BEFORE: usize = 10")],
        ),
        (
            Problem::CostGrowth,
            include_str!("audit/judges/work.rs"),
            &[
                ("3 runs in a row", "LAST_FIRES: usize = 3"),
                ("at 10 times the median", "FACTOR: f64 = 10.0"),
                ("at least 10 are known", "MIN_BEFORE: usize = 10"),
            ],
        ),
        (
            Problem::OverBudget,
            include_str!("audit/budget.rs"),
            &[("from 2 times the budget on", "CRITICAL_FACTOR: f64 = 2.0")],
        ),
        (Problem::Starved, include_str!("audit/judges/surplus.rs"), &[("of at least 10,", "MIN_SLOTS: u64 = 10")]),
    ];

    #[test]
    fn numbers_of_the_rules_are_those_of_the_judges() {
        for (problem, judge, numbers) in NUMBERS {
            for (words, constant) in *numbers {
                let name = problem.name();
                assert!(problem.rule().contains(words), "the rule of {name} does not say {words:?}");
                let ends = [";", ","].map(|end| format!("{constant}{end}"));
                assert!(ends.iter().any(|text| judge.contains(text)), "{name} says {words:?}, not {constant}");
            }
        }
    }

    #[test]
    fn users_read_of_runs_and_not_of_fires() {
        let problems = Problem::all().iter().flat_map(|problem| [problem.meaning(), problem.rule(), problem.advice()]);
        let detectors = Detector::all().iter().map(|detector| detector.meaning());
        for text in problems.chain(detectors) {
            assert!(!text.to_lowercase().contains("fire"), "{text}");
        }
    }
}
