//! What people read: rows from records, sizes, rates and moments as text. Pure.

mod transfers;

use std::time::Duration;

use jiff::{Timestamp as Moment, ToSpan, Zoned, tz::TimeZone};
use landline_protocol::name::printable;
use unicode_width::UnicodeWidthStr;

use super::record::{Hosting, Me, Message, Person};
use transfers::offer_in_words;
pub(crate) use transfers::{amount, entries, limits, offers, progress, transfer_name, uploads};

/// When and where the reader is: moments are shown as they would say them.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    now: Zoned,
}

impl Here {
    /// The machine's clock and time zone.
    pub(crate) fn now() -> Self {
        Self { now: Zoned::now() }
    }

    #[cfg(test)]
    fn at(now: &str) -> Self {
        Self { now: now.parse::<Moment>().unwrap().to_zoned(TimeZone::UTC) }
    }

    /// `14:02` today, `Tue 14:02` within a week, else the date.
    fn moment(&self, rfc3339: &str) -> String {
        let Ok(at) = rfc3339.parse::<Moment>() else {
            return String::new();
        };
        let at = at.to_zoned(self.time_zone());
        let week_ago = self.now.saturating_sub(6.days());
        let format = if at.date() == self.now.date() {
            "%H:%M"
        } else if at > week_ago && at < self.now {
            "%a %H:%M"
        } else {
            "%Y-%m-%d %H:%M"
        };
        at.strftime(format).to_string()
    }

    fn time_zone(&self) -> TimeZone {
        self.now.time_zone().clone()
    }
}

/// Who there is: a line each.
pub(crate) fn people(people: &[Person], here: &Here) -> String {
    if people.is_empty() {
        return "Nobody else has an account here yet: `landline invite` makes a link for someone.".to_owned();
    }
    let rows = people.iter().map(|person| {
        let state = match (person.online, &person.last_seen) {
            (true, _) => "online".to_owned(),
            (false, Some(at)) => format!("last seen {}", here.moment(at)),
            (false, None) => "offline".to_owned(),
        };
        let mark = if person.new_device { "new device, not verified" } else { "" };
        vec![person.user.clone(), state, mark.to_owned()]
    });
    table(&rows.collect::<Vec<_>>())
}

/// A conversation: a line for each message, further lines of a text indented.
pub(crate) fn messages(messages: &[Message], here: &Here) -> String {
    let lines: Vec<String> = messages.iter().map(|one| message(one, here)).collect();
    lines.join("\n")
}

/// `14:02  bob: text`, with what is not yet or never sent marked.
pub(crate) fn message(message: &Message, here: &Here) -> String {
    let said = match (&message.text, &message.offer) {
        (Some(text), _) => plain(text),
        (None, Some(offer)) => format!("offers {}", offer_in_words(offer)),
        (None, None) => "offers a file".to_owned(),
    };
    let mark = match (message.state, &message.cause) {
        ("pending", _) => " (not sent yet)".to_owned(),
        ("failed", Some(cause)) => format!(" (not sent: {})", plain(&cause.message)),
        _ => String::new(),
    };
    let colon = if message.text.is_some() { ":" } else { "" };
    format!("{}  {}{colon} {said}{mark}", here.moment(&message.at), message.author)
}

/// An id as people type it: the random end of it, since the beginning is the time.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

/// Who is signed in, in a few lines.
pub(crate) fn me(me: &Me) -> String {
    let role = if me.admin { " (admin)" } else { "" };
    let trust = if me.key_from_invite { "key from the invite" } else { "key trusted on first use" };
    let line = match (&me.cause, me.round_trip_ms) {
        (Some(cause), _) => format!("{}: {}", me.line, plain(&cause.message)),
        (None, Some(trip)) => format!("{}, round trip {trip:.1} ms", me.line),
        (None, None) => me.line.to_owned(),
    };
    table(&[
        vec!["user".into(), format!("{}{role}", me.user)],
        vec!["coordinator".into(), format!("{}, {trust}", printable(&me.coordinator))],
        vec!["its key".into(), fingerprint(&me.coordinator_key)],
        vec!["this device".into(), fingerprint(&me.device)],
        vec!["line".into(), line],
        vec!["profile".into(), me.profile.clone()],
        vec!["downloads".into(), me.download_folder.clone()],
    ])
}

/// How to reach a coordinator, and how to get in.
pub(crate) fn hosting(hosting: &Hosting) -> String {
    let mut rows = vec![vec!["Hosting at".to_owned(), hosting.address.clone()]];
    rows.extend(hosting.addresses.iter().skip(1).map(|other| vec![String::new(), other.clone()]));
    rows.push(vec!["Its key".to_owned(), hosting.fingerprint.clone()]);
    let invite = hosting.invite.as_ref().map(|link| {
        format!(
            "\nNobody has an account yet. Whoever joins with this invite becomes the admin:\n  {link}\n\
             Paste it into the window, or into `landline sign-up --invite NAME` when asked."
        )
    });
    format!("{}{}\nCtrl-C stops it.", table(&rows), invite.unwrap_or_default())
}

fn fingerprint(hex: &str) -> String {
    hex.parse::<landline_protocol::DeviceId>().map(|id| id.fingerprint()).unwrap_or_default()
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Text of others for a terminal: lines stay lines, all else that moves a cursor is escaped.
fn plain(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| printable(&line.replace('\t', "    "))).collect();
    lines.join("\n       ")
}

/// Columns as wide as their widest cell on a terminal, where some characters take two places; the
/// last one is not padded.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
        cells.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn padded(cell: &str, width: usize) -> String {
    let missing = width.saturating_sub(cell.width());
    format!("{cell}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::super::record::Offer;
    use super::transfers::tests::offer;
    use super::*;

    fn here() -> Here {
        Here::at("2026-11-20T14:30:00Z")
    }

    fn said(text: Option<&str>, offer: Option<Offer>) -> Message {
        Message {
            id: String::new(),
            conversation: "bob".into(),
            author: "bob".into(),
            mine: false,
            at: "2026-11-20T14:02:00Z".into(),
            state: "sent",
            seq: Some(1),
            cause: None,
            text: text.map(str::to_owned),
            offer,
        }
    }

    #[test]
    fn times_are_short() {
        let times = [400, 12_900, 200_000, 7_500_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(times, ["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]);
    }

    #[test]
    fn moments_are_as_people_say_them() {
        for (at, expected) in [
            ("2026-11-20T14:02:59Z", "14:02"),
            ("2026-11-17T09:00:00Z", "Tue 09:00"),
            ("2026-11-13T09:00:00Z", "2026-11-13 09:00"),
            ("2026-11-21T09:00:00Z", "2026-11-21 09:00"),
            ("nonsense", ""),
        ] {
            assert_eq!(here().moment(at), expected, "{at}");
        }
    }

    #[test]
    fn people_stand_in_columns() {
        let person = |user: &str, online, seen: Option<&str>, new_device| Person {
            user: user.into(),
            online,
            last_seen: seen.map(str::to_owned),
            devices: vec![],
            new_device,
        };
        let list = [
            person("alice", true, None, false),
            person("田中 美咲", false, Some("2026-11-20T08:05:00Z"), true),
            person("bob", false, None, false),
        ];
        insta::assert_snapshot!(people(&list, &here()), @r"
        alice      online
        田中 美咲  last seen 08:05  new device, not verified
        bob        offline
        ");
    }

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        let text = message(&said(Some("one\n\u{1b}[31mtwo\tthree"), None), &here());
        assert_eq!(text, "14:02  bob: one\n       \\u{1b}[31mtwo    three");
        let text = message(&said(None, Some(offer("a\u{202e}gpj.exe"))), &here());
        assert_eq!(text, "14:02  bob offers a\\u{202e}gpj.exe (1.5 MiB): offered, id 12345678");
    }
}
