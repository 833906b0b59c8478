//! How long to wait before the next attempt.

use tombolo_kernel::limits;

use crate::delivery::Retry;

/// Milliseconds to wait after `attempts` failed ones: drawn from all of a time that doubles up to the most ("full
/// jitter"), so that runs that failed together do not come back together; or as the system said, never earlier. Drawn
/// from `seed` (run and step), so that it is the same whenever it is asked and tests own it.
#[must_use]
pub fn pause_ms(retry: Retry, attempts: u32, told_ms: Option<u64>, seed: (&str, &str)) -> u64 {
    let doubled = retry.backoff_ms.saturating_mul(
        1u64.checked_shl(attempts.saturating_sub(1))
            .unwrap_or(u64::MAX),
    );
    let pause = doubled.min(retry.most_ms).max(1);
    let drawn = 1 + draw(seed, attempts) % pause;
    match told_ms {
        Some(told) => {
            let most = u64::try_from(limits::RETRY_AFTER_MOST.as_millis()).unwrap_or(u64::MAX);
            // Spread behind the time that was told, by a tenth of it at most.
            let told = told.min(most);
            told.saturating_add(draw(seed, attempts) % (told / 10 + 1))
        }
        None => drawn,
    }
}

/// 64 bits from run, step and attempt: FNV-1a, then the finalizer of `SplitMix64`, so that neighbours differ everywhere.
fn draw((run, step): (&str, &str), attempts: u32) -> u64 {
    let bytes = run
        .bytes()
        .chain([0])
        .chain(step.bytes())
        .chain(attempts.to_le_bytes());
    let mut mixed = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const RETRY: Retry = Retry {
        attempts: 5,
        backoff_ms: 1_000,
        most_ms: 60_000,
    };

    #[test]
    fn pauses_are_drawn_from_a_time_that_doubles_up_to_the_most() {
        for (attempts, most) in [
            (1, 1_000),
            (2, 2_000),
            (6, 32_000),
            (7, 60_000),
            (90, 60_000),
        ] {
            let drawn: Vec<u64> = (0..200)
                .map(|run| pause_ms(RETRY, attempts, None, (&format!("{run}.flow"), "stock")))
                .collect();
            let (least, longest) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
            assert!(*least >= 1 && *least < most / 10, "{attempts}: {least}");
            assert!(
                *longest <= most && *longest > most / 10 * 9,
                "{attempts}: {longest}"
            );
        }
    }

    #[test]
    fn a_pause_is_the_same_when_asked_again_and_differs_between_runs() {
        let of = |run: &str| pause_ms(RETRY, 3, None, (run, "stock"));
        assert_eq!(of("1.flow"), of("1.flow"));
        let different: std::collections::HashSet<u64> =
            (0..50).map(|run| of(&format!("{run}.flow"))).collect();
        assert!(different.len() > 40, "{different:?}");
    }

    #[test]
    fn what_the_system_said_is_never_undercut_and_bounded() {
        let told = pause_ms(RETRY, 1, Some(30_000), ("1.flow", "stock"));
        assert!((30_000..=33_000).contains(&told), "{told}");
        assert!(pause_ms(RETRY, 1, Some(u64::MAX), ("1.flow", "stock")) < 100_000_000);
    }
}
