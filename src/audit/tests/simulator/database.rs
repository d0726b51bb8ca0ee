//! The database of a fleet, filled write by write, and the snapshot that the reader would make of it.

use super::fleet::{Fleet, LastRun, Row, Status, Write, whole_second};
use crate::model::{self, Fire, Job, OpenRun, Run, RunError, Snapshot, State, Switch, Timestamp};
use crate::stores::phantom_for_tests as phantom;
use crate::time::{DAY, Instant};
use std::collections::HashMap;

/// How far back from the last run that a row knows the events are read.
const WINDOW: i64 = 8 * DAY;

pub struct Database<'a> {
    fleet: &'a Fleet,
    written: usize,
    rows: Vec<Option<Row>>,
    fires: Vec<Vec<Fire>>,
    switches: Vec<Vec<Switch>>,
    sessions: HashMap<usize, Instant>,
    newest_end: Instant,
    last_other_activity: Option<Instant>,
}

pub fn id_of(job: usize) -> String {
    format!("job-{job}")
}

impl<'a> Database<'a> {
    pub fn new(fleet: &'a Fleet) -> Database<'a> {
        let jobs = fleet.jobs.len();
        Database {
            fleet,
            written: 0,
            rows: vec![None; jobs],
            fires: vec![Vec::new(); jobs],
            switches: vec![Vec::new(); jobs],
            sessions: HashMap::new(),
            newest_end: Instant::MIN,
            last_other_activity: None,
        }
    }

    /// Takes in what was written up to then.
    pub fn fill(&mut self, until: Instant) {
        while let Some((at, write)) = self.fleet.writes.get(self.written) {
            if *at > until {
                break;
            }
            self.written += 1;
            let at = whole_second(*at);
            match write {
                Write::Row(job, row) => self.rows[*job] = Some(row.as_ref().clone()),
                Write::Deleted(job) => self.rows[*job] = None,
                Write::Session(job) => {
                    self.sessions.insert(*job, at);
                }
                Write::Event(..) if self.fleet.plan.unrecorded => {}
                Write::Event(job, tokens) => {
                    let fire = Fire::counted(at, *tokens).after(self.newest_end);
                    self.fires[*job].push(fire);
                    self.newest_end = at;
                }
                Write::Switch(job, resumes) => {
                    self.switches[*job].push(Switch { at, resumes: *resumes });
                    self.last_other_activity = Some(at);
                }
                Write::Chat => self.last_other_activity = Some(at),
            }
        }
    }

    /// What the reader makes of what has been written, at an instant.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let known = self.rows.iter().flatten().filter_map(|row| row.last_run.as_ref());
        let last = known.map(|run| run.start.plus(run.took)).max();
        let start = last.unwrap_or(now).plus(-WINDOW);
        let mut snapshot = Snapshot {
            last_other_activity: self.last_other_activity,
            window_start: Some(start),
            ..Snapshot::empty(phantom::TRAITS)
        };
        for (number, row) in self.rows.iter().enumerate() {
            if let Some(row) = row {
                snapshot.jobs.push(self.job(number, row, start));
            }
        }
        for (number, fires) in self.fires.iter().enumerate() {
            if self.rows[number].is_none() {
                let fires = fires[fires.partition_point(|fire| fire.end < start)..].to_vec();
                match phantom::gone_if_regular(&id_of(number), fires) {
                    Ok(job) => snapshot.jobs.push(job),
                    Err(fires) => snapshot.other_fires.extend(fires),
                }
            }
        }
        snapshot.other_fires.sort_by_key(|fire| fire.end);
        for job in &mut snapshot.jobs {
            phantom::join_row(job, now);
        }
        let open = |(job, seen): (&usize, &Instant)| OpenRun { job_id: id_of(*job), seen: *seen };
        snapshot.open_runs = self.sessions.iter().map(open).collect();
        phantom::forget_ended_runs(&mut snapshot);
        snapshot
    }

    fn job(&self, number: usize, row: &Row, start: Instant) -> Job {
        let of_fleet = &self.fleet.jobs[number];
        let state = match row.status {
            Status::Active => State::Watched,
            Status::Failed => State::Broken,
            Status::Paused => State::Paused,
            Status::Disabled => State::Disabled,
        };
        Job {
            name: of_fleet.name.clone(),
            created_at: Some(of_fleet.made),
            row: Some(read_row(row)),
            switches: self.switches[number].clone(),
            fires: since_a_good_one(&self.fires[number], start).to_vec(),
            ..Job::new(id_of(number), state, row.schedule.clone())
        }
    }
}

/// The fires from `start` on, and those before back to one that used tokens.
fn since_a_good_one(fires: &[Fire], start: Instant) -> &[Fire] {
    let within = fires.partition_point(|fire| fire.end < start);
    let good = fires[..within].iter().rposition(|fire| !fire.is_empty());
    &fires[good.unwrap_or(0)..]
}

fn read_row(row: &Row) -> model::Row {
    model::Row {
        last_run: row.last_run.as_ref().map(read_run),
        next_run_at: row.next_run.map_or(Timestamp::Missing, Timestamp::At),
        consecutive_errors: row.errors as u64,
        updated_at: Some(row.updated_at),
        delivery: None,
    }
}

fn read_run(run: &LastRun) -> Run {
    Run {
        start: run.start,
        duration_ms: Some(run.took),
        failed: run.error.is_some(),
        error: run.error.map(RunError::new),
    }
}
