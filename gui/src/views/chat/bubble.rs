//! A bubble: measured as galleys, then painted.

use std::sync::Arc;

use egui::{Color32, CornerRadius, Galley, Rect, Ui, pos2, vec2};
use egui_material_icons::icons::{ICON_CHECK, ICON_ERROR, ICON_SCHEDULE};

use super::data::{Bubble, Mark, Place};
use crate::theme::{self, metrics, size};
use crate::widgets::text;

/// Room for the avatar, left of what others say.
pub(crate) const GUTTER: f32 = 40.0;
const TIME_GAP: f32 = 10.0;
const MARK: f32 = 16.0;

/// A bubble measured and ready to paint.
pub(crate) struct Layout<'a> {
    bubble: &'a Bubble,
    words: Arc<Galley>,
    author: Option<Arc<Galley>>,
    time: Arc<Galley>,
    failure: Option<Arc<Galley>>,
    /// The time stands beside the last line, or below it where that is too long.
    beside: bool,
    body: egui::Vec2,
    /// Height with the author above and a failure below.
    pub(crate) height: f32,
}

impl<'a> Layout<'a> {
    /// Measures a bubble in a column of `width`.
    pub(crate) fn new(ui: &Ui, bubble: &'a Bubble, width: f32) -> Self {
        let palette = theme::palette(ui);
        let [pad_x, pad_y] = metrics::BUBBLE_PADDING;
        let most = (width * 0.78 - GUTTER).min(metrics::BUBBLE_MAX) - pad_x * 2.0;
        let words = text::paragraph(
            ui,
            &bubble.text,
            theme::regular(size::BODY),
            palette.text,
            most,
            Some(metrics::LINE_HEIGHT),
        );
        let time_ink = if bubble.mine { palette.on_own } else { palette.faint };
        let time = text::line(ui, &bubble.time, theme::regular(size::SMALL), time_ink, 80.0);
        let tail = time.size().x + if bubble.mark == Mark::None { 0.0 } else { MARK };
        let last_row = words.rows.last().map_or(0.0, |row| row.rect().right());
        let beside = last_row + TIME_GAP + tail <= most.max(words.size().x);
        let inner = if beside {
            vec2(words.size().x.max(last_row + TIME_GAP + tail), words.size().y)
        } else {
            vec2(words.size().x.max(tail), words.size().y + 15.0)
        };
        let author = bubble
            .author
            .as_ref()
            .map(|name| text::line(ui, name, theme::semibold(size::PREVIEW), palette.weak, most));
        let failure = failure(&bubble.mark).map(|words| {
            text::paragraph(ui, &words, theme::regular(size::PREVIEW), palette.red_text, width * 0.7, None)
        });
        let body = inner + vec2(pad_x * 2.0, pad_y * 2.0);
        let above = author.as_ref().map_or(0.0, |galley| galley.size().y + 4.0);
        let below = failure.as_ref().map_or(0.0, |galley| galley.size().y + 4.0);
        Self { bubble, words, author, time, failure, beside, body, height: above + body.y + below }
    }

    /// Paints it in a column whose upper left corner is `column.min`.
    pub(crate) fn paint(&self, ui: &mut Ui, column: Rect) {
        let palette = theme::palette(ui);
        let mut top = column.top();
        if let Some(author) = &self.author {
            let at = pos2(column.left() + GUTTER + 2.0, top);
            text::plain_at(ui, author.clone(), at, ("author", self.bubble.id));
            top += author.size().y + 4.0;
        }
        let left = if self.bubble.mine { column.right() - self.body.x } else { column.left() + GUTTER };
        let rect = Rect::from_min_size(pos2(left, top), self.body);
        let fill = if self.bubble.mine { palette.own } else { palette.bubble };
        ui.painter().rect_filled(rect, corners(self.bubble.mine, self.bubble.place), fill);
        let [pad_x, pad_y] = metrics::BUBBLE_PADDING;
        let at = rect.min + vec2(pad_x, pad_y);
        text::selectable_at(ui, self.words.clone(), at, ("words", self.bubble.id));
        self.paint_tail(ui, rect);
        if let Some(avatar) = &self.bubble.avatar {
            let centre = pos2(column.left() + 15.0, rect.bottom() - 15.0);
            avatar.paint(ui, centre, metrics::AVATAR_SMALL, palette.chat);
        }
        if let Some(failure) = &self.failure {
            let at = pos2(column.right() - failure.size().x, rect.bottom() + 4.0);
            text::plain_at(ui, failure.clone(), at, ("failure", self.bubble.id));
        }
    }

    /// The time, and how far one's own message has come.
    fn paint_tail(&self, ui: &mut Ui, rect: Rect) {
        let palette = theme::palette(ui);
        let [pad_x, pad_y] = metrics::BUBBLE_PADDING;
        let y = rect.bottom() - pad_y - if self.beside { metrics::LINE_HEIGHT / 2.0 - 1.5 } else { 6.0 };
        let mut right = rect.right() - pad_x;
        let (icon, name, ink) = match &self.bubble.mark {
            Mark::None => (None, "", Color32::TRANSPARENT),
            Mark::Pending => (Some(ICON_SCHEDULE), "Waiting to be sent", palette.on_own),
            Mark::Sent => (Some(ICON_CHECK), "Sent", palette.on_own),
            Mark::Failed(_) => (Some(ICON_ERROR), "Not sent", palette.red_text),
        };
        if let Some(icon) = icon {
            let glyph = text::line(ui, icon.codepoint, theme::icon(14.0), ink, 20.0);
            let at = text::paint_right(ui, glyph, right + 2.0, y);
            let id = ui.scope_id().with(("mark", self.bubble.id));
            let response = ui.interact(at, id, egui::Sense::hover()).on_hover_text(name);
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, name));
            right -= MARK;
        }
        text::paint_right(ui, self.time.clone(), right, y);
    }
}

fn failure(mark: &Mark) -> Option<String> {
    match mark {
        Mark::Failed(cause) => Some(format!("Not sent. {cause}")),
        _ => None,
    }
}

/// Round, but for the corners that touch a neighbour of the group.
fn corners(mine: bool, place: Place) -> CornerRadius {
    let (wide, narrow) = (metrics::RADIUS_BUBBLE, metrics::RADIUS_GROUPED);
    let upper = if place.first { wide } else { narrow };
    let lower = if place.last { wide } else { narrow };
    if mine {
        CornerRadius { nw: wide, sw: wide, ne: upper, se: lower }
    } else {
        CornerRadius { nw: upper, sw: lower, ne: wide, se: wide }
    }
}
