//! What to do, in Hermes' terms: commands of its own that versions 0.19 and 0.20 both take.

use crate::catalog::Problem;
use crate::model::{Advice, AdviceTable, Command, Condition, ErrorKind, Step};

/// What a person should do about its incidents.
pub const ADVICE: AdviceTable =
    AdviceTable { rows: ROWS, error_place: "hermes cron runs shows it", options: None, commands: Vec::new() };

const LIST: Command = Command::Shell("hermes cron list --all");
const STATUS: Command = Command::Shell("hermes cron status");
const RUNS: Command = Command::Shell("hermes cron runs <job-id>");
const RUN: Command = Command::Shell("hermes cron run <job-id>");
const EDIT: Command = Command::Shell("hermes cron edit <job-id> --schedule SCHEDULE");
const PAUSE: Command = Command::Shell("hermes cron pause <job-id>");
const RESTART: Command = Command::Shell("hermes gateway restart");

const AFTER_A_CUT: &str = "Decide whether the work of that run is still needed: it is not repeated.";
const RESTART_THE_GATEWAY: &str =
    "Restart the gateway, whose process may live although its ticker is dead, then read its log.";
const SCHEDULE_ANEW: &str = "Unless this is intended, edit the schedule, which computes the next run anew.";

const ROWS: &[Advice] = &[
    Advice::new(Problem::PassesFail, "Correct cron/jobs.json, or restore it, as the user of the gateway.")
        .run(&[STATUS]),
    Advice::new(Problem::RowDead, "Correct the schedule, which computes the next run anew.").run(&[EDIT]),
    Advice::new(Problem::SchedulerDown, RESTART_THE_GATEWAY).run(&[STATUS, RESTART]),
    Advice::new(Problem::SchedulerSilent, RESTART_THE_GATEWAY).run(&[STATUS, RESTART]),
    Advice::new(Problem::RunCut, AFTER_A_CUT).when(&[Condition::Alive]).run(&[RUNS]),
    Advice::new(Problem::RunCut, RESTART_THE_GATEWAY).run(&[STATUS, RESTART]),
    Advice::new(Problem::RunHung, "Look at the run. If it hangs, restart the gateway: what waits behind it is lost.")
        .run(&[RUNS, RESTART]),
    Advice::new(Problem::RunLong, "Look at the run. It ends by itself, or after ten minutes without activity.")
        .run(&[RUNS]),
    Advice::new(Problem::ProviderFailing, "Check the model's provider, its key, and the model's name.").run(&[RUNS]),
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
    Advice::new(
        Problem::JobFailing,
        "Read the error and the runs; then check the model's provider, its key, and the model's name.",
    )
    .reads_error()
    .run(&[RUNS]),
    Advice::new(
        Problem::JobSilent,
        "If the job was not paused meanwhile, its slot was lost without a trace: run it if the work is still needed.",
    )
    .run(&[RUNS, RUN]),
    Advice::new(Problem::Undelivered, "Check the channel and target of the delivery.").run(&[LIST]),
    Advice::new(Problem::JobsGone, "Restore cron/jobs.json from a backup, or create the jobs again.").run(&[LIST]),
    Advice::new(Problem::OneShotLost, "Decide whether the work is still needed; the runs show what happened.")
        .run(&[RUNS]),
    Advice::new(Problem::SlotsSkipped, SCHEDULE_ANEW).run(&[EDIT]),
    Advice::new(Problem::ClockSetBack, SCHEDULE_ANEW).run(&[EDIT]),
    Advice::new(
        Problem::Runaway,
        "Pause the job. Then look at its schedule, and at whether two gateways run on this home.",
    )
    .run(&[PAUSE]),
    Advice::with_step(Problem::CrashLoop, Step::OfCause).run(&[STATUS]),
    Advice::new(Problem::Unjudged, "Look at the job and its runs.").run(&[LIST, RUNS]),
];
