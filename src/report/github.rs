//! The report as annotations of a GitHub Actions step
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).

use super::{Located, Report, safe};
use crate::audit::{Lasting, Severity};

/// GitHub shows ten annotations of a step and drops the rest without a word.
const MOST: usize = 10;
const LONGEST_NAME: usize = 60;
const LONGEST_TEXT: usize = 500;

/// The whole report as workflow commands, the worst first, and a line that counts.
pub fn render(report: &Report) -> String {
    let findings = report.findings();
    let critical = findings.partition_point(|located| located.finding.severity >= Severity::Critical);
    let unread = report.complaints().into_iter().map(|why| command("error", "sched-audit could not audit", &why));
    let mut lines: Vec<String> = findings[..critical].iter().map(annotation).collect();
    lines.extend(unread);
    lines.extend(findings[critical..].iter().map(annotation));
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    // No text of a database here: an older form of command may begin anywhere in a line.
    lines.push(format!(
        "sched-audit: {}; databases: {}, not audited: {}, findings: {}, not annotated: {more}",
        report.severity.word(),
        report.databases().len(),
        report.unread().len(),
        findings.len(),
    ));
    lines.join("\n") + "\n"
}

fn annotation(Located { database, job, finding }: &Located<'_>) -> String {
    let level = match finding.severity {
        Severity::Critical | Severity::Unknown => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Ok => "notice",
    };
    let resolved = if finding.lasting == Lasting::Resolved { " (resolved)" } else { "" };
    let since = finding.since.map_or_else(String::new, |at| format!(", since {} UTC", at.minute()));
    let title = format!("{}: {}{resolved}", safe::text(&job.name, LONGEST_NAME), finding.reason);
    command(level, &title, &format!("{}{since} ({})", finding.message, database.path.display()))
}

/// One command; what means something in it is escaped as GitHub's own toolkit does.
fn command(level: &str, title: &str, message: &str) -> String {
    let data = |text: &str| safe::text(text, LONGEST_TEXT).replace('%', "%25");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={}::{}", property(title), data(message))
}
