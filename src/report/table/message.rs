//! An incident as a message tells it: the lines of the screen, without signs that need a font of one width.

use super::incident;
use super::page::Page;
use crate::model::Job;
use crate::numbers::count;
use crate::report::content::Located;
use crate::report::{Calendar, sanitize};
use crate::text::text;
use crate::time::Instant;

const MAX_TEXT_LEN: usize = 600;

/// A line with its label, wrapped like those of the screen.
pub fn line(label: &str, text: &str) -> String {
    Page::plain(Calendar::utc(Instant::MIN)).labeled(label, &sanitize::text(text, MAX_TEXT_LEN))
}

/// Since when something lasts, what it costs, and the error or what else shows it.
pub fn facts(located: &Located<'_>, calendar: Calendar) -> String {
    let page = Page::plain(calendar);
    incident::times(&page, located.audited, located.incident)
        + &incident::seen(&page, located.audited, located.incident)
}

/// What to do, and the commands for it after an empty line.
pub fn remedy(located: &Located<'_>, calendar: Calendar) -> String {
    let step = incident::step(&Page::plain(calendar), located.incident);
    match incident::shown_commands(located) {
        commands if commands.is_empty() => step,
        commands => format!("{step}\n{commands}"),
    }
}

/// The runs since the end of what is over: that it works again. None if none is on record.
pub fn runs_since_the_end(located: &Located<'_>, calendar: Calendar) -> Option<String> {
    let end = located.incident.until?;
    let jobs: Vec<&Job> = located.incident.jobs.iter().map(|one| &located.audited.verdict[one.job].job).collect();
    let runs = || jobs.iter().flat_map(|job| job.fires_since(end));
    let newest = runs().map(|run| run.end).max()?;
    let failed = match runs().filter(|run| run.is_bad()).count() {
        0 => "none failed".to_owned(),
        failed => format!("{failed} failed"),
    };
    let next = jobs.iter().filter_map(|job| job.next_run()).filter(|next| *next > calendar.now).min();
    let next = next.map(|next| text![", next run ", next]);
    let seen = text![count(runs().count(), "run"), " since then, ", failed, "; the newest at ", newest, next];
    Some(Page::plain(calendar).labeled("Seen", &Page::plain(calendar).told(&seen)))
}
