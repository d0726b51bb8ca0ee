//! Jobs that ran in a different time zone than the assumed one.

use super::finding::{Finding, seconds};
use super::gap::GapEvidence;
use super::{Context, Subject, Subjects};
use crate::catalog::Severity;
use crate::model::{Fire, Job, JobIndex, State};
use crate::schedule::Cadence;
use crate::time::{HOUR, MINUTE, Millis};

/// Fires end within this time of their slots, as zones go, and so many in the assumed zone show that it was right before.
const ZONE_SLACK: Millis = HOUR;
const MIN_BEFORE_CHANGE: usize = 2;

/// Jobs that seem to have run in a different zone than the assumed one.
#[derive(Debug)]
pub struct ForeignZoneJobs {
    /// The jobs, in order.
    jobs: Vec<(JobIndex, String)>,
    /// Such a zone's offset from UTC.
    offset: Millis,
}

impl ForeignZoneJobs {
    /// Jobs without a zone of their own whose `next_run_at`, a whole minute that no restart or backoff explains, is not one
    /// of their slots here but would be one elsewhere.
    pub fn find(subjects: &Subjects<'_>) -> Option<ForeignZoneJobs> {
        let mut offsets: Option<Vec<Millis>> = None;
        let mut jobs = Vec::new();
        for subject in subjects.iter().filter(|subject| subject.selected) {
            let job = subject.job;
            let settled = job.state == State::Watched && job.errors() == 0;
            let (Some(next), Some(cadence)) = (job.next_run(), job.schedule.cadence()) else { continue };
            let own_zone = job.schedule.timezone.is_some() || next.millis() % MINUTE != 0;
            if !settled || own_zone || cadence.has_slot_at(next) {
                continue;
            }
            let fitting = cadence.offsets_with_slot_at(next);
            if fitting.is_empty() {
                continue;
            }
            offsets = Some(offsets.map_or(fitting.clone(), |known| {
                let both: Vec<Millis> = known.iter().copied().filter(|offset| fitting.contains(offset)).collect();
                if both.is_empty() { known } else { both }
            }));
            jobs.push((subject.index, job.id.clone()));
        }
        let offset = offsets?.into_iter().min_by_key(|offset| offset.abs())?;
        Some(ForeignZoneJobs { jobs, offset })
    }

    /// Whether a job is one of them.
    pub fn contains(&self, job: JobIndex) -> bool {
        self.jobs.binary_search_by_key(&job, |(index, _)| *index).is_ok()
    }

    /// One finding for all of them, under the first, and one for each that ran in the assumed zone before.
    pub fn findings(&self, context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Vec<Finding> {
        let all = Some(self.finding(context)).filter(|_| self.is_first(subject.index));
        all.into_iter().chain(self.change(subject.job, cadence)).collect()
    }

    fn is_first(&self, job: JobIndex) -> bool {
        self.jobs.first().is_some_and(|(first, _)| *first == job)
    }

    /// Since when a job has run at the slots of its zone instead of those of the assumed one, if it changed.
    fn change(&self, job: &Job, cadence: &Cadence) -> Option<Finding> {
        let shift = (-self.offset).rem_euclid(cadence.usual_interval(job.last_end()?)?);
        let lag = |pair: &[Fire]| Some(pair[1].end.since(cadence.next(pair[0].end)?));
        let lags: Vec<Option<Millis>> = job.fires.windows(2).map(lag).collect();
        let is_near = |lag: &Option<Millis>, shift: Millis| lag.is_some_and(|lag| (lag - shift).abs() <= ZONE_SLACK);
        let first = lags.iter().rposition(|lag| !is_near(lag, shift))? + 1;
        let before = lags[..first].iter().filter(|lag| is_near(lag, 0)).count();
        let since = job.fires.get(first + 1)?.end;
        let shift_seconds = seconds(shift);
        (shift > 2 * ZONE_SLACK && before >= MIN_BEFORE_CHANGE)
            .then(|| Finding::new(Severity::Info, GapEvidence::ZoneChanged { shift_seconds }).since(since))
    }

    fn finding(&self, context: &Context<'_>) -> Finding {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let evidence = GapEvidence::OtherZone {
            jobs: self.jobs.iter().map(|(_, id)| id.clone()).collect(),
            offset: format!("UTC{sign}{:02}:{:02}", self.offset.abs() / HOUR, self.offset.abs() % HOUR / MINUTE),
            zone: context.settings.zone.name().to_owned(),
        };
        Finding::new(Severity::Info, evidence)
    }
}
