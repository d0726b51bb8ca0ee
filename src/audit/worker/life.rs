//! Whether the scheduler's process lives, by every witness: what the operating system knows, its lease, and other channels.
//!
//! Only a live process holds the database open, and only a live process renews its lease. That nobody is seen to have the
//! database open is weaker: it makes nothing critical that the database alone would not.

use crate::model::{Holder, Job, Lease, Process, Snapshot};
use crate::text::{Text, text};
use crate::time::{Instant, MINUTE, Millis, SECOND, span};

/// A restart takes less than this.
const RESTART_TAKES: Millis = 5 * MINUTE;
/// A scheduler whose process is gone for this long is down, though nothing is lost yet.
pub const DOWN_AFTER: Millis = 15 * MINUTE;
/// The times of a session and of a process's start are cut to the second.
const START_SETTLES: Millis = 2 * SECOND;
/// The exception to every conclusion from a database that nobody has open.
const IF_HIDDEN: &str = "if the scheduler runs in a virtual machine or a sandbox with its own kernel, or if this is a copy, pass --process ignore";

/// The witnesses of a database.
#[derive(Debug, Clone, Copy)]
pub struct Life<'a> {
    snapshot: &'a Snapshot,
    now: Instant,
}

impl<'a> Life<'a> {
    /// The witnesses of a snapshot.
    pub fn new(snapshot: &'a Snapshot, now: Instant) -> Life<'a> {
        Life { snapshot, now }
    }

    /// The process that has the database open, if it can be seen.
    pub fn process(self) -> Option<&'a Process> {
        match &self.snapshot.liveness.holder {
            Holder::Process(process) => Some(process),
            Holder::Unseen | Holder::Nobody | Holder::Perhaps(_) | Holder::Unknown => None,
        }
    }

    /// The same, if a signal has suspended it.
    pub fn suspended(self) -> Option<&'a Process> {
        self.process().filter(|process| process.is_suspended)
    }

    /// When the database was last written, if that is longer ago than a moment and its process is suspended: since then nothing runs.
    pub fn frozen_since(self) -> Option<Instant> {
        self.suspended()?;
        self.snapshot.liveness.last_write.filter(|written| self.has_passed(*written))
    }

    /// Whether a process has the database open.
    pub fn is_held(self) -> bool {
        matches!(self.snapshot.liveness.holder, Holder::Process(_) | Holder::Unseen)
    }

    /// Whether it is proven that the process lives now.
    pub fn is_proven(self) -> bool {
        self.is_held() || matches!(self.snapshot.lease, Lease::Alive(_))
    }

    /// When the database was last written, if since then no scheduler has it open and no lease says otherwise.
    fn gone_since(self) -> Option<Instant> {
        if self.is_proven() {
            return None;
        }
        let is_gone = match &self.snapshot.liveness.holder {
            Holder::Nobody => true,
            Holder::Perhaps(_) => self.bystander().is_some(),
            Holder::Process(_) | Holder::Unseen | Holder::Unknown => false,
        };
        if is_gone { self.snapshot.liveness.last_write } else { None }
    }

    /// A process that has the database open and has written nothing since it started, though a job was due: it is not the
    /// scheduler, or it does nothing.
    pub fn bystander(self) -> Option<&'a Process> {
        let Holder::Perhaps(process) = &self.snapshot.liveness.holder else { return None };
        let is_new = process.started? > self.snapshot.liveness.last_write?;
        let is_due = |job: &Job| job.state.is_watched() && job.next_run().is_some_and(|next| self.has_passed(next));
        if is_new && self.snapshot.jobs.iter().any(is_due) { Some(process) } else { None }
    }

    /// Whether that is longer ago than a restart takes.
    fn has_passed(self, at: Instant) -> bool {
        self.now.since(at) >= RESTART_TAKES
    }

    /// Whether no scheduler has the database open, and no lease says otherwise.
    pub fn is_gone(self) -> bool {
        self.gone_since().is_some()
    }

    /// When the database was last written, if its process has been gone for longer than a restart takes.
    pub fn died(self) -> Option<Instant> {
        self.gone_since().filter(|written| self.has_passed(*written))
    }

    /// The same, if it has been gone for so long that the scheduler is down; a lease that ran out needs no time beyond its term.
    pub fn down_since(self) -> Option<Instant> {
        let ran_out = match self.snapshot.lease {
            Lease::Dead(at) if !self.is_held() || self.snapshot.traits.life.dies_alone => Some(at),
            _ => None,
        };
        ran_out.or_else(|| self.gone_since().filter(|written| self.now.since(*written) >= DOWN_AFTER))
    }

    /// Since when the process has not renewed its lease, or when it was stopped, if no process has the database open.
    pub fn lease_over(self) -> Option<Instant> {
        match self.snapshot.lease {
            Lease::Dead(at) | Lease::Stopped(at) if !self.is_held() => Some(at),
            _ => None,
        }
    }

    /// When the process started that has the database open, if that was after `at`: whatever it is, the one before it is gone.
    pub fn restarted_after(self, at: Instant) -> Option<Instant> {
        let (Holder::Process(process) | Holder::Perhaps(process)) = &self.snapshot.liveness.holder else { return None };
        if self.bystander().is_some() {
            return None;
        }
        process.started.filter(|started| started.since(at) > START_SETTLES)
    }

    /// When another channel was last active, if that was after `since`: the process was alive then.
    pub fn other_activity(self, since: Option<Instant>) -> Option<Instant> {
        let last = self.snapshot.last_other_activity?;
        since.is_none_or(|since| last.since(since) > MINUTE).then_some(last)
    }

    /// What shows that the process lives or does not, in sentences; `since` is when it should have done something.
    pub fn signs(self, since: Option<Instant>) -> Vec<Text> {
        let mut signs = self.of_process();
        if !signs.is_empty() && self.snapshot.liveness.holder != Holder::Nobody {
            return signs;
        }
        if let Some(at) = self.other_activity(since) {
            signs.push(text!["another channel was active at ", at, ", so the process was alive then"]);
        }
        signs
    }

    /// What shows whether the process lives by itself: its lease, and who has the database open.
    pub fn of_process(self) -> Vec<Text> {
        let is_heartbeat = self.is_heartbeat();
        let lease = match self.snapshot.lease {
            Lease::Alive(at) if is_heartbeat => Some(text!["a heartbeat was written at ", self.ago(at)]),
            Lease::Dead(at) if is_heartbeat => Some(text!["the last heartbeat was written at ", self.ago(at)]),
            Lease::Alive(at) => Some(text![self.snapshot.traits.life.given, self.ago(at)]),
            Lease::Dead(at) => Some(text![self.snapshot.traits.life.last_given, self.ago(at)]),
            Lease::Stopped(at) if self.last_start_failed() => Some(text!["its last start failed at ", self.ago(at)]),
            Lease::Stopped(at) => Some(text!["its process was stopped at ", self.ago(at)]),
            Lease::Unknown => None,
        };
        lease.into_iter().chain(self.holder()).collect()
    }

    /// Whether what is recorded of a process is a heartbeat by a mapping, which processes beside the scheduler may write too.
    fn is_heartbeat(self) -> bool {
        self.snapshot.mapping.is_some()
    }

    /// Whether the last of its starts on record failed.
    fn last_start_failed(self) -> bool {
        self.snapshot.failed_starts.last().is_some_and(|failed| self.snapshot.boots.last() <= Some(failed))
    }

    /// Who has the database open, in a sentence.
    pub fn holder(self) -> Option<Text> {
        match &self.snapshot.liveness.holder {
            Holder::Process(process) => {
                let running = process.started.map(|started| text![", running since ", started, ","]);
                let suspended = if process.is_suspended { " and is suspended" } else { "" };
                Some(text![process.label(), running, " has the database open", suspended])
            }
            Holder::Perhaps(process) => {
                let running = process.started.map(|started| text![", running since ", started, ","]);
                let but = match (process.started, self.snapshot.liveness.last_write) {
                    (Some(started), Some(written)) if started > written => "but has written nothing since it started",
                    _ => "and whether it can write is hidden from this user",
                };
                Some(text![process.label(), running, " has the database open, ", but])
            }
            Holder::Unseen => Some("a process that can't be seen from here has the database open".into()),
            Holder::Nobody => Some(nobody_since(self.snapshot.liveness.last_write?, self.now).into()),
            Holder::Unknown => None,
        }
    }

    /// Why nothing runs, as far as the witnesses tell. A machine that has just woken up is a cause only if it has slept.
    pub fn why_silent(self, since: Option<Instant>) -> String {
        let has_slept = self.snapshot.liveness.slept != Some(0);
        let (why, may_have_woken) = match self.snapshot.lease {
            _ if self.suspended().is_some() => ("the process is suspended by a signal", false),
            Lease::Dead(_) if self.is_held() => (self.snapshot.traits.life.hung, true),
            _ if self.is_held() => ("the process lives, and its scheduler does nothing: it is wedged", true),
            _ if self.is_gone() => ("the process is dead or was stopped: start it", false),
            Lease::Alive(_) if self.is_heartbeat() => {
                ("a process is alive, but perhaps not the scheduler's: it is dead, wedged, or switched off", false)
            }
            Lease::Alive(_) => {
                ("the process is alive; its scheduler is wedged, waits for a run that hangs, or is switched off", false)
            }
            Lease::Stopped(_) => ("the process was stopped and not started again", false),
            Lease::Dead(_) => (self.snapshot.traits.life.dead, false),
            Lease::Unknown if self.other_activity(since).is_some() => {
                ("the process is alive, but its scheduler is wedged", false)
            }
            Lease::Unknown => ("the process is dead, wedged, or not started", true),
        };
        let sleeps = span(self.snapshot.traits.timer_sleeps);
        let woken = format!("or the machine has just woken up, and jobs will run within {sleeps}");
        if may_have_woken && has_slept { format!("{why}; {woken}") } else { why.to_owned() }
    }

    fn ago(self, at: Instant) -> Text {
        text![at, ", ", span(self.now.since(at)), " ago"]
    }
}

/// That nobody has the database open, in a sentence, by the time of its last write.
pub fn nobody_since(written: Instant, now: Instant) -> String {
    let ago = span(now.since(written));
    format!("no process that could be the scheduler has the database open, last written {ago} ago ({IF_HIDDEN})")
}
