//! The jobs that are due and not judged, because it is quiet.

use super::context::{Context, Subject};
use super::fleet::Fleet;
use super::ledger::{Excuse, Fate};
use crate::time::Instant;

/// Due jobs that are in quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unjudged {
    /// How many.
    pub jobs: usize,
    /// When the quiet hours of the last of them end.
    pub until: Instant,
}

/// Those of a database; None if there are none.
pub fn in_quiet_hours(fleet: &Fleet<'_>) -> Option<Unjudged> {
    let ends = fleet.context.subjects.iter().filter_map(|subject| judged_from(fleet, subject));
    let ends: Vec<Instant> = ends.collect();
    Some(Unjudged { jobs: ends.len(), until: ends.into_iter().max()? })
}

/// When a due job that is not judged now will be.
fn judged_from(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Instant> {
    let context: &Context<'_> = fleet.context;
    if !subject.selected || !subject.job.state.is_watched() {
        return None;
    }
    let standing = fleet.ledger(subject.index).standing()?;
    let is_due = matches!(standing.fate, Fate::Excused(Excuse::Quiet | Excuse::Due));
    if is_due && standing.since <= context.settings.now { context.quiet_until(subject) } else { None }
}
