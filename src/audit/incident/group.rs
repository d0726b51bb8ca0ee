//! Findings of one cause, and the incident that they become.

use super::Incident;
use super::grouping::Grouping;
use super::headline;
use super::key::{Family, Key};
use super::lead::Lead;
use super::words::{self, Facts};
use crate::audit::context::Context;
use crate::audit::failed_runs::FailedRuns;
use crate::audit::finding::{AffectedJob, Finding, is_early, ongoing};
use crate::audit::fleet::Fleet;
use crate::audit::outage::Outage;
use crate::audit::remedy::{self, Trouble};
use crate::audit::worker::{ActiveRun, Phase, RunLength};
use crate::catalog::{Problem, Severity, Status};
use crate::model::{Action, Delivery, Job, JobIndex, Remedy};
use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Findings of one cause.
pub struct Group<'a> {
    fleet: &'a Fleet<'a>,
    key: Key,
    findings: Vec<Finding>,
    /// The run in flight that it is about, if it is about one.
    run: Option<&'a ActiveRun>,
    /// The outage that it is, if it is one.
    outage: Option<&'a Outage>,
    /// Whether streaks that are over had no model in common.
    is_shared: bool,
    is_ongoing: bool,
}

impl<'a> Group<'a> {
    /// The findings with this key.
    pub fn new(fleet: &'a Fleet<'a>, grouping: &Grouping<'a>, key: Key, findings: Vec<Finding>) -> Group<'a> {
        let (outage, is_shared) = (grouping.failures.outage(&key), grouping.failures.is_shared(&key));
        let is_ongoing = findings.iter().any(Finding::is_ongoing);
        let run = match key.family {
            Family::Run | Family::Delivery | Family::Silence => grouping.silences.run(&key),
            _ => None,
        };
        let run = run.map(|index| fleet.context.worker.run(index));
        let mut group = Group { fleet, key, findings, run, outage, is_shared, is_ongoing };
        if !group.is_about_run() {
            group.run = None;
        }
        group
    }

    fn context(&self) -> &'a Context<'a> {
        self.fleet.context
    }

    /// Whether the run in flight explains the findings: not a silence from before it began.
    fn is_about_run(&self) -> bool {
        let Some(run) = self.run else { return false };
        if self.key.family != Family::Silence || run.length == RunLength::Impossible || run.cut.is_some() {
            return self.is_ongoing;
        }
        ongoing(&self.findings).all(|finding| {
            matches!(
                finding.problem(),
                Problem::RunLong | Problem::RunHung | Problem::RunCut | Problem::DeliveryHung | Problem::Waiting
            )
        })
    }

    /// The incident.
    pub fn into_incident(mut self) -> Incident {
        let cause = self.cause();
        self.rate_by(cause);
        let until = if self.is_ongoing { None } else { self.findings.iter().filter_map(|finding| finding.until).max() };
        let severity = self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
        let jobs = self.affected();
        let since = self.since(cause, &jobs);
        let facts = Facts { fleet: self.fleet, run: self.run, findings: &self.findings, jobs: &jobs, since, until };
        let (text, lead, error) = (words::write(cause, &facts), Lead::of(cause, &facts), self.error(cause, &jobs));
        let headline = headline::write(cause, &facts, lead, error.as_deref());
        Incident {
            fingerprint: self.key.fingerprint(),
            cause,
            severity,
            status: if self.is_ongoing { Status::Ongoing } else { Status::Resolved },
            since,
            until,
            lead,
            headline,
            text,
            error,
            remedy: self.remedy(cause, &jobs),
            jobs,
            findings: self.findings,
        }
    }

    /// Lets the findings be as bad as the operator calls their cause.
    fn rate_by(&mut self, cause: Problem) {
        let findings = std::mem::take(&mut self.findings);
        self.findings = findings.into_iter().map(|finding| self.context().rated_as(cause, finding)).collect();
    }

    fn cause(&self) -> Problem {
        if let Some(run) = self.run {
            return cause_of_run(run);
        }
        match self.key.family {
            Family::Failing => self.cause_of_failing(),
            Family::Silence => self.cause_of_silence(),
            Family::Dead if self.is_all(Problem::Repaired) => Problem::JobSilent,
            Family::Dead | Family::Unpicked => Problem::RowDead,
            Family::SinceBoot => Problem::JobSilent,
            Family::Run => Problem::RunHung,
            Family::Delivery => Problem::DeliveryHung,
            Family::Short => Problem::RunShort,
            Family::Flapping => Problem::Flapping,
            Family::Shrunk => Problem::WorkShrank,
            Family::Runaway | Family::Paired => Problem::Runaway,
            Family::Undelivered => Problem::Undelivered,
            Family::Crashing => Problem::CrashLoop,
            Family::PassesFail => Problem::PassesFail,
            Family::Skipped => Problem::JobSkipped,
            Family::SlotsSkipped => Problem::SlotsSkipped,
            Family::Off => Problem::RunsWhileOff,
            Family::Unserved => Problem::StoreUnserved,
            Family::Clock => Problem::ClockSetBack,
            Family::Gone => Problem::JobsGone,
            Family::OneShot => Problem::OneShotLost,
            Family::Budget => Problem::OverBudget,
            Family::Output => Problem::NoOutput,
            Family::Unjudged | Family::Uncounted | Family::OutputUnread | Family::Zone => Problem::Unjudged,
            Family::NothingWatched => Problem::NothingWatched,
            Family::Expected => Problem::ExpectedMissing,
            Family::Raised => self.findings.first().map_or(Problem::Unjudged, Finding::problem),
        }
    }

    fn cause_of_failing(&self) -> Problem {
        let jobs: HashSet<JobIndex> = self.findings.iter().filter_map(Finding::job).collect();
        // Streaks of several jobs that are over had a cause in common, which may have been any.
        let had_cause_in_common = !self.is_ongoing && jobs.len() > 1;
        if had_cause_in_common
            || self.outage.is_some()
            || self.is_shared
            || jobs.iter().any(|job| self.is_providers(*job))
        {
            Problem::ProviderFailing
        } else {
            Problem::JobFailing
        }
    }

    fn cause_of_silence(&self) -> Problem {
        if self.is_all(Problem::SchedulerDown) {
            return Problem::SchedulerDown;
        }
        if self.is_catching_up() {
            return Problem::CatchingUp;
        }
        if self.findings.iter().all(|finding| finding.problem() == Problem::RunLong) {
            return Problem::RunLong;
        }
        let is_whole = if self.is_ongoing {
            self.key.at == self.context().worker.last_run_end() || self.is_left_by_restart()
        } else {
            self.is_after_lull()
        };
        if is_whole { Problem::SchedulerSilent } else { Problem::JobSilent }
    }

    /// Whether the scheduler works again, and jobs wait for their turn behind a run.
    fn is_catching_up(&self) -> bool {
        let is_behind =
            |finding: &Finding| matches!(finding.problem(), Problem::CatchingUp | Problem::RunLong | Problem::Waiting);
        let catches_up = ongoing(&self.findings).any(|finding| finding.problem() == Problem::CatchingUp);
        catches_up && ongoing(&self.findings).all(is_behind)
    }

    /// Whether all that is left of what failed are revived jobs that wait for their turn.
    fn is_revived_batch(&self) -> bool {
        let waits = |finding: &Finding| matches!(finding.problem(), Problem::Repaired | Problem::CatchingUp);
        let catches_up = ongoing(&self.findings).any(|finding| finding.problem() == Problem::CatchingUp);
        self.key.family == Family::Failing && catches_up && ongoing(&self.findings).all(waits)
    }

    /// Whether for most of the silence nothing ran at all.
    fn is_after_lull(&self) -> bool {
        let since = self.findings.iter().filter_map(|finding| finding.since).min();
        let until = self.findings.iter().filter_map(|finding| finding.until).min();
        let next = self.key.at.and_then(|end| self.context().worker.end_after(end));
        let (Some(since), Some(until), Some(next)) = (since, until, next) else { return true };
        2 * next.since(since) >= until.since(since)
    }

    /// Whether this job and others fail by the model's provider.
    fn is_providers(&self, job: JobIndex) -> bool {
        self.fleet.shared.group_of(job).is_some_and(|group| group.shared.is_provider())
    }

    /// Whether something is ongoing, and all of it is this problem.
    fn is_all(&self, problem: Problem) -> bool {
        self.is_ongoing && ongoing(&self.findings).all(|finding| finding.problem() == problem)
    }

    /// Whether it is a silence of the whole scheduler that a restart ended, but for jobs that have not run since.
    fn is_left_by_restart(&self) -> bool {
        match self.key.at {
            Some(end) if self.key.family == Family::Silence => self.context().worker.boot_that_ended(end).is_some(),
            _ => false,
        }
    }

    /// The jobs, those that lost the most slots first.
    fn affected(&self) -> Vec<AffectedJob> {
        let mut jobs: HashMap<JobIndex, AffectedJob> = HashMap::new();
        for finding in self.findings.iter().filter(|finding| finding.is_ongoing() == self.is_ongoing) {
            let Some(job) = finding.job() else { continue };
            let new = AffectedJob { job, since: finding.since, missed_slots: 0, waits: true };
            let affected = jobs.entry(job).or_insert(new);
            affected.since = [affected.since, finding.since].into_iter().flatten().min();
            affected.missed_slots = affected.missed_slots.max(finding.missed_slots.unwrap_or(0));
            affected.waits &= finding.problem() == Problem::Waiting;
        }
        let mut jobs: Vec<AffectedJob> = jobs.into_values().collect();
        let own = self.run.and_then(|run| run.job);
        jobs.sort_by_key(|affected| {
            (Some(affected.job) != own, Reverse(affected.missed_slots), affected.since, affected.job)
        });
        jobs
    }

    /// When it began: the same from its first minute to its last.
    fn since(&self, cause: Problem, jobs: &[AffectedJob]) -> Option<Instant> {
        match self.key.family {
            Family::Silence if cause == Problem::RunLong && !self.is_ongoing => self.first_since(),
            Family::Silence if cause != Problem::JobSilent && cause != Problem::SchedulerDown => {
                self.key.at.and_then(|end| self.fleet.first_due_after(end)).or_else(|| self.first_since())
            }
            Family::Gone => self.key.at,
            Family::Failing => match self.outage {
                Some(outage) => Some(outage.since),
                // The trouble began before the breaker opened.
                None => jobs.iter().filter_map(|affected| self.failing_since(affected)).min(),
            },
            _ => self.run.map(|run| run.start).or_else(|| self.first_since()),
        }
    }

    fn first_since(&self) -> Option<Instant> {
        let findings = self.findings.iter().filter(|finding| finding.is_ongoing() == self.is_ongoing);
        findings.filter_map(|finding| finding.since).min()
    }

    fn failing_since(&self, affected: &AffectedJob) -> Option<Instant> {
        let failed = FailedRuns::of(&self.fleet.outages, &self.context().subjects[affected.job]);
        [failed.map(|failed| failed.since), affected.since].into_iter().flatten().min()
    }

    /// The last error of any of the jobs, or of the scheduler's last start.
    fn error(&self, cause: Problem, jobs: &[AffectedJob]) -> Option<String> {
        match self.key.family {
            Family::Failing | Family::Runaway | Family::Dead | Family::Skipped | Family::OneShot => {}
            Family::Undelivered => return jobs.iter().find_map(|affected| self.delivery_error(affected)),
            Family::Silence if cause == Problem::SchedulerSilent && self.fails_to_start() => {
                return self.context().snapshot.start_error.as_ref()?.text.clone();
            }
            _ => return None,
        }
        let jobs = jobs.iter().map(|affected| self.context().job(affected.job));
        let last = jobs.filter(|job| job.last_error().is_some()).max_by_key(|job| job.last_end())?;
        last.last_error().map(str::to_owned)
    }

    /// Why the last message of a job was not delivered.
    fn delivery_error(&self, affected: &AffectedJob) -> Option<String> {
        let job = self.context().job(affected.job);
        let of_row = match &job.row.as_ref()?.delivery {
            Some(Delivery::Failed(error)) => Some(error),
            _ => None,
        };
        of_row.or(job.delivery_error.as_ref()).map(|error| error.text.clone())
    }

    /// Whether nothing runs because each start of the scheduler fails.
    fn fails_to_start(&self) -> bool {
        self.is_ongoing && self.context().worker.crash_loop().is_some_and(|crashes| crashes.fails)
    }

    fn remedy(&self, cause: Problem, affected: &[AffectedJob]) -> Remedy {
        let first = match self.findings.first() {
            Some(first) if self.is_ongoing => first,
            _ => return Remedy::step("Nothing now; read the scheduler's log of that time."),
        };
        if self.is_all(Problem::CatchingUp) || self.is_revived_batch() {
            return Remedy::step("Nothing now: the jobs run one after another. Read the scheduler's log of that time.");
        }
        if self.is_all(Problem::Repaired) {
            let jobs = affected.iter().map(|affected| affected.job).collect();
            let waits = is_early(&self.findings) && self.context().has_next_run_beside(&jobs);
            let wait = if waits { "Wait for the next run, or restart" } else { "Restart" };
            return Remedy::step(format!("{wait} the scheduler, which looks at every row at once."));
        }
        if self.is_all(Problem::OtherZone) {
            return Remedy::step(Problem::OtherZone.advice());
        }
        if self.key.family == Family::Uncounted {
            return Remedy::step("Set the budget in what the scheduler counts, or leave it out of the config file.");
        }
        if self.key.family == Family::OutputUnread {
            return Remedy::step(
                "Let sched-audit read these folders, or name fewer files in the config file's output.",
            );
        }
        if self.is_left_by_restart() && self.run.is_none() {
            return Remedy::step(
                "Run these jobs by hand if their work can't wait; read the scheduler's log of that time.",
            );
        }
        let life = self.context().worker.life;
        if let Some(process) = life.suspended()
            && cause == Problem::SchedulerSilent
        {
            let actions = vec![Action::Shell(format!("kill -CONT {}", process.pid))];
            return Remedy { actions, ..Remedy::step("Let the process go on, or restart the scheduler.") };
        }
        let jobs: Vec<&Job> = affected.iter().map(|affected| self.context().job(affected.job)).collect();
        let is_alive = match (life.is_held(), life.is_gone()) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        };
        let trouble = Trouble {
            cause,
            problem: first.problem(),
            jobs: &jobs,
            is_alive,
            fails_to_start: self.fails_to_start(),
            has_next_run: self.context().has_next_run_beside(&HashSet::new()),
            has_own_names: jobs.iter().all(|job| self.context().subjects.has_own_name(job)),
            now: self.context().settings.now,
        };
        remedy::remedy(&trouble, &self.context().snapshot.traits)
    }
}

fn cause_of_run(run: &ActiveRun) -> Problem {
    if run.cut.is_some() {
        return Problem::RunCut;
    }
    match (run.phase, run.length) {
        (Phase::Delivering, _) => Problem::DeliveryHung,
        (Phase::Running, RunLength::Impossible) => Problem::RunHung,
        (Phase::Running, RunLength::Usual | RunLength::Unusual) => Problem::RunLong,
    }
}
