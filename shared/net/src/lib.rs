//! How it travels: the one accept loop, the pinned raced dial, a small HTTP client and the one
//! WebSocket actor, all with limits. Both ends of every line use it.

pub mod addresses;
pub mod body;
pub mod client;
pub mod clock;
pub mod dial;
pub mod reverse;
pub mod serve;
pub mod socket;
pub mod upgrade;
pub mod websocket;

mod drained;
mod driver;
mod places;
mod server_io;
mod switch;
mod tcp;
mod wakes;

pub use addresses::{Networks, follow, local_addresses, reachable, resolve};
pub use body::{Body, bearer, empty, error, full, json, read_json};
pub use client::{CallError, HttpConnection, HttpError, Keeper, call};
pub use clock::Clock;
pub use dial::{ClientTls, DialError, Dialled, dial};
pub use driver::DrivenBody;
pub use places::{Place, Places};
pub use serve::{AcceptLimits, Peer, serve, serve_one};
pub use server_io::{AcceptedTls, ServerIo};
pub use socket::{Closed, Inbound, SendError, SocketReceiver, SocketSender, SocketSettings, spawn};
pub use switch::{Handed, UpgradeError};
pub use upgrade::{PendingSocket, WsStream, upgrade};
pub use wakes::Wakes;
pub use websocket::{WsClientStream, websocket};

pub use bytes::Bytes;
pub use tokio_tungstenite::tungstenite::Utf8Bytes;
