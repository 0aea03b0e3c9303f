//! What somebody without a device's certificate gets: the front page, the health, nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use landline_protocol::account;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, Stream};

use crate::support::*;

/// Clicks through the warning, as people do; like browsers it knows no Ed25519.
#[derive(Debug)]
struct ClickThrough(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for ClickThrough {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256]
    }
}

/// The whole answer to one request.
fn browse(address: SocketAddr, method: &str, path: &str) -> String {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(ClickThrough(provider.signature_verification_algorithms));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(address.ip().to_string()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut tcp = TcpStream::connect(address).unwrap();
    let mut stream = Stream::new(&mut connection, &mut tcp);
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // Ends with or without a close_notify.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_the_front_page_and_no_more() {
    let server = Server::open().await;
    let address = server.coordinator.address();
    let get = |method: &'static str, path: &'static str| async move {
        tokio::task::spawn_blocking(move || browse(address, method, path)).await.unwrap()
    };
    let page = get("GET", "/").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Landline coordinator"), "{page}");
    let head = page.to_lowercase();
    for strict in ["content-security-policy: default-src 'none'", "nosniff", "x-frame-options: deny"] {
        assert!(head.contains(strict), "{page}");
    }
    assert!(get("GET", account::HEALTH).await.contains("\"status\":\"ok\""));
    for path in [account::KEYS, account::SESSION] {
        let refused = get("GET", path).await;
        assert!(refused.starts_with("HTTP/1.1 401"), "{path}: {refused}");
    }
    for path in [account::SIGN_UP, account::SIGN_IN, account::REFRESH, account::SIGN_OUT, account::INVITES] {
        let refused = get("POST", path).await;
        assert!(refused.starts_with("HTTP/1.1 401"), "{path}: {refused}");
    }
    assert!(get("GET", "/../etc/passwd").await.starts_with("HTTP/1.1 404"));
}
