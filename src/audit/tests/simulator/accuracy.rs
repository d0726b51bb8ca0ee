//! How right the audit is, in figures that are published: docs/accuracy.md.
//!
//! `cargo xtask accuracy` writes the document with ten fleets of each kind.

use super::operator::{Act, Edit};
use super::plan::{End, Fault, Plan, Revival};
use super::told::{Told, audit_all};
use super::{Fleet, every, fleets, median};
use crate::time::{DAY, HOUR, Instant, MINUTE, Millis};
use std::collections::BTreeSet;

const TEMPLATE: &str = include_str!("accuracy.md");
const DOCUMENT: &str = "docs/accuracy.md";

/// A fault that begins in a healthy fleet and ends.
struct Kind {
    name: &'static str,
    fault: Fault,
    end: End,
    /// How long it lasts, between these.
    lasts: (Millis, Millis),
    /// The causes that are right while it lasts.
    causes: &'static [&'static str],
}

const REVIVED: End = End::Revived(Revival { dated: true, all: false });
const HOURS: (Millis, Millis) = (5 * HOUR, 20 * HOUR);
const SILENT: &[&str] = &["scheduler-silent", "scheduler-down", "catching-up"];
const HUNG: &[&str] = &["run-hung", "run-long", "run-cut", "scheduler-silent", "catching-up"];
const FAILING: &[&str] = &["provider-failing", "job-failing"];

const KINDS: [Kind; 10] = [
    Kind {
        name: "process killed while idle",
        fault: Fault::KilledIdle,
        end: End::Restart,
        lasts: HOURS,
        causes: SILENT,
    },
    Kind { name: "process killed in a run", fault: Fault::KilledInRun, end: End::Restart, lasts: HOURS, causes: HUNG },
    Kind {
        name: "hang before a run",
        fault: Fault::HangsBeforeSession,
        end: End::Restart,
        lasts: HOURS,
        causes: SILENT,
    },
    Kind { name: "hang in a run", fault: Fault::HangsInRun, end: End::Restart, lasts: HOURS, causes: HUNG },
    Kind {
        name: "hang in a delivery",
        fault: Fault::HangsInDelivery,
        end: End::Restart,
        lasts: HOURS,
        causes: &["delivery-hung", "scheduler-silent", "catching-up"],
    },
    Kind { name: "provider down, errors", fault: Fault::OutageWithErrors, end: REVIVED, lasts: HOURS, causes: FAILING },
    Kind {
        name: "provider down, no tokens",
        fault: Fault::OutageScoredOk,
        end: End::Over,
        lasts: HOURS,
        causes: FAILING,
    },
    Kind {
        name: "provider fails by 30%",
        fault: Fault::ProviderFlaps(0.3, true),
        end: End::Over,
        lasts: (2 * DAY, 2 * DAY),
        causes: &["flapping", "provider-failing", "job-failing"],
    },
    Kind { name: "one job throws", fault: Fault::OneJobThrows, end: REVIVED, lasts: HOURS, causes: FAILING },
    Kind {
        name: "one job never picked",
        fault: Fault::OneJobWedged,
        end: End::Restart,
        lasts: HOURS,
        causes: &["job-silent", "scheduler-silent", "row-dead"],
    },
];

/// What people do in fleets in which nothing goes wrong.
const HEALTHY: [(&str, &[Act]); 8] = [
    ("nobody changes anything", &[]),
    ("pauses and resumes in the dashboard", &[Act::Pause; 6]),
    ("jobs deleted by the agent", &[Act::Delete; 4]),
    ("jobs deleted and made anew", &[Act::MakeAnew; 6]),
    ("edits by SQL with `updated_at` and `next_run_at`", &[Act::Edit(Edit::Whole); 6]),
    ("edits by SQL with `next_run_at`", &[Act::Edit(Edit::Undated); 6]),
    ("edits by SQL of the schedule alone", &[Act::Edit(Edit::Alone); 6]),
    ("jobs switched off and on by SQL without a trace", &[Act::SwitchOff; 6]),
];

/// What was measured of a kind of fault.
#[derive(Default)]
struct Measured {
    fleets: usize,
    found: usize,
    named: usize,
    /// Alarms in all, and those that began before the fault.
    alarms: usize,
    false_alarms: usize,
    to_first_word: Vec<i64>,
    to_reset: Vec<i64>,
    never_reset: usize,
}

impl Measured {
    fn listen(&mut self, kind: &Kind, fleet: &Fleet, told: &Told) {
        self.fleets += 1;
        let began = fleet.first_minute();
        let before = told.alarms(Instant::MIN, began);
        let after = told.alarms(began, Instant::MAX);
        self.false_alarms += before.len();
        self.alarms += before.len() + after.keys().filter(|print| !before.contains_key(*print)).count();
        self.found += usize::from(!after.is_empty());
        let causes: BTreeSet<&str> = after.values().map(|problem| problem.cause.as_str()).collect();
        self.named += usize::from(kind.causes.iter().any(|cause| causes.contains(cause)));
        let is_told =
            |audited: &&super::told::Audited| audited.problems.iter().any(|one| one.is_ongoing && one.is_alarm());
        let first = told.since(began).find(is_told);
        self.to_first_word.extend(first.map(|audited| audited.now.since(began) / MINUTE));
        let Some(ended) = fleet.revived.or(fleet.ended) else { return };
        match told.since(ended).find(|audited| !is_told(audited)) {
            Some(quiet) => self.to_reset.push(quiet.now.since(ended) / MINUTE),
            None => self.never_reset += 1,
        }
    }

    fn row(&self, name: &str) -> String {
        format!(
            "| {name} | {} of {} | {} | {} | {} | {} of {} |\n",
            self.found,
            self.fleets,
            self.named,
            spread(&self.to_first_word),
            spread(&self.to_reset),
            self.alarms - self.false_alarms,
            self.alarms
        )
    }
}

/// The median and the worst of some minutes.
fn spread(minutes: &[i64]) -> String {
    match (median(minutes.to_vec()), minutes.iter().max()) {
        (Some(median), Some(worst)) => format!("{median}, {worst}"),
        _ => "-".to_owned(),
    }
}

fn faults() -> String {
    let mut rows = String::new();
    for (number, kind) in KINDS.iter().enumerate() {
        let mut measured = Measured::default();
        for seed in 1..=fleets() {
            let plan = Plan::new(kind.fault, kind.end, kind.lasts, 30 * HOUR);
            let fleet = Fleet::new(seed * 53 + number as u64 * 1013, plan);
            let told = audit_all(&fleet, fleet.begins.plus(-DAY), fleet.horizon(), every(57 * MINUTE));
            measured.listen(kind, &fleet, &told);
        }
        rows += &measured.row(kind.name);
    }
    rows
}

fn healthy_days() -> String {
    let mut rows = String::new();
    for (name, acts) in HEALTHY {
        let (mut days, mut criticals, mut warnings) = (0, 0, 0);
        for seed in 1..=fleets() {
            let healthy = Plan::new(Fault::None, End::Never, (10 * DAY, 10 * DAY), 0);
            let fleet = Fleet::new(seed * 77 + 13, Plan { acts: acts.to_vec(), ..healthy });
            let told = audit_all(&fleet, fleet.begins, fleet.horizon(), every(317 * MINUTE));
            days += fleet.horizon().since(fleet.begins) / DAY;
            for alarm in told.alarms(Instant::MIN, Instant::MAX).values() {
                *(if alarm.is_critical() { &mut criticals } else { &mut warnings }) += 1;
            }
        }
        rows += &format!("| {name} | {days} | {criticals} | {warnings} |\n");
    }
    rows
}

#[test]
#[ignore = "cargo xtask accuracy: it measures for minutes"]
fn accuracy_is_published() {
    let document = TEMPLATE
        .replace("{fleets}", &fleets().to_string())
        .replace("{faults}", faults().trim_end())
        .replace("{healthy}", healthy_days().trim_end());
    println!("{document}");
    if std::env::var_os("SCHED_AUDIT_BLESS").is_some() {
        assert!(std::fs::write(DOCUMENT, document).is_ok(), "{DOCUMENT} can't be written");
    }
}
