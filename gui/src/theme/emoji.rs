//! Colour emoji before black ones: common desktops name a font with a few black emoji first.

use std::path::Path;
use std::sync::OnceLock;

use egui::FontData;
use egui::epaint::text::{FallbackRequest, FontInsert, FontPriority, FontProvider, InsertFontFamily};

/// Where distributions put Noto Color Emoji.
const PLACES: [&str; 5] = [
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf",
    "/usr/share/fonts/noto-emoji/NotoColorEmoji.ttf",
    "/usr/local/share/fonts/NotoColorEmoji.ttf",
];

/// Finds the font when the first emoji is laid out, once. As with all fonts of the system, that
/// frame waits for the file.
#[derive(Default)]
pub(super) struct Emoji {
    font: OnceLock<Option<FontData>>,
}

impl FontProvider for Emoji {
    fn font_for(&self, request: &FallbackRequest<'_>) -> Option<FontInsert> {
        request.cluster.chars().next().filter(|c| is_emoji(*c))?;
        let data = self.font.get_or_init(load).clone()?;
        let family = InsertFontFamily { family: request.family.clone(), priority: FontPriority::Lowest };
        Some(FontInsert::new("colour emoji", data, vec![family]))
    }
}

fn load() -> Option<FontData> {
    let path = PLACES.iter().map(Path::new).find(|path| path.exists())?;
    std::fs::read(path).ok().map(FontData::from_owned)
}

/// The blocks of which every sign is an emoji in the font's older releases too.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f300}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6d2}' | '\u{1f90c}'..='\u{1f9ff}')
}
