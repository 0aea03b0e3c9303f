//! Paints the transfers panel.

use egui::{CornerRadius, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use egui_material_icons::icons::{ICON_ARROW_DOWNWARD, ICON_ARROW_UPWARD, ICON_CLOSE, ICON_OPEN_IN_FULL};
use landline_peer::api::Action;

use super::card::{tone_mark, tone_text};
use super::data::{Do, FileCard};
use super::does;
use super::plot;
use super::summary::Summary;
use crate::state::{AppCommand, Commands, Purpose, Rates};
use crate::theme::{self, metrics, size};
use crate::widgets::{IconButton, progress, text, tile};

/// Shows the panel.
pub(crate) fn show(
    ui: &mut Ui,
    summary: &Summary,
    rates: &Rates,
    cards: &[FileCard],
    commands: &mut Commands,
) {
    let palette = theme::palette(ui);
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), metrics::HEADER_HEIGHT), Sense::hover());
    let title = text::line(ui, "Transfers", theme::semibold(size::HEADING), palette.text, 160.0);
    text::plain_at(ui, title, pos2(rect.left() + 14.0, rect.center().y - 9.0), "title");
    let active = format!("{} active", summary.active);
    let active = text::line(ui, &active, theme::regular(size::PREVIEW), palette.weak, 120.0);
    let all = Rect::from_center_size(pos2(rect.right() - 29.0, rect.center().y), egui::Vec2::splat(26.0));
    let mut corner = ui.new_child(egui::UiBuilder::new().id_salt("all transfers").max_rect(all));
    if corner.add(IconButton::new(ICON_OPEN_IN_FULL, "Show all of them").small()).clicked() {
        commands.push(AppCommand::ShowTransfers);
    }
    text::paint_right(ui, active, all.left() - 6.0, rect.center().y);
    let area = egui::ScrollArea::vertical().auto_shrink(false).content_margin(egui::Margin::symmetric(12, 0));
    area.show(ui, |ui| {
        plot::show(ui, rates, summary);
        for card in cards {
            row(ui, card, commands);
        }
    });
}

fn row(ui: &mut Ui, card: &FileCard, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let height = if card.part.is_some() { 76.0 } else { 62.0 };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let radius = CornerRadius::same(metrics::RADIUS_CARD);
    ui.painter().rect(rect, radius, palette.card, Stroke::new(1.0, palette.stroke), StrokeKind::Inside);
    let tone = tone_mark(palette, card.tone);
    let icon = if card.outgoing { ICON_ARROW_UPWARD } else { ICON_ARROW_DOWNWARD };
    let mark = Rect::from_min_size(rect.min + vec2(12.0, 14.0), egui::Vec2::splat(32.0));
    tile(ui, mark, icon, tone);
    let left = mark.right() + 10.0;
    let pausable = hold(card);
    let right = rect.right() - if pausable.is_some() { 66.0 } else { 40.0 };
    let name = text::line(ui, &card.name, theme::semibold(size::PREVIEW), palette.text, right - left);
    text::plain_at(ui, name, pos2(left, rect.top() + 14.0), ("name", card.offer));
    let (words, ink) = match &card.figures {
        Some((_, speed)) if card.state.is_empty() && !speed.is_empty() => (speed.as_str(), palette.weak),
        _ if card.state.is_empty() => (card.about.as_str(), palette.weak),
        _ => (card.state.as_str(), tone_text(palette, card.tone)),
    };
    let words = text::line(ui, words, theme::tabular(size::SMALL), ink, right - left);
    text::plain_at(ui, words, pos2(left, rect.top() + 32.0), ("state", card.offer));
    if let Some(part) = card.part {
        let at = pos2(rect.left() + 12.0, rect.bottom() - 16.0);
        let bar = Rect::from_min_size(at, vec2(rect.width() - 24.0, metrics::PROGRESS_HEIGHT - 1.0));
        progress(ui, bar, part, tone, &format!("Transfer of {}", card.name));
    }
    if let Some(action) = pausable {
        hold_button(ui, rect, card, action, commands);
    }
    stop_button(ui, rect, card, commands);
}

/// What pauses it or lets it go on.
fn hold(card: &FileCard) -> Option<&Do> {
    card.actions.iter().find(|action| matches!(action, Do::Pause | Do::Resume))
}

fn hold_button(ui: &mut Ui, rect: Rect, card: &FileCard, action: &Do, commands: &mut Commands) {
    let (_, label, icon) = does::look(action, card.folder);
    let at = Rect::from_min_size(pos2(rect.right() - 61.0, rect.top() + 16.0), egui::Vec2::splat(26.0));
    let name = format!("{label} {} now", card.name);
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt(("hold", card.offer)).max_rect(at));
    if child.add(IconButton::new(icon, &name).small()).clicked() {
        commands.push(does::command(action, card.offer));
    }
}

fn stop_button(ui: &mut Ui, rect: Rect, card: &FileCard, commands: &mut Commands) {
    let at = Rect::from_min_size(pos2(rect.right() - 35.0, rect.top() + 16.0), egui::Vec2::splat(26.0));
    let name = format!("Stop {}", card.name);
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt(("stop", card.offer)).max_rect(at));
    if child.add(IconButton::new(ICON_CLOSE, &name).small()).clicked() {
        let action = Action::Cancel { offer: card.offer };
        commands.push(AppCommand::Engine(action, Purpose::Quiet));
    }
}
