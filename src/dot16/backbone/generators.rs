//! Generators of values for the property tests of this room.
