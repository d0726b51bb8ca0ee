//! The words of a run in flight that hangs, takes long, or was cut short.

use super::{Facts, IncidentText};
use crate::audit::finding::ongoing;
use crate::audit::worker::{ActiveRun, Cut, Phase, RunLength};
use crate::catalog::Severity;
use crate::text::{Text, text};
use crate::time::span;

/// A run takes longer than any may.
pub fn hung(facts: &Facts<'_>) -> IncidentText {
    let worker = facts.context().worker;
    let mark = facts.run.map(|run| run.mark);
    let has_run = worker.last_run_end() > mark;
    let is_alive = worker.life.is_proven() || worker.life.other_activity(mark).is_some();
    let inferred = match (is_alive, facts.context().snapshot.traits.max_concurrent) {
        _ if has_run => "other jobs run: this run hangs, or its end was never recorded",
        (true, 1) => "the process is alive, and its scheduler hangs in this run",
        (true, _) => "the process is alive, and this run hangs",
        (false, _) => "the scheduler hangs in this run, or the process died in it",
    };
    IncidentText::of(observed(facts)).inferred(inferred)
}

/// A run was cut short by the end of the process.
pub fn cut(facts: &Facts<'_>) -> IncidentText {
    let mut observed = Vec::new();
    if let Some(run) = facts.run {
        observed.push(text!["the run has not finished; ", run.usual.in_words()]);
    }
    observed.extend(facts.context().worker.life.holder());
    let inferred = match facts.run.and_then(|run| run.cut) {
        Some(Cut::Restarted(_)) => "the process was restarted during this run, whose work is lost",
        Some(Cut::Died(_) | Cut::LeaseOver(_)) | None => {
            "the process died in this run; nothing runs until it is started"
        }
    };
    IncidentText::of(observed).inferred(inferred)
}

/// A run did its work and was never recorded.
pub fn delivery_hung(facts: &Facts<'_>) -> IncidentText {
    IncidentText::of(observed(facts))
        .inferred("the scheduler hangs while delivering the message, or the process died while doing so")
}

/// A run takes longer than usual.
pub fn long(facts: &Facts<'_>) -> IncidentText {
    let is_critical = ongoing(facts.findings).any(|one| one.severity == Severity::Critical);
    let inferred = match (is_critical, facts.context().worker.life.is_proven()) {
        (true, true) => "it hangs, by all that is known: no run of this job has taken nearly as long",
        (true, false) => "it hangs, or its process died: no run of this job has taken nearly as long",
        (false, true) => "it may be fine: runs are allowed to take longer",
        (false, false) => "it may be fine, as runs may take longer, or it hangs, or its process died",
    };
    IncidentText::of(observed(facts)).inferred(inferred)
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
