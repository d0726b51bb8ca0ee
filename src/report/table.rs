//! The table for people. The cause comes first, and each incident ends with what to do.

mod history;

use super::content::{Audited, Database, Located, Report, UNREAD, commands, counts, muted_in_words, utc_minute, when};
use super::sanitize;
use crate::audit::{Incident, JobReport, Mark, Timeline, Usage};
use crate::catalog::{Severity, Status};
use crate::numbers::usd;
use crate::terminal::Style;
use crate::text::Text;
use crate::time::Instant;
use anstyle::{AnsiColor, Color};
use comfy_table::presets;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use unicode_width::UnicodeWidthStr;

/// Below this width, two columns of the list of all jobs share one.
const WIDE: u16 = 110;
const MAX_PATH_LEN: usize = 400;
const MAX_NAME_LEN: usize = 40;
const MAX_TEXT_LEN: usize = 600;
const MAX_ERROR_LEN: usize = 200;
/// Names that a person scans for are kept whole up to this width.
const MAX_UNBROKEN_NAME_LEN: u16 = 24;
/// Lines for one incident's jobs, one database's incidents, and what is only information, unless all are asked for.
const MAX_JOBS: usize = 5;
const MAX_INCIDENTS: usize = 8;
const MAX_INFOS: usize = 5;
/// Commands of one fix, unless all are asked for.
const MAX_COMMANDS: usize = 5;
/// The column of labels such as `Likely`, and its padding.
const LABELS: u16 = 9;
/// `04-29 05:00` and its padding: a date and its time stay on one line.
const SHORT_DATE: u16 = 13;
/// Beyond this width, the list of all jobs has room for their slots.
const SLOTS_FROM: u16 = 116;
/// A timeline with fewer slots than this shows nothing.
const MIN_TIMELINE_SLOTS: usize = 8;

/// The whole report as text: for several databases first one line each, then those in trouble.
pub fn render(report: &Report, style: Style, all: bool) -> String {
    let page = Page { style, all, now: report.now, history: report.history };
    match &report.databases {
        Err(error) => page.could_not_audit("", &error.to_string()),
        Ok(databases) if databases.len() == 1 => databases.iter().map(|database| page.database(database)).collect(),
        Ok(databases) => page.several(databases),
    }
}

struct Page {
    style: Style,
    all: bool,
    now: Instant,
    history: bool,
}

impl Page {
    fn several(&self, databases: &[Database]) -> String {
        let mut worst_first: Vec<&Database> = databases.iter().collect();
        worst_first.sort_by_key(|database| database.rank());
        let word = |database: &Database| database.severity().map_or(UNREAD, Severity::word);
        let head = format!("{} databases: {}", databases.len(), counts(&worst_first));
        let mut text = format!("{}\n\n", self.with_right(&head, &utc_minute(self.now)));
        let words = worst_first.iter().map(|database| word(database).len()).max().unwrap_or(0);
        let paths = worst_first.iter().map(|database| shown_path(database).width()).max().unwrap_or(0);
        for database in &worst_first {
            let summary = match &database.outcome {
                Ok(audited) => [Some(audited.in_words()), audited.quiet_in_words()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("; "),
                Err(error) => sanitize::text(&error.to_string(), MAX_TEXT_LEN),
            };
            let room = self.style.width.saturating_sub(columns(words));
            let mut row = self.plain_table();
            row.set_width(room).add_row([shown_path(database), summary]);
            if let Some(column) = row.column_mut(0) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed((columns(paths) + 2).min(room / 2))));
            }
            let mut begin = self.paint(&padded(word(database), words), color_of(database.severity()));
            for line in row.lines() {
                text += &format!("{begin}{}\n", line.trim_end());
                begin = " ".repeat(words);
            }
        }
        let has_more = |audited: &Audited| {
            let verdict = &audited.verdict;
            let found = audited.jobs().any(|job| job.severity > Severity::Ok) || !verdict.incidents.is_empty();
            self.all || self.history || found || !verdict.notes.is_empty()
        };
        for database in worst_first {
            if let Some(audited) = database.outcome.as_ref().ok().filter(|audited| has_more(audited)) {
                text += &format!("\n{}", self.audited(database, audited));
            }
        }
        text
    }

    fn could_not_audit(&self, path: &str, why: &str) -> String {
        let word = self.paint(&UNREAD.to_uppercase(), color_of(None));
        format!("{word}{path}\n{}\n", self.wrapped(&sanitize::text(why, MAX_TEXT_LEN)))
    }

    fn database(&self, database: &Database) -> String {
        match &database.outcome {
            Ok(audited) => self.audited(database, audited),
            Err(error) => self.could_not_audit(&format!(" {}", shown_path(database)), &error.to_string()),
        }
    }

    fn audited(&self, database: &Database, audited: &Audited) -> String {
        let verdict = &audited.verdict;
        let severity = verdict.severity();
        let word = severity.word().to_uppercase();
        let head = format!("{word} {}   {}", shown_path(database), audited.in_words());
        let mut text = self.repaint(&self.with_right(&head, &utc_minute(self.now)), &word, severity) + "\n";
        if let Some(scope) = audited.scope() {
            text += &format!("{}\n", self.wrapped(&scope));
        }
        if let Some(quiet) = audited.quiet_in_words() {
            text += &format!("{}\n", self.wrapped(&quiet));
        }
        if severity <= Severity::Info
            && let Some(proof) = audited.proof_of_life(self.now)
        {
            text += &format!("{}\n", self.wrapped(&self.told(&proof)));
        }
        let shown = if self.all { verdict.incidents.len() } else { MAX_INCIDENTS };
        let mut has_timelines = false;
        for located in database.incidents().take(shown) {
            let (incident, timelines) = self.incident(located);
            text += &format!("\n{incident}");
            has_timelines |= timelines;
        }
        let more = self.more(verdict.incidents.len().saturating_sub(shown), "incident");
        text += &if more.is_empty() { more } else { format!("\n{more}") };
        text += &self.infos(audited);
        if self.all {
            text += &self.muted(audited);
            let (table, timelines) = self.every_job(audited);
            text += &format!("\n{table}");
            has_timelines |= timelines;
        }
        if has_timelines {
            text += &format!("\n{}\n", self.legend());
        }
        if self.history {
            text.extend(audited.jobs().map(|report| self.history(report)));
        }
        let note = |note: &String| self.wrapped(&format!("note: {}", sanitize::text(note, MAX_TEXT_LEN))) + "\n";
        text + &verdict.notes.iter().map(note).collect::<String>()
    }

    fn more(&self, rest: usize, thing: &str) -> String {
        let thing = if rest == 1 { thing.to_owned() } else { format!("{thing}s") };
        if rest == 0 { String::new() } else { format!("  and {rest} more {thing} (--all)\n") }
    }

    /// An incident, and whether a timeline is part of it.
    fn incident(&self, located: Located<'_>) -> (String, bool) {
        let Located { audited, incident, .. } = located;
        let mark = self.mark(incident);
        let head = format!("{mark} {}", self.told(&incident.headline()));
        let when = when(incident, self.now, |at| self.short(at)).unwrap_or_default();
        let mut text = self.repaint(&self.with_right(&head, &when), mark, incident.severity) + "\n";
        let mut lines = vec![("Seen", self.told(&incident.text.seen()))];
        lines.extend(incident.text.inferred.as_ref().map(|inferred| ("Likely", self.told(inferred))));
        lines.extend(incident.error.as_ref().map(|error| ("Error", sanitize::text(error, MAX_ERROR_LEN))));
        lines.push(("Fix", sanitize::text(&incident.remedy.step, MAX_TEXT_LEN)));
        text += &self.labeled(&lines);
        // Neither wrapped nor indented: each is a line to be pasted into a shell.
        let commands = commands(&located);
        let shown = if self.all { commands.len() } else { MAX_COMMANDS };
        for command in commands.iter().take(shown) {
            text += &format!("{}\n", sanitize::text(command, usize::MAX));
        }
        text += &self.more(commands.len().saturating_sub(shown), "command");
        let more = format!("sched-audit --explain {}; fingerprint {}", incident.cause.name(), incident.fingerprint);
        let then = incident.remedy.then.iter().map(|then| ("", sanitize::text(then, MAX_TEXT_LEN)));
        text += &self.labeled(&then.chain([("More", more)]).collect::<Vec<_>>());
        let (jobs, timelines) = self.jobs(audited, incident);
        (text + &jobs, timelines)
    }

    /// Lines of a label and a text, in columns.
    fn labeled(&self, lines: &[(&str, String)]) -> String {
        let mut table = self.plain_table();
        for (label, text) in lines {
            table.add_row([format!(" {label}"), text.clone()]);
        }
        if let Some(column) = table.column_mut(0) {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(LABELS)));
        }
        trimmed(&table)
    }

    /// A text with its times as short as those beside it: the head says that all of them are in UTC, and which year it is.
    fn told(&self, text: &Text) -> String {
        sanitize::text(&text.short(self.now), MAX_TEXT_LEN)
    }

    fn mark(&self, incident: &Incident) -> &'static str {
        match (incident.status, incident.severity, self.style.utf8) {
            (Status::Resolved, _, true) => "✓",
            (Status::Resolved, _, false) => "-",
            (Status::Ongoing, Severity::Critical, true) => "✗",
            (Status::Ongoing, Severity::Critical, false) => "X",
            (Status::Ongoing, Severity::Ok | Severity::Info | Severity::Warning, _) => "!",
        }
    }

    /// One line for each job that an incident affects: its name, what it lost, its last slots.
    fn jobs(&self, audited: &Audited, incident: &Incident) -> (String, bool) {
        let shown = if self.all { incident.jobs.len() } else { MAX_JOBS };
        let mut jobs = Vec::new();
        for affected in incident.jobs.iter().take(shown) {
            let lost = match affected.missed_slots {
                0 if affected.waits => "waits".to_owned(),
                0 => String::new(),
                lost => format!("{lost} lost"),
            };
            jobs.push((&audited.verdict[affected.job], lost));
        }
        let (text, timelines) = self.lines(&jobs);
        (text + &self.more(incident.jobs.len().saturating_sub(shown), "job"), timelines)
    }

    /// Lines of name, number, and timeline, in columns.
    fn lines(&self, jobs: &[(&JobReport, String)]) -> (String, bool) {
        let names: Vec<String> = jobs.iter().map(|(job, _)| shown_name(job)).collect();
        let name_width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let lost_width = jobs.iter().map(|(_, lost)| lost.width()).max().unwrap_or(0);
        let gap = if lost_width == 0 { 0 } else { lost_width + 2 };
        let room = usize::from(self.style.width).saturating_sub(2 + name_width + gap + 2);
        let (mut text, mut has_timelines) = (String::new(), false);
        for ((job, lost), name) in jobs.iter().zip(&names) {
            let mut line = format!("  {}", padded(name, name_width));
            if gap > 0 {
                line += &format!("  {}", padded(lost, lost_width));
            }
            if room >= MIN_TIMELINE_SLOTS && !job.timeline.marks.is_empty() {
                line += &format!("  {}", self.timeline(&job.timeline, room));
                has_timelines = true;
            }
            text += &format!("{}\n", line.trim_end());
        }
        (text, has_timelines)
    }

    /// As many of the last slots as there is room for.
    fn timeline(&self, timeline: &Timeline, room: usize) -> String {
        let skipped = timeline.marks.len().saturating_sub(room);
        let mut text = String::new();
        for run in timeline.marks[skipped..].chunk_by(|a, b| a == b) {
            let marks: String = run.iter().map(|mark| self.symbol(*mark)).collect();
            text += &self.paint(&marks, color_of_mark(run[0]));
        }
        text
    }

    fn symbol(&self, mark: Mark) -> char {
        if self.style.utf8 { mark.symbol() } else { mark.ascii() }
    }

    fn legend(&self) -> String {
        let begin = "Slots, oldest left:";
        let (mut text, mut width) = (begin.to_owned(), begin.width());
        for mark in Mark::ALL {
            let (symbol, meaning) = (self.symbol(mark).to_string(), mark.meaning());
            let entry = 2 + symbol.width() + 1 + meaning.len();
            if width + entry > usize::from(self.style.width) {
                text += "\n";
                width = 0;
            }
            text += &format!("  {} {meaning}", self.paint(&symbol, color_of_mark(mark)));
            width += entry;
        }
        text
    }

    /// What is only information.
    fn infos(&self, audited: &Audited) -> String {
        let findings = audited.verdict.findings();
        let infos: Vec<_> = findings.iter().filter(|located| located.incident.is_none()).collect();
        if infos.is_empty() {
            return String::new();
        }
        let shown = if self.all { infos.len() } else { MAX_INFOS };
        let mut table = self.plain_table();
        for located in infos.iter().take(shown) {
            let name = match audited.verdict.job_of(located.finding) {
                Some(report) => shown_name(report),
                None => "the scheduler".to_owned(),
            };
            let message = self.told(&audited.verdict.sentence(located.finding, self.now));
            table.add_row([format!(" {name}"), message]);
        }
        keep_names_whole(&mut table);
        format!("\nWorth knowing\n{}{}", trimmed(&table), self.more(infos.len().saturating_sub(shown), "line"))
    }

    /// What the operator has muted, until when, and why.
    fn muted(&self, audited: &Audited) -> String {
        let muted = audited.verdict.muted.iter().map(|muted| muted_in_words(muted, |at| self.short(at)));
        let lines: Vec<String> = muted.map(|text| self.wrapped(&sanitize::text(&text, MAX_TEXT_LEN)) + "\n").collect();
        if lines.is_empty() { String::new() } else { format!("\nMuted\n{}", lines.concat()) }
    }

    /// Every job, the next to run first, then in grey those that are not watched; and whether a timeline is part of it.
    fn every_job(&self, audited: &Audited) -> (String, bool) {
        let mut jobs: Vec<&JobReport> = audited.jobs().collect();
        jobs.sort_by_key(|report| next_run(report, self.now).unwrap_or(Instant::MAX));
        let (watched, others): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|report| report.job.state.is_watched());
        let room = usize::from(self.style.width.saturating_sub(SLOTS_FROM));
        let slots = Some(room).filter(|room| *room >= MIN_TIMELINE_SLOTS);
        let mut text = self.list(&watched, slots);
        if !others.is_empty() {
            let grey = self.list(&others, None);
            text += "\nNot watched\n";
            text +=
                &grey.lines().map(|line| self.paint(line, colored(AnsiColor::BrightBlack)) + "\n").collect::<String>();
        }
        (text, slots.is_some() && !watched.is_empty())
    }

    /// A table of jobs, with so many of their last slots. On a narrow terminal, two columns share one.
    fn list(&self, jobs: &[&JobReport], slots: Option<usize>) -> String {
        let is_wide = self.style.width >= WIDE;
        let pair = |one: String, two: String| if is_wide { vec![one, two] } else { vec![format!("{one}\n{two}")] };
        let row = |[job, schedule, last, next, tokens, cost]: [String; 6], slots: Option<String>| {
            let cells = [vec![job, schedule], pair(last, next), pair(tokens, cost), slots.into_iter().collect()];
            cells.concat()
        };
        let mut table = self.plain_table();
        let heads = ["JOB", "SCHEDULE", "LAST RUN", "NEXT RUN", "7 D TOKENS", "USD"].map(str::to_owned);
        table.set_header(row(heads, slots.map(|_| "SLOTS".to_owned())));
        for report in jobs {
            let (tokens, cost) = used(report.metrics.last_week);
            let cells =
                [shown_name(report), schedule(report), self.last_run(report), self.next_run(report), tokens, cost];
            table.add_row(row(cells, slots.map(|room| self.marks(&report.timeline, room))));
        }
        keep_names_whole(&mut table);
        let dates = [SHORT_DATE + 2, SHORT_DATE].into_iter().take(if is_wide { 2 } else { 1 });
        for (column, width) in table.column_iter_mut().skip(2).zip(dates) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        trimmed(&table)
    }

    /// As many of the last slots as there is room for, without color.
    fn marks(&self, timeline: &Timeline, room: usize) -> String {
        let skipped = timeline.marks.len().saturating_sub(room);
        timeline.marks[skipped..].iter().map(|mark| self.symbol(*mark)).collect()
    }

    /// When a job last ran, after the mark of how that went.
    fn last_run(&self, report: &JobReport) -> String {
        let symbol = match report.last_run_worked() {
            Some(true) => self.symbol(Mark::Fired),
            Some(false) => self.symbol(Mark::ZeroTokens),
            None => ' ',
        };
        report.job.last_end().map_or_else(|| "-".to_owned(), |end| format!("{symbol} {}", self.short(end)))
    }

    fn next_run(&self, report: &JobReport) -> String {
        next_run(report, self.now).map_or_else(|| "-".to_owned(), |at| self.short(at))
    }

    fn short(&self, at: Instant) -> String {
        at.minute_in_year_of(self.now)
    }

    /// A text with another one at the right edge, or below it where the line is too short for both.
    fn with_right(&self, left: &str, right: &str) -> String {
        let width = usize::from(self.style.width);
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
            .set_width(self.style.width);
        table
    }

    /// Colors the word that a text begins with.
    fn repaint(&self, text: &str, word: &str, severity: Severity) -> String {
        let painted = |rest| self.paint(word, color_of(Some(severity))) + rest;
        text.strip_prefix(word).map_or_else(|| text.to_owned(), painted)
    }

    fn paint(&self, text: &str, style: anstyle::Style) -> String {
        if self.style.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// When a job runs next; None for a job that does not run, whatever its row says.
fn next_run(report: &JobReport, now: Instant) -> Option<Instant> {
    report.job.next_run().filter(|next| report.job.state.is_watched() || *next > now)
}

/// A job's schedule with the zone that it names, and its state if it is not watched.
fn schedule(report: &JobReport) -> String {
    let job = &report.job;
    let zone = job.schedule.timezone().map(|zone| sanitize::text(zone, MAX_NAME_LEN));
    let state = (!job.state.is_watched()).then(|| job.state.word().to_owned());
    let parts = std::iter::once(sanitize::text(&job.schedule.text(), MAX_NAME_LEN)).chain(zone).chain(state);
    parts.collect::<Vec<_>>().join(", ")
}

/// Tokens, and what they cost in US dollars.
fn used(usage: Usage) -> (String, String) {
    let tokens = match usage.tokens {
        None => "-".to_owned(),
        Some(tokens) if tokens >= 999_950 => format!("{:.1}M", tokens as f64 / 1e6),
        Some(tokens) if tokens >= 1000 => format!("{:.1}k", tokens as f64 / 1e3),
        Some(tokens) => tokens.to_string(),
    };
    let cost = usage.cost_usd.map(|cost| usd(cost).trim_end_matches(" USD").to_owned());
    (tokens, cost.unwrap_or_else(|| "-".to_owned()))
}

fn keep_names_whole(table: &mut Table) {
    let widest = table.column_max_content_widths().first().map_or(0, |width| width + 2);
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(widest.min(MAX_UNBROKEN_NAME_LEN))));
        names.set_cell_alignment(CellAlignment::Left);
    }
}

fn trimmed(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

fn columns(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX - 2)
}

fn shown_path(database: &Database) -> String {
    sanitize::path(&database.path, MAX_PATH_LEN)
}

fn shown_name(report: &JobReport) -> String {
    sanitize::text(report.job.label(), MAX_NAME_LEN)
}

/// The color of a severity; None stands for what could not be audited.
fn color_of(severity: Option<Severity>) -> anstyle::Style {
    match severity {
        Some(Severity::Ok) => colored(AnsiColor::Green),
        Some(Severity::Info) => colored(AnsiColor::Cyan),
        Some(Severity::Warning) => colored(AnsiColor::Yellow),
        Some(Severity::Critical) | None => colored(AnsiColor::Red).bold(),
    }
}

fn color_of_mark(mark: Mark) -> anstyle::Style {
    match mark {
        Mark::Fired => color_of(Some(Severity::Ok)),
        Mark::ZeroTokens => color_of(Some(Severity::Warning)),
        Mark::Missed => color_of(Some(Severity::Critical)),
        Mark::Skipped | Mark::Waiting => anstyle::Style::new(),
    }
}

fn colored(color: AnsiColor) -> anstyle::Style {
    anstyle::Style::new().fg_color(Some(Color::Ansi(color)))
}
