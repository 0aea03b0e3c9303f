//! Addresses: of a host that somebody typed, and of this machine.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use landline_protocol::limits;

use crate::dial::DialError;

/// How long a name server has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// Where others may reach a listener of this machine, likeliest first, loopback last; at most
/// [`limits::ADDRESSES`]. Link-local IPv6 is left out: it means nothing without an interface.
pub fn local_addresses(port: u16) -> Vec<SocketAddr> {
    let mut found: Vec<IpAddr> = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(if_addrs::Interface::ip).filter(announceable).collect(),
        Err(error) => {
            tracing::warn!(%error, "the addresses of this machine cannot be listed");
            Vec::new()
        }
    };
    found.sort_by_key(|ip| (ip.is_loopback(), is_link_local(ip), ip.is_ipv6()));
    found.dedup();
    found.truncate(limits::ADDRESSES);
    found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
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
