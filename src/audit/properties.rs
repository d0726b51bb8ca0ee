//! What must hold of every schedule: a job that fires in each of its slots has no trouble, and a silence never gets better.

use super::*;
use crate::model::{Fire, Lull, Run, Schedule, Stamp, State, Tokens};
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

/// A job's history in which every run begins in its slot and takes `took`, the next slot being counted from its end; None
/// if the schedule has none.
fn punctual(schedule: Schedule, made: Instant, runs: usize, took: Millis) -> Option<Snapshot> {
    let cadence = schedule.cadence()?.clone();
    let mut snapshot = Snapshot { window_start: Some(made), ..Snapshot::default() };
    let mut job = Job {
        id: "j".to_owned(),
        name: "j".to_owned(),
        state: State::Watched,
        schedule,
        last_run: None,
        next_run_at: Stamp::At(cadence.next(made)?),
        consecutive_errors: 0,
        created_at: Some(made),
        updated_at: Some(made),
        moved_on: false,
        switches: Vec::new(),
        fires: Default::default(),
    };
    for _ in 0..runs {
        let start = job.next_run_at.instant()?;
        let (end, previous) = (start.plus(took), job.fires.newest());
        if let Some(from) = snapshot.newest_fire.filter(|from| end.since(*from) > MINUTE) {
            snapshot.lulls.push(Lull { from, until: end, job: Some(0), previous });
        }
        job.fires.push(Fire { at: end, tokens: Tokens::Some });
        job.last_run = Some(Run { start, duration_ms: Some(took), error: None });
        job.next_run_at = Stamp::At(cadence.next(end)?);
        (job.updated_at, snapshot.newest_fire) = (Some(end), Some(end));
    }
    snapshot.jobs.push(job);
    Some(snapshot)
}

fn schedule() -> impl Strategy<Value = (Schedule, Zone)> {
    let minute = prop::sample::select(vec!["*", "*/5", "0", "30", "7,37"]);
    let hour = prop::sample::select(vec!["*", "9-17", "*/6", "2", "0,12"]);
    let day = prop::sample::select(vec!["*", "1", "L", "15W", "1,15"]);
    let weekday = prop::sample::select(vec!["*", "1-5", "FRI#2", "0"]);
    let zone = prop::sample::select(vec!["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]);
    let every = (0i64..3, 1i64..2000).prop_map(|(of, minutes)| (of == 0).then_some(minutes * MINUTE));
    (minute, hour, day, weekday, zone, every).prop_filter_map("a zone", |(minute, hour, day, weekday, zone, every)| {
        let zone = Zone::named(zone)?;
        let schedule = match every {
            Some(interval) => Schedule::parse("every", &format!("{{\"intervalMs\":{interval}}}"), zone),
            None => Schedule::parse("cron", &format!("{{\"expr\":\"{minute} {hour} {day} * {weekday}\"}}"), zone),
        };
        Some((schedule, zone))
    })
}

proptest! {
    #[test]
    fn a_job_that_fires_in_each_of_its_slots_has_no_trouble(
        (schedule, zone) in schedule(),
        made in 1_760_000_000_000i64..1_780_000_000_000,
        runs in 1usize..60,
        took in 100i64..50_000,
        part in 0.0f64..1.0,
    ) {
        let Some(snapshot) = punctual(schedule, Instant::from_millis(made), runs, took) else { return Ok(()) };
        let (Some(end), Some(next)) = (snapshot.newest_fire, snapshot.jobs[0].next_run_at.instant()) else { return Ok(()) };
        let now = end.plus((next.since(end) as f64 * part) as Millis);
        let verdict = audit(&snapshot, &settings(now, zone), |_| true);
        prop_assert!(verdict.findings.is_empty(), "at {}: {:?}", now, verdict.findings);
    }

    #[test]
    fn a_silence_never_gets_better_by_going_on(
        (schedule, zone) in schedule(),
        made in 1_760_000_000_000i64..1_780_000_000_000,
        runs in 0usize..20,
        waits in prop::collection::vec(0i64..60 * DAY, 2..6),
    ) {
        let Some(snapshot) = punctual(schedule, Instant::from_millis(made), runs, 1000) else { return Ok(()) };
        let from = snapshot.newest_fire.unwrap_or(Instant::from_millis(made));
        let mut waits = waits;
        waits.sort_unstable();
        let at = |wait: &Millis| audit(&snapshot, &settings(from.plus(*wait), zone), |_| true).severity;
        let severities: Vec<Severity> = waits.iter().map(at).collect();
        prop_assert!(severities.is_sorted(), "{:?} after {:?}", severities, waits);
    }
}
