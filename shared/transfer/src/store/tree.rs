//! Where the entries of a manifest go: safe names, each its own, in folders known by number.
//!
//! The same manifest gives the same names at every attempt. For each file a few bytes are kept: its name
//! stands in the manifest, unless it had to be respelled.

use std::collections::{HashMap, HashSet};

use landline_protocol::{FileName, OfferedName};

use super::names::fold;
use crate::manifest::Manifest;

/// The number of the folder that was sent itself.
pub(super) const TOP: u32 = 0;

/// The folders of a manifest and what is in each.
#[derive(Debug)]
pub(super) struct Tree {
    folders: Vec<Folder>,
    /// For each file, its folder.
    folder_of: Vec<u32>,
    /// Safe names of files whose offered names are not.
    respelled: HashMap<u32, FileName>,
    files: Lists,
    inner: Lists,
}

/// One folder. Those in it come after it.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) parent: u32,
    pub(super) name: FileName,
    pub(super) modified: Option<(i64, u32)>,
    /// Whether its name is not the offered one.
    is_respelled: bool,
}

impl Tree {
    pub(super) fn of(manifest: &Manifest, top: &FileName) -> Self {
        let mut builder = Builder::new(top.clone());
        for folder in &manifest.folders {
            let number = builder.folder(folder.path.as_str());
            builder.folders[number as usize].modified = Some(folder.modified);
        }
        for file in &manifest.files {
            builder.file(file.path.as_str());
        }
        builder.finish()
    }

    pub(super) fn folders(&self) -> &[Folder] {
        &self.folders
    }

    pub(super) fn folder_of(&self, file: u32) -> u32 {
        self.folder_of[file as usize]
    }

    /// The files right in a folder.
    pub(super) fn files_in(&self, folder: u32) -> &[u32] {
        self.files.of(folder)
    }

    /// The folders right in a folder.
    pub(super) fn folders_in(&self, folder: u32) -> &[u32] {
        self.inner.of(folder)
    }

    /// What a file is saved as.
    pub(super) fn name(&self, manifest: &Manifest, file: u32) -> FileName {
        if let Some(name) = self.respelled.get(&file) {
            return name.clone();
        }
        safe(last(manifest.files[file as usize].path.as_str())).0
    }

    /// The path that a file is saved under, with `/` between components.
    pub(super) fn path(&self, manifest: &Manifest, file: u32) -> String {
        self.path_of(self.folder_of(file), &self.name(manifest, file))
    }

    /// The path of something in a folder, with `/` between components.
    pub(super) fn path_of(&self, folder: u32, name: &FileName) -> String {
        let above = self.above(folder).map(|at| self.folders[at as usize].name.as_str());
        let mut names: Vec<_> = std::iter::once(name.as_str()).chain(above).collect();
        names.reverse();
        names.join("/")
    }

    /// The numbers of a folder and of those above it, the innermost first, without the top.
    pub(super) fn above(&self, folder: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(folder), |at| Some(self.folders[*at as usize].parent))
            .take_while(|at| *at != TOP)
    }

    /// Of these files, the offered and saved paths of those that are saved under another path.
    pub(super) fn respelled<'a>(
        &'a self,
        manifest: &'a Manifest,
        files: impl Iterator<Item = u32> + 'a,
    ) -> impl Iterator<Item = (String, String)> + 'a {
        let is_any = !self.respelled.is_empty() || self.folders.iter().any(|folder| folder.is_respelled);
        let files = files.take_while(move |_| is_any).filter(|file| {
            let mut above = self.above(self.folder_of(*file));
            self.respelled.contains_key(file) || above.any(|at| self.folders[at as usize].is_respelled)
        });
        files.map(|file| (manifest.files[file as usize].path.as_str().into(), self.path(manifest, file)))
    }
}

/// Which numbers belong to which folder.
#[derive(Debug)]
struct Lists {
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Lists {
    /// From the folder of each number; `None` for those in no folder.
    fn new(folders: usize, folder_of: impl Iterator<Item = Option<u32>>) -> Self {
        let mut pairs: Vec<(u32, u32)> =
            folder_of.zip(0..).filter_map(|(folder, number)| Some((folder?, number))).collect();
        pairs.sort_unstable();
        let starts = (0..=folders)
            .map(|folder| pairs.partition_point(|(of, _)| (*of as usize) < folder))
            .map(|start| u32::try_from(start).unwrap_or(u32::MAX));
        Self { starts: starts.collect(), members: pairs.iter().map(|(_, number)| *number).collect() }
    }

    fn of(&self, folder: u32) -> &[u32] {
        let folder = folder as usize;
        &self.members[self.starts[folder] as usize..self.starts[folder + 1] as usize]
    }
}

struct Builder<'a> {
    folders: Vec<Folder>,
    folder_of: Vec<u32>,
    respelled: HashMap<u32, FileName>,
    known: HashMap<&'a str, u32>,
    taken: HashSet<(u32, String)>,
    /// Where counting goes on for a name that was taken before, so that a hundred thousand that fold
    /// alike take no longer than others.
    next: HashMap<(u32, String), u32>,
}

impl<'a> Builder<'a> {
    fn new(top: FileName) -> Self {
        Self {
            folders: vec![Folder { parent: TOP, name: top, modified: None, is_respelled: false }],
            folder_of: Vec::new(),
            respelled: HashMap::new(),
            known: HashMap::new(),
            taken: HashSet::new(),
            next: HashMap::new(),
        }
    }

    /// The number of a folder, with those above it. As deep as a manifest's paths may be.
    fn folder(&mut self, path: &'a str) -> u32 {
        if let Some(number) = self.known.get(path) {
            return *number;
        }
        let parent = path.rsplit_once('/').map_or(TOP, |(above, _)| self.folder(above));
        let (name, is_respelled) = self.name(parent, last(path));
        let number = u32::try_from(self.folders.len()).unwrap_or(u32::MAX);
        self.folders.push(Folder { parent, name, modified: None, is_respelled });
        self.known.insert(path, number);
        number
    }

    fn file(&mut self, path: &'a str) {
        let parent = path.rsplit_once('/').map_or(TOP, |(above, _)| self.folder(above));
        let (name, is_respelled) = self.name(parent, last(path));
        if is_respelled {
            self.respelled.insert(u32::try_from(self.folder_of.len()).unwrap_or(u32::MAX), name);
        }
        self.folder_of.push(parent);
    }

    /// A safe name that nothing else in the folder has, and whether it differs from the offered one.
    fn name(&mut self, folder: u32, offered: &str) -> (FileName, bool) {
        let (name, is_respelled) = safe(offered);
        let key = (folder, folded(&name));
        if self.taken.insert(key.clone()) {
            return (name, is_respelled);
        }
        let mut n = self.next.get(&key).copied().unwrap_or(1);
        loop {
            let numbered = name.numbered(n);
            n += 1;
            if self.taken.insert((folder, folded(&numbered))) {
                self.next.insert(key, n);
                return (numbered, true);
            }
        }
    }

    fn finish(self) -> Tree {
        let count = self.folders.len();
        let parents = self.folders.iter().enumerate().map(|(at, folder)| (at > 0).then_some(folder.parent));
        Tree {
            files: Lists::new(count, self.folder_of.iter().copied().map(Some)),
            inner: Lists::new(count, parents),
            folders: self.folders,
            folder_of: self.folder_of,
            respelled: self.respelled,
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The safe spelling of a component, and whether it differs.
fn safe(offered: &str) -> (FileName, bool) {
    OfferedName::new(offered).to_file_name()
}

fn folded(name: &FileName) -> String {
    fold(name.as_str()).unwrap_or_else(|| name.collision_key())
}
