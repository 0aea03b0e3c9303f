//! The page as data.

use landline_peer::api::{Priority, Snapshot, TransferState, TransferView, UploadEntry};
use landline_protocol::{MessageId, UserName};

use crate::views::format::Clock;
use crate::views::transfers::data::{Around, Do, FileCard, card};
use crate::views::transfers::summary::{Summary, is_current, summary};
use crate::widgets::{Avatar, Presence};

/// The page.
pub(crate) struct Page {
    pub(crate) summary: Summary,
    pub(crate) sections: Vec<Section>,
    /// Downloads that can be paused.
    pub(crate) going: Vec<MessageId>,
    /// Downloads that are paused.
    pub(crate) paused: Vec<MessageId>,
    pub(crate) uploads: Vec<Upload>,
}

/// Transfers of one kind.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) cards: Vec<FileCard>,
}

/// What somebody took.
pub(crate) struct Upload {
    pub(crate) avatar: Avatar,
    pub(crate) offer: MessageId,
    pub(crate) who: String,
    /// What, how much, how fast.
    pub(crate) what: String,
    pub(crate) when: String,
}

/// In which section a transfer stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Receiving,
    Queued,
    Stopped,
    Sending,
}

/// The page for a snapshot.
pub(crate) fn page(snapshot: &Snapshot, me: &UserName, clock: &Clock) -> Page {
    let current: Vec<&TransferView> = snapshot.transfers.values().filter(|one| is_current(one)).collect();
    let sections = [
        (Place::Receiving, "Receiving"),
        (Place::Queued, "In the queue"),
        (Place::Stopped, "Waiting"),
        (Place::Sending, "Sending"),
    ];
    let sections = sections.map(|(at, title)| {
        let mut here: Vec<&TransferView> = current.iter().copied().filter(|one| place(one) == at).collect();
        here.sort_by_key(|one| turn(one));
        let cards = here.into_iter().map(|one| card(one, Around::of(snapshot, me, one))).collect();
        Section { title, cards }
    });
    let sections: Vec<Section> = sections.into_iter().filter(|one| !one.cards.is_empty()).collect();
    let with = |wanted: &Do| {
        let cards = sections.iter().flat_map(|section| &section.cards);
        cards.filter(|card| card.actions.contains(wanted)).map(|card| card.offer).collect()
    };
    Page {
        summary: summary(snapshot),
        going: with(&Do::Pause),
        paused: with(&Do::Resume),
        sections,
        uploads: snapshot.uploads.iter().map(|entry| upload(snapshot, entry, clock)).collect(),
    }
}

fn place(transfer: &TransferView) -> Place {
    match transfer.state {
        _ if transfer.outgoing => Place::Sending,
        TransferState::Queued(_) => Place::Queued,
        TransferState::Paused | TransferState::Waiting(_) | TransferState::Conflict(_) => Place::Stopped,
        _ => Place::Receiving,
    }
}

/// Whose turn it is: by priority and place in the queue, then the oldest first.
fn turn(transfer: &TransferView) -> (std::cmp::Reverse<Priority>, u32) {
    let ahead = match transfer.state {
        TransferState::Queued(ahead) => ahead,
        _ => 0,
    };
    (std::cmp::Reverse(transfer.priority), ahead)
}

fn upload(snapshot: &Snapshot, entry: &UploadEntry, clock: &Clock) -> Upload {
    let person = snapshot.people.iter().find(|person| person.user == entry.user);
    let presence = match person {
        Some(person) if person.online => Presence::Online,
        _ => Presence::Offline,
    };
    let took = entry.until.as_millis().saturating_sub(entry.from.as_millis());
    let rate = entry.bytes.saturating_mul(1000).checked_div(took);
    let rate = rate.filter(|rate| *rate > 0).map(|rate| format!(" · {}", crate::views::format::rate(rate)));
    let size = crate::units::size(entry.bytes);
    Upload {
        avatar: Avatar::person(entry.user.as_str(), Some(&entry.device), presence),
        offer: entry.offer,
        who: entry.user.to_string(),
        what: format!("{} · {size}{}", entry.name, rate.unwrap_or_default()),
        when: clock.short(entry.until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    #[test]
    fn everything_that_goes_on_stands_in_one_section() {
        let snapshot = fake::every_transfer();
        let me = &snapshot.me.as_ref().unwrap().user;
        let page = page(&snapshot, me, &fake::clock());
        let outline: Vec<String> = page
            .sections
            .iter()
            .map(|section| {
                let names: Vec<&str> = section.cards.iter().map(|card| card.name.as_str()).collect();
                format!("{}: {}", section.title, names.join(", "))
            })
            .collect();
        insta::assert_debug_snapshot!(outline);
        let shown: usize = page.sections.iter().map(|section| section.cards.len()).sum();
        assert_eq!(shown, page.summary.active);
        assert_eq!(page.paused.len(), 1);
        assert!(page.going.len() > 5);
        let first = &page.uploads[0];
        assert_eq!(
            (first.who.as_str(), first.what.as_str()),
            ("Jonas Weber", "for-everyone.mkv · 840 MiB · 7.0 MiB/s")
        );
    }
}
