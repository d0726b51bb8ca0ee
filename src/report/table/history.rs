//! The history of a job: one line for each stretch of slots that had the same fate, the newest first.

use super::foot;
use super::grid::{Column, lines_with_words};
use super::jobs::{schedule, tokens, used};
use super::page::{PLAIN, Page, shown_name};
use crate::audit::{Entry, JobReport, Tally, without_wrappers};
use crate::numbers::{count, grouped};
use crate::report::content::{Audited, Database};
use crate::report::sanitize;
use crate::text::NO_BREAK;
use crate::time::{Instant, span};

/// The position of the words among the columns: the only text that may be broken.
const WORDS: usize = 3;
/// Stretches of one job, unless all are asked for.
const MAX_STRETCHES: usize = 100;
/// Errors stand below the words of their stretch.
const ERROR_INDENT: usize = 13;
const MAX_ERROR_LEN: usize = 200;
/// The width of a cost, so that tables look alike.
const COST: usize = 7;
/// The table needs no more; on a narrower terminal, it has no costs.
const MAX_WIDTH: usize = 80;

/// The table of each job, with its foot.
pub fn blocks(page: &Page, database: &Database, audited: &Audited) -> Vec<String> {
    audited.jobs().flat_map(|report| of_job(page, database, report)).collect()
}

fn of_job(page: &Page, database: &Database, report: &JobReport) -> [String; 2] {
    let entries: Vec<Entry<'_>> = report.history().collect();
    let next = match report.job.next_run().filter(|next| report.job.state.is_watched() && *next > page.now) {
        Some(next) => format!("next {}", page.short(next)),
        None => "none next".to_owned(),
    };
    let place = foot::place(
        page,
        database,
        &format!(
            "; {} ({}), {next}",
            shown_name(report.job.label()),
            schedule(report).replace(' ', &NO_BREAK.to_string())
        ),
    );
    if entries.is_empty() {
        return [page.line("no run is known, and none is due", PLAIN), place];
    }
    [table(page, &entries), place + &page.line(&sums(page, &entries), PLAIN)]
}

fn table(page: &Page, entries: &[Entry<'_>]) -> String {
    let shown = if page.all { entries.len() } else { entries.len().min(MAX_STRETCHES) };
    let rows = &entries[..shown];
    let cells = |cell: &dyn Fn(&Entry<'_>) -> String| rows.iter().map(cell).collect::<Vec<_>>();
    let time = |at: Instant| page.calendar.minute_of_year(at);
    let mut columns = vec![
        Column::left("FROM", cells(&|entry| time(entry.first_slot()))),
        Column::left("TO", cells(&|entry| entry.last_slot(page.now).map_or_else(|| "now".to_owned(), time))),
        Column::right("SLOTS", cells(&|entry| grouped(entry.slots())), 0),
        Column::left("WHAT BECAME OF THEM", cells(&|entry| fate(page, entry))),
        Column::right("TOOK", cells(&|entry| entry.took.map_or_else(|| "-".to_owned(), |took| span(took.median))), 0),
        Column::right("TOKENS", cells(&|entry| used(entry.usage).0), 0),
        Column::right("USD", cells(&|entry| used(entry.usage).1), COST),
    ];
    let total = page.text_width().min(MAX_WIDTH) - 1;
    if total < MAX_WIDTH - 1 {
        columns.pop();
    }
    let mut lines = lines_with_words(page, &columns, WORDS, total).into_iter();
    let mut text = lines.next().unwrap_or_default();
    let mut told: Option<&str> = None;
    for (line, entry) in lines.zip(rows) {
        text += &line;
        let Some(error) = entry.error else { continue };
        let error =
            error.text.as_deref().map(without_wrappers).unwrap_or("the error was not read, because of --no-errors");
        if told != Some(error) {
            text += &below(page, error);
            told = Some(error);
        }
    }
    if shown < entries.len() {
        text += &page.line(&format!("and {} more before that: --all", grouped((entries.len() - shown) as u64)), PLAIN);
    }
    text
}

fn below(page: &Page, error: &str) -> String {
    let lines = super::wrap::wrap(&sanitize::text(error, MAX_ERROR_LEN), page.text_width() - ERROR_INDENT);
    lines.iter().map(|line| format!("{}{line}\n", " ".repeat(ERROR_INDENT))).collect()
}

/// What became of the slots; of failures also how many runs there were, if retries make more of them than slots.
fn fate(page: &Page, entry: &Entry<'_>) -> String {
    let words = page.told(&entry.in_words());
    let runs = entry.stretch.runs.len() as u64;
    if runs > entry.slots() { format!("{words} ({})", count(runs, "run")) } else { words }
}

/// How many slots there were, what became of them, and what they cost.
fn sums(page: &Page, entries: &[Entry<'_>]) -> String {
    let tally = Tally::of(entries);
    let from = entries
        .last()
        .map_or_else(String::new, |first| format!(" from {} on", page.calendar.day_of_year(first.first_slot())));
    let parts = [(tally.ran, "ran"), (tally.failed, "failed"), (tally.lost, "lost"), (tally.other, "excused")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(slots, _)| *slots > 0)
        .map(|(slots, word)| format!("{} {word}", grouped(slots)))
        .collect();
    let mut text = format!("{}{from}: {}", count(tally.all(), "slot"), parts.join(", "));
    let mut used = Vec::new();
    if let Some(number) = tally.tokens {
        used.push(format!("{} tokens", tokens(number)));
    }
    if let Some(cost) = tally.cost_usd {
        used.push(crate::numbers::usd(cost));
    }
    if !used.is_empty() {
        text += &format!("; {}", used.join(", "));
    }
    text
}
