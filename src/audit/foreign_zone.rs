//! Jobs that ran in a different time zone than the assumed one.

use super::finding::{Finding, seconds};
use super::gap::GapEvidence;
use super::{Context, Subject, Subjects};
use crate::catalog::Severity;
use crate::model::{AssumedZone, Fire, Job, JobIndex, ZoneBasis};
use crate::schedule::{Cadence, Zone};
use crate::time::{HOUR, Millis};
use crate::zone::{self, Witness};

/// Fires end within this time of their slots, as zones go, and so many in the assumed zone show that it was right before.
const ZONE_SLACK: Millis = HOUR;
const MIN_BEFORE_CHANGE: usize = 2;

/// Jobs whose next run is no slot in the assumed zone, but would be one elsewhere.
#[derive(Debug)]
pub struct ForeignZoneJobs {
    /// The jobs, in order.
    jobs: Vec<(JobIndex, String)>,
    /// A zone in which the next runs of most of them are slots.
    zone: Zone,
    /// Whether as many jobs speak for that zone as for the assumed one.
    is_likely: bool,
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

    /// One finding for all of them, under the first, and one for each that ran in the assumed zone before.
    pub fn findings(&self, context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Vec<Finding> {
        let all = Some(self.finding(context)).filter(|_| self.is_first(subject.index));
        all.into_iter().chain(change(subject.job, cadence, &cadence.in_zone(self.zone))).collect()
    }

    fn is_first(&self, job: JobIndex) -> bool {
        self.jobs.first().is_some_and(|(first, _)| *first == job)
    }

    fn finding(&self, context: &Context<'_>) -> Finding {
        let evidence = GapEvidence::OtherZone {
            jobs: self.jobs.iter().map(|(_, id)| id.clone()).collect(),
            offset: self.zone.name(),
            zone: context.snapshot.zone.zone.name(),
        };
        Finding::new(if self.is_likely { Severity::Warning } else { Severity::Info }, evidence)
    }
}

/// Since when a job has run in the zone that was found instead of UTC, the usual zone of a container, if it changed.
pub fn change_from_utc(assumed: &AssumedZone, job: &Job) -> Option<Finding> {
    let was_found = matches!(assumed.basis, ZoneBasis::NextRuns(_)) && assumed.zone != Zone::UTC;
    let own = || job.schedule.cadence().filter(|_| job.schedule.timezone().is_none());
    let cadence = was_found.then(own).flatten()?;
    change(job, &cadence.in_zone(Zone::UTC), cadence)
}

/// Since when a job has run at the slots of one zone instead of those of another, if it changed.
fn change(job: &Job, before: &Cadence, after: &Cadence) -> Option<Finding> {
    let last = job.last_end()?;
    let shift = after.next(last)?.since(before.next(last)?).rem_euclid(before.usual_interval(last)?);
    if shift <= 2 * ZONE_SLACK {
        return None;
    }
    let lag = |pair: &[Fire]| Some(pair[1].end.since(before.next(pair[0].end)?));
    let lags: Vec<Option<Millis>> = job.fires.windows(2).map(lag).collect();
    let is_near = |lag: &Option<Millis>, shift: Millis| lag.is_some_and(|lag| (lag - shift).abs() <= ZONE_SLACK);
    let first = lags.iter().rposition(|lag| !is_near(lag, shift))? + 1;
    let before = lags[..first].iter().filter(|lag| is_near(lag, 0)).count();
    let since = job.fires.get(first + 1)?.end;
    let shift_seconds = seconds(shift);
    (before >= MIN_BEFORE_CHANGE)
        .then(|| Finding::new(Severity::Info, GapEvidence::ZoneChanged { shift_seconds }).since(since))
}
