//! The runs of a mapped store.

use super::super::{fires, gone, ids, value};
use super::reader::Reader;
use super::run_row::RunRow;
use super::tally::{Tally, Unusable};
use super::values::shown;
use super::{since, unjudged};
use crate::db::ReadError;
use crate::model::{Fire, Job, Outcome, QueryFacts, Snapshot, State};
use crate::numbers::count;
use crate::time::{DAY, Instant, Millis};
use std::collections::{HashMap, HashSet};

/// Rows that are read at most.
const MAX_RUNS: usize = 1_000_000;
/// The columns of runs that have a meaning.
const RUN_COLUMNS: [&str; 10] =
    ["job", "name", "start", "end", "duration_ms", "status", "tokens", "cost_usd", "message", "error"];
/// Jobs without a row that are kept apart.
const MAX_UNKNOWN_JOBS: usize = 10_000;
/// A job can't be judged where more than one in so many of its rows can't be read.
const MOST_ARE_READ: usize = 4;
/// Of runs before those without a count, one in so many may lack it too, and there must be so many.
const MOST_ARE_COUNTED: usize = 5;
const MIN_COUNTED: usize = 3;
/// So many runs in a row that have not ended are not in flight at a time.
const MIN_OPEN: usize = 3;

/// What the query for runs gave.
pub struct Read {
    /// Whether runs in flight are on record.
    pub shows_open: bool,
    pub facts: QueryFacts,
}

/// Reads the runs, and gives each job its own.
pub fn read(reader: &Reader<'_>, text: &str, snapshot: &mut Snapshot) -> Result<Read, ReadError> {
    let query = reader.mapping.query("runs", text);
    let mut prepared = query.prepare(reader.db)?;
    let columns = prepared.columns.clone();
    columns.check(&query, &RUN_COLUMNS, &["job"])?;
    if !columns.has("start") && !columns.has("end") {
        return Err(query.wrong("it has neither a column start nor end"));
    }
    let since = reader.window.start(&snapshot.jobs, Millis::MAX).plus(-DAY);
    let windowed = since::bind(reader, &query, &mut prepared, since)?;
    let jobs = snapshot.jobs.iter().enumerate();
    let index: HashMap<String, usize> = jobs.map(|(position, job)| (job.id.clone(), position)).collect();
    let mut open: Vec<Vec<Instant>> = vec![Vec::new(); snapshot.jobs.len()];
    let mut dropped = vec![Dropped::default(); snapshot.jobs.len()];
    let (mut shows_open, mut unknown, mut strangers) = (false, None, Strangers::default());
    let mut tally = Tally::of(query.key, &columns);
    let mut rows = prepared.statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| query.failed(error))? {
        if tally.rows() == MAX_RUNS {
            let note = format!("the query for runs returns more than {MAX_RUNS} rows: use WHERE start > :since");
            snapshot.notes.push(note);
            break;
        }
        let values = columns.values(row)?;
        tally.row(&values);
        let run = RunRow::read(reader, &values, &mut tally);
        let id = ids::bytes(values.get("job"));
        let position = index.get(&ids::id(&id)).copied();
        let run = match run {
            Ok(run) => run,
            Err(why) => {
                if let Some(position) = position {
                    dropped[position].count(why);
                }
                continue;
            }
        };
        shows_open |= run.is_open || (columns.has("end") && columns.has("start"));
        if run.has_odd_status {
            unknown = value::text(values.get("status"));
        }
        match position {
            Some(position) => {
                open[position].extend(run.open_since());
                run.add_to(&mut snapshot.jobs[position], reader);
            }
            None => strangers.note(id, shown(values.get("name")), &run),
        }
    }
    snapshot.notes.extend(unknown.map(unknown_status));
    drop(rows);
    if let Some(bound) = windowed {
        let newest = since::newest_before(reader, &query, &mut prepared, bound, &mut snapshot.jobs)?;
        for (position, run) in newest {
            run.add_to(&mut snapshot.jobs[position], reader);
        }
    }
    let (rows, has_dropped) = (tally.rows(), tally.has_dropped());
    let mut facts = tally.finish(&mut snapshot.notes);
    facts.unused.extend(strangers.told());
    for (job, dropped) in snapshot.jobs.iter_mut().zip(&dropped) {
        dropped.judge(job);
    }
    for (job, open) in snapshot.jobs.iter_mut().zip(open) {
        since_the_first_open(job, open);
    }
    strangers.settle(reader.window.now, snapshot);
    judge_what_was_read(rows, has_dropped, snapshot);
    Ok(Read { shows_open, facts })
}

/// Takes a job for running since the first of its last runs, if several in a row have not ended: none is served any more. One
/// that was cut may stay open for ever, and is followed by others that end.
fn since_the_first_open(job: &mut Job, mut open: Vec<Instant>) {
    let ended = job.fires.iter().filter_map(Fire::known_start).max();
    open.retain(|start| ended.is_none_or(|ended| *start > ended));
    if open.len() >= MIN_OPEN {
        job.running_since = open.into_iter().min();
    }
}

/// Rows of a job that are not used.
#[derive(Debug, Clone, Default)]
struct Dropped {
    without_time: usize,
    unreadable: usize,
    ahead: usize,
}

impl Dropped {
    fn count(&mut self, why: Unusable) {
        match why {
            Unusable::NoTime => self.without_time += 1,
            Unusable::Unreadable => self.unreadable += 1,
            Unusable::Ahead => self.ahead += 1,
            Unusable::Later => {}
        }
    }

    /// Says that a job can't be judged, if too few of its rows could be used, or if not the newest ones.
    fn judge(&self, job: &mut Job) {
        let used = job.fires.len();
        if self.ahead > 0 {
            let what =
                format!("{} of its runs lie in the future: give times with their offsets, or in UTC", self.ahead);
            unjudged::one(job, &what);
        } else if self.unreadable * MOST_ARE_READ > used {
            unjudged::one(job, &format!("the times of {} of its runs can't be read", self.unreadable));
        } else if self.without_time > 0 && used == 0 && job.running_since.is_none() {
            unjudged::one(job, "none of its runs has a time");
        }
    }
}

/// Says which jobs can't be judged by what was read of their runs.
fn judge_what_was_read(rows: usize, has_dropped: bool, snapshot: &mut Snapshot) {
    if snapshot.jobs.iter().any(|job| job.state != State::Gone && !job.fires.is_empty() || job.running_since.is_some())
    {
        return;
    }
    if has_dropped {
        unjudged::all(snapshot, "no time of a run can be read: check the columns start and end, and time");
    } else if rows == 0 {
        for job in &mut snapshot.jobs {
            if job.last_run().is_some() {
                unjudged::one(job, "its row has a last run, and the query for runs gives none: check its condition");
            }
        }
    }
}

/// The note about a word for the outcome of runs.
pub fn unknown_status(word: String) -> String {
    format!("the mapping does not know the status {:?}: add it to the words of status", value::message(&word, 40))
}

/// Runs of ids that the query for jobs does not give: of jobs that are gone, or all of them, where the ids do not match.
#[derive(Default)]
struct Strangers {
    jobs: HashMap<Vec<u8>, (String, Vec<Fire>)>,
}

impl Strangers {
    fn note(&mut self, id: Vec<u8>, name: String, run: &RunRow) {
        let is_known = self.jobs.contains_key(&id);
        if let Some(fire) = run.fire()
            && !id.is_empty()
            && (is_known || self.jobs.len() < MAX_UNKNOWN_JOBS)
        {
            let (known_name, fires) = self.jobs.entry(id).or_default();
            *known_name = name;
            fires.push(fire);
        }
    }

    /// How many runs there are of how many ids.
    fn told(&self) -> Option<String> {
        let runs: usize = self.jobs.values().map(|(_, fires)| fires.len()).sum();
        let ids = count(self.jobs.len(), "id");
        (runs > 0).then(|| format!("{} of {ids} that jobs does not give", count(runs, "run")))
    }

    fn settle(self, now: Instant, snapshot: &mut Snapshot) {
        let is_joined = snapshot.jobs.iter().any(|job| !job.fires.is_empty() || job.running_since.is_some());
        if !self.jobs.is_empty() && !snapshot.jobs.is_empty() && !is_joined {
            let why = "no run of the query for runs has the id of a job: compare its column job with id";
            unjudged::all(snapshot, why);
            return;
        }
        let now_running: Vec<Instant> =
            self.jobs.values().filter_map(|(_, fires)| last_of_regular(fires, now)).collect();
        if let Some(last) = now_running.into_iter().max() {
            let without = |job: &&mut Job| job.fires.is_empty() && job.running_since.is_none();
            let is_older = |job: &&mut Job| job.created_at.is_none_or(|made| made < last);
            let why = "no run has its id, and runs of ids that no job has go on: compare the column job with id";
            snapshot.notes.push("runs of ids that no job has go on: compare the column job with id".to_owned());
            for job in snapshot.jobs.iter_mut().filter(without).filter(is_older) {
                unjudged::one(job, why);
            }
        }
        let mut gone = Vec::new();
        for (id, (name, mut fires)) in self.jobs {
            fires.sort_by_key(|fire| fire.end);
            gone.push(Job { name, ..gone::job(&id, fires) });
        }
        gone.sort_by(|a, b| a.id.cmp(&b.id));
        gone::settle(gone, snapshot);
    }
}

/// When the last of regular runs ended, if they go on.
fn last_of_regular(fires: &[Fire], now: Instant) -> Option<Instant> {
    let mut ends: Vec<Instant> = fires.iter().map(|fire| fire.end).collect();
    ends.sort_unstable();
    let mut between: Vec<Millis> = ends.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    between.sort_unstable();
    let usual = between.get(between.len() * 3 / 4)?;
    let last = *ends.last()?;
    (ends.len() >= gone::MIN_OF_REGULAR && now.since(last) <= *usual).then_some(last)
}

/// Runs without a count after runs that were counted: what they used can't be read.
fn doubt_uncounted(fires: &mut [Fire]) {
    let uncounted = fires.iter().rev().take_while(|fire| fire.tokens.is_none()).count();
    let (before, last) = fires.split_at_mut(fires.len() - uncounted);
    let counted = before.iter().filter(|fire| fire.tokens.is_some()).count();
    if counted < MIN_COUNTED || (before.len() - counted) * MOST_ARE_COUNTED > before.len() {
        return;
    }
    for fire in last.iter_mut().filter(|fire| fire.outcome == Outcome::Unproven) {
        fire.outcome = Outcome::Unread;
    }
}

/// Puts the fires in order, and adds what only the row knows: its last run, where there are no others, and errors in a row.
pub fn finish(job: &mut Job) {
    job.fires.sort_by_key(|fire| fire.end);
    if job.fires.is_empty()
        && let Some(run) = job.last_run()
    {
        job.fires.push(fires::of_row(run, Outcome::Unproven));
    }
    fires::forget_zeros(&mut job.fires, &HashSet::new());
    doubt_uncounted(&mut job.fires);
    job.uses_model = job.fires.iter().any(|fire| fire.tokens.is_some());
    fires::count_errors(job, None);
    // A run that has begun since is the one in flight; one before the newest end is over.
    let newest = job.fires.iter().filter_map(Fire::known_start).max();
    job.running_since = job.running_since.filter(|since| newest.is_none_or(|newest| *since > newest));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;

    #[test]
    fn regular_runs_go_on_until_one_is_late() {
        let at = |hours: i64| Instant::from_millis(1_772_000_000_000 + hours * HOUR);
        let runs = |count: i64| (0..count).map(|hour| Fire::ended(at(hour), Outcome::Worked)).collect::<Vec<Fire>>();
        let many = gone::MIN_OF_REGULAR as i64;
        let last = |count: i64, now: Instant| last_of_regular(&runs(count), now);
        assert_eq!(last(many, at(many)), Some(at(many - 1)));
        assert_eq!((last(many, at(many).plus(1)), last(many - 1, at(many - 1))), (None, None));
        assert_eq!((last(1, at(0)), last(0, at(0))), (None, None));
        let uneven: Vec<Fire> = [0, 1, 2, 3, 7].map(|hour| Fire::ended(at(hour), Outcome::Worked)).to_vec();
        let going_on = |now: Instant| last_of_regular(&uneven, now).is_some();
        assert!(going_on(at(11)) && !going_on(at(11).plus(1)), "a quarter of the times between them is longer");
    }

    #[test]
    fn runs_of_no_job_are_told_only_if_there_are_any() {
        let mut strangers = Strangers::default();
        assert_eq!(strangers.told(), None);
        let fire = Fire::ended(Instant::MIN, Outcome::Worked);
        strangers.jobs.insert(b"x".to_vec(), ("x".to_owned(), vec![fire, fire]));
        assert_eq!(strangers.told().as_deref(), Some("2 runs of 1 id that jobs does not give"));
    }

    #[test]
    fn runs_without_a_count_are_doubted_after_enough_that_were_counted() {
        let run = |tokens: Option<u32>| {
            let outcome = if tokens.is_some() { Outcome::Worked } else { Outcome::Unproven };
            Fire { tokens, ..Fire::ended(Instant::MIN, outcome) }
        };
        let doubted = |counted: usize, gaps: usize| {
            let mut fires: Vec<Fire> = std::iter::repeat_n(run(None), gaps).collect();
            fires.extend(std::iter::repeat_n(run(Some(7)), counted));
            fires.push(run(None));
            doubt_uncounted(&mut fires);
            fires.last().is_some_and(|last| last.outcome == Outcome::Unread)
        };
        assert_eq!((doubted(MIN_COUNTED, 0), doubted(MIN_COUNTED - 1, 0)), (true, false));
        let most = 10 * MOST_ARE_COUNTED - 10;
        assert_eq!((doubted(most, 10), doubted(most - 1, 10)), (true, false), "some gaps are no change");
    }
}
