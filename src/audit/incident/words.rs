//! The words of an incident: its title, what was observed and, apart from that, what is inferred.

use super::super::context::{Context, Subject};
use super::super::evidence::Evidence;
use super::super::finding::{AffectedJob, Finding, is_early, ongoing};
use super::super::fleet::Fleet;
use super::super::runs::tokens_of_failed;
use super::super::sentence::{due_in_words, failed_in_words, not_fired_since, sentence};
use super::super::shared_failure::Shared;
use super::super::worker::{ActiveRun, Cut, Phase, RunLength};
use crate::catalog::Problem;
use crate::model::{JobIndex, State};
use crate::numbers::{count, grouped};
use crate::time::{Instant, span};
use std::collections::HashSet;

/// Names in a sentence; more would not be read.
const MAX_NAMES: usize = 3;
/// Observations in the findings' own words, at most.
const MAX_MESSAGES: usize = 3;

/// An incident in words. It may contain text of the database.
#[derive(Debug, Clone)]
pub struct IncidentText {
    /// What happened to which jobs.
    pub title: String,
    /// The most important number or cause.
    pub detail: Option<String>,
    /// What the database shows.
    pub observed: Vec<String>,
    /// What that suggests; None where nothing is inferred.
    pub inferred: Option<String>,
}

/// What an incident's words are made from.
pub struct Writer<'a> {
    /// What the judges saw.
    pub fleet: &'a Fleet<'a>,
    /// What was read.
    pub context: &'a Context<'a>,
    /// The run in flight that it is about, if it is about one.
    pub run: Option<&'a ActiveRun>,
    /// Its findings.
    pub findings: &'a [Finding],
    /// The jobs that it affects.
    pub jobs: &'a [AffectedJob],
    /// When it began.
    pub since: Option<Instant>,
    /// When it ended; None while it is ongoing.
    pub until: Option<Instant>,
}

impl Writer<'_> {
    /// The words of an incident with this cause.
    pub fn text(&self, cause: Problem) -> IncidentText {
        if self.until.is_some() {
            return self.resolved(cause);
        }
        if ongoing(self.findings).all(is_repaired) {
            return self.repaired();
        }
        match cause {
            Problem::SchedulerSilent | Problem::CatchingUp => self.scheduler_silent(cause),
            Problem::SchedulerDown => self.scheduler_down(),
            Problem::RunHung => self.run_hung(),
            Problem::RunCut => self.run_cut(),
            Problem::DeliveryHung => self.delivery_hung(),
            Problem::RunLong => self.run_long(),
            Problem::ProviderFailing => self.provider_failing(),
            Problem::JobFailing => self.job_failing(),
            Problem::JobSilent => self.job_silent(),
            Problem::RowDead => self.plain(format!("{} can never run again", self.names())),
            Problem::Runaway => self.runaway(),
            Problem::Flapping => self.plain(format!("runs of {} fail now and then", self.names())),
            Problem::ExpectedMissing => self.plain("an expected job was not found".to_owned()),
            Problem::JobSkipped => self.plain(format!("the scheduler keeps skipping {}", self.names())),
            Problem::Undelivered => self.undelivered(),
            Problem::StoreUnserved => self.store_unserved(),
            Problem::JobsGone => self.jobs_gone(),
            Problem::ClockSetBack => self.clock_set_back(),
            Problem::NothingWatched => self.plain("no job is watched".to_owned()),
            Problem::OneShotLost => self.plain(format!("the work of the one-shot {} is lost", self.names())),
            Problem::SlotsSkipped => self.plain(format!("the next run of {} is set too far ahead", self.names())),
            Problem::Unjudged => self.unjudged(),
            Problem::CrashLoop => IncidentText {
                inferred: Some("it works in between, but runs are cut short and count as errors".to_owned()),
                ..self.plain("the scheduler's process crashes again and again".to_owned())
            },
            other => self.plain(format!("{}: {}", self.names(), other.meaning())),
        }
    }

    fn now(&self) -> Instant {
        self.context.settings.now
    }

    fn ago(&self, at: Instant) -> String {
        format!("{} UTC, {} ago", at.minute(), span(self.now().since(at)))
    }

    fn names(&self) -> String {
        let names = self.jobs.iter().take(MAX_NAMES).map(|affected| self.context.job(affected.job).label());
        let names = names.collect::<Vec<_>>().join(", ");
        match self.jobs.len().saturating_sub(MAX_NAMES) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }

    fn broken(&self) -> usize {
        let state = |affected: &AffectedJob| &self.context.job(affected.job).state;
        self.jobs.iter().filter(|affected| *state(affected) == State::Broken).count()
    }

    /// The first of the findings in their own words, each with its job if there are several.
    fn messages(&self) -> Vec<String> {
        let current = |one: &&Finding| one.is_ongoing() == self.until.is_none();
        let message = |one: &Finding| {
            let job = one.job().map(|job| self.context.job(job));
            let message = sentence(one, job, self.now());
            match job {
                Some(job) if self.jobs.len() > 1 => format!("{}: {message}", job.label()),
                _ => message,
            }
        };
        self.findings.iter().filter(current).take(MAX_MESSAGES).map(message).collect()
    }

    fn plain(&self, title: String) -> IncidentText {
        IncidentText { title, detail: None, observed: self.messages(), inferred: None }
    }

    fn resolved(&self, cause: Problem) -> IncidentText {
        let lasted = self
            .since
            .zip(self.until)
            .map_or_else(String::new, |(since, until)| format!(" for {}", span(until.since(since))));
        let names = self.names();
        self.plain(match cause {
            Problem::SchedulerSilent => format!("the scheduler was silent{lasted} and runs again"),
            Problem::ProviderFailing => {
                format!("{} failed together{lasted} and work again", count(self.jobs.len(), "job"))
            }
            Problem::JobFailing => format!("{names} failed{lasted} and works again"),
            _ => match self.jobs {
                [_] => format!("{names} was silent{lasted} and fires again"),
                _ => format!("{names} were silent{lasted} and fire again"),
            },
        })
    }

    /// A silence of the whole scheduler that is over, though not for each job.
    fn catching_up(&self, resumed_at: Instant) -> IncidentText {
        let silent = self.since.map_or_else(String::new, |since| format!(" for {}", span(resumed_at.since(since))));
        let jobs: HashSet<JobIndex> = self.findings.iter().filter_map(Finding::job).collect();
        let done = jobs.len() - self.jobs.len();
        IncidentText {
            title: format!("the scheduler was silent{silent} and is catching up"),
            detail: (jobs.len() > 1).then(|| format!("{done} of {} done", count(jobs.len(), "job"))),
            observed: vec![format!(
                "it has been running jobs again since {} UTC; {} to wait for: {}",
                resumed_at.minute(),
                count(self.jobs.len(), "job"),
                self.names()
            )],
            inferred: Some("the scheduler works again; the slots of that time are lost".to_owned()),
        }
    }

    fn scheduler_silent(&self, cause: Problem) -> IncidentText {
        let resumed = |one: &Finding| match &one.evidence {
            Evidence::CatchingUp { resumed_at } => Some(*resumed_at),
            _ => None,
        };
        if cause == Problem::CatchingUp
            && let Some(resumed_at) = ongoing(self.findings).filter_map(resumed).min()
        {
            return self.catching_up(resumed_at);
        }
        let end = self.context.worker.last_run_end();
        let watched = |subject: &&Subject<'_>| subject.selected && subject.job.state.is_watched();
        let watched = self.context.subjects.iter().filter(watched).count();
        let missed: u64 = self.jobs.iter().map(|affected| affected.missed_slots.max(1)).sum();
        let slots = format!("{} of {}", count(missed, "slot"), count(self.jobs.len(), "job"));
        let worker = self.context.worker;
        let boot = self.since.and_then(|since| worker.boot_that_ended(worker.end_before(since)?));
        if let Some(boot) = boot {
            return IncidentText {
                title: format!("the scheduler was silent until its restart at {} UTC", boot.minute()),
                detail: Some(format!("{} of {} still to run", self.jobs.len(), count(watched, "job"))),
                observed: self.messages(),
                inferred: Some("the slots are lost; these jobs run again at their next ones".to_owned()),
            };
        }
        let crash_loop = worker.crash_loop();
        let life = worker.life;
        let alone = self.is_only_job_due() && !life.is_gone() && life.suspended().is_none();
        let only = || alone.then(|| "no other job has come due since".to_owned());
        let stuck = if alone { "; or only this job is stuck" } else { "" };
        IncidentText {
            title: match (crash_loop, end) {
                (Some((boots, first)), _) => {
                    let span = span(self.now().since(first));
                    format!("the scheduler has restarted {boots} times in {span} without running a job")
                }
                (None, Some(end)) => format!("nothing has run since {} UTC", end.minute()),
                (None, None) => "nothing has ever run".to_owned(),
            },
            detail: Some(format!("{} of {} overdue", self.jobs.len(), count(watched, "job"))),
            observed: [
                vec![format!("{slots} came due since and did not run")],
                only().into_iter().collect(),
                self.context.worker.life.signs(self.since),
            ]
            .concat(),
            inferred: Some(self.why_silent() + stuck),
        }
    }

    /// Whether there are other jobs, and none of them came due meanwhile: nothing shows whether they would run.
    fn is_only_job_due(&self) -> bool {
        let [only] = self.jobs else { return false };
        let is_other = |subject: &&Subject<'_>| subject.index != only.job && subject.job.state == State::Watched;
        let others = || self.context.subjects.iter().filter(is_other);
        let came_due = |subject: &Subject<'_>| {
            let next = subject.job.schedule.cadence().and_then(|cadence| cadence.next(only.since?));
            next.is_none_or(|next| next <= self.now())
        };
        others().count() > 0 && !others().any(came_due)
    }

    fn why_silent(&self) -> String {
        if self.context.worker.crash_loop().is_some() {
            return "the process crashes soon after each start, before it runs a job".to_owned();
        }
        self.context.worker.life.why_silent(self.since)
    }

    /// The name of the run's job, and how many other jobs wait for it.
    fn run_and_waiting(&self) -> (String, Option<String>) {
        let run = self.run;
        let own = run.and_then(|run| run.job);
        let others = self.jobs.iter().filter(|affected| Some(affected.job) != own).count();
        let waiting = others - self.with_own_runs();
        let behind = if self.context.snapshot.traits.max_concurrent == 1 { " behind it" } else { "" };
        let waiting = match waiting {
            0 => None,
            1 => Some(format!("1 job is waiting{behind}")),
            many => Some(format!("{many} jobs are waiting{behind}")),
        };
        (run.map_or_else(|| "a deleted job".to_owned(), |run| run.name.clone()), waiting)
    }

    /// The jobs other than the run's whose own runs are in flight.
    fn with_own_runs(&self) -> usize {
        let own = self.run.and_then(|run| run.job);
        let running: HashSet<_> = self.context.worker.indexed_runs().filter_map(|(_, run)| run.job).collect();
        let others = self.jobs.iter().map(|affected| affected.job).filter(|job| Some(*job) != own);
        others.filter(|job| running.contains(job)).count()
    }

    fn run_observed(&self) -> Vec<String> {
        let Some(run) = self.run else { return self.messages() };
        let mut observed = vec![self.run_length(run)];
        if run.length == RunLength::Impossible {
            observed.extend(self.context.worker.life.signs(Some(run.mark)));
        }
        observed
    }

    fn run_length(&self, run: &ActiveRun) -> String {
        match run.phase {
            Phase::Running => {
                let (usual, limit) = (run.usual.in_words(), span(run.usual.limit));
                format!("the run has not finished; {usual}, and more than {limit} is unusual")
            }
            Phase::Delivering => format!(
                "its cost event was written at {}; its row was not updated since, and nothing else has run",
                self.ago(run.start)
            ),
        }
    }

    fn run_hung(&self) -> IncidentText {
        let (name, detail) = self.run_and_waiting();
        let mark = self.run.map(|run| run.mark);
        let life = self.context.worker.life;
        let alive = life.is_proven() || life.other_activity(mark).is_some();
        let inferred = match (alive, self.context.snapshot.traits.max_concurrent) {
            (true, 1) => "the process is alive, and its scheduler hangs in this run",
            (true, _) => "the process is alive, and this run hangs",
            (false, _) => "the scheduler hangs in this run, or the process died in it",
        };
        let hangs = |affected: &&AffectedJob| self.context.worker.run_of(affected.job).is_some_and(ActiveRun::hangs);
        let (title, detail) = match self.jobs.iter().filter(hangs).count() {
            0 | 1 => (format!("the run of {name} never finished"), detail),
            many => (format!("the runs of {many} jobs never finished"), None),
        };
        IncidentText { title, detail, observed: self.run_observed(), inferred: Some(inferred.to_owned()) }
    }

    /// How many jobs of the incident work again, if any do.
    fn recovered(&self) -> Option<String> {
        let lasting: HashSet<JobIndex> = self.jobs.iter().map(|affected| affected.job).collect();
        let all: HashSet<JobIndex> = self.findings.iter().filter_map(Finding::job).collect();
        match all.difference(&lasting).count() {
            0 => None,
            1 => Some("1 job works again".to_owned()),
            several => Some(format!("{several} jobs work again")),
        }
    }

    /// Jobs whose rows were repaired and that have not fired since.
    fn repaired(&self) -> IncidentText {
        let sleeps = span(self.context.snapshot.traits.timer_sleeps);
        let inferred = if !self.context.has_next_run_beside(&self.jobs.iter().map(|one| one.job).collect()) {
            "no other row has a next run, so the scheduler's timer does not run before a restart".to_owned()
        } else if is_early(self.findings) {
            format!("nothing is wrong yet: the scheduler's timer sleeps for up to {sleeps}; a restart looks at once")
        } else {
            format!("the scheduler's timer, which sleeps for up to {sleeps}, does not run, or its process is dead")
        };
        let repairs = self.findings.iter().filter_map(|one| match one.evidence {
            Evidence::Repaired { repaired_at, looks_by, revived } => Some((repaired_at, looks_by, revived)),
            _ => None,
        });
        let repairs: Vec<(Instant, Instant, bool)> = repairs.collect();
        let (was, has) = if self.jobs.len() == 1 { ("was", "has") } else { ("were", "have") };
        let first = repairs.iter().map(|(at, ..)| *at).min();
        let last = repairs.iter().map(|(_, looks_by, _)| *looks_by).max();
        let revived = repairs.iter().any(|(.., revived)| *revived);
        let observed = first.zip(last).map(|times| not_fired_since(self.jobs.len(), revived, times, self.now()));
        let changed = if revived { "revived" } else { "edited or resumed" };
        IncidentText {
            title: format!("{} {was} {changed} and {has} not fired yet", self.names()),
            detail: self.recovered(),
            observed: observed.into_iter().collect(),
            inferred: Some(inferred),
        }
    }

    fn run_cut(&self) -> IncidentText {
        let (name, detail) = self.run_and_waiting();
        let title = match self.with_own_runs() {
            0 => format!("the run of {name} was cut short"),
            others => format!("the runs of {name} and {} were cut short", count(others, "other job")),
        };
        let life = self.context.worker.life;
        let start = self.run.map(|run| format!("the run has not finished; {}", run.usual.in_words()));
        let inferred = match self.run.and_then(|run| run.cut) {
            Some(Cut::Restarted(_)) => "the process was restarted during this run, whose work is lost",
            Some(Cut::Died(_) | Cut::LeaseOver(_)) | None => {
                "the process died in this run; nothing runs until it is started"
            }
        };
        IncidentText {
            title,
            detail,
            observed: start.into_iter().chain(life.holder()).collect(),
            inferred: Some(inferred.to_owned()),
        }
    }

    fn scheduler_down(&self) -> IncidentText {
        let next = self.findings.iter().find_map(|one| match &one.evidence {
            Evidence::SchedulerDown { job, next_run_at, .. } => {
                let due = due_in_words(*next_run_at, self.now());
                Some(format!("the first run to be lost is {job} {due}"))
            }
            _ => None,
        });
        let end = self.context.worker.last_run_end();
        let last = end.map(|end| format!("the last run of any job ended at {}", self.ago(end)));
        IncidentText {
            title: "the scheduler is down".to_owned(),
            detail: next,
            observed: self.context.worker.life.of_process().into_iter().chain(last).collect(),
            inferred: Some(self.context.worker.life.why_silent(None)),
        }
    }

    fn delivery_hung(&self) -> IncidentText {
        let (name, detail) = self.run_and_waiting();
        let inferred = "the scheduler hangs while delivering the message, or the process died while doing so";
        IncidentText {
            title: format!("the run of {name} did its work but never finished"),
            detail,
            observed: self.run_observed(),
            inferred: Some(inferred.to_owned()),
        }
    }

    fn run_long(&self) -> IncidentText {
        let (name, detail) = self.run_and_waiting();
        IncidentText {
            title: format!("the run of {name} is taking longer than usual"),
            detail,
            observed: self.run_observed(),
            inferred: Some("it may be fine: runs are allowed to take longer".to_owned()),
        }
    }

    fn provider_failing(&self) -> IncidentText {
        let group = self.jobs.iter().find_map(|affected| self.fleet.shared.group_of(affected.job));
        let since = match group.map(|group| group.shared) {
            Some(Shared::Model { last_good: Some(at) }) => format!(" since {} UTC", at.minute()),
            _ => String::new(),
        };
        let Some(group) = group else {
            let fail = if self.jobs.len() == 1 { "still fails" } else { "still fail" };
            let detail = self.recovered();
            let title = format!("{} {fail}", self.names());
            return IncidentText { title, detail, observed: self.messages(), inferred: None };
        };
        let (fires, jobs) = (count(group.fires, "run"), count(group.jobs.len(), "job"));
        if group.shared == Shared::ErrorOfMost {
            return IncidentText {
                title: format!("{} are failing with the same error", count(self.jobs.len(), "job")),
                detail: self.recovered().or_else(|| Some("most jobs that need a model".to_owned())),
                observed: vec![format!("the last {fires} of {jobs} ended with the same error; few other jobs work")],
                inferred: Some("what these jobs share fails: the provider, its key, or the model's name".to_owned()),
            };
        }
        let used = group.jobs.iter().map(|job| tokens_of_failed(self.context.job(*job))).sum::<u64>();
        let failed = if used == 0 {
            "failed or used no tokens".to_owned()
        } else {
            format!("failed; they used {} tokens", grouped(used))
        };
        let mut observed = vec![format!("all {fires} of {jobs}{since} {failed}")];
        let broken = self.broken();
        if broken > 0 {
            observed.push(format!("the scheduler has stopped {}", count(broken, "job")));
        }
        let revived = self.findings.iter().filter(|one| is_repaired(one)).count();
        if revived > 0 {
            observed.push(format!("{revived} of them were revived and have not fired since"));
        }
        let inferred = if used == 0 {
            "no model works for any job: the provider, its key, or the model's name"
        } else {
            "what all jobs share fails: the provider, its key, the model's name, or a tool"
        };
        IncidentText {
            title: format!("{} are failing together", count(self.jobs.len(), "job")),
            detail: Some(format!("no run has succeeded{since}")),
            observed,
            inferred: Some(inferred.to_owned()),
        }
    }

    fn job_failing(&self) -> IncidentText {
        if let [affected] = self.jobs {
            return self.one_job_failing(affected);
        }
        IncidentText {
            title: format!("{} keep failing with the same error", count(self.jobs.len(), "job")),
            detail: None,
            observed: self.messages(),
            inferred: Some("the jobs have the cause in common; others work".to_owned()),
        }
    }

    /// A job that fails, from its first failed run to the silence after the scheduler has stopped it.
    fn one_job_failing(&self, affected: &AffectedJob) -> IncidentText {
        let job = self.context.job(affected.job);
        let (name, errors) = (job.label(), count(job.errors(), "error"));
        let lost = match affected.missed_slots {
            0 => None,
            slots => Some(format!("none since; {} lost", count(slots, "slot"))),
        };
        let failed = failed_in_words(job);
        let observed = if failed.is_none() { self.messages() } else { failed.into_iter().chain(lost).collect() };
        if job.state == State::Broken {
            let stopped = self.context.snapshot.traits.stopped;
            return IncidentText {
                title: if job.errors() == 0 {
                    format!("{name} was stopped")
                } else {
                    format!("{name} stopped after {errors} in a row")
                },
                detail: None,
                observed,
                inferred: Some(format!("{stopped}: neither time nor a restart revives it")),
            };
        }
        let retry = self.findings.iter().find_map(|one| match one.evidence {
            Evidence::FailedRun { next_run_at, .. } => Some(next_run_at),
            _ => None,
        });
        let title = match (retry, job.errors()) {
            (Some(at), _) => format!("{name} failed and is not tried again before {} UTC", at.minute()),
            (None, 0) => format!("{name} runs, but its last runs used no tokens"),
            (None, 1) => format!("{name} fails"),
            (None, times) => format!("{name} has failed {} times in a row", grouped(times)),
        };
        IncidentText { title, detail: None, observed, inferred: None }
    }

    fn unjudged(&self) -> IncidentText {
        let foreign = self.findings.iter().find_map(|one| match &one.evidence {
            Evidence::OtherZone { jobs, zone, .. } => Some((jobs.len(), zone)),
            _ => None,
        });
        self.plain(match foreign {
            Some((jobs, zone)) => format!("{} can't be judged: the time zone is not {zone}", count(jobs, "job")),
            None => format!("{} can't be judged", self.names()),
        })
    }

    fn undelivered(&self) -> IncidentText {
        let names = self.names();
        let late = |affected: &AffectedJob| {
            self.context.job(affected.job).delivery_error.as_ref().is_some_and(|error| error.is_late)
        };
        self.plain(if self.jobs.iter().all(late) {
            format!("messages of {names} were late and thrown away")
        } else {
            format!("messages of {names} are not delivered")
        })
    }

    fn runaway(&self) -> IncidentText {
        let is_paired = self.findings.iter().any(|one| matches!(one.evidence, Evidence::PairedFires { .. }));
        let is_twin = self.findings.iter().any(|one| matches!(one.evidence, Evidence::Twin { .. }));
        let runs = if self.jobs.len() == 1 { "runs" } else { "run" };
        if is_paired {
            let inferred = "two schedulers run on this database, or each restart runs the job again";
            let text = self.plain(format!("{} {runs} twice in most slots", self.names()));
            return IncidentText { inferred: Some(inferred.to_owned()), ..text };
        }
        if is_twin {
            return self.plain(format!("{} is there twice, and both rows fire", self.names()));
        }
        self.plain(format!("{} {runs} far too often", self.names()))
    }

    fn clock_set_back(&self) -> IncidentText {
        let mut observed = self.messages();
        let was = self.context.snapshot.clock_was_at.map_or_else(String::new, |at| format!(" {} UTC", at.minute()));
        observed.push(format!("rows written in the future, up to{was}, precede rows from before it"));
        let jobs = count(self.jobs.len(), "job");
        let (wait, own) = if self.jobs.len() == 1 { ("waits", "its") } else { ("wait", "their") };
        IncidentText {
            title: format!("the clock was set back, and {jobs} {wait} for {own} next run in the future"),
            detail: None,
            observed,
            inferred: Some("the scheduler works; a restart alone does not help".to_owned()),
        }
    }

    fn store_unserved(&self) -> IncidentText {
        let homes = self.jobs.iter().find_map(|affected| self.context.job(affected.job).home.as_ref());
        let store = homes.map_or("", |home| home.store.as_str());
        let served = self.context.worker.served_stores().join(", ");
        let mut observed = vec![format!(
            "their rows belong to {store}; since the last boot the scheduler has run the jobs of {served}"
        )];
        observed.extend(self.messages());
        let jobs = count(self.jobs.len(), "job");
        let (wait, no) = if self.jobs.len() == 1 { ("belongs", "it") } else { ("belong", "them") };
        IncidentText {
            title: format!("{jobs} {wait} to a store that no scheduler serves"),
            detail: None,
            observed,
            inferred: Some(format!("the scheduler serves another state directory; a restart does not run {no}")),
        }
    }

    fn jobs_gone(&self) -> IncidentText {
        let mut observed = self.messages();
        let last = self.jobs.iter().filter_map(|affected| affected.since).max();
        let boot = last.and_then(|last| self.context.snapshot.boots.iter().find(|boot| **boot > last));
        observed.extend(boot.map(|boot| format!("the scheduler was restarted at {} UTC", boot.minute())));
        IncidentText {
            title: format!("{} have lost their rows", count(self.jobs.len(), "regular job")),
            detail: last.map(|last| format!("the last of them fired at {} UTC", last.minute())),
            observed,
            inferred: Some("an update, a migration, or another program removed them".to_owned()),
        }
    }

    fn job_silent(&self) -> IncidentText {
        let mut observed = self.messages();
        if let Some((end, job)) = self.context.worker.last_end {
            let name = job.map_or("a deleted job", |job| self.context.job(job).label());
            observed.push(format!("{name} ran at {} UTC", end.minute()));
        }
        let last_run = |affected: &AffectedJob| self.context.job(affected.job).last_end();
        let boots = self.jobs.iter().map(|one| self.context.worker.boot_between(last_run(one), one.since?));
        if let Some(boot) = boots.min().flatten() {
            observed.push(format!(
                "the scheduler was restarted at {} UTC, and none of these jobs has run since",
                boot.minute()
            ));
        }
        let (names, have) = (self.names(), if self.jobs.len() > 1 { "have" } else { "has" });
        IncidentText {
            title: format!("{names} {have} stopped while other jobs run"),
            detail: None,
            observed,
            inferred: Some("the scheduler works; only the jobs listed here are left out".to_owned()),
        }
    }
}

fn is_repaired(one: &Finding) -> bool {
    one.problem() == Problem::Repaired
}
