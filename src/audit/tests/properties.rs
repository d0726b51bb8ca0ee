//! What must hold of every schedule: a job that fires in each of its slots has no trouble, and a silence never gets better.

use super::*;
use proptest::prelude::*;

/// One job's history in which every run takes `took`; None if the schedule has no slot.
fn punctual(schedule: Schedule, made: Instant, runs: usize, took: Millis) -> Option<Snapshot> {
    let mut job = new_job("j".to_owned(), schedule, made)?;
    let mut before = made;
    for _ in 0..runs {
        let Some(start) = job.next_run() else { break };
        let end = start.plus(took);
        let fire = Fire::counted(end, 7);
        job.fires.push(fire.after(before));
        before = end;
        let next =
            job.schedule.cadence().and_then(|cadence| cadence.next(end)).map_or(Timestamp::Missing, Timestamp::At);
        let run = Run { start, duration_ms: Some(took), failed: false, error: None };
        job.row = Some(Row { last_run: Some(run), next_run_at: next, updated_at: Some(end), ..Row::default() });
    }
    phantom::join_row(&mut job, Instant::MAX);
    Some(Snapshot { window_start: Some(made), jobs: vec![job], ..Snapshot::empty(phantom::TRAITS) })
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

/// A schedule, the zone that it is in, and when its job was made.
fn made() -> impl Strategy<Value = (Schedule, Zone, Instant)> {
    let made = (1_760_000_000_000i64..1_780_000_000_000).prop_map(Instant::from_millis);
    let parse = |((kind, value), zone, made): ((&str, String), Zone, Instant)| {
        (phantom::schedule(kind, &value, zone), zone, made)
    };
    (schedule(), zone(), made).prop_map(parse)
}

proptest! {
    #[test]
    fn punctual_job_has_no_findings(
        (schedule, zone, made) in made(),
        runs in 1usize..60,
        took in 100i64..50_000,
        part in 0.0f64..1.0,
    ) {
        let Some(mut snapshot) = punctual(schedule, made, runs, took) else { return Ok(()) };
        let (Some(end), Some(next)) = (snapshot.jobs[0].last_end(), snapshot.jobs[0].next_run()) else { return Ok(()) };
        let now = end.plus((next.since(end) as f64 * part) as Millis);
        snapshot.zone.zone = zone;
        let verdict = audit(snapshot, &Policy::of(settings(now)));
        prop_assert!(findings(&verdict).is_empty(), "at {}: {:?}", now, findings(&verdict));
    }

    #[test]
    fn silence_never_improves_and_keeps_its_fingerprint(
        (schedule, zone, made) in made(),
        runs in 0usize..20,
        waits in prop::collection::vec(0i64..60 * DAY, 2..6),
    ) {
        let Some(mut snapshot) = punctual(schedule, made, runs, 1000) else { return Ok(()) };
        let from = snapshot.jobs[0].last_end().unwrap_or(made);
        snapshot.zone.zone = zone;
        let mut waits = waits;
        waits.sort_unstable();
        let mut worst = Severity::Ok;
        let mut print = None;
        for wait in waits {
            let now = from.plus(wait);
            let verdict = audit(snapshot.clone(), &Policy::of(settings(now)));
            prop_assert!(verdict.severity() >= worst, "{:?} after {:?}", verdict.severity(), worst);
            worst = verdict.severity();
            for incident in &verdict.incidents {
                let known = print.get_or_insert_with(|| incident.fingerprint.clone());
                prop_assert_eq!(&*known, &incident.fingerprint);
            }
        }
    }
}
