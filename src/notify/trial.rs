//! `--notify-test`: a made-up incident and its end, to see that they arrive.

use super::event::Event;
use super::message;
use super::news::News;
use super::state::{Damage, Entry};
use crate::catalog::{Problem, Severity};
use crate::report::Calendar;
use crate::time::{HOUR, span};

/// How long the made-up incident has lasted.
const LASTED: i64 = 2 * HOUR;
const HEADLINE: &str = "a test of --notify, a made-up incident of example-job";
const EXPLAINED: &str = "
Nothing is wrong, and nothing is remembered of this. A real message says here
since when which jobs have what error, and what to do.
";

/// The incident, and its end.
pub fn news(calendar: Calendar) -> [News; 2] {
    let now = calendar.now;
    let entry = Entry {
        database: String::new(),
        scope: String::new(),
        fingerprint: "test".to_owned(),
        expected: None,
        severity: Severity::Critical,
        headline: HEADLINE.to_owned(),
        since: Some(now.plus(-LASTED).millis()),
        told_at: now.millis(),
        damage: Damage { cause: Problem::JobSilent.name(), jobs: vec!["example-job".to_owned()], lost: 2 },
    };
    let begin = message::title(Event::New, &entry);
    let end = message::title_of_end(&format!("{HEADLINE}, is over after {}", span(LASTED)));
    [
        News { event: Event::New, text: format!("{begin}\n{EXPLAINED}"), title: begin, entry: entry.clone() },
        News {
            event: Event::Over,
            text: format!("{end}\n{}", message::of_forgotten_end(&entry, calendar)),
            title: end,
            entry,
        },
    ]
}
