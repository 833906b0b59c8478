//! A real host with certificates of its own: what it speaks, and how a certificate is replaced.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Host, HostOptions};

/// Writes a new certificate and its key.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("host.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("host.key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

async fn start(folder: &Path) -> Host {
    let site = "listen: 127.0.0.1:0\ntls: { certificate: host.pem, key: host.key }\n";
    std::fs::write(folder.join("tombolo.yaml"), site).unwrap();
    let options = HostOptions {
        compile_child: (PathBuf::from("/nonexistent/tombolo"), Vec::new()),
        listen: None,
    };
    Host::start(folder, options).await.unwrap()
}

async fn connect(
    at: SocketAddr,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let stream = TcpStream::connect(at).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// One request on a connection that stays open; the head of the answer.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn a_host_with_a_certificate_speaks_tls_1_3_and_http_1_1_only() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = certify(folder.path());
    let host = start(folder.path()).await;
    let at = host.address();
    let table: [(&[&SupportedProtocolVersion], &[&str], bool); 5] = [
        (&[&version::TLS13], &[], true),
        (&[&version::TLS13], &["h2", "http/1.1"], true),
        (&[&version::TLS13, &version::TLS12], &["http/1.1"], true),
        (&[&version::TLS12], &["http/1.1"], false),
        (&[&version::TLS13], &["h2"], false),
    ];
    for (versions, protocols, taken) in table {
        let Ok(mut stream) = connect(at, &trusted, versions, protocols).await else {
            assert!(!taken, "{protocols:?}");
            continue;
        };
        assert!(taken, "{versions:?} {protocols:?}");
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            (!protocols.is_empty()).then_some(&b"http/1.1"[..])
        );
        let answer = ask(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security"), "{answer}");
    }
    let mut plain = TcpStream::connect(at).await.unwrap();
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    plain.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "plain HTTP was answered");
    host.stop().await;
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_a_broken_one_leaves_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path());
    let host = start(folder.path()).await;
    let at = host.address();
    let versions = [&version::TLS13];
    let mut open = connect(at, &first, &versions, &[]).await.unwrap();
    let second = certify(folder.path());
    host.reload().await.unwrap();
    assert!(
        ask(&mut open).await.starts_with("HTTP/1.1 200"),
        "the open one goes on"
    );
    assert!(connect(at, &first, &versions, &[]).await.is_err());
    assert!(connect(at, &second, &versions, &[]).await.is_ok());

    let folder_of = |name: &str| folder.path().join(name);
    std::fs::write(folder_of("host.pem"), "no certificate").unwrap();
    host.reload().await.unwrap();
    assert!(connect(at, &second, &versions, &[]).await.is_ok());
    certify(folder.path());
    let third = std::fs::read(folder_of("host.pem")).unwrap();
    certify(folder.path());
    // A certificate with another one's key.
    std::fs::write(folder_of("host.pem"), third).unwrap();
    host.reload().await.unwrap();
    assert!(connect(at, &second, &versions, &[]).await.is_ok());
    let last = certify(folder.path());
    host.reload().await.unwrap();
    assert!(connect(at, &last, &versions, &[]).await.is_ok());
    host.stop().await;
}

#[tokio::test]
async fn a_host_does_not_start_with_a_certificate_it_cannot_use_or_open_to_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let options = |listen: Option<&str>| HostOptions {
        compile_child: (PathBuf::from("/nonexistent/tombolo"), Vec::new()),
        listen: listen.map(|listen| listen.parse().unwrap()),
    };
    let site = "listen: 127.0.0.1:0\ntls: { certificate: host.pem, key: host.key }\n";
    std::fs::write(path.join("tombolo.yaml"), site).unwrap();
    let refused = Host::start(path, options(None)).await.err().unwrap();
    assert!(refused.to_string().contains("host.pem"), "{refused}");
    std::fs::write(path.join("tombolo.yaml"), "listen: 127.0.0.1:0\n").unwrap();
    let refused = Host::start(path, options(Some("0.0.0.0:0"))).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("insecure: allow"), "{refused}");
}
