//! Header check sequence and CRC-32 of a MAC PDU (802.16-2009 clauses 6.3.2.1.1 and 6.3.3.5; `dot16-wire.md` 2.2 and 2.3).

use crate::lanes::crc_register;

/// Of each octet value: what it adds to the HCS when `0` to `4` more octets follow it.
const fn hcs_tables() -> [[u8; 256]; 5] {
    let mut tables = [[0; 256]; 5];
    let mut place = 0;
    while place < 5 {
        let mut value = 0;
        while value < 256 {
            let mut register = value as u8;
            let mut bit = 0;
            while bit < 8 * (place + 1) {
                register = (register << 1) ^ (if register & 0x80 == 0 { 0 } else { 0x07 });
                bit += 1;
            }
            tables[place][value] = register;
            value += 1;
        }
        place += 1;
    }
    tables
}

const fn reflected_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut register = index as u32;
        let mut bit = 0;
        while bit < 8 {
            register = (register >> 1) ^ (if register & 1 == 0 { 0 } else { 0xedb8_8320 });
            bit += 1;
        }
        table[index] = register;
        index += 1;
    }
    table
}

static HCS: [[u8; 256]; 5] = hcs_tables();
static REFLECTED: [u32; 256] = reflected_table();

/// Header check sequence over the first five octets of a generic MAC header: CRC-8 of polynomial 0x07 (x^8 + x^2 + x + 1),
/// initial value 0, not reflected, not complemented.
#[must_use]
pub fn hcs(first_five: &[u8; 5]) -> u8 {
    // An index of eight bits is always inside a table of 256.
    let [fourth, third, second, first, none] = &HCS;
    let [a, b, c, d, e] = first_five.map(usize::from);
    none[a] ^ first[b] ^ second[c] ^ third[d] ^ fourth[e]
}

/// The two forms in which a MAC PDU can carry its CRC-32. Both have the polynomial 0x04c11db7, start from all ones and
/// are complemented at the end; they differ in the order of bits and octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrcForm {
    /// Most significant bit first, most significant octet first: the form of the SC and OFDM PHYs, and the only one that
    /// Wireshark takes as good. The default for captures.
    MsbFirst,
    /// Reflected, least significant octet first, as in Ethernet: the form of the OFDMA PHY.
    Ofdma,
}

impl CrcForm {
    /// The four octets of the CRC of `data` as they stand on the wire. `data` is the whole PDU before the CRC, that is
    /// header, subheaders and payload as sent (encrypted, if it is).
    #[must_use]
    pub fn octets(self, data: &[u8]) -> [u8; 4] {
        match self {
            Self::MsbFirst => (!crc_register(data)).to_be_bytes(),
            Self::Ofdma => {
                let register = data.iter().fold(u32::MAX, |register, octet| {
                    let [low, ..] = register.to_le_bytes();
                    (register >> 8) ^ REFLECTED[usize::from(low ^ octet)]
                });
                (!register).to_le_bytes()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hcs_of_the_worked_headers() {
        assert_eq!(hcs(&[0x00, 0x40, 0x3e, 0x00, 0x00]), 0x56);
        assert_eq!(hcs(&[0x00, 0x40, 0x0a, 0x06, 0xc4]), 0x30);
        assert_eq!(hcs(&[0x40, 0x40, 0x1a, 0x06, 0xc4]), 0x5a);
        assert_eq!(hcs(&[0x40, 0x40, 0x37, 0x7e, 0xb2]), 0xc7);
    }

    #[test]
    fn msb_first_form_gives_the_published_check_value() {
        assert_eq!(CrcForm::MsbFirst.octets(b"123456789"), [0xfc, 0x89, 0x19, 0x18]);
    }

    #[test]
    fn ofdma_form_gives_the_published_check_value_least_significant_octet_first() {
        assert_eq!(CrcForm::Ofdma.octets(b"123456789"), 0xcbf4_3926_u32.to_le_bytes());
    }

    #[test]
    fn both_forms_over_the_published_encrypted_pdu() {
        let pdu = hex::decode("40401a06c45abcf65721e75536c827a8d71b432ca548").unwrap();
        assert_eq!(hex::encode(CrcForm::Ofdma.octets(&pdu)), "cbb65f48");
        assert_eq!(hex::encode(CrcForm::MsbFirst.octets(&pdu)), "1bd1ba21");
    }

    #[test]
    fn nothing_at_all_has_the_crc_zero() {
        assert_eq!(CrcForm::MsbFirst.octets(&[]), [0; 4]);
        assert_eq!(CrcForm::Ofdma.octets(&[]), [0; 4]);
    }
}
