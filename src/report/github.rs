//! The report as annotations of a GitHub Actions step
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).

use super::{Located, Report, safe, when};
use crate::audit::Severity;

/// GitHub shows ten annotations of a step and drops the rest without a word.
const MOST: usize = 10;
const LONGEST_TITLE: usize = 120;
const LONGEST_TEXT: usize = 600;

/// The whole report as workflow commands, one an incident, the worst first, and a line that counts.
pub fn render(report: &Report) -> String {
    let incidents = report.incidents();
    let critical = incidents.iter().take_while(|located| located.incident.severity >= Severity::Critical).count();
    let unread = report.complaints().into_iter().map(|why| command("error", "sched-audit could not audit", &why));
    let mut lines: Vec<String> = incidents[..critical].iter().map(annotation).collect();
    lines.extend(unread);
    lines.extend(incidents[critical..].iter().map(annotation));
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    // No text of a database here: an older form of command may begin anywhere in a line.
    lines.push(format!(
        "sched-audit: {}; databases: {}, not audited: {}, incidents: {}, not annotated: {more}",
        report.severity().map_or("could not audit", Severity::word),
        report.databases().len(),
        report.unread().len(),
        incidents.len(),
    ));
    lines.join("\n") + "\n"
}

fn annotation(Located { database, incident, .. }: &Located<'_>) -> String {
    let level = match incident.severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Ok => "notice",
    };
    let observed = incident.observed.join("; ");
    let text = format!("{observed}. {} ({}, {})", incident.next_step, when(incident), database.path.display());
    command(level, &safe::text(&incident.headline, LONGEST_TITLE), &text)
}

/// One command; what means something in it is escaped as GitHub's own toolkit does.
fn command(level: &str, title: &str, message: &str) -> String {
    let data = |text: &str| safe::text(text, LONGEST_TEXT).replace('%', "%25");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={}::{}", property(title), data(message))
}
