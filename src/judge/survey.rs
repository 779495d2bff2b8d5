//! The first reading of a capture: who is who, and the numbers from which keys are derived. No key is needed for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::capture::LinkKind;
use crate::capture::capture_reader::{FrameKind, RecordedFrame};
use crate::dot16::backbone::{AsnTlv, BackbonePacket, Compound, ControlMessage, TlvLookup, decapsulate};
use crate::dot16::identifiers::{Bsid, CmacKeyCount, Direction, MsMac, Said};
use crate::dot16::wire::{
    HoIndication, MacPdu, ManagementMessage, PduType, PkmMessage, SaTekUpdate, TekParameters, VendorTlv,
};

/// Most values of one sort that are remembered: base stations, mobiles, links; and for each mobile counts, SAs, TEKs.
pub const MAX_KNOWN: usize = 4096;

/// The display addresses of the two ends of an air link, as far as the capture has them. A classic pcap has them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AirLink {
    /// The mobile's.
    pub ms: Option<Ipv4Addr>,
    /// The base station's.
    pub bs: Option<Ipv4Addr>,
}

impl AirLink {
    /// The link on which `frame` went; nothing is known of it if the capture does not tell the direction.
    #[must_use]
    pub fn of(frame: &RecordedFrame) -> Self {
        match frame.direction {
            Some(Direction::Uplink) => Self { ms: frame.source, bs: frame.destination },
            Some(Direction::Downlink) => Self { ms: frame.destination, bs: frame.source },
            None => Self::default(),
        }
    }
}

/// A TEK as a message brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentTek {
    /// The link, for a wrapped TEK; of a plain one on the backbone nothing is in it.
    pub link: AirLink,
    /// The mobile, where the message names it.
    pub ms: Option<MsMac>,
    /// The SA.
    pub said: Said,
    /// The low 2 bits of its sequence number.
    pub eks: u8,
    /// 16 octets, plain or under AES-ECB, or 24 under AES key wrap.
    pub octets: Vec<u8>,
    /// Whether it stands there in the clear, from BS to BS.
    pub plain: bool,
}

/// What the first reading found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Frames in the capture.
    pub frames: u64,
    /// Every base station named anywhere.
    pub bsids: BTreeSet<Bsid>,
    /// Every air link.
    pub links: BTreeSet<AirLink>,
    /// Which mobile an address stands for, from its RNG-REQs.
    pub mobiles: BTreeMap<Ipv4Addr, MsMac>,
    /// Counts seen on air and backbone, by mobile.
    pub counts: BTreeMap<MsMac, BTreeSet<CmacKeyCount>>,
    /// SAs, by mobile where it is known.
    pub saids: BTreeMap<Option<MsMac>, BTreeSet<Said>>,
    /// TEKs that messages bring, in their order.
    pub sent_teks: Vec<SentTek>,
    /// Whether some limit was reached.
    pub full: bool,
    neighbours: BTreeSet<(Option<[u8; 3]>, [u8; 3])>,
    /// SAs named on links of a mobile's address before anything told which mobile it stands for.
    saids_at: BTreeMap<Ipv4Addr, BTreeSet<Said>>,
}

fn put<T: Ord>(set: &mut BTreeSet<T>, value: T, full: &mut bool) {
    if set.len() < MAX_KNOWN {
        set.insert(value);
    } else if !set.contains(&value) {
        *full = true;
    }
}

impl Survey {
    /// Looks at the next frame.
    pub fn frame(&mut self, frame: &RecordedFrame) {
        self.frames = frame.number;
        match &frame.kind {
            FrameKind::Known(LinkKind::Air) => self.air(frame),
            FrameKind::Known(LinkKind::Backbone) => {
                if let Ok(packet) = decapsulate(&frame.octets)
                    && let BackbonePacket::Control(message) = packet.packet
                {
                    self.control(&message);
                }
            }
            _ => {}
        }
    }

    /// To be called when all frames were seen: completes what was named in part.
    pub fn complete(&mut self) {
        for (address, saids) in std::mem::take(&mut self.saids_at) {
            let ms = self.mobiles.get(&address).copied();
            saids.into_iter().for_each(|said| self.said(ms, said));
        }
        let operators: BTreeSet<[u8; 3]> = self.bsids.iter().map(|Bsid([a, b, c, ..])| [*a, *b, *c]).collect();
        for (operator, [d, e, f]) in std::mem::take(&mut self.neighbours) {
            for [a, b, c] in operator.map_or_else(|| operators.clone(), |operator| BTreeSet::from([operator])) {
                put(&mut self.bsids, Bsid([a, b, c, d, e, f]), &mut self.full);
            }
        }
    }

    /// The counts of a mobile and those near them, ascending; with those that a first entry has.
    #[must_use]
    pub fn counts_near(&self, ms: MsMac) -> BTreeSet<CmacKeyCount> {
        let mut near: BTreeSet<CmacKeyCount> = (0..=2).map(CmacKeyCount).collect();
        for count in self.counts.get(&ms).into_iter().flatten() {
            let (low, high) = (count.0.saturating_sub(1), count.0.saturating_add(4));
            near.extend((low..=high).map(CmacKeyCount));
        }
        near
    }

    /// The SAs that a mobile may have.
    #[must_use]
    pub fn saids_of(&self, ms: MsMac) -> BTreeSet<Said> {
        let of = |key| self.saids.get(&key).into_iter().flatten().copied();
        of(Some(ms)).chain(of(None)).collect()
    }

    fn count(&mut self, ms: MsMac, count: CmacKeyCount) {
        if self.counts.len() < MAX_KNOWN || self.counts.contains_key(&ms) {
            put(self.counts.entry(ms).or_default(), count, &mut self.full);
        }
    }

    fn said(&mut self, ms: Option<MsMac>, said: Said) {
        if self.saids.len() < MAX_KNOWN || self.saids.contains_key(&ms) {
            put(self.saids.entry(ms).or_default(), said, &mut self.full);
        }
    }

    /// An SA that a message on a link names.
    fn said_on(&mut self, link: AirLink, said: Said) {
        match link.ms {
            Some(address) if self.saids_at.len() < MAX_KNOWN || self.saids_at.contains_key(&address) => {
                put(self.saids_at.entry(address).or_default(), said, &mut self.full);
            }
            _ => self.said(None, said),
        }
    }

    fn sent_tek(&mut self, tek: SentTek) {
        match tek.ms {
            Some(_) => self.said(tek.ms, tek.said),
            None => self.said_on(tek.link, tek.said),
        }
        if self.sent_teks.len() >= MAX_KNOWN {
            self.full = true;
        } else if !self.sent_teks.contains(&tek) {
            self.sent_teks.push(tek);
        }
    }

    fn air(&mut self, frame: &RecordedFrame) {
        let link = AirLink::of(frame);
        put(&mut self.links, link, &mut self.full);
        for pdu in MacPdu::burst(&frame.octets).flatten() {
            let header = &pdu.header;
            if header.encrypted || !header.cid.is_management() || header.pdu_type != PduType::NONE {
                continue;
            }
            if let Ok(message) = ManagementMessage::parse(pdu.body) {
                self.message(&message, link);
            }
        }
    }

    fn message(&mut self, message: &ManagementMessage, link: AirLink) {
        let ms = link.ms.and_then(|ip| self.mobiles.get(&ip).copied());
        match message {
            ManagementMessage::RngReq(request) => {
                if let Some(mac) = request.ss_mac_address() {
                    if let Some(ip) = link.ms.filter(|_| self.mobiles.len() < MAX_KNOWN) {
                        self.mobiles.entry(ip).or_insert(mac);
                    }
                    if let Some(count) = request.cmac_key_count() {
                        self.count(mac, count);
                    }
                }
                if let Some(bsid) = request.serving_bsid() {
                    put(&mut self.bsids, bsid, &mut self.full);
                }
            }
            ManagementMessage::RngRsp(response) => {
                response.sa_tek_updates().for_each(|update| self.sa_tek_update(update, link, ms));
                self.vendor(response.reg_rsp_encodings().and_then(|encodings| encodings.vendor()), link);
            }
            ManagementMessage::RegRsp(response) => self.vendor(response.vendor(), link),
            ManagementMessage::PkmReq(message) | ManagementMessage::PkmRsp(message) => self.pkm(message, link, ms),
            ManagementMessage::MobMshoReq(request) => {
                for (bsid, _) in &request.full {
                    put(&mut self.bsids, *bsid, &mut self.full);
                }
            }
            ManagementMessage::MobBshoRsp(response) => {
                for bs in response.recommended() {
                    put(&mut self.bsids, bs.bsid, &mut self.full);
                }
                self.vendor(response.vendor(), link);
            }
            ManagementMessage::MobHoInd(indication) => {
                if let HoIndication::Release { target } = indication.indication
                    && target != Bsid([0; 6])
                {
                    put(&mut self.bsids, target, &mut self.full);
                }
            }
            ManagementMessage::MobNbrAdv(advertisement) => {
                for low in advertisement.neighbours.iter().filter_map(|neighbour| neighbour.bsid_low) {
                    put(&mut self.neighbours, (advertisement.operator_id, low), &mut self.full);
                }
            }
            _ => {}
        }
    }

    fn vendor(&mut self, vendor: Option<&VendorTlv>, link: AirLink) {
        for candidate in vendor.into_iter().flat_map(VendorTlv::candidates) {
            put(&mut self.bsids, candidate.bsid, &mut self.full);
            for flow in &candidate.flows {
                self.said_on(link, flow.said);
            }
        }
    }

    fn pkm(&mut self, message: &PkmMessage, link: AirLink, ms: Option<MsMac>) {
        for descriptor in message.sa_descriptors() {
            self.said_on(link, descriptor.said);
        }
        message.sa_tek_updates().for_each(|update| self.sa_tek_update(update, link, ms));
        if let Some(said) = message.said() {
            self.said_on(link, said);
            message.tek_parameters().for_each(|parameters| self.parameters(parameters, said, link, ms));
        }
    }

    fn sa_tek_update(&mut self, update: &SaTekUpdate, link: AirLink, ms: Option<MsMac>) {
        self.said_on(link, update.new_said);
        for parameters in update.older.iter().chain(&update.newer) {
            self.parameters(parameters, update.new_said, link, ms);
        }
    }

    fn parameters(&mut self, parameters: &TekParameters, said: Said, link: AirLink, ms: Option<MsMac>) {
        let eks = parameters.sequence_number & 3;
        self.sent_tek(SentTek { link, ms, said, eks, octets: parameters.wrapped_tek.clone(), plain: false });
    }

    fn control(&mut self, message: &ControlMessage) {
        self.tlvs(message.ms, &message.tlvs, None);
    }

    fn tlvs(&mut self, ms: MsMac, tlvs: &[AsnTlv], said: Option<Said>) {
        let said = tlvs.said().or(said);
        for tlv in tlvs {
            match tlv {
                AsnTlv::BsId(identifier) => {
                    if let Some(bsid) = identifier.bsid() {
                        put(&mut self.bsids, bsid, &mut self.full);
                    }
                }
                AsnTlv::CmacKeyCount(count) => self.count(ms, *count),
                AsnTlv::Said(said) => self.said(Some(ms), *said),
                AsnTlv::Tek(octets) => {
                    let tek = SentTek {
                        link: AirLink::default(),
                        ms: Some(ms),
                        said: said.unwrap_or(Said(0)),
                        eks: tlvs.tek_sn().unwrap_or_default() & 3,
                        octets: octets.to_vec(),
                        plain: true,
                    };
                    self.sent_tek(tek);
                }
                _ => {}
            }
        }
        for compound in Compound::ALL {
            for inner in tlvs.each(*compound) {
                self.tlvs(ms, inner, said);
            }
        }
    }
}
