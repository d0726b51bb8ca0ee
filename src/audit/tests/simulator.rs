//! A simulated scheduler: random fleets with the traits that docs/scheduler.md lists, healthy or with a fault, audited every
//! ten minutes. It measures how soon a fault is told, how often and whether in one voice, and how often health is called ill.
//!
//! `cargo test simulated` runs a few fleets; `cargo xtask simulate 200` measures.

use super::*;
use crate::schedule::Cadence;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    None,
    KilledIdle,
    KilledInRun,
    HangsBeforeSession,
    HangsInRun,
    HangsInDelivery,
    OutageWithErrors,
    OutageScoredOk,
    OneJobThrows,
    RestartAfterHours,
    MachineSleeps,
    OneJobWedged,
}

const FAULTS: [Fault; 11] = [
    Fault::KilledIdle,
    Fault::KilledInRun,
    Fault::HangsBeforeSession,
    Fault::HangsInRun,
    Fault::HangsInDelivery,
    Fault::OutageWithErrors,
    Fault::OutageScoredOk,
    Fault::OneJobThrows,
    Fault::RestartAfterHours,
    Fault::MachineSleeps,
    Fault::OneJobWedged,
];

/// A generator of its own, so that a fleet can be made again from its number.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.unit() * (high - low) as f64) as i64
    }

    fn chance(&mut self, part: f64) -> bool {
        self.unit() < part
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[(self.next() % of.len() as u64) as usize]
    }

    /// Mostly near the median, rarely many times it.
    fn length(&mut self, median: Millis) -> Millis {
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        let spread = if self.chance(0.004) { 2.2 } else { 0.45 };
        ((median as f64 * (normal * spread).exp()) as Millis).clamp(2 * SECOND, 239 * MINUTE)
    }
}

/// One write of the scheduler.
enum Write {
    Session(usize),
    Event(usize, u32),
    Row(usize, Row, State),
    Other,
}

struct Fleet {
    random: Random,
    jobs: Vec<Job>,
    median: Vec<Millis>,
    writes: Vec<(Instant, Write)>,
    /// When the fault began, and when it was over.
    fault: Fault,
    begins: Instant,
    ends: Instant,
    victim: usize,
    /// By job: the first work lost to the fault.
    lost: BTreeMap<usize, Instant>,
}

const SCHEDULES: [(&str, &str); 12] = [
    ("cron", r#"{"expr":"*/10 * * * *"}"#),
    ("cron", r#"{"expr":"*/15 * * * *"}"#),
    ("every", r#"{"intervalMs":1800000}"#),
    ("cron", r#"{"expr":"0 * * * *"}"#),
    ("cron", r#"{"expr":"37 * * * *"}"#),
    ("every", r#"{"intervalMs":14400000}"#),
    ("cron", r#"{"expr":"5 */6 * * *"}"#),
    ("cron", r#"{"expr":"*/30 8-18 * * 1-5","tz":"Europe/Berlin"}"#),
    ("cron", r#"{"expr":"0 9 * * *","tz":"America/New_York"}"#),
    ("cron", r#"{"expr":"30 6 * * *"}"#),
    ("cron", r#"{"expr":"11 21 * * *"}"#),
    ("cron", r#"{"expr":"0 18 * * 3"}"#),
];

fn backoff(error: usize) -> Millis {
    let ladder = phantom::TRAITS.backoff;
    ladder[error.min(ladder.len() - 1)]
}

impl Fleet {
    /// A fleet of the number `seed` that is healthy for some days and then has the fault.
    fn new(seed: u64, fault: Fault) -> Fleet {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..20).for_each(|_| {
            random.next();
        });
        let made = Instant::from_millis(1_772_000_000_000 + random.between(0, 40 * DAY));
        let count = random.between(3, 12) as usize;
        let schedule = |random: &mut Random| {
            let (kind, value) = random.pick(&SCHEDULES);
            phantom::schedule(kind, value, utc())
        };
        let jobs: Vec<Job> =
            (0..count).filter_map(|id| new_job(format!("job-{id}"), schedule(&mut random), made)).collect();
        let median = jobs.iter().map(|_| random.between(20 * SECOND, 6 * MINUTE)).collect();
        let begins = made.plus(random.between(3 * DAY, 5 * DAY));
        let lasts = if matches!(fault, Fault::RestartAfterHours | Fault::MachineSleeps) {
            random.between(HOUR, 8 * HOUR)
        } else {
            36 * HOUR
        };
        let victim = random.between(0, count as i64) as usize;
        let mut fleet = Fleet {
            random,
            jobs,
            median,
            writes: Vec::new(),
            fault,
            begins,
            ends: begins.plus(lasts),
            victim,
            lost: BTreeMap::new(),
        };
        fleet.simulate(made, fleet.horizon());
        fleet.writes.sort_by_key(|(at, _)| *at);
        fleet
    }

    /// How long it is looked at.
    fn horizon(&self) -> Instant {
        self.begins.plus(36 * HOUR)
    }

    fn due(&self, job: usize) -> Instant {
        let broken = self.jobs[job].state != State::Watched;
        if broken { Instant::MAX } else { self.jobs[job].next_run().unwrap_or(Instant::MAX) }
    }

    fn simulate(&mut self, made: Instant, until: Instant) {
        let mut other = made;
        while other < until {
            other = other.plus(self.random.between(10 * MINUTE, 9 * HOUR));
            let asleep = matches!(
                self.fault,
                Fault::KilledIdle | Fault::KilledInRun | Fault::RestartAfterHours | Fault::MachineSleeps
            ) && other >= self.begins
                && other < self.ends;
            if !asleep {
                self.writes.push((other, Write::Other));
            }
        }
        let mut now = made;
        while now < until {
            let order = self.batch(now);
            let Some(&first) = order.first() else { break };
            now = now.max(self.due(first));
            if self.is_down(now) {
                match self.fault {
                    Fault::RestartAfterHours => now = self.boot(),
                    Fault::MachineSleeps => now = self.wake(),
                    _ => break,
                }
                continue;
            }
            let due: Vec<usize> = order.into_iter().filter(|job| self.due(*job) <= now).collect();
            for job in due {
                match self.run(job, now) {
                    Some(end) => now = end,
                    None => return self.note_lost(now),
                }
            }
        }
        self.note_lost(now);
    }

    /// The jobs in the order in which they are due.
    fn batch(&self, _: Instant) -> Vec<usize> {
        let wedged =
            |job: &usize| self.fault == Fault::OneJobWedged && *job == self.victim && self.due(*job) >= self.begins;
        let mut order: Vec<usize> =
            (0..self.jobs.len()).filter(|job| self.due(*job) < Instant::MAX && !wedged(job)).collect();
        order.sort_by_key(|job| self.due(*job));
        order
    }

    fn is_down(&self, now: Instant) -> bool {
        let stops = matches!(self.fault, Fault::KilledIdle | Fault::RestartAfterHours | Fault::MachineSleeps);
        stops && now >= self.begins && now < self.ends
    }

    /// The past-due rows get the boot's time and five seconds more each.
    fn boot(&mut self) -> Instant {
        let boot = self.ends;
        let past: Vec<usize> = self.batch(boot).into_iter().filter(|job| self.due(*job) < boot).collect();
        for (step, job) in past.into_iter().enumerate() {
            let due = self.due(job);
            self.lost.entry(job).or_insert(due);
            let row = self.jobs[job].row.clone().unwrap_or_default();
            let row = Row { next_run_at: Timestamp::At(boot.plus(step as i64 * 5 * SECOND)), ..row };
            self.write_row(job, boot, row);
        }
        boot
    }

    /// The paused timer fires up to an hour after waking.
    fn wake(&mut self) -> Instant {
        let fires = self.ends.plus(self.random.between(0, 55 * MINUTE));
        for job in self.batch(fires) {
            if self.due(job) < self.ends {
                let due = self.due(job);
                self.lost.entry(job).or_insert(due);
            }
        }
        self.ends = fires;
        fires
    }

    fn note_lost(&mut self, _: Instant) {
        let faulty =
            !matches!(self.fault, Fault::None | Fault::OutageWithErrors | Fault::OutageScoredOk | Fault::OneJobThrows);
        for job in (0..self.jobs.len()).filter(|_| faulty) {
            let due = self.due(job);
            if due < self.horizon()
                && due >= self.begins.plus(-4 * HOUR)
                && self.fault != Fault::RestartAfterHours
                && self.fault != Fault::MachineSleeps
            {
                let only_victim = self.fault == Fault::OneJobWedged && job != self.victim;
                if !only_victim {
                    self.lost.entry(job).or_insert(due.max(self.begins));
                }
            }
        }
    }

    fn write_row(&mut self, job: usize, at: Instant, row: Row) {
        self.jobs[job].row = Some(row.clone());
        let state = self.jobs[job].state.clone();
        self.writes.push((at, Write::Row(job, row, state)));
    }

    /// Runs a job; None if it never ends.
    fn run(&mut self, job: usize, start: Instant) -> Option<Instant> {
        let faulty = start >= self.begins;
        let shows = if self.random.chance(0.01) {
            self.random.between(MINUTE, 4 * MINUTE)
        } else {
            self.random.between(200, 5000)
        };
        let lasts = self.random.length(self.median[job]);
        if faulty && self.fault == Fault::HangsBeforeSession {
            return None;
        }
        let throws = faulty && self.fault == Fault::OneJobThrows && job == self.victim;
        if throws {
            self.lost.entry(job).or_insert(start);
            let end = start.plus(50);
            self.end_run(job, start, end, true);
            return Some(end);
        }
        self.writes.push((start.plus(shows.min(lasts - 1)), Write::Session(job)));
        if faulty && matches!(self.fault, Fault::HangsInRun | Fault::KilledInRun) {
            return None;
        }
        let outage = faulty && matches!(self.fault, Fault::OutageWithErrors | Fault::OutageScoredOk);
        // Three errors in a row are a trouble of their own.
        let fails = self.random.chance(0.02) && self.jobs[job].errors() < 2;
        let (lasts, tokens, failed) = match (outage, fails) {
            (true, _) => (2 * SECOND, 0, self.fault == Fault::OutageWithErrors),
            (false, true) if self.random.chance(0.5) => (2 * SECOND, 0, true),
            (false, fails) => (lasts, 1000, fails),
        };
        if outage {
            self.lost.entry(job).or_insert(start);
        }
        let worked = start.plus(lasts);
        let whole_second = Instant::from_millis(worked.seconds() * SECOND);
        self.writes.push((worked, Write::Event(job, tokens)));
        self.writes.push((worked, Write::Session(job)));
        if faulty && self.fault == Fault::HangsInDelivery {
            return None;
        }
        let delivery = if self.random.chance(0.02) {
            self.random.between(20 * SECOND, 150 * SECOND)
        } else {
            self.random.between(50, 2500)
        };
        let end = worked.max(whole_second).plus(delivery);
        self.end_run(job, start, end, failed);
        Some(end)
    }

    fn end_run(&mut self, job: usize, start: Instant, end: Instant, failed: bool) {
        let errors = if failed { self.jobs[job].errors() + 1 } else { 0 };
        let slot = self.jobs[job].schedule.cadence().and_then(|cadence| cadence.next(end));
        let retry = (errors > 0).then(|| end.plus(backoff(errors as usize - 1)));
        let is_cron = matches!(self.jobs[job].schedule.cadence(), Some(Cadence::Cron(..)));
        let next = match (slot, retry) {
            (Some(slot), Some(retry)) => Some(if is_cron { slot.min(retry) } else { retry }),
            (slot, _) => slot,
        };
        let broken = errors >= 10;
        if broken {
            self.jobs[job].state = State::Broken;
        }
        let error = failed.then(|| RunError { class: None, ..RunError::new("Error: overloaded") });
        let row = Row {
            last_run: Some(Run { start, duration_ms: Some(end.since(start)), failed, error }),
            next_run_at: next.filter(|_| !broken).map_or(Timestamp::Missing, Timestamp::At),
            consecutive_errors: errors,
            updated_at: Some(end),
            delivery: None,
        };
        self.write_row(job, end, row);
    }
}

/// The database of a fleet, filled write by write.
struct Database<'a> {
    fleet: &'a Fleet,
    written: usize,
    jobs: Vec<Job>,
    sessions: HashMap<usize, Instant>,
    newest_end: Instant,
    last_other_activity: Option<Instant>,
}

impl<'a> Database<'a> {
    fn new(fleet: &'a Fleet) -> Database<'a> {
        let made = |job: &Job| new_job(job.id.clone(), job.schedule.clone(), job.created_at?);
        Database {
            fleet,
            written: 0,
            jobs: fleet.jobs.iter().filter_map(made).collect(),
            sessions: HashMap::new(),
            newest_end: Instant::MIN,
            last_other_activity: None,
        }
    }

    /// The snapshot that the reader would make of it then.
    fn at(&mut self, now: Instant) -> Snapshot {
        let whole = |at: Instant| Instant::from_millis(at.seconds() * SECOND);
        while let Some((at, write)) = self.fleet.writes.get(self.written).filter(|(at, _)| *at <= now) {
            match write {
                Write::Session(job) => {
                    self.sessions.insert(*job, whole(*at));
                }
                Write::Event(job, tokens) => {
                    let fire = Fire::counted(whole(*at), *tokens);
                    self.jobs[*job].fires.push(fire.after(self.newest_end));
                    self.newest_end = fire.end;
                }
                Write::Row(job, row, state) => {
                    (self.jobs[*job].row, self.jobs[*job].state) = (Some(row.clone()), state.clone());
                }
                Write::Other => self.last_other_activity = Some(whole(*at)),
            }
            self.written += 1;
        }
        let mut snapshot = Snapshot {
            jobs: self.jobs.clone(),
            last_other_activity: self.last_other_activity,
            window_start: Some(now.plus(-8 * DAY)),
            ..Snapshot::empty(phantom::TRAITS)
        };
        snapshot.jobs.iter_mut().for_each(|job| phantom::join_row(job, now));
        let open = |(job, seen): (&usize, &Instant)| OpenRun { job_id: format!("job-{job}"), seen: *seen };
        snapshot.open_runs = self.sessions.iter().map(open).collect();
        phantom::forget_ended_runs(&mut snapshot);
        snapshot
    }
}

/// What audits of one fleet every ten minutes said.
#[derive(Default)]
struct Told {
    audits: usize,
    /// Findings of warning or worse before the fault, but for runs that truly took longer than usual.
    false_alarms: Vec<String>,
    long_runs: BTreeSet<(usize, Option<Instant>)>,
    /// What was only information before the fault: reason and job.
    infos: BTreeSet<(String, usize)>,
    /// By job: the first warning after the fault began.
    warned: BTreeMap<usize, Instant>,
    /// Fingerprints of incidents that were critical while they lasted, after the fault began.
    critical: BTreeSet<String>,
    /// Fingerprints of incidents that had been critical, were over in one audit and there again in a later one.
    came_back: BTreeSet<String>,
}

fn audit_all(fleet: &Fleet) -> Told {
    let mut told = Told::default();
    let mut database = Database::new(fleet);
    let mut gone = BTreeSet::new();
    let step = if fleets() > 1 { 10 * MINUTE } else { 37 * MINUTE };
    let mut now = fleet.begins.plus(-2 * DAY - 3 * HOUR);
    while now < fleet.horizon() {
        let verdict = audit(database.at(now), &Policy::of(settings(now)));
        told.audits += 1;
        for LocatedFinding { finding, job, incident } in verdict.findings() {
            let faulty = fleet.fault != Fault::None && now >= fleet.begins;
            if finding.severity < Severity::Warning {
                told.infos.extend((!faulty).then(|| (finding.problem().name(), job.position())));
                continue;
            }
            assert!(incident.is_some(), "{:?} belongs to no incident", finding.evidence);
            if faulty && finding.is_ongoing() && finding.problem() != Problem::RunLong {
                told.warned.entry(job.position()).or_insert(now);
            } else if finding.problem() == Problem::RunLong {
                if faulty {
                    told.warned.entry(job.position()).or_insert(now);
                } else {
                    told.long_runs.insert((job.position(), finding.since));
                }
            } else if !faulty {
                told.false_alarms.push(format!("{now}: {:?}", finding));
            }
        }
        let ongoing = || verdict.incidents.iter().filter(|incident| incident.status == Status::Ongoing);
        let status: BTreeSet<String> = ongoing().map(|incident| incident.fingerprint.clone()).collect();
        let critical = ongoing().filter(|incident| incident.severity == Severity::Critical);
        if fleet.fault != Fault::None && now >= fleet.begins {
            gone.extend(told.critical.difference(&status).cloned());
            told.came_back.extend(status.intersection(&gone).cloned());
            told.critical.extend(critical.map(|incident| incident.fingerprint.clone()));
        }
        now = now.plus(step);
    }
    told
}

fn median(mut of: Vec<i64>) -> Option<i64> {
    of.sort_unstable();
    of.get(of.len() / 2).copied()
}

fn fleets() -> u64 {
    std::env::var("SCHED_AUDIT_FLEETS").ok().and_then(|number| number.parse().ok()).unwrap_or(1)
}

#[test]
fn simulated_faults_are_reported_early_and_once() {
    let number = fleets();
    for fault in FAULTS {
        let mut minutes: [Vec<i64>; 3] = Default::default();
        let (mut prints, mut never, mut back, mut false_alarms) = (Vec::new(), 0, 0, Vec::new());
        for seed in 1..=number {
            let fleet = Fleet::new(seed * 31 + fault as u64 * 1009, fault);
            let told = audit_all(&fleet);
            prints.push(told.critical.len());
            back += told.came_back.len();
            false_alarms.extend(told.false_alarms);
            for (&job, &lost) in &fleet.lost {
                let cadence = fleet.jobs[job].schedule.cadence().and_then(|cadence| cadence.usual_interval(lost));
                let class = match cadence.unwrap_or(DAY) {
                    usual if usual <= HOUR => 0,
                    usual if usual < 20 * HOUR => 1,
                    _ => 2,
                };
                match told.warned.get(&job) {
                    Some(warned) => minutes[class].push(warned.since(lost) / MINUTE),
                    None if fleet.horizon().since(lost) > HOUR => never += 1,
                    None => {}
                }
            }
        }
        prints.sort_unstable();
        let worst = prints.last().copied().unwrap_or(0);
        let counts = minutes.each_ref().map(Vec::len);
        println!(
            "{fault:?}: minutes to the first warning {:?} (of {counts:?} jobs), never {never}; critical fingerprints: median {}, worst {worst}, came back {back}; false alarms {}",
            minutes.map(median),
            prints[prints.len() / 2],
            false_alarms.len(),
        );
        assert!(false_alarms.is_empty(), "{fault:?}: {}", false_alarms.join("\n"));
        assert_eq!(back, 0, "{fault:?}: fingerprints that came back");
        assert!(prints[prints.len() / 2] <= 2, "{fault:?}: {prints:?}");
    }
}

#[test]
fn simulated_healthy_fleets_raise_no_alarm() {
    let (mut audits, mut long_runs, mut days) = (0, 0, 0.0);
    let mut infos: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 1..=fleets() * 4 {
        let fleet = Fleet::new(seed * 77 + 13, Fault::None);
        let told = audit_all(&fleet);
        audits += told.audits;
        long_runs += told.long_runs.len();
        told.infos.iter().for_each(|(reason, _)| *infos.entry(reason.clone()).or_default() += 1);
        days += fleet.horizon().since(fleet.begins.plus(-2 * DAY - 3 * HOUR)) as f64 / DAY as f64;
        assert!(told.false_alarms.is_empty(), "fleet {seed}: {}", told.false_alarms.join("\n"));
    }
    println!("{audits} healthy audits in {days:.0} fleet-days: no alarm but for {long_runs} runs longer than usual");
    println!("jobs with information, by reason: {infos:?}");
}
