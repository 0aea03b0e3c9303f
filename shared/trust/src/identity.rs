//! A private key with its self-signed certificate, and the PEM file that keeps both.

use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SignatureAlgorithm};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::private_file::{self, PrivateFileError};

/// A key pair and the certificate it signed for itself.
pub(crate) struct Identity {
    /// PKCS#8 (RFC 5958).
    pub(crate) key: PrivatePkcs8KeyDer<'static>,
    pub(crate) certificate: CertificateDer<'static>,
}

/// A key that cannot be made, read or trusted to be private.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file or its directory.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The file holds something else than a key and its certificate.
    #[error(
        "the key file {} is damaged: {why}. Restore it from a backup; without it this device is a \
         new one and has to be let in again.", path.display()
    )]
    Damaged {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The cryptographic library refused to make a key or certificate.
    #[error("no key could be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl Identity {
    pub(crate) fn generate(algorithm: &'static SignatureAlgorithm) -> Result<Self, KeyError> {
        let pair = KeyPair::generate_for(algorithm)?;
        let mut params = CertificateParams::new(["landline.local".to_owned()])?;
        // Pins compare the key alone; the name is for whoever looks at the certificate.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Landline");
        let certificate = params.self_signed(&pair)?.der().clone();
        Ok(Self { key: PrivatePkcs8KeyDer::from(pair.serialize_der()), certificate })
    }

    /// Reads the file, or makes it the first time. Of two processes that come at once, one makes it.
    pub(crate) fn load_or_create(
        path: &Path,
        algorithm: &'static SignatureAlgorithm,
    ) -> Result<Self, KeyError> {
        if let Some(bytes) = private_file::read_private(path)? {
            return Self::from_pem(path, &bytes);
        }
        let fresh = Self::generate(algorithm)?;
        if private_file::create_private(path, fresh.to_pem().as_bytes())? {
            return Ok(fresh);
        }
        let bytes = private_file::read_private(path)?.unwrap_or_default();
        Self::from_pem(path, &bytes)
    }

    fn to_pem(&self) -> String {
        let key = pem_block("PRIVATE KEY", self.key.secret_pkcs8_der());
        key + &pem_block("CERTIFICATE", &self.certificate)
    }

    fn from_pem(path: &Path, bytes: &[u8]) -> Result<Self, KeyError> {
        let damaged = |what: &str| KeyError::Damaged { path: path.to_owned(), why: what.to_owned() };
        Ok(Self {
            key: PrivatePkcs8KeyDer::from_pem_slice(bytes).map_err(|_| damaged("it holds no private key"))?,
            certificate: CertificateDer::from_pem_slice(bytes)
                .map_err(|_| damaged("it holds no certificate"))?,
        })
    }
}

/// Textual encoding (RFC 7468).
fn pem_block(label: &str, der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}
