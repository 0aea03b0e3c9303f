//! What hashing a share gave: what its offer promises, and what receivers check pieces against.

use std::io::{self, Read, Write};
use std::sync::Arc;

use landline_protocol::Root;

use crate::manifest::{Manifest, ManifestError};
use crate::tree::{PieceTree, encoded_len};

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
        match self {
            Self::File(tree) => tree.root(),
            Self::Folder { root, .. } => *root,
        }
    }

    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        match self {
            Self::File(tree) => tree.size(),
            Self::Folder { manifest, .. } => manifest.layout().size(),
        }
    }

    /// Writes it so that [`read`](Self::read) can read it: the tree, or the manifest.
    pub fn write(&self, mut to: impl Write) -> Result<(), ManifestError> {
        match self {
            Self::File(tree) => Ok(to.write_all(&tree.to_bytes())?),
            Self::Folder { manifest, .. } => manifest.write(to).map(|_| ()),
        }
    }

    /// Reads what [`write`](Self::write) wrote, or what came over the network, of a content of this
    /// size and root; [`ManifestError::Damaged`] when it is not that.
    pub fn read(kind: Kind, from: impl Read, size: u64, root: &Root) -> Result<Self, ManifestError> {
        match kind {
            Kind::File => read_tree(from, size, root),
            Kind::Folder => read_manifest(from, size, root),
        }
    }
}

fn read_tree(from: impl Read, size: u64, root: &Root) -> Result<Hashed, ManifestError> {
    let mut bytes = Vec::new();
    from.take(encoded_len(size).saturating_add(1)).read_to_end(&mut bytes)?;
    let tree = PieceTree::from_bytes(&bytes, size, root);
    tree.map(Hashed::File).map_err(|_| ManifestError::Damaged("the hashes are not those of the file"))
}

fn read_manifest(from: impl Read, size: u64, root: &Root) -> Result<Hashed, ManifestError> {
    let mut hashing = Hashing { from, hasher: blake3::Hasher::new() };
    let manifest = Manifest::read(&mut hashing)?;
    if hashing.hasher.finalize().as_bytes() != root.as_bytes() || manifest.layout().size() != size {
        return Err(ManifestError::Damaged("it is not the one that was offered"));
    }
    Ok(Hashed::Folder { manifest: Arc::new(manifest), root: *root })
}

/// Hashes what is read through it.
struct Hashing<R> {
    from: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.from.read(buffer)?;
        self.hasher.update(&buffer[..got]);
        Ok(got)
    }
}
