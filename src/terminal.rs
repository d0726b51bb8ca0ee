//! What the terminal can show.

use anstream::{AutoStream, ColorChoice};
use std::io::IsTerminal;

/// The width if nothing else tells it.
const DEFAULT_WIDTH: u16 = 80;
/// A table needs at least this many columns.
const MIN_WIDTH: u16 = 40;

/// How text may look.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether to use color.
    pub color: bool,
    /// Columns.
    pub width: u16,
    /// Whether UTF-8 can be shown.
    pub utf8: bool,
}

impl Style {
    /// That of a text whose reader is not known.
    pub const PLAIN: Style = Style { color: false, width: DEFAULT_WIDTH, utf8: true };

    /// The style of what is written to stdout, or to a file if `to_file`. Without a choice, color goes to terminals, and
    /// NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM are honored.
    pub fn detect(color: Option<bool>, to_file: bool) -> Style {
        let stdout = std::io::stdout();
        let terminal = stdout.is_terminal() && !to_file;
        let automatic = || !to_file && AutoStream::choice(&stdout) != ColorChoice::Never;
        let width = terminal_size::terminal_size().filter(|_| terminal).map(|(width, _)| width.0);
        Style {
            color: color.unwrap_or_else(automatic),
            width: width.or_else(columns).unwrap_or(DEFAULT_WIDTH).max(MIN_WIDTH),
            utf8: locale().is_some_and(|locale| locale.to_lowercase().replace('-', "").contains("utf8")),
        }
    }
}

fn columns() -> Option<u16> {
    std::env::var("COLUMNS").ok()?.parse().ok()
}

fn locale() -> Option<String> {
    let variables = ["LC_ALL", "LC_CTYPE", "LANG"].iter();
    variables.filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty())
}
