//! The runs of jobs: those that ended, the one that goes on or waits, and those of jobs without a record.

use super::super::{fires, gone};
use super::executions::{Execution, Status};
use super::record::Record;
use super::sessions::{Session, Sessions};
use crate::model::{ErrorKind, Fire, Job, MessageFate, Outcome, Row, Run, Schedule, Snapshot, State};
use crate::schedule::Cadence;
use crate::stores::window::Window;
use crate::time::{HOUR, Instant, MINUTE, Millis, SECOND};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A job says that its run ended up to so long before the row of the run does.
const SAME_END: Millis = 5 * SECOND;
/// A run that has begun has a session after this time, and one that was claimed a thread.
const BEGINS_WITHIN: Millis = 70 * SECOND;
/// With fewer runs, a job that has no record any more may have been one that ran a number of times and was done.
const MIN_OF_REGULAR: usize = 10;
/// Two signs of one start of the process are no further apart.
const SAME_BOOT: Millis = 2 * MINUTE;
/// Slots that are looked at to find the one before the next run: as many as a year has of an hourly job.
const MAX_SLOTS: usize = 10_000;
/// A run that came so shortly after a slot kept it: a pass a minute, and its rows.
const ON_TIME: Millis = 5 * MINUTE;
/// By how much clocks change.
const CLOCK_CHANGE: Millis = HOUR;
/// Runs that show whether the schedule was in force.
const LAST_RUNS: usize = 6;
/// The rows of ended runs that are kept.
const KEPT: usize = 1000;

/// Adds what the table of runs and the sessions say to the jobs of `records`; None in versions without the table.
pub fn add(
    executions: Option<&[Execution]>,
    sessions: &Sessions,
    records: &[Record],
    snapshot: &mut Snapshot,
    window: &Window,
) {
    snapshot.traits.hides_runs = executions.is_none();
    snapshot.window_start = Some(window.start(&snapshot.jobs, Millis::MAX));
    let positions: HashMap<String, usize> =
        snapshot.jobs.iter().enumerate().rev().map(|(position, job)| (job.id.clone(), position)).collect();
    let signs = last_signs(executions.unwrap_or_default(), window);
    let (mut open, mut strangers) = (Vec::new(), BTreeMap::<&str, Vec<&Execution>>::new());
    for run in known(executions.unwrap_or_default(), window) {
        let Some(position) = positions.get(&run.job_id).copied() else {
            strangers.entry(run.job_id.as_str()).or_default().push(run);
            continue;
        };
        let job = &mut snapshot.jobs[position];
        let sign = signs.get(run.process.as_str()).copied();
        let Some(end) = ended(run, job.last_run(), sign, window.now) else {
            open.push((position, run));
            continue;
        };
        let session = sessions.of(&run.job_id, run.began(), end);
        job.fires.push(session.map_or(fire(run, end), |session| counted(fire(run, end), session)));
        if !run.is_by_ticker {
            job.manual_runs.push(run.claimed);
        }
    }
    add_open(&open, sessions, records, snapshot, window.now);
    for job in &mut snapshot.jobs {
        finish(job, window.now);
    }
    add_strangers(strangers, snapshot, window);
    add_process(executions.unwrap_or_default(), snapshot, window);
}

/// Adds runs whose jobs are not known: they show only that the scheduler worked.
pub fn add_of_others(executions: &[Execution], snapshot: &mut Snapshot, window: &Window) {
    snapshot.window_start = Some(window.start(&[], Millis::MAX));
    for run in known(executions, window) {
        snapshot.other_fires.extend(ended(run, None, None, window.now).map(|end| fire(run, end)));
    }
    snapshot.other_fires.sort_by_key(|fire| fire.end);
    add_process(executions, snapshot, window);
}

/// The runs that had begun at the instant of the audit.
fn known<'a>(executions: &'a [Execution], window: &Window) -> impl Iterator<Item = &'a Execution> {
    let now = window.now;
    executions.iter().filter(move |run| run.claimed <= now)
}

/// When each process last began or ended a run: until then it lived.
fn last_signs<'a>(executions: &'a [Execution], window: &Window) -> HashMap<&'a str, Instant> {
    let mut last: HashMap<&str, Instant> = HashMap::new();
    for run in known(executions, window) {
        let is_own = matches!(run.status, Status::Completed | Status::Failed);
        let sign = if is_own { ended(run, None, None, window.now).unwrap_or(run.claimed) } else { run.claimed };
        let known = last.entry(run.process.as_str()).or_insert(sign);
        *known = sign.max(*known);
    }
    last
}

/// When a run ended; None if it goes on. Where the process was stopped in it, the job knows when, and the row is left as it was until
/// the next start. What that found out ended with the process, whose last sign is given.
fn ended(run: &Execution, last_run: Option<&Run>, sign: Option<Instant>, now: Instant) -> Option<Instant> {
    let found_out = run.finished.unwrap_or(now);
    let stopped = last_run.map(Run::end).filter(|end| (run.began()..=found_out).contains(end));
    match run.status {
        Status::Open => stopped,
        Status::Cut => stopped.or(sign.max(Some(run.began()))),
        Status::Completed | Status::Failed | Status::Unknown => {
            Some(run.finished.unwrap_or(run.began())).filter(|end| *end <= now)
        }
    }
}

fn fire(run: &Execution, end: Instant) -> Fire {
    let outcome = match run.status {
        Status::Completed => Outcome::Unproven,
        Status::Failed if !run.was_interrupted() => Outcome::Failed,
        Status::Failed | Status::Cut | Status::Open => Outcome::Cut,
        Status::Unknown => Outcome::Unread,
    };
    let message = match run.delivery.as_deref() {
        Some("delivered") => MessageFate::Delivered,
        Some("failed") => MessageFate::Lost,
        _ => MessageFate::None,
    };
    Fire { message, ..Fire::ended(end, outcome).started(run.claimed) }
}

/// A fire with what its session used. That a run which failed used no tokens is no news.
fn counted(fire: Fire, session: &Session) -> Fire {
    let (cost_usd, model, output) = (session.cost_usd, session.model, Some(session.output));
    let counted = Fire { cost_usd, model, output, ..fire };
    match (fire.outcome, session.tokens) {
        (Outcome::Unproven, tokens) => Fire { tokens: Some(tokens), outcome: Outcome::by_count(tokens), ..counted },
        (_, 0) => counted,
        (_, tokens) => Fire { tokens: Some(tokens), ..counted },
    }
}

/// The runs that go on. One that was claimed and has no thread, or that began and has no session, waits for an older one: a hung
/// run holds a thread, or the lock on the working directory.
fn add_open(
    open: &[(usize, &Execution)],
    sessions: &Sessions,
    records: &[Record],
    snapshot: &mut Snapshot,
    now: Instant,
) {
    let oldest = open.iter().map(|(_, run)| run.claimed).min();
    for (position, run) in open {
        let job = &mut snapshot.jobs[*position];
        let shows_sessions = job.uses_model && !records[*position].has_script() && !sessions.is_empty();
        let has_begun = match run.started {
            None => false,
            Some(started) => !shows_sessions || sessions.of(&run.job_id, started, now).is_some(),
        };
        job.running_since = job.running_since.max(Some(run.claimed));
        job.run_waits = !has_begun && now.since(run.began()) > BEGINS_WITHIN && oldest < Some(run.claimed);
    }
}

/// Puts the fires in order, and adds what only the record or only the rows know.
fn finish(job: &mut Job, now: Instant) {
    job.fires.sort_by_key(|fire| fire.end);
    job.manual_runs.sort_unstable();
    let known = |end: Instant| move |fire: &&Fire| fire.end.since(end).abs() <= SAME_END;
    if let Some(run) = job.row.as_mut().and_then(|row| row.last_run.as_mut()) {
        let end = run.end();
        match job.fires.iter().rev().find(known(end)).and_then(Fire::known_start) {
            Some(start) => (run.start, run.duration_ms) = (start, Some(end.since(start).max(0))),
            None if job.fires.last().is_none_or(|last| last.end < end) => {
                let fire = fires::of_row(run, Outcome::Unproven);
                let is_cut = run.error.as_ref().is_some_and(|error| error.kind == ErrorKind::Interrupted);
                job.fires.push(if is_cut { Fire { outcome: Outcome::Cut, ..fire } } else { fire });
            }
            None => {}
        }
    }
    fires::forget_zeros(&mut job.fires, &HashSet::new());
    fires::count_errors(job, None);
    job.self_paced |= is_moved_by_clock_change(job);
    note_edit(job, now);
}

/// Whether the next run is no slot, but would be one without a clock change since the last run: croniter adds to the wall time.
fn is_moved_by_clock_change(job: &Job) -> bool {
    let (Some(cadence), Some(next), Some(last)) =
        (job.schedule.cadence(), job.next_run(), job.last_end().or(job.created_at))
    else {
        return false;
    };
    let is_slot = |at: Instant| cadence.has_slot_at(at);
    let is_moved = [-CLOCK_CHANGE, CLOCK_CHANGE].iter().any(|by| is_slot(next.plus(*by)));
    is_moved && !is_slot(next) && cadence.changes_clock(last, next)
}

/// An edit leaves no trace but the next run, which is computed then. Where the runs did not keep the present schedule, what came before
/// the next run says nothing about it; nor does one slot over a clock change, which moves it by an hour.
fn note_edit(job: &mut Job, now: Instant) {
    let (Some(cadence), Some(next)) = (job.schedule.cadence(), job.next_run()) else { return };
    let Some(from) = job.last_end().or(job.created_at) else { return };
    if next <= now {
        return;
    }
    let is_in_force = match cadence.slots_between(from, now) {
        0 => true,
        1 => was_kept(cadence, &job.fires) && !cadence.changes_clock(from, now),
        _ => job.fires.is_empty() || was_kept(cadence, &job.fires),
    };
    if is_in_force {
        return;
    }
    let computed = match cadence {
        Cadence::Every(interval) => Some(next.plus(-interval)),
        // The slot before the next run: it was computed after that.
        Cadence::Cron(..) => {
            let slots = std::iter::successors(cadence.next(from), |slot| cadence.next(*slot));
            slots.take_while(|slot| *slot <= now).take(MAX_SLOTS).last()
        }
    };
    if let Some(row) = job.row.as_mut() {
        row.updated_at = computed.filter(|at| *at > from && *at <= now);
    }
}

/// Whether the schedule was in force: of the last runs some two had one slot between them, which the second kept. Of a single run all
/// that can be told is that it began less than half a period after a slot.
fn was_kept(cadence: &Cadence, runs: &[Fire]) -> bool {
    if let [run] = runs {
        let Some(period) = cadence.usual_interval(begin(run)) else { return false };
        return is_after_slot(cadence, begin(run), (period / 2).max(HOUR.min(period)));
    }
    let last = &runs[runs.len().saturating_sub(LAST_RUNS)..];
    last.windows(2).any(|pair| {
        let (from, began) = (pair[0].end, begin(&pair[1]));
        cadence.slots_between(from, began) <= 1 && is_after_slot(cadence, began, ON_TIME)
    })
}

/// Whether a run that began then came at most so long after a slot; an interval has slots only after its runs.
fn is_after_slot(cadence: &Cadence, began: Instant, at_most: Millis) -> bool {
    let is_interval = matches!(cadence, Cadence::Every(_));
    is_interval || cadence.next(began.plus(-at_most)).is_some_and(|slot| slot <= began)
}

fn begin(run: &Fire) -> Instant {
    run.known_start().unwrap_or(run.end)
}

/// Jobs without a record. A one-shot is deleted once it ran, however it ended: of one that failed or was cut only its run tells.
/// Regular ones were removed or lost.
fn add_strangers(strangers: BTreeMap<&str, Vec<&Execution>>, snapshot: &mut Snapshot, window: &Window) {
    for (id, runs) in strangers {
        let ends = |run: &&Execution| Some(fire(run, ended(run, None, None, window.now)?));
        let mut fires: Vec<Fire> = runs.iter().filter_map(ends).collect();
        fires.sort_by_key(|fire| fire.end);
        match (runs.as_slice(), fires.as_slice()) {
            (_, fires) if fires.len() >= MIN_OF_REGULAR => {
                snapshot.jobs.push(gone::job(id.as_bytes(), fires.to_vec()));
            }
            ([run], [fire]) if fire.has_failed() => snapshot.jobs.push(failed_once(id, run, *fire, window)),
            _ => snapshot.other_fires.extend(fires),
        }
    }
    snapshot.other_fires.sort_by_key(|fire| fire.end);
}

fn failed_once(id: &str, run: &Execution, fire: Fire, window: &Window) -> Job {
    let line = match run.status {
        Status::Cut => Some("its process ended in the run, and it is not run again"),
        _ => run.error.as_deref(),
    };
    let last_run = Run {
        start: run.claimed,
        duration_ms: Some(fire.end.since(run.claimed).max(0)),
        failed: true,
        error: line.map(|line| window.error(line)),
    };
    let row = Row { last_run: Some(last_run), consecutive_errors: 1, ..Row::default() };
    let schedule = Schedule::Once(crate::model::Due::At(run.claimed));
    Job { row: Some(row), fires: vec![fire], ..Job::new(id.to_owned(), State::FailedOnce, schedule) }
}

/// The starts of the process, by the first run of each and by the runs that a start found cut, and since when all runs are known.
fn add_process(executions: &[Execution], snapshot: &mut Snapshot, window: &Window) {
    let mut first_of: HashMap<&str, Instant> = HashMap::new();
    let mut boots = Vec::new();
    for run in known(executions, window) {
        first_of.entry(run.process.as_str()).or_insert(run.claimed);
        if run.status == Status::Cut {
            boots.extend(run.finished.filter(|at| *at <= window.now));
            snapshot.kills.extend(first_of.get(run.process.as_str()));
        }
    }
    boots.extend(first_of.values());
    boots.sort_unstable();
    boots.dedup_by(|later, earlier| later.since(*earlier) <= SAME_BOOT);
    snapshot.boots = boots;
    snapshot.kills.sort_unstable();
    snapshot.kills.dedup();
    let ended = executions.iter().filter(|run| run.status != Status::Open);
    let oldest = ended.clone().map(|run| run.claimed).min();
    if ended.count() >= KEPT {
        snapshot.window_start = snapshot.window_start.max(oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::schedule::{Zone, croniter};
    use crate::time::{DAY, TimeText};

    /// A time of Monday, 2 March 2026, or a date and a time; UTC.
    fn at(time: &str) -> Instant {
        let text = if time.contains(' ') { time.to_owned() } else { format!("2026-03-02 {time}") };
        TimeText::parse(&text).unwrap_or_else(|| panic!("{text}")).as_utc()
    }

    /// A job with this schedule and next run, after runs of a minute that began then.
    fn job(expression: &str, starts: &[Instant], next: &str) -> Job {
        let cron = croniter::parse(expression).unwrap_or_else(|error| panic!("{error}"));
        let schedule = Schedule::cron(expression.to_owned(), None, cron, Zone::UTC);
        let row = Row { next_run_at: Timestamp::At(at(next)), ..Row::default() };
        let run = |start: &Instant| Fire::ended(start.plus(MINUTE), Outcome::Worked).started(*start);
        let fires = starts.iter().map(run).collect();
        let created_at = Some(at("2026-02-01 00:00"));
        Job { created_at, row: Some(row), fires, ..Job::new("j".to_owned(), State::Watched, schedule) }
    }

    /// Since when the schedule is taken to be in force, if that is not from the first run on.
    fn edited(mut job: Job, now: &str) -> Option<Instant> {
        note_edit(&mut job, at(now));
        job.row.and_then(|row| row.updated_at)
    }

    /// The days before at a time.
    fn daily(time: &str, days: i64) -> Vec<Instant> {
        (1..=days).rev().map(|day| at(time).plus(-day * DAY)).collect()
    }

    #[test]
    fn a_lost_slot_counts_if_the_run_before_it_kept_the_schedule() {
        assert_eq!(edited(job("0 8 * * *", &daily("08:00:30", 5), "2026-03-03 08:00"), "12:00"), None);
        assert_eq!(edited(job("0 8 * * *", &daily("08:00:30", 1), "2026-03-03 08:00"), "12:00"), None);
        // Moved from 06:00 to 18:00, and from 18:00 to 08:00, after the slot of that day.
        let moved = |expression: &str, time: &str, next: &str| edited(job(expression, &daily(time, 5), next), "12:00");
        assert_eq!(moved("0 18 * * *", "06:00", "2026-03-02 18:00"), Some(at("2026-03-01 18:00")));
        assert_eq!(moved("0 8 * * *", "18:00:30", "2026-03-03 08:00"), Some(at("08:00")));
        // Of a single run less is known: it began less than half a period after a slot.
        let single = |time: &str| edited(job("0 18 * * *", &daily(time, 1), "2026-03-02 18:00"), "12:00");
        assert_eq!((single("05:59:59"), single("06:00")), (None, Some(at("2026-03-01 18:00"))));
    }

    #[test]
    fn a_run_keeps_a_slot_for_five_minutes_and_one_of_the_last_five_pairs_is_enough() {
        let now_and_then = |late: &[Millis]| {
            let starts: Vec<Instant> =
                daily("08:00", 9).into_iter().zip(late).map(|(at, late)| at.plus(*late)).collect();
            edited(job("0 8 * * *", &starts, "2026-03-03 08:00"), "12:00").is_none()
        };
        let (kept, late) = (5 * MINUTE - 1, 5 * MINUTE);
        assert!(now_and_then(&[late, late, late, late, kept, late, late, late, late]), "the oldest pair that counts");
        assert!(!now_and_then(&[late, late, late, kept, late, late, late, late, late]));
    }

    #[test]
    fn one_slot_over_a_clock_change_may_come_an_hour_later() {
        let mut spring = job("0 8 * * *", &daily("2026-03-29 07:00:30", 5), "2026-03-29 07:00");
        let in_zone = |job: &mut Job, name: &str| job.schedule.assume_zone(Zone::named(name).unwrap_or(Zone::UTC));
        in_zone(&mut spring, "Europe/Berlin");
        assert_eq!(edited(spring.clone(), "2026-03-29 06:30"), Some(at("2026-03-29 06:00")));
        in_zone(&mut spring, "Africa/Lagos");
        assert_eq!(edited(spring, "2026-03-29 06:30"), None, "its clocks do not change");
    }

    #[test]
    fn slots_of_a_schedule_that_no_two_runs_ever_kept_are_those_of_another_one() {
        let to_hourly = job("0 * * * *", &daily("08:00:30", 5), "15:00");
        assert_eq!(edited(to_hourly, "14:30"), Some(at("14:00")));
        let twice = job("0 8,20 * * *", &daily("08:00:30", 5), "2026-03-02 08:00");
        assert_eq!(edited(twice, "07:00"), Some(at("2026-03-01 20:00")));
        let hourly: Vec<Instant> = (6..=10).map(|hour| at(&format!("{hour:02}:00:30"))).collect();
        assert_eq!(edited(job("0 * * * *", &hourly, "15:00"), "14:30"), None, "four slots were lost");
    }

    #[test]
    fn a_next_run_in_the_past_and_a_slot_that_is_not_lost_say_nothing() {
        assert_eq!(edited(job("0 18 * * *", &daily("06:00", 5), "2026-03-01 18:00"), "12:00"), None);
        assert_eq!(edited(job("0 8 * * *", &[at("08:00:30")], "2026-03-03 08:00"), "12:00"), None);
    }

    #[test]
    fn a_next_run_that_a_clock_change_moved_is_not_held_against_the_schedule() {
        let moved = |next: &str, zone: &str| {
            let mut job = job("0 8 * * *", &daily("2026-03-29 07:00:30", 5), next);
            job.schedule.assume_zone(Zone::named(zone).unwrap_or(Zone::UTC));
            is_moved_by_clock_change(&job)
        };
        assert!(moved("2026-03-29 07:00", "Europe/Berlin") && moved("2026-03-29 05:00", "Europe/Berlin"));
        assert!(!moved("2026-03-29 06:00", "Europe/Berlin"), "a slot of summer time");
        assert!(!moved("2026-03-29 08:00", "Europe/Berlin") && !moved("2026-03-29 08:00", "Africa/Lagos"));
    }

    fn execution(job_id: &str, status: Status, claimed: &str) -> Execution {
        let started = Some(at(claimed));
        let finished = if status == Status::Open { None } else { Some(at(claimed).plus(MINUTE)) };
        let (process, job_id) = ("p".to_owned(), job_id.to_owned());
        let claimed = at(claimed);
        Execution {
            job_id,
            is_by_ticker: true,
            process,
            status,
            claimed,
            started,
            finished,
            error: None,
            delivery: None,
        }
    }

    #[test]
    fn a_run_ended_with_its_process_when_it_began_and_with_its_job_when_that_says_so() {
        let cut = execution("j", Status::Cut, "10:00");
        assert_eq!(ended(&cut, None, None, at("12:00")), Some(at("10:00")), "its recorded end is the next start");
        let signs = [execution("j", Status::Cut, "10:00"), execution("k", Status::Completed, "10:20")];
        let window = window();
        let sign = last_signs(&signs, &window).get("p").copied();
        assert_eq!(ended(&cut, None, sign, at("12:00")), Some(at("10:21")), "its process lived until then");
        let stop = |end: &str| Run { start: at(end), duration_ms: None, failed: true, error: None };
        assert_eq!(ended(&cut, Some(&stop("10:00:30")), None, at("12:00")), Some(at("10:00:30")), "it was stopped");
        assert_eq!(ended(&cut, Some(&stop("10:01:01")), None, at("12:00")), Some(at("10:00")), "that was a later run");
        let open = execution("j", Status::Open, "10:00");
        assert_eq!(ended(&open, None, None, at("12:00")), None);
        assert_eq!(ended(&open, Some(&stop("09:59")), None, at("12:00")), None, "that was the run before");
        assert_eq!(
            ended(&open, Some(&stop("10:30")), None, at("12:00")),
            Some(at("10:30")),
            "the row was left as it was"
        );
        let odd = execution("j", Status::Unknown, "10:00");
        assert_eq!(fire(&odd, at("10:01")).outcome, Outcome::Unread, "a word of another version");
        let done = execution("j", Status::Completed, "10:00");
        assert_eq!(ended(&done, None, None, at("10:00:59")), None, "as of then it went on");
    }

    /// The jobs that come of runs whose jobs have no record.
    fn strangers(runs: &[Execution]) -> Snapshot {
        let mut snapshot = Snapshot::empty(super::super::TRAITS);
        add(Some(runs), &Sessions::default(), &[], &mut snapshot, &window());
        snapshot
    }

    fn window() -> Window {
        Window {
            now: at("12:00"),
            back: DAY,
            zone: None,
            machine_zone: Zone::UTC,
            errors: true,
            is_live: true,
            asks_process: false,
            deadline: std::time::Instant::now(),
        }
    }

    #[test]
    fn ten_runs_without_a_record_are_of_a_regular_job_and_a_single_one_that_failed_of_a_one_shot() {
        let runs = |count: i64| -> Vec<Execution> {
            let nth = |index: i64| Execution {
                claimed: at("00:00").plus(index * HOUR),
                finished: Some(at("00:00").plus(index * HOUR + MINUTE)),
                ..execution("j", Status::Completed, "00:00")
            };
            (0..count).map(nth).collect()
        };
        let states = |snapshot: Snapshot| -> Vec<State> { snapshot.jobs.into_iter().map(|job| job.state).collect() };
        assert_eq!(states(strangers(&runs(10))), [State::Gone]);
        let few = strangers(&runs(9));
        assert_eq!((few.jobs.len(), few.other_fires.len()), (0, 9), "they may have been all that it was to run");
        assert_eq!(states(strangers(&[execution("j", Status::Failed, "10:00")])), [State::FailedOnce]);
        assert_eq!(states(strangers(&[execution("j", Status::Cut, "10:00")])), [State::FailedOnce]);
        assert!(states(strangers(&[execution("j", Status::Completed, "10:00")])).is_empty(), "it did its work");
    }

    #[test]
    fn a_start_is_told_by_the_first_run_of_a_process_or_by_what_it_found_cut() {
        let mut cut = execution("j", Status::Cut, "08:00");
        cut.finished = Some(at("09:00"));
        let next = Execution { process: "q".to_owned(), ..execution("j", Status::Completed, "09:01") };
        let later = Execution { process: "q".to_owned(), ..execution("j", Status::Completed, "10:00") };
        let snapshot = strangers(&[cut, next, later]);
        assert_eq!(snapshot.boots, [at("08:00"), at("09:00")], "the run of 09:01 is of the start of 09:00");
        assert_eq!(snapshot.kills, [at("08:00")]);
    }
}
