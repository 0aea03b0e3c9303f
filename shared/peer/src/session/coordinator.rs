//! Asking a coordinator over HTTP: accounts, tokens, keys and invites.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use landline_net::client::{CallError, HttpConnection, call};
use landline_net::dial::{DialError, Dialled, dial};
use landline_net::resolve;
use landline_protocol::account::{self, Invite, KeySet, Refresh, Session, SignIn, SignUp};
use landline_protocol::{DeviceId, ErrorCode, WireError};
use landline_trust::device::DeviceKey;
use landline_trust::tls::Expect;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::{Failure, FailureKind};

/// The port people need not type.
pub const DEFAULT_PORT: u16 = 4810;

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A coordinator's address, as typed and as dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads `host`, `host:port`, `[v6]:port` or a bare IPv6 address.
    pub(crate) fn parse(typed: &str) -> Result<Self, Failure> {
        let typed = typed.trim();
        let unclear = || {
            let text = format!(
                "“{typed}” is not an address: type a host name or IP address, with :port if it is not {DEFAULT_PORT}"
            );
            Failure::new(FailureKind::Invalid, text)
        };
        let (host, port) = if let Some(rest) = typed.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or_else(unclear)?;
            (host, port.strip_prefix(':'))
        } else if typed.matches(':').count() > 1 {
            (typed, None)
        } else {
            typed.split_once(':').map_or((typed, None), |(host, port)| (host, Some(port)))
        };
        let port = port.map_or(Ok(DEFAULT_PORT), |port| port.parse().map_err(|_| unclear()))?;
        let readable = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-._:%".contains(c));
        if readable { Ok(Self { host: host.to_ascii_lowercase(), port }) } else { Err(unclear()) }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// One coordinator, and the key of this machine.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: Address,
    pub(crate) expect: Expect,
    pub(crate) key: Arc<DeviceKey>,
}

impl Client {
    /// Dials, checking the key.
    pub(crate) async fn dial(&self) -> Result<Dialled, Failure> {
        let found = resolve(&self.address.host, self.address.port).await;
        let addresses = found.map_err(|error| self.dial_failure(&error))?;
        let dialled = dial(&addresses, &self.key, self.expect, DIAL_TIMEOUT).await;
        dialled.map_err(|error| self.dial_failure(&error))
    }

    /// Dials for a few requests.
    pub(crate) async fn open(&self) -> Result<Requests, Failure> {
        let dialled = self.dial().await?;
        let device = dialled.device;
        let connection = HttpConnection::open(dialled).await;
        let connection = connection.map_err(|error| unreachable_failure(&self.address, &error))?;
        Ok(Requests { address: self.address.clone(), device, connection })
    }

    fn dial_failure(&self, error: &DialError) -> Failure {
        match error {
            DialError::KeyChanged(mismatch) => Failure::new(
                FailureKind::KeyChanged,
                format!(
                    "The coordinator at {} has another key than before. Expected {}, seen {}. It may have been set \
                     up anew, or someone may be posing as it: ask whoever runs it. Only if they confirm the new \
                     key, forget the old one (`landline forget {}`) and join with a new invite.",
                    self.address,
                    mismatch.expected.fingerprint(),
                    mismatch.seen.fingerprint(),
                    self.address
                ),
            ),
            error => unreachable_failure(&self.address, &reason(error)),
        }
    }
}

/// A connection for requests to one coordinator.
pub(crate) struct Requests {
    address: Address,
    /// The key the coordinator showed.
    pub(crate) device: DeviceId,
    connection: HttpConnection,
}

impl Requests {
    pub(crate) async fn sign_up(&mut self, request: &SignUp) -> Result<Session, Failure> {
        self.ask(Method::POST, account::SIGN_UP, None, Some(request)).await.map_err(Refusal::into_failure)
    }

    pub(crate) async fn sign_in(&mut self, request: &SignIn) -> Result<Session, Failure> {
        self.ask(Method::POST, account::SIGN_IN, None, Some(request)).await.map_err(Refusal::into_failure)
    }

    /// Trades a refresh token. The error keeps its code, for a revoked session is not retried.
    pub(crate) async fn refresh(&mut self, request: &Refresh) -> Result<Session, Refusal> {
        self.ask(Method::POST, account::REFRESH, None, Some(request)).await
    }

    pub(crate) async fn sign_out(&mut self, request: &Refresh) -> Result<(), Failure> {
        let answer: Result<(), Refusal> =
            self.ask(Method::POST, account::SIGN_OUT, None, Some(request)).await;
        answer.map_err(Refusal::into_failure)
    }

    pub(crate) async fn keys(&mut self) -> Result<KeySet, Failure> {
        self.ask(Method::GET, account::KEYS, None, None::<&()>).await.map_err(Refusal::into_failure)
    }

    pub(crate) async fn invite(&mut self, access_token: &str) -> Result<Invite, Failure> {
        let answer = self.ask(Method::POST, account::INVITES, Some(access_token), None::<&()>).await;
        answer.map_err(Refusal::into_failure)
    }

    async fn ask<T: Serialize + Sync, R: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        bearer: Option<&str>,
        body: Option<&T>,
    ) -> Result<R, Refusal> {
        let answer = call(&mut self.connection, method, path, bearer, body);
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(CallError::Refused(error))) => Err(Refusal::Refused(error)),
            Ok(Err(error)) => Err(Refusal::Lost(unreachable_failure(&self.address, &error))),
            Err(_) => Err(Refusal::Lost(Failure::new(
                FailureKind::Unreachable,
                format!("The coordinator at {} does not answer.", self.address),
            ))),
        }
    }
}

/// Why a request brought nothing.
pub(crate) enum Refusal {
    /// The coordinator said no.
    Refused(WireError),
    /// No answer came.
    Lost(Failure),
}

impl Refusal {
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Refused(error) => refused_failure(&error),
            Self::Lost(failure) => failure,
        }
    }
}

/// A coordinator's refusal as people meet it.
pub(crate) fn refused_failure(error: &WireError) -> Failure {
    let kind = match error.code {
        ErrorCode::BadRequest
        | ErrorCode::NameTaken
        | ErrorCode::PasswordUnfit
        | ErrorCode::VersionUnsupported
        | ErrorCode::Conflict => FailureKind::Invalid,
        ErrorCode::Unauthenticated
        | ErrorCode::TokenExpired
        | ErrorCode::SessionRevoked
        | ErrorCode::WrongCredentials
        | ErrorCode::InviteRequired
        | ErrorCode::InviteInvalid
        | ErrorCode::Forbidden => FailureKind::Unauthorized,
        ErrorCode::NotFound => FailureKind::NotFound,
        ErrorCode::TooLarge | ErrorCode::TooManyRequests | ErrorCode::SlowConsumer => FailureKind::Limited,
        ErrorCode::ShuttingDown | ErrorCode::Replaced => FailureKind::Unreachable,
        ErrorCode::StorageFull => FailureKind::DiskFull,
        ErrorCode::Changed | ErrorCode::Gone => FailureKind::SourceChanged,
        ErrorCode::Internal | ErrorCode::Unknown => FailureKind::Internal,
    };
    Failure::new(kind, sentence(&landline_protocol::name::printable(&error.message)))
}

/// Why nobody was reached, in a few words.
fn reason(error: &DialError) -> String {
    match error {
        DialError::NoAddress => "it has no address".to_owned(),
        DialError::Unreachable(tried) => match tried.first().map(|(_, error)| error.kind()) {
            Some(ErrorKind::ConnectionRefused) => "nothing listens there".to_owned(),
            Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
                "no way leads there".to_owned()
            }
            Some(kind) => kind.to_string(),
            None => "nobody answers".to_owned(),
        },
        DialError::Timeout => "no answer in time".to_owned(),
        DialError::Resolve { .. } => "no machine of that name is known".to_owned(),
        error => error.to_string(),
    }
}

/// A coordinator's words begin and end as sentences do.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let end = if words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.collect::<String>(), letters.as_str())
}

fn unreachable_failure(address: &Address, error: &dyn std::fmt::Display) -> Failure {
    let text = format!(
        "The coordinator at {address} cannot be reached: {error}. Check the address, and that it is running."
    );
    Failure::new(FailureKind::Unreachable, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_type_them() {
        for (typed, shown) in [
            ("hub", "hub:4810"),
            (" Hub.Example:99 ", "hub.example:99"),
            ("192.0.2.1", "192.0.2.1:4810"),
            ("[2001:db8::1]:5000", "[2001:db8::1]:5000"),
            ("2001:db8::1", "[2001:db8::1]:4810"),
        ] {
            assert_eq!(Address::parse(typed).unwrap().to_string(), shown);
        }
        for bad in ["", ":", "hub:", "hub:port", "http://hub", "[::1", "a b"] {
            assert_eq!(Address::parse(bad).unwrap_err().kind, FailureKind::Invalid, "{bad}");
        }
    }
}
