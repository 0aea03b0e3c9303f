//! What the window remembers between frames: what is open, what is typed, what is asked for.

mod command;
mod rates;
mod settings;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use landline_peer::api::{Failure, Ticket};
use landline_protocol::{ConversationId, ConversationKind, InviteLink, MessageId, Seq};

pub(crate) use command::{AppCommand, Choose, Commands, Purpose};
pub(crate) use rates::{Rates, SPAN as RATE_SPAN, Sample};
pub(crate) use settings::{Hosting, Settings};

use crate::views::chat::PersonForm;
use crate::views::limits::LimitsForm;
use crate::views::options::Options;
use crate::views::sign_in::Form;

/// Everything the window remembers that the engine does not.
#[derive(Default)]
pub(crate) struct UiState {
    /// The conversation on the screen.
    pub(crate) open: Option<ConversationKind>,
    /// All transfers stand there instead.
    pub(crate) page: bool,
    /// How fast it went in the last minute.
    pub(crate) rates: Rates,
    /// What the list is filtered by.
    pub(crate) filter: String,
    /// Unsent lines.
    pub(crate) drafts: HashMap<ConversationId, String>,
    /// The first-run form.
    pub(crate) sign_in: Form,
    /// Where the unread separator stands in the open conversation.
    pub(crate) unread_after: Option<Seq>,
    /// How far each conversation was reported as seen, so that it is reported once.
    pub(crate) marked: HashMap<ConversationId, Seq>,
    /// The oldest message shown when more of the past was asked for.
    pub(crate) older_than: Option<MessageId>,
    /// Commands under way.
    pub(crate) pending: BTreeMap<Ticket, Purpose>,
    /// The path field beside the attach button.
    pub(crate) attach_path: String,
    /// The invite dialog, while it is open.
    pub(crate) invite: Option<InviteDialog>,
    /// The dialog that asks how to accept an offer, while it is open.
    pub(crate) options: Option<Options>,
    /// The dialog with slots and limits, while it is open.
    pub(crate) limits: Option<LimitsForm>,
    /// The limits of one person, while their menu is open.
    pub(crate) person: Option<PersonForm>,
    /// Short messages that go away by themselves.
    pub(crate) toasts: Vec<Toast>,
    /// Files dropped where the pointer was not known; settled by its next movement.
    pub(crate) dropped: Option<Dropped>,
    /// Show the form although somebody is signed in.
    pub(crate) sign_in_again: bool,
    /// Sizes of messages already measured.
    pub(crate) heights: crate::views::chat::Heights,
    /// Where the line of time goes in the next frame, if anywhere.
    pub(crate) scroll: Option<Scroll>,
    /// The composer takes the keyboard in the next frame.
    pub(crate) focus_composer: bool,
    next_ticket: u64,
}

/// Places in the line of time to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scroll {
    /// The newest message.
    End,
    /// The first message not seen before; the newest if there is none.
    Unread,
    /// This message; the newest if it is not loaded.
    Message(MessageId),
}

/// The invite dialog.
#[derive(Clone, Debug, Default)]
pub(crate) struct InviteDialog {
    /// Once it has come.
    pub(crate) link: Option<InviteLink>,
    /// If it did not.
    pub(crate) error: Option<String>,
    /// The link is on the clipboard.
    pub(crate) copied: bool,
}

/// A short message that goes away by itself.
#[derive(Clone, Debug)]
pub(crate) struct Toast {
    /// What it says.
    pub(crate) text: String,
    /// Whether something went wrong.
    pub(crate) bad: bool,
    /// When it goes, in the context's seconds; set when first shown.
    pub(crate) until: Option<f64>,
}

/// Files dropped, not yet given to anybody.
#[derive(Clone, Debug)]
pub(crate) struct Dropped {
    /// Where they are.
    pub(crate) paths: Vec<PathBuf>,
    /// When the open conversation gets them, in the context's seconds.
    pub(crate) deadline: f64,
}

impl UiState {
    /// A ticket not used before, remembered with what it is for.
    pub(crate) fn ticket(&mut self, purpose: Purpose) -> Ticket {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.pending.insert(ticket, purpose);
        ticket
    }

    /// Tells of a failure.
    pub(crate) fn complain(&mut self, failure: &Failure) {
        self.toast(failure.text.clone(), true);
    }

    /// Says something; the same thing is said once.
    pub(crate) fn toast(&mut self, text: impl Into<String>, bad: bool) {
        let text = text.into();
        self.toasts.retain(|toast| toast.text != text);
        self.toasts.push(Toast { text, bad, until: None });
        let surplus = self.toasts.len().saturating_sub(3);
        self.toasts.drain(..surplus);
    }
}
