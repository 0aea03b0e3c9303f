//! One transfer on the page.

use std::sync::Arc;

use egui::{
    CornerRadius, Galley, Id, Popup, Rect, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2,
    vec2,
};
use egui_material_icons::icons::ICON_MORE_VERT;
use landline_peer::api::{Action, Priority};

use crate::state::{AppCommand, Commands, Purpose};
use crate::theme::{self, metrics, size};
use crate::views::files;
use crate::views::transfers::card::{tone_mark, tone_text};
use crate::views::transfers::data::{Do, FileCard};
use crate::views::transfers::does;
use crate::widgets::{IconButton, focus_ring, menu_item, pieces, progress, text, tile};

const PADDING: f32 = 14.0;
const TILE: f32 = 38.0;
const LINE: f32 = 17.0;
const MENU: f32 = 210.0;

/// What is written in the row, laid out.
struct Words {
    name: Arc<Galley>,
    lines: Vec<Arc<Galley>>,
    figures: Option<Arc<Galley>>,
}

/// Shows the row over the width there is.
pub(super) fn show(ui: &mut Ui, card: &FileCard, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let buttons = card.actions.iter().filter(|action| quick(action)).count() as f32 + 1.0;
    let room = ui.available_width() - PADDING * 2.0 - TILE - 12.0 - buttons * metrics::ICON_BUTTON;
    let words = words(ui, card, room);
    let part = card.part.filter(|_| card.figures.is_some() || card.part > Some(0.0));
    let strip = part.is_some() && !card.picture.is_empty();
    let below = if part.is_some() { 12.0 + metrics::PROGRESS_HEIGHT } else { 0.0 };
    let below = below + if strip { 4.0 + metrics::PIECES_HEIGHT } else { 0.0 };
    let text_height =
        21.0 + words.lines.len() as f32 * LINE + if words.figures.is_some() { LINE } else { 0.0 };
    let height = text_height.max(TILE) + below + PADDING * 2.0 - 4.0;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    if !ui.is_rect_visible(rect) {
        return;
    }
    let radius = CornerRadius::same(metrics::RADIUS_CARD);
    ui.painter().rect(rect, radius, palette.card, Stroke::new(1.0, palette.stroke), StrokeKind::Inside);
    let mut child = ui.new_child(UiBuilder::new().id_salt(("row", card.offer)).max_rect(rect));
    let ui = &mut child;
    let inner = rect.shrink(PADDING - 2.0);
    open_by_click(
        ui,
        Rect::from_min_max(inner.min, pos2(inner.left() + TILE + 12.0 + room, inner.top() + text_height)),
        card,
        commands,
    );
    let tone = tone_mark(palette, card.tone);
    let mark = Rect::from_min_size(inner.min, egui::Vec2::splat(TILE));
    tile(ui, mark, files::icon_of(&card.name, card.folder), tone);
    let left = mark.right() + 12.0;
    let mut y = inner.top();
    text::plain_at(ui, words.name, pos2(left, y), "name");
    y += 21.0;
    for (index, line) in words.lines.into_iter().chain(words.figures).enumerate() {
        text::plain_at(ui, line, pos2(left, y), ("line", index));
        y += LINE;
    }
    if let Some(part) = part {
        let top = inner.top() + text_height.max(TILE) + 8.0;
        let bar = Rect::from_min_size(pos2(inner.left(), top), vec2(inner.width(), metrics::PROGRESS_HEIGHT));
        progress(ui, bar, part, tone, &format!("Transfer of {}", card.name));
        if strip {
            let at = bar.translate(vec2(0.0, metrics::PROGRESS_HEIGHT + 4.0));
            let strip = Rect::from_min_size(at.min, vec2(at.width(), metrics::PIECES_HEIGHT));
            let name = format!("{:.0} % of {} here", part * 100.0, card.name);
            pieces(ui, strip, &card.picture, tone, &name);
        }
    }
    buttons_of(ui, inner, card, commands);
}

fn words(ui: &Ui, card: &FileCard, room: f32) -> Words {
    let palette = theme::palette(ui);
    let name = text::line(ui, &card.name, theme::semibold(size::BODY), palette.text, room);
    let small = theme::regular(size::PREVIEW);
    let mut lines = vec![text::line(ui, &card.about, small.clone(), palette.weak, room)];
    if !card.state.is_empty() {
        lines.push(text::line(ui, &card.state, small.clone(), tone_text(palette, card.tone), room));
    }
    let sources = card.sources.iter().map(|line| {
        let ink = if line.bad { palette.red_text } else { palette.weak };
        text::line(ui, &line.text, theme::tabular(size::SMALL), ink, room)
    });
    lines.extend(sources);
    let figures = card.figures.as_ref().filter(|_| card.part > Some(0.0)).map(|(so_far, speed)| {
        let gap = if speed.is_empty() { "" } else { " · " };
        text::line(ui, &format!("{so_far}{gap}{speed}"), theme::tabular(size::SMALL), palette.accent, room)
    });
    Words { name, lines, figures }
}

/// The words lead to where the offer was made.
fn open_by_click(ui: &mut Ui, rect: Rect, card: &FileCard, commands: &mut Commands) {
    let response = ui.interact(rect, ui.scope_id().with("open"), Sense::click());
    let name = format!("Show {} in its conversation", card.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    focus_ring(ui, &response, rect, metrics::RADIUS_BUTTON);
    if response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked() {
        commands.push(AppCommand::GoTo(card.offer));
    }
}

/// What has a button of its own here; the rest stands in the menu.
fn quick(action: &Do) -> bool {
    matches!(action, Do::Pause | Do::Resume | Do::TryNow | Do::Cancel | Do::Withdraw)
}

fn buttons_of(ui: &mut Ui, inner: Rect, card: &FileCard, commands: &mut Commands) {
    let row = Rect::from_min_size(inner.min, vec2(inner.width(), metrics::ICON_BUTTON));
    let builder = UiBuilder::new()
        .id_salt("buttons")
        .max_rect(row)
        .layout(egui::Layout::right_to_left(egui::Align::Center));
    let mut ui = ui.new_child(builder);
    ui.spacing_mut().item_spacing.x = 0.0;
    for action in card.actions.iter().rev().filter(|action| quick(action)) {
        let (_, label, icon) = does::look(action, card.folder);
        let name = format!("{label} {}", card.name);
        if ui.add(IconButton::new(icon, &name)).clicked() {
            commands.push(does::command(action, card.offer));
        }
    }
    menu(&mut ui, card, commands);
}

/// The turn of a download, and what else can be done.
fn menu(ui: &mut Ui, card: &FileCard, commands: &mut Commands) {
    let others: Vec<&Do> = card.actions.iter().filter(|action| !quick(action)).collect();
    if card.outgoing && others.is_empty() {
        return;
    }
    let name = format!("More for {}", card.name);
    let button = ui.add(IconButton::new(ICON_MORE_VERT, &name));
    Popup::menu(&button)
        .id(Id::unique(("more", card.offer)))
        .accessible_name("More")
        .frame(egui::Frame::popup(ui.style()).inner_margin(6))
        .width(MENU)
        .show(|ui| {
            ui.set_width(MENU);
            ui.spacing_mut().item_spacing.y = 0.0;
            for action in others.into_iter().filter(|action| **action != Do::First) {
                let (_, label, _) = does::look(action, card.folder);
                if menu_item(ui, label, false) {
                    commands.push(does::command(action, card.offer));
                }
            }
            if !card.outgoing {
                turns(ui, card, commands);
            }
        });
}

fn turns(ui: &mut Ui, card: &FileCard, commands: &mut Commands) {
    let turns = [
        (Priority::High, "Before the others"),
        (Priority::Normal, "In turn"),
        (Priority::Low, "After the others"),
    ];
    for (priority, label) in turns {
        if menu_item(ui, label, card.priority == priority) {
            let action = Action::Prioritise { offer: card.offer, priority };
            commands.push(AppCommand::Engine(action, Purpose::Quiet));
        }
    }
}
