//! What people read about transfers. Pure.

use landline_peer::api::{RecipientState, SourceStanding, TransferKind, TransferState, TransferView};
use landline_protocol::name::printable;

use super::{Here, duration, plain, short_id, table};
use crate::cli::record::{Entry, Limits, Offer, Upload};
use crate::units::{size, typed_rate};

/// Offers: a line each, the id's beginning first, as `get` takes it.
pub(crate) fn offers(offers: &[Offer]) -> String {
    let rows = offers.iter().map(|offer| {
        let direction = if offer.outgoing {
            format!("to {}", offer.conversation)
        } else {
            format!("from {}", offer.author)
        };
        vec![short_id(&offer.id).to_owned(), direction, amount(offer), standing(offer), shown_name(offer)]
    });
    table(&rows.collect::<Vec<_>>())
}

/// `report.pdf (1.2 MiB), offered, id 1a2b3c4d`.
pub(super) fn offer_in_words(offer: &Offer) -> String {
    format!("{} ({}): {}, id {}", shown_name(offer), amount(offer), standing(offer), short_id(&offer.id))
}

/// A folder is known by the stroke at its end.
fn shown_name(offer: &Offer) -> String {
    let end = if offer.kind == "folder" { "/" } else { "" };
    format!("{}{end}", printable(&offer.name))
}

/// `1.2 GiB`, of a folder `312 files, 1.2 GiB`.
pub(crate) fn amount(offer: &Offer) -> String {
    match offer.files {
        Some(files) if offer.state == "done" && offer.files_done < Some(files) => {
            format!("{} of {files} files, {}", offer.files_done.unwrap_or(0), size(offer.size))
        }
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
    let rows = uploads
        .iter()
        .map(|one| vec![here.moment(&one.until), one.user.clone(), size(one.bytes), printable(&one.name)]);
    table(&rows.collect::<Vec<_>>())
}

/// Slots and limits, one to a line.
pub(crate) fn limits(limits: &Limits) -> String {
    let limit = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), typed_rate);
    let mut rows =
        vec![vec!["outwards".to_owned(), limit(limits.up)], vec!["inwards".to_owned(), limit(limits.down)]];
    rows.extend(limits.up_to.iter().map(|(user, rate)| vec![format!("to {user}"), typed_rate(*rate)]));
    rows.extend(limits.down_from.iter().map(|(user, rate)| vec![format!("from {user}"), typed_rate(*rate)]));
    rows.push(vec!["downloads at once".to_owned(), limits.downloads_at_once.to_string()]);
    rows.push(vec!["people served at once".to_owned(), limits.served_at_once.to_string()]);
    rows.push(vec!["if a name is taken".to_owned(), limits.on_conflict.to_owned()]);
    table(&rows)
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
    let mut named: Vec<String> =
        active.filter_map(|one| Some(format!("{} {}/s", one.user, size(one.rate?)))).collect();
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::record::Recipient;
    use super::*;

    pub(in super::super) fn offer(name: &str) -> Offer {
        Offer {
            id: "0199aaaa-bbbb-7ccc-8ddd-eeee12345678".into(),
            conversation: "bob".into(),
            author: "bob".into(),
            outgoing: false,
            kind: "file",
            files: None,
            folders: None,
            files_done: None,
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
        12345678  to bob    1.5 MiB             done bob                   report.pdf
        12345678  from bob  1.5 MiB             cancelled by bob           b
        12345678  from bob  312 files, 1.5 MiB  offered                    photos/
        12345678  from bob  1.5 MiB             bob serves 3 others first  c
        ");
    }
}
