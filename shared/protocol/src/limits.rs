//! How large things may be. Both ends hold these; a peer that exceeds one is told which.

/// The largest WebSocket message, in bytes.
pub const FRAME_BYTES: usize = 256 * 1024;
/// The largest envelope, in bytes. Leaves room in a frame for escaping and the signature.
pub const ENVELOPE_BYTES: usize = 64 * 1024;
/// The longest line of text, in bytes of UTF-8.
pub const TEXT_BYTES: usize = 16 * 1024;
/// How much of a backlog one page carries, in bytes of encoded frame.
pub const PAGE_BYTES: usize = FRAME_BYTES - 4 * 1024;
/// The most messages in a page, whatever their size.
pub const PAGE_MESSAGES: u32 = 1_000;
/// The largest HTTP request body on the account routes, in bytes.
pub const ACCOUNT_BODY_BYTES: usize = 16 * 1024;
/// Messages queued towards one connection before it is cut off.
pub const QUEUE_MESSAGES: usize = 256;
/// Bytes queued towards one connection before it is cut off.
pub const QUEUE_BYTES: usize = 1024 * 1024;
/// Addresses one device may announce.
pub const ADDRESSES: usize = 16;
/// The longest device name, in bytes of UTF-8.
pub const DEVICE_NAME_BYTES: usize = 128;
/// The shortest password, in characters (NIST SP 800-63B, 5.1.1.1).
pub const PASSWORD_MIN_CHARS: usize = 8;
/// The longest password, in bytes.
pub const PASSWORD_MAX_BYTES: usize = 1024;
/// A piece of a file: what one chaining value covers and one check admits, in bytes.
pub const PIECE_BYTES: u64 = 1024 * 1024;
/// Seconds that an access token is good for.
pub const ACCESS_TOKEN_SECS: u64 = 600;
/// Seconds that a TLS handshake may take.
pub const TLS_HANDSHAKE_SECS: u64 = 5;
/// Seconds that the head of an HTTP request may take.
pub const HTTP_HEADER_SECS: u64 = 10;
/// Seconds that a content pass is good for.
pub const CONTENT_PASS_SECS: u64 = 600;
/// Holders named in one answer.
pub const HOLDERS: usize = 32;
/// Offers that one connection may say it holds.
pub const HELD_OFFERS: usize = 4_096;
/// Requests to dial back that a device may make of another, and heeds, in a minute.
pub const DIAL_BACKS_PER_MINUTE: u32 = 5;
/// The largest manifest of a folder, in bytes.
pub const MANIFEST_BYTES: u64 = 256 * 1024 * 1024;
/// The deepest path in a folder, in components.
pub const PATH_COMPONENTS: usize = 64;
