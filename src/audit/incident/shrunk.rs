//! Jobs whose work shrank together.

use super::key::{Family, Key};
use crate::audit::context::Context;
use crate::audit::finding::{Finding, ongoing};
use crate::audit::judges::work::{LAST_FIRES, LONG_SHRUNK};
use crate::catalog::{Problem, Severity};
use crate::model::JobIndex;
use crate::time::Instant;
use std::collections::HashMap;

/// The work of a job that shrank.
struct Shrunk {
    job: JobIndex,
    /// When the last run before ended.
    before: Instant,
    /// When the first run ended that did less.
    since: Instant,
    /// From when on it was a warning.
    told: Instant,
}

/// For each job whose work shrank, the key of what it shrank by: one moment fits all of them, after the last usual run of each and
/// before the first that did less. The one that was told first stands for those that join it.
pub fn shrunk_together(context: &Context<'_>, found: &[Finding]) -> HashMap<JobIndex, Key> {
    let mut all: Vec<Shrunk> = ongoing(found).filter_map(|finding| shrunk(context, finding)).collect();
    all.sort_by_key(|one| (one.since, one.job));
    let mut groups: Vec<Vec<Shrunk>> = Vec::new();
    for one in all {
        match groups.last_mut() {
            Some(group) if one.before <= group[0].since => group.push(one),
            _ => groups.push(vec![one]),
        }
    }
    let mut keys = HashMap::new();
    for group in groups {
        let Some(first) = group.iter().min_by_key(|one| (one.told, one.job)) else { continue };
        let key = Key::of(Family::Shrunk, context.job(first.job).id.as_str(), Some(first.since));
        keys.extend(group.iter().map(|one| (one.job, key.clone())));
    }
    keys
}

fn shrunk(context: &Context<'_>, finding: &Finding) -> Option<Shrunk> {
    if finding.problem() != Problem::WorkShrank || finding.severity <= Severity::Info {
        return None;
    }
    let (job, since) = (finding.job()?, finding.since?);
    let fires = &context.job(job).fires;
    let first = fires.partition_point(|fire| fire.end < since);
    let third = fires.get(first + LAST_FIRES - 1)?.end;
    Some(Shrunk { job, before: fires.get(first.checked_sub(1)?)?.end, since, told: third.max(since.plus(LONG_SHRUNK)) })
}
