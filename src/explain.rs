//! What each detector and reason means, how it is decided and what to do: `--explain`, and the same text in the README.

use crate::audit::DETECTORS;

/// A detector or reason, and what there is to say of it.
pub struct Topic {
    /// Its name in findings.
    pub name: &'static str,
    /// What it means, how it is decided, what to do.
    pub text: &'static str,
}

/// Every detector and every reason, in the order of the documentation.
pub const TOPICS: &[Topic] = &[
    Topic {
        name: "past-due",
        text: "A job that is due and does not run, or that never will again. Decided by the row: next_run_at, status, enabled and the schedule, and by the run that holds the scheduler's one slot. Look at the reason of the finding.",
    },
    Topic {
        name: "overdue",
        text: "next_run_at lies in the past and nothing holds the slot. Critical beyond --late-cadences times the cadence (as many slots have passed since), a warning beyond --late-after, critical then for a one-shot. Check that the scheduler's process runs.",
    },
    Topic {
        name: "waiting",
        text: "The job is due, but jobs run one after another and a run is in flight. Info while that run is usual (up to twice its last duration, at least 30 minutes), a warning beyond. Nothing to do yet.",
    },
    Topic {
        name: "hung-run",
        text: "A run began longer ago than --max-run and no end is on record: it hangs, or the process died in it. Critical for its job and for all that wait behind it. Look at that run; restart the scheduler if it hangs.",
    },
    Topic {
        name: "no-next-run",
        text: "The row is active, but next_run_at is NULL or no time: the scheduler never picks it again, not even after a restart. Critical. Correct the schedule and set next_run_at.",
    },
    Topic {
        name: "breaker-open",
        text: "Ten errors in a row opened the job's circuit breaker: status is failed and next_run_at NULL. Critical, since neither time nor a restart revives it. Mend the cause in last_run_error, then revive the row.",
    },
    Topic {
        name: "unreadable-schedule",
        text: "The schedule's kind, JSON, expression, interval or zone can't be used. Critical. Correct schedule_value; five-field expressions as croner 10 reads them, IANA zones, a number of milliseconds.",
    },
    Topic {
        name: "unknown-state",
        text: "The status or enabled value is none that the scheduler knows, so it never picks the row. A warning, since somebody may have meant it. Set status to active and enabled to 1, or delete the row.",
    },
    Topic {
        name: "runaway",
        text: "Three or more fires later than the row's last update: the scheduler's own update fails, so the job runs back to back and every run is paid for. Critical. Pause the job and correct its schedule.",
    },
    Topic {
        name: "one-shot-failed",
        text: "A one-shot gave up after three errors, within --since: its work never happened. Info. Decide whether the work is still wanted.",
    },
    Topic {
        name: "zero-tokens",
        text: "Fires that used no tokens: no model did any work in them. Decided by the cost events of the job's session key, in order. Look at the reason of the finding.",
    },
    Topic {
        name: "zero-token-streak",
        text: "--zero-streak fires in a row with 0 input and 0 output tokens: a warning, critical from --zero-streak-critical on. It stays ongoing until another fire follows; ended within --since it is a resolved warning. Look at last_run_error and the model's provider.",
    },
    Topic {
        name: "failing",
        text: "--zero-streak errors in a row by the row's count, without a streak to show for it: the runs throw before they cost anything, or fail after they did. A warning; at ten the circuit breaker opens. Look at last_run_error.",
    },
    Topic {
        name: "gap",
        text: "A silence between two fires of a job, or since its last one, longer than --late-cadences times its cadence. Decided by cost events and last_run_at. Look at the reason of the finding.",
    },
    Topic {
        name: "silent",
        text: "The silence lasts (critical), or ended within --since (a resolved warning). No fault where the slot was held all the while, where one run of --max-run explains a closed gap, in a pause, in the backoff after an error. Check the scheduler's log since the last fire.",
    },
    Topic {
        name: "starved",
        text: "Nothing is broken, but most slots of the last day were lost to other jobs' long runs. Info. Give the long jobs another time, or this one a slower cadence.",
    },
    Topic {
        name: "other-zone",
        text: "Jobs whose schedule names no zone have a next_run_at that is none of their slots in the assumed zone, but would be one in another. Info; their gaps are not judged. Pass the zone of the scheduler's process with --timezone.",
    },
];

/// What there is to say of a topic.
///
/// # Errors
/// The nearest name, and all names, for an unknown one.
pub fn explain(name: &str) -> Result<String, String> {
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == name) {
        let summary = DETECTORS.iter().find(|detector| detector.id == name);
        let heading = summary.map_or_else(|| name.to_owned(), |detector| format!("{name}: {}", detector.summary));
        return Ok(format!("{heading}\n{}\n", topic.text));
    }
    let like = |topic: &&Topic| strsim::jaro_winkler(topic.name, name);
    let nearest = TOPICS.iter().max_by(|a, b| like(a).total_cmp(&like(b))).filter(|topic| like(topic) > 0.7);
    let hint = nearest.map_or_else(|| ".".to_owned(), |topic| format!("; did you mean {}?", topic.name));
    let names: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    Err(format!("no detector or reason is called {name:?}{hint} There are: {}", names.join(", ")))
}
