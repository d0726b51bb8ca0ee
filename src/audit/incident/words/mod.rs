//! The words of an incident: what was observed and, apart from that, what is inferred. Its title is its headline.

mod facts;
pub mod failing;
mod rows;
mod run;
mod silence;

pub use facts::Facts;

use crate::audit::finding::ongoing;
use crate::catalog::Problem;
use crate::text::Text;

/// An incident in words. It may contain text of the database.
#[derive(Debug, Clone)]
pub struct IncidentText {
    /// What the database shows.
    pub observed: Vec<Text>,
    /// How many of these, from the first on, are about one job each.
    pub of_jobs: usize,
    /// What that suggests; None where nothing is inferred.
    pub inferred: Option<Text>,
}

impl IncidentText {
    /// What was observed, of which nothing is inferred.
    pub fn of(observed: impl IntoIterator<Item = Text>) -> IncidentText {
        IncidentText { observed: observed.into_iter().collect(), of_jobs: 0, inferred: None }
    }

    /// The same with what is inferred.
    pub fn inferred(self, inferred: impl Into<Text>) -> IncidentText {
        IncidentText { inferred: Some(inferred.into()), ..self }
    }

    /// What was observed of each job by itself, and then what else was.
    pub fn of_each(of_jobs: Vec<Text>, observed: impl IntoIterator<Item = Text>) -> IncidentText {
        IncidentText { of_jobs: of_jobs.len(), ..IncidentText::of(of_jobs.into_iter().chain(observed)) }
    }

    /// All that was observed, in one line.
    pub fn seen(&self) -> Text {
        Text::join(&self.observed, "; ")
    }
}

/// The words of an incident with this cause.
pub fn write(cause: Problem, facts: &Facts<'_>) -> IncidentText {
    if facts.until.is_some() {
        return facts.plain();
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
        Problem::Runaway => rows::runaway(facts),
        Problem::StoreUnserved => rows::store_unserved(facts),
        Problem::JobsGone => rows::jobs_gone(facts),
        Problem::ClockSetBack => rows::clock_set_back(facts),
        Problem::PassesFail => {
            facts.plain().inferred("the process is alive, and no job runs until the cause is mended")
        }
        Problem::CrashLoop => facts.plain().inferred("it works in between, but runs are cut short and count as errors"),
        _ => facts.plain(),
    }
}
