//! What to do, in OpenClaw's terms: commands of its own, in the form that every version of it takes.

use crate::catalog::Problem;
use crate::model::{Advice, AdviceTable, Command, Condition, ErrorKind, Step};

/// What a person should do about its incidents.
pub const ADVICE: AdviceTable =
    AdviceTable { rows: ROWS, error_place: "openclaw cron runs shows it", options: None, commands: Vec::new() };

const ENABLE: Command = Command::ShellForStopped("openclaw cron enable <job-id>");
const DISABLE: Command = Command::Shell("openclaw cron disable <job-id>");
const RUNS: Command = Command::Shell("openclaw cron runs --id <job-id>");
const SHOW: Command = Command::Shell("openclaw cron show <job-id>");
const RUN_EACH: Command = Command::ShellForEach("openclaw cron run <job-id>");
const SHOW_EACH: Command = Command::ShellForEach("openclaw cron show <job-id>");
const RUN: Command = Command::Shell("openclaw cron run <job-id>");
const EDIT: Command = Command::Shell("openclaw cron edit <job-id>");
const LIST: Command = Command::Shell("openclaw cron list");
const RESTART: Command = Command::Shell("openclaw gateway restart");
const STATUS: Command = Command::Shell("openclaw gateway status");

const SCHEDULE_ANEW: &str = "Unless this is intended, edit the schedule, which computes the next run anew.";
const AFTER_A_CUT: &str = "Decide whether the work of that run is still needed.";
const START: &str = "Start the gateway, then read its log from the last run on.";

const FIND_THE_STATE: &str = "If the state directory was moved, move it back or add the jobs again with openclaw cron add; \
    else check OPENCLAW_STATE_DIR and OPENCLAW_HOME of the gateway. A restart alone does not help.";

const ROWS: &[Advice] = &[
    Advice::new(Problem::RowDead, "Add the job again with a valid schedule, with openclaw cron add.")
        .when(&[Condition::Problem(Problem::Quarantined)]),
    Advice::new(Problem::RowDead, "The schedule is fine: edit the job, which computes its next run anew.")
        .when(&[Condition::Problem(Problem::NoNextRun), Condition::CanRun])
        .run(&[EDIT]),
    Advice::new(Problem::RowDead, "Correct the schedule.").when(&[Condition::Problem(Problem::NoNextRun)]).run(&[EDIT]),
    Advice::new(Problem::RowDead, "Correct the schedule, then switch the job on again.")
        .when(&[Condition::Problem(Problem::UnreadableSchedule)])
        .run(&[EDIT, ENABLE]),
    Advice::with_step(Problem::RowDead, Step::OfProblem),
    Advice::new(
        Problem::JobFailing,
        "Fix that error, then switch on again what was switched off; a restart of the gateway does not do that.",
    )
    .when(&[Condition::Stopped])
    .reads_error()
    .run(&[ENABLE]),
    Advice::new(Problem::SchedulerDown, AFTER_A_CUT).when(&[Condition::Alive]).run(&[RUNS]),
    Advice::new(Problem::SchedulerDown, START).run(&[Command::Shell("openclaw gateway start")]),
    Advice::new(Problem::RunCut, AFTER_A_CUT).when(&[Condition::Alive]).run(&[RUNS]),
    Advice::new(Problem::RunCut, START).run(&[Command::Shell("openclaw gateway start")]),
    Advice::new(Problem::SchedulerSilent, "Fix the cause of the error, then start the gateway.")
        .when(&[Condition::FailsToStart])
        .run(&[STATUS, Command::Shell("openclaw gateway start")]),
    Advice::new(
        Problem::SchedulerSilent,
        "Run by hand what can't wait; the rest runs at its next slots. The gateway's log says why it was down.",
    )
    .when(&[Condition::LeftByRestart])
    .run(&[RUN_EACH]),
    Advice::new(
        Problem::SchedulerSilent,
        "Read the gateway's log for why it ends soon after each start, and fix that; a restart alone does not help.",
    )
    .when(&[Condition::Crashes])
    .run(&[STATUS]),
    Advice::new(
        Problem::SchedulerSilent,
        "See whether the gateway runs and cron is switched on, read its log from the last run on, and restart it.",
    )
    .run(&[STATUS, Command::Shell("openclaw cron status"), RESTART]),
    Advice::new(Problem::RunHung, "Look at the run. If it hangs, restart the gateway.").run(&[RUNS, RESTART]),
    Advice::new(
        Problem::RunLong,
        "Look at the run. Unless the gateway died or hangs, it ends by itself, or at its time-out.",
    )
    .run(&[RUNS]),
    Advice::with_step(Problem::ProviderFailing, Step::Check("; then switch the jobs on again that were switched off."))
        .when(&[Condition::Stopped])
        .run(&[ENABLE]),
    Advice::with_step(Problem::ProviderFailing, Step::Check(".")),
    Advice::new(
        Problem::JobFailing,
        "The gateway ended in the run: read its log of that time, and run the job if its work can't wait.",
    )
    .when(&[Condition::ErrorIs(ErrorKind::Interrupted)])
    .run(&[RUN]),
    Advice::new(Problem::JobFailing, "Read the error and the runs, then fix what the job runs.")
        .when(&[Condition::WithoutModel])
        .reads_error()
        .run(&[RUNS]),
    Advice::with_step(Problem::JobFailing, Step::Check("; the runs show more."))
        .when(&[Condition::FaultIsKnown])
        .reads_error()
        .run(&[RUNS]),
    Advice::new(
        Problem::JobFailing,
        "Look at the runs; then check the model's provider, its key, and the model's name.",
    )
    .when(&[Condition::NoError])
    .run(&[RUNS]),
    Advice::new(
        Problem::JobFailing,
        "Read the error and the runs; then check the model's provider, its key, and the model's name.",
    )
    .reads_error()
    .run(&[RUNS]),
    Advice::new(
        Problem::JobSilent,
        "Run now what is still needed; then restart the gateway, so that the next runs are not passed over as well.",
    )
    .run(&[RUN_EACH, RESTART]),
    Advice::new(Problem::JobSkipped, "Start the local provider that the error names, or give the job another model.")
        .when(&[Condition::ErrorIs(ErrorKind::ProviderUnreachable)])
        .reads_error()
        .run(&[Command::Shell("openclaw cron edit <job-id> --model MODEL")]),
    Advice::new(Problem::JobSkipped, "Switch on what the error names, or switch the job off.")
        .when(&[Condition::ErrorIs(ErrorKind::SwitchedOff)])
        .reads_error()
        .run(&[DISABLE]),
    Advice::new(Problem::JobSkipped, "Read the error. If no agent owns the job, give it one.")
        .reads_error()
        .run(&[Command::Shell("openclaw cron edit <job-id> --agent AGENT")]),
    Advice::new(
        Problem::Undelivered,
        "The message was thrown away because its run began hours late. If it is still needed, run the job.",
    )
    .when(&[Condition::Late])
    .run(&[RUN]),
    Advice::new(Problem::Undelivered, "Check the channel, and the target of each job, which these commands show.")
        .run(&[SHOW_EACH]),
    Advice::new(
        Problem::WorkShrank,
        "Read what the job answers, which its runs show: its prompt may be lost, or a tool or a mount gone.",
    )
    .run(&[RUNS]),
    Advice::new(Problem::StoreUnserved, FIND_THE_STATE).run(&[LIST]),
    Advice::new(
        Problem::JobsGone,
        "Compare the list with a backup of the database, and add the jobs again with openclaw cron add.",
    )
    .run(&[LIST]),
    Advice::new(Problem::OneShotLost, "Decide whether the work is still needed; the runs show what happened.")
        .run(&[RUNS]),
    Advice::new(Problem::SlotsSkipped, SCHEDULE_ANEW).run(&[EDIT]),
    Advice::new(Problem::ClockSetBack, SCHEDULE_ANEW).run(&[EDIT]),
    Advice::new(
        Problem::Runaway,
        "Switch the job off. Then look at its schedule, and at whether two gateways run on this state.",
    )
    .run(&[DISABLE]),
    Advice::with_step(Problem::CrashLoop, Step::OfCause).run(&[STATUS]),
    Advice::new(Problem::Unjudged, "Look at the job and its runs.").run(&[SHOW, RUNS]),
];
