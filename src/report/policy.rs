//! `--check-config`: what each job gets, and from where.

use super::{Report, safe};
use crate::audit::Settings;
use crate::policy::{Policy, Terms};
use crate::time::span;

const LONGEST_NAME: usize = 120;

/// The settings of all jobs, then what is special about each.
pub fn render(report: &Report, policy: &Policy) -> String {
    let keys = ["late_after", "lost_after", "late_cadences", "zero_streak", "zero_streak_critical", "max_run"];
    let base: Vec<String> = keys.iter().map(|key| format!("{key} {}", value(key, &policy.settings))).collect();
    let mut text = format!("every job: {}\n", base.join(", "));
    let expected: Vec<String> = policy.expected.iter().map(|pattern| format!("{:?}", pattern.to_string())).collect();
    if !expected.is_empty() {
        text += &format!("expected: {}\n", expected.join(", "));
    }
    let file = policy.file.as_ref().map_or_else(String::new, |path| safe::text(&path.to_string_lossy(), LONGEST_NAME));
    for (database, audited) in report.audited() {
        text += &format!("\n{}\n", safe::text(&database.path.to_string_lossy(), LONGEST_NAME));
        for judged in audited.jobs() {
            let terms = policy.terms(&judged.job);
            let special: Vec<String> =
                terms.set_by.iter().map(|(key, line)| special(&terms, key, &file, *line)).collect();
            let special = if special.is_empty() { "as every job".to_owned() } else { special.join(", ") };
            text += &format!("  {}: {special}\n", safe::text(&judged.job.name, LONGEST_NAME));
        }
    }
    text
}

fn special(terms: &Terms, key: &str, file: &str, line: usize) -> String {
    let value = match key {
        "mute" => terms.mute.iter().map(|mute| mute.name()).collect::<Vec<_>>().join(" "),
        key => value(key, &terms.settings),
    };
    format!("{key} {value} ({file} line {line})")
}

fn value(key: &str, settings: &Settings) -> String {
    match key {
        "late_after" => span(settings.late_after),
        "lost_after" => span(settings.lost_after),
        "late_cadences" => settings.late_cadences.to_string(),
        "zero_streak" => settings.zero_streak.to_string(),
        "zero_streak_critical" => settings.zero_streak_critical.to_string(),
        _ => span(settings.max_run),
    }
}
