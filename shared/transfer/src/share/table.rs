//! The doors of this machine, and what was taken through them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use landline_protocol::ShareId;
use landline_protocol::peer_routes::Door;

use super::audience::Folded;
use super::served::Served;
use super::shared::SharedFile;
use crate::beneath::Directory;
use crate::upload::Taken;

/// Entries kept for whoever reads the log.
const LOG: usize = 1_000;

/// What is behind each door.
#[derive(Default)]
pub(super) struct Table {
    doors: HashMap<Door, Arc<Served>>,
    /// What will be behind a door once it is opened again, and for whom.
    awaited: HashMap<ShareId, Folded>,
    /// Shares of one folder share its handle.
    directories: HashMap<(u64, u64), Weak<Directory>>,
}

impl Table {
    pub(super) fn get(&self, door: &Door) -> Option<Arc<Served>> {
        self.doors.get(door).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Served>> {
        self.doors.values().cloned().collect()
    }

    pub(super) fn insert(&mut self, served: Served) {
        self.forget(&served.door);
        self.doors.insert(served.door, Arc::new(served));
    }

    pub(super) fn await_share(&mut self, id: ShareId, audience: Folded) {
        self.awaited.insert(id, audience);
    }

    pub(super) fn await_nothing(&mut self) {
        self.awaited.clear();
    }

    pub(super) fn awaited(&self, id: &ShareId) -> Option<&Folded> {
        self.awaited.get(id)
    }

    fn forget(&mut self, door: &Door) {
        if let Door::Share(id) = door {
            self.awaited.remove(id);
        }
    }

    pub(super) fn remove(&mut self, door: &Door) -> Option<Arc<Served>> {
        self.forget(door);
        let served = self.doors.remove(door)?;
        self.directories.retain(|_, handle| handle.strong_count() > 0);
        Some(served)
    }

    /// Lets a file use the handle that others in its folder use.
    pub(super) fn share_handle(&mut self, file: &mut SharedFile) {
        let Ok(identity) = file.directory.identity() else {
            return;
        };
        if let Some(known) = self.directories.get(&identity).and_then(Weak::upgrade) {
            file.directory = known;
        } else {
            self.directories.insert(identity, Arc::downgrade(&file.directory));
        }
    }

    #[cfg(test)]
    pub(super) fn directories(&self) -> usize {
        self.directories.values().filter(|handle| handle.strong_count() > 0).count()
    }
}

/// What was taken and not told yet, the latest only.
#[derive(Default)]
pub(super) struct Log(VecDeque<Taken>);

impl Log {
    pub(super) fn push(&mut self, taken: Taken) {
        if self.0.len() == LOG {
            self.0.pop_front();
        }
        self.0.push_back(taken);
    }

    pub(super) fn drain(&mut self) -> Vec<Taken> {
        self.0.drain(..).collect()
    }
}
