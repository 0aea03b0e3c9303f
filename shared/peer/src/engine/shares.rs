//! Sharing a file: opened, offered at once, hashed behind the offer when it is large, served until
//! the offer is withdrawn.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use landline_protocol::{Body, ConversationKind, MessageId, Offer, Sealed, ShareId, Timestamp, Verdict};
use landline_transfer::PieceTree;
use landline_transfer::share::{Audience, ShareError, SharedFile, Shares};
use landline_transfer::tree::HashError;

use super::account::signed_out;
use super::message_id;
use super::{Engine, Report, no_randomness};
use crate::api::{Event, Failure, FailureKind, Outcome, Ticket};
use crate::history::{OfferRow, ShareRow};
use crate::rate::RateMeter;

/// Files up to this many bytes are hashed before they are offered, which takes a few milliseconds;
/// larger ones are offered first and sealed later.
const HASH_FIRST: u64 = 16 * 1024 * 1024;

/// Before a seal is written again that did not fit on the disk.
const SEAL_AGAIN: Duration = Duration::from_secs(5);

/// How long a transfer may be silent and still count as under way.
const LULL: Duration = Duration::from_secs(1);

/// What a task that opens or hashes says.
pub(super) enum ShareReport {
    /// A file to be offered was opened.
    Opened { ticket: Ticket, to: ConversationKind, path: PathBuf, result: Result<Opened, Failure> },
    /// An offered file was hashed.
    Hashed { offer: MessageId, result: Result<PieceTree, HashError> },
    /// A file shared in an earlier run was opened again.
    Reopened { row: ShareRow, result: Result<SharedFile, Failure> },
}

/// A file ready to be offered.
pub(super) struct Opened {
    file: SharedFile,
    tree: Option<PieceTree>,
}

/// The files this machine serves, by offer.
#[derive(Default)]
pub(super) struct Outgoing {
    entries: HashMap<MessageId, Entry>,
    /// Shares of earlier runs that are not open again yet. Until they are, whoever asks is told to
    /// come back: "there is no such share" would end their download.
    reopening: usize,
    /// Whether anyone was fetching when the last snapshot was made.
    pub(super) uploading: bool,
}

/// One of them.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) share: ShareId,
    /// Why it cannot be served, if so.
    pub(super) failure: Option<Failure>,
    meter: RateMeter,
    last_active: Option<Instant>,
    stop_hashing: Arc<AtomicBool>,
}

impl Outgoing {
    pub(super) fn get_mut(&mut self, offer: &MessageId) -> Option<&mut Entry> {
        self.entries.get_mut(offer)
    }

    /// Serves nothing any more, as when signing out.
    pub(super) fn withdraw_all(&mut self, shares: &Shares) {
        for (_, entry) in self.entries.drain() {
            entry.stop(shares);
        }
    }

    /// Whether everything that was shared before can be served again.
    pub(super) fn is_complete(&self) -> bool {
        self.reopening == 0
    }

    fn insert(&mut self, offer: MessageId, path: PathBuf, share: ShareId, failure: Option<Failure>) {
        let (meter, last_active, stop_hashing) = (RateMeter::default(), None, Arc::default());
        self.entries.insert(offer, Entry { path, share, failure, meter, last_active, stop_hashing });
    }
}

impl Entry {
    /// Takes a reading of what is sent; says the rate, or `None` once nothing has been sent for a
    /// while. A receiver asks piece by piece, so a short silence is not the end.
    pub(super) fn observe(&mut self, now: Instant, active: bool, sent: u64) -> Option<&RateMeter> {
        if active {
            self.last_active = Some(now);
        }
        let moving = self.last_active.is_some_and(|last| now.saturating_duration_since(last) < LULL);
        if !moving {
            self.meter = RateMeter::default();
            return None;
        }
        self.meter.observe(now, sent);
        Some(&self.meter)
    }

    fn stop(&self, shares: &Shares) {
        self.stop_hashing.store(true, Ordering::Relaxed);
        shares.remove(&self.share);
    }
}

impl Engine {
    /// Opens a file on the side and hashes it if it is small.
    pub(super) fn begin_share(
        &mut self,
        ticket: Ticket,
        to: ConversationKind,
        path: PathBuf,
    ) -> Result<(), Failure> {
        self.signed_in.as_ref().ok_or_else(signed_out)?;
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            let absolute = std::path::absolute(&path).unwrap_or(path);
            let opening = absolute.clone();
            let opened = tokio::task::spawn_blocking(move || open(&opening)).await;
            let result = opened.unwrap_or_else(|_| Err(internal()));
            let report = ShareReport::Opened { ticket, to, path: absolute, result };
            let _ = reports.send(Report::Share(report)).await;
        });
        Ok(())
    }

    pub(super) async fn share_report(&mut self, report: ShareReport) {
        match report {
            ShareReport::Opened { ticket, to, path, result } => {
                let result = match result {
                    Ok(opened) => self.make_offer(to, path, opened).await,
                    Err(failure) => Err(failure),
                };
                let result = result.map(|message| Outcome::Queued { message });
                self.outlet.event(Event::Finished { ticket, result });
            }
            ShareReport::Hashed { offer, result } => self.hashed(offer, result).await,
            ShareReport::Reopened { row, result } => {
                self.reopened(row, result);
                self.outgoing.reopening = self.outgoing.reopening.saturating_sub(1);
                self.open_gate();
            }
        }
    }

    /// Serves first, then says so: whoever reads the offer can fetch.
    async fn make_offer(
        &mut self,
        to: ConversationKind,
        path: PathBuf,
        opened: Opened,
    ) -> Result<MessageId, Failure> {
        let account = self.signed_in.as_ref().ok_or_else(signed_out)?.account.id;
        let offer = message_id(&self.clock).map_err(no_randomness)?;
        let share = random_share().map_err(no_randomness)?;
        let Opened { file, tree } = opened;
        let body = Body::Offer(Offer {
            share,
            name: file.name(),
            size: file.size(),
            root: tree.as_ref().map(PieceTree::root),
            modified: modified(&file),
        });
        let row = ShareRow {
            offer,
            path: path.clone(),
            version: file.version(),
            tree: tree.as_ref().map(|tree| tree.to_bytes().to_vec()),
        };
        self.history.call(move |db| db.add_share(account, &row)).await?;
        self.outgoing.insert(offer, path, share, None);
        self.shares.add(share, file.clone(), audience(&to));
        match &tree {
            Some(tree) => self.shares.set_tree(&share, tree),
            None => self.begin_hash(offer, file),
        }
        if let Err(failure) = self.say_as(offer, to, body).await {
            self.drop_share(&offer).await;
            return Err(failure);
        }
        Ok(offer)
    }

    fn begin_hash(&mut self, offer: MessageId, file: SharedFile) {
        let Some(entry) = self.outgoing.entries.get(&offer) else {
            return;
        };
        let stop = Arc::clone(&entry.stop_hashing);
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            let hashing = tokio::task::spawn_blocking(move || {
                file.hash(&mut |_| {
                    if stop.load(Ordering::Relaxed) {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                })
            });
            if let Ok(result) = hashing.await {
                let _ = reports.send(Report::Share(ShareReport::Hashed { offer, result })).await;
            }
        });
    }

    async fn hashed(&mut self, offer: MessageId, result: Result<PieceTree, HashError>) {
        let (Ok(row), Some(entry)) = (self.offer(&offer), self.outgoing.entries.get_mut(&offer)) else {
            return;
        };
        let done = match result {
            Ok(tree) => {
                self.shares.set_tree(&entry.share, &tree);
                match self.seal(&row, &tree).await {
                    Err(failure) if failure.kind == FailureKind::DiskFull => {
                        self.hash_report_later(offer, tree);
                        Err(failure)
                    }
                    result => result,
                }
            }
            Err(error) => {
                let text = format!("“{}” cannot be offered: {error}. Share it again.", row.name);
                let failure = Failure::new(FailureKind::SourceChanged, text);
                entry.failure = Some(failure.clone());
                entry.stop(&self.shares);
                // Nobody waits for a hash that will not come.
                self.answer(&row, Verdict::Cancelled).await.and(Err(failure))
            }
        };
        if let Err(failure) = done {
            self.notice(failure);
        }
    }

    /// The disk was too full to write the hash down: once more in a while.
    fn hash_report_later(&mut self, offer: MessageId, tree: PieceTree) {
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(SEAL_AGAIN).await;
            let report = ShareReport::Hashed { offer, result: Ok(tree) };
            let _ = reports.send(Report::Share(report)).await;
        });
    }

    async fn seal(&mut self, row: &OfferRow, tree: &PieceTree) -> Result<(), Failure> {
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        let (account, offer, bytes) = (signed_in.account.id, row.offer, tree.to_bytes().to_vec());
        let Some(kind) = signed_in.conversations.kind_of(row.conv) else {
            return Ok(());
        };
        self.history.call(move |db| db.set_share_tree(account, &offer, &bytes)).await?;
        if row.root.is_none() {
            let sealed = Sealed { offer, root: tree.root(), size: row.size };
            self.say(kind, Body::Sealed(sealed)).await?;
        }
        Ok(())
    }

    /// Takes a file back: nobody gets anything from now on.
    pub(super) async fn drop_share(&mut self, offer: &MessageId) {
        if let Some(entry) = self.outgoing.entries.remove(offer) {
            entry.stop(&self.shares);
        }
        let Some(account) = self.signed_in.as_ref().map(|signed_in| signed_in.account.id) else {
            return;
        };
        let offer = *offer;
        if let Err(error) = self.history.call(move |db| db.remove_share(account, &offer)).await {
            self.notice(error);
        }
    }

    /// Opens again what earlier runs shared.
    pub(super) fn resume_shares(&mut self, rows: Vec<ShareRow>) {
        self.outgoing.reopening = rows.len();
        self.open_gate();
        for row in rows {
            let reports = self.reports.clone();
            self.tasks.spawn(async move {
                let (path, version) = (row.path.clone(), row.version);
                let reopening = move || Shares::reopen(&path, &version);
                let opened = tokio::task::spawn_blocking(reopening).await;
                let result =
                    opened.map_or_else(|_| Err(internal()), |file| file.map_err(|error| failure_of(&error)));
                let _ = reports.send(Report::Share(ShareReport::Reopened { row, result })).await;
            });
        }
    }

    fn reopened(&mut self, row: ShareRow, result: Result<SharedFile, Failure>) {
        let Ok(offer) = self.offer(&row.offer) else { return };
        let kind = self.signed_in.as_ref().and_then(|signed_in| signed_in.conversations.kind_of(offer.conv));
        let Some(kind) = kind else { return };
        match result {
            Err(failure) => self.outgoing.insert(row.offer, row.path, offer.share, Some(failure)),
            Ok(file) => {
                self.outgoing.insert(row.offer, row.path, offer.share, None);
                self.shares.add(offer.share, file.clone(), audience(&kind));
                let kept = offer.root.zip(row.tree.as_deref());
                let tree =
                    kept.and_then(|(root, bytes)| PieceTree::from_bytes(bytes, offer.size, &root).ok());
                match tree {
                    Some(tree) => self.shares.set_tree(&offer.share, &tree),
                    None => self.begin_hash(row.offer, file),
                }
            }
        }
    }
}

fn open(path: &Path) -> Result<Opened, Failure> {
    let file = Shares::open(path).map_err(|error| failure_of(&error))?;
    let tree = if file.size() <= HASH_FIRST {
        let hashed = file.hash(&mut |_| ControlFlow::Continue(()));
        Some(hashed.map_err(|error| {
            Failure::new(FailureKind::Io, format!("{} cannot be read: {error}.", path.display()))
        })?)
    } else {
        None
    };
    Ok(Opened { file, tree })
}

fn failure_of(error: &ShareError) -> Failure {
    let kind = match error {
        ShareError::Missing(_) => FailureKind::NotFound,
        ShareError::NotRegular(_) => FailureKind::Invalid,
        ShareError::Changed(_) => FailureKind::SourceChanged,
        ShareError::Io { .. } => FailureKind::Io,
    };
    Failure::new(kind, format!("{error}."))
}

fn internal() -> Failure {
    Failure::new(FailureKind::Internal, "Reading the file stopped unexpectedly. Try again.")
}

/// Whom an offer in a conversation is for.
fn audience(kind: &ConversationKind) -> Audience {
    match kind {
        ConversationKind::Lobby => Audience::Everyone,
        ConversationKind::Direct { users } => Audience::Users(users.to_vec()),
    }
}

fn modified(file: &SharedFile) -> Option<Timestamp> {
    let version = file.version();
    let seconds = u64::try_from(version.modified_secs).ok()?;
    let millis = u64::try_from(version.modified_nanos / 1_000_000).ok()?;
    Some(Timestamp::from_millis(seconds * 1000 + millis))
}

fn random_share() -> Result<ShareId, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(ShareId::from_bytes(bytes))
}
