//! Streaks of bad runs that had one cause, so that they are one incident while one job after another recovers.

use crate::audit::subjects::Subjects;
use crate::model::JobIndex;
use crate::time::Instant;

/// With more streaks that are over, what fails now is not compared with each of them.
const MAX_JOINED: usize = 500;

/// From when until when a job failed, [`Instant::MAX`] if it lasts.
pub type Span = (Instant, Instant, JobIndex);

/// When a model is known to have worked, oldest first.
pub struct Proofs(Vec<Instant>);

impl Proofs {
    /// Those of all jobs.
    pub fn of(subjects: &Subjects<'_>) -> Proofs {
        let fires = subjects.iter().flat_map(|subject| &subject.job.fires);
        let mut proofs: Vec<Instant> = fires.filter(|fire| fire.proves_model()).map(|fire| fire.end).collect();
        proofs.sort_unstable();
        Proofs(proofs)
    }

    /// Whether no model is known to have worked between two instants.
    pub fn none_between(&self, from: Instant, until: Instant) -> bool {
        self.0.get(self.0.partition_point(|proof| *proof <= from)).is_none_or(|proof| *proof >= until)
    }
}

/// Puts together what had one cause. What fails now, in groups, takes along the streaks that are over and began with it; of the
/// others, those that overlap had one cause.
pub fn cluster(failing: Vec<Vec<Span>>, mut past: Vec<Span>, proofs: &Proofs) -> Vec<Vec<Span>> {
    let mut clusters: Vec<Vec<Span>> = Vec::new();
    // The streaks that are over and were taken along, each with the position of its cluster.
    let mut taken: Vec<(Span, usize)> = Vec::new();
    if past.len() > MAX_JOINED {
        return overlapping(past);
    }
    for group in failing {
        let Some(&(since, ..)) = group.iter().min() else { continue };
        let (joined, others): (Vec<Span>, Vec<Span>) =
            past.into_iter().partition(|streak| began_together(streak, since, proofs));
        past = others;
        // Groups that began with the same streak had one cause as well.
        let began_with = taken.iter().filter(|(streak, _)| began_together(streak, since, proofs));
        let position = began_with.map(|(_, cluster)| *cluster).min().unwrap_or(clusters.len());
        if position == clusters.len() {
            clusters.push(Vec::new());
        }
        taken.extend(joined.iter().map(|streak| (*streak, position)));
        clusters[position].extend(group.into_iter().chain(joined));
    }
    clusters.extend(overlapping(past));
    clusters
}

/// Whether a streak that is over lasted at `since` or began later, and no model worked between its beginning and that instant.
fn began_together((began, until, _): &Span, since: Instant, proofs: &Proofs) -> bool {
    (since..Instant::MAX).contains(until) && proofs.none_between(since.min(*began), since.max(*began))
}

/// The streaks in groups that overlap.
fn overlapping(mut streaks: Vec<Span>) -> Vec<Vec<Span>> {
    streaks.sort_unstable();
    let mut groups: Vec<Vec<Span>> = Vec::new();
    let mut end = Instant::MIN;
    for streak in streaks {
        match groups.last_mut() {
            Some(group) if streak.0 <= end => group.push(streak),
            _ => groups.push(vec![streak]),
        }
        end = end.max(streak.1);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Instant {
        Instant::from_millis(minute * 60_000)
    }

    fn span(job: usize, since: i64, until: i64) -> Span {
        (at(since), at(until), JobIndex::at(job))
    }

    fn lasting(job: usize, since: i64) -> Span {
        (at(since), Instant::MAX, JobIndex::at(job))
    }

    #[test]
    fn streaks_that_are_over_and_overlap_had_one_cause() {
        let of = |past: &[Span]| cluster(Vec::new(), past.to_vec(), &Proofs(Vec::new())).len();
        assert_eq!((of(&[span(1, 0, 10), span(2, 10, 20)]), of(&[span(1, 0, 10), span(2, 11, 20)])), (1, 2));
        assert_eq!(of(&[span(1, 0, 30), span(2, 5, 6), span(3, 30, 31)]), 1, "by the latest end");
        assert_eq!(of(&[]), 0);
    }

    #[test]
    fn what_fails_takes_along_what_began_with_it_unless_a_model_worked_in_between() {
        let of = |proofs: &[i64], failing: &[Span], past: &[Span]| {
            let groups = failing.iter().map(|one| vec![*one]).collect();
            cluster(groups, past.to_vec(), &Proofs(proofs.iter().map(|minute| at(*minute)).collect())).len()
        };
        let over = [span(1, 0, 30)];
        assert_eq!((of(&[], &[lasting(2, 5)], &over), of(&[3], &[lasting(2, 5)], &over)), (1, 2));
        assert_eq!(of(&[0, 5, 30], &[lasting(2, 5)], &over), 1, "before, after, and at the recovery");
        assert_eq!(of(&[], &[lasting(2, 31)], &over), 2, "it had recovered before");
        assert_eq!(of(&[], &[lasting(2, 5), lasting(3, 6)], &over), 1, "two that began with the same");
        assert_eq!(of(&[], &[lasting(2, 5), lasting(3, 6)], &[]), 2, "nothing shows a common cause");
    }
}
