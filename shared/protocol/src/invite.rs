//! Invite links: `landline://host:port/#k=KEY&i=CODE`.
//!
//! The secret stands in the fragment, which programs do not send along when they follow a link.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD as BASE64;

use crate::ids::DeviceId;

/// Where a coordinator is, which key it has, and the code that lets one person in.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteLink {
    /// Host name or IP address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The coordinator's key: joining pins it.
    pub key: DeviceId,
    /// The single-use code.
    pub code: String,
}

/// A text that is not an invite link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an invite link looks like landline://host:port/#k=…&i=…: copy the whole of it")]
pub struct ParseInviteError;

impl InviteLink {
    /// The scheme, with which a link begins.
    pub const SCHEME: &str = "landline://";
}

impl fmt::Display for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode(self.key.as_bytes());
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}{open}{}{close}:{}/#k={key}&i={}", Self::SCHEME, self.host, self.port, self.code)
    }
}

impl fmt::Debug for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InviteLink({}:{})", self.host, self.port)
    }
}

impl FromStr for InviteLink {
    type Err = ParseInviteError;

    fn from_str(text: &str) -> Result<Self, ParseInviteError> {
        parse(text.trim()).ok_or(ParseInviteError)
    }
}

fn parse(text: &str) -> Option<InviteLink> {
    let (place, fragment) = text.strip_prefix(InviteLink::SCHEME)?.split_once("/#")?;
    let (host, port) = place.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let field = |name: &str| fragment.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let key = BASE64.decode(field("k")?.as_bytes()).ok()?;
    let code = field("i")?;
    let plain = !host.is_empty()
        && !code.is_empty()
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    plain.then_some(InviteLink {
        host: host.to_owned(),
        port: port.parse().ok()?,
        key: DeviceId::from_slice(&key)?,
        code: code.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_survive_being_written_and_read() {
        for host in ["192.0.2.7", "hub.example", "2001:db8::1"] {
            let link = InviteLink {
                host: host.into(),
                port: 4810,
                key: DeviceId::from_bytes([9; 32]),
                code: "Ab-9_x".into(),
            };
            assert_eq!(link.to_string().parse(), Ok(link.clone()));
            assert!(!format!("{link:?}").contains("Ab-9_x"), "a link in a log keeps its secret");
        }
        for bad in ["", "landline://", "landline://h:1/#k=AA&i=c", "http://h:1/#k=&i=", "landline://h:1/"] {
            assert_eq!(bad.parse::<InviteLink>(), Err(ParseInviteError), "{bad}");
        }
    }
}
