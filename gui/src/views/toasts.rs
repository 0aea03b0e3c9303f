//! Short messages beneath the header that go away by themselves.

use std::time::Duration;

use egui::{Align2, Area, Id, Order, Ui, vec2};
use egui_material_icons::icons::{ICON_CLOSE, ICON_ERROR, ICON_INFO};

use crate::state::Toast;
use crate::theme::{self, metrics, size};
use crate::widgets::{IconButton, text};

/// Seconds that a message stays; failures stay longer.
const SHORT: f64 = 4.0;
const LONG: f64 = 9.0;

/// Shows the messages and drops those whose time is over.
pub(crate) fn show(ui: &mut Ui, toasts: &mut Vec<Toast>) {
    let now = ui.ctx().time();
    for toast in toasts.iter_mut() {
        let stay = if toast.bad { LONG } else { SHORT };
        toast.until.get_or_insert(now + stay);
    }
    toasts.retain(|toast| toast.until.is_none_or(|until| until > now));
    let Some(next) = toasts.iter().filter_map(|toast| toast.until).min_by(f64::total_cmp) else {
        return;
    };
    ui.ctx().request_repaint_after(Duration::from_secs_f64((next - now).max(0.01)));
    let mut closed = None;
    Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_TOP, vec2(0.0, metrics::HEADER_HEIGHT + 12.0))
        .show(ui.ctx(), |ui| {
            for (index, toast) in toasts.iter().enumerate() {
                if one(ui, toast) {
                    closed = Some(index);
                }
            }
        });
    if let Some(index) = closed {
        toasts.remove(index);
    }
}

fn one(ui: &mut Ui, toast: &Toast) -> bool {
    let palette = theme::palette(ui);
    let most = (ui.ctx().content_rect().width() - 120.0).clamp(120.0, 460.0);
    let words = text::paragraph(ui, &toast.text, theme::regular(size::BODY), palette.text, most, None);
    let (icon, ink) = if toast.bad { (ICON_ERROR, palette.red_text) } else { (ICON_INFO, palette.accent) };
    egui::Frame::popup(ui.style())
        .inner_margin(egui::Margin { left: 14, right: 8, top: 8, bottom: 8 })
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                let glyph = text::line(ui, icon.codepoint, theme::icon(18.0), ink, 24.0);
                ui.add(egui::Label::new(glyph));
                ui.add(egui::Label::new(words));
                ui.add(IconButton::new(ICON_CLOSE, "Dismiss").small()).clicked()
            })
            .inner
        })
        .inner
}
