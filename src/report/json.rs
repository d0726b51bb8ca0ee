//! The report as JSON, whole or by lines. These structs are its documented shape, apart from the types that the audit works
//! with; their comments are the descriptions in the schema.

use super::content::{Audited, Database, Located, Report, commands};
use super::sanitize;
use crate::audit::{
    AffectedJob, Entry, Evidence, Excuse, Fate, Incident, JobReport, LocatedFinding, MutedIncident, Spending, Spent,
    Timeline, Unjudged, Usage,
};
use crate::catalog::{Detector, Problem, Severity, Status};
use crate::model::{Action, AssumedZone, Holder, Liveness, Outcome, ZoneBasis};
use crate::text::Text;
use crate::time::{Instant, seconds};
use sanitize::Escaped;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, PrettyFormatter, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::io::{Result, Write};

/// Raised when a key changes its meaning or is removed, not when one is added.
const SCHEMA_VERSION: u32 = 3;
/// The longest text from an error that is shown.
const MAX_ERROR_LEN: usize = 200;

/// A list whose items are made while they are written: all of them at once would be larger than what was read.
struct Each<'a, T>(Box<dyn Fn() -> Box<dyn Iterator<Item = T> + 'a> + 'a>);

impl<'a, T: 'a> Each<'a, T> {
    fn of<I: Iterator<Item = T> + 'a>(items: impl Fn() -> I + 'a) -> Each<'a, T> {
        Each(Box::new(move || Box::new(items())))
    }
}

impl<T: Serialize> Serialize for Each<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0())
    }
}

impl<T: JsonSchema> JsonSchema for Each<'_, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

/// One run of sched-audit.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Report")]
struct Root<'a> {
    /// Raised when a key changes its meaning or is removed, not when one is added.
    schema_version: u32,
    /// The program that wrote this.
    tool: Tool,
    /// The instant of the audit.
    now: Instant,
    /// The worst severity found in any database; null where none could be audited.
    severity: Option<Severity>,
    /// The exit code of the process, unless the output could not be written: critical wins, then what could not be audited,
    /// then warning.
    exit_code: u8,
    /// Why nothing could be audited at all.
    error: Option<String>,
    /// Each database, the named ones in the order of the command line, then those found by searching.
    databases: Each<'a, JsonDatabase<'a>>,
    /// What is wrong in all databases, one incident per cause, the worst first.
    incidents: Each<'a, JsonIncident<'a>>,
    /// The findings of all databases: the evidence of the incidents, and what is only information.
    findings: Each<'a, JsonFinding<'a>>,
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
    /// Its worst severity; null if it could not be audited.
    severity: Option<Severity>,
    /// Why it could not be audited.
    error: Option<String>,
    /// What is wrong, but muted by the operator; it has no part in the severity.
    muted: Vec<JsonMuted<'a>>,
    /// Jobs with findings of warning or worse that their rules mute.
    muted_jobs: usize,
    /// Due jobs that are not judged, because it is quiet by the config file; null if there are none.
    quiet: Option<JsonQuiet>,
    /// What could not be read or was left out.
    notes: &'a [String],
    /// The zone of schedules that name none; null if the database could not be audited, or nothing depends on the zone.
    timezone: Option<JsonZone>,
    /// Its scheduler's process; null if the database could not be audited.
    process: Option<JsonProcess<'a>>,
    /// What all jobs have spent of the budget of the database; only if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<JsonSpending>,
    /// Its selected jobs.
    jobs: Each<'a, JsonJob<'a>>,
}

/// An incident that is muted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Muted")]
struct JsonMuted<'a> {
    /// Its fingerprint.
    fingerprint: &'a str,
    /// What caused it.
    cause: Problem,
    /// What its severity would be.
    severity: Severity,
    /// Whether it is still there.
    state: Status,
    /// One line: what happened to which jobs.
    headline: String,
    /// Why it is muted, in the operator's words; null if they say nothing.
    reason: Option<&'a str>,
    /// When the mute ends; null if it does not.
    muted_until: Option<Instant>,
}

/// Due jobs in quiet hours.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Quiet")]
struct JsonQuiet {
    /// When the quiet hours of the last of them end.
    until: Instant,
    /// How many there are.
    due_jobs: usize,
}

/// The zone of schedules that name none.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Zone")]
struct JsonZone {
    /// Its IANA name, or an offset such as `UTC+02:00`.
    name: String,
    /// Why it is that one.
    basis: JsonZoneBasis,
    /// How many jobs' next runs are slots in it, where those decided.
    jobs: Option<usize>,
}

/// Why a zone is assumed.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ZoneBasis")]
enum JsonZoneBasis {
    /// It was named by --timezone.
    Given,
    /// The jobs' next runs are slots in it.
    NextRuns,
    /// It is this machine's zone; no row tells whether it is the scheduler's.
    Machine,
}

/// What the operating system knows about the process that has a database open.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Process")]
struct JsonProcess<'a> {
    /// Who has the database open.
    state: ProcessState,
    /// The number of the process; null if it can't be seen.
    pid: Option<u32>,
    /// The name of its command: untrusted text. Null if it is hidden from this user.
    name: Option<&'a str>,
    /// When it started; null if that is hidden from this user.
    started_at: Option<Instant>,
    /// When any process last wrote the database, by the times of its files.
    last_write_at: Option<Instant>,
    /// How long the machine has been asleep since it booted, in all.
    machine_slept_seconds: Option<f64>,
}

/// Who has a database open.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum ProcessState {
    /// A process that can be seen, can write, and was there before the newest commit; of several the one that started first.
    Held,
    /// The same, but it is suspended by a signal such as SIGSTOP.
    Suspended,
    /// A process that can't be seen, such as one of another container: it is alive.
    Unseen,
    /// No process of this machine that could be the scheduler: programs that can only read don't count. One in a virtual machine or
    /// a sandbox with its own kernel would not be seen.
    Nobody,
    /// It was not asked, because of --now or --process ignore; or it can't be told, because the database is a copy or not in
    /// WAL mode, the file system keeps its locks to itself, or the system is not Linux. With a pid: that process has it open, but
    /// has committed nothing since it started, or this user may not know whether it can write.
    Unknown,
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
    /// When the last run that its row knows began.
    last_run_at: Option<Instant>,
    /// When its last run ended.
    last_fire_at: Option<Instant>,
    /// When its last run that used tokens ended.
    last_success_at: Option<Instant>,
    /// When the scheduler will run it next, according to its row.
    next_run_at: Option<Instant>,
    /// Its first slot after the audit, by its schedule alone.
    next_slot: Option<Instant>,
    /// Its usual interval.
    cadence_seconds: Option<f64>,
    /// How long it has been due without a run, whatever the excuse; 0 if it is not due.
    overdue_seconds: f64,
    /// Slots without a fire in ongoing problems.
    missed_slots: u64,
    /// Fires in a row with zero tokens, up to the last fire.
    zero_token_streak: u64,
    /// How long its run in flight has taken so far; 0 if there is none.
    in_flight_seconds: f64,
    /// What its fires of the last 24 hours used.
    last_day: JsonUsage,
    /// What its fires of the last 7 days used, as far as they were read.
    last_week: JsonUsage,
    /// What it has spent of its budget; only if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<JsonSpending>,
    /// Its last slots.
    slots: JsonSlots,
    /// What became of all its slots, newest first; only with --history.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<JsonStretch>>,
}

/// What the fires of some time used.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Usage")]
struct JsonUsage {
    /// How many there were.
    fires: usize,
    /// Their tokens in and out; null if none are known.
    tokens: Option<u64>,
    /// Their cost in US dollars; null if none is known.
    cost_usd: Option<f64>,
}

impl From<Usage> for JsonUsage {
    fn from(usage: Usage) -> JsonUsage {
        let Usage { fires, tokens, cost_usd } = usage;
        // Costs are sums of 32-bit floats: more digits would be noise.
        let cost_usd = cost_usd.map(|cost| (cost * 1e4).round() / 1e4);
        JsonUsage { fires, tokens, cost_usd }
    }
}

/// What was spent of a day's budget.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Spending")]
struct JsonSpending {
    /// When the day began, in the zone of the database.
    day_from: Instant,
    /// In US dollars; null without such a budget, or if no run has its cost on record.
    cost_usd: Option<JsonSpent>,
    /// In tokens in and out; null without such a budget, or if no run has its tokens on record.
    tokens: Option<JsonSpent>,
}

/// An amount that was spent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Spent")]
struct JsonSpent {
    /// So far.
    spent: f64,
    /// What may be spent in a day.
    budget: f64,
    /// What the day comes to at the rate since it began.
    projected: f64,
}

impl From<&Spending> for JsonSpending {
    fn from(spending: &Spending) -> JsonSpending {
        JsonSpending {
            day_from: spending.day_from,
            cost_usd: spending.cost_usd.map(JsonSpent::from),
            tokens: spending.tokens.map(JsonSpent::from),
        }
    }
}

impl From<Spent> for JsonSpent {
    fn from(amount: Spent) -> JsonSpent {
        let Spent { spent, budget, projected, reached: _ } = amount;
        JsonSpent { spent, budget, projected }
    }
}

/// The last slots of a job.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Slots")]
struct JsonSlots {
    /// When the first of them was.
    first: Option<Instant>,
    /// One mark per slot, oldest first: `#` ran, `0` failed, used no tokens, or ended before min_run, `-` skipped, `!` ran, but its message was not delivered, `2` ran twice, `x` lost, `~` waiting.
    marks: String,
}

/// Slots in a row that had the same fate.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stretch")]
struct JsonStretch {
    /// When the first of them was due; of runs, when the first of them began, or ended if only that is known.
    since: Instant,
    /// When the last of its runs ended, or the run began that ended a silence; null if it lasts.
    until: Option<Instant>,
    /// How many slots there are: of runs, as many as ran.
    slots: u64,
    /// How many runs there are.
    runs: usize,
    /// What became of the slots.
    fate: JsonFate,
    /// How the runs ended; null without runs.
    outcome: Option<Outcome>,
    /// Why it is no fault of the job, or no fault at all, that there was no run; null for another fate.
    excuse: Option<JsonExcuse>,
    /// Whether it is a single slot without a run in time, which the next run served.
    served_late: bool,
    /// When the scheduler resumed its work (`catching-up`), or the row was edited or resumed (`repaired`).
    resumed_at: Option<Instant>,
    /// The same in a few words.
    text: String,
    /// The median length of its runs, as precisely as that is known; null if it is not.
    median_seconds: Option<f64>,
    /// The length of its longest run.
    longest_seconds: Option<f64>,
    /// Tokens in and out of its runs; null if none are known.
    tokens: Option<u64>,
    /// The cost of its runs in US dollars; null if none is known.
    cost_usd: Option<f64>,
    /// The error that its last run ended with, if the job's row still has it: untrusted text in which secrets are masked; null
    /// also with --no-errors.
    error: Option<String>,
}

/// What became of slots.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Fate")]
enum JsonFate {
    /// Runs served them.
    Served,
    /// No run served them, for a reason that is no fault of theirs.
    Excused,
    /// No run served them, and nothing shows why.
    Lost,
}

/// Why slots without a run are no fault, or the fault of something else.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Excuse")]
enum JsonExcuse {
    /// Somebody had paused the job, or switched it off.
    Paused,
    /// The operator expects no runs in these hours.
    Quiet,
    /// Other runs, or the job's own, may have kept the scheduler busy.
    Busy,
    /// Its run is in flight.
    Running,
    /// It has just come due.
    Due,
    /// The whole scheduler was silent and works again.
    CatchingUp,
    /// The row was edited or resumed, and the scheduler has not had its chance yet.
    Repaired,
    /// Runs failed meanwhile, which leaves no trace but the count of errors.
    Threw,
    /// The scheduler stopped the job after too many errors.
    Stopped,
    /// The row says that it ran; no record of runs was kept meanwhile.
    Unrecorded,
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

/// One problem with its cause.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Incident")]
struct JsonIncident<'a> {
    /// The same in every audit while the incident lasts, whatever grows meanwhile; the same on a copy of the database.
    fingerprint: &'a str,
    /// The path of its database.
    database: String,
    /// What caused it.
    cause: Problem,
    /// The worst of its findings.
    severity: Severity,
    /// Whether it is still there.
    state: Status,
    /// When it began.
    since: Option<Instant>,
    /// When it ended; null while it is ongoing.
    until: Option<Instant>,
    /// The jobs that it affects, the most affected first.
    jobs: Vec<JsonAffectedJob<'a>>,
    /// One line: what happened to which jobs.
    headline: String,
    /// What the database shows.
    observed: Vec<String>,
    /// What that suggests; null where nothing is inferred.
    inferred: Option<String>,
    /// The last error of its jobs: untrusted text in which secrets are masked; null also with --no-errors.
    last_error: Option<String>,
    /// What a person should do.
    next_step: String,
    /// The SQL statements that the step needs. sched-audit never runs them.
    sql: Option<String>,
    /// What the step needs to be run, each a line that can be pasted into a shell. sched-audit never runs it.
    commands: Vec<String>,
}

/// One job that an incident affects.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AffectedJob")]
struct JsonAffectedJob<'a> {
    /// The id of its row.
    id: &'a str,
    /// The name of its row: untrusted text.
    name: &'a str,
    /// Since when it is affected.
    since: Option<Instant>,
    /// Slots that it lost.
    missed_slots: u64,
}

/// One problem of one job.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct JsonFinding<'a> {
    /// The fingerprint of its incident; null if the finding is only information.
    incident: Option<&'a str>,
    /// The path of its database.
    database: Cow<'a, str>,
    /// The detector that found it.
    detector: Detector,
    /// What exactly was found.
    problem: Problem,
    /// How bad it is.
    severity: Severity,
    /// Whether it is still there.
    state: Status,
    /// Its job; null if it is about the scheduler, or about a pattern that no job matches.
    job: Option<JsonJobName<'a>>,
    /// When it began: for a silence the first slot missed.
    since: Option<Instant>,
    /// When it ended; null while it is ongoing.
    until: Option<Instant>,
    /// Slots without a fire.
    missed_slots: Option<u64>,
    /// The usual interval of the job.
    cadence_seconds: Option<f64>,
    /// One plain sentence.
    message: String,
    /// Further facts by name; which ones there are depends on the problem.
    #[schemars(with = "Map<String, Value>")]
    evidence: &'a Evidence,
}

/// A job by its row.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobName")]
struct JsonJobName<'a> {
    /// The id of its row.
    id: &'a str,
    /// The name of its row: untrusted text.
    name: &'a str,
}

/// One line of `--format ndjson`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    /// An incident.
    Incident {
        /// As in the report.
        schema_version: u32,
        /// The instant of the audit.
        now: Instant,
        /// The incident.
        #[serde(flatten)]
        incident: Box<JsonIncident<'a>>,
    },
    /// Due jobs of a database that are not judged, because it is quiet.
    Quiet {
        /// As in the report.
        schema_version: u32,
        /// The instant of the audit.
        now: Instant,
        /// The path of the database.
        database: String,
        /// As in the report.
        #[serde(flatten)]
        quiet: JsonQuiet,
    },
    /// Something that could not be audited.
    Error {
        /// As in the report.
        schema_version: u32,
        /// The instant of the audit.
        now: Instant,
        /// The path of the database; null where nothing could be audited at all.
        database: Option<String>,
        /// Why.
        error: String,
    },
}

/// Writes the whole report as one object.
///
/// # Errors
/// Why it can't be written.
pub fn render(report: &Report, out: &mut dyn Write) -> Result<()> {
    let (now, history) = (report.now, report.history);
    let root = Root {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        now,
        severity: report.severity(),
        exit_code: report.exit_code(),
        error: report.databases.as_ref().err().map(ToString::to_string),
        databases: Each::of(move || {
            report.databases().iter().map(move |database| json_database(database, now, history))
        }),
        incidents: Each::of(|| report.incidents().into_iter().map(json_incident)),
        findings: Each::of(move || {
            report.audited().flat_map(move |(database, audited)| json_findings(database, audited, now))
        }),
    };
    root.serialize(&mut Serializer::with_formatter(&mut *out, Escaped(PrettyFormatter::new())))?;
    out.write_all(b"\n")
}

/// Writes one line for everything that could not be audited and for each incident, the worst first; none if all is well.
///
/// # Errors
/// Why it can't be written.
pub fn render_lines(report: &Report, out: &mut dyn Write) -> Result<()> {
    let (schema_version, now) = (SCHEMA_VERSION, report.now);
    let errors = report.unread().into_iter().map(|(path, error)| Line::Error {
        schema_version,
        now,
        database: path.map(|path| path.to_string_lossy().into_owned()),
        error,
    });
    let incident = |located| Line::Incident { schema_version, now, incident: Box::new(json_incident(located)) };
    let quiet = report.audited().filter_map(|(database, audited)| {
        let quiet = audited.verdict.unjudged.map(json_quiet)?;
        Some(Line::Quiet { schema_version, now, database: database.path.to_string_lossy().into_owned(), quiet })
    });
    for line in errors.chain(report.incidents().into_iter().map(incident)).chain(quiet) {
        line.serialize(&mut Serializer::with_formatter(&mut *out, Escaped(CompactFormatter)))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The JSON Schema (draft 2020-12) of [`render`]; that of a line of [`render_lines`] is its `#/$defs/Line`.
pub fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.subschema_for::<Line<'_>>();
    let schema = generator.into_root_schema_for::<Root<'_>>();
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

fn json_database(database: &Database, now: Instant, history: bool) -> JsonDatabase<'_> {
    let audited = database.outcome.as_ref().ok();
    JsonDatabase {
        path: database.path.to_string_lossy().into_owned(),
        severity: database.severity(),
        error: database.outcome.as_ref().err().map(ToString::to_string),
        muted: audited.into_iter().flat_map(|audited| &audited.verdict.muted).map(json_muted).collect(),
        muted_jobs: audited.map_or(0, |audited| audited.verdict.muted_jobs),
        quiet: audited.and_then(|audited| audited.verdict.unjudged).map(json_quiet),
        notes: audited.map_or(&[], |audited| &audited.verdict.notes),
        timezone: audited.and_then(|audited| json_zone(&audited.verdict.zone)),
        process: audited.map(|audited| json_process(&audited.verdict.liveness)),
        budget: audited.and_then(|audited| audited.verdict.spending.as_ref()).map(JsonSpending::from),
        jobs: Each::of(move || audited.into_iter().flat_map(Audited::jobs).map(move |one| json_job(one, now, history))),
    }
}

fn json_muted(muted: &MutedIncident) -> JsonMuted<'_> {
    let Incident { fingerprint, cause, severity, status, .. } = &muted.incident;
    JsonMuted {
        fingerprint,
        cause: *cause,
        severity: *severity,
        state: *status,
        headline: muted.incident.headline.to_string(),
        reason: muted.by.as_ref().and_then(|mute| mute.reason.as_deref()),
        muted_until: muted.by.as_ref().and_then(|mute| mute.until),
    }
}

fn json_quiet(unjudged: Unjudged) -> JsonQuiet {
    JsonQuiet { until: unjudged.until, due_jobs: unjudged.jobs }
}

fn json_zone(assumed: &AssumedZone) -> Option<JsonZone> {
    let (basis, jobs) = match assumed.basis {
        ZoneBasis::Given => (JsonZoneBasis::Given, None),
        ZoneBasis::NextRuns(jobs) => (JsonZoneBasis::NextRuns, Some(jobs)),
        ZoneBasis::Machine => (JsonZoneBasis::Machine, None),
        ZoneBasis::Irrelevant => return None,
    };
    Some(JsonZone { name: assumed.zone.name(), basis, jobs })
}

fn json_process(liveness: &Liveness) -> JsonProcess<'_> {
    let (state, process) = match &liveness.holder {
        Holder::Process(process) if process.is_suspended => (ProcessState::Suspended, Some(process)),
        Holder::Process(process) => (ProcessState::Held, Some(process)),
        Holder::Perhaps(process) => (ProcessState::Unknown, Some(process)),
        Holder::Unseen => (ProcessState::Unseen, None),
        Holder::Nobody => (ProcessState::Nobody, None),
        Holder::Unknown => (ProcessState::Unknown, None),
    };
    JsonProcess {
        state,
        pid: process.map(|process| process.pid),
        name: process.and_then(|process| process.name.as_deref()),
        started_at: process.and_then(|process| process.started),
        last_write_at: liveness.last_write,
        machine_slept_seconds: liveness.slept.map(seconds),
    }
}

fn json_job(report: &JobReport, now: Instant, history: bool) -> JsonJob<'_> {
    let (job, metrics) = (&report.job, &report.metrics);
    JsonJob {
        id: &job.id,
        name: &job.name,
        state: job.state.word(),
        schedule: JsonSchedule {
            kind: job.schedule.kind(),
            expression: job.schedule.expression(),
            timezone: job.schedule.timezone(),
            interval_seconds: job.schedule.interval().map(seconds),
            at: job.schedule.at(),
        },
        severity: report.severity,
        last_run_at: job.last_run().map(|run| run.start),
        last_fire_at: metrics.last_fire,
        last_success_at: metrics.last_success,
        next_run_at: job.next_run(),
        next_slot: job.next_slot(now),
        cadence_seconds: metrics.cadence_ms.map(seconds),
        overdue_seconds: seconds(metrics.overdue_ms),
        missed_slots: metrics.missed_slots,
        zero_token_streak: metrics.zero_token_streak,
        in_flight_seconds: seconds(metrics.in_flight_ms),
        last_day: metrics.last_day.into(),
        last_week: metrics.last_week.into(),
        budget: report.spending.as_ref().map(JsonSpending::from),
        slots: json_slots(&report.timeline),
        history: history.then(|| report.history().map(|entry| json_stretch(&entry)).collect()),
    }
}

fn json_stretch(entry: &Entry<'_>) -> JsonStretch {
    let stretch = entry.stretch;
    let (fate, outcome, excuse) = match stretch.fate {
        Fate::Served(outcome) => (JsonFate::Served, Some(outcome), None),
        Fate::Excused(excuse) => (JsonFate::Excused, None, Some(excuse)),
        Fate::Lost => (JsonFate::Lost, None, None),
    };
    let JsonUsage { tokens, cost_usd, .. } = entry.usage.into();
    let error = entry.error.and_then(|error| error.text.as_deref());
    JsonStretch {
        since: stretch.since,
        until: stretch.until,
        slots: stretch.slots,
        runs: stretch.runs.len(),
        fate,
        outcome,
        excuse: excuse.map(json_excuse),
        served_late: entry.is_late(),
        resumed_at: excuse.and_then(Excuse::resumed_at),
        text: entry.in_words().to_string(),
        median_seconds: entry.took.map(|took| seconds(took.median)),
        longest_seconds: entry.took.map(|took| seconds(took.longest)),
        tokens,
        cost_usd,
        error: error.map(|error| sanitize::text(error, MAX_ERROR_LEN)),
    }
}

fn json_excuse(excuse: Excuse) -> JsonExcuse {
    match excuse {
        Excuse::Paused => JsonExcuse::Paused,
        Excuse::Quiet => JsonExcuse::Quiet,
        Excuse::Busy => JsonExcuse::Busy,
        Excuse::Running => JsonExcuse::Running,
        Excuse::Due => JsonExcuse::Due,
        Excuse::CatchingUp(_) => JsonExcuse::CatchingUp,
        Excuse::Repaired(_) => JsonExcuse::Repaired,
        Excuse::Threw => JsonExcuse::Threw,
        Excuse::Stopped => JsonExcuse::Stopped,
        Excuse::Unrecorded => JsonExcuse::Unrecorded,
    }
}

fn json_slots(timeline: &Timeline) -> JsonSlots {
    JsonSlots { first: timeline.first, marks: timeline.marks.iter().map(|mark| mark.ascii()).collect() }
}

/// The SQL statements of a fix, one per line.
fn sql(incident: &Incident) -> Option<String> {
    let statement = |action: &Action| match action {
        Action::Sql(statement) => Some(statement.clone()),
        Action::Shell(_) => None,
    };
    let statements: Vec<String> = incident.remedy.actions.iter().filter_map(statement).collect();
    (!statements.is_empty()).then(|| statements.join("\n"))
}

fn json_incident(located: Located<'_>) -> JsonIncident<'_> {
    let Located { database, audited, incident } = located;
    let affected = |affected: &AffectedJob| {
        let job = &audited.verdict[affected.job].job;
        (job.id.as_str(), job.name.as_str(), affected.since, affected.missed_slots)
    };
    let jobs = incident.jobs.iter().map(affected);
    let jobs = jobs.map(|(id, name, since, missed_slots)| JsonAffectedJob { id, name, since, missed_slots });
    JsonIncident {
        fingerprint: &incident.fingerprint,
        database: database.path.to_string_lossy().into_owned(),
        cause: incident.cause,
        severity: incident.severity,
        state: incident.status,
        since: incident.since,
        until: incident.until,
        jobs: jobs.collect(),
        headline: incident.headline.to_string(),
        observed: incident.text.observed.iter().map(Text::to_string).collect(),
        inferred: incident.text.inferred.as_ref().map(Text::to_string),
        last_error: incident.error.as_ref().map(|error| sanitize::text(error, MAX_ERROR_LEN)),
        next_step: incident.remedy.text(),
        sql: sql(incident),
        commands: commands(&located),
    }
}

fn json_findings<'a>(
    database: &'a Database,
    audited: &'a Audited,
    now: Instant,
) -> impl Iterator<Item = JsonFinding<'a>> {
    let verdict = &audited.verdict;
    verdict.findings().into_iter().map(move |LocatedFinding { finding, incident }| {
        let report = verdict.job_of(finding);
        JsonFinding {
            incident: incident.map(|incident| incident.fingerprint.as_str()),
            database: database.path.to_string_lossy(),
            detector: finding.problem().detector(),
            problem: finding.problem(),
            severity: finding.severity,
            state: finding.status(),
            job: report.map(|report| JsonJobName { id: &report.job.id, name: &report.job.name }),
            since: finding.since,
            until: finding.until,
            missed_slots: finding.missed_slots,
            cadence_seconds: report.and_then(|report| report.metrics.cadence_ms).map(seconds),
            message: verdict.sentence(finding, now).to_string(),
            evidence: &finding.evidence,
        }
    })
}
