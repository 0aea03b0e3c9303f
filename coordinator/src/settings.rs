//! Where settings come from: flags, then the environment, then a TOML file, then defaults.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::config::{Config, Limits, Registration};

/// The file that is read when none is named.
const FILE: &str = "coordinator.toml";

/// Settings as flags or in the environment. There are no secrets among them.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// A TOML file with settings [default: coordinator.toml in the data directory, if it is there]
    #[arg(long, env = "LANDLINE_COORDINATOR_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The address to listen on [default: 0.0.0.0, which is all of IPv4]
    #[arg(long, env = "LANDLINE_COORDINATOR_LISTEN", value_name = "ADDRESS", global = true)]
    pub listen: Option<IpAddr>,
    /// The TCP port to listen on [default: 4810]
    #[arg(long, env = "LANDLINE_COORDINATOR_PORT", global = true)]
    pub port: Option<u16>,
    /// Where the key and the database are kept
    #[arg(long, env = "LANDLINE_COORDINATOR_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Who may make an account [default: invite]
    #[arg(long, env = "LANDLINE_COORDINATOR_REGISTRATION", value_enum, global = true)]
    pub registration: Option<Registration>,
    /// Seconds between two pings [default: 5]
    #[arg(long, env = "LANDLINE_COORDINATOR_HEARTBEAT", value_name = "SECONDS", global = true)]
    pub heartbeat: Option<u64>,
    /// Seconds of silence after which a client is taken for gone [default: 15]
    #[arg(long, env = "LANDLINE_COORDINATOR_TIMEOUT", value_name = "SECONDS", global = true)]
    pub timeout: Option<u64>,
}

/// Settings as a TOML file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileSettings {
    listen: Option<IpAddr>,
    port: Option<u16>,
    data_dir: Option<PathBuf>,
    registration: Option<Registration>,
    heartbeat: Option<u64>,
    timeout: Option<u64>,
    limits: Limits,
}

/// Why settings cannot be used. Each is a sentence for whoever wrote them.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings file {} cannot be read: {error}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is no TOML, or has a key or value that means nothing here.
    #[error("the settings file {} has a mistake: {error}", .path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        error: Box<toml::de::Error>,
    },
    /// There is no home directory to put data into.
    #[error("there is no home directory for the data: name a directory with --data-dir")]
    NoDataDir,
    /// A file in the data directory says that the data directory is elsewhere.
    #[error("data_dir cannot be set in {}, which was found in the data directory: name the file with --config", .0.display())]
    DataDirInside(PathBuf),
    /// The heartbeat does not fit into the timeout.
    #[error(
        "the timeout ({timeout} s) must be longer than the heartbeat ({heartbeat} s), and that at least 1 s"
    )]
    Heartbeat {
        /// Seconds between pings.
        heartbeat: u64,
        /// Seconds of silence.
        timeout: u64,
    },
}

/// Puts the settings together.
pub fn resolve(flags: &Flags) -> Result<Config, SettingsError> {
    let (file, data_dir) = if let Some(path) = &flags.config {
        let file = read(path)?;
        let data_dir = flags.data_dir.clone().or_else(|| file.data_dir.clone());
        (file, data_dir.map_or_else(default_data_dir, Ok)?)
    } else {
        let data_dir = flags.data_dir.clone().map_or_else(default_data_dir, Ok)?;
        (read_default(&data_dir)?, data_dir)
    };
    combine(flags, &file, data_dir)
}

fn combine(flags: &Flags, file: &FileSettings, data_dir: PathBuf) -> Result<Config, SettingsError> {
    let defaults = Config::new(data_dir);
    let heartbeat = flags.heartbeat.or(file.heartbeat).unwrap_or(defaults.heartbeat.as_secs());
    let timeout = flags.timeout.or(file.timeout).unwrap_or(defaults.heartbeat_timeout.as_secs());
    if heartbeat == 0 || timeout <= heartbeat {
        return Err(SettingsError::Heartbeat { heartbeat, timeout });
    }
    let ip = flags.listen.or(file.listen).unwrap_or(defaults.listen.ip());
    let port = flags.port.or(file.port).unwrap_or(defaults.listen.port());
    Ok(Config {
        listen: SocketAddr::new(ip, port),
        registration: flags.registration.or(file.registration).unwrap_or_default(),
        heartbeat: Duration::from_secs(heartbeat),
        heartbeat_timeout: Duration::from_secs(timeout),
        limits: file.limits,
        ..defaults
    })
}

fn default_data_dir() -> Result<PathBuf, SettingsError> {
    Config::default_data_dir().ok_or(SettingsError::NoDataDir)
}

fn read_default(data_dir: &Path) -> Result<FileSettings, SettingsError> {
    let path = data_dir.join(FILE);
    match read(&path) {
        Err(SettingsError::Read { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(FileSettings::default())
        }
        Ok(file) if file.data_dir.is_some() => Err(SettingsError::DataDirInside(path)),
        other => other,
    }
}

fn read(path: &Path) -> Result<FileSettings, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingsError::Read { path: path.to_path_buf(), error })?;
    toml::from_str(&text)
        .map_err(|error| SettingsError::Parse { path: path.to_path_buf(), error: Box::new(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str, flags: Flags) -> Result<Config, SettingsError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        resolve(&Flags { data_dir: Some(dir.path().to_path_buf()), ..flags })
    }

    #[test]
    fn flags_come_before_the_file_and_the_file_before_defaults() {
        let file =
            "port = 5000\nregistration = \"open\"\nheartbeat = 2\ntimeout = 3\n[limits]\nconnections = 7\n";
        let config = with_file(file, Flags { port: Some(6000), ..Flags::default() }).unwrap();
        assert_eq!(config.listen, "0.0.0.0:6000".parse().unwrap());
        assert_eq!(config.registration, Registration::Open);
        assert_eq!((config.heartbeat.as_secs(), config.heartbeat_timeout.as_secs()), (2, 3));
        assert_eq!(config.limits, Limits { connections: 7, ..Limits::default() });
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let flags = Flags { data_dir: Some(dir.path().to_path_buf()), ..Flags::default() };
        assert_eq!(resolve(&flags).unwrap(), Config::new(dir.path()));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |text| with_file(text, Flags::default()).unwrap_err().to_string();
        assert!(said("prot = 5000").contains("`prot`"));
        assert!(said("[limits]\nconections = 1").contains("`conections`"));
        assert!(said("registration = \"anyone\"").contains("anyone"));
        assert!(said("heartbeat = 5\ntimeout = 5").contains("must be longer"));
        assert!(said("data_dir = \"/elsewhere\"").contains("--config"));
        let missing = Flags { config: Some("/nonexistent/x.toml".into()), ..Flags::default() };
        assert!(resolve(&missing).unwrap_err().to_string().contains("/nonexistent/x.toml"));
    }
}
