//! Mobile and base station of an air frame whose framing has no display addresses: by what the key log knows of the
//! addresses of its link, of its keys and of its CIDs, and by what its messages say of themselves.
//!
//! A foreign capture has no more than that. A PDU that was sent to another base station than its keys are for is therefore
//! taken for one sent to that of its keys, unless addresses of the link say otherwise.

use std::collections::BTreeSet;

use super::{CmacOutcome, DataOutcome, Fit, KeyLookup, Link, Protection, Sighting};
use crate::capture::LinkKind;
use crate::capture::capture_reader::{FrameKind, RecordedFrame};
use crate::dot16::identifiers::{Bsid, Cid, Direction, MsMac};
use crate::dot16::wire::{MacPdu, ManagementMessage, PduType};
use crate::time::VirtualTime;

impl KeyLookup {
    /// Fills in the display addresses of an air frame of a foreign framing, those of the NODE lines of the two ends, as far
    /// as they can be told. Any other frame stays as it is.
    pub fn name_ends(&self, frame: &mut RecordedFrame) {
        if frame.foreign.is_none() || frame.kind != FrameKind::Known(LinkKind::Air) {
            return;
        }
        let link = self.ends_of(frame);
        let address = |id: Option<[u8; 6]>| self.nodes.iter().find(|node| id.is_some() && node.id == id)?.ip;
        let (ms, bs) = (address(link.ms.map(|ms| ms.0)), address(link.bs.map(|bs| bs.0)));
        (frame.source, frame.destination) = match frame.direction {
            Some(Direction::Uplink) => (ms, bs),
            Some(Direction::Downlink) => (bs, ms),
            None => (None, None),
        };
    }

    /// The ends of a foreign frame; without a direction neither is told.
    fn ends_of(&self, frame: &RecordedFrame) -> Link {
        let Some(direction) = frame.direction else { return Link::default() };
        let [source, destination] = frame.addresses;
        let (ms, bs) = match direction {
            Direction::Uplink => (source, destination),
            Direction::Downlink => (destination, source),
        };
        let mut link = Link {
            ms: ms.map(MsMac).filter(|ms| self.knows(|(known, _)| known == *ms)),
            bs: bs.map(Bsid).filter(|bs| self.knows(|(_, known)| known == *bs)),
        };
        for pdu in MacPdu::burst(&frame.octets).map_while(Result::ok) {
            if link.ms.is_some() && link.bs.is_some() {
                break;
            }
            let at = Sighting { time: frame.time(), direction: Some(direction), link };
            let told = self.ends_of_pdu(&pdu, &at);
            link = Link { ms: link.ms.or(told.ms), bs: link.bs.or(told.bs) };
        }
        link
    }

    /// Whether some connection or key is of such a pair.
    fn knows(&self, is: impl Fn((MsMac, Bsid)) -> bool) -> bool {
        let keys = self.cmac_keys_by_link.keys().copied();
        let teks = self.teks_by_sa.keys().map(|(ms, bs, _)| (*ms, *bs));
        let connections = self.connections.values().flatten().map(|connection| (connection.ms, connection.bs));
        keys.chain(teks).chain(connections).any(is)
    }

    fn ends_of_pdu(&self, pdu: &MacPdu<'_>, at: &Sighting) -> Link {
        let header = &pdu.header;
        let by_key = if header.encrypted {
            match self.open(pdu, at) {
                DataOutcome::Opened { tek, fit, .. } if fit != Fit::Elsewhere => Some((tek.ms, tek.bs)),
                _ => None,
            }
        } else {
            let protection = Protection::of(pdu.body).filter(|_| is_message(pdu));
            match protection.map(|protection| self.verify(&protection, header.cid, at)) {
                Some(CmacOutcome::Verified { key, fit, .. }) if fit != Fit::Elsewhere => {
                    self.cmac_keys.get(key).map(|entry| (entry.ms, entry.bs))
                }
                _ => None,
            }
        };
        if let Some((ms, bs)) = by_key {
            return Link { ms: Some(ms), bs: Some(bs) };
        }
        let said = if is_message(pdu) { said_of_itself(pdu.body) } else { Link::default() };
        let by_cid = self.ends_of_cid(header.cid, at.time, said);
        Link { ms: said.ms.or(by_cid.ms), bs: said.bs.or(by_cid.bs) }
    }

    /// The ends that all connections of this CID at this time have in common.
    fn ends_of_cid(&self, cid: Cid, time: VirtualTime, said: Link) -> Link {
        let connections = self.connections.get(&cid).into_iter().flatten();
        let fitting = connections.filter(|connection| {
            connection.validity.contains(time)
                && said.ms.is_none_or(|ms| ms == connection.ms)
                && said.bs.is_none_or(|bs| bs == connection.bs)
        });
        let pairs: BTreeSet<(MsMac, Bsid)> = fitting.map(|connection| (connection.ms, connection.bs)).collect();
        let Some((ms, bs)) = pairs.first().copied() else { return Link::default() };
        Link {
            ms: pairs.iter().all(|pair| pair.0 == ms).then_some(ms),
            bs: pairs.iter().all(|pair| pair.1 == bs).then_some(bs),
        }
    }
}

fn is_message(pdu: &MacPdu<'_>) -> bool {
    let header = &pdu.header;
    !header.encrypted
        && header.cid.is_management()
        && header.pdu_type == PduType::NONE
        && !header.extended_subheader_group
}

/// What a ranging message says: the mobile's address, and the BSID in the CMAC tuple.
fn said_of_itself(message: &[u8]) -> Link {
    match ManagementMessage::parse(message) {
        Ok(ManagementMessage::RngReq(request)) => {
            Link { ms: request.ss_mac_address(), bs: request.cmac_tuple().and_then(|tuple| tuple.bsid) }
        }
        Ok(ManagementMessage::RngRsp(response)) => Link { ms: response.ss_mac_address(), bs: None },
        _ => Link::default(),
    }
}
