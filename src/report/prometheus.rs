//! The report as metrics for the textfile collector of Prometheus' node_exporter.
//!
//! Only base units and no time stamps (<https://prometheus.io/docs/practices/naming/>). A database that could not be
//! audited has only its `sched_audit_success`, so that no stale number looks like a healthy one.

use super::{Audited, Database, Report, safe};
use crate::audit::{DETECTORS, Facts, Severity};
use crate::model::Job;
use crate::time::seconds;
use prometheus::{GaugeVec, Opts, Registry, TextEncoder};
use std::collections::{BTreeMap, HashSet};

/// Jobs of one database that get series of their own, the worst first; the rest is counted.
const MOST_JOBS: usize = 1000;
/// A label longer than this is cut.
const LONGEST_LABEL: usize = 120;

/// A number of a job.
struct JobFamily {
    name: &'static str,
    help: &'static str,
    value: fn(Severity, &Facts) -> Option<f64>,
}

const JOB_FAMILIES: [JobFamily; 6] = [
    JobFamily {
        name: "sched_audit_job_severity",
        help: "Worst severity of the job: 0 ok or info, 1 warning, 2 critical.",
        value: |severity, _| Some(f64::from(severity.code())),
    },
    JobFamily {
        name: "sched_audit_job_overdue_seconds",
        help: "How long the job has been due without a run, whatever the excuse; 0 if it is not due.",
        value: |_, facts| Some(seconds(facts.overdue_ms)),
    },
    JobFamily {
        name: "sched_audit_job_missed_slots",
        help: "Scheduled times without a fire in the troubles that last.",
        value: |_, facts| Some(facts.missed_slots as f64),
    },
    JobFamily {
        name: "sched_audit_job_zero_token_streak",
        help: "Fires in a row with zero tokens, up to the newest fire.",
        value: |_, facts| Some(facts.zero_token_streak as f64),
    },
    JobFamily {
        name: "sched_audit_job_last_fire_age_seconds",
        help: "How long ago the newest run of the job ended; absent if none is known.",
        value: |_, facts| facts.last_fire_ms.map(seconds),
    },
    JobFamily {
        name: "sched_audit_job_in_flight_seconds",
        help: "How long the run of the job that is in flight has taken so far; 0 if none is.",
        value: |_, facts| Some(seconds(facts.in_flight_ms)),
    },
];

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
    let paths: Vec<String> = report.databases().iter().map(label).collect();
    let databases = || paths.iter().map(String::as_str).zip(report.databases());
    let audited = databases().filter_map(|(path, database)| Some((path, database.outcome.as_ref().ok()?)));
    let audited: Vec<(&str, &Audited)> = audited.collect();
    let metrics = Metrics(Registry::new());
    metrics.of_run(report, databases())?;
    metrics.of_databases(&audited)?;
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

    fn of_run<'a>(
        &self,
        report: &Report,
        databases: impl Iterator<Item = (&'a str, &'a Database)>,
    ) -> prometheus::Result<()> {
        let run = |name, help, value| {
            self.family(name, help, &[]).map(|family| family.with_label_values::<&str>(&[]).set(value))
        };
        run("sched_audit_timestamp_seconds", "The instant of the audit, since 1970.", seconds(report.now.millis()))?;
        run("sched_audit_duration_seconds", "How long the audit took.", report.took.as_secs_f64())?;
        self.family("sched_audit_build_info", "Always 1; the version of sched-audit.", &["version"])?
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1.0);
        let success = "Whether the database could be audited: 1, or 0; without a database, whether any could.";
        let success = self.family("sched_audit_success", success, &["database"])?;
        if report.databases.is_err() {
            success.with_label_values(&[""]).set(0.0);
        }
        for (path, database) in databases {
            success.with_label_values(&[path]).set(f64::from(database.outcome.is_ok()));
        }
        Ok(())
    }

    fn of_databases(&self, databases: &[(&str, &Audited)]) -> prometheus::Result<()> {
        let findings = self.family(
            "sched_audit_findings",
            "Findings by detector and severity.",
            &["database", "detector", "severity"],
        )?;
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
        for &(path, audited) in databases {
            let severities = [Severity::Info, Severity::Warning, Severity::Critical];
            for (detector, severity) in DETECTORS.iter().flat_map(|one| severities.map(|severity| (one.id, severity))) {
                let of_both = audited.verdict.findings.iter();
                let count = of_both.filter(|found| found.detector == detector && found.severity == severity).count();
                findings.with_label_values(&[path, detector, severity.word()]).set(count as f64);
            }
            let mut states = BTreeMap::from([("watched", 0)]);
            audited.jobs().for_each(|(_, job)| *states.entry(job.state.word()).or_insert(0) += 1);
            states.iter().for_each(|(state, count)| jobs.with_label_values(&[path, *state]).set(f64::from(*count)));
            let rest = shown_jobs(audited).len().saturating_sub(MOST_JOBS);
            left_out.with_label_values(&[path]).set(rest as f64);
        }
        Ok(())
    }

    fn of_jobs(&self, databases: &[(&str, &Audited)]) -> prometheus::Result<()> {
        let family =
            |JobFamily { name, help, value }| Ok((self.family(name, help, &["database", "job_id", "job"])?, value));
        let families = JOB_FAMILIES.map(family).into_iter().collect::<prometheus::Result<Vec<_>>>()?;
        let mut labels = Labels::default();
        for &(path, audited) in databases {
            for (index, job) in shown_jobs(audited).into_iter().take(MOST_JOBS) {
                let id = labels.unique(&format!("{path}\n"), &job.id);
                let name = safe::text(&job.name, LONGEST_LABEL);
                for (family, value) in &families {
                    if let Some(value) = value(audited.verdict.jobs[index], &audited.verdict.facts[index]) {
                        family.with_label_values(&[path, &id, &name]).set(value);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The jobs that series are for, the worst first: the watched, and those with a finding.
fn shown_jobs(audited: &Audited) -> Vec<(usize, &Job)> {
    let severity = |index: usize| audited.verdict.jobs[index];
    let mut jobs: Vec<(usize, &Job)> =
        audited.jobs().filter(|&(index, job)| job.state.is_watched() || severity(index) > Severity::Ok).collect();
    jobs.sort_by_key(|&(index, _)| std::cmp::Reverse(severity(index)));
    jobs
}

/// Label values that name one thing each: the collector refuses a whole file for one series that comes twice.
#[derive(Default)]
struct Labels {
    taken: HashSet<String>,
}

impl Labels {
    /// The text made safe, with a number where another one came out the same within `scope`.
    fn unique(&mut self, scope: &str, untrusted: &str) -> String {
        let text = safe::text(untrusted, LONGEST_LABEL);
        let numbered = (2..).map(|number| format!("{text} #{number}"));
        std::iter::once(text.clone())
            .chain(numbered)
            .find(|label| self.taken.insert(format!("{scope}{label}")))
            .unwrap_or(text)
    }
}
