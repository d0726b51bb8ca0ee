//! The table: what a person sees. The cause comes first, and each incident ends with what to do.

use super::{Audited, Database, Report, age, safe};
use crate::audit::{Finding, Incident, Judged, Lasting, Outcome, Severity, Strip, count};
use crate::time::Instant;
use comfy_table::presets;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use unicode_width::UnicodeWidthStr;

/// The width where nothing tells the terminal's.
pub const DEFAULT_WIDTH: u16 = 80;
/// What is said of a database that could not be audited.
const UNREAD: &str = "could not audit";
const LONGEST_PATH: usize = 400;
const LONGEST_NAME: usize = 40;
const LONGEST_TEXT: usize = 600;
const LONGEST_ERROR: usize = 200;
/// Names that a person scans for are kept whole up to this width.
const LONGEST_UNBROKEN_NAME: u16 = 24;
/// Lines of one incident's jobs, of one database's incidents and of what is only worth knowing, unless all are asked for.
const MOST_JOBS: usize = 5;
const MOST_INCIDENTS: usize = 8;
const MOST_INFOS: usize = 5;
/// `04-29 05:00` and its padding: a date and its time keep one line.
const SHORT_DATE: u16 = 13;
/// A strip with fewer slots than this tells nothing.
const SHORTEST_STRIP: usize = 8;

/// How the table may look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether to use colour.
    pub color: bool,
    /// The terminal's columns.
    pub width: u16,
    /// Whether the terminal shows UTF-8.
    pub utf8: bool,
    /// Whether to list every job.
    pub all: bool,
}

/// The whole report as text: of several databases first a line each, then the troubled ones.
pub fn render(report: &Report, look: Look) -> String {
    let page = Page { look, now: report.now };
    match &report.databases {
        Err(error) => page.could_not_audit("", error),
        Ok(databases) if databases.len() == 1 => databases.iter().map(|database| page.database(database)).collect(),
        Ok(databases) => page.several(databases),
    }
}

struct Page {
    look: Look,
    now: Instant,
}

impl Page {
    fn several(&self, databases: &[Database]) -> String {
        let mut worst_first: Vec<&Database> = databases.iter().collect();
        worst_first.sort_by_key(|database| database.rank());
        let word = |database: &Database| database.severity().map_or(UNREAD, Severity::word);
        let count_of = |group: &[&Database]| format!("{} {}", group.len(), word(group[0]));
        let counts: Vec<String> = worst_first.chunk_by(|a, b| word(a) == word(b)).map(count_of).collect();
        let head = format!("{} databases: {}", databases.len(), counts.join(", "));
        let mut text = format!("{}\n\n", self.with_right(&head, &self.as_of()));
        let words = worst_first.iter().map(|database| word(database).len()).max().unwrap_or(0);
        let paths = worst_first.iter().map(|database| shown_path(database).width()).max().unwrap_or(0);
        for database in &worst_first {
            let told = match &database.outcome {
                Ok(audited) => summary(audited),
                Err(why) => safe::text(why, LONGEST_TEXT),
            };
            let mut row = self.plain_table();
            let room = usize::from(self.look.width).saturating_sub(words);
            row.set_width(room as u16).add_row([shown_path(database), told]);
            if let Some(column) = row.column_mut(0) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed((paths + 2).min(room / 2) as u16)));
            }
            let mut begin = paint(&padded(word(database), words), database.severity(), self.look);
            for line in row.lines() {
                text += &format!("{begin}{}\n", line.trim_end());
                begin = " ".repeat(words);
            }
        }
        let told = |audited: &Audited| {
            self.look.all || !audited.verdict.findings.is_empty() || !audited.verdict.notes.is_empty()
        };
        for database in worst_first {
            if let Some(audited) = database.outcome.as_ref().ok().filter(|audited| told(audited)) {
                text += &format!("\n{}", self.audited(database, audited));
            }
        }
        text
    }

    fn as_of(&self) -> String {
        format!("as of {} UTC", self.now.minute())
    }

    fn could_not_audit(&self, path: &str, why: &str) -> String {
        let word = paint(&UNREAD.to_uppercase(), None, self.look);
        format!("{word}{path}\n{}\n", self.wrapped(&safe::text(why, LONGEST_TEXT)))
    }

    fn database(&self, database: &Database) -> String {
        match &database.outcome {
            Ok(audited) => self.audited(database, audited),
            Err(error) => self.could_not_audit(&format!(" {}", shown_path(database)), error),
        }
    }

    fn audited(&self, database: &Database, audited: &Audited) -> String {
        let verdict = &audited.verdict;
        let severity = verdict.severity;
        let word = severity.word().to_uppercase();
        let head = format!("{word} {}: {}", shown_path(database), headline(audited));
        let mut text = repaint(&self.wrapped(&head), &word, severity, self.look) + "\n";
        text += &format!("{}\n", self.wrapped(&format!("{}, {}", scope(audited), self.as_of())));
        let shown = if self.look.all { verdict.incidents.len() } else { MOST_INCIDENTS };
        let mut has_strips = false;
        for (place, incident) in verdict.incidents.iter().enumerate().take(shown) {
            let (told, strips) = self.incident(audited, incident, place);
            text += &format!("\n{told}");
            has_strips |= strips;
        }
        let more = self.more(verdict.incidents.len().saturating_sub(shown), "incident");
        text += &if more.is_empty() { more } else { format!("\n{more}") };
        text += &self.infos(audited);
        if self.look.all {
            let (table, strips) = self.every_job(audited);
            text += &format!("\n{table}");
            has_strips |= strips;
        }
        if has_strips {
            text += &format!("\n{}\n", self.legend());
        }
        let notes = verdict.notes.iter().map(|note| self.wrapped(&format!("note: {}", safe::text(note, LONGEST_TEXT))));
        text + &notes.map(|note| note + "\n").collect::<String>()
    }

    fn more(&self, rest: usize, thing: &str) -> String {
        let thing = if rest == 1 { thing.to_owned() } else { format!("{thing}s") };
        if rest == 0 { String::new() } else { format!("  and {rest} more {thing} (--all)\n") }
    }

    /// An incident, and whether a strip is part of it.
    fn incident(&self, audited: &Audited, incident: &Incident, place: usize) -> (String, bool) {
        let mark = self.mark(incident);
        let head = format!("{mark} {}", safe::text(&incident.headline, LONGEST_TEXT));
        let mut when = match (incident.since, incident.until) {
            (_, Some(until)) => format!("over since {}", self.short(until)),
            (Some(since), None) => format!("since {}", self.short(since)),
            (None, None) => String::new(),
        };
        if let Some(age) = age(incident, self.now).filter(|_| incident.until.is_none()) {
            when += &format!(", {age}");
        }
        let mut text = repaint(&self.with_right(&head, &when), mark, incident.severity, self.look) + "\n";
        let mut table = self.plain_table();
        let mut line = |label: &str, told: &str| {
            table.add_row([format!(" {label}"), told.to_owned()]);
        };
        line("Why", &safe::text(&incident.observed.join("; "), LONGEST_TEXT));
        if let Some(inferred) = &incident.inferred {
            line("So", &safe::text(inferred, LONGEST_TEXT));
        }
        if let Some(error) = &incident.error {
            line("Error", &safe::error(error, LONGEST_ERROR));
        }
        line("Do", &safe::text(&incident.next_step, LONGEST_TEXT));
        if let Some(sql) = &incident.sql {
            line("", sql);
        }
        text += &trimmed(&table);
        let (jobs, strips) = self.jobs(audited, incident, place);
        (text + &jobs, strips)
    }

    fn mark(&self, incident: &Incident) -> &'static str {
        match (incident.lasting, incident.severity, self.look.utf8) {
            (Lasting::Resolved, _, true) => "✓",
            (Lasting::Resolved, _, false) => "-",
            (_, Severity::Critical, true) => "✗",
            (_, Severity::Critical, false) => "X",
            (_, _, _) => "!",
        }
    }

    /// A line for each job that an incident hits: its name, what it lost, its latest slots.
    fn jobs(&self, audited: &Audited, incident: &Incident, place: usize) -> (String, bool) {
        let shown = if self.look.all { incident.jobs.len() } else { MOST_JOBS };
        let jobs: Vec<(&Judged, String)> = incident
            .jobs
            .iter()
            .take(shown)
            .map(|hit| {
                let findings = || {
                    audited
                        .verdict
                        .findings
                        .iter()
                        .filter(|found| found.job == hit.job && found.incident == Some(place))
                };
                let waits = findings().all(|found| found.reason() == crate::audit::Reason::Waiting);
                let lost = match hit.missed_slots {
                    0 if waits => "waits".to_owned(),
                    0 => String::new(),
                    lost => format!("{lost} lost"),
                };
                (&audited.verdict.jobs[hit.job], lost)
            })
            .collect();
        let (text, strips) = self.lines(&jobs);
        (text + &self.more(incident.jobs.len().saturating_sub(shown), "job"), strips)
    }

    /// Lines of name, number and strip, in columns.
    fn lines(&self, jobs: &[(&Judged, String)]) -> (String, bool) {
        let names: Vec<String> = jobs.iter().map(|(judged, _)| safe::text(&judged.job.name, LONGEST_NAME)).collect();
        let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(UnicodeWidthStr::width).max().unwrap_or(0);
        let name_width = widest(&mut names.iter().map(String::as_str));
        let lost_width = widest(&mut jobs.iter().map(|(_, lost)| lost.as_str()));
        let gap = if lost_width == 0 { 0 } else { lost_width + 2 };
        let room = usize::from(self.look.width).saturating_sub(2 + name_width + gap + 2);
        let (mut text, mut strips) = (String::new(), false);
        for ((judged, lost), name) in jobs.iter().zip(&names) {
            let mut line = format!("  {}", padded(name, name_width));
            if gap > 0 {
                line += &format!("  {}", padded(lost, lost_width));
            }
            if room >= SHORTEST_STRIP && !judged.strip.outcomes.is_empty() {
                line += &format!("  {}", self.strip(&judged.strip, room));
                strips = true;
            }
            text += &format!("{}\n", line.trim_end());
        }
        (text, strips)
    }

    /// As many of the latest slots as there is room for.
    fn strip(&self, strip: &Strip, room: usize) -> String {
        let skipped = strip.outcomes.len().saturating_sub(room);
        strip.outcomes[skipped..]
            .chunk_by(|a, b| a == b)
            .map(|run| {
                let marks: String = run.iter().map(|outcome| self.outcome(*outcome)).collect();
                self.paint_outcome(&marks, run[0])
            })
            .collect()
    }

    fn outcome(&self, outcome: Outcome) -> char {
        match outcome {
            _ if !self.look.utf8 => outcome.ascii(),
            Outcome::Fired => '●',
            Outcome::ZeroTokens => '○',
            Outcome::Missed => '×',
            Outcome::Waiting => '…',
        }
    }

    fn paint_outcome(&self, marks: &str, outcome: Outcome) -> String {
        match outcome {
            Outcome::Fired => paint(marks, Some(Severity::Ok), self.look),
            Outcome::ZeroTokens => paint(marks, Some(Severity::Warning), self.look),
            Outcome::Missed => paint(marks, Some(Severity::Critical), self.look),
            Outcome::Waiting => marks.to_owned(),
        }
    }

    fn legend(&self) -> String {
        let begin = "Slots, oldest left:";
        let (mut text, mut width) = (begin.to_owned(), begin.width());
        for outcome in Outcome::ALL {
            let (mark, meaning) = (self.outcome(outcome).to_string(), outcome.meaning());
            let piece = 2 + mark.width() + 1 + meaning.len();
            if width + piece > usize::from(self.look.width) {
                text += "\n";
                width = 0;
            }
            text += &format!("  {} {meaning}", self.paint_outcome(&mark, outcome));
            width += piece;
        }
        text
    }

    /// What is only worth knowing.
    fn infos(&self, audited: &Audited) -> String {
        let alone: Vec<&Finding> = audited.verdict.findings.iter().filter(|found| found.incident.is_none()).collect();
        if alone.is_empty() {
            return String::new();
        }
        let shown = if self.look.all { alone.len() } else { MOST_INFOS };
        let mut table = self.plain_table();
        for finding in alone.iter().take(shown) {
            let job = &audited.verdict.jobs[finding.job].job;
            let told = safe::text(&finding.message(job, self.now), LONGEST_TEXT);
            table.add_row([format!(" {}", safe::text(&job.name, LONGEST_NAME)), told]);
        }
        keep_names_whole(&mut table);
        format!("\nWorth knowing\n{}{}", trimmed(&table), self.more(alone.len().saturating_sub(shown), "line"))
    }

    fn every_job(&self, audited: &Audited) -> (String, bool) {
        let mut table = self.plain_table();
        // Where the line is short, the two dates share a column.
        let narrow = self.look.width < DEFAULT_WIDTH;
        let dates = |last: &str, next: &str| {
            if narrow { vec![format!("{last}\n{next}")] } else { vec![last.to_owned(), next.to_owned()] }
        };
        let row = |name: String, schedule: String, dates: Vec<String>| [vec![name, schedule], dates].concat();
        table.set_header(row("JOB".to_owned(), "SCHEDULE".to_owned(), dates("LAST FIRE", "NEXT RUN")));
        let shown = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), |at| self.short(at));
        for judged in audited.jobs() {
            let job = &judged.job;
            let zone = job.schedule.timezone.as_ref().map(|zone| safe::text(zone, LONGEST_NAME));
            let state = (!job.state.is_watched()).then(|| job.state.word().to_owned());
            let schedule = std::iter::once(safe::text(&job.schedule.text(), LONGEST_NAME)).chain(zone).chain(state);
            let name = safe::text(&job.name, LONGEST_NAME);
            let dates = dates(&shown(job.last_end()), &shown(job.next_run()));
            table.add_row(row(name, schedule.collect::<Vec<_>>().join(", "), dates));
        }
        keep_names_whole(&mut table);
        for dates in table.column_iter_mut().skip(2) {
            dates.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(SHORT_DATE)));
        }
        let jobs: Vec<(&Judged, String)> = audited
            .jobs()
            .filter(|judged| !judged.strip.outcomes.is_empty())
            .map(|judged| (judged, String::new()))
            .collect();
        let (lines, strips) = self.lines(&jobs);
        (format!("{}\n{lines}", trimmed(&table)), strips)
    }

    fn short(&self, at: Instant) -> String {
        let text = at.minute();
        let same_year = text.get(..4) == self.now.minute().get(..4);
        if same_year { text.get(5..).unwrap_or_default().to_owned() } else { text }
    }

    /// A text with another one at the right edge, or below it where the line is too short for both.
    fn with_right(&self, left: &str, right: &str) -> String {
        let width = usize::from(self.look.width);
        let (left_width, right_width) = (left.width(), right.width());
        if left_width + 2 + right_width <= width {
            let space = " ".repeat(width - left_width - right_width);
            return format!("{left}{space}{right}").trim_end().to_owned();
        }
        let left = self.wrapped(left);
        if right.is_empty() {
            left
        } else {
            format!("{left}\n{}{right}", " ".repeat(width.saturating_sub(right_width)))
        }
    }

    fn wrapped(&self, line: &str) -> String {
        let mut table = self.plain_table();
        table.add_row([line]);
        if let Some(column) = table.column_mut(0) {
            column.set_padding((0, 0));
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    fn plain_table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.look.width);
        table
    }
}

fn keep_names_whole(table: &mut Table) {
    let widest = table.column_max_content_widths().first().map_or(0, |width| width + 2);
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(widest.min(LONGEST_UNBROKEN_NAME))));
        names.set_cell_alignment(CellAlignment::Left);
    }
}

fn trimmed(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

fn shown_path(database: &Database) -> String {
    safe::text(&database.path.to_string_lossy(), LONGEST_PATH)
}

/// The most important incident and how many jobs are in trouble.
fn headline(audited: &Audited) -> String {
    let watched = audited.watched();
    match audited.verdict.incidents.first() {
        Some(worst) => {
            let others = audited.verdict.incidents.len() - 1;
            let others =
                if others == 0 { String::new() } else { format!(", and {}", count(others as u64, "other incident")) };
            let title = safe::text(&worst.headline, LONGEST_TEXT);
            let title = title.split(": ").next().unwrap_or_default();
            format!("{title}{others} ({} of {})", audited.troubled(), count(watched as u64, "job"))
        }
        None => format!("{} watched, no trouble found", count(watched as u64, "job")),
    }
}

fn summary(audited: &Audited) -> String {
    match audited.verdict.incidents.first() {
        Some(_) => headline(audited),
        None => format!("{} watched", count(audited.watched() as u64, "job")),
    }
}

/// How many jobs are watched, why the others are not, and the zone that was assumed.
fn scope(audited: &Audited) -> String {
    let mut counts = std::collections::BTreeMap::new();
    let skipped = audited.jobs().filter(|judged| !judged.job.state.is_watched());
    skipped.for_each(|judged| *counts.entry(judged.job.state.word()).or_insert(0) += 1);
    let total: usize = counts.values().sum();
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let skipped = if total == 0 { String::new() } else { format!(", {total} skipped ({})", words.join(", ")) };
    format!("{} watched{skipped}, zone {}", count(audited.watched() as u64, "job"), audited.settings.zone.name())
}

/// Colours the word that a text begins with.
fn repaint(text: &str, word: &str, severity: Severity, look: Look) -> String {
    text.strip_prefix(word).map_or_else(|| text.to_owned(), |rest| paint(word, Some(severity), look) + rest)
}

/// Colours a text by a severity; None is what could not be audited.
fn paint(text: &str, severity: Option<Severity>, look: Look) -> String {
    let code = match severity {
        Some(Severity::Ok) => "32",
        Some(Severity::Info) => "36",
        Some(Severity::Warning) => "33",
        Some(Severity::Critical) | None => "31;1",
    };
    if look.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
