//! A folder as it was when it was shared: a handle of it, and the versions of all its files.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use landline_protocol::{FileName, FolderSummary, OfferedName};

use super::error::ShareError;
use super::hashed::Hashed;
use super::shared::{SharedVersion, unchanged};
use super::walk::{FolderFile, Walked, modified, walk};
use crate::beneath::Directory;
use crate::disk::FileVersion;
use crate::layout::Layout;
use crate::manifest::{EntryPath, FileEntry, FolderEntry, Manifest, ManifestError};
use crate::tree::{ChainingValue, HashError, hash_pieces};
use crate::values::Values;

/// A folder, walked. Clones share what was found.
#[derive(Clone, Debug)]
pub struct SharedFolder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: Arc<Directory>,
    name: OsString,
    modified: (i64, u32),
    files: Vec<FolderFile>,
    folders: Vec<FolderEntry>,
    left_out: u64,
    layout: Arc<Layout>,
    /// Over everything that was found.
    digest: String,
}

impl SharedFolder {
    pub(super) fn open(parent: &Directory, name: &OsStr, path: &Path) -> Result<Self, ShareError> {
        let text = name.to_str().ok_or_else(|| ShareError::NotUtf8(path.to_owned()))?;
        let root = parent.folder(text).map_err(|error| ShareError::at(path, error))?;
        let found = parent.look(name).map_err(|error| ShareError::at(path, error.into()))?;
        let modified = found.map_or((0, 0), |found| modified(&found.version));
        let walked = walk(&root)?;
        Ok(Self(Arc::new(Inner::of(Arc::new(root), name.to_owned(), modified, walked))))
    }

    pub(super) fn name(&self) -> OfferedName {
        OfferedName::new(self.0.name.to_string_lossy())
    }

    pub(crate) fn layout(&self) -> &Arc<Layout> {
        &self.0.layout
    }

    pub(super) fn summary(&self) -> FolderSummary {
        FolderSummary { files: self.0.files.len() as u64, folders: self.0.folders.len() as u64 }
    }

    pub(super) fn left_out(&self) -> u64 {
        self.0.left_out
    }

    pub(super) fn modified(&self) -> (i64, u32) {
        self.0.modified
    }

    pub(super) fn version(&self) -> SharedVersion {
        SharedVersion::Folder { digest: self.0.digest.clone(), size: self.0.layout.size() }
    }

    /// The opaque version that an entity tag carries.
    pub(crate) fn opaque(&self) -> &str {
        &self.0.digest
    }

    /// The version of the file with this number.
    pub(crate) fn version_of(&self, index: usize) -> Result<&FileVersion, ShareError> {
        self.file(index).map(|file| &file.version)
    }

    /// The file with this number, if it is what it was.
    pub(crate) fn reopen(&self, index: usize) -> Result<File, ShareError> {
        let file = self.file(index)?;
        unchanged(self.0.root.open_path(&file.path), &file.version, || self.path(index))
    }

    fn file(&self, index: usize) -> Result<&FolderFile, ShareError> {
        self.0.files.get(index).ok_or_else(|| ShareError::Missing(self.0.root.path().to_owned()))
    }

    /// Where a file is, for messages.
    pub(crate) fn path(&self, index: usize) -> PathBuf {
        let name = self.0.files.get(index).map_or("", |file| file.path.as_str());
        self.0.root.path().join(name)
    }

    /// Those files that a manifest lists, in its order, under the names that a receiver gives them;
    /// `None` when one is not there or of another size. What else is in the folder is none of its business.
    pub(super) fn only(&self, manifest: &Manifest) -> Option<Self> {
        let files = manifest.files.iter().map(|listed| {
            let path = received_as(&listed.path)?;
            let place = self.0.files.binary_search_by(|file| file.path.cmp(&path)).ok()?;
            Some(&self.0.files[place]).filter(|file| file.version.size == listed.size).cloned()
        });
        let files = files.collect::<Option<_>>()?;
        let Inner { root, name, modified, .. } = &*self.0;
        let walked = Walked { files, folders: manifest.folders.clone(), left_out: 0 };
        Some(Self(Arc::new(Inner::of(Arc::clone(root), name.clone(), *modified, walked))))
    }

    /// Whether these are the files of a manifest, in its order, with the times that it gives them.
    pub(crate) fn has_times_of(&self, manifest: &Manifest) -> bool {
        let listed = manifest.files.iter().map(|file| (file.size, file.modified));
        self.0.files.iter().map(|file| (file.version.size, modified(&file.version))).eq(listed)
    }

    /// Whether a manifest lists exactly the files that were found.
    pub(super) fn is_listed_by(&self, manifest: &Manifest) -> bool {
        let files = self.0.files.iter().map(|file| (&file.path, file.version.size));
        manifest.files.iter().map(|file| (&file.path, file.size)).eq(files)
    }

    pub(super) fn hash(&self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<Hashed, HashError> {
        let (mut values, mut buffer, mut done) = (Vec::new(), Vec::new(), 0);
        for (index, file) in self.0.files.iter().enumerate() {
            let mut tell = |bytes| progress(done + bytes);
            match self.hash_file(index, &mut buffer, &mut values, &mut tell) {
                Err(HashError::Stopped) => return Err(HashError::Stopped),
                Err(why) => return Err(HashError::At { path: self.path(index), why: Box::new(why) }),
                Ok(()) => done += file.version.size,
            }
        }
        self.manifest(values)
    }

    fn hash_file(
        &self,
        index: usize,
        buffer: &mut Vec<u8>,
        values: &mut Vec<ChainingValue>,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), HashError> {
        let version = &self.0.files[index].version;
        let file = self.reopen(index).map_err(|error| match error {
            ShareError::Io { source, .. } => HashError::Io(source),
            _ => HashError::Changed,
        })?;
        hash_pieces(&file, version.size, buffer, values, progress)?;
        if FileVersion::of(&file)? == *version { Ok(()) } else { Err(HashError::Changed) }
    }

    fn manifest(&self, values: Vec<ChainingValue>) -> Result<Hashed, HashError> {
        let entry = |file: &FolderFile| FileEntry {
            path: file.path.clone(),
            size: file.version.size,
            modified: modified(&file.version),
            executable: file.executable,
        };
        let values = Values::of_folder(Arc::clone(&self.0.layout), values).ok_or(HashError::Changed)?;
        let files = self.0.files.iter().map(entry).collect();
        let manifest = Manifest { files, folders: self.0.folders.clone(), values };
        match manifest.write(std::io::sink()) {
            Ok(root) => Ok(Hashed::Folder { manifest: Arc::new(manifest), root }),
            Err(ManifestError::Io(error)) => Err(HashError::Io(error)),
            Err(ManifestError::Damaged(_)) => Err(HashError::Changed),
        }
    }
}

impl Inner {
    fn of(root: Arc<Directory>, name: OsString, modified: (i64, u32), walked: Walked) -> Self {
        let Walked { files, folders, left_out, .. } = walked;
        let layout = Arc::new(Layout::of(files.iter().map(|file| file.version.size)));
        let digest = digest(&files, &folders);
        Self { root, name, modified, files, folders, left_out, layout, digest }
    }
}

/// The path with every name in its safe spelling, as a receiver writes it.
fn received_as(path: &EntryPath) -> Option<EntryPath> {
    let names: Vec<_> = path.components().map(|name| OfferedName::new(name).to_file_name().0).collect();
    EntryPath::parse(&names.iter().map(FileName::as_str).collect::<Vec<_>>().join("/"))
}

/// Tells one state of a folder from another. Not the times of folders, which change when something
/// unshared comes and goes; nor device numbers, which a restart may change.
fn digest(files: &[FolderFile], folders: &[FolderEntry]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("landline 2026 folder version");
    let mut line = Vec::new();
    for folder in folders {
        line.clear();
        line.extend_from_slice(folder.path.as_str().as_bytes());
        line.push(0);
        hasher.update(&line);
    }
    hasher.update(&[0]);
    for file in files {
        let FileVersion { inode, size, modified_secs, modified_nanos, .. } = file.version;
        line.clear();
        line.extend_from_slice(file.path.as_str().as_bytes());
        line.extend_from_slice(&[0, u8::from(file.executable)]);
        for number in [inode, size, modified_secs.cast_unsigned(), modified_nanos.cast_unsigned()] {
            line.extend_from_slice(&number.to_le_bytes());
        }
        hasher.update(&line);
    }
    HEXLOWER.encode(&hasher.finalize().as_bytes()[..16])
}
