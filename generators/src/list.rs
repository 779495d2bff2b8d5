//! Lists, whose length is drawn as one octet before their elements.

use std::ops::Range;

use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

/// Strategy for lists, see [`list`].
#[derive(Clone, Debug)]
pub struct List<S> {
    element: S,
    lengths: Range<usize>,
}

/// What the last step of simplifying did to a list.
#[derive(Clone, Copy, Debug)]
enum Step {
    Removed(usize),
    Simplified(usize),
}

/// A list on its way to a simpler one: first with fewer elements, then with simpler ones.
#[derive(Debug)]
pub struct ListTree<T> {
    /// Each element and whether it is still in the list.
    elements: Vec<(T, bool)>,
    shortest: usize,
    /// The element that is to be removed, or once all were tried, simplified next.
    place: usize,
    removing: bool,
    last: Option<Step>,
}

impl<T: ValueTree> ListTree<T> {
    fn length(&self) -> usize {
        self.elements.iter().filter(|(_, kept)| *kept).count()
    }
}

impl<T: ValueTree> ValueTree for ListTree<T> {
    type Value = Vec<T::Value>;

    fn current(&self) -> Self::Value {
        self.elements.iter().filter(|(_, kept)| *kept).map(|(element, _)| element.current()).collect()
    }

    fn simplify(&mut self) -> bool {
        while self.removing && self.length() > self.shortest {
            let Some((_, kept)) = self.elements.get_mut(self.place) else { break };
            *kept = false;
            self.last = Some(Step::Removed(self.place));
            self.place += 1;
            return true;
        }
        if self.removing {
            self.removing = false;
            self.place = 0;
        }
        while let Some((element, kept)) = self.elements.get_mut(self.place) {
            if *kept && element.simplify() {
                self.last = Some(Step::Simplified(self.place));
                return true;
            }
            self.place += 1;
        }
        false
    }

    fn complicate(&mut self) -> bool {
        match self.last {
            Some(Step::Removed(place)) => {
                self.last = None;
                self.elements[place].1 = true;
                true
            }
            Some(Step::Simplified(place)) => {
                let more = self.elements[place].0.complicate();
                if !more {
                    self.last = None;
                }
                more
            }
            None => false,
        }
    }
}

impl<S: Strategy> Strategy for List<S> {
    type Tree = ListTree<S::Tree>;
    type Value = Vec<S::Value>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let Range { start, end } = self.lengths;
        let mut drawn = [0];
        runner.rng().fill_bytes(&mut drawn);
        let length = start + usize::from(drawn[0]) % (end - start).max(1);
        let elements =
            (0..length).map(|_| self.element.new_tree(runner).map(|tree| (tree, true))).collect::<Result<_, _>>()?;
        Ok(ListTree { elements, shortest: start, place: 0, removing: true, last: None })
    }
}

/// A list of as many elements as `lengths` allows, at most 255: at least `lengths.start`, fewer than `lengths.end`.
pub fn list<S: Strategy>(element: S, lengths: Range<usize>) -> List<S> {
    List { element, lengths }
}
