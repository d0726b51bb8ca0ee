//! The report as metrics, for the textfile collector of Prometheus' node_exporter.
//!
//! Only base units; what happened is told by its time, not its age, which would freeze with the file
//! (<https://prometheus.io/docs/practices/instrumentation/#timestamps-not-time-since>). Every series carries its database, so
//! that the files of several audits on one host have none in common. Of a database that could not be audited only the audit
//! itself is told, so that no stale number looks like a healthy one.

use super::{Audited, Database, Report, safe};
use crate::audit::{Facts, Incident, Judged, Lasting, Severity};
use crate::process;
use crate::time::{Instant, seconds};
use prometheus::TextEncoder;
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use std::collections::{BTreeMap, HashMap};

/// Jobs of one database that get series of their own, the worst first; the rest is counted.
const MOST_JOBS: usize = 1000;
/// Incidents of one database that get series of their own, the worst first.
const MOST_INCIDENTS: usize = 200;
/// A label longer than this is cut.
const LONGEST_LABEL: usize = 120;

/// A number of a job.
struct JobFamily {
    name: &'static str,
    help: &'static str,
    value: fn(&Judged) -> Option<f64>,
}

const JOB_FAMILIES: [JobFamily; 9] = [
    JobFamily {
        name: "sched_audit_job_severity",
        help: "Worst severity of the job: 0 ok or info, 1 warning, 2 critical.",
        value: |judged| Some(f64::from(judged.severity.code())),
    },
    JobFamily {
        name: "sched_audit_job_overdue_seconds",
        help: "How long the job had been due without a run at the audit, whatever the excuse; 0 if it was not due.",
        value: |judged| Some(seconds(judged.facts.overdue_ms)),
    },
    JobFamily {
        name: "sched_audit_job_missed_slots",
        help: "Scheduled times without a fire in the troubles that last.",
        value: |judged| Some(judged.facts.missed_slots as f64),
    },
    JobFamily {
        name: "sched_audit_job_zero_token_streak",
        help: "Fires in a row with zero tokens, up to the newest fire.",
        value: |judged| Some(judged.facts.zero_token_streak as f64),
    },
    JobFamily {
        name: "sched_audit_job_in_flight_seconds",
        help: "How long the run of the job that was in flight at the audit had taken; 0 if none was.",
        value: |judged| Some(seconds(judged.facts.in_flight_ms)),
    },
    JobFamily {
        name: "sched_audit_job_cadence_seconds",
        help: "The usual interval of the job; absent if it has none.",
        value: |judged| judged.facts.cadence_ms.map(seconds),
    },
    JobFamily {
        name: "sched_audit_job_last_fire_timestamp_seconds",
        help: "When the newest run of the job ended, since 1970; absent if none is known.",
        value: |Judged { facts: Facts { last_fire, .. }, .. }| last_fire.map(unix),
    },
    JobFamily {
        name: "sched_audit_job_last_success_timestamp_seconds",
        help: "When the newest run of the job that used tokens ended, since 1970; absent if none is known.",
        value: |Judged { facts: Facts { last_success, .. }, .. }| last_success.map(unix),
    },
    JobFamily {
        name: "sched_audit_job_next_run_timestamp_seconds",
        help: "When the scheduler means to run the job next, since 1970; absent if it does not.",
        value: |judged| judged.job.next_run().map(unix),
    },
];

fn unix(at: Instant) -> f64 {
    seconds(at.millis())
}

/// The whole report in Prometheus' text format.
///
/// # Errors
/// Why the metrics can't be written; no input should cause that.
pub fn render(report: &Report) -> Result<String, String> {
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
    of_run(report, &paths, &mut text)?;
    of_databases(&audited, &mut text)?;
    of_incidents(&audited, &mut text)?;
    of_jobs(&audited, &mut text)?;
    Ok(text)
}

/// Writes one family: all of them at once, as metrics, would take several times the memory of the text.
fn write(text: &mut String, name: &str, help: &str, metrics: Vec<Metric>) -> Result<(), String> {
    // The encoder takes no family without a metric.
    if metrics.is_empty() {
        return Ok(());
    }
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(metrics);
    let written = TextEncoder::new().encode_utf8(&[family], text);
    written.map_err(|error| format!("the metrics can't be written: {error}; please report it"))
}

fn metric(labels: &[(&str, &str)], value: f64) -> Metric {
    let pair = |&(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::from_gauge(gauge);
    metric.set_label(labels.iter().map(pair).collect());
    metric
}

fn of_run(report: &Report, paths: &[String], text: &mut String) -> Result<(), String> {
    let version = env!("CARGO_PKG_VERSION");
    let of_each = |value: &dyn Fn(usize) -> f64| {
        let one = |(index, path): (usize, &String)| metric(&[("database", path)], value(index));
        paths.iter().enumerate().map(one).collect()
    };
    let read = |index: usize| report.databases().get(index).is_some_and(|database| database.outcome.is_ok());
    let build = paths.iter().map(|path| metric(&[("database", path), ("version", version)], 1.0)).collect();
    write(text, "sched_audit_build_info", "Always 1; the version of sched-audit.", build)?;
    let took = of_each(&|_| report.took.as_secs_f64());
    write(text, "sched_audit_duration_seconds", "How long the call took that audited the database.", took)?;
    let success = of_each(&|index| f64::from(read(index)));
    write(text, "sched_audit_success", "Whether the database could be audited: 1 or 0.", success)?;
    let now = of_each(&|_| unix(report.now));
    write(text, "sched_audit_timestamp_seconds", "The instant of the audit, since 1970.", now)
}

fn of_databases(databases: &[(&str, &Audited)], text: &mut String) -> Result<(), String> {
    let (mut jobs, mut left_out, mut incidents) = (Vec::new(), Vec::new(), Vec::new());
    for &(path, audited) in databases {
        let mut states = BTreeMap::from([("watched", 0)]);
        audited.jobs().for_each(|judged| *states.entry(judged.job.state.word()).or_insert(0) += 1);
        let state = |(state, count): (&&str, &i32)| metric(&[("database", path), ("state", state)], f64::from(*count));
        jobs.extend(states.iter().map(state));
        let rest = shown_jobs(audited).len().saturating_sub(MOST_JOBS);
        left_out.push(metric(&[("database", path)], rest as f64));
        for severity in [Severity::Warning, Severity::Critical] {
            let count = lasting(audited).filter(|incident| incident.severity == severity).count();
            incidents.push(metric(&[("database", path), ("severity", severity.word())], count as f64));
        }
    }
    write(text, "sched_audit_incidents", "Incidents that last, by severity.", incidents)?;
    let help = "Jobs by what the scheduler makes of them: watched, or why they are skipped.";
    write(text, "sched_audit_jobs", help, jobs)?;
    let help = "Jobs without series of their own, because the database has too many.";
    write(text, "sched_audit_jobs_left_out", help, left_out)
}

fn of_incidents(databases: &[(&str, &Audited)], text: &mut String) -> Result<(), String> {
    let (mut jobs, mut start) = (Vec::new(), Vec::new());
    for &(path, audited) in databases {
        for incident in lasting(audited).take(MOST_INCIDENTS) {
            let (cause, severity) = (incident.cause.name(), incident.severity.word());
            let labels = [("cause", cause.as_str()), ("database", path), ("fingerprint", &incident.fingerprint)];
            jobs.push(metric(&labels, incident.jobs.len() as f64));
            let since = incident.since.map_or(0.0, unix);
            start.push(metric(&[labels.as_slice(), &[("severity", severity)]].concat(), since));
        }
    }
    write(text, "sched_audit_incident_jobs", "How many jobs an incident that lasts hits.", jobs)?;
    let help = "When an incident that lasts began, since 1970; 0 if that is not known.";
    write(text, "sched_audit_incident_start_timestamp_seconds", help, start)
}

/// A job that has series of its own, and the labels that they share.
struct Labelled<'a> {
    judged: &'a Judged,
    database: &'a str,
    id: String,
    name: String,
}

impl Labelled<'_> {
    fn labels(&self) -> [(&str, &str); 3] {
        [("database", self.database), ("job_id", &self.id), ("job_name", &self.name)]
    }

    fn number(&self, family: &JobFamily) -> Option<Metric> {
        (family.value)(self.judged).map(|value| metric(&self.labels(), value))
    }

    fn info(&self) -> Metric {
        let job = &self.judged.job;
        let schedule = safe::text(&job.schedule.text(), LONGEST_LABEL);
        let zone = safe::text(job.schedule.timezone.as_deref().unwrap_or_default(), LONGEST_LABEL);
        let more = [("schedule", schedule.as_str()), ("state", job.state.word()), ("zone", &zone)];
        metric(&[self.labels(), more].concat(), 1.0)
    }
}

fn of_jobs(databases: &[(&str, &Audited)], text: &mut String) -> Result<(), String> {
    let mut unique = Labels::default();
    let mut jobs = Vec::new();
    for &(database, audited) in databases {
        jobs.extend(shown_jobs(audited).into_iter().take(MOST_JOBS).map(|judged| Labelled {
            judged,
            database,
            id: unique.unique(&format!("{database}\n"), &judged.job.id),
            name: safe::text(&judged.job.name, LONGEST_LABEL),
        }));
    }
    let numbers = |families: &[JobFamily], text: &mut String| {
        let metrics = |family| jobs.iter().filter_map(|job: &Labelled<'_>| job.number(family)).collect();
        families.iter().try_for_each(|family| write(text, family.name, family.help, metrics(family)))
    };
    let info = |text: &mut String| {
        let help = "Always 1; the schedule of the job, what the scheduler makes of it, and the zone that it names.";
        write(text, "sched_audit_job_info", help, jobs.iter().map(Labelled::info).collect())
    };
    // They are most of the text, so two processors share them.
    let (first, second) = JOB_FAMILIES.split_at(JOB_FAMILIES.len() / 2);
    let mut beside = String::new();
    let here = || info(text).and_then(|()| numbers(first, text));
    let (theirs, ours) = process::side_by_side(|| numbers(second, &mut beside), here)?;
    text.push_str(&beside);
    ours.and(theirs)
}

fn lasting(audited: &Audited) -> impl Iterator<Item = &Incident> {
    audited.verdict.incidents.iter().filter(|incident| incident.lasting == Lasting::Ongoing)
}

/// The jobs that series are for, the worst first: the watched, and those with a finding.
fn shown_jobs(audited: &Audited) -> Vec<&Judged> {
    let mut jobs: Vec<&Judged> =
        audited.jobs().filter(|judged| judged.job.state.is_watched() || judged.severity > Severity::Ok).collect();
    jobs.sort_by_key(|judged| std::cmp::Reverse(judged.severity));
    jobs
}

/// Label values that name one thing each: the collector refuses a whole file for one series that comes twice.
#[derive(Default)]
struct Labels {
    /// By scope and text: how many came out the same.
    taken: HashMap<String, u64>,
}

impl Labels {
    /// The text made safe, with a number where another one came out the same within `scope`.
    fn unique(&mut self, scope: &str, untrusted: &str) -> String {
        let text = safe::text(untrusted, LONGEST_LABEL);
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
