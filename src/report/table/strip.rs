//! What became of the last slots of the jobs of an incident, one sign a slot, with a legend of the signs that occur.

use super::page::{DIM, FIRST, PLAIN, Page, colored, shown_name};
use super::toll::{Toll, holds_up};
use super::wrap::{cut, padded, right, wrap};
use crate::audit::{Incident, JobReport, Mark};
use crate::catalog::Problem;
use crate::model::State;
use crate::numbers::grouped;
use crate::report::content::Audited;
use crate::text::NO_BREAK;
use anstyle::AnsiColor;
use unicode_width::UnicodeWidthStr;

/// Signs beside a name, at most and at least: with fewer, the legend moves below.
const MOST_BESIDE_NAME: usize = 28;
const LEAST_BESIDE_NAME: usize = 20;
/// Signs of a job alone, at most, and at least beside the legend.
const MOST_ALONE: usize = 96;
const LEAST_BESIDE_LEGEND: usize = 28;
/// The length of a strip changes in such steps, so that strips of like screens are alike.
const STEP: usize = 4;
/// Below this width of the terminal, names are cut.
const NARROW: usize = 70;
const MAX_NARROW_NAME: usize = 12;

/// One job with its last slots.
struct Row<'a> {
    name: String,
    marks: &'a [Mark],
    /// What it lost, in words; of a job alone nothing, because a line above says it.
    note: String,
    /// When it lost it, where that differs from job to job.
    when: String,
}

/// The lines of the label `Slots`; None if they would show nothing that went wrong.
pub fn lines(page: &Page, audited: &Audited, incident: &Incident, most: usize) -> Option<String> {
    let mut jobs = ranked(audited, incident);
    if incident.until.is_some() {
        jobs.retain(|(_, toll)| toll.lost > 0);
    }
    let tells = |(report, _): &(&JobReport, Toll)| tells_anything(&report.timeline.marks);
    if !jobs.iter().any(tells) {
        return None;
    }
    let (with_slots, without): (Vec<_>, Vec<_>) = jobs.into_iter().partition(tells);
    let is_named = |report: &JobReport| incident.headline.to_string().contains(report.job.label());
    let alone = with_slots.len() == 1 && without.is_empty() && is_named(with_slots[0].0);
    let rows: Vec<Row<'_>> =
        with_slots.iter().take(most).map(|(report, toll)| row(page, incident, report, toll, alone)).collect();
    let text = if alone { one(page, &rows[0]) } else { several(page, &rows) };
    let unseen: Vec<_> = with_slots.iter().skip(most).chain(&without).collect();
    Some(text + &rest(page, &unseen))
}

/// The affected jobs, the one with the run that holds the others up first, then those that lost the most.
fn ranked<'a>(audited: &'a Audited, incident: &Incident) -> Vec<(&'a JobReport, Toll)> {
    let reports = incident.jobs.iter().map(|affected| &audited.verdict[affected.job]);
    let mut jobs: Vec<(&JobReport, Toll)> = reports.zip(Toll::of_all(audited, incident)).collect();
    let culprits = usize::from(holds_up(incident)).min(jobs.len());
    jobs[culprits..].sort_by_key(|(_, toll)| std::cmp::Reverse((toll.total(), toll.failed)));
    jobs
}

/// Whether something other than runs and the slot that is due now is to be seen.
fn tells_anything(marks: &[Mark]) -> bool {
    let waiting = marks.iter().rev().take_while(|mark| **mark == Mark::Waiting).count();
    waiting > 1 || marks[..marks.len() - waiting].iter().any(|mark| *mark != Mark::Fired)
}

fn row<'a>(page: &Page, incident: &Incident, report: &'a JobReport, toll: &Toll, alone: bool) -> Row<'a> {
    let mut name = shown_name(report.job.label());
    if page.width() < NARROW {
        name = cut(&name, MAX_NARROW_NAME, page.ellipsis());
    }
    let (note, when) = if alone { Default::default() } else { (note(toll), when(page, incident, report, toll)) };
    Row { name, marks: &report.timeline.marks, note, when: when.replace(NO_BREAK, " ") }
}

/// When a job lost its only slot while others ran and when it runs next, or when the scheduler switched it off.
fn when(page: &Page, incident: &Incident, report: &JobReport, toll: &Toll) -> String {
    match (incident.cause, &report.job.state, toll.slot, report.job.last_end()) {
        (Problem::JobFailing, State::Broken, _, Some(end)) => format!(", off since {}", page.short(end)),
        (Problem::JobSilent, _, Some(slot), _) if toll.lost == 1 && incident.until.is_none() => {
            let next = report.job.next_run().filter(|next| *next > page.now);
            let next = next.map_or_else(String::new, |next| format!(", next {}", page.short(next)));
            format!(" at {}{next}", page.short(slot))
        }
        _ => String::new(),
    }
}

/// What a job lost, as `60 lost`.
fn note(toll: &Toll) -> String {
    match (toll.lost + toll.messages, toll.waits) {
        (0, 0) => String::new(),
        (0, waits) => format!("{} wait", grouped(waits)),
        (lost, _) => format!("{} lost", grouped(lost)),
    }
}

/// A strip that has the line for itself.
fn one(page: &Page, row: &Row<'_>) -> String {
    let room = page.width() - FIRST;
    let all = row.marks.len().min(MOST_ALONE);
    let fits = |signs: &usize| *signs + 2 + width_of_legend(&[last(row.marks, *signs)]) <= room;
    let beside = (LEAST_BESIDE_LEGEND.min(all)..=all).rev().find(fits);
    let shown = match beside {
        Some(signs) if signs < all => in_steps(signs),
        Some(signs) => signs,
        None => all.min(room),
    };
    let marks = last(row.marks, shown);
    let strip = paint(page, marks);
    match beside {
        Some(_) => format!("{}{strip}  {}\n", label(page), legend(page, &[marks])),
        None => format!("{}{strip}\n{}", label(page), below(page, &[marks])),
    }
}

/// Names, strips, and what was lost, in columns.
fn several(page: &Page, rows: &[Row<'_>]) -> String {
    let names = rows.iter().map(|row| row.name.width()).max().unwrap_or(0);
    let notes = rows.iter().map(|row| row.note.width()).max().unwrap_or(0);
    let times = rows.iter().map(|row| row.when.width()).max().unwrap_or(0);
    let note_room = if notes > 0 { notes + times + 2 } else { 0 };
    let room = page.width().saturating_sub(FIRST + names + 2 + note_room);
    let longest = rows.iter().map(|row| row.marks.len()).max().unwrap_or(0).min(MOST_BESIDE_NAME);
    let fits = |signs: &usize| *signs + 2 + width_of_legend(&shown(rows, *signs)) <= room;
    let beside = (LEAST_BESIDE_NAME.min(longest)..=longest).rev().find(fits);
    let signs = match beside {
        Some(signs) if signs < longest => in_steps(signs),
        Some(signs) => signs,
        None => longest.min(room),
    };
    let mut text = String::new();
    for (position, row) in rows.iter().enumerate() {
        let begin = if position == 0 { label(page) } else { " ".repeat(FIRST) };
        let marks = last(row.marks, signs);
        let gap = " ".repeat(signs - marks.len());
        let note = if notes > 0 {
            format!("  {}{}", right(&row.note, notes), padded(&row.when, times))
        } else {
            String::new()
        };
        let end = match beside {
            Some(_) if position == 0 => format!("  {}", legend(page, &shown(rows, signs))),
            _ => String::new(),
        };
        let line = format!("{begin}{}  {}{gap}{note}{end}", padded(&row.name, names), paint(page, marks));
        text += &format!("{}\n", line.trim_end());
    }
    if beside.is_none() {
        text += &below(page, &shown(rows, signs));
    }
    text
}

fn shown<'a>(rows: &[Row<'a>], signs: usize) -> Vec<&'a [Mark]> {
    rows.iter().map(|row| last(row.marks, signs)).collect()
}

fn last(marks: &[Mark], signs: usize) -> &[Mark] {
    &marks[marks.len().saturating_sub(signs)..]
}

fn in_steps(signs: usize) -> usize {
    signs - signs % STEP
}

/// The jobs that are not shown: by name if the names fit into a line, else how many.
fn rest(page: &Page, jobs: &[&(&JobReport, Toll)]) -> String {
    if jobs.is_empty() {
        return String::new();
    }
    let named = format!("and {}", named(jobs));
    let text = if FIRST + named.width() <= page.text_width() { named } else { format!("and {} more jobs", jobs.len()) };
    page.labeled("", &text)
}

fn named(jobs: &[&(&JobReport, Toll)]) -> String {
    let notes: Vec<String> = jobs.iter().map(|(_, toll)| note(toll)).collect();
    let names: Vec<String> = jobs.iter().map(|(report, _)| shown_name(report.job.label())).collect();
    match notes.first() {
        Some(first) if first.is_empty() || notes.iter().any(|note| note != first) => {
            let pairs = names.iter().zip(&notes);
            let with_notes = pairs.map(|(name, note)| format!("{name} {note}").trim_end().to_owned());
            with_notes.collect::<Vec<_>>().join(", ")
        }
        Some(first) if names.len() > 1 => format!("{}, {first} each", names.join(", ")),
        Some(first) => format!("{}, {first}", names.join(", ")),
        None => String::new(),
    }
}

fn label(page: &Page) -> String {
    page.paint("Slots", DIM) + &" ".repeat(FIRST - "Slots".len())
}

fn paint(page: &Page, marks: &[Mark]) -> String {
    let mut text = String::new();
    for run in marks.chunk_by(|one, next| one == next) {
        let signs: String = run.iter().map(|mark| symbol(page, *mark)).collect();
        text += &page.paint(&signs, style_of(run[0]));
    }
    text
}

fn legend_entries(marks: &[&[Mark]]) -> Vec<Mark> {
    Mark::ALL.into_iter().filter(|mark| marks.iter().any(|strip| strip.contains(mark))).collect()
}

fn width_of_legend(marks: &[&[Mark]]) -> usize {
    let entries = legend_entries(marks);
    let words: usize = entries.iter().map(|mark| 2 + mark.meaning().len()).sum();
    words + 2 * entries.len().saturating_sub(1)
}

fn legend(page: &Page, marks: &[&[Mark]]) -> String {
    let entry = |mark: Mark| {
        page.paint(&symbol(page, mark).to_string(), style_of(mark)) + &page.paint(&format!(" {}", mark.meaning()), DIM)
    };
    legend_entries(marks).into_iter().map(entry).collect::<Vec<_>>().join("  ")
}

/// The legend on lines of its own.
fn below(page: &Page, marks: &[&[Mark]]) -> String {
    if FIRST + width_of_legend(marks) <= page.width() {
        return format!("{}{}\n", " ".repeat(FIRST), legend(page, marks));
    }
    let entry = |mark: Mark| format!("{} {}", symbol(page, mark), mark.meaning());
    let text = legend_entries(marks).into_iter().map(entry).collect::<Vec<_>>().join(", ");
    let lines = wrap(&text, page.text_width() - FIRST);
    lines.iter().map(|line| format!("{}{}\n", " ".repeat(FIRST), page.paint(line, DIM))).collect()
}

fn symbol(page: &Page, mark: Mark) -> char {
    if page.style.utf8 { mark.symbol() } else { mark.ascii() }
}

fn style_of(mark: Mark) -> anstyle::Style {
    match mark {
        Mark::Fired | Mark::Skipped => PLAIN,
        Mark::ZeroTokens => colored(AnsiColor::Yellow),
        Mark::Missed | Mark::Undelivered | Mark::Doubled => colored(AnsiColor::Red),
        Mark::Waiting => DIM,
    }
}
