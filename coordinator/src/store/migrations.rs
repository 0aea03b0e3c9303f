//! The database's versions: numbered, forward only, each in one transaction.

use rusqlite::{Connection, TransactionBehavior};

use super::{StoreError, accounts};

type Step = fn(&Connection) -> Result<(), StoreError>;

/// What brings a database to the next version.
struct Migration {
    sql: &'static str,
    /// What SQL alone cannot do, afterwards.
    then: Option<Step>,
}

const fn sql(sql: &'static str) -> Migration {
    Migration { sql, then: None }
}

/// Each brings the database from its index to the next version. Never edit one that was released:
/// add another.
const MIGRATIONS: &[Migration] = &[
    sql(include_str!("migrations/0001_first.sql")),
    sql(include_str!("migrations/0002_notes.sql")),
    sql(include_str!("migrations/0003_revocations.sql")),
    Migration { sql: include_str!("migrations/0004_looks.sql"), then: Some(accounts::fill_looks) },
];

/// Brings a database of any earlier version to the newest.
pub(super) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    migrate_to(db, MIGRATIONS.len())
}

/// Brings a database to one version; tests make old ones with it.
fn migrate_to(db: &mut Connection, target: usize) -> Result<(), StoreError> {
    loop {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: usize = tx.query_row("SELECT user_version FROM pragma_user_version", [], |row| {
            row.get::<_, u32>(0).map(|v| v as usize)
        })?;
        if version > MIGRATIONS.len() {
            return Err(StoreError::TooNew { found: version, known: MIGRATIONS.len() });
        }
        if version >= target {
            return Ok(());
        }
        let Migration { sql, then } = &MIGRATIONS[version];
        tx.execute_batch(sql)?;
        if let Some(then) = then {
            then(&tx)?;
        }
        tx.pragma_update(None, "user_version", u32::try_from(version + 1).unwrap_or(u32::MAX))?;
        tx.commit()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(db: &Connection) -> Vec<String> {
        let mut query =
            db.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn every_earlier_version_comes_up_to_the_newest_with_its_rows() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh).unwrap();
        for version in 1..MIGRATIONS.len() {
            let mut old = Connection::open_in_memory().unwrap();
            migrate_to(&mut old, version).unwrap();
            old.execute_batch(
                "INSERT INTO accounts (name, folded, skeleton, password, admin, created_at)
                 VALUES ('Alice', 'alice', 'alice', 'x', 1, 5);
                 INSERT INTO messages VALUES (4294967297, 1, x'00', 7, '{}', x'00');",
            )
            .unwrap();
            migrate(&mut old).unwrap();
            assert_eq!(tables(&old), tables(&fresh), "from version {version}");
            let kept: (String, i64) = old
                .query_row("SELECT name, place FROM accounts, messages", [], |r| Ok((r.get(0)?, r.get(1)?)))
                .unwrap();
            assert_eq!(kept, ("Alice".into(), 4_294_967_297));
        }
    }

    #[test]
    fn accounts_of_earlier_versions_keep_their_lookalikes_away() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate_to(&mut db, 3).unwrap();
        db.execute_batch(
            "INSERT INTO accounts (name, folded, skeleton, password, admin, created_at)
             VALUES ('BOB', 'bob', 'bob', 'x', 0, 5), ('alice', 'alice', 'alice', 'x', 0, 5),
                    ('aIice', 'aiice', 'aiice', 'x', 0, 6)",
        )
        .unwrap();
        migrate(&mut db).unwrap();
        for (name, taken) in
            [("B0B", true), ("b0b", true), ("ALICE", true), ("AIICE", true), ("carol", false)]
        {
            assert_eq!(accounts::taken(&db, &name.parse().unwrap()).unwrap(), taken, "{name}");
        }
        let people = accounts::everybody(&db).unwrap();
        assert_eq!(people.len(), 3, "who is there already stays");
    }

    #[test]
    fn a_database_from_a_later_release_is_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        let refused = migrate(&mut db).unwrap_err();
        assert!(matches!(refused, StoreError::TooNew { found: 99, .. }), "{refused}");
        assert!(tables(&db).is_empty());
    }

    #[test]
    fn a_migration_that_fails_leaves_the_version_it_began_with() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate_to(&mut db, 1).unwrap();
        db.execute_batch("CREATE TABLE notes (in_the_way INTEGER)").unwrap();
        assert!(migrate(&mut db).is_err());
        let version: u32 =
            db.query_row("SELECT user_version FROM pragma_user_version", [], |r| r.get(0)).unwrap();
        assert_eq!(version, 1);
    }
}
