//! Giving one finished file or folder its name in a folder, overwriting nothing.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use landline_protocol::FileName;

use super::conflict::{Conflict, Spot, Taken, spot};
use super::names::Listing;
use crate::beneath::Directory;
use crate::disk;

/// Tries before giving up on a folder in which names come and go.
const TRIES: usize = 100;

/// A folder that something gets a name in, and what is in it.
pub(super) struct Place<'a> {
    pub(super) folder: &'a Directory,
    pub(super) listing: Listing,
    pub(super) conflict: Conflict,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It has this name now.
    At(FileName),
    /// What is wanted was there, under this name.
    There(String),
    /// Something else is there and stays.
    Kept(String),
}

impl<'a> Place<'a> {
    pub(super) fn new(folder: &'a Directory, conflict: Conflict) -> io::Result<Self> {
        Ok(Self { folder, listing: Listing::of(folder)?, conflict })
    }

    /// Gives `name` in `from` the name that is wanted here, or does with it what the policy says. What
    /// makes room is told in `aside`.
    pub(super) fn settle(
        &mut self,
        (from, name): (&Directory, &str),
        wanted: &FileName,
        serves: &mut dyn FnMut(&Directory, &str) -> io::Result<bool>,
        aside: &mut Vec<PathBuf>,
    ) -> io::Result<Settled> {
        for _ in 0..TRIES {
            let folder = self.folder;
            match spot(&self.listing, wanted, self.conflict, &mut |there| serves(folder, there))? {
                Spot::There(there) => return Ok(Settled::There(there)),
                Spot::Kept(there) => return Ok(Settled::Kept(there)),
                Spot::Ask(there) => return Err(Taken::error(folder.path().join(there))),
                Spot::Aside(there) => self.make_room(&there, aside)?,
                Spot::Free(free) => match from.move_to(name, folder, free.as_str()) {
                    Ok(()) => {
                        self.listing.add(free.as_str());
                        return Ok(Settled::At(free));
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.look_again()?,
                    Err(error) => return Err(error),
                },
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn make_room(&mut self, there: &str, aside: &mut Vec<PathBuf>) -> io::Result<()> {
        let Some(free) = self.listing.aside(there) else {
            return Err(io::ErrorKind::AlreadyExists.into());
        };
        match self.folder.move_to(there, self.folder, free.as_str()) {
            Ok(()) => {
                self.listing.remove(there);
                self.listing.add(free.as_str());
                aside.push(self.folder.path().join(free.as_str()));
                Ok(())
            }
            // Somebody was quicker, one way or the other.
            Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
                self.look_again()
            }
            Err(error) => Err(error),
        }
    }

    fn look_again(&mut self) -> io::Result<()> {
        self.listing = Listing::of(self.folder)?;
        Ok(())
    }
}

/// Whether what has this name is a file with the same content.
pub(super) fn same_content(file: &File, folder: &Directory, name: &str) -> io::Result<bool> {
    let Ok(other) = folder.open_file(name) else {
        return Ok(false);
    };
    let size = file.metadata()?.len();
    if other.metadata()?.len() != size {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 128 * 1024], vec![0; 128 * 1024]);
    let mut at = 0;
    while at < size {
        let got = disk::read_at(file, &mut left, at)?;
        if got == 0 || disk::read_at(&other, &mut right[..got], at)? != got || left[..got] != right[..got] {
            return Ok(false);
        }
        at += got as u64;
    }
    Ok(true)
}
