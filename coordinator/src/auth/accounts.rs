//! Sign-up and sign-in.

use std::net::IpAddr;

use landline_protocol::account::{Session, SignIn, SignUp};
use landline_protocol::{DeviceId, ErrorCode, Timestamp, UserName, WireError};
use landline_trust::{hash_secret, random_code};

use super::passwords::check_fitness;
use super::{Auth, Keep, device_name, internal};
use crate::config::Registration;
use crate::store::accounts::{self, Account};
use crate::store::{StoreError, invites, revocations, sessions};

/// Random bytes of a refresh token.
const REFRESH_BYTES: usize = 32;
/// Random bytes of a family's id, which is no secret.
const FAMILY_BYTES: usize = 12;

/// The names under which a new session is kept.
pub(super) struct Fresh {
    pub(super) family: String,
    pub(super) refresh_token: String,
    pub(super) refresh_hash: [u8; 32],
}

impl Fresh {
    pub(super) fn new() -> Result<Self, WireError> {
        let refresh_token = random_code(REFRESH_BYTES).map_err(internal)?;
        Ok(Self {
            family: random_code(FAMILY_BYTES).map_err(internal)?,
            refresh_hash: hash_secret(&refresh_token),
            refresh_token,
        })
    }

    fn keep(self, at: Timestamp) -> Keep {
        Keep { family: self.family, refresh_token: self.refresh_token, at }
    }
}

impl Auth {
    /// Makes an account and its first session.
    pub(crate) async fn sign_up(
        &self,
        from: IpAddr,
        device: DeviceId,
        ask: SignUp,
    ) -> Result<Session, WireError> {
        self.rates.address(from, self.clock.now())?;
        check_fitness(&ask.password)?;
        let invite = ask.invite.as_deref().map(hash_secret);
        if invite.is_none() && self.registration == Registration::Invite {
            return Err(invite_required());
        }
        self.check_before_hashing(&ask.username, invite).await?;
        let password = self.passwords.hash(ask.password).await?;
        let user = ask.username;
        let fresh = Fresh::new()?;
        let name = device_name(&ask.device_name);
        let (admin, at) = self.make(user.clone(), password, invite, device, name, &fresh).await?;
        tracing::info!(%user, admin, device = device.short(), "a new account");
        self.session(user, admin, &device, fresh.keep(at))
    }

    /// Refuses early what would be refused in the end, so that strangers cannot keep the hasher
    /// busy; the invite first, so that they cannot try names either.
    async fn check_before_hashing(&self, user: &UserName, invite: Option<[u8; 32]>) -> Result<(), WireError> {
        let (user, now) = (user.clone(), self.clock.now());
        self.store
            .read(move |db| {
                if let Some(hash) = invite {
                    invites::check(db, &hash, now)?.ok_or_else(invite_invalid)?;
                }
                if accounts::taken(db, &user)? { Err(name_taken()) } else { Ok(()) }
            })
            .await
    }

    /// Makes the account and uses up its invite, both or neither. Says whether it may invite, and
    /// how to date its peer credential.
    async fn make(
        &self,
        user: UserName,
        password: String,
        invite: Option<[u8; 32]>,
        device: DeviceId,
        device_name: String,
        fresh: &Fresh,
    ) -> Result<(bool, Timestamp), WireError> {
        let clock = self.clock.clone();
        let (family, refresh_hash) = (fresh.family.clone(), fresh.refresh_hash);
        self.store
            .write(move |db| {
                let now = clock.now();
                let admin = match invite {
                    Some(hash) => invites::check(db, &hash, now)?.ok_or_else(invite_invalid)?,
                    None => false,
                };
                let account = accounts::create(db, &user, &password, admin, now)?.ok_or_else(name_taken)?;
                if let Some(hash) = invite {
                    invites::consume(db, &hash, account)?;
                }
                let row = accounts::add_device(db, account, &device, &device_name)?;
                sessions::start(db, &family, account, row, &refresh_hash, now)?;
                Ok((admin, revocations::next_issue(db, &device, now)?))
            })
            .await
    }

    /// Starts a session of an account that exists. An unknown name and a wrong password answer
    /// alike and take as long.
    pub(crate) async fn sign_in(
        &self,
        from: IpAddr,
        device: DeviceId,
        ask: SignIn,
    ) -> Result<Session, WireError> {
        self.rates.address(from, self.clock.now())?;
        let name: Option<UserName> = ask.username.parse().ok();
        let folded = name.as_ref().map_or_else(|| ask.username.clone(), UserName::folded);
        let (account, known_device) = self.look_up(name, device).await?;
        self.rates.account(folded, known_device, self.clock.now())?;
        let kept = account.as_ref().map(|account| account.password.clone());
        let right = self.passwords.verify(ask.password, kept).await?;
        let Some(account) = account.filter(|_| right) else {
            return Err(wrong_credentials());
        };
        let fresh = Fresh::new()?;
        let at = self.start(&account, device, device_name(&ask.device_name), &fresh).await?;
        tracing::info!(user = %account.name, device = device.short(), "signed in");
        self.session(account.name, account.admin, &device, fresh.keep(at))
    }

    async fn look_up(
        &self,
        name: Option<UserName>,
        device: DeviceId,
    ) -> Result<(Option<Account>, bool), StoreError> {
        self.store
            .read(move |db| {
                let account = match &name {
                    Some(name) => accounts::find(db, name)?,
                    None => None,
                };
                let known = match &account {
                    Some(account) => accounts::has_device(db, account.id, &device)?,
                    None => false,
                };
                Ok((account, known))
            })
            .await
    }

    async fn start(
        &self,
        account: &Account,
        device: DeviceId,
        device_name: String,
        fresh: &Fresh,
    ) -> Result<Timestamp, StoreError> {
        let (id, clock) = (account.id, self.clock.clone());
        let (family, refresh_hash) = (fresh.family.clone(), fresh.refresh_hash);
        self.store
            .write(move |db| {
                let now = clock.now();
                let row = accounts::add_device(db, id, &device, &device_name)?;
                sessions::start(db, &family, id, row, &refresh_hash, now)?;
                revocations::next_issue(db, &device, now)
            })
            .await
    }
}

fn wrong_credentials() -> WireError {
    WireError::new(ErrorCode::WrongCredentials, "the name or the password is wrong: check both")
}

fn name_taken() -> WireError {
    WireError::new(ErrorCode::NameTaken, "this name, or one that looks like it, is taken: choose another")
}

fn invite_required() -> WireError {
    WireError::new(ErrorCode::InviteRequired, "this coordinator lets people in by invite: ask for a link")
}

fn invite_invalid() -> WireError {
    WireError::new(
        ErrorCode::InviteInvalid,
        "this invite is unknown, was used already, or is older than seven days: ask for a new one",
    )
}
