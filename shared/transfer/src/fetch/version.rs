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

    /// It serves another version: asked again, it is asked as if for the first time.
    pub(super) fn forget(&self) {
        *lock(&self.0) = None;
    }

    /// Part of the content comes under this tag. Says whether that is the version there was, if there was
    /// one; if it is not, none is known from now on.
    pub(super) fn is_still(&self, door: Door, tag: Option<HeaderValue>) -> bool {
        let mut known = lock(&self.0);
        let is_other =
            known.as_ref().is_some_and(|(behind, known)| *behind == door && Some(known) != tag.as_ref());
        *known = tag.filter(|_| !is_other).map(|tag| (door, tag));
        !is_other
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
        let [old, new] = ["\"old\"", "\"new\""].map(HeaderValue::from_static);
        let version = Version::default();
        assert_eq!(version.tag(share), None);
        assert!(version.is_still(share, Some(old.clone())) && version.is_still(share, Some(old.clone())));
        assert_eq!((version.tag(share), version.tag(held)), (Some(old), None));
        assert!(!version.is_still(share, Some(new.clone())));
        assert_eq!(version.tag(share), None);
        assert!(version.is_still(share, Some(new.clone())));
        assert!(version.is_still(held, Some(new)) && version.tag(share).is_none());
        assert!(!version.is_still(held, None));
        assert!(version.is_still(held, Some(HeaderValue::from_static("\"third\""))));
        version.forget();
        assert!(version.tag(held).is_none() && version.is_still(held, None));
    }
}
