//! Text laid out before it is painted: rows measure first, then paint.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Color32, FontId, Galley, Label, Pos2, Rect, Response, Ui, UiBuilder, Vec2};

/// One line; what does not fit is cut with an ellipsis.
pub(crate) fn line(ui: &Ui, text: &str, font: FontId, colour: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::single_section(one_line(text), format(font, colour, None));
    job.wrap = TextWrapping {
        max_width: width.max(0.0),
        max_rows: 1,
        break_anywhere: true,
        overflow_character: Some('…'),
    };
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// As many lines as it takes.
pub(crate) fn paragraph(
    ui: &Ui,
    text: &str,
    font: FontId,
    colour: Color32,
    width: f32,
    line_height: Option<f32>,
) -> Arc<Galley> {
    let mut job = LayoutJob::single_section(text.to_owned(), format(font, colour, line_height));
    job.wrap.max_width = width;
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// Paints a galley with its left edge at `x` and its middle at `y`.
pub(crate) fn paint_left(ui: &Ui, galley: Arc<Galley>, x: f32, y: f32) -> Rect {
    let at = egui::pos2(x, y - galley.size().y / 2.0);
    paint(ui, galley, at)
}

/// Paints a galley with its right edge at `x` and its middle at `y`.
pub(crate) fn paint_right(ui: &Ui, galley: Arc<Galley>, x: f32, y: f32) -> Rect {
    let at = egui::pos2(x - galley.size().x, y - galley.size().y / 2.0);
    paint(ui, galley, at)
}

/// Paints a galley around a point.
pub(crate) fn paint_centred(ui: &Ui, galley: Arc<Galley>, centre: Pos2) -> Rect {
    let at = centre - galley.size() / 2.0;
    paint(ui, galley, at)
}

fn paint(ui: &Ui, galley: Arc<Galley>, at: Pos2) -> Rect {
    let rect = Rect::from_min_size(at, galley.size());
    ui.painter().galley(at, galley, Color32::PLACEHOLDER);
    rect
}

/// A label that can be selected, at a place already measured.
pub(crate) fn selectable_at(
    ui: &mut Ui,
    galley: Arc<Galley>,
    at: Pos2,
    salt: impl std::hash::Hash + std::fmt::Debug,
) -> Response {
    label_at(ui, galley, at, salt, true)
}

/// A label at a place already measured.
pub(crate) fn plain_at(
    ui: &mut Ui,
    galley: Arc<Galley>,
    at: Pos2,
    salt: impl std::hash::Hash + std::fmt::Debug,
) -> Response {
    label_at(ui, galley, at, salt, false)
}

fn label_at(
    ui: &mut Ui,
    galley: Arc<Galley>,
    at: Pos2,
    salt: impl std::hash::Hash + std::fmt::Debug,
    selectable: bool,
) -> Response {
    let rect = Rect::from_min_size(at, galley.size() + Vec2::splat(1.0));
    let mut child = ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect));
    let whole = galley.elided.then(|| galley.job.text.clone());
    let response = child.add(Label::new(galley).selectable(selectable).show_tooltip_when_elided(false));
    match whole {
        Some(whole) => response.on_hover_text(whole),
        None => response,
    }
}

/// A label in the flow that wraps.
pub(crate) fn flowing(ui: &mut Ui, text: &str, font: FontId, colour: Color32) -> Response {
    let line_height = (font.size * 1.42).round();
    let galley = paragraph(ui, text, font, colour, ui.available_width(), Some(line_height));
    ui.add(Label::new(galley))
}

/// A label in the flow that keeps to one line and shows the whole when hovered.
pub(crate) fn clipped(ui: &mut Ui, text: &str, font: FontId, colour: Color32) -> Response {
    let galley = line(ui, text, font, colour, ui.available_width());
    let elided = galley.elided;
    let response = ui.add(Label::new(galley).show_tooltip_when_elided(false));
    if elided { response.on_hover_text(text) } else { response }
}

fn format(font_id: FontId, color: Color32, line_height: Option<f32>) -> TextFormat {
    TextFormat { font_id, color, line_height, ..TextFormat::default() }
}

/// Line breaks would end a line early; a preview shows them as spaces.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}
