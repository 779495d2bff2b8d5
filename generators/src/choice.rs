//! Alternatives and optional values, which draw one octet for the choice and then only what was chosen.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::strategy::NewTree;
use proptest::test_runner::TestRunner;

/// One of several strategies, see [`one_of!`](crate::one_of). A value becomes simpler within its alternative.
#[derive(Clone, Debug)]
pub struct OneOf<T: Debug> {
    /// Each with its weight.
    alternatives: Vec<(u8, BoxedStrategy<T>)>,
}

impl<T: Debug> OneOf<T> {
    /// One of `alternatives`, each as often as its weight says; the weights add up to 256 at most.
    ///
    /// # Panics
    /// There is no alternative, or the weights are more than that.
    #[must_use]
    pub fn new(alternatives: Vec<(u8, BoxedStrategy<T>)>) -> Self {
        let total: usize = alternatives.iter().map(|(weight, _)| usize::from(*weight)).sum();
        assert!((1..=256).contains(&total), "weights add up to {total}");
        Self { alternatives }
    }
}

impl<T: Debug> Strategy for OneOf<T> {
    type Tree = <BoxedStrategy<T> as Strategy>::Tree;
    type Value = T;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut drawn = [0];
        runner.rng().fill_bytes(&mut drawn);
        let total: usize = self.alternatives.iter().map(|(weight, _)| usize::from(*weight)).sum();
        let mut left = usize::from(drawn[0]) % total;
        for (weight, alternative) in &self.alternatives {
            match left.checked_sub(usize::from(*weight)) {
                Some(less) => left = less,
                None => return alternative.new_tree(runner),
            }
        }
        unreachable!("the weights add up to the total")
    }
}

/// A value of one of several strategies: `one_of![a, b, c]`, all alike, or `one_of![4 => a, 1 => b]`, with weights. The
/// first is what the end of a fuzzer's input stands for, so it should be a short one.
#[macro_export]
macro_rules! one_of {
    ($($weight:expr => $alternative:expr),+ $(,)?) => {
        $crate::choice::OneOf::new(vec![$(($weight, proptest::strategy::Strategy::boxed($alternative))),+])
    };
    ($($alternative:expr),+ $(,)?) => {
        $crate::one_of![$(1 => $alternative),+]
    };
}

/// One of a few values.
pub fn select<T: Clone + Debug + 'static>(values: impl Into<Vec<T>>) -> impl Strategy<Value = T> + Clone {
    let values = values.into();
    assert!((1..=0x1_0000).contains(&values.len()), "{} values to select from", values.len());
    let drawn = if values.len() > 256 { 2 } else { 1 };
    crate::octets::octets(drawn..drawn + 1).prop_map(move |octets| {
        let place = octets.iter().fold(0, |place, octet| place << 8 | usize::from(*octet));
        values[place % values.len()].clone()
    })
}

/// A value or none.
pub fn maybe<T: Strategy + 'static>(strategy: T) -> impl Strategy<Value = Option<T::Value>> {
    one_of![Just(()).prop_map(|()| None), strategy.prop_map(Some)]
}

/// A value exactly if a flag or a field elsewhere says that it is there.
pub(crate) fn present<T>(present: bool, value: T) -> Option<T> {
    present.then_some(value)
}

/// `N` flags.
pub fn flags<const N: usize>() -> impl Strategy<Value = [bool; N]> + Clone {
    crate::octets::octets(N..N + 1).prop_map(|octets| {
        let flags: Vec<bool> = octets.iter().map(|octet| octet & 1 == 1).collect();
        flags.try_into().expect("as many as were drawn")
    })
}
