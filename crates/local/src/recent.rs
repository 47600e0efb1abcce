//! What is remembered for a while: bounded, the oldest forgotten first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(crate) struct Recent<T> {
    most: usize,
    items: Mutex<VecDeque<T>>,
}

impl<T: Clone> Recent<T> {
    /// Remembers the last `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            items: Mutex::default(),
        }
    }

    pub(crate) fn add(&self, item: T) {
        let mut items = self.lock();
        if items.len() >= self.most {
            items.pop_front();
        }
        items.push_back(item);
    }

    /// All of them, newest first.
    pub(crate) fn all(&self) -> Vec<T> {
        self.lock().iter().rev().cloned().collect()
    }

    pub(crate) fn find(&self, is_wanted: impl Fn(&T) -> bool) -> Option<T> {
        self.lock().iter().find(|item| is_wanted(item)).cloned()
    }

    /// Changes one, if it is still remembered; gives it as it is then.
    pub(crate) fn change(
        &self,
        is_wanted: impl Fn(&T) -> bool,
        change: impl FnOnce(&mut T),
    ) -> Option<T> {
        let mut items = self.lock();
        let item = items.iter_mut().find(|item| is_wanted(item))?;
        change(item);
        Some(item.clone())
    }

    /// Forgets those that are wanted and gives them.
    pub(crate) fn take(&self, is_wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let mut items = self.lock();
        let (taken, kept): (Vec<_>, Vec<_>) = items.drain(..).partition(|item| is_wanted(item));
        *items = kept.into();
        taken
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_way() {
        let recent = Recent::new(3);
        for number in 0..5 {
            recent.add(number);
        }
        assert_eq!(recent.all(), [4, 3, 2]);
        assert_eq!(recent.find(|own| *own == 1), None);
        assert_eq!(recent.change(|own| *own == 3, |own| *own = 30), Some(30));
        assert_eq!(recent.take(|own| *own < 10), [2, 4]);
        assert_eq!(recent.all(), [30]);
    }
}
