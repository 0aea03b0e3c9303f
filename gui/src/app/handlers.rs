//! What happens with commands from views and reports from over the bridge. Nothing here waits.

use std::time::Duration;

use egui::Context;
use landline_peer::api::{Action, Command, Event, Failure, FailureKind, Outcome, Secret, Snapshot};
use landline_protocol::{ConversationKind, MessageId, UserName};
use tokio::sync::mpsc::error::TrySendError;

use super::App;
use crate::bridge::{Errand, Report, Stage};
use crate::hosting::public_link;
use crate::state::{AppCommand, InviteDialog, Purpose, Scroll};
use crate::theme;
use crate::views::limits::LimitsForm;
use crate::views::options::Options;

/// Reports taken in per frame.
const MOST_REPORTS: usize = 256;

impl App {
    /// Takes in the newest state and what happened.
    pub(super) fn take_in(&mut self) {
        let Some(bridge) = &mut self.bridge else { return };
        self.stage = bridge.stage.borrow_and_update().clone();
        let mut reports = Vec::new();
        while reports.len() < MOST_REPORTS {
            match bridge.reports.try_recv() {
                Ok(report) => reports.push(report),
                Err(_) => break,
            }
        }
        for report in reports {
            self.hear(report);
        }
    }

    /// Runs what the views asked for; what finds its channel full stays for later.
    pub(super) fn run_queue(&mut self, ctx: &Context) {
        let mut queue = std::mem::take(&mut self.queue).into_iter();
        while let Some(command) = queue.next() {
            if let Some(again) = self.run_one(ctx, command) {
                self.queue.push(again);
                self.queue.extend(queue);
                ctx.request_repaint_after(Duration::from_millis(100));
                return;
            }
        }
    }

    /// Tells the engine how far the open conversation was seen.
    pub(super) fn note_read(&mut self, ctx: &Context) {
        let (Stage::Running(snapshot), Some(open), false) = (&self.stage, &self.state.open, self.state.page)
        else {
            return;
        };
        let Some(view) = snapshot.conversations.iter().find(|view| view.kind == *open) else {
            return;
        };
        if view.unread == 0 {
            return;
        }
        if !ctx.input(|input| input.focused) {
            self.state.unread_after.get_or_insert(view.read);
            return;
        }
        let Some(seq) = crate::views::chat::newest(view) else { return };
        let told = self.state.marked.get(&view.id).copied().unwrap_or_default();
        if seq > view.read && seq > told {
            self.state.marked.insert(view.id, seq);
            let action = Action::MarkRead { conversation: view.id, seq };
            self.queue.push(AppCommand::Engine(action, Purpose::Quiet));
            ctx.request_repaint();
        }
    }

    /// The engine's state, once it runs.
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        match &self.stage {
            Stage::Running(snapshot) => Some(snapshot),
            _ => None,
        }
    }

    /// Runs a command; gives it back if the engine is too busy to hear it.
    fn run_one(&mut self, ctx: &Context, command: AppCommand) -> Option<AppCommand> {
        match command {
            AppCommand::Engine(action, purpose) => return self.engine(action, purpose),
            AppCommand::Host { username, password } => self.host(username, password),
            AppCommand::Show(kind) => self.open(ctx, kind),
            AppCommand::ShowList if self.state.page => self.state.page = false,
            AppCommand::ShowList => self.state.open = None,
            AppCommand::ShowTransfers => self.state.page = true,
            AppCommand::GoTo(offer) => self.go_to(ctx, offer),
            AppCommand::Choose { to, what } => self.errand(Errand::Choose(to, what)),
            AppCommand::Options { offer } => return self.options(offer),
            AppCommand::BrowseSave { offer, folder, path } => {
                self.errand(Errand::ChooseSave { offer, folder, path });
            }
            AppCommand::Limits => {
                self.state.limits = self.snapshot().map(|now| LimitsForm::of(&now.settings));
            }
            AppCommand::LimitPerson { user, up, down } => return self.limit_person(&user, up, down),
            AppCommand::ChooseDownloadFolder => self.errand(Errand::ChooseDownloadFolder),
            AppCommand::OpenFile(path) => self.errand(Errand::Open(path)),
            AppCommand::Reveal(path) => {
                let folder = path.parent().map_or(path.clone(), std::path::Path::to_owned);
                self.errand(Errand::Open(folder));
            }
            AppCommand::Copy { text, what } => {
                ctx.copy_text(text);
                if let Some(dialog) = &mut self.state.invite {
                    dialog.copied = true;
                }
                self.state.toast(format!("{what} copied"), false);
            }
            AppCommand::Theme(choice) => {
                self.settings.theme = choice;
                theme::choose(ctx, choice);
                self.errand(Errand::Save(self.settings.clone()));
            }
            AppCommand::Invite => {
                self.state.invite = Some(InviteDialog::default());
                return self.engine(Action::Invite, Purpose::Invite);
            }
            AppCommand::SignInAgain => self.sign_in_again(),
            AppCommand::Back => self.state.sign_in_again = false,
            AppCommand::Say { text, bad } => self.state.toast(text, bad),
        }
        None
    }

    fn engine(&mut self, action: Action, purpose: Purpose) -> Option<AppCommand> {
        if matches!(action, Action::SendText { .. } | Action::Share { .. } | Action::ShareAgain { .. }) {
            self.state.unread_after = None;
            self.state.scroll = Some(Scroll::End);
        }
        if matches!(action, Action::SignOut) {
            self.know_account();
            self.state.open = None;
        }
        let bridge = self.bridge.as_ref()?;
        let ticket = self.state.ticket(purpose);
        match bridge.commands.try_send(Command { ticket, action }) {
            Ok(()) => None,
            Err(TrySendError::Full(command)) => {
                self.state.pending.remove(&ticket);
                Some(AppCommand::Engine(command.action, purpose))
            }
            Err(TrySendError::Closed(_)) => {
                self.state.pending.remove(&ticket);
                let text = "The engine has stopped. Close this window and start Landline again.";
                self.end(purpose, Err(Failure::new(FailureKind::Internal, text)));
                None
            }
        }
    }

    fn host(&mut self, username: UserName, password: Secret) {
        let ticket = self.state.ticket(Purpose::SignIn);
        self.invite_next = true;
        self.errand(Errand::Host { ticket, username, password });
    }

    fn errand(&mut self, errand: Errand) {
        let Some(bridge) = &self.bridge else { return };
        if bridge.errands.try_send(errand).is_err() {
            self.state.toast("Landline is busy. Try again in a moment.", true);
        }
    }

    fn open(&mut self, ctx: &Context, kind: ConversationKind) {
        if self.state.open.as_ref() != Some(&kind) {
            let view = self
                .snapshot()
                .and_then(|snapshot| snapshot.conversations.iter().find(|view| view.kind == kind));
            self.state.unread_after = view.filter(|view| view.unread > 0).map(|view| view.read);
            self.state.older_than = None;
            self.state.scroll = Some(Scroll::Unread);
        }
        self.state.open = Some(kind);
        self.state.page = false;
        self.state.focus_composer = true;
        ctx.request_repaint();
    }

    /// Opens the conversation of an offer and scrolls there.
    fn go_to(&mut self, ctx: &Context, offer: MessageId) {
        let kind = self.snapshot().and_then(|snapshot| {
            let transfer = snapshot.transfers.get(&offer)?;
            let mut all = snapshot.conversations.iter();
            all.find(|view| view.id == transfer.conversation).map(|view| view.kind.clone())
        });
        match kind {
            Some(kind) => {
                self.open(ctx, kind);
                self.state.scroll = Some(Scroll::Message(offer));
            }
            None => self.state.toast("Its conversation is not loaded any more.", true),
        }
    }

    /// Opens the dialog; of a folder it also shows what is in it, once that has come.
    fn options(&mut self, offer: MessageId) -> Option<AppCommand> {
        let snapshot = self.snapshot()?;
        let transfer = snapshot.transfers.get(&offer)?;
        let options = Options::of(transfer, &snapshot.download_folder, snapshot.settings.conflict);
        let folder = options.folder();
        self.state.options = Some(options);
        if folder {
            return self.engine(Action::List { offer }, Purpose::List(offer));
        }
        None
    }

    fn limit_person(&mut self, user: &UserName, up: Option<u64>, down: Option<u64>) -> Option<AppCommand> {
        let mut settings = (*self.snapshot()?.settings).clone();
        for (all, limit) in [(&mut settings.up_to, up), (&mut settings.down_from, down)] {
            match limit {
                Some(limit) => drop(all.insert(user.clone(), limit)),
                None => drop(all.remove(user)),
            }
        }
        self.engine(Action::SetTransfers(settings), Purpose::Quiet)
    }

    fn sign_in_again(&mut self) {
        self.know_account();
        self.state.sign_in_again = true;
    }

    /// Fills the form with the account that is, or was, signed in.
    fn know_account(&mut self) {
        if let Some(me) = self.snapshot().and_then(|snapshot| snapshot.me.clone()) {
            self.state.sign_in.known(me.coordinator, Some(me.user.to_string()));
        }
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Event(event) => self.event(event),
            Report::Chosen { to, paths } => self.share(&to, paths),
            Report::SaveChosen { offer, path } => {
                if let Some(dialog) = self.state.options.as_mut().filter(|dialog| dialog.offer == offer) {
                    dialog.choose_place(&path);
                }
            }
            Report::DownloadFolderChosen(folder) => {
                let action = Action::SetDownloadFolder { folder };
                self.queue.push(AppCommand::Engine(action, Purpose::Quiet));
            }
            Report::Hosting { hosting, address } => {
                self.hosting = Some(address);
                if self.settings.hosting.as_ref() != Some(&hosting) {
                    self.settings.hosting = Some(hosting);
                    self.errand(Errand::Save(self.settings.clone()));
                }
            }
            Report::HostingFailed { ticket, failure } => match ticket {
                Some(ticket) => {
                    self.state.pending.remove(&ticket);
                    self.invite_next = false;
                    self.state.sign_in.fail(&failure);
                }
                None => self.state.complain(&failure),
            },
            Report::Failed(failure) => self.state.complain(&failure),
        }
    }

    /// Offers each of them.
    pub(super) fn share(&mut self, to: &ConversationKind, paths: Vec<std::path::PathBuf>) {
        for path in paths {
            let action = Action::Share { to: to.clone(), path };
            self.queue.push(AppCommand::Engine(action, Purpose::Quiet));
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Finished { ticket, result } => {
                if let Some(purpose) = self.state.pending.remove(&ticket) {
                    self.end(purpose, result);
                }
            }
            Event::Notice(failure) => self.state.complain(&failure),
            Event::Delivered { offer, to } => {
                self.tell_elsewhere(offer, |file, _| format!("{to} has {file}"));
            }
            Event::Received { offer, .. } => {
                self.tell_elsewhere(offer, |file, from| format!("{file} from {from} is here"));
            }
            Event::SourceChanged { offer } => {
                let words = |file: &str, _: &str| {
                    format!("{file} changed since you offered it. Share the new version from its card.")
                };
                self.tell_elsewhere(offer, words);
            }
            Event::Message { .. } | Event::Missed(_) => {}
        }
    }

    /// Says what became of a file, unless its conversation is on the screen and shows it.
    fn tell_elsewhere(&mut self, offer: MessageId, words: impl FnOnce(&str, &str) -> String) {
        let open = self.state.open.as_ref().filter(|_| !self.state.page).map(ConversationKind::id);
        let transfer = self.snapshot().and_then(|snapshot| snapshot.transfers.get(&offer));
        let Some(transfer) = transfer.filter(|one| Some(one.conversation) != open) else {
            return;
        };
        let words = words(&transfer.name.to_string(), transfer.author.as_str());
        self.state.toast(words, false);
    }

    /// Shows how a command ended where it was asked for.
    fn end(&mut self, purpose: Purpose, result: Result<Outcome, Failure>) {
        match (purpose, result) {
            (Purpose::SignIn, Ok(_)) => self.signed_in(),
            (Purpose::SignIn, Err(failure)) => {
                self.invite_next = false;
                self.state.sign_in.fail(&failure);
            }
            (Purpose::Invite, Ok(Outcome::Invited { link })) => {
                let link = match &self.hosting {
                    Some(address) => public_link(link, address),
                    None => link,
                };
                if let Some(dialog) = &mut self.state.invite {
                    dialog.link = Some(link);
                }
            }
            (Purpose::Invite, Err(failure)) => match &mut self.state.invite {
                Some(dialog) => dialog.error = Some(failure.text),
                None => self.state.complain(&failure),
            },
            (Purpose::List(offer), result) => {
                if let Some(dialog) = self.state.options.as_mut().filter(|dialog| dialog.offer == offer) {
                    dialog.listed(result);
                }
            }
            (Purpose::Quiet, Err(failure)) => self.state.complain(&failure),
            (_, Ok(_)) => {}
        }
    }

    fn signed_in(&mut self) {
        self.state.sign_in_again = false;
        let form = &mut self.state.sign_in;
        form.busy = false;
        form.password.clear();
        form.error = None;
        if std::mem::take(&mut self.invite_next) {
            self.queue.push(AppCommand::Invite);
        }
    }
}
