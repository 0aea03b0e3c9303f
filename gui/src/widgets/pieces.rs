//! Which pieces of a download are here, as a thin strip of cells.

use egui::{Color32, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::theme;

/// The least width of a cell, with the gap beside it.
const CELL: f32 = 4.0;
const GAP: f32 = 1.0;

/// Paints cells from 0 (nothing here) to 255 over `rect`, as many as fit. `name` is read aloud.
pub(crate) fn pieces(ui: &mut Ui, rect: Rect, picture: &[u8], colour: Color32, name: &str) {
    let palette = theme::palette(ui);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a width in points, clamped")]
    let fit = (rect.width().max(0.0) / CELL) as usize;
    let shown = shrunk(picture, fit.max(1));
    let width = (rect.width() + GAP) / shown.len().max(1) as f32;
    for (index, filled) in shown.iter().enumerate() {
        let left = rect.left() + index as f32 * width;
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(width - GAP, rect.height()));
        let ink = palette.track.lerp_to_gamma(colour, f32::from(*filled) / 255.0);
        ui.painter().rect_filled(cell, 1.0, ink);
    }
    let id = ui.scope_id().with(("pieces", name));
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
}

/// The picture in at most `cells` cells, each the mean of those it stands for.
fn shrunk(picture: &[u8], cells: usize) -> Vec<u8> {
    if picture.len() <= cells {
        return picture.to_vec();
    }
    let at = |cell: usize| cell * picture.len() / cells;
    let mean = |range: &[u8]| {
        let sum: u64 = range.iter().map(|one| u64::from(*one)).sum();
        u8::try_from(sum / range.len().max(1) as u64).unwrap_or(u8::MAX)
    };
    (0..cells).map(|cell| mean(&picture[at(cell)..at(cell + 1)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_does_not_fit_keeps_its_shares() {
        assert_eq!(shrunk(&[255, 0], 5), [255, 0]);
        assert_eq!(shrunk(&[255, 255, 0, 0, 100, 200], 3), [255, 0, 150]);
        assert_eq!(shrunk(&[7; 1000], 33), [7; 33]);
        assert_eq!(shrunk(&[], 4), Vec::<u8>::new());
    }
}
