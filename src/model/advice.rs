//! What a person should do about an incident, as data: each scheduler has a table in its own terms.

use super::ErrorKind;
use crate::catalog::Problem;

/// Stands in a command for the id of a job.
pub const JOB_ID: &str = "<job-id>";
/// Stands in a statement for which jobs it is about: `id='1'`, `name IN ('a', 'b')`.
pub const JOB_IDS: &str = "<the-jobs>";

/// What to do about the incidents of a scheduler.
#[derive(Debug, Clone)]
pub struct AdviceTable {
    /// The first row that fits counts. Where none does, the catalog has the advice.
    pub rows: &'static [Advice],
    /// Where a person finds the text of an error that was not read.
    pub error_place: &'static str,
    /// What comes after the first word of each command of the scheduler, as words of a shell: which of several installations it is.
    pub options: Option<String>,
    /// Commands that the operator named: they are shown with every step.
    pub commands: Vec<String>,
}

/// What to do about a cause, under some conditions.
#[derive(Debug)]
pub struct Advice {
    /// The cause of the incident.
    pub cause: Problem,
    /// What must hold, all of it.
    pub when: &'static [Condition],
    /// What to do.
    pub step: Step,
    /// Whether a person has to read the error for that.
    pub reads_error: bool,
    /// What the step needs to be run, in order.
    pub commands: &'static [Command],
}

/// Where the words of a step come from.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// These ones.
    Words(&'static str),
    /// What to check by what the jobs' errors are about; then these words.
    Check(&'static str),
    /// The catalog's advice for the cause.
    OfCause,
    /// The catalog's advice for the problem of the incident's first finding.
    OfProblem,
}

/// A condition of advice.
#[derive(Debug, Clone, Copy)]
pub enum Condition {
    /// A process has the database open.
    Alive,
    /// It is known that no process has the database open.
    Gone,
    /// Each start of the scheduler fails.
    FailsToStart,
    /// It crashes soon after each start.
    Crashes,
    /// It works again since a restart, and the jobs wait for their next slots: only advice for that fits.
    LeftByRestart,
    /// The scheduler has stopped one of the jobs, or more.
    Stopped,
    /// All that keeps the jobs from running is their rows' state: their schedules have a next slot.
    CanRun,
    /// None of the jobs needs a model.
    WithoutModel,
    /// The jobs' errors are about the same thing, and it is known what.
    FaultIsKnown,
    /// No job's last run ended with an error that says something.
    NoError,
    /// Each job's last run ended with an error of this kind.
    ErrorIs(ErrorKind),
    /// A message was thrown away because it was late.
    Late,
    /// The incident's first finding is this problem.
    Problem(Problem),
}

/// What is to be run, as a template. It is shown, never run.
#[derive(Debug, Clone, Copy)]
pub enum Command {
    /// A command of the scheduler, with [`JOB_ID`] for the first job.
    Shell(&'static str),
    /// A command of the scheduler, once for each job that it has stopped; for the first job if it has stopped none.
    ShellForStopped(&'static str),
    /// A command of the scheduler, once for each job.
    ShellForEach(&'static str),
    /// An SQL statement, with [`JOB_IDS`] for all jobs.
    Sql(&'static str),
    /// An SQL statement, with [`JOB_IDS`] for the jobs that the scheduler has stopped.
    SqlForStopped(&'static str),
}

impl Advice {
    /// What to do about a cause, whatever else is so.
    pub const fn new(cause: Problem, step: &'static str) -> Advice {
        Advice::with_step(cause, Step::Words(step))
    }

    /// The same, in the words of the catalog.
    pub const fn with_step(cause: Problem, step: Step) -> Advice {
        Advice { cause, when: &[], step, reads_error: false, commands: &[] }
    }

    /// The same, but only if all of this holds.
    pub const fn when(self, when: &'static [Condition]) -> Advice {
        Advice { when, ..self }
    }

    /// The same, for which a person has to read the error.
    pub const fn reads_error(self) -> Advice {
        Advice { reads_error: true, ..self }
    }

    /// The same with something to run.
    pub const fn run(self, commands: &'static [Command]) -> Advice {
        Advice { commands, ..self }
    }
}

/// What a person should do about an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Remedy {
    /// One step, in a sentence or two.
    pub step: String,
    /// What the step needs to be run, in order. It is shown, never run.
    pub actions: Vec<Action>,
    /// What comes after that.
    pub then: Option<String>,
}

/// Something to run.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// An SQL statement, without a character that is special within a shell's double quotes.
    Sql(String),
    /// A command of the scheduler.
    Shell(String),
}

impl Remedy {
    /// A step that needs nothing to be run.
    pub fn step(step: impl Into<String>) -> Remedy {
        Remedy { step: step.into(), actions: Vec::new(), then: None }
    }

    /// The whole of it in sentences.
    pub fn text(&self) -> String {
        let then = self.then.iter().map(String::as_str);
        std::iter::once(self.step.as_str()).chain(then).collect::<Vec<_>>().join(" ")
    }
}
