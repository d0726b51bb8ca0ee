//! The headline of an incident: what, for how long, and after a colon why. It is the title in every format.
//!
//! It is never milder than the fact and never firmer than the evidence, and it has one length of time at most: the one from the
//! incident's [`Lead`] on.

mod error;
mod failing;
mod over;
mod rows;
mod run;
mod silence;

pub use error::without_wrappers;
use error::{in_short, status};

use super::lead::Lead;
use super::words::Facts;
use crate::audit::finding::{AffectedJob, ongoing};
use crate::catalog::Problem;
use crate::numbers::count;
use crate::text::{Text, text};
use crate::time::{Instant, span};

/// A line of 80 columns without the verdict before it.
const MAX_LEN: usize = 70;
/// Jobs that are named; of more only the number is told.
const MAX_NAMES: usize = 2;

/// What a headline is made from.
pub struct Subject<'a> {
    facts: &'a Facts<'a>,
    lead: Lead,
    /// The last error of its jobs.
    error: Option<&'a str>,
}

/// The headline of an incident with this cause.
pub fn write(cause: Problem, facts: &Facts<'_>, lead: Lead, error: Option<&str>) -> Text {
    let subject = Subject { facts, lead, error };
    if facts.until.is_some() {
        return over::headline(cause, &subject);
    }
    if ongoing(facts.findings).all(|one| one.problem() == Problem::Repaired) {
        return rows::repaired(&subject);
    }
    match cause {
        Problem::SchedulerSilent => silence::scheduler_silent(&subject),
        Problem::CatchingUp => silence::catching_up(&subject),
        Problem::SchedulerDown => silence::scheduler_down(&subject),
        Problem::JobSilent => silence::job_silent(&subject),
        Problem::CrashLoop => silence::crash_loop(&subject),
        Problem::StoreUnserved => silence::store_unserved(&subject),
        Problem::RunHung => run::hung(&subject),
        Problem::RunCut => run::cut(&subject),
        Problem::DeliveryHung => run::delivery_hung(&subject),
        Problem::RunLong => run::long(&subject),
        Problem::ProviderFailing => failing::provider_failing(&subject),
        Problem::JobFailing => failing::job_failing(&subject),
        Problem::RunShort => text!["runs of ", subject.names(), " end too soon"],
        Problem::Flapping => text!["runs of ", subject.names(), " fail now and then"],
        Problem::Undelivered => failing::undelivered(&subject),
        Problem::JobSkipped => failing::skipped(&subject),
        cause => rows::headline(cause, &subject),
    }
}

impl Subject<'_> {
    /// The word for what runs the jobs.
    fn scheduler(&self) -> &'static str {
        self.facts.context().snapshot.traits.name
    }

    /// The word for what it does to a job after too many errors.
    fn word_for_stopped(&self) -> &'static str {
        self.facts.context().snapshot.traits.stops
    }

    /// How long it has lasted, as ` for 3h`; None if that is not known.
    fn lasting(&self) -> Option<String> {
        let end = self.facts.until.unwrap_or(self.facts.now());
        self.lead.since.map(|since| format!(" for {}", span(end.since(since))))
    }

    /// The jobs: by name if there are few, else how many.
    fn names(&self) -> String {
        self.named(self.facts.jobs.iter().map(|affected| self.facts.job(affected).label()).collect())
    }

    fn named(&self, names: Vec<&str>) -> String {
        if names.len() <= MAX_NAMES { names.join(" and ") } else { count(names.len(), "job") }
    }

    /// The words that agree with the number of jobs.
    fn agree<T>(&self, one: T, several: T) -> T {
        self.facts.agree(one, several)
    }

    /// Slots that its jobs lost before it was over.
    fn lost(&self) -> u64 {
        let facts = self.facts;
        let (Some(since), Some(until)) = (facts.since, facts.until) else { return 0 };
        let of = |affected: &AffectedJob| facts.fleet.ledger(affected.job).lost_between(since, until);
        facts.jobs.iter().map(|affected| affected.missed_slots.max(of(affected))).sum()
    }

    /// The jobs that are due now.
    fn overdue(&self) -> usize {
        let now = self.facts.now();
        let subjects = self.facts.context().subjects.iter();
        let due =
            subjects.filter(|one| one.job.state.is_watched() && one.job.next_run().is_some_and(|next| next <= now));
        due.count().max(self.facts.jobs.len())
    }

    /// A headline with the error in a few words after a colon, if that leaves it in one line.
    fn with_error(&self, headline: Text) -> Text {
        match self.error.and_then(in_short) {
            Some(error) => self.if_it_fits(headline, &format!(": {error}")),
            None => headline,
        }
    }

    /// A headline with more words, if that leaves it in one line.
    fn if_it_fits(&self, headline: Text, more: &str) -> Text {
        let told = text![&headline, more];
        if told.short(self.facts.now()).chars().count() <= MAX_LEN { told } else { headline }
    }

    /// Whether an instant is of the day of the audit.
    fn is_today(&self, at: Instant) -> bool {
        at.is_same_day(self.facts.now())
    }
}
