//! Requests to dial back, passed on: somebody whom a firewall keeps from dialling asks to be
//! dialled. Whoever is asked connects to addresses that another chose, so these are few and near.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use landline_net::addresses::host_of;
use landline_protocol::{DeviceId, DialNonce, ServerFrame, Timestamp, limits};

use super::connection::Session;
use super::{Hub, people, tell};
use crate::store::ConnectionId;

/// Requests of one device in a minute, whomever they are for.
const PER_ASKER: usize = 60;
/// The lowest port that may be dialled: below are the services of the system.
const LOWEST_PORT: u16 = 1024;
const MINUTE_MILLIS: u64 = 60_000;

impl Session {
    /// Passes the request on, or drops it: the asker has a clock of its own.
    pub(super) fn dial_back(&self, to: DeviceId, addresses: Vec<SocketAddr>, nonce: DialNonce) {
        let addresses = dialable(addresses, self.peer.remote.ip());
        let from = self.who.device;
        let passed = !addresses.is_empty() && {
            let frame = ServerFrame::DialBack { from, addresses, nonce };
            self.app.hub.dial_back((self.id, from), to, &frame)
        };
        tracing::debug!(from = from.short(), to = to.short(), passed, "asked to be dialled back");
    }
}

impl Hub {
    /// Tells a device that another asks to be dialled; `false` when it is not here, or that was
    /// asked too often.
    fn dial_back(&self, asker: (ConnectionId, DeviceId), to: DeviceId, frame: &ServerFrame) -> bool {
        let (connection, from) = asker;
        let now = self.clock.now();
        let mut guard = self.state();
        let state = &mut *guard;
        let both = |id: &&ConnectionId| state.is_current(**id, now) && state.is_current(connection, now);
        let here = state.by_device.get(&to).filter(|_| from != to).filter(both);
        let Some(connected) = here.and_then(|id| state.connections.get(id)) else {
            return false;
        };
        let allowed = state.asked.take(from, to, now);
        if allowed {
            tell(connected, frame);
        }
        allowed
    }
}

/// Who asked whom to dial back within the last minute.
#[derive(Default)]
pub(super) struct Asked {
    by: HashMap<DeviceId, Vec<(DeviceId, Timestamp)>>,
}

impl Asked {
    /// Counts a request; `false` if there were too many in the minute before.
    fn take(&mut self, from: DeviceId, to: DeviceId, now: Timestamp) -> bool {
        let asked = self.by.entry(from).or_default();
        asked.retain(|(_, at)| is_recent(*at, now));
        let of_this_one = asked.iter().filter(|(whom, _)| *whom == to).count();
        let allowed = of_this_one < limits::DIAL_BACKS_PER_MINUTE as usize && asked.len() < PER_ASKER;
        if allowed {
            asked.push((to, now));
        }
        allowed
    }

    /// Forgets what does not count any more.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.by.retain(|_, asked| asked.iter().any(|(_, at)| is_recent(*at, now)));
    }
}

/// Within the last minute. A moment yet to come is one of a clock that was set back since.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.as_millis().checked_sub(at.as_millis()).is_some_and(|since| since < MINUTE_MILLIS)
}

/// The addresses of a request that may be passed on: of the host that the asker is seen to be, or of
/// private networks, for whoever is asked to see whether they are its own as well.
fn dialable(wanted: Vec<SocketAddr>, observed: IpAddr) -> Vec<SocketAddr> {
    let near = |ip: IpAddr| host_of(ip) == host_of(observed) || is_private(ip);
    let wanted = wanted.into_iter().filter(|address| address.port() >= LOWEST_PORT).collect();
    let mut all = people::reachable(wanted, observed);
    all.retain(|address| near(address.ip().to_canonical()));
    all
}

/// Addresses that mean something on one's own networks only, and the loopback ones, which
/// [`people::reachable`] lets pass only from the coordinator's own machine.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        // RFC 1918, 3927 and 6598.
        IpAddr::V4(v4) => {
            let [one, two, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || (one == 100 && two & 0xc0 == 64)
        }
        // RFC 4193. Link-local ones mean nothing without an interface.
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn device(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 32])
    }

    #[test]
    fn only_near_addresses_and_high_ports_are_passed_on() {
        let wanted = [
            "192.168.1.7:4811",
            "100.64.3.4:4811",
            "[fd00::7]:4811",
            "[2001:db8:0:1::77]:4811",
            "10.0.0.1:22",
            "10.0.0.1:1023",
            "10.0.0.1:1024",
            "8.8.8.8:4811",
            "100.128.0.1:4811",
            "[2001:db8:0:2::77]:4811",
            "[fe80::1]:4811",
            "127.0.0.1:4811",
            "[::ffff:127.0.0.1]:4811",
            "[::1]:4811",
            "0.0.0.0:4811",
            "224.0.0.1:4811",
        ];
        let passed = dialable(wanted.map(at).into(), "2001:db8:0:1::5".parse().unwrap());
        let expected = [
            "[2001:db8:0:1::5]:4811",
            "[2001:db8:0:1::5]:1024",
            "192.168.1.7:4811",
            "100.64.3.4:4811",
            "[fd00::7]:4811",
            "[2001:db8:0:1::77]:4811",
            "10.0.0.1:1024",
        ];
        assert_eq!(passed, expected.map(at));
        let passed = dialable(vec![at("8.8.8.8:5000"), at("1.2.3.4:80")], "203.0.113.9".parse().unwrap());
        assert_eq!(passed, [at("203.0.113.9:5000")], "the asker itself is near wherever it is");
        assert_eq!(dialable(vec![at("10.0.0.1:443")], "10.0.0.1".parse().unwrap()), []);
        let from_here = dialable(vec![at("127.0.0.1:5000")], "127.0.0.1".parse().unwrap());
        assert_eq!(from_here, [at("127.0.0.1:5000")]);
    }

    #[test]
    fn a_device_asks_another_five_times_a_minute_and_everybody_sixty_times() {
        let (mut asked, start) = (Asked::default(), 1_000_000);
        let when = |millis: u64| Timestamp::from_millis(start + millis);
        for n in 0..5 {
            assert!(asked.take(device(1), device(2), when(n * 10_000)));
        }
        assert!(!asked.take(device(1), device(2), when(59_999)));
        assert!(asked.take(device(1), device(3), when(59_999)), "another is another matter");
        assert!(asked.take(device(4), device(2), when(59_999)));
        assert!(asked.take(device(1), device(2), when(60_000)), "the first is a minute ago");
        assert!(!asked.take(device(1), device(2), when(60_001)));
        let passed = (5..100).filter(|n| asked.take(device(9), device(*n), when(70_000))).count();
        assert_eq!(passed, 60);
        asked.sweep(when(140_000));
        assert!(asked.by.is_empty(), "nothing is kept of the quiet");
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let mut asked = Asked::default();
        let late = Timestamp::from_millis(9_000_000);
        assert!((0..5).all(|_| asked.take(device(1), device(2), late)));
        assert!(asked.take(device(1), device(2), Timestamp::from_millis(5_000_000)));
    }
}
