//! The report as the output of a monitoring plugin, for Nagios, Icinga and their kin
//! (<https://www.monitoring-plugins.org/doc/guidelines.html>): one line, its performance data, then the long output.

use super::{Located, Report, safe};
use crate::audit::{Facts, Lasting, Severity};
use crate::time::{Millis, SECOND, span};

/// The first line is kept under this many characters, up to the performance data.
const FIRST_LINE: usize = 80;
const LONGEST_NAME: usize = 40;
/// In the first line, so that one with the count of the others fits.
const SHORT_NAME: usize = 20;
const LONGEST_TEXT: usize = 300;
/// Some transports cut the output at 4 KB.
const MOST_LINES: usize = 12;

/// The whole report as a plugin's output.
pub fn render(report: &Report) -> String {
    let mut text = format!("{} | {}\n", first_line(report), performance(report));
    let lines: Vec<String> = unread_lines(report).chain(report.findings().into_iter().map(long_line)).collect();
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
    let unread = report.unread().len();
    let watched: usize =
        report.audited().map(|(_, audited)| audited.jobs().filter(|(_, job)| job.state.is_watched()).count()).sum();
    let worst =
        report.findings().first().map(|located| located.finding.severity).filter(|worst| *worst > Severity::Info);
    let several = if report.databases().len() > 1 {
        format!(" in {} databases", report.databases().len())
    } else {
        String::new()
    };
    let begin = format!("SCHED {word} - ");
    let Some(worst) = worst else {
        return match unread_lines(report).next() {
            Some(line) => format!("{begin}{}", plain(&line, FIRST_LINE - 2 - begin.len())),
            None => format!("{begin}{watched} jobs watched{several}, none in trouble"),
        };
    };
    let jobs = count(report, worst);
    let unread =
        if unread > 0 { format!(", {unread} of {} databases unread", report.databases().len()) } else { String::new() };
    let begin = format!("{begin}{jobs} of {watched} jobs {}{unread}", worst.word());
    begin.clone() + &named_jobs(report, worst, FIRST_LINE - 1 - begin.len().min(FIRST_LINE - 1))
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
    let full: Vec<String> =
        jobs.iter().map(|located| phrase(located, &format!(" {}", located.finding.reason))).collect();
    let short: Vec<String> = jobs.iter().map(|located| phrase(located, "")).collect();
    let some = |shown: usize| match shown {
        0 => String::new(),
        all if all == short.len() => listed(&short),
        some => format!("{}, +{} more", listed(&short[..some]), short.len() - some),
    };
    let mut choices = std::iter::once(listed(&full)).chain((0..=short.len()).rev().map(some));
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

fn unread_lines(report: &Report) -> impl Iterator<Item = String> {
    report.unread().into_iter().map(|(path, why)| match path {
        Some(path) => plain(&format!("{}: {why}", path.display()), LONGEST_TEXT),
        None => plain(why, LONGEST_TEXT),
    })
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
