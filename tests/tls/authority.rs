//! An authority of the test's own, what it certifies, and a client that trusts it alone.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tombolo_tests::host::PATIENCE;
use tombolo_tests::site::TestSite;

/// Who certifies hosts.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
pub(crate) struct Certified {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// Certifies a host of this name.
    pub(crate) fn certify(&self, name: &str) -> Certified {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Its certificate, for `--ca`.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> String {
        let file = folder.join(name);
        std::fs::write(&file, self.certificate.pem()).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Connects to a host that it certified as `localhost`, and asks.
    pub(crate) fn connect(&self, at: SocketAddr) -> std::io::Result<Connection> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(at)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut connection = Connection(StreamOwned::new(client, stream));
        connection.ask().map(|_| connection)
    }
}

/// An open connection to a host.
pub(crate) struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Connection {
    /// One request on the connection, which stays open.
    pub(crate) fn ask(&mut self) -> std::io::Result<String> {
        self.0
            .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"{\"status\":\"ok\"}") {
            let mut part = [0; 1024];
            match self.0.read(&mut part)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                read => answer.extend(&part[..read]),
            }
        }
        Ok(String::from_utf8(answer).unwrap())
    }

    /// What the host showed.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().unwrap()[0].clone()
    }
}

/// Who answers with a certificate and writes down what comes then; returns its address, and what came of the first
/// connection.
pub(crate) fn impostor(
    certified: &Certified,
) -> (
    SocketAddr,
    std::thread::JoinHandle<std::io::Result<Vec<u8>>>,
) {
    use rustls::pki_types::pem::PemObject as _;
    let chain = vec![CertificateDer::from_pem_slice(certified.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certified.key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(server, stream);
        let mut heard = vec![0; 4096];
        let read = stream.read(&mut heard)?;
        heard.truncate(read);
        Ok(heard)
    });
    (address, thread)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A site that is served with a certificate, which lies in `live/`: the site's own files are links to it, as where a
/// tool that renews certificates keeps them.
pub(crate) fn site(certified: &Certified) -> TestSite {
    let site = TestSite::new();
    let file = site.path().join("tombolo.yaml");
    let yaml = std::fs::read_to_string(file).unwrap();
    let tls = "tls: { certificate: tls/host.pem, key: tls/host.key }\n";
    site.write("tombolo.yaml", &(yaml + tls));
    install(&site, certified);
    std::fs::create_dir(site.path().join("tls")).unwrap();
    for name in ["host.pem", "host.key"] {
        let link = site.path().join("tls").join(name);
        std::os::unix::fs::symlink(live(&site).join(name), link).unwrap();
    }
    site
}

/// Puts a certificate where the links lead.
pub(crate) fn install(site: &TestSite, certified: &Certified) {
    std::fs::create_dir_all(live(site)).unwrap();
    std::fs::write(live(site).join("host.pem"), &certified.certificate).unwrap();
    std::fs::write(live(site).join("host.key"), &certified.key).unwrap();
}

fn live(site: &TestSite) -> PathBuf {
    site.path().join("live")
}
