//! What keys somebody has who hears a link of the core network: those that its messages bring, if nothing protects it (seed 001,
//! acceptance list 2.2, point 7).

use super::holder::Holder;
use crate::eps::keys::KenbStar;
use crate::eps::wire::diameter::{DiameterBody, Vector};
use crate::eps::wire::gtpv1::is_version_1;
use crate::eps::wire::gtpv2::{GTPV2_PORT, MmContext};
use crate::eps::wire::sctp::{DIAMETER_PROTOCOL, RUA_PROTOCOL, S1AP_PROTOCOL, X2AP_PROTOCOL};
use crate::eps::wire::{
    CoreFrame, CorePayload, DiameterMessage, Gtpv1Body, Gtpv1Message, Gtpv2Body, Gtpv2Message, IuMessage, RanapMessage,
    S1apMessage, X2apMessage,
};

impl Holder {
    /// Takes the keys that stand in a frame of the core network. One of a protected link shows none.
    pub fn hear(&mut self, octets: &[u8]) {
        let Ok(frame) = CoreFrame::parse(octets) else { return };
        match frame.payload {
            CorePayload::Sctp(packet) if packet.data.protocol == S1AP_PROTOCOL => {
                if let Ok(message) = S1apMessage::parse(&packet.data.user_data) {
                    self.hear_s1ap(message);
                }
            }
            CorePayload::Sctp(packet) if packet.data.protocol == X2AP_PROTOCOL => {
                if let Ok(X2apMessage::HandoverRequest(request)) = X2apMessage::parse(&packet.data.user_data) {
                    self.stars.push(request.kenb_star);
                }
            }
            CorePayload::Sctp(packet) if packet.data.protocol == DIAMETER_PROTOCOL => {
                let message = DiameterMessage::parse(&packet.data.user_data).map(|message| message.body);
                if let Ok(DiameterBody::AuthenticationInformationAnswer(answer)) = message {
                    match answer.vector {
                        Some(Vector::Eutran(vector)) => self.kasmes.push(vector.kasme),
                        Some(Vector::Utran(vector)) => self.ck_iks.push(vector.keys),
                        Some(Vector::Geran(_)) | None => {}
                    }
                }
            }
            CorePayload::Sctp(packet) if packet.data.protocol == RUA_PROTOCOL => {
                let message = IuMessage::parse(&packet.data.user_data).map(|message| message.message);
                if let Ok(RanapMessage::RelocationRequest(request)) = message {
                    self.ck_iks.push(request.keys);
                }
            }
            CorePayload::Udp(datagram) if datagram.destination == GTPV2_PORT && is_version_1(&datagram.payload) => {
                match Gtpv1Message::parse(&datagram.payload).map(|message| message.body) {
                    Ok(Gtpv1Body::ForwardRelocationRequest(request)) => {
                        self.ck_iks.extend(request.context.map(|context| context.keys));
                    }
                    Ok(Gtpv1Body::SgsnContextResponse(response)) => {
                        self.ck_iks.extend(response.known.and_then(|known| known.context).map(|context| context.keys));
                    }
                    _ => {}
                }
            }
            CorePayload::Udp(datagram) if datagram.destination == GTPV2_PORT => {
                if let Ok(message) = Gtpv2Message::parse(&datagram.payload) {
                    self.hear_gtpv2(message.body);
                }
            }
            CorePayload::Sctp(_) | CorePayload::Udp(_) | CorePayload::Esp(_) => {}
        }
    }

    fn hear_s1ap(&mut self, message: S1apMessage) {
        let security = match message {
            S1apMessage::HandoverRequest(request) => request.security,
            S1apMessage::PathSwitchRequestAcknowledge(answer) => answer.security,
            S1apMessage::InitialContextSetupRequest(request) => return self.kenbs.push(request.kenb),
            S1apMessage::HandoverFromUtranRequest(request) => return self.kenbs.push(request.kenb),
            S1apMessage::UeContextModificationRequest(request) => return self.kenbs.push(request.kenb),
            _ => return,
        };
        // In networks of the contribution KeNB* stands there.
        self.stars.push(KenbStar::from_octets(*security.next_hop.octets()));
        self.next_hops.push((security.next_hop, security.ncc));
    }

    fn hear_context(&mut self, context: MmContext) {
        self.kasmes.push(context.kasme);
        self.kasmes.extend(context.quadruplets.into_iter().map(|quadruplet| quadruplet.kasme));
        self.next_hops.extend(context.next_hop);
    }

    fn hear_gtpv2(&mut self, body: Gtpv2Body) {
        match body {
            Gtpv2Body::ForwardRelocationRequest(request) => {
                self.hear_context(request.mm_context);
                self.up_keys.extend(request.up.map(|up| up.key));
            }
            Gtpv2Body::ContextResponse(response) => {
                if let Some(given) = response.context {
                    self.hear_context(given.mm_context);
                    self.up_keys.extend(given.up.map(|up| up.key));
                }
            }
            Gtpv2Body::CreateSessionRequest(request) => self.up_keys.extend(request.up),
            Gtpv2Body::CreateForwardingRequest(request) => self.up_keys.extend(request.up),
            Gtpv2Body::ModifyBearerRequest(request) => self.up_keys.extend(request.up),
            Gtpv2Body::ForwardAccessContextNotification(notification) => self.up_keys.push(notification.up.key),
            _ => {}
        }
    }
}
