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
    parts.extend(reason.map(|reason| told(name, &format!("a reason of {}", reason.detector().name()), &reason.about())));
    parts.join("\n")
}

fn told(name: &str, what: &str, about: &About) -> String {
    format!("{name}, {what}: {}\nDecided: {}\nDo: {}\n", about.meaning, about.decided, about.next_step)
}
