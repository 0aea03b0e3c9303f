//! Files from one machine to another: the hash tree, serving what was shared, and fetching it into
//! a part file that survives interruption.
//!
//! The owner of a file opens it with [`Shares::open`], adds it under a [`ShareId`] and answers
//! requests with [`serve::respond`]. The receiver calls [`fetch::fetch`], which asks for the
//! [`PieceTree`], checks it against the root it was offered, and then admits each 1 MiB piece only
//! when the piece alone proves that it belongs. Nothing unverified is ever under its final name.
//!
//! [`beneath`] is the one way to open a file here; [`disk`] holds what else depends on Unix.
//!
//! [`ShareId`]: landline_protocol::ShareId

pub mod beneath;
pub mod disk;
pub mod fetch;
mod part;
pub mod plan;
mod pool;
pub mod range;
pub mod serve;
pub mod share;
pub mod tree;
mod upload;

pub use beneath::Directory;
pub use disk::FileVersion;
pub use fetch::{FetchError, FetchJob, Fetched, Phase, Progress, discard, fetch};
pub use part::PartName;
pub use serve::{Asker, respond};
pub use share::{Audience, ShareError, SharedFile, Shares};
pub use tree::PieceTree;
pub use upload::Upload;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even after a panic elsewhere: the data guarded here is whole between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
