//! What all parts of the table share: the first column, wrapping, and colors.

use super::wrap::wrap;
use crate::audit::Incident;
use crate::catalog::{Severity, Status};
use crate::report::{Calendar, sanitize};
use crate::terminal::Style;
use crate::text::Text;
use crate::time::Instant;
use anstyle::{AnsiColor, Color};

/// The width of the first column, which has the verdicts and the labels.
pub const FIRST: usize = 10;
/// Text is never wider, however wide the terminal is: nobody reads such lines.
const MAX_WIDTH: usize = 100;
const MAX_TEXT_LEN: usize = 600;
const MAX_NAME_LEN: usize = 40;

pub const PLAIN: anstyle::Style = anstyle::Style::new();
pub const BOLD: anstyle::Style = anstyle::Style::new().bold();
pub const DIM: anstyle::Style = anstyle::Style::new().dimmed();

/// How the table is to look.
pub struct Page {
    pub style: Style,
    /// Whether every job is listed.
    pub all: bool,
    pub now: Instant,
    /// How times are told.
    pub calendar: Calendar,
    /// Whether it shows what became of each slot.
    pub history: bool,
}

/// The word in the first column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something lasts, or nothing is wrong.
    Now(Severity),
    /// What was wrong is over.
    Over,
    /// The database could not be audited.
    Unread,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 6] = [
        Verdict::Now(Severity::Critical),
        Verdict::Now(Severity::Warning),
        Verdict::Now(Severity::Info),
        Verdict::Now(Severity::Ok),
        Verdict::Over,
        Verdict::Unread,
    ];

    /// That of an incident.
    pub fn of(incident: &Incident) -> Verdict {
        match incident.status {
            Status::Ongoing => Verdict::Now(incident.severity),
            Status::Resolved => Verdict::Over,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Now(Severity::Critical) => "CRITICAL",
            Verdict::Now(Severity::Warning) => "WARNING",
            Verdict::Now(Severity::Info) => "INFO",
            Verdict::Now(Severity::Ok) => "OK",
            Verdict::Over => "OVER",
            Verdict::Unread => "UNREAD",
        }
    }

    /// Its color.
    pub fn style(self) -> anstyle::Style {
        let color = match self {
            Verdict::Now(Severity::Critical) => AnsiColor::Red,
            Verdict::Now(Severity::Warning) => AnsiColor::Yellow,
            Verdict::Now(Severity::Info) => AnsiColor::Cyan,
            Verdict::Now(Severity::Ok) | Verdict::Over => AnsiColor::Green,
            Verdict::Unread => AnsiColor::Magenta,
        };
        colored(color).bold()
    }
}

/// A color without anything else.
pub fn colored(color: AnsiColor) -> anstyle::Style {
    anstyle::Style::new().fg_color(Some(Color::Ansi(color)))
}

impl Page {
    /// A page for a text that is sent: of the usual width, without color.
    pub fn plain(calendar: Calendar) -> Page {
        Page { style: Style::PLAIN, all: false, now: calendar.now, calendar, history: false }
    }

    /// The columns of the terminal.
    pub fn width(&self) -> usize {
        usize::from(self.style.width)
    }

    /// The columns of text, which is never wider than a person reads.
    pub fn text_width(&self) -> usize {
        self.width().min(MAX_WIDTH)
    }

    /// A verdict with its headline.
    pub fn verdict(&self, verdict: Verdict, headline: &str) -> String {
        let headline = sanitize::text(headline, MAX_TEXT_LEN);
        self.entry((verdict.word(), verdict.style()), &headline, BOLD)
    }

    /// A verdict with a text that is no headline.
    pub fn remark(&self, verdict: Verdict, text: &str) -> String {
        self.entry((verdict.word(), verdict.style()), text, PLAIN)
    }

    /// A text with a label before it.
    pub fn labeled(&self, label: &str, text: &str) -> String {
        self.entry((label, DIM), text, PLAIN)
    }

    /// A dim text below a verdict.
    pub fn below(&self, text: &str) -> String {
        self.entry(("", PLAIN), text, DIM)
    }

    /// A text whose lines begin after the first column, and what stands before the first of them.
    fn entry(&self, (label, label_style): (&str, anstyle::Style), text: &str, style: anstyle::Style) -> String {
        let mut lines = String::new();
        for (position, line) in wrap(text, self.text_width() - FIRST).iter().enumerate() {
            let label = if position == 0 { label } else { "" };
            let gap = " ".repeat(FIRST - label.len());
            lines += &format!("{}{gap}{}\n", self.paint(label, label_style), self.paint(line, style));
        }
        lines
    }

    /// A text from the first column on.
    pub fn line(&self, text: &str, style: anstyle::Style) -> String {
        let lines = wrap(text, self.text_width());
        lines.iter().map(|line| format!("{}\n", self.paint(line, style))).collect()
    }

    /// A text with its times as short as those beside it: the foot says of which day and zone they are.
    pub fn told(&self, text: &Text) -> String {
        sanitize::text(&self.calendar.text(text), MAX_TEXT_LEN)
    }

    /// A time as short as it can be told.
    pub fn short(&self, at: Instant) -> String {
        self.calendar.short(at)
    }

    /// What stands for something that was left out.
    pub fn ellipsis(&self) -> &'static str {
        if self.style.utf8 { "…" } else { "..." }
    }

    /// A text in a style, where colors are wanted.
    pub fn paint(&self, text: &str, style: anstyle::Style) -> String {
        if self.style.color && style != PLAIN && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// A name that is safe to show.
pub fn shown_name(name: &str) -> String {
    sanitize::text(name, MAX_NAME_LEN)
}
