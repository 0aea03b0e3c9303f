//! Open handles of folders and large files among the parts: a bounded number of each.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use super::blocks::OpenFile;
use super::not_ours;
use super::parts::into_io;
use super::tree::{TOP, Tree};
use crate::beneath::{Directory, OpenError};
use crate::lock;

const FOLDERS: usize = 64;
const FILES: usize = 32;

/// The handles; the first is the newest.
#[derive(Debug)]
pub(super) struct Handles {
    top: Arc<Directory>,
    folders: Mutex<VecDeque<(u32, Arc<Directory>)>>,
    files: Mutex<VecDeque<(u32, Arc<OpenFile>)>>,
}

impl Handles {
    pub(super) fn new(top: Directory) -> Self {
        Self { top: Arc::new(top), folders: Mutex::default(), files: Mutex::default() }
    }

    /// The parts of a folder, made if missing.
    pub(super) fn made(&self, tree: &Tree, number: u32) -> io::Result<Arc<Directory>> {
        self.folder(tree, number, true)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The parts of a folder. `None` when it is not there and is not to be made.
    pub(super) fn folder(&self, tree: &Tree, number: u32, make: bool) -> io::Result<Option<Arc<Directory>>> {
        if number == TOP {
            return Ok(Some(Arc::clone(&self.top)));
        }
        let known = lock(&self.folders).iter().find(|(of, _)| *of == number).map(|(_, open)| open.clone());
        if known.is_some() {
            return Ok(known);
        }
        let folder = &tree.folders()[number as usize];
        // As deep as a manifest's paths may be.
        let Some(parent) = self.folder(tree, folder.parent, make)? else {
            return Ok(None);
        };
        let Some(open) = open(&parent, folder.name.as_str(), make)? else {
            return Ok(None);
        };
        let open = Arc::new(open);
        keep(&mut lock(&self.folders), FOLDERS, number, Arc::clone(&open));
        Ok(Some(open))
    }

    /// A file, if it is open.
    pub(super) fn file(&self, number: u32) -> Option<Arc<OpenFile>> {
        lock(&self.files).iter().find(|(of, _)| *of == number).map(|(_, open)| open.clone())
    }

    /// Keeps a file open for a while. If somebody else just opened it too, theirs is as good.
    pub(super) fn keep(&self, number: u32, open: OpenFile) -> Arc<OpenFile> {
        let open = Arc::new(open);
        keep(&mut lock(&self.files), FILES, number, Arc::clone(&open));
        open
    }
}

fn keep<T>(all: &mut VecDeque<(u32, T)>, most: usize, number: u32, open: T) {
    all.push_front((number, open));
    all.truncate(most);
}

fn open(parent: &Directory, name: &str, make: bool) -> io::Result<Option<Directory>> {
    let found = match parent.folder(name) {
        Err(OpenError::Missing) if make => {
            parent.make_folder(name, 0o777)?;
            parent.folder(name)
        }
        Err(OpenError::Missing) => return Ok(None),
        other => other,
    };
    let folder = found.map_err(into_io)?;
    if folder.is_own()? { Ok(Some(folder)) } else { Err(not_ours(folder.path())) }
}
