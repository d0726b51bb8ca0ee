//! The ticker, which looks for what is due once a minute: when it last gave a sign of life, and when a pass last worked.

use super::super::value::message;
use super::super::window::Window;
use super::places;
use crate::db::{self, ReadError};
use crate::model::{Lease, Passes, Snapshot};
use crate::time::{Instant, MINUTE, Millis, SECOND};
use std::path::Path;

/// A heartbeat that is older says that the ticker is dead: Hermes' own threshold.
const TERM: Millis = 200 * SECOND;
/// The longest error of a pass that is kept.
const MAX_ERROR_LEN: usize = 200;

/// What its files say. Versions before 0.18 have none of them.
pub struct Ticker {
    beat: Option<Instant>,
    /// When a pass last worked.
    pub worked: Option<Instant>,
    error: Option<String>,
}

/// Reads the files beside a store.
///
/// # Errors
/// What keeps one from being read.
pub fn read(store: &Path, window: &Window) -> Result<Ticker, ReadError> {
    let lines = |path: &Path| {
        let bytes = db::read_whole(path, window.deadline)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok::<_, ReadError>(text.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    // What was written long after the instant of the audit says nothing about it.
    let time = |lines: &[String]| {
        let at = seconds(lines.first()?)?;
        if at.since(window.now) <= MINUTE { Some(at.min(window.now)) } else { None }
    };
    let worked = time(&lines(&places::last_success(store))?);
    let failed = lines(&places::last_error(store))?;
    // An error that is older than a pass that worked is over.
    let error = match failed.get(1) {
        Some(error) if window.errors && time(&failed) >= worked => Some(message(error, MAX_ERROR_LEN)),
        _ => None,
    };
    Ok(Ticker { beat: time(&lines(&places::heartbeat(store))?), worked, error })
}

/// Seconds since 1970, with a fraction.
fn seconds(text: &str) -> Option<Instant> {
    let seconds: f64 = text.trim().parse().ok()?;
    if seconds > 0.0 { Some(Instant::from_millis((seconds * 1e3) as i64)) } else { None }
}

impl Ticker {
    /// Tells a snapshot whether the ticker lives, and whether its passes work.
    pub fn tell(&self, snapshot: &mut Snapshot, now: Instant) {
        let Some(beat) = self.beat else { return };
        let is_alive = now.since(beat) < TERM;
        snapshot.lease = if is_alive { Lease::Alive(beat) } else { Lease::Dead(beat) };
        snapshot.last_other_activity = Some(beat);
        if let Some(worked) = self.worked
            && is_alive
            && now.since(worked) >= TERM
        {
            snapshot.passes = Passes::Failing { since: worked, why: self.error.clone() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SchedulerTraits;
    use crate::stores::hermes::TRAITS;

    fn told(beat: Option<i64>, worked: Option<i64>) -> (Lease, Passes) {
        let now = Instant::from_millis(1_772_445_600_000);
        let ago = |millis: i64| now.plus(-millis);
        let ticker = Ticker { beat: beat.map(ago), worked: worked.map(ago), error: None };
        let traits: SchedulerTraits = TRAITS;
        let mut snapshot = Snapshot::empty(traits);
        ticker.tell(&mut snapshot, now);
        (snapshot.lease, snapshot.passes)
    }

    #[test]
    fn a_heartbeat_of_200_seconds_is_dead_and_passes_fail_only_while_it_is_fresh() {
        let is_alive = |beat| matches!(told(Some(beat), Some(beat)).0, Lease::Alive(_));
        assert!(is_alive(199_999) && !is_alive(200_000));
        assert_eq!(told(None, None), (Lease::Unknown, Passes::Fine));
        let fails = |beat, worked| matches!(told(Some(beat), worked).1, Passes::Failing { .. });
        assert!(fails(1000, Some(200_000)) && !fails(1000, Some(199_999)));
        assert!(!fails(200_000, Some(300_000)), "a dead ticker has no passes");
        assert!(!fails(1000, None), "versions without the file");
    }

    #[test]
    fn the_seconds_of_a_heartbeat_have_a_fraction() {
        assert_eq!(seconds("1795730644.9718642").map(Instant::millis), Some(1_795_730_644_971));
        assert_eq!((seconds(""), seconds("soon"), seconds("-1"), seconds("nan")), (None, None, None, None));
    }
}
