//! A rogue base station (attack 7 of `dot16-security.md` 9): from an instant on the adversary is the base station of one link
//! for its mobile. It is the louder one: the real base station and the mobile hear nothing of each other.
//!
//! It has no key. RNG-REQs are answered by RNG-RSP (success) with a CMAC of random octets, CDMA ranging codes by the RNG-RSP that
//! needs no CMAC, and while the mobile listens it gets data PDUs of random octets. The CIDs are those that MOB_BSHO-RSP told
//! in the clear.

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::REACTION;
use super::known::{AirLink, Known};
use super::value::CidRole;
use crate::dot16::identifiers::{AkSequenceNumber, Bsid, Cid, MsMac};
use crate::dot16::node::{Event, HandoverMode, What};
use crate::dot16::wire::cdma_code::{self, HANDOVER_RANGING};
use crate::dot16::wire::{
    CmacTuple, EncryptedBody, GenericMacHeader, MacPdu, ManagementMessage, RangingStatus, RngReq, RngRsp, RngRspTlv,
};
use crate::emulation::{Fate, Injection, NodeIndex, Port};
use crate::time::VirtualTime;

/// From one data PDU to the next.
const DATA_EVERY: Duration = Duration::from_millis(20);
/// Octets of ciphertext in a data PDU.
const DATA_OCTETS: usize = 64;
/// Most data PDUs in all.
const MOST_DATA: u32 = 50;

/// What a rogue is about to send.
#[derive(Clone, Debug)]
enum Due {
    /// RNG-RSP on this CID, with a forged tuple.
    RangingResponse(Cid),
    /// RNG-RSP that answers a CDMA code.
    CodeResponse,
    Data,
}

/// One rogue base station.
#[derive(Clone, Debug)]
struct Rogue {
    name: String,
    attack: usize,
    link: AirLink,
    /// Whether a data PDU is due.
    sends: bool,
    /// Data PDUs sent so far, which is the PN of the last one.
    pn: u32,
}

/// The rogue base stations of an adversary, by link.
#[derive(Clone, Debug, Default)]
pub struct Rogues {
    by_port: BTreeMap<Port, Rogue>,
    due: BTreeMap<VirtualTime, Vec<(Port, Due)>>,
    /// Which base station each mobile listens to.
    listening: BTreeMap<MsMac, Bsid>,
}

impl Rogues {
    /// From `now` on the attack `name`, number `attack`, is the base station of the link `port`.
    pub fn begin(&mut self, now: VirtualTime, name: &str, attack: usize, port: Port, link: AirLink) {
        self.by_port.insert(port, Rogue { name: name.to_owned(), attack, link, sends: false, pn: 0 });
        self.begin_data(now, port);
    }

    /// Data PDUs flow from `now` on, if the mobile listens to the base station of the link and none is due.
    fn begin_data(&mut self, now: VirtualTime, port: Port) {
        let Some(rogue) = self.by_port.get_mut(&port) else { return };
        if !rogue.sends && self.listening.get(&rogue.link.ms) == Some(&rogue.link.bs) {
            rogue.sends = true;
            self.at(now + REACTION, port, Due::Data);
        }
    }

    fn at(&mut self, time: VirtualTime, port: Port, due: Due) {
        self.due.entry(time).or_default().push((port, due));
    }

    /// What becomes of a frame on a link; `None` where there is no rogue.
    pub fn tap(&mut self, now: VirtualTime, port: Port, to: NodeIndex, octets: &[u8]) -> Option<Fate> {
        let rogue = self.by_port.get(&port)?;
        let (name, downlink) = (&rogue.name, to == rogue.link.mobile);
        let remark = if downlink { format!("drowned by {name}") } else { format!("heard by {name} alone") };
        if !downlink {
            if octets == HANDOVER_RANGING {
                self.at(now + REACTION, port, Due::CodeResponse);
            }
            let requests = MacPdu::burst(octets).flatten().filter(|pdu| {
                pdu.header.cid.is_management() && !pdu.header.encrypted && pdu.body.first() == Some(&RngReq::TYPE)
            });
            let cids: Vec<Cid> = requests.map(|pdu| pdu.header.cid).collect();
            for cid in cids {
                self.at(now + REACTION, port, Due::RangingResponse(cid));
            }
        }
        Some(Fate { remarks: vec![remark], ..Fate::lost() })
    }

    /// A node reports something: where the mobile listens.
    pub fn event(&mut self, now: VirtualTime, event: &Event) {
        match event.what {
            What::Listening { bs } => self.listening.insert(event.ms, bs),
            What::Left { .. } => self.listening.remove(&event.ms),
            _ => return,
        };
        let ports: Vec<Port> = self.by_port.keys().copied().collect();
        for port in ports {
            self.begin_data(now, port);
        }
    }

    /// When something is due next.
    #[must_use]
    pub fn next(&self) -> Option<VirtualTime> {
        self.due.keys().next().copied()
    }

    /// What is sent at `now`.
    pub fn act(&mut self, now: VirtualTime, known: &Known, random: &mut ChaCha20Rng) -> Vec<Injection> {
        let mut injections = Vec::new();
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= now) {
            for (port, due) in entry.remove() {
                injections.extend(self.sent(now, port, &due, known, random));
            }
        }
        injections
    }

    fn sent(
        &mut self,
        now: VirtualTime,
        port: Port,
        due: &Due,
        known: &Known,
        random: &mut ChaCha20Rng,
    ) -> Option<Injection> {
        let rogue = self.by_port.get_mut(&port)?;
        let link = rogue.link;
        let (pdu, what) = match due {
            Due::RangingResponse(cid) => {
                let message = ranging_response(link, known, random);
                let pdu = MacPdu::build(GenericMacHeader::new(*cid), &message?, Some(known.crc())).ok()?;
                (pdu, "RNG-RSP (success) with a random CMAC".to_owned())
            }
            Due::CodeResponse => {
                let message = ManagementMessage::RngRsp(cdma_code::answer(HANDOVER_RANGING)).octets().ok()?;
                let header = GenericMacHeader::new(Cid::INITIAL_RANGING);
                (MacPdu::build(header, &message, Some(known.crc())).ok()?, "RNG-RSP to a CDMA code".to_owned())
            }
            Due::Data => {
                if self.listening.get(&link.ms) != Some(&link.bs) || rogue.pn >= MOST_DATA {
                    rogue.sends = false;
                    return None;
                }
                rogue.pn = rogue.pn.saturating_add(1);
                let pn = rogue.pn;
                self.at(now + DATA_EVERY, port, Due::Data);
                let cid = known.cid(link.ms, link.bs, CidRole::Downlink)?;
                let mut ciphertext = [0; DATA_OCTETS];
                let mut icv = [0; 8];
                random.fill_bytes(&mut ciphertext);
                random.fill_bytes(&mut icv);
                let body = EncryptedBody { pn, ciphertext: &ciphertext, icv }.octets();
                let header = GenericMacHeader { encrypted: true, ..GenericMacHeader::new(cid) };
                let pdu = MacPdu::build(header, &body, Some(known.crc())).ok()?;
                (pdu, format!("a data PDU of random octets, PN {pn}"))
            }
        };
        let rogue = self.by_port.get(&port)?;
        let note = format!("{}: {what}", rogue.name);
        Some(Injection { port, to: link.mobile, octets: pdu, note, attack: rogue.attack })
    }
}

/// RNG-RSP as a target of a seamless handover sends it, with a CMAC of random octets.
fn ranging_response(link: AirLink, known: &Known, random: &mut ChaCha20Rng) -> Option<Vec<u8>> {
    let cid = |role| known.cid(link.ms, link.bs, role);
    let mut tlvs = vec![RngRspTlv::RangingStatus(RangingStatus::SUCCESS), RngRspTlv::SsMacAddress(link.ms)];
    tlvs.extend(cid(CidRole::Basic).map(RngRspTlv::BasicCid));
    tlvs.extend(cid(CidRole::Primary).map(RngRspTlv::PrimaryCid));
    tlvs.extend([
        RngRspTlv::ServiceLevelPrediction(2),
        RngRspTlv::HoProcessOptimization(HandoverMode::Seamless.optimization()),
    ]);
    let mut message = ManagementMessage::RngRsp(RngRsp { reserved: 0, tlvs });
    let mut value = [0; 8];
    random.fill_bytes(&mut value);
    message.push_cmac_tuple(CmacTuple { reserved: 0, ak_sn: AkSequenceNumber(0), bsid: None, pn: 1, value });
    message.octets().ok()
}
