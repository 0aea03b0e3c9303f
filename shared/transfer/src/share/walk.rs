//! What is in a folder, found beneath an open handle: files and folders with their versions. Nothing is
//! followed out of it.

use std::ffi::OsStr;
use std::path::PathBuf;

use landline_protocol::limits;

use super::error::ShareError;
use crate::beneath::{Directory, OpenError, What};
use crate::disk::FileVersion;
use crate::manifest::{EntryPath, FolderEntry};
use crate::store::PartName;
use crate::tree::encoded_len;

/// What one entry takes of a manifest beside its path and values, at most: numbers.
const ENTRY_BYTES: u64 = 48;

/// A file of a shared folder, as it was.
#[derive(Clone, Debug)]
pub(crate) struct FolderFile {
    pub(crate) path: EntryPath,
    pub(crate) version: FileVersion,
    pub(crate) executable: bool,
}

/// Everything found, in the order of a manifest.
pub(super) struct Walked {
    pub(super) files: Vec<FolderFile>,
    pub(super) folders: Vec<FolderEntry>,
    /// Symlinks, devices, pipes, downloads under way.
    pub(super) left_out: u64,
}

/// Looks at everything in it.
pub(super) fn walk(root: &Directory) -> Result<Walked, ShareError> {
    let mut walk = Walk::default();
    walk.visit(root, "")?;
    let Walk { mut files, mut folders, left_out, .. } = walk;
    files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    folders.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(Walked { files, folders, left_out })
}

/// What was found so far.
#[derive(Default)]
struct Walk {
    files: Vec<FolderFile>,
    folders: Vec<FolderEntry>,
    left_out: u64,
    /// About how large the manifest will be.
    manifest_bytes: u64,
}

impl Walk {
    fn visit(&mut self, directory: &Directory, prefix: &str) -> Result<(), ShareError> {
        let failed = |source| ShareError::Io { path: directory.path().to_owned(), source };
        for name in directory.names().map_err(failed)? {
            if name != "." && name != ".." {
                self.entry(directory, prefix, &name)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, directory: &Directory, prefix: &str, name: &OsStr) -> Result<(), ShareError> {
        let full = || directory.path().join(name);
        let found = directory.look(name).map_err(|source| ShareError::Io { path: full(), source })?;
        // What went away meanwhile was never seen.
        let Some(found) = found else {
            return Ok(());
        };
        // Nor are downloads under way anything to offer: they change, and are somebody else's.
        if found.what == What::Other || name.to_str().is_some_and(PartName::is_one) {
            self.left_out += 1;
            return Ok(());
        }
        let path = self.path(prefix, name, full)?;
        if found.what == What::File {
            self.manifest_bytes += encoded_len(found.version.size);
            self.files.push(FolderFile { path, version: found.version, executable: found.executable });
            return Ok(());
        }
        let modified = modified(&found.version);
        let deeper = path.as_str().to_owned();
        self.folders.push(FolderEntry { path, modified });
        match directory.folder(name.to_string_lossy().as_ref()) {
            // Depth is limited by the path, so this ends.
            Ok(folder) => self.visit(&folder, &deeper),
            Err(OpenError::Missing) => Ok(()),
            Err(error) => Err(ShareError::at(&full(), error)),
        }
    }

    fn path(
        &mut self,
        prefix: &str,
        name: &OsStr,
        full: impl Fn() -> PathBuf,
    ) -> Result<EntryPath, ShareError> {
        let name = name.to_str().ok_or_else(|| ShareError::NotUtf8(full()))?;
        let text = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        self.manifest_bytes += text.len() as u64 + ENTRY_BYTES;
        if self.manifest_bytes > limits::MANIFEST_BYTES {
            return Err(ShareError::TooMuch(full()));
        }
        EntryPath::parse(&text).ok_or_else(|| ShareError::TooDeep(full()))
    }
}

/// When it last changed: seconds since 1970, and the nanoseconds of that second.
pub(super) fn modified(version: &FileVersion) -> (i64, u32) {
    let nanos = u32::try_from(version.modified_nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    (version.modified_secs, nanos.unwrap_or(0))
}
