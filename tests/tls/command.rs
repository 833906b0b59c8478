//! The command line over TLS: whom it trusts, and that it tells nothing to anybody else.

use std::net::SocketAddr;

use tombolo_tests::built::run;
use tombolo_tests::host::TestHost;
use tombolo_tests::site::{TOKEN, TOKEN_VARIABLE};

use crate::authority::{Authority, impostor, site};

/// `tombolo system status` at an address, with more arguments; exit code, output, errors.
fn status(at: &str, more: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    // A folder without a site: only the command line says where to.
    let arguments = ["system", "status", "--json", "--site", "/nonexistent"];
    let arguments = [&arguments[..], &["--address", at], more].concat();
    let environment = [&[(TOKEN_VARIABLE, TOKEN)], environment].concat();
    run(&arguments, &environment)
}

fn named(at: SocketAddr) -> String {
    format!("https://localhost:{}", at.port())
}

#[test]
fn the_command_line_speaks_to_a_host_whose_certificate_it_was_told_to_trust() {
    let authority = Authority::new("ours");
    let site = site(&authority.certify("localhost"));
    let ca = authority.write(site.path(), "ca.pem");
    let host = TestHost::start(&site, &[]);
    let at = named(host.address);
    let (code, out, err) = status(&at, &["--ca", &ca], &[]);
    assert_eq!((code, out.trim()), (0, "[]"), "{err}");
    let (code, out, err) = status(&at, &[], &[("TOMBOLO_CA", &ca)]);
    assert_eq!((code, out.trim()), (0, "[]"), "{err}");
    // Also a self-signed one's own certificate is one to trust, and what the site's own file says is the address.
    let yaml = std::fs::read_to_string(site.path().join("tombolo.yaml")).unwrap();
    let public = format!("public-url: {at}\n");
    site.write("tombolo.yaml", &(yaml + &public));
    let (code, out, err) = site.tombolo(&["system", "status", "--json", "--ca", &ca]);
    assert_eq!((code, out.trim()), (0, "[]"), "{err}");
    // Plain HTTP is answered by nobody, and the reason is near.
    let plain = format!("http://{}", host.address);
    let (code, _, err) = status(&plain, &[], &[]);
    assert_eq!(code, 1);
    assert!(err.contains("name it by https://"), "{err}");
}

#[test]
fn a_host_that_is_not_trusted_is_told_nothing() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let folder = tempfile::tempdir().unwrap();
    let ca = ours.write(folder.path(), "ca.pem");
    let table: [(&Authority, &str, &[&str], &str); 3] = [
        (&theirs, "localhost", &["--ca", &ca], "UnknownIssuer"),
        (&ours, "other.example", &["--ca", &ca], "localhost"),
        // The machine trusts nobody whom a test made up.
        (&ours, "localhost", &[], ""),
    ];
    for (authority, name, more, why) in table {
        let (at, heard) = impostor(&authority.certify(name));
        let (code, out, err) = status(&named(at), more, &[]);
        assert_eq!((code, &*out), (1, ""), "{err}");
        assert!(err.contains("is not trusted"), "{err}");
        assert!(err.contains("--ca FILE") && err.contains(why), "{err}");
        assert!(!err.contains(TOKEN), "{err}");
        // Not a byte after the handshake, which the command broke off.
        let heard = heard.join().unwrap();
        assert!(heard.is_err(), "{heard:?}");
    }
}

#[test]
fn an_impostor_hears_what_a_command_that_trusts_it_says() {
    // So that the test above would have heard it.
    let authority = Authority::new("ours");
    let folder = tempfile::tempdir().unwrap();
    let ca = authority.write(folder.path(), "ca.pem");
    let (at, heard) = impostor(&authority.certify("localhost"));
    let (code, _, _) = status(&named(at), &["--ca", &ca], &[]);
    assert_eq!(code, 1, "it answers nothing");
    let heard = heard.join().unwrap().unwrap();
    assert!(String::from_utf8_lossy(&heard).contains(TOKEN));
}

#[test]
fn a_file_that_is_no_certificate_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let broken = folder.path().join("broken.pem");
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&broken, text).unwrap();
    for (file, told) in [
        (empty.to_str().unwrap(), "found no certificate in"),
        ("/nonexistent/ca.pem", "cannot read"),
        (broken.to_str().unwrap(), ""),
    ] {
        let (code, _, err) = status("https://localhost:1", &["--ca", file], &[]);
        assert_eq!(code, 1);
        assert!(err.contains(told) && !err.contains("panicked"), "{err}");
    }
}

#[test]
fn who_speaks_no_tls_is_told_apart_from_who_is_not_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = [0; 512];
        let read = stream.read(&mut heard).unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        heard[..read].to_vec()
    });
    let (code, _, err) = status(&named(at), &[], &[]);
    assert_eq!(code, 1);
    assert!(err.contains("does not speak TLS"), "{err}");
    let heard = thread.join().unwrap();
    assert!(!String::from_utf8_lossy(&heard).contains(TOKEN));
    let (_, _, err) = status(&named(at), &[], &[]);
    assert!(err.contains("nothing answers"), "{err}");
}
