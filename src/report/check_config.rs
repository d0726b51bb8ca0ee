//! `--check-config`: the settings of each job, and where they come from.

use super::content::{Audited, Report};
use super::sanitize;
use crate::audit::policy::{self, IncidentMute, JobSettings, Policy, RuleKey};
use crate::catalog::Problem;
use crate::model::{ColumnFacts, Job, Mapped, Outcome};
use crate::numbers::{count, exactly};
use crate::settings::{Quiet, Setting, Severities, THRESHOLDS, Thresholds};
use crate::time::Instant;

const MAX_NAME_LEN: usize = 120;
const MAX_VALUE_LEN: usize = 400;
/// Jobs of a mapped store that are shown, and runs of each.
const SHOWN: usize = 3;
/// The longest name of a column with a meaning.
const MAX_COLUMN_LEN: usize = 13;

/// The settings of all jobs with where they come from, then what is special about each job.
pub fn render(report: &Report, policy: &Policy, settings: &[Setting]) -> String {
    let thresholds = &policy.settings.thresholds;
    let base: Vec<String> = THRESHOLDS.iter().map(|threshold| threshold_text(threshold.key, thresholds)).collect();
    let mut text = format!("every job: {}\n", base.join(", "));
    let jobs = report.audited().flat_map(|(_, audited)| &audited.verdict.jobs).map(|report| &report.job);
    let jobs: Vec<&Job> = jobs.collect();
    let missing: Vec<String> = policy.missing(jobs.into_iter()).iter().map(ToString::to_string).collect();
    let expected: Vec<String> =
        policy.expected.iter().map(|pattern| expected(&pattern.to_string(), &missing)).collect();
    if !expected.is_empty() {
        text += &format!("expected: {}\n", expected.join(", "));
    }
    let file = policy.file.as_ref().map_or_else(String::new, |path| sanitize::path(path, MAX_NAME_LEN));
    text += &format!("config: {}\n", if file.is_empty() { "none" } else { &file });
    let widest = |of: fn(&Setting) -> &str| settings.iter().map(|setting| of(setting).len()).max().unwrap_or(0);
    let (key, from) = (widest(|setting| setting.key), widest(|setting| &setting.from));
    for setting in settings {
        let value = sanitize::text(&setting.value, MAX_VALUE_LEN);
        text += &format!("  {:key$}  {:from$}  {value}\n", setting.key, setting.from);
    }
    for mute in &policy.mutes {
        let state = state_of_mute(mute, report, policy.settings.now);
        text += &format!("mute: {} ({file} line {}): {state}\n", muted(mute, policy.settings.now), mute.line);
    }
    for (database, audited) in report.audited() {
        text += &format!("\n{}\n", sanitize::path(&database.path, MAX_NAME_LEN));
        for job in audited.jobs() {
            let set_by = job.settings.set_by.iter();
            let special: Vec<String> = set_by.map(|(set, line)| special(&job.settings, *set, &file, *line)).collect();
            let special = if special.is_empty() { "as every job".to_owned() } else { special.join(", ") };
            text += &format!("  {}: {special}\n", sanitize::text(job.job.label(), MAX_NAME_LEN));
        }
        if let Some(mapping) = &audited.verdict.mapping {
            text += &format!("  read as {:?}\n", sanitize::text(&mapping.name, MAX_NAME_LEN));
            text += &gave(mapping);
            text += &understood(audited);
        }
        for note in &audited.verdict.notes {
            text += &format!("note: {}\n", sanitize::text(note, MAX_NAME_LEN));
        }
    }
    text
}

/// What each query of a mapping gave, and each of its columns.
fn gave(mapping: &Mapped) -> String {
    let mut text = String::new();
    for query in &mapping.queries {
        let times = query.times.map(|(first, last)| format!(", from {} to {} UTC", first.minute(), last.minute()));
        text += &format!("  {}: {}{}\n", query.key, count(query.rows, "row"), times.unwrap_or_default());
        for unused in &query.unused {
            text += &format!("    {}\n", sanitize::text(unused, MAX_NAME_LEN));
        }
        for column in &query.columns {
            text +=
                &format!("    {:<MAX_COLUMN_LEN$} {}\n", sanitize::text(&column.name, MAX_COLUMN_LEN), values(column));
        }
    }
    text
}

/// How many values a column gave, and how many of them can't be read.
fn values(column: &ColumnFacts) -> String {
    let example = column.example.as_deref().unwrap_or_default();
    let unread = match column.unread {
        0 => String::new(),
        unread => format!(", {unread} can't be read, such as {:?}", sanitize::text(example, MAX_NAME_LEN)),
    };
    let filled = if column.filled == 0 { "only NULL".to_owned() } else { count(column.filled, "value") };
    filled + &unread
}

/// The first jobs of a mapped store, and the last runs of each, as they are understood.
fn understood(audited: &Audited) -> String {
    let mut text = "  the first jobs, as they are understood, in UTC:\n".to_owned();
    for report in audited.jobs().take(SHOWN) {
        let job = &report.job;
        let time = |at: Option<Instant>| at.map_or_else(|| "unknown".to_owned(), Instant::minute);
        text += &format!(
            "    {}: id {}, {}, {}, next run {}, next slot {}\n",
            sanitize::text(job.label(), MAX_NAME_LEN),
            sanitize::text(&job.id, MAX_NAME_LEN),
            job.state.word(),
            sanitize::text(&job.schedule.text(), MAX_NAME_LEN),
            time(job.next_run()),
            time(job.next_slot(audited.settings.now)),
        );
        if let Some(since) = job.running_since {
            text += &format!("      running since {}\n", since.minute());
        }
        for fire in job.fires.iter().rev().take(SHOWN) {
            let outcome = match (fire.outcome, fire.tokens) {
                (Outcome::Failed | Outcome::Threw, _) => "failed".to_owned(),
                (Outcome::Cut, _) => "cut".to_owned(),
                (Outcome::Skipped, _) => "skipped".to_owned(),
                (Outcome::Unread, _) => "unknown".to_owned(),
                (_, Some(tokens)) => format!("ok, {tokens} tokens"),
                (_, None) => "ok".to_owned(),
            };
            text += &format!("      run {} to {}: {outcome}\n", time(fire.known_start()), fire.end.minute());
        }
    }
    text
}

fn windows(quiet: &[Quiet]) -> String {
    quiet.iter().map(Quiet::to_string).collect::<Vec<_>>().join(" ")
}

/// An expected pattern, and whether a watched job matches it.
fn expected(pattern: &str, missing: &[String]) -> String {
    let shown = sanitize::text(pattern, MAX_NAME_LEN);
    if missing.iter().any(|one| one == pattern) {
        format!("{shown:?} (no watched job matches)")
    } else {
        format!("{shown:?}")
    }
}

/// What a mute does now.
fn state_of_mute(mute: &IncidentMute, report: &Report, now: Instant) -> String {
    if !mute.holds(now) {
        return "has ended, remove it".to_owned();
    }
    let mut jobs = report.audited().flat_map(|(_, audited)| &audited.verdict.jobs).map(|report| &report.job);
    if mute.job.as_ref().is_some_and(|pattern| !jobs.any(|job| policy::matches(pattern, job))) {
        return "matches no job".to_owned();
    }
    let muted = report.audited().flat_map(|(_, audited)| &audited.verdict.muted);
    match muted.filter(|muted| muted.by.as_ref().is_some_and(|by| by.line == mute.line)).count() {
        0 => "matches nothing now".to_owned(),
        incidents => format!("mutes {}", count(incidents, "incident")),
    }
}

/// What a mute covers, until when, and why.
fn muted(mute: &IncidentMute, now: Instant) -> String {
    let what = mute.what.map(|what| what.name());
    let fingerprint = mute.fingerprint.as_ref().map(|fingerprint| format!("fingerprint {fingerprint:?}"));
    let job = mute.job.as_ref().map(|job| format!("job {:?}", job.to_string()));
    let end = if mute.holds(now) { "until" } else { "ended" };
    let until = mute.until.map(|until| format!("{end} {} UTC", until.minute()));
    let reason = mute.reason.as_ref().map(|reason| format!("{reason:?}"));
    let parts = [what, fingerprint, job, until, reason];
    sanitize::text(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "), MAX_NAME_LEN)
}

fn special(settings: &JobSettings, set: RuleKey, file: &str, line: usize) -> String {
    let setting = match set {
        RuleKey::Mute => {
            format!("mute {}", settings.mute.iter().map(|mute| mute.name()).collect::<Vec<_>>().join(" "))
        }
        RuleKey::Budget => settings.budget.map_or_else(String::new, |budget| format!("budget {budget}")),
        RuleKey::MinRun => settings.min_run.map_or_else(String::new, |least| format!("min_run {}", exactly(least))),
        RuleKey::Output => settings
            .output
            .as_ref()
            .map_or_else(String::new, |output| format!("output {}", sanitize::path(output, MAX_NAME_LEN))),
        RuleKey::Quiet => format!("quiet {}", windows(&settings.quiet)),
        RuleKey::Severity(problem) => severity_text(problem, &settings.severities),
        RuleKey::Threshold(key) => threshold_text(key, &settings.thresholds),
    };
    format!("{setting} ({file} line {line})")
}

/// `severity run-long info`.
fn severity_text(problem: Problem, severities: &Severities) -> String {
    let severity = severities.get(&problem).map_or("", |severity| severity.word());
    format!("severity {} {severity}", problem.name())
}

/// A threshold's key and value.
fn threshold_text(key: &str, thresholds: &Thresholds) -> String {
    let value = thresholds.get(key).map_or_else(String::new, |value| value.to_string());
    format!("{key} {value}")
}
