//! Files dropped on the window: who gets them, and how that is shown before they are let go.

use std::path::PathBuf;

use egui::{Context, CornerRadius, Pos2, Rect, Stroke, StrokeKind, Ui};
use egui_material_icons::icons::ICON_UPLOAD;
use landline_protocol::ConversationKind;

use super::App;
use crate::state::{AppCommand, Dropped};
use crate::theme::{self, metrics, size};
use crate::widgets::text;

/// How long the pointer may take to appear after a drop, in seconds. Some desktops keep it from
/// the window while something is dragged.
const POINTER_GRACE: f64 = 0.3;

/// The places on the screen where files can be dropped; gathered anew in each frame.
#[derive(Default)]
pub(crate) struct DropZones {
    holding: bool,
    pointer: Option<Pos2>,
    rows: Vec<(Rect, ConversationKind)>,
    conversation: Option<(Rect, ConversationKind, String)>,
}

impl DropZones {
    /// Forgets the places of the last frame.
    pub(crate) fn begin(&mut self, ctx: &Context) {
        self.rows.clear();
        self.conversation = None;
        self.holding = ctx.input(|input| !input.raw.hovered_files.is_empty());
        self.pointer = ctx.pointer_latest_pos();
    }

    /// A row of the list; true while a file is held over it.
    pub(crate) fn row(&mut self, ui: &Ui, rect: Rect, kind: &ConversationKind, _name: &str) -> bool {
        let rect = rect.intersect(ui.clip_rect());
        self.rows.push((rect, kind.clone()));
        self.holding && self.pointer.is_some_and(|pointer| rect.contains(pointer))
    }

    /// The open conversation.
    pub(crate) fn conversation(&mut self, rect: Rect, kind: &ConversationKind, title: &str) {
        self.conversation = Some((rect, kind.clone(), title.to_owned()));
    }

    /// Who gets what is dropped at `at`; the open conversation where that is nobody's place.
    fn target(&self, at: Option<Pos2>) -> Option<ConversationKind> {
        let row = at.and_then(|at| self.rows.iter().find(|(rect, _)| rect.contains(at)));
        row.map(|(_, kind)| kind.clone())
            .or_else(|| self.conversation.as_ref().map(|(_, kind, _)| kind.clone()))
    }

    fn over_a_row(&self) -> bool {
        self.pointer.is_some_and(|at| self.rows.iter().any(|(rect, _)| rect.contains(at)))
    }

    /// Over the conversation, while a file is held there.
    fn paint_release(&self, ui: &Ui) {
        let Some((rect, _, title)) = &self.conversation else {
            return;
        };
        if !self.holding || self.over_a_row() {
            return;
        }
        let palette = theme::palette(ui);
        let painter =
            ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("release")));
        painter.rect_filled(*rect, 0.0, palette.chat.gamma_multiply(0.92));
        let inner = rect.shrink(16.0);
        let radius = CornerRadius::same(metrics::RADIUS_CARD);
        painter.rect(
            inner,
            radius,
            palette.tint(palette.accent),
            Stroke::new(2.0, palette.accent),
            StrokeKind::Inside,
        );
        let icon = text::line(ui, ICON_UPLOAD.codepoint, theme::icon(40.0), palette.accent, 60.0);
        let at = inner.center() - egui::vec2(icon.size().x / 2.0, icon.size().y + 6.0);
        painter.galley(at, icon, palette.accent);
        let name = if title == "Everyone" { "everyone" } else { title };
        let words = format!("Release to send to {name}");
        let words = text::line(ui, &words, theme::semibold(size::TITLE), palette.text, inner.width() - 32.0);
        let at = inner.center() + egui::vec2(-words.size().x / 2.0, 8.0);
        painter.galley(at, words, palette.text);
    }
}

impl App {
    /// Shows where held files would go, and sends dropped ones on their way.
    pub(super) fn settle_drop(&mut self, ui: &Ui) {
        self.zones.paint_release(ui);
        let now = ui.ctx().time();
        let paths: Vec<PathBuf> = ui.input(|input| {
            let files = input.raw.dropped_files.iter();
            files.map(|file| file.path().to_owned()).collect()
        });
        if !paths.is_empty() {
            let deadline = now + POINTER_GRACE;
            self.state.dropped = Some(Dropped { paths, deadline });
        }
        let Some(dropped) = &self.state.dropped else {
            return;
        };
        if self.zones.pointer.is_none() && now < dropped.deadline {
            ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(POINTER_GRACE));
            return;
        }
        let target = self.zones.target(self.zones.pointer);
        if let Some(Dropped { paths, .. }) = self.state.dropped.take() {
            self.send_files(target, paths);
        }
    }

    fn send_files(&mut self, target: Option<ConversationKind>, paths: Vec<PathBuf>) {
        let Some(to) = target else {
            self.state.toast("Drop a file on a person or into an open conversation.", true);
            return;
        };
        self.queue.push(AppCommand::Show(to.clone()));
        self.share(&to, paths);
    }
}
