//! What the sentences of a report claim, held against the database by queries of their own.

use crate::{HEALTHY, INCIDENT, RECOVERED, run};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use rusqlite::Connection;
use serde_json::Value;
use std::path::Path;

/// A time in a sentence is cut to the minute.
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// A labeled database and the instant to audit it at.
struct Case {
    path: String,
    now: String,
    zone: String,
    more: Vec<String>,
}

/// The labeled databases of `fixtures/`, or of the folders that `SCHED_AUDIT_CORPUS` names, with colons between them.
fn cases() -> Vec<Case> {
    let folders = std::env::var("SCHED_AUDIT_CORPUS").unwrap_or_else(|_| "fixtures/corpus".to_owned());
    let mut cases = Vec::new();
    for folder in folders.split(':') {
        let labels = std::fs::read_to_string(format!("{folder}/labels.json")).unwrap();
        let labels: Value = serde_json::from_str(&labels).unwrap();
        for case in labels.as_array().unwrap() {
            let Some(now) = case["now"].as_str() else { continue };
            let beside = |argument: &Value| {
                let argument = argument.as_str().unwrap();
                let path = format!("{folder}/{argument}");
                if Path::new(&path).exists() { path } else { argument.to_owned() }
            };
            cases.push(Case {
                path: format!("{folder}/{}", case["db"].as_str().unwrap()),
                now: now.to_owned(),
                zone: case["timezone"].as_str().unwrap_or("UTC").to_owned(),
                more: case["args"].as_array().into_iter().flatten().map(beside).collect(),
            });
        }
    }
    for [_, now, _, zone, path] in [INCIDENT, HEALTHY, RECOVERED] {
        cases.push(Case { path: path.into(), now: now.into(), zone: zone.into(), more: Vec::new() });
    }
    cases
}

/// What a store shows up to an instant.
struct Store {
    now: DateTime<Utc>,
    runs: Vec<Ended>,
    boots: Vec<DateTime<Utc>>,
    /// When the newest lease of the scheduler was renewed.
    lease: Option<DateTime<Utc>>,
    /// When anything but a run was last active.
    other: Option<DateTime<Utc>>,
}

/// A run that ended.
struct Ended {
    job: String,
    end: DateTime<Utc>,
    /// Whether a model worked in it, and no error is known of it.
    is_good: bool,
}

impl Store {
    /// None if it is of a scheduler whose tables this test does not know.
    fn read(path: &str, now: &str) -> Option<Store> {
        let uri = format!("file:{}?immutable={}", path, i32::from(!Path::new(&format!("{path}-wal")).exists()));
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
        let db = Connection::open_with_flags(uri, flags).ok()?;
        let now = now.parse().ok()?;
        if has_table(&db, "scheduled_jobs") {
            return Store::phantom(&db, now);
        }
        if has_table(&db, "cron_jobs") {
            return Store::openclaw(&db, now);
        }
        None
    }

    fn phantom(db: &Connection, now: DateTime<Utc>) -> Option<Store> {
        let events = "SELECT e.session_key, e.created_at, e.input_tokens + e.output_tokens > 0
            AND NOT (j.last_run_status = 'error' AND datetime(e.created_at) >= datetime(j.last_run_at))
            FROM cost_events e LEFT JOIN scheduled_jobs j ON e.session_key = 'scheduler:sched:' || j.id";
        let mut store = Store { now, runs: Vec::new(), boots: Vec::new(), lease: None, other: None };
        for (key, at, is_good) in triples(db, events)? {
            let Some(end) = time(&at).filter(|end| *end <= now) else { continue };
            match key.strip_prefix("scheduler:sched:") {
                Some(job) => store.runs.push(Ended { job: job.to_owned(), end, is_good: is_good == "1" }),
                None => store.other = store.other.max(Some(end)),
            }
        }
        let rows = "SELECT id, last_run_at, coalesce(last_run_duration_ms, 0) FROM scheduled_jobs";
        for (job, at, took) in triples(db, rows)? {
            let end = time(&at).zip(took.parse().ok()).map(|(at, took)| at + TimeDelta::milliseconds(took));
            let is_known = |end: DateTime<Utc>| {
                store.runs.iter().any(|run| run.job == job && (run.end - end).abs() <= TimeDelta::seconds(60))
            };
            if let Some(end) = end.filter(|end| *end <= now && !is_known(*end)) {
                store.runs.push(Ended { job, end, is_good: false });
            }
        }
        Some(store)
    }

    fn openclaw(db: &Connection, now: DateTime<Utc>) -> Option<Store> {
        let mut store = Store { now, runs: Vec::new(), boots: Vec::new(), lease: None, other: None };
        let runs = if has_table(db, "cron_run_receipts") {
            "SELECT source_id, ended_at, status = 'succeeded' FROM task_runs WHERE lower(runtime) = 'cron' AND ended_at > 0"
        } else {
            "SELECT job_id, coalesce(run_at_ms + duration_ms, ts), 0 FROM cron_run_logs"
        };
        for (job, at, is_good) in triples(db, runs)? {
            if let Some(end) = time(&at).filter(|end| *end <= now) {
                store.runs.push(Ended { job, end, is_good: is_good == "1" });
            }
        }
        if has_table(db, "gateway_boot_lifecycle") {
            let boots = triples(db, "SELECT boot_id, started_at_ms, 0 FROM gateway_boot_lifecycle")?;
            store.boots.extend(boots.iter().filter_map(|(_, at, _)| time(at)).filter(|at| *at <= now));
        }
        if has_table(db, "state_leases") {
            let leases = "SELECT scope, heartbeat_at, created_at FROM state_leases WHERE scope = 'gateway-owner'";
            for (_, renewed, created) in triples(db, leases)? {
                store.boots.extend(time(&created).filter(|at| *at <= now));
                store.lease = store.lease.max(time(&renewed).map(|at| at.min(now)));
            }
        }
        Some(store)
    }

    fn newest_run(&self) -> Option<DateTime<Utc>> {
        self.runs.iter().map(|run| run.end).max()
    }
}

fn has_table(db: &Connection, name: &str) -> bool {
    let count = db.query_row("SELECT count(*) FROM sqlite_master WHERE name = ?1", [name], |row| row.get(0));
    count.is_ok_and(|count: i64| count > 0)
}

/// The rows of a query with three columns, as text.
fn triples(db: &Connection, query: &str) -> Option<Vec<(String, String, String)>> {
    let mut statement = db.prepare(query).ok()?;
    let text = |row: &rusqlite::Row<'_>, column: usize| {
        row.get_ref(column).map(|value| match value {
            rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            _ => String::new(),
        })
    };
    let rows = statement.query_map([], |row| Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?))).ok()?;
    rows.collect::<Result<_, _>>().ok()
}

/// A time in one of the forms of these stores, or of a sentence.
fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(millis) = text.parse() {
        return DateTime::from_timestamp_millis(millis);
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|at| at.and_utc())
}

/// The time that follows some words in a sentence, cut to the minute.
fn time_after(sentence: &str, words: &str) -> Option<DateTime<Utc>> {
    let rest = &sentence[sentence.find(words)? + words.len()..];
    time(rest.get(.."2026-03-02 10:00".len())?)
}

/// The word before some words in a sentence, as a number.
fn number_before(sentence: &str, words: &str) -> Option<usize> {
    sentence[..sentence.find(words)?].rsplit(' ').next()?.replace(',', "").parse().ok()
}

/// A length of time such as `3h08m`.
fn length(text: &str) -> Option<TimeDelta> {
    let mut length = TimeDelta::zero();
    let mut number = 0;
    for letter in text.chars() {
        match letter.to_digit(10) {
            Some(digit) => number = number * 10 + i64::from(digit),
            None => {
                length += match letter {
                    'd' => TimeDelta::days(number),
                    'h' => TimeDelta::hours(number),
                    'm' => TimeDelta::minutes(number),
                    's' => TimeDelta::seconds(number),
                    _ => return None,
                };
                number = 0;
            }
        }
    }
    Some(length)
}

/// What is false of an incident's sentences.
fn false_claims(store: &Store, incident: &Value) -> Vec<String> {
    let observed = incident["observed"].as_array().into_iter().flatten();
    let sentences = [&incident["headline"]].into_iter().chain(observed).chain([&incident["inferred"]]);
    let said = sentences.filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    let since = incident["since"].as_str().and_then(time);
    let mut wrong = Vec::new();
    let mut check = |holds: bool, claim: &str| {
        if !holds {
            wrong.push(format!("{claim:?} in {said:?}"));
        }
    };
    let jobs = incident["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap_or_default());
    let jobs: Vec<&str> = jobs.collect();
    let newest = store.newest_run();
    if said.contains("nothing else in the database is newer") {
        let from = time_after(&said, "nothing has run since ").map(|at| at + MINUTE).or(since);
        check(newest <= from && store.other <= from, "nothing else is newer");
    }
    if let Some(end) = time_after(&said, "nothing has run since ") {
        check(newest.is_some_and(|newest| newest < end + MINUTE), "nothing has run since");
    }
    if said.contains("nothing has ever run") {
        check(newest.is_none(), "nothing has ever run");
    }
    if said.contains("and nothing else has run") {
        check(newest < time_after(&said, "event was written at ").map(|at| at + MINUTE), "nothing else has run");
    }
    if let Some(good) = time_after(&said, "no run has succeeded since ") {
        let later = store.runs.iter().find(|run| run.is_good && run.end >= good + MINUTE);
        check(later.is_none(), "no run has succeeded since");
    }
    if let (Some(runs), Some(good)) = (number_before(&said, " runs of "), time_after(&said, " since ")) {
        let is_later = |run: &&Ended| run.end >= good && jobs.contains(&run.job.as_str());
        if said.contains("failed or used no tokens") || said.contains("failed; they used") {
            let later = store.runs.iter().filter(is_later).count();
            check(runs <= store.runs.iter().filter(|run| run.end >= good).count(), "so many runs since");
            check(
                jobs.len() < number_before(&said, " jobs since ").unwrap_or(0) || runs <= later + 1,
                "runs of its jobs",
            );
        }
    }
    for words in [" has restarted ", " restarted "] {
        if let (Some(starts), Some(first)) = (number_before(&said, " times in "), said.find(words)) {
            let span = said[first..].split(" times in ").nth(1).and_then(|rest| rest.split(' ').next());
            let last = if said.contains(", the last ") { store.boots.iter().max().copied() } else { Some(store.now) };
            let from = last.zip(span.and_then(length)).map(|(last, span)| last - span - MINUTE - MINUTE).unwrap();
            check(store.boots.iter().filter(|boot| **boot >= from).count() >= starts, "restarted so often");
        }
    }
    for words in ["its process renewed its lease at ", "its process last renewed its lease at "] {
        if let Some(renewed) = time_after(&said, words) {
            check(store.lease.is_some_and(|lease| (lease - renewed).abs() <= MINUTE), "renewed its lease");
        }
    }
    if let (Some(rest), [job]) = (said.split(" failed runs from ").nth(1), jobs.as_slice()) {
        let last = store.runs.iter().filter(|run| run.job == *job).map(|run| run.end).max();
        check(last.is_some_and(|last| rest.contains(&last.format("%H:%M").to_string())), "the last run failed");
    }
    if let Some(at) = time_after(&said, " ran at ") {
        check(store.runs.iter().any(|run| (at..at + MINUTE).contains(&run.end)), "a job ran then");
    }
    if said.contains("it may be fine") {
        check(incident["severity"] != "critical", "it may be fine");
    }
    wrong
}

#[test]
fn no_sentence_claims_what_the_database_denies() {
    let (mut wrong, mut told) = (Vec::new(), 0);
    for case in cases() {
        let Some(store) = Store::read(&case.path, &case.now) else { continue };
        let mut arguments = vec!["--format", "json", "--now", &case.now, "--timezone", &case.zone];
        arguments.extend(case.more.iter().map(String::as_str));
        arguments.push(&case.path);
        let run = run(&arguments);
        if run.code == 3 {
            continue;
        }
        for incident in run.json()["incidents"].as_array().unwrap() {
            told += 1;
            wrong.extend(false_claims(&store, incident).into_iter().map(|claim| format!("{}: {claim}", case.path)));
        }
    }
    assert!(told > 20, "{told} incidents");
    assert!(wrong.is_empty(), "{} of {told}:\n{}", wrong.len(), wrong.join("\n"));
}
