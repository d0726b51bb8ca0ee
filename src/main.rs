//! sched-audit says which jobs of an AI agent's scheduler have silently stopped working.
//!
//! Data flows one way: argv, [`cli`] options, [`db`] snapshot (the database is closed again), [`audit`] verdict, [`report`]
//! text, one write, exit code. [`time`], [`cadence`] and [`model`] are the vocabulary of the others. Only this file knows
//! the clock, the streams and the exit code.

#![cfg_attr(test, allow(clippy::panic))]

mod time;

mod cadence;

mod model;

mod cli;

mod db;

mod audit;

mod report;

mod explain;

use audit::{Settings, Severity};
use clap::Parser;
use cli::{Cli, ColorWhen, Format, Selection};
use report::{Audited, Database, Report, safe, table};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock, SystemTime};

/// The exit code of everything that could not be audited.
const COULD_NOT_AUDIT: u8 = 3;
/// Time kept back from the time-out for judging and writing.
const RESERVE: Duration = Duration::from_millis(200);

/// Where the newest panic was. It is said only where one is caught as an internal error: rusqlite catches those of its own
/// hooks (a function's name in a corrupt schema that is no UTF-8) and turns them into errors of SQLite.
static PANICKED_AT: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        if let (Some(location), Ok(mut place)) = (info.location(), PANICKED_AT.lock()) {
            *place = format!("{}:{}", location.file(), location.line());
        }
    }));
    ExitCode::from(std::panic::catch_unwind(run).unwrap_or_else(|_| {
        complain(&internal_error());
        COULD_NOT_AUDIT
    }))
}

fn internal_error() -> String {
    let place = PANICKED_AT.lock().map_or_else(|_| String::new(), |place| place.clone());
    format!("internal error at {place}; please report it")
}

fn run() -> u8 {
    let started = Clock::now();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            let written = message.print();
            if message.use_stderr() {
                return fail(&message.kind().to_string(), clock_now(), asks_for_json());
            }
            return if written.is_err() { COULD_NOT_AUDIT } else { 0 };
        }
    };
    if let Some(topic) = &cli.explain {
        return explain_topic(topic);
    }
    let settings = match cli.settings(clock_now()) {
        Ok(settings) => settings,
        Err(error) => {
            complain(&error);
            return fail(&error, clock_now(), cli.format == Format::Json && !cli.quiet);
        }
    };
    let deadline = started + Duration::from_millis(cli.timeout.max(0) as u64);
    let databases = audit_all(&cli, &settings, deadline);
    let severity =
        databases.iter().map(Database::severity).max_by_key(|severity| severity.rank()).unwrap_or(Severity::Ok);
    let report = Report { settings, databases, severity, exit_code: cli.fail_on.code(severity) };
    complain_about(&report, &cli);
    if cli.quiet {
        return report.exit_code;
    }
    let text = match cli.format {
        Format::Table => table::render(&report, look(&cli)),
        Format::Json => report::json::render(&report),
    };
    finish(&text, report.exit_code)
}

fn explain_topic(topic: &str) -> u8 {
    match explain::explain(topic) {
        Ok(text) => finish(&text, 0),
        Err(error) => {
            complain(&error);
            COULD_NOT_AUDIT
        }
    }
}

/// The one write. A reader that has seen enough is no error.
fn finish(text: &str, exit_code: u8) -> u8 {
    match write_out(text) {
        Ok(()) => exit_code,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => exit_code,
        Err(error) => {
            complain(&format!("the output can't be written: {error}"));
            COULD_NOT_AUDIT
        }
    }
}

/// Nothing could be audited: the JSON is still printed, for those who read it.
fn fail(error: &str, now: time::Instant, json: bool) -> u8 {
    if json {
        return finish(&report::json::render_failure(now, COULD_NOT_AUDIT, error), COULD_NOT_AUDIT);
    }
    COULD_NOT_AUDIT
}

/// Whether the arguments, which could not be read, name the JSON format.
fn asks_for_json() -> bool {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let named = |pair: &[String]| matches!(pair[0].as_str(), "-f" | "--format") && pair[1] == "json";
    arguments.iter().any(|argument| argument == "--format=json" || argument == "-fjson")
        || arguments.windows(2).any(named)
}

fn clock_now() -> time::Instant {
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    time::Instant::from_millis(age.map_or(0, |age| age.as_millis() as i64))
}

/// Audits the databases side by side, as many at a time as there are cores; what is not done by the deadline is an error.
fn audit_all(cli: &Cli, settings: &Settings, deadline: Clock) -> Vec<Database> {
    let paths = cli.databases.clone();
    let results = spawn(paths.clone(), settings, Arc::new(Selection::new(cli)), deadline);
    let mut databases: Vec<Option<Database>> = paths.iter().map(|_| None).collect();
    while databases.iter().any(Option::is_none) {
        let Ok((index, database)) = results.recv_timeout(deadline.saturating_duration_since(Clock::now())) else {
            break;
        };
        databases[index] = Some(database);
    }
    let late = |path: &PathBuf| Database {
        path: path.clone(),
        real_path: path.clone(),
        outcome: Err("could not be read before the time-out; give it longer with --timeout".to_owned()),
    };
    databases.into_iter().zip(&paths).map(|(database, path)| database.unwrap_or_else(|| late(path))).collect()
}

fn spawn(
    paths: Vec<PathBuf>,
    settings: &Settings,
    selection: Arc<Selection>,
    deadline: Clock,
) -> Receiver<(usize, Database)> {
    let (sender, receiver) = channel();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(paths.len());
    let queue = Arc::new(Mutex::new(paths.into_iter().enumerate()));
    for _ in 0..threads {
        let (sender, queue, settings, selection) = (sender.clone(), queue.clone(), settings.clone(), selection.clone());
        std::thread::spawn(move || {
            while let Some((index, path)) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                let audited = std::panic::catch_unwind(|| audit_one(&path, &settings, &selection, deadline));
                let (real_path, outcome) = audited.unwrap_or_else(|_| (path.clone(), Err(internal_error())));
                if sender.send((index, Database { path, real_path, outcome })).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

fn audit_one(
    path: &Path,
    settings: &Settings,
    selection: &Selection,
    deadline: Clock,
) -> (PathBuf, Result<Audited, String>) {
    let real_path = match db::locate(path) {
        Ok(real_path) => real_path,
        Err(error) => return (path.to_owned(), Err(error)),
    };
    let window = db::Window {
        now: settings.now,
        back: settings.since,
        zone: settings.zone,
        deadline: deadline.checked_sub(RESERVE).unwrap_or(deadline),
    };
    let outcome = db::read(&real_path, &window).map(|snapshot| {
        let selected: Vec<bool> = snapshot.jobs.iter().map(|job| selection.covers(&job.id, &job.name)).collect();
        let verdict = audit::audit(&snapshot, settings, |job| selection.covers(&job.id, &job.name));
        Audited { snapshot, verdict, selected }
    });
    (real_path, outcome)
}

/// Says on stderr what could not be done.
fn complain_about(report: &Report, cli: &Cli) {
    let mut jobs = Vec::new();
    for database in &report.databases {
        match &database.outcome {
            Err(error) => complain(&format!("{}: {error}", database.path.display())),
            Ok(audited) => jobs.extend(audited.snapshot.jobs.iter().map(|job| (job.id.as_str(), job.name.as_str()))),
        }
    }
    for pattern in Selection::new(cli).unmatched(&jobs) {
        complain(&format!("no job's id or name matches {pattern:?}"));
    }
}

fn complain(text: &str) {
    // There is nothing left to tell a failure to.
    let _ = writeln!(std::io::stderr(), "sched-audit: {}", safe::text(text, 1000));
}

fn look(cli: &Cli) -> table::Look {
    let terminal = std::io::stdout().is_terminal();
    let color = match cli.color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let width = if terminal { terminal_width() } else { table::DEFAULT_WIDTH };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let utf8 = locale.is_some_and(|locale| locale.to_lowercase().replace('-', "").contains("utf8"));
    table::Look { color, width, utf8, all: cli.all }
}

fn terminal_width() -> u16 {
    terminal_size::terminal_size().map_or(table::DEFAULT_WIDTH, |(width, _)| width.0).max(40)
}

fn write_out(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
