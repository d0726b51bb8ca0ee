//! How Hermes Agent's scheduler works.

use super::advice;
use crate::model::{LifeWords, SchedulerTraits};
use crate::time::{MINUTE, SECOND};
use std::borrow::Cow;

/// How this scheduler works.
pub const TRAITS: SchedulerTraits = SchedulerTraits {
    // Every run that is due has a row, also one that waits for a thread: how many threads there are, by the cores of the
    // gateway's machine, never explains that one has none.
    max_concurrent: 100_000,
    records_starts: true,
    backoff: Cow::Borrowed(&[]),
    retries_in_slot: true,
    breaker_limit: u64::MAX,
    // A pass a minute, and some seconds for the row.
    session_delay: 70 * SECOND,
    restart_stagger: None,
    startup: MINUTE,
    name: "scheduler",
    stops: "stopped",
    stopped: "Hermes marked the job as completed",
    timer_sleeps: MINUTE,
    hides_runs: false,
    moves_before: true,
    dates_edits: false,
    life: LifeWords {
        given: "its ticker gave a sign of life at ",
        last_given: "its ticker last gave a sign of life at ",
        dead: "the ticker or its process died, or the machine is asleep",
        hung: "the process lives, but its ticker is dead",
        dies_alone: true,
    },
    advice: advice::ADVICE,
};
