//! What a message says.

use super::event::Event;
use super::state::{Damage, Entry};
use crate::catalog::Problem;
use crate::numbers::{as_u64, count, grouped};
use crate::report::{Located, commands, sanitize, utc_minute, when};
use crate::time::{Instant, span};

const MAX_TEXT_LEN: usize = 600;
const MAX_HOST_LEN: usize = 100;
const MAX_NAME_LEN: usize = 120;
/// Jobs that are named.
const NAMED: usize = 3;

/// What happened, in one line.
pub fn title(event: Event, entry: &Entry) -> String {
    let word = entry.severity.word().to_uppercase();
    let again = match event {
        Event::New | Event::Over => "",
        Event::Worse => ", worse than before",
        Event::Reminder => ", still",
    };
    format!("{word}{again} on {}: {}", host(), entry.headline)
}

/// That something is over, in one line.
pub fn title_of_end(entry: &Entry, ended: Instant) -> String {
    let lasted = entry.since().map_or_else(String::new, |since| format!(" after {}", span(ended.since(since))));
    format!("OVER{lasted} on {}: {}", host(), entry.headline)
}

/// What a person needs to know of something that lasts, in lines.
pub fn of_lasting(located: &Located<'_>, entry: &Entry) -> String {
    let incident = located.incident;
    let mut text = line("Where", &entry.database);
    text += &jobs(&entry.damage);
    when(incident, utc_minute).iter().for_each(|when| text += &line("When", when));
    text += &line("Seen", &incident.text.seen().to_string());
    incident.text.inferred.iter().for_each(|inferred| text += &line("Likely", &inferred.to_string()));
    incident.error.iter().for_each(|error| text += &line("Error", error));
    text += &line("Do", &incident.remedy.step);
    commands(located).iter().for_each(|command| text += &(sanitize::text(command, usize::MAX) + "\n"));
    incident.remedy.then.iter().for_each(|then| text += &line("", then));
    text + &more(incident.cause.name(), &entry.fingerprint)
}

/// What is to be known of a database that can't be audited, in lines.
pub fn of_unread(entry: &Entry, why: &str) -> String {
    let place = if entry.database.is_empty() { String::new() } else { line("Where", &entry.database) };
    place + &line("Why", why)
}

/// What was wrong, for how long, and what it cost, in lines.
pub fn of_end(entry: &Entry, ended: Instant) -> String {
    let damage = &entry.damage;
    let place = if entry.database.is_empty() { String::new() } else { line("Where", &entry.database) };
    let mut text = place + &jobs(damage);
    if let Some(since) = entry.since() {
        let lasted = span(ended.since(since));
        text += &line("When", &format!("from {} to {} ({lasted})", utc_minute(since), utc_minute(ended)));
    }
    let Some(problem) = Problem::named(&damage.cause) else { return text };
    text += &line("Problem", problem.meaning());
    if !damage.jobs.is_empty() {
        let lost = if damage.lost == 0 { "no slot".to_owned() } else { count(damage.lost, "slot") };
        text += &line("Lost", &lost);
    }
    text + &more(problem.name(), &entry.fingerprint)
}

/// The first jobs, and how many more there are.
fn jobs(damage: &Damage) -> String {
    let named: Vec<String> = damage.jobs.iter().take(NAMED).map(|name| sanitize::text(name, MAX_NAME_LEN)).collect();
    let label = if damage.jobs.len() == 1 { "Job" } else { "Jobs" };
    match damage.jobs.len().saturating_sub(NAMED) {
        _ if named.is_empty() => String::new(),
        0 => line(label, &named.join(", ")),
        more => line(label, &format!("{}, and {} more", named.join(", "), grouped(as_u64(more)))),
    }
}

fn more(problem: String, fingerprint: &str) -> String {
    line("More", &format!("sched-audit --explain {problem}; fingerprint {fingerprint}"))
}

fn line(label: &str, content: &str) -> String {
    format!("  {label:<8}{}\n", sanitize::text(content, MAX_TEXT_LEN))
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
    use super::*;

    #[test]
    fn the_first_three_jobs_are_named_and_the_others_counted() {
        let of = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            jobs(&Damage { jobs: names, ..Damage::default() })
        };
        assert_eq!(of(&[]), "");
        assert_eq!(of(&["a"]), "  Job     a\n");
        assert_eq!(of(&["a", "b", "c"]), "  Jobs    a, b, c\n");
        assert_eq!(of(&["a", "b", "c", "d", "e\n"]), "  Jobs    a, b, c, and 2 more\n");
    }
}
