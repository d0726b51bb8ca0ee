//! Headlines of silences: of the whole scheduler, and of some of its jobs.

use super::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::ongoing;
use crate::audit::worker::CrashLoop;
use crate::model::Lease;
use crate::numbers::count;
use crate::text::{Text, text};
use crate::time::{DAY, Instant, span};

/// Nothing runs.
pub fn scheduler_silent(subject: &Subject<'_>) -> Text {
    let (facts, name) = (subject.facts, subject.scheduler());
    let worker = facts.context().worker;
    if let Some(boot) = facts.restart_that_ended() {
        let silent =
            subject.lead.since.map(|since| text!["nothing had run for ", span(boot.since(since)), " until ", boot]);
        let wait = subject.agree(" waits for its next slot", " wait for their next slots");
        return text![silent.map(|silent| text![silent, "; "]), subject.names(), wait];
    }
    if let Some(CrashLoop { starts, goes_on, fails, .. }) = worker.crash_loop() {
        let crashes = match (fails, goes_on) {
            (true, true) => format!("each start of the {name} fails ({starts} times)"),
            (true, false) => format!("the {name} was given up after {starts} starts that failed"),
            (false, true) => format!("each start of the {name} crashes ({starts} times)"),
            (false, false) => format!("the {name} was given up after {starts} crashes"),
        };
        return text![nothing_has_run(subject), ": ", crashes];
    }
    let life = worker.life;
    if life.suspended().is_some() {
        return text![nothing_has_run(subject), ": the process of the ", name, " is suspended"];
    }
    if life.is_held() {
        return text![nothing_has_run(subject), ", though the process of the ", name, " is there"];
    }
    match facts.context().snapshot.lease {
        Lease::Dead(_) => text![may_sleep(subject), ": ", overdue(subject.overdue())],
        Lease::Stopped(_) => text!["the ", name, " is stopped", subject.lasting(), ": ", overdue(subject.overdue())],
        Lease::Alive(_) => text![nothing_has_run(subject), ", though the process of the ", name, " lives"],
        Lease::Unknown if life.bystander().is_some() => {
            text![nothing_has_run(subject), ": the process that has the database open has written nothing"]
        }
        Lease::Unknown if life.is_gone() => {
            text![nothing_has_run(subject), ": no process has the database open to write"]
        }
        Lease::Unknown => match life.other_activity(facts.since) {
            Some(at) => text![nothing_has_run(subject), ", though its process lived at ", at],
            None => text![nothing_has_run(subject), ": the ", name, " is dead, or it hangs"],
        },
    }
}

fn nothing_has_run(subject: &Subject<'_>) -> Text {
    match (subject.facts.context().worker.last_run_end(), subject.facts.context().snapshot.mapping.is_some()) {
        (Some(_), _) => text!["nothing has run", subject.lasting()],
        // Other schedulers forget runs.
        (None, true) => "no run is on record".into(),
        (None, false) => "nothing has ever run".into(),
    }
}

fn may_sleep(subject: &Subject<'_>) -> Text {
    text!["the ", subject.scheduler(), " is down", subject.lasting(), ", or its machine sleeps"]
}

fn overdue(jobs: usize) -> String {
    format!("{} {} overdue", count(jobs, "job"), if jobs == 1 { "is" } else { "are" })
}

/// The process is gone, but no slot is lost yet.
pub fn scheduler_down(subject: &Subject<'_>) -> Text {
    match subject.facts.context().snapshot.lease {
        Lease::Dead(_) => may_sleep(subject),
        Lease::Stopped(_) => text!["the ", subject.scheduler(), " is stopped", subject.lasting()],
        Lease::Alive(_) | Lease::Unknown => {
            text![
                "the ",
                subject.scheduler(),
                " is down",
                subject.lasting(),
                ": no process has the database open to write"
            ]
        }
    }
}

/// A silence of the whole scheduler that is over, though not for each job.
pub fn catching_up(subject: &Subject<'_>) -> Text {
    let mut resumed: Option<Instant> = None;
    for finding in ongoing(subject.facts.findings) {
        if let Evidence::CatchingUp { resumed_at } = finding.evidence {
            resumed = Some(resumed.map_or(resumed_at, |first| first.min(resumed_at)));
        }
    }
    let waiting = subject.facts.jobs.len();
    let all = subject.facts.all_jobs().len().max(waiting);
    let wait = format!("{waiting} of {all} still {}", if waiting == 1 { "waits" } else { "wait" });
    let Some(resumed) = resumed else { return text!["jobs run again, ", wait] };
    let silent = subject.lead.since.map(|since| format!("nothing had run for {}; ", span(resumed.since(since))));
    text![silent, "jobs run again since ", resumed, ", ", wait]
}

/// Some jobs do not run, while others do.
pub fn job_silent(subject: &Subject<'_>) -> Text {
    let works = format!(", though the {} works", subject.scheduler());
    let facts = subject.facts;
    match (facts.jobs, subject.lead.since) {
        ([_, _, ..], Some(since)) if subject.is_today(since) && are_daily(subject) => {
            text![format!("{} daily jobs did not run today", facts.jobs.len()), works]
        }
        ([only], _) if facts.job(only).last_end().is_none() => text![subject.names(), " has never run", works],
        _ => text![subject.names(), subject.agree(" has", " have"), " not run", subject.lasting(), works],
    }
}

fn are_daily(subject: &Subject<'_>) -> bool {
    subject.facts.jobs.iter().all(|affected| {
        let cadence = subject.facts.job(affected).schedule.cadence();
        affected.since.is_some_and(|since| cadence.and_then(|cadence| cadence.shortest_interval(since)) == Some(DAY))
    })
}

/// The process dies again and again, and works in between.
pub fn crash_loop(subject: &Subject<'_>) -> Text {
    let crashes = subject.facts.findings.iter().find_map(|finding| match finding.evidence {
        Evidence::Crashing { crashes } => Some(format!(" ({crashes} times)")),
        _ => None,
    });
    text!["the ", subject.scheduler(), " keeps crashing", crashes, " and works in between"]
}

/// Jobs of a store that the scheduler does not read.
pub fn store_unserved(subject: &Subject<'_>) -> Text {
    let have = subject.agree(" has", " have");
    let served = format!(": the {} serves another directory", subject.scheduler());
    text![subject.names(), have, " not run", subject.lasting(), served]
}
