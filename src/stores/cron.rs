//! Cron schedules as rows have them: what all readers make of an expression and of the zone that it names.

use super::value::cut;
use crate::model::Schedule;
use crate::schedule::{Cron, Zone};

/// The longest text from a schedule that is kept for display, in characters.
const SHOWN: usize = 200;

/// A text from a schedule, cut for display.
pub fn shorten(text: &str) -> String {
    cut(text.to_owned(), SHOWN)
}

/// The schedule of an expression that `parse` reads, in the zone that it names, else in the assumed one.
///
/// # Errors
/// Why the scheduler can't use it.
pub fn read(
    expression: &str,
    timezone: Option<&str>,
    assumed: Zone,
    parse: impl Fn(&str) -> Result<Cron, String>,
) -> Result<Schedule, String> {
    let zone = match timezone {
        None => assumed,
        Some(name) => Zone::named(name).ok_or_else(|| format!("the zone {:?} does not exist", shorten(name)))?,
    };
    let cron = parse(expression)
        .map_err(|error| format!("the expression {:?} can't be used: {error}", shorten(expression)))?;
    Ok(Schedule::cron(shorten(expression), timezone.map(shorten), cron, zone))
}

/// Why a schedule of this kind can't be used.
pub fn unknown_kind(kind: &str) -> String {
    format!("the schedule's kind {:?} is not cron, every or at", shorten(kind))
}
