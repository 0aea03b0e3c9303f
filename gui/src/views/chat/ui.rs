//! Paints the conversation.

use egui::{Margin, Rect, Sense, Stroke, Ui, UiBuilder, pos2, vec2};
use egui_material_icons::icons::{ICON_ARROW_BACK, ICON_FORUM, ICON_WARNING};

use super::data::Conversation;
use super::{composer, person, timeline};
use crate::app::DropZones;
use crate::state::{AppCommand, Commands, UiState};
use crate::theme::{self, metrics, size};
use crate::widgets::{IconButton, text};

/// Shows the conversation over the space there is; `back` is offered in a narrow window.
pub(crate) fn show(
    ui: &mut Ui,
    shown: &Conversation,
    back: bool,
    state: &mut UiState,
    zones: &mut DropZones,
    commands: &mut Commands,
) {
    let whole = ui.available_rect_before_wrap();
    header(ui, shown, back, state, commands);
    if let Some(warning) = &shown.warning {
        warn(ui, warning);
    }
    let draft = state.drafts.get(&shown.id).map_or("", String::as_str);
    let foot = composer::height(draft) + 24.0;
    let rest = ui.available_rect_before_wrap();
    let split = (rest.bottom() - foot).max(rest.top());
    let lines = Rect::from_min_max(rest.min, pos2(rest.right(), split));
    let mut child = ui.new_child(UiBuilder::new().id_salt("lines").max_rect(lines));
    child.shrink_clip_rect(lines);
    if shown.items.is_empty() {
        let about = format!("Say hello to {}, or drop a file or folder here to send it.", name_for(shown));
        blank(&mut child, ICON_FORUM, "Nothing has been said yet", &about);
    } else {
        timeline::show(&mut child, shown, state, commands);
    }
    let side = if whole.width() < 520.0 { 12.0 } else { 20.0 };
    let field =
        Rect::from_min_max(pos2(rest.left() + side, split + 8.0), rest.right_bottom() - vec2(side, 16.0));
    composer::show(ui, field, shown, state, commands);
    zones.conversation(whole, &shown.kind, &shown.title);
    ui.advance_cursor_after_rect(whole);
}

/// Shown in the middle while no conversation is open.
pub(crate) fn nothing_open(ui: &mut Ui) {
    blank(
        ui,
        ICON_FORUM,
        "Choose somebody on the left",
        "Write to them, or drop a file or folder on their name to send it.",
    );
}

fn name_for(shown: &Conversation) -> &str {
    if shown.title == "Everyone" { "everyone" } else { &shown.title }
}

fn header(ui: &mut Ui, shown: &Conversation, back: bool, state: &mut UiState, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let wanted = vec2(ui.available_width(), metrics::HEADER_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(wanted, Sense::hover());
    let stroke = Stroke::new(1.0, palette.stroke);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, stroke);
    let mut left = rect.left() + 20.0;
    if back {
        let at = Rect::from_center_size(pos2(rect.left() + 25.0, rect.center().y), egui::Vec2::splat(34.0));
        let mut child = ui.new_child(UiBuilder::new().id_salt("back").max_rect(at));
        if child.add(IconButton::new(ICON_ARROW_BACK, "Back to the list")).clicked() {
            commands.push(AppCommand::ShowList);
        }
        left = at.right() + 8.0;
    }
    let centre = pos2(left + 18.0, rect.center().y);
    shown.avatar.paint(ui, centre, 36.0, palette.chat);
    let x = left + 49.0;
    let mut right = rect.right() - 16.0;
    if let Some(person) = &shown.person {
        right -= metrics::ICON_BUTTON;
        let at =
            Rect::from_min_size(pos2(right, rect.center().y - 17.0), egui::Vec2::splat(metrics::ICON_BUTTON));
        let mut child = ui.new_child(UiBuilder::new().id_salt("person").max_rect(at));
        person::show(&mut child, person, &mut state.person, commands);
    }
    let width = right - x - 8.0;
    let title = text::line(ui, &shown.title, theme::semibold(size::HEADING), palette.text, width);
    text::plain_at(ui, title, pos2(x, rect.center().y - 19.0), "title");
    let ink = if shown.online { palette.green_text } else { palette.weak };
    let subtitle = text::line(ui, &shown.subtitle, theme::regular(size::PREVIEW), ink, width);
    text::plain_at(ui, subtitle, pos2(x, rect.center().y + 2.0), "subtitle");
    ui.add_space(-ui.spacing().item_spacing.y);
}

fn warn(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    egui::Frame::new().fill(palette.tint(palette.amber)).inner_margin(Margin::symmetric(20, 9)).show(
        ui,
        |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                let glyph =
                    text::line(ui, ICON_WARNING.codepoint, theme::icon(17.0), palette.amber_text, 24.0);
                ui.add(egui::Label::new(glyph));
                text::flowing(ui, words, theme::regular(size::PREVIEW), palette.amber_text);
            });
        },
    );
    ui.add_space(-ui.spacing().item_spacing.y);
}

/// An empty place that says what to do next.
fn blank(ui: &mut Ui, icon: egui_material_icons::MaterialIcon, title: &str, about: &str) {
    let palette = theme::palette(ui);
    let centre = ui.max_rect().center();
    let width = (ui.max_rect().width() - 48.0).clamp(80.0, 420.0);
    let disc = pos2(centre.x, centre.y - 44.0);
    ui.painter().circle_filled(disc, 32.0, palette.tint(palette.accent));
    let glyph = text::line(ui, icon.codepoint, theme::icon(30.0), palette.accent, 60.0);
    text::paint_centred(ui, glyph, disc);
    let title = text::line(ui, title, theme::semibold(size::HEADING), palette.text, width);
    let at = pos2(centre.x - title.size().x / 2.0, centre.y + 4.0);
    text::plain_at(ui, title, at, "blank title");
    let about = text::line(ui, about, theme::regular(size::BODY), palette.weak, width);
    let at = pos2(centre.x - about.size().x / 2.0, centre.y + 28.0);
    text::plain_at(ui, about, at, "blank about");
}
