//! The writer against a model: whatever is asked, in whatever groups, each message has one place.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Condvar, Mutex};

use landline_protocol::frame::Range;
use landline_protocol::{PublicKey, Signature};
use proptest::prelude::*;

use super::*;

struct Bench {
    store: Store,
    committed: mpsc::Receiver<Vec<Committed>>,
    writer: WriterThread,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let Opened { store, committed, writer } = Store::open(dir.path(), Clock::system(), no_end()).unwrap();
        Self { store, committed, writer, dir }
    }

    /// Hands everything in at once, so that it falls into few groups, and gives the outcomes.
    async fn append_all(&mut self, appends: Vec<Append>) -> Vec<Committed> {
        let (store, expected) = (self.store.clone(), appends.len());
        let sending = tokio::spawn(async move {
            for append in appends {
                store.append(append).await.unwrap();
            }
        });
        let mut all = Vec::new();
        while all.len() < expected {
            all.extend(self.committed.recv().await.unwrap());
        }
        sending.await.unwrap();
        all
    }

    async fn append(&mut self, one: Append) -> Result<Placed, Unplaced> {
        self.append_all(vec![one]).await.remove(0).outcome
    }

    async fn execute(&self, sql: &'static str) {
        self.store.write::<_, StoreError, _>(move |db| Ok(db.execute_batch(sql)?)).await.unwrap();
    }

    async fn texts(&self) -> Vec<(u64, String)> {
        let read = |db: &Connection| {
            let mut all = Vec::new();
            messages::walk(db, &ConversationId::lobby(), Range::After(Seq::ZERO), |message| {
                all.push((message.seq.0, message.message.envelope));
                true
            })?;
            Ok::<_, StoreError>(all)
        };
        self.store.read(read).await.unwrap()
    }

    async fn stop(self) -> tempfile::TempDir {
        self.store.stop().await;
        self.writer.join().await;
        self.dir
    }
}

/// For tests in which nothing fails for good.
fn no_end() -> Fatal {
    Arc::new(|status| panic!("the process would have ended with {status}"))
}

#[tokio::test]
async fn a_writer_that_fails_ends_the_process_and_says_so_before() {
    let dir = tempfile::tempdir().unwrap();
    let (ended, mut end) = mpsc::channel(1);
    let fatal: Fatal = Arc::new(move |status| ended.blocking_send(status).unwrap());
    let Opened { store, writer, .. } = Store::open(dir.path(), Clock::system(), fatal).unwrap();
    assert!(!store.has_failed());
    let failed = store.write::<(), StoreError, _>(|_| panic!("a fault")).await;
    assert_eq!(failed, Err(StoreError::Closed));
    assert_eq!(end.recv().await, Some(FAULT));
    assert!(store.has_failed());
    writer.join().await;
}

/// Queries that wait until they are let go, and how many of them run.
#[derive(Default)]
struct Gate {
    running: AtomicUsize,
    most: AtomicUsize,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        self.most.fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let open = self.open.lock().unwrap();
        let patience = Duration::from_secs(10);
        drop(self.opened.wait_timeout_while(open, patience, |open| !*open).unwrap());
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

#[tokio::test]
async fn an_asker_who_goes_away_does_not_free_the_turn_of_its_query() {
    let (bench, gate) = (Bench::new(), Arc::new(Gate::default()));
    let (told, mut begun) = mpsc::channel(64);
    let query = || {
        let (store, gate, told) = (bench.store.clone(), gate.clone(), told.clone());
        let work = move |_: &Connection| {
            told.blocking_send(()).unwrap();
            gate.pass();
            Ok::<_, StoreError>(())
        };
        tokio::spawn(async move { store.read(work).await })
    };
    let impatient: Vec<_> = (0..4).map(|_| query()).collect();
    for _ in 0..4 {
        begun.recv().await.unwrap();
    }
    for gone in impatient {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    let patient: Vec<_> = (0..4).map(|_| query()).collect();
    let early = tokio::time::timeout(Duration::from_millis(200), begun.recv()).await;
    gate.open();
    for done in patient {
        done.await.unwrap().unwrap();
    }
    assert!(early.is_err(), "a fifth query began");
    assert_eq!(gate.most.load(Ordering::SeqCst), 4);
}

/// A message of the lobby, or of a direct conversation of people without accounts.
fn message(conversation: u8, device: u8, id: u8, text: &str) -> Append {
    let kind = match conversation {
        0 => ConversationKind::Lobby,
        n => ConversationKind::direct("a".parse().unwrap(), format!("b{n}").parse().unwrap()),
    };
    Append {
        origin: ConnectionId(u64::from(device)),
        conversation: kind.id(),
        kind,
        id: MessageId::from_slice(&[id; 16]).unwrap(),
        device: DeviceId::from_bytes([device; 32]),
        message: Signed {
            envelope: text.to_owned(),
            key: PublicKey::from_bytes([device; 32]),
            signature: Signature::from_bytes([id; 64]),
        },
        room: None,
    }
}

fn lobby(id: u8, text: &str) -> Append {
    message(0, 1, id, text)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_message_has_one_place_and_places_have_no_gaps(
        asked in prop::collection::vec((0u8..3, 0u8..3, 0u8..20, 0u8..2), 1..200),
    ) {
        runtime().block_on(async {
            let mut bench = Bench::new();
            let appends = asked.iter().map(|(c, d, id, v)| message(*c, *d, *id, &format!("{c} {v}"))).collect();
            let outcomes = bench.append_all(appends).await;
            let mut heads: HashMap<ConversationId, u64> = HashMap::new();
            let mut first: HashMap<(DeviceId, MessageId), (String, Seq)> = HashMap::new();
            for Committed { append, outcome } in outcomes {
                let expected = match first.get(&(append.device, append.id)) {
                    None => {
                        let head = heads.entry(append.conversation).or_default();
                        *head += 1;
                        first.insert((append.device, append.id), (append.message.envelope, Seq(*head)));
                        Ok((Seq(*head), true))
                    }
                    Some((text, seq)) if *text == append.message.envelope => Ok((*seq, false)),
                    Some(_) => Err(Unplaced::Conflict),
                };
                assert_eq!(outcome.map(|placed| (placed.seq, placed.fresh)), expected);
            }
            let lobby = bench.texts().await;
            let head = heads.get(&ConversationId::lobby()).copied().unwrap_or(0);
            assert!(lobby.iter().map(|(seq, _)| *seq).eq(1..=head));
            // What a restart finds is what was told.
            let dir = bench.stop().await;
            let again = Store::open(dir.path(), Clock::system(), no_end()).unwrap();
            let kept = again.store.read(messages::conversations).await.unwrap();
            assert_eq!(kept.into_iter().map(|c| (c.id, c.head.0)).collect::<HashMap<_, _>>(), heads);
        });
    }
}

#[tokio::test]
async fn a_message_refused_for_its_id_begins_no_conversation() {
    let mut bench = Bench::new();
    assert!(bench.append(message(0, 1, 1, "said in the lobby")).await.is_ok());
    assert_eq!(bench.append(message(1, 1, 1, "said to one")).await, Err(Unplaced::Conflict));
    let kept = bench.store.read(messages::conversations).await.unwrap();
    assert_eq!(
        kept.into_iter().map(|c| (c.id, c.head.0)).collect::<Vec<_>>(),
        [(ConversationId::lobby(), 1)]
    );
}

#[tokio::test]
async fn a_bad_row_fails_alone() {
    let mut bench = Bench::new();
    bench
        .execute(
            "CREATE TRIGGER no_bad_rows BEFORE INSERT ON messages WHEN new.envelope = 'bad'
             BEGIN SELECT RAISE(ABORT, 'bad'); END",
        )
        .await;
    let texts = ["one", "bad", "two", "bad", "three"];
    let appends = texts.iter().zip(1..).map(|(text, id)| lobby(id, text)).collect();
    let outcomes = bench.append_all(appends).await;
    let placed: Vec<_> = outcomes.iter().map(|c| c.outcome.as_ref().ok().map(|p| p.seq.0)).collect();
    assert_eq!(placed, [Some(1), None, Some(2), None, Some(3)]);
    let kept = bench.texts().await;
    assert_eq!(kept, [(1, "one".into()), (2, "two".into()), (3, "three".into())]);
}

#[tokio::test]
async fn a_write_that_fails_is_undone_alone() {
    let mut bench = Bench::new();
    let store = bench.store.clone();
    let failing = store.write::<(), StoreError, _>(|db| {
        db.execute_batch("INSERT INTO notes VALUES ('half', 'done')")?;
        Err(StoreError::Other("changed my mind".into()))
    });
    let fine = store.note("whole", "done");
    let (failed, fine, sent) = tokio::join!(failing, fine, bench.append_all(vec![lobby(1, "one")]));
    assert_eq!(failed, Err(StoreError::Other("changed my mind".into())));
    fine.unwrap();
    assert!(sent[0].outcome.is_ok());
    let noted = |name: &'static str| store.read::<_, StoreError, _>(move |db| super::noted(db, name));
    assert_eq!(noted("half").await.unwrap(), None);
    assert_eq!(noted("whole").await.unwrap().as_deref(), Some("done"));
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_without_a_gap() {
    let mut bench = Bench::new();
    assert!(bench.append(lobby(1, "before")).await.is_ok());
    bench.execute("PRAGMA max_page_count = 1").await;
    let large = "x".repeat(60_000);
    let mut refused = 0;
    for id in 2..20 {
        match bench.append(lobby(id, &large)).await {
            Ok(_) => {}
            Err(why) => {
                assert_eq!(why, Unplaced::Storage(StoreError::Full));
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && bench.store.is_full());
    bench.execute("PRAGMA max_page_count = 4294967294").await;
    bench.store.probe().await;
    assert!(!bench.store.is_full(), "it recovers by itself");
    assert!(bench.append(lobby(19, &large)).await.is_ok(), "the refused message can be sent again");
    let kept = bench.texts().await;
    assert!(kept.iter().map(|(seq, _)| *seq).eq(1..=kept.len() as u64));
}

#[tokio::test]
async fn a_stopped_writer_has_committed_what_it_was_given() {
    let mut bench = Bench::new();
    for id in 0..200 {
        bench.store.append(lobby(id, "text")).await.unwrap();
    }
    bench.store.stop().await;
    bench.writer.join().await;
    let mut outcomes = 0;
    while let Some(group) = bench.committed.recv().await {
        assert!(group.iter().all(|one| one.outcome.is_ok()));
        outcomes += group.len();
    }
    assert_eq!(outcomes, 200);
    assert_eq!(bench.store.note("late", "").await, Err(StoreError::Closed));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_database() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _db = open_writable(&dir.path().join(FILE)).unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}
