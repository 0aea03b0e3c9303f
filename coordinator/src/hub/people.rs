//! Everybody with an account, and who of them is here. Pure state.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::Bound;

use landline_protocol::frame::{DeviceInfo, Extra};
use landline_protocol::{DeviceId, Person, Timestamp, UserName, limits};

use crate::store::accounts::StoredPerson;

/// Devices of one person that others are told of.
const DEVICES: usize = 32;

/// The directory, in the order of folded names.
#[derive(Default)]
pub(super) struct People {
    everybody: BTreeMap<String, Entry>,
    /// Whose state changed since it was last told: many changes of one person are one.
    changed: BTreeSet<String>,
    /// Counts changes, so that a reader of several parts can tell what changed meanwhile.
    version: u64,
}

struct Entry {
    user: UserName,
    last_seen: Option<Timestamp>,
    devices: BTreeMap<DeviceId, Device>,
    version: u64,
}

#[derive(Default)]
struct Device {
    name: String,
    online: bool,
    addresses: Vec<SocketAddr>,
}

/// A part of the directory.
pub(super) struct Part {
    /// Some of the people.
    pub(super) people: Vec<Person>,
    /// Where the next part begins; `None` after the last.
    pub(super) next: Option<String>,
}

impl People {
    /// The directory as the database has it: nobody is here.
    pub(super) fn load(stored: Vec<StoredPerson>) -> Self {
        let mut people = Self::default();
        for person in stored {
            let devices =
                person.devices.into_iter().map(|(id, name)| (id, Device { name, ..Device::default() }));
            let entry = Entry {
                last_seen: person.last_seen,
                devices: devices.collect(),
                user: person.name,
                version: 0,
            };
            people.everybody.insert(entry.user.folded(), entry);
        }
        people
    }

    /// The account's own spelling of a name.
    pub(super) fn spelled(&self, name: &UserName) -> Option<&UserName> {
        self.everybody.get(&name.folded()).map(|entry| &entry.user)
    }

    /// Notes a new account, or a device that signed in.
    pub(super) fn add(&mut self, user: &UserName, device: DeviceId, name: &str) {
        self.change(user, |entry| {
            let known = entry.devices.entry(device).or_default();
            let changed = known.name != name;
            name.clone_into(&mut known.name);
            changed
        });
    }

    /// A device is here now.
    pub(super) fn arrive(
        &mut self,
        user: &UserName,
        device: DeviceId,
        name: &str,
        addresses: Vec<SocketAddr>,
    ) {
        self.change(user, |entry| {
            let name = name.to_owned();
            entry.devices.insert(device, Device { name, online: true, addresses });
            true
        });
    }

    /// A device can be reached elsewhere now.
    pub(super) fn announce(&mut self, user: &UserName, device: DeviceId, addresses: Vec<SocketAddr>) {
        self.change(user, |entry| match entry.devices.get_mut(&device) {
            Some(known) if known.addresses != addresses => {
                known.addresses = addresses;
                true
            }
            _ => false,
        });
    }

    /// A device is gone.
    pub(super) fn leave(&mut self, user: &UserName, device: DeviceId, now: Timestamp) {
        self.change(user, |entry| {
            if let Some(known) = entry.devices.get_mut(&device) {
                known.online = false;
            }
            entry.last_seen = Some(now);
            true
        });
    }

    /// Up to `most` of those whose state changed since they were last taken.
    pub(super) fn take_changed(&mut self, most: usize) -> Vec<Person> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(name) = self.changed.pop_first()
        {
            taken.extend(self.everybody.get(&name).map(Entry::person));
        }
        taken
    }

    /// A moment to compare with in [`changed_since`](Self::changed_since).
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Those whose state changed after a moment, the earliest change first, of about `bytes` once
    /// encoded; and the moment up to which they are all.
    pub(super) fn changed_since(&self, version: u64, bytes: usize) -> (Vec<Person>, u64) {
        let mut changed: Vec<&Entry> = self.everybody.values().filter(|one| one.version > version).collect();
        changed.sort_unstable_by_key(|entry| entry.version);
        let (mut people, mut size) = (Vec::new(), 0);
        for entry in changed {
            if size >= bytes {
                return (people, entry.version - 1);
            }
            let person = entry.person();
            size += encoded_size(&person);
            people.push(person);
        }
        (people, self.version)
    }

    /// The part of the directory that follows a name, of about `bytes` once encoded.
    pub(super) fn part(&self, after: Option<&str>, bytes: usize) -> Part {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.everybody.range::<str, _>((from, Bound::Unbounded));
        let (mut people, mut size, mut last) = (Vec::new(), 0, None);
        for (name, entry) in rest.by_ref() {
            let person = entry.person();
            size += encoded_size(&person);
            people.push(person);
            last = Some(name.clone());
            if size >= bytes {
                break;
            }
        }
        let next = if rest.next().is_some() { last } else { None };
        Part { people, next }
    }

    fn change(&mut self, user: &UserName, act: impl FnOnce(&mut Entry) -> bool) {
        let folded = user.folded();
        let entry = self.everybody.entry(folded.clone()).or_insert_with(|| Entry {
            user: user.clone(),
            last_seen: None,
            devices: BTreeMap::new(),
            version: 0,
        });
        if act(entry) {
            self.version += 1;
            entry.version = self.version;
            self.changed.insert(folded);
        }
    }
}

impl Entry {
    /// The person as others see them, with no more devices than a frame has room for: those that
    /// are here come first.
    fn person(&self) -> Person {
        let here = self.devices.iter().filter(|(_, device)| device.online);
        let away = self.devices.iter().filter(|(_, device)| !device.online);
        let devices: Vec<DeviceInfo> = here
            .chain(away)
            .take(DEVICES)
            .map(|(id, device)| DeviceInfo {
                device: *id,
                name: device.name.clone(),
                online: device.online,
                addresses: device.addresses.clone(),
                extra: Extra::new(),
            })
            .collect();
        let online = devices.iter().any(|device| device.online);
        let last_seen = self.last_seen.filter(|_| !online);
        Person { user: self.user.clone(), online, last_seen, devices }
    }
}

/// A generous estimate: names may be escaped, hashes are 64 digits.
fn encoded_size(person: &Person) -> usize {
    let device = |d: &DeviceInfo| 160 + 2 * d.name.len() + 50 * d.addresses.len();
    120 + 2 * person.user.as_str().len() + person.devices.iter().map(device).sum::<usize>()
}

/// What a device announces, made useful: nothing that cannot be dialled, and the address that the
/// coordinator sees it come from, with each port it announced, first. A loopback address leads
/// whoever dials it to a machine of their own: it is passed on, last, only from a device that is on
/// the coordinator's own machine, where others may be as well.
pub(super) fn reachable(announced: Vec<SocketAddr>, observed: IpAddr) -> Vec<SocketAddr> {
    let observed = observed.to_canonical();
    let usable = |address: &SocketAddr| {
        let ip = address.ip().to_canonical();
        let astray = ip.is_loopback() && !observed.is_loopback();
        address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !astray
    };
    let announced: Vec<_> = announced.into_iter().filter(usable).take(limits::ADDRESSES).collect();
    let mut all = Vec::new();
    let seen_from = announced.iter().map(|address| SocketAddr::new(observed, address.port()));
    for address in seen_from.chain(announced.iter().copied()) {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    all.sort_by_key(|address| address.ip().to_canonical().is_loopback());
    all.truncate(limits::ADDRESSES);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    #[test]
    fn the_observed_address_comes_first_and_once() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let announced =
            vec![at("0.0.0.0:5000"), at("10.0.0.2:4811"), at("[fd00::2]:4811"), at("127.0.0.1:0")];
        let all = reachable(announced, "::ffff:192.168.1.9".parse().unwrap());
        assert_eq!(all, [at("192.168.1.9:4811"), at("10.0.0.2:4811"), at("[fd00::2]:4811")]);
        let many = (1..100).map(|port| SocketAddr::new([10, 0, 0, 1].into(), port)).collect();
        assert_eq!(reachable(many, [10, 0, 0, 1].into()).len(), limits::ADDRESSES);
    }

    #[test]
    fn loopback_addresses_go_only_to_where_they_may_mean_something() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let announced = || {
            let all = ["127.0.0.1:4811", "[::1]:4811", "[::ffff:127.0.0.1]:4811", "[::ffff:0.0.0.0]:4811"];
            all.into_iter().chain(["224.0.0.1:4811", "[ff02::1]:4811", "10.0.0.2:4811"]).map(at).collect()
        };
        let seen = reachable(announced(), [10, 0, 0, 2].into());
        assert_eq!(seen, [at("10.0.0.2:4811")]);
        let seen = reachable(announced(), [127, 0, 0, 1].into());
        assert_eq!(seen[..2], [at("10.0.0.2:4811"), at("127.0.0.1:4811")], "loopback last");
        assert!(seen.contains(&at("[::1]:4811")));
    }

    #[test]
    fn the_parts_of_the_directory_are_all_of_it() {
        let mut people = People::default();
        for n in 0..100 {
            people.add(&name(&format!("user{n:03}")), DeviceId::from_bytes([n; 32]), "pc");
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let part = people.part(after.as_deref(), 2_000);
            assert!(part.people.len() < 20);
            seen.extend(part.people.into_iter().map(|p| p.user));
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..100).map(|n| name(&format!("user{n:03}"))).collect::<Vec<_>>());
    }

    #[test]
    fn changes_come_in_parts_that_are_all_of_them() {
        let mut people = People::default();
        for n in 0..100 {
            people.add(&name(&format!("user{n:03}")), DeviceId::from_bytes([n; 32]), "pc");
        }
        let mut since = 40;
        let mut told = Vec::new();
        while since < people.version() {
            let (some, upto) = people.changed_since(since, 2_000);
            assert!(!some.is_empty() && some.len() < 20 && upto > since);
            told.extend(some.into_iter().map(|person| person.user));
            since = upto;
        }
        assert_eq!(told, (40..100).map(|n| name(&format!("user{n:03}"))).collect::<Vec<_>>());
    }

    #[test]
    fn a_person_of_many_devices_still_fits_a_frame() {
        let (mut people, alice) = (People::default(), name(&"\"".repeat(64)));
        for n in 0..200 {
            let addresses = (1..=16).map(|port| SocketAddr::new([0xfd00; 8].into(), 60_000 + port)).collect();
            people.arrive(&alice, DeviceId::from_bytes([n; 32]), &"\"".repeat(128), addresses);
        }
        people.leave(&alice, DeviceId::from_bytes([0; 32]), Timestamp::from_millis(1));
        let person = people.take_changed(1).remove(0);
        assert!(person.devices.iter().all(|device| device.online), "the one that left gives way");
        let size = serde_json::to_string(&person).unwrap().len();
        assert!(size < 64 * 1024 && size <= encoded_size(&person), "{size}");
    }

    #[test]
    fn changes_of_one_person_are_told_once_and_last_seen_is_for_the_absent() {
        let (mut people, alice) = (People::default(), name("alice"));
        let (one, two) = (DeviceId::from_bytes([1; 32]), DeviceId::from_bytes([2; 32]));
        people.arrive(&alice, one, "pc", vec![]);
        people.arrive(&alice, two, "nas", vec![]);
        let before = people.version();
        people.leave(&alice, one, Timestamp::from_millis(7));
        let told = people.take_changed(10);
        assert_eq!(told.len(), 1);
        assert!(told[0].online && told[0].last_seen.is_none());
        assert_eq!(people.changed_since(before, usize::MAX).0.len(), 1);
        people.leave(&alice, two, Timestamp::from_millis(9));
        assert_eq!(people.take_changed(10)[0].last_seen, Some(Timestamp::from_millis(9)));
        assert!(people.take_changed(10).is_empty());
    }
}
