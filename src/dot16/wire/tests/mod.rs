//! What the whole room shows.
