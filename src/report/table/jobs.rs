//! The list of all jobs: the worst first, then by their next runs; those that are not watched below.

use super::grid::{self, Column};
use super::page::{DIM, FIRST, Page, Verdict, shown_name};
use super::wrap::{cut, padded, right};
use crate::audit::{JobReport, Usage, Verdict as Found};
use crate::catalog::Severity;
use crate::model::State;
use crate::numbers::usd;
use crate::report::content::Audited;
use crate::report::sanitize;
use crate::text::NO_BREAK;
use crate::time::{Instant, span};

/// From this width on, the schedules and the tokens have room.
const WIDE: usize = 110;
const MAX_SCHEDULE_LEN: usize = 40;
/// Names are not cut below this width.
const MIN_NAME: usize = 12;
/// The widths of `47m` and of `03-11 14:00`.
const RELATIVE: usize = 4;
const ABSOLUTE: usize = 11;
const COST: usize = 7;

/// The list of watched jobs with its heads, and that of the others.
pub fn blocks(page: &Page, audited: &Audited) -> Vec<String> {
    let (mut watched, mut others): (Vec<Line<'_>>, Vec<Line<'_>>) =
        audited.jobs().map(|report| Line::of(page, &audited.verdict, report)).partition(|line| line.status.is_some());
    watched.sort_by_key(|line| (line.status.map(rank), line.next.unwrap_or(Instant::MAX)));
    others.sort_by_key(|line| state_word(&line.report.job.state));
    let lines: Vec<&Line<'_>> = watched.iter().chain(&others).collect();
    let shown = fitting(page, &lines);
    let mut text = String::new();
    for (position, shown) in shown.iter().enumerate() {
        if position == 1 + watched.len() {
            text += "\n";
        }
        let Some(line) = position.checked_sub(1).and_then(|row| lines.get(row)) else {
            text += &format!("{shown}\n");
            continue;
        };
        text += &format!("{}\n", line.painted(page, shown));
    }
    vec![text]
}

/// One job in the list.
struct Line<'a> {
    report: &'a JobReport,
    /// How the job does; None if it is not watched.
    status: Option<Verdict>,
    next: Option<Instant>,
}

impl<'a> Line<'a> {
    fn of(page: &Page, found: &Found, report: &'a JobReport) -> Line<'a> {
        let is_watched = report.job.state.is_watched();
        let next = report.job.next_run().filter(|next| is_watched || *next > page.now);
        Line { report, status: is_watched.then(|| status(found, report)), next }
    }

    fn word(&self) -> &'static str {
        self.status.map_or(state_word(&self.report.job.state), Verdict::word)
    }

    /// The line with its first word in color; dim if the job is not watched.
    fn painted(&self, page: &Page, shown: &str) -> String {
        match self.status {
            None => page.paint(shown, DIM),
            Some(status) => {
                let word = status.word();
                shown.strip_prefix(word).map_or(shown.to_owned(), |rest| page.paint(word, status.style()) + rest)
            }
        }
    }

    fn last_run(&self, page: &Page, has_absolute: bool) -> String {
        match self.report.job.last_end() {
            Some(end) => time(page, &span(page.now.since(end)), Some(end), has_absolute),
            None if has_absolute => format!("{}  never", right("-", RELATIVE)),
            None => right("-", RELATIVE),
        }
    }

    fn next_run(&self, page: &Page, has_absolute: bool) -> String {
        match self.next {
            Some(next) if next <= page.now => time(page, "due", Some(next), has_absolute),
            Some(next) => time(page, &span(next.since(page.now)), Some(next), has_absolute),
            None if self.status.is_none() => right("-", RELATIVE),
            None if has_absolute => format!("{}  none", " ".repeat(RELATIVE)),
            None => "none".to_owned(),
        }
    }
}

fn time(page: &Page, relative: &str, at: Option<Instant>, has_absolute: bool) -> String {
    let relative = right(relative, RELATIVE);
    match at {
        Some(at) if has_absolute => format!("{relative}  {}", padded(&absolute(page, at), ABSOLUTE)),
        _ => relative,
    }
}

/// A time; of another year only the day, so that it takes no more room than others.
fn absolute(page: &Page, at: Instant) -> String {
    let short = page.short(at).replace(NO_BREAK, " ");
    if short.len() > ABSOLUTE { page.calendar.day_of_year(at) } else { short }
}

/// How a watched job does, by its findings.
fn status(found: &Found, report: &JobReport) -> Verdict {
    let of_incidents = found.incidents.iter().flat_map(|incident| &incident.findings);
    let own = |job| std::ptr::eq(&found[job], report);
    let findings = of_incidents.filter(|finding| finding.job().is_some_and(own)).chain(&report.findings);
    let (ongoing, over): (Vec<_>, Vec<_>) = findings.partition(|finding| finding.is_ongoing());
    match ongoing.iter().map(|finding| finding.severity).max() {
        Some(severity) => Verdict::Now(severity),
        None if over.is_empty() => Verdict::Now(Severity::Ok),
        None => Verdict::Over,
    }
}

/// The place of a status among others, the worst first.
fn rank(status: Verdict) -> u8 {
    match status {
        Verdict::Unread => 0,
        Verdict::Now(Severity::Critical) => 1,
        Verdict::Now(Severity::Warning) => 2,
        Verdict::Now(Severity::Info) => 3,
        Verdict::Over => 4,
        Verdict::Now(Severity::Ok) => 5,
    }
}

/// The status of a job that is not watched.
fn state_word(state: &State) -> &'static str {
    match state {
        State::Paused => "PAUSED",
        State::Disabled => "DISABLED",
        State::Completed => "DONE",
        State::FailedOnce => "FAILED",
        State::EventDriven => "EVENT",
        State::NotCreated => "NEW",
        State::Gone => "GONE",
        State::Watched | State::Broken | State::Unknown(_) | State::Quarantined(_) => "WATCHED",
    }
}

/// The lines, with as many columns as fit; of names that are too long the end is cut.
fn fitting(page: &Page, lines: &[&Line<'_>]) -> Vec<String> {
    for (has_cost, has_absolute) in [(true, true), (false, true), (false, false)] {
        let columns = columns(page, lines, has_cost, has_absolute, usize::MAX);
        if grid::width(&columns) < page.width() || !has_absolute {
            return grid::lines(page, &columns_in(page, lines, has_cost, has_absolute, grid::width(&columns)));
        }
        let excess = (grid::width(&columns) + 1).saturating_sub(page.width());
        let names = columns[1].width();
        if names.saturating_sub(excess) >= MIN_NAME.max(names / 2) {
            return grid::lines(page, &self::columns(page, lines, has_cost, has_absolute, names - excess));
        }
    }
    Vec::new()
}

fn columns_in(page: &Page, lines: &[&Line<'_>], has_cost: bool, has_absolute: bool, width: usize) -> Vec<Column> {
    let excess = (width + 1).saturating_sub(page.width());
    let names = lines.iter().map(|line| shown_name(line.report.job.label()).len()).max().unwrap_or(0);
    columns(page, lines, has_cost, has_absolute, names.saturating_sub(excess).max(MIN_NAME))
}

fn columns(page: &Page, lines: &[&Line<'_>], has_cost: bool, has_absolute: bool, names: usize) -> Vec<Column> {
    let cells = |cell: &dyn Fn(&Line<'_>) -> String| lines.iter().map(|line| cell(line)).collect::<Vec<_>>();
    let is_wide = page.width() >= WIDE;
    let mut columns = vec![
        Column::left("STATUS", cells(&|line| padded(line.word(), FIRST - 2))),
        Column::left("JOB", cells(&|line| cut(&shown_name(line.report.job.label()), names, page.ellipsis()))),
    ];
    if is_wide {
        columns.push(Column::left("SCHEDULE", cells(&|line| schedule(line.report))));
    }
    columns.push(Column::left("LAST RUN (ago)", cells(&|line| line.last_run(page, has_absolute))));
    columns.push(Column::left("NEXT RUN (in)", cells(&|line| line.next_run(page, has_absolute))));
    if is_wide {
        columns.push(Column::right("TOKENS 7D", cells(&|line| used(line.report.metrics.last_week).0), 0));
    }
    if has_cost {
        columns.push(Column::right("USD 7D", cells(&|line| used(line.report.metrics.last_week).1), COST));
    }
    columns
}

/// A job's schedule with the zone that it names.
pub fn schedule(report: &JobReport) -> String {
    let schedule = &report.job.schedule;
    let zone = schedule.timezone().map(|zone| sanitize::text(zone, MAX_SCHEDULE_LEN));
    let parts = std::iter::once(sanitize::text(&schedule.text(), MAX_SCHEDULE_LEN)).chain(zone);
    parts.collect::<Vec<_>>().join(", ")
}

/// Tokens, and what they cost in US dollars; `-` where that is not recorded.
pub fn used(usage: Usage) -> (String, String) {
    let cost = usage.cost_usd.map(|cost| usd(cost).trim_end_matches(" USD").to_owned());
    (usage.tokens.map_or_else(|| "-".to_owned(), tokens), cost.unwrap_or_else(|| "-".to_owned()))
}

/// A number of tokens in short, as `30.7M`.
pub fn tokens(tokens: u64) -> String {
    match tokens {
        999_950.. => format!("{:.1}M", tokens as f64 / 1e6),
        1000.. => format!("{:.1}k", tokens as f64 / 1e3),
        _ => tokens.to_string(),
    }
}
