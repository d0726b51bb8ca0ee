//! The scheduler: when it runs which job, what it writes, and what goes wrong with it. docs/scheduler.md has the facts.

use super::operator::Act;
use super::plan::{End, Fault, Mishap, Plan, Revival};
use super::random::Random;
use crate::model::Schedule;
use crate::schedule::{Cadence, Zone};
use crate::stores::phantom_for_tests as phantom;
use crate::time::{DAY, HOUR, Instant, MINUTE, Millis, SECOND};
use std::collections::BTreeMap;

/// The timer sleeps this long at most, whatever the rows say.
const TIMER_SLEEPS: Millis = 60 * MINUTE;
/// The scheduler itself ends a run after this long.
const TIME_OUT: Millis = 240 * MINUTE;

/// A row's `status` and `enabled`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Status {
    Active,
    Failed,
    Paused,
    Disabled,
}

/// The last run, as a row has it.
#[derive(Debug, Clone)]
pub struct LastRun {
    pub start: Instant,
    pub took: Millis,
    pub error: Option<&'static str>,
}

/// A row of `scheduled_jobs`.
#[derive(Debug, Clone)]
pub struct Row {
    pub schedule: Schedule,
    pub status: Status,
    pub last_run: Option<LastRun>,
    pub next_run: Option<Instant>,
    pub errors: usize,
    pub updated_at: Instant,
}

impl Row {
    pub fn next_slot(&self, after: Instant) -> Option<Instant> {
        self.schedule.cadence()?.next(after)
    }

    pub fn due(&self) -> Option<Instant> {
        if self.status == Status::Active { self.next_run } else { None }
    }
}

/// A job from its creation on. Its row is gone once it is deleted.
pub struct Job {
    pub name: String,
    pub made: Instant,
    pub median: Millis,
    pub row: Option<Row>,
}

/// One write to the database.
pub enum Write {
    Row(usize, Box<Row>),
    Deleted(usize),
    Session(usize),
    Event(usize, u32),
    /// A row of the audit log: a resume or a pause.
    Switch(usize, bool),
    /// Another channel's cost event.
    Chat,
}

/// What is going to happen.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// The process is killed, or the machine falls asleep.
    Stops,
    Ends,
    Revive(Revival),
    Boot,
    Chat,
    Act(Act),
}

pub struct Fleet {
    pub random: Random,
    pub plan: Plan,
    pub jobs: Vec<Job>,
    pub writes: Vec<(Instant, Write)>,
    pub now: Instant,
    /// The fault is possible from here on.
    pub begins: Instant,
    /// When it began and ended in fact, and when the rows were revived.
    pub began: Option<Instant>,
    pub ended: Option<Instant>,
    pub revived: Option<Instant>,
    /// When the first run after a sleep has shown at the latest.
    pub woke: Option<Instant>,
    /// By job: the first work lost to the fault.
    pub lost: BTreeMap<usize, Instant>,
    pub victim: usize,
    pub lasts: Millis,
    agenda: BTreeMap<(Instant, usize), Event>,
    planned: usize,
    pub timer: Option<Instant>,
    pub is_down: bool,
    mishap: Option<Mishap>,
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

const PROVIDER_ERROR: &str = "Error: the model is overloaded";
const THROWN: &str = "Error: database is locked";
const CHANCE_ERRORS: [&str; 4] = [
    "Error: the connection was reset",
    "Error: the tool gave no answer",
    "Error: the reply was cut off",
    "Error: no such channel",
];

pub fn whole_second(at: Instant) -> Instant {
    Instant::from_millis(at.seconds() * SECOND)
}

pub fn schedule(kind: &str, value: &str) -> Schedule {
    phantom::schedule(kind, value, Zone::UTC)
}

fn backoff(errors: usize) -> Millis {
    let ladder = &phantom::TRAITS.backoff;
    ladder[errors.min(ladder.len()) - 1]
}

impl Fleet {
    /// The fleet of this number: healthy for some days, and then what the plan says.
    pub fn new(seed: u64, plan: Plan) -> Fleet {
        let mut random = Random::new(seed);
        let made = Instant::from_millis(1_772_000_000_000 + random.between(0, 40 * DAY));
        let begins = made.plus(random.between(3 * DAY, 5 * DAY));
        let lasts = random.between(plan.lasts.0, plan.lasts.1 + 1);
        let mut fleet = Fleet {
            random,
            plan,
            jobs: Vec::new(),
            writes: Vec::new(),
            now: made,
            begins,
            began: None,
            ended: None,
            revived: None,
            woke: None,
            lost: BTreeMap::new(),
            victim: 0,
            lasts,
            agenda: BTreeMap::new(),
            planned: 0,
            timer: None,
            is_down: false,
            mishap: None,
        };
        if fleet.plan.is_large {
            fleet.make_300_jobs()
        } else {
            fleet.make_some_jobs()
        }
        fleet.victim = fleet.pick_victim();
        fleet.mishap = fleet.plan.before;
        fleet.make_agenda();
        fleet.simulate();
        fleet.writes.sort_by_key(|(at, _)| *at);
        fleet
    }

    /// A job that fires often, so that its trouble shows, if there is one.
    fn pick_victim(&mut self) -> usize {
        let is_frequent = |job: &usize| {
            let cadence = self.jobs[*job].row.as_ref().and_then(|row| row.schedule.cadence());
            cadence.and_then(|cadence| cadence.usual_interval(self.begins)).is_some_and(|usual| usual <= 6 * HOUR)
        };
        let frequent: Vec<usize> = (0..self.jobs.len()).filter(is_frequent).collect();
        if frequent.is_empty() { 0 } else { *self.random.pick(&frequent) }
    }

    fn make_some_jobs(&mut self) {
        for number in 0..self.random.between(3, 12) {
            self.make_random_job(format!("job {number}"));
        }
    }

    pub fn make_random_job(&mut self, name: String) {
        let (kind, value) = *self.random.pick(&SCHEDULES);
        let median = self.random.between(20 * SECOND, 6 * MINUTE);
        self.make(name, schedule(kind, value), median);
    }

    /// Most of them daily, and most of those within some hours.
    fn make_300_jobs(&mut self) {
        let first_hour = self.begins.plus(HOUR).seconds() / 3600 % 24;
        for number in 0..300 {
            let minute = self.random.between(0, 60);
            let expression = match number {
                0..6 => format!("{minute} * * * *"),
                6..200 => format!("{minute} {} * * *", (first_hour + self.random.between(0, 4)) % 24),
                _ => format!("{minute} {} * * *", self.random.between(0, 24)),
            };
            let median = self.random.between(10 * SECOND, 40 * SECOND);
            let schedule = schedule("cron", &format!("{{\"expr\":\"{expression}\"}}"));
            self.make(format!("job {number}"), schedule, median);
        }
    }

    /// Makes a job now.
    pub fn make(&mut self, name: String, schedule: Schedule, median: Millis) {
        let made = whole_second(self.now);
        let mut row =
            Row { schedule, status: Status::Active, last_run: None, next_run: None, errors: 0, updated_at: made };
        row.next_run = row.next_slot(self.now);
        let job = self.jobs.len();
        self.jobs.push(Job { name, made, median, row: None });
        self.write_row(job, row);
    }

    fn make_agenda(&mut self) {
        let horizon = self.horizon();
        let mut chat = self.now;
        while chat < horizon {
            chat = chat.plus(self.random.between(10 * MINUTE, 9 * HOUR));
            self.plan_event(chat, Event::Chat);
        }
        let ends = self.begins.plus(self.lasts);
        match self.plan.fault {
            Fault::None | Fault::HangsBeforeSession | Fault::HangsInRun | Fault::HangsInDelivery => {}
            Fault::KilledInRun => {}
            Fault::KilledIdle | Fault::MachineSleeps => self.plan_event(self.begins, Event::Stops),
            Fault::OutageWithErrors
            | Fault::OutageScoredOk
            | Fault::ProviderFlaps(..)
            | Fault::OneJobThrows
            | Fault::OneJobWedged => {
                self.began = Some(self.begins);
                if self.plan.end != End::Never {
                    self.plan_event(ends, Event::Ends);
                }
            }
        }
        for act in self.plan.acts.clone() {
            let at = self.begins.plus(self.random.between(0, self.lasts * 9 / 10));
            self.plan_event(at, Event::Act(act));
        }
    }

    pub fn plan_event(&mut self, at: Instant, event: Event) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), event);
    }

    pub fn plan_act(&mut self, after: Millis, act: Act) {
        self.plan_event(self.now.plus(after), Event::Act(act));
    }

    /// Until when it is looked at.
    pub fn horizon(&self) -> Instant {
        let began = self.began.unwrap_or(self.begins);
        self.ended.unwrap_or(began.plus(self.lasts)).plus(self.plan.after)
    }

    /// When the fault can first be seen.
    pub fn first_minute(&self) -> Instant {
        self.began.unwrap_or(self.begins)
    }

    fn simulate(&mut self) {
        self.arm();
        loop {
            let event = self.agenda.first_key_value().map_or(Instant::MAX, |((at, _), _)| *at);
            let wake = self.timer.unwrap_or(Instant::MAX);
            if self.now.max(event.min(wake)) >= self.horizon() {
                break;
            }
            self.now = self.now.max(event.min(wake));
            if event > wake {
                self.run_batch();
            } else if let Some((_, event)) = self.agenda.pop_first() {
                self.happens(event);
            }
        }
        self.now = self.horizon();
        self.note_lost();
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Stops => self.stops(),
            Event::Ends => self.ends(),
            Event::Revive(revival) => self.revive(revival),
            Event::Boot => self.boot(),
            Event::Chat if self.is_down || self.is_asleep() => {}
            Event::Chat => self.write(self.now, Write::Chat),
            Event::Act(act) => self.act(act),
        }
    }

    /// What happens beside a run, up to its end. What needs an idle process waits.
    fn live_until(&mut self, end: Instant) {
        let waits = |event: &Event| matches!(event, Event::Stops | Event::Boot);
        let restarts = self.plan.end == End::Restart;
        loop {
            let next = self.agenda.range(..=(end, usize::MAX)).find(|(_, event)| {
                let is_restart = restarts && matches!(event, Event::Ends);
                !waits(event) && !is_restart
            });
            let Some((&key, _)) = next else { break };
            if let Some(event) = self.agenda.remove(&key) {
                self.now = self.now.max(key.0);
                self.happens(event);
            }
        }
        self.now = end;
    }

    /// The timer fires when the first row is due. Without one it is never set.
    pub fn arm(&mut self) {
        if self.is_down {
            return;
        }
        let rows = self.jobs.iter().enumerate().filter(|(job, _)| !self.is_wedged(*job));
        let first = rows.filter_map(|(_, job)| job.row.as_ref()?.due()).min();
        self.timer = first.map(|due| due.max(self.now).min(self.now.plus(TIMER_SLEEPS)));
    }

    /// The rows that are due, read once, in the order in which they are due.
    pub fn due_rows(&self) -> Vec<(Instant, usize, Row)> {
        let due = |(number, job): (usize, &Job)| {
            let row = job.row.as_ref()?;
            let due = row.due().filter(|due| *due <= self.now)?;
            Some((due, number, row.clone()))
        };
        let mut rows: Vec<_> = self.jobs.iter().enumerate().filter_map(due).collect();
        rows.retain(|(_, job, _)| !self.is_wedged(*job));
        rows.sort_by_key(|(due, job, _)| (*due, *job));
        rows
    }

    fn run_batch(&mut self) {
        for (_, job, row) in self.due_rows() {
            let is_interrupted = self.agenda.first_key_value().is_some_and(|((at, _), _)| *at <= self.now);
            if is_interrupted {
                break;
            }
            if !self.run(job, row) {
                self.timer = None;
                return;
            }
        }
        self.arm();
    }

    pub fn write(&mut self, at: Instant, write: Write) {
        self.writes.push((at, write));
    }

    pub fn write_row(&mut self, job: usize, row: Row) {
        self.jobs[job].row = Some(row.clone());
        self.write(self.now, Write::Row(job, Box::new(row)));
    }

    /// Runs a job by the row as it was when the batch began; false if that never ends.
    fn run(&mut self, job: usize, row: Row) -> bool {
        let start = self.now;
        let fault = if self.is_on() { self.plan.fault } else { Fault::None };
        if fault == Fault::HangsBeforeSession {
            self.hangs();
            return false;
        }
        if fault == Fault::OneJobThrows && job == self.victim {
            self.lost.entry(job).or_insert(start);
            self.live_until(start.plus(50));
            self.end_run(job, row, start, Some(THROWN));
            return true;
        }
        let shows = self.session_delay();
        if let Some(mishap) = self.mishap.filter(|_| start >= self.begins.plus(-90 * MINUTE)) {
            self.mishap = None;
            self.go_wrong(mishap, job, row, shows);
            return true;
        }
        let lasts = self.lasts_of_run(job);
        let shows = start.plus(shows.min(lasts - 1));
        if fault == Fault::KilledInRun || fault == Fault::HangsInRun {
            self.write(shows, Write::Session(job));
            if self.plan.end == End::TimeOut {
                return self.times_out(job, row);
            }
            self.is_down = fault == Fault::KilledInRun;
            self.hangs();
            return false;
        }
        let (lasts, tokens, error) = self.outcome(fault, job, &row, lasts);
        self.write(shows.min(start.plus(lasts - 1)), Write::Session(job));
        let mut worked = start.plus(lasts);
        if fault == Fault::None && self.sleeps_between(start, worked) {
            worked = worked.plus(self.lasts);
        }
        self.live_until(worked);
        self.write(worked, Write::Event(job, tokens));
        self.write(worked, Write::Session(job));
        if fault == Fault::HangsInDelivery {
            self.hangs();
            return false;
        }
        self.end_run(job, row, start, error);
        true
    }

    fn session_delay(&mut self) -> Millis {
        if self.random.chance(0.01) { self.random.between(MINUTE, 4 * MINUTE) } else { self.random.between(200, 5000) }
    }

    fn lasts_of_run(&mut self, job: usize) -> Millis {
        if self.ended.is_some()
            && let Some((least, most)) = self.plan.first_run.take()
        {
            self.woke = Some(self.now.plus(phantom::TRAITS.session_delay));
            return self.random.between(least, most);
        }
        self.random.length(self.jobs[job].median)
    }

    /// How long a run that comes back takes, how many tokens it uses, and its error.
    fn outcome(&mut self, fault: Fault, job: usize, row: &Row, lasts: Millis) -> (Millis, u32, Option<&'static str>) {
        let (has_failed, scored_ok) = match fault {
            Fault::OutageWithErrors => (true, false),
            Fault::OutageScoredOk => (true, true),
            Fault::ProviderFlaps(part, fails) => (self.random.chance(part), !fails),
            _ => (false, false),
        };
        if has_failed {
            self.lost.entry(job).or_insert(self.now);
            return (2 * SECOND, 0, if scored_ok { None } else { Some(PROVIDER_ERROR) });
        }
        // Three errors in a row are a trouble of their own.
        if row.errors < 2 && self.random.chance(0.02) {
            let error = *self.random.pick(&CHANCE_ERRORS);
            return if self.random.chance(0.5) { (2 * SECOND, 0, Some(error)) } else { (lasts, 1000, Some(error)) };
        }
        (lasts, 1000, None)
    }

    fn sleeps_between(&self, start: Instant, end: Instant) -> bool {
        self.plan.fault == Fault::MachineSleeps && start < self.begins && end > self.begins
    }

    fn go_wrong(&mut self, mishap: Mishap, job: usize, row: Row, shows: Millis) {
        let start = self.now;
        match mishap {
            Mishap::Fails => {
                self.live_until(start.plus(2 * SECOND));
                self.write(self.now, Write::Session(job));
                self.write(self.now, Write::Event(job, 0));
                self.end_run(job, row, start, Some(CHANCE_ERRORS[0]));
            }
            Mishap::Throws => {
                self.write(start.plus(shows), Write::Session(job));
                self.live_until(start.plus(8051 * SECOND));
                self.end_run(job, row, start, Some(THROWN));
            }
        }
    }

    fn times_out(&mut self, job: usize, row: Row) -> bool {
        let start = self.now;
        self.began = Some(start);
        self.ended = Some(start.plus(TIME_OUT));
        self.live_until(start.plus(TIME_OUT));
        self.write(self.now, Write::Event(job, 0));
        self.write(self.now, Write::Session(job));
        self.end_run(job, row, start, Some("Error: timed out after 240 minutes"));
        true
    }

    /// Delivers the message and writes the row: what the run changes, and by its row of before.
    fn end_run(&mut self, job: usize, before: Row, start: Instant, error: Option<&'static str>) {
        let worked = self.now;
        let errors = if error.is_some() { before.errors + 1 } else { 0 };
        let slot = before.next_slot(worked);
        let is_cron = matches!(before.schedule.cadence(), Some(Cadence::Cron(..)));
        let next_run = match errors {
            0 => slot,
            10.. => None,
            _ => {
                let retry = worked.plus(backoff(errors));
                Some(slot.filter(|slot| is_cron && *slot < retry).unwrap_or(retry))
            }
        };
        if error.is_none() {
            let takes = if self.random.chance(0.02) {
                self.random.between(20 * SECOND, 150 * SECOND)
            } else {
                self.random.between(50, 2500)
            };
            self.live_until(worked.plus(takes));
        }
        let Some(row) = self.jobs[job].row.clone() else { return };
        let last_run = Some(LastRun { start, took: worked.since(start), error });
        let status = if errors >= 10 { Status::Failed } else { before.status };
        let status = if row.status == Status::Disabled { row.status } else { status };
        self.write_row(job, Row { status, last_run, next_run, errors, updated_at: whole_second(self.now), ..row });
    }
}
