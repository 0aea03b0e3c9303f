//! Tables and their migrations: numbered, forward only, each in a transaction.

use rusqlite::Connection;

use super::HistoryError;

/// Migration `n` brings schema `n` to `n + 1`.
const MIGRATIONS: &[&str] = &[V1, V2];

const V1: &str = "
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    coordinator BLOB NOT NULL,
    user TEXT NOT NULL,
    folded TEXT NOT NULL,
    address TEXT NOT NULL,
    admin INTEGER NOT NULL,
    from_invite INTEGER NOT NULL,
    keys TEXT,
    revocations TEXT,
    current INTEGER NOT NULL DEFAULT 0,
    UNIQUE (coordinator, folded)
);
CREATE TABLE pins (
    address TEXT PRIMARY KEY,
    key BLOB NOT NULL,
    from_invite INTEGER NOT NULL,
    first_seen INTEGER NOT NULL
);
CREATE TABLE devices (
    account INTEGER NOT NULL,
    user TEXT NOT NULL,
    device BLOB NOT NULL,
    first_seen INTEGER NOT NULL,
    addresses TEXT NOT NULL,
    PRIMARY KEY (account, device)
);
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    conversation BLOB NOT NULL,
    kind TEXT NOT NULL,
    cursor INTEGER NOT NULL DEFAULT 0,
    read INTEGER NOT NULL DEFAULT 0,
    n INTEGER NOT NULL DEFAULT 0,
    digest BLOB,
    lamport INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, conversation)
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    conv INTEGER NOT NULL,
    seq INTEGER,
    message BLOB NOT NULL,
    device BLOB NOT NULL,
    at INTEGER NOT NULL,
    shown INTEGER NOT NULL,
    mine INTEGER NOT NULL,
    status INTEGER NOT NULL,
    failure TEXT,
    envelope TEXT NOT NULL,
    key BLOB NOT NULL,
    signature BLOB NOT NULL
);
CREATE UNIQUE INDEX messages_identity ON messages (conv, device, message);
CREATE INDEX messages_place ON messages (conv, seq);
CREATE INDEX messages_pending ON messages (id) WHERE status = 0;
CREATE TABLE offers (
    account INTEGER NOT NULL,
    offer BLOB NOT NULL,
    conv INTEGER NOT NULL,
    author TEXT NOT NULL,
    device BLOB NOT NULL,
    share BLOB NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB,
    mine INTEGER NOT NULL,
    PRIMARY KEY (account, offer)
);
CREATE TABLE answers (
    account INTEGER NOT NULL,
    offer BLOB NOT NULL,
    device BLOB NOT NULL,
    user TEXT NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (account, offer, device)
);
CREATE TABLE downloads (
    account INTEGER NOT NULL,
    offer BLOB NOT NULL,
    folder BLOB NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    path BLOB,
    failure TEXT,
    PRIMARY KEY (account, offer)
);
CREATE TABLE shares (
    account INTEGER NOT NULL,
    offer BLOB NOT NULL,
    path BLOB NOT NULL,
    version TEXT NOT NULL,
    tree BLOB,
    PRIMARY KEY (account, offer)
);
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
);
";

/// Folders, queued and paused downloads, what is held for others, and who took what.
const V2: &str = "
ALTER TABLE offers ADD COLUMN files INTEGER;
ALTER TABLE offers ADD COLUMN folders INTEGER;
ALTER TABLE offers ADD COLUMN replaces BLOB;
ALTER TABLE downloads ADD COLUMN conflict TEXT NOT NULL DEFAULT '\"rename\"';
ALTER TABLE downloads ADD COLUMN priority TEXT NOT NULL DEFAULT '\"normal\"';
ALTER TABLE downloads ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE downloads ADD COLUMN picks BLOB;
ALTER TABLE downloads ADD COLUMN wanted INTEGER;
ALTER TABLE downloads ADD COLUMN here INTEGER NOT NULL DEFAULT 0;
ALTER TABLE downloads ADD COLUMN held TEXT;
ALTER TABLE shares ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    offer BLOB NOT NULL,
    user TEXT NOT NULL,
    device BLOB NOT NULL,
    name TEXT NOT NULL,
    began INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE INDEX uploads_newest ON uploads (account, id);
";

/// Sets the pragmas and brings the schema up to date.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), HistoryError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL, not NORMAL: what is said to be in the outbox must survive a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(HistoryError::Newer(version));
    }
    for (from, migration) in (0..known).zip(MIGRATIONS).filter(|(from, _)| *from >= version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", from + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use landline_transfer::Conflict;

    use super::*;
    use crate::api::Priority;
    use crate::history::{Download, DownloadStatus};

    #[test]
    fn what_an_earlier_release_wrote_is_there_after_the_migration() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(V1).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations (id, account, conversation, kind)
                     VALUES (1, 1, zeroblob(32), '{\"kind\":\"lobby\"}');
                 INSERT INTO offers (account, offer, conv, author, device, share, name, size, mine)
                     VALUES (1, zeroblob(16), 1, 'alice', zeroblob(32), zeroblob(16), 'a.bin', 7, 0);
                 INSERT INTO downloads (account, offer, folder, name, status)
                     VALUES (1, zeroblob(16), CAST('/d' AS BLOB), 'a.bin', 'active');
                 INSERT INTO shares (account, offer, path, version, tree)
                     VALUES (1, zeroblob(16), CAST('/a.bin' AS BLOB), '{}', x'00');",
            )
            .unwrap();
        prepare(&mut connection).unwrap();
        let mut database = super::super::Database(connection);
        let offers = database.offers(1, 10).unwrap();
        assert_eq!((offers.len(), offers[0].folder, offers[0].replaces), (1, None, None));
        let downloads = database.downloads(1).unwrap();
        let expected = Download {
            folder: "/d".into(),
            name: landline_protocol::FileName::sanitized("a.bin"),
            conflict: Conflict::Rename,
            picks: None,
            priority: Priority::Normal,
            paused: false,
            wanted: None,
            here: 0,
            status: DownloadStatus::Active,
        };
        assert_eq!(downloads[0].1, expected);
        assert_eq!(database.shares(1).unwrap()[0].version, "{}");
    }

    #[test]
    fn a_profile_of_a_later_release_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        prepare(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(prepare(&mut connection), Err(HistoryError::Newer(99))));
    }
}
