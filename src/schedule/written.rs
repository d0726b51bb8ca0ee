//! Schedules as programs and people write them: cron expressions of five to seven fields, `@` names, intervals, and a few
//! words, with or without a zone.

use super::{Cron, Zone};
use crate::time::{DAY, HOUR, MINUTE, Millis, SECOND};

/// Where the fields of a cron expression beyond five belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// Seconds first, years last
    SecondsFirst,
    /// Seconds as the sixth, years last
    SecondsLast,
    /// Seconds first, years last, and then Sunday is day 1
    Quartz,
}

/// A schedule that was understood.
#[derive(Debug, Clone)]
pub struct Written {
    /// When it comes.
    pub when: When,
    /// The zone that it names.
    pub zone: Option<Zone>,
}

/// When a schedule comes.
#[derive(Debug, Clone)]
pub enum When {
    /// At wall times.
    Cron(Box<Cron>),
    /// Each time that so many milliseconds have passed.
    Every(Millis),
}

/// Intervals up to a century make sense.
const LONGEST: Millis = 36_525 * DAY;

const UNITS: [(&[&str], Millis); 6] = [
    (&["ms", "milliseconds", "millisecond"], 1),
    (&["s", "sec", "secs", "seconds", "second"], SECOND),
    (&["m", "min", "mins", "minutes", "minute"], MINUTE),
    (&["h", "hr", "hrs", "hours", "hour"], HOUR),
    (&["d", "days", "day"], DAY),
    (&["w", "weeks", "week"], 7 * DAY),
];

/// What one word stands for.
const WORDS: [(&str, &str); 7] = [
    ("hourly", "every hour"),
    ("daily", "every day"),
    ("weekly", "every week"),
    ("monthly", "@monthly"),
    ("every month", "@monthly"),
    ("yearly", "@yearly"),
    ("every year", "@yearly"),
];

/// Days that come at a time, as the last field of an expression.
const DAYS: [(&str, &str); 3] = [("day", "*"), ("daily", "*"), ("weekday", "1-5")];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Reads a schedule.
///
/// # Errors
/// Why it is not understood.
pub fn read(text: &str, fields: Fields) -> Result<Written, String> {
    let (zone, text) = split_zone(text.trim())?;
    Ok(Written { when: when(&text, fields)?, zone })
}

/// The interval of a text such as `10m`, `1h30m`, `PT10M`, `@every 90s`, or `every 2 hours`.
pub fn interval(text: &str) -> Option<Millis> {
    let text = text.trim().to_ascii_lowercase();
    let (_, meant) = WORDS.iter().find(|(word, _)| *word == text).copied().unwrap_or(("", &text));
    let every = meant.strip_prefix("@every ").or(meant.strip_prefix("every "));
    let length = every.unwrap_or(meant).trim();
    if every.is_some()
        && let Some(unit) = unit(length)
    {
        return Some(unit);
    }
    match length.strip_prefix('p') {
        Some(iso) => span(&iso.replace('t', " ")),
        None => span(length),
    }
}

fn when(text: &str, fields: Fields) -> Result<When, String> {
    if let Some(interval) = interval(text) {
        return Ok(When::Every(interval));
    }
    let lower = text.to_ascii_lowercase();
    let of_words = WORDS.iter().find(|(word, _)| *word == lower).map(|(_, meant)| (*meant).to_owned());
    let expression = of_words.or_else(|| day_and_time(&lower));
    cron(expression.as_deref().unwrap_or(text), fields).map(|cron| When::Cron(Box::new(cron)))
}

/// The zone that a text begins with, as `TZ=` or `CRON_TZ=`, or that it ends with, and the rest.
fn split_zone(text: &str) -> Result<(Option<Zone>, String), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [first, rest @ ..] = words.as_slice()
        && let Some(name) = first.strip_prefix("CRON_TZ=").or(first.strip_prefix("TZ="))
    {
        let zone = Zone::named(name).ok_or_else(|| "its zone does not exist".to_owned())?;
        return Ok((Some(zone), rest.join(" ")));
    }
    match words.as_slice() {
        [rest @ .., last] if rest.len() > 1 && (last.contains('/') || *last == "UTC") => match Zone::named(last) {
            Some(zone) => Ok((Some(zone), rest.strip_suffix(&["in"]).unwrap_or(rest).join(" "))),
            None => Ok((None, words.join(" "))),
        },
        _ => Ok((None, words.join(" "))),
    }
}

/// The sum of numbers with units, such as `1h30m` or `2 hours`.
fn span(text: &str) -> Option<Millis> {
    let mut rest = text.trim();
    let mut sum: Millis = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (count, after) = rest.split_at(number);
        let after = after.trim_start();
        let length = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (word, after) = after.split_at(length);
        let millis = count.parse::<f64>().ok()? * unit(word)? as f64;
        sum = sum.checked_add(millis as Millis)?;
        rest = after.trim_start();
    }
    (sum > 0 && sum <= LONGEST).then_some(sum)
}

fn unit(word: &str) -> Option<Millis> {
    UNITS.iter().find(|(names, _)| names.contains(&word)).map(|(_, millis)| *millis)
}

/// The expression of words such as `every day at 5am` or `every monday at 17:30`, in lower case.
fn day_and_time(text: &str) -> Option<String> {
    let text = text.strip_prefix("every ").unwrap_or(text);
    let (day, time) = text.split_once(" at ").unwrap_or((text, "midnight"));
    let (hour, minute) = time_of_day(time.trim())?;
    let weekday = WEEKDAYS.iter().position(|weekday| *weekday == day || weekday.get(..3) == Some(day));
    let days = match weekday {
        Some(number) => number.to_string(),
        None => DAYS.iter().find(|(name, _)| *name == day)?.1.to_owned(),
    };
    Some(format!("{minute} {hour} * * {days}"))
}

fn time_of_day(text: &str) -> Option<(u32, u32)> {
    let (clock, afternoon) = match text {
        "noon" => return Some((12, 0)),
        "midnight" => return Some((0, 0)),
        _ => match (text.strip_suffix("am"), text.strip_suffix("pm")) {
            (Some(clock), _) => (clock.trim(), Some(false)),
            (_, Some(clock)) => (clock.trim(), Some(true)),
            _ => (text, None),
        },
    };
    let (hour, minute) = clock.split_once(':').unwrap_or((clock, "0"));
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    match afternoon {
        None => Some((hour, minute)),
        Some(afternoon) if (1..=12).contains(&hour) => Some((hour % 12 + if afternoon { 12 } else { 0 }, minute)),
        Some(_) => None,
    }
}

fn cron(text: &str, fields: Fields) -> Result<Cron, String> {
    let text = Cron::nickname(text).unwrap_or(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let (second, five, year, weekdays_from_one) = match (words.as_slice(), fields) {
        (five @ [_, _, _, _, _], _) => ("0", five, "*", false),
        ([five @ .., second], Fields::SecondsLast) if five.len() == 5 => (*second, five, "*", false),
        ([five @ .., second, year], Fields::SecondsLast) if five.len() == 5 => (*second, five, *year, false),
        ([second, five @ ..], _) if five.len() == 5 => (*second, five, "*", fields == Fields::Quartz),
        ([second, five @ .., year], _) if five.len() == 5 => (*second, five, *year, fields == Fields::Quartz),
        _ => return Err("it is neither a cron expression nor an interval".to_owned()),
    };
    let &[minute, hour, day, month, weekday] = five else { return Err("it has too few fields".to_owned()) };
    let weekday = if weekdays_from_one { from_one(weekday) } else { weekday.to_owned() };
    let [second, minute, hour, day, month, weekday] =
        [(second, 59), (minute, 59), (hour, 23), (day, 31), (month, 12), (&weekday, 6)].map(normal);
    Cron::of(&second, [&minute, &hour, &day, &month, &weekday], if year == "?" { "*" } else { year })
}

/// A field, with its highest number, as cron(8) writes it: `?` is any, and `5/15` goes on to the end.
fn normal((field, highest): (&str, u32)) -> String {
    if field == "?" {
        return "*".to_owned();
    }
    let items = field.split(',').map(|item| match item.split_once('/') {
        Some((from, step)) if from.bytes().all(|byte| byte.is_ascii_digit()) => format!("{from}-{highest}/{step}"),
        _ => item.to_owned(),
    });
    items.collect::<Vec<_>>().join(",")
}

/// The days of a week whose first day, Sunday, is 1, as those of one whose Sunday is 0.
fn from_one(weekdays: &str) -> String {
    let items = weekdays.split(',').map(|item| {
        let days = item.find(['/', '#']).unwrap_or(item.len());
        let (days, rest) = item.split_at(days);
        let shifted = days.chars().map(|day| match day.to_digit(10) {
            Some(number @ 1..) => char::from_digit(number - 1, 10).unwrap_or(day),
            _ => day,
        });
        shifted.chain(rest.chars()).collect::<String>()
    });
    items.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Cadence;
    use crate::time::{Instant, TimeText};

    fn at(text: &str) -> Instant {
        TimeText::parse(text).unwrap_or_else(|| panic!("{text}")).as_utc()
    }

    /// The first slots after the beginning of Monday, 2 March 2026, or the interval in seconds.
    fn slots(text: &str, fields: Fields) -> String {
        let written = match read(text, fields) {
            Ok(written) => written,
            Err(why) => return why,
        };
        match written.when {
            When::Every(interval) => format!("every {}s", interval / SECOND),
            When::Cron(cron) => {
                let cadence = Cadence::Cron(cron, written.zone.unwrap_or(Zone::UTC));
                let first = cadence.next(at("2026-03-02")).map(|slot| slot.to_string());
                let second = cadence.next(at("2026-03-02")).and_then(|slot| cadence.next(slot));
                format!("{} {}", first.unwrap_or_default(), second.map_or_else(String::new, |slot| slot.to_string()))
            }
        }
    }

    #[test]
    fn expressions_of_five_to_seven_fields_are_read() {
        let ten = "2026-03-02T00:10:00Z 2026-03-02T00:20:00Z";
        for text in
            ["*/10 * * * *", "0 */10 * * * *", "0 */10 * * * ?", "0 0/10 * * * * *", "0/10 * * * *", "*/10 * * * * UTC"]
        {
            assert_eq!(slots(text, Fields::SecondsFirst), ten, "{text}");
        }
        let half = "2026-03-02T00:00:30Z 2026-03-02T00:01:30Z";
        assert_eq!(slots("30 * * * * *", Fields::SecondsFirst), half);
        assert_eq!(slots("* * * * * 30", Fields::SecondsLast), half);
        assert_eq!(slots("* * * * * 30 *", Fields::SecondsLast), half);
    }

    #[test]
    fn weekdays_begin_at_one_only_where_seconds_come_first() {
        let monday = "2026-03-02T09:00:00Z 2026-03-09T09:00:00Z";
        assert_eq!(slots("0 9 * * 1", Fields::Quartz), monday);
        assert_eq!(slots("0 0 9 * * 2", Fields::Quartz), monday);
        assert_eq!(slots("0 0 9 * * MON", Fields::Quartz), monday);
        assert_eq!(slots("0 0 9 ? * 2#1", Fields::Quartz), "2026-03-02T09:00:00Z 2026-04-06T09:00:00Z");
        assert_eq!(slots("0 0 9 * * 1", Fields::SecondsFirst), monday);
    }

    #[test]
    fn names_intervals_and_words_are_read() {
        for (text, seconds) in [
            ("@every 10m", 600),
            ("@every 1h30m", 5_400),
            ("every 10 minutes", 600),
            ("Every hour", 3_600),
            ("every 2 hours", 7_200),
            ("1h 30m", 5_400),
            ("PT10M", 600),
            ("P1DT2H", 93_600),
            ("hourly", 3_600),
            ("every day", 86_400),
            ("1.5h", 5_400),
        ] {
            assert_eq!(slots(text, Fields::SecondsFirst), format!("every {seconds}s"), "{text}");
        }
        for (text, first) in [
            ("@hourly", "2026-03-02T01:00:00Z"),
            ("@daily", "2026-03-03T00:00:00Z"),
            ("every month", "2026-04-01T00:00:00Z"),
            ("every day at 5am", "2026-03-02T05:00:00Z"),
            ("every day at 5:30 pm", "2026-03-02T17:30:00Z"),
            ("every friday at noon", "2026-03-06T12:00:00Z"),
            ("every weekday at 12am", "2026-03-03T00:00:00Z"),
            ("TZ=Asia/Tokyo 0 9 * * *", "2026-03-03T00:00:00Z"),
            ("CRON_TZ=Asia/Tokyo @daily", "2026-03-02T15:00:00Z"),
            ("0 9 * * * Asia/Tokyo", "2026-03-03T00:00:00Z"),
            ("every day at noon in Asia/Tokyo", "2026-03-02T03:00:00Z"),
        ] {
            assert!(
                slots(text, Fields::SecondsFirst).starts_with(first),
                "{text}: {}",
                slots(text, Fields::SecondsFirst)
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [
            "",
            "600",
            "garbage",
            "@reboot",
            "each full moon",
            "every",
            "every 0 minutes",
            "every day at 13pm",
            "* * * *",
            "* * * * 8",
            "TZ=Nowhere * * * * *",
            "every 99999999999999999999 weeks",
            "R/PT10M",
            "-5m",
            "..h",
        ] {
            assert!(read(text, Fields::SecondsFirst).is_err(), "{text}: {}", slots(text, Fields::SecondsFirst));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(@|TZ=)?[-*/,#?LWPTa-z0-9. :]{0,24}") {
            for fields in [Fields::SecondsFirst, Fields::SecondsLast, Fields::Quartz] {
                let _ = read(&text, fields);
            }
        }
    }
}
