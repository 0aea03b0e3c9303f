//! Addresses: of a host that somebody typed, of this machine as they change, and of its networks.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use if_addrs::{IfAddr, Interface};
use landline_protocol::limits;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::dial::DialError;

/// How long a name server has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often this machine's own addresses are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The addresses behind a name or a literal address (IPv6 with or without brackets).
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']');
    let failed = |why: String| DialError::Resolve { host: host.to_owned(), why };
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| failed("no answer from the name server".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(failed("the name has no address".to_owned()));
    }
    Ok(addresses)
}

/// Keeps the addresses of a listener up to date: looks every five seconds, and tells when they have
/// changed. Runs until it is dropped.
pub async fn follow(listener: SocketAddr, addresses: watch::Sender<Vec<SocketAddr>>) {
    look_every(LOOK_AGAIN, listener, addresses).await;
}

async fn look_every(period: Duration, listener: SocketAddr, addresses: watch::Sender<Vec<SocketAddr>>) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = reachable(listener);
        addresses.send_if_modified(|held| {
            let changed = *held != now;
            *held = now;
            changed
        });
    }
}

/// Where others may reach a listener that is bound to this address: that one, or each of this
/// machine's when it listens on all of them.
pub fn reachable(listener: SocketAddr) -> Vec<SocketAddr> {
    match listener.ip() {
        IpAddr::V6(ip) if ip.is_unspecified() => local_addresses(listener.port()),
        IpAddr::V4(ip) if ip.is_unspecified() => {
            let mut addresses = local_addresses(listener.port());
            addresses.retain(SocketAddr::is_ipv4);
            addresses
        }
        _ => vec![listener],
    }
}

/// Where others may reach a listener of this machine, likeliest first, loopback last; at most
/// [`limits::ADDRESSES`]. Link-local IPv6 is left out: it means nothing without an interface.
pub fn local_addresses(port: u16) -> Vec<SocketAddr> {
    let mut found: Vec<IpAddr> = interfaces().iter().map(Interface::ip).filter(announceable).collect();
    found.sort_by_key(|ip| (ip.is_loopback(), is_link_local(ip), ip.is_ipv6()));
    found.dedup();
    found.truncate(limits::ADDRESSES);
    found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}

fn interfaces() -> Vec<Interface> {
    if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the addresses of this machine cannot be listed");
        Vec::new()
    })
}

/// The networks that a machine is in: the address of each interface, with the number of bits it
/// shares with its neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    /// Those of this machine, now.
    pub fn here() -> Self {
        interfaces().iter().map(network).collect()
    }

    /// Whether an address is in one of them. Loopback is a network of its own.
    pub fn contain(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|(own, bits)| match (own, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => agree(own.to_bits().into(), ip.to_bits().into(), 32, *bits),
            (IpAddr::V6(own), IpAddr::V6(ip)) => agree(own.to_bits(), ip.to_bits(), 128, *bits),
            _ => false,
        })
    }

    /// Whether there is nothing but loopback.
    pub fn are_loopback(&self) -> bool {
        self.0.iter().all(|(ip, _)| ip.is_loopback())
    }
}

impl FromIterator<(IpAddr, u8)> for Networks {
    fn from_iter<T: IntoIterator<Item = (IpAddr, u8)>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}

fn network(interface: &Interface) -> (IpAddr, u8) {
    let (bits, all) = match &interface.addr {
        IfAddr::V4(v4) => (v4.prefixlen, 32),
        IfAddr::V6(v6) => (v6.prefixlen, 128),
    };
    // No mask is no neighbours, not everybody.
    (interface.ip(), if bits == 0 { all } else { bits })
}

/// Whether the first `bits` of two addresses of `all` bits are the same.
fn agree(one: u128, other: u128, all: u32, bits: u8) -> bool {
    let differing = u128::BITS - (one ^ other).leading_zeros();
    differing <= all.saturating_sub(bits.into())
}

fn announceable(ip: &IpAddr) -> bool {
    let needs_interface = ip.is_ipv6() && is_link_local(ip);
    !ip.is_unspecified() && !needs_interface
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// What counts as one host: an IPv4 address, or all of an IPv6 /64, for a host has that many.
pub fn host_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_many_addresses_of_a_host_count_as_one() {
        let host = |text: &str| host_of(text.parse().unwrap());
        assert_eq!(host("2001:db8::1"), host("2001:db8::ffff:3"), "the same /64");
        assert_ne!(host("2001:db8::1"), host("2001:db8:0:1::1"), "another one");
        assert_eq!(host("::ffff:192.0.2.1"), host("192.0.2.1"));
        assert_ne!(host("192.0.2.1"), host("192.0.2.2"));
    }

    #[test]
    fn a_network_ends_where_its_mask_says() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let here: Networks =
            [(ip("192.168.1.77"), 24), (ip("10.9.8.7"), 32), (ip("fd00:1::5"), 64), (ip("127.0.0.1"), 8)]
                .into_iter()
                .collect();
        for inside in [
            "192.168.1.1",
            "::ffff:192.168.1.200",
            "10.9.8.7",
            "fd00:1::ffff:1",
            "127.9.9.9",
            "192.168.1.255",
        ] {
            assert!(here.contain(ip(inside)), "{inside}");
        }
        for outside in
            ["192.168.0.255", "192.168.2.0", "10.9.8.6", "8.8.8.8", "fd00:1:0:1::5", "::1", "::c0a8:101"]
        {
            assert!(!here.contain(ip(outside)), "{outside}");
        }
        assert!(!here.are_loopback());
        assert!(Networks::here().contain(ip("127.0.0.1")));
    }

    #[tokio::test]
    async fn changed_addresses_are_told_and_unchanged_ones_are_not() {
        let listener: SocketAddr = "0.0.0.0:4811".parse().unwrap();
        let (sender, mut told) = watch::channel(Vec::new());
        let changing = sender.clone();
        let following = look_every(Duration::from_millis(5), listener, sender);
        let watching = async {
            told.changed().await.unwrap();
            assert!(told.borrow_and_update().contains(&"127.0.0.1:4811".parse().unwrap()));
            let again = tokio::time::timeout(Duration::from_millis(60), told.changed()).await;
            assert!(again.is_err(), "nothing changed");
            changing.send_replace(vec!["192.0.2.1:4811".parse().unwrap()]);
            told.borrow_and_update();
            told.changed().await.unwrap();
            assert!(!told.borrow().contains(&"192.0.2.1:4811".parse().unwrap()));
        };
        tokio::select! {
            () = following => unreachable!("it goes on"),
            () = watching => {}
        }
    }

    #[test]
    fn a_listener_on_one_address_is_reached_there_alone() {
        let one: SocketAddr = "192.0.2.7:4811".parse().unwrap();
        assert_eq!(reachable(one), [one]);
        let v4 = reachable("0.0.0.0:4811".parse().unwrap());
        assert!(v4.iter().all(SocketAddr::is_ipv4) && !v4.is_empty());
    }
}
