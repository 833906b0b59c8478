//! A system's rate: each call reserves its place in time. The "generic cell rate algorithm", which is a token bucket that
//! keeps one number: when the next call would be due if all came evenly.

use std::time::Duration;

use tombolo_kernel::limits;

use crate::delivery::Rate;

/// One system's.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    next_us: u64,
}

impl Bucket {
    /// Reserves the next place; milliseconds until it. `now` is time that only goes on, such as that since a start: by a
    /// clock that was set back, calls would wait for as long.
    pub(crate) fn reserve(&mut self, rate: Rate, now: Duration) -> u64 {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (now, burst) = (micros(now), micros(limits::RATE_BURST));
        let place = self.next_us.max(now.saturating_sub(burst));
        self.next_us = place.saturating_add(rate.gap_us());
        place.saturating_sub(now).div_ceil(1_000)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn calls_are_spread_after_a_short_burst() {
        let rate = Rate::parse("10/s").unwrap();
        let mut bucket = Bucket::default();
        let pauses: Vec<u64> = (0..5)
            .map(|_| bucket.reserve(rate, Duration::from_secs(10)))
            .collect();
        assert_eq!(pauses, [0, 0, 100, 200, 300]);
        // Time that passed unused gives no more than the burst.
        let later: Vec<u64> = (0..3)
            .map(|_| bucket.reserve(rate, Duration::from_secs(60)))
            .collect();
        assert_eq!(later, [0, 0, 100]);
    }

    #[test]
    fn no_second_has_more_calls_than_the_rate_and_its_burst() {
        let rate = Rate::parse("1000/s").unwrap();
        let mut bucket = Bucket::default();
        let within = (0..5_000)
            .filter(|_| bucket.reserve(rate, Duration::from_secs(1)) < 1_000)
            .count();
        assert!((1_000..=1_101).contains(&within), "{within}");
    }
}
