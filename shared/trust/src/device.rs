//! A device: the Ed25519 key that is its identity, and the certificate that carries it in TLS.

use std::fmt;
use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use landline_protocol::{DeviceId, PublicKey, Signature};
use rustls::server::ParsedCertificate;

use crate::identity::Identity;
pub use crate::identity::KeyError;
use crate::private_file;
use crate::secret::sha256;

/// A device's private key with its certificates.
///
/// The Ed25519 key is the identity. Beside it stands a P-256 certificate for browsers, which know
/// no Ed25519 certificates: it opens nothing that asks who you are.
pub struct DeviceKey {
    pair: Ed25519KeyPair,
    id: DeviceId,
    public: PublicKey,
    pub(crate) identity: Identity,
    pub(crate) browser: Identity,
}

impl DeviceKey {
    /// A key that lives as long as this value.
    pub fn generate() -> Result<Self, KeyError> {
        let identity = Identity::generate(&rcgen::PKCS_ED25519)?;
        let browser = Identity::generate(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        Self::from_identities(identity, browser, Path::new("(in memory)"))
    }

    /// The key kept in `dir/device.pem`, made once. `dir` is made 0700 and the file 0600; looser
    /// permissions are refused. `dir/browser.pem` keeps the certificate shown to browsers, so that
    /// an exception made there lasts.
    pub fn load_or_create(dir: &Path) -> Result<Self, KeyError> {
        private_file::private_dir(dir)?;
        let path = dir.join("device.pem");
        let identity = Identity::load_or_create(&path, &rcgen::PKCS_ED25519)?;
        let browser = Identity::load_or_create(&dir.join("browser.pem"), &rcgen::PKCS_ECDSA_P256_SHA256)?;
        Self::from_identities(identity, browser, &path)
    }

    fn from_identities(identity: Identity, browser: Identity, path: &Path) -> Result<Self, KeyError> {
        let damaged = |why: &str| KeyError::Damaged { path: path.to_owned(), why: why.to_owned() };
        let pair = Ed25519KeyPair::from_pkcs8(identity.key.secret_pkcs8_der())
            .map_err(|_| damaged("its key is not an Ed25519 key"))?;
        let public = PublicKey::from_slice(pair.public_key().as_ref())
            .ok_or_else(|| damaged("its key is not an Ed25519 key"))?;
        let id = device_id(&public);
        if certificate_device(&identity.certificate) != Some(id) {
            return Err(damaged("its certificate belongs to another key"));
        }
        Ok(Self { pair, id, public, identity, browser })
    }

    /// Who this device is.
    pub fn id(&self) -> DeviceId {
        self.id
    }

    /// The key that others check signatures with.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs bytes that the caller has set apart with a domain tag.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        let mut raw = [0; 64];
        raw.copy_from_slice(self.pair.sign(bytes).as_ref());
        Signature::from_bytes(raw)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({})", self.id)
    }
}

/// DER of the `SubjectPublicKeyInfo` (RFC 8410, 4) in front of the 32 bytes of a key.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The device that a raw public key belongs to: SHA-256 of its `SubjectPublicKeyInfo`.
pub fn device_id(key: &PublicKey) -> DeviceId {
    let spki = [SPKI_PREFIX.as_slice(), key.as_bytes()].concat();
    DeviceId::from_bytes(sha256(&spki))
}

/// The device whose Ed25519 key is in this certificate; `None` for any other kind of key.
pub(crate) fn certificate_device(certificate: &rustls::pki_types::CertificateDer<'_>) -> Option<DeviceId> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let spki = parsed.subject_public_key_info();
    let raw = spki.strip_prefix(SPKI_PREFIX.as_slice())?;
    Some(device_id(&PublicKey::from_slice(raw)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_hash_of_the_key_as_certificates_carry_it() {
        // The key of RFC 8032, 7.1, test 1; the hash reckoned with another SHA-256.
        let key: PublicKey =
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".parse().unwrap();
        assert_eq!(
            device_id(&key).to_string(),
            "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9"
        );
        let made = DeviceKey::generate().unwrap();
        assert_eq!(certificate_device(&made.identity.certificate), Some(made.id()));
        assert_eq!(certificate_device(&made.browser.certificate), None, "P-256 is nobody");
    }
}
