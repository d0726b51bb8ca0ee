//! Audits the databases of one call, several at a time, each once, until the deadline.

use crate::audit;
use crate::db::ReadError;
use crate::discover::{self, Candidate};
use crate::model::Results;
use crate::options::Options;
use crate::panics;
use crate::progress::Progress;
use crate::report::{AuditError, Audited, CallError, Database, Report};
use crate::results;
use crate::stores::{self, Window};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock};

/// Time kept back from the time-out for judging and writing.
const RESERVE: Duration = Duration::from_millis(200);

/// The outcome of a candidate, by its position; None if it is passed over.
type Outcome = (usize, Option<Database>);

/// Audits all databases; one that is not done by the deadline is an error.
pub fn run(options: &Arc<Options>, started: Clock) -> Report {
    let deadline = started + options.timeout;
    let mut databases = audit_all(options, deadline);
    let checked = if databases.is_empty() {
        Err(CallError::NothingFound(stores::usual_places()))
    } else {
        check_patterns(&mut databases, options).and_then(|()| check_history(&databases, options))
    };
    let policy = &options.policy;
    Report {
        now: policy.settings.now,
        took: started.elapsed(),
        databases: checked.map(|()| databases),
        fail_on: options.fail_on,
        history: options.history,
    }
}

fn audit_all(options: &Arc<Options>, deadline: Clock) -> Vec<Database> {
    let results = Arc::new(results::read(options.policy.outputs(), deadline));
    let mut progress = Progress::new(options.databases.len(), !options.output.quiet);
    let (sender, outcomes) = channel();
    let mut candidates: Vec<Arc<Candidate>> =
        options.databases.iter().map(|path| Arc::new(Candidate::named(path))).collect();
    let work = Work { options, results: &results, deadline };
    spawn(&candidates, 0, work, &sender);
    if !options.directories.is_empty() {
        let first = candidates.len();
        candidates.extend(search(options, deadline, &mut progress).into_iter().map(Arc::new));
        spawn(&candidates[first..], first, work, &sender);
    }
    drop(sender);
    let audited = collect(&candidates, &outcomes, deadline, &mut progress);
    let found_in = |position: usize| audited.iter().any(|(found_in, _)| *found_in == Some(position));
    let is_empty = |(position, _): &(usize, _)| !found_in(*position);
    let empty = options.directories.iter().enumerate().filter(is_empty);
    let empty: Vec<Database> = empty.map(|(_, path)| Database::unread(path, why_empty(path))).collect();
    let mut seen = HashSet::new();
    let once = |database: &Database| seen.insert(database.real_path.clone());
    audited.into_iter().map(|(_, database)| database).chain(empty).filter(once).collect()
}

/// Searches the directories in a thread of its own: a dead mount must not keep us beyond the deadline.
fn search(options: &Arc<Options>, deadline: Clock, progress: &mut Progress) -> Vec<Candidate> {
    let (sender, found) = channel();
    let directories = options.directories.clone();
    in_thread(move || {
        // No one is waiting any more after the deadline.
        let _ = sender.send(discover::search(&directories));
    });
    progress.next(&found, deadline).unwrap_or_else(|| {
        let late = |(position, path): (usize, &PathBuf)| Candidate::unread(path, position, AuditError::SearchTimedOut);
        options.directories.iter().enumerate().map(late).collect()
    })
}

/// The databases in the order of the candidates, each with the position of the directory that it was found in.
fn collect(
    candidates: &[Arc<Candidate>],
    outcomes: &Receiver<Outcome>,
    deadline: Clock,
    progress: &mut Progress,
) -> Vec<(Option<usize>, Database)> {
    progress.set_total(candidates.len());
    let mut done = BTreeMap::new();
    while let Some((position, database)) = progress.next(outcomes, deadline) {
        done.insert(position, database);
        progress.advance();
    }
    progress.finish();
    for (position, candidate) in candidates.iter().enumerate() {
        done.entry(position).or_insert_with(|| Some(late(candidate)));
    }
    let placed = |(position, database): (usize, Option<Database>)| Some((candidates[position].found_in, database?));
    done.into_iter().filter_map(placed).collect()
}

/// What was not done by the deadline.
fn late(candidate: &Candidate) -> Database {
    let judging = candidate.is_judged.load(Ordering::Relaxed);
    let error = if judging { AuditError::JudgingTimedOut } else { ReadError::TimedOut.into() };
    Database::unread(&candidate.path, error)
}

/// What threads need to audit databases.
#[derive(Clone, Copy)]
struct Work<'a> {
    options: &'a Arc<Options>,
    /// The files that jobs should leave behind.
    results: &'a Arc<Results>,
    deadline: Clock,
}

/// Sets threads to work on the candidates, whose positions begin at `first`.
fn spawn(candidates: &[Arc<Candidate>], first: usize, work: Work<'_>, sender: &Sender<Outcome>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(candidates.len());
    let queue: Vec<(usize, Arc<Candidate>)> = (first..).zip(candidates.iter().cloned()).collect();
    let queue = Arc::new(Mutex::new(queue.into_iter()));
    for _ in 0..threads {
        let (sender, queue) = (sender.clone(), queue.clone());
        let (options, results, deadline) = (work.options.clone(), work.results.clone(), work.deadline);
        in_thread(move || {
            while let Some((position, candidate)) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                let audited = panics::catch(|| audit_one(&candidate, &options, &results, deadline));
                let unread = |error| Some(Database::unread(&candidate.path, AuditError::Internal(error)));
                if sender.send((position, audited.unwrap_or_else(unread))).is_err() {
                    break;
                }
            }
        });
    }
}

/// Works in a thread, or here and now if none can be started.
fn in_thread(work: impl FnOnce() + Send + 'static) {
    let work = Arc::new(Mutex::new(Some(work)));
    let take = |work: &Mutex<Option<_>>| work.lock().ok().and_then(|mut work| work.take());
    let theirs = work.clone();
    let started = std::thread::Builder::new().spawn(move || {
        if let Some(work) = take(&theirs) {
            work();
        }
    });
    if started.is_err()
        && let Some(work) = take(&work)
    {
        work();
    }
}

/// Why no database was found in a directory.
fn why_empty(directory: &Path) -> AuditError {
    stores::older_store(directory).map_or(AuditError::EmptyDirectory, AuditError::from)
}

/// A path that does not exist may be a word that other programs take as a command.
fn not_found(path: &Path) -> AuditError {
    match path.to_str() {
        Some("help") => AuditError::Word("for help: sched-audit --help"),
        Some("version") => AuditError::Word("for the version: sched-audit --version"),
        Some("list" | "ls" | "jobs" | "status") => AuditError::Word("for every job: sched-audit --all DATABASE"),
        _ => ReadError::NotFound.into(),
    }
}

/// None if the candidate was found by searching and belongs to something else.
fn audit_one(candidate: &Candidate, options: &Options, results: &Results, deadline: Clock) -> Option<Database> {
    let path = &candidate.path;
    if let Some(error) = candidate.take_error() {
        return Some(Database::unread(path, error));
    }
    let real_path = match stores::locate(path) {
        Ok(real_path) => real_path,
        Err(ReadError::NotFound) => return Some(Database::unread(path, not_found(path))),
        Err(error) => return Some(Database::unread(path, error.into())),
    };
    let settings = &options.policy.settings;
    let window = Window {
        now: settings.now,
        back: settings.since,
        zone: options.zone,
        machine_zone: options.machine_zone,
        errors: options.errors,
        is_live: options.is_live,
        asks_process: options.asks_process,
        deadline: deadline.checked_sub(RESERVE).unwrap_or(deadline),
    };
    // Checked when the options were made.
    let insist = options.store.as_ref().and_then(|name| stores::named(name, &options.mappings).ok());
    let outcome = match stores::read(&real_path, &window, insist, &options.mappings) {
        Err(error) if error.is_foreign() && candidate.found_in.is_some() => return None,
        Err(error) => Err(error.into()),
        Ok(mut snapshot) => {
            snapshot.results = results.clone();
            candidate.is_judged.store(true, Ordering::Relaxed);
            let mut verdict = audit::audit(snapshot, &options.policy);
            if !options.history {
                verdict.forget_runs();
            }
            Ok(Audited { verdict, settings: settings.clone() })
        }
    };
    Some(Database { path: path.clone(), real_path, outcome })
}

/// Compares the jobs of all databases with the patterns that the operator named: adds the expected jobs that are missing to
/// the first database, and notes there which patterns match nothing. A database that could not be read may hold anything.
///
/// # Errors
/// The patterns of `--job` that match nothing.
fn check_patterns(databases: &mut [Database], options: &Options) -> Result<(), CallError> {
    let policy = &options.policy;
    if databases.iter().any(|database| database.outcome.is_err()) {
        return Ok(());
    }
    let jobs = databases.iter().filter_map(|database| database.outcome.as_ref().ok());
    let jobs = jobs.flat_map(|audited| &audited.verdict.jobs).map(|report| &report.job);
    let (unmatched, missing) = (policy.unmatched(jobs.clone()), policy.missing(jobs));
    if let Some(Ok(first)) = databases.first_mut().map(|database| database.outcome.as_mut()) {
        let ignored = unmatched.ignored.iter();
        first.verdict.notes.extend(ignored.map(|pattern| format!("--ignore {pattern:?} matches no job's id or name")));
        let file = policy.file.as_ref().map_or_else(String::new, |file| file.display().to_string());
        first.verdict.notes.extend(
            unmatched
                .rules
                .iter()
                .map(|(pattern, line)| format!("{file} line {line}: {pattern:?} matches no job's id or name")),
        );
        missing.iter().for_each(|pattern| first.verdict.add_expected_missing(pattern, &policy.settings));
    }
    if unmatched.only.is_empty() { Ok(()) } else { Err(CallError::NoJobMatches(unmatched.only)) }
}

/// The history of one job is read, and not that of a fleet.
///
/// # Errors
/// `--history` without `--job`, if there are several jobs.
fn check_history(databases: &[Database], options: &Options) -> Result<(), CallError> {
    if !options.history || !options.policy.only.is_empty() {
        return Ok(());
    }
    let audited = databases.iter().filter_map(|database| database.outcome.as_ref().ok());
    let mut jobs = audited.flat_map(Audited::jobs);
    let first = jobs.next();
    if jobs.next().is_none() {
        return Ok(());
    }
    Err(CallError::HistoryOfAll(first.map(|report| report.job.label().to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_database_is_said_to_be_slow_to_read_or_to_judge() {
        let candidate = Candidate::named(Path::new("a.db"));
        let error = || late(&candidate).outcome.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error().starts_with("could not be read before the time-out"), "{}", error());
        candidate.is_judged.store(true, Ordering::Relaxed);
        assert!(error().starts_with("could not be judged before the time-out"), "{}", error());
    }
}
