//! A line of a menu.

use egui::{CornerRadius, Role, Sense, Ui, WidgetInfo, vec2};
use egui_material_icons::icons::ICON_CHECK;

use super::{focus_ring, text};
use crate::theme::{self, metrics, size};

/// Shows a line over the width there is, marked if it is `chosen`; true when it was pressed.
pub(crate) fn menu_item(ui: &mut Ui, label: &str, chosen: bool) -> bool {
    let palette = theme::palette(ui);
    let wanted = vec2(ui.available_width(), metrics::SMALL_CONTROL_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(wanted, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::MenuItem, true, chosen, label));
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(metrics::RADIUS_BUTTON - 2), palette.hover);
    }
    focus_ring(ui, &response, rect.shrink(1.0), metrics::RADIUS_BUTTON - 2);
    let words = text::line(ui, label, theme::regular(size::BODY), palette.text, rect.width() - 44.0);
    text::paint_left(ui, words, rect.left() + 10.0, rect.center().y);
    if chosen {
        let mark = text::line(ui, ICON_CHECK.codepoint, theme::icon(16.0), palette.accent, 20.0);
        text::paint_right(ui, mark, rect.right() - 8.0, rect.center().y);
    }
    response.clicked()
}
