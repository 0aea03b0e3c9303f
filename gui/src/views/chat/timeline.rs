//! The line of time. Everything is measured, only what is in view is painted.

use std::collections::HashMap;

use egui::{Rect, Stroke, Ui, pos2, vec2};
use egui_material_icons::icons::ICON_KEYBOARD_ARROW_DOWN;
use landline_peer::api::Action;
use landline_protocol::MessageId;

use super::bubble::{self, GUTTER};
use super::data::{Bubble, CardItem, Conversation, Item, Mark};
use crate::state::{AppCommand, Commands, Purpose, Scroll, UiState};
use crate::theme::{self, metrics, size};
use crate::views::transfers::Layout as CardLayout;
use crate::widgets::{IconButton, text};

const MARGIN: f32 = 20.0;
const DAY_HEIGHT: f32 = 44.0;

/// Heights of bubbles already measured, by message, column width and shape.
#[derive(Default)]
pub(crate) struct Heights {
    known: HashMap<(MessageId, u32, u8), f32>,
}

impl Heights {
    fn of(&mut self, ui: &Ui, bubble: &Bubble, width: f32) -> f32 {
        let shape = u8::from(bubble.author.is_some())
            | u8::from(matches!(bubble.mark, Mark::Failed(_))) << 1
            | u8::from(bubble.mark == Mark::None) << 2;
        let key = (bubble.id, width.to_bits(), shape);
        if self.known.len() > 20_000 {
            self.known.clear();
        }
        *self.known.entry(key).or_insert_with(|| bubble::Layout::new(ui, bubble, width).height)
    }
}

/// Where the reader is, kept from frame to frame.
#[derive(Clone, Copy, Default)]
struct Place {
    first: Option<MessageId>,
    total: f32,
    offset: f32,
}

/// Shows the items over the space there is.
pub(crate) fn show(ui: &mut Ui, shown: &Conversation, state: &mut UiState, commands: &mut Commands) {
    let width = (ui.available_width() - MARGIN * 2.0).max(120.0);
    let heights: Vec<f32> = measure(ui, &shown.items, width, &mut state.heights);
    let content: f32 = heights.iter().sum::<f32>() + 16.0;
    let view = ui.available_height();
    let total = content.max(view);
    let place_id = ui.scope_id().with(("place", shown.id));
    let place: Place = ui.data(|data| data.get_temp(place_id)).unwrap_or_default();
    let first = first_message(&shown.items);
    let above = (total - content) + 8.0;
    let mut area =
        egui::ScrollArea::vertical().id_salt(("timeline", shown.id)).auto_shrink(false).stick_to_bottom(true);
    if let Some(offset) = state.scroll.take().map(|to| destination(to, &shown.items, &heights, total - view))
    {
        area = area.vertical_scroll_offset(offset);
    } else if place.first.is_some() && place.first != first && total > place.total {
        // The past grew at the top: what was being read stays where it is.
        area = area.vertical_scroll_offset(place.offset + total - place.total);
    }
    let out = area.show_viewport(ui, |ui, viewport| {
        ui.set_height(total);
        paint_visible(ui, viewport, &shown.items, &heights, above, width, commands);
    });
    let offset = out.state.clamped_offset().y;
    ui.data_mut(|data| data.insert_temp(place_id, Place { first, total, offset }));
    if shown.has_older && offset < 200.0 && state.older_than != first {
        state.older_than = first;
        let action = Action::LoadOlder { conversation: shown.id };
        commands.push(AppCommand::Engine(action, Purpose::Quiet));
    }
    if offset + 240.0 < total - view {
        newest_button(ui, out.inner_rect, state);
    }
}

/// The offset that shows a place; `most` is the offset of the end.
fn destination(to: Scroll, items: &[Item], heights: &[f32], most: f32) -> f32 {
    let wanted = |item: &Item| match (to, item) {
        (Scroll::Unread, Item::Unread) => true,
        (Scroll::Message(id), Item::Bubble(bubble)) => bubble.id == id,
        (Scroll::Message(id), Item::Card(card)) => card.card.offer == id,
        _ => false,
    };
    match items.iter().position(wanted) {
        Some(at) => (heights[..at].iter().sum::<f32>() - 24.0).clamp(0.0, most),
        None => most,
    }
}

/// Paints what the viewport shows. Short conversations stand at the bottom, `above` the space.
fn paint_visible(
    ui: &mut Ui,
    viewport: Rect,
    items: &[Item],
    heights: &[f32],
    above: f32,
    width: f32,
    commands: &mut Commands,
) {
    let left = ui.max_rect().left() + MARGIN;
    let visible = viewport.translate(ui.max_rect().min.to_vec2()).expand(40.0);
    let mut y = ui.max_rect().top() + above;
    for (item, height) in items.iter().zip(heights) {
        let rect = Rect::from_min_size(pos2(left, y), vec2(width, *height));
        if visible.intersects(rect) {
            paint(ui, item, rect, commands);
        }
        y += height;
    }
}

/// Offered to whoever has scrolled away from the end.
fn newest_button(ui: &mut Ui, view: Rect, state: &mut UiState) {
    let palette = theme::palette(ui);
    let centre = view.right_bottom() - vec2(36.0, 30.0);
    ui.painter().circle(centre, 20.0, palette.card, Stroke::new(1.0, palette.stroke));
    let at = Rect::from_center_size(centre, egui::Vec2::splat(metrics::ICON_BUTTON));
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt("newest").max_rect(at));
    if child.add(IconButton::new(ICON_KEYBOARD_ARROW_DOWN, "Go to the newest message")).clicked() {
        state.scroll = Some(Scroll::End);
        ui.ctx().request_repaint();
    }
}

fn measure(ui: &Ui, items: &[Item], width: f32, heights: &mut Heights) -> Vec<f32> {
    items
        .iter()
        .map(|item| match item {
            Item::Day(_) | Item::Unread => DAY_HEIGHT,
            Item::Bubble(bubble) => heights.of(ui, bubble, width) + gap(bubble.place.first),
            Item::Card(card) => {
                let above = if card.author.is_some() { 20.0 } else { 0.0 };
                CardLayout::new(ui, &card.card, card_width(width)).size.y
                    + above
                    + gap(card.place.first)
                    + 17.0
            }
        })
        .collect()
}

fn gap(first: bool) -> f32 {
    if first { metrics::BETWEEN_GROUPS } else { metrics::BETWEEN_BUBBLES }
}

fn card_width(width: f32) -> f32 {
    (width - GUTTER).min(metrics::CARD_WIDTH)
}

fn first_message(items: &[Item]) -> Option<MessageId> {
    items.iter().find_map(|item| match item {
        Item::Bubble(bubble) => Some(bubble.id),
        Item::Card(card) => Some(card.card.offer),
        _ => None,
    })
}

fn paint(ui: &mut Ui, item: &Item, rect: Rect, commands: &mut Commands) {
    match item {
        Item::Day(day) => separator(ui, rect, day, false),
        Item::Unread => separator(ui, rect, "New", true),
        Item::Bubble(one) => {
            let mut column = rect;
            column.min.y += gap(one.place.first);
            bubble::Layout::new(ui, one, rect.width()).paint(ui, column);
        }
        Item::Card(one) => card(ui, one, rect, commands),
    }
}

fn card(ui: &mut Ui, item: &CardItem, rect: Rect, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let layout = CardLayout::new(ui, &item.card, card_width(rect.width()));
    let mut top = rect.top() + gap(item.place.first);
    let left = if item.mine { rect.right() - layout.size.x } else { rect.left() + GUTTER };
    if let Some(author) = &item.author {
        let galley = text::line(ui, author, theme::semibold(size::PREVIEW), palette.weak, layout.size.x);
        text::plain_at(ui, galley, pos2(left + 2.0, top), ("author", item.card.offer));
        top += 20.0;
    }
    let at = Rect::from_min_size(pos2(left, top), layout.size);
    layout.paint(ui, at, commands);
    let time = text::line(ui, &item.time, theme::regular(size::SMALL), palette.faint, 80.0);
    if item.mine {
        text::paint_right(ui, time, at.right() - 2.0, at.bottom() + 9.0);
    } else {
        text::paint_left(ui, time, at.left() + 2.0, at.bottom() + 9.0);
    }
    if let Some(avatar) = &item.avatar {
        let centre = pos2(rect.left() + 15.0, at.bottom() - 15.0);
        avatar.paint(ui, centre, metrics::AVATAR_SMALL, palette.chat);
    }
}

fn separator(ui: &mut Ui, rect: Rect, words: &str, unread: bool) {
    let palette = theme::palette(ui);
    let (line, ink) = if unread { (palette.accent, palette.accent) } else { (palette.stroke, palette.weak) };
    let y = rect.center().y + 3.0;
    let galley = text::line(ui, words, theme::medium(size::SMALL), ink, rect.width());
    let pill = Rect::from_center_size(pos2(rect.center().x, y), galley.size() + vec2(20.0, 7.0));
    let stroke = Stroke::new(1.0, line);
    ui.painter().hline(rect.left()..=pill.left() - 10.0, y, stroke);
    ui.painter().hline(pill.right() + 10.0..=rect.right(), y, stroke);
    let fill = if unread { palette.tint(palette.accent) } else { palette.bubble };
    ui.painter().rect_filled(pill, pill.height() / 2.0, fill);
    let at = pill.center() - galley.size() / 2.0;
    text::plain_at(ui, galley, at, ("separator", words, rect.top().to_bits()));
}
