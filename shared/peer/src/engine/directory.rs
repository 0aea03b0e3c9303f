//! Who there is, with which keys and where: what the coordinator says, laid over what is
//! remembered from before.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use landline_protocol::{DeviceId, Person, Timestamp, UserName};

use crate::api::PersonView;
use crate::history::KnownDevice;

/// A person as far as this machine knows.
struct Known {
    user: UserName,
    online: bool,
    last_seen: Option<Timestamp>,
    /// Oldest first.
    devices: Vec<DeviceId>,
}

/// Everybody, by folded name, and every device's addresses.
#[derive(Default)]
pub(super) struct Directory {
    people: BTreeMap<String, Known>,
    addresses: HashMap<DeviceId, Vec<SocketAddr>>,
}

impl Directory {
    /// What is remembered from earlier runs: nobody is online, but addresses may still be good.
    pub(super) fn remembered(devices: Vec<KnownDevice>) -> Self {
        let mut directory = Self::default();
        for known in devices {
            directory.person(&known.user).devices.push(known.device);
            directory.set_addresses(known.device, known.addresses);
        }
        directory
    }

    /// Takes in what the coordinator says of a person; returns the devices that are new or moved.
    pub(super) fn update(&mut self, person: &Person, now: Timestamp) -> Vec<KnownDevice> {
        let known = self.person(&person.user);
        known.user = person.user.clone();
        known.online = person.online;
        known.last_seen = person.last_seen;
        let mut changed = Vec::new();
        for info in &person.devices {
            let known = self.person(&person.user);
            let is_new = !known.devices.contains(&info.device);
            if is_new {
                known.devices.push(info.device);
            }
            // An empty list means "not announced now": the last known one may still be good.
            let moved = !info.addresses.is_empty() && self.set_addresses(info.device, info.addresses.clone());
            if is_new || moved {
                changed.push(KnownDevice {
                    user: person.user.clone(),
                    device: info.device,
                    first_seen: now,
                    addresses: info.addresses.clone(),
                });
            }
        }
        changed
    }

    /// The coordinator is out of reach: who is online is not known any more.
    pub(super) fn all_offline(&mut self) {
        self.people.values_mut().for_each(|known| known.online = false);
    }

    /// Where a device was when it was last heard of.
    pub(super) fn addresses_of(&self, device: &DeviceId) -> Vec<SocketAddr> {
        self.addresses.get(device).cloned().unwrap_or_default()
    }

    /// Whether the coordinator says so.
    pub(super) fn is_online(&self, user: &UserName) -> bool {
        self.people.get(&user.folded()).is_some_and(|known| known.online)
    }

    /// Whether the coordinator says so. Of somebody unknown it says nothing.
    pub(super) fn is_offline(&self, user: &UserName) -> bool {
        self.people.get(&user.folded()).is_some_and(|known| !known.online)
    }

    /// Which user (folded) each known device is listed under.
    pub(super) fn bindings(&self) -> HashMap<DeviceId, String> {
        let of = |(folded, known): (&String, &Known)| {
            let devices = known.devices.clone();
            let folded = folded.clone();
            devices.into_iter().map(move |device| (device, folded.clone()))
        };
        self.people.iter().flat_map(of).collect()
    }

    /// Everybody but `me`: online first, then by name.
    pub(super) fn views(&self, me: &UserName) -> Arc<[PersonView]> {
        let myself = me.folded();
        let mut views: Vec<PersonView> = self
            .people
            .iter()
            .filter(|(folded, _)| **folded != myself)
            .map(|(_, known)| PersonView {
                user: known.user.clone(),
                online: known.online,
                last_seen: known.last_seen,
                devices: known.devices.clone(),
                new_device: known.devices.len() > 1,
            })
            .collect();
        views.sort_by_key(|view| !view.online);
        views.into()
    }

    fn person(&mut self, user: &UserName) -> &mut Known {
        self.people.entry(user.folded()).or_insert_with(|| Known {
            user: user.clone(),
            online: false,
            last_seen: None,
            devices: Vec::new(),
        })
    }

    fn set_addresses(&mut self, device: DeviceId, addresses: Vec<SocketAddr>) -> bool {
        let held = self.addresses.entry(device).or_default();
        let differs = *held != addresses;
        *held = addresses;
        differs
    }
}
