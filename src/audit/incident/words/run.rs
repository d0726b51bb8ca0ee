//! The words of a run in flight that hangs, takes long, or was cut short.

use super::{Facts, IncidentText};
use crate::audit::finding::ongoing;
use crate::audit::worker::{ActiveRun, Cut, Phase, RunLength};
use crate::catalog::Severity;
use crate::model::JobIndex;
use crate::numbers::count;
use crate::text::{Text, text};
use crate::time::span;
use std::collections::HashSet;

/// A run takes longer than any may.
pub fn hung(facts: &Facts<'_>) -> IncidentText {
    let worker = facts.context.worker;
    let mark = facts.run.map(|run| run.mark);
    let has_run = worker.last_run_end() > mark;
    let is_alive = worker.life.is_proven() || worker.life.other_activity(mark).is_some();
    let inferred = match (is_alive, facts.context.snapshot.traits.max_concurrent) {
        _ if has_run => "other jobs run: this run hangs, or its end was never recorded",
        (true, 1) => "the process is alive, and its scheduler hangs in this run",
        (true, _) => "the process is alive, and this run hangs",
        (false, _) => "the scheduler hangs in this run, or the process died in it",
    };
    let hanging = facts.jobs.iter().filter(|affected| worker.run_of(affected.job).is_some_and(ActiveRun::hangs));
    let told = match hanging.count() {
        0 | 1 => IncidentText::new(text!["the run of ", name(facts), " never finished"]).detail(waiting(facts)),
        several => IncidentText::new(format!("the runs of {several} jobs never finished")).detail(waiting(facts)),
    };
    told.observed(observed(facts)).inferred(inferred)
}

/// A run was cut short by the end of the process.
pub fn cut(facts: &Facts<'_>) -> IncidentText {
    let title = match count_other_runs(facts) {
        0 => text!["the run of ", name(facts), " was cut short"],
        others => text!["the runs of ", name(facts), " and ", count(others, "other job"), " were cut short"],
    };
    let mut observed = Vec::new();
    if let Some(run) = facts.run {
        observed.push(text!["the run has not finished; ", run.usual.in_words()]);
    }
    observed.extend(facts.context.worker.life.holder());
    let inferred = match facts.run.and_then(|run| run.cut) {
        Some(Cut::Restarted(_)) => "the process was restarted during this run, whose work is lost",
        Some(Cut::Died(_) | Cut::LeaseOver(_)) | None => {
            "the process died in this run; nothing runs until it is started"
        }
    };
    IncidentText::new(title).detail(waiting(facts)).observed(observed).inferred(inferred)
}

/// A run did its work and was never recorded.
pub fn delivery_hung(facts: &Facts<'_>) -> IncidentText {
    IncidentText::new(text!["the run of ", name(facts), " did its work but never finished"])
        .detail(waiting(facts))
        .observed(observed(facts))
        .inferred("the scheduler hangs while delivering the message, or the process died while doing so")
}

/// A run takes longer than usual.
pub fn long(facts: &Facts<'_>) -> IncidentText {
    let is_critical = ongoing(facts.findings).any(|one| one.severity == Severity::Critical);
    let inferred = match (is_critical, facts.context.worker.life.is_proven()) {
        (true, true) => "it hangs, by all that is known: no run of this job has taken nearly as long",
        (true, false) => "it hangs, or its process died: no run of this job has taken nearly as long",
        (false, true) => "it may be fine: runs are allowed to take longer",
        (false, false) => "it may be fine, as runs may take longer, or it hangs, or its process died",
    };
    IncidentText::new(text!["the run of ", name(facts), " is taking longer than usual"])
        .detail(waiting(facts))
        .observed(observed(facts))
        .inferred(inferred)
}

fn name<'a>(facts: &Facts<'a>) -> &'a str {
    facts.run.map_or("a deleted job", |run| run.name.as_str())
}

/// How many other jobs wait for the run, if any do.
fn waiting(facts: &Facts<'_>) -> Option<Text> {
    let waiting = others(facts).count() - count_other_runs(facts);
    let behind = if facts.context.snapshot.traits.max_concurrent == 1 { " behind it" } else { "" };
    match waiting {
        0 => None,
        1 => Some(text!["1 job is waiting", behind]),
        several => Some(text![format!("{several} jobs are waiting"), behind]),
    }
}

/// The jobs other than the run's.
fn others(facts: &Facts<'_>) -> impl Iterator<Item = JobIndex> {
    let own = facts.run.and_then(|run| run.job);
    facts.jobs.iter().map(|affected| affected.job).filter(move |job| Some(*job) != own)
}

/// How many of them have runs of their own in flight.
fn count_other_runs(facts: &Facts<'_>) -> usize {
    let runs = facts.context.worker.indexed_runs().filter(|(_, run)| !run.waits);
    let running: HashSet<JobIndex> = runs.filter_map(|(_, run)| run.job).collect();
    others(facts).filter(|job| running.contains(job)).count()
}

fn observed(facts: &Facts<'_>) -> Vec<Text> {
    let Some(run) = facts.run else { return facts.messages() };
    let mut observed = vec![length(run, facts)];
    if run.length == RunLength::Impossible {
        observed.extend(facts.signs(Some(run.mark), Some(run.mark)));
    }
    observed
}

fn length(run: &ActiveRun, facts: &Facts<'_>) -> Text {
    match run.phase {
        Phase::Running => {
            let (usual, limit) = (run.usual.in_words(), span(run.usual.limit));
            text![format!("the run has not finished; {usual}, and more than {limit} is unusual")]
        }
        Phase::Delivering => {
            let nothing = "; its row was not updated since, and nothing else has run";
            text!["its cost event was written at ", facts.ago(run.start), nothing]
        }
    }
}
