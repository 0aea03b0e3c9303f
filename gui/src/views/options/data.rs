//! The dialog as data.

use std::path::{Path, PathBuf};

use landline_peer::api::{AcceptHow, Conflict, Failure, Outcome, TransferKind, TransferView};
use landline_protocol::{FileName, MessageId};

use super::picker::Picks;

/// The dialog.
pub(crate) struct Options {
    /// What is to be saved.
    pub(crate) offer: MessageId,
    /// Its name.
    pub(super) name: String,
    /// Where, as typed.
    pub(super) path: String,
    /// What is wrong with that.
    pub(super) error: Option<&'static str>,
    /// What to do about a taken name.
    pub(super) conflict: Conflict,
    usual: Conflict,
    /// Of a folder: what is in it.
    pub(super) listing: Option<Listing>,
}

/// What is known of a folder's contents.
pub(crate) enum Listing {
    /// It is on its way.
    Loading,
    /// It did not come, and why.
    Failed(String),
    /// For picking.
    Here(Picks),
}

impl Options {
    /// The usual way with a transfer, to begin with.
    pub(crate) fn of(transfer: &TransferView, folder: &Path, usual: Conflict) -> Self {
        let (name, _) = transfer.name.to_file_name();
        Self {
            offer: transfer.offer,
            name: transfer.name.to_string(),
            path: folder.join(name.as_str()).display().to_string(),
            error: None,
            conflict: usual,
            usual,
            listing: matches!(transfer.kind, TransferKind::Folder(_)).then_some(Listing::Loading),
        }
    }

    /// Whether a folder is to be saved.
    pub(crate) fn folder(&self) -> bool {
        self.listing.is_some()
    }

    /// The desktop's dialog was answered.
    pub(crate) fn choose_place(&mut self, path: &Path) {
        self.path = path.display().to_string();
        self.error = None;
    }

    /// The listing came, or did not.
    pub(crate) fn listed(&mut self, result: Result<Outcome, Failure>) {
        self.listing = Some(match result {
            Ok(Outcome::Listing(entries)) => Listing::Here(Picks::all(entries)),
            Ok(_) => Listing::Failed("What is in it is not known.".to_owned()),
            Err(failure) => Listing::Failed(failure.text),
        });
    }

    /// Whether there is something to fetch.
    pub(super) fn ready(&self) -> bool {
        !matches!(&self.listing, Some(Listing::Here(picks)) if picks.count() == 0)
    }

    /// What was chosen; says what is wrong with it.
    pub(super) fn how(&mut self) -> Option<AcceptHow> {
        let (folder, name) = match place(&self.path) {
            Ok(place) => place,
            Err(error) => {
                self.error = Some(error);
                return None;
            }
        };
        Some(AcceptHow {
            folder: Some(folder),
            name,
            conflict: (self.conflict != self.usual).then_some(self.conflict),
            picks: match &self.listing {
                Some(Listing::Here(picks)) => picks.some(),
                _ => None,
            },
            priority: None,
        })
    }
}

/// A folder and, unless the path ends with a separator, a name.
fn place(typed: &str) -> Result<(PathBuf, Option<FileName>), &'static str> {
    let path = Path::new(typed.trim());
    if !path.is_absolute() {
        return Err("Type the whole path, from the root on.");
    }
    if typed.trim().ends_with('/') {
        return Ok((path.to_owned(), None));
    }
    let name = path.file_name().and_then(|name| name.to_str()).map(FileName::parse);
    match (path.parent(), name) {
        (Some(folder), Some(Ok(name))) => Ok((folder.to_owned(), Some(name))),
        _ => Err("That name is not allowed. Leave out : * ? \" < > | and control characters."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_and_a_name() {
        let (folder, name) = place(" /home/me/new.pdf ").unwrap();
        assert_eq!(folder, Path::new("/home/me"));
        assert_eq!(name.unwrap().as_str(), "new.pdf");
        assert_eq!(place("/home/me/").unwrap(), (PathBuf::from("/home/me/"), None));
        for bad in ["", "new.pdf", "/", "/home/a:b", "/home/.."] {
            let result = place(bad);
            assert!(result.is_err() || bad == "/", "{bad}: {result:?}");
        }
    }
}
