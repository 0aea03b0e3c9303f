//! What a profile remembers besides its history: where files go, how transfers behave, the port.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use landline_protocol::UserName;

use super::Engine;
use crate::api::{Failure, FailureKind, LEAST_RATE, TransferSettings};
use crate::history::{History, HistoryError};

/// The name under which [`TransferSettings`] are kept.
const TRANSFERS: &str = "transfers";

/// The most downloads at once.
const DOWNLOADS: u32 = 64;
/// The most people served at once.
const UPLOADS: u32 = 1024;

/// What is read at the start.
pub(super) struct Settings {
    pub(super) port: Option<u16>,
    pub(super) skew_ms: i64,
    pub(super) download_folder: PathBuf,
    pub(super) transfers: Arc<TransferSettings>,
}

impl Settings {
    pub(super) async fn load(history: &History, default_folder: PathBuf) -> Result<Self, HistoryError> {
        let (port, skew, folder, transfers) = history
            .call(|db| {
                let folder = db.setting_path("download_folder")?;
                Ok((db.setting("port")?, db.setting("skew")?, folder, db.setting(TRANSFERS)?))
            })
            .await?;
        let port = port.and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes);
        let skew_ms = skew.and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_le_bytes);
        let transfers = transfers.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let transfers = transfers.filter(|settings| check(settings).is_ok()).unwrap_or_default();
        let download_folder = folder.unwrap_or(default_folder);
        Ok(Self { port, skew_ms, download_folder, transfers: Arc::new(transfers) })
    }
}

impl Engine {
    /// Slots, limits and what is done about taken names, from now on and after a restart.
    pub(super) async fn set_transfers(&mut self, settings: TransferSettings) -> Result<(), Failure> {
        check(&settings)?;
        let bytes = serde_json::to_vec(&settings)
            .map_err(|error| Failure::new(FailureKind::Internal, format!("{error}.")))?;
        self.history.call(move |db| db.set_setting(TRANSFERS, &bytes)).await?;
        self.settings = Arc::new(settings);
        self.apply_settings();
        self.settle_downloads();
        Ok(())
    }

    /// Limits for this run, beside those that are set for good.
    pub(super) fn cap_rates(&mut self, up: Option<u64>, down: Option<u64>) -> Result<(), Failure> {
        check(&TransferSettings { up, down, ..TransferSettings::default() })?;
        (self.rates.up_cap, self.rates.down_cap) = (up, down);
        self.apply_settings();
        Ok(())
    }

    pub(super) fn apply_settings(&mut self) {
        let (settings, rates) = (&self.settings, &self.rates);
        rates.up.set(lower(settings.up, rates.up_cap), people(&settings.up_to));
        rates.down.set(lower(settings.down, rates.down_cap), people(&settings.down_from));
        self.shares.set_slots(count(settings.upload_slots));
        self.downloads.set_slots(count(settings.download_slots));
    }
}

fn count(slots: u32) -> usize {
    usize::try_from(slots).unwrap_or(usize::MAX)
}

/// Which of two limits holds.
fn lower(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

fn people(limits: &BTreeMap<UserName, u64>) -> HashMap<UserName, u64> {
    limits.iter().map(|(user, limit)| (user.clone(), *limit)).collect()
}

fn check(settings: &TransferSettings) -> Result<(), Failure> {
    let invalid = |text: String| Err(Failure::new(FailureKind::Invalid, text));
    let one_of = |slots: u32, most: u32| (1..=most).contains(&slots);
    if !one_of(settings.download_slots, DOWNLOADS) {
        return invalid(format!("Between 1 and {DOWNLOADS} downloads can go on at once."));
    }
    if !one_of(settings.upload_slots, UPLOADS) {
        return invalid(format!("Between 1 and {UPLOADS} people can be served at once."));
    }
    let people = settings.up_to.values().chain(settings.down_from.values());
    let mut limits = settings.up.iter().chain(&settings.down).chain(people);
    if limits.any(|limit| *limit < LEAST_RATE) {
        let least = LEAST_RATE / 1024;
        return invalid(format!("A limit is at least {least} KiB a second. To stop a transfer, pause it."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_stop_everything_is_no_setting() {
        let usual = TransferSettings::default();
        assert_eq!(check(&usual), Ok(()));
        let limited = TransferSettings { up: Some(LEAST_RATE), ..usual.clone() };
        assert_eq!(check(&limited), Ok(()));
        let bob = || BTreeMap::from([("bob".parse().unwrap(), 10)]);
        for bad in [
            TransferSettings { download_slots: 0, ..usual.clone() },
            TransferSettings { upload_slots: 0, ..usual.clone() },
            TransferSettings { down: Some(0), ..usual.clone() },
            TransferSettings { up_to: bob(), ..usual.clone() },
        ] {
            assert_eq!(check(&bad).unwrap_err().kind, FailureKind::Invalid);
        }
    }
}
