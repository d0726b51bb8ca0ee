//! The rules at their thresholds, one step short of them and one past, on histories made in memory: to the millisecond, unlike
//! the times of a database's events.

mod budget;
mod by_hand;
mod field;
mod findings;
mod flapping;
mod gap;
mod gone;
mod hermes;
mod incidents;
mod ledger;
mod left_out;
mod life;
mod off;
mod one_cause;
mod openclaw;
mod outage;
mod output;
mod past_due;
mod properties;
mod quiet;
mod repair;
mod severity;
mod short_runs;
mod simulator;
mod timeline;
mod unrecorded;
mod witness;
mod words;
mod work;
mod worker;
mod zero_tokens;
mod zone;

use super::finding::About;
use super::policy::Rule;
use super::*;
use crate::catalog::{Problem, Status};
use crate::model::{
    Action, Delivery, DeliveryError, Fire, Holder, Home, JobIndex, Lease, Liveness, MessageFate, OpenRun,
    Outcome as RunOutcome, Process, Row, Run, RunError, Schedule, SchedulerTraits, State, Switch, Timestamp,
};
use crate::schedule::Zone;
use crate::settings::{Settings, ThresholdOverrides, Thresholds};
use crate::stores::phantom_for_tests as phantom;
use crate::time::{HOUR, MINUTE, Millis, SECOND, TimeText};

fn utc() -> Zone {
    Zone::named("UTC").unwrap_or_else(|| panic!("UTC"))
}

/// The defaults, in UTC.
fn settings(now: Instant) -> Settings {
    Settings::for_tests(now)
}

/// The defaults with other thresholds.
fn settings_with(now: &str, thresholds: Thresholds) -> Settings {
    Settings { thresholds, ..settings(at(now)) }
}

/// A job as it is made, with its first run ahead.
fn new_job(id: String, schedule: Schedule, made: Instant) -> Option<Job> {
    let next = schedule.cadence()?.next(made)?;
    let row = Row { next_run_at: Timestamp::At(next), updated_at: Some(made), ..Row::default() };
    Some(Job { created_at: Some(made), row: Some(row), ..Job::new(id, State::Watched, schedule) })
}

/// A time of Monday, 2 March 2026, or a date and a time; UTC.
fn at(time: &str) -> Instant {
    let text = if time.contains([' ', 'T']) { time.to_owned() } else { format!("2026-03-02 {time}") };
    TimeText::parse(&text).unwrap_or_else(|| panic!("{text}")).as_utc()
}

fn job(id: &str, kind: &str, value: &str) -> Job {
    let schedule = phantom::schedule(kind, value, utc());
    new_job(id.to_owned(), schedule, at("2026-03-01 00:00")).unwrap_or_else(|| panic!("{value}"))
}

fn cron(id: &str, expression: &str) -> Job {
    job(id, "cron", &format!("{{\"expr\":\"{expression}\"}}"))
}

fn hourly(id: &str) -> Job {
    cron(id, "0 * * * *")
}

fn every(id: &str, interval: Millis) -> Job {
    job(id, "every", &format!("{{\"intervalMs\":{interval}}}"))
}

/// A process that has the database open since then.
fn held(started: &str) -> Liveness {
    let process = Process { pid: 7, name: Some("bun".to_owned()), started: Some(at(started)), is_suspended: false };
    Liveness { holder: Holder::Process(process), last_write: None, slept: Some(0) }
}

/// The same process, suspended.
fn suspended() -> Holder {
    let process = Process { pid: 7, name: Some("bun".to_owned()), started: None, is_suspended: true };
    Holder::Process(process)
}

/// A database that nobody has open since it was written then.
fn left(written: &str) -> Liveness {
    Liveness { holder: Holder::Nobody, last_write: Some(at(written)), slept: Some(0) }
}

trait History {
    /// The job after one more run.
    fn ran(self, start: &str, end: &str) -> Job;
    /// The job after one more run that used so many tokens.
    fn used(self, start: &str, end: &str, tokens: u32) -> Job;
    /// The job after an event that its row does not know.
    fn event(self, end: &str) -> Job;
    /// The job with a row that was last written then.
    fn written(self, at: &str) -> Job;
    /// The job whose row has this next run.
    fn next(self, at: &str) -> Job;
    /// The job after a pause or a resume.
    fn switched(self, at: &str, resumes: bool) -> Job;
    /// The job whose row counts so many errors.
    fn with_errors(self, count: u64) -> Job;
}

fn row(job: &mut Job) -> &mut Row {
    job.row.get_or_insert_default()
}

impl History for Job {
    fn ran(self, start: &str, end: &str) -> Job {
        self.used(start, end, 1000)
    }

    fn used(mut self, start: &str, end: &str, tokens: u32) -> Job {
        let (start, end) = (at(start), at(end));
        self.fires.push(Fire::counted(end, tokens).started(start));
        let next = self.schedule.cadence().and_then(|cadence| cadence.next(end));
        let run = Run { start, duration_ms: Some(end.since(start)), failed: false, error: None };
        let next_run_at = next.map_or(Timestamp::Missing, Timestamp::At);
        self.row = Some(Row { last_run: Some(run), next_run_at, updated_at: Some(end), ..Row::default() });
        self
    }

    fn event(mut self, end: &str) -> Job {
        self.fires.push(Fire::counted(at(end), 1000));
        self
    }

    fn written(mut self, time: &str) -> Job {
        row(&mut self).updated_at = Some(at(time));
        self
    }

    fn next(mut self, time: &str) -> Job {
        row(&mut self).next_run_at = Timestamp::At(at(time));
        self
    }

    fn switched(mut self, time: &str, resumes: bool) -> Job {
        self.switches.push(Switch { at: at(time), resumes });
        self
    }

    fn with_errors(mut self, count: u64) -> Job {
        row(&mut self).consecutive_errors = count;
        self
    }
}

/// The jobs as a phantom database would have them: a run began no earlier than the end of the one before it, of any job.
fn fleet<const N: usize>(jobs: [Job; N]) -> Snapshot {
    let mut jobs = Vec::from(jobs);
    jobs.iter_mut().flat_map(|job| &mut job.fires).for_each(|fire| fire.took = None);
    let mut ends: Vec<Instant> = jobs.iter().flat_map(|job| &job.fires).map(|fire| fire.end).collect();
    ends.sort_unstable();
    for job in &mut jobs {
        for fire in &mut job.fires {
            let before = ends.partition_point(|end| *end < fire.end).checked_sub(1);
            *fire = before.map_or(*fire, |before| fire.after(ends[before]));
        }
        phantom::join_row(job, Instant::MAX);
    }
    Snapshot { jobs, window_start: Some(at("2026-02-23 00:00")), ..Snapshot::empty(phantom::TRAITS) }
}

/// The jobs as OpenClaw's store would have them: each run with its start, several at a time, and rows that a run does not
/// activate.
fn recorded<const N: usize>(jobs: [Job; N]) -> Snapshot {
    let [_, openclaw, _] = crate::stores::traits_for_tests();
    let mut jobs = Vec::from(jobs);
    for job in &mut jobs {
        let (last_end, created_at) = (job.last_run().map(Run::end), job.created_at);
        if let Some(row) = job.row.as_mut().filter(|row| row.updated_at == last_end) {
            row.updated_at = created_at;
        }
    }
    Snapshot { jobs, window_start: Some(at("2026-02-23 00:00")), ..Snapshot::empty(openclaw) }
}

fn verdict(snapshot: &Snapshot, now: &str) -> Verdict {
    audit(snapshot.clone(), &Policy::of(settings(at(now))))
}

/// The findings of an audit, in the order of the report.
fn findings(verdict: &Verdict) -> Vec<Finding> {
    verdict.findings().iter().map(|located| located.finding.clone()).collect()
}

/// What is found at an instant: severity and reason, and `over` if it is resolved.
fn found(snapshot: &Snapshot, now: &str) -> Vec<String> {
    found_with(snapshot, settings(at(now)))
}

fn found_with(snapshot: &Snapshot, settings: Settings) -> Vec<String> {
    let verdict = audit(snapshot.clone(), &Policy::of(settings));
    let line = |finding: &Finding| {
        let over = if finding.is_ongoing() { "" } else { " over" };
        format!("{} {}{over}", finding.severity.word(), finding.problem().name())
    };
    findings(&verdict).iter().map(line).collect()
}

/// The findings of one reason: since when, and how many slots were lost.
fn spans(snapshot: &Snapshot, now: &str, reason: Problem) -> Vec<(Option<Instant>, Option<u64>)> {
    let found = findings(&verdict(snapshot, now)).into_iter().filter(|finding| finding.problem() == reason);
    found.map(|found| (found.since, found.missed_slots)).collect()
}

const NONE: [&str; 0] = [];
const OVERDUE: &str = "warning overdue";
const LOST: &str = "critical overdue";
const SILENT: &str = "critical job-silent";

/// A job whose runs of a second ended at these instants.
fn ended(job: Job, ends: impl IntoIterator<Item = Instant>) -> Job {
    ends.into_iter().fold(job, |job, end| job.ran(&end.plus(-SECOND).to_string(), &end.to_string()))
}

/// So many instants, ten minutes apart, the newest at 20:00.
fn ends(count: i64) -> impl Iterator<Item = Instant> {
    (0..count).rev().map(|back| at("20:00").plus(-back * 10 * MINUTE))
}

/// A daily job that kept its slots and then fired at them.
fn hurried(count: i64) -> Job {
    let kept = ["2026-02-27 16:01", "2026-02-28 16:01", "2026-03-01 16:01"].map(at);
    ended(cron("j", "0 16 * * *"), kept.into_iter().chain(ends(count)))
}

/// The newest runs of three jobs, `zero` of them without tokens, in turn.
fn shared(zero: usize) -> Snapshot {
    let mut jobs = [hourly("a"), hourly("b"), cron("c", "0 9 * * *")];
    for (place, end) in ["09:01", "09:02", "09:03", "10:01", "10:02", "11:01", "11:02"].iter().enumerate() {
        let job = [0, 1, 2, 0, 1, 0, 1][place];
        let tokens = if place >= 7 - zero { 0 } else { 1000 };
        let start = at(end).plus(-30 * SECOND).to_string();
        jobs[job] = jobs[job].clone().used(&start, end, tokens);
    }
    fleet(jobs)
}

/// Fires that used these tokens, an hour apart.
fn used(tokens: &[u32]) -> Snapshot {
    let hours = tokens.len() as i64;
    let job = tokens.iter().enumerate().fold(hourly("j"), |job, (hour, tokens)| {
        let start = at("12:00").plus((hour as i64 + 1 - hours) * HOUR);
        job.used(&start.to_string(), &start.plus(MINUTE).to_string(), *tokens)
    });
    fleet([job])
}

/// A job whose run shows from `seen` on.
fn running(mut world: Snapshot, seen: &str) -> Snapshot {
    world.open_runs = vec![OpenRun { job_id: world.jobs[0].id.clone(), seen: at(seen) }];
    world
}

/// An hourly job that last fired at 12:30; of its slots so many had two fires.
fn twice(id: &str, slots: i64, pairs: i64) -> Job {
    let mut fires: Vec<Instant> = (0..slots).map(|slot| at("12:10").plus(-slot * HOUR)).collect();
    fires.extend((0..pairs).map(|slot| at("12:30").plus(-slot * HOUR)));
    fires.sort_unstable();
    ended(hourly(id), fires)
}

/// Two hourly jobs of these names that fire.
fn twins(second: &str) -> [Job; 2] {
    let named = |id: &str, name: &str| Job { name: name.to_owned(), ..hourly(id).ran("12:00", "12:01") };
    [named("1", "a"), named("2", second)]
}

/// Nothing ran from 10:01 to 21:01, and a daily job has not run since.
fn left_by_restart(boot: &str) -> Snapshot {
    let daily = cron("daily", "0 10,18 * * *").ran("10:00", "10:01").next("2026-03-03 10:00");
    let runs = hourly("ok").ran("10:00", "10:01").ran("21:00", "21:01");
    Snapshot { boots: vec![at(boot)], ..recorded([daily, runs]) }
}

/// Two jobs that ran before a boot at 10:30, of which the one in `a` has run since.
fn stores(second: &str) -> Snapshot {
    let of = |id: &str, store: &str| {
        let home = Some(Home { store: store.to_owned(), ..Home::default() });
        Job { home, ..hourly(id).ran("10:00", "10:01") }
    };
    let served = of("1", "a").ran("11:00", "11:01").ran("12:00", "12:01").ran("13:00", "13:01");
    Snapshot { boots: vec![at("10:30")], ..recorded([served, of("2", second), of("3", second)]) }
}

/// A job that ran at noon and was then scheduled for that time by a clock that was three days ahead.
fn set_back(next: &str) -> Snapshot {
    let mut world = fleet([hourly("j").ran("12:00", "12:01")]);
    let row = Row { next_run_at: Timestamp::At(at(next)), ..Row::default() };
    world.jobs[0].row = Some(row);
    Snapshot { clock_was_at: Some(at("2026-03-05 10:00")), last_other_activity: Some(at("13:04")), ..world }
}

/// What the judges see of a database at an instant.
fn with_fleet<T>(world: &Snapshot, settings: Settings, look: impl FnOnce(&Fleet<'_>) -> T) -> T {
    let policy = Policy::of(settings);
    let subjects = Subjects::new(&world.jobs, &policy);
    let worker = Worker::new(world, &subjects, &policy.settings);
    let context = Context { settings: &policy.settings, snapshot: world, subjects: &subjects, worker: &worker };
    look(&Fleet::new(&context))
}

/// An hourly job whose runs of a second ended at these times, each with what it did.
fn runs(id: &str, runs: &[(&str, Did)]) -> Job {
    let mut job = ended(hourly(id), runs.iter().map(|(end, _)| at(end)));
    job.fires.iter_mut().zip(runs).for_each(|(fire, (_, run))| *fire = did(*fire, *run));
    job
}

/// What a run did: how it ended, and its tokens.
type Did = (RunOutcome, Option<u32>);

const GOOD: Did = (RunOutcome::Worked, Some(1000));
const EMPTY: Did = (RunOutcome::Empty, Some(0));
const FAILED: Did = (RunOutcome::Failed, Some(1000));
const THREW: Did = (RunOutcome::Threw, None);
const SKIPPED: Did = (RunOutcome::Skipped, None);
const DECLINED: Did = (RunOutcome::Declined, None);
const IDLE: Did = (RunOutcome::Idle, None);
const UNREAD: Did = (RunOutcome::Unread, None);
const UNPROVEN: Did = (RunOutcome::Unproven, None);

/// The same fire, but this is what its run did.
fn did(fire: Fire, (outcome, tokens): Did) -> Fire {
    Fire { outcome, tokens, ..fire }
}

/// A job that fired every hour up to 12:01, each run with what it did.
fn fires(runs: &[Did]) -> Job {
    let mut world = used(&vec![1; runs.len()]);
    let mut job = world.jobs.remove(0);
    job.fires.iter_mut().zip(runs).for_each(|(fire, run)| *fire = did(*fire, *run));
    job
}
