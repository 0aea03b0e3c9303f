//! Snapshots and a stand-in for the engine, for tests and pictures.

mod transfers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_peer::api::{
    Content, ConversationView, Failure, FailureKind, Line, Me, MessageState, MessageView, PersonView,
    Priority, RecipientState, RecipientView, Snapshot, SourceStanding, SourceView, TransferKind,
    TransferSettings, TransferState, TransferView, UploadEntry,
};
use landline_protocol::{ConversationKind, DeviceId, MessageId, OfferedName, Seq, Timestamp, UserName};

use super::{Bridge, FarEnd, Stage, pair};
use crate::views::format::Clock;

pub(crate) use transfers::{every_transfer, listing};

/// Friday, 20 November 2026, 14:52 UTC.
const NOW: u64 = 1_795_186_320_000;
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// The clock of all fake snapshots.
pub(crate) fn clock() -> Clock {
    Clock::at(NOW)
}

/// A bridge whose other end the test holds, with a snapshot on the screen.
pub(crate) fn bridge(snapshot: Snapshot) -> (Bridge, FarEnd) {
    let (near, far) = pair();
    far.stage.send_replace(Stage::Running(Arc::new(snapshot)));
    (near, far)
}

pub(crate) fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

pub(crate) fn me() -> UserName {
    user("Alex Brandt")
}

pub(crate) fn direct(name: &str) -> ConversationKind {
    ConversationKind::direct(me(), user(name))
}

fn key(byte: u8) -> DeviceId {
    let mut next = byte;
    DeviceId::from_bytes(std::array::from_fn(|_| {
        next = next.wrapping_add(37);
        next
    }))
}

/// The key that a changed coordinator shows.
pub(crate) fn other_key() -> DeviceId {
    key(0xC4)
}

fn ago(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOW - millis)
}

fn id(n: u64) -> MessageId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    MessageId::new(Timestamp::from_millis(NOW - 3 * DAY + n), random)
}

/// Names the messages of one conversation in order.
struct Thread {
    base: u64,
    messages: Vec<MessageView>,
}

impl Thread {
    fn new(base: u64) -> Self {
        Self { base, messages: Vec::new() }
    }

    fn say(mut self, author: &str, millis_ago: u64, content: Content) -> Self {
        let n = self.messages.len() as u64 + 1;
        let author = user(author);
        self.messages.push(MessageView {
            id: id(self.base + n),
            mine: author == me(),
            device: key(author.as_str().bytes().next().unwrap_or_default()),
            author,
            at: ago(millis_ago),
            state: MessageState::Sent(Seq(n)),
            content,
        });
        self
    }

    fn text(self, author: &str, millis_ago: u64, words: &str) -> Self {
        self.say(author, millis_ago, Content::Text(words.into()))
    }

    fn offer(self, author: &str, millis_ago: u64) -> Self {
        self.say(author, millis_ago, Content::Offer)
    }

    fn state(mut self, state: MessageState) -> Self {
        if let Some(last) = self.messages.last_mut() {
            last.state = state;
        }
        self
    }

    fn view(self, kind: ConversationKind, unread: u32) -> ConversationView {
        ConversationView {
            id: kind.id(),
            kind,
            unread,
            read: Seq((self.messages.len() as u64).saturating_sub(u64::from(unread))),
            messages: self.messages.into(),
            has_older: false,
        }
    }
}

fn person(name: &str, hue: u8, online: bool, millis_ago: u64) -> PersonView {
    PersonView {
        user: user(name),
        online,
        last_seen: (!online).then(|| ago(millis_ago)),
        devices: vec![key(hue)],
        new_device: false,
    }
}

fn transfer(n: u64, conversation: &ConversationKind, author: &str, name: &str, size: u64) -> TransferView {
    let author = user(author);
    TransferView {
        offer: id(n),
        conversation: conversation.id(),
        outgoing: author == me(),
        author,
        name: OfferedName::new(name),
        size,
        kind: TransferKind::File,
        state: TransferState::Offered,
        bytes: 0,
        rate: None,
        remaining: None,
        hashed: None,
        path: None,
        outlook: None,
        priority: Priority::Normal,
        sources: Vec::new(),
        picture: Arc::default(),
        files_done: 0,
        recipients: Vec::new(),
        replaces: None,
        replaced_by: None,
    }
}

fn recipient(name: &str, state: RecipientState, bytes: u64) -> RecipientView {
    let rate = (state == RecipientState::Fetching).then_some(31 << 20);
    RecipientView { user: user(name), state, bytes, rate }
}

fn source(name: &str, bytes: u64, rate: Option<u64>, standing: SourceStanding) -> SourceView {
    let hue = name.bytes().next().unwrap_or_default();
    SourceView { user: user(name), device: key(hue), bytes, rate, standing }
}

/// Pieces here and missing as a download from several looks, `part` of them here.
fn picture(part: f32) -> Arc<[u8]> {
    const CELLS: usize = 96;
    let cell = |at: usize| {
        // Runs of pieces from different places, the same in every picture.
        let phase = ((at / 5 * 7) % 20) as f32 / 20.0;
        if phase < part - 0.08 {
            255
        } else if phase < part + 0.08 {
            140
        } else {
            0
        }
    };
    (0..CELLS).map(cell).collect()
}

fn took(name: &str, offer: u64, file: &str, bytes: u64, minutes_ago: u64, minutes: u64) -> UploadEntry {
    let hue = name.bytes().next().unwrap_or_default();
    UploadEntry {
        user: user(name),
        device: key(hue),
        offer: id(offer),
        name: OfferedName::new(file),
        from: ago((minutes_ago + minutes) * MINUTE),
        until: ago(minutes_ago * MINUTE),
        bytes,
    }
}

fn base(line: Line) -> Snapshot {
    Snapshot {
        revision: 1,
        device: key(7),
        me: Some(Me {
            user: me(),
            admin: true,
            coordinator: "192.168.1.20:4810".to_owned(),
            coordinator_key: key(0x51),
            key_from_invite: true,
        }),
        line,
        people: [].into(),
        conversations: [Thread::new(0).view(ConversationKind::Lobby, 0)].into(),
        transfers: Arc::default(),
        download_folder: PathBuf::from("/home/alex/Downloads/Landline"),
        settings: Arc::new(TransferSettings::default()),
        uploads: [].into(),
    }
}

fn connected() -> Line {
    Line::Connected { round_trip: Some(Duration::from_micros(2300)) }
}

/// Signed in, with nobody else there.
pub(crate) fn alone() -> Snapshot {
    base(connected())
}

/// Nobody signed in.
pub(crate) fn signed_out() -> Snapshot {
    Snapshot { me: None, conversations: [].into(), ..base(Line::SignedOut) }
}

/// The coordinator shows another key.
pub(crate) fn refused() -> Snapshot {
    let pinned = key(0x51).fingerprint();
    let seen = other_key().fingerprint();
    let text = format!("The coordinator at 192.168.1.20:4810 has the key {seen}, but {pinned} was expected.");
    base(Line::Refused { cause: Failure::new(FailureKind::KeyChanged, text) })
}

/// The line is down; another attempt follows in `seconds`.
pub(crate) fn waiting(seconds: u64) -> Snapshot {
    let cause = Failure::new(FailureKind::Unreachable, "Nobody answers at 192.168.1.20:4810.");
    Snapshot { line: Line::Waiting { until: Instant::now() + Duration::from_secs(seconds), cause }, ..busy() }
}

/// An ordinary afternoon.
pub(crate) fn busy() -> Snapshot {
    let marta = direct("Marta Keller");
    let jonas = direct("Jonas Weber");
    let lobby = ConversationKind::Lobby;
    let gib = 1 << 30;
    let mut all = Vec::new();
    let mut tar = transfer(108, &marta, "Marta Keller", "survey-photos-2026-11.tar", 48 * gib / 10);
    (tar.state, tar.bytes) = (TransferState::Active, 298 * gib / 100);
    (tar.rate, tar.remaining) = (Some(112 << 20), Some(Duration::from_secs(17)));
    tar.picture = picture(0.62);
    tar.sources = vec![
        source("Marta Keller", 2 * gib, Some(80 << 20), SourceStanding::Active),
        source("Jonas Weber", gib, Some(32 << 20), SourceStanding::Active),
    ];
    all.push(tar);
    let mut video = transfer(205, &lobby, "Alex Brandt", "demo-recording.mkv", 840 << 20);
    (video.bytes, video.rate) = (610 << 20, Some(31 << 20));
    video.recipients = vec![
        recipient("Jonas Weber", RecipientState::Fetching, 610 << 20),
        recipient("Priya Nair", RecipientState::Done, 0),
    ];
    all.push(video);
    let mut image = transfer(303, &jonas, "Jonas Weber", "old-backup.img", 12 * gib);
    let cause = Failure::new(FailureKind::Unreachable, "Jonas Weber is offline. It goes on when he is back.");
    (image.state, image.bytes) = (TransferState::Waiting(cause), 2 * gib);
    image.picture = picture(0.17);
    all.push(image);
    let people = [
        person("Jonas Weber", 3, true, 0),
        person("Marta Keller", 1, true, 0),
        person("Olu Adeyemi", 8, true, 0),
        person("田中 美咲", 4, true, 0),
        person("Priya Nair", 6, false, 3 * 60 * MINUTE),
        person("Ken Ito", 7, false, 26 * 60 * MINUTE),
        person("Lab printer", 10, false, 9 * DAY),
    ];
    Snapshot {
        people: people.into(),
        conversations: [everyone(), with_marta(), with_jonas(), with_tanaka(), with_priya()].into(),
        transfers: Arc::new(all.into_iter().map(|one| (one.offer, one)).collect()),
        uploads: [
            took("Priya Nair", 205, "demo-recording.mkv", 840 << 20, 12, 1),
            took("田中 美咲", 205, "demo-recording.mkv", 840 << 20, 40, 2),
            took("Marta Keller", 110, "minutes-2026-11-19.pdf", 1_258_291, 26 * 60, 1),
        ]
        .into(),
        ..base(connected())
    }
}

fn everyone() -> ConversationView {
    Thread::new(200)
        .text("Priya Nair", 190 * MINUTE, "Is the projector in room 4 free this afternoon?")
        .text("Jonas Weber", 186 * MINUTE, "Yes, until four.")
        .text("Jonas Weber", 186 * MINUTE, "The cable is in the drawer.")
        .text("Alex Brandt", 62 * MINUTE, "The recording of the demo, for whoever missed it:")
        .offer("Alex Brandt", 61 * MINUTE)
        .text("Ken Ito", 7 * MINUTE, "Thanks! The build is on the share as well now 🎉")
        .view(ConversationKind::Lobby, 0)
}

fn with_marta() -> ConversationView {
    Thread::new(100)
        .text("Marta Keller", DAY - 130 * MINUTE, "Are the drone pictures still on your machine?")
        .text("Marta Keller", DAY - 130 * MINUTE, "I only have the small previews here.")
        .text(
            "Alex Brandt",
            DAY - 150 * MINUTE,
            "Yes, all of them. It is close to 5 GB, I will send the archive in the morning so that you have it before the review.",
        )
        .text("Alex Brandt", 8 * MINUTE, "Morning! Ready when you are 🙂")
        .text("Marta Keller", 6 * MINUTE, "Great, 写真を送ってください 📷 — Tanaka-san asked for them too.")
        .text("Marta Keller", 6 * MINUTE, "I renamed the folders, so I am sending mine instead: they have the dates in them.")
        .text("Marta Keller", 5 * MINUTE, "Here you go")
        .offer("Marta Keller", 5 * MINUTE)
        .text("Alex Brandt", MINUTE, "Coming in fast, thank you!")
        .view(direct("Marta Keller"), 0)
}

fn with_jonas() -> ConversationView {
    Thread::new(300)
        .text("Jonas Weber", 2 * DAY, "Can you take the old backup off my disk?")
        .text("Alex Brandt", 2 * DAY - MINUTE, "Sure, send it over.")
        .offer("Jonas Weber", 2 * DAY - 2 * MINUTE)
        .text("Jonas Weber", 40 * MINUTE, "Rebooting, back in a minute")
        .view(direct("Jonas Weber"), 1)
}

fn with_tanaka() -> ConversationView {
    Thread::new(400)
        .text("Alex Brandt", 65 * MINUTE, "The pictures are on their way.")
        .text("田中 美咲", 54 * MINUTE, "ありがとうございます！")
        .view(direct("田中 美咲"), 1)
}

fn with_priya() -> ConversationView {
    let cause = Failure::new(FailureKind::Limited, "The coordinator's disk is full. Try again later.");
    Thread::new(500)
        .text("Priya Nair", 3 * DAY, "See you at the standup")
        .text("Alex Brandt", 3 * DAY - 10 * MINUTE, "Did the letter arrive?")
        .state(MessageState::Failed(cause))
        .text("Alex Brandt", MINUTE, "Write to me when you are back")
        .state(MessageState::Pending)
        .view(direct("Priya Nair"), 0)
}

/// Names at the limits: 64 wide characters, and a file name of 255 bytes.
pub(crate) fn long_names() -> Snapshot {
    let wide: String = "田".repeat(64);
    let narrow = "W".repeat(64);
    let kind = direct(&narrow);
    let name = format!("{}.tar.gz", "a-very-long-name-".repeat(14));
    let offer = transfer(101, &kind, &narrow, &name, 5 << 30);
    let lines = Thread::new(100)
        .offer(&narrow, 3 * MINUTE)
        .text(&narrow, 2 * MINUTE, &"unbreakable".repeat(40))
        .text(
            "Alex Brandt",
            MINUTE,
            "https://example.org/a/very/long/path/that/goes/on/and/on/and/on/and/on/and/on",
        );
    let other = Thread::new(600).text(&wide, MINUTE, &"長い".repeat(80));
    let people = [person(&narrow, 5, true, 0), person(&wide, 9, true, 0)];
    let me = busy().me.map(|me| Me { admin: true, ..me });
    Snapshot {
        me,
        people: people.into(),
        conversations: [everyone(), lines.view(kind, 0), other.view(direct(&wide), 1200)].into(),
        transfers: Arc::new([(offer.offer, offer)].into()),
        ..base(connected())
    }
}

/// A lobby of which the lines `first` to `last` are loaded, with more before.
pub(crate) fn long_past(first: u64, last: u64) -> Snapshot {
    let mut thread = Thread::new(1000);
    for n in 1..=last {
        let author = if n % 7 < 3 { "Marta Keller" } else { "Alex Brandt" };
        thread = thread.text(author, (last - n + 1) * MINUTE, &format!("line {n}"));
    }
    let mut lobby = ConversationView { has_older: true, ..thread.view(ConversationKind::Lobby, 0) };
    lobby.messages = lobby.messages.iter().skip(usize::try_from(first - 1).unwrap()).cloned().collect();
    Snapshot { conversations: [lobby].into(), ..busy() }
}
