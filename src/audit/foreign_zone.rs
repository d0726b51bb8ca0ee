//! Jobs that ran in a different time zone than the assumed one.

use super::subjects::Subjects;
use crate::model::{AssumedZone, Fire, Job, JobIndex, Snapshot, ZoneBasis};
use crate::schedule::{Cadence, Zone};
use crate::time::{HOUR, Instant, Millis};
use crate::zone::{self, Witness};

/// No two zones are further apart.
pub const MOST_OF_ZONES: Millis = 26 * HOUR;
/// Fires end within this time of their slots, as zones go, and so many in the assumed zone show that it was right before.
const ZONE_SLACK: Millis = HOUR;
const MIN_BEFORE_CHANGE: usize = 2;

/// Jobs whose next run is no slot in the assumed zone, but would be one elsewhere.
#[derive(Debug)]
pub struct ForeignZoneJobs {
    /// The jobs, in order.
    jobs: Vec<(JobIndex, String)>,
    /// A zone in which the next runs of most of them are slots.
    pub zone: Zone,
    /// Whether as many jobs speak for that zone as for the assumed one.
    pub is_likely: bool,
}

impl ForeignZoneJobs {
    /// Finds them among the selected jobs.
    pub fn find(subjects: &Subjects<'_>, assumed: Zone) -> Option<ForeignZoneJobs> {
        let selected = subjects.iter().filter(|subject| subject.selected);
        let witnesses = selected.filter_map(|subject| Some((subject, Witness::of(subject.job)?)));
        let (fitting, misfits): (Vec<_>, Vec<_>) = witnesses.partition(|(_, witness)| witness.fits(assumed));
        let foreign = misfits.into_iter().map(|(subject, witness)| (subject, witness.offsets(), witness));
        let foreign: Vec<_> = foreign.filter(|(_, offsets, _)| !offsets.is_empty()).collect();
        let proven: Vec<Vec<Zone>> = foreign.iter().map(|(.., witness)| witness.proven_offsets()).collect();
        let zone = zone::most_named(proven.iter().cloned())
            .or_else(|| zone::most_named(foreign.iter().map(|(_, offsets, _)| offsets.clone())))?;
        let against = proven.iter().filter(|offsets| offsets.contains(&zone)).count();
        let for_assumed = fitting.iter().filter(|(_, witness)| !witness.fits(zone)).count();
        let jobs = foreign.iter().map(|(subject, ..)| (subject.index, subject.job.id.clone())).collect();
        Some(ForeignZoneJobs { jobs, zone, is_likely: against > 0 && against >= for_assumed })
    }

    /// Whether a job is one of them.
    pub fn contains(&self, job: JobIndex) -> bool {
        self.jobs.binary_search_by_key(&job, |(index, _)| *index).is_ok()
    }

    /// Their ids, in the order of the jobs.
    pub fn ids(&self) -> Vec<String> {
        self.jobs.iter().map(|(_, id)| id.clone()).collect()
    }
}

/// When the scheduler's zone became the one that was found, if it changed.
pub fn zone_changed(snapshot: &Snapshot) -> Option<Instant> {
    snapshot.jobs.iter().filter_map(|job| change_from_utc(&snapshot.zone, job)).map(|(_, since)| since).min()
}

/// By how much a job's runs moved, and since when, if the zone that was found is not UTC, the usual zone of a container, in which
/// it ran before.
pub fn change_from_utc(assumed: &AssumedZone, job: &Job) -> Option<(Millis, Instant)> {
    let was_found = matches!(assumed.basis, ZoneBasis::NextRuns(_)) && assumed.zone != Zone::UTC;
    if !was_found || job.schedule.timezone().is_some() {
        return None;
    }
    let cadence = job.schedule.cadence()?;
    change(job, &cadence.in_zone(Zone::UTC), cadence)
}

/// By how much and since when a job has run at the slots of one zone instead of those of another, if it changed.
pub fn change(job: &Job, before: &Cadence, after: &Cadence) -> Option<(Millis, Instant)> {
    let last = job.last_end()?;
    let shift = after.next(last)?.since(before.next(last)?).rem_euclid(before.usual_interval(last)?);
    if shift <= 2 * ZONE_SLACK {
        return None;
    }
    let lags: Vec<Option<Millis>> = job.fires.windows(2).map(|pair| lag(before, pair)).collect();
    let first = lags.iter().rposition(|lag| !is_near(*lag, shift))? + 1;
    let kept = lags[..first].iter().filter(|lag| is_near(**lag, 0)).count();
    let since = job.fires.get(first + 1)?.end;
    if kept < MIN_BEFORE_CHANGE { None } else { Some((shift, since)) }
}

/// How long after its slot the second of two runs ended.
fn lag(cadence: &Cadence, pair: &[Fire]) -> Option<Millis> {
    Some(pair[1].end.since(cadence.next(pair[0].end)?))
}

fn is_near(lag: Option<Millis>, shift: Millis) -> bool {
    lag.is_some_and(|lag| (lag - shift).abs() <= ZONE_SLACK)
}
