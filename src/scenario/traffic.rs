//! The IP packets of generated user traffic.

use crate::dot16::identifiers::Direction;
use crate::scenario::script::{GeneratedTraffic, MobileStation};
use crate::time::VirtualTime;

/// The packets of `traffic`, to and from `mobile`, in the order of time.
pub fn packets(
    _traffic: &GeneratedTraffic,
    _mobile: &MobileStation,
) -> impl Iterator<Item = (VirtualTime, Direction, Vec<u8>)> {
    std::iter::empty()
}
