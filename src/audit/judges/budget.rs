//! What was spent of the budgets that the operator set.

use crate::audit::budget::{Day, Spending};
use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::{About, Finding};
use crate::audit::fleet::Fleet;
use crate::catalog::Severity;

/// That all jobs together have spent the budget of the database, and that the store does not count what budgets are set in.
pub fn of_database(fleet: &Fleet<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(spending) = spending_of_database(fleet) {
        found.extend(beyond(About::Scheduler, &spending));
    }
    found.extend(uncounted(fleet));
    found
}

/// That a job has spent its budget, whether or not it still runs.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let spending = spending(fleet, subject)?;
    beyond(About::Job(subject.index), &spending)
}

/// What the job has spent of its budget; None if it has none.
pub fn spending(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Spending> {
    let budget = subject.settings.budget.as_ref()?;
    Some(Spending::of(budget, subject.job.fires.iter(), day(fleet.context), fleet.counted))
}

/// What all jobs have spent of the budget of the database; None if it has none.
pub fn spending_of_database(fleet: &Fleet<'_>) -> Option<Spending> {
    let budget = fleet.context.settings.budget.as_ref()?;
    Some(Spending::of(budget, fleet.context.runs(), day(fleet.context), fleet.counted))
}

fn day(context: &Context<'_>) -> Day {
    Day::of(context.settings.now, context.snapshot.zone.zone)
}

fn beyond(about: About, spending: &Spending) -> Option<Finding> {
    let spent = spending.beyond()?;
    let (severity, reached) = (spent.severity(), spent.reached());
    let evidence = Evidence::OverBudget { day_from: spent.day_from, cost_usd: spent.cost_usd, tokens: spent.tokens };
    Some(Finding::new(about, severity, evidence).since(reached))
}

/// Budgets in what no run has on record, although runs did their work: told once, because silence would look healthy.
fn uncounted(fleet: &Fleet<'_>) -> Option<Finding> {
    let context = fleet.context;
    let of_jobs = context.subjects.iter().filter(|subject| subject.selected);
    let (mut in_cost, mut in_tokens) = (false, false);
    for budget in of_jobs.filter_map(|subject| subject.settings.budget).chain(context.settings.budget) {
        in_cost |= budget.cost_usd.is_some();
        in_tokens |= budget.tokens.is_some();
    }
    let mut budgets = Vec::new();
    if in_cost && !fleet.counted.cost {
        budgets.push("cost_usd");
    }
    if in_tokens && !fleet.counted.tokens {
        budgets.push("tokens");
    }
    let has_worked = context.runs().any(|run| !run.is_bad() && !run.is_idle());
    if budgets.is_empty() || !has_worked {
        return None;
    }
    Some(Finding::new(About::Scheduler, Severity::Warning, Evidence::Uncounted { budgets }))
}
