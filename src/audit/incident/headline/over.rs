//! Headlines of what is over.

use super::Subject;
use crate::audit::evidence::Evidence;
use crate::catalog::Problem;
use crate::numbers::count;
use crate::text::{Text, text};
use crate::time::span;

/// The headline of an incident that is over.
pub fn headline(cause: Problem, subject: &Subject<'_>) -> Text {
    let (facts, names) = (subject.facts, subject.names());
    let lasted = subject.lasting();
    let (runs, works) = subject.agree((" runs", " works"), (" run", " work"));
    let since = facts.until.map(|until| text![" since ", until]);
    match cause {
        Problem::SchedulerSilent if facts.jobs.len() > 1 => {
            text![nothing_ran(subject), until_first(subject), "; every job runs again", since]
        }
        Problem::SchedulerSilent => text![nothing_ran(subject), lasted, "; ", names, runs, " again", since],
        Problem::ProviderFailing if subject.lost() > 0 => {
            text![names, " failed", lasted, " and", runs, " again, after ", count(subject.lost(), "lost run")]
        }
        Problem::JobFailing if subject.lost() > 0 => after_loss(subject),
        Problem::JobFailing if used_no_tokens(subject) => {
            text![names, " used no tokens", lasted, " and", works, " again"]
        }
        Problem::ProviderFailing | Problem::JobFailing => text![names, " failed", lasted, " and", works, " again"],
        Problem::RunShort => text!["runs of ", names, " ended too soon", lasted, ", and take their time again"],
        Problem::RunLong => text!["a run of ", names, " went on", lasted, "; jobs run again", since],
        Problem::RunHung => text!["the run of ", names, " hung", lasted, "; jobs run again", since],
        Problem::RunCut => text!["a run of ", names, " was cut short", since_begin(subject)],
        Problem::Undelivered => text!["messages of ", names, " arrive again", since],
        _ if subject.lost() > 0 => after_loss(subject),
        _ => text![names, runs, " again", after(subject)],
    }
}

/// That nothing ran, or that nothing shows it: where a run that throws leaves no trace, it may have taken all that time.
fn nothing_ran(subject: &Subject<'_>) -> &'static str {
    let (facts, context) = (subject.facts, subject.facts.context());
    let (Some(since), Some(until)) = (subject.lead.since, facts.until) else { return "nothing had run" };
    let is_short = until.since(since) <= context.settings.thresholds.max_run;
    let is_hidden = !context.snapshot.traits.records_starts && !context.worker.was_born_between(since, until);
    if is_short && is_hidden { "no run is on record" } else { "nothing had run" }
}

/// For how long nothing ran: until the first job ran again.
fn until_first(subject: &Subject<'_>) -> Option<String> {
    let first = subject.facts.findings.iter().filter_map(|finding| finding.until).min()?;
    subject.lead.since.map(|since| format!(" for {}", span(first.since(since))))
}

/// `heartbeat runs again, after 34 lost runs`.
fn after_loss(subject: &Subject<'_>) -> Text {
    let runs = subject.agree(" runs", " run");
    text![subject.names(), runs, " again, after ", count(subject.lost(), "lost run")]
}

fn used_no_tokens(subject: &Subject<'_>) -> bool {
    subject.facts.findings.iter().all(|one| matches!(one.evidence, Evidence::ZeroTokenStreak { .. }))
}

/// How long it took.
fn after(subject: &Subject<'_>) -> Option<String> {
    let (since, until) = (subject.lead.since?, subject.facts.until?);
    Some(format!(", after {}", span(until.since(since))))
}

fn since_begin(subject: &Subject<'_>) -> Option<Text> {
    subject.lead.since.map(|at| text![" at ", at, ", and it has run since"])
}
