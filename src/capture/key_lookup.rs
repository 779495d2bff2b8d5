//! Finds, for a frame of a capture, the key in a key log that opens or verifies it.
//!
//! A data PDU on a transport CID names its key by the connection (CONN: mobile station, base station, SAID) and by EKS; a
//! management message by mobile station, base station and direction. What fits is tried in the order of
//! [`Fit`]; ICV or CMAC decide. A key that fits less well is an answer of its own: a PDU replayed at another base
//! station opens with a key that nobody on that link holds.

mod ends;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::key_log::{ConnectionType, KeyLog, KeyRecord, NodeRecord, TekRecord, Validity};
use super::secret::Secret;
use crate::dot16::identifiers::{AkId, Bsid, Cid, CmacKeyCount, Direction, MsMac, Said};
use crate::dot16::security::ccm::{self, OpenError, Opened};
use crate::dot16::security::cmac_tuple::{self, Truncation};
use crate::dot16::security::{CmacKey, Tek};
use crate::dot16::wire::{CmacTuple, MacPdu, ManagementMessage, PkmAttribute, protected_part};
use crate::time::VirtualTime;

/// Most keys tried on one PDU or message.
pub const MAX_TRIALS: usize = 256;

/// How well a key fits the frame it opens or verifies, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The key of this link and connection, in use at this time.
    InUse,
    /// The key of this link and connection, not yet or no longer in use.
    OutOfUse,
    /// The key of another link or connection.
    Elsewhere,
}

/// The two ends of an air frame, as far as the addresses of the capture tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The mobile station.
    pub ms: Option<MsMac>,
    /// The base station.
    pub bs: Option<Bsid>,
}

/// When and where an air frame was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When its transmission started.
    pub time: VirtualTime,
    /// Its direction, if the capture tells.
    pub direction: Option<Direction>,
    /// Its ends.
    pub link: Link,
}

/// The authentication of a management message, as it stands at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection<'m> {
    /// What the CMAC covers: the message from its type octet to the last before the authentication.
    pub covered: &'m [u8],
    /// CMAC_PN_U or CMAC_PN_D, 4 octets.
    pub pn: u32,
    /// CMAC value, 8 octets.
    pub value: [u8; 8],
}

impl<'m> Protection<'m> {
    /// The CMAC tuple (TLV 141) or, in PKM messages, the CMAC digest (attribute 40) that `message`, type octet first, ends
    /// with (`dot16-security.md` 3.2); `None` if there is none. Messages whose TLVs are not decoded are judged by their
    /// last octets alone.
    #[must_use]
    pub fn of(message: &'m [u8]) -> Option<Self> {
        Self::in_parsed(message, &ManagementMessage::parse(message).ok()?)
    }

    /// The same of a message that has been parsed: `parsed` is what `message` says.
    #[must_use]
    pub fn in_parsed(message: &'m [u8], parsed: &ManagementMessage) -> Option<Self> {
        if let Some(tuple) = parsed.cmac_tuple() {
            return Some(Self { covered: protected_part(message, &tuple)?, pn: tuple.pn, value: tuple.value });
        }
        match parsed {
            // Without a key sequence number there is no tuple, yet the digest can be judged.
            ManagementMessage::PkmReq(pkm) | ManagementMessage::PkmRsp(pkm) => {
                let Some(PkmAttribute::CmacDigest(digest)) = pkm.attributes.last() else { return None };
                let covered = message.strip_suffix(digest.tlv_octets().as_slice())?;
                Some(Self { covered, pn: digest.pn, value: digest.value })
            }
            ManagementMessage::Other { .. } => {
                let (covered, &[CmacTuple::TLV, 13, _, p0, p1, p2, p3, ref value @ ..]) =
                    message.split_last_chunk::<15>()?
                else {
                    return None;
                };
                Some(Self { covered, pn: u32::from_be_bytes([p0, p1, p2, p3]), value: *value })
            }
            _ => None,
        }
    }
}

/// What became of a data PDU.
#[derive(Debug)]
pub enum DataOutcome<'k> {
    /// It opened.
    Opened {
        /// Packet number, direction, plaintext.
        opened: Opened,
        /// The key, as the log has it.
        tek: &'k TekRecord,
        /// Number of the key in the log, to keep apart the packet numbers of different keys.
        key: usize,
        /// How well the key fits.
        fit: Fit,
    },
    /// No key of those tried opens it.
    WrongIcv {
        /// How many were tried.
        tried: usize,
    },
    /// The log has no key for it.
    NoKey,
    /// No key could open it: too short, or packet number 0.
    Unopenable(OpenError),
}

/// What became of the CMAC of a management message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmacOutcome {
    /// It verified.
    Verified {
        /// The CMAC_KEY_COUNT of the key.
        count: CmacKeyCount,
        /// Number of the key in the log, to keep apart the packet numbers of different keys.
        key: usize,
        /// How well the key fits.
        fit: Fit,
    },
    /// No key of those tried verifies it.
    Wrong {
        /// How many were tried.
        tried: usize,
    },
    /// The log has no key for it.
    NoKey,
}

struct CmacEntry {
    direction: Direction,
    ms: MsMac,
    bs: Bsid,
    akid: AkId,
    count: CmacKeyCount,
    validity: Validity,
    key: CmacKey,
}

struct Connection {
    ms: MsMac,
    bs: Bsid,
    said: Said,
    transport: bool,
    validity: Validity,
}

/// The keys of a log, in the order in which frames ask for them.
pub struct KeyLookup {
    nodes: Vec<NodeRecord>,
    connections: BTreeMap<Cid, Vec<Connection>>,
    teks: Vec<(TekRecord, Tek)>,
    teks_by_sa: BTreeMap<(MsMac, Bsid, Said), Vec<usize>>,
    cmac_keys: Vec<CmacEntry>,
    cmac_keys_by_link: BTreeMap<(MsMac, Bsid), Vec<usize>>,
}

impl KeyLookup {
    /// Takes over a key log.
    #[must_use]
    pub fn new(log: KeyLog) -> Self {
        let mut lookup = Self {
            nodes: log.nodes,
            connections: BTreeMap::new(),
            teks: Vec::new(),
            teks_by_sa: BTreeMap::new(),
            cmac_keys: Vec::new(),
            cmac_keys_by_link: BTreeMap::new(),
        };
        let key = |secret: &Secret<16>| *secret.expose();
        for record in log.records {
            match record {
                KeyRecord::Connection(record) => {
                    lookup.connections.entry(record.cid).or_default().push(Connection {
                        ms: record.ms,
                        bs: record.bs,
                        said: record.said,
                        transport: record.kind == ConnectionType::Transport,
                        validity: record.validity,
                    });
                }
                KeyRecord::Tek(record) => {
                    let sa = (record.ms, record.bs, record.said);
                    lookup.teks_by_sa.entry(sa).or_default().push(lookup.teks.len());
                    let tek = Tek::from_octets(key(&record.key));
                    lookup.teks.push((record, tek));
                }
                KeyRecord::CmacKey(record) => {
                    let link = (record.ms, record.bs);
                    lookup.cmac_keys_by_link.entry(link).or_default().push(lookup.cmac_keys.len());
                    lookup.cmac_keys.push(CmacEntry {
                        direction: record.direction,
                        ms: record.ms,
                        bs: record.bs,
                        akid: record.akid,
                        count: record.count,
                        validity: record.validity,
                        key: CmacKey::from_octets(key(&record.key)),
                    });
                }
                KeyRecord::Pmk(_) | KeyRecord::Ak(_) | KeyRecord::Kek(_) => {}
            }
        }
        lookup
    }

    /// The ends of an air frame from its display addresses. Without a direction neither end is known.
    #[must_use]
    pub fn link(&self, direction: Option<Direction>, source: Option<Ipv4Addr>, destination: Option<Ipv4Addr>) -> Link {
        let (ms, bs) = match direction {
            Some(Direction::Uplink) => (source, destination),
            Some(Direction::Downlink) => (destination, source),
            None => (None, None),
        };
        let id = |address: Option<Ipv4Addr>| {
            let address = address?;
            self.nodes.iter().find(|node| node.ip == Some(address))?.id
        };
        Link { ms: id(ms).map(MsMac), bs: id(bs).map(Bsid) }
    }

    /// The name of the node that a display address stands for.
    #[must_use]
    pub fn name_of(&self, address: Ipv4Addr) -> Option<&str> {
        self.nodes.iter().find(|node| node.ip == Some(address)).map(|node| node.name.as_str())
    }

    /// Opens an encrypted data PDU.
    #[must_use]
    pub fn open(&self, pdu: &MacPdu<'_>, at: &Sighting) -> DataOutcome<'_> {
        let eks = pdu.header.eks;
        let near = self.teks_of_connection(pdu.header.cid, eks, at);
        let far = self
            .teks
            .iter()
            .enumerate()
            .rev()
            .filter(|(number, (tek, _))| tek.eks == eks && !near.iter().any(|(_, known)| known == number));
        let far = far.map(|(number, _)| (Fit::Elsewhere, number));
        let mut tried = 0usize;
        for (fit, number) in near.iter().copied().chain(far).take(MAX_TRIALS) {
            let Some((record, tek)) = self.teks.get(number) else {
                continue;
            };
            tried = tried.saturating_add(1);
            match ccm::open(tek, pdu) {
                Ok(opened) => {
                    return DataOutcome::Opened { opened, tek: record, key: number, fit };
                }
                Err(OpenError::Icv) => {}
                Err(other) => return DataOutcome::Unopenable(other),
            }
        }
        if tried == 0 { DataOutcome::NoKey } else { DataOutcome::WrongIcv { tried } }
    }

    /// The TEKs of that EKS that the log gives to `cid`, by number, best first.
    fn teks_of_connection(&self, cid: Cid, eks: u8, at: &Sighting) -> Vec<(Fit, usize)> {
        let mut fits: BTreeMap<usize, Fit> = BTreeMap::new();
        for connection in self.connections.get(&cid).into_iter().flatten().filter(|connection| connection.transport) {
            let sa = (connection.ms, connection.bs, connection.said);
            for number in self.teks_by_sa.get(&sa).into_iter().flatten() {
                let Some((tek, _)) = self.teks.get(*number).filter(|(tek, _)| tek.eks == eks) else {
                    continue;
                };
                let in_use = connection.validity.contains(at.time) && tek.validity.contains(at.time);
                let fit = fit(at.link, connection.ms, connection.bs, in_use);
                fits.entry(*number).and_modify(|known| *known = fit.min(*known)).or_insert(fit);
            }
        }
        best_first(fits.into_iter().map(|(number, fit)| (fit, number)).collect())
    }

    /// Verifies the CMAC of a management message that came on `cid`.
    #[must_use]
    pub fn verify(&self, protection: &Protection<'_>, cid: Cid, at: &Sighting) -> CmacOutcome {
        let near = self.cmac_keys_of_link(at);
        let far = (0..self.cmac_keys.len()).rev().filter(|number| !near.iter().any(|(_, known)| known == number));
        let far = far.map(|number| (Fit::Elsewhere, number));
        let mut tried = 0usize;
        for (fit, number) in near.iter().copied().chain(far) {
            let Some(entry) = self.cmac_keys.get(number).filter(|entry| serves(entry, at)) else {
                continue;
            };
            if tried >= MAX_TRIALS {
                break;
            }
            tried = tried.saturating_add(1);
            let Protection { covered, pn, value } = protection;
            if cmac_tuple::verify(&entry.key, entry.akid, *pn, cid, covered, Truncation::Right, value) {
                return CmacOutcome::Verified { count: entry.count, key: number, fit };
            }
        }
        if tried == 0 { CmacOutcome::NoKey } else { CmacOutcome::Wrong { tried } }
    }

    /// The CMAC keys of this link, by number, best first.
    fn cmac_keys_of_link(&self, at: &Sighting) -> Vec<(Fit, usize)> {
        let with_fit = |number: usize| {
            let entry = self.cmac_keys.get(number).filter(|entry| serves(entry, at))?;
            let fit = fit(at.link, entry.ms, entry.bs, entry.validity.contains(at.time));
            (fit != Fit::Elsewhere).then_some((fit, number))
        };
        best_first(match (at.link.ms, at.link.bs) {
            (Some(ms), Some(bs)) => {
                self.cmac_keys_by_link.get(&(ms, bs)).into_iter().flatten().copied().filter_map(with_fit).collect()
            }
            _ => (0..self.cmac_keys.len()).filter_map(with_fit).collect(),
        })
    }
}

fn serves(entry: &CmacEntry, at: &Sighting) -> bool {
    at.direction.is_none_or(|direction| direction == entry.direction)
}

/// Of two keys that fit as well the younger one is likelier; a log is sorted by age.
fn best_first(mut candidates: Vec<(Fit, usize)>) -> Vec<(Fit, usize)> {
    candidates.sort_by_key(|(fit, number)| (*fit, std::cmp::Reverse(*number)));
    candidates
}

fn fit(link: Link, ms: MsMac, bs: Bsid, in_use: bool) -> Fit {
    let here = link.ms.is_none_or(|known| known == ms) && link.bs.is_none_or(|known| known == bs);
    match (here, in_use) {
        (true, true) => Fit::InUse,
        (true, false) => Fit::OutOfUse,
        (false, _) => Fit::Elsewhere,
    }
}
