//! The programs that Landline is measured against, each with its exact configuration.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::measure::Server;
use crate::command;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that is up, and how to fetch from it.
pub(super) struct Peer {
    pub(super) server: Server,
    pub(super) port: u16,
    folder: PathBuf,
}

/// Prints a command or a configuration, so that anybody can repeat it.
pub(super) fn tell(what: &str) {
    eprintln!("    {what}");
}

/// Prints a command as a shell takes it, with the folder and the environment that it is given.
pub(super) fn tell_command(command: &Command) {
    let mut words = Vec::new();
    if let Some(folder) = command.get_current_dir() {
        words.extend(["cd".to_owned(), quoted(folder.as_os_str()), "&&".to_owned()]);
    }
    for (name, value) in command.get_envs() {
        words.extend(value.map(|value| format!("{}={}", name.display(), quoted(value))));
    }
    words.extend(std::iter::once(command.get_program()).chain(command.get_args()).map(quoted));
    tell(&words.join(" "));
}

/// A word in quotes, if a shell would see more in it than a word.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// nginx serving a folder, plain or with TLS 1.3.
pub(super) fn nginx(work: &Path, serve: &Path, tls: bool) -> Result<Peer> {
    let port = free_port()?;
    let folder = work.join(if tls { "nginx-tls" } else { "nginx" });
    fs::create_dir_all(&folder)?;
    let listen = if tls {
        certificate(&folder)?;
        format!(
            "listen 127.0.0.1:{port} ssl;
             ssl_certificate cert.pem;
             ssl_certificate_key key.pem;
             ssl_protocols TLSv1.3;"
        )
    } else {
        format!("listen 127.0.0.1:{port};")
    };
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log;
         events {{ worker_connections 256; }}
         http {{
             access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
             client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
             uwsgi_temp_path uwsgi; scgi_temp_path scgi;
             server {{ {listen} root {}; }}
         }}",
        serve.display()
    );
    fs::write(folder.join("nginx.conf"), &configuration)?;
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "error.log"]);
    tell(&format!("{} with: {}", command::show(&nginx), one_line(&configuration)));
    started(&mut nginx, port, folder)
}

/// Python's own web server.
pub(super) fn python(serve: &Path) -> Result<Peer> {
    let port = free_port()?;
    let mut python = Command::new("python3");
    python.args(["-m", "http.server", "--bind", "127.0.0.1", "--protocol", "HTTP/1.1"]);
    python.arg("--directory").arg(serve).arg(port.to_string());
    python.stdout(Stdio::null()).stderr(Stdio::null());
    tell_command(&python);
    started(&mut python, port, serve.to_owned())
}

/// The rsync daemon: no encryption.
pub(super) fn rsync(work: &Path, serve: &Path) -> Result<Peer> {
    let port = free_port()?;
    let folder = work.join("rsync");
    fs::create_dir_all(&folder)?;
    let configuration = format!(
        "pid file = {0}/rsyncd.pid\nlog file = {0}/rsyncd.log\nuse chroot = no\n[data]\npath = {1}\nread only = yes\n",
        folder.display(),
        serve.display()
    );
    fs::write(folder.join("rsyncd.conf"), &configuration)?;
    // Without root's ids: the folder belongs to whoever measures.
    let mut rsync = Command::new("rsync");
    rsync.args(["--daemon", "--no-detach", "--address", "127.0.0.1"]).arg(format!("--port={port}"));
    rsync.arg(format!("--config={}", folder.join("rsyncd.conf").display()));
    tell(&format!("{} with: {}", command::show(&rsync), one_line(&configuration)));
    let _ = fs::remove_file(folder.join("rsyncd.pid"));
    started(&mut rsync, port, folder)
}

/// The ceiling of one TCP stream.
pub(super) fn iperf() -> Result<Peer> {
    let port = free_port()?;
    let mut iperf = Command::new("iperf3");
    iperf.args(["--server", "--bind", "127.0.0.1", "--port"]).arg(port.to_string());
    iperf.stdout(Stdio::null());
    tell_command(&iperf);
    started(&mut iperf, port, PathBuf::new())
}

impl Peer {
    /// curl to a file.
    pub(super) fn curl(&self, tls: bool, name: &str, to: &Path) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--output"]).arg(to);
        if tls {
            curl.args(["--tlsv1.3", "--cacert"]).arg(self.folder.join("cert.pem"));
        }
        curl.arg(format!("{}://127.0.0.1:{}/{name}", if tls { "https" } else { "http" }, self.port));
        curl
    }

    /// curl with a list of files, one after the other over one connection, or several at once.
    pub(super) fn curl_list(&self, tls: bool, list: &Path, into: &Path, parallel: bool) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--config"]).arg(list);
        if parallel {
            curl.args(["--parallel", "--parallel-max", "16"]);
        }
        if tls {
            curl.args(["--tlsv1.3", "--cacert"]).arg(self.folder.join("cert.pem"));
        }
        curl.current_dir(into);
        curl
    }

    /// rsync's client, in whole files (as it does over a network by itself).
    pub(super) fn rsync_client(&self, name: &str, to: &Path) -> Command {
        let mut rsync = Command::new("rsync");
        rsync.args(["--archive", "--whole-file", "--inplace"]);
        rsync.arg(format!("rsync://127.0.0.1:{}/data/{name}", self.port)).arg(to);
        rsync
    }

    /// iperf3's client, for so many bytes.
    pub(super) fn iperf_client(&self, bytes: u64) -> Command {
        let mut iperf = Command::new("iperf3");
        iperf.args(["--client", "127.0.0.1", "--reverse", "--json", "--bytes"]).arg(bytes.to_string());
        iperf.arg("--port").arg(self.port.to_string());
        iperf
    }
}

fn started(command: &mut Command, port: u16, folder: PathBuf) -> Result<Peer> {
    let server = Server::start(command)?;
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if begun.elapsed() > PATIENCE {
            bail!("`{}` does not listen", command::show(command));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Peer { server, port, folder })
}

/// A certificate of the kind that web servers have.
fn certificate(folder: &Path) -> Result<()> {
    if folder.join("cert.pem").exists() {
        return Ok(());
    }
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-keyout", "key.pem", "-out", "cert.pem"]).current_dir(folder);
    command::output(&mut openssl).map(drop)
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.port())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_sees_the_same_words() {
        for word in ["plain", "--dir=/a/b:1", "two words", "it's", "{\"a\":[1]}", "", "$x;&"] {
            let mut echo = Command::new("sh");
            echo.args(["-c", &format!("printf %s {}", quoted(word.as_ref()))]);
            assert_eq!(command::output(&mut echo).unwrap(), word);
        }
    }
}
