//! How the host may be reached: what `tombolo.yaml` must not say.

use super::files::{settings, told};

#[test]
fn what_would_open_the_host_by_mistake_is_refused() {
    let table = [
        (
            "listen: 0.0.0.0:80",
            "tombolo.yaml:1:9: listen: 0.0.0.0:80 can be reached from other machines, and tokens would go there unencrypted",
        ),
        ("tls: { certificate: a.pem }", "tls needs `key`, found none"),
        (
            "trusted-proxies: [proxy]",
            "trusted-proxies: found \"proxy\", expected addresses such as 10.0.0.5 or 10.0.0.0/8",
        ),
        (
            "trusted-proxies: [0.0.0.0/0]",
            "found every address there is",
        ),
        ("insecure: 'yes'", "expected `allow`, or no such key"),
        (
            "hosts: [\"a:80\"]",
            "hosts: found \"a:80\", expected a name such as tombolo.internal, without a port",
        ),
    ];
    for (text, expected) in table {
        let told = told(&settings(text).1);
        assert!(
            told.contains(expected),
            "{text}\n  told: {told}\n  not:  {expected}"
        );
    }
}

#[test]
fn a_network_is_served_with_tls_or_behind_a_proxy_or_where_the_site_says_so() {
    for covered in [
        "tls: { certificate: a.pem, key: b.pem }",
        "trusted-proxies: [10.0.0.5]",
        "insecure: allow",
    ] {
        let (_, problems) = settings(&format!("listen: '[::]:443'\n{covered}\n"));
        assert!(problems.is_empty(), "{covered}: {}", told(&problems));
    }
}
