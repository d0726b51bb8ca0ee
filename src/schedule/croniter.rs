//! Expressions as croniter 6 reads them, the library of Hermes Agent, brought into the form of [`Cron`].
//!
//! It differs from croner in the sixth field, which has the seconds and comes last, in ranges that wrap (`22-2`), in a start with a
//! step (`5/15`), in `L5` for the last Friday, and in what a full range means beside the other field of days.

use super::cron::{Cron, NICKNAMES};

/// How many fields an expression may have: minutes to weekdays, then seconds, then years.
const LENGTHS: [usize; 3] = [5, 6, 7];

/// A field: its position in an expression, its bounds, and its names.
struct Field {
    position: usize,
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
    first_named: u32,
}

/// Which occurrence of a weekday in a month counts.
const OCCURRENCES: [&str; 5] = ["1", "2", "3", "4", "5"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 7] = [
    Field { position: 0, name: "minute", low: 0, high: 59, names: &[], first_named: 0 },
    Field { position: 1, name: "hour", low: 0, high: 23, names: &[], first_named: 0 },
    Field { position: DAY, name: "day of month", low: 1, high: 31, names: &[], first_named: 0 },
    Field { position: MONTH, name: "month", low: 1, high: 12, names: &MONTHS, first_named: 1 },
    Field { position: WEEKDAY, name: "weekday", low: 0, high: 6, names: &WEEKDAYS, first_named: 0 },
    Field { position: 5, name: "second", low: 0, high: 59, names: &[], first_named: 0 },
    Field { position: 6, name: "year", low: 1970, high: 2099, names: &[], first_named: 0 },
];
const DAY: usize = 2;
const MONTH: usize = 3;
const WEEKDAY: usize = 4;

/// What one field names.
#[derive(Default)]
struct Named {
    any: bool,
    numbers: Vec<u32>,
    /// The last day of the month.
    last: bool,
    /// Weekdays of which one occurrence in the month counts: the second, the last.
    occurrences: Vec<(u32, &'static str)>,
}

/// Reads an expression with five fields, six (seconds last) or seven (then years), or a nickname.
///
/// # Errors
/// What croniter refuses.
pub fn parse(expression: &str) -> Result<Cron, String> {
    let lower = expression.to_lowercase();
    let nickname = NICKNAMES.iter().find(|(name, _)| *name == lower.trim());
    let fields: Vec<&str> = nickname.map_or(lower.as_str(), |(_, meant)| meant).split_whitespace().collect();
    if !LENGTHS.contains(&fields.len()) {
        return Err(format!("it has {} fields, not five to seven", fields.len()));
    }
    let mut named = Vec::with_capacity(FIELDS.len());
    for (field, text) in FIELDS.iter().zip(&fields) {
        named.push(field.parse(text, fields.len())?);
    }
    let days = Days::of(&mut named, &fields)?;
    let text = |position: usize| match named.get(position) {
        Some(named) => FIELDS[position].text(named),
        None if position == 5 => "0".to_owned(),
        None => "*".to_owned(),
    };
    let of = |day: &str, weekday: &str| Cron::of(&text(5), [&text(0), &text(1), day, &text(MONTH), weekday], &text(6));
    match days {
        Days::Either(day, weekday) => of(&day, &weekday),
        Days::Both(day, weekday) => of(&day, &format!("+{weekday}")),
        Days::Occurrence(day, weekday) if of(&day, &format!("+{weekday}"))?.has_days() => of("*", &weekday),
        Days::Occurrence(day, weekday) => {
            Err(format!("no day {day} is ever {weekday}, for which croniter looks as well"))
        }
    }
}

/// How the two fields of days go together, in croner's form.
enum Days {
    /// A day that either names.
    Either(String, String),
    /// A day that both name.
    Both(String, String),
    /// The weekday's occurrence alone counts, but one on such a day of the month must exist.
    Occurrence(String, String),
}

impl Days {
    /// A full range stands for a star only beside a field that has one, and weekdays with an occurrence have none without.
    fn of(named: &mut [Named], fields: &[&str]) -> Result<Days, String> {
        for (position, other) in [(DAY, WEEKDAY), (WEEKDAY, DAY)] {
            let is_full = named[position].numbers.len() == FIELDS[position].count();
            named[position].any |= is_full && fields[other].contains('*');
        }
        let (day, weekday) = (FIELDS[DAY].text(&named[DAY]), &named[WEEKDAY]);
        if weekday.occurrences.is_empty() {
            return Ok(Days::Either(day, FIELDS[WEEKDAY].text(weekday)));
        }
        let has_occurrence = |number: &u32| weekday.occurrences.iter().any(|(day, _)| day == number);
        let others = weekday.numbers.iter().filter(|number| !has_occurrence(number)).count();
        let all = (0..=6).filter(|number| weekday.numbers.contains(number) || has_occurrence(number)).count();
        if others > 0 && all < FIELDS[WEEKDAY].count() {
            return Err("it mixes weekdays with and without an occurrence".to_owned());
        }
        let occurrences: Vec<String> = weekday.occurrences.iter().map(|(day, nth)| format!("{day}#{nth}")).collect();
        let occurrences = occurrences.join(",");
        Ok(if weekday.any { Days::Both(day, occurrences) } else { Days::Occurrence(day, occurrences) })
    }
}

impl Field {
    fn count(&self) -> usize {
        self.high.abs_diff(self.low) as usize + 1
    }

    fn parse(&self, text: &str, length: usize) -> Result<Named, String> {
        let mut named = Named::default();
        let is_of_days = self.position == DAY || self.position == WEEKDAY;
        if text == "?" && is_of_days {
            return Ok(Named { any: true, ..named });
        }
        for item in text.split(',') {
            self.add(item, length, &mut named)?;
        }
        named.numbers.sort_unstable();
        named.numbers.dedup();
        named.any |= !is_of_days && named.numbers.len() == self.count();
        Ok(named)
    }

    fn add(&self, item: &str, length: usize, named: &mut Named) -> Result<(), String> {
        if self.position == WEEKDAY {
            if let Some((days, nth)) = item.split_once('#') {
                let nth = OCCURRENCES.into_iter().find(|known| *known == nth).ok_or_else(|| self.unreadable(item))?;
                named.occurrences.extend(self.numbers(days, length, item)?.into_iter().map(|day| (day, nth)));
                return Ok(());
            }
            if let Some(day) = item.strip_prefix('l') {
                named.occurrences.push((self.number(day, length, item)?, "L"));
                return Ok(());
            }
        }
        match item {
            "*" => named.any = true,
            "l" if self.position == DAY => named.last = true,
            _ => named.numbers.extend(self.numbers(item, length, item)?),
        }
        Ok(())
    }

    /// The numbers of a range with or without a step, of a start with a step, or one number.
    fn numbers(&self, text: &str, length: usize, item: &str) -> Result<Vec<u32>, String> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(self.digits(step, item)?)),
            None => (text, None),
        };
        let (low, high) = match (range.split_once('-'), step) {
            (Some((low, high)), _) => (self.bound(low, length, item)?, self.end(high, length, item)?),
            (None, Some(_)) if range == "*" => (self.low, self.high),
            (None, Some(_)) => (self.bound(range, length, item)?, self.high),
            (None, None) => return Ok(vec![self.number(range, length, item)?]),
        };
        let step = step.unwrap_or(1);
        if step == 0 || low.max(high) > self.high {
            return Err(self.unreadable(item));
        }
        let numbers = self.range(low, high, step);
        if numbers.iter().any(|number| *number < self.low) { Err(self.unreadable(item)) } else { Ok(numbers) }
    }

    /// The numbers of a range, which may wrap; one from a number to itself is the whole field.
    fn range(&self, low: u32, high: u32, step: u32) -> Vec<u32> {
        let upward = |low: u32, high: u32| (low..=high).step_by(step as usize);
        if low < high {
            return upward(low, high).collect();
        }
        if low == high {
            return upward(self.low, self.high).collect();
        }
        let mut numbers: Vec<u32> = upward(low, self.high).collect();
        let last = numbers.last().copied().unwrap_or(low);
        let left = self.high - last;
        // The step goes on beyond the end of the field.
        let goes_beyond = last - self.low.min(last) + step > self.high - self.low + 1 && left < step;
        let skipped = if goes_beyond { step - left } else { 0 };
        numbers.extend(upward(self.low + skipped, high));
        numbers
    }

    /// The end of a range: in the day of the month also the last one.
    fn end(&self, text: &str, length: usize, item: &str) -> Result<u32, String> {
        if self.position == DAY && text == "l" { Ok(self.high) } else { self.bound(text, length, item) }
    }

    fn number(&self, text: &str, length: usize, item: &str) -> Result<u32, String> {
        let number = self.bound(text, length, item)?;
        if (self.low..=self.high).contains(&number) { Ok(number) } else { Err(self.unreadable(item)) }
    }

    /// A number or a name, where 7 may be Sunday. With seconds, day 0 is day 1.
    fn bound(&self, text: &str, length: usize, item: &str) -> Result<u32, String> {
        let number = match self.names.iter().zip(self.first_named..).find(|(name, _)| **name == text) {
            Some((_, number)) => number,
            None => self.digits(text, item)?,
        };
        Ok(match (self.position, length, number) {
            (WEEKDAY, 5, 7) => 0,
            (DAY, 6, 0) => 1,
            _ => number,
        })
    }

    fn digits(&self, text: &str, item: &str) -> Result<u32, String> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten().ok_or_else(|| self.unreadable(item))
    }

    /// In the form that [`Cron::of`] reads.
    fn text(&self, named: &Named) -> String {
        if named.any {
            return "*".to_owned();
        }
        let last = named.last.then(|| "L".to_owned());
        let all: Vec<String> = named.numbers.iter().map(u32::to_string).chain(last).collect();
        all.join(",")
    }

    fn unreadable(&self, item: &str) -> String {
        let shown: String = item.chars().take(20).collect();
        format!("{shown:?} is not a {} that croniter takes", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Cadence, Zone};
    use crate::time::{HOUR, Instant, Millis};
    use serde_json::Value;

    fn instants(seconds: &Value) -> Vec<Instant> {
        let seconds = seconds.as_array().into_iter().flatten().filter_map(Value::as_i64);
        seconds.map(|seconds| Instant::from_millis(seconds * 1000)).collect()
    }

    /// croniter is asked step by step. Over a clock change its answer is an hour off, the first time.
    #[test]
    fn each_slot_agrees_with_croniter_but_for_an_hour_over_a_clock_change() {
        let (mut wrong, mut moved) = (Vec::new(), 0);
        for line in include_str!("../../fixtures/croniter6.jsonl").lines() {
            let case: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let zone = Zone::named(case["tz"].as_str().unwrap_or_default()).unwrap_or_else(|| panic!("{line}"));
            let start = Instant::from_millis(case["after"].as_i64().unwrap_or_default() * 1000);
            let cadence =
                parse(case["expr"].as_str().unwrap_or_default()).map(|cron| Cadence::Cron(Box::new(cron), zone));
            let next = |at: Instant| cadence.as_ref().ok().and_then(|cadence| cadence.next(at));
            let truth = instants(&case["next"]);
            if truth.is_empty() && next(start).is_some() {
                wrong.push(format!("{line}: croniter refuses it"));
            }
            let ahead = |at: Instant| zone.wall(at).signed_duration_since(at.utc());
            let mut at = start;
            for theirs in truth {
                let ours = next(at);
                let off = ours.map_or(Millis::MAX, |ours| ours.since(theirs).abs());
                let may_be_off = ahead(at) != ahead(theirs) || ours.is_some_and(|ours| ahead(at) != ahead(ours));
                match off {
                    0 => {}
                    1..=HOUR if may_be_off => moved += 1,
                    _ => wrong.push(format!("{line}: after {at} {ours:?}, not {theirs}")),
                }
                at = theirs;
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(moved, 80, "of 7,300 slots those that croniter moves by an hour");
    }
}
