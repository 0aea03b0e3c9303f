//! Files and folders from one machine to others: the hash tree, serving what was shared, and
//! fetching it from whoever holds it into a place that survives interruption.
//!
//! The owner opens a file or folder with [`Shares::open`], adds it under a [`ShareId`] and answers
//! requests with [`serve::respond`]. A receiver calls [`fetch::fetch`], which learns what each 1 MiB
//! piece must hash to ([`values`]), decides who brings which ([`plan`]), and admits each only when it
//! alone proves that it belongs. What it holds it passes on, to those who may see the offer
//! ([`share::Holding`]). Nothing unverified is ever under its final name.
//!
//! [`beneath`] is the one way to open a file here; [`disk`] holds what else depends on Unix.
//!
//! [`ShareId`]: landline_protocol::ShareId

pub mod beneath;
pub mod disk;
pub mod fetch;
mod holes;
pub mod layout;
pub mod limit;
pub mod manifest;
pub mod plan;
#[cfg(feature = "plant")]
mod planted;
mod pool;
pub mod range;
pub mod serve;
pub mod share;
pub mod store;
pub mod tree;
mod upload;
pub mod values;

pub use beneath::Directory;
pub use disk::FileVersion;
pub use fetch::{FetchError, FetchJob, Fetched, Phase, Progress, fetch};
pub use layout::Layout;
pub use limit::{LEAST_RATE, Rates, Throttle};
pub use manifest::Manifest;
pub use serve::{Asker, respond};
pub use share::{Audience, Hashed, Kind, ShareError, Shared, SharedVersion, Shares};
pub use store::{Conflict, Destination, PartName, discard};
pub use tree::PieceTree;
pub use upload::{Taken, Upload};
pub use values::Values;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even after a panic elsewhere: the data guarded here is whole between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
