//! The five ways in which the TEKs come to a target BS ("Modes of handover" of the handover rules), and the HO process
//! optimization bits that announce them (802.16e clause 11.6; `dot16-security.md` 5.3, `dot16-wire.md` 3.3).
//!
//! | mode | bits 1-2 | bits 0 and 7 | what tells it from another mode with the same bits 1-2 |
//! | --- | --- | --- | --- |
//! | `seamless` | 11 | set | the seamless flag: CIDs pre-allocated in MOB_BSHO-RSP (R17) |
//! | `legacy-reuse` | 11 | set | no seamless flag |
//! | `legacy-rng-rsp` | 01 | set | |
//! | `legacy-sa-tek` | 00 | set | RNG-RSP carries the SA challenge tuple (TLV 31) |
//! | `legacy-full` | 00 | clear | no SA challenge tuple: SBC, EAP, SA-TEK and REG follow |
//!
//! MOB_BSHO-RSP has no challenge tuple, so that bits 0 and 7 announce there which of the last two it will be; in RNG-RSP the
//! tuple decides.

use std::fmt;

use crate::dot16::wire::{HoProcessOptimization, HoSecurity};

/// How the TEKs come to the target BS; "Modes of handover" of the handover rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HandoverMode {
    /// Generated on both sides from the count.
    Seamless,
    /// Full re-entry: EAP, the SA-TEK handshake, Key-Request and Key-Reply.
    LegacyFull,
    /// AK from the backbone; the SA-TEK handshake begins in RNG-RSP, TEKs come in SA-TEK-Response under the KEK.
    LegacySaTek,
    /// AK from the backbone; TEKs come in RNG-RSP under the KEK.
    LegacyRngRsp,
    /// AK from the backbone; the TEKs of the serving BS are used on, with their PNs and windows (R12).
    LegacyReuse,
}

impl HandoverMode {
    /// Every mode with its name in scripts and results.
    pub const ALL: &[(&'static str, Self)] = &[
        ("seamless", Self::Seamless),
        ("legacy-full", Self::LegacyFull),
        ("legacy-sa-tek", Self::LegacySaTek),
        ("legacy-rng-rsp", Self::LegacyRngRsp),
        ("legacy-reuse", Self::LegacyReuse),
    ];

    /// The name in scripts and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seamless => "seamless",
            Self::LegacyFull => "legacy-full",
            Self::LegacySaTek => "legacy-sa-tek",
            Self::LegacyRngRsp => "legacy-rng-rsp",
            Self::LegacyReuse => "legacy-reuse",
        }
    }

    /// What the target leaves out of network entry in this mode: bits 0, 1, 2 and 7.
    #[must_use]
    pub const fn optimization(self) -> HoProcessOptimization {
        let security = match self {
            Self::Seamless | Self::LegacyReuse => HoSecurity::NoTekTransfer,
            Self::LegacyRngRsp => HoSecurity::SaTekUpdateInRngRsp,
            Self::LegacySaTek => HoSecurity::Reauthentication,
            Self::LegacyFull => return HoProcessOptimization(0),
        };
        HoProcessOptimization::OMIT_SBC_REQ.with(HoProcessOptimization::OMIT_REG_REQ).with_security(security)
    }

    /// The mode that MOB_BSHO-RSP announces for a BS with these bits; `seamless`: whether it has the seamless flag. `None` for
    /// the reserved value of bits 1-2.
    #[must_use]
    pub const fn announced(optimization: HoProcessOptimization, seamless: bool) -> Option<Self> {
        let entry_omitted = optimization.contains(HoProcessOptimization::OMIT_REG_REQ);
        match optimization.security() {
            HoSecurity::NoTekTransfer if seamless => Some(Self::Seamless),
            HoSecurity::NoTekTransfer => Some(Self::LegacyReuse),
            HoSecurity::SaTekUpdateInRngRsp => Some(Self::LegacyRngRsp),
            HoSecurity::Reauthentication if entry_omitted => Some(Self::LegacySaTek),
            HoSecurity::Reauthentication => Some(Self::LegacyFull),
            HoSecurity::Reserved => None,
        }
    }
}

impl fmt::Display for HandoverMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_mode_announce_it() {
        for (name, mode) in HandoverMode::ALL {
            assert_eq!(mode.as_str(), *name);
            let seamless = *mode == HandoverMode::Seamless;
            assert_eq!(HandoverMode::announced(mode.optimization(), seamless), Some(*mode));
        }
        assert_eq!(HandoverMode::announced(HoProcessOptimization(0b100), false), None);
    }

    #[test]
    fn the_low_octets_are_those_of_the_table() {
        let octets = HandoverMode::ALL.iter().map(|(_, mode)| mode.optimization().low_octet());
        assert_eq!(octets.collect::<Vec<_>>(), [0x87, 0x00, 0x81, 0x83, 0x87]);
    }
}
