//! Samples of what is said about offers, who holds them, and how holders are reached.

use landline_protocol::frame::ConversationKind;
use landline_protocol::peer_routes::{DIAL_BACK, Door, FileRoute, Resource};
use landline_protocol::{
    Body, ClientFrame, DialNonce, FolderSummary, Have, Holder, Offer, OfferRef, OfferedName, Root,
    ServerFrame, ShareId,
};

use super::accounts::text;
use super::{Sample, addresses, device, message_id, moment, sample, user};

/// What a peer says about offers, and to be dialled.
pub(super) fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    let offer = offer_ref();
    vec![
        ("client.hold", ClientFrame::Hold { offer, complete: true }),
        ("client.release", ClientFrame::Release { offer }),
        ("client.seek", ClientFrame::Seek { offer }),
        ("client.dial_back", ClientFrame::DialBack { to: device(8), addresses: addresses(), nonce: nonce() }),
    ]
}

/// What the coordinator says about offers, and passes on.
pub(super) fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    let offer = offer_ref();
    let pass = "eyJhbGciOiJFZERTQSJ9.e30.cGFzcw".to_owned();
    let holders = vec![holder(true), holder(false)];
    vec![
        ("server.holders", ServerFrame::Holders { offer, holders, pass, expires_at: moment(600) }),
        ("server.not_found", ServerFrame::NotFound { offer }),
        (
            "server.dial_back",
            ServerFrame::DialBack { from: device(7), addresses: addresses(), nonce: nonce() },
        ),
    ]
}

/// The forms of an offer. Those of the first release have neither `folder` nor `replaces`.
pub(super) fn offers() -> Vec<(&'static str, Body)> {
    let file = Offer {
        share: ShareId::from_bytes([0x5a; 16]),
        name: OfferedName::new("отчёт 2026 (финал) 😀.pdf"),
        size: 1_073_741_824,
        root: Some(root()),
        modified: Some(moment(0)),
        folder: None,
        replaces: None,
    };
    let unsealed = Offer { root: None, modified: None, ..file.clone() };
    let folder = Offer {
        name: OfferedName::new("Photos of 2026"),
        folder: Some(folder_summary()),
        modified: None,
        ..file.clone()
    };
    let replacing = Offer { replaces: Some(message_id()), ..file.clone() };
    vec![
        ("body.offer", Body::Offer(file)),
        ("body.offer.unsealed", Body::Offer(unsealed)),
        ("body.offer.folder", Body::Offer(folder)),
        ("body.offer.replacing", Body::Offer(replacing)),
    ]
}

/// Smaller types.
pub(super) fn types() -> Vec<Sample> {
    let whole = Have { complete: true, map: None, given: Some("AwAAAAAAAAAAgA==".into()) };
    let part = Have { complete: false, map: Some("/x8=".into()), given: None };
    vec![
        sample("type.offer_ref", offer_ref()),
        sample("type.holder", holder(true)),
        sample("type.folder_summary", folder_summary()),
        sample("type.have", whole),
        sample("type.have.partial", part),
        sample("type.have.nothing", Have::default()),
    ]
}

/// The paths of a peer's file server.
pub(super) fn routes() -> Vec<Sample> {
    let share = Door::Share(ShareId::from_bytes([0x5a; 16]));
    let held = Door::Held(offer_ref().key());
    let route =
        |name, door: Door, resource| text(name, door.to(resource), FileRoute::parse, ToString::to_string);
    let dial_back = |t: &str| (t == DIAL_BACK).then(|| t.to_owned());
    vec![
        route("peer.content", share, Resource::Content),
        route("peer.content.held", held, Resource::Content),
        route("peer.entry", share, Resource::Entry(0)),
        route("peer.tree", share, Resource::Tree),
        route("peer.tree.held", held, Resource::Tree),
        route("peer.manifest", share, Resource::Manifest),
        route("peer.manifest.held", held, Resource::Manifest),
        route("peer.have", share, Resource::Have),
        route("peer.have.held", held, Resource::Have),
        text("peer.dial_back", DIAL_BACK.to_owned(), dial_back, Clone::clone),
    ]
}

/// The offer that everything here is about.
pub(crate) fn offer_ref() -> OfferRef {
    let conversation = ConversationKind::direct(user("bob"), user("alice")).id();
    OfferRef { conversation, device: device(7), id: message_id() }
}

pub(super) fn root() -> Root {
    Root::from_bytes(*blake3::hash(b"content").as_bytes())
}

fn holder(complete: bool) -> Holder {
    Holder { user: user("bob"), device: device(8), complete }
}

fn folder_summary() -> FolderSummary {
    FolderSummary { files: 1_204, folders: 31 }
}

fn nonce() -> DialNonce {
    DialNonce::from_bytes([0x3c; 16])
}
