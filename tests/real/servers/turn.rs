//! One test at a time has servers, however many run side by side: together they would take more memory than a machine has, and
//! each other's ports.

use std::sync::{Mutex, MutexGuard, PoisonError};

static ONE: Mutex<()> = Mutex::new(());

thread_local! {
    static MINE: MutexGuard<'static, ()> = ONE.lock().unwrap_or_else(PoisonError::into_inner);
}

/// Waits until this test's thread has its turn, which it keeps until it ends.
pub(crate) fn take() {
    MINE.with(|_| ());
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn one_thread_has_its_turn_until_it_ends() {
        static INSIDE: AtomicUsize = AtomicUsize::new(0);
        let test = || {
            super::take();
            assert_eq!(INSIDE.fetch_add(1, Ordering::SeqCst), 0, "two at once");
            // Once more is no wait for itself.
            for _ in 0..100 {
                super::take();
                thread::yield_now();
            }
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        };
        let threads: Vec<_> = (0..8).map(|_| thread::spawn(test)).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
