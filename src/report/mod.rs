//! The formats of a report, one file each.

mod check_config;
mod content;
mod error;
mod github;
mod html;
pub mod json;
mod junit;
mod nagios;
mod prometheus;
pub mod sanitize;
mod table;

pub use check_config::render as render_settings;
pub use content::{Audited, COULD_NOT_AUDIT, Database, Located, Report, commands, utc_minute, when};
pub use error::{AuditError, CallError};

use crate::terminal::Style;
use clap::ValueEnum;
use std::io::{Result, Write};

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// One object, described by --generate json-schema
    Json,
    /// One line per incident, and per database that could not be audited or has quiet hours
    Ndjson,
    /// Metrics for node_exporter's textfile collector
    Prometheus,
    /// Output of a monitoring plugin, for Nagios and Icinga
    Nagios,
    /// Annotations of a GitHub Actions step
    Github,
    /// Test results, one test case per job, for Jenkins, GitLab, and other CI
    Junit,
    /// One page without scripts, for a status page or a mail
    Html,
}

/// Writes the report in a format; `all` lists every job where the format can.
///
/// # Errors
/// Why it can't be written.
pub fn render(report: &Report, format: Format, style: Style, all: bool, out: &mut dyn Write) -> Result<()> {
    match format {
        Format::Table => table::render(report, style, all, out),
        Format::Json => json::render(report, out),
        Format::Ndjson => json::render_lines(report, out),
        Format::Prometheus => out.write_all(prometheus::render(report).as_bytes()),
        Format::Nagios => out.write_all(nagios::render(report).as_bytes()),
        Format::Github => out.write_all(github::render(report).as_bytes()),
        Format::Junit => junit::render(report, out),
        Format::Html => html::render(report, out),
    }
}

/// How reports begin, of each format but the page and the table, and of --check-config; and how tables of older versions began.
const BEGINNINGS: [&str; 17] = [
    "OK ",
    "INFO ",
    "WARNING ",
    "CRITICAL ",
    "COULD NOT AUDIT",
    "{\n  \"schema_version\": ",
    "{\"kind\":\"incident\",\"schema_version\":",
    "{\"kind\":\"error\",\"schema_version\":",
    "# HELP sched_audit_",
    "sched_audit_",
    "SCHED ",
    "::error title=",
    "::warning title=",
    "::notice title=",
    "sched-audit: ",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sched-audit\"",
    "every job: late_",
];

/// Whether a text begins as a report does, in whatever format.
pub fn is_report(begin: &str) -> bool {
    let begin = &anstream::adapter::strip_str(begin).to_string();
    let is_page = begin.starts_with("<!DOCTYPE html>") && begin.contains("<title>sched-audit: ");
    let counts = begin.trim_start_matches(|c: char| c.is_ascii_digit());
    is_page
        || counts.starts_with(" databases: ")
        || BEGINNINGS.iter().any(|known| begin.starts_with(known))
        || begin.lines().take(2).any(table::begins_with_verdict)
}

impl Format {
    /// Whether it shows what became of each slot.
    pub fn has_history(self) -> bool {
        matches!(self, Format::Table | Format::Json)
    }
}

#[cfg(test)]
mod any_history;
