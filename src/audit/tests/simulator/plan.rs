//! What happens to a fleet: what goes wrong with it, how that ends, and what people do.

use super::operator::Act;
use crate::time::Millis;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    None,
    KilledIdle,
    KilledInRun,
    HangsBeforeSession,
    HangsInRun,
    HangsInDelivery,
    OutageWithErrors,
    OutageScoredOk,
    /// This part of all runs uses no tokens, and fails if the flag says so.
    ProviderFlaps(f64, bool),
    OneJobThrows,
    OneJobWedged,
    MachineSleeps,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    Never,
    /// Somebody restarts the process.
    Restart,
    /// By itself: the provider works again, the machine wakes up.
    Over,
    /// The same, and somebody revives the rows that were stopped by SQL.
    Revived(Revival),
    /// The scheduler ends the run.
    TimeOut,
}

/// How rows are revived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Revival {
    /// Whether the statement sets `updated_at`.
    pub dated: bool,
    /// Whether it takes along the rows that are only in backoff.
    pub all: bool,
}

/// What happens to a fleet.
#[derive(Debug, Clone)]
pub struct Plan {
    pub fault: Fault,
    pub end: End,
    /// How long the fault lasts, between these.
    pub lasts: (Millis, Millis),
    /// How long the fleet is looked at after its end.
    pub after: Millis,
    /// A single failure of one job, or the throw of a long run, shortly before the fault.
    pub before: Option<Mishap>,
    /// How long the first run after a sleep takes, between these.
    pub first_run: Option<(Millis, Millis)>,
    /// What people do, at random times, from the beginning on.
    pub acts: Vec<Act>,
    /// Whether there are 300 jobs, most of them daily, instead of three to twelve of all kinds.
    pub is_large: bool,
    /// Whether runs leave no cost event, so that only rows tell of them.
    pub unrecorded: bool,
}

/// One run that goes wrong in an otherwise healthy fleet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mishap {
    Fails,
    /// It throws after more than two hours, so that it leaves no cost event.
    Throws,
}

impl Plan {
    pub fn new(fault: Fault, end: End, lasts: (Millis, Millis), after: Millis) -> Plan {
        Plan {
            fault,
            end,
            lasts,
            after,
            before: None,
            first_run: None,
            acts: Vec::new(),
            is_large: false,
            unrecorded: false,
        }
    }
}
