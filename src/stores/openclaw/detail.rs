//! The detail of an ended run: JSON of which only what is named here is read.

use super::definition::Definition;
use super::layout::RunTable;
use super::status::Status;
use crate::model::{MessageFate, Outcome};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Deref;

/// What an agent answers that has nothing to say.
const NO_REPLY: &str = "NO_REPLY";

/// Why a heartbeat is skipped that is fine: the hour, or other work.
const USUAL_SKIPS: [&str; 4] = ["quiet-hours", "cron-in-progress", "requests-in-flight", "lanes-busy"];

/// A text of a detail, which is copied only where it holds escapes.
#[derive(Debug, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The detail of an ended run, as far as an audit needs it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Detail<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    /// Why it failed or was skipped.
    #[serde(borrow)]
    pub error: Option<Text<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    /// The store of its job.
    #[serde(borrow)]
    pub store_key: Option<Text<'a>>,
    #[serde(borrow)]
    summary: Option<Text<'a>>,
    #[serde(borrow)]
    delivery_status: Option<Text<'a>>,
    delivery_suppression_reason: Option<IgnoredAny>,
    /// Why its message was not delivered.
    #[serde(borrow)]
    pub delivery_error: Option<Text<'a>>,
    /// The model that it ran on.
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
}

/// What a run used, where that is told.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    #[serde(deserialize_with = "count")]
    input_tokens: Option<f64>,
    #[serde(deserialize_with = "count")]
    output_tokens: Option<f64>,
    #[serde(deserialize_with = "count")]
    total_tokens: Option<f64>,
    #[serde(deserialize_with = "count")]
    cache_read_tokens: Option<f64>,
    #[serde(deserialize_with = "count")]
    cache_write_tokens: Option<f64>,
}

/// A count, if it is a number: it may be anything.
fn count<'de, D: Deserializer<'de>>(value: D) -> Result<Option<f64>, D::Error> {
    let value = <&RawValue>::deserialize(value)?;
    Ok(value.get().parse().ok().filter(|count: &f64| count.is_finite()))
}

/// What is known of a run's work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// How it ended.
    pub outcome: Outcome,
    /// What it used, if that is known.
    pub tokens: Option<u32>,
    /// How many tokens the model wrote.
    pub output: Option<u32>,
    /// What became of its message.
    pub message: MessageFate,
}

impl Work {
    /// Work of which nothing is known but how it ended.
    pub fn ended(outcome: Outcome) -> Work {
        Work { outcome, tokens: None, output: None, message: MessageFate::None }
    }

    fn counted(tokens: u32) -> Work {
        Work { tokens: Some(tokens), ..Work::ended(Outcome::by_count(tokens)) }
    }
}

impl<'a> Detail<'a> {
    /// Reads `detail_json`; None if it can't be read.
    pub fn parse(json: &'a [u8]) -> Option<Detail<'a>> {
        // A list would do for a struct.
        json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
    }

    /// Whether the run ended with an error.
    pub fn has_failed(&self) -> bool {
        self.status() == Some(Status::Error)
    }

    fn status(&self) -> Option<Status> {
        self.status.as_deref().map(|word| Status::of(word.as_bytes()))
    }

    /// What the run of a job did.
    pub fn classify_run(&self, definition: &Definition, runs: RunTable) -> Work {
        match self.status() {
            Some(Status::Error) => Work::ended(Outcome::Threw),
            Some(Status::Skipped) if definition.may_be_skipped() => {
                let usual = self.error.as_deref().is_none_or(|why| USUAL_SKIPS.iter().any(|usual| why.contains(usual)));
                Work::ended(if usual { Outcome::Idle } else { Outcome::Declined })
            }
            Some(Status::Skipped) => Work::ended(Outcome::Skipped),
            Some(Status::Unknown) => Work::ended(Outcome::Unread),
            Some(Status::Ok) => {
                let usage = self.usage();
                let work = if definition.is_agent_turn() { self.turn(&usage) } else { Work::ended(Outcome::Unproven) };
                let output = usage.output_tokens.map(|output| output as u32);
                Work { output, message: self.message(runs), ..work }
            }
            // A quiet evaluation of a trigger has no status.
            None => Work::ended(Outcome::Idle),
        }
    }

    /// What a successful turn of an agent did. Providers that count nothing leave the usage out; then the answer shows whether
    /// the model worked.
    fn turn(&self, usage: &Usage) -> Work {
        let Usage { input_tokens: input, output_tokens: output, total_tokens: total, .. } = *usage;
        let is_counted = input.or(output).or(total).is_some();
        let sum = total.unwrap_or(0.0).max(input.unwrap_or(0.0) + output.unwrap_or(0.0));
        let cached = usage.cache_read_tokens.unwrap_or(0.0) + usage.cache_write_tokens.unwrap_or(0.0);
        // A float becomes the nearest u32.
        if is_counted && sum > 0.0 {
            Work::counted(sum as u32)
        } else if cached > 0.0 {
            Work::counted(cached as u32)
        } else if is_counted {
            Work::counted(0)
        } else if self.has_usage() {
            Work::ended(Outcome::Unread)
        } else if self.has_answer() {
            Work::ended(Outcome::Worked)
        } else {
            Work::counted(0)
        }
    }

    fn usage(&self) -> Usage {
        let object = self.usage.map(RawValue::get).filter(|usage| usage.starts_with('{'));
        object.and_then(|usage| serde_json::from_str(usage).ok()).unwrap_or_default()
    }

    /// Whether anything is said of what it used.
    fn has_usage(&self) -> bool {
        let inside = self.usage.and_then(|usage| usage.get().strip_prefix('{')?.strip_suffix('}'));
        inside.is_some_and(|inside| !inside.trim().is_empty())
    }

    fn has_answer(&self) -> bool {
        let answer = self.summary.as_deref().map(str::trim).unwrap_or_default();
        (!answer.is_empty() && answer != NO_REPLY)
            || self.delivery_status.as_deref().is_some_and(|word| word.eq_ignore_ascii_case("delivered"))
    }

    fn message(&self, runs: RunTable) -> MessageFate {
        let is_told = runs.explains_silence() || self.delivery_error.is_some();
        let Some(status) = self.delivery_status.as_deref() else {
            return if self.delivery_error.is_some() { MessageFate::Lost } else { MessageFate::None };
        };
        if status.eq_ignore_ascii_case("delivered") {
            MessageFate::Delivered
        } else if status.eq_ignore_ascii_case("not-delivered") && self.delivery_suppression_reason.is_none() && is_told
        {
            MessageFate::Lost
        } else if status.eq_ignore_ascii_case("unknown") {
            MessageFate::Unconfirmed
        } else {
            MessageFate::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(detail: &str) -> Work {
        let turn = Definition::parse(r#"{"payload":{"kind":"agentTurn"}}"#, false);
        Detail::parse(detail.as_bytes()).unwrap_or_else(|| panic!("{detail}")).classify_run(&turn, RunTable::Tasks)
    }

    #[test]
    fn absent_usage_is_empty_only_without_an_answer() {
        let turn = |rest: &str| work(&format!(r#"{{"status":"ok"{rest}}}"#));
        assert_eq!(turn(r#","summary":"NO_REPLY""#), Work::counted(0));
        assert_eq!(turn(""), Work::counted(0));
        assert_eq!(turn(r#","summary":"Done.""#), Work::ended(Outcome::Worked));
        assert_eq!(turn(r#","summary":"NO_REPLY","deliveryStatus":"delivered""#).outcome, Outcome::Worked);
    }

    #[test]
    fn usage_that_can_not_be_read_is_unknown_and_cached_input_counts() {
        let turn = |usage: &str| {
            let Work { outcome, tokens, .. } = work(&format!(r#"{{"status":"ok","usage":{usage}}}"#));
            (outcome, tokens)
        };
        assert_eq!(turn(r#"{"input_tokens":5,"output_tokens":7}"#), (Outcome::Worked, Some(12)));
        let zeros = r#"{"input_tokens":0,"output_tokens":0,"total_tokens":0}"#;
        assert_eq!(turn(zeros), (Outcome::Empty, Some(0)));
        assert_eq!(turn(r#"{"total_tokens":null}"#), (Outcome::Unread, None));
        assert_eq!(turn(r#"{"input_tokens":"5"}"#), (Outcome::Unread, None));
        assert_eq!(turn(r#"{"other":5}"#), (Outcome::Unread, None));
        assert_eq!(turn(r#"{"input_tokens":1e999}"#), (Outcome::Unread, None));
        assert_eq!(turn("{ }"), (Outcome::Empty, Some(0)), "nothing is said of it");
        assert_eq!(turn("[5]"), (Outcome::Empty, Some(0)));
        assert_eq!(turn(r#"{"input_tokens":1.5e3,"output_tokens":-0}"#), (Outcome::Worked, Some(1500)));
        assert_eq!(turn(r#"{"cache_read_tokens":9}"#), (Outcome::Worked, Some(9)));
        assert_eq!(turn(r#"{"input_tokens":0,"cache_read_tokens":9}"#), (Outcome::Worked, Some(9)));
    }

    #[test]
    fn a_heartbeat_may_be_skipped_for_the_hour_or_other_work() {
        let heartbeat = Definition::parse(r#"{"payload":{"kind":"heartbeat"}}"#, true);
        let skipped = |why: &str| {
            let detail = format!(r#"{{"status":"skipped","error":"heartbeat skipped: {why}"}}"#);
            Detail::parse(detail.as_bytes())
                .unwrap_or_else(|| panic!("{detail}"))
                .classify_run(&heartbeat, RunTable::Tasks)
                .outcome
        };
        assert_eq!((skipped("quiet-hours"), skipped("no-route")), (Outcome::Idle, Outcome::Declined));
    }

    #[test]
    fn the_fate_of_a_message_counts_for_successful_runs() {
        let message = |rest: &str| work(&format!(r#"{{"status":"ok","usage":{{"total_tokens":5}}{rest}}}"#)).message;
        assert_eq!(message(r#","deliveryStatus":"delivered""#), MessageFate::Delivered);
        assert_eq!(message(r#","deliveryStatus":"not-delivered""#), MessageFate::Lost);
        let silent = r#","deliveryStatus":"not-delivered","deliverySuppressionReason":"silent""#;
        assert_eq!(message(silent), MessageFate::None);
        assert_eq!(message(r#","deliveryStatus":"unknown""#), MessageFate::Unconfirmed);
        assert_eq!(message(r#","delivered":false,"deliveryError":"chat not found""#), MessageFate::Lost);
        assert_eq!(message(r#","delivered":false"#), MessageFate::None);
        assert_eq!(work(r#"{"status":"error","deliveryStatus":"not-delivered"}"#), Work::ended(Outcome::Threw));
    }
}
