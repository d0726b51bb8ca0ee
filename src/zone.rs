//! The time zone of schedules that name none. It is the one of the scheduler's process, which no row has; but the scheduler
//! computes each `next_run_at` in it, so that this is a slot in the right zone and seldom in a wrong one.

use crate::model::{AssumedZone, Job, Snapshot, State, ZoneBasis};
use crate::schedule::{Cadence, Zone};
use crate::time::{HOUR, Instant, Millis};
use std::collections::HashMap;

/// A job that runs on time ends within this time of its slot.
const ON_TIME: Millis = HOUR;
/// Runs that may show it: the last one may have come late.
const RECENT_FIRES: usize = 3;
/// So many of the last runs are looked at before a zone is taken for sure.
const SURE_FIRES: usize = 30;
/// More witnesses, and more of the fires of each, would tell no more.
const MAX_WITNESSES: usize = 100;
const MAX_FIRES: usize = 50;
/// Zones that change their clocks, one for each rule that there is, those in wide use first: no fixed offset is right on both sides
/// of a change.
pub const CHANGING_CLOCKS: [&str; 30] = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Halifax",
    "America/Santiago",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Athens",
    "Asia/Jerusalem",
    "Africa/Cairo",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "America/Anchorage",
    "America/Adak",
    "America/St_Johns",
    "America/Havana",
    "America/Miquelon",
    "America/Godthab",
    "Atlantic/Azores",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Europe/Chisinau",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Norfolk",
];

/// Whether clocks went back somewhere between two instants: slots of the hour that came twice have one run.
pub fn clocks_went_back(from: Instant, until: Instant) -> bool {
    let zones = CHANGING_CLOCKS.iter().filter_map(|name| Zone::named(name));
    zones.into_iter().any(|zone| zone.wall(until) - zone.wall(from) < until.utc() - from.utc())
}

/// A row whose next run tells the zone.
pub struct Witness<'a> {
    job: &'a Job,
    cadence: &'a Cadence,
    next: Instant,
}

impl<'a> Witness<'a> {
    /// What a row says: it must be one that the scheduler keeps to its schedule, without a zone of its own.
    pub fn of(job: &'a Job) -> Option<Witness<'a>> {
        let cadence = job.schedule.cadence().filter(|cadence| matches!(cadence, Cadence::Cron(..)))?;
        let settled = job.state == State::Watched && job.errors() == 0 && job.schedule.timezone().is_none();
        if !settled || job.self_paced {
            return None;
        }
        Some(Witness { job, cadence, next: job.next_run()? })
    }

    /// Whether the next run is a slot in a zone.
    pub fn fits(&self, zone: Zone) -> bool {
        self.cadence.in_zone(zone).has_slot_at(self.next)
    }

    /// The zones with a fixed offset in which the next run is a slot, the nearest to UTC first.
    pub fn offsets(&self) -> Vec<Zone> {
        self.cadence.fixed_zones_with_slot_at(self.next)
    }

    /// Those in which the job also ran on time, if it has run: a next run that was set by hand fits some zone too.
    pub fn proven_offsets(&self) -> Vec<Zone> {
        let mut zones = self.offsets();
        zones.retain(|zone| self.ran_on_time(*zone));
        zones
    }

    fn ran_on_time(&self, zone: Zone) -> bool {
        let cadence = self.cadence.in_zone(zone);
        let ends = self.job.fires.iter().rev().take(RECENT_FIRES).map(|fire| fire.end);
        let mut runs = ends.chain(self.job.last_run().map(|run| run.start)).peekable();
        runs.peek().is_none() || runs.any(|at| follows_slot(&cadence, at))
    }

    /// Whether each of its last runs came on time.
    fn always_on_time(&self, zone: Zone) -> bool {
        let cadence = self.cadence.in_zone(zone);
        let fires = self.job.fires.iter().rev().take(SURE_FIRES);
        fires.map(|fire| fire.end).all(|end| follows_slot(&cadence, end))
    }

    /// How many of its fires came on time, if its slots are those of this zone.
    fn fires_on_time(&self, zone: Zone) -> usize {
        let cadence = self.cadence.in_zone(zone);
        let fires = self.job.fires.iter().rev().take(MAX_FIRES);
        fires.filter(|fire| follows_slot(&cadence, fire.end)).count()
    }
}

/// Whether a run at this time was on time.
fn follows_slot(cadence: &Cadence, at: Instant) -> bool {
    cadence.next(at.plus(-ON_TIME)).is_some_and(|slot| slot <= at)
}

/// Finds the zone and reads all schedules in it that name none; `given` is what the operator named, `machine` the zone of
/// this machine.
pub fn settle(snapshot: &mut Snapshot, given: Option<Zone>, machine: Zone) {
    let (zone, basis) = match given {
        Some(zone) => (zone, ZoneBasis::Given),
        None => found(&snapshot.jobs, machine),
    };
    let depends = |job: &Job| job.state.is_watched() && job.schedule.assumes_zone();
    let basis = if snapshot.jobs.iter().any(depends) { basis } else { ZoneBasis::Irrelevant };
    snapshot.zone = AssumedZone { zone, basis };
    snapshot.jobs.iter_mut().for_each(|job| job.schedule.assume_zone(zone));
}

/// This machine's zone, or else UTC, if each next run is a slot there, and each of the last runs came on time. Else the one in which
/// most next runs are slots, and of several the one in which most runs came on time: also of fixed offsets, and of zones that change
/// their clocks, of which each has the offset of another zone on one side of a change.
fn found(jobs: &[Job], machine: Zone) -> (Zone, ZoneBasis) {
    let every_zone = |witness: &Witness<'_>| Zone::all_fixed().all(|zone| witness.fits(zone));
    let witnesses = jobs.iter().filter_map(Witness::of).take(MAX_WITNESSES);
    let witnesses: Vec<Witness<'_>> = witnesses.filter(|witness| !every_zone(witness)).collect();
    let usual = [machine, Zone::UTC];
    let proving = |zone| witnesses.iter().filter(|witness| witness.fits(zone) && witness.ran_on_time(zone)).count();
    let fitting = |zone| {
        if usual.contains(&zone) {
            return witnesses.iter().filter(|witness| witness.fits(zone)).count();
        }
        proving(zone)
    };
    let is_sure = |zone: &Zone| witnesses.iter().all(|witness| witness.fits(*zone) && witness.always_on_time(*zone));
    let zone = usual.into_iter().find(is_sure).unwrap_or_else(|| {
        let fixed = most_named(witnesses.iter().map(Witness::proven_offsets));
        let changing = CHANGING_CLOCKS.iter().filter_map(|name| Zone::named(name));
        let others = usual.into_iter().chain(fixed).chain(changing);
        let zones: Vec<_> = others.map(|zone| ((proving(zone), fitting(zone)), zone)).collect();
        let most = zones.iter().map(|(fit, _)| *fit).max();
        let best = zones.into_iter().filter(|(fit, _)| Some(*fit) == most).map(|(_, zone)| zone);
        let on_time = |zone| witnesses.iter().map(|witness| witness.fires_on_time(zone)).sum::<usize>();
        // Of equals the last is the greatest, and the first is wanted.
        best.rev().max_by_key(|zone| on_time(*zone)).unwrap_or(machine)
    });
    match fitting(zone) {
        0 => (machine, ZoneBasis::Machine),
        jobs => (zone, ZoneBasis::NextRuns(jobs)),
    }
}

/// The zone that most of these lists have; of several the nearest to UTC.
pub fn most_named(lists: impl Iterator<Item = Vec<Zone>>) -> Option<Zone> {
    let mut votes: HashMap<Zone, usize> = HashMap::new();
    lists.flatten().for_each(|zone| *votes.entry(zone).or_insert(0) += 1);
    let most = votes.values().max().copied()?;
    Zone::all_fixed().find(|zone| votes.get(zone) == Some(&most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_zones_that_are_named_as_often_the_nearest_to_utc_is_taken() {
        let zone = |hours: i64| Zone::ahead(hours * HOUR).unwrap_or(Zone::UTC);
        let most = |lists: &[&[i64]]| {
            most_named(lists.iter().map(|list| list.iter().copied().map(zone).collect())).map(Zone::name)
        };
        assert_eq!(most(&[&[-5, 9], &[9, -5]]), Some("UTC-05:00".to_owned()));
        assert_eq!(most(&[&[9, -5], &[9]]), Some("UTC+09:00".to_owned()));
        assert_eq!((most(&[&[]]), most(&[])), (None, None));
    }
}
