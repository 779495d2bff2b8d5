//! CDMA ranging codes (OFDMA): what a mobile sends before anybody can address it, and the RNG-RSP that answers.
//!
//! A code is not a MAC PDU. A burst of exactly three octets is one (a MAC PDU has at least six), in the form that
//! Wireshark's `wimax_cdma_code_burst_handler` reads: ranging code, OFDMA symbol, subchannel (`dot16-wire.md` 1.2, 1.3).
//! RNG-RSP names the code it answers in TLV 150, ranging code attributes, 4 octets: OFDMA symbol 10 bits, subchannel 6
//! bits, ranging code 8 bits, frame number 8 bits (802.16-2009 clause 11.6, from memory; nothing else here reads it).

use super::rng_rsp::{RangingStatus, RngRsp, RngRspTlv};
use super::tlv::Tlv;

/// An initial ranging code: code 1, symbol 0, subchannel 0.
pub const INITIAL_RANGING: [u8; 3] = [1, 0, 0];
/// A handover ranging code: code 96, symbol 0, subchannel 0. One mobile a link, so one code does.
pub const HANDOVER_RANGING: [u8; 3] = [96, 0, 0];

const RANGING_CODE_ATTRIBUTES: u8 = 150;

fn attributes([code, symbol, subchannel]: [u8; 3]) -> Tlv {
    let symbol = u16::from(symbol) << 6 | u16::from(subchannel & 0x3f);
    let [high, low] = symbol.to_be_bytes();
    Tlv { kind: RANGING_CODE_ATTRIBUTES, value: vec![high, low, code, 0] }
}

/// RNG-RSP, without CMAC tuple, that tells the sender of `code` that its timing is right.
#[must_use]
pub fn answer(code: [u8; 3]) -> RngRsp {
    let tlvs = vec![
        RngRspTlv::TimingAdjust(0),
        RngRspTlv::RangingStatus(RangingStatus::SUCCESS),
        RngRspTlv::Other(attributes(code)),
    ];
    RngRsp { reserved: 0, tlvs }
}

/// Whether `response` answers `code` with success.
#[must_use]
pub fn answers(response: &RngRsp, code: [u8; 3]) -> bool {
    let named = RngRspTlv::Other(attributes(code));
    response.ranging_status() == Some(RangingStatus::SUCCESS) && response.tlvs.contains(&named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_its_code_and_no_other_also_after_a_round_trip() {
        let response = RngRsp::parse(&answer(HANDOVER_RANGING).octets().unwrap()).unwrap();
        assert!(answers(&response, HANDOVER_RANGING));
        assert!(!answers(&response, INITIAL_RANGING));
        assert!(!answers(&response, [95, 0, 0]));
        assert!(!answers(&response, [96, 1, 0]));
    }
}
