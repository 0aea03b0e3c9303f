//! Reads content as one stream, file after file, and looks at each whether it is still what it was.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::error::ShareError;
use super::folder::SharedFolder;
use super::holding::Holding;
use super::served::Content;
use super::shared::SharedFile;
use crate::disk::{self, FileVersion};
use crate::layout::Layout;

/// Reads one content. Holds at most one file open.
pub(crate) struct Reader(Kind);

enum Kind {
    File(SharedFile, Option<File>),
    Folder { folder: SharedFolder, layout: Arc<Layout>, open: Option<(usize, File)> },
    Held(Arc<dyn Holding>),
}

/// Why bytes cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// A file is not what was shared.
    #[error(transparent)]
    Source(#[from] ShareError),
    /// What was held is held no more, or cannot be read.
    #[error(transparent)]
    Held(io::Error),
}

impl Reader {
    pub(super) fn new(content: Content, layout: Arc<Layout>) -> Self {
        Self(match content {
            Content::File(file) => Kind::File(file, None),
            Content::Folder(folder) => Kind::Folder { folder, layout, open: None },
            Content::Held(holding) => Kind::Held(holding),
        })
    }

    /// Whether reading begins with opening something, which may take as long as a disk likes.
    pub(crate) fn must_open(&self) -> bool {
        !matches!(self.0, Kind::Held(_))
    }

    /// Opens what holds the byte at `start`, if it is what was shared.
    pub(crate) fn open(&mut self, start: u64) -> Result<(), ReadError> {
        match &mut self.0 {
            Kind::File(shared, open) => *open = Some(shared.reopen()?),
            Kind::Folder { folder, layout, open } => {
                if start < layout.size() {
                    let index = layout.file_at(start);
                    *open = Some((index, folder.reopen(index)?));
                }
            }
            Kind::Held(_) => {}
        }
        Ok(())
    }

    /// Fills `buffer` with the content from `start` on. Files are looked at after they were read: what
    /// was read is then known to be of the version that was shared, as far as its times tell.
    pub(crate) fn read(&mut self, start: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        match &mut self.0 {
            Kind::File(shared, open) => {
                let file = match open {
                    Some(file) => file,
                    None => open.insert(shared.reopen()?),
                };
                Ok(fill(file, buffer, start, shared.version(), || shared.path())?)
            }
            Kind::Folder { folder, layout, open } => read_files(folder, layout, open, start, buffer),
            Kind::Held(holding) if holding.has(start, start + buffer.len() as u64) => {
                holding.read(start, buffer).map_err(ReadError::Held)
            }
            Kind::Held(_) => Err(ReadError::Held(io::Error::other("it is not held any more"))),
        }
    }
}

/// File after file into one buffer: small ones travel together.
fn read_files(
    folder: &SharedFolder,
    layout: &Layout,
    open: &mut Option<(usize, File)>,
    mut start: u64,
    mut buffer: &mut [u8],
) -> Result<(), ReadError> {
    let mut index = if buffer.is_empty() { 0 } else { layout.file_at(start) };
    while !buffer.is_empty() {
        let span = layout.files()[index];
        let left = span.start + span.size - start;
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if now > 0 {
            let (part, rest) = buffer.split_at_mut(now);
            let file = opened(folder, open, index)?;
            fill(file, part, start - span.start, folder.version_of(index)?, || folder.path(index))?;
            start += now as u64;
            buffer = rest;
        }
        if now as u64 == left {
            *open = None;
            index += 1;
        }
    }
    Ok(())
}

fn opened<'a>(
    folder: &SharedFolder,
    open: &'a mut Option<(usize, File)>,
    index: usize,
) -> Result<&'a File, ShareError> {
    let file = match open.take() {
        Some((is_open, file)) if is_open == index => file,
        _ => folder.reopen(index)?,
    };
    Ok(&open.insert((index, file)).1)
}

fn fill(
    file: &File,
    buffer: &mut [u8],
    offset: u64,
    version: &FileVersion,
    path: impl Fn() -> std::path::PathBuf,
) -> Result<(), ShareError> {
    let failed = |source| ShareError::Io { path: path(), source };
    let got = disk::read_at(file, buffer, offset).map_err(failed)?;
    if got < buffer.len() || FileVersion::of(file).map_err(failed)? != *version {
        return Err(ShareError::Changed(path()));
    }
    Ok(())
}
