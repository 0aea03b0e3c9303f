//! What of a folder is here already: at the destination, or among the parts of an earlier attempt.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::check::{Checker, in_doubt};
use super::conflict::{Spot, Taken, spot};
use super::folder::FolderStore;
use super::names::Listing;
use super::parts::into_io;
use super::room;
use super::standing::State;
use super::tree::TOP;
use crate::beneath::{Directory, OpenError};
use crate::lock;
use crate::values::Values;

/// A folder at the destination that is still to be looked into: its number, where it is, and its name
/// there. Opened when its turn comes, so that few are open at a time.
type Todo = (u32, Arc<Directory>, String);

impl FolderStore {
    pub(super) fn survey(
        &self,
        values: &Values,
        stop: &AtomicBool,
        found: &mut dyn FnMut(usize),
    ) -> io::Result<()> {
        let mut checker = Checker::new(values, stop);
        let mut here = 0;
        let mut count = |number: usize| {
            here += values.layout().len_of(number) as u64;
            found(number);
        };
        self.check_destination(&mut checker, &mut count)?;
        let spared = self.check_parts(&mut checker, &mut count)?;
        let wanted = self.wanted();
        let size: u64 =
            self.layout().files().iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(f, _)| f.size).sum();
        room::check(&self.folder, values, size.saturating_sub(here).saturating_sub(spared))
    }

    fn check_destination(&self, checker: &mut Checker<'_>, found: &mut dyn FnMut(usize)) -> io::Result<()> {
        let top = Arc::new(self.folder.try_clone()?);
        let mut todo: Vec<Todo> = Vec::new();
        let listing = Listing::of(&top)?;
        self.look_for_folder(TOP, &top, &listing, &mut todo)?;
        while let Some((number, parent, name)) = todo.pop() {
            let folder = Arc::new(parent.folder(&name).map_err(into_io)?);
            lock(&self.there.folders)[number as usize] = Some(name.into());
            let listing = Listing::of(&folder)?;
            for file in self.tree.files_in(number) {
                self.look_for_file(*file, &folder, &listing, checker, found)?;
            }
            for inner in self.tree.folders_in(number) {
                if self.folders_wanted[*inner as usize] {
                    self.look_for_folder(*inner, &folder, &listing, &mut todo)?;
                }
            }
        }
        Ok(())
    }

    fn look_for_folder(
        &self,
        number: u32,
        parent: &Arc<Directory>,
        listing: &Listing,
        todo: &mut Vec<Todo>,
    ) -> io::Result<()> {
        let wanted = &self.tree.folders()[number as usize].name;
        match spot(listing, wanted, self.to.conflict, &mut |name| parent.has_folder(name))? {
            Spot::There(name) => todo.push((number, Arc::clone(parent), name)),
            Spot::Ask(name) => return Err(Taken::error(parent.path().join(name))),
            Spot::Kept(_) => self.keep_out(number),
            Spot::Free(_) | Spot::Aside(_) => {}
        }
        Ok(())
    }

    /// Something that is no folder has the name of one and stays: nothing can be saved in it.
    fn keep_out(&self, number: u32) {
        let mut all = vec![number];
        while let Some(number) = all.pop() {
            self.tree.files_in(number).iter().for_each(|file| self.states.set(*file, State::Kept));
            all.extend(self.tree.folders_in(number));
        }
    }

    fn look_for_file(
        &self,
        file: u32,
        folder: &Directory,
        listing: &Listing,
        checker: &mut Checker<'_>,
        found: &mut dyn FnMut(usize),
    ) -> io::Result<()> {
        if !self.is_wanted(file) {
            return Ok(());
        }
        let wanted = self.tree.name(&self.manifest, file);
        let mut same = None;
        let decided = spot(listing, &wanted, self.to.conflict, &mut |name| {
            same = checker.identical(folder, name, file as usize)?;
            Ok(same.is_some())
        })?;
        match (decided, same) {
            (Spot::There(name), Some(open)) => {
                self.set_identical(file, &name, &open)?;
                self.layout().pieces_of(file as usize).for_each(found);
            }
            (Spot::Kept(_), _) => self.states.set(file, State::Kept),
            (Spot::Ask(name), _) => return Err(Taken::error(folder.path().join(name))),
            _ => {}
        }
        Ok(())
    }

    /// Tells how many of the missing bytes have their place on disk already.
    fn check_parts(&self, checker: &mut Checker<'_>, found: &mut dyn FnMut(usize)) -> io::Result<u64> {
        let claims = self.record.claims()?;
        let mut spared = 0;
        for number in 0..u32::try_from(self.tree.folders().len()).unwrap_or(u32::MAX) {
            let Some(folder) = self.handles.folder(&self.tree, number, false)? else {
                continue;
            };
            for file in self.tree.files_in(number) {
                let may_be_there = match self.states.get(*file) {
                    State::Missing => !self.is_fresh,
                    State::Begun | State::Finished => true,
                    State::Identical | State::Kept => false,
                };
                if may_be_there && self.is_wanted(*file) {
                    spared += self.check_part(*file, &folder, &claims, checker, found)?;
                }
            }
        }
        Ok(spared)
    }

    fn check_part(
        &self,
        file: u32,
        folder: &Directory,
        claims: &[bool],
        checker: &mut Checker<'_>,
        found: &mut dyn FnMut(usize),
    ) -> io::Result<u64> {
        let name = self.tree.name(&self.manifest, file);
        let open = match folder.open_writable(name.as_str()) {
            Err(OpenError::Missing) => return Ok(0),
            other => super::own(other.map_err(into_io)?, &folder.path().join(name.as_str()))?,
        };
        self.states.set(file, State::Begun);
        let pieces = self.layout().pieces_of(file as usize);
        self.blocks.attach(&open, self.layout(), pieces.clone())?;
        let mut here = 0;
        for number in in_doubt(pieces, &self.blocks, claims) {
            if checker.part(&open, number, (&self.blocks, &self.record))? {
                here += self.layout().len_of(number) as u64;
                found(number);
            }
        }
        let size = self.entry(file).size;
        Ok(size.saturating_sub(here) - room::need(&open, size, here)?)
    }
}
