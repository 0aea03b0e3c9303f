//! A line to type into, with a label above it.

use egui::{CornerRadius, Id, Margin, Response, Sense, Stroke, StrokeKind, TextEdit, Ui, UiBuilder, vec2};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons::{ICON_VISIBILITY, ICON_VISIBILITY_OFF};

use super::{IconButton, text};
use crate::theme::{self, metrics, size};

/// A line to type into.
#[must_use = "a field is shown by `show`"]
pub(crate) struct Field<'a> {
    text: &'a mut String,
    name: &'a str,
    label: bool,
    hint: &'a str,
    icon: Option<MaterialIcon>,
    reveal: Option<&'a mut bool>,
    wrong: bool,
    id: Option<Id>,
    read_only: bool,
    limit: usize,
}

impl<'a> Field<'a> {
    /// A field called `name`, which stands above it.
    pub(crate) fn new(name: &'a str, text: &'a mut String) -> Self {
        Self {
            text,
            name,
            label: true,
            hint: "",
            icon: None,
            reveal: None,
            wrong: false,
            id: None,
            read_only: false,
            limit: usize::MAX,
        }
    }

    /// The name is only read aloud.
    pub(crate) fn unlabelled(mut self) -> Self {
        self.label = false;
        self
    }

    /// Shown while it is empty.
    pub(crate) fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    /// Before the text.
    pub(crate) fn icon(mut self, icon: MaterialIcon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Hides what is typed until `shown`.
    pub(crate) fn password(mut self, shown: &'a mut bool) -> Self {
        self.reveal = Some(shown);
        self
    }

    /// Marks it as the cause of an error.
    pub(crate) fn wrong(mut self, wrong: bool) -> Self {
        self.wrong = wrong;
        self
    }

    /// For giving it the keyboard from elsewhere.
    pub(crate) fn id(mut self, id: Id) -> Self {
        self.id = Some(id);
        self
    }

    /// To be copied, not changed.
    pub(crate) fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// At most so many characters.
    pub(crate) fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Shows it over the width there is.
    pub(crate) fn show(self, ui: &mut Ui) -> Response {
        let palette = theme::palette(ui);
        if self.label {
            let galley =
                text::line(ui, self.name, theme::medium(size::PREVIEW), palette.weak, ui.available_width());
            let (rect, _) =
                ui.allocate_exact_size(vec2(ui.available_width(), galley.size().y), Sense::hover());
            text::paint_left(ui, galley, rect.left(), rect.center().y);
            ui.add_space(-3.0);
        }
        let ground = ui.painter().add(egui::Shape::Noop);
        let (rect, _) =
            ui.allocate_exact_size(vec2(ui.available_width(), metrics::CONTROL_HEIGHT), Sense::hover());
        let wrong = self.wrong;
        let response = self.inside(ui, rect);
        let stroke = match (wrong, response.has_focus()) {
            (true, _) => Stroke::new(1.5, palette.red),
            (false, true) => Stroke::new(1.5, palette.accent),
            (false, false) => Stroke::new(1.0, palette.stroke),
        };
        let radius = CornerRadius::same(metrics::RADIUS_BUTTON);
        let shape = egui::epaint::RectShape::new(rect, radius, palette.field, stroke, StrokeKind::Inside);
        ui.painter().set(ground, shape);
        response
    }

    fn inside(self, ui: &mut Ui, rect: egui::Rect) -> Response {
        let palette = theme::palette(ui);
        let mut inner = rect.shrink2(vec2(11.0, 0.0));
        if let Some(icon) = self.icon {
            let glyph = text::line(ui, icon.codepoint, theme::icon(17.0), palette.faint, 30.0);
            text::paint_left(ui, glyph, inner.left(), inner.center().y);
            inner.min.x += 25.0;
        }
        let mut hidden = false;
        if let Some(shown) = &self.reveal {
            hidden = !**shown;
            inner.max.x -= 24.0;
        }
        let mut child = ui.new_child(
            UiBuilder::new()
                .id_salt(("field", self.name))
                .max_rect(inner)
                .layout(egui::Layout::left_to_right(egui::Align::Center)),
        );
        child.spacing_mut().interact_size.y = inner.height();
        let mut shown = self.text.as_str();
        let mut edit =
            if self.read_only { TextEdit::singleline(&mut shown) } else { TextEdit::singleline(self.text) };
        if let Some(id) = self.id {
            edit = edit.id(id);
        }
        let hint = egui::RichText::new(self.hint).color(palette.faint);
        let response = child.add(
            edit.password(hidden)
                .hint_text(hint)
                .frame(egui::Frame::NONE)
                .margin(Margin::ZERO)
                .align(egui::Align2::LEFT_CENTER)
                .char_limit(self.limit)
                .min_size(vec2(0.0, inner.height()))
                .desired_width(inner.width()),
        );
        // After the field, so that Tab comes to it second.
        if let Some(shown) = self.reveal {
            reveal_button(ui, rect, shown);
        }
        response.accessible_name(self.name)
    }
}

fn reveal_button(ui: &mut Ui, field: egui::Rect, shown: &mut bool) {
    let side = 26.0;
    let at = egui::pos2(field.right() - side - 5.0, field.center().y - side / 2.0);
    let rect = egui::Rect::from_min_size(at, egui::Vec2::splat(side));
    let (icon, name) =
        if *shown { (ICON_VISIBILITY_OFF, "Hide password") } else { (ICON_VISIBILITY, "Show password") };
    let mut child = ui.new_child(UiBuilder::new().id_salt("reveal").max_rect(rect));
    if child.add(IconButton::new(icon, name).small()).clicked() {
        *shown = !*shown;
    }
}
