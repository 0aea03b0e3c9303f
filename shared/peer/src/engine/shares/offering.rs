//! Making offers, taking them back, and serving again after a restart what was offered before.

use std::path::PathBuf;

use landline_protocol::{Body, ConversationKind, MessageId, Offer, ShareId, Timestamp};
use landline_transfer::share::Hashed;
use landline_transfer::{Audience, Shared};

use super::tasks::{Opened, ShareReport, internal, keep_manifest, open, reopen};
use crate::api::{Event, Failure, FailureKind, Outcome, Ticket};
use crate::engine::account::signed_out;
use crate::engine::{Engine, Report, message_id, no_randomness};
use crate::history::{OfferRow, ShareRow};

impl Engine {
    /// Opens a file or folder on the side and hashes it if it is small.
    pub(in crate::engine) fn begin_share(
        &mut self,
        ticket: Ticket,
        to: ConversationKind,
        path: PathBuf,
        replaces: Option<MessageId>,
    ) -> Result<(), Failure> {
        self.signed_in.as_ref().ok_or_else(signed_out)?;
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            let absolute = std::path::absolute(&path).unwrap_or(path);
            let opening = absolute.clone();
            let opened = tokio::task::spawn_blocking(move || open(&opening)).await;
            let result = opened.unwrap_or_else(|_| Err(internal()));
            let report = ShareReport::Opened { ticket, to, path: absolute, replaces, result };
            let _ = reports.send(Report::Share(Box::new(report))).await;
        });
        Ok(())
    }

    /// Offers what an earlier offer of this machine was about once more, as it is now.
    pub(in crate::engine) fn begin_share_again(
        &mut self,
        ticket: Ticket,
        offer: MessageId,
    ) -> Result<(), Failure> {
        let row = self.offer(&offer)?;
        let entry = self.outgoing.entries.get(&offer).filter(|_| row.mine);
        let path = entry.map(|entry| entry.path.clone()).ok_or_else(|| {
            let text = format!("“{}” is not shared from this machine. Share the file itself.", row.name);
            Failure::new(FailureKind::NotFound, text)
        })?;
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        let kind = signed_in.conversations.kind_of(row.conv).ok_or_else(internal)?;
        self.begin_share(ticket, kind, path, Some(offer))
    }

    pub(in crate::engine) async fn share_report(&mut self, report: ShareReport) {
        match report {
            ShareReport::Opened { ticket, to, path, replaces, result } => {
                let result = match result {
                    Ok(opened) => self.make_offer(to, path, replaces, opened).await,
                    Err(failure) => Err(failure),
                };
                let result = result.map(|message| Outcome::Queued { message });
                self.outlet.event(Event::Finished { ticket, result });
            }
            ShareReport::Hashed { offer, result } => self.hashed(offer, result).await,
            ShareReport::Reopened { row, result } => self.reopened(row, result).await,
        }
    }

    /// Serves first, then says so: whoever reads the offer can fetch.
    async fn make_offer(
        &mut self,
        to: ConversationKind,
        path: PathBuf,
        replaces: Option<MessageId>,
        opened: Opened,
    ) -> Result<MessageId, Failure> {
        let account = self.signed_in.as_ref().ok_or_else(signed_out)?.account.id;
        let offer = message_id(&self.clock).map_err(no_randomness)?;
        let share = random_share().map_err(no_randomness)?;
        let Opened { shared, hashed } = opened;
        let body = Body::Offer(Offer {
            share,
            name: shared.name(),
            size: shared.size(),
            root: hashed.as_ref().map(Hashed::root),
            modified: modified(&shared),
            folder: shared.summary(),
            replaces,
        });
        let row = ShareRow {
            offer,
            path: path.clone(),
            version: serde_json::to_string(&shared.version()).unwrap_or_default(),
            tree: hashed.as_ref().and_then(tree_bytes),
            told: false,
        };
        self.history.call(move |db| db.add_share(account, &row)).await?;
        self.outgoing.insert(offer, path, share, None);
        self.shares.add(share, shared.clone(), audience(&to));
        match &hashed {
            Some(hashed) => {
                self.shares.set_hashed(&share, hashed);
                self.keep_manifest_aside(offer, hashed.clone());
            }
            None => self.begin_hash(offer, shared),
        }
        if let Err(failure) = self.say_as(offer, to, body).await {
            self.drop_share(&offer).await;
            return Err(failure);
        }
        if hashed.is_some() {
            self.hold_own(&offer);
        }
        Ok(offer)
    }

    /// A manifest that cannot be kept is made anew after a restart.
    fn keep_manifest_aside(&mut self, offer: MessageId, hashed: Hashed) {
        let path = self.outgoing.manifest_of(&offer);
        if let Hashed::Folder { .. } = &hashed {
            self.tasks.spawn(async move {
                let kept = tokio::task::spawn_blocking(move || keep_manifest(&hashed, &path)).await;
                if let Ok(Err(error)) = kept {
                    tracing::warn!(%error, "the list of what is in a folder could not be kept");
                }
            });
        }
    }

    /// Takes something back: nobody gets anything from now on.
    pub(in crate::engine) async fn drop_share(&mut self, offer: &MessageId) {
        if let Some(entry) = self.outgoing.entries.remove(offer) {
            entry.stop(&self.shares);
        } else if let Ok(row) = self.offer(offer) {
            // It may be on its way back from an earlier run.
            self.shares.remove(&row.share);
        }
        self.release(offer);
        let Some(account) = self.signed_in.as_ref().map(|signed_in| signed_in.account.id) else {
            return;
        };
        let (offer, manifest) = (*offer, self.outgoing.manifest_of(offer));
        self.tasks.spawn(async move {
            // Of a file there is none.
            let _ = tokio::fs::remove_file(manifest).await;
        });
        if let Err(error) = self.history.call(move |db| db.remove_share(account, &offer)).await {
            self.notice(error);
        }
    }

    /// Opens again what earlier runs shared. Each may take as long as its disk likes, and until then whoever
    /// asks for it is told to come back: "there is no such share" would end their download.
    pub(in crate::engine) fn resume_shares(&mut self, rows: Vec<ShareRow>) {
        let known: Vec<(ShareRow, OfferRow)> =
            rows.into_iter().filter_map(|row| Some((row.clone(), self.offer(&row.offer).ok()?))).collect();
        for (_, offer) in &known {
            if let Some(kind) = self.kind_of(offer) {
                self.shares.await_share(offer.share, audience(&kind));
            }
        }
        self.open_gate();
        for (row, offer) in known {
            let (reports, manifest) = (self.reports.clone(), self.outgoing.manifest_of(&row.offer));
            self.tasks.spawn(async move {
                let again = row.clone();
                let opened = tokio::task::spawn_blocking(move || reopen(&again, &offer, &manifest)).await;
                let result = opened.unwrap_or_else(|_| Err(internal()));
                let report = ShareReport::Reopened { row, result };
                let _ = reports.send(Report::Share(Box::new(report))).await;
            });
        }
    }

    fn kind_of(&self, offer: &OfferRow) -> Option<ConversationKind> {
        self.signed_in.as_ref()?.conversations.kind_of(offer.conv)
    }

    async fn reopened(&mut self, row: ShareRow, result: Result<Opened, Failure>) {
        let Ok(offer) = self.offer(&row.offer) else { return };
        let Some(kind) = self.kind_of(&offer).filter(|_| self.shares.is_awaited(&offer.share)) else {
            return; // withdrawn meanwhile
        };
        match result {
            Err(failure) => {
                self.shares.remove(&offer.share);
                let changed = matches!(failure.kind, FailureKind::SourceChanged | FailureKind::NotFound);
                self.outgoing.insert(row.offer, row.path, offer.share, Some(failure));
                if changed && !row.told && !offer.is_withdrawn() {
                    self.tell_of_change(row.offer).await;
                }
            }
            Ok(Opened { shared, hashed }) => {
                if row.told {
                    // It is what it was again, as on a disk that was away.
                    self.note_told(row.offer, false).await;
                }
                self.outgoing.insert(row.offer, row.path, offer.share, None);
                self.shares.add(offer.share, shared.clone(), audience(&kind));
                match &hashed {
                    Some(hashed) => {
                        self.shares.set_hashed(&offer.share, hashed);
                        self.hold_own(&row.offer);
                    }
                    None => self.begin_hash(row.offer, shared),
                }
            }
        }
    }
}

/// Whom an offer in a conversation is for.
fn audience(kind: &ConversationKind) -> Audience {
    match kind {
        ConversationKind::Lobby => Audience::Everyone,
        ConversationKind::Direct { users } => Audience::Users(users.to_vec()),
    }
}

/// What the database keeps of the hashes of a file.
pub(super) fn tree_bytes(hashed: &Hashed) -> Option<Vec<u8>> {
    match hashed {
        Hashed::File(tree) => Some(tree.to_bytes().to_vec()),
        Hashed::Folder { .. } => None,
    }
}

fn modified(shared: &Shared) -> Option<Timestamp> {
    let (seconds, nanos) = shared.modified()?;
    let seconds = u64::try_from(seconds).ok()?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1000) + u64::from(nanos / 1_000_000)))
}

fn random_share() -> Result<ShareId, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(ShareId::from_bytes(bytes))
}
