//! How phantom's scheduler works.

use super::advice;
use crate::model::{LifeWords, SchedulerTraits};
use crate::time::{MINUTE, SECOND};
use std::borrow::Cow;

/// How this scheduler works.
pub const TRAITS: SchedulerTraits = SchedulerTraits {
    max_concurrent: 1,
    records_starts: false,
    backoff: Cow::Borrowed(&[30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE]),
    retries_in_slot: true,
    breaker_limit: 10,
    // One session in a hundred took one to four minutes to show.
    session_delay: 5 * MINUTE,
    restart_stagger: Some(5 * SECOND),
    startup: 0,
    name: "scheduler",
    stops: "stopped",
    stopped: "the scheduler has stopped the job",
    timer_sleeps: 60 * MINUTE,
    hides_runs: false,
    moves_before: false,
    dates_edits: true,
    life: LifeWords::LEASE,
    advice: advice::ADVICE,
};
