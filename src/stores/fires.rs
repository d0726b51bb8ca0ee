//! What the histories of all stores have in common.

use crate::model::{Fire, Outcome, Run};

/// The fire of a run that only a row knows; `worked` is what is known of its work if it did not fail.
pub fn of_row(run: &Run, worked: Outcome) -> Fire {
    let outcome = if run.failed { Outcome::Threw } else { worked };
    Fire::ended(run.end(), outcome).started(run.start)
}

/// Takes counts of zero for no counts where no fire has another: nothing shows that the job's runs are counted at all.
pub fn forget_zeros(fires: &mut [Fire]) {
    if fires.iter().any(|fire| matches!(fire.tokens, Some(1..))) {
        return;
    }
    for fire in fires.iter_mut().filter(|fire| fire.is_empty()) {
        (fire.outcome, fire.tokens) = (Outcome::Unproven, None);
    }
}
