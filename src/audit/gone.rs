//! Jobs that fired regularly and no longer have a row. One may have been deleted on purpose; several at the same time were lost.

use super::finding::Finding;
use super::gap::GapEvidence;
use super::{Context, Subject, Subjects};
use crate::catalog::Severity;
use crate::model::{Job, JobIndex, State};
use crate::time::{DAY, HOUR, Instant, Millis};

/// So many regular jobs do not lose their rows at the same time on purpose.
const MIN_JOBS: usize = 3;
/// How long a job that does not fire on weekends may have been silent before.
const WEEKEND: Millis = 2 * DAY;
/// With fewer good fires a job was not a regular one: a one-shot is tried three times at most.
const MIN_FIRES: usize = 3;

/// With fewer fires a single job that has no row any more is not reported.
const MIN_OF_REGULAR: usize = 5;

/// Jobs whose rows went at the same time.
#[derive(Debug, Default)]
pub struct GoneTogether {
    groups: Vec<GoneGroup>,
}

/// Some of them.
#[derive(Debug)]
pub struct GoneGroup {
    /// The jobs, in order.
    pub jobs: Vec<JobIndex>,
    /// When the last of them fired: its row went after that.
    pub last_fire: Instant,
}

impl GoneTogether {
    /// Looks for a time at which at least three regular jobs can have lost their rows.
    pub fn find(subjects: &Subjects<'_>) -> GoneTogether {
        let gone = subjects.iter().filter(|subject| subject.selected && subject.job.state == State::Gone);
        let mut left: Vec<(JobIndex, Instant, Instant)> = gone
            .filter_map(|subject| {
                let (from, until) = went_between(subject.job)?;
                Some((subject.index, from, until))
            })
            .collect();
        let mut groups = Vec::new();
        loop {
            let at = |time: Instant| left.iter().filter(move |(_, from, until)| *from <= time && time <= *until);
            let times = left.iter().map(|(_, from, _)| *from);
            let Some(last_fire) = times.max_by_key(|time| (at(*time).count(), *time)) else { break };
            if at(last_fire).count() < MIN_JOBS {
                break;
            }
            // The intervals of a job that keeps office hours may not have shown a weekend.
            let went = |(_, from, until): &(JobIndex, Instant, Instant)| {
                *from <= last_fire && until.plus(WEEKEND) >= last_fire
            };
            let jobs = left.iter().filter(|one| went(one)).map(|(job, ..)| *job).collect();
            left.retain(|one| !went(one));
            groups.push(GoneGroup { jobs, last_fire });
        }
        GoneTogether { groups }
    }

    /// The jobs that a job went with.
    pub fn group_of(&self, job: JobIndex) -> Option<&GoneGroup> {
        self.groups.iter().find(|group| group.jobs.binary_search(&job).is_ok())
    }
}

/// The time in which the row of a regular job went: after its last fire, and before it would have missed another one.
fn went_between(job: &Job) -> Option<(Instant, Instant)> {
    let good: Vec<Instant> = job.fires.iter().filter(|fire| !fire.is_bad()).map(|fire| fire.end).collect();
    let last = job.last_end().filter(|_| good.len() >= MIN_FIRES)?;
    let longest: Millis = good.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or(0);
    Some((last, last.plus(longest + longest / 2 + HOUR)))
}

/// A row that went with those of other jobs was lost; one alone may have been deleted on purpose.
pub fn detect(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let severity = match context.gone.group_of(subject.index) {
        Some(_) if context.watches_any() => Severity::Warning,
        Some(_) => Severity::Critical,
        None if job.fires.len() >= MIN_OF_REGULAR => Severity::Info,
        None => return None,
    };
    let evidence = GapEvidence::RowGone { fires: job.fires.len(), last_fire: job.last_end() };
    Some(Finding::new(severity, evidence).since(job.last_end()))
}
