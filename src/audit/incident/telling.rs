//! The words of an incident: its headline, what is observed and, apart from that, inferred, and the next step.

use super::super::Context;
use super::super::finding::{Finding, count};
use super::super::reason::{Cause, Reason};
use super::super::worker::{Holder, Phase, Plausible};
use super::{Group, Hit};
use crate::cadence::Cadence;
use crate::model::{Fire, Job, Life, State};
use crate::time::{Instant, MINUTE, Millis, SECOND, span};

/// Names in a sentence; more would not be read.
const MOST_NAMES: usize = 3;
/// Observations that are the findings' own words, at most.
const MOST_MESSAGES: usize = 3;
/// Ids in a statement that is shown, at most, and the longest of them.
const MOST_IDS: usize = 20;
const LONGEST_ID: usize = 200;
/// A retry that fails ends within this of being due, unless it waits for the worker.
const RETRY_TAKES: Millis = 15 * MINUTE;
/// Signs of life within this of the last run prove nothing of what came after it.
const SAME_MOMENT: Millis = MINUTE;

/// An incident in words.
pub struct Telling<'a> {
    /// Its findings.
    pub group: &'a Group<'a>,
    /// Its cause.
    pub cause: Cause,
    /// The jobs that it hits.
    pub jobs: &'a [Hit],
    /// Whether it lasts.
    pub ongoing: bool,
    /// When it ended.
    pub until: Option<Instant>,
}

impl Telling<'_> {
    fn now(&self) -> Instant {
        self.group.context.settings.now
    }

    fn names(&self) -> String {
        let names: Vec<&str> =
            self.jobs.iter().take(MOST_NAMES).map(|hit| self.group.job(hit.job).name.as_str()).collect();
        match self.jobs.len() {
            many if many > MOST_NAMES => format!("{} and {} more", names.join(", "), many - MOST_NAMES),
            _ => names.join(", "),
        }
    }

    fn broken(&self) -> Vec<&Job> {
        self.jobs.iter().map(|hit| self.group.job(hit.job)).filter(|job| job.state == State::Broken).collect()
    }

    /// One line: what has happened to whom.
    pub fn headline(&self) -> String {
        let (names, several) = (self.names(), self.jobs.len() > 1);
        let verb = |one: &'static str, more: &'static str| if several { more } else { one };
        let holder = self.group.holder().map_or("a deleted job", |run| run.name.as_str());
        let behind =
            self.jobs.iter().filter(|hit| Some(hit.job) != self.group.holder().and_then(|run| run.job)).count();
        let behind = match behind {
            0 => String::new(),
            1 => "; 1 job waits behind it".to_owned(),
            many => format!("; {many} jobs wait behind it"),
        };
        if !self.ongoing {
            return match self.cause {
                Cause::SchedulerSilent => format!("the scheduler was silent{}; it runs again", self.lasted()),
                Cause::ProviderFailing => {
                    format!("{} jobs failed together{}; they work again", self.jobs.len(), self.lasted())
                }
                Cause::JobFailing => format!("{names} failed{}; it works again", self.lasted()),
                _ => format!(
                    "{names} {} silent{}; {} again",
                    verb("was", "were"),
                    self.lasted(),
                    verb("it fires", "they fire")
                ),
            };
        }
        match self.cause {
            Cause::SchedulerSilent => {
                let waiting = if several { "jobs have" } else { "job has" };
                format!("nothing runs: {} {waiting} come due and not run", self.jobs.len())
            }
            Cause::RunHung => format!("the run of {holder} never ended{behind}"),
            Cause::DeliveryHung => format!("the run of {holder} did its work and never finished{behind}"),
            Cause::RunLong => format!("the run of {holder} takes longer than usual{behind}"),
            Cause::ProviderFailing => {
                let since = self.group.context.shared.told().2;
                let since = since.map_or_else(String::new, |at| format!(" since {} UTC", at.minute()));
                format!("{} fail together: no fire has used tokens{since}", count(self.jobs.len() as u64, "job"))
            }
            Cause::JobFailing if !self.broken().is_empty() => {
                format!("{names} has stopped: its circuit breaker is open")
            }
            Cause::JobFailing => format!("{names} fails again and again"),
            Cause::JobSilent => format!("{names} {} stopped while other jobs run", verb("has", "have")),
            Cause::RowDead => format!("{names} can never fire again"),
            Cause::JobSkipped => format!("the scheduler skips the work of {names} each time"),
            Cause::Runaway => format!("{names} runs far too often"),
            Cause::ExpectedMissing => "a job that must be there is not".to_owned(),
            Cause::Undelivered => {
                format!("{names} {} messages reach nobody", verb("works, but its", "work, but their"))
            }
            Cause::SlotsSkipped => format!("the next run of {names} is set too far ahead"),
            Cause::Unjudged => format!("{names} can't be judged"),
        }
    }

    fn lasted(&self) -> String {
        let since = self.group.since(self.jobs);
        since.zip(self.until).map_or_else(String::new, |(since, until)| format!(" for {}", span(until.since(since))))
    }

    /// What the database shows.
    pub fn observed(&self) -> Vec<String> {
        let mut told = Vec::new();
        let messages = self.group.members.iter().filter(|finding| finding.is_ongoing() == self.ongoing);
        let several = self.jobs.len() > 1;
        match self.cause {
            Cause::SchedulerSilent if self.ongoing => {
                let last = self.group.context.worker.newest.map(|(end, _)| end);
                told.push(match last {
                    Some(end) => format!(
                        "the last run of any job ended at {} UTC, {} ago",
                        end.minute(),
                        span(self.now().since(end))
                    ),
                    None => "no job has ever run".to_owned(),
                });
                told.push(format!("{} came due since and did not run", self.slots()));
                told.push(self.life(last));
            }
            Cause::JobSilent if self.ongoing => {
                told.extend(messages.take(MOST_MESSAGES).map(|finding| self.message(finding, several)));
                if let Some((end, job)) = self.group.context.worker.newest {
                    let who = job.map_or("a deleted job", |job| self.group.job(job).name.as_str());
                    told.push(format!("{who} ran at {} UTC", end.minute()));
                }
            }
            Cause::RunHung | Cause::RunLong | Cause::DeliveryHung => {
                if let Some(run) = self.group.holder() {
                    told.push(self.holding(run));
                    if run.plausible == Plausible::Impossible {
                        told.push(self.life(Some(run.mark)));
                    }
                }
            }
            Cause::ProviderFailing if self.ongoing => {
                let (fires, jobs, worked) = self.group.context.shared.told();
                let since = worked.map_or_else(|| "on record".to_owned(), |at| format!("since {} UTC", at.minute()));
                told.push(format!("all {fires} fires of {jobs} jobs {since} used no tokens"));
                let broken = self.broken().len();
                told.extend(
                    (broken > 0).then(|| format!("the circuit breaker of {} is open", count(broken as u64, "job"))),
                );
            }
            Cause::JobFailing if self.ongoing => {
                let job = self.jobs.first().map(|hit| self.group.job(hit.job));
                told.extend(messages.take(MOST_MESSAGES).map(|finding| self.message(finding, false)));
                told.extend(
                    job.filter(|job| spaced_by_backoff(self.group.context, job))
                        .map(|_| "the errors are spaced as the scheduler retries".to_owned()),
                );
            }
            _ => told.extend(messages.take(MOST_MESSAGES).map(|finding| self.message(finding, several))),
        }
        told
    }

    fn message(&self, finding: &Finding, named: bool) -> String {
        let job = self.group.job(finding.job);
        let message = finding.message(job, self.now());
        if named { format!("{}: {message}", job.name) } else { message }
    }

    fn slots(&self) -> String {
        let missed: u64 = self.jobs.iter().map(|hit| hit.missed_slots.max(1)).sum();
        format!("{} of {}", count(missed, "slot"), count(self.jobs.len() as u64, "job"))
    }

    fn holding(&self, run: &Holder) -> String {
        match run.phase {
            Phase::Running => format!(
                "the run began at {} UTC, {} ago, and has no end on record; usual is up to {}",
                run.start.minute(),
                span(run.for_ms),
                span(run.usual_ms)
            ),
            Phase::Delivering => format!(
                "its cost event was written at {} UTC, {} ago; its row was not updated since, and nothing else has run",
                run.start.minute(),
                span(run.for_ms)
            ),
        }
    }

    /// What else the database shows of the process since then.
    fn life(&self, since: Option<Instant>) -> String {
        let ago = |at: Instant| format!("{} UTC, {} ago", at.minute(), span(self.now().since(at)));
        match self.group.context.snapshot.life {
            Life::Alive(at) => return format!("its process renewed its lease at {}", ago(at)),
            Life::Dead(at) => return format!("its process last renewed its lease at {}", ago(at)),
            Life::Stopped(at) => return format!("its process was stopped at {}", ago(at)),
            Life::Unknown => {}
        }
        match self.alive_after(since) {
            Some(alive) => format!("another channel was active at {} UTC, so the process lived then", alive.minute()),
            None => "nothing else in the database is newer, so nothing shows that the process lives".to_owned(),
        }
    }

    fn alive_after(&self, since: Option<Instant>) -> Option<Instant> {
        let newest = self.group.context.snapshot.newest_other?;
        since.is_none_or(|since| newest.since(since) > SAME_MOMENT).then_some(newest)
    }

    /// What that comes to; None where nothing is inferred.
    pub fn inferred(&self) -> Option<String> {
        if !self.ongoing {
            return None;
        }
        let end = self.group.context.worker.newest.map(|(end, _)| end);
        let life = self.group.context.snapshot.life;
        let text = match self.cause {
            Cause::SchedulerSilent if matches!(life, Life::Alive(_)) => {
                "the process lives; its scheduler is wedged, waits for a run that hangs, or is switched off"
            }
            Cause::SchedulerSilent if matches!(life, Life::Stopped(_)) => {
                "the process was stopped and not started again"
            }
            Cause::SchedulerSilent if matches!(life, Life::Dead(_)) => "the process died, or its machine sleeps",
            Cause::SchedulerSilent if self.alive_after(end).is_some() => {
                "the process lives, but its scheduler is wedged"
            }
            Cause::SchedulerSilent => {
                "the process is dead, wedged or not started; or the machine has just woken from sleep, and jobs run within an hour"
            }
            Cause::RunHung
                if matches!(life, Life::Alive(_))
                    || self.alive_after(self.group.holder().map(|run| run.mark)).is_some() =>
            {
                match self.group.context.snapshot.habits.places {
                    1 => "the process lives, and its scheduler hangs in this run",
                    _ => "the process lives, and this run hangs",
                }
            }
            Cause::RunHung => "the scheduler hangs in this run, or the process died in it",
            Cause::DeliveryHung => "the scheduler hangs in the delivery of the message, or the process died in it",
            Cause::RunLong => "it may be fine: it is allowed to take longer",
            Cause::ProviderFailing => "the model's provider, its key or the model's name fails for every job",
            Cause::JobFailing if !self.broken().is_empty() => "neither time nor a restart revives this job",
            Cause::JobSilent => "the scheduler works; only what is listed here is left out",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// The step for the cause in this scheduler's terms; of a dead row the one for what exactly is wrong with it.
    pub fn next_step(&self) -> String {
        if !self.ongoing {
            return "Nothing now; read the scheduler's log of that time.".to_owned();
        }
        let reason = self.group.members.first().map(|finding| finding.reason());
        let steps = self.group.context.snapshot.habits.next_steps;
        let named = |name: String| steps.iter().find(|(known, _)| *known == name).map(|(_, step)| *step);
        if let Some(step) = reason.and_then(|reason| named(reason.name())).or_else(|| named(self.cause.name())) {
            let id = self.jobs.first().map(|hit| self.group.job(hit.job).id.as_str()).filter(|id| is_plain(id));
            return id.map_or_else(|| step.to_owned(), |id| step.replace("<job-id>", id));
        }
        let step = match (self.cause, reason) {
            (Cause::RowDead | Cause::Runaway | Cause::JobFailing, Some(reason)) => reason.about().next_step,
            _ => self.cause.about().next_step,
        };
        step.to_owned()
    }

    /// What revives rows, where an edit of them is what helps.
    pub fn sql(&self) -> Option<String> {
        if !self.ongoing || !self.group.context.snapshot.habits.has_statements {
            return None;
        }
        let dead = |reason: Reason| self.group.members.iter().any(|finding| finding.reason() == reason);
        let (set, jobs) = match self.cause {
            Cause::JobFailing | Cause::ProviderFailing => ("status='active', consecutive_errors=0, ", self.broken()),
            Cause::RowDead if dead(Reason::NoNextRun) => {
                ("", self.jobs.iter().map(|hit| self.group.job(hit.job)).collect())
            }
            _ => return None,
        };
        let ids: Vec<String> = jobs.iter().take(MOST_IDS).map(|job| literal(&job.id)).collect::<Option<_>>()?;
        let which = match ids.as_slice() {
            [] => return None,
            [id] => format!("id={id}"),
            ids => format!("id IN ({})", ids.join(", ")),
        };
        Some(format!("UPDATE scheduled_jobs SET {set}next_run_at=strftime('%Y-%m-%dT%H:%M:%fZ','now') WHERE {which};"))
    }
}

/// Whether an id can stand in a command that is shown as it is.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// An id as a literal of SQL that nothing can break out of; None where it is too long to show or not known to the byte.
fn literal(id: &str) -> Option<String> {
    if id.len() > LONGEST_ID || id.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    if id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Some(format!("'{}'", id.replace('\'', "''")));
    }
    let hex: String = id.bytes().map(|byte| format!("{byte:02X}")).collect();
    Some(format!("CAST(X'{hex}' AS TEXT)"))
}

/// Whether the errors' fires came as the scheduler tries again: after the backoff, or for cron in the next slot if that
/// is sooner.
fn spaced_by_backoff(context: &Context<'_>, job: &Job) -> bool {
    let errors = usize::try_from(job.errors()).unwrap_or(0);
    let Some(before) = job.fires.len().checked_sub(errors) else { return false };
    let fires = &job.fires[before..];
    let slot = |end| job.schedule.cadence().filter(|cadence| matches!(cadence, Cadence::Cron(..)))?.next(end);
    let on_time = |(error, pair): (usize, &[Fire])| {
        let retry = pair[0].end.plus(context.worker.backoff(error));
        let sooner = context.snapshot.habits.retries_in_slot;
        let due = slot(pair[0].end).map_or(retry, |slot| if sooner { slot.min(retry) } else { slot.max(retry) });
        (-SECOND..=RETRY_TAKES).contains(&pair[1].end.since(due))
    };
    errors > 1 && fires.iter().all(|fire| fire.is_bad()) && fires.windows(2).enumerate().all(on_time)
}
