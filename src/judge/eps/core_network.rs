//! The frames of S1, X2 and S10: the NAS messages in them, the keys that they bring, and who hands a UE over to whom.

use std::net::Ipv4Addr;

use super::super::findings::{FindingKind, NoteKind};
use super::FrameView;
use super::handover::{MAX_HANDOVERS, Place, Requested};
use super::keys::Subscriber;
use super::reading::{Reading, Seen, alternative};
use crate::capture::capture_reader::RecordedFrame;
use crate::eps::identifiers::Imsi;
use crate::eps::keys::{Kasme, Kenb, Nh, UpKey};
use crate::eps::parameters::LinkDirection;
use crate::eps::wire::diameter::{DiameterBody, Vector};
use crate::eps::wire::gtpu::GTPU_PORT;
use crate::eps::wire::gtpv1::is_version_1;
use crate::eps::wire::gtpv2::{ContextResponse, GTPV2_PORT};
use crate::eps::wire::rrc::{self, DlDcchMessage};
use crate::eps::wire::s1ap::{SecurityContext, TargetToSourceContainer};
use crate::eps::wire::sctp::{DIAMETER_PROTOCOL, RUA_PROTOCOL, S1AP_PROTOCOL, X2AP_PROTOCOL};
use crate::eps::wire::session_identity::EMSE_PORT;
use crate::eps::wire::user_packet::UserDatagram;
use crate::eps::wire::{
    CoreFrame, CorePayload, DiameterMessage, GtpuPacket, Gtpv1Message, Gtpv2Body, Gtpv2Message, IuMessage, S1apMessage,
    X2apMessage, x2ap,
};

/// Sender and receiver of a frame.
type Ends = (Ipv4Addr, Ipv4Addr);

/// The cell and the C-RNTI in the HandoverCommand of a target.
fn place(container: &[u8]) -> Option<Place> {
    let rrc::HandoverCommand { message } = rrc::HandoverCommand::parse(container).ok()?;
    let DlDcchMessage::Reconfiguration(command) = DlDcchMessage::parse(&message).ok()? else { return None };
    command.mobility.map(|mobility| (mobility.target, mobility.c_rnti))
}

impl Reading<'_> {
    pub(super) fn core(&mut self, frame: &RecordedFrame, interface: &str) -> FrameView {
        let core = match CoreFrame::parse(&frame.octets) {
            Ok(core) => core,
            Err(error) => {
                self.search(frame, &[]);
                return self.malformed(frame.number, "other", error);
            }
        };
        let seen = self.seen(frame, interface, Some(core.to.ip));
        match &core.payload {
            CorePayload::Esp(packet) => self.protected(frame, &core, packet, &seen),
            _ => self.carried(frame, &core, &seen),
        }
    }

    /// What a frame of the core network carries.
    pub(super) fn carried(&mut self, frame: &RecordedFrame, core: &CoreFrame, seen: &Seen) -> FrameView {
        let ends = (core.from.ip, core.to.ip);
        match &core.payload {
            CorePayload::Sctp(packet) if packet.data.protocol == S1AP_PROTOCOL => {
                match S1apMessage::parse(&packet.data.user_data) {
                    Ok(message) => {
                        let nas = self.s1ap(frame, ends, &message, seen).map(|nas| format!(" with NAS {nas}"));
                        view("s1ap", format!("S1AP {}{}", message.name(), nas.unwrap_or_default()))
                    }
                    Err(error) => self.unreadable(frame, "s1ap", error),
                }
            }
            CorePayload::Sctp(packet) if packet.data.protocol == X2AP_PROTOCOL => {
                match X2apMessage::parse(&packet.data.user_data) {
                    Ok(message) => {
                        self.x2ap(frame, ends, &message, seen);
                        view("x2ap", format!("X2AP {}", message.name()))
                    }
                    Err(error) => self.unreadable(frame, "x2ap", error),
                }
            }
            CorePayload::Sctp(packet) if packet.data.protocol == DIAMETER_PROTOCOL => {
                match DiameterMessage::parse(&packet.data.user_data) {
                    Ok(message) => {
                        let vector = match &message.body {
                            DiameterBody::AuthenticationInformationAnswer(answer) => answer.vector.as_ref(),
                            _ => None,
                        };
                        let key = vector.map(|vector| match vector {
                            Vector::Eutran(vector) => &vector.kasme.octets()[..],
                            Vector::Utran(vector) => &vector.keys.octets()[..],
                            Vector::Geran(vector) => &vector.kc.octets()[..],
                        });
                        // CK and IK stand in AVPs of their own.
                        let mut brought: Vec<&[u8]> = key.into_iter().collect();
                        if let Some(Vector::Utran(vector)) = vector {
                            let (ck, ik) = vector.keys.octets().split_at(16);
                            brought.extend([ck, ik]);
                            self.inter_system.seen(&vector.keys);
                        }
                        let keys = self.enterprise(frame, ends, &message);
                        brought.extend(keys.iter().map(Vec::as_slice));
                        self.search(frame, &brought);
                        view("diameter", format!("Diameter {}", message.body.name()))
                    }
                    Err(error) => self.unreadable(frame, "diameter", error),
                }
            }
            CorePayload::Sctp(packet) if packet.data.protocol == RUA_PROTOCOL => {
                match IuMessage::parse(&packet.data.user_data) {
                    Ok(IuMessage { message, .. }) => {
                        self.ranap(frame, &message);
                        view("ranap", format!("RANAP {}", message.name()))
                    }
                    Err(error) => self.unreadable(frame, "ranap", error),
                }
            }
            CorePayload::Udp(datagram) if datagram.destination == GTPV2_PORT && is_version_1(&datagram.payload) => {
                match Gtpv1Message::parse(&datagram.payload) {
                    Ok(message) => {
                        self.gtpv1(frame, core.from.ip, &message, seen);
                        view("gtpv1", format!("GTPv1-C {}", message.body.name()))
                    }
                    Err(error) => self.unreadable(frame, "gtpv1", error),
                }
            }
            CorePayload::Udp(datagram) if [datagram.source, datagram.destination].contains(&GTPV2_PORT) => {
                match Gtpv2Message::parse(&datagram.payload) {
                    Ok(message) => {
                        self.gtpv2(frame, &message.body);
                        view("gtpv2", format!("GTPv2-C {}", alternative(&message.body)))
                    }
                    Err(error) => self.unreadable(frame, "gtpv2", error),
                }
            }
            CorePayload::Udp(datagram) if [datagram.source, datagram.destination].contains(&GTPU_PORT) => {
                self.search(frame, &[]);
                match GtpuPacket::parse(&datagram.payload) {
                    Ok(GtpuPacket::User { teid, packet, .. }) => {
                        let what = self.tunnelled(ends, &packet, seen);
                        view("gtpu", format!("GTP-U tunnel {teid}, {} octets{what}", packet.len()))
                    }
                    Ok(GtpuPacket::EndMarker { teid, .. }) => view("gtpu", format!("GTP-U tunnel {teid}, end marker")),
                    Err(error) => self.malformed(frame.number, "gtpu", error),
                }
            }
            CorePayload::Udp(datagram) if [datagram.source, datagram.destination].contains(&EMSE_PORT) => {
                self.search(frame, &[]);
                match UserDatagram::of_frame(core.clone()) {
                    Ok(datagram) => self.session(frame, &datagram, seen),
                    Err(error) => self.malformed(frame.number, "dtls", error),
                }
            }
            CorePayload::Sctp(_) | CorePayload::Udp(_) | CorePayload::Esp(_) => {
                self.search(frame, &[]);
                view("other", "another protocol".to_owned())
            }
        }
    }

    fn unreadable(&mut self, frame: &RecordedFrame, kind: &'static str, error: impl ToString) -> FrameView {
        self.search(frame, &[]);
        self.malformed(frame.number, kind, error)
    }

    /// What is to be remembered of a message; the name of the NAS message in it, as far as that can be read.
    fn s1ap(&mut self, frame: &RecordedFrame, (from, to): Ends, message: &S1apMessage, seen: &Seen) -> Option<String> {
        use LinkDirection::{Downlink, Uplink};
        let mut name = None;
        let brought: Option<&[u8]> = match message {
            S1apMessage::HandoverRequest(request) => Some(request.security.next_hop.octets()),
            S1apMessage::PathSwitchRequestAcknowledge(answer) => Some(answer.security.next_hop.octets()),
            S1apMessage::InitialContextSetupRequest(request) => Some(request.kenb.octets()),
            S1apMessage::UeContextModificationRequest(request) => Some(request.kenb.octets()),
            S1apMessage::HandoverFromUtranRequest(request) => Some(request.kenb.octets()),
            _ => None,
        };
        self.search(frame, brought.as_slice());
        match message {
            S1apMessage::InitialUeMessage(message) => {
                let name_there = (from, message.enb_ue_id.get());
                self.request_to_mme(name_there, &message.nas_pdu);
                name = self.nas(&message.nas_pdu, Uplink, None, None, seen, true);
            }
            S1apMessage::UplinkNasTransport(message) => {
                name = self.nas(&message.nas_pdu, Uplink, None, Some((to, message.ue.mme.0)), seen, true);
                if let Some((message_of_ue, _)) = &name {
                    self.part_of_me((from, message.ue.enb.get()), message_of_ue);
                }
            }
            S1apMessage::DownlinkNasTransport(message) => {
                self.command_of_mme((to, message.ue.enb.get()), &message.nas_pdu, seen);
                name = self.nas(&message.nas_pdu, Downlink, None, Some((from, message.ue.mme.0)), seen, false);
            }
            S1apMessage::UeContextModificationRequest(message) => self.first_kenb(seen.number, &message.kenb),
            S1apMessage::HandoverFromUtranRequest(message) => {
                self.requested_from_utran(seen, &message.kenb, &message.nas_security);
                if let Some((_, nas)) = message.nas_security.split_first_chunk::<6>().filter(|(_, nas)| !nas.is_empty())
                {
                    name = self.nas(nas, Downlink, None, Some((from, message.mme_ue_id.0)), seen, false);
                }
            }
            S1apMessage::HandoverToUtranCommand(message) => self.told_bits(seen, from, message.nas_security),
            S1apMessage::InitialContextSetupRequest(message) => {
                self.first_kenb(seen.number, &message.kenb);
                for nas in message.bearers.iter().filter_map(|bearer| bearer.nas_pdu.as_ref()) {
                    name = self.nas(nas, Downlink, None, Some((from, message.ue.mme.0)), seen, false);
                }
            }
            S1apMessage::HandoverCommand(message) => {
                if let Some(nas) = &message.nas_security_parameters {
                    name = self.nas(nas, Downlink, None, Some((from, message.ue.mme.0)), seen, false);
                }
            }
            S1apMessage::HandoverRequest(request) => {
                let SecurityContext { next_hop, .. } = &request.security;
                self.handovers.sent(seen.number, *next_hop.octets(), "key in this HandoverRequest");
                let requested = Requested { frame: seen.number, key: *next_hop.octets() };
                if self.requests.s1.len() < MAX_HANDOVERS {
                    self.requests.s1.insert((from, to, request.mme_ue_id.0), requested);
                }
            }
            S1apMessage::HandoverRequestAcknowledge(answer) => {
                let requested = self.requests.s1.remove(&(to, from, answer.ue.mme.0));
                let place = TargetToSourceContainer::parse(&answer.container).ok().and_then(|found| place(&found.rrc));
                if let (Some(requested), Some(place)) = (requested, place) {
                    self.handovers.prepared(&self.keys, seen.number, place, &requested.key, false);
                }
            }
            S1apMessage::PathSwitchRequestAcknowledge(answer) if self.keys.is_standard() => {
                let next_hop = answer.security.next_hop.octets();
                self.handovers.sent(seen.number, *next_hop, "NH in this PathSwitchRequestAcknowledge");
            }
            _ => {}
        }
        name.map(|(message, _)| alternative(&message))
    }

    fn x2ap(&mut self, frame: &RecordedFrame, (from, to): Ends, message: &X2apMessage, seen: &Seen) {
        let brought: Option<&[u8]> = match message {
            X2apMessage::HandoverRequest(request) => Some(request.kenb_star.octets()),
            _ => None,
        };
        self.search(frame, brought.as_slice());
        match message {
            X2apMessage::HandoverRequest(request) => {
                let key = *request.kenb_star.octets();
                self.handovers.sent(seen.number, key, "KeNB* in this HandoverRequest");
                if self.requests.x2.len() < MAX_HANDOVERS {
                    let requested = Requested { frame: seen.number, key };
                    self.requests.x2.insert((from, to, request.old_id.get()), requested);
                }
            }
            X2apMessage::HandoverRequestAcknowledge(answer) => self.granted((from, to), answer, seen),
            X2apMessage::HandoverPreparationFailure(answer) => {
                self.requests.x2.remove(&(to, from, answer.old_id.get()));
            }
            _ => {}
        }
    }

    /// A target has granted a handover over X2.
    fn granted(&mut self, (target, source): Ends, answer: &x2ap::HandoverRequestAcknowledge, seen: &Seen) {
        let Some(requested) = self.requests.x2.remove(&(source, target, answer.old_id.get())) else { return };
        if let Some(place) = place(&answer.container) {
            self.handovers.prepared(&self.keys, seen.number, place, &requested.key, true);
        }
        let group = |enb| self.keys.cells_of(enb).next().map(|cell| cell.group);
        if let (Some(of_source), Some(of_target)) = (group(source), group(target))
            && of_source != of_target
        {
            let detail = format!(
                "{} of group {of_source} hands a UE over to {} of group {of_target} over X2",
                self.keys.name(source),
                self.keys.name(target)
            );
            self.findings.find(FindingKind::X2AcrossGroups, &[requested.frame, seen.number], detail);
        }
    }

    /// A message has brought an eNB a KeNB that is to be made of a KASME.
    pub(super) fn first_kenb(&mut self, frame: u64, kenb: &Kenb) {
        let known = &self.keys.subscribers;
        if !known.is_empty() && !known.iter().any(|known| known.first_kenbs().any(|first| first == *kenb)) {
            let detail = "the KeNB in this message does not follow from a KASME";
            self.findings.find(FindingKind::KeyDerivation, &[frame], detail);
        }
    }

    /// A message has brought a node the key between a UE and its UPE: it is to follow from KASME.
    fn up_key_sent(&mut self, frame: u64, ue: Option<Imsi>, up: &UpKey) {
        let of_ue = |known: &&Subscriber| ue.is_none_or(|ue| known.ue == ue);
        let mut known = self.keys.subscribers.iter().filter(of_ue).peekable();
        let follows = |known: &Subscriber| UpKey::derive(&known.kasme, up.update, up.algorithm) == *up;
        if known.peek().is_some() && !known.any(follows) {
            let detail = format!("the key {} with a UPE in this message does not follow from KASME", up.update);
            self.findings.find(FindingKind::KeyDerivation, &[frame], detail);
        }
    }

    fn gtpv2(&mut self, frame: &RecordedFrame, body: &Gtpv2Body) {
        let (ue, up) = match body {
            Gtpv2Body::ForwardRelocationRequest(request) => (Some(request.imsi), request.up.as_ref().map(|up| &up.key)),
            Gtpv2Body::ContextResponse(ContextResponse { imsi, context: Some(given), .. }) => {
                (*imsi, given.up.as_ref().map(|up| &up.key))
            }
            Gtpv2Body::CreateSessionRequest(request) => (Some(request.imsi), request.up.as_ref()),
            Gtpv2Body::CreateForwardingRequest(request) => (None, request.up.as_ref()),
            Gtpv2Body::ModifyBearerRequest(request) => (None, request.up.as_ref()),
            Gtpv2Body::ForwardAccessContextNotification(notification) => (None, Some(&notification.up.key)),
            _ => (None, None),
        };
        let up_octets = up.map(|up| &up.key.octets()[..]);
        if let Some(up) = up {
            self.up_key_sent(frame.number, ue, up);
        }
        let (imsi, mm_context, name) = match body {
            Gtpv2Body::ForwardRelocationRequest(request) => {
                (Some(request.imsi), &request.mm_context, "Forward Relocation Request")
            }
            Gtpv2Body::ContextResponse(ContextResponse { imsi, context: Some(given), .. }) => {
                (*imsi, &given.mm_context, "Context Response")
            }
            _ => return self.search(frame, up_octets.as_slice()),
        };
        let kasmes = mm_context.quadruplets.iter().map(|quadruplet| &quadruplet.kasme).chain([&mm_context.kasme]);
        let kasmes = kasmes.map(|kasme: &Kasme| &kasme.octets()[..]);
        let next_hop = mm_context.next_hop.iter().map(|(nh, _): &(Nh, _)| &nh.octets()[..]);
        let brought: Vec<&[u8]> = kasmes.chain(next_hop).chain(up_octets).collect();
        self.search(frame, &brought);
        let of_ue = |known: &&Subscriber| imsi.is_none_or(|imsi| known.ue == imsi);
        let mut known = self.keys.subscribers.iter().filter(of_ue).peekable();
        let ue = imsi.map_or_else(|| "a UE".to_owned(), |imsi| format!("UE {imsi}"));
        if known.peek().is_none() {
            self.findings.note(NoteKind::NoKey, Some(frame.number), format!("no KASME of {ue}"));
        } else if !known.any(|known| known.kasme == mm_context.kasme) {
            let detail = format!("the KASME of {ue} in this {name} is not that of the log");
            self.findings.find(FindingKind::KeyDerivation, &[frame.number], detail);
        }
        if let Some((nh, _)) = mm_context.next_hop.as_ref().filter(|_| self.keys.is_standard()) {
            self.handovers.sent(frame.number, *nh.octets(), "NH in this Forward Relocation Request");
        }
    }
}

pub(super) fn view(kind: &'static str, summary: String) -> FrameView {
    FrameView { kind, summary, ..FrameView::default() }
}
