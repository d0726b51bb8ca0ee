//! The words of an incident: its title, what was observed and, apart from that, what is inferred.

mod facts;
mod failing;
mod rows;
mod run;
mod silence;

pub use facts::Facts;

use crate::audit::finding::ongoing;
use crate::catalog::Problem;
use crate::text::{Text, text};

/// An incident in words. It may contain text of the database.
#[derive(Debug, Clone)]
pub struct IncidentText {
    /// What happened to which jobs.
    pub title: Text,
    /// The most important number or cause.
    pub detail: Option<Text>,
    /// What the database shows.
    pub observed: Vec<Text>,
    /// What that suggests; None where nothing is inferred.
    pub inferred: Option<Text>,
}

impl IncidentText {
    /// A title alone.
    pub fn new(title: impl Into<Text>) -> IncidentText {
        IncidentText { title: title.into(), detail: None, observed: Vec::new(), inferred: None }
    }

    /// The same with a detail, if there is one.
    pub fn detail(self, detail: Option<Text>) -> IncidentText {
        IncidentText { detail, ..self }
    }

    /// The same with what was observed.
    pub fn observed(self, observed: impl IntoIterator<Item = Text>) -> IncidentText {
        IncidentText { observed: observed.into_iter().collect(), ..self }
    }

    /// The same with what is inferred.
    pub fn inferred(self, inferred: impl Into<Text>) -> IncidentText {
        IncidentText { inferred: Some(inferred.into()), ..self }
    }

    /// All that was observed, in one line.
    pub fn seen(&self) -> Text {
        Text::join(&self.observed, "; ")
    }
}

/// The words of an incident with this cause.
pub fn write(cause: Problem, facts: &Facts<'_>) -> IncidentText {
    if facts.until.is_some() {
        return over(cause, facts);
    }
    if ongoing(facts.findings).all(|one| one.problem() == Problem::Repaired) {
        return rows::repaired(facts);
    }
    match cause {
        Problem::SchedulerSilent => silence::scheduler_silent(facts),
        Problem::CatchingUp => silence::catching_up(facts),
        Problem::SchedulerDown => silence::scheduler_down(facts),
        Problem::JobSilent => silence::job_silent(facts),
        Problem::RunHung => run::hung(facts),
        Problem::RunCut => run::cut(facts),
        Problem::DeliveryHung => run::delivery_hung(facts),
        Problem::RunLong => run::long(facts),
        Problem::ProviderFailing => failing::provider_failing(facts),
        Problem::JobFailing => failing::job_failing(facts),
        Problem::RunShort => facts.plain(text!["runs of ", facts.names(), " end too soon"]),
        Problem::Flapping => facts.plain(text!["runs of ", facts.names(), " fail now and then"]),
        Problem::Undelivered => failing::undelivered(facts),
        Problem::JobSkipped => facts.plain(text!["the scheduler keeps skipping ", facts.names()]),
        Problem::Runaway => rows::runaway(facts),
        Problem::StoreUnserved => rows::store_unserved(facts),
        Problem::JobsGone => rows::jobs_gone(facts),
        Problem::ClockSetBack => rows::clock_set_back(facts),
        Problem::Unjudged => rows::unjudged(facts),
        Problem::NoOutput => facts.plain(text![facts.names(), " runs, but its output is not there"]),
        Problem::OverBudget => rows::over_budget(facts),
        Problem::RowDead => facts.plain(text![facts.names(), " can never run again"]),
        Problem::OneShotLost => facts.plain(text!["the work of the one-shot ", facts.names(), " is lost"]),
        Problem::SlotsSkipped => facts.plain(text!["the next run of ", facts.names(), " is set too far ahead"]),
        Problem::RunsWhileOff => {
            let (was, run) = facts.agree(("was", "runs"), ("were", "run"));
            facts.plain(text![facts.names(), " ", was, " switched off, but ", run, " on"])
        }
        Problem::ExpectedMissing => facts.plain("an expected job was not found"),
        Problem::NothingWatched => facts.plain("no job is watched"),
        Problem::CrashLoop => facts
            .plain("the scheduler's process crashes again and again")
            .inferred("it works in between, but runs are cut short and count as errors"),
        other => facts.plain(text![facts.names(), ": ", other.meaning()]),
    }
}

fn over(cause: Problem, facts: &Facts<'_>) -> IncidentText {
    let (names, lasted) = (facts.names(), facts.until.and_then(|until| facts.lasting_until(until)));
    facts.plain(match cause {
        Problem::SchedulerSilent => text!["the scheduler was silent", lasted, " and runs again"],
        Problem::ProviderFailing => text![facts.count_jobs(), " failed together", lasted, " and work again"],
        Problem::RunShort => text!["runs of ", names, " ended too soon", lasted, ", and take their time again"],
        Problem::JobFailing => text![names, " failed", lasted, " and works again"],
        _ => {
            let (were, fire) = facts.agree(("was", "fires"), ("were", "fire"));
            text![names, " ", were, " silent", lasted, " and ", fire, " again"]
        }
    })
}
