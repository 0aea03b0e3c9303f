//! What a window shows, pixel by pixel, and whether it shows something else than before.

use anyhow::{Context, Result};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};

/// So many pixels may differ before a picture counts as another one: a caret is about 40.
const CARET: usize = 150;

/// A window's pixels.
pub(crate) struct Picture {
    /// As the X server has them: four bytes a pixel.
    pixels: Vec<u8>,
}

impl Picture {
    /// Takes one of a window at a display.
    pub(super) fn take(display: &str, window: u32) -> Result<Self> {
        let (connection, screen) = x11rb::connect(Some(display)).context("the display does not answer")?;
        let _root = connection.setup().roots.get(screen).context("no screen")?;
        let size = connection.get_geometry(window)?.reply()?;
        let image = connection
            .get_image(
                ImageFormat::Z_PIXMAP,
                window,
                0,
                0,
                size.width,
                size.height,
                u32::MAX,
            )?
            .reply()
            .context("the window has no picture")?;
        Ok(Self { pixels: image.data })
    }

    /// Whether more than a caret differs.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        if self.pixels.len() != other.pixels.len() {
            return true;
        }
        let pairs = self.pixels.chunks_exact(4).zip(other.pixels.chunks_exact(4));
        pairs.filter(|(one, two)| one != two).nth(CARET).is_some()
    }
}
