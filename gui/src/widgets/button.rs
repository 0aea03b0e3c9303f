//! A button with words on it.

use egui::{Color32, CornerRadius, Response, Role, Sense, Stroke, StrokeKind, Ui, Widget, WidgetInfo, vec2};
use egui_material_icons::MaterialIcon;

use super::{focus_ring, text};
use crate::theme::{self, Palette, metrics, size};

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The one thing to do here.
    Primary,
    /// Another thing one can do.
    Secondary,
    /// Words alone.
    Quiet,
    /// Ends or loses something.
    Danger,
}

/// A button with words on it.
#[must_use = "a button is shown by `ui.add`"]
pub(crate) struct Button<'a> {
    label: &'a str,
    name: Option<String>,
    icon: Option<MaterialIcon>,
    kind: Kind,
    enabled: bool,
    small: bool,
    width: Option<f32>,
}

impl<'a> Button<'a> {
    /// A button that shows `label` and is called so.
    pub(crate) fn new(kind: Kind, label: &'a str) -> Self {
        Self { label, name: None, icon: None, kind, enabled: true, small: false, width: None }
    }

    /// What a screen reader says, where the label alone would not tell.
    pub(crate) fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Before the words.
    pub(crate) fn icon(mut self, icon: MaterialIcon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Grey and deaf unless `enabled`.
    pub(crate) fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// For cards and rows.
    pub(crate) fn small(mut self) -> Self {
        self.small = true;
        self
    }

    /// Exactly this wide.
    pub(crate) fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    fn height(&self) -> f32 {
        if self.small { metrics::SMALL_CONTROL_HEIGHT } else { metrics::CONTROL_HEIGHT }
    }

    fn font_size(&self) -> f32 {
        if self.small { size::PREVIEW } else { size::BODY }
    }
}

impl Widget for Button<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let palette = theme::palette(ui);
        let ink = ink(palette, self.kind, self.enabled);
        let words = text::line(ui, self.label, theme::medium(self.font_size()), ink, f32::INFINITY);
        let icon = self
            .icon
            .map(|icon| text::line(ui, icon.codepoint, theme::icon(self.font_size() + 4.0), ink, 40.0));
        let icon_width = icon.as_ref().map_or(0.0, |glyph| glyph.size().x + 6.0);
        let padding = if self.small { 11.0 } else { 16.0 };
        let natural = words.size().x + icon_width + padding * 2.0;
        let wanted = vec2(self.width.unwrap_or(natural), self.height());
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(wanted, sense);
        let name = self.name.clone().unwrap_or_else(|| self.label.to_owned());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, self.enabled, &name));
        if ui.is_rect_visible(rect) {
            let (fill, stroke) = ground(palette, self.kind, self.enabled, &response);
            let radius = CornerRadius::same(metrics::RADIUS_BUTTON);
            ui.painter().rect(rect, radius, fill, Stroke::new(1.0, stroke), StrokeKind::Inside);
            focus_ring(ui, &response, rect, metrics::RADIUS_BUTTON + 1);
            let mut x = rect.center().x - f32::midpoint(words.size().x, icon_width);
            if let Some(glyph) = icon {
                text::paint_left(ui, glyph, x, rect.center().y);
                x += icon_width;
            }
            text::paint_left(ui, words, x, rect.center().y);
        }
        response.on_hover_cursor(egui::CursorIcon::PointingHand)
    }
}

fn ink(palette: &Palette, kind: Kind, enabled: bool) -> Color32 {
    match (enabled, kind) {
        (false, _) => palette.faint,
        (true, Kind::Primary) => palette.on_fill,
        (true, Kind::Secondary) => palette.text,
        (true, Kind::Quiet) => palette.accent,
        (true, Kind::Danger) => palette.red_text,
    }
}

fn ground(palette: &Palette, kind: Kind, enabled: bool, response: &Response) -> (Color32, Color32) {
    let none = Color32::TRANSPARENT;
    if !enabled {
        return (palette.track.gamma_multiply(0.5), none);
    }
    let pressed = response.is_pointer_button_down_on();
    let hovered = response.hovered();
    match kind {
        Kind::Primary if pressed => (palette.accent_fill.gamma_multiply(0.9), none),
        Kind::Primary if hovered => (palette.accent_hover, none),
        Kind::Primary => (palette.accent_fill, none),
        Kind::Secondary if pressed => (palette.selected, palette.stroke),
        Kind::Secondary if hovered => (palette.hover, palette.stroke),
        Kind::Secondary => (palette.card, palette.stroke),
        Kind::Quiet if pressed => (palette.tint(palette.accent), none),
        Kind::Quiet if hovered => (palette.tint(palette.accent).gamma_multiply(0.6), none),
        Kind::Danger if pressed => (palette.tint(palette.red), none),
        Kind::Danger if hovered => (palette.tint(palette.red).gamma_multiply(0.7), none),
        Kind::Quiet | Kind::Danger => (none, none),
    }
}
