//! A coordinator on a port of its own, and clients that speak to it over `landline-net`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use landline_coordinator::{Clock, Config, Coordinator, Registration};
use landline_net::{
    CallError, HttpConnection, Inbound, SocketReceiver, SocketSender, SocketSettings, call, dial, websocket,
};
use landline_protocol::account::{self, Session, SignIn, SignUp};
use landline_protocol::frame::{ConversationHead, Hello, Page, Pull, Range, Welcome};
use landline_protocol::{
    Author, Body, ClientFrame, ConversationId, ConversationKind, DeviceId, Envelope, ErrorCode, MessageId,
    OfferRef, Person, Seq, Sequenced, ServerFrame, Signed, SignedRevocations, Timestamp, UserName, WireError,
};
use landline_trust::{DeviceKey, Expect, seal};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) const PASSWORD: &str = "correct horse";
/// Nothing on the loopback takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

/// A coordinator in this process.
pub(crate) struct Server {
    pub(crate) coordinator: Coordinator,
    pub(crate) clock: Clock,
    pub(crate) dir: tempfile::TempDir,
}

impl Server {
    /// Anybody may sign up.
    pub(crate) async fn open() -> Self {
        Self::with(|config| config.registration = Registration::Open).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        adjust(&mut config);
        let clock = Clock::manual(Clock::system().now());
        let coordinator = Coordinator::start_with_clock(config, clock.clone()).await.unwrap();
        Self { coordinator, clock, dir }
    }

    pub(crate) fn device(&self) -> Device {
        Device::new(self.coordinator.address(), self.coordinator.device())
    }

    /// A new account on a new device, connected.
    pub(crate) async fn person(&self, user: &str) -> Line {
        let device = self.device();
        let session = device.sign_up(user, None).await.unwrap();
        device.connect(&session).await
    }

    pub(crate) fn first_code(&self) -> String {
        self.coordinator.first_invite().unwrap().code
    }
}

pub(crate) fn config(dir: &std::path::Path) -> Config {
    let mut config = Config::new(dir.join("data"));
    config.listen = "127.0.0.1:0".parse().unwrap();
    config
}

/// A machine with a key.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) key: Arc<DeviceKey>,
    pub(crate) address: SocketAddr,
    pub(crate) coordinator: DeviceId,
}

impl Device {
    pub(crate) fn new(address: SocketAddr, coordinator: DeviceId) -> Self {
        Self { key: Arc::new(DeviceKey::generate().unwrap()), address, coordinator }
    }

    pub(crate) async fn dial(&self) -> landline_net::Dialled {
        dial(&[self.address], &self.key, Expect::Pinned(self.coordinator), PATIENCE).await.unwrap()
    }

    pub(crate) async fn http(&self) -> HttpConnection {
        HttpConnection::open(self.dial().await).await.unwrap()
    }

    pub(crate) async fn post<T: Serialize, R: DeserializeOwned>(
        &self,
        path: &str,
        bearer: Option<&str>,
        body: &T,
    ) -> Result<R, WireError> {
        refusal(call(&mut self.http().await, hyper::Method::POST, path, bearer, Some(body)).await)
    }

    pub(crate) async fn get<R: DeserializeOwned>(&self, path: &str) -> Result<R, WireError> {
        refusal(call::<(), R>(&mut self.http().await, hyper::Method::GET, path, None, None).await)
    }

    pub(crate) async fn sign_up(&self, user: &str, invite: Option<&str>) -> Result<Session, WireError> {
        let ask = SignUp {
            username: name(user),
            password: PASSWORD.into(),
            invite: invite.map(Into::into),
            device_name: "test machine".into(),
        };
        self.post(account::SIGN_UP, None, &ask).await
    }

    pub(crate) async fn sign_in(&self, user: &str, password: &str) -> Result<Session, WireError> {
        let ask =
            SignIn { username: user.into(), password: password.into(), device_name: "test machine".into() };
        self.post(account::SIGN_IN, None, &ask).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Session, WireError> {
        let ask = account::Refresh { refresh_token: token.into() };
        self.post(account::REFRESH, None, &ask).await
    }

    /// A socket, before anything was said on it.
    pub(crate) async fn socket(&self, token: &str) -> Result<(SocketSender, SocketReceiver), WireError> {
        let ws = refusal(websocket(self.dial().await, account::SESSION, token).await)?;
        let settings = SocketSettings { heartbeat: Duration::from_secs(5), timeout: PATIENCE };
        Ok(landline_net::spawn(ws, settings))
    }

    pub(crate) async fn connect(&self, session: &Session) -> Line {
        self.connect_from(session, Vec::new()).await
    }

    pub(crate) async fn connect_from(&self, session: &Session, addresses: Vec<SocketAddr>) -> Line {
        let (sender, receiver) = self.socket(&session.access_token).await.unwrap();
        let mut line = Line {
            device: self.clone(),
            session: session.clone(),
            sender,
            receiver,
            welcome: None,
            people: Vec::new(),
            revocations: None,
            conversations: Vec::new(),
        };
        line.say(&ClientFrame::Hello(Hello {
            versions: vec![1],
            capabilities: Vec::new(),
            agent: "test".into(),
            device_name: "test machine".into(),
            addresses,
        }));
        line.begin().await;
        line
    }
}

fn refusal<T>(result: Result<T, CallError>) -> Result<T, WireError> {
    result.map_err(|error| match error {
        CallError::Refused(refused) => refused,
        CallError::Http(broken) => panic!("{broken}"),
    })
}

static COUNTER: AtomicU64 = AtomicU64::new(1);

/// A connection with a session, past its welcome.
pub(crate) struct Line {
    pub(crate) device: Device,
    pub(crate) session: Session,
    pub(crate) sender: SocketSender,
    pub(crate) receiver: SocketReceiver,
    pub(crate) welcome: Option<Welcome>,
    pub(crate) people: Vec<Person>,
    pub(crate) revocations: Option<SignedRevocations>,
    pub(crate) conversations: Vec<ConversationHead>,
}

impl Line {
    /// Welcome, directory, revocations, conversations, in this order.
    async fn begin(&mut self) {
        let ServerFrame::Welcome(welcome) = self.next().await else { panic!("no welcome") };
        self.welcome = Some(welcome);
        loop {
            let ServerFrame::Directory { people, complete } = self.next().await else {
                panic!("no directory")
            };
            self.people.extend(people);
            if complete {
                break;
            }
        }
        let ServerFrame::Revocations { revocations } = self.next().await else { panic!("no revocations") };
        self.revocations = Some(revocations);
        let ServerFrame::Conversations { conversations } = self.next().await else {
            panic!("no conversations")
        };
        self.conversations = conversations;
    }

    pub(crate) fn user(&self) -> &UserName {
        &self.session.user
    }

    pub(crate) fn say(&self, frame: &ClientFrame) {
        self.raw(serde_json::to_string(frame).unwrap());
    }

    pub(crate) fn raw(&self, text: String) {
        self.sender.send(text.into()).unwrap();
    }

    /// The next frame; `None` when the line has ended.
    pub(crate) async fn try_next(&mut self) -> Option<ServerFrame> {
        loop {
            match tokio::time::timeout(PATIENCE, self.receiver.recv()).await.expect("nothing came") {
                Some(Inbound::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Inbound::RoundTrip(_)) => {}
                None => return None,
            }
        }
    }

    pub(crate) async fn next(&mut self) -> ServerFrame {
        self.try_next().await.expect("the line ended")
    }

    /// Skips frames until one is what is looked for.
    pub(crate) async fn until<T>(&mut self, mut want: impl FnMut(ServerFrame) -> Option<T>) -> T {
        loop {
            if let Some(found) = want(self.next().await) {
                return found;
            }
        }
    }

    /// The code with which the line ends.
    pub(crate) async fn goodbye(&mut self) -> WireError {
        let error = self
            .until(|frame| match frame {
                ServerFrame::Goodbye { error } => Some(error),
                _ => None,
            })
            .await;
        assert!(self.try_next().await.is_none(), "something came after goodbye");
        error
    }

    pub(crate) fn compose(&self, to: &ConversationKind, text: &str) -> Signed {
        let author = Author { user: self.user().clone(), device: self.device.key.id() };
        compose(&self.device.key, author, to, text)
    }

    /// Posts something and gives the name under which it can be held, as an offer can.
    pub(crate) async fn offer(&mut self, to: &ConversationKind) -> OfferRef {
        let message = self.compose(to, "an offer");
        let id = message.parse_head().unwrap().id;
        self.post_signed(to, message).await.unwrap();
        OfferRef { conversation: to.id(), device: self.device.key.id(), id }
    }

    pub(crate) fn send(&self, to: &ConversationKind, message: Signed) -> MessageId {
        let id = message.parse_head().unwrap().id;
        self.say(&ClientFrame::Send { to: to.clone(), message });
        id
    }

    /// Sends text and waits for its ack.
    pub(crate) async fn post(&mut self, to: &ConversationKind, text: &str) -> Seq {
        let message = self.compose(to, text);
        self.post_signed(to, message).await.unwrap()
    }

    pub(crate) async fn post_signed(
        &mut self,
        to: &ConversationKind,
        message: Signed,
    ) -> Result<Seq, WireError> {
        let sent = self.send(to, message);
        self.until(|frame| match frame {
            ServerFrame::Ack { id, seq, .. } if id == sent => Some(Ok(seq)),
            ServerFrame::Refused { id, error } if id == sent => Some(Err(error)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn pull(
        &mut self,
        conversation: ConversationId,
        range: Range,
        limit: u32,
    ) -> Result<Page, WireError> {
        self.say(&ClientFrame::Pull(Pull { conversation, range, limit }));
        self.until(|frame| match frame {
            ServerFrame::Page(page) if page.conversation == conversation && page.range == range => {
                Some(Ok(page))
            }
            ServerFrame::Error { error } => Some(Err(error)),
            _ => None,
        })
        .await
    }

    /// Pulls everything after a cursor, page by page.
    pub(crate) async fn backlog(&mut self, conversation: ConversationId, after: Seq) -> Vec<Sequenced> {
        let (mut all, mut cursor) = (Vec::new(), after);
        loop {
            let page = self.pull(conversation, Range::After(cursor), 1_000).await.unwrap();
            cursor = page.messages.last().map_or(cursor, |last| last.seq);
            all.extend(page.messages);
            if cursor >= page.head {
                return all;
            }
        }
    }

    pub(crate) async fn delivered(&mut self, conversation: ConversationId) -> (Seq, String) {
        let message = self
            .until(|frame| match frame {
                ServerFrame::Deliver { conversation: of, message } if of == conversation => Some(message),
                _ => None,
            })
            .await;
        (message.seq, text_of(&message))
    }

    /// The next change of one person.
    pub(crate) async fn presence_of(&mut self, user: &str) -> Person {
        let user = name(user);
        self.until(|frame| match frame {
            ServerFrame::Presence { person } if person.user == user => Some(person),
            _ => None,
        })
        .await
    }
}

pub(crate) fn text_of(message: &Sequenced) -> String {
    match landline_trust::open(&message.message).unwrap().body {
        Body::Text { text } => text,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn compose(key: &DeviceKey, author: Author, to: &ConversationKind, text: &str) -> Signed {
    let n = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut random = [0; 10];
    random[..8].copy_from_slice(&n.to_be_bytes());
    let envelope = Envelope {
        v: 1,
        id: MessageId::new(Timestamp::from_millis(n), random),
        conversation: to.id(),
        author,
        n,
        prev: None,
        lamport: n,
        epoch: 0,
        sent_at: Timestamp::from_millis(n),
        body: Body::Text { text: text.into() },
    };
    seal(key, &envelope)
}

pub(crate) fn code<T>(result: Result<T, WireError>) -> ErrorCode {
    result.err().expect("it was not refused").code
}
