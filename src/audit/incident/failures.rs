//! The keys of failures: what fails now, with what failed in the same outage, or beside it for the same reason.

use super::clusters::{self, Proofs, Span};
use super::key::{Family, Key};
use crate::audit::failed_runs::FailedRuns;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::outage::Outage;
use crate::audit::shared_failure::Shared;
use crate::model::JobIndex;
use crate::time::Instant;
use std::collections::{BTreeMap, HashMap, HashSet};

/// From when until when a job failed, and the key of the incident.
struct Streak {
    since: Instant,
    until: Instant,
    key: Key,
}

/// The failures of a database.
pub struct Failures<'a> {
    fleet: &'a Fleet<'a>,
    /// The streaks of each job, where some are over.
    streaks: HashMap<JobIndex, Vec<Streak>>,
    /// The keys of those of several jobs in which no model worked for any job before the first recovered.
    shared: HashSet<Key>,
    /// The outages by their keys, of several the first.
    outages: HashMap<Key, &'a Outage>,
}

impl<'a> Failures<'a> {
    /// Finds out which streaks have a key in common.
    pub fn new(fleet: &'a Fleet<'a>) -> Failures<'a> {
        let mut failures = Failures { fleet, streaks: HashMap::new(), shared: HashSet::new(), outages: HashMap::new() };
        for outage in fleet.outages.iter() {
            failures.outages.entry(failures.of_outage(outage)).or_insert(outage);
        }
        failures.cluster();
        failures
    }

    /// The key of what a job failed by when a run of it ended, if it still did at the end of a silence.
    pub fn of_silence(&self, job: JobIndex, last_run: Instant, until: Option<Instant>) -> Option<Key> {
        if let Some(outage) = self.fleet.outages.of_run(job, last_run)
            && until.is_none_or(|until| outage.lasted_at(until))
        {
            return Some(self.of_outage(outage));
        }
        let mut streaks = self.streaks.get(&job)?.iter();
        let streak = streaks.find(|streak| streak.since <= last_run && last_run < streak.until)?;
        Some(streak.key.clone())
    }

    /// The outage that a key stands for.
    pub fn outage(&self, key: &Key) -> Option<&'a Outage> {
        self.outages.get(key).copied()
    }

    /// Whether no model worked for any job in streaks that are over.
    pub fn is_shared(&self, key: &Key) -> bool {
        self.shared.contains(key)
    }

    /// The key of what a job fails by now.
    pub fn of_job(&self, job: JobIndex) -> Key {
        let row = self.fleet.context.job(job);
        if let Some(last) = row.fires.last().filter(|fire| fire.is_bad())
            && let Some(outage) = self.fleet.outages.of_run(job, last.end)
        {
            return self.of_outage(outage);
        }
        let group = self.fleet.shared.group_of(job);
        if let Some(outage) = self.fleet.outages.ongoing()
            && group.is_some_and(|group| matches!(group.shared, Shared::Model { .. }))
        {
            return self.of_outage(outage);
        }
        let streaks = self.streaks.get(&job).map_or(&[][..], Vec::as_slice);
        if let Some(lasting) = streaks.iter().find(|streak| streak.until == Instant::MAX) {
            return lasting.key.clone();
        }
        // The job that began to fail stands for those that fail with it.
        let first = &self.fleet.context.subjects[group.map_or(job, |group| group.first)];
        let before = FailedRuns::of(&self.fleet.outages, first).and_then(|failed| failed.before);
        Key::of(Family::Failing, first.job.id.as_str(), before.or(first.job.created_at))
    }

    /// The key of an outage.
    pub fn of_outage(&self, outage: &Outage) -> Key {
        let first = self.fleet.context.job(outage.first);
        Key::of(Family::Failing, first.id.as_str(), outage.anchor.or(first.created_at))
    }

    /// Finds the keys of streaks. What fails now takes along the streaks of other jobs that are over and had the same cause, so
    /// that it keeps its key while one job after another recovers. Of the others, those that overlap had one cause. The first
    /// of a cluster gives it its key. Those too long ago to be told count too: what lasts keeps its key as time goes on.
    fn cluster(&mut self) {
        let mut past: Vec<Span> = Vec::new();
        for subject in self.fleet.context.subjects.iter() {
            for (streak, until) in &self.fleet.streaks(subject.index).over {
                if streak.count >= subject.settings.thresholds.zero_streak {
                    past.push((streak.first, *until, subject.index));
                }
            }
        }
        if past.is_empty() {
            return;
        }
        let proofs = Proofs::of(self.fleet.context.subjects);
        for cluster in clusters::cluster(self.failing_together(), past, &proofs) {
            let Some(&(since, _, first)) = cluster.iter().min() else { continue };
            let key = self.streak_key(first, since);
            let recovered = cluster.iter().map(|(_, until, _)| *until).min().unwrap_or(since);
            if cluster.len() > 1 && proofs.none_between(since, recovered) {
                self.shared.insert(key.clone());
            }
            for (since, until, job) in cluster {
                self.streaks.entry(job).or_default().push(Streak { since, until, key: key.clone() });
            }
        }
    }

    /// The groups of jobs that fail together, and those that fail alone, each since when.
    fn failing_together(&self) -> Vec<Vec<Span>> {
        let mut units: BTreeMap<JobIndex, Vec<Span>> = BTreeMap::new();
        for subject in self.fleet.context.subjects.iter() {
            let Some(failed) = FailedRuns::of(&self.fleet.outages, subject) else { continue };
            let group = self.fleet.shared.group_of(subject.index).map(|group| group.first);
            units.entry(group.unwrap_or(subject.index)).or_default().push((failed.since, Instant::MAX, subject.index));
        }
        units.into_values().collect()
    }

    fn streak_key(&self, job: JobIndex, since: Instant) -> Key {
        let row = self.fleet.context.job(job);
        let before = &row.fires[..row.fires.partition_point(|fire| fire.end < since)];
        let last_good = before.iter().rev().find(|fire| !fire.is_bad() && !fire.is_unknown()).map(|fire| fire.end);
        Key::of(Family::Failing, row.id.as_str(), last_good.or(row.created_at))
    }

    /// The key of a streak that is over.
    pub fn of_past_streak(&self, job: JobIndex, finding: &Finding) -> Option<Key> {
        if let Some(since) = finding.since
            && let Some(outage) = self.fleet.outages.of_run(job, since)
        {
            return Some(self.of_outage(outage));
        }
        let streaks = self.streaks.get(&job)?;
        streaks.iter().find(|streak| Some(streak.since) == finding.since).map(|streak| streak.key.clone())
    }

    /// Whether a job failed in an outage that was over by then, and has not run since.
    pub fn is_after_outage(&self, job: JobIndex, at: Instant) -> bool {
        let outage = self.fleet.outages.past_of(&self.fleet.context.subjects[job]);
        outage.is_some_and(|outage| !outage.lasted_at(at))
    }
}
