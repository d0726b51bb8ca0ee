//! The evidence of a finding in one plain sentence.

use super::budget::Spent;
use super::evidence::{Change, Evidence};
use super::finding::Finding;
use super::runs::{known_errors, tokens_of_failed};
use super::worker::nobody_since;
use crate::model::{Fire, Job, cost_of};
use crate::numbers::{as_u64, costing, count, exactly, grouped, length, span_of_seconds, usd};
use crate::text::{Text, text};
use crate::time::{Instant, Millis, SECOND, span};

/// The evidence of a finding about a job in one plain sentence. It may contain text of the database.
pub fn sentence(finding: &Finding, job: Option<&Job>, now: Instant) -> Text {
    match &finding.evidence {
        Evidence::Overdue { overdue_seconds, free_seconds } => overdue(*overdue_seconds, *free_seconds).into(),
        Evidence::Waiting { behind, overdue_seconds } => waiting(behind.as_deref(), *overdue_seconds).into(),
        Evidence::LongRun { in_flight_seconds, usual_seconds, longest_seconds } => {
            long_run(*in_flight_seconds, *usual_seconds, *longest_seconds).into()
        }
        Evidence::EndedRun { took_seconds, longest_seconds } => ended_run(*took_seconds, *longest_seconds).into(),
        Evidence::HungRun { behind, in_flight_seconds } => hung_run(behind.as_deref(), *in_flight_seconds).into(),
        Evidence::HungDelivery { behind, delivering_seconds } => {
            hung_delivery(behind.as_deref(), *delivering_seconds).into()
        }
        Evidence::CutRun { restarted_at, last_write_at } => cut_run(*restarted_at, *last_write_at, now),
        Evidence::SchedulerDown { job, next_run_at, last_write_at } => {
            scheduler_down(job, *next_run_at, *last_write_at, now)
        }
        Evidence::FailingPasses { failing_seconds, why } => failing_passes(*failing_seconds, why.as_deref()).into(),
        Evidence::Repaired { repaired_at, looks_by, revived } => {
            not_fired_since(1, *revived, (*repaired_at, *looks_by), now)
        }
        Evidence::NoNextRun { next_run_at } => no_next_run(next_run_at.as_deref(), job).into(),
        Evidence::BreakerOpen { consecutive_errors, .. } => {
            let errors = count(*consecutive_errors, "error");
            text!["the scheduler stopped it after ", errors, " in a row: it will not run again by itself"]
        }
        Evidence::UnreadableSchedule { why } => text!["its schedule can't be used: ", why],
        Evidence::UnknownState { why } => text!["the scheduler never picks this row: ", why],
        Evidence::Runaway { fires, fires_seconds, cost_usd, why } => {
            runaway(*fires, *fires_seconds, *cost_usd, why.as_deref()).into()
        }
        Evidence::Quarantined { why } => text!["the scheduler removed its row from the table: ", why],
        Evidence::SkippedSlots { next_run_at, slots } => {
            text!["its next run is set to ", *next_run_at, ", after ", count(*slots, "slot")]
        }
        Evidence::OneShotMissed { at } => {
            text!["a one-shot was due at ", *at, " and has no next run: its work was never done"]
        }
        Evidence::OneShotFailed { consecutive_errors, .. } => one_shot_failed(*consecutive_errors).into(),
        Evidence::NothingWatched { rows, last_activity } => nothing_watched(*rows, *last_activity),
        Evidence::ExpectedMissing { expected, state } => expected_missing(expected, *state).into(),
        Evidence::ZeroTokenStreak { fires, tokens, newest, .. } => {
            let did = match tokens {
                0 => "used no tokens".to_owned(),
                read => format!("read {} tokens and wrote none", grouped(*read)),
            };
            streak(&did, *fires, *newest, finding, now).into()
        }
        Evidence::ShortRuns { fires, newest, too_short, longest_seconds, min_run_seconds } => {
            let did = too_soon(too_short == fires, *longest_seconds, *min_run_seconds);
            streak(&did, *fires, *newest, finding, now).into()
        }
        Evidence::SharedZeroTokens { fires, jobs, .. } => {
            let (fires, jobs) = (count(*fires, "run"), count(*jobs, "job"));
            let did = if job.is_some_and(|job| read_only(job, finding)) { "wrote nothing" } else { "used no tokens" };
            if finding.is_ongoing() {
                text!["the last ", fires, " of ", jobs, " all failed or ", did]
            } else {
                text!["in that time all ", fires, " of ", jobs, " failed or ", did]
            }
        }
        Evidence::SharedError { fires, jobs, .. } => {
            text![count(*fires, "run"), " of ", count(*jobs, "job"), " in a row ended with the same error"]
        }
        Evidence::Failing { consecutive_errors, .. } => errors_in_a_row(*consecutive_errors, job, now).into(),
        Evidence::FailedRun { next_run_at, .. } => failed_run(*next_run_at, job, now),
        Evidence::Flapping { failed, slots, cost_usd } => {
            let (slots, cost) = (count(*slots, "slot"), costing(*cost_usd));
            format!("a run failed in {failed} of its last {slots}{cost}").into()
        }
        Evidence::RunsWhileOff { off, runs } => {
            text!["it was switched off at ", *off, "; ", count(*runs, "run"), " since"]
        }
        Evidence::Skipped { fires, .. } => text!["the scheduler skipped its last ", count(*fires, "run")],
        Evidence::Undelivered { delivery_status } => text!["its last message was not delivered: ", delivery_status],
        Evidence::MessagesLost { lost, unconfirmed, sent, delivery_status } => {
            messages_lost(*lost, *unconfirmed, *sent, delivery_status.as_deref()).into()
        }
        Evidence::Unjudged { why } => text!["it can't be judged: ", why],
        Evidence::WorkShrank { output_tokens, seconds } => work_shrank(*output_tokens, *seconds, finding.since),
        Evidence::ModelChanged { model, usual_model, cost_usd } => {
            let cost = cost_usd.map(|cost| format!("; {}", cost_of_a_run(cost)));
            text![since(finding.since), "it has run on ", model, "; ", usual_model, " was usual", cost]
        }
        Evidence::CostGrowth { cost_usd } => text![since(finding.since), cost_of_a_run(*cost_usd)],
        Evidence::OverBudget { day_from, cost_usd, tokens } => {
            over_budget(finding.job().is_some(), *day_from, *cost_usd, *tokens)
        }
        Evidence::NoOutput { output, newest_at, run_began } => no_output(output, *newest_at, *run_began),
        Evidence::OutputUnread { output, why } => text!["its output ", output, " ", why],
        Evidence::Uncounted { budgets } => uncounted(budgets),
        Evidence::TokenGrowth { tokens, usual_tokens } => {
            let (tokens, usual) = (grouped((*tokens).into()), grouped((*usual_tokens).into()));
            text![since(finding.since), "each of its runs has used ", tokens, " tokens or more; ", usual, " were usual"]
        }
        Evidence::Silent { last_fire, by_hand } => silent(finding, (*last_fire, *by_hand), job, now).into(),
        Evidence::CatchingUp { resumed_at } => {
            let lost = slots_lost(finding.missed_slots);
            text!["it waits for its turn: the scheduler has been catching up since ", *resumed_at, lost]
        }
        Evidence::Starved { slots, lost } => {
            let slots = count(*slots, "slot");
            format!("{lost} of {slots} in the last day were lost to runs that were still under way").into()
        }
        Evidence::OtherZone { jobs, offset, zone } => other_zone(jobs.len(), offset, zone).into(),
        Evidence::ZoneChanged { shift_seconds } => {
            let (shift, since) = (span_of_seconds(*shift_seconds), then_since(finding.since));
            text!["it has run ", shift, " after its slots", since, ", as if the scheduler's time zone had changed"]
        }
        Evidence::TooManyFires { fires, slots, cost_usd } => {
            let (fires, slots) = (count(*fires, "run"), count(*slots, "slot"));
            text![fires, " in the last day for ", slots, costing(*cost_usd)]
        }
        Evidence::PairedFires { pairs, slots } => {
            format!("it ran twice in {pairs} of its last {}", count(*slots, "slot")).into()
        }
        Evidence::Twin { of } => text!["the row ", of, " has the same name and schedule, and both run"],
        Evidence::ClockSetBack { clock_was_at, next_run_at, slots } => {
            let come = text!["; ", count(*slots, "slot"), " come before its next run at ", *next_run_at];
            text!["it was scheduled while the clock stood at ", *clock_was_at, come]
        }
        Evidence::Crashing { crashes } => {
            let crashes = count(*crashes, "time");
            text!["the scheduler's process was killed or crashed ", crashes, then_since(finding.since)]
        }
        Evidence::Unrecorded { last_record, last_run } => {
            text!["no run on record since ", *last_record, "; by its row it last ran at ", *last_run]
        }
        Evidence::RowGone { fires, last_fire } => row_gone(*fires, *last_fire, now).into(),
    }
}

fn failing_passes(seconds: i64, why: Option<&str>) -> String {
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!("every pass of the scheduler over its jobs has failed for {}{why}", span_of_seconds(seconds))
}

/// That so many jobs have not fired since their rows were repaired; the first at the first of these times, and the scheduler
/// has looked at all by the second.
pub fn not_fired_since(jobs: usize, revived: bool, (at, looks_by): (Instant, Instant), now: Instant) -> Text {
    let changed = if revived { "revived" } else { "edited or resumed" };
    let (begin, has, them) = match jobs {
        1 => ("it was".to_owned(), "has", "it"),
        jobs => (format!("{jobs} jobs were"), "have", "them"),
    };
    let late = now.since(looks_by);
    let looks = if late > 0 {
        text!["should have run ", them, " by ", looks_by, ", ", span(late), " ago"]
    } else {
        text!["runs ", them, " by ", looks_by]
    };
    text![begin, " ", changed, " at ", at, " and ", has, " not run since; the scheduler ", looks]
}

/// When a run is due, to now: `at 2026-03-02 18:00 UTC, in 6h12m`.
pub fn due(next_run_at: Instant, now: Instant) -> Text {
    let until = next_run_at.since(now);
    if until > 0 {
        text!["at ", next_run_at, ", in ", span(until)]
    } else {
        text!["at ", next_run_at, ", ", ago(next_run_at, now)]
    }
}

/// The runs of a job that failed in a row up to the last: how many, when, and what they used. None if its last run was good.
pub fn failed_runs(job: &Job) -> Option<Text> {
    let failed = &job.fires[job.fires.len() - known_errors(job)..];
    let (first, last) = (failed.first()?, failed.last()?);
    let runs = job.errors().max(as_u64(failed.len()));
    let when = if failed.len() > 1 {
        text![" from ", Text::range(first.end, last.end)]
    } else if runs > 1 {
        text![", the last at ", last.end]
    } else {
        text![" at ", last.end]
    };
    let all_empty = failed.iter().all(Fire::is_empty);
    let used = match tokens_of_failed(job) {
        0 if all_empty && failed.len() > 1 => ", all with 0 tokens".to_owned(),
        0 if all_empty => ", with 0 tokens".to_owned(),
        0 => String::new(),
        tokens if all_empty => {
            format!(", which wrote nothing and read {} tokens{}", grouped(tokens), costing(cost_of(failed)))
        }
        tokens => format!(", which used {} tokens{}", grouped(tokens), costing(cost_of(failed))),
    };
    let thing = if job.errors() == 0 && all_empty { "run" } else { "failed run" };
    Some(text![count(runs, thing), when, used])
}

fn overdue(overdue_seconds: i64, free_seconds: i64) -> String {
    let (overdue, free) = (span_of_seconds(overdue_seconds), span_of_seconds(free_seconds));
    if free == overdue {
        return format!("overdue by {overdue}, with no run of another job in its way");
    }
    format!("overdue by {overdue}; for {free} of that no run of another job was in its way")
}

fn waiting(behind: Option<&str>, overdue_seconds: i64) -> String {
    let overdue = span_of_seconds(overdue_seconds);
    match behind {
        Some(name) => format!("due {overdue} ago; waiting for the run of {name}"),
        None => format!("due {overdue} ago; other runs keep the scheduler busy"),
    }
}

fn long_run(in_flight_seconds: i64, usual_seconds: i64, longest_seconds: Option<i64>) -> String {
    let (elapsed, limit) = (span_of_seconds(in_flight_seconds), span_of_seconds(usual_seconds));
    let longest = match longest_seconds {
        Some(longest) => format!("its last runs took {} at most", span_of_seconds(longest)),
        None => "how long its runs take is not known".to_owned(),
    };
    format!("its run has taken {elapsed} so far; {longest}, and more than {limit} is unusual")
}

fn ended_run(took_seconds: i64, longest_seconds: Option<i64>) -> String {
    let took = span_of_seconds(took_seconds);
    match longest_seconds {
        Some(longest) => format!("a run of it took {took}; those before it took {} at most", span_of_seconds(longest)),
        None => format!("a run of it took {took}"),
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
    let did = format!("did its work {} ago but was never recorded as finished", span_of_seconds(delivering_seconds));
    match behind {
        Some(name) => format!("waiting for the run of {name}, which {did}"),
        None => format!("its run {did}"),
    }
}

fn cut_run(restarted_at: Option<Instant>, last_write_at: Option<Instant>, now: Instant) -> Text {
    match (restarted_at, last_write_at) {
        (Some(at), _) => text!["its run was cut short: the scheduler's process has been running since ", at, " only"],
        (None, Some(written)) => text!["its run has not finished, and ", nobody_since(written, now)],
        (None, None) => "its run has not finished, and its process has given up its lease".into(),
    }
}

fn scheduler_down(job: &str, next_run_at: Instant, last_write_at: Option<Instant>, now: Instant) -> Text {
    let gone = match last_write_at {
        Some(written) => nobody_since(written, now),
        None => "its sign of life is overdue".to_owned(),
    };
    text!["the run of ", job, " ", due(next_run_at, now), ", is the first to be lost; ", gone]
}

fn no_next_run(next_run_at: Option<&str>, job: Option<&Job>) -> String {
    let again = if job.is_some_and(|job| job.last_end().is_none()) { "" } else { " again" };
    match next_run_at {
        Some(text) => format!("its next_run_at is {text:?}, which is not a time, so it will never run{again}"),
        None => format!("its next_run_at is empty, so it will never run{again}"),
    }
}

fn runaway(fires: usize, fires_seconds: i64, cost_usd: f64, why: Option<&str>) -> String {
    let (runs, span, cost) = (count(fires, "run"), span_of_seconds(fires_seconds), costing(cost_usd));
    let told = format!("runs back to back: {runs} in {span} that its row never recorded{cost}");
    match why {
        Some(why) => format!("{told}; {why}"),
        None => told,
    }
}

fn one_shot_failed(consecutive_errors: u64) -> String {
    match consecutive_errors {
        0 => "a one-shot was skipped and switched off: its work was never done".to_owned(),
        errors => format!("a one-shot gave up after {}: its work was never done", count(errors, "error")),
    }
}

fn nothing_watched(rows: usize, last_activity: Instant) -> Text {
    let none = match rows {
        0 => "there is no job".to_owned(),
        rows => format!("none of the rows of {} is one that runs", count(rows, "job")),
    };
    text![none, ", although the database was last active at ", last_activity]
}

fn expected_missing(expected: &str, state: Option<&str>) -> String {
    match state {
        Some(state) => format!("it is {state}, and no watched job matches {expected:?}"),
        None => format!("no job matches {expected:?}"),
    }
}

/// Whether a run of a job used tokens and wrote none while it lasted.
fn read_only(job: &Job, finding: &Finding) -> bool {
    let fires = job.fires_since(finding.since.unwrap_or(Instant::MIN));
    let mut fires = fires.iter().take_while(|fire| finding.until.is_none_or(|until| fire.end < until));
    fires.any(|fire| fire.wrote_nothing() && fire.tokens > Some(0))
}

fn streak(did: &str, fires: u64, newest: Instant, finding: &Finding, now: Instant) -> String {
    let fires = count(fires, "run");
    match finding.since {
        Some(first) if !finding.is_ongoing() => {
            format!("{fires} in a row {did}, over {}; it has worked since", span(newest.since(first)))
        }
        _ => format!("{fires} in a row {did}, the last one {}", ago(newest, now)),
    }
}

/// What runs of a streak did that ended too soon; the others used no tokens.
fn too_soon(is_all: bool, longest_seconds: f64, min_run_seconds: f64) -> String {
    let least = exactly((min_run_seconds * SECOND as f64).round() as Millis);
    let others = if is_all { "" } else { "used no tokens or " };
    format!("{others}took {} at most, less than min_run {least}", length(longest_seconds))
}

fn errors_in_a_row(errors: u64, job: Option<&Job>, now: Instant) -> String {
    let errors = count(errors, "error");
    let Some(job) = job else { return format!("{errors} in a row") };
    let last = match job.last_run() {
        Some(run) => format!(", the last one {}", ago(run.end(), now)),
        None => String::new(),
    };
    let failed = &job.fires[job.fires.len() - known_errors(job)..];
    format!("{errors} in a row{last}{}", costing(cost_of(failed)))
}

fn failed_run(next_run_at: Instant, job: Option<&Job>, now: Instant) -> Text {
    let last = job.and_then(Job::last_end).map(|end| format!(" {}", ago(end, now)));
    text!["its last run failed", last, " and is not tried again before ", next_run_at]
}

fn messages_lost(lost: usize, unconfirmed: usize, sent: usize, delivery_status: Option<&str>) -> String {
    if lost == 0 {
        return format!("whether its last {} arrived is not known", count(unconfirmed, "message"));
    }
    let told = format!("{lost} of its {} in the last day were not delivered", count(sent, "message"));
    match delivery_status {
        Some(why) => format!("{told}: {why}"),
        None => told,
    }
}

fn work_shrank(output_tokens: Option<Change>, seconds: Option<Change>, begun: Option<Instant>) -> Text {
    let mut changes = Vec::new();
    if let Some(tokens) = output_tokens {
        changes.push(format!("written {} tokens or fewer; {} were usual", tokens.now, tokens.usual));
    }
    if let Some(seconds) = seconds {
        changes.push(format!("taken {} or less; {} were usual", length(seconds.now), length(seconds.usual)));
    }
    text![since(begun), "each of its runs has ", changes.join(", and ")]
}

fn cost_of_a_run(cost_usd: Change) -> String {
    format!("a run has cost {}; {} was usual", usd(cost_usd.now), usd(cost_usd.usual))
}

fn over_budget(is_of_job: bool, day_from: Instant, cost_usd: Option<Spent>, tokens: Option<Spent>) -> Text {
    let (mut spent, mut projected) = (Vec::new(), Vec::new());
    if let Some(cost) = cost_usd {
        spent.push(format!("{} of a budget of {}", usd(cost.spent), usd(cost.budget)));
        projected.push(usd(cost.projected));
    }
    if let Some(used) = tokens {
        spent.push(format!("{} tokens of a budget of {}", whole(used.spent), whole(used.budget)));
        projected.push(format!("{} tokens", whole(used.projected)));
    }
    let who = if is_of_job { " it has" } else { " all jobs together have" };
    let (spent, projected) = (spent.join(" and "), projected.join(" and "));
    text!["since ", day_from, who, " used ", spent, "; at this rate the day comes to ", projected]
}

/// A number of tokens.
fn whole(tokens: f64) -> String {
    // No store counts so many that a float has no place for them.
    grouped(tokens as u64)
}

fn uncounted(budgets: &[&str]) -> Text {
    let what: Vec<&str> =
        budgets.iter().map(|key| if *key == "cost_usd" { "its cost" } else { "its tokens" }).collect();
    text![
        "no run has ",
        what.join(" or "),
        " on record, so that a budget in ",
        budgets.join(" or "),
        " can't be judged"
    ]
}

fn no_output(output: &str, newest_at: Option<Instant>, run_began: Instant) -> Text {
    let newest = match newest_at {
        Some(newest) => text!["the newest is from ", newest],
        None => "there is none at all".into(),
    };
    text!["no file ", output, " was written since its run of ", run_began, ", which was fine; ", newest]
}

fn silent(finding: &Finding, fired: (Option<Instant>, usize), job: Option<&Job>, now: Instant) -> String {
    let told = match (finding.since, finding.until) {
        (Some(since), Some(until)) => format!("it was silent for {}", span(until.since(since))),
        (None, Some(_)) => "it was silent".to_owned(),
        (_, None) => silent_so_far(fired, job, now),
    };
    told + &slots_lost(finding.missed_slots)
}

fn silent_so_far((last_fire, by_hand): (Option<Instant>, usize), job: Option<&Job>, now: Instant) -> String {
    if let Some(last) = last_fire
        && by_hand > 0
    {
        let times = count(by_hand, "time");
        return format!("none of its slots since its last run {} has run; others ran it {times}", ago(last, now));
    }
    if let Some(last) = last_fire {
        return format!("nothing since its last run {}", ago(last, now));
    }
    match job.and_then(|job| job.created_at) {
        Some(created) => format!("no run of it is on record, created {}", ago(created, now)),
        None => "no run of it is on record".to_owned(),
    }
}

fn other_zone(jobs: usize, offset: &str, zone: &str) -> String {
    let (seem, their) = if jobs == 1 { ("seems", "its") } else { ("seem", "their") };
    let jobs = count(jobs, "job");
    format!(
        "{jobs} {seem} to run in another time zone than {zone}: the next runs are slots in {offset}; \
         {their} gaps were not judged"
    )
}

fn row_gone(fires: usize, last_fire: Option<Instant>, now: Instant) -> String {
    let last = match last_fire {
        Some(at) => ago(at, now),
        None => "at an unknown time".to_owned(),
    };
    format!("its row is gone; it ran {}, last {last}", count(fires, "time"))
}

fn slots_lost(slots: Option<u64>) -> String {
    slots.map_or_else(String::new, |slots| format!(": {} lost", count(slots, "slot")))
}

fn ago(at: Instant, now: Instant) -> String {
    format!("{} ago", span(now.since(at)))
}

/// Since when, as the beginning of a sentence; empty where that is not known.
fn since(begun: Option<Instant>) -> Option<Text> {
    begun.map(|at| text!["since ", at, " "])
}

/// The same within a sentence.
fn then_since(begun: Option<Instant>) -> Option<Text> {
    begun.map(|at| text![" since ", at])
}
