//! `--check-config`: the settings of each job, and where they come from.

use super::{Report, sanitize};
use crate::audit::policy::{JobSettings, Policy};
use crate::settings::Thresholds;
use crate::time::span;

const MAX_NAME_LEN: usize = 120;

/// The keys of thresholds, in the order in which they are shown.
const KEYS: [&str; 6] = ["late_after", "lost_after", "late_cadences", "zero_streak", "zero_streak_critical", "max_run"];

/// The settings of all jobs, then what is special about each.
pub fn render(report: &Report, policy: &Policy) -> String {
    let base: Vec<String> =
        KEYS.iter().map(|key| format!("{key} {}", value(key, &policy.settings.thresholds))).collect();
    let mut text = format!("every job: {}\n", base.join(", "));
    let expected: Vec<String> = policy.expected.iter().map(|pattern| format!("{:?}", pattern.to_string())).collect();
    if !expected.is_empty() {
        text += &format!("expected: {}\n", expected.join(", "));
    }
    let file = policy.file.as_ref().map_or_else(String::new, |path| sanitize::path(path, MAX_NAME_LEN));
    for (database, audited) in report.audited() {
        text += &format!("\n{}\n", sanitize::path(&database.path, MAX_NAME_LEN));
        for job in audited.jobs() {
            let set_by = job.settings.set_by.iter();
            let special: Vec<String> = set_by.map(|(key, line)| special(&job.settings, key, &file, *line)).collect();
            let special = if special.is_empty() { "as every job".to_owned() } else { special.join(", ") };
            text += &format!("  {}: {special}\n", sanitize::text(job.job.label(), MAX_NAME_LEN));
        }
        for note in &audited.verdict.notes {
            text += &format!("note: {}\n", sanitize::text(note, MAX_NAME_LEN));
        }
    }
    text
}

fn special(settings: &JobSettings, key: &str, file: &str, line: usize) -> String {
    let value = match key {
        "mute" => settings.mute.iter().map(|mute| mute.name()).collect::<Vec<_>>().join(" "),
        key => value(key, &settings.thresholds),
    };
    format!("{key} {value} ({file} line {line})")
}

fn value(key: &str, thresholds: &Thresholds) -> String {
    match key {
        "late_after" => span(thresholds.late_after),
        "lost_after" => span(thresholds.lost_after),
        "late_cadences" => thresholds.late_cadences.to_string(),
        "zero_streak" => thresholds.zero_streak.to_string(),
        "zero_streak_critical" => thresholds.zero_streak_critical.to_string(),
        _ => span(thresholds.max_run),
    }
}
