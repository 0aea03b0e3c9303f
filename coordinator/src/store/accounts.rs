//! Accounts and the devices they signed in from.

use landline_protocol::{DeviceId, Timestamp, UserName};
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::messages::{device, signed, time};

/// An account's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AccountId(pub(crate) i64);

/// What signing in needs of an account.
pub(crate) struct Account {
    /// Its row.
    pub(crate) id: AccountId,
    /// The name as its owner spells it.
    pub(crate) name: UserName,
    /// The password's hash, a PHC string.
    pub(crate) password: String,
    /// Whether it may invite people.
    pub(crate) admin: bool,
}

/// A row of the directory.
pub(crate) struct StoredPerson {
    /// The name.
    pub(crate) name: UserName,
    /// When the last of their devices left.
    pub(crate) last_seen: Option<Timestamp>,
    /// Their devices and what those are called.
    pub(crate) devices: Vec<(DeviceId, String)>,
}

/// Whether anybody has an account.
pub(crate) fn any(db: &Connection) -> Result<bool, StoreError> {
    Ok(db.query_row("SELECT EXISTS (SELECT 1 FROM accounts)", [], |row| row.get(0))?)
}

/// Whether the name, or one that could be mistaken for it, has an account.
pub(crate) fn taken(db: &Connection, name: &UserName) -> Result<bool, StoreError> {
    let mut query = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM looks WHERE look IN (?1, ?2))")?;
    Ok(query.query_row(name.looks(), |row| row.get(0))?)
}

/// Makes an account; `None` if the name is taken.
pub(crate) fn create(
    db: &Connection,
    name: &UserName,
    password: &str,
    admin: bool,
    now: Timestamp,
) -> Result<Option<AccountId>, StoreError> {
    if taken(db, name)? {
        return Ok(None);
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO accounts (name, folded, skeleton, password, admin, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING RETURNING id",
    )?;
    let [look, _] = name.looks();
    let row = params![name.as_str(), name.folded(), look, password, admin, signed(now.as_millis())];
    let made = insert.query_row(row, |row| row.get(0)).optional()?.map(AccountId);
    if let Some(account) = made {
        add_looks(db, account, name)?;
    }
    Ok(made)
}

fn add_looks(db: &Connection, account: AccountId, name: &UserName) -> Result<(), StoreError> {
    let mut insert = db.prepare_cached("INSERT INTO looks VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    for look in name.looks() {
        insert.execute(params![look, account.0])?;
    }
    Ok(())
}

/// Gives every account its looks. Of those that look alike already, the eldest has them.
pub(super) fn fill_looks(db: &Connection) -> Result<(), StoreError> {
    let mut query = db.prepare("SELECT id, name FROM accounts ORDER BY id")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        add_looks(db, AccountId(row.get(0)?), &parse(&row.get::<_, String>(1)?)?)?;
    }
    Ok(())
}

/// The account of a name, however it is spelled.
pub(crate) fn find(db: &Connection, name: &UserName) -> Result<Option<Account>, StoreError> {
    let mut query = db.prepare_cached("SELECT id, name, password, admin FROM accounts WHERE folded = ?1")?;
    let mut rows = query.query([name.folded()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Account {
        id: AccountId(row.get(0)?),
        name: parse(&row.get::<_, String>(1)?)?,
        password: row.get(2)?,
        admin: row.get(3)?,
    }))
}

/// Whether this device has signed in to this account before.
pub(crate) fn has_device(db: &Connection, account: AccountId, of: &DeviceId) -> Result<bool, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM account_devices JOIN devices ON devices.id = device
         WHERE account = ?1 AND hash = ?2)",
    )?;
    Ok(query.query_row(params![account.0, of.as_bytes()], |row| row.get(0))?)
}

/// Keeps a device with its account, under its newest name; gives the device's row.
pub(crate) fn add_device(
    db: &Connection,
    account: AccountId,
    of: &DeviceId,
    name: &str,
) -> Result<i64, StoreError> {
    let row = device(db, of)?;
    db.prepare_cached("INSERT INTO account_devices VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET name = ?3")?
        .execute(params![account.0, row, name])?;
    Ok(row)
}

/// Keeps what a device is called now and when its owner was here last.
pub(crate) fn seen(
    db: &Connection,
    name: &UserName,
    of: &DeviceId,
    device_name: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    last_seen(db, name, now)?;
    db.prepare_cached(
        "UPDATE account_devices SET name = ?3
         WHERE account = (SELECT id FROM accounts WHERE folded = ?1)
           AND device = (SELECT id FROM devices WHERE hash = ?2)",
    )?
    .execute(params![name.folded(), of.as_bytes(), device_name])?;
    Ok(())
}

/// Keeps when somebody was here last.
pub(crate) fn last_seen(db: &Connection, name: &UserName, now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE accounts SET last_seen = ?2 WHERE folded = ?1")?
        .execute(params![name.folded(), signed(now.as_millis())])?;
    Ok(())
}

/// Everybody who has an account.
pub(crate) fn everybody(db: &Connection) -> Result<Vec<StoredPerson>, StoreError> {
    let mut people: Vec<StoredPerson> = Vec::new();
    let mut query = db.prepare(
        "SELECT a.name, a.last_seen, d.hash, ad.name FROM accounts a
         LEFT JOIN account_devices ad ON ad.account = a.id LEFT JOIN devices d ON d.id = ad.device
         ORDER BY a.id, d.id",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let name = parse(&row.get::<_, String>(0)?)?;
        if people.last().is_none_or(|last| last.name != name) {
            let seen: Option<i64> = row.get(1)?;
            let last_seen = seen.map(|_| time(row, 1)).transpose()?;
            people.push(StoredPerson { name, last_seen, devices: Vec::new() });
        }
        let device = row.get::<_, Option<[u8; 32]>>(2)?.zip(row.get::<_, Option<String>>(3)?);
        if let (Some((hash, name)), Some(person)) = (device, people.last_mut()) {
            person.devices.push((DeviceId::from_bytes(hash), name));
        }
    }
    Ok(people)
}

/// Reads a name that this program wrote.
pub(crate) fn parse(name: &str) -> Result<UserName, StoreError> {
    name.parse().map_err(|error| StoreError::Other(format!("a stored name cannot be read: {error}")))
}
