//! Who moves a connection along: a task of its own, or whoever reads a body from it.
//!
//! Between two tasks every frame of a body costs a wake, mostly of another thread on another core. Who
//! reads much does both: then bytes are read, decrypted and used in one go, while they are still in the
//! processor's cache.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection, shared by its task and at most one reader.
pub(crate) struct Driver {
    /// Absent once it has ended.
    connection: Mutex<Option<Connection>>,
    turn: Arc<Turn>,
}

impl Driver {
    pub(crate) fn new(connection: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
        Arc::new(Self { connection: Mutex::new(Some(Box::pin(connection))), turn: Arc::default() })
    }

    /// What the connection's own task does: moves it until it ends, while nobody reads.
    pub(crate) async fn run(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self.turn));
        std::future::poll_fn(|cx| {
            let is_read = self.turn.is_task(cx.waker());
            if is_read { Poll::Pending } else { self.poll(&mut Context::from_waker(&waker)) }
        })
        .await;
    }

    /// Ends it, whoever reads.
    pub(crate) fn end(&self) {
        *lock(&self.connection) = None;
    }

    /// Moves the connection as far as it goes now.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut connection = lock(&self.connection);
        let Some(running) = connection.as_mut() else { return Poll::Ready(()) };
        let polled = running.as_mut().poll(cx);
        if polled.is_ready() {
            *connection = None;
        }
        polled
    }
}

/// How often a reader looks again within one turn of its task.
const LOOKS: u32 = 4;

/// Nobody is at it: what happens is passed on to whoever's turn it is.
const AWAY: u8 = 0;
/// The reader is at it.
const AT_IT: u8 = 1;
/// And something happened meanwhile: it looks again before it leaves.
const CALLED: u8 = 2;

/// Whom to wake when something happens. A reader is not woken by what it does itself: for a task that
/// wakes itself, tokio wakes another thread.
#[derive(Default)]
struct Turn {
    state: AtomicU8,
    wakers: Mutex<Wakers>,
}

#[derive(Default)]
struct Wakers {
    task: Option<Waker>,
    reader: Option<Waker>,
}

impl Turn {
    /// The task is there; tells whether somebody reads.
    fn is_task(&self, waker: &Waker) -> bool {
        let mut wakers = lock(&self.wakers);
        wakers.task = Some(waker.clone());
        wakers.reader.is_some()
    }

    /// A reader comes.
    fn enter(&self, waker: &Waker) {
        let mut wakers = lock(&self.wakers);
        if !wakers.reader.as_ref().is_some_and(|known| known.will_wake(waker)) {
            wakers.reader = Some(waker.clone());
        }
        self.state.store(AT_IT, Ordering::Release);
    }

    /// The reader leaves, unless it was called; then it is to look again.
    fn leave(&self) -> bool {
        let left = self.state.compare_exchange(AT_IT, AWAY, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !left {
            self.state.store(AT_IT, Ordering::Release);
        }
        left
    }

    /// The reader has something to do elsewhere, and comes back by itself.
    fn step_out(&self) {
        self.state.store(AWAY, Ordering::Release);
    }

    /// Nobody reads any more.
    fn hand_back(&self) {
        let mut wakers = lock(&self.wakers);
        wakers.reader = None;
        self.state.store(AWAY, Ordering::Release);
        let task = wakers.task.clone();
        drop(wakers);
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let call = |state| (state != AWAY).then_some(CALLED);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, call).is_ok() {
            return;
        }
        let wakers = lock(&self.wakers);
        let whom = wakers.reader.as_ref().or(wakers.task.as_ref()).cloned();
        drop(wakers);
        if let Some(whom) = whom {
            whom.wake();
        }
    }
}

/// The body of a response, read by somebody who moves the connection meanwhile.
pub struct DrivenBody {
    body: Incoming,
    /// Absent if the connection has ended.
    driver: Option<(Arc<Driver>, Waker)>,
}

impl DrivenBody {
    pub(crate) fn new(body: Incoming, driver: Option<Arc<Driver>>) -> Self {
        let driver = driver.map(|driver| {
            let waker = Waker::from(Arc::clone(&driver.turn));
            (driver, waker)
        });
        Self { body, driver }
    }
}

impl Body for DrivenBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, driver } = &mut *self;
        let Some((driver, waker)) = driver else { return Pin::new(body).poll_frame(cx) };
        driver.turn.enter(cx.waker());
        let mut inner = Context::from_waker(waker);
        for _ in 0..LOOKS {
            let frame = Pin::new(&mut *body).poll_frame(&mut inner);
            if frame.is_ready() {
                driver.turn.step_out();
                return frame;
            }
            // An end is told by the body.
            let is_over = driver.poll(&mut inner).is_ready();
            let frame = Pin::new(&mut *body).poll_frame(&mut inner);
            if frame.is_ready() {
                driver.turn.step_out();
                return frame;
            }
            if driver.turn.leave() || is_over {
                return Poll::Pending;
            }
        }
        // Others may go first: what calls again and again may be tokio, asking for just that.
        driver.turn.step_out();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for DrivenBody {
    fn drop(&mut self) {
        if let Some((driver, _)) = self.driver.take() {
            driver.turn.hand_back();
        }
    }
}

/// Of a connection that panicked nothing is used any more.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
