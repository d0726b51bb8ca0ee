//! The screen of one database.

use super::incident;
use super::others;
use super::page::{Page, Verdict};
use super::{foot, history, jobs};
use crate::catalog::Severity;
use crate::numbers::count;
use crate::report::content::{Audited, Database, muted_in_words};
use crate::report::sanitize;

/// Jobs in the strip of an incident that stands alone, and of one that is followed by others.
const ROWS_ALONE: usize = 5;
const ROWS: usize = 3;
const MAX_TEXT_LEN: usize = 600;

/// The blocks of a call that audits one database.
pub fn of_one(page: &Page, database: &Database) -> Vec<String> {
    let mut blocks = of_database(page, database, ROWS_ALONE);
    match &database.outcome {
        Ok(audited) if page.history => blocks.extend(history::blocks(page, database, audited)),
        _ => blocks.push(foot::of_one(page, database)),
    }
    blocks
}

/// The blocks of one of several databases: the same without the foot.
pub fn of_several(page: &Page, database: &Database) -> Vec<String> {
    let mut blocks = of_database(page, database, ROWS);
    if let (Ok(audited), true) = (&database.outcome, page.history) {
        blocks.extend(history::blocks(page, database, audited));
    }
    blocks
}

fn of_database(page: &Page, database: &Database, most_rows: usize) -> Vec<String> {
    let audited = match &database.outcome {
        Ok(audited) => audited,
        Err(error) => return vec![page.verdict(Verdict::Unread, &error.to_string())],
    };
    let incidents: Vec<_> = database.incidents().collect();
    let rows = if incidents.len() > 1 { ROWS } else { most_rows };
    let mut blocks = match incidents.split_first() {
        None => vec![all_is_well(page, audited)],
        Some((worst, _)) if page.history => {
            vec![page.verdict(Verdict::of(worst.incident), &page.calendar.text(&worst.incident.headline))]
        }
        Some((worst, further)) => {
            let mut blocks = incident::in_full(page, worst, rows);
            others::add(page, audited, &mut blocks, further);
            blocks
        }
    };
    if page.history {
        return blocks;
    }
    blocks.extend(others::information(page, audited));
    if page.all {
        blocks.extend(jobs::blocks(page, audited));
    }
    blocks.extend(notes(page, audited));
    blocks
}

/// How many jobs are fine, and what shows that they run.
fn all_is_well(page: &Page, audited: &Audited) -> String {
    let fine = audited.health().in_words();
    let headline = match audited.proof_of_life(page.now) {
        Some(proof) => format!("{fine}: {}", page.calendar.text(&proof)),
        None => fine,
    };
    let severity = audited.verdict.severity().min(Severity::Info);
    page.verdict(Verdict::Now(severity), &headline)
}

/// What could not be read or judged, and what the operator does not want to hear of.
fn notes(page: &Page, audited: &Audited) -> Option<String> {
    let notes = &audited.verdict.notes;
    let mut text: String = notes
        .iter()
        .map(|note| page.line(&format!("note: {}", sanitize::text(note, MAX_TEXT_LEN)), super::page::PLAIN))
        .collect();
    if let Some(quiet) = audited.quiet_in_words(page.calendar) {
        text += &page.line(&quiet, super::page::PLAIN);
    }
    let muted = audited.verdict.count_muted();
    if page.all {
        for one in &audited.verdict.muted {
            let told = muted_in_words(one, |at| page.short(at));
            text += &page.line(&sanitize::text(&told, MAX_TEXT_LEN), super::page::PLAIN);
        }
    }
    if muted > 0 {
        text += &page.line(&format!("{muted} muted"), super::page::PLAIN);
    }
    if audited.verdict.ignored_jobs > 0 {
        text += &page.line(&format!("ignored: {}", count(audited.verdict.ignored_jobs, "job")), super::page::PLAIN);
    }
    if let Some(zone) = audited.guessed_zone() {
        text += &page.line(&zone, super::page::PLAIN);
    }
    if text.is_empty() { None } else { Some(text) }
}
