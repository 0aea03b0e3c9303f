//! Paints the list.

use egui::{CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_material_icons::icons::{ICON_PERSON_ADD, ICON_SEARCH, ICON_SWAP_VERT};
use landline_peer::api::Me;

use super::data::{Entry, Row};
use crate::app::DropZones;
use crate::state::{AppCommand, Commands};
use crate::theme::{self, metrics, size};
use crate::views::settings;
use crate::widgets::{Avatar, Field, IconButton, Presence, badge, focus_ring, text};

/// Shows the panel: who one is, the filter, the rows.
pub(crate) fn show(
    ui: &mut Ui,
    me: &Me,
    rows: &[Row],
    filter: &mut String,
    menu: &settings::Menu,
    zones: &mut DropZones,
    commands: &mut Commands,
) {
    header(ui, me, menu, commands);
    egui::Frame::new().inner_margin(egui::Margin::symmetric(10, 2)).show(ui, |ui| {
        let field = Field::new("Find people", filter)
            .id(crate::app::filter_id())
            .unlabelled()
            .hint("Find people")
            .icon(ICON_SEARCH)
            .show(ui);
        if field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
            take_first(rows, filter, commands);
        }
    });
    ui.add_space(-2.0);
    let area = egui::ScrollArea::vertical().auto_shrink(false).content_margin(egui::Margin::symmetric(10, 4));
    area.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = metrics::ROW_GAP;
        for row in rows {
            match row {
                Row::Section(caption) => section(ui, caption),
                Row::Entry(person) => entry(ui, person, zones, commands),
                Row::Empty(words) => empty(ui, words),
            }
        }
    });
}

/// Enter in the filter opens what is found first.
fn take_first(rows: &[Row], filter: &mut String, commands: &mut Commands) {
    let found = rows.iter().find_map(|row| match row {
        Row::Entry(entry) => Some(entry.kind.clone()),
        _ => None,
    });
    if let Some(kind) = found.filter(|_| !filter.trim().is_empty()) {
        filter.clear();
        commands.push(AppCommand::Show(kind));
    }
}

fn header(ui: &mut Ui, me: &Me, menu: &settings::Menu, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), metrics::HEADER_HEIGHT), Sense::hover());
    let avatar = Avatar::person(me.user.as_str(), Some(&menu.device), Presence::None);
    avatar.paint(ui, pos2(rect.left() + 29.0, rect.center().y), metrics::AVATAR_SMALL + 4.0, palette.side);
    let buttons = if me.admin { 3.0 } else { 2.0 } * (metrics::ICON_BUTTON + 2.0);
    let width = rect.width() - 56.0 - buttons - 18.0;
    let name = text::line(ui, me.user.as_str(), theme::semibold(size::BODY), palette.text, width);
    let role = if me.admin { "Administrator" } else { "This is you" };
    let role = text::line(ui, role, theme::regular(size::SMALL), palette.weak, width);
    let left = rect.left() + 56.0;
    text::plain_at(ui, name, pos2(left, rect.center().y - 17.0), "own name");
    text::paint_left(ui, role, left, rect.center().y + 9.0);
    let right =
        Rect::from_min_max(pos2(rect.right() - buttons - 10.0, rect.top()), rect.max - vec2(10.0, 0.0));
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .id_salt("own buttons")
            .max_rect(right)
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    child.spacing_mut().item_spacing.x = 2.0;
    if me.admin && child.add(IconButton::new(ICON_PERSON_ADD, "Invite someone")).clicked() {
        commands.push(AppCommand::Invite);
    }
    if child.add(IconButton::new(ICON_SWAP_VERT, "All transfers")).clicked() {
        commands.push(AppCommand::ShowTransfers);
    }
    settings::show(&mut child, menu, commands);
}

fn section(ui: &mut Ui, caption: &str) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let galley = text::line(ui, caption, theme::medium(size::SMALL), palette.faint, rect.width() - 16.0);
    text::plain_at(ui, galley, pos2(rect.left() + 10.0, rect.bottom() - 19.0), caption);
}

fn empty(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    ui.add_space(14.0);
    ui.horizontal(|ui| {
        ui.add_space(2.0);
        text::flowing(ui, words, theme::regular(size::PREVIEW), palette.weak);
    });
}

fn entry(ui: &mut Ui, entry: &Entry, zones: &mut DropZones, commands: &mut Commands) {
    let wanted = vec2(ui.available_width(), metrics::ROW_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(wanted, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, entry.selected, entry.spoken()));
    if ui.is_rect_visible(rect) {
        let drop_here = zones.row(ui, rect, &entry.kind, &entry.name);
        paint(ui, rect, entry, response.hovered(), drop_here);
        focus_ring(ui, &response, rect.shrink(2.0), metrics::RADIUS_ROW);
    }
    if response.clicked() {
        commands.push(AppCommand::Show(entry.kind.clone()));
    }
    let long = entry.name.chars().count() > 22;
    if long {
        response.on_hover_text(&entry.name);
    }
}

fn paint(ui: &Ui, rect: Rect, entry: &Entry, hovered: bool, drop_here: bool) {
    let palette = theme::palette(ui);
    let ground = match (entry.selected, hovered) {
        (true, _) => palette.selected,
        (false, true) => palette.hover,
        (false, false) => palette.side,
    };
    let radius = CornerRadius::same(metrics::RADIUS_ROW);
    ui.painter().rect_filled(rect, radius, ground);
    if drop_here {
        paint_release(ui, rect, entry);
        return;
    }
    let centre = pos2(rect.left() + 10.0 + metrics::AVATAR / 2.0, rect.center().y);
    entry.avatar.paint(ui, centre, metrics::AVATAR, ground);
    let left = rect.left() + 20.0 + metrics::AVATAR;
    let right = rect.right() - 10.0;
    let (first, second) = (rect.center().y - 10.0, rect.center().y + 10.5);
    let unread = entry.unread > 0;
    let ink = if unread { palette.accent } else { palette.faint };
    let time = text::line(ui, &entry.time, theme::regular(size::SMALL), ink, 90.0);
    let time = text::paint_right(ui, time, right, first);
    let name =
        text::line(ui, &entry.name, theme::semibold(size::BODY), palette.text, time.left() - left - 8.0);
    text::paint_left(ui, name, left, first);
    let badge_width = if unread { badge(ui, entry.unread, pos2(right, second)) + 8.0 } else { 0.0 };
    let quiet = entry.preview == "online";
    let ink = if quiet { palette.green_text } else { palette.weak };
    let font = if unread { theme::medium(size::PREVIEW) } else { theme::regular(size::PREVIEW) };
    let preview = text::line(ui, &entry.preview, font, ink, right - left - badge_width);
    text::paint_left(ui, preview, left, second);
}

/// The row while a file is held over it.
fn paint_release(ui: &Ui, rect: Rect, entry: &Entry) {
    let palette = theme::palette(ui);
    let radius = CornerRadius::same(metrics::RADIUS_ROW);
    let stroke = egui::Stroke::new(1.5, palette.accent);
    let fill = palette.tint(palette.accent);
    ui.painter().rect(rect.shrink(1.0), radius, fill, stroke, egui::StrokeKind::Inside);
    let words = format!("Release to send to {}", entry.name);
    let galley = text::line(ui, &words, theme::semibold(size::BODY), palette.accent, rect.width() - 24.0);
    text::paint_centred(ui, galley, rect.center());
}
