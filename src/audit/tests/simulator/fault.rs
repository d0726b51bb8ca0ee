//! How a fault begins and ends, and what it costs.

use super::fleet::{Event, Fleet, Row, Status, whole_second};
use super::plan::{End, Fault, Revival};
use crate::time::{HOUR, Instant, MINUTE, SECOND};

impl Fleet {
    pub fn is_on(&self) -> bool {
        self.plan.fault != Fault::None && self.now >= self.begins && self.ended.is_none()
    }

    /// Also beside a run that sleeps.
    pub fn is_asleep(&self) -> bool {
        self.plan.fault == Fault::MachineSleeps && self.is_on() && self.now < self.begins.plus(self.lasts)
    }

    pub fn is_wedged(&self, job: usize) -> bool {
        let due = self.jobs[job].row.as_ref().and_then(Row::due);
        self.plan.fault == Fault::OneJobWedged && job == self.victim && self.is_on() && due >= Some(self.begins)
    }

    pub fn stops(&mut self) {
        let ends = self.begins.plus(self.lasts);
        self.began = Some(self.begins);
        if self.now >= ends {
            // The run in flight slept as well, and ended after that.
            self.ended = Some(ends);
            self.note_missed(ends);
            self.arm();
            return;
        }
        self.is_down = true;
        if self.plan.fault == Fault::MachineSleeps {
            // A container's timer fires as it goes on, a laptop's as much later as it slept.
            let later = if self.random.chance(0.5) { ends.since(self.now) } else { 0 };
            self.timer = self.timer.map(|timer| timer.plus(later).max(ends));
            self.plan_event(ends, Event::Ends);
        } else {
            self.timer = None;
            self.plan_restart();
        }
    }

    /// From now on nothing runs, until somebody restarts the process.
    pub fn hangs(&mut self) {
        self.began = Some(self.now);
        self.plan_restart();
    }

    fn plan_restart(&mut self) {
        if self.plan.end == End::Restart {
            self.plan_event(self.now.plus(self.lasts), Event::Ends);
        }
    }

    pub fn ends(&mut self) {
        self.ended = Some(self.now);
        let was_down = std::mem::take(&mut self.is_down);
        match self.plan.end {
            End::Restart => self.boot(),
            End::Over if was_down => self.note_missed(self.now),
            End::Over | End::Never | End::TimeOut => {}
            End::Revived(revival) => {
                let after = self.random.between(2 * MINUTE, 40 * MINUTE);
                self.plan_event(self.now.plus(after), Event::Revive(revival));
            }
        }
    }

    /// The past-due rows get the boot's time and five seconds more each.
    pub fn boot(&mut self) {
        self.is_down = false;
        self.note_missed(self.now);
        for (step, (_, job, row)) in self.due_rows().into_iter().enumerate() {
            self.write_row(job, Row { next_run: Some(self.now.plus(step as i64 * 5 * SECOND)), ..row });
        }
        self.arm();
    }

    /// By SQL, so that the timer does not know. If it is dead, a restart must follow.
    pub fn revive(&mut self, revival: Revival) {
        self.revived = Some(self.now);
        for job in 0..self.jobs.len() {
            let Some(row) = self.jobs[job].row.clone() else { continue };
            if row.status == Status::Failed || revival.all && row.errors > 0 {
                let updated_at = if revival.dated { whole_second(self.now) } else { row.updated_at };
                self.write_row(
                    job,
                    Row { status: Status::Active, errors: 0, next_run: Some(self.now), updated_at, ..row },
                );
            }
        }
        if self.timer.is_none() {
            self.plan_event(self.now.plus(5 * MINUTE), Event::Boot);
        }
    }

    pub fn note_missed(&mut self, at: Instant) {
        for (due, job, _) in self.due_rows() {
            if due < at {
                self.lost.entry(job).or_insert(due);
            }
        }
    }

    /// Of a fault that lasts: what has come due since.
    pub fn note_lost(&mut self) {
        let stops_jobs = matches!(
            self.plan.fault,
            Fault::KilledIdle
                | Fault::KilledInRun
                | Fault::HangsBeforeSession
                | Fault::HangsInRun
                | Fault::HangsInDelivery
                | Fault::OneJobWedged
        );
        if !stops_jobs || self.plan.end != End::Never {
            return;
        }
        for (number, job) in self.jobs.iter().enumerate() {
            let concerned = self.plan.fault != Fault::OneJobWedged || number == self.victim;
            let due = job.row.as_ref().and_then(Row::due).filter(|due| *due < self.now);
            if let Some(due) = due.filter(|due| concerned && *due >= self.begins.plus(-4 * HOUR)) {
                self.lost.entry(number).or_insert(due.max(self.begins));
            }
        }
    }
}
