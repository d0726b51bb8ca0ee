//! The labelled databases, rebuilt from what the real scheduler wrote, and the incident replayed.

use crate::{Run, command, run};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

const ORDER: [&str; 4] = ["ok", "info", "warning", "critical"];

/// The folder of the labeled databases, and its labels; `SCHED_AUDIT_CORPUS` names another one.
fn corpus() -> (String, Value) {
    let folder = std::env::var("SCHED_AUDIT_CORPUS").unwrap_or_else(|_| "fixtures/corpus".to_owned());
    let labels = std::fs::read_to_string(format!("{folder}/labels.json")).unwrap();
    (folder, serde_json::from_str(&labels).unwrap())
}

fn rank(severity: &Value) -> usize {
    ORDER.iter().position(|word| severity == word).unwrap()
}

#[test]
fn labeled_databases_get_the_severities_of_their_truth() {
    let (folder, labels) = corpus();
    let mut wrong = Vec::new();
    for case in labels.as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let path = format!("{folder}/{}", text("db"));
        let run = run(&["--format", "json", "--now", text("now"), "--timezone", text("timezone"), &path]);
        let json = run.json();
        let mut worst: HashMap<&str, usize> = HashMap::new();
        for finding in json["findings"].as_array().unwrap() {
            let job = worst.entry(finding["job"]["id"].as_str().unwrap()).or_default();
            *job = (*job).max(rank(&finding["severity"]));
        }
        let overall = worst.values().copied().max().unwrap_or(0);
        assert_eq!(run.code, [0, 0, 1, 2][overall], "{path}: exit code");
        assert_eq!(rank(&json["severity"]), overall, "{path}: overall severity");
        for job in case["jobs"].as_array().unwrap() {
            let bound = |key: &str, otherwise| job.get(key).map_or(otherwise, rank);
            let got = worst.get(job["id"].as_str().unwrap()).copied().unwrap_or(0);
            if !(bound("min", 0)..=bound("max", 3)).contains(&got) {
                wrong.push(format!("{path}: {} is {}; truth: {}", job["name"], ORDER[got], job["truth"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn incident_at(minutes: i64) -> Run {
    let start = chrono::DateTime::parse_from_rfc3339("2026-04-26T12:00:00Z").unwrap();
    let now = (start + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    command()
        .args(["--format", "json", "--timezone", "UTC", "--job", "heartbeat", "--now", &now, "fixtures/recovered.db"])
        .output()
        .unwrap()
        .into()
}

/// Minutes into the replay: the first zero-token fire is that of 2026-04-29 05:00:07, the third that of 05:01:51.
const FIRST_ZERO: i64 = 65 * 60;
const THIRD_ZERO: i64 = FIRST_ZERO + 2;

#[test]
fn incident_replay_is_quiet_up_to_the_first_zero_token_fire() {
    for minutes in (0..FIRST_ZERO).step_by(30).chain([FIRST_ZERO - 1]) {
        let run = incident_at(minutes);
        assert_eq!((run.code, run.findings()), (0, vec![]), "a healthy hour, {minutes} min in");
    }
}

#[test]
fn incident_replay_reports_one_incident_from_the_third_zero_token_fire() {
    let mut told: HashSet<String> = HashSet::new();
    for minutes in (THIRD_ZERO..105 * 60).step_by(20) {
        let run = incident_at(minutes);
        assert!(run.code > 0, "the streak or the silence, {minutes} min in");
        let json = run.json();
        let status = json["incidents"].as_array().unwrap().iter().filter(|incident| incident["state"] == "ongoing");
        told.extend(status.map(|incident| incident["fingerprint"].as_str().unwrap().to_owned()));
        assert_eq!(told.len(), 1, "one fault, one fingerprint, {minutes} min in");
    }
}

/// Ongoing incidents of a database: their severities by fingerprint, but for one-shots, whose loss is news for a day only.
fn ongoing(path: &str, zone: &str, now: &str) -> HashMap<String, usize> {
    let json = run(&["--format", "json", "--now", now, "--timezone", zone, path]).json();
    let incidents = json["incidents"].as_array().unwrap().iter();
    let lasts = |i: &&Value| i["state"] == "ongoing" && i["cause"] != "one-shot-lost";
    incidents.filter(lasts).map(|i| (i["fingerprint"].as_str().unwrap().to_owned(), rank(&i["severity"]))).collect()
}

/// Looks at the labeled databases of which the number has this remainder by two, ever later.
fn only_gets_worse(remainder: usize) {
    let (folder, labels) = corpus();
    for case in labels.as_array().unwrap().iter().skip(remainder).step_by(2) {
        let text = |key: &str| case[key].as_str().unwrap();
        let path = format!("{folder}/{}", text("db"));
        let start = chrono::DateTime::parse_from_rfc3339(text("now")).unwrap();
        let mut before = HashMap::new();
        for hours in (0..12).step_by(3).chain((12..60 * 24).step_by(144)) {
            let now = (start + chrono::TimeDelta::hours(hours)).to_rfc3339();
            let told = ongoing(&path, text("timezone"), &now);
            for (fingerprint, severity) in &before {
                assert!(told.get(fingerprint).is_some_and(|now| now >= severity), "{path} at {now}: {fingerprint}");
            }
            before = told;
        }
    }
}

#[test]
fn sixty_days_without_a_new_row_only_make_it_worse() {
    only_gets_worse(0);
}

#[test]
fn sixty_days_without_a_new_row_only_make_the_other_half_worse() {
    only_gets_worse(1);
}
