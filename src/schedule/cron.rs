//! A cron expression as the schedulers' library (croner 10) reads it: with five fields for phantom, with up to seven and with
//! nicknames for OpenClaw.
//!
//! The crate `cron` says whether it takes the seconds, minutes, and hours; they are kept as bits, because slots are looked for by the
//! thousand. The days are decided here, because croner's differ: day-of-month OR day-of-week, `L`, `W`, `#`, `+`, and two quirks
//! that real schedules meet (`?` is not a star; February overflows).

use crate::time::Millis;
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use std::str::FromStr;

/// A day that does not come in so many of the named years never will: the rarest, a 29 February on a given weekday, comes
/// every 40 years at least.
const HORIZON_YEARS: i32 = 41;

/// The years that an expression can name.
const CALENDAR: std::ops::RangeInclusive<i32> = 1..=9999;

/// A parsed expression: which wall-clock minutes it names.
#[derive(Clone, Debug)]
pub struct Cron {
    /// Bit n = the number n.
    seconds: u64,
    minutes: u64,
    hours: u64,
    months: u32,
    years: Vec<Range>,
    days: Days,
    /// Whether it names every day of the calendar, which then need not be looked at.
    is_daily: bool,
    /// Whether a time that a clock change leaves out is left out, and not moved.
    skips_gaps: bool,
    /// How long after the times that it names a job runs, fixed for each job.
    stagger: Millis,
    /// Whether any day at all is named, looked for once: to search the whole horizon takes microseconds, but often adds up.
    has_days: bool,
}

#[derive(Clone, Debug, Default)]
struct Days {
    of_month: u32,
    last: bool,
    last_weekday: bool,
    nearest_weekday: u32,
    any_of_month: bool,
    /// For each weekday from Sunday: bit n = its nth occurrence in the month, bit 6 = the last, bit 0 = every one.
    of_week: [u8; 7],
    any_of_week: bool,
    both: bool,
}

/// The numbers from `low` to `high` that are `step` apart.
#[derive(Clone, Copy, Debug)]
struct Range {
    low: u32,
    high: u32,
    step: u32,
}

/// What the nicknames stand for, in five fields.
pub(super) const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const EVERY_OCCURRENCE: u8 = 1;
const LAST_OCCURRENCE: u8 = 1 << 6;

impl Cron {
    /// Reads a five-field expression.
    ///
    /// # Errors
    /// The field that croner refuses, or that is one of its oddities (`5*`, `LL`, a date) which this reader does not
    /// follow: never is an expression read as something else than croner reads.
    pub fn parse(expression: &str) -> Result<Cron, String> {
        match fields(expression).as_slice() {
            &[minute, hour, day, month, weekday] => Cron::of("0", [minute, hour, day, month, weekday], "*"),
            other => Err(format!("it has {} fields, not five", other.len())),
        }
    }

    /// Reads an expression with five fields, six (seconds first) or seven (a year last), or a nickname, as OpenClaw means
    /// it: a time in the gap of a clock change is left out.
    ///
    /// # Errors
    /// As [`Cron::parse`].
    pub fn parse_openclaw(expression: &str) -> Result<Cron, String> {
        let cron = match fields(Cron::nickname(expression).unwrap_or(expression)).as_slice() {
            &[minute, hour, day, month, weekday] => Cron::of("0", [minute, hour, day, month, weekday], "*"),
            &[second, minute, hour, day, month, weekday] => Cron::of(second, [minute, hour, day, month, weekday], "*"),
            &[second, minute, hour, day, month, weekday, year] => {
                Cron::of(second, [minute, hour, day, month, weekday], year)
            }
            other => Err(format!("it has {} fields, not five to seven", other.len())),
        };
        Ok(Cron { skips_gaps: true, ..cron? })
    }

    /// What a nickname such as `@daily` stands for, in five fields.
    pub fn nickname(text: &str) -> Option<&'static str> {
        NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim())).map(|(_, meant)| *meant)
    }

    /// The same, each time moved later by `stagger`.
    pub fn staggered(self, stagger: Millis) -> Cron {
        Cron { stagger, ..self }
    }

    /// How long after the times that it names a job runs.
    pub fn stagger(&self) -> Millis {
        self.stagger
    }

    /// Whether a time that a clock change leaves out is left out, and not moved.
    pub fn skips_gaps(&self) -> bool {
        self.skips_gaps
    }

    /// Of fields that are told apart.
    ///
    /// # Errors
    /// As [`Cron::parse`].
    pub fn of(second: &str, [minute, hour, day, month, weekday]: [&str; 5], year: &str) -> Result<Cron, String> {
        let seconds = parse_field(second, &SECOND)?;
        let minutes = parse_field(minute, &MINUTE)?;
        let hours = parse_field(hour, &HOUR)?;
        let months = parse_field(month, &MONTH)? as u32;
        let days = Days::parse(day, weekday)?;
        let years = year.split(',').map(|item| parse_range(item, &YEAR)).collect::<Result<_, _>>()?;
        let text = format!("{} {} {} * * *", numbers(seconds), numbers(minutes), numbers(hours));
        cron::Schedule::from_str(&text).map_err(|error| error.to_string())?;
        let is_daily = month == "*" && year == "*" && days.any_of_month && days.any_of_week;
        let (skips_gaps, stagger, has_days) = (false, 0, true);
        let mut cron = Cron { seconds, minutes, hours, months, years, days, is_daily, skips_gaps, stagger, has_days };
        cron.has_days = NaiveDate::from_ymd_opt(2000, 1, 1).and_then(|start| cron.day_from(start)).is_some();
        Ok(cron)
    }

    /// Whether it names any day at all.
    pub fn has_days(&self) -> bool {
        self.has_days
    }

    /// The first wall time it names after `wall`; None if there is none within its horizon.
    pub fn next_wall(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut day = self.day_from(wall.date())?;
        if day == wall.date() {
            if let Some(time) = self.time_after(Some(wall.time())) {
                return Some(day.and_time(time));
            }
            day = self.day_from(wall.date().succ_opt()?)?;
        }
        Some(day.and_time(self.time_after(None)?))
    }

    /// The first day from `date` on that it names.
    pub fn day_from(&self, date: NaiveDate) -> Option<NaiveDate> {
        if !self.has_days {
            return None;
        }
        if self.is_daily && CALENDAR.contains(&date.year()) {
            return Some(date);
        }
        let (mut month, mut from) = (date.with_day(1)?, date.day());
        let mut years_left = HORIZON_YEARS;
        while years_left > 0 {
            let year = self.year_from(month.year())?;
            if year != month.year() {
                (month, from) = (NaiveDate::from_ymd_opt(year, 1, 1)?, 1);
            }
            let following = month.checked_add_months(chrono::Months::new(1))?;
            let length = u32::try_from(following.signed_duration_since(month).num_days()).ok()?;
            let named = self.months & (1 << month.month()) != 0;
            // croner tries the days up to 31 in every month; one past its end overflows into the next and is tried there.
            let found = named.then(|| (from..=31).find(|&day| self.days.contain(month, day, length))).flatten();
            match found {
                Some(day) if day <= length => return month.with_day(day),
                Some(day) => (month, from) = (following, day - length),
                None => (month, from) = (following, 1),
            }
            years_left -= i32::from(month.year() != year);
        }
        None
    }

    /// The first year from `year` on that it names.
    fn year_from(&self, year: i32) -> Option<i32> {
        let year = u32::try_from(year).unwrap_or(0);
        let first = self.years.iter().filter_map(|years| years.first_from(year)).min()?;
        i32::try_from(first).ok()
    }

    /// How many times it names on a day that it names.
    pub fn times_per_day(&self) -> u32 {
        self.seconds.count_ones() * self.minutes.count_ones() * self.hours.count_ones()
    }

    /// The first time of day it names after `time`, or the first of all.
    fn time_after(&self, time: Option<NaiveTime>) -> Option<NaiveTime> {
        let from = time.map_or(0, |time| time.num_seconds_from_midnight() + 1);
        let (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        let in_minute = |hour, minute| NaiveTime::from_hms_opt(hour, minute, bit_from(self.seconds, 0)?);
        if bit_from(self.hours, hour)? == hour {
            if bit_from(self.minutes, minute) == Some(minute)
                && let Some(second) = bit_from(self.seconds, second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = bit_from(self.minutes, minute + 1) {
                return in_minute(hour, minute);
            }
        }
        in_minute(bit_from(self.hours, hour + 1)?, bit_from(self.minutes, 0)?)
    }
}

/// The first number from `number` on whose bit is set.
fn bit_from(bits: u64, number: u32) -> Option<u32> {
    let rest = bits.checked_shr(number)?;
    if rest == 0 { None } else { Some(number + rest.trailing_zeros()) }
}

impl Range {
    /// The first of its numbers from `number` on.
    fn first_from(&self, number: u32) -> Option<u32> {
        let steps = number.saturating_sub(self.low).div_ceil(self.step);
        self.low.checked_add(steps.checked_mul(self.step)?).filter(|first| *first <= self.high)
    }
}

fn fields(expression: &str) -> Vec<&str> {
    let fields = expression.split(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}');
    fields.filter(|field| !field.is_empty()).collect()
}

impl Days {
    fn parse(day: &str, weekday: &str) -> Result<Days, String> {
        let mut days = Days { any_of_month: day == "*", ..Days::default() };
        for item in day.split(',') {
            match item.to_ascii_uppercase().as_str() {
                "L" => days.last = true,
                "LW" => days.last_weekday = true,
                upper => match upper.strip_suffix('W') {
                    Some(number) => days.nearest_weekday |= 1 << parse_number(number, &DAY)?,
                    None => days.of_month |= parse_item(item, &DAY)? as u32,
                },
            }
        }
        let weekday = weekday.strip_prefix('+').inspect(|_| days.both = true).unwrap_or(weekday);
        days.any_of_week = weekday == "*";
        for item in weekday.split(',') {
            let (item, occurrence) = split_occurrence(item)?;
            let named = parse_item(item, &WEEKDAY)?;
            for number in (0..=7).filter(|number| named & (1 << number) != 0) {
                days.of_week[number % 7] |= occurrence;
            }
        }
        Ok(days)
    }

    /// Whether the day that is `day` days into `month` counts; `day` may lie past the month's `length`, as croner tries it.
    fn contain(&self, month: NaiveDate, day: u32, length: u32) -> bool {
        match (self.any_of_month, self.any_of_week) {
            (true, true) => true,
            (true, false) => self.contain_weekday(month, day, length),
            (false, true) => self.contain_day(month, day, length),
            (false, false) if self.both => {
                self.contain_day(month, day, length) && self.contain_weekday(month, day, length)
            }
            (false, false) => self.contain_day(month, day, length) || self.contain_weekday(month, day, length),
        }
    }

    fn contain_day(&self, month: NaiveDate, day: u32, length: u32) -> bool {
        let weekday = |day: u32| (month.weekday().num_days_from_sunday() + day - 1) % 7;
        let nearest = |day: u32| match weekday(day) {
            6 if day == 1 => 3,
            6 => day - 1,
            0 if day == length => day - 2,
            0 => day + 1,
            _ => day,
        };
        self.of_month & (1 << day) != 0
            || self.last && day == length
            || self.last_weekday
                && day == (length - 2..=length).rev().find(|&d| !matches!(weekday(d), 0 | 6)).unwrap_or(0)
            || self.nearest_weekday != 0
                && (1..=length).any(|wanted| self.nearest_weekday & (1 << wanted) != 0 && nearest(wanted) == day)
    }

    fn contain_weekday(&self, month: NaiveDate, day: u32, length: u32) -> bool {
        let weekday = (month.weekday().num_days_from_sunday() + day - 1) % 7;
        let wanted = self.of_week[weekday as usize];
        let nth = 1u8 << ((day - 1) / 7 + 1);
        wanted & (EVERY_OCCURRENCE | nth) != 0 || wanted & LAST_OCCURRENCE != 0 && day + 7 > length
    }
}

/// What croner accepts in one field.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    longest_step: u32,
    names: &'static [&'static str],
}

const SECOND: Field = Field { name: "second", low: 0, high: 59, longest_step: 60, names: &[] };
const MINUTE: Field = Field { name: "minute", low: 0, high: 59, longest_step: 60, names: &[] };
const HOUR: Field = Field { name: "hour", low: 0, high: 23, longest_step: 24, names: &[] };
const DAY: Field = Field { name: "day of month", low: 1, high: 31, longest_step: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    longest_step: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const YEAR: Field = Field { name: "year", low: 1, high: 9999, longest_step: 9999, names: &[] };
const WEEKDAY: Field = Field {
    name: "day of week",
    low: 0,
    high: 7,
    longest_step: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

/// The numbers that a field names, as bits.
fn parse_field(text: &str, field: &Field) -> Result<u64, String> {
    text.split(',').try_fold(0, |bits, item| Ok(bits | parse_item(item, field)?))
}

fn parse_item(item: &str, field: &Field) -> Result<u64, String> {
    let Range { low, high, step } = parse_range(if item == "?" { "*" } else { item }, field)?;
    Ok((low..=high).step_by(step as usize).fold(0, |bits, number| bits | 1 << number))
}

fn parse_range(item: &str, field: &Field) -> Result<Range, String> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, parse_digits(step, field)?),
        None => (item, 1),
    };
    let (low, high) = match range.split_once('-') {
        _ if range == "*" => (field.low, field.high),
        Some((low, high)) => (parse_number(low, field)?, parse_range_end(high, field)?),
        None if range == item => {
            let number = parse_number(range, field)?;
            (number, number)
        }
        None => return Err(unreadable(item, field)),
    };
    if low > high || step == 0 || step > field.longest_step {
        return Err(unreadable(item, field));
    }
    Ok(Range { low, high, step })
}

/// A Sunday that ends a range is day 7.
fn parse_range_end(text: &str, field: &Field) -> Result<u32, String> {
    match parse_number(text, field)? {
        0 if field.high == 7 && text.eq_ignore_ascii_case("SUN") => Ok(7),
        number => Ok(number),
    }
}

fn parse_number(text: &str, field: &Field) -> Result<u32, String> {
    let named = field.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match named {
        Some(index) => index as u32 + field.low,
        None => parse_digits(text, field)?,
    };
    if (field.low..=field.high).contains(&number) { Ok(number) } else { Err(unreadable(text, field)) }
}

fn parse_digits(text: &str, field: &Field) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(|| unreadable(text, field))
}

/// `5#3` is the third Friday, `5L` and `5#L` the last.
fn split_occurrence(item: &str) -> Result<(&str, u8), String> {
    if let Some((day, occurrence)) = item.split_once('#') {
        return match occurrence {
            "L" | "l" => Ok((day, LAST_OCCURRENCE)),
            "1" | "2" | "3" | "4" | "5" => Ok((day, 1 << (occurrence.as_bytes()[0] - b'0'))),
            _ => Err(unreadable(item, &WEEKDAY)),
        };
    }
    match item.strip_suffix(['L', 'l']) {
        Some("") => Err(unreadable(item, &WEEKDAY)),
        Some(day) => Ok((day, LAST_OCCURRENCE)),
        None => Ok((item, EVERY_OCCURRENCE)),
    }
}

fn unreadable(item: &str, field: &Field) -> String {
    let shown: String = item.chars().take(20).collect();
    format!("{shown:?} is not a {} that the scheduler's cron library takes", field.name)
}

fn numbers(bits: u64) -> String {
    let named: Vec<String> = (0..64).filter(|n| bits & (1 << n) != 0).map(|n: u32| n.to_string()).collect();
    named.join(",")
}
