//! The fields of every record, frozen: scripts rely on them. Adding one changes a line here;
//! renaming or removing one breaks somebody's script.

use std::path::Path;
use std::time::Duration;

use landline_peer::api::{FailureKind, Me as MeView};
use landline_protocol::{ConversationId, DeviceId, MessageId, OfferedName, Seq};

use super::*;

fn line(record: &Record) -> String {
    serde_json::to_string(record).unwrap()
}

fn transfer() -> TransferView {
    TransferView {
        offer: MessageId::new(Timestamp::from_millis(1), [2; 10]),
        conversation: ConversationId::lobby(),
        author: "me".parse().unwrap(),
        outgoing: true,
        name: OfferedName::new("a.txt"),
        size: 10,
        state: TransferState::Waiting(Failure::new(FailureKind::Unreachable, "Gone.")),
        bytes: 4,
        rate: Some(2),
        remaining: Some(Duration::from_secs(3)),
        path: Some("/f/a.txt".into()),
        recipients: vec![RecipientView {
            user: "bob".parse().unwrap(),
            state: RecipientState::Fetching,
            bytes: 4,
        }],
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        me: Some(MeView {
            user: "me".parse().unwrap(),
            admin: true,
            coordinator: "hub:4810".into(),
            coordinator_key: DeviceId::from_bytes([2; 32]),
            key_from_invite: false,
        }),
        line: Line::Connected { round_trip: Some(Duration::from_micros(1500)) },
        ..super::super::offers::tests::snapshot(vec![transfer()])
    }
}

#[test]
fn who_one_is() {
    let me = Me::of(&snapshot(), Path::new("/p")).unwrap();
    let (key, device) = ("02".repeat(32), "01".repeat(32));
    let expected = format!(
        r#"{{"type":"me","user":"me","admin":true,"coordinator":"hub:4810","coordinator_key":"{key}","key_from_invite":false,"device":"{device}","line":"connected","round_trip_ms":1.5,"cause":null,"profile":"/p","download_folder":"downloads"}}"#
    );
    assert_eq!(line(&Record::Me(me)), expected);
}

#[test]
fn who_there_is() {
    let person = PersonView {
        user: "bob".parse().unwrap(),
        online: false,
        last_seen: Some(Timestamp::from_millis(1_500)),
        devices: vec![],
        new_device: false,
    };
    let expected = r#"{"type":"person","user":"bob","online":false,"last_seen":"1970-01-01T00:00:01.5Z","devices":[],"new_device":false}"#;
    assert_eq!(line(&Record::Person(Person::from(&person))), expected);
}

#[test]
fn what_was_said() {
    let now = snapshot();
    let message = MessageView {
        id: transfer().offer,
        author: "me".parse().unwrap(),
        device: DeviceId::from_bytes([1; 32]),
        mine: true,
        at: Timestamp::from_millis(0),
        state: MessageState::Sent(Seq(7)),
        content: Content::Text("hi".into()),
    };
    let said = Message::of(&message, &now.conversations[0], &now);
    let expected = r#"{"type":"message","id":"00000000-0001-7202-8202-020202020202","conversation":"lobby","author":"me","mine":true,"at":"1970-01-01T00:00:00Z","state":"sent","seq":7,"cause":null,"text":"hi","offer":null}"#;
    assert_eq!(line(&Record::Message(said)), expected);
    let offered = MessageView { content: Content::Offer, ..message };
    let offered = Message::of(&offered, &now.conversations[0], &now);
    assert_eq!((offered.text, offered.offer.map(|offer| offer.name)), (None, Some("a.txt".to_owned())));
}

#[test]
fn what_is_offered_and_how_far_it_is() {
    let id = transfer().offer;
    let cause = r#"{"code":"unreachable","message":"Gone."}"#;
    let expected = format!(
        r#"{{"type":"offer","id":"{id}","conversation":"lobby","author":"me","outgoing":true,"name":"a.txt","size":10,"state":"waiting","cause":{cause},"cancelled_by":null,"bytes":4,"path":"/f/a.txt","recipients":[{{"user":"bob","state":"fetching","bytes":4}}]}}"#
    );
    assert_eq!(line(&Record::Offer(Offer::of(&transfer(), &snapshot()))), expected);
    let expected = format!(
        r#"{{"type":"progress","offer":"{id}","name":"a.txt","state":"waiting","bytes":4,"size":10,"rate":2,"remaining_ms":3000,"cause":{cause}}}"#
    );
    assert_eq!(line(&Record::Progress(Progress::from(&transfer()))), expected);
}

#[test]
fn what_came_of_it() {
    let text = str::to_owned;
    let cases = [
        (
            Record::Received {
                offer: text("1"),
                name: text("a"),
                from: text("bob"),
                size: 2,
                path: text("/a"),
            },
            r#"{"type":"received","offer":"1","name":"a","from":"bob","size":2,"path":"/a"}"#,
        ),
        (
            Record::Delivered { offer: text("1"), name: text("a"), to: text("bob"), size: 2 },
            r#"{"type":"delivered","offer":"1","name":"a","to":"bob","size":2}"#,
        ),
        (Record::SignedOut { user: text("me") }, r#"{"type":"signed_out","user":"me"}"#),
        (Record::Invite { link: text("l") }, r#"{"type":"invite","link":"l"}"#),
        (
            Record::Hosting(Hosting {
                address: text("a"),
                addresses: vec![text("a")],
                key: text("k"),
                fingerprint: text("f"),
                invite: None,
            }),
            r#"{"type":"hosting","address":"a","addresses":["a"],"key":"k","fingerprint":"f","invite":null}"#,
        ),
    ];
    for (record, expected) in cases {
        assert_eq!(line(&record), expected);
    }
}
