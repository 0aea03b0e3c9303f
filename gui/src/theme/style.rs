//! The toolkit's own style, for what is not painted by hand: fields, popups, tooltips, scroll bars.

use egui::style::{ScrollStyle, Selection, WidgetVisuals, Widgets};
use egui::{Color32, CornerRadius, Margin, Shadow, Stroke, Style, TextStyle, Visuals};

use super::metrics::{GRID, MOTION, RADIUS_BUTTON, RADIUS_CARD};
use super::palette::Palette;
use super::{medium, mono, regular, semibold, size};

pub(super) fn of(palette: &Palette) -> Style {
    let mut style = Style { visuals: visuals(palette), animation_time: MOTION, ..Style::default() };
    style.text_styles = [
        (TextStyle::Heading, semibold(size::HEADING)),
        (TextStyle::Body, regular(size::BODY)),
        (TextStyle::Button, medium(size::BODY)),
        (TextStyle::Small, regular(size::SMALL)),
        (TextStyle::Monospace, mono(size::PREVIEW)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = egui::vec2(GRID, GRID);
    spacing.interact_size.y = 18.0;
    spacing.button_padding = egui::vec2(12.0, 6.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(16);
    spacing.scroll =
        ScrollStyle { floating: true, bar_width: 8.0, floating_width: 4.0, ..ScrollStyle::floating() };
    // Lists stop at their ends; a spring would paint for most of a second.
    style.spacing.scroll.kinetic.rubber_band = false;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style
}

fn visuals(p: &Palette) -> Visuals {
    let base = if p.dark { Visuals::dark() } else { Visuals::light() };
    let mut visuals = Visuals {
        override_text_color: Some(p.text),
        weak_text_color: Some(p.weak),
        hyperlink_color: p.accent,
        widgets: widgets(p),
        selection: Selection {
            bg_fill: p.accent_fill.gamma_multiply(if p.dark { 0.55 } else { 0.28 }),
            stroke: Stroke::new(1.0, p.accent),
        },
        faint_bg_color: p.hover,
        extreme_bg_color: p.field,
        text_edit_bg_color: Some(Color32::TRANSPARENT),
        warn_fg_color: p.amber_text,
        error_fg_color: p.red_text,
        window_fill: p.card,
        window_stroke: Stroke::new(1.0, p.stroke),
        window_corner_radius: CornerRadius::same(RADIUS_CARD),
        window_shadow: shadow(p, 24),
        menu_corner_radius: CornerRadius::same(RADIUS_CARD),
        popup_shadow: shadow(p, 16),
        panel_fill: p.chat,
        ..base
    };
    // A blinking cursor would repaint an idle window twice a second.
    visuals.text_cursor.blink = false;
    visuals.text_cursor.stroke = Stroke::new(1.5, p.accent);
    visuals
}

fn shadow(p: &Palette, blur: u8) -> Shadow {
    Shadow { offset: [0, 4], blur, spread: 0, color: p.shadow }
}

fn widgets(p: &Palette) -> Widgets {
    let state = |fill: Color32, stroke: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, stroke),
        corner_radius: CornerRadius::same(RADIUS_BUTTON),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    Widgets {
        noninteractive: state(p.card, p.stroke, p.text),
        inactive: state(p.track, p.stroke, p.weak),
        hovered: state(p.hover, p.stroke, p.text),
        active: state(p.selected, p.accent, p.text),
        open: state(p.hover, p.stroke, p.text),
    }
}
