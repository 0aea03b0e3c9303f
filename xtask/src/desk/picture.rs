//! What a window shows, pixel by pixel: whether it shows something else than before, and where its
//! main button is.

use anyhow::{Context, Result};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};

/// So many pixels may differ before a picture counts as another one: a caret is about 40.
const CARET: usize = 150;
/// The fill of main buttons in the dark and the light palette (gui/src/theme), at rest and under
/// the pointer, as blue, green, red.
const MAIN_BUTTON: [[u8; 3]; 4] =
    [[0xE8, 0x68, 0x4C], [0xDC, 0x5E, 0x43], [0xEA, 0x5F, 0x3D], [0xDC, 0x54, 0x34]];
/// The least width of a button with a word on it.
const BUTTON_WIDTH: usize = 56;
/// Rows of plain fill above the words on a button, at least.
const BUTTON_EDGE: usize = 4;
/// From the top of a button to its middle.
const BUTTON_MIDDLE: usize = 14;

/// A window's pixels.
#[derive(Clone)]
pub(crate) struct Picture {
    width: usize,
    /// As the X server has them: blue, green, red and one unused.
    pixels: Vec<u8>,
}

impl Picture {
    /// Takes one of a window at a display.
    pub(super) fn take(display: &str, window: u32) -> Result<Self> {
        let (connection, _) = x11rb::connect(Some(display)).context("the display does not answer")?;
        let size = connection.get_geometry(window)?.reply()?;
        let image = connection
            .get_image(ImageFormat::Z_PIXMAP, window, 0, 0, size.width, size.height, u32::MAX)?
            .reply()
            .context("the window has no picture")?;
        connection.flush()?;
        let (width, pixels) = (usize::from(size.width), image.data);
        Ok(Self { width, pixels })
    }

    /// Whether more than a caret differs.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        if self.pixels.len() != other.pixels.len() {
            return true;
        }
        let pairs = self.pixels.chunks_exact(4).zip(other.pixels.chunks_exact(4));
        pairs.filter(|(one, two)| one != two).nth(CARET).is_some()
    }

    /// The middle of the lowest main button, if there is one.
    pub(crate) fn main_button(&self) -> Option<(i32, i32)> {
        let rows: Vec<&[u8]> = self.pixels.chunks_exact(self.width * 4).collect();
        let runs: Vec<Option<(usize, usize)>> = rows.iter().map(|row| longest_run(row)).collect();
        let edge = |from: usize| {
            let first = runs[from]?;
            let alike = |run: &Option<(usize, usize)>| run.is_some_and(|run| run.0.abs_diff(first.0) < 12);
            let above = from.checked_sub(1).is_some_and(|above| runs[above].is_some());
            let plain = runs.get(from..from + BUTTON_EDGE)?.iter().all(alike);
            (plain && !above).then_some((first.0 + first.1 / 2, from + BUTTON_MIDDLE))
        };
        let (x, y) = (0..rows.len()).rev().find_map(edge)?;
        Some((i32::try_from(x).ok()?, i32::try_from(y).ok()?))
    }
}

/// Where the longest run of a main button's fill begins, and how long it is.
fn longest_run(row: &[u8]) -> Option<(usize, usize)> {
    let filled = |pixel: &[u8]| MAIN_BUTTON.iter().any(|fill| pixel[..3] == *fill);
    let (mut best, mut begin) = ((0, 0), None);
    for (x, pixel) in row.chunks_exact(4).enumerate() {
        match (filled(pixel), begin) {
            (true, None) => begin = Some(x),
            (false, Some(_)) => begin = None,
            _ => {}
        }
        if let Some(begin) = begin {
            best = if x + 1 - begin > best.1 { (begin, x + 1 - begin) } else { best };
        }
    }
    (best.1 >= BUTTON_WIDTH).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 by 100 pixels with filled rectangles: left, top, width, height.
    fn picture(buttons: &[(usize, usize, usize, usize)]) -> Picture {
        let (width, height) = (200, 100);
        let mut pixels = vec![0; width * height * 4];
        for &(left, top, wide, high) in buttons {
            for (x, y) in (left..left + wide).flat_map(|x| (top..top + high).map(move |y| (x, y))) {
                pixels[(y * width + x) * 4..][..3].copy_from_slice(&MAIN_BUTTON[0]);
            }
        }
        Picture { width, pixels }
    }

    #[test]
    fn the_lowest_main_button_is_found() {
        assert_eq!(picture(&[]).main_button(), None);
        assert_eq!(picture(&[(20, 10, 30, 30)]).main_button(), None, "too narrow");
        let two = picture(&[(20, 10, 100, 30), (40, 60, 80, 30)]);
        assert_eq!(two.main_button(), Some((80, 60 + 14)));
    }

    #[test]
    fn a_caret_makes_no_difference() {
        let plain = picture(&[]);
        assert!(!plain.differs(&picture(&[(10, 10, 2, 20)])));
        assert!(plain.differs(&picture(&[(10, 10, 20, 20)])));
    }
}
