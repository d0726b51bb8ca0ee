//! The report as the output of a monitoring plugin, for Nagios, Icinga and their kin
//! (<https://www.monitoring-plugins.org/doc/guidelines.html>): one line, its performance data, then the long output.

use super::{Located, Report, age, safe, when};
use crate::audit::{Facts, Judged, Severity, count};
use crate::time::{Millis, SECOND};
use std::path::Path;

/// The first line is kept under this many characters, up to the performance data.
const FIRST_LINE: usize = 80;
const SHORT_PATH: usize = 24;
const LONGEST_TEXT: usize = 500;
/// Some transports cut the output at 4 KB.
const MOST_LINES: usize = 8;

/// The whole report as a plugin's output.
pub fn render(report: &Report) -> String {
    let mut text = format!("{} | {}\n", first_line(report), performance(report));
    let complaints = report.complaints().into_iter().map(|complaint| plain(&complaint, LONGEST_TEXT));
    let lines: Vec<String> = complaints.chain(report.incidents().into_iter().map(long_line)).collect();
    for line in lines.iter().take(MOST_LINES) {
        text += &format!("{line}\n");
    }
    if lines.len() > MOST_LINES {
        text += &format!("and {} more\n", lines.len() - MOST_LINES);
    }
    text
}

/// The worst incident, its age and the number of others; or what could not be read; or that all is well.
fn first_line(report: &Report) -> String {
    let word = ["OK", "WARNING", "CRITICAL"].get(usize::from(report.exit_code())).unwrap_or(&"UNKNOWN");
    let begin = format!("SCHED {word} - ");
    let room = FIRST_LINE - 1 - begin.len();
    let unread = report.unread();
    let incidents = report.incidents();
    let told = match (incidents.first().filter(|worst| worst.incident.severity > Severity::Info), unread.first()) {
        (Some(worst), _) => {
            let mut end = age(worst.incident, report.now).map_or_else(String::new, |age| format!(", {age}"));
            end += &match incidents.len() - 1 {
                0 => String::new(),
                others => format!(", +{}", count(others as u64, "other")),
            };
            if !unread.is_empty() {
                end += &format!(", {} unread", unread.len());
            }
            plain(&worst.incident.headline, room.saturating_sub(end.len() + 1)) + &end
        }
        (None, Some((Some(path), why))) => plain(&format!("{}: {why}", end_of(path)), room - 1),
        (None, Some((None, why))) => plain(why, room - 1),
        (None, None) => healthy(report),
    };
    begin + &told
}

/// A path's last characters, which tell more than its first and leave room for what is wrong with it.
fn end_of(path: &Path) -> String {
    let path = path.to_string_lossy();
    let cut = path.chars().count().saturating_sub(SHORT_PATH);
    if cut == 0 { path.into_owned() } else { format!("…{}", path.chars().skip(cut).collect::<String>()) }
}

fn healthy(report: &Report) -> String {
    let watched: usize = report.audited().map(|(_, audited)| audited.watched()).sum();
    let databases = match report.databases().len() {
        1 => String::new(),
        several => format!(" in {several} databases"),
    };
    format!("{} watched{databases}, none in trouble", count(watched as u64, "job"))
}

fn performance(report: &Report) -> String {
    let jobs = || report.audited().flat_map(|(_, audited)| audited.jobs());
    let of_severity = |severity| jobs().filter(|judged| judged.severity == severity).count();
    let most = |of: fn(&Facts) -> Millis| jobs().map(|judged: &Judged| of(&judged.facts)).max().unwrap_or(0) / SECOND;
    let missed: u64 = jobs().map(|judged| judged.facts.missed_slots).sum();
    let streak = jobs().map(|judged| judged.facts.zero_token_streak).max().unwrap_or(0);
    // A range of these programs alerts above its end: a count at 1 and more, a streak at its threshold.
    let settings = report.audited().next().map(|(_, audited)| &audited.settings);
    let streaks = settings
        .map_or_else(|| ";".to_owned(), |set| format!("{};{}", set.zero_streak - 1, set.zero_streak_critical - 1));
    let flight = settings.map_or_else(|| ";".to_owned(), |set| format!(";{}", set.max_run / SECOND));
    format!(
        "critical={};;0;0 warning={};0;;0 unread={};;;0 overdue={}s;;;0 missed_slots={missed};;;0 \
         zero_token_streak={streak};{streaks};0 in_flight={}s;{flight};0 time={:.3}s;;;0",
        of_severity(Severity::Critical),
        of_severity(Severity::Warning),
        report.unread().len(),
        most(|facts| facts.overdue_ms),
        most(|facts| facts.in_flight_ms),
        report.took.as_secs_f64(),
    )
}

fn long_line(Located { database, incident, .. }: Located<'_>) -> String {
    let text = format!(
        "{} {} {}: {}. {} ({})",
        incident.severity.word(),
        incident.headline,
        when(incident),
        incident.observed.join("; "),
        incident.next_step,
        database.path.display()
    );
    plain(&text, LONGEST_TEXT)
}

/// Text without what means something here: `|` begins performance data, and the web pages may show tags. What stands in
/// for them looks like them. At most `most` characters, escapes included.
fn plain(untrusted: &str, most: usize) -> String {
    let text = safe::text(untrusted, most).replace('|', "¦").replace('<', "‹").replace('>', "›");
    match text.char_indices().nth(most) {
        Some((cut, _)) => text[..cut].chars().take(most - 1).chain(['…']).collect(),
        None => text,
    }
}
