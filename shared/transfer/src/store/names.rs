//! Which names a folder has, folded: two that differ only in case or in how an accent is written are
//! one file on other systems, and so are one here.

use std::collections::{HashMap, HashSet};
use std::io;

use landline_protocol::FileName;
use landline_protocol::name::MAX_NAME_BYTES;

use crate::beneath::Directory;

/// Numbers tried before giving up on a free name.
pub(super) const NUMBERS: u32 = 10_000;

/// The names in one folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    folded: HashMap<Box<str>, Box<str>>,
    /// Names whose folded form another has already.
    twins: HashSet<Box<str>>,
}

impl Listing {
    pub(super) fn of(folder: &Directory) -> io::Result<Self> {
        let mut listing = Self::default();
        for name in folder.names()? {
            // What is no UTF-8 is no name that anything here could have.
            if let Some(name) = name.to_str() {
                listing.add(name);
            }
        }
        Ok(listing)
    }

    pub(super) fn add(&mut self, name: &str) {
        let Some(key) = fold(name) else { return };
        if self.folded.contains_key(key.as_str()) {
            self.twins.insert(name.into());
        } else {
            self.folded.insert(key.into(), name.into());
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        let Some(key) = fold(name) else { return };
        if self.twins.remove(name) || self.folded.get(key.as_str()).is_none_or(|there| **there != *name) {
            return;
        }
        let twin = self.twins.iter().find(|twin| fold(twin).as_ref() == Some(&key)).cloned();
        match twin.and_then(|twin| self.twins.take(&twin)) {
            Some(twin) => self.folded.insert(key.into(), twin),
            None => self.folded.remove(key.as_str()),
        };
    }

    /// The name that stands in the way of this one: itself if it is there, else one that folds alike.
    pub(super) fn find(&self, name: &FileName) -> Option<&str> {
        if let Some(twin) = self.twins.get(name.as_str()) {
            return Some(twin);
        }
        self.folded.get(name.collision_key().as_str()).map(AsRef::as_ref)
    }

    /// The name itself, or the first free numbered one; `None` when ten thousand are taken.
    pub(super) fn free(&self, name: &FileName) -> Option<FileName> {
        let numbered = (1..NUMBERS).map(|n| name.numbered(n));
        std::iter::once(name.clone()).chain(numbered).find(|name| self.find(name).is_none())
    }

    /// What something is called that makes room for another: `name (replaced 2026-11-20 14-02).ext`.
    pub(super) fn aside(&self, name: &str) -> Option<FileName> {
        let stamp = jiff::Zoned::now().strftime("%Y-%m-%d %H-%M").to_string();
        self.free(&aside(name, &stamp))
    }
}

/// What a name is equal by: NFC, lower case. `None` for one that no file of ours can have.
pub(super) fn fold(name: &str) -> Option<String> {
    if name.is_ascii() {
        return Some(name.to_ascii_lowercase());
    }
    FileName::parse(name).ok().map(|name| name.collision_key())
}

fn aside(name: &str, stamp: &str) -> FileName {
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 16 => name.split_at(dot),
        _ => (name, ""),
    };
    let mark = format!(" (replaced {stamp}){ending}");
    let room = stem.floor_char_boundary(MAX_NAME_BYTES.saturating_sub(mark.len()).min(stem.len()));
    FileName::sanitized(&format!("{}{mark}", &stem[..room]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> FileName {
        FileName::parse(text).unwrap()
    }

    #[test]
    fn a_name_is_taken_by_any_that_folds_alike() {
        let mut listing = Listing::default();
        for taken in ["Photo.JPG", "re\u{301}sume\u{301}.pdf", "photo.jpg", "CON"] {
            listing.add(taken);
        }
        assert_eq!(listing.find(&name("photo.jpg")), Some("photo.jpg"), "itself before its twin");
        assert_eq!(listing.find(&name("PHOTO.jpg")), Some("Photo.JPG"));
        assert_eq!(listing.find(&name("Résumé.PDF")), Some("re\u{301}sume\u{301}.pdf"));
        assert_eq!(listing.find(&name("other")), None);
        listing.remove("Photo.JPG");
        assert_eq!(listing.find(&name("PHOTO.jpg")), Some("photo.jpg"), "its twin is still there");
        listing.add("PHOTO (1).jpg");
        assert_eq!(listing.free(&name("photo.jpg")), Some(name("photo (2).jpg")));
    }

    #[test]
    fn what_makes_room_says_when_and_keeps_its_ending() {
        assert_eq!(aside("a.tar", "2026").as_str(), "a (replaced 2026).tar");
        assert_eq!(aside(".bashrc", "2026").as_str(), ".bashrc (replaced 2026)");
        let long = aside(&format!("{}.pdf", "й".repeat(125)), "2026-11-20 14-02");
        assert!(long.as_str().ends_with(" (replaced 2026-11-20 14-02).pdf"));
        assert!(long.as_str().len() <= MAX_NAME_BYTES);
    }
}
