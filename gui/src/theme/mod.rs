//! The only place that names a colour, a size or a font.

mod emoji;
mod fonts;
pub(crate) mod metrics;
mod palette;
mod style;

pub(crate) use fonts::{icon, medium, mono, regular, semibold, tabular};
pub(crate) use palette::{Palette, avatar_hue};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What the person chose; the system's own preference unless they did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThemeChoice {
    /// As the desktop says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// The sizes of text, in points. Weight carries the hierarchy; there are no others.
pub(crate) mod size {
    /// The name of the program, the question of a screen.
    pub(crate) const TITLE: f32 = 20.0;
    /// Names in headers, titles of panels.
    pub(crate) const HEADING: f32 = 15.0;
    /// Messages, fields, names.
    pub(crate) const BODY: f32 = 13.5;
    /// Second lines.
    pub(crate) const PREVIEW: f32 = 12.5;
    /// Times, counts, captions.
    pub(crate) const SMALL: f32 = 11.5;
}

/// Gives the context its fonts and both styles. Once, before the first frame.
pub(crate) fn install(ctx: &egui::Context, choice: ThemeChoice) {
    ctx.set_fonts(fonts::definitions());
    ctx.set_style_of(egui::Theme::Dark, style::of(&palette::DARK));
    ctx.set_style_of(egui::Theme::Light, style::of(&palette::LIGHT));
    choose(ctx, choice);
}

/// Where letters come from that Inter lacks: colour emoji first, then whatever the system names.
/// Listing the system's fonts takes a while, so it begins in a thread of its own.
pub(crate) fn install_system_fonts(ctx: &egui::Context) {
    let system = egui_system_font_provider::SystemFontProvider::new();
    ctx.set_font_providers(vec![Arc::new(emoji::Emoji::default()), Arc::new(system)]);
}

/// Follows a choice of theme.
pub(crate) fn choose(ctx: &egui::Context, choice: ThemeChoice) {
    ctx.set_theme(match choice {
        ThemeChoice::System => egui::ThemePreference::System,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::Dark => egui::ThemePreference::Dark,
    });
}

/// The colours in force where `ui` is.
pub(crate) fn palette(ui: &egui::Ui) -> &'static Palette {
    if ui.visuals().dark_mode { &palette::DARK } else { &palette::LIGHT }
}
