//! Which findings are one incident: for each finding the key of what caused it.

use super::failures::Failures;
use super::key::{Family, Key};
use super::shrunk::shrunk_together;
use super::silences::Silences;
use crate::audit::context::Context;
use crate::audit::evidence::Evidence;
use crate::audit::finding::{Finding, ongoing};
use crate::audit::fleet::Fleet;
use crate::audit::judges::surplus::last_update;
use crate::audit::worker::RunLength;
use crate::catalog::{Problem, Severity};
use crate::model::{Delivery, ErrorClass, Job, JobIndex, Outcome, State};
use crate::time::Instant;
use std::collections::{HashMap, HashSet};

/// What the findings of each job mean, looked up once.
pub struct Grouping<'a> {
    fleet: &'a Fleet<'a>,
    /// What tells the database from others.
    database: &'a str,
    /// The keys of what fails.
    pub failures: Failures<'a>,
    /// The keys of silences and of runs in flight.
    pub silences: Silences<'a>,
    /// What keeps a job from running, whatever the scheduler does.
    barred: HashMap<JobIndex, Key>,
    /// The jobs without a next run that have never run.
    never_begun: HashSet<JobIndex>,
    oldest_never_begun: Option<JobIndex>,
    /// The keys of jobs whose work shrank.
    shrunk: HashMap<JobIndex, Key>,
    /// The keys of jobs that are silent without a repair.
    silent: HashSet<Key>,
}

/// What tells a database from others, on any copy of it: its oldest job.
pub fn database_anchor<'a>(jobs: impl Iterator<Item = &'a Job>) -> String {
    let oldest = jobs.filter_map(|job| Some((job.created_at?, job.id.as_str()))).min();
    oldest.map_or_else(String::new, |(created, id)| format!("{} {id}", created.seconds()))
}

impl<'a> Grouping<'a> {
    /// Looks up what the findings mean.
    pub fn new(fleet: &'a Fleet<'a>, database: &'a str, found: &[Finding]) -> Grouping<'a> {
        let context = fleet.context;
        let never_begun = never_begun(context, found);
        let mut grouping = Grouping {
            fleet,
            database,
            failures: Failures::new(fleet),
            silences: Silences::new(fleet, database, found),
            barred: HashMap::new(),
            oldest_never_begun: never_begun.iter().copied().min_by_key(|job| (context.job(*job).created_at, *job)),
            never_begun,
            shrunk: shrunk_together(context, found),
            silent: HashSet::new(),
        };
        for finding in ongoing(found) {
            if let Some(job) = finding.job()
                && let Some(key) = grouping.bar(job, finding)
            {
                grouping.barred.insert(job, key);
            }
        }
        for finding in ongoing(found) {
            if let Some(job) = finding.job()
                && matches!(finding.problem(), Problem::Overdue | Problem::JobSilent)
            {
                let key = grouping.ongoing_silence(job, finding);
                grouping.silent.insert(key);
            }
        }
        grouping
    }

    fn context(&self) -> &'a Context<'a> {
        self.fleet.context
    }

    fn row(&self, job: JobIndex) -> &'a Job {
        self.context().job(job)
    }

    fn whole_database(&self, family: Family) -> Key {
        Key::of_all(family, self.database)
    }

    fn id(&self, job: JobIndex) -> &str {
        &self.row(job).id
    }

    fn since_created(&self, family: Family, job: JobIndex) -> Key {
        Key::of(family, self.id(job), self.row(job).created_at)
    }

    /// What keeps a job from running, if a finding says so.
    fn bar(&self, job: JobIndex, finding: &Finding) -> Option<Key> {
        let row = self.row(job);
        match &finding.evidence {
            Evidence::NoNextRun { .. } | Evidence::UnreadableSchedule { .. } | Evidence::Quarantined { .. } => {
                Some(self.dead(job))
            }
            Evidence::UnknownState { why } => Some(Key::of(Family::Unpicked, why.as_str(), None).with(self.database)),
            Evidence::Runaway { .. } => Some(Key::of(Family::Runaway, row.id.as_str(), last_update(row))),
            Evidence::BreakerOpen { .. } => Some(self.failures.of_job(job)),
            // If its row is newer than the instant of the audit, the streak says what the row would have.
            Evidence::ZeroTokenStreak { fires, .. }
                if *fires >= self.context().snapshot.traits.breaker_limit && row.row.is_none() =>
            {
                Some(self.failures.of_job(job))
            }
            _ => None,
        }
    }

    /// Rows that never had a next run have one cause: the oldest of them stands for all.
    fn dead(&self, job: JobIndex) -> Key {
        let job = if self.never_begun.contains(&job) { self.oldest_never_begun.unwrap_or(job) } else { job };
        let row = self.row(job);
        Key::of(Family::Dead, row.id.as_str(), row.last_end().or(row.created_at))
    }

    /// What a job that fails now and then has in common with others: a rate has no start that would tell one from the other, and
    /// as jobs pass the threshold one after the other, the trouble keeps its fingerprint.
    fn flapping(&self, job: JobIndex) -> Key {
        if self.row(job).uses_model {
            return self.whole_database(Family::Flapping);
        }
        self.since_created(Family::Flapping, job)
    }

    /// Runs that end too soon have the last one before them in common.
    fn short(&self, job: JobIndex, finding: &Finding) -> Key {
        let row = self.row(job);
        let before = row.fires.iter().rev().find(|fire| finding.since.is_some_and(|since| fire.end < since));
        Key::of(Family::Short, row.id.as_str(), before.map(|fire| fire.end).or(row.created_at))
    }

    /// The key of a finding's incident; None if it is only information.
    pub fn key(&self, finding: &Finding) -> Option<Key> {
        let key = match finding.job() {
            Some(job) => self.key_of_job(job, finding),
            None => self.key_of_scheduler(finding),
        };
        if key.is_none() && finding.severity > Severity::Info { Some(self.raised(finding)) } else { key }
    }

    /// The key of what the operator calls an alarm, and no judge does.
    fn raised(&self, finding: &Finding) -> Key {
        let problem = finding.problem().name();
        match finding.job() {
            Some(job) => self.since_created(Family::Raised, job).with(problem),
            None => Key::of(Family::Raised, problem, None).with(self.database),
        }
    }

    fn key_of_scheduler(&self, finding: &Finding) -> Option<Key> {
        match finding.evidence {
            Evidence::SchedulerDown { .. } => Some(self.silences.after(self.context().worker.last_run_end())),
            Evidence::FailingPasses { .. } => Some(self.whole_database(Family::PassesFail)),
            Evidence::Crashing { .. } => Some(self.crashing()),
            // The words are those of the first version, so that the fingerprint lasts.
            Evidence::NothingWatched { .. } => {
                Some(Key::of(Family::NothingWatched, "any job", None).with(self.database))
            }
            Evidence::OverBudget { day_from, .. } => {
                Some(Key::of(Family::Budget, "", Some(day_from)).with(self.database))
            }
            Evidence::Uncounted { .. } => Some(self.whole_database(Family::Uncounted)),
            Evidence::OtherZone { .. } if finding.severity > Severity::Info => Some(self.whole_database(Family::Zone)),
            _ => None,
        }
    }

    /// Crashes that leave no time for a run are why nothing runs.
    fn crashing(&self) -> Key {
        let silence = self.silences.after(self.context().worker.last_run_end());
        let is_why = self.context().worker.crash_loop().is_some() && self.silent.contains(&silence);
        if is_why { silence } else { self.whole_database(Family::Crashing) }
    }

    fn key_of_job(&self, job: JobIndex, finding: &Finding) -> Option<Key> {
        let row = self.row(job);
        let is_news = finding.severity > Severity::Info;
        match &finding.evidence {
            Evidence::NoNextRun { .. }
            | Evidence::UnreadableSchedule { .. }
            | Evidence::UnknownState { .. }
            | Evidence::BreakerOpen { .. }
            | Evidence::Quarantined { .. }
            | Evidence::Runaway { .. } => self.bar(job, finding),
            Evidence::Overdue { .. } => Some(self.ongoing_silence(job, finding)),
            Evidence::Silent { .. } if finding.is_ongoing() => Some(self.ongoing_silence(job, finding)),
            Evidence::Silent { last_fire, .. } => Some(self.past_silence(job, finding, *last_fire, finding.until)),
            Evidence::CatchingUp { resumed_at } => Some(match self.barred.get(&job) {
                Some(barred) => barred.clone(),
                None => self.past_silence(job, finding, row.last_end(), Some(*resumed_at)),
            }),
            Evidence::Repaired { revived: true, repaired_at, .. }
                if self.failures.is_after_outage(job, *repaired_at) =>
            {
                if is_news {
                    Some(self.repaired(job, finding))
                } else {
                    None
                }
            }
            Evidence::Repaired { revived: true, .. } => Some(self.failures.of_job(job)),
            Evidence::Repaired { .. } => Some(self.repaired(job, finding)),
            Evidence::Waiting { .. } => self.silences.blocker(RunLength::Unusual).map(|run| self.silences.of_run(run)),
            // A process that died or was stopped left the run behind.
            Evidence::HungRun { .. } if self.silences.is_lease_over() => Some(self.silences.of_job(job, finding)),
            Evidence::CutRun { restarted_at, .. } => match self.silences.of_end_of_process(*restarted_at) {
                Some(key) => Some(key),
                None => self.silences.of_run_that_holds(job),
            },
            Evidence::EndedRun { .. } => {
                let end = self.context().worker.end_before(finding.since?);
                Some(self.silences.after(end))
            }
            Evidence::LongRun { .. } | Evidence::HungRun { .. } | Evidence::HungDelivery { .. } => {
                self.silences.of_run_that_holds(job)
            }
            Evidence::SkippedSlots { .. } if self.fleet.left_out.of(job).is_some_and(|one| one.is_shared) => {
                Some(self.whole_database(Family::SlotsSkipped))
            }
            Evidence::SkippedSlots { next_run_at, .. } => {
                Some(Key::of(Family::SlotsSkipped, row.id.as_str(), Some(*next_run_at)))
            }
            Evidence::RunsWhileOff { .. } => Some(Key::of(Family::Off, row.id.as_str(), finding.since)),
            Evidence::OneShotFailed { .. } | Evidence::OneShotMissed { .. } if is_news => Some(self.one_shot(job)),
            Evidence::Undelivered { .. } if row.state == State::Completed && is_news => Some(self.one_shot(job)),
            Evidence::Undelivered { .. } | Evidence::MessagesLost { .. }
                if is_news && row.state != State::Completed =>
            {
                let class = undelivered_class(row).map_or_else(String::new, |class| class.number().to_string());
                Some(Key::of(Family::Undelivered, "", None).with(format!("{class} {}", self.database)))
            }
            Evidence::NoOutput { newest_at, .. } => {
                Some(Key::of(Family::Output, row.id.as_str(), newest_at.or(row.created_at)))
            }
            Evidence::OutputUnread { .. } => Some(self.since_created(Family::OutputUnread, job)),
            Evidence::ShortRuns { .. } => Some(self.short(job, finding)),
            Evidence::Flapping { .. } => Some(self.flapping(job)),
            Evidence::WorkShrank { .. } if is_news => self.shrunk.get(&job).cloned(),
            Evidence::ZeroTokenStreak { .. } | Evidence::Failing { .. } | Evidence::FailedRun { .. }
                if self.is_only_flapping(job, finding) =>
            {
                Some(self.flapping(job))
            }
            Evidence::SharedZeroTokens { .. } if !finding.is_ongoing() => self.failures.of_past_streak(job, finding),
            Evidence::SharedZeroTokens { .. }
            | Evidence::SharedError { .. }
            | Evidence::Failing { .. }
            | Evidence::FailedRun { .. } => Some(self.failures.of_job(job)),
            Evidence::ZeroTokenStreak { .. } if finding.is_ongoing() => Some(self.failures.of_job(job)),
            Evidence::ZeroTokenStreak { .. } => self.failures.of_past_streak(job, finding),
            Evidence::Skipped { .. } if is_news => Some(self.skipped(job)),
            Evidence::Unjudged { .. } => Some(self.since_created(Family::Unjudged, job)),
            Evidence::PairedFires { .. } if !self.barred.contains_key(&job) => {
                Some(self.whole_database(Family::Paired))
            }
            Evidence::TooManyFires { .. } | Evidence::PairedFires { .. } | Evidence::Twin { .. } => {
                Some(match self.barred.get(&job) {
                    Some(key) if key.family == Family::Runaway => key.clone(),
                    _ => self.since_created(Family::Runaway, job),
                })
            }
            Evidence::RowGone { .. } if is_news => {
                let last_fire = self.fleet.gone.group_of(job)?.last_fire;
                let id = self.context().worker.id_ended_at(last_fire).unwrap_or("");
                Some(Key::of(Family::Gone, id, Some(last_fire)))
            }
            Evidence::OverBudget { day_from, .. } => Some(Key::of(Family::Budget, row.id.as_str(), Some(*day_from))),
            Evidence::ClockSetBack { clock_was_at, .. } => {
                Some(Key::of(Family::Clock, "", Some(*clock_was_at)).with(self.database))
            }
            _ => None,
        }
    }

    /// Whether a row of failures is one of those of a job that fails now and then, and not an outage.
    fn is_only_flapping(&self, job: JobIndex, finding: &Finding) -> bool {
        let Some(since) = finding.since else { return false };
        let failures = match finding.evidence {
            Evidence::ZeroTokenStreak { fires, .. } => fires,
            Evidence::Failing { consecutive_errors, .. } => consecutive_errors,
            _ => 1,
        };
        let in_outage = self.fleet.outages.of_run(job, since).is_some();
        !in_outage
            && self.fleet.flapping.explains(job, since, usize::try_from(failures).unwrap_or(usize::MAX))
            && self.row(job).errors() < self.context().snapshot.traits.breaker_limit
    }

    /// One-shots that gave up with the same error have one cause.
    fn one_shot(&self, job: JobIndex) -> Key {
        match self.row(job).error_class() {
            Some(class) => Key::of(Family::OneShot, "", None).with(format!("{} {}", class.number(), self.database)),
            None => self.since_created(Family::OneShot, job),
        }
    }

    fn skipped(&self, job: JobIndex) -> Key {
        let row = self.row(job);
        if let Some(class) = row.error_class() {
            let detail = format!("{} {}", class.number(), self.database);
            return Key::of(Family::Skipped, "", None).with(detail);
        }
        let other = row.fires.iter().rev().find(|fire| fire.outcome != Outcome::Skipped).map(|fire| fire.end);
        Key::of(Family::Skipped, row.id.as_str(), other.or(row.created_at))
    }

    /// A row that was repaired stays part of the silence of all; alone it is a job that did not run.
    fn repaired(&self, job: JobIndex, finding: &Finding) -> Key {
        let key = self.ongoing_silence(job, finding);
        if key.family == Family::Silence && !self.silent.contains(&key) { self.dead(job) } else { key }
    }

    fn ongoing_silence(&self, job: JobIndex, finding: &Finding) -> Key {
        if let Some(key) = self.barred.get(&job) {
            return key.clone();
        }
        if self.context().worker.is_unserved(self.row(job)) {
            let home = self.row(job).home.as_ref();
            let store = home.map_or("", |home| home.store.as_str());
            return Key::of(Family::Unserved, store, None).with(self.database);
        }
        let was_passed_over = finding.since.is_some_and(|due| self.context().worker.passed_over(due));
        match self.silences.blocker(RunLength::Impossible) {
            Some(run) if !was_passed_over => self.silences.of_run(run),
            _ => self.silences.of_job(job, finding),
        }
    }

    /// A silence after a bad run is part of what failed.
    fn past_silence(&self, job: JobIndex, finding: &Finding, last_run: Option<Instant>, until: Option<Instant>) -> Key {
        let lasts_until = if finding.is_ongoing() { until } else { None };
        if let Some(last) = last_run
            && let Some(key) = self.failures.of_silence(job, last, lasts_until)
        {
            return key;
        }
        match finding.since {
            Some(due) => self.silences.of_past(job, due, until.unwrap_or(self.context().settings.now)),
            None => self.silences.after(None),
        }
    }
}

/// The jobs without a next run that have never run.
fn never_begun(context: &Context<'_>, found: &[Finding]) -> HashSet<JobIndex> {
    let without_next = found.iter().filter(|one| matches!(one.evidence, Evidence::NoNextRun { next_run_at: None }));
    without_next.filter_map(Finding::job).filter(|job| context.job(*job).last_end().is_none()).collect()
}

/// What kind of error keeps a job's messages from being delivered.
fn undelivered_class(job: &Job) -> Option<ErrorClass> {
    match job.row.as_ref().and_then(|row| row.delivery.as_ref()) {
        Some(Delivery::Failed(error)) => error.class,
        Some(Delivery::Fine) | None => job.delivery_error.as_ref().and_then(|error| error.class),
    }
}
