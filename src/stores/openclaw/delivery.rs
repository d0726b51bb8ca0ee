//! Messages that were not delivered.

use super::super::value::message;
use crate::model::{DeliveryError, ErrorClass};

/// The longest text of a delivery's error that is kept.
const MAX_ERROR_LEN: usize = 200;
/// What the scheduler writes of a message that it threw away since its run began hours late.
const STALE: &str = "stale delivery";

/// Why one was not; the text is kept if error texts are.
pub fn error(why: &str, errors: bool) -> DeliveryError {
    let text = if errors { message(why, MAX_ERROR_LEN) } else { "not-delivered".to_owned() };
    DeliveryError { text, class: ErrorClass::of(why), is_late: why.contains(STALE) }
}
