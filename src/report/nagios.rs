//! The report as the output of a monitoring plugin, for Nagios, Icinga and their kin
//! (<https://www.monitoring-plugins.org/doc/guidelines.html>): one line, its performance data, then the long output.

use super::{Located, Report, safe};
use crate::audit::{Facts, Lasting, Severity};
use crate::time::{Millis, SECOND, span};
use std::path::Path;

/// The first line is kept under this many characters, up to the performance data.
const FIRST_LINE: usize = 80;
const LONGEST_NAME: usize = 40;
/// In the first line, so that one with the count of the others fits.
const SHORT_NAME: usize = 20;
const SHORT_PATH: usize = 24;
/// No more can fit.
const MOST_NAMES: usize = 12;
const LONGEST_TEXT: usize = 300;
/// Some transports cut the output at 4 KB.
const MOST_LINES: usize = 12;

/// The whole report as a plugin's output.
pub fn render(report: &Report) -> String {
    let mut text = format!("{} | {}\n", first_line(report), performance(report));
    let complaints = report.complaints().into_iter().map(|complaint| plain(&complaint, LONGEST_TEXT));
    let lines: Vec<String> = complaints.chain(report.findings().into_iter().map(long_line)).collect();
    for line in lines.iter().take(MOST_LINES) {
        text += &format!("{line}\n");
    }
    if lines.len() > MOST_LINES {
        text += &format!("and {} more\n", lines.len() - MOST_LINES);
    }
    text
}

fn first_line(report: &Report) -> String {
    let word = ["OK", "WARNING", "CRITICAL"].get(usize::from(report.exit_code)).unwrap_or(&"UNKNOWN");
    let begin = format!("SCHED {word} - ");
    let room = FIRST_LINE - 1 - begin.len();
    let worst = report.findings().first().map(|located| located.finding.severity);
    let told = match (worst.filter(|worst| *worst > Severity::Info), report.unread().first()) {
        (Some(worst), _) => troubled(report, worst, room),
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

fn watched(report: &Report) -> usize {
    report.audited().map(|(_, audited)| audited.watched()).sum()
}

fn healthy(report: &Report) -> String {
    let databases = match report.databases().len() {
        1 => String::new(),
        several => format!(" in {several} databases"),
    };
    format!("{} jobs watched{databases}, none in trouble", watched(report))
}

/// How many jobs are in the worst trouble, what could not be read, and as many of the jobs as fit.
fn troubled(report: &Report, worst: Severity, room: usize) -> String {
    let unread = match report.unread().len() {
        0 => String::new(),
        unread => format!(", {unread} of {} databases unread", report.databases().len()),
    };
    let counted = format!("{} of {} jobs {}{unread}", count(report, worst), watched(report), worst.word());
    let named = named_jobs(report, worst, room.saturating_sub(counted.len()));
    counted + &named
}

/// `: name reason age, ...` in `room`: reasons go where they don't fit, then jobs, which are counted.
fn named_jobs(report: &Report, severity: Severity, room: usize) -> String {
    let mut jobs: Vec<Located<'_>> = report.findings();
    jobs.retain(|located| located.finding.severity == severity);
    jobs.dedup_by_key(|located| std::ptr::from_ref(located.job));
    let phrase = |located: &Located<'_>, reason: &str| {
        let age = match (located.finding.lasting, located.finding.since) {
            (Lasting::Resolved, _) => " resolved".to_owned(),
            (_, since) => since.map_or_else(String::new, |at| format!(" {}", span(report.now.since(at)))),
        };
        format!("{}{reason}{age}", plain(&located.job.name, SHORT_NAME))
    };
    let count = jobs.len();
    jobs.truncate(MOST_NAMES);
    let full: Vec<String> =
        jobs.iter().map(|located| phrase(located, &format!(" {}", located.finding.reason))).collect();
    let short: Vec<String> = jobs.iter().map(|located| phrase(located, "")).collect();
    let some = |phrases: &[String]| match (phrases.len(), count - phrases.len()) {
        (0, _) => String::new(),
        (_, 0) => listed(phrases),
        (_, more) => format!("{}, +{more} more", listed(phrases)),
    };
    let mut choices = std::iter::once(some(&full)).chain((0..=short.len()).rev().map(|shown| some(&short[..shown])));
    choices.find(|text| text.chars().count() <= room).unwrap_or_default()
}

fn listed(phrases: &[String]) -> String {
    format!(": {}", phrases.join(", "))
}

/// Jobs whose worst finding has this severity.
fn count(report: &Report, severity: Severity) -> usize {
    report.audited().flat_map(|(_, audited)| &audited.verdict.jobs).filter(|one| **one == severity).count()
}

fn performance(report: &Report) -> String {
    let facts = || report.audited().flat_map(|(_, audited)| &audited.verdict.facts);
    let most = |of: fn(&Facts) -> Millis| facts().map(of).max().unwrap_or(0) / SECOND;
    let missed: u64 = facts().map(|facts| facts.missed_slots).sum();
    let streak = facts().map(|facts| facts.zero_token_streak).max().unwrap_or(0);
    // A range of these programs alerts above its end, a streak at its threshold.
    let limits = report.audited().next().map_or_else(
        || ";".to_owned(),
        |(_, audited)| format!("{};{}", audited.settings.zero_streak - 1, audited.settings.zero_streak_critical - 1),
    );
    format!(
        "critical={};;;0 warning={};;;0 unread={};;;0 overdue={}s;;;0 missed_slots={missed};;;0 \
         zero_token_streak={streak};{limits};0 in_flight={}s;;;0 time={:.3}s;;;0",
        count(report, Severity::Critical),
        count(report, Severity::Warning),
        report.unread().len(),
        most(|facts| facts.overdue_ms),
        most(|facts| facts.in_flight_ms),
        report.took.as_secs_f64(),
    )
}

fn long_line(Located { database, job, finding }: Located<'_>) -> String {
    let since = finding.since.map_or_else(String::new, |at| format!(" since {} UTC", at.minute()));
    let resolved = if finding.lasting == Lasting::Resolved { " (resolved)" } else { "" };
    format!(
        "{}{resolved} {} {}{since}: {} ({})",
        finding.severity.word(),
        plain(&job.name, LONGEST_NAME),
        finding.reason,
        plain(&finding.message, LONGEST_TEXT),
        plain(&database.path.to_string_lossy(), LONGEST_TEXT),
    )
}

/// Text without what means something here: `|` begins performance data, and the web pages may show tags.
fn plain(untrusted: &str, most: usize) -> String {
    safe::text(untrusted, most).replace('|', "\\u{7c}").replace('<', "\\u{3c}").replace('>', "\\u{3e}")
}
