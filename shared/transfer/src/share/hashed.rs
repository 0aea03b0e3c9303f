//! What hashing a share gave: what its offer promises, and what receivers check pieces against.

use std::io::{Read, Write};
use std::sync::Arc;

use landline_protocol::Root;

use crate::manifest::{Manifest, ManifestError};
use crate::tree::PieceTree;

/// A file or a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One file.
    File,
    /// A folder with a manifest.
    Folder,
}

/// The hashes of a content.
#[derive(Clone, Debug)]
pub enum Hashed {
    /// Of a single file.
    File(PieceTree),
    /// Of a folder.
    Folder {
        /// What is in it.
        manifest: Arc<Manifest>,
        /// BLAKE3 of the manifest.
        root: Root,
    },
}

impl Hashed {
    /// What the offer promises.
    pub fn root(&self) -> Root {
        todo!()
    }

    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// Writes it so that [`read`](Self::read) can read it: the tree, or the manifest.
    pub fn write(&self, _to: impl Write) -> Result<(), ManifestError> {
        todo!()
    }

    /// Reads what [`write`](Self::write) wrote, or what came over the network, of a content of this
    /// size and root; [`ManifestError::Damaged`] when it is not that.
    pub fn read(_kind: Kind, _from: impl Read, _size: u64, _root: &Root) -> Result<Self, ManifestError> {
        todo!()
    }
}
