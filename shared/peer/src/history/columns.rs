//! Reading typed values out of rows: a value that does not parse is a corrupt database, and says so.

use std::path::{Path, PathBuf};

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Result, Row};

/// Reads a byte string that is an identifier.
pub(super) fn id<T>(row: &Row<'_>, column: &str, parse: fn(&[u8]) -> Option<T>) -> Result<T> {
    let bytes = row.get_ref(column)?.as_blob()?;
    parse(bytes).ok_or_else(|| corrupt(column))
}

/// The same where NULL means "none".
pub(super) fn optional_id<T>(
    row: &Row<'_>,
    column: &str,
    parse: fn(&[u8]) -> Option<T>,
) -> Result<Option<T>> {
    match row.get_ref(column)?.as_blob_or_null()? {
        Some(bytes) => parse(bytes).map(Some).ok_or_else(|| corrupt(column)),
        None => Ok(None),
    }
}

/// Reads text through its parser.
pub(super) fn text<T: std::str::FromStr>(row: &Row<'_>, column: &str) -> Result<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(|_| corrupt(column))
}

/// Reads JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|_| corrupt(column))
}

/// Reads a number that is never negative.
pub(super) fn count(row: &Row<'_>, column: &str) -> Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| corrupt(column))
}

/// A count as SQLite keeps it. Sizes and places stay far below 2^63.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a path, whatever its bytes.
pub(super) fn path(row: &Row<'_>, column: &str) -> Result<PathBuf> {
    Ok(path_from(row.get_ref(column)?.as_blob()?))
}

/// A path as SQLite keeps it.
#[cfg(unix)]
pub(super) fn path_bytes(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

#[cfg(unix)]
fn path_from(bytes: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

/// A path as SQLite keeps it: elsewhere than on Unix, text.
#[cfg(not(unix))]
pub(super) fn path_bytes(path: &Path) -> &[u8] {
    path.to_str().unwrap_or_default().as_bytes()
}

#[cfg(not(unix))]
fn path_from(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

fn corrupt(column: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(FromSqlError::Other(column.into())))
}
