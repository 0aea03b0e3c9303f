//! How each file of a folder stands: nowhere yet, among the parts, or at the destination already.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use super::check::read_exactly;
use super::file::changed;
use super::folder::FolderStore;
use super::parts::into_io;
use super::tree::TOP;
use crate::beneath::Directory;
use crate::disk::FileVersion;
use crate::lock;

/// How a file of the folder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// Nothing of it is known to be here.
    Missing,
    /// Something of it is among the parts; length, time and mode are still to be set.
    Begun,
    /// It is among the parts, with length, time and mode.
    Finished,
    /// It is at the destination, identical.
    Identical,
    /// Another file has its name and stays.
    Kept,
}

/// One state for each file.
#[derive(Debug)]
pub(super) struct States(Vec<AtomicU8>);

impl States {
    pub(super) fn new(files: usize) -> Self {
        Self((0..files).map(|_| AtomicU8::new(State::Missing as u8)).collect())
    }

    pub(super) fn get(&self, file: u32) -> State {
        let all = [State::Missing, State::Begun, State::Finished, State::Identical, State::Kept];
        let state = self.0[file as usize].load(Ordering::Relaxed);
        all.into_iter().find(|s| *s as u8 == state).unwrap_or(State::Missing)
    }

    pub(super) fn set(&self, file: u32, state: State) {
        self.0[file as usize].store(state as u8, Ordering::Relaxed);
    }
}

/// An identical file: its name where that is not its own, and what tells that it was not changed since.
type Known = (Option<Box<str>>, u64);

/// What is at the destination already.
#[derive(Debug)]
pub(super) struct There {
    /// For each folder of the tree, its name there, if it is there.
    pub(super) folders: Mutex<Vec<Option<Box<str>>>>,
    /// Each identical file.
    files: Mutex<HashMap<u32, Known>>,
    versions: RandomState,
}

impl There {
    pub(super) fn new(folders: usize) -> Self {
        Self {
            folders: Mutex::new(vec![None; folders]),
            files: Mutex::default(),
            versions: RandomState::new(),
        }
    }

    fn version(&self, open: &File) -> io::Result<u64> {
        Ok(self.versions.hash_one(FileVersion::of(open)?))
    }
}

impl FolderStore {
    /// Opens an identical file at the destination.
    pub(super) fn open_there(&self, file: u32) -> io::Result<File> {
        let folder = self.tree.folder_of(file);
        let mut chain: Vec<u32> = self.tree.above(folder).collect();
        chain.push(TOP);
        let names: Vec<_> = {
            let there = lock(&self.there.folders);
            chain.iter().rev().map(|at| there[*at as usize].clone()).collect()
        };
        let mut here: Option<Directory> = None;
        for name in names {
            let name = name.ok_or(io::ErrorKind::NotFound)?;
            here = Some(here.as_ref().unwrap_or(&self.folder).folder(&name).map_err(into_io)?);
        }
        let other = lock(&self.there.files).get(&file).and_then(|(name, _)| name.clone());
        let name = other.unwrap_or_else(|| self.tree.name(&self.manifest, file).as_str().into());
        here.as_ref().unwrap_or(&self.folder).open_file(&*name).map_err(into_io)
    }

    /// Reads from an identical file, as long as it is what it was.
    pub(super) fn read_there(&self, file: u32, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let open = self.open_there(file)?;
        read_exactly(&open, buffer, offset)?;
        let known = lock(&self.there.files).get(&file).map(|(_, version)| *version);
        if Some(self.there.version(&open)?) == known {
            Ok(())
        } else {
            Err(changed(&self.folder.path().join(self.tree.name(&self.manifest, file).as_str())))
        }
    }

    /// Takes note that a file is at the destination.
    pub(super) fn set_identical(&self, file: u32, name: &str, open: &File) -> io::Result<()> {
        let own = self.tree.name(&self.manifest, file).as_str() == name;
        let version = self.there.version(open)?;
        lock(&self.there.files).insert(file, ((!own).then(|| name.into()), version));
        self.states.set(file, State::Identical);
        Ok(())
    }

    /// Whether a file that was identical is still what it was.
    pub(super) fn is_still_there(&self, file: u32) -> bool {
        let known = lock(&self.there.files).get(&file).map(|(_, version)| *version);
        let now = self.open_there(file).and_then(|open| self.there.version(&open));
        now.is_ok_and(|now| Some(now) == known)
    }
}
