//! Invite links: under which addresses a coordinator can be found, and the code that lets one in.

use std::net::{IpAddr, SocketAddr};

use landline_net::local_addresses;
use landline_protocol::{DeviceId, InviteLink};
use landline_trust::DeviceKey;
use landline_trust::private_file::private_dir;

use crate::config::Config;
use crate::error::StartError;
use crate::store;
use landline_net::Clock;

/// Under which name a running coordinator notes where it listens.
pub(crate) const LISTENS: &str = "listens";

/// Makes an invite in the data directory of a coordinator, whether or not it is running: a link by
/// each address under which it was last reachable.
pub fn invite_into(config: &Config, admin: bool, clock: &Clock) -> Result<Vec<InviteLink>, StartError> {
    let path = config.data_dir.join(store::FILE);
    if !path.exists() {
        return Err(StartError::NeverRan(config.data_dir.clone()));
    }
    private_dir(&config.data_dir)?;
    let key = DeviceKey::load_or_create(&config.data_dir)?;
    let db = store::open_writable(&path)?;
    let now = clock.now();
    let new = crate::auth::new_invite(now)?;
    store::invites::add(&db, &new.hash, admin, now, new.invite.expires_at)?;
    let listens = store::noted(&db, LISTENS)?.and_then(|text| text.parse().ok());
    Ok(links(listens.unwrap_or(config.listen), key.id(), &new.invite.code))
}

/// The addresses to tell people: the one it listens on, or all of this machine's.
pub fn reachable_at(listens: SocketAddr) -> Vec<SocketAddr> {
    if !listens.ip().is_unspecified() {
        return vec![listens];
    }
    let v4_only = listens.is_ipv4();
    let mut all = local_addresses(listens.port());
    all.retain(|address| !v4_only || address.is_ipv4());
    if all.is_empty() {
        all.push(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), listens.port()));
    }
    all
}

pub(crate) fn links(listens: SocketAddr, key: DeviceId, code: &str) -> Vec<InviteLink> {
    let link = |address: SocketAddr| InviteLink {
        host: address.ip().to_string(),
        port: address.port(),
        key,
        code: code.to_owned(),
    };
    reachable_at(listens).into_iter().map(link).collect()
}
