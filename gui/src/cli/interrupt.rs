//! When to stop: Ctrl-C, a signal, or the end of standard input for those who were asked to watch
//! it. What differs between systems stands here.

use std::io::{self, Read};

use tokio::sync::oneshot;

use super::exit::{Exit, Problem};

/// Everything that ends a command before it is done.
#[derive(Debug)]
pub(crate) struct Interrupts {
    signals: Signals,
    stdin_closed: Option<oneshot::Receiver<()>>,
}

impl Interrupts {
    /// Starts listening. `watch_stdin`: the end of standard input counts too, so that whoever
    /// started this process need not live to stop it.
    pub(crate) fn listen(watch_stdin: bool) -> Result<Self, Problem> {
        let signals = Signals::listen()
            .map_err(|error| Problem::new(Exit::Failed, format!("Signals cannot be caught: {error}.")))?;
        Ok(Self { signals, stdin_closed: watch_stdin.then(watch_stdin_end) })
    }

    /// Returns at the first of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = self.signals.next() => {}
            () = ended(self.stdin_closed.as_mut()) => self.stdin_closed = None,
        }
    }
}

async fn ended(closed: Option<&mut oneshot::Receiver<()>>) {
    match closed {
        // Both the message and the loss of the thread mean the same.
        Some(closed) => drop(closed.await),
        None => std::future::pending().await,
    }
}

/// Reads standard input to its end on a thread of its own, which ends with it or the process.
fn watch_stdin_end() -> oneshot::Receiver<()> {
    let (tell, closed) = oneshot::channel();
    std::thread::spawn(move || {
        read_to_end();
        // Nobody waits any more: the process is ending anyway.
        let _ = tell.send(());
    });
    closed
}

/// Ends the process with standard input: for the window, which has an event loop of its own.
#[cfg(feature = "window")]
pub(crate) fn exit_with_stdin() {
    std::thread::spawn(|| {
        read_to_end();
        std::process::exit(Exit::Interrupted.number().into());
    });
}

fn read_to_end() {
    let mut buffer = [0; 512];
    let mut stdin = io::stdin().lock();
    loop {
        match stdin.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        if !hangup_ignored() {
            kinds.push(SignalKind::hangup());
        }
        kinds.into_iter().map(signal).collect::<io::Result<_>>().map(Self)
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let come = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if come { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

/// Whether whoever started this process wants it to outlive the terminal, as `nohup` does.
/// Listening would undo that. Known on Linux (proc(5), `SigIgn`); elsewhere taken for no.
#[cfg(unix)]
fn hangup_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is signal 1, the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
#[derive(Debug)]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_respected() {
        assert!(ignores_hangup("Name:\tlandline\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup("Name:\tlandline\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }
}
