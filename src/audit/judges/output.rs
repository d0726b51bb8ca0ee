//! Files that a job should leave behind, and does not, although its runs are fine: what no database shows.

use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::runs::run_length;
use crate::catalog::Severity;
use crate::time::{Instant, Millis, SECOND};

/// Some file systems keep times to two seconds.
const COARSE: Millis = 2 * SECOND;

/// That nothing was written since a run began that has had its time and did its work.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let pattern = subject.settings.output.as_ref()?;
    let files = fleet.context.snapshot.results.get(pattern)?;
    let due = last_due(fleet.context, subject)?;
    let is_missing = |began: Instant| files.newest.is_none_or(|newest| newest < began.plus(-COARSE));
    if !is_missing(due) {
        return None;
    }
    let output = pattern.to_string_lossy().into_owned();
    if let Some(why) = &files.trouble {
        let evidence = Evidence::OutputUnread { output, why: why.clone() };
        return Some(Finding::new(subject.index, Severity::Warning, evidence));
    }
    let mut begins = (0..subject.job.fires.len()).map(|run| began(subject, run));
    let first = begins.find(|began| files.newest.is_some() && is_missing(*began));
    let evidence = Evidence::NoOutput { output, newest_at: files.newest, run_began: due };
    Some(Finding::new(subject.index, Severity::Warning, evidence).since(first))
}

/// When the last run began that has had its time, if it did its work: of one that failed, other judges tell.
fn last_due(context: &Context<'_>, subject: &Subject<'_>) -> Option<Instant> {
    let job = subject.job;
    if !job.state.is_watched() {
        return None;
    }
    for run in (0..job.fires.len()).rev() {
        let (fire, began) = (&job.fires[run], began(subject, run));
        if context.after_a_run(subject, began) < context.settings.now {
            let did_work = !fire.is_bad() && !fire.is_idle() && !fire.is_unknown() && subject.too_short(run).is_none();
            return if did_work { Some(began) } else { None };
        }
    }
    None
}

/// When a run began, at the earliest.
fn began(subject: &Subject<'_>, run: usize) -> Instant {
    let longest = subject.longest_run();
    let took = run_length(subject.job, run).unwrap_or(longest);
    subject.job.fires[run].end.plus(-took)
}
