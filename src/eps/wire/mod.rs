//! Octets of EPS into values and back; no keys, no state, no clock (`eps-systems.md` 1.5 and 5).
