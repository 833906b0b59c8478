//! A certificate that is replaced while the host serves. The site's files are links, and nothing tells the host that
//! what they lead to changed, until SIGHUP does.

use tombolo_tests::host::TestHost;

use crate::authority::{Authority, Certified, install, site};

#[test]
fn sighup_serves_a_new_certificate_to_new_connections_and_open_ones_go_on() {
    let (authority, other) = (Authority::new("first"), Authority::new("second"));
    let site = site(&authority.certify("localhost"));
    let host = TestHost::start(&site, &[]);
    let mut open = authority.connect(host.address).unwrap();
    let before = open.certificate();

    install(&site, &authority.certify("localhost"));
    host.hang_up();
    let mut newer = host.wait_for("the new certificate is served", |host| {
        let connection = authority.connect(host.address).unwrap();
        (connection.certificate() != before).then_some(connection)
    });
    // By another authority, too: who trusts the first alone does not come in any more.
    install(&site, &other.certify("localhost"));
    host.hang_up();
    host.wait_for("the other authority's is served", |host| {
        other.connect(host.address).ok()
    });
    assert!(authority.connect(host.address).is_err());
    for connection in [&mut open, &mut newer] {
        let answer = connection.ask().expect("the open connection goes on");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security"), "{answer}");
    }
    assert_eq!(open.certificate(), before);
    assert_eq!(host.stop(), 0);
}

#[test]
fn a_certificate_that_cannot_be_used_leaves_the_one_before_and_the_log_says_so() {
    let authority = Authority::new("first");
    let site = site(&authority.certify("localhost"));
    let host = TestHost::start(&site, &[]);
    let before = authority.connect(host.address).unwrap().certificate();
    let good = authority.certify("localhost");
    let other = authority.certify("localhost");
    let broken = [
        ("no certificate", &*good.key),
        (&*good.certificate, "no key"),
        ("", ""),
        // Each is good, and they are not of each other.
        (&*good.certificate, &*other.key),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &*good.key,
        ),
    ];
    let said = "the new certificate cannot be used; the one before stays";
    for (certificate, key) in broken {
        let count = |words: &str| host.log().matches(words).count();
        let (told, reloaded) = (count(said), count("the site is reloaded"));
        install(
            &site,
            &Certified {
                certificate: certificate.into(),
                key: key.into(),
            },
        );
        host.hang_up();
        host.wait_for("it was looked at", |_| {
            (count("the site is reloaded") > reloaded).then_some(())
        });
        assert!(count(said) > told, "{certificate} {key}");
        let served = authority.connect(host.address).unwrap().certificate();
        assert_eq!(served, before, "{certificate}");
    }
    let log = host.log();
    assert!(log.contains("host.pem"), "{log}");
    for secret in [&good.key, &other.key] {
        let line = secret.lines().nth(1).unwrap();
        assert!(!log.contains(line), "the key is in the log");
    }
    // And the next good one is taken.
    install(&site, &good);
    host.hang_up();
    host.wait_for("the good one is served", |host| {
        let served = authority.connect(host.address).unwrap().certificate();
        (served != before).then_some(())
    });
}

#[test]
fn a_new_certificate_is_taken_though_the_rest_of_the_site_does_not_check() {
    let authority = Authority::new("first");
    let site = site(&authority.certify("localhost"));
    let host = TestHost::start(&site, &[]);
    let before = authority.connect(host.address).unwrap().certificate();
    site.write("flows/broken.yaml", "on: [");
    install(&site, &authority.certify("localhost"));
    host.hang_up();
    host.wait_for("the new certificate is served", |host| {
        let served = authority.connect(host.address).unwrap().certificate();
        (served != before).then_some(())
    });
    host.wait_for("the site is told to be broken", |host| {
        host.log().contains("the site does not check").then_some(())
    });
}
