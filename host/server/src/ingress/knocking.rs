//! Who knocks with wrong tokens too often waits: counted by address, in bounded room. A token made by command cannot be
//! guessed, so whoever presents one is still looked up: nobody locks an operator out from behind the same address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;
use tombolo_kernel::clock::Millis;
use tombolo_kernel::limits;

/// Failed logins of the last while, by where they came from.
#[derive(Debug, Default)]
pub(crate) struct Knocking(Mutex<HashMap<IpAddr, Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    since_ms: Millis,
    count: u32,
}

impl Knocking {
    /// Seconds until this address may try again, if it must wait.
    pub(crate) fn must_wait(&self, from: IpAddr, now_ms: Millis) -> Option<u64> {
        let failures = *self.0.lock().get(&place(from))?;
        let end = failures.since_ms.saturating_add(window());
        (failures.count >= limits::LOGIN_FAILURES && now_ms < end)
            .then(|| (end - now_ms).div_ceil(1_000))
    }

    /// Takes note of one that failed.
    pub(crate) fn failed(&self, from: IpAddr, now_ms: Millis) {
        let mut all = self.0.lock();
        if all.len() >= limits::LOGIN_PLACES && !all.contains_key(&place(from)) {
            all.retain(|_, failures| now_ms < failures.since_ms.saturating_add(window()));
            if all.len() >= limits::LOGIN_PLACES {
                // From so many places at once it is one attack: they are let go rather than everybody be locked out.
                all.clear();
            }
        }
        let fresh = Failures {
            since_ms: now_ms,
            count: 0,
        };
        let failures = all.entry(place(from)).or_insert(fresh);
        if now_ms >= failures.since_ms.saturating_add(window()) {
            *failures = fresh;
        }
        failures.count = failures.count.saturating_add(1);
    }
}

fn window() -> Millis {
    u64::try_from(limits::LOGIN_WINDOW.as_millis()).unwrap_or(u64::MAX)
}

/// One customer of a network has a whole /64 of addresses.
fn place(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_fails_too_often_waits_for_the_rest_of_the_minute_and_others_do_not() {
        let knocking = Knocking::default();
        for _ in 1..limits::LOGIN_FAILURES {
            knocking.failed(at("192.0.2.1"), 1_000);
            assert_eq!(knocking.must_wait(at("192.0.2.1"), 1_000), None);
        }
        knocking.failed(at("192.0.2.1"), 1_000);
        assert_eq!(knocking.must_wait(at("192.0.2.1"), 1_000), Some(60));
        assert_eq!(knocking.must_wait(at("192.0.2.1"), 60_500), Some(1));
        assert_eq!(knocking.must_wait(at("192.0.2.1"), 61_000), None);
        assert_eq!(knocking.must_wait(at("192.0.2.2"), 1_000), None);
        knocking.failed(at("192.0.2.1"), 61_000);
        assert_eq!(knocking.must_wait(at("192.0.2.1"), 61_000), None);
    }

    #[test]
    fn another_address_of_the_same_network_of_six_is_the_same_place() {
        let knocking = Knocking::default();
        for n in 0..limits::LOGIN_FAILURES {
            knocking.failed(at(&format!("2001:db8::{n:x}")), 0);
        }
        assert!(knocking.must_wait(at("2001:db8::ffff:1"), 0).is_some());
        assert!(knocking.must_wait(at("2001:db8:0:1::1"), 0).is_none());
    }

    #[test]
    fn a_million_places_take_bounded_room() {
        let knocking = Knocking::default();
        for n in 0..1_000_000_u32 {
            knocking.failed(IpAddr::V4(n.into()), u64::from(n / 1_000));
        }
        assert!(knocking.0.lock().len() <= limits::LOGIN_PLACES);
    }
}
