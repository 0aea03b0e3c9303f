//! Transfers as two people meet them: real TLS sockets on loopback, real files, and senders that
//! lie, vanish, change their minds or restart.

// Helpers of tests say what they expect by panicking, as tests do.
#![allow(clippy::unwrap_used)]

mod desk;
mod ends;
mod hostile;
mod resume;
mod round_trip;
mod wire;
