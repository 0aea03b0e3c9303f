//! What the parts of a download are called beneath its destination, and how they are removed.

use std::fs::File;
use std::io;
use std::path::Path;

use landline_protocol::limits::MANIFEST_BYTES;

use super::{PartName, not_ours, own};
use crate::beneath::{Directory, OpenError};
use crate::disk;
use crate::share::Kind;

/// In the folder of parts: the files, which become the folder that was sent.
pub(super) const FILES: &str = "files";
/// In the folder of parts: see [`super::record`].
pub(super) const STATE: &str = "state";
const MANIFEST: &str = "manifest";

impl PartName {
    /// Whether something of this name belongs to a download under way.
    pub(crate) fn is_one(name: &str) -> bool {
        let ending = name.strip_prefix(".landline-").and_then(|rest| rest.split_once('.'));
        ending.is_some_and(|(_, ending)| matches!(ending, "part" | "state" | "tree" | "parts"))
    }

    /// The pieces of a single file.
    pub(super) fn data(&self) -> String {
        format!(".landline-{}.part", self.0)
    }

    /// The record of a single file.
    pub(super) fn record(&self) -> String {
        format!(".landline-{}.state", self.0)
    }

    /// The hash tree of a single file.
    pub(super) fn tree(&self) -> String {
        format!(".landline-{}.tree", self.0)
    }

    /// The folder of parts of a folder.
    pub(super) fn folder(&self) -> String {
        format!(".landline-{}.parts", self.0)
    }
}

/// Keeps what a content's pieces must hash to with its parts, so that another attempt can tell what is
/// there with nobody to ask: the tree of a file, the manifest of a folder. A hint: check it against the
/// root when it is read again. Blocks.
pub fn save_proof(folder: &Path, part: &PartName, kind: Kind, proof: &[u8]) -> io::Result<()> {
    let folder = Directory::open(folder)?;
    let file = match kind {
        Kind::File => open_own(&folder, &part.tree())?,
        Kind::Folder => open_own(&open_parts(&folder, part)?, MANIFEST)?,
    };
    file.set_len(0)?;
    disk::write_at(&file, proof, 0)
}

/// What an earlier attempt kept, unchecked; `None` when there is nothing. Blocks.
pub fn load_proof(folder: &Path, part: &PartName, kind: Kind) -> io::Result<Option<Vec<u8>>> {
    let folder = Directory::open(folder)?;
    let opened = match kind {
        Kind::File => folder.open_file(part.tree()),
        Kind::Folder => folder.folder(&part.folder()).and_then(|parts| parts.open_file(MANIFEST)),
    };
    let file = match opened {
        Err(OpenError::Missing) => return Ok(None),
        other => other.map_err(into_io)?,
    };
    let size = file.metadata()?.len();
    if size > MANIFEST_BYTES {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let got = disk::read_at(&file, &mut bytes, 0)?;
    bytes.truncate(got);
    Ok(Some(bytes))
}

/// Removes what a download that will not go on has left in its folder. Blocks, for a folder as long as
/// removing its files takes. What is not there is as good as removed.
pub fn discard(folder: &Path, part: &PartName) -> io::Result<()> {
    let folder = match Directory::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    remove_file_parts(&folder, part)?;
    remove_parts(&folder, part)
}

/// Removes all that a single file's download has beside its name.
pub(super) fn remove_file_parts(folder: &Directory, part: &PartName) -> io::Result<()> {
    [part.data(), part.record(), part.tree()].into_iter().try_for_each(|name| folder.remove(name))
}

/// Opens the folder of parts, made if missing. Nobody else may put anything into it, where the file
/// system knows about people.
pub(super) fn open_parts(folder: &Directory, part: &PartName) -> io::Result<Directory> {
    folder.make_folder(&part.folder(), 0o700)?;
    let parts = folder.folder(&part.folder()).map_err(into_io)?;
    if !parts.is_own()? {
        return Err(not_ours(parts.path()));
    }
    parts.make_private();
    Ok(parts)
}

/// Opens a file of ours for reading and writing, made if missing.
pub(super) fn open_own(folder: &Directory, name: &str) -> io::Result<File> {
    let file = folder.open_or_create(name).map_err(into_io)?;
    own(file, &folder.path().join(name))
}

/// Removes the folder of parts with all that is in it.
pub(super) fn remove_parts(folder: &Directory, part: &PartName) -> io::Result<()> {
    match folder.folder(&part.folder()) {
        Err(OpenError::Missing) => Ok(()),
        Err(error) => Err(into_io(error)),
        Ok(parts) if !parts.is_own()? => Err(not_ours(parts.path())),
        Ok(parts) => {
            empty(&parts)?;
            folder.remove_folder(&part.folder())
        }
    }
}

/// Removes whatever has this name, a folder with all that is in it. Follows no symlink.
pub(super) fn remove_all(folder: &Directory, name: &str) -> io::Result<()> {
    if !folder.has_folder(name)? {
        return folder.remove(name);
    }
    empty(&folder.folder(name).map_err(into_io)?)?;
    folder.remove_folder(name)
}

/// One folder after the other, without recursion: how deep they are nested is for nobody to choose.
fn empty(folder: &Directory) -> io::Result<()> {
    let mut open: Vec<(Directory, String)> = Vec::new();
    loop {
        let here = open.last().map_or(folder, |(here, _)| here);
        let Some(inner) = remove_files(here)? else {
            let Some((_, name)) = open.pop() else { return Ok(()) };
            open.last().map_or(folder, |(here, _)| here).remove_folder(&name)?;
            continue;
        };
        let next = here.folder(&inner).map_err(into_io)?;
        open.push((next, inner));
    }
}

/// Removes all but folders, and names one of those.
fn remove_files(folder: &Directory) -> io::Result<Option<String>> {
    let mut inner = None;
    for name in folder.names()? {
        if matches!(name.as_encoded_bytes(), b"." | b"..") {
            continue;
        }
        // Every name in it was made here, from text.
        let text = name.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        match folder.remove(text) {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => inner = Some(text.to_owned()),
            other => other?,
        }
    }
    Ok(inner)
}

/// As an error of the system, with a sentence where it has none.
pub(super) fn into_io(error: OpenError) -> io::Error {
    match error {
        OpenError::Io(error) => error,
        OpenError::Missing => io::ErrorKind::NotFound.into(),
        other => io::Error::other(other.to_string()),
    }
}
