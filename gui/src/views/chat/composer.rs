//! Where one writes: Enter sends, Shift+Enter starts a new line; files by the clip.

use egui::{
    CornerRadius, Id, Key, KeyboardShortcut, Modifiers, Popup, Rect, Stroke, StrokeKind, TextEdit, Ui,
    UiBuilder, vec2,
};
use egui_material_icons::icons::{ICON_ATTACH_FILE, ICON_DRIVE_FOLDER_UPLOAD, ICON_SEND, ICON_UPLOAD_FILE};
use landline_peer::api::Action;
use landline_protocol::ConversationKind;
use landline_protocol::limits::TEXT_BYTES;

use super::data::Conversation;
use crate::state::{AppCommand, Choose, Commands, Purpose, UiState};
use crate::theme::{self, metrics, size};
use crate::widgets::{Button, Field, IconButton, Kind, text};

const MOST_ROWS: usize = 7;

/// How tall the composer will be for a draft.
pub(crate) fn height(draft: &str) -> f32 {
    let rows = draft.split('\n').count().clamp(1, MOST_ROWS);
    46.0 + (rows - 1) as f32 * metrics::LINE_HEIGHT
}

/// The composer's field, for giving it the keyboard.
pub(crate) fn field_id() -> Id {
    Id::unique("composer")
}

/// Shows the composer over `rect`.
pub(crate) fn show(
    ui: &mut Ui,
    rect: Rect,
    shown: &Conversation,
    state: &mut UiState,
    commands: &mut Commands,
) {
    let palette = theme::palette(ui);
    let focused = ui.memory(|memory| memory.has_focus(field_id()));
    let stroke = if focused { Stroke::new(1.5, palette.accent) } else { Stroke::new(1.0, palette.stroke) };
    let radius = CornerRadius::same(metrics::RADIUS_CARD);
    ui.painter().rect(rect, radius, palette.field, stroke, StrokeKind::Inside);
    let clip =
        Rect::from_min_size(rect.left_bottom() + vec2(6.0, -40.0), egui::Vec2::splat(metrics::ICON_BUTTON));
    attach(ui, clip, &shown.kind, state, commands);
    let send = clip.translate(vec2(rect.width() - 12.0 - metrics::ICON_BUTTON, 0.0));
    let inner = Rect::from_min_max(
        rect.min + vec2(clip.right() - rect.left() + 6.0, 13.0),
        egui::pos2(send.left() - 6.0, rect.bottom() - 11.0),
    );
    let draft = state.drafts.entry(shown.id).or_default();
    let entered = field(ui, inner, draft, &shown.title);
    if std::mem::take(&mut state.focus_composer) {
        ui.memory_mut(|memory| memory.request_focus(field_id()));
    }
    let ready = !draft.trim().is_empty();
    let mut child = ui.new_child(UiBuilder::new().id_salt("send").max_rect(send));
    let clicked = child.add(IconButton::new(ICON_SEND, "Send").filled().enabled(ready)).clicked();
    if ready && (entered || clicked) {
        send_draft(draft, &shown.kind, commands);
        ui.memory_mut(|memory| memory.request_focus(field_id()));
    }
}

/// The field; true when Enter was pressed in it.
fn field(ui: &mut Ui, rect: Rect, draft: &mut String, title: &str) -> bool {
    let palette = theme::palette(ui);
    let focused = ui.memory(|memory| memory.has_focus(field_id()));
    let entered = focused
        && ui.input_mut(|input| !input.modifiers.shift && input.consume_key(Modifiers::NONE, Key::Enter));
    let mut child = ui.new_child(UiBuilder::new().id_salt("composer field").max_rect(rect));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    egui::ScrollArea::vertical().max_height(rect.height()).auto_shrink(false).stick_to_bottom(true).show(
        &mut child,
        |ui| {
            let words = format!("Message {title}");
            let hint =
                text::line(ui, &words, theme::regular(size::BODY), palette.faint, ui.available_width());
            let hint = if hint.elided { "Message".to_owned() } else { words };
            let hint = egui::RichText::new(hint).color(palette.faint);
            let edit = TextEdit::multiline(draft)
                .id(field_id())
                .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter))
                .hint_text(hint)
                .frame(egui::Frame::NONE)
                .margin(egui::Margin::ZERO)
                .desired_rows(1)
                .desired_width(f32::INFINITY);
            ui.add(edit).accessible_name(format!("Message {title}"));
        },
    );
    entered
}

/// Sends what is written and clears the field.
fn send_draft(draft: &mut String, kind: &ConversationKind, commands: &mut Commands) {
    let text = draft.trim().to_owned();
    if text.len() > TEXT_BYTES {
        let text = "That is too long for one message: 16 KiB at most. Send it as a file.".to_owned();
        commands.push(AppCommand::Say { text, bad: true });
        return;
    }
    draft.clear();
    let to = kind.clone();
    commands.push(AppCommand::Engine(Action::SendText { to, text }, Purpose::Quiet));
}

fn attach(ui: &mut Ui, rect: Rect, kind: &ConversationKind, state: &mut UiState, commands: &mut Commands) {
    let mut child = ui.new_child(UiBuilder::new().id_salt("attach").max_rect(rect));
    let button = child.add(IconButton::new(ICON_ATTACH_FILE, "Send files"));
    Popup::menu(&button)
        .id(Id::unique("attach popup"))
        .accessible_name("Send files")
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .align(egui::RectAlign::TOP_START)
        .gap(10.0)
        .frame(egui::Frame::popup(ui.style()).inner_margin(12))
        .width(320.0)
        .show(|ui| attach_form(ui, kind, state, commands));
}

fn attach_form(ui: &mut Ui, kind: &ConversationKind, state: &mut UiState, commands: &mut Commands) {
    ui.set_width(320.0);
    ui.horizontal(|ui| {
        let width = (ui.available_width() - ui.spacing().item_spacing.x) / 2.0;
        for (what, kind_of, label, icon) in [
            (Choose::Files, Kind::Primary, "File…", ICON_UPLOAD_FILE),
            (Choose::Folder, Kind::Secondary, "Folder…", ICON_DRIVE_FOLDER_UPLOAD),
        ] {
            if ui.add(Button::new(kind_of, label).icon(icon).width(width)).clicked() {
                commands.push(AppCommand::Choose { to: kind.clone(), what });
                ui.close();
            }
        }
    });
    ui.add_space(4.0);
    let path =
        Field::new("Or type its path", &mut state.attach_path).hint("for example /home/me/photos").show(ui);
    let entered = path.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    ui.add_space(2.0);
    let ready = !state.attach_path.trim().is_empty();
    let send = Button::new(Kind::Secondary, "Send this").enabled(ready).width(ui.available_width());
    let clicked = ui.add(send).clicked();
    if ready && (clicked || entered) {
        let path = expand(state.attach_path.trim());
        let to = kind.clone();
        commands.push(AppCommand::Engine(Action::Share { to, path }, Purpose::Quiet));
        state.attach_path.clear();
        ui.close();
    }
}

/// `~` is the home directory, quotation marks from a copied path are dropped.
fn expand(typed: &str) -> std::path::PathBuf {
    let typed = typed.trim_matches(['"', '\'']);
    let typed = typed.strip_prefix("file://").unwrap_or(typed);
    match (typed.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => std::path::Path::new(&home).join(rest),
        _ => typed.into(),
    }
}
