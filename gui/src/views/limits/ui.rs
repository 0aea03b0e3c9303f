//! Paints the form.

use egui::{Id, Modal, Ui};
use egui_material_icons::icons::{ICON_CHECK, ICON_CLOSE};
use landline_peer::api::Action;

use super::data::LimitsForm;
use crate::state::{AppCommand, Commands, Purpose};
use crate::theme::{self, size};
use crate::views::options::policy;
use crate::widgets::{Button, Field, IconButton, Kind, text};

/// Shows the form; false once it is closed.
pub(crate) fn show(ui: &mut Ui, form: &mut LimitsForm, commands: &mut Commands) -> bool {
    let window = ui.ctx().content_rect();
    let width = (window.width() - 64.0).clamp(260.0, 460.0);
    let most = (window.height() - 120.0).max(200.0);
    let modal = Modal::new(Id::unique("limits")).frame(egui::Frame::popup(ui.style()).inner_margin(20)).show(
        ui.ctx(),
        |ui| {
            ui.set_width(width);
            let area = egui::ScrollArea::vertical().max_height(most).auto_shrink([false, true]);
            area.show(ui, |ui| contents(ui, form, commands)).inner
        },
    );
    !(modal.inner || modal.should_close())
}

/// True when the form is done.
fn contents(ui: &mut Ui, form: &mut LimitsForm, commands: &mut Commands) -> bool {
    let palette = theme::palette(ui);
    text::flowing(ui, "Transfers", theme::semibold(size::HEADING), palette.text);
    ui.add_space(2.0);
    let none = "no limit";
    let changed = pair(
        ui,
        Field::new("Download limit", &mut form.down).hint(none),
        Field::new("Upload limit", &mut form.up).hint(none),
    ) | pair(
        ui,
        Field::new("Downloads at once", &mut form.downloads),
        Field::new("People served at once", &mut form.uploads),
    );
    if changed {
        form.error = None;
    }
    let words = "Limits are in bytes a second, for example 500 KiB/s or 2 MiB/s.";
    text::flowing(ui, words, theme::regular(size::SMALL), palette.weak);
    policy(ui, &mut form.conflict);
    people(ui, form);
    if let Some(error) = &form.error {
        text::flowing(ui, error, theme::regular(size::PREVIEW), palette.red_text);
    }
    ui.add_space(6.0);
    let (save, back) = ui
        .horizontal(|ui| {
            let save = ui.add(Button::new(Kind::Primary, "Save").icon(ICON_CHECK)).clicked();
            (save, ui.add(Button::new(Kind::Quiet, "Back")).clicked())
        })
        .inner;
    if !save {
        return back;
    }
    let Some(settings) = form.settings() else { return false };
    commands.push(AppCommand::Engine(Action::SetTransfers(settings), Purpose::Quiet));
    true
}

/// Two fields side by side; whether one was changed.
fn pair(ui: &mut Ui, one: Field<'_>, other: Field<'_>) -> bool {
    ui.columns(2, |columns| one.show(&mut columns[0]).changed() | other.show(&mut columns[1]).changed())
}

/// Those who have limits of their own.
fn people(ui: &mut Ui, form: &mut LimitsForm) {
    let palette = theme::palette(ui);
    let people = form.people();
    text::flowing(ui, "People with limits of their own", theme::medium(size::SMALL), palette.faint);
    ui.add_space(-4.0);
    if people.is_empty() {
        let words = "Nobody. Set one in the menu of a person's conversation.";
        text::flowing(ui, words, theme::regular(size::PREVIEW), palette.weak);
    }
    for person in people {
        ui.horizontal(|ui| {
            let name = format!("No limit for {}", person.user);
            if ui.add(IconButton::new(ICON_CLOSE, &name).small()).clicked() {
                form.free(&person.user);
            }
            let words = format!("{} · {}", person.user, person.words);
            text::clipped(ui, &words, theme::regular(size::PREVIEW), palette.text);
        });
    }
}
