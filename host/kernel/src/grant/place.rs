//! Which server a place of an item is, and whether that can only be inside: on this machine or in a private network. A
//! name may lead anywhere, so only addresses count. Pure.

use url::Host;

/// Host and port of a place; of one that has none, all of it. Two paths of one server are one place.
pub(super) fn server(place: &str) -> &str {
    match place.split_once("://") {
        Some((_, rest)) => rest.split(['/', ' ', '?']).next().unwrap_or(rest),
        None => place,
    }
}

/// Whether what is sent to this server stays on this machine.
pub(super) fn is_this_machine(server: &str) -> bool {
    match address(server) {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => server.starts_with("sqlite:"),
    }
}

/// Whether what is sent to this server cannot be on the internet.
pub(super) fn is_inside(server: &str) -> bool {
    let is_private = match address(server) {
        Some(Host::Ipv4(address)) => address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        _ => false,
    };
    is_private || is_this_machine(server)
}

fn address(server: &str) -> Option<Host> {
    let port = server
        .rfind(':')
        .filter(|colon| !server[*colon..].contains(']'));
    Host::parse(&server[..port.unwrap_or(server.len())]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_and_of_private_networks_are_inside() {
        for (place, inside) in [
            ("http://127.0.0.1:8080/x", true),
            ("https://[::1]:8080", true),
            ("https://[fd00::1]", true),
            ("https://10.0.0.1/a as user", true),
            ("mqtt://192.168.1.9:1883 as plant", true),
            ("sqlite:erp.db", true),
            ("https://erp.internal", false),
            ("https://localhost.example", false),
            ("https://10.example.com", false),
            ("https://93.184.215.14", false),
            ("https://[2001:db8::1]:443", false),
            ("", false),
        ] {
            assert_eq!(is_inside(server(place)), inside, "{place}");
        }
    }
}
