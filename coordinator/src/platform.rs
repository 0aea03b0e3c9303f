//! What depends on the operating system. Linux is built and tested; elsewhere files are as private
//! as the data directory they are in, and descriptors are as many as there are.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a file for writing, made readable by its owner alone if it is not there.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Raises the number of files and connections that this process may have open as far as it goes, and
/// says how many that are. `None` where there is no such limit.
#[cfg(unix)]
pub(crate) fn raise_descriptors() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let allowed = limit.current;
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum,
        Err(_) => allowed,
    }
}

/// Raises the number of files and connections that this process may have open as far as it goes, and
/// says how many that are. `None` where there is no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_descriptors() -> Option<u64> {
    None
}
