//! The two palettes. Every pair of text and ground that is used keeps 4.5 : 1 (WCAG 2.2, 1.4.3).

use egui::Color32;
use landline_protocol::DeviceId;

/// The colours of one theme, named by what they are for.
pub(crate) struct Palette {
    pub(crate) dark: bool,
    /// Side panels and the status line.
    pub(crate) side: Color32,
    /// The conversation.
    pub(crate) chat: Color32,
    /// Things that lie on either: cards, popovers.
    pub(crate) card: Color32,
    /// Where text is typed.
    pub(crate) field: Color32,
    /// What others say.
    pub(crate) bubble: Color32,
    /// What one says oneself.
    pub(crate) own: Color32,
    /// The chosen row.
    pub(crate) selected: Color32,
    /// The row or button under the pointer.
    pub(crate) hover: Color32,
    /// Hairlines.
    pub(crate) stroke: Color32,
    /// The rest of a progress bar.
    pub(crate) track: Color32,
    pub(crate) text: Color32,
    pub(crate) weak: Color32,
    pub(crate) faint: Color32,
    /// The times on one's own bubbles.
    pub(crate) on_own: Color32,
    /// Links, counts, what is in progress: as text.
    pub(crate) accent: Color32,
    /// Filled buttons and badges.
    pub(crate) accent_fill: Color32,
    /// The same under the pointer.
    pub(crate) accent_hover: Color32,
    /// Text on a filled button.
    pub(crate) on_fill: Color32,
    /// Good: dots and marks.
    pub(crate) green: Color32,
    /// Good: as text.
    pub(crate) green_text: Color32,
    /// Waiting.
    pub(crate) amber: Color32,
    pub(crate) amber_text: Color32,
    /// Wrong.
    pub(crate) red: Color32,
    pub(crate) red_text: Color32,
    pub(crate) shadow: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

pub(super) const DARK: Palette = Palette {
    dark: true,
    side: rgb(0x0012_1419),
    chat: rgb(0x0018_1B21),
    card: rgb(0x0020_242C),
    field: rgb(0x001A_1D24),
    bubble: rgb(0x0024_2932),
    own: rgb(0x002B_3A73),
    selected: rgb(0x0025_2B3B),
    hover: rgb(0x001E_222B),
    stroke: rgb(0x0028_2D37),
    track: rgb(0x0031_3743),
    text: rgb(0x00E7_EAF0),
    weak: rgb(0x00A3_ACBB),
    faint: rgb(0x0089_93A3),
    on_own: rgb(0x00B4_C0EE),
    accent: rgb(0x0086_9EFF),
    accent_fill: rgb(0x004C_68E8),
    accent_hover: rgb(0x0043_5EDC),
    on_fill: rgb(0x00FF_FFFF),
    green: rgb(0x003F_CF8E),
    green_text: rgb(0x003F_CF8E),
    amber: rgb(0x00F2_B84B),
    amber_text: rgb(0x00F2_B84B),
    red: rgb(0x00E8_5D6B),
    red_text: rgb(0x00FF_8A94),
    shadow: Color32::from_black_alpha(110),
};

pub(super) const LIGHT: Palette = Palette {
    dark: false,
    side: rgb(0x00F5_F6F9),
    chat: rgb(0x00FF_FFFF),
    card: rgb(0x00FF_FFFF),
    field: rgb(0x00FF_FFFF),
    bubble: rgb(0x00F0_F2F6),
    own: rgb(0x00DF_E6FF),
    selected: rgb(0x00E3_E9FD),
    hover: rgb(0x00EB_EDF2),
    stroke: rgb(0x00E1_E4EA),
    track: rgb(0x00E0_E4EB),
    text: rgb(0x0019_1D26),
    weak: rgb(0x0051_5968),
    faint: rgb(0x005F_6877),
    on_own: rgb(0x004A_5689),
    accent: rgb(0x002F_52DA),
    accent_fill: rgb(0x003D_5FEA),
    accent_hover: rgb(0x0034_54DC),
    on_fill: rgb(0x00FF_FFFF),
    green: rgb(0x001E_9E66),
    green_text: rgb(0x0012_6E45),
    amber: rgb(0x00C8_860D),
    amber_text: rgb(0x0085_5600),
    red: rgb(0x00D6_3B4B),
    red_text: rgb(0x00B4_2334),
    shadow: Color32::from_black_alpha(26),
};

impl Palette {
    /// A ground of some colour, thin enough that the colour itself can be read on it.
    pub(crate) fn tint(&self, colour: Color32) -> Color32 {
        colour.gamma_multiply(if self.dark { 0.17 } else { 0.12 })
    }
}

/// Twelve grounds for avatars, on all of which white initials can be read.
const HUES: [Color32; 12] = [
    rgb(0x004F_6BD8),
    rgb(0x00B8_4A78),
    rgb(0x007A_57C9),
    rgb(0x001F_7F62),
    rgb(0x00AF_5A1F),
    rgb(0x0028_77A6),
    rgb(0x009C_46AD),
    rgb(0x005F_6B7E),
    rgb(0x0019_7C7A),
    rgb(0x00B8_4545),
    rgb(0x006B_7320),
    rgb(0x008A_5F3C),
];

/// The ground of an avatar: from the key where one is known, else from the name.
pub(crate) fn avatar_hue(key: Option<&DeviceId>, name: &str) -> Color32 {
    let byte = key.map_or_else(
        || name.bytes().fold(7_u8, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte)),
        |key| key.as_bytes()[0],
    );
    HUES[usize::from(byte) % HUES.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast as WCAG 2.2 defines them.
    fn luminance(colour: Color32) -> f32 {
        let linear = |byte: u8| {
            let c = f32::from(byte) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    fn contrast(one: Color32, other: Color32) -> f32 {
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn over(top: Color32, ground: Color32) -> Color32 {
        ground.blend(top)
    }

    fn assert_readable(what: &str, text: Color32, ground: Color32) {
        let ratio = contrast(text, ground);
        assert!(ratio >= 4.5, "{what}: {ratio:.2} : 1 of {text:?} on {ground:?}");
    }

    #[test]
    fn every_text_can_be_read_on_every_ground_it_stands_on() {
        for p in [&DARK, &LIGHT] {
            let name = if p.dark { "dark" } else { "light" };
            for ground in [p.side, p.chat, p.card, p.field, p.bubble, p.selected, p.hover] {
                for (what, text) in
                    [("text", p.text), ("weak", p.weak), ("faint", p.faint), ("accent", p.accent)]
                {
                    assert_readable(&format!("{name} {what}"), text, ground);
                }
            }
            for ground in [p.side, p.chat, p.card] {
                for colour in [p.green_text, p.amber_text, p.red_text] {
                    assert_readable(&format!("{name} state"), colour, ground);
                }
            }
            assert_readable(&format!("{name} own"), p.text, p.own);
            assert_readable(&format!("{name} own time"), p.on_own, p.own);
            assert_readable(&format!("{name} button"), p.on_fill, p.accent_fill);
            assert_readable(&format!("{name} button hovered"), p.on_fill, p.accent_hover);
            for (text, ground) in [(p.amber_text, p.amber), (p.red_text, p.red), (p.accent, p.accent)] {
                assert_readable(&format!("{name} tinted"), text, over(p.tint(ground), p.side));
            }
        }
    }

    #[test]
    fn initials_can_be_read_on_every_avatar() {
        for hue in HUES {
            assert_readable("avatar", Color32::WHITE, hue);
        }
    }
}
