//! What is being sent to whom: counters that the serving side raises and the engine reads.

use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, HeldKey, Timestamp, UserName};

/// Who is asking, proven before: the credential and the device certificate agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The person.
    pub user: UserName,
    /// The machine.
    pub device: DeviceId,
    /// The offer that a content pass, shown and verified, is for.
    pub pass: Option<HeldKey>,
}

/// One device fetching from behind one door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What.
    pub door: Door,
    /// Who.
    pub user: UserName,
    /// With which of their devices.
    pub device: DeviceId,
    /// Bytes of the whole content.
    pub size: u64,
    /// Bytes of content handed to the network for this device since the door was opened, repeats
    /// included.
    pub bytes_sent: u64,
    /// Whether a response is under way at this moment. Between two requests of one download it is
    /// not, for as long as a request takes to arrive.
    pub active: bool,
    /// When it began: the first request after a while of none.
    pub from: Timestamp,
    /// When the last bytes went out.
    pub until: Timestamp,
}

/// An entry of the upload log: somebody took something, and has not come back for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What.
    pub door: Door,
    /// Who.
    pub user: UserName,
    /// With which of their devices.
    pub device: DeviceId,
    /// When it began.
    pub from: Timestamp,
    /// When the last bytes went out.
    pub until: Timestamp,
    /// Bytes of content sent meanwhile, repeats included; never 0.
    pub bytes: u64,
}
