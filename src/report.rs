//! What is said: the report of all databases as plain data, the same shape for every format. No decisions are made here but
//! what the severities of all come to.

pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod nagios;
pub mod policy;
pub mod prometheus;
pub mod safe;
pub mod table;

use crate::audit::{Incident, Judged, Lasting, Settings, Severity, Verdict};
use crate::cli::FailOn;
use crate::time::{Instant, span};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The exit code of everything that could not be audited.
pub const COULD_NOT_AUDIT: u8 = 3;

/// One run of the tool.
pub struct Report {
    /// The instant of the audit.
    pub now: Instant,
    /// How long it took.
    pub took: Duration,
    /// The databases, first the named ones in the order of the command line; or why none could be audited.
    pub databases: Result<Vec<Database>, String>,
    /// The lowest severity that makes the exit code non-zero.
    pub fail_on: FailOn,
}

/// One database of a report.
pub struct Database {
    /// Its path as given or found.
    pub path: PathBuf,
    /// Where it really is.
    pub real_path: PathBuf,
    /// What was found in it, or why nothing could be.
    pub outcome: Result<Audited, String>,
}

/// A database that could be audited.
pub struct Audited {
    /// The settings that it was judged by.
    pub settings: Settings,
    /// What it means.
    pub verdict: Verdict,
}

/// An incident with where it belongs.
#[derive(Clone, Copy)]
pub struct Located<'a> {
    /// Its database.
    pub database: &'a Database,
    /// What else was found there.
    pub audited: &'a Audited,
    /// Itself.
    pub incident: &'a Incident,
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

    /// The worst severity found; None where nothing could be audited.
    pub fn severity(&self) -> Option<Severity> {
        self.audited().map(|(_, audited)| audited.verdict.severity).max()
    }

    /// Critical wins, then what could not be audited, then warning. It does not depend on the format.
    pub fn exit_code(&self) -> u8 {
        let code = self.severity().map_or(0, |severity| self.fail_on.code(severity));
        let unread = !self.unread().is_empty();
        if unread && code < Severity::Critical.code() { COULD_NOT_AUDIT } else { code }
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

    /// All incidents, the worst first, those that are over last.
    pub fn incidents(&self) -> Vec<Located<'_>> {
        let mut incidents: Vec<Located<'_>> = self.databases().iter().flat_map(Database::incidents).collect();
        incidents
            .sort_by_key(|located| (located.incident.lasting == Lasting::Resolved, Reverse(located.incident.severity)));
        incidents
    }
}

impl Database {
    /// Where it stands among several: critical first, then what could not be audited.
    pub fn rank(&self) -> Reverse<u8> {
        Reverse(match self.severity() {
            Some(Severity::Critical) => 4,
            None => 3,
            Some(Severity::Warning) => 2,
            Some(Severity::Info) => 1,
            Some(Severity::Ok) => 0,
        })
    }

    /// Its worst severity; None if it could not be audited.
    pub fn severity(&self) -> Option<Severity> {
        self.outcome.as_ref().ok().map(|audited| audited.verdict.severity)
    }

    /// Its path and why it could not be audited, if it could not.
    fn unread(&self) -> Option<(Option<&Path>, &str)> {
        self.outcome.as_ref().err().map(|why| (Some(self.path.as_path()), why.as_str()))
    }

    /// Its incidents in the verdict's order.
    pub fn incidents(&self) -> impl Iterator<Item = Located<'_>> {
        self.outcome.iter().flat_map(move |audited| {
            audited.verdict.incidents.iter().map(move |incident| Located { database: self, audited, incident })
        })
    }
}

impl Audited {
    /// The selected jobs.
    pub fn jobs(&self) -> impl Iterator<Item = &Judged> {
        self.verdict.jobs.iter().filter(|judged| judged.selected)
    }

    /// How many of them are watched.
    pub fn watched(&self) -> usize {
        self.jobs().filter(|judged| judged.job.state.is_watched()).count()
    }

    /// How many of them are in trouble.
    pub fn troubled(&self) -> usize {
        self.jobs().filter(|judged| judged.severity > Severity::Info).count()
    }
}

/// `since 2026-04-29 05:00 UTC`, or when the incident was over; empty where that is not known.
pub fn when(incident: &Incident) -> String {
    match (incident.since, incident.until) {
        (_, Some(until)) => format!("over since {} UTC", until.minute()),
        (Some(since), None) => format!("since {} UTC", since.minute()),
        (None, None) => String::new(),
    }
}

/// How long an incident has lasted, or lasted.
pub fn age(incident: &Incident, now: Instant) -> Option<String> {
    let since = incident.since?;
    Some(span(incident.until.unwrap_or(now).since(since)))
}

#[cfg(test)]
mod any_history;
