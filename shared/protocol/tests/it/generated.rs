//! Round trips of generated values: whatever can be said arrives as it was said.

mod values;

use std::fmt::Debug;

use landline_protocol::account::{Health, Invite, KeySet, Refresh, Session, SignIn, SignUp, SigningKey};
use landline_protocol::peer_routes::FileRoute;
use landline_protocol::{
    Body, ClientFrame, ConversationKind, DeviceId, Envelope, Holder, InviteLink, OfferRef, PublicKey,
    ServerFrame, Signature, Signed, UserName, limits,
};
use proptest::option::of;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use values::*;

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
    let json = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&json).map_err(|why| TestCaseError::fail(format!("{why}: {json}")))?;
    prop_assert_eq!(value, &read);
    prop_assert_eq!(serde_json::to_string(&read).unwrap(), json, "written the same again");
    Ok(())
}

proptest! {
    #[test]
    fn client_frames(frame in client_frame()) { survives(&frame)?; }

    #[test]
    fn server_frames(frame in server_frame()) { survives(&frame)?; }

    #[test]
    fn envelopes(envelope in envelope()) { survives(&envelope)?; }

    #[test]
    fn account_messages(
        names in (user(), any::<String>(), any::<String>(), of(any::<String>())),
        tokens in (any::<String>(), any::<String>(), any::<String>()),
        times in (time(), time()), admin: bool, key in bytes32(),
    ) {
        let (username, password, device_name, invite) = names;
        let (access_token, peer_credential, refresh_token) = tokens;
        survives(&SignUp { username: username.clone(), password: password.clone(), invite, device_name: device_name.clone() })?;
        survives(&SignIn { username: access_token.clone(), password, device_name })?;
        survives(&Refresh { refresh_token: refresh_token.clone() })?;
        survives(&Invite { code: refresh_token.clone(), expires_at: times.0 })?;
        survives(&Health { status: access_token.clone(), version: peer_credential.clone() })?;
        let signing = SigningKey { id: access_token.clone(), key: PublicKey::from_bytes(key) };
        survives(&KeySet { issuer: DeviceId::from_bytes(key), keys: vec![signing] })?;
        survives(&Session {
            user: username, admin, access_token, access_expires_at: times.0, peer_credential,
            peer_expires_at: times.1, refresh_token,
        })?;
    }

    #[test]
    fn revocation_lists(list in revocations()) { survives(&list)?; }

    #[test]
    fn errors(error in wire_error()) { survives(&error)?; }

    #[test]
    fn invite_links(host in "[a-z0-9.-]{1,20}|[0-9a-f]{1,4}::[0-9a-f]{1,4}", port: u16, key in bytes32(), code in "[A-Za-z0-9_-]{1,40}") {
        let link = InviteLink { host, port, key: DeviceId::from_bytes(key), code };
        prop_assert_eq!(link.to_string().parse(), Ok(link));
    }

    #[test]
    fn no_text_makes_the_readers_of_text_panic(text: String) {
        let _ = text.parse::<InviteLink>();
        let _ = text.parse::<UserName>();
        let _ = FileRoute::parse(&text);
        let _ = serde_json::from_str::<ClientFrame>(&text);
    }

    #[test]
    fn haves(have in have()) { survives(&have)?; }

    #[test]
    fn routes(route in route()) {
        prop_assert_eq!(FileRoute::parse(&route.to_string()), Some(route));
    }

    /// Whatever is read as a route is written as it came, but for the case of its hexadecimal.
    #[test]
    fn what_is_nearly_a_route_is_one_or_is_none(text in "(/v1/(shares|held|dial-back)/)?[0-9a-fA-F]{30,34}/?(content|tree|manifest|have|0|00|[0-9]{0,11}|-1|%2e)?[/?a0]?") {
        if let Some(route) = FileRoute::parse(&text) {
            prop_assert_eq!(route.to_string(), text.to_lowercase());
        }
    }

    #[test]
    fn offers_of_different_places_have_different_keys(one in offer_ref(), other in offer_ref()) {
        prop_assert_eq!(one == other, one.key() == other.key());
        prop_assert_ne!(OfferRef { device: other.device, ..one }.key(), OfferRef { conversation: other.conversation, ..one }.key());
    }

    /// The longest list of holders, in the longest spelling of their names, goes through a frame.
    #[test]
    fn the_longest_list_of_holders_fits_a_frame(offer in offer_ref(), pass in "[A-Za-z0-9_.-]{4096}", time in time()) {
        let holder = Holder { user: "\"".repeat(64).parse().unwrap(), device: offer.device, complete: false };
        let holders = vec![holder; limits::HOLDERS];
        let frame = ServerFrame::Holders { offer, holders, pass, expires_at: time };
        prop_assert!(serde_json::to_string(&frame).unwrap().len() <= limits::FRAME_BYTES / 8);
    }

    /// The limits fit each other: the longest text in its longest spelling goes through a frame.
    #[test]
    fn the_longest_text_fits_a_frame(c in any::<char>(), envelope in envelope()) {
        let text: String = std::iter::repeat_n(c, limits::TEXT_BYTES / c.len_utf8()).collect();
        // A control character takes six characters in JSON, and twelve when that is quoted again.
        prop_assume!(!c.is_control());
        let envelope = Envelope { body: Body::Text { text }, ..envelope }.to_json();
        prop_assert!(envelope.len() <= limits::ENVELOPE_BYTES, "{} bytes", envelope.len());
        let message = Signed { envelope, key: PublicKey::from_bytes([0; 32]), signature: Signature::from_bytes([0; 64]) };
        let frame = ClientFrame::Send { to: ConversationKind::Lobby, message };
        prop_assert!(serde_json::to_string(&frame).unwrap().len() <= limits::FRAME_BYTES);
    }
}
