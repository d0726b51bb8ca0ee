//! Tables: columns with two spaces between them.

use super::page::{DIM, Page};
use super::wrap::{padded, right, wrap};
use unicode_width::UnicodeWidthStr;

/// A column of words is not made narrower.
const MIN_WORDS: usize = 10;

/// A column.
pub struct Column {
    head: &'static str,
    cells: Vec<String>,
    is_right: bool,
    /// Its least width.
    least: usize,
}

impl Column {
    /// A column of text.
    pub fn left(head: &'static str, cells: Vec<String>) -> Column {
        Column { head, cells, is_right: false, least: 0 }
    }

    /// A column of numbers, at least so wide.
    pub fn right(head: &'static str, cells: Vec<String>, least: usize) -> Column {
        Column { head, cells, is_right: true, least }
    }

    /// The width of its widest cell.
    pub fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.width());
        cells.chain([self.head.width(), self.least]).max().unwrap_or(0)
    }

    fn show(&self, text: &str, width: usize) -> String {
        if self.is_right { right(text, width) } else { padded(text, width) }
    }
}

/// The width of some columns side by side.
pub fn width(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width() + 2).sum::<usize>().saturating_sub(2)
}

/// The line of heads, then one for each row.
pub fn lines(page: &Page, columns: &[Column]) -> Vec<String> {
    let row = |cell: &dyn Fn(&Column) -> String| {
        let cells: Vec<String> = columns.iter().map(|column| column.show(&cell(column), column.width())).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let mut lines = vec![page.paint(&row(&|column| column.head.to_owned()), DIM)];
    for position in 0..rows {
        lines.push(row(&|column| column.cells.get(position).cloned().unwrap_or_default()));
    }
    lines
}

/// The same with one column of words, which takes the room that is left and is wrapped in it.
pub fn lines_with_words(page: &Page, columns: &[Column], words: usize, total: usize) -> Vec<String> {
    let others: usize = columns.iter().enumerate().filter(|(at, _)| *at != words).map(|(_, one)| one.width() + 2).sum();
    let room = total.saturating_sub(others).max(MIN_WORDS);
    let mut lines = Vec::new();
    for position in 0..=columns[words].cells.len() {
        let cell = |column: &Column| match position.checked_sub(1) {
            None => column.head.to_owned(),
            Some(row) => column.cells[row].clone(),
        };
        let mut line = String::new();
        for (at, part) in wrap(&cell(&columns[words]), room).iter().enumerate() {
            let row: Vec<String> = (columns.iter().enumerate())
                .map(|(column_at, column)| match (column_at == words, at) {
                    (true, _) => padded(part, room),
                    (false, 0) => column.show(&cell(column), column.width()),
                    (false, _) => " ".repeat(column.width()),
                })
                .collect();
            line += &format!("{}\n", row.join("  ").trim_end());
        }
        lines.push(line);
    }
    if let Some(head) = lines.first_mut() {
        *head = page.paint(head.trim_end(), DIM) + "\n";
    }
    lines
}
