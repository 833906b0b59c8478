//! Which addresses a connection may reach. Pure: an address in, a verdict out.
//!
//! Public connections reach the public Internet alone; connections that the operator marked `network: private`
//! also reach loopback and private networks. Some addresses no business system lives at (link-local, where clouds
//! keep their metadata services, multicast, reserved blocks): those are refused always. Addresses that carry an
//! IPv4 address inside (mapped, NAT64, 6to4) are judged by the one inside.
//! Source of the blocks: the IANA special-purpose address registries (RFC 6890 and its updates).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRefused {
    /// `a loopback`.
    kind: &'static str,
    /// The operator may allow it.
    on_request: bool,
}

impl fmt::Display for AddressRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it leads to {} address, ", self.kind)?;
        if self.on_request {
            f.write_str("which only a connection with `network: private` may reach; the operator adds that if it is meant")
        } else {
            f.write_str("which no connection may reach; the operator binds it to another")
        }
    }
}

impl std::error::Error for AddressRefused {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Public,
    OnRequest(&'static str),
    Never(&'static str),
}

/// Whether this address may be connected to.
///
/// # Errors
/// Why not.
pub fn check(address: IpAddr, private_network: bool) -> Result<(), AddressRefused> {
    match class(address) {
        Class::Public => Ok(()),
        Class::OnRequest(_) if private_network => Ok(()),
        Class::OnRequest(kind) => Err(AddressRefused {
            kind,
            on_request: true,
        }),
        Class::Never(kind) => Err(AddressRefused {
            kind,
            on_request: false,
        }),
    }
}

/// The same for an address that stands in a URL itself, where no name is resolved. `url` has turned decimal, octal
/// and hexadecimal spellings into the address they mean.
pub(super) fn check_literal(url: &Url, private_network: bool) -> Result<(), AddressRefused> {
    match url.host() {
        Some(Host::Ipv4(address)) => check(address.into(), private_network),
        Some(Host::Ipv6(address)) => check(address.into(), private_network),
        Some(Host::Domain(_)) | None => Ok(()),
    }
}

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [0, ..] => Class::Never("an unspecified"),
        [127, ..] => Class::OnRequest("a loopback"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::OnRequest("a private"),
        [100, 64..=127, ..] => Class::OnRequest("a carrier's shared"),
        [198, 18..=19, ..] => Class::OnRequest("a benchmarking"),
        [169, 254, ..] => Class::Never("a link-local"),
        [192, 0, 0, _] | [192, 88, 99, _] => Class::Never("a reserved"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Never("a documentation"),
        [224..=239, ..] => Class::Never("a multicast"),
        [240..=255, ..] => Class::Never("a reserved"),
        _ => Class::Public,
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        class_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Never("an unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::OnRequest("a loopback"),
        [0, 0, 0, 0, 0, 0xffff, high, low] => inner(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        [0xfc00..=0xfdff, ..] => Class::OnRequest("a unique local"),
        [0xfe80..=0xfebf, ..] => Class::Never("a link-local"),
        [0xff00..=0xffff, ..] => Class::Never("a multicast"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Never("a documentation"),
        [0x2001, 0..=0x01ff, ..] => Class::Never("a reserved"),
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Never("a reserved"),
    }
}
