//! One fetch of a download with hostile sources, over lines on which every byte is counted.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use landline_net::client::HttpConnection;
use landline_net::dial::{DialError, dial};
use landline_protocol::Root;
use landline_transfer::fetch::{Connect, Line, Source};
use landline_transfer::{Destination, FetchError, FetchJob, Fetched, Progress, Rates, Shares, fetch};
use landline_trust::device::DeviceKey;
use landline_trust::tls::Expect;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::ledger::Counted;
use super::server::Act;

/// For reaching a source.
const DIAL: Duration = Duration::from_secs(5);

/// A fetch under way. It ends when this is dropped, as by a pause.
pub(super) struct Attempt {
    task: AbortOnDropHandle<Result<Fetched, FetchError>>,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) sources: watch::Sender<Arc<[Source]>>,
    pub(super) root: watch::Sender<Option<Root>>,
}

/// How a fetch ended, and what it said last.
pub(super) type End = Option<Result<Fetched, FetchError>>;

impl Attempt {
    /// Begins to fetch what the act is about; `is_late` without its root.
    pub(super) fn begin(
        act: &Arc<Act>,
        key: &Arc<DeviceKey>,
        token: &str,
        to: Destination,
        sources: Arc<[Source]>,
        is_late: bool,
        pass_on: Option<Shares>,
    ) -> Self {
        let offered = &act.offered;
        let (sources, watched) = watch::channel(sources);
        let (root, rooted) = watch::channel((!is_late).then_some(offered.root));
        let fixed = |text: String| watch::channel(Arc::from(text)).1;
        let connect = Arc::new(Counting { key: Arc::clone(key), act: Arc::clone(act) });
        let pass = fixed(offered.offer.key().to_string());
        let job = FetchJob {
            offer: offered.offer,
            kind: offered.kind,
            size: offered.size,
            summary: offered.summary,
            root: rooted,
            to,
            picks: None,
            sources: watched,
            line: Line { connect, credential: fixed(token.to_owned()), pass },
            rates: Rates::new(),
            pass_on,
        };
        let (told, progress) = watch::channel(Progress::default());
        let task = AbortOnDropHandle::new(tokio::spawn(fetch(job, told, CancellationToken::new())));
        Self { task, progress, sources, root }
    }

    /// How it ended, if it does in this time.
    pub(super) async fn wait(&mut self, patience: Duration) -> End {
        tokio::select! {
            biased;
            ended = &mut self.task => match ended {
                Ok(ended) => Some(ended),
                Err(error) => Some(Err(FetchError::Io {
                    folder: PathBuf::new(),
                    source: std::io::Error::other(format!("it panicked: {error}")),
                })),
            },
            () = sleep(patience) => None,
        }
    }
}

/// Dials, and counts what comes.
struct Counting {
    key: Arc<DeviceKey>,
    act: Arc<Act>,
}

impl Connect for Counting {
    fn connect<'a>(
        &'a self,
        source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<HttpConnection, DialError>> + Send + 'a>> {
        Box::pin(async move {
            let dialled = dial(&source.addresses, &self.key, Expect::Pinned(source.device), DIAL).await?;
            let stream = Counted::new(dialled.stream, self.act.ledger.open(dialled.local));
            let opened = HttpConnection::over(stream, dialled.device, dialled.remote).await;
            opened.map_err(|error| DialError::Tls(error.to_string()))
        })
    }
}
