//! What net promises, over real sockets on loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests say what they expect by panicking, too")]

mod dialling;
mod hanging_up;
mod reading;
mod reversing;
mod serving;
mod shutdown;
mod sockets;
mod sockets_end;
mod support;
