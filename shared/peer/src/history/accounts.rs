//! Who was signed in here, which keys were seen, and a few settings.

use std::net::SocketAddr;

use landline_protocol::account::KeySet;
use landline_protocol::revocation::SignedRevocations;
use landline_protocol::{DeviceId, Timestamp, UserName};
use rusqlite::{OptionalExtension, Result, Row, named_params, params};

use super::Database;
use super::columns::{count, id, json, stored, text};

/// A person at a coordinator, as this machine remembers them.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Row id; conversations and offers hang from it.
    pub(crate) id: i64,
    pub(crate) coordinator: DeviceId,
    pub(crate) user: UserName,
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) admin: bool,
    /// The coordinator's key came with an invite.
    pub(crate) from_invite: bool,
    /// The keys that check other peers' credentials.
    pub(crate) keys: Option<KeySet>,
    /// The newest list of devices whose credentials are void.
    pub(crate) revocations: Option<SignedRevocations>,
}

/// A coordinator's key as it was first seen at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) key: DeviceId,
    pub(crate) from_invite: bool,
}

/// A device of some person, as it was last seen.
#[derive(Clone, Debug)]
pub(crate) struct KnownDevice {
    pub(crate) user: UserName,
    pub(crate) device: DeviceId,
    pub(crate) first_seen: Timestamp,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Database {
    /// The account that was signed in last and not signed out.
    pub(crate) fn current_account(&mut self) -> Result<Option<Account>> {
        self.0.query_row("SELECT * FROM accounts WHERE current = 1", [], account).optional()
    }

    /// Remembers an account as the one that is signed in.
    pub(crate) fn sign_in(&mut self, account: &Account) -> Result<i64> {
        let transaction = self.0.transaction()?;
        transaction.execute("UPDATE accounts SET current = 0", [])?;
        let id = transaction.query_row(
            "INSERT INTO accounts (coordinator, user, folded, address, admin, from_invite, keys, current)
             VALUES (:coordinator, :user, :folded, :address, :admin, :from_invite, :keys, 1)
             ON CONFLICT (coordinator, folded) DO UPDATE SET user = excluded.user, address = excluded.address,
                 admin = excluded.admin, from_invite = excluded.from_invite, keys = excluded.keys, current = 1
             RETURNING id",
            named_params! {
                ":coordinator": account.coordinator.as_bytes(),
                ":user": account.user.as_str(),
                ":folded": account.user.folded(),
                ":address": account.address,
                ":admin": account.admin,
                ":from_invite": account.from_invite,
                ":keys": account.keys.as_ref().and_then(|keys| serde_json::to_string(keys).ok()),
            },
            |row| row.get(0),
        )?;
        transaction.commit()?;
        Ok(id)
    }

    /// Keeps the newest list of void credentials.
    pub(crate) fn set_revocations(&mut self, account: i64, revocations: &SignedRevocations) -> Result<()> {
        let text = serde_json::to_string(revocations).unwrap_or_default();
        self.0.execute("UPDATE accounts SET revocations = ?2 WHERE id = ?1", params![account, text]).map(drop)
    }

    /// Nobody is signed in any more; what they wrote and read stays.
    pub(crate) fn sign_out(&mut self) -> Result<()> {
        self.0.execute("UPDATE accounts SET current = 0", []).map(drop)
    }

    /// The key that was seen at an address before.
    pub(crate) fn pin(&mut self, address: &str) -> Result<Option<Pin>> {
        let read = |row: &Row<'_>| {
            Ok(Pin { key: id(row, "key", DeviceId::from_slice)?, from_invite: row.get("from_invite")? })
        };
        self.0.query_row("SELECT key, from_invite FROM pins WHERE address = ?1", [address], read).optional()
    }

    /// Records the key of an address: at first contact, or as an invite says.
    pub(crate) fn set_pin(&mut self, address: &str, pin: Pin, now: Timestamp) -> Result<()> {
        self.0
            .execute(
                "INSERT INTO pins (address, key, from_invite, first_seen) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (address) DO UPDATE SET key = excluded.key, from_invite = excluded.from_invite
                     WHERE key <> excluded.key OR from_invite < excluded.from_invite",
                params![address, pin.key.as_bytes(), pin.from_invite, stored(now.as_millis())],
            )
            .map(drop)
    }

    /// Forgets the key of an address; the next contact is a first one. Says whether there was one.
    pub(crate) fn forget_pin(&mut self, address: &str) -> Result<bool> {
        Ok(self.0.execute("DELETE FROM pins WHERE address = ?1", [address])? > 0)
    }

    /// The devices of everybody, oldest first.
    pub(crate) fn devices(&mut self, account: i64) -> Result<Vec<KnownDevice>> {
        let mut statement =
            self.0.prepare_cached("SELECT * FROM devices WHERE account = ?1 ORDER BY first_seen, rowid")?;
        let rows = statement.query_map([account], |row| {
            Ok(KnownDevice {
                user: text(row, "user")?,
                device: id(row, "device", DeviceId::from_slice)?,
                first_seen: Timestamp::from_millis(count(row, "first_seen")?),
                addresses: json(row, "addresses")?,
            })
        })?;
        rows.collect()
    }

    /// Remembers devices and where they were; the first sighting of each stays.
    pub(crate) fn remember_devices(&mut self, account: i64, devices: &[KnownDevice]) -> Result<()> {
        let transaction = self.0.transaction()?;
        for known in devices {
            let addresses = serde_json::to_string(&known.addresses).unwrap_or_else(|_| "[]".to_owned());
            transaction.execute(
                "INSERT INTO devices (account, user, device, first_seen, addresses) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (account, device) DO UPDATE SET addresses = excluded.addresses",
                params![
                    account,
                    known.user.as_str(),
                    known.device.as_bytes(),
                    stored(known.first_seen.as_millis()),
                    addresses
                ],
            )?;
        }
        transaction.commit()
    }

    /// A setting's bytes.
    pub(crate) fn setting(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.query_row("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0)).optional()
    }

    /// A setting that is a path.
    pub(crate) fn setting_path(&mut self, name: &str) -> Result<Option<std::path::PathBuf>> {
        let read = |row: &Row<'_>| super::columns::path(row, "value");
        self.0.query_row("SELECT value FROM settings WHERE name = ?1", [name], read).optional()
    }

    /// Keeps a setting that is a path.
    pub(crate) fn set_setting_path(&mut self, name: &str, value: &std::path::Path) -> Result<()> {
        self.set_setting(name, super::columns::path_bytes(value))
    }

    /// Keeps a setting.
    pub(crate) fn set_setting(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.0
            .execute(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                params![name, value],
            )
            .map(drop)
    }
}

fn account(row: &Row<'_>) -> Result<Account> {
    let keys: Option<String> = row.get("keys")?;
    let revocations: Option<String> = row.get("revocations")?;
    Ok(Account {
        id: row.get("id")?,
        coordinator: id(row, "coordinator", DeviceId::from_slice)?,
        user: text(row, "user")?,
        address: row.get("address")?,
        admin: row.get("admin")?,
        from_invite: row.get("from_invite")?,
        keys: keys.and_then(|text| serde_json::from_str(&text).ok()),
        revocations: revocations.and_then(|text| serde_json::from_str(&text).ok()),
    })
}
