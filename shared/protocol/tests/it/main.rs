//! The wire, held still: a frozen JSON golden for every message, round trips of generated values,
//! and what must survive from versions that do not exist yet.

// Helpers of tests say what they expect by panicking, as the tests do.
#![allow(clippy::unwrap_used)]

mod generated;
mod goldens;
mod samples;
mod unknown;
