//! What happens where a statement does not hold: for each a run, or the keys alone, in which a defence is off or an input is
//! wrong, and the opposite of the statement is observed. Beside it stands the same with the defence on, where no other
//! test shows it. The traces of the rules on counters and contexts are in `tests/behaviour/traces`.

mod before_ranging;
mod discarding;
mod encodings;
mod keys;
mod leaving;
mod negotiation;
mod preparation;
