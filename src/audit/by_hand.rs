//! Silences that runs by hand interrupt. Such a run ends none: while the job's own slots are left out, it is silent, however
//! often others start it. Only a silence of the whole scheduler, or one before a restart, is over with it.

use super::context::{Context, Subject};
use super::ledger::{Fate, Ledger, Stretch};
use super::repair::UPDATE_FOLLOWS;
use super::runs::begin;
use crate::model::Job;
use crate::time::Instant;

/// Lost slots between two runs of the job's own, whatever others started meanwhile.
#[derive(Debug, Clone)]
pub struct Silence {
    /// From the first lost slot to the last, at the place of the first between two runs.
    pub stretch: Stretch,
    /// How often others ran the job meanwhile.
    pub by_hand: usize,
}

/// The silences of a job, oldest first. The end of the last is open, if it lasts.
pub fn silences(context: &Context<'_>, subject: &Subject<'_>, ledger: &Ledger) -> Vec<Silence> {
    let mut silences: Vec<Silence> = Vec::new();
    let mut lasts = false;
    for stretch in &ledger.stretches {
        match stretch.fate {
            Fate::Lost => {
                match silences.last_mut() {
                    Some(silence) if lasts => silence.stretch.until = stretch.until,
                    _ => silences.push(Silence { stretch: stretch.clone(), by_hand: 0 }),
                }
                lasts = stretch.until.is_some();
            }
            Fate::Served(_) => {
                for index in stretch.runs.clone() {
                    let Some(silence) = silences.last_mut() else { break };
                    if !lasts {
                        break;
                    }
                    lasts = is_by_hand(subject.job, index) && goes_on(context, silence);
                    if lasts {
                        silence.by_hand += 1;
                    } else if silence.by_hand > 0 {
                        silence.stretch.until = Some(begin(&subject.job.fires[index]));
                    }
                }
            }
            Fate::Excused(_) => {}
        }
    }
    if let Some(silence) = silences.last_mut()
        && lasts
        && silence.by_hand > 0
    {
        silence.stretch.until = None;
    }
    for silence in silences.iter_mut().filter(|silence| silence.by_hand > 0) {
        count_slots(context, subject, silence);
    }
    silences
}

/// Counts the slots of a silence anew: runs by hand served none.
fn count_slots(context: &Context<'_>, subject: &Subject<'_>, silence: &mut Silence) {
    let Some(cadence) = subject.job.schedule.cadence() else { return };
    let Stretch { since, until, .. } = silence.stretch;
    let slots = context.slots_between(subject, cadence, since, until.unwrap_or(context.settings.now));
    // The run that ended it served the last of them.
    silence.stretch.slots = if until.is_some() { slots.max(1) } else { slots + 1 };
}

/// Whether somebody asked for a run, at its start, or where that is not known, since the last slot before its end.
fn is_by_hand(job: &Job, index: usize) -> bool {
    let fire = &job.fires[index];
    if let Some(start) = fire.known_start() {
        return !asked_between(job, start.plus(-UPDATE_FOLLOWS), start.plus(UPDATE_FOLLOWS)).is_empty();
    }
    let before = index.checked_sub(1).map_or(Instant::MIN, |before| job.fires[before].end);
    let Some(cadence) = job.schedule.cadence() else { return false };
    let mut asked = asked_between(job, before, fire.end).iter();
    asked.any(|asked| cadence.next(*asked).is_none_or(|slot| slot > begin(fire)))
}

/// When somebody asked for runs of a job between two instants.
fn asked_between(job: &Job, from: Instant, until: Instant) -> &[Instant] {
    let first = job.manual_runs.partition_point(|asked| *asked < from);
    &job.manual_runs[first..job.manual_runs.partition_point(|asked| *asked <= until).max(first)]
}

/// Whether a run by hand leaves a silence as it is: others ran in it, and no restart can have ended it.
fn goes_on(context: &Context<'_>, silence: &Silence) -> bool {
    let Stretch { since, until: Some(until), .. } = silence.stretch else { return false };
    let is_restarted = context.snapshot.boots.last().is_some_and(|boot| *boot > since);
    !is_restarted && context.worker.lull_within(since, until).is_none()
}
