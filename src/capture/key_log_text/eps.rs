//! The lines of EPS records, both ways.
//!
//! ```text
//! DERIVATION system=contribution|standard one_way=kdf|sha-256 fc_star fc_target c_rnti_bits=16|32        -
//! CELL cell enb mme earfcn group                                                                         -
//! KASME ue from until                                                                                    64 hex
//! NAS_ENC | NAS_INT ue algorithm from until                                                              32 hex
//! NH ue ncc from until                                                                                   64 hex
//! KENB_STAR ue cell from until                                                                           64 hex
//! KENB ue cell c_rnti ue_id ncc ciphering integrity holder=ue|enb|both from until                        64 hex
//! RRC_ENC | RRC_INT | UP_ENC ue cell ue_id algorithm from until                                          32 hex
//! TRANSFER upe=yes|no up_keys=same|update mapping=target-id|target-id-fresh|nonce                       -
//! UP_KEY ue algorithm holder=ue|network|both from until                                                  32 hex
//! CK_IK ue cell holder=ue|network|both from until                                                        64 hex: CK, IK
//! LINK_KEY sender receiver spi                                                                           40 hex: key, salt
//! E2M | AKA_KEYS | E2M_INT_KEY | E2M_KEY: see `enterprise`
//! PARLOS transport=none|ecies-a|ecies-b|rsa-oaep certificates=yes|no network=unsigned|pinned|certified
//!        mme_key=yes|no hash=yes|no mme                                                                  -
//! TRUST name key                                                                                         -
//! NETWORK_KEY key                                                                                        -
//! KEY_PAIR ue scheme=ecies-a|ecies-b|rsa-oaep holder=ue|network|both from until                          64 hex, of rsa-oaep 512
//!      ; ue = IMSI   cell = physical cell identity   or - (CK_IK)   c_rnti = 4 hex   spi = 8 hex
//!      ; enb, mme, sender, receiver = names of nodes   mme (PARLOS, or -), name (TRUST) = names in certificates
//!      ; key = 66 hex, a point of P-256, compressed   the rest decimal
//! ```

use zeroize::Zeroizing;

use super::reading::{Line, decimal, digits};
use super::writing::{hex, times, word};
use super::{enterprise, is_word};
use crate::capture::error::CaptureError;
use crate::capture::key_log::eps::{
    AsKeyRecord, AsKeyUse, CRntiBits, CellRecord, CkIkRecord, CommandProof, DerivationRecord, EpsKeyRecord,
    KasmeRecord, KenbHolder, KenbRecord, KenbStarRecord, KeyHolder, KeyMapping, KeyPairRecord, KeySystem,
    LinkKeyRecord, NasKeyRecord, NasKeyUse, NetworkKeyRecord, NhRecord, ParlosRecord, TransferRecord, TrustRecord,
    UpKeyPolicy, UpKeyRecord,
};
use crate::eps::identifiers::{Earfcn, Imsi, Pci};
use crate::eps::keys::{AlgorithmKey, CkIk, Kasme, Kenb, KenbStar, LinkSecret, Nh};
use crate::eps::parameters::{AlgorithmId, Ncc};
use crate::eps::security::key_transport::signature::{POINT_OCTETS, of_point, point};
use crate::eps::security::key_transport::{KeyTransport, PrivateKey, TrustAnchor, VerifyingKey};
use crate::eps::security::{HandoverDerivation, OneWay};

/// The kinds of these lines.
pub(super) const KINDS: [&str; 23] = [
    "DERIVATION",
    "CELL",
    "KASME",
    "NAS_ENC",
    "NAS_INT",
    "NH",
    "KENB_STAR",
    "KENB",
    "RRC_ENC",
    "RRC_INT",
    "UP_ENC",
    "TRANSFER",
    "UP_KEY",
    "CK_IK",
    "LINK_KEY",
    enterprise::KINDS[0],
    enterprise::KINDS[1],
    enterprise::KINDS[2],
    enterprise::KINDS[3],
    "PARLOS",
    "TRUST",
    "NETWORK_KEY",
    "KEY_PAIR",
];

const SYSTEMS: [(&str, KeySystem); 2] = [("contribution", KeySystem::Contribution), ("standard", KeySystem::Standard)];
const ONE_WAYS: [(&str, OneWay); 2] = [("kdf", OneWay::Kdf), ("sha-256", OneWay::Sha256)];
const C_RNTI_BITS: [(&str, CRntiBits); 2] = [("16", CRntiBits::Sixteen), ("32", CRntiBits::ThirtyTwo)];
const HOLDERS: [(&str, KenbHolder); 3] = [("ue", KenbHolder::Ue), ("enb", KenbHolder::Enb), ("both", KenbHolder::Both)];

pub(super) const YES_NO: [(&str, bool); 2] = [("yes", true), ("no", false)];
const UP_KEY_POLICIES: [(&str, UpKeyPolicy); 2] = [("same", UpKeyPolicy::Same), ("update", UpKeyPolicy::Update)];
const MAPPINGS: [(&str, KeyMapping); 3] =
    [("target-id", KeyMapping::TargetId), ("target-id-fresh", KeyMapping::TargetIdFresh), ("nonce", KeyMapping::Nonce)];
const TRANSPORTS: [(&str, Option<KeyTransport>); 4] = [
    ("none", None),
    ("ecies-a", Some(KeyTransport::EciesA)),
    ("ecies-b", Some(KeyTransport::EciesB)),
    ("rsa-oaep", Some(KeyTransport::RsaOaep)),
];
const SCHEMES: [(&str, KeyTransport); 3] =
    [("ecies-a", KeyTransport::EciesA), ("ecies-b", KeyTransport::EciesB), ("rsa-oaep", KeyTransport::RsaOaep)];
const PROOFS: [(&str, CommandProof); 3] =
    [("unsigned", CommandProof::Unsigned), ("pinned", CommandProof::Pinned), ("certified", CommandProof::Certified)];
pub(super) const KEY_HOLDERS: [(&str, KeyHolder); 3] =
    [("ue", KeyHolder::Ue), ("network", KeyHolder::Network), ("both", KeyHolder::Both)];

impl Line<'_> {
    pub(super) fn ue(&mut self) -> Result<Imsi, CaptureError> {
        self.field("ue", "an IMSI of 6 to 15 digits", |text| text.parse().ok())
    }

    fn cell(&mut self) -> Result<Pci, CaptureError> {
        self.field("cell", "a decimal number up to 503", |text| {
            decimal(text).and_then(|pci| u16::try_from(pci).ok()).and_then(Pci::new)
        })
    }

    /// A cell, or none.
    fn some_cell(&mut self) -> Result<Option<Pci>, CaptureError> {
        self.field("cell", "a decimal number up to 503, or -", |text| match text {
            "-" => Some(None),
            text => decimal(text).and_then(|pci| u16::try_from(pci).ok()).and_then(Pci::new).map(Some),
        })
    }

    fn algorithm(&mut self, name: &'static str) -> Result<AlgorithmId, CaptureError> {
        self.field(name, "a decimal number up to 3", |text| {
            decimal(text).and_then(|number| u8::try_from(number).ok()).and_then(AlgorithmId::from_number)
        })
    }

    fn ncc(&mut self) -> Result<Ncc, CaptureError> {
        self.small("ncc", 7).map(|ncc| Ncc::new(u32::from(ncc)))
    }

    fn ue_id(&mut self) -> Result<u16, CaptureError> {
        self.field("ue_id", "a decimal number from 1 to 65535", |text| {
            decimal(text).and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0)
        })
    }

    /// A key that signatures are checked with.
    fn verifying_key(&mut self) -> Result<VerifyingKey, CaptureError> {
        self.field("key", "66 hex digits of a point of P-256", |text| {
            digits::<POINT_OCTETS>(text).and_then(|octets| of_point(&octets))
        })
    }

    /// The private key of a scheme.
    fn private_key(&self, scheme: KeyTransport) -> Result<PrivateKey, CaptureError> {
        let key = match scheme {
            KeyTransport::RsaOaep => PrivateKey::from_octets(scheme, self.secret::<256>()?.expose()),
            _ => PrivateKey::from_octets(scheme, self.secret::<32>()?.expose()),
        };
        key.map_err(|_| self.no_key(scheme.name()))
    }

    fn name_of_node(&mut self, name: &'static str) -> Result<String, CaptureError> {
        self.field(name, "a name in visible ASCII", |text| is_word(text).then(|| text.to_owned()))
    }
}

/// The record of a line of this kind, which is one of [`KINDS`].
pub(super) fn record(kind: &str, line: &mut Line<'_>) -> Result<Option<EpsKeyRecord>, CaptureError> {
    Ok(Some(match kind {
        "DERIVATION" => {
            let record = DerivationRecord {
                system: line.one_of("system", &SYSTEMS)?,
                derivation: HandoverDerivation {
                    one_way: line.one_of("one_way", &ONE_WAYS)?,
                    fc_star: line.small("fc_star", u8::MAX)?,
                    fc_target: line.small("fc_target", u8::MAX)?,
                },
                c_rnti_bits: line.one_of("c_rnti_bits", &C_RNTI_BITS)?,
            };
            line.no_secret()?;
            EpsKeyRecord::Derivation(record)
        }
        "CELL" => {
            let record = CellRecord {
                cell: line.cell()?,
                enb: line.name_of_node("enb")?,
                mme: line.name_of_node("mme")?,
                earfcn: line.field("earfcn", "a decimal number up to 262143", |text| {
                    decimal(text).and_then(|carrier| u32::try_from(carrier).ok()).and_then(Earfcn::new)
                })?,
                group: line.field("group", "a decimal number up to 4294967295", |text| {
                    decimal(text).and_then(|group| u32::try_from(group).ok())
                })?,
            };
            line.no_secret()?;
            EpsKeyRecord::Cell(record)
        }
        "KASME" => EpsKeyRecord::Kasme(KasmeRecord {
            ue: line.ue()?,
            validity: line.validity()?,
            key: Kasme::from_octets(*line.secret()?.expose()),
        }),
        "NAS_ENC" | "NAS_INT" => EpsKeyRecord::Nas(NasKeyRecord {
            key_use: if kind == "NAS_ENC" { NasKeyUse::Ciphering } else { NasKeyUse::Integrity },
            ue: line.ue()?,
            algorithm: line.algorithm("algorithm")?,
            validity: line.validity()?,
            key: AlgorithmKey::from_octets(*line.secret()?.expose()),
        }),
        "NH" => EpsKeyRecord::Nh(NhRecord {
            ue: line.ue()?,
            ncc: line.ncc()?,
            validity: line.validity()?,
            key: Nh::from_octets(*line.secret()?.expose()),
        }),
        "KENB_STAR" => EpsKeyRecord::KenbStar(KenbStarRecord {
            ue: line.ue()?,
            cell: line.cell()?,
            validity: line.validity()?,
            key: KenbStar::from_octets(*line.secret()?.expose()),
        }),
        "KENB" => EpsKeyRecord::Kenb(KenbRecord {
            ue: line.ue()?,
            cell: line.cell()?,
            c_rnti: line.field("c_rnti", "4 hex digits", |text| digits(text).map(u16::from_be_bytes))?,
            ue_id: line.ue_id()?,
            ncc: line.ncc()?,
            ciphering: line.algorithm("ciphering")?,
            integrity: line.algorithm("integrity")?,
            holder: line.one_of("holder", &HOLDERS)?,
            validity: line.validity()?,
            key: Kenb::from_octets(*line.secret()?.expose()),
        }),
        "RRC_ENC" | "RRC_INT" | "UP_ENC" => EpsKeyRecord::As(AsKeyRecord {
            key_use: match kind {
                "RRC_ENC" => AsKeyUse::RrcCiphering,
                "RRC_INT" => AsKeyUse::RrcIntegrity,
                _ => AsKeyUse::UserCiphering,
            },
            ue: line.ue()?,
            cell: line.cell()?,
            ue_id: line.ue_id()?,
            algorithm: line.algorithm("algorithm")?,
            validity: line.validity()?,
            key: AlgorithmKey::from_octets(*line.secret()?.expose()),
        }),
        "TRANSFER" => {
            let record = TransferRecord {
                upe: line.one_of("upe", &YES_NO)?,
                up_keys: line.one_of("up_keys", &UP_KEY_POLICIES)?,
                mapping: line.one_of("mapping", &MAPPINGS)?,
            };
            line.no_secret()?;
            EpsKeyRecord::Transfer(record)
        }
        "UP_KEY" => EpsKeyRecord::UpKey(UpKeyRecord {
            ue: line.ue()?,
            algorithm: line.algorithm("algorithm")?,
            holder: line.one_of("holder", &KEY_HOLDERS)?,
            validity: line.validity()?,
            key: AlgorithmKey::from_octets(*line.secret()?.expose()),
        }),
        "CK_IK" => EpsKeyRecord::CkIk(CkIkRecord {
            ue: line.ue()?,
            cell: line.some_cell()?,
            holder: line.one_of("holder", &KEY_HOLDERS)?,
            validity: line.validity()?,
            key: CkIk::from_octets(*line.secret()?.expose()),
        }),
        "LINK_KEY" => EpsKeyRecord::LinkKey(LinkKeyRecord {
            sender: line.name_of_node("sender")?,
            receiver: line.name_of_node("receiver")?,
            spi: line.field("spi", "8 hex digits", |text| digits(text).map(u32::from_be_bytes))?,
            key: LinkSecret::from_octets(*line.secret()?.expose()),
        }),
        "PARLOS" => {
            let record = ParlosRecord {
                transport: line.one_of("transport", &TRANSPORTS)?,
                certificates: line.one_of("certificates", &YES_NO)?,
                network: line.one_of("network", &PROOFS)?,
                mme_key: line.one_of("mme_key", &YES_NO)?,
                hash: line.one_of("hash", &YES_NO)?,
                mme_name: line.field("mme", "a name in visible ASCII, or -", |text| match text {
                    "-" => Some(None),
                    text => is_word(text).then(|| Some(text.to_owned())),
                })?,
            };
            line.no_secret()?;
            EpsKeyRecord::Parlos(record)
        }
        "TRUST" => {
            let anchor = TrustAnchor { name: line.name_of_node("name")?, key: line.verifying_key()? };
            line.no_secret()?;
            EpsKeyRecord::Trust(TrustRecord { anchor })
        }
        "NETWORK_KEY" => {
            let key = line.verifying_key()?;
            line.no_secret()?;
            EpsKeyRecord::NetworkKey(NetworkKeyRecord { key })
        }
        "KEY_PAIR" => {
            let ue = line.ue()?;
            let scheme = line.one_of("scheme", &SCHEMES)?;
            EpsKeyRecord::KeyPair(KeyPairRecord {
                ue,
                holder: line.one_of("holder", &KEY_HOLDERS)?,
                validity: line.validity()?,
                key: line.private_key(scheme)?,
            })
        }
        other => return Ok(enterprise::record(other, line)?.map(EpsKeyRecord::Enterprise)),
    }))
}

pub(super) fn kind(record: &EpsKeyRecord) -> &'static str {
    match record {
        EpsKeyRecord::Derivation(_) => "DERIVATION",
        EpsKeyRecord::Cell(_) => "CELL",
        EpsKeyRecord::Kasme(_) => "KASME",
        EpsKeyRecord::Nas(NasKeyRecord { key_use: NasKeyUse::Ciphering, .. }) => "NAS_ENC",
        EpsKeyRecord::Nas(NasKeyRecord { key_use: NasKeyUse::Integrity, .. }) => "NAS_INT",
        EpsKeyRecord::Nh(_) => "NH",
        EpsKeyRecord::KenbStar(_) => "KENB_STAR",
        EpsKeyRecord::Kenb(_) => "KENB",
        EpsKeyRecord::As(AsKeyRecord { key_use: AsKeyUse::RrcCiphering, .. }) => "RRC_ENC",
        EpsKeyRecord::As(AsKeyRecord { key_use: AsKeyUse::RrcIntegrity, .. }) => "RRC_INT",
        EpsKeyRecord::As(AsKeyRecord { key_use: AsKeyUse::UserCiphering, .. }) => "UP_ENC",
        EpsKeyRecord::Transfer(_) => "TRANSFER",
        EpsKeyRecord::UpKey(_) => "UP_KEY",
        EpsKeyRecord::CkIk(_) => "CK_IK",
        EpsKeyRecord::LinkKey(_) => "LINK_KEY",
        EpsKeyRecord::Enterprise(record) => enterprise::kind(record),
        EpsKeyRecord::Parlos(_) => "PARLOS",
        EpsKeyRecord::Trust(_) => "TRUST",
        EpsKeyRecord::NetworkKey(_) => "NETWORK_KEY",
        EpsKeyRecord::KeyPair(_) => "KEY_PAIR",
    }
}

/// Whether these names of nodes can stand in a line.
fn names<const N: usize>(names: [&String; N]) -> Result<(), CaptureError> {
    match names.into_iter().find(|name| !is_word(name)) {
        Some(name) => Err(CaptureError::Unwritable {
            frame: 0,
            expected: "the name of a node in visible ASCII without spaces".to_owned(),
            found: format!("{name:?}"),
        }),
        None => Ok(()),
    }
}

/// The line of a record.
///
/// # Errors
/// The name of a node in it is no word.
pub(super) fn line(record: &EpsKeyRecord) -> Result<Zeroizing<String>, CaptureError> {
    let times = times(record.validity());
    let (fields, secret) = match record {
        EpsKeyRecord::Derivation(r) => {
            let HandoverDerivation { one_way, fc_star, fc_target } = r.derivation;
            let (system, one_way) = (word(&SYSTEMS, &r.system), word(&ONE_WAYS, &one_way));
            let bits = word(&C_RNTI_BITS, &r.c_rnti_bits);
            let fields =
                format!("system={system} one_way={one_way} fc_star={fc_star} fc_target={fc_target} c_rnti_bits={bits}");
            (fields, "-".to_owned())
        }
        EpsKeyRecord::Cell(r) => {
            names([&r.enb, &r.mme])?;
            let fields = format!("cell={} enb={} mme={} earfcn={} group={}", r.cell, r.enb, r.mme, r.earfcn, r.group);
            (fields, "-".to_owned())
        }
        EpsKeyRecord::Kasme(r) => (format!("ue={} {times}", r.ue), hex(r.key.octets())),
        EpsKeyRecord::Nas(r) => (format!("ue={} algorithm={} {times}", r.ue, r.algorithm as u8), hex(r.key.octets())),
        EpsKeyRecord::Nh(r) => (format!("ue={} ncc={} {times}", r.ue, r.ncc.get()), hex(r.key.octets())),
        EpsKeyRecord::KenbStar(r) => (format!("ue={} cell={} {times}", r.ue, r.cell), hex(r.key.octets())),
        EpsKeyRecord::Kenb(r) => (
            format!(
                "ue={} cell={} c_rnti={:04x} ue_id={} ncc={} ciphering={} integrity={} holder={} {times}",
                r.ue,
                r.cell,
                r.c_rnti,
                r.ue_id,
                r.ncc.get(),
                r.ciphering as u8,
                r.integrity as u8,
                word(&HOLDERS, &r.holder)
            ),
            hex(r.key.octets()),
        ),
        EpsKeyRecord::As(r) => (
            format!("ue={} cell={} ue_id={} algorithm={} {times}", r.ue, r.cell, r.ue_id, r.algorithm as u8),
            hex(r.key.octets()),
        ),
        EpsKeyRecord::Transfer(r) => {
            let (upe, up_keys) = (word(&YES_NO, &r.upe), word(&UP_KEY_POLICIES, &r.up_keys));
            (format!("upe={upe} up_keys={up_keys} mapping={}", word(&MAPPINGS, &r.mapping)), "-".to_owned())
        }
        EpsKeyRecord::UpKey(r) => {
            let (algorithm, holder) = (r.algorithm as u8, word(&KEY_HOLDERS, &r.holder));
            (format!("ue={} algorithm={algorithm} holder={holder} {times}", r.ue), hex(r.key.octets()))
        }
        EpsKeyRecord::CkIk(r) => {
            let cell = r.cell.map_or_else(|| "-".to_owned(), |cell| cell.to_string());
            let holder = word(&KEY_HOLDERS, &r.holder);
            (format!("ue={} cell={cell} holder={holder} {times}", r.ue), hex(r.key.octets()))
        }
        EpsKeyRecord::LinkKey(r) => {
            names([&r.sender, &r.receiver])?;
            (format!("sender={} receiver={} spi={:08x}", r.sender, r.receiver, r.spi), hex(r.key.octets()))
        }
        EpsKeyRecord::Enterprise(r) => enterprise::fields(r),
        EpsKeyRecord::Parlos(r) => {
            if let Some(name) = &r.mme_name {
                names([name])?;
            }
            let fields = format!(
                "transport={} certificates={} network={} mme_key={} hash={} mme={}",
                word(&TRANSPORTS, &r.transport),
                word(&YES_NO, &r.certificates),
                word(&PROOFS, &r.network),
                word(&YES_NO, &r.mme_key),
                word(&YES_NO, &r.hash),
                r.mme_name.as_deref().unwrap_or("-")
            );
            (fields, "-".to_owned())
        }
        EpsKeyRecord::Trust(TrustRecord { anchor: TrustAnchor { name, key } }) => {
            names([name])?;
            (format!("name={name} key={}", hex(&point(key))), "-".to_owned())
        }
        EpsKeyRecord::NetworkKey(r) => (format!("key={}", hex(&point(&r.key))), "-".to_owned()),
        EpsKeyRecord::KeyPair(r) => {
            let (scheme, holder) = (r.key.scheme().name(), word(&KEY_HOLDERS, &r.holder));
            (format!("ue={} scheme={scheme} holder={holder} {times}", r.ue), hex(&r.key.octets()))
        }
    };
    let secret = Zeroizing::new(secret);
    Ok(Zeroizing::new(format!("{} {fields} {}", kind(record), *secret)))
}
