//! What to do about an incident: the first row of its scheduler's table that fits, with the ids of its jobs filled in.

use crate::catalog::Problem;
use crate::model::{
    Action, Advice, Command, Condition, Fault, JOB_ID, JOB_IDS, Job, Remedy, SchedulerTraits, State, Step,
};
use crate::shell;
use crate::time::{Instant, interval};
use std::borrow::Cow;

/// Jobs for which the same command is shown, at most.
const MAX_JOBS: usize = 20;
/// Longer names are not shown in a statement.
const MAX_NAME_LEN: usize = 40;
/// Ids in a statement, and statements for one incident, at most.
const MAX_IDS: usize = 20;
const MAX_STATEMENTS: usize = 50;

/// What to do about jobs that a restart has left behind.
const LEFT_BY_RESTART: Advice = Advice::new(
    Problem::SchedulerSilent,
    "Run by hand what can't wait; the rest runs at its next slots. The scheduler's log says why it was down.",
);

/// What a remedy is for.
#[derive(Debug)]
pub struct Trouble<'a> {
    /// The cause of the incident.
    pub cause: Problem,
    /// The problem of its first finding.
    pub problem: Problem,
    /// The affected jobs, the most affected first.
    pub jobs: &'a [&'a Job],
    /// Whether a process has the database open; None if that is not known.
    pub is_alive: Option<bool>,
    /// Whether each start of the scheduler fails.
    pub fails_to_start: bool,
    /// Whether it crashes soon after each start.
    pub crashes: bool,
    /// Whether it works again since a restart, but for these jobs, which wait for their next slots.
    pub left_by_restart: bool,
    /// Whether any row that the scheduler picks has a next run.
    pub has_next_run: bool,
    /// Whether no other job has the name of one of them.
    pub has_own_names: bool,
    /// The instant of the audit.
    pub now: Instant,
}

/// What a person should do, in the scheduler's terms.
pub fn remedy(trouble: &Trouble<'_>, traits: &SchedulerTraits) -> Remedy {
    let table = &traits.advice;
    let general =
        if trouble.left_by_restart { LEFT_BY_RESTART } else { Advice::with_step(trouble.cause, Step::OfCause) };
    let advice = table.rows.iter().find(|advice| trouble.is_met_by(advice)).unwrap_or(&general);
    let mut step = trouble.words(advice.step).into_owned();
    if advice.reads_error && trouble.has_unread_error() {
        step = format!("{step} The text of the error was not read: {}.", table.error_place);
    }
    let own = advice.commands.iter().flat_map(|command| trouble.actions(*command));
    let own = own.map(|action| with_options(action, table.options.as_deref()));
    let named = table.commands.iter().filter_map(|command| trouble.for_first(command)).map(Action::Shell);
    let actions: Vec<Action> = own.chain(named).collect();
    let edits_rows = actions.iter().any(|action| matches!(action, Action::Sql(_)));
    let then = edits_rows.then(|| trouble.after_an_edit(traits));
    Remedy { step, actions, then }
}

/// A command with the options that say which installation it is for.
fn with_options(action: Action, options: Option<&str>) -> Action {
    match (&action, options) {
        (Action::Shell(command), Some(options)) => match command.split_once(' ') {
            Some((program, rest)) => Action::Shell(format!("{program} {options} {rest}")),
            None => action,
        },
        _ => action,
    }
}

impl<'a> Trouble<'a> {
    fn is_met_by(&self, advice: &Advice) -> bool {
        let is_for_restart = advice.when.iter().any(|condition| matches!(condition, Condition::LeftByRestart));
        advice.cause == self.cause
            && is_for_restart == self.left_by_restart
            && advice.when.iter().all(|condition| self.holds(*condition))
    }

    fn holds(&self, condition: Condition) -> bool {
        match condition {
            Condition::Alive => self.is_alive == Some(true),
            Condition::Gone => self.is_alive == Some(false),
            Condition::FailsToStart => self.fails_to_start,
            Condition::Crashes => self.crashes,
            Condition::LeftByRestart => self.left_by_restart,
            Condition::Stopped => !self.stopped_jobs().is_empty(),
            Condition::CanRun => self.jobs.iter().all(|job| self.has_slot(job)),
            Condition::WithoutModel => self.jobs.iter().all(|job| !job.uses_model),
            Condition::FaultIsKnown => shared_fault(self.jobs).is_some(),
            Condition::NoError => self.jobs.iter().all(|job| job.error().is_none()),
            Condition::ErrorIs(kind) => self.jobs.iter().all(|job| job.error().is_some_and(|error| error.kind == kind)),
            Condition::Late => {
                self.jobs.iter().any(|job| job.delivery_error.as_ref().is_some_and(|error| error.is_late))
            }
            Condition::Problem(problem) => self.problem == problem,
        }
    }

    fn words(&self, step: Step) -> Cow<'static, str> {
        match step {
            Step::Words(words) => words.into(),
            Step::Check(then) => format!("{}{then}", self.check()).into(),
            Step::OfCause => self.cause.advice().into(),
            Step::OfProblem => self.problem.advice().into(),
        }
    }

    fn check(&self) -> &'static str {
        shared_fault(self.jobs).map_or("Check the model's provider, its key, and the model's name", Fault::check)
    }

    fn has_unread_error(&self) -> bool {
        self.jobs.iter().any(|job| job.error().is_some_and(|error| error.text.is_none()))
    }

    fn has_slot(&self, job: &Job) -> bool {
        job.schedule.cadence().is_some_and(|cadence| cadence.next(self.now).is_some())
    }

    fn stopped_jobs(&self) -> Vec<&'a Job> {
        self.jobs.iter().copied().filter(|job| job.state == State::Broken).collect()
    }

    fn actions(&self, command: Command) -> Vec<Action> {
        match command {
            Command::Shell(template) => self.for_first(template).map(Action::Shell).into_iter().collect(),
            Command::ShellForEach(template) => for_each(template, self.jobs),
            Command::ShellForStopped(template) => self.for_stopped(template).into_iter().map(Action::Shell).collect(),
            Command::Sql(template) => self.statements(template, self.jobs),
            Command::SqlForStopped(template) => self.statements(template, &self.stopped_jobs()),
        }
    }

    /// A command for the first job, which is enough to look at; None if its id can't be shown.
    fn for_first(&self, template: &str) -> Option<String> {
        if !template.contains(JOB_ID) {
            return Some(template.to_owned());
        }
        self.jobs.first().and_then(|job| for_job(template, job))
    }

    fn for_stopped(&self, template: &str) -> Vec<String> {
        match self.stopped_jobs().as_slice() {
            [] => self.for_first(template).into_iter().collect(),
            stopped => stopped.iter().take(MAX_JOBS).filter_map(|job| for_job(template, job)).collect(),
        }
    }

    /// The statements that a template becomes: by names if they pick these jobs alone, else by the ids that can be shown.
    fn statements(&self, template: &str, jobs: &[&Job]) -> Vec<Action> {
        let is_named = self.has_own_names && jobs.iter().all(|job| has_plain_name(job));
        let literal = |job: &&Job| shell::id_literal(if is_named { &job.name } else { &job.id });
        let literals: Vec<String> = jobs.iter().filter_map(literal).collect();
        let column = if is_named { "name" } else { "id" };
        let pieces = literals.chunks(MAX_IDS).take(MAX_STATEMENTS);
        pieces.map(|piece| Action::Sql(template.replace(JOB_IDS, &is_one_of(column, piece)))).collect()
    }

    /// When the scheduler sees rows that were edited: its timer is armed only if some row has a next run.
    fn after_an_edit(&self, traits: &SchedulerTraits) -> String {
        if self.has_next_run {
            let (it, runs) = if self.jobs.len() == 1 { ("It", "runs") } else { ("They", "run") };
            let soon = interval(traits.timer_sleeps);
            let restart = format!("at once after a restart of the {}", traits.name);
            let alone = if self.stopped_jobs().is_empty() { "" } else { " A restart alone does not help." };
            format!("{it} {runs} within {soon} of that, or {restart}.{alone}")
        } else {
            "Then restart the scheduler: no active row has a next run, so its timer does not run.".to_owned()
        }
    }
}

/// What the last runs of these jobs failed by, if it is the same for all of which it is known.
pub fn shared_fault(jobs: &[&Job]) -> Option<Fault> {
    let mut faults = jobs.iter().filter_map(|job| job.fault());
    let first = faults.next()?;
    if faults.all(|fault| fault == first) { Some(first) } else { None }
}

fn for_each(template: &str, jobs: &[&Job]) -> Vec<Action> {
    jobs.iter().take(MAX_JOBS).filter_map(|job| for_job(template, job)).map(Action::Shell).collect()
}

fn for_job(template: &str, job: &Job) -> Option<String> {
    Some(template.replace(JOB_ID, &shell::id_word(&job.id)?))
}

/// Whether a name needs no quoting and is not an id that stands for a missing one.
fn has_plain_name(job: &Job) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_NAME_LEN).contains(&job.name.len()) && job.name.bytes().all(is_plain) && job.name != job.id
}

fn is_one_of(column: &str, literals: &[String]) -> String {
    match literals {
        [only] => format!("{column}={only}"),
        several => format!("{column} IN ({})", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_advice_hides_behind_advice_that_always_fits() {
        for traits in crate::stores::traits_for_tests() {
            let rows = traits.advice.rows;
            for (position, row) in rows.iter().enumerate() {
                let hides = |earlier: &&Advice| earlier.cause == row.cause && earlier.when.is_empty();
                assert!(!rows[..position].iter().any(|earlier| hides(&earlier)), "{row:?}");
            }
        }
    }
}
