//! The databases of one call: named or found in directories, each once, audited side by side, done by the deadline.

use crate::audit;
use crate::policy::Policy;
use crate::report::{Audited, Database};
use crate::{db, panics, stores};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock};
use walkdir::{DirEntry, WalkDir};
use wildmatch::WildMatch;

/// Time kept back from the time-out for judging and writing.
const RESERVE: Duration = Duration::from_millis(200);
/// How long a call may take before its progress is shown.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);
/// Files called so are missed when they can't be opened; of others nobody knows that they are databases.
const DATABASE_EXTENSIONS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// What one call audits.
pub struct Request {
    /// Databases by their paths.
    pub databases: Vec<PathBuf>,
    /// Directories to search for databases.
    pub directories: Vec<PathBuf>,
    /// How they are judged.
    pub policy: Policy,
    /// Whose stores they are, where somebody insists.
    pub store: Option<stores::Store>,
    /// When it has to be done.
    pub deadline: Clock,
    /// Whether progress may be shown, on stderr if that is a terminal.
    pub progress: bool,
}

/// One path to audit.
struct Candidate {
    path: PathBuf,
    /// The directory, by its index, in which it was found: there the file of something else is passed over.
    found_in: Option<usize>,
    /// Why it can't be audited, if that is known already.
    trouble: Option<String>,
}

/// The outcome of a candidate, by its index; None if it is passed over.
type Outcome = (usize, Option<Database>);

/// Audits the databases, as many at a time as there are cores; what is not done by the deadline is an error.
pub fn audit(request: Request) -> Vec<Database> {
    let request = Arc::new(request);
    let mut progress = Progress::new(&request);
    let (candidates, outcomes) = start(&request, &mut progress);
    let audited = collect(&candidates, &outcomes, request.deadline, &mut progress);
    let empty: Vec<Database> = empty_directories(&request, &audited).collect();
    let mut seen = HashSet::new();
    let once = |database: &Database| seen.insert(database.real_path.clone());
    audited.into_iter().map(|(_, database)| database).chain(empty).filter(once).collect()
}

/// Holds the jobs of all databases against what the operator named: adds what is expected and not there to the first
/// database, and returns what is wrong with `--job`, if it lets no job through. What could not be read may hold anything.
pub fn hold_against(databases: &mut [Database], policy: &Policy) -> String {
    let unread = databases.iter().any(|database| database.outcome.is_err());
    let audited = || databases.iter().filter_map(|database| database.outcome.as_ref().ok());
    let jobs = audited().flat_map(|audited| &audited.verdict.jobs).map(|judged| &judged.job);
    let (unmatched, unneeded) = policy.unmatched(jobs.clone());
    let missing: Vec<WildMatch> = policy.missing(jobs).into_iter().cloned().collect();
    if unread {
        return String::new();
    }
    for pattern in unneeded {
        if let Some(Ok(first)) = databases.first_mut().map(|database| database.outcome.as_mut()) {
            first.verdict.notes.push(format!("no job's id or name matches {pattern:?}, which is ignored"));
        }
    }
    if let Some(Ok(first)) = databases.first_mut().map(|database| database.outcome.as_mut()) {
        missing.iter().for_each(|pattern| first.verdict.miss(pattern, policy.settings.now));
    }
    let named: Vec<String> = unmatched.iter().map(|pattern| format!("{pattern:?}")).collect();
    if named.is_empty() {
        String::new()
    } else {
        format!("no job's id or name matches {}; check --job", named.join(", "))
    }
}

/// Sets threads to work on what is named, and then on what is found.
fn start(request: &Arc<Request>, progress: &mut Progress) -> (Vec<Arc<Candidate>>, Receiver<Outcome>) {
    let (sender, outcomes) = channel();
    let named = |path: &PathBuf| Candidate { path: path.clone(), found_in: None, trouble: None };
    let mut candidates: Vec<Arc<Candidate>> = request.databases.iter().map(named).map(Arc::new).collect();
    spawn(&candidates, 0, request, &sender);
    if !request.directories.is_empty() {
        let first = candidates.len();
        candidates.extend(search_by_deadline(request, progress).into_iter().map(Arc::new));
        spawn(&candidates[first..], first, request, &sender);
    }
    (candidates, outcomes)
}

/// The databases in the order of the candidates, with the directory, by its index, that each was found in.
fn collect(
    candidates: &[Arc<Candidate>],
    outcomes: &Receiver<Outcome>,
    deadline: Clock,
    progress: &mut Progress,
) -> Vec<(Option<usize>, Database)> {
    progress.bar.set_length(candidates.len() as u64);
    let mut done: Vec<Option<Option<Database>>> = candidates.iter().map(|_| None).collect();
    while let Some((index, database)) = progress.next(outcomes, deadline) {
        done[index] = Some(database);
        progress.bar.inc(1);
    }
    progress.bar.finish_and_clear();
    let late = |candidate: &Candidate| {
        Some(unread(&candidate.path, candidate.trouble.clone().unwrap_or_else(|| db::TIMED_OUT.to_owned())))
    };
    let placed = |(candidate, done): (&Arc<Candidate>, Option<Option<Database>>)| {
        Some((candidate.found_in, done.unwrap_or_else(|| late(candidate))?))
    };
    candidates.iter().zip(done).filter_map(placed).collect()
}

fn unread(path: &Path, why: String) -> Database {
    Database { path: path.to_owned(), real_path: path.to_owned(), outcome: Err(why) }
}

fn empty_directories(request: &Request, audited: &[(Option<usize>, Database)]) -> impl Iterator<Item = Database> {
    let empty = |&(index, _): &(usize, &PathBuf)| audited.iter().all(|(found_in, _)| *found_in != Some(index));
    let why = "holds no scheduler's database: no SQLite file in it has a table scheduled_jobs";
    request.directories.iter().enumerate().filter(empty).map(move |(_, path)| unread(path, why.to_owned()))
}

/// The databases in all directories, sought by a thread of its own: a dead mount must not keep us beyond the deadline.
fn search_by_deadline(request: &Arc<Request>, progress: &mut Progress) -> Vec<Candidate> {
    let (sender, found) = channel();
    let directories = request.directories.clone();
    in_thread(move || {
        let found = directories.iter().enumerate().flat_map(|(index, path)| search(path, index)).collect();
        // Nobody waits any more after the deadline.
        let _ = sender.send(found);
    });
    progress.next(&found, request.deadline).unwrap_or_else(|| {
        let late = |(index, path): (usize, &PathBuf)| Candidate {
            path: path.clone(),
            found_in: Some(index),
            trouble: Some("could not be searched before the time-out; give it longer with --timeout".to_owned()),
        };
        request.directories.iter().enumerate().map(late).collect()
    })
}

/// The SQLite databases under a directory, by name, and what may hide one. Links to files are followed, links to directories
/// are not.
fn search(directory: &Path, index: usize) -> Vec<Candidate> {
    let candidate = |path: &Path, trouble| Candidate { path: path.to_owned(), found_in: Some(index), trouble };
    let named_so = |path: &Path| {
        path.extension().is_some_and(|extension| DATABASE_EXTENSIONS.iter().any(|known| extension == *known))
    };
    let look = |entry: walkdir::Result<DirEntry>| match entry {
        // Under /proc to open what is empty could do something.
        Ok(entry) if entry.path().metadata().is_ok_and(|meta| !meta.is_file()) => None,
        Ok(entry) if entry.path().metadata().is_ok_and(|meta| meta.len() == 0) && !named_so(entry.path()) => None,
        Ok(entry) => match db::locate(entry.path()) {
            Ok(_) => Some(candidate(entry.path(), None)),
            Err(_) if !named_so(entry.path()) => None,
            Err(unread) => Some(candidate(entry.path(), Some(unread.why))),
        },
        Err(error) => {
            let path = error.path().unwrap_or(directory);
            let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            Some(candidate(path, Some(format!("can't be searched: {why}"))))
        }
    };
    WalkDir::new(directory).sort_by_file_name().into_iter().filter_map(look).collect()
}

/// Sets threads to work on the candidates, whose indexes begin at `first`.
fn spawn(candidates: &[Arc<Candidate>], first: usize, request: &Arc<Request>, sender: &Sender<Outcome>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(candidates.len());
    let queue: Vec<(usize, Arc<Candidate>)> = (first..).zip(candidates.iter().cloned()).collect();
    let queue = Arc::new(Mutex::new(queue.into_iter()));
    for _ in 0..threads {
        let (sender, queue, request) = (sender.clone(), queue.clone(), request.clone());
        in_thread(move || {
            while let Some((index, candidate)) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                let audited = std::panic::catch_unwind(|| audit_one(&candidate, &request));
                let database = audited.unwrap_or_else(|_| Some(unread(&candidate.path, panics::internal_error())));
                if sender.send((index, database)).is_err() {
                    break;
                }
            }
        });
    }
}

/// Works in a thread, or here and now where none can be started.
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

/// None if the candidate was found by searching and is the file of something else.
fn audit_one(candidate: &Candidate, request: &Request) -> Option<Database> {
    let path = candidate.path.clone();
    if let Some(why) = &candidate.trouble {
        return Some(unread(&path, why.clone()));
    }
    let (real_path, outcome) = match db::locate(&path) {
        Ok(real_path) => (real_path.clone(), read(&real_path, request)),
        Err(error) => (path.clone(), Err(error)),
    };
    match outcome {
        Err(error) if error.kind == db::Kind::Foreign && candidate.found_in.is_some() => None,
        outcome => Some(Database { path, real_path, outcome: outcome.map_err(|error| error.why) }),
    }
}

fn read(path: &Path, request: &Request) -> Result<Audited, db::Unread> {
    let settings = &request.policy.settings;
    let window = db::Window {
        now: settings.now,
        back: settings.since,
        zone: settings.zone,
        deadline: request.deadline.checked_sub(RESERVE).unwrap_or(request.deadline),
    };
    let snapshot = stores::read(path, &window, request.store)?;
    Ok(Audited { verdict: audit::audit(snapshot, &request.policy), settings: settings.clone() })
}

/// A line on stderr that counts the databases done, once that takes long.
struct Progress {
    bar: ProgressBar,
    shows_at: Option<Clock>,
}

impl Progress {
    fn new(request: &Request) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(request.databases.len() as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len} databases audited, {elapsed}") {
            bar.set_style(style);
        }
        Progress { bar, shows_at: request.progress.then(|| Clock::now() + PROGRESS_AFTER) }
    }

    /// The next message; None when no more can come, or none by the deadline.
    fn next<T>(&mut self, messages: &Receiver<T>, deadline: Clock) -> Option<T> {
        let until = |at: Clock| at.saturating_duration_since(Clock::now());
        if let Some(at) = self.shows_at.filter(|at| *at < deadline) {
            match messages.recv_timeout(until(at)) {
                Err(RecvTimeoutError::Timeout) => self.show(),
                other => return other.ok(),
            }
        }
        messages.recv_timeout(until(deadline)).ok()
    }

    fn show(&mut self) {
        self.shows_at = None;
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }
}
