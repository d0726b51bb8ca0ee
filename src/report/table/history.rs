//! The history of a job: one line for each stretch of slots that had the same fate.

use super::{MAX_ERROR_LEN, Page, schedule, shown_name, trimmed, used};
use crate::audit::{Entry, JobReport, Took};
use crate::numbers::grouped;
use crate::report::sanitize;
use crate::time::span;
use comfy_table::{CellAlignment, ColumnConstraint};

const HEADS: [&str; 7] = ["FROM", "TO", "SLOTS", "RESULT", "TOOK", "TOKENS", "USD"];
/// The position of the words, the only text that may be broken; numbers are beside it.
const WORDS: usize = 3;
/// Stretches of one job, unless all are asked for.
const MAX_STRETCHES: usize = 100;

impl Page {
    /// What became of a job's slots, newest first, and the error that its row still has.
    pub fn history(&self, report: &JobReport) -> String {
        let entries = report.history();
        let shown = if self.all { entries.len() } else { entries.len().min(MAX_STRETCHES) };
        let rest = entries.len() - shown;
        let head = format!("History of {} ({}), newest first", shown_name(report), schedule(report));
        let mut text = format!("\n{}\n", self.wrapped(&head));
        if shown == 0 {
            return text + "  no run is known, and none is due\n";
        }
        let mut table = self.plain_table();
        table.set_header(HEADS);
        let mut error = None;
        for entry in entries.take(shown) {
            table.add_row(self.cells(&entry));
            error = error.or(entry.error);
        }
        for (position, column) in table.column_iter_mut().enumerate() {
            if position != WORDS {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
            if position + 1 >= WORDS && position != WORDS {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        text += &trimmed(&table);
        if rest > 0 {
            text += &format!("  and {} more before that (--all)\n", grouped(rest as u64));
        }
        if let Some(error) = error {
            let error = error.text.as_deref().unwrap_or("not read, because of --no-errors");
            text += &self.labeled(&[("Error", sanitize::text(error, MAX_ERROR_LEN))]);
        }
        text
    }

    fn cells(&self, entry: &Entry<'_>) -> [String; 7] {
        let stretch = entry.stretch;
        let (tokens, cost) = used(entry.usage);
        [
            self.short(stretch.since),
            stretch.until.map_or_else(|| "now".to_owned(), |until| self.short(until)),
            grouped(stretch.slots),
            self.told(&entry.in_words()),
            entry.took.map_or_else(|| "-".to_owned(), in_words),
            tokens,
            cost,
        ]
    }
}

/// The usual length of runs, and the longest if that is another.
fn in_words(took: Took) -> String {
    let median = span(took.median);
    if took.longest > 2 * took.median { format!("{median} (max {})", span(took.longest)) } else { median }
}
