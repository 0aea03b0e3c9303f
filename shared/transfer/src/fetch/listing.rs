//! What is in an offered folder, before any of it is fetched.

use std::sync::Arc;

use landline_protocol::peer_routes::Door;
use landline_protocol::{FolderSummary, Root};

use super::known::Proof;
use super::learn::{believe, manifest_bytes};
use super::trouble::Trouble;
use super::wire::Wire;
use super::{FetchError, Line, Source};
use crate::manifest::Manifest;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// Nobody who has it can be reached now; why.
    #[error("{0}")]
    NotNow(String),
    /// Time does not mend it.
    #[error(transparent)]
    Failed(#[from] FetchError),
}

/// Asks one source after the other, the author first, for the manifest of a folder of this size and
/// root.
pub async fn listing(
    sources: &[Source],
    line: &Line,
    size: u64,
    summary: Option<FolderSummary>,
    root: Root,
) -> Result<Arc<Manifest>, ListingError> {
    let mut failed = ListingError::NotNow("Nobody is known who has it.".to_owned());
    let may_ask = |source: &&Source| matches!(source.door, Door::Share(_)) || !line.pass.borrow().is_empty();
    for source in sources.iter().filter(may_ask) {
        match ask(source, line, size, summary, root).await {
            Ok(manifest) => return Ok(manifest),
            Err(trouble) => failed = trouble.into(),
        }
    }
    Err(failed)
}

async fn ask(
    source: &Source,
    line: &Line,
    size: u64,
    summary: Option<FolderSummary>,
    root: Root,
) -> Result<Arc<Manifest>, Trouble> {
    let bytes =
        manifest_bytes(&mut Wire::open(line, source, Arc::default()).await?, size, summary, None).await?;
    let read = tokio::task::spawn_blocking(move || believe(bytes, root, size, summary)).await;
    match read.map_err(Trouble::broken)??.proof {
        Proof::Folder(manifest) => Ok(manifest),
        Proof::File { .. } => Err(Trouble::Local(FetchError::Corrupt)),
    }
}

impl From<Trouble> for ListingError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Passing(why) | Trouble::Busy { why, .. } => Self::NotNow(why),
            Trouble::WrongKey(mismatch) => Self::Failed(FetchError::KeyChanged(mismatch)),
            Trouble::Final(error) | Trouble::Local(error) => Self::Failed(error),
            Trouble::Lied(_) | Trouble::Beaten | Trouble::Stale => Self::Failed(FetchError::Corrupt),
        }
    }
}
