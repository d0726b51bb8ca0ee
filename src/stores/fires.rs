//! What the histories of all stores have in common.

use crate::model::{Fire, Run, Tokens};

/// The fire of a run that only a row knows; `worked` is what is known of its work if it did not fail.
pub fn of_row(run: &Run, worked: Tokens) -> Fire {
    let tokens = if run.failed { Tokens::NoEvent } else { worked };
    Fire { failed: run.failed, ..Fire::ended(run.end(), tokens).started(run.start) }
}

/// A job that never had a token count can't be judged by tokens.
pub fn set_aside_counts_of_nothing(fires: &mut [Fire]) {
    if fires.iter().any(|fire| matches!(fire.tokens, Tokens::Used(1..))) {
        return;
    }
    for fire in fires.iter_mut().filter(|fire| fire.tokens == Tokens::Used(0)) {
        fire.tokens = Tokens::Uncounted;
    }
}
