//! The timeline: what became of a job's last slots, for people who would rather look than read.

use super::context::{Context, Subject};
use super::ledger::{Excuse, Fate, Ledger, Stretch};
use super::runs::{begin, is_same_slot};
use super::worker::ActiveRun;
use crate::model::{Fire, MessageFate, Outcome};
use crate::schedule::Cadence;
use crate::time::{HOUR, Instant};

/// Slots shown at most: two days of an hourly job, and as wide as fits a terminal of 80 columns beside a name.
const MAX_SLOTS: usize = 48;
/// Runs that are looked at to find them: a job that runs far too often has many in one slot.
const MAX_RUNS: usize = 20 * MAX_SLOTS;

/// What became of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A run served it.
    Fired,
    /// The same, but it failed, used no tokens, or ended too soon.
    ZeroTokens,
    /// The same, but the scheduler skipped the work.
    Skipped,
    /// A run served it, and its message reached nobody.
    Undelivered,
    /// Two runs or more served it.
    Doubled,
    /// No run served it, and none will.
    Missed,
    /// No run served it, for a reason that is no fault.
    Waiting,
}

impl Mark {
    /// All of them, in the order of the legend.
    pub const ALL: [Mark; 7] =
        [Mark::Fired, Mark::ZeroTokens, Mark::Skipped, Mark::Undelivered, Mark::Doubled, Mark::Missed, Mark::Waiting];

    /// How it is shown.
    pub fn symbol(self) -> char {
        match self {
            Mark::Fired => '●',
            Mark::ZeroTokens => '○',
            Mark::Skipped => '–',
            Mark::Undelivered => '!',
            Mark::Doubled => '2',
            Mark::Missed => '×',
            Mark::Waiting => '…',
        }
    }

    /// How it is shown where only ASCII can be, and in JSON.
    pub fn ascii(self) -> char {
        match self {
            Mark::Fired => '#',
            Mark::ZeroTokens => '0',
            Mark::Skipped => '-',
            Mark::Undelivered => '!',
            Mark::Doubled => '2',
            Mark::Missed => 'x',
            Mark::Waiting => '~',
        }
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Mark::Fired => "ran",
            Mark::ZeroTokens => "failed",
            Mark::Skipped => "skipped",
            Mark::Undelivered => "not delivered",
            Mark::Doubled => "ran twice",
            Mark::Missed => "lost",
            Mark::Waiting => "waits",
        }
    }

    fn of_run(outcome: Outcome) -> Mark {
        match outcome {
            Outcome::Empty | Outcome::Failed | Outcome::Threw | Outcome::Cut | Outcome::Short => Mark::ZeroTokens,
            Outcome::Skipped | Outcome::Declined => Mark::Skipped,
            Outcome::Worked | Outcome::Unproven | Outcome::Idle | Outcome::Unread => Mark::Fired,
        }
    }

    fn of_excuse(context: &Context<'_>, subject: &Subject<'_>, excuse: Excuse, stretch: &Stretch) -> Mark {
        let is_lost = match excuse {
            Excuse::Stopped => true,
            // What was due before a restart is over when the scheduler works again.
            Excuse::CatchingUp(_) => stretch.until.is_some(),
            Excuse::Running => context.worker.run_of(subject.index).is_some_and(is_over),
            Excuse::Busy => stretch.until.is_none() && context.worker.blocker().is_some_and(|(_, run)| is_over(run)),
            _ => false,
        };
        if is_lost { Mark::Missed } else { Mark::Waiting }
    }
}

/// The last slots of a job, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// When the first of them was due; of a run, when it began, or ended if only that is known.
    pub first: Option<Instant>,
    /// What became of each.
    pub marks: Vec<Mark>,
}

impl Timeline {
    /// The last slots of a job, by its ledger.
    pub fn new(context: &Context<'_>, subject: &Subject<'_>, ledger: &Ledger) -> Timeline {
        let cadence = subject.job.schedule.cadence();
        let mut strip = Strip { cadence, runs: 0, newer: None, first: None, marks: Vec::new(), is_full: false };
        for stretch in ledger.stretches.iter().rev() {
            if strip.is_full {
                break;
            }
            if stretch.is_served_late(cadence) {
                continue;
            }
            match stretch.fate {
                Fate::Served(outcome) => strip.add_runs(subject, stretch, Mark::of_run(outcome)),
                Fate::Excused(excuse) => {
                    strip.add_slots(context, stretch, Mark::of_excuse(context, subject, excuse, stretch));
                }
                Fate::Lost => strip.add_slots(context, stretch, Mark::Missed),
            }
        }
        strip.marks.reverse();
        Timeline { first: strip.first, marks: strip.marks }
    }
}

/// A timeline in the making, newest first.
struct Strip<'a> {
    cadence: Option<&'a Cadence>,
    /// How many runs were looked at.
    runs: usize,
    /// The last run, if the last mark stands for one.
    newer: Option<&'a Fire>,
    first: Option<Instant>,
    marks: Vec<Mark>,
    /// Whether there was a slot for which there was no room.
    is_full: bool,
}

impl<'a> Strip<'a> {
    fn add_runs(&mut self, subject: &Subject<'a>, stretch: &Stretch, mark: Mark) {
        for fire in subject.job.fires[stretch.runs.clone()].iter().rev() {
            self.runs += 1;
            if self.runs > MAX_RUNS {
                self.is_full = true;
                return;
            }
            let shares_slot = self.shares_slot(fire);
            let both_served_it = shares_slot && self.newer.is_some_and(|newer| self.began_in_one_slot(fire, newer));
            self.newer = Some(fire);
            let mark = if mark == Mark::Fired && fire.message == MessageFate::Lost { Mark::Undelivered } else { mark };
            if shares_slot {
                if let Some(newer) = self.marks.last_mut() {
                    *newer = of_one_slot(mark, *newer, both_served_it);
                }
            } else if self.marks.len() < MAX_SLOTS {
                self.marks.push(mark);
            } else {
                self.is_full = true;
                return;
            }
            self.first = Some(begin(fire));
        }
    }

    /// Whether a run and the one after it served the same slot of a cron expression. Each run of an interval has a slot of
    /// its own.
    fn shares_slot(&self, fire: &Fire) -> bool {
        match (self.cadence, self.newer) {
            (Some(cadence @ Cadence::Cron(..)), Some(newer)) => is_same_slot(cadence, fire, newer),
            _ => false,
        }
    }

    /// Whether two runs began after the same slot, by the earliest instants at which they can have begun.
    fn began_in_one_slot(&self, fire: &Fire, newer: &Fire) -> bool {
        let earliest = fire.known_start().or(fire.earliest_start());
        let next = earliest.and_then(|start| self.cadence?.next(start));
        next.is_some_and(|next| next > begin(newer))
    }

    fn add_slots(&mut self, context: &Context<'_>, stretch: &Stretch, mark: Mark) {
        self.newer = None;
        let room = MAX_SLOTS - self.marks.len();
        let all = usize::try_from(stretch.slots).unwrap_or(usize::MAX);
        self.is_full = all > room;
        if room == 0 || all == 0 {
            return;
        }
        let shown = all.min(room);
        self.marks.extend(std::iter::repeat_n(mark, shown));
        let until = stretch.until.unwrap_or(context.settings.now);
        self.first = Some(match self.cadence {
            Some(Cadence::Every(interval)) => stretch.since.plus(interval.saturating_mul((all - shown) as i64)),
            Some(cadence) if shown < all => slot_before(cadence, stretch.since, until, shown as u64),
            _ => stretch.since,
        });
    }
}

/// The mark of a slot with two runs: one good run is enough, and two are one too many if both began in it.
fn of_one_slot(older: Mark, newer: Mark, both_served_it: bool) -> Mark {
    match (older, newer) {
        (Mark::Fired, Mark::Fired | Mark::Doubled) if both_served_it => Mark::Doubled,
        (Mark::Fired, Mark::ZeroTokens | Mark::Skipped) => Mark::Fired,
        (_, newer) => newer,
    }
}

/// Whether nothing comes of a run any more, and so of what waits for it.
fn is_over(run: &ActiveRun) -> bool {
    run.hangs() || run.cut.is_some()
}

/// The slot after `since` from which on there are so many up to `until`: looked for near the end, because there may be thousands
/// of years of slots.
fn slot_before(cadence: &Cadence, since: Instant, until: Instant, slots: u64) -> Instant {
    let mut width = HOUR;
    while until.plus(-width) > since && cadence.slots_between(until.plus(-width), until) < slots {
        width *= 2;
    }
    let mut slot = since.max(until.plus(-width));
    let earlier = cadence.slots_between(slot, until).saturating_sub(slots);
    for _ in 0..=earlier {
        slot = cadence.next(slot).unwrap_or(slot);
    }
    slot
}
