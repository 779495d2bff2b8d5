//! What only scripts with `system = "parlos"` have: `[parlos]`, and what MMEs, eNBs and UEs are besides.

use crate::eps::identifiers::Plmn;
use crate::eps::node::{Credential, NetworkProof, Parlos};
use crate::eps::security::key_transport::KeyTransport;
use crate::scenario::script::problem::Read;
use crate::scenario::script::section::{Field, Section};

pub(super) const KEYS: &[&str] = &["transport", "credential", "network", "mme_key", "hash"];
/// Keys of `[[mme]]`, `[[enb]]` and `[[ue]]` that only such scripts have.
pub(super) const MME_KEYS: &[&str] = &["certificate", "rlos", "most_half_open"];
pub(super) const ENB_KEYS: &[&str] = &["plmn", "rlos"];
pub(super) const UE_KEYS: &[&str] = &["home", "preferred", "allowed", "certificate"];

/// The words for how KASMEtemp travels.
pub const TRANSPORTS: [(&str, Option<KeyTransport>); 4] = [
    ("none", None),
    ("ecies-a", Some(KeyTransport::EciesA)),
    ("ecies-b", Some(KeyTransport::EciesB)),
    ("rsa-oaep", Some(KeyTransport::RsaOaep)),
];
/// The words for what the ME has.
pub const CREDENTIALS: [(&str, Credential); 3] =
    [("self-made", Credential::SelfMade), ("static", Credential::Static), ("certificate", Credential::Certificate)];
/// The words for how the network proves who it is.
pub const PROOFS: [(&str, NetworkProof); 3] =
    [("unsigned", NetworkProof::Unsigned), ("pinned", NetworkProof::Pinned), ("certified", NetworkProof::Certified)];

/// `[parlos]`.
pub(super) fn read(section: &Section<'_>) -> Read<Parlos> {
    let default = Parlos::default();
    let transport = section.read("transport", default.transport, |field| field.one_of(&TRANSPORTS))?;
    if transport.is_none() {
        for key in ["credential", "network", "mme_key", "hash"] {
            section.refuse(key, "with transport = \"none\", which carries no key")?;
        }
    }
    Ok(Parlos {
        transport,
        credential: section.read("credential", default.credential, |field| field.one_of(&CREDENTIALS))?,
        network: section.read("network", default.network, |field| field.one_of(&PROOFS))?,
        mme_key: section.read("mme_key", default.mme_key, |field| field.boolean())?,
        hash: section.read("hash", default.hash, |field| field.boolean())?,
    })
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateFault {
    /// Nothing.
    #[default]
    None,
    /// Its time is over when the run begins.
    Expired,
    /// Its time comes after the run.
    NotYetValid,
    /// Who has issued it, nobody trusts.
    UnknownIssuer,
    /// It names the issuer that is trusted, who has not signed it.
    Forged,
    /// Its key is for another use.
    WrongUsage,
    /// It is made out to somebody else.
    WrongName,
}

/// The words for faults of a certificate.
pub const CERTIFICATES: [(&str, CertificateFault); 7] = [
    ("valid", CertificateFault::None),
    ("expired", CertificateFault::Expired),
    ("not-yet-valid", CertificateFault::NotYetValid),
    ("unknown-issuer", CertificateFault::UnknownIssuer),
    ("forged", CertificateFault::Forged),
    ("wrong-usage", CertificateFault::WrongUsage),
    ("wrong-name", CertificateFault::WrongName),
];

impl CertificateFault {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        CERTIFICATES.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }
}

/// What an MME is besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmeOfRlos {
    /// Its certificate, where it has one.
    pub certificate: CertificateFault,
    /// Whether it offers RLOS.
    pub offered: bool,
    /// How many attaches it has half done at most.
    pub most_half_open: u16,
}

impl Default for MmeOfRlos {
    fn default() -> Self {
        Self { certificate: CertificateFault::default(), offered: true, most_half_open: 64 }
    }
}

/// What a cell is besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellOfRlos {
    /// The network.
    pub plmn: Plmn,
    /// Whether it broadcasts that this network offers RLOS.
    pub offered: bool,
}

impl Default for CellOfRlos {
    fn default() -> Self {
        Self { plmn: TEST_NETWORK, offered: true }
    }
}

/// 001-01, the test network.
pub const TEST_NETWORK: Plmn = Plmn([0x00, 0xf1, 0x10]);

/// What a UE is besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UeOfRlos {
    /// The network of its USIM.
    pub home: Option<Plmn>,
    /// The networks that it prefers, best first.
    pub preferred: Vec<Plmn>,
    /// Mobile country codes of the others that it takes; none are given: that of the first eNB.
    pub allowed: Option<Vec<[u8; 3]>>,
    /// Its certificate, where it has one.
    pub certificate: CertificateFault,
}

/// A network: `"001-01"`.
fn plmn(field: &Field<'_>) -> Read<Plmn> {
    let expected = "a network, such as \"001-01\" or \"310-260\"";
    let text = field.text(expected)?;
    let digits = |text: &str| text.bytes().map(|octet| octet.checked_sub(b'0').filter(|digit| *digit < 10)).collect();
    let parts = text.split_once('-').map(|(country, network)| [digits(country), digits(network)]);
    let Some([Some::<Vec<u8>>(country), Some::<Vec<u8>>(network)]) = parts else {
        return Err(field.mismatch(expected));
    };
    // MCC, then MNC, digits in halves of octets, the first in the low one; a filler where MNC has two (TS 24.008 clause 10.5.1.3).
    match (&country[..], &network[..]) {
        ([a, b, c], [d, e]) => Ok(Plmn([b << 4 | a, 0xf0 | c, e << 4 | d])),
        ([a, b, c], [d, e, f]) => Ok(Plmn([b << 4 | a, f << 4 | c, e << 4 | d])),
        _ => Err(field.mismatch(expected)),
    }
}

fn country(field: &Field<'_>) -> Read<[u8; 3]> {
    let expected = "a mobile country code, such as \"001\"";
    let digits = <[u8; 3]>::try_from(field.text(expected)?.as_bytes()).ok();
    let digits = digits.map(|digits| digits.map(|octet| octet.wrapping_sub(b'0')));
    digits.filter(|digits| digits.iter().all(|digit| *digit < 10)).ok_or_else(|| field.mismatch(expected))
}

/// Refuses what a section of another system must not have.
fn only_here(section: &Section<'_>, network_is_parlos: bool, keys: &[&str]) -> Read<()> {
    if network_is_parlos {
        return Ok(());
    }
    keys.iter().try_for_each(|key| section.refuse(key, "without system = \"parlos\""))
}

/// [`MME_KEYS`] of a section.
pub(super) fn mme(section: &Section<'_>, is_parlos: bool) -> Read<MmeOfRlos> {
    only_here(section, is_parlos, MME_KEYS)?;
    let default = MmeOfRlos::default();
    Ok(MmeOfRlos {
        certificate: section.read("certificate", default.certificate, |field| field.one_of(&CERTIFICATES))?,
        offered: section.read("rlos", default.offered, |field| field.boolean())?,
        most_half_open: section.read("most_half_open", default.most_half_open, |field| field.number(1..=u16::MAX))?,
    })
}

/// [`ENB_KEYS`] of a section.
pub(super) fn enb(section: &Section<'_>, is_parlos: bool) -> Read<CellOfRlos> {
    only_here(section, is_parlos, ENB_KEYS)?;
    let default = CellOfRlos::default();
    Ok(CellOfRlos {
        plmn: section.read("plmn", default.plmn, plmn)?,
        offered: section.read("rlos", default.offered, |field| field.boolean())?,
    })
}

/// [`UE_KEYS`] of a section.
pub(super) fn ue(section: &Section<'_>, is_parlos: bool) -> Read<UeOfRlos> {
    only_here(section, is_parlos, UE_KEYS)?;
    if is_parlos {
        for key in ["serving", "kasme", "origin"] {
            section.refuse(key, "with system = \"parlos\": the UE is off at the start")?;
        }
    }
    let networks = |field: &Field<'_>| field.items("an array of networks")?.iter().map(plmn).collect::<Read<Vec<_>>>();
    let countries =
        |field: &Field<'_>| field.items("an array of country codes")?.iter().map(country).collect::<Read<Vec<_>>>();
    Ok(UeOfRlos {
        home: section.field("home").map(|field| plmn(&field)).transpose()?,
        preferred: section.read("preferred", Vec::new(), networks)?,
        allowed: section.field("allowed").map(|field| countries(&field)).transpose()?,
        certificate: section.read("certificate", CertificateFault::default(), |field| field.one_of(&CERTIFICATES))?,
    })
}
