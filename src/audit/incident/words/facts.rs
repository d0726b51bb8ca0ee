//! What the words of an incident are made from.

use super::IncidentText;
use crate::audit::context::Context;
use crate::audit::finding::{AffectedJob, Finding};
use crate::audit::fleet::Fleet;
use crate::audit::sentence::sentence;
use crate::audit::worker::ActiveRun;
use crate::catalog::Problem;
use crate::model::{Job, JobIndex};
use crate::numbers::count;
use crate::text::{Text, text};
use crate::time::{Instant, span};
use std::collections::{HashMap, HashSet};

/// Names in a sentence; more would not be read.
const MAX_NAMES: usize = 3;
/// Observations in the findings' own words, at most.
const MAX_MESSAGES: usize = 3;

/// An incident as far as it is known before it has words.
pub struct Facts<'a> {
    /// What the judges saw.
    pub fleet: &'a Fleet<'a>,
    /// The run in flight that it is about, if it is about one.
    pub run: Option<&'a ActiveRun>,
    /// Its findings.
    pub findings: &'a [Finding],
    /// The jobs that it affects.
    pub jobs: &'a [AffectedJob],
    /// When it began.
    pub since: Option<Instant>,
    /// When it ended; None while it is ongoing.
    pub until: Option<Instant>,
}

impl<'a> Facts<'a> {
    /// What was read.
    pub fn context(&self) -> &'a Context<'a> {
        self.fleet.context
    }

    /// The instant of the audit.
    pub fn now(&self) -> Instant {
        self.context().settings.now
    }

    /// The restart that ended a silence of the whole scheduler, but for jobs that wait for their next slots.
    pub fn restart_that_ended(&self) -> Option<Instant> {
        let worker = self.context().worker;
        worker.boot_that_ended(worker.end_before(self.since?)?)
    }

    /// A job that it affects.
    pub fn job(&self, affected: &AffectedJob) -> &Job {
        self.context().job(affected.job)
    }

    /// The names of the jobs that it affects.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.jobs.iter().map(|affected| self.job(affected).label()).collect();
        listed(&names)
    }

    /// How many jobs it affects, as `2 jobs`.
    pub fn count_jobs(&self) -> String {
        count(self.jobs.len(), "job")
    }

    /// The words that agree with the number of jobs that it affects.
    pub fn agree<T>(&self, one: T, several: T) -> T {
        if self.jobs.len() == 1 { one } else { several }
    }

    /// ` again`, if one of the jobs has run.
    pub fn again(&self) -> &'static str {
        let has_run = self.jobs.iter().any(|affected| self.job(affected).last_end().is_some());
        if has_run { " again" } else { "" }
    }

    /// When something was, and how long ago that is.
    pub fn ago(&self, at: Instant) -> Text {
        text![at, ", ", span(self.now().since(at)), " ago"]
    }

    /// The first of the findings in their own words, each with its jobs if there are several.
    pub fn messages(&self) -> Vec<Text> {
        let is_over = self.until.is_some();
        let mut said: Vec<(Text, Vec<&str>)> = Vec::new();
        let mut positions: HashMap<String, usize> = HashMap::new();
        for finding in self.findings.iter().filter(|one| one.is_ongoing() != is_over) {
            let job = finding.job().map(|job| self.context().job(job));
            let message = sentence(finding, job, self.now());
            let position = *positions.entry(message.to_string()).or_insert(said.len());
            if position == said.len() {
                said.push((message, Vec::new()));
            }
            if !is_of_several(finding) {
                said[position].1.extend(job.map(Job::label));
            }
        }
        said.into_iter().take(MAX_MESSAGES).map(|(message, names)| self.with_names(message, &names)).collect()
    }

    fn with_names(&self, message: Text, names: &[&str]) -> Text {
        match names.len() {
            0 => message,
            _ if self.jobs.len() == 1 => message,
            several if several == self.jobs.len() => text!["each of them: ", message],
            _ => text![listed(names), ": ", message],
        }
    }

    /// What shows that the scheduler's process lives or does not, in sentences; `since` is when it should have done something, and
    /// `last` what is known anyway.
    pub fn signs(&self, since: Option<Instant>, last: Option<Instant>) -> Vec<Text> {
        let worker = self.context().worker;
        let is_news = |at: Instant| last.is_none_or(|last| at > last);
        let mut signs = worker.life.signs(since);
        if let Some((end, job)) = worker.last_end
            && is_news(end)
        {
            let name = job.map_or("a deleted job", |job| self.context().job(job).label());
            signs.push(text![name, " ran at ", self.ago(end), ", so the process was alive then"]);
        }
        if !signs.is_empty() {
            return signs;
        }
        let nothing_shows = "so nothing shows that the process is alive";
        vec![match self.context().snapshot.last_other_activity.filter(|at| is_news(*at)) {
            Some(at) => text!["another channel was last active at ", self.ago(at), ", ", nothing_shows, " since"],
            None => text!["nothing else in the database is newer, ", nothing_shows],
        }]
    }

    /// The findings in their own words.
    pub fn plain(&self) -> IncidentText {
        IncidentText::of(self.messages())
    }

    /// All jobs of its findings, those for which it is over too.
    pub fn all_jobs(&self) -> HashSet<JobIndex> {
        self.findings.iter().filter_map(Finding::job).collect()
    }

    /// The jobs for which it lasts.
    pub fn lasting_jobs(&self) -> HashSet<JobIndex> {
        self.jobs.iter().map(|affected| affected.job).collect()
    }

    /// How many jobs of the incident work again, if any do.
    pub fn recovered(&self) -> Option<Text> {
        match self.all_jobs().difference(&self.lasting_jobs()).count() {
            0 => None,
            1 => Some("1 job works again".into()),
            several => Some(text![format!("{several} jobs work again")]),
        }
    }
}

/// Whether what is said of a job is said of all that fail with it.
fn is_of_several(finding: &Finding) -> bool {
    matches!(finding.problem(), Problem::ProviderFailing | Problem::SharedError)
}

/// The first of some names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let first = names[..names.len().min(MAX_NAMES)].join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
