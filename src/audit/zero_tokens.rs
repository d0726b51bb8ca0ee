//! zero-tokens: fires that did no work, or whose work reached nobody.
//!
//! A fire without tokens returned, but no model worked in it: an error, or a provider's limit message delivered as if it were
//! the answer. In the operator's report ten of them came before the silence. A run that throws leaves no cost event at all;
//! that runs fail is then known by the row's count of errors alone.

use super::finding::{Facts, Finding};
use super::{Context, Severity};
use crate::model::{Fire, Job, State, Tokens};
use crate::time::Instant;

/// So many of the newest fires of all jobs, of so many jobs, point at what the jobs share.
const SHARED_FIRES: usize = 4;
const SHARED_JOBS: usize = 2;
/// So many fires in a row that use so many times the usual tokens are growth, once enough earlier ones are known.
const GROWN_FIRES: usize = 3;
const GROWTH: u32 = 10;
const FEWEST_BEFORE: usize = 10;
/// With fewer unreadable events a job's history can still be judged.
const FEWEST_UNREADABLE: u64 = 3;
/// How the words begin with which the scheduler says that a message reached nobody. `skipped:channel_none` is intended.
const UNDELIVERED: [&str; 2] = ["error:", "dropped:"];

/// Streaks of a job, the one that lasts and those that ended within the window, and whatever else shows that it does no work.
pub fn detect(context: &Context<'_>, index: usize, job: &Job) -> Vec<Finding> {
    if !job.state.is_watched() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut streak: Option<Streak> = None;
    for fire in &job.fires {
        if fire.is_empty() {
            streak.get_or_insert(Streak { count: 0, first: fire.end, newest: fire.end }).extend(fire);
        } else if !fire.is_bad()
            && let Some(ended) = streak.take()
        {
            findings.extend(ended.resolved(context, fire.end));
        }
    }
    let lasting = streak.and_then(|streak| streak.lasting(context, job)).or_else(|| failing(context, job));
    let lasting = lasting.or_else(|| shared(context, index, job));
    findings.extend(lasting.or_else(|| skipped(context, job)).or_else(|| undelivered(job)));
    findings.extend(unjudged(context, job));
    findings.extend(grown(job));
    findings
}

/// Zero-token fires in a row up to the newest fire.
pub fn current_streak(job: &Job) -> u64 {
    let bad = job.fires.iter().rev().take_while(|fire| fire.is_bad());
    bad.filter(|fire| fire.is_empty()).count() as u64
}

/// When a job began to fail: the end of its first bad fire in a row, and the last good one's before it. None if its newest
/// fire was good.
pub fn failing_since(job: &Job) -> Option<(Instant, Option<Instant>)> {
    let bad = job.fires.iter().rev().take_while(|fire| fire.is_bad()).count();
    // An error may have used tokens, which only the row's count tells; a run that throws leaves no event.
    let errors = usize::try_from(job.errors()).unwrap_or(usize::MAX);
    let with_tokens = job.fires.last().is_some_and(|newest| newest.failed && newest.tokens != Tokens::NoEvent);
    let bad = if with_tokens { bad.max(errors) } else { bad };
    let first = job.fires.len().saturating_sub(bad);
    let fire = job.fires.get(first)?;
    let last_good = first.checked_sub(1).map(|last_good| job.fires[last_good].end);
    // Of runs that throw only the newest is known: the first was due at the slot after the last good one.
    let slot = || job.schedule.cadence()?.next(last_good?).filter(|slot| *slot <= fire.end);
    let since = if fire.tokens == Tokens::NoEvent { slot().unwrap_or(fire.end) } else { fire.end };
    Some((since, last_good))
}

/// Errors in a row that no streak shows. A warning at most, since the job still fires.
fn failing(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let many = job.errors() >= context.settings.zero_streak && job.state == State::Watched;
    let since = failing_since(job).map(|(since, _)| since).or(job.last_end());
    let facts = Facts::Failing { consecutive_errors: job.errors(), last_error: job.last_error().map(str::to_owned) };
    many.then(|| Finding::new(Severity::Warning, facts).since(since))
}

/// Work that the scheduler skipped again and again: as bad as fires without tokens.
fn skipped(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let skipped = job.fires.iter().rev().take_while(|fire| fire.tokens == Tokens::Skipped).count();
    let severity = severity_of_streak(context, skipped as u64)?;
    let first = job.fires.len() - skipped;
    let facts = Facts::Skipped { fires: skipped, last_error: job.last_error().map(str::to_owned) };
    Some(Finding::new(severity, facts).since(job.fires.get(first).map(|fire| fire.end)))
}

/// None if so many in a row tell nothing.
fn severity_of_streak(context: &Context<'_>, count: u64) -> Option<Severity> {
    let settings = context.settings;
    match count {
        count if count >= settings.zero_streak_critical => Some(Severity::Critical),
        count if count >= settings.zero_streak => Some(Severity::Warning),
        _ => None,
    }
}

/// What several jobs share fails: all fires since the last one with tokens.
#[derive(Debug, Default)]
pub struct Shared {
    /// The indexes of the jobs, in order.
    jobs: Vec<usize>,
    fires: usize,
    /// The last fire that did some work.
    worked: Option<Instant>,
}

impl Shared {
    /// Looks at the fires of all jobs but those of which `judges` says that they may use no tokens.
    pub fn of(jobs: &[Job], others: &[Fire], judges: impl Fn(usize) -> bool) -> Shared {
        let last_good = |fires: &[Fire]| fires.iter().rev().find(|fire| !fire.is_bad()).map(|fire| fire.end);
        let worked = jobs.iter().filter_map(|job| last_good(&job.fires)).chain(last_good(others)).max();
        let after = |job: &Job| {
            let newer = |fire: &&Fire| worked.is_none_or(|worked| fire.end > worked);
            job.fires.iter().rev().take_while(newer).filter(|fire| fire.is_empty()).count()
        };
        let failing: Vec<(usize, usize)> =
            jobs.iter().map(after).enumerate().filter(|(job, fires)| *fires > 0 && judges(*job)).collect();
        let fires = failing.iter().map(|(_, fires)| fires).sum();
        if failing.len() < SHARED_JOBS || fires < SHARED_FIRES {
            return Shared::default();
        }
        Shared { jobs: failing.into_iter().map(|(job, _)| job).collect(), fires, worked }
    }

    /// Whether a job is one of those that fail.
    pub fn contains(&self, job: usize) -> bool {
        self.jobs.binary_search(&job).is_ok()
    }

    /// How many fires of how many jobs there were, and when the last one with tokens ended.
    pub fn told(&self) -> (usize, usize, Option<Instant>) {
        (self.fires, self.jobs.len(), self.worked)
    }
}

fn shared(context: &Context<'_>, index: usize, job: &Job) -> Option<Finding> {
    let (fires, jobs, _) = context.shared.told();
    let (since, _) = failing_since(job).filter(|_| context.shared.contains(index))?;
    let facts = Facts::SharedZeroTokens { fires, jobs, last_error: job.last_error().map(str::to_owned) };
    Some(Finding::new(Severity::Warning, facts).since(since))
}

/// The row tells of the newest attempt to deliver, which may be older than the newest run: an error or an empty answer
/// leaves it as it was.
fn undelivered(job: &Job) -> Option<Finding> {
    let row = job.row.as_ref().filter(|row| job.state == State::Watched && row.consecutive_errors == 0)?;
    let status = row.delivery.as_ref().filter(|status| UNDELIVERED.iter().any(|word| status.starts_with(word)))?;
    let ran = row.last_run.as_ref().is_some_and(|run| !run.failed);
    ran.then(|| Finding::new(Severity::Warning, Facts::Undelivered { delivery_status: status.clone() }))
}

/// A history that can't be judged must not look healthy.
fn unjudged(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let unknown = job.fires.iter().rev().take_while(|fire| fire.tokens == Tokens::Unknown).count();
    let enough = usize::try_from(context.settings.zero_streak).unwrap_or(usize::MAX);
    let why = if job.id.is_empty() {
        "it has no id, so its cost events can't be found".to_owned()
    } else if job.events_without_time >= FEWEST_UNREADABLE && job.events_without_time >= job.fires.len() as u64 {
        format!("{} of its cost events have no readable time", job.events_without_time)
    } else if unknown >= enough {
        format!("the token counts of its newest {unknown} cost events can't be read")
    } else {
        return None;
    };
    Some(Finding::new(Severity::Warning, Facts::Unjudged { why }))
}

/// Tokens that grew and stay grown: money, not silence.
fn grown(job: &Job) -> Option<Finding> {
    let used = |fire: &Fire| match fire.tokens {
        Tokens::Used(tokens) if tokens > 0 => Some((tokens, fire.end)),
        _ => None,
    };
    let newest: Vec<(u32, Instant)> = job.fires.iter().rev().filter_map(used).take(GROWN_FIRES).collect();
    let (least, since) = (newest.iter().map(|(tokens, _)| *tokens).min()?, newest.last()?.1);
    // Most jobs are done with here: the median of all would cost a sort.
    let before = job.fires.iter().filter_map(used).filter(|(_, end)| *end < since);
    let (total, count) =
        before.clone().fold((0u64, 0), |(total, count), (tokens, _)| (total + u64::from(tokens), count + 1));
    if count < FEWEST_BEFORE || u64::from(least) * count as u64 <= total {
        return None;
    }
    let mut before: Vec<u32> = before.map(|(tokens, _)| tokens).collect();
    let middle = before.len() / 2;
    let usual = *before.select_nth_unstable(middle).1;
    (least >= usual.saturating_mul(GROWTH))
        .then(|| Finding::new(Severity::Info, Facts::TokenGrowth { tokens: least, usual_tokens: usual }).since(since))
}

#[derive(Clone, Copy)]
struct Streak {
    count: u64,
    first: Instant,
    newest: Instant,
}

impl Streak {
    fn extend(&mut self, fire: &Fire) {
        self.count += 1;
        self.newest = fire.end;
    }

    fn facts(self, last_error: Option<String>) -> Facts {
        Facts::ZeroTokenStreak { fires: self.count, newest: self.newest, last_error }
    }

    /// None if it is too short to tell anything, or ended before the window.
    fn resolved(self, context: &Context<'_>, ended: Instant) -> Option<Finding> {
        let severity = context.settings.after(ended).filter(|_| self.count >= context.settings.zero_streak)?;
        Some(Finding::new(severity, self.facts(None)).since(self.first).over(ended))
    }

    fn lasting(self, context: &Context<'_>, job: &Job) -> Option<Finding> {
        let severity = severity_of_streak(context, self.count)?;
        Some(Finding::new(severity, self.facts(job.last_error().map(str::to_owned))).since(self.first))
    }
}
