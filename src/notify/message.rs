//! What a message says: the words of the screen, with where that is before them and what comes next behind them.

use super::event::Event;
use super::event::Wanted;
use super::state::{Damage, Entry, UNREAD};
use crate::catalog::{Problem, Severity};
use crate::numbers::{as_u64, count, grouped};
use crate::report::message::{facts, line, remedy, runs_since_the_end};
use crate::report::{Calendar, Located, sanitize};
use crate::time::span;
use std::path::Path;

const MAX_TEXT_LEN: usize = 600;
const MAX_HOST_LEN: usize = 100;
const MAX_NAME_LEN: usize = 120;
/// Jobs that are named.
const NAMED: usize = 3;

/// What happened, in one line.
pub fn title(event: Event, entry: &Entry) -> String {
    let again = match event {
        Event::New | Event::Over => "",
        Event::Worse => "Worse: ",
        Event::Reminder => "Still: ",
    };
    format!("{again}{} on {}: {}", entry.severity.word().to_uppercase(), host(), entry.headline)
}

/// That something is over, in one line.
pub fn title_of_end(headline: &str) -> String {
    format!("OVER on {}: {headline}", host())
}

/// What a person needs to know of something that lasts, below its title.
pub fn of_lasting(located: &Located<'_>, entry: &Entry, wanted: &Wanted, calendar: Calendar) -> String {
    let explained = explained(&entry.damage.cause).unwrap_or_default();
    let told = format!("Told {}.{explained}\n", calendar.minute(calendar.now));
    let next = format!("Fingerprint {}. {}\n", entry.fingerprint, next(entry.severity, wanted));
    format!("{}{}{}\n{told}{next}", place(entry), facts(located, calendar), remedy(located, calendar))
}

/// What is to be known of a database that can't be audited.
pub fn of_unread(entry: &Entry, why: &str, calendar: Calendar) -> String {
    let since = entry.since().map_or_else(String::new, |since| line("Since", &calendar.minute(since)));
    let told = calendar.minute(calendar.now);
    let next = "The next message is that it can be audited again.";
    format!("{}{since}{}\nTold {told}. {next}\n", place(entry), line("Error", why))
}

/// From when to when, what was lost, and that it works again: of what the audit still shows.
pub fn of_end(located: &Located<'_>, entry: &Entry, calendar: Calendar) -> String {
    let seen = runs_since_the_end(located, calendar).unwrap_or_default();
    format!(
        "{}{}{seen}{}{}",
        place(entry),
        facts(located, calendar),
        remedy(located, calendar),
        last_line(entry, calendar)
    )
}

/// The same of what the audit does not show any more, by what is remembered of it.
pub fn of_forgotten_end(entry: &Entry, calendar: Calendar) -> String {
    let lost = match entry.damage.lost {
        0 => String::new(),
        lost => format!(": {} lost", count(lost, "run")),
    };
    let from = entry.since().map_or_else(String::new, |since| format!("{} ", calendar.bare_minute(since)));
    let times = line("From", &format!("{from}to {}{lost}", calendar.minute(calendar.now)));
    format!("{}{times}{}", place(entry), last_line(entry, calendar))
}

/// What is remembered as a headline, when it is over.
pub fn forgotten_headline(entry: &Entry, calendar: Calendar) -> String {
    let after = entry.since().map_or_else(String::new, |since| format!(" after {}", span(calendar.now.since(since))));
    if let Some(expected) = &entry.expected {
        return format!("{} is there again{after}", sanitize::text(&expected.pattern, MAX_NAME_LEN));
    }
    if Problem::named(&entry.damage.cause) == Some(Problem::Undelivered) {
        return format!("messages of {} arrive again{after}", names(&entry.damage.jobs));
    }
    match entry.database.as_str() {
        _ if entry.fingerprint != UNREAD => format!("no longer so{after}: {}", entry.headline),
        "" => format!("audits work again{after}"),
        database => format!("{} can be audited again{after}", file_name(Path::new(database))),
    }
}

/// Jobs in a headline: two by their names, of more how many they are.
fn names(jobs: &[String]) -> String {
    match jobs {
        few @ ([_] | [_, _]) => sanitize::text(&few.join(" and "), 2 * MAX_NAME_LEN),
        several => count(several.len(), "job"),
    }
}

/// The headline of a database that can't be audited; without a path, of everything.
pub fn headline_of_unread(path: Option<&Path>) -> String {
    match path {
        Some(path) => format!("{} could not be audited", file_name(path)),
        None => "nothing could be audited".to_owned(),
    }
}

/// The end of a path, which fits into a headline.
fn file_name(path: &Path) -> String {
    sanitize::text(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy(), MAX_NAME_LEN)
}

/// Which database it is, and which jobs, if the headline does not name them all.
fn place(entry: &Entry) -> String {
    let database = match entry.database.as_str() {
        "" => String::new(),
        database => line("Where", &format!("{database} on {}", host())),
    };
    format!("\n{database}{}", jobs(&entry.damage, &entry.headline))
}

/// The first jobs, and how many more there are.
fn jobs(damage: &Damage, headline: &str) -> String {
    let named: Vec<String> = damage.jobs.iter().take(NAMED).map(|name| sanitize::text(name, MAX_NAME_LEN)).collect();
    let more = damage.jobs.len() - named.len();
    let label = if damage.jobs.len() == 1 { "Job" } else { "Jobs" };
    match more {
        0 if named.iter().all(|name| headline.contains(name)) => String::new(),
        0 => line(label, &named.join(", ")),
        more => line(label, &format!("{}, and {} more", named.join(", "), grouped(as_u64(more)))),
    }
}

fn explained(cause: &str) -> Option<String> {
    Problem::named(cause).map(|problem| format!(" More: sched-audit --explain {}", problem.name()))
}

/// What is told of it next.
fn next(severity: Severity, wanted: &Wanted) -> String {
    let worse = if severity < Severity::Critical { ", or worse" } else { "" };
    match wanted.remind {
        None => format!("The next message is that it is over{worse}."),
        Some(remind) => format!("The next message is that it is over{worse}, or a reminder in {}.", span(remind)),
    }
}

fn last_line(entry: &Entry, calendar: Calendar) -> String {
    format!("\nTold {}. Fingerprint {}\n", calendar.minute(calendar.now), entry.fingerprint)
}

/// The name of this machine.
pub fn host() -> String {
    sanitize::text(&rustix::system::uname().nodename().to_string_lossy(), MAX_HOST_LEN)
}

/// A database's name, safe to show.
pub fn shown(database: &str) -> String {
    sanitize::text(database, MAX_TEXT_LEN)
}

#[cfg(test)]
mod tests {
    use super::super::state::Expected;
    use super::*;
    use crate::time::{DAY, HOUR, Instant};

    #[test]
    fn the_first_three_jobs_are_named_and_the_others_counted() {
        let of = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            jobs(&Damage { jobs: names, ..Damage::default() }, "a stands still")
        };
        assert_eq!(of(&[]), "");
        assert_eq!(of(&["a"]), "", "the headline names it");
        assert_eq!(of(&["b"]), "Job       b\n");
        assert_eq!(of(&["a", "b", "c"]), "Jobs      a, b, c\n");
        assert_eq!(of(&["a", "b", "c", "d", "e\n"]), "Jobs      a, b, c, and 2 more\n");
    }

    #[test]
    fn a_message_says_what_the_next_one_will_be() {
        let wanted = |remind| Wanted { least: Severity::Warning, remind };
        assert_eq!(next(Severity::Critical, &wanted(None)), "The next message is that it is over.");
        assert_eq!(
            next(Severity::Warning, &wanted(Some(DAY))),
            "The next message is that it is over, or worse, or a reminder in 24h."
        );
    }

    /// What was told at eight o'clock of 2 March, and that clock two hours later.
    fn told() -> (Entry, Calendar) {
        let now = Instant::from_millis(1_772_445_600_000);
        let entry = Entry {
            database: "/srv/a.db".to_owned(),
            scope: String::new(),
            fingerprint: "f".to_owned(),
            expected: None,
            severity: Severity::Warning,
            headline: "a failed".to_owned(),
            since: Some(now.plus(-2 * HOUR).millis()),
            told_at: 0,
            damage: Damage::default(),
        };
        (entry, Calendar::utc(now))
    }

    #[test]
    fn the_end_of_what_is_not_shown_any_more_says_from_when_to_when_and_what_was_lost() {
        let (mut entry, calendar) = told();
        let of = |entry: &Entry| of_forgotten_end(entry, calendar);
        assert!(of(&entry).contains("\nFrom      2026-03-02 08:00 to 2026-03-02 10:00 UTC\n"), "{}", of(&entry));
        assert!(of(&entry).ends_with("\nTold 2026-03-02 10:00 UTC. Fingerprint f\n"), "{}", of(&entry));
        (entry.since, entry.damage.lost) = (None, 3);
        assert!(of(&entry).contains("\nFrom      to 2026-03-02 10:00 UTC: 3 runs lost\n"), "{}", of(&entry));
    }

    #[test]
    fn what_is_over_and_not_shown_any_more_is_told_by_what_it_was() {
        let of = |change: &dyn Fn(&mut Entry)| {
            let (mut entry, calendar) = told();
            change(&mut entry);
            forgotten_headline(&entry, calendar)
        };
        assert_eq!(of(&|_| {}), "no longer so after 2h: a failed");
        assert_eq!(of(&|entry| entry.since = None), "no longer so: a failed");
        let unread = |entry: &mut Entry| entry.fingerprint = UNREAD.to_owned();
        assert_eq!(of(&unread), "a.db can be audited again after 2h");
        let of_nothing = of(&|entry| {
            unread(entry);
            entry.database = String::new();
        });
        assert_eq!(of_nothing, "audits work again after 2h");
        let missing = of(&|entry| {
            entry.expected = Some(Expected { pattern: "backup*".to_owned(), among: Vec::new() });
        });
        assert_eq!(missing, "backup* is there again after 2h");
        let undelivered = |jobs: &[&str]| {
            of(&|entry| {
                entry.damage.cause = Problem::Undelivered.name();
                entry.damage.jobs = jobs.iter().map(|name| (*name).to_owned()).collect();
            })
        };
        assert_eq!(undelivered(&["a"]), "messages of a arrive again after 2h");
        assert_eq!(undelivered(&["a", "b"]), "messages of a and b arrive again after 2h");
        assert_eq!(undelivered(&["a", "b", "c"]), "messages of 3 jobs arrive again after 2h");
    }
}
