//! What is said: the report of all databases as plain data, the same shape for every format. No decisions are made here.

pub mod github;
pub mod json;
pub mod nagios;
pub mod prometheus;
pub mod safe;
pub mod table;

use crate::audit::{Finding, Settings, Severity, Verdict};
use crate::model::{Job, Snapshot};
use crate::time::Instant;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One run of the tool.
pub struct Report {
    /// The instant of the audit.
    pub now: Instant,
    /// How long it took.
    pub took: Duration,
    /// The databases, first the named ones in the order of the command line; or why none could be audited.
    pub databases: Result<Vec<Database>, String>,
    /// The verdict over all.
    pub severity: Severity,
    /// The exit code that it comes to.
    pub exit_code: u8,
}

/// One database of a report.
pub struct Database {
    /// Its path as given or found.
    pub path: PathBuf,
    /// Where it really is, for fingerprints.
    pub real_path: PathBuf,
    /// What was found in it, or why nothing could be.
    pub outcome: Result<Audited, String>,
}

/// A database that could be audited.
pub struct Audited {
    /// The settings that it was judged by.
    pub settings: Settings,
    /// What was read.
    pub snapshot: Snapshot,
    /// What it means.
    pub verdict: Verdict,
    /// Whether each job, by its index, was selected.
    pub selected: Vec<bool>,
}

/// A finding with where it belongs.
#[derive(Clone, Copy)]
pub struct Located<'a> {
    /// Its database.
    pub database: &'a Database,
    /// Its job.
    pub job: &'a Job,
    /// Itself.
    pub finding: &'a Finding,
}

impl Report {
    /// The databases; none where nothing could be audited at all.
    pub fn databases(&self) -> &[Database] {
        self.databases.as_deref().unwrap_or_default()
    }

    /// The databases that could be audited.
    pub fn audited(&self) -> impl Iterator<Item = (&Database, &Audited)> {
        self.databases().iter().filter_map(|database| Some((database, database.outcome.as_ref().ok()?)))
    }

    /// What could not be audited, and why; without a path, it is all.
    pub fn unread(&self) -> Vec<(Option<&Path>, &str)> {
        match &self.databases {
            Err(error) => vec![(None, error)],
            Ok(databases) => databases.iter().filter_map(Database::unread).collect(),
        }
    }

    /// The same in sentences, each with its path.
    pub fn complaints(&self) -> Vec<String> {
        let sentence = |(path, why): (Option<&Path>, &str)| match path {
            Some(path) => format!("{}: {why}", path.display()),
            None => why.to_owned(),
        };
        self.unread().into_iter().map(sentence).collect()
    }

    /// All findings, the worst first, each job's together within a severity.
    pub fn findings(&self) -> Vec<Located<'_>> {
        let mut findings: Vec<Located<'_>> = self.databases().iter().flat_map(Database::findings).collect();
        findings.sort_by_key(|located| std::cmp::Reverse(located.finding.severity));
        findings
    }
}

impl Database {
    /// Its worst severity.
    pub fn severity(&self) -> Severity {
        self.outcome.as_ref().map_or(Severity::Unknown, |audited| audited.verdict.severity)
    }

    /// Its path and why it could not be audited, if it could not.
    fn unread(&self) -> Option<(Option<&Path>, &str)> {
        self.outcome.as_ref().err().map(|why| (Some(self.path.as_path()), why.as_str()))
    }

    /// Its findings in the verdict's order.
    pub fn findings(&self) -> impl Iterator<Item = Located<'_>> {
        self.outcome.iter().flat_map(move |audited| {
            let jobs = &audited.snapshot.jobs;
            audited.verdict.findings.iter().map(move |finding| Located {
                database: self,
                job: &jobs[finding.job],
                finding,
            })
        })
    }
}

impl Audited {
    /// The selected jobs, with their indexes.
    pub fn jobs(&self) -> impl Iterator<Item = (usize, &Job)> {
        self.snapshot.jobs.iter().enumerate().filter(|(index, _)| self.selected[*index])
    }

    /// How many of them are watched.
    pub fn watched(&self) -> usize {
        self.jobs().filter(|(_, job)| job.state.is_watched()).count()
    }
}

#[cfg(test)]
mod any_history;
