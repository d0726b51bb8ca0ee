//! The report as the output of a monitoring plugin, for Nagios, Icinga and their kin
//! (<https://www.monitoring-plugins.org/doc/guidelines.html>): one line, its performance data, then the long output.

use super::content::{Located, Report, error_in_a_sentence, fix_in_a_line, utc_minute, when};
use super::sanitize;
use crate::audit::{JobMetrics, JobReport};
use crate::catalog::Severity;
use crate::numbers::count;
use crate::time::{Millis, SECOND};
use std::path::Path;

/// The first line is kept under this many characters, up to the performance data.
const FIRST_LINE: usize = 80;
const SHORT_PATH: usize = 24;
const MAX_TEXT_LEN: usize = 500;
/// Some transports cut the output at 4 KB.
const MAX_LINES: usize = 8;

/// The whole report as a plugin's output.
pub fn render(report: &Report) -> String {
    let mut text = format!("{} | {}\n", first_line(report), performance(report));
    let (errors, incidents) = (report.errors(), report.incidents());
    let troubles = errors.len() + incidents.len();
    let errors = errors.iter().map(|error| plain(error, MAX_TEXT_LEN));
    let troubles_told = errors.chain(incidents.into_iter().map(long_line)).take(MAX_LINES);
    let healthy = report.audited().filter(|(_, audited)| audited.verdict.severity() <= Severity::Info);
    let proof = healthy.filter_map(|(_, audited)| audited.proof_of_life(report.now));
    let proof = proof.map(|proof| plain(&proof.to_string(), MAX_TEXT_LEN));
    let quiet = report.audited().filter_map(|(_, audited)| audited.quiet_in_words());
    let rest: Vec<String> = quiet.chain(proof).collect();
    let lines = troubles + rest.len();
    for line in troubles_told.chain(rest).take(MAX_LINES) {
        text += &format!("{line}\n");
    }
    if lines > MAX_LINES {
        text += &format!("and {} more\n", lines - MAX_LINES);
    }
    text
}

/// The worst incident, its age, and the number of others; or what could not be read; or that all is well.
fn first_line(report: &Report) -> String {
    let word = ["OK", "WARNING", "CRITICAL"].get(usize::from(report.exit_code())).unwrap_or(&"UNKNOWN");
    let begin = format!("SCHED {word} - ");
    let room = FIRST_LINE - 1 - begin.len();
    let unread = report.unread();
    let incidents = report.incidents();
    let told = match (incidents.first().filter(|worst| worst.incident.severity > Severity::Info), unread.first()) {
        (Some(worst), _) => {
            let mut end = String::new();
            end += &match incidents.len() - 1 {
                0 => String::new(),
                others => format!(", +{}", count(others, "other")),
            };
            if !unread.is_empty() {
                end += &format!(", {} unread", unread.len());
            }
            plain(&worst.incident.headline.to_string(), room.saturating_sub(end.len() + 1)) + &end
        }
        (None, Some((Some(path), why))) => plain(&format!("{}: {why}", end_of(path)), room - 1),
        (None, Some((None, why))) => plain(why, room - 1),
        (None, None) => healthy(report),
    };
    begin + &told
}

/// A path's last characters, which say more than its first and leave room for the error.
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
    match muted(report) {
        0 => format!("{} {} fine{databases}", count(watched, "job"), if watched == 1 { "is" } else { "are" }),
        muted => format!("{} watched{databases}, no other trouble, {muted} muted", count(watched, "job")),
    }
}

fn muted(report: &Report) -> usize {
    report.audited().map(|(_, audited)| audited.verdict.count_muted()).sum()
}

/// Incidents, as the text counts them, and the numbers of the jobs. Where nothing could be audited, no number is known.
fn performance(report: &Report) -> String {
    let took = format!("unread={};;;0 time={:.3}s;;;0", report.unread().len(), report.took.as_secs_f64());
    let Some((_, first)) = report.audited().next() else { return took };
    let jobs = || report.audited().flat_map(|(_, audited)| audited.jobs());
    let incidents = report.incidents();
    let of_severity = |severity| incidents.iter().filter(|located| located.incident.severity == severity).count();
    let most =
        |of: fn(&JobMetrics) -> Millis| jobs().map(|job: &JobReport| of(&job.metrics)).max().unwrap_or(0) / SECOND;
    let missed: u64 = jobs().map(|job| job.metrics.missed_slots).sum();
    let streak = jobs().map(|job| job.metrics.zero_token_streak).max().unwrap_or(0);
    // A range of these programs alerts above its end: a count at 1 and more, a streak at its threshold.
    let set = &first.settings.thresholds;
    format!(
        "critical={};;0;0 warning={};0;;0 muted={};;;0 overdue={}s;;;0 missed_slots={missed};;;0 \
         zero_token_streak={streak};{};{};0 in_flight={}s;;{};0 {took}",
        of_severity(Severity::Critical),
        of_severity(Severity::Warning),
        muted(report),
        most(|metrics| metrics.overdue_ms),
        set.zero_streak - 1,
        set.zero_streak_critical - 1,
        most(|metrics| metrics.in_flight_ms),
        set.max_run / SECOND,
    )
}

fn long_line(Located { database, incident, .. }: Located<'_>) -> String {
    let when = when(incident, utc_minute).map_or_else(String::new, |when| format!(" {when}"));
    let (word, headline, seen) = (incident.severity.word(), &incident.headline, incident.text.seen());
    let (error, fix, path) = (error_in_a_sentence(incident), fix_in_a_line(incident), database.path.display());
    let text = format!("{word} {headline}{when}: {seen}.{error} {fix} ({path})");
    plain(&text, MAX_TEXT_LEN)
}

/// Text without characters that have a meaning here: `|` begins performance data, and web pages may show tags. Look-alikes
/// stand in for them. At most `most` characters, escapes included.
fn plain(untrusted: &str, most: usize) -> String {
    let text = sanitize::text(untrusted, most).replace('|', "¦").replace('<', "‹").replace('>', "›");
    match text.char_indices().nth(most) {
        Some((cut, _)) => text[..cut].chars().take(most - 1).chain(['…']).collect(),
        None => text,
    }
}
