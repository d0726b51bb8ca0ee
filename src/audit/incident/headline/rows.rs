//! Headlines of what is wrong with rows and their schedules.

use super::{MAX_NAMES, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::{is_early, ongoing};
use crate::catalog::Problem;
use crate::numbers::count;
use crate::text::{Text, text};
use crate::time::{Instant, SECOND, span};

/// The headlines of the causes that are about rows, and of those without one of their own.
pub fn headline(cause: Problem, subject: &Subject<'_>) -> Text {
    let names = subject.names();
    match cause {
        Problem::RowDead => text![names, " can never run", subject.facts.again(), why_dead(subject)],
        Problem::OneShotLost if subject.facts.jobs.len() > 1 => {
            let work = format!("the work of {} one-shots is lost", subject.facts.jobs.len());
            if subject.facts.jobs.len() <= MAX_NAMES {
                text![work, ": ", names]
            } else {
                subject.with_error(work.into())
            }
        }
        Problem::OneShotLost => subject.with_error(text!["the work of the one-shot ", names, " is lost"]),
        Problem::JobsGone => jobs_gone(subject),
        Problem::Runaway => runaway(subject),
        Problem::ClockSetBack => {
            text![names, subject.agree(" waits", " wait"), " for a day that lies ahead: the clock was set back"]
        }
        Problem::SlotsSkipped => text!["the next run of ", names, " is set too far ahead"],
        Problem::RunsWhileOff => {
            let (was, runs) = subject.agree((" was", " runs"), (" were", " run"));
            text![names, was, " switched off, but", runs, " on"]
        }
        Problem::Unjudged => unjudged(subject),
        Problem::WorkShrank => {
            let (has, its) = subject.agree((" has", "its"), (" have", "their"));
            text![names, has, " done a tenth of ", its, " usual work, or less,", subject.lasting()]
        }
        Problem::NoOutput => text![names, subject.agree(" runs", " run"), ", but the output is not there"],
        Problem::OverBudget if subject.facts.jobs.is_empty() => {
            "the jobs have spent the day's budget of the database".into()
        }
        Problem::OverBudget => text![names, " has spent its budget of the day"],
        Problem::PassesFail => text!["every pass of the ", subject.scheduler(), " over its jobs fails"],
        Problem::NothingWatched => "no job is watched".into(),
        other => text![names, ": ", other.meaning()],
    }
}

/// Why a row is dead, if all its jobs are for the same reason.
fn why_dead(subject: &Subject<'_>) -> Option<Text> {
    let [only] = subject.facts.jobs else { return None };
    let findings = ongoing(subject.facts.findings);
    findings.filter(|finding| finding.job() == Some(only.job)).find_map(|finding| match &finding.evidence {
        Evidence::UnknownState { why } | Evidence::UnreadableSchedule { why } | Evidence::Quarantined { why } => {
            Some(text![": ", why])
        }
        Evidence::NoNextRun { .. } => Some(": it has no next run".into()),
        _ => None,
    })
}

/// Rows that were revived or edited, and have not run since.
pub fn repaired(subject: &Subject<'_>) -> Text {
    let mut edit: Option<(Instant, Instant, bool)> = None;
    for finding in ongoing(subject.facts.findings) {
        if let Evidence::Repaired { repaired_at, looks_by, revived } = finding.evidence {
            edit = Some(match edit {
                None => (repaired_at, looks_by, revived),
                Some((first, by, any)) => (first.min(repaired_at), by.max(looks_by), any || revived),
            });
        }
    }
    let names = subject.names();
    let Some((at, looks_by, is_revived)) = edit else {
        return text![names, subject.agree(" waits for its turn", " wait for their turn")];
    };
    let (was, runs, has) = subject.agree((" was", " runs", " has"), (" were", " run", " have"));
    let changed = if is_revived { " revived " } else { " edited or resumed " };
    let ago = span(subject.facts.now().since(at));
    if is_early(subject.facts.findings) && looks_by > subject.facts.now() {
        return text![names, was, changed, ago, " ago and", runs, " by ", looks_by];
    }
    text![names, was, changed, ago, " ago and", has, " not run since"]
}

fn jobs_gone(subject: &Subject<'_>) -> Text {
    let last = subject.facts.jobs.iter().filter_map(|affected| affected.since).max();
    let last = last.map(|last| text![": the last of them ran at ", last]);
    text![subject.names(), subject.agree(" is", " are"), " gone from the database", last]
}

/// Jobs that run more often than their schedules say.
fn runaway(subject: &Subject<'_>) -> Text {
    let (names, runs) = (subject.names(), subject.agree(" runs", " run"));
    for finding in ongoing(subject.facts.findings) {
        match &finding.evidence {
            Evidence::PairedFires { .. } => return text![names, runs, " twice in most slots"],
            Evidence::Twin { .. } => return text![names, " is there twice, and both rows run"],
            Evidence::TooManyFires { fires, slots, .. } if subject.facts.jobs.len() == 1 => {
                let were = if *slots == 1 { "was" } else { "were" };
                return text![names, runs, format!(" far too often: {}, {slots} {were} due", count(*fires, "run"))];
            }
            Evidence::Runaway { fires, fires_seconds, .. } if subject.facts.jobs.len() == 1 => {
                let within = span(fires_seconds.saturating_mul(SECOND));
                return text![names, runs, format!(" far too often: {} in {within}", count(*fires, "run"))];
            }
            _ => {}
        }
    }
    text![names, runs, " far too often"]
}

/// Jobs of which the database shows too little, or whose time zone is another one.
fn unjudged(subject: &Subject<'_>) -> Text {
    for finding in subject.facts.findings {
        match &finding.evidence {
            Evidence::OtherZone { jobs, zone, .. } => {
                return text![count(jobs.len(), "job"), " can not be judged: the time zone is not ", zone];
            }
            Evidence::Unjudged { why } if subject.facts.jobs.len() == 1 => {
                return text![subject.names(), " can not be judged: ", why];
            }
            _ => {}
        }
    }
    if subject.facts.jobs.is_empty() {
        return "a budget can not be judged".into();
    }
    text![subject.names(), " can not be judged"]
}
