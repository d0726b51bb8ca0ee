//! What the histories of all stores have in common.

use crate::model::{Fire, Job, ModelIndex, Outcome, Run, Snapshot};
use crate::time::Instant;
use std::collections::HashSet;

/// The fire of a run that only a row knows; `worked` is what is known of its work if it did not fail.
pub fn of_row(run: &Run, worked: Outcome) -> Fire {
    let outcome = if run.failed { Outcome::Threw } else { worked };
    Fire::ended(run.end(), outcome).started(run.start)
}

/// Has the row count the errors in a row that the runs on record show since an instant, where it counts fewer. One that was
/// asked for by hand and failed counts for none.
pub fn count_errors(job: &mut Job, since: Option<Instant>) {
    let mut errors = 0;
    for fire in job.fires.iter().rev() {
        if since.is_some_and(|since| fire.end <= since) {
            break;
        }
        if !fire.has_failed() {
            break;
        }
        let is_by_hand = fire.known_start().is_some_and(|start| job.manual_runs.binary_search(&start).is_ok());
        errors += u64::from(!is_by_hand);
    }
    if let Some(row) = job.row.as_mut() {
        row.consecutive_errors = row.consecutive_errors.max(errors);
    }
}

/// The models of which some fire has a count.
pub fn counting_models(jobs: &[Job]) -> HashSet<ModelIndex> {
    let fires = jobs.iter().flat_map(|job| &job.fires);
    fires.filter(|fire| matches!(fire.tokens, Some(1..))).filter_map(|fire| fire.model).collect()
}

/// Takes counts of zero for no counts where no fire has another, and none of its model that another job has used: nothing
/// shows that the job's runs are counted at all.
pub fn forget_zeros(fires: &mut [Fire], counting: &HashSet<ModelIndex>) {
    if fires.iter().any(|fire| matches!(fire.tokens, Some(1..))) {
        return;
    }
    let is_counted = |fire: &Fire| fire.model.is_some_and(|model| counting.contains(&model));
    for fire in fires.iter_mut().filter(|fire| fire.is_empty() && !is_counted(fire)) {
        (fire.outcome, fire.tokens, fire.output) = (Outcome::Unproven, None, None);
    }
}

/// Takes runs in which the model wrote nothing for empty. Where no run on the same model ever wrote anything, what models write is
/// not counted at all.
pub fn settle_output(snapshot: &mut Snapshot) {
    if !snapshot.jobs.iter().flat_map(|job| &job.fires).any(Fire::wrote_nothing) {
        return;
    }
    let fires = snapshot.jobs.iter().flat_map(|job| &job.fires).chain(&snapshot.other_fires);
    let writers: HashSet<Option<ModelIndex>> =
        fires.filter(|fire| matches!(fire.output, Some(1..))).map(|fire| fire.model).collect();
    let silent = snapshot.jobs.iter_mut().flat_map(|job| &mut job.fires).filter(|fire| fire.wrote_nothing());
    for fire in silent {
        if !writers.contains(&fire.model) {
            fire.output = None;
        } else if fire.outcome == Outcome::Worked {
            fire.outcome = Outcome::Empty;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Row, Schedule, State, Terms};
    use crate::stores::traits_for_tests;

    /// The errors that a row which counts one counts at last, after runs at these seconds that failed or not.
    fn errors(runs: &[(i64, bool)], by_hand: &[i64], since: Option<i64>) -> u64 {
        let at = |seconds: i64| Instant::from_millis(seconds * 1_000);
        let mut job = Job::new("j".to_owned(), State::Watched, Schedule::OnEvent(Terms::default()));
        job.row = Some(Row { consecutive_errors: 1, ..Row::default() });
        job.manual_runs = by_hand.iter().map(|start| at(*start)).collect();
        for (start, failed) in runs {
            let outcome = if *failed { Outcome::Threw } else { Outcome::Worked };
            job.fires.push(Fire::ended(at(start + 1), outcome).started(at(*start)));
        }
        count_errors(&mut job, since.map(at));
        job.errors()
    }

    #[test]
    fn a_row_counts_at_least_the_errors_in_a_row_on_record() {
        let runs = [(0, true), (10, false), (20, true), (30, true), (40, true)];
        assert_eq!(errors(&runs, &[], None), 3);
        assert_eq!(errors(&runs[..2], &[], None), 1, "as the row says");
        assert_eq!((errors(&runs, &[], Some(20)), errors(&runs, &[], Some(21))), (3, 2), "switched on again then");
        assert_eq!(errors(&runs, &[30], None), 2, "one was tried by hand");
        assert_eq!(errors(&[(0, true), (5, true), (10, false)], &[10], None), 1, "one that was tried by hand worked");
    }

    fn fire(output: u32, model: usize) -> Fire {
        Fire { output: Some(output), model: ModelIndex::at(model), ..Fire::counted(Instant::MIN, 61_000) }
    }

    fn settled(fires: Vec<Fire>) -> Vec<(Outcome, Option<u32>)> {
        let [traits, ..] = traits_for_tests();
        let mut job = Job::new("j".to_owned(), State::Watched, Schedule::OnEvent(Terms::default()));
        job.fires = fires;
        let mut snapshot = Snapshot { jobs: vec![job], ..Snapshot::empty(traits) };
        settle_output(&mut snapshot);
        snapshot.jobs[0].fires.iter().map(|fire| (fire.outcome, fire.output)).collect()
    }

    #[test]
    fn a_run_that_wrote_nothing_is_empty_where_its_model_writes_at_other_times() {
        let worked = |output| (Outcome::Worked, output);
        assert_eq!(settled(vec![fire(0, 1), fire(1, 1)]), [(Outcome::Empty, Some(0)), worked(Some(1))]);
        assert_eq!(settled(vec![fire(0, 1), fire(0, 1)]), [worked(None), worked(None)], "nothing it writes is counted");
        assert_eq!(settled(vec![fire(0, 1), fire(1, 2)]), [worked(None), worked(Some(1))], "another model");
    }

    #[test]
    fn a_run_that_wrote_nothing_and_failed_stays_a_failure() {
        let failed = Fire { outcome: Outcome::Failed, ..fire(0, 1) };
        assert_eq!(settled(vec![failed, fire(1, 1)])[0], (Outcome::Failed, Some(0)));
    }
}
