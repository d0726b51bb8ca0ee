//! What a developer of sched-audit runs: `cargo xtask` lists it.
//!
//! A task is one or more commands that could be typed as well; each is printed before it runs.

use std::path::Path;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: cargo xtask TASK, where paths are from the root of the repository

  bless               write snapshots, generated documents, and the README's outputs and picture again
  score [FOLDER]      compare the verdicts on labeled databases with their truth [default: fixtures/corpus]
  simulate [FLEETS]   measure how soon faults of simulated fleets are reported [default: 60 fleets a fault]
  accuracy [FLEETS]   write docs/accuracy.md: how right the audit is in simulated fleets [default: 10 of each kind]
  torture [SECONDS]   audit a database while it is written, and its writer killed [default: 600]
  broken [DATABASES]  audit databases with flipped bits and cut ends [default: 20000]
  fuzz [SECONDS]      audit databases of any bytes, guided by coverage; needs nightly [default: 600]
  mutants FILE        see whether the tests notice changes in a file; needs cargo-mutants
  bench               measure audits beside the operator's own query on the same files
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (task, argument) = match words.as_slice() {
        [] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [task] => (*task, None),
        [task, argument] => (*task, Some(*argument)),
        _ => return fail(USAGE),
    };
    let Some(steps) = steps(task, argument) else { return fail(USAGE) };
    match run_all(&steps) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(&format!("xtask: {why}\n")),
    }
}

fn fail(why: &str) -> ExitCode {
    eprint!("{why}");
    ExitCode::FAILURE
}

/// The steps of a task; None if there is no such task, or not with this argument.
fn steps(task: &str, argument: Option<&str>) -> Option<Vec<Step>> {
    let steps = match (task, argument) {
        ("bless", None) => vec![
            cargo("test --test suite readme").with("SCHED_AUDIT_BLESS", "1"),
            cargo("test").with("INSTA_UPDATE", "always"),
        ],
        ("score", folder) => {
            let corpus = folder.unwrap_or("fixtures/corpus");
            vec![cargo("test --test suite corpus::labeled").with("SCHED_AUDIT_CORPUS", corpus)]
        }
        ("simulate", fleets) => {
            let simulator = cargo("test --release --bin sched-audit simulated -- --nocapture");
            vec![simulator.with("SCHED_AUDIT_FLEETS", fleets.unwrap_or("60"))]
        }
        ("accuracy", fleets) => {
            let measured = cargo("test --release --bin sched-audit accuracy_is_published -- --ignored");
            vec![measured.with("SCHED_AUDIT_FLEETS", fleets.unwrap_or("10")).with("SCHED_AUDIT_BLESS", "1")]
        }
        ("torture", seconds) => {
            let seconds = seconds.unwrap_or("600");
            vec![cargo("test --test suite torture").with("SCHED_AUDIT_TORTURE_SECONDS", seconds)]
        }
        ("broken", databases) => {
            let databases = databases.unwrap_or("20000");
            vec![cargo("test --test suite hostile").with("SCHED_AUDIT_BROKEN", databases)]
        }
        ("fuzz", seconds) => vec![Step::new("bash", &["tests/fuzz", seconds.unwrap_or("600")])],
        ("mutants", Some(file)) => vec![Step::new("cargo", &["mutants", "--file", file])],
        ("bench", None) => vec![cargo("bench")],
        _ => return None,
    };
    Some(steps)
}

/// Runs steps in the root of the repository, up to the first that fails.
fn run_all(steps: &[Step]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::env::set_current_dir(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    steps.iter().try_for_each(Step::run)
}

/// One command.
struct Step {
    variables: Vec<(&'static str, String)>,
    program: &'static str,
    arguments: Vec<String>,
}

/// A step of cargo, whose arguments contain no spaces.
fn cargo(arguments: &str) -> Step {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    Step::new("cargo", &arguments)
}

impl Step {
    fn new(program: &'static str, arguments: &[&str]) -> Step {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Step { variables: Vec::new(), program, arguments }
    }

    /// The same step with a variable in its environment.
    fn with(mut self, variable: &'static str, value: &str) -> Step {
        self.variables.push((variable, value.to_owned()));
        self
    }

    fn run(&self) -> Result<(), String> {
        eprintln!("$ {}", self.shown());
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        match Command::new(self.program).args(&self.arguments).envs(variables).status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{} failed ({status})", self.program)),
            Err(error) => Err(format!("{} can't be started: {error}", self.program)),
        }
    }

    /// As it would be typed.
    fn shown(&self) -> String {
        let mut shown = String::new();
        for (name, value) in &self.variables {
            shown += &format!("{name}={value} ");
        }
        shown + self.program + " " + &self.arguments.join(" ")
    }
}
