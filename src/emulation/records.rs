//! Frames under way: each is recorded once when its transmission starts, and handed to the observer when its receivers have
//! judged it, in the order of the starts.

use std::collections::VecDeque;

use super::kernel::Observer;
use super::node::Verdict;
use super::transmission::Transmission;

struct Pending {
    transmission: Transmission,
    /// How many verdicts are still to come.
    outstanding: usize,
}

/// The frames that have started and that not all before them are complete with.
#[derive(Default)]
pub(super) struct Records {
    pending: VecDeque<Pending>,
    /// The number of the front one.
    first: u64,
}

impl Records {
    /// A frame starts that is to arrive `outstanding` times; its number.
    pub(super) fn start<E>(
        &mut self,
        transmission: Transmission,
        outstanding: usize,
        observer: &mut dyn Observer<E>,
    ) -> u64 {
        self.pending.push_back(Pending { transmission, outstanding });
        let record = self.first + self.pending.len() as u64 - 1;
        self.flush(observer);
        record
    }

    /// A receiver has judged the frame with this number.
    pub(super) fn judged<E>(&mut self, record: u64, verdict: Verdict, observer: &mut dyn Observer<E>) {
        let position = record.checked_sub(self.first).and_then(|position| usize::try_from(position).ok());
        if let Some(pending) = position.and_then(|position| self.pending.get_mut(position)) {
            pending.transmission.verdicts.push(verdict);
            pending.outstanding = pending.outstanding.saturating_sub(1);
        }
        self.flush(observer);
    }

    /// The number of the first frame that is under way: those before it are complete.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// The run is over: what is still under way is handed over as it is.
    pub(super) fn end<E>(self, observer: &mut dyn Observer<E>) {
        for pending in self.pending {
            observer.transmission(pending.transmission);
        }
    }

    fn flush<E>(&mut self, observer: &mut dyn Observer<E>) {
        while self.pending.front().is_some_and(|pending| pending.outstanding == 0) {
            if let Some(pending) = self.pending.pop_front() {
                self.first += 1;
                observer.transmission(pending.transmission);
            }
        }
    }
}
