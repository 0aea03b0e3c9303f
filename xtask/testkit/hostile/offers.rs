//! What is offered in a run: files of the sizes at which something begins or ends, folders, names that
//! are hard to write; and whether what arrived is that.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use landline_protocol::{
    ConversationId, DeviceId, FolderSummary, MessageId, OfferRef, Root, ShareId, Timestamp,
};
use landline_transfer::{Audience, Hashed, Kind, Manifest, Shares};

use super::manifests;
use crate::content::{self, Extent};
use crate::random::Random;

const MIB: u64 = 1 << 20;
/// Of single files.
const SIZES: [u64; 11] =
    [0, 1, 5_000, 300_000, MIB - 1, MIB, MIB + 1, 2 * MIB + 700_000, 3 * MIB, 5 * MIB + 3, 6 * MIB];
/// Names that have to be respelled, or look like what they are not.
const NASTY: [&str; 16] = [
    "..evil",
    "a\\b",
    "CON",
    "nul.txt",
    "trailing.",
    "trailing ",
    "\u{202e}txt.exe",
    "tab\there",
    "new\nline",
    ".landline-evil",
    "~",
    "-rf",
    "A",
    "a",
    "e\u{301}",
    "\u{e9}",
];

/// Something offered.
#[derive(Clone)]
pub(super) struct Offered {
    pub(super) what: String,
    pub(super) offer: OfferRef,
    pub(super) share: ShareId,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) summary: Option<FolderSummary>,
    pub(super) root: Root,
    /// Served instead of the true one.
    pub(super) manifest: Option<Arc<[u8]>>,
    /// Whether others than its author serve it.
    pub(super) is_held: bool,
    hashed: Hashed,
    path: PathBuf,
    /// Whether names arrive as they were sent.
    is_plain: bool,
}

/// Makes all of it in a folder, and has everybody serve it.
pub(super) fn make(folder: &Path, seed: u64, all: &[Shares]) -> Result<Vec<Offered>> {
    let mut random = Random::of_part(seed, 0);
    let mut offers = Vec::new();
    for (number, size) in SIZES.into_iter().enumerate() {
        let path = folder.join(format!("file {number}"));
        content::write_file(&path, size, number % 3 == 2, &mut random)?;
        offers.push(Offered::open(path, offers.len(), true)?);
    }
    for (number, size) in [200_000, 2_500_000, 4_000_000].into_iter().enumerate() {
        let path = folder.join(format!("folder {number}"));
        content::write_folder(&path, size, &mut random)?;
        offers.push(Offered::open(path, offers.len(), true)?);
    }
    let empty = folder.join("empty");
    fs::create_dir(&empty)?;
    offers.push(Offered::open(empty, offers.len(), true)?);
    offers.push(Offered::open(nasty(folder)?, offers.len(), false)?);
    for shares in all {
        for offer in &mut offers {
            offer.serve(shares)?;
        }
    }
    Ok(offers)
}

fn nasty(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("nasty");
    fs::create_dir(&path)?;
    for (number, name) in NASTY.iter().enumerate() {
        // All different, so that it can be told which is which whatever they are called.
        fs::write(path.join(name), vec![7; number * 700])?;
    }
    Ok(path)
}

impl Offered {
    fn open(path: PathBuf, number: usize, is_plain: bool) -> Result<Self> {
        let shared = Shares::open(&path)?;
        let hashed = shared.hash(&mut |_| ControlFlow::Continue(()))?;
        let id = u8::try_from(number)?;
        let offer = OfferRef {
            conversation: ConversationId::from_bytes([1; 32]),
            device: DeviceId::from_bytes([2; 32]),
            id: MessageId::new(Timestamp::from_millis(1), [id; 10]),
        };
        Ok(Self {
            what: path.file_name().context("no name")?.to_string_lossy().into_owned(),
            offer,
            share: ShareId::from_bytes([id; 16]),
            kind: if shared.summary().is_some() { Kind::Folder } else { Kind::File },
            size: shared.size(),
            summary: shared.summary(),
            root: hashed.root(),
            manifest: None,
            hashed,
            path,
            is_plain,
            is_held: false,
        })
    }

    /// From its author, and from somebody who holds all of it, if that can be under these names.
    fn serve(&mut self, shares: &Shares) -> Result<()> {
        shares.add(self.share, Shares::open(&self.path)?, Audience::Everyone);
        shares.set_hashed(&self.share, &self.hashed);
        self.is_held = shares.hold_complete(self.offer, &Shares::open(&self.path)?, self.hashed.clone());
        Ok(())
    }

    /// What is in a file.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        fs::read(&self.path).with_context(|| self.what.clone())
    }

    /// A folder like this one, of which the author says something vile.
    pub(super) fn vile(&self, random: &mut Random) -> Option<Self> {
        let Hashed::Folder { manifest, .. } = &self.hashed else { return None };
        if manifest.files.is_empty() {
            return None;
        }
        let (what, bytes) = manifests::hostile(manifest, random);
        let root = Root::from_bytes(*blake3::hash(&bytes).as_bytes());
        // Where it can be read at all, the offer agrees with it.
        let (size, summary) = match Manifest::read(&bytes[..]) {
            Ok(read) => (read.layout().size(), Some(read.summary())),
            Err(_) => (self.size, self.summary),
        };
        Some(Self {
            what: format!("{}: {what}", self.what),
            root,
            size,
            summary: if random.percent(50) { summary } else { None },
            manifest: Some(bytes.into()),
            is_plain: false,
            ..self.clone()
        })
    }

    /// What differs between what was offered and what has its name.
    pub(super) fn compare(&self, arrived: &Path) -> Vec<String> {
        let compared = if self.is_plain {
            content::compare(&self.path, arrived, Extent::All).map(|(_, differences)| differences)
        } else {
            contents(&self.path).and_then(|sent| {
                let arrived = contents(arrived)?;
                let sizes = |of: &BTreeMap<Vec<u8>, u32>| of.keys().map(Vec::len).collect::<Vec<_>>();
                let what = || format!("the files differ: {:?}, {:?}", sizes(&sent), sizes(&arrived));
                Ok(if sent == arrived { Vec::new() } else { vec![what()] })
            })
        };
        compared.unwrap_or_else(|error| vec![format!("cannot be compared: {error:#}")])
    }
}

/// The contents beneath a folder, whatever their names, and how often each is there.
fn contents(folder: &Path) -> Result<BTreeMap<Vec<u8>, u32>> {
    let (mut found, mut todo) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.symlink_metadata()?.is_dir() {
                todo.push(path);
            } else {
                *found.entry(fs::read(&path)?).or_default() += 1;
            }
        }
    }
    Ok(found)
}
