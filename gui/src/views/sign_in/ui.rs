//! Paints the first screen.

use egui::{Color32, CornerRadius, Key, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons::{ICON_HUB, ICON_LAN, ICON_LINK, ICON_LOGIN, ICON_SHIELD};
use landline_protocol::UserName;

use super::data::{Account, Field as Part, Form, Way};
use crate::state::{AppCommand, Commands};
use crate::theme::{self, metrics, size};
use crate::widgets::{Button, Field, Kind, brand, focus_ring, segments, text};

const WIDTH: f32 = 432.0;

/// Shows the form in the middle of the window. `back` offers the way back to the main window.
pub(crate) fn show(ui: &mut Ui, form: &mut Form, back: bool, commands: &mut Commands) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.side);
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let width = WIDTH.min(ui.available_width() - 32.0);
        let margin = ((ui.available_width() - width) / 2.0).max(16.0);
        let top = ((ui.available_height() - 560.0) / 2.0).clamp(16.0, 160.0);
        ui.add_space(top);
        ui.horizontal_top(|ui| {
            ui.add_space(margin);
            ui.vertical(|ui| {
                ui.set_width(width);
                heading(ui);
                ui.add_space(12.0);
                choices(ui, form);
                ui.add_space(6.0);
                card(ui, form, back, commands);
                ui.add_space(16.0);
            });
        });
    });
}

fn heading(ui: &mut Ui) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0), Sense::hover());
    let mark = Rect::from_min_size(rect.min, egui::Vec2::splat(48.0));
    brand(ui, mark);
    let title = text::line(ui, "Landline", theme::semibold(size::TITLE), palette.text, 300.0);
    let about = text::line(
        ui,
        "Chat and files for the people on your network",
        theme::regular(size::BODY),
        palette.weak,
        rect.width() - 64.0,
    );
    text::plain_at(ui, title, mark.right_top() + vec2(16.0, 1.0), "title");
    text::plain_at(ui, about, mark.right_top() + vec2(16.0, 27.0), "about");
}

fn choices(ui: &mut Ui, form: &mut Form) {
    let width = (ui.available_width() - metrics::GRID) / 2.0;
    ui.horizontal(|ui| {
        let join = choice(ui, width, form.way == Way::Join, ICON_LAN, "Join", "A coordinator someone runs");
        let host =
            choice(ui, width, form.way == Way::Host, ICON_HUB, "Host here", "Start one on this computer");
        for (clicked, way) in [(join, Way::Join), (host, Way::Host)] {
            if clicked && form.way != way && !form.busy {
                form.way = way;
                form.error = None;
                form.placed = false;
            }
        }
    });
}

fn choice(ui: &mut Ui, width: f32, chosen: bool, icon: MaterialIcon, title: &str, about: &str) -> bool {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 76.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, title));
    let fill = match (chosen, response.hovered()) {
        (true, _) => palette.selected,
        (false, true) => palette.hover,
        (false, false) => palette.card,
    };
    let stroke = if chosen { Stroke::new(1.5, palette.accent) } else { Stroke::new(1.0, palette.stroke) };
    let radius = CornerRadius::same(metrics::RADIUS_CARD);
    ui.painter().rect(rect, radius, fill, stroke, StrokeKind::Inside);
    focus_ring(ui, &response, rect, metrics::RADIUS_CARD + 1);
    let ink = if chosen { palette.accent } else { palette.weak };
    let glyph = text::line(ui, icon.codepoint, theme::icon(22.0), ink, 40.0);
    text::paint_left(ui, glyph, rect.left() + 14.0, rect.top() + 23.0);
    let title = text::line(ui, title, theme::semibold(size::HEADING), palette.text, width - 60.0);
    text::paint_left(ui, title, rect.left() + 44.0, rect.top() + 23.0);
    let about = text::line(ui, about, theme::regular(size::PREVIEW), palette.weak, width - 28.0);
    text::paint_left(ui, about, rect.left() + 14.0, rect.top() + 52.0);
    response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
}

fn card(ui: &mut Ui, form: &mut Form, back: bool, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let frame = egui::Frame::new()
        .fill(palette.card)
        .stroke(Stroke::new(1.0, palette.stroke))
        .corner_radius(metrics::RADIUS_CARD)
        .inner_margin(20);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 7.0;
        let entered = ui.add_enabled_ui(!form.busy, |ui| fields(ui, form)).inner;
        ui.add_space(8.0);
        let clicked = submit_button(ui, form);
        if back && ui.add(Button::new(Kind::Quiet, "Back").width(ui.available_width())).clicked() {
            commands.push(AppCommand::Back);
        }
        if (entered || clicked) && !form.busy {
            submit(form, commands);
        }
    });
}

/// The fields; true when Enter was pressed in one of them.
fn fields(ui: &mut Ui, form: &mut Form) -> bool {
    let mut entered = false;
    match form.way {
        Way::Join => entered |= join_fields(ui, form),
        Way::Host => host_words(ui),
    }
    let name = Field::new("Username", &mut form.username)
        .wrong(is_wrong(form.error.as_ref(), Part::Username))
        .limit(UserName::MAX_CHARS)
        .show(ui);
    complaint(ui, form.error.as_ref(), Part::Username);
    ui.add_space(5.0);
    let new = form.way == Way::Host || form.account == Account::New;
    let password = Field::new("Password", &mut form.password)
        .hint(if new { "At least 8 characters" } else { "" })
        .password(&mut form.show_password)
        .wrong(is_wrong(form.error.as_ref(), Part::Password))
        .show(ui);
    complaint(ui, form.error.as_ref(), Part::Password);
    let known = form.way == Way::Host || !form.target.is_empty();
    let first = (!std::mem::replace(&mut form.placed, true)).then_some(if known {
        Part::Password
    } else {
        Part::Target
    });
    if let Some(part) = form.focus.take_if(|_| !form.busy).or(first) {
        let id = match part {
            Part::Target => target_id(),
            Part::Username => name.id,
            Part::Password | Part::Form => password.id,
        };
        ui.memory_mut(|memory| memory.request_focus(id));
    }
    for response in [&name, &password] {
        entered |= response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if response.changed() {
            form.error = None;
        }
    }
    entered
}

fn join_fields(ui: &mut Ui, form: &mut Form) -> bool {
    let choices = [(Account::New, "New account"), (Account::Existing, "I have an account")];
    if segments(ui, &mut form.account, &choices) {
        form.error = None;
    }
    ui.add_space(6.0);
    let target = Field::new("Address or invite link", &mut form.target)
        .hint("192.168.1.20:4810 or landline://…")
        .icon(ICON_LINK)
        .id(target_id())
        .wrong(is_wrong(form.error.as_ref(), Part::Target))
        .show(ui);
    if target.changed() {
        form.error = None;
    }
    complaint(ui, form.error.as_ref(), Part::Target);
    if let Some(link) = form.invite() {
        let palette = theme::palette(ui);
        let words = format!("Invite to {}:{}, key {}…", link.host, link.port, &link.key.fingerprint()[..14]);
        note(ui, ICON_SHIELD, &words, palette.green_text);
    }
    ui.add_space(5.0);
    target.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

fn target_id() -> egui::Id {
    egui::Id::unique("sign in target")
}

fn host_words(ui: &mut Ui) {
    let palette = theme::palette(ui);
    text::flowing(
        ui,
        "A coordinator runs inside this window and starts again with it. You become its administrator and \
         invite the others. Files never pass through it: they go straight from one computer to the other.",
        theme::regular(size::PREVIEW),
        palette.weak,
    );
    ui.add_space(6.0);
}

fn submit_button(ui: &mut Ui, form: &Form) -> bool {
    complaint(ui, form.error.as_ref(), Part::Form);
    let label = match (form.way, form.account, form.busy) {
        (Way::Host, _, false) => "Host on this computer",
        (Way::Host, _, true) => "Starting…",
        (Way::Join, Account::New, false) => "Create account and join",
        (Way::Join, Account::New, true) => "Joining…",
        (Way::Join, Account::Existing, false) => "Sign in",
        (Way::Join, Account::Existing, true) => "Signing in…",
    };
    let icon = if form.way == Way::Host { ICON_HUB } else { ICON_LOGIN };
    let button = Button::new(Kind::Primary, label).icon(icon).enabled(!form.busy).width(ui.available_width());
    ui.add(button).clicked()
}

fn submit(form: &mut Form, commands: &mut Commands) {
    match form.submit() {
        Ok(command) => {
            form.busy = true;
            form.error = None;
            commands.push(command);
        }
        Err((field, text)) => form.blame(field, text),
    }
}

fn is_wrong(error: Option<&(Part, String)>, part: Part) -> bool {
    error.is_some_and(|(at, _)| *at == part)
}

fn complaint(ui: &mut Ui, error: Option<&(Part, String)>, part: Part) {
    if let Some((_, words)) = error.filter(|(at, _)| *at == part) {
        let palette = theme::palette(ui);
        if part == Part::Form {
            banner(ui, words);
        } else {
            text::flowing(ui, words, theme::regular(size::PREVIEW), palette.red_text);
        }
    }
}

/// An error that belongs to no field, on a ground of its own.
fn banner(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    egui::Frame::new()
        .fill(palette.tint(palette.red))
        .corner_radius(metrics::RADIUS_BUTTON)
        .inner_margin(egui::Margin::symmetric(12, 9))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            text::flowing(ui, words, theme::regular(size::PREVIEW), palette.red_text);
        });
    ui.add_space(2.0);
}

fn note(ui: &mut Ui, icon: MaterialIcon, words: &str, colour: Color32) {
    let galley = text::line(ui, words, theme::regular(size::PREVIEW), colour, ui.available_width() - 24.0);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    let glyph = text::line(ui, icon.codepoint, theme::icon(16.0), colour, 24.0);
    text::paint_left(ui, glyph, rect.left(), rect.center().y);
    let at = pos2(rect.left() + 22.0, rect.center().y - galley.size().y / 2.0);
    text::plain_at(ui, galley, at, "note");
}
