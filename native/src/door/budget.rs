//! The bytes a door may hold: bodies being received, waiting, or given to Python and not answered.
//!
//! A body is charged as it arrives, never by the length it announces, so a sender that announces
//! much and sends nothing takes no room from others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    pub fn is_full(&self) -> bool {
        self.used() >= self.limit
    }

    /// Nothing yet; grows with a body and gives everything back when dropped.
    pub fn charge(self: &Arc<Self>) -> Charge {
        Charge { budget: self.clone(), bytes: 0 }
    }
}

pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    /// Takes room for `bytes` more; false, and nothing taken, when there is none.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let fits = self.budget.used.fetch_add(bytes, Relaxed) + bytes <= self.budget.limit;
        if fits {
            self.bytes += bytes;
        } else {
            self.budget.used.fetch_sub(bytes, Relaxed);
        }
        fits
    }

    /// Gives back all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let excess = self.bytes.saturating_sub(bytes);
        self.budget.used.fetch_sub(excess, Relaxed);
        self.bytes -= excess;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let budget = Budget::new(100);
        let mut first = budget.charge();
        assert!(first.grow(60));
        assert!(!budget.charge().grow(41));
        assert_eq!(budget.used(), 60);
        first.shrink_to(10);
        assert_eq!(budget.used(), 10);
        drop(first);
        assert_eq!(budget.used(), 0);
    }
}
