//! A line on stderr that counts the databases done, once that takes long.

use crate::numbers::as_u64;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant as Clock};

/// How long a call may take before its progress is shown.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// The progress of a call.
pub struct Progress {
    bar: ProgressBar,
    shows_at: Option<Clock>,
}

impl Progress {
    /// Progress over so many databases; it is only shown if stderr is a terminal.
    pub fn new(total: usize, shown: bool) -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len} databases audited, {elapsed}") {
            bar.set_style(style);
        }
        let progress = Progress { bar, shows_at: shown.then(|| Clock::now() + SHOW_AFTER) };
        progress.set_total(total);
        progress
    }

    /// Changes the number of databases.
    pub fn set_total(&self, total: usize) {
        self.bar.set_length(as_u64(total));
    }

    /// Counts one more database.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// Removes the line.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// The next message; None when no more can come, or none came by the deadline.
    pub fn next<T>(&mut self, messages: &Receiver<T>, deadline: Clock) -> Option<T> {
        let until = |at: Clock| at.saturating_duration_since(Clock::now());
        if let Some(at) = self.shows_at.filter(|at| *at < deadline) {
            match messages.recv_timeout(until(at)) {
                Err(RecvTimeoutError::Timeout) => self.show(),
                other => return other.ok(),
            }
        }
        messages.recv_timeout(until(deadline)).ok()
    }

    fn show(&mut self) {
        self.shows_at = None;
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }
}
