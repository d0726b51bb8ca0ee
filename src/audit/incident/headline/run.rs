//! Headlines of runs in flight that hang, take long, or were cut short.

use super::Subject;
use crate::audit::finding::{AffectedJob, ongoing};
use crate::audit::worker::{ActiveRun, Cut};
use crate::catalog::Severity;
use crate::model::JobIndex;
use crate::numbers::count;
use crate::text::{Text, text};
use std::collections::HashSet;

/// A run takes longer than any may.
pub fn hung(subject: &Subject<'_>) -> Text {
    if let Some(several) = several_hang(subject) {
        return several;
    }
    let hangs = hangs(subject);
    if !blocks_all(subject) {
        return text!["the run of ", name(subject), " has not ended", subject.lasting(), ": it", hangs];
    }
    let told = text![nothing_else(subject), ": the run of ", name(subject), hangs];
    match waiting(subject) {
        Some(waiting) => subject.if_it_fits(told, &waiting),
        None => told,
    }
}

/// A run takes longer than usual.
pub fn long(subject: &Subject<'_>) -> Text {
    if ongoing(subject.facts.findings).any(|one| one.severity == Severity::Critical) {
        return hung(subject);
    }
    if blocks_all(subject) && count_waiting(subject) > 0 {
        return text![nothing_else(subject), ": the run of ", name(subject), " does not end"];
    }
    text!["the run of ", name(subject), " has lasted", subject.lasting(), ", longer than usual", waiting(subject)]
}

/// A run was cut short by the end of the process.
pub fn cut(subject: &Subject<'_>) -> Text {
    let runs = match count_running(subject) {
        0 => text!["the run of ", name(subject), " was cut short"],
        others => text!["the runs of ", name(subject), " and ", count(others, "other job"), " were cut short"],
    };
    let scheduler = subject.scheduler();
    match subject.facts.run.and_then(|run| run.cut) {
        Some(Cut::Restarted(at)) => text![runs, ": the ", scheduler, " was restarted at ", at],
        Some(Cut::Died(_) | Cut::LeaseOver(_)) | None => text![runs, ": the ", scheduler, " is down"],
    }
}

/// A run did its work and was never recorded.
pub fn delivery_hung(subject: &Subject<'_>) -> Text {
    if let Some(several) = several_hang(subject) {
        return several;
    }
    let hangs = hangs(subject);
    match (blocks_all(subject), subject.lead.since) {
        (true, Some(since)) => {
            text!["nothing can run since ", since, ": ", name(subject), hangs, " while sending its message"]
        }
        _ => text![name(subject), hangs, " while sending its message"],
    }
}

/// That the runs of several jobs hang, if they do.
fn several_hang(subject: &Subject<'_>) -> Option<Text> {
    let worker = subject.facts.context().worker;
    let hangs = |affected: &&AffectedJob| worker.run_of(affected.job).is_some_and(ActiveRun::hangs);
    let hanging = subject.facts.jobs.iter().filter(hangs).count();
    if hanging < 2 {
        return None;
    }
    Some(text![format!("the runs of {hanging} jobs have not ended"), subject.lasting(), ": they hang"])
}

/// What the run does, as far as the process shows.
fn hangs(subject: &Subject<'_>) -> &'static str {
    if is_alive(subject) { " hangs" } else { " hangs or was killed" }
}

fn name<'a>(subject: &Subject<'a>) -> &'a str {
    subject.facts.run.map_or("a deleted job", |run| run.name.as_str())
}

/// Whether the process lived after the run began.
fn is_alive(subject: &Subject<'_>) -> bool {
    let life = subject.facts.context().worker.life;
    let begun = subject.facts.run.map(|run| run.mark);
    life.is_proven() || life.other_activity(begun).is_some()
}

/// Whether the run is the only one that can be in flight, and no other has ended since it began.
fn blocks_all(subject: &Subject<'_>) -> bool {
    let last_end = subject.facts.context().worker.last_run_end();
    let is_last = subject.facts.run.is_some_and(|run| last_end.is_none_or(|end| end <= run.mark));
    subject.lead.stops_all && is_last
}

fn nothing_else(subject: &Subject<'_>) -> Text {
    text!["nothing else has run", subject.lasting()]
}

/// How many other jobs wait for the run, if any do.
fn waiting(subject: &Subject<'_>) -> Option<String> {
    match count_waiting(subject) {
        0 => None,
        1 => Some(", 1 job waits".to_owned()),
        several => Some(format!(", {several} jobs wait")),
    }
}

fn count_waiting(subject: &Subject<'_>) -> usize {
    others(subject).count() - count_running(subject)
}

/// The jobs other than the run's.
fn others(subject: &Subject<'_>) -> impl Iterator<Item = JobIndex> {
    let own = subject.facts.run.and_then(|run| run.job);
    subject.facts.jobs.iter().map(|affected| affected.job).filter(move |job| Some(*job) != own)
}

/// How many of them have runs of their own in flight.
fn count_running(subject: &Subject<'_>) -> usize {
    let runs = subject.facts.context().worker.active_runs().iter();
    let running: HashSet<JobIndex> = runs.filter_map(|run: &ActiveRun| run.job).collect();
    others(subject).filter(|job| running.contains(job)).count()
}
