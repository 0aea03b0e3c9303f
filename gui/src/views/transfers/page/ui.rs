//! Paints the page.

use egui::{Margin, Rect, Sense, Stroke, Ui, UiBuilder, pos2, vec2};
use egui_material_icons::icons::{ICON_ARROW_BACK, ICON_PAUSE, ICON_PLAY_ARROW, ICON_SWAP_VERT, ICON_TUNE};
use landline_peer::api::Action;

use super::data::{Page, Upload};
use super::row;
use crate::state::{AppCommand, Commands, Purpose, Rates};
use crate::theme::{self, metrics, size};
use crate::views::transfers::plot;
use crate::views::transfers::summary::speeds;
use crate::widgets::{Button, IconButton, Kind, text};

/// Shows the page over the space there is; the way back is an icon in a narrow window.
pub(crate) fn show(ui: &mut Ui, page: &Page, rates: &Rates, commands: &mut Commands) {
    header(ui, page, commands);
    let side = if ui.available_width() < 520.0 { 12.0 } else { 24.0 };
    let width = (ui.available_width() - side * 2.0).min(metrics::PAGE_MAX);
    let margin = ((ui.available_width() - width) / 2.0).max(side);
    #[allow(clippy::cast_possible_truncation, reason = "a margin in points")]
    let margin = margin as i8;
    let area = egui::ScrollArea::vertical().auto_shrink(false).content_margin(Margin::symmetric(margin, 12));
    area.show(ui, |ui| {
        plot::show(ui, rates, &page.summary);
        together(ui, page, commands);
        if page.sections.is_empty() {
            empty(
                ui,
                "Nothing is on its way",
                "Accept what others offer, or drop a file or folder on somebody.",
            );
        }
        for section in &page.sections {
            caption(ui, section.title, section.cards.len());
            for card in &section.cards {
                row::show(ui, card, commands);
            }
        }
        caption(ui, "Who took what", page.uploads.len());
        if page.uploads.is_empty() {
            let words = "Nobody has taken anything from this computer yet.";
            text::flowing(ui, words, theme::regular(size::PREVIEW), theme::palette(ui).weak);
        }
        for (index, upload) in page.uploads.iter().enumerate() {
            took(ui, upload, index);
        }
    });
}

fn header(ui: &mut Ui, page: &Page, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let wanted = vec2(ui.available_width(), metrics::HEADER_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(wanted, Sense::hover());
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, palette.stroke));
    let builder = UiBuilder::new()
        .id_salt("page header")
        .max_rect(rect.shrink2(vec2(8.0, 0.0)))
        .layout(egui::Layout::left_to_right(egui::Align::Center));
    let mut child = ui.new_child(builder);
    if child.add(IconButton::new(ICON_ARROW_BACK, "Back to the conversations")).clicked() {
        commands.push(AppCommand::ShowList);
    }
    let title = text::line(&child, "Transfers", theme::semibold(size::HEADING), palette.text, 140.0);
    child.add(egui::Label::new(title));
    let right = rect.right() - 14.0 - metrics::ICON_BUTTON;
    let at =
        Rect::from_min_size(pos2(right, rect.center().y - 17.0), egui::Vec2::splat(metrics::ICON_BUTTON));
    let mut corner = ui.new_child(UiBuilder::new().id_salt("page limits").max_rect(at));
    if corner.add(IconButton::new(ICON_TUNE, "Slots and limits")).clicked() {
        commands.push(AppCommand::Limits);
    }
    let rates = speeds(&page.summary);
    if !rates.is_empty() {
        let rates =
            text::line(ui, &rates, theme::tabular(size::PREVIEW), palette.accent, rect.width() - 220.0);
        let at = pos2(right - 12.0 - rates.size().x, rect.center().y - rates.size().y / 2.0);
        text::plain_at(ui, rates, at, "page rates");
    }
    ui.add_space(-ui.spacing().item_spacing.y);
}

/// Pause all, resume all.
fn together(ui: &mut Ui, page: &Page, commands: &mut Commands) {
    if page.going.is_empty() && page.paused.is_empty() {
        return;
    }
    ui.horizontal(|ui| {
        let pause = Button::new(Kind::Secondary, "Pause all").icon(ICON_PAUSE).small();
        if ui.add(pause.enabled(!page.going.is_empty())).clicked() {
            commands.extend(page.going.iter().map(|&offer| quietly(Action::Pause { offer })));
        }
        let resume = Button::new(Kind::Secondary, "Resume all").icon(ICON_PLAY_ARROW).small();
        if ui.add(resume.enabled(!page.paused.is_empty())).clicked() {
            commands.extend(page.paused.iter().map(|&offer| quietly(Action::Resume { offer })));
        }
    });
}

fn quietly(action: Action) -> AppCommand {
    AppCommand::Engine(action, Purpose::Quiet)
}

fn caption(ui: &mut Ui, title: &str, count: usize) {
    let palette = theme::palette(ui);
    ui.add_space(6.0);
    let words = if count == 0 { title.to_owned() } else { format!("{title} · {count}") };
    text::flowing(ui, &words, theme::medium(size::SMALL), palette.faint);
}

fn empty(ui: &mut Ui, title: &str, about: &str) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 150.0), Sense::hover());
    let disc = pos2(rect.center().x, rect.top() + 46.0);
    ui.painter().circle_filled(disc, 30.0, palette.tint(palette.accent));
    let glyph = text::line(ui, ICON_SWAP_VERT.codepoint, theme::icon(28.0), palette.accent, 60.0);
    text::paint_centred(ui, glyph, disc);
    for (words, font, ink, y) in [
        (title, theme::semibold(size::HEADING), palette.text, 90.0),
        (about, theme::regular(size::PREVIEW), palette.weak, 114.0),
    ] {
        let galley = text::line(ui, words, font, ink, rect.width());
        let at = pos2(rect.center().x - galley.size().x / 2.0, rect.top() + y);
        text::plain_at(ui, galley, at, words);
    }
}

fn took(ui: &mut Ui, upload: &Upload, index: usize) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 40.0), Sense::hover());
    if !ui.is_rect_visible(rect) {
        return;
    }
    upload.avatar.paint(ui, pos2(rect.left() + 16.0, rect.center().y), metrics::AVATAR_SMALL, palette.chat);
    let when = text::line(ui, &upload.when, theme::tabular(size::SMALL), palette.faint, 90.0);
    let right = text::paint_right(ui, when, rect.right() - 2.0, rect.center().y - 9.0).left() - 10.0;
    let left = rect.left() + 42.0;
    let who = text::line(ui, &upload.who, theme::semibold(size::PREVIEW), palette.text, right - left);
    text::plain_at(ui, who, pos2(left, rect.top() + 3.0), ("who", upload.offer, index));
    let what = text::line(ui, &upload.what, theme::tabular(size::SMALL), palette.weak, rect.right() - left);
    text::plain_at(ui, what, pos2(left, rect.top() + 21.0), ("what", upload.offer, index));
}
