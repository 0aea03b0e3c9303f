//! The state as people see it: snapshots built from what the engine owns.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use landline_protocol::{DeviceId, MessageId, UserName};

use super::directory::Directory;
use super::downloads::{Downloads, Offers};
use super::shares::{Outgoing, Uploads};
use super::{Engine, SignedIn};
use crate::api::{Me, Priority, Snapshot, TransferKind, TransferState, TransferView};
use crate::history::OfferRow;

/// Who looks, when, and what they know of others.
pub(super) struct Looker<'a> {
    pub(super) me: &'a UserName,
    pub(super) device: DeviceId,
    pub(super) now: Instant,
    /// Whether the coordinator says who is there.
    pub(super) online: bool,
    pub(super) directory: &'a Directory,
}

impl Engine {
    /// Publishes the state as it is now.
    pub(super) fn publish(&mut self) {
        let mut snapshot = Snapshot {
            revision: 0,
            device: self.key.id(),
            me: None,
            line: self.line.clone(),
            people: Arc::new([]),
            conversations: Arc::new([]),
            transfers: Arc::new(BTreeMap::new()),
            download_folder: self.download_folder.clone(),
            settings: Arc::clone(&self.settings),
            uploads: Arc::new([]),
        };
        let uploads = self.uploads();
        self.outgoing.uploading = false;
        if let Some(signed_in) = &mut self.signed_in {
            snapshot.me = Some(me(signed_in));
            snapshot.people = signed_in.directory.views(&signed_in.author.user);
            snapshot.conversations = signed_in.conversations.views();
            snapshot.uploads = Arc::clone(&signed_in.uploads);
            let looker = Looker {
                me: &signed_in.author.user,
                device: signed_in.author.device,
                now: Instant::now(),
                online: signed_in.outbox.line().is_some(),
                directory: &signed_in.directory,
            };
            let mut painter = Painter {
                looker,
                successors: successors(&signed_in.offers),
                downloads: &mut self.downloads,
                outgoing: &mut self.outgoing,
                uploads: &uploads,
            };
            let rows = signed_in.offers.values();
            let rows = rows.filter(|row| signed_in.conversations.has(&row.conversation));
            snapshot.transfers = Arc::new(rows.map(|row| (row.offer, painter.transfer(row))).collect());
        }
        self.outlet.publish(snapshot);
    }

    fn uploads(&self) -> Uploads {
        let mut uploads = HashMap::new();
        for upload in self.shares.uploads() {
            uploads.entry(upload.door).or_insert_with(Vec::new).push(upload);
        }
        uploads
    }
}

fn me(signed_in: &SignedIn) -> Me {
    let account = &signed_in.account;
    Me {
        user: account.user.clone(),
        admin: account.admin,
        coordinator: account.address.clone(),
        coordinator_key: account.coordinator,
        key_from_invite: account.from_invite,
    }
}

/// Which offer took the place of which; of several, the latest.
fn successors(offers: &Offers) -> HashMap<MessageId, MessageId> {
    let replaces = |row: &OfferRow| {
        let earlier = offers.get(&row.replaces?)?;
        row.takes_place_of(earlier).then_some((earlier.offer, row.offer))
    };
    offers.values().filter_map(replaces).collect()
}

struct Painter<'a> {
    looker: Looker<'a>,
    successors: HashMap<MessageId, MessageId>,
    downloads: &'a mut Downloads,
    outgoing: &'a mut Outgoing,
    uploads: &'a Uploads,
}

impl Painter<'_> {
    fn transfer(&mut self, row: &OfferRow) -> TransferView {
        let mut view = blank(row);
        view.replaced_by = self.successors.get(&row.offer).copied();
        view.replaces = row.replaces.filter(|earlier| self.successors.contains_key(earlier));
        if row.mine {
            self.outgoing.paint(row, &mut view, self.uploads, &self.looker);
        } else {
            self.downloads.paint(row, &mut view, &self.looker);
        }
        view
    }
}

fn blank(row: &OfferRow) -> TransferView {
    TransferView {
        offer: row.offer,
        conversation: row.conversation,
        author: row.author.clone(),
        outgoing: row.mine,
        kind: row.folder.map_or(TransferKind::File, TransferKind::Folder),
        name: row.name.clone(),
        size: row.size,
        state: TransferState::Offered,
        bytes: 0,
        rate: None,
        remaining: None,
        hashed: None,
        path: None,
        outlook: None,
        priority: Priority::default(),
        sources: Vec::new(),
        picture: Arc::new([]),
        files_done: 0,
        recipients: Vec::new(),
        replaces: None,
        replaced_by: None,
    }
}
