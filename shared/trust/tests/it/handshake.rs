//! Real handshakes over loopback: who gets through and who does not.

use std::io;
use std::sync::Arc;

use landline_trust::{
    ClientAuth, DeviceKey, Expect, client_config, key_mismatch, peer_device, server_config,
};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

type Ends = (io::Result<client::TlsStream<TcpStream>>, io::Result<server::TlsStream<TcpStream>>);

/// Connects both ends and lets each say a byte, for a client learns of its refusal only when it
/// reads (TLS 1.3).
async fn shake(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = async {
        let (tcp, _) = listener.accept().await?;
        let mut tls = TlsAcceptor::from(server).accept(tcp).await?;
        tls.write_all(b"s").await?;
        tls.flush().await?;
        tls.read_u8().await?;
        Ok(tls)
    };
    let dialling = async {
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::IpAddress(address.ip().into());
        let mut tls = TlsConnector::from(client).connect(name, tcp).await?;
        tls.read_u8().await?;
        tls.write_all(b"c").await?;
        tls.flush().await?;
        Ok(tls)
    };
    tokio::join!(dialling, serving)
}

fn key() -> DeviceKey {
    DeviceKey::generate().unwrap()
}

#[tokio::test]
async fn two_devices_prove_their_keys_to_each_other() {
    let (alice, bob) = (key(), key());
    let (client, server) = shake(
        client_config(&alice, Expect::Pinned(bob.id())).unwrap(),
        server_config(&bob, ClientAuth::Required).unwrap(),
    )
    .await;
    let (client, server) = (client.unwrap(), server.unwrap());
    let (client, server) = (client.get_ref().1, server.get_ref().1);
    assert_eq!(peer_device(client.peer_certificates()), Some(bob.id()));
    assert_eq!(peer_device(server.peer_certificates()), Some(alice.id()));
    assert_eq!(client.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    assert_eq!(client.alpn_protocol(), Some(b"http/1.1".as_slice()));
    assert_eq!(
        client.negotiated_key_exchange_group().unwrap().name(),
        NamedGroup::X25519MLKEM768,
        "post-quantum"
    );
    let suite = client.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, rustls::CipherSuite::TLS13_AES_128_GCM_SHA256, "the fastest");
}

#[tokio::test]
async fn first_use_takes_any_key_and_tells_it() {
    let (alice, bob) = (key(), key());
    let config = client_config(&alice, Expect::FirstUse).unwrap();
    let server = server_config(&bob, ClientAuth::Optional).unwrap();
    // Twice, for a resumed session would prove nothing.
    for _ in 0..2 {
        let (client, _) = shake(config.clone(), server.clone()).await;
        let client = client.unwrap();
        assert_eq!(peer_device(client.get_ref().1.peer_certificates()), Some(bob.id()));
        assert_eq!(client.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
}

#[tokio::test]
async fn a_changed_server_key_stops_the_client_and_both_keys_are_told() {
    let (alice, bob, mallory) = (key(), key(), key());
    let (client, server) = shake(
        client_config(&alice, Expect::Pinned(bob.id())).unwrap(),
        server_config(&mallory, ClientAuth::Required).unwrap(),
    )
    .await;
    let mismatch = key_mismatch(&client.unwrap_err()).expect("the mismatch is in the error");
    assert_eq!((mismatch.expected, mismatch.seen), (bob.id(), mallory.id()));
    let text = mismatch.to_string();
    assert!(text.contains(&bob.id().fingerprint()) && text.contains(&mallory.id().fingerprint()), "{text}");
    assert!(server.is_err(), "the client said nothing");
    assert!(key_mismatch(&io::Error::other("something else")).is_none());
}

/// A client that shows nothing, or a certificate whose key it does not have.
#[derive(Debug)]
struct Shows(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let pem = |name: &str| {
        DeviceKey::load_or_create(&home.path().join(name)).unwrap();
        std::fs::read(home.path().join(name).join("device.pem")).unwrap()
    };
    let (alice, mallory) = (pem("alice"), pem("mallory"));
    let mixed = CertifiedKey::new(
        vec![CertificateDer::from_pem_slice(&alice).unwrap()],
        aws_lc_rs::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from_pem_slice(&mallory).unwrap()).unwrap(),
    );
    let bob = key();
    let mut config = (*client_config(&key(), Expect::Pinned(bob.id())).unwrap()).clone();
    config.client_auth_cert_resolver = Arc::new(Shows(Some(Arc::new(mixed))));
    for auth in [ClientAuth::Required, ClientAuth::Optional] {
        let server = server_config(&bob, auth).unwrap();
        let (client, server) = shake(Arc::new(config.clone()), server).await;
        assert!(server.unwrap_err().to_string().contains("BadSignature"));
        assert!(client.is_err());
    }
}

#[tokio::test]
async fn who_shows_no_certificate_gets_in_only_where_that_is_allowed() {
    let bob = key();
    let mut config = (*client_config(&key(), Expect::Pinned(bob.id())).unwrap()).clone();
    config.client_auth_cert_resolver = Arc::new(Shows(None));
    let config = Arc::new(config);
    let (_, server) = shake(config.clone(), server_config(&bob, ClientAuth::Required).unwrap()).await;
    assert!(server.is_err());
    let (_, server) = shake(config, server_config(&bob, ClientAuth::Optional).unwrap()).await;
    assert_eq!(peer_device(server.unwrap().get_ref().1.peer_certificates()), None);
}

#[tokio::test]
async fn a_browser_gets_a_certificate_it_understands() {
    let bob = key();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let seen = Arc::new(BrowserEyes(provider.clone()));
    let browser = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(seen)
        .with_no_client_auth();
    let browser = Arc::new(browser);
    let (client, server) = shake(browser.clone(), server_config(&bob, ClientAuth::Optional).unwrap()).await;
    let client = client.unwrap();
    assert_eq!(peer_device(client.get_ref().1.peer_certificates()), None, "it is not the device's");
    assert_eq!(peer_device(server.unwrap().get_ref().1.peer_certificates()), None);
    let (client, _) = shake(browser, server_config(&bob, ClientAuth::Required).unwrap()).await;
    assert!(client.is_err());
}

#[tokio::test]
async fn nothing_older_than_tls_1_3_is_spoken() {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let old = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BrowserEyes(provider)))
        .with_no_client_auth();
    let (client, server) = shake(Arc::new(old), server_config(&key(), ClientAuth::Optional).unwrap()).await;
    let alert = client.unwrap_err().to_string();
    assert!(alert.contains("ProtocolVersion"), "{alert}");
    assert!(server.is_err());
}

/// Takes any certificate, and knows the signatures that browsers know.
#[derive(Debug)]
struct BrowserEyes(Arc<CryptoProvider>);

impl ServerCertVerifier for BrowserEyes {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        panic!("TLS 1.2 was spoken")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256]
    }
}
