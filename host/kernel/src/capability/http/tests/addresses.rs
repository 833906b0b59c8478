//! Where a connection may lead.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{Server, answer};
use super::*;

fn verdict(base: &str, private: bool) -> Result<(), String> {
    let bindings = BTreeMap::from([(
        "api".to_owned(),
        Binding::Http(binding(base, Credential::None, private)),
    )]);
    Http::prepare(Some(&HttpClients::new().unwrap()), &bindings)
        .map(|_| ())
        .map_err(|error| error.0)
}

#[test]
fn an_address_in_the_binding_is_judged_in_every_spelling() {
    // address, public connection, private connection
    for (host, public, private) in [
        ("93.184.216.34", true, true),
        ("[2606:2800:220:1::1]", true, true),
        ("example.com", true, true),
        ("127.0.0.1", false, true),
        ("2130706433", false, true),
        ("0x7f000001", false, true),
        ("0177.0.0.1", false, true),
        ("127.1", false, true),
        ("10.1.2.3", false, true),
        ("172.31.0.1", false, true),
        ("192.168.0.1", false, true),
        ("100.64.0.1", false, true),
        ("198.18.0.1", false, true),
        ("[::1]", false, true),
        ("[fd00::1]", false, true),
        ("[::ffff:127.0.0.1]", false, true),
        ("[::ffff:a00:1]", false, true),
        ("[64:ff9b::7f00:1]", false, true),
        ("[2002:7f00:1::]", false, true),
        ("[64:ff9b::5db8:d822]", true, true),
        ("169.254.169.254", false, false),
        ("[::ffff:169.254.169.254]", false, false),
        ("[64:ff9b::a9fe:a9fe]", false, false),
        ("[fe80::1]", false, false),
        ("0.0.0.0", false, false),
        ("[::]", false, false),
        ("224.0.0.1", false, false),
        ("[ff02::1]", false, false),
        ("255.255.255.255", false, false),
        ("240.0.0.1", false, false),
        ("192.0.2.1", false, false),
        ("[2001:db8::1]", false, false),
        ("[::7f00:1]", false, false),
        ("[2001::1]", false, false),
        ("[64:ff9b:1::1]", false, false),
        ("[fec0::1]", false, false),
    ] {
        let base = format!("http://{host}:8080/x");
        assert_eq!(
            verdict(&base, false).is_ok(),
            public,
            "{host} on a public connection"
        );
        assert_eq!(
            verdict(&base, true).is_ok(),
            private,
            "{host} on a private connection"
        );
    }
    let told = verdict("http://2130706433/", false).unwrap_err();
    assert_eq!(
        told,
        "connection `api`: it leads to a loopback address, which only a connection with `network: private` may reach; the operator adds that if it is meant"
    );
}

#[test]
fn a_base_that_is_more_than_an_address_is_refused() {
    for base in [
        "ftp://example.com/",
        "http://user@example.com/",
        "http://u:p@example.com/",
        "http://example.com/?a=b",
        "http://example.com/#x",
    ] {
        assert!(verdict(base, false).is_err(), "{base}");
    }
}

/// Names resolve to what the test says; how often they were asked for is counted.
fn clients(answers: Vec<Vec<SocketAddr>>) -> (HttpClients, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let lookup: client::Lookup = Arc::new(move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        let found = answers[turn.min(answers.len() - 1)].clone();
        Box::pin(async move { Ok(found) })
    });
    (HttpClients::with_lookup(lookup).unwrap(), asked)
}

fn named(clients: &HttpClients, port: u16, private: bool) -> Http {
    let base = format!("http://erp.internal.test:{port}/");
    let bindings = BTreeMap::from([(
        "api".to_owned(),
        Binding::Http(binding(&base, Credential::None, private)),
    )]);
    Http::prepare(Some(clients), &bindings).unwrap()
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused_and_nothing_is_sent() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let public: SocketAddr = "93.184.216.34:0".parse().unwrap();
    for answers in [
        vec![loopback],
        vec![public, loopback],
        vec!["169.254.169.254:0".parse().unwrap()],
    ] {
        let (clients, _) = clients(vec![answers]);
        let (result, record) = named(&clients, server.port, false)
            .send(&grant(&["GET /a"]), "api", get("/a"), PLENTY, &|_| ())
            .await;
        let Err(HttpError::Unreachable(why)) = result else {
            panic!("{result:?}")
        };
        assert!(why.contains("connection `api`: it leads to a l"), "{why}");
        assert!(record.denied && record.sent == 0, "{record:?}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_zone_id_makes_no_address_another() {
    // In an address of its own it is none that HTTP has (RFC 9110, section 4.2).
    assert!("http://[fe80::1%25lo]:80/x".parse::<url::Url>().is_err());
    for address in [
        "fe80::1",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
    ] {
        let zoned = std::net::SocketAddrV6::new(address.parse().unwrap(), 0, 0, 1);
        let (clients, _) = clients(vec![vec![zoned.into()]]);
        let (result, record) = named(&clients, 9, false)
            .send(&grant(&["GET /a"]), "api", get("/a"), PLENTY, &|_| ())
            .await;
        assert!(record.denied && record.sent == 0, "{address}: {result:?}");
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_between_check_and_connection_gains_nothing() {
    let server = Server::answering(|_| answer(200, &["connection: close"], "")).await;
    let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let metadata: SocketAddr = "169.254.169.254:0".parse().unwrap();
    let (clients, asked) = clients(vec![vec![loopback], vec![metadata]]);
    let http = named(&clients, server.port, true);
    let grant = grant(&["GET /a"]);
    // The address that was checked is the one that is connected to: the name is asked for once per connection.
    assert_eq!(
        http.send(&grant, "api", get("/a"), PLENTY, &|_| ())
            .await
            .0
            .unwrap()
            .status,
        200
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let (second, record) = http.send(&grant, "api", get("/a"), PLENTY, &|_| ()).await;
    assert!(
        matches!(second, Err(HttpError::Unreachable(_))) && record.denied,
        "{second:?}"
    );
    assert_eq!(server.requests().len(), 1);
}
