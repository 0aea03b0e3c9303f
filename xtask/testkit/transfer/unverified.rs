//! The same bytes over the same lines, written and not verified: what verification costs is the
//! difference.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use landline_net::client::HttpConnection;
use landline_protocol::peer_routes::{Door, Resource};
use landline_transfer::fetch::{Connect, Source};
use tokio::task::JoinSet;

/// Bytes of one request.
const RANGE: u64 = 64 << 20;
/// Bytes of one write.
const BLOCK: usize = 1 << 20;

/// Fetches a file of `size` bytes over two connections.
pub(super) async fn fetch(connect: Arc<dyn Connect>, source: Source, size: u64, to: File) -> Result<()> {
    let (next, to, source) = (Arc::new(AtomicU64::new(0)), Arc::new(to), Arc::new(source));
    to.set_len(size)?;
    let mut workers = JoinSet::new();
    for _ in 0..2 {
        let (next, to, source) = (Arc::clone(&next), Arc::clone(&to), Arc::clone(&source));
        let connect = Arc::clone(&connect);
        workers.spawn(async move {
            let mut line = connect.connect(&source).await?;
            loop {
                let start = next.fetch_add(RANGE, Ordering::Relaxed);
                if start >= size {
                    return anyhow::Ok(());
                }
                range(&mut line, source.door, start, (start + RANGE).min(size), &to).await?;
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(())
}

async fn range(line: &mut HttpConnection, door: Door, mut start: u64, end: u64, to: &File) -> Result<()> {
    let request = Request::get(door.to(Resource::Content).to_string())
        .header("authorization", "Bearer none")
        .header("range", format!("bytes={start}-{}", end - 1))
        .body(Full::<Bytes>::default())?;
    let mut body = line.send(request).await?.into_body();
    let mut block = Vec::with_capacity(BLOCK);
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame?.into_data() else { continue };
        while !data.is_empty() {
            let fits = data.len().min(BLOCK - block.len());
            block.extend_from_slice(&data.split_to(fits));
            if block.len() == BLOCK {
                to.write_all_at(&block, start)?;
                start += BLOCK as u64;
                block.clear();
            }
        }
    }
    to.write_all_at(&block, start)?;
    start += block.len() as u64;
    if start == end { Ok(()) } else { bail!("the range ended early, at {start} of {end}") }
}

/// Opens where it goes.
pub(super) fn create(folder: &std::path::Path, name: &str) -> Result<File> {
    File::create(folder.join(name)).context("the file cannot be made")
}
