//! Initials on a hue taken from the key, with a dot for presence.

use egui::{Color32, Pos2, Ui};
use egui_material_icons::MaterialIcon;
use landline_protocol::DeviceId;

use super::text;
use crate::theme;

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Not a person.
    None,
    /// Connected.
    Online,
    /// Not connected.
    Offline,
}

/// A person's or a conversation's mark.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Avatar {
    initials: String,
    icon: Option<&'static str>,
    ground: Ground,
    pub(crate) presence: Presence,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ground {
    Hue(Color32),
    Accent,
}

impl Avatar {
    /// A person's.
    pub(crate) fn person(name: &str, key: Option<&DeviceId>, presence: Presence) -> Self {
        Self {
            initials: initials(name),
            icon: None,
            ground: Ground::Hue(theme::avatar_hue(key, name)),
            presence,
        }
    }

    /// A conversation of many.
    pub(crate) fn group(icon: MaterialIcon) -> Self {
        Self {
            initials: String::new(),
            icon: Some(icon.codepoint),
            ground: Ground::Accent,
            presence: Presence::None,
        }
    }

    /// Paints it; `ground` is what it lies on, so that the dot can be cut out.
    pub(crate) fn paint(&self, ui: &Ui, centre: Pos2, diameter: f32, ground: Color32) {
        let palette = theme::palette(ui);
        let radius = diameter / 2.0;
        let fill = match self.ground {
            Ground::Hue(hue) => hue,
            Ground::Accent => palette.accent_fill,
        };
        ui.painter().circle_filled(centre, radius, fill);
        let (label, font) = match self.icon {
            Some(icon) => (icon, theme::icon(diameter * 0.55)),
            None => (self.initials.as_str(), theme::semibold(diameter * 0.36)),
        };
        let galley = text::line(ui, label, font, Color32::WHITE, diameter);
        text::paint_centred(ui, galley, centre);
        self.paint_presence(ui, centre + egui::Vec2::splat(radius * 0.72), diameter, ground);
    }

    fn paint_presence(&self, ui: &Ui, at: Pos2, diameter: f32, ground: Color32) {
        let palette = theme::palette(ui);
        let dot = (diameter * 0.13).max(3.5);
        if self.presence == Presence::Online {
            ui.painter().circle_filled(at, dot + 2.0, ground);
            ui.painter().circle_filled(at, dot, palette.green);
        }
    }
}

/// One or two letters that stand for a name.
fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || matches!(c, '-' | '_' | '.'))
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let Some(first) = words.next() else {
        return name.chars().next().map(String::from).unwrap_or_default();
    };
    // A wide script fills the circle with one sign.
    let second = words.next_back().filter(|_| first.is_lowercase() || first.is_uppercase());
    first.to_uppercase().chain(second.into_iter().flat_map(char::to_uppercase)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_come_from_the_first_and_the_last_word() {
        for (name, expected) in [
            ("alice", "A"),
            ("Marta Keller", "MK"),
            ("x86_64-linux-a4f2", "XA"),
            ("田中 美咲", "田"),
            ("😀", "😀"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
