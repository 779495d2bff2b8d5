//! HO process optimization: what of network entry the target leaves out (802.16e clause 11.6; `dot16-wire.md` 3.3,
//! `dot16-security.md` 5.3).

use nom::Parser;
use nom::number::complete::be_u16;

use super::error::WireError;
use super::typed_tlv::{TlvValue, exactly};

/// HO process optimization, 16 bits (RNG-RSP); MOB_BSHO-RSP and MOB_NBR-ADV carry the 8 low ones. Bit 0 is the least significant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoProcessOptimization(pub u16);

/// Bits 1 and 2 of HO process optimization: where the TEKs at the target come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoSecurity {
    /// 0: full re-authentication and SA-TEK handshake.
    Reauthentication,
    /// 1 (bit 1 set, bit 2 clear): SA-TEK-Update in RNG-RSP.
    SaTekUpdateInRngRsp,
    /// 2: reserved.
    Reserved,
    /// 3: no re-authentication and no TEKs sent: those of the serving BS are used on, or, in a seamless handover, both sides generate them.
    NoTekTransfer,
}

impl HoProcessOptimization {
    /// Bit 0: no SBC-REQ.
    pub const OMIT_SBC_REQ: Self = Self(1);
    /// Bit 3: no acquisition of a network address.
    pub const OMIT_ADDRESS_ACQUISITION: Self = Self(1 << 3);
    /// Bit 4: no time of day.
    pub const OMIT_TIME_OF_DAY: Self = Self(1 << 4);
    /// Bit 5: no TFTP.
    pub const OMIT_TFTP: Self = Self(1 << 5);
    /// Bit 6: service and operational state are kept or shared, no transfer.
    pub const STATE_KEPT: Self = Self(1 << 6);
    /// Bit 7: no REG-REQ.
    pub const OMIT_REG_REQ: Self = Self(1 << 7);
    /// Bit 9: downlink data are pending at the target.
    pub const DOWNLINK_DATA_PENDING: Self = Self(1 << 9);
    /// Bit 12: the mobile notifies the target that it has entered again.
    pub const NOTIFY_RE_ENTRY: Self = Self(1 << 12);

    /// What bits 1 and 2 say.
    #[must_use]
    pub const fn security(self) -> HoSecurity {
        match self.0 >> 1 & 0b11 {
            0 => HoSecurity::Reauthentication,
            1 => HoSecurity::SaTekUpdateInRngRsp,
            2 => HoSecurity::Reserved,
            _ => HoSecurity::NoTekTransfer,
        }
    }

    /// The same with bits 1 and 2 saying `security`.
    #[must_use]
    pub const fn with_security(self, security: HoSecurity) -> Self {
        let bits = match security {
            HoSecurity::Reauthentication => 0,
            HoSecurity::SaTekUpdateInRngRsp => 1,
            HoSecurity::Reserved => 2,
            HoSecurity::NoTekTransfer => 3,
        };
        Self(self.0 & !0b110 | bits << 1)
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, bits: Self) -> Self {
        Self(self.0 | bits.0)
    }

    /// Whether all of `bits` are set.
    #[must_use]
    pub const fn contains(self, bits: Self) -> bool {
        self.0 & bits.0 == bits.0
    }

    /// The 8 low bits, as MOB_BSHO-RSP and MOB_NBR-ADV carry them.
    #[must_use]
    pub const fn low_octet(self) -> u8 {
        let [_, low] = self.0.to_be_bytes();
        low
    }

    /// From the 8 low bits.
    #[must_use]
    pub const fn from_low_octet(octet: u8) -> Self {
        Self(u16::from_be_bytes([0, octet]))
    }
}

/// Two octets: one would be misread by Wireshark.
impl TlvValue for HoProcessOptimization {
    fn from_value(value: &[u8]) -> Option<Self> {
        exactly(be_u16.map(Self), value)
    }

    fn to_value(&self) -> Result<Vec<u8>, WireError> {
        Ok(self.0.to_be_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_value_has_bits_0_1_2_7_9() {
        let value = HoProcessOptimization::OMIT_SBC_REQ
            .with_security(HoSecurity::NoTekTransfer)
            .with(HoProcessOptimization::OMIT_REG_REQ)
            .with(HoProcessOptimization::DOWNLINK_DATA_PENDING);
        assert_eq!(value.0, 0x0287);
        assert_eq!(value.low_octet(), 0x87);
        assert!(value.contains(HoProcessOptimization::OMIT_REG_REQ));
        assert!(!value.contains(HoProcessOptimization::OMIT_TFTP));
    }

    #[test]
    fn bit_1_alone_asks_for_sa_tek_update_in_rng_rsp() {
        assert_eq!(HoProcessOptimization(0b010).security(), HoSecurity::SaTekUpdateInRngRsp);
        let rest = HoProcessOptimization(0xfff9);
        for bits in 0..4 {
            let value = HoProcessOptimization(0xfff9 | bits << 1);
            assert_eq!(rest.with_security(value.security()), value);
        }
    }
}
