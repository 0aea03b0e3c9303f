//! What this download knows of one source: where it is, what it has, how it stands. Kept after the
//! source is gone, because what it had may come back with it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, UserName};
use landline_trust::tls::KeyMismatch;
use tokio::sync::watch;
use tokio::time::Instant;

use super::version::Version;
use super::{FetchError, Source, SourceProgress, SourceState};
use crate::limit::Throttle;
use crate::lock;
use crate::plan::{Has, SourceId};

/// The age at which what a source says it has, and gave to others, is asked anew before choosing.
const FRESH: Duration = Duration::from_millis(300);
/// Below this many missing pieces, an author is not asked what others take.
const FEW: usize = 8;
/// How long after the last byte a source still counts as one that something comes from.
const MOVING: Duration = Duration::from_millis(1500);

/// Reaching a device that is there takes less, even when it must dial back.
const LONG_DIAL: Duration = Duration::from_secs(2);

/// One source.
pub(super) struct Peer {
    pub(super) id: SourceId,
    pub(super) user: UserName,
    pub(super) device: DeviceId,
    pub(super) source: watch::Sender<Source>,
    pub(super) throttle: Throttle,
    pub(super) version: Arc<Version>,
    /// Whether the plan counts on it now.
    pub(super) joined: AtomicBool,
    /// Whether it is among the sources still.
    pub(super) present: AtomicBool,
    good: AtomicU64,
    answers: AtomicUsize,
    standing: Mutex<Standing>,
}

struct Standing {
    state: SourceState,
    /// Something useful came from it, so that a second connection is worth its handshake.
    proved: bool,
    ahead: Option<u32>,
    has: Option<Has>,
    asked: Option<Instant>,
    moved: Option<Instant>,
    /// Since when it is being reached.
    dialling: Option<Instant>,
    /// Who answers where it was.
    other: Option<KeyMismatch>,
    /// What it said for good.
    no: Option<FetchError>,
}

impl Peer {
    pub(super) fn new(id: SourceId, source: Source, throttle: Throttle) -> Self {
        let has = matches!(source.door, Door::Share(_)).then_some(Has::All);
        Self {
            id,
            user: source.user.clone(),
            device: source.device,
            source: watch::Sender::new(source),
            throttle,
            version: Arc::default(),
            joined: AtomicBool::new(false),
            present: AtomicBool::new(true),
            good: AtomicU64::new(0),
            answers: AtomicUsize::new(0),
            standing: Mutex::new(Standing {
                state: SourceState::Connecting,
                proved: false,
                ahead: None,
                has,
                asked: None,
                moved: None,
                dialling: None,
                other: None,
                no: None,
            }),
        }
    }

    /// Whether it is the author's device, asked for the share itself.
    pub(super) fn is_author(&self) -> bool {
        matches!(self.source.borrow().door, Door::Share(_))
    }

    pub(super) fn is_present(&self) -> bool {
        self.present.load(Ordering::Relaxed)
    }

    pub(super) fn state(&self) -> SourceState {
        lock(&self.standing).state.clone()
    }

    pub(super) fn is_dropped(&self) -> bool {
        matches!(lock(&self.standing).state, SourceState::Dropped(_))
    }

    /// Whether it lied or said no, and what that means when there is nobody else.
    pub(super) fn take_no(&self) -> Option<FetchError> {
        lock(&self.standing).no.take()
    }

    pub(super) fn has_no(&self) -> bool {
        lock(&self.standing).no.is_some()
    }

    /// How many it serves before.
    pub(super) fn ahead(&self) -> Option<u32> {
        lock(&self.standing).ahead
    }

    pub(super) fn is_proved(&self) -> bool {
        lock(&self.standing).proved
    }

    /// What it has, as far as it said; everything, for the author.
    pub(super) fn has(&self) -> Option<Has> {
        lock(&self.standing).has.clone()
    }

    /// Whether something comes from it, or did a moment ago.
    pub(super) fn is_moving(&self) -> bool {
        let moved = || lock(&self.standing).moved.is_some_and(|at| at.elapsed() < MOVING);
        self.answers.load(Ordering::Relaxed) > 0 || moved()
    }

    /// Whether to ask what it has before choosing from it.
    pub(super) fn should_tell(&self, is_alone: bool, missing: usize) -> bool {
        let standing = lock(&self.standing);
        let age = standing.asked.map(|at| at.elapsed());
        match &standing.has {
            None => true,
            Some(Has::All) if missing < FEW && is_alone => false,
            Some(_) => age.is_none_or(|age| age >= FRESH),
        }
    }

    pub(super) fn told(&self, has: Has) {
        let mut standing = lock(&self.standing);
        (standing.has, standing.asked) = (Some(has), Some(Instant::now()));
    }

    /// It is being reached, perhaps again: whatever it was before, nothing comes from it now.
    pub(super) fn is_dialled(&self) {
        let mut standing = lock(&self.standing);
        standing.dialling = Some(Instant::now());
        if standing.state == SourceState::Active {
            standing.state = SourceState::Connecting;
        }
    }

    /// That came to an end, one way or the other.
    pub(super) fn dialled(&self) {
        lock(&self.standing).dialling = None;
    }

    /// It answered as it should.
    pub(super) fn answered(&self) {
        let mut standing = lock(&self.standing);
        if matches!(standing.state, SourceState::Connecting | SourceState::Waiting(_)) {
            standing.state = SourceState::Active;
            standing.moved = Some(Instant::now());
        }
        (standing.ahead, standing.other) = (None, None);
    }

    /// Somebody else answers at its address.
    pub(super) fn is_replaced(&self, by: KeyMismatch) {
        lock(&self.standing).other = Some(by);
    }

    /// Who answers at its address, if somebody else did when it was last tried.
    pub(super) fn replaced(&self) -> Option<KeyMismatch> {
        lock(&self.standing).other
    }

    /// A good piece came from it; tells whether it is the first.
    pub(super) fn brought(&self, bytes: u64) -> bool {
        self.good.fetch_add(bytes, Ordering::Relaxed);
        !std::mem::replace(&mut lock(&self.standing).proved, true)
    }

    /// It is tried again later.
    pub(super) fn waits(&self, why: String, ahead: Option<u32>) {
        let mut standing = lock(&self.standing);
        if !matches!(standing.state, SourceState::Dropped(_)) {
            (standing.state, standing.ahead) = (SourceState::Waiting(why), ahead);
            if ahead.is_some() {
                // It answers, and sends nothing: that is waiting, however often it is asked.
                standing.moved = None;
            }
        }
    }

    /// It is not asked again.
    pub(super) fn drop_for(&self, why: String, no: FetchError) {
        let mut standing = lock(&self.standing);
        standing.state = SourceState::Dropped(why);
        (standing.ahead, standing.no) = (None, Some(no));
    }

    /// It is somewhere else now, or said to be back where it was: whoever waits for it, or has tried to
    /// reach it for long, tries at once.
    pub(super) fn moved_to(&self, source: Source) {
        let standing = lock(&self.standing);
        let is_stuck = standing.dialling.is_some_and(|since| since.elapsed() > LONG_DIAL);
        let is_awaited =
            is_stuck || matches!(standing.state, SourceState::Waiting(_)) && standing.ahead.is_none();
        self.source.send_if_modified(|now| {
            let is_new = *now != source;
            *now = source;
            is_new || is_awaited
        });
    }

    /// Something is coming, until the guard is dropped.
    pub(super) fn moving(&self) -> Moving<'_> {
        self.answers.fetch_add(1, Ordering::Relaxed);
        Moving(self)
    }

    pub(super) fn progress(&self) -> SourceProgress {
        let bytes = self.good.load(Ordering::Relaxed);
        SourceProgress { user: self.user.clone(), bytes, state: self.state() }
    }
}

/// Something is coming.
pub(super) struct Moving<'a>(&'a Peer);

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        lock(&self.0.standing).moved = Some(Instant::now());
        self.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}
