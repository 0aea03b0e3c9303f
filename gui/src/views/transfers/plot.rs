//! The rates of the last minute, drawn.

use egui::epaint::{Mesh, Shape};
use egui::{Color32, CornerRadius, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::summary::Summary;
use crate::state::{RATE_SPAN, Rates, Sample};
use crate::theme::{self, metrics, size};
use crate::views::format;
use crate::widgets::text;

const PADDING: f32 = 13.0;
const HEADER: f32 = 20.0;
const LEGEND: f32 = 22.0;

/// Shows both rates over the width there is; nothing while nothing moved.
pub(super) fn show(ui: &mut Ui, rates: &Rates, summary: &Summary) {
    let most = rates.most();
    let now = ui.ctx().time();
    let stale = rates.samples().last().is_none_or(|last| now - last.at > RATE_SPAN);
    if stale || rates.samples().len() < 2 || most == 0 {
        return;
    }
    let palette = theme::palette(ui);
    let height = PADDING * 2.0 + HEADER + metrics::PLOT_HEIGHT + LEGEND;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let (down, up) = (format::rate(summary.down), format::rate(summary.up));
    let spoken = format!("Rates of the last minute: {down} inwards, {up} outwards now");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &spoken));
    let radius = CornerRadius::same(metrics::RADIUS_CARD);
    ui.painter().rect(rect, radius, palette.card, Stroke::new(1.0, palette.stroke), StrokeKind::Inside);
    let inner = rect.shrink(PADDING);
    let title = text::line(ui, "Network rate", theme::semibold(size::PREVIEW), palette.text, inner.width());
    text::paint_left(ui, title, inner.left(), inner.top() + 7.0);
    let top = format!("up to {}", format::rate(most));
    let top = text::line(ui, &top, theme::tabular(size::SMALL), palette.faint, inner.width() * 0.5);
    text::paint_right(ui, top, inner.right(), inner.top() + 7.0);
    let area = Rect::from_min_size(
        pos2(inner.left(), inner.top() + HEADER),
        vec2(inner.width(), metrics::PLOT_HEIGHT),
    );
    ui.painter().hline(area.x_range(), area.bottom(), Stroke::new(1.0, palette.stroke));
    curve(ui, area, rates, palette.green, |sample| sample.up);
    curve(ui, area, rates, palette.accent, |sample| sample.down);
    let y = inner.bottom() - 5.0;
    let next = legend(ui, pos2(inner.left(), y), palette.accent, &format!("Down {down}"));
    legend(ui, pos2(next + 14.0, y), palette.green, &format!("Up {up}"));
}

/// A line, and a thin fill below it.
fn curve(ui: &Ui, area: Rect, rates: &Rates, colour: Color32, value: impl Fn(&Sample) -> u64) {
    let Some(now) = rates.samples().last().map(|sample| sample.at) else { return };
    let most = rates.most().max(1) as f64;
    let place = |sample: &Sample| {
        let along = ((sample.at - now) / RATE_SPAN + 1.0).clamp(0.0, 1.0);
        let high = value(sample) as f64 / most * 0.94;
        #[allow(clippy::cast_possible_truncation, reason = "from 0 to 1")]
        let (along, high) = (along as f32, high as f32);
        pos2(area.left() + area.width() * along, area.bottom() - area.height() * high)
    };
    let points: Vec<Pos2> = rates.samples().map(place).collect();
    if rates.samples().all(|sample| value(sample) == 0) {
        return;
    }
    let mut fill = Mesh::default();
    let ink = theme::palette(ui).tint(colour);
    for (index, point) in (0_u32..).zip(&points) {
        fill.colored_vertex(*point, ink);
        fill.colored_vertex(pos2(point.x, area.bottom()), ink);
        if index > 0 {
            let first = index * 2;
            fill.add_triangle(first - 2, first - 1, first);
            fill.add_triangle(first - 1, first, first + 1);
        }
    }
    ui.painter().add(Shape::mesh(fill));
    ui.painter().add(Shape::line(points, Stroke::new(1.8, colour)));
}

/// A dot and what it stands for; returns where that ends.
fn legend(ui: &Ui, at: Pos2, colour: Color32, words: &str) -> f32 {
    let palette = theme::palette(ui);
    ui.painter().circle_filled(at + vec2(4.0, 0.0), 3.5, colour);
    let words = text::line(ui, words, theme::tabular(size::SMALL), palette.weak, 150.0);
    text::paint_left(ui, words, at.x + 13.0, at.y).right()
}
