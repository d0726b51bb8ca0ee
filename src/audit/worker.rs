//! The worker: it has one place or some, so a due job waits while all of them are taken.
//!
//! Where a scheduler records the start and end of each run, that is all. Where it runs one job after another and records ends
//! only, the exact start is known of a job's newest run, from its row. An older run is taken to have begun at the end of the
//! run before it, whoever's that was: what remains is when the worker was visibly free. A job that was due then and did not
//! fire was not waiting. Where another job has fired three times meanwhile, this one was passed over, since a batch takes
//! each job once: then runs are taken to have begun no earlier than their own slot.

use super::Settings;
use crate::model::{Fire, Job, OpenRun, Run, Snapshot, Tokens};
use crate::time::{Instant, MINUTE, Millis, SECOND};
use std::cell::OnceCell;

/// A shorter free stretch proves nothing: the batch moves from one run to the next within it.
pub const SHORTEST_FREE: Millis = MINUTE;
/// The scheduler's own time-out takes a moment to end a run.
pub const TIMEOUT_GRACE: Millis = MINUTE;
/// A delivery that takes longer hangs.
pub const LONGEST_DELIVERY: Millis = 15 * MINUTE;
/// A row is written within this after its run's cost event, which is cut to the second.
pub const ROW_FOLLOWS: Millis = 2 * SECOND;
/// A run is unusual beyond this many times the longest of so many before it, once so many are known, and never below this.
const USUAL_FACTOR: Millis = 2;
const USUAL_RUNS: usize = 30;
const FEWEST_RUNS: usize = 5;
const USUAL_FLOOR: Millis = 10 * MINUTE;
/// With fewer runs known, only the last counts.
const UNKNOWN_FLOOR: Millis = 30 * MINUTE;
/// A job was passed over once another one has fired so often since it was due.
const PASSED_OVER: usize = 3;

/// When the worker was free, and who holds it now.
#[derive(Debug)]
pub struct Worker<'a> {
    snapshot: &'a Snapshot,
    settings: &'a Settings,
    /// By job: the longest run that the scheduler allows it.
    longest: Vec<Millis>,
    /// What holds its places, as far as that shows.
    pub holders: Vec<Holder>,
    /// The newest end of any run, and the index of its job, if that has one.
    pub newest: Option<(Instant, Option<usize>)>,
    /// Free since the newest end, or up to the run in flight.
    tail: Option<(Instant, Instant)>,
    cautious: Free,
    strict: OnceCell<Free>,
    /// The ends of all runs, oldest first.
    ends: OnceCell<Vec<Instant>>,
    /// The newest of all jobs' third-newest ends.
    third: Option<Instant>,
}

/// What holds the worker.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The index of its job; None if it has been deleted.
    pub job: Option<usize>,
    /// Its job's id.
    pub job_id: String,
    /// Its job's name, or what is known of a deleted job.
    pub name: String,
    /// What it does.
    pub phase: Phase,
    /// What tells it from any other: when its session showed, or its cost event was written.
    pub mark: Instant,
    /// When it began, as near as that is known.
    pub start: Instant,
    /// How long it has lasted.
    pub for_ms: Millis,
    /// Beyond this it is unusual.
    pub usual_ms: Millis,
    /// How far that is from what to expect.
    pub plausible: Plausible,
}

/// What a run does that holds the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The model works.
    Running,
    /// The model's work is done; its message is being delivered.
    Delivering,
}

/// How a run's length compares with what to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plausible {
    /// As ever.
    Usual,
    /// Longer than this job usually takes.
    Unusual,
    /// Longer than the scheduler allows: it hangs, or the process died in it.
    Impossible,
}

/// Stretches in which the worker was free, oldest first, with the sum of those before each.
#[derive(Debug, Default)]
struct Free {
    spans: Vec<(Instant, Instant)>,
    before: Vec<Millis>,
}

impl Free {
    fn new(mut spans: Vec<(Instant, Instant)>) -> Free {
        spans.retain(|(from, until)| until.since(*from) > SHORTEST_FREE);
        spans.sort_unstable();
        let before = spans.iter().scan(0, |sum, (from, until)| {
            let before = *sum;
            *sum += until.since(*from);
            Some(before)
        });
        Free { before: before.collect(), spans }
    }

    /// How much of it lies before `at`.
    fn up_to(&self, at: Instant) -> Millis {
        let index = self.spans.partition_point(|(from, _)| *from < at);
        let Some(&(from, until)) = index.checked_sub(1).and_then(|last| self.spans.get(last)) else { return 0 };
        self.before[index - 1] + until.min(at).since(from)
    }

    fn between(&self, from: Instant, until: Instant) -> Millis {
        if until <= from { 0 } else { self.up_to(until) - self.up_to(from) }
    }
}

impl<'a> Worker<'a> {
    /// Works out when the worker was free, from the runs and the longest that each job may take, by its index.
    pub fn of(snapshot: &'a Snapshot, settings: &'a Settings, longest: Vec<Millis>) -> Worker<'a> {
        let newest = newest_end(snapshot);
        let mut holders = in_flight(snapshot, settings, &longest, newest);
        if holders.is_empty() {
            holders.extend(delivering(snapshot, settings, newest));
        }
        let tail = tail(snapshot, settings, newest, holders.first());
        let mut worker = Worker {
            snapshot,
            settings,
            longest,
            holders,
            newest,
            tail,
            cautious: Free::default(),
            strict: OnceCell::new(),
            ends: OnceCell::new(),
            third: snapshot.jobs.iter().filter_map(third_newest).max(),
        };
        worker.cautious = match snapshot.habits.places {
            1 => worker.free(|_, _, before| before),
            places => worker.free_places(places),
        };
        worker
    }

    /// The stretches in which fewer runs than there are places were on record.
    fn free_places(&self, places: usize) -> Free {
        let now = self.settings.now;
        let Some(from) = self.snapshot.window_start.filter(|from| *from < now) else { return Free::default() };
        let fires = self.snapshot.jobs.iter().flat_map(|job| &job.fires).chain(&self.snapshot.other_fires);
        let ended = fires.filter_map(|fire| Some((fire.known_start()?, fire.end)));
        let running = self.holders.iter().map(|run| (run.start, now));
        let mut changes: Vec<(Instant, i64)> =
            ended.chain(running).flat_map(|(start, end)| [(start.max(from), 1), (end.max(from), -1)]).collect();
        changes.sort_unstable();
        let (mut taken, mut since, mut spans) = (0, from, Vec::new());
        for (at, change) in changes.into_iter().chain([(now, 0)]) {
            if taken < places as i64 {
                match spans.last_mut() {
                    Some((_, end)) if *end == since => *end = at,
                    _ => spans.push((since, at)),
                }
            }
            (taken, since) = (taken + change, at);
        }
        Free::new(spans)
    }

    /// The free stretches before the runs, where `earliest` bounds the start of one by its job, its fire before, and the
    /// end of the run before it.
    fn free(&self, earliest: impl Fn(&Job, Option<&Fire>, Instant) -> Instant) -> Free {
        let of_others = self.settings.max_run.saturating_add(TIMEOUT_GRACE);
        let mut spans: Vec<(Instant, Instant)> = self.tail.into_iter().collect();
        for (job, longest) in self.snapshot.jobs.iter().zip(&self.longest) {
            let longest = longest.saturating_add(TIMEOUT_GRACE);
            for (index, fire) in job.fires.iter().enumerate().filter(|(_, fire)| is_lull(fire)) {
                let before = fire.start();
                let start = match fire.known_start() {
                    Some(start) => start,
                    None => {
                        let previous = index.checked_sub(1).map(|previous| &job.fires[previous]);
                        earliest(job, previous, before).max(fire.end.plus(-longest))
                    }
                };
                spans.push((before, start.min(fire.end)));
            }
        }
        let others = self.snapshot.other_fires.iter().filter(|fire| is_lull(fire));
        spans.extend(others.map(|fire| (fire.start(), fire.end.plus(-of_others))));
        Free::new(spans)
    }

    /// The free stretches if each run began no earlier than its own slot.
    fn strict(&self) -> &Free {
        if self.snapshot.habits.places > 1 {
            return &self.cautious;
        }
        self.strict.get_or_init(|| {
            self.free(|job, previous, before| {
                let slot = previous.and_then(|previous| {
                    // After an error the scheduler tries again before the next slot.
                    let retried = previous.is_bad();
                    if retried {
                        Some(previous.end.plus(self.backoff(0)))
                    } else {
                        job.schedule.cadence()?.next(previous.end)
                    }
                });
                slot.map_or(before, |slot| slot.max(before))
            })
        })
    }

    /// Whether some job has fired so often since `due` that one that has not was not waiting for its turn.
    pub fn passed_over(&self, due: Instant) -> bool {
        self.third.is_some_and(|third| third > due)
    }

    /// For how long in total the worker was visibly free between `due` and `until` for a job that has not fired since `due`.
    pub fn free_for(&self, due: Instant, until: Instant) -> Millis {
        let free = if self.passed_over(due) { self.strict() } else { &self.cautious };
        free.between(due, until)
    }

    /// How long after an error the scheduler tries again; the first is 0.
    pub fn backoff(&self, error: usize) -> Millis {
        let ladder = self.snapshot.habits.backoff;
        ladder.get(error).or(ladder.last()).copied().unwrap_or(0)
    }

    /// Whether the worker may have been held all the while, at the strictest view of when runs began.
    pub fn occupied(&self, from: Instant, until: Instant) -> bool {
        self.strict().between(from, until) <= SHORTEST_FREE
    }

    /// How much of the free time since `due` came before the newest end: then it was not the whole scheduler that fell
    /// silent.
    pub fn free_before_newest(&self, due: Instant) -> Millis {
        self.newest.map_or(0, |(end, _)| self.free_for(due, end))
    }

    /// A job's own run.
    pub fn run_of(&self, job: usize) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.job == Some(job))
    }

    /// The run that jobs wait for, with its index: the one that has lasted longest, if no place is free.
    pub fn blocker(&self) -> Option<(usize, &Holder)> {
        let all_taken = self.holders.len() >= self.snapshot.habits.places;
        self.holders.iter().enumerate().filter(|_| all_taken).max_by_key(|(_, run)| run.for_ms)
    }

    /// The newest end of any run up to `at`, as far as it is known: what tells one silence from another.
    pub fn end_before(&self, at: Instant) -> Option<Instant> {
        let ends = self.ends();
        ends.partition_point(|end| *end <= at).checked_sub(1).map(|index| ends[index])
    }

    /// The first end of any run after `at`.
    pub fn end_after(&self, at: Instant) -> Option<Instant> {
        let ends = self.ends();
        ends.get(ends.partition_point(|end| *end <= at)).copied()
    }

    /// The index of a job whose run ended then; of several the first by id.
    pub fn ended_at(&self, at: Instant) -> Option<usize> {
        let ended = |job: &Job| job.fires.binary_search_by_key(&at, |fire| fire.end).is_ok();
        let jobs = self.snapshot.jobs.iter().enumerate().filter(|(_, job)| ended(job));
        jobs.min_by_key(|(_, job)| &job.id).map(|(index, _)| index)
    }

    fn ends(&self) -> &[Instant] {
        self.ends.get_or_init(|| {
            let fires = self.snapshot.jobs.iter().flat_map(|job| &job.fires).chain(&self.snapshot.other_fires);
            let mut ends: Vec<Instant> = fires.map(|fire| fire.end).collect();
            ends.sort_unstable();
            ends
        })
    }
}

fn is_lull(fire: &Fire) -> bool {
    fire.tokens != Tokens::NoEvent && fire.longest_ms < u32::MAX && Millis::from(fire.longest_ms) > SHORTEST_FREE
}

fn newest_end(snapshot: &Snapshot) -> Option<(Instant, Option<usize>)> {
    let of_jobs =
        snapshot.jobs.iter().enumerate().filter_map(|(index, job)| Some((job.fires.last()?.end, Some(index))));
    of_jobs.chain(snapshot.other_fires.last().map(|fire| (fire.end, None))).max()
}

fn third_newest(job: &Job) -> Option<Instant> {
    job.fires.len().checked_sub(PASSED_OVER).map(|third| job.fires[third].end)
}

/// Free since the newest end: up to the run in flight, or up to now if for longer than a run may take to show.
fn tail(
    snapshot: &Snapshot,
    settings: &Settings,
    newest: Option<(Instant, Option<usize>)>,
    holder: Option<&Holder>,
) -> Option<(Instant, Instant)> {
    let now = settings.now;
    // Before the first run there was nothing but the making of the jobs.
    let (end, job) = newest.or(Some((snapshot.window_start?, None)))?;
    let row_end = job.and_then(|job| snapshot.jobs[job].last_run()).map(Run::end).filter(|row| *row <= now);
    let from = row_end.map_or(end, |row| row.max(end));
    match holder {
        Some(run) if run.phase == Phase::Running => Some((from, run.start)),
        Some(delivery) if delivery.plausible < Plausible::Impossible => None,
        _ if now.since(from) <= snapshot.habits.shows_within => None,
        // Sessions of that time are gone, so any plausible run may have been in flight.
        _ if snapshot.sessions_moved_on => Some((from, now.plus(-settings.max_run))),
        _ => Some((from, now)),
    }
}

/// The runs on record that have not ended, or the one whose session showed.
fn in_flight(
    snapshot: &Snapshot,
    settings: &Settings,
    longest: &[Millis],
    newest: Option<(Instant, Option<usize>)>,
) -> Vec<Holder> {
    let hold = |job: Option<usize>, job_id: &str, mark: Instant, start: Instant| {
        let for_ms = settings.now.since(start);
        let usual_ms = job.map_or(UNKNOWN_FLOOR, |job| usual_run(&snapshot.jobs[job]));
        let longest = job.map_or(settings.max_run, |job| longest[job]);
        let plausible = match for_ms {
            long if long > longest.saturating_add(TIMEOUT_GRACE) => Plausible::Impossible,
            long if long > usual_ms => Plausible::Unusual,
            _ => Plausible::Usual,
        };
        let name = job.map_or_else(|| format!("the deleted job {job_id}"), |job| snapshot.jobs[job].name.clone());
        let job_id = job_id.to_owned();
        Holder { job, job_id, name, phase: Phase::Running, mark, start, for_ms, usual_ms, plausible }
    };
    let recorded = snapshot.jobs.iter().enumerate();
    let recorded =
        recorded.filter_map(|(index, job)| Some(hold(Some(index), &job.id, job.running_since?, job.running_since?)));
    let seen = snapshot.open_runs.first().and_then(|open| {
        let job = snapshot.jobs.iter().position(|job| job.id == open.job_id);
        if was_cut(snapshot, job, open) {
            return None;
        }
        let due =
            job.and_then(|job| snapshot.jobs[job].next_run()).filter(|due| *due <= open.seen).unwrap_or(open.seen);
        let start = due.max(open.seen.plus(-snapshot.habits.shows_within));
        let start = start.max(newest.map_or(Instant::MIN, |(end, _)| end)).min(open.seen);
        Some(hold(job, &open.job_id, open.seen, start))
    });
    recorded.chain(seen).collect()
}

/// Whether the process was started anew since a run showed: its row then carries the boot's time, or several rows do.
fn was_cut(snapshot: &Snapshot, own: Option<usize>, open: &OpenRun) -> bool {
    let Some(step) = snapshot.habits.boot_step else { return false };
    let later = |job: &Job| rewritten_at(job).filter(|boot| *boot > open.seen);
    let boots: Vec<Instant> = snapshot.jobs.iter().filter_map(later).collect();
    let stepped = |boot: &Instant| boots.iter().any(|other| other > boot && other.since(*boot) % step == 0);
    own.is_some_and(|own| later(&snapshot.jobs[own]).is_some()) || boots.iter().any(stepped)
}

/// When a restart meant to run a past-due job: its `next_run_at`, if that is none of its own slots.
pub fn rewritten_at(job: &Job) -> Option<Instant> {
    let next = job.next_run().filter(|_| job.state.is_watched() && job.errors() == 0)?;
    let own = match job.schedule.cadence() {
        Some(crate::cadence::Cadence::Every(interval)) => {
            let from = [job.last_run().map(Run::end), job.written(), job.created_at];
            from.into_iter().flatten().any(|from| next.since(from.plus(*interval)).abs() <= ROW_FOLLOWS)
        }
        // Its slots are whole minutes in any zone.
        Some(_) => next.millis() % MINUTE == 0,
        None => job.schedule.at.is_none_or(|at| next.since(at).abs() <= SECOND),
    };
    (!own).then_some(next)
}

/// Beyond what length a run of a job is unusual.
fn usual_run(job: &Job) -> Millis {
    let lengths: Vec<Millis> =
        (0..job.fires.len()).rev().filter_map(|index| run_length(job, index)).take(USUAL_RUNS).collect();
    if lengths.len() < FEWEST_RUNS {
        return lengths.first().map_or(UNKNOWN_FLOOR, |last| last.saturating_mul(USUAL_FACTOR).max(UNKNOWN_FLOOR));
    }
    lengths.into_iter().max().map_or(USUAL_FLOOR, |longest| longest.saturating_mul(USUAL_FACTOR).max(USUAL_FLOOR))
}

/// How long a run took: from the later of its slot and the end of the run before it, exactly for the newest.
fn run_length(job: &Job, index: usize) -> Option<Millis> {
    let fire = &job.fires[index];
    if let Some(start) = fire.known_start() {
        return Some(fire.end.since(start));
    }
    let previous = &job.fires[index.checked_sub(1)?];
    let slot = job.schedule.cadence()?.next(previous.end).filter(|slot| *slot <= fire.end);
    Some(fire.end.since(slot.map_or(fire.start(), |slot| slot.max(fire.start()))))
}

/// A run whose cost event is there and whose row was not updated since: it is being delivered.
fn delivering(snapshot: &Snapshot, settings: &Settings, newest: Option<(Instant, Option<usize>)>) -> Option<Holder> {
    let (end, Some(index)) = newest? else { return None };
    let job = &snapshot.jobs[index];
    let fire = job.fires.last()?;
    let row = job.row.as_ref().filter(|_| job.state.is_watched())?;
    let recorded = row.last_run.as_ref().map(Run::end).max(row.updated_at).max(job.created_at)?;
    // Rows that were never updated after several fires are a runaway's.
    let earlier = job.fires.iter().rev().nth(1).is_some_and(|before| before.end.since(recorded) > ROW_FOLLOWS);
    let restarted = rewritten_at(job).is_some_and(|boot| boot > end);
    if fire.known_start().is_some() || end.since(recorded) <= ROW_FOLLOWS || earlier || restarted {
        return None;
    }
    let for_ms = settings.now.since(end);
    let plausible = if for_ms > LONGEST_DELIVERY { Plausible::Impossible } else { Plausible::Usual };
    Some(Holder {
        job: Some(index),
        job_id: job.id.clone(),
        name: job.name.clone(),
        phase: Phase::Delivering,
        mark: end,
        start: end,
        for_ms,
        usual_ms: LONGEST_DELIVERY,
        plausible,
    })
}
