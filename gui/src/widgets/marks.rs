//! Small painted things: focus ring, badge, progress bar, icon tile, hairline, the program's mark.

use egui::{
    Color32, CornerRadius, Pos2, Rect, Response, Role, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};
use egui_material_icons::MaterialIcon;

use super::text;
use crate::theme;

/// The ring around what has the keyboard.
pub(crate) fn focus_ring(ui: &Ui, response: &Response, rect: Rect, radius: u8) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, theme::palette(ui).accent);
        ui.painter().rect_stroke(rect.expand(1.0), CornerRadius::same(radius), stroke, StrokeKind::Outside);
    }
}

/// A count on the accent, right-aligned at `right`. Returns its width.
pub(crate) fn badge(ui: &Ui, count: u32, right: Pos2) -> f32 {
    let palette = theme::palette(ui);
    let label = if count > 999 { "999+".to_owned() } else { count.to_string() };
    let galley = text::line(ui, &label, theme::semibold(theme::size::SMALL), palette.on_fill, 60.0);
    let size = vec2((galley.size().x + 11.0).max(19.0), 19.0);
    let rect = Rect::from_min_size(pos2(right.x - size.x, right.y - size.y / 2.0), size);
    ui.painter().rect_filled(rect, 9.5, palette.accent_fill);
    text::paint_centred(ui, galley, rect.center());
    size.x
}

/// A bar that is filled to `part`, 0 to 1.
pub(crate) fn progress(ui: &mut Ui, rect: Rect, part: f32, colour: Color32, name: &str) {
    let palette = theme::palette(ui);
    let part = part.clamp(0.0, 1.0);
    let radius = rect.height() / 2.0;
    ui.painter().rect_filled(rect, radius, palette.track);
    if part > 0.0 {
        let filled = vec2((rect.width() * part).max(rect.height()), rect.height());
        ui.painter().rect_filled(Rect::from_min_size(rect.min, filled), radius, colour);
    }
    let id = ui.scope_id().with(("progress", name));
    let response = ui.interact(rect, id, egui::Sense::hover());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, name);
        info.value = Some(f64::from((part * 100.0).round()));
        info
    });
}

/// An icon on a thin ground of its own colour.
pub(crate) fn tile(ui: &Ui, rect: Rect, icon: MaterialIcon, colour: Color32) {
    let palette = theme::palette(ui);
    let radius = rect.height() * 0.24;
    ui.painter().rect_filled(rect, radius, palette.tint(colour));
    let glyph = text::line(ui, icon.codepoint, theme::icon(rect.height() * 0.52), colour, rect.width());
    text::paint_centred(ui, glyph, rect.center());
}

/// A horizontal line of one pixel.
pub(crate) fn hairline(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), egui::Sense::hover());
    let stroke = Stroke::new(1.0, theme::palette(ui).stroke);
    ui.painter().hline(rect.x_range(), rect.center().y, stroke);
}

/// The program's mark: two people and the line between them.
pub(crate) fn brand(ui: &Ui, rect: Rect) {
    let palette = theme::palette(ui);
    let unit = rect.width() / 112.0;
    let at = |x: f32, y: f32| rect.min + vec2((x - 8.0) * unit, (y - 8.0) * unit);
    ui.painter().rect_filled(rect, 28.0 * unit, palette.accent_fill);
    let curve = egui::epaint::CubicBezierShape::from_points_stroke(
        [at(40.0, 46.0), at(40.0, 92.0), at(88.0, 36.0), at(88.0, 82.0)],
        false,
        Color32::TRANSPARENT,
        Stroke::new(9.0 * unit, palette.on_fill),
    );
    ui.painter().add(curve);
    for centre in [at(40.0, 42.0), at(88.0, 86.0)] {
        ui.painter().circle_filled(centre, 13.0 * unit, palette.on_fill);
    }
}
