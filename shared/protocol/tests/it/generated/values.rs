//! Values of every kind of message, for the round trips.

use std::net::{IpAddr, SocketAddr};

use landline_protocol::error::ErrorDetails;
use landline_protocol::frame::{ConversationHead, DeviceInfo, Extra, Hello, Page, Pull, Range, Welcome};
use landline_protocol::peer_routes::{Door, FileRoute, Resource};
use landline_protocol::{
    Answer, Author, Body, ClientFrame, ConversationId, ConversationKind, DeviceId, DialNonce, Digest,
    Envelope, ErrorCode, FolderSummary, Have, HeldKey, Holder, MessageId, Offer, OfferRef, OfferedName,
    Person, PublicKey, RevocationList, Revoked, Root, Sealed, Seq, Sequenced, ServerFrame, ShareId,
    Signature, Signed, SignedRevocations, Timestamp, UserName, Verdict, WireError,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

pub(super) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let hello = (vec(any::<u16>(), 0..4), strings(), any::<String>(), any::<String>(), addresses()).prop_map(
        |(versions, capabilities, agent, device_name, addresses)| {
            ClientFrame::Hello(Hello { versions, capabilities, agent, device_name, addresses })
        },
    );
    let pull = (conversation(), range(), any::<u32>())
        .prop_map(|(conversation, range, limit)| ClientFrame::Pull(Pull { conversation, range, limit }));
    prop_oneof![
        hello,
        any::<String>().prop_map(|token| ClientFrame::Authenticate { token }),
        addresses().prop_map(|addresses| ClientFrame::Announce { addresses }),
        pull,
        (kind(), signed()).prop_map(|(to, message)| ClientFrame::Send { to, message }),
        (offer_ref(), any::<bool>()).prop_map(|(offer, complete)| ClientFrame::Hold { offer, complete }),
        offer_ref().prop_map(|offer| ClientFrame::Release { offer }),
        offer_ref().prop_map(|offer| ClientFrame::Seek { offer }),
        (device(), addresses(), nonce()).prop_map(|(to, addresses, nonce)| ClientFrame::DialBack {
            to,
            addresses,
            nonce
        }),
    ]
}

pub(super) fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let page = (conversation(), range(), vec(sequenced(), 0..4), seq()).prop_map(
        |(conversation, range, messages, head)| {
            ServerFrame::Page(Page { conversation, range, messages, head })
        },
    );
    let holder = (user(), device(), any::<bool>()).prop_map(|(user, device, complete)| Holder {
        user,
        device,
        complete,
    });
    let holders = (offer_ref(), vec(holder, 0..4), any::<String>(), time()).prop_map(
        |(offer, holders, pass, expires_at)| ServerFrame::Holders { offer, holders, pass, expires_at },
    );
    let head = (kind(), seq()).prop_map(|(kind, head)| ConversationHead { kind, head });
    prop_oneof![
        welcome(),
        (vec(person(), 0..4), any::<bool>())
            .prop_map(|(people, complete)| ServerFrame::Directory { people, complete }),
        person().prop_map(|person| ServerFrame::Presence { person }),
        signed_revocations().prop_map(|revocations| ServerFrame::Revocations { revocations }),
        vec(head, 0..4).prop_map(|conversations| ServerFrame::Conversations { conversations }),
        page,
        (conversation(), sequenced())
            .prop_map(|(conversation, message)| ServerFrame::Deliver { conversation, message }),
        (message_id(), conversation(), seq(), time())
            .prop_map(|(id, conversation, seq, at)| { ServerFrame::Ack { id, conversation, seq, at } }),
        (message_id(), wire_error()).prop_map(|(id, error)| ServerFrame::Refused { id, error }),
        time().prop_map(|expires_at| ServerFrame::Authenticated { expires_at }),
        wire_error().prop_map(|error| ServerFrame::Error { error }),
        answers_about_offers(holders),
        wire_error().prop_map(|error| ServerFrame::Goodbye { error }),
    ]
}

pub(super) fn answers_about_offers(
    holders: impl Strategy<Value = ServerFrame>,
) -> impl Strategy<Value = ServerFrame> {
    prop_oneof![
        holders,
        offer_ref().prop_map(|offer| ServerFrame::NotFound { offer }),
        (device(), addresses(), nonce()).prop_map(|(from, addresses, nonce)| ServerFrame::DialBack {
            from,
            addresses,
            nonce
        }),
    ]
}

pub(super) fn welcome() -> impl Strategy<Value = ServerFrame> {
    let times = (any::<u64>(), any::<u64>(), time(), time());
    (any::<u16>(), strings(), any::<String>(), user(), times).prop_map(
        |(version, capabilities, agent, user, (heartbeat_ms, timeout_ms, now, expires_at))| {
            ServerFrame::Welcome(Welcome {
                version,
                capabilities,
                agent,
                user,
                heartbeat_ms,
                timeout_ms,
                now,
                expires_at,
            })
        },
    )
}

pub(super) fn person() -> impl Strategy<Value = Person> {
    let device = (device(), any::<String>(), any::<bool>(), addresses(), of("[a-z]{1,8}_new")).prop_map(
        |(device, name, online, addresses, later)| DeviceInfo {
            device,
            name,
            online,
            addresses,
            extra: later.map(|field| (field, 1.into())).into_iter().collect::<Extra>(),
        },
    );
    (user(), any::<bool>(), of(time()), vec(device, 0..3))
        .prop_map(|(user, online, last_seen, devices)| Person { user, online, last_seen, devices })
}

pub(super) fn envelope() -> impl Strategy<Value = Envelope> {
    let counters = (any::<u64>(), of(bytes32()), any::<u64>(), any::<u32>(), time());
    (message_id(), conversation(), (user(), device()), counters, body()).prop_map(
        |(id, conversation, (user, device), (n, prev, lamport, epoch, sent_at), body)| Envelope {
            v: 1,
            id,
            conversation,
            author: Author { user, device },
            n,
            prev: prev.map(Digest::from_bytes),
            lamport,
            epoch,
            sent_at,
            body,
        },
    )
}

pub(super) fn body() -> impl Strategy<Value = Body> {
    let folder = (any::<u64>(), any::<u64>()).prop_map(|(files, folders)| FolderSummary { files, folders });
    let later = (of(bytes32()), of(time()), of(folder), of(message_id()));
    let offer = (any::<[u8; 16]>(), any::<String>(), any::<u64>(), later).prop_map(
        |(share, name, size, (root, modified, folder, replaces))| {
            Body::Offer(Offer {
                share: ShareId::from_bytes(share),
                name: OfferedName::new(name),
                size,
                root: root.map(Root::from_bytes),
                modified,
                folder,
                replaces,
            })
        },
    );
    let verdict = prop_oneof![
        Just(Verdict::Accepted),
        Just(Verdict::Declined),
        Just(Verdict::Cancelled),
        Just(Verdict::Done)
    ];
    prop_oneof![
        any::<String>().prop_map(|text| Body::Text { text }),
        offer,
        (message_id(), bytes32(), any::<u64>()).prop_map(|(offer, root, size)| Body::Sealed(Sealed {
            offer,
            root: Root::from_bytes(root),
            size
        })),
        (message_id(), verdict).prop_map(|(offer, verdict)| Body::Answer(Answer { offer, verdict })),
    ]
}

pub(super) fn sequenced() -> impl Strategy<Value = Sequenced> {
    (seq(), time(), signed()).prop_map(|(seq, at, message)| Sequenced { seq, at, message })
}

pub(super) fn signed() -> impl Strategy<Value = Signed> {
    (any::<String>(), bytes32(), bytes32(), bytes32()).prop_map(|(envelope, key, one, two)| Signed {
        envelope,
        key: PublicKey::from_bytes(key),
        signature: Signature::from_slice(&[one, two].concat()).unwrap(),
    })
}

pub(super) fn revocations() -> impl Strategy<Value = RevocationList> {
    let revoked = (device(), time()).prop_map(|(device, before)| Revoked { device, before });
    (device(), any::<u64>(), vec(revoked, 0..4)).prop_map(|(issuer, version, revoked)| RevocationList {
        issuer,
        version,
        revoked,
    })
}

pub(super) fn signed_revocations() -> impl Strategy<Value = SignedRevocations> {
    signed().prop_map(|Signed { envelope: list, key, signature }| SignedRevocations { list, key, signature })
}

pub(super) fn wire_error() -> impl Strategy<Value = WireError> {
    (any::<bool>(), any::<String>(), of(any::<u64>()), of(any::<u32>())).prop_map(
        |(gone, message, retry_after_ms, ahead)| WireError {
            code: if gone { ErrorCode::Gone } else { ErrorCode::TooManyRequests },
            message,
            details: ErrorDetails { retry_after_ms, ahead },
        },
    )
}

pub(super) fn route() -> impl Strategy<Value = FileRoute> {
    let id = any::<[u8; 16]>();
    (id, any::<bool>(), any::<u32>(), 0..5u8).prop_map(|(id, held, index, which)| {
        let door =
            if held { Door::Held(HeldKey::from_bytes(id)) } else { Door::Share(ShareId::from_bytes(id)) };
        door.to(match which {
            0 if !held => Resource::Entry(index),
            1 => Resource::Tree,
            2 => Resource::Manifest,
            3 => Resource::Have,
            _ => Resource::Content,
        })
    })
}

pub(super) fn have() -> impl Strategy<Value = Have> {
    (any::<bool>(), of(any::<String>()), of(any::<String>())).prop_map(|(complete, map, given)| Have {
        complete,
        map,
        given,
    })
}

pub(super) fn offer_ref() -> impl Strategy<Value = OfferRef> {
    (conversation(), device(), message_id()).prop_map(|(conversation, device, id)| OfferRef {
        conversation,
        device,
        id,
    })
}

pub(super) fn nonce() -> impl Strategy<Value = DialNonce> {
    any::<[u8; 16]>().prop_map(DialNonce::from_bytes)
}

pub(super) fn kind() -> impl Strategy<Value = ConversationKind> {
    prop_oneof![
        Just(ConversationKind::Lobby),
        (user(), user()).prop_map(|(one, other)| ConversationKind::direct(one, other))
    ]
}

pub(super) fn range() -> impl Strategy<Value = Range> {
    prop_oneof![seq().prop_map(Range::After), seq().prop_map(Range::Before)]
}

pub(super) fn user() -> impl Strategy<Value = UserName> {
    any::<String>()
        .prop_map(|text| text.parse())
        .prop_filter_map("a name", Result::ok)
        .boxed()
        .prop_union("[a-z0-9_-]{1,64}".prop_map(|text| text.parse().unwrap()).boxed())
}

pub(super) fn addresses() -> impl Strategy<Value = Vec<SocketAddr>> {
    vec((any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from), 0..4)
}

pub(super) fn strings() -> impl Strategy<Value = Vec<String>> {
    vec(any::<String>(), 0..3)
}

pub(super) fn bytes32() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

pub(super) fn device() -> impl Strategy<Value = DeviceId> {
    bytes32().prop_map(DeviceId::from_bytes)
}

pub(super) fn conversation() -> impl Strategy<Value = ConversationId> {
    bytes32().prop_map(ConversationId::from_bytes)
}

pub(super) fn message_id() -> impl Strategy<Value = MessageId> {
    (0u64..1 << 48, any::<[u8; 10]>())
        .prop_map(|(at, random)| MessageId::new(Timestamp::from_millis(at), random))
}

pub(super) fn seq() -> impl Strategy<Value = Seq> {
    any::<u64>().prop_map(Seq)
}

pub(super) fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}
