//! The judge of EPS captures (`eps-systems.md` 1 and 5): every MAC-I and NAS-MAC is verified, every packet deciphered, every key
//! derived, and held against what the log and the comments say.
//!
//! * [`keys`]: KASME of each UE, and the key epochs of the radio.
//! * [`radio`]: RRC messages and packets under their COUNTs; [`nas`]: NAS messages under theirs.
//! * `parlos`: attaches without AKA, whose KASMEtemp a command brings.
//! * `user_plane`: packets that UPEs cipher; `utran`: what there is of UTRAN; `inter_system`: keys from there and to there.
//! * [`handover`]: the keys of targets, from the command and from the core network.
//! * `enterprise`: keys of end points in an enterprise; `sessions`: what is said under them.
//! * [`reading`]: frame by frame; `air`: those of the air; [`core_network`]: those of S1, X2 and S10, `link`: where these
//!   are protected; `nas_hops`: the NAS messages in both.
//!
//! What is needed is a log with KASME, the cells and the derivation. Where it does not say which KeNB belongs to which number of a
//! radio frame, the judge follows the commands from the first KeNB on, and tries the KeNBs on MAC-I; then it reads the capture again.

mod air;
pub mod core_network;
mod enterprise;
pub mod handover;
mod inter_system;
pub mod keys;
mod link;
pub mod nas;
mod nas_hops;
mod parlos;
pub mod radio;
pub mod reading;
mod sessions;
mod user_plane;
mod utran;

use std::collections::BTreeMap;
use std::io::Read;

use super::report::Judgement;
use crate::capture::capture_reader::CaptureReader;
use crate::capture::error::CaptureError;
use crate::capture::key_log::KeyLog;
use crate::eps::parameters::LinkDirection;
use crate::eps::wire::{dct2000, radio_frame};
use reading::Reading;

/// How the comment on a frame begins that no node has sent, but the writer of the capture for Wireshark.
pub const ANNOTATION: &str = "annotation: ";

/// The dissectors of the frames that are read here: of the radio, of the records that show Wireshark its keys, of RRC in the clear,
/// and of UTRAN.
pub const DISSECTORS: [&str; 7] =
    [radio_frame::DISSECTOR, dct2000::DISSECTOR, RRC_DOWN, RRC_UP, UTRAN_DOWN, UTRAN_UP, UTRAN_PACKET];
/// RRC messages in the clear, downlink.
const RRC_DOWN: &str = "lte_rrc.dl_dcch";
/// The same, uplink.
const RRC_UP: &str = "lte_rrc.ul_dcch";
/// RRC messages of UTRAN, downlink.
const UTRAN_DOWN: &str = "rrc.dl.dcch";
/// The same, uplink.
const UTRAN_UP: &str = "rrc.ul.dcch";
/// User packets of UTRAN, and whatever else there is no better name for.
const UTRAN_PACKET: &str = "data";

/// What was inside a protected radio frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// An RRC message, on DCCH.
    Rrc(Vec<u8>),
    /// A user packet.
    Packet(Vec<u8>),
    /// A frame of the core network whose link is protected, as it would be without that.
    Core(Vec<u8>),
}

/// What the judge made of one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameView {
    /// What it is, in a word: `rrc`, `packet`, `s1ap`, `x2ap`, `gtpv2`, `gtpu`, `dtls`, `esp`, `annotation`, `other`.
    pub kind: &'static str,
    /// The same in a few words.
    pub summary: String,
    /// Up or down, on the air.
    pub direction: Option<LinkDirection>,
    /// On the air: `accept`; `dropped`, if its receiver did not take it; `repeated`, `unprotected`, `mac_invalid`, `no_key`,
    /// `malformed`.
    pub verdict: Option<&'static str>,
    /// COUNT of a radio frame.
    pub count: Option<u32>,
    /// What was inside; none if it did not open, or was not protected.
    pub opened: Option<Opened>,
}

/// The key epochs that a log leaves to the judge to find, by their number in the radio frames; none where it has KeNBs or AS keys.
///
/// # Errors
/// Those of `open` and of the reader.
pub fn learn<R: Read>(
    open: impl Fn() -> Result<CaptureReader<R>, CaptureError>,
    log: &KeyLog,
) -> Result<BTreeMap<u16, keys::Epoch>, CaptureError> {
    if !Reading::may_learn(log) {
        return Ok(BTreeMap::new());
    }
    read(open()?, log, BTreeMap::new()).map(Reading::into_learnt)
}

/// Judges an EPS capture, which `open` opens; it is read twice where the log leaves it to the judge to find the key epochs.
///
/// # Errors
/// Those of `open` and of the reader.
pub fn judge<R: Read>(
    open: impl Fn() -> Result<CaptureReader<R>, CaptureError>,
    log: &KeyLog,
) -> Result<Judgement, CaptureError> {
    let learnt = learn(&open, log)?;
    read(open()?, log, learnt).map(Reading::finish)
}

fn read<R: Read>(
    mut reader: CaptureReader<R>,
    log: &KeyLog,
    learnt: BTreeMap<u16, keys::Epoch>,
) -> Result<Reading<'_>, CaptureError> {
    let mut reading = Reading::new(log, learnt);
    while let Some(frame) = reader.next() {
        let frame = frame?;
        reading.names(reader.records().names());
        reading.frame(&frame, reader.interface_name(frame.interface));
    }
    Ok(reading)
}
