//! Inter in three weights as three families, with tabular digits and icons beside them.
//!
//! Scripts that Inter lacks, and emoji, come from the system's fonts on demand.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily, FontId};

const MEDIUM: &str = "inter-medium";
const SEMIBOLD: &str = "inter-semibold";
const TABULAR: &str = "inter-tabular";

/// Running text.
pub(crate) fn regular(size: f32) -> FontId {
    FontId::proportional(size)
}

/// Names in rows, labels of controls.
pub(crate) fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(MEDIUM.into()))
}

/// Titles and what is new.
pub(crate) fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(SEMIBOLD.into()))
}

/// Numbers that change in place: all digits are of one width.
pub(crate) fn tabular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(TABULAR.into()))
}

/// Fingerprints.
pub(crate) fn mono(size: f32) -> FontId {
    FontId::monospace(size)
}

/// Material Symbols.
pub(crate) fn icon(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(egui_material_icons::FONT_FAMILY_OUTLINED.into()))
}

pub(super) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let inter: [(&str, &'static [u8]); 4] = [
        ("Inter", include_bytes!("../../../assets/fonts/Inter-Regular.otf")),
        ("Inter Medium", include_bytes!("../../../assets/fonts/Inter-Medium.otf")),
        ("Inter SemiBold", include_bytes!("../../../assets/fonts/Inter-SemiBold.otf")),
        ("Inter Tabular", include_bytes!("../../../assets/fonts/Inter-Medium-TabularDigits.otf")),
    ];
    for (name, bytes) in inter {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let chain = |first: &[&str]| {
        let own = first.iter().map(|name| (*name).to_owned());
        own.chain(fallback.iter().cloned()).collect::<Vec<String>>()
    };
    let families = [
        (FontFamily::Proportional, chain(&["Inter"])),
        (FontFamily::Name(MEDIUM.into()), chain(&["Inter Medium"])),
        (FontFamily::Name(SEMIBOLD.into()), chain(&["Inter SemiBold"])),
        (FontFamily::Name(TABULAR.into()), chain(&["Inter Tabular", "Inter Medium"])),
    ];
    fonts.families.extend(families);
    insert_icons(&mut fonts);
    fonts
}

fn insert_icons(fonts: &mut FontDefinitions) {
    let icons = egui_material_icons::font_insert();
    let family = FontFamily::Name(egui_material_icons::FONT_FAMILY_OUTLINED.into());
    fonts.families.insert(family, vec![icons.name.clone()]);
    fonts.font_data.insert(icons.name, Arc::new(icons.data));
}
