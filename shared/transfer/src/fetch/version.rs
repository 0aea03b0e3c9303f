//! Which version of the content a source serves, by its entity tag (RFC 9110, 8.8.3): all connections
//! to the source go by the same one, whichever of them heard of it first.

use std::sync::Mutex;

use hyper::header::HeaderValue;
use landline_protocol::peer_routes::Door;

use crate::lock;

/// Of one source.
#[derive(Debug, Default)]
pub(super) struct Version(Mutex<Option<(Door, HeaderValue)>>);

impl Version {
    /// The tag to name when asking behind this door. Behind another the device may well serve the same
    /// under another tag.
    pub(super) fn tag(&self, door: Door) -> Option<HeaderValue> {
        lock(&self.0).as_ref().filter(|(behind, _)| *behind == door).map(|(_, tag)| tag.clone())
    }

    /// Part of the content came under this tag; `None` to ask again as if for the first time.
    pub(super) fn set(&self, door: Door, tag: Option<HeaderValue>) {
        *lock(&self.0) = tag.map(|tag| (door, tag));
    }
}

#[cfg(test)]
mod tests {
    use landline_protocol::{HeldKey, ShareId};

    use super::*;

    #[test]
    fn a_tag_holds_behind_its_door_until_there_is_another() {
        let share = Door::Share(ShareId::from_bytes([1; 16]));
        let held = Door::Held(HeldKey::from_bytes([2; 16]));
        let tag = HeaderValue::from_static("\"old\"");
        let version = Version::default();
        assert_eq!(version.tag(share), None);
        version.set(share, Some(tag.clone()));
        assert_eq!((version.tag(share), version.tag(held)), (Some(tag), None));
        version.set(share, None);
        assert_eq!(version.tag(share), None);
    }
}
