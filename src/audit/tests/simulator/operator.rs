//! What people do to the rows, by hand, in the dashboard, and through the agent.

use super::fleet::{Fleet, Row, Status, Write, schedule, whole_second};
use crate::model::Schedule;
use crate::time::{DAY, HOUR, Instant, MINUTE, SECOND};

/// What is done, to a job that is picked when it is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    Edit(Edit),
    /// In the dashboard, for some hours or days.
    Pause,
    Resume(usize),
    /// By SQL, without a trace: `enabled = 0`, and some time later 1.
    SwitchOff,
    SwitchOn(usize),
    /// By the agent's tool.
    Delete,
    /// By the agent's tool, which can't edit: the job is deleted and made again with another schedule, under its name.
    MakeAnew,
    /// Several of these in one conversation.
    Converse,
    /// One more job.
    Make,
}

/// What a statement that changes `schedule_value` sets as well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edit {
    /// Nothing: the next run stands until it fires.
    Alone,
    /// The next run.
    Undated,
    /// The next run and `updated_at`.
    Whole,
}

impl Fleet {
    pub fn act(&mut self, act: Act) {
        match act {
            Act::Edit(edit) => self.edit(edit),
            Act::Pause => self.pause(),
            Act::Resume(job) => self.resume(job),
            Act::SwitchOff => self.switch_off(),
            Act::SwitchOn(job) => self.switch_on(job),
            Act::Delete => self.delete(),
            Act::MakeAnew => self.make_anew(),
            Act::Converse => self.converse(),
            Act::Make => self.make_one_more(),
        }
    }

    /// One of the jobs that fire, if any other is left.
    fn pick(&mut self) -> Option<(usize, Row)> {
        let active = |job: &usize| self.jobs[*job].row.as_ref().is_some_and(|row| row.status == Status::Active);
        let active: Vec<usize> = (0..self.jobs.len()).filter(active).collect();
        if active.len() < 2 {
            return None;
        }
        let job = *self.random.pick(&active);
        Some((job, self.jobs[job].row.clone()?))
    }

    fn edit(&mut self, edit: Edit) {
        let Some((job, row)) = self.pick() else { return };
        let mut row = Row { schedule: self.another_schedule(&row.schedule), ..row };
        if edit != Edit::Alone {
            row.next_run = row.next_slot(self.now);
        }
        if edit == Edit::Whole {
            row.updated_at = whole_second(self.now);
        }
        self.write_row(job, row);
    }

    /// Moved to another hour, slower, or faster.
    fn another_schedule(&mut self, of: &Schedule) -> Schedule {
        let usual = of.cadence().and_then(|cadence| cadence.usual_interval(self.now)).unwrap_or(DAY);
        if of.kind() == "every" {
            let interval = if usual < DAY && self.random.chance(0.5) { DAY } else { 30 * MINUTE };
            return schedule("every", &format!("{{\"intervalMs\":{interval}}}"));
        }
        let (hour, minute) = (self.random.between(0, 24), self.random.between(0, 60));
        let daily = format!("{minute} {hour} * * *");
        let expression = match usual {
            ..=HOUR => daily,
            _ if usual > 2 * DAY => format!("{minute} * * * *"),
            _ => match self.random.between(0, 3) {
                0 => daily,
                1 => format!("{minute} * * * *"),
                _ => "*/20 * * * *".to_owned(),
            },
        };
        schedule("cron", &format!("{{\"expr\":\"{expression}\"}}"))
    }

    fn pause(&mut self) {
        let Some((job, row)) = self.pick() else { return };
        self.write_row(job, Row { status: Status::Paused, updated_at: whole_second(self.now), ..row });
        self.write(self.now, Write::Switch(job, false));
        self.arm();
        let after = self.random.between(HOUR, 3 * DAY);
        self.plan_act(after, Act::Resume(job));
    }

    fn resume(&mut self, job: usize) {
        let Some(row) = self.jobs[job].row.clone() else { return };
        // A run that was in flight has made the row active again.
        if row.status != Status::Paused {
            return;
        }
        let next_run = row.next_slot(self.now);
        let updated_at = whole_second(self.now);
        self.write_row(job, Row { status: Status::Active, errors: 0, next_run, updated_at, ..row });
        self.write(self.now, Write::Switch(job, true));
        self.arm();
    }

    fn switch_off(&mut self) {
        let Some((job, row)) = self.pick() else { return };
        self.write_row(job, Row { status: Status::Disabled, ..row });
        let after = self.random.between(HOUR, 2 * DAY);
        self.plan_act(after, Act::SwitchOn(job));
    }

    fn switch_on(&mut self, job: usize) {
        let Some(row) = self.jobs[job].row.clone() else { return };
        if row.status == Status::Disabled {
            self.write_row(job, Row { status: Status::Active, ..row });
        }
    }

    fn delete(&mut self) {
        if let Some((job, _)) = self.pick() {
            self.delete_job(job);
            self.talk();
        }
    }

    fn delete_job(&mut self, job: usize) {
        self.jobs[job].row = None;
        self.write(self.now, Write::Deleted(job));
        self.arm();
    }

    fn make_anew(&mut self) {
        let Some((job, row)) = self.pick() else { return };
        let schedule = self.another_schedule(&row.schedule);
        let (name, median) = (self.jobs[job].name.clone(), self.jobs[job].median);
        self.delete_job(job);
        self.make(name, schedule, median);
        self.arm();
        self.talk();
    }

    fn converse(&mut self) {
        let mut after = 0;
        for _ in 0..self.random.between(2, 5) {
            self.plan_act(after, Act::MakeAnew);
            after += self.random.between(30 * SECOND, 4 * MINUTE);
        }
    }

    fn make_one_more(&mut self) {
        self.make_random_job(format!("job {}", self.jobs.len()));
        self.arm();
        self.talk();
    }

    /// The agent's turn in the chat ends a little later.
    fn talk(&mut self) {
        let ends: Instant = self.now.plus(20 * SECOND);
        self.write(ends, Write::Chat);
    }
}
