//! Transfers as people meet them: real TLS sockets on loopback, real files, and machines that lie,
//! vanish, change their minds or restart.

// Helpers of tests say what they expect by panicking, as tests do.
#![allow(clippy::unwrap_used)]

mod desk;
mod ends;
mod folders;
mod gate;
mod hostile;
mod resume;
mod round_trip;
mod swarm;
mod unsealed;
mod wire;
