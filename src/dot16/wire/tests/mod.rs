//! What the room shows as a whole: the worked examples of `dot16-wire.md` 7. What holds for every value is shown in
//! `tests/properties`.

mod examples;
