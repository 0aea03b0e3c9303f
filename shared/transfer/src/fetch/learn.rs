//! Learning from a source what the pieces must hash to, and what it has. Nothing of it is believed
//! before it agrees with the root.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use data_encoding::BASE64;
use landline_protocol::limits::{MANIFEST_BYTES, PIECE_BYTES};
use landline_protocol::peer_routes::Resource;
use landline_protocol::{FolderSummary, Have, Root};

use super::content::Content;
use super::known::{Known, Proof};
use super::trouble::Trouble;
use super::wire::Wire;
use super::worker::Worker;
use super::{FetchError, Kind};
use crate::limit::{LEAST_RATE, Throttle};
use crate::manifest::{Manifest, PATH_BYTES};
use crate::plan::Has;
use crate::tree::{PieceTree, VALUE_BYTES, encoded_len};

/// How much of a manifest is asked for at once.
const MANIFEST_PART: u64 = 4 * 1024 * 1024;
/// What an entry takes of a manifest beside its values, at most: its path and six numbers.
const ENTRY_BYTES: u64 = PATH_BYTES as u64 + 64;
/// JSON around two maps.
const HAVE_BYTES: u64 = 1024;

impl Worker {
    /// Asks what belongs to the root and tells everyone.
    pub(super) async fn learn(&mut self) -> Result<(), Trouble> {
        let Some(root) = self.download.lease() else {
            return Ok(());
        };
        let learned = match self.download.job.kind {
            Kind::File => self.tree(&root).await,
            Kind::Folder => self.manifest(root).await,
        };
        match learned {
            Ok(known) => {
                self.download.learned.send_replace(Some(Arc::new(known)));
                self.succeeded(0);
                Ok(())
            }
            Err(trouble) => {
                self.download.give_up_lease();
                Err(trouble)
            }
        }
    }

    async fn tree(&mut self, root: &Root) -> Result<Known, Trouble> {
        let size = self.download.job.size;
        let bytes = self.wire()?.whole(Resource::Tree, encoded_len(size)).await?;
        self.peer.throttle.take(bytes.len()).await;
        let tree = PieceTree::from_bytes(&bytes, size, root)
            .map_err(|_| Trouble::Lied("sent hashes that do not belong to what was offered"))?;
        Ok(Known::of_file(tree))
    }

    async fn manifest(&mut self, root: Root) -> Result<Known, Trouble> {
        let (size, summary) = (self.download.job.size, self.download.job.summary);
        let peer = Arc::clone(&self.peer);
        let bytes = manifest_bytes(self.wire()?, size, summary, Some(&peer.throttle)).await?;
        let read = tokio::task::spawn_blocking(move || believe(bytes, root, size, summary)).await;
        read.map_err(Trouble::broken)?
    }

    /// Asks which pieces it has, and which others get from it.
    pub(super) async fn ask_have(&mut self, content: &Arc<Content>) -> Result<(), Trouble> {
        let pieces = content.layout().pieces() as u64;
        let have = self.wire()?.have(HAVE_BYTES + 2 * pieces.div_ceil(6).next_multiple_of(4)).await?;
        let (has, given) = read_have(&have)?;
        content.has(self.peer.id, has.clone(), given.as_deref());
        self.peer.joined.store(true, Ordering::Relaxed);
        self.peer.told(has);
        Ok(())
    }
}

fn read_have(have: &Have) -> Result<(Has, Option<Vec<u8>>), Trouble> {
    let map = |text: &String| {
        let decoded = BASE64.decode(text.as_bytes());
        decoded.map_err(|_| Trouble::Lied("told what it has in words nobody understands"))
    };
    let given = have.given.as_ref().map(map).transpose()?;
    let has = match &have.map {
        _ if have.complete => Has::All,
        Some(text) => Has::Map(map(text)?),
        None => Has::Map(Vec::new()),
    };
    Ok((has, given))
}

/// A manifest, whole; nothing is known of it yet but that it is not too long. A limit makes pauses between
/// its parts.
pub(super) async fn manifest_bytes(
    wire: &mut Wire,
    size: u64,
    summary: Option<FolderSummary>,
    throttle: Option<&Throttle>,
) -> Result<Vec<u8>, Trouble> {
    let most = longest_manifest(size, summary);
    let (mut all, mut total) = (Vec::new(), None);
    while total.is_none_or(|total| (all.len() as u64) < total) {
        let before = all.len();
        let said = wire.more(Resource::Manifest, &mut all, part_len(throttle).min(most)).await?;
        if let Some(throttle) = throttle {
            throttle.take(all.len() - before).await;
        }
        if said > most || total.is_some_and(|total| total != said) {
            return Err(Trouble::Lied("sent a list of files that has no end"));
        }
        total = Some(said);
    }
    Ok(all)
}

/// How much of a manifest to ask for: no more than is let through before the other side takes the line for
/// idle.
fn part_len(throttle: Option<&Throttle>) -> u64 {
    let rate = throttle.and_then(Throttle::rate);
    rate.map_or(MANIFEST_PART, |rate| rate.clamp(LEAST_RATE, MANIFEST_PART))
}

/// The longest manifest that the offer leaves room for, so that nobody can make this machine hold a
/// long one for a small folder: whoever sends it need not be the author.
fn longest_manifest(size: u64, summary: Option<FolderSummary>) -> u64 {
    let Some(FolderSummary { files, folders }) = summary else {
        return MANIFEST_BYTES;
    };
    let pieces = (size / PIECE_BYTES).saturating_add(files);
    let entries = files.saturating_add(folders).saturating_add(1).saturating_mul(ENTRY_BYTES);
    pieces.saturating_mul(VALUE_BYTES as u64).saturating_add(entries).min(MANIFEST_BYTES)
}

/// Reads a manifest once it is known to be the one that was offered.
pub(super) fn believe(
    bytes: Vec<u8>,
    root: Root,
    size: u64,
    summary: Option<FolderSummary>,
) -> Result<Known, Trouble> {
    if blake3::hash(&bytes).as_bytes() != root.as_bytes() {
        return Err(Trouble::Lied("sent another list of files than was offered"));
    }
    // From here on it is its author's doing, whoever it came from.
    let manifest = Manifest::read(&bytes[..]).map_err(|error| {
        tracing::warn!(%error, "the offered list of files is damaged");
        Trouble::Local(FetchError::Corrupt)
    })?;
    let agrees =
        manifest.layout().size() == size && summary.is_none_or(|summary| summary == manifest.summary());
    if !agrees {
        return Err(Trouble::Local(FetchError::Corrupt));
    }
    Ok(Known { root, bytes: bytes.into(), proof: Proof::Folder(Arc::new(manifest)) })
}
