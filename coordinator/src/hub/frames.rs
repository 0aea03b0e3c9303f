//! Frames as text, made once however many connections they go to.

use landline_protocol::{ErrorCode, ServerFrame, WireError};

/// The text of a frame.
pub(super) fn encode(frame: &ServerFrame) -> String {
    serde_json::to_string(frame)
        .unwrap_or_else(|_| unreachable!("a frame has no map with other keys than strings"))
}

/// The last frame of a connection.
pub(super) fn goodbye(code: ErrorCode, message: &str) -> WireError {
    WireError::new(code, message)
}

/// Eight bytes of chance. Without randomness it is always the same, which is less fair, not wrong.
pub(super) fn chance() -> u64 {
    let mut bytes = [0; 8];
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A milliseconds' worth of chance below `below`, so that many clients do not come back as one.
pub(super) fn jitter(below: u64) -> u64 {
    chance() % below.max(1)
}
