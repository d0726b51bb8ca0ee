//! The report as one page without scripts or network, for a status page or a mail: the incidents, then every job with its
//! timeline.

use super::content::{Audited, Database, Located, Report, commands, counts};
use super::sanitize;
use crate::audit::{Incident, JobReport, Mark};
use crate::catalog::{Severity, Status};
use crate::numbers::count;
use crate::time::Instant;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::io::{Result, Write};

const MAX_TEXT_LEN: usize = 2000;
const MAX_NAME_LEN: usize = 120;
const MAX_ERROR_LEN: usize = 200;

/// A page that is shown for long loads itself again after so many seconds.
const REFRESH: &str = "300";

/// Nothing may be loaded or run, whatever a name contains.
const NOTHING_ELSE: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "
:root { color-scheme: light dark; --text: #1d2126; --faint: #5d6670; --page: #fff; --line: #d8dde2; --box: #f6f8f9;
  --critical: #b3261e; --warning: #8a5a00; --ok: #1b6e3c; }
@media (prefers-color-scheme: dark) { :root { --text: #e3e6e9; --faint: #98a1aa; --page: #15181b; --line: #343a40;
  --box: #1e2226; --critical: #ff8f86; --warning: #f0b849; --ok: #6fcf8f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text);
  background: var(--page); overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; } h3 { font-size: 1rem; margin: 0; }
.faint { color: var(--faint); } .critical { color: var(--critical); } .warning { color: var(--warning); } .ok { color: var(--ok); }
section { border: 1px solid var(--line); border-left: .35rem solid var(--faint); border-radius: .3rem; background: var(--box);
  padding: .75rem 1rem; margin: .75rem 0; }
section.critical, section.warning { color: inherit; }
section.critical { border-left-color: var(--critical); } section.warning { border-left-color: var(--warning); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .75rem; margin: .5rem 0 0; } dd { margin: 0; }
dt { color: var(--faint); } pre { margin: .25rem 0 0; white-space: pre-wrap; }
pre, .strip { font-family: ui-monospace, monospace; font-size: .85rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .75rem .3rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); } th { color: var(--faint); font-weight: 600; } td.time { white-space: nowrap; }
.lost { color: var(--critical); } .empty { color: var(--warning); } .fired { color: var(--ok); }
@media (max-width: 42rem) { thead { display: none; } tr { display: block; border-bottom: 1px solid var(--line); padding: .4rem 0; }
  td { display: block; border: 0; padding: 0; } td[data-label]:before { content: attr(data-label) ' '; color: var(--faint); } }
";

/// Writes the whole report as a page, the databases in trouble first. What may be long is written piece by piece.
///
/// # Errors
/// Why it can't be written.
pub fn render(report: &Report, out: &mut dyn Write) -> Result<()> {
    let severity = report.severity();
    let mut databases: Vec<&Database> = report.databases().iter().collect();
    databases.sort_by_key(|database| database.rank());
    let title = match (&report.databases, databases.as_slice()) {
        (Err(_), _) => "could not audit".to_owned(),
        (_, [one]) => headline(one),
        (_, several) => format!("{}: {}", count(several.len(), "database"), counts(several)),
    };
    let head = html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(NOTHING_ELSE);
            meta http-equiv="refresh" content=(REFRESH);
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { "sched-audit: " (title) }
            style { (PreEscaped(STYLE)) }
        }
    };
    let top = html! {
        h1 class=(class(severity)) { (title) }
        p.faint { "As of " (time(report.now)) ", by sched-audit " (env!("CARGO_PKG_VERSION")) ". All times are in UTC." }
        @if let Err(error) = &report.databases { p.critical { (shown(&error.to_string())) } }
    };
    let legend = html! {
        p.faint {
            "Slots, oldest left: "
            @for kind in Mark::ALL { (mark(kind, 1)) " " (kind.meaning()) "  " }
        }
    };
    write!(out, "{}<html lang=\"en\">{}<body>{}", DOCTYPE.0, head.into_string(), top.into_string())?;
    for database in databases {
        write_database(report, database, out)?;
    }
    writeln!(out, "{}</body></html>", legend.into_string())
}

fn put(markup: Markup, out: &mut dyn Write) -> Result<()> {
    out.write_all(markup.into_string().as_bytes())
}

/// An instant, to the minute for people and in full for programs.
fn time(at: Instant) -> Markup {
    html! { time datetime=(at.to_string()) { (at.minute()) } }
}

fn headline(database: &Database) -> String {
    match &database.outcome {
        Err(_) => "could not audit".to_owned(),
        Ok(audited) => match audited.verdict.incidents.first() {
            Some(worst) => shown(&worst.headline.to_string()),
            None => audited.in_words(),
        },
    }
}

fn write_database(report: &Report, database: &Database, out: &mut dyn Write) -> Result<()> {
    put(html! { h2 { (sanitize::path(&database.path, MAX_TEXT_LEN)) } }, out)?;
    let audited = match &database.outcome {
        Ok(audited) => audited,
        Err(error) => return put(html! { section.critical { "Could not audit: " (shown(&error.to_string())) } }, out),
    };
    let summary = html! {
        p.faint { (audited.in_words()) @if let Some(scope) = audited.scope() { "; " (shown(&scope)) } }
        @if let Some(quiet) = audited.quiet_in_words() { p.faint { (quiet) } }
    };
    put(summary, out)?;
    for located in database.incidents() {
        put(of_incident(located), out)?;
    }
    if audited.verdict.severity() <= Severity::Info
        && let Some(proof) = audited.proof_of_life(report.now)
    {
        put(html! { p.faint { (shown(&proof.to_string())) } }, out)?;
    }
    write_information(report, audited, out)?;
    write_jobs(audited, out)?;
    for note in &audited.verdict.notes {
        put(html! { p.faint { "Note: " (shown(note)) } }, out)?;
    }
    Ok(())
}

/// What is only information.
fn write_information(report: &Report, audited: &Audited, out: &mut dyn Write) -> Result<()> {
    let mut findings = audited.verdict.findings();
    findings.retain(|located| located.incident.is_none());
    if findings.is_empty() {
        return Ok(());
    }
    write!(out, "<h3>Worth knowing</h3><ul>")?;
    for located in findings {
        let item = html! {
            li {
                @if let Some(job) = audited.verdict.job_of(located.finding) { (shown_name(job.job.label())) ": " }
                (shown(&audited.verdict.sentence(located.finding, report.now).to_string()))
            }
        };
        put(item, out)?;
    }
    write!(out, "</ul>")
}

fn of_incident(located: Located<'_>) -> Markup {
    let Located { audited, incident, .. } = located;
    let resolved = incident.status == Status::Resolved;
    let word = if resolved { "resolved" } else { incident.severity.word() };
    let names: Vec<String> =
        incident.jobs.iter().map(|affected| shown_name(audited.verdict[affected.job].job.label())).collect();
    html! {
        section class=(word) {
            h3 { span class=(word) { (word) } ": " (shown(&incident.headline.to_string())) }
            dl {
                @if let Some(when) = lasting(incident) { dt { "When" } dd { (when) } }
                dt { "Seen" }
                dd { (shown(&incident.text.seen().to_string())) }
                @if let Some(inferred) = &incident.text.inferred { dt { "Likely" } dd { (shown(&inferred.to_string())) } }
                @if let Some(error) = &incident.error { dt { "Error" } dd { (sanitize::text(error, MAX_ERROR_LEN)) } }
                dt { "Do" }
                dd {
                    (shown(&incident.remedy.step))
                    @for command in commands(&located) { pre { (sanitize::text(&command, usize::MAX)) } }
                    @if let Some(then) = &incident.remedy.then { (shown(then)) }
                }
                @if names.len() > 1 { dt { "Jobs" } dd { (names.join(", ")) } }
                dt { "More" }
                dd { code { "sched-audit --explain " (incident.cause.name()) } "; fingerprint " code { (incident.fingerprint) } }
            }
        }
    }
}

/// Since when an incident lasts, or when it was over, if that is known.
fn lasting(incident: &Incident) -> Option<Markup> {
    match (incident.lead.since, incident.until) {
        (_, Some(until)) => Some(html! { "resolved " (time(until)) }),
        (Some(since), None) => Some(html! { "since " (time(since)) }),
        (None, None) => None,
    }
}

fn write_jobs(audited: &Audited, out: &mut dyn Write) -> Result<()> {
    let mut jobs: Vec<&JobReport> = audited.jobs().collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(job.severity));
    let head = html! {
        thead { tr { th { "Job" } th { "Schedule" } th { "Last run" } th { "Next run" } th { "Last slots" } } }
    };
    write!(out, "<table>{}<tbody>", head.into_string())?;
    for job in jobs {
        put(row(job), out)?;
    }
    write!(out, "</tbody></table>")
}

fn row(job: &JobReport) -> Markup {
    let time = |at: Option<Instant>| html! { @match at { Some(at) => (time(at)), None => "–" } };
    html! {
        tr {
            td { span class=(class(Some(job.severity))) { (shown_name(job.job.label())) } }
            td {
                (shown_name(&job.job.schedule.text()))
                @if let Some(zone) = job.job.schedule.timezone() { " " span.faint { (shown_name(zone)) } }
                @if !job.job.state.is_watched() { " " span.faint { (job.job.state.word()) } }
            }
            td.time data-label="Last run" { (time(job.job.last_end())) }
            td.time data-label="Next run" { (time(job.job.next_run().filter(|_| job.job.state.is_watched()))) }
            td.strip { @for run in job.timeline.marks.chunk_by(|a, b| a == b) { (mark(run[0], run.len())) } }
        }
    }
}

fn mark(mark: Mark, times: usize) -> Markup {
    let class = match mark {
        Mark::Fired => "fired",
        Mark::ZeroTokens => "empty",
        Mark::Missed | Mark::Undelivered | Mark::Doubled => "lost",
        Mark::Skipped | Mark::Waiting => "faint",
    };
    html! { span class=(class) { (mark.symbol().to_string().repeat(times)) } }
}

fn class(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Ok | Severity::Info) => "ok",
        Some(Severity::Warning) => "warning",
        Some(Severity::Critical) | None => "critical",
    }
}

fn shown(text: &str) -> String {
    sanitize::text(text, MAX_TEXT_LEN)
}

fn shown_name(text: &str) -> String {
    sanitize::text(text, MAX_NAME_LEN)
}
