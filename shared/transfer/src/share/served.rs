//! One thing that is served: what it is, who may have it, and what is known about it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use landline_protocol::peer_routes::Door;
use landline_protocol::{HeldKey, Root};

use super::audience::Folded;
use super::folder::SharedFolder;
use super::given::Given;
use super::hashed::Hashed;
use super::holding::Holding;
use super::reader::Reader;
use super::shared::{Shared, SharedFile};
use super::speeds::Verdict;
use crate::layout::Layout;
use crate::range::Slice;
use crate::upload::{Asker, Meters};

/// What is behind a door.
pub(crate) struct Served {
    pub(crate) door: Door,
    content: Content,
    pub(crate) layout: Arc<Layout>,
    who: Who,
    proof: OnceLock<Proof>,
    withdrawn: AtomicBool,
    /// Whether it was told that it is not what it was.
    spoiled: AtomicBool,
    pub(crate) past: Arc<Past>,
}

/// What there is to read.
#[derive(Clone)]
pub(crate) enum Content {
    File(SharedFile),
    Folder(SharedFolder),
    Held(Arc<dyn Holding>),
}

/// What happened at a door. Outlives a holding whose place another takes.
#[derive(Default)]
pub(crate) struct Past {
    pub(crate) meters: Meters,
    pub(crate) given: Arc<Given>,
    pub(crate) verdict: Verdict,
}

enum Who {
    Audience(Folded),
    /// Whoever has a pass for this offer.
    Pass(HeldKey),
}

/// What a receiver checks pieces against.
struct Proof {
    root: Root,
    is_folder: bool,
    bytes: Bytes,
}

/// A list that is asked for.
pub(crate) enum List {
    /// Here it is.
    Here(Bytes),
    /// It will be known later.
    NotYet,
    /// There never will be one.
    Nothing,
}

impl Served {
    pub(super) fn share(door: Door, shared: Shared, audience: Folded) -> Self {
        Self::new(door, shared.into(), Who::Audience(audience), Arc::default())
    }

    pub(super) fn held(key: HeldKey, content: Content, past: Arc<Past>) -> Self {
        Self::new(Door::Held(key), content, Who::Pass(key), past)
    }

    fn new(door: Door, content: Content, who: Who, past: Arc<Past>) -> Self {
        let layout = content.layout();
        let (proof, withdrawn, spoiled) = (OnceLock::new(), AtomicBool::new(false), AtomicBool::new(false));
        Self { door, content, layout, who, proof, withdrawn, spoiled, past }
    }

    /// Whether it is for this asker.
    pub(crate) fn admits(&self, asker: &Asker) -> bool {
        match &self.who {
            Who::Audience(audience) => audience.admits(&asker.user),
            #[cfg(feature = "plant")]
            Who::Pass(_) if crate::planted::has(crate::planted::Bug::Selfish) => false,
            Who::Pass(key) => asker.pass == Some(*key),
        }
    }

    /// Takes its hashes, if they are of this content.
    pub(super) fn prove(&self, hashed: &Hashed) -> bool {
        let fits = match (&self.content, hashed) {
            (Content::File(file), Hashed::File(tree)) => file.version().size == tree.size(),
            // What is held was chosen by its manifest, and may be spelled otherwise here.
            (Content::Folder(folder), Hashed::Folder { manifest, .. }) => {
                folder.is_listed_by(manifest)
                    || (matches!(self.who, Who::Pass(_)) && folder.layout() == manifest.layout())
            }
            _ => false,
        };
        let mut bytes = Vec::new();
        if !fits || hashed.write(&mut bytes).is_err() {
            return false;
        }
        let is_folder = matches!(hashed, Hashed::Folder { .. });
        let _ = self.proof.set(Proof { root: hashed.root(), is_folder, bytes: bytes.into() });
        true
    }

    /// No more of it is to be read.
    pub(super) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Relaxed)
    }

    /// Marks it as told about; whether it was before.
    pub(super) fn set_spoiled(&self, spoiled: bool) -> bool {
        self.spoiled.swap(spoiled, Ordering::Relaxed)
    }

    /// The entity tag: of a share its version, of what is passed on its root.
    pub(crate) fn tag(&self) -> Option<String> {
        let text = match (&self.content, self.door) {
            (Content::Held(holding), _) => hex(&holding.root()?),
            (_, Door::Held(_)) => hex(&self.proof.get()?.root),
            (Content::File(file), _) => file.version().opaque(),
            (Content::Folder(folder), _) => folder.opaque().to_owned(),
        };
        Some(format!("\"{text}\""))
    }

    /// The entity tag of one file.
    pub(crate) fn entry_tag(&self, index: usize) -> Option<String> {
        match &self.content {
            Content::Folder(folder) => Some(format!("\"{}\"", folder.version_of(index).ok()?.opaque())),
            _ => self.tag(),
        }
    }

    /// The values of a single file's pieces.
    pub(crate) fn tree(&self) -> List {
        match &self.content {
            Content::Folder(_) => List::Nothing,
            Content::File(_) => self.proven(),
            Content::Held(holding) if holding.manifest().is_some() => List::Nothing,
            Content::Held(holding) => holding.tree().map_or(List::NotYet, List::Here),
        }
    }

    /// What is in a folder.
    pub(crate) fn manifest(&self) -> List {
        match &self.content {
            Content::File(_) => List::Nothing,
            Content::Folder(_) => self.proven(),
            Content::Held(holding) => holding.manifest().map_or(List::Nothing, List::Here),
        }
    }

    /// The tag of the manifest: its root.
    pub(crate) fn manifest_tag(&self) -> Option<String> {
        let root = match &self.content {
            Content::Held(holding) => holding.root(),
            _ => self.proof.get().filter(|proof| proof.is_folder).map(|proof| proof.root),
        };
        root.map(|root| format!("\"{}\"", hex(&root)))
    }

    fn proven(&self) -> List {
        self.proof.get().map_or(List::NotYet, |proof| List::Here(proof.bytes.clone()))
    }

    /// One bit for each piece that can be read here; `None` when all can.
    pub(crate) fn map(&self) -> Option<Vec<u8>> {
        match &self.content {
            Content::Held(holding) => holding.map(),
            _ => None,
        }
    }

    /// Whether all of a slice can be read here.
    pub(crate) fn has(&self, slice: Slice) -> bool {
        match &self.content {
            Content::Held(holding) => holding.has(slice.start, slice.end),
            _ => true,
        }
    }

    /// Reads it from the beginning.
    pub(crate) fn reader(&self) -> Reader {
        Reader::new(self.content.clone(), Arc::clone(&self.layout))
    }
}

impl Content {
    fn layout(&self) -> Arc<Layout> {
        match self {
            Self::File(file) => Arc::new(Layout::single(file.version().size)),
            Self::Folder(folder) => Arc::clone(folder.layout()),
            Self::Held(holding) => Arc::clone(holding.layout()),
        }
    }
}

impl From<Shared> for Content {
    fn from(shared: Shared) -> Self {
        match shared {
            Shared::File(file) => Self::File(file),
            Shared::Folder(folder) => Self::Folder(folder),
        }
    }
}

fn hex(root: &Root) -> String {
    HEXLOWER.encode(root.as_bytes())
}
