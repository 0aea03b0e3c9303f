//! A transfer as data: what the card says and what can be done.

use std::path::PathBuf;
use std::sync::Arc;

use landline_peer::api::{Conflict, Priority, Snapshot, TransferKind, TransferState, TransferView};
use landline_protocol::{ConversationKind, MessageId, UserName};

use super::{incoming, outgoing};
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
    /// It goes on later, by itself or when asked to.
    Waiting,
    /// It does not.
    Bad,
}

/// A button on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Do {
    Accept,
    /// Ask where to, what about a taken name and, of a folder, which files.
    Options,
    Decline,
    Pause,
    Resume,
    /// Resume what waits for something, without waiting for it.
    TryNow,
    /// Let a queued download begin before the others.
    First,
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
    /// The answer to a taken name.
    With(Conflict),
    /// Offer what is at the source now.
    ShareAgain,
    /// Show the offer that took this one's place.
    GoTo(MessageId),
}

/// A file or folder on its way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileCard {
    pub(crate) offer: MessageId,
    pub(crate) conversation: Option<ConversationKind>,
    pub(crate) outgoing: bool,
    pub(crate) folder: bool,
    pub(crate) name: String,
    /// Under the name: size, and from or to whom.
    pub(crate) about: String,
    pub(crate) tone: Tone,
    /// What is going on, in a sentence; names the cause.
    pub(crate) state: String,
    /// What one should know before accepting.
    pub(crate) warning: Option<String>,
    /// How much of it is done, while that means something.
    pub(crate) part: Option<f32>,
    /// Which pieces are here, from 0 to 255 in each cell; empty where the bar says it all.
    pub(crate) picture: Arc<[u8]>,
    /// Left and right under the bar.
    pub(crate) figures: Option<(String, String)>,
    /// From whom the pieces come, where that is not plain.
    pub(crate) sources: Vec<SourceLine>,
    /// Who answered, of an offer to several.
    pub(crate) recipients: Vec<String>,
    pub(crate) priority: Priority,
    pub(crate) actions: Vec<Do>,
}

/// A line about sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceLine {
    pub(crate) text: String,
    /// Somebody is not asked any more.
    pub(crate) bad: bool,
}

/// What a card depends on besides its transfer.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) me: &'a UserName,
    pub(crate) kind: Option<&'a ConversationKind>,
    /// What is usually done about a taken name.
    pub(crate) conflict: Conflict,
}

impl<'a> Around<'a> {
    /// The surroundings of one of the snapshot's transfers.
    pub(crate) fn of(snapshot: &'a Snapshot, me: &'a UserName, transfer: &TransferView) -> Self {
        let conversation = snapshot.conversations.iter().find(|view| view.id == transfer.conversation);
        Self { me, kind: conversation.map(|view| &view.kind), conflict: snapshot.settings.conflict }
    }
}

/// The card of a transfer.
pub(crate) fn card(transfer: &TransferView, around: Around<'_>) -> FileCard {
    let mut card = FileCard {
        offer: transfer.offer,
        conversation: around.kind.cloned(),
        outgoing: transfer.outgoing,
        folder: matches!(transfer.kind, TransferKind::Folder(_)),
        name: transfer.name.to_string(),
        about: about(transfer, around),
        tone: Tone::Plain,
        state: String::new(),
        warning: None,
        part: None,
        picture: Arc::default(),
        figures: None,
        sources: Vec::new(),
        recipients: Vec::new(),
        priority: transfer.priority,
        actions: Vec::new(),
    };
    if transfer.outgoing {
        outgoing::fill(&mut card, transfer, around);
    } else {
        incoming::fill(&mut card, transfer, around);
    }
    card
}

impl FileCard {
    pub(super) fn set(&mut self, tone: Tone, state: impl Into<String>) {
        self.tone = tone;
        self.state = state.into();
    }

    /// Bytes move, or did: bar and figures. `whole` are the bytes that will have moved.
    pub(super) fn moving(&mut self, transfer: &TransferView, whole: u64) {
        self.part = Some(part(transfer.bytes, whole));
        let speed = [transfer.rate.map(format::rate), transfer.remaining.map(format::remaining)];
        let speed: Vec<String> = speed.into_iter().flatten().collect();
        self.figures = Some((format::part_of(transfer.bytes, whole), speed.join(" · ")));
    }
}

/// From 0 to 1; nothing to move has moved.
#[allow(clippy::cast_possible_truncation, reason = "from 0 to 1")]
pub(super) fn part(done: u64, whole: u64) -> f32 {
    if whole == 0 { 1.0 } else { (done as f64 / whole as f64).min(1.0) as f32 }
}

/// `file` or `folder`, for sentences.
pub(super) fn noun(transfer: &TransferView) -> &'static str {
    match transfer.kind {
        TransferKind::File => "file",
        TransferKind::Folder(_) => "folder",
    }
}

pub(super) fn cancelled(by: &UserName, me: &UserName) -> String {
    if by == me { "You cancelled it".to_owned() } else { format!("Cancelled by {by}") }
}

/// `folder · 312 files · 1.2 GiB · from bob`.
fn about(transfer: &TransferView, around: Around<'_>) -> String {
    let mut parts = Vec::with_capacity(4);
    if let TransferKind::Folder(summary) = transfer.kind {
        let files = usize::try_from(summary.files).unwrap_or(usize::MAX);
        let files = match transfer.state {
            TransferState::Done if transfer.files_done < summary.files => {
                format!("{} of {files} files", transfer.files_done)
            }
            _ => format::count(files, "file", "files"),
        };
        parts.push(format!("folder · {files}"));
    }
    parts.push(crate::units::size(transfer.size));
    parts.push(match (transfer.outgoing, around.kind.and_then(|kind| kind.other(around.me))) {
        (false, _) => format!("from {}", transfer.author),
        (true, Some(other)) => format!("to {other}"),
        (true, None) => "to everyone".to_owned(),
    });
    if transfer.replaces.is_some() {
        parts.push("new version".to_owned());
    }
    parts.join(" · ")
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
                let card = card(transfer, Around::of(&snapshot, me, transfer));
                let sources: Vec<String> = card.sources.iter().map(|line| line.text.clone()).collect();
                format!(
                    "{} | {} | {:?} | {} {} | {:?} {:?} {} | {:?} {:?} | {:?}",
                    card.name,
                    card.about,
                    card.tone,
                    card.state,
                    card.warning.unwrap_or_default(),
                    card.part,
                    card.figures,
                    card.picture.len(),
                    sources,
                    card.recipients,
                    card.actions
                )
            })
            .collect();
        insta::assert_debug_snapshot!(cards);
    }
}
