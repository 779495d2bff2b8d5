//! The key log: which node is who, which connection belongs to which SA, and every key of a run with the time it was
//! in use (DESIGN section 6). The text form is in [`super::key_log_text`].

pub mod enterprise;
pub mod eps;

use std::net::Ipv4Addr;

use eps::EpsKeyRecord;

use super::secret::Secret;
use crate::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use crate::time::VirtualTime;

/// When a key or connection was in use. Both ends belong to it; `None` (`-` in the text) leaves that end open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// First instant.
    pub from: Option<VirtualTime>,
    /// Last instant.
    pub until: Option<VirtualTime>,
}

impl Validity {
    /// Whether `time` belongs to it.
    #[must_use]
    pub fn contains(&self, time: VirtualTime) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time <= until)
    }
}

/// `NODE`: a node and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Name, without spaces.
    pub name: String,
    /// Role in one word, such as `ms`, `bs` or `gateway`.
    pub role: String,
    /// The IPv4 address that stands for it in captures.
    pub ip: Option<Ipv4Addr>,
    /// MAC address of a mobile station or BSID, 6 octets; `None` for a gateway.
    pub id: Option<[u8; 6]>,
}

/// What a connection is for (802.16-2009 clause 10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionType {
    /// Basic management connection.
    Basic,
    /// Primary management connection.
    Primary,
    /// Transport connection of a service flow.
    Transport,
}

/// `CONN`: a connection between a mobile station and a base station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Mobile station.
    pub ms: MsMac,
    /// Base station.
    pub bs: Bsid,
    /// Its CID at this base station.
    pub cid: Cid,
    /// What it is for.
    pub kind: ConnectionType,
    /// The security association that protects it.
    pub said: Said,
    /// When the CID stood for it.
    pub validity: Validity,
}

/// `PMK`: a pairwise master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PmkRecord {
    /// Mobile station.
    pub ms: MsMac,
    /// PMK sequence number, 4 bits.
    pub pmk_sn: u8,
    /// Lifetime.
    pub validity: Validity,
    /// The key, 20 octets.
    pub key: Secret<20>,
}

/// `AK`: an authorization key of a mobile station at a base station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AkRecord {
    /// Mobile station.
    pub ms: MsMac,
    /// Base station.
    pub bs: Bsid,
    /// AK sequence number.
    pub ak_sn: AkSequenceNumber,
    /// AKID.
    pub akid: AkId,
    /// Lifetime.
    pub validity: Validity,
    /// The key, 20 octets.
    pub key: Secret<20>,
}

/// `KEK`: a key encryption key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KekRecord {
    /// Mobile station.
    pub ms: MsMac,
    /// Base station.
    pub bs: Bsid,
    /// AKID of the AK it comes from.
    pub akid: AkId,
    /// Lifetime.
    pub validity: Validity,
    /// The key, 16 octets.
    pub key: Secret<16>,
}

/// `CMAC_KEY_U` or `CMAC_KEY_D`: the key that authenticates management messages of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CmacKeyRecord {
    /// The direction it is for.
    pub direction: Direction,
    /// Mobile station.
    pub ms: MsMac,
    /// Base station.
    pub bs: Bsid,
    /// AKID of the AK it comes from.
    pub akid: AkId,
    /// The CMAC_KEY_COUNT it was derived with.
    pub count: CmacKeyCount,
    /// Lifetime.
    pub validity: Validity,
    /// The key, 16 octets.
    pub key: Secret<16>,
}

/// Which of the two TEKs that a CMAC_KEY_COUNT gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TekNumber {
    /// TEK0.
    Zero,
    /// TEK1.
    One,
}

/// How a TEK came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TekSource {
    /// Derived from a CMAC_KEY_COUNT.
    Counter,
    /// Drawn at random by a base station.
    Random,
    /// Taken over from the serving base station.
    Reuse,
}

/// Who held a TEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TekHolder {
    /// The mobile station alone.
    MobileStation,
    /// The base station alone.
    BaseStation,
    /// Both.
    Both,
}

/// `TEK`: a traffic encryption key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TekRecord {
    /// Mobile station.
    pub ms: MsMac,
    /// Base station.
    pub bs: Bsid,
    /// AKID of the AK in use.
    pub akid: AkId,
    /// Security association.
    pub said: Said,
    /// The CMAC_KEY_COUNT it belongs to.
    pub count: CmacKeyCount,
    /// Which TEK of its count; `None` if it is of no count.
    pub tek: Option<TekNumber>,
    /// Encryption key sequence, 2 bits: what the EKS field of its PDUs says.
    pub eks: u8,
    /// How it came to be.
    pub source: TekSource,
    /// Who held it.
    pub holder: TekHolder,
    /// Lifetime.
    pub validity: Validity,
    /// The key, 16 octets.
    pub key: Secret<16>,
}

/// One line of a key log that holds a connection or a key of 802.16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRecord {
    /// `CONN`.
    Connection(ConnectionRecord),
    /// `PMK`.
    Pmk(PmkRecord),
    /// `AK`.
    Ak(AkRecord),
    /// `KEK`.
    Kek(KekRecord),
    /// `CMAC_KEY_U` or `CMAC_KEY_D`.
    CmacKey(CmacKeyRecord),
    /// `TEK`.
    Tek(TekRecord),
}

impl KeyRecord {
    /// When the key or connection was in use.
    #[must_use]
    pub fn validity(&self) -> Validity {
        match self {
            Self::Connection(record) => record.validity,
            Self::Pmk(record) => record.validity,
            Self::Ak(record) => record.validity,
            Self::Kek(record) => record.validity,
            Self::CmacKey(record) => record.validity,
            Self::Tek(record) => record.validity,
        }
    }

    /// Opens the record again or closes it: a writer learns the end of a key's use only later.
    pub fn set_until(&mut self, until: Option<VirtualTime>) {
        let validity = match self {
            Self::Connection(record) => &mut record.validity,
            Self::Pmk(record) => &mut record.validity,
            Self::Ak(record) => &mut record.validity,
            Self::Kek(record) => &mut record.validity,
            Self::CmacKey(record) => &mut record.validity,
            Self::Tek(record) => &mut record.validity,
        };
        validity.until = until;
    }
}

/// A whole key log. The order of the fields here is free; the text form sorts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLog {
    /// Who is who.
    pub nodes: Vec<NodeRecord>,
    /// Connections and keys of 802.16.
    pub records: Vec<KeyRecord>,
    /// Derivation, cells and keys of EPS.
    pub eps: Vec<EpsKeyRecord>,
}

impl KeyLog {
    /// The node that an IPv4 address of a capture stands for.
    #[must_use]
    pub fn node_at(&self, ip: Ipv4Addr) -> Option<&NodeRecord> {
        self.nodes.iter().find(|node| node.ip == Some(ip))
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeRecord> {
        self.nodes.iter().find(|node| node.name == name)
    }
}

/// Something in a key log that is not understood and does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Line, from 1.
    pub line: usize,
    /// What it is.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_validity_belong_to_it() {
        let time = VirtualTime::from_nanos;
        let validity = Validity { from: Some(time(5)), until: Some(time(7)) };
        assert_eq!([4, 5, 7, 8].map(|at| validity.contains(time(at))), [false, true, true, false]);
        assert!(Validity::default().contains(VirtualTime::MAX));
    }
}
