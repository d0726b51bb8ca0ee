//! How long an audit takes beside the operator's own query on the same file, and beside SQLite's own sum over the rows that it
//! reads; how its time grows with what a database has; and how much memory it takes at most: `cargo bench`.
//!
//! Whole processes of the release binary on a warm file, the best of several runs, against the query of the incident's
//! report (corrected) run by the same SQLite in this process, and against the sum in a process of its own. Data is made in
//! target/bench-data; that of the first part is kept for the next run. `cargo bench -- growth` does one part: query, sum, growth, or
//! memory.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod database;
mod growth;
mod measure;
mod memory;

use measure::{FORMATS, Used, audit, best};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const END: i64 = 1_777_550_400;
const WEEK: f64 = 7.0 * 86_400.0;

/// One pass of SQLite's own over the rows that an audit reads, and the columns that it needs.
const SUM: &str =
    "SELECT sum(length(session_key)), sum(input_tokens), sum(output_tokens), max(created_at) FROM cost_events
    WHERE id > (SELECT max(id) FROM cost_events) - 114286";

/// Events of the last 7 days by job: zero-token fires and the last fire.
const QUERY: &str = "SELECT session_key, count(*), sum(input_tokens = 0 AND output_tokens = 0), max(created_at) FROM cost_events
    WHERE session_key LIKE 'scheduler:sched:%' AND created_at >= datetime('2026-04-30 12:00:00', '-7 days') GROUP BY session_key";

struct Case {
    name: &'static str,
    events: i64,
    jobs: i64,
    /// The share of the events that lies in the last 7 days.
    window: f64,
    /// One job fell silent a year ago, after five fires with zero tokens.
    silent: bool,
}

/// The argument by which this program does nothing but the sum: a process as an audit is, with the same SQLite.
const SUM_ONLY: &str = "--sum";

fn sum(path: &Path) {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sum: i64 = db.query_row(SUM, [], |row| row.get(1)).unwrap();
    assert!(sum > 0);
}

fn database(case: &Case) -> PathBuf {
    let path = database::directory().join(format!("{}-{}-{}-{}.db", case.events, case.jobs, case.window, case.silent));
    if path.exists() {
        return path;
    }
    let unfinished = path.with_extension("new");
    let _ = std::fs::remove_file(&unfinished);
    let db = Connection::open(&unfinished).unwrap();
    db.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN").unwrap();
    db.execute_batch(include_str!("../../tests/suite/schema.sql")).unwrap();
    let step = WEEK / (case.events as f64 * case.window);
    let (events, jobs, cadence) = (case.events, case.jobs, step * case.jobs as f64);
    db.execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {jobs} - 1)
         INSERT INTO scheduled_jobs (id, name, schedule_kind, schedule_value, task, last_run_at, last_run_duration_ms, next_run_at,
           created_at, updated_at)
         SELECT printf('%036d', i), 'job' || i, 'every', '{{\"intervalMs\":{ms}}}', '', strftime('%Y-%m-%dT%H:%M:%fZ', {END} - {cadence}
           + {step} * i, 'unixepoch'), 100, strftime('%Y-%m-%dT%H:%M:%fZ', {END} + {step} * i, 'unixepoch'), '2000-01-01 00:00:00',
           datetime({END} - {cadence} + {step} * i, 'unixepoch') FROM n;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {events} - 1)
         INSERT INTO cost_events (session_key, cost_usd, input_tokens, output_tokens, model, created_at)
         SELECT printf('scheduler:sched:%036d', i % {jobs}), 0.1, 1000, 200, 'a-model',
           datetime({END} - ({events} - i) * {step}, 'unixepoch') FROM n;",
        ms = (cadence * 1000.0) as i64,
    ))
    .unwrap();
    if case.silent {
        // Its events later than a year ago go to another session; the five before are without tokens.
        let key = format!("scheduler:sched:{:036}", 0);
        let year = events - (365.0 * 86_400.0 / step) as i64;
        db.execute("UPDATE cost_events SET session_key = 'web:x' WHERE session_key = ?1 AND id > ?2", (&key, year))
            .unwrap();
        db.execute(
            "UPDATE cost_events SET input_tokens = 0, output_tokens = 0 WHERE id IN
             (SELECT id FROM cost_events WHERE session_key = ?1 ORDER BY id DESC LIMIT 5)",
            [&key],
        )
        .unwrap();
        db.execute(
            "UPDATE scheduled_jobs SET status = 'failed', next_run_at = NULL, last_run_at =
             (SELECT max(created_at) FROM cost_events WHERE session_key = ?1) WHERE name = 'job0'",
            [&key],
        )
        .unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
    std::fs::rename(&unfinished, &path).unwrap();
    path
}

fn query(path: &Path, sql: &str) -> Duration {
    let db = Connection::open(path).unwrap();
    let begun = Instant::now();
    let mut statement = db.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while rows.next().unwrap().is_some() {}
    begun.elapsed()
}

fn forget_cache(path: &Path) {
    let of = format!("of={}", path.display());
    Command::new("dd")
        .args([&of, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"])
        .status()
        .unwrap();
}

/// Audits a WAL database while it gets 200 commits a second.
fn beside_writer(source: &Path) -> Duration {
    let path = source.with_extension("live.db");
    std::fs::copy(source, &path).unwrap();
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF").unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let thread = std::thread::spawn(move || {
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            writer.execute_batch("UPDATE scheduled_jobs SET run_count = run_count + 1 WHERE name = 'job1'").unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    std::thread::sleep(Duration::from_millis(200));
    let time = best(5, &mut audit("table", &[&path])).wall;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    thread.join().unwrap();
    std::fs::remove_file(&path).unwrap();
    time
}

const LARGE: Case =
    Case { name: "10 M events, 1,000 jobs, 1% in 7 days", events: 10_000_000, jobs: 1000, window: 0.01, silent: false };

const CASES: [Case; 4] = [
    Case { name: "100,000 events, 20 jobs", events: 100_000, jobs: 20, window: 0.05, silent: false },
    Case {
        name: "1.1 M events, 1,000 jobs, 100,000 in 7 days",
        events: 1_100_000,
        jobs: 1000,
        window: 1.0 / 11.0,
        silent: false,
    },
    Case { name: "10 M events, one job silent for a year", events: 10_000_000, jobs: 1000, window: 0.01, silent: true },
    Case { name: "10 M events, 1,000 jobs, all in 7 days", events: 10_000_000, jobs: 1000, window: 1.0, silent: false },
];

fn beside_query() {
    println!("{:<46}{:>12}{:>12}{:>10}", "", "audit", "query", "ratio");
    for case in std::iter::once(&LARGE).chain(&CASES) {
        let path = database(case);
        let runs = if case.window > 0.5 { 2 } else { 7 };
        let ours = best(runs, &mut audit("table", &[&path])).wall;
        let theirs = query(&path, QUERY).min(query(&path, QUERY));
        println!("{:<46}{ours:>12.1?}{theirs:>12.1?}{:>9.1}x", case.name, theirs.as_secs_f64() / ours.as_secs_f64());
        if case.silent {
            let output = audit("table", &[&path]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains("5 runs from 2025-04-30 04:04 to 10:48, all with 0 tokens"), "{said}");
        }
    }
    let path = database(&LARGE);
    forget_cache(&path);
    println!("{:<46}{:>12.1?}", "10 M events, cold cache", best(1, &mut audit("table", &[&path])).wall);
    println!("{:<46}{:>12.1?}", "10 M events, 200 commits a second", beside_writer(&path));
    let copies: Vec<PathBuf> = (0..2).map(|n| path.with_extension(format!("copy{n}.db"))).collect();
    copies.iter().for_each(|copy| std::fs::copy(&path, copy).map(|_| ()).unwrap());
    let both: Vec<&Path> = copies.iter().map(PathBuf::as_path).collect();
    println!("{:<46}{:>12.1?}", "two such databases, side by side", best(5, &mut audit("table", &both)).wall);
    copies.iter().for_each(|copy| std::fs::remove_file(copy).unwrap());
    println!("{:<46}{:>12.1?}", "an empty process (true)", best(20, &mut Command::new("true")).wall);
}

/// Each format and the sum, taken in turns, so that a busy machine slows down both.
fn beside_sum() {
    const ROUNDS: usize = 15;
    println!("\n{:<46}{:>12}{:>12}{:>10}{:>10}", "the 114,000 rows that are read", "wall", "CPU", "of sum", "of sum");
    let path = database(&LARGE);
    let sums = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(SUM_ONLY).arg(&path);
        command
    };
    let mut best_sum: Option<Used> = None;
    let mut of_formats: [Option<Used>; FORMATS.len()] = [None; FORMATS.len()];
    for _ in 0..ROUNDS {
        keep_best(&mut best_sum, &mut sums());
        for (format, used) in FORMATS.iter().zip(&mut of_formats) {
            keep_best(used, &mut audit(format, &[&path]));
        }
    }
    let sum = best_sum.unwrap();
    println!("{:<46}{:>12.1?}{:>12.1?}", "SQLite's sum", sum.wall, sum.cpu);
    for (format, used) in FORMATS.iter().zip(of_formats.into_iter().flatten()) {
        let of_sum = |ours: Duration, sum: Duration| ours.as_secs_f64() / sum.as_secs_f64();
        let (wall, cpu) = (of_sum(used.wall, sum.wall), of_sum(used.cpu, sum.cpu));
        println!("{format:<46}{:>12.1?}{:>12.1?}{wall:>10.2}{cpu:>10.2}", used.wall, used.cpu);
    }
}

fn keep_best(best_so_far: &mut Option<Used>, command: &mut Command) {
    let used = measure::run(command);
    *best_so_far = Some(best_so_far.map_or(used, |best| best.best(used)));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [only, path] = arguments.as_slice()
        && only == SUM_ONLY
    {
        return sum(Path::new(path));
    }
    let does = |part: &str| arguments.is_empty() || arguments.iter().any(|wanted| wanted == part);
    if does("query") {
        beside_query();
    }
    if does("sum") {
        beside_sum();
    }
    if does("growth") {
        growth::measure();
    }
    if does("memory") {
        memory::measure(&database(&CASES[1]));
    }
}
