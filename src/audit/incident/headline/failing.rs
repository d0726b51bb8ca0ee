//! Headlines of runs that fail, and of messages that do not arrive.

use super::{Subject, in_short, rows, status};
use crate::audit::evidence::Evidence;
use crate::audit::finding::{AffectedJob, ongoing};
use crate::audit::incident::lead::{lost_messages, used_tokens};
use crate::audit::incident::words::failing::{fault, has_worked_without_model};
use crate::audit::runs::tokens_of_failed;
use crate::audit::shared_failure::{FailingGroup, Shared};
use crate::catalog::Problem;
use crate::model::{Fault, State};
use crate::numbers::{count, grouped};
use crate::text::{Text, text};

/// What jobs share fails.
pub fn provider_failing(subject: &Subject<'_>) -> Text {
    let facts = subject.facts;
    if ongoing(facts.findings).all(|one| matches!(one.problem(), Problem::Repaired | Problem::CatchingUp)) {
        return rows::repaired(subject);
    }
    let shared = &facts.fleet.shared;
    match facts.jobs.iter().find_map(|affected| shared.group_of(affected.job)) {
        None => subject.with_error(text![subject.names(), subject.agree(" still fails", " still fail")]),
        Some(group) if group.shared == Shared::ErrorOfMost => {
            text![of_all(subject), subject.agree(" has", " have"), " failed", subject.lasting(), " with the same error"]
        }
        Some(group) => all_fail(subject, group),
    }
}

fn all_fail(subject: &Subject<'_>, group: &FailingGroup) -> Text {
    if used_tokens(subject.facts, group) {
        let fail = subject.agree(" fails", " fail");
        return text![of_all(subject), fail, ": no run has succeeded", subject.lasting(), stopped(subject)];
    }
    let why = match fault(subject.facts) {
        Some(Fault::Login) => "the provider refuses the login or the key",
        Some(Fault::Limit) => "the provider's limit is reached",
        Some(Fault::Network) => "the provider can not be reached",
        Some(Fault::Local) => "something fails on this machine",
        Some(Fault::Model) | None => "the model does not work",
    };
    let last_good = match group.shared {
        Shared::Model { last_good } => last_good,
        Shared::Error | Shared::ErrorOfMost => None,
    };
    let runs = if has_worked_without_model(subject.facts, last_good) { "every run with a model" } else { "every run" };
    text![runs, " has failed", subject.lasting(), ": ", why, stopped(subject)]
}

/// `11 of 15 jobs`.
fn of_all(subject: &Subject<'_>) -> String {
    let subjects = subject.facts.context().subjects.iter();
    let watched = subjects.filter(|one| one.selected && one.job.state.is_watched()).count();
    let affected = subject.facts.jobs.len();
    if affected < watched { format!("{affected} of {watched} jobs") } else { count(affected, "job") }
}

/// How many of the jobs the scheduler has stopped, if any.
fn stopped(subject: &Subject<'_>) -> Option<String> {
    match count_stopped(subject) {
        0 => None,
        stopped => Some(format!(", {} {}", count(stopped, "job"), subject.word_for_stopped())),
    }
}

fn count_stopped(subject: &Subject<'_>) -> usize {
    let jobs = subject.facts.jobs.iter();
    jobs.filter(|affected| subject.facts.job(affected).state == State::Broken).count()
}

/// Jobs fail while others work.
pub fn job_failing(subject: &Subject<'_>) -> Text {
    match subject.facts.jobs {
        [only] => one_job_failing(subject, only),
        _ => {
            let error = subject.error.and_then(|error| status(error).or_else(|| in_short(error)));
            let error = error.map(|error| format!(" ({error})"));
            let stopped = match count_stopped(subject) {
                0 => None,
                1 => Some(format!(", 1 of them was {}", subject.word_for_stopped())),
                several => Some(format!(", {several} of them were {}", subject.word_for_stopped())),
            };
            text![count(subject.facts.jobs.len(), "job"), " have failed", subject.lasting(), error, stopped]
        }
    }
}

/// A job that fails, from its first failed run to the silence after the scheduler has stopped it.
fn one_job_failing(subject: &Subject<'_>, affected: &AffectedJob) -> Text {
    let job = subject.facts.job(affected);
    let (name, errors) = (job.label(), job.errors());
    if job.state == State::Broken {
        let why = match errors {
            0 => format!(": the {} has {} it", subject.scheduler(), subject.word_for_stopped()),
            errors => format!(": {} after {}", subject.word_for_stopped(), count(errors, "error")),
        };
        let told = text![name, " has not run", subject.lasting(), why];
        return if errors > 1 { subject.if_it_fits(told, " in a row") } else { told };
    }
    for finding in ongoing(subject.facts.findings) {
        match finding.evidence {
            Evidence::FailedRun { next_run_at, .. } => {
                return text![name, " failed and is not tried again before ", next_run_at];
            }
            Evidence::ZeroTokenStreak { fires, tokens: 0, .. } if errors == 0 => {
                return text![name, " runs, but its last ", count(fires, "run"), " used no tokens"];
            }
            _ => {}
        }
    }
    match errors {
        0 if tokens_of_failed(job) > 0 => text![name, " runs, but its last runs wrote nothing"],
        0 => text![name, " runs, but its last runs used no tokens"],
        1 => subject.with_error(text![name, " has failed"]),
        errors => subject.with_error(text![name, " has failed ", grouped(errors), " times in a row"]),
    }
}

/// Messages do not arrive.
pub fn undelivered(subject: &Subject<'_>) -> Text {
    let facts = subject.facts;
    let jobs: Vec<_> = facts.jobs.iter().map(|affected| facts.job(affected)).collect();
    let are_late = jobs.iter().all(|job| job.delivery_error.as_ref().is_some_and(|error| error.is_late));
    if are_late {
        return text!["messages of ", subject.names(), " were late and thrown away"];
    }
    let is_unknown = |evidence: &Evidence| matches!(evidence, Evidence::MessagesLost { lost: 0, .. });
    if facts.findings.iter().all(|finding| is_unknown(&finding.evidence)) {
        return text!["whether the last messages of ", subject.names(), " arrived is not known"];
    }
    match jobs.iter().map(|job| lost_messages(job)).sum::<usize>() {
        0 | 1 => subject.with_error(text!["a message of ", subject.names(), " was lost"]),
        messages => {
            let of = if let [only] = jobs.as_slice() { only.label().to_owned() } else { count(jobs.len(), "job") };
            let within = subject.lasting().map(|lasting| lasting.replacen(" for ", " in ", 1));
            subject.with_error(text![count(messages, "message"), " of ", of, " reached nobody", within])
        }
    }
}

/// The scheduler skips the work of jobs.
pub fn skipped(subject: &Subject<'_>) -> Text {
    subject.with_error(text![subject.names(), subject.agree(" has", " have"), " been skipped", subject.lasting()])
}
