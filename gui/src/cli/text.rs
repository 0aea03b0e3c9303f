//! What people read: rows from records, sizes, rates and moments as text. Pure.

use std::time::Duration;

use jiff::{Timestamp as Moment, ToSpan, Zoned, tz::TimeZone};
use landline_peer::api::{RecipientState, SourceStanding, TransferKind, TransferState, TransferView};
use landline_protocol::name::printable;
use unicode_width::UnicodeWidthStr;

use super::record::{Entry, Hosting, Limits, Me, Message, Offer, Person, Upload};
use crate::units::{size, typed_rate};

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

/// Offers: a line each, the id's beginning first, as `get` takes it.
pub(crate) fn offers(offers: &[Offer]) -> String {
    let rows = offers.iter().map(|offer| {
        let direction = if offer.outgoing {
            format!("to {}", offer.conversation)
        } else {
            format!("from {}", offer.author)
        };
        vec![
            short_id(&offer.id).to_owned(),
            direction,
            amount(offer),
            standing(offer),
            shown_name(offer),
        ]
    });
    table(&rows.collect::<Vec<_>>())
}

/// An id as people type it: the random end of it, since the beginning is the time.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

/// `report.pdf (1.2 MiB), offered, id 1a2b3c4d`.
fn offer_in_words(offer: &Offer) -> String {
    format!("{} ({}): {}, id {}", shown_name(offer), amount(offer), standing(offer), short_id(&offer.id))
}

/// A folder is known by the stroke at its end.
fn shown_name(offer: &Offer) -> String {
    let end = if offer.kind == "folder" { "/" } else { "" };
    format!("{}{end}", printable(&offer.name))
}

/// `1.2 GiB`, of a folder `312 files, 1.2 GiB`.
fn amount(offer: &Offer) -> String {
    match offer.files {
        Some(1) => format!("1 file, {}", size(offer.size)),
        Some(files) => format!("{files} files, {}", size(offer.size)),
        None => size(offer.size),
    }
}

fn standing(offer: &Offer) -> String {
    let answers: Vec<String> =
        offer.recipients.iter().map(|one| format!("{} {}", one.state, one.user)).collect();
    match (offer.state, &offer.cause, &offer.cancelled_by) {
        (_, Some(cause), _) => format!("{}: {}", offer.state, plain(&cause.message)),
        (_, _, Some(by)) => format!("cancelled by {by}"),
        _ if !answers.is_empty() => answers.join(", "),
        ("active", ..) => format!("{} of {}", size(offer.bytes), size(offer.size)),
        ("paused", ..) => format!("paused at {} of {}", size(offer.bytes), size(offer.size)),
        ("queued", ..) => queued(offer.ahead, "waits for", "before it"),
        ("queued_there", ..) => queued(offer.ahead, &format!("{} serves", offer.author), "first"),
        ("conflict", ..) => "the name is taken: `get --on-conflict` says what to do".to_owned(),
        _ if offer.replaced_by.is_some() => format!("{}, there is a new version", offer.state),
        (state, ..) => state.to_owned(),
    }
}

/// `waits for 2 others before it`.
fn queued(ahead: Option<u32>, verb: &str, end: &str) -> String {
    match ahead.unwrap_or_default() {
        0 => "next in the queue".to_owned(),
        1 => format!("{verb} 1 other {end}"),
        ahead => format!("{verb} {ahead} others {end}"),
    }
}

/// What is in a folder: a line each, the size first.
pub(crate) fn entries(entries: &[Entry]) -> String {
    let rows: Vec<String> =
        entries.iter().map(|entry| format!("{:>9}  {}", size(entry.size), printable(&entry.path))).collect();
    rows.join("\n")
}

/// Who took what: a line each.
pub(crate) fn uploads(uploads: &[Upload], here: &Here) -> String {
    let rows = uploads.iter().map(|one| {
        vec![here.moment(&one.until), one.user.clone(), size(one.bytes), printable(&one.name)]
    });
    table(&rows.collect::<Vec<_>>())
}

/// Slots and limits, one to a line.
pub(crate) fn limits(limits: &Limits) -> String {
    let limit = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), typed_rate);
    let mut rows = vec![
        vec!["outwards".to_owned(), limit(limits.up)],
        vec!["inwards".to_owned(), limit(limits.down)],
    ];
    rows.extend(limits.up_to.iter().map(|(user, rate)| vec![format!("to {user}"), typed_rate(*rate)]));
    rows.extend(limits.down_from.iter().map(|(user, rate)| vec![format!("from {user}"), typed_rate(*rate)]));
    rows.push(vec!["downloads at once".to_owned(), limits.downloads_at_once.to_string()]);
    rows.push(vec!["people served at once".to_owned(), limits.served_at_once.to_string()]);
    rows.push(vec!["if a name is taken".to_owned(), limits.on_conflict.to_owned()]);
    table(&rows)
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

/// A transfer's state in words. `total` is left out where a bar shows it.
pub(crate) fn progress(transfer: &TransferView, total: Option<u64>) -> String {
    if let Some(words) = standstill(transfer) {
        return words;
    }
    let total = total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
    let rate = transfer.rate.map(|rate| format!(", {}/s", size(rate))).unwrap_or_default();
    let left = transfer.remaining.map(|left| format!(", {} left", duration(left))).unwrap_or_default();
    format!("{}{total}{rate}{left}{}", size(transfer.bytes), sources(transfer))
}

/// What is said while no bytes move.
fn standstill(transfer: &TransferView) -> Option<String> {
    use TransferState as S;
    Some(match &transfer.state {
        S::Waiting(cause) | S::Failed(cause) => plain(&cause.text),
        S::Hashing if !transfer.outgoing => "waiting for the sender's checksum".to_owned(),
        S::Hashing => taking("taking the checksum", transfer),
        S::Checking => taking("checking what is here", transfer),
        S::Finishing => "writing to disk".to_owned(),
        S::Paused => "paused".to_owned(),
        S::Queued(ahead) => queued(Some(*ahead), "waits for", "before it"),
        S::QueuedThere(ahead) => queued(Some(*ahead), &format!("{} serves", transfer.author), "first"),
        S::Conflict(path) => format!("{} is there already", printable(&path.to_string_lossy())),
        S::Connecting => "looking for the sender".to_owned(),
        S::Cancelled { by } => format!("cancelled by {by}"),
        S::Declined => "declined".to_owned(),
        S::Done => size(transfer.size),
        S::Offered if transfer.rate.is_none() => {
            let fetching = transfer.recipients.iter().any(|one| one.state == RecipientState::Fetching);
            let waits = if fetching {
                "waiting for the other side to go on or confirm"
            } else {
                "waiting for an answer"
            };
            waits.to_owned()
        }
        S::Offered | S::Active => return None,
    })
}

fn taking(what: &str, transfer: &TransferView) -> String {
    match transfer.hashed {
        Some(hashed) => format!("{what}, {} of {}", size(hashed), size(transfer.size)),
        None => what.to_owned(),
    }
}

/// `, from bob 80 MiB/s, carol 12 MiB/s`, where it does not come from the author alone.
fn sources(transfer: &TransferView) -> String {
    let active = transfer.sources.iter().filter(|one| one.standing == SourceStanding::Active);
    let mut named: Vec<String> = active
        .filter_map(|one| Some(format!("{} {}/s", one.user, size(one.rate?))))
        .collect();
    let alone = transfer.sources.iter().all(|one| one.user == transfer.author);
    if alone || named.is_empty() {
        return String::new();
    }
    let more = named.len().saturating_sub(3);
    named.truncate(3);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(", from {}{more}", named.join(", "))
}

/// `report.pdf`, of a folder `photos/`.
pub(crate) fn transfer_name(transfer: &TransferView) -> String {
    match transfer.kind {
        TransferKind::File => transfer.name.to_string(),
        TransferKind::Folder(_) => format!("{}/", transfer.name),
    }
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
    use super::super::record::Recipient;
    use super::*;

    fn here() -> Here {
        Here::at("2026-11-20T14:30:00Z")
    }

    fn offer(name: &str) -> Offer {
        Offer {
            id: "0199aaaa-bbbb-7ccc-8ddd-eeee12345678".into(),
            conversation: "bob".into(),
            author: "bob".into(),
            outgoing: false,
            kind: "file",
            files: None,
            folders: None,
            name: name.into(),
            size: 1_572_864,
            state: "offered",
            cause: None,
            cancelled_by: None,
            ahead: None,
            priority: "normal",
            bytes: 0,
            hashed: None,
            path: None,
            free: None,
            name_taken: None,
            sources: Vec::new(),
            recipients: Vec::new(),
            replaces: None,
            replaced_by: None,
        }
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

    #[test]
    fn an_offer_says_how_it_stands() {
        let mut outgoing = offer("report.pdf");
        outgoing.outgoing = true;
        outgoing.recipients = vec![Recipient { user: "bob".into(), state: "done", bytes: 0, rate: None }];
        let mut cancelled = offer("b");
        cancelled.cancelled_by = Some("bob".into());
        let folder = Offer { kind: "folder", files: Some(312), ..offer("photos") };
        let queued = Offer { state: "queued_there", ahead: Some(3), ..offer("c") };
        insta::assert_snapshot!(offers(&[outgoing, cancelled, folder, queued]), @r"
        12345678  to bob    1.5 MiB             done bob                  report.pdf
        12345678  from bob  1.5 MiB             cancelled by bob          b
        12345678  from bob  312 files, 1.5 MiB  offered                   photos/
        12345678  from bob  1.5 MiB             bob serves 3 others first  c
        ");
    }
}
