//! What the actor and its two halves share: the queues, the wish to close, the reason of the end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::task::AtomicWaker;
use landline_protocol::limits;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Closed, Inbound, SendError, SocketSettings};

/// Messages that wait for the receiver before reading stops.
const INBOUND_MESSAGES: usize = 32;
/// Bytes queued towards all connections of this process together.
const ALL_QUEUES_BYTES: usize = 256 * 1024 * 1024;

static ALL_QUEUED: AtomicUsize = AtomicUsize::new(0);

pub(super) struct Line {
    state: Mutex<State>,
    actor: AtomicWaker,
    receiver: AtomicWaker,
    /// Something left the queue towards the other side, or the line ended.
    drained: Notify,
}

struct State {
    outbound: Queue,
    inbound: VecDeque<Inbound>,
    inbound_bytes: usize,
    settings: SocketSettings,
    farewell: Option<Utf8Bytes>,
    last: Option<Utf8Bytes>,
    closed: Option<Closed>,
    sender_gone: bool,
    receiver_gone: bool,
}

impl Line {
    pub(super) fn new(settings: SocketSettings) -> Self {
        let state = State {
            outbound: Queue::default(),
            inbound: VecDeque::new(),
            inbound_bytes: 0,
            settings,
            farewell: None,
            last: None,
            closed: None,
            sender_gone: false,
            receiver_gone: false,
        };
        Self {
            state: Mutex::new(state),
            actor: AtomicWaker::new(),
            receiver: AtomicWaker::new(),
            drained: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_both(&self) {
        self.actor.wake();
        self.receiver.wake();
        self.drained.notify_waiters();
    }
}

/// For the sender.
impl Line {
    pub(super) fn send(&self, text: Utf8Bytes) -> Result<(), SendError> {
        if text.len() > limits::FRAME_BYTES {
            return Err(SendError::TooLarge);
        }
        let mut state = self.state();
        if state.closed.is_some() {
            return Err(SendError::Closed);
        }
        let sent = state.outbound.push(text);
        if sent.is_err() {
            state.outbound.clear();
            state.last = state.farewell.take();
            state.closed = Some(Closed::Overflow);
        }
        drop(state);
        self.actor.wake();
        if sent.is_err() {
            self.receiver.wake();
        }
        sent
    }

    /// Bytes that wait to be written.
    pub(super) fn queued(&self) -> usize {
        self.state().outbound.bytes
    }

    pub(super) async fn drained(&self, bytes: usize) {
        loop {
            // Made before looking, so that what happens in between is not missed.
            let drained = self.drained.notified();
            if self.closed().is_some() || self.queued() <= bytes {
                return;
            }
            drained.await;
        }
    }

    pub(super) fn close(&self, last: Option<Utf8Bytes>) {
        let mut state = self.state();
        match state.closed {
            None => {
                state.closed = Some(Closed::Local);
                state.last = last;
            }
            // Whoever learns of the overflow may still have a word, if the actor has not closed yet.
            Some(Closed::Overflow) if state.last.is_none() => state.last = last,
            Some(_) => {}
        }
        drop(state);
        self.wake_both();
    }

    pub(super) fn set_farewell(&self, text: Utf8Bytes) {
        self.state().farewell = Some(text);
    }

    pub(super) fn set_settings(&self, settings: SocketSettings) {
        self.state().settings = settings;
        self.actor.wake();
    }

    pub(super) fn closed(&self) -> Option<Closed> {
        self.state().closed.clone()
    }

    pub(super) fn sender_gone(&self) {
        let mut state = self.state();
        state.sender_gone = true;
        state.close_if_abandoned();
        drop(state);
        self.wake_both();
    }
}

/// For the receiver.
impl Line {
    pub(super) fn poll_recv(&self, cx: &Context<'_>) -> Poll<Option<Inbound>> {
        self.receiver.register(cx.waker());
        let mut state = self.state();
        let was_full = !state.has_room();
        let Some(next) = state.inbound.pop_front() else {
            return if state.closed.is_some() { Poll::Ready(None) } else { Poll::Pending };
        };
        state.inbound_bytes -= size(&next);
        drop(state);
        if was_full {
            self.actor.wake();
        }
        Poll::Ready(Some(next))
    }

    pub(super) fn receiver_gone(&self) {
        let mut state = self.state();
        state.receiver_gone = true;
        state.inbound = VecDeque::new();
        state.inbound_bytes = 0;
        state.close_if_abandoned();
        drop(state);
        self.actor.wake();
    }
}

/// For the actor.
impl Line {
    pub(super) fn register_actor(&self, waker: &Waker) {
        self.actor.register(waker);
    }

    pub(super) fn settings(&self) -> SocketSettings {
        self.state().settings
    }

    /// Whether another message may be read; one that nobody waits for is thrown away.
    pub(super) fn has_room(&self) -> bool {
        self.state().has_room()
    }

    pub(super) fn deliver(&self, inbound: Inbound) {
        let mut state = self.state();
        if state.receiver_gone || state.closed.is_some() || !state.has_room() {
            return;
        }
        state.inbound_bytes += size(&inbound);
        state.inbound.push_back(inbound);
        drop(state);
        self.receiver.wake();
    }

    pub(super) fn next_outbound(&self) -> Option<Utf8Bytes> {
        let next = self.state().outbound.pop();
        if next.is_some() {
            self.drained.notify_waiters();
        }
        next
    }

    /// What was given to be said at the very end.
    pub(super) fn take_last(&self) -> Option<Utf8Bytes> {
        self.state().last.take()
    }

    /// Records the end, unless there is one already; returns the one that counts.
    pub(super) fn finish(&self, reason: Closed) -> Closed {
        let mut state = self.state();
        let reason = state.closed.get_or_insert(reason).clone();
        drop(state);
        self.receiver.wake();
        self.drained.notify_waiters();
        reason
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.inbound.len() < INBOUND_MESSAGES && self.inbound_bytes < limits::QUEUE_BYTES
    }

    fn close_if_abandoned(&mut self) {
        if self.sender_gone && self.receiver_gone && self.closed.is_none() {
            self.closed = Some(Closed::Local);
        }
    }
}

fn size(inbound: &Inbound) -> usize {
    match inbound {
        Inbound::Text(text) => text.len(),
        Inbound::RoundTrip(_) => 0,
    }
}

/// Messages towards the other side, counted here and for the whole process.
#[derive(Default)]
struct Queue {
    texts: VecDeque<Utf8Bytes>,
    bytes: usize,
}

impl Queue {
    fn push(&mut self, text: Utf8Bytes) -> Result<(), SendError> {
        let bytes = self.bytes + text.len();
        if self.texts.len() >= limits::QUEUE_MESSAGES || bytes > limits::QUEUE_BYTES {
            return Err(SendError::Overflow);
        }
        let all = ALL_QUEUED.fetch_add(text.len(), Ordering::Relaxed) + text.len();
        self.bytes = bytes;
        // Whoever is not behind is not cut off for those who are.
        let crowded = all > ALL_QUEUES_BYTES && !self.texts.is_empty();
        self.texts.push_back(text);
        if crowded { Err(SendError::Overflow) } else { Ok(()) }
    }

    fn pop(&mut self) -> Option<Utf8Bytes> {
        let text = self.texts.pop_front()?;
        self.bytes -= text.len();
        ALL_QUEUED.fetch_sub(text.len(), Ordering::Relaxed);
        if self.texts.is_empty() && self.texts.capacity() > 8 {
            // A burst must not leave its memory with an idle connection.
            self.texts = VecDeque::new();
        }
        Some(text)
    }

    fn clear(&mut self) {
        ALL_QUEUED.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
        self.texts = VecDeque::new();
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.clear();
    }
}
