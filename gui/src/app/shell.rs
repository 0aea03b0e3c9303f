//! Puts the views into the window.

use std::time::Instant;

use egui::{Frame, Id, Key, Margin, Modifiers, Panel, Ui};
use landline_peer::api::{Me, Snapshot};
use landline_protocol::ConversationKind;

use super::App;
use super::screen::{Screen, screen};
use crate::bridge::Stage;
use crate::state::AppCommand;
use crate::theme::{self, metrics};
use crate::views::people::{self, Row};
use crate::views::transfers::{self, Around, FileCard};
use crate::views::{chat, invite, limits, options, refused, settings, sign_in, status, waiting};

impl App {
    /// The screen of the moment.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        match screen(&self.stage, self.state.sign_in_again, self.state.sign_in.busy) {
            Screen::Starting => waiting::show(ui, "Landline", "Opening your profile…"),
            Screen::Failed(text) => waiting::show(ui, "Landline cannot start", &text),
            Screen::Connecting => waiting::show(ui, "Landline", "Signing in…"),
            Screen::Stop(stop) => refused::show(ui, &stop, &mut self.queue),
            Screen::SignIn { back } => sign_in::show(ui, &mut self.state.sign_in, back, &mut self.queue),
            Screen::Main => self.main(ui),
        }
    }

    fn main(&mut self, ui: &mut Ui) {
        let Stage::Running(snapshot) = self.stage.clone() else {
            return;
        };
        let Some(me) = snapshot.me.as_ref() else { return };
        self.shortcuts(ui, &snapshot);
        self.status_line(ui, &snapshot);
        let width = ui.available_width();
        if width < metrics::ONE_COLUMN_BELOW {
            self.one_column(ui, &snapshot, me);
        } else {
            self.columns(ui, &snapshot, me, width);
        }
        self.dialogs(ui);
    }

    fn status_line(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let palette = theme::palette(ui);
        let status = status::status(snapshot, self.hosting.as_deref(), Instant::now());
        if let Some(after) = status.stale_in {
            ui.ctx().request_repaint_after(after);
        }
        let speeds = transfers::speeds(&transfers::summary(snapshot));
        Panel::bottom("status")
            .exact_size(metrics::STATUS_HEIGHT)
            .resizable(false)
            .frame(Frame::new().fill(palette.side))
            .show(ui, |ui| status::show(ui, &status, &speeds, &mut self.queue));
    }

    fn one_column(&mut self, ui: &mut Ui, snapshot: &Snapshot, me: &Me) {
        let palette = theme::palette(ui);
        if self.state.page {
            self.transfers(ui, snapshot, me);
        } else if self.state.open.is_some() {
            let frame = Frame::new().fill(palette.chat);
            egui::CentralPanel::no_frame().frame(frame).show(ui, |ui| self.conversation(ui, snapshot, true));
        } else {
            let frame = Frame::new().fill(palette.side);
            egui::CentralPanel::no_frame().frame(frame).show(ui, |ui| self.list(ui, snapshot, me));
        }
    }

    fn columns(&mut self, ui: &mut Ui, snapshot: &Snapshot, me: &Me, width: f32) {
        let palette = theme::palette(ui);
        if self.state.open.is_none() && !self.state.page {
            self.queue.push(AppCommand::Show(ConversationKind::Lobby));
        }
        Panel::left("people")
            .exact_size(metrics::SIDE_WIDTH)
            .resizable(false)
            .frame(Frame::new().fill(palette.side))
            .show(ui, |ui| self.list(ui, snapshot, me));
        if self.state.page {
            self.transfers(ui, snapshot, me);
            return;
        }
        let cards = current_cards(snapshot, me);
        if width >= metrics::THREE_COLUMNS_FROM && !cards.is_empty() {
            let summary = transfers::summary(snapshot);
            Panel::right("transfers")
                .exact_size(metrics::TRANSFERS_WIDTH)
                .resizable(false)
                .frame(Frame::new().fill(palette.side))
                .show(ui, |ui| transfers::show(ui, &summary, &self.state.rates, &cards, &mut self.queue));
        }
        egui::CentralPanel::no_frame()
            .frame(Frame::new().fill(palette.chat).inner_margin(Margin::ZERO))
            .show(ui, |ui| self.conversation(ui, snapshot, false));
    }

    /// The page of all transfers.
    fn transfers(&mut self, ui: &mut Ui, snapshot: &Snapshot, me: &Me) {
        let page = transfers::page(snapshot, &me.user, &(self.clock)());
        egui::CentralPanel::no_frame()
            .frame(Frame::new().fill(theme::palette(ui).chat))
            .show(ui, |ui| transfers::show_page(ui, &page, &self.state.rates, &mut self.queue));
    }

    fn list(&mut self, ui: &mut Ui, snapshot: &Snapshot, me: &Me) {
        let menu = settings::Menu {
            theme: self.settings.theme,
            device: snapshot.device,
            coordinator: me.coordinator.clone(),
            coordinator_key: me.coordinator_key,
            key_from_invite: me.key_from_invite,
            download_folder: snapshot.download_folder.clone(),
            hosting: self.hosting.clone(),
        };
        let rows = self.rows(snapshot);
        let filter = &mut self.state.filter;
        people::show(ui, me, &rows, filter, &menu, &mut self.zones, &mut self.queue);
    }

    fn rows(&self, snapshot: &Snapshot) -> Vec<Row> {
        let clock = (self.clock)();
        let open = self.state.open.as_ref().filter(|_| !self.state.page);
        people::list(snapshot, open, &self.state.filter, &clock)
    }

    fn conversation(&mut self, ui: &mut Ui, snapshot: &Snapshot, back: bool) {
        let clock = (self.clock)();
        let shown = self
            .state
            .open
            .as_ref()
            .and_then(|kind| chat::conversation(snapshot, kind, self.state.unread_after, &clock));
        match shown {
            Some(shown) => chat::show(ui, &shown, back, &mut self.state, &mut self.zones, &mut self.queue),
            None => chat::nothing_open(ui),
        }
    }

    fn dialogs(&mut self, ui: &mut Ui) {
        if let Some(dialog) = &self.state.invite
            && !invite::show(ui, dialog, self.hosting.as_deref(), &mut self.queue)
        {
            self.state.invite = None;
        }
        if let Some(dialog) = &mut self.state.options
            && !options::show(ui, dialog, &mut self.queue)
        {
            self.state.options = None;
        }
        if let Some(form) = &mut self.state.limits
            && !limits::show(ui, form, &mut self.queue)
        {
            self.state.limits = None;
        }
    }

    /// Alt with the arrows goes through the list, Ctrl+K finds people, Esc leaves the page
    /// of all transfers.
    fn shortcuts(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        let step = match (pressed(Modifiers::ALT, Key::ArrowUp), pressed(Modifiers::ALT, Key::ArrowDown)) {
            (true, _) => Some(-1),
            (_, true) => Some(1),
            _ => None,
        };
        if pressed(Modifiers::COMMAND, Key::K) {
            if ui.available_width() < metrics::ONE_COLUMN_BELOW {
                (self.state.open, self.state.page) = (None, false);
            }
            ui.memory_mut(|memory| memory.request_focus(filter_id()));
        }
        let dialog =
            self.state.options.is_some() || self.state.limits.is_some() || self.state.invite.is_some();
        if self.state.page && !dialog && pressed(Modifiers::NONE, Key::Escape) {
            self.state.page = false;
        }
        if let Some(step) = step {
            let rows = self.rows(snapshot);
            if let Some(kind) = neighbour(&rows, step) {
                self.queue.push(AppCommand::Show(kind));
            }
        }
    }
}

/// The filter field, for giving it the keyboard.
pub(crate) fn filter_id() -> Id {
    Id::unique("filter")
}

/// The row above or below the selected one.
fn neighbour(rows: &[Row], step: isize) -> Option<ConversationKind> {
    let entries: Vec<_> = rows
        .iter()
        .filter_map(|row| match row {
            Row::Entry(entry) => Some(entry),
            _ => None,
        })
        .collect();
    let at = entries.iter().position(|entry| entry.selected).map_or(0, |at| at.saturating_add_signed(step));
    entries.get(at).map(|entry| entry.kind.clone())
}

/// The cards of the panel, newest first.
fn current_cards(snapshot: &Snapshot, me: &Me) -> Vec<FileCard> {
    let current = snapshot.transfers.values().rev().filter(|one| transfers::is_current(one));
    current.map(|transfer| transfers::card(transfer, Around::of(snapshot, &me.user, transfer))).collect()
}
