//! Calm screens for when there is nothing to do: starting, signing in by itself, unable to start.

use egui::{Rect, Ui, pos2, vec2};

use crate::theme::{self, size};
use crate::widgets::{brand, text};

/// Shows the mark with a title and a sentence in the middle of the window.
pub(crate) fn show(ui: &mut Ui, title: &str, about: &str) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.side);
    let centre = ui.max_rect().center();
    let width = (ui.max_rect().width() - 48.0).clamp(80.0, 460.0);
    let mark = Rect::from_center_size(pos2(centre.x, centre.y - 66.0), vec2(64.0, 64.0));
    brand(ui, mark);
    let title = text::line(ui, title, theme::semibold(size::TITLE), palette.text, width);
    let at = pos2(centre.x - title.size().x / 2.0, centre.y - 16.0);
    text::plain_at(ui, title, at, "title");
    let below = Rect::from_min_size(pos2(centre.x - width / 2.0, centre.y + 16.0), vec2(width, 120.0));
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt("about").max_rect(below));
    let words = egui::RichText::new(about).font(theme::regular(size::BODY)).color(palette.weak);
    child.vertical_centered(|ui| ui.add(egui::Label::new(words).wrap().selectable(true)));
}
