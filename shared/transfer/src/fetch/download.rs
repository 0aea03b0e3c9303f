//! The middle of an attempt: workers that bring pieces, and the record kept beside them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use landline_protocol::peer_routes::ShareRoute;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::source::{Answer, Line, Source};
use super::{FetchError, FetchJob, Phase, Progress, on_disk};
use crate::lock;
use crate::part::PartFile;
use crate::plan::{Plan, Run};
use crate::tree::{PieceTree, piece_len};

/// Unrecorded bytes after which the record is brought up to date.
const RECORD_BYTES: u64 = 64 * 1024 * 1024;
/// The longest that anything proven stays unrecorded.
const RECORD_AFTER: Duration = Duration::from_secs(5);
/// A write that takes longer was held up by the disk.
const SLOW_WRITE: Duration = Duration::from_millis(20);
/// Missing pieces from which a second connection is worth its handshake.
const SECOND_CONNECTION: usize = 8;

/// One file on its way into its part file.
pub(super) struct Download {
    job: FetchJob,
    tree: PieceTree,
    part: PartFile,
    plan: Mutex<Plan>,
    progress: watch::Sender<Progress>,
    unrecorded: AtomicU64,
    due: Notify,
    /// The last piece took long to write: the next may too.
    slow_disk: AtomicBool,
    /// Tells blocking work that nobody waits for it any more.
    stop: AtomicBool,
}

impl Download {
    pub(super) fn new(
        job: FetchJob,
        tree: PieceTree,
        part: PartFile,
        progress: watch::Sender<Progress>,
    ) -> Self {
        Self {
            plan: Mutex::new(Plan::new(job.size)),
            job,
            tree,
            part,
            progress,
            unrecorded: AtomicU64::new(0),
            due: Notify::new(),
            slow_disk: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        }
    }

    pub(super) fn part(&self) -> &PartFile {
        &self.part
    }

    /// Hashes again what an earlier attempt left.
    pub(super) async fn check(self: &Arc<Self>) -> Result<(), FetchError> {
        // Until now it told of the attempt before.
        self.progress.send_replace(Progress { phase: Phase::Checking, ..Progress::default() });
        let _stop = StopOnDrop(self);
        self.blocking(|this| this.part.check(&this.tree, &this.stop, |index| this.found(index))).await
    }

    /// Fetches what is missing, beginning on a line that is open already.
    pub(super) async fn run(self: &Arc<Self>, first: Source, line: Line) -> Result<(), FetchError> {
        self.progress.send_modify(|progress| progress.phase = Phase::Active);
        let mut workers = JoinSet::new();
        workers.spawn(Arc::clone(self).work(first, line.clone()));
        if lock(&self.plan).missing() >= SECOND_CONNECTION {
            let this = Arc::clone(self);
            workers.spawn(async move { this.work(Source::connect(line.clone()).await?, line).await });
        }
        tokio::select! {
            failed = self.keep_record() => Err(failed),
            done = self.join(&mut workers) => done,
        }
    }

    /// A connection that breaks leaves its pieces to the other; what cannot be mended ends all.
    async fn join(&self, workers: &mut JoinSet<Result<(), FetchError>>) -> Result<(), FetchError> {
        let mut last = FetchError::Interrupted("it ended early".into());
        while let Some(ended) = workers.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) if error.retryable() => last = error,
                Ok(Err(error)) => return Err(error),
                Err(error) => last = FetchError::Interrupted(error.to_string()),
            }
        }
        if lock(&self.plan).is_complete() { Ok(()) } else { Err(last) }
    }

    /// One connection: takes runs of pieces until none is left. When it breaks after it brought
    /// something, it is dialled again at once; what is known to be good need not be hashed anew.
    async fn work(self: Arc<Self>, mut source: Source, line: Line) -> Result<(), FetchError> {
        let mut buffer = vec![0; piece_len(self.job.size, 0)];
        loop {
            let mut brought = 0;
            match self.bring(&mut source, &mut buffer, &mut brought).await {
                Err(FetchError::Interrupted(_)) if brought > 0 => {
                    source = Source::connect(line.clone()).await?;
                }
                ended => return ended,
            }
        }
    }

    /// Fetches runs over one connection, counting the pieces that were good.
    async fn bring(
        &self,
        source: &mut Source,
        buffer: &mut [u8],
        brought: &mut u64,
    ) -> Result<(), FetchError> {
        let route = ShareRoute::Content { share: self.job.share, entry: self.job.entry };
        while let Some(claim) = Claim::take(self) {
            let slice = lock(&self.plan).slice(claim.run);
            let mut body = source.slice(route, slice, self.job.size).await?;
            self.receive(claim.run, &mut body, buffer, brought).await?;
            source.done();
        }
        Ok(())
    }

    /// Reads the pieces of a run; each counts once it is proven and written.
    async fn receive(
        &self,
        run: Run,
        body: &mut Answer,
        buffer: &mut [u8],
        brought: &mut u64,
    ) -> Result<(), FetchError> {
        let (mut index, mut filled) = (run.first, 0);
        while let Some(mut data) = body.next().await? {
            while !data.is_empty() {
                let piece = &mut buffer[..piece_len(self.job.size, index as u64)];
                let fits = data.len().min(piece.len() - filled);
                if fits == 0 {
                    return Err(FetchError::Corrupt); // more than was asked for
                }
                piece[filled..filled + fits].copy_from_slice(&data.split_to(fits));
                filled += fits;
                if filled == piece.len() {
                    self.admit(index, piece)?;
                    (index, filled) = (index + 1, 0);
                    *brought += 1;
                }
            }
        }
        if index == run.first + run.count {
            Ok(())
        } else {
            Err(FetchError::Interrupted("the sender stopped in the middle".into()))
        }
    }

    /// Checks a piece and writes it; only then it counts.
    fn admit(&self, index: usize, piece: &[u8]) -> Result<(), FetchError> {
        if !self.tree.verify(index as u64, piece) {
            return Err(FetchError::Corrupt);
        }
        self.write(index, piece).map_err(|error| self.disk(error))?;
        let verified = {
            let mut plan = lock(&self.plan);
            plan.verified(index);
            plan.verified_bytes()
        };
        self.progress.send_modify(|progress| progress.verified = verified);
        let before = self.unrecorded.fetch_add(piece.len() as u64, Ordering::Relaxed);
        if before < RECORD_BYTES && before + piece.len() as u64 >= RECORD_BYTES {
            self.due.notify_one();
        }
        Ok(())
    }

    /// Inline on purpose: a megabyte goes to the page cache in less time than another thread needs
    /// to take it over. A disk that makes writers wait is waited for elsewhere.
    fn write(&self, index: usize, piece: &[u8]) -> std::io::Result<()> {
        let began = Instant::now();
        let can_step_aside = || Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        let written = if self.slow_disk.load(Ordering::Relaxed) && can_step_aside() {
            tokio::task::block_in_place(|| self.part.write(index, piece))
        } else {
            self.part.write(index, piece)
        };
        self.slow_disk.store(began.elapsed() > SLOW_WRITE, Ordering::Relaxed);
        written
    }

    /// A piece of an earlier attempt that is good.
    fn found(&self, index: usize) {
        let verified = {
            let mut plan = lock(&self.plan);
            plan.verified(index);
            plan.verified_bytes()
        };
        self.progress.send_modify(|progress| (progress.verified, progress.reused) = (verified, verified));
    }

    /// Brings the record up to date while pieces come in. Ends only when the disk fails.
    async fn keep_record(self: &Arc<Self>) -> FetchError {
        loop {
            let _ = timeout(RECORD_AFTER, self.due.notified()).await;
            if self.unrecorded.swap(0, Ordering::Relaxed) == 0 {
                continue;
            }
            let bitmap = lock(&self.plan).bitmap();
            if let Err(error) = self.blocking(move |this| this.part.checkpoint(&bitmap)).await {
                return error;
            }
        }
    }

    /// Runs something that waits for the disk on this download.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, FetchError> {
        let this = Arc::clone(self);
        on_disk(&self.job, move || work(&this)).await
    }

    fn disk(&self, error: std::io::Error) -> FetchError {
        FetchError::disk(error, &self.job.folder, self.job.size)
    }
}

/// A run that goes back to the plan, as far as it was not brought, when its worker ends.
struct Claim<'a> {
    plan: &'a Mutex<Plan>,
    run: Run,
}

impl<'a> Claim<'a> {
    fn take(download: &'a Download) -> Option<Self> {
        let run = lock(&download.plan).take()?;
        Some(Self { plan: &download.plan, run })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        lock(self.plan).release(self.run);
    }
}

struct StopOnDrop<'a>(&'a Download);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}
