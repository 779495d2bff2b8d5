//! The records that a capture has in front of the first frame under a KeNB, and that nobody sent: the RRC keys for Wireshark, and
//! a handover command with its completion, from which it learns the algorithms (`eps-systems.md` 5.4 and 5.5).

use super::epochs::Epoch;
use crate::eps::parameters::LinkDirection;
use crate::eps::parameters::{Algorithms, Ncc};
use crate::eps::security::eia2;
use crate::eps::security::handover_keys::AsKeys;
use crate::eps::wire::dct2000::{self, KeyRecord};
use crate::eps::wire::mac_pdu::{LCID_SRB2, MacPdu};
use crate::eps::wire::pdcp::SignallingPdu;
use crate::eps::wire::radio_frame::{self, RadioFrame};
use crate::eps::wire::rlc::AmDataPdu;
use crate::eps::wire::rrc::{
    DlDcchMessage, MobilityControlInfo, RrcConnectionReconfiguration, SecurityAlgorithms, SecurityConfigHo, T304,
    UlDcchMessage,
};
use crate::eps::wire::{UeId, WireError};

/// How the comments of these records begin.
pub(super) const ANNOTATION: &str = "annotation: ";

/// A record: the dissector that reads it, its direction, its octets and what it is.
pub(super) struct Annotation {
    pub dissector: &'static str,
    pub direction: LinkDirection,
    pub octets: Vec<u8>,
    pub comment: String,
}

/// The three records of an epoch.
///
/// # Errors
/// None that a KeNB could be the cause of.
pub(super) fn annotations(epoch: &Epoch, ue_id: UeId) -> Result<[Annotation; 3], WireError> {
    let security = epoch.algorithms;
    let keys = AsKeys::derive(&epoch.kenb, security.ciphering, security.integrity);
    let completion = UlDcchMessage::ReconfigurationComplete { transaction: 0 }.octets()?;
    let record =
        KeyRecord { ue_id, rrc_enc: keys.rrc_enc.clone(), rrc_int: keys.rrc_int.clone(), message: completion.clone() };
    let command = command(epoch);
    let framed = |direction: LinkDirection, message: Vec<u8>| {
        let mut pdu = SignallingPdu { sequence_number: 0, message, mac_i: [0; 4] };
        pdu.mac_i = eia2(&keys.rrc_int, 0, LCID_SRB2 - 1, direction, &pdu.integrity_input());
        let sdu = AmDataPdu { poll: true, sequence_number: 0, sdu: pdu.octets()? }.octets()?;
        let mac_pdu = MacPdu { lcid: LCID_SRB2, sdu, padding: 0 }.octets()?;
        RadioFrame { direction, c_rnti: epoch.c_rnti, ue_id, frame_number: 0, subframe: 0, mac_pdu }.octets()
    };
    let what = |what: &str| format!("{ANNOTATION}{what} of UE id {} (cell {})", ue_id.0, epoch.cell.get());
    Ok([
        Annotation {
            dissector: dct2000::DISSECTOR,
            direction: LinkDirection::Uplink,
            octets: record.octets()?,
            comment: what("RRC keys"),
        },
        Annotation {
            dissector: radio_frame::DISSECTOR,
            direction: LinkDirection::Downlink,
            octets: framed(LinkDirection::Downlink, command.octets()?)?,
            comment: what("algorithms"),
        },
        Annotation {
            dissector: radio_frame::DISSECTOR,
            direction: LinkDirection::Uplink,
            octets: framed(LinkDirection::Uplink, completion)?,
            comment: what("ciphering on"),
        },
    ])
}

/// A handover command to the cell of an epoch that names the algorithms.
pub(super) fn command(epoch: &Epoch) -> DlDcchMessage {
    let Algorithms { ciphering, integrity } = epoch.algorithms;
    DlDcchMessage::Reconfiguration(RrcConnectionReconfiguration {
        transaction: 0,
        mobility: Some(MobilityControlInfo {
            target: epoch.cell,
            carrier: None,
            t304: T304::Ms200,
            c_rnti: epoch.c_rnti,
        }),
        nas: Vec::new(),
        bearer: None,
        security: Some(SecurityConfigHo {
            algorithms: Some(SecurityAlgorithms { ciphering, integrity }),
            key_change: false,
            next_hop_chaining_count: Ncc::new(u32::from(epoch.ncc)),
        }),
    })
}
