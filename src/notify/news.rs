//! What is new in a report, compared with what was told.

use super::event::{Event, Wanted};
use super::state::{Damage, Entry, Expected, State, UNREAD, Waiting};
use super::{message, place};
use crate::audit::{Evidence, Incident};
use crate::catalog::{Problem, Severity, Status};
use crate::report::{Audited, Calendar, CallError, Located, Report, sanitize};
use crate::time::{DAY, Instant, Millis};
use std::collections::HashMap;
use std::path::Path;

const MAX_TITLE_LEN: usize = 200;
/// What is remembered of a call with a broken config file may be in another file than what the next call reads.
const REMIND_OF_BROKEN_CALL: Millis = DAY;

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

/// What is so now, by the names of the state file.
pub struct Present<'a> {
    report: &'a Report,
    sight: &'a Sight,
    /// What could be audited.
    audited: HashMap<String, &'a Audited>,
    /// What lasts, as it is remembered if it is told.
    lasting: Vec<(Located<'a>, Entry)>,
    /// What can't be audited, and why; without a name, it is everything.
    unread: Vec<(Entry, String)>,
}

/// Compares what is so now with what was told.
pub struct Finder<'a> {
    /// What is so now.
    pub present: &'a Present<'a>,
    /// What was told.
    pub state: &'a State,
    /// What is to be told.
    pub wanted: &'a Wanted,
    /// Whether a database that can't be audited for the first time is left to the next call.
    pub patient: bool,
}

impl<'a> Present<'a> {
    /// What a report shows to a call that looks at this.
    pub fn new(report: &'a Report, sight: &'a Sight) -> Present<'a> {
        let ongoing = report.incidents().into_iter().filter(|located| located.incident.status == Status::Ongoing);
        let (calendar, told_at) = (report.calendar(), report.now.millis());
        Present {
            report,
            sight,
            audited: report.audited().map(|(database, audited)| (place::name_of(&database.path), audited)).collect(),
            lasting: ongoing.map(|located| (located, entry_of(&located, sight, calendar))).collect(),
            unread: report
                .unread()
                .into_iter()
                .map(|(path, why)| (entry_of_unread(path, sight, told_at), why))
                .collect(),
        }
    }

    /// What lasts, as it is remembered if it is told.
    pub fn lasting(&self) -> impl Iterator<Item = &Entry> {
        self.lasting.iter().map(|(_, entry)| entry)
    }

    /// Whether this call looks at a database that could not be audited before.
    fn looks_at(&self, waiting: &Waiting) -> bool {
        if waiting.database.is_empty() {
            return waiting.scope == self.sight.call;
        }
        let is_unread = self.unread.iter().any(|(entry, _)| entry.database == waiting.database);
        waiting.scope == self.sight.scope && (is_unread || self.audited.contains_key(&waiting.database))
    }
}

impl Finder<'_> {
    /// What is to be told, the worst first. What was told of a database that is not audited now, or can't be, is not over.
    pub fn news(&self) -> Vec<News> {
        let lasting = self.present.lasting.iter();
        let mut news: Vec<News> = lasting.filter_map(|(located, entry)| self.of_lasting(located, entry)).collect();
        news.extend(self.present.unread.iter().filter_map(|(entry, why)| self.of_unread(entry, why)));
        news.sort_by_key(|one| (std::cmp::Reverse(one.entry.severity), one.event));
        news.extend(self.state.told.iter().filter_map(|entry| self.of_end(entry)));
        news
    }

    /// What can't be audited now and was not told: it is told if the next call can't audit it either.
    pub fn waiting(&self) -> Vec<Waiting> {
        let elsewhere = self.state.waiting.iter().filter(|waiting| !self.present.looks_at(waiting)).cloned();
        let untold = self.present.unread.iter().map(|(entry, _)| entry);
        let untold = untold.filter(|entry| self.state.known(entry).is_none());
        let here = untold.map(|entry| Waiting {
            since: self.waited_since(entry).unwrap_or(self.now()).millis(),
            database: entry.database.clone(),
            scope: entry.scope.clone(),
        });
        elsewhere.chain(here).collect()
    }

    /// Whether the operator has muted an incident that was told: it is neither over nor told again.
    pub fn is_muted(&self, entry: &Entry) -> bool {
        entry.scope == self.present.sight.scope
            && self.audited(entry).is_some_and(|audited| is_muted_in(entry, audited))
    }

    fn calendar(&self) -> Calendar {
        self.present.report.calendar()
    }

    fn now(&self) -> Instant {
        self.present.report.now
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

    fn of_lasting(&self, located: &Located<'_>, entry: &Entry) -> Option<News> {
        let event = self.event(entry, self.wanted.remind)?;
        let title = message::title(event, entry);
        let text = format!("{title}\n{}", message::of_lasting(located, entry, self.wanted, self.calendar()));
        Some(News { event, title, text, entry: entry.clone() })
    }

    fn of_unread(&self, entry: &Entry, why: &str) -> Option<News> {
        // What is wrong with the call does not pass by itself.
        let is_broken_call = matches!(self.present.report.databases, Err(CallError::Options(_)));
        let remind = if is_broken_call { Some(REMIND_OF_BROKEN_CALL) } else { self.wanted.remind };
        let event = self.event(entry, remind)?;
        let waited = self.waited_since(entry);
        if event == Event::New && self.patient && !is_broken_call && waited.is_none() {
            return None;
        }
        let begin = self.state.known(entry).and_then(Entry::since).or(waited);
        let entry = Entry { since: begin.map(Instant::millis).or(entry.since), ..entry.clone() };
        let title = message::title(event, &entry);
        let text = format!("{title}\n{}", message::of_unread(&entry, why, self.calendar()));
        Some(News { event, title, text, entry })
    }

    /// That something is over, if this call could have seen it and does not.
    fn of_end(&self, entry: &Entry) -> Option<News> {
        let Present { report, sight, .. } = self.present;
        if entry.database.is_empty() {
            let is_over = entry.scope == sight.call && report.databases.is_ok();
            return is_over.then(|| self.forgotten_end(entry));
        }
        if entry.scope != sight.scope || self.present.lasting().any(|lasting| lasting.is_same(entry)) {
            return None;
        }
        if let Some(expected) = &entry.expected {
            let is_sought = sight.expected.contains(&expected.pattern) && sight.among == expected.among;
            let is_muted = report.audited().any(|(_, audited)| is_muted_in(entry, audited));
            let is_over = is_sought && self.present.unread.is_empty() && !is_muted;
            return is_over.then(|| self.forgotten_end(entry));
        }
        let audited = self.audited(entry).filter(|audited| !is_muted_in(entry, audited))?;
        let of_entry = |located: &Located<'_>| {
            std::ptr::eq(located.audited, audited) && located.incident.fingerprint == entry.fingerprint
        };
        match report.incidents().into_iter().find(of_entry) {
            Some(resolved) => Some(self.end(entry, &resolved)),
            None => Some(self.forgotten_end(entry)),
        }
    }

    /// That something is over which the audit still shows.
    fn end(&self, entry: &Entry, resolved: &Located<'_>) -> News {
        let headline = shown_headline(resolved.incident, self.calendar());
        let entry = Entry { headline, damage: damage(resolved.incident, resolved.audited), ..entry.clone() };
        let title = message::title_of_end(&entry.headline);
        let text = format!("{title}\n{}", message::of_end(resolved, &entry, self.calendar()));
        News { event: Event::Over, title, text, entry }
    }

    /// That something is over of which nothing is left but what was remembered.
    fn forgotten_end(&self, entry: &Entry) -> News {
        let title = message::title_of_end(&message::forgotten_headline(entry, self.calendar()));
        let text = format!("{title}\n{}", message::of_forgotten_end(entry, self.calendar()));
        News { event: Event::Over, title, text, entry: entry.clone() }
    }

    /// What was found in the database of an entry, if it was audited.
    fn audited(&self, entry: &Entry) -> Option<&Audited> {
        self.present.audited.get(&entry.database).copied()
    }
}

/// What is remembered of an incident if it is told.
fn entry_of(located: &Located<'_>, sight: &Sight, calendar: Calendar) -> Entry {
    let Located { database, audited, incident } = located;
    Entry {
        database: place::name_of(&database.path),
        scope: sight.scope.clone(),
        fingerprint: incident.fingerprint.clone(),
        expected: expected(incident).map(|pattern| Expected { pattern, among: sight.among.clone() }),
        severity: incident.severity,
        headline: shown_headline(incident, calendar),
        since: incident.lead.since.or(incident.since).map(Instant::millis),
        told_at: calendar.now.millis(),
        damage: damage(incident, audited),
    }
}

/// The headline of the screen.
fn shown_headline(incident: &Incident, calendar: Calendar) -> String {
    sanitize::text(&calendar.plain_text(&incident.headline), MAX_TITLE_LEN)
}

/// The same of a database that can't be audited; without a path, of everything.
fn entry_of_unread(path: Option<&Path>, sight: &Sight, told_at: i64) -> Entry {
    let scope = if path.is_some() { &sight.scope } else { &sight.call };
    Entry {
        database: path.map(place::name_of).unwrap_or_default(),
        scope: scope.clone(),
        fingerprint: UNREAD.to_owned(),
        expected: None,
        severity: Severity::Critical,
        headline: message::headline_of_unread(path),
        since: Some(told_at),
        told_at,
        damage: Damage::default(),
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
