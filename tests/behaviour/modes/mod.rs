//! The modes of handover ("Modes of handover" of the handover rules): the same network, traffic and step in each of them, what
//! is on the wire, what happens where a mode cannot be kept, and what the rules R12 and R13 are good for.

mod clean;
mod every_network;
mod fall_back;
mod full;
mod negotiated;
mod reuse;

use keyhop::dot16::node::HandoverMode;

/// The `--set` argument for a mode.
fn mode(mode: HandoverMode) -> String {
    format!("mode={mode}")
}

/// Every mode.
fn modes() -> impl Iterator<Item = HandoverMode> {
    HandoverMode::ALL.iter().map(|(_, mode)| *mode)
}

/// Every mode in which no TEK is generated.
fn legacy() -> impl Iterator<Item = HandoverMode> {
    modes().filter(|mode| *mode != HandoverMode::Seamless)
}
