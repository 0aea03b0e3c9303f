//! The routes of a peer's embedded file server.
//!
//! Both ends present their device certificates; the request carries the peer credential as a
//! bearer token. A share that does not exist and one that is not for the asker answer alike: 404.

use std::fmt;

use crate::ids::{HeldKey, ShareId};

/// Everything that the owner of a file serves, under the capability in the offer.
pub const SHARES: &str = "/v1/shares/";
/// Everything that is passed on by others who fetched it, to whoever shows a content pass.
pub const HELD: &str = "/v1/held/";
/// `POST`: the connection becomes one on which the server asks and the client answers. Only after a
/// `dial_back` frame, whose nonce goes in [`NONCE_HEADER`].
pub const DIAL_BACK: &str = "/v1/dial-back";
/// The header with the nonce of a `dial_back` frame.
pub const NONCE_HEADER: &str = "landline-nonce";
/// The `Upgrade` token (RFC 9110, 7.8) of [`DIAL_BACK`].
pub const DIAL_BACK_PROTOCOL: &str = "landline-dial-back";

/// By what right something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// From its owner: the capability in the offer.
    Share(ShareId),
    /// From a holder: the offer that the pass is for.
    Held(HeldKey),
}

/// A resource behind a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `GET`, `HEAD` `…/content`: the bytes, whole or one range (RFC 9110, 14). Of a folder: its
    /// files one after the other, in the order of the manifest.
    Content,
    /// `GET`, `HEAD` `…/{entry}`: one file by its index among the files of the manifest; a single
    /// file is 0. Only from the owner.
    Entry(u32),
    /// `GET` `…/tree`: the 32-byte BLAKE3 chaining values of a single file's 1 MiB pieces, in order.
    Tree,
    /// `GET` `…/manifest`: what is in a folder, whole or one range.
    Manifest,
    /// `GET` `…/have`: a [`crate::swarm::Have`] as JSON.
    Have,
}

/// A path of the file server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileRoute {
    /// By what right.
    pub door: Door,
    /// What.
    pub resource: Resource,
}

impl Door {
    /// A resource behind it.
    pub const fn to(self, resource: Resource) -> FileRoute {
        FileRoute { door: self, resource }
    }
}

impl FileRoute {
    /// Reads a request path; `None` for anything that is not exactly one of the routes.
    pub fn parse(path: &str) -> Option<Self> {
        let (rest, is_share) = match (path.strip_prefix(SHARES), path.strip_prefix(HELD)) {
            (Some(rest), _) => (rest, true),
            (None, Some(rest)) => (rest, false),
            (None, None) => return None,
        };
        let (id, resource) = rest.split_once('/')?;
        let door = if is_share { Door::Share(id.parse().ok()?) } else { Door::Held(id.parse().ok()?) };
        let resource = match resource {
            "content" => Resource::Content,
            "tree" => Resource::Tree,
            "manifest" => Resource::Manifest,
            "have" => Resource::Have,
            index if is_share => {
                Resource::Entry(index.parse().ok().filter(|n: &u32| n.to_string() == index)?)
            }
            _ => return None,
        };
        Some(door.to(resource))
    }
}

/// The path.
impl fmt::Display for FileRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.door {
            Door::Share(share) => write!(f, "{SHARES}{share}/")?,
            Door::Held(key) => write!(f, "{HELD}{key}/")?,
        }
        match self.resource {
            Resource::Content => f.write_str("content"),
            Resource::Entry(index) => write!(f, "{index}"),
            Resource::Tree => f.write_str("tree"),
            Resource::Manifest => f.write_str("manifest"),
            Resource::Have => f.write_str("have"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_routes_are_read() {
        let (share, held) =
            (Door::Share(ShareId::from_bytes([7; 16])), Door::Held(HeldKey::from_bytes([8; 16])));
        for resource in [Resource::Content, Resource::Tree, Resource::Manifest, Resource::Have] {
            for door in [share, held] {
                let route = door.to(resource);
                assert_eq!(FileRoute::parse(&route.to_string()), Some(route));
            }
        }
        let entry = share.to(Resource::Entry(41));
        assert_eq!(FileRoute::parse(&entry.to_string()), Some(entry));
        assert_eq!(FileRoute::parse(&held.to(Resource::Entry(0)).to_string()), None, "only from the owner");
        let id = ShareId::from_bytes([7; 16]).to_string();
        for bad in [
            "/v1/shares/".to_owned(),
            format!("/v1/shares/{id}"),
            format!("/v1/shares/{id}/"),
            format!("/v1/shares/{id}/../0"),
            format!("/v1/shares/{id}/00"),
            format!("/v1/shares/{id}/-1"),
            format!("/v1/shares/{id}/tree/"),
            format!("/v1/shares/{id}/0/secrets.txt"),
            format!("/v1/shares/{id}%2f0/0"),
            format!("/v1/other/{id}/content"),
        ] {
            assert_eq!(FileRoute::parse(&bad), None, "{bad}");
        }
    }
}
