//! Paints the status line.

use egui::{Sense, Ui, pos2, vec2};
use landline_peer::api::Action;

use super::data::{Colour, Offer, Status};
use crate::state::{AppCommand, Commands, Purpose};
use crate::theme::{self, metrics, size};
use crate::widgets::{Button, Kind, text};

/// Shows the line over the width there is; `speeds` stands on the right.
pub(crate) fn show(ui: &mut Ui, status: &Status, speeds: &str, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let wanted = vec2(ui.available_width(), metrics::STATUS_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(wanted, Sense::hover());
    let (dot, ink) = match status.colour {
        Colour::Good => (palette.green, palette.weak),
        Colour::Busy => (palette.accent, palette.weak),
        Colour::Waiting => (palette.amber, palette.amber_text),
        Colour::Bad => (palette.red, palette.red_text),
    };
    if matches!(status.colour, Colour::Waiting | Colour::Bad) {
        ui.painter().rect_filled(rect, 0.0, palette.tint(dot));
    }
    ui.painter().circle_filled(pos2(rect.left() + 18.0, rect.center().y), 4.0, dot);
    let mut right = rect.right() - 14.0;
    if let Some(offer) = status.offer {
        right = offer_button(ui, rect, offer, commands) - 8.0;
    }
    if !speeds.is_empty() {
        let galley = text::line(ui, speeds, theme::tabular(size::SMALL), palette.weak, 240.0);
        right = text::paint_right(ui, galley, right, rect.center().y).left() - 12.0;
    }
    let left = rect.left() + 30.0;
    let galley = text::line(ui, &status.text, theme::tabular(size::SMALL), ink, right - left);
    let at = pos2(left, rect.center().y - galley.size().y / 2.0);
    text::plain_at(ui, galley, at, "status");
}

/// The button on the right; returns where it begins.
fn offer_button(ui: &mut Ui, rect: egui::Rect, offer: Offer, commands: &mut Commands) -> f32 {
    let (label, command) = match offer {
        Offer::Reconnect => ("Reconnect now", AppCommand::Engine(Action::Reconnect, Purpose::Quiet)),
        Offer::SignIn => ("Sign in again", AppCommand::SignInAgain),
    };
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .id_salt("status button")
            .max_rect(rect.shrink2(vec2(6.0, 0.0)))
            .layout(egui::Layout::right_to_left(egui::Align::Center)),
    );
    let response = child.add(Button::new(Kind::Quiet, label).small());
    if response.clicked() {
        commands.push(command);
    }
    response.rect.left()
}
