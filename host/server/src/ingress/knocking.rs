//! Who comes without a token of this host, by address, in bounded room: asking too often, or knocking with wrong tokens
//! too often, they wait. A token made by command cannot be guessed, so whoever presents one is still looked up: nobody
//! locks an operator out from behind the same address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;
use tombolo_flow::delivery::Rate;
use tombolo_kernel::clock::Millis;
use tombolo_kernel::limits;

use crate::access::Bucket;

/// What came of the last while, by where it came from.
#[derive(Debug, Default)]
pub(crate) struct Knocking(Mutex<HashMap<IpAddr, Stranger>>);

#[derive(Debug, Default)]
struct Stranger {
    asking: Bucket,
    /// When the first of the failed logins was that are counted.
    since_ms: Millis,
    failures: u32,
}

// === impl Knocking ===

impl Knocking {
    /// Seconds until this address may try again, if it must wait.
    pub(crate) fn must_wait(&self, from: IpAddr, now_ms: Millis) -> Option<u64> {
        let all = self.0.lock();
        let stranger = all.get(&place(from))?;
        let end = stranger.window_ends();
        (stranger.failures >= limits::LOGIN_FAILURES && now_ms < end)
            .then(|| (end - now_ms).div_ceil(1_000))
    }

    /// A request without a token of this host comes from there.
    ///
    /// # Errors
    /// Too many do: milliseconds until the next may.
    pub(crate) fn comes(&self, from: IpAddr, rate: Rate, now_ms: Millis) -> Result<(), Millis> {
        self.with(from, now_ms, |stranger| stranger.asking.take(rate, now_ms))
    }

    /// Takes note of a login that failed.
    pub(crate) fn failed(&self, from: IpAddr, now_ms: Millis) {
        self.with(from, now_ms, |stranger| {
            if now_ms >= stranger.window_ends() {
                stranger.failures = 0;
            }
            if stranger.failures == 0 {
                stranger.since_ms = now_ms;
            }
            stranger.failures = stranger.failures.saturating_add(1);
        });
    }

    fn with<T>(&self, from: IpAddr, now_ms: Millis, does: impl FnOnce(&mut Stranger) -> T) -> T {
        let mut all = self.0.lock();
        if all.len() >= limits::LOGIN_PLACES && !all.contains_key(&place(from)) {
            all.retain(|_, stranger| !stranger.is_over(now_ms));
            if all.len() >= limits::LOGIN_PLACES {
                // From so many places at once it is one attack: they are let go rather than everybody be locked out.
                all.clear();
            }
        }
        does(all.entry(place(from)).or_default())
    }
}

// === impl Stranger ===

impl Stranger {
    fn window_ends(&self) -> Millis {
        self.since_ms.saturating_add(window())
    }

    /// Whether it is as good as one that never came.
    fn is_over(&self, now_ms: Millis) -> bool {
        now_ms >= self.window_ends() && self.asking.is_full(now_ms)
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
        let rate = Rate::parse("10/s").unwrap();
        for n in 0..1_000_000_u32 {
            let _ = knocking.comes(IpAddr::V4(n.into()), rate, u64::from(n / 1_000));
        }
        assert!(knocking.0.lock().len() <= limits::LOGIN_PLACES);
    }

    #[test]
    fn who_asks_too_often_without_a_token_waits_and_others_do_not() {
        let (knocking, rate) = (Knocking::default(), Rate::parse("10/s").unwrap());
        let come = |from: &str, now_ms| knocking.comes(at(from), rate, now_ms);
        let taken = (0..100).filter(|_| come("192.0.2.1", 70_000).is_ok());
        assert_eq!(taken.count(), 20);
        assert_eq!(come("192.0.2.1", 70_000), Err(100));
        assert_eq!(come("192.0.2.2", 70_000), Ok(()));
        assert_eq!(come("192.0.2.1", 70_100), Ok(()));
        assert_eq!(knocking.must_wait(at("192.0.2.1"), 70_100), None);
    }

    #[test]
    fn room_is_made_by_those_who_came_long_ago() {
        let (knocking, rate) = (Knocking::default(), Rate::parse("1/m").unwrap());
        for n in 2..u32::try_from(limits::LOGIN_PLACES).unwrap() {
            knocking.failed(IpAddr::V4(n.into()), 0);
        }
        for _ in 0..limits::LOGIN_FAILURES {
            knocking.failed(at("192.0.2.1"), 100_000);
            let _ = knocking.comes(at("192.0.2.2"), rate, 100_000);
        }
        knocking.failed(at("192.0.2.3"), 100_000);
        assert_eq!(knocking.0.lock().len(), 3);
        assert!(knocking.must_wait(at("192.0.2.1"), 100_000).is_some());
        assert!(knocking.comes(at("192.0.2.2"), rate, 100_000).is_err());
    }
}
