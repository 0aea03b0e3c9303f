//! What must not be lost or doubled in a participant's own memory.

use landline_protocol::{
    Answer, Author, Body, ConversationKind, FileName, FolderSummary, MessageId, Offer, OfferedName, Root,
    Sealed, Seq, ShareId, Timestamp, Verdict,
};
use landline_trust::device::DeviceKey;

use landline_transfer::Conflict;

use super::offers::AnswerRow;
use super::*;
use crate::api::{Priority, UploadEntry};

const ACCOUNT: i64 = 1;

struct Writer {
    key: DeviceKey,
    name: &'static str,
    written: u8,
}

impl Writer {
    fn new(name: &'static str) -> Self {
        Self { key: DeviceKey::generate().unwrap(), name, written: 0 }
    }

    fn author(&self) -> Author {
        Author { user: self.name.parse().unwrap(), device: self.key.id() }
    }

    fn draft(&mut self, body: Body) -> Draft {
        self.written += 1;
        let at = Timestamp::from_millis(1_000 + u64::from(self.written));
        Draft {
            account: ACCOUNT,
            kind: ConversationKind::Lobby,
            author: self.author(),
            id: MessageId::new(at, *self.key.id().as_bytes().first_chunk().unwrap()),
            at,
            body,
        }
    }

    /// What the writer's own machine would send.
    fn say(&mut self, own: &mut Database, body: Body) -> MessageRow {
        let draft = self.draft(body);
        own.enqueue(draft, &self.key).unwrap().0
    }
}

fn database() -> Database {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::prepare(&mut connection).unwrap();
    Database(connection)
}

fn text(text: &str) -> Body {
    Body::Text { text: text.to_owned() }
}

fn arrived(seq: u64, row: &MessageRow) -> Arrived {
    Arrived {
        seq: Seq(seq),
        at: Timestamp::from_millis(9_000),
        signed: row.signed.clone(),
        envelope: Some(row.envelope.clone()),
    }
}

#[test]
fn an_author_s_envelopes_form_a_chain() {
    let (mut alice, mut own) = (Writer::new("alice"), database());
    let first = alice.say(&mut own, text("one"));
    let second = alice.say(&mut own, text("two"));
    assert_eq!((first.envelope.n, first.envelope.prev), (1, None));
    assert_eq!((second.envelope.n, second.envelope.prev), (2, Some(first.signed.digest())));
    assert!(second.envelope.lamport > first.envelope.lamport);
}

#[test]
fn the_outbox_keeps_a_message_until_it_comes_round_and_shows_it_once() {
    let (mut alice, mut own) = (Writer::new("alice"), database());
    let sent = alice.say(&mut own, text("hello"));
    assert_eq!(own.outbox(ACCOUNT).unwrap().len(), 1);
    let me = alice.author();
    let ingested = own.ingest(ACCOUNT, sent.conv, &me, vec![arrived(1, &sent)]).unwrap();
    assert!(ingested.fresh.is_empty(), "it was here already");
    assert!(own.outbox(ACCOUNT).unwrap().is_empty());
    let shown = own.messages(sent.conv, None, 10).unwrap();
    assert_eq!(shown.iter().map(|row| row.seq).collect::<Vec<_>>(), [Some(Seq(1))]);
}

#[test]
fn a_cursor_moves_past_what_is_not_genuine_and_counts_the_rest_unread() {
    let (mut alice, mut theirs, mut mine) = (Writer::new("alice"), database(), database());
    let me = Writer::new("me").author();
    let rows: Vec<_> = ["a", "b", "c"].map(|one| alice.say(&mut theirs, text(one))).into();
    let conv = mine.conversation(ACCOUNT, &ConversationKind::Lobby).unwrap().conv;
    let mut run: Vec<_> = rows.iter().zip(1..).map(|(row, seq)| arrived(seq, row)).collect();
    run[1].envelope = None;
    assert_eq!(mine.ingest(ACCOUNT, conv, &me, run).unwrap().fresh.len(), 2);
    let row = mine.conversation(ACCOUNT, &ConversationKind::Lobby).unwrap();
    assert_eq!((row.cursor, row.unread), (Seq(3), 2));
    assert_eq!(mine.mark_read(conv, Seq(1)).unwrap(), (Seq(1), 1));
    assert_eq!(mine.mark_read(conv, Seq(99)).unwrap(), (Seq(3), 0), "nobody has read the future");
}

#[test]
fn older_messages_come_in_pages_and_pending_ones_last() {
    let (mut alice, mut own) = (Writer::new("alice"), database());
    let me = alice.author();
    let rows: Vec<_> = (0..5).map(|n| alice.say(&mut own, text(&n.to_string()))).collect();
    let conv = rows[0].conv;
    let run = rows[..4].iter().zip(1..).map(|(row, seq)| arrived(seq, row)).collect();
    own.ingest(ACCOUNT, conv, &me, run).unwrap();
    let places = |rows: Vec<MessageRow>| rows.iter().map(|row| row.seq.map(|seq| seq.0)).collect::<Vec<_>>();
    assert_eq!(places(own.messages(conv, None, 3).unwrap()), [Some(3), Some(4), None]);
    assert_eq!(places(own.messages(conv, Some(Seq(3)), 3).unwrap()), [Some(1), Some(2)]);
}

fn offer() -> Body {
    let (share, name) = (ShareId::from_bytes([1; 16]), OfferedName::new("a.bin"));
    Body::Offer(Offer { share, name, size: 7, root: None, modified: None, folder: None, replaces: None })
}

#[test]
fn only_the_device_that_offered_can_seal_and_only_once() {
    let (mut alice, mut mallory, mut own) = (Writer::new("alice"), Writer::new("mallory"), database());
    let made = alice.say(&mut own, offer()).envelope.id;
    let seal =
        |root: u8, size| Body::Sealed(Sealed { offer: made, root: Root::from_bytes([root; 32]), size });
    mallory.say(&mut own, seal(6, 7));
    alice.say(&mut own, seal(6, 8));
    assert_eq!(own.offers(ACCOUNT, 10).unwrap()[0].root, None, "another device, another size");
    alice.say(&mut own, seal(1, 7));
    alice.say(&mut own, seal(2, 7));
    assert_eq!(own.offers(ACCOUNT, 10).unwrap()[0].root, Some(Root::from_bytes([1; 32])));
}

#[test]
fn the_latest_answer_of_each_person_counts() {
    let (mut alice, mut bob, mut own) = (Writer::new("alice"), Writer::new("bob"), database());
    let made = alice.say(&mut own, offer()).envelope.id;
    for verdict in [Verdict::Accepted, Verdict::Done] {
        bob.say(&mut own, Body::Answer(Answer { offer: made, verdict }));
    }
    let stray = Answer { offer: MessageId::new(Timestamp::from_millis(1), [9; 10]), verdict: Verdict::Done };
    bob.say(&mut own, Body::Answer(stray));
    let row = &own.offers(ACCOUNT, 10).unwrap()[0];
    let (user, device, verdict) = ("bob".parse().unwrap(), bob.key.id(), Verdict::Done);
    assert_eq!(row.answers, [AnswerRow { user, device, verdict }]);
}

#[test]
fn another_device_of_the_author_does_not_withdraw_an_offer() {
    let (mut desk, mut laptop, mut own) = (Writer::new("alice"), Writer::new("alice"), database());
    let made = desk.say(&mut own, offer()).envelope.id;
    let cancel = || Body::Answer(Answer { offer: made, verdict: Verdict::Cancelled });
    laptop.say(&mut own, cancel());
    assert!(!own.offers(ACCOUNT, 10).unwrap()[0].is_withdrawn());
    desk.say(&mut own, cancel());
    assert!(own.offers(ACCOUNT, 10).unwrap()[0].is_withdrawn());
}

#[test]
fn what_the_coordinator_forgot_goes_out_again() {
    let (mut alice, mut bob, mut own, mut theirs) =
        (Writer::new("alice"), Writer::new("bob"), database(), database());
    let (mine, other) = (alice.say(&mut own, text("mine")), bob.say(&mut theirs, text("other")));
    let run = vec![arrived(1, &mine), arrived(2, &other)];
    own.ingest(ACCOUNT, mine.conv, &alice.author(), run).unwrap();
    own.rewind(mine.conv, &alice.key.id(), Seq(0)).unwrap();
    let row = own.conversation(ACCOUNT, &ConversationKind::Lobby).unwrap();
    assert_eq!(row.cursor, Seq(0));
    let waiting: Vec<_> = own.outbox(ACCOUNT).unwrap().iter().map(|(_, row)| row.envelope.id).collect();
    assert_eq!(waiting, [mine.envelope.id]);
    assert_eq!(own.messages(mine.conv, None, 10).unwrap().len(), 2, "nothing is lost here");
}

#[test]
fn what_one_wrote_on_another_machine_is_one_s_own() {
    let (mut desk, laptop, mut theirs, mut mine) =
        (Writer::new("alice"), Writer::new("alice"), database(), database());
    let row = desk.say(&mut theirs, text("from the desk"));
    let conv = mine.conversation(ACCOUNT, &ConversationKind::Lobby).unwrap().conv;
    let ingested = mine.ingest(ACCOUNT, conv, &laptop.author(), vec![arrived(1, &row)]).unwrap();
    assert!(ingested.messages[0].mine);
    assert_eq!(mine.conversation(ACCOUNT, &ConversationKind::Lobby).unwrap().unread, 0);
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut alice = Writer::new("alice");
    let draft = alice.draft(text("kept"));
    let history = History::open(dir.path()).unwrap();
    history.call(move |db| db.enqueue(draft, &alice.key)).await.unwrap();
    drop(history);
    let again = History::open(dir.path()).unwrap();
    let waiting = again.call(|db| db.outbox(ACCOUNT)).await.unwrap();
    assert_eq!(waiting.len(), 1);
}

#[test]
fn a_folder_s_offer_and_what_it_replaces_are_kept() {
    let (mut alice, mut own) = (Writer::new("alice"), database());
    let first = alice.say(&mut own, offer()).envelope.id;
    let Body::Offer(mut again) = offer() else { unreachable!() };
    again.folder = Some(FolderSummary { files: 3, folders: 0 });
    again.replaces = Some(first);
    let second = alice.say(&mut own, Body::Offer(again)).envelope.id;
    let rows = own.offers(ACCOUNT, 10).unwrap();
    let row = |id| rows.iter().find(|row| row.offer == id).unwrap();
    assert_eq!(row(first).folder, None);
    assert_eq!(row(second).folder, Some(FolderSummary { files: 3, folders: 0 }));
    assert!(row(second).takes_place_of(row(first)) && !row(first).takes_place_of(row(second)));
    let stranger = OfferRow { device: Writer::new("mallory").key.id(), ..row(second).clone() };
    assert!(!stranger.takes_place_of(row(first)), "only the device that made an offer can replace it");
}

#[test]
fn a_download_comes_back_as_it_was_and_a_new_attempt_holds_nothing() {
    let mut own = database();
    let id = MessageId::new(Timestamp::from_millis(1), [9; 10]);
    let download = Download {
        folder: "/d".into(),
        name: FileName::sanitized("a.bin"),
        conflict: Conflict::Replace,
        picks: Some([1, 70_000].into()),
        priority: Priority::High,
        paused: true,
        wanted: Some(12),
        here: 5,
        status: DownloadStatus::Conflict("/d/a.bin".into()),
    };
    own.set_download(ACCOUNT, &id, &download).unwrap();
    assert_eq!(own.downloads(ACCOUNT).unwrap(), [(id, download.clone())]);
    own.set_here(ACCOUNT, &[(id, 7)]).unwrap();
    assert_eq!(own.downloads(ACCOUNT).unwrap()[0].1.here, 7);
    let done = Download { status: DownloadStatus::Done("/d/a.bin".into()), ..download };
    own.set_download(ACCOUNT, &id, &done).unwrap();
    assert!(own.held(ACCOUNT, 10).unwrap().is_empty(), "only some of it was picked");
    let whole = Download { picks: None, ..done };
    own.set_download(ACCOUNT, &id, &whole).unwrap();
    let held = |own: &mut Database| own.held(ACCOUNT, 10).unwrap().pop().map(|row| row.version);
    assert_eq!(held(&mut own), Some(None), "to be looked at");
    own.set_held(ACCOUNT, &id, Some("{}")).unwrap();
    assert_eq!(held(&mut own), Some(Some("{}".to_owned())));
    own.set_download(ACCOUNT, &id, &Download { status: DownloadStatus::Active, ..whole.clone() }).unwrap();
    assert_eq!(held(&mut own), None);
    own.set_download(ACCOUNT, &id, &whole).unwrap();
    own.set_held(ACCOUNT, &id, None).unwrap();
    assert_eq!(held(&mut own), None, "changed since");
}

#[test]
fn of_what_was_taken_the_newest_ten_thousand_are_kept() {
    let mut own = database();
    let entry = |number: u64| UploadEntry {
        user: "bob".parse().unwrap(),
        device: landline_protocol::DeviceId::from_bytes([1; 32]),
        offer: MessageId::new(Timestamp::from_millis(1), [9; 10]),
        name: OfferedName::new("a.bin"),
        from: Timestamp::from_millis(number),
        until: Timestamp::from_millis(number + 1),
        bytes: number,
    };
    let many: Vec<_> = (0..10_010).map(entry).collect();
    own.log_uploads(ACCOUNT, &many[..10_005]).unwrap();
    own.log_uploads(ACCOUNT, &many[10_005..]).unwrap();
    let kept = own.uploads(ACCOUNT, u32::MAX).unwrap();
    assert_eq!((kept.len(), &kept[0], kept[9_999].bytes), (10_000, &many[10_009], 10));
    assert!(own.uploads(ACCOUNT + 1, 10).unwrap().is_empty());
}
