//! What to do, in OpenClaw's terms: commands of its own, in the form that every version of it takes.

use crate::catalog::{Cause, Reason};
use crate::model::{Advice, AdviceTable, Command, Condition, ErrorKind, Step};

/// What a person should do about its incidents.
pub const ADVICE: AdviceTable =
    AdviceTable { rows: ROWS, error_place: "openclaw cron runs shows it", commands: Vec::new() };

const ENABLE: Command = Command::ShellForStopped("openclaw cron enable <job-id>");
const DISABLE: Command = Command::Shell("openclaw cron disable <job-id>");
const RUNS: Command = Command::Shell("openclaw cron runs --id <job-id>");
const SHOW: Command = Command::Shell("openclaw cron show <job-id>");
const RUN: Command = Command::Shell("openclaw cron run <job-id>");
const EDIT: Command = Command::Shell("openclaw cron edit <job-id>");
const LIST: Command = Command::Shell("openclaw cron list");
const RESTART: Command = Command::Shell("openclaw gateway restart");
const STATUS: Command = Command::Shell("openclaw gateway status");

const SCHEDULE_ANEW: &str = "Unless this is intended, edit the schedule, which computes the next run anew.";
const AFTER_A_CUT: &str = "Decide whether the work of that run is still needed.";
const START: &str = "Start the gateway, then read its log from the last run on.";

const CHECK_AND_SWITCH_ON: &str = "Check the model's provider, its key, and the model's name; \
    then switch the jobs on again that were switched off.";
const FIND_THE_STATE: &str = "If the state directory was moved, move it back or add the jobs again with openclaw cron add; \
    else check OPENCLAW_STATE_DIR and OPENCLAW_HOME of the gateway. A restart alone does not help.";

const ROWS: &[Advice] = &[
    Advice::new(Cause::RowDead, "Add the job again with a valid schedule, with openclaw cron add.")
        .when(&[Condition::Reason(Reason::Quarantined)]),
    Advice::new(Cause::RowDead, "Correct the schedule.").when(&[Condition::Reason(Reason::NoNextRun)]).run(&[EDIT]),
    Advice::new(Cause::RowDead, "Correct the schedule, then switch the job on again.")
        .when(&[Condition::Reason(Reason::UnreadableSchedule)])
        .run(&[EDIT, ENABLE]),
    Advice::with_step(Cause::RowDead, Step::OfReason),
    Advice::new(Cause::JobFailing, "Fix the cause of the error, then switch the job on again.")
        .when(&[Condition::Reason(Reason::BreakerOpen)])
        .reads_error()
        .run(&[ENABLE]),
    Advice::new(Cause::SchedulerDown, AFTER_A_CUT).when(&[Condition::Alive]).run(&[RUNS]),
    Advice::new(Cause::SchedulerDown, START).run(&[Command::Shell("openclaw gateway start")]),
    Advice::new(Cause::RunCut, AFTER_A_CUT).when(&[Condition::Alive]).run(&[RUNS]),
    Advice::new(Cause::RunCut, START).run(&[Command::Shell("openclaw gateway start")]),
    Advice::new(
        Cause::SchedulerSilent,
        "Is the gateway up, and is cron switched on? Then read its log and restart it.",
    )
    .run(&[STATUS, Command::Shell("openclaw cron status"), RESTART]),
    Advice::new(Cause::RunHung, "Look at the run. If it hangs, restart the gateway.").run(&[RUNS, RESTART]),
    Advice::new(Cause::RunLong, "Look at the run. It ends by itself, or at its time-out.").run(&[RUNS]),
    Advice::new(Cause::ProviderFailing, CHECK_AND_SWITCH_ON).when(&[Condition::Stopped]).run(&[ENABLE]),
    Advice::new(Cause::ProviderFailing, "Check the model's provider, its key, and the model's name."),
    Advice::new(
        Cause::JobFailing,
        "The gateway ended in the run: read its log of that time, and run the job if its work can't wait.",
    )
    .when(&[Condition::ErrorIs(ErrorKind::Interrupted)])
    .run(&[RUN]),
    Advice::new(Cause::JobFailing, "Read the error and the runs, then fix what the job runs.")
        .when(&[Condition::WithoutModel])
        .reads_error()
        .run(&[RUNS]),
    Advice::new(Cause::JobFailing, "Look at the runs; then check the model's provider, its key, and the model's name.")
        .when(&[Condition::NoError])
        .run(&[RUNS]),
    Advice::new(
        Cause::JobFailing,
        "Read the error and the runs; then check the model's provider, its key, and the model's name.",
    )
    .reads_error()
    .run(&[RUNS]),
    Advice::new(Cause::JobSilent, "Look at the job and its runs; then restart the gateway.")
        .run(&[SHOW, RUNS, RESTART]),
    Advice::new(Cause::JobSkipped, "Start the local provider that the error names, or give the job another model.")
        .when(&[Condition::ErrorIs(ErrorKind::ProviderUnreachable)])
        .reads_error()
        .run(&[Command::Shell("openclaw cron edit <job-id> --model MODEL")]),
    Advice::new(Cause::JobSkipped, "Switch on what the error names, or switch the job off.")
        .when(&[Condition::ErrorIs(ErrorKind::SwitchedOff)])
        .reads_error()
        .run(&[DISABLE]),
    Advice::new(Cause::JobSkipped, "Read the error. If no agent owns the job, give it one.")
        .reads_error()
        .run(&[Command::Shell("openclaw cron edit <job-id> --agent AGENT")]),
    Advice::new(
        Cause::Undelivered,
        "The message was thrown away because its run began hours late. If it is still needed, run the job.",
    )
    .when(&[Condition::Late])
    .run(&[RUN]),
    Advice::new(Cause::Undelivered, "Check the channel and target of the delivery.").run(&[SHOW]),
    Advice::new(Cause::StoreUnserved, FIND_THE_STATE).run(&[LIST]),
    Advice::new(
        Cause::JobsGone,
        "Compare the list with a backup of the database, and add the jobs again with openclaw cron add.",
    )
    .run(&[LIST]),
    Advice::new(Cause::OneShotLost, "Decide whether the work is still needed; the runs show what happened.")
        .run(&[RUNS]),
    Advice::new(Cause::SlotsSkipped, SCHEDULE_ANEW).run(&[EDIT]),
    Advice::new(Cause::ClockSetBack, SCHEDULE_ANEW).run(&[EDIT]),
    Advice::new(
        Cause::Runaway,
        "Switch the job off. Then look at its schedule, and at whether two gateways run on this state.",
    )
    .run(&[DISABLE]),
    Advice::with_step(Cause::CrashLoop, Step::OfCause).run(&[STATUS]),
    Advice::new(Cause::Unjudged, "Look at the job and its runs.").run(&[SHOW, RUNS]),
];
