//! What was spent of a day's budget.

use crate::catalog::Severity;
use crate::model::Fire;
use crate::schedule::Zone;
use crate::settings::Budget;
use crate::time::{HOUR, Instant, Millis};
use chrono::{NaiveDate, NaiveTime};
use serde::Serialize;

/// So many times the budget is critical.
const CRITICAL_FACTOR: f64 = 2.0;
/// A rate is that of this time at least: one run right after midnight says little about the day.
const MIN_ELAPSED: Millis = HOUR;
/// Costs are sums of 32-bit floats: more digits would be noise.
const DIGITS: f64 = 1e4;

/// The day of an audit.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    from: Instant,
    until: Instant,
    now: Instant,
}

impl Day {
    /// The day of that instant, on a calendar of this zone.
    pub fn of(now: Instant, zone: Zone) -> Day {
        let today = zone.wall(now).date();
        let midnight = |day: NaiveDate| zone.instant(day.and_time(NaiveTime::MIN));
        let until = today.succ_opt().map_or(now, midnight);
        Day { from: midnight(today).min(now), until: until.max(now), now }
    }

    /// What comes together in the whole day at the rate so far.
    fn projected(&self, spent: f64) -> f64 {
        let elapsed = self.now.since(self.from).max(MIN_ELAPSED);
        let whole = self.until.since(self.from).max(elapsed);
        spent * whole as f64 / elapsed as f64
    }
}

/// What was spent of a day's budget, for what the store counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Spending {
    /// When the day began.
    pub day_from: Instant,
    /// In US dollars.
    pub cost_usd: Option<Spent>,
    /// In tokens.
    pub tokens: Option<Spent>,
}

/// An amount that was spent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spent {
    /// So far.
    pub spent: f64,
    /// What may be spent in a day.
    pub budget: f64,
    /// What the day comes to at the rate so far.
    pub projected: f64,
    /// When the budget was spent.
    #[serde(skip)]
    pub reached: Option<Instant>,
}

/// What a store counts of its runs.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// Whether any run has a cost.
    pub cost: bool,
    /// Whether any run has tokens.
    pub tokens: bool,
}

impl Counted {
    /// What is on record of any of these runs.
    pub fn of<'a>(runs: impl Iterator<Item = &'a Fire> + Clone) -> Counted {
        Counted { cost: runs.clone().any(|run| cost(run) > 0.0), tokens: runs.clone().any(|run| tokens(run) > 0.0) }
    }
}

impl Spending {
    /// What these runs have spent in a day, in any order.
    pub fn of<'a>(budget: &Budget, runs: impl Iterator<Item = &'a Fire>, day: Day, counted: Counted) -> Spending {
        let mut runs: Vec<&Fire> = runs.filter(|run| (day.from..=day.now).contains(&run.end)).collect();
        runs.sort_by_key(|run| run.end);
        let cost_usd = budget.cost_usd.filter(|_| counted.cost);
        let token_budget = budget.tokens.filter(|_| counted.tokens).map(|tokens| tokens as f64);
        Spending {
            day_from: day.from,
            cost_usd: cost_usd.map(|budget| spent(budget, &runs, cost, day)),
            tokens: token_budget.map(|budget| spent(budget, &runs, tokens, day)),
        }
    }

    /// The same without what is within the budget; None if all of it is.
    pub fn beyond(&self) -> Option<Spending> {
        let beyond = |spent: Option<Spent>| spent.filter(|spent| spent.reached.is_some());
        let (cost_usd, tokens) = (beyond(self.cost_usd), beyond(self.tokens));
        if cost_usd.is_none() && tokens.is_none() {
            return None;
        }
        Some(Spending { day_from: self.day_from, cost_usd, tokens })
    }

    /// When the first budget was spent.
    pub fn reached(&self) -> Option<Instant> {
        self.each().filter_map(|spent| spent.reached).min()
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        let is_critical = self.each().any(|spent| spent.spent >= CRITICAL_FACTOR * spent.budget);
        if is_critical { Severity::Critical } else { Severity::Warning }
    }

    fn each(&self) -> impl Iterator<Item = &Spent> {
        self.cost_usd.iter().chain(&self.tokens)
    }
}

fn cost(run: &Fire) -> f64 {
    f64::from(run.cost_usd)
}

fn tokens(run: &Fire) -> f64 {
    run.tokens.map_or(0.0, f64::from)
}

/// What runs have spent, in the order of their ends.
fn spent(budget: f64, runs: &[&Fire], amount: fn(&Fire) -> f64, day: Day) -> Spent {
    let (mut spent, mut reached) = (0.0, None);
    for run in runs {
        spent += amount(run);
        if reached.is_none() && rounded(spent) >= budget {
            reached = Some(run.end);
        }
    }
    let spent = rounded(spent);
    Spent { spent, budget, projected: rounded(day.projected(spent)), reached }
}

fn rounded(amount: f64) -> f64 {
    (amount * DIGITS).round() / DIGITS
}
