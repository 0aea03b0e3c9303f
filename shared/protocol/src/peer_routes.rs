//! The routes of a peer's embedded file server.
//!
//! Both ends present their device certificates; the request carries the peer credential as a
//! bearer token. A share that does not exist and one that is not for the asker answer alike: 404.

use crate::ids::ShareId;

/// Everything below is a share.
pub const SHARES: &str = "/v1/shares/";

/// A resource of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareRoute {
    /// `GET`, `HEAD` `/v1/shares/{share}/{entry}`: the bytes, whole or one range (RFC 9110, 14).
    Content {
        /// The share.
        share: ShareId,
        /// The entry's index in the share's manifest; a single file is entry 0.
        entry: u32,
    },
    /// `GET` `/v1/shares/{share}/{entry}/tree`: the 32-byte BLAKE3 chaining values of its 1 MiB
    /// pieces, in order.
    Tree {
        /// The share.
        share: ShareId,
        /// The entry's index.
        entry: u32,
    },
}

impl ShareRoute {
    /// The path of this resource.
    pub fn path(&self) -> String {
        match self {
            Self::Content { share, entry } => format!("{SHARES}{share}/{entry}"),
            Self::Tree { share, entry } => format!("{SHARES}{share}/{entry}/tree"),
        }
    }

    /// Reads a request path; `None` for anything that is not exactly one of the routes.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix(SHARES)?.split('/');
        let share = parts.next()?.parse().ok()?;
        let index = parts.next()?;
        let entry = index.parse().ok().filter(|n: &u32| n.to_string() == index)?;
        match (parts.next(), parts.next()) {
            (None, _) => Some(Self::Content { share, entry }),
            (Some("tree"), None) => Some(Self::Tree { share, entry }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_routes_are_read() {
        let share = ShareId::from_bytes([7; 16]);
        for route in [ShareRoute::Content { share, entry: 0 }, ShareRoute::Tree { share, entry: 41 }] {
            assert_eq!(ShareRoute::parse(&route.path()), Some(route));
        }
        let id = share.to_string();
        for bad in [
            "/v1/shares/".to_owned(),
            format!("/v1/shares/{id}"),
            format!("/v1/shares/{id}/"),
            format!("/v1/shares/{id}/../0"),
            format!("/v1/shares/{id}/00"),
            format!("/v1/shares/{id}/-1"),
            format!("/v1/shares/{id}/0/tree/"),
            format!("/v1/shares/{id}/0/secrets.txt"),
            format!("/v1/shares/{id}%2f0/0"),
        ] {
            assert_eq!(ShareRoute::parse(&bad), None, "{bad}");
        }
    }
}
