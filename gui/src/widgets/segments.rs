//! A choice between a few things, side by side.

use egui::{CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::{focus_ring, text};
use crate::theme::{self, metrics, size};

/// Shows the choices over the width there is; true when the choice changed.
pub(crate) fn segments<T: Copy + PartialEq>(ui: &mut Ui, chosen: &mut T, choices: &[(T, &str)]) -> bool {
    let height = metrics::CONTROL_HEIGHT;
    let (outer, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let palette = theme::palette(ui);
    let radius = CornerRadius::same(metrics::RADIUS_BUTTON);
    ui.painter().rect(outer, radius, palette.side, Stroke::new(1.0, palette.stroke), StrokeKind::Inside);
    let width = (outer.width() - 6.0) / choices.len() as f32;
    let mut changed = false;
    for (index, (value, label)) in choices.iter().enumerate() {
        let left = outer.left() + 3.0 + width * index as f32;
        let rect = Rect::from_min_size(egui::pos2(left, outer.top() + 3.0), vec2(width, height - 6.0));
        changed |= segment(ui, rect, chosen, *value, label);
    }
    changed
}

fn segment<T: Copy + PartialEq>(ui: &mut Ui, rect: Rect, chosen: &mut T, value: T, label: &str) -> bool {
    let palette = theme::palette(ui);
    let is_chosen = *chosen == value;
    let response = ui.interact(rect, ui.scope_id().with(("segment", label)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, label));
    let radius = CornerRadius::same(metrics::RADIUS_BUTTON - 2);
    if is_chosen {
        ui.painter().rect(rect, radius, palette.card, Stroke::new(1.0, palette.stroke), StrokeKind::Inside);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, radius, palette.hover);
    }
    focus_ring(ui, &response, rect, metrics::RADIUS_BUTTON - 1);
    let ink = if is_chosen { palette.text } else { palette.weak };
    let galley = text::line(ui, label, theme::medium(size::PREVIEW), ink, rect.width() - 8.0);
    text::paint_centred(ui, galley, rect.center());
    if response.clicked() && !is_chosen {
        *chosen = value;
        return true;
    }
    false
}
