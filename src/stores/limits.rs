//! What is read at most.

use crate::db::ReadError;

/// A hundred times what a large fleet has; a database with more is out to exhaust us.
const MAX_JOBS: usize = 20_000;

/// Makes sure that there is room for one more: an error where a database has as many jobs as can be audited.
pub fn room_for_another<T>(jobs: &[T]) -> Result<(), ReadError> {
    if jobs.len() < MAX_JOBS {
        return Ok(());
    }
    let text = format!("has more than {MAX_JOBS} jobs: too many to audit; check that it is the scheduler's database");
    Err(ReadError::Unusable(text))
}
