//! Drops files on a window as a file manager does: XDND, version 5, with the file's URI.
//!
//! <https://www.freedesktop.org/wiki/Specifications/XDND/>

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

const PATIENCE: Duration = Duration::from_secs(10);
const VERSION: u32 = 5;

x11rb::atom_manager! {
    /// The names that the protocol is spoken with.
    Atoms: AtomsCookie {
        XdndAware,
        XdndSelection,
        XdndEnter,
        XdndPosition,
        XdndStatus,
        XdndDrop,
        XdndFinished,
        XdndActionCopy,
        UriList: b"text/uri-list",
    }
}

/// Drops a file on `target` at a point of it, and waits until the program has taken it.
pub(super) fn file(display: &str, target: Window, at: (i32, i32), file: &Path) -> Result<()> {
    let (connection, screen) = x11rb::connect(Some(display)).context("the display does not answer")?;
    let root = connection.setup().roots.get(screen).context("no screen")?.root;
    let atoms = Atoms::new(&connection)?.reply()?;
    let source = connection.generate_id()?;
    let no_aux = CreateWindowAux::new();
    connection.create_window(0, source, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &no_aux)?;
    connection.set_selection_owner(source, atoms.XdndSelection, x11rb::CURRENT_TIME)?;
    let drag = Drag { connection, atoms, source, target, uris: uri(file)? };
    drag.carry_out(root, at)
}

/// A drag under way.
struct Drag {
    connection: RustConnection,
    atoms: Atoms,
    source: Window,
    target: Window,
    uris: Vec<u8>,
}

impl Drag {
    fn carry_out(&self, root: Window, (x, y): (i32, i32)) -> Result<()> {
        let aware =
            self.connection.get_property(false, self.target, self.atoms.XdndAware, AtomEnum::ANY, 0, 1)?;
        ensure!(aware.reply()?.length > 0, "the window takes no drops");
        let (x, y) = (i16::try_from(x)?, i16::try_from(y)?);
        let place = self.connection.translate_coordinates(self.target, root, x, y)?.reply()?;
        let packed = (u32::from(place.dst_x.cast_unsigned()) << 16) | u32::from(place.dst_y.cast_unsigned());
        let position = [self.source, 0, packed, x11rb::CURRENT_TIME, self.atoms.XdndActionCopy];

        self.say(self.atoms.XdndEnter, [self.source, VERSION << 24, self.atoms.UriList, 0, 0])?;
        self.say(self.atoms.XdndPosition, position)?;
        self.hear(self.atoms.XdndStatus)?;
        // Programs ask for the names while the pointer is still on its way.
        self.say(self.atoms.XdndPosition, position)?;
        self.hear(self.atoms.XdndStatus)?;
        self.say(self.atoms.XdndDrop, [self.source, 0, x11rb::CURRENT_TIME, 0, 0])?;
        self.hear(self.atoms.XdndFinished)
    }

    fn say(&self, what: Atom, data: [u32; 5]) -> Result<()> {
        let message = ClientMessageEvent::new(32, self.target, what, data);
        self.connection.send_event(false, self.target, EventMask::NO_EVENT, message)?;
        Ok(self.connection.flush()?)
    }

    /// Waits for a message, and hands the names out to whoever asks meanwhile.
    fn hear(&self, wanted: Atom) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.connection.poll_for_event()? {
                Some(Event::ClientMessage(message)) if message.type_ == wanted => return Ok(()),
                Some(Event::SelectionRequest(request)) => self.hand_out(&request)?,
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        bail!("the window did not answer the drag")
    }

    fn hand_out(&self, request: &SelectionRequestEvent) -> Result<()> {
        let wanted = request.target == self.atoms.UriList;
        if wanted {
            self.connection.change_property8(
                PropMode::REPLACE,
                request.requestor,
                request.property,
                self.atoms.UriList,
                &self.uris,
            )?;
        }
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: if wanted { request.property } else { AtomEnum::NONE.into() },
        };
        self.connection.send_event(false, request.requestor, EventMask::NO_EVENT, answer)?;
        Ok(self.connection.flush()?)
    }
}

/// `file:///…` with everything but plain characters percent-encoded (RFC 3986, RFC 8089).
fn uri(file: &Path) -> Result<Vec<u8>> {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = String::from("file://");
    for byte in file.canonicalize()?.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(*byte));
            }
            other => write!(uri, "%{other:02X}")?,
        }
    }
    uri.push_str("\r\n");
    Ok(uri.into_bytes())
}
