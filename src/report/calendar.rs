//! How times are told to a person: on a clock of UTC or of the machine's zone, and as short as the day of the audit allows.

use crate::schedule::Zone;
use crate::text::{NO_BREAK, Text};
use crate::time::{Instant, MINUTE, Millis};

/// The instant of the audit on somebody's clock.
#[derive(Debug, Clone, Copy)]
pub struct Calendar {
    /// The instant of the audit.
    pub now: Instant,
    /// The zone of the clock.
    pub zone: Zone,
}

impl Calendar {
    /// That of a reader who may be anywhere.
    pub fn utc(now: Instant) -> Calendar {
        Calendar { now, zone: Zone::UTC }
    }

    /// Day, minute, and zone, as `2026-04-29 10:00 UTC`.
    pub fn minute(self, at: Instant) -> String {
        format!("{} {}", self.on_the_clock(at).minute(), self.zone_at(at))
    }

    /// The same without the zone, which is told beside it.
    pub fn bare_minute(self, at: Instant) -> String {
        self.on_the_clock(at).minute()
    }

    /// The same without the day, which is told elsewhere.
    pub fn minute_of_day(self, at: Instant) -> String {
        format!("{} {}", self.on_the_clock(at).minute_of_day(), self.zone_at(at))
    }

    /// The day and the minute, with the year if it is another one.
    pub fn minute_of_year(self, at: Instant) -> String {
        self.on_the_clock(at).minute_in_year_of(self.on_the_clock(self.now))
    }

    /// The day, with the year if it is another one.
    pub fn day_of_year(self, at: Instant) -> String {
        self.on_the_clock(at).day_in_year_of(self.on_the_clock(self.now))
    }

    /// As short as it can be told. A line is not broken within it.
    pub fn short(self, at: Instant) -> String {
        self.text(&Text::from(at))
    }

    /// A text whose times are as short as they can be told.
    pub fn text(self, text: &Text) -> String {
        text.moved(|at| self.on_the_clock(at)).short(self.on_the_clock(self.now))
    }

    /// The same where lines may be broken anywhere.
    pub fn plain_text(self, text: &Text) -> String {
        self.text(text).replace(NO_BREAK, " ")
    }

    /// The instant at which UTC shows what the clock shows.
    fn on_the_clock(self, at: Instant) -> Instant {
        Instant::from_utc(self.zone.wall(at))
    }

    /// `UTC`, or how far the clock is ahead of it, as `+02:00`.
    fn zone_at(self, at: Instant) -> String {
        match self.on_the_clock(at).since(at) {
            _ if self.zone.is_utc() => "UTC".to_owned(),
            ahead => offset(ahead),
        }
    }
}

fn offset(ahead: Millis) -> String {
    let (sign, minutes) = (if ahead < 0 { '-' } else { '+' }, ahead.abs() / MINUTE);
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::text;
    use crate::time::TimeText;

    fn at(text: &str) -> Instant {
        TimeText::parse(text).map_or(Instant::MIN, TimeText::as_utc)
    }

    fn calendar(zone: &str) -> Calendar {
        Calendar { now: at("2026-07-02 12:00"), zone: Zone::named(zone).unwrap_or(Zone::UTC) }
    }

    #[test]
    fn times_are_told_on_the_clock_of_the_zone_at_that_time() {
        let winter = at("2026-01-31 23:30");
        assert_eq!(calendar("UTC").minute(winter), "2026-01-31 23:30 UTC");
        assert_eq!(calendar("Europe/Berlin").minute(winter), "2026-02-01 00:30 +01:00");
        assert_eq!(calendar("Europe/Berlin").minute(at("2026-07-01 12:00")), "2026-07-01 14:00 +02:00");
        assert_eq!(calendar("America/New_York").minute_of_day(winter), "18:30 -05:00");
        assert_eq!(calendar("Asia/Kolkata").minute_of_day(winter), "05:00 +05:30");
    }

    #[test]
    fn today_is_the_day_of_the_zone() {
        let due = text!["due at ", at("2026-07-01 22:30")];
        assert_eq!(calendar("UTC").plain_text(&due), "due at 07-01 22:30");
        assert_eq!(calendar("Europe/Berlin").plain_text(&due), "due at 00:30");
    }
}
