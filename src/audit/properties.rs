//! What must hold of every schedule: a job that fires in each of its slots has no trouble, and a silence never gets better.

use super::*;
use crate::model::{Fire, Lull, OpenRun, Run, Schedule, Stamp, State, Tokens};
use crate::time::{DAY, HOUR, MINUTE};
use proptest::prelude::*;

fn settings(now: Instant, zone: Zone) -> Settings {
    Settings {
        now,
        since: 7 * DAY,
        zone,
        late_cadences: 2.0,
        late_after: 6 * HOUR,
        zero_streak: 3,
        zero_streak_critical: 5,
        max_run: 4 * HOUR,
    }
}

/// Jobs that one slot runs, as the scheduler does: the due ones in a batch, each at the end of the one before.
struct Fleet {
    snapshot: Snapshot,
    free_at: Instant,
}

impl Fleet {
    /// None if a schedule has no slot.
    fn new(schedules: Vec<Schedule>, made: Instant) -> Option<Fleet> {
        let job = |(index, schedule): (usize, Schedule)| {
            Some(Job {
                id: index.to_string(),
                name: index.to_string(),
                state: State::Watched,
                next_run_at: Stamp::At(schedule.cadence()?.next(made)?),
                schedule,
                last_run: None,
                consecutive_errors: 0,
                created_at: Some(made),
                updated_at: Some(made),
                moved_on: false,
                switches: Vec::new(),
                fires: Default::default(),
            })
        };
        let jobs = schedules.into_iter().enumerate().map(job).collect::<Option<Vec<Job>>>()?;
        let snapshot = Snapshot { window_start: Some(made), jobs, ..Snapshot::default() };
        Some(Fleet { snapshot, free_at: made })
    }

    fn due(&self, job: usize) -> Instant {
        self.snapshot.jobs[job].next_run_at.instant().unwrap_or(Instant::MAX)
    }

    /// Runs the next batch, each job for one of the times, up to `now`; false once that is reached.
    fn run_batch(&mut self, took: &mut impl Iterator<Item = Millis>, now: Instant) -> bool {
        let mut order: Vec<usize> = (0..self.snapshot.jobs.len()).collect();
        order.sort_by_key(|&job| self.due(job));
        self.free_at = self.free_at.max(order.first().map_or(now, |&job| self.due(job)));
        let begun = self.free_at;
        for job in order.into_iter().filter(|&job| self.due(job) <= begun).collect::<Vec<_>>() {
            let (start, end) = (self.free_at, self.free_at.plus(took.next().unwrap_or(1000)));
            if end > now {
                let open = OpenRun { job_id: job.to_string(), start };
                self.snapshot.open_runs.extend((start <= now).then_some(open));
                return false;
            }
            self.end_run(job, start, end);
        }
        true
    }

    fn end_run(&mut self, index: usize, start: Instant, end: Instant) {
        let job = &mut self.snapshot.jobs[index];
        if let Some(from) = self.snapshot.newest_fire.filter(|from| end.since(*from) > MINUTE) {
            self.snapshot.lulls.push(Lull { from, until: end, job: Some(index), previous: job.fires.newest() });
        }
        job.fires.push(Fire { at: end, tokens: Tokens::Some });
        job.last_run = Some(Run { start, duration_ms: Some(end.since(start)), error: None });
        let next = job.schedule.cadence().and_then(|cadence| cadence.next(end));
        job.next_run_at = next.map_or(Stamp::Missing, Stamp::At);
        (job.updated_at, self.snapshot.newest_fire, self.free_at) = (Some(end), Some(end), end);
    }
}

/// One job's history in which every run takes `took`; None if the schedule has no slot.
fn punctual(schedule: Schedule, made: Instant, runs: usize, took: Millis) -> Option<Snapshot> {
    let mut fleet = Fleet::new(vec![schedule], made)?;
    (0..runs).for_each(|_| {
        fleet.run_batch(&mut std::iter::repeat(took), Instant::MAX);
    });
    Some(fleet.snapshot)
}

/// The kind and value of a schedule.
fn schedule() -> impl Strategy<Value = (&'static str, String)> {
    let minute = prop::sample::select(vec!["*", "*/5", "0", "30", "7,37"]);
    let hour = prop::sample::select(vec!["*", "9-17", "*/6", "2", "0,12"]);
    let day = prop::sample::select(vec!["*", "1", "L", "15W", "1,15"]);
    let weekday = prop::sample::select(vec!["*", "1-5", "FRI#2", "0"]);
    let cron = (minute, hour, day, weekday).prop_map(|(minute, hour, day, weekday)| {
        ("cron", format!("{{\"expr\":\"{minute} {hour} {day} * {weekday}\"}}"))
    });
    let every = (1i64..2000).prop_map(|minutes| ("every", format!("{{\"intervalMs\":{}}}", minutes * MINUTE)));
    prop_oneof![2 => cron, 1 => every]
}

fn zone() -> impl Strategy<Value = Zone> {
    let names = prop::sample::select(vec!["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]);
    names.prop_filter_map("a zone", Zone::named)
}

proptest! {
    #[test]
    fn a_job_that_fires_in_each_of_its_slots_has_no_trouble(
        (kind, value) in schedule(),
        zone in zone(),
        made in 1_760_000_000_000i64..1_780_000_000_000,
        runs in 1usize..60,
        took in 100i64..50_000,
        part in 0.0f64..1.0,
    ) {
        let Some(snapshot) = punctual(Schedule::parse(kind, &value, zone), Instant::from_millis(made), runs, took) else { return Ok(()) };
        let (Some(end), Some(next)) = (snapshot.newest_fire, snapshot.jobs[0].next_run_at.instant()) else { return Ok(()) };
        let now = end.plus((next.since(end) as f64 * part) as Millis);
        let verdict = audit(&snapshot, &settings(now, zone), |_| true);
        prop_assert!(verdict.findings.is_empty(), "at {}: {:?}", now, verdict.findings);
    }

    #[test]
    fn a_healthy_fleet_that_shares_one_slot_raises_no_alarm(
        schedules in prop::collection::vec(schedule(), 2..6),
        zone in zone(),
        made in 1_760_000_000_000i64..1_780_000_000_000,
        hours in 1i64..200,
        took in prop::collection::vec(prop_oneof![9 => 100i64..90_000, 1 => MINUTE..239 * MINUTE], 1..40),
    ) {
        let made = Instant::from_millis(made);
        let now = made.plus(hours * HOUR);
        let schedules = schedules.iter().map(|(kind, value)| Schedule::parse(kind, value, zone)).collect();
        let Some(mut fleet) = Fleet::new(schedules, made) else { return Ok(()) };
        let mut took = took.iter().copied().cycle();
        while fleet.run_batch(&mut took, now) {}
        // A run in flight for longer than that job's usual is rightly a warning.
        let alarm = |finding: &&Finding| finding.severity > Severity::Info && finding.reason != "waiting";
        let verdict = audit(&fleet.snapshot, &settings(now, zone), |_| true);
        prop_assert_eq!(verdict.findings.iter().find(alarm).map(|finding| &finding.message), None);
    }

    #[test]
    fn a_silence_never_gets_better_by_going_on(
        (kind, value) in schedule(),
        zone in zone(),
        made in 1_760_000_000_000i64..1_780_000_000_000,
        runs in 0usize..20,
        waits in prop::collection::vec(0i64..60 * DAY, 2..6),
    ) {
        let Some(snapshot) = punctual(Schedule::parse(kind, &value, zone), Instant::from_millis(made), runs, 1000) else { return Ok(()) };
        let from = snapshot.newest_fire.unwrap_or(Instant::from_millis(made));
        let mut waits = waits;
        waits.sort_unstable();
        let at = |wait: &Millis| audit(&snapshot, &settings(from.plus(*wait), zone), |_| true).severity;
        let severities: Vec<Severity> = waits.iter().map(at).collect();
        prop_assert!(severities.is_sorted(), "{:?} after {:?}", severities, waits);
    }
}
