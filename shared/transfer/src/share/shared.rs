//! A file or a folder as it was when it was shared. Holds one handle of a directory and no file open.

use std::ffi::OsString;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use landline_protocol::{FolderSummary, OfferedName};

use super::error::ShareError;
use super::hashed::Hashed;
use crate::beneath::Directory;
use crate::disk::FileVersion;
use crate::tree::HashError;

/// Something to share, as it was when it was opened.
#[derive(Clone, Debug)]
pub enum Shared {
    /// One file.
    File(SharedFile),
    /// A folder with everything in it.
    Folder(SharedFolder),
}

/// One file.
#[derive(Clone, Debug)]
pub struct SharedFile {
    directory: Arc<Directory>,
    name: OsString,
    version: FileVersion,
}

/// A folder, walked.
#[derive(Clone, Debug)]
pub struct SharedFolder {}

/// What tells whether something is still what was shared. For keeping over a restart.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedVersion {
    /// Of a file.
    File(FileVersion),
    /// Of a folder: a digest over the path, number, size and time of everything in it.
    Folder {
        /// In hexadecimal.
        digest: String,
        /// Bytes of all files.
        size: u64,
    },
}

impl Shared {
    /// Opens a file or folder.
    pub fn open(_path: &Path) -> Result<Self, ShareError> {
        todo!()
    }

    /// What it is called, as an offer says it.
    pub fn name(&self) -> OfferedName {
        todo!()
    }

    /// Bytes; of a folder, of all files in it.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// How much is in it; `None` for a file.
    pub fn summary(&self) -> Option<FolderSummary> {
        todo!()
    }

    /// Symlinks, devices and the like in a folder, which are not shared.
    pub fn left_out(&self) -> u64 {
        todo!()
    }

    /// What tells whether it is still the same.
    pub fn version(&self) -> SharedVersion {
        todo!()
    }

    /// When it last changed: seconds since 1970, and the nanoseconds of that second.
    pub fn modified(&self) -> Option<(i64, u32)> {
        todo!()
    }

    /// Hashes it, telling `progress` the bytes done; `Break` stops. Blocks for as long as reading
    /// everything takes.
    pub fn hash(&self, _progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<Hashed, HashError> {
        todo!()
    }
}

impl SharedFile {
    /// The same file, unchanged, opened anew beneath its directory.
    pub(crate) fn reopen(&self) -> Result<File, ShareError> {
        todo!()
    }
}
