//! Behaviour of the script format as a whole.
