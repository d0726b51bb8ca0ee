//! What makes findings one incident: a key, from which its fingerprint follows. It is made of what no longer changes while the
//! incident lasts, such as the last good run before the first bad one, the last run before a silence, or the mark of the run that
//! hangs. The path of the database has no part in it.

use crate::time::Instant;
use std::hash::Hasher;

/// What findings have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The kind of trouble.
    pub family: Family,
    /// The id of whose it is, a store's key, or a pattern; empty if it is the whole database's.
    pub whose: String,
    /// When what no longer changes was.
    pub at: Option<Instant>,
    /// What else tells it from others of its family.
    pub detail: String,
}

/// Kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// A run in flight, where several have places.
    Run,
    /// A run whose message is being delivered, where several have places.
    Delivery,
    /// Bad runs after a good one; of several jobs that fail together, of the one that began.
    Failing,
    /// Runs that end too soon, after a good one.
    Short,
    /// Runs that fail now and then.
    Flapping,
    /// Work of jobs that shrank together.
    Shrunk,
    /// Nothing, or not these jobs, after the end of a run.
    Silence,
    /// Jobs that have not run since a boot, while others have.
    SinceBoot,
    /// Rows that the scheduler never picks.
    Unpicked,
    /// A row that can never run again.
    Dead,
    /// A job that runs far too often.
    Runaway,
    /// Jobs that run twice in their slots.
    Paired,
    /// Messages that fail in the same way.
    Undelivered,
    /// Work that is skipped.
    Skipped,
    /// A job whose next run is far ahead.
    SlotsSkipped,
    /// Jobs of a store that the scheduler does not serve.
    Unserved,
    /// Jobs that were scheduled while the clock was ahead.
    Clock,
    /// Jobs that lost their rows.
    Gone,
    /// A one-shot whose only work is lost.
    OneShot,
    /// A job whose history can't be judged.
    Unjudged,
    /// Jobs that run in another zone than the assumed one.
    Zone,
    /// A job that runs although it is off.
    Off,
    /// A process that crashes again and again.
    Crashing,
    /// A scheduler none of whose passes over its jobs works.
    PassesFail,
    /// A scheduler that has nothing to do.
    NothingWatched,
    /// A job that must exist.
    Expected,
    /// A day's budget that is spent.
    Budget,
    /// Budgets in what is not on record.
    Uncounted,
    /// Files that a job does not write any more.
    Output,
    /// Files of a job that can't be looked for.
    OutputUnread,
    /// What is information to the judges, and worse to the operator.
    Raised,
}

impl Family {
    /// The word that stands for it in a fingerprint. It never changes between versions.
    fn word(self) -> &'static str {
        match self {
            Family::Run => "run",
            Family::Delivery => "delivery",
            Family::Failing => "failing",
            Family::Short => "short",
            Family::Flapping => "flapping",
            Family::Shrunk => "work-shrank",
            Family::Silence => "silence",
            Family::SinceBoot => "since-boot",
            Family::Unpicked => "unpicked",
            Family::Dead => "dead",
            Family::Runaway => "runaway",
            Family::Paired => "paired",
            Family::Undelivered => "undelivered",
            Family::Skipped => "skipped",
            Family::SlotsSkipped => "slots-skipped",
            Family::Unserved => "unserved",
            Family::Clock => "clock",
            Family::Gone => "gone",
            Family::OneShot => "one-shot",
            Family::Unjudged => "unjudged",
            Family::Zone => "zone",
            Family::Off => "off",
            Family::Crashing => "crashing",
            Family::PassesFail => "passes-fail",
            Family::NothingWatched => "nothing-watched",
            Family::Expected => "expected",
            Family::Budget => "budget",
            Family::Uncounted => "uncounted",
            Family::Output => "output",
            Family::OutputUnread => "output-unread",
            Family::Raised => "raised",
        }
    }
}

impl Key {
    /// A key of a job, a store, or a pattern, by an instant.
    pub fn of(family: Family, whose: impl Into<String>, at: Option<Instant>) -> Key {
        Key { family, whose: whose.into(), at, detail: String::new() }
    }

    /// The key of a whole database, by what tells it from others.
    pub fn of_all(family: Family, database: &str) -> Key {
        Key::of(family, "", None).with(database)
    }

    /// The same with what else tells it from others.
    pub fn with(self, detail: impl Into<String>) -> Key {
        Key { detail: detail.into(), ..self }
    }

    /// A hash of all of it, whose value never changes between versions.
    pub fn fingerprint(&self) -> String {
        let mut anchor = self.at.map_or_else(String::new, |at| at.seconds().to_string());
        if !anchor.is_empty() && !self.detail.is_empty() {
            anchor.push(' ');
        }
        anchor.push_str(&self.detail);
        hashed([self.family.word(), &self.whose, &anchor])
    }
}

/// A hash whose value never changes between versions.
pub fn hashed(parts: [&str; 3]) -> String {
    let mut hash = fnv::FnvHasher::default();
    for part in parts {
        hash.write(part.as_bytes());
        hash.write_u8(0xff);
    }
    format!("{:016x}", hash.finish())
}
