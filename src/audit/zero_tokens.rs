//! zero-tokens: fires in a row that used no tokens at all. The run returned, but no model did any work in it: an error, or
//! a provider's limit message delivered as if it were the answer. In the operator's report ten of them came before the silence.
//! A run that throws leaves no cost event at all; that runs fail is then known by the row's count of errors alone.

use super::{Context, Finding, Lasting, Severity};
use crate::model::{Fire, Job, State, Tokens};
use crate::time::{Instant, span};

/// Streaks of a job: the one that lasts, and those that ended within the window.
pub fn detect(context: &Context<'_>, job: &Job) -> Vec<Finding> {
    let settings = context.settings;
    if !job.state.is_watched() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut streak: Option<Streak> = None;
    for fire in job.fires.iter() {
        if fire.tokens == Tokens::Zero {
            streak.get_or_insert(Streak { count: 0, first: fire.at, last: fire.at }).extend(fire);
        } else if let Some(ended) = streak.take() {
            let recent = settings.now.since(fire.at) <= settings.since;
            findings.extend(ended.finding(context, Some(fire.at)).filter(|_| recent));
        }
    }
    let ongoing = streak.and_then(|streak| streak.finding(context, None));
    findings.extend(ongoing.or_else(|| failing(context, job)));
    findings
}

/// Zero-token fires in a row up to the newest fire.
pub fn current_streak(job: &Job) -> u64 {
    job.fires.iter().fold(0, |streak, fire| if fire.tokens == Tokens::Zero { streak + 1 } else { 0 })
}

/// Errors in a row that no streak shows. A warning at most, since the job still fires.
fn failing(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let errors = u64::try_from(job.consecutive_errors).ok().filter(|_| job.state == State::Watched && !job.moved_on)?;
    let run = job.last_run.as_ref().filter(|_| errors >= context.settings.zero_streak)?;
    let text = format!(
        "its last {errors} runs ended with an error, the newest {} ago",
        span(context.settings.now.since(run.end()))
    );
    let finding = Finding::new("zero-tokens", "failing", Severity::Warning, text);
    Some(finding.with("consecutive_errors", errors).with("last_error", run.error.clone()))
}

#[derive(Clone, Copy)]
struct Streak {
    count: u64,
    first: Instant,
    last: Instant,
}

impl Streak {
    fn extend(&mut self, fire: Fire) {
        self.count += 1;
        self.last = fire.at;
    }

    /// None if it is too short to tell anything.
    fn finding(self, context: &Context<'_>, ended: Option<Instant>) -> Option<Finding> {
        let settings = context.settings;
        let severity = match self.count {
            count if count < settings.zero_streak => return None,
            count if count < settings.zero_streak_critical || ended.is_some() => Severity::Warning,
            _ => Severity::Critical,
        };
        let what = format!("{} fires in a row with zero tokens", self.count);
        let text = match ended {
            None if self.count == 1 => {
                format!("its newest fire, {} ago, used no tokens", span(settings.now.since(self.last)))
            }
            None => format!("{what}, the newest {} ago", span(settings.now.since(self.last))),
            Some(_) => format!("{what} within {}; it has worked since", span(self.last.since(self.first))),
        };
        let mut finding = Finding::new("zero-tokens", "zero-token-streak", severity, text)
            .since(Some(self.first))
            .with("fires", self.count)
            .with("newest", self.last.to_string());
        finding.until = ended;
        finding.lasting = if ended.is_some() { Lasting::Resolved } else { Lasting::Ongoing };
        Some(finding)
    }
}
