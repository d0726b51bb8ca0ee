//! What the histories of all stores have in common.

use crate::model::{Fire, Job, ModelIndex, Outcome, Run};
use std::collections::HashSet;

/// The fire of a run that only a row knows; `worked` is what is known of its work if it did not fail.
pub fn of_row(run: &Run, worked: Outcome) -> Fire {
    let outcome = if run.failed { Outcome::Threw } else { worked };
    Fire::ended(run.end(), outcome).started(run.start)
}

/// The models of which some fire has a count.
pub fn counting_models(jobs: &[Job]) -> HashSet<ModelIndex> {
    let fires = jobs.iter().flat_map(|job| &job.fires);
    fires.filter(|fire| matches!(fire.tokens, Some(1..))).filter_map(|fire| fire.model).collect()
}

/// Takes counts of zero for no counts where no fire has another, and none of its model that another job has used: nothing
/// shows that the job's runs are counted at all.
pub fn forget_zeros(fires: &mut [Fire], counting: &HashSet<ModelIndex>) {
    if fires.iter().any(|fire| matches!(fire.tokens, Some(1..))) {
        return;
    }
    let is_counted = |fire: &Fire| fire.model.is_some_and(|model| counting.contains(&model));
    for fire in fires.iter_mut().filter(|fire| fire.is_empty() && !is_counted(fire)) {
        (fire.outcome, fire.tokens) = (Outcome::Unproven, None);
    }
}
