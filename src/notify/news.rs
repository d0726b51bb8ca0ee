//! What is new in a report, compared with what was told.

use super::state::{Damage, Entry, Expected, State, Waiting};
use super::{message, place};
use crate::audit::{Evidence, Incident};
use crate::catalog::{Problem, Severity, Status};
use crate::report::{Audited, CallError, Database, Located, Report, sanitize};
use crate::time::{DAY, Instant, Millis};

const MAX_TITLE_LEN: usize = 200;
/// Stands for the fingerprint of a database that can't be audited.
const UNREAD: &str = "unread";
/// What is remembered of a call with a broken config file may be in another file than what the next call reads.
const REMIND_OF_BROKEN_CALL: Millis = DAY;

/// What happened to an incident since the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It was not told before.
    New,
    /// It was told with a lower severity.
    Worse,
    /// It has lasted for long since it was told.
    Reminder,
    /// It is over.
    Over,
}

impl Event {
    /// Its name in the environment of a command.
    pub fn word(self) -> &'static str {
        match self {
            Event::New => "new",
            Event::Worse => "worse",
            Event::Reminder => "reminder",
            Event::Over => "over",
        }
    }
}

/// Which news are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The least severity that is told.
    pub least: Severity,
    /// How long after it was told an ongoing incident is told again; None for never.
    pub remind: Option<Millis>,
}

/// What a call looks at: it says nothing about the rest.
#[derive(Debug, Default)]
pub struct Sight {
    /// What the command line names: it tells the calls apart that can audit nothing.
    pub call: String,
    /// Which jobs it selects.
    pub scope: String,
    /// The patterns that jobs must match.
    pub expected: Vec<String>,
    /// The databases and directories, sorted.
    pub among: Vec<String>,
}

/// One thing to tell.
#[derive(Debug)]
pub struct News {
    /// What happened.
    pub event: Event,
    /// In one line.
    pub title: String,
    /// In full.
    pub text: String,
    /// What is remembered of it.
    pub entry: Entry,
}

/// Compares a report with what was told.
pub struct Finder<'a> {
    /// What is so now.
    pub report: &'a Report,
    /// What was told.
    pub state: &'a State,
    /// What is to be told.
    pub wanted: &'a Wanted,
    /// What the report can say something about.
    pub sight: &'a Sight,
    /// Whether a database that can't be audited for the first time is left to the next call.
    pub patient: bool,
}

impl<'a> Finder<'a> {
    /// What is to be told, the worst first. What was told of a database that is not audited now, or can't be, is not over.
    pub fn news(&self) -> Vec<News> {
        let mut news: Vec<News> =
            self.lasting().filter_map(|(located, entry)| self.of_lasting(&located, entry)).collect();
        news.extend(self.unread().filter_map(|(entry, why)| self.of_unread(entry, &why)));
        news.sort_by_key(|one| (std::cmp::Reverse(one.entry.severity), one.event));
        news.extend(self.state.told.iter().filter_map(|entry| self.of_end(entry)));
        news
    }

    /// What lasts, as it is remembered if it was told.
    pub fn lasting(&self) -> impl Iterator<Item = (Located<'a>, Entry)> {
        let lasting = self.report.incidents().into_iter().filter(|located| located.incident.status == Status::Ongoing);
        lasting.map(|located| {
            let entry = self.entry_of(&located);
            (located, entry)
        })
    }

    /// What can't be audited, for each the entry and why; without a name, it is everything.
    pub fn unread(&self) -> impl Iterator<Item = (Entry, String)> {
        self.report.unread().into_iter().map(|(path, why)| {
            let (scope, what) = match path {
                Some(_) => (&self.sight.scope, "could not be audited"),
                None => (&self.sight.call, "nothing could be audited"),
            };
            let entry = Entry {
                database: path.map(place::name_of).unwrap_or_default(),
                scope: scope.clone(),
                fingerprint: UNREAD.to_owned(),
                expected: None,
                severity: Severity::Critical,
                headline: what.to_owned(),
                since: Some(self.now().millis()),
                told_at: self.now().millis(),
                damage: Damage::default(),
            };
            (entry, why)
        })
    }

    /// What can't be audited now and was not told: it is told if the next call can't audit it either.
    pub fn waiting(&self) -> Vec<Waiting> {
        let elsewhere = self.state.waiting.iter().filter(|waiting| !self.is_seen(waiting)).cloned();
        let untold = self.unread().map(|(entry, _)| entry).filter(|entry| self.state.known(entry).is_none());
        let here = untold.map(|entry| Waiting {
            since: self.waited_since(&entry).unwrap_or(self.now()).millis(),
            database: entry.database,
            scope: entry.scope,
        });
        elsewhere.chain(here).collect()
    }

    /// Whether the operator has muted an incident that was told: it is neither over nor told again.
    pub fn is_muted(&self, entry: &Entry) -> bool {
        entry.scope == self.sight.scope && self.audited(entry).is_some_and(|audited| is_muted_in(entry, audited))
    }

    fn now(&self) -> Instant {
        self.report.now
    }

    /// Whether this call looks at a database that could not be audited before.
    fn is_seen(&self, waiting: &Waiting) -> bool {
        let is_there = |database: &Database| place::name_of(&database.path) == waiting.database;
        if waiting.database.is_empty() {
            return waiting.scope == self.sight.call;
        }
        waiting.scope == self.sight.scope && self.report.databases().iter().any(is_there)
    }

    /// When an earlier call could not audit it.
    fn waited_since(&self, entry: &Entry) -> Option<Instant> {
        let mut waiting = self.state.waiting.iter();
        let waiting = waiting.find(|waiting| waiting.database == entry.database && waiting.scope == entry.scope);
        waiting.map(|waiting| Instant::from_millis(waiting.since))
    }

    /// What happened to something that lasts; None if there is nothing to tell.
    fn event(&self, entry: &Entry, remind: Option<Millis>) -> Option<Event> {
        let is_wanted = entry.severity >= self.wanted.least;
        let Some(known) = self.state.known(entry) else { return is_wanted.then_some(Event::New) };
        let waited = self.now().since(Instant::from_millis(known.told_at));
        // A clock that was ahead must not keep reminders away.
        let is_time = remind.is_some_and(|remind| waited >= remind || waited < 0);
        if entry.severity > known.severity {
            Some(Event::Worse)
        } else if is_time && is_wanted {
            Some(Event::Reminder)
        } else {
            None
        }
    }

    fn of_lasting(&self, located: &Located<'_>, entry: Entry) -> Option<News> {
        let event = self.event(&entry, self.wanted.remind)?;
        let title = message::title(event, &entry);
        let text = format!("{title}\n{}", message::of_lasting(located, &entry, self.now()));
        Some(News { event, title, text, entry })
    }

    fn of_unread(&self, mut entry: Entry, why: &str) -> Option<News> {
        // What is wrong with the call does not pass by itself.
        let is_broken_call = matches!(self.report.databases, Err(CallError::Options(_)));
        let remind = if is_broken_call { Some(REMIND_OF_BROKEN_CALL) } else { self.wanted.remind };
        let event = self.event(&entry, remind)?;
        let waited = self.waited_since(&entry);
        if event == Event::New && self.patient && !is_broken_call && waited.is_none() {
            return None;
        }
        let since = self.state.known(&entry).and_then(Entry::since).or(waited);
        entry.since = since.map(Instant::millis).or(entry.since);
        let title = message::title(event, &entry);
        let text = format!("{title}\n{}", message::of_unread(&entry, why));
        Some(News { event, title, text, entry })
    }

    /// That something is over, if this call could have seen it and does not.
    fn of_end(&self, entry: &Entry) -> Option<News> {
        if entry.database.is_empty() {
            let is_over = entry.scope == self.sight.call && self.report.databases.is_ok();
            return is_over.then(|| self.end(entry.clone(), self.now()));
        }
        if entry.scope != self.sight.scope || self.lasting().any(|(_, lasting)| lasting.is_same(entry)) {
            return None;
        }
        if let Some(expected) = &entry.expected {
            let is_sought = self.sight.expected.contains(&expected.pattern) && self.sight.among == expected.among;
            let is_muted = || self.report.audited().any(|(_, audited)| is_muted_in(entry, audited));
            let is_over = is_sought && self.report.unread().is_empty() && !is_muted();
            return is_over.then(|| self.end(entry.clone(), self.now()));
        }
        let audited = self.audited(entry).filter(|audited| !is_muted_in(entry, audited))?;
        let incidents = &audited.verdict.incidents;
        match incidents.iter().find(|incident| incident.fingerprint == entry.fingerprint) {
            Some(resolved) => {
                let damage = damage(resolved, audited);
                // What was lost while a job stood still may not show in its rows any more.
                let lost = damage.lost.max(entry.damage.lost);
                let entry = Entry { damage: Damage { lost, ..damage }, ..entry.clone() };
                Some(self.end(entry, resolved.until.unwrap_or(self.now())))
            }
            None => Some(self.end(entry.clone(), self.now())),
        }
    }

    fn end(&self, entry: Entry, ended: Instant) -> News {
        let title = message::title_of_end(&entry, ended);
        let text = format!("{title}\n{}", message::of_end(&entry, ended));
        News { event: Event::Over, title, text, entry }
    }

    /// What was found in the database of an entry, if it was audited.
    fn audited(&self, entry: &Entry) -> Option<&Audited> {
        let mut audited = self.report.audited();
        audited.find(|(database, _)| place::name_of(&database.path) == entry.database).map(|(_, audited)| audited)
    }

    fn entry_of(&self, located: &Located<'_>) -> Entry {
        let Located { database, audited, incident } = located;
        Entry {
            database: place::name_of(&database.path),
            scope: self.sight.scope.clone(),
            fingerprint: incident.fingerprint.clone(),
            expected: expected(incident).map(|pattern| Expected { pattern, among: self.sight.among.clone() }),
            severity: incident.severity,
            headline: sanitize::text(&incident.headline().to_string(), MAX_TITLE_LEN),
            since: incident.since.map(Instant::millis),
            told_at: self.now().millis(),
            damage: damage(incident, audited),
        }
    }
}

/// The pattern that no job matches, if that is the incident.
fn expected(incident: &Incident) -> Option<String> {
    incident.findings.iter().find_map(|finding| match &finding.evidence {
        Evidence::ExpectedMissing { expected, .. } => Some(expected.clone()),
        _ => None,
    })
}

fn damage(incident: &Incident, audited: &Audited) -> Damage {
    Damage {
        cause: incident.cause.name(),
        jobs: incident.jobs.iter().map(|one| audited.verdict[one.job].job.label().to_owned()).collect(),
        lost: incident.jobs.iter().map(|one| one.missed_slots).sum(),
    }
}

/// Whether a mute covers an incident that was told: a `[[mute]]`, or those of all of its jobs.
fn is_muted_in(entry: &Entry, audited: &Audited) -> bool {
    let verdict = &audited.verdict;
    if verdict.muted.iter().any(|muted| muted.incident.fingerprint == entry.fingerprint) {
        return true;
    }
    let Some(problem) = Problem::named(&entry.damage.cause) else { return false };
    let mut named =
        verdict.jobs.iter().filter(|report| entry.damage.jobs.iter().any(|name| name == report.job.label()));
    !entry.damage.jobs.is_empty()
        && named.clone().next().is_some()
        && named.all(|report| report.settings.mutes(problem))
}
