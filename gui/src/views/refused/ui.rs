//! Paints the stop.

use egui::{Rect, Sense, Stroke, Ui, pos2, vec2};
use egui_material_icons::icons::{ICON_GPP_BAD, ICON_LOGOUT, ICON_REFRESH};
use landline_peer::api::Action;

use super::data::Stop;
use crate::state::{AppCommand, Commands, Purpose};
use crate::theme::{self, metrics, size};
use crate::widgets::{Button, Kind, text, tile};

/// Shows the stop over the whole window.
pub(crate) fn show(ui: &mut Ui, stop: &Stop, commands: &mut Commands) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.side);
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let width = 520.0_f32.min(ui.available_width() - 32.0);
        let margin = ((ui.available_width() - width) / 2.0).max(16.0);
        ui.add_space(((ui.available_height() - 520.0) / 2.0).clamp(16.0, 140.0));
        ui.horizontal_top(|ui| {
            ui.add_space(margin);
            ui.vertical(|ui| {
                ui.set_width(width);
                contents(ui, stop, commands);
            });
        });
    });
}

fn contents(ui: &mut Ui, stop: &Stop, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 52.0), Sense::hover());
    let mark = Rect::from_min_size(rect.min, egui::Vec2::splat(48.0));
    tile(ui, mark, ICON_GPP_BAD, palette.red);
    let width = rect.width() - 64.0;
    let title = text::line(
        ui,
        "This is not the coordinator you know",
        theme::semibold(size::TITLE),
        palette.text,
        width,
    );
    text::plain_at(ui, title, mark.right_top() + vec2(16.0, 0.0), "title");
    let place = format!("{} showed another key", stop.place);
    let place = text::line(ui, &place, theme::regular(size::BODY), palette.weak, width);
    text::plain_at(ui, place, mark.right_top() + vec2(16.0, 27.0), "place");
    ui.add_space(8.0);
    key(ui, "Key you joined with", stop.expected.as_deref(), false);
    key(ui, "Key it shows now", stop.seen.as_deref(), true);
    ui.add_space(4.0);
    if stop.expected.is_none() || stop.seen.is_none() {
        text::flowing(ui, &stop.text, theme::regular(size::BODY), palette.text);
        ui.add_space(2.0);
    }
    let advice = "Nothing was sent to it. Either the coordinator was set up anew, or somebody stands between you and it. Ask the person who \
                  runs it, by telephone or face to face, to read its key to you. If it was set up anew, sign out here \
                  and join again with a new invite. If not, leave this network.";
    text::flowing(ui, advice, theme::regular(size::BODY), palette.weak);
    ui.add_space(10.0);
    ui.horizontal(|ui| {
        if ui.add(Button::new(Kind::Secondary, "Try again").icon(ICON_REFRESH)).clicked() {
            commands.push(AppCommand::Engine(Action::Reconnect, Purpose::Quiet));
        }
        if ui.add(Button::new(Kind::Danger, "Sign out").icon(ICON_LOGOUT)).clicked() {
            commands.push(AppCommand::Engine(Action::SignOut, Purpose::Quiet));
        }
    });
}

fn key(ui: &mut Ui, caption: &str, fingerprint: Option<&str>, bad: bool) {
    let palette = theme::palette(ui);
    let ink = if bad { palette.red_text } else { palette.text };
    let edge = if bad { palette.red } else { palette.stroke };
    let words = fingerprint.unwrap_or("not told");
    let caption = text::line(ui, caption, theme::medium(size::PREVIEW), palette.weak, ui.available_width());
    let digits = text::paragraph(ui, words, theme::mono(size::BODY), ink, ui.available_width() - 28.0, None);
    let height = 42.0 + digits.size().y;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let radius = egui::CornerRadius::same(metrics::RADIUS_CARD);
    ui.painter().rect(rect, radius, palette.card, Stroke::new(1.0, edge), egui::StrokeKind::Inside);
    let salt = ("key", bad);
    text::plain_at(ui, caption, pos2(rect.left() + 14.0, rect.top() + 11.0), ("caption", bad));
    text::selectable_at(ui, digits, pos2(rect.left() + 14.0, rect.top() + 31.0), salt);
}
