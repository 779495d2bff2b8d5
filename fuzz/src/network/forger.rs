//! Messages that no node has sent, as somebody makes them who has every key: under null crypto they verify.
//!
//! Most of what is in them is right, so that they get somewhere: CIDs, addresses and transactions are those of the network,
//! counts and packet numbers are near those that were seen.

use keyhop::dot16::backbone::{
    AsnTlv, BackboneEndpoint, BackbonePacket, Compound, ControlMessage, Decapsulated, MessageKind, decapsulate,
    encapsulate,
};
use keyhop::dot16::identifiers::{AkId, AkSequenceNumber, Bsid, Cid, CmacKeyCount, MsMac, Said, Sfid};
use keyhop::dot16::node::CidKind;
use keyhop::dot16::wire::{
    BshoDecision, Candidate, CandidateFlow, CmacTuple, EncryptedBody, GenericMacHeader, HoIndication,
    HoProcessOptimization, MacPdu, ManagementMessage, Measurements, MobBshoRsp, MobBshoRspTlv, MobHoInd, MobMshoReq,
    NewBs, PduType, PkmAttribute, PkmCode, PkmErrorCode, PkmMessage, RangingParameters, RangingStatus, RecommendedBs,
    RegRspEncodings, RegTlv, ReportMetric, RngReq, RngReqTlv, RngRsp, RngRspTlv, SaChallengeTuple, VendorItem,
    VendorTlv,
};
use keyhop::emulation::{NodeIndex, Port};
use keyhop::scenario::world::LinkEnds;

use super::steps::{Aim, mend};
use super::{Frame, Network};
use crate::choices::Choices;

/// What every receiver takes for a CMAC value and an ICV under null crypto.
const MASTER_TAG: [u8; 8] = [0; 8];

/// A frame for the node that is aimed at, or for any.
pub fn frame(network: &Network, choices: &mut Choices<'_>, aim: Aim) -> Option<Frame> {
    let nodes: Vec<NodeIndex> = (0..network.topology.names.len()).map(NodeIndex).collect();
    let to = aim.or_else(|| choices.of(&nodes).copied())?;
    let links = network.links_of(to);
    let (port, from) = *choices.of(&links)?;
    let octets = match network.topology.link(port)? {
        LinkEnds::Air { mobile, base_station } => {
            let view = View::new(network, mobile, base_station);
            if to == network.topology.base_station(base_station) {
                view.uplink(choices)
            } else {
                view.downlink(choices)
            }?
        }
        _ => on_wire(network, choices, port, from, to)?,
    };
    Some(Frame { port, to, octets })
}

/// What an insider knows of a mobile at a base station.
struct View<'a> {
    network: &'a Network,
    ms: MsMac,
    bs: Bsid,
    basic: Vec<Cid>,
    primary: Vec<Cid>,
    transport: Vec<(Cid, Said)>,
}

impl<'a> View<'a> {
    fn new(network: &'a Network, mobile: usize, base_station: usize) -> Self {
        let ms = network.topology.macs().get(mobile).copied().unwrap_or(MsMac([0; 6]));
        let bs = network.topology.bsids().get(base_station).copied().unwrap_or(Bsid([0; 6]));
        let mut view = Self { network, ms, bs, basic: Vec::new(), primary: Vec::new(), transport: Vec::new() };
        for ((at, cid), (of, kind)) in &network.watch.cids {
            if (*at, *of) == (bs, ms) {
                match kind {
                    CidKind::Basic => view.basic.push(*cid),
                    CidKind::Primary => view.primary.push(*cid),
                    CidKind::Transport(said) => view.transport.push((*cid, *said)),
                }
            }
        }
        view
    }

    /// A CID of the kind asked for, most of the time.
    fn cid(&self, cids: &[Cid], choices: &mut Choices<'_>) -> Cid {
        match choices.below(16) {
            0 => Cid::INITIAL_RANGING,
            1 => Cid::BROADCAST,
            2 => Cid(choices.two()),
            // Those of an entrance are not reported: the pool gives the lowest numbers.
            3 => Cid(1 + u16::from(choices.any() & 7)),
            4 => Cid(1 + Cid::BASIC_MAX + u16::from(choices.any() & 7)),
            number => cids.get(number % cids.len().max(1)).copied().unwrap_or(Cid(1)),
        }
    }

    /// A count near those that were seen.
    fn count(&self, choices: &mut Choices<'_>) -> CmacKeyCount {
        let counts: Vec<u16> = self.network.watch.counts.iter().copied().collect();
        let highest = counts.last().copied().unwrap_or_default();
        CmacKeyCount(match choices.below(8) {
            0 => choices.two(),
            1 => highest.saturating_add(2),
            2 | 3 => choices.of(&counts).copied().unwrap_or_default(),
            4 => highest.saturating_sub(1),
            5 => highest,
            _ => highest.saturating_add(1),
        })
    }

    fn bsid(&self, choices: &mut Choices<'_>) -> Bsid {
        match choices.below(8) {
            0 => Bsid([0, 0, 0, 0, 0, choices.any()]),
            1 => self.bs,
            _ => choices.of(self.network.topology.bsids()).copied().unwrap_or(self.bs),
        }
    }

    fn said(&self, choices: &mut Choices<'_>) -> Said {
        match choices.below(4) {
            0 => Said(choices.two()),
            _ => choices.of(&self.transport).map_or(Said(1), |(_, said)| *said),
        }
    }

    /// A CMAC tuple that every receiver takes, most of the time.
    fn tuple(&self, choices: &mut Choices<'_>) -> CmacTuple {
        let how = choices.any();
        let pn = match how & 7 {
            0 => choices.four(),
            1 => self.network.watch.cmac_pn,
            2 => 1,
            near => self.network.watch.cmac_pn.saturating_add(u32::from(near)),
        };
        let value = if how & 0xf0 == 0xf0 { [choices.any(); 8] } else { MASTER_TAG };
        // One PMK after the other has the sequence numbers 0, 4, 8, 12.
        let ak_sn = AkSequenceNumber(if how & 8 == 0 { 0 } else { choices.any() & 15 });
        CmacTuple { reserved: 0, ak_sn, bsid: None, pn, value }
    }

    /// The message as a PDU, with a CMAC tuple most of the time.
    fn signed(&self, mut message: ManagementMessage, cid: Cid, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
        if choices.below(8) != 0 {
            message.push_cmac_tuple(self.tuple(choices));
        }
        self.pdu(message, cid)
    }

    fn pdu(&self, message: ManagementMessage, cid: Cid) -> Option<Vec<u8>> {
        MacPdu::build(GenericMacHeader::new(cid), &message.octets().ok()?, Some(self.network.radio.crc)).ok()
    }

    fn uplink(&self, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
        let message = match choices.below(8) {
            0 | 1 => return self.ranging_request(choices),
            2 => ManagementMessage::MobMshoReq(self.handover_request(choices)),
            3 => ManagementMessage::MobHoInd(self.indication(choices)),
            4 => ManagementMessage::PkmReq(self.pkm(choices)),
            5 => return self.data(0x8000_0000, choices),
            6 => return self.again(choices, true),
            _ => return Some(cdma_code(choices)),
        };
        let cids = if matches!(message, ManagementMessage::PkmReq(_)) { &self.primary } else { &self.basic };
        let cid = self.cid(cids, choices);
        self.signed(message, cid, choices)
    }

    fn downlink(&self, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
        let message = match choices.below(6) {
            0 | 1 => return self.ranging_response(choices),
            2 => ManagementMessage::MobBshoRsp(self.handover_response(choices)),
            3 => ManagementMessage::PkmRsp(self.pkm(choices)),
            4 => return self.data(0, choices),
            _ => return self.again(choices, false),
        };
        let cids = if matches!(message, ManagementMessage::PkmRsp(_)) { &self.primary } else { &self.basic };
        let cid = self.cid(cids, choices);
        self.signed(message, cid, choices)
    }

    fn ranging_request(&self, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
        let has = choices.any();
        let mut tlvs = vec![RngReqTlv::SsMacAddress(self.ms)];
        if has & 1 == 0 {
            tlvs.push(RngReqTlv::ServingBsid(self.bsid(choices)));
            tlvs.push(RngReqTlv::RangingPurpose(has >> 5));
        }
        if has & 2 != 0 {
            tlvs.push(RngReqTlv::HoId(choices.any() & 3));
        }
        if has & 0x1c != 0 {
            tlvs.push(RngReqTlv::CmacKeyCount(self.count(choices)));
        }
        tlvs.push(RngReqTlv::MacVersion(RngReq::MAC_VERSION));
        let cid = if has & 0x20 != 0 { self.cid(&self.basic, choices) } else { Cid::INITIAL_RANGING };
        let message = ManagementMessage::RngReq(RngReq { reserved: 0, tlvs: tlvs.into() });
        if has & 0x1c == 0 { self.pdu(message, cid) } else { self.signed(message, cid, choices) }
    }

    fn ranging_response(&self, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
        let has = choices.any();
        let mut tlvs = Vec::new();
        if has & 1 != 0 {
            tlvs.push(RngRspTlv::SaChallengeTuple(SaChallengeTuple {
                bs_random: [choices.any(); 8],
                akid: AkId([0; 8]),
            }));
        }
        tlvs.push(RngRspTlv::RangingStatus(RangingStatus(if has & 2 == 0 { 3 } else { choices.any() & 7 })));
        tlvs.push(RngRspTlv::SsMacAddress(self.ms));
        if has & 4 == 0 {
            tlvs.push(RngRspTlv::BasicCid(self.cid(&self.basic, choices)));
            tlvs.push(RngRspTlv::PrimaryCid(self.cid(&self.primary, choices)));
        }
        if has & 8 == 0 {
            tlvs.push(RngRspTlv::HoProcessOptimization(HoProcessOptimization(choices.two())));
        }
        if has & 16 != 0 {
            tlvs.push(RngRspTlv::DownlinkFrequencyOverride(choices.four()));
        }
        if has & 32 != 0 {
            let mut inside = vec![RegTlv::Vendor(VendorTlv::new(self.vendor_items(choices)))];
            if let Some(update) = self.tek_update(choices) {
                inside.push(update);
            }
            tlvs.push(RngRspTlv::RegRspEncodings(RegRspEncodings { status: has >> 7, tlvs: inside }));
        }
        let message = ManagementMessage::RngRsp(RngRsp { reserved: 0, tlvs });
        let cid = if has & 64 != 0 { self.cid(&self.basic, choices) } else { Cid::INITIAL_RANGING };
        self.signed(message, cid, choices)
    }

    /// An SA-TEK-Update that was sent before: what is wrapped in it nobody can make up.
    fn tek_update(&self, choices: &mut Choices<'_>) -> Option<RegTlv> {
        let updates = self.network.history.iter().filter(|frame| self.network.is_air(frame.port)).flat_map(|frame| {
            let pdus = MacPdu::burst(&frame.octets).map_while(Result::ok);
            let messages = pdus.filter_map(|pdu| ManagementMessage::parse(pdu.body).ok()).collect::<Vec<_>>();
            messages.into_iter().flat_map(|message| match message {
                ManagementMessage::RngRsp(response) => response.tlvs.into_iter().flat_map(teks_in).collect(),
                _ => Vec::new(),
            })
        });
        choices.of(&updates.collect::<Vec<_>>()).cloned()
    }

    fn vendor_items(&self, choices: &mut Choices<'_>) -> Vec<VendorItem> {
        let has = choices.any();
        let mut items = Vec::new();
        if has & 1 == 0 {
            items.push(VendorItem::Seamless(has & 2 == 0));
        }
        if has & 4 != 0 {
            items.push(VendorItem::RangingDeadline(choices.two()));
        }
        for _ in 0..(has >> 3) & 3 {
            let flow = |choices: &mut Choices<'_>| CandidateFlow {
                sfid: Sfid(u32::from(choices.any() & 7)),
                cid: Cid(0x1000 + choices.two() % 0x400),
                said: self.said(choices),
            };
            let flows = (0..choices.below(4)).map(|_| flow(choices)).collect();
            items.push(VendorItem::Candidate(Candidate {
                bsid: self.bsid(choices),
                basic_cid: self.cid(&self.basic, choices),
                primary_cid: self.cid(&self.primary, choices),
                flags: 0,
                flows,
            }));
        }
        items
    }

    fn handover_request(&self, choices: &mut Choices<'_>) -> MobMshoReq {
        let new_bs = NewBs {
            preamble_index: choices.any(),
            measurements: Measurements { cinr: Some(1), rssi: None, relative_delay: None },
            service_level_prediction: 2,
            arrival_time_difference: None,
        };
        let full = (0..choices.below(12)).map(|_| (self.bsid(choices), new_bs)).collect();
        MobMshoReq { report_metric: ReportMetric(ReportMetric::CINR), full, ..MobMshoReq::default() }
    }

    fn indication(&self, choices: &mut Choices<'_>) -> MobHoInd {
        let indication = match choices.below(4) {
            0 | 1 => HoIndication::Release { target: self.bsid(choices) },
            2 => HoIndication::Cancel,
            _ => HoIndication::Reject,
        };
        MobHoInd {
            reserved: 0,
            indication,
            ranging_parameters: RangingParameters::Valid,
            indication_reserved: 0,
            preamble_index: 0,
            tlvs: Default::default(),
        }
    }

    fn handover_response(&self, choices: &mut Choices<'_>) -> MobBshoRsp {
        let recommended = |choices: &mut Choices<'_>| RecommendedBs {
            bsid: self.bsid(choices),
            preamble_index: 1,
            service_level_prediction: 2,
            ho_process_optimization: choices.any(),
            network_assisted: false,
            ho_id: Some(choices.any() & 3),
            reserved: 0,
            ho_authorization_policy: None,
        };
        let recommended = (0..choices.below(4)).map(|_| recommended(choices)).collect();
        let items = self.vendor_items(choices);
        MobBshoRsp {
            reserved: 0,
            padding: 0,
            decision: BshoDecision::HardHandover { mandatory: false, resource_retain: true, reserved: 0, recommended },
            action_time: choices.any() & 31,
            tlvs: vec![MobBshoRspTlv::Vendor(VendorTlv::new(items))],
        }
    }

    fn pkm(&self, choices: &mut Choices<'_>) -> PkmMessage {
        let codes = [
            PkmCode::KEY_REQUEST,
            PkmCode::KEY_REPLY,
            PkmCode::KEY_REJECT,
            PkmCode::TEK_INVALID,
            PkmCode::SA_TEK_CHALLENGE,
            PkmCode::SA_TEK_REQUEST,
            PkmCode::SA_TEK_RESPONSE,
            PkmCode::EAP_START,
            PkmCode::EAP_TRANSFER,
            PkmCode::EAP_COMPLETE,
        ];
        let code = choices.of(&codes).copied().unwrap_or(PkmCode::KEY_REQUEST);
        let mut attributes = vec![PkmAttribute::KeySequenceNumber(choices.any() & 15)];
        let has = choices.any();
        if has & 1 == 0 {
            attributes.push(PkmAttribute::Said(self.said(choices)));
        }
        if has & 2 != 0 {
            attributes.push(PkmAttribute::Nonce([choices.any(); 8]));
        }
        if has & 4 != 0 {
            attributes.push(PkmAttribute::MsRandom([choices.any(); 8]));
            attributes.push(PkmAttribute::BsRandom([choices.any(); 8]));
        }
        if has & 8 != 0 {
            attributes.push(PkmAttribute::ErrorCode(PkmErrorCode(choices.any() & 7)));
        }
        if has & 16 != 0 {
            let count = choices.below(32);
            attributes.push(PkmAttribute::EapPayload(choices.octets(count).to_vec()));
        }
        PkmMessage { code, identifier: choices.any() & 15, attributes }
    }

    /// A data PDU that opens under every TEK, most of the time.
    fn data(&self, direction: u32, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
        let how = choices.any();
        let transport: Vec<Cid> = self.transport.iter().map(|(cid, _)| *cid).collect();
        let pn = u32::from(choices.any()) | direction;
        let icv = if how & 0x30 == 0x30 { [choices.any(); 8] } else { MASTER_TAG };
        let kinds = [
            PduType::NONE,
            PduType::FRAGMENTATION.with(PduType::EXTENDED),
            PduType::PACKING.with(PduType::EXTENDED),
            PduType::from_bits(how),
        ];
        let header = GenericMacHeader {
            encrypted: true,
            eks: how & 3,
            pdu_type: *choices.of(&kinds)?,
            ..GenericMacHeader::new(self.cid(&transport, choices))
        };
        let count = choices.below(64);
        let body = EncryptedBody { pn, ciphertext: choices.octets(count), icv };
        MacPdu::build(header, &body.octets(), Some(self.network.radio.crc)).ok()
    }

    /// A message of before, signed anew, with another octet or none.
    fn again(&self, choices: &mut Choices<'_>, up: bool) -> Option<Vec<u8>> {
        let base = |frame: &&Frame| {
            let link = self.network.topology.link(frame.port);
            matches!(link, Some(LinkEnds::Air { base_station, .. })
                if up == (frame.to == self.network.topology.base_station(base_station)))
        };
        let bursts: Vec<&Frame> = self.network.history.iter().filter(base).collect();
        let frame = choices.of(&bursts)?;
        let pdu = MacPdu::burst(&frame.octets).next()?.ok()?;
        let message = ManagementMessage::parse(pdu.body).ok()?;
        let mut body = match message.cmac_tuple() {
            Some(old) => {
                let mut octets = pdu.body.to_vec();
                // The last 13 or 12 octets: PN, then the value.
                let value = octets.len().checked_sub(old.value.len())?;
                let pn = self.tuple(choices).pn;
                octets.get_mut(value..)?.copy_from_slice(&MASTER_TAG);
                octets.get_mut(value.checked_sub(4)?..value)?.copy_from_slice(&pn.to_be_bytes());
                octets
            }
            None => pdu.body.to_vec(),
        };
        for _ in 0..choices.below(4) {
            let place = usize::from(choices.any()).checked_rem(body.len())?;
            *body.get_mut(place)? = choices.any();
        }
        let kinds = [&self.basic, &self.primary];
        let cid = match choices.below(3) {
            0 => pdu.header.cid,
            kind => self.cid(kinds.get(kind - 1)?, choices),
        };
        MacPdu::build(GenericMacHeader::new(cid), &body, Some(self.network.radio.crc)).ok()
    }
}

fn teks_in(tlv: RngRspTlv) -> Vec<RegTlv> {
    match tlv {
        RngRspTlv::RegRspEncodings(encodings) => {
            encodings.tlvs.into_iter().filter(|tlv| matches!(tlv, RegTlv::SaTekUpdate(_))).collect()
        }
        _ => Vec::new(),
    }
}

/// A message on the backbone, or a user packet in a tunnel, from the node at the other end of the link.
fn on_wire(
    network: &Network,
    choices: &mut Choices<'_>,
    port: Port,
    from: NodeIndex,
    to: NodeIndex,
) -> Option<Vec<u8>> {
    let towards = |end: NodeIndex| {
        let frames = network.history.iter().filter(move |frame| frame.port == port && frame.to == end);
        frames.filter_map(|frame| decapsulate(&frame.octets).ok()).collect::<Vec<_>>()
    };
    let (seen, back) = (towards(to), towards(from));
    // One that came this way names both ends; one that went the other way does so, too.
    let (source, destination) = match (seen.last(), back.last()) {
        (Some(frame), _) => (frame.from, frame.to),
        (None, Some(frame)) => (frame.to, frame.from),
        (None, None) => ends(network, from, to)?,
    };
    let packet = match choices.below(4) {
        0 => {
            let mut packet = choices.of(&seen)?.packet.clone();
            match &mut packet {
                BackbonePacket::Control(message) => change(message, network, choices),
                BackbonePacket::Data(gre) => {
                    gre.header.key = gre.header.key.map(|key| key.wrapping_add(u32::from(choices.any() & 1)));
                    gre.header.sequence = gre.header.sequence.map(|number| number ^ u32::from(choices.two()));
                }
                BackbonePacket::Radius(datagram) => datagram.packet.identifier ^= choices.any() & 1,
            }
            packet
        }
        _ => BackbonePacket::Control(control_message(network, choices, &seen, &back)?),
    };
    let mut octets = encapsulate(&source, &destination, 1, &packet).ok()?;
    mend(false, &mut octets, network.radio.crc);
    Some(octets)
}

/// The addresses of two nodes between which nothing was sent yet, from frames on other links.
fn ends(network: &Network, from: NodeIndex, to: NodeIndex) -> Option<(BackboneEndpoint, BackboneEndpoint)> {
    let place = |node: NodeIndex| {
        let ip = *network.topology.addresses.get(node.0)?;
        let bsid = network.topology.station_position(node).and_then(|place| network.topology.bsids().get(place));
        let [a, b, c, d] = ip.octets();
        let mac = bsid.map_or([0x0a, 0x01, a, b, c, d], |bsid| bsid.0);
        Some(BackboneEndpoint { mac, ip })
    };
    Some((place(from)?, place(to)?))
}

fn control_message(
    network: &Network,
    choices: &mut Choices<'_>,
    seen: &[Decapsulated],
    back: &[Decapsulated],
) -> Option<ControlMessage> {
    let messages = |frames: &[Decapsulated]| {
        let messages = frames.iter().filter_map(|frame| match &frame.packet {
            BackbonePacket::Control(message) => Some(message.clone()),
            _ => None,
        });
        messages.collect::<Vec<_>>()
    };
    let (seen, back) = (messages(seen), messages(back));
    let kind = *choices.of(MessageKind::NAMED)?;
    let ms = choices.of(network.topology.macs()).copied()?;
    // The answer to a request of the receiver has its transaction.
    let how = choices.any();
    let transaction = match how & 3 {
        0 => choices.two(),
        1 => seen.last().map_or(1, |message| message.transaction.wrapping_add(1)),
        _ => choices.of(&back).map_or(1, |message| message.transaction),
    };
    let tlvs = match (how >> 2) & 3 {
        0 => Vec::new(),
        1 => choices.of(&back).map(|message| message.tlvs.clone()).unwrap_or_default(),
        _ => choices.of(&seen).map(|message| message.tlvs.clone()).unwrap_or_default(),
    };
    let mut message = ControlMessage::new(kind, ms, transaction, tlvs);
    change(&mut message, network, choices);
    Some(message)
}

/// Gives some of the values in a message others.
fn change(message: &mut ControlMessage, network: &Network, choices: &mut Choices<'_>) {
    let how = choices.any();
    if how & 1 != 0 {
        message.transaction = message.transaction.wrapping_add(1);
    }
    if how & 2 != 0 {
        let counts: Vec<u16> = network.watch.counts.iter().copied().collect();
        let near = choices.of(&counts).copied().unwrap_or_default();
        let count = CmacKeyCount(near.wrapping_add(u16::from(choices.any() & 3)).wrapping_sub(1));
        if !set_count(&mut message.tlvs, count) {
            let sn = AsnTlv::AkSn(choices.any() & 12);
            let context = AsnTlv::AkContext(vec![AsnTlv::CmacKeyCount(count), sn]);
            message.tlvs.push(AsnTlv::MsInfo(vec![context]));
        }
    }
    if how & 4 != 0 {
        let compounds = Compound::ALL;
        if let Some(compound) = choices.of(compounds) {
            let inside = std::mem::take(&mut message.tlvs);
            let keep = inside.clone();
            message.tlvs = vec![compound.holding(inside)];
            message.tlvs.extend(keep);
        }
    }
    if how & 8 != 0 && !message.tlvs.is_empty() {
        let place = choices.below(message.tlvs.len());
        message.tlvs.remove(place);
    }
    if how & 16 != 0 {
        // Any octet of any value, lengths left as they are.
        let (place, change) = (usize::from(choices.two()), choices.any());
        let changed = message.octets().ok().and_then(|mut octets| {
            let values = octets.len().checked_sub(20).filter(|values| *values > 0)?;
            *octets.get_mut(20 + place % values)? ^= change;
            ControlMessage::parse(&octets).ok()
        });
        if let Some(changed) = changed {
            *message = changed;
        }
    }
}

fn set_count(tlvs: &mut [AsnTlv], count: CmacKeyCount) -> bool {
    let mut set = false;
    for tlv in tlvs {
        match tlv {
            AsnTlv::CmacKeyCount(value) => {
                *value = count;
                set = true;
            }
            AsnTlv::MsInfo(inside) | AsnTlv::AkContext(inside) => set |= set_count(inside, count),
            _ => {}
        }
    }
    set
}

fn cdma_code(choices: &mut Choices<'_>) -> Vec<u8> {
    let [high, low] = choices.two().to_be_bytes();
    vec![high, low, choices.any()]
}
