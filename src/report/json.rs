//! The report as JSON, whole or by lines. These structs are its documented shape, apart from the types that the audit works
//! with; their comments are the schema's descriptions.

use super::{Audited, Database, Located, Report, safe};
use crate::audit::{Lasting, Severity, SlotOutcome};
use crate::model::Job;
use crate::time::{Instant, seconds};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value};

/// Raised when a key changes its meaning or goes; new keys don't raise it.
const SCHEMA_VERSION: u32 = 1;
/// The longest text from an error that is shown.
const LONGEST_ERROR: usize = 200;

/// One run of sched-audit.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Report")]
struct Root<'a> {
    /// Raised when a key changes its meaning or goes, not when one is added.
    schema_version: u32,
    /// What wrote this.
    tool: Tool,
    /// The instant of the audit.
    now: Instant,
    /// The worst of all databases: critical wins, then unknown, then warning.
    severity: Severity,
    /// What the process exited with, unless the output could not be written.
    exit_code: u8,
    /// Why nothing could be audited at all.
    error: Option<&'a str>,
    /// Each database, the named ones in the order of the command line, then those found by searching.
    databases: Vec<JsonDatabase<'a>>,
    /// The findings of all databases.
    findings: Vec<JsonFinding<'a>>,
}

/// The tool.
#[derive(Serialize, JsonSchema)]
struct Tool {
    /// Its name.
    name: &'static str,
    /// Its version.
    version: &'static str,
}

/// One database.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Database")]
struct JsonDatabase<'a> {
    /// Its path as given or found.
    path: String,
    /// Its worst severity; unknown if it could not be audited.
    severity: Severity,
    /// Why it could not be audited.
    error: Option<&'a str>,
    /// What could not be read or was left out.
    notes: &'a [String],
    /// What its findings come to.
    diagnosis: Vec<JsonDiagnosis<'a>>,
    /// Its selected jobs.
    jobs: Vec<JsonJob<'a>>,
}

/// One job.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Job")]
struct JsonJob<'a> {
    /// The id of its row.
    id: &'a str,
    /// The name of its row: untrusted text.
    name: &'a str,
    /// `watched`, or why it is skipped.
    state: &'a str,
    /// Its schedule.
    schedule: JsonSchedule<'a>,
    /// Its worst severity.
    severity: Severity,
    /// When its newest run that the row knows began.
    last_run_at: Option<Instant>,
    /// When the scheduler means to run it next.
    next_run_at: Option<Instant>,
    /// Its first slot after the audit, by its schedule.
    next_slot: Option<Instant>,
    /// How long it has been due without a run, whatever the excuse; 0 if it is not due.
    overdue_seconds: f64,
    /// Slots without a fire in the troubles that last.
    missed_slots: u64,
    /// Fires in a row with zero tokens, up to the newest fire.
    zero_token_streak: u64,
    /// How long its run in flight has taken so far; 0 if there is none.
    in_flight_seconds: f64,
    /// How long before the audit its newest run ended.
    last_fire_age_seconds: Option<f64>,
    /// Its latest slots, oldest first.
    recent_slots: &'a [SlotOutcome],
}

/// What findings come to.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Diagnosis")]
struct JsonDiagnosis<'a> {
    /// A name for the cause.
    kind: &'a str,
    /// Since when.
    since: Option<Instant>,
    /// The jobs that it explains.
    jobs: Vec<JsonJobName<'a>>,
    /// Facts of the database.
    observed: &'a [String],
    /// What probably caused them.
    inferred: &'a str,
    /// What to do.
    suggest: &'a str,
}

/// A schedule as the row has it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Schedule")]
struct JsonSchedule<'a> {
    /// `cron`, `every`, `at`, or what the row says instead.
    kind: &'a str,
    /// The cron expression.
    expression: Option<&'a str>,
    /// The zone that the schedule names.
    timezone: Option<&'a str>,
    /// The interval of `every`.
    interval_seconds: Option<f64>,
    /// The instant of `at`.
    at: Option<Instant>,
}

/// One trouble of one job.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct JsonFinding<'a> {
    /// The same from run to run while the same trouble lasts.
    fingerprint: String,
    /// The path of its database.
    database: String,
    /// Which detector found it: past-due, zero-tokens or gap.
    detector: &'a str,
    /// What exactly it found, a name that --explain knows.
    reason: &'a str,
    /// How bad it is.
    severity: Severity,
    /// Whether it lasts.
    state: Lasting,
    /// Its job.
    job: JsonJobName<'a>,
    /// When it began.
    since: Option<Instant>,
    /// When it ended; null while it lasts.
    until: Option<Instant>,
    /// Slots without a fire.
    missed_slots: Option<u64>,
    /// The usual interval of the job.
    cadence_seconds: Option<f64>,
    /// One plain sentence.
    message: &'a str,
    /// Further facts by name; which ones depends on the reason.
    evidence: Map<String, Value>,
}

/// A job's id and name.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobName")]
struct JsonJobName<'a> {
    /// The id of its row.
    id: &'a str,
    /// The name of its row: untrusted text.
    name: &'a str,
}

/// One line of --format ndjson.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    /// A finding.
    Finding {
        /// As in the report.
        schema_version: u32,
        /// The instant of the audit.
        now: Instant,
        /// The finding's own keys.
        #[serde(flatten)]
        finding: Box<JsonFinding<'a>>,
    },
    /// Something that could not be audited.
    Error {
        /// As in the report.
        schema_version: u32,
        /// The instant of the audit.
        now: Instant,
        /// The path of the database; null where nothing could be audited at all.
        database: Option<String>,
        /// Always unknown.
        severity: Severity,
        /// Why.
        error: &'a str,
    },
}

/// The whole report as one object.
pub fn render(report: &Report) -> String {
    let root = Root {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        now: report.now,
        severity: report.severity,
        exit_code: report.exit_code,
        error: report.databases.as_ref().err().map(String::as_str),
        databases: report.databases().iter().map(|database| json_database(report, database)).collect(),
        findings: report.databases().iter().flat_map(Database::findings).map(json_finding).collect(),
    };
    // Keys are texts and no value can fail: an empty text would be the only other answer.
    safe::json(serde_json::to_string_pretty(&root).unwrap_or_default() + "\n")
}

/// A line for everything that could not be audited and for each finding, the worst first; none where all is well.
pub fn render_lines(report: &Report) -> String {
    let (schema_version, now) = (SCHEMA_VERSION, report.now);
    let errors = report.unread().into_iter().map(|(path, error)| Line::Error {
        schema_version,
        now,
        database: path.map(|path| path.to_string_lossy().into_owned()),
        severity: Severity::Unknown,
        error,
    });
    let finding = |located| Line::Finding { schema_version, now, finding: Box::new(json_finding(located)) };
    let lines = errors.chain(report.findings().into_iter().map(finding));
    safe::json(lines.map(|line| serde_json::to_string(&line).unwrap_or_default() + "\n").collect())
}

/// The JSON Schema (draft 2020-12) of [`render`]; that of a line of [`render_lines`] is its `#/$defs/Line`.
pub fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.subschema_for::<Line<'_>>();
    let schema = generator.into_root_schema_for::<Root<'_>>();
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

fn json_database<'a>(report: &Report, database: &'a Database) -> JsonDatabase<'a> {
    let audited = database.outcome.as_ref().ok();
    JsonDatabase {
        path: database.path.to_string_lossy().into_owned(),
        severity: database.severity(),
        error: database.outcome.as_ref().err().map(String::as_str),
        notes: audited.map_or(&[], |audited| &audited.snapshot.notes),
        diagnosis: audited.map_or_else(Vec::new, json_diagnosis),
        jobs: audited.map_or_else(Vec::new, |audited| {
            audited.jobs().map(|(index, job)| json_job(audited, index, job, report.now)).collect()
        }),
    }
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

fn json_job<'a>(audited: &'a Audited, index: usize, job: &'a Job, now: Instant) -> JsonJob<'a> {
    let (schedule, facts) = (&job.schedule, &audited.verdict.facts[index]);
    JsonJob {
        id: &job.id,
        name: &job.name,
        state: job.state.word(),
        schedule: JsonSchedule {
            kind: &schedule.kind,
            expression: schedule.expression.as_deref(),
            timezone: schedule.timezone.as_deref(),
            interval_seconds: schedule.interval_ms.map(seconds),
            at: schedule.at,
        },
        severity: audited.verdict.jobs[index],
        last_run_at: job.last_run.as_ref().map(|run| run.start),
        next_run_at: job.next_run_at.instant(),
        next_slot: job.next_slot(now),
        overdue_seconds: seconds(facts.overdue_ms),
        missed_slots: facts.missed_slots,
        zero_token_streak: facts.zero_token_streak,
        in_flight_seconds: seconds(facts.in_flight_ms),
        last_fire_age_seconds: facts.last_fire_ms.map(seconds),
        recent_slots: &audited.verdict.recent_slots[index],
    }
}

fn json_finding(Located { database, job, finding }: Located<'_>) -> JsonFinding<'_> {
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
        cadence_seconds: finding.cadence_ms.map(seconds),
        message: &finding.message,
        evidence,
    }
}
