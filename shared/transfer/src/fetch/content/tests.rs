//! Who may write a piece, and until when.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;

use landline_protocol::limits::PIECE_BYTES;
use landline_protocol::{ConversationId, DeviceId, FileName, MessageId, OfferRef, Timestamp};

use super::*;
use crate::fetch::known::Known;
use crate::store::{Conflict, Destination, PartName, Subject};
use crate::tree::PieceTree;

const PIECE: usize = 1 << 20;
const HALF: usize = PIECE / 2;
const SLOW: SourceId = SourceId(0);
const FAST: SourceId = SourceId(1);

fn wrong() -> Vec<u8> {
    vec![0xbb; PIECE]
}

/// A file of two pieces on its way, and what it is to become.
struct Desk {
    folder: tempfile::TempDir,
    content: Content,
    bytes: Vec<u8>,
}

impl Desk {
    fn open() -> Self {
        Self::open_in(tempfile::tempdir().unwrap())
    }

    /// As after a crash.
    fn open_again(self) -> Self {
        let Self { folder, content, .. } = self;
        drop(content);
        Self::open_in(folder)
    }

    fn open_in(folder: tempfile::TempDir) -> Self {
        let bytes: Vec<u8> = (0..=250u8).cycle().take(2 * PIECE).collect();
        let to = Destination {
            folder: folder.path().to_owned(),
            name: FileName::parse("file").unwrap(),
            conflict: Conflict::Rename,
        };
        let id = MessageId::new(Timestamp::default(), [1; 10]);
        let device = DeviceId::from_bytes([3; 32]);
        let part = PartName::of(OfferRef { conversation: ConversationId::lobby(), device, id }.key());
        let layout = Arc::new(Layout::single(bytes.len() as u64));
        let store = Store::open(&to, &part, Subject::File, &layout).unwrap();
        let content = Content::new(layout, store, None, 0);
        content.has(SLOW, Has::All, None);
        Self { folder, content, bytes }
    }

    fn seal(&self) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&self.bytes).unwrap();
        let tree = PieceTree::hash_file(&file, self.bytes.len() as u64, &mut |_| ControlFlow::Continue(()));
        self.content.settle(Arc::new(Known::of_file(tree.unwrap())));
    }

    fn ticket(&self, source: SourceId) -> Ticket {
        let task = self.content.take(source, 2 * PIECE_BYTES).unwrap();
        assert_eq!(task.run.range(), 0..2);
        Ticket { source, task }
    }

    /// All of a piece with these bytes is here; so much of it was written already.
    fn admit(&self, ticket: Ticket, number: usize, bytes: &[u8], written: usize) -> Admission {
        let value = compute(self.content.layout(), number, bytes).unwrap();
        self.content.admit(ticket, number, value, &bytes[written..]).unwrap()
    }

    fn piece(&self, number: usize) -> &[u8] {
        &self.bytes[number * PIECE..][..PIECE]
    }

    /// Brings both pieces; what must be there at the end is.
    fn finish(&self, ticket: Ticket) {
        for number in 0..2 {
            let admitted = self.admit(ticket, number, self.piece(number), 0);
            assert_eq!(admitted, Admission::Good);
        }
        self.is_there();
    }

    fn is_there(&self) {
        assert!(self.content.is_complete());
        self.content.store().sync().unwrap();
        self.content.store().place().unwrap();
        assert!(fs::read(self.folder.path().join("file")).unwrap() == self.bytes, "other bytes");
    }
}

#[tokio::test]
async fn what_may_be_there_is_looked_at_while_the_rest_is_fetched() {
    for is_good in [true, false] {
        let desk = Desk::open();
        let before = desk.ticket(SLOW);
        let kept = if is_good { desk.piece(0).to_vec() } else { wrong() };
        assert_eq!(desk.admit(before, 0, &kept, 0), Admission::Good, "nobody can tell yet");
        desk.content.record().unwrap();
        let desk = desk.open_again();
        desk.seal();
        let in_doubt = desk.content.survey(&AtomicBool::new(false)).unwrap();
        assert_eq!(in_doubt, [0]);
        let task = desk.content.take(SLOW, 2 * PIECE_BYTES).unwrap();
        assert_eq!(task.run.range(), 1..2, "only what is not in doubt");
        assert!(desk.content.take(SLOW, 2 * PIECE_BYTES).is_none());
        assert_eq!(desk.admit(Ticket { source: SLOW, task }, 1, desk.piece(1), 0), Admission::Good);
        desk.content.record().unwrap();
        assert!(!desk.content.is_complete() && desk.content.missing() == 1 && desk.content.in_doubt() == 1);

        // Interrupted before anybody has looked at it: it is not forgotten.
        let desk = desk.open_again();
        desk.seal();
        let in_doubt = desk.content.survey(&AtomicBool::new(false)).unwrap();
        assert_eq!(in_doubt, [0, 1]);
        let judged = Mutex::new(Vec::new());
        let note = |is_there| judged.lock().unwrap().push(is_there);
        desk.content.check(&in_doubt, &AtomicBool::new(false), &note).unwrap();
        assert_eq!(judged.into_inner().unwrap(), [is_good, true]);
        assert_eq!((desk.content.in_doubt(), desk.content.is_complete()), (0, is_good));
        if !is_good {
            let task = desk.content.take(SLOW, 2 * PIECE_BYTES).unwrap();
            assert_eq!(task.run.range(), 0..1, "it is asked for after all");
            assert_eq!(desk.admit(Ticket { source: SLOW, task }, 0, desk.piece(0), 0), Admission::Good);
        }
        desk.is_there();
    }
}

#[tokio::test]
async fn whoever_left_writes_nothing_into_what_somebody_else_brings() {
    let desk = Desk::open();
    desk.seal();
    let left = desk.ticket(SLOW);
    assert!(desk.content.write(left, 0, 0, &wrong()[..HALF]).unwrap());
    desk.content.leave(SLOW);
    assert!(desk.content.is_beaten(left, 0));
    desk.content.has(FAST, Has::All, None);
    let now = desk.ticket(FAST);
    assert!(desk.content.write(now, 0, 0, &desk.piece(0)[..HALF]).unwrap());
    // A connection that has not heard of it yet writes on.
    assert!(!desk.content.write(left, 0, HALF, &wrong()[..HALF]).unwrap());
    assert!(!desk.content.write(left, 1, 0, &wrong()[..HALF]).unwrap());
    assert_eq!(desk.admit(left, 1, desk.piece(1), 0), Admission::Late);
    let mut there = Vec::new();
    let read = desk.content.begun(0, &mut [0; 1000], &mut |bytes| there.extend_from_slice(bytes));
    assert_eq!(read.unwrap(), HALF);
    assert!(there == desk.piece(0)[..HALF], "what was written by right is there");
    assert!(!desk.content.is_beaten(now, 0));
    desk.finish(now);
}

#[tokio::test]
async fn the_same_source_over_the_same_run_is_another_task() {
    let desk = Desk::open();
    desk.seal();
    let left = desk.ticket(SLOW);
    desk.content.leave(SLOW);
    desk.content.has(SLOW, Has::All, None);
    let now = desk.ticket(SLOW);
    assert!(!desk.content.write(left, 0, 0, &wrong()[..HALF]).unwrap());
    desk.finish(now);
}

#[tokio::test]
async fn a_duplicate_comes_to_disk_whole_or_not_at_all() {
    let desk = Desk::open();
    desk.seal();
    let slow = desk.ticket(SLOW);
    desk.content.has(FAST, Has::All, None);
    let helper = desk.content.take(FAST, 2 * PIECE_BYTES).unwrap();
    assert!(helper.duplicate);
    let (helper, number) = (Ticket { source: FAST, task: helper }, helper.run.first);
    assert!(desk.content.write(slow, number, 0, &desk.piece(number)[..HALF]).unwrap());
    assert!(!desk.content.write(helper, number, 0, &wrong()[..HALF]).unwrap());
    assert_eq!(desk.admit(helper, number, &wrong(), 0), Admission::Wrong);
    assert_eq!(desk.admit(helper, number, desk.piece(number), 0), Admission::Good);
    assert_eq!(desk.admit(slow, number, desk.piece(number), HALF), Admission::Late);
    let other = 1 - number;
    assert_eq!(desk.admit(slow, other, desk.piece(other), 0), Admission::Good);
    desk.is_there();
}

/// Before the root is known, a helper's wrong piece counts for a while, over what the slower source had
/// written already: that must be written again.
#[tokio::test]
async fn what_a_refuted_duplicate_wrote_over_is_written_again() {
    let desk = Desk::open();
    let slow = desk.ticket(SLOW);
    assert_eq!(desk.admit(slow, 0, desk.piece(0), 0), Admission::Good);
    assert!(desk.content.write(slow, 1, 0, &desk.piece(1)[..HALF]).unwrap());
    desk.content.has(FAST, Has::All, None);
    let task = desk.content.take(FAST, PIECE_BYTES).unwrap();
    assert_eq!((task.duplicate, task.run.range()), (true, 1..2));
    let helper = Ticket { source: FAST, task };
    assert_eq!(desk.admit(helper, 1, &wrong(), 0), Admission::Good);
    desk.content.end(FAST, task);
    assert!(!desk.content.is_complete(), "nothing is proven without a root");
    desk.seal();
    assert_eq!(desk.admit(slow, 1, desk.piece(1), HALF), Admission::Late, "half of it is the helper's");
    assert!(desk.content.end(SLOW, slow.task));
    let again = Ticket { source: SLOW, task: desk.content.take(SLOW, PIECE_BYTES).unwrap() };
    assert_eq!((again.task.duplicate, again.task.run.range()), (false, 1..2));
    desk.content.begin(1);
    assert_eq!(desk.content.prefix(1), 0);
    assert!(desk.content.write(again, 1, 0, &desk.piece(1)[..HALF]).unwrap());
    assert_eq!(desk.admit(again, 1, desk.piece(1), HALF), Admission::Good);
    desk.is_there();
}

/// What is begun anew and refuted once more is not counted either.
#[tokio::test]
async fn whatever_was_refuted_since_it_was_begun_is_begun_again() {
    let desk = Desk::open();
    desk.seal();
    let ticket = desk.ticket(SLOW);
    desk.content.distrust(0);
    desk.content.begin(0);
    assert!(desk.content.write(ticket, 0, 0, &desk.piece(0)[..HALF]).unwrap());
    desk.content.distrust(0);
    assert_eq!(desk.admit(ticket, 0, desk.piece(0), HALF), Admission::Late);
    assert_eq!(desk.admit(ticket, 0, desk.piece(0), 0), Admission::Good, "all of it is written now");
    assert_eq!(desk.admit(ticket, 1, desk.piece(1), 0), Admission::Good);
    desk.is_there();
}
