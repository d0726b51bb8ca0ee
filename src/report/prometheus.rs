//! The report as metrics, for the textfile collector of Prometheus' node_exporter
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
//!
//! Only base units; an event is reported by its time, not its age, which would freeze with the file
//! (<https://prometheus.io/docs/practices/instrumentation/#timestamps-not-time-since>). Every series has its database as a
//! label, so that the files of several audits on one host have no series in common. For a database that could not be audited
//! only the audit itself is reported, so that no stale number looks healthy.

use super::content::{Audited, Database, Report};
use super::sanitize;
use crate::audit::{Incident, JobReport, Spending, Spent};
use crate::catalog::{Severity, Status};
use crate::model::Holder;
use crate::time::{Instant, seconds};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// Jobs of one database that get series of their own, the worst first; the rest is counted.
const MAX_JOBS: usize = 1000;
/// Incidents of one database that get series of their own, the worst first.
const MAX_INCIDENTS: usize = 200;
/// A label longer than this is cut.
const MAX_LABEL_LEN: usize = 120;
const MAX_HEADLINE_LEN: usize = 200;

/// A number of a job.
struct JobFamily {
    name: &'static str,
    help: &'static str,
    /// By the report, and the instant of the audit.
    value: fn(&JobReport, Instant) -> Option<f64>,
}

const JOB_FAMILIES: [JobFamily; 17] = [
    JobFamily {
        name: "sched_audit_job_severity",
        help: "Worst severity of the job: 0 ok or info, 1 warning, 2 critical.",
        value: |job, _| Some(f64::from(job.severity.code())),
    },
    JobFamily {
        name: "sched_audit_job_due_timestamp_seconds",
        help: "Since when the job has been due without a run, whatever the excuse, since 1970; absent if it is not due.",
        value: |job, now| (job.metrics.overdue_ms > 0).then(|| unix(now.plus(-job.metrics.overdue_ms))),
    },
    JobFamily {
        name: "sched_audit_job_missed_slots",
        help: "Slots without a run in ongoing problems.",
        value: |job, _| Some(job.metrics.missed_slots as f64),
    },
    JobFamily {
        name: "sched_audit_job_zero_token_streak",
        help: "Runs in a row with zero tokens, up to the last one.",
        value: |job, _| Some(job.metrics.zero_token_streak as f64),
    },
    JobFamily {
        name: "sched_audit_job_run_start_timestamp_seconds",
        help: "When the job's run in flight began, since 1970; absent if there is none.",
        value: |job, now| (job.metrics.in_flight_ms > 0).then(|| unix(now.plus(-job.metrics.in_flight_ms))),
    },
    JobFamily {
        name: "sched_audit_job_cadence_seconds",
        help: "The usual interval of the job; absent if it has none.",
        value: |job, _| job.metrics.cadence_ms.map(seconds),
    },
    JobFamily {
        name: "sched_audit_job_day_tokens",
        help: "Tokens of the job's runs in the 24 hours before the audit; absent if none are known.",
        value: |job, _| job.metrics.last_day.tokens.map(|tokens| tokens as f64),
    },
    JobFamily {
        name: "sched_audit_job_week_tokens",
        help: "Tokens of the job's runs in the 7 days before the audit; absent if none are known.",
        value: |job, _| job.metrics.last_week.tokens.map(|tokens| tokens as f64),
    },
    JobFamily {
        name: "sched_audit_job_day_cost_usd",
        help: "Cost of the job's runs in the 24 hours before the audit, in US dollars; absent if none is known.",
        value: |job, _| job.metrics.last_day.cost_usd,
    },
    JobFamily {
        name: "sched_audit_job_week_cost_usd",
        help: "Cost of the job's runs in the 7 days before the audit, in US dollars; absent if none is known.",
        value: |job, _| job.metrics.last_week.cost_usd,
    },
    JobFamily {
        name: "sched_audit_job_budget_cost_usd",
        help: "What the job may spend in a day, in US dollars; absent without a budget.",
        value: |job, _| Some(cost(&job.spending)?.budget),
    },
    JobFamily {
        name: "sched_audit_job_spent_cost_usd",
        help: "What the job has spent since midnight, in US dollars; absent without a budget.",
        value: |job, _| Some(cost(&job.spending)?.spent),
    },
    JobFamily {
        name: "sched_audit_job_budget_tokens",
        help: "What the job may use in a day, in tokens; absent without a budget.",
        value: |job, _| Some(tokens(&job.spending)?.budget),
    },
    JobFamily {
        name: "sched_audit_job_spent_tokens",
        help: "What the job has used since midnight, in tokens; absent without a budget.",
        value: |job, _| Some(tokens(&job.spending)?.spent),
    },
    JobFamily {
        name: "sched_audit_job_last_fire_timestamp_seconds",
        help: "When the last run of the job ended, since 1970; absent if none is known.",
        value: |job, _| job.metrics.last_fire.map(unix),
    },
    JobFamily {
        name: "sched_audit_job_last_success_timestamp_seconds",
        help: "When the last run of the job that used tokens ended, since 1970; absent if none is known.",
        value: |job, _| job.metrics.last_success.map(unix),
    },
    JobFamily {
        name: "sched_audit_job_next_run_timestamp_seconds",
        help: "When the scheduler will run the job next, since 1970; absent if it will not.",
        value: |job, _| job.job.next_run().map(unix),
    },
];

fn cost(spending: &Option<Spending>) -> Option<Spent> {
    spending.as_ref()?.cost_usd
}

fn tokens(spending: &Option<Spending>) -> Option<Spent> {
    spending.as_ref()?.tokens
}

fn unix(at: Instant) -> f64 {
    seconds(at.millis())
}

/// The whole report in Prometheus' text format.
pub fn render(report: &Report) -> String {
    let mut labels = Labels::default();
    let label = |database: &Database| labels.unique("", &database.path.to_string_lossy());
    let mut paths: Vec<String> = report.databases().iter().map(label).collect();
    if report.databases.is_err() {
        paths.push(String::new());
    }
    let databases = paths.iter().map(String::as_str).zip(report.databases());
    let audited = databases.filter_map(|(path, database)| Some((path, database.outcome.as_ref().ok()?)));
    let audited: Vec<(&str, &Audited)> = audited.collect();
    let mut text = String::new();
    write_run(&mut text, report, &paths);
    write_databases(&mut text, &audited);
    write_incidents(&mut text, &audited);
    write_jobs(&mut text, &audited, report.now);
    text
}

type Label<'a> = (&'a str, &'a str);

/// Begins a family of metrics.
fn family(text: &mut String, name: &str, help: &str) {
    *text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
}

/// Writes one series.
fn series(text: &mut String, name: &str, labels: &[Label<'_>], value: f64) {
    *text += name;
    let mut separator = '{';
    for (label, of_label) in labels {
        text.push(separator);
        text.extend([label, "=\""]);
        for character in of_label.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
        separator = ',';
    }
    // Writing to a String can't fail.
    let _ = writeln!(text, "}} {value}");
}

fn write_run(text: &mut String, report: &Report, paths: &[String]) {
    let version = env!("CARGO_PKG_VERSION");
    let is_read = |index: usize| report.databases().get(index).is_some_and(|database| database.outcome.is_ok());
    family(text, "sched_audit_build_info", "Always 1; the version of sched-audit.");
    for path in paths {
        series(text, "sched_audit_build_info", &[("database", path), ("version", version)], 1.0);
    }
    let mut of_each = |name, help, value: &dyn Fn(usize) -> f64| {
        family(text, name, help);
        for (index, path) in paths.iter().enumerate() {
            series(text, name, &[("database", path)], value(index));
        }
    };
    let help = "How long the call took that audited the database.";
    of_each("sched_audit_duration_seconds", help, &|_| report.took.as_secs_f64());
    let help = "Whether the database could be audited: 1 or 0.";
    of_each("sched_audit_success", help, &|index| f64::from(u8::from(is_read(index))));
    of_each("sched_audit_timestamp_seconds", "The instant of the audit, since 1970.", &|_| unix(report.now));
}

fn write_databases(text: &mut String, databases: &[(&str, &Audited)]) {
    if databases.is_empty() {
        return;
    }
    family(text, "sched_audit_incidents", "Ongoing incidents, by severity.");
    for &(path, audited) in databases {
        for severity in [Severity::Warning, Severity::Critical] {
            let count = ongoing(audited).filter(|incident| incident.severity == severity).count();
            let labels = [("database", path), ("severity", severity.word())];
            series(text, "sched_audit_incidents", &labels, count as f64);
        }
    }
    family(text, "sched_audit_muted", "Ongoing incidents, and jobs with findings, that the operator has muted.");
    for &(path, audited) in databases {
        series(text, "sched_audit_muted", &[("database", path)], audited.verdict.count_muted() as f64);
    }
    family(text, "sched_audit_quiet_jobs", "Due jobs that are not judged, because it is quiet by the config file.");
    for &(path, audited) in databases {
        let quiet = audited.verdict.unjudged.map_or(0, |unjudged| unjudged.jobs);
        series(text, "sched_audit_quiet_jobs", &[("database", path)], quiet as f64);
    }
    write_processes(text, databases);
    write_budgets(text, databases);
    let help = "Jobs by what the scheduler makes of them: watched, or why they are skipped.";
    family(text, "sched_audit_jobs", help);
    for &(path, audited) in databases {
        let mut states = BTreeMap::from([("watched", 0u32)]);
        audited.jobs().for_each(|job| *states.entry(job.job.state.word()).or_insert(0) += 1);
        for (state, count) in states {
            series(text, "sched_audit_jobs", &[("database", path), ("state", state)], f64::from(count));
        }
    }
    let help = "Jobs without series of their own, because the database has too many.";
    family(text, "sched_audit_jobs_left_out", help);
    for &(path, audited) in databases {
        let rest = shown_jobs(audited).len().saturating_sub(MAX_JOBS);
        series(text, "sched_audit_jobs_left_out", &[("database", path)], rest as f64);
    }
}

fn write_processes(text: &mut String, databases: &[(&str, &Audited)]) {
    let mut of_each = |name, help, value: fn(&Holder) -> Option<f64>| {
        let values =
            databases.iter().filter_map(|(path, audited)| Some((path, value(&audited.verdict.liveness.holder)?)));
        let mut values = values.peekable();
        if values.peek().is_some() {
            family(text, name, help);
        }
        values.for_each(|(path, value)| series(text, name, &[("database", path)], value));
    };
    let help = "Whether a process of this machine has the database open: 1 or 0; absent if that can't be told.";
    of_each("sched_audit_database_open", help, |holder| match holder {
        Holder::Process(_) | Holder::Unseen => Some(1.0),
        Holder::Nobody => Some(0.0),
        Holder::Unknown | Holder::Perhaps(_) => None,
    });
    let help = "When the process started that has the database open, since 1970; absent if that is not known.";
    of_each("sched_audit_process_start_timestamp_seconds", help, |holder| match holder {
        Holder::Process(process) => process.started.map(unix),
        Holder::Unseen | Holder::Nobody | Holder::Perhaps(_) | Holder::Unknown => None,
    });
}

/// A number of what all jobs of a database have spent.
type OfSpending = fn(&Option<Spending>) -> Option<f64>;

fn write_budgets(text: &mut String, databases: &[(&str, &Audited)]) {
    let families: [(&str, &str, OfSpending); 4] = [
        (
            "sched_audit_budget_cost_usd",
            "What all jobs may spend in a day, in US dollars; absent without a budget.",
            |spending| Some(cost(spending)?.budget),
        ),
        (
            "sched_audit_spent_cost_usd",
            "What all jobs have spent since midnight, in US dollars; absent without a budget.",
            |spending| Some(cost(spending)?.spent),
        ),
        (
            "sched_audit_budget_tokens",
            "What all jobs may use in a day, in tokens; absent without a budget.",
            |spending| Some(tokens(spending)?.budget),
        ),
        (
            "sched_audit_spent_tokens",
            "What all jobs have used since midnight, in tokens; absent without a budget.",
            |spending| Some(tokens(spending)?.spent),
        ),
    ];
    for (name, help, value) in families {
        let values = databases.iter().filter_map(|(path, audited)| Some((path, value(&audited.verdict.spending)?)));
        let mut values = values.peekable();
        if values.peek().is_some() {
            family(text, name, help);
        }
        values.for_each(|(path, value)| series(text, name, &[("database", path)], value));
    }
}

fn write_incidents(text: &mut String, databases: &[(&str, &Audited)]) {
    let incidents = || {
        let of_database =
            |&(path, audited)| ongoing(audited).take(MAX_INCIDENTS).map(move |incident| (path, audited, incident));
        databases.iter().flat_map(of_database)
    };
    if incidents().next().is_none() {
        return;
    }
    let help = "Always 1; an ongoing incident with its first job and how many jobs it affects.";
    family(text, "sched_audit_incident_info", help);
    for (path, audited, incident) in incidents() {
        let first = incident.jobs.first().map_or("", |affected| audited.verdict[affected.job].job.label());
        let (first, jobs) = (sanitize::text(first, MAX_LABEL_LEN), incident.jobs.len().to_string());
        let (cause, severity) = (incident.cause.name(), incident.severity.word());
        let labels = [
            ("cause", cause.as_str()),
            ("database", path),
            ("fingerprint", &incident.fingerprint),
            ("first_job", &first),
            ("jobs", &jobs),
            ("severity", severity),
        ];
        series(text, "sched_audit_incident_info", &labels, 1.0);
    }
    let help = "Always 1; the headline of an ongoing incident, whose lengths of time grow.";
    family(text, "sched_audit_incident_headline_info", help);
    for (path, _, incident) in incidents() {
        let headline = sanitize::text(&incident.headline.to_string(), MAX_HEADLINE_LEN);
        let labels = [("database", path), ("fingerprint", &incident.fingerprint), ("headline", &headline)];
        series(text, "sched_audit_incident_headline_info", &labels, 1.0);
    }
    let mut begun = incidents().filter_map(|(path, _, incident)| Some((path, incident, incident.since?))).peekable();
    if begun.peek().is_some() {
        let help = "When an ongoing incident began, since 1970; absent if that is not known.";
        family(text, "sched_audit_incident_start_timestamp_seconds", help);
    }
    for (path, incident, since) in begun {
        let (cause, severity) = (incident.cause.name(), incident.severity.word());
        let labels = [
            ("cause", cause.as_str()),
            ("database", path),
            ("fingerprint", &incident.fingerprint),
            ("severity", severity),
        ];
        series(text, "sched_audit_incident_start_timestamp_seconds", &labels, unix(since));
    }
}

/// A job that has series of its own, and the labels that they share.
struct LabeledJob<'a> {
    job: &'a JobReport,
    database: &'a str,
    id: String,
    name: String,
}

impl LabeledJob<'_> {
    fn labels(&self) -> [Label<'_>; 3] {
        [("database", self.database), ("job_id", &self.id), ("job_name", &self.name)]
    }

    fn write_info(&self, text: &mut String) {
        let job = &self.job.job;
        let schedule = sanitize::text(&job.schedule.text(), MAX_LABEL_LEN);
        let zone = sanitize::text(job.schedule.timezone().unwrap_or_default(), MAX_LABEL_LEN);
        let [database, id, name] = self.labels();
        let labels = [database, id, name, ("schedule", &schedule), ("state", job.state.word()), ("zone", &zone)];
        series(text, "sched_audit_job_info", &labels, 1.0);
    }
}

fn write_jobs(text: &mut String, databases: &[(&str, &Audited)], now: Instant) {
    let mut unique = Labels::default();
    let mut jobs = Vec::new();
    for &(database, audited) in databases {
        jobs.extend(shown_jobs(audited).into_iter().take(MAX_JOBS).map(|job| LabeledJob {
            job,
            database,
            id: unique.unique(&format!("{database}\n"), &job.job.id),
            name: sanitize::text(&job.job.name, MAX_LABEL_LEN),
        }));
    }
    if jobs.is_empty() {
        return;
    }
    let help = "Always 1; the schedule of the job, what the scheduler makes of it, and the zone that it names.";
    family(text, "sched_audit_job_info", help);
    jobs.iter().for_each(|job| job.write_info(text));
    for JobFamily { name, help, value } in &JOB_FAMILIES {
        let mut values = jobs.iter().filter_map(|job| Some((job, value(job.job, now)?))).peekable();
        if values.peek().is_some() {
            family(text, name, help);
        }
        values.for_each(|(job, value)| series(text, name, &job.labels(), value));
    }
}

fn ongoing(audited: &Audited) -> impl Iterator<Item = &Incident> {
    audited.verdict.incidents.iter().filter(|incident| incident.status == Status::Ongoing)
}

/// The jobs that get series, the worst first: the watched, and those with a finding.
fn shown_jobs(audited: &Audited) -> Vec<&JobReport> {
    let mut jobs: Vec<&JobReport> =
        audited.jobs().filter(|job| job.job.state.is_watched() || job.severity > Severity::Ok).collect();
    jobs.sort_by_key(|job| Reverse(job.severity));
    jobs
}

/// Label values that name one thing each: the collector refuses a whole file if one series comes twice.
#[derive(Default)]
struct Labels {
    /// By scope and text: how many looked the same.
    taken: HashMap<String, u64>,
}

impl Labels {
    /// The text made safe, with a number if another one looks the same within `scope`.
    fn unique(&mut self, scope: &str, untrusted: &str) -> String {
        let text = sanitize::text(untrusted, MAX_LABEL_LEN);
        let mut label = text.clone();
        while self.taken.contains_key(&format!("{scope}{label}")) {
            let count = self.taken.entry(format!("{scope}{text}")).or_insert(1);
            *count += 1;
            label = format!("{text} #{count}");
        }
        self.taken.insert(format!("{scope}{label}"), 1);
        label
    }
}
