//! The report as JSON. These structs are its documented shape, apart from the types that the audit works with.

use super::{Audited, Database, Report, safe};
use crate::audit::{Finding, Lasting, Severity, SlotOutcome};
use crate::model::Job;
use crate::time::{Instant, SECOND};
use serde::Serialize;
use serde_json::{Map, Value};

/// Raised when a key changes its meaning or goes; new keys don't raise it.
const SCHEMA_VERSION: u32 = 1;
/// The longest text from an error that is shown.
const LONGEST_ERROR: usize = 200;

#[derive(Serialize)]
struct Root<'a> {
    schema_version: u32,
    tool: Tool,
    now: Instant,
    severity: Severity,
    exit_code: u8,
    error: Option<&'a str>,
    databases: Vec<JsonDatabase<'a>>,
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct JsonDatabase<'a> {
    path: String,
    severity: Severity,
    error: Option<&'a str>,
    notes: &'a [String],
    diagnosis: Vec<JsonDiagnosis<'a>>,
    jobs: Vec<JsonJob<'a>>,
}

#[derive(Serialize)]
struct JsonJob<'a> {
    id: &'a str,
    name: &'a str,
    state: &'a str,
    schedule: JsonSchedule<'a>,
    severity: Severity,
    last_run_at: Option<Instant>,
    next_run_at: Option<Instant>,
    next_slot: Option<Instant>,
    recent_slots: &'a [SlotOutcome],
}

#[derive(Serialize)]
struct JsonDiagnosis<'a> {
    kind: &'a str,
    since: Option<Instant>,
    jobs: Vec<JsonJobName<'a>>,
    observed: &'a [String],
    inferred: &'a str,
    suggest: &'a str,
}

#[derive(Serialize)]
struct JsonSchedule<'a> {
    kind: &'a str,
    expression: Option<&'a str>,
    timezone: Option<&'a str>,
    interval_seconds: Option<f64>,
    at: Option<Instant>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    fingerprint: String,
    database: String,
    detector: &'a str,
    reason: &'a str,
    severity: Severity,
    state: Lasting,
    job: JsonJobName<'a>,
    since: Option<Instant>,
    until: Option<Instant>,
    missed_slots: Option<u64>,
    cadence_seconds: Option<f64>,
    message: &'a str,
    evidence: Map<String, Value>,
}

#[derive(Serialize)]
struct JsonJobName<'a> {
    id: &'a str,
    name: &'a str,
}

/// The whole report as one object.
pub fn render(report: &Report) -> String {
    to_text(&Root {
        severity: report.severity,
        exit_code: report.exit_code,
        databases: report.databases.iter().map(|database| json_database(report, database)).collect(),
        findings: report.databases.iter().flat_map(json_findings).collect(),
        ..Root::empty(report.settings.now)
    })
}

/// The same object where nothing could be audited at all.
pub fn render_failure(now: Instant, exit_code: u8, error: &str) -> String {
    to_text(&Root { severity: Severity::Unknown, exit_code, error: Some(error), ..Root::empty(now) })
}

impl Root<'_> {
    fn empty(now: Instant) -> Self {
        Root {
            schema_version: SCHEMA_VERSION,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            now,
            severity: Severity::Ok,
            exit_code: 0,
            error: None,
            databases: Vec::new(),
            findings: Vec::new(),
        }
    }
}

fn to_text(root: &Root<'_>) -> String {
    // Keys are texts and no value can fail: an empty text would be the only other answer.
    serde_json::to_string_pretty(root).unwrap_or_default() + "\n"
}

fn json_database<'a>(report: &Report, database: &'a Database) -> JsonDatabase<'a> {
    let audited = database.outcome.as_ref().ok();
    JsonDatabase {
        path: database.path.to_string_lossy().into_owned(),
        severity: database.severity(),
        error: database.outcome.as_ref().err().map(String::as_str),
        notes: audited.map_or(&[], |audited| &audited.snapshot.notes),
        diagnosis: audited.map_or_else(Vec::new, json_diagnosis),
        jobs: audited.map_or_else(Vec::new, |audited| json_jobs(report, audited)),
    }
}

fn json_jobs<'a>(report: &Report, audited: &'a Audited) -> Vec<JsonJob<'a>> {
    let now = report.settings.now;
    let selected = (0..audited.selected.len()).filter(|&index| audited.selected[index]);
    selected.map(|index| json_job(audited, index, now)).collect()
}

fn json_diagnosis(audited: &Audited) -> Vec<JsonDiagnosis<'_>> {
    let named = |&index: &usize| job_name(&audited.snapshot.jobs[index]);
    let diagnosis = audited.verdict.diagnosis.iter().map(|diagnosis| JsonDiagnosis {
        kind: diagnosis.kind,
        since: diagnosis.since,
        jobs: diagnosis.jobs.iter().map(named).collect(),
        observed: &diagnosis.observed,
        inferred: &diagnosis.inferred,
        suggest: &diagnosis.suggest,
    });
    diagnosis.collect()
}

fn job_name(job: &Job) -> JsonJobName<'_> {
    JsonJobName { id: &job.id, name: &job.name }
}

fn json_job(audited: &Audited, index: usize, now: Instant) -> JsonJob<'_> {
    let job = &audited.snapshot.jobs[index];
    let schedule = &job.schedule;
    JsonJob {
        id: &job.id,
        name: &job.name,
        state: job.state.word(),
        schedule: JsonSchedule {
            kind: &schedule.kind,
            expression: schedule.expression.as_deref(),
            timezone: schedule.timezone.as_deref(),
            interval_seconds: schedule.interval_ms.map(|millis| millis as f64 / SECOND as f64),
            at: schedule.at,
        },
        severity: audited.verdict.jobs[index],
        last_run_at: job.last_run.as_ref().map(|run| run.start),
        next_run_at: job.next_run_at.instant(),
        next_slot: job.next_slot(now),
        recent_slots: &audited.verdict.recent_slots[index],
    }
}

fn json_findings(database: &Database) -> Vec<JsonFinding<'_>> {
    let Ok(audited) = &database.outcome else { return Vec::new() };
    audited.verdict.findings.iter().map(|finding| json_finding(database, audited, finding)).collect()
}

fn json_finding<'a>(database: &Database, audited: &'a Audited, finding: &'a Finding) -> JsonFinding<'a> {
    let job = &audited.snapshot.jobs[finding.job];
    let mut evidence = finding.evidence.clone();
    for (_, value) in evidence.iter_mut().filter(|(name, _)| name.ends_with("error")) {
        if let Value::String(text) = value {
            *text = safe::error(text, LONGEST_ERROR);
        }
    }
    JsonFinding {
        fingerprint: finding.fingerprint(&database.real_path.to_string_lossy(), job),
        database: database.path.to_string_lossy().into_owned(),
        detector: finding.detector,
        reason: finding.reason,
        severity: finding.severity,
        state: finding.lasting,
        job: job_name(job),
        since: finding.since,
        until: finding.until,
        missed_slots: finding.missed_slots,
        cadence_seconds: finding.cadence_ms.map(|millis| millis as f64 / SECOND as f64),
        message: &finding.message,
        evidence,
    }
}
