//! The PKMv2 key hierarchy of one EAP authentication in CMAC mode, and the TEKs that a seamless handover derives
//! (802.16-2009 clause 7.2.2; `dot16-security.md` 2.1 and 2.2).
//!
//! ```text
//! MSK ── last 20 octets ── PMK ── MSID, BSID ── AK ─┬─ AKID
//!                                                   ├─ KEK ── CMAC_KEY_COUNT, SAID ── TEK0, TEK1
//!                                                   └─ CMAC_PREKEY_U, _D ── CMAC_KEY_COUNT ── CMAC_KEY_U, _D
//! ```

use aes::Aes128;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

use super::kdf::cmac_form;
use super::keys::{Ak, CmacKey, CmacPrekey, Kek, Pmk, Tek};
use crate::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, CmacKeyCount, Direction, MsMac, Said};
use crate::lanes::Path;

/// Which text rules the handover (`dot16-security.md` 10). Every derivation of this file is the same in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The contribution on TEK generation as written.
    #[default]
    Contribution,
    /// The published IEEE 802.16-2009, as far as it is known.
    Std2009,
}

impl Pmk {
    /// The PMK of a single EAP authentication: the last 20 of the 64 octets of the MSK.
    #[must_use]
    pub fn from_msk(msk: &[u8; 64]) -> Self {
        let mut pmk = [0; Self::OCTETS];
        for (place, octet) in pmk.iter_mut().rev().zip(msk.iter().rev()) {
            *place = *octet;
        }
        Self::from_octets(pmk)
    }
}

/// What mobile station and base station derive from one AK: everything but the keys of a CMAC_KEY_COUNT.
///
/// The AK binds MSID and BSID, so all of it differs at every base station; a new CMAC_KEY_COUNT changes none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AkContext {
    /// The AK itself.
    pub ak: Ak,
    /// AK sequence number, 4 bits.
    pub ak_sn: AkSequenceNumber,
    /// The name of the AK.
    pub akid: AkId,
    /// The mobile station.
    pub ms: MsMac,
    /// The base station.
    pub bs: Bsid,
    /// The KEK.
    pub kek: Kek,
    cmac_prekey_u: CmacPrekey,
    cmac_prekey_d: CmacPrekey,
}

impl AkContext {
    /// The context at `bs`, from the PMK: what the mobile station and the Authenticator compute.
    ///
    /// `AK = Dot16KDF(PMK, MSID | BSID | "AK", 160)`.
    #[must_use]
    pub fn derive(pmk: &Pmk, ak_sn: AkSequenceNumber, ms: MsMac, bs: Bsid) -> Self {
        let mut ak = Zeroizing::new([0; Ak::OCTETS]);
        cmac_form(&last_16(pmk.octets()), &[&ms.0[..], &bs.0, b"AK"].concat(), &mut *ak);
        Self::from_ak(Ak::from_octets(*ak), ak_sn, ms, bs)
    }

    /// The same from the AK: what a base station computes, which gets the AK over the backbone.
    ///
    /// `AKID = Dot16KDF(AK, SN | MSID | BSID | "AK", 64)`, SN being one octet with the AK SN right-aligned;
    /// `CMAC_PREKEY_U | CMAC_PREKEY_D | KEK = Dot16KDF(AK, MSID | BSID | "CMAC_KEYS+KEK", 384)`.
    #[must_use]
    pub fn from_ak(ak: Ak, ak_sn: AkSequenceNumber, ms: MsMac, bs: Bsid) -> Self {
        let key = last_16(ak.octets());
        let mut akid = [0; 8];
        cmac_form(&key, &[&[ak_sn.0][..], &ms.0, &bs.0, b"AK"].concat(), &mut akid);
        let mut material = Zeroizing::new([[0; 16]; 3]);
        cmac_form(&key, &[&ms.0[..], &bs.0, b"CMAC_KEYS+KEK"].concat(), material.as_flattened_mut());
        let [prekey_u, prekey_d, kek] = *material;
        Self {
            ak,
            ak_sn,
            akid: AkId(akid),
            ms,
            bs,
            kek: Kek::from_octets(kek),
            cmac_prekey_u: CmacPrekey::from_octets(prekey_u),
            cmac_prekey_d: CmacPrekey::from_octets(prekey_d),
        }
    }

    /// CMAC_PREKEY_U or CMAC_PREKEY_D.
    #[must_use]
    pub const fn cmac_prekey(&self, direction: Direction) -> &CmacPrekey {
        match direction {
            Direction::Uplink => &self.cmac_prekey_u,
            Direction::Downlink => &self.cmac_prekey_d,
        }
    }

    /// CMAC_KEY_U or CMAC_KEY_D for `count`: AES-128 under the prekey of the block `14 zero octets | CMAC_KEY_COUNT`.
    #[must_use]
    pub fn cmac_key(&self, direction: Direction, count: CmacKeyCount) -> CmacKey {
        let mut block = Block::<Aes128>::from(u128::from(count.0).to_be_bytes());
        Aes128::new(&(*self.cmac_prekey(direction).octets()).into()).encrypt_block(&mut block);
        CmacKey::from_octets(block.into())
    }
}

/// Which of the two TEKs that one CMAC_KEY_COUNT gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TekIndex {
    /// TEK0, used first.
    Tek0,
    /// TEK1, used when TEK0 has expired.
    Tek1,
}

impl TekIndex {
    /// Both, in the order of use.
    pub const ALL: [Self; 2] = [Self::Tek0, Self::Tek1];

    /// The EKS that names this TEK in a generic MAC header: 0 or 1.
    #[must_use]
    pub const fn eks(self) -> u8 {
        match self {
            Self::Tek0 => 0,
            Self::Tek1 => 1,
        }
    }

    /// The TEK that an EKS names; `None` for 2 and 3, which name none that was derived from a count.
    #[must_use]
    pub const fn from_eks(eks: u8) -> Option<Self> {
        match eks {
            0 => Some(Self::Tek0),
            1 => Some(Self::Tek1),
            _ => None,
        }
    }

    const fn label(self) -> &'static [u8] {
        match self {
            Self::Tek0 => b"TEK0 Generation",
            Self::Tek1 => b"TEK1 Generation",
        }
    }
}

/// The TEK of a seamless handover: `Dot16KDF(key, CMAC_KEY_COUNT | SAID | label, 128)`, both numbers 2 octets, most
/// significant octet first, the label `TEK0 Generation` or `TEK1 Generation` (`dot16-security.md` 2.2). The key is
/// the KEK at the target base station, which binds MSID and BSID.
#[must_use]
pub fn counter_tek(kdf_key: &Kek, count: CmacKeyCount, said: Said, index: TekIndex) -> Tek {
    let astring = [&count.0.to_be_bytes()[..], &said.0.to_be_bytes(), index.label()].concat();
    let mut tek = Zeroizing::new([0; Tek::OCTETS]);
    cmac_form(kdf_key.octets(), &astring, &mut *tek);
    Tek::from_octets(*tek)
}

/// [`counter_tek`] for many counts at once: the octets of the TEK of each into the place with the same number.
///
/// # Panics
/// If there are more or fewer places than counts.
pub fn counter_teks(
    kdf_key: &Kek,
    counts: &[CmacKeyCount],
    said: Said,
    index: TekIndex,
    teks: &mut [[u8; Tek::OCTETS]],
) {
    // Of 128 bits Dot16KDF makes one block, number 0, and drops nothing of it.
    let mut input = [0; KDF_INPUT];
    let [_, _, _, _, _, _, from_said @ ..] = &mut input;
    let after_count = said.0.to_be_bytes().into_iter().chain(index.label().iter().copied()).chain(TEK_BITS);
    for (place, octet) in from_said.iter_mut().zip(after_count) {
        *place = octet;
    }
    let of_count = |count: &CmacKeyCount| {
        let mut input = input;
        let [_, _, _, _, high, low, ..] = &mut input;
        [*high, *low] = count.0.to_be_bytes();
        input
    };
    let inputs: Vec<[u8; KDF_INPUT]> = counts.iter().map(of_count).collect();
    Path::best().cmacs_of_one_key(kdf_key.octets(), &inputs, teks);
}

/// Octets that a TEK is the CMAC of: block number, count, SAID, label, length in bits.
const KDF_INPUT: usize = 4 + 2 + 2 + 15 + 4;
/// Bits of a TEK, as they stand there.
const TEK_BITS: [u8; 4] = [0, 0, 0, 128];

/// Truncate(key, 128) of a 160-bit key: its last 16 octets.
fn last_16(key: &[u8; 20]) -> Zeroizing<[u8; 16]> {
    let [_, _, _, _, last @ ..] = key;
    Zeroizing::new(*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The AK of data set A of the published values. What follows from it for other counts and SAIDs was computed
    /// with another implementation, from the definition.
    fn set_a(ak_sn: u8) -> AkContext {
        let ak = hex::decode("d7eaa9683c377b76a2385b8454b57ae7c9ad3224").unwrap().try_into().unwrap();
        let (ms, bs) = ("001b11c9d50c".parse().unwrap(), "000000000005".parse().unwrap());
        AkContext::from_ak(Ak::from_octets(ak), AkSequenceNumber(ak_sn), ms, bs)
    }

    #[test]
    fn cmac_keys_follow_the_count_and_nothing_else_does() {
        let context = set_a(0);
        let keys = |count| {
            let key = |direction| hex::encode(context.cmac_key(direction, CmacKeyCount(count)).octets());
            [key(Direction::Uplink), key(Direction::Downlink)]
        };
        assert_eq!(keys(0), ["f6eed12d93c37271bdb384449cb62467", "c0f5e67ca3b7e3c31de4222a25836b2b"]);
        assert_eq!(keys(1), ["cbfba37ff8f9b70e80e6d450c97c199e", "4226a6b8fc590b54b11baac596415b9c"]);
        assert_eq!(keys(0x1234), ["cd0068c322fd0e1c1aaacd89e3272e62", "fccf67b957bd44121fee120da316decd"]);
        assert_eq!(keys(0xffff), ["ca33c87f60ddfd4415309b2acf2dc0c1", "eec129dc6aacea246e7e56b29b304d06"]);
    }

    #[test]
    fn the_prekeys_and_the_kek_are_three_blocks_in_that_order() {
        let context = set_a(0);
        let prekey = |direction| hex::encode(context.cmac_prekey(direction).octets());
        assert_eq!(prekey(Direction::Uplink), "6b72126de9c3985068a34f96b3a59e68");
        assert_eq!(prekey(Direction::Downlink), "15e5563e1e43a2a23bcc60e692b0006b");
        assert_eq!(hex::encode(context.kek.octets()), "e09389b8f3391dfec8a99af41da147b9");
    }

    #[test]
    fn the_sequence_number_names_another_ak_but_makes_no_other_keys() {
        let akids = [0, 1, 5, 15].map(|ak_sn| set_a(ak_sn).akid.to_string());
        assert_eq!(akids, ["3b7e354a44b25806", "53409f64db7940d2", "13ca8721feba3695", "506a433b5001e550"]);
        assert_eq!(set_a(0).kek, set_a(5).kek);
    }

    #[test]
    fn counter_teks_take_count_and_said_most_significant_octet_first() {
        let kek = set_a(0).kek;
        let teks = |count, said| {
            TekIndex::ALL.map(|index| hex::encode(counter_tek(&kek, CmacKeyCount(count), Said(said), index).octets()))
        };
        assert_eq!(teks(0, 0), ["f5e578492be7e0495ee9a32173d9decc", "5e00727904a4c0baa48a383f91a51166"]);
        assert_eq!(teks(1, 9), ["f67413040612ede5864ffb870af272a4", "e59006a62cbdb638c253525c097e6738"]);
        assert_eq!(teks(5, 0x1234), ["571b696a236a892061c6a9ce262b2e99", "fa5348a195120da958393c30f7ad634e"]);
        assert_eq!(teks(0xffff, 9), ["d55cd68754391cebbef6fb7d590e903d", "4f652aa6121e97305fa26ba50c4500e2"]);
    }

    #[test]
    fn a_counter_tek_is_dot16kdf_of_the_written_out_astring() {
        let kek = set_a(0).kek;
        let astring = [&[0x01, 0x02, 0xa0, 0xb0][..], b"TEK1 Generation"].concat();
        let expected = super::super::dot16_kdf(super::super::Prf::Cmac, kek.octets(), &astring, 128).unwrap();
        let tek = counter_tek(&kek, CmacKeyCount(0x0102), Said(0xa0b0), TekIndex::Tek1);
        assert_eq!((astring.len(), tek.octets().as_slice()), (19, expected.as_slice()));
    }

    #[test]
    fn teks_of_many_counts_are_those_of_each() {
        let kek = set_a(0).kek;
        let counts: Vec<CmacKeyCount> = (0..40).map(|number| CmacKeyCount(number * 1_601)).collect();
        for index in TekIndex::ALL {
            for length in [0, 1, 4, 17, 40] {
                let mut teks = vec![[0; 16]; length];
                counter_teks(&kek, &counts[..length], Said(0xa0b0), index, &mut teks);
                let each = counts[..length].iter().map(|count| counter_tek(&kek, *count, Said(0xa0b0), index));
                assert!(each.map(|tek| *tek.octets()).eq(teks), "{length} of {index:?}");
            }
        }
    }

    #[test]
    fn teks_of_different_base_station_count_said_or_label_are_all_different() {
        let pmk = Pmk::from_octets([9; 20]);
        let mut teks = std::collections::BTreeSet::new();
        for bs in 1..4 {
            let context = AkContext::derive(&pmk, AkSequenceNumber(0), MsMac([2; 6]), Bsid([bs; 6]));
            for (count, said) in (0..8).flat_map(|count| (0..8).map(move |said| (count, said))) {
                for index in TekIndex::ALL {
                    teks.insert(*counter_tek(&context.kek, CmacKeyCount(count), Said(said), index).octets());
                }
            }
        }
        assert_eq!(teks.len(), 3 * 8 * 8 * 2);
    }

    #[test]
    fn eks_0_and_1_name_the_two_teks_and_2_and_3_none() {
        assert_eq!([0, 1, 2, 3].map(TekIndex::from_eks), [Some(TekIndex::Tek0), Some(TekIndex::Tek1), None, None]);
        assert!(TekIndex::ALL.iter().all(|index| TekIndex::from_eks(index.eks()) == Some(*index)));
    }

    #[test]
    fn debug_of_a_context_shows_no_octet_of_a_key() {
        let context = set_a(0);
        let shown = format!("{context:?} {context:#?}");
        assert!(shown.contains("Kek(redacted)") && shown.contains("3b7e354a44b25806"), "{shown}");
        for key in ["d7eaa9", "6b7212", "15e556", "e09389", "215, 234", "224, 147"] {
            assert!(!shown.contains(key), "{key} in {shown}");
        }
    }
}
