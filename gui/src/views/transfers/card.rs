//! The card's painter: everything is laid out first, so that its height is known before it is shown.

use std::sync::Arc;

use egui::{Color32, CornerRadius, Galley, Rect, Stroke, StrokeKind, Ui, UiBuilder, pos2, vec2};

use super::data::{FileCard, Tone};
use super::does;
use crate::state::Commands;
use crate::theme::{self, Palette, metrics, size};
use crate::views::files;
use crate::widgets::{pieces, progress, text, tile};

const PADDING: f32 = 14.0;
const TILE: f32 = 42.0;
/// From the bar to the strip of pieces below it.
const STRIP_GAP: f32 = 4.0;
/// A line of small text.
const LINE: f32 = 19.0;
const ACTION_ROW: f32 = metrics::SMALL_CONTROL_HEIGHT + 12.0;

/// A card measured and ready to paint.
pub(crate) struct Layout<'a> {
    card: &'a FileCard,
    name: Arc<Galley>,
    about: Arc<Galley>,
    state: Option<Arc<Galley>>,
    warning: Option<Arc<Galley>>,
    figures: Option<(Arc<Galley>, Arc<Galley>)>,
    /// Of sources that are not asked any more, whole sentences; else one line.
    sources: Vec<Arc<Galley>>,
    recipients: Vec<Arc<Galley>>,
    /// Buttons stand in rows of as many as fit.
    buttons_per_row: usize,
    /// How large it is.
    pub(crate) size: egui::Vec2,
}

impl<'a> Layout<'a> {
    /// Measures a card that is `width` wide.
    pub(crate) fn new(ui: &Ui, card: &'a FileCard, width: f32) -> Self {
        let palette = theme::palette(ui);
        let inner = width - PADDING * 2.0;
        let beside = inner - TILE - 12.0;
        let ink = tone_text(palette, card.tone);
        let small = theme::regular(size::PREVIEW);
        let name = text::line(ui, &card.name, theme::semibold(size::BODY), palette.text, beside);
        let about = text::line(ui, &card.about, small.clone(), palette.weak, beside);
        let wrapped = |words: &str, ink| text::paragraph(ui, words, small.clone(), ink, inner, Some(17.0));
        let state = (!card.state.is_empty()).then(|| wrapped(&card.state, ink));
        let warning = card.warning.as_ref().map(|words| wrapped(words, palette.amber_text));
        let figures = card.figures.as_ref().map(|(left, right)| {
            let right = text::line(ui, right, theme::tabular(size::SMALL), palette.accent, inner * 0.6);
            let left =
                text::line(ui, left, theme::tabular(size::SMALL), palette.weak, inner - right.size().x - 8.0);
            (left, right)
        });
        let sources = card.sources.iter().map(|line| {
            if line.bad {
                return wrapped(&line.text, palette.red_text);
            }
            text::line(ui, &line.text, theme::tabular(size::SMALL), palette.weak, inner)
        });
        let recipients =
            card.recipients.iter().map(|words| text::line(ui, words, small.clone(), palette.weak, inner));
        let (sources, recipients) = (sources.collect(), recipients.collect());
        let buttons_per_row = if inner >= 330.0 { 3 } else { 2 };
        let size = vec2(width, 0.0);
        let mut layout =
            Self { card, name, about, state, warning, figures, sources, recipients, buttons_per_row, size };
        layout.size.y = layout.height();
        layout
    }

    fn height(&self) -> f32 {
        let bar = if self.card.part.is_some() { 9.0 + metrics::PROGRESS_HEIGHT } else { 0.0 };
        let strip = if self.shows_pieces() { STRIP_GAP + metrics::PIECES_HEIGHT } else { 0.0 };
        let bar = bar + strip;
        let figures = if self.figures.is_some() { 22.0 } else { 0.0 };
        let words = [&self.state, &self.warning].into_iter().flatten();
        let state: f32 = words.chain(&self.sources).map(|galley| galley.size().y + 8.0).sum();
        let recipients =
            if self.recipients.is_empty() { 0.0 } else { self.recipients.len() as f32 * LINE + 6.0 };
        let rows = self.card.actions.len().div_ceil(self.buttons_per_row) as f32;
        let actions = if rows > 0.0 { rows * (ACTION_ROW - 6.0) + 6.0 } else { 0.0 };
        PADDING * 2.0 + TILE + bar + figures + state + recipients + actions
    }

    /// The bar alone would tell as much of what is complete or has not begun.
    fn shows_pieces(&self) -> bool {
        self.card.part.is_some_and(|part| part < 1.0) && !self.card.picture.is_empty()
    }

    /// Paints it with its upper left corner at `rect.min`.
    pub(crate) fn paint(&self, ui: &mut Ui, rect: Rect, commands: &mut Commands) {
        let palette = theme::palette(ui);
        let radius = CornerRadius::same(metrics::RADIUS_CARD);
        ui.painter().rect(rect, radius, palette.card, Stroke::new(1.0, palette.stroke), StrokeKind::Inside);
        let mut ui = ui.new_child(UiBuilder::new().id_salt(self.card.offer).max_rect(rect.shrink(PADDING)));
        let ui = &mut ui;
        let inner = rect.shrink(PADDING);
        let tone = tone_mark(palette, self.card.tone);
        let icon_rect = Rect::from_min_size(inner.min, egui::Vec2::splat(TILE));
        tile(ui, icon_rect, files::icon_of(&self.card.name, self.card.folder), tone);
        let left = icon_rect.right() + 12.0;
        let name_top = icon_rect.center().y - 19.5;
        text::plain_at(ui, self.name.clone(), pos2(left, name_top), "name");
        text::plain_at(ui, self.about.clone(), pos2(left, name_top + 21.0), "about");
        let y = self.paint_progress(ui, inner, icon_rect.bottom(), tone);
        let y = self.paint_words(ui, inner, y);
        self.paint_actions(ui, inner, y, commands);
    }

    fn paint_progress(&self, ui: &mut Ui, inner: Rect, top: f32, colour: Color32) -> f32 {
        let mut y = top;
        if let Some(part) = self.card.part {
            let at = pos2(inner.left(), y + 9.0);
            let bar = Rect::from_min_size(at, vec2(inner.width(), metrics::PROGRESS_HEIGHT));
            progress(ui, bar, part, colour, &format!("Progress of {}", self.card.name));
            y = bar.bottom();
            if self.shows_pieces() {
                let at = pos2(inner.left(), y + STRIP_GAP);
                let strip = Rect::from_min_size(at, vec2(inner.width(), metrics::PIECES_HEIGHT));
                let name = format!("{:.0} % of {} here", part * 100.0, self.card.name);
                pieces(ui, strip, &self.card.picture, colour, &name);
                y = strip.bottom();
            }
        }
        if let Some((left, right)) = &self.figures {
            text::plain_at(ui, left.clone(), pos2(inner.left(), y + 7.0), "figures");
            let at = pos2(inner.right() - right.size().x, y + 7.0);
            text::plain_at(ui, right.clone(), at, "speed");
            y += 22.0;
        }
        y
    }

    fn paint_words(&self, ui: &mut Ui, inner: Rect, top: f32) -> f32 {
        let mut y = top;
        let words = self.sources.iter().chain(&self.state).chain(&self.warning);
        for (index, galley) in words.enumerate() {
            text::plain_at(ui, galley.clone(), pos2(inner.left(), y + 8.0), ("words", index));
            y += galley.size().y + 8.0;
        }
        if !self.recipients.is_empty() {
            y += 6.0;
            for (index, words) in self.recipients.iter().enumerate() {
                text::plain_at(ui, words.clone(), pos2(inner.left(), y + 2.0), ("recipient", index));
                y += LINE;
            }
        }
        y
    }

    fn paint_actions(&self, ui: &mut Ui, inner: Rect, top: f32, commands: &mut Commands) {
        for (row, actions) in self.card.actions.chunks(self.buttons_per_row).enumerate() {
            let y = top + 12.0 + row as f32 * (ACTION_ROW - 6.0);
            let at = Rect::from_min_size(
                pos2(inner.left(), y),
                vec2(inner.width(), metrics::SMALL_CONTROL_HEIGHT),
            );
            let mut child = ui.new_child(
                UiBuilder::new()
                    .id_salt(("actions", row))
                    .max_rect(at)
                    .layout(egui::Layout::left_to_right(egui::Align::Center)),
            );
            child.spacing_mut().item_spacing.x = 8.0;
            for action in actions {
                if child.add(does::button(action, self.card)).clicked() {
                    commands.push(does::command(action, self.card.offer));
                }
            }
        }
    }
}

/// The colour of bars and icons.
pub(crate) fn tone_mark(palette: &Palette, tone: Tone) -> Color32 {
    match tone {
        Tone::Plain | Tone::Active => palette.accent,
        Tone::Over => palette.faint,
        Tone::Good => palette.green,
        Tone::Waiting => palette.amber,
        Tone::Bad => palette.red,
    }
}

/// The colour of words.
pub(crate) fn tone_text(palette: &Palette, tone: Tone) -> Color32 {
    match tone {
        Tone::Plain | Tone::Over | Tone::Active => palette.weak,
        Tone::Good => palette.green_text,
        Tone::Waiting => palette.amber_text,
        Tone::Bad => palette.red_text,
    }
}
