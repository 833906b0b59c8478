//! Time and randomness come in through here, so that tests own them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now_ms(&self) -> Millis;
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now_ms(&self) -> Millis {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
    }
}

/// What the calling thread has had of processors so far.
#[must_use]
pub fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// What all threads of this process have had together.
#[must_use]
pub fn process_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// RFC 3339 with milliseconds in UTC.
#[must_use]
pub fn rfc3339(ms: Millis) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(
            || "1970-01-01T00:00:00.000Z".to_owned(),
            |at| format!("{at:.3}"),
        )
}

/// An id that sorts by time and cannot be guessed: 48 bits of milliseconds, 80 of randomness, in Crockford's
/// base 32 (the ULID layout).
#[must_use]
pub fn new_id(now: Millis) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut random = [0u8; 10];
    // The system's generator cannot fail after boot; a zero id would only repeat, never grant anything.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random);
    let mut wide = u128::from(now & 0xffff_ffff_ffff) << 80;
    for (index, byte) in random.iter().enumerate() {
        wide |= u128::from(*byte) << (8 * (9 - index));
    }
    (0..26)
        .rev()
        .map(|place| char::from(ALPHABET[(wide >> (place * 5)) as usize & 31]))
        .collect()
}
