//! Numbers, amounts, and lengths of time in words.

use crate::time::{Millis, SECOND, span};
use std::time::Duration;

/// `1 slot`, `2 slots`.
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {thing}") } else { format!("{} {thing}s", grouped(number)) }
}

/// How many there are, as counters have it.
pub fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// `46,722,834`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// A length of time in whole seconds, as evidence has it.
pub fn seconds(span: Millis) -> i64 {
    span / SECOND
}

/// A length of time in seconds, as a person reads it.
pub fn span_of_seconds(seconds: i64) -> String {
    span(seconds.saturating_mul(SECOND))
}

/// An amount of US dollars; a small one with more digits, so that it does not read as zero.
pub fn usd(amount: f64) -> String {
    if amount < 0.1 { format!("{amount:.4} USD") } else { format!("{amount:.2} USD") }
}

/// What something cost, as the end of a sentence; empty where no cost is known.
pub fn costing(cost_usd: f64) -> String {
    if cost_usd > 0.0 { format!(", costing {}", usd(cost_usd)) } else { String::new() }
}

/// A length of time as an operator writes it: `5s`, `1m 30s`.
pub fn exactly(span: Millis) -> String {
    let span = Duration::from_millis(u64::try_from(span).unwrap_or(0));
    humantime::format_duration(span).to_string()
}

/// A length of time in seconds with a fraction.
pub fn length(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0}ms", seconds * 1e3) } else { format!("{seconds:.1}s") }
}
