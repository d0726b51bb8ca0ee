//! How OpenClaw's scheduler works.

use super::advice;
use crate::model::{LifeWords, SchedulerTraits};
use crate::time::{MINUTE, SECOND};
use std::borrow::Cow;

/// How this scheduler works.
pub const TRAITS: SchedulerTraits = SchedulerTraits {
    max_concurrent: 8,
    records_starts: true,
    backoff: Cow::Borrowed(&[30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE]),
    retries_in_slot: false,
    breaker_limit: 10,
    session_delay: MINUTE,
    restart_stagger: None,
    // It looks at its rows within 35 seconds, and defers what was due by two minutes and more.
    startup: 3 * MINUTE,
    name: "gateway",
    stops: "switched off",
    stopped: "OpenClaw switched the job off after these errors",
    timer_sleeps: MINUTE,
    hides_runs: false,
    moves_before: false,
    dates_edits: true,
    life: LifeWords::LEASE,
    advice: advice::ADVICE,
};
