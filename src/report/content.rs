//! What is reported: all databases as plain data, the same shape for every format, and the words that formats share. The only
//! decisions made here are the overall severity and the exit code.

use super::calendar::Calendar;
use super::error::{AuditError, CallError};
use crate::audit::{Incident, JobReport, MutedIncident, Unjudged, Verdict, without_wrappers};
use crate::catalog::{Severity, Status};
use crate::model::{Action, Holder, JobIndex, ZoneBasis};
use crate::numbers::count;
use crate::schedule::Zone;
use crate::settings::{FailOn, Settings};
use crate::shell;
use crate::text::{Text, text};
use crate::time::{Instant, span};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The word for a database that could not be audited.
pub const UNREAD: &str = "could not audit";
/// The exit code if something could not be audited.
pub const COULD_NOT_AUDIT: u8 = 3;

/// One run of the tool.
pub struct Report {
    /// The instant of the audit.
    pub now: Instant,
    /// How long it took.
    pub took: Duration,
    /// The databases, first the named ones in the order of the command line; or why none could be audited.
    pub databases: Result<Vec<Database>, CallError>,
    /// The lowest severity that makes the exit code non-zero.
    pub fail_on: FailOn,
    /// Whether to report what became of each slot, where the format can.
    pub history: bool,
    /// The zone of the clock by which people are told times.
    pub zone: Zone,
}

/// One database of a report.
pub struct Database {
    /// Its path as given or found.
    pub path: PathBuf,
    /// Where it really is.
    pub real_path: PathBuf,
    /// What was found in it, or why nothing could be.
    pub outcome: Result<Audited, AuditError>,
}

/// A database that could be audited.
pub struct Audited {
    /// The settings that it was judged by.
    pub settings: Settings,
    /// What was found.
    pub verdict: Verdict,
}

/// How many of the watched jobs are fine.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// The watched jobs.
    watched: usize,
    /// Those that no ongoing incident affects.
    unaffected: usize,
    /// Those of them that would not run if they came due.
    blocked: usize,
}

/// An incident with where it belongs.
#[derive(Clone, Copy)]
pub struct Located<'a> {
    /// Its database.
    pub database: &'a Database,
    /// What else was found there.
    pub audited: &'a Audited,
    /// The incident.
    pub incident: &'a Incident,
}

impl Report {
    /// A report of a call that failed.
    pub fn failed(error: CallError, now: Instant) -> Report {
        let fail_on = FailOn::default();
        Report { now, took: Duration::ZERO, databases: Err(error), fail_on, history: false, zone: Zone::UTC }
    }

    /// How people are told times.
    pub fn calendar(&self) -> Calendar {
        Calendar { now: self.now, zone: self.zone }
    }

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
        self.audited().map(|(_, audited)| audited.verdict.severity()).max()
    }

    /// Critical wins, then what could not be audited, then warning. It does not depend on the format.
    pub fn exit_code(&self) -> u8 {
        let code = self.severity().map_or(0, |severity| self.fail_on.code(severity));
        let unread = !self.unread().is_empty();
        if unread && code < Severity::Critical.code() { COULD_NOT_AUDIT } else { code }
    }

    /// What could not be audited, and why; without a path, it is everything.
    pub fn unread(&self) -> Vec<(Option<&Path>, String)> {
        match &self.databases {
            Err(error) => vec![(None, error.to_string())],
            Ok(databases) => databases.iter().filter_map(Database::error).collect(),
        }
    }

    /// The same in sentences, each with its path.
    pub fn errors(&self) -> Vec<String> {
        let sentence = |(path, why): (Option<&Path>, String)| match path {
            Some(path) => format!("{}: {why}", path.display()),
            None => why,
        };
        self.unread().into_iter().map(sentence).collect()
    }

    /// All incidents, the worst first, resolved ones last.
    pub fn incidents(&self) -> Vec<Located<'_>> {
        let mut incidents: Vec<Located<'_>> = self.databases().iter().flat_map(Database::incidents).collect();
        incidents
            .sort_by_key(|located| (located.incident.status == Status::Resolved, Reverse(located.incident.severity)));
        incidents
    }
}

impl Database {
    /// A database that could not be audited.
    pub fn unread(path: &Path, error: AuditError) -> Database {
        Database { path: path.to_owned(), real_path: path.to_owned(), outcome: Err(error) }
    }

    /// Its position among several: critical first, then what could not be audited.
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
        self.outcome.as_ref().ok().map(|audited| audited.verdict.severity())
    }

    /// Its path and why it could not be audited, if it could not.
    fn error(&self) -> Option<(Option<&Path>, String)> {
        self.outcome.as_ref().err().map(|error| (Some(self.path.as_path()), error.to_string()))
    }

    /// Its incidents in the verdict's order.
    pub fn incidents(&self) -> impl Iterator<Item = Located<'_>> {
        self.outcome.iter().flat_map(move |audited| {
            audited.verdict.incidents.iter().map(move |incident| Located { database: self, audited, incident })
        })
    }
}

impl Health {
    /// Those of two databases together.
    pub fn and(self, other: Health) -> Health {
        Health {
            watched: self.watched + other.watched,
            unaffected: self.unaffected + other.unaffected,
            blocked: self.blocked + other.blocked,
        }
    }

    /// Whether there are several jobs, and all are fine.
    pub fn is_perfect(self) -> bool {
        self.watched > 1 && self.unaffected == self.watched && self.blocked == 0
    }

    /// `5 of 6 jobs are fine`; where nothing would run, `2 of 8 jobs are not due yet`.
    pub fn in_words(self) -> String {
        let Health { watched, unaffected, blocked } = self;
        if watched == 0 {
            return "no job is watched".to_owned();
        }
        if blocked > 0 && blocked == unaffected {
            return format!("{blocked} of {} {} not due yet", count(watched, "job"), are(blocked, watched));
        }
        let fine = unaffected - blocked;
        if fine == watched {
            return format!("{} {} fine", count(fine, "job"), are(fine, watched));
        }
        format!("{fine} of {} {} fine", count(watched, "job"), are(fine, watched))
    }
}

/// The verb of so many jobs, of one or more.
fn are(number: usize, of: usize) -> &'static str {
    if number == 1 || of == 1 { "is" } else { "are" }
}

impl Audited {
    /// The selected jobs.
    pub fn jobs(&self) -> impl Iterator<Item = &JobReport> {
        self.verdict.jobs.iter().filter(|report| report.selected)
    }

    /// What shows that the scheduler works: its last run, its next one, and how long its process has been up.
    pub fn proof_of_life(&self, now: Instant) -> Option<Text> {
        let newest = self.jobs().filter_map(|report| report.metrics.last_fire).max();
        let watched = self.jobs().filter(|report| report.job.state.is_watched());
        let next = watched.filter_map(|report| report.job.next_run()).filter(|next| *next > now).min();
        let fire = newest.map(|at| text!["last run ", at, " (", span(now.since(at)), " ago)"]);
        let next = next.map(|at| text!["next run ", at]);
        let process = match &self.verdict.liveness.holder {
            Holder::Process(process) => Some(match process.started {
                Some(started) => text![process.label(), " up ", span(now.since(started))],
                None => text![process.label(), " is up"],
            }),
            Holder::Unseen => Some("a process has the database open".into()),
            Holder::Unknown | Holder::Perhaps(_) | Holder::Nobody => None,
        };
        let parts: Vec<Text> = [fire, next, process].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| Text::join(&parts, ", "))
    }

    /// The zone of schedules that name none, and why it is that one; None where nothing depends on it.
    pub fn zone_in_words(&self) -> Option<String> {
        let zone = self.verdict.zone.zone.name();
        match self.verdict.zone.basis {
            ZoneBasis::Given => Some(format!("cron in {zone}")),
            ZoneBasis::NextRuns(1) => Some(format!("cron in {zone}, by 1 job's next run")),
            ZoneBasis::NextRuns(jobs) => Some(format!("cron in {zone}, by {jobs} jobs' next runs")),
            ZoneBasis::Machine => Some(format!("cron in {zone}, this machine's zone")),
            ZoneBasis::Irrelevant => None,
        }
    }

    /// How many of the watched jobs are fine.
    pub fn health(&self) -> Health {
        let verdict = &self.verdict;
        let ongoing = || {
            verdict
                .incidents
                .iter()
                .chain(verdict.muted.iter().map(|one| &one.incident))
                .filter(|one| one.status == Status::Ongoing)
        };
        let affected: HashSet<JobIndex> = ongoing().flat_map(|incident| &incident.jobs).map(|one| one.job).collect();
        let is_blocked = ongoing().any(|incident| incident.lead.stops_all);
        let mut health = Health::default();
        for (position, report) in verdict.jobs.iter().enumerate() {
            if !report.selected || !report.job.state.is_watched() {
                continue;
            }
            health.watched += 1;
            let is_overdue = is_blocked && report.job.next_run().is_some_and(|next| next <= self.settings.now);
            if !affected.contains(&JobIndex::at(position)) && !is_overdue {
                health.unaffected += 1;
                health.blocked += usize::from(is_blocked);
            }
        }
        health
    }

    /// What is found, in a few words: how many incidents there are, or that none is, and how many jobs are fine.
    pub fn in_words(&self) -> String {
        let health = self.health().in_words();
        let muted = self.verdict.count_muted();
        let muted = if muted > 0 { format!("; {muted} muted") } else { String::new() };
        match self.verdict.incidents.len() {
            0 => format!("{health}{muted}"),
            incidents => format!("{}; {health}{muted}", count(incidents, "incident")),
        }
    }

    /// The jobs that are not watched: how many of each state there are.
    pub fn unwatched(&self) -> Vec<(&'static str, usize)> {
        let mut counts = BTreeMap::new();
        let unwatched = self.jobs().filter(|report| !report.job.state.is_watched());
        unwatched.for_each(|report| *counts.entry(report.job.state.word()).or_insert(0) += 1);
        counts.into_iter().collect()
    }

    /// The zone that is assumed, if that is a guess and something depends on it.
    pub fn guessed_zone(&self) -> Option<String> {
        match self.verdict.zone.basis {
            ZoneBasis::Machine => self.zone_in_words(),
            ZoneBasis::Given | ZoneBasis::NextRuns(_) | ZoneBasis::Irrelevant => None,
        }
    }

    /// What else the audit covers, where there is something to say: the jobs that are skipped, and the zone that is assumed.
    pub fn scope(&self) -> Option<String> {
        let counts = self.unwatched();
        let total: usize = counts.iter().map(|(_, jobs)| jobs).sum();
        let words: Vec<String> = counts.iter().map(|(word, jobs)| format!("{jobs} {word}")).collect();
        let skipped = (total > 0).then(|| format!("{total} not watched ({})", words.join(", ")));
        let parts: Vec<String> = skipped.into_iter().chain(self.zone_in_words()).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Until when which jobs are not judged, if it is quiet.
    pub fn quiet_in_words(&self, calendar: Calendar) -> Option<String> {
        let Unjudged { jobs, until } = self.verdict.unjudged?;
        Some(format!("quiet until {}: {} not judged", calendar.minute_of_day(until), count(jobs, "due job")))
    }

    /// How many of them are watched.
    pub fn watched(&self) -> usize {
        self.jobs().filter(|report| report.job.state.is_watched()).count()
    }
}

/// How many databases there are of each severity, as `2 critical, 1 ok`; they come worst first.
pub fn counts(worst_first: &[&Database]) -> String {
    let word = |database: &Database| database.severity().map_or(UNREAD, Severity::word);
    let count_of = |group: &[&Database]| format!("{} {}", group.len(), word(group[0]));
    worst_first.chunk_by(|a, b| word(a) == word(b)).map(count_of).collect::<Vec<_>>().join(", ")
}

/// What the fix of an incident needs to be run, each as a line that can be pasted into a shell.
pub fn commands(located: &Located<'_>) -> Vec<String> {
    let command = |action: &Action| match action {
        Action::Sql(statement) => shell::sqlite3(&located.database.path, statement),
        Action::Shell(command) => command.clone(),
    };
    located.incident.remedy.actions.iter().map(command).collect()
}

/// The fix of an incident in a line, with the scheduler's own commands; statements are too long for that.
pub fn fix_in_a_line(incident: &Incident) -> String {
    let is_short = |action: &Action| match action {
        Action::Shell(command) => Some(command.clone()),
        Action::Sql(_) => None,
    };
    let commands: Vec<String> = incident.remedy.actions.iter().filter_map(is_short).collect();
    let step = incident.remedy.text();
    if commands.is_empty() { step } else { format!("{step} Run: {}", commands.join("; ")) }
}

/// What shows an incident, what that suggests, and its error, in sentences.
pub fn evidence_in_sentences(incident: &Incident) -> String {
    let likely = incident.text.inferred.as_ref().map(|inferred| format!(" Likely: {inferred}."));
    format!("{}.{}{}", incident.text.seen(), likely.unwrap_or_default(), error_in_a_sentence(incident))
}

/// The last error of an incident in a sentence, unless its headline says it; empty if there is none.
fn error_in_a_sentence(incident: &Incident) -> String {
    match incident.error.as_deref().map(without_wrappers) {
        Some(error) if !incident.headline.to_string().contains(error.trim_end_matches('.')) => {
            format!(" Error: {}.", error.trim_end_matches('.'))
        }
        _ => String::new(),
    }
}

/// `since 2026-04-29 05:00 UTC`, or `resolved 2026-05-01 06:00 UTC`; None if neither is known.
pub fn when(incident: &Incident, show: impl Fn(Instant) -> String) -> Option<String> {
    match (incident.lead.since, incident.until) {
        (_, Some(until)) => Some(format!("resolved {}", show(until))),
        (Some(since), None) => Some(format!("since {}", show(since))),
        (None, None) => None,
    }
}

/// What is muted, until when, and why, as far as the operator says.
pub fn muted_in_words(muted: &MutedIncident, show: impl Fn(Instant) -> String) -> String {
    let end = muted.by.as_ref().and_then(|mute| mute.until).map(|until| format!(" until {}", show(until)));
    let reason = muted.by.as_ref().and_then(|mute| mute.reason.as_ref()).map(|reason| format!(": {reason}"));
    let headline = &muted.incident.headline;
    format!("{headline} (muted{}{})", end.unwrap_or_default(), reason.unwrap_or_default())
}

/// An instant to the minute, with its zone.
pub fn utc_minute(at: Instant) -> String {
    format!("{} UTC", at.minute())
}
