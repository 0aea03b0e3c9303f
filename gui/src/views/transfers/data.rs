//! A transfer as data: what the card says and what can be done.

use std::path::PathBuf;

use landline_peer::api::{RecipientState, RecipientView, Snapshot, TransferState, TransferView};
use landline_protocol::name::printable;
use landline_protocol::{ConversationKind, MessageId, UserName};

use crate::views::format;

/// How a card is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It can be taken.
    Plain,
    /// Nothing more comes of it.
    Over,
    /// Bytes move, or are about to.
    Active,
    /// It is there.
    Good,
    /// It goes on by itself later.
    Waiting,
    /// It does not.
    Bad,
}

/// A button on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Do {
    Accept,
    SaveAs,
    Decline,
    /// Stop fetching.
    Cancel,
    /// Withdraw an offer of one's own.
    Withdraw,
    Open(PathBuf),
    Reveal(PathBuf),
    /// Accept again after a failure.
    Retry,
    /// Fetch after all what was declined or cancelled here.
    AcceptAgain,
}

/// A file on its way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileCard {
    pub(crate) offer: MessageId,
    pub(crate) outgoing: bool,
    pub(crate) name: String,
    /// Under the name: size, and from or to whom.
    pub(crate) about: String,
    pub(crate) tone: Tone,
    /// What is going on, in a sentence; names the cause.
    pub(crate) state: String,
    /// How much of it is done, while that means something.
    pub(crate) part: Option<f32>,
    /// Left and right under the bar.
    pub(crate) figures: Option<(String, String)>,
    /// Who answered, of an offer to several.
    pub(crate) recipients: Vec<String>,
    pub(crate) actions: Vec<Do>,
}

/// What all transfers come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Transfers whose bytes move or wait.
    pub(crate) active: usize,
    /// Bytes a second inwards.
    pub(crate) down: u64,
    /// Bytes a second outwards.
    pub(crate) up: u64,
}

/// The card of a transfer, as `me` sees it.
pub(crate) fn card(transfer: &TransferView, me: &UserName, kind: Option<&ConversationKind>) -> FileCard {
    let mut card = FileCard {
        offer: transfer.offer,
        outgoing: transfer.outgoing,
        name: transfer.name.to_string(),
        about: about(transfer, me, kind),
        tone: Tone::Plain,
        state: String::new(),
        part: None,
        figures: None,
        recipients: Vec::new(),
        actions: Vec::new(),
    };
    if transfer.outgoing {
        outgoing(&mut card, transfer, me, kind);
    } else {
        incoming(&mut card, transfer, me);
    }
    card
}

/// What is going on, for the panel's and the status line's figures.
pub(crate) fn summary(snapshot: &Snapshot) -> Summary {
    let mut sum = Summary::default();
    for transfer in snapshot.transfers.values().filter(|transfer| is_current(transfer)) {
        sum.active += 1;
        let rate = transfer.rate.unwrap_or(0);
        if transfer.outgoing { sum.up += rate } else { sum.down += rate }
    }
    sum
}

/// Whether a transfer belongs in the panel: bytes move, are about to, or wait to.
pub(crate) fn is_current(transfer: &TransferView) -> bool {
    let fetching = transfer.recipients.iter().any(|one| one.state == RecipientState::Fetching);
    match transfer.state {
        TransferState::Hashing
        | TransferState::Connecting
        | TransferState::Active
        | TransferState::Waiting(_) => true,
        TransferState::Offered => transfer.outgoing && fetching,
        _ => false,
    }
}

fn about(transfer: &TransferView, me: &UserName, kind: Option<&ConversationKind>) -> String {
    let size = crate::units::size(transfer.size);
    if !transfer.outgoing {
        return format!("{size} · from {}", transfer.author);
    }
    match kind.and_then(|kind| kind.other(me)) {
        Some(other) => format!("{size} · to {other}"),
        None => format!("{size} · to everyone"),
    }
}

fn incoming(card: &mut FileCard, transfer: &TransferView, me: &UserName) {
    let author = &transfer.author;
    match &transfer.state {
        TransferState::Offered => {
            card.actions = vec![Do::Accept, Do::SaveAs, Do::Decline];
            let (stored, respelled) = transfer.name.to_file_name();
            if respelled {
                card.tone = Tone::Waiting;
                card.state = format!("That name is not safe here. It will be saved as {stored}.");
            }
        }
        TransferState::Hashing => {
            set(card, Tone::Active, format!("Waiting for {author} to finish reading the file"));
            card.actions = vec![Do::Cancel];
        }
        TransferState::Connecting => {
            set(card, Tone::Active, format!("Connecting to {author}…"));
            moving(card, transfer, transfer.size);
        }
        TransferState::Active => {
            card.tone = Tone::Active;
            moving(card, transfer, transfer.size);
        }
        TransferState::Waiting(cause) => {
            set(card, Tone::Waiting, cause.text.clone());
            moving(card, transfer, transfer.size);
        }
        TransferState::Done => {
            set(card, Tone::Good, received(transfer));
            if let Some(path) = &transfer.path {
                card.actions = vec![Do::Open(path.clone()), Do::Reveal(path.clone())];
            }
        }
        TransferState::Declined => {
            set(card, Tone::Over, "You declined it".to_owned());
            card.actions = vec![Do::AcceptAgain];
        }
        TransferState::Cancelled { by } => {
            set(card, Tone::Over, cancelled(by, me));
            if by != author {
                card.actions = vec![Do::AcceptAgain];
            }
        }
        TransferState::Failed(cause) => {
            set(card, Tone::Bad, cause.text.clone());
            card.actions = vec![Do::Retry];
        }
    }
}

/// What is said of a file that is here; its name too, where it got another one.
fn received(transfer: &TransferView) -> String {
    let stored = transfer.path.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
    match stored.filter(|name| *name != transfer.name.as_raw()) {
        Some(name) => format!("Received and verified, saved as {}", printable(&name)),
        None => "Received and verified".to_owned(),
    }
}

fn outgoing(card: &mut FileCard, transfer: &TransferView, me: &UserName, kind: Option<&ConversationKind>) {
    let direct = kind.and_then(|kind| kind.other(me)).is_some();
    card.actions = vec![Do::Withdraw];
    match &transfer.state {
        TransferState::Hashing => {
            set(card, Tone::Active, "Reading the file. It can be accepted already.".to_owned());
        }
        TransferState::Offered | TransferState::Connecting | TransferState::Active | TransferState::Done => {
            offered(card, transfer, direct);
        }
        TransferState::Waiting(cause) => set(card, Tone::Waiting, cause.text.clone()),
        TransferState::Declined => {}
        TransferState::Cancelled { by } => {
            set(card, Tone::Over, cancelled(by, me));
            card.actions.clear();
        }
        TransferState::Failed(cause) => {
            set(card, Tone::Bad, cause.text.clone());
            card.actions.clear();
        }
    }
    if !direct {
        card.recipients = recipients(&transfer.recipients);
    }
}

fn offered(card: &mut FileCard, transfer: &TransferView, direct: bool) {
    let count = |state| transfer.recipients.iter().filter(|one| one.state == state).count();
    let fetching = count(RecipientState::Fetching);
    if fetching > 0 {
        card.tone = Tone::Active;
        let whole = transfer.size.saturating_mul(fetching as u64);
        moving(card, transfer, whole);
        card.actions = vec![Do::Withdraw];
        return;
    }
    match transfer.recipients.first().filter(|_| direct).map(|one| (&one.user, one.state)) {
        Some((user, RecipientState::Done)) => {
            set(card, Tone::Good, format!("{user} has it, verified"));
            card.actions.clear();
        }
        Some((user, RecipientState::Declined)) => {
            set(card, Tone::Over, format!("{user} declined it"));
            card.actions.clear();
        }
        Some((user, RecipientState::Cancelled)) => {
            set(card, Tone::Over, format!("Cancelled by {user}"));
            card.actions.clear();
        }
        None if count(RecipientState::Done) > 0 => card.tone = Tone::Good,
        None if direct => "Offered, not answered yet".clone_into(&mut card.state),
        None if transfer.recipients.is_empty() => {
            "Offered, nobody has taken it yet".clone_into(&mut card.state);
        }
        None | Some((_, RecipientState::Fetching)) => {}
    }
}

fn moving(card: &mut FileCard, transfer: &TransferView, whole: u64) {
    card.part = Some(if whole == 0 { 1.0 } else { transfer.bytes as f32 / whole as f32 });
    let speed = [transfer.rate.map(format::rate), transfer.remaining.map(format::remaining)];
    let speed: Vec<String> = speed.into_iter().flatten().collect();
    card.figures = Some((format::part_of(transfer.bytes, whole), speed.join(" · ")));
    card.actions = vec![Do::Cancel];
}

fn recipients(all: &[RecipientView]) -> Vec<String> {
    const SHOWN: usize = 4;
    let mut lines: Vec<String> = all.iter().take(SHOWN).map(recipient).collect();
    if all.len() > SHOWN {
        lines.push(format!("and {} more", all.len() - SHOWN));
    }
    lines
}

fn recipient(one: &RecipientView) -> String {
    match one.state {
        RecipientState::Fetching => format!("{} · {} so far", one.user, crate::units::size(one.bytes)),
        RecipientState::Done => format!("{} · has it, verified", one.user),
        RecipientState::Declined => format!("{} · declined", one.user),
        RecipientState::Cancelled => format!("{} · gave up", one.user),
    }
}

fn cancelled(by: &UserName, me: &UserName) -> String {
    if by == me { "You cancelled it".to_owned() } else { format!("Cancelled by {by}") }
}

fn set(card: &mut FileCard, tone: Tone, state: String) {
    card.tone = tone;
    card.state = state;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    #[test]
    fn every_state_says_what_goes_on_and_what_can_be_done() {
        let snapshot = fake::every_transfer();
        let me = &snapshot.me.as_ref().unwrap().user;
        let cards: Vec<String> = snapshot
            .transfers
            .values()
            .map(|transfer| {
                let kind = fake::kind_of(&snapshot, transfer);
                let card = card(transfer, me, kind.as_ref());
                format!(
                    "{} | {} | {:?} | {} | {:?} {:?} | {:?} | {:?}",
                    card.name,
                    card.about,
                    card.tone,
                    card.state,
                    card.part,
                    card.figures,
                    card.recipients,
                    card.actions
                )
            })
            .collect();
        insta::assert_debug_snapshot!(cards);
    }

    #[test]
    fn the_summary_counts_what_moves_or_waits() {
        let sum = summary(&fake::busy());
        assert_eq!(sum.active, 3);
        assert!(sum.down > 0 && sum.up > 0, "{sum:?}");
        assert_eq!(summary(&fake::alone()), Summary::default());
    }
}
