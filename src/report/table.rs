//! The table: what a person sees. The worst job comes first, and a last line says where to look.

use super::{Audited, Database, Report, safe};
use crate::audit::{Finding, Lasting, Outcome, Severity, SlotOutcome};
use crate::model::Job;
use crate::time::{Instant, span};
use comfy_table::presets;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

/// The width where nothing tells the terminal's.
pub const DEFAULT_WIDTH: u16 = 80;
/// What is said of a database that could not be audited.
const UNREAD: &str = "could not audit";
const LONGEST_NAME: usize = 40;
/// The width that a name may claim before it is broken, padding included.
const LONGEST_UNBROKEN_NAME: u16 = 24;
/// Leaves room for the longest strip in 80 columns.
const LONGEST_STRIP_NAME: usize = 24;
const LONGEST_MESSAGE: usize = 400;

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
    let databases = match &report.databases {
        Err(error) => return could_not_audit(error, look),
        Ok(databases) if databases.len() == 1 => {
            return databases.iter().map(|one| render_database(one, look)).collect();
        }
        Ok(databases) => databases,
    };
    let mut worst_first: Vec<&Database> = databases.iter().collect();
    worst_first.sort_by_key(|database| std::cmp::Reverse(database.severity().rank()));
    let mut text = summary(report, &worst_first, look);
    for database in worst_first {
        if let Ok(audited) = &database.outcome
            && (look.all || !audited.verdict.findings.is_empty() || !audited.snapshot.notes.is_empty())
        {
            text += &format!("\n{}", render_audited(database, audited, look));
        }
    }
    text
}

fn summary(report: &Report, databases: &[&Database], look: Look) -> String {
    let mut table = plain_table(look);
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for database in databases {
        let (word, told) = match &database.outcome {
            Ok(audited) => (database.severity().word(), watched(audited) + &troubled(audited)),
            Err(why) => (UNREAD, safe::text(why, LONGEST_MESSAGE)),
        };
        match counts.last_mut().filter(|(last, _)| *last == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
        table.add_row([word.to_owned(), shown_path(database), told]);
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let head = format!("{} databases as of {} UTC: {}", databases.len(), report.now.minute(), counts.join(", "));
    format!("{}\n\n{}\n", wrapped(&head, look), paint_severities(&table, look))
}

fn could_not_audit(why: &str, look: Look) -> String {
    format!("{}\n{}\n", paint(&UNREAD.to_uppercase(), Severity::Unknown, look), safe::text(why, LONGEST_MESSAGE))
}

fn render_database(database: &Database, look: Look) -> String {
    match &database.outcome {
        Ok(audited) => render_audited(database, audited, look),
        Err(error) => format!("{}: {}", shown_path(database), could_not_audit(error, look)),
    }
}

fn shown_path(database: &Database) -> String {
    safe::text(&database.path.to_string_lossy(), LONGEST_MESSAGE)
}

/// How many jobs are watched, and why the others are not.
fn watched(audited: &Audited) -> String {
    format!("{} jobs watched{}", audited.watched(), skipped(audited.jobs().map(|(_, job)| job)))
}

fn troubled(audited: &Audited) -> String {
    let count = audited.verdict.jobs.iter().filter(|severity| **severity > Severity::Info).count();
    if count == 0 { String::new() } else { format!(", {count} in trouble") }
}

fn render_audited(database: &Database, audited: &Audited, look: Look) -> String {
    let settings = &audited.settings;
    let severity = audited.verdict.severity;
    let mut text = format!(
        "{}: {} as of {} UTC, zone {}\n{}{}\n",
        shown_path(database),
        paint(&severity.word().to_uppercase(), severity, look),
        settings.now.minute(),
        settings.zone.name(),
        watched(audited),
        if audited.verdict.findings.is_empty() { ": no trouble found" } else { "" },
    );
    if !audited.verdict.findings.is_empty() {
        text += &format!("\n{}\n", paint_severities(&findings_table(audited, settings.now, look), look));
    }
    text += &strips(audited, look);
    for diagnosis in &audited.verdict.diagnosis {
        text += "\n";
        let said = diagnosis.observed.join("; ");
        for (what, said) in [("Observed", &said), ("Inferred", &diagnosis.inferred), ("Suggested", &diagnosis.suggest)]
        {
            text += &format!("{}\n", wrapped(&format!("{what}: {}", safe::text(said, LONGEST_MESSAGE)), look));
        }
    }
    if look.all {
        text += &format!("\n{}\n", jobs_table(audited, settings.now, look).trim_fmt());
    }
    for note in &audited.snapshot.notes {
        text += &format!("{}\n", wrapped(&format!("note: {}", safe::text(note, LONGEST_MESSAGE)), look));
    }
    let worst = audited.verdict.findings.first().filter(|worst| worst.severity > Severity::Info);
    if let Some(worst) = worst.filter(|_| audited.verdict.diagnosis.is_empty()) {
        let advice = advice(worst, &audited.snapshot.jobs[worst.job]);
        text += &format!("\n{}\n", wrapped(&format!("Look at: {advice}"), look));
    }
    text
}

fn skipped<'a>(jobs: impl Iterator<Item = &'a Job>) -> String {
    let mut counts = std::collections::BTreeMap::new();
    jobs.filter(|job| !job.state.is_watched()).for_each(|job| *counts.entry(job.state.word()).or_insert(0) += 1);
    let total: usize = counts.values().sum();
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    if total == 0 { String::new() } else { format!(", {total} skipped ({})", words.join(", ")) }
}

fn findings_table(audited: &Audited, now: Instant, look: Look) -> Table {
    let mut table = plain_table(look);
    table.set_header(["JOB", "SEVERITY", "SINCE (UTC)", "FINDING"]);
    let mut named = None;
    for finding in &audited.verdict.findings {
        let job = &audited.snapshot.jobs[finding.job];
        let name = if named == Some(finding.job) { String::new() } else { safe::text(&job.name, LONGEST_NAME) };
        named = Some(finding.job);
        let since =
            finding.since.map_or_else(String::new, |at| format!("{}\n{} ago", at.minute(), span(now.since(at))));
        let resolved = if finding.lasting == Lasting::Resolved { "\nresolved" } else { "" };
        let severity = finding.severity.word();
        let message = safe::text(&finding.message, LONGEST_MESSAGE);
        table.add_row([name, format!("{severity}{resolved}"), since, format!("{}: {message}", finding.reason)]);
    }
    table
}

/// A line for each troubled job (or every one): its latest slots, oldest left, and a legend once.
fn strips(audited: &Audited, look: Look) -> String {
    let mut table = plain_table(look);
    let shown = |index: &usize| audited.selected[*index] && (look.all || audited.verdict.jobs[*index] > Severity::Ok);
    let mut order: Vec<usize> = audited.verdict.findings.iter().map(|finding| finding.job).collect();
    order.extend(0..audited.snapshot.jobs.len());
    let mut seen = std::collections::HashSet::new();
    for index in order.into_iter().filter(|index| seen.insert(*index)).filter(shown) {
        let slots = &audited.verdict.recent_slots[index];
        if !slots.is_empty() {
            let strip: String = slots.iter().map(|slot: &SlotOutcome| mark(slot.outcome, look)).collect();
            table.add_row([safe::text(&audited.snapshot.jobs[index].name, LONGEST_STRIP_NAME), strip]);
        }
    }
    if table.is_empty() {
        return String::new();
    }
    let outcomes = [Outcome::Fired, Outcome::ZeroTokens, Outcome::Missed, Outcome::Waiting];
    let legend = outcomes.iter().zip(["fired", "fired with zero tokens", "missed", "waiting"]);
    let legend: Vec<String> = legend.map(|(outcome, word)| format!("{} {word}", mark(*outcome, look))).collect();
    let strips = paint_strips(&table.trim_fmt(), look);
    format!("\n{strips}\n Slots, oldest left: {}\n", paint_strips(&legend.join("  "), look))
}

fn mark(outcome: Outcome, look: Look) -> char {
    match (outcome, look.utf8) {
        (Outcome::Fired, true) => '●',
        (Outcome::ZeroTokens, true) => '○',
        (Outcome::Missed, true) => '×',
        (Outcome::Waiting, true) => '…',
        (Outcome::Fired, false) => '#',
        (Outcome::ZeroTokens, false) => '0',
        (Outcome::Missed, false) => 'x',
        (Outcome::Waiting, false) => '~',
    }
}

/// Colours the marks that only strips use; without UTF-8 they are letters and stay plain.
fn paint_strips(text: &str, look: Look) -> String {
    if !look.color || !look.utf8 {
        return text.to_owned();
    }
    let marks = [('●', Severity::Ok), ('○', Severity::Warning), ('×', Severity::Critical)];
    marks
        .iter()
        .fold(text.to_owned(), |text, (mark, severity)| text.replace(*mark, &paint(&mark.to_string(), *severity, look)))
}

/// The words of severity, and what they are coloured as.
const PAINTED: [(&str, Severity); 5] = [
    ("critical", Severity::Critical),
    (UNREAD, Severity::Unknown),
    ("warning", Severity::Warning),
    ("info", Severity::Info),
    ("ok", Severity::Ok),
];

/// Colours the first severity word of each line: colour within a cell would count as width.
fn paint_severities(table: &Table, look: Look) -> String {
    let lines = table.trim_fmt();
    let painted = lines.lines().map(|line| {
        let word = |(word, _): &&(&str, Severity)| line.contains(&format!(" {word}"));
        match PAINTED.iter().find(word) {
            Some(&(word, severity)) => line.replacen(word, &paint(word, severity, look), 1),
            None => line.to_owned(),
        }
    });
    painted.collect::<Vec<_>>().join("\n")
}

fn jobs_table(audited: &Audited, now: Instant, look: Look) -> Table {
    let mut table = plain_table(look);
    table.set_header(["JOB", "STATE", "SCHEDULE", "LAST RUN", "NEXT RUN", "NEXT SLOT"]);
    let shown = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), Instant::minute);
    for (_, job) in audited.jobs() {
        let zone = job
            .schedule
            .timezone
            .as_ref()
            .map_or_else(String::new, |zone| format!("\n{}", safe::text(zone, LONGEST_NAME)));
        table.add_row([
            safe::text(&job.name, LONGEST_NAME),
            job.state.word().to_owned(),
            safe::text(&job.schedule.text(), LONGEST_NAME) + &zone,
            shown(job.last_run.as_ref().map(|run| run.start)),
            shown(job.next_run_at.instant()),
            shown(job.next_slot(now)),
        ]);
    }
    let widest = table.column_max_content_widths().first().map_or(0, |width| width + 2);
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(widest.min(LONGEST_UNBROKEN_NAME))));
    }
    table
}

fn wrapped(line: &str, look: Look) -> String {
    let mut table = plain_table(look);
    table.add_row([line]);
    table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
}

fn plain_table(look: Look) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(look.width);
    table
}

/// One step for a person, by the reason of the worst finding.
fn advice(finding: &Finding, job: &Job) -> String {
    let row = format!("the row of {} in scheduled_jobs", safe::text(&job.name, LONGEST_NAME));
    match finding.reason {
        _ if finding.lasting == Lasting::Resolved => {
            format!("the scheduler's log from {} on", finding.since.map_or_else(String::new, Instant::minute))
        }
        "breaker-open" => {
            format!("{row}: last_run_error says why; a restart will not revive it, the row must be edited")
        }
        "hung-run" => {
            "the run that never ended; other jobs start only when it ends or the scheduler is restarted".to_owned()
        }
        "zero-token-streak" | "failing" => format!("{row}: last_run_error, and whether the model's provider answers"),
        "unreadable-schedule" | "no-next-run" | "runaway" | "unknown-state" => {
            format!("{row}: schedule_value, status and next_run_at")
        }
        _ => "whether the scheduler's process runs, and its log since the job's last fire".to_owned(),
    }
}

fn paint(word: &str, severity: Severity, look: Look) -> String {
    let code = match severity {
        Severity::Ok => "32",
        Severity::Info => "36",
        Severity::Warning => "33",
        Severity::Critical | Severity::Unknown => "31;1",
    };
    if look.color { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
}
