//! A button that is an icon, with a name for those who do not see it.

use egui::{Color32, CornerRadius, Response, Role, Sense, Ui, Vec2, Widget, WidgetInfo};
use egui_material_icons::MaterialIcon;

use super::{focus_ring, text};
use crate::theme::{self, metrics};

/// A button that is an icon.
#[must_use = "a button is shown by `ui.add`"]
pub(crate) struct IconButton<'a> {
    icon: MaterialIcon,
    name: &'a str,
    filled: bool,
    enabled: bool,
    side: f32,
}

impl<'a> IconButton<'a> {
    /// `name` is read aloud and shown when hovered.
    pub(crate) fn new(icon: MaterialIcon, name: &'a str) -> Self {
        Self { icon, name, filled: false, enabled: true, side: metrics::ICON_BUTTON }
    }

    /// On the accent.
    pub(crate) fn filled(mut self) -> Self {
        self.filled = true;
        self
    }

    /// Grey and deaf unless `enabled`.
    pub(crate) fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Inside a field.
    pub(crate) fn small(mut self) -> Self {
        self.side = 26.0;
        self
    }

    fn colours(&self, ui: &Ui, response: &Response) -> (Color32, Color32) {
        let palette = theme::palette(ui);
        let active = self.enabled && (response.hovered() || response.is_pointer_button_down_on());
        match (self.filled, self.enabled, active) {
            (true, true, true) => (palette.accent_hover, palette.on_fill),
            (true, true, false) => (palette.accent_fill, palette.on_fill),
            (true, false, _) => (palette.track, palette.faint),
            (false, _, true) => (palette.track, palette.text),
            (false, true, false) => (Color32::TRANSPARENT, palette.weak),
            (false, false, false) => (Color32::TRANSPARENT, palette.faint),
        }
    }
}

impl Widget for IconButton<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(self.side), sense);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, self.enabled, self.name));
        if ui.is_rect_visible(rect) {
            let (fill, ink) = self.colours(ui, &response);
            ui.painter().rect_filled(rect, CornerRadius::same(metrics::RADIUS_BUTTON), fill);
            focus_ring(ui, &response, rect, metrics::RADIUS_BUTTON + 1);
            let size = if self.side < 30.0 { 17.0 } else { metrics::ICON };
            let glyph = text::line(ui, self.icon.codepoint, theme::icon(size), ink, self.side);
            text::paint_centred(ui, glyph, rect.center());
        }
        response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text(self.name)
    }
}
