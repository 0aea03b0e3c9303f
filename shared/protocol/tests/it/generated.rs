//! Round trips of generated values: whatever can be said arrives as it was said.

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};

use landline_protocol::account::{Health, Invite, KeySet, Refresh, Session, SignIn, SignUp, SigningKey};
use landline_protocol::error::ErrorDetails;
use landline_protocol::frame::{ConversationHead, DeviceInfo, Extra, Hello, Page, Pull, Range, Welcome};
use landline_protocol::peer_routes::ShareRoute;
use landline_protocol::{
    Answer, Author, Body, ClientFrame, ConversationId, ConversationKind, DeviceId, Digest, Envelope,
    ErrorCode, InviteLink, MessageId, Offer, OfferedName, Person, PublicKey, RevocationList, Revoked, Root,
    Sealed, Seq, Sequenced, ServerFrame, ShareId, Signature, Signed, SignedRevocations, Timestamp, UserName,
    Verdict, WireError, limits,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

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
        let _ = ShareRoute::parse(&text);
        let _ = serde_json::from_str::<ClientFrame>(&text);
    }

    #[test]
    fn routes(share in any::<[u8; 16]>(), entry: u32) {
        let share = ShareId::from_bytes(share);
        for route in [ShareRoute::Content { share, entry }, ShareRoute::Tree { share, entry }] {
            prop_assert_eq!(ShareRoute::parse(&route.path()), Some(route));
        }
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

fn client_frame() -> impl Strategy<Value = ClientFrame> {
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
    ]
}

fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let page = (conversation(), range(), vec(sequenced(), 0..4), seq()).prop_map(
        |(conversation, range, messages, head)| {
            ServerFrame::Page(Page { conversation, range, messages, head })
        },
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
        wire_error().prop_map(|error| ServerFrame::Goodbye { error }),
    ]
}

fn welcome() -> impl Strategy<Value = ServerFrame> {
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

fn person() -> impl Strategy<Value = Person> {
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

fn envelope() -> impl Strategy<Value = Envelope> {
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

fn body() -> impl Strategy<Value = Body> {
    let offer = (any::<[u8; 16]>(), any::<String>(), any::<u64>(), of(bytes32()), of(time())).prop_map(
        |(share, name, size, root, modified)| {
            Body::Offer(Offer {
                share: ShareId::from_bytes(share),
                name: OfferedName::new(name),
                size,
                root: root.map(Root::from_bytes),
                modified,
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

fn sequenced() -> impl Strategy<Value = Sequenced> {
    (seq(), time(), signed()).prop_map(|(seq, at, message)| Sequenced { seq, at, message })
}

fn signed() -> impl Strategy<Value = Signed> {
    (any::<String>(), bytes32(), bytes32(), bytes32()).prop_map(|(envelope, key, one, two)| Signed {
        envelope,
        key: PublicKey::from_bytes(key),
        signature: Signature::from_slice(&[one, two].concat()).unwrap(),
    })
}

fn revocations() -> impl Strategy<Value = RevocationList> {
    let revoked = (device(), time()).prop_map(|(device, before)| Revoked { device, before });
    (device(), any::<u64>(), vec(revoked, 0..4)).prop_map(|(issuer, version, revoked)| RevocationList {
        issuer,
        version,
        revoked,
    })
}

fn signed_revocations() -> impl Strategy<Value = SignedRevocations> {
    signed().prop_map(|Signed { envelope: list, key, signature }| SignedRevocations { list, key, signature })
}

fn wire_error() -> impl Strategy<Value = WireError> {
    (any::<bool>(), any::<String>(), of(any::<u64>())).prop_map(|(gone, message, retry_after_ms)| WireError {
        code: if gone { ErrorCode::Gone } else { ErrorCode::TooManyRequests },
        message,
        details: ErrorDetails { retry_after_ms },
    })
}

fn kind() -> impl Strategy<Value = ConversationKind> {
    prop_oneof![
        Just(ConversationKind::Lobby),
        (user(), user()).prop_map(|(one, other)| ConversationKind::direct(one, other))
    ]
}

fn range() -> impl Strategy<Value = Range> {
    prop_oneof![seq().prop_map(Range::After), seq().prop_map(Range::Before)]
}

fn user() -> impl Strategy<Value = UserName> {
    any::<String>()
        .prop_map(|text| text.parse())
        .prop_filter_map("a name", Result::ok)
        .boxed()
        .prop_union("[a-z0-9_-]{1,64}".prop_map(|text| text.parse().unwrap()).boxed())
}

fn addresses() -> impl Strategy<Value = Vec<SocketAddr>> {
    vec((any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from), 0..4)
}

fn strings() -> impl Strategy<Value = Vec<String>> {
    vec(any::<String>(), 0..3)
}

fn bytes32() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn device() -> impl Strategy<Value = DeviceId> {
    bytes32().prop_map(DeviceId::from_bytes)
}

fn conversation() -> impl Strategy<Value = ConversationId> {
    bytes32().prop_map(ConversationId::from_bytes)
}

fn message_id() -> impl Strategy<Value = MessageId> {
    (0u64..1 << 48, any::<[u8; 10]>())
        .prop_map(|(at, random)| MessageId::new(Timestamp::from_millis(at), random))
}

fn seq() -> impl Strategy<Value = Seq> {
    any::<u64>().prop_map(Seq)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}
