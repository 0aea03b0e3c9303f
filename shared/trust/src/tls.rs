//! TLS 1.3 with pinned keys, for both ends of every line.
//!
//! Post-quantum key exchange comes first, sessions are never resumed (each connection proves both
//! keys anew), and nothing below TLS 1.3 is spoken.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use landline_protocol::DeviceId;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, CipherSuite, ClientConfig, ServerConfig, SignatureScheme};

use crate::device::{DeviceKey, certificate_device};
use crate::identity::Identity;
use crate::verify::{AnyDevice, ServerPin};
pub use crate::verify::{ClientAuth, Expect, KeyMismatch};

/// A TLS configuration that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up with this device's key: {0}")]
pub struct TlsError(#[from] rustls::Error);

/// How this device connects to others.
pub fn client_config(key: &DeviceKey, expect: Expect) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let verifier = Arc::new(ServerPin { expect, provider: provider.clone() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(
            vec![key.identity.certificate.clone()],
            PrivateKeyDer::Pkcs8(key.identity.key.clone_key()),
        )?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    // Whom we mean is in the pin; the name would only tell onlookers.
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// How this device accepts others.
pub fn server_config(key: &DeviceKey, auth: ClientAuth) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let certificates = Certificates {
        device: certified(&key.identity, &provider)?,
        browser: match auth {
            ClientAuth::Required => None,
            ClientAuth::Optional => Some(certified(&key.browser, &provider)?),
        },
    };
    let verifier = Arc::new(AnyDevice { auth, provider: provider.clone() });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The device that presented this chain; `None` where no device certificate was presented.
pub fn peer_device(certs: Option<&[CertificateDer<'_>]>) -> Option<DeviceId> {
    certificate_device(certs?.first()?)
}

/// Finds the key mismatch that made a connection fail, however deep it is wrapped.
pub fn key_mismatch(error: &(dyn StdError + 'static)) -> Option<KeyMismatch> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<KeyMismatch>() {
            return Some(*found);
        }
        next = inner(current);
    }
    None
}

/// What an error wraps. Both io and rustls errors hide the interesting one from `source`.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    if let Some(io) = error.downcast_ref::<io::Error>()
        && let Some(wrapped) = io.get_ref()
    {
        return Some(wrapped);
    }
    match error.downcast_ref::<rustls::Error>() {
        Some(
            rustls::Error::Other(other) | rustls::Error::InvalidCertificate(CertificateError::Other(other)),
        ) => Some(other),
        _ => error.source(),
    }
}

const ALPN: &[u8] = b"http/1.1";

fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    // Nobody breaks either of the AES-GCM suites; the one with the shorter key is a fifth faster.
    let faster = CipherSuite::TLS13_AES_128_GCM_SHA256;
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != faster);
    provider.kx_groups = vec![
        aws_lc_rs::kx_group::X25519MLKEM768,
        aws_lc_rs::kx_group::X25519,
        aws_lc_rs::kx_group::SECP256R1,
        aws_lc_rs::kx_group::SECP384R1,
    ];
    Arc::new(provider)
}

fn certified(identity: &Identity, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let key = PrivateKeyDer::Pkcs8(identity.key.clone_key());
    CertifiedKey::from_der(vec![identity.certificate.clone()], key, provider).map(Arc::new)
}

/// Shows the device's certificate to devices and the P-256 one to browsers.
#[derive(Debug)]
struct Certificates {
    device: Arc<CertifiedKey>,
    browser: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.signature_schemes().contains(&SignatureScheme::ED25519) {
            Some(self.device.clone())
        } else {
            self.browser.clone()
        }
    }
}
