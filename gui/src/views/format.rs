//! Sizes, rates and times as people read them: short, local, in KiB, MiB and GiB.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Unit, Zoned};
use landline_protocol::Timestamp;

use crate::units::size;

/// The present moment and the place's time zone, brought from outside so that views stay pure.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    now: Zoned,
}

impl Clock {
    /// This machine's.
    pub(crate) fn local() -> Self {
        Self { now: Zoned::now() }
    }

    /// A fixed one.
    #[cfg(test)]
    pub(crate) fn at(millis: u64) -> Self {
        Self { now: zoned(Timestamp::from_millis(millis), &TimeZone::UTC) }
    }

    /// `14:02`.
    pub(crate) fn time(&self, at: Timestamp) -> String {
        self.zoned(at).strftime("%H:%M").to_string()
    }

    /// `14:02` today, `Yesterday`, `Tue` within a week, `12 Mar`, `12 Mar 2024`.
    pub(crate) fn short(&self, at: Timestamp) -> String {
        let zoned = self.zoned(at);
        match self.days_ago(&zoned) {
            0 => self.time(at),
            1 => "Yesterday".to_owned(),
            2..=6 => zoned.strftime("%a").to_string(),
            _ => self.date(&zoned, "%-d %b"),
        }
    }

    /// `Today`, `Yesterday`, `Tuesday`, `12 March`, `12 March 2024`.
    pub(crate) fn day(&self, at: Timestamp) -> String {
        let zoned = self.zoned(at);
        match self.days_ago(&zoned) {
            0 => "Today".to_owned(),
            1 => "Yesterday".to_owned(),
            2..=6 => zoned.strftime("%A").to_string(),
            _ => self.date(&zoned, "%-d %B"),
        }
    }

    /// `last seen at 14:02`, `last seen yesterday at 14:02`, `last seen Tue`.
    ///
    /// Nothing in it changes by the minute, so an idle window need not be painted again.
    pub(crate) fn last_seen(&self, at: Option<Timestamp>) -> String {
        let Some(at) = at else {
            return "offline".to_owned();
        };
        let zoned = self.zoned(at);
        match self.days_ago(&zoned) {
            0 => format!("last seen at {}", self.time(at)),
            1 => format!("last seen yesterday at {}", self.time(at)),
            _ => format!("last seen {}", self.short(at)),
        }
    }

    /// Whether two moments are on one day here.
    pub(crate) fn same_day(&self, one: Timestamp, other: Timestamp) -> bool {
        self.zoned(one).date() == self.zoned(other).date()
    }

    fn date(&self, at: &Zoned, format: &str) -> String {
        if at.year() == self.now.year() {
            at.strftime(format).to_string()
        } else {
            at.strftime(&format!("{format} %Y")).to_string()
        }
    }

    fn zoned(&self, at: Timestamp) -> Zoned {
        zoned(at, self.now.time_zone())
    }

    fn days_ago(&self, at: &Zoned) -> i32 {
        at.date().until((Unit::Day, self.now.date())).map_or(i32::MAX, |span| span.get_days())
    }
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Zoned {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    Instant::from_millisecond(millis).unwrap_or(Instant::MAX).to_zoned(zone.clone())
}

/// `3.0 of 4.8 GiB`, the unit once where both share it.
pub(crate) fn part_of(done: u64, whole: u64) -> String {
    let (done, whole) = (size(done), size(whole));
    match (done.split_once(' '), whole.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} of {whole}"),
        _ => format!("{done} of {whole}"),
    }
}

/// `112 MiB/s`.
pub(crate) fn rate(bytes_per_second: u64) -> String {
    let text = size(bytes_per_second);
    // A rate changes in place; its tenths say nothing once it has two figures before the point.
    match text.split_once(' ').and_then(|(number, unit)| Some((number.split_once('.')?.0, unit))) {
        Some((whole, unit)) if whole.len() > 1 => format!("{whole} {unit}/s"),
        _ => format!("{text}/s"),
    }
}

/// `17 s left`, `4 min left`, `2 h 5 min left`.
pub(crate) fn remaining(left: Duration) -> String {
    format!("{} left", duration(left))
}

/// `17 s`, `4 min`, `2 h 5 min`.
pub(crate) fn duration(span: Duration) -> String {
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `under 1 ms`, `3 ms`.
pub(crate) fn round_trip(span: Duration) -> String {
    if span < Duration::from_millis(1) { "under 1 ms".to_owned() } else { format!("{} ms", span.as_millis()) }
}

/// A text as a sentence: a capital at its beginning, a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// `1 person`, `3 people`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Friday, 20 November 2026, 14:05 UTC.
    const NOW: u64 = 1_795_183_500_000;
    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_part_names_the_unit_once_where_it_can() {
        assert_eq!(part_of(3 << 30, 5 << 30), "3.0 of 5.0 GiB");
        assert_eq!(part_of(5 << 20, 5 << 30), "5.0 MiB of 5.0 GiB");
    }

    #[test]
    fn times_are_short_and_local() {
        let clock = Clock::at(NOW);
        let ago = |hours| Timestamp::from_millis(NOW - hours * HOUR);
        let seen: Vec<_> = [0, 13, 30, 72, 24 * 30, 24 * 400]
            .map(|hours| {
                format!(
                    "{} | {} | {}",
                    clock.short(ago(hours)),
                    clock.day(ago(hours)),
                    clock.last_seen(Some(ago(hours)))
                )
            })
            .into();
        assert_eq!(
            seen,
            [
                "14:05 | Today | last seen at 14:05",
                "01:05 | Today | last seen at 01:05",
                "Yesterday | Yesterday | last seen yesterday at 08:05",
                "Tue | Tuesday | last seen Tue",
                "21 Oct | 21 October | last seen 21 Oct",
                "16 Oct 2025 | 16 October 2025 | last seen 16 Oct 2025",
            ]
        );
        assert_eq!(clock.last_seen(None), "offline");
    }

    #[test]
    fn a_broken_clock_elsewhere_breaks_nothing_here() {
        let clock = Clock::at(NOW);
        clock.short(Timestamp::from_millis(u64::MAX));
        clock.short(Timestamp::from_millis(0));
        assert!(clock.same_day(Timestamp::from_millis(NOW), Timestamp::from_millis(NOW + 1)));
    }

    #[test]
    fn durations_round_up_to_something_true() {
        for (seconds, text) in
            [(0.2, "1 s left"), (89.0, "89 s left"), (150.0, "3 min left"), (7500.0, "2 h 5 min left")]
        {
            assert_eq!(remaining(Duration::from_secs_f64(seconds)), text);
        }
    }
}
