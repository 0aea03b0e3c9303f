//! A file or a folder as it was when it was shared. Holds one handle of a directory and no file open,
//! so thousands of shares cost few descriptors.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landline_protocol::{FolderSummary, OfferedName};

use super::error::ShareError;
use super::folder::SharedFolder;
use super::hashed::Hashed;
use super::walk::modified;
use crate::beneath::{Directory, OpenError, What};
use crate::disk::FileVersion;
use crate::tree::{HashError, PieceTree};

/// Something to share, as it was when it was opened.
#[derive(Clone, Debug)]
pub enum Shared {
    /// One file.
    File(SharedFile),
    /// A folder with everything in it.
    Folder(SharedFolder),
}

/// One file: its name beneath an open directory, and its version.
#[derive(Clone, Debug)]
pub struct SharedFile {
    pub(super) directory: Arc<Directory>,
    name: OsString,
    pub(super) version: FileVersion,
}

/// What tells whether something is still what was shared. For keeping over a restart.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedVersion {
    /// Of a file.
    File(FileVersion),
    /// Of a folder: a digest over the path, number, size and time of every file in it, and its folders.
    Folder {
        /// In hexadecimal.
        digest: String,
        /// Bytes of all files.
        size: u64,
    },
}

impl Shared {
    /// Opens a file, or a folder with everything in it, as it is now. Of a folder only names and versions
    /// are read: symlinks and devices in it are left out, a name that is not UTF-8 is refused. Blocks.
    pub fn open(path: &Path) -> Result<Self, ShareError> {
        let missing = || ShareError::Missing(path.to_owned());
        let (parent, name) = split(path).ok_or_else(missing)?;
        let directory = Directory::open(&parent).map_err(|error| ShareError::at(path, error.into()))?;
        let found = directory.look(&name).map_err(|error| ShareError::at(path, error.into()))?;
        match found.ok_or_else(missing)?.what {
            What::File => SharedFile::open(directory, name, path).map(Self::File),
            What::Folder => SharedFolder::open(&directory, &name, path).map(Self::Folder),
            What::Other => Err(ShareError::NotRegular(path.to_owned())),
        }
    }

    /// What it is called, as an offer says it.
    pub fn name(&self) -> OfferedName {
        match self {
            Self::File(file) => OfferedName::new(file.name.to_string_lossy()),
            Self::Folder(folder) => folder.name(),
        }
    }

    /// Bytes; of a folder, of all files in it.
    pub fn size(&self) -> u64 {
        match self {
            Self::File(file) => file.version.size,
            Self::Folder(folder) => folder.layout().size(),
        }
    }

    /// How much is in it; `None` for a file.
    pub fn summary(&self) -> Option<FolderSummary> {
        match self {
            Self::File(_) => None,
            Self::Folder(folder) => Some(folder.summary()),
        }
    }

    /// Symlinks, devices and the like in a folder, which are not shared.
    pub fn left_out(&self) -> u64 {
        match self {
            Self::File(_) => 0,
            Self::Folder(folder) => folder.left_out(),
        }
    }

    /// What tells whether it is still the same.
    pub fn version(&self) -> SharedVersion {
        match self {
            Self::File(file) => SharedVersion::File(file.version),
            Self::Folder(folder) => folder.version(),
        }
    }

    /// When it last changed: seconds since 1970, and the nanoseconds of that second.
    pub fn modified(&self) -> Option<(i64, u32)> {
        match self {
            Self::File(file) => Some(modified(&file.version)),
            Self::Folder(folder) => Some(folder.modified()),
        }
    }

    /// Hashes it, telling `progress` the bytes done; `Break` stops. Blocks for as long as reading
    /// everything takes.
    pub fn hash(&self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<Hashed, HashError> {
        match self {
            Self::File(file) => file.hash(progress).map(Hashed::File),
            Self::Folder(folder) => folder.hash(progress),
        }
    }

    /// What of this belongs to a content: a file, or of a folder what its manifest lists, under the names
    /// that a receiver gives it. `None` when something is missing or has another size.
    pub fn part_in(&self, hashed: &Hashed) -> Option<Self> {
        match (self, hashed) {
            (Self::File(file), Hashed::File(tree)) if file.version.size == tree.size() => Some(self.clone()),
            (Self::Folder(folder), Hashed::Folder { manifest, .. }) => {
                folder.only(manifest).map(Self::Folder)
            }
            _ => None,
        }
    }

    /// Whether every piece of it is that of a content. Of a folder, names and times are not looked at.
    /// Blocks, as [`hash`](Self::hash).
    pub fn is_content(
        &self,
        hashed: &Hashed,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<bool, HashError> {
        match (self.hash(progress)?, hashed) {
            (Hashed::File(found), Hashed::File(tree)) => Ok(found.root() == tree.root()),
            (Hashed::Folder { manifest: found, .. }, Hashed::Folder { manifest, .. }) => {
                Ok(found.values.all() == manifest.values.all())
            }
            _ => Ok(false),
        }
    }
}

impl SharedFile {
    fn open(directory: Directory, name: OsString, path: &Path) -> Result<Self, ShareError> {
        let file = directory.open_file(&name).map_err(|error| ShareError::at(path, error))?;
        let version = FileVersion::of(&file).map_err(|error| ShareError::at(path, error.into()))?;
        Ok(Self { directory: Arc::new(directory), name, version })
    }

    fn hash(&self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<PieceTree, HashError> {
        let file = self.reopen().map_err(|_| HashError::Changed)?;
        let tree = PieceTree::hash_file(&file, self.version.size, progress)?;
        if FileVersion::of(&file)? == self.version { Ok(tree) } else { Err(HashError::Changed) }
    }

    /// The same file, unchanged, opened anew beneath its directory.
    pub(crate) fn reopen(&self) -> Result<File, ShareError> {
        let open = || {
            let file = self.directory.open_file(&self.name)?;
            let version = FileVersion::of(&file)?;
            Ok((file, version))
        };
        unchanged(open(), &self.version, || self.path())
    }

    /// Where it is, for messages.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    pub(crate) fn version(&self) -> &FileVersion {
        &self.version
    }
}

impl SharedVersion {
    /// Whether this is the same, unchanged, after a restart.
    pub fn same_after_restart(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one.same_after_restart(other),
            (one, other) => one == other,
        }
    }
}

/// A file just opened and looked at, if it is of this version.
pub(super) fn unchanged(
    opened: Result<(File, FileVersion), OpenError>,
    version: &FileVersion,
    path: impl Fn() -> PathBuf,
) -> Result<File, ShareError> {
    match opened {
        Ok((file, now)) if now == *version => Ok(file),
        // Something is there, which is not what was shared.
        Ok(_) | Err(OpenError::NotRegular) => Err(ShareError::Changed(path())),
        Err(error) => Err(ShareError::at(&path(), error)),
    }
}

/// The folder that something is in, and its name there. A path that ends in `.` or `..` names a folder
/// whose name must be found out.
fn split(path: &Path) -> Option<(PathBuf, OsString)> {
    let own = |path: &Path| {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        path.file_name().map(|name: &OsStr| (parent.to_owned(), name.to_owned()))
    };
    let ends_in_name =
        path.components().next_back().is_some_and(|c| c.as_os_str() == path.file_name().unwrap_or_default());
    if ends_in_name { own(path) } else { own(&path.canonicalize().ok()?) }
}
