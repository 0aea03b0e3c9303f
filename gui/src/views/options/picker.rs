//! Which files of a folder to take: a hundred thousand of them as smoothly as ten.

use std::sync::Arc;

use egui::{CornerRadius, Role, Sense, Ui, WidgetInfo, vec2};
use egui_material_icons::icons::{ICON_CHECK_BOX, ICON_CHECK_BOX_OUTLINE_BLANK, ICON_SEARCH};
use landline_peer::api::FolderEntryView;

use crate::theme::{self, metrics, size};
use crate::views::format;
use crate::widgets::{Button, Field, Kind, focus_ring, text};

/// Files, and which of them are wanted.
pub(crate) struct Picks {
    entries: Arc<[FolderEntryView]>,
    wanted: Vec<bool>,
    count: usize,
    bytes: u64,
    filter: String,
    /// Those that the filter lets through; found anew when it changes.
    shown: Vec<u32>,
}

impl Picks {
    /// All of them.
    pub(super) fn all(entries: Arc<[FolderEntryView]>) -> Self {
        let mut picks = Self {
            wanted: vec![true; entries.len()],
            count: entries.len(),
            bytes: entries.iter().map(|entry| entry.size).sum(),
            entries,
            filter: String::new(),
            shown: Vec::new(),
        };
        picks.find();
        picks
    }

    /// How many are wanted.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The indices of the wanted ones; nothing where all are.
    pub(super) fn some(&self) -> Option<Arc<[u32]>> {
        if self.count == self.entries.len() {
            return None;
        }
        Some((0..).zip(&self.wanted).filter(|(_, wanted)| **wanted).map(|(index, _)| index).collect())
    }

    fn find(&mut self) {
        let needle = self.filter.trim().to_lowercase();
        let fits = |entry: &FolderEntryView| {
            needle.is_empty() || entry.path.as_raw().to_lowercase().contains(&needle)
        };
        self.shown = (0..).zip(self.entries.iter()).filter(|(_, one)| fits(one)).map(|(at, _)| at).collect();
    }

    fn want(&mut self, index: u32, wanted: bool) {
        let at = index as usize;
        if self.wanted[at] == wanted {
            return;
        }
        self.wanted[at] = wanted;
        let size = self.entries[at].size;
        if wanted {
            (self.count, self.bytes) = (self.count + 1, self.bytes + size);
        } else {
            (self.count, self.bytes) = (self.count - 1, self.bytes - size);
        }
    }

    /// Everything that is shown.
    fn want_shown(&mut self, wanted: bool) {
        for index in std::mem::take(&mut self.shown) {
            self.want(index, wanted);
        }
        self.find();
    }

    fn total(&self) -> String {
        let all = format::count(self.entries.len(), "file", "files");
        format!("{} of {all} · {}", self.count, crate::units::size(self.bytes))
    }
}

/// Shows filter, list and total, the list over `height`.
pub(super) fn show(ui: &mut Ui, picks: &mut Picks, height: f32) {
    let palette = theme::palette(ui);
    let field = Field::new("Find files", &mut picks.filter).unlabelled().hint("Find files").icon(ICON_SEARCH);
    if field.show(ui).changed() {
        picks.find();
    }
    ui.horizontal(|ui| {
        let filtered = picks.shown.len() < picks.entries.len();
        let (all, none) = if filtered { ("Take these", "Leave these") } else { ("All", "None") };
        if ui.add(Button::new(Kind::Secondary, all).small()).clicked() {
            picks.want_shown(true);
        }
        if ui.add(Button::new(Kind::Secondary, none).small()).clicked() {
            picks.want_shown(false);
        }
        let total = picks.total();
        text::clipped(ui, &total, theme::tabular(size::PREVIEW), palette.weak);
    });
    let frame = egui::Frame::new()
        .fill(palette.field)
        .stroke(egui::Stroke::new(1.0, palette.stroke))
        .corner_radius(CornerRadius::same(metrics::RADIUS_BUTTON))
        .inner_margin(4);
    frame.show(ui, |ui| list(ui, picks, height));
}

fn list(ui: &mut Ui, picks: &mut Picks, height: f32) {
    ui.spacing_mut().item_spacing.y = 0.0;
    if picks.shown.is_empty() {
        let palette = theme::palette(ui);
        ui.set_height(height);
        text::flowing(ui, "No file is called so.", theme::regular(size::PREVIEW), palette.weak);
        return;
    }
    let area = egui::ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false);
    area.show_rows(ui, metrics::LIST_ROW, picks.shown.len(), |ui, rows| {
        for row in rows {
            let index = picks.shown[row];
            let wanted = picks.wanted[index as usize];
            if entry(ui, &picks.entries[index as usize], index, wanted) {
                picks.want(index, !wanted);
            }
        }
    });
}

/// One file; true when it was pressed.
fn entry(ui: &mut Ui, entry: &FolderEntryView, index: u32, wanted: bool) -> bool {
    let palette = theme::palette(ui);
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), metrics::LIST_ROW));
    let response = ui.interact(rect, ui.scope_id().with(("entry", index)), Sense::click());
    let path = entry.path.to_string();
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, wanted, &path));
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(metrics::RADIUS_GROUPED), palette.hover);
    }
    focus_ring(ui, &response, rect.shrink(1.0), metrics::RADIUS_GROUPED);
    let (icon, ink) =
        if wanted { (ICON_CHECK_BOX, palette.accent) } else { (ICON_CHECK_BOX_OUTLINE_BLANK, palette.faint) };
    let mark = text::line(ui, icon.codepoint, theme::icon(17.0), ink, 24.0);
    text::paint_left(ui, mark, rect.left() + 6.0, rect.center().y);
    let bytes = crate::units::size(entry.size);
    let bytes = text::line(ui, &bytes, theme::tabular(size::SMALL), palette.faint, 90.0);
    let bytes = text::paint_right(ui, bytes, rect.right() - 12.0, rect.center().y);
    let left = rect.left() + 30.0;
    let ink = if wanted { palette.text } else { palette.weak };
    let words = text::line(ui, &path, theme::regular(size::PREVIEW), ink, bytes.left() - left - 10.0);
    let elided = words.elided;
    text::paint_left(ui, words, left, rect.center().y);
    let clicked = response.clicked();
    if elided {
        response.on_hover_text(path);
    }
    clicked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    #[test]
    fn the_total_follows_every_choice() {
        let mut picks = Picks::all(fake::listing(3000));
        assert!(picks.some().is_none(), "all of them is the usual way");
        let bytes = picks.bytes;
        picks.filter = "Day 2/".to_owned();
        picks.find();
        assert_eq!(picks.shown.len(), 1000);
        picks.want_shown(false);
        assert_eq!(picks.count(), 2000);
        picks.want(1000, true);
        picks.want(1000, true);
        let some = picks.some().unwrap();
        assert_eq!((some.len(), some[999], some[1000], some[1001]), (2001, 999, 1000, 2000));
        let expected: u64 = some.iter().map(|index| picks.entries[*index as usize].size).sum();
        assert_eq!(picks.bytes, expected);
        picks.want_shown(true);
        assert_eq!((picks.bytes, picks.some()), (bytes, None));
    }
}
