//! What can be done with a transfer: its button, and the command behind it.

use egui_material_icons::MaterialIcon;
use egui_material_icons::icons::{
    ICON_CHECK, ICON_CLOSE, ICON_CONTENT_COPY, ICON_FOLDER_OPEN, ICON_OPEN_IN_NEW, ICON_PAUSE,
    ICON_PLAY_ARROW, ICON_REFRESH, ICON_SAVE_AS, ICON_SKIP_NEXT, ICON_SYNC, ICON_TUNE, ICON_UPLOAD,
    ICON_VERTICAL_ALIGN_TOP, ICON_VISIBILITY,
};
use landline_peer::api::{AcceptHow, Action, Conflict, Priority};
use landline_protocol::MessageId;

use super::data::{Do, FileCard};
use crate::state::{AppCommand, Purpose};
use crate::widgets::{Button, Kind};

/// The button of a card.
pub(super) fn button<'b>(action: &Do, card: &FileCard) -> Button<'b> {
    let (kind, label, icon) = look(action, card.folder);
    Button::new(kind, label).icon(icon).small().name(format!("{label} {}", card.name))
}

/// How it looks and what it is called.
pub(super) fn look(action: &Do, folder: bool) -> (Kind, &'static str, MaterialIcon) {
    match action {
        Do::Accept => (Kind::Primary, "Accept", ICON_CHECK),
        Do::Options if folder => (Kind::Secondary, "Choose…", ICON_TUNE),
        Do::Options => (Kind::Secondary, "Save as…", ICON_SAVE_AS),
        Do::Decline => (Kind::Danger, "Decline", ICON_CLOSE),
        Do::Pause => (Kind::Secondary, "Pause", ICON_PAUSE),
        Do::Resume => (Kind::Primary, "Resume", ICON_PLAY_ARROW),
        Do::TryNow => (Kind::Secondary, "Try now", ICON_REFRESH),
        Do::First => (Kind::Secondary, "Start next", ICON_VERTICAL_ALIGN_TOP),
        Do::Cancel | Do::Withdraw => (Kind::Secondary, "Cancel", ICON_CLOSE),
        Do::Open(_) => (Kind::Primary, "Open", ICON_OPEN_IN_NEW),
        Do::Reveal(_) => (Kind::Secondary, "Show in folder", ICON_FOLDER_OPEN),
        Do::Retry => (Kind::Secondary, "Try again", ICON_REFRESH),
        Do::AcceptAgain => (Kind::Secondary, "Accept again", ICON_REFRESH),
        Do::With(Conflict::Rename) => (Kind::Primary, "Keep both", ICON_CONTENT_COPY),
        Do::With(Conflict::Skip) => (Kind::Secondary, "Skip", ICON_SKIP_NEXT),
        Do::With(Conflict::Replace) => (Kind::Secondary, "Replace", ICON_SYNC),
        Do::With(Conflict::Ask) => (Kind::Secondary, "Ask", ICON_REFRESH),
        Do::ShareAgain => (Kind::Primary, "Share the new version", ICON_UPLOAD),
        Do::GoTo(_) => (Kind::Secondary, "Show the new version", ICON_VISIBILITY),
    }
}

/// What it asks for.
pub(super) fn command(action: &Do, offer: MessageId) -> AppCommand {
    let accept = |how| AppCommand::Engine(Action::Accept { offer, how }, Purpose::Quiet);
    let engine = |action| AppCommand::Engine(action, Purpose::Quiet);
    match action {
        Do::Accept | Do::Retry | Do::AcceptAgain => accept(AcceptHow::default()),
        Do::With(conflict) => accept(AcceptHow { conflict: Some(*conflict), ..AcceptHow::default() }),
        Do::Options => AppCommand::Options { offer },
        Do::Decline => engine(Action::Decline { offer }),
        Do::Pause => engine(Action::Pause { offer }),
        Do::Resume | Do::TryNow => engine(Action::Resume { offer }),
        Do::First => engine(Action::Prioritise { offer, priority: Priority::High }),
        Do::Cancel | Do::Withdraw => engine(Action::Cancel { offer }),
        Do::ShareAgain => engine(Action::ShareAgain { offer }),
        Do::Open(path) => AppCommand::OpenFile(path.clone()),
        Do::Reveal(path) => AppCommand::Reveal(path.clone()),
        Do::GoTo(newer) => AppCommand::GoTo(*newer),
    }
}
