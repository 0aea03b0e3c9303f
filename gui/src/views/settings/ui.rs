//! Paints the menu.

use egui::{Id, Popup, Ui};
use egui_material_icons::icons::{ICON_FOLDER_OPEN, ICON_LOGOUT, ICON_SETTINGS, ICON_TUNE};
use landline_peer::api::Action;

use super::Menu;
use crate::state::{AppCommand, Commands, Purpose};
use crate::theme::{self, ThemeChoice, size};
use crate::widgets::{Button, IconButton, Kind, hairline, segments, text};

const WIDTH: f32 = 316.0;

/// Shows the cog and, once it is pressed, the menu.
pub(crate) fn show(ui: &mut Ui, menu: &Menu, commands: &mut Commands) {
    let button = ui.add(IconButton::new(ICON_SETTINGS, "Settings"));
    Popup::menu(&button)
        .id(Id::unique("settings"))
        .accessible_name("Settings")
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .frame(egui::Frame::popup(ui.style()).inner_margin(14))
        .gap(6.0)
        .width(WIDTH)
        .show(|ui| {
            ui.set_width(WIDTH);
            contents(ui, menu, commands);
        });
}

fn contents(ui: &mut Ui, menu: &Menu, commands: &mut Commands) {
    caption(ui, "Appearance");
    let mut choice = menu.theme;
    let choices =
        [(ThemeChoice::System, "System"), (ThemeChoice::Light, "Light"), (ThemeChoice::Dark, "Dark")];
    if segments(ui, &mut choice, &choices) {
        commands.push(AppCommand::Theme(choice));
    }
    ui.add_space(4.0);
    caption(ui, "Received files go to");
    folder(ui, menu, commands);
    let limits = Button::new(Kind::Secondary, "Slots and limits…").icon(ICON_TUNE).small();
    if ui.add(limits.width(ui.available_width())).clicked() {
        commands.push(AppCommand::Limits);
        ui.close();
    }
    ui.add_space(2.0);
    hairline(ui);
    keys(ui, menu);
    hairline(ui);
    let leave = Button::new(Kind::Danger, "Sign out").icon(ICON_LOGOUT).width(ui.available_width());
    if ui.add(leave).on_hover_text("Your history and keys stay on this computer").clicked() {
        commands.push(AppCommand::Engine(Action::SignOut, Purpose::Quiet));
        ui.close();
    }
}

fn folder(ui: &mut Ui, menu: &Menu, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let path = menu.download_folder.display().to_string();
    text::clipped(ui, &path, theme::regular(size::BODY), palette.text);
    ui.horizontal(|ui| {
        let width = (ui.available_width() - ui.spacing().item_spacing.x) / 2.0;
        if ui.add(Button::new(Kind::Secondary, "Change…").small().width(width)).clicked() {
            commands.push(AppCommand::ChooseDownloadFolder);
            ui.close();
        }
        let open = Button::new(Kind::Secondary, "Open folder").icon(ICON_FOLDER_OPEN);
        if ui.add(open.small().width(width)).clicked() {
            commands.push(AppCommand::OpenFile(menu.download_folder.clone()));
        }
    });
}

fn keys(ui: &mut Ui, menu: &Menu) {
    let palette = theme::palette(ui);
    caption(ui, "This computer's key");
    fingerprint(ui, &menu.device.fingerprint());
    ui.add_space(2.0);
    caption(ui, "Coordinator");
    let place = menu
        .hosting
        .as_ref()
        .map_or_else(|| menu.coordinator.clone(), |address| format!("Hosted in this window at {address}"));
    text::clipped(ui, &place, theme::regular(size::BODY), palette.text);
    fingerprint(ui, &menu.coordinator_key.fingerprint());
    let (words, ink) = if menu.key_from_invite {
        ("Its key came with your invite.", palette.green_text)
    } else {
        ("Trusted when first seen. Compare the key with whoever runs it.", palette.amber_text)
    };
    text::flowing(ui, words, theme::regular(size::PREVIEW), ink);
}

fn caption(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    text::flowing(ui, words, theme::medium(size::SMALL), palette.faint);
    ui.add_space(-4.0);
}

fn fingerprint(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    let galley =
        text::paragraph(ui, words, theme::mono(size::SMALL), palette.weak, ui.available_width(), None);
    ui.add(egui::Label::new(galley).selectable(true));
}
