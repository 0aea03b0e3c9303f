//! Which peer credentials are void before they expire, and since when those of a device are good
//! again.
//!
//! Moments are taken within the writer's transactions, one after the other: no credential that is
//! issued before its device is revoked can be dated after that.

use landline_protocol::revocation::Revoked;
use landline_protocol::{DeviceId, Timestamp};
use landline_trust::revocation::KEPT_MILLIS;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::messages::{signed, time};

/// Entries of the list: with this many it still fits a frame. Beyond that the account that has the
/// most loses its eldest, so that nobody can push out the entries of others.
const MOST: u32 = 2_000;
/// What the next credential of a device is dated after its revocation: tokens count in seconds.
const TICK_MILLIS: u64 = 1_000;

/// The list as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revocations {
    /// Grows with every change.
    pub(crate) version: u64,
    /// In the order of the devices' ids.
    pub(crate) revoked: Vec<Revoked>,
}

/// The list as it stands.
pub(crate) fn list(db: &Connection) -> Result<Revocations, StoreError> {
    let version: i64 = db.query_row("SELECT version FROM revocation_list", [], |row| row.get(0))?;
    let mut query = db.prepare_cached(
        "SELECT hash, before FROM revocations JOIN devices ON devices.id = device ORDER BY hash",
    )?;
    let entry = |row: &rusqlite::Row<'_>| {
        Ok(Revoked { device: DeviceId::from_bytes(row.get(0)?), before: time(row, 1)? })
    };
    let revoked = query.query_map([], entry)?.collect::<Result<_, _>>()?;
    Ok(Revocations { version: u64::try_from(version).unwrap_or_default(), revoked })
}

/// Voids what the device of a session was issued so far.
pub(super) fn revoke(db: &Connection, session: &str, now: Timestamp) -> Result<(), StoreError> {
    // Later than the credential that was issued after an earlier revocation.
    db.prepare_cached(
        "INSERT INTO revocations SELECT device, account, ?2 FROM sessions WHERE id = ?1
         ON CONFLICT DO UPDATE SET account = excluded.account, before = max(excluded.before, before + ?3)",
    )?
    .execute(params![session, signed(now.as_millis()), signed(TICK_MILLIS)])?;
    make_room(db, MOST)?;
    forget(db, now)?;
    grow(db, now)
}

/// Drops the entries that void nothing any more; `true` if that changed the list.
pub(crate) fn prune(db: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let changed = forget(db, now)?;
    if changed {
        grow(db, now)?;
    }
    Ok(changed)
}

/// How the next peer credential of a device is to be dated: now, but after its revocation.
pub(crate) fn next_issue(
    db: &Connection,
    device: &DeviceId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let before = db
        .prepare_cached("SELECT before FROM revocations JOIN devices ON devices.id = device WHERE hash = ?1")?
        .query_row([device.as_bytes()], |row| time(row, 0))
        .optional()?;
    Ok(before.map_or(now, |before| now.max(before.plus_millis(TICK_MILLIS))))
}

fn forget(db: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let until = now.as_millis().saturating_sub(KEPT_MILLIS);
    let gone = db.prepare_cached("DELETE FROM revocations WHERE before < ?1")?.execute([signed(until)])?;
    Ok(gone > 0)
}

fn make_room(db: &Connection, most: u32) -> Result<(), StoreError> {
    let count: u32 = db.query_row("SELECT count(*) FROM revocations", [], |row| row.get(0))?;
    if count > most {
        tracing::warn!(most, "the list of revocations is full: the busiest account loses its eldest");
        db.prepare_cached(
            "DELETE FROM revocations WHERE device IN
             (SELECT device FROM revocations WHERE account =
              (SELECT account FROM revocations GROUP BY account ORDER BY count(*) DESC LIMIT 1)
              ORDER BY before LIMIT ?1)",
        )?
        .execute([count - most])?;
    }
    Ok(())
}

/// At least the time of day, so that it grows even where an older copy of the database came back.
fn grow(db: &Connection, now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE revocation_list SET version = max(version + 1, ?1)")?
        .execute([signed(now.as_millis())])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_790_000_000_250);

    /// Devices 1, 2, 3 … each with a session of the same name; device 1 is the first account's.
    fn database(devices: u8) -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        super::super::migrations::migrate(&mut db).unwrap();
        db.execute_batch(
            "INSERT INTO accounts (id, name, folded, skeleton, password, admin, created_at)
             VALUES (1, 'a', 'a', 'a', '', 0, 0), (2, 'b', 'b', 'b', '', 0, 0)",
        )
        .unwrap();
        for n in 1..=devices {
            let id = i64::from(n);
            db.execute("INSERT INTO devices (id, hash) VALUES (?1, ?2)", params![id, [n; 32]]).unwrap();
            db.execute(
                "INSERT INTO sessions (id, account, device, used_at) VALUES (?1, ?2, ?3, 0)",
                params![n.to_string(), if n == 1 { 1 } else { 2 }, id],
            )
            .unwrap();
        }
        db
    }

    fn device(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 32])
    }

    #[test]
    fn a_credential_issued_after_the_revocation_is_dated_later_in_whole_seconds() {
        let db = database(2);
        assert_eq!(next_issue(&db, &device(1), AT).unwrap(), AT);
        for round in 0..3 {
            // All within one second: in, out, in, out …
            revoke(&db, "1", AT.plus_millis(round)).unwrap();
            let before = list(&db).unwrap().revoked[0].before;
            let issued = next_issue(&db, &device(1), AT.plus_millis(round)).unwrap();
            let iat = Timestamp::from_millis(issued.as_secs() * 1000);
            assert!(iat > before, "{round}");
            revoke(&db, "1", AT.plus_millis(round)).unwrap();
            assert!(iat <= list(&db).unwrap().revoked[0].before, "{round}: void in its turn");
        }
        assert_eq!(next_issue(&db, &device(2), AT).unwrap(), AT, "another device");
    }

    #[test]
    fn the_version_grows_and_entries_drop_out_when_they_void_nothing() {
        let db = database(1);
        assert_eq!(list(&db).unwrap(), Revocations { version: 0, revoked: vec![] });
        revoke(&db, "1", AT).unwrap();
        let first = list(&db).unwrap();
        revoke(&db, "1", AT).unwrap();
        let second = list(&db).unwrap();
        assert!(second.version > first.version && first.version > 0);
        let last = second.revoked[0].before.plus_millis(KEPT_MILLIS);
        assert!(!prune(&db, last).unwrap());
        assert!(prune(&db, last.plus_millis(1)).unwrap());
        let third = list(&db).unwrap();
        assert!(third.version > second.version && third.revoked.is_empty());
    }

    #[test]
    fn nobody_can_push_out_the_entries_of_others() {
        let db = database(6);
        revoke(&db, "1", AT).unwrap();
        for n in 2..=6u8 {
            revoke(&db, &n.to_string(), AT.plus_millis(u64::from(n))).unwrap();
        }
        make_room(&db, 4).unwrap();
        let left: Vec<_> = list(&db).unwrap().revoked.iter().map(|one| one.device).collect();
        assert_eq!(left, [device(1), device(4), device(5), device(6)]);
    }

    #[test]
    fn the_longest_list_fits_a_frame() {
        use landline_protocol::{RevocationList, ServerFrame, limits};
        let entry = Revoked { device: device(9), before: Timestamp::from_millis(u64::MAX) };
        let revoked = vec![entry; MOST as usize];
        let list = RevocationList { issuer: device(1), version: u64::MAX, revoked };
        let key = landline_trust::DeviceKey::generate().unwrap();
        let revocations = landline_trust::revocation::sign(&key, &list);
        let frame = serde_json::to_string(&ServerFrame::Revocations { revocations }).unwrap();
        assert!(frame.len() <= limits::FRAME_BYTES, "{}", frame.len());
    }
}
