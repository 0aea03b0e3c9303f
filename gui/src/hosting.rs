//! Hosting: a coordinator inside the window's process.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use landline_peer::api::{Failure, FailureKind};
use landline_protocol::InviteLink;

use crate::state::Hosting;
use landline_coordinator::{Config, Coordinator};

/// Ports tried in turn when hosting begins.
const PORTS: std::ops::RangeInclusive<u16> = 4810..=4814;

/// A running coordinator.
pub(crate) struct Hosted {
    coordinator: Coordinator,
}

impl Hosted {
    /// Starts it with its data beneath the profile: where it listened before, or on the first
    /// free port.
    pub(crate) async fn start(profile: &Path, listen: Option<SocketAddr>) -> Result<Self, Failure> {
        let data_dir = data_dir(profile);
        let places: Vec<SocketAddr> = match listen {
            Some(place) => vec![place],
            None => PORTS.map(crate::bridge::usual_listen).collect(),
        };
        let mut first_error = None;
        for place in places {
            let mut config = Config { listen: place, ..Config::new(data_dir.clone()) };
            config.fit_descriptors();
            match Coordinator::start(config).await {
                Ok(coordinator) => return Ok(Self { coordinator }),
                Err(error) => {
                    tracing::warn!(%place, %error, "hosting");
                    first_error.get_or_insert(error.to_string());
                }
            }
        }
        let cause = first_error.unwrap_or_default();
        Err(Failure::new(
            FailureKind::Io,
            crate::views::format::sentence(&format!("hosting did not start: {cause}")),
        ))
    }

    /// How to start it the same way next time.
    pub(crate) fn remember(&self) -> Hosting {
        Hosting { listen: crate::bridge::usual_listen(self.coordinator.address().port()) }
    }

    /// Where others dial it: an address of this machine on its network.
    pub(crate) fn address(&self) -> String {
        let port = self.coordinator.address().port();
        outside(port).map_or_else(|| self.local(), |address| address.to_string())
    }

    /// Where this machine dials it.
    pub(crate) fn local(&self) -> String {
        format!("127.0.0.1:{}", self.coordinator.address().port())
    }

    /// The administrator's invite, while there is no account; dialled on this machine.
    pub(crate) fn first_invite(&self) -> Option<InviteLink> {
        let link = self.coordinator.first_invite()?;
        Some(InviteLink { host: "127.0.0.1".to_owned(), port: self.coordinator.address().port(), ..link })
    }

    /// Ends it in order.
    pub(crate) async fn shutdown(self) {
        self.coordinator.shutdown().await;
    }
}

/// The link as others need it: with this machine's address on its network in place of its own.
pub(crate) fn public_link(link: InviteLink, address: &str) -> InviteLink {
    let Ok(address) = address.parse::<SocketAddr>() else {
        return link;
    };
    InviteLink { host: address.ip().to_string(), port: address.port(), ..link }
}

fn data_dir(profile: &Path) -> PathBuf {
    profile.join("coordinator")
}

/// The address that others most likely reach: private IPv4 before the rest, never loopback.
fn outside(port: u16) -> Option<SocketAddr> {
    let all = landline_net::local_addresses(port);
    let rank = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(ip) if ip.is_private() => 0,
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 2,
    };
    all.into_iter().filter(|address| !address.ip().is_loopback()).min_by_key(rank)
}

#[cfg(test)]
mod tests {
    use landline_protocol::DeviceId;

    use super::*;

    #[test]
    fn a_link_for_others_names_this_machine_as_they_see_it() {
        let link = InviteLink {
            host: "127.0.0.1".into(),
            port: 4810,
            key: DeviceId::from_bytes([1; 32]),
            code: "abc".into(),
        };
        let public = public_link(link.clone(), "192.168.1.20:4811");
        assert_eq!((public.host.as_str(), public.port), ("192.168.1.20", 4811));
        assert_eq!((public.key, &public.code), (link.key, &link.code));
        assert_eq!(public_link(link.clone(), "nonsense"), link);
    }
}
