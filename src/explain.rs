//! `--explain`: what each detector, reason and cause means, how it is decided and what to do.

use crate::audit::{About, Cause, DetectorId, Reason};
use clap::ValueEnum;

/// Every name that can be explained: detectors, then causes, then reasons. No two are the same but those of a reason and the
/// cause that it alone makes.
pub fn names() -> Vec<String> {
    let detectors = DetectorId::value_variants().iter().map(|detector| detector.name());
    let causes = Cause::value_variants().iter().map(|cause| cause.name());
    let reasons = Reason::value_variants().iter().map(|reason| reason.name());
    let mut names: Vec<String> = Vec::new();
    for name in detectors.chain(causes).chain(reasons) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What there is to say of one of the [`names`].
pub fn explain(name: &str) -> String {
    let detector = DetectorId::value_variants().iter().find(|detector| detector.name() == name);
    let cause = Cause::value_variants().iter().find(|cause| cause.name() == name);
    let reason = Reason::value_variants().iter().find(|reason| reason.name() == name);
    let mut parts = Vec::new();
    parts.extend(detector.map(|detector| {
        let reasons = Reason::value_variants().iter().filter(|reason| reason.detector() == *detector);
        let reasons: Vec<String> = reasons.map(|reason| reason.name()).collect();
        format!("{name}, a detector: {}\nIts reasons: {}.\n", detector.summary(), reasons.join(", "))
    }));
    parts.extend(cause.map(|cause| told(name, "the cause of an incident", &cause.about())));
    parts
        .extend(reason.map(|reason| told(name, &format!("a reason of {}", reason.detector().name()), &reason.about())));
    parts.join("\n")
}

fn told(name: &str, what: &str, about: &About) -> String {
    format!("{name}, {what}: {}\nDecided: {}\nDo: {}\n", about.meaning, about.decided, about.next_step)
}

/// The same of all of them, as docs/findings.md has it.
pub fn markdown() -> String {
    let entry = |name: String, about: About| {
        format!("### {name}\n\n{} {}\n\n*Do:* {}\n", about.meaning, about.decided, about.next_step)
    };
    let causes: Vec<String> = Cause::value_variants().iter().map(|cause| entry(cause.name(), cause.about())).collect();
    let mut text = format!("# Findings\n\n{INTRODUCTION}\n## Causes of incidents\n\n{}", causes.join("\n"));
    for detector in DetectorId::value_variants() {
        let reasons = Reason::value_variants().iter().filter(|reason| reason.detector() == *detector);
        let reasons: Vec<String> = reasons.map(|reason| entry(reason.name(), reason.about())).collect();
        text += &format!("\n## Reasons of {}\n\n{}\n\n{}", detector.name(), detector.summary(), reasons.join("\n"));
    }
    text
}

const INTRODUCTION: &str = "\
Made by `sched-audit --generate findings`; `--explain NAME` prints one entry.

A job is watched if it is enabled and active, or recurring and failed. Paused, disabled and completed jobs are counted as skipped.
What is wrong with a job is a finding, with a reason; what the findings come to is an incident, with a cause. Every finding of
warning or worse belongs to exactly one incident. Jobs that only wait belong to the incident of the run that they wait for.
";
