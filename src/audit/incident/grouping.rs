//! Which findings are one incident: for each finding the key of what caused it.

use super::key::{Family, Key};
use super::shrunk::shrunk_together;
use crate::audit::context::Context;
use crate::audit::evidence::Evidence;
use crate::audit::failed_runs::FailedRuns;
use crate::audit::finding::{Finding, ongoing};
use crate::audit::fleet::Fleet;
use crate::audit::judges::surplus::last_update;
use crate::audit::outage::Outage;
use crate::audit::shared_failure::Shared;
use crate::audit::streaks::{self, Proofs, Span};
use crate::audit::witness::is_long;
use crate::audit::worker::{ActiveRun, LATE_IN_A_BATCH, Phase, RunIndex, RunLength};
use crate::catalog::{Problem, Severity};
use crate::model::{Delivery, ErrorClass, Job, JobIndex, Lease, Outcome, Passes, State};
use crate::time::Instant;
use std::collections::{BTreeMap, HashMap, HashSet};

/// From when until when a job failed, and the key of the incident.
struct Streak {
    since: Instant,
    until: Instant,
    key: Key,
}

/// What the findings of each job mean, looked up once.
pub struct Grouping<'a> {
    fleet: &'a Fleet<'a>,
    context: &'a Context<'a>,
    /// What tells the database from others.
    database: String,
    /// What keeps a job from running, whatever the scheduler does.
    barred: HashMap<JobIndex, Key>,
    /// The jobs without a next run that have never run.
    never_begun: HashSet<JobIndex>,
    oldest_never_begun: Option<JobIndex>,
    /// See [`stopped_together`].
    stopped: HashMap<(JobIndex, Instant), Instant>,
    /// The keys of jobs whose work shrank.
    shrunk: HashMap<JobIndex, Key>,
    /// The keys of jobs that are silent without a repair.
    silent: HashSet<Key>,
    /// The streaks of each job, where some are over.
    streaks: HashMap<JobIndex, Vec<Streak>>,
    /// The keys of those of several jobs in which no model worked for any job before the first recovered.
    shared: HashSet<Key>,
}

/// What tells a database from others, on any copy of it: its oldest job.
pub fn database_anchor<'a>(jobs: impl Iterator<Item = &'a Job>) -> String {
    let oldest = jobs.filter_map(|job| Some((job.created_at?, job.id.as_str()))).min();
    oldest.map_or_else(String::new, |(created, id)| format!("{} {id}", created.seconds()))
}

impl<'a> Grouping<'a> {
    /// Looks up what the findings mean.
    pub fn new(fleet: &'a Fleet<'a>, found: &[Finding]) -> Grouping<'a> {
        let context = fleet.context;
        let never_begun = never_begun(context, found);
        let mut grouping = Grouping {
            fleet,
            context,
            database: database_anchor(context.subjects.iter().map(|subject| subject.job)),
            barred: HashMap::new(),
            oldest_never_begun: never_begun.iter().copied().min_by_key(|job| (context.job(*job).created_at, *job)),
            never_begun,
            stopped: stopped_together(fleet, found),
            shrunk: shrunk_together(context, found),
            silent: HashSet::new(),
            streaks: HashMap::new(),
            shared: HashSet::new(),
        };
        grouping.cluster_streaks(found);
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

    /// The outage that a key stands for.
    pub fn outage(&self, key: &Key) -> Option<&'a Outage> {
        if key.family != Family::Failing {
            return None;
        }
        self.fleet.outages.iter().find(|outage| self.of_outage(outage) == *key)
    }

    /// Whether no model worked for any job in streaks that are over.
    pub fn is_shared(&self, key: &Key) -> bool {
        self.shared.contains(key)
    }

    /// The run in flight that a key stands for.
    pub fn run(&self, key: &Key) -> Option<RunIndex> {
        let mut runs = self.context.worker.indexed_runs().filter(|(index, _)| self.of_run(*index) == *key);
        runs.next().map(|(index, _)| index)
    }

    fn whole_database(&self, family: Family) -> Key {
        Key::of(family, "", None).with(self.database.as_str())
    }

    fn id(&self, job: JobIndex) -> &str {
        &self.context.job(job).id
    }

    fn since_created(&self, family: Family, job: JobIndex) -> Key {
        Key::of(family, self.id(job), self.context.job(job).created_at)
    }

    /// What keeps a job from running, if a finding says so.
    fn bar(&self, job: JobIndex, finding: &Finding) -> Option<Key> {
        let row = self.context.job(job);
        match &finding.evidence {
            Evidence::NoNextRun { .. } | Evidence::UnreadableSchedule { .. } | Evidence::Quarantined { .. } => {
                Some(self.dead(job))
            }
            Evidence::UnknownState { why } => {
                Some(Key::of(Family::Unpicked, why.as_str(), None).with(self.database.as_str()))
            }
            Evidence::Runaway { .. } => Some(Key::of(Family::Runaway, row.id.as_str(), last_update(row))),
            Evidence::BreakerOpen { .. } => Some(self.failing(job)),
            // If its row is newer than the instant of the audit, the streak says what the row would have.
            Evidence::ZeroTokenStreak { fires, .. }
                if *fires >= self.context.snapshot.traits.breaker_limit && row.row.is_none() =>
            {
                Some(self.failing(job))
            }
            _ => None,
        }
    }

    /// Rows that never had a next run have one cause: the oldest of them stands for all.
    fn dead(&self, job: JobIndex) -> Key {
        let job = if self.never_begun.contains(&job) { self.oldest_never_begun.unwrap_or(job) } else { job };
        let row = self.context.job(job);
        Key::of(Family::Dead, row.id.as_str(), row.last_end().or(row.created_at))
    }

    /// What a job that fails now and then has in common with others: a rate has no start that would tell one from the other, and
    /// as jobs pass the threshold one after the other, the trouble keeps its fingerprint.
    fn flapping(&self, job: JobIndex) -> Key {
        if self.context.job(job).uses_model {
            return self.whole_database(Family::Flapping);
        }
        self.since_created(Family::Flapping, job)
    }

    /// Runs that end too soon have the last one before them in common.
    fn short(&self, job: JobIndex, finding: &Finding) -> Key {
        let row = self.context.job(job);
        let before = row.fires.iter().rev().find(|fire| finding.since.is_some_and(|since| fire.end < since));
        Key::of(Family::Short, row.id.as_str(), before.map(|fire| fire.end).or(row.created_at))
    }

    fn failing(&self, job: JobIndex) -> Key {
        let row = self.context.job(job);
        if let Some(last) = row.fires.last().filter(|fire| fire.is_bad())
            && let Some(outage) = self.fleet.outages.of_run(job, last.end)
        {
            return self.of_outage(outage);
        }
        let group = self.fleet.shared.group_of(job);
        if let Some(outage) = self.fleet.outages.ongoing()
            && group.is_some_and(|group| matches!(group.shared, Shared::Model { .. }))
        {
            return self.of_outage(outage);
        }
        let streaks = self.streaks.get(&job).map_or(&[][..], Vec::as_slice);
        if let Some(lasting) = streaks.iter().find(|streak| streak.until == Instant::MAX) {
            return lasting.key.clone();
        }
        // The job that began to fail stands for those that fail with it.
        let first = &self.context.subjects[group.map_or(job, |group| group.first)];
        let before = FailedRuns::of(&self.fleet.outages, first).and_then(|failed| failed.before);
        Key::of(Family::Failing, first.job.id.as_str(), before.or(first.job.created_at))
    }

    fn of_outage(&self, outage: &Outage) -> Key {
        let first = self.context.job(outage.first);
        Key::of(Family::Failing, first.id.as_str(), outage.anchor.or(first.created_at))
    }

    /// Finds the keys of streaks. What fails now takes along the streaks of other jobs that are over and had the same cause, so
    /// that it keeps its key while one job after another recovers. Of the others, those that overlap had one cause. The first
    /// of a cluster gives it its key.
    fn cluster_streaks(&mut self, found: &[Finding]) {
        let mut past: Vec<Span> = Vec::new();
        for finding in found.iter().filter(|finding| finding.problem() == Problem::ZeroTokenStreak) {
            if let (Some(since), Some(until), Some(job)) = (finding.since, finding.until, finding.job()) {
                past.push((since, until, job));
            }
        }
        if past.is_empty() {
            return;
        }
        let proofs = Proofs::of(self.context.subjects);
        for cluster in streaks::cluster(self.failing_together(), past, &proofs) {
            let Some(&(since, _, first)) = cluster.iter().min() else { continue };
            let key = self.streak_key(first, since);
            let recovered = cluster.iter().map(|(_, until, _)| *until).min().unwrap_or(since);
            if cluster.len() > 1 && proofs.none_between(since, recovered) {
                self.shared.insert(key.clone());
            }
            for (since, until, job) in cluster {
                self.streaks.entry(job).or_default().push(Streak { since, until, key: key.clone() });
            }
        }
    }

    /// The groups of jobs that fail together, and those that fail alone, each since when.
    fn failing_together(&self) -> Vec<Vec<Span>> {
        let mut units: BTreeMap<JobIndex, Vec<Span>> = BTreeMap::new();
        for subject in self.context.subjects.iter() {
            let Some(failed) = FailedRuns::of(&self.fleet.outages, subject) else { continue };
            let group = self.fleet.shared.group_of(subject.index).map(|group| group.first);
            units.entry(group.unwrap_or(subject.index)).or_default().push((failed.since, Instant::MAX, subject.index));
        }
        units.into_values().collect()
    }

    fn streak_key(&self, job: JobIndex, since: Instant) -> Key {
        let row = self.context.job(job);
        let before = &row.fires[..row.fires.partition_point(|fire| fire.end < since)];
        let last_good = before.iter().rev().find(|fire| !fire.is_bad() && !fire.is_unknown()).map(|fire| fire.end);
        Key::of(Family::Failing, row.id.as_str(), last_good.or(row.created_at))
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
            None => Key::of(Family::Raised, problem, None).with(self.database.as_str()),
        }
    }

    fn key_of_scheduler(&self, finding: &Finding) -> Option<Key> {
        match finding.evidence {
            Evidence::SchedulerDown { .. } => Some(self.silence_after(self.context.worker.last_run_end())),
            Evidence::FailingPasses { .. } => Some(self.whole_database(Family::PassesFail)),
            Evidence::Crashing { .. } => Some(self.crashing()),
            // The words are those of the first version, so that the fingerprint lasts.
            Evidence::NothingWatched { .. } => {
                Some(Key::of(Family::NothingWatched, "any job", None).with(self.database.as_str()))
            }
            Evidence::OverBudget { day_from, .. } => {
                Some(Key::of(Family::Budget, "", Some(day_from)).with(self.database.as_str()))
            }
            Evidence::Uncounted { .. } => Some(self.whole_database(Family::Uncounted)),
            Evidence::OtherZone { .. } if finding.severity > Severity::Info => Some(self.whole_database(Family::Zone)),
            _ => None,
        }
    }

    /// Crashes that leave no time for a run are why nothing runs.
    fn crashing(&self) -> Key {
        let silence = self.silence_after(self.context.worker.last_run_end());
        let is_why = self.context.worker.crash_loop().is_some() && self.silent.contains(&silence);
        if is_why { silence } else { self.whole_database(Family::Crashing) }
    }

    fn key_of_job(&self, job: JobIndex, finding: &Finding) -> Option<Key> {
        let row = self.context.job(job);
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
            Evidence::Repaired { revived: true, repaired_at, .. } if self.is_after_outage(job, *repaired_at) => {
                if is_news {
                    Some(self.repaired(job, finding))
                } else {
                    None
                }
            }
            Evidence::Repaired { revived: true, .. } => Some(self.failing(job)),
            Evidence::Repaired { .. } => Some(self.repaired(job, finding)),
            Evidence::Waiting { .. } => self.blocker(RunLength::Unusual).map(|run| self.of_run(run)),
            // A process that died or was stopped left the run behind.
            Evidence::HungRun { .. } | Evidence::CutRun { .. } if self.is_lease_over() => {
                Some(self.silence(job, finding))
            }
            Evidence::LongRun { .. }
            | Evidence::HungRun { .. }
            | Evidence::CutRun { .. }
            | Evidence::HungDelivery { .. } => self.of_run_that_holds(job),
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
            Evidence::SharedZeroTokens { .. } if !finding.is_ongoing() => self.past_streak(job, finding),
            Evidence::SharedZeroTokens { .. }
            | Evidence::SharedError { .. }
            | Evidence::Failing { .. }
            | Evidence::FailedRun { .. } => Some(self.failing(job)),
            Evidence::ZeroTokenStreak { .. } if finding.is_ongoing() => Some(self.failing(job)),
            Evidence::ZeroTokenStreak { .. } => self.past_streak(job, finding),
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
                let id = self.context.worker.id_ended_at(last_fire).unwrap_or("");
                Some(Key::of(Family::Gone, id, Some(last_fire)))
            }
            Evidence::OverBudget { day_from, .. } => Some(Key::of(Family::Budget, row.id.as_str(), Some(*day_from))),
            Evidence::ClockSetBack { clock_was_at, .. } => {
                Some(Key::of(Family::Clock, "", Some(*clock_was_at)).with(self.database.as_str()))
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
            && self.context.job(job).errors() < self.context.snapshot.traits.breaker_limit
    }

    fn past_streak(&self, job: JobIndex, finding: &Finding) -> Option<Key> {
        if let Some(since) = finding.since
            && let Some(outage) = self.fleet.outages.of_run(job, since)
        {
            return Some(self.of_outage(outage));
        }
        let streaks = self.streaks.get(&job)?;
        streaks.iter().find(|streak| Some(streak.since) == finding.since).map(|streak| streak.key.clone())
    }

    /// One-shots that gave up with the same error have one cause.
    fn one_shot(&self, job: JobIndex) -> Key {
        match self.context.job(job).error_class() {
            Some(class) => Key::of(Family::OneShot, "", None).with(format!("{} {}", class.number(), self.database)),
            None => self.since_created(Family::OneShot, job),
        }
    }

    fn skipped(&self, job: JobIndex) -> Key {
        let row = self.context.job(job);
        if let Some(class) = row.error_class() {
            let detail = format!("{} {}", class.number(), self.database);
            return Key::of(Family::Skipped, "", None).with(detail);
        }
        let other = row.fires.iter().rev().find(|fire| fire.outcome != Outcome::Skipped).map(|fire| fire.end);
        Key::of(Family::Skipped, row.id.as_str(), other.or(row.created_at))
    }

    /// Whether a job failed in an outage that was over by then, and has not run since.
    fn is_after_outage(&self, job: JobIndex, at: Instant) -> bool {
        let outage = self.fleet.outages.past_of(&self.context.subjects[job]);
        outage.is_some_and(|outage| !outage.lasted_at(at))
    }

    /// A row that was repaired stays part of the silence of all; alone it is a job that did not run.
    fn repaired(&self, job: JobIndex, finding: &Finding) -> Key {
        let key = self.ongoing_silence(job, finding);
        if key.family == Family::Silence && !self.silent.contains(&key) { self.dead(job) } else { key }
    }

    /// The key of a run in flight. Where one run goes on at a time, everything waits for what came after the last end before it,
    /// which is still known when the run no longer shows.
    fn of_run(&self, index: RunIndex) -> Key {
        let run = self.context.worker.run(index);
        if self.context.snapshot.traits.max_concurrent == 1 {
            return self.silence_after(self.context.worker.end_before(run.mark));
        }
        let family = match run.phase {
            Phase::Running => Family::Run,
            Phase::Delivering => Family::Delivery,
        };
        Key::of(family, run.job_id.as_str(), Some(run.mark))
    }

    /// The key of a job's own run, or of the one that it waits for.
    fn of_run_that_holds(&self, job: JobIndex) -> Option<Key> {
        let worker = self.context.worker;
        let own = worker.indexed_runs().find(|(_, run)| run.job == Some(job));
        let index = match own {
            Some((index, run)) => Some(worker.lead(run).unwrap_or(index)),
            None => self.blocker(RunLength::Usual),
        };
        index.map(|index| self.of_run(index))
    }

    /// The run that jobs wait for, if it is at least that long or will never end.
    fn blocker(&self, at_least: RunLength) -> Option<RunIndex> {
        let (index, run) = self.context.worker.blocker()?;
        if run.length >= at_least || run.is_left_by_death() { Some(index) } else { None }
    }

    /// Whether the scheduler's own record says that its process died or was stopped.
    fn is_lease_over(&self) -> bool {
        matches!(self.context.snapshot.lease, Lease::Dead(_) | Lease::Stopped(_))
    }

    fn ongoing_silence(&self, job: JobIndex, finding: &Finding) -> Key {
        if let Some(key) = self.barred.get(&job) {
            return key.clone();
        }
        if self.context.worker.is_unserved(self.context.job(job)) {
            let home = self.context.job(job).home.as_ref();
            let store = home.map_or("", |home| home.store.as_str());
            return Key::of(Family::Unserved, store, None).with(self.database.as_str());
        }
        match self.blocker(RunLength::Impossible) {
            Some(run) => self.of_run(run),
            None => self.silence(job, finding),
        }
    }

    /// Nothing has run since the last end, or this job alone did not.
    fn silence(&self, job: JobIndex, finding: &Finding) -> Key {
        let worker = self.context.worker;
        let due = finding.since.unwrap_or(self.context.settings.now);
        if is_of_all(self.context, due) {
            if self.context.snapshot.passes != Passes::Fine {
                return self.whole_database(Family::PassesFail);
            }
            return match self.culprit() {
                Some(run) => self.of_run(run),
                None => self.silence_after(worker.last_run_end()),
            };
        }
        match worker.boot_between(self.context.job(job).last_end(), due) {
            Some(boot) => Key::of(Family::SinceBoot, "", Some(boot)).with(self.database.as_str()),
            None => self.silence_after(worker.end_before(self.first_stopped(job, due))),
        }
    }

    /// When the first job was due of those that stopped with this one.
    fn first_stopped(&self, job: JobIndex, due: Instant) -> Instant {
        self.stopped.get(&(job, due)).copied().unwrap_or(due)
    }

    fn silence_after(&self, end: Option<Instant>) -> Key {
        match end {
            Some(end) => Key::of(Family::Silence, self.context.worker.id_ended_at(end).unwrap_or(""), Some(end)),
            None => self.whole_database(Family::Silence),
        }
    }

    /// A run that hangs in a process that is alive, or was cut short, if nothing has ended since it began: everything else
    /// that is silent waits for it, even if further runs could start.
    fn culprit(&self) -> Option<RunIndex> {
        let worker = self.context.worker;
        for (index, run) in worker.indexed_runs() {
            let is_last = worker.last_end.is_none_or(|(last, _)| last <= run.start);
            if is_last && self.is_culprit(run) {
                return Some(worker.lead(run).unwrap_or(index));
            }
        }
        None
    }

    fn is_culprit(&self, run: &ActiveRun) -> bool {
        let is_alive = matches!(self.context.snapshot.lease, Lease::Alive(_));
        let is_hung = is_alive && run.length == RunLength::Impossible;
        is_hung || run.cut.is_some() && !self.is_lease_over()
    }

    /// A silence after a bad run of a streak is part of what failed. Of any other the key is the last end before the time in which
    /// nothing ran at all, if that is most of it: all that waited for the same thing has one key, also before it ended.
    fn past_silence(&self, job: JobIndex, finding: &Finding, last_run: Option<Instant>, until: Option<Instant>) -> Key {
        if let Some(last) = last_run
            && let Some(outage) = self.fleet.outages.of_run(job, last)
            && (!finding.is_ongoing() || until.is_none_or(|until| outage.lasted_at(until)))
        {
            return self.of_outage(outage);
        }
        if let (Some(last), Some(streaks)) = (last_run, self.streaks.get(&job))
            && let Some(streak) = streaks.iter().find(|streak| streak.since <= last && last < streak.until)
        {
            return streak.key.clone();
        }
        let Some(due) = finding.since else { return self.silence_after(None) };
        let until = until.unwrap_or(self.context.settings.now);
        self.silence_after(match end_before_lull(self.context, due, until) {
            Some(end) => Some(end),
            None => self.context.worker.end_before(self.first_stopped(job, due)),
        })
    }
}

/// Whether nothing at all has run since a job was due.
fn is_of_all(context: &Context<'_>, due: Instant) -> bool {
    let worker = context.worker;
    worker.crash_loop().is_some() || !worker.passed_over(due) && worker.free_before_last_end(due) <= LATE_IN_A_BATCH
}

/// The jobs without a next run that have never run.
fn never_begun(context: &Context<'_>, found: &[Finding]) -> HashSet<JobIndex> {
    let without_next = found.iter().filter(|one| matches!(one.evidence, Evidence::NoNextRun { next_run_at: None }));
    without_next.filter_map(Finding::job).filter(|job| context.job(*job).last_end().is_none()).collect()
}

/// The silences of jobs while others ran, each with when the first job was due that stopped with it: what has not run since that
/// job was due stopped for the same reason.
fn stopped_together(fleet: &Fleet<'_>, found: &[Finding]) -> HashMap<(JobIndex, Instant), Instant> {
    let mut silences: Vec<Silence> =
        found.iter().filter_map(|finding| Silence::beside_others(fleet.context, finding)).collect();
    silences.extend(past_silences(fleet));
    silences.sort_unstable_by_key(|silence| (silence.due, silence.job));
    let mut stopped: HashMap<(JobIndex, Instant), Instant> = HashMap::new();
    // When the first job was due of those that stopped together, and when the last of them runs again.
    let mut groups: Vec<(Instant, Instant)> = Vec::new();
    for Silence { job, due, until, last_run } in silences {
        groups.retain(|(_, lasts_until)| due < *lasts_until);
        let first = match groups.iter_mut().find(|(first, _)| last_run.is_none_or(|last| last <= *first)) {
            Some((first, lasts_until)) => {
                *lasts_until = until.max(*lasts_until);
                *first
            }
            None => {
                groups.push((due, until));
                due
            }
        };
        stopped.insert((job, due), first);
    }
    stopped
}

/// A silence of a job while others ran.
struct Silence {
    job: JobIndex,
    due: Instant,
    /// When it ran again, if it did.
    until: Instant,
    /// When its last run before that ended.
    last_run: Option<Instant>,
}

impl Silence {
    /// One that lasts, by the finding that tells it.
    fn beside_others(context: &Context<'_>, finding: &Finding) -> Option<Silence> {
        let (job, due) = (finding.job()?, finding.since?);
        let is_silence = matches!(finding.evidence, Evidence::Overdue { .. } | Evidence::Silent { .. });
        if !is_silence || !finding.is_ongoing() || is_of_all(context, due) {
            return None;
        }
        Some(Silence { job, due, until: Instant::MAX, last_run: context.job(job).last_end() })
    }
}

/// Those that are over, however long ago: what lasts keeps its key as time goes on.
fn past_silences(fleet: &Fleet<'_>) -> Vec<Silence> {
    let mut silences = Vec::new();
    for subject in fleet.context.subjects.iter().filter(|subject| subject.job.state.is_watched()) {
        for stretch in fleet.ledger(subject.index).silences() {
            let before = stretch.runs.start.checked_sub(1).and_then(|before| subject.job.fires.get(before));
            if let (Some(until), Some(before)) = (stretch.until, before)
                && is_long(fleet.context, subject, stretch)
                && fleet.has_witness(subject, stretch)
                && end_before_lull(fleet.context, stretch.since, until).is_none()
            {
                silences.push(Silence { job: subject.index, due: stretch.since, until, last_run: Some(before.end) });
            }
        }
    }
    silences
}

/// The last end before the time in which nothing ran at all, if that is most of a silence.
fn end_before_lull(context: &Context<'_>, due: Instant, until: Instant) -> Option<Instant> {
    let (end, _) = context.worker.lull_within(due.plus(-LATE_IN_A_BATCH), until)?;
    if context.worker.free_for(due, end) <= LATE_IN_A_BATCH { Some(end) } else { None }
}

/// What kind of error keeps a job's messages from being delivered.
fn undelivered_class(job: &Job) -> Option<ErrorClass> {
    match job.row.as_ref().and_then(|row| row.delivery.as_ref()) {
        Some(Delivery::Failed(error)) => error.class,
        Some(Delivery::Fine) | None => job.delivery_error.as_ref().and_then(|error| error.class),
    }
}
