//! The record of a capture that gives Wireshark the RRC keys of a UE: `dct2000`, the log format of a test tool, as far as Wireshark
//! 4.0 reads it (`eps-systems.md` 5.4).
//!
//! A head of texts, each ended by an octet of 0, then values that are `tag | length | value`:
//!
//! `00` | port `01` | `0.0000` | `rrc_r8_lte` | `1` | (empty) | direction `00` | encapsulation `00` | `05` length
//! | `12` `07` UE id (2 octets) `00 01 01` (bearer) | `23` length `01 01` (both directions protected), in which
//! `21` length, in which `02 15 01 01 02 02 10` KRRCenc | `03 15 01 01 02 02 10` KRRCint | and last `AA` length UL-DCCH message
//!
//! The length of `23` is to be more than 2, else Wireshark takes no keys. The length of `12` is not that of its value; nobody
//! looks at it. The algorithms are always EEA2 and EIA2: those in use Wireshark learns elsewhere. The message is shown and has no
//! other effect.
//!
//! # What Wireshark needs besides
//!
//! It learns the algorithms of a UE id from an RRC message on that id, and ciphering begins with the second uplink PDU after it: a
//! security mode command and its completion, both in the clear. In the cell after a handover there are none; the capture has, after
//! the key record and before anything else of the new UE id, two records that nobody sent: the handover command with the algorithms
//! and its completion, in the clear, with right MAC-I, COUNT 0 on signalling bearer 2. So the first COUNT left on bearer 2 is 1.
//! Where the ciphered command itself names the algorithms, Wireshark with `-2` finds the MAC-I of it wrong, and of the first uplink
//! PDU of that UE id after it.
//!
//! It checks a PDU only if that is the next one of its UE id, direction and bearer, and warns of a repeated or missing sequence
//! number of RLC or PDCP: what an adversary sends, and what is sent again after it, needs a UE id of its own or goes unchecked.

use cookie_factory::bytes::{be_u8, be_u16};
use cookie_factory::combinator::slice;
use cookie_factory::sequence::tuple;
use nom::Parser;
use nom::bytes::complete::{tag, take};
use nom::number::complete;

use super::WireError;
use super::pdcp::unwritable;
use super::radio_frame::UeId;
use crate::dot16::wire::parsing::{Fault, Parsed, expect, finish, octets};
use crate::dot16::wire::serialising::serialised;
use crate::eps::keys::AlgorithmKey;

/// The name of the dissector, tag 12.
pub const DISSECTOR: &str = "dct2000";
const LAYER: &str = "dct2000 record";
/// Everything in front of the length of the record.
const HEAD: &[u8] = b"\0\x010.0000\0rrc_r8_lte\x001\0\0\0\0\x05";
const BEARER: [u8; 2] = [0x12, 0x07];
const SIGNALLING_BEARER_1: [u8; 3] = [0, 1, 1];
/// The two keys with what stands in front of each.
const KEYS_OCTETS: u8 = 2 * (KEY_HEAD_OCTETS + 16);
const KEY_HEAD_OCTETS: u8 = 7;
const PROTECTION: [u8; 6] = [0x23, KEYS_OCTETS + 4, 1, 1, 0x21, KEYS_OCTETS];
const CIPHERING_KEY: [u8; 7] = [0x02, 0x15, 1, 1, 2, 2, 16];
const INTEGRITY_KEY: [u8; 7] = [0x03, 0x15, 1, 1, 2, 2, 16];
const DATA: u8 = 0xaa;
/// Octets of the values besides the message.
const FIXED: usize = 61;
/// Most octets of the message: all lengths take one octet.
pub const MAX_MESSAGE: usize = 127 - FIXED;

/// The RRC keys that count for a UE id from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// UE and KeNB.
    pub ue_id: UeId,
    /// KRRCenc.
    pub rrc_enc: AlgorithmKey,
    /// KRRCint.
    pub rrc_int: AlgorithmKey,
    /// An RRC message on UL-DCCH, at most [`MAX_MESSAGE`] octets.
    pub message: Vec<u8>,
}

impl KeyRecord {
    /// Takes a record apart, which stands behind its upper-PDU tags.
    ///
    /// # Errors
    /// It is any other record than one with the two keys and a message.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        finish(LAYER, octets, record(octets)).map(|(_, record)| record)
    }

    /// The octets of the record.
    ///
    /// # Errors
    /// A message of more than [`MAX_MESSAGE`] octets.
    pub fn octets(&self) -> Result<Vec<u8>, WireError> {
        let length = |octets: usize| {
            let octets = u64::try_from(octets).unwrap_or(u64::MAX);
            let short = u8::try_from(octets).ok().filter(|length| *length < 128);
            short.ok_or_else(|| unwritable(LAYER, HEAD.len(), "lengths of at most 127", octets))
        };
        let whole = length(self.message.len().saturating_add(FIXED))?;
        let message = length(self.message.len())?;
        serialised(
            LAYER,
            tuple((
                slice(HEAD),
                be_u8(whole),
                slice(BEARER),
                be_u16(self.ue_id.0),
                slice(SIGNALLING_BEARER_1),
                slice(PROTECTION),
                slice(CIPHERING_KEY),
                slice(self.rrc_enc.octets()),
                slice(INTEGRITY_KEY),
                slice(self.rrc_int.octets()),
                be_u8(DATA),
                be_u8(message),
                slice(&self.message),
            )),
        )
    }
}

fn key<'a>(head: &'static [u8], what: &'static str, input: &'a [u8]) -> Parsed<'a, AlgorithmKey> {
    let (input, _) = expect(what, tag(head)).parse(input)?;
    let (input, key) = expect("a key of 16 octets", octets::<16, Fault<'_>>).parse(input)?;
    Ok((input, AlgorithmKey::from_octets(key)))
}

fn record(input: &[u8]) -> Parsed<'_, KeyRecord> {
    let (input, _) = expect("the head of a record of rrc_r8_lte with keys", tag(HEAD)).parse(input)?;
    let (values, whole) = expect("a length", complete::be_u8).parse(input)?;
    if whole > 127 || usize::from(whole) != values.len() {
        return Err(Fault::error(input, format!("a length below 128 of the {} octets that follow", values.len())));
    }
    let (input, _) = expect("tag 12 of length 7, the UE", tag(&BEARER[..])).parse(values)?;
    let (input, ue_id) = expect("UE id, 2 octets", complete::be_u16).parse(input)?;
    let (input, _) = expect("signalling bearer 1", tag(&SIGNALLING_BEARER_1[..])).parse(input)?;
    let (input, _) = expect("tag 23, protection, with tag 21, its keys", tag(&PROTECTION[..])).parse(input)?;
    let (input, rrc_enc) = key(&CIPHERING_KEY, "tag 2, KRRCenc of EEA2", input)?;
    let (input, rrc_int) = key(&INTEGRITY_KEY, "tag 3, KRRCint of EIA2", input)?;
    let (at_length, _) = expect("tag aa, a message", tag(&[DATA][..])).parse(input)?;
    let (rest, length) = expect("a length", complete::be_u8).parse(at_length)?;
    let (rest, message) = expect("the whole message", take(length)).parse(rest)?;
    if !rest.is_empty() {
        return Err(Fault::error(rest, "the end"));
    }
    Ok((rest, KeyRecord { ue_id: UeId(ue_id), rrc_enc, rrc_int, message: message.to_vec() }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::damage::survives;
    use super::*;

    fn record(ue_id: u16, key: [u8; 32], message: Vec<u8>) -> KeyRecord {
        let [enc, int] = [&key[..16], &key[16..]].map(|key| AlgorithmKey::from_octets(key.try_into().unwrap()));
        KeyRecord { ue_id: UeId(ue_id), rrc_enc: enc, rrc_int: int, message }
    }

    #[test]
    fn the_octets_are_those_that_wireshark_took_keys_from() {
        let mut keys = [0x11; 32];
        keys[16..].fill(0x22);
        let octets = record(0x0102, keys, vec![0x14, 0]).octets().unwrap();
        let expected = concat!(
            "0001302e30303030007272635f72385f6c746500310000000005",
            "3f",
            "12070102000101",
            "23320101212e",
            "0215010102021011111111111111111111111111111111",
            "0315010102021022222222222222222222222222222222",
            "aa021400"
        );
        assert_eq!(hex::encode(octets), expected);
        assert_eq!(FIXED, expected.len() / 2 - HEAD.len() - 1 - 2);
    }

    #[test]
    fn a_message_that_would_take_longer_lengths_is_refused() {
        assert!(record(1, [0; 32], vec![0; MAX_MESSAGE]).octets().is_ok());
        let error = record(1, [0; 32], vec![0; MAX_MESSAGE + 1]).octets().unwrap_err();
        assert_eq!((error.offset, error.found.as_str()), (HEAD.len(), "128"));
    }

    #[test]
    fn no_key_is_printed() {
        let printed = format!("{:?}", record(1, [0xab; 32], Vec::new()));
        assert!(!printed.contains("171") && !printed.contains("ab, ab"), "{printed}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_record_goes_round_and_survives_damage(
            ue_id: u16,
            key: [u8; 32],
            message in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let value = record(ue_id, key, message);
            let octets = value.octets().unwrap();
            prop_assert_eq!(&KeyRecord::parse(&octets).unwrap(), &value);
            survives(&octets, false, |octets| KeyRecord::parse(octets).is_ok());
        }
    }
}
