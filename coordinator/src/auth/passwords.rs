//! Passwords: argon2id, off the async threads, a few at a time.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use landline_protocol::{ErrorCode, WireError, limits};
use landline_trust::random_code;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::internal;

/// Requests that wait for a turn; more are sent away.
const WAITING: usize = 128;

/// Hashes and checks passwords with the library's parameters (argon2id, 19 MiB, 2 passes: the
/// OWASP recommendation).
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Semaphore,
    /// The hash of a password that nobody knows: what an unknown name is checked against, so that
    /// it takes as long as a known one.
    nobody: String,
}

impl Passwords {
    /// At most `at_once` run at the same time. Takes as long as one hash.
    pub(crate) async fn new(at_once: usize) -> Result<Self, WireError> {
        let secret = random_code(32).map_err(internal)?;
        let nobody = tokio::task::spawn_blocking(move || hash(&secret)).await.map_err(internal)??;
        Ok(Self { turns: Arc::new(Semaphore::new(at_once.max(1))), waiting: Semaphore::new(WAITING), nobody })
    }

    /// The hash to keep, a PHC string.
    pub(crate) async fn hash(&self, password: String) -> Result<String, WireError> {
        self.run(move || hash(&password)).await
    }

    /// Whether the password is the one of `kept`; with no `kept` it takes as long and is wrong.
    pub(crate) async fn verify(&self, password: String, kept: Option<String>) -> Result<bool, WireError> {
        let known = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.nobody.clone());
        let right = self
            .run(move || Ok(Argon2::default().verify_password(password.as_bytes(), kept.as_str()).is_ok()));
        Ok(right.await? && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn: OwnedSemaphorePermit = self.turns.clone().acquire_owned().await.map_err(internal)?;
        let work = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the request: who hangs up must not free a turn early.
            let _turn = turn;
            work()
        });
        work.await.map_err(internal)?
    }
}

fn hash(password: &str) -> Result<String, WireError> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(internal)?;
    Ok(hash.to_string())
}

/// Refuses passwords that are too short or too long (NIST SP 800-63B, 5.1.1.1: length is all that
/// is asked of them).
pub(crate) fn check_fitness(password: &str) -> Result<(), WireError> {
    if password.chars().count() < limits::PASSWORD_MIN_CHARS {
        return Err(unfit(format!("a password needs at least {} characters", limits::PASSWORD_MIN_CHARS)));
    }
    if password.len() > limits::PASSWORD_MAX_BYTES {
        return Err(unfit(format!("a password has at most {} bytes", limits::PASSWORD_MAX_BYTES)));
    }
    Ok(())
}

fn unfit(why: String) -> WireError {
    WireError::new(ErrorCode::PasswordUnfit, why)
}

fn busy() -> WireError {
    WireError::new(ErrorCode::TooManyRequests, "too many people are signing in: try again in a moment")
        .retry_after_ms(2_000)
}
