//! The table for people: what is wrong in the first line, what to do in the last ones.
//!
//! A screen is made of blocks with an empty line between them: the worst incident, its commands, the other incidents, what is only
//! information, the list of all jobs, and the foot.

mod foot;
mod grid;
mod history;
mod incident;
mod jobs;
mod others;
mod page;
mod screen;
mod several;
mod strip;
mod toll;
mod wrap;

use super::content::Report;
use crate::terminal::Style;
use page::{FIRST, Page, Verdict};
use std::io::{Result, Write};

/// Whether a line begins with a verdict, as the first one does, or the second one below the path of a database.
pub fn begins_with_verdict(line: &str) -> bool {
    Verdict::ALL.iter().any(|verdict| line.starts_with(&format!("{:<FIRST$}", verdict.word())))
}

/// Writes the whole report as text; `all` lists every job.
///
/// # Errors
/// Why it can't be written.
pub fn render(report: &Report, style: Style, all: bool, out: &mut dyn Write) -> Result<()> {
    let page = Page { style, all, now: report.now, history: report.history };
    let blocks = match &report.databases {
        Err(error) => vec![page.verdict(Verdict::Unread, &error.to_string()), foot::of_nothing(&page)],
        Ok(databases) => match databases.as_slice() {
            [one] => screen::of_one(&page, one),
            several => several::blocks(&page, several),
        },
    };
    for (position, block) in blocks.iter().enumerate() {
        let gap = if position == 0 { "" } else { "\n" };
        write!(out, "{gap}{block}")?;
    }
    Ok(())
}
