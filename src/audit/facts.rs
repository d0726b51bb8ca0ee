//! What is observed of each job in numbers, whether or not a detector makes a finding of it: what monitoring draws.

use super::{Context, zero_tokens};
use crate::model::Job;
use crate::time::Millis;

/// The numbers of one job. A job that is not watched has none.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// How long it has been due without a run, whatever the excuse; 0 if it is not due.
    pub overdue_ms: Millis,
    /// Slots without a fire in the troubles that last.
    pub missed_slots: u64,
    /// Zero-token fires in a row up to the newest fire.
    pub zero_token_streak: u64,
    /// How long its run in flight has taken so far; 0 if there is none.
    pub in_flight_ms: Millis,
    /// How long ago its newest run ended; None if none is known.
    pub last_fire_ms: Option<Millis>,
}

impl Facts {
    /// Those that the rows tell; the missed slots come with the findings.
    pub fn observed(context: &Context<'_>, job: &Job) -> Facts {
        let now = context.settings.now;
        if !job.state.is_watched() {
            return Facts::default();
        }
        let own_run = context.slot.run.as_ref().filter(|run| run.job_id == job.id);
        Facts {
            overdue_ms: job.due().map_or(0, |due| now.since(due).max(0)),
            missed_slots: 0,
            zero_token_streak: zero_tokens::current_streak(job),
            in_flight_ms: own_run.map_or(0, |run| run.for_ms),
            last_fire_ms: job.last_fire().map(|at| now.since(at)),
        }
    }
}
