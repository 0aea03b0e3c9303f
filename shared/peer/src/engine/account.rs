//! Signing up, in and out, inviting, and picking up where the last run ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use landline_protocol::{Author, ConversationKind, InviteLink};
use landline_trust::tls::Expect;
use tokio::sync::mpsc;

use super::conversations::{Conversations, PAGE};
use super::directory::Directory;
use super::outbox::Outbox;
use super::shares::SHOWN;
use super::sign_in::{Attempt, Credentials, Fresh};
use super::{CatchingUp, Engine, Report, SignedIn};
use crate::api::{Event, Failure, FailureKind, Line, Outcome, Target, Ticket};
use crate::history::{Account, Database, HistoryError};
use crate::session::coordinator::{Address, Client};
use crate::session::{Access, SessionHandle, SessionSetup};

/// What the session says may wait, before its socket is not read any further.
const SESSION_EVENTS: usize = 64;

/// How many offers, the newest first, are kept in memory.
const OFFERS: u32 = 2_000;

/// How many complete downloads of earlier runs, the newest first, are passed on.
const HELD: u32 = 256;

/// A sign-in that ended.
pub(super) struct SignInReport {
    ticket: Ticket,
    result: Result<Fresh, Failure>,
}

/// An invite that was asked for.
pub(super) struct InviteReport {
    ticket: Ticket,
    result: Result<InviteLink, Failure>,
}

impl Engine {
    /// Signs in on the side; [`finish_sign_in`](Self::finish_sign_in) takes the result.
    pub(super) fn begin_sign_in(&mut self, ticket: Ticket, target: Target, credentials: Credentials) {
        let attempt = Attempt {
            key: Arc::clone(&self.key),
            history: self.history.clone(),
            clock: self.clock.clone(),
            device_name: self.device_name.clone(),
        };
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            let result = attempt.run(target, credentials).await;
            let _ = reports.send(Report::SignIn(Box::new(SignInReport { ticket, result }))).await;
        });
    }

    pub(super) async fn finish_sign_in(&mut self, report: SignInReport) {
        let result = match report.result {
            Ok(fresh) => self.enter(fresh).await,
            Err(failure) => Err(failure),
        };
        self.outlet.event(Event::Finished { ticket: report.ticket, result });
    }

    async fn enter(&mut self, fresh: Fresh) -> Result<Outcome, Failure> {
        let Fresh { mut account, stored, access } = fresh;
        self.leave().await;
        let kept = self.secrets.store(&stored).await;
        kept.map_err(|error| {
            let text = format!("The sign-in could not be kept ({error}). Free some space and sign in again.");
            Failure::new(FailureKind::Io, text)
        })?;
        let row = account.clone();
        account.id = self.history.call(move |db| db.sign_in(&row)).await?;
        let user = account.user.clone();
        self.credential.send_replace(stored.peer_credential.into());
        self.begin_session(account, Some(access)).await?;
        Ok(Outcome::SignedIn { user })
    }

    /// Goes on as whoever was signed in when the profile was last used.
    pub(super) async fn resume(&mut self) -> Result<(), HistoryError> {
        let Some(account) = self.history.call(Database::current_account).await? else {
            return Ok(());
        };
        if let Some(stored) = self.secrets.load().await {
            self.credential.send_replace(stored.peer_credential.into());
        }
        self.begin_session(account, None).await
    }

    async fn begin_session(&mut self, account: Account, access: Option<Access>) -> Result<(), HistoryError> {
        self.shut_gate();
        let id = account.id;
        let (devices, rows, outbox) = self
            .history
            .call(move |db| {
                db.conversation(id, &ConversationKind::Lobby)?;
                let rows = db.conversations(id)?;
                let mut newest = Vec::with_capacity(rows.len());
                for row in rows {
                    let messages = db.messages(row.conv, None, PAGE)?;
                    newest.push((row, messages));
                }
                Ok((db.devices(id)?, newest, db.outbox(id)?))
            })
            .await?;
        let mut conversations = Conversations::default();
        for (row, messages) in rows {
            conversations.insert(row, messages);
        }
        let mut waiting = Outbox::default();
        for (kind, message) in outbox {
            waiting.push(kind, &message);
        }
        let (session, session_events) = self.dial_session(&account, access);
        let author = Author { user: account.user.clone(), device: self.key.id() };
        self.line = Line::Connecting;
        self.signed_in = Some(SignedIn {
            author,
            session,
            session_events,
            conversations,
            directory: Directory::remembered(devices),
            outbox: waiting,
            offers: BTreeMap::new(),
            uploads: Arc::new([]),
            catching_up: CatchingUp::Asking,
            account,
        });
        self.resume_transfers(id).await?;
        self.outlet.touch();
        Ok(())
    }

    /// Picks up offers, downloads and shares where the last run left them.
    async fn resume_transfers(&mut self, account: i64) -> Result<(), HistoryError> {
        let limit = u32::try_from(SHOWN).unwrap_or(u32::MAX);
        let (offers, downloads, shares, held, uploads) = self
            .history
            .call(move |db| {
                let (offers, downloads) = (db.offers(account, OFFERS)?, db.downloads(account)?);
                Ok((
                    offers,
                    downloads,
                    db.shares(account)?,
                    db.held(account, HELD)?,
                    db.uploads(account, limit)?,
                ))
            })
            .await?;
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.offers = offers.into_iter().map(|row| (row.offer, row)).collect();
            signed_in.uploads = uploads.into();
        }
        self.downloads.resume(downloads);
        self.downloads.outlooks.look_again();
        self.resume_shares(shares);
        self.resume_holdings(held);
        self.settle_downloads();
        self.clear_up_downloads();
        Ok(())
    }

    fn dial_session(
        &self,
        account: &Account,
        access: Option<Access>,
    ) -> (SessionHandle, mpsc::Receiver<crate::session::SessionEvent>) {
        let (sender, receiver) = mpsc::channel(SESSION_EVENTS);
        let setup = SessionSetup {
            client: self.client(account),
            secrets: self.secrets.clone(),
            device_name: self.device_name.clone(),
            addresses: self.announced.clone(),
            uplink: self.files.reach.uplink(),
            credential: self.credential.clone(),
            access,
        };
        (SessionHandle::start(setup, sender), receiver)
    }

    fn client(&self, account: &Account) -> Client {
        let address = Address::parse(&account.address)
            .unwrap_or_else(|_| Address { host: account.address.clone(), port: 0 });
        Client { address, expect: Expect::Pinned(account.coordinator), key: Arc::clone(&self.key) }
    }

    /// Revokes the session at the coordinator as far as it can be reached, and forgets it here.
    pub(super) async fn sign_out(&mut self) -> Result<Outcome, Failure> {
        let Some(signed_in) = &self.signed_in else {
            return Err(signed_out());
        };
        let client = self.client(&signed_in.account);
        let stored = self.secrets.load().await;
        self.leave().await;
        self.history.call(Database::sign_out).await?;
        if let Err(error) = self.secrets.clear().await {
            tracing::warn!(%error, "the stored tokens could not be removed");
        }
        if let Some(stored) = stored {
            self.tasks.spawn(async move {
                let request = landline_protocol::account::Refresh { refresh_token: stored.refresh_token };
                match client.open().await {
                    Ok(mut requests) => drop(requests.sign_out(&request).await),
                    Err(error) => tracing::info!(%error, "signed out here only"),
                }
            });
        }
        Ok(Outcome::Done)
    }

    /// Hangs up and lets go of everything of the account.
    async fn leave(&mut self) {
        self.let_go().await;
        self.signed_in = None;
        self.line = Line::SignedOut;
        self.outlet.touch();
    }

    /// Asks for an invite on the side.
    pub(super) fn begin_invite(&mut self, ticket: Ticket) -> Result<(), Failure> {
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        let client = self.client(&signed_in.account);
        let access = signed_in.session.access.borrow().clone();
        let Some(access) = access else {
            let text = "The coordinator cannot be reached now. Try again when the line is up.";
            return Err(Failure::new(FailureKind::Unreachable, text));
        };
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            let result = invite(&client, &access).await;
            let _ = reports.send(Report::Invite(InviteReport { ticket, result })).await;
        });
        Ok(())
    }

    pub(super) fn finish_invite(&mut self, report: InviteReport) {
        let result = report.result.map(|link| Outcome::Invited { link });
        self.outlet.event(Event::Finished { ticket: report.ticket, result });
    }
}

pub(super) fn signed_out() -> Failure {
    Failure::new(FailureKind::SignedOut, "Nobody is signed in. Sign in first.")
}

async fn invite(client: &Client, access: &Access) -> Result<InviteLink, Failure> {
    let mut requests = client.open().await?;
    let invite = requests.invite(&access.token).await?;
    let (host, port) = (client.address.host.clone(), client.address.port);
    Ok(InviteLink { host, port, key: requests.device, code: invite.code })
}
