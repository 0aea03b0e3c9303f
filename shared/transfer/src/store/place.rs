//! The end of a folder's download: times and modes, what is left over removed, and its name given, or
//! its files moved into the folder that has the name.

use std::collections::HashSet;
use std::io;

use super::file::changed;
use super::folder::FolderStore;
use super::parts::{FILES, into_io, remove_all, remove_parts};
use super::settle::{Place, Settled, same_content};
use super::standing::State;
use super::tree::TOP;
use super::{Placed, RESPELLED};
use crate::beneath::Directory;

impl FolderStore {
    pub(super) fn sync(&self) -> io::Result<()> {
        for file in self.numbers().filter(|file| self.is_wanted(*file)) {
            self.complete(file)?;
        }
        for number in self.folders_by_depth().filter(|number| self.folders_wanted[*number as usize]) {
            self.handles.made(&self.tree, number)?;
        }
        if !self.is_fresh {
            self.prune()?;
        }
        // What is in a folder changes its time, so those in it come first.
        for number in self.folders_by_depth().rev().filter(|number| self.folders_wanted[*number as usize]) {
            if let Some(modified) = self.tree.folders()[number as usize].modified {
                self.handles.made(&self.tree, number)?.set_modified(modified)?;
            }
        }
        self.sync_parts()
    }

    /// Those above before those in them.
    fn folders_by_depth(&self) -> std::ops::Range<u32> {
        1..u32::try_from(self.tree.folders().len()).unwrap_or(u32::MAX)
    }

    fn complete(&self, file: u32) -> io::Result<()> {
        match self.states.get(file) {
            State::Finished | State::Kept => Ok(()),
            State::Identical if self.is_still_there(file) => Ok(()),
            State::Identical => {
                Err(changed(&self.folder.path().join(self.to.name.as_str()).join(self.path(file))))
            }
            State::Missing if self.entry(file).size == 0 => match self.create(file)? {
                Some(made) => self.finish(file, &made),
                None => self.finish_there(file),
            },
            State::Missing | State::Begun => self.finish_there(file),
        }
    }

    fn finish_there(&self, file: u32) -> io::Result<()> {
        let open = self.reopen(file)?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("{} is missing; get it again", self.path(file)))
        })?;
        self.finish(file, &open)
    }

    fn path(&self, file: u32) -> String {
        self.tree.path(&self.manifest, file)
    }

    /// Removes what an earlier attempt wanted and this one does not: it may be anything, and must not
    /// get a name.
    fn prune(&self) -> io::Result<()> {
        for number in std::iter::once(TOP).chain(self.folders_by_depth()) {
            if !self.folders_wanted[number as usize] {
                continue;
            }
            let folder = self.handles.made(&self.tree, number)?;
            let files = self.tree.files_in(number).iter().filter(|file| self.is_among_parts(**file));
            let files = files.map(|file| self.tree.name(&self.manifest, *file).to_string());
            let inner = self.tree.folders_in(number).iter().filter(|at| self.folders_wanted[**at as usize]);
            let inner = inner.map(|at| self.tree.folders()[*at as usize].name.to_string());
            let ours: HashSet<String> = files.chain(inner).collect();
            for name in folder.names()? {
                let name = name.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
                if !matches!(name, "." | "..") && !ours.contains(name) {
                    remove_all(&folder, name)?;
                }
            }
        }
        Ok(())
    }

    fn is_among_parts(&self, file: u32) -> bool {
        self.is_wanted(file) && self.states.get(file) == State::Finished
    }

    /// How many files that were fetched are in a folder or deeper. As deep as a manifest's paths.
    fn among_parts(&self, number: u32) -> u64 {
        let own = self.tree.files_in(number).iter().filter(|file| self.is_among_parts(**file)).count();
        let inner = self.tree.folders_in(number).iter().map(|inner| self.among_parts(*inner));
        own as u64 + inner.sum::<u64>()
    }

    pub(super) fn place(&self) -> io::Result<Placed> {
        let mut placed = Placed::at(self.folder.path().to_owned());
        let wanted = self.numbers().filter(|file| self.is_wanted(*file));
        placed.respelled = self.tree.respelled(&self.manifest, wanted).take(RESPELLED).collect();
        let counts =
            |state| self.numbers().filter(move |f| self.is_wanted(*f) && self.states.get(*f) == state);
        placed.identical = counts(State::Identical).count() as u64;
        placed.kept = counts(State::Kept).count() as u64;
        let mut place = Place::new(&self.folder, self.to.conflict)?;
        self.step()?;
        let settled =
            place.settle((&self.parts, FILES), &self.to.name, &mut is_folder, &mut placed.moved_aside)?;
        match settled {
            Settled::At(name) => {
                if name != self.to.name {
                    placed.respell(self.to.name.to_string(), name.to_string());
                }
                placed.path.push(name.as_str());
            }
            Settled::Kept(name) => {
                placed.kept += self.among_parts(TOP);
                placed.path.push(name);
            }
            Settled::There(name) => {
                placed.path.push(&name);
                let into = self.folder.folder(&name).map_err(into_io)?;
                self.merge(TOP, &self.parts.folder(FILES).map_err(into_io)?, &into, &mut placed)?;
                into.sync_everything()?;
            }
        }
        self.tidy_up();
        Ok(placed)
    }

    /// Moves what is in a folder of parts into one at the destination. As deep as a manifest's paths.
    fn merge(&self, number: u32, from: &Directory, into: &Directory, placed: &mut Placed) -> io::Result<()> {
        let mut place = Place::new(into, self.to.conflict)?;
        for file in self.tree.files_in(number).iter().filter(|file| self.is_among_parts(**file)) {
            self.merge_file(*file, from, &mut place, placed)?;
        }
        let inner = self.tree.folders_in(number).iter().filter(|at| self.folders_wanted[**at as usize]);
        for at in inner {
            let wanted = &self.tree.folders()[*at as usize].name;
            let name = wanted.as_str();
            self.step()?;
            match place.settle((from, name), wanted, &mut is_folder, &mut placed.moved_aside)? {
                Settled::At(saved) if saved == *wanted => {}
                Settled::At(saved) => {
                    let path = |name| self.tree.path_of(number, name);
                    placed.respell(path(wanted), path(&saved));
                }
                Settled::Kept(_) => {
                    placed.kept += self.among_parts(*at);
                    remove_all(from, name)?;
                }
                Settled::There(there) => {
                    let deeper = from.folder(name).map_err(into_io)?;
                    self.merge(*at, &deeper, &into.folder(&there).map_err(into_io)?, placed)?;
                    from.remove_folder(name)?;
                }
            }
        }
        Ok(())
    }

    fn merge_file(
        &self,
        file: u32,
        from: &Directory,
        place: &mut Place<'_>,
        placed: &mut Placed,
    ) -> io::Result<()> {
        let wanted = self.tree.name(&self.manifest, file);
        let ours = from.open_file(wanted.as_str()).map_err(into_io)?;
        let mut serves = |folder: &Directory, name: &str| same_content(&ours, folder, name);
        self.step()?;
        let settled = place.settle((from, wanted.as_str()), &wanted, &mut serves, &mut placed.moved_aside)?;
        match settled {
            Settled::At(name) if name == wanted => return Ok(()),
            Settled::At(name) => {
                let offered = self.entry(file).path.as_str().to_owned();
                placed.respell(offered, self.tree.path_of(self.tree.folder_of(file), &name));
                return Ok(());
            }
            Settled::There(_) => placed.identical += 1,
            Settled::Kept(_) => placed.kept += 1,
        }
        from.remove(wanted.as_str())
    }

    /// The folder has its name: what remains of the parts, or a file system that cannot sync, is no
    /// reason to fetch it again.
    fn tidy_up(&self) {
        let done = self.folder.sync().and_then(|()| remove_parts(&self.folder, &self.part));
        if let Err(error) = done {
            tracing::warn!(%error, "after a download, its parts could not be removed");
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "in tests it stops")]
    fn step(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        use std::sync::atomic::Ordering;
        let left = self.names_left.fetch_sub(1, Ordering::Relaxed);
        if left == 0 { Err(io::Error::other("stopped")) } else { Ok(()) }
    }
}

fn is_folder(folder: &Directory, name: &str) -> io::Result<bool> {
    folder.has_folder(name)
}
