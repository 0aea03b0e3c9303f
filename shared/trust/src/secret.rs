//! Random codes, and the form in which they are kept.

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes: {0}")]
pub struct RandomError(getrandom::Error);

/// A fresh secret of so many random bytes, as base64url without padding (RFC 4648, 5).
pub fn random_code(bytes: usize) -> Result<String, RandomError> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(RandomError)?;
    Ok(BASE64URL_NOPAD.encode(&buffer))
}

/// SHA-256, the form in which refresh tokens and invite codes are stored.
///
/// Enough for codes of 128 random bits and more; passwords need argon2id.
pub fn hash_secret(text: &str) -> [u8; 32] {
    sha256(text.as_bytes())
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_fresh_and_hashes_are_sha256() {
        let (one, other) = (random_code(16).unwrap(), random_code(16).unwrap());
        assert_eq!(one.len(), 22);
        assert_ne!(one, other);
        let abc = data_encoding::HEXLOWER.encode(&hash_secret("abc"));
        assert_eq!(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
