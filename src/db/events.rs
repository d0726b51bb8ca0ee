//! The cost events: millions of rows without an index besides their key.
//!
//! They are appended, so their time rises with `rowid`: the start of the window is found by binary search and everything
//! after it is read once. The order is an assumption (a stepped clock breaks it), so it is checked by probes, and where it
//! does not hold the newest rows are all read. What began before the window is looked up backwards, within a bound.

use super::rows::{KEY_PREFIX, event_time};
use super::{Failure, Window};
use crate::model::{Fire, Job, Lull, Snapshot, Tokens};
use crate::time::{DAY, Instant, MINUTE, Millis};
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// Read beyond the window, so that what straddles its start is seen whole and a small step of the clock does no harm.
const MARGIN: Millis = DAY;
/// A shorter pause between the ends of two runs tells nothing: timers and the start of a session take a moment.
const SHORTEST_LULL: Millis = MINUTE;
/// Rows read at most where the order does not help: about half a second's worth.
const MOST_UNORDERED: i64 = 4_000_000;
/// Rows read at most backwards from the window, and from a silent job's last run: some tens of milliseconds each.
const MOST_BACKWARDS: usize = 500_000;
const MOST_NEAR_LAST_RUN: usize = 20_000;
/// Rows read in one transaction: some hundred milliseconds' worth, so that no read keeps a writer's log from being reset.
/// Events are never changed once written, so reading on from a fixed last row gives the same as one transaction.
const ROWS_A_TRANSACTION: i64 = 1_000_000;
/// Evenly spread probes of the order.
const PROBES: i64 = 64;

/// Reads the fires of all jobs into the snapshot, and the lulls between them.
pub fn read(db: &Connection, window: &Window, snapshot: &mut Snapshot) -> Result<(), Failure> {
    let start = window.now.plus(-window.back).plus(-MARGIN);
    snapshot.window_start = Some(start);
    let Some((first, last)) = bounds(db)? else { return Ok(()) };
    let from = match first_since(db, first, last, start)? {
        Some(row) => row,
        None => {
            let from = first.max(last.saturating_sub(MOST_UNORDERED));
            let cut =
                if from > first { format!(": only those from number {from} on were read") } else { String::new() };
            snapshot.notes.push(format!("cost events are not in the order of time (a clock was set){cut}"));
            from
        }
    };
    let keys: HashMap<String, usize> =
        snapshot.jobs.iter().enumerate().map(|(index, job)| (format!("{KEY_PREFIX}{}", job.id), index)).collect();
    read_window(db, (from, last), (start, window.now), &keys, snapshot)?;
    look_back(db, (first, last), from, start, &keys, snapshot)?;
    if snapshot.newest_fire.is_none() {
        snapshot.newest_fire = snapshot.jobs.iter().filter_map(Job::last_fire).max().map(|at| at.min(window.now));
    }
    Ok(())
}

fn bounds(db: &Connection) -> Result<Option<(i64, i64)>, Failure> {
    let row = |order| format!("SELECT rowid FROM cost_events ORDER BY rowid {order} LIMIT 1");
    let bound = |order| match db.query_row(&row(order), [], |row| row.get(0)) {
        Ok(id) => Ok(Some(id)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(Failure::from(error)),
    };
    Ok(bound("ASC")?.zip(bound("DESC")?))
}

/// The number of the first row whose time is not before `start`, by binary search; `last` + 1 if there is none. None where
/// the times are seen not to rise with the numbers.
fn first_since(db: &Connection, first: i64, last: i64, start: Instant) -> Result<Option<i64>, Failure> {
    let mut probe = db.prepare("SELECT rowid, created_at FROM cost_events WHERE rowid >= ?1 ORDER BY rowid LIMIT 1")?;
    let mut since = |id: i64| -> Result<bool, Failure> {
        match probe.query_row([id], |row| Ok(event_time(row.get_ref(1)?))) {
            Ok(time) => Ok(time.is_some_and(|time| time >= start)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(true),
            Err(error) => Err(error.into()),
        }
    };
    let (mut low, mut high) = (first, last.saturating_add(1));
    while low < high {
        let middle = low + ((i128::from(high) - i128::from(low)) / 2) as i64;
        if since(middle)? { high = middle } else { low = middle + 1 }
    }
    let spread = (last - first) / PROBES + 1;
    let even = (0..PROBES).map(|n| first + n * spread);
    let near = (0..62).map(|n| low.saturating_sub(1 << n));
    for id in even.chain(near).filter(|id| (first..=last).contains(id)) {
        if since(id)? != (id >= low) {
            return Ok(None);
        }
    }
    Ok(Some(low))
}

fn read_window(
    db: &Connection,
    (from, last): (i64, i64),
    (start, now): (Instant, Instant),
    keys: &HashMap<String, usize>,
    snapshot: &mut Snapshot,
) -> Result<(), Failure> {
    let mut statement = db.prepare(
        "SELECT session_key, input_tokens, output_tokens, created_at, rowid FROM cost_events WHERE rowid BETWEEN ?1 AND ?2
         ORDER BY rowid LIMIT ?3",
    )?;
    let (mut unreadable, mut stepped, mut from) = (0u64, 0u64, Some(from));
    while let Some(first) = from.take() {
        let mut rows = statement.query([first, last, ROWS_A_TRANSACTION])?;
        let (mut read, mut newest) = (0, first);
        while let Some(row) = rows.next()? {
            (read, newest) = (read + 1, row.get(4)?);
            let Some(at) = event_time(row.get_ref(3)?) else {
                unreadable += 1;
                continue;
            };
            if at >= start && at <= now {
                stepped += u64::from(take_event(row, at, keys, snapshot)?);
            }
        }
        drop(rows);
        if read == ROWS_A_TRANSACTION {
            db.execute_batch("COMMIT; BEGIN")?;
            from = newest.checked_add(1);
        }
    }
    if unreadable > 0 {
        snapshot.notes.push(format!("{unreadable} cost events have no readable time and were left out"));
    }
    if stepped > 0 {
        snapshot.notes.push(format!(
            "{stepped} cost events are older than the one before them (a clock was set): times about them are inexact"
        ));
    }
    Ok(())
}

/// Adds one cost event to the snapshot; true if it is older than the one before it.
fn take_event(
    row: &rusqlite::Row<'_>,
    at: Instant,
    keys: &HashMap<String, usize>,
    snapshot: &mut Snapshot,
) -> Result<bool, Failure> {
    let key = row.get_ref(0)?.as_bytes().unwrap_or_default();
    if !key.starts_with(KEY_PREFIX.as_bytes()) {
        snapshot.newest_other = snapshot.newest_other.max(Some(at));
        return Ok(false);
    }
    let job = std::str::from_utf8(key).ok().and_then(|key| keys.get(key).copied());
    let before = snapshot.newest_fire.unwrap_or(at);
    if at.since(before) > SHORTEST_LULL {
        let previous = job.and_then(|job| snapshot.jobs[job].fires.newest());
        snapshot.lulls.push(Lull { from: before, until: at, job, previous });
    }
    snapshot.newest_fire = Some(before.max(at));
    if let Some(job) = job {
        snapshot.jobs[job].fires.push(Fire { at, tokens: tokens(row, 1)? });
    }
    Ok(at < before)
}

/// The two token counts from column `first` on.
fn tokens(row: &rusqlite::Row<'_>, first: usize) -> Result<Tokens, Failure> {
    let count = |index| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_i64().ok());
    Ok(match (count(first)?, count(first + 1)?) {
        (Some(0), Some(0)) => Tokens::Zero,
        (Some(_), Some(_)) => Tokens::Some,
        _ => Tokens::Unknown,
    })
}

/// What a job's history before the window is wanted for.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// Its newest fire: the silence before its first one in the window may be a gap.
    OneFire,
    /// All back to one with tokens: a streak reaches out of the window.
    WholeStreak,
}

fn wanted(job: &Job, start: Instant) -> Option<Wanted> {
    let first = job.fires.iter().next()?;
    if first.tokens == Tokens::Zero {
        return Some(Wanted::WholeStreak);
    }
    let cadence = job.schedule.cadence()?;
    let due_long_ago = cadence.advance(start, 2.0).is_some_and(|slot| slot < first.at);
    (due_long_ago && job.created_at.is_none_or(|made| made < start)).then_some(Wanted::OneFire)
}

/// Finds the fires before the window that the detectors need: those of jobs silent in it, near their last run, and those
/// that precede a job's first fire in it.
fn look_back(
    db: &Connection,
    (first, last): (i64, i64),
    from: i64,
    start: Instant,
    keys: &HashMap<String, usize>,
    snapshot: &mut Snapshot,
) -> Result<(), Failure> {
    for index in 0..snapshot.jobs.len() {
        let job = &snapshot.jobs[index];
        let end = job.last_run.as_ref().map(|run| run.end()).filter(|end| *end < start);
        let Some(end) = end.filter(|_| job.fires.len() == 0 && job.state.is_watched()) else { continue };
        let Some(row) = first_since(db, first, last, end.plus(MINUTE))? else { continue };
        let own = HashMap::from([(format!("{KEY_PREFIX}{}", job.id), index)]);
        backwards(db, row, MOST_NEAR_LAST_RUN, &own, vec![(index, Wanted::WholeStreak)], snapshot)?;
    }
    let open: Vec<(usize, Wanted)> = (snapshot.jobs.iter().enumerate())
        .filter(|(_, job)| job.state.is_watched() && job.fires.iter().next().is_some_and(|fire| fire.at >= start))
        .filter_map(|(index, job)| Some((index, wanted(job, start)?)))
        .collect();
    let left = backwards(db, from, MOST_BACKWARDS, keys, open, snapshot)?;
    if left > 0 {
        snapshot.notes.push(format!(
            "for {left} jobs the {MOST_BACKWARDS} cost events before {start} were not enough: a streak or gap may have begun before"
        ));
    }
    Ok(())
}

/// Reads backwards from before row `from` until all that is wanted is found or `most` rows have been seen; returns how
/// many jobs remained open where rows were left unread.
fn backwards(
    db: &Connection,
    from: i64,
    most: usize,
    keys: &HashMap<String, usize>,
    open: Vec<(usize, Wanted)>,
    snapshot: &mut Snapshot,
) -> Result<usize, Failure> {
    let mut open: HashMap<usize, (Wanted, Vec<Fire>)> =
        open.into_iter().map(|(job, wanted)| (job, (wanted, Vec::new()))).collect();
    let mut statement = db.prepare(
        "SELECT session_key, input_tokens, output_tokens, created_at FROM cost_events WHERE rowid < ?1
         ORDER BY rowid DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(params![from, most as i64])?;
    let (mut seen, mut left) = (0, 0);
    let mut found: Vec<(usize, Vec<Fire>)> = Vec::new();
    while !open.is_empty() {
        let Some(row) = rows.next()? else {
            left = if seen == most { open.len() } else { 0 };
            break;
        };
        seen += 1;
        let key = row.get_ref(0)?.as_bytes().unwrap_or_default();
        let Some(&job) = std::str::from_utf8(key).ok().and_then(|key| keys.get(key)) else { continue };
        let Some((wanted, fires)) = open.get_mut(&job) else { continue };
        let Some(at) = event_time(row.get_ref(3)?) else { continue };
        let tokens = tokens(row, 1)?;
        fires.push(Fire { at, tokens });
        if *wanted == Wanted::OneFire || tokens != Tokens::Zero {
            found.extend(open.remove(&job).map(|(_, fires)| (job, fires)));
        }
    }
    for (job, mut fires) in found.into_iter().chain(open.into_iter().map(|(job, (_, fires))| (job, fires))) {
        fires.reverse();
        snapshot.jobs[job].fires.prepend(fires);
    }
    Ok(left)
}

/// Of the sessions, keeps those that began after the newest fire of their job and after its last run's end: the others'
/// runs have ended.
pub fn forget_ended_runs(snapshot: &mut Snapshot) {
    let jobs: HashMap<&str, &Job> = snapshot.jobs.iter().map(|job| (job.id.as_str(), job)).collect();
    let newest_fire = snapshot.newest_fire;
    let began_after = |start: Instant, end: Option<Instant>| end.is_none_or(|end| start.since(end) > SESSION_SETTLES);
    snapshot.open_runs.retain(|run| {
        let job = jobs.get(run.job_id.as_str());
        let fire = job.map_or(newest_fire, |job| job.fires.newest().map(|fire| fire.at));
        let row_end = job.filter(|job| !job.moved_on).and_then(|job| job.last_run.as_ref()).map(|run| run.end());
        // One slot: a run that ended after this one began proves that this one is over, by its end or the process's.
        let overtaken = newest_fire.is_some_and(|end| end.since(run.start) > SESSION_SETTLES);
        began_after(run.start, fire) && row_end.is_none_or(|end| run.start > end) && !overtaken
    });
    snapshot.open_runs.sort_by_key(|run| std::cmp::Reverse(run.start));
}

/// A session is touched again as its run's cost event is written, which is cut to the second.
const SESSION_SETTLES: Millis = 2_000;
