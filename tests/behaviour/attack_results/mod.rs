//! What attacks come to: when they have succeeded, and what the adversary has learnt.

mod external;
mod key_stream;
mod rogue;
mod success;
