//! An offer in every state there is.

use std::sync::Arc;
use std::time::Duration;

use landline_peer::api::{
    Conflict, Failure, FailureKind, FolderEntryView, Outlook, Priority, RecipientState, Snapshot,
    SourceStanding, TransferKind, TransferSettings, TransferState, TransferView,
};
use landline_protocol::{ConversationKind, FolderSummary, MessageId, OfferedName};

use super::{MINUTE, Thread, busy, direct, id, picture, recipient, source, took, transfer, user};

const SIZE: u64 = 840 << 20;

/// A conversation with an offer in every state there is, and one to everybody.
pub(crate) fn every_transfer() -> Snapshot {
    let kind = direct("Marta Keller");
    let all: Vec<TransferView> = incoming().into_iter().chain(queued()).chain(outgoing()).collect();
    let lines = all.iter().fold(Thread::new(100), |lines, one| lines.offer(one.author.as_str(), 40 * MINUTE));
    let said = Thread::new(199).offer("Alex Brandt", 30 * MINUTE).view(ConversationKind::Lobby, 0);
    let transfers = all.into_iter().chain([to_everybody()]).map(|one| (one.offer, one)).collect();
    let settings = TransferSettings {
        up: Some(20 << 20),
        up_to: [(user("Jonas Weber"), 2 << 20)].into(),
        conflict: Conflict::Rename,
        ..TransferSettings::default()
    };
    let uploads = [
        took("Jonas Weber", 200, "for-everyone.mkv", SIZE, 3, 2),
        took(&"W".repeat(64), 200, &"a-very-long-name-".repeat(12), 12 << 30, 30 * 60, 40),
    ];
    Snapshot {
        conversations: [said, lines.view(kind, 0)].into(),
        transfers: Arc::new(transfers),
        settings: Arc::new(settings),
        uploads: uploads.into(),
        ..busy()
    }
}

/// What is in an offered folder: so many files.
pub(crate) fn listing(files: u32) -> Arc<[FolderEntryView]> {
    let entry = |n: u32| {
        let ending = if n.is_multiple_of(3) { "txt" } else { "jpg" };
        let path = OfferedName::new(format!("day {}/picture {n:06}.{ending}", n / 1000 + 1));
        FolderEntryView { path, size: u64::from(n % 977 + 1) << 10 }
    };
    (0..files).map(entry).collect()
}

fn number(n: u64) -> MessageId {
    id(100 + n)
}

fn offer(n: u64, name: &str, state: TransferState) -> TransferView {
    let kind = direct("Marta Keller");
    TransferView { state, ..transfer(100 + n, &kind, "Marta Keller", name, SIZE) }
}

fn halfway(n: u64, name: &str, state: TransferState) -> TransferView {
    TransferView { bytes: 610 << 20, picture: picture(0.72), ..offer(n, name, state) }
}

fn cancelled(by: &str) -> TransferState {
    TransferState::Cancelled { by: user(by) }
}

fn failed(kind: FailureKind, text: &str) -> TransferState {
    TransferState::Failed(Failure::new(kind, text))
}

fn away() -> Failure {
    Failure::new(FailureKind::Unreachable, "Marta Keller is offline. It goes on when she is back.")
}

fn incoming() -> Vec<TransferView> {
    let changed = "It changed on Marta Keller’s machine after it was offered.";
    let report = Some("/home/alex/Downloads/Landline/report.pdf".into());
    vec![
        offer(1, "minutes.pdf", TransferState::Offered),
        offer(2, "../../etc/passwd\u{202e}gpj", TransferState::Offered),
        offer(3, "being-read.mkv", TransferState::Hashing),
        offer(4, "next.tar", TransferState::Connecting),
        TransferView {
            rate: Some(98 << 20),
            remaining: Some(Duration::from_secs(3)),
            sources: vec![source("Marta Keller", 610 << 20, Some(98 << 20), SourceStanding::Active)],
            ..halfway(5, "photos.zip", TransferState::Active)
        },
        halfway(6, "backup.img", TransferState::Waiting(away())),
        TransferView { path: report, ..halfway(7, "report.pdf", TransferState::Done) },
        offer(8, "song.mp3", TransferState::Declined),
        halfway(9, "a.bin", cancelled("Alex Brandt")),
        halfway(10, "b.bin", cancelled("Marta Keller")),
        TransferView {
            replaced_by: Some(number(12)),
            ..halfway(11, "c.csv", failed(FailureKind::SourceChanged, changed))
        },
    ]
}

fn queued() -> Vec<TransferView> {
    let folder = TransferKind::Folder(FolderSummary { files: 312, folders: 14 });
    let swarm = vec![
        source("Marta Keller", 400 << 20, Some(80 << 20), SourceStanding::Active),
        source("Jonas Weber", 200 << 20, Some(12 << 20), SourceStanding::Active),
        source("Olu Adeyemi", 0, None, SourceStanding::Waiting("Nobody answers there.".into())),
        source(
            "Ken Ito",
            1 << 20,
            None,
            SourceStanding::Dropped("What it sent was not what was offered.".into()),
        ),
    ];
    let short = Outlook { free: Some(300 << 20), name_taken: false };
    let taken = Outlook { free: Some(40 << 30), name_taken: true };
    let place = || Some("/home/alex/Downloads/Landline/plan.odt".into());
    vec![
        TransferView { replaces: Some(number(11)), ..offer(12, "c.csv", TransferState::Offered) },
        TransferView { outlook: Some(short), ..offer(13, "disk-short.img", TransferState::Offered) },
        TransferView { outlook: Some(taken), ..offer(14, "name-taken.odt", TransferState::Offered) },
        TransferView { kind: folder, ..offer(15, "survey photos", TransferState::Offered) },
        TransferView {
            kind: folder,
            rate: Some(92 << 20),
            remaining: Some(Duration::from_secs(4)),
            files_done: 201,
            sources: swarm,
            ..halfway(16, "site visit", TransferState::Active)
        },
        TransferView { priority: Priority::Low, ..offer(17, "queued.iso", TransferState::Queued(2)) },
        offer(18, "queued-there.iso", TransferState::QueuedThere(3)),
        TransferView { hashed: Some(300 << 20), ..halfway(19, "checked.img", TransferState::Checking) },
        TransferView { bytes: SIZE, ..offer(20, "placed.img", TransferState::Finishing) },
        halfway(21, "paused.img", TransferState::Paused),
        TransferView {
            path: place(),
            ..offer(22, "plan.odt", TransferState::Conflict("/home/alex/Downloads/Landline/plan.odt".into()))
        },
    ]
}

fn mine(n: u64, name: &str, state: TransferState) -> TransferView {
    let kind = direct("Marta Keller");
    TransferView { state, ..transfer(100 + n, &kind, "Alex Brandt", name, SIZE) }
}

fn answered(n: u64, name: &str, state: RecipientState, bytes: u64) -> TransferView {
    let recipients = vec![recipient("Marta Keller", state, bytes)];
    TransferView { bytes, recipients, ..mine(n, name, TransferState::Offered) }
}

fn outgoing() -> Vec<TransferView> {
    let gone = "The file is no longer where it was. Offer it again.";
    let changed = "The file changed after it was offered.";
    let folder = TransferKind::Folder(FolderSummary { files: 1, folders: 0 });
    vec![
        TransferView { hashed: Some(SIZE / 4), ..mine(23, "mine-hashing.iso", TransferState::Hashing) },
        TransferView { kind: folder, ..mine(24, "mine-hashing-folder", TransferState::Hashing) },
        mine(25, "mine-offered.txt", TransferState::Offered),
        TransferView {
            rate: Some(80 << 20),
            ..answered(26, "mine-going.mkv", RecipientState::Fetching, 400 << 20)
        },
        answered(27, "mine-done.png", RecipientState::Done, 0),
        answered(28, "mine-declined.png", RecipientState::Declined, 0),
        answered(29, "mine-stopped.png", RecipientState::Cancelled, 0),
        mine(30, "mine-withdrawn.rs", cancelled("Alex Brandt")),
        mine(31, "mine-gone.doc", failed(FailureKind::NotFound, gone)),
        mine(32, "mine-changed.ods", failed(FailureKind::SourceChanged, changed)),
        TransferView {
            replaced_by: Some(number(32)),
            ..mine(33, "mine-replaced.ods", failed(FailureKind::SourceChanged, changed))
        },
    ]
}

fn to_everybody() -> TransferView {
    let (bytes, done) = (500 << 20, RecipientState::Done);
    TransferView {
        bytes,
        rate: Some(60 << 20),
        recipients: vec![
            recipient("Jonas Weber", RecipientState::Fetching, bytes),
            recipient("Marta Keller", done, 0),
            recipient("Olu Adeyemi", RecipientState::Declined, 0),
            recipient("Priya Nair", RecipientState::Cancelled, 0),
            recipient("田中 美咲", done, 0),
            recipient("Ken Ito", done, 0),
        ],
        ..transfer(200, &ConversationKind::Lobby, "Alex Brandt", "for-everyone.mkv", SIZE)
    }
}
