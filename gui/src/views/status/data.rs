//! The status line as data.

use std::time::{Duration, Instant};

use landline_peer::api::{FailureKind, Line, Snapshot};

use crate::views::format;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Good,
    Busy,
    Waiting,
    Bad,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Dial now.
    Reconnect,
    /// Sign in anew.
    SignIn,
}

/// The line to the coordinator in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) colour: Colour,
    pub(crate) text: String,
    pub(crate) offer: Option<Offer>,
    /// When the words will be out of date; only while something counts down.
    pub(crate) stale_in: Option<Duration>,
}

/// The words for a snapshot; `hosting` is the address that others dial, if this window hosts.
pub(crate) fn status(snapshot: &Snapshot, hosting: Option<&str>, now: Instant) -> Status {
    let place = snapshot.me.as_ref().map_or("the coordinator", |me| me.coordinator.as_str());
    let plain = |colour, text| Status { colour, text, offer: None, stale_in: None };
    match &snapshot.line {
        Line::SignedOut => plain(Colour::Bad, "Signed out".to_owned()),
        Line::Connecting => plain(Colour::Busy, format!("Connecting to {place}…")),
        Line::Connected { .. } if hosting.is_some() => {
            plain(Colour::Good, format!("Hosting at {}", hosting.unwrap_or(place)))
        }
        Line::Connected { round_trip: None } => plain(Colour::Good, format!("Connected to {place}")),
        Line::Connected { round_trip: Some(span) } => {
            let span = format::round_trip(*span);
            plain(Colour::Good, format!("Connected to {place} · {span}"))
        }
        Line::Waiting { until, cause } => waiting(until.saturating_duration_since(now), &cause.text),
        Line::Refused { cause } => Status {
            colour: Colour::Bad,
            text: cause.text.clone(),
            offer: Some(match cause.kind {
                FailureKind::Unauthorized | FailureKind::SignedOut => Offer::SignIn,
                _ => Offer::Reconnect,
            }),
            stale_in: None,
        },
    }
}

fn waiting(left: Duration, cause: &str) -> Status {
    let seconds = left.as_millis().div_ceil(1000);
    let text = if seconds == 0 {
        format!("Reconnecting… {cause}")
    } else {
        format!("Reconnecting in {seconds} s. {cause}")
    };
    let until_next = left.as_millis() % 1000;
    let until_next = if until_next == 0 { 1000 } else { until_next };
    Status {
        colour: Colour::Waiting,
        text,
        offer: Some(Offer::Reconnect),
        stale_in: (seconds > 0)
            .then(|| Duration::from_millis(u64::try_from(until_next).unwrap_or(1000) + 10)),
    }
}

#[cfg(test)]
mod tests {
    use landline_peer::api::Failure;

    use super::*;
    use crate::bridge::fake;

    fn with(line: Line) -> Snapshot {
        Snapshot { line, ..fake::busy() }
    }

    #[test]
    fn the_line_says_how_it_is_and_what_to_do() {
        let now = Instant::now();
        let failure = |kind, text: &str| Failure::new(kind, text);
        let connected =
            status(&with(Line::Connected { round_trip: Some(Duration::from_micros(2400)) }), None, now);
        assert_eq!(connected.text, "Connected to 192.168.1.20:4810 · 2 ms");
        assert_eq!(connected.stale_in, None, "an idle window is not painted again");

        let until = now + Duration::from_millis(6300);
        let cause = failure(FailureKind::Unreachable, "Nobody answers there.");
        let waiting = status(&with(Line::Waiting { until, cause }), None, now);
        assert_eq!(waiting.text, "Reconnecting in 7 s. Nobody answers there.");
        assert_eq!(waiting.stale_in, Some(Duration::from_millis(310)));
        assert_eq!(waiting.offer, Some(Offer::Reconnect));

        let cause = failure(FailureKind::Unauthorized, "The session was revoked. Sign in again.");
        let refused = status(&with(Line::Refused { cause }), None, now);
        assert_eq!((refused.offer, refused.colour), (Some(Offer::SignIn), Colour::Bad));
    }
}
