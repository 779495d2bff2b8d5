//! What the room shows as a whole: the worked examples of `dot16-wire.md` 7, and properties of every format.

mod arbitrary;
mod examples;
mod properties;
