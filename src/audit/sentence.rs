//! The evidence of a finding in one plain sentence.

use super::evidence::{Change, Evidence};
use super::finding::Finding;
use super::runs::{known_errors, tokens_of_failed};
use super::worker::nobody_since;
use crate::model::{Fire, Job, cost_of};
use crate::numbers::{costing, count, grouped, since_in_words, span_of_seconds, usd};
use crate::time::{Instant, span};

/// The evidence of a finding about a job in one plain sentence. It may contain text of the database.
pub fn sentence(finding: &Finding, job: Option<&Job>, now: Instant) -> String {
    match &finding.evidence {
        Evidence::Overdue { overdue_seconds, free_seconds } => {
            let (overdue, free) = (span_of_seconds(*overdue_seconds), span_of_seconds(*free_seconds));
            if free == overdue {
                return format!("overdue by {overdue}, with no run of another job in its way");
            }
            format!("overdue by {overdue}; for {free} of that no run of another job was in its way")
        }
        Evidence::Waiting { behind, overdue_seconds } => waiting(behind.as_deref(), *overdue_seconds),
        Evidence::LongRun { in_flight_seconds, usual_seconds, longest_seconds } => {
            let (elapsed, limit) = (span_of_seconds(*in_flight_seconds), span_of_seconds(*usual_seconds));
            let longest = longest_seconds.map_or_else(
                || "how long its runs take is not known".to_owned(),
                |longest| format!("its last runs took {} at most", span_of_seconds(longest)),
            );
            format!("its run has taken {elapsed} so far; {longest}, and more than {limit} is unusual")
        }
        Evidence::HungRun { behind, in_flight_seconds } => hung_run(behind.as_deref(), *in_flight_seconds),
        Evidence::HungDelivery { behind, delivering_seconds } => hung_delivery(behind.as_deref(), *delivering_seconds),
        Evidence::CutRun { restarted_at: Some(at), .. } => {
            format!("its run was cut short: the scheduler's process has been running since {} UTC only", at.minute())
        }
        Evidence::CutRun { last_write_at: Some(written), .. } => {
            format!("its run has not finished, and {}", nobody_since(*written, now))
        }
        Evidence::CutRun { .. } => "its run has not finished, and its process has given up its lease".to_owned(),
        Evidence::SchedulerDown { job, next_run_at, last_write_at } => {
            let gone = match last_write_at {
                Some(written) => nobody_since(*written, now),
                None => "its process has not renewed its lease".to_owned(),
            };
            format!("the run of {job} {}, is the first to be lost; {gone}", due_in_words(*next_run_at, now))
        }
        Evidence::Repaired { repaired_at, looks_by, revived } => {
            not_fired_since(1, *revived, (*repaired_at, *looks_by), now)
        }
        Evidence::NoNextRun { next_run_at: None } => "its next_run_at is empty, so it will never run again".to_owned(),
        Evidence::NoNextRun { next_run_at: Some(text) } => {
            format!("its next_run_at is {text:?}, which is not a time, so it will never run again")
        }
        Evidence::BreakerOpen { consecutive_errors, .. } => {
            let errors = count(*consecutive_errors, "error");
            format!("the scheduler stopped it after {errors} in a row: it will not run again by itself")
        }
        Evidence::UnreadableSchedule { why } => format!("its schedule can't be used: {why}"),
        Evidence::UnknownState { why } => format!("the scheduler never picks this row: {why}"),
        Evidence::Runaway { fires, fires_seconds, cost_usd, why } => {
            let (runs, span) = (count(*fires, "run"), span_of_seconds(*fires_seconds));
            let why = why.as_ref().map_or_else(String::new, |why| format!("; {why}"));
            format!("runs back to back: {runs} in {span} that its row never recorded{}{why}", costing(*cost_usd))
        }
        Evidence::Quarantined { why } => format!("the scheduler removed its row from the table: {why}"),
        Evidence::SkippedSlots { next_run_at, slots } => {
            format!("its next run is set to {} UTC, after {}", next_run_at.minute(), count(*slots, "slot"))
        }
        Evidence::OneShotMissed { at } => {
            format!("a one-shot was due at {} UTC and has no next run: its work was never done", at.minute())
        }
        Evidence::OneShotFailed { consecutive_errors: 0, .. } => {
            "a one-shot was skipped and switched off: its work was never done".to_owned()
        }
        Evidence::OneShotFailed { consecutive_errors, .. } => {
            format!("a one-shot gave up after {}: its work was never done", count(*consecutive_errors, "error"))
        }
        Evidence::NothingWatched { rows, last_activity } => {
            let rows = match rows {
                0 => "there is no job".to_owned(),
                rows => format!("none of the rows of {} is one that fires", count(*rows, "job")),
            };
            format!("{rows}, although the database was last active at {} UTC", last_activity.minute())
        }
        Evidence::ExpectedMissing { expected, state: None } => format!("no job matches {expected:?}"),
        Evidence::ExpectedMissing { expected, state: Some(state) } => {
            format!("it is {state}, and no watched job matches {expected:?}")
        }
        Evidence::ZeroTokenStreak { fires, newest, .. } => streak(*fires, *newest, finding, now),
        Evidence::SharedZeroTokens { fires, jobs, .. } => {
            format!("the last {} of {} all failed or used no tokens", count(*fires, "fire"), count(*jobs, "job"))
        }
        Evidence::SharedError { fires, jobs, .. } => {
            format!("{} of {} in a row ended with the same error", count(*fires, "fire"), count(*jobs, "job"))
        }
        Evidence::Failing { consecutive_errors, .. } => errors_in_a_row(*consecutive_errors, job, now),
        Evidence::FailedRun { next_run_at, .. } => {
            let last =
                job.and_then(Job::last_end).map_or_else(String::new, |end| format!(" {} ago", span(now.since(end))));
            format!("its last run failed{last} and is not tried again before {} UTC", next_run_at.minute())
        }
        Evidence::Flapping { failed, slots, cost_usd } => {
            format!("a run failed in {failed} of its {} in the last day{}", count(*slots, "slot"), costing(*cost_usd))
        }
        Evidence::Skipped { fires, .. } => format!("the scheduler skipped its last {}", count(*fires, "run")),
        Evidence::Undelivered { delivery_status } => format!("its last message was not delivered: {delivery_status}"),
        Evidence::MessagesLost { lost: 0, unconfirmed, .. } => {
            format!("whether its last {} arrived is not known", count(*unconfirmed, "message"))
        }
        Evidence::MessagesLost { lost, sent, delivery_status, .. } => {
            let why = delivery_status.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("{lost} of its {} in the last day were not delivered{why}", count(*sent, "message"))
        }
        Evidence::Unjudged { why } => format!("it can't be judged: {why}"),
        Evidence::WorkShrank { output_tokens, seconds } => shrank_in_words(*output_tokens, *seconds, finding.since),
        Evidence::ModelChanged { model, usual_model, cost_usd } => {
            let cost = cost_usd.map_or_else(String::new, |cost| format!("; {}", cost_in_words(cost, None)));
            format!("{}it has run on {model}; {usual_model} was usual{cost}", since_in_words(finding.since))
        }
        Evidence::CostGrowth { cost_usd } => cost_in_words(*cost_usd, finding.since),
        Evidence::TokenGrowth { tokens, usual_tokens } => {
            let since = since_in_words(finding.since);
            let (tokens, usual) = (grouped((*tokens).into()), grouped((*usual_tokens).into()));
            format!("{since}each of its fires has used {tokens} tokens or more; {usual} were usual")
        }
        Evidence::Silent { last_fire } => silent(finding, *last_fire, job, now),
        Evidence::CatchingUp { resumed_at } => {
            let lost = lost_in_words(finding.missed_slots);
            format!("it waits for its turn: the scheduler has been catching up since {} UTC{lost}", resumed_at.minute())
        }
        Evidence::Starved { slots, lost } => {
            format!("{lost} of {} in the last day were lost to runs that were still under way", count(*slots, "slot"))
        }
        Evidence::OtherZone { jobs, offset, zone } => {
            let (seem, their) = if jobs.len() == 1 { ("seems", "its") } else { ("seem", "their") };
            let jobs = count(jobs.len(), "job");
            format!(
                "{jobs} {seem} to run in another time zone than {zone}: the next runs are slots in {offset}; \
                     {their} gaps were not judged"
            )
        }
        Evidence::ZoneChanged { shift_seconds } => {
            let since = finding.since.map_or_else(String::new, |since| format!(" since {} UTC", since.minute()));
            let shift = span_of_seconds(*shift_seconds);
            format!("it has run {shift} after its slots{since}, as if the scheduler's time zone had changed")
        }
        Evidence::TooManyFires { fires, slots, cost_usd } => {
            let (fires, slots) = (count(*fires, "fire"), count(*slots, "slot"));
            format!("{fires} in the last day for {slots}{}", costing(*cost_usd))
        }
        Evidence::PairedFires { pairs, slots } => {
            format!("it fired twice in {pairs} of its last {}", count(*slots, "slot"))
        }
        Evidence::Twin { of } => format!("the row {of} has the same name and schedule, and both fire"),
        Evidence::ClockSetBack { clock_was_at, next_run_at, slots } => {
            let (slots, were, next) = (count(*slots, "slot"), clock_was_at.minute(), next_run_at.minute());
            format!(
                "it was scheduled while the clock stood at {were} UTC; {slots} come before its next run at {next} UTC"
            )
        }
        Evidence::Crashing { crashes } => {
            let since = finding.since.map_or_else(String::new, |since| format!(" since {} UTC", since.minute()));
            format!("the scheduler's process was killed or crashed {}{since}", count(*crashes, "time"))
        }
        Evidence::RowGone { fires, last_fire } => {
            let last = last_fire.map_or_else(|| "at an unknown time".to_owned(), |at| ago(now, at));
            format!("its row is gone; it fired {}, last {last}", count(*fires, "time"))
        }
    }
}

/// That so many jobs have not fired since their rows were repaired; the first at the first of these times, and the scheduler
/// has looked at all by the second.
pub fn not_fired_since(jobs: usize, revived: bool, (at, looks_by): (Instant, Instant), now: Instant) -> String {
    let changed = if revived { "revived" } else { "edited or resumed" };
    let (begin, has, them) = match jobs {
        1 => ("it was".to_owned(), "has", "it"),
        jobs => (format!("{jobs} jobs were"), "have", "them"),
    };
    let (at, by) = (at.minute(), looks_by.minute());
    let looks = match now.since(looks_by) {
        late if late > 0 => format!("should have run {them} by {by} UTC, {} ago", span(late)),
        _ => format!("runs {them} by {by} UTC"),
    };
    format!("{begin} {changed} at {at} UTC and {has} not fired since; the scheduler {looks}")
}

/// When a run is due, to now: `at 2026-03-02 18:00 UTC, in 6h12m`.
pub fn due_in_words(next_run_at: Instant, now: Instant) -> String {
    let (next, until) = (next_run_at.minute(), next_run_at.since(now));
    if until > 0 {
        format!("at {next} UTC, in {}", span(until))
    } else {
        format!("at {next} UTC, {} ago", span(-until))
    }
}

fn waiting(behind: Option<&str>, overdue_seconds: i64) -> String {
    let overdue = span_of_seconds(overdue_seconds);
    match behind {
        Some(name) => format!("due {overdue} ago; waiting for the run of {name}"),
        None => format!("due {overdue} ago; other runs keep the scheduler busy"),
    }
}

fn hung_run(behind: Option<&str>, in_flight_seconds: i64) -> String {
    let elapsed = span_of_seconds(in_flight_seconds);
    match behind {
        Some(name) => format!("waiting for the run of {name}, which started {elapsed} ago and has not finished"),
        None => format!("its run started {elapsed} ago and has not finished: longer than any run is allowed to take"),
    }
}

fn hung_delivery(behind: Option<&str>, delivering_seconds: i64) -> String {
    let elapsed = span_of_seconds(delivering_seconds);
    match behind {
        Some(name) => {
            format!(
                "waiting for the run of {name}, which did its work {elapsed} ago but was never recorded as finished"
            )
        }
        None => format!("its run did its work {elapsed} ago but was never recorded as finished"),
    }
}

fn errors_in_a_row(errors: u64, job: Option<&Job>, now: Instant) -> String {
    let errors = count(errors, "error");
    let Some(job) = job else { return format!("{errors} in a row") };
    let last = match job.last_run() {
        Some(run) => format!(", the last one {} ago", span(now.since(run.end()))),
        None => String::new(),
    };
    let failed = &job.fires[job.fires.len() - known_errors(job)..];
    format!("{errors} in a row{last}{}", costing(cost_of(failed)))
}

fn ago(now: Instant, at: Instant) -> String {
    format!("{} ago", span(now.since(at)))
}

fn silent(finding: &Finding, last_fire: Option<Instant>, job: Option<&Job>, now: Instant) -> String {
    let lost = lost_in_words(finding.missed_slots);
    let told = match (finding.until, last_fire) {
        (Some(until), _) => match finding.since {
            Some(since) => format!("it was silent for {}", span(until.since(since))),
            None => "it was silent".to_owned(),
        },
        (None, Some(last)) => format!("nothing since its last fire {}", ago(now, last)),
        (None, None) => match job.and_then(|job| job.created_at) {
            Some(created) => format!("it has never fired, created {}", ago(now, created)),
            None => "it has never fired".to_owned(),
        },
    };
    told + &lost
}

fn lost_in_words(slots: Option<u64>) -> String {
    slots.map_or_else(String::new, |slots| format!(": {} lost", count(slots, "slot")))
}

fn streak(fires: u64, newest: Instant, finding: &Finding, now: Instant) -> String {
    let fires = count(fires, "fire");
    match finding.since.filter(|_| !finding.is_ongoing()) {
        Some(first) => {
            format!("{fires} in a row used no tokens, over {}; it has worked since", span(newest.since(first)))
        }
        None => format!("{fires} in a row used no tokens, the last one {} ago", span(now.since(newest))),
    }
}

/// What shrank, in words.
pub fn shrank_in_words(output_tokens: Option<Change>, seconds: Option<Change>, since: Option<Instant>) -> String {
    let tokens =
        output_tokens.map(|tokens| format!("written {} tokens or fewer; {} were usual", tokens.now, tokens.usual));
    let length =
        |seconds: f64| if seconds < 1.0 { format!("{:.0}ms", seconds * 1e3) } else { format!("{seconds:.1}s") };
    let time =
        seconds.map(|seconds| format!("taken {} or less; {} were usual", length(seconds.now), length(seconds.usual)));
    let changes: Vec<String> = tokens.into_iter().chain(time).collect();
    format!("{}each of its fires has {}", since_in_words(since), changes.join(", and "))
}

/// What a run costs, in words.
pub fn cost_in_words(cost_usd: Change, since: Option<Instant>) -> String {
    let (now, usual) = (usd(cost_usd.now), usd(cost_usd.usual));
    format!("{}a run has cost {now}; {usual} was usual", since_in_words(since))
}

/// The runs of a job that failed in a row up to the last, in words: how many, when, and what they used. None if its last run
/// was good.
pub fn failed_in_words(job: &Job) -> Option<String> {
    let failed = &job.fires[job.fires.len() - known_errors(job)..];
    let (first, last) = (failed.first()?, failed.last()?);
    let runs = job.errors().max(u64::try_from(failed.len()).unwrap_or(u64::MAX));
    let when = if failed.len() > 1 { range(first.end, last.end) } else { format!(" at {} UTC", last.end.minute()) };
    let when = if runs > 1 && failed.len() == 1 { format!(", the last{when}") } else { when };
    let used = match tokens_of_failed(job) {
        0 if failed.len() > 1 && failed.iter().all(Fire::is_empty) => ", all with 0 tokens".to_owned(),
        0 if failed.iter().all(Fire::is_empty) => ", with 0 tokens".to_owned(),
        0 => String::new(),
        tokens => format!(", which used {} tokens{}", grouped(tokens), costing(cost_of(failed))),
    };
    let all_empty = job.errors() == 0 && failed.iter().all(Fire::is_empty);
    Some(format!("{}{when}{used}", count(runs, if all_empty { "run" } else { "failed run" })))
}

/// ` from 2026-04-29 05:00 to 10:00 UTC`.
fn range(from: Instant, to: Instant) -> String {
    let (from, to) = (from.minute(), to.minute());
    let end = if from.get(..10) == to.get(..10) { to.get(11..).unwrap_or_default() } else { &to };
    format!(" from {from} to {end} UTC")
}
