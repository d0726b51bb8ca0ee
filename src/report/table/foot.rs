//! The last lines: what was audited and when, how many incidents and jobs there are, and where to read more.

use super::page::{DIM, PLAIN, Page, Verdict};
use super::wrap::without_middle;
use crate::audit::Incident;
use crate::catalog::{Severity, Status};
use crate::numbers::count;
use crate::report::content::{Audited, Database, Health};
use crate::report::sanitize;
use crate::text::NO_BREAK;
use crate::time::DAY;
use std::path::Path;
use unicode_width::UnicodeWidthStr;

const MAX_PATH_LEN: usize = 4000;

/// The foot of a call that could audit nothing.
pub fn of_nothing(page: &Page) -> String {
    page.line(&now(page), DIM)
}

/// The foot of one database.
pub fn of_one(page: &Page, database: &Database) -> String {
    let mut text = place(page, database, "");
    if let Ok(audited) = &database.outcome {
        text += &of_jobs(page, audited);
    }
    text
}

/// The first line of the foot: the path, the time, and what else is of interest.
pub fn place(page: &Page, database: &Database, more: &str) -> String {
    let end = format!(", {}{more}", now(page));
    let room = page.text_width().saturating_sub(end.width()).max(page.text_width() / 2);
    let path = shown_path(page, &database.path, room);
    page.line(&format!("{path}{end}"), DIM)
}

fn now(page: &Page) -> String {
    page.calendar.minute(page.now).replace(' ', &NO_BREAK.to_string())
}

/// A path that fits into a width: home is `~`, and a long one loses its middle.
pub fn shown_path(page: &Page, path: &Path, width: usize) -> String {
    let home = std::env::var_os("HOME").filter(|home| home.len() > 1);
    let shown = match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(below) => sanitize::path(&Path::new("~").join(below), MAX_PATH_LEN),
        None => sanitize::path(path, MAX_PATH_LEN),
    };
    without_middle(&shown, width, page.ellipsis())
}

fn of_jobs(page: &Page, audited: &Audited) -> String {
    let incidents = &audited.verdict.incidents;
    let information = audited.verdict.findings().iter().filter(|located| located.incident.is_none()).count();
    let Some(worst) = incidents.first() else {
        let parts: Vec<String> = unwatched(audited).into_iter().collect();
        let counted = if information > 0 { vec![format!("{information} info")] } else { Vec::new() };
        let parts = [counted, parts].concat();
        return if parts.is_empty() { String::new() } else { page.line(&parts.join("; "), PLAIN) };
    };
    let counts = counts(page, audited, information);
    let health = audited.health();
    let all = if health.is_perfect() { "all " } else { "" };
    let text = format!("{counts}; {all}{}", health.in_words());
    match more(page, worst, incidents.len()) {
        None => page.line(&text, PLAIN),
        Some(more) if text.width() + 2 + more.width() <= page.text_width() => {
            page.line(&format!("{text}. {more}"), PLAIN)
        }
        Some(more) => page.line(&format!("{text}."), PLAIN) + &page.line(&more, PLAIN),
    }
}

/// How many incidents of each kind there are, as `3 critical, 2 warnings, 1 over`.
fn counts(page: &Page, audited: &Audited, information: usize) -> String {
    let incidents = &audited.verdict.incidents;
    let of = |verdict: Verdict| incidents.iter().filter(|incident| Verdict::of(incident) == verdict).count();
    let warnings = of(Verdict::Now(Severity::Warning));
    let mut parts = Vec::new();
    for (number, words) in [
        (of(Verdict::Now(Severity::Critical)), "critical"),
        (warnings, if warnings == 1 { "warning" } else { "warnings" }),
        (of(Verdict::Now(Severity::Info)) + information, "info"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {words}"));
        }
    }
    let over = of(Verdict::Over);
    if over > 0 {
        let until = if parts.is_empty() { warning_until(page, incidents) } else { None };
        parts.push(format!("{over} over{}", until.unwrap_or_default()));
    }
    parts.join(", ")
}

/// How long what is over still makes the exit code 1.
fn warning_until(page: &Page, incidents: &[Incident]) -> Option<String> {
    let worst = incidents.iter().filter(|incident| incident.severity == Severity::Warning);
    let until = worst.filter_map(|incident| incident.until).max()?.plus(DAY);
    Some(format!(" (a warning until {})", page.short(until)))
}

/// Where to read more: about the worst, or all of it.
fn more(page: &Page, worst: &Incident, incidents: usize) -> Option<String> {
    let command = match worst.status {
        Status::Resolved => return None,
        Status::Ongoing if incidents > 1 && !page.all => "sched-audit --all".to_owned(),
        Status::Ongoing => format!("sched-audit --explain {}", worst.cause.name()),
    };
    Some(format!("More: {}", command.replace(' ', &NO_BREAK.to_string())))
}

/// The jobs that are not watched, and why.
pub fn unwatched(audited: &Audited) -> Option<String> {
    let states = audited.unwatched();
    let total: usize = states.iter().map(|(_, jobs)| jobs).sum();
    let words: Vec<String> = states.iter().map(|(state, jobs)| format!("{jobs} {state}")).collect();
    let are = if total == 1 { "is" } else { "are" };
    (total > 0).then(|| format!("{} {are} not watched: {}", count(total, "job"), words.join(", ")))
}

/// The foot of several databases: how many of each kind there are, and how many of their jobs are fine.
pub fn of_several(page: &Page, databases: &[&Database]) -> String {
    let mut counts = Vec::new();
    let unread = databases.iter().filter(|database| database.outcome.is_err()).count();
    for severity in [Severity::Critical, Severity::Warning, Severity::Info, Severity::Ok] {
        let number = databases.iter().filter(|database| database.severity() == Some(severity)).count();
        let word = if severity == Severity::Warning && number > 1 { "warnings" } else { severity.word() };
        if number > 0 {
            counts.push(format!("{number} {word}"));
        }
        if severity == Severity::Critical && unread > 0 {
            counts.push(format!("{unread} could not be read"));
        }
    }
    let audited = databases.iter().filter_map(|database| database.outcome.as_ref().ok());
    let health: Health = audited.map(Audited::health).fold(Health::default(), Health::and);
    let text = format!("{}: {}; {}", count(databases.len(), "database"), counts.join(", "), health.in_words());
    page.line(&now(page), DIM) + &page.line(&text, PLAIN)
}
