//! What rustls asks about the other side's certificate: only the key in it counts.
//!
//! Names, dates and issuers of a self-signed certificate prove nothing, so they are not looked at.
//! That the other side holds the key is proven by its signature over the handshake, and that check
//! stays with the cryptographic provider.

use std::sync::Arc;

use landline_protocol::DeviceId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use crate::device::certificate_device;

/// Which key the other side must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// This one; any other is a hard stop.
    Pinned(DeviceId),
    /// Whatever it has: first contact. The caller records it and shows it as unverified.
    FirstUse,
}

/// Whether a client must present its device certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Without one there is no connection.
    Required,
    /// Asked for, but browsers may come without; they get a P-256 certificate.
    Optional,
}

/// The other side has another key than the one pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key of the other side has changed: expected {}, seen {}",
    expected.fingerprint(), seen.fingerprint()
)]
pub struct KeyMismatch {
    /// The pinned key.
    pub expected: DeviceId,
    /// The key that was presented.
    pub seen: DeviceId,
}

/// The client's judgement of a server.
#[derive(Debug)]
pub(crate) struct ServerPin {
    pub(crate) expect: Expect,
    pub(crate) provider: Arc<CryptoProvider>,
}

/// The server's judgement of a client: any device may knock; who it is, the handler asks.
#[derive(Debug)]
pub(crate) struct AnyDevice {
    pub(crate) auth: ClientAuth,
    pub(crate) provider: Arc<CryptoProvider>,
}

fn device_of(certificate: &CertificateDer<'_>) -> Result<DeviceId, Error> {
    certificate_device(certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

impl ServerCertVerifier for ServerPin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = device_of(end_entity)?;
        match self.expect {
            Expect::Pinned(expected) if expected != seen => {
                let mismatch = OtherError(Arc::new(KeyMismatch { expected, seen }));
                Err(Error::InvalidCertificate(CertificateError::Other(mismatch)))
            }
            Expect::Pinned(_) | Expect::FirstUse => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for AnyDevice {
    fn client_auth_mandatory(&self) -> bool {
        matches!(self.auth, ClientAuth::Required)
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        device_of(end_entity).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
