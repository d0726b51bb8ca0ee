//! The report as metrics, for the textfile collector of Prometheus' node_exporter.
//!
//! Only base units; what happened is told by its time, not its age, which would freeze with the file
//! (<https://prometheus.io/docs/practices/instrumentation/#timestamps-not-time-since>). Every series carries its database, so
//! that the files of several audits on one host have none in common. Of a database that could not be audited only the audit
//! itself is told, so that no stale number looks like a healthy one.

use super::{Audited, Database, Report, safe};
use crate::audit::{Facts, Incident, Judged, Lasting, Severity};
use crate::time::{Instant, seconds};
use prometheus::{GaugeVec, Opts, Registry, TextEncoder};
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
    text(report).map_err(|error| format!("the metrics can't be written: {error}; please report it"))
}

fn text(report: &Report) -> prometheus::Result<String> {
    let mut labels = Labels::default();
    let label = |database: &Database| labels.unique("", &database.path.to_string_lossy());
    let mut paths: Vec<String> = report.databases().iter().map(label).collect();
    if report.databases.is_err() {
        paths.push(String::new());
    }
    let databases = || paths.iter().map(String::as_str).zip(report.databases());
    let audited = databases().filter_map(|(path, database)| Some((path, database.outcome.as_ref().ok()?)));
    let audited: Vec<(&str, &Audited)> = audited.collect();
    let metrics = Metrics(Registry::new());
    metrics.of_run(report, &paths)?;
    metrics.of_databases(&audited)?;
    metrics.of_incidents(&audited)?;
    metrics.of_jobs(&audited)?;
    TextEncoder::new().encode_to_string(&metrics.0.gather())
}

struct Metrics(Registry);

impl Metrics {
    fn family(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
        let family = GaugeVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(family.clone()))?;
        Ok(family)
    }

    fn of_run(&self, report: &Report, paths: &[String]) -> prometheus::Result<()> {
        let of_each = |name, help| self.family(name, help, &["database"]);
        let success = of_each("sched_audit_success", "Whether the database could be audited: 1 or 0.")?;
        let timestamp = of_each("sched_audit_timestamp_seconds", "The instant of the audit, since 1970.")?;
        let duration = of_each("sched_audit_duration_seconds", "How long the call took that audited the database.")?;
        let build = "Always 1; the version of sched-audit.";
        let build = self.family("sched_audit_build_info", build, &["database", "version"])?;
        for (index, path) in paths.iter().enumerate() {
            let read = report.databases().get(index).is_some_and(|database| database.outcome.is_ok());
            success.with_label_values(&[path]).set(f64::from(read));
            timestamp.with_label_values(&[path]).set(unix(report.now));
            duration.with_label_values(&[path]).set(report.took.as_secs_f64());
            build.with_label_values(&[path.as_str(), env!("CARGO_PKG_VERSION")]).set(1.0);
        }
        Ok(())
    }

    fn of_databases(&self, databases: &[(&str, &Audited)]) -> prometheus::Result<()> {
        let jobs = self.family(
            "sched_audit_jobs",
            "Jobs by what the scheduler makes of them: watched, or why they are skipped.",
            &["database", "state"],
        )?;
        let left_out = self.family(
            "sched_audit_jobs_left_out",
            "Jobs without series of their own, because the database has too many.",
            &["database"],
        )?;
        let incidents =
            self.family("sched_audit_incidents", "Incidents that last, by severity.", &["database", "severity"])?;
        for &(path, audited) in databases {
            let mut states = BTreeMap::from([("watched", 0)]);
            audited.jobs().for_each(|judged| *states.entry(judged.job.state.word()).or_insert(0) += 1);
            states.iter().for_each(|(state, count)| jobs.with_label_values(&[path, *state]).set(f64::from(*count)));
            let rest = shown_jobs(audited).len().saturating_sub(MOST_JOBS);
            left_out.with_label_values(&[path]).set(rest as f64);
            for severity in [Severity::Warning, Severity::Critical] {
                let count = lasting(audited).filter(|incident| incident.severity == severity).count();
                incidents.with_label_values(&[path, severity.word()]).set(count as f64);
            }
        }
        Ok(())
    }

    fn of_incidents(&self, databases: &[(&str, &Audited)]) -> prometheus::Result<()> {
        let labels = ["database", "fingerprint", "cause"];
        let start = self.family(
            "sched_audit_incident_start_timestamp_seconds",
            "When an incident that lasts began, since 1970; 0 if that is not known.",
            &["database", "fingerprint", "cause", "severity"],
        )?;
        let jobs = self.family("sched_audit_incident_jobs", "How many jobs an incident that lasts hits.", &labels)?;
        for &(path, audited) in databases {
            for incident in lasting(audited).take(MOST_INCIDENTS) {
                let (cause, severity) = (incident.cause.name(), incident.severity.word());
                let since = incident.since.map_or(0.0, unix);
                start.with_label_values(&[path, &incident.fingerprint, &cause, severity]).set(since);
                jobs.with_label_values(&[path, &incident.fingerprint, &cause]).set(incident.jobs.len() as f64);
            }
        }
        Ok(())
    }

    fn of_jobs(&self, databases: &[(&str, &Audited)]) -> prometheus::Result<()> {
        let family = |JobFamily { name, help, value }| {
            Ok((self.family(name, help, &["database", "job_id", "job_name"])?, value))
        };
        let families = JOB_FAMILIES.map(family).into_iter().collect::<prometheus::Result<Vec<_>>>()?;
        let info = self.family(
            "sched_audit_job_info",
            "Always 1; the schedule of the job, the zone that it names, and what the scheduler makes of it.",
            &["database", "job_id", "job_name", "schedule", "zone", "state"],
        )?;
        let mut labels = Labels::default();
        for &(path, audited) in databases {
            for judged in shown_jobs(audited).into_iter().take(MOST_JOBS) {
                let job = &judged.job;
                let id = labels.unique(&format!("{path}\n"), &job.id);
                let name = safe::text(&job.name, LONGEST_LABEL);
                for (family, value) in &families {
                    if let Some(value) = value(judged) {
                        family.with_label_values(&[path, &id, &name]).set(value);
                    }
                }
                let schedule = safe::text(&job.schedule.text(), LONGEST_LABEL);
                let zone = safe::text(job.schedule.timezone.as_deref().unwrap_or_default(), LONGEST_LABEL);
                info.with_label_values(&[path, &id, &name, &schedule, &zone, job.state.word()]).set(1.0);
            }
        }
        Ok(())
    }
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
