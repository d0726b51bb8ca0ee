//! The report as annotations of a GitHub Actions step
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).

use super::content::{Located, Report, error_in_a_sentence, fix_in_a_line, utc_minute, when};
use super::sanitize;
use crate::catalog::Severity;

/// GitHub shows ten annotations of a step and silently drops the rest.
const MAX_ANNOTATIONS: usize = 10;
const MAX_TITLE_LEN: usize = 120;
const MAX_TEXT_LEN: usize = 600;

/// The whole report as workflow commands, one per incident, the worst first, and a line that counts.
pub fn render(report: &Report) -> String {
    let incidents = report.incidents();
    let critical = incidents.iter().take_while(|located| located.incident.severity >= Severity::Critical).count();
    let errors = report.errors();
    let more = (incidents.len() + errors.len()).saturating_sub(MAX_ANNOTATIONS);
    let errors = errors.iter().map(|why| command("error", "sched-audit could not audit", why));
    let critical_first = incidents[..critical].iter().map(annotation).chain(errors);
    let all = critical_first.chain(incidents[critical..].iter().map(annotation));
    let mut lines: Vec<String> = all.take(MAX_ANNOTATIONS).collect();
    // No text of a database here: an older form of command may begin anywhere in a line.
    lines.push(format!(
        "sched-audit: {}; databases: {}, not audited: {}, incidents: {}, muted: {}, not annotated: {more}{}",
        report.severity().map_or("could not audit", Severity::word),
        report.databases().len(),
        report.unread().len(),
        incidents.len(),
        report.audited().map(|(_, audited)| audited.verdict.count_muted()).sum::<usize>(),
        report
            .audited()
            .filter_map(|(_, audited)| audited.quiet_in_words())
            .map(|quiet| format!("; {quiet}"))
            .collect::<String>(),
    ));
    lines.join("\n") + "\n"
}

fn annotation(Located { database, incident, .. }: &Located<'_>) -> String {
    let level = match incident.severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Ok => "notice",
    };
    let when = when(incident, utc_minute).map_or_else(String::new, |when| format!("{when}, "));
    let (seen, error, fix) = (incident.text.seen(), error_in_a_sentence(incident), fix_in_a_line(incident));
    let text = format!("{seen}.{error} {fix} ({when}{})", database.path.display());
    command(level, &sanitize::text(&incident.headline.to_string(), MAX_TITLE_LEN), &text)
}

/// One command, escaped as GitHub's own toolkit does.
fn command(level: &str, title: &str, message: &str) -> String {
    let data = |text: &str| sanitize::workflow_text(text, MAX_TEXT_LEN).replace('%', "%25");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={}::{}", property(title), data(message))
}
