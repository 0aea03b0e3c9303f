//! Paints the dialog.

use std::path::PathBuf;

use egui::{Id, Key, Modal, Ui};
use egui_material_icons::icons::{ICON_CHECK, ICON_FOLDER_OPEN, ICON_SAVE_AS};
use landline_peer::api::{Action, Conflict};

use super::data::{Listing, Options};
use super::picker;
use crate::state::{AppCommand, Commands, Purpose};
use crate::theme::{self, size};
use crate::widgets::{Button, Field, Kind, segments, text};

/// What can be done about a taken name, and what that is called.
pub(crate) const POLICIES: [(Conflict, &str); 4] = [
    (Conflict::Ask, "Ask"),
    (Conflict::Rename, "Keep both"),
    (Conflict::Skip, "Skip"),
    (Conflict::Replace, "Replace"),
];

/// Shows the dialog; false once it is closed.
pub(crate) fn show(ui: &mut Ui, dialog: &mut Options, commands: &mut Commands) -> bool {
    let window = ui.ctx().content_rect();
    let most = if dialog.folder() { 560.0 } else { 460.0 };
    let width = (window.width() - 64.0).clamp(260.0, most);
    let height = (window.height() - 430.0).clamp(90.0, 320.0);
    let modal = Modal::new(Id::unique("options"))
        .frame(egui::Frame::popup(ui.style()).inner_margin(20))
        .show(ui.ctx(), |ui| {
            ui.set_width(width);
            contents(ui, dialog, height, commands)
        });
    !(modal.inner || modal.should_close())
}

/// True when the dialog is done.
fn contents(ui: &mut Ui, dialog: &mut Options, height: f32, commands: &mut Commands) -> bool {
    let palette = theme::palette(ui);
    let title = if dialog.folder() { format!("Choose from {}", dialog.name) } else { "Save as".to_owned() };
    text::clipped(ui, &title, theme::semibold(size::HEADING), palette.text);
    ui.add_space(2.0);
    let wrong = dialog.error.is_some();
    let field = Field::new("Where and under which name", &mut dialog.path).wrong(wrong).show(ui);
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if field.changed() {
        dialog.error = None;
    }
    if let Some(error) = dialog.error {
        text::flowing(ui, error, theme::regular(size::PREVIEW), palette.red_text);
    }
    policy(ui, &mut dialog.conflict);
    listing(ui, dialog, height);
    ui.add_space(6.0);
    let (save, back) = buttons(ui, dialog, commands);
    if !(save || entered && dialog.ready()) {
        return back;
    }
    let Some(how) = dialog.how() else { return false };
    let action = Action::Accept { offer: dialog.offer, how };
    commands.push(AppCommand::Engine(action, Purpose::Quiet));
    true
}

/// The choice of what to do about a taken name.
pub(crate) fn policy(ui: &mut Ui, conflict: &mut Conflict) {
    let palette = theme::palette(ui);
    text::flowing(ui, "If the name is taken", theme::medium(size::SMALL), palette.faint);
    ui.add_space(-4.0);
    segments(ui, conflict, &POLICIES);
}

fn listing(ui: &mut Ui, dialog: &mut Options, height: f32) {
    let palette = theme::palette(ui);
    match &mut dialog.listing {
        None => {}
        Some(Listing::Loading) => {
            let words = "Asking what is in it…";
            text::flowing(ui, words, theme::regular(size::PREVIEW), palette.weak);
        }
        Some(Listing::Failed(why)) => {
            text::flowing(ui, why, theme::regular(size::PREVIEW), palette.amber_text);
            let words = "You can still take all of it.";
            text::flowing(ui, words, theme::regular(size::PREVIEW), palette.weak);
        }
        Some(Listing::Here(picks)) => picker::show(ui, picks, height),
    }
}

/// Whether it is to be saved, and whether not.
fn buttons(ui: &mut Ui, dialog: &Options, commands: &mut Commands) -> (bool, bool) {
    let (label, icon) = if dialog.folder() { ("Accept these", ICON_CHECK) } else { ("Save", ICON_SAVE_AS) };
    let row = ui.horizontal(|ui| {
        let save = Button::new(Kind::Primary, label).icon(icon).enabled(dialog.ready());
        let save = ui.add(save).clicked();
        if ui.add(Button::new(Kind::Secondary, "Browse…").icon(ICON_FOLDER_OPEN)).clicked() {
            let (offer, folder, path) = (dialog.offer, dialog.folder(), PathBuf::from(&dialog.path));
            commands.push(AppCommand::BrowseSave { offer, folder, path });
        }
        (save, ui.add(Button::new(Kind::Quiet, "Back")).clicked())
    });
    row.inner
}
