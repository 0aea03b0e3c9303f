//! An offer in every state there is.

use std::sync::Arc;
use std::time::Duration;

use landline_peer::api::{Failure, FailureKind, RecipientState, Snapshot, TransferState, TransferView};
use landline_protocol::ConversationKind;

use super::{MINUTE, Thread, busy, direct, recipient, transfer, user};

const SIZE: u64 = 840 << 20;

/// A conversation with an offer in every state there is, and one to everybody.
pub(crate) fn every_transfer() -> Snapshot {
    let kind = direct("Marta Keller");
    let all: Vec<TransferView> = incoming().into_iter().chain(outgoing()).collect();
    let lines = all.iter().fold(Thread::new(100), |lines, one| lines.offer(one.author.as_str(), 40 * MINUTE));
    let said = Thread::new(129).offer("Alex Brandt", 30 * MINUTE).view(ConversationKind::Lobby, 0);
    let transfers = all.into_iter().chain([to_everybody()]).map(|one| (one.offer, one)).collect();
    Snapshot { conversations: [said, lines.view(kind, 0)].into(), transfers: Arc::new(transfers), ..busy() }
}

fn offer(n: u64, name: &str, state: TransferState) -> TransferView {
    let kind = direct("Marta Keller");
    TransferView { state, ..transfer(100 + n, &kind, "Marta Keller", name, SIZE) }
}

fn halfway(n: u64, name: &str, state: TransferState) -> TransferView {
    TransferView { bytes: 610 << 20, ..offer(n, name, state) }
}

fn cancelled(by: &str) -> TransferState {
    TransferState::Cancelled { by: user(by) }
}

fn failed(kind: FailureKind, text: &str) -> TransferState {
    TransferState::Failed(Failure::new(kind, text))
}

fn incoming() -> Vec<TransferView> {
    let away =
        Failure::new(FailureKind::Unreachable, "Marta Keller is offline. It goes on when she is back.");
    let changed = "The file changed after it was offered. Ask Marta Keller to send it again.";
    vec![
        offer(1, "minutes.pdf", TransferState::Offered),
        offer(2, "../../etc/passwd\u{202e}gpj", TransferState::Offered),
        offer(3, "being-read.mkv", TransferState::Hashing),
        offer(4, "next.tar", TransferState::Connecting),
        TransferView {
            rate: Some(98 << 20),
            remaining: Some(Duration::from_secs(3)),
            ..halfway(5, "photos.zip", TransferState::Active)
        },
        halfway(6, "backup.img", TransferState::Waiting(away)),
        TransferView {
            path: Some("/home/alex/Downloads/Landline/report.pdf".into()),
            ..halfway(7, "report.pdf", TransferState::Done)
        },
        offer(8, "song.mp3", TransferState::Declined),
        halfway(9, "a.bin", cancelled("Alex Brandt")),
        halfway(10, "b.bin", cancelled("Marta Keller")),
        halfway(11, "c.csv", failed(FailureKind::SourceChanged, changed)),
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
    vec![
        mine(12, "mine-hashing.iso", TransferState::Hashing),
        mine(13, "mine-offered.txt", TransferState::Offered),
        TransferView {
            rate: Some(80 << 20),
            ..answered(14, "mine-going.mkv", RecipientState::Fetching, 400 << 20)
        },
        answered(15, "mine-done.png", RecipientState::Done, 0),
        answered(16, "mine-declined.png", RecipientState::Declined, 0),
        answered(17, "mine-stopped.png", RecipientState::Cancelled, 0),
        mine(18, "mine-withdrawn.rs", cancelled("Alex Brandt")),
        mine(19, "mine-gone.doc", failed(FailureKind::NotFound, gone)),
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
        ..transfer(130, &ConversationKind::Lobby, "Alex Brandt", "for-everyone.mkv", SIZE)
    }
}
