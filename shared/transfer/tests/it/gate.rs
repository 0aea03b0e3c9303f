//! A gate in a sender's way out: content comes through up to a number of bytes.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame};
use landline_net::Body;
use tokio::sync::watch;

use crate::desk::Tamper;

/// Lets content through up to a number of bytes, over all answers; the rest waits for more.
pub(crate) struct Gate {
    limit: watch::Sender<u64>,
    passed: Arc<Mutex<u64>>,
}

impl Gate {
    pub(crate) fn after(bytes: u64) -> Arc<Self> {
        Arc::new(Self { limit: watch::Sender::new(bytes), passed: Arc::default() })
    }

    pub(crate) fn open(&self) {
        self.limit.send_replace(u64::MAX);
    }

    /// The tamper that puts it before all content, and nothing else.
    pub(crate) fn tamper(self: &Arc<Self>) -> Tamper {
        let gate = Arc::clone(self);
        Arc::new(move |path, answer| {
            if !path.ends_with("/content") || !answer.status().is_success() {
                return answer;
            }
            let (limit, passed) = (gate.limit.subscribe(), gate.passed.clone());
            let before = move || {
                let (mut limit, passed) = (limit.clone(), passed.clone());
                async move {
                    let _ = limit.wait_for(|limit| *limit > *passed.lock().unwrap()).await;
                }
            };
            let passed = gate.passed.clone();
            answer.map(|inner| Gated { inner, waiting: None, before: Box::new(before), passed }.boxed())
        })
    }
}

type Wait = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

struct Gated<F> {
    inner: Body,
    waiting: Option<Wait>,
    before: Box<F>,
    passed: Arc<Mutex<u64>>,
}

impl<F, W> HttpBody for Gated<F>
where
    F: Fn() -> W,
    W: Future<Output = ()> + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let mut waiting = self.waiting.take().unwrap_or_else(|| Box::pin((self.before)()));
        if waiting.as_mut().poll(context).is_pending() {
            self.waiting = Some(waiting);
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            *self.passed.lock().unwrap() += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}
