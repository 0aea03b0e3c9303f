//! A folder: its files in a folder of parts beside the place it will end up in, under the names that
//! they will have.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use super::blocks::{Blocks, OpenFile};
use super::check::read_exactly;
use super::handles::Handles;
use super::parts::{FILES, STATE, into_io, open_own, open_parts};
use super::record::Record;
use super::standing::{State, States, There};
use super::tree::{TOP, Tree};
use super::{Destination, PartName, file};
use crate::beneath::{Directory, OpenError, set_modified};
use crate::disk;
use crate::layout::{Layout, Piece};
use crate::manifest::{FileEntry, Manifest};

/// An open folder of parts.
#[derive(Debug)]
pub(super) struct FolderStore {
    pub(super) folder: Directory,
    pub(super) to: Destination,
    pub(super) part: PartName,
    pub(super) parts: Directory,
    pub(super) manifest: Arc<Manifest>,
    pub(super) tree: Tree,
    pub(super) wanted: Vec<bool>,
    /// For each folder whether it is wanted: it may be empty.
    pub(super) folders_wanted: Vec<bool>,
    /// Whether nothing was there before.
    pub(super) is_fresh: bool,
    pub(super) states: States,
    pub(super) there: There,
    pub(super) handles: Handles,
    pub(super) record: Record,
    pub(super) blocks: Blocks,
    /// A stop in the middle of giving names, for tests: so many are still given.
    #[cfg(test)]
    pub(super) names_left: std::sync::atomic::AtomicU32,
}

impl FolderStore {
    pub(super) fn open(
        folder: Directory,
        to: &Destination,
        part: &PartName,
        manifest: Arc<Manifest>,
        wanted: Vec<bool>,
    ) -> io::Result<Self> {
        let parts = open_parts(&folder, part)?;
        let state = open_own(&parts, STATE)?;
        file::lock(&state)?;
        let is_fresh = parts.make_folder(FILES, 0o777)?;
        let files = parts.folder(FILES).map_err(into_io)?;
        let layout = manifest.layout().clone();
        let record = Record::open(state, &layout)?;
        let blocks = Blocks::new(layout.pieces(), &record)?;
        let tree = Tree::of(&manifest, &to.name);
        let folders = tree.folders().len();
        Ok(Self {
            folders_wanted: folders_wanted(&tree, &wanted),
            states: States::new(manifest.files.len()),
            there: There::new(folders),
            handles: Handles::new(files),
            to: to.clone(),
            part: part.clone(),
            folder,
            parts,
            manifest,
            tree,
            wanted,
            is_fresh,
            record,
            blocks,
            #[cfg(test)]
            names_left: u32::MAX.into(),
        })
    }

    pub(super) fn layout(&self) -> &Arc<Layout> {
        self.manifest.layout()
    }

    pub(super) fn entry(&self, file: u32) -> &FileEntry {
        &self.manifest.files[file as usize]
    }

    pub(super) fn is_wanted(&self, file: u32) -> bool {
        self.wanted.get(file as usize).copied().unwrap_or(false)
    }

    pub(super) fn wanted(&self) -> Vec<bool> {
        let worth = |file| self.is_wanted(file) && self.states.get(file) != State::Kept;
        self.numbers().map(worth).collect()
    }

    /// The numbers of all files.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.manifest.files.len()).unwrap_or(u32::MAX)
    }

    fn piece(&self, number: usize) -> io::Result<(u32, Piece)> {
        let piece = self.layout().piece(number).ok_or(io::ErrorKind::InvalidInput)?;
        Ok((u32::try_from(piece.file).map_err(|_| io::ErrorKind::InvalidInput)?, piece))
    }

    pub(super) fn prefix(&self, number: usize) -> io::Result<usize> {
        self.piece(number)?;
        Ok(self.blocks.prefix(number))
    }

    pub(super) fn trim(&self, number: usize, bytes: &[u8]) -> usize {
        self.blocks.trim(number, bytes)
    }

    pub(super) fn write(&self, number: usize, at: usize, bytes: &[u8]) -> io::Result<()> {
        let (file, piece) = self.piece(number)?;
        let is_whole = at == 0 && self.entry(file).size == bytes.len() as u64;
        if is_whole && self.put(file, (number, piece), bytes)? {
            return Ok(());
        }
        let open = self.open_part(file)?;
        self.states.set(file, State::Begun);
        self.blocks.write(&open, &self.record, (number, piece), at, bytes)
    }

    /// Makes a file of one piece, all at once: most of what is in most folders. `false` when it is there.
    fn put(&self, file: u32, (number, piece): (usize, Piece), bytes: &[u8]) -> io::Result<bool> {
        let Some(made) = self.create(file)? else {
            return Ok(false);
        };
        let open = OpenFile { file: made, ahead: super::ahead::Ahead::none() };
        self.states.set(file, State::Begun);
        if bytes.len() >= super::blocks::BLOCK {
            open.file.set_len(piece.len as u64)?; // it may end in a hole
        }
        self.blocks.write(&open, &self.record, (number, piece), 0, bytes)?;
        set_modified(&open.file, self.entry(file).modified)?;
        self.states.set(file, State::Finished);
        Ok(true)
    }

    /// Makes a file among the parts; `None` when it is there.
    pub(super) fn create(&self, file: u32) -> io::Result<Option<File>> {
        let folder = self.handles.made(&self.tree, self.tree.folder_of(file))?;
        let mode = if self.entry(file).executable { 0o777 } else { 0o666 };
        match folder.create_new(self.tree.name(&self.manifest, file).as_str(), mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            other => other.map(Some),
        }
    }

    /// A file among the parts, open for writing, made if missing.
    fn open_part(&self, file: u32) -> io::Result<Arc<OpenFile>> {
        if let Some(open) = self.handles.file(file) {
            return Ok(open);
        }
        let size = self.entry(file).size;
        let open = if let Some(made) = self.create(file)? {
            made.set_len(size)?;
            OpenFile { ahead: super::ahead::Ahead::of(&made, size), file: made }
        } else {
            let there = self.reopen(file)?.ok_or(io::ErrorKind::NotFound)?;
            self.blocks.attach(&there, self.layout(), self.layout().pieces_of(file as usize))?;
            there.set_len(size)?;
            OpenFile { file: there, ahead: super::ahead::Ahead::none() }
        };
        Ok(self.handles.keep(file, open))
    }

    /// Opens a file that is among the parts; `None` when it is not.
    pub(super) fn reopen(&self, file: u32) -> io::Result<Option<File>> {
        let Some(folder) = self.handles.folder(&self.tree, self.tree.folder_of(file), false)? else {
            return Ok(None);
        };
        let name = self.tree.name(&self.manifest, file);
        match folder.open_writable(name.as_str()) {
            Err(OpenError::Missing) => Ok(None),
            Err(error) => Err(into_io(error)),
            Ok(there) => super::own(there, &folder.path().join(name.as_str())).map(Some),
        }
    }

    pub(super) fn read(&self, start: u64, buffer: &mut [u8]) -> io::Result<()> {
        let files = self.layout().files();
        let mut file = self.layout().file_at(start);
        let (mut at, mut rest) = (start, buffer);
        while !rest.is_empty() {
            let span = files.get(file).ok_or(io::ErrorKind::UnexpectedEof)?;
            let left = (span.start + span.size).saturating_sub(at);
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_mut(step);
            if step > 0 {
                let number = u32::try_from(file).map_err(|_| io::ErrorKind::InvalidInput)?;
                self.read_file(number, at - span.start, now)?;
            }
            (at, rest, file) = (at + step as u64, later, file + 1);
        }
        Ok(())
    }

    fn read_file(&self, file: u32, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.states.get(file) == State::Identical {
            return self.read_there(file, offset, buffer);
        }
        if let Some(open) = self.handles.file(file) {
            return read_exactly(&open.file, buffer, offset);
        }
        let folder = self.handles.folder(&self.tree, self.tree.folder_of(file), false)?;
        let name = self.tree.name(&self.manifest, file);
        let there = folder.ok_or(io::ErrorKind::NotFound)?.open_file(name.as_str()).map_err(into_io)?;
        read_exactly(&there, buffer, offset)
    }

    pub(super) fn checkpoint(&self, bitmap: &[u8]) -> io::Result<()> {
        self.sync_parts()?;
        self.record.save(bitmap)
    }

    /// Brings all parts to disk: one call for the file system, however many files there are.
    pub(super) fn sync_parts(&self) -> io::Result<()> {
        self.parts.sync_everything().inspect_err(|_| {
            let among = self.numbers().filter(|file| self.states.get(*file) != State::Missing);
            among.filter_map(|file| self.reopen(file).ok()?).for_each(|open| disk::forget(&open));
        })
    }

    /// Sets length, time and mode of a file among the parts.
    pub(super) fn finish(&self, file: u32, open: &File) -> io::Result<()> {
        let entry = self.entry(file);
        let meta = open.metadata()?;
        if meta.len() != entry.size {
            open.set_len(entry.size)?;
        }
        let mode = meta.permissions().mode();
        // Who may read it may execute it, as the umask has it.
        let right = if entry.executable { mode | (mode & 0o444) >> 2 } else { mode & !0o111 };
        if right != mode {
            // Some file systems know no modes; that is no reason to lose a file.
            let _ = open.set_permissions(std::fs::Permissions::from_mode(right & 0o777));
        }
        set_modified(open, entry.modified)?;
        self.states.set(file, State::Finished);
        Ok(())
    }
}

/// All folders, or when only some files are wanted, those they are in.
fn folders_wanted(tree: &Tree, wanted: &[bool]) -> Vec<bool> {
    let all = wanted.iter().all(|wanted| *wanted);
    let mut folders = vec![all; tree.folders().len()];
    folders[TOP as usize] = true;
    for (file, _) in (0..).zip(wanted).filter(|(_, wanted)| !all && **wanted) {
        for folder in tree.above(tree.folder_of(file)) {
            folders[folder as usize] = true;
        }
    }
    folders
}
