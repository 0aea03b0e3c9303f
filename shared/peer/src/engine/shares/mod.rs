//! What this machine offers: opened and offered at once, hashed behind the offer, served until the
//! offer is withdrawn.

mod log;
mod offering;
mod sealing;
mod tasks;
mod view;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use landline_protocol::{MessageId, ShareId};
use landline_transfer::Shares;
use tokio::sync::Semaphore;

use crate::api::Failure;
use crate::rate::RateMeter;
pub(super) use log::SHOWN;
pub(super) use tasks::ShareReport;
pub(super) use view::Uploads;

/// How many contents are hashed at once, each with all processors: more would only take turns.
const HASHING: usize = 2;

/// How long a transfer may be silent and still count as under way.
const LULL: Duration = Duration::from_secs(1);

/// What this machine serves, by offer.
pub(super) struct Outgoing {
    entries: HashMap<MessageId, Entry>,
    /// Whether anyone was fetching when the last snapshot was made.
    pub(super) uploading: bool,
    /// Where manifests of folders are kept.
    manifests: PathBuf,
    turns: Arc<Semaphore>,
}

/// One of them.
struct Entry {
    path: PathBuf,
    share: ShareId,
    /// Why it cannot be served, if so.
    failure: Option<Failure>,
    hashing: Option<Hashing>,
    meter: RateMeter,
    /// By folded name.
    meters: HashMap<String, RateMeter>,
    last_active: Option<Instant>,
}

/// Hashing under way: how far it is, and how to stop it.
#[derive(Clone, Default)]
struct Hashing(Arc<HashingInner>);

#[derive(Default)]
struct HashingInner {
    done: AtomicU64,
    stop: AtomicBool,
}

impl Outgoing {
    /// Nothing yet; manifests go into a folder of the profile.
    pub(super) fn new(profile: &Path) -> Self {
        let turns = Arc::new(Semaphore::new(HASHING));
        let manifests = profile.join("manifests");
        Self { entries: HashMap::new(), uploading: false, manifests, turns }
    }

    /// Serves nothing any more, as when signing out.
    pub(super) fn withdraw_all(&self, shares: &Shares) {
        self.entries.values().for_each(|entry| entry.stop(shares));
        shares.await_nothing();
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Whether anything shown changes by itself.
    pub(super) fn is_moving(&self) -> bool {
        self.uploading || self.entries.values().any(|entry| entry.hashing.is_some())
    }

    fn insert(&mut self, offer: MessageId, path: PathBuf, share: ShareId, failure: Option<Failure>) {
        let entry = Entry {
            path,
            share,
            failure,
            hashing: None,
            meter: RateMeter::default(),
            meters: HashMap::new(),
            last_active: None,
        };
        self.entries.insert(offer, entry);
    }

    /// The offer under which this is shared.
    fn offer_of(&self, share: &ShareId) -> Option<MessageId> {
        self.entries.iter().find(|(_, entry)| entry.share == *share).map(|(offer, _)| *offer)
    }

    /// Where the manifest of an offered folder is kept.
    pub(super) fn manifest_of(&self, offer: &MessageId) -> PathBuf {
        self.manifests.join(offer.to_string())
    }
}

impl Entry {
    fn stop(&self, shares: &Shares) {
        if let Some(hashing) = &self.hashing {
            hashing.stop();
        }
        shares.remove(&self.share);
    }
}

impl Hashing {
    fn advance(&self, done: u64) -> std::ops::ControlFlow<()> {
        self.0.done.store(done, Ordering::Relaxed);
        if self.0.stop.load(Ordering::Relaxed) {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    }

    fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}
