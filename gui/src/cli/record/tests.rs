//! The fields of every record, frozen: scripts rely on them. Adding one changes a line here;
//! renaming or removing one breaks somebody's script.

use std::path::Path;
use std::time::Duration;

use landline_peer::api::{
    FailureKind, FolderEntryView, Me as MeView, Outlook, RecipientState, RecipientView, SourceStanding,
    SourceView, TransferKind, TransferSettings, TransferState, TransferView, UploadEntry,
};
use landline_protocol::{DeviceId, FolderSummary, MessageId, OfferedName, Seq};

use super::*;

fn line(record: &Record) -> String {
    serde_json::to_string(record).unwrap()
}

fn transfer() -> TransferView {
    let waiting = TransferState::Waiting(Failure::new(FailureKind::Unreachable, "Gone."));
    TransferView {
        offer: MessageId::new(Timestamp::from_millis(1), [2; 10]),
        bytes: 4,
        rate: Some(2),
        remaining: Some(Duration::from_secs(3)),
        path: Some("/f/a.txt".into()),
        sources: vec![SourceView {
            user: "carol".parse().unwrap(),
            device: DeviceId::from_bytes([3; 32]),
            bytes: 4,
            rate: None,
            standing: SourceStanding::Dropped("Bad.".into()),
        }],
        recipients: vec![RecipientView {
            user: "bob".parse().unwrap(),
            state: RecipientState::Fetching,
            bytes: 4,
            rate: Some(2),
        }],
        ..super::super::offers::tests::transfer(1, "me", "a.txt", waiting)
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
    let device = "03".repeat(32);
    let sources = format!(
        r#"[{{"user":"carol","device":"{device}","bytes":4,"rate":null,"state":"dropped","reason":"Bad."}}]"#
    );
    let expected = format!(
        r#"{{"type":"offer","id":"{id}","conversation":"lobby","author":"me","outgoing":true,"kind":"file","files":null,"folders":null,"files_done":null,"name":"a.txt","size":10,"state":"waiting","cause":{cause},"cancelled_by":null,"ahead":null,"priority":"normal","bytes":4,"hashed":null,"path":"/f/a.txt","free":null,"name_taken":null,"sources":{sources},"recipients":[{{"user":"bob","state":"fetching","bytes":4,"rate":2}}],"replaces":null,"replaced_by":null}}"#
    );
    assert_eq!(line(&Record::Offer(Offer::of(&transfer(), &snapshot()))), expected);
    let expected = format!(
        r#"{{"type":"progress","offer":"{id}","name":"a.txt","state":"waiting","bytes":4,"size":10,"hashed":null,"files_done":null,"rate":2,"remaining_ms":3000,"ahead":null,"sources":{sources},"cause":{cause}}}"#
    );
    assert_eq!(line(&Record::Progress(Progress::from(&transfer()))), expected);
}

#[test]
fn a_folder_that_waits_its_turn() {
    let folder = TransferView {
        kind: TransferKind::Folder(FolderSummary { files: 3, folders: 1 }),
        state: TransferState::QueuedThere(2),
        outlook: Some(Outlook { free: Some(7), name_taken: true }),
        files_done: 1,
        replaced_by: Some(transfer().offer),
        ..transfer()
    };
    let record = Offer::of(&folder, &snapshot());
    assert_eq!((record.kind, record.files, record.folders), ("folder", Some(3), Some(1)));
    assert_eq!((record.state, record.ahead), ("queued_there", Some(2)));
    assert_eq!((record.free, record.name_taken), (Some(7), Some(true)));
    assert_eq!(record.replaced_by, Some(transfer().offer.to_string()));
    assert_eq!(Progress::from(&folder).files_done, Some(1));
}

#[test]
fn what_is_in_a_folder_who_took_what_and_the_limits() {
    let entry = FolderEntryView { path: OfferedName::new("a/b"), size: 5 };
    let id = transfer().offer;
    let expected = format!(r#"{{"type":"entry","offer":"{id}","path":"a/b","size":5}}"#);
    assert_eq!(line(&Record::Entry(Entry::of(&transfer(), &entry))), expected);
    let took = UploadEntry {
        user: "bob".parse().unwrap(),
        device: DeviceId::from_bytes([3; 32]),
        offer: id,
        name: OfferedName::new("a.txt"),
        from: Timestamp::from_millis(1000),
        until: Timestamp::from_millis(2000),
        bytes: 10,
    };
    let device = "03".repeat(32);
    let expected = format!(
        r#"{{"type":"upload","user":"bob","device":"{device}","offer":"{id}","name":"a.txt","from":"1970-01-01T00:00:01Z","until":"1970-01-01T00:00:02Z","bytes":10}}"#
    );
    assert_eq!(line(&Record::Upload(Upload::from(&took))), expected);
    let settings = TransferSettings {
        up: Some(9000),
        up_to: [("bob".parse().unwrap(), 5000)].into(),
        ..TransferSettings::default()
    };
    let expected = r#"{"type":"limits","up":9000,"down":null,"up_to":{"bob":5000},"down_from":{},"downloads_at_once":4,"served_at_once":16,"on_conflict":"rename"}"#;
    assert_eq!(line(&Record::Limits(Limits::from(&settings))), expected);
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
                path: Some(text("/a")),
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
