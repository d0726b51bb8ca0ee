//! The ledgers of all jobs side by side: what fails together, what went together, and who bears witness to a silence.

use super::budget::Counted;
use super::context::{Context, Subject};
use super::flapping::Flapping;
use super::foreign_zone::{self, ForeignZoneJobs};
use super::gone::GoneTogether;
use super::ledger::{Ledger, Stretch};
use super::left_out::LeftOutJobs;
use super::outage::Outages;
use super::shared_failure::SharedFailure;
use super::streaks::Streaks;
use super::witness::{self, Standing, Witnesses};
use super::worker::LATE_IN_A_BATCH;
use crate::model::JobIndex;
use crate::time::Instant;

/// What the judges see: all jobs with their ledgers.
pub struct Fleet<'a> {
    /// What was read.
    pub context: &'a Context<'a>,
    /// When no model worked for any of several jobs.
    pub outages: Outages,
    /// The jobs that fail now and then.
    pub flapping: Flapping,
    /// The jobs that fail together.
    pub shared: SharedFailure,
    /// The jobs that lost their rows together.
    pub gone: GoneTogether,
    /// The jobs that the scheduler leaves out of a slot.
    pub left_out: LeftOutJobs,
    /// What is on record of what runs used.
    pub counted: Counted,
    /// The jobs of a different zone.
    pub foreign_zone: Option<ForeignZoneJobs>,
    /// When the scheduler's zone became the one that was found, if it changed.
    pub zone_changed: Option<Instant>,
    /// The streaks, in the order of the jobs.
    streaks: Vec<Streaks>,
    /// The ledgers, in the order of the jobs.
    ledgers: Vec<Ledger>,
    /// The silences of all jobs that their own runs bear witness to.
    witnesses: Witnesses,
    /// When slots began to wait, in order.
    waits: Vec<Instant>,
}

impl<'a> Fleet<'a> {
    /// Writes the ledger of each job, and compares them.
    pub fn new(context: &'a Context<'a>) -> Fleet<'a> {
        let subjects = context.subjects;
        let mut outages = Outages::find(subjects, &context.snapshot.other_fires);
        let flapping = Flapping::find(context, &outages);
        outages.retain(|outage| !flapping.is_chance(outage));
        let mut fleet = Fleet {
            context,
            streaks: subjects.iter().map(|subject| Streaks::of(&outages, subject)).collect(),
            shared: SharedFailure::find(context, &outages, &flapping),
            outages,
            flapping,
            gone: GoneTogether::find(subjects),
            left_out: LeftOutJobs::find(context),
            counted: Counted::of(context.runs()),
            foreign_zone: ForeignZoneJobs::find(subjects, context.snapshot.zone.zone),
            zone_changed: foreign_zone::zone_changed(context.snapshot),
            ledgers: Vec::with_capacity(context.snapshot.jobs.len()),
            witnesses: Witnesses::default(),
            waits: Vec::new(),
        };
        let mut witnessed = Vec::new();
        for subject in subjects.iter() {
            let ledger = Ledger::of(context, subject, !fleet.is_foreign(subject.index));
            witnessed.extend(standing(context, subject, &ledger));
            fleet.waits.extend(ledger.stretches.iter().filter(|one| one.waits()).map(|one| one.since));
            fleet.ledgers.push(ledger);
        }
        fleet.witnesses = Witnesses::of(witnessed);
        fleet.waits.sort_unstable();
        fleet
    }

    /// The ledger of a job.
    pub fn ledger(&self, job: JobIndex) -> &Ledger {
        &self.ledgers[job.position()]
    }

    /// The streaks of a job.
    pub fn streaks(&self, job: JobIndex) -> &Streaks {
        &self.streaks[job.position()]
    }

    /// The first slot of any job that waited for something after the last run of all had ended.
    pub fn first_due_after(&self, end: Instant) -> Option<Instant> {
        let from = end.plus(-LATE_IN_A_BATCH);
        self.waits.get(self.waits.partition_point(|since| *since < from)).copied()
    }

    /// Whether a job seems to run in another zone than the assumed one, so that its slots are not known.
    pub fn is_foreign(&self, job: JobIndex) -> bool {
        self.foreign_zone.as_ref().is_some_and(|foreign| foreign.contains(job))
    }

    /// Whether something shows that a job's schedule was in force before a silence: its own runs, or the silence of another job.
    pub fn has_witness(&self, subject: &Subject<'_>, stretch: &Stretch) -> bool {
        witness::kept_its_schedule(self.context, subject, stretch) || self.witnesses.bear_witness_to(stretch)
    }
}

/// The long silences of a job that its own runs bear witness to.
fn standing(context: &Context<'_>, subject: &Subject<'_>, ledger: &Ledger) -> Vec<Standing> {
    let mut standing = Vec::new();
    for stretch in ledger.silences() {
        if witness::is_long(context, subject, stretch) && witness::kept_its_schedule(context, subject, stretch) {
            standing.extend(Standing::of(stretch));
        }
    }
    standing
}
