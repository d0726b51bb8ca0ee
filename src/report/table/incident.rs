//! One incident: in full, or in two lines.

use super::page::{Page, Verdict, shown_name};
use super::strip;
use super::toll::Toll;
use crate::audit::{Incident, JobReport, without_wrappers};
use crate::catalog::Problem;
use crate::model::{Job, JobIndex, State};
use crate::numbers::{as_u64, count, grouped};
use crate::report::content::{Audited, Located, commands};
use crate::report::sanitize;
use crate::text::{NO_BREAK, Text, text};
use crate::time::{DAY, HOUR, MINUTE, span};

const MAX_TEXT_LEN: usize = 600;
/// Three lines of 80 columns.
const MAX_ERROR_LEN: usize = 200;
const MAX_COMMANDS: usize = 6;
/// Jobs that are named in a sentence; of more only the number is told.
const MAX_NAMES: usize = 2;

/// An incident in full: its lines, and its commands in a block of their own.
pub fn in_full(page: &Page, located: &Located<'_>, rows: usize) -> Vec<String> {
    let Located { audited, incident, .. } = *located;
    let mut text = page.verdict(Verdict::of(incident), &page.calendar.text(&incident.headline));
    text += &times(page, audited, incident);
    text += &seen(page, audited, incident);
    text += &strip::lines(page, audited, incident, rows).unwrap_or_default();
    text += &step(page, incident);
    let commands = shown_commands(located);
    if commands.is_empty() { vec![text] } else { vec![text, commands] }
}

/// An incident in two lines, with the call that shows it in full; one that is over in one.
pub fn in_short(page: &Page, located: &Located<'_>) -> String {
    let Located { audited, incident, .. } = *located;
    let verdict = Verdict::of(incident);
    let text = page.verdict(verdict, &page.calendar.text(&incident.headline));
    if verdict == Verdict::Over {
        return text;
    }
    let mut parts = Vec::new();
    if let Some(since) = incident.lead.since {
        let is_told = |error: &&String| incident.headline.to_string().contains(without_wrappers(error));
        let error = incident.error.as_ref().filter(|error| !is_told(error));
        let error = error.map(|error| format!(", {}", plain_error(error)));
        parts.push(format!("since {}{}", page.short(since), error.unwrap_or_default()));
    }
    parts.push(more(audited, incident));
    text + &page.below(&parts.join("; "))
}

/// What to do.
pub fn step(page: &Page, incident: &Incident) -> String {
    page.labeled("Do", &sanitize::text(&incident.remedy.text(), MAX_TEXT_LEN))
}

/// The call that shows an incident alone: by its first job, or by what is known of its cause.
fn more(audited: &Audited, incident: &Incident) -> String {
    let no_break = |text: String| text.replace(' ', &NO_BREAK.to_string());
    let job = incident.jobs.first().map(|affected| &audited.verdict[affected.job].job);
    // A name that needs quoting would be broken in the middle.
    match job.map(Job::label).filter(|name| crate::shell::id_word(name).as_deref() == Some(name)) {
        Some(name) => no_break(format!("sched-audit --job {name}")),
        None => no_break(format!("sched-audit --explain {}", incident.cause.name())),
    }
}

/// Since when, and what was lost; for what is over from when to when.
pub fn times(page: &Page, audited: &Audited, incident: &Incident) -> String {
    let no_break = |text: String| text.replace(' ', &NO_BREAK.to_string());
    let toll = cost(page, audited, incident);
    let since = incident.lead.since;
    if let Some(until) = incident.until {
        let lost = toll.map_or_else(String::new, |toll| format!(": {toll}"));
        let from = since.map_or_else(String::new, |since| format!("{} ", no_break(page.calendar.bare_minute(since))));
        let length = since.map(|since| span(until.since(since)));
        let is_told = |length: &&String| incident.headline.to_string().contains(length.as_str());
        let length = length.as_ref().filter(|length| !is_told(length));
        let length = length.map_or_else(String::new, |length| format!(" ({length})"));
        return page.labeled("From", &format!("{from}to {}{length}{lost}", no_break(page.calendar.minute(until))));
    }
    match (since, toll) {
        (Some(since), Some(toll)) => {
            page.labeled("Since", &format!("{}, {toll}", no_break(page.calendar.minute(since))))
        }
        (Some(since), None) => page.labeled("Since", &no_break(page.calendar.minute(since))),
        (None, Some(toll)) => page.labeled("Seen", &toll),
        (None, None) => String::new(),
    }
}

/// What an incident has cost, in words; None if that is nothing that can be counted.
fn cost(page: &Page, audited: &Audited, incident: &Incident) -> Option<String> {
    let tolls = Toll::of_all(audited, incident);
    let of = |value: fn(&Toll) -> u64| {
        let runs: u64 = tolls.iter().map(value).sum();
        let jobs: Vec<JobIndex> = (incident.jobs.iter().zip(&tolls))
            .filter_map(|(affected, toll)| (value(toll) > 0).then_some(affected.job))
            .collect();
        (runs, jobs)
    };
    let (waits, waiting) = of(|toll| toll.waits);
    if incident.lead.stops_all && waits > 1 {
        return Some(format!("{} held up", runs_of(audited, incident, waits, &waiting)));
    }
    let (lost, losing) = of(|toll| toll.lost);
    if incident.cause == Problem::ProviderFailing && incident.until.is_none() {
        let failed: usize = tolls.iter().map(|toll| toll.failed_since).sum();
        let after = if lost > 0 { format!(", {} lost after that", count(lost, "run")) } else { String::new() };
        return Some(format!("{} failed{after}", count(failed, "run")));
    }
    let (made_up, _) = of(|toll| toll.made_up);
    let late = if made_up > 0 { format!(", {made_up} made up late") } else { String::new() };
    if lost > 0 {
        let is_past = incident.until.is_some() && losing.len() > 1;
        let runs = if is_past { count(lost, "run") } else { runs_of(audited, incident, lost, &losing) };
        return Some(format!("{runs} lost{late}"));
    }
    if incident.until.is_some() {
        return (made_up > 0).then(|| format!("nothing lost{late}"));
    }
    match incident.cause {
        Problem::Undelivered => Some("the runs themselves are fine".to_owned()),
        _ if incident.lead.stops_all => nothing_lost_yet(page, audited),
        _ => None,
    }
}

/// `26 hourly runs` of the only job of an incident, `93 runs of 6 jobs` of several.
fn runs_of(audited: &Audited, incident: &Incident, runs: u64, jobs: &[JobIndex]) -> String {
    let runs_in_words = count(runs, "run");
    match jobs {
        [only] if !incident.lead.stops_all => match pace(&audited.verdict[*only].job) {
            Some(pace) => format!("{} {pace} {}", grouped(runs), if runs == 1 { "run" } else { "runs" }),
            None => runs_in_words,
        },
        few if few.len() <= MAX_NAMES => {
            let names: Vec<String> = few.iter().map(|job| shown_name(audited.verdict[*job].job.label())).collect();
            format!("{runs_in_words} of {}", names.join(" and "))
        }
        many if as_u64(many.len()) == runs => runs_in_words,
        many => format!("{runs_in_words} of {}", count(many.len(), "job")),
    }
}

/// How often a job runs, if there is a word for that.
fn pace(job: &Job) -> Option<&'static str> {
    let at = job.last_end().or(job.next_run())?;
    let cadence = job.schedule.cadence()?;
    let interval = cadence.usual_interval(at).filter(|usual| cadence.shortest_interval(at) == Some(*usual))?;
    match interval {
        MINUTE => Some("minutely"),
        HOUR => Some("hourly"),
        DAY => Some("daily"),
        _ if interval == 7 * DAY => Some("weekly"),
        _ => None,
    }
}

/// Which run is the first to be lost.
fn nothing_lost_yet(page: &Page, audited: &Audited) -> Option<String> {
    let watched = audited.jobs().filter(|report| report.job.state == State::Watched);
    let due = watched.filter_map(|report| Some((report.job.next_run().filter(|next| *next > page.now)?, report)));
    let (next, report) = due.min_by_key(|(next, _)| *next)?;
    let name = shown_name(report.job.label());
    Some(format!("nothing lost yet: {name} is next, in {}", span(next.since(page.now))))
}

/// The error; without one, what else shows it.
pub fn seen(page: &Page, audited: &Audited, incident: &Incident) -> String {
    let Some(error) = &incident.error else {
        let seen = Text::join(&incident.text.observed[told_elsewhere(incident)..], "; ");
        let is_told = seen == Text::default() || incident.until.is_some();
        return if is_told { String::new() } else { page.labeled("Seen", &page.told(&seen)) };
    };
    let error = plain_error(error);
    match times_of_error(audited, incident) {
        Some(times) => page.labeled("Error", &format!("{error} ({})", page.told(&times))),
        None => page.labeled("Error", &error),
    }
}

/// How many of its observations, from the first on, other lines say: what was lost, and of several jobs what the strip shows.
fn told_elsewhere(incident: &Incident) -> usize {
    match incident.text.of_jobs {
        0 => usize::from(incident.cause == Problem::SchedulerSilent && incident.text.observed.len() > 1),
        _ if incident.jobs.len() == 1 => 0,
        of_jobs => of_jobs,
    }
}

/// How many runs failed, of which only the last error is kept; or how many jobs have it.
fn times_of_error(audited: &Audited, incident: &Incident) -> Option<Text> {
    if incident.cause == Problem::Undelivered || incident.until.is_some() {
        return None;
    }
    let jobs: Vec<&JobReport> = incident.jobs.iter().map(|affected| &audited.verdict[affected.job]).collect();
    if let [only] = jobs.as_slice() {
        let errors = only.job.errors();
        let since = incident.since.map(|since| text![" from ", since]);
        return (errors > 1).then(|| text!["last of ", grouped(errors), since]);
    }
    let error = incident.error.as_deref().map(plain_error);
    let same = |report: &&&JobReport| report.job.last_error().map(plain_error) == error;
    let having = jobs.iter().filter(same).count();
    // That of the scheduler's start is no job's.
    if having == 0 || having == jobs.len() { None } else { Some(text![format!("{having} of {} jobs", jobs.len())]) }
}

/// An error without what schedulers put before it.
fn plain_error(error: &str) -> String {
    sanitize::text(without_wrappers(error), MAX_ERROR_LEN)
}

/// The commands, each as a line that can be pasted into a shell: neither wrapped nor indented.
pub fn shown_commands(located: &Located<'_>) -> String {
    let commands = commands(located);
    let mut text = String::new();
    for command in commands.iter().take(MAX_COMMANDS) {
        text += &format!("{}\n", sanitize::text(command, usize::MAX));
    }
    if commands.len() > MAX_COMMANDS {
        let rest = commands.len() - MAX_COMMANDS;
        text += &format!("and {rest} more: sched-audit --format json\n");
    }
    text
}
