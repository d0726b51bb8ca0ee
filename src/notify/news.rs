//! What is new in a report, compared with what was told.

use super::state::{Entry, State, name_of};
use crate::audit::Incident;
use crate::catalog::{Severity, Status};
use crate::report::{Located, Report, commands, sanitize, utc_minute, when};
use crate::time::{Instant, Millis, span};

const MAX_TITLE_LEN: usize = 200;
const MAX_TEXT_LEN: usize = 600;
const MAX_HOST_LEN: usize = 100;
/// Stands for the fingerprint of a database that can't be audited.
const UNREAD: &str = "unread";

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

/// What is to be told, the worst first. What was told of a database that is not audited now, or can't be, is not over.
pub fn find(report: &Report, state: &State, wanted: &Wanted, scope: &str) -> Vec<News> {
    let finder = Finder { report, state, wanted, scope };
    let mut news: Vec<News> = report.incidents().iter().filter_map(|located| finder.lasting(located)).collect();
    news.extend(report.unread().into_iter().filter_map(|(path, why)| finder.unread(path.map(name_of), &why)));
    news.sort_by_key(|one| (std::cmp::Reverse(one.entry.severity), one.event));
    news.extend(state.told.iter().filter_map(|entry| finder.over(entry)));
    news
}

/// Whether the operator has muted an incident that was told: it is neither over nor told again.
pub fn is_muted(entry: &Entry, report: &Report, scope: &str) -> bool {
    report.audited().any(|(database, audited)| {
        entry.is_of(&name_of(&database.path), scope)
            && audited.verdict.muted.iter().any(|muted| muted.fingerprint == entry.fingerprint)
    })
}

struct Finder<'a> {
    report: &'a Report,
    state: &'a State,
    wanted: &'a Wanted,
    scope: &'a str,
}

impl Finder<'_> {
    fn now(&self) -> Instant {
        self.report.now
    }

    /// What happened to something that lasts; None if there is nothing to tell.
    fn event(&self, known: Option<&Entry>, severity: Severity) -> Option<Event> {
        let Some(known) = known else { return (severity >= self.wanted.least).then_some(Event::New) };
        let waited = self.now().since(Instant::from_millis(known.told_at));
        if severity > known.severity {
            Some(Event::Worse)
        } else if self.wanted.remind.is_some_and(|remind| waited >= remind) && severity >= self.wanted.least {
            Some(Event::Reminder)
        } else {
            None
        }
    }

    fn lasting(&self, located: &Located<'_>) -> Option<News> {
        let Located { database, incident, .. } = located;
        let name = name_of(&database.path);
        let known = self.state.entry(&name, self.scope, &incident.fingerprint);
        if incident.status != Status::Ongoing {
            return None;
        }
        let event = self.event(known, incident.severity)?;
        let headline = sanitize::text(&incident.headline.to_string(), MAX_TITLE_LEN);
        let entry = self.entry(name, &incident.fingerprint, incident.severity, headline, incident.since);
        let title = title(event, &entry);
        let text = format!("{title}\n{}", details(located));
        Some(News { event, title, text, entry })
    }

    /// News of a database that can't be audited; without a name, of everything.
    fn unread(&self, database: Option<String>, why: &str) -> Option<News> {
        let name = database.unwrap_or_default();
        let event = self.event(self.state.entry(&name, self.scope, UNREAD), Severity::Critical)?;
        let what =
            if name.is_empty() { "nothing could be audited".to_owned() } else { "could not be audited".to_owned() };
        let entry = self.entry(name, UNREAD, Severity::Critical, what, Some(self.now()));
        let title = title(event, &entry);
        let text = format!("{title}\n  {}\n  {}\n", shown(&entry.database), sanitize::text(why, MAX_TEXT_LEN));
        Some(News { event, title, text, entry })
    }

    /// That something is over, if its database was audited and does not have it any more.
    fn over(&self, entry: &Entry) -> Option<News> {
        if entry.scope != self.scope {
            return None;
        }
        let mut audited = self.report.audited();
        let here = audited.find(|(database, _)| name_of(&database.path) == entry.database);
        let ended = match here {
            None if entry.database.is_empty() && self.report.databases.is_ok() => Some(self.now()),
            None => None,
            Some((_, audited)) => {
                let verdict = &audited.verdict;
                let is_it = |one: &&Incident| one.fingerprint == entry.fingerprint;
                let lasts = verdict.incidents.iter().filter(is_it).any(|one| one.status == Status::Ongoing);
                let resolved = verdict.incidents.iter().find(is_it).and_then(|one| one.until);
                let muted = verdict.muted.iter().any(|one| one.fingerprint == entry.fingerprint);
                (!lasts && !muted).then(|| resolved.unwrap_or(self.now()))
            }
        }?;
        let lasted = entry.since().map_or_else(String::new, |since| format!(" after {}", span(ended.since(since))));
        let title = format!("OVER{lasted} on {}: {}", host(), entry.headline);
        let text = format!("{title}\n  {}\n", shown(&entry.database));
        Some(News { event: Event::Over, title, text, entry: entry.clone() })
    }

    fn entry(
        &self,
        database: String,
        fingerprint: &str,
        severity: Severity,
        headline: String,
        since: Option<Instant>,
    ) -> Entry {
        Entry {
            database,
            scope: self.scope.to_owned(),
            fingerprint: fingerprint.to_owned(),
            severity,
            headline,
            since: since.map(Instant::millis),
            told_at: self.now().millis(),
        }
    }
}

fn title(event: Event, entry: &Entry) -> String {
    let word = entry.severity.word().to_uppercase();
    let again = match event {
        Event::New | Event::Over => "",
        Event::Worse => ", worse than before",
        Event::Reminder => ", still",
    };
    format!("{word}{again} on {}: {}", host(), entry.headline)
}

/// What a person needs to know, in lines.
fn details(located: &Located<'_>) -> String {
    let Located { database, incident, .. } = located;
    let line = |label: &str, content: &str| format!("  {label:<8}{}\n", sanitize::text(content, MAX_TEXT_LEN));
    let mut text = line("Where", &database.path.to_string_lossy());
    when(incident, utc_minute).iter().for_each(|when| text += &line("When", when));
    text += &line("Seen", &incident.text.seen().to_string());
    incident.text.inferred.iter().for_each(|inferred| text += &line("Likely", &inferred.to_string()));
    incident.error.iter().for_each(|error| text += &line("Error", error));
    text += &line("Fix", &incident.remedy.step);
    commands(located).iter().for_each(|command| text += &(sanitize::text(command, usize::MAX) + "\n"));
    incident.remedy.then.iter().for_each(|then| text += &line("", then));
    let name = incident.cause.name();
    text + &line("More", &format!("sched-audit --explain {name}; fingerprint {}", incident.fingerprint))
}

/// The name of this machine.
pub fn host() -> String {
    sanitize::text(&rustix::system::uname().nodename().to_string_lossy(), MAX_HOST_LEN)
}

/// A database's name, safe to show.
pub fn shown(database: &str) -> String {
    sanitize::text(database, MAX_TEXT_LEN)
}
