//! What a content must be: the list of hashes that belongs to its root.

use std::sync::Arc;

use bytes::Bytes;
use landline_protocol::Root;

use crate::manifest::Manifest;
use crate::share::Hashed;
use crate::tree::PieceTree;
use crate::values::Values;

/// What the content must be, proven by its root.
pub(super) struct Known {
    /// The root.
    pub(super) root: Root,
    /// As it is passed on: the tree of a file, the manifest of a folder.
    pub(super) bytes: Bytes,
    /// What it says.
    pub(super) proof: Proof,
}

/// Where the values of the pieces stand.
pub(super) enum Proof {
    /// In the tree of a file.
    File {
        /// As it was proven.
        tree: PieceTree,
        /// The same, by pieces.
        values: Values,
    },
    /// In the manifest of a folder.
    Folder(Arc<Manifest>),
}

impl Known {
    /// What a tree that agrees with its root says.
    pub(super) fn of_file(tree: PieceTree) -> Self {
        let (root, bytes, values) = (tree.root(), tree.to_bytes(), Values::of_file(&tree));
        Self { root, bytes, proof: Proof::File { tree, values } }
    }

    /// The value of each piece.
    pub(super) fn values(&self) -> &Values {
        match &self.proof {
            Proof::File { values, .. } => values,
            Proof::Folder(manifest) => &manifest.values,
        }
    }

    /// For passing it on when the download is over.
    pub(super) fn hashed(&self) -> Hashed {
        match &self.proof {
            Proof::File { tree, .. } => Hashed::File(tree.clone()),
            Proof::Folder(manifest) => Hashed::Folder { manifest: Arc::clone(manifest), root: self.root },
        }
    }
}
