//! What is forgotten in time, so that a database does not grow with everybody who ever signed in.

use landline_protocol::Timestamp;
use rusqlite::{Connection, params};

use super::messages::signed;
use super::revocations::{self, Revocations};
use super::{StoreError, sessions};

/// Forgets sessions that are over, spent tokens, and invites that let nobody in any more; gives the
/// list of revocations if that changed. To whoever shows one of these it makes no difference.
pub(crate) fn purge(db: &Connection, now: Timestamp) -> Result<Option<Revocations>, StoreError> {
    let before = |millis: u64| signed(now.as_millis().saturating_sub(millis));
    let (idle, spent) = (before(sessions::IDLE_MILLIS), before(sessions::SPENT_MILLIS));
    let over = "SELECT id FROM sessions WHERE used_at < ?1 OR (revoked AND used_at < ?2)";
    let tokens = db.execute(
        &format!("DELETE FROM refresh_tokens WHERE session IN ({over}) OR (state = ?3 AND issued_at < ?2)"),
        params![idle, spent, sessions::SPENT],
    )?;
    let families = db.execute(&format!("DELETE FROM sessions WHERE id IN ({over})"), [idle, spent])?;
    let invites = db.execute(
        "DELETE FROM invites WHERE used_by IS NOT NULL OR expires_at <= ?1",
        [signed(now.as_millis())],
    )?;
    tracing::debug!(tokens, families, invites, "forgotten");
    if revocations::prune(db, now)? { revocations::list(db).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60 * 1000;
    const NOW: u64 = 1_790_000_000_000;

    fn database() -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "foreign_keys", true).unwrap();
        super::super::migrations::migrate(&mut db).unwrap();
        db.execute_batch(
            "INSERT INTO accounts (id, name, folded, skeleton, password, admin, created_at)
             VALUES (1, 'a', 'a', 'a', '', 0, 0);
             INSERT INTO devices (id, hash) VALUES (1, x'01')",
        )
        .unwrap();
        db
    }

    fn session(db: &Connection, id: &str, days: u64, revoked: bool) {
        let sql = "INSERT INTO sessions VALUES (?1, 1, 1, ?2, ?3)";
        db.execute(sql, params![id, signed(NOW - days * DAY), revoked]).unwrap();
    }

    fn token(db: &Connection, session: &str, state: u8, days: u64) {
        let sql = "INSERT INTO refresh_tokens VALUES (randomblob(32), ?1, ?2, ?3)";
        db.execute(sql, params![session, state, signed(NOW - days * DAY)]).unwrap();
    }

    fn invite(db: &Connection, days_left: i64, used: bool) {
        let sql = "INSERT INTO invites VALUES (randomblob(32), 0, ?1, CASE WHEN ?2 THEN 1 END)";
        db.execute(sql, params![signed(NOW) + days_left * signed(DAY), used]).unwrap();
    }

    fn all(db: &Connection, sql: &str) -> Vec<String> {
        let mut query = db.prepare(sql).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn what_is_over_is_forgotten_and_what_is_good_stays() {
        let db = database();
        for (id, days, revoked) in [
            ("live", 1, false),
            ("quiet", 89, false),
            ("idle", 91, false),
            ("out", 31, true),
            ("just", 1, true),
        ] {
            session(&db, id, days, revoked);
            token(&db, id, 0, days);
        }
        token(&db, "live", sessions::SPENT, 31);
        token(&db, "live", sessions::SPENT, 29);
        token(&db, "live", 1, 31);
        for (days_left, used) in [(1, false), (0, false), (-1, false), (5, true)] {
            invite(&db, days_left, used);
        }
        assert_eq!(purge(&db, Timestamp::from_millis(NOW)).unwrap(), None);
        assert_eq!(all(&db, "SELECT id FROM sessions ORDER BY id"), ["just", "live", "quiet"]);
        let tokens = all(&db, "SELECT session || state FROM refresh_tokens ORDER BY session, state");
        assert_eq!(tokens, ["just0", "live0", "live1", "live2", "quiet0"]);
        assert_eq!(all(&db, "SELECT 'left' FROM invites").len(), 1);
    }
}
