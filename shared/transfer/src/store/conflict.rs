//! What to do about a name that is taken: the rule for files and folders alike.

use std::io;
use std::path::PathBuf;

use landline_protocol::FileName;

use super::names::{Listing, NUMBERS};

/// What to do about a name that is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// Fetch nothing and ask, unless what is there is identical.
    Ask,
    /// Keep what is there; of a folder, fetch the files that are not there.
    Skip,
    /// Save under the next free name; what is identical is not fetched again.
    #[default]
    Rename,
    /// Take its place; what was there is kept beside it under a name that says so.
    Replace,
}

/// Something else has the name, and the person must say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is there already and differs; choose whether to keep it, to save beside it, or to replace it", .0.display())]
pub struct Taken(pub PathBuf);

impl Taken {
    /// What an error of the store says is in the way, if that is what it says.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    pub(super) fn error(path: PathBuf) -> io::Error {
        io::Error::new(io::ErrorKind::AlreadyExists, Self(path))
    }
}

/// Where something goes in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Under this name, which is free.
    Free(FileName),
    /// Nowhere: what is wanted is there, under this name.
    There(String),
    /// Under its own name, once what has this name was moved aside.
    Aside(String),
    /// Nowhere: something else is there and stays.
    Kept(String),
    /// Somebody must be asked: this is in the way.
    Ask(String),
}

/// Decides by what is in the folder. `serves` says whether what has a name is what is wanted: the same
/// content for a file, any folder for a folder. Numbered names are looked at too, so that what an
/// earlier attempt saved beside another is found again and not saved twice.
pub(super) fn spot(
    listing: &Listing,
    wanted: &FileName,
    conflict: Conflict,
    serves: &mut dyn FnMut(&str) -> io::Result<bool>,
) -> io::Result<Spot> {
    let Some(there) = listing.find(wanted) else {
        return Ok(Spot::Free(wanted.clone()));
    };
    if serves(there)? {
        return Ok(Spot::There(there.to_owned()));
    }
    match conflict {
        Conflict::Ask => Ok(Spot::Ask(there.to_owned())),
        Conflict::Skip => Ok(Spot::Kept(there.to_owned())),
        Conflict::Replace => Ok(Spot::Aside(there.to_owned())),
        Conflict::Rename => numbered(listing, wanted, serves),
    }
}

fn numbered(
    listing: &Listing,
    wanted: &FileName,
    serves: &mut dyn FnMut(&str) -> io::Result<bool>,
) -> io::Result<Spot> {
    for name in (1..NUMBERS).map(|n| wanted.numbered(n)) {
        match listing.find(&name) {
            None => return Ok(Spot::Free(name)),
            Some(there) if serves(there)? => return Ok(Spot::There(there.to_owned())),
            Some(_) => {}
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("ten thousand files are called like {wanted}; choose another folder"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_keeps_what_is_there() {
        let mut listing = Listing::default();
        for name in ["a.txt", "A (1).txt"] {
            listing.add(name);
        }
        let wanted = FileName::parse("A.txt").unwrap();
        let decide =
            |conflict, same: &str| spot(&listing, &wanted, conflict, &mut |name| Ok(name == same)).unwrap();
        for conflict in [Conflict::Ask, Conflict::Skip, Conflict::Rename, Conflict::Replace] {
            assert_eq!(decide(conflict, "a.txt"), Spot::There("a.txt".into()), "identical");
        }
        assert_eq!(decide(Conflict::Ask, ""), Spot::Ask("a.txt".into()));
        assert_eq!(decide(Conflict::Skip, ""), Spot::Kept("a.txt".into()));
        assert_eq!(decide(Conflict::Replace, ""), Spot::Aside("a.txt".into()));
        assert_eq!(decide(Conflict::Rename, ""), Spot::Free(wanted.numbered(2)));
        assert_eq!(decide(Conflict::Rename, "A (1).txt"), Spot::There("A (1).txt".into()));
        let free = FileName::parse("b").unwrap();
        assert_eq!(spot(&listing, &free, Conflict::Ask, &mut |_| Ok(true)).unwrap(), Spot::Free(free));
    }
}
