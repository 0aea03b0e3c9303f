//! What views ask for. Painters push these; the app runs them before the next frame.

use std::path::PathBuf;

use landline_peer::api::{Action, Secret};
use landline_protocol::{ConversationKind, MessageId, UserName};

use crate::theme::ThemeChoice;

/// The queue that painters push into.
pub(crate) type Commands = Vec<AppCommand>;

/// Something that a view asks for.
#[derive(Clone, Debug)]
pub(crate) enum AppCommand {
    /// For the engine.
    Engine(Action, Purpose),
    /// Start a coordinator in this process and sign up there.
    Host {
        /// The administrator's name.
        username: UserName,
        /// Their password.
        password: Secret,
    },
    /// Show a conversation.
    Show(ConversationKind),
    /// Go back to the list, in a narrow window.
    ShowList,
    /// Show all transfers.
    ShowTransfers,
    /// Show an offer where it was made.
    GoTo(MessageId),
    /// Ask for files or a folder with the desktop's dialog.
    Choose {
        /// For whom.
        to: ConversationKind,
        /// Which of them.
        what: Choose,
    },
    /// Open the dialog that asks how to accept an offer.
    Options {
        /// The offer.
        offer: MessageId,
    },
    /// Ask the desktop's dialog where to save it.
    BrowseSave {
        /// The offer.
        offer: MessageId,
        /// It is a folder.
        folder: bool,
        /// Where to begin.
        path: PathBuf,
    },
    /// Open the dialog with slots and limits.
    Limits,
    /// Limit what goes to and comes from one person; `None` is no limit.
    LimitPerson {
        /// Whom.
        user: UserName,
        /// Bytes a second to them.
        up: Option<u64>,
        /// Bytes a second from them.
        down: Option<u64>,
    },
    /// Ask for the folder where accepted files go.
    ChooseDownloadFolder,
    /// Open a file with its program.
    OpenFile(PathBuf),
    /// Show a file where it lies.
    Reveal(PathBuf),
    /// Put text on the clipboard.
    Copy {
        /// The text.
        text: String,
        /// What to call it when saying so.
        what: &'static str,
    },
    /// Change the theme.
    Theme(ThemeChoice),
    /// Open the invite dialog and ask for a link.
    Invite,
    /// Show the sign-in form although an account is known.
    SignInAgain,
    /// Leave the form again.
    Back,
    /// Say something.
    Say {
        /// What.
        text: String,
        /// Whether something went wrong.
        bad: bool,
    },
}

/// What the desktop's dialog asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choose {
    /// One or several files.
    Files,
    /// A folder.
    Folder,
}

/// Where the end of a command is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// In the sign-in form.
    SignIn,
    /// In the invite dialog.
    Invite,
    /// In the dialog that asks how to accept this offer: what is in the folder.
    List(MessageId),
    /// In a short message, if it fails.
    Quiet,
}
