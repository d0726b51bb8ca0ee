//! starved: a job that loses most of its slots to other jobs' long runs. Nothing is broken, so it is one line of info.

use super::{Context, Finding, Severity};
use crate::cadence::Cadence;
use crate::model::{Job, State};
use crate::time::{DAY, Instant};

/// With fewer slots a day, a lost one means little.
const FEWEST_SLOTS: u64 = 10;

/// At most one finding, for the last day.
pub fn find(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let now = context.settings.now;
    let cadence = job.schedule.cadence().filter(|cadence| matches!(cadence, Cadence::Cron(..)))?;
    let day = now.plus(-DAY);
    if job.state != State::Watched || job.switches.iter().any(|switch| switch.at >= day) {
        return None;
    }
    let fires: Vec<Instant> = job.fires.iter().map(|fire| fire.at).filter(|at| *at >= day).collect();
    // Who held the slot before the first of them may not be known, and the current wait is past-due's.
    let (&from, &to) = (fires.first()?, fires.last()?);
    // A job that fires at half its usual rate or more is not starved; to know that, no slot need be counted.
    if fires.len() as i64 * 2 * cadence.usual_interval(from)? >= to.since(from) {
        return None;
    }
    let slots = cadence.slots_between(from, to);
    let lost = slots.saturating_sub(fires.len() as u64 - 1);
    let mut ends = fires.iter().copied().zip(fires.iter().copied().skip(1));
    let held = |(before, after): (Instant, Instant)| {
        cadence.next(before).is_none_or(|due| due >= after || context.slot.occupied(due, after))
    };
    (slots >= FEWEST_SLOTS && lost * 2 > slots && ends.all(held)).then(|| {
        let text = format!("starved: {lost} of {slots} slots of the last day lost to other runs");
        let mut finding = Finding::new("gap", "starved", Severity::Info, text).with("slots", slots);
        finding.missed_slots = Some(lost);
        finding
    })
}
