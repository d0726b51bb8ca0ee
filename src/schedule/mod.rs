//! Cadence: the slots (scheduled times) of a schedule, as the scheduler itself would compute them.
//!
//! Pure: a slot follows from the schedule, a zone and an instant. The only module that names the crates `cron` and
//! `chrono-tz`.

mod cron;
pub mod croniter;
mod written;

pub use cron::Cron;
pub use written::{Fields, When, Written, interval, read};

use crate::time::{DAY, HOUR, Instant, Millis, SECOND};
use chrono::{FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// Intervals looked at to tell the usual one of an irregular schedule: enough for the nights of a business-hours job to be
/// the exception, few enough to cost nothing.
const INTERVALS_FOR_CADENCE: usize = 9;

/// The longest span over which slots are counted one by one: a row with a time of the year 1 must not cost a second.
const MAX_COUNTED_SPAN: Millis = 400 * DAY;

const QUARTER: Millis = HOUR / 4;

/// The offsets from UTC that zones have, in quarter hours.
const QUARTERS: std::ops::RangeInclusive<i64> = -12 * 4..=14 * 4;

/// A zone of wall clocks: IANA, or a fixed offset where only that is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Zone {
    /// A zone of the IANA database.
    Named(Tz),
    /// Always this far ahead of UTC.
    Fixed(FixedOffset),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone::Named(Tz::UTC);

    /// The zone of an IANA name, in any case, as JavaScript takes it; None if there is no such zone.
    pub fn named(name: &str) -> Option<Zone> {
        Tz::from_str_insensitive(name).ok().map(Zone::Named)
    }

    /// The zone that is always so far ahead of UTC; None if no zone is.
    pub fn ahead(of_utc: Millis) -> Option<Zone> {
        if of_utc == 0 {
            return Some(Zone::UTC);
        }
        let seconds = i32::try_from(of_utc / SECOND).ok()?;
        if !QUARTERS.contains(&(of_utc / QUARTER)) {
            return None;
        }
        FixedOffset::east_opt(seconds).map(Zone::Fixed)
    }

    /// Every name that [`Zone::named`] takes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
    }

    /// Every zone with a fixed offset, the nearest to UTC first.
    pub fn all_fixed() -> impl Iterator<Item = Zone> {
        let mut ahead: Vec<Millis> = QUARTERS.map(|quarters| quarters * QUARTER).collect();
        ahead.sort_by_key(|ahead| ahead.abs());
        ahead.into_iter().filter_map(Zone::ahead)
    }

    /// The zone's IANA name, or `UTC+02:00`.
    pub fn name(self) -> String {
        match self {
            Zone::Named(zone) => zone.name().to_owned(),
            Zone::Fixed(offset) => format!("UTC{offset}"),
        }
    }

    /// Whether it is UTC by another name.
    pub fn is_utc(self) -> bool {
        let names =
            [Tz::UTC, Tz::UCT, Tz::Universal, Tz::Zulu, Tz::Etc__UTC, Tz::Etc__UCT, Tz::Etc__Universal, Tz::Etc__Zulu];
        matches!(self, Zone::Named(zone) if names.contains(&zone))
    }

    /// What a clock of this zone shows at an instant.
    pub fn wall(self, instant: Instant) -> NaiveDateTime {
        let utc = instant.utc();
        utc + self.offset(utc)
    }

    /// The instant at which a clock of this zone shows `wall`, by croner's rule: a time in the spring gap moves later by
    /// the gap, and of a repeated hour the first pass counts.
    pub fn instant(self, wall: NaiveDateTime) -> Instant {
        if self == Zone::UTC {
            return Instant::from_utc(wall);
        }
        let hour = TimeDelta::hours(1);
        let shows = |utc: NaiveDateTime| utc + self.offset(utc);
        let guess = wall - self.offset(wall);
        let shown = shows(guess);
        let utc = if shown == wall {
            if shows(guess - hour) == wall { guess - hour } else { guess }
        } else {
            let later = guess + (wall - shown);
            if shows(later) == wall { later } else { guess.max(later) }
        };
        Instant::from_utc(utc)
    }

    fn offset(self, utc: NaiveDateTime) -> TimeDelta {
        let offset = match self {
            Zone::Named(Tz::UTC) => return TimeDelta::zero(),
            Zone::Named(zone) => zone.offset_from_utc_datetime(&utc).fix(),
            Zone::Fixed(offset) => offset,
        };
        TimeDelta::seconds(offset.local_minus_utc().into())
    }
}

/// When a recurring job is due again.
#[derive(Clone, Debug)]
pub enum Cadence {
    /// At the wall times of an expression, in a zone.
    Cron(Box<Cron>, Zone),
    /// An interval in milliseconds, at least 1, after the end of the last run.
    Every(Millis),
}

impl Cadence {
    /// The first slot after `instant`; for an interval, the one that follows a run ended then. None if there is none.
    pub fn next(&self, instant: Instant) -> Option<Instant> {
        match self {
            Cadence::Every(interval) => Some(instant.plus(*interval)).filter(|next| *next > instant),
            Cadence::Cron(cron, zone) => {
                Some(named_after(cron, *zone, instant.plus(-cron.stagger()))?.plus(cron.stagger()))
            }
        }
    }

    /// The instant that lies `count` slots (fractions allowed) after `instant`. None if the schedule ends before.
    pub fn advance(&self, instant: Instant, count: f64) -> Option<Instant> {
        if let Cadence::Every(interval) = self {
            return Some(instant.plus((*interval as f64 * count) as Millis));
        }
        let mut slot = instant;
        for _ in 0..count as u64 {
            slot = self.next(slot)?;
        }
        let part = count.fract();
        if part == 0.0 {
            return Some(slot);
        }
        let next = self.next(slot)?;
        Some(slot.plus((next.since(slot) as f64 * part) as Millis))
    }

    /// How many slots lie after `from` and up to `to`; over more than 400 days in proportion to the last 400.
    pub fn slots_between(&self, from: Instant, to: Instant) -> u64 {
        if to <= from {
            return 0;
        }
        match self {
            Cadence::Every(interval) => (to.since(from) / interval) as u64,
            Cadence::Cron(cron, zone) => {
                let (from, to) = (from.plus(-cron.stagger()), to.plus(-cron.stagger()));
                let counted_from = from.max(to.plus(-MAX_COUNTED_SPAN));
                let count = count_days(cron, *zone, counted_from, to);
                let (all, counted) = (i128::from(to.since(from)), i128::from(to.since(counted_from)));
                (i128::from(count) * all / counted) as u64
            }
        }
    }

    /// The usual interval between slots about `instant`, in milliseconds: the median of the next few. None if there are
    /// not two more slots.
    pub fn usual_interval(&self, instant: Instant) -> Option<Millis> {
        if let Cadence::Every(interval) = self {
            return Some(*interval);
        }
        let mut slot = self.next(instant)?;
        let mut intervals = Vec::with_capacity(INTERVALS_FOR_CADENCE);
        while intervals.len() < INTERVALS_FOR_CADENCE {
            let Some(next) = self.next(slot) else { break };
            intervals.push(next.since(slot));
            slot = next;
        }
        intervals.sort_unstable();
        intervals.get(intervals.len() / 2).copied()
    }

    /// The shortest of the next intervals between slots after `instant`. None if there are not two more slots.
    pub fn shortest_interval(&self, instant: Instant) -> Option<Millis> {
        if let Cadence::Every(interval) = self {
            return Some(*interval);
        }
        let mut slot = self.next(instant)?;
        let mut shortest: Option<Millis> = None;
        for _ in 0..INTERVALS_FOR_CADENCE {
            let Some(next) = self.next(slot) else { break };
            let interval = next.since(slot);
            shortest = Some(shortest.map_or(interval, |known| known.min(interval)));
            slot = next;
        }
        shortest
    }

    /// Whether a clock of its zone is ahead of UTC by another time at two instants; an interval has no zone.
    pub fn changes_clock(&self, from: Instant, to: Instant) -> bool {
        match self {
            Cadence::Cron(_, zone) => zone.offset(from.utc()) != zone.offset(to.utc()),
            Cadence::Every(_) => false,
        }
    }

    /// Whether `instant` is one of the slots, for an expression; an interval has no fixed ones.
    pub fn has_slot_at(&self, instant: Instant) -> bool {
        let Cadence::Cron(cron, zone) = self else { return false };
        let instant = instant.plus(-cron.stagger());
        // The wall time without a clock change since yesterday: a time in the spring gap is moved by that change.
        let unchanged = instant.utc() + zone.offset(instant.plus(-DAY).utc());
        let named = |wall| cron.next_wall(wall - TimeDelta::seconds(1)) == Some(wall) && zone.instant(wall) == instant;
        named(zone.wall(instant)) || named(unchanged)
    }

    /// The zones with a fixed offset in which `instant` would be one of the slots, the nearest to UTC first; an interval has
    /// none.
    pub fn fixed_zones_with_slot_at(&self, instant: Instant) -> Vec<Zone> {
        let Cadence::Cron(cron, _) = self else { return Vec::new() };
        let wall = instant.plus(-cron.stagger()).utc();
        let has_slot = |zone: &Zone| {
            let wanted = wall + zone.offset(wall);
            cron.next_wall(wanted - TimeDelta::seconds(1)) == Some(wanted)
        };
        Zone::all_fixed().filter(has_slot).collect()
    }

    /// The same schedule in another zone.
    pub fn in_zone(&self, zone: Zone) -> Cadence {
        match self {
            Cadence::Cron(cron, _) => Cadence::Cron(cron.clone(), zone),
            Cadence::Every(interval) => Cadence::Every(*interval),
        }
    }
}

/// The first time after `instant` that an expression names, without its stagger.
fn named_after(cron: &Cron, zone: Zone, instant: Instant) -> Option<Instant> {
    let mut wall = zone.wall(instant);
    loop {
        wall = cron.next_wall(wall)?;
        let slot = zone.instant(wall);
        let left_out = cron.skips_gaps() && zone.wall(slot) != wall;
        // In the second pass of a repeated hour the wall times ahead have their instants behind.
        if slot > instant && !left_out {
            return Some(slot);
        }
    }
}

/// Counts whole days by their number of times and walks the rest: the two ends and the days that a clock change shortens,
/// whose times in the gap may fall together with others or be left out.
fn count_days(cron: &Cron, zone: Zone, from: Instant, to: Instant) -> u64 {
    let mut count = 0;
    let mut at = from;
    while let Some(next) = named_after(cron, zone, at).filter(|slot| *slot <= to) {
        if to.since(at) < DAY {
            (count, at) = (count + 1, next);
            continue;
        }
        let day = zone.wall(next).date();
        let midnight = |day: NaiveDate| zone.instant(day.and_time(NaiveTime::MIN));
        let end = day.succ_opt().map_or(Instant::MAX, midnight);
        let whole = at < midnight(day) && end.since(midnight(day)) >= DAY && end.plus(-1) <= to;
        (count, at) = if whole { (count + u64::from(cron.times_per_day()), end.plus(-1)) } else { (count + 1, next) };
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MINUTE;
    use proptest::prelude::*;
    use serde_json::Value;

    const ORACLE: &str = include_str!("../../fixtures/croner10.jsonl");

    /// The fires that this module computes for a case of the oracle, or the word that the oracle uses for a refusal.
    fn answer(case: &Value) -> Result<Vec<i64>, &'static str> {
        let zone = Zone::named(case["tz"].as_str().unwrap_or_default()).ok_or("bad_tz")?;
        let cron = Cron::parse(case["expr"].as_str().unwrap_or_default()).map_err(|_| "invalid")?;
        let cadence = Cadence::Cron(Box::new(cron), zone);
        let start = Instant::from_millis(case["after_ms"].as_i64().unwrap_or_default());
        let slots = std::iter::successors(Some(start), |slot| cadence.next(*slot)).skip(1);
        let fires: Vec<i64> =
            slots.take(case["n"].as_u64().unwrap_or_default() as usize).map(Instant::millis).collect();
        if fires.is_empty() { Err("none") } else { Ok(fires) }
    }

    #[test]
    fn slots_agree_with_croner() {
        let mut wrong = Vec::new();
        let mut refused = 0;
        for line in ORACLE.lines() {
            let case: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let truth = match case["result"].as_str() {
                Some("ok") => Ok(case["fires"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect()),
                Some(refusal) => Err(refusal),
                None => panic!("no result: {line}"),
            };
            match answer(&case) {
                ours if ours.as_ref().map_err(|word| &**word) == truth.as_ref().map_err(|word| &**word) => {}
                // Oddities may be refused, never misread.
                Err("invalid") if case["cat"] == "fixed" => refused += 1,
                ours => wrong.push(format!("{} {} {ours:?} {truth:?}", case["expr"], case["tz"])),
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(refused, 6, "the oddities refused: 5*, LL, 3L, janfeb and the two dates");
    }

    #[test]
    fn slots_agree_with_openclaw() {
        let mut wrong = Vec::new();
        for line in include_str!("../../fixtures/openclaw-next.jsonl").lines() {
            let case: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let zone = case["tz"].as_str().or(case["process_tz"].as_str()).and_then(Zone::named);
            let cron = Cron::parse_openclaw(case["expr"].as_str().unwrap_or_default());
            let (Some(zone), Ok(cron)) = (zone, cron) else { panic!("{line}") };
            let cadence = Cadence::Cron(Box::new(cron), zone);
            let start = Instant::from_millis(case["after_ms"].as_i64().unwrap_or_default());
            let truth: Vec<i64> = case["next"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
            let slots = std::iter::successors(Some(start), |slot| cadence.next(*slot)).skip(1);
            let ours: Vec<i64> = slots.take(truth.len()).map(Instant::millis).collect();
            if ours != truth {
                wrong.push(format!("{line}\n  {ours:?}"));
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn six_and_seven_fields_and_nicknames_are_for_openclaw_only() {
        for text in ["@daily", "30 15 */2 * * *", "0 0 0 1 1 * 2030"] {
            assert!(Cron::parse_openclaw(text).is_ok() && Cron::parse(text).is_err(), "{text}");
        }
        for text in ["@reboot", "5/15 * * * *", "5/1 * * * *", "* * * FRI-MON *", "*/61 * * * *", "*/0 * * * *"] {
            assert!(Cron::parse_openclaw(text).is_err(), "{text}");
        }
        assert!(Cron::parse_openclaw("*/60 * * * *").is_ok());
        let of_year = |year: &str| Cron::parse_openclaw(&format!("0 0 0 1 1 * {year}"));
        for year in ["0", "2030-2029", "2026/1", "2020-2030/0", "2020-2030/10000", "10000"] {
            assert!(of_year(year).is_err(), "{year}");
        }
        assert!(of_year("2020-2030/9999").is_ok() && of_year("2026").is_ok());
        let once = Cadence::Cron(
            Box::new(Cron::parse_openclaw("0 0 0 1 1 * 2030").unwrap_or_else(|e| panic!("{e}"))),
            Zone::UTC,
        );
        assert_eq!(once.next(at("2026-01-01")), Some(at("2030-01-01")));
        assert_eq!(once.next(at("2030-01-01")), None);
    }

    #[test]
    fn years_may_be_any_distance_ahead() {
        let of_years = |years: &str| {
            let cron = Cron::parse_openclaw(&format!("0 0 0 1 1 * {years}")).unwrap_or_else(|error| panic!("{error}"));
            Cadence::Cron(Box::new(cron), Zone::UTC)
        };
        assert_eq!(of_years("2041").next(at("2026-01-02")), Some(at("2041-01-01")));
        assert_eq!(of_years("2026,2090").next(at("2026-01-02")), Some(at("2090-01-01")));
        assert_eq!(of_years("9999").next(at("2026-01-02")), Some(at("9999-01-01")));
        assert_eq!(of_years("2030-2060/10").next(at("2041-01-01")), Some(at("2050-01-01")));
        assert_eq!(of_years("2030-2060/10").next(at("2060-01-01")), None);
    }

    #[test]
    fn refused_expressions_name_their_field() {
        let refused = |expression| Cron::parse(expression).err();
        let words = |item, field| Some(format!("{item:?} is not a {field} that the scheduler's cron library takes"));
        assert_eq!(refused("60 * * * *"), words("60", "minute"));
        assert_eq!(refused("* * * * 1,MOO"), words("MOO", "day of week"));
        assert_eq!(refused("* * * 123456789012345678901234567890 *"), words("12345678901234567890", "month"));
        assert_eq!(refused("* * * *"), Some("it has 4 fields, not five".to_owned()));
    }

    #[test]
    fn weekday_nearest_to_a_final_sunday_is_the_last_friday() {
        let nearest = cadence("0 0 30W 4 *", "UTC");
        assert_eq!(nearest.next(at("2028-01-01")), Some(at("2028-04-28")));
        assert_eq!(nearest.next(at("2033-01-01")), Some(at("2033-04-29")), "a Saturday");
        assert_eq!(cadence("0 0 30W 7 *", "UTC").next(at("2028-01-01")), Some(at("2028-07-31")), "a Sunday before");
    }

    fn cadence(expression: &str, zone: &str) -> Cadence {
        let zone = Zone::named(zone).unwrap_or_else(|| panic!("{zone}"));
        Cadence::Cron(Box::new(Cron::parse(expression).unwrap_or_else(|error| panic!("{error}"))), zone)
    }

    fn at(text: &str) -> Instant {
        crate::time::TimeText::parse(text).unwrap_or_else(|| panic!("{text}")).as_utc()
    }

    #[test]
    fn two_cadences_after_a_friday_of_a_weekday_job_is_tuesday() {
        let weekdays = cadence("0 17 * * 1-5", "UTC");
        assert_eq!(weekdays.advance(at("2026-03-06 17:00:00"), 2.0), Some(at("2026-03-10 17:00:00")));
        assert_eq!(weekdays.advance(at("2026-03-06 17:00:00"), 0.5), Some(at("2026-03-08 05:00:00")));
    }

    #[test]
    fn usual_interval_of_business_hours_ignores_the_night() {
        let business = cadence("*/20 9-17 * * MON-FRI", "America/Los_Angeles");
        assert_eq!(business.usual_interval(at("2026-03-07 01:30:00")), Some(20 * MINUTE));
    }

    #[test]
    fn slots_are_recognized_around_clock_changes() {
        let in_the_gap = cadence("30 2 * * 0", "America/New_York");
        let moved = at("2026-03-08 07:30:00");
        assert_eq!(in_the_gap.next(at("2026-03-02")), Some(moved));
        assert!(in_the_gap.has_slot_at(moved) && !in_the_gap.has_slot_at(at("2026-03-08 06:30:00")));
        let half_past = cadence("30 * * * *", "Australia/Lord_Howe");
        let slot = at("2026-04-04 15:00:00");
        assert_eq!(half_past.next(at("2026-04-04 13:30:00")), Some(slot));
        assert!(half_past.has_slot_at(slot) && !half_past.has_slot_at(at("2026-04-04 14:30:00")));
    }

    #[test]
    fn the_usual_interval_is_the_median_of_the_next_nine() {
        let hours =
            |expression| cadence(expression, "UTC").usual_interval(at("2026-03-01 12:00:00")).map(|ms| ms / HOUR);
        // From nine o'clock: five of one hour, four of 23; a tenth would turn it.
        assert_eq!(hours("0 9,10 * * *"), Some(1));
        assert_eq!(hours("0 9,10,18 * * *"), Some(8));
    }

    #[test]
    fn an_interval_counts_from_the_end_of_the_last_run() {
        let (every, end) = (Cadence::Every(90 * MINUTE), at("2026-03-01 12:00:00"));
        assert_eq!(every.next(end), Some(at("2026-03-01 13:30:00")));
        assert_eq!(every.next(Instant::MAX), None);
        assert_eq!(every.advance(end, 2.5), Some(end.plus(225 * MINUTE)));
        assert_eq!(every.usual_interval(end), Some(90 * MINUTE));
        let slots = |minutes| every.slots_between(end, end.plus(minutes * MINUTE));
        assert_eq!([slots(-90), slots(0), slots(89), slots(90), slots(180)], [0, 0, 0, 1, 2]);
        assert!(!every.has_slot_at(end) && every.fixed_zones_with_slot_at(end).is_empty());
    }

    #[test]
    fn a_stagger_moves_every_slot() {
        let cron = Cron::parse_openclaw("0 * * * *").unwrap_or_else(|error| panic!("{error}"));
        let staggered = Cadence::Cron(Box::new(cron.staggered(5 * MINUTE)), Zone::UTC);
        let slots = |from, to| staggered.slots_between(at(from), at(to));
        assert_eq!(slots("2026-03-01 11:05:00", "2026-03-01 12:04:59"), 0);
        assert_eq!(slots("2026-03-01 11:05:00", "2026-03-01 12:05:00"), 1);
        assert_eq!(slots("2026-03-01 11:04:59", "2026-03-01 12:05:00"), 2);
        assert!(staggered.has_slot_at(at("2026-03-01 12:05:00")) && !staggered.has_slot_at(at("2026-03-01 12:00:00")));
    }

    #[test]
    fn zone_offsets_reach_from_minus_12_to_plus_14_hours() {
        let nine = cadence("0 9 * * *", "UTC");
        let zones = |text| nine.fixed_zones_with_slot_at(at(text)).into_iter().map(Zone::name).collect::<Vec<_>>();
        assert_eq!(zones("2026-03-01 09:00:00"), ["UTC"]);
        assert_eq!(zones("2026-03-01 03:30:00"), ["UTC+05:30"]);
        assert_eq!(zones("2026-03-01 21:00:00"), ["UTC-12:00", "UTC+12:00"]);
        assert_eq!(zones("2026-03-01 21:15:00"), ["UTC+11:45"]);
        assert_eq!(zones("2026-03-01 19:00:00"), ["UTC-10:00", "UTC+14:00"]);
        assert_eq!(zones("2026-03-01 18:45:00"), ["UTC-09:45"]);
        assert!(zones("2026-03-01 09:00:01").is_empty());
    }

    #[test]
    fn counting_from_midnight_excludes_midnight() {
        let hourly = cadence("0 * * * *", "UTC");
        assert_eq!(hourly.slots_between(at("2026-03-01"), at("2026-03-02")), 24);
        assert_eq!(hourly.slots_between(at("2026-02-28 23:59:59"), at("2026-03-02")), 25);
    }

    #[test]
    fn years_have_steps_like_any_field() {
        let cron = Cron::parse_openclaw("0 0 0 1 1 * 2021-2031/3").unwrap_or_else(|error| panic!("{error}"));
        let third = Cadence::Cron(Box::new(cron), Zone::UTC);
        let slots = std::iter::successors(third.next(at("2020-01-01")), |slot| third.next(*slot));
        assert!(slots.eq(["2021-01-01", "2024-01-01", "2027-01-01", "2030-01-01"].map(at)));
    }

    #[test]
    fn zones_are_found_by_name_in_any_case() {
        for name in Zone::names() {
            assert_eq!(Zone::named(&name.to_ascii_uppercase()).map(Zone::name).as_deref(), Some(name));
        }
        assert!(Zone::names().any(|name| name == "Europe/Berlin"));
    }

    #[test]
    fn an_impossible_date_has_no_slot_and_says_so_at_once() {
        let never = cadence("* * 31 2 *", "UTC");
        assert_eq!(never.next(at("2026-01-01")), None);
        assert_eq!(never.usual_interval(at("2026-01-01")), None);
    }

    #[test]
    fn slots_of_millennia_are_counted_in_proportion() {
        let hourly = cadence("0 * * * *", "America/New_York");
        let count = hourly.slots_between(at("0001-01-01"), at("2026-01-01"));
        assert!(count.abs_diff(2025 * 8766) < 2025 * 24, "{count}");
        // One hour of the year is in the gap of spring.
        assert_eq!(hourly.slots_between(at("2025-01-01"), at("2026-01-01")), 365 * 24 - 1);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_cron_parser_panic(text in "[-*/,#+?LW0-9A-Za-z \\t\u{a0}]{0,24}", start in 0i64..4_102_444_800_000) {
            if let Ok(cron) = Cron::parse(&text) {
                let cadence = Cadence::Cron(Box::new(cron), Zone::UTC);
                let next = cadence.next(Instant::from_millis(start));
                prop_assert!(next.is_none_or(|slot| slot > Instant::from_millis(start)));
            }
        }

        #[test]
        fn counting_slots_by_days_equals_walking_them(
            minute in prop::sample::select(vec!["0", "*/20", "30"]),
            hour in prop::sample::select(vec!["*", "2", "1-3", "*/6"]),
            day in prop::sample::select(vec!["*", "1", "L"]),
            zone in prop::sample::select(vec![
                "UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "America/Havana",
                "Africa/Casablanca", "Africa/Cairo", "America/Nuuk", "Atlantic/Azores",
            ]),
            start in 1_260_000_000_000i64..1_770_000_000_000,
            days in 0i64..300,
        ) {
            let cadence = cadence(&format!("{minute} {hour} {day} * *"), zone);
            let (from, to) = (Instant::from_millis(start), Instant::from_millis(start + days * DAY + 12_345));
            let walked = std::iter::successors(cadence.next(from), |slot| cadence.next(*slot)).take_while(|slot| *slot <= to);
            prop_assert_eq!(cadence.slots_between(from, to), walked.count() as u64);
        }
    }
}
